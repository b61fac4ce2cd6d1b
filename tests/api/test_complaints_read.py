"""Complaints by the interface: looked at by reviewers who are impartial, taken up, never named."""

import pytest
from sqlalchemy import select

from repair_app.db import db
from repair_app.models import Case, Complaint, KeptAnswer
from repair_app.services import complaints
from tests.factories import PDF, make_record, make_upload

CONTACT = "138-0000-0000"


@pytest.fixture
def told(world):
    """Give the number of a complaint with a contact and a file."""
    record = make_record(world.firm, world.agency)
    said = complaints.Told("error", "consumer", "处罚对象有误。", CONTACT, [make_upload()])
    complaints.receive(record.ref, said, "form")
    return db.session.scalars(select(Case.ref).where(Case.workflow == "complaint")).one()


def test_a_reviewers_system_reads_what_was_told_and_not_by_whom(machine, told):
    one = machine("reviewer")
    [line] = one.get("/complaints").json["complaints"]
    assert (line["ref"], line["ground"], line["state"]) == (told, "error", "received")
    answer = one.get(f"/complaints/{told}")
    whole = answer.json
    assert (whole["statement"], whole["capacity"]) == ("处罚对象有误。", "consumer")
    assert whole["has_contact"] is True
    assert CONTACT not in answer.text
    assert {"read_contact", "dismiss"} <= {step["name"] for step in whole["steps"]}
    [paper] = whole["papers"]
    assert one.get(f"/complaints/papers/{paper['number']}").data == PDF


@pytest.mark.parametrize(
    ("name", "listed"),
    [
        ("provider", 403),
        ("subject", 403),
        ("auditor", 403),
        ("upper_reviewer", 200),
        ("torn_reviewer", 200),
    ],
)
def test_nobody_else_sees_that_there_is_one(machine, told, name, listed):
    """鲁政发〔2017〕44号 二（三）14. The torn reviewer acts for the enterprise as well."""
    one = machine(name, role="reviewer") if name == "torn_reviewer" else machine(name)
    number = db.session.scalars(select(Complaint)).one().papers[0].id
    db.session.rollback()
    answer = one.get("/complaints")
    assert answer.status_code == listed
    assert told not in answer.text
    status = 404 if listed == 200 else 403
    for path in (f"/complaints/{told}", f"/complaints/{told}/take-up"):
        assert one.get(path).status_code == status, path
    assert one.get(f"/complaints/papers/{number}").status_code == status
    for step in ("contact", "take-up"):
        assert one.post(f"/complaints/{told}/{step}").status_code == status, step


def test_the_contact_is_told_with_a_reason_only_and_is_kept_nowhere(machine, told):
    one = machine("reviewer")
    version = one.get(f"/complaints/{told}").json["version"]
    path = f"/complaints/{told}/contact"
    missing = one.post(path, {"version": version})
    assert missing.status_code == 422
    sent = {"version": version, "answers": {"reason": "核实材料真伪。"}}
    read = one.post(path, sent, key="once")
    assert (read.status_code, read.json["contact"]) == (200, CONTACT)
    assert read.headers["Cache-Control"] == "no-store"
    kept = db.session.scalars(select(KeptAnswer)).all()
    assert not any(CONTACT.encode() in one.body for one in kept)
    again = one.post(path, sent, key="once")
    assert again.json == read.json
    steps = [one["step"] for one in machine("reviewer").get(f"/cases/{told}").json["history"]]
    assert steps.count("read_contact") == 1


def test_a_complaint_is_taken_up_in_the_reviewers_words(machine, told, world):
    one = machine("reviewer")
    asked = one.get(f"/complaints/{told}/take-up").json
    assert {"ground", "statement"} <= {question["name"] for question in asked["questions"]}
    answers = {"ground": "error", "statement": "核实处罚对象。"}
    done = one.post(f"/complaints/{told}/take-up", {"answers": answers}, key="up")
    assert done.status_code == 201, done.text
    assert done.json["workflow"] == "objection"
    assert one.get(f"/complaints/{told}").json["state"] == "taken_up"
    assert one.get("/complaints").json["complaints"] == []
    again = one.post(f"/complaints/{told}/take-up", {"answers": answers}, key="other")
    assert again.status_code == 409


def test_wrong_answers_are_named_by_their_questions(machine, told):
    one = machine("reviewer")
    wrong = one.post(f"/complaints/{told}/take-up", {"answers": {"ground": "no-such"}})
    assert wrong.status_code == 422
    assert "ground" in {mistake["field"] for mistake in wrong.json["errors"]}
