"""The tree over all events: what waits for its place, leaves, tiles, checkpoints and who signs."""

from __future__ import annotations

from datetime import datetime

from sqlalchemy import CheckConstraint, ForeignKey, LargeBinary
from sqlalchemy.orm import Mapped, mapped_column

from repair_app.db import Base


class PendingLeaf(Base):
    """An event that has no place in the tree yet; written by a trigger with the event (0016).

    No foreign key: it would cost each event a look-up, and an event is never deleted.
    """

    __tablename__ = "pending_leaf"

    event_id: Mapped[int] = mapped_column(primary_key=True, autoincrement=False)


class TreeHead(Base):
    """How many leaves the tree has: one row, locked by whoever adds some."""

    __tablename__ = "tree_head"
    __table_args__ = (CheckConstraint("id = 1", name="one_row"),)

    id: Mapped[int] = mapped_column(primary_key=True, autoincrement=False)
    size: Mapped[int]


class TreeLeaf(Base):
    """Which event is at which place, from 0 on. The database refuses to change or delete a row."""

    __tablename__ = "tree_leaf"

    position: Mapped[int] = mapped_column(primary_key=True, autoincrement=False)
    event_id: Mapped[int] = mapped_column(unique=True)


class TreeTile(Base):
    """Up to 256 hashes side by side, as c2sp.org/tlog-tiles has them; the last ones still grow."""

    __tablename__ = "tree_tile"

    level: Mapped[int] = mapped_column(primary_key=True, autoincrement=False)
    number: Mapped[int] = mapped_column(primary_key=True, autoincrement=False)
    hashes: Mapped[bytes] = mapped_column(LargeBinary)


class TreeCheckpoint(Base):
    """Size and root as they were signed. The database refuses to change or delete a row."""

    __tablename__ = "tree_checkpoint"

    size: Mapped[int] = mapped_column(primary_key=True, autoincrement=False)
    root: Mapped[str]  # in hex
    note: Mapped[str]  # the signed note (c2sp.org/tlog-checkpoint)
    at: Mapped[datetime]


class TreeCosignature(Base):
    """What a witness says of a checkpoint: a line that belongs to its note."""

    __tablename__ = "tree_cosignature"

    size: Mapped[int] = mapped_column(ForeignKey("tree_checkpoint.size"), primary_key=True)
    name: Mapped[str] = mapped_column(primary_key=True)  # of the witness's key
    line: Mapped[str]
    at: Mapped[datetime]


class TreeSigner(Base):
    """A key that signs checkpoints: of which sizes; to_size None: it still does."""

    __tablename__ = "tree_signer"

    key_id: Mapped[str] = mapped_column(primary_key=True)  # in hex
    vkey: Mapped[str]  # the public key (c2sp.org/signed-note)
    from_size: Mapped[int]
    to_size: Mapped[int | None]
