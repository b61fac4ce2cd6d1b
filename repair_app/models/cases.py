"""Cases (objections, repairs and all other matters), their requirements, evidence, deadlines."""

from __future__ import annotations

from datetime import date, datetime
from typing import Any

from sqlalchemy import CheckConstraint, ForeignKey, Index, UniqueConstraint, text
from sqlalchemy.orm import Mapped, mapped_column, relationship

from repair_app.calendar import DueDate, Pause
from repair_app.db import Base
from repair_app.masking import PUBLIC, PUBLIC_TEXT
from repair_app.models.parties import Organisation, User
from repair_app.models.records import CreditRecord

# A case that has ended no longer keeps its ground from being raised again.
OPEN_CASE = text("closed_at IS NULL AND person_id IS NULL")
OPEN_CASE_OF_PERSON = text("closed_at IS NULL AND person_id IS NOT NULL")
# Who set a verification going (鲁政发〔2017〕44号 二（四）20), or any other matter.
DOORS = ("subject", "complaint", "discovery", "system")
RUNNING = text("met_at IS NULL")


class Case(Base):
    """One matter of one record (objection, repair, talk …), pinned to the policy it began with."""

    __tablename__ = "case_file"
    __table_args__ = (
        CheckConstraint("verified_by_id <> decided_by_id", name="verifier_never_decides"),
        CheckConstraint("verified_by_id <> signed_by_id", name="verifier_never_signs"),
        CheckConstraint("decided_by_id <> signed_by_id", name="two_persons_decide"),
        CheckConstraint(
            "state NOT IN ('executed', 'rejected', 'not_granted') OR signed_by_id IS NOT NULL",
            name="signed_if_decided",
        ),
        Index(
            "uq_case_file_open_ground",
            "record_id",
            "workflow",
            "ground",
            unique=True,
            sqlite_where=OPEN_CASE,
            postgresql_where=OPEN_CASE,
        ),
        Index(
            "uq_case_file_open_ground_person",
            "record_id",
            "workflow",
            "ground",
            "person_id",
            unique=True,
            sqlite_where=OPEN_CASE_OF_PERSON,
            postgresql_where=OPEN_CASE_OF_PERSON,
        ),
        Index("ix_case_file_record", "record_id", "workflow"),
        Index("ix_case_file_kind", "workflow", "id"),
    )

    id: Mapped[int] = mapped_column(primary_key=True)
    ref: Mapped[str] = mapped_column(unique=True)
    workflow: Mapped[str]
    workflow_version: Mapped[str]
    workflow_hash: Mapped[str]
    rule_pack: Mapped[str]
    rule_pack_hash: Mapped[str]
    state: Mapped[str]
    version: Mapped[int] = mapped_column(default=0)
    record_id: Mapped[int] = mapped_column(ForeignKey("credit_record.id"))
    subject_id: Mapped[int] = mapped_column(ForeignKey("organisation.id"), index=True)
    provider_id: Mapped[int] = mapped_column(ForeignKey("organisation.id"), index=True)
    ground: Mapped[str]  # an objection's ground, or the workflow's name: one open at a time
    door: Mapped[str] = mapped_column(default="subject")  # who set it going: one of DOORS
    centre_id: Mapped[int | None] = mapped_column(ForeignKey("organisation.id"), index=True)
    # The unit above, once a term was passed on to it: its reviewers act beside the centre's own.
    higher_centre_id: Mapped[int | None] = mapped_column(ForeignKey("organisation.id"), index=True)
    department_id: Mapped[int | None] = mapped_column(ForeignKey("organisation.id"), index=True)
    about_id: Mapped[int | None] = mapped_column(ForeignKey("case_file.id"), index=True)
    # Who filed in their own name: a person whom a measure reaches (…四（十四）). None: the firm.
    person_id: Mapped[int | None] = mapped_column(ForeignKey("person.id"), index=True)
    outcome: Mapped[str | None]  # a code of the rule pack: what came of it
    refusal_code: Mapped[str | None]
    entered_by_id: Mapped[int | None] = mapped_column(ForeignKey("person.id"))  # at the counter
    verified_by_id: Mapped[int | None] = mapped_column(ForeignKey("person.id"))
    decided_by_id: Mapped[int | None] = mapped_column(ForeignKey("person.id"))
    signed_by_id: Mapped[int | None] = mapped_column(ForeignKey("person.id"))
    opened_at: Mapped[datetime]
    submitted_at: Mapped[datetime | None]
    closed_at: Mapped[datetime | None]

    record: Mapped[CreditRecord] = relationship(lazy="joined", innerjoin=True)
    subject: Mapped[Organisation] = relationship(
        foreign_keys=[subject_id], innerjoin=True, info=PUBLIC
    )
    provider: Mapped[Organisation] = relationship(foreign_keys=[provider_id], innerjoin=True)
    centre: Mapped[Organisation | None] = relationship(foreign_keys=[centre_id])
    department: Mapped[Organisation | None] = relationship(foreign_keys=[department_id])
    about: Mapped[Case | None] = relationship(remote_side="Case.id")
    requirements: Mapped[list[Requirement]] = relationship(
        back_populates="case", order_by="Requirement.id"
    )
    proposals: Mapped[list[FieldProposal]] = relationship(
        back_populates="case", order_by="FieldProposal.id"
    )
    documents: Mapped[list[Document]] = relationship(back_populates="case", order_by="Document.id")
    deadlines: Mapped[list[Deadline]] = relationship(back_populates="case", order_by="Deadline.id")

    __mapper_args__ = {"version_id_col": version, "version_id_generator": False}

    @property
    def is_open(self) -> bool:
        """Say whether the case has not ended."""
        return self.closed_at is None


class Requirement(Base):
    """One thing a repair needs (commitment, rectification, training, credit report)."""

    __tablename__ = "requirement"
    __table_args__ = (
        UniqueConstraint("case_id", "workflow", "institution_id"),
        UniqueConstraint("institution_id", "number", name="uq_requirement_number"),
        CheckConstraint(
            "state <> 'published' OR published_at IS NOT NULL", name="published_at_if_published"
        ),
        Index(
            "ix_requirement_published",
            "id",
            sqlite_where=text("published_at IS NOT NULL"),
            postgresql_where=text("published_at IS NOT NULL"),
        ),
    )

    id: Mapped[int] = mapped_column(primary_key=True, info=PUBLIC)
    ref: Mapped[str] = mapped_column(unique=True, info=PUBLIC)
    workflow: Mapped[str]
    workflow_version: Mapped[str]
    workflow_hash: Mapped[str]
    rule_pack: Mapped[str]
    rule_pack_hash: Mapped[str]
    state: Mapped[str]
    version: Mapped[int] = mapped_column(default=0)
    case_id: Mapped[int] = mapped_column(ForeignKey("case_file.id"), index=True)
    institution_id: Mapped[int | None] = mapped_column(ForeignKey("organisation.id"), index=True)
    number: Mapped[str | None]  # of the certificate or report, unique at its institution
    issued_on: Mapped[date | None]
    valid_until: Mapped[date | None]
    text: Mapped[str | None] = mapped_column(info=PUBLIC_TEXT)  # of a commitment, as signed
    signed_at: Mapped[datetime | None]
    published_at: Mapped[datetime | None] = mapped_column(info=PUBLIC)

    case: Mapped[Case] = relationship(back_populates="requirements", innerjoin=True, info=PUBLIC)
    institution: Mapped[Organisation | None] = relationship()

    __mapper_args__ = {"version_id_col": version, "version_id_generator": False}


class FieldProposal(Base):
    """A field of the record that an objection wants corrected: old, proposed, answered."""

    __tablename__ = "field_proposal"
    __table_args__ = (UniqueConstraint("case_id", "field"),)

    id: Mapped[int] = mapped_column(primary_key=True)
    case_id: Mapped[int] = mapped_column(ForeignKey("case_file.id"), index=True)
    field: Mapped[str]
    old_value: Mapped[str]
    proposed_value: Mapped[str | None]
    answered_value: Mapped[str | None]  # what the provider found to be right

    case: Mapped[Case] = relationship(back_populates="proposals")


class Document(Base):
    """A piece of evidence; its bytes are stored once under their SHA-256."""

    __tablename__ = "document"
    __table_args__ = (UniqueConstraint("case_id", "sha256", "material"),)

    id: Mapped[int] = mapped_column(primary_key=True)
    ref: Mapped[str] = mapped_column(unique=True)
    case_id: Mapped[int] = mapped_column(ForeignKey("case_file.id"), index=True)
    uploaded_by_id: Mapped[int] = mapped_column(ForeignKey("account.id"))
    uploaded_at: Mapped[datetime]
    material: Mapped[str | None]  # a code of the rule pack: what the paper is
    filename: Mapped[str]
    media_type: Mapped[str]
    size: Mapped[int]
    sha256: Mapped[str]

    case: Mapped[Case] = relationship(back_populates="documents")


class Deadline(Base):
    """A term in working days, computed from an event and the rule pack; says how.

    Of a case, of something that belongs to one (a requirement), or of a record or sanction.
    """

    __tablename__ = "deadline"
    __table_args__ = (
        # A worklist is a walk along this index, however many cases there are.
        Index(
            "ix_deadline_worklist",
            "owner",
            "organisation_id",
            "due_on",
            "id",
            sqlite_where=RUNNING,
            postgresql_where=RUNNING,
        ),
        Index(
            "ix_deadline_running",
            "owner",
            "due_on",
            "id",
            sqlite_where=RUNNING,
            postgresql_where=RUNNING,
        ),
        # Of single states, as worklists count them. Each store's own words, or it is not used.
        Index(
            "ix_deadline_turns",
            "owner",
            "due_on",
            "id",
            sqlite_where=text("met_at IS NULL AND whole IS 0"),
            postgresql_where=text("met_at IS NULL AND whole IS FALSE"),
        ),
        Index(
            "ix_deadline_passed_on",
            "escalated_to_id",
            "due_on",
            sqlite_where=text("escalated_to_id IS NOT NULL AND met_at IS NULL"),
            postgresql_where=text("escalated_to_id IS NOT NULL AND met_at IS NULL"),
        ),
        Index(
            "ix_deadline_assignee",
            "assignee_id",
            "owner",
            "due_on",
            "id",
            "whole",
            "paused_on",  # to tell what is over without reading the rows
            sqlite_where=RUNNING,
            postgresql_where=RUNNING,
        ),
        Index("ix_deadline_due", "due_on", sqlite_where=RUNNING, postgresql_where=RUNNING),
        Index("ix_deadline_entity", "entity_ref"),
    )

    id: Mapped[int] = mapped_column(primary_key=True)
    case_id: Mapped[int | None] = mapped_column(ForeignKey("case_file.id"), index=True)
    record_id: Mapped[int | None] = mapped_column(ForeignKey("credit_record.id"), index=True)
    entity_ref: Mapped[str]
    clock: Mapped[str]
    whole: Mapped[bool] = mapped_column(default=False)  # of the whole matter, not of one state
    owner: Mapped[str]  # the role that has to act
    organisation_id: Mapped[int | None] = mapped_column(ForeignKey("organisation.id"))  # for whom
    assignee_id: Mapped[int | None] = mapped_column(ForeignKey("account.id"))  # who took it
    starts_on: Mapped[date]
    working_days: Mapped[int]
    extended_by: Mapped[int] = mapped_column(default=0)  # working days
    pauses: Mapped[list[Any]] = mapped_column(default=list)  # [from, to or null, why] of each
    paused_on: Mapped[date | None]  # stands still since; then `due_on` is as if it ran on
    due_on: Mapped[date]
    provisional: Mapped[bool]
    skipped: Mapped[list[Any]]  # [day, reason] of each day off in between
    made_up: Mapped[list[str]]  # weekend days worked in between
    calendar_edition: Mapped[int | None]  # of the calendar it was counted by
    met_at: Mapped[datetime | None]
    reminded_at: Mapped[datetime | None]
    overdue_at: Mapped[datetime | None]
    escalated_at: Mapped[datetime | None]
    escalated_to_id: Mapped[int | None] = mapped_column(ForeignKey("organisation.id"))

    case: Mapped[Case | None] = relationship(back_populates="deadlines")
    record: Mapped[CreditRecord | None] = relationship()
    escalated_to: Mapped[Organisation | None] = relationship(foreign_keys=[escalated_to_id])
    assignee: Mapped[User | None] = relationship()

    @property
    def due(self) -> DueDate:
        """Return how the day was counted when it was, whatever the calendar says since."""
        return DueDate(
            start=self.starts_on,
            working_days=self.working_days + self.extended_by,
            due_on=self.due_on,
            skipped=tuple((date.fromisoformat(day), reason) for day, reason in self.skipped),
            provisional=self.provisional,
            made_up=tuple(date.fromisoformat(day) for day in self.made_up),
            extended_by=self.extended_by,
            pauses=tuple(
                Pause(date.fromisoformat(since), date.fromisoformat(until) if until else None, why)
                for since, until, why in self.pauses
            ),
        )

    def is_over(self, day: date) -> bool:
        """Say whether the term has run out by a day without having been met.

        While it stands still it is over only if it was so before; `engine.deadlines.is_overdue`
        is the same in SQL.
        """
        stopped_in_time = self.paused_on is not None and self.due_on >= self.paused_on
        return self.is_running and self.due_on < day and not stopped_in_time

    @property
    def is_running(self) -> bool:
        """Say whether what the term is for has not happened yet."""
        return self.met_at is None


class FormToken(Base):
    """A form that was sent: sending it again answers the first result."""

    __tablename__ = "form_token"

    token: Mapped[str] = mapped_column(primary_key=True)
    user_id: Mapped[int] = mapped_column(ForeignKey("account.id"))
    digest: Mapped[str]  # of what was sent, so that another form cannot borrow the token
    result_ref: Mapped[str]
    used_at: Mapped[datetime]
