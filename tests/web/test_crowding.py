"""What has waited too long for its turn is refused at once, and nothing is lost by it."""

import time
from datetime import timedelta

import pytest
from sqlalchemy import event

from repair_app.db import db
from repair_app.web import crowding
from tests.factories import make_case

ENGLISH = {"Accept-Language": "en"}
CHINESE = {"Accept-Language": "zh"}


def came(**ago):
    """Return what the proxy says of a request that came so long ago."""
    return {crowding.HEADER: f"t={time.time() - timedelta(**ago).total_seconds():.3f}"}


@pytest.fixture
def statements(app):
    """Give a list that grows by every statement that the store is sent."""
    found = []

    def note(_connection, _cursor, statement, *_):
        found.append(statement)

    event.listen(db.engine, "before_cursor_execute", note)
    yield found
    event.remove(db.engine, "before_cursor_execute", note)


def test_who_waited_too_long_is_told_so_in_both_languages_and_the_store_is_not_asked(
    as_, world, statements
):
    reviewer = as_(world.reviewer)
    assert reviewer.get("/work").status_code == 200
    statements.clear()
    for language, words in ((ENGLISH, "Too many people"), (CHINESE, "访问人数过多")):
        page = reviewer.get("/work", headers=came(seconds=8) | language)
        assert (page.status_code, page.headers["Retry-After"]) == (503, "5")
        assert words in page.words
        assert "Content-Security-Policy" in page.headers
    assert statements == []
    assert reviewer.get("/work", headers=came(seconds=1)).status_code == 200  # still signed in


def test_machines_are_told_as_a_problem(anybody, statements):
    answer = anybody.get("/api/v1/enforceable", headers=came(seconds=8) | ENGLISH)
    assert (answer.status_code, answer.json["code"]) == (503, "unavailable")
    assert answer.headers["Retry-After"] == "5"
    assert statements == []


def test_a_form_that_was_refused_can_be_sent_again_as_it_is(as_, world):
    case = make_case(world, "submitted")
    reviewer = as_(world.reviewer)
    page = f"/cases/{case.ref}/accept"
    form = reviewer.read(page).fields
    refused = reviewer.post(page, data=form, headers=came(seconds=8))
    assert refused.status_code == 503
    db.session.refresh(case)
    assert case.state == "submitted"
    assert reviewer.post(page, data=form, headers=came(seconds=1)).status_code == 302
    db.session.refresh(case)
    assert case.state == "accepted"


@pytest.mark.parametrize("seconds", [1, -40, 500])  # -40, 500: the clocks of two machines differ
def test_who_did_not_wait_long_is_served(anybody, seconds):
    assert anybody.get("/", headers=came(seconds=seconds)).status_code == 200


@pytest.mark.parametrize("said", ["", "t=1e9", "yesterday", "t=" + "9" * 400])
def test_what_is_no_moment_is_not_read(anybody, said):
    assert anybody.get("/", headers={crowding.HEADER: said}).status_code == 200


@pytest.mark.parametrize("path", ["/healthz", "/readyz"])
def test_a_busy_node_is_not_one_that_has_failed(anybody, path):
    assert anybody.get(path, headers=came(seconds=8)).status_code == 200


def test_it_can_be_switched_off(app, anybody, monkeypatch):
    monkeypatch.setitem(app.config, "WAITED_SECONDS", 0)
    assert anybody.get("/", headers=came(seconds=8)).status_code == 200
