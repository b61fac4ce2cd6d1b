"""All mirrors come to show the same bytes, whatever their network does to them; and how not."""

from collections.abc import Callable, Iterator
from contextlib import closing
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from flask import Flask
from werkzeug.wrappers import Request, Response

from repair_app.db import at, db, now
from repair_app.mirror.shelf import Shelf, Told, hash_of
from repair_app.models import CreditRecord, Organisation
from repair_app.services.transaction import transaction
from tests import factories
from tests.factories import World, make_record, make_sanction
from tests.sync.platforms import Receiver, deliver, forward, receivers

HOURS = 6
MINUTE = timedelta(seconds=60)
NAMES = ("plain", "failing", "slow", "twice", "late", "down")


class Failing:
    """Fails two times of three."""

    def __init__(self) -> None:
        self.count = 0

    def __call__(self, _request: Request) -> Response | None:
        self.count += 1
        return Response(status=503) if self.count % 3 else None


class Late:
    """Hands its mirror each message once more after the next one: twice, and out of order."""

    def __init__(self, receiver: Receiver) -> None:
        self.receiver, self.held = receiver, None

    def __call__(self, request: Request, answer: Response) -> Response:
        if self.held is not None:
            forward(self.receiver.mirror, self.held, self.held.get_data())
        if request.method == "POST":
            self.held = request
        return answer


@pytest.fixture
def mirrors(app: Flask, tmp_path: Path) -> Iterator[dict[str, Receiver]]:
    """Give platforms that each go wrong in their own way, by NAMES."""
    with receivers(tmp_path, len(NAMES)) as made:
        named = dict(zip(NAMES, made, strict=True))
        for one in made:
            one.join()
        named["failing"].before = Failing()
        named["slow"].after = answer_in_drops
        named["twice"].before = lambda request: take_first(named["twice"], request)
        named["late"].after = Late(named["late"])
        yield named


def take_first(receiver: Receiver, request: Request) -> None:
    """Hand a message to the mirror once, before it is handed over as it came."""
    forward(receiver.mirror, request, request.get_data())


def answer_in_drops(_request: Request, answer: Response) -> Response:
    """Return the same answer, a byte at a time."""
    body = answer.get_data()
    return Response((bytes([one]) for one in body), answer.status_code, mimetype="application/json")


def correct(record_id: int, decision_no: str) -> None:
    """Correct a record."""
    with transaction() as session:
        session.get_one(CreditRecord, record_id).decision_no = decision_no


def four_days(world: World, mirrors: dict[str, Receiver]) -> tuple[str, Any]:
    """Let things happen for four days, one mirror being down; return the removed record, and when.

    A disputed record, a measure, corrections, another name, and a repair that is granted.
    """
    start = now()
    kept, disputed, removed = (make_record(world.firm, world.agency) for _ in range(3))
    kept_id, disputed_ref, removed_ref = kept.id, disputed.ref, removed.ref
    make_sanction(kept, world.officer)
    rounds(start, 3)
    mirrors["down"].go_down()
    todo: dict[int, Callable[[], object]] = {
        6: lambda: factories.make_case(world, "accepted", record=find(disputed_ref)),
        18: lambda: correct(kept_id, "甲"),
        24: lambda: correct(kept_id, "乙"),
        30: lambda: factories.make_case(
            world, "executed", workflow="repair", record=find(removed_ref)
        ),
        48: lambda: make_record(world.other_firm, world.agency),
        60: lambda: rename(world.firm.id, "虚构更名有限公司"),
    }
    for hours in range(HOURS, 97, HOURS):
        with at(start + timedelta(hours=hours)):
            if hours in todo:
                todo[hours]()
        rounds(start + timedelta(hours=hours), 2)
    return removed_ref, start + timedelta(hours=97)


def find(ref: str) -> CreditRecord:
    """Return a record as it is now."""
    db.session.rollback()
    return db.session.query(CreditRecord).filter_by(ref=ref).one()


def rename(number: int, name: str) -> None:
    """Give a firm another name."""
    with transaction() as session:
        session.get_one(Organisation, number).name = name


def rounds(begin: Any, count: int) -> None:
    """Do some rounds of the worker, half a minute apart."""
    for number in range(count):
        with at(begin + number * timedelta(seconds=30)):
            deliver()


def test_all_mirrors_converge_though_one_was_down_for_four_days(
    world: World, mirrors: dict[str, Receiver]
) -> None:
    removed, moment = four_days(world, mirrors)
    down = mirrors["down"]
    assert down.shelf.read(removed) is not None  # it shows still what it was told last
    assert down.platform.unreachable_since is not None  # asked every round, in vain
    mirrors["failing"].before = lambda _: None
    down.go_up()
    rounds(moment, 2)  # 30 seconds apart: within a minute of its being up
    assert (down.platform.standing, down.platform.unreachable_since) == ("active", None)
    dumps = {name: one.shelf.dump() for name, one in mirrors.items()}
    assert len(set(dumps.values())) == 1, {name: len(dump) for name, dump in dumps.items()}
    assert dumps["plain"].count(b"\n") == 3
    for name, one in mirrors.items():
        assert one.shelf.read(removed) is None, name
        assert one.mirror.test_client().get(f"/records/{removed}").status_code == 404, name
    # Nothing that the removed record said is left in any file.
    assert all(b"JL-" in dump and removed.encode() not in dump for dump in dumps.values())


# --- controls: what keeps the mirrors together ----------------------------------------------------


@pytest.mark.parametrize("stage", ["sqlite"], indirect=True)
def test_control_without_the_message_id_what_comes_twice_counts_twice(
    world: World, mirrors: dict[str, Receiver], monkeypatch: pytest.MonkeyPatch
) -> None:
    ref = make_record(world.firm, world.agency).ref
    deliver()
    assert mirrors["twice"].shelf.read(ref)[2] == mirrors["plain"].shelf.read(ref)[2] == 1
    take = Shelf.take
    monkeypatch.setattr(Shelf, "take", lambda self, change, _message="": take(self, change))
    correct(find(ref).id, "再")
    deliver()
    assert mirrors["plain"].shelf.read(ref)[2] == 2
    assert mirrors["twice"].shelf.read(ref)[2] == 3


@pytest.mark.parametrize("stage", ["sqlite"], indirect=True)
@pytest.mark.parametrize("guarded", [True, False])
def test_control_without_positions_an_older_change_comes_back(
    world: World, mirrors: dict[str, Receiver], monkeypatch: pytest.MonkeyPatch, guarded: bool
) -> None:
    """The late network hands over the forerunner after its follower, under an id of its own."""

    def take_whatever_comes(self: Shelf, change: Told, _message: str = "") -> str:
        with self.open(writes=True) as store:
            self.put(store, change)
            return self.shown_hash(store, change)

    if not guarded:
        monkeypatch.setattr(Shelf, "take", take_whatever_comes)
    number = make_record(world.firm, world.agency).id
    deliver()
    correct(number, "改后")
    deliver()
    same = mirrors["late"].shelf.dump() == mirrors["plain"].shelf.dump()
    assert same == guarded


def test_a_message_that_is_half_written_leaves_nothing(tmp_path: Path) -> None:
    """A mirror that stops in the middle takes the message again: its id was not kept."""
    shelf = Shelf(tmp_path / "mirror.sqlite3")
    content = '{"ref":"JL-2026-000001-A"}'
    change = Told(1, "JL-2026-000001-A", content, hash_of(content))

    class Stopped(Shelf):
        def put(self, store: Any, change: Told) -> None:
            super().put(store, change)
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        Stopped(shelf.path).take(change, "message")
    assert shelf.dump() == b""
    shelf.take(change, "message")
    with closing(shelf.hashes("", "")) as found:
        assert dict(found) == {change.ref: change.digest}
