"""How often a client may ask: told by headers; how often a secret may be guessed."""

import pytest
from flask_limiter import Limiter
from flask_limiter.util import get_remote_address
from sqlalchemy import event

from config import TestConfig
from repair_app import create_app, limits
from repair_app.db import db
from repair_app.services import clients
from tests.api.conftest import Machine


@pytest.fixture
def limited(store, world, tmp_path, monkeypatch):
    """Give a function that makes an application that counts, and one that makes systems for it."""
    made = []
    monkeypatch.setattr(limits, "limiter", Limiter(get_remote_address))

    def make(**settings):
        with monkeypatch.context() as environment:
            environment.setenv("REDRESS_DATA", str(tmp_path))
            environment.setenv("DATABASE_URL", store.url)
            config = type("OtherConfig", (TestConfig,), {"RATELIMIT_ENABLED": True, **settings})
            made.append(create_app(config()))

        def machine(name):
            seat = getattr(world, name).current_appointments[0]
            issued = clients.register(None, seat, f"System of {name}", ["cases:read"])
            return Machine(made[-1], issued.client.client_id, issued.secret)

        return machine

    yield make
    for app in made:
        with app.app_context():
            db.session.remove()
            for engine in db.engines.values():
                engine.dispose()


def test_every_answer_tells_how_often_one_may_still_ask(limited):
    machine = limited(API_RATE_LIMIT="3 per minute")
    one, other = machine("provider"), machine("reviewer")
    answers = [one.get("/cases") for _ in range(4)]
    assert [answer.status_code for answer in answers] == [200, 200, 200, 429]
    assert [answer.headers["X-RateLimit-Limit"] for answer in answers] == ["3"] * 4
    assert [answer.headers["X-RateLimit-Remaining"] for answer in answers] == ["2", "1", "0", "0"]
    refused = answers[-1]
    assert refused.mimetype == "application/problem+json"
    assert refused.json["code"] == "too_many"
    assert 0 < int(refused.headers["Retry-After"]) <= 60
    assert not [one for one in answers[:-1] if "Retry-After" in one.headers]  # nothing to retry
    assert one.get("/worklist").status_code == 429  # one count for all there is
    assert other.get("/cases").status_code == 200


def test_a_secret_can_be_guessed_a_few_times_only(limited):
    machine = limited(TOKEN_RATE_LIMIT="2 per minute", TOKEN_RATE_LIMIT_OF_PLACE="5 per minute")
    one, other = machine("provider"), machine("reviewer")
    guesses = [one.ask_token(secret="guess").status_code for _ in range(3)]
    assert guesses == [401, 401, 429]
    assert other.ask_token().status_code == 200
    assert one.ask_token().status_code == 429  # the right one as well, for a while


def test_good_tokens_cost_nothing_of_the_guesses(limited):
    machine = limited(TOKEN_RATE_LIMIT="2 per minute")
    one = machine("provider")
    assert [one.ask_token().status_code for _ in range(4)] == [200] * 4


@pytest.mark.parametrize("storage", ["store://", "memory://", ""])
def test_a_second_node_refuses_what_the_first_has_counted(limited, store, storage):
    """Nodes that count for themselves are the negative control; unsaid, it is by the store."""
    settings = {"API_RATE_LIMIT": "4 per minute", "API_RATE_STORAGE_URI": storage}
    one = limited(**settings)("provider")
    other = limited(**settings)("reviewer")
    same = Machine(other.app, one.client_id, one.secret)
    answers = [node.get("/cases") for node in (one, same, one, same, one, same)]
    left = [int(answer.headers["X-RateLimit-Remaining"]) for answer in answers]
    ends = {answer.headers["X-RateLimit-Reset"] for answer in answers}
    if storage == "store://" or (not storage and store.name == "postgresql"):
        assert [answer.status_code for answer in answers] == [200] * 4 + [429] * 2
        assert left == [3, 2, 1, 0, 0, 0]
        assert len(ends) == 1
        assert all(int(answer.headers["Retry-After"]) > 0 for answer in answers[4:])
    else:
        assert [answer.status_code for answer in answers] == [200] * 6
        assert left == [3, 3, 2, 2, 1, 1]
    assert other.get("/cases").status_code == 200


def test_to_be_counted_takes_one_statement(limited, store):
    """The headers are told from it: what the request has counted itself is not read again."""
    one = limited(API_RATE_STORAGE_URI="store://")("provider")
    asked = []
    with one.app.app_context():
        engine = db.engine
    event.listen(engine, "before_cursor_execute", lambda *args: asked.append(args[2]))
    answer = one.get("/cases")
    assert int(answer.headers["X-RateLimit-Remaining"]) == 1199
    assert len([sql for sql in asked if "rate_count" in sql]) == 1
