"""Giving events their places in the tree, after their transactions, and signing how far it is.

An event waits in `pending_leaf` from its own transaction on, so that none is skipped however late
it is committed, and nobody who writes waits for the tree (docs/adr/0024). One at a time takes what
waits, under the lock of the one row `tree_head`.
"""

from collections.abc import Sequence
from datetime import datetime
from typing import Final

from sqlalchemy import delete, func, select, text, update
from sqlalchemy.orm import Session

from repair_app import alarms, merkle
from repair_app.db import at, db, insert_rows, is_among, now
from repair_app.models import (
    Event,
    PendingLeaf,
    TreeCheckpoint,
    TreeCosignature,
    TreeHead,
    TreeLeaf,
    TreeTile,
)
from repair_app.notes import Checkpoint, Signer
from repair_app.services.transaction import transaction
from repair_app.services.tree import keys

WIDTH: Final = 256  # hashes of a tile, and events in one transaction at most
HEIGHT: Final = 8  # levels that a tile spans
HASH: Final = 32  # bytes
LATE: Final = 60  # seconds that an event may be without a signed checkpoint
CHECKPOINT: Final = "checkpoint"  # what an alarm is about; of a witness: its name
ALARM: Final = ("history", "history", CHECKPOINT)
TAKE_HEAD: Final = text(
    "INSERT INTO tree_head (id, size) VALUES (1, 0)"
    " ON CONFLICT (id) DO UPDATE SET size = tree_head.size RETURNING size"
)


class Tiles:
    """The stored tiles: each is read once, and written with `save`."""

    def __init__(self, session: Session) -> None:
        self.session = session
        self._rows: dict[tuple[int, int], TreeTile | None] = {}

    def read(self, level: int, number: int) -> bytes:
        """Return the hashes of a tile, one after the other; none where there is no tile."""
        place = level, number
        if place not in self._rows:
            self._rows[place] = self.session.get(TreeTile, place)
        found = self._rows[place]
        return found.hashes if found else b""

    def hash_of(self, level: int, index: int) -> bytes:
        """Return the hash of a complete subtree (see merkle). Raises LookupError for none."""
        row, inside = divmod(level, HEIGHT)
        number, place = divmod(index << inside, WIDTH)
        hashes = self.read(row, number)
        end = (place + (1 << inside)) * HASH
        if len(hashes) < end:
            raise LookupError(f"tile {row}/{number} does not reach hash {place}")
        return hash_up(cut(hashes[place * HASH : end]))

    def add(self, size: int, leaves: Sequence[bytes]) -> None:
        """Add the hashes of leaves to a tree of a size."""
        level, start, new = 0, size, list(leaves)
        while new:
            full = []
            first = start // WIDTH
            while new:
                number, place = divmod(start, WIDTH)
                some, new = new[: WIDTH - place], new[WIDTH - place :]
                # Cut off first what is beyond: of a tree that did not end where it was said to.
                hashes = self.read(level, number)[: place * HASH] + b"".join(some)
                self._write(level, number, hashes)
                start += len(some)
                if len(hashes) == WIDTH * HASH:
                    full.append(hash_up(cut(hashes)))
            level, start, new = level + 1, first, full

    def _write(self, level: int, number: int, hashes: bytes) -> None:
        found = self._rows.get((level, number))
        if found is None:
            found = TreeTile(level=level, number=number, hashes=hashes)
            self._rows[level, number] = found
            self.session.add(found)
        found.hashes = hashes


def cut(hashes: bytes) -> list[bytes]:
    """Return hashes one by one."""
    return [hashes[start : start + HASH] for start in range(0, len(hashes), HASH)]


def hash_up(hashes: list[bytes]) -> bytes:
    """Return the hash of the complete subtree above a power of two of hashes."""
    while len(hashes) > 1:
        pairs = zip(hashes[::2], hashes[1::2], strict=True)
        hashes = [merkle.hash_node(left, right) for left, right in pairs]
    return hashes[0]


def leaf_of(event_hash: str) -> bytes:
    """Return the hash of an event's leaf; event_hash: in hex, as the ledger keeps it."""
    return merkle.hash_leaf(bytes.fromhex(event_hash))


# --- sequencing -----------------------------------------------------------------------------------


def sequence(moment: datetime) -> int:
    """Give each event that waits its place, and sign checkpoints; return of how many.

    One checkpoint for each 256 events at most, and one at the end. Where no key can be read the
    tree grows all the same, and an alarm is raised once events have waited for LATE seconds.
    """
    with at(moment):
        done = 0
        while has_news():
            with transaction() as session:
                some = sequence_some(session)
                problem = sign(session)
            done += some
            if some < WIDTH:
                if problem:
                    with transaction() as session:
                        warn(session, problem)
                break
        return done


def has_news() -> bool:
    """Say whether an event waits for its place, or for a checkpoint."""
    session = db.session()
    session.rollback()  # what was committed since
    waits = session.scalar(select(PendingLeaf.event_id).limit(1))
    found = waits is not None or (session.scalar(select(TreeHead.size)) or 0) > signed_size(session)
    session.rollback()
    return found


def signed_size(session: Session) -> int:
    """Return how many events the newest checkpoint has."""
    return session.scalar(select(func.max(TreeCheckpoint.size))) or 0


def sequence_some(session: Session) -> int:
    """Give up to WIDTH events their places in the session's transaction; return how many."""
    size: int = session.execute(TAKE_HEAD).scalar_one()
    # In two steps: joined, PostgreSQL, where it knows nothing of the tables yet, puts all events
    # together with all that waits, for each 256 anew.
    ids = session.scalars(select(PendingLeaf.event_id).order_by(PendingLeaf.event_id).limit(WIDTH))
    rows = session.execute(
        select(Event.id, Event.hash)
        .where(is_among(Event.id, ids.all(), session))
        .order_by(Event.id)
    ).all()
    if not rows:
        return 0
    insert_rows(
        session,
        TreeLeaf,
        [{"position": size + place, "event_id": one.id} for place, one in enumerate(rows)],
    )
    session.execute(
        delete(PendingLeaf).where(is_among(PendingLeaf.event_id, [one.id for one in rows], session))
    )
    Tiles(session).add(size, [leaf_of(one.hash) for one in rows])
    session.execute(update(TreeHead).values(size=size + len(rows)))
    session.flush()
    return len(rows)


def sign(session: Session) -> str | None:
    """Sign size and root as they are, unless that was done; return why it cannot be."""
    size: int = session.execute(TAKE_HEAD).scalar_one()
    if size <= signed_size(session):
        return None
    try:
        signers = keys.signing_keys(session)
    except keys.NoKey as problem:
        return str(problem)
    root = merkle.root_of(size, Tiles(session).hash_of)
    note = write_checkpoint(signers, size, root)
    session.add(TreeCheckpoint(size=size, root=root.hex(), note=note, at=now()))
    session.flush()
    alarms.clear_alarm(session, *ALARM, at=now())
    return None


def write_checkpoint(signers: Sequence[Signer], size: int, root: bytes) -> str:
    """Return a checkpoint, signed: its origin is the name of the keys."""
    said = Checkpoint(signers[0].name, size, root).text
    return f"{said}\n{''.join(one.sign(said) for one in signers)}"


# --- how far it is --------------------------------------------------------------------------------


def warn(session: Session, problem: str) -> None:
    """Raise an alarm where events have been without a checkpoint for too long."""
    since = unsigned_since(session)
    if since and (now() - since).total_seconds() > LATE:
        alarms.raise_alarm(session, *ALARM, problem, at=now())


def unsigned_since(session: Session) -> datetime | None:
    """Return the moment of the oldest event that no signed checkpoint covers; None for none."""
    first = select(TreeLeaf.event_id).where(TreeLeaf.position == signed_size(session))
    waits = select(func.min(PendingLeaf.event_id))
    ids = [one for one in (session.scalar(first), session.scalar(waits)) if one is not None]
    return session.scalar(select(func.min(Event.at)).where(Event.id.in_(ids))) if ids else None


def newest(session: Session) -> TreeCheckpoint | None:
    """Return the newest signed checkpoint."""
    return session.scalar(select(TreeCheckpoint).order_by(TreeCheckpoint.size.desc()).limit(1))


def newest_note(session: Session) -> str | None:
    """Return the newest checkpoint with all that witnesses have signed of it."""
    found = newest(session)
    return with_cosignatures(session, found) if found else None


def with_cosignatures(session: Session, checkpoint: TreeCheckpoint) -> str:
    """Return the note of a checkpoint with the lines of witnesses that there are by now."""
    lines = session.scalars(
        select(TreeCosignature.line)
        .where(TreeCosignature.size == checkpoint.size)
        .order_by(TreeCosignature.name)
    )
    return checkpoint.note + "".join(lines)


# --- in public ------------------------------------------------------------------------------------


def read_note() -> str | None:
    """Return the newest checkpoint as anybody may read it."""
    return newest_note(db.session())


def read_tile(level: int, number: int, width: int) -> bytes | None:
    """Return the first hashes of a tile, as many as asked for; None where no checkpoint has them.

    What is not signed yet could still become another tree.
    """
    session = db.session()
    signed = signed_size(session) // WIDTH**level
    if not 0 < width <= WIDTH or number * WIDTH + width > signed:
        return None
    return Tiles(session).read(level, number)[: width * HASH]
