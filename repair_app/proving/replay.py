"""The steps of a world taken once more, on a real store: the database must end where the model did.

Depth first along the ways by which the states were found, a savepoint for each step: every step is
taken from its true state, and taken back.
"""

import sqlite3
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from datetime import datetime, time, timedelta
from functools import cache
from typing import Any

from sqlalchemy import Engine, Select, create_engine, event, func, inspect, select, update
from sqlalchemy.orm import Session

from repair_app import refs
from repair_app.calendar import SHANGHAI
from repair_app.db import Base, UtcDateTime
from repair_app.engine import machine
from repair_app.engine.opening import describe_case
from repair_app.engine.step import SYSTEM, Actor, Answers
from repair_app.models import (
    Appointment,
    Case,
    Change,
    CreditRecord,
    Deadline,
    Delivery,
    Document,
    Event,
    InstitutionRegistration,
    Letter,
    Message,
    Organisation,
    Person,
    Platform,
    PlatformKind,
    PlatformStanding,
    QuarantinedRow,
    Requirement,
    Sanction,
    User,
)
from repair_app.proving import attempts
from repair_app.proving.attempts import MATERIAL, Attempt
from repair_app.proving.explore import Edge, Graph
from repair_app.proving.outlets import OUTLETS_GO_BY, differing_outlets
from repair_app.proving.scenarios import CHANGED_OFFICE, DECIDED, pack_of_measures
from repair_app.proving.world import DAY, KEPT, LASTING, LOG, MODELS, MOMENT, World, encode

Chooser = Callable[[int, Edge], bool]
NOON = time(12, tzinfo=SHANGHAI)
OWN_CERTIFICATE = "PZ"
COUNTED = select(
    select(func.count()).select_from(Event).scalar_subquery(),
    *(
        select(func.coalesce(func.sum(model.version), 0)).scalar_subquery()
        for model in attempts.ENTITIES
    ),
)
# Compared by their effect, not row by row; and what is written to people, of which no step asks.
ASIDE = {Change, Event, Deadline, Letter, Message, Platform}


@dataclass
class Replay:
    """A real store, at one state of a graph at a time."""

    graph: Graph
    session: Session
    told: machine.Telling = ()
    filled: set[tuple[type[Base], str]] = field(default_factory=set)
    shown: set[frozenset[int]] = field(default_factory=set)  # what the outlets were asked about
    taken: int = 0
    differences: list[str] = field(default_factory=list)

    def at(self, number: int) -> datetime:
        """Return noon of the day of a state, in Shanghai."""
        return datetime.combine(self.graph.world(number).today, NOON)


def replay(
    graph: Graph,
    chosen: Chooser = lambda _number, _edge: True,
    told: machine.Telling = machine.TOLD,
) -> Replay:
    """Take the chosen steps of a graph, and those that lead to them, on a real store.

    told: the letters and messages to write with each step, which no state of the law depends on.
    Raises nothing for a difference: they are listed, each as a story.
    """
    wanted = states_on_the_way(graph, chosen)
    with Session(open_store(), autoflush=False) as session:
        done = Replay(graph, session, told)
        put_there(done)
        session.flush()
        compare(done, 0, 0, None)
        walk(done, 0, wanted, chosen)
        session.rollback()
    return done


def one_of_a_class(graph: Graph, seen: set[Any]) -> Chooser:
    """Return a choice of the first step of each class: who, over or not, what goes whence whither.

    seen: the classes that were taken before; those of this graph are added.
    """
    chosen = set()
    for number, edges in enumerate(graph.edges):
        for edge in edges:
            ways = frozenset((one.workflow, one.transition, one.source, one.target)
                             for one in edge.trace)  # fmt: skip
            one = edge.attempt
            kind = (one.role, one.over, one.waits, one.choice, ways)
            if kind not in seen:
                seen.add(kind)
                chosen.add((number, edge.attempt))
    return lambda number, edge: (number, edge.attempt) in chosen


@cache
def open_store() -> Engine:
    """Return a passing SQLite store whose transactions are ours, savepoints included.

    One for each process, taken back to empty after each world: so that what SQLAlchemy has compiled
    for one is there for the next. A temporary file (the empty name), as a store in memory takes a
    savepoint back by walking its whole journal.
    """
    engine = create_engine("sqlite://", creator=lambda: sqlite3.connect(""))

    def ours(connection: Any, _record: Any) -> None:
        connection.isolation_level = None

    event.listen(engine, "connect", ours)
    event.listen(engine, "begin", lambda connection: connection.exec_driver_sql("BEGIN"))
    Base.metadata.create_all(engine)
    return engine


def states_on_the_way(graph: Graph, chosen: Chooser) -> set[int]:
    """Return the states from which a chosen step is taken, and those that lead there."""
    wanted: set[int] = set()
    for number, edges in enumerate(graph.edges):
        if any(chosen(number, edge) for edge in edges):
            at: int | None = number
            while at is not None and at not in wanted:
                wanted.add(at)
                parent = graph.parents[at]
                at = parent[0] if parent else None
    return wanted


def walk(done: Replay, number: int, wanted: set[int], chosen: Chooser) -> None:
    """Take the steps of a state, each behind a savepoint, and go on from what they lead to."""
    for edge in done.graph.edges[number]:
        leads_on = edge.target in wanted and done.graph.parents[edge.target] == (
            number,
            edge.attempt,
        )
        if not (leads_on or chosen(number, edge)):
            continue
        savepoint = done.session.begin_nested()
        before = count_kept(done.session)
        try:
            take(done, number, edge.attempt)
            done.session.flush()
            kept = [now - then for now, then in zip(count_kept(done.session), before, strict=True)]
            if any(one != len(edge.trace) for one in kept):
                note(done, number, edge.attempt, f"(28) {len(edge.trace)} steps, {kept} kept")
            compare(done, number, edge.target, edge.attempt)
            if leads_on:
                walk(done, edge.target, wanted, chosen)
        except Exception as error:  # noqa: BLE001  # whatever the real store says is a difference
            note(done, number, edge.attempt, f"{type(error).__name__}: {error}")
        savepoint.rollback()
        done.session.expire_all()
        done.taken += 1


def count_kept(session: Session) -> tuple[int, int]:
    """Return how many events there are, and the versions of all entities together.

    (28) Every step is one event and one version.
    """
    events, *versions = session.execute(COUNTED).one()
    return events, sum(versions)


def note(done: Replay, number: int, attempt: Attempt | None, says: str) -> None:
    """Keep a difference, with the way to it."""
    story = " > ".join(map(str, [*done.graph.story(number), attempt]))
    done.differences.append(f"{says.splitlines()[0]}: {story}")


# --- the store as the world begins ------------------------------------------------------------


def put_there(done: Replay) -> None:
    """Write the rows that a world begins with; what a table asks for besides is made up."""
    world = done.graph.scenario.start(done.graph.policy)
    for user in world.cast.rows[User]:
        if done.session.get(Person, user.person_id) is None:
            done.session.add(Person(id=user.person_id, name="虚构"))
            done.session.flush()
    rows = [*world.cast.organisations.values()]
    models: tuple[type[Base], ...] = (*LASTING, CreditRecord, Sanction)
    for model in models:
        rows.extend(world.list_rows(model))
    order = [one.__name__ for one in (Organisation, User)]
    rows.sort(key=lambda row: row.model.__name__ not in order)
    for row in rows:
        put_row(done, row)
    for service in ("training", "credit_report"):
        done.session.add(
            InstitutionRegistration(
                organisation_id=world.cast.organisations["house"].id,
                service=service,
                number="1",
                valid_from=DECIDED,
                valid_until=CHANGED_OFFICE,
            )
        )
    put_platform(done.session)
    for row in world.cast.organisations.values():
        if row.superior_id is not None:
            done.session.get_one(Organisation, row.id).superior_id = row.superior_id
    done.session.flush()


def put_platform(session: Session) -> None:
    """Write a platform that shows nothing, and for each record a change that it is to show."""
    session.add(
        Platform(
            code="other",
            name_zh="平台",
            name_en="Platform",
            kind=PlatformKind.CITY,
            delivery=Delivery.PULL,
            owner_email="",
            term_days=1,
            standing=PlatformStanding.DISABLED,
            problem="ended",
            created_at=MOMENT,
        )
    )
    for record in session.scalars(select(CreditRecord)):
        session.add(
            Change(
                record_ref=record.ref,
                provider_id=record.provider_id,
                shown=True,
                payload_hash="",
                at=MOMENT,
            )
        )


def put_row(done: Replay, row: Any) -> None:
    """Write a row of the model's world; the order of organisations is mended at the end."""
    values = {name: getattr(row, name) for name in row.columns if name != "superior_id"}
    made = {
        name: list(value) if isinstance(value, tuple) else value
        for name, value in values.items()
        if value is not None
    }
    for column in inspect(row.model).columns:
        if column.key not in made and not column.nullable and column.default is None:
            made[column.key] = make_up(column, row)
            done.filled.add((row.model, column.key))
    done.session.add(row.model(**made))
    done.session.flush()


def make_up(column: Any, row: Any) -> Any:
    """Return a value for a column that the model world does not have."""
    if isinstance(column.type, UtcDateTime):
        return MOMENT
    kind = column.type.python_type
    return f"{column.key} {row.id}" if kind is str else kind()


# --- one step -----------------------------------------------------------------------------------


def take(done: Replay, number: int, attempt: Attempt) -> None:
    """Take one step as the services do."""
    if not attempt.transition:
        return
    graph, session = done.graph, done.session
    world = graph.world(number)
    world.over, world.waits = attempt.over, attempt.waits
    moment = done.at(number)
    entity = opened(done, world, attempt, moment) if attempt.opens else found(done, attempt)
    model_entity = attempts.place(world, attempt)
    transition = graph.policy.workflow_of(model_entity).transitions[attempt.transition]
    answers = answers_of(done, world, attempt, model_entity, transition)
    actor = attempts.acting(world, attempt, model_entity) if attempt.who else SYSTEM
    actor = Actor(actor.role, actor.account_id, actor.person_id, actor.organisation_id)
    set_terms(session, entity, moment, over=attempt.over)
    set_platform(session, waits=attempt.waits)
    change_office(session, attempt, moment)
    keep_papers(session, entity, answers, moment)
    machine.fire(
        session, graph.policy, entity, attempt.transition, actor, answers, at=moment, told=done.told
    )


def answers_of(
    done: Replay, world: World, attempt: Attempt, entity: Any, transition: Any
) -> Answers:
    """Return the answers of an attempt; cases that they name as the store numbers them."""
    if attempt.model is Sanction:
        return attempts.choices(transition, world, entity)[attempt.choice] if not (
            attempt.opens
        ) else Answers()  # fmt: skip
    given = attempts.choices(transition, world, None if attempt.opens else entity)[attempt.choice]
    facts = dict(given.facts)
    if "joined_id" in facts:
        facts["joined_id"] = numbers_of(done.session, Case)[facts["joined_id"]]
    return Answers(facts, given.texts, given.values, given.evidence)


def found(done: Replay, attempt: Attempt) -> Any:
    """Return the row of the store that an attempt is about."""
    number = numbers_of(done.session, attempt.model).get(attempt.number, attempt.number)
    return done.session.get_one(attempt.model, number)


def opened(done: Replay, world: World, attempt: Attempt, moment: datetime) -> Any:
    """Return a new row for what an attempt opens."""
    session, policy = done.session, done.graph.policy
    record = session.get_one(CreditRecord, attempt.number)
    if attempt.model is Sanction:
        pack = pack_of_measures(policy, record)
        sanction = Sanction(
            record=record,
            measure_id=attempt.choice + 1,
            department_id=world.cast.organisations["department"].id,
            rule_pack=pack.id,
            rule_pack_hash=pack.sha256,
            imposed_on=world.today,
            ends_on=record.max_publication_until,
            ref=refs.new_ref(session, policy.current["sanction"].prefix, world.today),
        )
        machine.begin(policy, sanction, "sanction")
        session.add(sanction)
        session.flush()
        return sanction
    described = describe_case(
        policy, attempt.workflow, record, ground=attempt.ground, at=moment, day=world.today
    )
    case = Case(door=attempts.door_of(attempt), **described)
    if attempt.about is not None:
        case.about = session.get_one(Case, numbers_of(session, Case)[attempt.about])
    machine.begin(policy, case, attempt.workflow)
    case.ref = refs.new_ref(session, policy.current[attempt.workflow].prefix, world.today)
    session.add(case)
    session.flush()
    if attempt.workflow == "quarantine":
        row = attempts.row_again(record, attempt.ground)
        session.add(QuarantinedRow(**row, case_id=case.id))
        session.flush()
    return case


def set_terms(session: Session, entity: Any, moment: datetime, *, over: bool) -> None:
    """Let the running terms of a case, or a measure, be over, or not, as the attempt says."""
    case = entity.case if isinstance(entity, Requirement) else entity
    due = moment.date() + timedelta(days=-1 if over else 30)
    running = update(Deadline).where(Deadline.met_at.is_(None)).values(due_on=due)
    if isinstance(case, Sanction):
        session.execute(running.where(Deadline.entity_ref == case.ref))
    if isinstance(case, Case):
        session.execute(running.where(Deadline.case_id == case.id))
        session.expire(case, ["deadlines"])


def set_platform(session: Session, *, waits: bool) -> None:
    """Let the one platform, which shows nothing yet, be waited for, or not, as the attempt says."""
    standing = PlatformStanding.ACTIVE if waits else PlatformStanding.DISABLED
    problem = None if waits else "ended"
    session.execute(update(Platform).values(standing=standing, problem=problem))


def change_office(session: Session, attempt: Attempt, moment: datetime) -> None:
    """Let who changed office hold the former one only as long as it is acted in."""
    left = moment.date() - timedelta(days=1) if attempt.role == "reviewer" else CHANGED_OFFICE
    session.execute(
        update(Appointment).where(Appointment.ends_on.is_not(None)).values(ends_on=left)
    )


def keep_papers(session: Session, entity: Any, answers: Answers, moment: datetime) -> None:
    """Keep what was attached, as the service does before the step."""
    case = entity.case if isinstance(entity, Requirement) else entity
    for sha256 in answers.evidence:
        if all(one.sha256 != sha256 for one in case.documents):
            case.documents.append(
                Document(
                    ref=refs.new_ref(session, "ZL", moment.date()),
                    uploaded_by_id=1,
                    uploaded_at=moment,
                    filename="a.pdf",
                    media_type="application/pdf",
                    size=1,
                    sha256=sha256,
                    material=(
                        sha256.removeprefix(MATERIAL) if sha256.startswith(MATERIAL) else None
                    ),
                )
            )
    session.flush()


# --- comparing ----------------------------------------------------------------------------------


def compare(done: Replay, number: int, target: int, attempt: Attempt | None) -> None:
    """Note where the store is not what the model says."""
    graph = done.graph
    world = read_world(done, graph.world(target))
    state = encode(world, graph.pool, forgets=graph.scenario.forgets)
    mine = dict(told_of(graph, one) for one in state if not is_log(graph, one))
    wanted = dict(told_of(graph, one) for one in graph.states[target] if not is_log(graph, one))
    if mine.keys() != wanted.keys():
        only_there = {mine[one] for one in mine.keys() - wanted.keys()}
        only_here = {wanted[one] for one in wanted.keys() - mine.keys()}
        told = [*tell(graph, only_there, only_here)]
        note(done, number, attempt, f"the store differs: {told[:4]}")
    shown = frozenset(one for one in graph.states[target] if is_shown_of(graph, one))
    if shown not in done.shown:
        done.shown.add(shown)
        for says in differing_outlets(done.session, graph.world(target), done.at(target)):
            note(done, number, attempt, says)


def is_shown_of(graph: Graph, number: int) -> bool:
    """Say whether a part of a state is what the outlets go by: the day, or a row that they show."""
    place = graph.pool.contents[number][0]
    return place == DAY or (place >= 0 and MODELS[place] in OUTLETS_GO_BY)


def told_of(graph: Graph, number: int) -> tuple[tuple[Any, ...], int]:
    """Return what is compared of a row, and its number: texts that name references are not."""
    place, *values = graph.pool.contents[number]
    if place >= 0 and MODELS[place] is CreditRecord:
        values = [
            one
            for name, one in zip(KEPT[CreditRecord], values, strict=True)
            if name not in NAMES_REFERENCES
        ]
    return (place, *values), number


NAMES_REFERENCES = {"decision_no", "violation_facts", "source_unit", "fingerprint"}


def is_log(graph: Graph, number: int) -> bool:
    """Say whether a part of a state is the log's, which the events themselves are."""
    return bool(graph.pool.contents[number][0] == LOG)


def tell(graph: Graph, mine: set[int], wanted: set[int]) -> Iterator[str]:
    """Yield what the store has and the model has not, and the other way round."""
    for sign, numbers in (("store", mine), ("model", wanted)):
        for number in numbers:
            place, *values = graph.pool.contents[number]
            if place >= 0:
                model = MODELS[place]
                row = dict(zip(KEPT[model], values, strict=True))
                known = {name: value for name, value in row.items() if value is not None}
                yield f"{sign} {model.__name__} {known}"
            else:
                yield f"{sign} {values}"


def read_world(done: Replay, like: World) -> World:
    """Return what the store holds as a world: numbered as the model numbers, of the same day."""
    session = done.session
    session.expire_all()
    world = World(like.cast, done.graph.policy, like.bounds)
    world.today = like.today
    cases = {mine: model for model, mine in numbers_of(session, Case).items()}
    needed = {mine: model for model, mine in numbers_of(session, Requirement).items()}
    for model in MODELS:
        if model in LASTING or model in ASIDE or model in {Organisation, Person}:
            continue
        if not belongs(model):
            continue
        names, rows = read_of(model)
        for row in session.execute(rows):
            values = dict(zip(names, row, strict=True))
            for name in values:
                if (model, name) in done.filled:
                    values[name] = None
            clean(model, values, cases, needed)
            world.add(model, values)
    firm = session.get_one(Organisation, like.cast.organisations["firm"].id)
    row = like.rows[Organisation][0]
    row.barred_until = firm.barred_until
    world.rows[Organisation] = [row]
    world.index[Organisation, row.id] = row
    return world


@cache
def read_of(model: type[Base]) -> tuple[list[str], Select[Any]]:
    """Return the columns of a model that a world has, and the statement that reads them."""
    names = [one for one in (*KEPT[model], "id") if one in inspect(model).columns]
    return names, select(*(getattr(model, name) for name in names))


@cache
def belongs(model: type[Base]) -> bool:
    """Say whether a model's rows are part of a world: they have to do with a record or a case."""
    names = set(inspect(model).columns.keys())
    return model in {CreditRecord, Case} or bool(
        names & {"record_id", "case_id", "sanction_id", "requirement_id", "enrolment_id"}
    )


def clean(
    model: type[Base], values: dict[str, Any], cases: dict[int, int], needed: dict[int, int]
) -> None:
    """Number a row as the model does, and leave out what the model does not have."""
    if "version" in values:
        values["version"] = 0
    for column in inspect(model).columns:
        name = column.key
        if name not in values or values[name] is None:
            continue
        targets = {key.column.table.name for key in column.foreign_keys}
        if Case.__tablename__ in targets or (model is Case and name == "id"):
            values[name] = cases[values[name]]
        elif Requirement.__tablename__ in targets or (model is Requirement and name == "id"):
            values[name] = needed[values[name]]
    if model is Requirement and (values["number"] or "").startswith(OWN_CERTIFICATE):
        values["number"] = OWN_CERTIFICATE  # how they are counted does not matter here
    if model is Document:
        for name in ("uploaded_by_id", "filename", "media_type", "size"):
            values[name] = None
    if model not in {Case, CreditRecord, Requirement, Sanction}:
        values.pop("id", None)


def numbers_of(session: Session, model: type[Base]) -> dict[int, int]:
    """Return the numbers that the store gives to cases or requirements, by the model's."""
    if model is Case:
        seen: dict[tuple[Any, ...], int] = {}
        found_numbers = {}
        known = select(Case.id, Case.workflow, Case.ground, Case.record_id).order_by(Case.id)
        for case in session.execute(known):
            key = (case.workflow, case.ground, case.record_id)
            seen[key] = seen.get(key, 0) + 1
            found_numbers[World.case_number(case, seen[key])] = case.id
        return found_numbers
    if model is Requirement:
        cases = {mine: number for number, mine in numbers_of(session, Case).items()}
        counted: dict[int, int] = {}
        found_numbers = {}
        needed = select(Requirement.id, Requirement.case_id).order_by(Requirement.id)
        for one in session.execute(needed):
            counted[one.case_id] = counted.get(one.case_id, 0) + 1
            found_numbers[cases[one.case_id] * 100 + counted[one.case_id]] = one.id
        return found_numbers
    return {}
