"""Bringing in files of penalties: every row ends accepted, duplicate or refused with its reason.

A file is read in chunks, each one transaction, so that a killed import goes on where it stopped
and running a file again adds nothing.
"""

import hashlib
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from itertools import islice
from typing import Any, TypeVar

from sqlalchemy import func, select, tuple_
from sqlalchemy.orm import Session

from repair_app import refs
from repair_app.access import organisations_as
from repair_app.db import db, insert_rows, now, today
from repair_app.engine import bulk
from repair_app.engine.step import SYSTEM, Actor
from repair_app.models import CreditRecord, ImportBatch, ImportRow, Organisation, Role, User
from repair_app.models.parties import OrganisationKind
from repair_app.models.records import OFF_PUBLICATION
from repair_app.penalty_format import PenaltyRow, Reading, RowProblem, Verdict, read_rows
from repair_app.services.policy import current_policy
from repair_app.services.transaction import transaction

CHUNK = 2000  # rows in one transaction
ACCEPTED, DUPLICATE, REFUSED = "accepted", "duplicate", "refused"

# code -> column, Chinese, English
PROBLEMS: dict[str, tuple[str, str, str]] = {
    "differs_from_record": (
        "行政处罚决定书文号",
        "该处罚已有记录且内容不同；如需更正，请通过异议处理，不得重复导入",
        "this penalty is on file with other content; a correction goes through an objection",
    ),
    "removed_before": (
        "行政处罚决定书文号",
        "该记录已终止公示并归档，不得再次导入",
        "this record has left publication and is archived; it cannot be brought in again",
    ),
    "not_your_agency": (
        "处罚机关",
        "处罚机关不是本单位，只能导入本单位作出的处罚",
        "the penalty is another agency's; a provider brings in its own only",
    ),
    "name_differs": (
        "行政相对人名称",
        "该统一社会信用代码已登记为其他名称，请核对代码和名称",
        "this code is on file under another name: check code and name",
    ),
}


T = TypeVar("T")


@dataclass
class Summary:
    """What became of a file so far."""

    ref: str
    counts: dict[str, int] = field(default_factory=dict)
    unknown_columns: tuple[str, ...] = ()


@dataclass(frozen=True)
class Chunk:
    """Some rows of a file, with what is on file already."""

    rows: Sequence[tuple[int, PenaltyRow]]
    subjects: Mapping[str, tuple[int, str]]  # USCC -> id, name
    agencies: Mapping[tuple[str | None, str], int]  # (USCC, name) -> id
    known: Mapping[tuple[int, str, int], tuple[str, str]]  # key -> fingerprint, state


def bring_in_file(content: bytes, filename: str, user: User | None = None) -> Summary:
    """Bring in a file; a provider's person brings in that provider's penalties only.

    user: None for the operator at the command line, who may bring in any agency's.
    Raises FileProblem when the file as a whole cannot be read; then nothing was changed.
    """
    reading = read_rows(content, today())
    batch_id, ref, done = start(hashlib.sha256(content).hexdigest(), filename, user)
    own = provider_of(user)
    for rows in batched(skip(reading, done), CHUNK):
        with transaction() as session:
            bring_in_chunk(session, batch_id, rows, own, actor_of(user))
    with transaction() as session:
        session.get_one(ImportBatch, batch_id).finished_at = now()
    return Summary(ref, count_verdicts(batch_id), reading.unknown_columns)


def batched(rows: Iterable[T], size: int) -> Iterator[tuple[T, ...]]:
    """Yield rows by the handful (itertools.batched is of Python 3.12)."""
    left = iter(rows)
    while some := tuple(islice(left, size)):
        yield some


def skip(reading: Reading, done: int) -> Iterator[tuple[int, PenaltyRow | list[RowProblem]]]:
    """Yield the rows behind a line."""
    return (one for one in reading if one[0] > done)


def provider_of(user: User | None) -> int | None:
    """Return the organisation that a person provides records for; None for the operator."""
    return organisations_as(user, Role.PROVIDER)[0] if user else None


def actor_of(user: User | None) -> Actor:
    """Return who brings in the records."""
    if user is None:
        return SYSTEM
    seat = next(one for one in user.current_appointments if one.role == Role.PROVIDER)
    return Actor(
        role=Role.PROVIDER,
        account_id=user.id,
        person_id=user.person_id,
        organisation_id=seat.organisation_id,
        organisation_uscc=seat.organisation.uscc,
    )


def start(sha256: str, filename: str, user: User | None) -> tuple[int, str, int]:
    """Return id and reference of the batch, and the last line that is done: 0 for a new one.

    An unfinished batch of the same file by the same provider goes on.
    """
    provider = provider_of(user)
    with transaction() as session:
        batch = session.scalar(
            select(ImportBatch).where(
                ImportBatch.sha256 == sha256,
                ImportBatch.provider_id == provider
                if provider
                else ImportBatch.provider_id.is_(None),
                ImportBatch.finished_at.is_(None),
            )
        )
        if batch is None:
            batch = ImportBatch(
                ref=refs.new_ref(session, "DR", today()),
                sha256=sha256,
                filename=filename[:200],
                provider_id=provider,
                started_by_id=user.id if user else None,
                started_at=now(),
            )
            session.add(batch)
            session.flush()
        last = select(func.max(ImportRow.line)).where(ImportRow.batch_id == batch.id)
        return batch.id, batch.ref, session.scalar(last) or 0


def bring_in_chunk(
    session: Session,
    batch_id: int,
    rows: Sequence[tuple[int, PenaltyRow | list[RowProblem]]],
    own: int | None,
    actor: Actor,
) -> None:
    """Put the good rows of a chunk on file and write down what became of each."""
    good = [(line, row) for line, row in rows if isinstance(row, PenaltyRow)]
    chunk = Chunk(
        rows=good,
        subjects=(subjects := find_subjects(session, [row for _, row in good])),
        agencies=(agencies := find_agencies(session, [row for _, row in good])),
        known=find_known(session, good, subjects, agencies),
    )
    verdicts = [
        verdict(batch_id, problem.line, number, REFUSED, problem)
        for _, problems in rows
        if isinstance(problems, list)
        for number, problem in enumerate(problems)
    ]
    new = []
    for line, record, code in judge(chunk, own):
        problem = explain(line, code) if code in PROBLEMS else None
        word = REFUSED if problem else code
        verdicts.append(verdict(batch_id, line, 0, word, problem))
        if code == ACCEPTED:
            new.append(bulk.NewRecord(record, {"batch": batch_id, "line": line}))
    bulk.bring_in(session, current_policy(), new, actor, at=now())
    insert_rows(session, ImportRow, verdicts)


def judge(chunk: Chunk, own: int | None) -> Iterator[tuple[int, dict[str, Any], str]]:
    """Yield each row's line, its columns, and ACCEPTED, DUPLICATE or a code of PROBLEMS."""
    known = dict(chunk.known)
    for line, row in chunk.rows:
        agency = chunk.agencies[row.agency_uscc, row.agency_name]
        subject, name = chunk.subjects[row.uscc]
        columns = columns_of(row, subject, agency)
        key = (agency, row.decision_no, subject)
        code = judge_row(known.get(key), columns["fingerprint"])
        if own is not None and agency != own:
            code = "not_your_agency"
        elif name != row.subject_name:
            code = "name_differs"
        if code == ACCEPTED:
            known[key] = (columns["fingerprint"], "")
        yield line, columns, code


def judge_row(known: tuple[str, str] | None, fingerprint: str) -> str:
    """Return what a row is, given fingerprint and state of the record of its key."""
    if known is None:
        return ACCEPTED
    if known[0] == fingerprint:
        return DUPLICATE
    return "removed_before" if known[1] in OFF_PUBLICATION else "differs_from_record"


def columns_of(row: PenaltyRow, subject_id: int, provider_id: int) -> dict[str, Any]:
    """Return the columns of a record as a row of the file has them."""
    return {
        "subject_id": subject_id,
        "provider_id": provider_id,
        "source_unit": row.source_name,
        "decision_no": row.decision_no,
        "violation_type": row.violation_type,
        "violation_facts": row.violation_facts,
        "legal_basis": row.legal_basis,
        "penalty_categories": [str(one) for one in row.categories],
        "penalty_content": row.content,
        "fine_10k": row.fine_10k,
        "confiscation_10k": row.confiscated_10k,
        "licence_seized": row.licence_seized,
        "legal_representative": row.legal_representative,
        "remark": row.remarks,
        "decided_on": row.decided_on,
        "publicised_on": row.publicised_on,
        "conduct_ended_on": row.conduct_ended_on,
        "valid_until": row.valid_until,
        "source_publication_until": row.publish_until,
        "fingerprint": row.fingerprint,
    }


def verdict(
    batch_id: int, line: int, ordinal: int, word: str, problem: RowProblem | None
) -> dict[str, Any]:
    """Return one line of the verdicts."""
    return {
        "batch_id": batch_id,
        "line": line,
        "ordinal": ordinal,
        "verdict": word,
        "column": problem.column if problem else "",
        "code": problem.code if problem else "",
        "message_zh": problem.message_zh if problem else "",
        "message_en": problem.message_en if problem else "",
    }


def explain(line: int, code: str) -> RowProblem:
    """Return the problem of a code of ours."""
    column, zh, en = PROBLEMS[code]
    return RowProblem(line, column, code, zh, en)


# --- who and what is on file --------------------------------------------------------------


def find_subjects(session: Session, rows: Sequence[PenaltyRow]) -> dict[str, tuple[int, str]]:
    """Return id and name of the enterprises, by code; the unknown ones are added."""
    names = {row.uscc: row.subject_name for row in rows}
    add_organisations(
        session, [(uscc, name, OrganisationKind.ENTERPRISE) for uscc, name in names.items()]
    )
    query = select(Organisation.uscc, Organisation.id, Organisation.name)
    found = session.execute(query.where(Organisation.uscc.in_(names)))
    return {uscc: (number, name) for uscc, number, name in found if uscc}


def find_agencies(
    session: Session, rows: Sequence[PenaltyRow]
) -> dict[tuple[str | None, str], int]:
    """Return the ids of the agencies, by code and name as the rows have them.

    An agency not yet known is added, as a provider without accounts; one without a code is known
    by its name.
    """
    wanted = {(row.agency_uscc, row.agency_name) for row in rows}
    coded = {uscc: name for uscc, name in wanted if uscc}
    add_organisations(
        session, [(uscc, name, OrganisationKind.AGENCY) for uscc, name in coded.items()]
    )
    by_code = dict(
        session.execute(
            select(Organisation.uscc, Organisation.id).where(Organisation.uscc.in_(coded))
        ).all()
    )
    return {
        (uscc, name): by_code[uscc] if uscc else find_agency_by_name(session, name)
        for uscc, name in wanted
    }


def find_agency_by_name(session: Session, name: str) -> int:
    """Return the id of the agency of a name, added without a code if there is none."""
    known = session.scalar(
        select(Organisation.id)
        .where(Organisation.name == name, Organisation.kind == OrganisationKind.AGENCY)
        .order_by(Organisation.id)
        .limit(1)
    )
    if known is not None:
        return known
    agency = Organisation(name=name, kind=OrganisationKind.AGENCY, created_at=now())
    session.add(agency)
    session.flush()
    return agency.id


def add_organisations(
    session: Session, wanted: Sequence[tuple[str, str, OrganisationKind]]
) -> None:
    """Add the organisations whose code is not yet known."""
    codes = [uscc for uscc, _, _ in wanted]
    known = set(session.scalars(select(Organisation.uscc).where(Organisation.uscc.in_(codes))))
    rows = [
        {"uscc": uscc, "name": name, "kind": kind, "created_at": now()}
        for uscc, name, kind in wanted
        if uscc not in known
    ]
    insert_rows(session, Organisation, rows)


def find_known(
    session: Session,
    rows: Sequence[tuple[int, PenaltyRow]],
    subjects: Mapping[str, tuple[int, str]],
    agencies: Mapping[tuple[str | None, str], int],
) -> dict[tuple[int, str, int], tuple[str, str]]:
    """Return fingerprint and state of the records that rows name, by their key."""
    keys = [
        (agencies[row.agency_uscc, row.agency_name], row.decision_no, subjects[row.uscc][0])
        for _, row in rows
    ]
    columns = (CreditRecord.provider_id, CreditRecord.decision_no, CreditRecord.subject_id)
    query = select(*columns, CreditRecord.fingerprint, CreditRecord.state)
    found: dict[tuple[int, str, int], tuple[str, str]] = {}
    for some in batched(keys, 500):
        for *key, fingerprint, state in session.execute(query.where(tuple_(*columns).in_(some))):
            found[tuple(key)] = (fingerprint, state)  # type: ignore[index]  # three columns
    return found


# --- reading the verdicts -----------------------------------------------------------------


def count_verdicts(batch_id: int) -> dict[str, int]:
    """Return how many rows there are of each verdict; a row with three problems is one row."""
    query = (
        select(ImportRow.verdict, func.count())
        .where(ImportRow.batch_id == batch_id, ImportRow.ordinal == 0)
        .group_by(ImportRow.verdict)
    )
    counts = {word: number for word, number in db.session.execute(query)}  # noqa: C416  # rows
    return {word: counts.get(word, 0) for word in (ACCEPTED, DUPLICATE, REFUSED)}


def list_verdicts(batch_id: int, lang: str) -> Iterator[Verdict]:
    """Yield line, verdict, column, code and message of each row, by line."""
    query = select(ImportRow).where(ImportRow.batch_id == batch_id)
    for one in db.session.scalars(query.order_by(ImportRow.line, ImportRow.ordinal)):
        message = one.message_en if lang == "en" else one.message_zh
        yield one.line, one.verdict, one.column, one.code, message


def list_batches(user: User) -> Sequence[ImportBatch]:
    """Return the files that a person's organisation brought in, newest first."""
    own = organisations_as(user, Role.PROVIDER)
    return db.session.scalars(
        select(ImportBatch)
        .where(ImportBatch.provider_id.in_(own))
        .order_by(ImportBatch.id.desc())
        .limit(50)
    ).all()


def find_batch(ref: str, user: User | None) -> ImportBatch | None:
    """Return a batch of a person's organisation; any batch for the operator."""
    batch = db.session.scalar(select(ImportBatch).where(ImportBatch.ref == ref))
    if batch is None or user is None:
        return batch
    return batch if batch.provider_id in organisations_as(user, Role.PROVIDER) else None


def list_problems(batch_id: int, limit: int) -> Sequence[ImportRow]:
    """Return the first problems of a batch, by line."""
    return db.session.scalars(
        select(ImportRow)
        .where(ImportRow.batch_id == batch_id, ImportRow.verdict == REFUSED)
        .order_by(ImportRow.line, ImportRow.ordinal)
        .limit(limit)
    ).all()
