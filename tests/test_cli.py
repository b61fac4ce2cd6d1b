"""The commands, as an operator runs them."""

import csv
import json
import re
import shutil
from datetime import timedelta
from pathlib import Path

import pytest
import time_machine
from sqlalchemy import select, update

from repair_app.cli import workflows as workflow_commands
from repair_app.db import db, now, today, writing
from repair_app.models import CreditRecord, Event, User
from tests.factories import PASSWORD, make_case, make_record, make_sanction

SAMPLE = Path(__file__).parent / "data" / "penalties_424_fictional.csv"


@pytest.fixture
def run(app):
    """Give a function that runs a command and returns what it printed, and its exit code."""

    def run_command(*arguments, typed=None):
        return app.test_cli_runner().invoke(args=[str(one) for one in arguments], input=typed)

    return run_command


# --- records ----------------------------------------------------------------------------------


def test_the_sample_is_brought_in_and_a_second_time_all_are_duplicates(run, tmp_path):
    result = run("records", "import", SAMPLE, "--verdicts", tmp_path / "verdicts.csv")
    assert result.exit_code == 0, result.output
    assert "240 accepted, 0 duplicate, 0 refused" in result.output
    result = run("records", "import", SAMPLE, "--verdicts", tmp_path / "again.csv")
    assert result.exit_code == 0
    assert "0 accepted, 240 duplicate, 0 refused" in result.output
    for name, word in (("verdicts.csv", "accepted"), ("again.csv", "duplicate")):
        text = (tmp_path / name).read_text("utf-8-sig")
        rows = list(csv.DictReader(text.splitlines()))
        assert [row["verdict"] for row in rows] == [word] * 240
        assert [int(row["line"]) for row in rows] == list(range(2, 242))


@pytest.mark.parametrize(
    ("lang", "said", "heading"),
    [
        ("zh", "第一行不是列名", "行政相对人名称"),
        ("en", "the first row is no headings", "CF_XDR_MC"),
    ],
)
def test_a_file_that_cannot_be_read_ends_with_2_and_one_line(run, tmp_path, lang, said, heading):
    path = tmp_path / "表.csv"
    path.write_bytes(b"a,b\n1,2\n")
    result = run("records", "import", path, "--lang", lang)
    assert result.exit_code == 2
    lines = result.output.strip().splitlines()
    assert len(lines) == 1
    assert said in lines[0]
    assert heading in lines[0]  # that is looked for
    assert "Traceback" not in result.output


def test_a_file_that_is_not_there_is_a_mistake_of_the_command(run, tmp_path):
    assert run("records", "import", tmp_path / "none.csv").exit_code == 2
    assert run("records", "import", tmp_path).exit_code == 2


def test_verdicts_that_cannot_be_written_stop_the_import_before_it_begins(run, tmp_path, digest):
    before = digest()
    result = run("records", "import", SAMPLE, "--verdicts", tmp_path / "none" / "out.csv")
    assert result.exit_code == 2
    assert "Traceback" not in result.output
    assert digest() == before


def test_columns_that_nobody_knows_are_named(run, tmp_path):
    lines = SAMPLE.read_text("utf-8-sig").splitlines()
    path = tmp_path / "more.csv"
    path.write_text("\n".join([lines[0] + ",天气", lines[1] + ",晴"]), "utf-8")
    result = run("records", "import", path)
    assert result.exit_code == 0
    assert "天气" in result.output
    assert "1 accepted" in result.output


def test_what_has_run_out_is_archived_once(run, world):
    record = make_record(world.firm, world.agency, decided_days_ago=360)
    make_sanction(record, world.officer)
    other = make_record(world.firm, world.agency)
    make_sanction(other, world.officer, ends_on=today() + timedelta(days=3))
    assert run("records", "expire").output == "0 records expired\n0 sanctions lapsed\n"
    with time_machine.travel(now() + timedelta(days=20)):
        assert run("records", "expire").output == "1 records expired\n1 sanctions lapsed\n"
        assert run("records", "expire").output == "0 records expired\n0 sanctions lapsed\n"
    db.session.rollback()
    assert (record.state, other.state) == ("expired", "published")


# --- the ledger -------------------------------------------------------------------------------


def test_a_whole_ledger_is_told_with_the_number_of_events(run, world):
    make_case(world, "executed")
    events = len(db.session.scalars(select(Event.id)).all())
    for arguments in ((), ("--all",)):
        result = run("verify", *arguments)
        assert result.exit_code == 0
        assert f"{events} events" in result.output


def test_one_chain_can_be_checked(run, world):
    case = make_case(world, "accepted")
    result = run("verify", "--stream", case.ref)
    assert result.exit_code == 0
    count = len(db.session.scalars(select(Event.id).where(Event.stream == case.ref)).all())
    assert f"{count} events" in result.output


def test_a_chain_that_is_not_there_is_not_whole(run, app):
    result = run("verify", "--stream", "YY-2026-999999-X")
    assert result.exit_code == 1
    assert "there is no chain YY-2026-999999-X" in result.output


def test_all_chains_and_one_exclude_each_other(run, world):
    case = make_case(world, "accepted")
    assert run("verify", "--all", "--stream", case.ref).exit_code == 2


def test_a_changed_event_is_named(run, world, store):
    case = make_case(world, "accepted")
    event = db.session.scalars(
        select(Event).where(Event.stream == case.ref).order_by(Event.seq)
    ).all()[1]
    changed = json.loads(event.payload)
    changed["at"] = "2020-01-01T00:00:00Z"
    number, seq = event.id, event.seq
    store.spoil()
    unprotect(store)
    db.session.rollback()
    with writing(), db.engine.begin() as connection:
        connection.execute(
            update(Event).where(Event.id == number).values(payload=json.dumps(changed))
        )
    result = run("verify")
    assert result.exit_code == 1
    assert f"{case.ref}, event {seq}" in result.output


def unprotect(store):
    """Take away what keeps the table of events from being changed, as an intruder would."""
    db.session.rollback()
    with writing(), db.engine.begin() as connection:
        if store.name == "sqlite":
            query = "SELECT name FROM sqlite_master WHERE type = 'trigger'"
            names = [name for (name,) in connection.exec_driver_sql(query)]
            for name in names:
                connection.exec_driver_sql(f"DROP TRIGGER {name}")
        else:
            connection.exec_driver_sql("ALTER TABLE event DISABLE TRIGGER USER")


# --- workflows, rules, calendar ---------------------------------------------------------------


def test_the_workflows_and_rules_are_checked(run):
    result = run("rules", "check")
    assert result.exit_code == 0
    assert "SD-SEEDS" in result.output
    result = run("workflows", "check")
    assert "objection" in result.output
    assert result.exit_code == 0, result.output


def test_the_catalogue_of_measures_is_checked_with_the_workflows(run, app, tmp_path, monkeypatch):
    folder = tmp_path / "workflows"
    shutil.copytree(app.config["WORKFLOWS"], folder)
    measures = folder / "measures.toml"
    text = measures.read_text(encoding="utf-8")
    measures.write_text(text.replace('"mandatory"', '"mandatry"', 1), encoding="utf-8")
    monkeypatch.setitem(app.config, "WORKFLOWS", folder)
    for command in ("check", "prepare"):
        result = run("workflows", "check") if command == "check" else run("prepare", "--empty")
        assert result.exit_code == 1
        assert "force: unknown 'mandatry'; did you mean 'mandatory'?" in result.output


def test_what_is_released_is_added_to_and_may_not_change(run, app, tmp_path, monkeypatch):
    folder = tmp_path / "workflows"
    shutil.copytree(app.config["WORKFLOWS"], folder)
    path = folder / "releases.toml"
    path.unlink(missing_ok=True)
    monkeypatch.setitem(app.config, "WORKFLOWS", folder)
    result = run("workflows", "check")
    assert result.exit_code == 1
    assert "objection 2026.1" in result.output
    assert "released objection 2026.1" in run("workflows", "release").output
    assert run("workflows", "check").exit_code == 0
    # A version that was released before stays listed, and the file can still be read.
    path.write_text(re.sub(r"(?m)^objection\..*\n", "", path.read_text("utf-8")), "utf-8")
    again = set(run("workflows", "release").output.splitlines())
    assert again == {f"released objection 2026.{number}" for number in (1, 2, 3)}
    assert run("workflows", "check").exit_code == 0
    assert run("workflows", "release").output == ""


def test_the_drawn_pages_are_up_to_date(run):
    result = run("workflows", "draw", "--check")
    assert result.exit_code == 0, result.output


def test_a_page_that_is_out_of_date_is_named_and_drawn_anew(run, tmp_path, monkeypatch):
    monkeypatch.setattr(workflow_commands, "PAGES", tmp_path / "pages")
    result = run("workflows", "draw", "--check")
    assert result.exit_code == 1
    assert ".md is out of date" in result.output
    assert run("workflows", "draw").exit_code == 0
    assert run("workflows", "draw", "--check").exit_code == 0
    page = tmp_path / "pages" / "objection.md"
    page.write_text(page.read_text("utf-8") + "x", "utf-8")
    result = run("workflows", "draw", "--check")
    assert result.exit_code == 1
    assert "objection.md" in result.output


@pytest.mark.parametrize(
    ("start", "days", "due"),
    [
        ("2026-09-18", 3, "2026-09-22"),  # Sunday the 20th is worked
        ("2026-09-30", 3, "2026-10-10"),  # the national holiday, and a worked Saturday
        ("2026-02-13", 3, "2026-02-25"),  # the Spring Festival
    ],
)
def test_working_days_are_counted_with_the_official_calendar(run, start, days, due):
    result = run("calendar", "add", start, days)
    assert result.exit_code == 0
    first, why = result.output.splitlines()
    assert first == due
    assert why
    assert run("calendar", "add", start, days, "--lang", "en").output.splitlines()[0] == due


@pytest.mark.parametrize(
    "arguments",
    [
        ("2026-02-30", "3"),
        ("18.9.2026", "3"),
        ("2026-09-18", "-1"),
        ("2026-09-18", "0"),
        ("2026-09-18", "x"),
    ],
)
def test_a_day_that_is_none_is_a_mistake_of_the_command(run, arguments):
    result = run("calendar", "add", "--", *arguments)
    assert result.exit_code == 2
    assert "Traceback" not in result.output


# --- accounts ---------------------------------------------------------------------------------


def account(world, **changes):
    """Return the arguments of `accounts add`."""
    options = {
        "email": "new@example.com",
        "name": "新人",
        "uscc": world.firm.uscc,
        "role": "subject",
        "password": PASSWORD,
        **changes,
    }
    return [word for name, value in options.items() if value for word in (f"--{name}", str(value))]


def test_an_account_is_added_and_can_sign_in(run, world, anybody):
    result = run("accounts", "add", *account(world))
    assert result.exit_code == 0, result.output
    assert world.firm.name in result.output
    assert PASSWORD not in result.output
    answer = anybody.fill("/login", email="new@example.com", password=PASSWORD)
    assert answer.status_code == 302
    assert anybody.read("/my")


def test_the_password_is_asked_for_and_not_shown(run, world):
    result = run("accounts", "add", *account(world, password=""), typed=f"{PASSWORD}\n{PASSWORD}\n")
    assert result.exit_code == 0, result.output
    assert PASSWORD not in result.output


@pytest.mark.parametrize(
    "changes",
    [
        {"email": "nobody"},
        {"email": "subject@example.com"},  # is taken
        {"email": "SUBJECT@example.com"},
        {"password": "short"},
        {"uscc": "91370112MA9999999X"},
        {"role": "agent"},  # without a scope
        {"scope": "repair"},  # not an agent
    ],
    ids=str,
)
def test_an_account_that_cannot_be_is_refused_with_one_line(run, world, changes, digest):
    before = digest()
    result = run("accounts", "add", *account(world, **changes))
    assert result.exit_code == 1
    assert result.output.startswith("Error: ")
    assert len(result.output.strip().splitlines()) == 1
    assert digest() == before


def test_nobody_is_made_the_system(run, world):
    result = run("accounts", "add", *account(world, role="system"))
    assert result.exit_code == 2
    assert db.session.scalar(select(User.id).where(User.email == "new@example.com")) is None


def test_two_accounts_of_one_person_are_one_person(run, world):
    words = account(world, name="", **{"same-person-as": world.reviewer.email})
    result = run("accounts", "add", *words)
    assert result.exit_code == 0, result.output
    db.session.rollback()
    new = db.session.scalars(select(User).where(User.email == "new@example.com")).one()
    assert new.person_id == world.reviewer.person_id
    assert new.id != world.reviewer.id


@pytest.mark.parametrize(
    ("changes", "code"),
    [
        ({"same-person-as": "reviewer@example.com"}, 2),  # and a name
        ({"name": ""}, 2),
        ({"name": "", "same-person-as": "nobody@example.com"}, 1),
    ],
    ids=str,
)
def test_it_is_said_once_who_has_the_new_account(run, world, changes, code, digest):
    before = digest()
    assert run("accounts", "add", *account(world, **changes)).exit_code == code
    assert digest() == before


def seat(user, organisation, role):
    """Return the arguments that name a role of somebody."""
    return ["--email", user.email, "--uscc", organisation.uscc, "--role", role]


def test_a_role_is_given_ended_and_given_again(run, world, as_):
    words = seat(world.subject, world.agency, "provider")
    assert as_(world.subject).get("/work").status_code == 403
    assert run("accounts", "appoint", *words).exit_code == 0
    assert as_(world.subject).get("/work").status_code == 200
    result = run("accounts", "end", *words)
    assert result.exit_code == 0, result.output
    assert world.agency.name in result.output
    assert as_(world.subject).get("/work").status_code == 403
    assert as_(world.subject).get("/my").status_code == 200
    until = today() + timedelta(days=1)
    assert run("accounts", "appoint", *words, "--until", until).exit_code == 0
    assert as_(world.subject).get("/work").status_code == 200
    with time_machine.travel(now() + timedelta(days=2)):
        assert as_(world.subject).get("/work").status_code == 403


def test_an_account_is_closed_with_its_sessions(run, world, as_, anybody):
    client = as_(world.subject)
    assert client.get("/my").status_code == 200
    result = run("accounts", "end", "--email", world.subject.email)
    assert result.exit_code == 0, result.output
    assert client.get("/my").status_code == 302
    assert anybody.fill("/login", email=world.subject.email, password=PASSWORD).status_code == 200


@pytest.mark.parametrize(
    ("command", "words", "code"),
    [
        ("appoint", lambda world: seat(world.subject, world.firm, "subject"), 1),  # is it already
        ("appoint", lambda world: seat(world.subject, world.firm, "agent"), 1),  # without a scope
        ("end", lambda world: seat(world.subject, world.agency, "provider"), 1),  # never was
        ("end", lambda _: ["--email", "nobody@example.com"], 1),
        ("end", lambda world: seat(world.subject, world.firm, "subject")[:4], 2),  # which role?
    ],
)
def test_a_role_that_cannot_be_given_or_ended_changes_nothing(
    run, world, digest, command, words, code
):
    before = digest()
    result = run("accounts", command, *words(world))
    assert result.exit_code == code
    assert "Error: " in result.output
    assert digest() == before


def test_an_organisation_gets_the_right_name(run, world, anybody):
    make_record(world.firm, world.agency)
    former, uscc = world.firm.name, world.firm.uscc
    result = run("organisations", "rename", "--uscc", uscc, "--name", " 更正后的名称有限公司 ")
    assert result.exit_code == 0, result.output
    assert result.output == f"{uscc}: {former} -> 更正后的名称有限公司\n"
    assert "更正后的名称有限公司" in anybody.read(f"/?q={uscc}").words
    assert former not in anybody.read(f"/?q={uscc}").words


@pytest.mark.parametrize(
    ("uscc", "name"), [("91370112MA0000001C", " "), ("91370112MA9999999X", "某公司")]
)
def test_a_name_that_cannot_be_given_changes_nothing(run, world, digest, uscc, name):
    before = digest()
    assert run("organisations", "rename", "--uscc", uscc, "--name", name).exit_code == 1
    assert digest() == before


# --- making a store ready ---------------------------------------------------------------------


def test_a_store_is_made_ready_as_often_as_one_likes(run, digest):
    before = digest()
    for _ in range(2):
        result = run("prepare", "--empty")
        assert result.exit_code == 0, result.output
    assert digest() == before
    assert db.session.scalar(select(CreditRecord.id)) is None
