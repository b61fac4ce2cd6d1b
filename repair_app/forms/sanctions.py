"""The questions of the sanctions loop: what is imposed, on whom, what was carried out, undone."""

from collections.abc import Mapping
from typing import Any, Final

from flask_babel import format_date
from flask_babel import lazy_gettext as _l
from sqlalchemy import or_, select
from wtforms import DateField, StringField
from wtforms.fields.core import Field
from wtforms.validators import InputRequired, Length, Optional, ValidationError

from repair_app.db import today
from repair_app.engine.enforcement import ROLES_OF_PERSONS, fits_class, is_listed
from repair_app.engine.step import record_of
from repair_app.engine.wording import speak_to
from repair_app.forms.base import (
    LINE_LENGTH,
    RadioField,
    SelectField,
    TransitionForm,
    clean_text,
    long_text,
)
from repair_app.forms.questions import ProofForm, as_text
from repair_app.labels import numbered
from repair_app.models import Appointment, Organisation, Role, SanctionMeasure, User
from repair_app.models.parties import OrganisationKind

NOTIFIED: Final = {  # who acted -> who is told (…四（十四））
    "": (),
    "body": ("superior", "audit"),
    "staff": ("own_unit", "discipline", "personnel"),
}
EVALUATIONS: Final = {
    "effective": _l("It has served its end"),
    "partly": _l("It has served its end in part"),
    "ineffective": _l("It has not served its end"),
    "excessive": _l("It weighs more than the conduct deserves"),
}


class SanctionForm(TransitionForm):
    """Which measure of the catalogue, and until when."""

    reaches_persons = False  # a department lays none on a person by itself: it is asked to
    facts = ("measure_id", "ends_on")
    measure_id = SelectField(_l("Measure of the catalogue"), coerce=int)
    ends_on = DateField(_l("Last day of the term"), validators=[InputRequired()])

    def fill(self) -> None:
        """Offer the measures that are listed today and may rest on a record of this class."""
        measures = self.session.scalars(select(SanctionMeasure).order_by(SanctionMeasure.code))
        self.measure_id.choices = [
            (one.id, f"{one.code} {one.name_en if self.language == 'en' else one.name_zh}")
            for one in measures
            if self.is_offered(one)
        ]

    def is_offered(self, measure: SanctionMeasure) -> bool:
        """Say whether the record may have this measure, laid on by whom the form is for."""
        fits = is_listed(measure, today()) and fits_class(measure, record_of(self.entity))
        return fits and (self.reaches_persons or not measure.reaches_persons)

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


class InitiationForm(SanctionForm):
    """Which department carries out which measure; on whom, if it reaches a person; who is told."""

    reaches_persons = True
    department_id = SelectField(_l("Implementing department"), coerce=int)
    person_role = SelectField(
        _l("Person reached, by role"),
        description=_l("Only for measures that reach persons."),
    )
    person_name = StringField(
        _l("Name of the person"),
        description=_l("Never published; read by this agency and the implementing department."),
        filters=[clean_text],
        validators=[Optional(), Length(max=50)],
    )
    person_account = StringField(
        _l("E-mail of the person's account, if there is one"),
        description=_l("With an account the person can contest the measure here."),
        filters=[clean_text],
        validators=[Optional(), Length(max=LINE_LENGTH)],
    )
    public_body = SelectField(_l("Public body or state-owned enterprise"))
    found: User | None = None  # whose account was named

    def fill(self) -> None:
        """Offer listed measures, staffed departments, and roles."""
        super().fill()
        self.department_id.choices = list_departments(self)
        self.person_role.choices = [
            ("", _l("No person")),
            *((code, label.text(self.language)) for code, label in ROLES_OF_PERSONS.items()),
        ]
        self.public_body.choices = [
            ("", _l("Neither")),
            ("body", _l("Yes: tell its superior unit and the audit office")),
            ("staff", _l("Its staff acted: tell their unit, discipline and personnel offices")),
        ]

    def validate_person_role(self, field: Field) -> None:
        """Ask for role and name together. Raises ValidationError."""
        if bool(field.data) != bool(self.person_name.data):
            raise ValidationError(_l("Give the person's role and name, or neither."))

    def validate_person_account(self, field: Field) -> None:
        """Refuse an account that is unknown, or another person's. Raises ValidationError."""
        if not field.data:
            return
        query = select(User).where(User.email == field.data.lower(), User.active)
        self.found = self.session.scalar(query)
        if self.found is None or self.found.person.name != self.person_name.data:
            raise ValidationError(_l("There is no account of this person under this e-mail."))

    def read_facts(self) -> Mapping[str, Any]:
        """Return the measure, who carries it out, in which role it reaches a person, who is told.

        Never the person's name: facts stay for ever.
        """
        return {
            **super().read_facts(),
            "department_id": self.department_id.data,
            "person_role": self.person_role.data or None,
            "notified": list(NOTIFIED[self.public_body.data or ""]),
        }

    def read_texts(self) -> Mapping[str, str]:
        """Return the person's name, sealed beside the event and erasable."""
        return {"person": self.person_name.data} if self.person_name.data else {}

    @property
    def person_id(self) -> int | None:
        """Return the person whose account was named, if one was."""
        return self.found.person_id if self.found else None


def list_departments(form: TransitionForm) -> list[tuple[int, str]]:
    """Return the implementing departments that can respond: somebody acts for them today."""
    staffed = (
        select(Appointment.organisation_id)
        .join(Appointment.user)
        .where(Appointment.role == Role.DEPARTMENT, User.is_machine.is_(False))
        .where(or_(Appointment.ends_on.is_(None), Appointment.ends_on >= today()))
    )
    query = select(Organisation.id, Organisation.name).where(Organisation.id.in_(staffed))
    return [(row.id, row.name) for row in form.session.execute(query.order_by(Organisation.name))]


class ExecutionForm(TransitionForm):
    """Whether a measure was carried out, on which day, and what was done or why not."""

    texts = ("account",)
    happened_on = DateField(_l("Day"), validators=[InputRequired()])
    executed = RadioField(
        _l("Was the measure carried out?"),
        validators=[InputRequired()],
    )
    account = long_text(_l("What was done, or why it was not"))

    def fill(self) -> None:
        """Offer yes and no."""
        self.executed.choices = [
            ("yes", _l("Yes, carried out")),
            ("no", _l("No, not carried out")),
        ]

    def validate_happened_on(self, field: Field) -> None:
        """Refuse a day that has not come yet, or before the decision. Raises ValidationError."""
        if field.data and field.data > today():
            raise ValidationError(_l("This day has not come yet."))
        sanction: Any = self.entity
        if field.data and field.data < sanction.record.decided_on:
            raise ValidationError(_l("This day is before the decision that the measure rests on."))

    def read_facts(self) -> Mapping[str, Any]:
        """Return the day as ISO text, and whether the measure was carried out."""
        return {"happened_on": as_text(self.happened_on), "executed": self.executed.data == "yes"}


class EvaluationForm(TransitionForm):
    """What came of a measure (…四（十三）：评估反馈)."""

    facts = ("evaluation",)
    texts = ("findings",)
    evaluation = SelectField(_l("Evaluation"))
    findings = long_text(_l("Findings"))

    def fill(self) -> None:
        """Offer what can come of a measure."""
        self.evaluation.choices = list(EVALUATIONS.items())


NOTICE_ZH = """{name}：
因{decision_no}处罚决定所涉信用信息对你单位采取的惩戒措施，经核实不应采取。\
本单位已停止执行并消除由此产生的影响，现告知你单位，并向有关单位说明。"""


class RestorationForm(ProofForm):
    """The notice that restores the enterprise's standing, and proof that the harm was undone."""

    notice = long_text(
        _l("Restoration notice"), description=_l("The enterprise reads it and may show it.")
    )

    def fill(self) -> None:
        """Start from the usual wording."""
        if not self.is_submitted():
            record = self.case.record
            is_person = record.subject.kind == OrganisationKind.NATURAL_PERSON
            self.notice.data = speak_to(NOTICE_ZH, person=is_person).format(
                name=record.subject.name, decision_no=numbered(record.decision_no)
            )

    def read_texts(self) -> Mapping[str, str]:
        """Return what the proof shows, and the notice."""
        return {**super().read_texts(), "notice": self.notice.data or ""}
