"""Credit repair from the application to the day the record is gone."""

from datetime import timedelta

import pytest
import time_machine

from repair_app.db import today
from repair_app.models import Organisation
from repair_app.models.parties import OrganisationKind, Role
from repair_app.services.transaction import transaction
from tests.factories import (
    act,
    make_account,
    make_case,
    make_organisation,
    make_pdf,
    make_record,
    make_sanction,
    meet_requirements,
    requirement_of,
)
from tests.journeys.steps import (
    PROOF,
    apply_for_repair,
    ask_department,
    case_of,
    certify,
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
    states_on,
    steps_on,
    take,
    try_to,
)

REFUSAL = {
    "code": "obligation_unperformed",
    "reason": "罚款尚未缴清。",
    "remedy": "缴清后可以重新申请。",
}


def test_a_general_record_is_repaired_by_rectification_and_commitment(cast, world, anybody):
    """…四（十五）: 一般失信 by rectification and commitment; then 停止公示, 终止实施联合惩戒."""
    record = make_record(world.firm, world.agency)
    make_sanction(record, world.officer)
    make_sanction(record, world.other_officer, code="M02")
    ref = apply_for_repair(cast.subject, record)
    page = cast.subject.read(f"/cases/{ref}")
    assert state_on(page) == "草稿"
    assert {"待签署", "待提交"} <= set(states_on(page))  # the checklist
    assert set(requirements_of(ref)) == {"commitment", "rectification"}
    assert "submit" not in steps_on(page, ref)
    page = try_to(cast.subject, "submit", ref)
    assert "信用修复承诺书" in page.words

    prove_rectification(cast.subject, ref)
    sign_commitment(cast.subject, ref)
    page = take(cast.subject, "submit", ref)
    assert state_on(page) == "待受理"
    assert world.firm.name not in anybody.read("/commitments").words
    page = take(cast.reviewer, "accept", ref)
    commitments = anybody.read("/commitments")
    assert world.firm.name in commitments.words
    assert requirements_of(ref)["commitment"].ref in commitments.words
    take(cast.reviewer, "ask_provider", ref)
    # Repair suspends nothing: the measures stand until it is granted.
    assert ask_department(cast.officer, world.firm.uscc) == [True]

    page = take(cast.provider, "confirm_rectification", ref, findings="罚款已缴清，整改到位。")
    assert state_on(page) == "整改属实"
    take(cast.reviewer, "propose_grant", ref, note="符合条件。")
    assert anybody.read(f"/records/{record.ref}")
    page = take(cast.second_reviewer, "sign_grant", ref)
    assert state_on(page) == "准予修复，已停止公示"

    assert anybody.get(f"/records/{record.ref}").status_code == 404
    assert record.ref not in anybody.read(f"/?q={world.firm.uscc}").html
    assert record.ref not in anybody.read(f"/?q={world.firm.name}").html
    assert {one.state for one in sanctions_of(record)} == {"ended"}
    assert ask_department(cast.officer, world.firm.uscc) == [False]
    assert ask_department(cast.other_officer, world.firm.uscc) == [False]
    # The promise names the decision: it leaves the public site with the record.
    assert world.firm.name not in anybody.read("/commitments").words
    assert state_on(cast.subject.read(f"/records/{record.ref}")) == "已修复，终止公示并归档"
    page = take(cast.provider, "confirm_execution", ref)
    assert state_on(page) == "已办结"
    assert ledger_is_whole()


def test_a_serious_record_needs_training_and_a_credit_report_as_well(cast, world, anybody):
    """…四（十五）: 严重失信 by rectification, commitment, themed training and credit report."""
    record = make_record(world.firm, world.agency, severity="serious", decided_days_ago=300)
    make_sanction(record, world.officer)
    ref = apply_for_repair(cast.subject, record)
    needed = requirements_of(ref)
    assert set(needed) == {"commitment", "rectification", "training", "credit_report"}
    training, report = needed["training"].ref, needed["credit_report"].ref
    prove_rectification(cast.subject, ref)
    sign_commitment(cast.subject, ref)
    page = try_to(cast.subject, "submit", ref)
    assert "信用修复专题培训" in page.words
    assert "信用报告" in page.words

    house = str(world.training_house.id)
    assert cast.institution.get(f"/requirements/{training}").status_code == 404
    take(cast.subject, "enrol", training, "requirements", institution_id=house)
    take(cast.subject, "request", report, "requirements", institution_id=house)
    work = cast.institution.read("/work")
    assert {training, report} <= set(work.links)
    page = cast.institution.read(f"/requirements/{training}")
    assert world.firm.name in page.words
    assert (
        certify(cast.institution, "confirm_training", training, "培训2026-001").status_code == 302
    )
    try_to(cast.subject, "submit", ref)  # the report is still out
    assert certify(cast.institution, "file_report", report, "报告2026-001").status_code == 302

    take(cast.subject, "submit", ref)
    take(cast.reviewer, "accept", ref)
    take(cast.reviewer, "ask_provider", ref)
    take(cast.provider, "confirm_rectification", ref, findings="整改到位。")
    take(cast.reviewer, "propose_grant", ref)
    take(cast.second_reviewer, "sign_grant", ref)
    assert anybody.get(f"/records/{record.ref}").status_code == 404
    assert ask_department(cast.officer, world.firm.uscc) == [False]
    assert row_of(requirements_of(ref)["rectification"])["state"] == "verified"
    assert ledger_is_whole()


def test_a_specific_serious_record_is_not_repaired_and_the_clause_is_named(cast, world, digest):
    """…四（十五）: 特定严重失信 不予修复; refused at the door, not after a file was made."""
    record = make_record(
        world.firm, world.agency, severity="specific_serious", decided_days_ago=800
    )
    before = digest()
    page = cast.subject.fill(f"/records/{record.ref}/repair", statement="已整改。")
    assert page.status_code == 409
    assert "四（十五）" in page.words
    assert "不予修复" in page.words
    assert page.fields["statement"] == "已整改。"
    assert digest() == before
    assert f"/records/{record.ref}/repair" not in cast.subject.read("/my").links.values()
    # It can be disputed like any other.
    assert dispute(cast.subject, record)


def test_before_the_minimum_period_repair_is_refused_with_the_day(cast, world, digest):
    """CN-2019-527 二: not before the minimum publication is over; the day is said, and holds."""
    record = make_record(world.firm, world.agency, decided_days_ago=60)
    first_day = record.min_publication_until + timedelta(days=1)
    said = f"{first_day.year}年{first_day.month}月{first_day.day}日"
    assert said in cast.subject.read("/my").words
    before = digest()
    page = cast.subject.fill(f"/records/{record.ref}/repair", statement="已整改。")
    assert page.status_code == 409
    assert said in page.words
    assert digest() == before
    left = (first_day - today()).days
    with time_machine.travel(in_days(left - 1)):
        page = cast.subject.fill(f"/records/{record.ref}/repair", statement="已整改。")
        assert page.status_code == 409
    with time_machine.travel(in_days(left)):
        assert apply_for_repair(cast.subject, record)


def test_what_was_not_put_right_is_refused_with_a_coded_reason_and_two_signatures(
    cast, world, anybody
):
    """国办发〔2019〕35号 三（九）: the provider found it lacking; refused with reasons, by two."""
    record = make_record(world.firm, world.agency)
    make_sanction(record, world.officer)
    before = row_of(sanctions_of(record)[0])
    case = make_case(world, "with_provider", workflow="repair", record=record)
    page = take(cast.provider, "find_lacking", case.ref, findings="罚款未缴清。")
    assert state_on(page) == "整改不到位"
    assert "propose_grant" not in steps_on(cast.reviewer.read(f"/cases/{case.ref}"), case.ref)
    take(cast.reviewer, "propose_refusal", case.ref, **REFUSAL)
    for again in (cast.reviewer, cast.reviewer_again):
        try_to(again, "sign_refusal", case.ref, **decided("维持。"))
    page = take(cast.second_reviewer, "sign_refusal", case.ref, **decided("维持初审意见。"))
    assert state_on(page) == "不予修复"

    page = cast.subject.read(f"/cases/{case.ref}")
    assert "义务未履行完毕" in page.words
    assert REFUSAL["remedy"] in page.words
    assert requirements_of(case.ref)["rectification"].state == "lacking"
    assert anybody.read(f"/records/{record.ref}")
    assert row_of(sanctions_of(record)[0]) == before
    # What was refused can be applied for again once it is put right.
    assert apply_for_repair(cast.subject, record)


def test_one_scan_may_be_two_materials_and_the_first_choice_may_have_been_wrong(cast, world, under):
    """CN-2023-58 修复材料: each paper asked for counts, though one scan holds them all."""
    under("national_by_decision")
    ref = apply_for_repair(
        cast.subject, make_record(world.firm, world.agency, decided_days_ago=300)
    )
    sign_commitment(cast.subject, ref)
    proof = requirements_of(ref)["rectification"].ref
    scan = {"statement": "见附件。", "evidence": PROOF}
    wanted = ["identity_proof", "performance_receipt"]
    take(cast.subject, "submit_proof", proof, "requirements", **scan, material=wanted[0])
    try_to(cast.subject, "submit", ref)
    for _ in range(2):  # the third time says no more than the second
        take(cast.subject, "add_proof", proof, "requirements", **scan, material=wanted[1])
    assert sorted(one.material for one in case_of(ref).documents if one.material) == wanted
    assert len({one.sha256 for one in case_of(ref).documents}) == 1
    assert state_on(take(cast.subject, "submit", ref)) == "待受理"


def test_who_proposed_the_grant_does_not_sign_it(cast, world, anybody, digest):
    """Four eyes, by natural person: a second account is the same pair."""
    record = make_record(world.firm, world.agency)
    case = make_case(world, "grant_proposed", workflow="repair", record=record)
    before = digest()
    for again in (cast.reviewer, cast.reviewer_again, cast.torn_reviewer):
        try_to(again, "sign_grant", case.ref)
        try_to(again, "return_to_provider", case.ref, reason="退回。")
    assert digest() == before
    assert anybody.read(f"/records/{record.ref}")


def test_who_checked_the_rectification_does_not_decide(cast, world):
    """The provider's officer has a second account, in the centre: still the same person."""
    verifier = make_account(world.centre, Role.REVIEWER, same_person_as=world.provider)
    case = make_case(world, "rectification_confirmed", workflow="repair")
    try_to(cast.as_(verifier), "propose_grant", case.ref)
    assert case_of(case.ref).state == "rectification_confirmed"


def test_the_other_open_cases_of_a_repaired_record_end_with_it(cast, world):
    """鲁信用办〔2021〕5号 （八）: nothing is left to decide about a record that is archived."""
    record = make_record(world.firm, world.agency)
    case = make_case(world, "grant_proposed", workflow="repair", record=record)
    filed = make_case(world, "submitted", record=record)
    draft = make_case(world, "draft", record=record, ground="over_term")
    take(cast.second_reviewer, "sign_grant", case.ref)
    assert {case_of(one.ref).state for one in (filed, draft)} == {"moot"}
    assert state_on(cast.subject.read(f"/cases/{filed.ref}")) == "因记录终止而终结"
    assert case_of(case.ref).state == "executed"
    assert ledger_is_whole()


def test_nothing_is_granted_while_the_record_is_disputed(cast, world, anybody):
    """First what the record says is settled, then whether it is repaired."""
    record = make_record(world.firm, world.agency)
    case = make_case(world, "grant_proposed", workflow="repair", record=record)
    ref = dispute(cast.subject, record)
    take(cast.reviewer, "accept", ref)
    page = try_to(cast.second_reviewer, "sign_grant", case.ref)
    assert page.having("alert-danger")
    assert anybody.read(f"/records/{record.ref}")
    take(cast.subject, "withdraw", ref)
    take(cast.second_reviewer, "sign_grant", case.ref)
    assert anybody.get(f"/records/{record.ref}").status_code == 404


def test_one_repair_of_a_record_is_open_at_a_time(cast, world):
    """An application is for one record, once; the answer names the open one."""
    record = make_record(world.firm, world.agency)
    ref = apply_for_repair(cast.subject, record)
    page = cast.subject.fill(f"/records/{record.ref}/repair", statement="再次申请。")
    assert page.status_code == 409
    assert ref in page.words


def test_a_barred_firm_is_told_until_when(cast, world):
    """鲁信用办〔2021〕5号: after a false commitment no repair until the day that is named."""
    record = make_record(world.firm, world.agency)
    last = today() + timedelta(days=100)
    with transaction() as session:
        session.get_one(Organisation, world.firm.id).barred_until = last
    page = cast.subject.fill(f"/records/{record.ref}/repair", statement="申请。")
    assert page.status_code == 409
    assert f"{last.year}年{last.month}月{last.day}日" in page.words


def test_an_application_can_be_withdrawn_until_it_is_signed(cast, world, anybody):
    """Withdrawn is not refused: measures and record stay as they were, and one may come again."""
    record = make_record(world.firm, world.agency)
    make_sanction(record, world.officer)
    before = row_of(sanctions_of(record)[0]), row_of(record)
    case = make_case(world, "grant_proposed", workflow="repair", record=record)
    page = take(cast.subject, "withdraw", case.ref)
    assert state_on(page) == "已撤回"
    assert (row_of(sanctions_of(record)[0]), row_of(record)) == before
    try_to_sign = cast.second_reviewer.get(f"/cases/{case.ref}/sign_grant")
    assert try_to_sign.status_code == 409
    assert anybody.read(f"/records/{record.ref}")
    assert apply_for_repair(cast.subject, record)


def test_what_is_missing_is_supplied_on_one_request(cast, world):
    """《行政许可法》第三十二条（参照）: proof can be added while the supplement is open."""
    case = make_case(world, "submitted", workflow="repair")
    proof = requirements_of(case.ref)["rectification"].ref
    page = cast.subject.fill(
        f"/requirements/{proof}/add_proof", statement="补充。", evidence=(make_pdf("其一"), "b.pdf")
    )
    assert page.status_code == 409
    take(cast.reviewer, "ask_supplement", case.ref, missing="缴款凭证")
    take(
        cast.subject,
        "add_proof",
        proof,
        "requirements",
        statement="补充缴款凭证。",
        staged=[],  # the file that was refused above is still listed: its tick is taken away
        evidence=(make_pdf("其二"), "缴款凭证二.pdf"),
    )
    take(cast.subject, "supplement", case.ref, statement="已补充。")
    take(cast.reviewer, "accept", case.ref)
    assert len(case_of(case.ref).documents) == 2


def test_an_application_not_supplemented_in_time_is_refused(cast, world):
    """《行政许可法》第三十二条（参照）; its unfinished requirements lapse with it."""
    case = make_case(world, "supplement_asked", workflow="repair")
    refusal = REFUSAL | {"code": "material_incomplete"}
    try_to(cast.reviewer, "refuse_unsupplemented", case.ref, **refusal)
    with time_machine.travel(in_days(40)):
        take(cast.reviewer, "refuse_unsupplemented", case.ref, **refusal)
        assert case_of(case.ref).state == "refused"
        assert {one.state for one in requirements_of(case.ref).values()} == {"lapsed"}


def test_an_agent_whose_mandate_is_for_objections_does_not_apply_for_repair(cast, world, digest):
    """A mandate reaches as far as it says: not to this, and not to see it."""
    record = make_record(world.firm, world.agency)
    case = make_case(world, "draft", workflow="repair", record=record)
    proof = requirements_of(case.ref)["rectification"].ref
    before = digest()
    assert cast.agent.get(f"/records/{record.ref}/repair").status_code == 403
    assert cast.agent.post(f"/records/{record.ref}/repair", data={}).status_code == 403
    assert cast.agent.get(f"/cases/{case.ref}").status_code == 404
    assert cast.agent.get(f"/requirements/{proof}").status_code == 404
    assert cast.agent.get(f"/requirements/{proof}/submit_proof").status_code == 404
    assert case.ref not in cast.agent.read("/my").words
    assert digest() == before


def test_an_agent_whose_mandate_is_for_repair_does_all_but_promise(cast, world):
    """…一（四）: an agent acts within the mandate; the commitment is made by the firm itself."""
    agent = cast.as_(make_account(world.firm, Role.AGENT, scope=["repair"]))
    record = make_record(world.firm, world.agency)
    ref = apply_for_repair(agent, record)
    prove_rectification(agent, ref)
    commitment = requirements_of(ref)["commitment"].ref
    assert agent.get(f"/requirements/{commitment}/sign").status_code == 403
    sign_commitment(cast.subject, ref)  # a promise is the firm's own
    assert state_on(take(agent, "submit", ref)) == "待受理"
    assert agent.get(f"/records/{record.ref}/objection").status_code == 403


@pytest.fixture
def enrolled(world):
    """Give the draft of a serious repair whose training the institution is to confirm."""
    record = make_record(world.firm, world.agency, severity="serious", decided_days_ago=300)
    case = make_case(world, "draft", workflow="repair", record=record)
    act(
        world.subject,
        "enrol",
        requirement_of(case, "training"),
        institution_id=world.training_house.id,
    )
    return case


def test_an_institution_sees_what_it_was_asked_for_and_no_more(cast, world, enrolled):
    """…五（十八）, privacy by default: name and code of the firm, nothing of the case."""
    needed = requirements_of(enrolled.ref)
    page = cast.institution.read(f"/requirements/{needed['training'].ref}")
    assert world.firm.uscc in page.words
    assert "陈述" not in page.words
    assert enrolled.record.decision_no not in page.words
    assert enrolled.record.violation_facts not in page.words
    for address in (
        f"/cases/{enrolled.ref}",
        f"/requirements/{needed['commitment'].ref}",
        f"/requirements/{needed['credit_report'].ref}",
        f"/requirements/{needed['rectification'].ref}/submit_proof",
        f"/cases/{enrolled.ref}/submit",
    ):
        assert cast.institution.get(address).status_code == 404
    rival_house = make_organisation(OrganisationKind.INSTITUTION)
    rival = cast.as_(make_account(rival_house, Role.INSTITUTION))
    assert rival.get(f"/requirements/{needed['training'].ref}").status_code == 404
    assert needed["training"].ref not in rival.read("/work").words


def test_an_institution_can_decline_and_another_be_asked(cast, world, enrolled):
    """…四（十五）: not passed, or not taken on; the firm chooses again."""
    training = requirements_of(enrolled.ref)["training"].ref
    answer = cast.institution.fill(f"/requirements/{training}/decline", reason="未参加考试。")
    assert answer.status_code == 302
    assert requirements_of(enrolled.ref)["training"].state == "owed"
    page = cast.subject.read(f"/cases/{enrolled.ref}")
    assert "未参加考试。" in page.words
    assert "enrol" in steps_on(page, training)


def test_a_certificate_number_never_serves_two_firms(cast, world, enrolled, digest):
    """A training certificate is one firm's: its number is refused for another."""
    first = requirements_of(enrolled.ref)["training"].ref
    assert certify(cast.institution, "confirm_training", first, "培训证书7号").status_code == 302
    record = make_record(world.other_firm, world.agency, severity="serious", decided_days_ago=300)
    ref = apply_for_repair(cast.stranger, record)
    needed = requirements_of(ref)
    house = str(world.training_house.id)
    training, report = needed["training"].ref, needed["credit_report"].ref
    take(cast.stranger, "enrol", training, "requirements", institution_id=house)
    take(cast.stranger, "request", report, "requirements", institution_id=house)
    before = digest()
    for step, requirement in (("confirm_training", training), ("file_report", report)):
        answer = certify(cast.institution, step, requirement, "培训证书7号")
        assert answer.status_code == 409
        assert "培训证书7号" in answer.words
        assert answer.fields["number"] == "培训证书7号"
    assert digest() == before
    assert certify(cast.institution, "confirm_training", training, "培训证书8号").status_code == 302


def test_a_certificate_has_to_be_valid_on_the_day_of_filing(cast, world):
    """What has run out carries no application; that an office takes long is not held against it."""
    record = make_record(world.firm, world.agency, severity="serious", decided_days_ago=300)
    filed = make_case(world, "grant_proposed", workflow="repair", record=record)
    later = make_record(world.other_firm, world.agency, severity="serious", decided_days_ago=300)
    draft = make_case(world, "draft", workflow="repair", record=later, subject=world.stranger)
    meet_requirements(draft, world.stranger, world.institution)
    with time_machine.travel(in_days(366)):
        page = try_to(cast.stranger, "submit", draft.ref)
        assert "信用报告" in page.words
        take(cast.second_reviewer, "sign_grant", filed.ref)
