"""Commands where the store is not ready: one line that says what to run, and nothing is made."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

from config import ROOT
from repair_app.db import db
from tests.conftest import build_app

ADD = (
    *("clients", "add", "--name", "x", "--email", "han@redress.example"),
    *("--uscc", "11379900MBDEX0066X", "--role", "department", "--scope", "gate"),
)


def run(data: Path, *arguments: str) -> "subprocess.CompletedProcess[str]":
    """Run a command in a process of its own, with a data folder."""
    kept = {name: text for name, text in os.environ.items() if name != "DATABASE_URL"}
    environment = {**kept, "REDRESS_DATA": str(data), "PYTHONPATH": str(ROOT)}
    return subprocess.run(
        [sys.executable, "-P", "-m", "flask", "--app", str(ROOT / "repair_app"), *arguments],
        env=environment,
        capture_output=True,
        text=True,
        check=False,
        timeout=60,
    )


@pytest.mark.parametrize("arguments", [ADD, ("jobs", "tick"), ("verify",)])
def test_without_a_store_a_command_says_what_to_run_and_makes_nothing(tmp_path, arguments):
    data = tmp_path / "nothing"
    done = run(data, *arguments)
    assert (done.returncode, done.stdout) == (1, "")
    [line] = done.stderr.strip().splitlines()
    assert "manage.py flask prepare" in line
    assert str(data) in line
    assert "REDRESS_DATA" in line
    assert not data.exists()


def test_what_makes_a_store_or_needs_none_runs(tmp_path):
    done = run(tmp_path / "made", "prepare", "--empty")
    assert done.returncode == 0, done.stderr
    assert (tmp_path / "made" / "redress.sqlite3").exists()
    assert run(tmp_path / "other", "workflows", "check").returncode == 0
    told = run(tmp_path / "made", *ADD)
    assert (told.returncode, "Traceback" in told.stderr) == (1, False)
    assert "han@redress.example" in told.stderr


@pytest.mark.parametrize("kind", ["sqlite", "postgresql"])
@pytest.mark.parametrize("arguments", [ADD, ("clients", "revoke", "x"), ("deadlines", "recompute")])
def test_of_a_store_without_tables_it_is_said(make_store, tmp_path, kind, arguments):
    store = make_store(kind, "unready")
    app = build_app(store, tmp_path)
    told = app.test_cli_runner().invoke(args=arguments)
    with app.app_context():
        db.engine.dispose()
    assert told.exit_code == 1, told.output
    [line] = told.output.strip().splitlines()
    assert "the store has no tables yet" in line
    assert "manage.py flask prepare" in line
