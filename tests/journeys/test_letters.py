"""Letters: each is issued by its step, read by whom it is for, verified by anybody who has it."""

import re
import shutil
from datetime import timedelta
from io import BytesIO

import pytest
import time_machine
from flask_limiter import Limiter
from flask_limiter.util import get_remote_address
from pypdf import PdfReader
from sqlalchemy import select

from config import ROOT, TestConfig
from repair_app import create_app, limits
from repair_app.db import db, now, today
from repair_app.models import Case, CreditRecord, Letter, Role
from repair_app.services import letters
from repair_app.services.policy import current_policy
from tests import versions
from tests.client import make_client, text_of
from tests.factories import make_account, make_case, make_pdf, make_record, make_sanction
from tests.journeys.steps import (
    PROOF,
    accept_and_forward,
    annul,
    apply_for_repair,
    begin,
    case_of,
    decided,
    dispute,
    in_days,
    prove_rectification,
    ref_in,
    requirements_of,
    ruling,
    sign_commitment,
    take,
)
from tests.journeys.test_loop import reach_a_person
from tests.journeys.test_remedy import carried_out_in_verification, remedies, undo
from tests.journeys.test_review import ask_for_review
from tests.journeys.test_talks import call, not_done
from tests.journeys.test_training import read_all, sit, study

ENGLISH = {"Accept-Language": "en"}


@pytest.fixture
def record(world):
    return make_record(world.firm, world.agency)


def letters_of(record, kind=None):
    """Return the letters about a record, oldest first."""
    db.session.rollback()
    query = select(Letter).where(Letter.record_id == record.id).order_by(Letter.id)
    return [one for one in db.session.scalars(query) if kind in {None, one.kind}]


def kinds_of(record):
    return [one.kind for one in letters_of(record)]


def letter_of(record, kind):
    (letter,) = letters_of(record, kind)
    return letter


def read_pdf(client, letter, lang="zh"):
    answer = client.read(f"/letters/{letter.ref}.pdf?lang={lang}")
    assert answer.mimetype == "application/pdf"
    return answer.data


def text_of_pdf(content):
    pages = PdfReader(BytesIO(content)).pages
    return "".join("".join(one.extract_text() for one in pages).split())


def verify(client, letter, **more):
    return client.get(f"/verify/{letter.code}", headers=ENGLISH, **more)


def reject(cast, ref):
    accept_and_forward(cast.reviewer, ref)
    take(cast.provider, "confirm", ref, findings="登记与决定书一致。")
    take(cast.reviewer, "announce_rejection", ref, reason="与决定书一致。")
    take(cast.subject, "state_views", ref, statement="金额应为1.5万元。")
    return take(cast.second_reviewer, "sign_rejection", ref, **decided("决定书载明罚款2万元。"))


def grant(cast, record):
    ref = apply_for_repair(cast.subject, record)
    sign_commitment(cast.subject, ref)
    prove_rectification(cast.subject, ref)
    take(cast.subject, "submit", ref)
    accept_and_forward(cast.reviewer, ref)
    take(cast.provider, "confirm_rectification", ref, findings="罚款已缴清。")
    take(cast.reviewer, "propose_grant", ref)
    take(cast.second_reviewer, "sign_grant", ref)
    return ref


# --- each by its step ---


def test_an_objection_that_is_rejected_writes_its_letters(cast, world, record):
    make_sanction(record, world.officer)
    ref = dispute(cast.subject, record, fine_10k="1.5")
    assert kinds_of(record) == ["receipt"]
    receipt = letter_of(record, "receipt")
    assert re.fullmatch(r"WS-\d{4}-000001-[0-9A-Z]", receipt.ref)
    assert len(receipt.code) >= 20
    assert receipt.organisation_id == world.firm.id
    reject(cast, ref)
    assert kinds_of(record) == [
        "receipt",
        "acceptance_of_objection",
        "suspension_notice",
        "verification_request",
        "adverse_notice",
        "result_for_departments",
        "decision_rejecting",
    ]
    assert letter_of(record, "suspension_notice").organisation_id == world.department.id
    assert letter_of(record, "verification_request").organisation_id == world.agency.id
    decision = text_of_pdf(read_pdf(cast.subject, letter_of(record, "decision_rejecting")))
    for said in ("登记与决定书一致。", "决定书载明罚款2万元。", "已听取并考虑陈述意见。", ref):
        assert said in decision
    assert "可以申请复核" in decision
    assert world.centre.name in decision
    notice = text_of_pdf(read_pdf(cast.subject, letter_of(record, "adverse_notice")))
    assert "与决定书一致。" in notice
    assert "个工作日" in notice  # how the term was counted
    assert "现将初步意见告知如下：拟驳回该异议，维持原信息。" in notice
    assert "你单位有权" in notice


def test_a_repair_writes_its_letters(cast, world, record):
    ref = grant(cast, record)
    take(cast.provider, "confirm_execution", ref)
    assert kinds_of(record) == [
        "commitment",
        "receipt",
        "acceptance_of_repair",
        "verification_request",
        "repair_grant",
        "cessation_order",
        "cessation_notice",
    ]
    assert letter_of(record, "cessation_order").organisation_id == world.agency.id
    deed = text_of_pdf(read_pdf(cast.subject, letter_of(record, "commitment")))
    assert "张虚构" in deed
    assert "同意将本承诺书向社会公开" in deed
    assert "罚款已缴清" in text_of_pdf(read_pdf(cast.subject, letter_of(record, "repair_grant")))


def test_what_is_missing_is_listed_and_the_list_falls_away(cast, record):
    ref = dispute(cast.subject, record)
    take(cast.reviewer, "ask_supplement", ref, missing="营业执照复印件\n缴款凭证")
    notice = letter_of(record, "supplement_notice")
    said = text_of_pdf(read_pdf(cast.subject, notice))
    assert "营业执照复印件缴款凭证" in said
    assert verify(cast.subject, notice).having("good")
    take(cast.subject, "supplement", ref, statement="已补齐。")
    assert not verify(cast.subject, notice).having("good")


def test_a_refusal_says_why_and_what_can_be_done(cast, record):
    ref = dispute(cast.subject, record)
    take(
        cast.reviewer,
        "refuse",
        ref,
        code="material_incomplete",
        reason="未附证据。",
        remedy="补齐证据后可再次提出。",
    )
    said = text_of_pdf(read_pdf(cast.subject, letter_of(record, "refusal")))
    for one in ("未附证据。", "补齐证据后可再次提出。", "申请复核"):
        assert one in said


def test_a_correction_is_told_field_by_field(cast, record):
    ref = dispute(cast.subject, record, fine_10k="1.5")
    accept_and_forward(cast.reviewer, ref)
    take(cast.provider, "propose_correction", ref, findings="录入有误。", value_fine_10k="1.5")
    take(cast.reviewer, "decide_correction", ref)
    take(cast.second_reviewer, "sign_correction", ref)
    said = text_of_pdf(read_pdf(cast.subject, letter_of(record, "decision_correcting")))
    assert "更正为“1.5”" in said
    assert "录入有误。" in said


def test_a_removal_and_its_cessation_order(cast, record):
    ref = dispute(cast.subject, record)
    accept_and_forward(cast.reviewer, ref)
    take(cast.provider, "propose_removal", ref, outcome="DELETED", findings="并无此事。")
    take(cast.reviewer, "decide_removal", ref)
    take(cast.second_reviewer, "sign_removal", ref)
    assert kinds_of(record)[-2:] == ["decision_removing", "cessation_order"]
    assert "并无此事。" in text_of_pdf(
        read_pdf(cast.subject, letter_of(record, "decision_removing"))
    )


def test_a_repair_that_is_not_granted(cast, record):
    ref = apply_for_repair(cast.subject, record)
    sign_commitment(cast.subject, ref)
    prove_rectification(cast.subject, ref)
    take(cast.subject, "submit", ref)
    accept_and_forward(cast.reviewer, ref)
    take(cast.provider, "find_lacking", ref, findings="罚款未缴。")
    page = cast.reviewer.get(f"/cases/{ref}/propose_refusal")
    form = {"reason": "罚款未缴清。", "remedy": "缴清后再申请。"}
    cast.reviewer.follow(cast.reviewer.send(page, f"/cases/{ref}/propose_refusal", **form))
    take(cast.second_reviewer, "sign_refusal", ref, **decided("罚款未缴清。"))
    said = text_of_pdf(read_pdf(cast.subject, letter_of(record, "repair_refusal")))
    assert "罚款未缴。" in said
    assert "最长公示至" in said


@pytest.mark.parametrize(
    ("workflow", "state"),
    [("objection", "executed"), ("objection", "removal_executed"), ("repair", "executed")],
)
def test_a_matter_that_the_provider_left_unconfirmed_is_closed_by_letter(
    cast, world, anybody, workflow, state
):
    case = make_case(world, state, workflow=workflow)
    with time_machine.travel(in_days(60)):
        take(cast.reviewer, "close_unconfirmed", case.ref, reason="经查，其平台已同步。")
        letter = letter_of(case.record, "closing_notice")
        assert letter.organisation_id == world.firm.id
        said = text_of_pdf(read_pdf(cast.subject, letter))
        for one in ("经查，其平台已同步。", world.agency.name, case.ref):
            assert one in said
        page = verify(anybody, letter)
        assert page.having("good")
        assert "did not confirm in time" in page.words
        assert "经查" not in page.words  # a person's words are in the letter only


def test_what_comes_back_on_file_is_decided_by_letter(cast, world, make_file):
    cast.provider.fill("/work/imports", file=(make_file(), "处罚.csv"))
    (record,) = db.session.scalars(select(CreditRecord)).all()
    make_case(world, "removal_executed", record=record)
    cast.provider.fill("/work/imports", file=(make_file(), "处罚.csv"))
    ref = db.session.scalars(select(Case.ref).where(Case.workflow == "quarantine")).one()
    take(cast.provider, "certify", ref, statement="经复查属实。", evidence=PROOF)
    take(cast.reviewer, "announce_release", ref, reason="证据充分。")
    take(cast.subject, "state_views", ref, statement="无意见。")
    draft = cast.second_reviewer.read(f"/cases/{ref}/release").having("letter-draft")
    assert "准予入库" in "".join(draft[0].itertext())
    take(cast.second_reviewer, "release", ref, **decided("再审维持原处罚。"))
    letter = letter_of(record, "release_decision")
    assert letter.organisation_id == world.firm.id
    said = text_of_pdf(read_pdf(cast.subject, letter))
    for one in ("再审维持原处罚。", "已听取并考虑陈述意见。", "可以申请复核。", ref):
        assert one in said
    assert not letter_of(record, "adverse_notice").stands


def test_an_annulment_tells_the_firm(cast, record):
    annul(cast, record)
    assert "withdrawal_notice" in kinds_of(record)


def test_a_shield_is_decided_by_letter(cast, record):
    ref = begin(cast.subject, "shield", record, **ruling())
    take(cast.reviewer, "propose_shield", ref)
    take(cast.second_reviewer, "sign_shield", ref)
    assert kinds_of(record) == ["receipt", "shield_decision"]


# --- who reads ---


def test_a_letter_is_for_its_addressee_and_officials_only(cast, world, record, anybody):
    make_sanction(record, world.officer)
    ref = dispute(cast.subject, record)
    accept_and_forward(cast.reviewer, ref)
    acceptance = letter_of(record, "acceptance_of_objection")
    request = letter_of(record, "verification_request")
    suspension = letter_of(record, "suspension_notice")
    for client in (cast.subject, cast.reviewer, cast.provider, cast.auditor):
        client.read(f"/letters/{acceptance.ref}.pdf")
    assert cast.subject.get(f"/letters/{request.ref}.pdf").status_code == 404
    assert cast.subject.get(f"/letters/{suspension.ref}.pdf").status_code == 404
    cast.provider.read(f"/letters/{request.ref}.pdf")
    cast.officer.read(f"/letters/{suspension.ref}.pdf")
    for client in (cast.stranger, cast.other_provider, cast.institution, cast.officer):
        assert client.get(f"/letters/{acceptance.ref}.pdf").status_code == 404
    assert anybody.get(f"/letters/{acceptance.ref}.pdf").status_code == 302
    assert cast.subject.get("/letters/WS-2026-999999-A.pdf").status_code == 404


def test_the_pages_list_what_the_reader_may_read(cast, world, record):
    ref = dispute(cast.subject, record)
    accept_and_forward(cast.reviewer, ref)
    request = letter_of(record, "verification_request")
    for address in (f"/cases/{ref}", f"/records/{record.ref}", "/my"):
        page = cast.subject.read(address)
        assert letter_of(record, "receipt").ref in page.words, address
        assert request.ref not in page.words, address
    assert request.ref in cast.provider.read(f"/cases/{ref}").words


def pages_of(client, address):
    """Return what pages that follow one another list: the numbers of letters, page by page."""
    found = []
    while address:
        page = client.read(address)
        found.append(re.findall(r'href="/letters/([^".]+)[.]pdf[?]lang=zh"', page.html))
        links = page.links.items()
        address = next((where for text, where in links if where.startswith("/letters?")), None)
    return found


def test_what_others_read_takes_no_place_in_a_list_and_all_are_reached(
    cast, world, record, monkeypatch
):
    """Letters to others, or beyond an agent's mandate, are left out before the page is cut."""
    monkeypatch.setattr(letters, "MOST", 2)
    ref = dispute(cast.subject, record, fine_10k="1.5")
    reject(cast, ref)
    grant(cast, record)
    own = [
        one
        for one in letters_of(record)
        if one.organisation_id == world.firm.id and not one.person_id
    ]
    of_objection = [one.ref for one in own if one.case.workflow == "objection"]
    all_of = [one.ref for one in own]
    assert 2 < len(of_objection) < len(all_of)
    for client, address, refs in (
        (cast.subject, "/letters", all_of),
        (cast.subject, f"/records/{record.ref}", all_of),
        (cast.subject, f"/cases/{ref}", of_objection),
        (cast.agent, "/letters", of_objection),
        (cast.agent, f"/letters?of={record.ref}", of_objection),
        (cast.reviewer, f"/letters?of={record.ref}", [one.ref for one in letters_of(record)]),
    ):
        found = pages_of(client, address)
        assert [one for page in found for one in page] == refs[::-1], address
        assert {len(page) for page in found[:-1]} == {2}
    for nothing in (f"/letters?of={ref}", "/letters?of=x", "/letters?of=YY-2026-999999-X"):
        assert cast.stranger.get(nothing).status_code == 404
    assert pages_of(cast.stranger, "/letters") == [[]]


# --- verifying ---


def test_a_grant_stands_until_it_is_revoked(cast, record, anybody):
    grant(cast, record)
    letter = letter_of(record, "repair_grant")
    page = verify(anybody, letter)
    assert page.status_code == 200
    assert page.headers["X-Robots-Tag"] == "noindex"
    assert page.having("good")
    for said in (record.decision_no, record.subject.name, letter.ref, "granted"):
        assert said in page.words
    assert "罚款已缴清" not in page.words  # a person's words are in the letter only
    ref = begin(
        cast.provider,
        "revocation",
        record,
        falsehood="false_material",
        reason="缴款凭证系伪造。",
        evidence=(make_pdf("鉴定"), "鉴定.pdf"),
    )
    assert verify(anybody, letter).having("good")
    take(cast.subject, "state_views", ref, statement="并非伪造。")
    take(cast.reviewer, "propose", ref, reason="伪造属实。")
    take(cast.second_reviewer, "sign", ref, **decided("伪造属实。"))
    page = verify(anybody, letter)
    assert not page.having("good")
    assert page.having("bad")
    assert "No longer stands" in page.words
    assert verify(anybody, letter_of(record, "revocation_decision")).having("good")
    said = text_of_pdf(read_pdf(cast.subject, letter_of(record, "revocation_decision")))
    assert "伪造属实。" in said


def test_a_number_alone_tells_little(cast, record, anybody):
    dispute(cast.subject, record)
    letter = letter_of(record, "receipt")
    for typed in (letter.ref.replace("-", ""), letter.ref.replace("-", "－"), letter.ref.lower()):
        page = anybody.follow(anybody.get(f"/verify?code={typed}"))
        assert page.status_code == 200
        assert letter.ref in page.words
        for hidden in (record.subject.name, record.decision_no, letter.content["case"]):
            assert hidden not in page.words


@pytest.mark.parametrize("code", ["x", "A" * 22, "WS-2026-000009-X", "%00", "名" * 30, "a" * 5000])
def test_an_unknown_code_helps_in_both_languages(anybody, code):
    page = anybody.get(f"/verify/{code}")
    assert page.status_code == 404
    assert "没有这样的文书" in page.words
    assert "There is no such letter" in page.words


def test_the_form_leads_to_the_letter(cast, record, anybody):
    dispute(cast.subject, record)
    letter = letter_of(record, "receipt")
    assert anybody.read("/verify").tree.find(".//main//input[@name='code']") is not None
    page = anybody.follow(anybody.get("/verify", query_string={"code": f" {letter.code} "}))
    assert record.decision_no in page.words


# --- the page itself ---


def test_the_same_letter_has_the_same_bytes(cast, record):
    dispute(cast.subject, record)
    letter = letter_of(record, "receipt")
    assert read_pdf(cast.subject, letter) == read_pdf(cast.reviewer, letter)
    assert read_pdf(cast.subject, letter) != read_pdf(cast.subject, letter, "en")


def test_the_printed_page_is_kept(app, cast, record, monkeypatch):
    dispute(cast.subject, record)
    assert letters.print_letters(now()) == 0  # nobody told where this site is
    monkeypatch.setitem(app.config, "BASE_URL", "https://redress.example")
    assert letters.print_letters(now()) == 1
    assert letters.print_letters(now()) == 0
    letter = letter_of(record, "receipt")
    assert letter.sha256
    kept = read_pdf(cast.subject, letter)
    assert f"https://redress.example/verify/{letter.code}" in text_of_pdf(kept)
    monkeypatch.setattr(letters.printing, "render", None)  # no need of it any more
    assert read_pdf(cast.subject, letter) == kept


def test_a_change_of_the_texts_reaches_only_what_is_issued_afterwards(
    app, cast, world, record, tmp_path, monkeypatch
):
    """The texts of letters.toml are no part of a version: a letter keeps the words of its day."""
    folder = shutil.copytree(ROOT / "workflows", tmp_path / "workflows")
    texts = (folder / "letters.toml").read_text(encoding="utf-8")
    old, new = "办理本事项不收取任何费用。", "办理本事项一律免费。"
    (folder / "letters.toml").write_text(texts.replace(old, new), encoding="utf-8")
    dispute(cast.subject, record)
    later = make_record(world.firm, world.agency)
    running = make_case(world, "draft", record=later).ref
    issued = letter_of(record, "receipt")
    before = read_pdf(cast.subject, issued)
    monkeypatch.setitem(app.extensions, versions.EXTENSION, versions.load(folder))
    assert read_pdf(cast.subject, issued) == before
    assert old in text_of_pdf(before)
    take(cast.subject, "submit", running)
    assert new in text_of_pdf(read_pdf(cast.subject, letter_of(later, "receipt")))


# --- before it is signed ---


def test_who_signs_reads_the_letter_first(cast, record):
    ref = dispute(cast.subject, record, fine_10k="1.5")
    accept_and_forward(cast.reviewer, ref)
    take(cast.provider, "propose_correction", ref, findings="录入有误。", value_fine_10k="1.5")
    first = cast.reviewer.read(f"/cases/{ref}/decide_correction")
    assert "更正为“1.5”" in first.words
    take(cast.reviewer, "decide_correction", ref)
    page = cast.second_reviewer.read(f"/cases/{ref}/sign_correction")
    (draft,) = page.having("letter-draft")
    assert "更正为“1.5”" in "".join(draft.itertext())
    assert "签发时填写" not in "".join(draft.itertext())  # this signature asks for no words
    link = next(url for text, url in page.links.items() if "PDF" in text)
    said = text_of_pdf(cast.second_reviewer.read(link).data)
    assert "草稿" in said
    assert "WS-" not in said
    assert kinds_of(record).count("decision_correcting") == 0  # nothing was kept
    assert cast.subject.get(link).status_code in {403, 404}


def shown_beside(page):
    """Return the words beside a signature: of the first decision, taken out of it, put into it."""
    (beside,) = [one for one in page.tree.iter("section") if one.get("id") == "first-decision"]
    gone, new = (["".join(one.itertext()) for one in beside.iter(tag)] for tag in ("del", "ins"))
    return "".join(beside.itertext()), gone, new


def compare(client, page, address, **typed):
    """Press the button that stands beside the form and belongs to it."""
    (button,) = [one for one in page.tree.iter("button") if one.get("name") == "compare"]
    assert button.get("form") == page.form.get("id")
    return client.post(address, data={**page.fields.to_dict(flat=False), **typed, "compare": "1"})


def test_beside_a_signature_stands_what_was_decided_first_and_what_the_signer_changes(cast, record):
    ref = dispute(cast.subject, record, fine_10k="1.5")
    accept_and_forward(cast.reviewer, ref)
    take(cast.provider, "confirm", ref, findings="登记一致。")
    take(cast.reviewer, "announce_rejection", ref, reason="决定书载明罚款2万元，应予驳回。")
    take(cast.subject, "state_views", ref, statement="金额应为1.5万元。")
    address = f"/cases/{ref}/sign_rejection"
    page = cast.second_reviewer.read(address)
    said, gone, new = shown_beside(page)
    assert "决定书载明罚款2万元，应予驳回。" in said
    assert gone == new == []
    typed = {"reason": "原决定书载明罚款3万元，应予驳回。"}
    page = compare(cast.second_reviewer, page, address, **typed)
    assert page.status_code == 200
    assert not page.mistakes
    _, gone, new = shown_beside(page)
    assert (gone, new) == (["2"], ["原", "3"])
    assert page.fields["reason"] == typed["reason"]
    assert case_of(ref).state == "rejection_heard"  # nothing was signed by that
    same = "决定书载明罚款2万元，应予驳回。"
    page = compare(cast.second_reviewer, page, address, reason=same)
    said, gone, new = shown_beside(page)
    assert "您保持原样。" in said or "You leave it as it is." in said
    assert gone == new == []
    # What is sent back for a mistake shows it as well; script is text.
    page = cast.second_reviewer.send(page, address, reason="<script>alert(1)</script>")
    assert page.status_code == 400
    assert "<script>alert" not in page.html
    assert shown_beside(page)[2]
    cast.second_reviewer.follow(cast.second_reviewer.send(page, address, **decided("驳回。")))
    assert case_of(ref).state == "rejected"


def test_a_signature_that_asks_for_no_words_changes_none(cast, record):
    ref = dispute(cast.subject, record, fine_10k="1.5")
    accept_and_forward(cast.reviewer, ref)
    take(cast.provider, "propose_correction", ref, findings="录入有误。", value_fine_10k="1.5")
    assert "first-decision" not in cast.reviewer.read(f"/cases/{ref}/decide_correction").html
    take(cast.reviewer, "decide_correction", ref, note="已核对决定书原件。")
    page = cast.second_reviewer.read(f"/cases/{ref}/sign_correction")
    assert "已核对决定书原件。" in shown_beside(page)[0]
    assert 'name="compare"' not in page.html


def test_what_the_signature_still_has_to_say_is_marked_as_open(cast, world):
    case = make_case(world, "rejection_heard")
    (draft,) = cast.second_reviewer.read(f"/cases/{case.ref}/sign_rejection").having("letter-draft")
    assert "理由：（签发时填写）" in "".join(draft.itertext())
    assert "经核查如下。" in "".join(draft.itertext())  # the findings are there already


def test_of_a_draft_only_what_its_step_decides_is_marked(cast, world):
    case = make_case(world, "rejection_heard")
    page = cast.second_reviewer.read(f"/cases/{case.ref}/sign_rejection")
    (draft,) = page.having("letter-draft")
    assert {text_of(one) for one in draft.iter("mark")} <= {"（签发时填写）", "（签发时确定）"}
    assert list(draft.iter("mark"))
    parts = [text_of(one) for one in next(draft.iter("ol"))]
    assert len(parts) > 1  # numbered, that one can speak of them
    assert any("经核查如下。" in one for one in parts)
    decides = cast.second_reviewer.read(
        f"/cases/{make_case(world, 'removal_decided').ref}/sign_removal"
    )
    drafts = decides.having("letter-draft")
    assert len(drafts) == 2
    assert [one.get("open") is not None for one in drafts] == [True, False]
    assert not list(drafts[0].iter("mark"))  # all of it is decided already
    assert "（（" not in decides.words


def test_own_letters_are_ended_only_by_their_own_matter(cast, world, record):
    other = make_record(world.firm, world.agency)
    first, second = dispute(cast.subject, record), dispute(cast.subject, other)
    for ref in (first, second):
        take(cast.reviewer, "accept", ref)
    take(cast.subject, "withdraw", first)
    assert not letter_of(record, "acceptance_of_objection").stands
    assert letter_of(other, "acceptance_of_objection").stands


# --- what surrounds an objection and a repair ---


def test_more_time_is_told_by_letter(cast, world):
    case = make_case(world, "with_provider", workflow="repair")
    take(cast.provider, "ask_extension", case.ref, reason="须实地核查。")
    take(cast.reviewer, "extend", case.ref, reason="同意延长。")
    said = text_of_pdf(read_pdf(cast.subject, letter_of(case.record, "extension_notice")))
    assert "同意延长。" in said
    assert "其中经批准延长" in said


def test_a_review_takes_back_the_decision_that_it_sets_aside_and_no_other(cast, world):
    case = make_case(world, "rejected")
    other = make_case(world, "rejected")
    decision = letter_of(case.record, "decision_rejecting")
    ref = ask_for_review(cast.subject, case)
    assert decision.stands
    take(cast.upper_reviewer, "propose_setting_aside", ref, reason="未核对决定书原件。")
    take(cast.second_upper_reviewer, "sign_setting_aside", ref)
    assert not letter_of(case.record, "decision_rejecting").stands
    assert letter_of(other.record, "decision_rejecting").stands
    # The objection that begins anew is accepted at once.
    assert kinds_of(case.record)[-2:] == ["acceptance_of_objection", "review_setting_aside"]
    said = text_of_pdf(read_pdf(cast.subject, letter_of(case.record, "review_setting_aside")))
    assert "未核对决定书原件。" in said
    assert world.upper_centre.name in said


def test_a_certificate_is_framed_numbered_and_verified(cast, world, anybody):
    record = make_record(world.firm, world.agency, severity="serious", decided_days_ago=400)
    ref = apply_for_repair(cast.subject, record)
    training = study(cast, ref)
    read_all(cast, training)
    sit(cast, training)
    take(cast.subject, "take_certificate", training, "requirements")
    letter = letter_of(record, "training_certificate")
    number = requirements_of(ref)["training"].number
    assert number in text_of_pdf(read_pdf(cast.subject, letter))
    assert number in verify(anybody, letter).words
    page = anybody.follow(anybody.get(f"/verify?code={number}"))  # as it is printed on it
    assert letter.ref in page.words
    assert record.decision_no not in page.words


def test_standing_is_restored_by_letter_until_it_is_sent_back(cast, world, anybody):
    record, _ = carried_out_in_verification(cast, world)
    (case,) = remedies(record)
    undo(cast, case.ref)
    letter = letter_of(record, "restoration_notice")
    said = text_of_pdf(read_pdf(cast.subject, letter))
    assert "你单位的投标资格已恢复。" in said
    assert world.department.name in said
    assert "投标资格" not in verify(anybody, letter).words
    cast.officer.read(f"/letters/{letter.ref}.pdf")  # who wrote it
    take(cast.reviewer, "return_undoing", case.ref, reason="仍有影响。")
    assert verify(anybody, letter).having("bad")


def test_a_talk_that_is_moved_is_called_anew(cast, record):
    order_ref = not_done(cast, record)
    assert order_ref
    ref = ref_in(call(cast, record))
    first = letter_of(record, "talk_notice")
    day = today() + timedelta(days=9)
    take(cast.provider, "move", ref, meets_on=day.isoformat(), place="二楼", agenda="督促整改。")
    called = letters_of(record, "talk_notice")
    assert [one.stands for one in called] == [False, True]
    assert called[0].ref == first.ref
    written = text_of_pdf(read_pdf(cast.subject, called[1]))
    assert "二楼" in written
    assert f"{day.year}年{day.month}月{day.day}日" in written
    assert "rectification_notice" in kinds_of(record)


def test_what_a_person_files_is_answered_to_the_person_alone(cast, world, as_, anybody):
    """…四（十四）: nobody verifying the letter learns the name of a natural person."""
    person = make_account(world.other_firm, Role.SUBJECT, name="赵虚构", email="zhao@example.com")
    record, sanction = reach_a_person(cast, world, account="zhao@example.com")
    take(cast.officer, "accept", sanction.ref, "sanctions")
    browser = as_(person)
    dispute(browser, record)
    letter = letter_of(record, "receipt")
    assert (letter.organisation_id, letter.person_id) == (None, person.person_id)
    assert "赵虚构：" in text_of_pdf(read_pdf(browser, letter))
    assert cast.subject.get(f"/letters/{letter.ref}.pdf").status_code == 404
    for address in ("/my", f"/records/{record.ref}"):
        assert letter.ref not in cast.subject.read(address).words
    page = verify(anybody, letter)
    assert record.decision_no in page.words
    assert "赵虚构" not in page.html


def test_no_letter_speaks_to_a_person_as_to_a_unit(cast, world, as_):
    """Every letter of an objection, of its refusal and its review, to who filed for themselves."""
    person = make_account(world.other_firm, Role.SUBJECT, name="赵虚构", email="zhao@example.com")
    record, sanction = reach_a_person(cast, world, account="zhao@example.com")
    take(cast.officer, "accept", sanction.ref, "sanctions")
    browser = as_(person)
    refused = dispute(browser, record)
    why = {"code": "material_incomplete", "reason": "未附证据。", "remedy": "可再次提出。"}
    take(cast.reviewer, "refuse", refused, **why)
    ref = dispute(browser, record, fine_10k="1.5")
    take(cast.reviewer, "ask_supplement", ref, missing="请补充决定书。")
    take(browser, "supplement", ref, statement="已补充。")
    accept_and_forward(cast.reviewer, ref)
    take(cast.provider, "confirm", ref, findings="登记与决定书一致。")
    take(cast.reviewer, "announce_rejection", ref, reason="与决定书一致。")
    take(browser, "state_views", ref, statement="金额应为1.5万元。")
    take(cast.second_reviewer, "sign_rejection", ref, **decided("决定书载明罚款2万元。"))
    review = ask_for_review(browser, case_of(ref))
    take(cast.upper_reviewer, "propose_upholding", review, reason="维持。")
    take(cast.second_upper_reviewer, "sign_upholding", review, **decided("证据充分。"))
    sent = [one for one in letters_of(record) if one.person_id]
    assert {one.kind for one in sent} >= {
        *("receipt", "refusal", "supplement_notice", "acceptance_of_objection", "adverse_notice"),
        *("decision_rejecting", "review_upholding"),
    }
    for one in sent:
        assert "你单位" not in str(one.content), one.kind
        assert one.content["facts"][0]["name"]["zh"] == "信息主体"
    assert "你单位" not in text_of_pdf(read_pdf(browser, sent[-1]))
    others = letters_of(record, "verification_request")
    assert "你单位" in str(others[0].content)  # the provider is one


def test_what_an_official_types_is_not_worded_anew(cast, world, as_):
    person = make_account(world.other_firm, Role.SUBJECT, name="赵虚构", email="zhao@example.com")
    record, sanction = reach_a_person(cast, world, account="zhao@example.com")
    take(cast.officer, "accept", sanction.ref, "sanctions")
    ref = dispute(as_(person), record)
    take(cast.reviewer, "ask_supplement", ref, missing="由你单位盖章的说明。")
    assert "由你单位盖章的说明。" in str(letter_of(record, "supplement_notice").content)


def test_a_matter_of_an_earlier_version_has_letters_too(app, cast, record, monkeypatch):
    first = versions.first_policy(current_policy())
    monkeypatch.setitem(app.extensions, versions.EXTENSION, first)
    ref = dispute(cast.subject, record)
    assert case_of(ref).workflow_version == "2026.1"
    take(cast.reviewer, "accept", ref)
    assert kinds_of(record) == ["receipt", "acceptance_of_objection"]


def test_words_of_people_are_printed_as_they_were_typed(cast, record):
    """Nothing that is typed is a command of the typesetting language, or of the texts' own."""
    typed = '#panic("x") *粗* $x$ {subject} \\ <b> @x [y] // 完'
    ref = dispute(cast.subject, record)
    take(cast.reviewer, "ask_supplement", ref, missing=typed)
    letter = letter_of(record, "supplement_notice")
    assert "".join(typed.split()) in text_of_pdf(read_pdf(cast.subject, letter))


def test_somebody_who_tries_codes_is_slowed_down(stage, cast, record, monkeypatch):
    """Who finds what there is may go on; who guesses may not."""
    dispute(cast.subject, record)
    letter = letter_of(record, "receipt")
    monkeypatch.setattr(limits, "limiter", Limiter(get_remote_address))
    config = TestConfig()
    for name, value in {
        "RATELIMIT_ENABLED": True,
        "VERIFY_RATE_LIMIT": "2 per hour",
        "SQLALCHEMY_DATABASE_URI": stage.app.config["SQLALCHEMY_DATABASE_URI"],
    }.items():
        setattr(config, name, value)
    app = create_app(config)
    client = make_client(app)
    assert [verify(client, letter).status_code for _ in range(4)] == [200] * 4
    for place in ("/verify", "/verify/reports"):  # each by itself
        guesses = [f"{place}/{'A' * 22}"] * 3
        assert [client.get(one).status_code for one in guesses] == [404, 404, 429], place
    with app.app_context():
        db.engine.dispose()
