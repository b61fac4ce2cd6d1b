"""自查自纠: what the platform finds wrong with itself, and what nobody may read meanwhile."""

from datetime import timedelta

import pytest
import time_machine
from hypothesis import given
from hypothesis import strategies as st
from sqlalchemy import select, update

from repair_app import ledger
from repair_app.db import db, now, today
from repair_app.masking import HIDDEN, find_personal, mask_text
from repair_app.models import Case, CreditRecord, InspectionItem, Organisation
from repair_app.models.parties import OrganisationKind
from repair_app.services import inspections, scans, timers
from repair_app.services.transaction import transaction
from tests.factories import make_case, make_record, make_sanction
from tests.journeys.steps import (
    PROOF,
    case_of,
    in_days,
    ledger_is_whole,
    state_on,
    steps_on,
    take,
    try_to,
)


def tamper(record, **columns):
    """Change a record past the workflow, as an operator at the database could."""
    with transaction() as session:
        session.execute(update(CreditRecord).where(CreditRecord.id == record.id).values(**columns))


def self_correction_of(record):
    """Return the open self-correction of a record."""
    db.session.rollback()
    return db.session.scalars(
        select(Case).where(
            Case.record_id == record.id,
            Case.workflow == "self_correction",
            Case.closed_at.is_(None),
        )
    ).one()


def is_shown(client, record):
    """Say whether the public finds a record, by its own page and by the search."""
    page = client.get(f"/records/{record.ref}")
    found = client.read(f"/?q={record.subject.uscc}")
    shown = [page.status_code == 200, record.decision_no in found.html]
    assert len(set(shown)) == 1, "page and search disagree"
    return shown[0]


@pytest.fixture
def record(world):
    return make_record(world.firm, world.agency)


# --- refused at query time ----------------------------------------------------------------------


def test_what_is_over_its_term_is_not_shown_even_before_a_scan_has_found_it(record, anybody):
    """鲁信用办〔2021〕5号 （八）超期披露."""
    assert is_shown(anybody, record)
    tamper(record, max_publication_until=today() - timedelta(days=1))
    assert not is_shown(anybody, record)


def test_a_term_that_was_lengthened_past_the_workflow_shows_nothing_longer(record, anybody):
    """The dates of the decision count, not what somebody wrote beside them."""
    tamper(record, decided_on=today() - timedelta(days=9 * 365))
    assert record.max_publication_until > today()
    assert not is_shown(anybody, record)


def test_what_its_class_does_not_publish_is_not_shown_whatever_its_state(
    app, record, anybody, monkeypatch
):
    """（八）违规公开不应公开的信用信息."""
    policy = app.extensions["redress_policy"]
    minor = next(
        (pack, one)
        for pack in policy.editions.values()
        for one in pack.classes.values()
        if not one.published
    )
    pack, severity = minor
    tamper(
        record,
        rule_pack=pack.id,
        rule_pack_hash=pack.sha256,
        severity_class=severity.name,
        max_publication_until=today() + timedelta(days=5),
        decided_on=today() - timedelta(days=1),
    )
    assert not is_shown(anybody, record)
    scans.run_scan()
    assert self_correction_of(record).ground == "not_to_be_published"


def test_a_natural_persons_record_is_never_public(record, anybody, cast):
    """（七）除法律法规有明确规定外，涉及个人的信用信息原则上不公示."""
    with transaction() as session:
        session.execute(
            update(Organisation)
            .where(Organisation.id == record.subject_id)
            .values(kind=OrganisationKind.NATURAL_PERSON.value)
        )
    assert not is_shown(anybody, record)
    assert cast.reviewer.get(f"/records/{record.ref}").status_code == 200


# --- masking ------------------------------------------------------------------------------------

DIGIT = st.sampled_from("0123456789")
NAMES = st.sampled_from(["张虚构", "欧阳虚构"])
DAYS = st.dates(min_value=today().replace(year=1930, month=1, day=1), max_value=today())


@st.composite
def personal(draw):
    """Return something personal, as people write it."""
    digits = "".join(draw(st.lists(DIGIT, min_size=11, max_size=11)))
    kind = draw(st.sampled_from(["id", "mobile", "landline", "home", "mail", "name"]))
    match kind:
        case "id":
            born = draw(DAYS)
            joiner = draw(st.sampled_from(["", " ", "-"]))
            return f"370112{joiner}{born:%Y%m%d}{joiner}{digits[:3]}{draw(DIGIT)}"
        case "mobile":
            return f"13{digits[:1]}{draw(st.sampled_from(['', '-', ' ']))}{digits[:4]}{digits[4:8]}"
        case "landline":
            return f"0531-8{digits[:7]}"
        case "home":
            return (
                f"济南市虚构路{digits[:2]}号虚构小区{digits[2]}号楼{digits[3]}单元{digits[4:7]}室"
            )
        case "mail":
            return f"zhang{digits[:4]}@example.com"
        case _:
            return draw(NAMES)


@given(st.lists(personal(), min_size=1, max_size=4), st.sampled_from(["，", "。", "；", "\n"]))
def test_masked_text_holds_nothing_personal_and_masking_again_changes_nothing(parts, mark):
    """鲁政发〔2017〕44号 二（一）3: 家庭住址、通讯方式…应进行技术屏蔽或模糊处理."""
    names = ["张虚构", "欧阳虚构"]
    text = f"经查{mark}" + mark.join(f"当事人{one}" for one in parts) + f"{mark}罚款2万元"
    masked = mask_text(text, names)
    assert find_personal(masked, names) == []
    assert not any(one in masked for one in parts)
    assert mask_text(masked, names) == masked
    assert masked.endswith("罚款2万元")


def test_ordinary_facts_of_a_penalty_are_not_masked():
    text = (
        "当事人（统一社会信用代码91370112MA0000001X）于2026年3月18日通过微信公众号、电话推销食品，"
        "货值金额13800元，罚款人民币20000元。济市监处罚〔2026〕370112号。"
    )
    assert mask_text(text, ["张虚构"]) == text


def test_no_public_page_shows_what_is_personal_in_a_record(world, record, anybody, cast):
    """The case worker reads the whole decision; the public reads it masked."""
    secrets = ["37011219900101123X", "13812345678", "虚构小区2号楼1单元301室", "张虚构"]
    tamper(
        record,
        violation_facts=f"当事人法定代表人{secrets[3]}，身份证号{secrets[0]}，住{secrets[2]}。",
        penalty_content=f"罚款2万元，联系电话：{secrets[1]}",
        remark=f"备注{secrets[1]}",
    )
    for address in (f"/records/{record.ref}", f"/?q={world.firm.uscc}", "/commitments"):
        page = anybody.read(address)
        assert not [one for one in secrets if one in page.html], address
    assert HIDDEN in anybody.read(f"/records/{record.ref}").words
    stranger = cast.stranger.read(f"/records/{record.ref}")
    assert not [one for one in secrets if one in stranger.html]
    assert secrets[0] in cast.provider.read(f"/records/{record.ref}").words
    scans.run_scan()
    assert self_correction_of(record).ground == "personal_data"


def test_a_column_is_hidden_from_the_public_unless_its_model_says_otherwise(record):
    from repair_app.masking import public_view

    shown = public_view(record)
    assert shown.decision_no == record.decision_no
    assert shown.subject.name == record.subject.name
    for name in ("legal_representative", "remark", "fingerprint", "version", "sanctions"):
        assert getattr(shown, name) == HIDDEN, name
    assert shown.subject.kind == HIDDEN
    with pytest.raises(AttributeError):
        _ = shown.no_such_column


# --- the self-correction ------------------------------------------------------------------------


def test_the_provider_corrects_what_the_scan_found_and_another_confirms_it(cast, record, anybody):
    """（八）及时自查自纠，限期整改到位: found, corrected by who made it, checked by another."""
    tamper(record, legal_basis=" ")
    scans.run_scan()
    ref = self_correction_of(record).ref
    assert ref in cast.provider.read("/work").html
    take(
        cast.provider,
        "correct",
        ref,
        findings="漏录处罚依据。",
        value_legal_basis="《广告法》第五十七条",
        evidence=PROOF,
    )
    page = take(cast.reviewer, "confirm_correction", ref)
    assert state_on(page) == "整改到位，办结"
    assert case_of(ref).record.legal_basis == "《广告法》第五十七条"
    assert "《广告法》第五十七条" in anybody.read(f"/records/{record.ref}").words
    assert scans.run_scan().found == 0
    # Chains are whole; that the basis was blanked past them is what `verify --all` tells.
    assert ledger.verify(db.session())[1] is None
    assert not ledger_is_whole()


def test_what_must_not_be_shown_is_taken_down_and_its_sanctions_end(cast, world, record, anybody):
    """（八）违规公开不应公开的信用信息: taken off, archived, no ground for a sanction any more."""
    sanction = make_sanction(record, world.officer)
    tamper(record, violation_facts="当事人住址：虚构路1号。")
    scans.run_scan()
    ref = self_correction_of(record).ref
    take(cast.provider, "take_down", ref, findings="该信息不应公开。")
    take(cast.reviewer, "confirm_removal", ref)
    db.session.rollback()
    assert record.archived_at is not None
    assert db.session.get(type(sanction), sanction.id).ended_at is not None
    assert not is_shown(anybody, record)


def test_a_record_over_its_term_expires_by_the_self_correction(cast, record):
    tamper(record, max_publication_until=today() - timedelta(days=1))
    scans.run_scan()
    ref = self_correction_of(record).ref
    take(cast.provider, "take_down", ref, findings="公示期已满。")
    take(cast.reviewer, "confirm_removal", ref)
    db.session.rollback()
    assert record.state == "expired"


def test_what_stands_as_it_is_has_to_be_explained_and_is_not_opened_again(cast, record):
    """A finding may be wrong; who says so gives reasons, and another accepts them."""
    tamper(record, publicised_on=today() - timedelta(days=400))
    scans.run_scan()
    ref = self_correction_of(record).ref
    take(cast.provider, "explain", ref, findings="原公示日期为旧系统迁移日期。")
    page = take(cast.reviewer, "accept_explanation", ref, reason="属实。")
    assert state_on(page) == "说明成立，办结"
    scans.run_scan()
    db.session.rollback()
    assert db.session.scalar(select(Case.id).where(Case.closed_at.is_(None))) is None


def test_what_was_not_put_right_goes_back(cast, record):
    tamper(record, legal_basis=" ")
    scans.run_scan()
    ref = self_correction_of(record).ref
    take(cast.provider, "explain", ref, findings="不影响。")
    page = take(cast.reviewer, "return_to_provider", ref, reason="处罚依据必须载明。")
    assert state_on(page) == "待信息提供单位限期整改"


def test_when_the_provider_lets_the_term_pass_the_centre_puts_it_right_by_two_persons(
    cast, world, record
):
    """（八）限期整改到位: not by silence; who put it right does not check it."""
    tamper(record, legal_basis=" ")
    scans.run_scan()
    ref = self_correction_of(record).ref
    try_to(cast.reviewer, "take_over", ref, reason="逾期。")
    with time_machine.travel(in_days(40)):
        timers.escalate(now())
        take(cast.reviewer, "take_over", ref, reason="逾期未整改。")
        take(cast.reviewer, "take_down_at_centre", ref, findings="提供单位不予整改，先行撤下。")
        for same_person in (cast.reviewer, cast.reviewer_again):
            try_to(same_person, "confirm_removal", ref)
        page = take(cast.second_reviewer, "confirm_removal", ref)
    assert state_on(page) == "整改到位，办结"


def test_a_reviewer_on_the_subjects_side_confirms_nothing(cast, record):
    tamper(record, legal_basis=" ")
    scans.run_scan()
    ref = self_correction_of(record).ref
    take(cast.provider, "take_down", ref, findings="撤下。")
    assert try_to(cast.torn_reviewer, "confirm_removal", ref)


def test_a_reviewer_who_sees_a_flaw_opens_a_self_correction_once(cast, record):
    """（八）检查: what a person sees is as good as what a scan finds."""
    sent = {"ground": "duplicate", "findings": "与另一条重复。"}
    answer = cast.reviewer.fill(f"/records/{record.ref}/self_correction", **sent)
    page = cast.reviewer.follow(answer)
    assert state_on(page) == "待信息提供单位限期整改"
    again = cast.reviewer.fill(f"/records/{record.ref}/self_correction", **sent)
    assert again.status_code == 409


def test_the_subject_reads_that_its_record_was_found_wrong_and_decides_nothing(cast, record):
    tamper(record, legal_basis=" ")
    scans.run_scan()
    ref = self_correction_of(record).ref
    assert steps_on(cast.subject.read(f"/cases/{ref}"), ref) == set()


def test_a_self_correction_ends_with_its_record(cast, record):
    """Two flaws of one record: it is taken down for one, and nothing is left of the other."""
    tamper(record, legal_basis=" ", publicised_on=today() - timedelta(days=400))
    scans.run_scan()
    refs = db.session.scalars(select(Case.ref).order_by(Case.ground)).all()
    take(cast.provider, "take_down", refs[1], findings="撤下。")
    take(cast.reviewer, "confirm_removal", refs[1])
    assert [case_of(one).state for one in refs] == ["moot", "closed"]


# --- inspection ---------------------------------------------------------------------------------


def test_the_list_of_a_week_is_drawn_by_lot_and_the_same_for_everybody(world):
    """（八）建立常态化巡查检查机制: nobody can choose what is looked at."""
    for _ in range(12):
        make_record(world.firm, world.agency)
    assert inspections.draw_list(5) == 5
    first = [one.entity_ref for one in inspections.list_items()]
    assert inspections.draw_list(5) == 5
    week = inspections.monday_of(today())
    assert sorted(first) == sorted(inspections.draw(week, inspections.record_refs(), 5))
    later = week + timedelta(days=7)
    assert sorted(inspections.draw(later, inspections.record_refs(), 5)) != sorted(first)


def test_what_an_inspector_finds_opens_a_self_correction(cast, record):
    inspections.draw_list()
    item = db.session.scalars(select(InspectionItem)).one()
    page = cast.auditor.read("/audit/inspections")
    assert record.ref in page.html
    answer = cast.auditor.send(
        page, "/audit/inspections", result="duplicate", note="与另一条重复。"
    )
    assert "ZJ-" in cast.auditor.follow(answer).html
    assert self_correction_of(record).ground == "duplicate"
    again = cast.auditor.post(
        f"/audit/inspections/{item.id}",
        data={"csrf_token": cast.auditor.token(), "result": "in_order"},
    )
    assert again.status_code == 404


def test_the_inspector_sees_stuck_matters_and_providers_that_never_answer(cast, world):
    """（八）; peers' checkers: stuck cases, providers who never answer, holds without a timer."""
    case = make_case(world, "with_provider")
    with time_machine.travel(in_days(120)):
        page = cast.auditor.read("/audit/inspections")
    assert case.ref in page.words
    assert "虚构市市场监督管理局" in page.words


def test_only_the_auditor_sees_the_inspectors_pages(cast, anybody):
    for name in ("subject", "provider", "reviewer", "officer"):
        assert getattr(cast, name).get("/audit/inspections").status_code == 403
    assert anybody.get("/audit/inspections").status_code == 302
