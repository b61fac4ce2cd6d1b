"""Complaints of interested parties: from anybody, looked at by reviewers, answered by code.

The code is made from the form's token and the server's key: the same form sent twice leads to the
same complaint, and nothing that is stored tells the code (鲁政发〔2017〕44号 二（三）14).
"""

import hashlib
import hmac
import re
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

from flask import current_app
from sqlalchemy import not_, or_, select
from sqlalchemy.orm import Session, joinedload, selectinload

from repair_app import ledger, refs
from repair_app.access import organisations_as, takes_side_in
from repair_app.db import db, now, today
from repair_app.engine import machine
from repair_app.engine.spec import State, Transition
from repair_app.engine.step import SYSTEM, Answers
from repair_app.labels import Label
from repair_app.models import (
    Case,
    Complaint,
    ComplaintContact,
    ComplaintPaper,
    CreditRecord,
    Role,
    User,
)
from repair_app.services import cases, evidence
from repair_app.services.openings import open_as_system
from repair_app.services.policy import current_policy
from repair_app.services.records import shown_to_public
from repair_app.services.transaction import transaction
from repair_app.uploads import Upload

WORKFLOW: Final = "complaint"
ALPHABET: Final = "23456789abcdefghjkmnpqrstvwxyz"  # read out without mistakes
CODE_LENGTH: Final = 20
CODE: Final = re.compile(f"[{ALPHABET}]{{{CODE_LENGTH}}}")
PAGE: Final = 50


@dataclass(frozen=True)
class Told:
    """What somebody told about a record; `contact` is empty for none."""

    ground: str
    capacity: str
    statement: str
    contact: str = ""
    uploads: Sequence[Upload] = ()


@dataclass(frozen=True)
class Answer:
    """What a complainant may know of a complaint."""

    ref: str
    state: State
    dismissed: str | None  # a key of repair_app.forms.complaints.DISMISSALS
    reason: str
    verification: State | None  # where the objection stands that came of it


def grounds() -> dict[str, Label]:
    """Return the grounds of complaint: those of an objection that applies today."""
    pack = current_policy().pack_for("objection", decided_on=today(), applied_on=today())
    return {code: ground.label for code, ground in pack.grounds.items()}


def code_of(token: str) -> str:
    """Return the code that belongs to a form's token: letters and digits, 95 bits and more."""
    key = str(current_app.config["SECRET_KEY"]).encode()
    number = int.from_bytes(hmac.new(key, b"complaint " + token.encode(), "sha256").digest())
    letters = []
    for _ in range(CODE_LENGTH):
        number, place = divmod(number, len(ALPHABET))
        letters.append(ALPHABET[place])
    return "".join(letters)


def digest_of(code: str) -> str:
    """Return what is stored of a code."""
    return hashlib.sha256(code.encode()).hexdigest()


def receive(record_ref: str, told: Told, token: str) -> str:
    """Keep a complaint about a public record and return the code to look up what came of it.

    Raises NotVisible for a record that is not public, Refused when a guard says no.
    """
    code = code_of(token)
    with transaction() as session:
        record = cases.lock_record(session, CreditRecord.ref == record_ref)
        if record is None or not shown_to_public(record):
            raise cases.NotVisible(record_ref)
        digest = digest_of(code)
        if session.scalar(select(Complaint.id).where(Complaint.code_digest == digest)) is None:
            keep(session, record, told, digest)
    return code


def keep(session: Session, record: CreditRecord, told: Told, digest: str) -> None:
    """Open the case of a complaint and keep, apart from it, what was told."""
    case = open_as_system(
        session,
        WORKFLOW,
        record,
        ground=f"{told.ground} {digest}",  # many may complain of the same at a time
        facts={"ground": told.ground, "papers": [one.sha256 for one in told.uploads]},
        door="complaint",
    )
    complaint = Complaint(
        case=case, code_digest=digest, capacity=told.capacity, statement=told.statement
    )
    if told.contact:
        complaint.contact = ComplaintContact(contact=told.contact)
    for one in told.uploads:
        evidence.write(one)
        complaint.papers.append(
            ComplaintPaper(
                filename=one.filename,
                media_type=one.media_type,
                size=len(one.content),
                sha256=one.sha256,
                kept_at=now(),
            )
        )
    session.add(complaint)
    session.flush()


def tidy(code: str) -> str:
    """Return a code as it was given out, however it was typed."""
    return code.strip().lower().replace("-", "")


def look_up(code: str) -> Answer | None:
    """Return what came of a complaint, for who has its code; None for no such code."""
    if not CODE.fullmatch(code):
        return None
    complaint = db.session.scalar(
        select(Complaint)
        .where(Complaint.code_digest == digest_of(code))
        .options(joinedload(Complaint.case).selectinload(Case.about))
    )
    if complaint is None:
        return None
    case = complaint.case
    return Answer(
        ref=case.ref,
        state=state_of(case),
        dismissed=case.refusal_code,
        reason=ledger.latest_text(db.session(), case.ref, "reason") if case.refusal_code else "",
        verification=state_of(case.about) if case.about else None,
    )


def state_of(case: Case) -> State:
    """Return where a case stands, as its workflow version says."""
    return current_policy().workflow_of(case).states[case.state]


# --- what reviewers do ---


def list_open(user: User) -> Sequence[Complaint]:
    """Return the complaints that wait to be looked at by a reviewer, the oldest first."""
    centres = organisations_as(user, Role.REVIEWER)
    return db.session.scalars(
        select(Complaint)
        .join(Case, Complaint.case_id == Case.id)
        .where(
            Case.closed_at.is_(None),
            or_(
                Case.centre_id.is_(None),
                Case.centre_id.in_(centres),
                Case.higher_centre_id.in_(centres),
            ),
            not_(takes_side_in(user)),
        )
        .order_by(Complaint.id)
        .limit(PAGE)
        .options(joinedload(Complaint.case).selectinload(Case.deadlines))
    ).all()


def get_complaint(ref: str, user: User) -> Complaint:
    """Return a complaint for a reviewer. Raises NotVisible."""
    complaint = db.session.scalar(
        select(Complaint)
        .join(Case, Complaint.case_id == Case.id)
        .where(Case.ref == ref)
        .options(joinedload(Complaint.case), selectinload(Complaint.papers))
    )
    if complaint is None or not is_reviewer_of(user, complaint.case):
        raise cases.NotVisible(ref)
    return complaint


def is_reviewer_of(user: User, case: Case) -> bool:
    """Say whether a person may handle a complaint: a reviewer who acts for no side of it."""
    return any(one.role == Role.REVIEWER for one in cases.actors_of(user, case))


def has_contact(complaint: Complaint) -> bool:
    """Say whether the complainant can be reached, without reading how."""
    found = select(ComplaintContact.complaint_id).where(
        ComplaintContact.complaint_id == complaint.id
    )
    return db.session.scalar(found) is not None


def read_contact(ref: str, user: User, submission: cases.Submission) -> str:
    """Return how to reach a complainant; that it was read, by whom and why, is an event.

    Raises what `perform` raises; then nothing is told.
    """
    complaint = get_complaint(ref, user)
    number = complaint.id
    cases.perform("cases", ref, "read_contact", user, submission)
    kept = db.session.get(ComplaintContact, number)
    return kept.contact if kept else ""


def find_paper(paper_id: int, user: User) -> tuple[ComplaintPaper, bytes]:
    """Return a file that came with a complaint, for a reviewer. Raises NotVisible.

    One that was erased is not there.
    """
    paper = db.session.get(ComplaintPaper, paper_id)
    if paper is None or paper.is_erased:
        raise cases.NotVisible(str(paper_id))
    complaint = db.session.get_one(Complaint, paper.complaint_id)
    if not is_reviewer_of(user, complaint.case):
        raise cases.NotVisible(str(paper_id))
    return paper, evidence.read_stored(paper.sha256)


def case_to_take_up(complaint: Complaint, user: User) -> tuple[Case, Transition]:
    """Return the objection that a complaint could lead to, kept nowhere, and its first step.

    Raises NotAllowed.
    """
    record = complaint.case.record
    case, transition, _ = cases.step_to_open(user, "objection", record, "take_up")
    case.ground = ground_of(complaint)
    return case, transition


def ground_of(complaint: Complaint) -> str:
    """Return on which ground somebody complains."""
    return complaint.case.ground.partition(" ")[0]


def take_up(ref: str, user: User, submission: cases.Submission) -> cases.Outcome:
    """Open the objection that a complaint leads to, and end the complaint with its reference.

    The objection says what the reviewer wrote, not who complained. Raises NotVisible, NotAllowed,
    WrongState, TokenBorrowed or Refused; then nothing was changed.
    """
    policy = current_policy()
    with transaction() as session:
        told = cases.lock(session, "cases", ref)
        complaint = get_complaint(ref, user)
        if earlier := cases.find_earlier(session, user, submission):
            return cases.Outcome(earlier, repeated=True)
        record = complaint.case.record
        objection, first, actor = cases.step_to_open(user, "objection", record, "take_up")
        objection.ground = submission.answers.facts.get("ground") or ground_of(complaint)
        objection.door, objection.centre_id = "complaint", complaint.case.centre_id
        objection.ref = refs.new_ref(session, policy.current["objection"].prefix, today())
        given = submission.answers
        machine.ask(session, policy, objection, first.name, actor, given, at=now())
        session.add(objection)
        session.flush()
        given = cases.with_evidence(session, objection, user, submission)
        machine.fire(session, policy, objection, first.name, actor, given, at=now())
        led_to = Answers(facts={"joined_id": objection.id, "objection": objection.ref})
        machine.fire(session, policy, told, "take_up", SYSTEM, led_to, at=now())
        cases.remember(session, user, submission, objection.ref)
        return cases.Outcome(objection.ref)
