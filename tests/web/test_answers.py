"""What was answered: seen before it is sent, changed where it stands, asked again by its name."""

import pytest
import time_machine
from sqlalchemy import select, update

from repair_app.db import db
from repair_app.models import Case, EventText, Requirement
from repair_app.services.transaction import transaction
from tests.client import Page, text_of
from tests.factories import PDF, make_case, make_record, requirement_of
from tests.journeys.steps import (
    PAPER,
    PROOF,
    Cast,
    apply_for_repair,
    case_of,
    dispute,
    in_days,
    ref_in,
    requirements_of,
    take,
    try_to,
)
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
    # A signed commitment has no step back: the page says so, and what can be done.
    assert "不能修改" in page.words
    assert f"/cases/{repair}/discard" in page.links.values()


# --- changing an answer ---


def test_each_change_leads_to_its_field(cast, world):
    check = draft_objection(cast, make_record(world.firm, world.agency), value_fine_10k="1.5")
    amend = f"/cases/{ref_of(check)}/amend"
    places = {one.split("#")[1] for one in check.links.values() if one.startswith(f"{amend}#")}
    assert places == {"ground", "statement", "value_fine_10k", "evidence"}
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
    (told,) = [one for one in page.tree.iter() if one.get("data-yuan") == "value_fine_10k"]
    assert "30,000,000 元" in text_of(told)
    (doubt,) = [one for one in told if one.get("data-doubt") is not None]
    assert doubt.get("hidden") is None

    right = cast.subject.follow(
        cast.subject.fill(f"/cases/{ref_of(check)}/amend", value_fine_10k="0.3")
    )
    assert "3,000 元" in right.words
    assert not any("千倍" in one for one in right.alerts)


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
    assert with_focus(cast.subject.read(f"{address}/repair")) == ["statement"]
    back = cast.subject.fill(f"{address}/repair", statement="")
    assert with_focus(back) == ["mistakes"]

    repair = apply_for_repair(cast.subject, make_record(world.firm, world.agency))
    refused = try_to(cast.subject, "submit", repair)
    assert with_focus(refused) == ["refusal"]


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
