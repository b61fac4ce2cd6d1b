"""By which door an objection or a repair comes in, and who may not decide it because of that."""

from sqlalchemy import select

from repair_app.db import db
from repair_app.models import Case
from tests.factories import make_case, make_record, make_sanction, open_matter
from tests.journeys.steps import (
    PAPER,
    ask_department,
    begin,
    case_of,
    dispute,
    is_marked,
    ledger_is_whole,
    prove_rectification,
    sign_commitment,
    state_on,
    steps_on,
    take,
    try_to,
)

REPORT = {"ground": "error", "statement": "执行中发现罚款金额与决定书不符。", "evidence": PAPER}
CAME = {"presented_by": "李虚构", "presented_as": "authorised"}  # who came to the counter
REFUSAL = {"code": "no_ground_shown", "reason": "未说明理由。", "remedy": "可补充后再提。"}


def test_a_department_that_finds_an_error_sets_the_verification_going(cast, world, anybody):
    """鲁政发〔2017〕44号 二（四）20: 有关部门主动发现信息不实的，应及时告知提供单位核实."""
    record = make_record(world.firm, world.agency)
    make_sanction(record, world.officer)
    ref = begin(cast.officer, "objection", record, **REPORT)
    assert case_of(ref).door == "discovery"
    assert ref in cast.reviewer.read("/work").words
    assert ask_department(cast.officer, world.firm.uscc) == [True]  # reported is not accepted
    take(cast.reviewer, "accept", ref)
    assert ask_department(cast.officer, world.firm.uscc) == [False]
    assert is_marked(anybody, record)
    # The enterprise sees that its record is being verified, and is not asked to help.
    page = cast.subject.read(f"/cases/{ref}")
    assert state_on(page) == "已受理，审核机构先行核查"
    assert "withdraw" not in steps_on(page, ref)
    take(cast.reviewer, "ask_provider", ref)
    take(cast.provider, "propose_correction", ref, findings="应为1万元。", value_fine_10k="1")
    take(cast.reviewer, "decide_correction", ref)
    take(cast.second_reviewer, "sign_correction", ref)
    assert ask_department(cast.officer, world.firm.uscc) == [True]
    assert cast.officer.read(f"/cases/{ref}")  # who reported it reads what came of it
    assert cast.other_officer.get(f"/cases/{ref}").status_code == 404
    assert ledger_is_whole()


def test_a_provider_that_finds_its_own_error_reports_it_through_the_same_door(cast, world):
    """鲁信用办〔2021〕5号 （八）: 及时更正; by the same steps and signatures as for anybody."""
    record = make_record(world.firm, world.agency)
    ref = begin(cast.provider, "objection", record, **REPORT)
    assert case_of(ref).door == "discovery"
    take(cast.reviewer, "accept", ref)
    take(cast.reviewer, "ask_provider", ref)
    take(cast.second_provider, "propose_removal", ref, outcome="DELETED", findings="系重复录入。")
    assert case_of(ref).state == "removal_proposed"
    # Of another unit's record nothing can be reported as one's own.
    assert cast.other_provider.get(f"/records/{record.ref}/objection").status_code == 403


def test_what_an_interested_party_complained_of_is_verified_and_nobody_is_named(
    cast, world, anybody
):
    """鲁政发〔2017〕44号 二（四）20: 利益相关方 may dispute as well; who it was stays outside."""
    record = make_record(world.firm, world.agency)
    make_sanction(record, world.officer)
    case = open_matter("objection", record, world.reviewer, name="take_up")
    assert (case.door, case.state, case.entered_by_id) == ("complaint", "submitted", None)
    page = cast.reviewer.read(f"/cases/{case.ref}")
    assert "ask_supplement" not in steps_on(page, case.ref)  # there is nobody to ask
    take(cast.reviewer, "accept", case.ref)
    assert ask_department(cast.officer, world.firm.uscc) == [False]
    assert is_marked(anybody, record)
    assert "withdraw" not in steps_on(cast.subject.read(f"/cases/{case.ref}"), case.ref)
    try_to(cast.subject, "withdraw", case.ref)
    assert case_of(case.ref).state == "accepted"


def test_a_report_can_be_taken_back_until_it_is_accepted_and_only_by_who_made_it(cast, world):
    """REDRESS 受理前可以撤回: after that the matter is the office's to finish."""
    record = make_record(world.firm, world.agency)
    ref = begin(cast.officer, "objection", record, **REPORT)
    assert "withdraw_report" not in steps_on(cast.provider.read(f"/cases/{ref}"), ref)
    assert cast.provider.get(f"/cases/{ref}/withdraw_report").status_code == 409
    page = take(cast.officer, "withdraw_report", ref, reason="系误报。")
    assert state_on(page) == "已撤回"
    ref = begin(cast.officer, "objection", record, **REPORT)
    take(cast.reviewer, "accept", ref)
    assert cast.officer.get(f"/cases/{ref}/withdraw_report").status_code == 409
    assert case_of(ref).state == "accepted"


def test_a_report_needs_a_document(cast, world):
    """A record is not put in doubt on somebody's word alone."""
    record = make_record(world.firm, world.agency)
    given = {**REPORT, "evidence": []}
    page = cast.officer.fill(f"/records/{record.ref}/objection", **given)
    assert page.status_code == 400
    assert page.mistakes


def test_an_objection_on_paper_is_entered_with_the_signed_application_and_filed_at_once(
    cast, world
):
    """《山东省社会信用条例》第三十九条: an objection can be brought to the counter, too."""
    record = make_record(world.firm, world.agency)
    entered = {"ground": "error", "statement": "金额有误。", "value_fine_10k": "1", **CAME}
    page = cast.reviewer.fill(f"/records/{record.ref}/objection", **entered)
    assert page.status_code == 400  # without the application, as it was signed
    ref = begin(cast.reviewer, "objection", record, **entered, evidence=PAPER)
    page = cast.subject.read(f"/cases/{ref}")
    assert state_on(page) == "待受理"
    assert "处罚决定书.pdf" in page.links
    assert "1" in {one.proposed_value for one in case_of(ref).proposals}
    # It is the enterprise's: it can be asked for more, and can withdraw.
    assert "withdraw" in steps_on(page, ref)
    take(cast.second_reviewer, "ask_supplement", ref, missing="营业执照")
    take(cast.subject, "supplement", ref, statement="补交。")
    assert case_of(ref).state == "submitted"


def test_who_entered_an_objection_at_the_counter_never_decides_it(cast, world, digest):
    """Who took the paper in takes no decision about it, from acceptance to signature."""
    record = make_record(world.firm, world.agency)
    ref = begin(
        cast.reviewer,
        "objection",
        record,
        ground="error",
        statement="金额有误。",
        evidence=PAPER,
        **CAME,
    )
    before = digest()
    for again in (cast.reviewer, cast.reviewer_again):
        assert not {"accept", "refuse"} & steps_on(again.read(f"/cases/{ref}"), ref)
        try_to(again, "accept", ref)
        try_to(again, "refuse", ref, **REFUSAL)
    assert digest() == before
    take(cast.second_reviewer, "accept", ref)
    try_to(cast.reviewer, "check_removal", ref, outcome="DELETED", findings="有误。")
    try_to(cast.reviewer, "check_correction", ref, findings="有误。", value_fine_10k="1")
    take(cast.second_reviewer, "check_correction", ref, findings="有误。", value_fine_10k="1")
    try_to(cast.reviewer, "sign_correction", ref)
    try_to(cast.reviewer, "return_decision", ref, reason="退回。")
    assert case_of(ref).state == "correction_decided"


def test_a_repair_on_paper_is_entered_at_the_counter_and_never_decided_by_who_entered_it(
    cast, world
):
    """鲁发改信用〔2020〕35号 四（十五）: applied for at the counter, decided by others."""
    record = make_record(world.firm, world.agency)
    ref = begin(cast.reviewer, "repair", record, statement="罚款已缴清。", evidence=PAPER, **CAME)
    assert case_of(ref).state == "draft"
    # A colleague at the counter sees it, and can neither file it nor, in its term, discard it.
    assert steps_on(cast.second_reviewer.read(f"/cases/{ref}"), ref) == set()
    assert state_on(cast.reviewer.read(f"/cases/{ref}")) == "草稿"
    try_to(cast.reviewer, "submit_at_window", ref)  # the checklist holds at the counter, too
    prove_rectification(cast.subject, ref)
    sign_commitment(cast.subject, ref)
    page = take(cast.reviewer, "submit_at_window", ref)
    assert state_on(page) == "待受理"
    for again in (cast.reviewer, cast.reviewer_again):
        try_to(again, "accept", ref)
    take(cast.second_reviewer, "accept", ref)
    take(cast.second_reviewer, "ask_provider", ref)
    take(cast.provider, "confirm_rectification", ref, findings="属实。")
    try_to(cast.reviewer, "propose_grant", ref)
    take(cast.second_reviewer, "propose_grant", ref)
    try_to(cast.reviewer, "sign_grant", ref)
    assert case_of(ref).state == "grant_proposed"


def test_a_repair_that_the_enterprise_files_itself_is_not_filed_at_the_counter(cast, world):
    """The counter files what it took in, and nothing else."""
    case = make_case(world, "draft", workflow="repair")
    assert cast.reviewer.get(f"/cases/{case.ref}").status_code == 404


def test_a_repeated_objection_is_joined_to_the_one_that_is_open(cast, world):
    """REDRESS 同一信息的重复异议合并办理: verified once, and each is told where."""
    record = make_record(world.firm, world.agency)
    make_sanction(record, world.officer)
    first = dispute(cast.subject, record)
    take(cast.reviewer, "accept", first)
    second = dispute(cast.subject, record, ground="not_the_subject")
    page = cast.reviewer.read(f"/cases/{second}")
    assert "join" in steps_on(page, second)
    page = take(
        cast.reviewer,
        "join",
        second,
        joined_id=str(case_of(first).id),
        reason="与在先异议为同一事实。",
    )
    assert state_on(page) == "并入已有异议"
    page = cast.subject.read(f"/cases/{second}")
    assert first in page.words  # where it goes on
    assert "与在先异议为同一事实。" in page.words
    # Joining lifts nothing of the other's.
    assert ask_department(cast.officer, world.firm.uscc) == [False]
    assert case_of(second).about_id == case_of(first).id


def test_there_is_nothing_to_join_to_when_no_other_objection_is_open(cast, world):
    """One objection by itself is dealt with by itself."""
    case = make_case(world, "submitted")
    assert "join" not in steps_on(cast.reviewer.read(f"/cases/{case.ref}"), case.ref)


def test_what_is_open_on_a_ground_is_not_opened_again_by_another_door(cast, world):
    """A record is not verified twice for one error, whoever says so."""
    record = make_record(world.firm, world.agency)
    first = dispute(cast.subject, record)
    page = cast.officer.fill(f"/records/{record.ref}/objection", **REPORT)
    assert page.status_code == 409
    assert first in page.words
    db.session.rollback()
    assert db.session.scalars(select(Case.ref)).all() == [first]
