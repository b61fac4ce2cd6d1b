"""The rule packs as people look at them: what each says, which is in force, what a change does."""

from collections import Counter
from collections.abc import Collection, Iterator, Mapping
from dataclasses import dataclass, field
from datetime import date
from functools import partial
from pathlib import Path
from typing import Any

from flask import current_app
from sqlalchemy import select
from sqlalchemy.orm import selectinload

from repair_app.db import db, today
from repair_app.engine.assessment import Assessment, assess
from repair_app.engine.policy import Policy
from repair_app.engine.rules import (
    GRADES,
    PARTS,
    Library,
    Material,
    RuleError,
    RulePack,
    Stated,
    load_library,
)
from repair_app.engine.rules.tables import read_toml, suggest
from repair_app.models import Case, CreditRecord
from repair_app.services.policy import current_policy
from repair_app.services.rule_words import plain

BATCH = 500  # rows of the store that are held at a time
FIRST = 5  # references that a count is followed by


@dataclass(frozen=True)
class Listed:
    """A rule pack in the list: the parts that go by it today, and how many values of each grade."""

    pack: RulePack
    in_force: tuple[str, ...]
    grades: Mapping[str, int]

    @property
    def is_current(self) -> bool:
        """Say whether new cases may begin with it."""
        return current_policy().packs.get(self.pack.id) is self.pack


@dataclass(frozen=True)
class Change:
    """A value that two packs state differently; None where one of them does not state it."""

    key: str
    before: str | None
    after: str | None


@dataclass
class Counted:
    """How many are concerned, and the references of the first of them."""

    count: int = 0
    first: list[str] = field(default_factory=list)

    def add(self, ref: str) -> None:
        """Count one more."""
        self.count += 1
        if len(self.first) < FIRST:
            self.first.append(ref)


@dataclass(frozen=True)
class Impact:
    """What an edited pack would change, were those who go by the current one to begin with it.

    `records` counts live records by what would move, `cases` open cases by term or material. All
    keep the edition that they began with; `parts` are those that new ones would go by it in.
    """

    pack: RulePack
    parts: tuple[str, ...]
    changes: tuple[Change, ...]
    classes: Mapping[str, tuple[str, ...]]
    records: Mapping[str, Counted]
    cases: Mapping[str, Counted]


@dataclass(frozen=True)
class Asked:
    """A group of materials of which a repair needs one, and whether one of them is there.

    What a requirement yields is there once that is met; a proof of rectification, or any other
    paper, once it was attached as what it is.
    """

    group: tuple[Material, ...]
    is_met: bool


def list_materials(case: Case) -> tuple[Asked, ...]:
    """Return the materials that a repair asks for by its rules; none for any other case."""
    policy = current_policy()
    if case.workflow != "repair":
        return ()
    pack = policy.pack_of(case)
    severity = assess(pack, partial(getattr, case.record)).severity
    met = {
        one.workflow for one in case.requirements if policy.workflow_of(one).states[one.state].meets
    }
    attached = {one.material for one in case.documents}
    return tuple(
        Asked(group, any(_is_there(one, met, attached) for one in group))
        for group in pack.checklist(severity, case.record.penalty_categories)
    )


def _is_there(material: Material, met: Collection[str], attached: Collection[str | None]) -> bool:
    return material.code in attached or material.requirement in set(met) - {"rectification"}


def parts_in_force(policy: Policy, day: date) -> dict[str, RulePack]:
    """Return the rule pack that each part goes by on a day, for what is decided and applied then.

    A part without a pack on that day is left out.
    """
    found: dict[str, RulePack] = {}
    for part in sorted(PARTS):
        try:
            found[part] = policy.pack_for(part, decided_on=day, applied_on=day)
        except RuleError:
            continue
    return found


def list_packs() -> list[Listed]:
    """Return all rule packs: those in force first, then current ones, then earlier editions."""
    policy = current_policy()
    in_force = parts_in_force(policy, today())
    listed = [
        Listed(
            pack,
            tuple(part for part, one in in_force.items() if one is pack),
            count_grades(pack),
        )
        for pack in policy.editions.values()
    ]
    return sorted(listed, key=lambda one: (not one.in_force, not one.is_current, one.pack.id))


def count_grades(pack: RulePack) -> dict[str, int]:
    """Return how many values of a pack are of each grade, best first."""
    counted = Counter(one.grade for one in pack.stated)
    return {grade: counted[grade] for grade in GRADES if counted[grade]}


def find_pack(name: str) -> RulePack:
    """Return a rule pack by id (the current edition) or by id and edition (`SD-SEEDS.1`).

    Raises RuleError for a name that there is none of.
    """
    packs = pack_names(current_policy())
    if name not in packs:
        raise RuleError(f"there is no rule pack {name!r}{suggest(name, packs)}")
    return packs[name]


def pack_names(policy: Policy) -> dict[str, RulePack]:
    """Return every rule pack by all its names."""
    numbered = {f"{one.id}.{one.edition}": one for one in policy.editions.values()}
    return numbered | dict(policy.foundations) | dict(policy.packs)


def read_pack(name: str) -> RulePack:
    """Return a rule pack by its name, or that of an edited file by its path (`….toml`).

    An edited file is read as if it took the place of the current pack of its id. Raises RuleError.
    """
    path = Path(name)
    if path.suffix != ".toml":
        return find_pack(name)
    library = read_draft(path)
    return {**library.foundations, **library.current}[draft_id(path)]


def read_draft(path: Path) -> Library:
    """Return the rule packs as they would be with an edited file among them. Raises RuleError."""
    rules = current_app.config["WORKFLOWS"] / "rules"
    return load_library(rules, current_policy().documents, path)


def draft_id(path: Path) -> str:
    """Return what a pack that could be read calls itself."""
    return str(read_toml(path)["id"])


def compare(before: RulePack, after: RulePack) -> tuple[Change, ...]:
    """Return what two packs say differently, value by value, in the order of the keys."""
    one, other = dict(flatten(before)), dict(flatten(after))
    return tuple(
        Change(key, one.get(key), other.get(key))
        for key in sorted(one.keys() | other.keys())
        if one.get(key) != other.get(key)
    )


def flatten(pack: RulePack) -> Iterator[tuple[str, str]]:
    """Yield every value of a pack with its source, by its place; and every text without one."""
    stated = {one.key: one for one in pack.stated}
    for key, one in stated.items():
        yield key, f"{body_text(one)} [{one.source}; {one.grade}]"
    yield from _unsourced(pack.content, "", stated)


def body_text(one: Stated) -> str:
    """Return what a value says, as its file has it."""
    body = {key: value for key, value in one.body.items() if key not in ("source", "grade")}
    if set(body) == {"value"}:
        return text_of(body["value"])
    return "; ".join(f"{key} = {text_of(value)}" for key, value in body.items())


def text_of(value: object) -> str:
    """Return a value of a file on one line, with both languages of a text."""
    if isinstance(value, Mapping):
        return " / ".join(text_of(one) for one in value.values())
    if isinstance(value, list):
        return f"[{', '.join(text_of(one) for one in value)}]"
    return plain(value, "en")


def _unsourced(body: object, place: str, stated: Mapping[str, Any]) -> Iterator[tuple[str, str]]:
    if place in stated:
        return
    if isinstance(body, Mapping) and set(body) != {"zh", "en"}:
        for key, one in body.items():
            yield from _unsourced(one, f"{place}.{key}".lstrip("."), stated)
    elif not (isinstance(body, list) and body and isinstance(body[0], Mapping)):
        yield place, text_of(body)


# --- what a change does, before it is released ----------------------------------------------------


def foresee(path: Path) -> tuple[Impact, ...]:
    """Return what an edited file would change for whom, pack by pack: others may build on it.

    Reads the store and writes nothing. Raises RuleError for a file that must not run, or whose
    pack is not on file yet.
    """
    policy = current_policy()
    drafted = read_draft(path)
    name = draft_id(path)
    if name not in policy.packs and name not in policy.foundations:
        raise RuleError(f"{path.name}: id: {name!r} is not on file: nobody goes by it yet")
    return tuple(
        _foresee(policy, policy.packs[one.id], one)
        for one in sorted(drafted.current.values(), key=lambda one: (one.id != name, one.id))
        if one.sha256 != policy.packs[one.id].sha256
    )


def _foresee(policy: Policy, current: RulePack, draft: RulePack) -> Impact:
    changes = compare(current, draft)
    in_force = parts_in_force(policy, today())
    return Impact(
        pack=draft,
        parts=tuple(part for part, one in in_force.items() if one.id == draft.id),
        changes=changes,
        classes=_classes_changed(changes),
        records=_records_moved(current, draft) if "repair" in draft.parts else {},
        cases=_cases_changed(policy, draft),
    )


def _classes_changed(changes: tuple[Change, ...]) -> dict[str, tuple[str, ...]]:
    """Return the keys that change of each class."""
    found: dict[str, list[str]] = {}
    for change in changes:
        table, _, rest = change.key.partition(".")
        if table == "classes":
            name, _, key = rest.partition(".")
            found.setdefault(name, []).append(key)
    return {name: tuple(keys) for name, keys in found.items()}


def _records_moved(current: RulePack, draft: RulePack) -> dict[str, Counted]:
    """Return the live records that go by a pack and would be classed or dated otherwise."""
    found: dict[str, Counted] = {}
    rows = db.session.scalars(
        select(CreditRecord)
        .where(CreditRecord.rule_pack == current.id, CreditRecord.archived_at.is_(None))
        .order_by(CreditRecord.id)
        .execution_options(yield_per=BATCH)
    )
    for record in rows:
        read = partial(getattr, record)
        for kind in _moved(_as_it_stands(record, assess(current, read)), assess(draft, read)):
            found.setdefault(kind, Counted()).add(record.ref)
    return dict(sorted(found.items()))


def _as_it_stands(record: CreditRecord, assessed: Assessment) -> Assessment:
    """Return class and periods as the record has them, whatever edition gave them."""
    return Assessment(
        record.severity_class,
        assessed.because,
        assessed.published,
        record.min_publication_until,
        record.max_publication_until,
    )


def _moved(before: Assessment, after: Assessment) -> Iterator[str]:
    """Yield the keys of what differs."""
    if before.severity != after.severity:
        yield f"class: {before.severity} -> {after.severity}"
    for name, old, new in (
        ("minimum", before.min_until, after.min_until),
        ("maximum", before.max_until, after.max_until),
    ):
        if old != new:
            yield f"{name} ends {_direction(old, new)}"


def _direction(old: date | None, new: date | None) -> str:
    if old is None or new is None:
        return "where there was none" if old is None else "no more"
    return "later" if new > old else "earlier"


def _cases_changed(policy: Policy, draft: RulePack) -> dict[str, Counted]:
    """Return the open cases that go by a pack and whose term or materials would differ."""
    found: dict[str, Counted] = {}
    rows = db.session.scalars(
        select(Case)
        .where(Case.rule_pack == draft.id, Case.closed_at.is_(None))
        .options(selectinload(Case.deadlines))
        .order_by(Case.id)
        .execution_options(yield_per=BATCH)
    )
    for case in rows:
        for kind in (*_terms_changed(policy, case, draft), *_materials(policy, case, draft)):
            found.setdefault(kind, Counted()).add(case.ref)
    return dict(sorted(found.items()))


def _terms_changed(policy: Policy, case: Case, draft: RulePack) -> Iterator[str]:
    """Yield the terms that run for a case, its requirements included, and would be others."""
    pinned = policy.pack_of(case)
    for clock in sorted({one.clock for one in case.deadlines if one.is_running}):
        before, after = pinned.clocks.get(clock), draft.clocks.get(clock)
        if before and after and before.working_days != after.working_days:
            yield f"{clock}: {before.working_days} -> {after.working_days} working days"


def _materials(policy: Policy, case: Case, draft: RulePack) -> Iterator[str]:
    """Yield what a repair would have to bring on top, and what no more."""
    if case.workflow != "repair" or "repair" not in draft.parts:
        return
    before, after = (_needed(case.record, one) for one in (policy.pack_of(case), draft))
    for code in sorted(after - before):
        yield f"asked for as well: {code}"
    for code in sorted(before - after):
        yield f"no longer asked for: {code}"


def _needed(record: CreditRecord, pack: RulePack) -> set[str]:
    """Return the requirements and groups of materials that a repair of a record needs."""
    severity = pack.classes[assess(pack, partial(getattr, record)).severity]
    groups = pack.checklist(severity.name, record.penalty_categories)
    return {*severity.requirements, *(" or ".join(one.code for one in some) for some in groups)}
