"""What letters say of how a matter came about and came out: to the firm, and to departments."""

import pytest
import time_machine
from sqlalchemy import select

from repair_app.calendar import add_working_days
from repair_app.db import db, today
from repair_app.engine.days import read_table
from repair_app.models import Case
from repair_app.services import calendar
from repair_app.services.calendar_file import single_day
from repair_app.services.policy import current_policy
from tests.engine.asking import ask
from tests.factories import act, get_case, make_case, make_record, make_sanction, open_matter
from tests.journeys.steps import begin, case_of, dispute, in_days, take
from tests.journeys.test_commitments import BREACH, FOUND, promise_of
from tests.journeys.test_doors import REPORT
from tests.journeys.test_letters import (
    kinds_of,
    letter_of,
    letters_of,
    read_pdf,
    text_of_pdf,
    verify,
)
from tests.journeys.test_revocation import revoke
from tests.journeys.test_shield import shield


@pytest.fixture
def record(world):
    return make_record(world.firm, world.agency)


def text_of(client, letter):
    return text_of_pdf(read_pdf(client, letter))


def as_letters_write(day):
    return f"{day.year}年{day.month}月{day.day}日"


# --- until when a review can be asked for -------------------------------------------------------


def test_a_letter_names_the_last_day_for_a_review_by_the_calendar_as_it_is_kept(
    cast, world, record
):
    """The day that the guard goes by: a day off that was entered lengthens the term."""
    ref = dispute(cast.subject, record)
    days = current_policy().pack_of(case_of(ref)).clocks["review_request"].working_days
    by_the_year = add_working_days(today(), days).due_on
    calendar.publish(single_day(by_the_year, works=False, note="临时放假"), None)
    refused = {"code": "material_incomplete", "reason": "未附证据。", "remedy": "可再次提出。"}
    take(cast.reviewer, "refuse", ref, **refused)
    said = text_of(cast.subject, letter_of(record, "refusal"))
    last = add_working_days(today(), days, read_table(db.session())).due_on
    assert last > by_the_year
    assert f"可以在{as_letters_write(last)}前（含当日）申请复核" in said
    review = open_matter("review", record, world.subject, about_id=case_of(ref).id)
    with time_machine.travel(in_days((last - today()).days)):
        assert ask("decision_may_be_reviewed", "open", review) is None
    with time_machine.travel(in_days((last - today()).days + 1)):
        assert ask("decision_may_be_reviewed", "open", review) is not None


# --- who set it going -----------------------------------------------------------------------------


def test_what_others_set_going_is_not_told_as_the_firms_own_application(cast, record):
    """鲁政发〔2017〕44号 二（四）20: found by an authority; the firm cannot take it back."""
    ref = begin(cast.officer, "objection", record, **REPORT)
    take(cast.reviewer, "accept", ref)
    assert "acceptance_of_objection" not in kinds_of(record)
    said = text_of(cast.subject, letter_of(record, "notice_of_verification"))
    assert "不是依你单位申请启动" in said
    assert "撤回" not in said
    assert ref in said


def test_what_others_reported_and_was_not_accepted_is_not_the_firms_refusal(cast, record):
    ref = begin(cast.officer, "objection", record, **REPORT)
    refused = {"code": "material_incomplete", "reason": "无依据。", "remedy": "补充依据。"}
    take(cast.reviewer, "refuse", ref, **refused)
    assert "refusal" not in kinds_of(record)
    said = text_of(cast.subject, letter_of(record, "notice_of_no_verification"))
    assert "不是依你单位申请启动" in said


def test_an_objection_that_is_joined_is_told_to_which_and_until_when_it_can_be_reviewed(
    cast, record, anybody
):
    """REDRESS 同一信息的重复异议合并办理: it ends here, so it is told in writing."""
    first = dispute(cast.subject, record)
    take(cast.reviewer, "accept", first)
    second = dispute(cast.subject, record, ground="not_the_subject")
    joined = {"joined_id": str(case_of(first).id), "reason": "与在先异议为同一事实。"}
    take(cast.reviewer, "join", second, **joined)
    letter = letter_of(record, "joining_notice")
    said = text_of(cast.subject, letter)
    for one in (first, second, "与在先异议为同一事实。", "申请复核"):
        assert one in said
    assert verify(anybody, letter).having("good")


# --- departments: stopped, and what came of it -------------------------------------------------


def test_departments_are_told_the_result_of_what_stopped_their_measures(cast, world, record):
    """They were told not to resume before: so each is told when it may, or that it is over."""
    make_sanction(record, world.officer)
    ref = dispute(cast.subject, record)
    take(cast.reviewer, "accept", ref)
    notice = letter_of(record, "suspension_notice")
    assert notice.stands
    take(cast.subject, "withdraw", ref, reason="不再提出。")
    result = letter_of(record, "result_for_departments")
    assert result.organisation_id == world.department.id
    assert not letter_of(record, "suspension_notice").stands
    assert "可以恢复执行" in text_of(cast.officer, result)
    assert cast.subject.get(f"/letters/{result.ref}.pdf").status_code == 404


def test_a_removal_tells_departments_that_their_measures_are_over(cast, world, record):
    make_sanction(record, world.officer)
    case = make_case(world, "removal_decided", record=record)
    take(cast.second_reviewer, "sign_removal", case.ref)
    said = text_of(cast.officer, letter_of(record, "result_for_departments"))
    assert "终止，请立即停止执行并解除" in said
    assert "恢复执行：" not in said


def test_a_measure_that_another_matter_still_stops_is_not_said_to_go_on(cast, world, record):
    make_sanction(record, world.officer)
    shield(cast, record)
    assert letter_of(record, "suspension_notice_of_shield").organisation_id == world.department.id
    ref = dispute(cast.subject, record)
    take(cast.reviewer, "accept", ref)
    take(cast.subject, "withdraw", ref, reason="不再提出。")
    said = text_of(cast.officer, letter_of(record, "result_for_departments"))
    assert "继续暂不执行" in said
    assert "可以恢复执行" not in said


def test_a_verification_that_begins_anew_tells_departments_again(cast, world, record):
    make_sanction(record, world.officer)
    case = make_case(world, "rejected", record=record)
    review = open_matter("review", record, world.subject, about_id=case.id)
    act(world.upper_reviewer, "propose_setting_aside", review)
    act(world.second_upper_reviewer, "sign_setting_aside", get_case(review.ref))
    assert len(letters_of(record, "suspension_notice")) == 2
    assert letters_of(record, "suspension_notice")[-1].stands


def test_a_repair_tells_departments_that_their_measures_are_over(cast, world, record):
    make_sanction(record, world.officer)
    make_case(world, "executed", workflow="repair", record=record)
    letter = letter_of(record, "termination_notice")
    assert letter.organisation_id == world.department.id
    assert "终止，请立即停止执行并解除" in text_of(cast.officer, letter)


# --- asked, and concluded without an answer -----------------------------------------------------


def test_a_request_for_verification_falls_away_when_the_centre_concludes_without_an_answer(
    cast, world, anybody
):
    case = make_case(world, "with_provider", workflow="repair")
    letter = letter_of(case.record, "verification_request")
    assert verify(anybody, letter).having("good")
    with time_machine.travel(in_days(60)):
        found = {"findings": "缴款凭证齐全，整改属实。"}
        take(cast.reviewer, "conclude_unanswered", case.ref, **found)
        assert not verify(anybody, letter).having("good")


# --- falsehood, with a repair and without --------------------------------------------------------


def test_where_no_repair_was_granted_no_letter_says_that_one_was_undone(
    cast, world, record, anybody
):
    """《信用修复管理办法》: 提供虚假材料; publication never stopped, so it is not resumed."""
    make_case(world, "submitted", workflow="repair", record=record)
    revoke(cast, record)
    kinds = kinds_of(record)
    assert "revocation_decision" not in kinds
    assert "adverse_notice_of_revocation" not in kinds
    letter = letter_of(record, "falsehood_decision")
    said = text_of(cast.subject, letter)
    for wrong in ("决定撤销", "恢复公示"):
        assert wrong not in said
    assert "尚未准予信用修复" in said
    assert "undone" not in verify(anybody, letter).words
    assert letter_of(record, "adverse_notice_of_falsehood")


def test_where_a_repair_was_granted_the_letter_says_until_when_the_record_is_shown_again(
    cast, world, record
):
    make_case(world, "closed", workflow="repair", record=record)
    revoke(cast, record)
    assert "falsehood_decision" not in kinds_of(record)
    said = text_of(cast.subject, letter_of(record, "revocation_decision"))
    assert f"恢复公示至{as_letters_write(record.max_publication_until)}" in said
    assert letter_of(record, "adverse_notice_of_revocation")


# --- a commitment that was not kept ---------------------------------------------------------------


@pytest.mark.parametrize("finding", ["find_not_kept", "find_partly_kept"])
def test_a_broken_commitment_is_decided_by_letter_with_reasons(cast, world, record, finding):
    """行政处罚法 第四十四条、第四十五条（参照）: facts, reasons, views weighed, remedies."""
    case = make_case(world, "closed", workflow="repair", record=record)
    promise = promise_of(case.ref)
    take(cast.provider, "announce_breach", promise, "requirements", **BREACH)
    take(cast.subject, "state_views", promise, "requirements", statement="该案尚未处罚。")
    take(cast.reviewer, finding, promise, "requirements", **FOUND)
    letter = letter_of(record, "breach_decision")
    assert letter.organisation_id == world.firm.id
    said = text_of(cast.subject, letter)
    for one in (*FOUND.values(), BREACH["unfulfilled"], BREACH["liability"]):
        assert one in said
    # The repair is then to be undone: the notice of that says why, as every notice does.
    notices = letters_of(record, "adverse_notice_of_revocation")
    assert len(notices) == (1 if finding == "find_not_kept" else 0)
    if notices:
        assert FOUND["findings"] in text_of(cast.subject, notices[0])
        ref = db.session.scalars(select(Case.ref).where(Case.workflow == "revocation")).one()
        assert FOUND["findings"] in cast.subject.read(f"/cases/{ref}").words
