"""When the database is away, or slow: a page that says so, and no restart to get over it."""

import re
import subprocess
import sys
import time

import psycopg
import pytest
from sqlalchemy import event, text
from sqlalchemy.exc import OperationalError

import manage
from config import SHARED_SECRETS, Config, ConfigError, spell_url
from repair_app.db import db
from repair_app.web import errors
from tests.conftest import build_app
from tests.factories import make_case

ENGLISH = {"Accept-Language": "en"}
PATIENCE = 30  # seconds until what should have happened has not


@pytest.fixture
def postgresql(store):
    if store.name != "postgresql":
        pytest.skip("a file is not lost by a connection")
    return store


@pytest.fixture
def out_of_reach(postgresql):
    """Give a function that ends every connection, and whether new ones are let in."""

    def cut(*, lets_in):
        postgresql.server.execute(
            f'ALTER DATABASE "{postgresql.database}" ALLOW_CONNECTIONS {lets_in}'
        )
        postgresql.spoil()  # the test's own connection is cut as well
        postgresql.server.execute(
            "SELECT pg_terminate_backend(pid, 5000) FROM pg_stat_activity WHERE datname = %s",
            [postgresql.database],
        )

    yield cut
    postgresql.server.execute(f'ALTER DATABASE "{postgresql.database}" ALLOW_CONNECTIONS true')


def test_a_page_says_that_the_store_is_away_and_then_it_is_back(world, as_, out_of_reach):
    reviewer = as_(world.reviewer)
    assert reviewer.get("/work").status_code == 200
    out_of_reach(lets_in=False)
    for path in ("/", "/work"):
        answer = reviewer.get(path, headers=ENGLISH)
        assert (answer.status_code, answer.headers["Retry-After"]) == (503, "10")
        assert "We cannot reach our own store" in answer.words
    out_of_reach(lets_in=True)
    assert reviewer.get("/work").status_code == 200


def test_the_interface_says_so_in_its_own_way(anybody, out_of_reach):
    out_of_reach(lets_in=False)
    answer = anybody.get("/api/v1/records", headers={"Authorization": "Bearer none"})
    assert (answer.status_code, answer.headers["Retry-After"]) == (503, "10")
    assert answer.json["code"] == "unavailable"
    out_of_reach(lets_in=True)
    answer = anybody.get("/api/v1/records", headers={"Authorization": "Bearer none"})
    assert answer.status_code == 401


def test_connections_that_were_lost_are_replaced_unseen(world, as_, out_of_reach):
    reviewer = as_(world.reviewer)
    for _ in range(3):
        assert reviewer.get("/work").status_code == 200
        out_of_reach(lets_in=True)


def test_without_a_look_at_the_connection_first_they_would_be_seen(
    world, as_, out_of_reach, monkeypatch
):
    """The negative control."""
    reviewer = as_(world.reviewer)
    assert reviewer.get("/work").status_code == 200
    monkeypatch.setattr(db.engine.pool.dispatch, "checkout", ())
    out_of_reach(lets_in=True)
    assert reviewer.get("/work").status_code == 503


def test_a_form_that_waits_too_long_for_a_lock_is_told_so_and_can_be_sent_again(
    app, world, as_, postgresql, tmp_path, monkeypatch
):
    timeouts = {**Config.DATABASE_TIMEOUTS, "lock_timeout": 200}
    monkeypatch.setattr("config.TestConfig.DATABASE_TIMEOUTS", timeouts)
    impatient = build_app(postgresql, tmp_path)
    monkeypatch.setitem(impatient.config, "SECRET_KEY", app.config["SECRET_KEY"])
    case = make_case(world, "submitted")
    page = f"/cases/{case.ref}/accept"
    reviewer = as_(world.reviewer)
    form = reviewer.get(page)
    monkeypatch.setattr(reviewer, "application", impatient)
    lock = "SELECT FROM credit_record WHERE id = %s FOR UPDATE"
    with psycopg.connect(postgresql.url) as holder:
        holder.execute(lock, [case.record_id])
        told = reviewer.send(form, page)
        assert told.status_code == 503
        assert "将同一表单再提交一次" in told.words
    assert reviewer.send(form, page).status_code == 302
    with impatient.app_context():
        db.engine.dispose()


def test_a_request_whose_transaction_the_server_ended_is_told_so(
    app, world, as_, postgresql, tmp_path, monkeypatch
):
    """PostgreSQL calls it an internal error, and tells it the next time it is asked anything."""
    timeouts = {**Config.DATABASE_TIMEOUTS, "idle_in_transaction_session_timeout": 20}
    monkeypatch.setattr("config.TestConfig.DATABASE_TIMEOUTS", timeouts)
    impatient = build_app(postgresql, tmp_path)
    monkeypatch.setitem(impatient.config, "SECRET_KEY", app.config["SECRET_KEY"])
    reviewer = as_(world.reviewer)
    monkeypatch.setattr(reviewer, "application", impatient)

    def stand_idle(connection, *_):
        there = "SELECT FROM pg_stat_activity WHERE pid = %s"
        number = [connection.connection.dbapi_connection.info.backend_pid]
        end = time.monotonic() + PATIENCE
        while postgresql.server.execute(there, number).fetchall() and time.monotonic() < end:
            pass

    with impatient.app_context():
        engine = db.engine
        event.listen(engine, "after_cursor_execute", stand_idle)
        answer = reviewer.get("/work", headers=ENGLISH)
        engine.dispose()
    assert answer.status_code == 503
    assert "We cannot reach our own store" in answer.words


def test_a_fault_in_a_question_is_not_called_an_absence(app):
    with pytest.raises(Exception, match=r"nonsense|syntax") as found:
        db.session.execute(text("SELECT nonsense FROM nowhere"))
    db.session.rollback()
    assert not isinstance(found.value, OperationalError) or not errors.is_passing(found.value)


# --- settings ---------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("given", "spelt"),
    [
        ("postgresql://u:p@one/name", "postgresql+psycopg://u:p@one/name"),
        ("postgres:///name?host=/tmp", "postgresql+psycopg:///name?host=/tmp"),
        (
            "postgresql://u:p@one:1,two:2/name?target_session_attrs=read-write",
            "postgresql+psycopg://u:p@/name?host=one:1&host=two:2&target_session_attrs=read-write",
        ),
        ("postgresql+psycopg://one,two/name", "postgresql+psycopg:///name?host=one&host=two"),
        ("sqlite:////somewhere/file", "sqlite:////somewhere/file"),
    ],
)
def test_addresses_of_databases_are_read_as_libpq_writes_them(given, spelt):
    assert spell_url(given) == spelt


@pytest.fixture
def settings(tmp_path, monkeypatch):
    """Give a function that reads the settings of an environment."""

    def read(**env):
        monkeypatch.setenv("REDRESS_DATA", str(tmp_path))
        for name, value in env.items():
            monkeypatch.setenv(name, value)
        return Config()

    return read


def test_waits_of_a_web_process_end_and_those_of_a_command_do_not(settings):
    url = "postgresql://one/name"
    web = settings(DATABASE_URL=url).SQLALCHEMY_ENGINE_OPTIONS["connect_args"]
    for wait in ("lock=2000", "statement=10000", "idle_in_transaction_session=30000"):
        name, milliseconds = wait.split("=")
        assert f"-c {name}_timeout={milliseconds}" in web["options"]
    command = settings(FLASK_RUN_FROM_CLI="true").SQLALCHEMY_ENGINE_OPTIONS["connect_args"]
    assert "options" not in command
    assert command["connect_timeout"] == 3


@pytest.mark.parametrize(
    ("env", "named"),
    [
        ({"REDRESS_REPLICA_URL": "postgresql://two/name"}, "DATABASE_URL"),
        ({"REDRESS_EVIDENCE_URL": "s3://bucket", "SECRET_KEY": "x" * 40}, "REDRESS_PASSWORD_SALT"),
        (
            {
                "DATABASE_URL": "postgresql://one/name",
                "REDRESS_REPLICA_URL": "postgresql://two/name",
                "SECRET_KEY": "x" * 40,
            },
            "a replica means several machines: set REDRESS_PASSWORD_SALT",
        ),
        ({"REDRESS_EVIDENCE_URL": "ftp://somewhere"}, "REDRESS_EVIDENCE_URL"),
        ({"REDRESS_REPLICA_LAG": "soon"}, "REDRESS_REPLICA_LAG"),
    ],
)
def test_settings_that_cannot_be_served_with_are_refused(settings, monkeypatch, env, named):
    for name in ("DATABASE_URL", "SECRET_KEY", "REDRESS_PASSWORD_SALT"):
        monkeypatch.delenv(name, raising=False)
    with pytest.raises(ConfigError, match=named):
        settings(**env)


def test_the_refusal_is_one_line(tmp_path):
    env = manage.child_env(REDRESS_DATA=str(tmp_path), REDRESS_EVIDENCE_URL="ftp://somewhere")
    command = [sys.executable, *manage.flask_command("routes")[1:]]
    done = subprocess.run(command, env=env, capture_output=True, text=True, check=False)
    assert done.returncode == 1
    assert done.stderr.startswith("✗ REDRESS_EVIDENCE_URL")
    assert done.stderr.count("\n") == 1


def test_every_secret_that_a_node_makes_for_itself_can_be_given_to_all_alike():
    """Or a second node would not know what the first has signed."""
    source = (manage.ROOT / "config.py").read_text()
    made = source.count("read_secret(") - 1  # its definition
    given = re.findall(r'environ\.get\(\s*"([A-Z_]+)"\s*\) or read_secret', source)
    assert len(given) == made
    assert {*given, "REDRESS_SIGNING_KEY"} == set(SHARED_SECRETS)
