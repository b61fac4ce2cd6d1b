"""Moves of running entities between versions of their workflow: what is needed to undo one."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from sqlalchemy import UniqueConstraint
from sqlalchemy.orm import Mapped, mapped_column

from repair_app.db import Base


class VersionMove(Base):
    """One entity moved by one run of `flask workflows migrate`, with what it was before."""

    __tablename__ = "version_move"
    __table_args__ = (UniqueConstraint("run", "entity_ref"),)

    id: Mapped[int] = mapped_column(primary_key=True)
    run: Mapped[str]
    workflow: Mapped[str]
    entity_ref: Mapped[str]
    from_version: Mapped[str]
    from_state: Mapped[str]
    from_pack: Mapped[str]
    from_pack_hash: Mapped[str]
    from_terms: Mapped[list[Any]]  # the rows of its deadlines, as they were
    to_version: Mapped[str]
    version_after: Mapped[int]  # of the entity: another one shows that something happened since
    moved_at: Mapped[datetime]
    undone_at: Mapped[datetime | None]
