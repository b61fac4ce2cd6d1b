"""What anybody may ask of the history: how far it is signed, by whom, and that it only grew."""

from base64 import b64encode
from collections.abc import Sequence
from dataclasses import dataclass
from enum import StrEnum
from typing import Any

from repair_app import merkle
from repair_app.db import db
from repair_app.models import TreeCheckpoint
from repair_app.notes import Verifier, split_note
from repair_app.services.tree import keys, log, witnesses


class Lack(StrEnum):
    """Why there is no proof."""

    NUMBER = "number"  # a size is no number of events
    ORDER = "order"  # the earlier tree would be the larger one
    BEYOND = "beyond"  # so many events are not signed yet
    NOTHING = "nothing"  # no event is


class NoProof(Exception):
    """There is no proof between two sizes; says why, and how many events are signed."""

    def __init__(self, lack: Lack, signed: int) -> None:
        super().__init__(lack)
        self.lack, self.signed = lack, signed


@dataclass(frozen=True)
class Tree:
    """A tree by its size and root."""

    size: int
    root: bytes

    @property
    def words(self) -> dict[str, Any]:
        """Return it as JSON has it: the root in base64, as a checkpoint names it."""
        return {"size": self.size, "root": b64encode(self.root).decode()}


@dataclass(frozen=True)
class Proof:
    """That a tree only adds leaves to another (RFC 9162, 2.1.4)."""

    first: Tree
    second: Tree
    hashes: Sequence[bytes]
    checkpoint: str | None  # of the second, where it was signed at just that size

    @property
    def lines(self) -> list[str]:
        """Return the hashes in base64."""
        return [b64encode(one).decode() for one in self.hashes]

    @property
    def words(self) -> dict[str, Any]:
        """Return it as JSON has it."""
        return {
            "first": self.first.words,
            "second": self.second.words,
            "consistency": self.lines,
            "checkpoint": self.checkpoint,
        }


@dataclass(frozen=True)
class Standing:
    """The newest checkpoint, and who has signed it."""

    checkpoint: TreeCheckpoint
    signers: Sequence[str]


def find_standing() -> Standing | None:
    """Return how far the history is signed; None where it is not at all."""
    session = db.session()
    found = log.newest(session)
    if found is None:
        return None
    lines = split_note(log.with_cosignatures(session, found))[1]
    return Standing(found, [one.name for one in lines])


def list_keys() -> list[Verifier]:
    """Return the public keys of the log, former ones too, and of the witnesses it asks."""
    return [*keys.list_verifiers(db.session()), *witnesses.list_verifiers()]


def prove(first: str, second: str) -> Proof:
    """Prove that the tree of `first` events is the beginning of that of `second`.

    Both as somebody typed them; nothing for second: as many as are signed. Raises NoProof, also
    beyond what is signed: that could still become another tree.
    """
    session = db.session()
    signed = log.signed_size(session)
    if not signed:
        raise NoProof(Lack.NOTHING, signed)
    old, new = read_size(first, signed), read_size(second or str(signed), signed)
    if max(old, new) > signed:
        raise NoProof(Lack.BEYOND, signed)
    if old > new:
        raise NoProof(Lack.ORDER, signed)
    tiles = log.Tiles(session)
    signed_then = session.get(TreeCheckpoint, new)
    return Proof(
        Tree(old, merkle.root_of(old, tiles.hash_of)),
        Tree(new, merkle.root_of(new, tiles.hash_of)),
        merkle.prove_consistency(old, new, tiles.hash_of),
        log.with_cosignatures(session, signed_then) if signed_then else None,
    )


def read_size(text: str, signed: int) -> int:
    """Return a number of events as somebody typed it, in whatever width. Raises NoProof."""
    longest = 18  # digits: more events than any store holds
    if not text.isdecimal() or len(text) > longest or int(text) == 0:
        raise NoProof(Lack.NUMBER, signed)
    return int(text)
