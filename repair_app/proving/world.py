"""A small world in memory: its rows, its day and its log, as one state that can be compared."""

from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from typing import Any

from sqlalchemy import inspect

from repair_app.calendar import NOTHING_ENTERED, Table
from repair_app.db import Base
from repair_app.engine.policy import Policy
from repair_app.engine.store import PARTIES, Store
from repair_app.models import (
    Appointment,
    Case,
    CreditRecord,
    DisputeMark,
    Document,
    Enrolment,
    FieldProposal,
    Fulfilment,
    Organisation,
    Person,
    QuarantinedRow,
    Requirement,
    Role,
    Sanction,
    SanctionMeasure,
    SanctionSuspension,
    Talk,
    TrainingBooking,
    TrainingDate,
    User,
)
from repair_app.proving.rows import make_row, row_class

MOMENT = datetime(2026, 1, 1, tzinfo=UTC)  # stands for every moment: only whether there is one
LASTING = (Appointment, SanctionMeasure, TrainingDate, User)  # rows that no step writes
ONE_DAY = timedelta(days=1)
State = tuple[int, ...]


class OutOfBounds(Exception):
    """A step would make more matters than the scenario looks at."""


class Pool:
    """Numbers for the contents of rows, so that a state is a short tuple of numbers."""

    def __init__(self) -> None:
        self.numbers: dict[tuple[Any, ...], int] = {}
        self.contents: list[tuple[Any, ...]] = []

    def number(self, content: tuple[Any, ...]) -> int:
        """Return the number of a content, a new one for a new content."""
        found = self.numbers.get(content)
        if found is None:
            found = self.numbers[content] = len(self.contents)
            self.contents.append(content)
        return found


class World:
    """Rows by model, the day, and what has happened as far as anybody asks."""

    def __init__(self, lasting: "Cast", policy: Policy, bounds: Mapping[str, int]) -> None:
        self.cast = lasting
        self.policy = policy
        self.bounds = bounds  # how many cases of a workflow, and ground, are looked at
        self.today = date(2026, 1, 1)
        self.log: set[tuple[str, str]] = set()
        self.rows: dict[type[Base], list[Any]] = {}
        self.index: dict[tuple[type[Base], int], Any] = {}
        self.over = False  # whether the terms that are asked for have run out
        self.asked_term = False
        self.waits = False  # whether some platform does not show what was decided
        self.asked_platforms = False
        self.asked_log: set[str] = set()

    # --- rows ---

    def list_rows(self, model: type[Base]) -> Sequence[Any]:
        """Return the rows of a model, in their order."""
        if model in LASTING:
            return self.cast.rows[model]
        return self.rows.get(model, ())

    def find(self, model: type[Base], number: int | None) -> Any:
        """Return a row by its number; None for none."""
        if number is None:
            return None
        return self.index.get((model, number)) or self.cast.index.get((model, number))

    def add(self, model: type[Base], values: dict[str, Any]) -> Any:
        """Return a new row. Raises OutOfBounds for one case too many."""
        row = make_row(self, model, {"id": None})
        row.id = values.pop("id", None) or self.new_number(model, values)
        for name, value in values.items():
            setattr(row, name, value)
        self.rows.setdefault(model, []).append(row)
        self.index[model, row.id] = row
        return row

    def new_number(self, model: type[Base], values: Mapping[str, Any]) -> int:
        """Return the number of a new row: what it is, not when it came, as far as can be."""
        if model is Requirement:
            return int(values["case"].id) * 100 + len(values["case"].requirements) + 1
        numbers = (one.id for one in self.list_rows(model) if model is not Case or one.id < SETTLED)
        return max(numbers, default=0) + 1

    def settle_case_number(self, case: Any) -> None:
        """Give a new case the number of its kind, record and ground."""
        same = [
            one
            for one in self.list_rows(Case)
            if one is not case
            and (one.workflow, one.ground, one.record_id)
            == (case.workflow, case.ground, case.record_id)
        ]
        if len(same) >= self.bounds.get(f"{case.workflow}:{case.ground}", self.bounds["*"]):
            raise OutOfBounds(case.workflow)
        del self.index[Case, case.id]
        case.id = self.case_number(case, len(same) + 1)
        self.index[Case, case.id] = case

    @staticmethod
    def case_number(case: Any, which: int) -> int:
        """Return the number of a case: its kind, record and ground, and which of these it is."""
        kind, ground = sum(map(ord, case.workflow)), sum(map(ord, case.ground))
        return int((((kind * 10) + case.record_id) * 10**4 + ground) * 10 + which)

    def drop(self, row: Any) -> None:
        """Take a row away, and out of the lists that were read."""
        self.rows[row.model].remove(row)
        del self.index[row.model, row.id]
        for rows in self.rows.values():
            for one in rows:
                for name, kept in one.__dict__.items():
                    if name.startswith("_") and row in kept:
                        kept.remove(row)

    # --- questions of properties ---

    @property
    def record(self) -> Any:
        """Return the first record."""
        return self.rows[CreditRecord][0]

    def state_of(self, entity: Any) -> Any:
        """Return the state of the workflow that an entity is in."""
        return self.policy.workflow_of(entity).states[entity.state]

    def contesting(self, record: Any) -> list[Any]:
        """Return the cases that keep a record under verification."""
        return [
            one
            for one in self.list_rows(Case)
            if one.record_id == record.id and self.state_of(one).contests
        ]

    # --- time ---

    def landmarks(self) -> Iterable[date]:
        """Yield the dates after which something is different."""
        for record in self.list_rows(CreditRecord):
            yield from filter(None, (record.min_publication_until, record.max_publication_until))
        yield from (one.ends_on for one in self.list_rows(Sanction) if one.ended_at is None)
        yield from (one.barred_until for one in self.list_rows(Organisation) if one.barred_until)
        yield from (one.meets_on - ONE_DAY for one in self.list_rows(Talk) if not one.entered_at)
        yield from (one.held_on - ONE_DAY for one in self.list_rows(TrainingDate))

    def pass_time(self) -> bool:
        """Go on to the day after the next landmark; say whether there is one."""
        ahead = min((one for one in self.landmarks() if one >= self.today), default=None)
        if ahead is None:
            return False
        self.today = ahead + ONE_DAY
        return True

    def terms_of(self, case: Any) -> list[Any]:
        """Return the running terms of a case and what belongs to it: all over, or all running."""
        self.asked_term = True
        return [
            Term(self, entity.ref, state.clock, state.owner, whole)
            for entity in (case, *case.requirements)
            for state in (self.state_of(entity),)
            for whole in (False, True)
            if state.clock and not (whole and self.policy.workflow_of(entity).term is None)
        ]


# In the log, of the term of a state until it is left: it was met; the next unit was told of it.
MET, ESCALATED = "(met)", "(escalated) "
BESIDE = "(term) "  # in the log, with its clock: a term beside that of the state runs


@dataclass
class Term:
    """A term that runs; whether it is over is not counted but tried both ways."""

    world: World
    entity_ref: str
    clock: str
    owner: str | None
    whole: bool = False
    is_running: bool = True
    met_at: None = None
    working_days: int = 1  # counted
    extended_by: int = 0
    escalated_to_id: int | None = None
    organisation_id: int | None = None

    @property
    def due_on(self) -> date:
        """Return yesterday when it is over, else tomorrow."""
        return self.world.today + timedelta(days=-1 if self.world.over else 1)

    def is_over(self, _day: date) -> bool:
        """Say whether it is over."""
        return self.world.over

    @property
    def escalated_at(self) -> datetime | None:
        """Return a moment once the next unit was told."""
        return MOMENT if (self.entity_ref, ESCALATED + self.clock) in self.world.log else None

    @escalated_at.setter
    def escalated_at(self, _at: datetime) -> None:
        """Note that the next unit was told."""
        self.world.log.add((self.entity_ref, ESCALATED + self.clock))


def columns_to_keep(model: type[Base]) -> tuple[str, ...]:
    """Return the columns that make a state; rows that nothing points at have no number in it."""
    columns = row_class(model).columns
    return columns if model in POINTED_AT else tuple(one for one in columns if one != "id")


MODELS: list[type[Base]] = sorted(
    (mapper.class_ for mapper in Base.registry.mappers), key=lambda model: model.__name__
)
POINTED_AT = {Case, CreditRecord, Organisation, Requirement, Sanction}
PLACE = {model: place for place, model in enumerate(MODELS)}
KEPT = {model: columns_to_keep(model) for model in MODELS}
DAY, LOG = -1, -2


def encode(world: World, pool: Pool, *, forgets: bool = True) -> State:
    """Return the state of a world.

    forgets: leave out what no step asks of an ended case: who acted in it, its papers, and what it
    suspended. The checks of steps see them still.
    """
    numbers = [pool.number((DAY, world.today))]
    ended: set[int | None] = set()
    if forgets:
        ended = {one.id for one in world.list_rows(Case) if one.closed_at is not None}
    refs = {world.find(Case, one).ref for one in ended}
    numbers.extend(pool.number((LOG, *entry)) for entry in world.log if entry[0] not in refs)
    numbers.extend(
        pool.number((LOG, *entry))
        for entry in world.log
        if entry[0] in refs and entry[1] in KEPT_OF_ENDED
    )
    for model, rows in world.rows.items():
        place, kept = PLACE[model], KEPT[model]
        for row in rows:
            values = row.__dict__
            content = [plain(values[name]) for name in kept]
            if ended and model in OF_CASES:
                if model is Case:
                    if row.id in ended:
                        content = [
                            SOMEBODY if name in PEOPLE and one is not None else one
                            for name, one in zip(kept, content, strict=True)
                        ]
                elif row.case_id in ended and values.get("lifted_at", MOMENT):
                    continue
            numbers.append(pool.number((place, *content)))
    numbers.sort()
    return tuple(numbers)


SOMEBODY = -1  # in the place of a person who acted in an ended case
PEOPLE = {"verified_by_id", "decided_by_id", "signed_by_id", "entered_by_id"}
OF_CASES: set[type[Base]] = {Case, DisputeMark, Document, FieldProposal, SanctionSuspension}
# What is asked of an ended case.
KEPT_OF_ENDED = {
    "announce_correction",
    "announce_rejection",
    "announce_retention",
    "conclude_unanswered",
    "confirm",
    "find_unverifiable",
}


def plain(value: Any) -> Any:
    """Return a value as it stands in a state: moments alike, lists and mappings fixed."""
    kind = type(value)
    if kind is datetime:
        return MOMENT
    if kind is dict:
        return Facts({name: plain(one) for name, one in value.items()})
    return tuple(value) if kind is list else value


class Facts(dict[str, Any]):
    """A mapping that no step changes, so that it can be part of a state."""

    def __hash__(self) -> int:  # type: ignore[override]
        """Return a number that is the same for what is equal."""
        return hash(frozenset(self))


def decode(state: State, pool: Pool, lasting: "Cast", policy: Policy, bounds: Any) -> World:
    """Return the world of a state, made anew."""
    world = World(lasting, policy, bounds)
    for number in state:
        place, *values = pool.contents[number]
        if place == DAY:
            world.today = values[0]
        elif place == LOG:
            world.log.add((values[0], values[1]))
        else:
            model = MODELS[place]
            row = object.__new__(row_class(model))
            row.__dict__.update(zip(KEPT[model], values, strict=True), world=world)
            rows = world.rows.setdefault(model, [])
            rows.append(row)
            if model not in POINTED_AT:
                row.id = len(rows)
            world.index[model, row.id] = row
    for model in POINTED_AT & world.rows.keys():
        world.rows[model].sort(key=number_of)
    return world


def number_of(row: Any) -> int:
    """Return the number of a row."""
    return int(row.id)


class Cast:
    """Who takes part: organisations, people, accounts, the catalogue; no step writes these."""

    def __init__(self, mandate: Collection[str]) -> None:
        self.mandate = mandate  # what an agent may act in
        self.rows: dict[type[Base], list[Any]] = {model: [] for model in LASTING}
        self.index: dict[tuple[type[Base], int], Any] = {}
        self.organisations: dict[str, Any] = {}
        self.people: dict[str, Any] = {}
        self.standing: dict[tuple[Any, ...], Any] = {}  # who acts for what, as `attempts` found it

    def list_rows(self, model: type[Base]) -> Sequence[Any]:
        """Return the rows of a model."""
        return self.rows.get(model, ())

    def find(self, model: type[Base], number: int | None) -> Any:
        """Return a row by its number; None for none."""
        return None if number is None else self.index.get((model, number))

    def keep(self, model: type[Base], **values: Any) -> Any:
        """Put a row there."""
        row = make_row(self, model, values)
        self.rows.setdefault(model, []).append(row)
        row.id = values.get("id") or len(self.rows[model])
        self.index[model, row.id] = row
        return row

    def add_organisation(self, name: str, kind: str) -> None:
        """Add an organisation under a name."""
        self.organisations[name] = self.keep(Organisation, name=name, kind=kind)

    def add_person(self, name: str, *seats: tuple[str, Role], same_as: str | None = None) -> None:
        """Add an account with its seats; of the same natural person as another, if named."""
        person = self.people[same_as].person_id if same_as else self.keep(Person, name=name).id
        email = name or f"other account of {same_as}"
        user = self.keep(User, person_id=person, email=email, active=True)
        for place, role in seats:
            self.keep(
                Appointment,
                user_id=user.id,
                organisation_id=self.organisations[place].id,
                role=str(role),
                scope=list(self.mandate) if role is Role.AGENT else None,
            )
        if name:  # else another account of somebody, whom nobody acts by
            self.people[name] = user

    def seats_of(self, person_id: int | None) -> Iterable[Any]:
        """Yield every seat of a natural person, by whatever account; not one that was left."""
        for user in self.rows[User]:
            if user.person_id == person_id:
                yield from (one for one in user.appointments if one.ends_on is None)

    def holds(self, person_id: int | None, role: Role, organisation_id: int | None = None) -> bool:
        """Say whether a natural person holds a role, at an organisation if one is named."""
        return any(
            one.role == role and organisation_id in {None, one.organisation_id}
            for user in self.rows[User]
            for one in user.appointments
            if user.person_id == person_id
        )


class MemoryStore(Store):
    """The rows of a world, as guards and effects see them."""

    def __init__(self, world: World) -> None:
        super().__init__(None)  # type: ignore[arg-type]  # there is no database
        self.world = world

    def make(self, model: type[Any], **columns: Any) -> Any:
        return self.world.add(model, columns)

    def drop(self, row: object) -> None:
        self.world.drop(row)

    def save(self) -> None:
        for case in self.world.list_rows(Case):
            if case.id < SETTLED:
                self.world.settle_case_number(case)

    def reread(self, row: object, *names: str) -> None:
        pass  # relationships are looked up whenever they are read

    def read_calendar(self) -> Table:
        return NOTHING_ENTERED

    def count_waited_for(self, record: CreditRecord) -> int:
        self.world.asked_platforms = True
        return int(self.world.waits)

    # The term of a measure's state runs until it is noted that it was met; one beside it as long
    # as it is noted.

    def has_running_term(self, ref: str, clock: str) -> bool:
        return clock in self.running_clocks(self.get_sanction(ref))

    def meet_term(self, ref: str, clock: str, at: datetime) -> None:
        log = self.world.log
        if clock == self.world.state_of(self.get_sanction(ref)).clock:
            log.add((ref, MET))
        else:
            log.difference_update({(ref, BESIDE + clock), (ref, ESCALATED + clock)})

    def open_term(self, step: Any, clock: str, owner: str) -> None:
        self.world.log.add((step.entity.ref, BESIDE + clock))

    def terms_of(self, entity: Any) -> Sequence[Any]:
        self.world.asked_term = True
        owner = self.world.state_of(entity).owner
        return [Term(self.world, entity.ref, one, owner) for one in self.running_clocks(entity)]

    def running_clocks(self, entity: Any) -> list[str]:
        """Return the clocks of the terms of an entity that run, that of its state first."""
        log, own = self.world.log, self.world.state_of(entity).clock
        beside = (name for ref, name in log if ref == entity.ref and name.startswith(BESIDE))
        running = [own] if own and (entity.ref, MET) not in log else []
        return running + sorted(one.removeprefix(BESIDE) for one in beside)

    def get_sanction(self, ref: str) -> Any:
        return next(one for one in self.world.list_rows(Sanction) if one.ref == ref)

    def pause_term(self, step: Any, ref: str, clock: str) -> None:
        pass  # how long a term is does not matter here: it is over or not

    def resume_term(self, step: Any, ref: str, clock: str) -> None:
        pass

    def is_registered(self, organisation_id: int, service: str, day: date) -> bool:
        found = self.world.find(Organisation, organisation_id)
        return bool(found.kind == "institution")

    def enrolment_of(self, requirement: Requirement) -> Enrolment | None:
        found: Enrolment | None = self.of_requirement(Enrolment, requirement)
        return found

    def booking_of(self, requirement: Requirement) -> TrainingBooking | None:
        found: TrainingBooking | None = self.of_requirement(TrainingBooking, requirement)
        return found

    def training_date(self, training_id: int) -> TrainingDate:
        found: TrainingDate = self.world.find(TrainingDate, training_id)
        return found

    def lock_training_date(self, training_id: int) -> TrainingDate:
        return self.training_date(training_id)

    def count_bookings(self, training_id: int) -> int:
        return sum(one.training_id == training_id for one in self.world.list_rows(TrainingBooking))

    def get_quarantined_row(self, case: Case) -> QuarantinedRow:
        rows: Sequence[QuarantinedRow] = self.world.list_rows(QuarantinedRow)
        return next(one for one in rows if one.case_id == case.id)

    def find_on_file(self, row: QuarantinedRow) -> str | None:
        same = (one.ref for one in self.same_key(row) if one.archived_at is None)
        return next(same, None)

    def count_insertions(self, row: QuarantinedRow) -> int:
        return sum(1 for _ in self.same_key(row))

    def same_key(self, row: QuarantinedRow) -> Iterable[CreditRecord]:
        """Yield the records of the decision that a quarantined row names."""
        for one in self.world.list_rows(CreditRecord):
            names = ("provider_id", "subject_id", "decision_no")
            if all(getattr(one, name) == row.columns[name] for name in names):
                yield one

    def fulfilment_of(self, requirement: Requirement) -> Fulfilment | None:
        found: Fulfilment | None = self.of_requirement(Fulfilment, requirement)
        return found

    def newest_checkpoint(self) -> None:
        return None  # what is proved has no history

    def talk_of(self, case: Case) -> Talk | None:
        return next((one for one in self.world.list_rows(Talk) if one.case_id == case.id), None)

    def of_requirement(self, model: type[Base], requirement: Requirement) -> Any:
        """Return the last row of a model that belongs to a requirement."""
        mine = [one for one in self.world.list_rows(model) if one.requirement_id == requirement.id]
        return mine[-1] if mine else None

    def extend_terms(self, step: Any, days: int, reason: str) -> None:
        pass  # how long a term is does not matter here: it is over or not

    def new_ref(self, prefix: str, day: date) -> str:
        return prefix

    def cases_of(self, record: CreditRecord) -> Sequence[Case]:
        return [one for one in self.world.list_rows(Case) if one.record_id == record.id]

    def cases_about(self, case: Case) -> Sequence[Case]:
        return [one for one in self.world.list_rows(Case) if one.about_id == case.id]

    def has_happened(self, ref: str, transition: str) -> bool:
        self.world.asked_log.add(transition)
        return (ref, transition) in self.world.log

    def has_seat(
        self,
        person_id: int | None,
        organisations: Collection[int | None],
        day: date,
        roles: Collection[Role] = PARTIES,
    ) -> bool:
        return any(
            one.organisation_id in organisations and one.role in roles
            for one in self.world.cast.seats_of(person_id)
        )

    def is_staffed(self, organisation_id: int | None, role: Role, day: date) -> bool:
        return any(
            one.organisation_id == organisation_id and one.role == role
            for one in self.world.cast.rows[Appointment]
        )

    def people_of(self, organisation_id: int, role: Role, day: date) -> Sequence[int]:
        cast = self.world.cast
        return sorted(
            {
                one.person_id
                for one in cast.rows[User]
                if any(
                    seat.role == role and seat.organisation_id == organisation_id
                    for seat in one.appointments
                )
            }
        )

    def list_centres(self) -> Sequence[int]:
        organisations = self.world.cast.organisations.values()
        return sorted(one.id for one in organisations if one.kind == "credit_centre")

    def get_organisation(self, organisation_id: int) -> Organisation:
        found: Organisation = self.world.find(Organisation, organisation_id)
        return found

    def default_centre(self) -> int | None:
        centres = (
            one.id for one in self.world.cast.organisations.values() if one.kind == "credit_centre"
        )
        return min(centres, default=None)

    def materials_of(self, case: Case) -> set[str]:
        return {
            one.material
            for one in self.world.list_rows(Document)
            if one.case_id == case.id and one.material
        }

    def is_number_used(self, requirement: Requirement, number: str) -> bool:
        return number == USED or any(
            one.institution_id == requirement.institution_id
            and one.number == number
            and one.id != requirement.id
            for one in self.world.list_rows(Requirement)
        )

    def same_measure(self, sanction: Sanction) -> str | None:
        same = (
            one.ref
            for one in self.world.list_rows(Sanction)
            if one is not sanction
            and one.ended_at is None
            and (one.record_id, one.measure_id, one.department_id, one.person_id)
            == (
                sanction.record.id,
                sanction.measure_id,
                sanction.department_id,
                sanction.person_id,
            )
        )
        return next(same, None)

    def is_suspended(self, sanction: Sanction) -> bool:
        return any(one.lifted_at is None for one in sanction.suspensions)


USED = "used"  # the number of a certificate of another firm
SETTLED = 1000  # numbers of cases below this were given in haste


def open_marks(record: Any) -> set[int]:
    """Return the cases whose dispute mark stands on a record."""
    marks: Iterable[DisputeMark] = record.dispute_marks
    return {one.case_id for one in marks if one.lifted_at is None}


def primary_keys(model: type[Base]) -> tuple[str, ...]:
    """Return the names of the columns that identify a row."""
    return tuple(str(one.key) for one in inspect(model).primary_key)
