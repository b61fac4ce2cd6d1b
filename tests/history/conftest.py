"""What tests of the history share: a key file of their own, and an attacker of the database."""

from collections.abc import Callable
from pathlib import Path

import pytest
from flask import Flask
from sqlalchemy import text

from repair_app.db import db, writing


@pytest.fixture
def key_file(app: Flask, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Have a key file of the test's own; there is none yet."""
    monkeypatch.setitem(app.config, "HISTORY_KEY", str(tmp_path / "history_key"))
    return tmp_path / "history_key"


@pytest.fixture
def attack(app: Flask) -> Callable[..., None]:
    """Give a function that runs statements as somebody does who owns the database."""

    def run(*statements: str, **values: object) -> None:
        db.session.rollback()
        with writing(), db.engine.begin() as connection:
            if connection.dialect.name == "sqlite":
                triggers = "SELECT name FROM sqlite_master WHERE type = 'trigger'"
                for name in connection.execute(text(triggers)).scalars().all():
                    connection.execute(text(f"DROP TRIGGER {name}"))
            else:
                connection.execute(text("SET LOCAL session_replication_role = replica"))
            connection.execute(text("DELETE FROM letter"))
            if any(one.startswith("DELETE FROM event") for one in statements):
                connection.execute(text("DELETE FROM event_text"))
            connection.execute(text("UPDATE change SET event_id = NULL"))
            for statement in statements:
                done = connection.execute(text(statement), values)
                assert done.rowcount > 0, f"the attack does nothing: {statement}"
        db.session.rollback()

    return run
