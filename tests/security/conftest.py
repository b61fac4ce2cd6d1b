"""What the tests of attacks ask for besides: systems of people, the database's owner, files."""

import pytest

from repair_app import logs
from tests.api.conftest import machine
from tests.factories import make_record
from tests.history.conftest import key_file

__all__ = ["key_file", "machine"]


@pytest.fixture
def hand_in(as_, world):
    """Give a function that sends a file with an objection and returns the answer."""
    address = f"/records/{make_record(world.firm, world.agency).ref}/objection"
    client = as_(world.subject)

    def send(content, name, **fields):
        fields = {"statement": "见附件。", **fields}
        return client.fill(address, evidence=(content, name), **fields)

    return send


@pytest.fixture
def plain(app):
    """Have the log written for people."""
    logs.set_up("plain")
    yield
    logs.set_up(app.config["LOGS"])
