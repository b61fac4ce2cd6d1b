"""Where the ledger is: how many events, the last of them, and where each chain ends.

Kept outside the store, a position proves later that a store still has all it had then: the chains
alone do not show that their last events were cut off together with the notes of their ends.
"""

import hashlib
import json
from collections.abc import Collection, Iterator
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any, Final

from sqlalchemy import func, inspect, select
from sqlalchemy.orm import Session

from repair_app import ledger
from repair_app.db import now
from repair_app.models import Event, Stream, TreeCheckpoint

FORMAT: Final = 1
LATEST: Final = 200  # events that a position names one by one
MOST: Final = 1 << 63  # numbers of a store are below
SHOWN: Final = 20  # differences that are told one by one
NOTE_OF_BACKUP: Final = ("operations", "backup")  # book and step: see services/office_book.py


@dataclass(frozen=True)
class Position:
    """Where a ledger was at a moment."""

    at: str
    events: int
    last_event: int  # its number in the store; numbers may have gaps
    streams: int
    heads: str  # SHA-256 of all ends of chains, as `list_heads` gives them
    latest: list[tuple[int, str, int, str]]  # number, chain, place in it, hash; newest first
    format: int = FORMAT
    # Of the latest, the notes of backups: number, and how many events the backup has, up to which.
    backups: list[tuple[int, int, int]] = field(default_factory=list)
    # The newest signed checkpoint of the tree over all events: its size and its root, in hex.
    tree_size: int = 0
    tree_root: str = ""

    def as_dict(self) -> dict[str, Any]:
        """Return it as JSON holds it."""
        return asdict(self)


def read_position(session: Session) -> Position:
    """Return where the ledger is, as the session's transaction sees it."""
    latest = session.execute(
        select(Event.id, Event.stream, Event.seq, Event.hash, Event.workflow, Event.transition)
        .order_by(Event.id.desc())
        .limit(LATEST)
    ).all()
    notes = [one.id for one in latest if (one.workflow, one.transition) == NOTE_OF_BACKUP]
    # A store that is not brought up to this release yet has no tree.
    has_tree = inspect(session.connection()).has_table(TreeCheckpoint.__tablename__)
    newest = select(TreeCheckpoint).order_by(TreeCheckpoint.size.desc()).limit(1)
    checkpoint = session.scalar(newest) if has_tree else None
    digest, count = hashlib.sha256(), 0
    for line in list_heads(session):
        digest.update(line.encode())
        count += 1
    return Position(
        at=ledger.moment(now()),
        events=session.scalar(select(func.count()).select_from(Event)) or 0,
        last_event=latest[0].id if latest else 0,
        streams=count,
        heads=digest.hexdigest(),
        latest=[(one.id, one.stream, one.seq, one.hash) for one in latest],
        backups=list(read_notes(session, notes)),
        tree_size=checkpoint.size if checkpoint else 0,
        tree_root=checkpoint.root if checkpoint else "",
    )


def read_notes(session: Session, numbers: Collection[int]) -> Iterator[tuple[int, int, int]]:
    """Yield the notes of backups: number, and how many events the backup has, up to which."""
    asked = select(Event.id, Event.payload).where(Event.id.in_(numbers)).order_by(Event.id)
    for number, payload in session.execute(asked) if numbers else ():
        facts = json.loads(payload)["facts"]
        yield number, facts["events"], facts["last_event"]


def list_heads(session: Session) -> Iterator[str]:
    """Yield where each chain ends: reference, length and hash, a line each, by reference."""
    name: Any = Stream.ref
    if session.get_bind().dialect.name == "postgresql":
        name = name.collate("C")  # byte by byte, as SQLite orders them
    query = select(Stream.ref, Stream.length, Stream.head).order_by(name)
    for ref, length, head in session.execute(query.execution_options(yield_per=5000)):
        yield f"{ref}\t{length}\t{head}\n"


def load_position(path: Path) -> Position:
    """Read a position from its file, or from a backup's manifest. Raises ValueError for others."""
    try:
        raw = json.loads(path.read_text(encoding="utf-8"))
        found = position_of(raw.get("position", raw))
    except (
        OSError,
        ValueError,
        TypeError,
        KeyError,
        AttributeError,
        RecursionError,
    ) as error:
        raise ValueError(f"{path} is no position of a ledger") from error
    if found.format != FORMAT:
        raise ValueError(f"{path} is a position of format {found.format}, not {FORMAT}")
    return found


def position_of(given: dict[str, Any]) -> Position:
    """Return a position as JSON held it. Raises KeyError, TypeError, ValueError."""
    latest = [tuple(one) for one in check_list(given["latest"])]
    backups = [tuple(one) for one in check_list(given.get("backups", []))]  # once told none
    found = Position(**{**given, "latest": latest, "backups": backups})
    check_texts(found.at, found.heads, found.tree_root)
    check_numbers(found.tree_size, found.format, found.events, found.last_event, found.streams)
    for number, stream, seq, digest in found.latest:
        check_numbers(number, seq)
        check_texts(stream, digest)
    for one in found.backups:
        number, events, last_event = one
        check_numbers(number, events, last_event)
    return found


def check_texts(*values: Any) -> None:
    """Raise TypeError for what is no text, ValueError for a text that cannot be written."""
    for one in values:
        if not isinstance(one, str):
            raise TypeError(f"{one!r} is no text")
        one.encode()


def check_numbers(*values: Any) -> None:
    """Raise TypeError for what is no whole number, ValueError for what no store can count to."""
    for one in values:
        if type(one) is not int:
            raise TypeError(f"{one!r} is no number")
        if not 0 <= one < MOST:
            raise ValueError(f"{one} is out of range")


def check_list(value: Any) -> list[Any]:
    """Return a list. Raises TypeError for anything else."""
    if not isinstance(value, list):
        raise TypeError(f"{value!r} is no list")
    return value


def list_own_notes(expected: Position, backup: Position) -> list[int]:
    """Return the numbers of the events by which a backup, made at a position, was noted.

    They were written when it was whole, so that it cannot hold them, and lacks nothing by that.
    """
    own = (backup.events, backup.last_event)
    return [number for number, *made_at in expected.backups if tuple(made_at) == own]


def list_lost(session: Session, expected: Position, without: Collection[int] = ()) -> list[str]:
    """Return what a store lacks of what there was at a position; nothing when it lacks nothing.

    A store may have more: what happened since. without: numbers of events that it need not have.
    """
    numbers = [one[0] for one in expected.latest]
    rows = session.execute(select(Event.id, Event.hash).where(Event.id.in_(numbers)))
    here: dict[int, str] = {number: digest for number, digest in rows}  # noqa: C416
    told = []
    for number, stream, seq, digest in reversed(expected.latest):
        if number not in here and number in without:
            continue
        if number not in here:
            told.append(f"event {number} is missing: {stream}, its event {seq}")
        elif here[number] != digest:
            told.append(f"event {number} is not what it was: {stream}, its event {seq}")
    upto = Event.id <= expected.last_event
    count = session.scalar(select(func.count()).select_from(Event).where(upto)) or 0
    excused = sum(one not in here for one in without)
    if count + excused != expected.events:
        told.append(f"up to event {expected.last_event} there are {count} of {expected.events}")
    if expected.tree_size and not excused:
        told += list_other_checkpoint(session, expected)
    return shorten(told)


def list_other_checkpoint(session: Session, expected: Position) -> list[str]:
    """Return that the newest checkpoint of a position is missing, or is another.

    That each checkpoint is the root of the events before it, the proof of the tree tells.
    """
    root = session.scalar(
        select(TreeCheckpoint.root).where(TreeCheckpoint.size == expected.tree_size)
    )
    if root is None:
        return [f"the checkpoint of {expected.tree_size} events is missing"]
    if root != expected.tree_root:
        return [f"the checkpoint of {expected.tree_size} events is not what it was"]
    return []


def list_other_heads(session: Session, heads: Path) -> list[str]:
    """Return which chains do not end as a file of ends says: for a store as of that moment."""
    with heads.open(encoding="utf-8") as file:
        expected = {ref: rest for ref, _, rest in (line.partition("\t") for line in file)}
    told = []
    for line in list_heads(session):
        ref, _, rest = line.partition("\t")
        wanted = expected.pop(ref, None)
        if wanted is None:
            told.append(f"{ref}: a chain that there was not")
        elif wanted != rest:
            length, wanted_length = rest.partition("\t")[0], wanted.partition("\t")[0]
            told.append(f"{ref}: ends with event {length}, and ended with event {wanted_length}")
    told += [f"{ref}: the whole chain is missing" for ref in sorted(expected)]
    return shorten(told)


def shorten(told: list[str]) -> list[str]:
    """Return the first of many, and how many more there are."""
    more = len(told) - SHOWN
    return [*told[:SHOWN], f"… and {more} more"] if more > 0 else told
