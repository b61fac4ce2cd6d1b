"""Imports of penalty files: which file, which row, what became of it."""

from __future__ import annotations

from datetime import date, datetime
from enum import StrEnum
from typing import TYPE_CHECKING, Any

from sqlalchemy import CheckConstraint, ForeignKey, Index, UniqueConstraint, text
from sqlalchemy.orm import Mapped, mapped_column, relationship

from repair_app.db import Base

if TYPE_CHECKING:
    from repair_app.models.cases import Case
    from repair_app.models.parties import Organisation, User
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
    kind: Mapped[str] = mapped_column(default="penalties", server_default="penalties")
    # Rows by verdict, kept with each chunk; of older batches they are counted.
    tally: Mapped[dict[str, Any] | None]


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
    ref: Mapped[str | None]  # of the record or matter that it led to, or says again


class UploadStanding(StrEnum):
    """How it stands with a file that comes in parts."""

    RECEIVING = "receiving"
    WAITING = "waiting"  # all is there; a worker will read it
    READING = "reading"
    DONE = "done"
    FAILED = "failed"  # it cannot be read; the problem says why
    DROPPED = "dropped"  # given up, or not gone on with for a week


STOPPED = "stopped"  # how a file is told of that no job reads any more; it can be taken up again


class RecordUpload(Base):
    """A file that comes in parts and is read by a job; its parts are gone when that has ended."""

    __tablename__ = "record_upload"
    __table_args__ = (
        CheckConstraint(f"standing IN {tuple(map(str, UploadStanding))!r}", name="standing"),
        CheckConstraint("received <= size", name="received_of_size"),
        CheckConstraint(
            "(standing IN ('done', 'failed', 'dropped')) = (ended_at IS NOT NULL)", name="ended_at"
        ),
        Index(
            "ix_record_upload_open",
            "touched_at",
            sqlite_where=text("ended_at IS NULL"),
            postgresql_where=text("ended_at IS NULL"),
        ),
    )

    id: Mapped[int] = mapped_column(primary_key=True)
    ref: Mapped[str] = mapped_column(unique=True)  # its batch has the same
    account_id: Mapped[int] = mapped_column(ForeignKey("account.id"))
    provider_id: Mapped[int] = mapped_column(ForeignKey("organisation.id"), index=True)
    kind: Mapped[str]
    filename: Mapped[str]
    size: Mapped[int]  # bytes, as announced
    sha256: Mapped[str | None]  # as announced, then as found
    received: Mapped[int] = mapped_column(default=0)
    read: Mapped[int] = mapped_column(default=0)  # bytes that the job has read
    standing: Mapped[str] = mapped_column(default=UploadStanding.RECEIVING)
    problem: Mapped[str | None]
    problem_zh: Mapped[str | None]
    problem_en: Mapped[str | None]
    batch_id: Mapped[int | None] = mapped_column(ForeignKey("import_batch.id"), unique=True)
    begun_at: Mapped[datetime]
    touched_at: Mapped[datetime]  # when the last part came
    ended_at: Mapped[datetime | None]
    stopped_at: Mapped[datetime | None]  # the job failed as often as it is tried
    resumed: Mapped[int] = mapped_column(default=0, server_default=text("0"))  # times since

    batch: Mapped[ImportBatch | None] = relationship()
    account: Mapped[User] = relationship()
    parts: Mapped[list[UploadPart]] = relationship(order_by="UploadPart.start")

    @property
    def state(self) -> str:
        """Return how it stands, as people are told: what nobody reads is stopped."""
        return STOPPED if self.stopped_at and not self.ended_at else self.standing


class UploadPart(Base):
    """A part of a file: where it begins; its bytes lie with the evidence until the file is read."""

    __tablename__ = "upload_part"
    __table_args__ = (UniqueConstraint("upload_id", "start"),)

    id: Mapped[int] = mapped_column(primary_key=True)
    upload_id: Mapped[int] = mapped_column(ForeignKey("record_upload.id"))
    start: Mapped[int]
    size: Mapped[int]
    sha256: Mapped[str]


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


class ListedEntry(Base):
    """A licence, or an entry of a list, as its agency's file says it: kept, read and searched.

    No policy is applied to it: objections and repair are about penalties. Of a list, a later row
    may add when and why the enterprise was taken off it; nothing else changes.
    """

    __tablename__ = "listed_entry"
    __table_args__ = (
        UniqueConstraint(
            "kind", "provider_id", "subject_id", "number", "decided_on", name="uq_listed_entry_key"
        ),
        Index("ix_listed_entry_subject", "subject_id", "kind", "id"),
    )

    id: Mapped[int] = mapped_column(primary_key=True)
    kind: Mapped[str]  # of services.imports: licences, and the lists
    subject_id: Mapped[int] = mapped_column(ForeignKey("organisation.id"))
    provider_id: Mapped[int] = mapped_column(ForeignKey("organisation.id"), index=True)
    number: Mapped[str]  # of the decision; empty where the format has none
    decided_on: Mapped[date]
    valid_until: Mapped[date | None]
    removed_on: Mapped[date | None]
    content: Mapped[dict[str, Any]]  # the row by the keys of its columns
    fingerprint: Mapped[str]
    batch_id: Mapped[int] = mapped_column(ForeignKey("import_batch.id"), index=True)
    line: Mapped[int]
    created_at: Mapped[datetime]

    subject: Mapped[Organisation] = relationship(foreign_keys=[subject_id], innerjoin=True)
    provider: Mapped[Organisation] = relationship(foreign_keys=[provider_id], innerjoin=True)
