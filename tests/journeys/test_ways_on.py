"""Ways on where those whose turn it is cannot act, or do not: handed over, concluded, passed on."""

from datetime import timedelta

import pytest
import time_machine
from sqlalchemy import select

from repair_app.db import db, now, today
from repair_app.engine.telling import Kind
from repair_app.models import Case, Deadline, Organisation, Role
from repair_app.services import timers
from repair_app.services.transaction import transaction
from tests.factories import (
    act,
    initiate_sanction,
    leave_office,
    make_account,
    make_appointment,
    make_case,
    make_organisation,
    make_record,
    open_matter,
    requirement_of,
)
from tests.journeys.steps import (
    case_of,
    dispute,
    in_days,
    ledger_is_whole,
    requirements_of,
    sanctions_of,
    state_on,
    take,
    term_of,
    try_to,
)
from tests.journeys.test_commitments import BREACH, FOUND, promise_of
from tests.journeys.test_complaints import complain, complaint_case
from tests.journeys.test_messages import kinds_of, post

ASIDE = {"reason": "本人须回避。"}


def hand_over(client, ref, centre, kind="cases"):
    """Send the form that hands a matter over; return the answer."""
    return client.fill(f"/{kind}/{ref}/delegate", centre_id=str(centre.id), **ASIDE)


def offered_centres(client, ref, kind="cases"):
    """Return the centres that the form names, by id."""
    page = client.get(f"/{kind}/{ref}/delegate")
    return {one.get("value") for one in page.form.iter("option") if one.get("value")}


def leave_only_the_torn(world):
    """Leave the centre one reviewer, who acts for the enterprise by another seat."""
    leave_office(world.reviewer, world.second_reviewer, world.reviewer_again)


# --- handed over: nobody else can, and to nobody's choice ---


def test_who_acts_for_the_firm_does_not_send_its_case_to_whom_it_likes(cast, world):
    """REDRESS 须回避而无他人可办的，移交其他机构: nothing goes while colleagues can act."""
    friends = make_organisation("credit_centre", "虚构县信用中心")
    make_account(friends, Role.REVIEWER)
    case = make_case(world, "submitted")
    for centre in (world.upper_centre, friends):
        answer = hand_over(cast.torn_reviewer, case.ref, centre)
        assert answer.status_code in {400, 409}
    assert case_of(case.ref).centre_id == world.centre.id
    # Nor where nobody else is there: it goes up, and to no centre of the reviewer's choice.
    leave_only_the_torn(world)
    assert offered_centres(cast.torn_reviewer, case.ref) == {str(world.upper_centre.id)}
    assert hand_over(cast.torn_reviewer, case.ref, friends).status_code == 400
    assert case_of(case.ref).centre_id == world.centre.id
    assert hand_over(cast.torn_reviewer, case.ref, world.upper_centre).status_code == 302
    assert case_of(case.ref).centre_id == world.upper_centre.id
    take(cast.upper_reviewer, "accept", case.ref)
    assert ledger_is_whole()


def test_who_decided_first_does_not_choose_who_signs(cast, world):
    """The second decision is a free colleague's; above it goes where no colleague is free."""
    case = make_case(world, "removal_decided")
    answer = try_to(
        cast.reviewer, "delegate", case.ref, centre_id=str(world.upper_centre.id), **ASIDE
    )
    assert answer.alerts
    assert case_of(case.ref).centre_id == world.centre.id
    leave_office(world.second_reviewer)  # who is left has a seat at the firm, or decided first
    assert hand_over(cast.reviewer, case.ref, world.upper_centre).status_code == 302
    take(cast.upper_reviewer, "sign_removal", case.ref)
    assert case_of(case.ref).state == "executed"


def test_a_case_passes_over_a_centre_where_nobody_is_free(cast, world):
    """The line goes up to where somebody can act, and then to the other centres."""
    other = make_organisation("credit_centre", "虚构邻市信用中心")
    free = make_account(other, Role.REVIEWER)
    for one in (world.upper_reviewer, world.second_upper_reviewer):
        make_appointment(one, world.firm, Role.SUBJECT)
    leave_only_the_torn(world)
    case = make_case(world, "submitted", record=make_record(world.firm, world.agency))
    assert offered_centres(cast.torn_reviewer, case.ref) == {str(other.id)}
    assert hand_over(cast.torn_reviewer, case.ref, other).status_code == 302
    take(cast.as_(free), "accept", case.ref)
    assert case_of(case.ref).state == "accepted"


@pytest.mark.parametrize("state", ["supplement_asked", "with_provider", "rejection_announced"])
def test_an_objection_that_waits_for_others_can_be_handed_over(cast, world, state):
    """What only a reviewer can end once the other side lets its term pass is not stuck."""
    case = make_case(world, state)
    leave_only_the_torn(world)
    assert hand_over(cast.torn_reviewer, case.ref, world.upper_centre).status_code == 302
    assert case_of(case.ref).state == state
    assert case_of(case.ref).centre_id == world.upper_centre.id


def test_an_annulment_is_signed_above_where_the_centre_must_keep_out(cast, world):
    """PENALTY-LAW 第四十八条: the record has to go, whoever the centre's only reviewer is."""
    record = make_record(world.firm, world.agency)
    case = open_matter("annulment", record, world.provider)
    leave_only_the_torn(world)
    assert hand_over(cast.torn_reviewer, case.ref, world.upper_centre).status_code == 302
    with time_machine.travel(in_days(30)):
        page = take(cast.upper_reviewer, "sign_overdue", case.ref, reason="提供单位逾期。")
        assert state_on(page) == "已撤下记录"


@pytest.mark.parametrize("is_heard", [False, True])
def test_a_breach_is_found_above_and_the_repair_stays_its_own_centres(cast, world, is_heard):
    """…一（四）: the centre above acts beside the one that decided the repair.

    Handed over before the enterprise answered, or after: then it lies on the list above.
    """
    case = make_case(world, "closed", workflow="repair")
    promise = promise_of(case.ref)
    take(cast.provider, "announce_breach", promise, "requirements", **BREACH)
    if is_heard:
        take(cast.subject, "state_views", promise, "requirements", statement="该案尚未处罚。")
    answer = hand_over(cast.reviewer, promise, world.upper_centre, "requirements")
    assert answer.status_code == 409  # a colleague is free
    leave_only_the_torn(world)
    answer = hand_over(cast.torn_reviewer, promise, world.upper_centre, "requirements")
    assert answer.status_code == 302
    if not is_heard:
        take(cast.subject, "state_views", promise, "requirements", statement="该案尚未处罚。")
    assert promise in cast.upper_reviewer.read("/work").words
    assert promise not in cast.torn_reviewer.read("/work").words
    if not is_heard:
        assert kinds_of(world.upper_reviewer, promise)[-1] == Kind.TURN
    take(cast.upper_reviewer, "find_partly_kept", promise, "requirements", **FOUND)
    assert requirements_of(case.ref)["commitment"].state == "partly_fulfilled"
    assert case_of(case.ref).centre_id == world.centre.id


# --- the provider never answers a repair ---


def test_a_repair_that_the_provider_never_checks_is_checked_on_the_papers(cast, world):
    """REDRESS 凭申请人提交的整改证明书面核查: after the term; who checked does not decide."""
    case = make_case(world, "with_provider", workflow="repair")
    checked = {"findings": "缴款凭证、检定证书齐全，整改属实。"}
    try_to(cast.reviewer, "conclude_unanswered", case.ref, **checked)
    with time_machine.travel(in_days(60)):
        try_to(cast.torn_reviewer, "conclude_unanswered", case.ref, **checked)
        take(cast.reviewer, "conclude_unanswered", case.ref, **checked)
        assert case_of(case.ref).state == "rectification_confirmed"
        try_to(cast.reviewer, "propose_grant", case.ref)
        try_to(cast.reviewer_again, "propose_grant", case.ref)
        take(cast.second_reviewer, "propose_grant", case.ref)
        try_to(cast.second_reviewer, "sign_grant", case.ref)
        try_to(cast.reviewer, "sign_grant", case.ref)
        assert hand_over(cast.reviewer, case.ref, world.upper_centre).status_code == 302
        take(cast.upper_reviewer, "sign_grant", case.ref)
    assert case_of(case.ref).state == "executed"
    assert requirements_of(case.ref)["rectification"].state == "verified"
    assert ledger_is_whole()


def test_who_entered_a_repair_does_not_check_it_on_the_papers(cast, world):
    """…书面核查: who entered it at the counter is not who examines it."""
    case = make_case(world, "with_provider", workflow="repair")
    person = world.second_reviewer.person_id
    with transaction() as session:
        session.get_one(Case, case.id).entered_by_id = person
    checked = {"findings": "缴款凭证、检定证书齐全，整改属实。"}
    with time_machine.travel(in_days(60)):
        try_to(cast.second_reviewer, "conclude_unanswered", case.ref, **checked)
        take(cast.reviewer, "conclude_unanswered", case.ref, **checked)


# --- what is late is passed on ---


def put_above(below, name="虚构省财政厅"):
    """Put an organisation above another one; return it."""
    above = make_organisation("agency", name)
    with transaction() as session:
        session.get_one(Organisation, below.id).superior_id = above.id
    return above


def passed_on(ref):
    """Return whom the terms of an entity were passed on to, by clock."""
    db.session.rollback()
    terms = db.session.scalars(select(Deadline).where(Deadline.entity_ref == ref))
    return {one.clock: one.escalated_to_id for one in terms if one.escalated_at is not None}


def test_a_measure_that_nobody_answers_is_passed_on_once(cast, world):
    """SD-CREDIT-2021-5 二（三）: the unit above the department is told."""
    above = put_above(world.department)
    chief = make_account(above, Role.DEPARTMENT)
    lead = make_account(above, Role.PROVIDER)
    record = make_record(world.firm, world.agency)
    sanction = initiate_sanction(record, world.provider, world.department)
    assert timers.escalate(now()) == 0
    with time_machine.travel(in_days(40)):
        assert timers.escalate(now()) == 1
        assert timers.escalate(now()) == 0
        assert passed_on(sanction.ref) == {"sanction_response": above.id}
        assert sanctions_of(record)[0].state == "initiated"  # time decides nothing
        for one in (chief, lead):  # whatever office they hold there
            assert kinds_of(one, sanction.ref) == [Kind.ESCALATED]
            page = cast.as_(one).read("/work")
            assert world.department.name in page.words
            assert sanction.ref in page.words
            assert f"/work/{sanction.ref}/claim" not in page.html  # it is not theirs to do
            answer = post(cast.as_(one), f"/work/{sanction.ref}/claim")
            assert answer.status_code in {302, 404}
        assert Kind.ESCALATED not in kinds_of(world.officer, sanction.ref)
        assert term_of(sanction.ref).assignee_id is None
        take(cast.officer, "accept", sanction.ref, "sanctions")
        assert sanction.ref not in cast.as_(chief).read("/work").words  # done, and off the list


def test_feedback_and_evaluation_that_fail_to_come_are_passed_on_each(cast, world):
    """JY-2020-2 （十）2: each of the loop's terms has its own unit above."""
    above = put_above(world.department)
    lead = put_above(world.agency, "虚构省市场监督管理局")
    record = make_record(world.firm, world.agency)
    sanction = initiate_sanction(record, world.provider, world.department)
    act(world.officer, "accept", sanction)
    with time_machine.travel(in_days(80)):
        timers.escalate(now())
        assert passed_on(sanction.ref) == {"sanction_feedback": above.id}
        act(world.officer, "report", sanctions_of(record)[0])
    with time_machine.travel(in_days(89)):
        timers.escalate(now())
    with time_machine.travel(in_days(300)):
        timers.escalate(now())
        assert passed_on(sanction.ref)["sanction_evaluation"] == lead.id


def test_a_department_is_not_late_while_it_may_not_respond(cast, world):
    """SD-GOV-2017-44 二（四）20: while the record is verified nothing is taken up."""
    put_above(world.department)
    record = make_record(world.firm, world.agency)
    sanction = initiate_sanction(record, world.provider, world.department)
    due = term_of(sanction.ref).due_on
    ref = dispute(cast.subject, record, fine_10k="1")
    take(cast.reviewer, "accept", ref)
    assert term_of(sanction.ref).paused_on == today()
    try_to(cast.officer, "accept", sanction.ref, "sanctions")
    with time_machine.travel(in_days(40)):
        timers.escalate(now())
        assert not passed_on(sanction.ref)
        take(cast.subject, "withdraw", ref, reason="不再提出。")
        term = term_of(sanction.ref)
        assert term.paused_on is None
        assert term.due_on > due
        assert term.due_on >= today()
        take(cast.officer, "accept", sanction.ref, "sanctions")
    assert sanctions_of(record)[0].state == "in_force"
    assert ledger_is_whole()


def test_an_institution_that_lets_its_term_pass_is_told_of_to_the_centre(cast, world):
    """鲁信用办〔2021〕5号 二（三）: passed on; the requirement waits for a person."""
    record = make_record(world.firm, world.agency, severity="serious", decided_days_ago=250)
    case = make_case(world, "draft", workflow="repair", record=record)
    training = requirement_of(case, "training")
    take(
        cast.subject, "enrol", training.ref, "requirements",
        institution_id=str(world.training_house.id),
    )  # fmt: skip
    with time_machine.travel(now() + timedelta(days=60)):
        assert timers.escalate(now()) >= 1
        assert training.ref in {one.ref for one in case_of(case.ref).requirements}
        # The repair is a draft: no centre has it yet, so the one that takes in is told.
        assert passed_on(training.ref) == {"requirement_training": world.centre.id}
        assert requirements_of(case.ref)["training"].state == "enrolled"
        assert kinds_of(world.reviewer, training.ref) == [Kind.ESCALATED]
        assert kinds_of(world.upper_reviewer, training.ref) == []
        page = cast.reviewer.read("/work")
        assert training.ref in page.words
        assert world.training_house.name in page.words
        assert world.firm.name not in page.words  # a draft is its filer's: the number is told


def test_a_provider_that_lets_its_term_pass_is_told_of_to_the_unit_above_it(cast, world):
    """SD-GOV-2017-44 三26: its own superior is told, and reads no more than the number."""
    above = put_above(world.agency, "虚构省市场监督管理局")
    chief = make_account(above, Role.PROVIDER)
    case = make_case(world, "with_provider")
    with time_machine.travel(in_days(60)):
        timers.escalate(now())
        assert passed_on(case.ref) == {"objection_verification": above.id}
        assert kinds_of(chief, case.ref) == [Kind.ESCALATED]
        page = cast.as_(chief).read("/work")
        assert case.ref in page.words
        assert world.agency.name in page.words
        assert cast.as_(chief).get(f"/cases/{case.ref}").status_code == 404
        take(cast.provider, "confirm", case.ref, findings="无误。")
        assert case.ref not in cast.as_(chief).read("/work").words


def test_a_centre_called_in_does_not_pass_what_is_late_back_to_the_one_it_helps(cast, world):
    """The line goes up only: with none above the called-in centre nobody else can act."""
    repaired = make_case(world, "closed", workflow="repair").ref
    promise = promise_of(repaired)
    take(cast.provider, "announce_breach", promise, "requirements", **BREACH)
    leave_only_the_torn(world)
    assert (
        hand_over(cast.torn_reviewer, promise, world.upper_centre, "requirements").status_code
        == 302
    )
    take(cast.subject, "state_views", promise, "requirements", statement="该案尚未处罚。")
    with time_machine.travel(in_days(400)):
        timers.escalate(now())
        assert passed_on(promise)["revocation_decision"] is None
        assert case_of(repaired).higher_centre_id == world.upper_centre.id
        assert Kind.ESCALATED not in kinds_of(world.torn_reviewer, promise)
        take(cast.upper_reviewer, "find_not_kept", promise, "requirements", **FOUND)


def test_what_is_confidential_is_passed_on_to_reviewers_only(world, anybody):
    """鲁政发〔2017〕44号 二（三）14: who complained could be told from it."""
    helper = make_account(world.upper_centre, Role.PROVIDER)
    complain(anybody, make_record(world.firm, world.agency))
    case = complaint_case()
    with time_machine.travel(in_days(60)):
        timers.escalate(now())
    assert kinds_of(helper, case.ref) == []
    assert kinds_of(world.upper_reviewer, case.ref)[-1:] == [Kind.ESCALATED]
