"""Who and what is on file of the rows of a chunk, and the parties that its accepted rows add."""

from collections.abc import Collection, Iterator, Mapping, Sequence
from typing import Any, cast

import orjson
from sqlalchemy import JSON, Table, Text, column, func, literal, select
from sqlalchemy import cast as cast_as
from sqlalchemy.dialects import postgresql, sqlite
from sqlalchemy.orm import Session

from repair_app.db import at_once, is_among, now
from repair_app.models import CreditRecord, Organisation
from repair_app.models.parties import OrganisationKind
from repair_app.name_index import fold, name_terms
from repair_app.penalty_format import PenaltyRow
from repair_app.services.imports.rows import (
    NOWHERE,
    REMOVED,
    Key,
    Known,
    OnFile,
    Parties,
    Party,
    Readable,
    batched,
    content_of,
)


def find_parties(session: Session, rows: Sequence[PenaltyRow]) -> Parties:
    """Return the organisations on file that rows name: by code, agencies without one by name."""
    codes = {row.uscc for row in rows} | {row.agency_uscc for row in rows if row.agency_uscc}
    names = {row.agency_name for row in rows if not row.agency_uscc}
    parties = Parties()
    for some in batched(codes, at_once(session)):
        for party in read_parties(session, is_among(Organisation.uscc, some, session)):
            parties.by_code[party.uscc or ""] = party
    known = {one.id: one for one in parties.by_code.values()}
    agencies = Organisation.kind == OrganisationKind.AGENCY
    for some in batched(names, at_once(session)):
        for party in read_parties(session, is_among(Organisation.name, some, session), agencies):
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
    for code, number in add_organisations(session, list(coded.values())):
        coded.pop(code).id = number
    for some in batched(coded, at_once(session)):  # those that somebody else has just added
        for on_file in read_parties(session, is_among(Organisation.uscc, some, session)):
            coded[on_file.uscc or ""].id = on_file.id
    for one in parties.by_name.values():
        if one.id is None:
            agency = Organisation(name=one.name, kind=one.kind, created_at=now())
            session.add(agency)
            session.flush()
            one.id = agency.id


def add_organisations(session: Session, new: Sequence[Party]) -> list[tuple[str, int]]:
    """Add organisations that have a code, and return code and id of each that was added.

    One that somebody adds at the same time is left.
    """
    if not new:
        return []
    at = now()
    rows = [
        {
            "uscc": one.uscc,
            "name": one.name,
            "kind": one.kind,
            "search_name": fold(one.name),
            "search_terms": name_terms(one.name),
            "created_at": at,
        }
        for one in new
    ]
    table = cast(Table, Organisation.__table__)
    if session.get_bind().dialect.name == "sqlite":
        session.execute(sqlite.insert(table).on_conflict_do_nothing(), rows)
        return []
    columns = [table.columns[one] for one in rows[0]]
    # One value, however many rows: the driver is slow at writing arrays.
    given = func.json_to_recordset(cast_as(literal(orjson.dumps(rows).decode(), Text), JSON))
    lines = given.table_valued(*(column(one.name, one.type) for one in columns))
    insert = postgresql.insert(table).from_select(
        columns, select(lines.render_derived(with_types=True)), include_defaults=False
    )
    added = insert.on_conflict_do_nothing().returning(table.c.uscc, table.c.id)
    return [(code, number) for code, number in session.execute(added)]


def find_known(session: Session, rows: Sequence[Readable], parties: Parties) -> Known:
    """Return what is on file under the keys and the fingerprints of rows.

    All that is on file of their firms is read, by one question for many firms: a number may be on
    file from another agency, or under another number.
    """
    keys = {one.line: key for one in rows if (key := key_of(one.row, parties))}
    known = Known({}, {}, set(), set(), set(), {})
    held: dict[tuple[str, int], set[int]] = {}  # number and firm -> agencies
    for row in read_of_firms(session, {key[2] for key in keys.values()}):
        one = OnFile(row.id, row.ref, row.fingerprint, row.state, row.version)
        known.by_key[row.provider_id, row.decision_no, row.subject_id] = one
        known.by_print[row.provider_id, row.subject_id, one.fingerprint] = one
        held.setdefault((row.decision_no, row.subject_id), set()).add(row.provider_id)
    for line, (agency, number, firm) in keys.items():
        if held.get((number, firm), {agency}) - {agency}:
            known.elsewhere.add(line)
    others: list[tuple[int, Readable]] = []
    changed: list[tuple[int, Readable]] = []
    for read in rows:
        on_file = known.by_key.get(keys.get(read.line, NOWHERE))
        if on_file is None:
            continue
        if on_file.fingerprint != read.fingerprint:
            others.append((on_file.id, read))
        elif on_file.version > 1:
            changed.append((on_file.id, read))
    known.mended.update(find_agreeing(session, others))
    known.outdated.update({one.line for _, one in changed} - set(find_agreeing(session, changed)))
    known.resembling.update(find_resembling(session, rows, keys))
    return known


def read_of_firms(session: Session, firms: Collection[int]) -> Iterator[Any]:
    """Yield what names each record on file of firms, the oldest first."""
    query = select(
        CreditRecord.id,
        CreditRecord.ref,
        CreditRecord.provider_id,
        CreditRecord.subject_id,
        CreditRecord.decision_no,
        CreditRecord.fingerprint,
        CreditRecord.state,
        CreditRecord.version,
    ).order_by(CreditRecord.id)
    for some in batched(sorted(firms), at_once(session)):
        yield from session.execute(query.where(is_among(CreditRecord.subject_id, some, session)))


def key_of(row: PenaltyRow, parties: Parties) -> Key | None:
    """Return the key of a row's record; None where nothing can be on file of its parties."""
    agency, subject = parties.agency_of(row).id, parties.subject_of(row).id
    return (agency, row.decision_no, subject) if agency and subject else None


def find_agreeing(session: Session, rows: Sequence[tuple[int, Readable]]) -> Iterator[int]:
    """Yield the lines that say what their record says now, whatever it said at first.

    An agency mends its own file, too, when a record of it was corrected.
    """
    for some in batched(rows, at_once(session)):
        numbers = {number for number, _ in some}
        query = select(CreditRecord).where(is_among(CreditRecord.id, numbers, session))
        records = {one.id: one for one in session.scalars(query)}
        for number, one in some:
            said = content_of(one.row)
            if all(getattr(records[number], name) == value for name, value in said.items()):
                yield one.line


def find_resembling(
    session: Session, rows: Sequence[Readable], keys: Mapping[int, Key]
) -> Iterator[tuple[int, int]]:
    """Yield the lines that say of a firm what a removed record of any agency says, and its id.

    A number can be written in many ways; what was done, when and how it was punished cannot.
    """
    columns = (
        CreditRecord.subject_id,
        CreditRecord.decided_on,
        CreditRecord.violation_facts,
        CreditRecord.penalty_content,
    )
    removed: dict[tuple[Any, ...], int] = {}
    for some in batched(sorted({key[2] for key in keys.values()}), at_once(session)):
        query = select(CreditRecord.id, *columns).where(
            is_among(CreditRecord.subject_id, some, session)
        )
        for number, *told in session.execute(query.where(CreditRecord.state.in_(REMOVED))):
            removed[tuple(told)] = number
    for one in rows:
        if key := keys.get(one.line):
            row = one.row
            said = (key[2], row.decided_on, row.violation_facts, row.content)
            if about := removed.get(said):
                yield one.line, about
