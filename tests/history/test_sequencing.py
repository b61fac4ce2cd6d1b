"""Each event gets its place in the tree, once, however late it is committed; the root is signed."""

import hashlib
import itertools
from datetime import timedelta
from pathlib import Path

import pytest
from flask import Flask
from sqlalchemy import func, select, text

from repair_app import alarms, ledger, merkle
from repair_app.db import db, insert_rows, now, writing
from repair_app.engine.step import SYSTEM
from repair_app.models import (
    Alarm,
    Event,
    PendingLeaf,
    Stream,
    TreeCheckpoint,
    TreeHead,
    TreeLeaf,
    TreeSigner,
    TreeTile,
)
from repair_app.notes import Checkpoint, Verifier, open_note
from repair_app.services import history, office_book
from repair_app.services.transaction import transaction
from repair_app.services.tree import keys, log
from tests import factories
from tests.conftest import Stage
from tests.factories import World

pytestmark = pytest.mark.usefixtures("key_file", "begun")

one_store = pytest.mark.parametrize("stage", ["sqlite"], indirect=True)  # no query is special


@pytest.fixture
def begun(world: World) -> None:
    """Have a few events on file."""
    add_events(3)


def add_events(count: int) -> None:
    """Write so many events of one chain in one transaction."""
    with transaction() as session:
        for number in range(count):
            facts = {"number": number}
            office_book.note(session, office_book.OPERATIONS, "forget", "x", SYSTEM, facts=facts)


def import_events(first: int, count: int) -> None:
    """Write so many events at once, as an import does: each begins a chain."""
    contents = [
        ledger.describe(
            entity=f"X-{first + number}",
            workflow="operations",
            workflow_version="1",
            transition="forget",
            source="",
            target="",
            actor=SYSTEM.as_dict(),
            at=now(),
            basis=[],
            rule_pack="",
            facts={},
            evidence=[],
        )
        for number in range(count)
    ]
    at = now()
    refs = [one["entity"] for one in contents]
    contents = [{**one, "at": ledger.moment(at)} for one in contents]
    streams, events = ledger.first_entries(refs, contents, at)
    with transaction() as session:
        insert_rows(session, Stream, streams)
        insert_rows(session, Event, events)


def count(model: type) -> int:
    db.session.rollback()
    return db.session.scalar(select(func.count()).select_from(model)) or 0


def newest() -> TreeCheckpoint:
    db.session.rollback()
    found = log.newest(db.session())
    assert found is not None
    return found


def root_by_hand() -> bytes:
    """Return the root of all events in the order of their places, by RFC 9162's definition."""
    db.session.rollback()
    hashes = db.session.scalars(
        select(Event.hash).join(TreeLeaf, TreeLeaf.event_id == Event.id).order_by(TreeLeaf.position)
    )
    leaves = [hashlib.sha256(b"\0" + bytes.fromhex(one)).digest() for one in hashes]

    def tree_hash(some: list[bytes]) -> bytes:
        if len(some) == 1:
            return some[0]
        half = 1
        while half * 2 < len(some):
            half *= 2
        return hashlib.sha256(b"\1" + tree_hash(some[:half]) + tree_hash(some[half:])).digest()

    return tree_hash(leaves)


# --- places and checkpoints ---


def test_every_event_gets_a_place_and_the_root_of_all_is_signed(world: World) -> None:
    factories.make_case(world, "accepted")
    events = count(Event)
    assert count(PendingLeaf) == events > 6
    assert log.sequence(now()) == events
    assert (count(PendingLeaf), count(TreeLeaf)) == (0, events)
    signer = db.session.scalars(select(TreeSigner)).one()
    said, by = open_note(newest().note, [Verifier.read(signer.vkey)])
    found = Checkpoint.read(said)
    assert (found.size, found.root) == (events, root_by_hand())
    assert found.origin == by[0].name == "redress.invalid/history"
    assert history.verify_all()[1] is None


def test_nothing_is_written_where_nothing_is_new(world: World, digest) -> None:
    log.sequence(now())
    before = digest()
    assert log.sequence(now()) == 0
    assert digest() == before


@pytest.mark.parametrize("more", [1, 255, 256, 257])
def test_the_tree_grows_across_tiles_and_each_former_checkpoint_stays_part_of_it(
    world: World, more: int
) -> None:
    import_events(0, 300)
    log.sequence(now())
    former = newest()
    import_events(1000, more)
    assert log.sequence(now()) == more
    last = newest()
    assert last.size == former.size + more == count(Event)
    assert last.root == root_by_hand().hex()
    tiles = log.Tiles(db.session())
    proof = merkle.prove_consistency(former.size, last.size, tiles.hash_of)
    roots = bytes.fromhex(former.root), bytes.fromhex(last.root)
    assert merkle.extends(former.size, roots[0], last.size, roots[1], proof)
    assert history.verify_all()[1] is None


@one_store
def test_a_checkpoint_is_signed_for_each_256_events_at_most(world: World) -> None:
    import_events(0, 700)
    log.sequence(now())
    sizes = [0, *db.session.scalars(select(TreeCheckpoint.size).order_by(TreeCheckpoint.size))]
    assert max(high - low for low, high in itertools.pairwise(sizes)) == 256
    assert sizes[-1] == count(Event)


def test_an_event_that_is_committed_late_is_not_skipped(stage: Stage, world: World) -> None:
    """Its number is lower than those that have their places already."""
    if stage.store.name == "sqlite":
        return  # has one writer at a time
    with writing(), db.engine.connect() as slow, slow.begin() as begun:
        slow.execute(
            text(
                "INSERT INTO event (stream, seq, entity, workflow, transition, at, payload, hash)"
                " VALUES ('late', 1, 'late', 'w', 't', now(), '{}', :hash)"
            ),
            {"hash": hashlib.sha256(b"{}").hexdigest()},
        )
        add_events(3)
        log.sequence(now())
        begun.commit()
    late = db.session.scalars(select(Event.id).where(Event.stream == "late")).one()
    assert late < (db.session.scalar(select(func.max(TreeLeaf.event_id))) or 0)
    assert log.sequence(now()) == 1
    assert db.session.scalar(select(TreeLeaf.position).where(TreeLeaf.event_id == late)) == (
        count(Event) - 1
    )


def test_what_is_rolled_back_waits_for_nothing(world: World) -> None:
    before = count(PendingLeaf)

    def write_and_fail() -> None:
        with transaction() as session:
            office_book.note(session, office_book.OPERATIONS, "forget", "x", SYSTEM)
            raise RuntimeError

    with pytest.raises(RuntimeError):
        write_and_fail()
    assert count(PendingLeaf) == before


@one_store
def test_tiles_lie_as_c2sp_has_them(world: World) -> None:
    """70,000 leaves would be 273 full tiles; here: two full ones, a partial one, one above."""
    import_events(0, 600)
    log.sequence(now())
    events = count(Event)
    tiles = {
        (one.level, one.number): len(one.hashes) // 32
        for one in db.session.scalars(select(TreeTile))
    }
    full, rest = divmod(events, 256)
    assert tiles == {**{(0, one): 256 for one in range(full)}, (0, full): rest, (1, 0): full}


# --- keys that are not there, or another's ---


def test_without_a_key_the_tree_grows_writes_go_on_and_after_a_minute_there_is_an_alarm(
    world: World, key_file: Path
) -> None:
    log.sequence(now())
    key = key_file.read_text()
    key_file.unlink()
    signed = newest().size
    add_events(5)
    assert log.sequence(now()) == 5
    assert (newest().size, count(TreeLeaf)) == (signed, signed + 5)
    assert count(Alarm) == 0
    add_events(1)
    assert log.sequence(now() + timedelta(seconds=61)) == 1
    found = db.session.scalars(select(Alarm)).one()
    assert (found.kind, found.cleared_at) == ("history", None)
    assert str(key_file) in found.text
    assert "history" in alarms.KINDS
    key_file.write_text(key)
    assert log.sequence(now()) == 0  # nothing waits for its place, only for the signature
    assert newest().size == signed + 6
    db.session.rollback()
    assert db.session.scalars(select(Alarm)).one().cleared_at is not None
    assert history.verify_all()[1] is None


@one_store
@pytest.mark.parametrize("content", ["", "no key", "PRIVATE+KEY+x+00000000+AAAA", "\xff"])
def test_a_file_that_holds_no_key_signs_nothing(world: World, key_file: Path, content: str) -> None:
    log.sequence(now())
    key_file.write_bytes(content.encode("latin-1"))
    signed = newest().size
    add_events(1)
    assert log.sequence(now()) == 1
    assert newest().size == signed


@one_store
def test_a_key_of_another_machine_begins_no_second_log(world: World, key_file: Path) -> None:
    log.sequence(now())
    signed = newest().size
    key_file.write_text(keys.Signer.make("redress.invalid/history").write())
    add_events(1)
    log.sequence(now())
    assert newest().size == signed


@one_store
def test_only_its_owner_can_read_the_key(world: World, key_file: Path) -> None:
    log.sequence(now())
    assert key_file.stat().st_mode & 0o077 == 0
    assert "PRIVATE" not in str(db.session.scalars(select(TreeCheckpoint.note)).all())


@one_store
def test_the_log_is_named_after_the_site(
    app: Flask, world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(app.config, "BASE_URL", "https://credit.example:8443/redress/")
    log.sequence(now())
    assert newest().note.startswith("credit.example:8443/redress/history\n")


# --- rotation ---


def test_while_one_key_follows_another_both_sign_and_each_change_is_an_event(
    world: World, key_file: Path
) -> None:
    log.sequence(now())
    first = db.session.scalars(select(TreeSigner.key_id)).one()
    second = keys.rotate().key_id.hex()
    log.sequence(now())
    both = newest()
    known = {one.key_id.hex(): one for one in keys.list_verifiers(db.session())}
    for one in (first, second):
        open_note(both.note, [known[one]])
    assert keys.retire().key_id.hex() == first
    log.sequence(now())
    assert [one.key_id.hex() for one in open_note(newest().note, known.values())[1]] == [second]
    assert len(key_file.read_text().splitlines()) == 1
    steps = db.session.scalars(
        select(Event.transition).where(Event.stream == "operations").order_by(Event.seq)
    ).all()
    assert steps[-2:] == ["rotate_history_key", "retire_history_key"]
    assert history.verify_all()[1] is None


@one_store
def test_a_key_is_not_retired_before_the_next_has_signed_nor_where_it_is_the_only_one(
    world: World,
) -> None:
    log.sequence(now())
    with pytest.raises(keys.NoKey, match="rotate"):
        keys.retire()
    keys.rotate()
    with pytest.raises(keys.NoKey, match="both signatures"):
        keys.retire()
    with pytest.raises(keys.NoKey, match="retire"):
        keys.rotate()


@one_store
def test_a_checkpoint_by_a_key_that_was_retired_is_found(world: World) -> None:
    log.sequence(now())
    keys.rotate()
    former = keys.read_file()[0]
    log.sequence(now())
    keys.retire()
    log.sequence(now())
    last = newest()
    forged = log.write_checkpoint([former], last.size, bytes.fromhex(last.root))
    with writing(), db.engine.begin() as connection:
        if connection.dialect.name == "sqlite":
            connection.execute(text("DROP TRIGGER tree_checkpoint_no_update"))
        else:
            connection.execute(text("SET LOCAL session_replication_role = replica"))
        connection.execute(
            text("UPDATE tree_checkpoint SET note = :note WHERE size = :size"),
            {"note": forged, "size": last.size},
        )
    db.session.rollback()
    flaw = history.verify_all()[1]
    assert flaw is not None
    assert "no key of the log" in flaw.problem


# --- the database itself ---


@pytest.mark.parametrize(
    "statement",
    [
        "UPDATE tree_leaf SET event_id = event_id + 1000",
        "DELETE FROM tree_leaf",
        "UPDATE tree_checkpoint SET root = ''",
        "DELETE FROM tree_checkpoint",
    ],
)
def test_the_database_refuses_to_change_places_and_checkpoints(
    world: World, statement: str, digest
) -> None:
    log.sequence(now())
    before = digest()
    with (
        pytest.raises(Exception, match="append-only"),
        writing(),
        db.engine.begin() as connection,
    ):
        connection.execute(text(statement))
    assert digest() == before


@one_store
def test_the_head_is_one_row(world: World) -> None:
    log.sequence(now())
    add_events(1)
    log.sequence(now())
    assert count(TreeHead) == 1
