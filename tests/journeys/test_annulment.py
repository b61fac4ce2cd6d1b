"""The decision that a record rests on was annulled: the record goes, within three working days."""

import time_machine

from repair_app.calendar import add_working_days
from repair_app.db import db, now, today
from repair_app.engine.days import read_table
from repair_app.models import Case
from repair_app.services import timers
from tests.factories import make_case, make_record, make_sanction, open_matter
from tests.journeys.steps import (
    annul,
    ask_department,
    begin,
    case_of,
    in_days,
    ledger_is_whole,
    row_of,
    ruling,
    sanctions_of,
    state_on,
    steps_on,
    take,
    term_of,
    try_to,
)


def test_an_annulled_record_is_withdrawn_by_two_persons_of_the_provider(
    cast, world, anybody, digest
):
    """《山东省社会信用条例》第四十条: 三个工作日内; reported by one, signed by another."""
    record = make_record(world.firm, world.agency)
    make_sanction(record, world.officer)
    given = {**ruling("撤销原处罚决定。"), "annulled": "annulled"}
    page = cast.provider.fill(f"/records/{record.ref}/annulment", **{**given, "evidence": []})
    assert page.status_code == 400  # not without the decision
    ref = begin(cast.provider, "annulment", record, **given)
    due = add_working_days(today(), 3, read_table(db.session())).due_on
    assert term_of(ref, whole=True).due_on == due
    assert anybody.read(f"/records/{record.ref}")  # reported is not withdrawn
    before = digest()
    try_to(cast.provider, "sign", ref)
    assert digest() == before
    page = take(cast.second_provider, "sign", ref)
    assert state_on(page) == "已撤下记录"
    assert anybody.get(f"/records/{record.ref}").status_code == 404
    assert record.ref not in anybody.read(f"/?q={world.firm.uscc}").html
    assert row_of(record)["state"] == "withdrawn"
    assert row_of(record)["archived_at"] is not None
    assert {one.state for one in sanctions_of(record)} == {"ended"}
    assert ask_department(cast.officer, world.firm.uscc) == [False]
    assert "撤销原处罚决定。" in cast.subject.read(f"/cases/{ref}").words
    assert ledger_is_whole()


def test_what_the_provider_leaves_lying_is_withdrawn_by_the_centre_and_not_before(
    cast, world, anybody
):
    """《行政处罚法》第四十八条: 三日内撤回; the enterprise does not wait for a silent provider."""
    record = make_record(world.firm, world.agency)
    case = open_matter("annulment", record, world.provider)
    try_to(cast.reviewer, "sign_overdue", case.ref, reason="逾期。")
    with time_machine.travel(in_days(10)):
        timers.mark_overdue(now())
        timers.escalate(now())
        assert case_of(case.ref).state == "announced"
        page = take(cast.reviewer, "sign_overdue", case.ref, reason="提供单位逾期未撤下。")
        assert state_on(page) == "已撤下记录"
        assert anybody.get(f"/records/{record.ref}").status_code == 404


def test_a_mistaken_report_is_declined_by_a_colleague_and_the_record_stays(cast, world, anybody):
    """REDRESS 误报的，经他人复核终止: nobody takes a record off alone, nor keeps it alone."""
    record = make_record(world.firm, world.agency)
    make_sanction(record, world.officer)
    case = open_matter("annulment", record, world.provider)
    try_to(cast.provider, "decline", case.ref, reason="系误报。")
    take(cast.second_provider, "decline", case.ref, reason="文书属于另一企业。")
    assert case_of(case.ref).state == "declined"
    assert anybody.read(f"/records/{record.ref}")
    assert ask_department(cast.officer, world.firm.uscc) == [True]


def test_annulment_ends_every_other_matter_of_the_record(cast, world):
    """鲁信用办〔2021〕5号 （八）: nothing is left to decide."""
    record = make_record(world.firm, world.agency)
    make_sanction(record, world.officer)
    objection = make_case(world, "with_provider", record=record)
    repair = make_case(world, "submitted", workflow="repair", record=record)
    proceeding = open_matter("proceeding", record, world.subject)
    annul(cast, record)
    others = (objection, repair, proceeding)
    assert {case_of(one.ref).state for one in others} == {"moot"}
    db.session.rollback()
    assert all(one.lifted_at for one in sanctions_of(record)[0].suspensions)
    assert (
        not db.session.query(Case)
        .filter(Case.closed_at.is_(None))
        .filter(Case.workflow != "remedy")
        .count()
    )
    page = cast.subject.read(f"/cases/{objection.ref}")
    assert "withdraw" not in steps_on(page, objection.ref)


def test_only_the_recognising_unit_reports_an_annulment(cast, world):
    """《山东省社会信用条例》第四十条: 信息提供单位."""
    record = make_record(world.firm, world.agency)
    for client in (cast.subject, cast.reviewer, cast.officer, cast.other_provider):
        assert client.get(f"/records/{record.ref}/annulment").status_code in {403, 404}
