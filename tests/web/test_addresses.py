"""Addresses with a number or a day that nothing can have: no page, and nothing breaks."""

import re

import pytest
from werkzeug.routing import IntegerConverter

from tests.web.test_routes import ROUTES

NUMBERS = ["9" * 20, "9" * 5000, "2147483648", "9223372036854775808"]
AS = {"department": "officer"}  # role -> whose account, where that is called otherwise


def numbered(app):
    """Return the rules of pages that hold the number of a row; tests/api asks the others."""
    rules = (one for one in app.url_map.iter_rules() if not one.rule.startswith("/api/"))
    return [one for one in rules if "<row:" in one.rule]


def test_the_numbers_in_addresses_are_those_of_rows(app):
    converters = [type(c) for one in app.url_map.iter_rules() for c in one._converters.values()]
    assert IntegerConverter not in converters
    assert len(numbered(app)) > 15


def test_a_number_that_no_row_can_have_is_no_page(app, as_, world):
    for rule in numbered(app):
        admits = ROUTES[rule.endpoint]
        role = "subject" if isinstance(admits, str) else min(admits)
        client = as_(getattr(world, AS.get(role, role)))
        for number in NUMBERS:
            named = re.sub(r"<any\((\w+).*?>", r"\1", rule.rule)
            path = re.sub(r"<row:\w+>", number, named)
            assert client.get(path).status_code == 404, rule.rule
            if "POST" in rule.methods:
                answer = client.post(path, data={"csrf_token": client.token()})
                assert answer.status_code == 404, rule.rule


@pytest.mark.parametrize("day", ["0001-01-01", "1899-12-31", "3000-01-01", "9999-12-31"])
@pytest.mark.parametrize("name", ["since", "until"])
def test_a_day_of_which_there_can_be_no_event_is_told(as_, world, name, day):
    client = as_(world.auditor)
    page = client.get(f"/audit?{name}={day}", headers={"Accept-Language": "en"})
    assert page.status_code == 200
    assert page.mistakes == ["Enter a day from 1900-01-01 to 2999-12-31."]
    assert client.get(f"/exports/events.csv?{name}={day}").status_code == 200


@pytest.mark.parametrize(
    "address", ["/statistics?from={}&to={}", "/work?until={}", "/exports/worklist.csv?until={}"]
)
def test_a_far_day_breaks_no_list(as_, world, address):
    for day in ("0001-01-01", "9999-12-31"):
        assert as_(world.reviewer).get(address.format(day, day)).status_code == 200


@pytest.mark.parametrize("number", [*NUMBERS, "٣", "²", "-1", ""])
def test_a_firm_that_there_cannot_be_gets_no_report(as_, world, number):
    client = as_(world.subject)
    answer = client.post("/my/report", data={"csrf_token": client.token(), "firm": number})
    assert answer.status_code == 404
