"""The administrator's page of systems: registered, given a new secret, ended."""

import re

import pytest
from sqlalchemy import select

from repair_app.db import db
from repair_app.models import Event, MachineClient
from repair_app.services import clients

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


def test_a_system_is_registered_and_its_secret_shown_once(admin, world):
    page = admin.fill("/admin/clients/new", **answers(world))
    made = registered()
    assert page.status_code == 200
    assert made.client_id in page.words
    [secret] = [one for one in page.words.split() if SECRET.fullmatch(one)]
    assert clients.knows_secret(made, secret)
    assert (made.scopes, made.role) == (["gate"], "department")
    listed = admin.read("/admin/clients")
    assert made.client_id in listed.words
    assert secret not in listed.html
    step = db.session.scalars(select(Event).order_by(Event.id.desc())).first()
    assert (step.transition, step.entity) == ("register_client", f"client:{made.client_id}")


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


def test_a_new_secret_is_shown_once_and_the_former_lasts(admin, machine_of, world):
    one = machine_of(world.officer)
    page = admin.post(
        f"/admin/clients/{registered().id}/rotate", data={"csrf_token": admin.token()}
    )
    [secret] = [word for word in page.words.split() if SECRET.fullmatch(word)]
    assert clients.knows_secret(registered(), secret)
    assert clients.knows_secret(registered(), one.secret)


def test_a_system_is_ended_and_cannot_be_given_a_secret_then(admin, machine_of, world):
    machine_of(world.officer)
    number = registered().id
    token = {"csrf_token": admin.token()}
    admin.follow(admin.post(f"/admin/clients/{number}/revoke", data=token))
    assert registered().revoked_at is not None
    page = admin.follow(admin.post(f"/admin/clients/{number}/rotate", data=token))
    assert "该系统已停用。" in " ".join(page.alerts)
    assert admin.post("/admin/clients/999999/revoke", data=token).status_code == 404


@pytest.fixture
def machine_of():
    """Give a function that registers a system for the first role of a person."""

    def register(user):
        issued = clients.register(None, user.current_appointments[0], "系统", ["gate"])
        db.session.rollback()
        return issued

    return register
