"""The chain of events: canonical form, appending, verification. Knows nothing of workflows."""

import hashlib
import json
import secrets
from collections.abc import Generator, Iterable, Mapping, Sequence
from contextlib import closing
from dataclasses import dataclass
from datetime import UTC, datetime
from functools import lru_cache
from typing import Any

import orjson
from sqlalchemy import func, select
from sqlalchemy.orm import Session

from repair_app.labels import N_
from repair_app.models import Event, EventText, Stream

FORMAT = 1
GENESIS = "0" * 64
# Days, moments and dataclasses are refused, not written in some way; enums are what they stand for.
CANONICAL = (
    orjson.OPT_SORT_KEYS | orjson.OPT_PASSTHROUGH_DATETIME | orjson.OPT_PASSTHROUGH_DATACLASS
)
REPEATED = ("stream", "seq", "entity", "workflow", "transition")  # columns that repeat the payload


@dataclass(frozen=True)
class Flaw:
    """The first event of a chain that is not what it was."""

    stream: str
    seq: int
    problem: str


def describe(
    *,
    entity: str,
    workflow: str,
    workflow_version: str,
    transition: str,
    source: str,
    target: str,
    actor: Mapping[str, Any],
    at: datetime,
    basis: list[str],
    rule_pack: str,
    facts: Mapping[str, Any],
    evidence: list[str],
) -> dict[str, Any]:
    """Return the content of an event, without its place in a chain."""
    return {
        "v": FORMAT,
        "entity": entity,
        "workflow": workflow,
        "workflow_version": workflow_version,
        "transition": transition,
        "from": source,
        "to": target,
        "actor": dict(actor),
        "at": moment(at),
        "basis": basis,
        "rule_pack": rule_pack,
        "facts": dict(facts),
        "evidence": evidence,
    }


@lru_cache(maxsize=16)  # the events of a step, or of an import, are all of one moment
def moment(at: datetime) -> str:
    """Return a moment as it stands in an event: UTC, microseconds."""
    return at.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%S.%fZ")


def commit_to(salt: bytes, body: str) -> str:
    """Return the commitment to a personal text: without the salt it cannot be guessed."""
    return hashlib.sha256(salt + body.encode()).hexdigest()


def canonical(content: Mapping[str, Any]) -> str:
    """Return content as canonical JSON (RFC 8785).

    Keys are ASCII and numbers whole, and of these orjson's sorted JSON is that form, at a hundredth
    of the cost; the tests compare it with an implementation of the RFC. Raises TypeError for days,
    moments, decimals, bytes and lone surrogates.
    """
    return orjson.dumps(content, option=CANONICAL).decode()


def seal(
    content: Mapping[str, Any], stream: str, seq: int, prev: str, texts: Mapping[str, str]
) -> tuple[str, str, tuple[bytes, str] | None]:
    """Return payload, hash and (salt, body) of an event at its place in a chain."""
    body = canonical(texts) if texts else None
    kept = (secrets.token_bytes(16), body) if body else None
    sealed = {
        **content,
        "stream": stream,
        "seq": seq,
        "prev": prev,
        "body": commit_to(*kept) if kept else None,
    }
    payload = canonical(sealed)
    return payload, hashlib.sha256(payload.encode()).hexdigest(), kept


def append(
    session: Session,
    stream_ref: str,
    content: Mapping[str, Any],
    texts: Mapping[str, str],
    *,
    at: datetime,
) -> Event:
    """Append one event to a chain in the session's transaction; its entity's row is locked."""
    stream = session.get(Stream, stream_ref, with_for_update=True, populate_existing=True)
    if stream is None:
        stream = Stream(ref=stream_ref, length=0, head=GENESIS)
        session.add(stream)
    seq = stream.length + 1
    payload, digest, kept = seal(content, stream_ref, seq, stream.head, texts)
    event = Event(
        stream=stream_ref,
        seq=seq,
        entity=content["entity"],
        workflow=content["workflow"],
        transition=content["transition"],
        at=at,
        payload=payload,
        hash=digest,
    )
    if kept:
        event.text = EventText(salt=kept[0], body=kept[1])
    session.add(event)
    stream.length, stream.head = seq, digest
    session.flush()
    return event


def first_entries(
    stream_refs: Sequence[str], contents: Sequence[Mapping[str, Any]], at: datetime
) -> tuple[list[dict[str, Any]], list[dict[str, Any]]]:
    """Return the rows (streams, events) of chains that begin with one event each."""
    streams, events = [], []
    for ref, content in zip(stream_refs, contents, strict=True):
        payload, digest, _ = seal(content, ref, 1, GENESIS, {})
        streams.append({"ref": ref, "length": 1, "head": digest})
        events.append(
            {
                "stream": ref,
                "seq": 1,
                "entity": content["entity"],
                "workflow": content["workflow"],
                "transition": content["transition"],
                "at": at,
                "payload": payload,
                "hash": digest,
            }
        )
    return streams, events


def texts_of(event: Event) -> dict[str, str]:
    """Return what people wrote with an event, by name; nothing where there was none, or erased."""
    found: dict[str, str] = json.loads(event.text.body) if event.text and event.text.body else {}
    return found


def latest_text(session: Session, entity: str, name: str) -> str:
    """Return what was last written under a name about an entity; empty for nothing, or erased."""
    bodies = session.scalars(
        select(EventText.body).join(Event).where(Event.entity == entity).order_by(Event.id.desc())
    )
    found = (json.loads(body).get(name) for body in bodies if body)
    return next((text for text in found if text), "")


def verify(session: Session, stream_ref: str | None = None) -> tuple[int, Flaw | None]:
    """Check every chain (or one) from the first event to its recorded head.

    Returns how many events were read and the first flaw, in the order of the chains' references.
    """
    with closing(read_events(session, stream_ref)) as events:
        return check_chains(events, read_heads(session, stream_ref))


def check_chains(
    events: Iterable[Any], heads: dict[str, tuple[int, str]]
) -> tuple[int, Flaw | None]:
    """Return how many events were read and the first flaw; `heads` is where chains should end."""
    count = 0
    current, seq, prev = "", 0, GENESIS
    for row in events:
        if row.stream != current:
            if current and (flaw := check_end(heads, current, seq, prev)):
                return count, flaw
            current, seq, prev = row.stream, 0, GENESIS
        count += 1
        seq += 1
        if problem := check_event(row, seq, prev):
            return count, Flaw(row.stream, row.seq, problem)
        prev = row.hash
    if current and (flaw := check_end(heads, current, seq, prev)):
        return count, flaw
    lost = next(iter(sorted(heads)), None)
    return count, Flaw(lost, 1, N_("the whole chain is missing")) if lost else None


def read_heads(session: Session, stream_ref: str | None) -> dict[str, tuple[int, str]]:
    """Return where each chain should end."""
    query = select(Stream.ref, Stream.length, Stream.head)
    if stream_ref:
        query = query.where(Stream.ref == stream_ref)
    return {ref: (length, head) for ref, length, head in session.execute(query)}


def read_events(session: Session, stream_ref: str | None) -> Generator[Any, None, None]:
    """Yield the events chain by chain, in bounded memory."""
    query = (
        select(
            Event.stream,
            Event.seq,
            Event.entity,
            Event.workflow,
            Event.transition,
            Event.at,
            Event.payload,
            Event.hash,
            EventText.salt,
            EventText.body,
            func.coalesce(EventText.event_id, 0).label("text_id"),
        )
        .outerjoin(EventText, EventText.event_id == Event.id)
        .order_by(Event.stream, Event.seq)
        .execution_options(yield_per=2000)
    )
    if stream_ref:
        query = query.where(Event.stream == stream_ref)
    with session.execute(query) as rows:
        yield from rows


def check_end(heads: dict[str, tuple[int, str]], stream: str, seq: int, digest: str) -> Flaw | None:
    """Return a flaw when a chain does not end where it should; tick the chain off."""
    length, head = heads.pop(stream, (0, ""))
    if length == seq and head == digest:
        return None
    if not length:
        return Flaw(stream, 1, N_("a chain that was never begun"))
    return Flaw(stream, min(seq, length) + 1, N_("the end of the chain does not match its head"))


def check_event(row: Any, seq: int, prev: str) -> str | None:
    """Return what is wrong with one event, or None."""
    if hashlib.sha256(row.payload.encode()).hexdigest() != row.hash:
        return N_("its content does not match its hash")
    content = orjson.loads(row.payload)
    if row.seq != seq or content["prev"] != prev:
        return N_("it does not follow the event before it")
    if any(content[name] != getattr(row, name) for name in REPEATED):
        return N_("its columns do not repeat its content")
    if content["at"] != moment(row.at):
        return N_("its time does not repeat its content")
    return check_text(row, content["body"])


def check_text(row: Any, commitment: str | None) -> str | None:
    """Return what is wrong with the personal text; an erased one is in order."""
    if row.text_id == 0:
        return N_("its text is missing") if commitment else None
    if row.salt is None and row.body is None:
        return None
    if row.salt is None or row.body is None or commit_to(row.salt, row.body) != commitment:
        return N_("its text is not what was written")
    return None
