"""Own credit reports: one for each content and day, so many a day, nothing cut in silence."""

import pytest
import time_machine
from sqlalchemy import func, select

from repair_app.db import db
from repair_app.engine import letter_facts
from repair_app.models import OwnReport
from repair_app.services import own_reports
from tests.factories import make_case, make_record
from tests.journeys.steps import Cast, apply_for_repair, in_days, sign_commitment


@pytest.fixture
def cast(world, as_):
    return Cast(world, as_)


@pytest.fixture
def ask(cast, world):
    """Give a function that has a report issued and returns how many there are."""

    def issue():
        client = cast.subject
        data = {"csrf_token": client.token(), "firm": world.firm.id}
        assert client.post("/my/report", data=data).status_code == 302
        db.session.rollback()
        return db.session.scalar(select(func.count()).select_from(OwnReport))

    return issue


def test_a_second_click_makes_no_second_report(cast, world, ask):
    make_record(world.firm, world.agency)
    assert [ask(), ask()] == [1, 1]
    make_record(world.firm, world.agency)
    assert [ask(), ask()] == [2, 2]
    with time_machine.travel(in_days(1)):
        assert ask() == 3


def test_so_many_reports_a_day_and_no_more(cast, world, ask, monkeypatch):
    monkeypatch.setattr(own_reports, "MOST_A_DAY", 2)
    for expected in (1, 2, 2):
        make_record(world.firm, world.agency)
        assert ask() == expected
    assert any("今日出具的报告已达上限" in one for one in cast.subject.get("/my/report").alerts)
    with time_machine.travel(in_days(1)):
        assert ask() == 3


def test_what_is_too_much_is_left_out_and_said_in_each_part(cast, world, monkeypatch):
    monkeypatch.setattr(own_reports, "MOST", 1)
    records = [make_record(world.firm, world.agency, decided_days_ago=one) for one in (120, 110)]
    filed = [make_case(world, "submitted", record=one) for one in records]
    for one in [make_record(world.firm, world.agency, decided_days_ago=130) for _ in range(2)]:
        sign_commitment(cast.subject, apply_for_repair(cast.subject, one))
    lines = [one["en"] for one in own_reports.compose(world.firm)["body"]]
    heads = [place for place, line in enumerate(lines) if line[:2] in {"1.", "2.", "3.", "4."}]
    parts = [lines[one + 1 : to] for one, to in zip(heads, [*heads[1:], None], strict=True)]
    told = own_reports.SHORTENED.en
    assert [told in one for one in parts] == [True] * 4
    assert [len(one) for one in parts] == [2, 1, 2, 2]
    assert records[1].decision_no in parts[0][0]
    assert filed[0].ref not in str(parts[2])
    page = cast.subject.read("/my/report")
    assert own_reports.SHORTENED.zh in page.words


def test_no_more_records_than_said_are_listed_in_all_parts_together(world, monkeypatch):
    monkeypatch.setattr(own_reports, "MOST", 1)
    newest, ended = (
        make_record(world.firm, world.agency, decided_days_ago=one) for one in (120, 1200)
    )
    content = own_reports.compose(world.firm)
    assert content["counts"] == {"running": 1, "past": 0}
    assert newest.decision_no in str(content["body"])
    assert ended.decision_no not in str(content["body"])


def test_days_are_written_as_letters_write_them(cast, world):
    record = make_record(world.firm, world.agency)
    words = cast.subject.read("/my/report").words
    for day in (record.decided_on, record.max_publication_until):
        assert letter_facts.day(day).zh in words
        assert day.isoformat() not in words
