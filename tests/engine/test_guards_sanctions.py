"""What each guard about sanctions and their remedies lets through and what it stops."""

from datetime import datetime, time, timedelta
from zoneinfo import ZoneInfo

import pytest
import time_machine
from sqlalchemy import select
from stdnum.cn import uscc

from repair_app.db import db, today
from repair_app.engine.step import Refused
from repair_app.models import Case, Organisation, Role, SanctionMeasure
from repair_app.services.transaction import transaction
from tests import factories
from tests.engine.asking import ask
from tests.factories import World, initiate_sanction

DAY = timedelta(days=1)


def travel(day):
    """Go to noon of a day where the law counts its days."""
    return time_machine.travel(
        datetime.combine(day, time(12), ZoneInfo("Asia/Shanghai")), tick=False
    )


def change_measure(code, **columns):
    """Change a measure of the catalogue, as its file would."""
    with transaction() as session:
        query = select(SanctionMeasure).where(SanctionMeasure.code == code)
        measure = session.scalars(query).one()
        for name, value in columns.items():
            setattr(measure, name, value)


@pytest.fixture
def record(app, world):
    """Give a general record of firm A."""
    return factories.make_record(world.firm, world.agency)


@pytest.fixture
def serious(app, world):
    """Give a serious record of firm A."""
    return factories.make_record(world.firm, world.agency, severity="serious")


def test_measure_is_listed_until_the_day_on_which_it_is_taken_off(world, record):
    """…四（十三）：严禁随意增加失信惩戒措施."""
    sanction = initiate_sanction(record, world.provider, world.department)
    asked = ("measure_is_listed", "accept", sanction, world.officer)
    assert ask(*asked) is None
    change_measure("A01", withdrawn_on=today() + DAY)
    assert ask(*asked) is None
    with travel(today() + DAY):
        told = ask(*asked).values
        assert (told["code"], told["name"].zh) == ("A01", "限制参加政府采购、招标投标")
    change_measure("A01", withdrawn_on=None, basis="")
    db.session.rollback()
    assert ask(*asked) is not None
    with pytest.raises(Refused):
        factories.make_sanction(record, world.other_officer)


@pytest.mark.parametrize(
    ("code", "severity", "fits"),
    [
        ("A05", "minor", False),
        ("A05", "general", True),
        ("A05", "serious", True),
        ("A09", "general", False),
        ("A09", "serious", True),
        ("A09", "specific_serious", True),
    ],
)
def test_measure_fits_the_record_by_its_class(world, code, severity, fits):
    """山东省社会信用条例 第二十八条 (any dishonesty), 第三十条 (the serious list)."""
    record = factories.make_record(world.firm, world.agency, severity=severity, decided_days_ago=20)
    if fits:
        assert factories.make_sanction(record, world.officer, code=code).state == "in_force"
    else:
        with pytest.raises(Refused, match="may not rest on"):
            factories.make_sanction(record, world.officer, code=code)


def test_measure_fits_whom_it_reaches_or_is_refused(world, serious):
    """…四（十四）惩戒到人."""
    with pytest.raises(Refused, match="reaches a person"):
        initiate_sanction(serious, world.provider, world.department, code="P02")
    with pytest.raises(Refused, match="reaches a person"):
        factories.make_sanction(serious, world.officer, code="P02")
    with pytest.raises(Refused, match="on the enterprise only"):
        initiate_sanction(serious, world.provider, world.department, person="赵虚构")
    one = initiate_sanction(serious, world.provider, world.department, code="P02", person="赵虚构")
    assert one.person.name == "赵虚构"


def test_measure_is_not_in_force_on_one_person_because_it_is_on_another(world, serious):
    """…四（十四）: each person answers for themselves."""
    given = {"code": "P02", "person_role": "directly_responsible"}
    one = initiate_sanction(serious, world.provider, world.department, person="赵虚构", **given)
    two = initiate_sanction(serious, world.provider, world.department, person="钱虚构", **given)
    assert one.person_id != two.person_id
    with pytest.raises(Refused, match="in force already"):
        initiate_sanction(serious, world.provider, world.department, person="赵虚构", **given)


@pytest.mark.parametrize(("code", "may"), [("A01", False), ("A05", True)])
def test_measure_is_recommended_or_may_not_be_declined(world, record, code, may):
    """鲁政发〔2017〕44号 二（四）18: 强制性措施，推荐性措施."""
    sanction = initiate_sanction(record, world.provider, world.department, code=code)
    reason = ask("measure_is_recommended", "decline", sanction, world.officer)
    assert (reason is None) == may


def test_term_is_within_the_list_and_within_the_record(world, record):
    """鲁政发〔2017〕44号 二（四）19: 明确各类失信行为的联合惩戒期限."""
    last = record.max_publication_until
    with pytest.raises(Refused, match="at most"):
        factories.make_sanction(record, world.officer, ends_on=last + DAY)
    assert factories.make_sanction(record, world.officer, ends_on=last).ends_on == last
    change_measure("A02", longest_months=1)
    db.session.rollback()
    with pytest.raises(Refused, match="at most"):
        factories.make_sanction(record, world.officer, code="A02", ends_on=today() + 40 * DAY)
    short = factories.make_sanction(record, world.officer, code="A02", ends_on=today() + 28 * DAY)
    assert short.state == "in_force"
    with pytest.raises(Refused, match="at most"):
        factories.make_sanction(record, world.officer, code="M01", ends_on=today() - DAY)


@pytest.mark.parametrize(("body", "is_public"), [("12370112495000001", True), ("", False)])
def test_public_body_is_notified_of_to_its_superior(world, body, is_public):
    """…四（十四）：通报上级主管单位和审计部门."""
    firm = factories.make_organisation()
    if body:
        with transaction() as session:
            session.get_one(Organisation, firm.id).uscc = body + uscc.calc_check_digit(body)
    record = factories.make_record(firm, world.agency)
    if is_public:
        with pytest.raises(Refused, match="public body"):
            initiate_sanction(record, world.provider, world.department)
    told = ["superior", "audit"] if is_public else []
    sanction = initiate_sanction(record, world.provider, world.department, notified=told)
    assert sanction.notified == told


def test_execution_was_reported_before_a_measure_is_evaluated(world, record):
    """…四（十三）：建立健全失信联合惩戒反馈机制……进行评估反馈."""
    sanction = factories.make_sanction(record, world.officer)
    asked = ("execution_was_reported", "evaluate", sanction, world.provider)
    assert ask(*asked) is not None
    factories.act(world.officer, "report", sanction)
    db.session.rollback()
    assert ask(*asked) is None


def test_suspension_was_not_acknowledged_before(world, record):
    """鲁政发〔2017〕44号 二（四）20, once for each suspension."""
    sanction = factories.make_sanction(record, world.officer)
    case = factories.make_case(world, "accepted", record=record)
    db.session.rollback()
    asked = ("suspension_was_not_acknowledged", "acknowledge", sanction, world.officer)
    assert ask(*asked) is None
    factories.act(world.officer, "acknowledge", sanction)
    db.session.rollback()
    assert ask(*asked) is not None
    factories.act(world.subject, "withdraw", case)
    factories.make_case(world, "accepted", record=record, ground="omission")
    db.session.rollback()
    assert ask(*asked) is None


def test_sanction_term_is_not_over_when_it_is_accepted(world, record):
    """鲁政发〔2017〕44号 二（四）19."""
    last = today() + 5 * DAY
    sanction = initiate_sanction(record, world.provider, world.department, ends_on=last)
    asked = ("sanction_term_is_not_over", "accept", sanction, world.officer)
    with travel(last):
        assert ask(*asked) is None
    with travel(last + DAY):
        assert ask(*asked) is not None


def test_actor_is_not_of_the_department_whose_remedy_is_checked(world: World, record):
    """Who did the harm does not check that it was undone; counted by person."""
    sanction = factories.make_sanction(record, world.officer)
    factories.make_case(world, "accepted", record=record)
    factories.act(world.officer, "report", sanction)
    case = db.session.scalars(select(Case).where(Case.workflow == "remedy")).one()
    factories.act(world.officer, "undo", case, uploads=[factories.make_upload()])
    asked = ("actor_is_not_of_the_department", "confirm", case, world.reviewer, Role.REVIEWER)
    assert ask(*asked) is None
    factories.make_account(world.other_department, Role.DEPARTMENT, same_person_as=world.reviewer)
    assert ask(*asked) is None
    factories.make_account(world.department, Role.DEPARTMENT, same_person_as=world.reviewer)
    assert ask(*asked) is not None
    with pytest.raises(Refused):
        factories.act(world.reviewer, "confirm", case)
