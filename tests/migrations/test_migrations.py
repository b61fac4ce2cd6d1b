"""Migrations: their names, both directions with data, and the schema they lead to."""

import json
import re
from collections.abc import Callable, Collection, Iterator
from pathlib import Path

import flask_migrate
import pytest
import sqlalchemy
from alembic.autogenerate import compare_metadata
from alembic.migration import MigrationContext
from alembic.script import ScriptDirectory
from flask import Flask
from sqlalchemy import inspect, text

from config import ROOT
from repair_app import ledger, schema, sealing
from repair_app.db import db, now, writing
from repair_app.models import Event, EventText
from repair_app.services import feed
from tests import factories
from tests.conftest import Stage, build_app
from tests.stores import Store

SCRIPTS = ScriptDirectory(str(ROOT / "migrations"))
IN_ORDER = [one.revision for one in reversed(list(SCRIPTS.walk_revisions()))]


@pytest.fixture(params=["sqlite", "postgresql"])
def bare(
    request: pytest.FixtureRequest, make_store: Callable[[str, str], Store], tmp_path: Path
) -> Iterator[Flask]:
    """Give the application on a store without tables, its context open."""
    app = build_app(make_store(request.param, "bare"), tmp_path)
    with app.app_context():
        yield app
        db.session.remove()
        db.engine.dispose()


@pytest.fixture
def spoilt(stage: Stage) -> Flask:
    """Give the application on a store with the world, whose schema may be changed."""
    stage.store.spoil()
    return stage.app


# --- names ---


def test_each_file_is_named_by_its_number_and_one_follows_the_other() -> None:
    files = sorted(path.name for path in (ROOT / "migrations" / "versions").glob("*.py"))
    assert all(re.fullmatch(r"\d{4}_[a-z0-9_]+\.py", name) for name in files), files
    assert [name[:4] for name in files] == IN_ORDER
    assert [f"{number:04d}" for number in range(1, len(IN_ORDER) + 1)] == IN_ORDER
    assert SCRIPTS.get_heads() == [IN_ORDER[-1]]


# --- both directions ---


def test_every_migration_goes_up_and_down_and_up_again(bare: Flask) -> None:
    after_up = {}
    for revision in IN_ORDER:
        flask_migrate.upgrade(revision=revision)
        after_up[revision] = schema_now()
    for revision, earlier in zip(reversed(IN_ORDER), [*IN_ORDER[-2::-1], "base"], strict=True):
        assert schema_now() == after_up[revision], f"{revision} left something behind"
        flask_migrate.downgrade(revision=earlier)
    assert set(inspect(db.engine).get_table_names()) == {"alembic_version"}
    flask_migrate.upgrade()
    assert schema_now() == after_up[IN_ORDER[-1]]


def read_rows(tables: Collection[str]) -> dict[str, list[dict[str, object]]]:
    """Return every row of some tables, in whatever revision the store is."""
    found = {}
    with db.engine.connect() as connection:
        for table in tables:
            rows = connection.exec_driver_sql(f'SELECT * FROM "{table}"').mappings().all()
            found[table] = [dict(row) for row in rows]
    return found


def only(rows: list[dict[str, object]], names: Collection[str]) -> list[str]:
    """Return rows with some of their columns, in one order."""
    return sorted(repr([(name, row[name]) for name in sorted(names)]) for row in rows)


def test_what_was_on_file_stays_through_every_revision_down_and_up_again(
    spoilt: Flask, world: factories.World
) -> None:
    """The columns of the first revision hold what they held; what later ones added is lost."""
    factories.make_case(world, "correction_decided")
    at_head = read_rows([one.name for one in db.metadata.sorted_tables])
    db.session.remove()
    db.engine.dispose()
    for revision in reversed(IN_ORDER[1:]):
        flask_migrate.downgrade(revision=str(int(revision) - 1).zfill(4))
    first = inspect(db.engine)
    columns = {
        name: [one["name"] for one in first.get_columns(name)]
        for name in set(first.get_table_names()) & set(at_head)
    }
    assert "alarm" not in columns  # it is the first revision indeed
    at_first = read_rows(columns)
    db.engine.dispose()
    flask_migrate.upgrade()
    again = read_rows(columns)
    for table, names in columns.items():
        assert only(at_first[table], names) == only(at_head[table], names), table
        assert only(again[table], names) == only(at_head[table], names), table
    assert at_first["case_file"]
    assert ledger_refuses("UPDATE event SET seq = seq")
    assert ledger.verify(db.session())[1] is None


def test_calendars_that_were_subscribed_to_stay_where_they_are_though_only_hashes_are_kept(
    spoilt: Flask, world: factories.World
) -> None:
    """0005, both ways: what was an address before still is one; none can be made of a hash."""
    account = world.reviewer.id
    secret = "a-Secret_of-32-letters-and-digit"
    lost = feed.renew_token(world.provider)
    db.session.remove()
    db.engine.dispose()
    flask_migrate.downgrade(revision="0004")
    with writing(), db.engine.begin() as connection:
        found = connection.execute(text("SELECT feed_token FROM account")).scalars().all()
        assert set(found) == {None}
        connection.execute(
            text("UPDATE account SET feed_token = :secret WHERE id = :id"),
            {"secret": secret, "id": account},
        )
    db.engine.dispose()
    flask_migrate.upgrade(revision="0005")
    with db.engine.connect() as connection:
        rows = connection.execute(text("SELECT * FROM account")).mappings().all()
    assert {one["id"] for one in rows if one["feed_digest"]} == {account}
    assert not any(secret in str(dict(one)) for one in rows)
    db.engine.dispose()
    flask_migrate.upgrade()  # what serves is the present application
    client = spoilt.test_client()
    assert client.get(f"/feed/{secret}.ics").status_code == 200
    assert client.get(f"/feed/{lost}.ics").status_code == 404


def test_reports_that_stood_among_the_drafts_are_let_go_and_the_drafts_stay(
    spoilt: Flask, world: factories.World
) -> None:
    """0007: what was kept as the draft of a page that is no form."""
    pages = {"/work/steps/abcdefghijklmnopqrstuvwx", "/cases/YY-2026-000001-M/amend"}
    account = world.reviewer.id
    db.session.remove()
    db.engine.dispose()
    flask_migrate.downgrade(revision="0006")
    assert "step_report" not in inspect(db.engine).get_table_names()
    with writing(), db.engine.begin() as connection:
        connection.execute(
            text(
                'INSERT INTO draft (account_id, page, "values", saved_at) '
                "VALUES (:account, :page, '{}', :now)"
            ),
            [{"account": account, "page": page, "now": now()} for page in sorted(pages)],
        )
    db.engine.dispose()
    flask_migrate.upgrade(revision="0007")
    found = read_rows(["draft", "step_report"])
    assert [one["page"] for one in found["draft"]] == ["/cases/YY-2026-000001-M/amend"]
    assert found["step_report"] == []


def test_contacts_are_encrypted_where_they_lie_and_decrypted_on_the_way_back(
    spoilt: Flask, world: factories.World
) -> None:
    """Both ways: every value, however many, and what they are looked up by."""
    found_in = (ROOT / "migrations" / "versions").glob("*_sealed_fields.py")
    (sealed,) = (path.name[:4] for path in found_in)
    before = IN_ORDER[IN_ORDER.index(sealed) - 1]
    case, account = factories.make_case(world).id, world.subject.id
    db.session.remove()
    db.engine.dispose()
    flask_migrate.downgrade(revision=before)
    plain = {number: f"13900000{number:03d}" for number in range(600)}  # more than go at once
    with writing(), db.engine.begin() as connection:
        connection.execute(
            text(
                "INSERT INTO complaint (id, case_id, code_digest, capacity, statement) "
                "VALUES (1, :case, 'd', 'other', '如实说明')"
            ),
            {"case": case},
        )
        connection.execute(
            text("INSERT INTO complaint_contact (complaint_id, contact) VALUES (1, 'enc1:mine')")
        )
        connection.execute(
            text(
                "INSERT INTO identity (user_id, issuer, subject, created_at) "
                "VALUES (:account, 'https://id.example', :subject, :now)"
            ),
            [{"account": account, "subject": one, "now": now()} for one in plain.values()],
        )
    db.engine.dispose()
    flask_migrate.upgrade(revision=sealed)
    found = read_rows(["complaint", "complaint_contact", "identity"])
    kept = [one["subject"] for one in found["identity"]]
    kept += [found["complaint"][0]["statement"], found["complaint_contact"][0]["contact"]]
    ring = sealing.ring()
    assert all(str(one).startswith(f"enc1:{ring.first.name}:") for one in kept)
    assert {one["subject_index"] for one in found["identity"]} == {
        ring.index(one, "identity.subject") for one in plain.values()
    }
    assert ring.open(str(kept[-1]), "complaint_contact.contact") == "enc1:mine"
    db.engine.dispose()
    flask_migrate.downgrade(revision=before)
    found = read_rows(["complaint", "complaint_contact", "identity"])
    assert sorted(str(one["subject"]) for one in found["identity"]) == sorted(plain.values())
    assert found["complaint"][0]["statement"] == "如实说明"
    assert found["complaint_contact"][0]["contact"] == "enc1:mine"
    db.engine.dispose()
    flask_migrate.upgrade()


def test_the_models_are_what_the_migrations_lead_to(bare: Flask) -> None:
    flask_migrate.upgrade()
    with db.engine.connect() as connection:
        options = {
            "compare_type": True,
            "compare_server_default": True,
            "include_name": schema.is_modelled,
        }
        context = MigrationContext.configure(connection, opts=options)
        assert compare_metadata(context, db.metadata) == []


def test_constraints_of_the_models_are_in_the_database(bare: Flask) -> None:
    """Alembic compares neither CHECKs nor the conditions of partial indexes."""
    flask_migrate.upgrade()
    found = inspect(db.engine)
    for table in db.metadata.sorted_tables:
        wanted = {
            str(one.name)
            for one in table.constraints
            if isinstance(one, sqlalchemy.CheckConstraint)
        }
        assert {one["name"] for one in found.get_check_constraints(table.name)} == wanted
        partial = {
            str(one.name)
            for one in table.indexes
            if one.dialect_options["sqlite"]["where"] is not None
        }
        conditions = {
            one["name"]
            for one in found.get_indexes(table.name)
            if one.get("dialect_options", {}).get(f"{db.engine.dialect.name}_where") is not None
        }
        assert conditions == partial, table.name


def schema_now() -> dict[str, list[str]]:
    """Return the whole schema as text, table by table, and the triggers."""
    found = inspect(db.engine)
    schema = {
        name: sorted(
            json.dumps(part, default=str, sort_keys=True)
            for parts in (
                found.get_columns(name),
                found.get_check_constraints(name),
                found.get_foreign_keys(name),
                found.get_indexes(name),
                found.get_unique_constraints(name),
            )
            for part in parts
        )
        for name in found.get_table_names()
    }
    with db.engine.connect() as connection:
        is_sqlite = db.engine.dialect.name == "sqlite"
        triggers = text(
            "SELECT name FROM sqlite_master WHERE type = 'trigger'"
            if is_sqlite
            else "SELECT tgname FROM pg_trigger WHERE NOT tgisinternal"
        )
        schema["triggers"] = sorted(connection.execute(triggers).scalars())
    return schema


# --- the ledger is append-only ---

FORBIDDEN = [
    "UPDATE event SET payload = '{}'",
    "UPDATE event SET seq = seq",
    "DELETE FROM event",
    "UPDATE event_text SET body = 'other words'",
    "UPDATE event_text SET body = NULL",
    "UPDATE event_text SET salt = NULL",
    "UPDATE event_text SET event_id = event_id + 1000, body = NULL, salt = NULL",
    "DELETE FROM event_text",
]


@pytest.mark.parametrize("statement", FORBIDDEN)
def test_the_database_itself_refuses_to_change_the_ledger(
    app: Flask, world: factories.World, statement: str, digest: Callable[..., dict[str, str]]
) -> None:
    factories.make_case(world, "submitted")
    before = digest()
    assert ledger_refuses(statement)
    assert digest() == before


@pytest.mark.parametrize("table", ["event", "event_text"])
def test_postgresql_refuses_to_empty_the_ledger_at_one_stroke(
    app: Flask, store: Store, world: factories.World, table: str
) -> None:
    if store.name == "sqlite":
        return  # has no TRUNCATE
    factories.make_case(world, "submitted")
    assert ledger_refuses(f"TRUNCATE {table} CASCADE")


def test_a_personal_text_can_be_erased_and_nothing_else(app: Flask, world: factories.World) -> None:
    factories.make_case(world, "submitted")
    texts = db.session.query(EventText).count()
    with writing(), db.engine.begin() as connection:
        connection.execute(text("UPDATE event_text SET body = NULL, salt = NULL"))
    db.session.rollback()
    assert db.session.query(EventText).filter(EventText.body.is_(None)).count() == texts > 0
    assert db.session.query(Event).count() > 0


def ledger_refuses(statement: str) -> bool:
    """Try a statement in a transaction that may write; say whether the ledger refused."""
    try:
        with writing(), db.engine.begin() as connection:
            connection.execute(text(statement))
    except sqlalchemy.exc.DatabaseError as error:
        return "the ledger is append-only" in str(error)
    return False


def test_outside_of_a_writing_transaction_the_database_refuses_every_write(app: Flask) -> None:
    statement = text("UPDATE account SET active = false")
    with (
        db.engine.connect() as connection,
        pytest.raises(sqlalchemy.exc.DatabaseError, match=r"read.?only"),
    ):
        connection.execute(statement)
