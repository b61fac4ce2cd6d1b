"""The catalogue of sanction measures: what is in force, and putting another one in force.

It begins as the file of the policy folder, and follows that file from start to start, until an
administrator puts one in force: from then on the store's own counts, and the file no more.
"""

import hashlib
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import asdict, dataclass, fields
from datetime import date
from pathlib import Path
from typing import Any, Final

from flask_babel import lazy_gettext as _l
from sqlalchemy import func, select
from sqlalchemy.orm import Session

from repair_app.db import db
from repair_app.labels import Label
from repair_app.models import Event, Sanction, SanctionMeasure, User
from repair_app.services import office_book
from repair_app.services.catalogue_file import CatalogueProblem, Measure, read_file
from repair_app.services.transaction import transaction

BOOK: Final = office_book.MEASURES
SEAL: Final = 16  # characters
NOTHING_NEW: Final = Label(
    "与现行清单完全一致，未作更改。", "The catalogue says so already: nothing to change."
)
KIND_NAMES: Final[Mapping[str, Any]] = {
    "administrative": _l("administrative"),
    "market": _l("market"),
    "industry": _l("industry"),
}
FORCE_NAMES: Final[Mapping[str, Any]] = {
    "mandatory": _l("mandatory"),
    "recommended": _l("recommended"),
}
CHANGED_MEANWHILE: Final = Label(
    "预览之后，清单已被更改。请重新查看下面的变动，确认后再施行。",
    "The catalogue was changed since the preview: look at what would change now, then go on.",
)


@dataclass(frozen=True)
class Change:
    """A measure that becomes another; `before` is None for one that is added."""

    before: Measure | None
    after: Measure
    running: int  # sanctions on its ground that have not ended

    @property
    def kind(self) -> str:
        """Return what is done to it: a key of `web.words.MEASURE_CHANGES`."""
        if self.before is None:
            return "added"
        if self.before.withdrawn_on == self.after.withdrawn_on:
            return "changed"
        return "withdrawn" if self.after.withdrawn_on else "restored"

    @property
    def fields(self) -> dict[str, tuple[Any, Any]]:
        """Return what is different: field -> (before, after)."""
        old, new = asdict(self.before) if self.before else {}, asdict(self.after)
        return {name: (old.get(name), new[name]) for name in new if old.get(name) != new[name]}


@dataclass(frozen=True)
class Plan:
    """What a catalogue changes, and of which state of the catalogue that was said."""

    changes: Sequence[Change]
    edition: int  # how many changes the ledger holds

    @property
    def seal(self) -> str:
        """Return what tells this plan from any other."""
        said = repr((self.edition, [(one.before, one.after) for one in self.changes]))
        return hashlib.sha256(said.encode()).hexdigest()[:SEAL]


def load_measures(path: Path) -> bool:
    """Bring the table up to the file of the policy folder; say whether it still counts.

    A measure is added or changed, never removed. Raises CatalogueProblem, OSError.
    """
    measures = read_file(path)
    with transaction() as session:
        office_book.take(session, BOOK)
        if is_own(session):
            return False
        changes = compare(session, measures)
        write(session, changes)
        if any(one.before for one in changes):  # a store that is new has nothing to tell
            note(session, "follow", None, changes, {})
    return True


def is_own(session: Session) -> bool:
    """Say whether an administrator has put a catalogue in force: then it is the store's own."""
    applied = select(Event.id).where(Event.stream == BOOK.name, Event.transition == "apply")
    return session.scalar(applied.limit(1)) is not None


def preview(measures: Sequence[Measure]) -> Plan:
    """Return what a catalogue would change. Raises CatalogueProblem, as `apply` does."""
    return plan(db.session(), measures)


def apply(measures: Sequence[Measure], user: User | None, source: str, *, seen: str = "") -> Plan:
    """Put a catalogue in force, in one transaction, and return what it changed.

    user: the administrator; None for an operator of the commands. source: by whose order. seen:
    the seal of the plan that was looked at before, if any was. Raises CatalogueProblem for a
    catalogue that changes nothing, leaves a measure out, or was previewed before another change.
    """
    with transaction() as session:
        office_book.take(session, BOOK)
        found = plan(session, measures)
        if seen and seen != found.seal:
            raise CatalogueProblem("measures", None, CHANGED_MEANWHILE)
        write(session, found.changes)
        note(session, "apply", user, found.changes, {"source": source})
        return found


def plan(session: Session, measures: Sequence[Measure]) -> Plan:
    """Return what a catalogue changes. Raises CatalogueProblem."""
    known = set(session.scalars(select(SanctionMeasure.code)))
    if missing := sorted(known - {one.code for one in measures}):
        raise CatalogueProblem("measures", None, left_out(missing))
    changes = compare(session, measures)
    if not changes:
        raise CatalogueProblem("measures", None, NOTHING_NEW)
    edition = select(func.count()).select_from(Event).where(Event.stream == BOOK.name)
    return Plan(changes, session.scalar(edition) or 0)


def left_out(codes: Sequence[str]) -> Label:
    """Return the complaint about measures that a catalogue does not name."""
    return Label(
        f"缺少{'、'.join(codes)}。已列入的措施不得删除，否则已作出的惩戒将失去依据；"
        "不再列入的，请保留该条并写明 withdrawn_on = 不再列入的首日。",
        f"{', '.join(codes)}: left out. A measure is never deleted, or past sanctions would lose "
        "what they were: keep it, and write withdrawn_on = the first day on which it is listed no "
        "more.",
    )


def compare(session: Session, measures: Iterable[Measure]) -> list[Change]:
    """Return the measures that are not as the table has them, in the order given."""
    known = {one.code: one for one in session.scalars(select(SanctionMeasure))}
    before = {code: measure_of(one) for code, one in known.items()}
    running = count_running()
    return [
        Change(before.get(one.code), one, running.get(one.code, 0))
        for one in measures
        if before.get(one.code) != one
    ]


def measure_of(row: SanctionMeasure) -> Measure:
    """Return a measure as a catalogue describes it."""
    return Measure(**{one.name: getattr(row, one.name) for one in fields(Measure)})


def list_measures() -> list[Measure]:
    """Return the catalogue in force, by code."""
    rows = db.session.scalars(select(SanctionMeasure).order_by(SanctionMeasure.code))
    return [measure_of(one) for one in rows]


def count_running() -> dict[str, int]:
    """Return how many sanctions run on the ground of each measure, by its code."""
    rows = db.session.execute(
        select(SanctionMeasure.code, func.count())
        .join(Sanction, Sanction.measure_id == SanctionMeasure.id)
        .where(Sanction.ended_at.is_(None))
        .group_by(SanctionMeasure.code)
    )
    return {row[0]: row[1] for row in rows}


def write(session: Session, changes: Iterable[Change]) -> None:
    """Write changes into the table."""
    known = {one.code: one for one in session.scalars(select(SanctionMeasure))}
    for change in changes:
        row = known.get(change.after.code) or SanctionMeasure()
        for name, value in asdict(change.after).items():
            setattr(row, name, value)
        session.add(row)


def note(
    session: Session,
    step: str,
    user: User | None,
    changes: Iterable[Change],
    texts: Mapping[str, str],
) -> None:
    """Write changes into the ledger: what each measure was and is."""
    facts = {
        "measures": [
            {
                "code": one.after.code,
                "change": one.kind,
                "running": one.running,
                "fields": {name: list(map(plain, pair)) for name, pair in one.fields.items()},
            }
            for one in changes
        ]
    }
    actor = office_book.actor_of(user)
    office_book.note(session, BOOK, step, BOOK.name, actor, facts=facts, texts=texts)


def plain(value: Any) -> Any:
    """Return a value as an event holds it: a day as text."""
    return value.isoformat() if isinstance(value, date) else value
