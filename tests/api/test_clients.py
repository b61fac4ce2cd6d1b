"""Who may use the interface: clients, tokens, scopes; nothing else opens it."""

from datetime import timedelta

import pytest
import time_machine
from flask import Flask
from sqlalchemy import select

from repair_app.db import db, now, today
from repair_app.models import Appointment, Event, MachineClient, Role, User
from repair_app.services import administration, clients
from repair_app.services.administration import Newcomer, Seat
from repair_app.services.people import NotPossible
from repair_app.services.transaction import transaction
from repair_app.web.door import MACHINES, rule_of
from tests.factories import PASSWORD, make_case

OPEN = ""
DAY = timedelta(days=1)
# endpoint -> what a token has to be good for. Whoever adds a view writes it here as well.
NEEDED = {
    "api_tokens.give_token": OPEN,
    "api_tokens.revoke_token": OPEN,
    "api_documentation.describe": OPEN,
    "api_cases.list_cases": "cases:read",
    "api_cases.show_case": "cases:read",
    "api_cases.take_step": "cases:write",
    "api_changes.acknowledge": "changes",
    "api_changes.list_changes": "changes",
    "api_imports.begin": "records:push",
    "api_imports.close": "records:push",
    "api_imports.drop": "records:push",
    "api_imports.list_verdicts": "records:push",
    "api_imports.push": "records:push",
    "api_imports.put": "records:push",
    "api_imports.resume": "records:push",
    "api_notices.give": "cases:write",
    "api_imports.show_import": "records:push",
    "api_records.show_record": "records:read",
    "api_records.list_entries": "records:read",
    "api_records.open_matter": "cases:write",
    "api_records.list_records": "records:read",
    "api_cases.explain_terms": "cases:read",
    "api_cases.show_requirement": "cases:read",
    "api_papers.download": "cases:read",
    "api_papers.remove": "cases:write",
    "api_papers.list_letters": "cases:read",
    "api_papers.list_own_letters": "cases:read",
    "api_papers.print_letter": "cases:read",
    "api_measures.list_measures": "cases:read",
    "api_measures.show_measure": "cases:read",
    "api_measures.ask_to_begin": "cases:read",
    "api_measures.begin": "cases:write",
    "api_worklist.list_turns": "cases:read",
    "api_workflows.list_workflows": "cases:read",
    "api_workflows.show_workflow": "cases:read",
    "api_gate.ask_one": "gate",
    "api_gate.ask_many": "gate",
    "api_gate.show_keys": OPEN,
    "api_gate.report": "gate",
    "api_desk.add_note": "cases:write",
    "api_desk.assign": "cases:write",
    "api_desk.list_colleagues": "cases:read",
    "api_desk.list_notes": "cases:read",
    "api_desk.release": "cases:write",
    "api_desk.urge": "cases:write",
    "api_complaints.ask_to_take_up": "cases:read",
    "api_complaints.download_paper": "cases:read",
    "api_complaints.list_complaints": "cases:read",
    "api_complaints.read_contact": "cases:write",
    "api_complaints.show_complaint": "cases:read",
    "api_complaints.take_up": "cases:write",
    "api_inspections.list_items": "cases:read",
    "api_inspections.mark": "cases:write",
    "api_reports.issue_report": "records:read",
    "api_reports.list_reports": "records:read",
    "api_reports.print_report": "records:read",
    "api_training.announce": "cases:write",
    "api_training.call_off": "cases:write",
    "api_training.list_dates": "cases:read",
    "api_training.list_own_dates": "cases:read",
}


def test_every_view_needs_what_the_table_says(app: Flask) -> None:
    views = app.view_functions
    ours = [one for one in views if rule_of(app, one) == MACHINES]
    assert {one: views[one].scope for one in ours} == NEEDED


def test_without_a_token_nothing_is_answered(app, world, machine, anybody):
    case = make_case(world, "with_provider")
    reads = machine("reviewer")
    for path in ("/cases", f"/cases/{case.ref}", f"/records/{case.record.ref}"):
        assert reads.get(path).status_code == 200
        bare = reads.get(path, token="")
        assert (bare.status_code, bare.json["code"]) == (401, "no_token")
        assert bare.headers["WWW-Authenticate"].startswith("Bearer")
        assert bare.mimetype == "application/problem+json"


def test_a_signed_in_browser_is_nobody_here(as_, world):
    assert as_(world.reviewer).get("/api/v1/cases").status_code == 401


def test_no_answer_sets_a_cookie(machine):
    assert "Set-Cookie" not in machine("reviewer").get("/cases").headers


def test_a_token_is_good_for_its_scopes_only(machine, world):
    case = make_case(world, "with_provider")
    one = machine("reviewer", ["cases:read", "cases:write"])
    assert one.get(f"/records/{case.record.ref}").json["code"] == "insufficient_scope"
    narrow = one.get_token("cases:read")
    refused = one.post(f"/cases/{case.ref}/steps/decide", token=narrow)
    assert (refused.status_code, refused.json["code"]) == (403, "insufficient_scope")
    assert one.ask_token("records:push").status_code == 400


def test_a_token_ends_by_itself_and_when_it_is_taken_back(machine):
    one = machine("reviewer")
    with time_machine.travel(now() + clients.TOKEN_LIFE + timedelta(seconds=1), tick=False):
        assert one.get("/cases").json["code"] == "worthless_token"
    back = {"token": one.token}
    auth = (one.client_id, one.secret)
    assert one.send("POST", "/token/revoke", data=back, auth=auth, token="").status_code == 200
    assert one.get("/cases").json["code"] == "worthless_token"


def test_nobody_takes_back_the_token_of_another(machine):
    mine, other = machine("reviewer"), machine("subject")
    auth = (other.client_id, other.secret)
    mine.send("POST", "/token/revoke", data={"token": mine.token}, auth=auth, token="")
    assert mine.get("/cases").status_code == 200


def test_a_wrong_secret_opens_nothing(machine):
    assert machine("reviewer").ask_token(secret="guessed").status_code == 401


def test_a_client_says_once_who_it_is(machine):
    """RFC 6749 2.3: by Basic or in the form, or the token would be the one's or the other's."""
    mine, other = machine("reviewer"), machine("subject")
    asked = {"grant_type": "client_credentials"}
    auth = (mine.client_id, mine.secret)
    its = {"client_id": other.client_id, "client_secret": other.secret}
    for more in (its, {"client_id": other.client_id}, {"client_secret": other.secret}):
        answer = mine.send("POST", "/token", data={**asked, **more}, auth=auth, token="")
        assert (answer.status_code, answer.json["error"]) == (400, "invalid_request")
        assert "Leave out: client_" in answer.json["error_description"]
    same = {**asked, "client_id": mine.client_id}
    assert mine.send("POST", "/token", data=same, auth=auth, token="").status_code == 200
    assert mine.send("POST", "/token", data={**asked, **its}, token="").status_code == 200


def test_a_former_secret_is_good_for_a_week(machine):
    one = machine("reviewer")
    issued = clients.rotate(None, one.client_id)
    assert one.ask_token(secret=issued.secret).status_code == 200
    assert one.ask_token().status_code == 200
    with time_machine.travel(now() + clients.OVERLAP + timedelta(minutes=1), tick=False):
        assert one.ask_token().status_code == 401
        assert one.ask_token(secret=issued.secret).status_code == 200


def test_a_revoked_client_is_out_at_once(machine):
    one = machine("reviewer")
    clients.revoke(None, one.client_id)
    assert one.get("/cases").json["code"] == "worthless_token"
    assert one.ask_token().status_code == 401


def test_a_client_ends_with_the_role_of_its_person(machine, world):
    one = machine("provider")
    with transaction() as session:
        session.get_one(User, world.provider.id).appointments[0].ends_on = today() - DAY
    assert one.get("/cases").json["code"] == "worthless_token"
    assert one.ask_token().status_code == 401


def steps_of(one):
    """Return what the book of accounts tells of a client."""
    db.session.rollback()
    found = select(Event).where(Event.entity == f"client:{one.client_id}").order_by(Event.id)
    return [event.transition for event in db.session.scalars(found)]


def own_seat(one):
    """Return the role by which a client acts."""
    db.session.rollback()
    found = select(MachineClient).where(MachineClient.client_id == one.client_id)
    return db.session.scalars(found).one().account.appointments[0]


def test_a_mandate_that_is_narrowed_is_narrowed_for_the_agents_system_too(machine, world):
    one, case = machine("agent"), make_case(world, "with_provider", workflow="objection")
    seat = world.agent.current_appointments[0].id
    assert one.get(f"/cases/{case.ref}").status_code == 200
    administration.change(world.administrator, seat, ["repair"], None)
    assert one.get(f"/cases/{case.ref}").status_code == 404
    last = today() + DAY
    administration.change(world.administrator, seat, ["objection", "repair"], last)
    assert one.get(f"/cases/{case.ref}").status_code == 200
    assert own_seat(one).ends_on == last


def end_the_role(world, seat):
    administration.end(world.administrator, seat.id)


def close_the_account(world, seat):
    administration.close(world.administrator, seat.user_id)
    administration.reopen(world.administrator, seat.user_id)


def let_it_run_out(world, seat):
    with transaction() as session:
        session.get_one(Appointment, seat.id).ends_on = today() - DAY


@pytest.mark.parametrize("over", [end_the_role, close_the_account, let_it_run_out])
def test_a_system_whose_role_ended_does_not_come_back_with_it(machine, world, over):
    one, seat = machine("provider"), world.provider.current_appointments[0]
    given = Seat(seat.organisation_id, Role.PROVIDER)
    over(world, seat)
    if over is not close_the_account:  # its roles are held again when it is opened
        administration.appoint(world.administrator, world.provider.id, given)
    assert world.provider.current_appointments
    assert one.ask_token().status_code == 401
    assert one.get("/cases").json["code"] == "worthless_token"
    assert steps_of(one) == ["register_client", "revoke_client"]
    assert machine("provider").get("/cases").status_code == 200


def test_nor_does_it_with_a_further_account_of_the_person(machine, world):
    one, seat = machine("provider"), world.provider.current_appointments[0]
    given = Seat(seat.organisation_id, Role.PROVIDER)
    let_it_run_out(world, seat)
    further = Newcomer("further@example.com", same_person_as=world.provider.email)
    administration.open_account(world.administrator, further, given, PASSWORD)
    assert one.ask_token().status_code == 401


def test_a_system_lasts_while_its_person_holds_the_role_by_another_account(machine, world):
    one, seat = machine("provider"), world.provider.current_appointments[0]
    last = today() + DAY
    given = Seat(seat.organisation_id, Role.PROVIDER, ends_on=last)
    further = Newcomer("further@example.com", same_person_as=world.provider.email)
    administration.open_account(world.administrator, further, given, PASSWORD)
    administration.end(world.administrator, seat.id)
    assert one.get("/cases").status_code == 200
    assert own_seat(one).ends_on == last


def test_nobody_signs_in_with_the_account_of_a_machine(machine, app, anybody):
    one = machine("reviewer")
    client = db.session.scalar(
        select(MachineClient).where(MachineClient.client_id == one.client_id)
    )
    assert client.account.password is None  # no word opens it, and no letter brings one
    page = anybody.get("/login")
    answer = anybody.send(page, "/login", email=client.account.email, password="x" * 12)
    assert answer.status_code == 200
    assert anybody.get("/work").status_code == 302


def test_a_machine_does_not_answer_for_a_machine(machine):
    one = machine("reviewer")
    client = db.session.scalar(
        select(MachineClient).where(MachineClient.client_id == one.client_id)
    )
    with pytest.raises(NotPossible):
        clients.register(None, client.account.current_appointments[0], "again", ["cases:read"])


def test_what_becomes_of_a_client_is_in_the_book_of_accounts(machine):
    one = machine("reviewer")
    clients.rotate(None, one.client_id)
    clients.revoke(None, one.client_id)
    steps = db.session.scalars(
        select(Event.transition).where(Event.entity == f"client:{one.client_id}").order_by(Event.id)
    ).all()
    assert steps == ["register_client", "rotate_client", "revoke_client"]
