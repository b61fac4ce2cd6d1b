"""F5: a clock that jumps changes nothing by itself, and a clock that is wrong is told."""

from datetime import timedelta

import pytest
from sqlalchemy import func, select, true

from repair_app import ledger
from repair_app.db import at, db, now
from repair_app.engine import machine
from repair_app.models import Alarm, CreditRecord, Deadline, Event
from repair_app.services import clocks, timers
from tests.factories import act, get_case, make_case, make_record

FORWARD, BACK = timedelta(days=10), timedelta(days=-3)


def run_what_comes_round(moment):
    for timer in (timers.mark_overdue, timers.remind, timers.escalate):
        timer(moment)
    timers.expire_records(moment)
    timers.lapse_sanctions(moment)


def count_events(ref, transition):
    db.session.rollback()
    wanted = select(func.count()).where(Event.entity == ref, Event.transition == transition)
    return db.session.scalar(wanted)


def test_a_term_that_a_jump_ends_is_passed_on_once_and_a_step_back_undoes_nothing(
    app, world, digest
):
    case = make_case(world, "submitted")
    record = make_record(world.other_firm, world.agency)
    end = record.max_publication_until - now().date() + timedelta(days=1)
    run_what_comes_round(now())
    assert not count_events(case.ref, "escalate")
    for jump in (FORWARD, FORWARD + BACK, FORWARD, timedelta(0)):
        run_what_comes_round(now() + jump)
        assert count_events(case.ref, "escalate") == 1
    term = select(Deadline).where(Deadline.case_id == case.id, Deadline.overdue_at.is_not(None))
    assert len(db.session.scalars(term.where(~Deadline.whole)).all()) == 1
    run_what_comes_round(now() + end)
    over = digest("alarm")
    for jump in (end + BACK, FORWARD, BACK):
        run_what_comes_round(now() + jump)
        assert digest("alarm") == over  # nothing is opened again, nothing told twice
    assert db.session.get(CreditRecord, record.id).state == "expired"


def test_events_keep_their_order_whatever_the_clock_says(app, world, as_):
    case = make_case(world, "submitted")
    with at(now() + FORWARD):
        act(world.reviewer, "accept", case)
    with at(now() + BACK):
        act(world.reviewer, "ask_provider", get_case(case.ref))
    own = Event.entity == case.ref
    events = db.session.scalars(select(Event).where(own).order_by(Event.seq)).all()
    assert [one.transition for one in events[-2:]] == ["accept", "ask_provider"]
    assert events[-2].at > events[-1].at
    assert ledger.verify(db.session(), case.ref)[1] is None
    assert get_case(case.ref).state == "with_provider"
    page = as_(world.reviewer).read(f"/cases/{case.ref}")
    assert page.having("state")[0].text == "信息提供单位核实中"  # what came last counts


def test_control_a_sweep_that_does_not_look_whether_it_was_done_passes_on_twice(
    app, world, monkeypatch
):
    case = make_case(world, "submitted")
    monkeypatch.setattr(timers, "to_pass_on", true)
    monkeypatch.setattr(machine, "reasons_against", lambda _step: ())
    for jump in (FORWARD, FORWARD + BACK):
        timers.escalate(now() + jump)
    assert count_events(case.ref, "escalate") == 2


@pytest.mark.parametrize("seconds", [-3, 3])
def test_clocks_that_differ_are_told_until_they_agree_again(
    app, store, monkeypatch, seconds, as_, world
):
    true_time = clocks.own_time
    monkeypatch.setattr(clocks, "own_time", lambda: true_time() - timedelta(seconds=seconds))
    timers.watch_clock(now())
    timers.watch_clock(now())
    raised = db.session.scalars(select(Alarm).where(Alarm.kind == clocks.ALARM)).all()
    if store.name == "sqlite":  # it has no clock of its own
        assert raised == []
        return
    [alarm] = raised
    assert ("ahead" if seconds > 0 else "behind") in alarm.text
    page = as_(world.administrator).get("/admin", headers={"Accept-Language": "en"})
    assert "The clocks of this server and of the database differ" in page.words
    monkeypatch.setattr(clocks, "own_time", true_time)
    timers.watch_clock(now())
    db.session.rollback()
    assert db.session.scalars(select(Alarm.cleared_at)).one()


def test_a_second_or_what_asking_took_is_no_difference(app, monkeypatch):
    true_time = clocks.own_time
    monkeypatch.setattr(clocks, "own_time", lambda: true_time() - timedelta(seconds=1))
    timers.watch_clock(now() + FORWARD)  # the moment that it is run for is no clock
    assert db.session.scalars(select(Alarm)).all() == []
