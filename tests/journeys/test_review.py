"""Another unit looks again at what was decided against the enterprise."""

import pytest
import time_machine

from repair_app.db import db, today
from repair_app.engine.step import Refused
from repair_app.models import Case
from tests.factories import (
    act,
    leave_office,
    make_case,
    make_record,
    make_sanction,
    open_matter,
)
from tests.journeys.steps import (
    ask_department,
    begin,
    case_of,
    decided,
    in_days,
    is_marked,
    ledger_is_whole,
    requirements_of,
    state_on,
    steps_on,
    take,
    term_of,
    try_to,
)


def ask_for_review(client, case):
    """Ask that a decision be reviewed, from the record's page; return the reference."""
    page = client.read(f"/records/{case.record.ref}")
    assert f"/records/{case.record.ref}/review" in page.links.values()
    return begin(
        client, "review", case.record, about_id=str(case.id), statement="决定书所载金额为1万元。"
    )


def begun_anew(case):
    """Return the case that was opened when a decision was set aside."""
    db.session.rollback()
    found = db.session.query(Case).filter_by(about_id=case.id, workflow=case.workflow).all()
    assert len(found) == 1
    return found[0]


def test_a_rejection_that_is_set_aside_begins_anew_with_its_suspension(cast, world, anybody):
    """《浙江省公共信用信息管理条例》第三十一条: 复核; set aside, verified again at once."""
    record = make_record(world.firm, world.agency)
    make_sanction(record, world.officer)
    case = make_case(world, "rejected", record=record)
    assert ask_department(cast.officer, world.firm.uscc) == [True]
    ref = ask_for_review(cast.subject, case)
    assert ask_department(cast.officer, world.firm.uscc) == [True]  # asking suspends nothing
    assert ref in cast.upper_reviewer.read("/work").words
    take(cast.upper_reviewer, "propose_setting_aside", ref, reason="未核对决定书原件。")
    try_to(cast.upper_reviewer, "sign_setting_aside", ref)  # two persons here as everywhere
    page = take(cast.second_upper_reviewer, "sign_setting_aside", ref)
    assert state_on(page) == "已撤销原决定，重新办理"

    anew = begun_anew(case)
    assert (anew.state, anew.ground, anew.centre_id) == (
        "accepted",
        case.ground,
        world.upper_centre.id,
    )
    assert ask_department(cast.officer, world.firm.uscc) == [False]
    assert is_marked(anybody, record)
    # It has its whole term: 七个工作日, from the day it was taken up again (…二（四）20).
    whole = term_of(anew.ref, whole=True)
    earlier = next(one for one in case_of(case.ref).deadlines if one.whole)
    assert (whole.clock, whole.working_days) == ("objection_whole", earlier.working_days)
    assert whole.starts_on == today()
    # What was proposed is still there to be checked.
    assert [one.field for one in anew.proposals] == [one.field for one in case.proposals]
    page = cast.subject.read(f"/cases/{anew.ref}")
    assert case.ref in page.words
    take(cast.upper_reviewer, "check_correction", anew.ref, findings="有误。", value_fine_10k="1")
    take(cast.second_upper_reviewer, "sign_correction", anew.ref)
    assert ask_department(cast.officer, world.firm.uscc) == [True]
    assert ledger_is_whole()


def papers_on(page):
    """Return the addresses of the papers that a page lets its reader open."""
    return {one for one in page.links.values() if one.startswith("/documents/")}


def test_whoever_looks_at_a_decision_again_reads_its_papers_and_nobody_else(cast, world):
    """《浙江省公共信用信息管理条例》第三十一条: what is verified again is verified by its papers.

    The centre above took no part before: its reviewers open them with the review, then with the
    matter that begins anew. The papers stay where they are.
    """
    case = make_case(world, "rejected")
    (paper,) = case.documents
    address = f"/documents/{paper.ref}"
    assert cast.upper_reviewer.get(address).status_code == 404
    ref = ask_for_review(cast.subject, case)
    assert address in papers_on(cast.upper_reviewer.read(f"/cases/{ref}"))
    assert cast.upper_reviewer.get(address).status_code == 200
    take(cast.upper_reviewer, "propose_setting_aside", ref, reason="未核对决定书原件。")
    take(cast.second_upper_reviewer, "sign_setting_aside", ref)
    anew = begun_anew(case)
    for again in (cast.upper_reviewer, cast.second_upper_reviewer, cast.subject):
        page = again.read(f"/cases/{anew.ref}")
        assert address in papers_on(page)
        assert case.ref in page.words
        assert again.get(address).status_code == 200
    assert [one.case_id for one in case_of(case.ref).documents] == [case.id]
    for nobody in (cast.stranger, cast.other_provider, cast.institution):
        assert nobody.get(address).status_code == 404


def test_a_rejection_that_is_upheld_stays_as_it_was(cast, world):
    """《浙江省公共信用信息管理条例》第三十一条: answered with reasons; nothing is suspended."""
    record = make_record(world.firm, world.agency)
    make_sanction(record, world.officer)
    case = make_case(world, "rejected", record=record)
    ref = ask_for_review(cast.subject, case)
    take(cast.upper_reviewer, "propose_upholding", ref, reason="原决定无误。")
    page = take(cast.second_upper_reviewer, "sign_upholding", ref, **decided("证据充分。"))
    assert state_on(page) == "维持原决定"
    page = cast.subject.read(f"/cases/{ref}")
    assert "证据充分。" in page.words
    assert "可以申请复核。" in page.words  # what can be done next is said
    assert case_of(case.ref).state == "rejected"
    assert ask_department(cast.officer, world.firm.uscc) == [True]


def test_the_unit_that_decided_does_not_review_itself(cast, world, digest):
    """REDRESS 由上级信用中心复核: not the same unit, not the same persons."""
    case = make_case(world, "rejected")
    ref = ask_for_review(cast.subject, case)
    assert case_of(ref).centre_id == world.upper_centre.id
    before = digest()
    for client in (cast.reviewer, cast.second_reviewer):
        assert not steps_on(client.read(f"/cases/{ref}"), ref)
        assert client.get(f"/cases/{ref}/propose_upholding").status_code == 403
    assert digest() == before
    # It is not handed back down, either: the line goes up, and this unit is not in it.
    leave_office(world.second_upper_reviewer)
    with pytest.raises(Refused):
        act(world.upper_reviewer, "delegate", case_of(ref), centre_id=world.centre.id)


def test_a_decision_is_reviewed_once(cast, world):
    """What was looked at again is settled here; the courts stay open."""
    case = make_case(world, "rejected")
    ref = ask_for_review(cast.subject, case)
    page = cast.subject.fill(
        f"/records/{case.record.ref}/review", about_id=str(case.id), statement="再次申请。"
    )
    assert page.status_code == 409
    take(cast.upper_reviewer, "propose_upholding", ref, reason="无误。")
    take(cast.second_upper_reviewer, "sign_upholding", ref, **decided("维持。"))
    page = cast.subject.fill(
        f"/records/{case.record.ref}/review", about_id=str(case.id), statement="再次申请。"
    )
    assert page.status_code == 409
    assert page.fields["statement"] == "再次申请。"


def test_a_review_is_asked_for_in_time_or_not_at_all(cast, world):
    """REDRESS 文件未定，复核申请期限: ten working days."""
    case = make_case(world, "rejected")
    with time_machine.travel(in_days(30)):
        page = cast.subject.fill(
            f"/records/{case.record.ref}/review", about_id=str(case.id), statement="迟到的申请。"
        )
        assert page.status_code == 409


def test_without_a_decision_there_is_nothing_to_review(cast, world):
    """Neither offered nor taken: nothing was decided yet."""
    case = make_case(world, "accepted")
    page = cast.subject.read(f"/records/{case.record.ref}")
    assert f"/records/{case.record.ref}/review" not in page.links.values()
    page = cast.subject.get(f"/records/{case.record.ref}/review")
    assert not list(page.form.iter("option"))
    answer = cast.subject.send(page, f"/records/{case.record.ref}/review", statement="申请。")
    assert answer.status_code in {400, 409}


def test_a_refused_shielding_is_not_begun_anew_by_a_review(cast, world):
    """CN-2025-22 异议处理 is about objections and repairs; a court's matter is the court's."""
    record = make_record(world.firm, world.agency)
    shield = open_matter("shield", record, world.subject)
    act(world.reviewer, "refuse", shield)
    page = cast.subject.read(f"/records/{record.ref}")
    assert f"/records/{record.ref}/review" not in page.links.values()


def test_what_was_not_accepted_is_accepted_when_the_refusal_is_set_aside(cast, world):
    """《浙江省公共信用信息管理条例》第三十一条: a refusal can be reviewed like a rejection."""
    record = make_record(world.firm, world.agency)
    make_sanction(record, world.officer)
    case = make_case(world, "refused", record=record)
    ref = ask_for_review(cast.subject, case)
    take(cast.upper_reviewer, "propose_setting_aside", ref, reason="材料齐全，应予受理。")
    take(cast.second_upper_reviewer, "sign_setting_aside", ref)
    assert begun_anew(case).state == "accepted"
    assert ask_department(cast.officer, world.firm.uscc) == [False]


def test_a_refused_repair_that_is_set_aside_becomes_a_new_draft(cast, world):
    """CN-2025-22 异议处理（参照）: begun anew, with its checklist, in the enterprise's hands."""
    case = make_case(world, "refusal_proposed", workflow="repair")
    act(world.second_reviewer, "sign_refusal", case)
    case = case_of(case.ref)
    assert case.state == "not_granted"
    ref = ask_for_review(cast.subject, case)
    take(cast.upper_reviewer, "propose_setting_aside", ref, reason="整改已到位。")
    take(cast.second_upper_reviewer, "sign_setting_aside", ref)
    anew = begun_anew(case)
    assert anew.state == "draft"
    assert set(requirements_of(anew.ref)) == {"commitment", "rectification"}
    page = cast.subject.read(f"/cases/{anew.ref}")
    assert state_on(page) == "草稿"
    assert {"submit", "discard"} & steps_on(page, anew.ref)


def test_reviewers_who_disagree_look_again(cast, world):
    """REDRESS 复核意见不一致的，退回重新复核."""
    case = make_case(world, "rejected")
    ref = ask_for_review(cast.subject, case)
    take(cast.upper_reviewer, "propose_upholding", ref, reason="无误。")
    take(cast.second_upper_reviewer, "return_review", ref, reason="须核对原件。")
    assert case_of(ref).state == "submitted"
    take(cast.second_upper_reviewer, "propose_setting_aside", ref, reason="有误。")
    take(cast.upper_reviewer, "sign_setting_aside", ref)
    assert case_of(ref).state == "set_aside"


def test_a_mandate_for_objections_reaches_a_review_and_no_paper_of_a_repair(cast, world):
    """REDRESS 代理人依授权范围办理: the papers of a repair are for a mandate that reaches it."""
    case = make_case(world, "not_granted", workflow="repair")
    asked = open_matter("review", case.record, world.subject)
    paper = next(one for one in case_of(case.ref).documents).ref
    for client, found in ((cast.subject, 200), (cast.upper_reviewer, 200), (cast.agent, 404)):
        assert client.get(f"/cases/{asked.ref}").status_code == 200
        assert client.get(f"/documents/{paper}").status_code == found
        assert (paper in client.read(f"/cases/{asked.ref}").html) == (found == 200)
    own = make_case(world, "rejected")
    review = open_matter("review", own.record, world.subject)
    paper = next(one for one in case_of(own.ref).documents).ref
    assert paper in cast.agent.read(f"/cases/{review.ref}").html
    assert cast.agent.get(f"/documents/{paper}").status_code == 200
