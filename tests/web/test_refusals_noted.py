"""What is refused is counted for auditors, in a transaction of its own, without personal data."""

import json

import pytest

from repair_app.db import db
from repair_app.models import SecurityEvent
from repair_app.services import clients, security
from tests.factories import make_case


def noted():
    """Return what was noted so far, the oldest first."""
    db.session.rollback()
    found = db.session.query(SecurityEvent).order_by(SecurityEvent.id).all()
    return [(one.kind, one.who, one.status, one.route, one.times) for one in found]


def account(user):
    return f"account {user.id}"


def submitted(case):
    """Return a step of a case as its own form would send it."""
    return {"form_token": "t" * 32, "version": str(case.version)}


def test_what_others_own_and_what_others_do_is_noted_with_its_matter_and_step(as_, world):
    case = make_case(world, "submitted")
    ref = case.ref
    stranger, subject = as_(world.stranger), as_(world.subject)
    assert stranger.get(f"/cases/{ref}").status_code == 404
    assert subject.get(f"/cases/{ref}/accept").status_code == 403
    assert noted() == [
        ("not_visible", account(world.stranger), 404, "cases.show", 1),
        ("not_allowed", account(world.subject), 403, "transitions.fire", 1),
    ]
    foreign, step = db.session.query(SecurityEvent).order_by(SecurityEvent.id)
    assert (foreign.entity_ref, foreign.step) == (ref, "")
    assert (step.entity_ref, step.step) == (ref, "accept")


def test_what_is_typed_for_a_step_is_not_repeated(as_, world):
    case = make_case(world, "submitted")
    name = "王某某13900000000" * 500
    assert as_(world.reviewer).get(f"/cases/{case.ref}/{name}").status_code == 404
    (one,) = db.session.query(SecurityEvent)
    assert (one.kind, one.step, one.entity_ref) == ("not_visible", "", case.ref)


def test_the_same_refusal_is_one_row_a_minute_and_its_times_are_counted(as_, world, monkeypatch):
    from repair_app.services.security import now

    moment = now()
    monkeypatch.setattr(security, "now", lambda: moment)
    case = make_case(world, "submitted")
    stranger = as_(world.stranger)
    for _ in range(5):
        stranger.get(f"/cases/{case.ref}")
    assert noted() == [("not_visible", account(world.stranger), 404, "cases.show", 5)]


def test_a_sign_in_that_fails_is_noted_without_the_address_and_a_good_one_is_not(anybody, world):
    page = anybody.get("/login")
    typed = {"email": "stranger@example.com", "password": "wrong"}
    assert anybody.send(page, "/login", **typed).status_code == 200
    assert noted() == [("sign_in", "", 200, "security.login", 1)]
    (one,) = db.session.query(SecurityEvent)
    assert "stranger" not in repr([getattr(one, name.key) for name in one.__table__.columns])


def test_a_form_that_is_not_ours_is_noted(as_, world):
    case = make_case(world, "submitted")
    subject = as_(world.subject)
    assert subject.post(f"/cases/{case.ref}/withdraw", data=submitted(case)).status_code == 400
    assert subject.post("/settings/feed", data={}).status_code in {400, 404, 405}
    kinds = [one[0] for one in noted()]
    assert kinds[0] == "form"


def test_who_is_not_signed_in_is_noted_for_sending_and_not_for_looking(anybody, world):
    case = make_case(world, "submitted")
    assert anybody.get(f"/cases/{case.ref}").status_code == 302
    assert anybody.get("/records/JL-2020-000001-X").status_code == 404
    assert noted() == []
    assert anybody.post(f"/cases/{case.ref}/withdraw", data={}).status_code == 401
    assert [one[:3] for one in noted()] == [("no_session", "", 401)]


def test_a_step_that_is_not_due_is_noted_when_it_is_sent_and_not_when_it_is_looked_at(as_, world):
    case = make_case(world, "submitted")
    reviewer = as_(world.reviewer)
    assert reviewer.get(f"/cases/{case.ref}/sign_rejection").status_code == 409
    assert noted() == []
    sent = {**submitted(case), "csrf_token": reviewer.token(), "reason": "理由", "findings": "x"}
    answer = reviewer.post(f"/cases/{case.ref}/sign_rejection", data=sent)
    assert answer.status_code == 409, answer.words
    assert [one[:3] for one in noted()] == [("not_now", account(world.reviewer), 409)]


def test_what_the_interface_refuses_is_noted_by_its_client(app, world):
    case = make_case(world, "submitted")
    (seat,) = world.stranger.current_appointments
    issued = clients.register(None, seat, "System", ["cases:read"])
    number, name = issued.client.id, issued.client.client_id
    browser = app.test_client(use_cookies=False)
    sent = {"grant_type": "client_credentials"}
    ask = "/api/v1/token"
    with browser.post(ask, data=sent, auth=(name, "wrong")) as answer:
        assert answer.status_code in {400, 401}
    with browser.post(ask, data=sent, auth=(name, issued.secret)) as answer:
        bearer = {"Authorization": f"Bearer {answer.json['access_token']}"}
    with browser.get("/api/v1/cases", headers={"Authorization": "Bearer x"}) as answer:
        assert answer.status_code == 401
    with browser.get(f"/api/v1/cases/{case.ref}", headers=bearer) as answer:
        assert answer.status_code == 404
    headers = {**bearer, "Idempotency-Key": "one"}
    path = f"/api/v1/cases/{case.ref}/steps/withdraw"
    with browser.post(path, json={"version": 1}, headers=headers) as answer:
        assert answer.status_code == 403
    assert [one[:2] for one in noted()] == [
        ("token", ""),
        ("token", ""),
        ("not_visible", f"client {number}"),
        ("scope", f"client {number}"),
    ]


def test_auditors_read_it_on_a_page_and_operators_by_a_command(app, as_, world):
    case = make_case(world, "submitted")
    as_(world.stranger).get(f"/cases/{case.ref}")
    page = as_(world.auditor).read("/audit/refused")
    assert case.ref in page.words
    assert "stranger@example.com" in page.words
    result = app.test_cli_runner().invoke(args=["security", "list", "--json"])
    assert result.exit_code == 0, result.output
    (line,) = result.output.splitlines()
    told = json.loads(line)
    assert (told["kind"], told["ref"], told["times"]) == ("not_visible", case.ref, 1)


@pytest.mark.parametrize("stage", ["sqlite"], indirect=True)
def test_an_answer_is_given_though_it_cannot_be_noted(app, as_, world, monkeypatch, caplog):
    def fail(*_args, **_more):
        raise OSError("the store is away")

    monkeypatch.setattr(security, "at_once", fail)
    case = make_case(world, "submitted")
    assert as_(world.stranger).get(f"/cases/{case.ref}").status_code == 404
    assert noted() == []
