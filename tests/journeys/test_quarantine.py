"""再报送隔离: what was removed, corrected or repaired does not come back by a file （八）."""

from datetime import timedelta

import pytest
import time_machine
from sqlalchemy import func, select, update

from repair_app.db import db, today
from repair_app.models import Case, CreditRecord, QuarantinedRow
from repair_app.services import imports, quarantine, timers
from repair_app.services.transaction import transaction
from tests.factories import act, get_case, make_case
from tests.journeys.steps import (
    PROOF,
    decided,
    in_days,
    ledger_is_whole,
    state_on,
    steps_on,
    take,
    term_of,
    try_to,
)


def send(client, content):
    """Send a file on the provider's page; return the page with what became of it."""
    return client.follow(client.fill("/work/imports", file=(content, "处罚.csv")))


def verdicts_on(page):
    """Return the verdicts of a file that have a count other than none."""
    texts = ["".join(one.itertext()).split() for one in page.having("state")]
    return {word: int(count) for word, count in texts if int(count)}


def quarantines():
    """Return the quarantine cases, oldest first."""
    db.session.rollback()
    return db.session.scalars(
        select(Case).where(Case.workflow == "quarantine").order_by(Case.id)
    ).all()


def records():
    """Return the records on file, oldest first."""
    db.session.rollback()
    return db.session.scalars(select(CreditRecord).order_by(CreditRecord.id)).all()


def let_in(cast, ref):
    """Have a reviewer announce the release, the firm answer, and a second reviewer sign."""
    take(cast.reviewer, "announce_release", ref, reason="证据充分，拟准予入库。")
    take(cast.subject, "state_views", ref, statement="无意见。")
    return take(cast.second_reviewer, "release", ref, **decided("证据充分，准予入库。"))


def is_found(client, world):
    """Say whether the public finds a record of the firm."""
    return bool(client.read(f"/?q={world.firm.uscc}").having("table"))


@pytest.fixture
def removed(cast, world, make_file):
    """Give a record that came by a file and was withdrawn after an objection."""
    send(cast.provider, make_file())
    (record,) = records()
    case = make_case(world, "removal_executed", record=record)
    assert case.record.archived_at is not None
    return case.record


def test_what_was_removed_and_is_sent_again_is_quarantined_and_not_shown(
    cast, world, anybody, make_file, removed
):
    """鲁信用办〔2021〕5号 （八）: 从公示或查询页面删除，转为档案保存，不再作为失信惩戒的依据."""
    page = send(cast.provider, make_file())
    assert verdicts_on(page) == {"已隔离": 1}
    (case,) = quarantines()
    assert case.state == "quarantined"
    assert case.deadlines[0].clock == "quarantine_certificate"
    assert case.ref in cast.provider.read("/work").html
    assert not is_found(anybody, world)
    csv_address = next(one for one in page.links.values() if one.endswith("verdicts.csv"))
    assert "quarantined" in cast.provider.get(csv_address).get_data(as_text=True)


def test_sending_it_once_more_opens_no_second_case(cast, make_file, removed):
    send(cast.provider, make_file())
    page = send(cast.provider, make_file())
    assert verdicts_on(page) == {"已隔离": 1}
    assert len(quarantines()) == 1


def test_what_a_file_changes_of_a_removed_record_is_quarantined_as_well(cast, make_file, removed):
    """Another amount, or another number for the same deed: it is the removed record again."""
    for changes in ({"fine_10k": "3", "content": "罚款人民币3万元"}, {"decision_no": "虚罚1号"}):
        assert verdicts_on(send(cast.provider, make_file(changes))) == {"已隔离": 1}
    assert len(quarantines()) == 2


def test_the_operator_too_brings_nothing_back_alone(app, make_file, removed):
    """No command goes past the second person."""
    summary = imports.bring_in_file(make_file({"decision_no": "虚罚1号"}), "处罚.csv")
    assert summary.counts == {"accepted": 0, "duplicate": 0, "refused": 0, "quarantined": 1}


def test_the_provider_certifies_and_a_reviewer_lets_it_in_as_a_new_record(
    cast, world, anybody, make_file, removed
):
    """Certified with reasons and evidence; the archived record stays what it is."""
    send(cast.provider, make_file())
    (case,) = quarantines()
    ref = case.ref
    refused = cast.provider.fill(f"/cases/{ref}/certify", statement="经复查属实。")
    assert refused.status_code == 400  # no evidence
    take(cast.provider, "certify", ref, statement="原撤销有误，经复查处罚有效。", evidence=PROOF)
    assert not is_found(anybody, world)
    page = let_in(cast, ref)
    assert state_on(page) == "准予入库"
    old, new = records()
    assert (old.state, new.state) == ("withdrawn", "published")
    assert (new.decision_no, new.reinsertion) == (old.decision_no, 1)
    assert new.fine_10k == 2
    assert is_found(anybody, world)
    # The same file again is a duplicate of what is on file now.
    assert verdicts_on(send(cast.provider, make_file())) == {"重复": 1}
    assert ledger_is_whole()


@pytest.mark.parametrize(("days_over", "state"), [(0, "published"), (1, "expired")])
def test_what_is_let_in_on_its_last_day_is_shown_and_later_not_any_more(
    cast, world, make_file, removed, days_over, state
):
    """鲁信用办〔2021〕5号 （八）: a record is shown up to and with the last day of its term."""
    send(cast.provider, make_file())
    (case,) = quarantines()
    take(cast.provider, "certify", case.ref, statement="经复查处罚有效。", evidence=PROOF)
    take(cast.reviewer, "announce_release", case.ref, reason="证据充分，拟准予入库。")
    take(cast.subject, "state_views", case.ref, statement="无意见。")
    left = (removed.max_publication_until - today()).days
    with time_machine.travel(in_days(left + days_over)):
        act(world.second_reviewer, "release", get_case(case.ref))
    assert records()[-1].state == state


def test_what_is_let_in_as_a_minor_record_is_on_file_and_not_shown(
    cast, world, anybody, make_file, under
):
    """《信用修复管理办法》轻微失信信息: by the class of the row that is let in."""
    under("national")
    recent = {"decided_on": f"{today() - timedelta(days=20):%Y/%m/%d}"}
    send(cast.provider, make_file(recent))
    make_case(world, "removal_executed", record=records()[0])
    small = {"categories": "警告", "content": "警告", "fine_10k": "0", **recent}
    assert verdicts_on(send(cast.provider, make_file(small))) == {"已隔离": 1}
    (case,) = quarantines()
    take(cast.provider, "certify", case.ref, statement="经复查属实，处警告。", evidence=PROOF)
    let_in(cast, case.ref)
    assert records()[-1].state == "withheld"
    assert not is_found(anybody, world)
    assert ledger_is_whole()


def test_the_firm_is_told_and_heard_before_anything_comes_back(
    cast, world, anybody, make_file, removed
):
    """《行政处罚法》第四十四条、第四十五条（参照）: notice with reasons, and a term to answer."""
    send(cast.provider, make_file())
    ref = quarantines()[0].ref
    take(cast.provider, "certify", ref, statement="经复查属实。", evidence=PROOF)
    page = take(cast.reviewer, "announce_release", ref, reason="再审维持原处罚，拟准予入库。")
    assert state_on(page) == "拟准予入库，听取意见"
    assert term_of(ref).clock == "quarantine_hearing"
    page = cast.subject.read(f"/cases/{ref}")
    assert "再审维持原处罚，拟准予入库。" in page.words
    assert ref in cast.subject.read("/my").words
    assert "state_views" in steps_on(page, ref)
    try_to(cast.second_reviewer, "close_hearing", ref)
    assert len(records()) == 1
    take(cast.subject, "state_views", ref, statement="再审判决尚未生效。")
    assert "再审判决尚未生效。" in cast.second_reviewer.read(f"/cases/{ref}").words
    # Heard, it may still stay out, or go back to who certified it.
    assert {"keep_out", "return_to_provider"} <= steps_on(
        cast.second_reviewer.read(f"/cases/{ref}"), ref
    )
    page = take(cast.second_reviewer, "keep_out", ref, reason="判决尚未生效。")
    assert state_on(page) == "不准入库"
    assert not is_found(anybody, world)


def test_a_firm_that_is_silent_holds_nothing_up_and_one_person_lets_nothing_in(
    cast, make_file, removed
):
    """The hearing ends with its term; who announced the release does not sign it."""
    send(cast.provider, make_file())
    ref = quarantines()[0].ref
    take(cast.provider, "certify", ref, statement="经复查属实。", evidence=PROOF)
    take(cast.reviewer, "announce_release", ref, reason="拟准予入库。")
    with time_machine.travel(in_days(30)):
        take(cast.reviewer, "close_hearing", ref)
        for same_person in (cast.reviewer, cast.reviewer_again):
            try_to(same_person, "release", ref, **decided("准予入库。"))
        assert len(records()) == 1
        page = take(cast.second_reviewer, "release", ref, **decided("期满未陈述意见。"))
    assert state_on(page) == "准予入库"
    assert len(records()) == 2


def test_a_reviewer_keeps_it_out_and_it_stays_out(cast, world, anybody, make_file, removed):
    send(cast.provider, make_file())
    ref = quarantines()[0].ref
    take(cast.provider, "certify", ref, statement="经复查属实。", evidence=PROOF)
    page = take(cast.reviewer, "keep_out", ref, reason="异议决定已生效。")
    assert state_on(page) == "不准入库"
    assert verdicts_on(send(cast.provider, make_file())) == {"已隔离": 1}
    assert len(quarantines()) == 1
    assert len(records()) == 1
    assert not is_found(anybody, world)


def test_what_nobody_certifies_in_time_is_kept_out_by_a_person_not_by_time(
    cast, make_file, removed
):
    send(cast.provider, make_file())
    ref = quarantines()[0].ref
    try_to(cast.reviewer, "keep_out_uncertified", ref, reason="逾期。")
    with time_machine.travel(in_days(60)):
        page = take(cast.reviewer, "keep_out_uncertified", ref, reason="逾期未说明。")
    assert state_on(page) == "不准入库"


def test_the_provider_takes_back_what_it_sent_by_mistake(cast, make_file, removed):
    send(cast.provider, make_file())
    ref = quarantines()[0].ref
    page = take(cast.provider, "take_back", ref, reason="误报。")
    assert state_on(page) == "提供单位已撤回"


def test_nobody_on_the_subjects_side_lets_anything_in_or_keeps_it_out(cast, make_file, removed):
    send(cast.provider, make_file())
    ref = quarantines()[0].ref
    assert steps_on(cast.subject.read(f"/cases/{ref}"), ref) == set()
    take(cast.provider, "certify", ref, statement="经复查属实。", evidence=PROOF)
    try_to(cast.torn_reviewer, "announce_release", ref, reason="准予。")


def test_what_was_corrected_does_not_come_back_as_it_was(cast, world, make_file):
    """（八）对核实有误的信息，及时更正: a corrected record is not undone by its old file."""
    send(cast.provider, make_file())
    (record,) = records()
    case = make_case(world, "executed", record=record)
    assert case.record.fine_10k == 1
    assert verdicts_on(send(cast.provider, make_file())) == {"已隔离": 1}
    ref = quarantines()[0].ref
    take(cast.provider, "certify", ref, statement="更正有误。", evidence=PROOF)
    refused = try_to(cast.reviewer, "announce_release", ref, reason="准予。")
    assert "通过异议" in refused.words
    take(cast.reviewer, "keep_out", ref, reason="应另行提出异议。")
    # The file that says what the record says now is a duplicate.
    mended = make_file({"fine_10k": "1"})
    assert verdicts_on(send(cast.provider, mended)) == {"重复": 1}


def test_what_was_released_meanwhile_is_not_released_twice(cast, make_file, removed):
    """Two rows of one decision wait; one is let in, the other finds it on file."""
    send(cast.provider, make_file())
    send(cast.provider, make_file({"fine_10k": "3", "content": "罚款人民币3万元"}))
    first, second = [one.ref for one in quarantines()]
    for ref in (first, second):
        take(cast.provider, "certify", ref, statement="经复查属实。", evidence=PROOF)
    take(cast.reviewer, "announce_release", second, reason="拟准予入库。")
    let_in(cast, first)
    assert ledger_is_whole()
    take(cast.subject, "state_views", second, statement="已经入库。")
    try_to(cast.second_reviewer, "release", second, **decided("准予入库。"))
    assert len(records()) == 2
    # Nor is it announced once more.
    take(cast.second_reviewer, "return_to_provider", second, reason="已经入库。")
    take(cast.provider, "certify", second, statement="金额不同。", evidence=PROOF)
    try_to(cast.reviewer, "announce_release", second, reason="拟准予入库。")


def test_what_has_come_back_on_file_meanwhile_is_not_let_in_beside_it(cast, make_file, removed):
    """A repair that is undone brings the former record back: then nothing is let in."""
    send(cast.provider, make_file({"decision_no": "虚罚1号"}))
    ref = quarantines()[0].ref
    take(cast.provider, "certify", ref, statement="经复查属实。", evidence=PROOF)
    take(cast.reviewer, "announce_release", ref, reason="拟准予入库。")
    take(cast.subject, "state_views", ref, statement="无意见。")
    with transaction() as session:
        session.execute(
            update(CreditRecord)
            .where(CreditRecord.id == removed.id)
            .values(state="published", archived_at=None)
        )
    try_to(cast.second_reviewer, "release", ref, **decided("准予入库。"))
    assert len(records()) == 1


def test_a_quarantine_that_an_import_could_not_open_is_opened_by_the_timer(
    cast, make_file, removed, monkeypatch
):
    """Killed between the chunk and the case: nothing is lost."""
    monkeypatch.setattr(quarantine, "open_quarantine", lambda _row: False)
    send(cast.provider, make_file())
    assert quarantines() == []
    monkeypatch.undo()
    assert timers.open_quarantines(in_days(0)) == 1
    assert len(quarantines()) == 1
    assert timers.open_quarantines(in_days(0)) == 0


def test_the_quarantined_row_keeps_what_the_file_said(cast, make_file, removed):
    send(cast.provider, make_file({"fine_10k": "3.5", "content": "罚款人民币3.5万元"}))
    row = db.session.scalars(select(QuarantinedRow)).one()
    assert row.columns["fine_10k"] == "3.5"
    assert row.columns["decided_on"] == (today() - timedelta(days=150)).isoformat()
    assert db.session.scalar(select(func.count()).select_from(CreditRecord)) == 1
