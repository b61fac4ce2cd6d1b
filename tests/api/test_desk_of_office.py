"""At an office's desk by the interface: notes, who has a matter in hand; urging by who filed it."""

import pytest
from sqlalchemy import select

from repair_app.db import db
from repair_app.models import CaseNote, Deadline, MachineClient, Message, User
from repair_app.services.transaction import transaction
from tests.factories import make_case


def holder_of(ref):
    """Return in whose hands a matter is."""
    db.session.rollback()
    running = select(Deadline.assignee_id).where(
        Deadline.entity_ref == ref, Deadline.met_at.is_(None), Deadline.whole.is_(False)
    )
    return db.session.scalar(running)


@pytest.fixture
def submitted(world):
    """Give a case that waits for the centre and is in nobody's hands."""
    case = make_case(world, "submitted")
    with transaction() as session:
        for term in session.scalars(select(Deadline).where(Deadline.case_id == case.id)):
            term.assignee_id = None
    db.session.rollback()
    return case.ref


# --- notes ---


def test_a_note_by_the_system_is_read_in_the_page_and_by_the_system(machine, as_, world, submitted):
    one = machine("reviewer")
    written = one.post(f"/cases/{submitted}/notes", {"note": "电话核实过。"}, key="n1")
    assert written.status_code == 201
    [note] = one.get(f"/cases/{submitted}/notes").json["notes"]
    assert (note["body"], note["author"]) == ("电话核实过。", world.reviewer.person.name)
    assert "电话核实过。" in as_(world.second_reviewer).get(f"/cases/{submitted}").text
    again = one.post(f"/cases/{submitted}/notes", {"note": "电话核实过。"}, key="n1")
    assert again.headers["Idempotent-Replayed"] == "true"
    assert len(one.get(f"/cases/{submitted}/notes").json["notes"]) == 1


@pytest.mark.parametrize(
    ("name", "status"),
    [("subject", 403), ("agent", 403), ("stranger", 404), ("other_provider", 404)],
)
def test_who_is_no_office_of_the_case_neither_reads_nor_writes_notes(
    machine, world, submitted, name, status
):
    one = machine(name)
    assert one.get(f"/cases/{submitted}/notes").status_code == status
    assert one.post(f"/cases/{submitted}/notes", {"note": "x"}).status_code == status
    assert db.session.scalars(select(CaseNote)).all() == []


def test_an_auditor_reads_notes_and_writes_none(machine, submitted):
    machine("reviewer").post(f"/cases/{submitted}/notes", {"note": "x"})
    one = machine("auditor")
    found = one.get(f"/cases/{submitted}/notes").json
    assert (len(found["notes"]), found["writes_notes"]) == (1, False)
    assert one.post(f"/cases/{submitted}/notes", {"note": "y"}).status_code == 403


@pytest.mark.parametrize(("text", "status"), [("", 422), (" \n ", 409), ("x" * 2001, 422)])
def test_a_note_that_says_nothing_or_too_much_is_refused(machine, submitted, text, status):
    assert (
        machine("reviewer").post(f"/cases/{submitted}/notes", {"note": text}).status_code == status
    )


# --- who has a matter in hand ---


def test_a_matter_is_given_to_a_colleague_and_laid_down(machine, world, submitted):
    one = machine("reviewer")
    told = {line["account"]: line for line in one.get("/colleagues").json["colleagues"]}
    other = world.second_reviewer.id
    assert told[other]["name"] == world.second_reviewer.person.name
    [turn] = one.get("/worklist").json["turns"]
    assert (turn["ref"], turn["holder"]) == (submitted, None)
    given = one.post(f"/worklist/{submitted}/assign", {"colleague": other, "holder": 0})
    assert given.json == {"ref": submitted, "holder": other}
    assert holder_of(submitted) == other
    [turn] = one.get("/worklist").json["turns"]
    assert turn["holder"] == other
    assert one.get(f"/cases/{submitted}/notes").json["holder"] == told[other]["name"]
    stale = {"colleague": world.reviewer.id, "holder": 0}
    assert one.post(f"/worklist/{submitted}/assign", stale).json["code"] == "refused"
    assert holder_of(submitted) == other
    assert one.post(f"/worklist/{submitted}/release").json["holder"] is None
    assert holder_of(submitted) is None
    kinds = db.session.scalars(select(CaseNote.kind).order_by(CaseNote.id)).all()
    assert kinds == ["assigned", "released"]


def test_a_matter_is_given_to_nobody_who_may_not_act(machine, world, submitted):
    one = machine("reviewer")
    machines = db.session.scalars(select(Deadline.assignee_id)).all()
    assert machines == [None] * len(machines)
    account = one_account(one)
    away = world.second_reviewer.id
    with transaction() as session:
        session.get_one(User, away).active = False
    for who in (world.provider.id, world.torn_reviewer.id, account, away, 999_999):
        refused = one.post(f"/worklist/{submitted}/assign", {"colleague": who})
        assert (refused.status_code, refused.json["code"]) == (409, "refused"), who
    assert holder_of(submitted) is None


def one_account(one):
    """Return the number of a system's own account."""
    found = select(MachineClient.account_id).where(MachineClient.client_id == one.client_id)
    return db.session.scalar(found)


def test_what_waits_for_others_is_not_given_or_laid_down(machine, world, submitted):
    for name, status in (("provider", 409), ("other_provider", 404), ("officer", 404)):
        one = machine(name)
        sent = one.post(f"/worklist/{submitted}/assign", {"colleague": world.provider.id})
        assert sent.status_code == status, name
        assert one.post(f"/worklist/{submitted}/release").status_code == status
    for name in ("subject", "stranger", "auditor"):
        one = machine(name)
        sent = one.post(f"/worklist/{submitted}/assign", {"colleague": 1})
        assert sent.status_code == 403, name
        assert one.post(f"/worklist/{submitted}/release").status_code == 403, name
    assert holder_of(submitted) is None


def test_colleagues_are_those_of_the_clients_own_office(machine, world):
    [own] = machine("officer").get("/colleagues").json["colleagues"]
    assert own["account"] == world.officer.id
    for name in ("subject", "auditor"):
        assert machine(name).get("/colleagues").status_code == 403


# --- urging ---


def test_an_enterprises_system_urges_once_a_working_day(machine, world, submitted):
    one = machine("subject")
    done = one.post(f"/cases/{submitted}/urge")
    assert done.status_code == 200
    assert len(done.json["urged_at"]) == 1
    told = select(Message.account_id).where(Message.kind == "urged")
    assert world.reviewer.id in db.session.scalars(told).all()
    again = one.post(f"/cases/{submitted}/urge")
    assert (again.status_code, again.json["code"]) == (409, "refused")
    assert again.json["reasons"]
    assert machine("reviewer").get(f"/cases/{submitted}").json["urged_at"] == done.json["urged_at"]


@pytest.mark.parametrize(("name", "status"), [("reviewer", 409), ("stranger", 404)])
def test_only_who_filed_a_case_urges_it(machine, submitted, name, status):
    assert machine(name).post(f"/cases/{submitted}/urge").status_code == status
    assert not db.session.scalars(select(Message).where(Message.kind == "urged")).all()
