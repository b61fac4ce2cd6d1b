"""F6, F7, F12: many at once, two at once, locks that are held: one effect, and a clear answer."""

import threading
from concurrent.futures import ThreadPoolExecutor
from itertools import combinations_with_replacement

import psycopg
import pytest
from flask import Flask
from psycopg import errors
from sqlalchemy import func, select
from sqlalchemy.exc import OperationalError

from repair_app import ledger
from repair_app.db import db
from repair_app.engine.step import WrongState
from repair_app.models import Case, Event, User
from repair_app.services import cases, transaction
from tests.factories import act, answer, get_case, make_case, make_submission

on_postgresql = pytest.mark.parametrize("stage", ["postgresql"], indirect=True)
MANY = {"postgresql": 100, "sqlite": 20}  # a file has one writer at a time
AT_ONCE = 12
LOCK = "SELECT FROM {} WHERE id = %s FOR UPDATE"
pytestmark = pytest.mark.timeout(600)


def count_events(ref, transition):
    db.session.rollback()
    wanted = select(func.count()).where(Event.entity == ref, Event.transition == transition)
    return db.session.scalar(wanted)


def in_thread(app: Flask, function, *given):
    """Do something in a context, and with a connection, of its own."""
    with app.app_context():
        try:
            return function(*given)
        finally:
            db.session.remove()


# --- F6: the same form a hundred times ----------------------------------------------------------


def send_many(app, forms, user_id, ref):
    """Send forms of an acceptance at once, until each has an answer; return the answers."""

    def send(form):
        user = db.session.get_one(User, user_id)
        while True:
            try:
                return cases.perform("cases", ref, "accept", user, form)
            except OperationalError:
                db.session.rollback()  # the page says: wait, and send it again
            except (cases.Stale, WrongState) as refusal:
                return type(refusal)

    with ThreadPoolExecutor(AT_ONCE) as crowd:
        return list(crowd.map(lambda form: in_thread(app, send, form), forms))


@pytest.fixture
def form_of(world):
    """Give a case to accept and a function that returns a form for it."""
    case = make_case(world, "submitted")
    given = answer("accept", case)
    purpose, version = f"{case.ref} accept", case.version

    def make(token):
        return make_submission(purpose, **given, version=version, token=token)

    return case, make


def test_the_same_form_sent_a_hundred_times_has_one_effect_and_one_answer(
    app, world, store, form_of
):
    case, make = form_of
    answers = send_many(app, [make("the one")] * MANY[store.name], world.reviewer.id, case.ref)
    assert {one.ref for one in answers} == {case.ref}
    assert sum(not one.repeated for one in answers) == 1
    assert count_events(case.ref, "accept") == 1
    assert ledger.verify(db.session(), case.ref)[1] is None


def test_of_a_hundred_forms_one_has_its_effect_and_the_others_are_told(app, world, store, form_of):
    case, make = form_of
    forms = [make(f"number {one}") for one in range(MANY[store.name])]
    answers = send_many(app, forms, world.reviewer.id, case.ref)
    assert answers.count(cases.Stale) == len(forms) - 1
    assert count_events(case.ref, "accept") == 1
    assert get_case(case.ref).state == "accepted"


def test_control_without_its_token_the_same_form_is_not_answered_alike(
    app, world, form_of, monkeypatch
):
    monkeypatch.setattr(cases, "find_earlier", lambda *_: None)
    case, make = form_of
    answers = send_many(app, [make("the one")] * AT_ONCE, world.reviewer.id, case.ref)
    assert answers.count(cases.Stale) == AT_ONCE - 1


# --- F7: two at a barrier -------------------------------------------------------------------------

STEPS = ("accept", "refuse", "ask_supplement", "withdraw")


@on_postgresql
@pytest.mark.parametrize("pair", list(combinations_with_replacement(STEPS, 2)), ids="-".join)
def test_of_two_steps_taken_at_once_from_the_same_page_one_is_taken(app, world, pair):
    case = make_case(world, "submitted")
    ref, version = case.ref, case.version
    people = {"withdraw": world.subject.id}
    who = [people.get(pair[0], world.reviewer.id), people.get(pair[1], world.second_reviewer.id)]
    forms = [
        make_submission(f"{ref} {step}", **answer(step, case), version=version) for step in pair
    ]
    barrier = threading.Barrier(2)

    def take(number):
        user = db.session.get_one(User, who[number])
        barrier.wait(60)
        while True:
            try:
                return cases.perform("cases", ref, pair[number], user, forms[number]).ref
            except OperationalError:
                db.session.rollback()
            except (cases.Stale, WrongState):
                return None

    with ThreadPoolExecutor(2) as both:
        done = list(both.map(lambda number: in_thread(app, take, number), range(2)))
    db.session.rollback()
    assert sorted(map(bool, done)) == [False, True]
    assert get_case(ref).version == version + 1
    assert sum(count_events(ref, step) for step in {*pair}) == 1
    assert ledger.verify(db.session(), ref)[1] is None


@on_postgresql
def test_control_without_the_lock_both_begin_and_only_the_database_keeps_the_second_out(
    app, world, monkeypatch
):
    """What tells the second one kindly, before anything is written, is the lock on the record."""
    case = make_case(world, "submitted")
    ref, version = case.ref, case.version
    who = [world.reviewer.id, world.second_reviewer.id]
    forms = [make_submission(f"{ref} accept", version=version) for _ in range(2)]
    barrier = threading.Barrier(2)

    def look_only(session, _kind, ref):
        found = session.scalars(select(Case).where(Case.ref == ref)).one()
        barrier.wait(60)
        return found

    monkeypatch.setattr(cases, "lock", look_only)

    def take(number):
        user = db.session.get_one(User, who[number])
        try:
            return cases.perform("cases", ref, "accept", user, forms[number]).ref
        except Exception as error:  # noqa: BLE001  # whichever rule of the database it was
            return type(error)

    with ThreadPoolExecutor(2) as both:
        done = list(both.map(lambda number: in_thread(app, take, number), range(2)))
    assert ref in done
    assert cases.Stale not in done
    assert count_events(ref, "accept") == 1  # the number of an event is given once


# --- F12: what another one holds ------------------------------------------------------------------


@pytest.fixture
def tried(monkeypatch):
    """Give a list of what was tried again."""
    said = []
    monkeypatch.setattr(transaction.log, "warning", lambda _text, name: said.append(name))
    return said


def cross(app, world, store):
    """Take a step while another one holds the case, and asks for its record as well: a deadlock."""
    case = make_case(world, "submitted")
    ref, case_id, record_id = case.ref, case.id, case.record_id
    reviewer = world.reviewer.id
    db.session.rollback()
    waits = "SELECT count(*) FROM pg_stat_activity WHERE wait_event_type = 'Lock'"

    def take():
        user = db.session.get_one(User, reviewer)
        return act(user, "accept", get_case(ref)).ref

    with (
        psycopg.connect(store.url, options="-c deadlock_timeout=60s") as other,
        psycopg.connect(store.url, autocommit=True) as looking,
        ThreadPoolExecutor(1) as aside,
    ):
        other.execute(LOCK.format("case_file"), [case_id])
        taken = aside.submit(in_thread, app, take)
        while not looking.execute(waits).fetchone()[0] and not taken.done():
            pass  # it has the record, and waits for the case
        other.execute(LOCK.format("credit_record"), [record_id])  # until the step is taken back
        other.rollback()
        return taken.result(60), ref


@on_postgresql
def test_a_deadlock_is_got_over_unseen(app, world, store, tried):
    """The database takes our transaction back: it is begun anew, and nothing is done twice."""
    done, ref = cross(app, world, store)
    assert done == ref
    assert tried
    assert set(tried) <= {"DeadlockDetected", "LockNotAvailable"}
    assert count_events(ref, "accept") == 1


@on_postgresql
def test_control_who_does_not_try_again_is_refused(app, world, store, monkeypatch):
    monkeypatch.setattr(transaction, "TRIES", 1)
    with pytest.raises(OperationalError):
        cross(app, world, store)


def fails_with(error, times):
    """Return a function that fails so often, and how often it was called."""
    calls = []

    @transaction.tried_again
    def act_or_fail():
        calls.append(1)
        if len(calls) <= times:
            raise OperationalError("", {}, error())
        return len(calls)

    return act_or_fail, calls


@pytest.mark.parametrize(
    "error", [errors.SerializationFailure, errors.DeadlockDetected, errors.LockNotAvailable]
)
def test_what_another_transaction_was_in_the_way_of_is_tried_three_times(error, tried):
    act_or_fail, calls = fails_with(error, 2)
    assert act_or_fail() == 3
    act_or_fail, calls = fails_with(error, 9)
    with pytest.raises(OperationalError):
        act_or_fail()
    assert len(calls) == 3


@pytest.mark.parametrize("error", [errors.AdminShutdown, errors.QueryCanceled, errors.DiskFull])
def test_what_may_have_been_committed_or_takes_too_long_is_not_tried_again(error):
    act_or_fail, calls = fails_with(error, 9)
    with pytest.raises(OperationalError):
        act_or_fail()
    assert len(calls) == 1
