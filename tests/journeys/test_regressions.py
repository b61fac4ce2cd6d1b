"""Faults that were found in comparable systems, each of which must not be ours.

Each test is named after the fault, and fails where the fault is.
"""

from datetime import timedelta

import pytest
import time_machine
from sqlalchemy import select, text
from sqlalchemy.exc import DBAPIError

from repair_app.db import db, now, today
from repair_app.models import CreditRecord, Deadline
from repair_app.services import calendar, timers
from repair_app.services.calendar_file import single_day
from repair_app.services.policy import current_policy
from repair_app.services.transaction import transaction
from tests.factories import OBJECTION, REPAIR, make_case, make_record, make_sanction
from tests.journeys.steps import (
    accept_and_forward,
    ask_department,
    case_of,
    decided,
    dispute,
    in_days,
    is_marked,
    row_of,
    sanctions_of,
    steps_on,
    take,
    term_of,
    try_to,
)

REFUSAL = {"code": "no_ground_shown", "reason": "未说明理由。", "remedy": "补充后可再提。"}


def test_a_record_frozen_although_its_objection_was_refused(cast, world, anybody):
    """The freeze stood behind the if/else of the decision: refused froze, too."""
    record = make_record(world.firm, world.agency)
    make_sanction(record, world.officer)
    before = row_of(sanctions_of(record)[0]), row_of(record)
    ref = dispute(cast.subject, record)
    take(cast.reviewer, "refuse", ref, **REFUSAL)
    assert (row_of(sanctions_of(record)[0]), row_of(record)) == before
    assert not sanctions_of(record)[0].suspensions
    assert not is_marked(anybody, record)
    assert ask_department(cast.officer, world.firm.uscc) == [True]


ENDS = ["rejected", "withdrawn", "executed", "removal_executed", "moot"]


@pytest.mark.parametrize("end", ENDS)
def test_a_freeze_that_no_event_ever_lifts(cast, world, anybody, end):
    """There was one writer of the lock, and none that took it away: here every end does."""
    record = make_record(world.firm, world.agency)
    make_sanction(record, world.officer)
    ref = dispute(cast.subject, record)
    take(cast.reviewer, "accept", ref)
    assert ask_department(cast.officer, world.firm.uscc) == [False]
    match end:
        case "withdrawn":
            take(cast.subject, "withdraw", ref)
        case "rejected":
            take(cast.reviewer, "ask_provider", ref)
            take(cast.provider, "confirm", ref, findings="无误。")
            take(cast.reviewer, "announce_rejection", ref, reason="无误。")
            take(cast.subject, "state_views", ref, statement="无。")
            take(cast.second_reviewer, "sign_rejection", ref, **decided("维持。"))
        case "executed":
            take(cast.reviewer, "check_correction", ref, findings="有误。", value_fine_10k="1")
            take(cast.second_reviewer, "sign_correction", ref)
        case "removal_executed":
            take(cast.reviewer, "check_removal", ref, outcome="DELETED", findings="有误。")
            take(cast.second_reviewer, "sign_removal", ref)
        case "moot":
            days = (record.max_publication_until - today()).days + 1
            with time_machine.travel(in_days(days)):
                timers.expire_records(now())
    db.session.rollback()
    fresh = db.session.get_one(CreditRecord, record.id)
    suspensions = [one for sanction in fresh.sanctions for one in sanction.suspensions]
    assert suspensions
    assert all(one.lifted_at for one in suspensions) or fresh.sanctions[0].ended_at
    assert all(one.lifted_at for one in fresh.dispute_marks)
    assert not fresh.is_contested
    if end in {"rejected", "withdrawn", "executed"}:
        assert ask_department(cast.officer, world.firm.uscc) == [True]
    else:
        assert not any(ask_department(cast.officer, world.firm.uscc))


def test_a_freeze_that_ends_on_a_day_that_somebody_typed(cast, world, anybody):
    """Two dates were typed; the freeze ended on the second, verdict or not."""
    record = make_record(world.firm, world.agency)
    make_sanction(record, world.officer)
    case = make_case(world, "submitted", record=record)
    form = cast.reviewer.read(f"/cases/{case.ref}/accept").form
    assert not [one for one in form.iter("input") if one.get("type") == "date"]
    take(cast.reviewer, "accept", case.ref)
    with time_machine.travel(in_days(100)):
        for one in timers.TIMERS:
            if one.name != "scan_records":
                one.run(now())
        assert ask_department(cast.officer, world.firm.uscc) == [False]
        assert is_marked(anybody, record)


def test_an_approved_correction_that_is_never_written(cast, world, anybody):
    """The change was built, told as done, and dropped."""
    record = make_record(world.firm, world.agency)
    ref = dispute(cast.subject, record, penalty_content="罚款1万元", fine_10k="1")
    accept_and_forward(cast.reviewer, ref)
    take(
        cast.provider,
        "propose_correction",
        ref,
        findings="应为1.2万元。",
        value_fine_10k="1.2",
        value_penalty_content="罚款1.2万元",
    )
    take(cast.reviewer, "decide_correction", ref)
    take(cast.second_reviewer, "sign_correction", ref)
    fresh = row_of(record)
    assert (float(fresh["fine_10k"]), fresh["penalty_content"]) == (1.2, "罚款1.2万元")
    assert "罚款1.2万元" in anybody.read(f"/records/{record.ref}").words


def test_a_correction_that_leaves_class_and_periods_as_they_were_wrong(cast, world):
    """A fine that was a hundred times too high made the record serious; corrected it is not."""
    record = make_record(
        world.firm, world.agency, severity="serious", fine_10k=200, violation_facts="经查属实。"
    )
    ref = dispute(cast.subject, record, fine_10k="2")
    take(cast.reviewer, "accept", ref)
    take(cast.reviewer, "check_correction", ref, findings="小数点有误。", value_fine_10k="2")
    take(cast.second_reviewer, "sign_correction", ref)
    fresh = row_of(record)
    assert fresh["severity_class"] == "general"
    assert fresh["max_publication_until"] < record.decided_on + timedelta(days=400)


def test_a_pause_that_does_not_move_the_date(cast, world):
    """Suspending a case did nothing to the day on which it was due."""
    ref = dispute(cast.subject, make_record(world.firm, world.agency))
    due = term_of(ref, whole=True).due_on
    take(cast.reviewer, "ask_supplement", ref, missing="营业执照")
    with time_machine.travel(in_days(11)):
        take(cast.subject, "supplement", ref, statement="补交。")
        assert term_of(ref, whole=True).due_on > due + timedelta(days=7)


@pytest.mark.usefixtures("app")
def test_a_case_that_was_put_on_hold_with_no_timer_and_stays_there_for_ever():
    """A hold that nobody had to end: every state here has a term of its own, or is the end."""
    for workflow in current_policy().current.values():
        for state in workflow.states.values():
            if state.final or state.name == workflow.initial:
                continue
            place = f"{workflow.name}.{state.name}"
            assert state.follows or state.owner, f"{place} is nobody's turn"
            assert state.clock or state.until or state.follows, f"{place} has no term"
            if state.pauses or state.contests:
                assert state.clock, f"{place} holds without a term"


def test_a_holiday_that_is_announced_later_and_recomputes_nothing(cast, world):
    """Open cases kept the day that was computed before the holiday was known."""
    ref = dispute(cast.subject, make_record(world.firm, world.agency))
    due = term_of(ref, whole=True).due_on
    day_off = next(
        day
        for day in (today() + timedelta(days=number) for number in range(1, 30))
        if day.weekday() < 5
    )
    calendar.publish(single_day(day_off, works=False, note="临时放假"), None)
    assert term_of(ref, whole=True).due_on > due


@pytest.mark.parametrize("workflow", ["objection", "repair"])
def test_a_state_that_is_taken_from_the_request_without_looking_where_it_comes_from(
    cast, world, digest, workflow
):
    """Any state could be sent, and was written: here only the steps of this state are taken."""
    case = make_case(world, "submitted", workflow=workflow)
    steps = current_policy().workflow_of(case).transitions
    before = digest()
    page = cast.reviewer.get(f"/cases/{case.ref}/accept")
    fields = page.fields.to_dict()
    for sent in ({"state": "closed"}, {"to": "closed", "target": "closed"}):
        for name, step in steps.items():
            if case.state not in step.source and "reviewer" in step.by:
                answer = cast.reviewer.post(
                    f"/cases/{case.ref}/{name}", data={**fields, **sent, "reason": "强行。"}
                )
                assert answer.status_code in {400, 409}, name
    assert digest() == before
    # A step that is open obeys no state that is sent along.
    cast.reviewer.post(f"/cases/{case.ref}/accept", data={**fields, "state": "closed"})
    assert case_of(case.ref).state == "accepted"


def test_the_right_to_see_a_list_that_is_taken_for_the_right_to_decide(cast, world, digest):
    """One permission for list, audit and amend: who may read here, decides nothing."""
    case = make_case(world, "correction_decided")
    before = digest()
    for reader in (cast.auditor, cast.provider, cast.subject, cast.agent):
        assert reader.read(f"/cases/{case.ref}")
        token = reader.token()
        for step in ("sign_correction", "return_decision", "delegate"):
            assert step not in steps_on(reader.read(f"/cases/{case.ref}"), case.ref)
            assert reader.get(f"/cases/{case.ref}/{step}").status_code == 403
            answer = reader.post(
                f"/cases/{case.ref}/{step}", data={"csrf_token": token, "version": "9"}
            )
            assert answer.status_code == 403
    assert digest() == before


@pytest.mark.parametrize(
    ("workflow", "state", "step"),
    [
        ("objection", "correction_decided", "sign_correction"),
        ("objection", "removal_decided", "sign_removal"),
        ("objection", "rejection_heard", "sign_rejection"),
        ("repair", "grant_proposed", "sign_grant"),
        ("repair", "refusal_proposed", "sign_refusal"),
    ],
)
def test_a_decision_that_its_own_author_approves(cast, world, digest, workflow, state, step):
    """Self-approval, by the same account or by another of the same person."""
    assert state in (OBJECTION if workflow == "objection" else REPAIR)
    case = make_case(world, state, workflow=workflow)
    before = digest()
    given = decided("维持。") if step in {"sign_rejection", "sign_refusal"} else {}
    for again in (cast.reviewer, cast.reviewer_again):
        try_to(again, step, case.ref, **given)
    assert digest() == before


def write_past_the_workflow(table, state, entity):
    """Write a state as a bulk edit does; outside a service's transaction not even that is done."""
    edit = text(f"UPDATE {table} SET state = :state WHERE id = :id")
    given = {"state": state, "id": entity.id}
    db.session.rollback()
    with pytest.raises(DBAPIError):
        db.session.execute(edit, given)
    db.session.rollback()
    with transaction() as session:
        session.execute(edit, given)
    db.session.rollback()


def test_a_bulk_edit_that_goes_past_the_workflow_is_not_obeyed(cast, world):
    """A state written by SQL: no measure becomes enforceable by it, and the next step refuses."""
    record = make_record(world.firm, world.agency)
    sanction = make_sanction(record, world.officer)
    case = make_case(world, "with_provider", record=record)
    write_past_the_workflow("sanction", "in_force", sanction)
    # Mark, suspension row and state have each to agree: one of them alone is enough for "no".
    assert ask_department(cast.officer, world.firm.uscc) == [False]
    write_past_the_workflow("case_file", "closed", case)
    assert ask_department(cast.officer, world.firm.uscc) == [False]
    assert cast.provider.get(f"/cases/{case.ref}/confirm").status_code == 409


def test_a_bulk_edit_that_goes_past_the_workflow_is_found(cast, world):
    """The state of an entity and the last event of its chain have to say the same."""
    case = make_case(world, "with_provider")
    db.session.rollback()
    assert cast.auditor.read("/audit/verify").having("yes")
    write_past_the_workflow("case_file", "closed", case)
    page = cast.auditor.read("/audit/verify")
    assert page.having("no")
    assert case.ref in page.words


def test_time_that_closes_a_case_all_by_itself(cast, world):
    """Overdue cases were closed by a nightly job: here time reminds, marks and passes on."""
    made = [make_case(world, state) for state in ("submitted", "with_provider", "confirmed")]
    states = [one.state for one in made]
    with time_machine.travel(in_days(60)):
        for one in timers.TIMERS:
            if one.name not in {"scan_records", "expire_records"}:
                one.run(now())
        assert [case_of(one.ref).state for one in made] == states
        db.session.rollback()
        late = select(Deadline).where(Deadline.met_at.is_(None), Deadline.case_id.is_not(None))
        assert all(one.overdue_at for one in db.session.scalars(late))
