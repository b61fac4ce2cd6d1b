"""The ledger: one event for each transition, chained by hash; personal text lies beside it."""

from __future__ import annotations

from datetime import datetime

from sqlalchemy import ForeignKey, Index, LargeBinary, UniqueConstraint
from sqlalchemy.orm import Mapped, mapped_column, relationship

from repair_app.db import Base


class Stream(Base):
    """Where a chain of events ends: what a cut tail is recognised by."""

    __tablename__ = "stream"

    ref: Mapped[str] = mapped_column(primary_key=True)
    length: Mapped[int]
    head: Mapped[str]


class Event(Base):
    """One transition. `payload` is the canonical JSON that was hashed; columns repeat it.

    The database refuses to update or delete a row (migration 0002).
    """

    __tablename__ = "event"
    __table_args__ = (
        UniqueConstraint("stream", "seq", name="uq_event_stream"),
        # The newest of an entity, of all, of a kind and of a step; of an actor: migration 0006.
        Index("ix_event_of_entity", "entity", "id"),
        Index("ix_event_at", "at", "id"),
        Index("ix_event_kind", "workflow", "at", "id", "transition"),
    )

    id: Mapped[int] = mapped_column(primary_key=True)
    stream: Mapped[str]
    seq: Mapped[int]
    entity: Mapped[str]
    workflow: Mapped[str]
    transition: Mapped[str]
    at: Mapped[datetime]
    payload: Mapped[str]
    hash: Mapped[str]

    text: Mapped[EventText | None] = relationship(back_populates="event", uselist=False)


class EventText(Base):
    """What a person wrote, committed to by the event's hash; erased by emptying both columns."""

    __tablename__ = "event_text"

    event_id: Mapped[int] = mapped_column(ForeignKey("event.id"), primary_key=True)
    salt: Mapped[bytes | None] = mapped_column(LargeBinary)
    body: Mapped[str | None]

    event: Mapped[Event] = relationship(back_populates="text")


class RefCounter(Base):
    """The last number given to a kind of reference in a year."""

    __tablename__ = "ref_counter"

    prefix: Mapped[str] = mapped_column(primary_key=True)
    year: Mapped[int] = mapped_column(primary_key=True, autoincrement=False)
    last: Mapped[int]
