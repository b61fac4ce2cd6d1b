"""Whether the tree is what was signed: each leaf its event, each checkpoint the root of then."""

from collections.abc import Generator, Iterable, Iterator, Sequence
from contextlib import closing
from typing import Any, Final

from sqlalchemy import exists, func, select
from sqlalchemy.orm import Session

from repair_app import merkle
from repair_app.labels import N_
from repair_app.ledger import Flaw
from repair_app.models import (
    Event,
    PendingLeaf,
    TreeCheckpoint,
    TreeCosignature,
    TreeHead,
    TreeLeaf,
    TreeSigner,
    TreeTile,
)
from repair_app.notes import Checkpoint, Malformed, Untrusted, Verifier, open_note
from repair_app.services.tree import keys
from repair_app.services.tree.log import WIDTH, cut, hash_up, leaf_of

TREE: Final = "history"  # stands for a chain where a flaw is of the tree; events count from 1


def find_flaw(session: Session) -> Flaw | None:
    """Return the first thing in which the tree does not agree with events and checkpoints."""
    tiles = read_tiles(session)
    signers = keys.list_signers(session)
    # Closed where a flaw ends the walk: PostgreSQL keeps a cursor open meanwhile.
    with closing(read_leaves(session)) as leaves, closing(read_checkpoints(session)) as signed:
        flaw = check_leaves(leaves, tiles, signed, signers)
    return flaw or check_upper(tiles) or check_size(session, tiles) or find_left_out(session)


def read_leaves(session: Session) -> Generator[Any, None, None]:
    """Yield each leaf with its event, in the order of the tree."""
    query = (
        select(TreeLeaf.position, Event.stream, Event.seq, Event.hash)
        .outerjoin(Event, Event.id == TreeLeaf.event_id)
        .order_by(TreeLeaf.position)
        .execution_options(yield_per=5000)
    )
    with session.execute(query) as rows:
        yield from rows


def read_checkpoints(session: Session) -> Generator[TreeCheckpoint, None, None]:
    """Yield the checkpoints, the smallest first."""
    query = select(TreeCheckpoint).order_by(TreeCheckpoint.size)
    # Read anew, whatever the session remembers: what is proved is what lies in the store.
    options = {"yield_per": 500, "populate_existing": True}
    with session.scalars(query.execution_options(**options)) as rows:
        yield from rows


def read_tiles(session: Session) -> dict[int, list[bytes]]:
    """Return the hashes that are kept, level by level."""
    found: dict[int, list[bytes]] = {}
    query = select(TreeTile.level, TreeTile.hashes).order_by(TreeTile.level, TreeTile.number)
    for level, hashes in session.execute(query.execution_options(yield_per=500)):
        found.setdefault(level, []).extend(cut(hashes))
    return found


def check_leaves(
    leaves: Iterable[Any],
    tiles: dict[int, list[bytes]],
    checkpoints: Iterable[TreeCheckpoint],
    signers: Sequence[TreeSigner],
) -> Flaw | None:
    """Walk along all leaves; compare each with its event, and each checkpoint with the root."""
    tree, kept = merkle.Growing(), tiles.get(0, [])
    signed = iter(checkpoints)
    following = next(signed, None)
    before = 0
    for row in leaves:
        if row.position != tree.size:
            return Flaw(TREE, tree.size + 1, N_("it is missing in the tree"))
        if row.hash is None:
            return Flaw(TREE, tree.size + 1, N_("the event that was put there is gone"))
        if len(kept) <= tree.size or leaf_of(row.hash) != kept[tree.size]:
            return Flaw(row.stream, row.seq, N_("it is not the event that the tree was built of"))
        tree.add(kept[tree.size])
        while following is not None and following.size <= tree.size:
            if problem := check_checkpoint(following, tree, signers):
                return Flaw(TREE, before + 1, problem)
            before = following.size
            following = next(signed, None)
    if following is not None:
        return Flaw(TREE, tree.size + 1, N_("it was signed for, and is missing in the tree"))
    return None


def check_checkpoint(
    one: TreeCheckpoint, tree: merkle.Growing, signers: Sequence[TreeSigner]
) -> str | None:
    """Return what is wrong with a checkpoint of the tree as large as it is now."""
    try:
        said, names = open_note(one.note, verifiers_of(one.size, signers))
        found = Checkpoint.read(said)
    except (Malformed, Untrusted):
        return N_("from there on, no key of the log has signed the next checkpoint")
    if (found.size, found.root.hex()) != (one.size, one.root):
        return N_("from there on, the next checkpoint says something else than what was signed")
    if found.origin != names[0].name:
        return N_("from there on, the next checkpoint is of another log")
    if one.size != tree.size or found.root != tree.root:
        return N_("from there on, the tree is not the one that was signed next")
    return None


def verifiers_of(size: int, signers: Sequence[TreeSigner]) -> Iterator[Verifier]:
    """Yield the keys that sign checkpoints of a size."""
    for one in signers:
        if one.from_size <= size and (one.to_size is None or size <= one.to_size):
            yield Verifier.read(one.vkey)


def check_upper(tiles: dict[int, list[bytes]]) -> Flaw | None:
    """Compare the hashes of each level with those of the level below."""
    for level in range(max(tiles, default=0) + 1):
        below, above = tiles.get(level, []), tiles.get(level + 1, [])
        full = len(below) // WIDTH
        for number in range(max(full, len(above))):
            hashes = below[number * WIDTH : (number + 1) * WIDTH]
            if number >= full or number >= len(above) or hash_up(hashes) != above[number]:
                first = number * WIDTH ** (level + 1)
                return Flaw(TREE, first + 1, N_("from there on, the tiles do not fit one another"))
    return None


def check_size(session: Session, tiles: dict[int, list[bytes]]) -> Flaw | None:
    """Compare the sizes that are noted: of the head, of the leaves, of the tiles."""
    size = session.scalar(select(TreeHead.size)) or 0
    leaves = session.scalar(select(func.count()).select_from(TreeLeaf)) or 0
    lowest = min(size, leaves, len(tiles.get(0, [])))
    if (leaves, len(tiles.get(0, []))) != (size, size):
        return Flaw(TREE, lowest + 1, N_("the tree does not end where it is said to"))
    return None


def find_left_out(session: Session) -> Flaw | None:
    """Return the first event that is not in the tree and does not wait for its place either."""
    row = session.execute(
        select(Event.stream, Event.seq)
        .where(~exists().where(TreeLeaf.event_id == Event.id))
        .where(~exists().where(PendingLeaf.event_id == Event.id))
        .order_by(Event.id)
        .limit(1)
    ).first()
    return Flaw(row.stream, row.seq, N_("it was left out of the tree")) if row else None


def list_broken_cosignatures(session: Session, witnesses: Iterable[Verifier]) -> list[str]:
    """Return which kept signatures of witnesses do not fit their checkpoint: name and size."""
    known = {one.name: one for one in witnesses}
    asked = select(TreeCosignature, TreeCheckpoint.note).join(
        TreeCheckpoint, TreeCheckpoint.size == TreeCosignature.size
    )
    told = []
    for one, note in session.execute(asked.order_by(TreeCosignature.size)):
        if one.name in known:
            try:
                open_note(note + one.line, [known[one.name]])
            except (Malformed, Untrusted):
                told.append(f"{one.name}: {one.size}")
    return told
