"""What an edited rule pack would change for whom, before it is released; reads and never writes.

Nothing on file moves with a release: a record keeps its class and its last day, a case the edition
that it began with. What would differ is what begins afterwards: so each live record is looked at
as if it came in, or its repair were applied for, by the edited pack, and each open case and measure
as if it began by it.
"""

import csv
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping
from contextlib import suppress
from dataclasses import dataclass
from datetime import date
from itertools import groupby
from pathlib import Path
from typing import Final

from sqlalchemy import select
from sqlalchemy.orm import joinedload, selectinload

from repair_app.calendar import Table, add_working_days
from repair_app.db import db, today
from repair_app.engine.assessment import Assessment, assess_record
from repair_app.engine.days import read_table
from repair_app.engine.policy import Policy
from repair_app.engine.rules import Material, RuleError, RulePack
from repair_app.labels import Label
from repair_app.models import Case, CreditRecord, Deadline, Sanction
from repair_app.penalty_format.verdicts import disarm
from repair_app.services.policy import current_policy
from repair_app.services.rule_words import CODES, clock_names
from repair_app.services.rules import Change, compare, draft_id, parts_in_force, read_draft

BATCH: Final = 500  # rows of the store that are held at a time
HEADINGS: Final = ("pack", "what", "ref", "title", "enterprise", "change", "before", "after")


@dataclass(frozen=True)
class Shift:
    """One thing that would be otherwise: what (they are counted by it), and from what to what."""

    kind: Label
    before: str = ""
    after: str = ""


@dataclass(frozen=True)
class Touched:
    """A live record (title: its decision number), open case or measure (state) that differs."""

    ref: str
    title: Label
    firm: str
    edition: str  # that it keeps
    shifts: tuple[Shift, ...]


@dataclass(frozen=True)
class Impact:
    """What an edited pack says otherwise, and whom it would touch were they to begin by it.

    `parts` are those in which new ones would go by it.
    """

    pack: RulePack
    parts: tuple[str, ...]
    changes: tuple[Change, ...]
    records: tuple[Touched, ...]
    cases: tuple[Touched, ...]
    measures: tuple[Touched, ...]


def count(touched: Iterable[Touched]) -> dict[Label, int]:
    """Return how many would differ in what, by the English name."""
    counted = Counter(shift.kind for one in touched for shift in one.shifts)
    return dict(sorted(counted.items(), key=lambda one: one[0].en))


def foresee(path: Path, lang: str | None = None) -> tuple[Impact, ...]:
    """Return what an edited file would change for whom, pack by pack: others may build on it.

    lang: of the changed values, as in `compare`. Raises RuleError for a file that must not run,
    or whose pack is not on file yet.
    """
    policy = current_policy()
    drafted = read_draft(path)
    name = draft_id(path)
    if name not in policy.packs and name not in policy.foundations:
        raise RuleError(f"{path.name}: id: {name!r} is not on file: nobody goes by it yet")
    return tuple(
        _foresee(policy, policy.packs[one.id], one, lang)
        for one in sorted(drafted.current.values(), key=lambda one: (one.id != name, one.id))
        if one.sha256 != policy.packs[one.id].sha256
    )


def _foresee(policy: Policy, current: RulePack, draft: RulePack, lang: str | None) -> Impact:
    in_force = parts_in_force(policy, today())
    return Impact(
        pack=draft,
        parts=tuple(part for part, one in in_force.items() if one.id == draft.id),
        changes=compare(current, draft, lang),
        records=tuple(_records_touched(policy, current, draft)),
        cases=tuple(_cases_touched(policy, current, draft)),
        measures=tuple(_measures_touched(policy, current, draft)),
    )


# --- live records ---


def _records_touched(policy: Policy, current: RulePack, draft: RulePack) -> Iterator[Touched]:
    """Yield the live records that would be classed or dated otherwise, or repaired with other."""
    if "repair" not in draft.parts:
        return
    rows = db.session.scalars(
        select(CreditRecord)
        .where(CreditRecord.archived_at.is_(None))
        .order_by(CreditRecord.id)
        .options(joinedload(CreditRecord.subject))
        .execution_options(yield_per=BATCH)
    )
    for record in rows:
        if draft.id not in {record.rule_pack, _pack_of_a_repair(policy, record)}:
            continue
        before, after = (assess_record(pack, record) for pack in (current, draft))
        shifts = (
            *_class_moves(before, after),
            *_days_move(before, after),
            *_materials_move(
                _needed(current, before.severity, record), _needed(draft, after.severity, record)
            ),
        )
        if shifts:
            title = Label(record.decision_no, record.decision_no)
            edition = policy.pack_of(record).release
            yield Touched(record.ref, title, record.subject.name, edition, shifts)


def _pack_of_a_repair(policy: Policy, record: CreditRecord) -> str | None:
    """Return the id of the pack that a repair applied for today would go by, if there is one."""
    with suppress(RuleError):
        return policy.pack_for("repair", decided_on=record.decided_on, applied_on=today()).id
    return None


def _class_moves(before: Assessment, after: Assessment) -> Iterator[Shift]:
    if before.severity != after.severity:
        yield Shift(Label("类别不同", "another class"), before.severity, after.severity)


def _days_move(before: Assessment, after: Assessment) -> Iterator[Shift]:
    for name, old, new in (
        (Label("最短公示期", "minimum"), before.min_until, after.min_until),
        (Label("最长公示期", "maximum"), before.max_until, after.max_until),
    ):
        if old != new:
            how = _direction(old, new)
            kind = Label(f"{name.zh}{how.zh}", f"{name.en} {how.en}")
            yield Shift(kind, *(one.isoformat() if one else "" for one in (old, new)))


def _direction(old: date | None, new: date | None) -> Label:
    if old is None:
        return Label("由无到有", "where there was none")
    if new is None:
        return Label("取消", "no more")
    return Label("延后届满", "ends later") if new > old else Label("提前届满", "ends earlier")


# --- open cases ---


def _cases_touched(policy: Policy, current: RulePack, draft: RulePack) -> Iterator[Touched]:
    """Yield the open cases whose terms, materials or proofs would be others."""
    table = read_table(db.session())
    rows = db.session.scalars(
        select(Case)
        .where(Case.rule_pack == draft.id, Case.closed_at.is_(None))
        .options(selectinload(Case.deadlines), joinedload(Case.subject))
        .order_by(Case.id)
        .execution_options(yield_per=BATCH)
    )
    for case in rows:
        shifts = (
            *_terms_move(case.deadlines, current, draft, table),
            *_what_a_repair_needs_moves(case, current, draft),
            *_proofs_move(case, current, draft),
        )
        if shifts:
            state = policy.workflow_of(case).states[case.state].label
            edition = policy.pack_of(case).release
            yield Touched(case.ref, state, case.subject.name, edition, shifts)


def _terms_move(
    terms: Iterable[Deadline], current: RulePack, draft: RulePack, table: Table
) -> Iterator[Shift]:
    """Yield the terms that run and would be others; the length told first is the term's own."""
    names = clock_names(current_policy())
    running = (one for one in terms if one.met_at is None)
    for term in sorted(running, key=lambda one: (one.clock, one.id)):
        clock, before, after = term.clock, *(one.clocks.get(term.clock) for one in (current, draft))
        if before and after and before.working_days != after.working_days:
            old, new = term.working_days, after.working_days
            kind = Label(
                f"{clock}（{names[clock].zh}）：{old} -> {new}个工作日",
                f"{clock} ({names[clock].en}): {old} -> {new} working days",
            )
            yield Shift(kind, term.due_on.isoformat(), _last_day(term, new, table))


def _last_day(term: Deadline, days: int, table: Table) -> str:
    """Return the last day that a term would have with another length; empty where there is none."""
    try:
        due = add_working_days(
            term.starts_on, days, table, pauses=term.due.pauses, extended_by=term.extended_by
        )
    except (ValueError, OverflowError):
        return ""
    return due.due_on.isoformat()


def _measures_touched(policy: Policy, current: RulePack, draft: RulePack) -> Iterator[Touched]:
    """Yield the measures for whose departments a term runs that would be another."""
    table = read_table(db.session())
    running = (
        select(Deadline, Sanction)
        .join(Sanction, Sanction.ref == Deadline.entity_ref)
        .where(Sanction.rule_pack == draft.id, Deadline.met_at.is_(None))
        .options(joinedload(Sanction.record).joinedload(CreditRecord.subject))
        .order_by(Sanction.id, Deadline.id)
        .execution_options(yield_per=BATCH)
    )
    for sanction, rows in groupby(db.session.execute(running), key=lambda row: row.Sanction):
        terms = [row.Deadline for row in rows]
        if shifts := tuple(_terms_move(terms, current, draft, table)):
            state = policy.workflow_of(sanction).states[sanction.state].label
            edition = policy.pack_of(sanction).release
            yield Touched(sanction.ref, state, sanction.record.subject.name, edition, shifts)


def _what_a_repair_needs_moves(case: Case, current: RulePack, draft: RulePack) -> Iterator[Shift]:
    """Yield what a repair would have to bring on top, and what no more."""
    if case.workflow == "repair" and "repair" in draft.parts:
        before, after = (
            _needed(pack, assess_record(pack, case.record).severity, case.record)
            for pack in (current, draft)
        )
        yield from _materials_move(before, after)


def _needed(pack: RulePack, severity: str, record: CreditRecord) -> dict[str, Label]:
    """Return requirements and groups of materials that a repair of a record needs, by code."""
    needed = {one: CODES[one] for one in pack.classes[severity].requirements}
    groups = pack.checklist(severity, record.penalty_categories)
    return needed | {" or ".join(one.code for one in some): _any_of(some) for some in groups}


def _any_of(materials: tuple[Material, ...]) -> Label:
    return Label(
        "或".join(one.label.zh for one in materials),
        " or ".join(one.label.en for one in materials),
    )


def _materials_move(before: Mapping[str, Label], after: Mapping[str, Label]) -> Iterator[Shift]:
    for code in sorted(after.keys() - before.keys()):
        kind = Label(f"另须提交：{after[code].zh}", f"asked for as well: {after[code].en}")
        yield Shift(kind, after=code)
    for code in sorted(before.keys() - after.keys()):
        kind = Label(f"不再要求：{before[code].zh}", f"no longer asked for: {before[code].en}")
        yield Shift(kind, before=code)


def _proofs_move(case: Case, current: RulePack, draft: RulePack) -> Iterator[Shift]:
    """Yield what would serve as proof of the ground of an objection, and what no more."""
    if case.ground not in current.grounds or case.ground not in draft.grounds:
        return
    before, after = (
        {code: pack.materials[code].label for code in pack.grounds[case.ground].any_of}
        for pack in (current, draft)
    )
    for code in sorted(after.keys() - before.keys()):
        kind = Label(f"可作证据：{after[code].zh}", f"serves as proof: {after[code].en}")
        yield Shift(kind, after=code)
    for code in sorted(before.keys() - after.keys()):
        kind = Label(f"不再可作证据：{before[code].zh}", f"no longer proof: {before[code].en}")
        yield Shift(kind, before=code)


# --- the whole as a file ---


def write_impact(path: Path, impacts: Iterable[Impact], lang: str) -> int:
    """Write every change of everybody as CSV (UTF-8, byte order mark); return how many lines.

    Raises OSError when the file cannot be written.
    """
    lines = 0
    with path.open("w", encoding="utf-8-sig", newline="") as file:
        table = csv.writer(file)
        table.writerow(HEADINGS)
        for row in _rows(impacts, lang):
            table.writerow([disarm(cell) for cell in row])
            lines += 1
    return lines


def _rows(impacts: Iterable[Impact], lang: str) -> Iterator[tuple[str, ...]]:
    for impact in impacts:
        for what, touched in (
            ("record", impact.records),
            ("case", impact.cases),
            ("measure", impact.measures),
        ):
            for one in touched:
                for shift in one.shifts:
                    yield (
                        impact.pack.id,
                        what,
                        one.ref,
                        one.title.text(lang),
                        one.firm,
                        shift.kind.text(lang),
                        shift.before,
                        shift.after,
                    )
