"""What a person has typed or uploaded and not sent yet, who looked at what, own credit reports."""

from __future__ import annotations

from datetime import date, datetime
from typing import Any

from sqlalchemy import ForeignKey, Index, UniqueConstraint
from sqlalchemy.orm import Mapped, mapped_column, relationship

from repair_app.db import Base
from repair_app.models.parties import Organisation, User


class Draft(Base):
    """A form as far as a person has filled it in; gone when it is sent, or after thirty days."""

    __tablename__ = "draft"
    __table_args__ = (UniqueConstraint("account_id", "page"),)

    id: Mapped[int] = mapped_column(primary_key=True)
    account_id: Mapped[int] = mapped_column(ForeignKey("account.id"))
    page: Mapped[str]  # the path of the form
    values: Mapped[dict[str, Any]]
    saved_at: Mapped[datetime]


class StagedUpload(Base):
    """A file that was checked and stored before its form is sent; the form names it by token."""

    __tablename__ = "staged_upload"

    id: Mapped[int] = mapped_column(primary_key=True)
    token: Mapped[str] = mapped_column(unique=True)
    account_id: Mapped[int] = mapped_column(ForeignKey("account.id"), index=True)
    page: Mapped[str]
    filename: Mapped[str]
    media_type: Mapped[str]
    size: Mapped[int]
    sha256: Mapped[str]
    staged_at: Mapped[datetime]
    # Sent with its form: kept a while, so that the same form sent twice finds the same files.
    sent_at: Mapped[datetime | None]


class Viewing(Base):
    """That an official opened a page of an enterprise's matter on a day; the enterprise sees it."""

    __tablename__ = "viewing"
    __table_args__ = (
        UniqueConstraint("subject_id", "entity_ref", "account_id", "day", name="uq_viewing_day"),
        Index("ix_viewing_subject", "subject_id", "id"),  # read from the newest on
    )

    id: Mapped[int] = mapped_column(primary_key=True)
    subject_id: Mapped[int] = mapped_column(ForeignKey("organisation.id"))
    entity_ref: Mapped[str]
    account_id: Mapped[int] = mapped_column(ForeignKey("account.id"))
    organisation_id: Mapped[int | None] = mapped_column(ForeignKey("organisation.id"))
    role: Mapped[str]
    day: Mapped[date]
    first_at: Mapped[datetime]

    account: Mapped[User] = relationship()
    organisation: Mapped[Organisation | None] = relationship(foreign_keys=[organisation_id])


class OwnReport(Base):
    """What was on file about an enterprise when its people asked; free, and can be verified."""

    __tablename__ = "own_report"

    id: Mapped[int] = mapped_column(primary_key=True)
    ref: Mapped[str] = mapped_column(unique=True)
    code: Mapped[str] = mapped_column(unique=True)  # for /verify: cannot be guessed
    organisation_id: Mapped[int] = mapped_column(ForeignKey("organisation.id"), index=True)
    account_id: Mapped[int] = mapped_column(ForeignKey("account.id"))
    content: Mapped[dict[str, Any]]  # what it says, in both languages
    issued_at: Mapped[datetime]

    organisation: Mapped[Organisation] = relationship()
