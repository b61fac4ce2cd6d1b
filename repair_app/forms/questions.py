"""The questions that transitions ask."""

from collections.abc import Collection, Mapping
from functools import partial
from typing import Any, ClassVar

from flask import current_app
from flask_babel import gettext
from flask_babel import lazy_gettext as _l
from sqlalchemy import ColumnElement, or_, select
from wtforms import (
    BooleanField,
    DateField,
    MultipleFileField,
    StringField,
    SubmitField,
    TextAreaField,
)
from wtforms.fields.core import Field
from wtforms.validators import InputRequired, Length, Optional, ValidationError

from repair_app.db import today
from repair_app.engine.assessment import assess
from repair_app.engine.commitment_texts import CommitmentText
from repair_app.engine.fields import (
    CORRECTABLE,
    FieldFlaw,
    is_amount,
    is_far_off,
    read_field,
    tidy,
)
from repair_app.engine.rules import Ground, RulePack
from repair_app.engine.step import record_of
from repair_app.forms.base import (
    TEXT_LENGTH,
    EvidenceMixin,
    SelectField,
    TransitionForm,
    clean_text,
    line,
    long_text,
    person_name,
)
from repair_app.models import Appointment, CreditRecord, Organisation, Role, User
from repair_app.models.parties import OrganisationKind


class ConfirmForm(TransitionForm):
    """Nothing is asked but the click."""


class NoteForm(TransitionForm):
    """A note for the file, if there is one; the subject does not read it."""

    texts = ("note",)
    note = long_text(_l("Internal note (optional)"), required=False)


class WithdrawalForm(TransitionForm):
    """Why the subject withdraws, if it wants to say."""

    texts = ("reason",)
    reason = long_text(_l("Reasons (optional)"), required=False)


class ReasonForm(TransitionForm):
    """Reasons, which the other side will read."""

    texts = ("reason",)
    reason = long_text(_l("Reasons"), description=_l("The other side reads these reasons."))


class StatementForm(EvidenceMixin, TransitionForm):
    """What the subject has to say, with evidence."""

    texts = ("statement",)
    statement = long_text(_l("Statement"))


class SupplementListForm(TransitionForm):
    """Everything that is missing, asked for once."""

    texts = ("missing",)
    missing = long_text(
        _l("Everything that is missing, one item a line"),
        description=_l("This can be asked for once only: list it completely."),
    )


# What a coded reason for a refusal is called, by kind of matter.
REFUSALS: Mapping[str, Any] = {
    "objection": _l("Ground for not accepting"),
    "repair": _l("Ground of refusal"),
    "shield": _l("Ground for not shielding"),
}


class RefusalForm(TransitionForm):
    """A coded reason, the reasoning, and what can be done next."""

    facts = ("code",)
    texts = ("reason", "remedy")
    code = SelectField(_l("Ground of refusal"))
    reason = long_text(_l("Reasons"))
    remedy = long_text(_l("What the applicant can do next"))

    def fill(self) -> None:
        """Offer the refusal codes of the case's rule pack."""
        pack = self.policy.pack_of(self.entity)
        self.code.label.text = REFUSALS.get(self.case.workflow, self.code.label.text)
        self.code.choices = [
            (code, entry.label.text(self.language))
            for code, entry in pack.refusals.items()
            if self.case.workflow in entry.of
        ]


class ProviderForm(TransitionForm):
    """Which agency is to verify."""

    facts = ("provider_id",)
    texts = ("reason",)
    provider_id = SelectField(_l("Provider"), coerce=int)
    reason = long_text(_l("Reasons"))

    def fill(self) -> None:
        """Offer the other agencies that can answer: somebody provides for them today."""
        self.provider_id.choices = organisations(
            self,
            OrganisationKind.AGENCY,
            staffed(Role.PROVIDER),
            Organisation.id != self.case.provider_id,
        )


class FindingsForm(EvidenceMixin, TransitionForm):
    """What the verification found."""

    texts = ("findings",)
    findings = long_text(_l("Findings"), description=_l("What was checked, and what was found."))


class FieldValuesForm(TransitionForm):
    """One value for each correctable field; empty means: as it is."""

    asked = False

    def fill(self) -> None:
        """Name the fields as the record's columns are named, and tell what it says now."""
        super().fill()
        for name, field in self.value_fields().items():
            field.label.text = CORRECTABLE[name].label.text(self.language)
            field.description = gettext(
                "In the record: %(value)s", value=self.current_value(name) or "—"
            )

    def questions(self) -> list[Field]:
        """Return the fields as the page shows them: the values behind what is said in words."""
        last = (MultipleFileField,)
        return sorted(
            super().questions(),
            key=lambda one: (isinstance(one, last), one.name.startswith("value_")),
        )

    def value_fields(self) -> dict[str, Field]:
        """Return the fields for values, by name of the record's field."""
        return {name: self[f"value_{name}"] for name in CORRECTABLE}

    def changed_values(self) -> dict[str, str]:
        """Return the values that differ from the record."""
        record = record_of(self.entity)
        typed = {name: field.data for name, field in self.value_fields().items() if field.data}
        tidied = {name: tidy(name, text) for name, text in typed.items()}
        return {name: text for name, text in tidied.items() if text != read_field(record, name)}

    def read_values(self) -> Mapping[str, str]:
        """Return the values that differ from the record."""
        return self.changed_values()

    def proposed_value(self, name: str) -> str:
        """Return what the subject proposes for a field; empty for nothing."""
        proposals = self.case.proposals if self.entity.ref else []
        found = (one.proposed_value for one in proposals if one.field == name)
        return next(found, None) or ""

    def current_value(self, name: str) -> str:
        """Return what the record says now."""
        return read_field(record_of(self.entity), name)


def check_value(form: FieldValuesForm, field: Field) -> None:
    """Check that a text is a value of its field, and changes it. Raises ValidationError.

    A value that the record has already is no correction: nobody is to propose or sign one.
    """
    name = field.name.removeprefix("value_")
    try:
        typed = tidy(name, field.data)
    except FieldFlaw as flaw:
        raise ValidationError(flaw.label.text(form.language)) from flaw
    if typed == form.current_value(name):
        raise ValidationError(
            _l(
                "The record says so already: %(field)s is “%(value)s”. Enter another value, "
                "or leave it empty.",
                field=CORRECTABLE[name].label.text(form.language),
                value=typed,
            )
        )


LONG_FIELDS = {"violation_facts", "legal_basis", "penalty_content"}
for _name in CORRECTABLE:
    setattr(
        FieldValuesForm,
        f"value_{_name}",
        (TextAreaField if _name in LONG_FIELDS else StringField)(
            filters=[clean_text],
            validators=[Optional(), Length(max=TEXT_LENGTH), check_value],
        ),
    )


class AmendObjectionForm(EvidenceMixin, FieldValuesForm):
    """What is wrong with the record, and what it should say."""

    texts: ClassVar[tuple[str, ...]] = ("statement",)
    ground = SelectField(_l("Ground"))
    statement = long_text(_l("What is wrong, and why"), description=_l("Say it in your own words."))

    def fill(self) -> None:
        """Offer the grounds; start from what the draft says: nothing is lost by amending it."""
        super().fill()
        self.ground.choices = [
            (code, entry.label.text(self.language)) for code, entry in self.pack.grounds.items()
        ]
        if not self.is_submitted() and self.entity.ref:
            self.ground.data = self.case.ground
            self.statement.data = self.said("statement")
            for name, value in self.proposed().items():
                self[f"value_{name}"].data = value

    def proposed(self) -> dict[str, str]:
        """Return what the draft proposes, by field of the record."""
        return {one.field: one.proposed_value or "" for one in self.case.proposals}

    def list_changes(self) -> list[str]:
        """Return what the form would change in the draft, as the page calls it."""
        before, after = self.proposed(), self.changed_values()
        changed = [
            self.ground.label.text if self.ground.data != self.case.ground else "",
            self.statement.label.text if self.statement.data != self.said("statement") else "",
            *(
                field.label.text if before.get(name, "") != after.get(name, "") else ""
                for name, field in self.value_fields().items()
            ),
        ]
        return [str(one) for one in changed if one]

    def is_doubtful(self) -> bool:
        """Say whether an amount is typed in another unit, as likely as not."""
        return any(
            is_amount(name) and is_far_off(self.current_value(name), text)
            for name, text in self.changed_values().items()
        )

    def read_facts(self) -> Mapping[str, Any]:
        """Return the ground."""
        return {"ground": self.ground.data}

    @property
    def pack(self) -> RulePack:
        """Return the rule pack of the objection."""
        return self.policy.pack_of(self.entity)

    def asks_correction(self) -> bool:
        """Say whether for the ground, to begin with the first, the record is to say otherwise."""
        ground = self.ground.data or self.case.ground or next(iter(self.pack.grounds))
        return ground in self.correcting()

    def grounds(self) -> Collection[Ground]:
        """Return the grounds with the proof that each asks for."""
        return self.pack.grounds.values()

    def correcting(self) -> list[str]:
        """Return the grounds, by code, for which the rule pack asks what the record should say."""
        return [code for code, ground in self.pack.grounds.items() if ground.corrects]


class ObjectionForm(AmendObjectionForm):
    """The ground of an objection and what it says."""

    submit_now = SubmitField(_l("Submit the objection"))

    @property
    def wants_submission(self) -> bool:
        """Say whether the objection is to be filed at once; a doubtful amount is shown first."""
        return bool(self.submit_now.data) and not self.is_doubtful()


class CorrectionForm(EvidenceMixin, FieldValuesForm):
    """What the provider found to be right, field by field."""

    texts = ("findings",)
    findings = long_text(_l("Findings"), description=_l("What was checked, and what was found."))

    def proposed_values(self) -> dict[str, str]:
        """Return what the enterprise proposes where it changes the record, by field for a value."""
        proposed = {name: self.proposed_value(name) for name in CORRECTABLE}
        return {
            f"value_{name}": text
            for name, text in proposed.items()
            if text and text != self.current_value(name)
        }

    def adopt(self) -> None:
        """Fill in what the enterprise proposes; what it says nothing of stays as it is typed."""
        for name, text in self.proposed_values().items():
            self[name].data = text

    def validate_findings(self, field: Field) -> None:
        """Ask for at least one corrected field. Raises ValidationError."""
        if not any(one.data for one in self.value_fields().values()):
            raise ValidationError(_l("Enter the right value of at least one field."))

    def validate_value_decision_no(self, field: Field) -> None:
        """Refuse the number of another decision on the same firm. Raises ValidationError."""
        if field.errors or not field.data:
            return
        record = record_of(self.entity)
        taken = select(CreditRecord.ref).where(
            CreditRecord.provider_id == record.provider_id,
            CreditRecord.subject_id == record.subject_id,
            CreditRecord.decision_no == tidy("decision_no", field.data),
            CreditRecord.id != record.id,
        )
        if ref := self.session.scalar(taken):
            raise ValidationError(_l("Record %(ref)s has this number already.", ref=ref))


class RepairForm(TransitionForm):
    """What was done to put the conduct right: the first step of an application."""

    texts: ClassVar[tuple[str, ...]] = ("statement",)
    statement = long_text(
        _l("How the violation was put right"),
        description=_l("Fine paid, harm removed, measures taken; proof is asked for next."),
    )


class AmendRepairForm(RepairForm):
    """What was done to put the conduct right, as the draft says it so far."""

    def fill(self) -> None:
        """Start from what the draft says: nothing is lost by amending it."""
        super().fill()
        if not self.is_submitted():
            self.statement.data = self.said("statement")

    def list_changes(self) -> list[str]:
        """Return what the form would change in the draft, as the page calls it."""
        return (
            [str(self.statement.label.text)]
            if self.statement.data != self.said("statement")
            else []
        )


class ProofForm(EvidenceMixin, TransitionForm):
    """Proof that the violation was put right."""

    texts = ("statement",)
    statement = long_text(_l("What the proof shows"))

    def is_proven(self) -> bool:
        """Say whether there is a file already."""
        return False

    def validate_evidence(self, field: Field) -> None:
        """Ask for at least one file. Raises ValidationError."""
        super().validate_evidence(field)
        if not self.uploads and not self.is_proven():
            raise ValidationError(_l("Attach at least one document."))


class MaterialForm(ProofForm):
    """Proof that the violation was put right, or another paper of the checklist: which it is."""

    material = SelectField(_l("What the paper is"))

    def fill(self) -> None:
        """Offer what the checklist of the record's class still lets one bring.

        Start from what was said with the proof before.
        """
        super().fill()
        if not self.is_submitted():
            self.statement.data = self.said("statement")
        pack = self.policy.pack_of(self.case)
        found = assess(pack, partial(getattr, self.case.record))
        groups = pack.checklist(found.severity, self.case.record.penalty_categories)
        self.material.choices = [
            (one.code, one.label.text(self.language))
            for group in groups
            for one in group
            if one.requirement in {None, "rectification"}
        ] or [("other", gettext("Other proof"))]

    def is_proven(self) -> bool:
        """Say whether there is a file already: then the words can be changed without another."""
        return bool(self.said("statement") and self.case.documents)

    def read_facts(self) -> Mapping[str, Any]:
        """Return what the paper is, where there is one."""
        return {"material": self.material.data} if self.uploads else {}


def commitment_texts() -> Mapping[str, CommitmentText]:
    """Return the prescribed texts that the application was started with, by kind."""
    found: Mapping[str, CommitmentText] = current_app.extensions["redress_commitments"]
    return found


class CommitmentForm(TransitionForm):
    """The prescribed commitment (…一（四）): its text cannot be changed, only signed."""

    facts = ("text",)
    texts = ("signatory",)
    signatory = person_name(
        _l("Name of the legal representative or authorised signatory"),
        description=_l(
            "The signature by name takes the place of the seal: no sealed copy has to be uploaded. "
            "One is signed for each penalty."
        ),
    )
    agree = BooleanField(
        _l("We make this commitment and agree that it is published."),
        validators=[InputRequired()],
    )

    def fill(self) -> None:
        """Start from who signed before, where it is signed anew."""
        super().fill()
        if not self.is_submitted():
            self.signatory.data = self.said("signatory")

    @property
    def text(self) -> str:
        """Return the prescribed text for this subject and decision."""
        case = self.case
        return commitment_texts()["repair"].fill_in(
            name=case.subject.name,
            uscc=case.subject.uscc or "",
            decision_no=case.record.decision_no,
        )

    def read_facts(self) -> Mapping[str, Any]:
        """Return the prescribed text as signed."""
        return {"text": self.text}


class InstitutionForm(TransitionForm):
    """Which credit service institution is asked."""

    facts = ("institution_id",)
    institution_id = SelectField(_l("Credit service institution"), coerce=int)

    def fill(self) -> None:
        """Offer the registered institutions; none certifies itself."""
        self.institution_id.choices = organisations(
            self, OrganisationKind.INSTITUTION, Organisation.id != self.case.subject_id
        )


class CertificateForm(EvidenceMixin, TransitionForm):
    """Number and dates of a certificate or report."""

    facts: ClassVar[tuple[str, ...]] = ("number", "issued_on", "valid_until")
    number = line(_l("Number"), length=50)
    issued_on = DateField(_l("Issued on"), validators=[InputRequired()])
    valid_until = DateField(_l("Valid until"), validators=[InputRequired()])

    def validate_issued_on(self, field: Field) -> None:
        """Refuse a date in the future. Raises ValidationError."""
        if field.data and field.data > today():
            raise ValidationError(_l("This day has not come yet."))

    def validate_valid_until(self, field: Field) -> None:
        """Refuse what has run out, or ends before it begins. Raises ValidationError."""
        issued_on = self.issued_on.data
        if field.data and (field.data < today() or (issued_on and field.data < issued_on)):
            raise ValidationError(_l("It must be valid today, and end after it was issued."))

    def read_facts(self) -> Mapping[str, Any]:
        """Return number and dates, dates as ISO text."""
        return {
            "number": self.number.data,
            "issued_on": as_text(self.issued_on),
            "valid_until": as_text(self.valid_until),
        }


def as_text(field: DateField) -> str:
    """Return a day as ISO text; the form has been validated, so there is one."""
    return field.data.isoformat() if field.data else ""


def staffed(role: Role) -> ColumnElement[bool]:
    """Return the SQL condition for organisations where somebody acts in a role today."""
    return Organisation.id.in_(
        select(Appointment.organisation_id)
        .join(Appointment.user)
        .where(Appointment.role == role, User.is_machine.is_(False))
        .where(or_(Appointment.ends_on.is_(None), Appointment.ends_on >= today()))
    )


def organisations(
    form: TransitionForm, kind: OrganisationKind, *which: ColumnElement[bool]
) -> list[tuple[int, str]]:
    """Return the organisations of a kind that fit as choices, by name."""
    query = select(Organisation.id, Organisation.name).where(Organisation.kind == kind, *which)
    return [(row.id, row.name) for row in form.session.execute(query.order_by(Organisation.name))]
