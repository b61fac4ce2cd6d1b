"""Messages: who was told of which step, whether they read it, and what became of the mail."""

from __future__ import annotations

from datetime import datetime
from enum import StrEnum
from typing import Any

from sqlalchemy import CheckConstraint, ForeignKey, Index, UniqueConstraint, text
from sqlalchemy.orm import Mapped, mapped_column, relationship

from repair_app.db import Base
from repair_app.models.parties import User


class MailState(StrEnum):
    """What became of the mail about a message."""

    NONE = "none"  # the person wants none
    WAITING = "waiting"  # to be sent at once
    GATHERED = "gathered"  # goes with the next digest
    SENT = "sent"
    FAILED = "failed"  # tried as often as it is tried; an administrator sees it


class Message(Base):
    """One message to one account about one step, or one term."""

    __tablename__ = "message"
    __table_args__ = (
        UniqueConstraint("account_id", "occasion", name="uq_message_occasion"),
        CheckConstraint(f"mail_state IN {tuple(map(str, MailState))!r}", name="mail_state"),
        Index("ix_message_inbox", "account_id", "id"),
        Index(
            "ix_message_unread",
            "account_id",
            sqlite_where=text("read_at IS NULL"),
            postgresql_where=text("read_at IS NULL"),
        ),
        Index(
            "ix_message_to_mail",
            "mail_state",
            "id",
            sqlite_where=text("mail_state IN ('waiting', 'gathered')"),
            postgresql_where=text("mail_state IN ('waiting', 'gathered')"),
        ),
        Index(
            "ix_message_urging",
            "case_ref",
            sqlite_where=text("kind = 'urging'"),
            postgresql_where=text("kind = 'urging'"),
        ),
    )

    id: Mapped[int] = mapped_column(primary_key=True)
    account_id: Mapped[int] = mapped_column(ForeignKey("account.id"))
    occasion: Mapped[str]  # what makes it one: "event:123", "term:45:overdue"
    kind: Mapped[str]  # step, reminder, overdue, escalated, urged, note …
    entity_ref: Mapped[str]  # what it is about; the page is found by it
    case_ref: Mapped[str | None]  # the case that it belongs to, if there is one
    content: Mapped[dict[str, Any]]  # workflow, transition, state …: never a person's words
    created_at: Mapped[datetime]
    read_at: Mapped[datetime | None]
    mail_state: Mapped[str] = mapped_column(default=MailState.NONE)
    mail_tries: Mapped[int] = mapped_column(default=0)
    mail_due_at: Mapped[datetime | None]  # not tried before
    mail_problem: Mapped[str | None]  # why the last try failed; no address in it
    mailed_at: Mapped[datetime | None]

    account: Mapped[User] = relationship()
