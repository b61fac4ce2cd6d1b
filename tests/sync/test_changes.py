"""What changes for platforms: noticed with the event, ordered after the commit, nothing lost."""

import json
import threading
from collections.abc import Callable

import pytest
from flask import Flask
from sqlalchemy import func, select, text

from repair_app import ledger
from repair_app.db import db
from repair_app.engine import bulk
from repair_app.models import (
    Change,
    ChangeIntake,
    CreditRecord,
    Delivery,
    Event,
    Obligation,
    Organisation,
    Owed,
    PlatformKind,
)
from repair_app.services import organisations, platforms
from repair_app.services.sync import changes, content, standing
from repair_app.services.transaction import transaction
from tests import factories
from tests.factories import World, make_record, make_sanction
from tests.sync.platforms import make_platform


def history_of(record: CreditRecord) -> list[Change]:
    """Return the changes of a record, oldest first."""
    db.session.rollback()
    return list(
        db.session.scalars(
            select(Change).where(Change.record_ref == record.ref).order_by(Change.id)
        )
    )


def hand_out() -> None:
    """Put what there is in order, as the worker does before it delivers."""
    changes.take_in()
    changes.order_changes()


@pytest.fixture
def record(world: World) -> CreditRecord:
    """Give a published record whose first change is in order."""
    made = make_record(world.firm, world.agency)
    hand_out()
    return made


def test_a_record_brought_in_is_handed_out_with_its_first_event(
    world: World, record: CreditRecord
) -> None:
    (first,) = history_of(record)
    event = db.session.get(Event, first.event_id)
    assert (event.stream, event.seq) == (record.ref, 1)
    assert (first.position, first.shown) == (1, True)
    assert first.payload_hash == content.hash_of(first.payload)
    said = json.loads(first.payload)
    assert said["subject"] == {"name": world.firm.name, "uscc": world.firm.uscc}
    assert (said["fine_10k"], said["disputed"], said["measures"]) == ("2", False, [])
    assert ledger.canonical(said) == first.payload


def test_what_the_public_may_not_read_goes_to_no_platform(world: World) -> None:
    facts = "当事人王某某，身份证号370102198001011234，电话13800138000，法定代表人李虚构在场。"
    make_record(
        world.firm,
        world.agency,
        violation_facts=facts,
        legal_representative="李虚构",
        remark="内部",
    )
    hand_out()
    first = db.session.scalars(select(Change)).one()
    for secret in ("370102198001011234", "13800138000", "李虚构", "内部"):
        assert secret not in first.payload


def test_a_record_that_was_never_shown_is_nobodys_business(world: World) -> None:
    make_record(world.firm, world.agency, severity="minor", decided_days_ago=3000)
    hand_out()
    assert db.session.scalar(select(func.count()).select_from(Change)) == 0


def test_dispute_measure_and_removal_each_change_what_is_shown(
    world: World, record: CreditRecord
) -> None:
    make_sanction(record, world.officer)
    case = factories.make_case(world, "accepted", record=record)
    found = history_of(record)
    (_, imposed, accepted) = found
    (measure,) = json.loads(imposed.payload)["measures"]
    assert (measure["code"], measure["in_force"]) == ("A01", True)
    said = json.loads(accepted.payload)
    assert (said["disputed"], said["measures"][0]["in_force"]) == (True, False)
    # The change and its event are one transaction's: the case's step, and what followed from it.
    assert db.session.get(Event, accepted.event_id).stream == case.ref


def test_a_step_that_changes_nothing_in_public_is_no_change(
    world: World, record: CreditRecord
) -> None:
    factories.open_objection(record, world.subject)
    assert len(history_of(record)) == 1


def test_a_step_that_is_rolled_back_leaves_no_change(world: World, record: CreditRecord) -> None:
    def give_up() -> None:
        with transaction() as session:
            session.get_one(CreditRecord, record.id).decision_no = "错号"
            session.flush()
            raise RuntimeError("the end")

    with pytest.raises(RuntimeError):
        give_up()
    with transaction() as session:  # what was noticed then is not written now
        session.get_one(Organisation, world.firm.id).barred_until = None
    assert len(history_of(record)) == 1


def test_of_a_removed_record_nothing_is_kept_but_hashes(world: World, record: CreditRecord) -> None:
    with transaction() as session:
        row = session.get_one(CreditRecord, record.id)
        row.state, row.archived_at = "repaired", row.created_at
    hand_out()
    first, last = history_of(record)
    assert (first.payload, len(first.payload_hash)) == (None, 64)
    assert json.loads(last.payload) == {"v": 1, "ref": record.ref, "shown": False}
    assert not last.shown


def test_another_name_of_the_enterprise_is_handed_out(world: World, record: CreditRecord) -> None:
    organisations.rename(None, world.firm.id, "虚构新名有限公司")
    hand_out()
    assert json.loads(history_of(record)[-1].payload)["subject"]["name"] == "虚构新名有限公司"


def test_what_nobody_noticed_is_found_by_looking_again(world: World, record: CreditRecord) -> None:
    with transaction() as session:  # past the session: no listener sees it
        session.execute(
            text("UPDATE credit_record SET decision_no = '别处改的' WHERE id = :id"),
            {"id": record.id},
        )
    hand_out()
    assert len(history_of(record)) == 1
    with transaction() as session:
        changes.look_again(session)
    hand_out()
    assert json.loads(history_of(record)[-1].payload)["decision_no"] == "别处改的"


def test_an_import_leaves_one_row_however_many_records(world: World) -> None:
    with transaction() as session:
        bulk.bring_in(
            session,
            factories.current_policy(),
            [new_record(world, number) for number in range(450)],
            factories.SYSTEM,
            at=factories.now(),
        )
    assert db.session.scalar(select(func.count()).select_from(ChangeIntake)) == 1
    assert changes.take_in() == 450
    changes.order_changes()
    positions = db.session.scalars(select(Change.position).order_by(Change.position)).all()
    assert positions == list(range(1, 451))
    assert db.session.scalar(select(func.count()).select_from(ChangeIntake)) == 0


def new_record(world: World, number: int) -> bulk.NewRecord:
    """Return a record as a file would bring it in."""
    return bulk.NewRecord(
        columns={
            "subject_id": world.firm.id,
            "provider_id": world.agency.id,
            "source_unit": "虚构机关",
            "decision_no": f"济罚〔2026〕{number}号",
            "violation_type": "违反计量管理规定",
            "violation_facts": "经查，当事人使用未经检定的计量器具。",
            "legal_basis": "《计量法实施细则》第四十三条",
            "penalty_categories": ["fine"],
            "penalty_content": "罚款2万元",
            "fine_10k": 2,
            "confiscation_10k": None,
            "licence_seized": None,
            "legal_representative": None,
            "remark": None,
            "decided_on": factories.today() - factories.timedelta(days=10),
            "publicised_on": None,
            "conduct_ended_on": None,
            "valid_until": None,
            "source_publication_until": None,
            "fingerprint": f"{number:064d}",
        },
        origin={"file": "0" * 64, "line": number},
    )


# --- what is owed ---------------------------------------------------------------------------------


def owed_to(platform_id: int) -> list[tuple[str, str]]:
    """Return how it stands with each change of a platform, in the order of the changes."""
    db.session.rollback()
    rows = db.session.execute(
        select(Obligation.record_ref, Obligation.standing)
        .where(Obligation.platform_id == platform_id)
        .order_by(Obligation.id)
    )
    return [(ref, state) for ref, state in rows]


def test_a_newer_change_takes_the_place_of_what_was_not_acknowledged(
    world: World, record: CreditRecord
) -> None:
    platform = make_platform()
    make_sanction(record, world.officer)
    hand_out()
    factories.make_case(world, "accepted", record=record)
    hand_out()
    states = [state for _, state in owed_to(platform.id)]
    assert states[-1] == Owed.WAITING
    assert set(states[:-1]) == {Owed.SUPERSEDED}
    assert len(states) == len(history_of(record))  # what was there when it joined, and each since


def test_a_source_agency_is_owed_its_own_records_only(world: World) -> None:
    own = make_platform(kind=PlatformKind.SOURCE_AGENCY, organisation_id=world.agency.id)
    other = make_platform(kind=PlatformKind.SOURCE_AGENCY, organisation_id=world.other_agency.id)
    everybody = make_platform()
    record = make_record(world.firm, world.agency)
    hand_out()
    assert owed_to(own.id) == owed_to(everybody.id) == [(record.ref, Owed.WAITING)]
    assert owed_to(other.id) == []


# --- the order ------------------------------------------------------------------------------------


def read_after(after: int, by: str) -> list[tuple[int, str]]:
    """Return what a reader sees behind a place, by a column: place and record."""
    column = getattr(Change, by)
    db.session.rollback()
    asked = select(column, Change.record_ref).where(column > after).order_by(column)
    return [(place, ref) for place, ref in db.session.execute(asked)]


def commit_one_late(
    app: Flask, first: CreditRecord, second: CreditRecord, read: Callable[[], None]
) -> None:
    """Change one record, and hold its commit back until another one's was committed and read."""
    written, may_commit = threading.Event(), threading.Event()

    def change_first() -> None:
        with app.app_context():
            with transaction() as session:
                session.get_one(CreditRecord, first.id).decision_no = "迟交"
                changes.write_noticed(session)  # its row has its number now
                written.set()
                may_commit.wait(20)
            db.session.remove()

    thread = threading.Thread(target=change_first)
    thread.start()
    try:
        assert written.wait(20)
        with transaction() as session:
            session.get_one(CreditRecord, second.id).decision_no = "先交"
        changes.order_changes()
        read()
    finally:
        may_commit.set()
        thread.join(20)
    assert not thread.is_alive()
    changes.order_changes()
    read()


@pytest.mark.parametrize("stage", ["postgresql"], indirect=True)  # SQLite has one writer at a time
@pytest.mark.parametrize(("by", "missed"), [("position", 0), ("id", 1)])
def test_a_reader_by_position_misses_nothing_that_was_committed_late(
    app: Flask, world: World, by: str, missed: int
) -> None:
    """The control: a reader by id has passed the late one's number before it could be seen."""
    first, second = (make_record(world.firm, world.agency) for _ in range(2))
    hand_out()
    seen, place = [], max(one for one, _ in read_after(0, by))

    def read() -> None:
        nonlocal place
        for at, ref in read_after(place, by):
            seen.append(ref)
            place = at

    commit_one_late(app, first, second, read)
    assert len({first.ref, second.ref} - set(seen)) == missed
    if by == "position":
        assert seen == [second.ref, first.ref]
        positions = [at for at, _ in read_after(0, "position")]
        assert positions == list(range(1, len(positions) + 1))


# --- two at once ----------------------------------------------------------------------------------


@pytest.mark.parametrize("stage", ["postgresql"], indirect=True)  # SQLite has one writer at a time
def test_what_is_put_in_order_while_a_platform_joins_is_owed_to_it(
    app: Flask, record: CreditRecord, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The newest changes were read, and somebody else orders a newer one, before they are owed."""
    number, ordered, count_days = record.id, threading.Event(), changes.due_days
    threads = []

    def order_elsewhere() -> None:
        with app.app_context():
            with transaction() as session:
                session.get_one(CreditRecord, number).decision_no = "更正后"
            changes.order_changes()
            ordered.set()
            db.session.remove()

    def meanwhile(session: object) -> object:
        if not threads:
            threads.append(threading.Thread(target=order_elsewhere))
            threads[0].start()
            ordered.wait(1)  # without the lock of the head it is through by then
        return count_days(session)

    monkeypatch.setattr(changes, "due_days", meanwhile)
    platform = platforms.add(None, "joining", terms_of_a_puller(record))
    threads[0].join(20)
    assert ordered.is_set()
    db.session.rollback()
    open_ones = db.session.scalars(
        select(Obligation).where(
            Obligation.platform_id == platform.id, Obligation.standing == Owed.WAITING
        )
    )
    assert [json.loads(one.change.payload)["decision_no"] for one in open_ones] == ["更正后"]


def terms_of_a_puller(record: CreditRecord) -> platforms.Terms:
    """Return what is agreed with a platform that pulls."""
    return platforms.Terms(
        "虚构平台",
        "Platform",
        PlatformKind.CITY,
        Delivery.PULL,
        "owner@platform.example",
        organisation_id=record.provider_id,
    )


@pytest.mark.parametrize("stage", ["postgresql"], indirect=True)
def test_who_holds_a_platform_keeps_nobody_from_putting_changes_in_order(
    app: Flask, world: World, record: CreditRecord
) -> None:
    platform = make_platform()
    code, ordered = platform.code, threading.Event()
    make_record(world.firm, world.agency)
    changes.take_in()

    def order_elsewhere() -> None:
        with app.app_context():
            changes.order_changes()
            ordered.set()
            db.session.remove()

    thread = threading.Thread(target=order_elsewhere)
    with transaction() as session:
        standing.get(session, code)
        thread.start()
        in_time = ordered.wait(10)
    thread.join(20)
    assert in_time


def test_a_long_replay_is_done_slice_by_slice(
    world: World, record: CreditRecord, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(changes, "AT_ONCE", 2)
    platform = make_platform()
    for _ in range(4):
        make_record(world.firm, world.agency)
    hand_out()
    taken, take = [], changes.take_head
    monkeypatch.setattr(changes, "take_head", lambda session: taken.append(1) or take(session))
    assert platforms.replay(None, platform.code, 1, 99) == 5
    states = [state for _, state in owed_to(platform.id)]
    assert sorted(states) == sorted([Owed.SUPERSEDED] * 5 + [Owed.WAITING] * 5)
    assert len(taken) >= 3
