"""Machines that use the interface: clients of organisations, their tokens, kept answers."""

from __future__ import annotations

from datetime import datetime
from types import MappingProxyType
from typing import Final

from sqlalchemy import CheckConstraint, ForeignKey, Index, LargeBinary, UniqueConstraint
from sqlalchemy.orm import Mapped, mapped_column, relationship

from repair_app.db import Base
from repair_app.labels import Label
from repair_app.models.parties import Organisation, User

# What a token may be good for. What its account may do in a matter is decided as in the pages.
SCOPES: Final = MappingProxyType(
    {
        "records:read": Label("读取信用记录", "read credit records"),
        "records:push": Label("报送信用记录", "push credit records"),
        "cases:read": Label("读取案件", "read cases"),
        "cases:write": Label("办理案件", "act in cases"),
        "gate": Label(
            "查询能否执行惩戒措施，反馈执行情况",
            "ask whether a measure may be enforced, and report what was carried out",
        ),
        "changes": Label("接收公示和惩戒变更", "receive changes of publication and measures"),
    }
)


class MachineClient(Base):
    """A system of an organisation, and the one person who answers for what it does.

    It acts by an account of its own that belongs to that person, so that for the rule of four eyes
    a person and their machines are one pair of eyes. Of a secret only its hash is kept; while one
    is exchanged, the former stays good until `former_until`.
    """

    __tablename__ = "machine_client"
    __table_args__ = (
        CheckConstraint(
            "(former_digest IS NULL) = (former_until IS NULL)", name="former_secret_has_an_end"
        ),
    )

    id: Mapped[int] = mapped_column(primary_key=True)
    client_id: Mapped[str] = mapped_column(unique=True)
    name: Mapped[str]
    account_id: Mapped[int] = mapped_column(ForeignKey("account.id"), unique=True)
    organisation_id: Mapped[int] = mapped_column(ForeignKey("organisation.id"), index=True)
    role: Mapped[str]
    scopes: Mapped[list[str]]
    secret_digest: Mapped[str]
    former_digest: Mapped[str | None]
    former_until: Mapped[datetime | None]
    created_at: Mapped[datetime]
    revoked_at: Mapped[datetime | None]

    account: Mapped[User] = relationship(lazy="joined", innerjoin=True)
    organisation: Mapped[Organisation] = relationship(lazy="joined", innerjoin=True)


class AccessToken(Base):
    """A short-lived token of a client: its hash, what it is good for, and until when."""

    __tablename__ = "access_token"

    digest: Mapped[str] = mapped_column(primary_key=True)
    client_id: Mapped[int] = mapped_column(ForeignKey("machine_client.id"), index=True)
    scopes: Mapped[list[str]]
    issued_at: Mapped[datetime]
    expires_at: Mapped[datetime] = mapped_column(index=True)
    revoked_at: Mapped[datetime | None]

    client: Mapped[MachineClient] = relationship(lazy="joined", innerjoin=True)


class KeptAnswer(Base):
    """What a client was answered under an idempotency key: the same request has it again."""

    __tablename__ = "kept_answer"
    __table_args__ = (
        UniqueConstraint("client_id", "key"),
        Index("ix_kept_answer_kept_at", "kept_at"),
    )

    id: Mapped[int] = mapped_column(primary_key=True)
    client_id: Mapped[int] = mapped_column(ForeignKey("machine_client.id"))
    key: Mapped[str]
    request_digest: Mapped[str]  # of method, address and body
    status: Mapped[int]
    content_type: Mapped[str]
    body: Mapped[bytes] = mapped_column(LargeBinary)
    kept_at: Mapped[datetime]
