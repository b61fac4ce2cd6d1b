"""May it be enforced now? The answer in Python and the one in SQL are the same, whatever is stored.

Columns are written by hand here, also into what no step ever leads to: each of them alone must be
enough for a no.
"""

import itertools
from datetime import date, timedelta

import pytest
from sqlalchemy import select, update

from repair_app.db import db, now, today
from repair_app.engine.enforcement import enforceable, find_incident, is_enforceable
from repair_app.models import (
    Case,
    CreditRecord,
    DisputeMark,
    Sanction,
    SanctionMeasure,
    SanctionSuspension,
)
from repair_app.services.policy import current_policy
from repair_app.services.transaction import transaction
from tests import factories

DAY = timedelta(days=1)
ENDED = ("ended", "lapsed", "declined")


@pytest.fixture
def sanction(app, world):
    """Give a measure in force for ninety days on a published record, and a case about it."""
    record = factories.make_record(world.firm, world.agency)
    one = factories.make_sanction(record, world.officer, ends_on=today() + 90 * DAY)
    factories.make_case(world, "submitted", record=record)
    db.session.rollback()
    return one


def put(model, **columns):
    """Write columns of every row of a table."""
    with transaction() as session:
        session.execute(update(model).values(**columns))
    db.session.rollback()


def both_answers(sanction: Sanction, day: date) -> tuple[bool, bool]:
    """Return what Python and what SQL say."""
    db.session.expire_all()
    query = select(Sanction.id).join(CreditRecord).where(is_enforceable(day))
    return enforceable(sanction, day).enforceable, sanction.id in db.session.scalars(query).all()


def test_python_and_sql_agree_on_every_state_and_day(sanction):
    """鲁政发〔2017〕44号 二（四）16–20: yes in one state of the measure only."""
    states = current_policy().current["sanction"].states
    for state, days in itertools.product(states, (-1, 0, 90, 91)):
        put(Sanction, state=state, ended_at=now() if state in ENDED else None)
        answers = both_answers(sanction, today() + days * DAY)
        assert answers[0] == answers[1], (state, days)
        assert answers[0] == (state == "in_force" and days in {0, 90}), (state, days)


def test_python_and_sql_agree_on_every_state_of_the_record(sanction):
    """鲁信用办〔2021〕5号 （八）: what is off file, or shielded, is no ground for any measure."""
    off = {"expired", "stopped", "repaired", "withdrawn", "archived"}
    for state in current_policy().current["record"].states:
        put(CreditRecord, state=state, archived_at=now() if state in off else None)
        answers = both_answers(sanction, today())
        assert answers == (state in {"published", "withheld"},) * 2, state


def test_python_and_sql_agree_on_measures_off_the_list(sanction):
    """…四（十三）：严禁随意增加失信惩戒措施."""
    for days, listed in ((-1, False), (0, False), (1, True)):
        put(SanctionMeasure, withdrawn_on=today() + days * DAY)
        assert both_answers(sanction, today()) == (listed, listed), days
    put(SanctionMeasure, withdrawn_on=None, basis="")
    assert both_answers(sanction, today()) == (False, False)


@pytest.mark.parametrize("named", [["serious"], ["specific_serious", "serious"], ["general"], []])
def test_python_and_sql_agree_on_measures_for_other_classes(sanction, named):
    """山东省社会信用条例 第二十八条、第三十条: what is for serious records rests on no other."""
    put(SanctionMeasure, classes=named)
    for severity in ("minor", "general", "serious", "specific_serious"):
        put(CreditRecord, severity_class=severity)
        assert both_answers(sanction, today()) == (severity in named,) * 2, severity


@pytest.mark.parametrize("model", [DisputeMark, SanctionSuspension])
def test_python_and_sql_agree_that_either_row_alone_is_enough(sanction, model):
    """鲁政发〔2017〕44号 二（四）20: state, suspension and mark are each enough for a no."""
    case = db.session.scalars(select(Case)).first()
    whose = (
        {"record_id": sanction.record_id, "placed_at": now()}
        if model is DisputeMark
        else {"sanction_id": sanction.id, "suspended_at": now()}
    )
    with transaction() as session:
        session.add(model(case_id=case.id, **whose))
    db.session.rollback()
    assert both_answers(sanction, today()) == (False, False)
    lifted = {"lifted_at": now()}
    if model is SanctionSuspension:
        lifted["lifted_because"] = "withdraw"
    put(model, **lifted)
    assert both_answers(sanction, today()) == (True, True)


@pytest.mark.parametrize(
    ("begun", "lifted", "day", "incident"),
    [
        (5, None, 4, None),
        (5, None, 5, "suspended"),
        (5, None, 9, "suspended"),
        (5, 8, 7, "suspended"),
        (5, 8, 8, None),
    ],
)
def test_an_execution_is_an_incident_from_the_first_day_until_the_verification_ends(
    sanction, begun, lifted, day, incident
):
    """鲁政发〔2017〕44号 二（四）20: from the day of acceptance to that of the decision."""
    start = now()
    sanction.suspensions.append(
        SanctionSuspension(
            suspended_at=start + begun * DAY,
            lifted_at=start + lifted * DAY if lifted else None,
        )
    )
    assert find_incident(sanction, today() + day * DAY) == incident
    db.session.rollback()


def test_an_execution_outside_the_term_or_off_file_is_an_incident(sanction):
    """鲁政发〔2017〕44号 二（四）19; 鲁信用办〔2021〕5号 （八）."""
    assert find_incident(sanction, today() - DAY) == "outside_term"
    assert find_incident(sanction, today() + 91 * DAY) == "outside_term"
    assert find_incident(sanction, sanction.record.max_publication_until + DAY) == "off_file"
    sanction.record.archived_at = now()
    assert find_incident(sanction, today()) is None  # on its last day it may have been lawful
    assert find_incident(sanction, today() + DAY) == "off_file"
    db.session.rollback()
