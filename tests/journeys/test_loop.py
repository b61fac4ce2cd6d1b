"""The loop of a joint sanction: initiated, responded to, carried out, fed back, evaluated."""

from datetime import timedelta

import pytest
import time_machine
from sqlalchemy import select
from stdnum.cn import uscc

from repair_app.db import db, now, today
from repair_app.models import Case, Deadline, Event, Organisation, Role, SanctionMeasure
from repair_app.models.parties import OrganisationKind
from repair_app.services import timers
from repair_app.services.transaction import transaction
from tests.factories import make_account, make_case, make_organisation, make_record, make_sanction
from tests.journeys.steps import (
    annul,
    ask_department,
    case_of,
    dispute,
    in_days,
    ledger_is_whole,
    sanctions_of,
    steps_on,
    take,
    try_to,
)


def measure_id(code):
    """Return the id of a measure of the catalogue, as the form sends it."""
    query = select(SanctionMeasure.id).where(SanctionMeasure.code == code)
    return str(db.session.scalar(query))


def initiate(client, record, department, code="A01", **fields):
    """Send the form by which the lead agency initiates a measure; return the answer."""
    return client.fill(
        f"/records/{record.ref}/initiate",
        measure_id=measure_id(code),
        department_id=str(department.id),
        ends_on=(today() + timedelta(days=90)).isoformat(),
        **fields,
    )


def initiated(cast, world, code="A01", **fields):
    """Return a record and the measure that was initiated on it."""
    record = make_record(world.firm, world.agency)
    answer = initiate(cast.provider, record, world.department, code, **fields)
    assert answer.status_code == 302, answer.mistakes
    return record, sanctions_of(record)[0]


def terms_of(ref):
    """Return the running terms of a measure: clock -> who has to act."""
    running = select(Deadline).where(Deadline.entity_ref == ref, Deadline.met_at.is_(None))
    return {one.clock: one.owner for one in db.session.scalars(running)}


def feed_back(client, sanction, *, executed="yes", day=None):
    """Feed back whether a measure was carried out on a day."""
    return take(
        client,
        "report",
        sanction.ref,
        "sanctions",
        happened_on=(day or today()).isoformat(),
        executed=executed,
        account="对其投标资格予以限制。",
    )


def evaluate(client, sanction):
    """Evaluate what was fed back."""
    return take(
        client,
        "evaluate",
        sanction.ref,
        "sanctions",
        evaluation="effective",
        findings="企业已停止违法行为。",
    )


def test_a_measure_goes_round_the_whole_loop(cast, world):
    """济阳信用办〔2020〕2号 （十）2：发起、响应、执行反馈的闭环管理; …四（十三）评估反馈."""
    record, sanction = initiated(cast, world)
    assert sanction.state == "initiated"
    assert terms_of(sanction.ref) == {"sanction_response": "department"}
    assert ask_department(cast.officer, world.firm.uscc) == [False]  # not yet accepted
    take(cast.officer, "accept", sanction.ref, "sanctions")
    assert ask_department(cast.officer, world.firm.uscc) == [True]
    assert terms_of(sanction.ref) == {"sanction_feedback": "department"}
    try_to(cast.provider, "evaluate", sanction.ref, "sanctions", findings="尚无反馈。")
    feed_back(cast.officer, sanction)
    assert terms_of(sanction.ref) == {"sanction_evaluation": "provider"}
    assert sanction.ref in cast.provider.read("/sanctions").words
    evaluate(cast.provider, sanction)
    assert terms_of(sanction.ref) == {}
    assert sanctions_of(record)[0].evaluation == "effective"
    assert ask_department(cast.officer, world.firm.uscc) == [True]  # evaluating ends nothing
    assert ledger_is_whole()


def test_an_evaluation_is_owed_still_when_the_measure_has_ended(cast, world):
    """…四（十三）: what was fed back is evaluated, whatever became of the measure since."""
    record, sanction = initiated(cast, world)
    take(cast.officer, "accept", sanction.ref, "sanctions")
    feed_back(cast.officer, sanction)
    take(cast.officer, "lift", sanction.ref, "sanctions", reason="企业已整改。")
    assert sanctions_of(record)[0].state == "ended"
    assert terms_of(sanction.ref) == {"sanction_evaluation": "provider"}
    evaluate(cast.provider, sanction)
    assert terms_of(sanction.ref) == {}
    assert ledger_is_whole()


def test_the_department_page_says_what_waits_for_it(cast, world):
    """鲁政发〔2017〕44号 二（四）16: to respond, then to feed back."""
    _, sanction = initiated(cast, world)
    assert sanction.ref in cast.officer.read("/enforce").words
    assert "待响应" in cast.officer.read("/enforce").words
    take(cast.officer, "accept", sanction.ref, "sanctions")
    assert "待反馈" in cast.officer.read("/enforce").words
    feed_back(cast.officer, sanction, executed="no")
    assert "待反馈" not in cast.officer.read("/enforce").words
    assert sanction.ref not in cast.other_officer.read("/enforce").words


def test_a_recommended_measure_may_be_declined_with_reasons(cast, world):
    """鲁政发〔2017〕44号 二（四）18: 推荐性措施，可根据实际情况实施."""
    record, sanction = initiated(cast, world, "A05")
    take(cast.officer, "decline", sanction.ref, "sanctions", reason="不属本单位监管对象。")
    assert sanctions_of(record)[0].state == "declined"
    assert "不属本单位监管对象。" in cast.provider.read(f"/records/{record.ref}").words
    assert ask_department(cast.officer, world.firm.uscc) == [False]


def test_a_mandatory_measure_may_not_be_declined(cast, world, digest):
    """鲁政发〔2017〕44号 二（四）18: 强制性措施，依法必须联合执行."""
    _, sanction = initiated(cast, world)
    before = digest()
    try_to(cast.officer, "decline", sanction.ref, "sanctions", reason="不便执行。")
    assert digest() == before


def test_an_overdue_response_is_marked_and_closes_nothing(cast, world):
    """Nothing ever closes by silence: a measure that nobody accepts is not in force either."""
    record, sanction = initiated(cast, world)
    with time_machine.travel(in_days(40)):
        timers.mark_overdue(now())
        (term,) = db.session.scalars(select(Deadline).where(Deadline.entity_ref == sanction.ref))
        assert term.overdue_at is not None
        assert sanctions_of(record)[0].state == "initiated"
        assert ask_department(cast.officer, world.firm.uscc) == [False]
        assert cast.officer.read("/enforce").having("late")


def test_the_lead_agency_takes_an_initiation_back_before_the_response(cast, world):
    record, sanction = initiated(cast, world)
    take(cast.provider, "retract", sanction.ref, "sanctions", reason="发起有误。")
    assert sanctions_of(record)[0].state == "ended"
    assert cast.officer.get(f"/sanctions/{sanction.ref}/accept").status_code == 409


def test_only_the_provider_of_the_record_initiates_and_evaluates(cast, world):
    """鲁政发〔2017〕44号 二（四）16: 各领域主管部门负责确定惩戒对象、发起联合惩戒."""
    record, sanction = initiated(cast, world)
    assert cast.other_provider.get(f"/records/{record.ref}/initiate").status_code == 403
    assert cast.officer.get(f"/records/{record.ref}/initiate").status_code == 403
    assert cast.other_provider.get(f"/sanctions/{sanction.ref}/evaluate").status_code == 404
    assert cast.other_officer.get(f"/sanctions/{sanction.ref}/accept").status_code == 404


def test_what_was_initiated_is_not_accepted_while_the_record_is_verified(cast, world):
    """鲁政发〔2017〕44号 二（四）20, and withdrawal leaves the initiation as it was."""
    record, sanction = initiated(cast, world)
    ref = dispute(cast.subject, record)
    take(cast.reviewer, "accept", ref)
    page = cast.officer.get(f"/sanctions/{sanction.ref}/accept")
    assert page.having("alert-danger")
    take(cast.subject, "withdraw", ref, reason="已沟通。")
    assert sanctions_of(record)[0].state == "initiated"
    take(cast.officer, "accept", sanction.ref, "sanctions")
    assert ask_department(cast.officer, world.firm.uscc) == [True]


def test_the_department_acknowledges_that_it_has_stopped_and_feeds_back_anew(cast, world):
    """鲁政发〔2017〕44号 二（四）20: each department is asked, and asked again when it resumes."""
    record = make_record(world.firm, world.agency)
    sanction = make_sanction(record, world.officer)
    feed_back(cast.officer, sanction)
    owed = {"sanction_evaluation": "provider"}  # whatever becomes of the measure
    case = make_case(world, "accepted", record=record)
    assert terms_of(sanction.ref) == {"sanction_response": "department", **owed}
    take(cast.officer, "acknowledge", sanction.ref, "sanctions")
    assert terms_of(sanction.ref) == owed
    assert "acknowledge" not in steps_on(cast.officer.read(f"/records/{record.ref}"), sanction.ref)
    take(cast.subject, "withdraw", case.ref)
    assert terms_of(sanction.ref) == {"sanction_feedback": "department", **owed}


# --- the catalogue ------------------------------------------------------------------------------


def test_a_measure_taken_off_the_catalogue_is_neither_offered_nor_enforced(cast, world):
    """…四（十三）：严禁随意增加; 济阳信用办〔2020〕2号 （十）1：清单动态更新."""
    record = make_record(world.firm, world.agency)
    make_sanction(record, world.officer)
    with transaction() as session:
        query = select(SanctionMeasure).where(SanctionMeasure.code == "A01")
        session.scalars(query).one().withdrawn_on = today()
    assert ask_department(cast.officer, world.firm.uscc) == [False]
    assert "已移出清单" in cast.officer.read("/enforce").words
    page = cast.other_officer.fill(
        f"/records/{record.ref}/sanction",
        measure_id=measure_id("A01"),
        ends_on=(today() + timedelta(days=30)).isoformat(),
    )
    assert page.status_code == 400
    assert page.mistakes


@pytest.mark.parametrize("severity", ["general", "serious"])
def test_a_measure_of_the_serious_list_rests_on_serious_records_only(cast, world, severity):
    """山东省社会信用条例 第二十八条、第三十条."""
    record = make_record(world.firm, world.agency, severity=severity)
    answer = initiate(cast.provider, record, world.department, "A09")
    assert answer.status_code == (302 if severity == "serious" else 400)  # it is not offered


def test_a_slight_record_bears_no_measure(cast, world):
    """惩戒泛化: what is slight is no ground for any measure of the list."""
    record = make_record(world.firm, world.agency, severity="minor", decided_days_ago=20)
    assert initiate(cast.provider, record, world.department, "A05").status_code in {400, 409}


# --- measures on persons ------------------------------------------------------------------------


def reach_a_person(cast, world, *, account=""):
    """Return a serious record with a measure on its legal representative."""
    record = make_record(world.firm, world.agency, severity="serious")
    answer = initiate(
        cast.provider,
        record,
        world.department,
        "P02",
        person_role="legal_representative",
        person_name="赵虚构",
        person_account=account,
    )
    assert answer.status_code == 302, answer.mistakes
    return record, sanctions_of(record)[0]


def test_a_measure_on_a_person_names_nobody_to_those_whom_it_does_not_concern(cast, world, anybody):
    """…四（十四）惩戒到人; 山东省社会信用条例 第二十条: never public, nor to other departments."""
    record, sanction = reach_a_person(cast, world)
    address = f"/records/{record.ref}"
    for reader in (cast.officer, cast.provider, cast.reviewer):
        assert "赵虚构" in reader.read(address).html
    for reader in (anybody, cast.subject, cast.other_officer, cast.stranger):
        assert "赵虚构" not in reader.read(address).html
    assert "赵虚构" not in cast.other_officer.read("/enforce?uscc=" + world.firm.uscc).html
    assert "法定代表人" in cast.subject.read(address).words  # that somebody is reached is told
    events = db.session.scalars(select(Event).where(Event.entity == sanction.ref))
    assert all("赵虚构" not in one.payload for one in events)


def test_a_measure_on_a_person_has_its_own_term_and_its_own_end(cast, world):
    """鲁政发〔2017〕44号 二（三）15."""
    record, person = reach_a_person(cast, world)
    other = make_sanction(record, world.officer, ends_on=today() + timedelta(days=200))
    take(cast.officer, "accept", person.ref, "sanctions")
    with time_machine.travel(in_days(91)):
        assert ask_department(cast.officer, world.firm.uscc) == [True, False]
    assert other.ref != person.ref


def test_a_measure_that_reaches_persons_needs_one_and_others_take_none(cast, world):
    """…四（十四）: 法定代表人或主要负责人、实际控制人, in a named role."""
    record = make_record(world.firm, world.agency, severity="serious")
    assert initiate(cast.provider, record, world.department, "P02").status_code == 409
    named = {"person_role": "principal", "person_name": "赵虚构"}
    assert initiate(cast.provider, record, world.department, "A09", **named).status_code == 409
    assert (
        initiate(
            cast.provider, record, world.department, "P02", person_role="principal"
        ).status_code
        == 400
    )
    assert sanctions_of(record) == []


def test_a_person_whom_a_measure_reaches_objects_in_their_own_name(cast, world, as_):
    """…四（十四）; 鲁政发〔2017〕44号 二（四）20: the right to object is the person's own."""
    person = make_account(world.other_firm, Role.SUBJECT, name="赵虚构", email="zhao@example.com")
    record, sanction = reach_a_person(cast, world, account="zhao@example.com")
    take(cast.officer, "accept", sanction.ref, "sanctions")
    firms = dispute(cast.subject, record)  # the enterprise's own objection, on the same ground
    browser = as_(person)
    assert record.ref in str(browser.read("/my/measures").links)
    ref = dispute(browser, record)
    assert ref != firms
    take(cast.reviewer, "accept", ref)
    assert ask_department(cast.officer, world.firm.uscc) == [False]
    assert case_of(ref).state == "accepted"
    assert "赵虚构" not in cast.subject.read(f"/records/{record.ref}").html
    # Theirs alone: neither sees the other's.
    assert browser.get(f"/cases/{firms}").status_code == 404
    assert cast.subject.get(f"/cases/{ref}").status_code == 404
    assert ref in browser.read("/my/measures").words
    assert browser.get(f"/records/{record.ref}/repair").status_code in {403, 404}
    take(browser, "withdraw", ref, reason="已查明。")
    assert ask_department(cast.officer, world.firm.uscc) == [True]


def test_an_objection_in_a_persons_own_name_ends_with_the_record_and_the_firm_reads_nothing_of_it(
    cast, world, as_
):
    """四（十四）: it is the person's own; a step that ends it with the rest does not tell on it."""
    person = make_account(world.other_firm, Role.SUBJECT, name="赵虚构", email="zhao@example.com")
    record, sanction = reach_a_person(cast, world, account="zhao@example.com")
    take(cast.officer, "accept", sanction.ref, "sanctions")
    firms, own = dispute(cast.subject, record), dispute(as_(person), record)
    annul(cast, record)
    assert case_of(own).state == "moot"
    annulment = db.session.scalars(select(Case.ref).where(Case.workflow == "annulment")).one()
    page = cast.subject.read(f"/cases/{annulment}")
    assert firms in page.html
    assert own not in page.html
    assert own in cast.reviewer.read(f"/cases/{annulment}").html
    # Whose it is reads how it ended.
    assert "因记录终止而终结" in as_(person).read(f"/cases/{own}").words


def test_a_public_body_is_told_on(cast, world):
    """…四（十四）：机关事业单位……要通报上级主管单位和审计部门."""
    body = make_organisation(OrganisationKind.ENTERPRISE)
    with transaction() as session:
        one = session.get_one(Organisation, body.id)
        one.uscc = with_check("12370112495000001")
    record = make_record(body, world.agency)
    assert initiate(cast.provider, record, world.department).status_code == 409
    answer = initiate(cast.provider, record, world.department, public_body="body")
    assert answer.status_code == 302
    assert sanctions_of(record)[0].notified == ["superior", "audit"]
    page = cast.provider.read(f"/records/{record.ref}")
    assert "上级主管单位" in page.words
    assert "审计部门" in page.words


def with_check(body):
    """Return a code with its check character."""
    return body + uscc.calc_check_digit(body)
