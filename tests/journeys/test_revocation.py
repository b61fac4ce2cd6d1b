"""A repair that was had by falsehood is undone, after the enterprise was heard."""

from datetime import timedelta

import pytest
import time_machine
from sqlalchemy import update

from repair_app.calendar import add_period
from repair_app.db import db, today
from repair_app.models import CreditRecord
from repair_app.services.transaction import transaction
from tests.factories import make_case, make_record, make_sanction, open_matter
from tests.journeys.steps import (
    PAPER,
    ask_department,
    begin,
    case_of,
    decided,
    in_days,
    ledger_is_whole,
    row_of,
    sanctions_of,
    state_on,
    steps_on,
    take,
    try_to,
)

FALSE = {"falsehood": "false_material", "reason": "缴款凭证系伪造。", "evidence": PAPER}


@pytest.fixture
def repaired(world):
    """Give a record that was repaired."""
    record = make_record(world.firm, world.agency)
    make_sanction(record, world.officer)
    make_case(world, "closed", workflow="repair", record=record)
    return record


def revoke(cast, record):
    """Undo the repair of a record; return the reference of the matter."""
    ref = begin(cast.provider, "revocation", record, **FALSE)
    take(cast.subject, "state_views", ref, statement="凭证由代理机构提供。")
    take(cast.reviewer, "propose", ref, reason="经查证系伪造。")
    take(cast.second_reviewer, "sign", ref, **decided("撤销。"))
    return ref


def test_a_repair_by_false_material_is_undone_after_notice_hearing_and_two_signatures(
    cast, world, anybody, repaired
):
    """《信用修复管理办法》: 提供虚假材料的，撤销修复，恢复公示至最长公示期."""
    record, until = repaired, repaired.max_publication_until
    assert anybody.get(f"/records/{record.ref}").status_code == 404
    ref = begin(cast.provider, "revocation", record, **FALSE)
    page = cast.subject.read(f"/cases/{ref}")
    assert "缴款凭证系伪造。" in page.words
    assert state_on(page) == "拟撤销修复，听取意见"
    assert "propose" not in steps_on(cast.reviewer.read(f"/cases/{ref}"), ref)
    take(cast.subject, "state_views", ref, statement="凭证由代理机构提供。")
    assert "凭证由代理机构提供。" in cast.reviewer.read(f"/cases/{ref}").words
    take(cast.reviewer, "propose", ref, reason="经查证系伪造。")
    assert anybody.get(f"/records/{record.ref}").status_code == 404  # one decision changes nothing
    for again in (cast.reviewer, cast.reviewer_again):
        try_to(again, "sign", ref, **decided("撤销。"))
    page = take(cast.second_reviewer, "sign", ref, **decided("撤销。"))
    assert state_on(page) == "已撤销修复"

    assert anybody.read(f"/records/{record.ref}")
    assert record.ref in anybody.read(f"/?q={world.firm.uscc}").html
    assert row_of(record)["max_publication_until"] == until
    assert row_of(record)["archived_at"] is None
    # The measures ended with the repair; a department imposes them anew, by its own decision.
    assert {one.state for one in sanctions_of(record)} == {"ended"}
    assert ask_department(cast.officer, world.firm.uscc) == [False]
    assert ledger_is_whole()


def test_the_falsehood_goes_on_record_and_bars_a_repair_for_as_long_as_the_rules_say(
    cast, world, anybody, under
):
    """《信用修复管理办法》: 记入信用记录, 三年内不得申请修复."""
    under("national")
    record = make_record(world.firm, world.agency, decided_days_ago=120)
    case = make_case(world, "submitted", workflow="repair", record=record)
    take(cast.reviewer, "accept", case.ref)
    other = make_record(world.firm, world.agency, decided_days_ago=120)
    ref = revoke(cast, record)
    until = add_period(today(), 36)
    db.session.rollback()
    assert world.firm.barred_until == until
    page = cast.subject.fill(f"/records/{other.ref}/repair", statement="已整改。")
    assert page.status_code == 409
    assert f"{until.year}年{until.month}月{until.day}日" in page.words
    new = db.session.query(CreditRecord).filter_by(decision_no=ref).one()
    assert new.ref in anybody.read(f"/?q={world.firm.uscc}").html
    assert "虚假材料" in anybody.read(f"/records/{new.ref}").words
    assert ledger_is_whole()
    # It can be disputed like any other record.
    assert (
        f"/records/{new.ref}/objection" in cast.subject.read(f"/records/{new.ref}").links.values()
    )
    with time_machine.travel(in_days((until - today()).days + 1)):
        db.session.rollback()
        assert world.firm.barred_until < today()
    # What it says is sealed as that of an imported one is: rewritten, it is found.
    with transaction() as session:
        session.execute(
            update(CreditRecord).where(CreditRecord.decision_no == ref).values(remark="x")
        )
    assert not ledger_is_whole()


def test_a_repair_that_is_still_running_is_undone_before_it_is_granted(cast, world, anybody):
    """《信用修复管理办法》: 承诺不实; who is barred is granted nothing meanwhile either."""
    record = make_record(world.firm, world.agency)
    case = make_case(world, "grant_proposed", workflow="repair", record=record)
    revoke(cast, record)
    page = try_to(cast.second_reviewer, "sign_grant", case.ref)
    assert page.having("alert-danger")
    assert anybody.read(f"/records/{record.ref}")


def test_a_suspicion_that_does_not_hold_is_dropped_and_the_repair_stays(
    cast, world, anybody, repaired
):
    """《行政处罚法》第四十五条（参照）: the facts that were put forward are checked."""
    ref = begin(cast.provider, "revocation", repaired, **FALSE)
    take(cast.subject, "state_views", ref, statement="凭证属实，见银行证明。")
    page = take(cast.reviewer, "drop", ref, reason="银行确认凭证属实。")
    assert state_on(page) == "不予撤销"
    assert anybody.get(f"/records/{repaired.ref}").status_code == 404
    db.session.rollback()
    assert world.firm.barred_until is None
    assert db.session.query(CreditRecord).count() == 1
    assert "银行确认凭证属实。" in cast.subject.read(f"/cases/{ref}").words


def test_the_hearing_ends_with_its_term_and_not_before(cast, world, repaired):
    """《行政处罚法》第六十四条（参照）: five working days; silence is no bar."""
    case = open_matter("revocation", repaired, world.provider)
    try_to(cast.reviewer, "close_hearing", case.ref)
    with time_machine.travel(in_days(15)):
        take(cast.reviewer, "close_hearing", case.ref)
    assert case_of(case.ref).state == "heard"


def test_who_reported_the_falsehood_does_not_decide_on_it(cast, world, repaired):
    """Who accuses is not the judge; a reviewer's report is decided by two others."""
    case = open_matter("revocation", repaired, world.reviewer)
    take(cast.subject, "state_views", case.ref, statement="属实。")
    for again in (cast.reviewer, cast.reviewer_again):
        try_to(again, "propose", case.ref, reason="系伪造。")
        try_to(again, "drop", case.ref, reason="不成立。")
    take(cast.second_reviewer, "propose", case.ref, reason="系伪造。")
    for again in (cast.reviewer, cast.reviewer_again, cast.second_reviewer):
        try_to(again, "sign", case.ref, **decided("撤销。"))
    assert case_of(case.ref).state == "proposed"


def test_where_no_repair_was_applied_for_there_is_nothing_to_undo(cast, world):
    """Neither offered nor taken."""
    record = make_record(world.firm, world.agency)
    page = cast.provider.read(f"/records/{record.ref}")
    assert f"/records/{record.ref}/revocation" not in page.links.values()
    assert cast.subject.get(f"/records/{record.ref}/revocation").status_code == 403
    page = cast.provider.fill(f"/records/{record.ref}/revocation", **FALSE)
    assert page.status_code == 409


def test_after_the_maximum_nothing_is_published_again(cast, world, repaired):
    """《信用修复管理办法》: 恢复公示至最长公示期, and not beyond."""
    days = (repaired.max_publication_until - today() + timedelta(days=1)).days
    with time_machine.travel(in_days(days)):
        page = cast.provider.fill(f"/records/{repaired.ref}/revocation", **FALSE)
        assert page.status_code == 409
