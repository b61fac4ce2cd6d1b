"""What the database and the start refuse, whoever asks: rows 76 and 82."""

import os
import subprocess
import sys
from contextlib import contextmanager
from datetime import timedelta
from urllib.parse import urlsplit

import psycopg
import pytest
from sqlalchemy import func, select, update

import repair_app
from config import ROOT, Config, ConfigError, TestConfig
from repair_app import create_app, jobs, ledger
from repair_app.db import db, now
from repair_app.models import (
    Event,
    EventText,
    Role,
    SecurityEvent,
    TreeCheckpoint,
    TreeLeaf,
    User,
)
from repair_app.services import demonstrating, history, retention
from repair_app.services.transaction import transaction
from tests.client import make_client, sign_in
from tests.factories import make_account, make_case
from tests.journeys.steps import case_of

ROLES = (ROOT / "deploy" / "postgresql-roles.sql").read_text(encoding="utf-8")
one_store = pytest.mark.parametrize("stage", ["sqlite"], indirect=True)  # no query is special
on_postgresql = pytest.mark.parametrize("stage", ["postgresql"], indirect=True)


# --- row 76: the application's role in the database -----------------------------------------------


@pytest.fixture
def role(store, app):
    """Give the address of the store for a role, web nodes' or workers', as deploy/ has them."""
    db.session.remove()
    store.spoil()  # rights are no rows
    jobs.make_tables(db.engine)
    with psycopg.connect(store.url, autocommit=True) as owner:
        owner.execute(ROLES)
        owner.execute(ROLES)  # a second time changes nothing
    parts = urlsplit(store.url)
    name = parts.netloc.partition("@")[0].partition(":")[0]
    yield lambda who: store.url.replace(f"//{name}", f"//{who}", 1)
    db.session.remove()
    db.engine.dispose()
    with psycopg.connect(store.url, autocommit=True) as owner:
        owner.execute("DROP OWNED BY redress_app")
        owner.execute("DROP OWNED BY redress_worker")
        owner.execute("GRANT CREATE ON SCHEMA public TO PUBLIC")


FORBIDDEN = {
    "update": "UPDATE event SET payload = '{}'",
    "delete": "DELETE FROM event",
    "truncate": "TRUNCATE event CASCADE",
    "drop": "DROP TABLE event CASCADE",
    "trigger": "ALTER TABLE event DISABLE TRIGGER event_no_change",
    "triggers": "SET session_replication_role = replica",
    "texts": "DELETE FROM event_text",
    "function": "CREATE OR REPLACE FUNCTION refuse_change() RETURNS trigger LANGUAGE plpgsql"
    " AS $$ BEGIN RETURN NEW; END $$",
    "table": "CREATE TABLE mine (id int)",
    "role": "CREATE ROLE mine SUPERUSER",
    "migration": "UPDATE alembic_version SET version_num = '0001'",
    "place": "UPDATE tree_leaf SET event_id = 0",
    "places": "DELETE FROM tree_leaf",
    "checkpoint": "UPDATE tree_checkpoint SET root = ''",
    "checkpoints": "DELETE FROM tree_checkpoint",
    "cosignature": "UPDATE tree_cosignature SET size = 0",
    "cosignatures": "DELETE FROM tree_cosignature",
    "tiles": "DELETE FROM tree_tile",
    "head": "DELETE FROM tree_head",
    "signers": "DELETE FROM tree_signer",
    "another key": "UPDATE tree_signer SET vkey = ''",
    "trees": "TRUNCATE tree_leaf, tree_checkpoint CASCADE",
    "guard of the tree": "ALTER TABLE tree_leaf DISABLE TRIGGER tree_leaf_no_change",
    "waits": "UPDATE pending_leaf SET event_id = 0",
    "who was refused": "UPDATE security_event SET who = ''",
    "refusals": "TRUNCATE security_event",
}
# What only the worker does.
FORBIDDEN_TO_WEB_NODES = {
    "never sequenced": "DELETE FROM pending_leaf",
    "in everybody's way": "INSERT INTO pending_leaf (event_id) VALUES (-1)",
    "a place": "INSERT INTO tree_leaf (position, event_id) VALUES (9999, 9999)",
    "a checkpoint": "INSERT INTO tree_checkpoint (size) VALUES (9999)",
    "a key": "INSERT INTO tree_signer (key_id) VALUES ('')",
    "a cosignature": "INSERT INTO tree_cosignature (size) VALUES (1)",
    "a tile": "UPDATE tree_tile SET hashes = ''",
    "the size": "UPDATE tree_head SET size = 0",
    "an end": "UPDATE tree_signer SET to_size = 0",
    "a refusal": "DELETE FROM security_event",
}


@on_postgresql
def test_row_76_the_applications_role_cannot_touch_the_ledger_and_can_work(
    world, app, role, tmp_path, monkeypatch
):
    make_case(world, "submitted")
    db.session.remove()
    for who, forbidden in (
        ("redress_app", FORBIDDEN | FORBIDDEN_TO_WEB_NODES),
        ("redress_worker", FORBIDDEN),
    ):
        with psycopg.connect(role(who), autocommit=True) as line:
            for name, statement in forbidden.items():
                assert is_denied(line, statement), f"{name} was let through to {who}"
            # What it may empty, the trigger guards.
            with pytest.raises(psycopg.errors.RaiseException):
                line.execute("UPDATE event_text SET body = 'other'")
    work_as(role("redress_app"), tmp_path, monkeypatch, world)


@pytest.mark.timeout(600)
@on_postgresql
def test_row_76_the_workers_role_does_all_that_comes_round_and_sequences(
    world, app, role, tmp_path, monkeypatch
):
    """What was refused is noted by the web node's role and forgotten by the worker's, in time."""
    waits = make_case(world, "submitted").ref
    emails = world.stranger.email, world.reviewer.email
    with app_as(role("redress_app"), tmp_path, monkeypatch) as web:
        stranger = make_client(web)
        sign_in(stranger, emails[0])
        for _ in range(2):  # noted, and counted
            assert stranger.get(f"/cases/{waits}").status_code == 404
    noted = select(func.sum(SecurityEvent.times))
    assert db.session.scalar(noted) >= 2
    db.session.remove()
    monkeypatch.setenv("REDRESS_HISTORY_KEY", str(tmp_path / "history_key"))
    with app_as(role("redress_worker"), tmp_path, monkeypatch) as worker:
        runner = worker.test_cli_runner()
        done = runner.invoke(args=["jobs", "tick"])
        assert (done.exit_code, "✗" in done.output) == (0, False), done.output
        assert db.session.scalar(select(func.count()).select_from(TreeLeaf)) > 0
        assert db.session.scalar(select(func.count()).select_from(TreeCheckpoint)) > 0
        for step in ("rotate", "sequence", "retire"):
            done = runner.invoke(args=["history", step])
            assert done.exit_code == 0, done.output
        assert history.verify_all()[1] is None
        db.session.remove()
        retention.apply_rules(now() + timedelta(days=20 * 365))
        assert db.session.scalar(noted) is None
        db.session.remove()
    # And as a process of its own, with the engine of the jobs.
    environment = {
        **os.environ,
        "REDRESS_DATA": str(tmp_path),
        "DATABASE_URL": role("redress_worker"),
        "PYTHONPATH": str(ROOT),
    }
    with subprocess.Popen(
        [sys.executable, "-m", "flask", "--app", "repair_app", "jobs", "work"],
        cwd=ROOT,
        env=environment,
        stdout=subprocess.PIPE,
        text=True,
    ) as process:
        try:
            assert process.stdout.readline() == "worker: at work\n"
            process.terminate()
            assert process.stdout.readline() == "worker: stopped\n"
            assert process.wait(60) == 0
        finally:
            process.kill()


@contextmanager
def app_as(address, folder, monkeypatch):
    """Give an application on the store under a role."""
    with monkeypatch.context() as environment:
        environment.setenv("REDRESS_DATA", str(folder))
        environment.setenv("DATABASE_URL", address)
        made = create_app(TestConfig())
    with made.app_context():
        try:
            yield made
        finally:
            db.session.remove()
            db.engine.dispose()


def is_denied(line, statement):
    """Say whether a statement is refused for want of the right to it."""
    try:
        line.execute(statement)
    except psycopg.errors.InsufficientPrivilege:
        return True
    return False


def work_as(role, tmp_path, monkeypatch, world):
    """Take steps through the pages with the application's role, and erase a text."""
    ref = make_case(world, "submitted").ref
    emails = world.reviewer.email, world.provider.email
    db.session.remove()
    with app_as(role, tmp_path, monkeypatch) as limited:
        reviewer, provider = make_client(limited), make_client(limited)
        sign_in(reviewer, emails[0])
        sign_in(provider, emails[1])
        assert reviewer.fill(f"/cases/{ref}/accept").status_code == 302
        assert reviewer.fill(f"/cases/{ref}/ask_provider").status_code == 302
        assert provider.fill(f"/cases/{ref}/confirm", findings="属实。").status_code == 302
        assert case_of(ref).state == "confirmed"
        with transaction() as session:
            session.execute(update(EventText).values(body=None, salt=None))
        assert ledger.verify(db.session())[1] is None


@on_postgresql
def test_row_76_control_without_the_roles_the_owner_could(world, store):
    """The trigger stops the owner's mistakes; only the right stops who switches it off."""
    make_case(world, "submitted")
    count = len(db.session.scalars(select(Event.id)).all())
    db.session.remove()
    store.spoil()
    with psycopg.connect(store.url) as owner:
        owner.execute("ALTER TABLE event DISABLE TRIGGER event_no_change")
        assert owner.execute("UPDATE event SET seq = seq").rowcount == count
        owner.rollback()


# --- row 82: a start for the public ---------------------------------------------------------------


@pytest.fixture
def settings(tmp_path, monkeypatch):
    """Give a function that reads the settings of an environment."""
    monkeypatch.setenv("REDRESS_DATA", str(tmp_path))

    def read(**environment):
        with monkeypatch.context() as more:
            for name, value in environment.items():
                more.setenv(name, value)
            return Config()

    return read


PUBLIC = "https://credit.example"


@pytest.mark.parametrize("switch", ["1", "true", "on"])
def test_row_82_no_debugger_with_a_public_address(settings, switch):
    assert settings(FLASK_DEBUG=switch).IS_PUBLIC is False
    assert settings(FLASK_DEBUG="0", REDRESS_BASE_URL=PUBLIC).IS_PUBLIC
    with pytest.raises(ConfigError, match="FLASK_DEBUG"):
        settings(FLASK_DEBUG=switch, REDRESS_BASE_URL=PUBLIC)


@pytest.mark.parametrize("name", ["SECRET_KEY", "REDRESS_PASSWORD_SALT", "REDRESS_WEBHOOK_KEY"])
def test_row_82_no_secret_that_can_be_guessed_with_a_public_address(settings, name):
    settings(**{name: "x" * 32}, REDRESS_BASE_URL=PUBLIC)
    for weak in ("dev", "secret", "changeme"):
        with pytest.raises(ConfigError, match=name):
            settings(**{name: weak}, REDRESS_BASE_URL=PUBLIC)
    assert len(settings(REDRESS_BASE_URL=PUBLIC).SECRET_KEY) >= 32  # made by itself


@one_store
def test_row_82_cve_2021_45111_a_public_site_gets_no_demonstration(app, monkeypatch):
    monkeypatch.setitem(app.config, "IS_PUBLIC", True)
    monkeypatch.setattr("repair_app.demo.add_demo", lambda: pytest.fail("it was added"))
    done = app.test_cli_runner().invoke(args=["prepare"])
    assert done.exit_code == 1
    assert "--empty" in done.output


@one_store
def test_row_82_cve_2021_45111_no_public_site_is_served_with_accounts_of_the_demonstration(
    world, app, monkeypatch
):
    demonstrating.refuse(app)
    account = make_account(world.firm, Role.SUBJECT, email=f"tang@{demonstrating.DOMAIN}")
    demonstrating.refuse(app)  # on this machine alone it may
    monkeypatch.setitem(app.config, "IS_PUBLIC", True)
    with pytest.raises(SystemExit, match="1 accounts of the demonstration"):
        demonstrating.refuse(app)
    done = app.test_cli_runner().invoke(args=["prepare", "--empty"])
    assert done.exit_code == 1
    assert "flask accounts end" in done.output
    with transaction() as session:
        session.get_one(User, account.id).active = False
    demonstrating.refuse(app)


@one_store
def test_row_82_a_server_asks_at_its_start_and_a_command_does_not(store, tmp_path, monkeypatch):
    asked = []
    monkeypatch.setattr(demonstrating, "refuse", asked.append)
    monkeypatch.setattr(repair_app, "Config", TestConfig)
    monkeypatch.setenv("REDRESS_DATA", str(tmp_path))
    monkeypatch.setenv("DATABASE_URL", store.url)
    with monkeypatch.context() as environment:
        environment.setenv("FLASK_RUN_FROM_CLI", "true")
        create_app()
    assert asked == []
    monkeypatch.delenv("FLASK_RUN_FROM_CLI", raising=False)
    served = create_app()
    assert asked == [served]
