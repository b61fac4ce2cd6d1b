"""The calendar and the deadlines through the front door: pages and commands."""

from datetime import UTC, date, datetime, timedelta

import pytest
from sqlalchemy import select

from config import TestConfig
from repair_app import create_app
from repair_app.db import at, db
from repair_app.engine import deadlines as engine
from repair_app.models import CalendarEdition, Deadline
from repair_app.services import deadlines
from tests.factories import act, make_case
from tests.properties.test_clocks import slowly_due

FRIDAY = datetime(2026, 11, 20, 2, 0, tzinfo=UTC)
OFFICIAL = "2027-01-01..2027-01-03 休 元旦\n2027-01-10 班 元旦调休\n"


@pytest.fixture
def run(app):
    """Give a function that runs a command and returns what it printed, and its exit code."""

    def run_command(*arguments):
        return app.test_cli_runner().invoke(args=[str(one) for one in arguments])

    return run_command


def term_of(ref: str) -> Deadline:
    """Return the running term of the state that a case is in."""
    db.session.rollback()
    return db.session.scalars(
        select(Deadline).where(
            Deadline.entity_ref == ref, Deadline.met_at.is_(None), Deadline.whole.is_(False)
        )
    ).one()


def whole_term_of(ref: str) -> Deadline:
    """Return the term of a whole matter."""
    db.session.rollback()
    return db.session.scalars(
        select(Deadline).where(Deadline.entity_ref == ref, Deadline.whole)
    ).one()


def count_editions() -> int:
    db.session.rollback()
    return len(db.session.scalars(select(CalendarEdition.id)).all())


# --- pages ---------------------------------------------------------------------------------


def test_an_administrator_enters_a_day_off_and_every_open_deadline_moves(world, as_, run):
    with at(FRIDAY):
        case = make_case(world, "submitted")
    term = term_of(case.ref)
    was, days = term.due_on, term.working_days
    client = as_(world.administrator)
    answer = client.fill(
        "/admin/calendar", days=f"{was} 休 台风停工", source="应急指挥部通知", note="经核实"
    )
    page = client.follow(answer)
    assert page.alerts
    assert "应急指挥部通知" in page.words
    assert str(was) in page.words
    becomes = slowly_due(FRIDAY.date(), days, {was: False}, [])
    assert term_of(case.ref).due_on == becomes
    assert f'datetime="{becomes}"' in as_(world.subject).read(f"/cases/{case.ref}").html
    audit = as_(world.auditor).read("/audit").words
    assert "calendar #1" in audit
    assert run("verify").exit_code == 0


def test_the_announcement_of_a_year_is_pasted_and_the_year_is_official(world, as_):
    client = as_(world.administrator)
    before = client.read("/admin/calendar?year=2027")
    assert before.having("held")
    answer = client.fill("/admin/calendar", days=OFFICIAL, announces="2027", source="放假通知")
    page = client.follow(answer)
    assert not page.having("held")
    assert "2027-01-10" in page.words


@pytest.mark.parametrize(
    "given",
    [
        {"days": "2027-02-30 休", "source": "通知"},
        {"days": "2027-01-01 假", "source": "通知"},
        {"days": "", "source": "通知"},
        {"days": "2027-01-01 休", "source": ""},
        {"days": "2027-01-01 休", "source": "通知", "announces": "1"},
        {"days": "2027-01-01 休", "source": "通知", "announces": "二〇二七"},
        {"days": "2028-01-01 休", "source": "通知", "announces": "2027"},
    ],
)
def test_a_list_with_a_mistake_changes_nothing_and_keeps_what_was_typed(world, as_, digest, given):
    client = as_(world.administrator)
    before = digest()
    answer = client.fill("/admin/calendar", **given)
    assert answer.status_code == 400
    assert answer.mistakes
    assert given["days"] in answer.html
    assert digest() == before


def test_what_a_list_would_move_is_shown_before_it_is_in_force(world, as_, digest):
    """Nobody has to change the law's days to learn what it does."""
    with at(FRIDAY):
        case = make_case(world, "submitted")
    term = term_of(case.ref)
    was, days = term.due_on, term.working_days
    client = as_(world.administrator)
    given = {"days": f"{was} 休 台风停工", "source": "应急指挥部通知"}
    before = digest()
    page = client.fill("/admin/calendar", button="preview", **given)
    assert page.status_code == 200
    assert case.ref in page.words
    assert str(slowly_due(FRIDAY.date(), days, {was: False}, [])) in page.words
    assert "尚未作任何更改" in page.words
    assert page.fields["days"] == given["days"]  # and can be put in force from here
    assert digest() == before
    assert client.send(page, "/admin/calendar").status_code == 302
    assert count_editions() == 1


@pytest.mark.parametrize("name", ["note", "source"])
def test_a_note_is_no_longer_than_a_line_by_page_and_command(world, as_, run, digest, name):
    client = as_(world.administrator)
    before = digest()
    given = {"days": "2027-01-01 休 元旦", "source": "通知", "note": "", name: "长" * 201}
    assert client.fill("/admin/calendar", **given).status_code == 400
    day = ("calendar", "set", "2027-01-01", "--rest", "--note", "长" * 201)
    assert run(*day).exit_code == 2
    assert digest() == before


def test_sending_the_same_list_twice_makes_one_edition(world, as_):
    client = as_(world.administrator)
    for status in (302, 400):
        answer = client.fill("/admin/calendar", days=OFFICIAL, announces="2027", source="放假通知")
        assert answer.status_code == status
    assert count_editions() == 1


@pytest.mark.parametrize("who", ["subject", "provider", "reviewer", "officer", "auditor"])
def test_nobody_but_an_administrator_changes_the_calendar(world, as_, digest, who):
    client = as_(getattr(world, who))
    before = digest()
    assert client.get("/admin/calendar").status_code == 403
    sent = {"csrf_token": client.token(), "days": "2027-01-01 休", "source": "通知"}
    assert client.post("/admin/calendar", data=sent).status_code == 403
    assert digest() == before


@pytest.mark.parametrize("year", ["abc", "99999", "-1", "２０２７", ""])
def test_a_year_that_is_none_shows_this_year(world, as_, year):
    assert as_(world.administrator).get(f"/admin/calendar?year={year}").status_code == 200


def test_a_supplement_that_is_waited_for_moves_the_date_of_the_whole_objection(world, as_):
    """Asked for on Monday, supplied on Friday: Tuesday to Friday are not counted, and it shows."""
    monday, friday = date(2026, 11, 23), date(2026, 11, 27)
    with at(FRIDAY):
        case = make_case(world, "submitted")
    start, days = FRIDAY.date(), whole_term_of(case.ref).working_days
    assert whole_term_of(case.ref).due_on == slowly_due(start, days, {}, [])
    with at(FRIDAY + timedelta(days=3)):
        act(world.reviewer, "ask_supplement", case)
        assert whole_term_of(case.ref).paused_on == monday
        assert "恢复后顺延" in as_(world.subject).read(f"/cases/{case.ref}").words
    with at(FRIDAY + timedelta(days=7)):
        act(world.subject, "supplement", case)
        becomes = slowly_due(start, days, {}, [(monday, friday)])
        assert whole_term_of(case.ref).due_on == becomes
        page = as_(world.subject).read(f"/cases/{case.ref}")
        assert f"中止：{monday}至{friday}（待补正）" in page.words
        assert f"届满：{becomes}" in page.words
        assert "依据：" in page.words
        deadlines.recompute_all(dry=False)
        assert whole_term_of(case.ref).due_on == becomes


def test_an_alarm_is_seen_by_administrators_and_auditors(world, as_, run, monkeypatch):
    case = make_case(world, "submitted")

    def overflow(*_arguments, **_more):
        raise OverflowError("date value out of range")

    with monkeypatch.context() as patch:
        patch.setattr(engine, "add_working_days", overflow)
        act(world.reviewer, "accept", case)
    for who, page in ((world.administrator, "/admin"), (world.auditor, "/audit")):
        assert "date value out of range" in as_(who).read(page).words
    assert case.ref in run("deadlines", "alarms").output
    assert as_(world.subject).get(f"/cases/{case.ref}").status_code == 200
    run("deadlines", "recompute")
    assert run("deadlines", "alarms").output == ""
    assert "date value out of range" not in as_(world.administrator).read("/admin").words


# --- commands -------------------------------------------------------------------------------


def test_adding_working_days_prints_the_day_first_and_then_why(run):
    """The example of the domain: Sunday 2026-09-20 is worked."""
    result = run("calendar", "add", "2026-09-18", 3)
    day, why = result.output.splitlines()
    assert day == "2026-09-22"
    assert "2026-09-20调休上班" in why
    english = run("calendar", "add", "2026-09-18", 3, "--lang", "en").output.splitlines()
    assert english[0] == "2026-09-22"
    assert "counted although at a weekend: 2026-09-20" in english[1]


def test_adding_working_days_goes_by_what_was_entered(run):
    result = run("calendar", "set", "2026-09-20", "--rest", "--note", "本市不调休")
    assert result.exit_code == 0, result.output
    assert run("calendar", "add", "2026-09-18", 3).output.startswith("2026-09-23")
    assert run("calendar", "set", "2026-09-20", "--usual", "--note", "撤销").exit_code == 0
    assert run("calendar", "add", "2026-09-18", 3).output.startswith("2026-09-22")


def test_adding_working_days_needs_no_store(monkeypatch, tmp_path):
    """Before the store is made, the announced years are known all the same."""
    monkeypatch.setenv("REDRESS_DATA", str(tmp_path))
    monkeypatch.delenv("DATABASE_URL", raising=False)
    bare = create_app(TestConfig())
    result = bare.test_cli_runner().invoke(args=["calendar", "add", "2026-09-18", "3"])
    assert result.exit_code == 0, result.output
    assert result.output.startswith("2026-09-22\n")


@pytest.mark.parametrize(
    "arguments",
    [
        ("calendar", "add", "2026-09-31", 3),
        ("calendar", "add", "2026-09-18", 0),
        ("calendar", "set", "2026-11-23", "--note", "x"),
        ("calendar", "set", "2026-11-23", "--rest"),
        ("calendar", "set", "2026-11-23", "--rest", "--note", " "),
        ("calendar", "set", "1990-11-23", "--rest", "--note", "x"),
        ("calendar", "set", "2026-11-23", "--rest", "--note", "x", "--by", "nobody@example.com"),
        ("calendar", "set", "2026-11-23", "--rest", "--note", "x", "--by", "subject@example.com"),
        ("calendar", "show", 1990),
        ("calendar", "show", 2026, "--edition", 9),
        ("calendar", "load", "/none/such.csv"),
    ],
)
def test_a_mistake_of_the_command_line_ends_with_2_and_changes_nothing(run, digest, arguments):
    before = digest()
    result = run(*arguments)
    assert result.exit_code == 2
    assert "Traceback" not in result.output
    assert digest() == before


def test_a_term_beyond_the_calendar_ends_with_one_line(run):
    result = run("calendar", "add", "9999-12-01", 100)
    assert result.exit_code == 1
    assert "9999" in result.output


def test_a_file_is_loaded_shown_and_kept_in_the_history(run, tmp_path):
    path = tmp_path / "2027.csv"
    path.write_text(OFFICIAL, "utf-8")
    assert "推算" in run("calendar", "show", 2027).output
    arguments = ("calendar", "load", path, "--announces", 2027, "--source", "放假通知")
    by = ("--by", "administrator@example.com")
    trial = run(*arguments, "--dry-run")
    assert trial.exit_code == 0
    assert "nothing was changed" in trial.output
    assert count_editions() == 0
    result = run(*arguments, *by)
    assert result.exit_code == 0, result.output
    shown = run("calendar", "show", 2027).output
    assert "放假安排已公布" in shown
    assert "2027-01-10 调休上班 (元旦调休)" in shown
    history = run("calendar", "history").output
    assert "[2027] 4天 · 放假通知" in history
    assert run(*arguments).exit_code == 2


@pytest.mark.parametrize(("lang", "told"), [("zh", "第2行"), ("en", "line 2")])
def test_a_file_with_a_mistake_ends_with_2_its_name_and_the_line(run, tmp_path, digest, lang, told):
    path = tmp_path / "bad.csv"
    path.write_text("2027-01-01 休\n2027-02-30 休\n", "utf-8")
    before = digest()
    result = run("calendar", "load", path, "--lang", lang)
    assert result.exit_code == 2
    assert len(result.output.strip().splitlines()) == 1
    assert "bad.csv" in result.output
    assert told in result.output
    assert digest() == before


def test_deadlines_are_listed_explained_and_counted_anew(world, run, digest):
    with at(FRIDAY):
        case = make_case(world, "accepted")
        term = term_of(case.ref)
        assert case.ref in run("deadlines", "list").output
        assert run("deadlines", "list", "--overdue").output == ""
    with at(datetime(2027, 6, 1, tzinfo=UTC)):
        assert f"{case.ref} {term.clock}" in run("deadlines", "list", "--overdue").output
    for lang, word in (("zh", "依据："), ("en", "basis: ")):
        told = run("deadlines", "explain", case.ref, "--lang", lang).output
        assert word in told
        assert str(term.due_on) in told
    assert run("deadlines", "explain", "YY-2026-999999-X").exit_code == 1
    before = digest()
    assert run("deadlines", "recompute", "--dry-run").output == "0 open deadlines moved\n"
    assert digest() == before


def test_a_gap_in_the_calendar_never_stops_a_filing(world):
    """A year that nobody announced is counted by weekdays and statutory days, provisionally."""
    with at(datetime(2030, 5, 6, 2, 0, tzinfo=UTC)):
        case = make_case(world, "submitted")
        assert term_of(case.ref).provisional
        assert deadlines.list_alarms() == []
        assert term_of(case.ref).due_on > date(2030, 5, 6)
