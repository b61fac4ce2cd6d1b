"""What was answered: seen before it is sent, changed where it stands, asked again by its name."""

from dataclasses import replace

import pytest
import time_machine
from sqlalchemy import delete, select, update

from repair_app.db import db
from repair_app.models import Case, Event, EventText, Letter, Requirement, Role
from repair_app.services import portal
from repair_app.services.policy import current_policy
from repair_app.services.transaction import transaction
from tests.client import Page, text_of
from tests.factories import PDF, make_account, make_case, make_record, requirement_of
from tests.journeys.steps import (
    PAPER,
    PROOF,
    Cast,
    apply_for_repair,
    case_of,
    dispute,
    in_days,
    ledger_is_whole,
    prove_rectification,
    ref_in,
    requirements_of,
    sign_commitment,
    take,
    try_to,
)
from tests.versions import EXTENSION
from tests.web.test_drafts import save
from tests.web.test_pages import counted_queries

TURNED = "\u202e\u2066"  # right to left, isolated


@pytest.fixture
def cast(world, as_):
    return Cast(world, as_)


def draft_objection(cast: Cast, record, **values: str) -> Page:
    """Begin an objection on its page; return the page on which its answers are checked."""
    answers = {"ground": "error", "statement": "金额登记有误。", "evidence": PAPER, **values}
    return cast.subject.follow(cast.subject.fill(f"/records/{record.ref}/objection", **answers))


def ref_of(page: Page) -> str:
    """Return the reference in the address of a page of a matter."""
    return page.request.path.split("/")[2]


def with_focus(page: Page) -> list[str]:
    """Return what a page puts the cursor on: the names of fields, or what else it is."""
    return [
        one.get("name") or one.get("id", "")
        for one in page.tree.iter()
        if one.get("autofocus") is not None
    ]


# --- the answers of a repair ---


def test_a_repair_is_checked_with_its_signatory_and_its_proof_and_the_ways_to_change(cast, world):
    repair = apply_for_repair(cast.subject, make_record(world.firm, world.agency))
    needs = {name: one.ref for name, one in requirements_of(repair).items()}
    take(cast.subject, "sign", needs["commitment"], "requirements", signatory="张虚构", agree="y")
    take(
        cast.subject,
        "submit_proof",
        needs["rectification"],
        "requirements",
        statement="罚款已于上月缴清。",
        evidence=PROOF,
    )
    page = cast.subject.read(f"/cases/{repair}/submit")
    for said in ("张虚构", "罚款已于上月缴清。", PROOF[1], world.firm.name):
        assert said in page.words, said
    assert f"/requirements/{needs['rectification']}/add_proof" in page.links.values()
    assert f"/requirements/{needs['commitment']}/sign_anew" in page.links.values()
    assert f"/cases/{repair}/amend#statement" in page.links.values()
    assert "不能修改" not in page.words


def test_a_repair_amended_in_its_draft_is_filed_as_it_was_amended(cast, world):
    ref = apply_for_repair(cast.subject, make_record(world.firm, world.agency))
    address = f"/cases/{ref}/amend"
    page = cast.subject.read(address)
    assert page.fields["statement"] == "罚款已缴清，计量器具已送检合格。"
    (button,) = [one for one in page.having("btn-primary") if one.tag == "button"]
    assert text_of(button) == "保存修改并核对"

    back = cast.subject.fill(address, statement=" ")
    assert back.status_code == 400
    assert any("请填写" in one for one in back.mistakes)
    assert "没有改动" in cast.subject.follow(cast.subject.fill(address)).alerts[0]

    told = cast.subject.follow(cast.subject.fill(address, statement="罚款已缴清，制度已建立。"))
    assert told.request.path == f"/cases/{ref}/submit"
    assert "整改情况" in told.alerts[0]
    assert "制度已建立" in told.words
    assert "计量器具已送检合格" not in told.words
    assert case_of(ref).state == "draft"

    sign_commitment(cast.subject, ref)
    prove_rectification(cast.subject, ref)
    take(cast.subject, "submit", ref)
    assert "制度已建立" in cast.reviewer.read(f"/cases/{ref}").words
    assert cast.subject.get(address).status_code == 409  # it was filed
    assert ledger_is_whole()


def test_only_the_enterprise_and_its_agent_amend_a_repair(cast, world):
    ref = apply_for_repair(cast.subject, make_record(world.firm, world.agency))
    address = f"/cases/{ref}/amend"
    stranger = cast.as_(make_account(world.other_firm, Role.SUBJECT))
    assert stranger.get(address).status_code == 404
    assert cast.reviewer.get(address).status_code == 404
    agent = make_account(world.firm, Role.AGENT, scope=["repair"])
    told = take(cast.as_(agent), "amend", ref, statement="由代理人改写。")
    assert "由代理人改写。" in told.words


# --- signing anew ---


def commitments_of(ref: str) -> list[Letter]:
    """Return the letters of commitment of a matter, oldest first."""
    db.session.rollback()
    letters = select(Letter).join(Case).where(Case.ref == ref, Letter.kind == "commitment")
    return list(db.session.scalars(letters.order_by(Letter.id)))


def sign_anew(client, ref: str, name: str) -> Page:
    """Sign the commitment of a draft once more, by another name."""
    need = requirements_of(ref)["commitment"].ref
    return take(client, "sign_anew", need, "requirements", signatory=name, agree="y")


def test_a_commitment_signed_anew_in_a_draft_takes_the_place_of_the_first(cast, world):
    ref = apply_for_repair(cast.subject, make_record(world.firm, world.agency))
    sign_commitment(cast.subject, ref)
    need = requirements_of(ref)["commitment"].ref
    (first,) = commitments_of(ref)
    address = f"/requirements/{need}/sign_anew"
    page = cast.subject.read(address)
    assert page.fields["signatory"] == "张虚构"
    assert "取代此前签署" in page.words
    back = cast.subject.fill(address, signatory="王虚构")
    assert back.status_code == 400  # it is agreed to anew
    assert back.fields["signatory"] == "王虚构"

    told = sign_anew(cast.subject, ref, "王虚构")
    assert any("申请尚未提交" in one for one in told.alerts)
    earlier, later = commitments_of(ref)
    assert (earlier.ref, earlier.stands) == (first.ref, False)
    assert later.stands
    assert "王虚构" in str(later.content)
    assert "张虚构" not in str(later.content)
    assert requirements_of(ref)["commitment"].state == "signed"

    check = cast.subject.read(f"/cases/{ref}/submit").words
    assert "王虚构" in check
    assert "张虚构" not in check
    bodies = db.session.scalars(select(EventText.body).join(Event).where(Event.entity == need))
    written = "".join(filter(None, bodies))
    assert "张虚构" in written  # what was signed before stays in the history
    assert "王虚构" in written
    assert ledger_is_whole()

    prove_rectification(cast.subject, ref)
    take(cast.subject, "submit", ref)
    take(cast.reviewer, "accept", ref)
    assert requirements_of(ref)["commitment"].state == "published"
    assert [one.stands for one in commitments_of(ref)] == [False, True]


def test_what_was_filed_with_the_application_is_not_signed_anew(cast, world):
    """Not while it waits for acceptance, nor while a supplement is asked for."""
    ref = apply_for_repair(cast.subject, make_record(world.firm, world.agency))
    sign_commitment(cast.subject, ref)
    prove_rectification(cast.subject, ref)
    need = requirements_of(ref)["commitment"].ref
    address = f"/requirements/{need}/sign_anew"
    drawn = cast.subject.read(address)
    sent = {name: drawn.fields[name] for name in ("csrf_token", "form_token", "version")}
    take(cast.subject, "submit", ref)
    for step in ((), ("ask_supplement",)):
        for name in step:
            take(cast.reviewer, name, ref, missing="缴款凭证")
        assert address not in cast.subject.read(f"/cases/{ref}").links.values()
        late = cast.subject.post(address, data={**sent, "signatory": "王虚构", "agree": "y"})
        assert late.status_code == 409
        assert "申请已经提交" in late.text
    assert requirements_of(ref)["commitment"].state == "signed"
    assert [one.stands for one in commitments_of(ref)] == [True]


def test_the_commitment_is_signed_anew_by_the_enterprise_alone(cast, world):
    ref = apply_for_repair(cast.subject, make_record(world.firm, world.agency))
    sign_commitment(cast.subject, ref)
    need = requirements_of(ref)["commitment"].ref
    agent = cast.as_(make_account(world.firm, Role.AGENT, scope=["repair"]))
    check = agent.read(f"/cases/{ref}/submit")
    assert f"/requirements/{need}/sign_anew" not in check.links.values()
    assert "只能由企业本单位修改" in check.words
    stranger = cast.as_(make_account(world.other_firm, Role.SUBJECT))
    for other, status in ((agent, 403), (stranger, 404)):
        assert other.get(f"/requirements/{need}/sign_anew").status_code == status


def test_a_draft_of_an_earlier_version_says_what_cannot_be_changed(cast, world, app, monkeypatch):
    policy = current_policy()
    earlier = {name: policy.workflows[name, "2026.3"] for name in ("repair", "commitment")}
    before = replace(policy, current={**policy.current, **earlier})
    with monkeypatch.context() as then:
        then.setitem(app.extensions, EXTENSION, before)
        ref = apply_for_repair(cast.subject, make_record(world.firm, world.agency))
        sign_commitment(cast.subject, ref)
    page = cast.subject.read(f"/cases/{ref}/submit")
    assert "不能修改" in page.words
    assert f"/cases/{ref}/discard" in page.links.values()
    assert f"/cases/{ref}/amend#statement" not in page.links.values()


# --- changing an answer ---


def test_each_change_leads_to_its_field(cast, world):
    check = draft_objection(cast, make_record(world.firm, world.agency), value_fine_10k="1.5")
    amend = f"/cases/{ref_of(check)}/amend"
    places = {one.split("#")[1] for one in check.links.values() if one.startswith(f"{amend}#")}
    # The text of the penalty, which names the fine as well, is asked about.
    assert places == {
        "ground",
        "statement",
        "value_fine_10k",
        "value_penalty_content",
        "evidence",
    }
    case = cast.subject.read(f"/cases/{ref_of(check)}")
    assert {f"{amend}#statement", f"{amend}#evidence"} <= set(case.links.values())
    page = cast.subject.read(amend)
    assert all(page.tree.find(f".//*[@id='{one}']") is not None for one in places)


def test_amending_changes_the_ground_shows_the_files_and_says_what_was_saved(cast, world):
    check = draft_objection(cast, make_record(world.firm, world.agency), value_fine_10k="1.5")
    ref = ref_of(check)
    address = f"/cases/{ref}/amend"
    page = cast.subject.read(address)
    assert page.fields["ground"] == "error"
    assert PAPER[1] in page.words
    (button,) = [one for one in page.having("btn-primary") if one.tag == "button"]
    assert text_of(button) == "保存修改并核对"

    told = cast.subject.follow(
        cast.subject.fill(
            address, ground="omission", value_fine_10k="1.6", evidence=(PDF + b"\n", "补充.pdf")
        )
    )
    assert told.request.path == f"/cases/{ref}/submit"
    for said in ("理由", "罚款金额", "补充.pdf"):
        assert said in told.alerts[0], said
    assert "为什么有误" not in told.alerts[0]  # what was said is as it was
    assert case_of(ref).ground == "omission"
    assert "信息有遗漏" in told.words
    assert "没有改动" in cast.subject.follow(cast.subject.fill(address)).alerts[0]


@pytest.mark.parametrize("state", ["accepted", "rejected"])
def test_a_draft_is_not_amended_to_a_ground_that_is_open_or_was_answered(cast, world, state):
    earlier = make_case(world, state)
    ref = ref_of(draft_objection(cast, earlier.record, ground="over_term"))
    back = try_to(cast.subject, "amend", ref, ground=earlier.ground, statement="换一个理由。")
    assert earlier.ref in " ".join(back.alerts)
    assert back.fields["statement"] == "换一个理由。"
    assert case_of(ref).ground == "over_term"


def test_the_files_that_were_filed_stand_beside_what_is_supplied(cast, world):
    ref = dispute(cast.subject, make_record(world.firm, world.agency))
    take(cast.reviewer, "ask_supplement", ref, missing="决定书全文")
    assert PAPER[1] in cast.subject.read(f"/cases/{ref}/supplement").words
    told = take(cast.subject, "supplement", ref, statement="补正如下。", evidence=PROOF)
    assert PROOF[1] in told.alerts[0]


# --- amounts, which the format states in 10k yuan ---


def told_of_amount(page: Page, name: str):
    """Return what a page tells about an amount, and in it the doubt about its unit, if any."""
    (told,) = [one for one in page.tree.iter() if one.get("data-yuan") == name]
    doubts = [one for one in told.iter() if one.get("data-doubt") is not None]
    return told, *(doubts or [None])


def test_an_amount_is_told_in_yuan_and_a_mistaken_unit_is_asked_about(cast, world):
    record = make_record(world.firm, world.agency)  # fined 20 000 yuan
    answer = cast.subject.fill(
        f"/records/{record.ref}/objection",
        button="submit_now",
        ground="error",
        statement="罚款应为三千元。",
        value_fine_10k="3000",
        evidence=PAPER,
    )
    check = cast.subject.follow(answer)
    assert check.request.path == f"/cases/{ref_in(answer)}/submit"  # looked at first
    asked = next(one for one in check.alerts if "30,000,000 元" in one)
    assert "20,000 元" in asked
    page = cast.subject.read(f"/cases/{ref_of(check)}/amend")
    told, doubt = told_of_amount(page, "value_fine_10k")
    assert "30,000,000 元" in text_of(told)
    assert doubt.get("hidden") is None

    right = cast.subject.follow(
        cast.subject.fill(f"/cases/{ref_of(check)}/amend", value_fine_10k="0.3")
    )
    assert "3,000 元" in right.words
    assert not any("千倍" in one for one in right.alerts)


def test_what_an_amount_is_describes_its_field_and_only_a_doubt_is_told_aloud(cast, world):
    record = make_record(world.firm, world.agency)  # fined 20 000 yuan, nothing confiscated
    page = cast.subject.read(f"/records/{record.ref}/objection")
    for name, has_doubt in (("value_fine_10k", True), ("value_confiscation_10k", False)):
        told, doubt = told_of_amount(page, name)
        field = page.tree.find(f".//*[@id='{name}']")
        assert field.get("aria-describedby") == told.get("id")
        assert (told.get("role"), doubt is not None) == (None, has_doubt)
        aloud = [text_of(one) for one in told.iter() if one.get("role") == "status"]
        assert aloud == ([text_of(doubt)] if has_doubt else [])
        if has_doubt:
            assert doubt.get("hidden") is not None
        else:
            assert "记录为" not in text_of(told)


def test_a_doubtful_amount_is_no_bar(cast, world):
    record = make_record(world.firm, world.agency)
    ref = ref_of(draft_objection(cast, record, value_fine_10k="3000"))
    assert take(cast.subject, "submit", ref).request.path == f"/my/receipts/{ref}"


# --- drafts on the start page ---


def test_a_draft_says_what_it_is_how_far_and_how_to_go_on(cast, world):
    begun = make_record(world.firm, world.agency)
    save(cast.subject, f"/records/{begun.ref}/objection", statement="还没写完")
    repair = apply_for_repair(cast.subject, make_record(world.firm, world.agency))
    page = cast.subject.read("/my")
    ours = text_of(page.tree.find(".//*[@id='ours']"))
    assert f"提出异议 {begun.decision_no}" in ours or f"信用信息异议 {begun.decision_no}" in ours
    assert begun.ref not in ours
    assert "第 2 步，共 4 步" in ours
    assert f"/cases/{repair}" in page.links.values()

    need = requirement_of(case_of(repair), "commitment").ref
    take(cast.subject, "sign", need, "requirements", signatory="张虚构", agree="y")
    assert "第 3 步，共 4 步：失信行为整改证明" in cast.subject.read("/my").words


def test_a_form_that_is_kept_is_told_of_once(cast, world):
    save(
        cast.subject, f"/cases/{make_case(world, 'supplement_asked').ref}/supplement", statement=""
    )
    ours = text_of(cast.subject.read("/my").tree.find(".//*[@id='ours']"))
    assert ours.count("未提交") == 1
    assert "尚未发送" not in ours


@pytest.mark.parametrize("severity", ["general", "serious"])
def test_a_form_announces_the_steps_in_the_order_in_which_the_start_page_counts(
    cast, world, severity
):
    record = make_record(world.firm, world.agency, severity=severity, decided_days_ago=300)
    form = cast.subject.read(f"/records/{record.ref}/repair").words
    ref = apply_for_repair(cast.subject, record)
    names = [one.label.zh for one in portal.list_parts(case_of(ref))[1:]]
    assert len(names) == len(requirements_of(ref))
    assert "接下来：" + "、".join(names) in form
    assert f"第 1 步，共 {len(names) + 2} 步" in form
    assert f"第 2 步，共 {len(names) + 2} 步：{names[0]}" in cast.subject.read("/my").words


def tasks_and_parts(cast: Cast, ref: str):
    """Return what a draft asks for and what of it is there: by its tasks, and by its progress."""
    case = case_of(ref)
    tasks = [(one.label, one.done) for one in portal.list_tasks(cast.world.subject, case)]
    parts = [(one.label, one.done) for one in portal.list_parts(case)]
    progress = portal.progress_of(case)
    assert progress.steps == len(parts) + 1
    missing = [label for label, done in tasks if not done]  # the start page names the first
    assert progress.next == (missing[0] if missing else portal.CHECK)
    return sorted(tasks, key=str), sorted(parts, key=str)


@pytest.mark.parametrize("severity", ["general", "serious"])
def test_how_far_a_repair_is_agrees_with_its_tasks(cast, world, severity):
    record = make_record(world.firm, world.agency, severity=severity, decided_days_ago=300)
    ref = apply_for_repair(cast.subject, record)
    steps = (None, sign_commitment, prove_rectification, without_proof)
    for step in steps:
        if step:
            step(cast.subject, ref)
        tasks, parts = tasks_and_parts(cast, ref)
        assert sorted([*tasks, (portal.SAID, True)], key=str) == parts, step


def without_proof(_client, ref: str) -> None:
    """Let a repair be one that asks for no proof: then its papers are a part by themselves."""
    case = case_of(ref)
    with transaction() as session:
        session.execute(
            delete(Requirement).where(
                Requirement.case_id == case.id, Requirement.workflow == "rectification"
            )
        )


def test_how_far_an_objection_is_agrees_with_its_tasks(cast, world):
    for paper in ({"evidence": PAPER}, {"evidence": (b"", "")}):
        record = make_record(world.firm, world.agency)
        tasks, parts = tasks_and_parts(cast, ref_of(draft_objection(cast, record, **paper)))
        assert tasks == parts


def test_how_far_drafts_are_costs_no_question_for_each(cast, world):
    asked = []
    for _ in range(2):
        apply_for_repair(cast.subject, make_record(world.firm, world.agency))
        make_case(world, "draft")
        cast.subject.read("/my")
        with counted_queries() as queries:
            cast.subject.read("/my")
        asked.append(len(queries))
    assert asked[0] == asked[1]


def test_the_form_of_a_repair_says_that_it_begins_a_draft(cast, world):
    record = make_record(world.firm, world.agency)
    page = cast.subject.read(f"/records/{record.ref}/repair")
    assert "第 1 步，共 4 步" in page.words
    assert "尚未提交" in page.words
    (button,) = [one for one in page.having("btn-primary") if one.tag == "button"]
    assert text_of(button) == "保存草稿并继续"
    begun = cast.subject.follow(cast.subject.fill(page.request.path, statement="已整改。"))
    assert any("尚未提交" in one for one in begun.alerts)
    need = requirement_of(case_of(ref_of(begun)), "commitment").ref
    signed = take(cast.subject, "sign", need, "requirements", signatory="张虚构", agree="y")
    assert any("申请尚未提交" in one for one in signed.alerts)


# --- states ---


def test_what_is_only_handed_in_is_not_green(cast, world):
    repair = apply_for_repair(cast.subject, make_record(world.firm, world.agency))
    proof = requirement_of(case_of(repair), "rectification").ref
    take(cast.subject, "submit_proof", proof, "requirements", statement="已缴清。", evidence=PAPER)
    page = cast.subject.read(f"/cases/{repair}")
    assert page.having("state")
    assert page.having("good") == []


@pytest.mark.parametrize(("state", "look"), [("set_aside", "held"), ("weighed", "good")])
def test_what_was_not_proved_is_not_green_either(cast, world, state, look):
    ref = apply_for_repair(cast.subject, make_record(world.firm, world.agency, severity="minor"))
    take(cast.subject, "add_factor", ref)
    with transaction() as session:
        session.execute(update(Case).where(Case.ref == ref).values(state="submitted"))
        service = Requirement.workflow == "public_service"
        session.execute(update(Requirement).where(service).values(state=state))
    page = cast.subject.read(f"/cases/{ref}")
    label = {"set_aside": "证明不足，不作参考", "weighed": "已作为参考因素"}[state]
    (badge,) = [one for one in page.having("state") if text_of(one) == label]
    assert look in badge.get("class").split()


def test_that_a_term_is_over_is_said_once(cast, world):
    """The row of the start page, and the matter's own."""
    case = make_case(world, "supplement_asked")
    with time_machine.travel(in_days(60)):
        row = text_of(cast.subject.read("/my").tree.find(".//*[@id='ours']//summary"))
        steps = text_of(cast.subject.read(f"/cases/{case.ref}").tree.find(".//*[@id='steps']"))
    assert row.count("逾期") == 1
    assert steps.split("本环节期限")[1].split("期限")[0].count("逾期") == 1


# --- what is missing in a form ---


def test_a_field_that_was_left_out_is_asked_for_by_its_name(cast, world):
    record = make_record(world.firm, world.agency)
    back = cast.subject.fill(f"/records/{record.ref}/objection", statement=" ")
    assert back.status_code == 400
    assert any(one.startswith("请填写") and len(one) > len("请填写") for one in back.mistakes)

    repair = apply_for_repair(cast.subject, record)
    sign = f"/requirements/{requirement_of(case_of(repair), 'commitment').ref}/sign"
    back = cast.subject.fill(sign, signatory="")
    assert any("请填写法定代表人" in one for one in back.mistakes)
    assert any(one.startswith("请勾选") for one in back.mistakes)
    assert not any("必填" in one for one in back.mistakes)


def test_a_step_begins_at_its_first_field_and_after_a_refusal_at_what_is_wrong(cast, world):
    address = f"/records/{make_record(world.firm, world.agency).ref}"
    assert with_focus(cast.subject.read(f"{address}/objection")) == ["ground"]
    back = cast.subject.fill(f"{address}/repair", statement="")
    assert with_focus(back) == ["mistakes"]

    repair = apply_for_repair(cast.subject, make_record(world.firm, world.agency))
    assert with_focus(cast.subject.read(f"/cases/{repair}/amend")) == ["statement"]
    refused = try_to(cast.subject, "submit", repair)
    assert with_focus(refused) == ["refusal"]


def test_the_cursor_does_not_skip_what_is_to_be_read_before_the_form(cast, world):
    record = make_record(world.firm, world.agency)
    objection, repair = f"/records/{record.ref}/objection", f"/records/{record.ref}/repair"
    assert with_focus(cast.subject.read(repair)) == []  # step 1 of so many: nothing is sent yet
    save(cast.subject, objection, statement="还没写完")
    assert with_focus(cast.subject.read(objection)) == []  # what was typed is here again
    dispute(cast.subject, record)
    assert with_focus(cast.subject.read(objection)) == []  # one stands already
    draft = apply_for_repair(cast.subject, record)
    sign = f"/requirements/{requirements_of(draft)['commitment'].ref}/sign"
    assert with_focus(cast.subject.read(sign)) == []  # the prescribed text


# --- marks of writing direction ---


def test_marks_of_writing_direction_are_not_kept_in_what_is_said(cast, world):
    record = make_record(world.firm, world.agency)
    check = draft_objection(cast, record, statement=f"金额{TURNED}有误\u200f。")
    assert "金额有误。" in check.words
    bodies = db.session.scalars(select(EventText.body)).all()
    assert not any(mark in str(bodies) for mark in (*TURNED, "\u200f", "\\u202e"))


def test_marks_of_writing_direction_are_not_kept_in_the_name_of_a_file(cast, world):
    record = make_record(world.firm, world.agency)
    paper = (PDF, f"收据{TURNED}fdp.exe.pdf")
    ref = ref_of(draft_objection(cast, record, evidence=paper))
    assert [one.filename for one in case_of(ref).documents] == ["收据fdp.exe.pdf"]
    back = cast.subject.fill(f"/cases/{ref}/amend", evidence=(b"<html>", f"网页{TURNED}.pdf"))
    assert any("“网页.pdf”" in one for one in back.mistakes)
