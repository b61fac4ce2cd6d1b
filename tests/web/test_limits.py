"""Limits that all processes keep together."""

import threading
from itertools import cycle, islice

import pytest
import time_machine
from flask_limiter import Limiter
from flask_limiter.util import get_remote_address
from sqlalchemy import select

from repair_app import limits
from repair_app.db import db, now
from repair_app.models import RateCount
from repair_app.services.limits import StoreCounts, forget_counts
from tests.client import make_client
from tests.conftest import build_app

LIMIT = 5  # LOGIN_RATE_LIMIT: failed attempts a minute


@pytest.fixture
def counts(app):
    return StoreCounts()


def test_of_many_that_count_at_once_none_is_lost(app, counts):
    def count():
        with app.app_context():
            for _ in range(10):
                counts.incr("somebody", 60)

    threads = [threading.Thread(target=count) for _ in range(4)]
    for one in threads:
        one.start()
    for one in threads:
        one.join(60)
    assert counts.get("somebody") == 40
    assert counts.get("somebody else") == 0


def test_a_count_begins_anew_when_its_window_is_over(counts):
    with time_machine.travel("2026-03-02T08:00:00Z", tick=False) as clock:
        assert [counts.incr("key", 60), counts.incr("key", 60, 2)] == [1, 3]
        assert counts.get_expiry("key") == now().timestamp() + 60
        clock.shift(59)
        assert counts.get("key") == 3
        clock.shift(1)
        assert counts.get("key") == 0
        assert counts.incr("key", 60) == 1
        counts.clear("key")
        assert counts.get("key") == 0


def test_what_is_over_is_forgotten(counts):
    with time_machine.travel("2026-03-02T08:00:00Z", tick=False) as clock:
        counts.incr("short", 60)
        counts.incr("long", 3600)
        clock.shift(61)
        assert forget_counts(now()) == 1
        assert counts.get("long") == 1
    assert counts.reset() == 1


def test_who_is_counted_cannot_be_read(counts):
    counts.incr("LIMITER/198.51.100.7 tang@redress.example", 60)
    assert not [one for one in db.session.scalars(select(RateCount.key)) if "tang" in one]


@pytest.fixture
def nodes(stage, tmp_path, monkeypatch):
    """Give a function that makes two nodes on the store, each counting at a place."""

    def make(storage):
        made = []
        for name in ("one", "two"):
            monkeypatch.setattr("config.TestConfig.RATELIMIT_ENABLED", True)
            monkeypatch.setattr("config.TestConfig.RATELIMIT_STORAGE_URI", storage)
            monkeypatch.setattr(limits, "limiter", Limiter(get_remote_address))
            made.append(build_app(stage.store, tmp_path / name))
        built.extend(made)
        return made

    built = []
    yield make
    for one in built:
        with one.app_context():
            db.engine.dispose()


def refuse_at(node):
    """Try once to sign in with a wrong password; return the status."""
    with node.app_context():
        client = make_client(node)
        answer = client.fill("/login", email="subject@example.com", password="wrong " * 4)
        db.session.remove()
        return answer.status_code


@pytest.mark.parametrize(("storage", "last"), [("store://", 429), ("memory://", 200)])
def test_two_nodes_count_together(world, nodes, storage, last):
    """The second is the negative control: nodes that count for themselves."""
    one, two = nodes(storage)
    tries = [refuse_at(node) for node in islice(cycle((one, two)), LIMIT)]
    assert 429 not in tries
    assert refuse_at(two) == last
