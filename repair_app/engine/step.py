"""What a guard and an effect receive, and the ways in which a step is refused."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import date, datetime
from typing import TYPE_CHECKING, Any, NamedTuple, cast

from repair_app.calendar import add_working_days
from repair_app.engine.assessment import Assessment, assess_record
from repair_app.engine.rules import RulePack, SeverityClass
from repair_app.labels import N_
from repair_app.models import Case, CreditRecord, Deadline, Requirement, Sanction

if TYPE_CHECKING:
    from repair_app.engine.policy import Policy
    from repair_app.engine.rules import Extension
    from repair_app.engine.spec import Transition, Workflow
    from repair_app.engine.store import Store

Entity = Case | CreditRecord | Sanction | Requirement


class Reason(NamedTuple):
    """Why something may not be done: a text for the person and the values in it.

    `applies` is False where the step is not for this matter at all, and need not be shown.
    """

    text: str
    values: Mapping[str, Any] = {}
    applies: bool = True


class NotOffered(Exception):
    """There is no such transition."""


class NotAllowed(NotOffered):
    """The transition exists, and is for others."""


class WrongState(NotOffered):
    """The transition exists for this person, and not from the present state."""


class Refused(Exception):
    """A guard said no; carries its reasons."""

    def __init__(self, *reasons: Reason) -> None:
        super().__init__(*(reason.text % dict(reason.values) for reason in reasons))
        self.reasons = reasons


@dataclass(frozen=True)
class Actor:
    """Who acts: the account, the natural person behind it, and for whom."""

    role: str
    account_id: int | None = None
    person_id: int | None = None
    organisation_id: int | None = None
    organisation_uscc: str | None = None

    def as_dict(self) -> dict[str, Any]:
        """Return who acts as it stands in an event: no name, no person."""
        return {
            "account": self.account_id,
            "role": str(self.role),
            "organisation": self.organisation_uscc,
        }


VALUE = "value:"  # before the name of a record field, among the texts beside an event
WAS = "was:"  # the same, for what the record said before
SYSTEM = Actor(role="system")


@dataclass(frozen=True)
class Answers:
    """What a form gave: facts go into the event, what a person typed beside it, evidence by hash.

    `values` are the typed values of record fields, by field; the event itself names the fields.
    """

    facts: Mapping[str, Any] = field(default_factory=dict)
    texts: Mapping[str, str] = field(default_factory=dict)
    values: Mapping[str, str] = field(default_factory=dict)
    evidence: tuple[str, ...] = ()

    @property
    def all_facts(self) -> dict[str, Any]:
        """Return what goes into the event for ever."""
        return {**self.facts, "fields": sorted(self.values)} if self.values else dict(self.facts)

    @property
    def all_texts(self) -> dict[str, str]:
        """Return what lies beside the event and can be erased."""
        return {**self.texts, **{f"{VALUE}{name}": text for name, text in self.values.items()}}


@dataclass
class Step:
    """One firing of one transition. `state` belongs to the state machine while it runs."""

    store: Store
    policy: Policy
    entity: Entity
    workflow: Workflow
    transition: Transition
    actor: Actor
    answers: Answers
    at: datetime
    today: date
    stream: str
    state: str
    fire_as_system: Callable[[Entity, str, Answers], None] = field(repr=False)
    follows: bool = False  # fired in the course of another step
    taken_from_id: int | None = None  # the institution that a request is taken back from

    @property
    def record(self) -> CreditRecord:
        """Return the record that this step is about, whatever the entity."""
        match self.workflow.entity:
            case "record":
                return cast(CreditRecord, self.entity)
            case "requirement":
                return cast(Requirement, self.entity).case.record
        return cast("Case | Sanction", self.entity).record

    @property
    def case(self) -> Case:
        """Return the case of this step. Raises TypeError for a record or a sanction."""
        match self.workflow.entity:
            case "case":
                return cast(Case, self.entity)
            case "requirement":
                return cast(Requirement, self.entity).case
        raise TypeError(f"{self.workflow.name} has no case")

    @property
    def requirement(self) -> Requirement:
        """Return the requirement of this step. Raises TypeError for anything else."""
        if self.workflow.entity != "requirement":
            raise TypeError(f"{self.workflow.name} is no requirement")
        return cast(Requirement, self.entity)

    @property
    def sanction(self) -> Sanction:
        """Return the sanction of this step. Raises TypeError for anything else."""
        if self.workflow.entity != "sanction":
            raise TypeError(f"{self.workflow.name} is no sanction")
        return cast(Sanction, self.entity)

    @property
    def rules(self) -> RulePack:
        """Return the rule pack that the entity began with."""
        return self.policy.pack_of(self.entity)

    @property
    def record_rules(self) -> RulePack:
        """Return the rule pack that the record was classified by: its class and periods are its."""
        return self.policy.pack_of(self.record)

    @property
    def assessment(self) -> Assessment:
        """Return class and periods of the record by the rules that the entity began with."""
        return assess_record(self.rules, self.record)

    @property
    def severity(self) -> SeverityClass:
        """Return the record's class by the rules that the entity began with."""
        return self.rules.classes[self.assessment.severity]

    def reason_not_moved(self, name: str) -> Reason | None:
        """Return why the record knows a step not: an earlier version of its workflow holds it."""
        if self.may_fire(self.record, name):
            return None
        return Reason(
            N_("%(ref)s still goes by an earlier version of its workflow; have it moved first."),
            {"ref": self.record.ref},
        )

    def term_of(self, ref: str) -> Deadline | None:
        """Return the term that runs in the state of an entity; that of the whole matter aside.

        ref: of the case of this step, or of one of its requirements.
        """
        running = (one for one in self.case.deadlines if one.is_running and not one.whole)
        return next((one for one in running if one.entity_ref == ref), None)

    @property
    def late_terms(self) -> list[Deadline]:
        """Return the terms of the entity that are over and were not passed on yet.

        That of the whole matter aside. What could not be counted is due at once, and late for
        nobody.
        """
        return [
            one
            for one in self.store.terms_of(self.entity)
            if one.is_over(self.today)
            and one.working_days
            and not one.whole
            and one.escalated_at is None
        ]

    def reason_not_over(self, term: Deadline | None) -> Reason | None:
        """Return why a term is not over today; None when it is.

        One that could not be counted is due at once, so that it is seen; over it is for nobody.
        """
        if term is None or not term.working_days:
            return Reason(N_("The term could not be counted; an administrator has to look at it."))
        if self.today > term.due_on:
            return None
        return Reason(N_("The term runs until %(day)s."), {"day": term.due_on})

    def last_day_for_review(self, rules: RulePack, decided_on: date) -> date:
        """Return until when a review of a decision can be asked for, by the calendar as it is kept.

        rules: those of the review. The letter that tells of a decision names the same day.
        """
        days = rules.clocks["review_request"].working_days
        return add_working_days(decided_on, days, self.store.read_calendar()).due_on

    @property
    def hides_while_verified(self) -> bool:
        """Say whether the rules of this case stop showing the record while it is verified."""
        rules = self.rules
        found = rules.objection_rules  # an edition of before these rules has none
        return found is not None and found.display_while_verified == "suspended"

    @property
    def extension(self) -> Extension | None:
        """Return how the term of this kind of case can be extended; None where it cannot."""
        rules = self.rules
        part = rules.objection if self.workflow.rules == "objection" else rules.repair
        return part.extension

    def fire(self, entity: Entity, name: str, answers: Answers | None = None) -> None:
        """Fire another entity's transition in the same step, as the system."""
        self.fire_as_system(entity, name, answers or Answers())

    def may_fire(self, entity: Entity, name: str) -> bool:
        """Say whether the system has this transition in the state that an entity is in."""
        transition = self.policy.workflow_of(entity).transitions.get(name)
        return (
            transition is not None
            and entity.state in transition.source
            and SYSTEM.role in transition.by
        )


def case_of(entity: Entity) -> Case | None:
    """Return the case that an entity is or belongs to; None for a record or a measure."""
    match entity:
        case Case():
            return entity
        case Requirement():
            return entity.case
        case _:
            return None


def record_of(entity: Entity) -> CreditRecord:
    """Return the credit record that an entity belongs to."""
    match entity:
        case CreditRecord():
            return entity
        case Case() | Sanction():
            return entity.record
        case Requirement():
            return entity.case.record
