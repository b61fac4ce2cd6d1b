"""Who takes part: natural persons, their accounts, organisations, and who acts for which."""

from __future__ import annotations

from collections.abc import Callable
from datetime import date, datetime
from enum import StrEnum
from typing import TYPE_CHECKING, Any

from flask_security import UserMixin, verify_password
from sqlalchemy import JSON, CheckConstraint, ForeignKey, Index, UniqueConstraint, false, text
from sqlalchemy.ext.mutable import MutableList
from sqlalchemy.orm import Mapped, mapped_column, relationship, validates

from repair_app.db import Base, today
from repair_app.masking import PUBLIC
from repair_app.name_index import fold, name_terms
from repair_app.sealing import Sealed

if TYPE_CHECKING:
    from repair_app.models.sign_in import Identity, Passkey

LONGEST_PASSWORD = 1000  # characters, in its normal form


class Role(StrEnum):
    """What a person may be for an organisation; workflows name these in `by`."""

    SUBJECT = "subject"
    AGENT = "agent"
    PROVIDER = "provider"
    REVIEWER = "reviewer"
    DEPARTMENT = "department"
    INSTITUTION = "institution"
    AUDITOR = "auditor"
    ADMINISTRATOR = "administrator"
    SECURITY_OFFICER = "security_officer"
    SYSTEM = "system"


class OrganisationKind(StrEnum):
    """What an organisation is; what it does is said by its people's roles."""

    ENTERPRISE = "enterprise"
    AGENCY = "agency"
    CREDIT_CENTRE = "credit_centre"
    INSTITUTION = "institution"
    NATURAL_PERSON = "natural_person"  # kept for its own sake only: never public


def of_name(compute: Callable[[str], str]) -> Callable[[Any], str]:
    """Return a default that computes a column from the row's name, however the row is written."""

    def default(context: Any) -> str:
        return compute(context.get_current_parameters()["name"]) if context else ""

    return default


class Organisation(Base):
    """An enterprise, agency, credit centre or credit service institution."""

    __tablename__ = "organisation"
    __table_args__ = (
        CheckConstraint("length(uscc) = 18", name="uscc_length"),
        # Of the many organisations few have a unit above, and few are agencies.
        Index(
            "ix_organisation_superior",
            "superior_id",
            sqlite_where=text("superior_id IS NOT NULL"),
            postgresql_where=text("superior_id IS NOT NULL"),
        ),
        Index(
            "ix_organisation_agency",
            "kind",
            sqlite_where=text("kind = 'agency'"),
            postgresql_where=text("kind = 'agency'"),
        ),
    )

    id: Mapped[int] = mapped_column(primary_key=True)
    # Some agencies of older files have none.
    uscc: Mapped[str | None] = mapped_column(unique=True, info=PUBLIC)
    name: Mapped[str] = mapped_column(index=True, info=PUBLIC)
    kind: Mapped[str]
    # What its name is found by (name_index.py); a new row of it cannot be without.
    search_name: Mapped[str] = mapped_column(default=of_name(fold), server_default=text("''"))
    search_terms: Mapped[str] = mapped_column(
        default=of_name(name_terms), server_default=text("''")
    )
    barred_until: Mapped[date | None]  # no repair may be applied for before (false commitment)
    superior_id: Mapped[int | None] = mapped_column(ForeignKey("organisation.id"))  # next unit up
    created_at: Mapped[datetime]

    appointments: Mapped[list[Appointment]] = relationship(back_populates="organisation")
    superior: Mapped[Organisation | None] = relationship(remote_side="Organisation.id")

    @validates("name")
    def index_name(self, _key: str, name: str) -> str:
        """Find the organisation by another name as soon as it has one."""
        self.search_name, self.search_terms = fold(name), name_terms(name)
        return name


class Person(Base):
    """A natural person. Two accounts of one person are one pair of eyes."""

    __tablename__ = "person"

    id: Mapped[int] = mapped_column(primary_key=True)
    name: Mapped[str]

    accounts: Mapped[list[User]] = relationship(back_populates="person")


class User(Base, UserMixin):
    """An account of a person."""

    __tablename__ = "account"

    id: Mapped[int] = mapped_column(primary_key=True)
    person_id: Mapped[int] = mapped_column(ForeignKey("person.id"), index=True)
    email: Mapped[str] = mapped_column(unique=True)
    password: Mapped[str | None]
    active: Mapped[bool] = mapped_column(default=True)
    # Of a system that the person answers for (`MachineClient`): nobody signs in with it.
    is_machine: Mapped[bool] = mapped_column(default=False, server_default=false())
    # In which language mails are written to them.
    language: Mapped[str] = mapped_column(default="zh_Hans_CN", server_default="zh_Hans_CN")
    mail_mode: Mapped[str] = mapped_column(
        default="at_once", server_default="at_once"
    )  # at_once, digest, none
    # Of the secret in the address of the calendar feed; the secret itself is the person's.
    feed_digest: Mapped[str | None] = mapped_column(unique=True, index=True)
    fs_uniquifier: Mapped[str] = mapped_column(unique=True)
    created_at: Mapped[datetime]
    # The second factor, by the names that Flask-Security gives them: the secret of the
    # authenticator and the recovery codes are encrypted.
    tf_totp_secret: Mapped[str | None] = mapped_column(Sealed("account.tf_totp_secret"))
    tf_primary_method: Mapped[str | None]
    tf_phone_number = None  # no codes are sent to telephones
    tf_last_counter: Mapped[int | None]  # of the last code that was taken: none is taken twice
    mf_recovery_codes: Mapped[list[str] | None] = mapped_column(
        MutableList.as_mutable(JSON(none_as_null=True))
    )
    fs_webauthn_user_handle: Mapped[str | None] = mapped_column(  # type: ignore[assignment]
        unique=True, index=True
    )

    identities: Mapped[list[Identity]] = relationship(back_populates="user")
    webauthn: Mapped[list[Passkey]] = relationship(  # type: ignore[assignment]
        back_populates="user", cascade="all, delete-orphan", order_by="Passkey.id"
    )
    person: Mapped[Person] = relationship(back_populates="accounts", lazy="joined", innerjoin=True)
    appointments: Mapped[list[Appointment]] = relationship(back_populates="user", lazy="selectin")

    @property
    def roles(self) -> list[str]:  # type: ignore[override]  # ours belong to appointments
        """No role is held by an account alone: see `appointments`."""
        return []

    def verify_and_update_password(self, password: str) -> bool:
        """Say whether a password is right; a sign-in never writes.

        One that is longer than any can be is wrong: the library refuses to hash it.
        """
        fits = len(password) <= LONGEST_PASSWORD
        return fits and bool(verify_password(password, self.password or ""))

    @property
    def is_taken_up(self) -> bool:
        """Say whether the person has a way to sign in; else the account waits for them."""
        return self.password is not None or bool(self.identities)

    @property
    def has_second_factor(self) -> bool:
        """Say whether the person has set up more than a password to sign in with."""
        return bool(self.tf_totp_secret and self.tf_primary_method) or bool(self.webauthn)

    def holds(self, role: Role) -> bool:
        """Say whether the person holds this role today for any organisation."""
        return any(appointment.role == role for appointment in self.current_appointments)

    @property
    def current_appointments(self) -> list[Appointment]:
        """Return the appointments that have not run out."""
        return [one for one in self.appointments if one.is_current]


class Appointment(Base):
    """A person's role for one organisation; an agent's reaches as far as the mandate says."""

    __tablename__ = "appointment"
    __table_args__ = (
        UniqueConstraint("user_id", "organisation_id", "role"),
        CheckConstraint("(role = 'agent') = (scope IS NOT NULL)", name="scope_if_agent"),
    )

    id: Mapped[int] = mapped_column(primary_key=True)
    user_id: Mapped[int] = mapped_column(ForeignKey("account.id"), index=True)
    organisation_id: Mapped[int] = mapped_column(ForeignKey("organisation.id"), index=True)
    role: Mapped[str]
    scope: Mapped[list[str] | None]  # workflows that an agent may act in: objection, repair
    ends_on: Mapped[date | None]

    user: Mapped[User] = relationship(back_populates="appointments")
    organisation: Mapped[Organisation] = relationship(
        back_populates="appointments", lazy="joined", innerjoin=True
    )

    @property
    def is_current(self) -> bool:
        """Say whether the appointment holds today (Asia/Shanghai)."""
        return self.ends_on is None or today() <= self.ends_on
