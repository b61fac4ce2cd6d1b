"""The stage that the other tests stand on: every state can be reached, each test starts anew."""

from collections.abc import Callable
from datetime import timedelta

import pytest
import time_machine
from flask import Flask
from sqlalchemy import select

from repair_app.db import db, now
from repair_app.models import Case, Organisation, User
from repair_app.penalty_format.uscc import is_uscc
from tests import factories
from tests.client import Client
from tests.factories import OBJECTION, REPAIR, World

# States that more than one matter, or another rule pack, leads to: their own tests go there.
ELSEWHERE = {
    "objection": {"joined", "correction_announced", "correction_heard", "spreading"},
    "repair": {"grant_to_decide", "refusal_to_decide", "spreading"},
}


@pytest.mark.parametrize("state", ["draft", *OBJECTION])
def test_an_objection_can_be_brought_to_every_state(world: World, state: str) -> None:
    case = factories.make_case(world, state)
    assert case.state == {"removal_executed": "executed"}.get(state, state)


@pytest.mark.parametrize("state", ["draft", *REPAIR])
def test_a_repair_can_be_brought_to_every_state(world: World, state: str) -> None:
    record = factories.make_record(
        world.firm, world.agency, severity="serious", decided_days_ago=300
    )
    assert factories.make_case(world, state, workflow="repair", record=record).state == state


def test_no_state_is_forgotten(app: Flask) -> None:
    for name, ways in factories.WAYS.items():
        states = set(app.extensions["redress_policy"].current[name].states)
        reached = set(ways) - {"removal_executed"} | ELSEWHERE.get(name, set())
        assert states - {"new", "draft"} == reached


@pytest.mark.parametrize("again", [1, 2])
def test_each_test_starts_with_the_world_and_nothing_else(world: World, again: int) -> None:
    assert db.session.scalars(select(Case)).all() == []
    assert db.session.query(User).count() == len(World.ACCOUNTS)
    factories.make_case(world, "closed")
    assert db.session.query(Case).count() == 1


def test_all_codes_of_organisations_are_right_and_fictional(app: Flask) -> None:
    for one in db.session.scalars(select(Organisation)):
        assert is_uscc(one.uscc)
        assert one.name.startswith("虚构")


def test_two_accounts_can_be_one_person(world: World) -> None:
    assert world.reviewer.person_id == world.reviewer_again.person_id
    people = {getattr(world, name).person_id for name in World.ACCOUNTS}
    assert len(people) == len(World.ACCOUNTS) - 1


def test_browsers_of_several_people_do_not_mix(
    world: World, as_: Callable[[User], Client], anybody: Client
) -> None:
    subject, reviewer = as_(world.subject), as_(world.reviewer)
    assert subject.get("/my").status_code == 200
    assert reviewer.get("/my").status_code == 403
    assert anybody.get("/my").status_code == 302
    assert subject.get("/my").status_code == 200


def test_a_person_who_signs_in_later_is_signed_in_then(
    world: World, as_: Callable[[User], Client]
) -> None:
    as_(world.subject)
    with time_machine.travel(now() + timedelta(days=40), tick=False):
        assert as_(world.subject).get("/my").status_code == 200


def test_a_form_is_filled_in_as_it_stands_on_the_page(
    world: World, as_: Callable[[User], Client]
) -> None:
    record = factories.make_record(world.firm, world.agency)
    client = as_(world.subject)
    answer = client.fill(
        f"/records/{record.ref}/objection",
        button="submit_now",
        statement="罚款金额有误。",
        value_fine_10k="1",
        evidence=[(factories.PDF, "决定书.pdf")],
    )
    page = client.follow(answer)
    case = db.session.scalars(select(Case)).one()
    assert case.ref in page.title
    assert case.state == "submitted"
    with pytest.raises(AssertionError, match="does not ask for"):
        client.fill(f"/cases/{case.ref}/withdraw", state="closed")
