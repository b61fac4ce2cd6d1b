"""Starting: only what a server needs is loaded, and a store that is ready is left alone."""

import json
import os
import subprocess
import sys

import flask_migrate
import pytest
from alembic.script import ScriptDirectory

from config import ROOT
from repair_app import schema
from repair_app.db import db, writing

# Each takes a while to import, and serving a page takes none of them.
LATE = ("alembic", "dbos", "flask_migrate", "holidays", "chinese_calendar", "mako")


def run_python(code, tmp_path):
    """Run Python in a process of its own, on a new data folder; return what it printed."""
    env = {**os.environ, "REDRESS_DATA": str(tmp_path), "PYTHONPATH": str(ROOT)}
    env.pop("DATABASE_URL", None)
    command = [sys.executable, "-P", "-c", code]
    return subprocess.run(command, env=env, check=True, capture_output=True, text=True).stdout


def test_a_server_loads_no_library_that_it_does_not_use(tmp_path):
    code = (
        "import gc, json, sys, repair_app; repair_app.create_app();"
        "print(json.dumps([sorted(sys.modules), gc.isenabled(), gc.get_freeze_count()]))"
    )
    modules, collects, kept = json.loads(run_python(code, tmp_path))
    assert not set(LATE) & set(modules)
    assert collects
    assert kept > 10_000


def test_the_last_migration_is_the_one_that_alembic_finds():
    assert schema.last_revision() == ScriptDirectory(str(schema.SCRIPTS)).get_current_head()


def test_a_store_that_is_up_to_date_is_not_migrated(app, monkeypatch):
    calls = []
    monkeypatch.setattr(flask_migrate, "upgrade", lambda: calls.append(1))
    assert schema.read_revision() == schema.last_revision()
    schema.bring_up()
    assert calls == []


@pytest.mark.parametrize("behind", ["empty", "0001"])
def test_a_store_that_is_behind_is_migrated(app, store, behind, monkeypatch):
    calls = []
    monkeypatch.setattr(flask_migrate, "upgrade", lambda: calls.append(1))
    store.spoil()
    change = (
        "DROP TABLE alembic_version"
        if behind == "empty"
        else ("UPDATE alembic_version SET version_num = '0001'")
    )
    with writing(), db.engine.begin() as connection:
        connection.exec_driver_sql(change)
    schema.bring_up()
    assert calls == [1]


@pytest.mark.parametrize("command", [("db", "current"), ("db", "heads"), ("db", "check")])
def test_the_commands_of_the_library_are_there(app, command):
    result = app.test_cli_runner().invoke(args=list(command))
    assert result.exit_code == 0, result.output


def test_the_commands_of_the_library_are_listed_and_explained(app):
    runner = app.test_cli_runner()
    assert "db " in runner.invoke(args=["--help"]).output
    assert "upgrade" in runner.invoke(args=["db", "--help"]).output
