"""Reading a file by the chunk, each one transaction: its batch, its rows, their verdicts."""

import hashlib
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from typing import cast

from sqlalchemy import func, select
from sqlalchemy.orm import Session

from repair_app import refs
from repair_app.db import insert_rows, now, today
from repair_app.engine import bulk
from repair_app.engine.rows import as_json
from repair_app.engine.step import SYSTEM, Actor, Answers, NotAllowed
from repair_app.models import ImportBatch, ImportRow, QuarantinedRow, Role, User
from repair_app.penalty_format import PenaltyRow, Reading, read_rows
from repair_app.services import cases, quarantine
from repair_app.services.imports.judging import PROBLEMS, REINSERTIONS, explain, judge, verdict
from repair_app.services.imports.on_file import add_parties, find_known, find_parties
from repair_app.services.imports.rows import (
    ACCEPTED,
    QUARANTINED,
    REFUSED,
    Judged,
    Readable,
    Row,
    Seats,
    batched,
    columns_of,
)
from repair_app.services.imports.verdicts import count_verdicts
from repair_app.services.policy import current_policy
from repair_app.services.transaction import transaction

CHUNK = 2000  # rows in one transaction
NAMES, NAME_LENGTH = 50, 100  # of unread columns and sheets that are told


@dataclass
class Summary:
    """What became of a file so far."""

    ref: str
    counts: dict[str, int] = field(default_factory=dict)
    unknown_columns: tuple[str, ...] = ()
    unread_sheets: tuple[str, ...] = ()


def bring_in_file(
    content: bytes, filename: str, user: User | None = None, token: str = ""
) -> Summary:
    """Bring in a file; a provider's person brings in the penalties of that provider only.

    user: None for the operator at the command line, who may bring in any agency's. token: of the
    form that the file was sent with; sent again, it answers with what the first led to. Two runs
    of one file at a time take turns and share the work.
    Raises FileProblem when the file cannot be read as a whole: then nothing was changed, unless a
    workbook breaks off in the middle. The chunks before are then on file with their verdicts,
    and the batch stays unfinished.
    """
    reading = read_rows(content, today())
    seats = seats_of(user)
    batch, done = start(reading, hashlib.sha256(content).hexdigest(), filename, user, token)
    rest = skip(reading, done) if batch.finished_at is None else ()
    for rows in batched(rest, CHUNK):
        with transaction() as session:
            bring_in_chunk(session, batch.id, rows, seats)
    quarantine.open_quarantines()
    with transaction() as session:
        batch = session.get_one(ImportBatch, batch.id)
        batch.finished_at = batch.finished_at or now()
    return Summary(
        batch.ref,
        count_verdicts(batch.id),
        tuple(batch.unknown_columns),
        tuple(batch.unread_sheets),
    )


def skip(reading: Reading, done: int) -> Iterator[tuple[int, Row]]:
    """Yield the rows behind a line."""
    return (one for one in reading if one[0] > done)


def seats_of(user: User | None) -> Seats:
    """Return the agencies that a person provides records for, and who they are there.

    Raises NotAllowed for a person who provides for none.
    """
    if user is None:
        return None
    seats = {
        seat.organisation_id: Actor(
            role=Role.PROVIDER,
            account_id=user.id,
            person_id=user.person_id,
            organisation_id=seat.organisation_id,
            organisation_uscc=seat.organisation.uscc,
        )
        for seat in user.current_appointments
        if seat.role == Role.PROVIDER
    }
    if not seats:
        raise NotAllowed("import")
    return seats


def start(
    reading: Reading, sha256: str, filename: str, user: User | None, token: str
) -> tuple[ImportBatch, int]:
    """Return the batch, and the last line that is done: 0 for a new one.

    The same form goes on with its own batch, finished or not; otherwise an unfinished batch of
    the same file by the same provider goes on. Raises TokenBorrowed.
    """
    seats = seats_of(user)
    provider = min(seats) if seats else None
    sent = cases.Submission(answers=Answers(), token=token, purpose=f"import {sha256}")
    with transaction() as session:
        bulk.take_turns(session, current_policy(), today())
        earlier = cases.find_earlier(session, user, sent) if user else None
        batch = find_started(session, earlier, sha256, provider)
        if batch is None:
            batch = ImportBatch(
                ref=refs.new_ref(session, "DR", today()),
                sha256=sha256,
                filename=filename[:200],
                provider_id=provider,
                started_by_id=user.id if user else None,
                started_at=now(),
                unknown_columns=list_names(reading.unknown_columns),
                unread_sheets=list_names(reading.unread_sheets),
            )
            session.add(batch)
        if user and earlier is None:
            cases.remember(session, user, sent, batch.ref)
        session.flush()
        return batch, last_line(session, batch.id)


def find_started(
    session: Session, ref: str | None, sha256: str, provider: int | None
) -> ImportBatch | None:
    """Return the batch of a reference, or else the unfinished one of a provider's file."""
    query = select(ImportBatch)
    if ref is not None:
        return session.scalar(query.where(ImportBatch.ref == ref))
    return session.scalar(
        query.where(
            ImportBatch.sha256 == sha256,
            ImportBatch.provider_id.is_not_distinct_from(provider),
            ImportBatch.finished_at.is_(None),
        )
    )


def last_line(session: Session, batch_id: int) -> int:
    """Return the last line of a batch that has its verdict; 0 for none."""
    last = select(func.max(ImportRow.line)).where(ImportRow.batch_id == batch_id)
    return session.scalar(last) or 0


def list_names(names: Sequence[str]) -> list[str]:
    """Return headings or names of sheets so that every page and terminal can show them."""
    return [*map(plain, names[:NAMES]), *(["…"] if len(names) > NAMES else [])]


def plain(name: str) -> str:
    """Return a name without line ends, control characters and lost ones, of bearable length."""
    shown = (one if one.isprintable() or one.isspace() else "\ufffd" for one in name[:NAME_LENGTH])
    return " ".join("".join(shown).split())


def bring_in_chunk(
    session: Session, batch_id: int, rows: Sequence[tuple[int, Row]], seats: Seats
) -> None:
    """Put the good rows of a chunk on file and write down what became of each.

    Lines that another run of the same file has done meanwhile are left out.
    """
    bulk.take_turns(session, current_policy(), today())
    done = last_line(session, batch_id)
    left = [(line, row) for line, row in rows if line > done]
    good = [
        Readable(line, row, row.fingerprint) for line, row in left if isinstance(row, PenaltyRow)
    ]
    parties = find_parties(session, [one.row for one in good])
    judged = judge(good, parties, find_known(session, good, parties), seats)
    accepted = [one for one in judged if one.code == ACCEPTED]
    add_parties(session, parties)
    for actor, some in by_actor(accepted, seats).items():
        new = [
            bulk.NewRecord(columns_of(one), {"batch": batch_id, "line": one.of.line})
            for one in some
        ]
        bulk.bring_in(session, current_policy(), new, actor, at=now())
    verdicts = [
        verdict(batch_id, line, number, REFUSED, problem)
        for line, problems in left
        if isinstance(problems, list)
        for number, problem in enumerate(problems)
    ]
    keep_in_quarantine(session, batch_id, [one for one in judged if one.code in REINSERTIONS])
    for one in judged:
        problem = explain(one.of.line, one.code) if one.code in PROBLEMS else None
        word = QUARANTINED if one.code in REINSERTIONS else REFUSED if problem else one.code
        verdicts.append(verdict(batch_id, one.of.line, 0, word, problem))
    insert_rows(session, ImportRow, verdicts)


def keep_in_quarantine(session: Session, batch_id: int, judged: Sequence[Judged]) -> None:
    """Keep rows whole, once for each record that they say again; nothing is published of them."""
    for one in judged:
        same = select(QuarantinedRow.id).where(
            QuarantinedRow.about_id == one.about,
            QuarantinedRow.fingerprint == one.of.fingerprint,
        )
        if session.scalar(same) is None:
            columns = columns_of(one)
            del columns["fingerprint"]
            session.add(
                QuarantinedRow(
                    batch_id=batch_id,
                    line=one.of.line,
                    about_id=one.about,
                    fingerprint=one.of.fingerprint,
                    code=one.code,
                    columns=as_json(columns),
                    kept_at=now(),
                )
            )
            session.flush()


def by_actor(accepted: Sequence[Judged], seats: Seats) -> dict[Actor, list[Judged]]:
    """Return the accepted rows by who brings them in: a person may act for several agencies."""
    if seats is None:
        return {SYSTEM: list(accepted)}
    groups: dict[int, list[Judged]] = {}
    for one in accepted:
        groups.setdefault(cast(int, one.agency.id), []).append(one)
    return {seats[agency]: some for agency, some in groups.items()}
