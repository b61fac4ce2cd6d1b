"""Who a person is for a case, and what that person sees: the same answer in Python and in SQL."""

from collections.abc import Callable, Sequence
from datetime import timedelta

import pytest
import time_machine
from flask import Flask
from sqlalchemy import select

from repair_app.access import records_concerning, stands_as, visible_to
from repair_app.db import db, now, today
from repair_app.engine.step import NotAllowed
from repair_app.models import Case, CreditRecord, Role, Sanction, User
from repair_app.services import cases
from repair_app.services.transaction import transaction
from tests import factories
from tests.client import Client
from tests.factories import World

STATES = ("draft", "discarded", "submitted", "refused", "with_provider", "executed", "moot")


@pytest.fixture
def people(app: Flask, world: World) -> dict[str, User]:
    """Give everybody of the world, and those who need a second look."""
    make = factories.make_account
    yesterday, tomorrow = today() - timedelta(days=1), today() + timedelta(days=1)
    found = {name: getattr(world, name) for name in World.ACCOUNTS}
    found |= {
        "former reviewer": make(world.centre, Role.REVIEWER, ends_on=yesterday),
        "reviewer until tomorrow": make(world.centre, Role.REVIEWER, ends_on=tomorrow),
        "reviewer until today": make(world.centre, Role.REVIEWER, ends_on=today()),
        "former subject": make(world.firm, Role.SUBJECT, ends_on=yesterday),
        "former provider": make(world.agency, Role.PROVIDER, ends_on=yesterday),
        "closed account of a reviewer": make(world.centre, Role.REVIEWER, active=False),
        "closed account of the subject": make(world.firm, Role.SUBJECT, active=False),
        "agent for repairs": make(world.firm, Role.AGENT, scope=["repair"]),
        "agent for everything": make(world.firm, Role.AGENT),
        "agent of the other firm": make(world.other_firm, Role.AGENT),
        "reviewer who provides": make(world.centre, Role.REVIEWER),
        "former reviewer who files": make(world.centre, Role.REVIEWER, ends_on=yesterday),
        "institution elsewhere": make(factories.make_organisation(), Role.INSTITUTION),
    }
    factories.make_appointment(found["reviewer who provides"], world.agency, Role.PROVIDER)
    factories.make_appointment(found["former reviewer who files"], world.firm, Role.SUBJECT)
    return found


@pytest.fixture
def all_cases(app: Flask, world: World) -> Sequence[Case]:
    """Give cases of two firms, both kinds, in states before and after they were filed."""
    for state in STATES:
        factories.make_case(world, state)
    for state in ("draft", "submitted", "executed"):
        record = factories.make_record(
            world.firm, world.agency, severity="serious", decided_days_ago=300
        )
        factories.make_case(world, state, workflow="repair", record=record)
    for state in ("draft", "submitted"):
        record = factories.make_record(world.other_firm, world.other_agency)
        factories.make_case(world, state, record=record, subject=world.stranger)
    return db.session.scalars(select(Case)).all()


def sees(user: User, case: Case) -> bool:
    return (
        db.session.scalar(select(Case.id).where(Case.id == case.id, visible_to(user))) is not None
    )


def test_whoever_stands_for_a_case_sees_it_and_nobody_else_does(
    people: dict[str, User], all_cases: Sequence[Case]
) -> None:
    compared = {
        (name, case.ref): (any(stands_as(user, case)), sees(user, case))
        for name, user in people.items()
        for case in all_cases
    }
    assert {key: pair for key, pair in compared.items() if pair[0] != pair[1]} == {}
    assert {pair[0] for pair in compared.values()} == {True, False}


# Who sees what, by hand: so that a mistake made twice is found as well.
SEES: dict[str, set[str]] = {
    "subject": {"draft", "discarded", "submitted", "with_provider"},
    "agent": {"draft", "discarded", "submitted", "with_provider"},
    "torn_reviewer": {"draft", "discarded", "submitted", "with_provider", "other submitted"},
    "stranger": {"other draft", "other submitted"},
    "provider": {"submitted", "with_provider"},
    "second_provider": {"submitted", "with_provider"},
    "other_provider": {"other submitted"},
    "reviewer": {"submitted", "with_provider", "other submitted"},
    "second_reviewer": {"submitted", "with_provider", "other submitted"},
    "reviewer_again": {"submitted", "with_provider", "other submitted"},
    # The centre above reads what is before the one below it; it acts on what is handed up.
    "upper_reviewer": {"submitted", "with_provider", "other submitted"},
    "second_upper_reviewer": {"submitted", "with_provider", "other submitted"},
    "auditor": {"submitted", "with_provider", "other submitted"},
    "officer": set(),
    "other_officer": set(),
    "institution": set(),
    "administrator": set(),
    "security_officer": set(),
    "former reviewer": set(),
    "reviewer until today": {"submitted", "with_provider", "other submitted"},
    "reviewer until tomorrow": {"submitted", "with_provider", "other submitted"},
    "former subject": set(),
    "former provider": set(),
    "closed account of a reviewer": set(),
    "closed account of the subject": set(),
    "agent for repairs": set(),
    "agent for everything": {"draft", "discarded", "submitted", "with_provider"},
    "agent of the other firm": {"other draft", "other submitted"},
    "reviewer who provides": {"submitted", "with_provider", "other submitted"},
    "former reviewer who files": {"draft", "discarded", "submitted", "with_provider"},
    "institution elsewhere": set(),
}


def test_everybody_sees_the_objections_that_the_table_says(
    people: dict[str, User], world: World
) -> None:
    """A draft is its author's; once filed, the centre and the record's own provider see it."""
    mine = {
        state: factories.make_case(world, state)
        for state in ("draft", "discarded", "submitted", "with_provider")
    }
    others = {
        f"other {state}": factories.make_case(
            world,
            state,
            record=factories.make_record(world.other_firm, world.other_agency),
            subject=world.stranger,
        )
        for state in ("draft", "submitted")
    }
    assert set(SEES) == set(people)
    found = {
        name: {word for word, case in (mine | others).items() if sees(user, case)}
        for name, user in people.items()
    }
    assert found == SEES


def test_a_case_sent_to_another_provider_is_no_longer_the_first_ones(world: World) -> None:
    case = factories.make_case(world, "accepted")
    assert sees(world.provider, case)
    factories.act(world.reviewer, "reroute", case, provider_id=world.other_agency.id)
    case = factories.get_case(case.ref)
    assert not sees(world.provider, case)
    assert not any(stands_as(world.provider, case))
    assert sees(world.other_provider, case)


def test_records_and_sanctions_are_for_those_they_concern(
    people: dict[str, User], world: World
) -> None:
    record = factories.make_record(world.firm, world.agency)
    sanction = factories.make_sanction(record, world.officer)

    def those_of(entity: CreditRecord | object) -> set[str]:
        return {name for name, user in people.items() if any(stands_as(user, entity))}

    centre = {name for name in people if SEES[name] >= {"with_provider", "other submitted"}}
    filers = {
        "subject",
        "agent",
        "torn_reviewer",
        "agent for repairs",
        "agent for everything",
        "former reviewer who files",
    }
    officers = {"officer", "other_officer"}
    providers = {"provider", "second_provider", "reviewer who provides"}
    assert those_of(record) == centre | filers | officers | providers
    # The record's provider is the lead agency: it initiates measures and evaluates them.
    assert those_of(sanction) == centre | providers | {"officer"}


def test_only_the_centre_that_a_case_lies_with_acts_on_it(world: World) -> None:
    case = factories.make_case(world, "submitted")
    assert case.centre_id == world.centre.id
    assert cases.actors_of(world.reviewer, case)
    assert cases.actors_of(world.upper_reviewer, case) == []
    factories.leave_office(world.second_reviewer)
    factories.act(world.reviewer, "delegate", case, centre_id=world.upper_centre.id)
    case = factories.get_case(case.ref)
    assert cases.actors_of(world.reviewer, case) == []
    assert cases.actors_of(world.upper_reviewer, case)


def test_whoever_stands_for_a_record_finds_it_in_lists_and_nobody_else_does(
    people: dict[str, User], world: World
) -> None:
    """Of the firm, of another, of a measure that reaches a person; on file and annulled."""
    reached = factories.make_record(world.firm, world.agency, severity="serious")
    measure = factories.initiate_sanction(
        reached, world.provider, world.department, code="P02", person="赵虚构"
    )
    with transaction() as session:
        named = session.get_one(Sanction, measure.id)
        named.person_id = session.get_one(User, world.stranger.id).person_id
    removed = factories.make_record(world.firm, world.agency)
    factories.make_sanction(removed, world.officer)
    factories.annul_record(world, removed)
    factories.make_record(world.other_firm, world.other_agency)
    db.session.rollback()
    records = db.session.scalars(select(CreditRecord)).all()
    compared = {}
    for name, user in people.items():
        listed = set(db.session.scalars(select(CreditRecord.ref).where(records_concerning(user))))
        for record in records:
            compared[name, record.ref] = any(stands_as(user, record)), record.ref in listed
    assert {key: pair for key, pair in compared.items() if pair[0] != pair[1]} == {}
    assert {pair[0] for pair in compared.values()} == {True, False}
    (own,) = stands_as(world.stranger, db.session.get_one(Sanction, measure.id))
    assert own.organisation_id is None
    assert not list(stands_as(world.subject, db.session.get_one(Sanction, measure.id)))
    whose = {name for (name, ref), (stands, _) in compared.items() if stands and ref == reached.ref}
    assert "stranger" in whose
    assert not whose & {"closed account of a reviewer", "institution", "administrator"}


# --- while somebody is signed in ---


def test_an_account_that_is_closed_is_out_at_the_next_click(
    world: World, as_: Callable[[User], Client]
) -> None:
    case = factories.make_case(world, "submitted")
    client = as_(world.reviewer)
    assert client.get(f"/cases/{case.ref}").status_code == 200
    with transaction() as session:
        session.get_one(User, world.reviewer.id).active = False
    answer = client.get(f"/cases/{case.ref}")
    assert answer.status_code == 302
    assert "/login" in answer.location


def test_an_appointment_that_runs_out_ends_at_midnight_of_its_last_day(
    world: World, as_: Callable[[User], Client]
) -> None:
    case = factories.make_case(world, "submitted")
    user = factories.make_account(world.centre, Role.REVIEWER, ends_on=today())
    assert as_(user).get(f"/cases/{case.ref}").status_code == 200
    assert as_(user).get("/work").status_code == 200
    with time_machine.travel(now() + timedelta(days=1), tick=False):
        client = as_(user)
        assert client.get(f"/cases/{case.ref}").status_code == 404
        assert client.get("/work").status_code == 403
        token = {"csrf_token": client.token(), "version": str(case.version)}
        assert client.post(f"/cases/{case.ref}/accept", data=token).status_code == 404
    assert factories.get_case(case.ref).state == "submitted"


def test_a_department_sees_a_removed_record_only_if_a_measure_of_its_own_rested_on_it(
    world: World,
) -> None:
    record = factories.make_record(world.firm, world.agency)
    factories.make_sanction(record, world.officer)
    for officer in (world.officer, world.other_officer):
        assert list(stands_as(officer, record_of(record.ref)))
    factories.annul_record(world, record)
    assert list(stands_as(world.officer, record_of(record.ref)))
    assert not list(stands_as(world.other_officer, record_of(record.ref)))


def record_of(ref: str) -> CreditRecord:
    db.session.rollback()
    return db.session.scalars(select(CreditRecord).where(CreditRecord.ref == ref)).one()


def test_a_person_stands_for_themselves_where_a_measure_reaches_them_and_nowhere_else(
    world: World,
) -> None:
    """…四（十四）惩戒到人: a right of their own, and no standing for the enterprise."""
    record = factories.make_record(world.firm, world.agency, severity="serious")
    sanction = factories.initiate_sanction(
        record, world.provider, world.department, code="P02", person="赵虚构"
    )
    with transaction() as session:
        named = session.get_one(Sanction, sanction.id)
        named.person_id = session.get_one(User, world.stranger.id).person_id
    firms = factories.make_case(world, "submitted", record=record)
    own = factories.open_objection(record, world.stranger)
    assert own.person_id == world.stranger.person_id
    for case, its in ((firms, False), (own, True)):
        assert bool(list(stands_as(world.stranger, case))) == its
        assert sees(world.stranger, case) == its
        assert bool(list(stands_as(world.subject, case))) != its
        assert sees(world.subject, case) != its
    (standing,) = stands_as(world.stranger, record_of(record.ref))
    assert (standing.role, standing.organisation_id) == (Role.SUBJECT, None)
    other = factories.make_record(world.firm, world.agency)
    assert not list(stands_as(world.stranger, other))
    with pytest.raises(NotAllowed):
        factories.open_repair(record, world.stranger)


def test_a_department_sees_the_remedy_that_it_owes_and_no_other(world: World) -> None:
    record = factories.make_record(world.firm, world.agency)
    sanction = factories.make_sanction(record, world.officer)
    factories.make_case(world, "accepted", record=record)
    factories.act(world.officer, "report", sanction)
    case = db.session.scalars(select(Case).where(Case.workflow == "remedy")).one()
    for officer, its in ((world.officer, True), (world.other_officer, False)):
        assert bool(list(stands_as(officer, case))) == its
        assert sees(officer, case) == its
