"""Changes fetched over the interface: by a mirror, over HTTP, as its own client."""

from collections.abc import Callable
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import select

from repair_app.db import db, today
from repair_app.mirror.feed import NotFed, Source
from repair_app.mirror.shelf import Shelf
from repair_app.models import Change, CreditRecord, MachineClient, Obligation, Owed
from repair_app.services.sync import changes
from repair_app.services.transaction import transaction
from tests.api.conftest import Machine
from tests.factories import World, make_record
from tests.sync.platforms import make_platform

Register = Callable[..., Machine]


def hand_out() -> None:
    """Put what there is in order."""
    changes.take_in()
    changes.order_changes()
    db.session.rollback()


def test_a_mirror_pulls_acknowledges_and_shows_no_more_what_was_removed(
    world: World, machine: Register, site: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("repair_app.mirror.feed.LIMIT", 2)
    platform = make_platform(organisation_id=world.department.id).id
    number = [make_record(world.firm, world.agency) for _ in range(5)][3].id
    hand_out()
    client = machine("officer", ["changes"])
    source, shelf = Source(site, client.client_id, client.secret), Shelf(tmp_path / "m.sqlite3")
    assert source.pull(shelf) == 5
    assert source.pull(shelf) == 0
    with transaction() as session:
        row = session.get_one(CreditRecord, number)
        row.state, row.archived_at, ref = "repaired", row.created_at, row.ref
    hand_out()
    assert shelf.read(ref) is not None
    assert source.pull(shelf) == 1
    assert shelf.read(ref) is None
    db.session.rollback()
    standings = select(Obligation.standing).where(Obligation.platform_id == platform)
    assert set(db.session.scalars(standings)) == {Owed.ACKNOWLEDGED}


def test_what_is_owed_again_is_acknowledged_anew(
    world: World, machine: Register, site: str, tmp_path: Path
) -> None:
    """The same words are no repetition of the former ones: they are looked at again."""
    platform = make_platform(organisation_id=world.department.id).id
    make_record(world.firm, world.agency)
    hand_out()
    client = machine("officer", ["changes"])
    source = Source(site, client.client_id, client.secret)
    assert source.pull(Shelf(tmp_path / "first.sqlite3")) == 1
    with transaction() as session:
        owed = session.scalars(select(Obligation).where(Obligation.platform_id == platform)).one()
        owed.standing, owed.acknowledged_at = Owed.WAITING, None
    assert source.pull(Shelf(tmp_path / "second.sqlite3")) == 1
    db.session.rollback()
    standings = select(Obligation.standing).where(Obligation.platform_id == platform)
    assert db.session.scalars(standings).all() == [Owed.ACKNOWLEDGED]


def test_what_was_refused_is_told_and_fetched_again(
    world: World, machine: Register, site: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("repair_app.mirror.feed.LIMIT", 1)
    platform = make_platform(organisation_id=world.department.id).id
    refs = [make_record(world.firm, world.agency).ref for _ in range(3)]
    hand_out()
    client, shelf = machine("officer", ["changes"]), Shelf(tmp_path / "m.sqlite3")
    source = Source(site, client.client_id, client.secret)
    with shelf.open(writes=True) as store:
        row = (refs[1], 99, "0" * 64, "{}", "x", "x")
        store.execute("INSERT INTO record VALUES (?, ?, ?, ?, ?, ?)", row)
    with pytest.raises(NotFed, match="another hash"):
        source.pull(shelf)
    assert shelf.place() == 1
    assert shelf.read(refs[2]) is not None  # the others are taken all the same
    with shelf.open(writes=True) as store:
        store.execute("DELETE FROM record WHERE ref = ?", (refs[1],))
    source.pull(shelf)
    assert shelf.place() == 3
    db.session.rollback()
    standings = select(Obligation.standing).where(Obligation.platform_id == platform)
    assert set(db.session.scalars(standings)) == {Owed.ACKNOWLEDGED}


def test_behind_the_last_change_there_is_no_place(world: World, machine: Register) -> None:
    """A platform that is ahead of us has read another store: it would miss what is changed now."""
    make_platform(organisation_id=world.department.id)
    make_record(world.firm, world.agency)
    hand_out()
    client = machine("officer", ["changes"])
    head = client.get("/changes").json["head"]
    assert client.get(f"/changes?after={head}").json["items"] == []
    ahead = client.get(f"/changes?after={head + 1}")
    assert (ahead.status_code, ahead.json["code"]) == (422, "no_such_place")


def test_a_client_that_is_not_known_is_told_so(site: str, tmp_path: Path) -> None:
    with pytest.raises(NotFed):
        Source(site, "nobody", "nothing").pull(Shelf(tmp_path / "m.sqlite3"))


def test_who_has_no_platform_finds_none(world: World, machine: Register) -> None:
    assert machine("officer", ["changes"]).get("/changes").status_code == 404


@pytest.mark.parametrize(
    "query", ["after=-1", "after=x", "limit=0", "limit=100000", f"after={2**70}", "after=1e9"]
)
@pytest.mark.parametrize("stage", ["sqlite"], indirect=True)
def test_a_place_that_is_none_is_refused(world: World, machine: Register, query: str) -> None:
    make_platform(organisation_id=world.department.id)
    answer = machine("officer", ["changes"]).get(f"/changes?{query}")
    assert 400 <= answer.status_code < 500
    assert answer.json["code"]


@pytest.mark.parametrize(
    "body",
    [
        {},
        {"items": []},
        {"items": [{"position": 1}]},
        {"items": [{"position": 1, "hash": "x"}]},
        {"items": [{"position": 0, "hash": "0" * 64}]},
        {"items": [{"position": 2**80, "hash": "0" * 64}]},
        [],
    ],
    ids=range(7),
)
@pytest.mark.parametrize("stage", ["sqlite"], indirect=True)
def test_an_acknowledgement_that_is_none_changes_nothing(
    world: World, machine: Register, body: Any
) -> None:
    platform = make_platform(organisation_id=world.department.id).id
    make_record(world.firm, world.agency)
    hand_out()
    answer = machine("officer", ["changes"]).post("/changes/ack", body)
    assert 400 <= answer.status_code < 500
    owed = db.session.scalars(select(Obligation).where(Obligation.platform_id == platform)).one()
    assert owed.standing == Owed.WAITING


@pytest.mark.parametrize("stage", ["sqlite"], indirect=True)
def test_another_hash_is_refused_by_its_position(world: World, machine: Register) -> None:
    make_platform(organisation_id=world.department.id)
    make_record(world.firm, world.agency)
    hand_out()
    own = db.session.scalars(select(Change.payload_hash)).one()
    system = machine("officer", ["changes"])
    for digest, answer in (("0" * 64, ([], [1])), (own, ([1], [])), (own, ([], []))):
        said = system.post("/changes/ack", {"items": [{"position": 1, "hash": digest}]}).json
        assert (said["acknowledged"], said["refused"]) == answer


def test_changes_are_those_of_the_client_s_organisation_whatever_seats_there_are(
    world: World, machine: Register
) -> None:
    """Also when the seat by which the system was registered has ended."""
    own = make_platform(organisation_id=world.department.id).id
    other = make_platform(organisation_id=world.other_department.id).id
    make_record(world.firm, world.agency)
    hand_out()
    client, stranger = machine("officer", ["changes"]), machine("other_officer", ["changes"])
    with transaction() as session:
        row = session.scalars(
            select(MachineClient).where(MachineClient.client_id == client.client_id)
        ).one()
        row.account.appointments[0].ends_on = today() - timedelta(days=1)
    (item,) = client.get("/changes").json["items"]
    said = {"items": [{"position": item["position"], "hash": item["hash"]}]}
    assert client.post("/changes/ack", said).json["acknowledged"] == [item["position"]]
    assert standings() == {own: Owed.ACKNOWLEDGED, other: Owed.WAITING}
    assert stranger.post("/changes/ack", said).json["acknowledged"] == [item["position"]]
    assert standings() == {own: Owed.ACKNOWLEDGED, other: Owed.ACKNOWLEDGED}


def standings() -> dict[int, str]:
    """Return how far each platform is with the one change that there is."""
    db.session.rollback()
    asked = select(Obligation.platform_id, Obligation.standing)
    return dict(db.session.execute(asked).all())
