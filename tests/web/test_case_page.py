"""The page of a case, for officials: what it turns on, notes, evidence, what to keep out of."""

import pytest
from sqlalchemy import select, update

from repair_app.db import db
from repair_app.models import CaseNote, Document, Requirement, Role
from repair_app.services import desk
from repair_app.services.transaction import transaction
from tests.client import text_of
from tests.factories import (
    PDF,
    act,
    get_case,
    make_account,
    make_appointment,
    make_case,
    make_record,
)
from tests.journeys.steps import PAPER, Cast, begin, case_of, dispute, ref_in, take

SECRET = "请注意：企业电话里说法不一。"
PNG = bytes.fromhex(
    "89504e470d0a1a0a0000000d4948445200000001000000010806000000"
    "1f15c4890000000d49444154789c6360606060000000050001a5f64540"
    "0000000049454e44ae426082"
)


@pytest.fixture
def cast(world, as_):
    return Cast(world, as_)


def write_note(client, ref, text):
    data = {"csrf_token": client.token(), "note": text}
    return client.post(f"/cases/{ref}/notes", data=data)


def open_page(client, ref):
    return client.read(f"/cases/{ref}")


# --- notes ------------------------------------------------------------------------------------


def test_a_note_is_read_by_the_own_office_and_by_auditors_only(cast, world):
    ref = make_case(world, "with_provider").ref
    assert write_note(cast.reviewer, ref, SECRET).status_code == 302
    for name, reads in (
        ("reviewer", True),
        ("second_reviewer", True),
        ("auditor", True),
        ("upper_reviewer", False),  # another centre
        ("torn_reviewer", False),  # also acts for the enterprise
        ("provider", False),
        ("subject", False),
        ("agent", False),
    ):
        assert (SECRET in open_page(getattr(cast, name), ref).html) is reads, name


def test_a_note_of_the_provider_stays_with_the_provider(cast, world):
    ref = make_case(world, "with_provider").ref
    write_note(cast.provider, ref, SECRET)
    for name, reads in (
        ("provider", True),
        ("second_provider", True),
        ("auditor", True),
        ("reviewer", False),
        ("subject", False),
    ):
        assert (SECRET in open_page(getattr(cast, name), ref).html) is reads, name


def test_who_has_a_seat_with_a_party_reads_no_note_by_any_account(cast, world):
    ref = make_case(world, "with_provider").ref
    write_note(cast.reviewer, ref, SECRET)
    make_account(world.firm, Role.SUBJECT, same_person_as=world.second_reviewer)
    make_appointment(world.auditor, world.agency, Role.PROVIDER)
    assert SECRET not in open_page(cast.second_reviewer, ref).html
    assert SECRET not in open_page(cast.auditor, ref).html


@pytest.mark.parametrize(
    ("who", "status"),
    [
        ("subject", 403),
        ("auditor", 403),
        ("anybody", 401),
        ("other_provider", 404),
        ("officer", 404),
        ("torn_reviewer", 403),
        ("upper_reviewer", 403),
    ],
)
def test_nobody_else_writes_a_note(cast, world, anybody, who, status):
    ref = make_case(world, "with_provider").ref
    client = anybody if who == "anybody" else getattr(cast, who)
    assert write_note(client, ref, SECRET).status_code == status
    assert db.session.scalars(select(CaseNote)).all() == []


def test_an_empty_note_is_refused_and_any_other_shown_as_text(cast, world):
    ref = make_case(world, "with_provider").ref
    page = cast.reviewer.follow(write_note(cast.reviewer, ref, " \x00\n "))
    assert page.alerts
    text = "<b>\u202e🙂</b> " + "长" * 5000
    write_note(cast.reviewer, ref, text)
    (kept,) = db.session.scalars(select(CaseNote)).all()
    assert len(kept.body) == desk.NOTE_LENGTH
    assert "&lt;b&gt;" in open_page(cast.reviewer, ref).html


def test_who_has_it_in_hand_stands_in_the_notes(cast, world):
    ref = make_case(world, "submitted").ref
    desk.claim(ref, world.reviewer)
    desk.assign(ref, world.second_reviewer.id, world.reviewer)
    words = open_page(cast.reviewer, ref).words
    names = world.reviewer.person.name, world.second_reviewer.person.name
    assert all(name in words for name in names)
    assert names[1] not in open_page(cast.subject, ref).words


# --- at a glance ------------------------------------------------------------------------------


def glance(client, ref):
    """Return what stands at the top of a case: question -> answer."""
    (top,) = open_page(client, ref).having("glance")
    facts = next(one for one in top.iter("dl"))
    texts = [text_of(one) for one in facts if one.tag in {"dt", "dd"}]
    return dict(zip(texts[::2], texts[1::2], strict=True))


def test_a_reviewer_sees_what_was_asked_answered_and_decided_at_the_top(cast, world):
    record = make_record(world.firm, world.agency, fine_10k=15)
    ref = dispute(cast.subject, record, fine_10k="1.5")
    take(cast.reviewer, "accept", ref)
    take(cast.reviewer, "ask_provider", ref, note="")
    before = glance(cast.reviewer, ref)
    assert before["提供单位答复"] == "尚未答复"
    assert before["已作决定"] == "尚无"
    assert all(one in before["审查要点"] for one in ("记录内容：15", "申请更正为：1.5"))
    findings = "经核对决定书，应为1.6万元。"
    take(cast.provider, "propose_correction", ref, findings=findings, value_fine_10k="1.6")
    answered = glance(cast.reviewer, ref)
    assert "罚款金额登记有误" in answered["申请事项"]
    assert all(one in answered["提供单位答复"] for one in ("应予更正", world.agency.name, findings))
    assert "提供单位答复：1.6" in answered["审查要点"]
    assert answered["已作决定"] == "尚无"
    take(cast.reviewer, "decide_correction", ref, note="与票据一致，拟同意。")
    decided = glance(cast.second_reviewer, ref)
    assert all(one in decided["已作决定"] for one in ("初审同意更正", "与票据一致，拟同意。"))
    assert decided["提供单位答复"] == answered["提供单位答复"]


def test_nobody_is_said_to_have_applied_for_what_the_system_or_an_authority_began(cast, world):
    record = make_record(world.firm, world.agency)
    given = {"ground": "personal_data", "findings": "含个人信息。"}
    ref = begin(cast.reviewer, "self_correction", record, **given)
    told = glance(cast.reviewer, ref)
    assert world.firm.name in told["企业"]
    assert "自查自纠" in told["事项"]
    assert not {"申请人", "申请事项"} & set(told)


def test_what_is_asked_is_what_was_filed_and_not_the_first_draft_of_it(cast, world):
    ref = make_case(world, "draft").ref
    take(cast.subject, "amend", ref, statement="修改后的说明。", evidence=PAPER)
    take(cast.subject, "submit", ref)
    told = glance(cast.reviewer, ref)
    assert "修改后的说明。" in told["申请事项"]
    assert "企业后续意见" not in told


def test_an_answer_that_was_sent_back_is_told_to_count_no_more(cast, world):
    ref = make_case(world, "correction_decided").ref
    assert "初审同意更正" in glance(cast.reviewer, ref)["已作决定"]
    act(world.second_reviewer, "return_decision", case_of(ref))
    sent_back = glance(cast.reviewer, ref)
    assert "退回" in sent_back["提供单位答复"]
    assert "理由如下。" in sent_back["提供单位答复"]
    assert sent_back["已作决定"] == "尚无"
    act(world.provider, "confirm", case_of(ref))
    again = glance(cast.reviewer, ref)
    assert "信息无误" in again["提供单位答复"]
    assert "退回" not in again["提供单位答复"]


def test_what_is_no_answer_does_not_stand_as_one(cast, world):
    """Who tells how far it is, or has it tested, has not answered; who disclaims it has."""
    ref = make_case(world, "with_provider").ref
    for step in ("answer_interim", "begin_appraisal", "end_appraisal"):
        act(world.provider, step, case_of(ref))
    assert glance(cast.reviewer, ref)["提供单位答复"] == "尚未答复"
    act(world.provider, "disclaim", case_of(ref))
    assert "非本单位信息" in glance(cast.reviewer, ref)["提供单位答复"]


def test_what_the_enterprise_said_before_the_decision_stands_beside_the_reasons(cast, world):
    ref = make_case(world, "rejection_announced").ref
    assert "企业后续意见" not in glance(cast.reviewer, ref)
    take(cast.subject, "state_views", ref, statement="缴款票据附后。", evidence=PAPER)
    heard = glance(cast.reviewer, ref)
    assert "缴款票据附后。" in heard["企业后续意见"]
    assert "拟驳回" in heard["已作决定"]


def test_a_repair_turns_on_what_it_needs_and_what_the_check_found(cast, world):
    ref = make_case(world, "with_provider", workflow="repair").ref
    act(world.provider, "confirm_rectification", case_of(ref))
    told = glance(cast.reviewer, ref)
    assert "失信行为整改证明" in told["审查要点"]
    assert "整改属实" in told["提供单位答复"]


def test_the_parties_are_shown_no_summary(cast, world):
    ref = make_case(world, "correction_proposed").ref
    assert open_page(cast.subject, ref).having("glance") == []
    assert open_page(cast.provider, ref).having("glance")


# --- beside the form of a step ----------------------------------------------------------------


def claim_beside(page):
    """Return what stands beside a form of what it answers to; None where there is none."""
    return next(iter(page.tree.findall(".//section[@id='claim']")), None)


def test_who_answers_has_the_claim_the_values_and_the_evidence_beside_the_form(cast, world):
    record = make_record(world.firm, world.agency, fine_10k=15)
    ref = dispute(cast.subject, record, fine_10k="1.5")
    paper = paper_of(ref)
    take(cast.reviewer, "accept", ref)
    take(cast.reviewer, "ask_provider", ref, note="")
    claimed = ("信息有错误", "罚款金额登记有误", "记录内容：15", "申请更正为：1.5", paper.filename)
    for client, step in ((cast.provider, "confirm"), (cast.second_provider, "propose_removal")):
        page = client.read(f"/cases/{ref}/{step}")
        shown = claim_beside(page)
        assert all(one in text_of(shown) for one in claimed), step
        assert f"/documents/{paper.ref}/view" in {one.get("src") for one in shown.iter("iframe")}
    form = cast.provider.read(f"/cases/{ref}/propose_correction")
    told = text_of(claim_beside(form))
    assert "罚款金额登记有误" in told
    assert "申请更正为" not in told  # each value stands beside its field already
    # Who sends it without findings still has it there.
    wrong = cast.provider.fill(f"/cases/{ref}/confirm")
    assert wrong.status_code == 400
    assert "罚款金额登记有误" in text_of(claim_beside(wrong))
    take(cast.provider, "confirm", ref, findings="与决定书一致。")
    back = cast.reviewer.read(f"/cases/{ref}/return_to_provider")
    assert "与决定书一致。" in text_of(claim_beside(back))


def test_the_enterprise_is_shown_no_summary_of_what_it_says_itself(cast, world):
    ref = make_case(world, "with_provider").ref
    assert claim_beside(cast.subject.read(f"/cases/{ref}/withdraw")) is None
    draft = make_case(world, "draft").ref
    assert claim_beside(cast.subject.read(f"/cases/{draft}/amend")) is None


def test_an_agency_that_is_consulted_reads_the_question_beside_its_answer(cast, world):
    ref = make_case(world, "accepted").ref
    asked = {"consulted_id": str(world.other_agency.id), "question": "该企业是否在你局有案？"}
    take(cast.reviewer, "consult", ref, **asked)
    (opinion,) = [one for one in case_of(ref).requirements if one.workflow == "opinion"]
    page = cast.other_provider.read(f"/requirements/{opinion.ref}/give")
    assert asked["question"] in text_of(claim_beside(page))
    assert ref not in page.words


# --- what happened ----------------------------------------------------------------------------


def history_of(client, ref):
    (sheet,) = open_page(client, ref).tree.findall(".//*[@id='history']")
    return sheet


def test_an_office_reads_what_was_filed_and_not_how_the_draft_became_so(cast, world):
    record = make_record(world.firm, world.agency, fine_10k=15)
    ref = ref_in(
        cast.subject.fill(
            f"/records/{record.ref}/objection",
            ground="error",
            statement="第一稿的说明。",
            evidence=PAPER,
            value_fine_10k="1.4",
            value_violation_type="虚假宣传",
        )
    )
    changed = {"value_fine_10k": "1.5", "value_violation_type": ""}
    take(cast.subject, "amend", ref, statement="修改后的说明。", **changed)
    own = text_of(history_of(cast.subject, ref))
    assert all(one in own for one in ("第一稿的说明。", "修改后的说明。", "修改草稿"))
    take(cast.subject, "submit", ref)
    take(cast.reviewer, "accept", ref)
    take(cast.reviewer, "ask_provider", ref, note="")
    for client in (cast.reviewer, cast.provider):
        told = text_of(history_of(client, ref))
        assert all(one in told for one in ("提交异议", "修改后的说明。", "1.5", PAPER[1]))
        assert not [one for one in ("第一稿", "1.4", "虚假宣传", "修改草稿") if one in told]
    for client in (cast.subject, cast.auditor):  # an audit looks into every step as it was
        told = text_of(history_of(client, ref))
        assert all(one in told for one in ("第一稿的说明。", "1.4", "修改草稿", "修改后的说明。"))


def test_what_was_made_ready_for_a_repair_is_folded_away_from_its_course(cast, world):
    ref = make_case(world, "with_provider", workflow="repair").ref
    assert history_of(cast.auditor, ref).findall("details") == []
    (folded,) = history_of(cast.reviewer, ref).findall("details")
    assert "签署信用承诺书" in text_of(folded)
    course = next(history_of(cast.reviewer, ref).iter("ol"))
    assert "签署信用承诺书" not in text_of(course)
    assert "提交修复申请" in text_of(course)
    assert history_of(cast.subject, ref).findall("details") == []


# --- how green a badge is ---------------------------------------------------------------------


def good_badges(client, ref):
    return {text_of(one) for one in open_page(client, ref).having("good")}


def test_what_is_only_handed_in_or_found_wanting_is_not_shown_as_good(cast, world):
    ref = make_case(world, "with_provider", workflow="repair").ref
    handed_in = {"已提交，待核查", "已公示，履行监督中", "已具备"}
    for client in (cast.provider, cast.reviewer):
        page = open_page(client, ref)
        assert all(one in page.words for one in handed_in)
        assert not good_badges(client, ref) & handed_in
    act(world.provider, "find_lacking", case_of(ref))
    assert "整改不到位" in open_page(cast.reviewer, ref).words
    assert not good_badges(cast.reviewer, ref) & {"整改不到位"}
    granted = make_case(world, "closed", workflow="repair").ref
    assert "已办结" in good_badges(cast.reviewer, granted)


@pytest.mark.parametrize(
    ("kind", "state", "label", "look"),
    [
        ("rectification", "lacking", "整改不到位", "bad"),
        ("commitment", "unfulfilled", "全部未履行", "bad"),
        ("commitment", "breach_announced", "拟认定违诺，听取意见", "held"),
        ("commitment", "fulfilled", "全部履行", "good"),
        ("rectification", "lapsed", "随案终止", "over"),
    ],
)
def test_a_badge_tells_how_a_requirement_stands(cast, world, kind, state, label, look):
    case = make_case(world, "submitted", workflow="repair")
    with transaction() as session:
        need = Requirement.workflow == kind, Requirement.case_id == case.id
        session.execute(update(Requirement).where(*need).values(state=state))
    badges = open_page(cast.reviewer, case.ref).having("state")
    looks = {tuple(one.get("class").split()) for one in badges if text_of(one) == label}
    assert looks == {("state", look)}


def test_a_view_that_is_no_longer_waited_for_is_not_shown_as_good(cast, world):
    ref = make_case(world, "accepted").ref
    asked = {"consulted_id": str(world.other_agency.id), "question": "请核对。"}
    take(cast.reviewer, "consult", ref, **asked)
    (opinion,) = [one for one in case_of(ref).requirements if one.workflow == "opinion"]
    take(
        cast.other_provider,
        "give",
        opinion.ref,
        "requirements",
        view="wrong",
        findings="并非该企业。",
    )
    assert "已答复" in open_page(cast.reviewer, ref).words
    assert "已答复" not in good_badges(cast.reviewer, ref)


# --- a correction as it was proposed ----------------------------------------------------------


def asked_correction(cast, world):
    record = make_record(world.firm, world.agency, fine_10k=15)
    ref = dispute(cast.subject, record, fine_10k="1.5")
    take(cast.reviewer, "accept", ref)
    take(cast.reviewer, "ask_provider", ref, note="")
    return ref, f"/cases/{ref}/propose_correction"


def test_what_is_proposed_is_adopted_by_a_button_and_nothing_is_sent(cast, world):
    ref, address = asked_correction(cast, world)
    page = cast.provider.read(address)
    assert page.fields["value_fine_10k"] == ""
    typed = {"findings": "经核对，同意。", "value_violation_type": "虚假宣传"}
    assert next(page.form.iter("button")).get("name") is None  # what the Enter key means in a field
    shown = cast.provider.send(page, address, button="adopt", **typed)
    assert shown.status_code == 200
    assert shown.mistakes == []
    assert shown.fields["value_fine_10k"] == "1.5"
    assert {name: shown.fields[name] for name in typed} == typed  # what was typed stays
    assert case_of(ref).state == "with_provider"
    answer = cast.provider.send(shown, address)
    assert answer.status_code == 302
    (fine,) = [one for one in case_of(ref).proposals if one.field == "fine_10k"]
    assert fine.answered_value == "1.5"


def test_an_address_opens_the_form_as_it_was_proposed(cast, world):
    ref, address = asked_correction(cast, world)
    page = cast.provider.read(f"{address}?adopt=1")
    assert page.fields["value_fine_10k"] == "1.5"
    # What is typed over it stays, though the address says the same as before.
    wrong = cast.provider.send(page, f"{address}?adopt=1", value_fine_10k="1.7")
    assert wrong.status_code == 400  # without findings
    assert wrong.fields["value_fine_10k"] == "1.7"
    take(cast.provider, "disclaim", ref, reason="非本单位信息。")
    checked = cast.reviewer.read(f"/cases/{ref}/check_correction?adopt=1")
    assert checked.fields["value_fine_10k"] == "1.5"


def test_nothing_is_to_be_adopted_where_nothing_is_proposed(cast, world):
    ref = dispute(cast.subject, make_record(world.firm, world.agency))
    take(cast.reviewer, "accept", ref)
    take(cast.reviewer, "ask_provider", ref, note="")
    page = cast.provider.read(f"/cases/{ref}/propose_correction?adopt=1")
    assert "采用建议内容" not in page.words
    assert page.fields["value_fine_10k"] == ""


# --- what to keep out of ----------------------------------------------------------------------


def test_what_one_has_to_keep_out_of_is_said_before_it_bites(cast, world):
    ref = make_case(world, "correction_proposed").ref
    assert notices(cast.reviewer, ref) == []
    act(world.reviewer, "decide_correction", case_of(ref))
    (told,) = notices(cast.reviewer, ref)
    assert "复审签发更正" in told  # which step is closed to this person
    assert notices(cast.second_reviewer, ref) == []


def notices(client, ref):
    return [one for one in open_page(client, ref).alerts if one]


def test_who_acts_for_a_party_is_told_so_at_the_top(cast, world):
    ref = make_case(world, "submitted").ref
    assert len(notices(cast.torn_reviewer, ref)) == 1
    assert notices(cast.reviewer, ref) == []
    take(cast.subject, "withdraw", ref)  # ended: nothing to keep out of
    assert notices(cast.torn_reviewer, ref) == []


def test_a_step_says_where_it_leads_and_what_it_binds_to(cast, world):
    ref = make_case(world, "correction_proposed").ref
    page = cast.reviewer.get(f"/cases/{ref}", headers={"Accept-Language": "en"})
    steps = page.having("step")
    assert any("leads to: " in "".join(one.itertext()) for one in steps)
    assert "This is the first of two decisions" in page.words


# --- evidence in place ------------------------------------------------------------------------


def paper_of(ref):
    db.session.rollback()
    return db.session.scalars(select(Document).where(Document.case_id == case_of(ref).id)).first()


def test_a_pdf_is_looked_at_in_place_by_those_who_may_open_it(cast, world):
    ref = make_case(world, "with_provider").ref
    paper = paper_of(ref)
    address = f"/documents/{paper.ref}/view"
    assert address in open_page(cast.reviewer, ref).html
    answer = cast.reviewer.read(address)
    assert answer.data.startswith(PDF[:5])
    assert answer.mimetype == "application/pdf"
    assert "attachment" not in answer.headers.get("Content-Disposition", "")
    assert answer.headers["X-Content-Type-Options"] == "nosniff"
    assert answer.headers["X-Frame-Options"] == "SAMEORIGIN"
    policy = answer.headers["Content-Security-Policy"]
    assert "default-src 'none'" in policy
    assert "frame-ancestors 'self'" in policy
    assert "script" not in policy
    for other in (cast.upper_reviewer, cast.other_provider, cast.officer, cast.stranger):
        assert other.get(address).status_code == 404
    assert address not in open_page(cast.upper_reviewer, ref).html


def test_only_pages_of_evidence_may_be_framed(cast, world):
    ref = make_case(world, "with_provider").ref
    page = open_page(cast.reviewer, ref)
    assert "frame-ancestors 'none'" in page.headers["Content-Security-Policy"]


def test_what_is_no_picture_and_no_pdf_is_only_handed_out(cast, world):
    """OFD opens in a programme of its own; what has become another file is not shown at all."""
    ref = make_case(world, "with_provider").ref
    address = f"/documents/{paper_of(ref).ref}/view"
    for kind in ("application/ofd", "text/html", "image/png"):
        set_kind(ref, kind)
        assert cast.reviewer.get(address).status_code == 404, kind


def set_kind(ref, kind):
    with transaction() as session:
        paper = select(Document).where(Document.case_id == get_case(ref).id)
        session.scalars(paper).first().media_type = kind


def test_a_picture_is_shown_as_one(cast, world):
    record = make_record(world.firm, world.agency)
    ref = ref_in(
        cast.subject.fill(
            f"/records/{record.ref}/objection",
            button="submit_now",
            ground="error",
            statement="见照片。",
            evidence=[(PNG, "照片.png"), PAPER],
        )
    )
    page = open_page(cast.reviewer, ref)
    (picture,) = page.tree.findall(".//main//img")
    assert picture.get("alt") == "照片.png"
    assert cast.reviewer.read(picture.get("src")).mimetype == "image/png"
    assert len(page.tree.findall(".//main//iframe")) == 1
