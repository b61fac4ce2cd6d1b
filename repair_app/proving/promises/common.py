"""What a promise is, and the names that several of them use."""

from collections.abc import Callable, Iterator, Sequence
from typing import Any, NamedTuple, TypeVar

from repair_app.engine.spec import Transition
from repair_app.engine.step import Actor, Answers
from repair_app.models import (
    Case,
    CreditRecord,
    Requirement,
)
from repair_app.models.records import OFF_PUBLICATION
from repair_app.proving.steps import Fired
from repair_app.proving.world import BESIDE, World


class Move(NamedTuple):
    """A step that was taken, the world before and after it."""

    before: World
    after: World
    entity: Any  # after it
    source: str
    transition: Transition
    actor: Actor
    answers: Answers
    attempt: Any
    trace: Sequence[Fired]

    @property
    def over(self) -> bool:
        """Say whether the terms had run out."""
        return bool(self.attempt.over)

    @property
    def waits(self) -> bool:
        """Say whether some platform did not show what was decided; so both ways are tried."""
        self.after.asked_platforms = True
        return bool(self.attempt.waits)

    @property
    def workflow(self) -> str:
        """Return the workflow of the first transition."""
        return self.trace[0].workflow

    @property
    def case(self) -> Any:
        """Return the case that the step is about, or None."""
        model = self.entity.model
        if model is Case:
            return self.entity
        return self.entity.case if model is Requirement else None

    @property
    def record(self) -> Any:
        """Return the record that the step is about, after it."""
        if self.entity.model is CreditRecord:
            return self.entity
        return (self.case or self.entity).record

    @property
    def record_before(self) -> Any:
        """Return the record that the step is about, before it."""
        return self.before.find(CreditRecord, self.record.id)

    @property
    def entered(self) -> Any:
        """Return the state that the entity has entered."""
        return self.after.state_of(self.entity)

    @property
    def case_before(self) -> Any:
        """Return the case before the step; None when it was opened."""
        return self.before.find(Case, self.case.id) if self.case else None

    def fired(self, workflow: str, *names: str) -> bool:
        """Say whether one of these transitions of a workflow was fired."""
        return any(one.workflow == workflow and one.transition in names for one in self.trace)


StateCheck = Callable[[World], str | None]
StepCheck = Callable[[Move], str | None]
Check = TypeVar("Check", bound=Callable[[Any], str | None])

STATE_PROPERTIES: dict[str, StateCheck] = {}
STEP_PROPERTIES: dict[str, StepCheck] = {}


def of_state(*numbers: str) -> Callable[[Check], Check]:
    """Register a check of every state."""

    def register(check: Check) -> Check:
        STATE_PROPERTIES["/".join(numbers)] = check
        return check

    return register


def of_step(*numbers: str) -> Callable[[Check], Check]:
    """Register a check of every step."""

    def register(check: Check) -> Check:
        STEP_PROPERTIES["/".join(numbers)] = check
        return check

    return register


def moved_cases(move: Move) -> Iterator[Any]:
    """Yield the cases that a step changed, after it."""
    refs = {one.ref for one in move.trace}
    return (one for one in move.after.list_rows(Case) if one.ref in refs)


SUBJECTS = {"subject", "agent"}
EVALUATING = BESIDE + "sanction_evaluation"  # in the log: what was fed back has to be evaluated
ENDED_RECORD = set(OFF_PUBLICATION)


def records(world: World) -> Sequence[Any]:
    """Return the records of a world."""
    return world.list_rows(CreditRecord)


def cases(world: World, *workflows: str) -> Iterator[Any]:
    """Yield the cases of a world, of some workflows if these are named."""
    for one in world.list_rows(Case):
        if not workflows or one.workflow in workflows:
            yield one


def is_live(world: World, record: Any) -> bool:
    """Say whether a record is on file and in its term."""
    return bool(world.state_of(record).live) and world.today <= record.max_publication_until


def running(record: Any) -> Iterator[Any]:
    """Yield the measures on a record that have not ended."""
    return (one for one in record.sanctions if one.ended_at is None)


def imposed(record: Any) -> Iterator[Any]:
    """Yield the running measures that a department has taken: what was asked of it is none yet."""
    return (one for one in running(record) if one.state != "initiated")


def holds_sanctions(world: World, case: Any) -> bool:
    """Say whether a case keeps sanctions from being executed: it contests, or shields."""
    shields = case.workflow == "shield" and case.record.state == "shielded"
    return bool(world.state_of(case).contests) or (shields and case.is_open)


def suspended_by(sanction: Any) -> set[int]:
    """Return the cases that keep a measure from being executed."""
    return {one.case_id for one in sanction.suspensions if one.lifted_at is None}
