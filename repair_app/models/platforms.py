"""The platforms that show our records, what changed for them, and what is owed to each of them."""

from __future__ import annotations

from datetime import date, datetime
from enum import StrEnum

from sqlalchemy import CheckConstraint, ForeignKey, Index, text
from sqlalchemy.orm import Mapped, mapped_column, relationship

from repair_app.db import Base
from repair_app.models.parties import Organisation
from repair_app.sealing import Sealed


class PlatformKind(StrEnum):
    """What a platform is (鲁信用办〔2021〕5号 （八）: the same result on each of them)."""

    NATIONAL = "national"
    PROVINCIAL = "provincial"
    CITY = "city"
    ENTERPRISE_PUBLICITY = "enterprise_publicity"
    SOURCE_AGENCY = "source_agency"  # gets only what it provided itself
    THIRD_PARTY = "third_party"


class Delivery(StrEnum):
    """How changes get to a platform."""

    WEBHOOK = "webhook"
    PULL = "pull"
    FILE = "file"


class PlatformStanding(StrEnum):
    """Whether a platform is sent what is owed to it; what is owed is noted all the same."""

    ACTIVE = "active"
    PARKED = "parked"  # waits for a person, or for the platform to be there again
    DISABLED = "disabled"  # it said that it is gone, or somebody ended it


class Owed(StrEnum):
    """How it stands with one change and one platform."""

    WAITING = "waiting"
    ACKNOWLEDGED = "acknowledged"
    SUPERSEDED = "superseded"  # a newer change of the record is owed in its place
    FAILED = "failed"  # tried as often as it is tried


OPEN = (Owed.WAITING, Owed.FAILED)
IS_OPEN = text("standing IN ('waiting', 'failed')")


class Platform(Base):
    """A platform that shows what we publish, and how it is reached. Its secret is not kept here."""

    __tablename__ = "platform"
    __table_args__ = (
        CheckConstraint(f"kind IN {tuple(map(str, PlatformKind))!r}", name="kind"),
        CheckConstraint(f"delivery IN {tuple(map(str, Delivery))!r}", name="delivery"),
        CheckConstraint(f"standing IN {tuple(map(str, PlatformStanding))!r}", name="standing"),
        CheckConstraint("(delivery = 'webhook') = (url IS NOT NULL)", name="url_if_webhook"),
        CheckConstraint("(standing = 'active') = (problem IS NULL)", name="problem_if_not_active"),
    )

    id: Mapped[int] = mapped_column(primary_key=True)
    code: Mapped[str] = mapped_column(unique=True)
    name_zh: Mapped[str]
    name_en: Mapped[str]
    kind: Mapped[str]
    delivery: Mapped[str]
    url: Mapped[str | None]  # where changes are posted
    # Who looks after it there.
    owner_email: Mapped[str] = mapped_column(Sealed("platform.owner_email"))
    term_days: Mapped[int]  # working days in which it is to show a change
    # Whose API client pulls; of a source agency also whose records it gets.
    organisation_id: Mapped[int | None] = mapped_column(ForeignKey("organisation.id"), index=True)
    standing: Mapped[str] = mapped_column(default=PlatformStanding.ACTIVE)
    problem: Mapped[str | None]  # why it is not active: a key of services.platforms.PROBLEMS
    problem_since: Mapped[datetime | None]
    generation: Mapped[int] = mapped_column(default=1)  # of its signing secret
    rotated_at: Mapped[datetime | None]
    leased_until: Mapped[datetime | None]  # somebody delivers to it just now
    paused_until: Mapped[datetime | None]  # it asked for patience, or does not answer
    unreachable_since: Mapped[datetime | None]  # asked whether it is there, it did not answer
    told: Mapped[str | None]  # of which problem its owner is to be told, or was told
    tell_at: Mapped[datetime | None]  # not before then; None: nothing is to be told
    tell_tries: Mapped[int] = mapped_column(default=0)
    created_at: Mapped[datetime]

    organisation: Mapped[Organisation | None] = relationship()


class Change(Base):
    """One change of what a record shows, as of the end of the transaction that made it.

    `payload` is what a platform is to show now, as canonical JSON; once a newer change of the
    record follows, only its hash is kept.
    """

    __tablename__ = "change"
    __table_args__ = (
        Index("ix_change_record", "record_ref", "id"),
        Index(
            "ix_change_to_order",
            "id",
            sqlite_where=text("position IS NULL"),
            postgresql_where=text("position IS NULL"),
        ),
    )

    id: Mapped[int] = mapped_column(primary_key=True)
    record_ref: Mapped[str]
    provider_id: Mapped[int] = mapped_column(ForeignKey("organisation.id"))
    # What it came from; None where nobody acted, as when the checker found a difference.
    event_id: Mapped[int | None] = mapped_column(ForeignKey("event.id"))
    position: Mapped[int | None] = mapped_column(unique=True)  # None until it is put in order
    shown: Mapped[bool]
    payload: Mapped[str | None]
    payload_hash: Mapped[str]
    at: Mapped[datetime]


class ChangeHead(Base):
    """The last position given: the one row that whoever orders changes locks."""

    __tablename__ = "change_head"

    id: Mapped[int] = mapped_column(primary_key=True, autoincrement=False)
    position: Mapped[int]


class ChangeIntake(Base):
    """Records brought in by bulk whose first changes are still to be written: a range of ids."""

    __tablename__ = "change_intake"

    id: Mapped[int] = mapped_column(primary_key=True)
    next_id: Mapped[int]
    last_id: Mapped[int]


class Obligation(Base):
    """That a platform is to show a change; one open one for each platform and record."""

    __tablename__ = "obligation"
    __table_args__ = (
        CheckConstraint(f"standing IN {tuple(map(str, Owed))!r}", name="standing"),
        CheckConstraint(
            "(standing = 'acknowledged') = (acknowledged_at IS NOT NULL)", name="acknowledged_at"
        ),
        Index(
            "uq_obligation_open",
            "platform_id",
            "record_ref",
            unique=True,
            sqlite_where=IS_OPEN,
            postgresql_where=IS_OPEN,
        ),
        Index(
            "ix_obligation_due",
            "platform_id",
            "next_try_at",
            sqlite_where=text("standing = 'waiting'"),
            postgresql_where=text("standing = 'waiting'"),
        ),
        Index(
            "ix_obligation_late",
            "platform_id",
            "due_on",
            sqlite_where=IS_OPEN,
            postgresql_where=IS_OPEN,
        ),
        Index("ix_obligation_record", "record_ref", "platform_id", "id"),
    )

    id: Mapped[int] = mapped_column(primary_key=True)
    platform_id: Mapped[int] = mapped_column(ForeignKey("platform.id"))
    change_id: Mapped[int] = mapped_column(ForeignKey("change.id"), index=True)
    record_ref: Mapped[str]
    standing: Mapped[str] = mapped_column(default=Owed.WAITING)
    due_on: Mapped[date]
    attempts: Mapped[int] = mapped_column(default=0)
    next_try_at: Mapped[datetime]
    tried_at: Mapped[datetime | None]
    problem: Mapped[str | None]  # why the last try failed: a code, nothing that the platform wrote
    acknowledged_at: Mapped[datetime | None]
    platform_hash: Mapped[str | None]  # what the platform says that it shows
    because: Mapped[str]  # change, joined, rejoined, replayed, repaired, withdrawn

    platform: Mapped[Platform] = relationship(innerjoin=True)
    change: Mapped[Change] = relationship(innerjoin=True)
