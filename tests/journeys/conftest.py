"""What journeys ask for by name: `cast`."""

from collections.abc import Callable

import pytest

from tests.client import Client
from tests.factories import World
from tests.journeys.steps import Cast


@pytest.fixture
def cast(world: World, as_: Callable[..., Client]) -> Cast:
    """Give everybody's browser, by name."""
    return Cast(world, as_)
