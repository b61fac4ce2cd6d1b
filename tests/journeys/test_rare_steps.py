"""Steps that hardly a story comes by, each taken once: passed on, handed over, moot, called off.

What leads up to them is done by the services; the step itself is what the test is about.
"""

from decimal import Decimal

import pytest
import time_machine
from sqlalchemy import select

from repair_app.db import db, now
from repair_app.models import Deadline, Role
from repair_app.services import publication, scans, timers
from tests.factories import (
    PDF,
    act,
    add_requirement,
    annul_record,
    leave_office,
    make_account,
    make_appointment,
    make_case,
    make_organisation,
    make_record,
    make_sanction,
    make_upload,
    open_matter,
    requirement_of,
)
from tests.journeys.steps import (
    PAPER,
    accept_and_forward,
    begin,
    case_of,
    decided,
    dispute,
    in_days,
    ledger_is_whole,
    prove_rectification,
    requirements_of,
    row_of,
    sign_commitment,
    take,
    term_of,
)
from tests.journeys.test_complaints import complain, complaint_case
from tests.journeys.test_corrections import correct
from tests.journeys.test_doors import CAME
from tests.journeys.test_loop import feed_back
from tests.journeys.test_quarantine import quarantines, records, send
from tests.journeys.test_remedy import remedies
from tests.journeys.test_self_control import self_correction_of, tamper
from tests.journeys.test_ways_on import leave_only_the_torn

PROOF = PDF + b"proof\n%%EOF"


@pytest.fixture
def record(world):
    """Give a published record of firm A, recognised by the agency."""
    return make_record(world.firm, world.agency)


def not_done(world, record):
    """Return an order that was answered and found lacking."""
    case = open_matter("rectification_order", record, world.provider)
    act(world.subject, "answer", case, uploads=[make_upload(PROOF)])
    act(world.provider, "find_undone", case)
    return case_of(case.ref)


def called(world, record):
    """Return a talk that was called after an order was not done."""
    not_done(world, record)
    return open_matter("talk", record, world.provider)


def rejected(world, record):
    """Return the review of an objection that was rejected."""
    case = make_case(world, "rejected", record=record)
    return open_matter("review", record, world.subject, about_id=case.id)


def revoked(world, record):
    """Return the matter by which a repair is to be undone."""
    make_case(world, "closed", workflow="repair", record=record)
    return open_matter("revocation", record, world.provider)


def owed(world, record, cast):
    """Return the remedy of a measure that was carried out while the record was verified."""
    sanction = make_sanction(record, world.officer)
    make_case(world, "with_provider", record=record)
    feed_back(cast.officer, sanction)
    [case] = remedies(record)
    return case


def complained(anybody, record):
    """Return the complaint of somebody without an account."""
    complain(anybody, record)
    return complaint_case()


def sent_again(world, cast, make_file):
    """Return the quarantine of a row whose record was taken off after an objection."""
    send(cast.provider, make_file())
    record = records()[-1]
    make_case(world, "removal_executed", record=record)
    send(cast.provider, make_file())
    [case] = quarantines()
    return case


@pytest.fixture
def matter(request, world, record, cast, make_file, anybody):
    """Give an open matter of the kind that a test names."""
    return {
        "annulment": lambda: open_matter("annulment", record, world.provider),
        "complaint": lambda: complained(anybody, record),
        "proceeding": lambda: open_matter("proceeding", record, world.subject),
        "quarantine": lambda: sent_again(world, cast, make_file),
        "rectification_order": lambda: not_done(world, record),
        "remedy": lambda: owed(world, record, cast),
        "repair": lambda: make_case(world, "submitted", workflow="repair", record=record),
        "review": lambda: rejected(world, record),
        "revocation": lambda: revoked(world, record),
        "shield": lambda: open_matter("shield", record, world.subject),
        "talk": lambda: called(world, record),
    }[request.param]()


def passed_on(ref):
    """Return the clocks of the terms that were passed on."""
    db.session.rollback()
    terms = select(Deadline).where(Deadline.entity_ref == ref, Deadline.escalated_at.is_not(None))
    return [one.clock for one in db.session.scalars(terms)]


LATE = [
    *("annulment", "proceeding", "quarantine", "rectification_order", "remedy"),
    *("repair", "review", "revocation", "shield", "talk"),
]
HANDED = ["annulment", "proceeding", "quarantine", "remedy", "repair", "revocation", "shield"]
WITH_RECORD = ["complaint", "proceeding", "rectification_order", "review", "shield", "talk"]


@pytest.mark.parametrize("matter", LATE, indirect=True)
def test_what_nobody_does_in_its_term_is_passed_on_once_and_decides_nothing(matter):
    """SD-GOV-2017-44 三26: whoever is late is told of; silence is no decision."""
    ref, state, clock = matter.ref, matter.state, term_of(matter.ref).clock
    with time_machine.travel(in_days(400)):
        timers.escalate(now())
        assert passed_on(ref) == [clock]
        timers.escalate(now())
    assert case_of(ref).state == state
    assert passed_on(ref) == [clock]


@pytest.mark.parametrize("matter", HANDED, indirect=True)
def test_what_nobody_here_may_decide_is_handed_to_the_centre_above(world, matter):
    """REDRESS 须回避而无他人可办的，移交其他机构."""
    ref, state = matter.ref, matter.state
    leave_only_the_torn(world)
    act(world.torn_reviewer, "delegate", matter, centre_id=world.upper_centre.id)
    assert case_of(ref).state == state
    assert case_of(ref).centre_id == world.upper_centre.id


@pytest.mark.parametrize("matter", WITH_RECORD, indirect=True)
def test_what_is_open_ends_with_a_record_that_is_annulled(world, record, matter):
    """SD-CREDIT-2021-5 （八）: what rests on a record ends with it."""
    annul_record(world, record)
    assert case_of(matter.ref).state == "moot"
    assert ledger_is_whole()


def test_an_annulment_that_waits_ends_with_a_record_that_is_taken_off_before(world, record):
    """SD-CREDIT-2021-5 （八）: what rests on a record ends with it."""
    annulment = open_matter("annulment", record, world.provider)
    make_case(world, "removal_executed", record=record)
    assert case_of(annulment.ref).state == "moot"


def test_an_opinion_is_asked_for_no_more_when_the_record_ends(world, record):
    """REDRESS 随异议办结而终止: what is over leaves nobody's worklist full."""
    case = make_case(world, "accepted", record=record)
    act(world.reviewer, "consult", case, consulted_id=world.other_agency.id)
    annul_record(world, record)
    assert requirements_of(case.ref)["opinion"].state == "lapsed"


def test_a_repaired_record_is_filed_away_when_it_could_not_be_shown_any_more(world, record):
    """鲁信用办〔2021〕5号 （八）转为档案保存: after the maximum publication, and not before."""
    make_case(world, "closed", workflow="repair", record=record)
    assert publication.expire_records() == 0
    with time_machine.travel(in_days(5 * 365)):
        assert publication.expire_records() == 1
    assert row_of(record)["state"] == "archived"


# --- taken back by who began it ---


def test_an_agency_recalls_its_order_and_calls_off_its_talk(world, record):
    """REDRESS 通知有误的，由发出单位说明理由后撤回; a talk likewise."""
    talk = called(world, record)
    act(world.provider, "call_off", talk)
    assert case_of(talk.ref).state == "called_off"
    order = open_matter("rectification_order", record, world.provider)
    act(world.provider, "recall_order", order)
    assert case_of(order.ref).state == "recalled"


def test_a_warning_talk_ends_the_reminder_before_it(world, record):
    """…四（九）: 提示约谈或警示约谈: the one follows the other, and one is open at a time."""
    reminder = called(world, record)
    with time_machine.travel(in_days(5)):
        act(world.provider, "hold", reminder)
        act(world.subject, "sign_minutes", case_of(reminder.ref))
        warning = open_matter("talk", record, world.provider, ground="warning")
    assert case_of(reminder.ref).state == "passed_on"
    assert case_of(warning.ref).state == "called"


def test_a_review_is_withdrawn_by_who_asked_for_it(world, record):
    """REDRESS 决定签发前可以撤回."""
    review = rejected(world, record)
    act(world.subject, "withdraw", review)
    assert case_of(review.ref).state == "withdrawn"


def test_the_undoing_of_a_repair_is_dropped_when_nothing_is_found(world, record):
    """《行政处罚法》第四十五条（参照）: what was said is weighed, and may be right."""
    revocation = revoked(world, record)
    act(world.subject, "state_views", revocation)
    act(world.reviewer, "drop", case_of(revocation.ref))
    assert case_of(revocation.ref).state == "dropped"
    assert row_of(record)["state"] == "repaired"


def test_a_shield_goes_back_to_who_proposed_it(world, record):
    """REDRESS 审核意见不一致的，退回重新审核."""
    shield = open_matter("shield", record, world.subject)
    act(world.reviewer, "propose_shield", shield)
    act(world.second_reviewer, "return_shield", case_of(shield.ref))
    assert case_of(shield.ref).state == "submitted"
    act(world.reviewer, "propose_shield", case_of(shield.ref))
    act(world.second_reviewer, "sign_shield", case_of(shield.ref))
    act(world.subject, "report_completion", case_of(shield.ref), uploads=[make_upload(PROOF)])
    act(world.reviewer, "propose_completion", case_of(shield.ref))
    act(world.second_reviewer, "return_completion", case_of(shield.ref))
    assert case_of(shield.ref).state == "shielded"


# --- a repair ---


def test_a_draft_of_a_repair_is_changed_and_its_commitment_signed_anew(world, record):
    """REDRESS 草稿可以修改."""
    case = make_case(world, "draft", workflow="repair", record=record)
    act(world.subject, "amend", case)
    promise = requirement_of(case, "commitment")
    act(world.subject, "sign", promise)
    act(world.subject, "sign_anew", requirement_of(case, "commitment"))
    assert requirements_of(case.ref)["commitment"].state == "signed"
    assert case_of(case.ref).state == "draft"


def test_a_repair_goes_to_another_provider_and_is_asked_back(world, record):
    """CN-2026-36 谁认定谁修复; GBF-2019-35 四（十三）: not before the term is over."""
    case = make_case(world, "accepted", workflow="repair", record=record)
    act(world.reviewer, "reroute", case, provider_id=world.other_agency.id)
    act(world.reviewer, "ask_provider", case_of(case.ref))
    act(world.other_provider, "answer_interim", case_of(case.ref))
    assert case_of(case.ref).provider_id == world.other_agency.id
    assert case_of(case.ref).state == "with_provider"
    with time_machine.travel(in_days(60)):
        act(world.reviewer, "recall", case_of(case.ref))
    assert case_of(case.ref).state == "accepted"


def test_a_check_of_the_rectification_goes_back_to_the_provider(world, record):
    """GBF-2019-35 四（十三）: with reasons, and not by who verified."""
    case = make_case(world, "rectification_confirmed", workflow="repair", record=record)
    act(world.reviewer, "return_to_provider", case)
    assert case_of(case.ref).state == "with_provider"


def test_where_the_recogniser_decides_a_colleague_returns_the_check(world, under, record):
    """CN-2026-36 谁认定谁修复: by another person of the same unit."""
    case = by_recogniser(world, under, "confirm_for_decision")
    act(world.second_provider, "return_check", case)
    assert case_of(case.ref).state == "with_provider"


def test_a_refusal_that_the_recogniser_lets_lie_is_taken_over(world, under, record):
    """REDRESS 逾期不决定的，不得由申请人承担后果: after the term the centre goes on with it."""
    case = by_recogniser(world, under, "find_lacking_for_decision")
    with time_machine.travel(in_days(60)):
        act(world.reviewer, "take_over_refusal", case)
    assert case_of(case.ref).state == "rectification_lacking"


def by_recogniser(world, under, step):
    """Return a repair that the unit which recognised the conduct has checked and decides."""
    under("national")
    record = make_record(world.firm, world.agency)
    case = make_case(world, "with_provider", workflow="repair", record=record)
    act(world.provider, step, case)
    return case_of(case.ref)


@pytest.mark.parametrize("workflow", ["objection", "repair"])
def test_what_the_counter_entered_is_supplemented_there(cast, world, record, workflow):
    """SZ-2023 第八十一条: on paper from the first to the last."""
    filed = {"ground": "error"} if workflow == "objection" else {}
    ref = begin(
        cast.reviewer, workflow, record, statement="金额有误。", evidence=PAPER, **filed, **CAME
    )
    if workflow == "repair":
        prove_rectification(cast.subject, ref)
        sign_commitment(cast.subject, ref)
        take(cast.reviewer, "submit_at_window", ref)
    take(cast.second_reviewer, "ask_supplement", ref, missing="营业执照复印件")
    take(cast.reviewer, "supplement_at_window", ref, statement="已补交营业执照复印件。")
    assert case_of(ref).state == "submitted"


# --- what a repair needs ---


def reported(world):
    """Return a repair of a serious record whose credit report was asked for."""
    record = make_record(world.firm, world.agency, severity="serious", decided_days_ago=300)
    case = make_case(world, "draft", workflow="repair", record=record)
    act(world.subject, "request", requirement_of(case, "credit_report"))
    return case


def test_a_credit_report_that_was_asked_for_is_asked_for_no_more(world):
    """REDRESS 机构迟迟不办的，可以另选机构."""
    case = reported(world)
    act(world.subject, "cancel", requirement_of(case, "credit_report"))
    assert requirements_of(case.ref)["credit_report"].state == "owed"


def test_a_credit_report_that_does_not_come_is_passed_on(world):
    """…二（三）: the term is the institution's; the requirement waits for a person."""
    case = reported(world)
    with time_machine.travel(in_days(90)):
        timers.escalate(now())
    assert requirements_of(case.ref)["credit_report"].state == "requested"
    assert passed_on(requirements_of(case.ref)["credit_report"].ref)


def test_an_opinion_that_does_not_come_is_passed_on(world, record):
    """SD-GOV-2017-44 三26: the unit that was asked is late, and its own superior is told."""
    case = make_case(world, "accepted", record=record)
    act(world.reviewer, "consult", case, consulted_id=world.other_agency.id)
    opinion = requirements_of(case.ref)["opinion"]
    with time_machine.travel(in_days(90)):
        timers.escalate(now())
    assert requirements_of(case.ref)["opinion"].state == "asked"
    assert passed_on(opinion.ref)


# --- self-correction ---


def test_a_flaw_of_a_provider_without_staff_is_answered_at_the_centre(world, record):
    """SD-CREDIT-2021-5 （八）: nobody acts for the provider, so the centre does."""
    leave_office(world.provider, world.second_provider)
    tamper(record, legal_basis=" ")
    scans.run_scan()
    case = self_correction_of(record)
    assert case.state == "with_centre"
    act(world.reviewer, "explain_at_centre", case)
    assert case_of(case.ref).state == "explained"
    leave_only_the_torn(world)
    act(world.torn_reviewer, "delegate", case_of(case.ref), centre_id=world.upper_centre.id)
    assert case_of(case.ref).centre_id == world.upper_centre.id


# --- a complaint, and what the class of a record decides ---


def test_a_complaint_that_nobody_here_may_take_up_goes_to_the_centre_above(world, record, anybody):
    """REDRESS 须回避而无他人可办的，移交其他机构."""
    complaint = complained(anybody, record)
    leave_office(world.second_reviewer, world.reviewer_again, world.torn_reviewer)
    act(world.reviewer, "delegate", complaint, centre_id=world.upper_centre.id)
    assert case_of(complaint.ref).centre_id == world.upper_centre.id


def test_a_record_that_turns_out_minor_is_published_no_more_and_the_other_way_round(
    cast, world, under, anybody
):
    """CN-2026-36 轻微失信信息: kept without publication; by its class as corrected."""
    under("national")
    facts = "经查，当事人使用未经检定的计量器具。"
    small = {"penalty_categories": ["fine"], "fine_10k": Decimal("0.2")}
    record = make_record(
        world.firm, world.agency, decided_days_ago=20, violation_facts=facts, **small
    )
    first = correct(cast, record, value_violation_facts=f"{facts}适用简易程序。")
    act(world.provider, "confirm_execution", case_of(first))
    assert row_of(record)["state"] == "withheld"
    ref = dispute(cast.subject, record, ground="omission")
    accept_and_forward(cast.reviewer, ref)
    worse = {"findings": "经核对，适用普通程序。", "value_violation_facts": facts}
    take(cast.provider, "propose_correction", ref, **worse)
    take(cast.reviewer, "announce_correction", ref, reason="应予公示。")
    take(cast.subject, "state_views_on_correction", ref, statement="无意见。")
    take(cast.second_reviewer, "sign_adverse_correction", ref, **decided("应予更正。"))
    assert row_of(record)["state"] == "published"


def test_public_service_that_does_not_count_is_set_aside(world, record):
    """SD-CREDIT-2021-5 （八）: weighed by the provider; what is set aside speaks for nothing."""
    case = make_case(world, "draft", workflow="repair", record=record)
    add_requirement(case.ref, "public_service")
    act(world.subject, "submit_hours", requirement_of(case, "public_service"))
    act(world.subject, "sign", requirement_of(case, "commitment"))
    proof = [make_upload(PROOF)]
    act(world.subject, "submit_proof", requirement_of(case, "rectification"), uploads=proof)
    for who, step in (("subject", "submit"), ("reviewer", "accept"), ("reviewer", "ask_provider")):
        act(getattr(world, who), step, case_of(case.ref))
    act(world.provider, "set_aside", requirement_of(case, "public_service"))
    assert requirements_of(case.ref)["public_service"].state == "set_aside"


def test_what_a_repair_needs_besides_lapses_with_it(world, record):
    """Of what a rule pack may ask for: a check by the provider, hours of public service."""
    case = make_case(world, "draft", workflow="repair", record=record)
    for kind in ("public_service", "credit_check"):
        add_requirement(case.ref, kind)
    annul_record(world, record)
    asked = requirements_of(case.ref)
    assert {asked[one].state for one in ("public_service", "credit_check")} == {"lapsed"}


def test_a_shield_is_withdrawn_before_it_is_granted(world, record):
    """REDRESS 决定签发前可以撤回."""
    shield = open_matter("shield", record, world.subject)
    act(world.subject, "withdraw", shield)
    assert case_of(shield.ref).state == "withdrawn"


def test_a_provider_that_is_asked_by_mistake_says_so(world, record):
    """CN-2026-36 谁认定谁修复: the repair goes back to the centre, which asks whose it is."""
    case = make_case(world, "with_provider", workflow="repair", record=record)
    act(world.provider, "disclaim", case)
    assert case_of(case.ref).state == "accepted"


def test_a_repair_at_the_counter_is_signed_on_paper_or_laid_aside(cast, world, record):
    """SD-DRC-35 一（四）, SZ-2023 第八十一条; REDRESS 材料迟迟不齐的，由窗口放弃草稿."""
    given = {"statement": "罚款已缴清。", "evidence": PAPER, **CAME}
    ref = begin(cast.reviewer, "repair", record, **given)
    paper = [make_upload(PROOF)]
    act(world.reviewer, "sign_on_paper", requirement_of(case_of(ref), "commitment"), uploads=paper)
    assert requirements_of(ref)["commitment"].state == "signed"
    with time_machine.travel(in_days(400)):
        act(world.reviewer, "discard_at_window", case_of(ref))
    assert case_of(ref).state == "discarded"


def test_a_review_that_nobody_above_may_decide_goes_to_another_centre(world, record):
    """REDRESS 须回避而无他人可办的，移交其他机构: past a centre where nobody is free."""
    review = rejected(world, record)
    other = make_organisation("credit_centre", "虚构邻市信用中心")
    make_account(other, Role.REVIEWER)
    for one in (world.upper_reviewer, world.second_upper_reviewer):
        make_appointment(one, world.firm, Role.SUBJECT)
    act(world.upper_reviewer, "delegate", review, centre_id=other.id)
    assert case_of(review.ref).centre_id == other.id
