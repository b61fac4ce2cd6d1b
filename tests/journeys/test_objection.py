"""Objections from filing to the answer, as the people of each side see them."""

from datetime import datetime

import time_machine
from sqlalchemy import update

from repair_app.db import today
from repair_app.models import Deadline
from repair_app.models.parties import Role
from repair_app.services import timers
from repair_app.services.transaction import transaction
from tests.factories import (
    make_account,
    make_appointment,
    make_case,
    make_organisation,
    make_pdf,
    make_record,
    make_sanction,
)
from tests.journeys.steps import (
    accept_and_forward,
    annul,
    ask_department,
    case_of,
    decided,
    dispute,
    in_days,
    is_marked,
    ledger_is_whole,
    row_of,
    sanctions_of,
    state_on,
    steps_on,
    take,
    try_to,
)


def test_a_wrong_record_is_corrected_field_by_field(cast, world, anybody):
    """鲁政发〔2017〕44号 二（四）20: verified at once, and what is wrong is corrected."""
    record = make_record(world.firm, world.agency, fine_10k=15, penalty_content="罚款15万元")
    make_sanction(record, world.officer)
    uscc = world.firm.uscc
    before = row_of(sanctions_of(record)[0])
    assert ask_department(cast.officer, uscc) == [True]

    ref = dispute(cast.subject, record, fine_10k="1.5", penalty_content="罚款1.5万元")
    page = cast.subject.read(f"/cases/{ref}")
    assert state_on(page) == "待受理"
    assert "处罚决定书.pdf" in page.links
    # Filed is not accepted: nothing is suspended yet, nothing is marked.
    assert ask_department(cast.officer, uscc) == [True]
    assert not is_marked(anybody, record)

    page = take(cast.reviewer, "accept", ref)
    assert state_on(page) == "已受理，审核机构先行核查"
    assert is_marked(anybody, record)
    assert ask_department(cast.officer, uscc) == [False]

    page = take(cast.reviewer, "ask_provider", ref, note="请核对处罚决定书原件。")
    assert state_on(page) == "信息提供单位核实中"
    assert ref in cast.provider.read("/work").words
    form = cast.provider.read(f"/cases/{ref}/propose_correction")
    assert form.fields["value_fine_10k"] == ""  # the provider says itself what is right,
    assert "1.5" in form.words  # with the proposal beside it
    page = take(
        cast.provider,
        "propose_correction",
        ref,
        findings="经核对处罚决定书原件，罚款为1.2万元。",
        value_fine_10k="1.2",
        value_penalty_content="罚款1.2万元",
    )
    assert state_on(page) == "提供单位拟更正"

    page = take(cast.reviewer, "decide_correction", ref, note="同意。")
    assert state_on(page) == "初审同意更正，待复审"
    assert ask_department(cast.officer, uscc) == [False]
    assert record.fine_10k == 15  # one decision changes nothing

    page = take(cast.second_reviewer, "sign_correction", ref)
    assert state_on(page) == "已执行，待提供单位同步"
    public = anybody.read(f"/records/{record.ref}")
    assert "罚款1.2万元" in public.words
    assert "罚款15万元" not in public.words
    assert not is_marked(anybody, record)
    assert row_of(sanctions_of(record)[0]) == before
    assert ask_department(cast.officer, uscc) == [True]

    page = take(cast.provider, "confirm_execution", ref, note="已同步更正。")
    assert state_on(page) == "已办结"
    page = cast.subject.read(f"/cases/{ref}")
    assert "1.2" in page.words
    assert "经核对处罚决定书原件" in page.words
    assert "请核对处罚决定书原件。" not in page.words  # notes stay in the file
    assert ledger_is_whole()


def test_a_record_found_to_be_wrong_leaves_publication_with_all_that_rests_on_it(
    cast, world, anybody
):
    """鲁政发〔2017〕44号 二（四）20: what is wrong is cancelled, and out of public search."""
    record = make_record(world.firm, world.agency)
    make_sanction(record, world.officer)
    make_sanction(record, world.other_officer, code="M01")
    ref = dispute(cast.subject, record, ground="not_the_subject")
    accept_and_forward(cast.reviewer, ref)
    take(
        cast.provider, "propose_removal", ref, outcome="DELETED", findings="系同名企业，应予撤销。"
    )
    assert record.ref in anybody.read(f"/?q={world.firm.uscc}").html
    take(cast.reviewer, "decide_removal", ref)
    assert anybody.read(f"/records/{record.ref}")
    page = take(cast.second_reviewer, "sign_removal", ref)

    assert state_on(page) == "已执行，待提供单位同步"
    assert anybody.get(f"/records/{record.ref}").status_code == 404
    assert record.ref not in anybody.read(f"/?q={world.firm.uscc}").html
    assert {one.state for one in sanctions_of(record)} == {"ended"}
    assert ask_department(cast.officer, world.firm.uscc) == [False]
    assert ask_department(cast.other_officer, world.firm.uscc) == [False]
    # The archive stays for those it concerns.
    assert state_on(cast.subject.read(f"/records/{record.ref}")) == "已撤销，终止公示并归档"
    take(cast.provider, "confirm_execution", ref)
    assert case_of(ref).state == "closed"
    assert ledger_is_whole()


def test_an_objection_without_ground_is_rejected_after_the_subject_was_heard(cast, world, anybody):
    """《山东省社会信用条例》第三十九条: answered with reasons, after a hearing."""
    record = make_record(world.firm, world.agency)
    make_sanction(record, world.officer)
    before = row_of(sanctions_of(record)[0])
    ref = dispute(cast.subject, record)
    accept_and_forward(cast.reviewer, ref)
    take(cast.provider, "confirm", ref, findings="与处罚决定书一致。")
    page = take(cast.reviewer, "announce_rejection", ref, reason="处罚决定书所载金额与记录一致。")
    assert state_on(page) == "拟驳回，听取意见"
    assert ask_department(cast.officer, world.firm.uscc) == [False]

    page = cast.subject.read(f"/cases/{ref}")
    assert "处罚决定书所载金额与记录一致。" in page.words
    assert "state_views" in steps_on(page, ref)
    page = take(cast.subject, "state_views", ref, statement="缴款凭证显示为1.5万元。")
    assert state_on(page) == "已听取意见，待复审"
    assert ask_department(cast.officer, world.firm.uscc) == [False]

    page = take(cast.second_reviewer, "sign_rejection", ref, **decided("缴款凭证属于另一处罚。"))
    assert state_on(page) == "已驳回"
    assert "缴款凭证属于另一处罚。" in cast.subject.read(f"/cases/{ref}").words
    assert row_of(sanctions_of(record)[0]) == before
    assert ask_department(cast.officer, world.firm.uscc) == [True]
    assert not is_marked(anybody, record)
    assert ledger_is_whole()


def test_a_hearing_whose_term_could_not_be_counted_is_closed_by_nobody(cast, world):
    """《行政处罚法》第四十五条（参照）: due at once for the alarm, not against it."""
    case = make_case(world, "rejection_announced")
    with transaction() as session:
        session.execute(
            update(Deadline)
            .where(Deadline.entity_ref == case.ref, Deadline.met_at.is_(None))
            .values(working_days=0, due_on=today())
        )
    with time_machine.travel(in_days(2)):
        try_to(cast.reviewer, "close_hearing", case.ref)
        assert timers.escalate(in_days(0)) == 0  # and nobody above is told that someone was late
    assert case_of(case.ref).state == "rejection_announced"


def test_the_hearing_ends_with_its_term_and_not_before(cast, world):
    """《行政处罚法》第四十五条（参照）: who says nothing in time has been heard."""
    case = make_case(world, "rejection_announced")
    page = try_to(cast.second_reviewer, "close_hearing", case.ref)
    assert page.having("alert-danger")
    assert case_of(case.ref).state == "rejection_announced"
    with time_machine.travel(in_days(30)):
        take(cast.second_reviewer, "close_hearing", case.ref)
        page = take(cast.second_reviewer, "sign_rejection", case.ref, **decided("期满未陈述意见。"))
        assert state_on(page) == "已驳回"


def test_a_provider_that_did_not_supply_the_record_hands_it_back_and_another_verifies(cast, world):
    """鲁政发〔2017〕44号 二（四）20: verified by the unit that the information came from."""
    record = make_record(world.firm, world.agency)
    ref = dispute(cast.subject, record)
    accept_and_forward(cast.reviewer, ref)
    assert cast.other_provider.get(f"/cases/{ref}").status_code == 404
    take(cast.provider, "disclaim", ref, reason="该处罚由生态环境局作出。")
    assert case_of(ref).state == "accepted"

    page = take(
        cast.reviewer,
        "reroute",
        ref,
        provider_id=str(world.other_agency.id),
        reason="转生态环境局核实。",
    )
    assert world.other_agency.name in page.words
    take(cast.reviewer, "ask_provider", ref)
    assert cast.provider.get(f"/cases/{ref}").status_code == 404
    assert ref not in cast.provider.read("/work").words
    take(cast.other_provider, "confirm", ref, findings="经核实无误。")
    assert case_of(ref).state == "confirmed"


def test_everything_missing_is_asked_for_once(cast, world):
    """《行政许可法》第三十二条（参照）: a supplement is asked for once, and completely."""
    record = make_record(world.firm, world.agency)
    ref = dispute(cast.subject, record)
    take(cast.reviewer, "ask_supplement", ref, missing="营业执照\n处罚决定书原件")
    page = cast.subject.read(f"/cases/{ref}")
    assert state_on(page) == "待补正"
    assert "营业执照" in page.words
    page = take(cast.subject, "supplement", ref, statement="补交如下。")
    assert state_on(page) == "待受理"
    page = cast.reviewer.read(f"/cases/{ref}")
    assert "ask_supplement" not in steps_on(page, ref)
    assert {"accept", "refuse"} <= steps_on(page, ref)
    try_to(cast.reviewer, "ask_supplement", ref, missing="再补一份")
    assert case_of(ref).state == "submitted"


def test_what_is_not_supplemented_in_time_is_refused_and_not_before(cast, world):
    """《行政许可法》第三十二条（参照）; a coded reason, and what can be done next."""
    record = make_record(world.firm, world.agency)
    make_sanction(record, world.officer)
    ref = dispute(cast.subject, record)
    take(cast.reviewer, "ask_supplement", ref, missing="营业执照")
    refusal = {
        "code": "material_incomplete",
        "reason": "期满未补交营业执照。",
        "remedy": "补齐后可以重新提出。",
    }
    try_to(cast.reviewer, "refuse_unsupplemented", ref, **refusal)
    with time_machine.travel(in_days(40)):
        page = take(cast.reviewer, "refuse_unsupplemented", ref, **refusal)
        assert state_on(page) == "不予受理"
        page = cast.subject.read(f"/cases/{ref}")
        assert "材料不齐全，经补正仍不符合要求" in page.words
        assert "补齐后可以重新提出。" in page.words
        assert ask_department(cast.officer, world.firm.uscc) == [True]


def test_a_refused_objection_can_be_filed_again(cast, world):
    """A refusal decides nothing on the matter: it says what can be done next."""
    record = make_record(world.firm, world.agency)
    make_case(world, "refused", record=record)
    ref = dispute(cast.subject, record)
    assert case_of(ref).state == "submitted"


def test_the_same_ground_again_is_refused_with_the_earlier_answer(cast, world):
    """A suspension cannot be had by repetition; another ground is another matter."""
    record = make_record(world.firm, world.agency)
    case = make_case(world, "rejected", record=record)
    page = cast.subject.fill(
        f"/records/{record.ref}/objection",
        button="submit_now",
        ground="error",
        statement="再次提出。",
    )
    assert page.status_code == 409
    assert case.ref in page.words
    assert page.fields["statement"] == "再次提出。"
    assert case_of(dispute(cast.subject, record, ground="over_term")).state == "submitted"


def test_one_objection_on_a_ground_is_open_at_a_time(cast, world):
    """The same error is verified once; the answer names the objection that is open."""
    record = make_record(world.firm, world.agency)
    first = dispute(cast.subject, record)
    page = cast.subject.fill(f"/records/{record.ref}/objection", ground="error", statement="又")
    assert page.status_code == 409
    assert first in page.words


def test_a_record_stays_marked_until_the_last_of_its_objections_has_ended(cast, world, anybody):
    """鲁政发〔2017〕44号 二（四）20: while it is verified; each objection has its own mark."""
    record = make_record(world.firm, world.agency)
    refs = [dispute(cast.subject, record, ground) for ground in ("error", "omission")]
    for ref in refs:
        accept_and_forward(cast.reviewer, ref)
    take(cast.subject, "withdraw", refs[0])

    def lifted() -> list[datetime | None]:
        marks = sorted(case_of(refs[0]).record.dispute_marks, key=lambda mark: mark.case_id)
        return [mark.lifted_at for mark in marks]

    first, second = lifted()
    assert first is not None
    assert second is None
    assert is_marked(anybody, record)
    take(cast.subject, "withdraw", refs[1])
    assert lifted()[0] == first  # its own end, not the other's
    assert lifted()[1] is not None
    assert not is_marked(anybody, record)


def test_who_decided_first_does_not_sign_not_even_from_a_second_account(cast, world, digest):
    """Four eyes, counted by natural person."""
    case = make_case(world, "correction_decided")
    before = digest()
    for again in (cast.reviewer, cast.reviewer_again):
        assert "sign_correction" not in steps_on(again.read(f"/cases/{case.ref}"), case.ref)
        try_to(again, "sign_correction", case.ref)
        try_to(again, "return_decision", case.ref, reason="退回。")
    assert digest() == before
    take(cast.second_reviewer, "sign_correction", case.ref)


def test_who_verified_does_not_decide(cast, world):
    """Four eyes: the provider's officer who answered has a seat in the centre as well."""
    verifier = make_account(world.centre, Role.REVIEWER, same_person_as=world.provider)
    case = make_case(world, "correction_proposed")
    page = try_to(cast.as_(verifier), "decide_correction", case.ref)
    assert page.having("alert-danger")
    assert case_of(case.ref).state == "correction_proposed"


def test_who_also_acts_for_the_firm_does_not_verify_for_the_provider(cast, world):
    """鲁政发〔2017〕44号 二（四）20: verified by the provider, not by the firm under its name."""
    case = make_case(world, "with_provider")
    make_appointment(world.provider, world.firm, Role.SUBJECT, ends_on=today())
    for step in ("confirm", "propose_removal"):
        try_to(cast.provider, step, case.ref, findings="无误。")
    with time_machine.travel(in_days(1)):  # the seat with the firm is over
        take(cast.provider, "confirm", case.ref, findings="无误。")


def test_nobody_decides_on_their_own_side(cast, world, digest):
    """A reviewer who also acts for the firm keeps out of its cases, from the first step on."""
    case = make_case(world, "submitted")
    before = digest()
    page = cast.torn_reviewer.read(f"/cases/{case.ref}")
    assert not {"accept", "refuse", "ask_supplement"} & steps_on(page, case.ref)
    try_to(cast.torn_reviewer, "accept", case.ref)
    assert digest() == before
    elsewhere = make_case(
        world,
        record=make_record(world.other_firm, world.agency),
        subject=world.stranger,
    )
    take(cast.torn_reviewer, "accept", elsewhere.ref)


def test_a_draft_is_seen_by_its_subject_alone(cast, world, anybody):
    """What is not filed does not exist for the offices."""
    case = make_case(world, "draft")
    assert state_on(cast.subject.read(f"/cases/{case.ref}")) == "草稿"
    for other in (cast.reviewer, cast.provider, cast.stranger, cast.auditor, cast.officer):
        assert other.get(f"/cases/{case.ref}").status_code == 404
    assert anybody.get(f"/cases/{case.ref}").status_code == 302  # to the sign-in page


def test_a_draft_grows_until_it_is_filed_and_is_not_filed_without_evidence(cast, world):
    """A draft can be changed as often as one likes; filing asks for evidence."""
    record = make_record(world.firm, world.agency)
    answer = cast.subject.fill(
        f"/records/{record.ref}/objection",
        button="submit_now",
        ground="error",
        statement="金额有误。",
        value_fine_10k="1.5",
    )
    page = cast.subject.follow(answer)
    ref = answer.location.rpartition("/")[2]
    assert state_on(page) == "草稿"  # kept, though it could not be filed
    assert page.having("alert-warning")
    try_to(cast.subject, "submit", ref)
    page = take(
        cast.subject,
        "amend",
        ref,
        statement="金额和日期有误。",
        value_fine_10k="1.6",
        value_decided_on="2026-01-05",
        evidence=(make_pdf("决定书"), "决定书.pdf"),
    )
    assert {one.field: one.proposed_value for one in case_of(ref).proposals} == {
        "fine_10k": "1.6",
        "decided_on": "2026-01-05",
    }
    page = take(cast.subject, "submit", ref)
    assert state_on(page) == "待受理"


def test_a_discarded_draft_is_over_and_another_can_begin(cast, world):
    """A draft binds nobody."""
    record = make_record(world.firm, world.agency)
    case = make_case(world, "draft", record=record)
    page = take(cast.subject, "discard", case.ref)
    assert state_on(page) == "草稿已放弃"
    assert dispute(cast.subject, record)


def test_an_agent_objects_for_the_firm_and_only_for_it(cast, world):
    """An agent acts within the mandate: this one reaches as far as objections."""
    record = make_record(world.firm, world.agency)
    ref = dispute(cast.agent, record)
    assert state_on(cast.agent.read(f"/cases/{ref}")) == "待受理"
    elsewhere = make_record(world.other_firm, world.agency)
    for begin in ("objection", "repair"):
        assert cast.agent.get(f"/records/{elsewhere.ref}/{begin}").status_code in {403, 404}
        answer = cast.agent.post(f"/records/{elsewhere.ref}/{begin}", data={"statement": "x"})
        assert answer.status_code in {400, 403, 404}


def test_a_case_is_shown_to_nobody_whom_it_does_not_concern(cast, world, digest):
    """What is not yours is not there: the same answer as for what does not exist."""
    case = make_case(world, "with_provider")
    stranger_firm = make_organisation()
    outsider = make_account(stranger_firm, Role.SUBJECT)
    before = digest()
    unknown = cast.stranger.get("/cases/YY-2026-999999-X")
    for other in (cast.stranger, cast.other_provider, cast.officer, cast.institution):
        page = other.get(f"/cases/{case.ref}")
        assert page.status_code == 404
        assert page.words == unknown.words
        for step in ("accept", "confirm", "withdraw"):
            assert other.get(f"/cases/{case.ref}/{step}").status_code == 404
            assert other.post(f"/cases/{case.ref}/{step}", data={"x": "y"}).status_code == 404
    document = case.documents[0].ref
    assert cast.as_(outsider).get(f"/documents/{document}").status_code == 404
    assert cast.other_provider.get(f"/documents/{document}").status_code == 404
    assert cast.provider.get(f"/documents/{document}").data.startswith(b"%PDF-")
    assert digest() == before


def test_a_first_decision_can_be_returned_and_the_verification_begins_again(cast, world):
    """济阳信用办〔2020〕2号 （十七）2: what was not verified well is verified again."""
    case = make_case(world, "correction_decided")
    page = take(cast.second_reviewer, "return_decision", case.ref, reason="请附原件。")
    assert state_on(page) == "信息提供单位核实中"
    fresh = case_of(case.ref)
    assert (fresh.verified_by_id, fresh.decided_by_id) == (None, None)
    take(cast.provider, "confirm", case.ref, findings="复核后认为无误。")
    # Whoever returned it may decide now; the other one signs.
    take(cast.second_reviewer, "announce_rejection", case.ref, reason="无误。")
    take(cast.subject, "state_views", case.ref, statement="无异议。")
    page = take(
        cast.reviewer,
        "sign_rejection",
        case.ref,
        **decided("维持。"),
    )
    assert state_on(page) == "已驳回"


def test_an_annulled_decision_withdraws_the_record_and_ends_its_cases(cast, world, anybody):
    """《山东省社会信用条例》第四十条: the provider withdraws what was annulled."""
    record = make_record(world.firm, world.agency)
    make_sanction(record, world.officer)
    objection = make_case(world, "with_provider", record=record)
    repair = make_case(world, "draft", workflow="repair", record=record)
    assert cast.other_provider.get(f"/records/{record.ref}/annulment").status_code in {403, 404}
    page = annul(cast, record)
    assert state_on(page) == "已撤下记录"
    assert state_on(cast.provider.read(f"/records/{record.ref}")) == "已撤销，终止公示并归档"
    assert anybody.get(f"/records/{record.ref}").status_code == 404
    assert {case_of(one.ref).state for one in (objection, repair)} == {"moot"}
    assert ask_department(cast.officer, world.firm.uscc) == [False]
    assert sanctions_of(record)[0].state == "ended"
    # Nothing can be begun about it any more.
    page = cast.subject.fill(f"/records/{record.ref}/objection", ground="error", statement="还有")
    assert page.status_code == 409
    assert ledger_is_whole()
