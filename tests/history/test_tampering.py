"""What somebody changes who owns the database is found, and named by chain and number."""

import hashlib
import json
from collections.abc import Callable

import pytest
from sqlalchemy import func, select

from repair_app import ledger
from repair_app.db import db, now
from repair_app.models import Case, Event, TreeCheckpoint, TreeLeaf
from repair_app.services import history
from repair_app.services.tree import keys, log, proving
from tests import factories
from tests.factories import World

pytestmark = pytest.mark.usefixtures("key_file")
Attack = Callable[..., None]


@pytest.fixture
def case(world: World) -> Case:
    """Give a case whose events are in the tree, with two checkpoints."""
    case = factories.make_case(world, "submitted")
    log.sequence(now())
    factories.act(world.reviewer, "accept", case)
    log.sequence(now())
    return case


def tree_flaw() -> ledger.Flaw | None:
    return proving.find_flaw(db.session())


def events_of(stream: str) -> list[Event]:
    query = select(Event).where(Event.stream == stream).order_by(Event.seq)
    return list(db.session.scalars(query))


def rehash(stream: str, attack: Attack, first: int, change: dict[str, str]) -> None:
    """Rewrite an event and all that follow it in its chain, hashes and head too."""
    events = [(one.id, one.seq, json.loads(one.payload)) for one in events_of(stream)]
    prev = ledger.GENESIS
    for event_id, seq, content in events:
        if seq == first:
            content.update(change)
        content["prev"] = prev
        payload = ledger.canonical(content)
        prev = hashlib.sha256(payload.encode()).hexdigest()
        attack(
            "UPDATE event SET payload = :payload, hash = :hash WHERE id = :id",
            payload=payload,
            hash=prev,
            id=event_id,
        )
    attack("UPDATE stream SET head = :head WHERE ref = :ref", head=prev, ref=stream)


def position_of(event_id: int) -> int:
    found = db.session.scalar(select(TreeLeaf.position).where(TreeLeaf.event_id == event_id))
    assert found is not None
    return found


def test_what_nobody_changed_is_whole(case: Case) -> None:
    assert tree_flaw() is None
    assert history.verify_all()[1] is None


def test_an_edit_is_named(case: Case, attack: Attack) -> None:
    attack(
        "UPDATE event SET payload = :payload WHERE stream = :ref AND seq = 2",
        payload="{}",
        ref=case.ref,
    )
    flaw = history.verify_all()[1]
    assert flaw is not None
    assert (flaw.stream, flaw.seq) == (case.ref, 2)


def test_an_edit_with_the_whole_chain_rehashed_is_named(case: Case, attack: Attack) -> None:
    ref = case.ref
    rehash(ref, attack, 2, {"at": "2020-01-01T00:00:00.000000Z"})
    attack("UPDATE event SET at = :at WHERE stream = :ref AND seq = 2", at=EARLY(), ref=ref)
    flaw = tree_flaw()
    assert flaw is not None
    assert (flaw.stream, flaw.seq) == (ref, 2)


def EARLY() -> str:  # noqa: N802  # reads as the constant that it stands for
    return "2020-01-01 00:00:00.000000+00:00" if is_postgresql() else "2020-01-01 00:00:00.000000"


def is_postgresql() -> bool:
    return db.engine.dialect.name == "postgresql"


def test_an_edit_with_chain_and_tiles_rehashed_breaks_the_next_checkpoint(
    case: Case, attack: Attack
) -> None:
    ref = case.ref
    rehash(ref, attack, 1, {"rule_pack": "another"})
    hashes = db.session.execute(
        select(Event.hash).join(TreeLeaf, TreeLeaf.event_id == Event.id).order_by(TreeLeaf.position)
    ).scalars()
    tile = b"".join(log.leaf_of(one) for one in hashes)
    attack("UPDATE tree_tile SET hashes = :tile WHERE level = 0", tile=tile)
    flaw = tree_flaw()
    assert flaw is not None
    assert flaw.stream == proving.TREE
    # Between the last checkpoint that still holds and the first that does not: here from the start.
    assert flaw.seq == 1
    assert "signed next" in flaw.problem


def test_a_cut_tail_is_named(case: Case, attack: Attack) -> None:
    """With its chain's head, its place and the size put back too."""
    ref = case.ref
    last = events_of(ref)[-1]
    before = events_of(ref)[-2]
    number = position_of(last.id) + 1
    # What came after it in the tree goes as well: the attacker puts the clock back.
    gone = db.session.scalars(
        select(TreeLeaf.event_id).where(TreeLeaf.position >= number - 1)
    ).all()
    later = [one for one in gone if one != last.id]
    for one in [*later, last.id]:
        attack("DELETE FROM event_text", "DELETE FROM event WHERE id = :id", id=one)
        attack("DELETE FROM tree_leaf WHERE event_id = :id", id=one)
    attack(
        "UPDATE stream SET head = :head, length = :length WHERE ref = :ref",
        head=before.hash,
        length=before.seq,
        ref=ref,
    )
    attack("UPDATE tree_head SET size = :size", size=number - 1)
    flaw = tree_flaw()
    assert flaw is not None
    assert (flaw.stream, flaw.seq) == (proving.TREE, number)


def test_two_that_changed_places_are_named(case: Case, attack: Attack) -> None:
    first, second = (position_of(one.id) for one in events_of(case.ref)[:2])
    ids = [one.id for one in events_of(case.ref)[:2]]
    attack("UPDATE tree_leaf SET event_id = 0 WHERE position = :one", one=first)
    attack("UPDATE tree_leaf SET event_id = :id WHERE position = :two", id=ids[0], two=second)
    attack("UPDATE tree_leaf SET event_id = :id WHERE position = :one", id=ids[1], one=first)
    flaw = tree_flaw()
    assert flaw is not None
    assert (flaw.stream, flaw.seq) == (case.ref, 2)  # it stands where the first was put


def test_two_hashes_that_changed_places_with_their_events_break_the_root(
    case: Case, attack: Attack
) -> None:
    ids = [one.id for one in events_of(case.ref)[:2]]
    first, second = map(position_of, ids)
    tile = log.cut(log.Tiles(db.session()).read(0, 0))
    tile[first], tile[second] = tile[second], tile[first]
    attack("UPDATE tree_leaf SET event_id = 0 WHERE position = :one", one=first)
    attack("UPDATE tree_leaf SET event_id = :id WHERE position = :two", id=ids[0], two=second)
    attack("UPDATE tree_leaf SET event_id = :id WHERE position = :one", id=ids[1], one=first)
    attack("UPDATE tree_tile SET hashes = :tile WHERE level = 0", tile=b"".join(tile))
    flaw = tree_flaw()
    assert flaw is not None
    assert (flaw.stream, flaw.seq) == (proving.TREE, 1)


def test_the_first_event_deleted_is_named(case: Case, attack: Attack) -> None:
    first = db.session.scalar(select(TreeLeaf.event_id).where(TreeLeaf.position == 0))
    attack("DELETE FROM event_text", "DELETE FROM event WHERE id = :id", id=first)
    flaw = tree_flaw()
    assert flaw is not None
    assert (flaw.stream, flaw.seq) == (proving.TREE, 1)
    assert "gone" in flaw.problem


def test_the_first_place_deleted_is_named(case: Case, attack: Attack) -> None:
    attack("DELETE FROM tree_leaf WHERE position = 0")
    flaw = tree_flaw()
    assert flaw is not None
    assert (flaw.stream, flaw.seq) == (proving.TREE, 1)


def test_a_whole_case_with_its_chain_removed_is_named(case: Case, attack: Attack) -> None:
    """What no chain of a case can show."""
    events = events_of(case.ref)
    number = min(position_of(one.id) for one in events) + 1
    attack("DELETE FROM event_text", "DELETE FROM event WHERE stream = :ref", ref=case.ref)
    attack("DELETE FROM stream WHERE ref = :ref", ref=case.ref)
    assert ledger.verify(db.session())[1] is None
    flaw = tree_flaw()
    assert flaw is not None
    assert (flaw.stream, flaw.seq) == (proving.TREE, number)


def test_an_event_that_neither_waits_nor_has_a_place_is_named(world: World, attack: Attack) -> None:
    log.sequence(now())
    case = factories.make_case(world, "submitted")
    attack("DELETE FROM pending_leaf")
    flaw = tree_flaw()
    assert flaw is not None
    assert flaw.seq == 1
    assert "left out" in flaw.problem
    assert case.ref


def test_a_checkpoint_that_was_taken_away_or_rewritten_is_no_way_out(
    case: Case, attack: Attack
) -> None:
    """The last one deleted shows against what was kept outside; another's signature shows here."""
    stranger = keys.Signer.make("redress.invalid/history")
    size = db.session.scalar(select(func.max(TreeCheckpoint.size)))
    assert size is not None
    root = db.session.get_one(TreeCheckpoint, size).root
    forged = log.write_checkpoint([stranger], size, bytes.fromhex(root))
    attack("UPDATE tree_checkpoint SET note = :note WHERE size = :size", note=forged, size=size)
    flaw = tree_flaw()
    assert flaw is not None
    assert "no key of the log" in flaw.problem


def test_a_tile_above_that_does_not_fit_is_named(case: Case, attack: Attack) -> None:
    attack("INSERT INTO tree_tile (level, number, hashes) VALUES (1, 0, :hash)", hash=bytes(32))
    flaw = tree_flaw()
    assert flaw is not None
    assert "tiles" in flaw.problem
