"""What a client's role reads: papers, letters, terms, lists, the worklist, the policy."""

import json

import httpx
import pytest
from sqlalchemy import select
from werkzeug.http import parse_options_header

from repair_app.access import stands_as
from repair_app.db import db, today
from repair_app.engine.policy import clocks_of
from repair_app.models import CreditRecord, Deadline, Letter, Sanction, Viewing
from repair_app.services import viewings
from repair_app.services.policy import current_policy
from tests.factories import (
    PDF,
    initiate_sanction,
    make_case,
    make_record,
    make_sanction,
    requirement_of,
)

NOBODY = ("stranger", "other_provider", "officer", "institution")


def test_evidence_is_handed_out_to_who_acts_in_its_case_and_to_nobody_else(machine, world):
    case = make_case(world, "with_provider")
    paper = machine("subject").get(f"/cases/{case.ref}").json["documents"][0]
    for name in ("subject", "agent", "provider", "reviewer", "auditor"):
        answer = machine(name).get(f"/documents/{paper['ref']}")
        assert (answer.status_code, answer.data) == (200, PDF), name
        named = parse_options_header(answer.headers["Content-Disposition"])
        assert named == ("attachment", {"filename": paper["name"]}), name
        again = {"If-None-Match": answer.headers["ETag"]}
        assert machine(name).get(f"/documents/{paper['ref']}", headers=again).status_code == 304
    for name in NOBODY:
        assert machine(name).get(f"/documents/{paper['ref']}").status_code == 404, name


def test_a_paper_with_a_chinese_name_leaves_a_server(machine, world, site):
    """The browser of the tests hands over headers that no server could send."""
    case = make_case(world, "with_provider")
    firm = machine("subject")
    paper = firm.get(f"/cases/{case.ref}").json["documents"][0]
    assert not paper["name"].isascii()
    sent = {"Authorization": f"Bearer {firm.token}"}
    answer = httpx.get(f"{site}/api/v1/documents/{paper['ref']}", headers=sent, trust_env=False)
    assert (answer.status_code, answer.content) == (200, PDF)


def test_what_did_not_change_is_not_sent_again(machine, world):
    case = make_case(world, "with_provider")
    one = machine("provider")
    first = one.get(f"/cases/{case.ref}")
    named = {"If-Match": '"another"'}
    other = one.get(f"/cases/{case.ref}", headers=named)
    assert (other.status_code, other.mimetype) == (412, "application/problem+json")
    assert other.json["code"] == "not_as_named"
    assert case.ref not in other.get_data(as_text=True)
    named = {"If-Match": first.headers["ETag"]}
    assert one.get(f"/cases/{case.ref}", headers=named).status_code == 200
    again = one.get(f"/cases/{case.ref}", headers={"If-None-Match": first.headers["ETag"]})
    assert (again.status_code, again.data) == (304, b"")


def test_a_file_is_taken_out_of_a_draft_and_of_nothing_else(machine, world):
    draft, filed = make_case(world, "draft"), make_case(world, "submitted")
    firm = machine("subject")
    path = f"/documents/{draft.documents[0].ref}/remove"
    assert firm.post(path).status_code == 200
    assert firm.get(f"/cases/{draft.ref}").json["documents"] == []
    refused = firm.post(f"/documents/{filed.documents[0].ref}/remove")
    assert (refused.status_code, refused.json["code"]) == (409, "wrong_state")


def test_terms_say_how_they_were_counted_as_the_pages_do(machine, world, as_):
    case = make_case(world, "with_provider")
    told = machine("provider").get(f"/cases/{case.ref}/terms").json["terms"]
    rows = db.session.scalars(select(Deadline).where(Deadline.case_id == case.id)).all()
    assert {one["clock"] for one in told} == {one.clock for one in rows}
    running = next(one for one in told if one["clock"] == "objection_verification")
    row = next(one for one in rows if one.clock == "objection_verification")
    assert (running["due_on"], running["starts_on"]) == (str(row.due_on), str(row.starts_on))
    assert [one["day"] for one in running["skipped"]] == [day for day, _ in row.skipped]
    assert running["source"]["clause"]["zh"]
    page = as_(world.provider).read(f"/cases/{case.ref}")
    for line in running["lines"]:
        assert line["zh"] in page.words


def test_letters_are_read_by_whom_they_were_written_to_and_officials(machine, world):
    case = make_case(world, "refused")
    letter = db.session.scalars(
        select(Letter).where(Letter.case_id == case.id).order_by(Letter.id)
    ).all()[-1]
    for name in ("subject", "reviewer", "auditor"):
        one = machine(name)
        listed = one.get(f"/cases/{case.ref}/letters").json["letters"]
        assert letter.ref in {line["ref"] for line in listed}, name
        pdf = one.get(f"/letters/{letter.ref}?lang=zh")
        assert (pdf.mimetype, pdf.data[:5]) == ("application/pdf", b"%PDF-")
    for name in NOBODY:
        assert machine(name).get(f"/letters/{letter.ref}").status_code == 404, name
    assert letter.ref in {one["ref"] for one in machine("subject").get("/letters").json["letters"]}


@pytest.mark.parametrize(
    "name", ["subject", "agent", "stranger", "provider", "reviewer", "officer", "auditor"]
)
def test_a_list_holds_just_the_records_that_concern_the_role(machine, world, name):
    records = [
        make_record(world.firm, world.agency),
        make_record(world.other_firm, world.agency),
        make_record(world.firm, world.other_agency),
    ]
    one = machine(name)
    seen, place = [], ""
    while True:
        page = one.get(f"/records?limit=1&after={place}").json
        seen += [line["ref"] for line in page["records"]]
        if not (place := page["next"]):
            break
    account = getattr(world, name)
    all_records = db.session.scalars(select(CreditRecord).order_by(CreditRecord.id.desc())).all()
    assert seen == [row.ref for row in all_records if any(stands_as(account, row))]
    narrow = one.get(f"/records?uscc={world.other_firm.uscc}").json["records"]
    assert {line["ref"] for line in narrow} == set(seen) & {records[1].ref}


def test_the_worklist_holds_what_waits_for_the_role(machine, world):
    case = make_case(world, "with_provider")
    turns = machine("provider").get("/worklist").json
    assert [one["ref"] for one in turns["turns"]] == [case.ref]
    assert turns["waiting"] == 1
    assert machine("other_provider").get("/worklist").json["turns"] == []
    supplement = make_case(world, "supplement_asked", record=make_record(world.firm, world.agency))
    mine = machine("subject").get("/worklist").json["turns"]
    assert [one["ref"] for one in mine] == [supplement.ref]


def test_a_department_imposes_a_measure_and_reports_its_execution(machine, world):
    record = make_record(world.firm, world.agency)
    one = machine("officer")
    path = f"/records/{record.ref}/measures/impose"
    asked = one.get(path).json
    measure = next(q for q in asked["questions"] if q["name"] == "measure_id")["choices"][0]
    ends_on = str(record.max_publication_until)
    wrong = one.post(path, {"answers": {"measure_id": measure["value"], "ends_on": "2999-01-01"}})
    assert wrong.status_code == 422
    answer = one.post(path, {"answers": {"measure_id": measure["value"], "ends_on": ends_on}})
    assert answer.status_code == 201, answer.json
    [line] = one.get("/sanctions").json["measures"]
    assert line["enforceable"] is True
    whole = one.get(f"/sanctions/{line['ref']}").json
    step = next(step for step in whole["steps"] if step["name"] == "report")
    answers = {"happened_on": str(today()), "executed": "yes", "account": "已限制。"}
    assert set(answers) == {q["name"] for q in step["questions"]}
    done = one.post(
        f"/sanctions/{line['ref']}/steps/report",
        {"version": whole["version"], "answers": answers},
    )
    assert done.status_code == 200, done.json
    assert machine("provider").post(path, {}).status_code == 403
    assert machine("subject").get(f"/sanctions/{line['ref']}").status_code == 404


def test_a_lead_agency_initiates_a_measure_on_a_person_by_name(machine, world):
    record = make_record(world.firm, world.agency)
    one = machine("provider")
    path = f"/records/{record.ref}/measures/initiate"
    asked = {question["name"]: question for question in one.get(path).json["questions"]}
    code = next(
        choice["value"]
        for choice in asked["measure_id"]["choices"]
        if choice["label"].startswith("A")
    )
    body = {
        "answers": {
            "measure_id": code,
            "ends_on": str(record.max_publication_until),
            "department_id": str(world.department.id),
            "person_role": "",
            "public_body": "",
        }
    }
    answer = one.post(path, body)
    assert answer.status_code == 201, answer.json
    made = db.session.scalars(select(Sanction)).one()
    assert (made.initiator_id, made.state) == (world.agency.id, "initiated")


def test_whom_a_measure_reaches_is_told_to_those_who_may_read_it_only(machine, world):
    record = make_record(world.firm, world.agency, severity="serious")
    made = initiate_sanction(record, world.provider, world.department, code="P01", person="张三")
    for name, told in (("provider", "张三"), ("officer", "张三"), ("reviewer", "张三")):
        assert machine(name).get(f"/sanctions/{made.ref}").json["person"] == told, name
    for name in ("subject", "stranger", "other_officer"):
        assert machine(name).get(f"/sanctions/{made.ref}").status_code == 404, name


def test_a_requirement_tells_an_institution_no_more_than_it_needs(machine, world):
    record = make_record(world.firm, world.agency, severity="serious", decided_days_ago=200)
    case = make_case(world, "submitted", workflow="repair", record=record)
    report = requirement_of(case, "credit_report")
    told = machine("institution").get(f"/requirements/{report.ref}").json
    assert (told["ref"], told["subject"]["uscc"]) == (report.ref, world.firm.uscc)
    of_itself = {"ref", "workflow", "state", "state_label", "version", "question", "steps"}
    of_the_paper = {"institution", "subject", "number", "issued_on", "valid_until"}
    assert set(told) == of_itself | of_the_paper  # neither the case nor who is behind it
    text = json.dumps(told, ensure_ascii=False)
    for hidden in (case.ref, record.decision_no, world.subject.person.name, world.subject.email):
        assert hidden not in text
    assert machine("institution").get(f"/cases/{case.ref}").status_code == 404


def test_the_policy_is_described_with_states_steps_clocks_and_what_is_asked(machine):
    one = machine("subject")
    listed = one.get("/workflows").json["workflows"]
    assert {line["name"] for line in listed} == set(current_policy().current)
    for name, workflow in current_policy().current.items():
        told = one.get(f"/workflows/{name}").json
        assert {state["name"] for state in told["states"]} == set(workflow.states)
        assert {step["name"] for step in told["steps"]} == set(workflow.transitions)
        assert {clock["name"] for clock in told["clocks"]} == clocks_of(workflow), name
        for step in told["steps"]:
            assert step["basis"], step["name"]
            asked = {question["name"] for question in step["questions"]}
            assert set(step["answers_schema"]["properties"]) == asked
    assert one.get("/workflows/none").status_code == 404


def test_that_an_offices_system_looked_is_noted_for_the_enterprise(machine, world):
    viewings.SEEN.clear()  # of this process, for other tests' stores
    case = make_case(world, "with_provider")
    provider, firm = machine("provider"), machine("subject")
    provider.get(f"/cases/{case.ref}")
    firm.get(f"/cases/{case.ref}")
    [noted] = db.session.scalars(select(Viewing)).all()
    assert (noted.entity_ref, noted.role) == (case.ref, "provider")


def test_a_measure_that_rests_on_a_record_is_shown_with_its_verdict(machine, world):
    record = make_record(world.firm, world.agency)
    made = make_sanction(record, world.officer)
    case = make_case(world, "accepted", record=record)
    told = machine("officer").get(f"/sanctions/{made.ref}").json
    assert (told["enforceable"], told["state"]) == (False, "suspended")
    assert case.record_id == record.id
