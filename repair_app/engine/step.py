"""What a guard and an effect receive, and the ways in which a step is refused."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import date, datetime
from functools import partial
from typing import TYPE_CHECKING, Any, NamedTuple

from sqlalchemy.orm import Session

from repair_app.engine.assessment import Assessment, assess
from repair_app.engine.rules import RulePack, SeverityClass
from repair_app.models import Case, CreditRecord, Requirement, Sanction

if TYPE_CHECKING:
    from repair_app.engine.policy import Policy
    from repair_app.engine.spec import Transition, Workflow

Entity = Case | CreditRecord | Sanction | Requirement


class Reason(NamedTuple):
    """Why something may not be done: a text for the person and the values in it."""

    text: str
    values: Mapping[str, Any] = {}


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

    session: Session
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

    @property
    def record(self) -> CreditRecord:
        """Return the record that this step is about, whatever the entity."""
        return record_of(self.entity)

    @property
    def case(self) -> Case:
        """Return the case of this step. Raises TypeError for a record or a sanction."""
        if isinstance(self.entity, Case):
            return self.entity
        if isinstance(self.entity, Requirement):
            return self.entity.case
        raise TypeError(f"{self.workflow.name} has no case")

    @property
    def requirement(self) -> Requirement:
        """Return the requirement of this step. Raises TypeError for anything else."""
        if not isinstance(self.entity, Requirement):
            raise TypeError(f"{self.workflow.name} is no requirement")
        return self.entity

    @property
    def sanction(self) -> Sanction:
        """Return the sanction of this step. Raises TypeError for anything else."""
        if not isinstance(self.entity, Sanction):
            raise TypeError(f"{self.workflow.name} is no sanction")
        return self.entity

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
        return assess(self.rules, partial(getattr, self.record))

    @property
    def severity(self) -> SeverityClass:
        """Return the record's class by the rules that the entity began with."""
        return self.rules.classes[self.assessment.severity]

    def fire(self, entity: Entity, name: str, answers: Answers | None = None) -> None:
        """Fire another entity's transition in the same step, as the system."""
        from repair_app.engine.machine import fire  # the machine imports this module

        fire(
            self.session,
            self.policy,
            entity,
            name,
            SYSTEM,
            answers or Answers(),
            at=self.at,
            stream=self.stream,
        )


def record_of(entity: Entity) -> CreditRecord:
    """Return the credit record that an entity belongs to."""
    match entity:
        case CreditRecord():
            return entity
        case Case() | Sanction():
            return entity.record
        case Requirement():
            return entity.case.record
