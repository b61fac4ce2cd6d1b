"""What was asked of the enforcement gate, and what it answered."""

from __future__ import annotations

from datetime import datetime

from sqlalchemy import BigInteger, Index, Integer
from sqlalchemy.orm import Mapped, mapped_column

from repair_app.db import Base


class Enquiry(Base):
    """One question whether a measure may be enforced, with its answer: a row for each of a batch.

    No foreign keys: a thousand rows come at a time, and what they name is never deleted.
    """

    __tablename__ = "enquiry"
    __table_args__ = (
        Index("ix_enquiry_uscc", "uscc", "id"),
        Index("ix_enquiry_organisation", "organisation_id", "id"),
    )

    id: Mapped[int] = mapped_column(BigInteger().with_variant(Integer, "sqlite"), primary_key=True)
    at: Mapped[datetime]
    account_id: Mapped[int]  # of the person, or by which the system acts
    organisation_id: Mapped[int]  # the department that asked
    client: Mapped[str | None]  # identifier of the system; None: a person, by the page
    purpose: Mapped[str]
    uscc: Mapped[str]  # as it was asked about, also if nobody has it
    measure: Mapped[str]
    state: Mapped[str]  # the code of the verdict (engine/enforcement.py)
    answer: Mapped[str]  # the identifier that stands in the receipt
    event_id: Mapped[int | None]  # the last event of what decided
