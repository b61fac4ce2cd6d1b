"""When a correction turns out against the enterprise, and what is then asked first."""

from collections.abc import Mapping
from datetime import timedelta
from typing import Any

import pytest
from sqlalchemy import update

from repair_app.db import db, today
from repair_app.engine.guards.corrections import GRAVITY
from repair_app.engine.step import Reason, Refused
from repair_app.models import Case, CreditRecord, FieldProposal
from repair_app.services.policy import current_policy
from repair_app.services.transaction import transaction
from tests import factories
from tests.engine.asking import ask
from tests.factories import World

DAY = timedelta(days=1)
GRAVE = {"violation_facts": "经查，情节严重。"}
SLIGHT = {"violation_facts": "经查，已当场改正。"}


def propose(world: World, values: Mapping[str, str], **columns: Any) -> Case:
    """Return an objection whose provider answered that the record should say these values."""
    record = factories.make_record(world.firm, world.agency, **columns)
    case = factories.make_case(world, "correction_proposed", record=record)
    with transaction() as session:
        session.execute(
            update(FieldProposal)
            .where(FieldProposal.case_id == case.id)
            .values(answered_value=None)
        )
        for name, value in values.items():
            session.add(
                FieldProposal(case_id=case.id, field=name, old_value="", answered_value=value)
            )
    return factories.get_case(case.ref)


def say(case: Case) -> tuple[Reason | None, Reason | None]:
    """Return what both guards say: first that it is not adverse, then that it is."""
    return (
        ask("correction_is_not_adverse", "decide_correction", case),
        ask("correction_is_adverse", "announce_correction", case),
    )


def is_adverse(case: Case) -> bool:
    """Say whether a correction is adverse; both guards agree about it."""
    against, for_it = say(case)
    assert (against is None) != (for_it is None)
    return for_it is None


def ago(days: int) -> str:
    """Return the day so many days ago."""
    return (today() - days * DAY).isoformat()


@pytest.mark.parametrize(
    ("severity", "values", "adverse"),
    [
        ("general", GRAVE, True),
        ("general", SLIGHT, False),
        ("serious", SLIGHT, False),
        ("minor", GRAVE, True),
        ("general", {"decided_on": ago(149)}, True),  # published a day longer
        ("general", {"decided_on": ago(151)}, False),
        ("general", {"legal_basis": "《计量法》"}, False),
        ("general", {"penalty_content": "责令改正，罚款1万元"}, False),
    ],
)
def test_correction_is_adverse_by_class_and_by_maximum(
    world: World, severity: str, values: Mapping[str, str], adverse: bool
) -> None:
    """《行政处罚法》第四十四条（参照）: what is against the party is told first."""
    assert is_adverse(propose(world, values, severity=severity)) == adverse


def test_correction_is_not_adverse_unless_the_minimum_is_later(world: World) -> None:
    """《山东省社会信用条例》第三十八条 keeps the maximum where it is; a repair has to wait."""
    ended = today() - 1726 * DAY  # sixty months end in a hundred days
    earlier = propose(world, {"decided_on": ago(160)}, conduct_ended_on=ended)
    later = propose(world, {"decided_on": ago(140)}, conduct_ended_on=ended)
    assert is_adverse(earlier) is False
    assert is_adverse(later) is True


def test_correction_is_not_adverse_unless_it_publishes_what_was_withheld(world: World) -> None:
    case = propose(world, SLIGHT)
    assert is_adverse(case) is False
    with transaction() as session:
        session.execute(
            update(CreditRecord).where(CreditRecord.id == case.record_id).values(state="withheld")
        )
    db.session.rollback()
    assert is_adverse(case) is True


def test_correction_is_not_adverse_while_nothing_was_answered(world: World) -> None:
    """Before there is a correction nothing stands against deciding; nothing is announced."""
    case = propose(world, {})
    assert is_adverse(case) is False
    against = say(case)[1]
    assert against is not None
    assert against.applies is False  # not a step of this matter, and not shown


def test_correction_is_not_adverse_when_it_is_signed(world: World) -> None:
    """A correction that has turned worse since it was decided goes back."""
    case = factories.make_case(world, "correction_decided")
    with transaction() as session:
        session.add(
            FieldProposal(
                case_id=case.id,
                field="violation_facts",
                old_value="",
                answered_value=GRAVE["violation_facts"],
            )
        )
    case = factories.get_case(case.ref)
    with pytest.raises(Refused, match="turns out worse"):
        factories.act(world.second_reviewer, "sign_correction", case)
    returned = factories.act(world.second_reviewer, "return_decision", case)
    assert returned.ref == case.ref


def test_every_class_of_every_pack_has_its_gravity(world: World) -> None:
    found = {name for pack in current_policy().editions.values() for name in pack.classes}
    assert found == set(GRAVITY)
