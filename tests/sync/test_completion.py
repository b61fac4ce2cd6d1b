"""A matter is closed only when every platform shows what was decided, and then once."""

from collections.abc import Callable, Iterator
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
import time_machine
from flask import Flask
from sqlalchemy import func, select

from repair_app.db import db, now, today
from repair_app.models import (
    Case,
    Change,
    Event,
    Letter,
    Message,
    Obligation,
    Organisation,
    Owed,
    Platform,
)
from repair_app.models.parties import OrganisationKind
from repair_app.services import timers
from repair_app.services.sync import changes, completion, pull, standing
from repair_app.services.sync.content import content_for
from repair_app.services.transaction import transaction
from tests import factories
from tests.client import Client
from tests.factories import World, get_case, make_case, make_organisation
from tests.sync.platforms import Receiver, deliver, make_platform, receivers

KINDS = ["objection", "repair"]


@pytest.fixture
def receiver(app: Flask, tmp_path: Path) -> Iterator[Receiver]:
    """Give one receiver."""
    with receivers(tmp_path) as made:
        yield made[0]


@pytest.fixture
def look(app: Flask) -> Callable[[], int]:
    """Give a function that closes what no platform is waited for, as the worker does."""

    def run() -> int:
        db.session.rollback()
        done = timers.complete_matters(now())
        db.session.rollback()
        return done

    return run


def acknowledge(platform_id: int) -> None:
    """Have a platform that pulls say that it shows what it is owed."""
    db.session.rollback()
    owed = db.session.scalars(
        select(Obligation).where(
            Obligation.platform_id == platform_id, Obligation.standing == Owed.WAITING
        )
    ).all()
    kind = db.session.get_one(Platform, platform_id).kind
    found = [(one.change.position or 0, content_for(kind, one)) for one in owed]
    hashes = {position: content.digest for position, content in found if content}
    pull.acknowledge(platform_id, hashes)
    db.session.rollback()


def count(model: Any, *which: Any) -> int:
    """Count rows."""
    db.session.rollback()
    return db.session.scalar(select(func.count()).select_from(model).where(*which)) or 0


def state_of(case: Case) -> str:
    """Return where a case is now."""
    return str(get_case(case.ref).state)


def confirm(as_: Callable[..., Client], world: World, case: Case, name: str) -> Any:
    """Have the provider confirm on the page of the case."""
    return as_(world.provider).fill(f"/cases/{case.ref}/{name}", note="已同步。")


@pytest.mark.parametrize("workflow", KINDS)
def test_a_matter_is_closed_once_when_the_last_platform_agrees(
    world: World,
    as_: Callable[..., Client],
    receiver: Receiver,
    look: Callable[[], int],
    workflow: str,
) -> None:
    pulling = make_platform(organisation_id=world.department.id, name_zh="拉取平台").id
    receiver.join(name_zh="推送平台")
    record = factories.make_record(world.firm, world.agency)
    deliver()
    acknowledge(pulling)
    case = make_case(world, "executed", workflow=workflow, record=record)
    address = f"/cases/{case.ref}"
    provider = as_(world.provider).get(address).text
    assert "confirm_own_execution" in provider
    assert "confirm_execution" not in provider.replace("confirm_own_execution", "")
    confirm(as_, world, case, "confirm_own_execution")
    assert state_of(case) == "spreading"
    assert look() == 0
    for reader in (as_(world.reviewer), as_(world.subject)):
        page = reader.get(address).text
        assert "待各平台同步一致" in page
        assert "还有2个平台尚未公示最新结果" in page
        assert "推送平台" in page
        assert "拉取平台" in page
    deliver()  # the first platform has it
    assert look() == 0
    assert state_of(case) == "spreading"
    assert "还有1个平台尚未公示最新结果" in as_(world.reviewer).get(address).text
    acknowledge(pulling)
    assert state_of(case) == "spreading"  # until the worker comes round
    assert look() == 1
    assert look() == 0
    found = get_case(case.ref)
    assert (found.state, found.is_open) == ("closed", False)
    assert not [one for one in found.deadlines if one.is_running and one.entity_ref == case.ref]
    assert count(Event, Event.entity == case.ref, Event.transition == "complete") == 1
    assert count(Letter, Letter.kind == "completion_notice") == 1
    ended = (Message.entity_ref == case.ref, Message.kind == "ended")
    told = db.session.scalars(select(Message.account_id).where(*ended)).all()
    assert len(told) == len(set(told))
    assert {world.subject.id, world.provider.id, world.reviewer.id} <= set(told)
    assert "各平台公示结果一致" in as_(world.subject).get(address).text


@pytest.mark.parametrize("workflow", KINDS)
def test_without_platforms_or_when_all_agree_the_provider_closes_it(
    world: World, as_: Callable[..., Client], look: Callable[[], int], workflow: str
) -> None:
    alone = make_case(world, "executed", workflow=workflow)
    confirm(as_, world, alone, "confirm_execution")
    assert state_of(alone) == "closed"
    platform = make_platform(organisation_id=world.department.id).id
    agreed = make_case(world, "executed", workflow=workflow)
    deliver()
    acknowledge(platform)
    confirm(as_, world, agreed, "confirm_execution")
    assert state_of(agreed) == "closed"
    assert look() == 0


def test_a_decision_that_is_not_in_order_yet_is_not_agreed_to(
    world: World, as_: Callable[..., Client]
) -> None:
    """What was acknowledged is an older change: the newest is committed, and owed to nobody yet."""
    platform = make_platform(organisation_id=world.department.id).id
    record = factories.make_record(world.firm, world.agency)
    changes.take_in()
    changes.order_changes()
    acknowledge(platform)
    case = make_case(world, "executed", record=record)
    answer = as_(world.provider).post(
        f"/cases/{case.ref}/confirm_execution",
        data={
            "csrf_token": as_(world.provider).token(),
            "version": str(case.version),
            "note": "已同步。",
        },
    )
    assert answer.status_code in {400, 409}
    assert "1个平台尚未公示" in answer.text
    assert state_of(case) == "executed"


def test_a_removal_of_what_was_never_in_order_is_waited_for(
    world: World, as_: Callable[..., Client]
) -> None:
    """Shown and taken off before the first round: each platform is still to be told."""
    make_platform(organisation_id=world.department.id)
    case = make_case(world, "removal_executed")
    newest = select(Change).order_by(Change.id.desc()).limit(1)
    change = db.session.scalars(newest).one()
    assert (change.shown, change.position) == (False, None)
    assert completion.list_agreed() == []
    confirm(as_, world, case, "confirm_own_execution")
    assert state_of(case) == "spreading"


@pytest.mark.parametrize("way", ["disabled", "file", "pull"])
def test_whatever_lets_the_last_platform_agree_closes_it(
    world: World, as_: Callable[..., Client], look: Callable[[], int], way: str
) -> None:
    platform = make_platform(
        organisation_id=world.department.id, delivery="file" if way == "file" else "pull"
    )
    number = platform.id
    case = make_case(world, "executed")
    deliver()
    confirm(as_, world, case, "confirm_own_execution")
    assert look() == 0
    match way:
        case "disabled":
            with transaction() as session:
                changes.take_head(session)
                found = standing.get(session, platform.code)
                assert found is not None
                standing.disable(session, found, "by_hand")
        case _:
            acknowledge(number)
    assert look() == 1
    assert state_of(case) == "closed"


@pytest.mark.parametrize("workflow", KINDS)
def test_a_platform_that_is_away_does_not_let_it_be_closed_for_being_late(
    world: World, as_: Callable[..., Client], look: Callable[[], int], workflow: str
) -> None:
    """The provider does not confirm either: what was found is told, and the matter stays open."""
    above = make_organisation(OrganisationKind.CREDIT_CENTRE, "虚构省信用中心").id
    with transaction() as session:
        session.get_one(Organisation, world.ids["centre"]).superior_id = above
    platform = make_platform(organisation_id=world.department.id).id
    record = factories.make_record(world.firm, world.agency)
    deliver()
    acknowledge(platform)
    case = make_case(world, "executed", workflow=workflow, record=record)
    with time_machine.travel(now() + timedelta(days=20), tick=False):
        reviewer = as_(world.reviewer)
        page = reviewer.get(f"/cases/{case.ref}").text
        assert "leave_unconfirmed" in page
        assert "close_unconfirmed" not in page
        reviewer.fill(f"/cases/{case.ref}/leave_unconfirmed", reason="经查尚未同步。")
    assert state_of(case) == "spreading"
    assert count(Letter, Letter.kind == "unconfirmed_notice") == 1
    late = now() + timedelta(days=60)
    timers.mark_overdue(late)
    timers.escalate(late)
    timers.complete_matters(late)
    assert state_of(case) == "spreading"
    running = [one for one in get_case(case.ref).deadlines if one.is_running]
    term = next(one for one in running if one.clock == f"{workflow}_execution")
    assert term.owner == "system"
    assert term.due_on < today() + timedelta(days=60)
    assert term.overdue_at is not None
    assert term.escalated_to_id == world.ids["centre"]
    assert count(Message, Message.entity_ref == case.ref, Message.kind == "escalated") > 0
    deliver()
    acknowledge(platform)
    assert look() == 1
    assert state_of(case) == "closed"


def test_a_newer_change_of_the_record_keeps_it_open(
    world: World, as_: Callable[..., Client], look: Callable[[], int]
) -> None:
    platform = make_platform(organisation_id=world.department.id).id
    case = make_case(world, "executed")
    deliver()
    confirm(as_, world, case, "confirm_own_execution")
    acknowledge(platform)
    with transaction() as session:
        session.get_one(type(case.record), case.record.id).decision_no = "新文号"
    assert look() == 0
    deliver()
    acknowledge(platform)
    assert look() == 1


def test_a_platform_narrowed_to_others_records_is_waited_for_until_it_shows_the_removal(
    world: World, as_: Callable[..., Client], look: Callable[[], int]
) -> None:
    """It shows what it was told before, until it says that it does no more."""
    platform = make_platform(organisation_id=world.department.id)
    case = make_case(world, "executed")
    deliver()
    confirm(as_, world, case, "confirm_own_execution")
    acknowledge(platform.id)
    with transaction() as session:
        found = session.get_one(type(platform), platform.id)
        found.kind = "source_agency"
        changes.withdraw(session, found, [case.record.ref])
    assert look() == 0
    acknowledge(platform.id)
    assert look() == 1
