"""Joint sanctions: the catalogue of measures, what was imposed, suspended and carried out."""

from __future__ import annotations

from datetime import date, datetime

from sqlalchemy import CheckConstraint, ForeignKey, Index, UniqueConstraint, text
from sqlalchemy.orm import Mapped, mapped_column, relationship

from repair_app.db import Base
from repair_app.models.parties import Organisation, Person
from repair_app.models.records import CreditRecord

# A measure on the enterprise, and one on a person, that still stands.
RUNNING_ON_ENTERPRISE = text("ended_at IS NULL AND person_id IS NULL")
RUNNING_ON_PERSON = text("ended_at IS NULL AND person_id IS NOT NULL")
RUNNING = text("ended_at IS NULL")
# In which part a person answers for the conduct of an enterprise (…四（十四）).
PERSON_ROLES = ("legal_representative", "principal", "actual_controller", "directly_responsible")


class SanctionMeasure(Base):
    """A measure of the published catalogue: no other may be attached to a record."""

    __tablename__ = "sanction_measure"

    id: Mapped[int] = mapped_column(primary_key=True)
    code: Mapped[str] = mapped_column(unique=True)
    name_zh: Mapped[str]
    name_en: Mapped[str]
    kind: Mapped[str]  # administrative, market, industry
    force: Mapped[str]  # mandatory, recommended
    basis: Mapped[str]
    classes: Mapped[list[str]] = mapped_column(default=list)  # of record that it may rest on
    longest_months: Mapped[int | None]  # None: as long as the record stands
    reaches_persons: Mapped[bool] = mapped_column(default=False)
    withdrawn_on: Mapped[date | None]  # the first day on which it is listed no more


class Sanction(Base):
    """One measure on one record, carried out by one implementing department.

    It rests on the enterprise, or on one person who answers for its conduct.
    """

    __tablename__ = "sanction"
    __table_args__ = (
        Index(
            "uq_sanction_running",
            "record_id",
            "measure_id",
            "department_id",
            unique=True,
            sqlite_where=RUNNING_ON_ENTERPRISE,
            postgresql_where=RUNNING_ON_ENTERPRISE,
        ),
        Index(
            "uq_sanction_running_person",
            "record_id",
            "measure_id",
            "department_id",
            "person_id",
            unique=True,
            sqlite_where=RUNNING_ON_PERSON,
            postgresql_where=RUNNING_ON_PERSON,
        ),
        CheckConstraint(
            "(state IN ('ended', 'lapsed', 'declined')) = (ended_at IS NOT NULL)",
            name="ended_at_if_ended",
        ),
        CheckConstraint(
            "(person_id IS NULL) = (person_role IS NULL)", name="person_in_a_named_role"
        ),
        Index(
            "ix_sanction_running",
            "department_id",
            "id",
            sqlite_where=RUNNING,
            postgresql_where=RUNNING,
        ),
    )

    id: Mapped[int] = mapped_column(primary_key=True)
    ref: Mapped[str] = mapped_column(unique=True)
    record_id: Mapped[int] = mapped_column(ForeignKey("credit_record.id"), index=True)
    measure_id: Mapped[int] = mapped_column(ForeignKey("sanction_measure.id"))
    department_id: Mapped[int] = mapped_column(ForeignKey("organisation.id"))
    # Who initiated it; None: the department by itself.
    initiator_id: Mapped[int | None] = mapped_column(ForeignKey("organisation.id"))
    state: Mapped[str]
    version: Mapped[int] = mapped_column(default=0)
    workflow_version: Mapped[str]
    workflow_hash: Mapped[str]
    rule_pack: Mapped[str]
    rule_pack_hash: Mapped[str]
    person_id: Mapped[int | None] = mapped_column(ForeignKey("person.id"), index=True)
    person_role: Mapped[str | None]  # one of PERSON_ROLES
    # Who has to be told of a public body's misconduct: keys of engine.enforcement.ADDRESSEES.
    notified: Mapped[list[str]] = mapped_column(default=list)
    imposed_on: Mapped[date]  # first day of the term; until it is accepted, when it was initiated
    ends_on: Mapped[date]  # last day of the term
    ended_at: Mapped[datetime | None]
    evaluation: Mapped[str | None]  # what came of it: a key of forms.sanctions.EVALUATIONS

    record: Mapped[CreditRecord] = relationship(back_populates="sanctions", innerjoin=True)
    measure: Mapped[SanctionMeasure] = relationship(lazy="joined", innerjoin=True)
    department: Mapped[Organisation] = relationship(innerjoin=True, foreign_keys=[department_id])
    initiator: Mapped[Organisation | None] = relationship(foreign_keys=[initiator_id])
    person: Mapped[Person | None] = relationship()  # personal: never on a public page
    suspensions: Mapped[list[SanctionSuspension]] = relationship(
        back_populates="sanction", order_by="SanctionSuspension.id"
    )
    executions: Mapped[list[SanctionExecution]] = relationship(
        back_populates="sanction", order_by="SanctionExecution.id"
    )

    workflow = "sanction"
    __mapper_args__ = {"version_id_col": version, "version_id_generator": False}

    @property
    def is_suspended(self) -> bool:
        """Say whether a suspension of it is open."""
        return any(one.lifted_at is None for one in self.suspensions)


class SanctionSuspension(Base):
    """A sanction is not executed while this row is open: one for each (sanction, case)."""

    __tablename__ = "sanction_suspension"
    __table_args__ = (
        UniqueConstraint("sanction_id", "case_id"),
        CheckConstraint("(lifted_at IS NULL) = (lifted_because IS NULL)", name="reason_if_lifted"),
        Index(
            "ix_sanction_suspension_open",
            "sanction_id",
            sqlite_where=text("lifted_at IS NULL"),
            postgresql_where=text("lifted_at IS NULL"),
        ),
    )

    id: Mapped[int] = mapped_column(primary_key=True)
    sanction_id: Mapped[int] = mapped_column(ForeignKey("sanction.id"))
    case_id: Mapped[int] = mapped_column(ForeignKey("case_file.id"), index=True)
    suspended_at: Mapped[datetime]
    lifted_at: Mapped[datetime | None]
    lifted_because: Mapped[str | None]  # the transition that lifted it

    sanction: Mapped[Sanction] = relationship(back_populates="suspensions")


class SanctionExecution(Base):
    """What a department fed back: that a measure was carried out on a day, or was not."""

    __tablename__ = "sanction_execution"

    id: Mapped[int] = mapped_column(primary_key=True)
    sanction_id: Mapped[int] = mapped_column(ForeignKey("sanction.id"), index=True)
    happened_on: Mapped[date]
    executed: Mapped[bool]
    incident: Mapped[str | None]  # why it must not have been: a key of engine.enforcement.INCIDENTS
    reported_at: Mapped[datetime]

    sanction: Mapped[Sanction] = relationship(back_populates="executions")
