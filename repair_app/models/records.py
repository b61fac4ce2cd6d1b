"""Credit records, the sanctions that rest on them, and the marks and suspensions of disputes."""

from __future__ import annotations

from datetime import date, datetime
from decimal import Decimal

from sqlalchemy import CheckConstraint, ForeignKey, Index, Numeric, UniqueConstraint, text
from sqlalchemy.orm import Mapped, mapped_column, relationship

from repair_app.db import Base
from repair_app.models.parties import Organisation

OFF_PUBLICATION = ("expired", "repaired", "withdrawn")


class CreditRecord(Base):
    """A penalty record of an enterprise: the aggregate root that every matter locks first."""

    __tablename__ = "credit_record"
    __table_args__ = (
        UniqueConstraint("provider_id", "decision_no", "subject_id", name="uq_credit_record_key"),
        CheckConstraint(
            "(state IN ('expired', 'repaired', 'withdrawn')) = (archived_at IS NOT NULL)",
            name="archived_if_off",
        ),
        CheckConstraint("min_publication_until <= max_publication_until", name="periods_in_order"),
        # Found by their subjects, who are found by name; and by the day they end.
        Index("ix_credit_record_subject", "subject_id", "state", "max_publication_until"),
        Index("ix_credit_record_term", "state", "max_publication_until"),
        Index("ix_credit_record_fingerprint", "fingerprint"),
    )

    id: Mapped[int] = mapped_column(primary_key=True)
    ref: Mapped[str] = mapped_column(unique=True)
    subject_id: Mapped[int] = mapped_column(ForeignKey("organisation.id"))
    provider_id: Mapped[int] = mapped_column(ForeignKey("organisation.id"), index=True)
    source_unit: Mapped[str]
    state: Mapped[str]
    version: Mapped[int] = mapped_column(default=0)
    workflow_version: Mapped[str]
    workflow_hash: Mapped[str]

    decision_no: Mapped[str]
    violation_type: Mapped[str]
    violation_facts: Mapped[str]
    legal_basis: Mapped[str]
    penalty_categories: Mapped[list[str]]
    penalty_content: Mapped[str]
    fine_10k: Mapped[Decimal | None] = mapped_column(Numeric(18, 6))
    confiscation_10k: Mapped[Decimal | None] = mapped_column(Numeric(18, 6))
    licence_seized: Mapped[str | None]
    legal_representative: Mapped[str | None]  # personal: never on a public page
    remark: Mapped[str | None]
    decided_on: Mapped[date]
    publicised_on: Mapped[date | None]
    conduct_ended_on: Mapped[date | None]
    valid_until: Mapped[date | None]
    source_publication_until: Mapped[date | None]  # what the file says; ours is computed
    fingerprint: Mapped[str]

    rule_pack: Mapped[str]
    rule_pack_hash: Mapped[str]
    severity_class: Mapped[str]
    min_publication_until: Mapped[date | None]
    max_publication_until: Mapped[date]
    created_at: Mapped[datetime]
    archived_at: Mapped[datetime | None]

    subject: Mapped[Organisation] = relationship(foreign_keys=[subject_id], innerjoin=True)
    provider: Mapped[Organisation] = relationship(foreign_keys=[provider_id], innerjoin=True)
    sanctions: Mapped[list[Sanction]] = relationship(
        back_populates="record", order_by="Sanction.id"
    )
    dispute_marks: Mapped[list[DisputeMark]] = relationship(back_populates="record")

    workflow = "record"
    __mapper_args__ = {"version_id_col": version, "version_id_generator": False}

    @property
    def is_contested(self) -> bool:
        """Say whether a verification of this record is open (its dispute mark stands)."""
        return any(mark.lifted_at is None for mark in self.dispute_marks)


class DisputeMark(Base):
    """The annotation that a record is under verification, one for each open case."""

    __tablename__ = "dispute_mark"
    __table_args__ = (UniqueConstraint("record_id", "case_id"),)

    id: Mapped[int] = mapped_column(primary_key=True)
    record_id: Mapped[int] = mapped_column(ForeignKey("credit_record.id"), index=True)
    case_id: Mapped[int] = mapped_column(ForeignKey("case_file.id"), index=True)
    placed_at: Mapped[datetime]
    lifted_at: Mapped[datetime | None]

    record: Mapped[CreditRecord] = relationship(back_populates="dispute_marks")


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


class Sanction(Base):
    """One measure on one record, carried out by one implementing department."""

    __tablename__ = "sanction"
    __table_args__ = (
        Index(
            "uq_sanction_running",
            "record_id",
            "measure_id",
            "department_id",
            unique=True,
            sqlite_where=text("ended_at IS NULL"),
            postgresql_where=text("ended_at IS NULL"),
        ),
        CheckConstraint(
            "(state IN ('ended', 'lapsed')) = (ended_at IS NOT NULL)", name="ended_at_if_ended"
        ),
        Index(
            "ix_sanction_running",
            "department_id",
            "id",
            sqlite_where=text("ended_at IS NULL"),
            postgresql_where=text("ended_at IS NULL"),
        ),
    )

    id: Mapped[int] = mapped_column(primary_key=True)
    ref: Mapped[str] = mapped_column(unique=True)
    record_id: Mapped[int] = mapped_column(ForeignKey("credit_record.id"), index=True)
    measure_id: Mapped[int] = mapped_column(ForeignKey("sanction_measure.id"))
    department_id: Mapped[int] = mapped_column(ForeignKey("organisation.id"))
    state: Mapped[str]
    version: Mapped[int] = mapped_column(default=0)
    workflow_version: Mapped[str]
    workflow_hash: Mapped[str]
    rule_pack: Mapped[str]
    rule_pack_hash: Mapped[str]
    imposed_on: Mapped[date]
    ends_on: Mapped[date]  # last day of the term
    ended_at: Mapped[datetime | None]

    record: Mapped[CreditRecord] = relationship(back_populates="sanctions", innerjoin=True)
    measure: Mapped[SanctionMeasure] = relationship(lazy="joined", innerjoin=True)
    department: Mapped[Organisation] = relationship(innerjoin=True)
    suspensions: Mapped[list[SanctionSuspension]] = relationship(
        back_populates="sanction", order_by="SanctionSuspension.id"
    )

    workflow = "sanction"
    __mapper_args__ = {"version_id_col": version, "version_id_generator": False}


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
