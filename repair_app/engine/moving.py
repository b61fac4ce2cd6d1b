"""Moves a running entity to another version of its workflow, and back.

Which state becomes which is data (`workflows/migrations.toml`); a state that is not named keeps its
name. A move never ends, suspends, resumes or fulfils anything: what a state means to others must be
the same on both sides. Days that have run stay run: a term goes on from the day it began.
"""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any

from sqlalchemy import inspect
from sqlalchemy.orm import Session

from repair_app import ledger, toml_file
from repair_app.engine import deadlines, machine
from repair_app.engine.days import read_table
from repair_app.engine.rules import RulePack
from repair_app.engine.spec import VERSION_STEPS, SpecError, State, Workflow
from repair_app.engine.step import Actor, Answers, Entity, Step
from repair_app.engine.store import Store
from repair_app.models import Deadline, VersionMove

if TYPE_CHECKING:
    from repair_app.engine.policy import Policy

FILE = "migrations.toml"
# What a state is to others: effects set it up on the way in, so a move may not change it.
MEANINGS = ("contests", "live", "meets")
NO_TERM = ("", None)

Named = Mapping[str, str]  # state of the earlier version -> state that it becomes


@dataclass(frozen=True)
class Turn:
    """A term before and after a move: its clock and its last day, or NO_TERM."""

    before: tuple[str, date | None]
    after: tuple[str, date | None]


@dataclass(frozen=True)
class Moved:
    """What a move made of one entity."""

    ref: str
    source: Workflow
    target: Workflow
    from_state: str
    to_state: str
    from_pack: str
    to_pack: str
    turns: tuple[Turn, ...]

    def buttons(self) -> Iterator[tuple[str, list[str], list[str]]]:
        """Yield each role with the steps that it gains and those that it loses."""
        before = steps_by_role(self.source, self.from_state)
        after = steps_by_role(self.target, self.to_state)
        for role in sorted({*before, *after}):
            was, now = before.get(role, set()), after.get(role, set())
            if was != now:
                yield role, sorted(now - was), sorted(was - now)


def name_pack(name: str, sha256: str) -> str:
    """Return a rule pack as people tell its editions apart."""
    return f"{name} {sha256[:12]}"


def steps_by_role(workflow: Workflow, state: str) -> dict[str, set[str]]:
    """Return which steps each role has in a state."""
    found: dict[str, set[str]] = {}
    for one in workflow.leaving(state):
        for role in one.by:
            found.setdefault(role, set()).add(one.name)
    return found


# --- which state becomes which ----------------------------------------------------------------


def load_map(path: Path, old: Workflow, new: Workflow) -> dict[str, str]:
    """Return for each running state of an earlier version what it becomes.

    Raises SpecError naming the file, the versions and the state that has no counterpart, or none
    that means the same.
    """
    named = read_named(path, old, new)
    for state, becomes in named.items():
        if state not in old.states:
            raise refusal(old, new, state, f"version {old.version} has no such state")
        if becomes not in new.states:
            raise refusal(old, new, state, f"version {new.version} has no state {becomes!r}")
    for begins in new.term.starts if new.term else ():
        if begins not in old.states:
            problem = "the term of the whole begins here, and the earlier version has no such state"
            raise refusal(old, new, begins, problem)
    return {
        state.name: counterpart(old, new, state, named)
        for state in old.states.values()
        if not state.final and state.name != old.initial
    }


def read_named(path: Path, old: Workflow, new: Workflow) -> Named:
    """Return the states that the file names for these two versions. Raises SpecError."""
    if not path.exists():
        return {}
    try:
        found = toml_file.load(path)
    except ValueError as error:
        raise SpecError(f"{path.name}: {error}") from error
    for key in (old.name, old.version, new.version):
        found = found.get(key, {})
        if not isinstance(found, dict):
            raise SpecError(f"{path.name}: {old.name}: {key}: is no table")
    for state, becomes in found.items():
        if not isinstance(becomes, str):
            raise refusal(old, new, state, "becomes one state, given by its name")
    return found


def counterpart(old: Workflow, new: Workflow, state: State, named: Named) -> str:
    """Return the state that one becomes. Raises SpecError."""
    found = new.states.get(named.get(state.name, state.name))
    if found is None:
        raise refusal(old, new, state.name, "has no counterpart: name the state that it becomes")
    if found.final or found.name == new.initial:
        problem = f"may not become {found.name!r}: nothing begins or ends by a move"
        raise refusal(old, new, state.name, problem)
    for meaning in MEANINGS:
        if getattr(state, meaning) != getattr(found, meaning):
            problem = f"may not become {found.name!r}: only one of the two is marked `{meaning}`"
            raise refusal(old, new, state.name, problem)
    return found.name


def refusal(old: Workflow, new: Workflow, state: str, problem: str) -> SpecError:
    """Return what is wrong with a map, with the place where it is mended."""
    return SpecError(f'{FILE}: [{old.name}."{old.version}"."{new.version}"]: {state}: {problem}')


# --- one move ---------------------------------------------------------------------------------


def move(
    session: Session,
    policy: "Policy",
    entity: Entity,
    *,
    to: Workflow,
    state: str,
    pack: RulePack | None,
    run: str,
    actor: Actor,
    at: datetime,
) -> Moved:
    """Move a locked entity to another version, in the state that it becomes; keep how to undo it.

    pack: the rule pack that it is pinned to from now on; None leaves the one that it has.
    """
    source = policy.workflow_of(entity)
    terms = deadlines.lock_terms(session, entity.ref)
    clock = source.states[entity.state].clock
    carried = [one for one in terms if one.whole or one.clock == clock]  # those beside them go on
    beside = {one.id for one in terms} - {one.id for one in carried}
    kept = VersionMove(
        run=run,
        workflow=source.name,
        entity_ref=entity.ref,
        from_version=source.version,
        from_state=entity.state,
        from_pack=entity.rule_pack,
        from_pack_hash=entity.rule_pack_hash,
        from_terms=[freeze(one) for one in terms],
        to_version=to.version,
        version_after=entity.version + 1,
        moved_at=at,
    )
    session.add(kept)
    before = days_of(carried)
    since = entered_on(session, policy, entity)
    machine.pin(entity, to, state)
    if pack:
        entity.rule_pack, entity.rule_pack_hash = pack.id, pack.sha256
    step = step_between(session, policy, entity, "migrate", actor, at)
    carry_own_term(step, carried, clock, since.get(kept.from_state), repinned=pack is not None)
    carry_whole_term(step, carried, since, repinned=pack is not None)
    session.flush()
    moved = Moved(
        ref=entity.ref,
        source=source,
        target=to,
        from_state=kept.from_state,
        to_state=state,
        from_pack=name_pack(kept.from_pack, kept.from_pack_hash),
        to_pack=name_pack(entity.rule_pack, entity.rule_pack_hash),
        turns=compare(
            before,
            days_of(
                one for one in deadlines.lock_terms(session, entity.ref) if one.id not in beside
            ),
        ),
    )
    tell(step, kept.from_state, state, describe_move(kept, moved.turns))
    return moved


def move_back(
    session: Session,
    policy: "Policy",
    entity: Entity,
    kept: VersionMove,
    *,
    actor: Actor,
    at: datetime,
) -> None:
    """Undo a move of a locked entity to which nothing happened since."""
    left = entity.state
    machine.pin(entity, policy.workflows[kept.workflow, kept.from_version], kept.from_state)
    entity.rule_pack, entity.rule_pack_hash = kept.from_pack, kept.from_pack_hash
    restore_terms(session, entity, kept.from_terms)
    kept.undone_at = at
    step = step_between(session, policy, entity, "migrate_back", actor, at)
    tell(step, left, kept.from_state, {"run": kept.run, "from_version": kept.to_version})


def step_between(
    session: Session, policy: "Policy", entity: Entity, name: str, actor: Actor, at: datetime
) -> Step:
    """Return the step between two versions of an entity that is pinned to the second already."""
    return machine.prepare(
        Store(session), policy, entity, VERSION_STEPS[name], actor, Answers(), at=at
    )


def describe_move(kept: VersionMove, turns: Sequence[Turn]) -> dict[str, Any]:
    """Return the facts of a move for its event."""
    return {
        "run": kept.run,
        "from_version": kept.from_version,
        "from_pack": [kept.from_pack, kept.from_pack_hash],
        "terms": [
            [clock or "", str(day or ""), clock_after or "", str(day_after or "")]
            for (clock, day), (clock_after, day_after) in ((one.before, one.after) for one in turns)
        ],
    }


def tell(step: Step, source: str, target: str, facts: Mapping[str, Any]) -> None:
    """Write a move into the ledger."""
    ledger.append(
        step.store.session,
        step.stream,
        ledger.describe(
            entity=step.entity.ref,
            workflow=step.workflow.name,
            workflow_version=step.workflow.version,
            transition=step.transition.name,
            source=source,
            target=target,
            actor=step.actor.as_dict(),
            at=step.at,
            basis=[f"{one.document} {one.clause}" for one in step.transition.basis],
            rule_pack=step.entity.rule_pack,
            facts=facts,
            evidence=[],
        ),
        {},
        at=step.at,
    )


# --- its terms --------------------------------------------------------------------------------


def entered_on(session: Session, policy: "Policy", entity: Entity) -> dict[str, date]:
    """Return the day on which each state was entered first, and the present one last."""
    events = deadlines.list_events(session, [entity.ref])[entity.ref]
    found: dict[str, date] = {}
    for day, _, state in deadlines.moves_in(policy.workflows, events):
        if state.name == entity.state:
            found[state.name] = day
        else:
            found.setdefault(state.name, day)
    return found


def carry_own_term(
    step: Step, terms: Sequence[Deadline], left: str | None, since: date | None, *, repinned: bool
) -> None:
    """Turn the term of the state into that of the state it becomes; it goes on from its day.

    left: the clock of the state that was left. Where its term no longer runs, what it asks for has
    been done in this state (a measure was fed back), and is not asked for again.
    """
    entered = step.workflow.states[step.state]
    own = next((one for one in terms if not one.whole and one.met_at is None), None)
    if own is None:
        if entered.clock and entered.clock != left:
            deadlines.open_term(step, entered.clock, entered, since=since)
    elif entered.clock:
        turn_term(step, own, entered.clock, entered, repinned=repinned)
    else:
        step.store.drop(own)


def carry_whole_term(
    step: Step, terms: Sequence[Deadline], since: Mapping[str, date], *, repinned: bool
) -> None:
    """Keep, open or drop the term of the whole matter, as the version has it."""
    begins, entered = step.workflow.term, step.workflow.states[step.state]
    whole = next((one for one in terms if one.whole), None)
    if whole is None:
        begun = [since[one] for one in begins.starts if one in since] if begins else []
        if begins is None or not begun or entered.decided:
            return
        deadlines.open_term(step, begins.clock, entered, whole=True, since=min(begun))
        step.store.save()
        whole = next(
            one for one in deadlines.lock_terms(step.store.session, step.entity.ref) if one.whole
        )
    elif whole.met_at is not None:
        return
    elif begins is None:
        step.store.drop(whole)
        return
    else:
        turn_term(step, whole, begins.clock, entered, repinned=repinned)
    deadlines.follow_whole(step, whole, entered)


def turn_term(step: Step, term: Deadline, clock: str, entered: State, *, repinned: bool) -> None:
    """Give a running term to whoever has it in this version; count it anew by another clock."""
    if entered.owner:
        term.owner = entered.owner
        term.organisation_id = deadlines.organisation_of(step, entered)
    if term.clock != clock or repinned:
        term.clock, term.working_days = clock, 0
        session = step.store.session
        deadlines.count_anew(session, term, read_table(session), step.rules.clocks, step.at)


def days_of(terms: Iterable[Deadline]) -> dict[bool, tuple[str, date | None]]:
    """Return clock and last day of the running terms: of the whole matter, of the state."""
    return {one.whole: (one.clock, one.due_on) for one in terms if one.met_at is None}


def compare(
    before: Mapping[bool, tuple[str, date | None]], after: Mapping[bool, tuple[str, date | None]]
) -> tuple[Turn, ...]:
    """Return the terms that a move changes, that of the state first."""
    turns = (Turn(before.get(one, NO_TERM), after.get(one, NO_TERM)) for one in (False, True))
    return tuple(one for one in turns if one.before != one.after)


def freeze(term: Deadline) -> dict[str, Any]:
    """Return a row of a deadline as JSON."""
    return {
        name: frozen(getattr(term, name))
        for name in [one.key for one in inspect(Deadline).column_attrs]
    }


def frozen(value: Any) -> Any:
    """Return a value as JSON: moments and days are told apart."""
    match value:
        case datetime():
            return {"at": value.isoformat()}
        case date():
            return {"on": value.isoformat()}
    return value


def thawed(value: Any) -> Any:
    """Return what `frozen` was given."""
    match value:
        case {"at": moment}:
            return datetime.fromisoformat(moment)
        case {"on": day}:
            return date.fromisoformat(day)
    return value


def restore_terms(session: Session, entity: Entity, kept: Sequence[Mapping[str, Any]]) -> None:
    """Make the terms of an entity what they were."""
    rows = {row["id"]: {name: thawed(value) for name, value in row.items()} for row in kept}
    for term in deadlines.lock_terms(session, entity.ref):
        if (row := rows.pop(term.id, None)) is None:
            session.delete(term)
            continue
        for name, value in row.items():
            setattr(term, name, value)
    session.add_all(Deadline(**row) for row in rows.values())
    session.flush()
