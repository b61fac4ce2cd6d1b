"""The calendar feed: a person's own terms, at a secret address, without a session."""

from datetime import date

import pytest
import time_machine
from flask_limiter import Limiter
from flask_limiter.util import get_remote_address
from icalendar import Calendar
from sqlalchemy import event, select, update

from config import TestConfig
from repair_app import create_app, limits
from repair_app.db import db
from repair_app.models import Appointment, Role, User
from repair_app.services import complaints
from repair_app.services.transaction import transaction
from tests.client import CSRF, make_client
from tests.factories import (
    act,
    make_account,
    make_case,
    make_record,
    make_upload,
    open_matter,
    requirement_of,
)
from tests.journeys.steps import REF, case_of, in_days, term_of


@pytest.fixture
def feed_of(as_, anybody):
    """Give a function that makes a person's feed and returns its path."""

    def make(user):
        client = as_(user)
        token = CSRF.search(client.read("/settings").html)[1]
        page = client.post("/settings/feed", data={"csrf_token": token})
        assert page.status_code == 200
        assert any(one.startswith("webcal:") for one in page.links.values())
        address = next(one for one in page.links.values() if ".ics" in one)
        return address[address.index("/feed/") :]

    return make


def events_at(client, path):
    answer = client.get(path)
    assert answer.status_code == 200
    assert answer.mimetype == "text/calendar"
    assert "Set-Cookie" not in answer.headers
    assert answer.headers["Cache-Control"] == "no-store"
    return list(Calendar.from_ical(answer.get_data()).walk("VEVENT"))


def test_a_feed_holds_the_terms_that_a_person_has_to_meet(world, anybody, feed_of):
    case = make_case(world, "submitted")
    path = feed_of(world.reviewer)
    event = events_at(anybody, path)[0]
    due = term_of(case.ref).due_on
    assert event["DTSTART"].dt == due
    assert type(event["DTSTART"].dt) is date
    assert case.ref in event["SUMMARY"]
    assert "异议" in event["SUMMARY"]
    assert event["UID"] == f"term-{term_of(case.ref).id}@redress"
    assert events_at(anybody, feed_of(world.upper_reviewer)) == []
    assert events_at(anybody, feed_of(world.provider)) == []
    act(world.reviewer, "accept", case)
    act(world.reviewer, "ask_provider", case_of(case.ref))
    assert events_at(anybody, path) == []
    assert len(events_at(anybody, feed_of(world.provider))) == 1


def test_the_enterprise_and_its_agent_find_what_they_owe(world, anybody, feed_of):
    case = make_case(world, "supplement_asked")
    record = make_record(world.firm, world.agency, severity="serious", decided_days_ago=300)
    repair = make_case(world, "draft", workflow="repair", record=record)
    owed = requirement_of(repair, "training").ref
    found = " ".join(one["SUMMARY"] for one in events_at(anybody, feed_of(world.subject)))
    assert case.ref in found
    assert owed in found
    found = " ".join(one["SUMMARY"] for one in events_at(anybody, feed_of(world.agent)))
    assert case.ref in found
    assert owed not in found  # the mandate reaches no repair
    assert events_at(anybody, feed_of(world.stranger)) == []


def test_an_event_keeps_its_uid_and_counts_its_changes(world, anybody, feed_of):
    case = make_case(world, "with_provider")
    path = feed_of(world.provider)
    before = events_at(anybody, path)[0]
    assert events_at(anybody, path)[0]["SEQUENCE"] == before["SEQUENCE"]
    with transaction() as session:
        from repair_app.db import now
        from repair_app.engine import deadlines, machine
        from repair_app.engine.step import SYSTEM, Answers
        from repair_app.engine.store import Store
        from repair_app.services.policy import current_policy

        entity = session.get_one(type(case), case.id)
        policy = current_policy()
        transition = policy.workflow_of(entity).transitions["escalate"]
        step = machine.prepare(
            Store(session), policy, entity, transition, SYSTEM, Answers(), at=now()
        )
        deadlines.extend(step, term_of_clock(entity), 5, "需要更多时间。")
    after = events_at(anybody, path)[0]
    assert after["UID"] == before["UID"]
    assert after["SEQUENCE"] > before["SEQUENCE"]
    assert after["DTSTART"].dt > before["DTSTART"].dt


def term_of_clock(case):
    return next(one.clock for one in case.deadlines if one.is_running and not one.whole)


def test_a_feed_names_nobody(world, anybody, feed_of):
    make_case(world, "submitted")
    text = anybody.get(feed_of(world.reviewer)).get_data(as_text=True)
    for word in (world.firm.name, world.firm.uscc, world.reviewer.person.name, "@example.com"):
        assert word not in text.replace("\r\n ", "")


def test_a_feed_ends_with_its_address_with_the_account_and_with_the_office(
    world, as_, anybody, feed_of
):
    make_case(world, "submitted")
    first = feed_of(world.reviewer)
    second = feed_of(world.reviewer)
    assert first != second
    assert anybody.get(first).status_code == 404
    assert len(events_at(anybody, second)) == 1
    with transaction() as session:
        yesterday = in_days(-1).date()
        own = Appointment.user_id == world.reviewer.id
        session.execute(update(Appointment).where(own).values(ends_on=yesterday))
    assert events_at(anybody, second) == []
    with transaction() as session:
        session.execute(update(User).where(User.id == world.reviewer.id).values(active=False))
    assert anybody.get(second).status_code == 404
    path = feed_of(world.provider)
    client = as_(world.provider)
    token = CSRF.search(client.read("/settings").html)[1]
    assert client.post("/settings/feed/end", data={"csrf_token": token}).status_code == 302
    assert anybody.get(path).status_code == 404
    db.session.rollback()
    assert world.provider.feed_digest is None


def test_the_address_is_shown_once_and_kept_nowhere(world, as_, anybody, feed_of, app):
    client = as_(world.reviewer)
    assert "/settings/feed/end" not in client.read("/settings").html
    path = feed_of(world.reviewer)
    secret = path.removeprefix("/feed/").removesuffix(".ics")
    page = client.read("/settings")
    assert secret not in page.html
    assert "/settings/feed/end" in page.html
    db.session.rollback()
    kept = [str(one) for one in db.session.execute(select(*User.__table__.columns)).all()]
    assert not any(secret in one for one in kept)
    # What is kept opens nothing.
    digest = world.reviewer.feed_digest
    assert digest
    for one in (digest, digest[:32]):
        assert anybody.get(f"/feed/{one}.ics").status_code == 404
    assert anybody.get(path).status_code == 200


@pytest.mark.parametrize("token", ["x", "%00", "None", "a" * 3000, "..%2f"])
def test_an_address_that_is_none_is_not_there(anybody, token):
    assert anybody.get(f"/feed/{token}.ics").status_code == 404


def test_addresses_that_are_none_are_limited(stage, world, monkeypatch, feed_of):
    path = feed_of(world.reviewer)
    monkeypatch.setattr(limits, "limiter", Limiter(get_remote_address))
    config = TestConfig()
    for name, value in {
        "RATELIMIT_ENABLED": True,
        "FEED_RATE_LIMIT": "3 per minute",
        "SQLALCHEMY_DATABASE_URI": stage.app.config["SQLALCHEMY_DATABASE_URI"],
    }.items():
        setattr(config, name, value)
    app = create_app(config)
    client = make_client(app)
    assert {client.get(path).status_code for _ in range(9)} == {200}
    assert [client.get(f"/feed/{one}.ics").status_code for one in "abcd"] == [404, 404, 404, 429]
    with app.app_context():
        db.engine.dispose()


@pytest.fixture
def slow(stage, monkeypatch):
    """Give a browser of nobody on an application that counts, with its limits."""

    def start(**settings):
        monkeypatch.setattr(limits, "limiter", Limiter(get_remote_address))
        config = TestConfig()
        address = stage.app.config["SQLALCHEMY_DATABASE_URI"]
        settings |= {"RATELIMIT_ENABLED": True, "SQLALCHEMY_DATABASE_URI": address}
        for name, value in settings.items():
            setattr(config, name, value)
        apps.append(create_app(config))
        return make_client(apps[-1])

    apps = []
    yield start
    for one in apps:
        with one.app_context():
            db.engine.dispose()


def test_each_feed_is_handed_out_so_often_and_no_more(world, feed_of, slow):
    """By whoever asks, from wherever: what is limited is the address, not the office's network."""
    first, second = feed_of(world.reviewer), feed_of(world.provider)
    client = slow(FEED_READ_RATE_LIMIT="3 per hour")
    assert [client.get(first).status_code for _ in range(4)] == [200, 200, 200, 429]
    assert client.get(second).status_code == 200


def test_a_feed_asks_as_often_for_many_terms_as_for_one(world, anybody, feed_of):
    path = feed_of(world.reviewer)

    def count_questions():
        asked = []
        keep = lambda _c, _cursor, statement, *_: asked.append(statement)  # noqa: E731
        event.listen(db.engine, "before_cursor_execute", keep)
        try:
            found = events_at(anybody, path)
        finally:
            event.remove(db.engine, "before_cursor_execute", keep)
        return len(found), len(asked)

    make_case(world, "submitted")
    make_case(world, "submitted", workflow="repair")
    first, few = count_questions()
    for _ in range(4):
        record = make_record(world.other_firm, world.other_agency)
        make_case(world, "submitted", record=record, subject=world.stranger)
    more, many = count_questions()
    assert (first, more) == (2, 6)
    assert many <= few


def test_a_feed_of_an_account_of_the_time_to_come(world, anybody, feed_of):
    newcomer = make_account(world.centre, Role.REVIEWER)
    make_case(world, "submitted")
    path = feed_of(newcomer)
    with time_machine.travel(in_days(40)):
        assert len(events_at(anybody, path)) == 1  # late, and still to be done


def owed_at(client, path):
    """Return by number what a feed says that an office owes."""
    found = [one for one in events_at(client, path) if one["UID"].startswith("answer-")]
    return {REF.search(one["SUMMARY"])[0]: one for one in found}


def test_the_enterprise_finds_until_when_it_is_to_be_answered(world, anybody, feed_of):
    """The day that was promised: of the whole matter, whatever office has it meanwhile."""
    case = make_case(world, "submitted")
    path, agents = feed_of(world.subject), feed_of(world.agent)
    whole = next(one for one in case_of(case.ref).deadlines if one.whole)
    assert [*owed_at(anybody, path)] == [case.ref]
    event = owed_at(anybody, path)[case.ref]
    assert event["DTSTART"].dt == whole.due_on
    assert event["UID"] == f"answer-{whole.id}@redress"
    assert "办理期限" in event["SUMMARY"]
    assert [*owed_at(anybody, agents)] == [case.ref]
    act(world.reviewer, "accept", case)
    act(world.reviewer, "ask_provider", case_of(case.ref))
    assert owed_at(anybody, path)[case.ref]["DTSTART"].dt == whole.due_on
    for other in (world.stranger, world.reviewer, world.provider, world.auditor):
        assert owed_at(anybody, feed_of(other)) == {}


def test_what_has_no_term_of_the_whole_is_due_when_its_office_has_to_act(world, anybody, feed_of):
    case = open_matter("proceeding", make_record(world.firm, world.agency), world.subject)
    term = term_of(case.ref)
    assert not term.whole
    assert owed_at(anybody, feed_of(world.subject))[case.ref]["DTSTART"].dt == term.due_on


def test_an_agent_finds_answers_in_what_the_mandate_reaches_only(world, anybody, feed_of):
    repair = make_case(world, "submitted", workflow="repair")
    assert [*owed_at(anybody, feed_of(world.subject))] == [repair.ref]
    assert owed_at(anybody, feed_of(world.agent)) == {}


def test_a_term_that_stands_still_says_so_and_one_that_is_met_is_gone(world, anybody, feed_of):
    path = feed_of(world.subject)
    case = make_case(world, "with_provider")
    assert "暂停计时" not in owed_at(anybody, path)[case.ref]["DESCRIPTION"]
    act(world.provider, "begin_appraisal", case)
    assert "暂停计时" in owed_at(anybody, path)[case.ref]["DESCRIPTION"]
    asked = make_case(
        world, "supplement_asked", record=make_record(world.firm, world.agency, decision_no="二")
    )
    assert asked.ref not in owed_at(anybody, path)  # it is the enterprise's own turn
    done = make_case(
        world, "withdrawn", record=make_record(world.firm, world.agency, decision_no="三")
    )
    assert done.ref not in owed_at(anybody, path)


def test_a_complaint_about_a_firm_is_in_no_feed_of_its_people(world, anybody, feed_of):
    record = make_record(world.firm, world.agency)
    told = complaints.Told("error", "other", "有误。", "", [make_upload()])
    complaints.receive(record.ref, told, "form")
    assert events_at(anybody, feed_of(world.subject)) == []
    assert len(events_at(anybody, feed_of(world.reviewer))) == 1
