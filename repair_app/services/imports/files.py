"""Reading a file by the chunk, each one transaction: its batch, its rows, their verdicts."""

import hashlib
import json
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, BinaryIO, Final, cast

from sqlalchemy import select
from sqlalchemy.orm import Session

from repair_app import refs
from repair_app.db import db, insert_rows, now, today
from repair_app.engine import bulk
from repair_app.engine.rows import as_json
from repair_app.engine.step import SYSTEM, Actor, Answers, NotAllowed
from repair_app.models import ImportBatch, ImportRow, QuarantinedRow, Role, User
from repair_app.penalty_format import Reading, read_objects, read_rows
from repair_app.services import cases, quarantine
from repair_app.services.imports.ahead import ReadingAhead
from repair_app.services.imports.judging import PROBLEMS, REINSERTIONS, explain, judge, verdict
from repair_app.services.imports.on_file import add_parties, find_known, find_parties
from repair_app.services.imports.rows import (
    ACCEPTED,
    DUPLICATE,
    QUARANTINED,
    REFUSED,
    Chunk,
    Judged,
    Readable,
    Row,
    Seats,
    Unreadable,
    columns_of,
)
from repair_app.services.imports.verdicts import PREFIX, count_verdicts
from repair_app.services.policy import current_policy
from repair_app.services.transaction import transaction

CHUNK = 2000  # rows in one transaction
PIECE: Final = 1 << 20  # bytes read at a time
NAMES, NAME_LENGTH = 50, 100  # of unread columns and sheets that are told


@dataclass
class Summary:
    """What became of a file so far."""

    ref: str
    counts: dict[str, int] = field(default_factory=dict)
    unknown_columns: tuple[str, ...] = ()
    unread_sheets: tuple[str, ...] = ()


def bring_in_file(
    content: bytes | BinaryIO, filename: str, user: User | None = None, token: str = ""
) -> Summary:
    """Bring in a file; a provider's person brings in the penalties of that provider only.

    user: None for the operator at the command line, who may bring in any agency's. token: of the
    form that the file was sent with; sent again, it answers with what the first led to. Two runs
    of one file at a time take turns and share the work.
    Raises FileProblem when the file cannot be read as a whole: then nothing was changed, unless a
    workbook breaks off in the middle. The chunks before are then on file with their verdicts,
    and the batch stays unfinished.
    """
    return bring_in_reading(read_rows(content, today()), digest_of(content), filename, user, token)


def bring_in_rows_sent(
    rows: Sequence[Mapping[str, Any]], user: User, token: str, name: str = "API"
) -> Summary:
    """Bring in penalties that are sent one by one, by the names of the national format.

    Sent again under the same token, they lead to the same. Raises NotAllowed, TokenBorrowed.
    """
    content = json.dumps(rows, ensure_ascii=True, sort_keys=True).encode()
    digest = hashlib.sha256(content).hexdigest()
    return bring_in_reading(read_objects(rows, today()), digest, name, user, token)


def bring_in_reading(
    reading: Reading, sha256: str, filename: str, user: User | None, token: str
) -> Summary:
    """Bring in what is read of a file, or of rows that were sent."""
    seats = seats_of(user)
    batch = start(reading, sha256, filename, user, token)
    if batch.finished_at is None:
        bring_in_rows(batch.id, reading, seats)
    return summary_of(batch.id)


def digest_of(content: bytes | BinaryIO) -> str:
    """Return the SHA-256 of a file; a stream is left where it stands."""
    if isinstance(content, bytes):
        return hashlib.sha256(content).hexdigest()
    place, digest = content.tell(), hashlib.sha256()
    content.seek(0)
    while piece := content.read(PIECE):
        digest.update(piece)
    content.seek(place)
    return digest.hexdigest()


def bring_in_rows(
    batch_id: int,
    reading: Reading,
    seats: Seats,
    tell: Callable[[Session, int], object] = lambda _session, _read: None,
    bring_in: Callable[[Session, int, Chunk, Seats], None] | None = None,
) -> None:
    """Bring in the rows of a batch that have no verdict yet, chunk by chunk, and finish it.

    tell: is told in the transaction of each chunk how far the file has been read, in bytes.
    bring_in: what is done with a chunk, penalties if it is not said. While the database writes one
    chunk, the next is read.
    """
    with ReadingAhead(readable(reading), CHUNK, reading.position) as chunks:
        for rows, place in chunks:
            with transaction() as session:
                (bring_in or bring_in_chunk)(session, batch_id, rows, seats)
                tell(session, place)
    quarantine.open_quarantines()
    with transaction() as session:
        batch = session.get_one(ImportBatch, batch_id)
        batch.finished_at = batch.finished_at or now()


def readable(rows: Iterable[tuple[int, Row]]) -> Iterator[Readable | Unreadable]:
    """Yield rows with all that is found out about them without asking what is on file."""
    for line, row in rows:
        if isinstance(row, list):
            yield Unreadable(line, row)
        else:
            yield Readable(line, row, row.fingerprint)


def summary_of(batch_id: int) -> Summary:
    """Return what became of a file so far."""
    batch = db.session.get_one(ImportBatch, batch_id)
    return Summary(
        batch.ref,
        count_verdicts(batch.id),
        tuple(batch.unknown_columns),
        tuple(batch.unread_sheets),
    )


def seats_of(user: User | None) -> Seats:
    """Return the agencies that a person provides records for, and who they are there.

    Raises NotAllowed for a person who provides for none, or whose account was ended.
    """
    if user is None:
        return None
    if not user.active:
        raise NotAllowed("import")
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
    reading: Reading,
    sha256: str,
    filename: str,
    user: User | None,
    token: str,
    kind: str = "penalties",
) -> ImportBatch:
    """Return the batch of a file.

    The same form goes on with its own batch, finished or not; otherwise an unfinished batch of
    the same file by the same provider goes on. Raises TokenBorrowed.
    """
    seats = seats_of(user)
    provider = min(seats) if seats else None
    sent = cases.Submission(answers=Answers(), token=token, purpose=f"import {sha256}")
    with transaction() as session:
        bulk.take_turns(session, current_policy(), today())
        earlier = cases.find_earlier(session, user, sent) if user else None
        batch = find_started(session, earlier, sha256, provider, kind)
        if batch is None:
            batch = new_batch(
                refs.new_ref(session, PREFIX, today()),
                reading,
                sha256=sha256,
                filename=filename[:200],
                provider_id=provider,
                started_by_id=user.id if user else None,
                kind=kind,
            )
            session.add(batch)
        if user and earlier is None:
            cases.remember(session, user, sent, batch.ref)
        session.flush()
        return batch


def new_batch(ref: str, reading: Reading, **values: Any) -> ImportBatch:
    """Return a batch that begins now."""
    return ImportBatch(
        ref=ref,
        started_at=now(),
        unknown_columns=list_names(reading.unknown_columns),
        unread_sheets=list_names(reading.unread_sheets),
        tally={},
        **values,
    )


def find_started(
    session: Session, ref: str | None, sha256: str, provider: int | None, kind: str
) -> ImportBatch | None:
    """Return the batch of a reference, or else the unfinished one of a provider's file and kind."""
    query = select(ImportBatch)
    if ref is not None:
        return session.scalar(query.where(ImportBatch.ref == ref))
    return session.scalar(
        query.where(
            ImportBatch.sha256 == sha256,
            ImportBatch.kind == kind,
            ImportBatch.provider_id.is_not_distinct_from(provider),
            ImportBatch.finished_at.is_(None),
        )
    )


def lines_done(session: Session, batch_id: int, first: int, last: int) -> set[int]:
    """Return the lines from one to another that have their verdict.

    Each is looked for by itself: that a later line is done says nothing of those before it.
    """
    done = select(ImportRow.line).where(
        ImportRow.batch_id == batch_id, ImportRow.line.between(first, last), ImportRow.ordinal == 0
    )
    return set(session.scalars(done))


def list_names(names: Sequence[str]) -> list[str]:
    """Return headings or names of sheets so that every page and terminal can show them."""
    return [*map(plain, names[:NAMES]), *(["…"] if len(names) > NAMES else [])]


def plain(name: str) -> str:
    """Return a name without line ends, control characters and lost ones, of bearable length."""
    shown = (one if one.isprintable() or one.isspace() else "\ufffd" for one in name[:NAME_LENGTH])
    return " ".join("".join(shown).split())


def bring_in_chunk(session: Session, batch_id: int, rows: Chunk, seats: Seats) -> None:
    """Put the good rows of a chunk on file and write down what became of each.

    Lines that have their verdict, from another run of the same file or before a worker was
    killed, are left out.
    """
    bulk.take_turns(session, current_policy(), today())
    done = lines_done(session, batch_id, rows[0].line, rows[-1].line)
    left = [one for one in rows if one.line not in done]
    good = [one for one in left if isinstance(one, Readable)]
    parties = find_parties(session, [one.row for one in good])
    judged = judge(good, parties, find_known(session, good, parties), seats)
    accepted = [one for one in judged if one.code == ACCEPTED]
    add_parties(session, parties)
    led_to: dict[int, str] = {}
    for actor, some in by_actor(accepted, seats).items():
        new = [
            bulk.NewRecord(columns_of(one), {"batch": batch_id, "line": one.of.line})
            for one in some
        ]
        given = bulk.bring_in(session, current_policy(), new, actor, at=now())
        led_to.update(zip((one.of.line for one in some), given, strict=True))
    verdicts = [
        verdict(batch_id, one.line, number, REFUSED, problem)
        for one in left
        if isinstance(one, Unreadable)
        for number, problem in enumerate(one.problems)
    ]
    keep_in_quarantine(session, batch_id, [one for one in judged if one.code in REINSERTIONS])
    for one in judged:
        line, code = one.of.line, one.code
        problem = explain(line, code) if code in PROBLEMS else None
        word = QUARANTINED if code in REINSERTIONS else REFUSED if problem else code
        about = one.known_as if word == DUPLICATE else led_to.get(line)
        verdicts.append(verdict(batch_id, line, 0, word, problem, about))
    insert_rows(session, ImportRow, verdicts)
    add_to_tally(session, batch_id, verdicts)


def add_to_tally(session: Session, batch_id: int, verdicts: Iterable[Mapping[str, Any]]) -> None:
    """Count the rows of new verdicts with those of their batch; it may count none so far."""
    batch = session.get_one(ImportBatch, batch_id, with_for_update=True, populate_existing=True)
    if batch.tally is None:
        return
    new = Counter(one["verdict"] for one in verdicts if one["ordinal"] == 0)
    batch.tally = dict(sorted((Counter(batch.tally) + new).items()))
    session.flush()


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
