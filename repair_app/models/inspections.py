"""What scans and routine inspections found about ourselves, and what inspectors have to look at."""

from __future__ import annotations

from datetime import date, datetime
from typing import Any

from sqlalchemy import ForeignKey, Index, UniqueConstraint, text
from sqlalchemy.orm import Mapped, mapped_column, relationship

from repair_app.db import Base
from repair_app.models.cases import Case
from repair_app.models.parties import User
from repair_app.models.records import CreditRecord


class Finding(Base):
    """One thing that is wrong with one record; found again, it is the same finding."""

    __tablename__ = "finding"
    __table_args__ = (
        UniqueConstraint("record_id", "kind", "digest"),
        Index(
            "ix_finding_open",
            "id",
            sqlite_where=text("cleared_at IS NULL"),
            postgresql_where=text("cleared_at IS NULL"),
        ),
    )

    id: Mapped[int] = mapped_column(primary_key=True)
    record_id: Mapped[int] = mapped_column(ForeignKey("credit_record.id"))
    kind: Mapped[str]  # a key of repair_app.engine.flaws.KINDS
    facts: Mapped[dict[str, Any]]  # without personal data
    digest: Mapped[str]  # of the facts
    found_at: Mapped[datetime]
    seen_at: Mapped[datetime]  # the last time that it was new, or new again
    cleared_at: Mapped[datetime | None]  # found no more
    case_id: Mapped[int | None] = mapped_column(ForeignKey("case_file.id"), index=True)

    record: Mapped[CreditRecord] = relationship(innerjoin=True)
    case: Mapped[Case | None] = relationship()


class InspectionItem(Base):
    """A record or case that was drawn for the routine inspection of a week."""

    __tablename__ = "inspection_item"
    __table_args__ = (UniqueConstraint("week", "entity_ref"),)

    id: Mapped[int] = mapped_column(primary_key=True)
    week: Mapped[date] = mapped_column(index=True)  # its Monday; also the seed of the draw
    entity_ref: Mapped[str]
    due_on: Mapped[date]
    looked_at: Mapped[datetime | None]
    looked_by_id: Mapped[int | None] = mapped_column(ForeignKey("account.id"))
    result: Mapped[str | None]  # in_order, or a key of repair_app.engine.flaws.KINDS
    note: Mapped[str | None]
    case_id: Mapped[int | None] = mapped_column(ForeignKey("case_file.id"), index=True)

    looked_by: Mapped[User | None] = relationship()
    case: Mapped[Case | None] = relationship()
