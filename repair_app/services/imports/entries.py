"""Licences and entries of lists: kept as their agency says them; no policy applies to them."""

from collections.abc import Collection, Mapping, Sequence
from dataclasses import replace
from typing import Any, Final, cast

from sqlalchemy import select, update
from sqlalchemy.orm import Session

from repair_app.db import at_once, insert_rows, is_among, now, today
from repair_app.engine import bulk
from repair_app.engine.rows import as_json
from repair_app.models import ImportRow, ListedEntry
from repair_app.penalty_format import EntryRow, RowProblem
from repair_app.services.imports.files import add_to_tally, lines_done
from repair_app.services.imports.judging import PROBLEMS, explain, verdict
from repair_app.services.imports.on_file import add_parties, find_parties
from repair_app.services.imports.rows import (
    ACCEPTED,
    DUPLICATE,
    REFUSED,
    Chunk,
    Parties,
    Readable,
    Seats,
    Unreadable,
    batched,
)
from repair_app.services.policy import current_policy

ADDED: Final = frozenset(("removed_on", "removal_reason", "removed_by"))
DIFFERS: Final = (
    "differs_from_entry",
    "该条信息已有记录且内容不同；除补充移出信息外，不得以文件修改",
    "this entry is on file with other content; a file may only add that it was taken off the list",
)
Key = tuple[int, int, str, Any]


def bring_in_entries(kind: str, session: Session, batch_id: int, rows: Chunk, seats: Seats) -> None:
    """Put the good rows of a chunk on file and write down what became of each."""
    bulk.take_turns(session, current_policy(), today())
    done = lines_done(session, batch_id, rows[0].line, rows[-1].line)
    left = [one for one in rows if one.line not in done]
    good = [one for one in left if isinstance(one, Readable)]
    parties = find_parties(session, [one.row for one in good])
    known = find_entries(session, kind, good, parties)
    verdicts = [
        verdict(batch_id, one.line, number, REFUSED, problem)
        for one in left
        if isinstance(one, Unreadable)
        for number, problem in enumerate(one.problems)
    ]
    accepted, fresh = [], set()
    for one in good:
        code = judge_parties(one, parties, seats) or judge_entry(known, one, parties)
        name = name_of(one, parties)
        if code == ACCEPTED and name in fresh:
            code = DIFFERS[0]  # twice in one chunk: the first stands
        if code == ACCEPTED:
            fresh.add(name)
            parties.keep(parties.agency_of(one.row))
            parties.keep(parties.subject_of(one.row))
            accepted.append(one)
        problem = problem_of(one.line, code)
        verdicts.append(verdict(batch_id, one.line, 0, REFUSED if problem else code, problem))
    add_parties(session, parties)
    write(session, kind, batch_id, accepted, parties, known)
    insert_rows(session, ImportRow, verdicts)
    add_to_tally(session, batch_id, verdicts)


def entry_of(one: Readable) -> EntryRow:
    """Return what a row of these formats says."""
    return cast(EntryRow, one.row)


def name_of(one: Readable, parties: Parties) -> tuple[Any, ...]:
    """Return what names an entry, its parties by their codes and names."""
    row, agency = entry_of(one), parties.agency_of(one.row)
    return agency.uscc or agency.name, row.uscc, row.number, row.decided_on


def judge_parties(one: Readable, parties: Parties, seats: Seats) -> str | None:
    """Return why a row's parties bar it, as they do a penalty's; None when they do not."""
    agency, subject = parties.agency_of(one.row), parties.subject_of(one.row)
    if seats is not None and agency.id not in seats:
        return "not_your_agency"
    if agency.name != one.row.agency_name:
        return "agency_differs"
    return "name_differs" if subject.name != one.row.subject_name else None


def key_of(one: Readable, parties: Parties) -> Key | None:
    """Return the key of an entry; None where nothing can be on file of its parties."""
    agency, subject = parties.agency_of(one.row).id, parties.subject_of(one.row).id
    row = entry_of(one)
    return (agency, subject, row.number, row.decided_on) if agency and subject else None


def find_entries(
    session: Session, kind: str, rows: Sequence[Readable], parties: Parties
) -> dict[Key, ListedEntry]:
    """Return what is on file of the firms of rows, by key."""
    firms: Collection[int] = {key[1] for one in rows if (key := key_of(one, parties))}
    found = {}
    for some in batched(sorted(firms), at_once(session)):
        query = select(ListedEntry).where(
            ListedEntry.kind == kind, is_among(ListedEntry.subject_id, some, session)
        )
        for entry in session.scalars(query):
            key = (entry.provider_id, entry.subject_id, entry.number, entry.decided_on)
            found[key] = entry
    return found


def judge_entry(known: Mapping[Key, ListedEntry], one: Readable, parties: Parties) -> str:
    """Return what a row is, given what is on file."""
    key = key_of(one, parties)
    on_file = known.get(key) if key else None
    if on_file is None:
        return ACCEPTED
    if on_file.fingerprint == one.fingerprint:
        return DUPLICATE
    return ACCEPTED if adds_removal(on_file, entry_of(one)) else DIFFERS[0]


def adds_removal(on_file: ListedEntry, row: EntryRow) -> bool:
    """Say whether a row says what is on file, and that the enterprise was taken off since."""
    said = {key: value for key, value in as_json(row.content).items() if key not in ADDED}
    return on_file.removed_on is None and row.removed_on is not None and said == on_file.content


def problem_of(line: int, code: str) -> RowProblem | None:
    """Return the problem of a code of ours, if it is one; the columns are those of penalties."""
    if code == DIFFERS[0]:
        return RowProblem(line, "", *DIFFERS)
    return replace(explain(line, code), column="") if code in PROBLEMS else None


def write(
    session: Session,
    kind: str,
    batch_id: int,
    accepted: Sequence[Readable],
    parties: Parties,
    known: Mapping[Key, ListedEntry],
) -> None:
    """Put new entries on file, and what is added to those that are."""
    new = []
    for one in accepted:
        row, key = entry_of(one), cast(Key, key_of(one, parties))
        values = {
            "valid_until": row.valid_until,
            "removed_on": row.removed_on,
            "content": as_json(row.content),
            "fingerprint": one.fingerprint,
            "batch_id": batch_id,
            "line": one.line,
        }
        if key in known:
            session.execute(
                update(ListedEntry).where(ListedEntry.id == known[key].id).values(**values)
            )
            continue
        named = dict(zip(("provider_id", "subject_id", "number", "decided_on"), key, strict=True))
        new.append({"kind": kind, **named, **values, "created_at": now()})
    insert_rows(session, ListedEntry, new)
