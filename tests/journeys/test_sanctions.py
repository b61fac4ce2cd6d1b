"""Joint sanctions while a record is verified, and after: what the departments are told."""

from datetime import timedelta

import time_machine

from repair_app.db import today
from tests.factories import make_case, make_record, make_sanction
from tests.journeys.steps import (
    accept_and_forward,
    ask_department,
    case_of,
    decided,
    dispute,
    in_days,
    is_marked,
    ledger_is_whole,
    row_of,
    sanctions_of,
    steps_on,
    take,
)


def test_no_sanction_is_applied_because_of_a_record_that_is_being_verified(cast, world, anybody):
    """鲁政发〔2017〕44号 二（四）20: 核实期间暂不执行, every measure of every department."""
    record = make_record(world.firm, world.agency)
    make_sanction(record, world.officer)
    make_sanction(record, world.officer, code="A02")
    make_sanction(record, world.other_officer, code="M01")
    uscc = world.firm.uscc
    ref = dispute(cast.subject, record)
    accept_and_forward(cast.reviewer, ref)

    assert ask_department(cast.officer, uscc) == [False, False]
    assert ask_department(cast.other_officer, uscc) == [False]
    assert {one.state for one in sanctions_of(record)} == {"suspended"}
    page = cast.officer.read(f"/enforce?uscc={uscc}")
    assert "鲁政发〔2017〕44号 二（四）20" in page.words  # every answer cites its clause
    # The record itself stays public, with a mark.
    assert is_marked(anybody, record)
    assert anybody.read(f"/?q={uscc}").having("held")


def test_a_measure_cannot_be_imposed_while_the_record_is_verified(cast, world, digest):
    """鲁政发〔2017〕44号 二（四）20: what may not be executed may not be begun either."""
    record = make_record(world.firm, world.agency)
    measure = cast.officer.read(f"/records/{record.ref}/sanction").fields["measure_id"]
    make_case(world, "accepted", record=record)
    before = digest()
    page = cast.officer.fill(
        f"/records/{record.ref}/sanction",
        measure_id=measure,
        ends_on=(today() + timedelta(days=30)).isoformat(),
    )
    assert page.status_code == 409
    assert page.having("alert-danger")
    assert digest() == before


def test_a_department_imposes_a_measure_of_the_catalogue_and_lifts_it(cast, world):
    """…四（十三）: 严禁随意增加失信惩戒措施; 二（四）19: what has served its end is lifted."""
    record = make_record(world.firm, world.agency)
    form = cast.officer.read(f"/records/{record.ref}/sanction")
    answer = cast.officer.fill(
        f"/records/{record.ref}/sanction",
        measure_id=form.fields["measure_id"],
        ends_on=(today() + timedelta(days=30)).isoformat(),
    )
    assert answer.status_code == 302
    assert ask_department(cast.officer, world.firm.uscc) == [True]
    (sanction,) = sanctions_of(record)
    answer = cast.officer.fill(f"/sanctions/{sanction.ref}/lift", reason="已达惩戒目的。")
    assert answer.status_code == 302
    assert ask_department(cast.officer, world.firm.uscc) == [False]
    assert ledger_is_whole()


def test_a_measure_that_stands_is_not_imposed_a_second_time(cast, world, digest):
    """…四（十三）: one of a kind for each department; the page says so."""
    record = make_record(world.firm, world.agency)
    sanction = make_sanction(record, world.officer)
    before = digest()
    until = (today() + timedelta(days=30)).isoformat()
    page = cast.officer.fill(
        f"/records/{record.ref}/sanction", measure_id=str(sanction.measure_id), ends_on=until
    )
    assert page.status_code in {400, 409}
    assert page.mistakes or page.having("alert-danger")  # not the general page of a conflict
    assert page.fields["ends_on"] == until
    assert digest() == before


def test_a_measure_that_was_lifted_can_be_imposed_again_or_the_page_says_why_not(cast, world):
    """二（四）19: lifting is not a promise; what cannot be done is told at the form."""
    record = make_record(world.firm, world.agency)
    sanction = make_sanction(record, world.officer)
    assert cast.officer.fill(f"/sanctions/{sanction.ref}/lift", reason="解除。").status_code == 302
    until = (today() + timedelta(days=30)).isoformat()
    answer = cast.officer.fill(
        f"/records/{record.ref}/sanction", measure_id=str(sanction.measure_id), ends_on=until
    )
    if answer.status_code == 302:
        assert ask_department(cast.officer, world.firm.uscc) == [True, False]
    else:
        assert answer.mistakes or answer.having("alert-danger")
        assert answer.fields["ends_on"] == until


def test_no_measure_outside_the_catalogue_or_beyond_the_record_can_be_imposed(cast, world, digest):
    """…四（十三）: the catalogue is closed, and no term outlasts the publication."""
    record = make_record(world.firm, world.agency)
    url = f"/records/{record.ref}/sanction"
    soon = (today() + timedelta(days=30)).isoformat()
    measure = cast.officer.read(url).fields["measure_id"]
    before = digest()
    late = (record.max_publication_until + timedelta(days=1)).isoformat()
    for fields in (
        {"measure_id": "999999", "ends_on": soon},
        {"measure_id": measure, "ends_on": late},
        {"measure_id": measure, "ends_on": (today() - timedelta(days=1)).isoformat()},
    ):
        page = cast.officer.fill(url, **fields)
        assert page.status_code == 400
        assert page.mistakes
    assert digest() == before


def test_withdrawing_an_objection_restores_each_measure_exactly(cast, world, anybody):
    """鲁政发〔2017〕44号 二（四）20: what was suspended goes on as it was, in every property."""
    record = make_record(world.firm, world.agency)
    for officer, code in ((world.officer, "A01"), (world.other_officer, "M01")):
        make_sanction(record, officer, code=code, ends_on=today() + timedelta(days=90))
    before = [row_of(one) for one in sanctions_of(record)]
    ref = dispute(cast.subject, record)
    accept_and_forward(cast.reviewer, ref)
    with time_machine.travel(in_days(9)):
        take(cast.subject, "withdraw", ref, reason="已与原单位沟通。")
        assert [row_of(one) for one in sanctions_of(record)] == before
        assert ask_department(cast.officer, world.firm.uscc) == [True]
        assert not is_marked(anybody, record)
    (suspension,) = sanctions_of(record)[0].suspensions
    assert suspension.lifted_because == "withdraw"


def test_a_measure_goes_on_only_when_the_last_verification_has_ended(cast, world, anybody):
    """鲁政发〔2017〕44号 二（四）20: several open objections count, each for itself."""
    record = make_record(world.firm, world.agency)
    make_sanction(record, world.officer)
    before = row_of(sanctions_of(record)[0])
    first = dispute(cast.subject, record)
    second = dispute(cast.agent, record, ground="over_term")
    for ref in (first, second):
        take(cast.reviewer, "accept", ref)
    take(cast.subject, "withdraw", first)
    assert ask_department(cast.officer, world.firm.uscc) == [False]
    assert is_marked(anybody, record)
    take(cast.reviewer, "ask_provider", second)
    take(cast.provider, "confirm", second, findings="公示期未满。")
    take(cast.reviewer, "announce_rejection", second, reason="公示期未满。")
    take(cast.agent, "state_views", second, statement="请复核。")
    assert ask_department(cast.officer, world.firm.uscc) == [False]
    take(cast.second_reviewer, "sign_rejection", second, **decided("公示期未满。"))
    assert ask_department(cast.officer, world.firm.uscc) == [True]
    assert row_of(sanctions_of(record)[0]) == before
    assert not is_marked(anybody, record)


def test_an_objection_that_is_refused_suspends_nothing(cast, world, anybody, digest):
    """Only acceptance begins a verification: a refusal leaves measures and record untouched."""
    record = make_record(world.firm, world.agency)
    make_sanction(record, world.officer)
    ref = dispute(cast.subject, record)
    # What the case itself leaves, and the letter that tells of it; letters have numbers.
    told = ("letter", "message", "ref_counter")
    own = ("case_file", "event", "event_text", "stream", "form_token", "deadline", *told)
    before = digest(*own)
    take(
        cast.reviewer,
        "refuse",
        ref,
        code="quarrel_with_the_penalty",
        reason="对处罚决定不服。",
        remedy="可在六十日内申请行政复议。",
    )
    assert digest(*own) == before
    assert ask_department(cast.officer, world.firm.uscc) == [True]
    assert not is_marked(anybody, record)
    page = cast.subject.read(f"/cases/{ref}")
    assert "可在六十日内申请行政复议。" in page.words
    assert not steps_on(page, ref)


def test_the_department_may_lift_what_is_suspended_and_no_decision_brings_it_back(cast, world):
    """鲁政发〔2017〕44号 二（四）19: a measure that was lifted stays lifted."""
    record = make_record(world.firm, world.agency)
    sanction = make_sanction(record, world.officer)
    case = make_case(world, "accepted", record=record)
    answer = cast.officer.fill(f"/sanctions/{sanction.ref}/lift", reason="提前解除。")
    assert answer.status_code == 302
    take(cast.subject, "withdraw", case.ref)
    assert sanctions_of(record)[0].state == "ended"
    assert ask_department(cast.officer, world.firm.uscc) == [False]


def test_a_measure_whose_term_is_over_is_not_applied_whether_swept_or_not(cast, world, app):
    """鲁政发〔2017〕44号 二（四）19: its last day is its own; the day after, the answer is no."""
    record = make_record(world.firm, world.agency)
    sanction = make_sanction(record, world.officer, ends_on=today() + timedelta(days=3))
    uscc = world.firm.uscc
    with time_machine.travel(in_days(3)):
        assert ask_department(cast.officer, uscc) == [True]
    with time_machine.travel(in_days(4)):
        assert ask_department(cast.officer, uscc) == [False]
        assert row_of(sanction)["state"] == "in_force"
        app.test_cli_runner().invoke(args=["records", "expire"])
        assert row_of(sanction)["state"] == "lapsed"
        assert ask_department(cast.officer, uscc) == [False]


def test_a_record_whose_publication_is_over_is_no_ground_whether_swept_or_not(
    cast, world, app, anybody
):
    """鲁信用办〔2021〕5号 （八）: over is over, from the first moment of the day after."""
    record = make_record(world.firm, world.agency, decided_days_ago=360)
    make_sanction(record, world.officer)
    case = make_case(world, "with_provider", record=record)
    with time_machine.travel(in_days(20)):
        assert ask_department(cast.officer, world.firm.uscc) == [False]
        assert anybody.get(f"/records/{record.ref}").status_code == 404
        assert record.ref not in anybody.read(f"/?q={world.firm.uscc}").html
        app.test_cli_runner().invoke(args=["records", "expire"])
        assert anybody.get(f"/records/{record.ref}").status_code == 404
        assert case_of(case.ref).state == "moot"
        assert sanctions_of(record)[0].state == "ended"
        assert ledger_is_whole()


def test_a_dispute_about_one_record_leaves_the_others_of_the_firm_alone(cast, world, anybody):
    """鲁政发〔2017〕44号 二（四）20: because of that record, and no other."""
    disputed, other = (make_record(world.firm, world.agency) for _ in range(2))
    for one in (disputed, other):
        make_sanction(one, world.officer)
    before = row_of(sanctions_of(other)[0]), row_of(other)
    ref = dispute(cast.subject, disputed)
    accept_and_forward(cast.reviewer, ref)
    take(cast.provider, "propose_removal", ref, outcome="DELETED", findings="应予撤销。")
    take(cast.reviewer, "decide_removal", ref)
    take(cast.second_reviewer, "sign_removal", ref)
    assert (row_of(sanctions_of(other)[0]), row_of(other)) == before
    assert sorted(ask_department(cast.officer, world.firm.uscc)) == [False, True]
    assert anybody.read(f"/records/{other.ref}")


def test_a_department_is_answered_for_its_own_measures_only(cast, world):
    """Each department asks for itself; for a firm it has nothing against, nothing is enforced."""
    record = make_record(world.firm, world.agency)
    make_sanction(record, world.officer)
    assert ask_department(cast.other_officer, world.firm.uscc) == []
    assert ask_department(cast.officer, world.other_firm.uscc) == []
    page = cast.officer.read("/enforce?uscc=91370112MA9999999X")
    assert page.having("answer") == []
    assert cast.subject.get("/enforce").status_code == 403
    (sanction,) = sanctions_of(record)
    assert cast.other_officer.get(f"/sanctions/{sanction.ref}/lift").status_code in {403, 404}
