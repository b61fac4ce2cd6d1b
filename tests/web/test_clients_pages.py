"""Systems: registered and ended by an officer; their secrets drawn by who answers for them."""

import json
import re
from datetime import timedelta

import pytest
from sqlalchemy import select

from repair_app.db import db
from repair_app.models import Event, MachineClient, Message, Role
from repair_app.services import clients, mail, people
from repair_app.services.transaction import transaction
from tests.factories import make_account
from tests.smtp_server import running_server

SECRET = re.compile("[A-Za-z0-9_-]{43}")


@pytest.fixture
def admin(as_, world):
    return as_(world.administrator)


def answers(world, **other):
    return {
        "name": "执法系统",
        "email": world.officer.email,
        "uscc": world.department.uscc,
        "role": "department",
        "scope_gate": "y",
    } | other


def registered():
    return db.session.scalars(select(MachineClient)).one()


def draw(client):
    """Have somebody draw a secret for the one system there is; return the page."""
    address = f"/settings/systems/{registered().id}/secret"
    return client.post(address, data={"csrf_token": client.token()})


def secrets_on(page):
    return [one for one in page.words.split() if SECRET.fullmatch(one)]


def test_a_system_is_registered_by_an_officer_and_its_person_draws_the_secret(admin, world, as_):
    page = admin.follow(admin.fill("/admin/clients/new", **answers(world)))
    made = registered()
    assert (made.scopes, made.role) == (["gate"], "department")
    assert made.client_id in page.words
    assert secrets_on(page) == []
    officer = as_(world.officer)
    assert made.client_id in officer.read("/settings/systems").words
    page = draw(officer)
    assert page.status_code == 200
    assert made.client_id in page.words
    [secret] = secrets_on(page)
    assert clients.knows_secret(registered(), secret)
    assert secret not in officer.read("/settings/systems").html
    steps = db.session.scalars(
        select(Event).where(Event.entity == f"client:{made.client_id}").order_by(Event.id)
    ).all()
    assert [one.transition for one in steps] == ["register_client", "rotate_client"]
    assert [json.loads(one.payload)["actor"]["account"] for one in steps] == [
        world.administrator.id,
        world.officer.id,
    ]


def test_an_officer_with_systems_in_the_seats_of_two_reviewers_gets_nothing_to_act_by(
    admin, world, digest
):
    """The rule of two persons: whoever reads both secrets would be both of them."""
    pages = []
    for reviewer in (world.reviewer, world.second_reviewer):
        seat = {"email": reviewer.email, "uscc": world.centre.uscc, "role": "reviewer"}
        wanted = answers(world, **seat) | {"scope_cases_write": "y"}
        pages.append(admin.follow(admin.fill("/admin/clients/new", **wanted)))
    made = db.session.scalars(select(MachineClient)).all()
    assert [one.role for one in made] == ["reviewer", "reviewer"]
    token, before = {"csrf_token": admin.token()}, digest("refused_request")
    for one in made:
        for address in (
            f"/settings/systems/{one.id}/secret",
            f"/settings/systems/{one.id}/end",
            f"/admin/clients/{one.id}/rotate",
        ):
            pages.append(admin.post(address, data=token))
            assert pages[-1].status_code == 404
    assert not any(secrets_on(page) for page in pages)
    assert digest("refused_request") == before
    assert "client_secret" not in admin.read("/admin/clients").html


def test_who_left_the_browser_open_is_asked_for_the_password_first(
    app, as_, machine_of, world, monkeypatch, digest
):
    machine_of(world.officer)
    officer = as_(world.officer)
    monkeypatch.setitem(app.config, "SIGNING_FRESHNESS", timedelta(0))
    before = digest()
    answer = draw(officer)
    assert answer.status_code == 302
    assert answer.location.startswith("/login/again?next=/settings/systems")
    assert digest() == before


@pytest.mark.parametrize(
    "other",
    [
        {"email": "nobody@redress.example"},
        {"uscc": "91370112MA0000000X"},
        {"role": "provider"},
        {"scope_gate": ""},
        {"name": ""},
    ],
)
def test_what_cannot_be_registered_is_told_and_what_was_typed_stays(admin, world, digest, other):
    before = digest()
    page = admin.fill("/admin/clients/new", **answers(world, **other))
    assert page.status_code == 400
    assert page.fields["email"] == answers(world, **other)["email"]
    assert page.alerts or page.mistakes
    assert digest() == before


def test_a_new_secret_is_shown_once_and_the_former_lasts(as_, machine_of, world):
    one = machine_of(world.officer)
    [secret] = secrets_on(draw(as_(world.officer)))
    assert clients.knows_secret(registered(), secret)
    assert clients.knows_secret(registered(), one.secret)


@pytest.mark.parametrize("by", ["administrator", "officer"])
def test_a_system_is_ended_and_cannot_be_given_a_secret_then(admin, machine_of, world, as_, by):
    machine_of(world.officer)
    number = registered().id
    token = {"csrf_token": admin.token()}
    officer = as_(world.officer)
    if by == "officer":
        own = {"csrf_token": officer.token()}
        officer.follow(officer.post(f"/settings/systems/{number}/end", data=own))
    else:
        admin.follow(admin.post(f"/admin/clients/{number}/revoke", data=token))
    assert registered().revoked_at is not None
    page = officer.follow(draw(officer))
    assert "该系统已停用。" in " ".join(page.alerts)
    assert "没有以您的身份办理事项的系统" in page.words
    assert admin.post("/admin/clients/999999/revoke", data=token).status_code == 404


@pytest.fixture
def machine_of():
    """Give a function that registers a system for the first role of a person."""

    def register(user):
        issued = clients.register(None, user.current_appointments[0], "系统", ["gate"])
        db.session.rollback()
        return issued

    return register


# --- in whose seat a system acts -------------------------------------------------------------


def told(user):
    """Return what an account was told of systems: kind, and of which."""
    db.session.rollback()
    own = select(Message).where(Message.account_id == user.id).order_by(Message.id)
    return [(one.kind, one.entity_ref) for one in db.session.scalars(own)]


def test_nobody_registers_a_system_in_their_own_seat(admin, world, digest):
    own = {"email": world.administrator.email, "uscc": world.centre.uscc, "role": "administrator"}
    before = digest()
    page = admin.fill("/admin/clients/new", **answers(world, **own))
    assert page.status_code == 400
    assert "不得为本人办理，请由另一名管理人员办理。" in " ".join(page.alerts)
    assert digest() == before


def test_nor_by_a_further_account_of_the_same_person(admin, world, digest):
    other = make_account(world.centre, Role.REVIEWER, same_person_as=world.administrator)
    own = {"email": other.email, "uscc": world.centre.uscc, "role": "reviewer"}
    before = digest()
    assert admin.fill("/admin/clients/new", **answers(world, **own)).status_code == 400
    assert digest() == before


def test_by_a_further_account_the_same_person_draws_the_secret(as_, machine_of, world):
    further = make_account(world.centre, Role.REVIEWER, same_person_as=world.officer)
    machine_of(world.officer)
    [secret] = secrets_on(draw(as_(further)))
    assert clients.knows_secret(registered(), secret)


def test_the_person_is_told_of_a_system_in_their_seat_and_of_each_new_secret(admin, world, as_):
    further = make_account(world.department, Role.DEPARTMENT, same_person_as=world.officer)
    admin.fill("/admin/clients/new", **answers(world))
    made = registered()
    draw(as_(world.officer))
    expected = [("system_made", made.client_id), ("system_renewed", made.client_id)]
    assert told(world.officer) == told(further) == expected
    assert told(made.account) == told(world.administrator) == []
    page = as_(world.officer).read("/messages")
    assert made.client_id in page.words
    assert "已登记为以您的身份办理，密钥由您在“本人名下的接入系统”中领取" in page.words
    assert "已更换密钥；您不知情的，请告知审计人员" in page.words


def test_they_are_told_by_mail_too_whatever_mails_they_chose(app, admin, world, monkeypatch):
    with transaction() as session:
        session.merge(world.officer).mail_mode = "none"
    with running_server() as box:
        monkeypatch.setitem(app.config, "SMTP_URL", f"smtp://127.0.0.1:{box.port}")
        admin.fill("/admin/clients/new", **answers(world))
        assert mail.send_due() == 1
    assert [one["To"] for one in box.mails] == [world.officer.email]
    assert registered().client_id in box.mails[0]["Subject"]


def test_who_had_a_system_in_an_office_may_take_another_office_after_it(machine_of, world):
    machine_of(world.auditor)
    with transaction() as session:
        user = session.merge(world.auditor)
        people.end_appointment(user, user.appointments[0].organisation, Role.AUDITOR)
    with transaction() as session:
        user = session.merge(world.auditor)
        people.appoint(session, user, world.centre, Role.SECURITY_OFFICER)
    db.session.expire_all()
    assert world.auditor.holds(Role.SECURITY_OFFICER)
