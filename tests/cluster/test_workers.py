"""A worker is killed in the middle of a delivery or of a file: the other one goes on, once."""

import hashlib
from collections import Counter
from datetime import timedelta

import pytest
import requests
from sqlalchemy import func, select, text

from deploy.cluster import operate
from repair_app import jobs
from repair_app.db import at, db, now, writing
from repair_app.engine.telling import Kind
from repair_app.mirror.shelf import Shelf
from repair_app.models import (
    CreditRecord,
    Event,
    ImportRow,
    Message,
    Obligation,
    Organisation,
    Owed,
    RecordUpload,
)
from repair_app.services import clients, history, platforms
from repair_app.services.sync import drift
from tests.cluster.conftest import PATIENCE, PROXY, TOGETHER
from tests.cluster.conftest import until as wait_until
from tests.cluster.failing import ROWS_AT_ONCE
from tests.cluster.workers import active_worker, ask_for
from tests.factories import make_case, make_record, make_uscc
from tests.services.test_imports import as_csv, penalty
from tests.sync.platforms import forward, receivers

RECORDS = 5  # that a platform is told of
HIT = 3  # the message at which the worker is killed
ROWS = 5 * ROWS_AT_ONCE
BAD = 3  # rows of a file that are refused
LATE = 3  # cases that are late meanwhile
pytestmark = TOGETHER


def until(said, condition):
    """Wait, also for a round that comes every half minute on a busy machine."""
    return wait_until(said, condition, 2 * PATIENCE)


@pytest.fixture
def late(running, app, world):
    """Give cases whose term is long over: they are passed on, and told of, once."""
    with at(now() - timedelta(days=20)):  # the draft of them, 30 working days, is not over
        return [make_case(world, "submitted").ref for _ in range(LATE)]


def assert_every_term_came_once(refs):
    """Check that each late case was passed on once, and everybody told of its term once."""
    ask_for("escalate")
    ask_for("mark_overdue")
    until("nothing waits", lambda: jobs.read_status(db.engine).waiting == 0)
    db.session.rollback()
    for ref in refs:
        passed = select(func.count()).where(Event.entity == ref, Event.transition == "escalate")
        assert db.session.scalar(passed) == 1
        told = select(Message.account_id).where(
            Message.case_ref == ref, Message.kind == Kind.OVERDUE
        )
        counted = Counter(db.session.scalars(told))
        assert counted
        assert set(counted.values()) == {1}


def be_taken_over(running, killed):
    """Wait until another worker is active than the process that was killed."""

    def taken():
        name = active_worker(running)
        return name and running.pids()[name] != killed

    until("another worker takes over", taken)


# --- delivery -------------------------------------------------------------------------------------


@pytest.fixture
def platform_of(running, app, tmp_path):
    """Give a function by which a receiver becomes a platform; they are disabled at the end."""
    with receivers(tmp_path, 2) as made:
        try:
            yield made
        finally:
            for one in made:
                if one.platform_id:
                    platforms.disable(None, one.platform.code)


def owed_to(receiver):
    """Return what a platform is or was owed, by record; what was superseded is left out."""
    db.session.rollback()
    found = db.session.scalars(
        select(Obligation).where(
            Obligation.platform_id == receiver.platform_id, Obligation.standing != Owed.SUPERSEDED
        )
    )
    return {one.record_ref: one for one in found}


def waits_for_none(receiver):
    owed = owed_to(receiver)
    return owed and {one.standing for one in owed.values()} == {Owed.ACKNOWLEDGED}


def let_the_lease_run_out(receiver):
    """Let the 75 seconds be over for which a platform is left to who serves it."""
    with writing(), db.engine.begin() as connection:
        gone = text("UPDATE platform SET leased_until = :now WHERE id = :id")
        connection.execute(gone, {"now": now(), "id": receiver.platform_id})


def kill_in_mid_delivery(running, world, receiver, point):
    """Kill the worker that serves a platform at its message HIT.

    Returns its process, and which records were noted as shown until then, and when.

    point: of `failing`, or "arrived": the platform has taken the message and has not answered yet.
    """
    for _ in range(RECORDS):
        make_record(world.firm, world.agency)
    name = until("a worker is active", lambda: active_worker(running))
    victim = running.pids()[name]
    killed = []

    def take_and_kill(request):
        if len(receiver.changes_seen) == HIT and not killed:
            killed.append(forward(receiver.mirror, request, request.get_data()))
            operate.kill(victim)

    if point == "arrived":
        receiver.before = take_and_kill
    else:
        running.next_to_fail(point, HIT)
    receiver.join()
    ask_for("escalate")
    ask_for("deliver_changes")
    until("it is killed", lambda: not operate.is_running(victim))
    assert killed or not running.fail_file.exists(), "it did not end where it should"
    noted = {
        ref: one.acknowledged_at for ref, one in owed_to(receiver).items() if one.acknowledged_at
    }
    return victim, noted


def be_served_again(running, receiver, victim):
    """Have another worker take over, and serve the platform."""
    be_taken_over(running, victim)
    let_the_lease_run_out(receiver)
    ask_for("deliver_changes")
    until("everything is noted as shown", lambda: waits_for_none(receiver))


def show_the_same(running, plain, hit):
    """Say whether a platform shows the same bytes as one that is served undisturbed."""
    plain.join()
    ask_for("deliver_changes")
    until("the other shows everything", lambda: waits_for_none(plain))
    return plain.shelf.dump() == hit.shelf.dump()


@pytest.mark.parametrize(
    ("point", "noted"),
    [("arrived", HIT - 1), ("answered", HIT - 1), ("noting", HIT - 1), ("noted", HIT)],
)
def test_a_worker_killed_in_mid_delivery_loses_no_message_and_none_counts_twice(
    running, app, world, platform_of, late, point, noted
):
    hit, plain = platform_of
    victim, before = kill_in_mid_delivery(running, world, hit, point)
    assert len(before) == noted
    be_served_again(running, hit, victim)
    owed = owed_to(hit)
    assert len(owed) >= RECORDS
    for ref, moment in before.items():  # what was noted stays, as it was noted
        assert owed[ref].acknowledged_at == moment
    came = Counter(hit.changes_seen)
    again = {name: count for name, count in came.items() if count > 1}
    assert len(came) == len(owed)  # every change came
    # The one that hung in the air came once more, under the same id; no other did.
    assert again == ({hit.changes_seen[HIT - 1]: 2} if noted < HIT else {})
    assert {hit.shelf.read(ref)[2] for ref in owed} == {1}  # and each took effect once
    assert show_the_same(running, plain, hit)
    assert drift.check(hit.platform.code) == []
    assert_every_term_came_once(late)
    assert history.verify_all()[1] is None


def test_control_a_platform_that_forgets_the_id_of_a_message_counts_it_twice(
    running, app, world, platform_of, monkeypatch
):
    hit, _ = platform_of
    take = Shelf.take
    monkeypatch.setattr(Shelf, "take", lambda self, change, _message="": take(self, change))
    victim, _ = kill_in_mid_delivery(running, world, hit, "answered")
    be_served_again(running, hit, victim)
    assert Counter(hit.shelf.read(ref)[2] for ref in owed_to(hit))[2] == 1


def test_control_a_worker_that_notes_before_it_sends_loses_a_message(
    running, app, world, platform_of
):
    hit, plain = platform_of
    victim, before = kill_in_mid_delivery(running, world, hit, "too_early")
    assert len(before) == HIT
    lost = [ref for ref in before if hit.shelf.read(ref) is None]
    assert len(lost) == 1  # it is said to be shown, and nobody will send it
    be_served_again(running, hit, victim)
    # What delivery cannot know a comparison finds: one is made as soon as a worker begins.
    until("it is found and sent", lambda: hit.shelf.read(lost[0]))
    assert show_the_same(running, plain, hit)


# --- a file ---------------------------------------------------------------------------------------


class System:
    """A provider's system at the proxy, with a token."""

    def __init__(self, running, seat):
        issued = clients.register(None, seat, "Source", ["records:push"])
        self.base = f"http://{PROXY}:{running.port}/api/v1"
        asked = {"grant_type": "client_credentials"}
        answer = self.send(
            "POST", "/token", data=asked, auth=(issued.client.client_id, issued.secret)
        )
        self.headers = {"Authorization": f"Bearer {answer.json()['access_token']}"}
        db.session.rollback()

    headers = {"Accept-Language": "en"}

    def send(self, method, path, **more):
        headers = {**self.headers, **more.pop("headers", {})}
        answer = requests.request(
            method, self.base + path, headers=headers, timeout=PATIENCE, **more
        )
        assert answer.ok, answer.text
        return answer

    def send_file(self, content):
        """Send a file and close it, so that it is read; return its reference."""
        digest = hashlib.sha256(content).hexdigest()
        begun = {"filename": "处罚.csv", "size": len(content), "sha256": digest}
        ref = self.send("POST", "/imports", json=begun, headers={"Idempotency-Key": digest}).json()[
            "ref"
        ]
        part = {"Upload-Offset": "0", "Content-Type": "application/partial-upload"}
        self.send("PATCH", f"/imports/{ref}", data=content, headers=part)
        self.send("POST", f"/imports/{ref}/close", headers={"Idempotency-Key": f"close-{ref}"})
        return ref


def kill_in_mid_file(running, world, point, turn):
    """Kill the worker that reads a file; return reference, firms, and what was judged until then.

    The last rows of the file are refused.
    """
    system = System(running, world.provider.current_appointments[0])
    codes = [make_uscc() for _ in range(ROWS)]
    rows = [penalty(world, 1, uscc=one, subject_name=f"虚构{one}公司") for one in codes]
    rows += [penalty(world, 2, fine_10k="x") for _ in range(BAD)]
    name = until("a worker is active", lambda: active_worker(running))
    victim = running.pids()[name]
    running.next_to_fail(point, turn)
    ref = system.send_file(as_csv(*rows))
    ask_for("escalate")
    until("it is killed", lambda: not operate.is_running(victim))
    assert not running.fail_file.exists(), "it did not end where it should"
    judged = verdicts_of(ref)
    be_taken_over(running, victim)
    until("the file is read", lambda: upload_of(ref).ended_at and not upload_of(ref).parts)
    return ref, codes, judged


def upload_of(ref):
    db.session.rollback()
    return db.session.scalars(select(RecordUpload).where(RecordUpload.ref == ref)).one()


def verdicts_of(ref):
    """Return the verdicts of a file by line: one row for each problem of a line."""
    batch = upload_of(ref).batch_id
    found = db.session.execute(
        select(ImportRow.line, ImportRow.ordinal, ImportRow.verdict, ImportRow.ref).where(
            ImportRow.batch_id == batch
        )
    )
    return {(line, number): (word, about) for line, number, word, about in found}


def count_records(codes):
    """Return how many records there are of each of some firms."""
    found = db.session.scalars(
        select(Organisation.uscc)
        .join(CreditRecord, CreditRecord.subject_id == Organisation.id)
        .where(Organisation.uscc.in_(codes))
    )
    return Counter(found)


@pytest.mark.parametrize(
    ("point", "turn", "judged"),
    [
        ("in_chunk", 3, 2 * ROWS_AT_ONCE),
        ("end_of_chunk", 3, 2 * ROWS_AT_ONCE),
        ("between_chunks", 3, 3 * ROWS_AT_ONCE),
        ("ended", 1, ROWS + BAD),
    ],
)
def test_a_worker_killed_in_mid_file_judges_each_row_once(
    running, app, world, late, point, turn, judged
):
    ref, codes, before = kill_in_mid_file(running, world, point, turn)
    assert len({line for line, _ in before}) == judged
    after = verdicts_of(ref)
    assert {place: after[place] for place in before} == before  # what was said stays said
    words = Counter(word for (_, number), (word, _) in after.items() if number == 0)
    assert words == {"accepted": ROWS, "refused": BAD}
    assert len({about for word, about in after.values() if word == "accepted"}) == ROWS
    assert count_records(codes) == dict.fromkeys(codes, 1)
    upload = upload_of(ref)
    assert (upload.standing, upload.batch.tally) == ("done", dict(words))
    assert_every_term_came_once(late)
    assert history.verify_all()[1] is None


def test_control_a_chunk_that_is_not_one_transaction_is_judged_wrongly(running, app, world):
    """Records without their verdicts: the next run finds them on file and says duplicate."""
    ref, codes, _ = kill_in_mid_file(running, world, "torn", 3)
    words = Counter(word for (_, number), (word, _) in verdicts_of(ref).items() if number == 0)
    assert words["duplicate"] == ROWS_AT_ONCE
    assert words["accepted"] == ROWS - ROWS_AT_ONCE
    assert count_records(codes) == dict.fromkeys(codes, 1)
