"""Bringing in files of penalties: every row ends accepted, duplicate or refused with its reason.

A file is read in chunks, each one transaction, so that a killed import goes on where it stopped
and running a file again adds nothing. Rows are judged in the order of the file, and only what is
accepted leaves anything but its verdict behind.
"""

import hashlib
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from itertools import islice
from typing import Any, TypeVar, cast

from sqlalchemy import Table, func, select, tuple_
from sqlalchemy.dialects import postgresql, sqlite
from sqlalchemy.orm import Session

from repair_app import refs
from repair_app.access import organisations_as
from repair_app.db import db, insert_rows, now, today
from repair_app.engine import bulk
from repair_app.engine.step import SYSTEM, Actor, Answers, NotAllowed
from repair_app.models import CreditRecord, ImportBatch, ImportRow, Organisation, Role, User
from repair_app.models.parties import OrganisationKind
from repair_app.models.records import OFF_PUBLICATION
from repair_app.penalty_format import PenaltyRow, Reading, RowProblem, Verdict, read_rows
from repair_app.services import cases
from repair_app.services.policy import current_policy
from repair_app.services.transaction import transaction

CHUNK = 2000  # rows in one transaction
NAMES, NAME_LENGTH = 50, 100  # of unread columns and sheets that are told
PARAMETERS = 500  # values in one query: SQLite's older limit is 999
ACCEPTED, DUPLICATE, REFUSED = "accepted", "duplicate", "refused"
# What was taken off publication, other than by its term, must not come back by any file.
REMOVED = tuple(state for state in OFF_PUBLICATION if state != "expired")

# code -> column, Chinese, English
PROBLEMS: dict[str, tuple[str, str, str]] = {
    "differs_from_record": (
        "行政处罚决定书文号",
        "该处罚已有记录且内容不同；如需更正，请通过异议处理，不得重复导入",
        "this penalty is on file with other content; a correction goes through an objection",
    ),
    "corrected_before": (
        "行政处罚决定书文号",
        "该处罚已有记录，其决定书文号已经异议处理更正，不得按更正前的内容再次导入",
        "this penalty is on file, its number corrected after an objection: mend the file",
    ),
    "removed_before": (
        "行政处罚决定书文号",
        "该记录已终止公示并归档，不得再次导入",
        "this record has left publication and is archived; it cannot be brought in again",
    ),
    "resembles_removed": (
        "行政处罚决定书文号",
        "与已终止公示的记录仅文号不同，暂不导入；确属另一处罚的，请联系系统管理员核实后导入",
        "but for its number it is a record that left publication; the administrator has to check",
    ),
    "not_your_agency": (
        "处罚机关",
        "处罚机关不是本单位，只能导入本单位作出的处罚",
        "the penalty is another agency's; a provider brings in its own only",
    ),
    "agency_differs": (
        "处罚机关",
        "处罚机关名称与其统一社会信用代码登记的名称不一致，请核对",
        "the agency's code is on file under another name: check code and name",
    ),
    "held_by_other": (
        "行政处罚决定书文号",
        "该企业的同一文号已由其他处罚机关归集，请核对处罚机关",
        "another agency has this number on file for this firm: check the agency",
    ),
    "name_differs": (
        "行政相对人名称",
        "该统一社会信用代码已登记为其他名称，请核对代码和名称",
        "this code is on file under another name: check code and name",
    ),
}


T = TypeVar("T")
Row = PenaltyRow | list[RowProblem]
Seats = Mapping[int, Actor] | None
"""Who brings in the penalties of which agency; None for the operator, who may do so for all."""


Key = tuple[int, str, int]
"""What names a record: agency, decision number, subject."""
NOWHERE: Key = (0, "", 0)


@dataclass
class Summary:
    """What became of a file so far."""

    ref: str
    counts: dict[str, int] = field(default_factory=dict)
    unknown_columns: tuple[str, ...] = ()
    unread_sheets: tuple[str, ...] = ()


@dataclass(eq=False)
class Party:
    """An organisation that rows name; without an id while it is not on file."""

    uscc: str | None
    name: str
    kind: OrganisationKind
    id: int | None = None


@dataclass(frozen=True)
class Parties:
    """The organisations of a chunk: those on file, and those that its accepted rows add."""

    by_code: dict[str, Party] = field(default_factory=dict)
    by_name: dict[str, Party] = field(default_factory=dict)  # agencies of rows without a code

    def subject_of(self, row: PenaltyRow) -> Party:
        """Return the enterprise of a row, as it is on file or else as the row has it."""
        return self.by_code.get(row.uscc) or Party(
            row.uscc, row.subject_name, OrganisationKind.ENTERPRISE
        )

    def agency_of(self, row: PenaltyRow) -> Party:
        """Return the agency of a row; one without a code is known by its name."""
        code, name = row.agency_uscc, row.agency_name
        known = self.by_code.get(code) if code else self.by_name.get(name)
        return known or Party(code, name, OrganisationKind.AGENCY)

    def keep(self, party: Party) -> Party:
        """Return the party by which the rows to come know it."""
        if party.uscc:
            party = self.by_code.setdefault(party.uscc, party)
        if party.kind == OrganisationKind.AGENCY:
            self.by_name.setdefault(party.name, party)
        return party


@dataclass(frozen=True)
class Known:
    """What is on file of the penalties that rows name."""

    by_key: dict[Key, tuple[str, str]]  # -> fingerprint, state
    by_print: dict[tuple[int, int, str], str]  # provider, subject, fingerprint -> state
    mended: set[int]  # lines that say what a record says since it was corrected
    elsewhere: set[int]  # lines whose number another agency has on file for the firm
    resembling: set[int]  # lines that differ from a removed record by the number only


@dataclass(frozen=True)
class Readable:
    """A row that could be read, its line and its fingerprint."""

    line: int
    row: PenaltyRow
    fingerprint: str


@dataclass(frozen=True)
class Judged:
    """A row with its verdict: ACCEPTED, DUPLICATE or a code of PROBLEMS."""

    of: Readable
    code: str
    subject: Party
    agency: Party


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
    with transaction() as session:
        batch = session.get_one(ImportBatch, batch.id)
        batch.finished_at = batch.finished_at or now()
    return Summary(
        batch.ref,
        count_verdicts(batch.id),
        tuple(batch.unknown_columns),
        tuple(batch.unread_sheets),
    )


def batched(rows: Iterable[T], size: int) -> Iterator[tuple[T, ...]]:
    """Yield rows by the handful (itertools.batched is of Python 3.12)."""
    left = iter(rows)
    while some := tuple(islice(left, size)):
        yield some


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
    for one in judged:
        problem = explain(one.of.line, one.code) if one.code in PROBLEMS else None
        word = REFUSED if problem else one.code
        verdicts.append(verdict(batch_id, one.of.line, 0, word, problem))
    insert_rows(session, ImportRow, verdicts)


def by_actor(accepted: Sequence[Judged], seats: Seats) -> dict[Actor, list[Judged]]:
    """Return the accepted rows by who brings them in: a person may act for several agencies."""
    if seats is None:
        return {SYSTEM: list(accepted)}
    groups: dict[int, list[Judged]] = {}
    for one in accepted:
        groups.setdefault(cast(int, one.agency.id), []).append(one)
    return {seats[agency]: some for agency, some in groups.items()}


def judge(rows: Sequence[Readable], parties: Parties, known: Known, seats: Seats) -> list[Judged]:
    """Return the rows with their verdicts; what accepted ones name is kept in `parties`."""
    judged = []
    fresh: dict[tuple[Party, str, Party], str] = {}  # fingerprints accepted in this chunk
    for one in rows:
        row = one.row
        agency, subject = parties.agency_of(row), parties.subject_of(row)
        if seats is not None and agency.id not in seats:
            code = "not_your_agency"
        elif agency.name != row.agency_name:
            code = "agency_differs"
        elif subject.name != row.subject_name:
            code = "name_differs"
        elif earlier := fresh.get((agency, row.decision_no, subject)):
            code = DUPLICATE if earlier == one.fingerprint else "differs_from_record"
        else:
            code = judge_known(known, one, agency, subject)
        if code == "resembles_removed" and seats is None:
            code = ACCEPTED  # the operator has checked that it is another penalty
        if code == ACCEPTED:
            agency = parties.keep(agency)
            subject = parties.keep(parties.subject_of(row))
            fresh[agency, row.decision_no, subject] = one.fingerprint
        judged.append(Judged(one, code, subject, agency))
    return judged


def judge_known(known: Known, one: Readable, agency: Party, subject: Party) -> str:
    """Return what a row is, given what is on file.

    A record whose number was corrected is still known by what its file once said.
    """
    if agency.id is None or subject.id is None:
        return ACCEPTED
    same_key = known.by_key.get((agency.id, one.row.decision_no, subject.id))
    same_print = known.by_print.get((agency.id, subject.id, one.fingerprint))
    if same_key and (same_key[0] == one.fingerprint or one.line in known.mended):
        return "removed_before" if same_key[1] in REMOVED else DUPLICATE
    if same_key:
        return "removed_before" if same_key[1] in OFF_PUBLICATION else "differs_from_record"
    if same_print:
        return "removed_before" if same_print in REMOVED else "corrected_before"
    if one.line in known.elsewhere:
        return "held_by_other"
    return "resembles_removed" if one.line in known.resembling else ACCEPTED


def columns_of(judged: Judged) -> dict[str, Any]:
    """Return the columns of a record as a row of the file has them."""
    return {
        "subject_id": judged.subject.id,
        "provider_id": judged.agency.id,
        "fingerprint": judged.of.fingerprint,
        **content_of(judged.of.row),
    }


def content_of(row: PenaltyRow) -> dict[str, Any]:
    """Return the columns of a record that say what was decided."""
    return {
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


def find_parties(session: Session, rows: Sequence[PenaltyRow]) -> Parties:
    """Return the organisations on file that rows name: by code, agencies without one by name."""
    codes = {row.uscc for row in rows} | {row.agency_uscc for row in rows if row.agency_uscc}
    names = {row.agency_name for row in rows if not row.agency_uscc}
    parties = Parties()
    for some in batched(codes, PARAMETERS):
        for party in read_parties(session, Organisation.uscc.in_(some)):
            parties.by_code[party.uscc or ""] = party
    known = {one.id: one for one in parties.by_code.values()}
    agencies = Organisation.kind == OrganisationKind.AGENCY
    for some in batched(names, PARAMETERS):
        for party in read_parties(session, Organisation.name.in_(some), agencies):
            parties.by_name.setdefault(party.name, known.get(party.id, party))
    return parties


def read_parties(session: Session, *conditions: Any) -> Iterator[Party]:
    """Yield organisations that are on file, the oldest first."""
    columns = (Organisation.uscc, Organisation.name, Organisation.kind, Organisation.id)
    query = select(*columns).where(*conditions).order_by(Organisation.id)
    for uscc, name, kind, number in session.execute(query):
        yield Party(uscc, name, OrganisationKind(kind), number)


def add_parties(session: Session, parties: Parties) -> None:
    """Put the organisations on file that are not, and give each its id.

    Agencies not yet known are providers without accounts.
    """
    coded = {code: one for code, one in sorted(parties.by_code.items()) if one.id is None}
    add_organisations(session, list(coded.values()))
    for some in batched(coded, PARAMETERS):
        for on_file in read_parties(session, Organisation.uscc.in_(some)):
            coded[on_file.uscc or ""].id = on_file.id
    for one in parties.by_name.values():
        if one.id is None:
            agency = Organisation(name=one.name, kind=one.kind, created_at=now())
            session.add(agency)
            session.flush()
            one.id = agency.id


def add_organisations(session: Session, new: Sequence[Party]) -> None:
    """Add organisations that have a code; one that somebody adds at the same time is left."""
    if not new:
        return
    at = now()
    rows = [{"uscc": one.uscc, "name": one.name, "kind": one.kind, "created_at": at} for one in new]
    write: dict[str, Any] = {"sqlite": sqlite.insert, "postgresql": postgresql.insert}
    insert = write[session.get_bind().dialect.name](cast(Table, Organisation.__table__))
    session.execute(insert.on_conflict_do_nothing(), rows)


def find_known(session: Session, rows: Sequence[Readable], parties: Parties) -> Known:
    """Return what is on file under the keys and the fingerprints of rows."""
    keys = {one.line: key for one in rows if (key := key_of(one.row, parties))}
    prints = [one.fingerprint for one in rows if one.line in keys]
    columns = (CreditRecord.provider_id, CreditRecord.decision_no, CreditRecord.subject_id)
    query = select(*columns, CreditRecord.fingerprint, CreditRecord.state)
    known = Known({}, {}, set(), set(), set())
    conditions = (
        *(tuple_(*columns).in_(some) for some in batched(keys.values(), PARAMETERS)),
        *(CreditRecord.fingerprint.in_(some) for some in batched(prints, PARAMETERS)),
    )
    for condition in conditions:
        for agency, number, subject, fingerprint, state in session.execute(query.where(condition)):
            known.by_key[agency, number, subject] = (fingerprint, state)
            known.by_print[agency, subject, fingerprint] = state
    others = [
        (keys[one.line], one)
        for one in rows
        if known.by_key.get(keys.get(one.line, NOWHERE), (one.fingerprint,))[0] != one.fingerprint
    ]
    known.mended.update(find_mended(session, others))
    known.elsewhere.update(find_elsewhere(session, keys))
    known.resembling.update(find_resembling(session, rows, keys))
    return known


def key_of(row: PenaltyRow, parties: Parties) -> Key | None:
    """Return the key of a row's record; None where nothing can be on file of its parties."""
    agency, subject = parties.agency_of(row).id, parties.subject_of(row).id
    return (agency, row.decision_no, subject) if agency and subject else None


def find_mended(session: Session, rows: Sequence[tuple[Key, Readable]]) -> Iterator[int]:
    """Yield the lines that say what their record says now, other than when it came on file.

    An agency mends its own file, too, when a record of it was corrected.
    """
    columns = (CreditRecord.provider_id, CreditRecord.decision_no, CreditRecord.subject_id)
    for some in batched(rows, PARAMETERS):
        query = select(CreditRecord).where(tuple_(*columns).in_({key for key, _ in some}))
        records = {
            (one.provider_id, one.decision_no, one.subject_id): one
            for one in session.scalars(query)
        }
        for key, one in some:
            said = content_of(one.row)
            if all(getattr(records[key], name) == value for name, value in said.items()):
                yield one.line


def find_elsewhere(session: Session, keys: Mapping[int, Key]) -> Iterator[int]:
    """Yield the lines whose number another agency has on file for the same firm."""
    held: set[tuple[int, str, int]] = set()
    columns = (CreditRecord.provider_id, CreditRecord.decision_no, CreditRecord.subject_id)
    for some in batched(sorted({key[2] for key in keys.values()}), PARAMETERS):
        query = select(*columns).where(CreditRecord.subject_id.in_(some))
        held.update((agency, number, firm) for agency, number, firm in session.execute(query))
    owners: dict[tuple[str, int], set[int]] = {}
    for agency, number, firm in held:
        owners.setdefault((number, firm), set()).add(agency)
    for line, (agency, number, firm) in keys.items():
        if owners.get((number, firm), {agency}) - {agency}:
            yield line


def find_resembling(
    session: Session, rows: Sequence[Readable], keys: Mapping[int, Key]
) -> Iterator[int]:
    """Yield the lines that say of a firm what a removed record of any agency says.

    A number can be written in many ways; what was done, when and how it was punished cannot.
    """
    columns = (
        CreditRecord.subject_id,
        CreditRecord.decided_on,
        CreditRecord.violation_facts,
        CreditRecord.penalty_content,
    )
    removed: set[tuple[Any, ...]] = set()
    for some in batched(sorted({key[2] for key in keys.values()}), PARAMETERS):
        query = select(*columns).where(CreditRecord.subject_id.in_(some))
        removed.update(
            tuple(one) for one in session.execute(query.where(CreditRecord.state.in_(REMOVED)))
        )
    for one in rows:
        if key := keys.get(one.line):
            row = one.row
            said = (key[2], row.decided_on, row.violation_facts, row.content)
            if said in removed:
                yield one.line


# --- reading the verdicts -----------------------------------------------------------------


def count_verdicts(batch_id: int) -> dict[str, int]:
    """Return how many rows there are of each verdict; a row with three problems is one row."""
    return count_all_verdicts([batch_id])[batch_id]


def count_all_verdicts(batch_ids: Sequence[int]) -> dict[int, dict[str, int]]:
    """Return how many rows there are of each verdict, by batch."""
    query = (
        select(ImportRow.batch_id, ImportRow.verdict, func.count())
        .where(ImportRow.batch_id.in_(batch_ids), ImportRow.ordinal == 0)
        .group_by(ImportRow.batch_id, ImportRow.verdict)
    )
    counts = {one: dict.fromkeys((ACCEPTED, DUPLICATE, REFUSED), 0) for one in batch_ids}
    for batch_id, word, number in db.session.execute(query):
        counts[batch_id][word] = number
    return counts


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
