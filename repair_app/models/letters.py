"""Letters: what was written to whom about a step, and whether it still stands."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from sqlalchemy import ForeignKey, Index
from sqlalchemy.orm import Mapped, mapped_column, relationship

from repair_app.db import Base
from repair_app.models.cases import Case
from repair_app.models.events import Event
from repair_app.models.parties import Organisation, Person
from repair_app.models.records import CreditRecord


class Letter(Base):
    """One letter, issued by a step in its own transaction; its PDF is a function of this row."""

    __tablename__ = "letter"
    __table_args__ = (Index("ix_letter_entity", "entity_ref", "kind"),)

    id: Mapped[int] = mapped_column(primary_key=True)
    ref: Mapped[str] = mapped_column(unique=True)  # its number (文号)
    code: Mapped[str] = mapped_column(unique=True)  # for /verify/<code>: cannot be guessed
    kind: Mapped[str]  # an entry of workflows/letters.toml
    template: Mapped[str]  # SHA-256 of the template that it is printed by
    entity_ref: Mapped[str]
    event_id: Mapped[int] = mapped_column(ForeignKey("event.id"), index=True)
    case_id: Mapped[int | None] = mapped_column(ForeignKey("case_file.id"), index=True)
    record_id: Mapped[int] = mapped_column(ForeignKey("credit_record.id"), index=True)
    # To whom: an organisation, or a person who filed in their own name.
    organisation_id: Mapped[int | None] = mapped_column(ForeignKey("organisation.id"), index=True)
    person_id: Mapped[int | None] = mapped_column(ForeignKey("person.id"), index=True)
    content: Mapped[dict[str, Any]]  # what it says, in both languages; personal words too
    issued_at: Mapped[datetime]
    sha256: Mapped[str | None]  # of the PDF in Chinese, once it was printed
    ended_at: Mapped[datetime | None]  # no longer stands, since
    ended_by_id: Mapped[int | None] = mapped_column(ForeignKey("event.id"))  # by which step

    event: Mapped[Event] = relationship(foreign_keys=[event_id])
    ended_by: Mapped[Event | None] = relationship(foreign_keys=[ended_by_id])
    case: Mapped[Case | None] = relationship()
    record: Mapped[CreditRecord] = relationship()
    organisation: Mapped[Organisation | None] = relationship()
    person: Mapped[Person | None] = relationship()

    @property
    def stands(self) -> bool:
        """Say whether no later step took back what it says."""
        return self.ended_at is None
