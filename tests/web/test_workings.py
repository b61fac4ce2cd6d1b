"""What runs by itself, in the words of whoever keeps it running."""

import re

import pytest

from repair_app import jobs
from repair_app.cli.jobs import all_jobs
from repair_app.db import now
from repair_app.services import deadlines, overview, timers
from tests.factories import act, make_case


@pytest.fixture
def admin(as_, world):
    return as_(world.administrator)


def test_every_job_and_when_it_comes_round_is_told_in_chinese(admin, monkeypatch):
    last = now().isoformat()
    rounds = [(one.name, one.schedule.cron, last) for one in timers.TIMERS]
    rounds.append(("forget", "30 3 * * *", None))
    failed = [f"{name}: ValueError('somebody')" for name in all_jobs()]
    status = jobs.Status(True, 0, failed, rounds)
    monkeypatch.setattr(overview.jobs, "read_status", lambda _: status)
    page = admin.read("/admin/running")
    rows = page.tree.findall(".//main//tbody/tr")
    assert len(rows) == len(rounds)
    for row in rows:
        cells = row.findall("td")
        assert re.search("[一-鿿]", cells[0].text), cells[0].text
        assert re.match("每[日周0-9]", cells[1].text), cells[1].text
    assert "导出清单文件 ValueError" in page.words
    assert "somebody" not in page.words
    assert "T" not in rows[0].findall("td")[2].text  # 2026-11-22 17:45, as everywhere


def test_an_alarm_about_a_term_says_which_term_in_chinese(admin, world, monkeypatch):
    case = make_case(world, "submitted")
    with monkeypatch.context() as patch:
        patch.setattr("repair_app.engine.deadlines.add_working_days", overflow)
        act(world.reviewer, "accept", case)
    assert [one.entity_ref for one in deadlines.list_alarms()] == [case.ref]
    assert re.search(
        f"期限无法计算 {case.ref} “[一-鿿]+[^”]*”的期限无法计算", admin.read("/admin").words
    )


def overflow(*_args, **_more):
    raise OverflowError("date value out of range")
