"""Delivery to platforms by signed messages: real receivers, and everything that they do wrong."""

import ipaddress
import json
import shutil
import threading
from collections.abc import Callable, Iterator
from datetime import datetime, timedelta
from pathlib import Path

import pytest
from flask import Flask
from sqlalchemy import select
from standardwebhooks import Webhook
from werkzeug.wrappers import Request, Response

from repair_app import outgoing
from repair_app.db import at, db, now
from repair_app.models import (
    Alarm,
    CreditRecord,
    Event,
    Obligation,
    Owed,
    Platform,
    PlatformStanding,
)
from repair_app.services import platforms, timers
from repair_app.services.sync import changes, delivery, drift
from repair_app.services.sync.secrets import secret_of
from repair_app.services.transaction import transaction
from tests import stores
from tests.client import Client
from tests.factories import World, make_record
from tests.smtp_server import running_server
from tests.sync.platforms import Receiver, deliver, receivers

HALF_MINUTE = timedelta(seconds=30)
SHORT = 0.5  # seconds: what is patience in a test


@pytest.fixture
def receiver(app: Flask, tmp_path: Path) -> Iterator[Receiver]:
    """Give one receiver."""
    with receivers(tmp_path) as made:
        yield made[0]


@pytest.fixture
def record(world: World) -> CreditRecord:
    """Give a published record that is not handed out yet."""
    return make_record(world.firm, world.agency)


def change(number: int, decision_no: str) -> None:
    """Correct a record."""
    with transaction() as session:
        session.get_one(CreditRecord, number).decision_no = decision_no


def remove(record: CreditRecord) -> None:
    """Take a record off publication."""
    with transaction() as session:
        row = session.get_one(CreditRecord, record.id)
        row.state, row.archived_at = "repaired", now()  # as a repair leaves it


def owed_of(receiver: Receiver) -> list[Obligation]:
    """Return what a platform was owed, oldest first."""
    db.session.rollback()
    own = select(Obligation).where(Obligation.platform_id == receiver.platform_id)
    return list(db.session.scalars(own.order_by(Obligation.id)))


def alarms_about(platform: Platform) -> list[str]:
    """Return what alarms are open about a platform."""
    open_ = select(Alarm.about).where(Alarm.entity_ref == platform.code, Alarm.cleared_at.is_(None))
    return list(db.session.scalars(open_))


# --- acknowledged -----------------------------------------------------------------------------


def test_a_change_is_shown_and_acknowledged_with_the_platforms_own_hash(
    receiver: Receiver, record: CreditRecord
) -> None:
    receiver.join()
    assert deliver() == 1
    (owed,) = owed_of(receiver)
    shown, digest, _ = receiver.shelf.read(record.ref)
    assert (owed.standing, owed.platform_hash, owed.attempts) == (Owed.ACKNOWLEDGED, digest, 1)
    assert digest == owed.change.payload_hash
    assert shown["decision_no"] == record.decision_no
    assert deliver() == 0  # nothing is owed any more
    assert len(receiver.changes_seen) == 1


def test_a_message_that_another_signed_is_not_taken(
    receiver: Receiver, record: CreditRecord
) -> None:
    receiver.join()
    deliver()
    body = json.dumps(receiver.seen[0][1])
    forged = Webhook("whsec_" + "A" * 43 + "=")
    moment = datetime.now().astimezone()
    for signature in (forged.sign("other", moment, body), "v1", "", "v1,###"):
        answer = receiver.mirror.test_client().post(
            "/hook",
            data=body,
            headers={
                "webhook-id": "other",
                "webhook-timestamp": str(int(moment.timestamp())),
                "webhook-signature": signature,
            },
        )
        assert answer.status_code == 401


def test_after_the_secret_was_changed_both_sign_for_a_week(
    receiver: Receiver, record: CreditRecord
) -> None:
    platform = receiver.join()
    former = secret_of(platform)
    with transaction() as session:
        row = session.get_one(Platform, platform.id)
        row.generation, row.rotated_at = 2, now()
    assert secret_of(receiver.platform) != former
    assert deliver() == 1  # the mirror knows the former one only
    change(record.id, "改后")
    with at(now() + timedelta(days=8)):
        assert deliver() == 0
    assert owed_of(receiver)[-1].problem == "http_401"


# --- failing ----------------------------------------------------------------------------------


def test_ten_tries_over_at_least_75_hours_then_it_is_parked_and_told(
    receiver: Receiver, record: CreditRecord
) -> None:
    platform = receiver.join()
    receiver.before = lambda request: Response(status=500) if is_change(request) else None
    start, tries = now(), []
    moment = start
    for _ in range(40):
        with at(moment):
            deliver()
            (owed,) = owed_of(receiver)
            if len(receiver.changes_seen) > len(tries):
                tries.append(moment - start)
            if owed.standing != Owed.WAITING:
                break
            moment = max(owed.next_try_at, moment + HALF_MINUTE)
    assert len(tries) == len(receiver.changes_seen) == 10
    assert timedelta(hours=75) <= tries[-1] <= timedelta(hours=75) * 1.2
    assert len(set(receiver.changes_seen)) == 1  # the id is the same with each try
    platform = receiver.platform
    assert (platform.standing, platform.problem) == (PlatformStanding.PARKED, "no_answer")
    assert (platform.told, platform.tell_at is not None) == ("no_answer", True)
    assert alarms_about(platform) == ["state"]
    parked = db.session.scalars(select(Event).where(Event.entity == platform.code)).one()
    assert parked.transition == "park"
    # Nothing is lost: it is asked whether it is there, and what is owed goes out by itself.
    receiver.before = lambda _: None
    with at(moment + HALF_MINUTE):
        assert deliver() == 1
    assert receiver.shelf.read(record.ref) is not None
    assert alarms_about(platform) == []


def is_change(request: Request) -> bool:
    """Say whether a request is a change, and no question whether the platform is there."""
    return json.loads(request.get_data()).get("type") == "record.changed"


@pytest.mark.parametrize("stage", ["sqlite"], indirect=True)
@pytest.mark.parametrize("status", [301, 302, 400, 404, 500])
def test_a_refused_change_keeps_the_others_waiting_for_nothing(
    receiver: Receiver, record: CreditRecord, world: World, status: int
) -> None:
    receiver.join()
    other = make_record(world.other_firm, world.agency)
    refused = record.ref

    def refuse_first(request: Request) -> Response | None:
        said = json.loads(request.get_data())
        if said.get("type") == "record.changed" and said["data"]["record"]["ref"] == refused:
            return Response(
                status=status, headers={"location": f"http://127.0.0.1:{receiver.port}/"}
            )
        return None

    receiver.before = refuse_first
    assert deliver() == 1
    assert receiver.shelf.read(other.ref) is not None
    first, second = owed_of(receiver)
    assert (first.standing, first.problem) == (Owed.WAITING, f"http_{status}")
    assert second.standing == Owed.ACKNOWLEDGED
    assert len(receiver.changes_seen) == 2  # a redirect is followed by nobody


def test_410_disables_and_nothing_more_is_owed(
    receiver: Receiver, record: CreditRecord, world: World
) -> None:
    receiver.join()
    receiver.before = lambda _: Response(status=410)
    deliver()
    make_record(world.other_firm, world.agency)
    deliver()
    platform = receiver.platform
    assert (platform.standing, platform.problem) == (PlatformStanding.DISABLED, "gone")
    assert [one.standing for one in owed_of(receiver)] == [Owed.SUPERSEDED]
    assert len(receiver.seen) == 1


def test_429_is_given_the_time_that_it_asks_for(receiver: Receiver, record: CreditRecord) -> None:
    receiver.join()
    start = now()
    receiver.before = lambda _: Response(status=429, headers={"retry-after": "7200"})
    with at(start):
        deliver()
    receiver.before = lambda _: None
    for minutes in (1, 30, 119):
        with at(start + timedelta(minutes=minutes)):
            assert deliver() == 0
    assert len(receiver.seen) == 1
    with at(start + timedelta(minutes=121)):
        assert deliver() == 1


NONSENSE = {
    "no JSON": b"<html>ok</html>",
    "no object": b"[1, 2]",
    "no hash": b"{}",
    "another type": b'{"hash": 1}',
    "another hash": b'{"hash": "0000"}',
    "not text": b"\xff\xfe\x00",
    "deep": b"[" * 60_000,
    "too large": b'{"hash": "' + b"0" * 70_000 + b'"}',
}


@pytest.mark.parametrize("stage", ["sqlite"], indirect=True)
@pytest.mark.parametrize("body", NONSENSE.values(), ids=NONSENSE.keys())
def test_nonsense_parks_the_platform_shows_and_mails_it(
    app: Flask,
    world: World,
    as_: Callable[..., Client],
    monkeypatch: pytest.MonkeyPatch,
    receiver: Receiver,
    record: CreditRecord,
    body: bytes,
) -> None:
    receiver.join()
    receiver.before = lambda _: Response(body)
    with running_server() as box:
        monkeypatch.setitem(app.config, "SMTP_URL", f"smtp://127.0.0.1:{box.port}")
        monkeypatch.setitem(app.config, "SMTP_SENDER", "redress@gov.example")
        deliver()
        timers.watch_platforms(now())
        timers.watch_platforms(now())  # it is mailed once
    platform = receiver.platform
    assert box.recipients == [[platform.owner_email]]
    assert platform.name_zh in as_(world.administrator).read("/admin").words
    assert (platform.standing, platform.problem) == (PlatformStanding.PARKED, "nonsense")
    assert (platform.told, alarms_about(platform)) == ("nonsense", ["state"])
    assert owed_of(receiver)[0].standing == Owed.WAITING  # not lost
    receiver.before = lambda _: None
    with at(now() + timedelta(days=9)):
        deliver()
    assert len(receiver.seen) == 1  # only a person resumes it


def test_an_endless_answer_is_read_up_to_a_limit(receiver: Receiver, record: CreditRecord) -> None:
    read = []

    def pour() -> Iterator[bytes]:
        for _ in range(10_000):
            read.append(1)
            yield b"x" * 1024

    receiver.join()
    receiver.before = lambda _: Response(pour())
    deliver()
    assert owed_of(receiver)[0].problem == "too_large"
    assert len(read) < 10_000  # the line was hung up


def test_an_answer_in_drops_ends_with_the_deadline(
    receiver: Receiver, record: CreditRecord, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Each drop comes in time; only the whole does not."""
    monkeypatch.setattr(delivery.outgoing.Line.__init__, "__defaults__", ((), SHORT))
    release = threading.Event()

    def drip() -> Iterator[bytes]:
        for _ in range(200):
            yield b" "
            if release.wait(SHORT / 10):
                return

    receiver.join()
    receiver.before = lambda _: Response(drip())
    try:
        deliver()
    finally:
        release.set()
    assert owed_of(receiver)[0].problem == "timeout"


# --- where we may ask ---------------------------------------------------------------------------


@pytest.mark.parametrize("stage", ["sqlite"], indirect=True)
@pytest.mark.parametrize(
    ("url", "problem"),
    [
        ("http://127.0.0.1:{port}/hook", "not_encrypted"),
        ("https://127.0.0.1:{port}/hook", "not_outside"),
        ("https://localhost:{port}/hook", "not_outside"),
        ("https://169.254.169.254/latest", "not_outside"),
        ("https://[::1]:{port}/", "not_outside"),
        ("https://[::ffff:127.0.0.1]:{port}/", "not_outside"),
        ("https://10.0.0.1/", "not_outside"),
        ("https://user:word@example.com/", "no_url"),
        ("file:///etc/passwd", "no_url"),
        ("https://", "no_url"),
    ],
)
def test_nobody_inside_is_asked_unless_the_settings_say_so(
    app: Flask, receiver: Receiver, record: CreditRecord, url: str, problem: str
) -> None:
    receiver.join(url=url.format(port=receiver.port))
    app.config["WEBHOOK_INSIDE"] = ""
    assert deliver() == 0
    assert owed_of(receiver)[0].problem == problem
    assert receiver.seen == []


@pytest.mark.parametrize(
    ("address", "may"),
    [
        ("93.184.216.34", True),
        ("2606:2800:220:1::1", True),
        ("::ffff:93.184.216.34", True),
        ("64:ff9b::93.184.216.34", True),
        ("224.0.0.1", False),
        ("ff0e::1", False),
        ("fec0::1", False),
        ("::ffff:127.0.0.1", False),
        ("::127.0.0.1", False),
        ("::ffff:10.0.0.1", False),
        ("64:ff9b::7f00:1", False),
        ("64:ff9b::a9fe:a9fe", False),
        ("64:ff9b:1::5db8:d822", False),
        ("2002:7f00:1::", False),
        ("2002:a00:1::1", False),
    ],
)
def test_an_address_is_judged_by_where_it_leads(address: str, may: bool) -> None:
    assert outgoing.may_ask(ipaddress.ip_address(address), ()) is may
    inside = outgoing.read_networks("127.0.0.0/8")
    assert outgoing.may_ask(ipaddress.ip_address("::ffff:127.0.0.1"), inside)


# --- stopped meanwhile --------------------------------------------------------------------------


def park_meanwhile(app: Flask, code: str, kind: str) -> Callable[[Request], None]:
    """Return what has an administrator park a platform while a message of a type is answered."""
    done: list[bool] = []

    def park(request: Request) -> None:
        if json.loads(request.get_data()).get("type") == kind and not done:
            done.append(True)
            with app.app_context():
                platforms.park(None, code)
                db.session.remove()

    return park


def test_an_answer_that_comes_late_does_not_undo_what_an_administrator_did(
    app: Flask, receiver: Receiver, record: CreditRecord
) -> None:
    code = receiver.join().code
    with transaction() as session:
        session.get_one(Platform, receiver.platform_id).unreachable_since = now()
    receiver.before = park_meanwhile(app, code, "ping")
    assert deliver() == 0
    platform = receiver.platform
    assert (platform.standing, platform.problem) == (PlatformStanding.PARKED, "by_hand")
    assert receiver.changes_seen == []


@pytest.mark.parametrize("status", [200, 410], ids=["nonsense", "gone"])
def test_of_a_platform_that_was_stopped_nothing_is_made_of_what_it_answers(
    app: Flask, receiver: Receiver, record: CreditRecord, status: int
) -> None:
    park = park_meanwhile(app, receiver.join().code, "record.changed")

    def answer(request: Request) -> Response:
        park(request)
        return Response("?", status)

    receiver.before = answer
    deliver()
    platform = receiver.platform
    assert (platform.standing, platform.problem) == (PlatformStanding.PARKED, "by_hand")
    assert [one.standing for one in owed_of(receiver)] == [Owed.WAITING]


def test_only_ones_own_lease_is_given_back(
    app: Flask, receiver: Receiver, record: CreditRecord
) -> None:
    """A round took too long, and somebody else has taken the platform."""
    number, other = receiver.join().id, now() + timedelta(minutes=9)

    def take_over(_request: Request) -> None:
        with app.app_context():
            with transaction() as session:
                session.get_one(Platform, number).leased_until = other
            db.session.remove()

    receiver.before = take_over
    deliver()
    assert receiver.platform.leased_until == other


# --- one after the other, and side by side ------------------------------------------------------


def test_a_change_that_was_overtaken_is_not_sent(receiver: Receiver, record: CreditRecord) -> None:
    receiver.join()
    receiver.before = lambda _: Response(status=500)
    start = now()
    with at(start):
        deliver()
        change(record.id, "更正后")
    receiver.before = lambda _: None
    with at(start + timedelta(minutes=1)):
        assert deliver() == 1
    assert [one.standing for one in owed_of(receiver)] == [Owed.SUPERSEDED, Owed.ACKNOWLEDGED]
    assert receiver.shelf.read(record.ref)[0]["decision_no"] == "更正后"


def test_a_change_made_while_its_forerunner_is_on_its_way_follows_it(
    app: Flask, receiver: Receiver, record: CreditRecord
) -> None:
    receiver.join()
    made, number = [], record.id

    def change_meanwhile(request: Request, answer: Response) -> Response:
        if not made:
            made.append(1)
            with app.app_context():
                change(number, "途中更正")
                changes.order_changes()
                db.session.remove()
        return answer

    receiver.after = change_meanwhile
    deliver()
    deliver()
    assert receiver.shelf.read(record.ref)[0]["decision_no"] == "途中更正"
    assert [one.standing for one in owed_of(receiver)] == [Owed.SUPERSEDED, Owed.ACKNOWLEDGED]


def test_a_slow_platform_keeps_no_other_waiting(app: Flask, world: World, tmp_path: Path) -> None:
    """The slow one answers only after the others have everything: none of them waits for it."""
    with receivers(tmp_path, 3) as (slow, *healthy):
        for one in (slow, *healthy):
            one.join()
        made = [make_record(world.firm, world.agency) for _ in range(5)]
        arrived = threading.Semaphore(0)

        def count(_request: Request, answer: Response) -> Response:
            arrived.release()
            return answer

        def wait_for_others(_request: Request) -> None:
            waited.append(all(arrived.acquire(timeout=10) for _ in range(10)))

        waited: list[bool] = []
        for one in healthy:
            one.after = count
        slow.before = lambda request: wait_for_others(request) if not waited else None
        assert deliver() == 15
        assert waited == [True]
        for record in made:
            assert all(one.shelf.read(record.ref) for one in (slow, *healthy))


def count_arrivals(platform: Receiver) -> threading.Semaphore:
    """Return what can be waited for by: it is released with each change that a platform took."""
    arrived = threading.Semaphore(0)

    def count(request: Request, answer: Response) -> Response:
        if is_change(request):
            arrived.release()
        return answer

    platform.after = count
    return arrived


def test_what_is_committed_while_one_is_slow_reaches_the_others_before_it_answers(
    app: Flask, world: World, record: CreditRecord, tmp_path: Path
) -> None:
    """The round that the slow one holds up is the only one: the healthy one has it all the same."""
    number, ref = record.id, record.ref
    with receivers(tmp_path, 2) as (slow, healthy):
        for one in (slow, healthy):
            one.join()
        arrived = count_arrivals(healthy)

        def answer_late(_request: Request) -> None:
            if waited:
                return
            waited.append(arrived.acquire(timeout=20))
            with app.app_context():
                change(number, "途中更正")
                db.session.remove()
            waited.append(arrived.acquire(timeout=20))
            shown.append(healthy.shelf.read(ref)[0]["decision_no"])

        waited: list[bool] = []
        shown: list[str] = []
        slow.before = answer_late
        deliver()
        assert waited == [True, True]
        assert shown == ["途中更正"]
        deliver()
        assert slow.shelf.read(ref)[0]["decision_no"] == "途中更正"


def test_in_one_round_a_platform_that_fails_is_not_tried_over_and_over(
    app: Flask, world: World, record: CreditRecord, tmp_path: Path
) -> None:
    """Though what is committed meanwhile is looked for: it waits for its next round."""
    number = record.id
    with receivers(tmp_path, 3) as (slow, healthy, broken):
        for one in (slow, healthy, broken):
            one.join()
        arrived = count_arrivals(healthy)

        def answer_late(_request: Request) -> None:
            if waited:
                return
            waited.append(arrived.acquire(timeout=20))
            for text in ("一改", "再改"):
                with app.app_context():
                    change(number, text)
                    db.session.remove()
                waited.append(arrived.acquire(timeout=20))

        waited: list[bool] = []
        slow.before = answer_late
        broken.before = lambda _: Response(status=503)
        deliver()
        assert waited == [True] * 3
        assert len(broken.changes_seen) == 1
        assert len(broken.seen) == 2  # the change, and whether it is there at all


def test_two_rounds_at_once_send_each_change_once(
    app: Flask, receiver: Receiver, record: CreditRecord
) -> None:
    """The second finds the platform taken; without the lease both would send."""
    receiver.join()
    second: list[int] = []

    def start_another(request: Request) -> None:
        if is_change(request) and not second:
            second.append(0)
            with app.app_context():
                second.append(delivery.deliver_due())
                db.session.remove()

    receiver.before = start_another
    assert deliver() == 1
    assert second == [0, 0]
    assert len(receiver.changes_seen) == 1


def test_what_is_owed_without_its_content_is_owed_anew(
    receiver: Receiver, record: CreditRecord
) -> None:
    """As a store has it where a platform joined while changes were put in order."""
    receiver.join()
    changes.take_in()
    changes.order_changes()
    first = owed_of(receiver)[0].id
    change(record.id, "更正后")
    changes.order_changes()
    with transaction() as session:
        newer, older = reversed(session.scalars(select(Obligation).order_by(Obligation.id)).all())
        newer.standing = Owed.SUPERSEDED
        session.flush()
        older.standing = Owed.WAITING
        assert (older.id, older.change.payload) == (first, None)
    deliver()
    assert [one.standing for one in owed_of(receiver)] == [
        Owed.SUPERSEDED,
        Owed.SUPERSEDED,
        Owed.ACKNOWLEDGED,
    ]
    assert receiver.shelf.read(record.ref)[0]["decision_no"] == "更正后"


# --- after a restore ----------------------------------------------------------------------------


@pytest.mark.parametrize("stage", ["sqlite"], indirect=True)  # a store that is a file is put back
def test_a_mirror_ahead_of_a_store_that_was_put_back_converges(
    receiver: Receiver, record: CreditRecord, world: World, store: stores.Store, tmp_path: Path
) -> None:
    """Changes after the backup had positions and messages that are given for a second time."""
    code = receiver.join().code
    kept, removed = make_record(world.other_firm, world.agency), record
    kept_ref, kept_id, kept_no = kept.ref, kept.id, kept.decision_no
    removed_ref, removed_id = removed.ref, removed.id
    assert deliver() == 2
    close(store)
    shutil.copyfile(store.path, tmp_path / "backup")
    for number in (kept_id, removed_id):
        change(number, "备份之后")
    assert deliver() == 2
    close(store)
    shutil.copyfile(tmp_path / "backup", store.path)
    with transaction() as session:
        row = session.get_one(CreditRecord, removed_id)
        row.state, row.archived_at = "repaired", now()
    changes.begin_anew()
    assert deliver() == 2
    assert receiver.shelf.read(removed_ref) is None
    assert receiver.shelf.read(kept_ref)[0]["decision_no"] == kept_no
    assert drift.check(code) == []


def close(store: stores.Store) -> None:
    """Have everything in the store's file, and nobody connected."""
    db.session.remove()
    db.engine.dispose()
    assert not store.path.with_name(store.path.name + "-wal").exists()
