"""The audit search: what it finds, in which order, and by an index, however much there is."""

import json
from datetime import date

import pytest
from sqlalchemy import event, select, text

from repair_app.db import db, writing
from repair_app.models import Event, Role
from repair_app.services import history, inbox
from repair_app.services.history import Sought
from tests.factories import act, make_case

FOUND_BY = {
    "reference": (Sought(ref="YY-2026-000001-X"), ("uq_event_stream", "ix_event_of_entity")),
    "kind": (Sought(workflow="objection"), ("ix_event_kind",)),
    "step": (Sought(workflow="objection", step="accept"), ("ix_event_kind",)),
    "role": (Sought(role="auditor"), ("ix_event_actor_role",)),
    "organisation": (Sought(organisation="91370112MA"), ("ix_event_actor_organisation",)),
    "day": (Sought(since=date(2026, 1, 1), until=date(2026, 1, 1)), ("ix_event_at",)),
    "nothing": (Sought(), ("ix_event_at",)),
}


# Of other orders, but with the time in them: of a few rows PostgreSQL may walk one of these whole.
HOLD_THE_TIME = ("ix_event_kind", "ix_event_actor_role", "ix_event_actor_organisation")


# Held by the same rows as the index of worklists: of a few rows each is as cheap.
OF_THE_SAME_ROWS = (
    "ix_deadline_worklist",
    "ix_deadline_running",
    "ix_deadline_passed_on",
    "ix_deadline_assignee",
    "ix_deadline_due",
    "ix_deadline_entity",
)


def plan_of(question, without=()):
    """Return how the store answers a question, were its tables large, without some indexes."""
    compiled = question.compile(db.engine, compile_kwargs={"literal_binds": True})
    if db.engine.dialect.name == "sqlite":
        return str(db.session.execute(text(f"EXPLAIN QUERY PLAN {compiled}")).all())
    db.session.rollback()
    with writing():
        for one in without:
            db.session.execute(text(f"DROP INDEX {one}"))
        db.session.execute(text("SET LOCAL enable_seqscan = off"))
        plan = str(db.session.execute(text(f"EXPLAIN {compiled}".replace(":", r"\:"))).all())
        db.session.rollback()
    return plan


@pytest.mark.parametrize("asked", FOUND_BY)
def test_no_search_looks_at_every_event(world, asked):
    sought, indexes = FOUND_BY[asked]
    make_case(world, "with_provider")
    # Of few rows any index will do in their order; which one finds them is asked without that.
    query = history.query_events(sought)
    question = query.limit(history.PAGE) if asked == "nothing" else query.order_by(None)
    plan = plan_of(question, HOLD_THE_TIME if asked == "day" else ())
    names = {"uq_event_stream": ("uq_event_stream", "sqlite_autoindex_event_1")}
    for index in indexes:
        assert any(name in plan for name in names.get(index, (index,))), plan
    assert "SCAN event'" not in plan
    assert "Seq Scan" not in plan


def test_worklists_are_counted_by_an_index_of_their_own(world):
    """It holds nothing of what is met, nor of whole matters."""
    asked = []
    keep = lambda _c, _cursor, statement, *_: asked.append(statement)  # noqa: E731
    event.listen(db.engine, "before_cursor_execute", keep)
    try:
        inbox.list_turns(world.reviewer, Role.REVIEWER)
    finally:
        event.remove(db.engine, "before_cursor_execute", keep)
    assert any("deadline.whole IS" in one for one in asked)
    turns = inbox.waits_for(world.reviewer, Role.REVIEWER)
    question = select(inbox.Deadline.id).where(turns).order_by(inbox.Deadline.due_on)
    plan = plan_of(question, OF_THE_SAME_ROWS)
    assert "ix_deadline_turns" in plan


@pytest.fixture
def audit(as_, world):
    """Give a function that looks for events and returns the steps found, newest first."""
    client = as_(world.auditor)

    def search(**asked):
        page = client.get("/audit", query_string=asked)
        assert page.status_code == 200
        return page.words

    return search


def test_events_are_found_by_who_acted_and_by_what_was_done(world, audit):
    case = make_case(world, "submitted")
    act(world.reviewer, "accept", case)
    act(world.reviewer, "ask_provider", db.session.get(type(case), case.id))
    assert case.ref in audit(role="reviewer")
    assert case.ref in audit(role="subject", ref=case.ref)
    assert case.ref not in audit(role="department")
    assert case.ref in audit(organisation=world.centre.uscc, role="reviewer")
    assert case.ref in audit(organisation=world.centre.name)
    assert case.ref not in audit(organisation=world.other_agency.uscc)
    assert case.ref in audit(what="objection.accept")
    assert case.ref not in audit(what="objection.reject")


def test_pages_of_a_search_follow_one_another_and_leave_nothing_out(world, monkeypatch):
    make_case(world, "with_provider")
    monkeypatch.setattr(history, "PAGE", 2)
    every = db.session.scalars(select(Event).order_by(Event.at.desc(), Event.id.desc())).all()
    found, before = [], None
    while some := history.list_latest(before):
        found += [one.event.id for one in some]
        before = found[-1]
    assert found == [one.id for one in every]
    assert len(found) > 2


def test_who_acted_is_read_from_what_was_sealed(world):
    make_case(world, "submitted")
    for role in ("subject", "system"):
        found = db.session.scalars(history.query_events(Sought(role=role))).all()
        assert found
        assert {json.loads(one.payload)["actor"]["role"] for one in found} == {role}
