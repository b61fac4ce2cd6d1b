"""By pull and by file; what a platform shows otherwise, and how that is mended."""

import csv
import json
from collections.abc import Iterator
from pathlib import Path

import pytest
from flask import Flask
from sqlalchemy import select
from werkzeug.wrappers import Response

from repair_app.db import db
from repair_app.mirror.shelf import Shelf, read_change
from repair_app.models import (
    Alarm,
    CreditRecord,
    Delivery,
    Obligation,
    Owed,
    Platform,
    PlatformKind,
)
from repair_app.services import platforms
from repair_app.services.sync import changes, drift, files, pull
from repair_app.services.transaction import transaction
from tests.factories import World, make_record, make_sanction
from tests.sync.platforms import Receiver, deliver, make_platform, receivers


@pytest.fixture
def receiver(app: Flask, tmp_path: Path) -> Iterator[Receiver]:
    """Give one receiver."""
    with receivers(tmp_path) as made:
        yield made[0]


def remove(number: int) -> None:
    """Take a record off publication."""
    with transaction() as session:
        row = session.get_one(CreditRecord, number)
        row.state, row.archived_at = "repaired", row.created_at


def hand_out() -> None:
    """Put what there is in order."""
    changes.take_in()
    changes.order_changes()


def standings(platform_id: int) -> list[str]:
    """Return how it stands with what a platform was owed."""
    db.session.rollback()
    own = select(Obligation.standing).where(Obligation.platform_id == platform_id)
    return list(db.session.scalars(own.order_by(Obligation.id)))


# --- pull -----------------------------------------------------------------------------------------


def test_pulled_page_by_page_a_mirror_shows_what_it_should(world: World, tmp_path: Path) -> None:
    platform = make_platform(organisation_id=world.department.id)
    made = [make_record(world.firm, world.agency) for _ in range(5)]
    refs, gone = [one.ref for one in made], made[2].id
    changes.take_in()
    remove(gone)
    hand_out()
    shelf, after, told = Shelf(tmp_path / "mirror.sqlite3"), 0, []
    while (page := pull.list_changes(platform, after, 2)).items:
        told += page.items
        after = page.next_after
    assert [one["position"] for one in told] == [1, 2, 3, 4, 5, 6]
    assert [one["ref"] for one in told if one["superseded"]] == [refs[2]]
    assert told[2]["record"] is None  # of what was removed nothing is told but that
    hashes = {}
    for one in told:
        if not one["superseded"]:
            hashes[one["position"]] = shelf.take(read_change(one))
    assert shelf.state()["count"] == 4
    assert pull.acknowledge(platform.id, hashes).refused == []
    assert set(standings(platform.id)) == {Owed.ACKNOWLEDGED, Owed.SUPERSEDED}
    assert pull.list_changes(platform, after, 2) == pull.Page([], 6, 6)


def test_a_hash_that_is_not_ours_acknowledges_nothing(world: World) -> None:
    platform = make_platform(organisation_id=world.department.id)
    make_record(world.firm, world.agency)
    hand_out()
    assert pull.acknowledge(platform.id, {1: "0" * 64, 7: "0" * 64}) == pull.Taken([], [1])
    assert standings(platform.id) == [Owed.WAITING]


def pull_all(platform_id: int, shelf: Shelf, after: int) -> int:
    """Pull what is behind a position and acknowledge it; return how many changes came."""
    db.session.rollback()
    platform = db.session.get_one(Platform, platform_id)
    items = pull.list_changes(platform, after, 100).items
    told = {one["position"]: shelf.take(read_change(one)) for one in items if one["record"]}
    assert pull.acknowledge(platform_id, told).refused == []
    return len(told)


@pytest.mark.parametrize("again", ["replay", "resume"])
def test_who_pulls_is_handed_again_what_is_owed_again(
    world: World, tmp_path: Path, again: str
) -> None:
    platform = make_platform(organisation_id=world.department.id)
    number, code, shelf = platform.id, platform.code, Shelf(tmp_path / "mirror.sqlite3")
    for _ in range(3):
        make_record(world.firm, world.agency)
    hand_out()
    assert pull_all(number, shelf, 0) == 3
    if again == "replay":
        assert platforms.replay(None, code, 2, 3) == 2
    else:
        platforms.disable(None, code)
        platforms.resume(None, code)
    count = 2 if again == "replay" else 3
    assert standings(number).count(Owed.WAITING) == count
    assert pull_all(number, shelf, 3) == count
    assert standings(number).count(Owed.WAITING) == 0


def test_who_pulls_and_is_ahead_of_a_store_that_was_put_back_misses_nothing(
    world: World, tmp_path: Path
) -> None:
    number = make_platform(organisation_id=world.department.id).id
    make_record(world.firm, world.agency)
    hand_out()
    changes.begin_anew()
    make_record(world.firm, world.agency)
    hand_out()
    assert pull_all(number, Shelf(tmp_path / "mirror.sqlite3"), 1000) == 2
    assert standings(number).count(Owed.WAITING) == 0


# --- files ----------------------------------------------------------------------------------------


def test_a_file_in_the_national_format_feeds_a_mirror_that_acknowledges(
    world: World, tmp_path: Path
) -> None:
    platform = make_platform(delivery=Delivery.FILE)
    record = make_record(world.firm, world.agency, violation_facts="=cmd|'/c calc'!A1")
    decision_no, shown = record.decision_no, make_record(world.firm, world.agency).id
    hand_out()
    path, count = files.write_file(platform, tmp_path)
    again, _ = files.write_file(platform, tmp_path)  # not acknowledged: owed still
    assert (path, count) == (again, 2)
    with path.open(encoding="utf-8-sig", newline="") as lines:
        rows = list(csv.DictReader(lines))
    assert rows[0]["CF_WSH"] == decision_no
    assert rows[0]["CF_XDR_SHXYM"] == world.firm.uscc
    assert rows[0]["CF_SY"].startswith("'=")  # no spreadsheet takes it for a formula
    shelf = Shelf(tmp_path / "mirror.sqlite3")
    receipt = ["REDRESS_POSITION,REDRESS_HASH\n"]
    for row in rows:
        told = read_change(
            {
                "position": int(row["REDRESS_POSITION"]),
                "hash": row["REDRESS_HASH"],
                "record": json.loads(row["REDRESS_JSON"]),
            }
        )
        receipt.append(f"{told.position},{shelf.take(told)}\n")
    pull.acknowledge(platform.id, files.read_receipt(receipt))
    assert standings(platform.id) == [Owed.ACKNOWLEDGED] * 2
    assert files.write_file(platform, tmp_path) is None
    remove(shown)
    hand_out()
    path, count = files.write_file(platform, tmp_path)
    with path.open(encoding="utf-8-sig", newline="") as lines:
        (row,) = csv.DictReader(lines)
    assert (row["REDRESS_SHOWN"], row["CF_WSH"], row["CF_XDR_MC"]) == ("0", "", "")


@pytest.mark.parametrize(
    "text", ["a,b\n1,2\n", "REDRESS_POSITION,REDRESS_HASH\nx,y\n", "\x00\n\x00"], ids=range(3)
)
def test_what_is_no_receipt_is_refused(text: str) -> None:
    with pytest.raises(files.NotPossible):
        files.read_receipt(text.splitlines(keepends=True))


# --- drift ----------------------------------------------------------------------------------------


def tamper(receiver: Receiver, statement: str, *values: object) -> None:
    """Change what a mirror shows behind everybody's back."""
    with receiver.shelf.open(writes=True) as store:
        store.execute(statement, values)


def test_what_a_platform_shows_otherwise_is_found_and_mended(
    world: World, receiver: Receiver, monkeypatch: pytest.MonkeyPatch
) -> None:
    """One that is lost, one altered, one that was removed and is there again; across ranges."""
    monkeypatch.setattr(drift, "RANGE", 2)
    platform = receiver.join()
    made = [make_record(world.firm, world.agency) for _ in range(6)]
    refs, numbers = [one.ref for one in made], [one.id for one in made]
    deliver()
    remove(numbers[5])
    deliver()
    assert drift.check(platform.code) == []
    before = receiver.shelf.dump()
    tamper(receiver, "DELETE FROM record WHERE ref = ?", refs[0])
    altered = "UPDATE record SET content = replace(content, ?, ?) WHERE ref = ?"
    tamper(receiver, altered, '"shown":true', '"shown":true,"x":1', refs[3])
    tamper(receiver, "UPDATE record SET content = '{}' WHERE ref = ?", refs[5])
    assert drift.check(platform.code) == [refs[0], refs[3], refs[5]]
    assert drift.check(platform.code) == []  # on its way is no difference
    assert deliver() == 3
    assert receiver.shelf.dump() == before
    assert drift.check(platform.code) == []


def test_a_record_that_was_never_handed_out_is_taken_away(world: World, receiver: Receiver) -> None:
    platform = receiver.join()
    withheld = make_record(world.firm, world.agency, decided_days_ago=3000, severity="minor").ref
    deliver()
    tamper(
        receiver,
        "INSERT INTO record VALUES (?, 1, ?, '{}', 'x', 'x')",
        withheld,
        "0" * 64,
    )
    assert drift.check(platform.code) == [withheld]
    tamper(receiver, "UPDATE record SET position = 0")
    deliver()
    deliver()
    assert receiver.shelf.state()["count"] == 0


@pytest.mark.parametrize(
    "answer",
    [
        Response("no"),
        Response("[]"),
        Response(status=404),
        Response('{"count": 1, "records": {"x": 1}}'),
        Response("x" * 70_000),
    ],
    ids=range(5),
)
@pytest.mark.parametrize("stage", ["sqlite"], indirect=True)
def test_a_platform_that_does_not_say_what_it_shows_raises_an_alarm(
    world: World, receiver: Receiver, answer: Response
) -> None:
    platform = receiver.join()
    make_record(world.firm, world.agency)
    deliver()
    receiver.before = lambda _: answer
    assert drift.check_all() == 0
    alarm = db.session.scalars(select(Alarm).where(Alarm.entity_ref == platform.code)).one()
    assert alarm.about == "drift"
    receiver.before = lambda _: None
    drift.check_all()
    db.session.refresh(alarm)
    assert alarm.cleared_at is not None


def test_what_was_given_up_is_no_longer_on_its_way(world: World, receiver: Receiver) -> None:
    platform = receiver.join()
    ref = make_record(world.firm, world.agency).ref
    hand_out()
    with transaction() as session:
        session.scalars(select(Obligation)).one().standing = Owed.FAILED
    assert drift.check(platform.code) == [ref]
    assert deliver() == 1
    assert receiver.shelf.read(ref) is not None


def test_of_what_is_no_record_of_ours_nothing_is_said_to_be_owed(
    world: World, receiver: Receiver
) -> None:
    platform = receiver.join()
    row = ("XX-2026-000001-A", "0" * 64)
    tamper(receiver, "INSERT INTO record VALUES (?, 1, ?, '{}', 'x', 'x')", *row)
    assert drift.check(platform.code) == []
    assert standings(platform.id) == []


def narrowed(code: str, organisation_id: int) -> None:
    """Have a platform get what one organisation provided, and nothing else."""
    now_is = platforms.read(code)
    terms = platforms.Terms(
        now_is.name_zh,
        now_is.name_en,
        PlatformKind.SOURCE_AGENCY,
        Delivery(now_is.delivery),
        now_is.owner_email,
        now_is.url,
        organisation_id=organisation_id,
    )
    platforms.change(None, code, terms)


def test_a_platform_that_gets_only_its_own_shows_the_others_no_more(
    world: World, receiver: Receiver
) -> None:
    code = receiver.join().code
    own = make_record(world.firm, world.agency).ref
    other = make_record(world.firm, world.other_agency)
    other_ref, number = other.ref, other.id
    assert deliver() == 2
    narrowed(code, world.agency.id)
    with transaction() as session:  # what comes later keeps nobody from being told
        session.get_one(CreditRecord, number).decision_no = "更正后"
    deliver()
    assert receiver.shelf.read(own) is not None
    assert receiver.shelf.read(other_ref) is None
    assert drift.check(code) == []
    tamper(receiver, "UPDATE record SET content = '{}' WHERE ref = ?", other_ref)
    assert drift.check(code) == [other_ref]
    deliver()
    assert receiver.shelf.read(other_ref) is None


def test_one_that_pulls_and_gets_only_its_own_is_told_of_the_removal(
    world: World, tmp_path: Path
) -> None:
    platform = make_platform(organisation_id=world.agency.id)
    number, code, shelf = platform.id, platform.code, Shelf(tmp_path / "mirror.sqlite3")
    own = make_record(world.firm, world.agency).ref
    other = make_record(world.firm, world.other_agency).ref
    hand_out()
    assert pull_all(number, shelf, 0) == 2
    narrowed(code, world.agency.id)
    assert pull_all(number, shelf, 2) == 2
    assert (shelf.read(own) is not None, shelf.read(other)) == (True, None)
    assert standings(number).count(Owed.WAITING) == 0


# --- measures -------------------------------------------------------------------------------------


@pytest.mark.parametrize("kind", list(PlatformKind))
@pytest.mark.parametrize("stage", ["sqlite"], indirect=True)
def test_of_measures_only_offices_are_told(
    world: World, receiver: Receiver, tmp_path: Path, kind: PlatformKind
) -> None:
    """Our own public page shows them to no anonymous reader."""
    agreed = {"kind": kind, "organisation_id": world.agency.id}
    code = receiver.join(**agreed).code
    pulling, filed = make_platform(**agreed), make_platform(delivery=Delivery.FILE, **agreed)
    record = make_record(world.firm, world.agency)
    make_sanction(record, world.officer)
    assert deliver() == 1
    told = kind not in {PlatformKind.THIRD_PARTY, PlatformKind.ENTERPRISE_PUBLICITY}
    assert ("measures" in receiver.shelf.read(record.ref)[0]) is told
    assert b"measures" not in receiver.mirror.test_client().get("/dump").data
    items = [one for one in pull.list_changes(pulling, 0).items if one["record"]]
    assert ["measures" in one["record"] for one in items] == [told]
    assert pull_all(pulling.id, Shelf(tmp_path / "pulled.sqlite3"), 0) == 1
    path, _ = files.write_file(platforms.read(filed.code), tmp_path)
    assert ("measures" in path.read_text(encoding="utf-8")) is told
    assert drift.check(code) == []
