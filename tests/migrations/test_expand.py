"""A release only adds to the schema: the one before it runs on beside it while nodes change over.

What a release takes away, a later one may remove: see deploy/runbook.md, "Upgrade".
"""

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import flask_migrate
import pytest
from flask import Flask
from sqlalchemy import inspect, text

from repair_app.db import db, writing
from tests.conftest import build_app
from tests.stores import Store

BEFORE = "0007"  # the release that is running meanwhile


@pytest.fixture(params=["sqlite", "postgresql"])
def bare(
    request: pytest.FixtureRequest, make_store: Callable[[str, str], Store], tmp_path: Path
) -> Iterator[Flask]:
    """Give the application on a store of the release before, its context open."""
    app = build_app(make_store(request.param, "expand"), tmp_path)
    with app.app_context():
        flask_migrate.upgrade(revision=BEFORE)
        yield app
        db.session.remove()
        db.engine.dispose()


def describe() -> dict[str, Any]:
    """Return what an application relies on: columns, and what must hold of a row."""
    found = {}
    seen = inspect(db.engine)
    for name in sorted(set(seen.get_table_names()) - {"alembic_version"}):
        rules = {
            *(f"check {one['sqltext']}" for one in seen.get_check_constraints(name)),
            *(f"unique {one['column_names']}" for one in seen.get_unique_constraints(name)),
            *(f"unique {one['column_names']}" for one in seen.get_indexes(name) if one["unique"]),
            *(f"points {one['constrained_columns']}" for one in seen.get_foreign_keys(name)),
        }
        columns = {one["name"]: one for one in seen.get_columns(name)}
        found[name] = {"columns": columns, "rules": rules}
    return found


def list_narrowed(before: dict[str, Any], after: dict[str, Any]) -> list[str]:
    """Return what an application of before would stumble over after."""
    flaws = [f"{name} is gone" for name in before if name not in after]
    for name in before.keys() & after.keys():
        old, new = before[name]["columns"], after[name]["columns"]
        flaws += [f"{name}.{one} is gone" for one in old if one not in new]
        flaws += [
            f"{name}.{one} is another type"
            for one in old.keys() & new.keys()
            if str(old[one]["type"]) != str(new[one]["type"])
        ]
        flaws += [
            f"{name}.{one} has to be given"
            for one, column in new.items()
            if not column["nullable"]
            and column["default"] is None
            and (one not in old or old[one]["nullable"])
        ]
        added = set(new) - set(old)
        flaws += [
            f"{name}: a new rule, {rule}"
            for rule in after[name]["rules"] - before[name]["rules"]
            if not any(column in rule for column in added)
        ]
    return flaws


def test_this_release_only_adds_to_the_schema(bare: Flask) -> None:
    before = describe()
    flask_migrate.upgrade()
    after = describe()
    assert set(after) > set(before)
    assert list_narrowed(before, after) == []


@pytest.mark.parametrize(
    ("change", "flaw"),
    [
        ("ALTER TABLE alarm DROP COLUMN {column}", "is gone"),
        ("DROP TABLE alarm", "alarm is gone"),
        ("ALTER TABLE alarm RENAME COLUMN {column} TO other", "is gone"),
        ("CREATE UNIQUE INDEX narrow ON alarm ({column})", "a new rule"),
    ],
)
def test_what_takes_away_is_found(bare: Flask, change: str, flaw: str) -> None:
    """The negative control."""
    before = describe()
    indexed = {
        name for one in inspect(db.engine).get_indexes("alarm") for name in one["column_names"]
    }
    column = next(one for one in before["alarm"]["columns"] if one not in {"id", *indexed})
    with writing(), db.engine.begin() as connection:
        connection.execute(text(change.format(column=column)))
    assert [one for one in list_narrowed(before, describe()) if flaw in one]
