"""Moving running entities to the present version of their workflow: tried, done in bulk, undone.

Each entity has a transaction of its own and an event of its own. A run that is broken off goes on
when it is called again: what is moved already is not found a second time.
"""

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from typing import Any

from flask import current_app
from sqlalchemy import ColumnElement, select, true

from repair_app import calendar, refs
from repair_app.db import db, now, today
from repair_app.engine import moving
from repair_app.engine.policy import Policy
from repair_app.engine.rules import RulePack
from repair_app.engine.spec import Workflow
from repair_app.engine.step import Actor, Entity, record_of
from repair_app.models import Case, CreditRecord, Requirement, Sanction, VersionMove
from repair_app.services import cases
from repair_app.services.policy import current_policy
from repair_app.services.transaction import sweep, transaction

PREFIX = "BQ"  # of a run's reference: 版本迁移
MODELS: Mapping[str, tuple[str, Any]] = {
    "case": ("cases", Case),
    "requirement": ("requirements", Requirement),
    "record": ("records", CreditRecord),
    "sanction": ("sanctions", Sanction),
}


class CannotMove(Exception):
    """A move that was asked for and that cannot be; says what to do."""


@dataclass(frozen=True)
class Lack:
    """A rule pack that running entities are pinned to, and the clocks that it does not give."""

    pack: RulePack
    clocks: tuple[str, ...]


@dataclass(frozen=True)
class Plan:
    """Which entities move to which version, and what each state becomes."""

    target: Workflow
    becomes: Mapping[str, Mapping[str, str]]  # earlier version -> state -> state
    refs: Sequence[str]
    lacks: Sequence[Lack]


@dataclass(frozen=True)
class Undone:
    """What an undoing did: those moved back, and those to which something happened since."""

    back: Sequence[str]
    stay: Sequence[str]


def plan(name: str, version: str, only: Sequence[str] = ()) -> Plan:
    """Return what would move to the present version of a workflow.

    only: references; all running entities of earlier versions if empty. Raises CannotMove, and
    SpecError when a state of an earlier version has nothing that it could become.
    """
    policy = current_policy()
    target = policy.current.get(name)
    if target is None:
        raise CannotMove(f"there is no workflow {name!r}; known: {', '.join(policy.current)}")
    if target.version != version:
        raise CannotMove(
            f"{name} is at version {target.version}: running matters move to that one only"
        )
    earlier = [
        one for one in policy.workflows.values() if one.name == name and one.version != version
    ]
    maps = current_app.config["WORKFLOWS"] / moving.FILE
    becomes = {one.version: moving.load_map(maps, one, target) for one in earlier}
    found = list_running(target, earlier, only)
    if missing := sorted(set(only) - {ref for ref, *_ in found}):
        raise CannotMove(
            f"{', '.join(missing)}: no running {name} of an earlier version than {version}"
        )
    return Plan(
        target=target,
        becomes=becomes,
        refs=[ref for ref, *_ in found],
        lacks=list(find_lacks(policy, target, {(pack, sha256) for _, pack, sha256 in found})),
    )


def list_running(
    target: Workflow, earlier: Sequence[Workflow], only: Sequence[str]
) -> Sequence[tuple[str, str, str]]:
    """Return reference and rule pack of what runs under earlier versions, oldest first."""
    _, model = MODELS[target.entity]
    query = (
        select(model.ref, model.rule_pack, model.rule_pack_hash)
        .where(of_workflow(model, target.name))
        .where(runs_under(model, earlier))
        .order_by(model.id)
    )
    if only:
        query = query.where(model.ref.in_(only))
    return [(row.ref, row.rule_pack, row.rule_pack_hash) for row in db.session.execute(query)]


def of_workflow(model: Any, name: str) -> ColumnElement[bool]:
    """Return the SQL condition for entities of a workflow; a record or sanction has just one."""
    return model.workflow == name if model in {Case, Requirement} else true()


def runs_under(model: Any, versions: Sequence[Workflow]) -> ColumnElement[bool]:
    """Return the SQL condition for entities that have not ended, under one of these versions."""
    condition: ColumnElement[bool] = ~true()
    for one in versions:
        ends = [state.name for state in one.states.values() if state.final]
        condition |= (model.workflow_version == one.version) & model.state.not_in(ends)
    return condition


def find_lacks(policy: Policy, target: Workflow, pins: set[tuple[str, str]]) -> Iterator[Lack]:
    """Yield the rule packs in use that do not give every clock of the version."""
    for pin in sorted(pins):
        pack = policy.editions[pin]
        if gaps := policy.pack_gaps(pack, target):
            yield Lack(pack, gaps)


def migrate(
    wanted: Plan, *, pin_pack: bool, actor: Actor, dry: bool, tell: Callable[[moving.Moved], None]
) -> str:
    """Move everything of a plan, each in its own transaction; return the reference of the run.

    pin_pack: whatever is pinned to a rule pack without the clocks of the version is pinned to the
    one in force. dry: everything is tried, and nothing is kept. Raises CannotMove before anything
    is changed; an ExceptionGroup of what failed when all others are moved.
    """
    if wanted.lacks and not (pin_pack or dry):
        raise CannotMove("the rule pack lacks clocks that the version names: see --pack")
    run = "" if dry or not wanted.refs else new_run()
    sweep(
        wanted.refs,
        lambda ref: move_one(wanted, ref, run, pin_pack=pin_pack, actor=actor, dry=dry, tell=tell),
    )
    return run


def new_run() -> str:
    """Return the reference of a new run."""
    with transaction() as session:
        return refs.new_ref(session, PREFIX, today())


def move_one(
    wanted: Plan,
    ref: str,
    run: str,
    *,
    pin_pack: bool,
    actor: Actor,
    dry: bool,
    tell: Callable[[moving.Moved], None],
) -> bool:
    """Move one entity, or try to; say whether it was still there to be moved."""
    policy = current_policy()
    kind, _ = MODELS[wanted.target.entity]
    with transaction() as session:
        entity = cases.lock(session, kind, ref)
        becomes = wanted.becomes.get(entity.workflow_version, {}).get(entity.state)
        if becomes is None:  # moved or ended since the plan was made
            return False
        moved = moving.move(
            session,
            policy,
            entity,
            to=wanted.target,
            state=becomes,
            pack=pack_in_force(policy, wanted, entity) if pin_pack else None,
            run=run,
            actor=actor,
            at=now(),
        )
        if dry:
            session.rollback()
    tell(moved)
    return True


def pack_in_force(policy: Policy, wanted: Plan, entity: Entity) -> RulePack | None:
    """Return the rule pack to pin an entity to, or None where its own gives every clock.

    Raises CannotMove when the pack in force does not give them either, and for a record: its class
    and periods do not change with its workflow.
    """
    if not any(one.pack.sha256 == entity.rule_pack_hash for one in wanted.lacks):
        return None
    if isinstance(entity, CreditRecord):
        raise CannotMove(f"{entity.ref}: the rule pack of a record stays")
    pack = policy.pack_for(
        wanted.target.rules,
        decided_on=record_of(entity).decided_on,
        applied_on=began_on(entity),
    )
    if gaps := policy.pack_gaps(pack, wanted.target):
        raise CannotMove(f"{entity.ref}: {pack.id} lacks {', '.join(gaps)} as well")
    return pack


def began_on(entity: Case | Requirement | Sanction) -> date:
    """Return the day on which a matter began, which chose its rule pack."""
    match entity:
        case Sanction():
            return entity.imposed_on
        case Requirement():
            return calendar.local_date(entity.case.opened_at)
        case Case():
            return calendar.local_date(entity.opened_at)


def undo(run: str, *, actor: Actor) -> Undone:
    """Move back what a run moved and to which nothing happened since, each in its transaction.

    Raises CannotMove when there was no such run.
    """
    moves = list(db.session.scalars(select(VersionMove).where(VersionMove.run == run)))
    if not moves:
        raise CannotMove(f"there was no run {run}")
    open_ones = [(one.id, one.entity_ref) for one in moves if one.undone_at is None]
    back: list[str] = []

    def move_back(one: tuple[int, str]) -> bool:
        done = undo_one(*one, actor=actor)
        if done:
            back.append(one[1])
        return done

    sweep(open_ones, move_back)
    return Undone(back, [ref for _, ref in open_ones if ref not in set(back)])


def undo_one(move_id: int, ref: str, *, actor: Actor) -> bool:
    """Move one entity back; say whether nothing had happened to it since."""
    policy = current_policy()
    with transaction() as session:
        kept = session.get_one(VersionMove, move_id)
        kind, _ = MODELS[policy.workflows[kept.workflow, kept.from_version].entity]
        entity = cases.lock(session, kind, ref)
        session.refresh(kept)
        if kept.undone_at or entity.version != kept.version_after:
            return False
        moving.move_back(session, policy, entity, kept, actor=actor, at=now())
        return True
