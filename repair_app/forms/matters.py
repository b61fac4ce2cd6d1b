"""The questions of objections, repairs and what surrounds them: doors, reviews, rulings."""

from collections.abc import Mapping
from typing import Any, ClassVar

from flask_babel import lazy_gettext as _l
from sqlalchemy import select
from wtforms import DateField
from wtforms.fields.core import Field
from wtforms.validators import InputRequired, ValidationError

from repair_app.db import now, today
from repair_app.engine import machine
from repair_app.engine.centres import next_in_line
from repair_app.engine.guards.outcomes import BEGUN_ANEW, REVIEWABLE
from repair_app.engine.step import SYSTEM, Answers, record_of
from repair_app.engine.store import Store
from repair_app.forms.base import EvidenceMixin, SelectField, TransitionForm, line, long_text
from repair_app.forms.questions import (
    CommitmentForm,
    ObjectionForm,
    RepairForm,
    as_text,
    organisations,
    staffed,
)
from repair_app.models import Case, Organisation, Role
from repair_app.models.parties import OrganisationKind

PRESENTERS: Mapping[str, Any] = {  # who comes to the counter for an enterprise
    "legal_representative": _l("legal representative"),
    "authorised": _l("person authorised in writing"),
    "employee": _l("employee with the enterprise's letter"),
}


class PaperMixin(EvidenceMixin):
    """A form that makes no sense without a document: at least one file is asked for."""

    def validate_evidence(self, field: Field) -> None:
        """Check the files; ask for at least one. Raises ValidationError."""
        super().validate_evidence(field)
        if not self.uploads:
            raise ValidationError(_l("Attach at least one document."))


# --- doors ---


class CounterMixin:
    """Who came to the counter: the name is a person's and stays erasable, the capacity is a fact.

    An application without whoever brought it cannot be checked later (the mandate is scanned).
    """

    presented_by = line(_l("Name of the person who came"), length=50)
    presented_as = SelectField(
        _l("In which capacity"),
        description=_l("An authorised person's mandate goes with the papers."),
    )
    options: ClassVar[Mapping[str, Mapping[str, Any]]] = {"presented_as": PRESENTERS}


class WindowObjectionForm(CounterMixin, PaperMixin, ObjectionForm):
    """An objection that was brought to the counter, with the signed application as a scan."""

    texts = (*ObjectionForm.texts, "presented_by")
    submit_now = None  # type: ignore[assignment]  # so WTForms takes the button away

    @property
    def wants_submission(self) -> bool:
        """Say no: what is entered at the counter is filed by being entered."""
        return False

    def read_facts(self) -> Mapping[str, Any]:
        """Return the ground, and in which capacity somebody came."""
        return {**super().read_facts(), "presented_as": self.presented_as.data}


class WindowRepairForm(CounterMixin, PaperMixin, RepairForm):
    """A repair that was applied for at the counter, with the signed application as a scan."""

    facts = ("presented_as",)
    texts = (*RepairForm.texts, "presented_by")


class PaperCommitmentForm(PaperMixin, CommitmentForm):
    """The commitment in its prescribed text, sealed on paper, as a scan."""


class GroundForm(TransitionForm):
    """What is wrong with the record, by a ground of the rule pack."""

    asked = False

    facts = ("ground",)
    texts = ("statement",)
    ground = SelectField(_l("Ground"))
    statement = long_text(_l("What is wrong, and how it was found"))

    def fill(self) -> None:
        """Offer the grounds of the rule pack in force."""
        pack = self.policy.pack_of(self.entity)
        self.ground.choices = [
            (code, entry.label.text(self.language)) for code, entry in pack.grounds.items()
        ]


class DiscoveryForm(PaperMixin, GroundForm):
    """An error that an authority found out itself."""


class TakeUpForm(GroundForm):
    """What an interested party complained of, told without saying who it was."""


class JoinForm(TransitionForm):
    """Which objection this one repeats."""

    facts = ("joined_id",)
    texts = ("reason",)
    joined_id = SelectField(_l("Objection it is joined to"), coerce=int)
    reason = long_text(_l("Reasons"))

    def fill(self) -> None:
        """Offer the other objections to the record that are being verified."""
        states = self.policy.current["objection"].states.values()
        others = select(Case.id, Case.ref).where(
            Case.record_id == self.case.record_id,
            Case.workflow == "objection",
            Case.state.in_([one.name for one in states if one.contests]),
            Case.person_id.is_not_distinct_from(self.case.person_id),
            Case.id != self.case.id,
        )
        self.joined_id.choices = [(row.id, row.ref) for row in self.session.execute(others)]


# --- verification ---


class RemovalForm(EvidenceMixin, TransitionForm):
    """That the record has to go, and why: a code of the rule pack, with the findings."""

    facts = ("outcome",)
    texts = ("findings",)
    outcome = SelectField(_l("What was found"))
    findings = long_text(_l("Findings"), description=_l("What was checked, and what was found."))
    codes = ("DELETED", "PUBLICATION_STOPPED", "REMOVED_FROM_LIST")

    def fill(self) -> None:
        """Offer the outcomes by which a record leaves publication."""
        outcomes = self.policy.pack_of(self.case).outcomes
        self.outcome.choices = [
            (code, outcomes[code].label.text(self.language))
            for code in self.codes
            if code in outcomes
        ]


class ConsultationForm(TransitionForm):
    """Which other agency is asked for its view, and what about."""

    facts = ("consulted_id",)
    texts = ("question",)
    consulted_id = SelectField(_l("Agency that is asked"), coerce=int)
    question = long_text(_l("What it is asked"))

    def fill(self) -> None:
        """Offer the other agencies that can answer."""
        asked = [one.institution_id for one in self.case.requirements if one.institution_id]
        self.consulted_id.choices = organisations(
            self,
            OrganisationKind.AGENCY,
            staffed(Role.PROVIDER),
            Organisation.id.not_in([self.case.provider_id, *asked]),
        )


class OpinionForm(EvidenceMixin, TransitionForm):
    """What the other agency thinks of the record."""

    facts = ("view",)
    texts = ("findings",)
    view = SelectField(_l("View"))
    options = {
        "view": {
            "right": _l("The record is right"),
            "wrong": _l("The record is wrong"),
            "unknown": _l("We cannot tell"),
        }
    }
    findings = long_text(_l("Findings"), description=_l("What was checked, and what was found."))


class InterimForm(TransitionForm):
    """How far the matter is, for the applicant to read."""

    texts = ("progress",)
    progress = long_text(_l("How far the matter is"), description=_l("The applicant reads this."))


class AppraisalForm(EvidenceMixin, TransitionForm):
    """Which test, appraisal or expert review is begun, and by whom."""

    texts = ("appraiser", "reason")
    appraiser = line(_l("Who tests, appraises or reviews"))
    reason = long_text(_l("Reasons"), description=_l("The other side reads these reasons."))


class CentreForm(TransitionForm):
    """Which credit centre takes over: the one that is next in line, told and not chosen."""

    facts = ("centre_id",)
    texts = ("reason",)
    centre_id = SelectField(
        _l("Credit centre"),
        coerce=int,
        description=_l("The centre above; where nobody there can act, the next one."),
    )
    reason = long_text(_l("Reasons"))

    def fill(self) -> None:
        """Name the centre that is next in line."""
        step = machine.prepare(
            Store(self.session),
            self.policy,
            self.entity,
            self.policy.workflow_of(self.entity).transitions["delegate"],
            SYSTEM,
            Answers(),
            at=now(),
        )
        centre = Organisation.id == (next_in_line(step) or 0)
        self.centre_id.choices = organisations(self, OrganisationKind.CREDIT_CENTRE, centre)


class DecisionForm(TransitionForm):
    """A decision against the subject: its reasons, how the answer was weighed, what comes next."""

    texts = ("reason", "weighing", "remedy")
    reason = long_text(_l("Reasons"), description=_l("The other side reads these reasons."))
    weighing = long_text(
        _l("How the subject's views were weighed"),
        description=_l("Say so where none were stated in time."),
    )
    remedy = long_text(_l("What the subject can do next"))


# --- what surrounds a record ---


class DatedPaperForm(PaperMixin, TransitionForm):
    """A document of a court or authority: its number, its day, the paper itself."""

    asked = False

    facts: ClassVar[tuple[str, ...]] = ("number", "issued_on")
    texts = ("body", "statement")
    body = line(_l("Court or authority"))
    number = line(_l("Number of the document"), length=100)
    issued_on = DateField(_l("Issued on"), validators=[InputRequired()])
    statement = long_text(_l("What it says"))

    def validate_issued_on(self, field: Field) -> None:
        """Refuse a date in the future. Raises ValidationError."""
        if field.data and field.data > today():
            raise ValidationError(_l("This day has not come yet."))

    def read_facts(self) -> Mapping[str, Any]:
        """Return the facts, the day as ISO text."""
        return {**super().read_facts(), "issued_on": as_text(self.issued_on)}


class AnnulmentForm(DatedPaperForm):
    """By which document the decision was annulled, changed or found unlawful."""

    facts = ("annulled", "number", "issued_on")
    annulled = SelectField(_l("What became of the decision"))
    options = {
        "annulled": {
            "annulled": _l("annulled"),
            "changed": _l("changed"),
            "unlawful": _l("found unlawful"),
        }
    }


class ProceedingForm(DatedPaperForm):
    """Which body has the decision before it: its notice of acceptance."""

    facts = ("proceeding", "number", "issued_on")
    proceeding = SelectField(_l("Proceeding"))
    options = {
        "proceeding": {
            "reconsideration": _l("administrative reconsideration"),
            "suit": _l("administrative suit"),
        }
    }


class RulingForm(DatedPaperForm):
    """How the proceeding ended."""


class CourtRulingForm(DatedPaperForm):
    """A ruling of the court about the reorganisation."""


class ShieldForm(DatedPaperForm):
    """The court's ruling that approves the reorganisation plan."""


class FalsehoodForm(PaperMixin, TransitionForm):
    """What was false or not kept, and how it was found."""

    facts = ("falsehood",)
    texts = ("reason",)
    falsehood = SelectField(_l("What was found"))
    options = {
        "falsehood": {
            "false_material": _l("false material"),
            "false_commitment": _l("a commitment that was false when made"),
            "broken_commitment": _l("a commitment that was not kept"),
        }
    }
    reason = long_text(_l("Reasons"), description=_l("The other side reads these reasons."))


class ReviewForm(EvidenceMixin, TransitionForm):
    """Which decision is to be reviewed, and why."""

    facts = ("about_id",)
    texts = ("statement",)
    about_id = SelectField(_l("Decision to be reviewed"), coerce=int)
    statement = long_text(_l("Why it should be reviewed"))

    def fill(self) -> None:
        """Offer the decisions on this record that went against the subject, newest first."""
        ended = (
            select(Case.id, Case.ref)
            .where(
                Case.record_id == record_of(self.entity).id,
                Case.workflow.in_(BEGUN_ANEW),
                Case.state.in_(REVIEWABLE),
                Case.person_id.is_not_distinct_from(self.case.person_id),
            )
            .order_by(Case.id.desc())
        )
        self.about_id.choices = [(row.id, row.ref) for row in self.session.execute(ended)]
