"""Credit records and the marks of disputes about them."""

from __future__ import annotations

from datetime import date, datetime
from decimal import Decimal
from typing import TYPE_CHECKING

from sqlalchemy import CheckConstraint, ForeignKey, Index, Numeric, UniqueConstraint, text
from sqlalchemy.orm import Mapped, mapped_column, relationship

from repair_app.db import Base
from repair_app.masking import PERSONAL_NAME, PUBLIC, PUBLIC_TEXT
from repair_app.models.parties import Organisation

if TYPE_CHECKING:
    from repair_app.models.sanctions import Sanction

OFF_PUBLICATION = ("expired", "stopped", "repaired", "withdrawn", "archived")


class CreditRecord(Base):
    """A penalty record of an enterprise: the aggregate root that every matter locks first."""

    __tablename__ = "credit_record"
    __table_args__ = (
        UniqueConstraint(
            "provider_id", "decision_no", "subject_id", "reinsertion", name="uq_credit_record_key"
        ),
        CheckConstraint(
            f"(state IN {OFF_PUBLICATION!r}) = (archived_at IS NOT NULL)",
            name="archived_if_off",
        ),
        CheckConstraint("min_publication_until <= max_publication_until", name="periods_in_order"),
        # Found by their subjects, who are found by name; and by the day they end.
        Index("ix_credit_record_subject", "subject_id", "state", "max_publication_until", "id"),
        Index("ix_credit_record_term", "state", "max_publication_until"),
        Index("ix_credit_record_fingerprint", "fingerprint"),
        # Walked from the newest published one on.
        Index("ix_credit_record_state", "state", "id"),
    )

    id: Mapped[int] = mapped_column(primary_key=True, info=PUBLIC)
    ref: Mapped[str] = mapped_column(unique=True, info=PUBLIC)
    subject_id: Mapped[int] = mapped_column(ForeignKey("organisation.id"))
    provider_id: Mapped[int] = mapped_column(ForeignKey("organisation.id"), index=True)
    source_unit: Mapped[str] = mapped_column(info=PUBLIC)
    state: Mapped[str] = mapped_column(info=PUBLIC)
    version: Mapped[int] = mapped_column(default=0)
    workflow_version: Mapped[str] = mapped_column(info=PUBLIC)
    workflow_hash: Mapped[str] = mapped_column(info=PUBLIC)

    decision_no: Mapped[str] = mapped_column(info=PUBLIC)
    violation_type: Mapped[str] = mapped_column(info=PUBLIC_TEXT)
    violation_facts: Mapped[str] = mapped_column(info=PUBLIC_TEXT)
    legal_basis: Mapped[str] = mapped_column(info=PUBLIC_TEXT)
    penalty_categories: Mapped[list[str]] = mapped_column(info=PUBLIC)
    penalty_content: Mapped[str] = mapped_column(info=PUBLIC_TEXT)
    fine_10k: Mapped[Decimal | None] = mapped_column(Numeric(18, 6), info=PUBLIC)
    confiscation_10k: Mapped[Decimal | None] = mapped_column(Numeric(18, 6), info=PUBLIC)
    licence_seized: Mapped[str | None]
    legal_representative: Mapped[str | None] = mapped_column(info=PERSONAL_NAME)  # never public
    remark: Mapped[str | None]
    decided_on: Mapped[date] = mapped_column(info=PUBLIC)
    publicised_on: Mapped[date | None] = mapped_column(info=PUBLIC)
    conduct_ended_on: Mapped[date | None]
    valid_until: Mapped[date | None]
    source_publication_until: Mapped[date | None]  # what the file says; ours is computed
    fingerprint: Mapped[str]
    reinsertion: Mapped[int] = mapped_column(default=0)  # how often it came back, once removed

    rule_pack: Mapped[str]
    rule_pack_hash: Mapped[str]
    severity_class: Mapped[str] = mapped_column(info=PUBLIC)
    min_publication_until: Mapped[date | None] = mapped_column(info=PUBLIC)
    max_publication_until: Mapped[date] = mapped_column(info=PUBLIC)
    created_at: Mapped[datetime]
    archived_at: Mapped[datetime | None]

    subject: Mapped[Organisation] = relationship(
        foreign_keys=[subject_id], innerjoin=True, info=PUBLIC
    )
    provider: Mapped[Organisation] = relationship(
        foreign_keys=[provider_id], innerjoin=True, info=PUBLIC
    )
    sanctions: Mapped[list[Sanction]] = relationship(
        back_populates="record", order_by="Sanction.id"
    )
    dispute_marks: Mapped[list[DisputeMark]] = relationship(back_populates="record")
    proceeding_marks: Mapped[list[ProceedingMark]] = relationship(back_populates="record")

    workflow = "record"
    public_names = frozenset(
        {"workflow", "is_contested", "is_in_proceeding", "contested_since", "in_proceeding_since"}
    )
    __mapper_args__ = {"version_id_col": version, "version_id_generator": False}

    @property
    def is_contested(self) -> bool:
        """Say whether a verification of this record is open (its dispute mark stands)."""
        return any(mark.lifted_at is None for mark in self.dispute_marks)

    @property
    def is_in_proceeding(self) -> bool:
        """Say whether the decision is under reconsideration or before a court."""
        return any(mark.lifted_at is None for mark in self.proceeding_marks)

    @property
    def contested_since(self) -> datetime | None:
        """Return since when a verification of this record is open, if one is."""
        return min((one.placed_at for one in self.dispute_marks if not one.lifted_at), default=None)

    @property
    def in_proceeding_since(self) -> datetime | None:
        """Return since when the decision is under reconsideration or suit, if it is."""
        open_marks = (one for one in self.proceeding_marks if not one.lifted_at)
        return min((one.placed_at for one in open_marks), default=None)


class DisputeMark(Base):
    """The annotation that a record is under verification, one for each open case."""

    __tablename__ = "dispute_mark"
    __table_args__ = (
        UniqueConstraint("record_id", "case_id"),
        Index(
            "ix_dispute_mark_standing",
            "case_id",
            sqlite_where=text("lifted_at IS NULL"),
            postgresql_where=text("lifted_at IS NULL"),
        ),
        Index(
            "ix_dispute_mark_open",
            "record_id",
            sqlite_where=text("lifted_at IS NULL"),
            postgresql_where=text("lifted_at IS NULL"),
        ),
    )

    id: Mapped[int] = mapped_column(primary_key=True)
    record_id: Mapped[int] = mapped_column(ForeignKey("credit_record.id"))
    case_id: Mapped[int] = mapped_column(ForeignKey("case_file.id"), index=True)
    placed_at: Mapped[datetime]
    lifted_at: Mapped[datetime | None]
    hides: Mapped[bool] = mapped_column(default=False)  # not shown meanwhile, where rules say so

    record: Mapped[CreditRecord] = relationship(back_populates="dispute_marks")


class ProceedingMark(Base):
    """The annotation that the decision is under reconsideration or before a court."""

    __tablename__ = "proceeding_mark"
    __table_args__ = (UniqueConstraint("record_id", "case_id"),)

    id: Mapped[int] = mapped_column(primary_key=True)
    record_id: Mapped[int] = mapped_column(ForeignKey("credit_record.id"), index=True)
    case_id: Mapped[int] = mapped_column(ForeignKey("case_file.id"), index=True)
    placed_at: Mapped[datetime]
    lifted_at: Mapped[datetime | None]

    record: Mapped[CreditRecord] = relationship(back_populates="proceeding_marks")
