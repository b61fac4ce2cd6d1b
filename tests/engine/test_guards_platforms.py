"""What the guards about platforms let through and what they stop."""

from flask import Flask

from repair_app.engine.step import Reason
from repair_app.services.sync import changes
from tests.engine.asking import ask
from tests.factories import World, get_case, make_case
from tests.sync.platforms import make_platform


def both(ref: str) -> tuple[Reason | None, Reason | None]:
    """Return what the two guards say about the provider's two steps."""
    case = get_case(ref)
    return (
        ask("every_platform_agrees", "confirm_execution", case),
        ask("some_platform_is_waited_for", "confirm_own_execution", case),
    )


def test_every_platform_agrees_where_there_is_none(app: Flask, world: World) -> None:
    agree, waits = both(make_case(world, "executed").ref)
    assert agree is None
    assert waits is not None
    assert not waits.applies


def test_every_platform_agrees_only_when_all_acknowledged(app: Flask, world: World) -> None:
    """鲁信用办〔2021〕5号 （八）: a change that is in no order yet is agreed to by nobody."""
    for _ in range(2):
        make_platform(organisation_id=world.department.id)
    ref = make_case(world, "executed").ref
    agree, waits = both(ref)
    assert agree is not None
    assert (agree.values, agree.applies) == ({"count": 2}, False)
    assert waits is None
    changes.order_changes()
    assert both(ref)[0] is not None


def test_some_platform_is_waited_for_is_said_no_to_where_none_is(app: Flask, world: World) -> None:
    make_platform(organisation_id=world.department.id, standing="disabled", problem="ended")
    assert both(make_case(world, "executed").ref)[1] is not None
