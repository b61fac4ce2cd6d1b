"""Complaints of interested parties; who complained lies apart and is shown to nobody unasked.

Neither the words of a complainant nor the contact are in the ledger: they can be erased, and no
page but the reviewer's shows them (鲁政发〔2017〕44号 二（三）14：对举报人信息严格保密).
"""

from __future__ import annotations

from datetime import datetime

from sqlalchemy import ForeignKey
from sqlalchemy.orm import Mapped, mapped_column, relationship

from repair_app.db import Base
from repair_app.models.cases import Case
from repair_app.sealing import Sealed


class Complaint(Base):
    """What an interested party says about a record; its case says what became of it."""

    __tablename__ = "complaint"

    id: Mapped[int] = mapped_column(primary_key=True)
    case_id: Mapped[int] = mapped_column(ForeignKey("case_file.id"), unique=True)
    code_digest: Mapped[str] = mapped_column(unique=True)  # the code itself is the complainant's
    capacity: Mapped[str]  # a key of repair_app.forms.complaints.CAPACITIES
    statement: Mapped[str] = mapped_column(Sealed("complaint.statement"))

    case: Mapped[Case] = relationship(innerjoin=True)
    contact: Mapped[ComplaintContact | None] = relationship(lazy="raise")
    papers: Mapped[list[ComplaintPaper]] = relationship(order_by="ComplaintPaper.id")


class ComplaintContact(Base):
    """How to reach a complainant: read one at a time, by a reviewer who says why."""

    __tablename__ = "complaint_contact"

    complaint_id: Mapped[int] = mapped_column(ForeignKey("complaint.id"), primary_key=True)
    contact: Mapped[str] = mapped_column(Sealed("complaint_contact.contact"))


class ComplaintPaper(Base):
    """A file that came with a complaint; it may show who complained, so only reviewers open it.

    Of one that was erased the hash stays, to which the ledger commits; it has no name any more,
    and no other file is without one.
    """

    __tablename__ = "complaint_paper"

    id: Mapped[int] = mapped_column(primary_key=True)
    complaint_id: Mapped[int] = mapped_column(ForeignKey("complaint.id"), index=True)
    filename: Mapped[str]
    media_type: Mapped[str]
    size: Mapped[int]
    sha256: Mapped[str]
    kept_at: Mapped[datetime]

    @property
    def is_erased(self) -> bool:
        """Say whether its bytes were thrown away, and its name."""
        return not self.filename
