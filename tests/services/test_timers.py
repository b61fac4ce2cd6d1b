"""What time sets going by itself, and that it decides nothing."""

import re
import threading
from datetime import UTC, datetime, time, timedelta

import pytest
import time_machine
from sqlalchemy import select

from repair_app import calendar, ledger
from repair_app.db import db, today
from repair_app.engine.spec import SAME
from repair_app.models import Deadline, Event, Organisation, SanctionSuspension
from repair_app.models.parties import OrganisationKind
from repair_app.services import publication, timers
from repair_app.services.policy import current_policy
from repair_app.services.transaction import transaction
from tests.factories import (
    get_case,
    make_case,
    make_organisation,
    make_record,
    make_sanction,
)

ENGLISH = {"Accept-Language": "en"}
COUNTED = re.compile(r"^([a-z_]+): ([0-9]+)$", re.MULTILINE)
# Between acceptance and the decision no sanction may be applied because of the record.
CONTESTED = {
    ("objection", state)
    for state in (
        "accepted",
        "with_provider",
        "confirmed",
        "rejection_announced",
        "correction_decided",
    )
}
LIVE = [
    ("objection", "submitted"),
    ("objection", "supplement_asked"),
    ("objection", "accepted"),
    ("objection", "with_provider"),
    ("objection", "confirmed"),
    ("objection", "rejection_announced"),
    ("objection", "correction_decided"),
    ("objection", "executed"),
    ("repair", "submitted"),
    ("repair", "supplement_asked"),
    ("repair", "accepted"),
    ("repair", "with_provider"),
    ("repair", "executed"),
]


@pytest.fixture
def tick(app):
    """Give a function that runs the command at a moment and returns what it did, by timer."""

    def run(moment):
        with time_machine.travel(moment, tick=False):
            result = app.test_cli_runner().invoke(args=["jobs", "tick"])
        assert result.exit_code == 0, result.output
        return {name: int(count) for name, count in map(str.split, told(result))}

    def told(result):
        # The alarm that PostgreSQL's clock is another than ours, which is set, stands there too.
        return [f"{name} {count}" for name, count in COUNTED.findall(result.output)]

    return run


def noon(day):
    """Return noon of a day where the law counts."""
    return datetime.combine(day, time(12), calendar.SHANGHAI)


def term_of(ref):
    """Return the term of the state that a case is in."""
    db.session.rollback()
    return db.session.scalars(
        select(Deadline).where(
            Deadline.entity_ref == ref, Deadline.met_at.is_(None), ~Deadline.whole
        )
    ).one()


def give_superiors(world):
    """Put a unit above the centre and one above the agency; return their names."""
    units = {
        "centre": make_organisation(OrganisationKind.CREDIT_CENTRE, "虚构省信用中心"),
        "agency": make_organisation(OrganisationKind.AGENCY, "虚构省市场监督管理局"),
    }
    with transaction() as session:
        for below, unit in units.items():
            session.get_one(Organisation, world.ids[below]).superior_id = unit.id


def events_of(ref, transition):
    db.session.rollback()
    payloads = db.session.scalars(select(Event.payload).where(Event.stream == ref)).all()
    return [one for one in payloads if f'"transition":"{transition}"' in one]


# --- seen at the front door -------------------------------------------------------------------


def test_a_term_is_reminded_of_then_overdue_then_passed_on_and_the_worklist_says_so(
    world, as_, tick, digest
):
    give_superiors(world)
    ref = make_case(world, "with_provider").ref
    due = term_of(ref).due_on
    seen = []
    for day, marks in (
        (due, {"remind": 1, "mark_overdue": 0, "escalate": 0}),
        (due + timedelta(days=1), {"remind": 0, "mark_overdue": 1, "escalate": 1}),
    ):
        done = tick(noon(day))
        assert {name: done[name] for name in marks} == marks
        # Each night's look at all records is noted anew; what it finds is the same.
        before = digest("change_intake")
        tick(noon(day))
        assert digest("change_intake") == before  # a second run changes nothing
        with time_machine.travel(noon(day)):
            page = as_(world.provider).get("/work", headers=ENGLISH).get_data(as_text=True)
        seen.append([text in page for text in ("Reminded on", "(overdue)", "Passed on to")])
    assert seen == [[True, False, False], [False, True, True]]
    assert "虚构省市场监督管理局" in page
    term = term_of(ref)
    assert term.escalated_to.name == "虚构省市场监督管理局"
    assert get_case(ref).state == "with_provider"
    assert len(events_of(ref, "escalate")) == 1
    assert ledger.verify(db.session())[1] is None


def test_the_centres_own_delay_is_passed_on_to_the_unit_above_it(world, tick):
    give_superiors(world)
    ref = make_case(world, "accepted").ref
    tick(noon(term_of(ref).due_on + timedelta(days=1)))
    assert term_of(ref).escalated_to.name == "虚构省信用中心"


def test_what_the_command_did_for_a_moment_bears_that_moment(app, world):
    ref = make_case(world, "accepted").ref
    day = term_of(ref).due_on + timedelta(days=1)
    result = app.test_cli_runner().invoke(args=["jobs", "tick", "--at", f"{day}T09:30"])
    assert result.exit_code == 0, result.output
    assert term_of(ref).overdue_at == datetime.combine(day, time(1, 30), UTC)


def test_a_failure_is_told_and_does_not_keep_the_others_waiting(app, world, monkeypatch):
    first, second = (make_case(world, "accepted").ref for _ in range(2))
    day = max(term_of(one).due_on for one in (first, second)) + timedelta(days=1)
    pass_on = timers.pass_on

    def fail_at_first(kind, ref):
        if ref == first:
            raise RuntimeError("a fault of the test")
        return pass_on(kind, ref)

    monkeypatch.setattr(timers, "pass_on", fail_at_first)
    result = app.test_cli_runner().invoke(args=["jobs", "tick", "--at", f"{day}T09:30"])
    assert result.exit_code == 1
    assert "✗ escalate: RuntimeError: a fault of the test" in result.output
    assert "Traceback" not in result.output
    assert term_of(first).escalated_at is None
    assert term_of(second).escalated_at


# --- when ------------------------------------------------------------------------------------


def test_the_reminder_comes_one_working_day_before_the_last_day(world):
    ref = make_case(world, "accepted").ref
    due = term_of(ref).due_on
    before = [due - timedelta(days=days) for days in range(1, 30)]
    last = next(one for one in before if calendar.is_working_day(one))
    earlier = next(one for one in before if one < last and calendar.is_working_day(one))
    assert timers.remind(noon(earlier)) == 0
    assert timers.remind(noon(last)) == 1
    assert timers.remind(noon(due)) == 0


def test_the_last_day_counts_to_its_end_where_the_law_counts(world):
    ref = make_case(world, "accepted").ref
    due = term_of(ref).due_on
    midnight = datetime.combine(due + timedelta(days=1), time(), calendar.SHANGHAI)
    assert timers.mark_overdue(midnight - timedelta(seconds=1)) == 0
    assert timers.mark_overdue(midnight) == 1


def test_a_term_that_stands_still_is_neither_reminded_of_nor_overdue(world):
    ref = make_case(world, "accepted").ref
    term = term_of(ref)
    with transaction() as session:
        for one in session.scalars(select(Deadline).where(Deadline.entity_ref == ref)):
            one.paused_on = today()  # that of the whole matter, too
    for day in (term.due_on, term.due_on + timedelta(days=50)):
        for run in (timers.remind, timers.mark_overdue, timers.escalate):
            assert run(noon(day)) == 0


def test_what_was_met_in_time_is_left_alone(world):
    ref = make_case(world, "withdrawn").ref
    for run in (timers.remind, timers.mark_overdue, timers.escalate):
        assert run(noon(today() + timedelta(days=60))) == 0
    db.session.rollback()
    terms = db.session.scalars(select(Deadline).where(Deadline.entity_ref == ref)).all()
    assert all((one.reminded_at, one.overdue_at) == (None, None) for one in terms)


def test_records_and_sanctions_end_when_the_day_turns(world):
    record = make_record(world.firm, world.agency)
    own = make_sanction(record, world.officer, ends_on=today() + timedelta(days=3))
    after = datetime.combine(today() + timedelta(days=4), time(0, 5), calendar.SHANGHAI)
    assert timers.lapse_sanctions(after - timedelta(minutes=6)) == 0
    assert timers.lapse_sanctions(after) == 1
    last = record.max_publication_until
    after = datetime.combine(last + timedelta(days=1), time(0, 5), calendar.SHANGHAI)
    assert timers.expire_records(after - timedelta(minutes=6)) == 0
    assert timers.expire_records(after) == 1
    db.session.refresh(own)
    db.session.refresh(record)
    assert (own.state, record.state) == ("lapsed", "expired")


def test_two_sweeps_at_once_do_each_thing_once(app, world):
    refs = [make_case(world, "accepted").ref for _ in range(3)]
    moment = noon(max(term_of(one).due_on for one in refs) + timedelta(days=1))
    db.session.remove()
    together = threading.Barrier(2)
    counts = {"mark_overdue": [], "escalate": []}

    def sweep():
        with app.app_context():
            for name, found in counts.items():
                together.wait(20)
                found.append(getattr(timers, name)(moment))
            db.session.remove()

    threads = [threading.Thread(target=sweep) for _ in range(2)]
    for one in threads:
        one.start()
    for one in threads:
        one.join(60)
    assert {name: sum(found) for name, found in counts.items()} == {
        "mark_overdue": db.session.query(Deadline).where(Deadline.overdue_at.is_not(None)).count(),
        "escalate": 3,
    }
    assert [len(events_of(ref, "escalate")) for ref in refs] == [1, 1, 1]


# --- silence decides nothing -----------------------------------------------------------------


@pytest.mark.parametrize(("workflow", "state"), LIVE)
def test_time_alone_ends_no_matter_and_no_suspension(world, workflow, state):
    record = make_record(world.firm, world.agency, decided_days_ago=150)
    sanction = make_sanction(record, world.officer).id
    ref = make_case(world, state, workflow=workflow, record=record).ref
    suspended = open_suspensions(sanction)
    days = (record.max_publication_until - today()).days
    assert days > 180  # every term of such a matter is over long before the record is
    for ahead in range(0, days + 1, 60):
        for timer in timers.TIMERS:
            timer.run(noon(today() + timedelta(days=ahead)))
    case = get_case(ref)
    assert (case.state, case.closed_at) == (state, None)
    assert open_suspensions(sanction) == suspended
    assert bool(suspended) == ((workflow, state) in CONTESTED)


def open_suspensions(sanction_id):
    db.session.rollback()
    return db.session.scalars(
        select(SanctionSuspension.id).where(
            SanctionSuspension.sanction_id == sanction_id, SanctionSuspension.lifted_at.is_(None)
        )
    ).all()


def test_what_time_may_fire_is_expiry_and_escalation_and_no_more(app, monkeypatch, world):
    """Whatever a timer does to an entity goes through these; an escalation stays where it is."""
    fired = set()
    for case_state in ("submitted", "with_provider"):
        make_sanction(make_record(world.firm, world.agency), world.officer)
        make_case(world, case_state)
    fire = publication.machine.fire

    def note(session, policy, entity, name, *rest, **more):
        fired.add((type(entity).__name__, name))
        fire(session, policy, entity, name, *rest, **more)

    monkeypatch.setattr(publication.machine, "fire", note)
    for days in (0, 30, 4000):
        for timer in timers.TIMERS:
            timer.run(noon(today() + timedelta(days=days)))
    direct = {one for one in fired if one[1] in {"expire", "lapse", "escalate"}}
    assert direct >= {("CreditRecord", "expire"), ("Case", "escalate")}
    for workflow in current_policy().current.values():
        if transition := workflow.transitions.get(timers.ESCALATE):
            assert transition.target == SAME, workflow.name
            assert transition.by == ("system",), workflow.name


def test_every_live_state_of_a_case_that_has_a_term_can_be_passed_on(app):
    """Or a matter could lie there for ever without anybody above being told."""
    missing = [
        f"{workflow.name}: {state.name}"
        for workflow in current_policy().current.values()
        if workflow.entity == "case" and timers.ESCALATE in workflow.transitions
        for state in workflow.states.values()
        if state.clock
        and state.owner != "subject"
        and state.name not in workflow.transitions[timers.ESCALATE].source
    ]
    assert missing == []


def test_no_case_is_left_out_of_the_worklist_because_it_was_passed_on(world, as_, tick):
    ref = make_case(world, "accepted").ref
    tick(noon(term_of(ref).due_on + timedelta(days=1)))
    # The centre above acts as well from now on: it is in both lists.
    assert ref in as_(world.upper_reviewer).get("/work").get_data(as_text=True)
    assert ref in as_(world.reviewer).get("/work").get_data(as_text=True)
