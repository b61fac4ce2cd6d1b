"""Whether what is on file agrees with the ledger: no row gone, no record rewritten, no paper lost.

What is checked: every case, requirement, record and measure that has an event has its row; every
record says what its first event put on file and its corrections made of it; every paper that a step
of a matter handed in has its row there.

What cannot be told by the ledger, and is not: what a record said whose event has no digest of it
(it came on file before events had one; of these only fingerprint, class and corrected fields are
compared) or whose correction was erased; what is in no event, as names of organisations, terms of
publication, and the columns of a matter other than its state; a letter, an account or any other row
without events of its own. Retention (workflows/retention.toml) deletes nothing that is looked for.
"""

import json
from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence
from typing import Any, Final, NamedTuple

from sqlalchemy import exists, func, or_, select
from sqlalchemy.orm import Session

from repair_app.db import at_once, is_among
from repair_app.engine.rows import SAID, digest_of, spell
from repair_app.engine.step import VALUE, WAS
from repair_app.labels import N_
from repair_app.ledger import Flaw
from repair_app.models import (
    Case,
    Complaint,
    ComplaintPaper,
    CreditRecord,
    Document,
    Event,
    EventText,
)
from repair_app.services.cases import AMEND, KINDS
from repair_app.services.office_book import BOOKS

AT_ONCE: Final = 500  # rows that are looked at together
# Of an event in its canonical form: quotes in its texts are escaped. A complaint's are facts of it.
HANDED_IN: Final = ('"evidence":["', '"papers":["')


class Entry(NamedTuple):
    """An event of a record: its place in its chain, its facts, and the texts beside it."""

    stream: str
    seq: int
    facts: Mapping[str, Any]
    texts: Mapping[str, str] | None  # None: there are none, or they were erased


def find_disagreement(session: Session) -> Flaw | None:
    """Return the first event with which what is on file does not agree."""
    return find_lost_row(session) or find_changed_record(session) or find_lost_paper(session)


def find_lost_row(session: Session) -> Flaw | None:
    """Return the first event of an entity that has no row: none is ever deleted.

    `+ 0`: or PostgreSQL may walk all events one by one, see `history.query_last_events`.
    """
    gone = (~exists().where(model.ref == Event.entity) for model in KINDS.values())
    first = select(func.min(Event.id + 0)).where(Event.workflow.not_in(BOOKS), *gone)
    number = session.scalar(first)
    if number is None:
        return None
    event = session.execute(select(Event.stream, Event.seq).where(Event.id == number)).one()
    return Flaw(event.stream, event.seq, N_("what it is about is not on file any more"))


# --- records ----------------------------------------------------------------------------------


def find_changed_record(session: Session) -> Flaw | None:
    """Return the event with which the first record that was rewritten does not agree."""
    columns = [getattr(CreditRecord, name) for name in SAID]
    columns += [CreditRecord.ref, CreditRecord.fingerprint, CreditRecord.severity_class]
    last = 0
    while True:
        query = select(CreditRecord.id, *columns).where(CreditRecord.id > last)
        rows = session.execute(query.order_by(CreditRecord.id).limit(AT_ONCE)).all()
        if not rows:
            return None
        entries = read_entries(session, [row.ref for row in rows])
        for row in rows:
            if flaw := check_record(row, entries[row.ref]):
                return flaw
        last = rows[-1].id


def read_entries(session: Session, refs: Sequence[str]) -> Mapping[str, list[Entry]]:
    """Return the events of some records, oldest first."""
    query = (
        select(Event.entity, Event.stream, Event.seq, Event.payload, EventText.body)
        .outerjoin(EventText, EventText.event_id == Event.id)
        .where(is_among(Event.entity, refs, session))
        .order_by(Event.id)
    )
    found = defaultdict(list)
    for entity, stream, seq, payload, body in session.execute(query):
        texts = json.loads(body) if body else None
        found[entity].append(Entry(stream, seq, json.loads(payload)["facts"], texts))
    return found


def check_record(row: Any, entries: Sequence[Entry]) -> Flaw | None:
    """Return what a record says otherwise than its events: the corrections are undone one by one.

    entries: of the record, oldest first; without any, its state was found wanting already.
    """
    if not entries:
        return None
    first, *others = entries
    problem = N_("the record on file does not say what it says")
    said = {name: spell(name, getattr(row, name)) for name in SAID}
    corrections = [one for one in others if "fields" in one.facts]
    for one in reversed(corrections):
        if one.texts is None:
            return None
        for name in one.facts["fields"]:
            if said[name] != spell(name, one.texts[f"{VALUE}{name}"]):
                return Flaw(one.stream, one.seq, problem)
            said[name] = spell(name, one.texts[f"{WAS}{name}"])
    told = {"fingerprint": row.fingerprint, "content": digest_of(said)}
    if not others:
        told["class"] = row.severity_class
    if any(first.facts.get(name, value) != value for name, value in told.items()):
        return Flaw(first.stream, first.seq, problem)
    return None


# --- papers -----------------------------------------------------------------------------------


def find_lost_paper(session: Session) -> Flaw | None:
    """Return the first step of a matter that handed in a paper which the matter has not."""
    query = (
        select(Event.stream, Event.seq, Event.payload)
        .where(or_(*(Event.payload.contains(one) for one in HANDED_IN)))
        .order_by(Event.id)
        .execution_options(yield_per=min(AT_ONCE, at_once(session)))
    )
    with session.execute(query) as rows:
        for some in rows.partitions():
            kept = set(read_kept(session, {row.stream for row in some}))
            for row in some:
                content = json.loads(row.payload)
                for sha256 in [*content["evidence"], *content["facts"].get("papers", ())]:
                    if (row.stream, sha256) not in kept and not was_removed(session, row, sha256):
                        problem = N_("a paper that it names is not on file any more")
                        return Flaw(row.stream, row.seq, problem)
    return None


def read_kept(session: Session, streams: set[str]) -> Iterator[tuple[str, str]]:
    """Yield matter and hash of the papers on file of some matters."""
    documents = select(Case.ref, Document.sha256).join(Document, Document.case_id == Case.id)
    papers = (
        select(Case.ref, ComplaintPaper.sha256)
        .join(Complaint, Complaint.case_id == Case.id)
        .join(ComplaintPaper, ComplaintPaper.complaint_id == Complaint.id)
    )
    for query in (documents, papers):
        for row in session.execute(query.where(is_among(Case.ref, streams, session))):
            yield row.ref, row.sha256


def was_removed(session: Session, since: Any, sha256: str) -> bool:
    """Say whether a paper was taken out of its draft by a later step, which names it."""
    amended = select(Event.payload).where(
        Event.stream == since.stream, Event.seq > since.seq, Event.transition == AMEND
    )
    facts = (json.loads(payload)["facts"] for payload in session.scalars(amended))
    return any(one.get("removed") == sha256 for one in facts)
