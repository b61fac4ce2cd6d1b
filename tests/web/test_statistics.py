"""Figures: expected numbers are counted by hand from a few matters on days of the calendar of 2026.

Of that calendar: Saturday 2026-02-14 and Saturday 2026-02-28 are worked, 15 to 23 February are off
(Spring Festival); otherwise weekends are off.
"""

import re
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, date, datetime
from io import BytesIO
from threading import Barrier
from xml.etree import ElementTree

import pytest
import time_machine
from python_calamine import CalamineWorkbook
from sqlalchemy import event

from repair_app.calendar import is_working_day
from repair_app.db import db
from repair_app.models import Deadline
from repair_app.services.statistics import counts, for_public, periods
from tests import factories
from tests.client import text_of
from tests.factories import act, get_case, make_case, make_record

ENGLISH = {"Accept-Language": "en"}
AT_TEN = "T02:00:00Z"  # 10 o'clock in Shanghai


def rows_of(page, name):
    """Return a table of a page: name of each row -> the cells behind it."""
    section = next(one for one in page.tree.iter("section") if one.get("aria-labelledby") == name)
    return {
        text_of(row.find("th")): [text_of(one) for one in row.findall("td")]
        for row in section.findall(".//tbody/tr")
    }


def read(client, query=""):
    return client.get(f"/statistics{query}", headers=ENGLISH)


def on(day):
    return time_machine.travel(f"{day}{AT_TEN}", tick=False)


@pytest.fixture
def february(world):
    """Stage four objections around the Spring Festival of 2026, two at each of two agencies."""
    with on("2026-02-12"):  # Thursday
        records = [make_record(world.firm, world.agency) for _ in range(3)]
        records.append(make_record(world.other_firm, world.other_agency))
        made = [make_case(world, "submitted", record=one) for one in records[:3]]
    return records, made


# --- working days ---------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("since", "until", "days"),
    [
        ("2026-02-12", "2026-02-12", 0),  # the same day
        ("2026-02-12", "2026-02-13", 1),
        ("2026-02-13", "2026-02-14", 1),  # a Saturday that is worked
        ("2026-02-13", "2026-02-23", 1),  # and then nine days off
        ("2026-02-13", "2026-02-24", 2),
        ("2026-02-27", "2026-03-02", 2),  # Saturday the 28th is worked, Sunday is not
        ("2026-03-06", "2026-03-09", 1),  # an ordinary weekend
    ],
)
def test_working_days_between_know_holidays_and_weekends_worked(since, until, days):
    assert is_working_day(date(2026, 2, 14))
    assert not is_working_day(date(2026, 2, 23))
    between = counts.WorkingDays()
    assert between.count(date.fromisoformat(since), date.fromisoformat(until)) == days


def test_working_days_are_right_whatever_was_asked_before():
    between = counts.WorkingDays()
    far, near = (date(2020, 1, 1), date(2026, 12, 31)), (date(2026, 3, 6), date(2026, 3, 9))
    first = between.count(*near)
    assert between.count(*far) == counts.WorkingDays().count(*far)
    assert between.count(*near) == first == 1


@pytest.mark.parametrize(
    ("days", "median"), [({}, None), ({3: 1}, 3), ({1: 1, 4: 1}, 2.5), ({1: 3, 9: 2}, 1)]
)
def test_the_median_is_the_middle_one(days, median):
    taken = counts.Taken(counts.Counter(days), 0)
    assert taken.median == median


# --- periods --------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("asked", "first", "last"),
    [
        (("2026-02",), date(2026, 2, 1), date(2026, 2, 28)),
        (("2024-02",), date(2024, 2, 1), date(2024, 2, 29)),
        (("2026-Q3",), date(2026, 7, 1), date(2026, 9, 30)),
        (("2026",), date(2026, 1, 1), date(2026, 12, 31)),
        (("", "2026-01-05", "2026-01-09"), date(2026, 1, 5), date(2026, 1, 9)),
    ],
)
def test_a_period_is_read_from_the_address(app, asked, first, last):
    with app.test_request_context():
        period = periods.read_period(*asked)
    assert (period.first, period.last, period.misread) == (first, last, False)


@pytest.mark.parametrize(
    "query",
    [
        "?period=2026-13",
        "?period=1999",
        "?period='",
        "?from=2026-05-01&to=2026-04-01",
        "?from=yesterday",
        "?from=0001-01-01&to=9999-12-31",
        "?period=％",
    ],
)
def test_a_period_that_is_none_is_told_and_the_last_months_are_shown(as_, world, query):
    page = read(as_(world.reviewer), query)
    assert page.status_code == 200
    assert any("This is no period" in one for one in page.alerts)


def test_without_a_word_it_is_the_last_twelve_months(app):
    with on("2026-11-21"), app.test_request_context():
        period = periods.read_period()
        assert (period.first, period.last) == (date(2025, 12, 1), date(2026, 11, 21))
        assert [one.name for one in period.steps()][:2] == ["2025-12", "2026-01"]
        assert len(period.steps()) == 12
        long = periods.read_period("", "2020-01-15", "2026-11-21")
        assert long.steps()[0].name == "2020-Q1"
        assert long.steps()[0].first == date(2020, 1, 15)


# --- in time and late -----------------------------------------------------------------------------


def decide(world, case, day):
    """Have an objection refused on a day: that answers the whole of it."""
    with on(day):
        act(world.reviewer, "refuse", get_case(case.ref))


def term_of(case):
    found = db.session.query(Deadline).filter_by(entity_ref=case.ref, whole=True).one()
    db.session.rollback()
    return found


def test_what_is_answered_on_the_last_day_is_in_time_and_on_the_next_is_late(as_, world, february):
    """The last day is counted by the calendar; a day is one of Shanghai, not of Greenwich."""
    _, (first, second, _third) = february
    due_on = term_of(first).due_on
    # 23:30 in Shanghai on the last day is still in time; half an hour into the next it is late.
    for case, moment in (
        (first, datetime(due_on.year, due_on.month, due_on.day, 15, 30, tzinfo=UTC)),
        (second, datetime(due_on.year, due_on.month, due_on.day, 16, 30, tzinfo=UTC)),
    ):
        with time_machine.travel(moment, tick=False):
            act(world.reviewer, "refuse", get_case(case.ref))
    with on("2026-06-01"):
        page = read(as_(world.reviewer), "?period=2026-02")
    found = rows_of(page, "overview")
    assert found["Matters filed"] == ["3", "100.0%"]
    assert found["Answered in time"] == ["1", "33.3%"]
    assert found["Answered late"] == ["1", "33.3%"]
    assert found["Still open, overdue"] == ["1", "33.3%"]
    assert found["Still open"] == ["0", "0.0%"]
    kinds = rows_of(page, "by_kind")
    assert kinds["Objection"] == ["3", "1", "1", "0", "1", "0", "0"]
    months = rows_of(page, "by_month")
    assert months["2026-02"][0] == "3"


def test_what_was_withdrawn_is_no_answer(as_, world, february):
    _, (first, _, _) = february
    with on("2026-02-13"):
        act(world.subject, "withdraw", get_case(first.ref))
        page = read(as_(world.reviewer), "?period=2026-02")
    found = rows_of(page, "overview")
    assert (found["Withdrawn or moot"][0], found["Answered in time"][0]) == ("1", "0")
    assert found["Still open"][0] == "2"


def test_a_step_is_counted_in_working_days_across_the_holidays(as_, world, february):
    """Submitted on the 12th; taken up on 24 February: the 13th, the 14th and the 24th count."""
    _, (first, second, third) = february
    for case, day in ((first, "2026-02-13"), (second, "2026-02-24"), (third, "2026-02-25")):
        with on(day):
            act(world.reviewer, "accept", get_case(case.ref))
    with on("2026-03-02"):
        steps = rows_of(read(as_(world.reviewer), "?period=2026-02"), "steps")
    submitted = next(cells for name, cells in steps.items() if "Submitted" in name)
    assert submitted[:4] == ["reviewer", "3", "3", "4"]  # 1, 3 and 4 working days: the middle is 3


def test_matters_filed_in_another_period_or_never_are_not_counted(as_, world, february):
    with on("2026-03-02"):
        make_case(world, "draft")
        client = as_(world.reviewer)
        assert rows_of(read(client, "?period=2026-03"), "overview")["Matters filed"][0] == "0"
        assert rows_of(read(client, "?period=2026-02"), "overview")["Matters filed"][0] == "3"
        several = "?from=2026-02-12&to=2026-02-12"
        assert rows_of(read(client, several), "overview")["Matters filed"][0] == "3"
        assert (
            rows_of(read(client, "?from=2026-02-13&to=2026-02-28"), "overview")["Matters filed"][0]
            == "0"
        )


def test_the_kind_of_matter_can_be_chosen(as_, world, february):
    with on("2026-02-26"):
        client = as_(world.reviewer)
        page = read(client, "?period=2026-02&workflow=repair")
        assert rows_of(page, "overview")["Matters filed"][0] == "0"
        page = read(client, "?period=2026-02&workflow=objection")
        assert rows_of(page, "overview")["Matters filed"][0] == "3"
        assert read(client, "?workflow=complaint").status_code == 200  # is none of the choices


# --- who sees what --------------------------------------------------------------------------------


@pytest.fixture
def two_agencies(world):
    """Stage three matters at one agency and one at another, of this month."""
    for _ in range(3):
        make_case(world, "with_provider")
    record = make_record(world.other_firm, world.other_agency)
    make_case(world, "submitted", record=record, subject=world.stranger)


def test_a_provider_sees_its_own_figures_beside_an_average_and_no_other_name(
    as_, world, two_agencies
):
    page = read(as_(world.provider))
    found = rows_of(page, "overview")
    assert found["Matters filed"] == ["3", "100.0%", "2", "100.0%"]  # 4 matters of 2 units
    assert found["Still open"][0] == "3"
    assert world.other_agency.name not in page.html
    assert "by_provider" not in page.html
    other = rows_of(read(as_(world.other_provider)), "overview")
    assert other["Matters filed"][0] == "1"


def test_a_reviewer_and_an_auditor_see_everything_by_name(as_, world, two_agencies):
    for user in (world.reviewer, world.auditor):
        providers = rows_of(read(as_(user)), "by_provider")
        assert providers[world.agency.name][0] == "3"
        assert providers[world.other_agency.name][0] == "1"


def test_the_board_of_others_cannot_be_asked_for(as_, world, anybody, two_agencies):
    for client in (as_(world.subject), as_(world.institution), anybody):
        page = read(client, "?as=all")
        assert world.agency.name not in page.html
        assert client.get("/statistics/by_provider.svg?as=all").status_code == 404


def test_an_enterprise_sees_its_own_matters(as_, world, two_agencies):
    assert rows_of(read(as_(world.subject)), "by_kind")["Objection"][0] == "3"
    assert rows_of(read(as_(world.stranger)), "by_kind")["Objection"][0] == "1"
    agent = rows_of(read(as_(world.agent)), "by_kind")
    assert agent["Objection"][0] == "3"


def test_a_department_sees_its_measures_and_what_stands_suspended(as_, world):
    record = make_record(world.firm, world.agency)
    factories.make_sanction(record, world.officer)
    factories.make_sanction(make_record(world.firm, world.agency), world.officer)
    make_case(world, "accepted", record=record)
    found = rows_of(read(as_(world.officer)), "measures")
    assert found["In force"] == ["1"]
    assert found["Not executed while verified"] == ["1"]
    suspended = list(rows_of(read(as_(world.officer)), "suspended").values())
    assert suspended[-1][-1] == "1"
    assert suspended[0][-1] == "0"
    assert rows_of(read(as_(world.other_officer)), "measures") == {}


def test_an_institution_sees_its_requests(as_, world):
    record = make_record(world.firm, world.agency, severity="serious", decided_days_ago=400)
    make_case(world, "submitted", workflow="repair", record=record)
    found = rows_of(read(as_(world.institution)), "requests")
    assert len(found) == 2
    assert all(cells[0] == cells[1] == "1" for cells in found.values())  # received, in time


def test_laggards_are_those_with_the_most_overdue(as_, world, february):
    _, (first, second, _third) = february
    with on("2026-02-13"):
        for case in (first, second):
            act(world.reviewer, "accept", get_case(case.ref))
            act(world.reviewer, "ask_provider", get_case(case.ref))
    with on("2026-05-06"):
        page = read(as_(world.auditor))
        laggards = rows_of(page, "laggards")
        overdue = rows_of(page, "overdue")
    assert laggards[world.agency.name][0] == "2"
    assert overdue["information provider"] == ["2"]
    assert overdue["reviewer"] == ["1"]


def test_after_those_that_are_late_come_the_slowest(as_, world):
    """Nobody is late: one agency answers at once, the other after 2 or 3 working days."""
    with on("2026-03-02"):  # a Monday
        of = {
            agency.id: [
                make_case(
                    world,
                    "with_provider",
                    workflow="repair",
                    record=make_record(world.firm, agency),
                )
                for _ in range(3)
            ]
            for agency in (world.agency, world.other_agency)
        }
        for case in of[world.agency.id]:
            act(world.provider, "confirm_rectification", get_case(case.ref))
    for day, few in (("2026-03-04", 2), ("2026-03-05", 1)):  # 2, 2 and 3 working days later
        with on(day):
            for case in of[world.other_agency.id][:few]:
                act(world.other_provider, "confirm_rectification", get_case(case.ref))
            del of[world.other_agency.id][:few]
            laggards = rows_of(read(as_(world.auditor)), "laggards")
            if few == 2:
                assert laggards == {}  # two turns are too few to be called slow
    assert list(laggards) == [world.other_agency.name]
    assert laggards[world.other_agency.name] == ["0", "—", "0", "2"]


# --- the public -----------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("numbers", "shown"),
    [
        ({"a": 0, "b": 0}, {"a": 0, "b": 0}),
        ({"a": 10, "b": 4}, {"a": 10, "b": 4}),
        ({"a": 2}, {"a": None}),
        ({"a": 10, "b": 5, "c": 2}, {"a": 10, "b": None, "c": None}),
        ({"a": 10, "b": 1, "c": 1}, {"a": None, "b": None, "c": None}),
        (
            {"a": 10, "b": 9, "c": 2, "d": 2, "e": 2},
            {"a": 10, "b": 9, "c": None, "d": None, "e": None},
        ),
    ],
)
def test_what_is_small_is_not_shown_nor_what_it_follows_from(numbers, shown):
    assert for_public.guard_small(numbers) == shown


def test_the_public_reads_totals_without_names_and_nothing_small(anybody, world, as_):
    with on("2026-03-30"):
        for _ in range(2):
            make_case(world, "submitted")
    with on("2026-04-01"):
        page = read(anybody)
        assert rows_of(page, "overview")["Matters filed"] == ["not shown"]
        assert rows_of(page, "overview")["Still open"] == ["not shown"]
        assert rows_of(page, "by_tier") == {"General": ["not shown"]}
        assert "Totals only" in page.words
    with on("2026-03-31"):
        make_case(world, "submitted")
    with on("2026-04-01"):
        page = read(anybody)
        assert rows_of(page, "overview")["Matters filed"] == ["3"]
        for name in (world.firm.name, world.agency.name, world.firm.uscc):
            assert name not in page.html
        page = read(as_(world.reviewer), "?as=public")
        assert rows_of(page, "overview")["Matters filed"] == ["3"]


def test_the_public_cannot_compute_a_small_group_from_two_lists(anybody, world, february):
    """No list of all kinds together, and no days of one's own choice."""
    with on("2026-04-01"):
        for query in ("?workflow=", "?workflow=review", "?from=2026-02-12&to=2026-02-12"):
            page = read(anybody, query)
            assert rows_of(page, "overview")["Matters filed"] == ["3"]
        page = read(anybody, "?workflow=&period=2025-Q4")
        assert rows_of(page, "overview")["Matters filed"] == ["0"]


@pytest.fixture
def quarter(world):
    """Stage 3 objections in January 2026 and 1 in March: what is small is the difference."""
    for day, count in (("2026-01-12", 3), ("2026-03-30", 1)):
        with on(day):
            for _ in range(count):
                make_case(world, "submitted")


@pytest.mark.parametrize(
    "query", ["2026-01", "2026-02", "2026-03", "2026", "2025", "2026-Q2", "2026-Q3", "2019-Q1"]
)
def test_the_public_reads_no_part_of_a_quarter_and_nothing_that_holds_one(anybody, quarter, query):
    """A quarter without its months is a month; so is a year without its quarters."""
    with on("2026-04-02"):
        page = read(anybody, f"?period={query}")
        assert rows_of(page, "overview")["Matters filed"] == ["4"]
        assert "1 January 2026 to 31 March 2026" in page.words
        assert any("quarters that are over" in one for one in page.alerts)
        table = anybody.get(f"/exports/statistics.csv?table=overview&period={query}")
        assert ",4" in table.get_data(as_text=True).splitlines()[1]


def test_the_public_figures_do_not_roll_on_from_day_to_day(anybody, quarter):
    for day in ("2026-03-29", "2026-03-31"):  # the day before and the day after the fourth
        with on(day):
            page = read(anybody)
            assert rows_of(page, "overview")["Matters filed"] == ["0"]
            assert page.alerts == []
            offered = [one.get("value") for one in page.tree.findall(".//select/optgroup/option")]
            assert offered == [
                *("2025-Q4", "2025-Q3", "2025-Q2", "2025-Q1", "2024-Q4", "2024-Q3"),
            ]
    with on("2026-04-01"):
        assert rows_of(read(anybody), "overview")["Matters filed"] == ["4"]


def test_what_is_suspended_now_is_counted_once_for_a_page_and_its_pictures(anybody, world):
    for _ in range(3):
        record = make_record(world.firm, world.agency)
        factories.make_sanction(record, world.officer)
        make_case(world, "accepted", record=record)
    asked = []

    def keep(_connection, _cursor, statement, *_rest):
        asked.append("sanction_suspension" in statement)

    event.listen(db.engine, "before_cursor_execute", keep)
    try:
        assert rows_of(read(anybody), "suspended") == {"Now": ["3"]}
        assert read(anybody, "/overview.svg").status_code == 200
        assert read(anybody, "/suspended.svg").status_code == 200
    finally:
        event.remove(db.engine, "before_cursor_execute", keep)
    assert sum(asked) == 1


def test_of_two_who_ask_at_the_same_moment_one_counts(app, monkeypatch):
    both, counted = Barrier(2), []

    def count(*_asked):
        counted.append(1)
        return ()

    monkeypatch.setattr(counts, "count_groups", count)
    with app.app_context():
        figures = counts.Figures(periods.last_months(), "")

    def ask():
        both.wait()
        return figures.groups

    with ThreadPoolExecutor(2) as pool:
        asked = [pool.submit(ask) for _ in range(2)]
        assert [one.result() for one in asked] == [(), ()]
    assert counted == [1]


def test_complaints_are_in_no_figure(as_, world, anybody):
    record = make_record(world.firm, world.agency)
    from repair_app.services import complaints

    told = complaints.Told("error", "other", "有误。", "", [factories.make_upload()])
    complaints.receive(record.ref, told, "form")
    found = rows_of(read(as_(world.reviewer)), "overview")
    assert found["Matters filed"][0] == "0"


# --- pictures, files, the report ------------------------------------------------------------------


def test_each_table_has_its_picture_without_script(as_, world, two_agencies):
    client = as_(world.reviewer)
    page = read(client)
    tables = [one.get("aria-labelledby") for one in page.tree.iter("section")]
    pictures = [f"/statistics/{name}.svg?as=all" for name in tables]
    drawn_ones = [one for one in pictures if client.get(one).status_code == 200]
    assert len(drawn_ones) >= 9
    shown = {one.get("src") for one in page.tree.iter("img")}
    assert "/statistics/overview.svg?as=all" in shown
    assert shown < {*drawn_ones}  # but empty ones
    for address in drawn_ones:
        answer = client.get(address, headers=ENGLISH)
        assert answer.mimetype == "image/svg+xml", address
        drawn = ElementTree.fromstring(answer.get_data())  # well-formed
        assert drawn.get("viewBox")
        text = answer.get_data(as_text=True)
        assert "<script" not in text
        assert not re.search(r"(?:href|src)=.https?://", text)
    assert client.get("/statistics/nothing.svg").status_code == 404
    for image in page.tree.iter("img"):
        assert image.get("alt")


def test_a_quarter_in_which_nothing_was_filed_has_no_empty_pictures(anybody, world):
    with on("2026-07-01"):
        page = read(anybody)
        assert rows_of(page, "overview")["Matters filed"] == ["0"]
        assert not [*page.tree.iter("img")]


def test_a_name_that_is_markup_is_text_in_pictures_and_pages(as_, world):
    with factories.transaction() as session:
        session.get_one(factories.Organisation, world.agency.id).name = "<script>x</script>&局"
    make_case(world, "submitted")
    client = as_(world.reviewer)
    assert "<script>x" not in read(client).html
    answer = client.get("/statistics/by_provider.svg")
    assert "<script>x" not in answer.get_data(as_text=True)
    ElementTree.fromstring(answer.get_data())


def test_the_report_as_a_workbook_has_the_numbers_of_the_page(as_, world, two_agencies):
    client = as_(world.reviewer)
    answer = client.get("/statistics/report.xlsx", headers=ENGLISH)
    book = CalamineWorkbook.from_filelike(BytesIO(answer.get_data()))
    sheet = book.get_sheet_by_index(1).to_python()
    assert sheet[0] == ["Result", "Number of matters", "Share"]
    assert sheet[1][:2] == ["Matters filed", 4]
    assert len(book.sheet_names) == 12


def test_the_report_as_a_printed_page(as_, world, anybody, two_agencies):
    client = as_(world.provider)
    answer = client.get("/statistics/report.pdf")
    assert answer.mimetype == "application/pdf"
    assert answer.get_data().startswith(b"%PDF-")
    assert as_(world.subject).get("/statistics/report.pdf").status_code == 403
    assert anybody.get("/statistics/report.pdf").status_code == 302


def test_the_report_is_written_by_a_command(app, world, tmp_path, two_agencies):
    runner = app.test_cli_runner()
    month = f"{factories.today():%Y-%m}"
    for form in ("pdf", "xlsx"):
        out = tmp_path / f"report.{form}"
        told = runner.invoke(args=["statistics", "report", "--month", month, "--out", str(out)])
        assert told.exit_code == 0, told.output
        assert out.stat().st_size > 3000
    book = CalamineWorkbook.from_path(str(tmp_path / "report.xlsx"))
    assert book.get_sheet_by_index(1).to_python()[1][1] == 4
    for wrong in (
        ["--month", "2026-13", "--out", str(tmp_path / "a.pdf")],
        ["--out", str(tmp_path / "a.pdf")],
        ["--month", month, "--out", str(tmp_path / "a.doc")],
        ["--month", month, "--workflow", "nothing", "--out", str(tmp_path / "a.pdf")],
    ):
        assert runner.invoke(args=["statistics", "report", *wrong]).exit_code == 2


def test_a_page_asks_as_many_questions_of_many_matters_as_of_few(as_, world, two_agencies):
    client, asked = as_(world.reviewer), []

    def keep(_connection, _cursor, statement, *_rest):
        asked.append(statement)

    event.listen(db.engine, "before_cursor_execute", keep)
    try:
        read(client)
        few = len(asked)
        for _ in range(3):
            make_case(world, "with_provider")
        asked.clear()
        read(client)
        assert len(asked) == few
    finally:
        event.remove(db.engine, "before_cursor_execute", keep)
