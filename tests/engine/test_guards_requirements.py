"""Guards of what a repair needs, of commitments, orders and talks: what each lets by and stops."""

from datetime import date, timedelta

import pytest
import time_machine
from sqlalchemy import update

from repair_app.db import db, now, today
from repair_app.models import Case, CreditRecord, Deadline, Enrolment, Requirement, Role
from repair_app.models.parties import OrganisationKind
from repair_app.services import cases, institutions, training
from repair_app.services.policy import current_policy
from repair_app.services.transaction import transaction
from tests import factories
from tests.engine.asking import ask, hides
from tests.factories import World, act, add_requirement, get_case, make_submission, requirement_of

DAY = timedelta(days=1)


@pytest.fixture
def case(world: World) -> Case:
    """Give the draft of a serious record's repair."""
    record = factories.make_record(
        world.firm, world.agency, severity="serious", decided_days_ago=300
    )
    return factories.open_repair(record, world.subject)


@pytest.fixture
def course(world: World, case: Case) -> Requirement:
    """Give a training that was begun online."""
    form = training.current_courses()["credit_repair"]
    act(
        world.subject,
        "study",
        requirement_of(case, "training"),
        course=form.key,
        edition=form.edition,
        lessons=list(form.lessons),
        pass_mark=form.pass_mark,
        tries_a_day=form.tries_a_day,
        valid_months=form.valid_months,
    )
    return requirement_of(case, "training")


def read_all(world: World, case: Case) -> None:
    for key in training.current_courses()["credit_repair"].lessons:
        act(world.subject, "read_lesson", requirement_of(case, "training"), lesson=key)


def begin_test(world: World, case: Case) -> None:
    facts = {"edition": 1, "seed": 1, "questions": ["q01"]}
    act(world.subject, "begin_test", requirement_of(case, "training"), **facts)


def hand_in(world: World, case: Case, marks: int) -> None:
    requirement = requirement_of(case, "training")
    act(world.subject, "hand_in_test", requirement, answers={"q01": ["B"]}, marks=marks)


# --- training and reports ---------------------------------------------------------------------


def test_institution_is_registered_for_the_service_on_the_day(world: World, case: Case) -> None:
    """…四（十五）: 符合条件的第三方信用服务机构."""
    report = requirement_of(case, "credit_report")
    new = factories.make_organisation(OrganisationKind.INSTITUTION)
    house = world.training_house.id
    assert ask("institution_is_registered", "request", report, institution_id=house) is None
    assert ask("institution_is_registered", "request", report, institution_id=new.id) is not None
    with transaction() as session:
        institutions.register(
            session, new, "training", "新1号", valid_from=today(), valid_until=today() + DAY
        )
    # For one service is not for the other; the last day is inside the term, the next is not.
    assert ask("institution_is_registered", "request", report, institution_id=new.id) is not None
    place = requirement_of(case, "training")
    assert ask("institution_is_registered", "enrol", place, institution_id=new.id) is None
    with time_machine.travel(now() + DAY):
        assert ask("institution_is_registered", "enrol", place, institution_id=new.id) is None
    with time_machine.travel(now() + 2 * DAY):
        assert ask("institution_is_registered", "enrol", place, institution_id=new.id) is not None


def test_institution_is_registered_or_an_agency_that_trains(world: World, case: Case) -> None:
    """…五（十八）: 行业主管部门应积极组织公益类信用培训; a report is no matter of an agency's."""
    agency = world.agency.id
    place, report = requirement_of(case, "training"), requirement_of(case, "credit_report")
    assert ask("institution_is_registered", "enrol", place, institution_id=agency) is None
    assert ask("institution_is_registered", "request", report, institution_id=agency) is not None


def announce(world: World, held_on: date, seats: int = 1) -> int:
    """Announce a date; return its number."""
    new = training.NewDate("培训", held_on, "9:00", "大厅", seats)
    training.announce_date(world.institution, world.training_house.id, new)
    return max(one.id for one in training.list_own_dates(world.institution))


def test_seat_is_free_until_all_are_taken_or_the_date_is_over(world: World, case: Case) -> None:
    number = announce(world, today() + DAY)
    place = requirement_of(case, "training")
    assert ask("seat_is_free", "enrol", place, training_id=number) is None
    with time_machine.travel(now() + DAY):  # who comes on the day itself may still come
        assert ask("seat_is_free", "enrol", place, training_id=number) is None
    with time_machine.travel(now() + 2 * DAY):
        assert ask("seat_is_free", "enrol", place, training_id=number) is not None
    act(
        world.subject,
        "enrol",
        place,
        institution_id=world.training_house.id,
        training_id=number,
    )
    other = factories.open_repair(
        factories.make_record(
            world.other_firm, world.agency, severity="serious", decided_days_ago=300
        ),
        world.stranger,
    )
    second = requirement_of(other, "training")
    assert ask("seat_is_free", "enrol", second, training_id=number) is not None


def test_training_was_held_once_its_day_has_come(world: World, case: Case) -> None:
    number = announce(world, today() + DAY)
    house = world.training_house.id
    place = requirement_of(case, "training")
    act(world.subject, "enrol", place, institution_id=house, training_id=number)
    place = requirement_of(case, "training")
    assert ask("training_was_held", "confirm_attendance", place) is not None
    with time_machine.travel(now() + DAY):
        assert ask("training_was_held", "confirm_attendance", place) is None
    act(world.subject, "cancel", place)
    place = requirement_of(case, "training")
    act(world.subject, "enrol", place, institution_id=house)
    place = requirement_of(case, "training")
    assert ask("training_was_held", "confirm_attendance", place) is not None  # none was booked


def test_lessons_were_read_only_when_all_were(
    world: World, case: Case, course: Requirement
) -> None:
    first = next(iter(training.current_courses()["credit_repair"].lessons))
    act(world.subject, "read_lesson", course, lesson=first)
    assert ask("lessons_were_read", "begin_test", requirement_of(case, "training")) is not None
    read_all(world, case)
    assert ask("lessons_were_read", "begin_test", requirement_of(case, "training")) is None


def test_test_is_open_from_its_beginning_until_it_is_handed_in(
    world: World, case: Case, course: Requirement
) -> None:
    read_all(world, case)
    assert ask("test_is_open", "hand_in_test", course) is not None
    assert ask("test_is_not_open", "begin_test", course) is None
    begin_test(world, case)
    assert ask("test_is_open", "hand_in_test", course) is None
    hand_in(world, case, 0)
    assert ask("test_is_open", "hand_in_test", course) is not None


def test_test_is_not_open_a_second_time(world: World, case: Case, course: Requirement) -> None:
    read_all(world, case)
    begin_test(world, case)
    assert ask("test_is_not_open", "begin_test", course) is not None


def test_tries_are_left_as_many_as_the_course_allows_in_a_day(
    world: World, case: Case, course: Requirement
) -> None:
    read_all(world, case)
    for _ in range(training.current_courses()["credit_repair"].tries_a_day):
        assert ask("tries_are_left", "begin_test", course) is None
        begin_test(world, case)
        hand_in(world, case, 0)
    assert ask("tries_are_left", "begin_test", course) is not None
    with time_machine.travel(now() + DAY):
        assert ask("tries_are_left", "begin_test", course) is None


@pytest.mark.parametrize(("marks", "enough"), [(79, False), (80, True)])
def test_test_was_passed_with_the_marks_of_the_course_as_it_was_begun(
    world: World, case: Case, course: Requirement, marks: int, enough: bool
) -> None:
    read_all(world, case)
    begin_test(world, case)
    hand_in(world, case, marks)
    db.session.rollback()
    assert db.session.query(Enrolment).one().pass_mark == 80
    assert (ask("test_was_passed", "take_certificate", course) is None) == enough


def test_paper_names_the_subject_or_is_refused(world: World, case: Case) -> None:
    report = requirement_of(case, "credit_report")
    own, other = world.firm.uscc, world.other_firm.uscc
    assert ask("paper_names_the_subject", "file_report", report, uscc=own) is None
    assert ask("paper_names_the_subject", "file_report", report, uscc=other) is not None


def test_report_is_recent_for_six_months_to_the_day(case: Case) -> None:
    report = requirement_of(case, "credit_report")
    with time_machine.travel("2026-11-30T12:00:00+08:00"):
        last = ask("report_is_recent", "file_report", report, issued_on="2026-05-30")
        over = ask("report_is_recent", "file_report", report, issued_on="2026-05-29")
    assert last is None
    assert over is not None


def test_credit_check_is_done_before_a_decision(world: World, case: Case) -> None:
    """国办发〔2019〕35号 四（十三）: 通过信用核查."""
    add_requirement(case.ref, "credit_check")
    check = requirement_of(case, "credit_check")
    act(world.subject, "request", check)
    assert ask("credit_check_is_done", "submit", get_case(case.ref)) is not None
    factories.meet_requirements(case, world.subject, world.institution)
    act(world.subject, "submit", get_case(case.ref))
    act(world.provider, "clear", requirement_of(case, "credit_check"))
    assert ask("credit_check_is_done", "propose_grant", get_case(case.ref)) is None


def test_factor_is_offered_where_the_class_says_so(world: World, case: Case) -> None:
    """鲁信用办〔2021〕5号 （八）: 轻微失信行为."""
    minor = factories.make_record(world.firm, world.agency, severity="minor")
    light = factories.open_repair(minor, world.subject)
    assert ask("factor_is_offered", "add_factor", light) is None
    assert hides(ask("factor_is_offered", "add_factor", case))


def test_factor_was_not_added_twice(world: World) -> None:
    minor = factories.make_record(world.firm, world.agency, severity="minor")
    light = factories.open_repair(minor, world.subject)
    assert ask("factor_was_not_added", "add_factor", light) is None
    act(world.subject, "add_factor", light)
    assert hides(ask("factor_was_not_added", "add_factor", get_case(light.ref)))


# --- commitments --------------------------------------------------------------------------------


def test_repair_has_ended_before_it_is_found_how_its_promise_was_kept(world: World) -> None:
    running = factories.make_case(world, "accepted", workflow="repair")
    promise = requirement_of(running, "commitment")
    assert ask("repair_has_ended", "confirm_fulfilment", promise) is not None
    act(world.subject, "withdraw", get_case(running.ref))
    promise = requirement_of(running, "commitment")
    assert ask("repair_has_ended", "confirm_fulfilment", promise) is None


@pytest.fixture
def announced(world: World) -> Case:
    """Give a repair whose commitment is said to have been broken."""
    case = factories.make_case(world, "closed", workflow="repair")
    act(world.provider, "announce_breach", requirement_of(case, "commitment"))
    return case


def test_commitment_term_is_over_the_day_after_its_last(announced: Case) -> None:
    promise = requirement_of(announced, "commitment")
    term = next(
        one
        for one in get_case(announced.ref).deadlines
        if one.entity_ref == promise.ref and one.is_running
    )
    noon = f"{term.due_on.isoformat()}T12:00:00+08:00"
    with time_machine.travel(noon):
        assert ask("commitment_term_is_over", "close_hearing", promise) is not None
    after = f"{(term.due_on + DAY).isoformat()}T12:00:00+08:00"
    with time_machine.travel(after):
        assert ask("commitment_term_is_over", "close_hearing", promise) is None


def test_commitment_term_is_over_only_when_it_was_counted(announced: Case) -> None:
    promise = requirement_of(announced, "commitment")
    with transaction() as session:
        session.execute(
            update(Deadline).where(Deadline.entity_ref == promise.ref).values(working_days=0)
        )
    promise = requirement_of(get_case(announced.ref), "commitment")
    with time_machine.travel(now() + 400 * DAY):
        assert ask("commitment_term_is_over", "close_hearing", promise) is not None


def test_actor_did_not_announce_breach_counts_persons(world: World, announced: Case) -> None:
    promise = requirement_of(announced, "commitment")
    same = factories.make_account(world.centre, Role.REVIEWER, same_person_as=world.provider)
    guard = "actor_did_not_announce_breach"
    assert ask(guard, "find_not_kept", promise, same, Role.REVIEWER) is not None
    assert ask(guard, "find_not_kept", promise, world.reviewer) is None


# --- orders and talks -----------------------------------------------------------------------------


@pytest.fixture
def record(world: World) -> CreditRecord:
    """Give a general record of firm A."""
    return factories.make_record(world.firm, world.agency)


def begin(world: World, workflow: str, record: CreditRecord, **facts: object) -> Case:
    """Open a matter as the provider."""
    case = cases.draft_case(current_policy(), workflow, record)
    given = factories.answer("open", case, **facts)
    submission = make_submission(f"{record.ref} {workflow}", **given)
    return get_case(cases.open_case(workflow, record.ref, world.provider, submission).ref)


def fail_order(world: World, record: CreditRecord) -> Case:
    """Have an order found not done."""
    order = begin(world, "rectification_order", record)
    act(world.subject, "answer", order, uploads=[factories.make_upload()])
    act(world.provider, "find_undone", get_case(order.ref))
    return get_case(order.ref)


def draft(workflow: str, record: CreditRecord, ground: str = "") -> Case:
    """Return a matter that is about to be opened."""
    return cases.draft_case(current_policy(), workflow, record, ground)


@pytest.fixture
def reminder(world: World, record: CreditRecord) -> Case:
    """Give a reminder talk that was called for in three days."""
    fail_order(world, record)
    return begin(world, "talk", record)


def test_actor_recognised_the_record_or_has_no_say(world: World, record: CreditRecord) -> None:
    """国办发〔2019〕35号 四（九）: 谁认定、谁约谈."""
    order = begin(world, "rectification_order", record)
    assert ask("actor_recognised_the_record", "find_done", order, world.provider) is None
    reason = ask("actor_recognised_the_record", "find_done", order, world.reviewer)
    assert hides(reason)


def test_order_is_not_open_a_second_time(world: World, record: CreditRecord) -> None:
    assert ask("order_is_not_open", "open", draft("rectification_order", record)) is None
    order = begin(world, "rectification_order", record)
    reason = ask("order_is_not_open", "open", draft("rectification_order", record))
    assert reason.values["ref"] == order.ref


def test_talk_is_not_open_a_second_time(record: CreditRecord, reminder: Case) -> None:
    reason = ask("talk_is_not_open", "open", draft("talk", record, "reminder"))
    assert reason.values["ref"] == reminder.ref
    assert ask("talk_is_not_open", "open", draft("talk", record, "warning")) is None


def test_talk_has_cause_when_an_order_was_not_done(world: World, record: CreditRecord) -> None:
    """…四（九）: 整改不到位的."""
    assert ask("talk_has_cause", "open", draft("talk", record, "reminder")) is not None
    fail_order(world, record)
    assert ask("talk_has_cause", "open", draft("talk", record, "reminder")) is None
    assert ask("talk_has_cause", "open", draft("talk", record, "warning")) is not None


def test_talk_has_cause_for_a_warning_when_the_reminder_was_entered(
    world: World, record: CreditRecord, reminder: Case
) -> None:
    assert ask("talk_has_cause", "open", draft("talk", record, "warning")) is not None
    with time_machine.travel(now() + 3 * DAY):
        act(world.provider, "note_absence", reminder)
    db.session.rollback()
    assert ask("talk_has_cause", "open", draft("talk", record, "warning")) is None


def test_talk_day_has_come_on_the_day_itself(reminder: Case) -> None:
    with time_machine.travel(now() + 2 * DAY):
        assert ask("talk_day_has_come", "hold", reminder) is not None
    with time_machine.travel(now() + 3 * DAY):
        assert ask("talk_day_has_come", "hold", reminder) is None


def test_talk_was_noticed_before_its_day(reminder: Case) -> None:
    tomorrow = (today() + DAY).isoformat()
    assert ask("talk_was_noticed", "move", reminder, meets_on=tomorrow) is None
    assert ask("talk_was_noticed", "move", reminder, meets_on=today().isoformat()) is not None


def test_talk_is_a_warning_before_it_is_given_up(record: CreditRecord, reminder: Case) -> None:
    assert hides(ask("talk_is_a_warning", "find_unreformed", reminder))
    assert ask("talk_is_a_warning", "find_unreformed", draft("talk", record, "warning")) is None
