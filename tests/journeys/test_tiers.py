"""Each tier of records and who decides on its repair: what it asks, grants, refuses, lets again."""

import pytest
import time_machine

from tests.factories import act, make_case, make_pdf, make_record, make_sanction, open_matter
from tests.journeys.steps import (
    accept_and_forward,
    apply_for_repair,
    ask_department,
    begin,
    case_of,
    decided,
    dispute,
    in_days,
    ledger_is_whole,
    prove_rectification,
    requirements_of,
    row_of,
    sanctions_of,
    sign_commitment,
    state_on,
    steps_on,
    take,
    try_to,
)

# …四（十五）: what is asked of each class; days since the decision: past its minimum period.
ASKED = {
    "minor": ({"rectification", "commitment"}, 150),
    "general": ({"rectification", "commitment"}, 150),
    "serious": ({"rectification", "commitment", "training", "credit_report"}, 300),
}
REFUSAL = {
    "code": "obligation_unperformed",
    "reason": "罚款尚未缴清。",
    "remedy": "缴清后可以重新申请。",
}
TIERS = pytest.mark.parametrize("tier", ASKED)


@pytest.fixture
def make_tier(world):
    """Give a function that makes a record of a class, with a measure where one may rest on it."""

    def make(tier):
        record = make_record(
            world.firm, world.agency, severity=tier, decided_days_ago=ASKED[tier][1]
        )
        if tier != "minor":
            make_sanction(record, world.officer)
        return record

    return make


@TIERS
def test_each_class_asks_what_the_policy_asks_and_is_granted_by_two(
    cast, world, anybody, make_tier, tier
):
    """鲁发改信用〔2020〕35号 四（十五）: 停止公示, 终止实施联合惩戒."""
    record = make_tier(tier)
    case = make_case(world, "rectification_confirmed", workflow="repair", record=record)
    assert set(requirements_of(case.ref)) == ASKED[tier][0]
    take(cast.reviewer, "propose_grant", case.ref)
    try_to(cast.reviewer, "sign_grant", case.ref)
    take(cast.second_reviewer, "sign_grant", case.ref)
    assert anybody.get(f"/records/{record.ref}").status_code == 404
    assert {one.state for one in sanctions_of(record)} <= {"ended"}
    assert not any(ask_department(cast.officer, world.firm.uscc))
    take(cast.provider, "confirm_execution", case.ref)
    assert case_of(case.ref).state == "closed"
    assert ledger_is_whole()


@TIERS
def test_each_class_can_be_refused_with_reasons_and_applied_for_again(
    cast, world, anybody, make_tier, tier
):
    """鲁发改信用〔2020〕35号 四（十五）: told why, and may come again."""
    record = make_tier(tier)
    case = make_case(world, "rectification_lacking", workflow="repair", record=record)
    take(cast.reviewer, "propose_refusal", case.ref, **REFUSAL)
    page = take(cast.second_reviewer, "sign_refusal", case.ref, **decided("维持。"))
    assert state_on(page) == "不予修复"
    assert REFUSAL["remedy"] in cast.subject.read(f"/cases/{case.ref}").words
    assert anybody.read(f"/records/{record.ref}")
    assert all(ask_department(cast.officer, world.firm.uscc))
    again = apply_for_repair(cast.subject, record)
    assert set(requirements_of(again)) == ASKED[tier][0]  # the checklist begins anew


@TIERS
def test_each_class_can_be_turned_away_at_the_door_with_a_coded_reason(
    cast, world, make_tier, tier
):
    """《行政许可法》第三十二条（参照）: not accepted is said with a reason and what comes next."""
    record = make_tier(tier)
    case = make_case(world, "submitted", workflow="repair", record=record)
    page = take(cast.reviewer, "refuse", case.ref, **{**REFUSAL, "code": "commitment_defective"})
    assert state_on(page) == "不予受理"
    assert "承诺书不符合要求" in cast.subject.read(f"/cases/{case.ref}").words
    # What was handed in for this application lapses; a training that was passed stays passed.
    left = {name: one.state for name, one in requirements_of(case.ref).items()}
    assert (left["commitment"], left["rectification"]) == ("lapsed", "lapsed")
    assert apply_for_repair(cast.subject, record)


def test_a_specific_serious_record_is_never_repaired_and_can_be_disputed_and_annulled(
    cast, world, anybody
):
    """鲁发改信用〔2020〕35号 四（十五）: 不予修复; wrong or annulled is another matter."""
    record = make_record(
        world.firm, world.agency, severity="specific_serious", decided_days_ago=800
    )
    for client in (cast.subject, cast.reviewer):
        page = client.read(f"/records/{record.ref}")
        assert f"/records/{record.ref}/repair" not in page.links.values()
    ref = dispute(cast.subject, record)
    take(cast.reviewer, "accept", ref)
    case = open_matter("annulment", record, world.provider)
    take(cast.second_provider, "sign", case.ref)
    assert anybody.get(f"/records/{record.ref}").status_code == 404


def test_one_repair_is_applied_for_at_a_time(cast, world, make_tier):
    """One application for one record."""
    record = make_tier("general")
    first = apply_for_repair(cast.subject, record)
    page = cast.subject.fill(f"/records/{record.ref}/repair", statement="再申请。")
    assert page.status_code == 409
    assert first in page.words


def test_a_disputed_record_is_not_repaired_until_the_dispute_is_decided(
    cast, world, anybody, make_tier
):
    """鲁政发〔2017〕44号 二（四）20: first it is settled what the record says."""
    record = make_tier("general")
    case = make_case(world, "grant_proposed", workflow="repair", record=record)
    ref = dispute(cast.subject, record)
    take(cast.reviewer, "accept", ref)
    try_to(cast.second_reviewer, "sign_grant", case.ref)
    assert anybody.read(f"/records/{record.ref}")
    take(cast.subject, "withdraw", ref)
    take(cast.second_reviewer, "sign_grant", case.ref)


# --- who decides ---


def test_under_the_documents_the_centre_decides_and_the_provider_only_checks(cast, world):
    """发改办财金〔2019〕527号 二: the credit site decides after the provider has checked."""
    case = make_case(world, "with_provider", workflow="repair")
    page = cast.provider.read(f"/cases/{case.ref}")
    offered = steps_on(page, case.ref)
    assert {"confirm_rectification", "find_lacking"} <= offered
    assert not {"confirm_for_decision", "find_lacking_for_decision"} & offered
    assert cast.provider.get(f"/cases/{case.ref}/confirm_for_decision").status_code == 409


def test_by_the_national_rules_the_unit_that_recognised_the_conduct_decides(
    cast, world, anybody, under
):
    """《信用修复管理办法》 谁认定、谁修复: decided there by two, then signed."""
    under("national")
    record = make_record(world.firm, world.agency)
    make_sanction(record, world.officer)
    ref = apply_for_repair(cast.subject, record)
    assert set(requirements_of(ref)) == {"commitment", "rectification"}
    prove_rectification(cast.subject, ref)
    sign_commitment(cast.subject, ref)
    take(cast.subject, "submit", ref)
    accept_and_forward(cast.reviewer, ref)
    offered = steps_on(cast.provider.read(f"/cases/{ref}"), ref)
    assert not {"confirm_rectification", "find_lacking"} & offered
    page = take(cast.provider, "confirm_for_decision", ref, findings="已缴清，整改到位。")
    assert state_on(page) == "整改属实，待认定单位决定"
    assert ref in cast.second_provider.read("/work").html
    assert cast.reviewer.get(f"/cases/{ref}/decide_grant").status_code == 403
    try_to(cast.provider, "decide_grant", ref)  # who checked does not decide
    take(cast.second_provider, "decide_grant", ref)
    assert anybody.read(f"/records/{record.ref}")
    take(cast.reviewer, "sign_grant", ref)
    assert anybody.get(f"/records/{record.ref}").status_code == 404
    assert ask_department(cast.officer, world.firm.uscc) == [False]
    assert ledger_is_whole()


def test_by_the_national_rules_a_refusal_is_decided_there_too(cast, world, anybody, under):
    """《信用修复管理办法》: 不予修复的，说明理由."""
    under("national")
    record = make_record(world.firm, world.agency)
    case = make_case(world, "with_provider", workflow="repair", record=record)
    take(cast.provider, "find_lacking_for_decision", case.ref, findings="罚款未缴清。")
    try_to(cast.provider, "decide_refusal", case.ref, **REFUSAL)
    take(cast.second_provider, "decide_refusal", case.ref, **REFUSAL)
    page = take(cast.reviewer, "sign_refusal", case.ref, **decided("维持。"))
    assert state_on(page) == "不予修复"
    assert "义务未履行完毕" in cast.subject.read(f"/cases/{case.ref}").words
    assert anybody.read(f"/records/{record.ref}")


def test_a_serious_record_needs_no_training_by_the_national_rules(cast, world, under):
    """《信用修复管理办法》 修复条件: rectification and commitment, after a year of publication."""
    under("national")
    record = make_record(
        world.firm,
        world.agency,
        severity="serious",
        decided_days_ago=400,
        penalty_categories=["business_suspension"],
    )
    ref = apply_for_repair(cast.subject, record)
    assert set(requirements_of(ref)) == {"commitment", "rectification"}


def test_where_the_recognising_unit_does_not_decide_the_centre_takes_over(cast, world, under):
    """REDRESS 逾期不决定的，不得由申请人承担后果: and not before its term is over."""
    under("national")
    case = make_case(world, "with_provider", workflow="repair")
    act(world.provider, "confirm_for_decision", case)
    try_to(cast.reviewer, "take_over", case.ref, reason="逾期。")
    with time_machine.travel(in_days(15)):
        take(cast.reviewer, "take_over", case.ref, reason="认定单位逾期未决定。")
        take(cast.reviewer, "propose_grant", case.ref)
        take(cast.second_reviewer, "sign_grant", case.ref)
    assert case_of(case.ref).state == "executed"


def test_more_time_for_a_repair_is_allowed_once_with_reasons(cast, world):
    """《信用修复管理办法》 办理期限（参照）: once, with the head's approval, and told."""
    case = make_case(world, "with_provider", workflow="repair")
    take(cast.provider, "ask_extension", case.ref, reason="须实地核查。")
    take(cast.reviewer, "extend", case.ref, reason="同意。")
    page = cast.subject.read(f"/cases/{case.ref}")
    assert "须实地核查。" in page.words
    try_to(cast.reviewer, "extend", case.ref, reason="再延。")


def test_an_annulled_basis_ends_the_repair_and_asks_nothing_more_of_the_enterprise(
    cast, world, anybody, make_tier
):
    """《山东省社会信用条例》第四十条: nobody has to repair what should not have been."""
    record = make_tier("general")
    case = make_case(world, "accepted", workflow="repair", record=record)
    given = {
        "annulled": "annulled",
        "body": "虚构市人民法院",
        "number": "（2026）虚行终1号",
        "issued_on": str(record.decided_on),
        "statement": "撤销。",
        "evidence": (make_pdf("判决书"), "判决书.pdf"),
    }
    ref = begin(cast.provider, "annulment", record, **given)
    take(cast.second_provider, "sign", ref)
    assert case_of(case.ref).state == "moot"
    open_ones = {one.state for one in requirements_of(case.ref).values()}
    assert not open_ones & {"required", "submitted"}
    assert row_of(record)["state"] == "withdrawn"
    assert world.firm.name not in anybody.read("/commitments").words
