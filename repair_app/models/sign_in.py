"""What people sign in with beside a password: passkeys, and identities vouched for elsewhere."""

from __future__ import annotations

from datetime import date, datetime
from typing import Any

from flask_security import WebAuthnMixin
from sqlalchemy import JSON, ForeignKey, LargeBinary, UniqueConstraint
from sqlalchemy.orm import Mapped, mapped_column, relationship

from repair_app.db import Base, now
from repair_app.models.parties import Appointment, User


class Passkey(Base, WebAuthnMixin):
    """A passkey of an account (WebAuthn), by the names that Flask-Security gives its parts."""

    __tablename__ = "passkey"
    __table_args__ = (UniqueConstraint("user_id", "name"),)

    id: Mapped[int] = mapped_column(primary_key=True)
    user_id: Mapped[int] = mapped_column(ForeignKey("account.id"), index=True)
    credential_id: Mapped[bytes] = mapped_column(LargeBinary, unique=True)
    public_key: Mapped[bytes] = mapped_column(LargeBinary)
    sign_count: Mapped[int]
    transports: Mapped[list[Any] | None] = mapped_column(JSON(none_as_null=True))
    backup_state: Mapped[bool]
    device_type: Mapped[str]
    extensions: Mapped[str | None]
    name: Mapped[str]  # as its owner calls it
    usage: Mapped[str]  # always "secondary": nobody signs in with a passkey alone
    created_at: Mapped[datetime] = mapped_column(default=now)
    lastuse_datetime: Mapped[datetime]

    user: Mapped[User] = relationship(back_populates="webauthn")


class Identity(Base):
    """An account's identity at an OpenID provider: its issuer and what it calls the person."""

    __tablename__ = "identity"
    __table_args__ = (UniqueConstraint("issuer", "subject"),)

    id: Mapped[int] = mapped_column(primary_key=True)
    user_id: Mapped[int] = mapped_column(ForeignKey("account.id"), index=True)
    issuer: Mapped[str]
    subject: Mapped[str]
    created_at: Mapped[datetime] = mapped_column(default=now)

    user: Mapped[User] = relationship(back_populates="identities")
    vouchings: Mapped[list[Vouching]] = relationship(back_populates="identity")


class Vouching(Base):
    """A role that somebody holds because a provider said so: it ends when it no longer does."""

    __tablename__ = "vouching"

    appointment_id: Mapped[int] = mapped_column(ForeignKey("appointment.id"), primary_key=True)
    identity_id: Mapped[int] = mapped_column(ForeignKey("identity.id"), index=True)
    until: Mapped[date | None]  # the last day, as the provider said
    # Since when the provider no longer says so. A role that ended otherwise, and before its last
    # day, was ended here: no provider brings it back.
    withdrawn_at: Mapped[datetime | None]

    identity: Mapped[Identity] = relationship(back_populates="vouchings")
    appointment: Mapped[Appointment] = relationship()
