"""Changes on their way to the platforms that are sent them: tried, acknowledged, tried again.

A platform is served by one at a time, in a thread of its own: one that is slow keeps nobody waiting
but itself, and what is committed meanwhile goes out to the others within the same round. Of each
record at most one change is on its way to a platform, the newest, so that the order of a record
needs no queue. A platform that does not answer is asked every half minute whether it is there
again, and then sent everything at once; a try is counted only where a change was sent.
"""

import json
from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import Future, ThreadPoolExecutor, wait
from contextvars import copy_context
from datetime import datetime, timedelta
from email.utils import parsedate_to_datetime
from enum import StrEnum
from http import HTTPStatus
from secrets import SystemRandom
from time import monotonic
from typing import Final, NamedTuple

from flask import current_app
from sqlalchemy import ColumnElement, and_, or_, select, update
from sqlalchemy.orm import Session, joinedload

from repair_app import alarms, ledger, outgoing
from repair_app.db import db, machine_time, now
from repair_app.jobs import InContext
from repair_app.models import (
    Change,
    Delivery,
    Obligation,
    Owed,
    Platform,
    PlatformStanding,
)
from repair_app.models.platforms import OPEN
from repair_app.services.sync import changes, standing
from repair_app.services.sync.content import Content, content_for
from repair_app.services.sync.secrets import sign
from repair_app.services.transaction import transaction

# Standard Webhooks: at once, then after these; with the tenth try it is given up: 75 h 35 min.
PAUSES: Final = (
    timedelta(seconds=5),
    timedelta(minutes=5),
    timedelta(minutes=30),
    timedelta(hours=2),
    timedelta(hours=5),
    timedelta(hours=10),
    timedelta(hours=14),
    timedelta(hours=20),
    timedelta(hours=24),
)
TRIES: Final = len(PAUSES) + 1
JITTER: Final = 0.1  # of a pause, at most, is added: not all platforms come back at one moment
LONGEST_PATIENCE: Final = timedelta(hours=24)  # that a platform may ask for
BUDGET: Final = 25.0  # seconds of a round in which something is sent
LOOK_AGAIN: Final = 1.0  # seconds between two looks while a platform is still being served
LEASE: Final = timedelta(seconds=75)  # more than a round, its last try and a question take
THREADS: Final = 64
MOST_FAILURES: Final = 3  # of a platform's own, in one round
PAGE: Final = 50  # obligations read at a time
DICE: Final = SystemRandom()


class Outcome(StrEnum):
    """What came of a try."""

    ACKNOWLEDGED = "acknowledged"
    NONSENSE = "nonsense"  # an answer that acknowledges nothing, or something else
    GONE = "gone"
    REFUSED = "refused"  # this change
    BUSY = "busy"  # it asks for patience
    DOWN = "down"  # no answer, or a failure of its own


class Result(NamedTuple):
    """What came of a try: why it failed, what the platform says it shows, how long to wait."""

    outcome: Outcome
    problem: str = ""
    digest: str | None = None
    patience: timedelta | None = None


class Sent(NamedTuple):
    """A change as it is sent: of which obligation, and what is to be acknowledged."""

    obligation_id: int
    body: str
    digest: str


# --- a round --------------------------------------------------------------------------------------


def deliver_due() -> int:
    """Put what there is in order and send what is due to every platform; return what arrived.

    While one is still being served, what comes in meanwhile is put in order and sent to those that
    are ready, so that nobody waits for the slowest until the next round.
    """
    end = monotonic() + BUDGET
    in_context, served = current_app.app_context, dict[int, list[Future[int]]]()
    with ThreadPoolExecutor(THREADS, "deliver") as pool:
        while True:
            changes.take_in()
            changes.order_changes()
            for one in list_due():
                if may_serve(served.setdefault(one, [])):
                    # Each in the context of its own that the moment at hand is known in.
                    run = copy_context().run
                    served[one].append(pool.submit(run, serve_in, in_context, one, end))
            if not goes_on(served, end):
                break
    return sum(run.result() for runs in served.values() for run in runs)


def may_serve(runs: Sequence[Future[int]]) -> bool:
    """Say whether a platform is served (once more) in this round.

    One that failed, or took nothing, is left to the next round.
    """
    return not runs or (runs[-1].done() and not runs[-1].exception() and runs[-1].result() > 0)


def goes_on(served: Mapping[int, Sequence[Future[int]]], end: float) -> bool:
    """Wait until there is something new to send, or a platform is done; say whether to look again.

    Not when all are done, nor when the time of the round is over.
    """
    while running := [one for runs in served.values() for one in runs if not one.done()]:
        if monotonic() > end:
            return False
        wait(running, LOOK_AGAIN)
        if changes.has_news():
            return True
    return False


def list_due() -> list[int]:
    """Return the platforms that there is something to do for."""
    owed = (
        select(Obligation.id)
        .where(
            Obligation.platform_id == Platform.id,
            Obligation.standing == Owed.WAITING,
            Obligation.next_try_at <= now(),
        )
        .exists()
    )
    active = Platform.standing == PlatformStanding.ACTIVE
    rested = or_(Platform.paused_until.is_(None), Platform.paused_until <= now())
    due = or_(and_(active, rested, owed), is_asked_whether_there())
    free = or_(Platform.leased_until.is_(None), Platform.leased_until <= now())
    pushed = Platform.delivery == Delivery.WEBHOOK
    return list(db.session.scalars(select(Platform.id).where(pushed, free, due)))


def is_asked_whether_there() -> ColumnElement[bool]:
    """Return the SQL condition for platforms that did not answer and are asked until they do."""
    waits = or_(
        Platform.standing == PlatformStanding.ACTIVE,
        and_(Platform.standing == PlatformStanding.PARKED, Platform.problem == "no_answer"),
    )
    return and_(Platform.unreachable_since.is_not(None), waits)


def serve_in(in_context: InContext, platform_id: int, end: float) -> int:
    """Serve a platform in a thread of its own."""
    with in_context():
        try:
            return serve(platform_id, end)
        finally:
            db.session.remove()


def serve(platform_id: int, end: float) -> int:
    """Send a platform what is due, for as long as it answers and a round lasts; return how many.

    end: of the round, by the monotonic clock; a lease begins with the round, and outlasts it.
    Somebody else who serves it already is left to it.
    """
    until = lease(platform_id)
    if until is None:
        return 0
    try:
        inside = outgoing.read_networks(current_app.config["WEBHOOK_INSIDE"])
        with outgoing.Line(inside) as line:
            return serve_by(line, platform_id, end)
    finally:
        with transaction() as session:
            # Only one's own: a lease that ran out may be somebody else's by now.
            own = and_(Platform.id == platform_id, Platform.leased_until == until)
            session.execute(update(Platform).where(own).values(leased_until=None))


def lease(platform_id: int) -> datetime | None:
    """Take a platform for oneself, for as long as a round can last: until when; None if taken."""
    until = now() + LEASE
    with transaction() as session:
        taken = session.execute(
            update(Platform)
            .where(Platform.id == platform_id)
            .where(or_(Platform.leased_until.is_(None), Platform.leased_until <= now()))
            .values(leased_until=until)
            .execution_options(synchronize_session=False)
        )
        return until if taken.rowcount else None  # type: ignore[attr-defined]


def serve_by(line: outgoing.Line, platform_id: int, end: float) -> int:
    """Send a platform what is due by a line; return how many changes were acknowledged."""
    if not is_ready(line, platform_id):
        return 0
    done = failures = 0
    while waiting := list_waiting(platform_id):
        for number in waiting:
            if monotonic() > end:
                return done
            result = attempt(line, number)
            if result is None:
                continue
            done += result.outcome == Outcome.ACKNOWLEDGED
            if result.outcome == Outcome.DOWN:
                failures += 1
                if is_parked(platform_id):
                    return done
                # Where it is there all the same, it fails over this change, and not over all.
                if not ask_whether_there(line, platform_id) or failures == MOST_FAILURES:
                    return done
            elif result.outcome not in {Outcome.ACKNOWLEDGED, Outcome.REFUSED}:
                return done
    return done


def is_parked(platform_id: int) -> bool:
    """Say whether a platform is sent nothing any more."""
    asked = select(Platform.standing).where(Platform.id == platform_id)
    return db.session.scalar(asked) != PlatformStanding.ACTIVE


def list_waiting(platform_id: int) -> Sequence[int]:
    """Return the next obligations of a platform that are due, in the order of the changes."""
    return db.session.scalars(
        select(Obligation.id)
        .join(Obligation.change)
        .join(Obligation.platform)
        .where(
            Obligation.platform_id == platform_id,
            Obligation.standing == Owed.WAITING,
            Obligation.next_try_at <= now(),
            Platform.standing == PlatformStanding.ACTIVE,
        )
        .order_by(Change.position)
        .limit(PAGE)
    ).all()


# --- whether it is there ----------------------------------------------------------------------


def is_ready(line: outgoing.Line, platform_id: int) -> bool:
    """Say whether a platform can be sent something now; one that was away is asked first."""
    platform = db.session.get_one(Platform, platform_id)
    is_due = platform.paused_until is None or platform.paused_until <= now()
    if platform.unreachable_since is None:
        return is_due
    there = ask_whether_there(line, platform_id)
    return there or (is_due and platform.standing == PlatformStanding.ACTIVE)


def ask_whether_there(line: outgoing.Line, platform_id: int) -> bool:
    """Ask a platform whether it is there, by a message that changes nothing; note the answer.

    One that is there again, and was not before, is sent everything at once.
    """
    db.session.rollback()
    platform = db.session.get_one(Platform, platform_id)
    there = answers(line, platform)
    with transaction() as session:
        platform = lock_platform(session, platform_id)
        if not may_go_on(platform):
            return False  # somebody has stopped it while it was asked
        if not there:
            platform.unreachable_since = platform.unreachable_since or now()
        elif platform.unreachable_since is not None:
            standing.resume(session, platform)
        else:
            platform.paused_until = None
    return there


def may_go_on(platform: Platform) -> bool:
    """Say whether a platform is active, or stopped only until it answers again."""
    return platform.standing == PlatformStanding.ACTIVE or (
        platform.standing == PlatformStanding.PARKED and platform.problem == "no_answer"
    )


def answers(line: outgoing.Line, platform: Platform) -> bool:
    """Say whether a platform answers, whatever it answers, but for failures of its own."""
    body = ledger.canonical({"type": "ping", "timestamp": ledger.moment(now())})
    message = f"ping-{platform.code}-{int(machine_time().timestamp() * 1000)}"
    headers, url = sign(platform, message, body), platform.url or ""
    db.session.rollback()  # nothing is held while we wait for an answer
    try:
        reply = line.ask("POST", url, headers, body.encode())
    except (outgoing.NotReached, outgoing.NotAllowed):
        return False
    return (
        reply.status < HTTPStatus.INTERNAL_SERVER_ERROR
        and reply.status != HTTPStatus.TOO_MANY_REQUESTS
    )


# --- one try --------------------------------------------------------------------------------------


def attempt(line: outgoing.Line, obligation_id: int) -> Result | None:
    """Send one change, if it is still owed, and note what came of it."""
    db.session.rollback()
    owed = db.session.scalar(
        select(Obligation)
        .where(Obligation.id == obligation_id, Obligation.standing == Owed.WAITING)
        .options(joinedload(Obligation.platform), joinedload(Obligation.change))
    )
    if owed is None:
        return None  # a newer change has taken its place
    platform = owed.platform
    content = content_for(platform.kind, owed)
    if content is None:
        overtaken(obligation_id)
        return None
    sent = write(owed, content)
    # A store that was put back counts its rows from where it was; positions never come again.
    headers = sign(platform, f"redress-{owed.id}-{owed.change.position}", sent.body)
    url = platform.url or ""
    db.session.rollback()  # nothing is held while we wait for an answer
    result = send(line, url, headers, sent)
    note(sent, result)
    return result


def overtaken(obligation_id: int) -> None:
    """Owe the newest change of a record in place of one whose content is gone."""
    with transaction() as session:
        changes.take_head(session)
        owed = session.get_one(Obligation, obligation_id)
        platform = lock_platform(session, owed.platform_id)
        session.refresh(owed, with_for_update={"of": Obligation})
        if owed.standing == Owed.WAITING and content_for(platform.kind, owed) is None:
            owed.standing = Owed.SUPERSEDED
            session.flush()
            if not has_open(session, owed):
                newest = Change.record_ref == owed.record_ref
                changes.owe_again(session, platform, newest, "repaired")


def has_open(session: Session, owed: Obligation) -> bool:
    """Say whether a platform waits for another change of the same record."""
    own = Obligation.platform_id == owed.platform_id
    same = select(Obligation.id).where(own, Obligation.record_ref == owed.record_ref)
    return session.scalar(same.where(Obligation.standing.in_(OPEN)).limit(1)) is not None


def lock_platform(session: Session, platform_id: int) -> Platform:
    """Return a platform, locked: before any of its obligations."""
    return session.get_one(
        Platform, platform_id, with_for_update={"key_share": True}, populate_existing=True
    )


def write(owed: Obligation, content: Content) -> Sent:
    """Return a change as it is sent to a platform: the same bytes with each try."""
    change = owed.change
    body = {
        "type": "record.changed",
        "timestamp": ledger.moment(change.at),
        "data": {
            "position": change.position,
            "hash": content.digest,
            "record": json.loads(content.payload),
        },
    }
    return Sent(owed.id, ledger.canonical(body), content.digest)


def send(line: outgoing.Line, url: str, headers: dict[str, str], sent: Sent) -> Result:
    """Send a change and return what came of it."""
    try:
        reply = line.ask("POST", url, headers, sent.body.encode())
    except outgoing.NotAllowed as reason:
        return Result(Outcome.DOWN, str(reason))
    except outgoing.NotReached as reason:
        return Result(Outcome.DOWN, str(reason))
    return judge(reply, sent.digest)


def judge(reply: outgoing.Reply, digest: str) -> Result:
    """Return what an answer means: only the hash of what we sent acknowledges it."""
    problem = f"http_{reply.status}"
    match reply.status:
        case HTTPStatus.GONE:
            return Result(Outcome.GONE, problem)
        case HTTPStatus.TOO_MANY_REQUESTS:
            return Result(Outcome.BUSY, problem, patience=read_patience(reply))
        case status if status >= HTTPStatus.INTERNAL_SERVER_ERROR:
            return Result(Outcome.DOWN, problem)
        case status if not HTTPStatus.OK <= status < HTTPStatus.MULTIPLE_CHOICES:
            return Result(Outcome.REFUSED, problem)
    told, problem = read_hash(reply)
    if told == digest:
        return Result(Outcome.ACKNOWLEDGED, digest=told)
    return Result(Outcome.NONSENSE, problem or "other_hash")


def read_hash(reply: outgoing.Reply) -> tuple[str | None, str]:
    """Return the hash that an answer names, or why it names none."""
    if reply.body is None:
        return None, "too_large"
    try:
        said = json.loads(reply.body)
    except (ValueError, RecursionError):
        return None, "no_json"
    told = said.get("hash") if isinstance(said, dict) else None
    return (told, "") if isinstance(told, str) else (None, "no_hash")


def read_patience(reply: outgoing.Reply) -> timedelta:
    """Return how long a platform asks us to wait: seconds or a date (RFC 9110, 10.2.3)."""
    text = reply.headers.get("retry-after", "")
    try:
        if text.isascii() and text.isdigit():
            asked = timedelta(seconds=int(text[:9]))
        else:
            asked = parsedate_to_datetime(text) - machine_time()
    except (ValueError, TypeError):
        asked = timedelta(0)
    return min(max(asked, timedelta(0)), LONGEST_PATIENCE)


# --- what came of it ------------------------------------------------------------------------------


def note(sent: Sent, result: Result) -> None:
    """Write down what came of a try; of what was superseded meanwhile only the platform's state."""
    with transaction() as session:
        if result.outcome == Outcome.GONE:
            changes.take_head(session)  # nothing is owed from then on, whatever is put in order
        asked = select(Obligation).where(Obligation.id == sent.obligation_id)
        owned_by = session.scalar(asked.with_only_columns(Obligation.platform_id))
        if owned_by is None:
            return
        platform = lock_platform(session, owned_by)
        owed = session.scalars(asked.with_for_update(of=Obligation)).one()
        if owed.standing == Owed.WAITING:
            owed.attempts += 1
            owed.tried_at, owed.problem = now(), result.problem or None
            owed.next_try_at = next_try(owed.attempts, result)
        # Of one that somebody has stopped meanwhile only what it shows is still of interest.
        is_active = platform.standing == PlatformStanding.ACTIVE
        if is_active or result.outcome == Outcome.ACKNOWLEDGED:
            NOTES[result.outcome](session, platform, owed, result)


def next_try(attempts: int, result: Result) -> datetime:
    """Return when a change is sent again after so many tries."""
    pause = PAUSES[min(attempts, len(PAUSES)) - 1]
    return now() + max(pause * DICE.uniform(1, 1 + JITTER), result.patience or timedelta(0))


def note_acknowledged(
    _session: Session, platform: Platform, owed: Obligation, result: Result
) -> None:
    """A platform shows what it should."""
    platform.paused_until = platform.unreachable_since = None
    if owed.standing == Owed.WAITING:
        owed.standing, owed.problem = Owed.ACKNOWLEDGED, None
        owed.acknowledged_at, owed.platform_hash = now(), result.digest


def note_nonsense(session: Session, platform: Platform, _: Obligation, _result: Result) -> None:
    """Nobody knows what a platform shows: it waits for a person."""
    standing.park(session, platform, "nonsense")


def note_gone(session: Session, platform: Platform, _: Obligation, _result: Result) -> None:
    """A platform wants no more."""
    standing.disable(session, platform, "gone")


def note_refused(session: Session, platform: Platform, owed: Obligation, _result: Result) -> None:
    """One change was not taken; the others are sent all the same."""
    platform.paused_until = None
    if is_over(owed):
        give_up(session, platform, owed)


def give_up(session: Session, platform: Platform, owed: Obligation) -> None:
    """Have a person look at a change that a platform does not take, though it takes others."""
    text = f"{standing.PROBLEMS['refused'].en}: {owed.record_ref}"
    alarms.raise_alarm(session, standing.ALARM, platform.code, "refused", text, at=now())
    standing.tell_owner(platform, "refused")


def note_down(session: Session, platform: Platform, owed: Obligation, _result: Result) -> None:
    """A platform is not there: nothing is sent until the next try of this change."""
    if is_over(owed):
        if takes_others(session, platform):
            give_up(session, platform, owed)
        else:
            standing.park(session, platform, "no_answer")
            # From the next round on it is asked whether it is there, until it is.
            platform.unreachable_since = platform.unreachable_since or now()
    elif owed.standing == Owed.WAITING:
        platform.paused_until = owed.next_try_at


def takes_others(session: Session, platform: Platform) -> bool:
    """Say whether a platform acknowledged anything while a change was tried to no avail."""
    since = now() - sum(PAUSES, timedelta(0))
    shown = select(Obligation.id).where(
        Obligation.platform_id == platform.id, Obligation.acknowledged_at > since
    )
    return session.scalar(shown.limit(1)) is not None


def is_over(owed: Obligation) -> bool:
    """Give a change up after the last try; say whether it was that."""
    if owed.standing == Owed.WAITING and owed.attempts >= TRIES:
        owed.standing = Owed.FAILED
        return True
    return False


NOTES: Final[dict[Outcome, Callable[[Session, Platform, Obligation, Result], None]]] = {
    Outcome.ACKNOWLEDGED: note_acknowledged,
    Outcome.NONSENSE: note_nonsense,
    Outcome.GONE: note_gone,
    Outcome.REFUSED: note_refused,
    Outcome.BUSY: note_down,
    Outcome.DOWN: note_down,
}
