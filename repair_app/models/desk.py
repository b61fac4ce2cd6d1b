"""What officials keep at their desks: notes on a case, searches, reports, exports."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from sqlalchemy import CheckConstraint, ForeignKey, UniqueConstraint
from sqlalchemy.orm import Mapped, mapped_column, relationship

from repair_app.db import Base
from repair_app.models.cases import Case
from repair_app.models.parties import Organisation, User


class CaseNote(Base):
    """An internal note on a matter: read by the officials of one organisation, by no party.

    What a person wrote, or who took a matter, gave it to whom, or laid it down again.
    """

    __tablename__ = "case_note"
    __table_args__ = (
        CheckConstraint("kind IN ('note', 'claimed', 'assigned', 'released')", name="kind"),
        CheckConstraint("(kind = 'assigned') = (named_id IS NOT NULL)", name="named_if_assigned"),
    )

    id: Mapped[int] = mapped_column(primary_key=True)
    kind: Mapped[str] = mapped_column(default="note")
    case_id: Mapped[int | None] = mapped_column(ForeignKey("case_file.id"), index=True)
    entity_ref: Mapped[str]  # the case, what it needs, or a measure, which is of no case
    organisation_id: Mapped[int] = mapped_column(ForeignKey("organisation.id"))
    account_id: Mapped[int] = mapped_column(ForeignKey("account.id"))
    named_id: Mapped[int | None] = mapped_column(ForeignKey("account.id"))  # to whom it was given
    body: Mapped[str] = mapped_column(default="")
    written_at: Mapped[datetime]

    case: Mapped[Case | None] = relationship()
    account: Mapped[User] = relationship(foreign_keys=[account_id])
    named: Mapped[User | None] = relationship(foreign_keys=[named_id])
    organisation: Mapped[Organisation] = relationship()


class SavedSearch(Base):
    """A list as a person wants it again: the page and what its address asks for, by a name."""

    __tablename__ = "saved_search"
    __table_args__ = (UniqueConstraint("account_id", "page", "name"),)

    id: Mapped[int] = mapped_column(primary_key=True)
    account_id: Mapped[int] = mapped_column(ForeignKey("account.id"), index=True)
    page: Mapped[str]  # the endpoint
    name: Mapped[str]
    query: Mapped[str]  # as in the address
    created_at: Mapped[datetime]


class StepReport(Base):
    """What became of a step that a person took in several matters at once; the latest few stay."""

    __tablename__ = "step_report"

    id: Mapped[int] = mapped_column(primary_key=True)
    name: Mapped[str] = mapped_column(unique=True)  # in its address
    account_id: Mapped[int] = mapped_column(ForeignKey("account.id"), index=True)
    made_at: Mapped[datetime]
    report: Mapped[dict[str, Any]]


class Export(Base):
    """A list to be written to a file by a job: for whom, what it asks, how far it is.

    It waits while `done_at` is empty; it failed where that is not so and there is no file.
    """

    __tablename__ = "export"
    __table_args__ = (
        CheckConstraint("sha256 IS NULL OR done_at IS NOT NULL", name="done_at_if_there"),
    )

    id: Mapped[int] = mapped_column(primary_key=True)
    ref: Mapped[str] = mapped_column(unique=True)
    account_id: Mapped[int] = mapped_column(ForeignKey("account.id"), index=True)
    page: Mapped[str]  # the list's name
    query: Mapped[dict[str, Any]]
    form: Mapped[str]  # csv, xlsx
    language: Mapped[str]
    rows_done: Mapped[int] = mapped_column(default=0)
    rows_all: Mapped[int | None]
    sha256: Mapped[str | None]
    asked_at: Mapped[datetime] = mapped_column(index=True)
    done_at: Mapped[datetime | None]

    account: Mapped[User] = relationship()

    @property
    def is_waiting(self) -> bool:
        """Say whether it is still to be written, or being written."""
        return self.done_at is None

    @property
    def has_failed(self) -> bool:
        """Say whether it could not be written."""
        return self.done_at is not None and self.sha256 is None
