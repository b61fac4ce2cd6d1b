"""Imports of penalty files: which file, which row, what became of it."""

from __future__ import annotations

from datetime import datetime
from typing import TYPE_CHECKING, Any

from sqlalchemy import ForeignKey, UniqueConstraint
from sqlalchemy.orm import Mapped, mapped_column, relationship

from repair_app.db import Base

if TYPE_CHECKING:
    from repair_app.models.cases import Case
    from repair_app.models.records import CreditRecord


class ImportBatch(Base):
    """One reading of one file; unfinished ones go on where they stopped."""

    __tablename__ = "import_batch"

    id: Mapped[int] = mapped_column(primary_key=True)
    ref: Mapped[str] = mapped_column(unique=True)
    sha256: Mapped[str] = mapped_column(index=True)
    filename: Mapped[str]
    provider_id: Mapped[int | None] = mapped_column(ForeignKey("organisation.id"), index=True)
    started_by_id: Mapped[int | None] = mapped_column(ForeignKey("account.id"))
    started_at: Mapped[datetime]
    finished_at: Mapped[datetime | None]
    unknown_columns: Mapped[list[str]]  # headings that nothing was read from
    unread_sheets: Mapped[list[str]]  # of a workbook: only the first is read


class ImportRow(Base):
    """The verdict on one row: accepted, duplicate, quarantined or refused, with the reason."""

    __tablename__ = "import_row"
    __table_args__ = (UniqueConstraint("batch_id", "line", "ordinal"),)

    id: Mapped[int] = mapped_column(primary_key=True)
    batch_id: Mapped[int] = mapped_column(ForeignKey("import_batch.id"))
    line: Mapped[int]
    ordinal: Mapped[int]  # a refused row has one entry for each problem
    verdict: Mapped[str]
    column: Mapped[str]
    code: Mapped[str]
    message_zh: Mapped[str]
    message_en: Mapped[str]


class QuarantinedRow(Base):
    """A row that says again what was removed, corrected or repaired; nothing of it is published.

    It stays here until its case has ended: released, it comes on file as a new record.
    """

    __tablename__ = "quarantined_row"
    __table_args__ = (UniqueConstraint("about_id", "fingerprint"),)

    id: Mapped[int] = mapped_column(primary_key=True)
    batch_id: Mapped[int] = mapped_column(ForeignKey("import_batch.id"), index=True)
    line: Mapped[int]
    about_id: Mapped[int] = mapped_column(ForeignKey("credit_record.id"))  # what it says again
    fingerprint: Mapped[str]
    code: Mapped[str]  # why it was not taken in
    columns: Mapped[dict[str, Any]]  # of the record that it would be, as texts
    case_id: Mapped[int | None] = mapped_column(ForeignKey("case_file.id"), unique=True)
    kept_at: Mapped[datetime]

    about: Mapped[CreditRecord] = relationship(innerjoin=True)
    case: Mapped[Case | None] = relationship()
