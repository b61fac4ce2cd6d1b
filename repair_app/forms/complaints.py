"""What an interested party is asked, and what is asked about what it said."""

from collections.abc import Mapping
from typing import Any, Final

from flask_babel import lazy_gettext as _l
from flask_wtf import FlaskForm
from sqlalchemy import select
from wtforms import HiddenField, StringField
from wtforms.fields.core import Field
from wtforms.validators import Length, Optional, ValidationError

from repair_app.engine.flaws import KINDS
from repair_app.forms.base import (
    LINE_LENGTH,
    TOKEN,
    EvidenceMixin,
    RadioField,
    SelectField,
    TransitionForm,
    clean_text,
    long_text,
)
from repair_app.labels import Label
from repair_app.models import Case
from repair_app.uploads import Upload

# In which capacity somebody complains: a kind of tie, never a name.
CAPACITIES: Final[Mapping[str, Label]] = {
    "creditor": Label("债权人", "creditor"),
    "consumer": Label("消费者", "consumer"),
    "employee": Label("职工", "employee"),
    "neighbour": Label("周边居民", "neighbour"),
    "partner": Label("交易相对方", "business partner"),
    "other": Label("其他", "other"),
}
# Why a complaint is not taken up; the complainant reads the label.
DISMISSALS: Final[Mapping[str, Label]] = {
    "not_about_record": Label("反映内容与该条信息无关", "It is not about this record"),
    "nothing_to_verify": Label("未提供可供核实的线索", "It gives nothing that could be verified"),
    "answered_before": Label("同一情况已核实答复", "The same was verified and answered before"),
    "against_the_decision": Label(
        "系对处罚决定本身不服，应通过行政复议或行政诉讼解决",
        "It is against the decision itself: reconsideration or a court decides that",
    ),
    "record_is_right": Label(
        "经初步核对，该条信息与决定书一致", "The record agrees with its decision"
    ),
}


class ComplaintForm(EvidenceMixin, FlaskForm):
    """What is wrong with a record, in the words of somebody who is no party; no account needed."""

    form_token = HiddenField()
    ground = SelectField(_l("What is wrong"))
    capacity = RadioField(_l("In which capacity do you write?"))
    statement = long_text(
        _l("What you know about it"),
        description=_l("Do not write who you are: this text is read by those who verify."),
    )
    contact = StringField(
        _l("How we may reach you (optional)"),
        description=_l(
            "Kept apart and strictly confidential. Only the reviewer who handles this can read it, "
            "and has to say why."
        ),
        filters=[clean_text],
        validators=[Optional(), Length(max=LINE_LENGTH)],
    )
    uploads: tuple[Upload, ...] = ()

    def offer(self, grounds: Mapping[str, Label], language: str) -> None:
        """Set the choices, in the reader's language."""
        self.ground.choices = [(code, label.text(language)) for code, label in grounds.items()]
        self.capacity.choices = [(code, label.text(language)) for code, label in CAPACITIES.items()]

    @property
    def sent_token(self) -> str:
        """Return the token that was sent, if it can be one of ours; else none."""
        text = self.form_token.data or ""
        return text if TOKEN.fullmatch(text) else ""

    def validate_form_token(self, _field: Field) -> None:
        """Refuse a form that cannot be told from another. Raises ValidationError."""
        if not self.sent_token:
            raise ValidationError(_l("The form came incomplete. Please send it again."))


class DismissalForm(TransitionForm):
    """Why a complaint is not taken up; the complainant reads it."""

    facts = ("code",)
    texts = ("reason",)
    code = SelectField(_l("Why it is not taken up"))
    reason = long_text(_l("Reasons"), description=_l("The complainant reads these reasons."))

    def fill(self) -> None:
        """Offer the coded reasons."""
        self.code.choices = [
            (code, label.text(self.language)) for code, label in DISMISSALS.items()
        ]


class JoinComplaintForm(TransitionForm):
    """Which open matter of the record says the same."""

    facts = ("joined_id",)
    joined_id = SelectField(_l("Matter under way"), coerce=int)

    def fill(self) -> None:
        """Offer the open objections of the record."""
        open_ones = (
            select(Case.id, Case.ref)
            .where(Case.record_id == self.case.record_id, Case.workflow == "objection")
            .where(Case.closed_at.is_(None), Case.submitted_at.is_not(None))
            .order_by(Case.id)
        )
        rows = self.session.execute(open_ones)
        self.joined_id.choices = [(row.id, row.ref) for row in rows]


class FlawForm(TransitionForm):
    """Which flaw of a record its provider has to put right."""

    facts = ("ground",)
    texts = ("findings",)
    ground = SelectField(_l("What is wrong"))
    findings = long_text(_l("Findings"), description=_l("What was checked, and what was found."))

    def fill(self) -> None:
        """Offer the kinds of flaw that somebody has to put right."""
        self.ground.choices = [
            (code, kind.label.text(self.language)) for code, kind in KINDS.items() if kind.opens
        ]

    def read_facts(self) -> Mapping[str, Any]:
        """Return the kind of flaw."""
        return {"ground": self.ground.data}
