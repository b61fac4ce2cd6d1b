"""更正: what it does against the enterprise, and to the measures that rest on the record."""

from datetime import timedelta

import pytest
import time_machine
from sqlalchemy import select, update

from repair_app.db import db, today
from repair_app.models import Case, FieldProposal, SanctionMeasure
from repair_app.services.transaction import transaction
from tests.factories import act, get_case, make_record, make_sanction
from tests.journeys.steps import (
    accept_and_forward,
    ask_department,
    begin,
    case_of,
    decided,
    dispute,
    in_days,
    is_marked,
    ledger_is_whole,
    row_of,
    sanctions_of,
    state_on,
    steps_on,
    take,
    term_of,
    try_to,
)

WORSE = {"findings": "经查，违法情节严重。", "value_violation_facts": "经查，情节严重。"}
BETTER = {"findings": "经查，情节轻微。", "value_violation_facts": "经查，已当场改正。"}
REASON = "经核对决定书，违法情节严重，更正后公示期延长，拟予更正。"


@pytest.fixture
def record(world):
    """Give a general record of firm A."""
    return make_record(world.firm, world.agency)


@pytest.fixture
def proposed(cast, record):
    """Give the reference of an objection by which the record would be a graver one."""
    ref = dispute(cast.subject, record)
    accept_and_forward(cast.reviewer, ref)
    take(cast.provider, "propose_correction", ref, **WORSE)
    return ref


# --- to the worse: told and heard first ---------------------------------------------------------


def test_a_correction_to_the_worse_is_announced_and_heard_before_it_is_signed(
    cast, anybody, record, proposed, digest
):
    """《行政处罚法》第四十四条、第四十五条（参照）: nobody is worse off by surprise."""
    before, ref = row_of(record), proposed
    page = cast.reviewer.read(f"/cases/{ref}")
    assert "announce_correction" in steps_on(page, ref)
    untouched = digest()
    try_to(cast.reviewer, "decide_correction", ref, note="同意。")
    assert digest() == untouched

    page = take(cast.reviewer, "announce_correction", ref, reason=REASON)
    assert state_on(page) == "拟作不利更正，听取意见"
    assert term_of(ref).clock == "objection_hearing"
    page = cast.subject.read(f"/cases/{ref}")
    assert REASON in page.words
    assert "经查，情节严重。" in page.words  # what the record is to say
    assert "state_views_on_correction" in steps_on(page, ref)
    assert row_of(record) == before
    assert is_marked(anybody, record)

    take(cast.subject, "state_views_on_correction", ref, statement="决定书未认定情节严重。")
    assert case_of(ref).state == "correction_heard"
    assert "决定书未认定情节严重。" in cast.second_reviewer.read(f"/cases/{ref}").words
    for same_person in (cast.reviewer, cast.reviewer_again):
        try_to(same_person, "sign_adverse_correction", ref, **decided("应予更正。"))
    assert row_of(record) == before

    page = take(
        cast.second_reviewer, "sign_adverse_correction", ref, **decided("决定书第三页已认定。")
    )
    assert state_on(page) == "已执行，待提供单位同步"
    after = row_of(record)
    assert after["severity_class"] == "serious"
    assert after["max_publication_until"] > before["max_publication_until"]
    assert not is_marked(anybody, record)
    assert "决定书第三页已认定。" in cast.subject.read(f"/cases/{ref}").words
    assert ledger_is_whole()


def test_the_hearing_on_a_correction_ends_with_its_term_and_not_before(cast, record, proposed):
    take(cast.reviewer, "announce_correction", proposed, reason=REASON)
    try_to(cast.second_reviewer, "close_hearing_on_correction", proposed)
    with time_machine.travel(in_days(30)):
        take(cast.second_reviewer, "close_hearing_on_correction", proposed)
        take(cast.second_reviewer, "sign_adverse_correction", proposed, **decided("期满。"))
    assert row_of(record)["severity_class"] == "serious"


def test_who_is_heard_with_success_has_it_verified_again(cast, record, proposed):
    """Heard means weighed: the provider looks again, and its earlier answer is gone."""
    before = row_of(record)
    take(cast.reviewer, "announce_correction", proposed, reason=REASON)
    take(cast.subject, "state_views_on_correction", proposed, statement="未认定情节严重。")
    take(cast.second_reviewer, "return_to_provider", proposed, reason="请再核实。")
    take(cast.provider, "propose_correction", proposed, **BETTER)
    take(cast.reviewer, "decide_correction", proposed)
    take(cast.second_reviewer, "sign_correction", proposed)
    after = row_of(record)
    assert after["severity_class"] == before["severity_class"]
    assert after["max_publication_until"] == before["max_publication_until"]


def test_a_correction_that_is_no_worse_is_not_announced(cast, record):
    ref = dispute(cast.subject, record)
    accept_and_forward(cast.reviewer, ref)
    take(cast.provider, "propose_correction", ref, **BETTER)
    assert "announce_correction" not in steps_on(cast.reviewer.read(f"/cases/{ref}"), ref)
    assert cast.reviewer.get(f"/cases/{ref}/announce_correction").status_code == 409
    take(cast.reviewer, "decide_correction", ref)


def test_the_centres_own_check_makes_nothing_worse(cast, record):
    """What the centre settles by itself is its own error; all else the provider answers for."""
    ref = dispute(cast.subject, record)
    take(cast.reviewer, "accept", ref)
    refused = cast.reviewer.fill(f"/cases/{ref}/check_correction", **WORSE)
    assert refused.status_code == 409
    assert record.ref in refused.words
    assert case_of(ref).state == "accepted"
    assert row_of(record)["severity_class"] == "general"
    take(cast.reviewer, "ask_provider", ref)  # the way that is left
    take(cast.provider, "propose_correction", ref, **WORSE)
    take(cast.reviewer, "announce_correction", ref, reason=REASON)


def test_a_self_correction_makes_nothing_worse(cast, record):
    """（八）自查自纠: our own errors; what turns against the firm goes by an objection."""
    ref = begin(
        cast.reviewer, "self_correction", record, ground="duplicate", findings="与另一条重复。"
    )
    refused = cast.provider.fill(f"/cases/{ref}/correct", **WORSE)
    assert refused.status_code == 409
    assert case_of(ref).state == "with_provider"
    take(cast.provider, "correct", ref, **BETTER)
    take(cast.second_reviewer, "confirm_correction", ref)
    assert row_of(record)["violation_facts"] == "经查，已当场改正。"


# --- measures that no longer fit ----------------------------------------------------------------


def remedies():
    """Return what has to be undone, by the department that owes it."""
    db.session.rollback()
    query = select(Case).where(Case.workflow == "remedy").order_by(Case.id)
    return [one.department_id for one in db.session.scalars(query)]


def correct(cast, record, **values):
    """Have an objection correct a record; return its reference."""
    ref = dispute(cast.subject, record)
    accept_and_forward(cast.reviewer, ref)
    take(cast.provider, "propose_correction", ref, findings="经查，应予更正。", **values)
    take(cast.reviewer, "decide_correction", ref)
    take(cast.second_reviewer, "sign_correction", ref)
    return ref


def test_a_measure_that_may_not_rest_on_the_corrected_class_ends_and_is_undone(cast, world):
    """《山东省社会信用条例》第三十条: A09 is for serious records only."""
    record = make_record(world.firm, world.agency, severity="serious")
    make_sanction(record, world.officer, code="A09")
    make_sanction(record, world.other_officer, code="A01", ends_on=today() + timedelta(days=30))
    act(world.officer, "report", sanctions_of(record)[0])
    stays = row_of(sanctions_of(record)[1])
    ref = correct(cast, record, value_violation_facts="经查，已当场改正。")
    assert row_of(record)["severity_class"] == "general"
    serious_only, any_class = sanctions_of(record)
    assert serious_only.state == "ended"
    assert all(one.lifted_at for one in serious_only.suspensions)
    assert row_of(any_class) == stays
    assert ask_department(cast.officer, world.firm.uscc) == [False]
    assert ask_department(cast.other_officer, world.firm.uscc) == [True]
    assert remedies() == [world.department.id]
    assert get_case(ref).state == "executed"
    assert ledger_is_whole()


def test_a_measure_does_not_outlast_the_corrected_record(cast, world):
    """鲁政发〔2017〕44号 二（四）19: its term ends with the record at the latest."""
    record = make_record(world.firm, world.agency, severity="serious")
    make_sanction(record, world.officer)
    make_sanction(record, world.other_officer, ends_on=today() + timedelta(days=30))
    for officer, sanction in zip(
        (world.officer, world.other_officer), sanctions_of(record), strict=True
    ):
        act(officer, "report", sanction)  # carried out, within both terms
    correct(cast, record, value_violation_facts="经查，已当场改正。")
    last = row_of(record)["max_publication_until"]
    long, short = sanctions_of(record)
    assert (long.state, long.ends_on) == ("in_force", last)
    assert short.ends_on == today() + timedelta(days=30)
    assert remedies() == []  # nothing was carried out beyond it


def test_a_self_correction_ends_what_no_longer_fits_too(cast, world):
    record = make_record(world.firm, world.agency, severity="serious")
    make_sanction(record, world.officer, code="A09")
    ref = begin(cast.reviewer, "self_correction", record, ground="duplicate", findings="定性有误。")
    take(cast.provider, "correct", ref, **BETTER)
    take(cast.second_reviewer, "confirm_correction", ref)
    assert [one.state for one in sanctions_of(record)] == ["ended"]


def test_what_was_carried_out_beyond_the_corrected_term_is_undone(cast, world):
    """鲁政发〔2017〕44号 二（四）20: harm done because of what was wrong is undone."""
    record = make_record(world.firm, world.agency, severity="serious", decided_days_ago=300)
    make_sanction(record, world.officer)
    with time_machine.travel(in_days(100)):  # beyond the maximum of a general record
        act(world.officer, "report", sanctions_of(record)[0])
        correct(cast, record, value_violation_facts="经查，已当场改正。")
        assert row_of(record)["max_publication_until"] < today()
        assert sanctions_of(record)[0].ends_on == row_of(record)["max_publication_until"]
        assert remedies() == [world.department.id]


def test_a_correction_to_the_worse_ends_what_no_longer_fits_too(cast, world, record, proposed):
    """…四（十三）: a measure that the list keeps for general records rests on no serious one."""
    with transaction() as session:
        session.execute(
            update(SanctionMeasure).where(SanctionMeasure.code == "A05").values(classes=["general"])
        )
    take(cast.subject, "withdraw", proposed)
    make_sanction(record, world.officer, code="A05")
    ref = dispute(cast.subject, record, ground="omission")
    accept_and_forward(cast.reviewer, ref)
    take(cast.provider, "propose_correction", ref, **WORSE)
    take(cast.reviewer, "announce_correction", ref, reason=REASON)
    take(cast.subject, "state_views_on_correction", ref, statement="无。")
    take(cast.second_reviewer, "sign_adverse_correction", ref, **decided("应予更正。"))
    assert [one.state for one in sanctions_of(record)] == ["ended"]


def test_the_centre_corrects_nothing_to_the_worse_in_a_self_correction(cast, record):
    ref = begin(
        cast.reviewer, "self_correction", record, ground="duplicate", findings="与另一条重复。"
    )
    with time_machine.travel(in_days(40)):
        take(cast.second_reviewer, "take_over", ref, reason="逾期未整改。")
        refused = cast.second_reviewer.fill(f"/cases/{ref}/correct_at_centre", **WORSE)
        assert refused.status_code == 409
        take(cast.second_reviewer, "correct_at_centre", ref, **BETTER)
        # What was reported has become worse since: it goes back, and is not confirmed.
        with transaction() as session:
            session.execute(
                update(FieldProposal)
                .where(FieldProposal.case_id == case_of(ref).id)
                .values(answered_value="经查，情节严重。")
            )
        try_to(cast.reviewer, "confirm_correction", ref)
        take(cast.reviewer, "return_to_centre", ref, reason="对企业不利，应由异议程序办理。")
    assert row_of(record)["severity_class"] == "general"
