"""What may lag is read from the replica, and no longer than it may."""

import time

import pytest

from repair_app import replica
from repair_app.db import db
from repair_app.services import cases
from tests.client import make_client, sign_in
from tests.cluster.conftest import TOGETHER, until
from tests.factories import annul_record, get_case, make_case, make_record

LONGEST = 60  # seconds that a removed record may still be seen (reliability: F16)
pytestmark = TOGETHER


@pytest.fixture
def freeze(running):
    """Give a function by which the replica gets everything and shows nothing of it any more."""
    _, server = running.plan.servers.values()

    def stand_still():
        server.ask("SELECT pg_wal_replay_pause()")
        server.wait("SELECT pg_get_wal_replay_pause_state() = 'paused'")

    yield stand_still
    server.ask("SELECT pg_wal_replay_resume()")


@pytest.fixture
def frozen(app, freeze):
    """Let the replica stand still; it was level before."""
    watch = app.extensions["redress_replica"]
    until("the two are level", lambda: watch.measure(time.monotonic()) < LONGEST)
    freeze()


@pytest.fixture
def look(app, monkeypatch):
    """Give a function that says whether everybody sees a record, with so much lag allowed."""

    def sees(record, lag, email=""):
        monkeypatch.setitem(app.config, "REPLICA_LAG", lag)
        app.extensions["redress_replica"].due = 0  # let it look again now
        client = make_client(app)
        if email:
            sign_in(client, email)
        return client.get(f"/records/{record.ref}").status_code == 200

    return sees


def test_only_what_may_lag_is_read_from_the_replica(app, world, look, frozen):
    record = make_record(world.firm, world.agency)
    assert not look(record, lag=1e9)  # so it is the replica that is asked
    assert look(record, lag=1e9, email="subject@example.com")
    assert look(record, lag=0)
    assert get_case(make_case(world, "submitted").ref).state == "submitted"


def test_a_step_never_goes_to_the_replica(app, world, look, frozen):
    case = make_case(world, "submitted")
    db.session.rollback()
    with app.test_request_context():
        db.session().info["may lag"] = True
        with cases.transaction() as session:
            assert cases.lock(session, "cases", case.ref).state == "submitted"


def test_a_replica_that_is_none_any_more_is_not_read(app, world, look, running, monkeypatch):
    record = make_record(world.firm, world.agency)
    monkeypatch.setattr(replica, "READ", replica.text(f"{replica.READ.text} AND false"))
    assert look(record, lag=1e9)


def test_a_removed_record_is_gone_for_everybody_in_time_though_the_replica_stands_still(
    running, app, world, browse, freeze
):
    record = make_record(world.firm, world.agency)

    def ask_all():  # a connection each, so that both nodes are asked
        return {browse().get(f"/records/{record.ref}").status_code for _ in range(4)}

    until("all show it", lambda: ask_all() == {200})
    looked = time.monotonic() + 2.2 * replica.LOOK_AGAIN
    until("both have looked twice", lambda: ask_all() and time.monotonic() > looked)
    freeze()
    annul_record(world, record)
    since = time.monotonic()
    assert 200 in ask_all()  # so it is the replica that is asked
    until("it is gone", lambda: ask_all() == {404}, LONGEST)
    assert time.monotonic() - since < LONGEST
