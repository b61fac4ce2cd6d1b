"""What the tests of operation ask for by name: `cast`, `logged`."""

import json

import pytest

from repair_app import logs
from tests.journeys.steps import Cast


@pytest.fixture
def cast(world, as_):
    """Give everybody at a browser of their own."""
    return Cast(world, as_)


class Logged:
    """What was written to stderr, as lines."""

    def __init__(self, capsys):
        self.capsys = capsys
        self.text = ""

    def read(self):
        """Return what was written so far."""
        self.text += self.capsys.readouterr().err
        return self.text

    def lines(self, event=None):
        """Return the JSON lines so far: all, or those of an event."""
        found = [json.loads(one) for one in self.read().splitlines() if one.startswith("{")]
        return [one for one in found if event in {None, one["event"]}]


@pytest.fixture
def logged(app, capsys):
    """Have JSON logged; give what is."""
    logs.set_up("json")
    yield Logged(capsys)
    logs.set_up("plain")
