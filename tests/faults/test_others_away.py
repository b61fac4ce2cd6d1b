"""F13, F14, F16: servers of others are down, two schedulers run, a record is removed everywhere."""

import threading
from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta

import pytest
from sqlalchemy import func, select, true

from repair_app.db import at, db, now
from repair_app.engine import machine as engine
from repair_app.models import CreditRecord, Deadline, Event, Message
from repair_app.services import history, mail, records, search, timers
from tests.factories import act, annul_record, get_case, make_case, make_record

LATE = 8  # matters that are late when two schedulers run
NOWHERE = "smtp://127.0.0.1:9"  # the port of a service that nobody runs
pytestmark = pytest.mark.timeout(600)


def count(model, *conditions):
    db.session.rollback()
    return db.session.scalar(select(func.count()).select_from(model).where(*conditions))


# --- F13: mail and others are down ---------------------------------------------------------------


@pytest.fixture
def mail_is_down(app, monkeypatch):
    monkeypatch.setitem(app.config, "SMTP_URL", NOWHERE)
    monkeypatch.setitem(app.config, "SMTP_SENDER", "redress@gov.example")


def test_a_step_is_taken_while_the_mail_server_is_down_and_its_messages_wait(
    app, world, mail_is_down
):
    case = make_case(world, "submitted")
    told = count(Message)
    act(world.reviewer, "accept", case)
    assert get_case(case.ref).state == "accepted"
    assert count(Message) > told
    assert mail.send_due() == 0  # they wait; nothing is raised, nothing taken back
    act(world.reviewer, "ask_provider", get_case(case.ref))
    assert get_case(case.ref).state == "with_provider"


def test_control_a_step_that_sends_by_itself_is_not_taken(app, world, monkeypatch):
    """What keeps a step from waiting for others is that it writes, and a worker sends."""

    def send_at_once(_step, _event):
        raise ConnectionRefusedError

    case = make_case(world, "submitted")
    defaults = {**engine.fire.__kwdefaults__, "told": (*engine.TOLD, send_at_once)}
    monkeypatch.setattr(engine.fire, "__kwdefaults__", defaults)
    with pytest.raises(ConnectionRefusedError):
        act(world.reviewer, "accept", case)
    assert get_case(case.ref).state == "submitted"


# --- F14: two schedulers --------------------------------------------------------------------------


@pytest.fixture
def late(app, world):
    """Give the references of matters that nobody has taken in hand for sixty days."""
    with at(now() - timedelta(days=60)):
        return [make_case(world, "submitted").ref for _ in range(LATE)]


def sweep_twice_at_once(app):
    """Run what comes round in two workers at once; one that fails is run again, as jobs are."""
    barrier = threading.Barrier(2)

    def run(_):
        with app.app_context():
            barrier.wait(60)
            try:
                for timer in (timers.mark_overdue, timers.escalate):
                    timer(now())
            finally:
                db.session.remove()

    with ThreadPoolExecutor(2) as two:
        list(two.map(run, range(2)))
    db.session.rollback()


def count_escalations(late):
    return [count(Event, Event.entity == one, Event.transition == "escalate") for one in late]


def test_two_schedulers_pass_each_late_matter_on_once(app, late):
    db.session.rollback()
    sweep_twice_at_once(app)
    assert count_escalations(late) == [1] * LATE
    assert count(Deadline, Deadline.overdue_at.is_not(None), ~Deadline.whole) >= LATE
    assert history.verify_all()[1] is None
    sweep_twice_at_once(app)
    assert count_escalations(late) == [1] * LATE


def test_control_schedulers_that_do_not_look_again_pass_it_on_twice(app, late, monkeypatch):
    monkeypatch.setattr(timers, "to_pass_on", true)
    monkeypatch.setattr(engine, "reasons_against", lambda _step: ())
    for _ in range(2):
        timers.escalate(now())
    assert count_escalations(late) == [2] * LATE


# --- F16: a record is removed ---------------------------------------------------------------------


@pytest.fixture
def record(app, world):
    return make_record(world.firm, world.agency)


def outlets_of(record, firm):
    """Return where everybody reads of a record, with what to look for in each."""
    return {
        f"/records/{record.ref}": record.decision_no,
        f"/records/{record.ref}?lang=en": record.decision_no,
        f"/records/{record.ref}/qr.svg": "<svg",
        f"/?q={firm.uscc}": record.ref,
        f"/exports/records.csv?q={firm.uscc}": record.decision_no,
    }


def test_a_removed_record_is_gone_from_every_outlet_at_once_and_no_answer_of_before_is_confirmed(
    world, record, anybody, machine
):
    ref, number = record.ref, record.decision_no
    system = machine("stranger")
    told = system.get(f"/records/{ref}")
    assert told.json["decision_no"] == number
    shown = outlets_of(record, world.firm)
    kept = {}
    for path, text in shown.items():
        answer = anybody.get(path)
        assert text in answer.get_data(as_text=True), path
        kept[path] = {
            "If-None-Match": answer.headers.get("ETag", '"of before"'),
            "If-Modified-Since": answer.headers.get("Last-Modified", ""),
        }
        caching = answer.headers.get("Cache-Control", "")
        assert "public" not in caching, path  # nobody in between may keep it
    annul_record(world, record)
    for path, text in shown.items():
        for headers in ({}, kept[path]):
            answer = anybody.get(path, headers=headers)
            assert answer.status_code in {200, 404, 410}, path  # never 304
            assert text not in answer.get_data(as_text=True), path
    for headers in ({}, {"If-None-Match": told.headers["ETag"]}):
        assert system.get(f"/records/{ref}", headers=headers).status_code == 404
    removed = db.session.scalars(select(CreditRecord).where(CreditRecord.ref == ref)).one()
    assert removed.archived_at  # 转为档案保存


def test_control_without_a_look_at_its_state_an_outlet_shows_a_removed_record(
    world, record, anybody, monkeypatch
):
    shown = outlets_of(record, world.firm)
    of_its_own = [path for path in shown if path.startswith("/records/")]
    annul_record(world, record)
    monkeypatch.setattr(records, "shown_to_public", lambda _record: True)
    for path in of_its_own:
        assert shown[path] in anybody.get(path).get_data(as_text=True), path


def test_control_without_a_condition_of_its_own_a_list_shows_a_removed_record(
    world, record, anybody, monkeypatch
):
    shown = outlets_of(record, world.firm)
    annul_record(world, record)
    path = f"/?q={world.firm.uscc}"
    assert shown[path] not in anybody.get(path).html
    monkeypatch.setattr(search, "shown_to_public", lambda _record: True)
    assert shown[path] not in anybody.get(path).html  # two guards: the question, and each row
    monkeypatch.setattr(search, "is_in_its_term", true)
    assert shown[path] in anybody.get(path).html
