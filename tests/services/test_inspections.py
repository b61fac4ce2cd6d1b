"""What the inspection list shows as suspicious, each with a case that is not (…（八）巡查检查)."""

from contextlib import contextmanager

import pytest
import time_machine
from sqlalchemy import event, update

from repair_app.db import db
from repair_app.models import Case, Deadline, Role
from repair_app.services import inspections
from repair_app.services.transaction import transaction
from tests.factories import act, make_appointment, make_case, make_record, make_sanction
from tests.journeys.steps import in_days


def refs_of(rows):
    """Return the references of rows."""
    return [one.ref for one in rows]


@pytest.fixture
def record(world):
    record = make_record(world.firm, world.agency)
    make_sanction(record, world.officer)
    return record


def test_refused_with_evidence_and_nobody_asked_is_shown(world, record):
    refused = make_case(world, "refused", record=record)
    verified = make_case(world, "rejected")
    shown = refs_of(inspections.list_refused_unverified())
    assert refused.ref in shown
    assert verified.ref not in shown


def test_a_person_on_both_sides_is_shown_also_when_the_seat_came_later(world, record):
    case = make_case(world, "confirmed", record=record)
    assert inspections.list_one_person_on_both_sides() == []
    make_appointment(world.provider, world.firm, Role.SUBJECT)
    db.session.rollback()
    assert refs_of(inspections.list_one_person_on_both_sides()) == [case.ref]


def test_the_longest_suspension_comes_first_and_a_lifted_one_is_gone(world, record):
    case = make_case(world, "accepted", record=record)
    (suspension,) = inspections.list_longest_suspended()
    assert suspension.case_id == case.id
    act(world.subject, "withdraw", case)
    db.session.rollback()
    assert inspections.list_longest_suspended() == []


def test_a_hold_with_no_timer_is_shown(world, record):
    """A suspension without a term would stand for ever."""
    case = make_case(world, "accepted", record=record)
    assert inspections.list_holds_without_timer() == []
    with transaction() as session:
        session.execute(
            update(Deadline).where(Deadline.case_id == case.id).values(met_at=case.opened_at)
        )
    held = inspections.list_holds_without_timer()
    assert {one[0] for one in held} == {case.ref}
    assert {one[1] for one in held} == {record.ref, record.sanctions[0].ref}


def test_a_matter_in_which_something_happened_is_not_stuck(world):
    case = make_case(world, "with_provider")
    with time_machine.travel(in_days(120), tick=False):
        assert case.ref in {one.entity_ref for one in inspections.list_stuck()}
        act(world.reviewer, "recall", case)
        db.session.rollback()
        assert case.ref not in {one.entity_ref for one in inspections.list_stuck()}


def test_a_provider_that_answers_now_and_then_is_not_silent(world):
    make_case(world, "with_provider")
    with time_machine.travel(in_days(60), tick=False):
        (silent,) = inspections.list_silent_providers()
        assert (silent.provider.name, silent.waiting) == (world.agency.name, 1)
        make_case(world, "confirmed", record=make_record(world.firm, world.agency))
        db.session.rollback()
        assert inspections.list_silent_providers() == []


def test_the_list_is_drawn_before_anything_is_locked(world, record, monkeypatch):
    """On SQLite nobody writes while one transaction does: no record is read inside it."""
    make_case(world, "submitted")
    order = []

    def drawing(*arguments):
        order.append("draw")
        return draw(*arguments)

    @contextmanager
    def writing():
        order.append("write")
        with transaction() as session:
            yield session

    draw = inspections.draw
    monkeypatch.setattr(inspections, "draw", drawing)
    monkeypatch.setattr(inspections, "transaction", writing)
    assert inspections.draw_list() == 3  # two records, one case
    assert order == ["draw", "draw", "write"]
    # The list of a week is there: nothing is drawn, nothing written.
    assert inspections.draw_list() == 3
    assert order == ["draw", "draw", "write"]


def test_a_page_takes_no_more_queries_however_much_is_on_it(world, as_, record):
    auditor = as_(world.auditor)
    make_case(world, "refused", record=record)
    make_case(world, "with_provider")
    make_case(world, "confirmed")
    make_appointment(world.provider, world.firm, Role.SUBJECT)
    with time_machine.travel(in_days(60), tick=False):
        auditor = as_(world.auditor)
        auditor.get("/audit/inspections")
        with counted() as few:
            page = auditor.read("/audit/inspections")
        assert world.agency.name not in page.words
    for agency in (world.agency, world.other_agency):
        make_case(world, "refused", record=make_record(world.firm, agency))
        make_case(world, "with_provider", record=make_record(world.firm, agency))
    with time_machine.travel(in_days(400), tick=False):
        auditor = as_(world.auditor)
        auditor.get("/audit/inspections")
        with counted() as many:
            page = auditor.read("/audit/inspections")
        assert world.agency.name in page.words
        assert world.other_agency.name in page.words
    assert len(many) == len(few)


@contextmanager
def counted():
    """Give a list that holds, at the end, the queries made inside."""
    queries = []

    def note(_connection, _cursor, statement, *_rest):
        if not statement.startswith(("PRAGMA", "BEGIN", "SET TRANSACTION")):
            queries.append(statement)

    event.listen(db.engine, "before_cursor_execute", note)
    try:
        yield queries
    finally:
        event.remove(db.engine, "before_cursor_execute", note)


def test_what_cannot_be_looked_at_is_refused(world):
    with pytest.raises(inspections.NotDrawn):
        inspections.mark_item(1, world.auditor, "in_order", "")
    assert db.session.query(Case).count() == 0
