"""Questions and lists that must not answer more than they know."""

import pytest
from sqlalchemy import event

from repair_app.db import db
from repair_app.services import portal, sanctions
from repair_app.web import enforcement
from tests.factories import make_record, make_sanction

ENGLISH = {"Accept-Language": "en"}
CUT_OFF = "Only the first 1 of a list"


@pytest.mark.parametrize("code", ["9137", "91370112MA9999999X", "虚构科技有限公司"])
def test_a_mistyped_code_is_told_at_the_field_and_gets_no_answer(as_, world, code):
    make_sanction(make_record(world.firm, world.agency), world.officer)
    page = as_(world.officer).read(f"/enforce?uscc={code}")
    (mistake,) = page.mistakes
    assert mistake
    field = page.tree.find(".//input[@id='uscc']")
    assert field.get("value") == code
    assert field.get("aria-invalid") == "true"
    assert page.having("answer") == []
    assert "不得执行" not in page.words
    by_name = page.links.get("按名称查询代码", "")
    assert by_name.startswith("/?q=") == (not code.isascii())


def test_a_step_of_a_measure_says_which_measure(as_, world):
    measure = make_sanction(make_record(world.firm, world.agency), world.officer)
    for step in ("report", "lift"):
        page = as_(world.officer).read(f"/sanctions/{measure.ref}/{step}")
        assert f"惩戒措施 {measure.measure.name_zh}" in page.words, step


def test_a_right_code_is_answered_however_it_is_written(as_, world):
    make_sanction(make_record(world.firm, world.agency), world.officer)
    code = world.firm.uscc
    spaced = f" {code[:8].lower()} {code[8:]}"
    for typed in (code, spaced):
        page = as_(world.officer).get("/enforce", query_string={"uscc": typed})
        assert page.mistakes == []
        assert len(page.having("answer")) == 1


def test_a_list_that_is_cut_off_says_so(as_, world, monkeypatch):
    record = make_record(world.firm, world.agency)
    make_sanction(record, world.officer)
    pages = ((as_(world.officer), "/enforce"),)
    for client, address in pages:
        assert CUT_OFF not in client.get(address, headers=ENGLISH).words
    # As many as the page holds: there may be more.
    monkeypatch.setattr(enforcement, "MOST", 1)
    for client, address in pages:
        assert CUT_OFF in client.get(address, headers=ENGLISH).words, address


def test_a_page_holds_as_many_as_the_list_gives(world, monkeypatch):
    """The numbers on the pages are those of the queries."""
    asked = []

    def keep(_connection, _cursor, _statement, parameters, *_rest):
        asked.append(parameters)

    event.listen(db.engine, "before_cursor_execute", keep)
    try:
        for call, most in (
            (lambda: sanctions.list_answers(world.officer), enforcement.MOST),
            (lambda: portal.list_records(world.subject), portal.PAGE + 1),
            (lambda: portal.list_cases(world.subject), portal.PAGE + 1),
        ):
            asked.clear()
            call()
            values = [
                value for one in asked for value in (one.values() if isinstance(one, dict) else one)
            ]
            assert most in values
    finally:
        event.remove(db.engine, "before_cursor_execute", keep)
