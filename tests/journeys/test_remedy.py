"""A measure that must not have been carried out: its harm is found, undone and checked."""

from datetime import timedelta

import pytest
import time_machine
from sqlalchemy import select

from repair_app.db import db, today
from repair_app.models import Case, Role
from repair_app.services import publication
from tests.factories import make_account, make_case, make_record, make_sanction
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
from tests.journeys.test_loop import feed_back


def remedies(record):
    """Return the remedies of a record, oldest first."""
    db.session.rollback()
    query = select(Case).where(Case.record_id == record.id, Case.workflow == "remedy")
    return list(db.session.scalars(query.order_by(Case.id)))


def carried_out_in_verification(cast, world):
    """Return a record with a measure that was carried out while the record was verified."""
    record = make_record(world.firm, world.agency)
    sanction = make_sanction(record, world.officer)
    make_case(world, "with_provider", record=record)
    feed_back(cast.officer, sanction)
    return record, sanction


def undo(cast, ref):
    """Undo the harm with a notice and proof."""
    return take(
        cast.officer,
        "undo",
        ref,
        statement="已恢复其投标资格。",
        notice="你单位的投标资格已恢复。",
        evidence=PROOF,
    )


def test_carrying_out_a_measure_while_the_record_is_verified_opens_a_remedy(cast, world):
    """鲁政发〔2017〕44号 二（四）20: 核实期间暂不执行; what was done all the same is undone."""
    record, _ = carried_out_in_verification(cast, world)
    (case,) = remedies(record)
    assert case.state == "owed"
    assert case.department_id == world.department.id
    assert "核实期间执行" in cast.reviewer.read(f"/records/{record.ref}").words
    assert case.ref in cast.officer.read("/enforce").words
    undo(cast, case.ref)
    take(cast.reviewer, "confirm", case.ref, note="已核对。")
    assert case_of(case.ref).state == "closed"
    page = cast.subject.read(f"/cases/{case.ref}")
    assert "你单位的投标资格已恢复。" in page.words
    assert "虚构市财政局" in page.words  # who carried it out
    assert ledger_is_whole()


@pytest.mark.parametrize("executed", ["yes", "no"])
def test_feedback_that_nothing_was_carried_out_is_no_incident(cast, world, executed):
    record = make_record(world.firm, world.agency)
    sanction = make_sanction(record, world.officer)
    make_case(world, "with_provider", record=record)
    feed_back(cast.officer, sanction, executed=executed)
    assert len(remedies(record)) == (executed == "yes")


def test_a_day_before_the_verification_is_no_incident_and_one_after_it_neither(cast, world):
    """The days of the verification count, and no others."""
    record = make_record(world.firm, world.agency)
    sanction = make_sanction(record, world.officer)
    start = today()
    with time_machine.travel(in_days(5)):
        case = make_case(world, "accepted", record=record)
    with time_machine.travel(in_days(9)):
        take(cast.subject, "withdraw", case.ref)
        feed_back(cast.officer, sanction, day=start + timedelta(days=4))
        feed_back(cast.officer, sanction, day=start + timedelta(days=9))
        assert remedies(record) == []
        feed_back(cast.officer, sanction, day=start + timedelta(days=8))
        assert len(remedies(record)) == 1
        feed_back(cast.officer, sanction, day=start + timedelta(days=5))
        assert len(remedies(record)) == 1  # one for each department


def test_a_day_outside_the_term_or_after_the_record_is_an_incident(cast, world):
    """鲁政发〔2017〕44号 二（四）19; 鲁信用办〔2021〕5号 （八）."""
    record = make_record(world.firm, world.agency)
    sanction = make_sanction(record, world.officer, ends_on=today() + timedelta(days=3))
    with time_machine.travel(in_days(5)):
        feed_back(cast.officer, sanction, day=today() - timedelta(days=1))
        assert [one.state for one in remedies(record)] == ["owed"]
    gone = make_record(world.firm, world.agency, decided_days_ago=360)
    sanction = make_sanction(gone, world.officer)
    with time_machine.travel(in_days(20)):
        publication.expire_records()
        feed_back(cast.officer, sanction)
        assert [one.state for one in remedies(gone)] == ["owed"]


def test_who_says_that_no_harm_was_done_is_checked_and_may_be_sent_back(cast, world):
    record, _ = carried_out_in_verification(cast, world)
    (case,) = remedies(record)
    take(cast.officer, "explain", case.ref, statement="系受理当日上午办理。", evidence=PROOF)
    take(cast.reviewer, "return_undoing", case.ref, reason="实际为次日办理。")
    assert case_of(case.ref).state == "owed"
    undo(cast, case.ref)
    take(cast.reviewer, "return_undoing", case.ref, reason="未见资格恢复的证明。")
    take(cast.officer, "explain", case.ref, statement="系误报。", evidence=PROOF)
    take(cast.reviewer, "dismiss", case.ref, reason="确系误报。")
    assert state_on(cast.subject.read(f"/cases/{case.ref}")) == "经核对未造成影响"


def test_who_undid_harm_that_was_sent_back_may_check_what_another_undid_since(cast, world):
    """Each undoing is checked by a second person; who did one that was sent back is free again."""
    record, _ = carried_out_in_verification(cast, world)
    (case,) = remedies(record)
    words = {"statement": "已恢复其投标资格。", "notice": "已恢复。", "evidence": PROOF}
    with time_machine.travel(in_days(60)):
        take(cast.reviewer, "undo_in_its_place", case.ref, **words)
        try_to(cast.reviewer, "return_undoing", case.ref, reason="未见证明。")
        take(cast.second_reviewer, "return_undoing", case.ref, reason="未见证明。")
    with time_machine.travel(in_days(120)):
        take(cast.second_reviewer, "undo_in_its_place", case.ref, **words)
        try_to(cast.second_reviewer, "confirm", case.ref, note="已核对。")
        take(cast.reviewer, "confirm", case.ref, note="已核对。")
    assert case_of(case.ref).state == "closed"


def test_harm_is_not_undone_without_a_notice_and_proof(cast, world, digest):
    """鲁政发〔2017〕44号 二（四）20: 恢复其信誉、消除不良影响, shown by papers."""
    record, _ = carried_out_in_verification(cast, world)
    (case,) = remedies(record)
    before = digest()
    page = cast.officer.fill(f"/cases/{case.ref}/undo", statement="已恢复。", notice="已恢复。")
    assert page.status_code == 400
    assert page.mistakes
    assert digest() == before


def test_the_enterprise_sees_the_remedy_and_adds_a_statement(cast, world):
    record, _ = carried_out_in_verification(cast, world)
    (case,) = remedies(record)
    assert case.ref in cast.subject.read("/my").words
    take(cast.subject, "add_statement", case.ref, statement="我单位因此未能中标。")
    assert "我单位因此未能中标。" in cast.reviewer.read(f"/cases/{case.ref}").words
    assert steps_on(cast.subject.read(f"/cases/{case.ref}"), case.ref) == {"add_statement"}
    assert cast.other_officer.get(f"/cases/{case.ref}").status_code == 404
    assert cast.stranger.get(f"/cases/{case.ref}").status_code == 404


def test_who_acts_for_the_department_does_not_check_its_remedy(cast, world):
    """Nobody checks their own side's work."""
    record, _ = carried_out_in_verification(cast, world)
    (case,) = remedies(record)
    undo(cast, case.ref)
    make_account(world.department, Role.DEPARTMENT, same_person_as=world.reviewer)
    try_to(cast.reviewer, "confirm", case.ref)
    take(cast.second_reviewer, "confirm", case.ref)


def test_an_upheld_objection_opens_a_remedy_for_each_department_that_acted(cast, world):
    """鲁政发〔2017〕44号 二（四）20: 因不当采取联合惩戒措施损害……的，应恢复其信誉、消除不良影响."""
    record = make_record(world.firm, world.agency)
    acted = make_sanction(record, world.officer)
    make_sanction(record, world.other_officer, code="M01")  # never carried out
    feed_back(cast.officer, acted)
    case = make_case(world, "removal_decided", record=record)
    assert remedies(record) == []
    take(cast.second_reviewer, "sign_removal", case.ref)
    (remedy,) = remedies(record)
    assert remedy.department_id == world.department.id
    assert remedy.about_id == case.id
    assert remedy.state == "owed"  # although the record has ended
