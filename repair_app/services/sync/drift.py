"""Whether a platform shows what it should: compared by digests, repaired by new obligations.

A platform tells under `<its address>/state` how many records it shows and the SHA-256 of the lines
`reference hash` in the order of the references; of a range with `from` and `to`; with `list=1` the
hashes themselves. Where the whole digest differs, ranges are asked for. What is on its way just
now is no difference.
"""

import hashlib
import json
import re
from bisect import bisect
from collections.abc import Iterator, Mapping, Sequence
from http import HTTPStatus
from typing import Any, Final, cast
from urllib.parse import urlencode

from flask import current_app
from sqlalchemy import ColumnElement, null, select, true
from sqlalchemy.orm import Session

from repair_app import alarms, outgoing
from repair_app.db import db, insert_rows, now
from repair_app.models import (
    Change,
    CreditRecord,
    Delivery,
    Obligation,
    Owed,
    Platform,
    PlatformStanding,
)
from repair_app.services.imports.rows import batched
from repair_app.services.sync import changes, standing
from repair_app.services.sync.content import WITHOUT_MEASURES, tombstone, without_measures
from repair_app.services.transaction import transaction

RANGE: Final = 500  # records compared by one digest
AT_ONCE: Final = 20  # ranges that differ, of which the records are read together
REF: Final = re.compile(r"[A-Z]{2}-\d{4}-\d{6,9}-[0-9A-Z]")
HASH: Final = re.compile(r"[0-9a-f]{64}")
LISTS: Final = 100  # lists of one range that are asked for at most
LAST: Final = "~"  # comes after every reference
PROBLEM: Final = "drift"


class NoState(Exception):
    """A platform does not say what it shows; its text is a code."""


def check_all() -> int:
    """Look again at what we handed out, and compare every platform; return of how many was owed.

    The records are looked at by the next rounds. A platform that says nothing, or nonsense, is
    noted with an alarm and keeps the others waiting for nothing.
    """
    with transaction() as session:
        changes.look_again(session)
    asked = select(Platform.code).where(
        Platform.delivery == Delivery.WEBHOOK, Platform.standing == PlatformStanding.ACTIVE
    )
    return sum(check_quietly(one) for one in db.session.scalars(asked).all())


def check_quietly(code: str) -> int:
    """Compare a platform; one that says nothing useful gets an alarm. Returns what it is owed."""
    found = 0
    try:
        for one in find_and_mend(code):
            found += len(one)
    except NoState as reason:
        with transaction() as session:
            text = f"{standing.PROBLEMS[PROBLEM].en}: {reason}"
            alarms.raise_alarm(session, standing.ALARM, code, PROBLEM, text, at=now())
        return found
    with transaction() as session:
        alarms.clear_alarm(session, standing.ALARM, code, PROBLEM, at=now())
    return found


def check(code: str) -> list[str]:
    """Return the records of which a platform shows something else; it is owed each anew.

    Raises NoState.
    """
    return [ref for some in find_and_mend(code) for ref in some]


def find_and_mend(code: str) -> Iterator[list[str]]:
    """Compare a platform and owe it anew what differs, some ranges at a time; yield of which.

    However many records there are, those of AT_ONCE ranges are in memory, and of the others a
    digest for each range. Raises NoState.
    """
    changes.take_in()
    changes.order_changes()
    platform = db.session.scalars(select(Platform).where(Platform.code == code)).one()
    number, url = platform.id, (platform.url or "").rstrip("/") + "/state"
    whole, parts = read_digests(platform)
    db.session.rollback()  # nothing is held while we wait for answers
    inside = outgoing.read_networks(current_app.config["WEBHOOK_INSIDE"])
    with outgoing.Line(inside) as line:
        if agrees(ask(line, url), whole):
            return
        others = (one for one in parts if not agrees(ask(line, url, one.first, one.last), one))
        for some in batched(others, AT_ONCE):
            should, open_now = read_ranges(number, some)
            different = []
            for one in some:
                part = {ref: own for ref, own in should.items() if one.first <= ref <= one.last}
                shows = read_listed(line, url, one.first, one.last)
                differ = {ref for ref in {*part, *shows} if part.get(ref) != shows.get(ref)}
                different += sorted(differ - open_now)
            if mended := repair(number, different):
                yield mended


class Digest:
    """Count and digest of some records, in their order; and from where to where they reach."""

    def __init__(self, first: str = "", last: str = LAST) -> None:
        self.first, self.last = first, last
        self.count, self.hash = 0, hashlib.sha256()

    def add(self, ref: str, digest: str) -> None:
        """Add a record."""
        self.hash.update(f"{ref} {digest}\n".encode())
        self.count += 1


def read_digests(platform: Platform) -> tuple[Digest, list[Digest]]:
    """Return the digest of all that a platform should show, and of the ranges of it.

    The ranges leave nothing out, before the first and behind the last.
    """
    whole, parts, before = Digest(), [Digest()], ""
    for ref, digest in read_expected(platform):
        if parts[-1].count == RANGE:
            parts[-1].last = before
            parts.append(Digest(before + "!"))  # the next that there can be
        parts[-1].add(ref, digest)
        whole.add(ref, digest)
        before = ref
    return whole, parts


def read_expected(
    platform: Platform, first: str = "", last: str = LAST
) -> Iterator[tuple[str, str]]:
    """Yield each record of a range that a platform should show, and the hash, in their order."""
    provider = changes.provider_of(platform)
    told = Change.payload if platform.kind in WITHOUT_MEASURES else null()
    rows = db.session.execute(
        select(Change.record_ref, Change.payload_hash, told)
        .where(Change.payload.is_not(None), Change.position.is_not(None), Change.shown)
        .where(Change.provider_id == provider if provider else true())
        .where(in_order(Change.record_ref) >= first, in_order(Change.record_ref) <= last)
        .order_by(in_order(Change.record_ref))
        .execution_options(yield_per=1000)
    )
    with rows:
        for ref, digest, payload in rows:
            yield ref, without_measures(payload).digest if payload else digest


def in_order(ref: Any) -> ColumnElement[str]:
    """Return a reference as the store orders it by characters, whatever it sorts texts by."""
    is_postgresql = db.engine.dialect.name == "postgresql"
    return cast("ColumnElement[str]", ref.collate("C") if is_postgresql else ref)


def read_ranges(platform_id: int, ranges: Sequence[Digest]) -> tuple[dict[str, str], set[str]]:
    """Return what a platform should show in ranges, and of what something is on its way to it."""
    platform = db.session.get_one(Platform, platform_id)
    first, last = ranges[0].first, ranges[-1].last
    starts = [one.first for one in ranges]
    ends = [one.last for one in ranges]

    def is_asked(ref: str) -> bool:
        place = bisect(starts, ref) - 1
        return ref <= ends[place]

    should = {ref: own for ref, own in read_expected(platform, first, last) if is_asked(ref)}
    waiting = select(Obligation.record_ref).where(
        Obligation.platform_id == platform_id,
        Obligation.standing == Owed.WAITING,
        in_order(Obligation.record_ref) >= first,
        in_order(Obligation.record_ref) <= last,
    )
    rows = db.session.scalars(waiting.execution_options(yield_per=1000))
    open_now = {ref for ref in rows if is_asked(ref)}
    db.session.rollback()  # nothing is held while we wait for answers
    return should, open_now


def agrees(said: Mapping[str, Any], own: Digest) -> bool:
    """Say whether a platform's digest is that of some records."""
    return (said.get("count"), said.get("digest")) == (own.count, own.hash.hexdigest())


def read_listed(line: outgoing.Line, url: str, first: str, last: str) -> dict[str, str]:
    """Return what a platform shows in a range, however many it lists at a time. Raises NoState."""
    found: dict[str, str] = {}
    begin = first
    for _ in range(LISTS):
        said = ask(line, url, begin, last, "1").get("records")
        if not isinstance(said, dict) or not all(is_entry(*one) for one in said.items()):
            raise NoState("no_records")
        if not said:
            return found
        found |= said
        begin = max(said) + "!"
    raise NoState("no_end")


def is_entry(ref: Any, digest: Any) -> bool:
    """Say whether a platform names a record and its hash."""
    return bool(REF.fullmatch(str(ref)) and HASH.fullmatch(str(digest)))


def ask(
    line: outgoing.Line, url: str, first: str = "", last: str = "", listed: str = ""
) -> dict[str, Any]:
    """Return what a platform says that it shows. Raises NoState."""
    asked = {"from": first, "to": last, "list": listed}
    query = urlencode({name: value for name, value in asked.items() if value})
    try:
        reply = line.ask("GET", f"{url}?{query}" if query else url, {})
    except (outgoing.NotReached, outgoing.NotAllowed) as reason:
        raise NoState(str(reason)) from reason
    if reply.status != HTTPStatus.OK or reply.body is None:
        raise NoState(f"http_{reply.status}" if reply.body is not None else "too_large")
    try:
        said = json.loads(reply.body)
    except (ValueError, RecursionError) as problem:
        raise NoState("no_json") from problem
    if not isinstance(said, dict):
        raise NoState("no_object")
    return said


def repair(platform_id: int, different: Sequence[str]) -> list[str]:
    """Owe a platform anew what it shows otherwise; return of which records it is owed anything.

    Of what we never handed out, and of what is not for it, a removal.
    """
    owed: list[str] = []
    for some in batched(different, changes.AT_ONCE):
        with transaction() as session:
            changes.take_head(session)
            platform = session.get_one(Platform, platform_id, with_for_update={"key_share": True})
            asked = select(Change.record_ref, Change.provider_id)
            known = dict(session.execute(asked.where(Change.record_ref.in_(some))).all())
            provider = changes.provider_of(platform)
            outside = [ref for ref, one in known.items() if provider not in {None, one}]
            inside = [ref for ref in known if ref not in outside]
            owed += write_removals(session, [one for one in some if one not in known])
            changes.owe_records(session, platform, inside, "repaired")
            changes.withdraw(session, platform, outside)
            owed += known
    return sorted(owed)


def write_removals(session: Session, unknown: Sequence[str]) -> list[str]:
    """Write a removal of each record of ours that was never handed out and is shown all the same.

    Returns of which. What is no record of ours is left alone: whoever runs the platform has to
    look at it.
    """
    ours = session.execute(
        select(CreditRecord.ref, CreditRecord.provider_id).where(CreditRecord.ref.in_(unknown))
    ).all()
    rows = []
    for ref, provider_id in ours:
        content = tombstone(ref)
        rows.append(
            {
                "record_ref": ref,
                "provider_id": provider_id,
                "event_id": None,
                "position": None,
                "shown": False,
                "payload": content.payload,
                "payload_hash": content.digest,
                "at": now(),
            }
        )
    insert_rows(session, Change, rows)
    return [ref for ref, _ in ours]
