"""What people sign in with beside a password: passkeys, and identities vouched for elsewhere."""

from __future__ import annotations

from datetime import date, datetime
from typing import Any

from flask_security import WebAuthnMixin
from sqlalchemy import JSON, ForeignKey, LargeBinary, UniqueConstraint
from sqlalchemy.orm import Mapped, mapped_column, relationship, validates

from repair_app import sealing
from repair_app.db import Base, now
from repair_app.models.parties import Appointment, User
from repair_app.sealing import Sealed


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
    __table_args__ = (
        UniqueConstraint("issuer", "subject"),  # of what was written before it was encrypted
        UniqueConstraint("issuer", "subject_index", name="uq_identity_subject_index"),
    )

    id: Mapped[int] = mapped_column(primary_key=True)
    user_id: Mapped[int] = mapped_column(ForeignKey("account.id"), index=True)
    issuer: Mapped[str]
    # What it calls the person; some say the number of the identity card.
    subject: Mapped[str] = mapped_column(
        Sealed("identity.subject"), info={sealing.INDEX: "subject_index"}
    )
    subject_index: Mapped[str | None]
    created_at: Mapped[datetime] = mapped_column(default=now)

    user: Mapped[User] = relationship(back_populates="identities")
    vouchings: Mapped[list[Vouching]] = relationship(back_populates="identity")

    @validates("subject")
    def index_subject(self, _key: str, subject: str) -> str:
        """Find the identity by what the provider calls the person."""
        self.subject_index = sealing.ring().index(subject, "identity.subject")
        return subject


class SignIn(Base):
    """A session of an account: its person sees it, and can end it from elsewhere.

    The cookie says when it began and carries the key; the row is what says that it was ended.
    """

    __tablename__ = "sign_in"

    id: Mapped[int] = mapped_column(primary_key=True)
    account_id: Mapped[int] = mapped_column(ForeignKey("account.id"), index=True)
    key_digest: Mapped[str] = mapped_column(unique=True)  # the key itself is the cookie's
    browser: Mapped[str]  # its kind and system, as it says
    began_at: Mapped[datetime]
    ended_at: Mapped[datetime | None]


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
