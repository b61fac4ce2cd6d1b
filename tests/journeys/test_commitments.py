"""Commitments after the repair: supervised, kept or broken; a breach is heard before a finding."""

from datetime import timedelta

import pytest
import time_machine
from sqlalchemy import select

from repair_app.db import db, today
from repair_app.models import Case, Organisation
from repair_app.services.commitments import code_of
from tests.factories import get_case, make_case, make_record, make_sanction
from tests.journeys.steps import (
    Cast,
    case_of,
    in_days,
    ledger_is_whole,
    requirements_of,
    take,
)

BREACH = {
    "unfulfilled": "承诺依法诚信经营，又因同类行为被立案查处。",
    "liability": "按最长公示期公示，并予通报。",
    "findings": "见立案材料。",
}
FOUND = {
    "findings": "立案材料属实，意见不成立。",
    "weighing": "已逐项核实陈述意见。",
    "remedy": "可以依法申请行政复议。",
}


def promise_of(ref: str) -> str:
    """Return the reference of the commitment of a repair."""
    return requirements_of(ref)["commitment"].ref


@pytest.fixture
def repaired(world) -> str:
    """Give a repair that was granted and closed: its commitment is under supervision."""
    return make_case(world, "closed", workflow="repair").ref


def break_promise(cast: Cast, ref: str, finding: str = "find_not_kept") -> None:
    """Announce a breach, have the subject answer, and find it so."""
    promise = promise_of(ref)
    take(cast.provider, "announce_breach", promise, "requirements", **BREACH)
    take(cast.subject, "state_views", promise, "requirements", statement="该案尚未处罚。")
    take(cast.reviewer, finding, promise, "requirements", **FOUND)


def test_a_commitment_stays_under_supervision_and_is_found_kept(cast, world, repaired):
    """…一（一）: 承诺履约情况记入承诺人信用记录; 承诺履行状态: 全部履行."""
    promise = promise_of(repaired)
    assert requirements_of(repaired)["commitment"].state == "published"
    terms = [one for one in case_of(repaired).deadlines if one.entity_ref == promise]
    running = next(one for one in terms if one.is_running)
    assert (running.clock, running.owner) == ("commitment_supervision", "provider")
    take(
        cast.provider,
        "confirm_fulfilment",
        promise,
        "requirements",
        findings="一年内无同类行为。",
    )
    assert requirements_of(repaired)["commitment"].state == "fulfilled"
    assert ledger_is_whole()


@pytest.mark.parametrize("name", ["😀😀😀😀😀\u202e", "12345", "张三😀", "·", "．．．"])
def test_nobody_signs_by_what_is_no_name(cast, world, name):
    """SD-DRC-35 …一（四）: who promises is a person with a name."""
    promise = promise_of(make_case(world, "draft", workflow="repair").ref)
    page = cast.subject.fill(f"/requirements/{promise}/sign", signatory=name, agree="y")
    assert page.status_code == 400
    assert any("姓名" in one for one in page.mistakes)
    assert page.fields["signatory"] == name.replace("\u202e", "")


@pytest.mark.parametrize(
    "name", ["张三", "阿依古丽·买买提", "𠮷田一郎", "Jean-Luc O’Neill", "Zoë Müller"]
)
def test_a_name_in_chinese_or_latin_letters_signs(cast, world, name):
    ref = make_case(world, "draft", workflow="repair").ref
    take(cast.subject, "sign", promise_of(ref), "requirements", signatory=name, agree="y")
    assert requirements_of(ref)["commitment"].state == "signed"


def test_how_a_commitment_was_kept_is_found_only_after_the_repair(cast, world):
    """REDRESS: before the repair has ended nothing can be found kept or broken."""
    ref = make_case(world, "accepted", workflow="repair").ref
    promise = promise_of(ref)
    page = cast.provider.get(f"/requirements/{promise}/confirm_fulfilment")
    assert ref in page.words
    assert "尚未办结" in page.words


def test_a_commitment_outlives_a_repair_that_was_withdrawn(cast, world, anybody):
    """…一（四）: what was published stays; the promise holds although the repair failed."""
    ref = make_case(world, "accepted", workflow="repair").ref
    take(cast.subject, "withdraw", ref)
    assert requirements_of(ref)["commitment"].state == "published"
    page = anybody.read("/commitments")
    assert promise_of(ref) in page.words
    assert "履行监督中" in page.words


def test_the_public_reads_every_field_of_a_commitment(cast, world, anybody):
    """…一（四）: 向社会公开; the fields are those of the data standard."""
    ref = make_case(world, "accepted", workflow="repair").ref
    promise = requirements_of(ref)["commitment"]
    page = anybody.read(f"/commitments/{promise.ref}")
    for text in (
        world.firm.name,
        world.firm.uscc,
        "信用修复型",
        "可向社会公开",
        world.agency.name,
        code_of(promise),
    ):
        assert text in page.words
    assert len(code_of(promise)) == 20
    assert code_of(promise).startswith(world.firm.uscc[2:8])


def test_a_breach_is_announced_with_reasons_and_answered_before_it_is_found(cast, repaired):
    """行政处罚法 第四十五条（参照）: notice, a term to answer, the answer considered."""
    promise = promise_of(repaired)
    take(cast.provider, "announce_breach", promise, "requirements", **BREACH)
    page = cast.subject.read(f"/cases/{repaired}")
    assert BREACH["unfulfilled"] in page.words
    # Nobody decides meanwhile, and no bar has fallen.
    assert cast.reviewer.get(f"/requirements/{promise}/find_not_kept").status_code == 409
    assert "目前不能办理" in cast.reviewer.get(f"/requirements/{promise}/close_hearing").words
    take(cast.subject, "state_views", promise, "requirements", statement="该案尚未处罚。")
    take(cast.reviewer, "dismiss_breach", promise, "requirements", findings="尚未查实。")
    assert requirements_of(repaired)["commitment"].state == "published"


def test_silence_ends_the_hearing_only_after_its_term_and_by_a_person(cast, repaired):
    promise = promise_of(repaired)
    take(cast.provider, "announce_breach", promise, "requirements", **BREACH)
    with time_machine.travel(in_days(30)):
        take(cast.reviewer, "close_hearing", promise, "requirements")
        take(cast.reviewer, "find_not_kept", promise, "requirements", **FOUND)
    assert requirements_of(repaired)["commitment"].state == "unfulfilled"


@pytest.mark.parametrize(
    ("finding", "state", "is_revoked"),
    [
        ("find_not_kept", "unfulfilled", True),
        # What was kept in part is exposed; a repair is undone for what was not kept at all.
        ("find_partly_kept", "partly_fulfilled", False),
    ],
)
def test_a_broken_commitment_sets_the_revocation_of_the_repair_going(
    cast, world, repaired, finding, state, is_revoked
):
    """鲁信用办〔2021〕5号 （四）: 对违规承诺的市场主体依法依规进行处理."""
    break_promise(cast, repaired, finding)
    assert requirements_of(repaired)["commitment"].state == state
    page = cast.reviewer.read(f"/cases/{repaired}")
    assert any(text.startswith("CH-") for text in page.links) == is_revoked
    db.session.rollback()
    begun = select(Case).where(Case.workflow == "revocation")
    repair = get_case(repaired)
    assert [one.about_id for one in db.session.scalars(begun)] == [repair.id] * is_revoked
    assert ledger_is_whole()


def test_a_commitment_broken_after_a_repair_that_failed_bars_the_next_one(cast, world, anybody):
    """…一（二）, 国家办法: 曾作出虚假承诺的, a bar of the rule pack's length; exposed meanwhile."""
    record = make_record(world.firm, world.agency)
    make_sanction(record, world.officer)
    ref = make_case(world, "withdrawn", workflow="repair", record=record).ref
    other = make_case(world, "accepted", workflow="repair").ref
    take(cast.subject, "withdraw", other)
    assert requirements_of(ref)["commitment"].state == "lapsed"  # never published
    break_promise(cast, other)
    db.session.rollback()
    until = db.session.get_one(Organisation, world.firm.id).barred_until
    assert until is not None
    assert until > today() + timedelta(days=365 * 2)
    page = cast.subject.fill(f"/records/{record.ref}/repair", statement="已整改。")
    assert page.status_code == 409
    shown = anybody.read("/commitments")
    assert BREACH["unfulfilled"] in shown.words
    assert "全部未履行" in shown.words


def test_who_announced_a_breach_does_not_find_it(cast, world, repaired):
    """权限分离: two units, two persons."""
    promise = promise_of(repaired)
    take(cast.provider, "announce_breach", promise, "requirements", **BREACH)
    take(cast.subject, "state_views", promise, "requirements", statement="不属实。")
    assert cast.provider.get(f"/requirements/{promise}/find_not_kept").status_code == 403
    torn = cast.torn_reviewer.get(f"/requirements/{promise}/find_not_kept")
    assert "目前不能办理" in torn.words


def test_a_provider_of_another_record_finds_nothing(cast, repaired):
    url = f"/requirements/{promise_of(repaired)}/announce_breach"
    assert cast.other_provider.get(url).status_code == 404


def test_a_stale_form_of_a_breach_is_not_taken(cast, repaired):
    promise = promise_of(repaired)
    url = f"/requirements/{promise}/announce_breach"
    page = cast.provider.get(url)
    take(
        cast.provider, "confirm_fulfilment", promise, "requirements", findings="一年内无同类行为。"
    )
    answer = cast.provider.send(page, url, **BREACH)
    assert answer.status_code == 409
