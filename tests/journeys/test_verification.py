"""How an objection is verified: by the centre, the provider, other agencies; and its outcome."""

from dataclasses import replace

import pytest
import time_machine

from repair_app.calendar import add_working_days
from repair_app.db import db, now, today
from repair_app.engine.days import read_table
from repair_app.models import Role
from repair_app.services import timers
from tests.factories import leave_office, make_account, make_case, make_record, make_sanction
from tests.journeys.steps import (
    accept_and_forward,
    ask_department,
    begin,
    case_of,
    decided,
    dispute,
    in_days,
    is_marked,
    ledger_is_whole,
    requirements_of,
    row_of,
    sanctions_of,
    state_on,
    steps_on,
    take,
    term_of,
    try_to,
)
from tests.journeys.test_doors import REPORT

ASKED = {"question": "请核对贵局同案处罚的金额。"}


def last_day(days, since=None):
    """Return the last of so many working days, as the calendar counts them."""
    return add_working_days(since or today(), days, read_table(db.session())).due_on


def is_shown(client, record):
    """Say whether the public finds a record, by its page and by search; both agree."""
    page = client.get(f"/records/{record.ref}").status_code == 200
    assert page == (record.ref in client.read(f"/?q={record.subject.uscc}").html)
    return page


# --- the centre settles it ---


def test_what_the_centre_can_settle_itself_is_settled_there_by_two(cast, world, anybody):
    """《山东省社会信用条例》第三十九条: 属于本机构可以处理的，三个工作日内; two persons decide."""
    record = make_record(world.firm, world.agency, fine_10k=15)
    make_sanction(record, world.officer)
    ref = dispute(cast.subject, record, fine_10k="1.5")
    take(cast.reviewer, "accept", ref)
    assert term_of(ref).due_on == last_day(3)
    assert term_of(ref, whole=True).due_on == last_day(7)
    take(
        cast.reviewer, "check_correction", ref, findings="归集时小数点有误。", value_fine_10k="1.5"
    )
    for again in (cast.reviewer, cast.reviewer_again):
        try_to(again, "sign_correction", ref)
    assert row_of(record)["fine_10k"] == 15
    take(cast.second_reviewer, "sign_correction", ref)
    assert float(row_of(record)["fine_10k"]) == 1.5
    assert case_of(ref).outcome == "CORRECTED"
    assert ask_department(cast.officer, world.firm.uscc) == [True]
    assert ledger_is_whole()


def test_what_the_centre_finds_to_be_no_record_at_all_goes_by_two_signatures(cast, world, anybody):
    """《山东省社会信用条例》第三十九条: the own check may end with removal; two persons decide."""
    record = make_record(world.firm, world.agency)
    make_sanction(record, world.officer)
    ref = dispute(cast.subject, record, ground="duplicate")
    take(cast.reviewer, "accept", ref)
    take(cast.reviewer, "check_removal", ref, outcome="DELETED", findings="系重复信息。")
    assert is_shown(anybody, record)
    try_to(cast.reviewer, "sign_removal", ref)
    take(cast.second_reviewer, "sign_removal", ref)
    assert not is_shown(anybody, record)
    assert {one.state for one in sanctions_of(record)} == {"ended"}


def test_nobody_is_asked_who_has_no_account(cast, world):
    """A case must not go where nobody is: another provider is assigned instead."""
    nobody_there = world.department  # a department without a provider's account
    record = make_record(world.firm, nobody_there)
    ref = dispute(cast.subject, record)
    take(cast.reviewer, "accept", ref)
    page = try_to(cast.reviewer, "ask_provider", ref)
    assert nobody_there.name in page.words
    take(
        cast.reviewer,
        "reroute",
        ref,
        provider_id=str(world.agency.id),
        reason="由市场监督管理局核实。",
    )
    take(cast.reviewer, "ask_provider", ref)
    assert case_of(ref).state == "with_provider"


# --- other agencies ---


def test_another_agency_is_asked_sees_only_the_question_and_is_waited_for(cast, world):
    """鲁政发〔2017〕44号 二（四）20: verified with whoever knows; nobody else's file is opened."""
    record = make_record(world.firm, world.agency)
    ref = dispute(cast.subject, record)
    accept_and_forward(cast.reviewer, ref)
    other = world.other_agency
    take(cast.reviewer, "consult", ref, consulted_id=str(other.id), **ASKED)
    opinion = requirements_of(ref)["opinion"].ref

    assert opinion in cast.other_provider.read("/work").html
    page = cast.other_provider.read(f"/requirements/{opinion}")
    assert ASKED["question"] in page.words
    assert record.decision_no in page.words
    assert cast.other_provider.get(f"/cases/{ref}").status_code == 404
    document = case_of(ref).documents[0].ref
    assert cast.other_provider.get(f"/documents/{document}").status_code == 404

    take(cast.provider, "confirm", ref, findings="与决定书一致。")
    page = try_to(cast.reviewer, "announce_rejection", ref, reason="无误。")
    assert page.having("alert-danger")
    answer = cast.other_provider.fill(
        f"/requirements/{opinion}/give", view="wrong", findings="同案金额为1万元。"
    )
    assert answer.status_code == 302
    assert cast.other_provider.follow(answer).status_code == 200
    page = cast.reviewer.read(f"/cases/{ref}")
    assert "同案金额为1万元。" in page.words
    assert "认为有误" in page.words or "有误" in page.words
    take(cast.reviewer, "announce_rejection", ref, reason="综合各单位意见，无误。")


def test_an_agency_is_consulted_once_and_the_provider_is_not_among_them(cast, world):
    """Nobody is asked the same twice; the provider verifies anyway."""
    case = make_case(world, "with_provider")
    form = cast.reviewer.read(f"/cases/{case.ref}/consult").form
    offered = {one.get("value") for one in form.iter("option")}
    assert offered == {str(world.other_agency.id)}
    take(cast.reviewer, "consult", case.ref, consulted_id=str(world.other_agency.id), **ASKED)
    form = cast.reviewer.read(f"/cases/{case.ref}/consult").form
    assert not list(form.iter("option"))


def test_a_view_that_is_not_given_in_time_is_waited_for_no_longer_and_not_before(cast, world):
    """REDRESS 协查逾期的，不影响异议办理."""
    case = make_case(world, "with_provider")
    take(cast.reviewer, "consult", case.ref, consulted_id=str(world.other_agency.id), **ASKED)
    opinion = requirements_of(case.ref)["opinion"].ref
    try_to(cast.reviewer, "waive", opinion, "requirements", reason="不再等候。")
    take(cast.provider, "confirm", case.ref, findings="无误。")
    with time_machine.travel(in_days(20)):
        take(cast.reviewer, "waive", opinion, "requirements", reason="逾期未答复。")
        take(cast.reviewer, "announce_rejection", case.ref, reason="无误。")
    assert case_of(case.ref).state == "rejection_announced"


def test_an_objection_that_is_withdrawn_asks_nobody_any_more(cast, world):
    """What is over leaves nobody's worklist full."""
    case = make_case(world, "with_provider")
    take(cast.reviewer, "consult", case.ref, consulted_id=str(world.other_agency.id), **ASKED)
    opinion = requirements_of(case.ref)["opinion"].ref
    take(cast.subject, "withdraw", case.ref)
    assert requirements_of(case.ref)["opinion"].state == "lapsed"
    assert opinion not in cast.other_provider.read("/work").html


# --- time ---


def test_the_subject_reads_how_far_the_matter_is(cast, world):
    """国办发〔2019〕35号 五（十七）: answered in time; an interim answer ends nothing."""
    case = make_case(world, "with_provider")
    due = term_of(case.ref).due_on
    take(cast.provider, "answer_interim", case.ref, progress="已调取案卷，正在核对。")
    page = cast.subject.read(f"/cases/{case.ref}")
    assert state_on(page) == "信息提供单位核实中"
    assert "已调取案卷，正在核对。" in page.words
    assert term_of(case.ref).due_on == due  # and buys no time


@pytest.mark.parametrize(
    ("profile", "stage_days", "whole_days", "more"),
    [
        ("zhejiang", 1, 5, 15),  # 五个工作日，经批准最长不超过二十个工作日
        ("shenzhen", 2, 3, 3),  # 二个工作日，经负责人批准延长三个工作日
    ],
)
def test_more_time_is_asked_for_allowed_once_and_told_with_its_reasons(
    cast, world, under, profile, stage_days, whole_days, more
):
    """《浙江省公共信用信息管理条例》第三十一条, 《深圳经济特区社会信用条例》第五十条."""
    under(profile)
    case = make_case(world, "with_provider")
    assert term_of(case.ref).due_on == last_day(stage_days)
    assert term_of(case.ref, whole=True).due_on == last_day(whole_days)
    # Nobody gives what nobody asked for.
    assert "extend" not in steps_on(cast.reviewer.read(f"/cases/{case.ref}"), case.ref)
    take(cast.provider, "ask_extension", case.ref, reason="案卷存于异地档案室。")
    assert term_of(case.ref).due_on == last_day(stage_days)  # asked for is not given
    take(cast.reviewer, "extend", case.ref, reason="调卷确需时间，同意延长。")
    assert term_of(case.ref).due_on == last_day(stage_days + more)
    assert term_of(case.ref, whole=True).due_on == last_day(whole_days + more)
    page = cast.subject.read(f"/cases/{case.ref}")
    assert "案卷存于异地档案室。" in page.words
    assert "调卷确需时间，同意延长。" in page.words
    assert f"{more}个工作日" in page.words.replace(" ", "")
    for client, step in ((cast.provider, "ask_extension"), (cast.reviewer, "extend")):
        try_to(client, step, case.ref, reason="还要时间。")
    assert ledger_is_whole()


def test_more_time_is_allowed_before_the_term_ends_or_not_at_all(cast, world, under):
    """《浙江省公共信用信息管理条例》第三十一条: 延长 is approved before the term is over."""
    under("zhejiang")
    case = make_case(world, "with_provider")
    take(cast.provider, "ask_extension", case.ref, reason="案卷存于异地。")
    with time_machine.travel(in_days(20)):
        try_to(cast.reviewer, "extend", case.ref, reason="同意。")
        try_to(cast.provider, "ask_extension", case.ref, reason="再等。")


def test_where_the_rules_know_no_extension_none_is_offered(cast, world):
    """《山东省社会信用条例》第三十九条 sets seven working days and no more."""
    case = make_case(world, "with_provider")
    assert "ask_extension" not in steps_on(cast.provider.read(f"/cases/{case.ref}"), case.ref)
    assert cast.provider.get(f"/cases/{case.ref}/ask_extension").status_code == 409


def test_an_appraisal_stops_the_term_of_the_whole_and_nothing_else(cast, world, under):
    """《河南省社会信用条例》第四十一条: 检验、检测、鉴定、专家评审所需时间不计算在内."""
    under("henan")
    record = make_record(world.firm, world.agency)
    make_sanction(record, world.officer)
    case = make_case(world, "with_provider", record=record)
    began, due = today(), term_of(case.ref, whole=True).due_on
    assert due == last_day(7)
    appraisal = {"appraiser": "虚构检测中心", "reason": "须检测计量器具。"}
    take(cast.provider, "begin_appraisal", case.ref, **appraisal)
    page = cast.subject.read(f"/cases/{case.ref}")
    assert "须检测计量器具。" in page.words
    assert "虚构检测中心" in page.words
    assert term_of(case.ref, whole=True).paused_on == began
    assert ask_department(cast.officer, world.firm.uscc) == [False]  # still being verified
    with time_machine.travel(in_days(14)):
        assert ask_department(cast.officer, world.firm.uscc) == [False]
        take(cast.provider, "end_appraisal", case.ref, findings="检测完毕。")
        term = term_of(case.ref, whole=True)
        assert term.paused_on is None
        assert term.due_on == last_day(7)  # none of the seven had gone by
        assert term.due_on > due
        assert case_of(case.ref).state == "with_provider"


def test_an_appraisal_that_takes_too_long_is_called_back_and_not_before(cast, world, under):
    """REDRESS 暂停计时须有期限: no hold without a timer."""
    under("henan")
    case = make_case(world, "appraisal")
    try_to(cast.reviewer, "call_back_appraisal", case.ref, reason="逾期。")
    with time_machine.travel(in_days(60)):
        page = take(cast.reviewer, "call_back_appraisal", case.ref, reason="鉴定逾期。")
        assert state_on(page) == "信息提供单位核实中"
        assert term_of(case.ref, whole=True).paused_on is None


# --- what cannot be verified, and who does not answer ---


def test_what_cannot_be_verified_is_taken_off_by_default(cast, world, anybody):
    """《台州市企业信用促进条例》第十三条（参照）: 无法核实的，停止公示."""
    record = make_record(world.firm, world.agency)
    make_sanction(record, world.officer)
    ref = dispute(cast.subject, record)
    accept_and_forward(cast.reviewer, ref)
    take(cast.provider, "find_unverifiable", ref, findings="案卷灭失。")
    page = cast.reviewer.read(f"/cases/{ref}")
    assert "announce_retention" not in steps_on(page, ref)
    take(cast.reviewer, "decide_unverified", ref)
    take(cast.second_reviewer, "sign_removal", ref)
    assert case_of(ref).outcome == "UNVERIFIED"
    assert not is_shown(anybody, record)
    assert row_of(record)["state"] == "stopped"
    assert {one.state for one in sanctions_of(record)} == {"ended"}
    assert "无法核实" in cast.subject.read(f"/cases/{ref}").words
    assert ledger_is_whole()


def test_where_the_rules_keep_what_cannot_be_verified_the_subject_is_heard_first(
    cast, world, anybody, app, monkeypatch
):
    """《征信业管理条例》第二十五条: 无法确认的，载明核查情况和异议内容; the record stays."""
    policy = app.extensions["redress_policy"]
    pack = policy.packs["SD-2020"]
    rules = replace(pack.objection_rules, unverified="keep_with_note")
    kept = replace(pack, objection_rules=rules)
    packs = {**policy.packs, pack.id: kept}
    editions = {**policy.editions, (pack.id, pack.sha256): kept}
    monkeypatch.setitem(
        app.extensions, "redress_policy", replace(policy, packs=packs, editions=editions)
    )
    record = make_record(world.firm, world.agency)
    make_sanction(record, world.officer)
    assert not anybody.read(f"/records/{record.ref}").having("alert-warning")
    case = make_case(world, "unverifiable", record=record)
    assert "decide_unverified" not in steps_on(cast.reviewer.read(f"/cases/{case.ref}"), case.ref)
    take(cast.reviewer, "announce_retention", case.ref, reason="案卷灭失，无法核实。")
    take(cast.subject, "state_views", case.ref, statement="金额应为1万元。")
    take(cast.second_reviewer, "sign_rejection", case.ref, **decided("保留并附注。"))
    assert case_of(case.ref).outcome == "UNVERIFIED"
    assert is_shown(anybody, record)
    assert anybody.read(f"/records/{record.ref}").having("alert-warning")  # the note
    assert ask_department(cast.officer, world.firm.uscc) == [True]


def test_a_provider_that_keeps_silent_is_answered_for_after_its_term_and_not_before(
    cast, world, anybody
):
    """REDRESS 提供单位逾期不答复的，不得由异议人承担后果."""
    record = make_record(world.firm, world.agency)
    case = make_case(world, "with_provider", record=record)
    try_to(cast.reviewer, "conclude_unanswered", case.ref, reason="逾期。")
    try_to(cast.reviewer, "recall", case.ref, reason="逾期。")
    with time_machine.travel(in_days(20)):
        take(cast.reviewer, "conclude_unanswered", case.ref, reason="逾期未答复。")
        take(cast.reviewer, "decide_unverified", case.ref)
        take(cast.second_reviewer, "sign_removal", case.ref)
        assert not is_shown(anybody, record)
    assert case_of(case.ref).outcome == "UNVERIFIED"


# --- every outcome, as the public sees it ---


@pytest.mark.parametrize(("ground", "outcome"), [("error", "CORRECTED"), ("omission", "COMPLETED")])
def test_what_was_wrong_or_missing_is_read_as_it_should_be(cast, world, anybody, ground, outcome):
    """《深圳经济特区社会信用条例》第五十一条（参照）: 更正, 补充; the record stays published."""
    record = make_record(world.firm, world.agency)
    ref = dispute(cast.subject, record, ground=ground)
    accept_and_forward(cast.reviewer, ref)
    take(
        cast.provider,
        "propose_correction",
        ref,
        findings="应补正。",
        value_legal_basis="《计量法》第二十六条",
    )
    take(cast.reviewer, "decide_correction", ref)
    take(cast.second_reviewer, "sign_correction", ref)
    assert case_of(ref).outcome == outcome
    assert "《计量法》第二十六条" in anybody.read(f"/records/{record.ref}").words
    assert is_shown(anybody, record)
    assert not is_marked(anybody, record)


@pytest.mark.parametrize(
    ("outcome", "state", "label"),
    [
        ("DELETED", "withdrawn", "事实不存在，予以删除"),
        ("REMOVED_FROM_LIST", "withdrawn", "错误列入，移出名单"),
        ("PUBLICATION_STOPPED", "stopped", "超过期限，停止公示"),
    ],
)
def test_what_must_not_be_read_is_gone_from_the_public_and_kept_in_the_archive(
    cast, world, anybody, outcome, state, label
):
    """《深圳经济特区社会信用条例》第五十一条（参照）: 删除, 移出名单, 停止公示."""
    record = make_record(world.firm, world.agency)
    make_sanction(record, world.officer)
    ref = dispute(cast.subject, record, ground="over_term")
    accept_and_forward(cast.reviewer, ref)
    take(cast.provider, "propose_removal", ref, outcome=outcome, findings="经核实属实。")
    take(cast.reviewer, "decide_removal", ref)
    take(cast.second_reviewer, "sign_removal", ref)
    assert (case_of(ref).outcome, row_of(record)["state"]) == (outcome, state)
    assert not is_shown(anybody, record)
    assert ask_department(cast.officer, world.firm.uscc) == [False]
    page = cast.subject.read(f"/cases/{ref}")
    assert label in page.words  # the answer says which of them it was
    assert cast.subject.read(f"/records/{record.ref}")


def test_a_rejected_objection_leaves_the_public_page_as_it_was(cast, world, anybody):
    """鲁政发〔2017〕44号 二（四）20: what is right stays, unmarked."""
    record = make_record(world.firm, world.agency)
    before = anybody.read(f"/records/{record.ref}").words
    case = make_case(world, "rejected", record=record)
    assert case.outcome == "REJECTED"
    assert anybody.read(f"/records/{record.ref}").words == before


def test_an_error_in_a_record_that_is_kept_without_publication_is_corrected_too(
    cast, world, under, anybody
):
    """《信用修复管理办法》: a minor record is on file unpublished; as corrected it is general."""
    under("national")
    record = make_record(world.firm, world.agency, severity="minor", decided_days_ago=20)
    assert record.state == "withheld"
    ref = dispute(cast.subject, record)
    accept_and_forward(cast.reviewer, ref)
    take(
        cast.provider,
        "propose_correction",
        ref,
        findings="依据有误。",
        value_legal_basis="《计量法》",
    )
    take(cast.reviewer, "decide_correction", ref)
    take(cast.second_reviewer, "sign_correction", ref)
    assert row_of(record)["legal_basis"] == "《计量法》"
    assert row_of(record)["state"] == "withheld"
    assert not is_shown(anybody, record)


def test_a_disputed_record_is_not_displayed_where_the_rules_say_so(cast, world, under, anybody):
    """《台州市企业信用促进条例》第十三条: 核实期间暂停展示; then as before."""
    under("taizhou")
    record = make_record(world.firm, world.agency)
    other = make_record(world.firm, world.agency)
    ref = dispute(cast.subject, record)
    assert is_shown(anybody, record)
    take(cast.reviewer, "accept", ref)
    assert not is_shown(anybody, record)
    assert is_shown(anybody, other)
    for concerned in (cast.subject, cast.provider, cast.reviewer, cast.officer):
        assert concerned.read(f"/records/{record.ref}")
    assert cast.stranger.get(f"/records/{record.ref}").status_code == 404
    take(cast.subject, "withdraw", ref)
    assert is_shown(anybody, record)


def test_a_disputed_record_stays_displayed_and_marked_by_default(cast, world, anybody):
    """《上海市社会信用条例》第三十六条, 《深圳…》第四十三条（参照）: 标注, not taken away."""
    record = make_record(world.firm, world.agency)
    make_case(world, "accepted", record=record)
    assert is_shown(anybody, record)
    assert is_marked(anybody, record)


# --- nobody left who may act, and nobody acting ---


def test_a_reviewer_who_must_keep_out_hands_the_case_to_another_centre(cast, world):
    """REDRESS 须回避而无他人可办的，移交其他机构: the first centre acts no longer."""
    case = make_case(world, "submitted")
    try_to(cast.torn_reviewer, "accept", case.ref)
    leave_office(world.reviewer, world.second_reviewer, world.reviewer_again)
    page = take(
        cast.torn_reviewer,
        "delegate",
        case.ref,
        centre_id=str(world.upper_centre.id),
        reason="本人在该企业任职，须回避。",
    )
    assert page.status_code == 200
    assert case_of(case.ref).centre_id == world.upper_centre.id
    colleague = cast.as_(make_account(world.centre, Role.REVIEWER))  # who came too late
    assert colleague.get(f"/cases/{case.ref}/accept").status_code == 403
    assert not steps_on(colleague.read(f"/cases/{case.ref}"), case.ref)
    assert case.ref not in colleague.read("/work").words
    assert case.ref in cast.upper_reviewer.read("/work").words
    take(cast.upper_reviewer, "accept", case.ref)
    take(cast.upper_reviewer, "check_removal", case.ref, outcome="DELETED", findings="有误。")
    take(cast.second_upper_reviewer, "sign_removal", case.ref)
    assert case_of(case.ref).state == "executed"
    assert ledger_is_whole()


def test_what_a_reviewer_leaves_lying_goes_up_to_the_upper_centre(cast, world):
    """济阳信用办〔2020〕2号: overdue is passed on; time itself decides nothing."""
    record = make_record(world.firm, world.agency)
    make_sanction(record, world.officer)
    case = make_case(world, "submitted", record=record)
    with time_machine.travel(in_days(10)):
        assert timers.escalate(now()) == 1
        assert timers.escalate(now()) == 0  # told once
        fresh = case_of(case.ref)
        assert (fresh.state, fresh.centre_id) == ("submitted", world.centre.id)
        assert fresh.higher_centre_id == world.upper_centre.id
        assert case.ref in cast.upper_reviewer.read("/work").words
        assert case.ref in cast.reviewer.read("/work").words  # nobody loses it by being late
        take(cast.upper_reviewer, "accept", case.ref)
        assert ask_department(cast.officer, world.firm.uscc) == [False]


def test_what_a_provider_leaves_lying_is_marked_and_nothing_is_lifted(cast, world, anybody):
    """鲁政发〔2017〕44号 三26: told above; the suspension goes on until a person decides."""
    record = make_record(world.firm, world.agency)
    make_sanction(record, world.officer)
    case = make_case(world, "with_provider", record=record)
    with time_machine.travel(in_days(40)):
        timers.mark_overdue(now())
        # The provider, and the department that has not said that it stopped.
        assert timers.escalate(now()) == 2
        fresh = case_of(case.ref)
        assert (fresh.state, fresh.centre_id) == ("with_provider", world.centre.id)
        assert term_of(case.ref).escalated_at is not None
        assert ask_department(cast.officer, world.firm.uscc) == [False]
        assert is_marked(anybody, record)
        assert "recall" in steps_on(cast.reviewer.read(f"/cases/{case.ref}"), case.ref)


def test_a_discovery_is_rejected_without_the_reporter_being_heard_as_a_subject(cast, world):
    """《行政处罚法》第四十五条（参照）: before a rejection it is the enterprise that may answer."""
    record = make_record(world.firm, world.agency)
    ref = begin(cast.officer, "objection", record, **REPORT)
    accept_and_forward(cast.reviewer, ref)
    take(cast.provider, "confirm", ref, findings="无误。")
    take(cast.reviewer, "announce_rejection", ref, reason="无误。")
    assert cast.officer.get(f"/cases/{ref}/state_views").status_code == 403
    take(cast.subject, "state_views", ref, statement="同意部门意见。")
    take(cast.second_reviewer, "sign_rejection", ref, **decided("维持。"))
    assert case_of(ref).outcome == "REJECTED"
