"""The enforcement gate: systems of departments ask "may I enforce now?" and get a signed answer.

One function decides, `engine.enforcement.enforceable`; here is found what it decides about, the
answer is signed (`receipts.py`), and the asking is logged in the transaction that read: no answer
leaves without its entry. That transaction writes, so that it reads from the primary.
"""

import json
import secrets
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime
from functools import lru_cache
from typing import Any, Final, NamedTuple

from flask import current_app
from sqlalchemy import ARRAY, ColumnElement, Executable, String, any_, bindparam, cast, func, select
from sqlalchemy.orm import Session, aliased

from repair_app import ledger, receipts
from repair_app.access import organisations_as
from repair_app.db import db, insert_rows, now, today
from repair_app.engine.effects.remedies import REMEDY
from repair_app.engine.enforcement import (
    ENTERPRISE_NOT_KNOWN,
    MEASURE_NOT_KNOWN,
    NOT_IMPOSED,
    Verdict,
    enforceable,
    find_execution,
)
from repair_app.engine.spec import Transition
from repair_app.models import (
    Case,
    CreditRecord,
    DisputeMark,
    Enquiry,
    Event,
    Organisation,
    Role,
    Sanction,
    SanctionMeasure,
    SanctionSuspension,
    User,
)
from repair_app.services import cases, executions
from repair_app.services.policy import current_policy
from repair_app.services.reasons import reason_label
from repair_app.services.transaction import transaction

FORMAT: Final = 1
OF_PAGE: Final = "page"  # the purpose of a person who asks by the page
MOST: Final = 1_000  # questions at a time
MOST_LISTED: Final = 20  # sanctions in an answer
MEASURES: Final = select(SanctionMeasure.code)


class Question(NamedTuple):
    """May this measure of the catalogue be enforced against this enterprise?"""

    uscc: str
    measure: str


@dataclass(frozen=True)
class Asker:
    """Who asks: for which department, by which account, by which system if it is one."""

    organisation_id: int
    uscc: str | None
    account_id: int
    client: str | None = None


@dataclass(frozen=True)
class Answer:
    """What was asked, what was answered as it was signed (canonical JSON), and the receipt."""

    content: Mapping[str, Any]
    text: bytes
    receipt: str


class RecordRow(NamedTuple):
    """Of a record what decides."""

    ref: str
    state: str
    severity_class: str
    max_publication_until: date
    is_contested: bool


class MeasureRow(NamedTuple):
    """Of a measure what decides."""

    code: str
    basis: str
    classes: Sequence[str]
    withdrawn_on: date | None


class EventRow(NamedTuple):
    """Where an event stands in the ledger."""

    id: int
    stream: str
    seq: int
    hash: str


class SanctionRow(NamedTuple):
    """Of a sanction what decides: `engine.enforcement.Standing` as a row."""

    ref: str
    state: str
    imposed_on: date
    ends_on: date
    has_ended: bool
    person_role: str | None
    is_suspended: bool
    record: RecordRow
    measure: MeasureRow
    last_event: EventRow  # its own
    last_event_of_record: EventRow


def _last_event(one: Any, ref: Any) -> Any:
    last = select(func.max(Event.id)).where(Event.entity == ref)
    return one.id == last.scalar_subquery()


@dataclass(frozen=True)
class Statements:
    """What the database is asked, put together once."""

    sanctions: Executable
    enterprises: Executable


@lru_cache
def statements(dialect: str, *, many: bool) -> Statements:
    """Return what a store is asked, about one enterprise or about many."""
    asked = is_asked(dialect, many=many)
    own, of_record = aliased(Event), aliased(Event)
    suspended = select(SanctionSuspension.id).where(
        SanctionSuspension.sanction_id == Sanction.id, SanctionSuspension.lifted_at.is_(None)
    )
    contested = select(DisputeMark.id).where(
        DisputeMark.record_id == CreditRecord.id, DisputeMark.lifted_at.is_(None)
    )
    sanctions = (
        select(
            Organisation.uscc,
            Sanction.ref,
            Sanction.state,
            Sanction.imposed_on,
            Sanction.ends_on,
            Sanction.ended_at.is_not(None),
            Sanction.person_role,
            suspended.exists(),
            CreditRecord.ref,
            CreditRecord.state,
            CreditRecord.severity_class,
            CreditRecord.max_publication_until,
            contested.exists(),
            SanctionMeasure.code,
            SanctionMeasure.basis,
            cast(SanctionMeasure.classes, String),  # as text: there are few, they are read once
            SanctionMeasure.withdrawn_on,
            *(own.id, own.stream, own.seq, own.hash),
            *(of_record.id, of_record.stream, of_record.seq, of_record.hash),
        )
        .select_from(Organisation)
        .join(CreditRecord, CreditRecord.subject_id == Organisation.id)
        .join(Sanction, Sanction.record_id == CreditRecord.id)
        .join(SanctionMeasure, SanctionMeasure.id == Sanction.measure_id)
        # With it: a verdict and the event that it points to are of the same moment.
        .join(own, _last_event(own, Sanction.ref))
        .join(of_record, _last_event(of_record, CreditRecord.ref))
        .where(asked, Sanction.department_id == bindparam("department"))
        .order_by(Sanction.id.desc())
    )
    return Statements(sanctions, select(Organisation.uscc).where(asked))


def is_asked(dialect: str, *, many: bool) -> ColumnElement[bool]:
    """Return the condition that an organisation is one of those asked about.

    On PostgreSQL many are one array: a thousand values of their own take longer to send than to
    answer. One is not, as for an array the question would be planned anew each time.
    """
    if not many:
        return Organisation.uscc == bindparam("uscc")
    if dialect == "postgresql":
        return Organisation.uscc == any_(bindparam("usccs", type_=ARRAY(String)))
    return Organisation.uscc.in_(bindparam("usccs", expanding=True))


def about(session: Session, usccs: Sequence[str]) -> tuple[Statements, dict[str, Any]]:
    """Return what the store is asked about enterprises, and by which values."""
    dialect, many = session.get_bind().dialect.name, len(usccs) > 1
    return statements(dialect, many=many), {"usccs": usccs} if many else {"uscc": usccs[0]}


def keyring() -> receipts.Keyring:
    """Return the keys of this deployment. Raises NoKey."""
    return receipts.find(current_app.config["DATA_FOLDER"], current_app.config["SIGNING_KEY"])


def ask(asker: Asker, questions: Sequence[Question], purpose: str) -> list[Answer]:
    """Answer whether measures may be enforced now, in the order of the questions; log the asking.

    Only the department's own sanctions count. What is not known is answered, not refused.
    """
    ring, at, day = keyring(), now(), today()
    request = secrets.token_hex(8)
    common = {
        "v": FORMAT,
        "asked_by": {"organisation": asker.uscc, "client": asker.client},
        "purpose": purpose,
        "as_of": ledger.moment(at),
        "day": day.isoformat(),
    }
    with transaction() as session:
        decided = decide(session, asker, questions, day)
        bases = {basis: describe_basis(basis) for basis in {one.verdict.basis for one in decided}}
        answers = []
        for number, (question, one) in enumerate(zip(questions, decided, strict=True), 1):
            asked = {
                "id": f"{request}-{number}",
                "uscc": question.uscc,
                "measure": question.measure,
            }
            content = {**common, **asked, **describe(one, bases)}
            text = ledger.canonical(content).encode()
            answers.append(Answer(content, text, ring.sign(text)))
        log(session, asker, purpose, at, answers, decided)
    return answers


def ask_by_page(user: User, ref: str) -> Answer:
    """Answer, for a sanction of a person's department, as a system of the department is answered.

    Raises NotVisible.
    """
    sanction: Any = cases.get_visible("sanctions", ref, user)
    subject, department = sanction.record.subject, sanction.department
    if sanction.department_id not in organisations_as(user, Role.DEPARTMENT) or not subject.uscc:
        raise cases.NotVisible(ref)
    asker = Asker(department.id, department.uscc, user.id)
    return ask(asker, [Question(subject.uscc, sanction.measure.code)], OF_PAGE)[0]


@dataclass(frozen=True)
class Decided:
    """A verdict, the event of what decided it, and the sanctions that were asked of."""

    verdict: Verdict
    event: EventRow | None = None
    sanctions: Sequence[tuple[SanctionRow, Verdict]] = ()


def decide(
    session: Session, asker: Asker, questions: Sequence[Question], day: date
) -> list[Decided]:
    """Return the verdicts of a day, in the order of the questions."""
    usccs = sorted({one.uscc for one in questions})  # in an order: all ask in the same
    found = read_sanctions(session, asker.organisation_id, usccs)
    enterprises = {
        uscc for uscc, _ in found
    }  # who has a sanction is on file; of others it is asked
    measures: set[str] = set()
    if any(one not in found for one in questions):
        measures.update(session.scalars(MEASURES))
    if others := [one for one in usccs if one not in enterprises]:
        asked, values = about(session, others)
        enterprises.update(session.scalars(asked.enterprises, values))
    return [decide_one(one, found.get(one, ()), enterprises, measures, day) for one in questions]


def decide_one(
    question: Question,
    rows: Iterable[SanctionRow],
    enterprises: set[str],
    measures: set[str],
    day: date,
) -> Decided:
    """Return the verdict on one question: yes if any sanction may be enforced.

    Else that of the newest which still runs, or of the newest.
    """
    answered = [(one, enforceable(one, day)) for one in rows]
    answered.sort(key=lambda one: (not one[1].enforceable, one[0].has_ended))  # newest first stays
    if answered:
        row, verdict = answered[0]
        event = row.last_event_of_record if verdict.by_record else row.last_event
        return Decided(verdict, event, answered)
    if question.measure not in measures:
        return Decided(MEASURE_NOT_KNOWN)
    return Decided(NOT_IMPOSED if question.uscc in enterprises else ENTERPRISE_NOT_KNOWN)


def read_sanctions(
    session: Session, department_id: int, usccs: Sequence[str]
) -> dict[Question, list[SanctionRow]]:
    """Return the sanctions of a department on enterprises, the newest of each first."""
    found: dict[Question, list[SanctionRow]] = {}
    asked, values = about(session, usccs)
    values["department"] = department_id
    for row in session.connection().execute(asked.sanctions, values).all():
        record, measure = RecordRow._make(row[8:13]), measure_of(*row[13:17])
        own, of_record = EventRow._make(row[17:21]), EventRow._make(row[21:])
        one = SanctionRow._make((*row[1:8], record, measure, own, of_record))
        found.setdefault(Question(row[0], measure.code), []).append(one)
    return found


@lru_cache
def measure_of(code: str, basis: str, classes: str, withdrawn_on: date | None) -> MeasureRow:
    """Return a measure of the catalogue; classes: a list as JSON."""
    return MeasureRow(code, basis, json.loads(classes), withdrawn_on)


def describe(decided: Decided, bases: Mapping[str, Mapping[str, str]]) -> dict[str, Any]:
    """Return what an answer says of a verdict."""
    verdict, event = decided.verdict, decided.event
    reason = reason_label(verdict.reason)
    return {
        "enforceable": verdict.enforceable,
        "state": verdict.code,
        "reason": {"zh": reason.zh, "en": reason.en},
        "basis": bases[verdict.basis],
        "event": place_of(event),
        "sanctions": [describe_sanction(*one) for one in decided.sanctions[:MOST_LISTED]],
        "sanctions_in_all": len(decided.sanctions),
    }


def describe_basis(basis: str) -> dict[str, str]:
    """Return a clause as the policy names it and as people cite it."""
    cited = current_policy().cite(basis)
    document, _, clause = basis.partition(" ")
    return {"document": document, "clause": clause, "zh": cited.zh, "en": cited.en}


def describe_sanction(row: SanctionRow, verdict: Verdict) -> dict[str, Any]:
    """Return what an answer says of a sanction; whom it reaches by office only."""
    return {
        "ref": row.ref,
        "record": row.record.ref,
        "enforceable": verdict.enforceable,
        "state": verdict.code,
        "imposed_on": row.imposed_on.isoformat(),
        "ends_on": row.ends_on.isoformat(),
        "reaches": row.person_role,
    }


def log(
    session: Session,
    asker: Asker,
    purpose: str,
    at: datetime,
    answers: Sequence[Answer],
    decided: Sequence[Decided],
) -> None:
    """Write down what was asked and answered."""
    insert_rows(
        session,
        Enquiry,
        [
            {
                "at": at,
                "account_id": asker.account_id,
                "organisation_id": asker.organisation_id,
                "client": asker.client,
                "purpose": purpose,
                "uscc": answer.content["uscc"],
                "measure": answer.content["measure"],
                "state": answer.content["state"],
                "answer": answer.content["id"],
                "event_id": one.event.id if one.event else None,
            }
            for answer, one in zip(answers, decided, strict=True)
        ],
    )


# --- what was carried out ---

TRIES: Final = 3


def report(
    ref: str, user: User, fill_in: Callable[[Sanction, Transition], cases.Submission]
) -> dict[str, Any]:
    """Report what was carried out of a sanction, by its own step; return how it then stands.

    fill_in: gives the submission for the sanction as it stands. What happened has happened: where
    the sanction changes just then, the report is for it as it became. What is reported again is
    answered with the first report (`services/executions.py`). Raises what `cases.perform` raises.
    """
    for left in reversed(range(TRIES)):
        sanction: Any = cases.get_visible("sanctions", ref, user)
        step = cases.find_transition(user, sanction, executions.STEP)
        submission = fill_in(sanction, step)
        facts = submission.answers.facts
        day, executed = date.fromisoformat(facts["happened_on"]), facts["executed"]
        known = find_execution(sanction, day, executed=executed)
        try:
            done = cases.perform("sanctions", ref, executions.STEP, user, submission)
            break
        except cases.Stale:
            if not left:
                raise
    sanction = cases.get_visible("sanctions", ref, user)
    kept: Any = find_execution(sanction, day, executed=executed)
    told = executions.list_reports(db.session(), ref, facts)
    event = next(one for one in told if one.at >= kept.reported_at)
    before = executions.list_reports(db.session(), ref, {**facts, "executed": False})
    return {
        "sanction": ref,
        "state": sanction.state,
        "incident": kept.incident,
        "remedy": find_remedy(sanction) if kept.incident else None,
        "event": place_of(event),
        "repeated": done.repeated or known is not None,
        "corrects": place_of(next(before, None)) if executed else None,
    }


def place_of(event: Event | EventRow | None) -> dict[str, Any] | None:
    """Return where an event stands in the ledger, if there is one."""
    return {"stream": event.stream, "seq": event.seq, "hash": event.hash} if event else None


def find_remedy(sanction: Sanction) -> str | None:
    """Return the newest remedy that a sanction's department owes on its record."""
    return db.session.scalar(
        select(Case.ref)
        .where(Case.record_id == sanction.record_id, Case.workflow == REMEDY)
        .where(Case.department_id == sanction.department_id)
        .order_by(Case.id.desc())
        .limit(1)
    )
