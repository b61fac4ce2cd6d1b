"""Forms: one class for each question asked; workflow files name them."""

from repair_app.forms.base import TransitionForm
from repair_app.forms.questions import (
    AmendObjectionForm,
    CertificateForm,
    CommitmentForm,
    ConfirmForm,
    CorrectionForm,
    FindingsForm,
    InstitutionForm,
    NoteForm,
    ObjectionForm,
    ProofForm,
    ProviderForm,
    ReasonForm,
    RefusalForm,
    RepairForm,
    SanctionForm,
    StatementForm,
    SupplementListForm,
    WithdrawalForm,
)

FORMS: dict[str, type[TransitionForm]] = {
    form.__name__: form
    for form in (
        AmendObjectionForm,
        CertificateForm,
        CommitmentForm,
        ConfirmForm,
        CorrectionForm,
        FindingsForm,
        InstitutionForm,
        NoteForm,
        ObjectionForm,
        ProofForm,
        ProviderForm,
        ReasonForm,
        RefusalForm,
        RepairForm,
        SanctionForm,
        StatementForm,
        SupplementListForm,
        WithdrawalForm,
    )
}

__all__ = ["FORMS", "TransitionForm"]
