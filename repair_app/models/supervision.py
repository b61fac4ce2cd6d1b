"""What supervision leaves behind: how commitments were kept, talks, registered institutions."""

from __future__ import annotations

from datetime import date, datetime

from sqlalchemy import CheckConstraint, ForeignKey, UniqueConstraint
from sqlalchemy.orm import Mapped, mapped_column, relationship

from repair_app.db import Base
from repair_app.models.cases import Case, Requirement
from repair_app.models.parties import Organisation


class Fulfilment(Base):
    """How a commitment was kept, as its supervisor found; what was not kept, and what follows.

    The names of the columns are those of the national data standard of commitments.
    """

    __tablename__ = "commitment_fulfilment"

    id: Mapped[int] = mapped_column(primary_key=True)
    requirement_id: Mapped[int] = mapped_column(ForeignKey("requirement.id"), unique=True)
    announced_by_id: Mapped[int | None] = mapped_column(ForeignKey("person.id"))
    unfulfilled: Mapped[str | None]  # 未履行的承诺内容
    liability: Mapped[str | None]  # 违诺责任追究内容
    recognised_on: Mapped[date | None]  # 履行状态认定日期; none while it is only announced
    recognised_by_id: Mapped[int | None] = mapped_column(ForeignKey("organisation.id"))

    requirement: Mapped[Requirement] = relationship()
    recognised_by: Mapped[Organisation | None] = relationship()


class Talk(Base):
    """A reminder or warning talk: when and where it is called, and that it was held."""

    __tablename__ = "talk"

    id: Mapped[int] = mapped_column(primary_key=True)
    case_id: Mapped[int] = mapped_column(ForeignKey("case_file.id"), unique=True)
    meets_on: Mapped[date]
    place: Mapped[str]
    held_on: Mapped[date | None]
    signed_by_subject: Mapped[bool] = mapped_column(default=False)
    entered_at: Mapped[datetime | None]  # in the credit record

    case: Mapped[Case] = relationship(innerjoin=True)


SERVICES = ("training", "credit_report")  # workflows of requirements that institutions serve


class InstitutionRegistration(Base):
    """A credit service institution's registration for one service, with number and term."""

    __tablename__ = "institution_registration"
    __table_args__ = (
        UniqueConstraint("service", "number"),
        CheckConstraint("service IN ('training', 'credit_report')", name="service_is_known"),
        CheckConstraint("valid_until >= valid_from", name="ends_after_it_begins"),
    )

    id: Mapped[int] = mapped_column(primary_key=True)
    organisation_id: Mapped[int] = mapped_column(ForeignKey("organisation.id"), index=True)
    service: Mapped[str]  # the workflow of the requirement that it serves
    number: Mapped[str]
    valid_from: Mapped[date]
    valid_until: Mapped[date]
    ended_on: Mapped[date | None]  # struck off from this day on
    suspended_on: Mapped[date | None]  # rests since this day, and may be resumed

    organisation: Mapped[Organisation] = relationship(innerjoin=True)
