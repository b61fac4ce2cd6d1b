"""While a reorganisation plan is carried out the record is not shown; its end says what comes."""

import time_machine

from tests.factories import make_case, make_record, make_sanction, open_matter
from tests.journeys.steps import (
    ask_department,
    begin,
    case_of,
    decided,
    dispute,
    in_days,
    ledger_is_whole,
    row_of,
    ruling,
    sanctions_of,
    state_on,
    take,
    term_of,
    try_to,
)


def shield(cast, record):
    """Have a record shielded; return the reference of the matter."""
    ref = begin(cast.subject, "shield", record, **ruling("批准重整计划。"))
    take(cast.reviewer, "propose_shield", ref)
    take(cast.second_reviewer, "sign_shield", ref)
    return ref


def is_shown(client, record):
    """Say whether the public finds a record, by its page and by search; both agree."""
    page = client.get(f"/records/{record.ref}").status_code == 200
    assert page == (record.ref in client.read(f"/?q={record.subject.uscc}").html)
    return page


def test_a_plan_that_the_court_approved_shields_the_record_and_stops_its_measures(
    cast, world, anybody
):
    """国办发〔2025〕22号: 法院裁定批准重整计划的，暂时屏蔽; by ruling and two signatures."""
    record = make_record(world.firm, world.agency)
    make_sanction(record, world.officer)
    given = {**ruling("批准重整计划。"), "evidence": []}
    assert cast.subject.fill(f"/records/{record.ref}/shield", **given).status_code == 400
    ref = begin(cast.subject, "shield", record, **ruling("批准重整计划。"))
    assert is_shown(anybody, record)  # applied for is not granted
    take(cast.reviewer, "propose_shield", ref)
    assert is_shown(anybody, record)
    for again in (cast.reviewer, cast.reviewer_again):
        try_to(again, "sign_shield", ref)
    page = take(cast.second_reviewer, "sign_shield", ref)
    assert state_on(page) == "重整计划执行期间，暂时屏蔽"
    assert not is_shown(anybody, record)
    assert ask_department(cast.officer, world.firm.uscc) == [False]
    assert state_on(cast.subject.read(f"/records/{record.ref}")) == "破产重整期间屏蔽"
    assert term_of(ref).due_on  # no shield without a timer
    assert ledger_is_whole()


def test_a_plan_that_was_carried_out_ends_publication_for_good(cast, world, anybody):
    """国办发〔2025〕22号: 重整计划执行完毕，终止公示; by the court's ruling and two signatures."""
    record = make_record(world.firm, world.agency)
    make_sanction(record, world.officer)
    ref = shield(cast, record)
    take(cast.subject, "report_completion", ref, **ruling("重整计划执行完毕。"))
    assert ask_department(cast.officer, world.firm.uscc) == [False]
    take(cast.reviewer, "propose_completion", ref)
    try_to(cast.reviewer, "sign_completion", ref)
    page = take(cast.second_reviewer, "sign_completion", ref)
    assert state_on(page) == "重整完毕，终止公示"
    assert row_of(record)["state"] == "repaired"
    assert not is_shown(anybody, record)
    assert {one.state for one in sanctions_of(record)} == {"ended"}
    assert ledger_is_whole()


def test_a_plan_that_failed_brings_the_record_back_with_its_measures_after_a_hearing(
    cast, world, anybody
):
    """《行政处罚法》第四十四条（参照）: told and heard first; then 恢复公示, measures as before."""
    record = make_record(world.firm, world.agency)
    make_sanction(record, world.officer)
    before = row_of(sanctions_of(record)[0])
    ref = shield(cast, record)
    take(cast.reviewer, "announce_lifting", ref, reason="法院裁定终止重整计划的执行。")
    page = cast.subject.read(f"/cases/{ref}")
    assert "法院裁定终止重整计划的执行。" in page.words
    assert not is_shown(anybody, record)  # announced is not lifted
    take(cast.subject, "state_views", ref, statement="已申请延长。")
    try_to(cast.reviewer, "sign_lifting", ref, **decided("恢复公示。"))
    page = take(cast.second_reviewer, "sign_lifting", ref, **decided("恢复公示。"))
    assert state_on(page) == "已恢复公示"
    assert is_shown(anybody, record)
    assert row_of(sanctions_of(record)[0]) == before
    assert ask_department(cast.officer, world.firm.uscc) == [True]
    assert ledger_is_whole()


def test_who_says_nothing_in_time_has_been_heard(cast, world):
    """《行政处罚法》第六十四条（参照）: five working days."""
    record = make_record(world.firm, world.agency)
    ref = shield(cast, record)
    take(cast.reviewer, "announce_lifting", ref, reason="计划终止。")
    try_to(cast.second_reviewer, "close_hearing", ref)
    with time_machine.travel(in_days(15)):
        take(cast.second_reviewer, "close_hearing", ref)
        take(cast.second_reviewer, "keep_shield", ref, reason="法院准许延长。")
    assert case_of(ref).state == "shielded"


def test_a_shield_and_a_verification_each_keep_the_measures_from_being_carried_out(cast, world):
    """Several holds count: the end of one lifts only its own."""
    record = make_record(world.firm, world.agency)
    make_sanction(record, world.officer)
    objection = dispute(cast.subject, record)
    take(cast.reviewer, "accept", objection)
    ref = shield(cast, record)
    take(cast.subject, "withdraw", objection)
    assert ask_department(cast.officer, world.firm.uscc) == [False]
    take(cast.reviewer, "announce_lifting", ref, reason="计划终止。")
    take(cast.subject, "state_views", ref, statement="无。")
    take(cast.second_reviewer, "sign_lifting", ref, **decided("恢复公示。"))
    assert ask_department(cast.officer, world.firm.uscc) == [True]


def test_a_shielded_record_can_be_disputed_and_corrected_and_stays_shielded(cast, world, anybody):
    """《山东省社会信用条例》第三十九条: what is on file can be wrong, shown or not."""
    record = make_record(world.firm, world.agency)
    make_sanction(record, world.officer)
    shield(cast, record)
    ref = dispute(cast.subject, record, fine_10k="1")
    take(cast.reviewer, "accept", ref)
    take(cast.reviewer, "check_correction", ref, findings="金额有误。", value_fine_10k="1")
    take(cast.second_reviewer, "sign_correction", ref)
    assert float(row_of(record)["fine_10k"]) == 1
    assert row_of(record)["state"] == "shielded"
    assert not is_shown(anybody, record)
    assert ask_department(cast.officer, world.firm.uscc) == [False]


def test_a_record_that_is_annulled_under_the_shield_is_gone(cast, world, anybody):
    """《山东省社会信用条例》第四十条: annulled is annulled, shielded or not."""
    record = make_record(world.firm, world.agency)
    make_sanction(record, world.officer)
    ref = shield(cast, record)
    case = open_matter("annulment", record, world.provider)
    take(cast.second_provider, "sign", case.ref)
    assert row_of(record)["state"] == "withdrawn"
    assert case_of(ref).state == "moot"
    assert {one.state for one in sanctions_of(record)} == {"ended"}
    assert not is_shown(anybody, record)


def test_one_shield_at_a_time_and_a_refused_one_can_be_applied_for_again(cast, world, anybody):
    """REDRESS 决定签发前可以撤回; a refusal says why and what next."""
    record = make_record(world.firm, world.agency)
    ref = begin(cast.subject, "shield", record, **ruling("批准重整计划。"))
    page = cast.subject.fill(f"/records/{record.ref}/shield", **ruling("又一份。"))
    assert page.status_code == 409
    page = take(
        cast.reviewer,
        "refuse",
        ref,
        code="no_court_approval",
        reason="仅为受理裁定。",
        remedy="补充后再申请。",
    )
    assert state_on(page) == "不予屏蔽"
    assert "未提交人民法院批准重整计划的生效裁定" in cast.subject.read(f"/cases/{ref}").words
    assert "补充后再申请。" in cast.subject.read(f"/cases/{ref}").words
    assert shield(cast, record)
    assert not is_shown(anybody, record)


def test_while_shielded_a_repair_can_be_applied_for_like_any_other(cast, world, anybody):
    """CN-2025-22 破产重整: the shield takes nothing away from the enterprise."""
    record = make_record(world.firm, world.agency)
    make_sanction(record, world.officer)
    ref = shield(cast, record)
    repair = make_case(world, "executed", workflow="repair", record=record)
    assert repair.state == "executed"
    assert case_of(ref).state == "moot"
    assert row_of(record)["state"] == "repaired"
    assert not is_shown(anybody, record)
