"""The keys of encrypted columns: which there are, which are missing, writing under a new one."""

from collections import Counter
from typing import Final

from sqlalchemy import Column, String, Table, func, select, type_coerce, update

from repair_app import sealing
from repair_app.db import Base, db
from repair_app.labels import Label
from repair_app.sealing import INDEX, MARK
from repair_app.services.transaction import transaction

AT_ONCE: Final = 500  # rows in one transaction
PLAIN: Final = ""  # the name of no key: written before there were any


def count_by_key() -> Counter[str]:
    """Return how many values lie under which key; those that are not encrypted under PLAIN."""
    found: Counter[str] = Counter()
    for _, column in sealing.sealed_columns(Base.metadata.sorted_tables):
        kept = type_coerce(column, String)
        head = func.substr(kept, 1, len(MARK) + sealing.ID_LENGTH)
        asked = select(head, func.count()).where(kept.is_not(None)).group_by(head)
        for name, count in db.session.execute(asked).all():
            found[name.removeprefix(MARK) if name.startswith(MARK) else PLAIN] += count
    return found


def find_missing() -> Label | None:
    """Return what to say of keys that values lie under and that are not here; None: all are."""
    missing = sorted(count_by_key().keys() - sealing.ring().by_name.keys() - {PLAIN})
    return sealing.missing_text(missing) if missing else None


def rotate() -> int:
    """Write every value anew that is not under the first key; return how many. May be repeated.

    Others may go on meanwhile: a value that somebody changes at the same time is under it anyway.
    """
    return sum(
        rotate_column(table, column)
        for table, column in sealing.sealed_columns(Base.metadata.sorted_tables)
    )


def rotate_column(table: Table, column: Column[str]) -> int:
    """Write the values of a column under the first key, some at a time; return how many."""
    ring, total = sealing.ring(), 0
    (key,) = table.primary_key
    kept = type_coerce(column, String)
    old = ~kept.startswith(f"{MARK}{ring.first.name}:", autoescape=True)
    place = f"{table.name}.{column.name}"
    while True:
        with transaction() as session:
            some = select(key, column).where(kept.is_not(None), old).limit(AT_ONCE)
            rows = session.execute(some.with_for_update()).all()
            for number, value in rows:
                changed = {column.name: value}
                if index := column.info.get(INDEX):
                    changed[index] = ring.index(value, place)
                session.execute(update(table).where(key == number).values(changed))
        total += len(rows)
        if len(rows) < AT_ONCE:
            return total
