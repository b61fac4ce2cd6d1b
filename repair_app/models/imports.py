"""Imports of penalty files: which file, which row, what became of it."""

from __future__ import annotations

from datetime import datetime

from sqlalchemy import ForeignKey, UniqueConstraint
from sqlalchemy.orm import Mapped, mapped_column

from repair_app.db import Base


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
    """The verdict on one row: accepted, duplicate, or refused with column and reason."""

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
