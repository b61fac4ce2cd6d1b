"""An account by which a machine acts is nobody's colleague: it stands in no list of people."""

import pytest
from sqlalchemy import select

from repair_app.access import organisations_as, stands_as, visible_to
from repair_app.db import db, today
from repair_app.engine.step import Refused
from repair_app.engine.store import Store
from repair_app.forms.questions import staffed
from repair_app.models import (
    Case,
    Deadline,
    MachineClient,
    Message,
    Organisation,
    Role,
    Sanction,
    User,
)
from repair_app.services import (
    administration,
    agents,
    desk,
    invitations,
    overview,
    people,
    sanctions,
)
from repair_app.services.cases import NotVisible
from repair_app.services.transaction import transaction
from tests.factories import initiate_sanction, leave_office, make_case, make_record


@pytest.fixture
def account(machine):
    """Give a function that returns the account of a machine of somebody of the world."""

    def make(name: str) -> User:
        one = machine(name)
        query = select(MachineClient).where(MachineClient.client_id == one.client_id)
        return db.session.scalars(query).one().account

    return make


def test_it_is_no_colleague_and_has_nothing_in_hand(account, world):
    made = account("provider")
    case = make_case(world, "with_provider")
    assert made.id not in desk.list_colleagues(world.provider, Role.PROVIDER)
    with pytest.raises(Refused):
        desk.assign(case.ref, made.id, world.provider)
    term = db.session.scalars(select(Deadline).where(Deadline.entity_ref == case.ref)).all()
    assert {one.assignee_id for one in term} == {None}


def test_a_term_does_not_stay_with_it(machine, world):
    case = make_case(world, "submitted")
    one = machine("reviewer")
    done = one.post(f"/cases/{case.ref}/steps/accept", {"version": case.version})
    assert done.status_code == 200, done.json
    assert set(db.session.scalars(select(Deadline.assignee_id))) == {None}


def test_nothing_is_written_to_it(account, world):
    made = [account(name) for name in ("subject", "provider", "reviewer")]
    make_case(world, "with_provider")
    told = set(db.session.scalars(select(Message.account_id)))
    assert told
    assert not told & {one.id for one in made}


def test_an_office_with_a_machine_and_without_people_is_not_staffed(account, world):
    account("other_provider")
    leave_office(world.other_provider)
    agency = world.other_agency
    assert not Store(db.session()).is_staffed(agency.id, Role.PROVIDER, today())
    assert not Store(db.session()).people_of(agency.id, Role.PROVIDER, today())
    found = select(Organisation.id).where(staffed(Role.PROVIDER))
    assert agency.id not in db.session.scalars(found).all()


def test_administrators_find_people_only(account, world, as_):
    made = account("provider")
    number, seat = made.id, made.appointments[0].id
    assert made not in administration.list_accounts("", "", None)
    assert made not in administration.list_further(world.provider)
    assert made.appointments[0] not in administration.list_people_of(world.agency)
    assert made not in people.list_accounts()
    assert overview.count_waiting() == 0
    admin = as_(world.administrator)
    assert admin.get(f"/admin/people/{number}").status_code == 404
    assert admin.get(f"/admin/people/roles/{seat}").status_code == 404
    for act in (administration.ask_for_link, administration.close, administration.reopen):
        with pytest.raises(NotVisible):
            act(world.administrator, number)
    with pytest.raises(NotVisible):
        administration.end(world.administrator, seat)


def test_an_agents_machine_is_no_agent_of_the_enterprise(account, world):
    made = account("agent")
    listed = agents.list_agents([world.firm])[world.firm.id]
    assert world.agent in [one.user for one in listed]
    assert made not in [one.user for one in listed]


def test_no_link_sets_it_a_password(account, app):
    made = account("provider")
    with app.test_request_context():
        token = invitations.path_of(made).removeprefix(invitations.PATH)
        with pytest.raises(invitations.WorthlessLink):
            invitations.find_invited(token)


def test_it_acts_for_its_organisation_and_not_for_the_person_themselves(account, world):
    """A person whom a measure reaches stands for themselves; their firm's machine does not."""
    made = account("stranger")
    record = make_record(world.firm, world.agency, severity="serious")
    name = world.stranger.person.name
    sanction = initiate_sanction(record, world.provider, world.department, code="P01", person=name)
    with transaction() as session:
        session.get_one(Sanction, sanction.id).person_id = world.stranger.person_id
    assert any(stands_as(world.stranger, record))
    assert not any(stands_as(made, record))
    assert not any(stands_as(made, sanction))
    assert not sanctions.may_read_person(made, sanction)
    assert organisations_as(made, Role.SUBJECT) == [world.other_firm.id]
    assert db.session.scalars(select(Case).where(visible_to(made))).all() == []
