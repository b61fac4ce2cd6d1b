"""The test infrastructure itself."""

import pytest
from tests.factories import make_case, make_record, make_sanction, OBJECTION, REPAIR


def test_a(world, as_, anybody):
    page = as_(world.subject).read("/my")
    assert page.title


@pytest.mark.parametrize("state", sorted(OBJECTION))
def test_objection(world, state):
    case = make_case(world, state)
    assert case.state == state or state == "removal_executed"


@pytest.mark.parametrize("state", sorted(REPAIR))
def test_repair(world, state):
    case = make_case(
        world,
        state,
        workflow="repair",
        record=make_record(world.firm, world.agency, severity="serious", decided_days_ago=300),
    )
    assert case.state == state
