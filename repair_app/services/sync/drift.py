"""Whether a platform shows what it should: compared by digests, repaired by new obligations.

A platform tells under `<its address>/state` how many records it shows and the SHA-256 of the lines
`reference hash` in the order of the references; of a range with `from` and `to`; with `list=1` the
hashes themselves. Where the whole digest differs, ranges are asked for. What is on its way just
now is no difference.
"""

import hashlib
import json
import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from http import HTTPStatus
from typing import Any, Final
from urllib.parse import urlencode

from flask import current_app
from sqlalchemy import select, true
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
from repair_app.services.sync.content import content_of_change, tombstone
from repair_app.services.transaction import transaction

RANGE: Final = 500  # records compared by one digest
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
    try:
        found = check(code)
    except NoState as reason:
        with transaction() as session:
            text = f"{standing.PROBLEMS[PROBLEM].en}: {reason}"
            alarms.raise_alarm(session, standing.ALARM, code, PROBLEM, text, at=now())
        return 0
    with transaction() as session:
        alarms.clear_alarm(session, standing.ALARM, code, PROBLEM, at=now())
    return len(found)


def check(code: str) -> list[str]:
    """Return the records of which a platform shows something else; it is owed each anew.

    Raises NoState.
    """
    changes.take_in()
    changes.order_changes()
    platform = db.session.scalars(select(Platform).where(Platform.code == code)).one()
    number, url = platform.id, (platform.url or "").rstrip("/") + "/state"
    should = read_expected(platform)
    open_now = read_open(number)
    db.session.rollback()  # nothing is held while we wait for answers
    inside = outgoing.read_networks(current_app.config["WEBHOOK_INSIDE"])
    with outgoing.Line(inside) as line:
        different = compare(line, url, should, open_now)
    return repair(number, different)


def read_expected(platform: Platform) -> dict[str, str]:
    """Return the hash of each record that a platform should show."""
    provider = changes.provider_of(platform)
    asked = (
        select(Change)
        .where(Change.payload.is_not(None), Change.position.is_not(None), Change.shown)
        .where(Change.provider_id == provider if provider else true())
        .order_by(Change.record_ref)
        .execution_options(yield_per=1000)
    )
    found = {
        one.record_ref: content.digest
        for one in db.session.scalars(asked)
        if (content := content_of_change(platform.kind, one))
    }
    return dict(sorted(found.items()))  # by characters, whatever the store sorts by


def read_open(platform_id: int) -> set[str]:
    """Return the records of which something is on its way to a platform."""
    own = select(Obligation.record_ref).where(
        Obligation.platform_id == platform_id, Obligation.standing == Owed.WAITING
    )
    return set(db.session.scalars(own))


def compare(
    line: outgoing.Line, url: str, should: Mapping[str, str], open_now: set[str]
) -> list[str]:
    """Return the records that differ, without those of which something is on its way."""
    if agrees(ask(line, url), should.items()):
        return []
    different = []
    for first, last, part in ranges(should):
        if not agrees(ask(line, url, first, last), part.items()):
            shows = read_listed(line, url, first, last)
            different += [ref for ref in sorted({*part, *shows}) if part.get(ref) != shows.get(ref)]
    return [one for one in different if one not in open_now]


def ranges(should: Mapping[str, str]) -> Iterator[tuple[str, str, dict[str, str]]]:
    """Yield the records in ranges that leave nothing out, before the first and behind the last."""
    parts = [dict(some) for some in batched(should.items(), RANGE)] or [{}]
    begin = ""
    for number, part in enumerate(parts, start=1):
        end = LAST if number == len(parts) else max(part)
        yield begin, end, part
        begin = end + "!"  # the next that there can be: comes before every further character


def agrees(said: Mapping[str, Any], items: Iterable[tuple[str, str]]) -> bool:
    """Say whether a platform's digest is that of some records."""
    lines = [f"{ref} {digest}\n" for ref, digest in items]
    own = hashlib.sha256("".join(lines).encode()).hexdigest()
    return (said.get("count"), said.get("digest")) == (len(lines), own)


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
            changes.owe_again(session, platform, Change.record_ref.in_(inside), "repaired")
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
