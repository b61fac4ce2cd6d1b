"""The questions that transitions ask."""

from collections.abc import Collection, Mapping
from typing import Any

from flask_babel import format_date, gettext
from flask_babel import lazy_gettext as _l
from sqlalchemy import ColumnElement, or_, select
from wtforms import BooleanField, DateField, SelectField, StringField, SubmitField, TextAreaField
from wtforms.fields.core import Field
from wtforms.validators import InputRequired, Length, Optional, ValidationError

from repair_app.db import today
from repair_app.engine.fields import CORRECTABLE, FieldFlaw, read_field, tidy
from repair_app.engine.rules import Ground, RulePack
from repair_app.engine.step import record_of
from repair_app.forms.base import (
    TEXT_LENGTH,
    EvidenceMixin,
    TransitionForm,
    clean_text,
    line,
    long_text,
)
from repair_app.ledger import latest_text
from repair_app.models import Appointment, CreditRecord, Organisation, Role, SanctionMeasure
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
        """Offer the agencies that can answer: somebody provides for them today."""
        answers = (
            select(Appointment.organisation_id)
            .where(Appointment.role == Role.PROVIDER)
            .where(or_(Appointment.ends_on.is_(None), Appointment.ends_on >= today()))
        )
        self.provider_id.choices = organisations(
            self, OrganisationKind.AGENCY, Organisation.id.in_(answers)
        )


class FindingsForm(EvidenceMixin, TransitionForm):
    """What the verification found."""

    texts = ("findings",)
    findings = long_text(_l("Findings"), description=_l("What was checked, and what was found."))


class FieldValuesForm(TransitionForm):
    """One value for each correctable field; empty means: as it is."""

    def fill(self) -> None:
        """Name the fields as the record's columns are named, and tell what it says now."""
        for name, field in self.value_fields().items():
            field.label.text = CORRECTABLE[name].label.text(self.language)
            field.description = gettext(
                "In the record: %(value)s", value=self.current_value(name) or "—"
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
    """Check that a text is a value of its field. Raises ValidationError."""
    try:
        tidy(field.name.removeprefix("value_"), field.data)
    except FieldFlaw as flaw:
        raise ValidationError(flaw.label.text(form.language)) from flaw


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

    texts = ("statement",)
    statement = long_text(_l("What is wrong, and why"), description=_l("Say it in your own words."))

    def fill(self) -> None:
        """Start from what the draft says: nothing is lost by amending it."""
        super().fill()
        if not self.is_submitted() and self.entity.ref:
            self.statement.data = latest_text(self.session, self.case.ref, "statement")
            for proposal in self.case.proposals:
                self[f"value_{proposal.field}"].data = proposal.proposed_value


class ObjectionForm(AmendObjectionForm):
    """The ground of an objection and what it says."""

    ground = SelectField(_l("Ground"))
    submit_now = SubmitField(_l("Submit the objection"))

    @property
    def wants_submission(self) -> bool:
        """Say whether the objection is to be filed at once."""
        return bool(self.submit_now.data)

    def fill(self) -> None:
        """Offer the grounds of the rule pack in force."""
        super().fill()
        self.ground.choices = [
            (code, entry.label.text(self.language)) for code, entry in self.pack.grounds.items()
        ]

    def grounds(self) -> Collection[Ground]:
        """Return the grounds with the proof that each asks for."""
        return self.pack.grounds.values()

    @property
    def pack(self) -> RulePack:
        """Return the rule pack of the objection."""
        return self.policy.pack_of(self.entity)

    def read_facts(self) -> Mapping[str, Any]:
        """Return the ground."""
        return {"ground": self.ground.data}


class CorrectionForm(EvidenceMixin, FieldValuesForm):
    """What the provider found to be right, field by field."""

    texts = ("findings",)
    findings = long_text(_l("Findings"), description=_l("What was checked, and what was found."))

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
    """What was done to put the conduct right."""

    texts = ("statement",)
    statement = long_text(
        _l("How the violation was put right"),
        description=_l("Fine paid, harm removed, measures taken; proof is asked for next."),
    )


class ProofForm(EvidenceMixin, TransitionForm):
    """Proof that the violation was put right."""

    texts = ("statement",)
    statement = long_text(_l("What the proof shows"))

    def validate_evidence(self, field: Field) -> None:
        """Ask for at least one file. Raises ValidationError."""
        super().validate_evidence(field)
        if not self.uploads:
            raise ValidationError(_l("Attach at least one document."))


COMMITMENT_ZH = """本单位（{name}，统一社会信用代码{uscc}）就行政处罚决定书{decision_no}\
所涉失信行为申请信用修复，现郑重承诺：
一、严格遵守国家法律、法规、规章和政策规定，依法诚信经营，已完成整改并履行相关法定义务；
二、所提供的全部材料真实、准确、完整、合法、有效；
三、自愿接受政府、行业组织、社会公众、新闻舆论的监督；
四、若违背上述承诺，自愿接受联合惩戒，并同意将违诺信息记入信用记录，按最长公示期公示；
五、同意将本承诺书向社会公开。"""


class CommitmentForm(TransitionForm):
    """The prescribed commitment (…一（四）): its text cannot be changed, only signed."""

    facts = ("text",)
    texts = ("signatory",)
    signatory = line(_l("Name of the legal representative or authorised signatory"), length=50)
    agree = BooleanField(
        _l("We make this commitment and agree that it is published."),
        validators=[InputRequired()],
    )

    @property
    def text(self) -> str:
        """Return the prescribed text for this subject and decision."""
        case = self.case
        return COMMITMENT_ZH.format(
            name=case.subject.name,
            uscc=case.subject.uscc,
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

    facts = ("number", "issued_on", "valid_until")
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


class SanctionForm(TransitionForm):
    """Which measure of the catalogue, and until when."""

    facts = ("measure_id", "ends_on")
    measure_id = SelectField(_l("Measure of the catalogue"), coerce=int)
    ends_on = DateField(_l("Last day of the term"), validators=[InputRequired()])

    def fill(self) -> None:
        """Offer the catalogue of measures."""
        measures = self.session.scalars(select(SanctionMeasure).order_by(SanctionMeasure.code))
        self.measure_id.choices = [
            (one.id, one.name_en if self.language == "en" else one.name_zh) for one in measures
        ]

    def validate_ends_on(self, field: Field) -> None:
        """Refuse a term that is over, or outlasts the record. Raises ValidationError."""
        last = record_of(self.entity).max_publication_until
        if field.data and not today() <= field.data <= last:
            raise ValidationError(
                _l("Choose a day from today to %(day)s.", day=format_date(last, "long"))
            )

    def read_facts(self) -> Mapping[str, Any]:
        """Return measure and last day, the day as ISO text."""
        return {"measure_id": self.measure_id.data, "ends_on": as_text(self.ends_on)}


def as_text(field: DateField) -> str:
    """Return a day as ISO text; the form has been validated, so there is one."""
    return field.data.isoformat() if field.data else ""


def organisations(
    form: TransitionForm, kind: OrganisationKind, which: ColumnElement[bool]
) -> list[tuple[int, str]]:
    """Return the organisations of a kind that fit as choices, by name."""
    query = select(Organisation.id, Organisation.name).where(Organisation.kind == kind, which)
    return [(row.id, row.name) for row in form.session.execute(query.order_by(Organisation.name))]
