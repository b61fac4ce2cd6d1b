"""What was asked for is said where it is brought; what was saved by mistake is taken back."""

import json
from decimal import Decimal

import pytest
from sqlalchemy import select

from repair_app.db import db
from repair_app.models import Document, Event
from tests.factories import make_case, make_record
from tests.journeys.steps import (
    PAPER,
    PROOF,
    Cast,
    apply_for_repair,
    case_of,
    dispute,
    ledger_is_whole,
    prove_rectification,
    requirements_of,
    sign_commitment,
    take,
)
from tests.web.test_answers import draft_objection, ref_of
from tests.web.test_pages import counted_queries

ASKED = ("复议决定书全文", "送达回证")


@pytest.fixture
def cast(world, as_):
    return Cast(world, as_)


def documents_of(ref: str) -> list[Document]:
    """Return the files of a matter."""
    return list(db.session.scalars(select(Document).where(Document.case_id == case_of(ref).id)))


def removal_of(ref: str, at: int = 0) -> str:
    """Return where a file of a matter is taken out."""
    return f"/documents/{documents_of(ref)[at].ref}/remove"


def send(client, address: str, **fields):
    """Send a form that has no page of its own."""
    return client.post(address, data={"csrf_token": client.token(), **fields})


# --- what is asked for ---


def asked_to_supplement(cast: Cast, world) -> str:
    """Return an objection that waits for a supplement."""
    ref = dispute(cast.subject, make_record(world.firm, world.agency))
    take(cast.reviewer, "ask_supplement", ref, missing="\n".join(ASKED))
    return ref


def test_what_is_asked_for_stands_on_the_form_and_on_the_start_page(cast, world):
    ref = asked_to_supplement(cast, world)
    for page in ("/my", f"/cases/{ref}/supplement"):
        words = cast.subject.read(page).words
        assert all(item in words for item in ASKED), page


def test_what_is_numbered_by_who_asks_gets_no_dots_before_its_numbers(cast, world):
    for missing, expected in (("1. 决定书\n2. 缴款凭证", True), ("决定书\n缴款凭证", False)):
        ref = dispute(cast.subject, make_record(world.firm, world.agency))
        take(cast.reviewer, "ask_supplement", ref, missing=missing)
        page = cast.subject.read(f"/cases/{ref}/supplement")
        assert bool(page.having("list-unstyled")) == expected, missing


def test_a_repair_says_so_too_and_another_matters_list_is_not_shown(cast, world):
    """Each matter has a list of its own."""
    ref = asked_to_supplement(cast, world)
    other = make_case(world, "supplement_asked", workflow="repair")
    words = cast.subject.read(f"/cases/{other.ref}/supplement").words
    assert "营业执照复印件" in words
    assert ASKED[0] not in words
    assert "营业执照复印件" not in cast.subject.read(f"/cases/{ref}/supplement").words


def test_what_is_asked_for_costs_the_start_page_one_question(cast, world):
    for _ in range(3):
        asked_to_supplement(cast, world)
    with counted_queries() as queries:
        cast.subject.read("/my")
    assert sum(one.startswith("SELECT event.") for one in queries) == 1


def test_a_supplement_is_checked_before_it_is_sent_and_keeps_its_files(cast, world):
    ref = asked_to_supplement(cast, world)
    address = f"/cases/{ref}/supplement"
    page = cast.subject.fill(address, button="check", statement="补正如下。", evidence=PROOF)
    assert page.status_code == 200
    assert case_of(ref).state == "supplement_asked"
    assert all(said in page.words for said in (*ASKED, "补正如下。", PROOF[1]))
    told = cast.subject.follow(cast.subject.send(page, address))
    assert PROOF[1] in told.alerts[0]
    assert case_of(ref).state == "submitted"
    assert PROOF[1] in {one.filename for one in documents_of(ref)}


def test_a_supplement_without_a_file_is_warned_about_and_may_be_sent(cast, world):
    ref = asked_to_supplement(cast, world)
    address = f"/cases/{ref}/supplement"
    page = cast.subject.fill(address, button="check", statement="见前。")
    assert any("尚未附上任何文件" in one for one in page.alerts)
    cast.subject.follow(cast.subject.send(page, address))
    assert case_of(ref).state == "submitted"


def test_a_supplement_that_says_nothing_is_not_ready_to_be_checked(cast, world):
    ref = asked_to_supplement(cast, world)
    page = cast.subject.fill(f"/cases/{ref}/supplement", button="check", statement="")
    assert page.status_code == 400
    assert page.mistakes
    assert "提交前请核对" not in page.words


# --- files of a draft ---


def test_a_wrong_file_of_a_draft_objection_is_taken_out_and_the_rest_stays(cast, world):
    record = make_record(world.firm, world.agency)
    ref = ref_of(draft_objection(cast, record, value_fine_10k="1.5"))
    take(cast.subject, "amend", ref, evidence=PROOF)
    for page in ("", "/amend", "/submit"):
        assert removal_of(ref) in cast.subject.read(f"/cases/{ref}{page}").html, page
    back = cast.subject.follow(send(cast.subject, removal_of(ref), back="submit"))
    assert back.request.path == f"/cases/{ref}/submit"
    assert [one.filename for one in documents_of(ref)] == [PROOF[1]]
    assert {one.field: one.proposed_value for one in case_of(ref).proposals} == {"fine_10k": "1.5"}
    assert case_of(ref).state == "draft"
    history = cast.subject.read(f"/cases/{ref}").words
    assert f"移除的文件 {PAPER[1]}" in history
    assert ledger_is_whole()
    cast.subject.follow(cast.subject.fill(f"/cases/{ref}/submit"))
    assert PAPER[1] not in cast.reviewer.read(f"/cases/{ref}").words


def test_a_draft_objection_without_its_last_file_asks_for_one_again(cast, world):
    ref = ref_of(draft_objection(cast, make_record(world.firm, world.agency)))
    send(cast.subject, removal_of(ref))
    assert not documents_of(ref)
    page = cast.subject.post(
        f"/cases/{ref}/submit",
        data={"csrf_token": cast.subject.token(), "form_token": "a", "version": "9"},
    )
    assert page.status_code == 409
    assert case_of(ref).state == "draft"


def test_the_only_proof_of_a_repair_is_replaced_before_it_is_taken_out(cast, world):
    ref = apply_for_repair(cast.subject, make_record(world.firm, world.agency))
    prove_rectification(cast.subject, ref)
    assert send(cast.subject, removal_of(ref)).status_code == 409
    proof = requirements_of(ref)["rectification"].ref
    take(cast.subject, "add_proof", proof, "requirements", evidence=PAPER)
    answer = send(cast.subject, removal_of(ref))
    assert answer.status_code == 302
    assert [one.filename for one in documents_of(ref)] == [PAPER[1]]


def test_a_file_of_a_draft_is_taken_out_by_whose_draft_it_is_only_and_by_a_form(
    cast, world, anybody
):
    ref = ref_of(draft_objection(cast, make_record(world.firm, world.agency)))
    address = removal_of(ref)
    for client in (cast.provider, cast.reviewer):
        assert send(client, address).status_code in {403, 404}
    assert cast.subject.get(address).status_code == 405
    assert cast.subject.post(address).status_code == 400  # without a token of the session
    assert send(cast.subject, "/documents/WJ-2026-999999-0/remove").status_code == 404
    assert len(documents_of(ref)) == 1


def test_a_file_that_was_filed_stays(cast, world):
    ref = dispute(cast.subject, make_record(world.firm, world.agency))
    events = db.session.scalars(select(Event.id).where(Event.stream == ref)).all()
    assert send(cast.subject, removal_of(ref)).status_code == 409
    assert len(documents_of(ref)) == 1
    assert db.session.scalars(select(Event.id).where(Event.stream == ref)).all() == events
    assert removal_of(ref) not in cast.subject.read(f"/cases/{ref}").html


# --- the proof of a repair ---


def test_the_proof_is_changed_from_what_was_said_without_another_file(cast, world):
    ref = apply_for_repair(cast.subject, make_record(world.firm, world.agency))
    prove_rectification(cast.subject, ref)
    sign_commitment(cast.subject, ref)
    proof = requirements_of(ref)["rectification"].ref
    page = cast.subject.read(f"/requirements/{proof}/add_proof")
    assert page.fields["statement"] == "罚款缴款凭证。"
    assert PROOF[1] in page.words
    take(cast.subject, "add_proof", proof, "requirements", statement="罚款已缴清，见凭证。")
    checked = cast.subject.read(f"/cases/{ref}/submit").words
    assert "罚款已缴清，见凭证。" in checked
    assert "罚款缴款凭证。" not in checked
    assert [one.filename for one in documents_of(ref)] == [PROOF[1]]
    last = db.session.scalars(
        select(Event.payload).where(Event.entity == proof).order_by(Event.id.desc())
    ).first()
    assert json.loads(last)["facts"] == {}


def test_the_first_proof_needs_a_file(cast, world):
    ref = apply_for_repair(cast.subject, make_record(world.firm, world.agency))
    proof = requirements_of(ref)["rectification"].ref
    page = cast.subject.fill(f"/requirements/{proof}/submit_proof", statement="已缴清。")
    assert page.status_code == 400
    assert requirements_of(ref)["rectification"].state == "owed"


# --- what a correction leaves behind ---


def test_an_old_amount_in_the_text_of_the_penalty_is_pointed_out_and_bars_nothing(cast, world):
    record = make_record(
        world.firm, world.agency, fine_10k=Decimal("1.9"), penalty_content="处罚款人民币1.9万元"
    )
    page = draft_objection(cast, record, value_fine_10k="1.5")
    assert any("处罚内容" in one and "19,000" in one for one in page.alerts)
    ref = ref_of(page)
    take(cast.subject, "amend", ref, value_penalty_content="处罚款人民币1.5万元")
    page = cast.subject.read(f"/cases/{ref}/submit")
    assert not any("原金额" in one for one in page.alerts)
