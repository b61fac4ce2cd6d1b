"""The gate: "may I enforce now?", answered as the pages answer it, signed, logged; and reports."""

import base64
import json
from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta
from functools import partial
from types import SimpleNamespace

import pytest
import time_machine
from babel.dates import format_date
from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey
from flask import Flask
from sqlalchemy import select, update

from repair_app import ledger, receipts
from repair_app.db import db, now, today
from repair_app.models import Case, Enquiry, Event, Sanction, SanctionMeasure
from repair_app.services import gate
from repair_app.services.transaction import transaction
from tests.factories import (
    act,
    annul_record,
    get_case,
    initiate_sanction,
    make_case,
    make_record,
    make_sanction,
    make_uscc,
    open_matter,
)

DAY = timedelta(days=1)
WHY = "招标资格审查"


@pytest.fixture
def record(world):
    return make_record(world.firm, world.agency)


@pytest.fixture
def sanction(record, world):
    """Give a measure in force for ninety days."""
    return make_sanction(record, world.officer, ends_on=today() + 90 * DAY)


def ask(system, uscc, measure="A01", purpose=WHY):
    asked = {"uscc": uscc, "measure": measure, "purpose": purpose}
    return system.get("/enforceable", query_string=asked)


def verify(receipt, keys):
    """Verify as a stranger does: by the published keys and the library of signatures alone."""

    def decode(text):
        return base64.urlsafe_b64decode(text + "=" * (-len(text) % 4))

    head, payload, signature = receipt.split(".")
    header = json.loads(decode(head))
    assert header["alg"] == "EdDSA"
    [key] = [one for one in keys["keys"] if one["kid"] == header["kid"]]
    public = Ed25519PublicKey.from_public_bytes(decode(key["x"]))
    public.verify(decode(signature), f"{head}.{payload}".encode())
    return json.loads(decode(payload))


# --- the verdicts, from the policy ----------------------------------------------------------------


def in_verification(world, record, sanction):
    make_case(world, "accepted", record=record)


def rejected(world, record, sanction):
    make_case(world, "rejected", record=record)


def repaired(world, record, sanction):
    make_case(world, "executed", workflow="repair", record=record)


def annulled(world, record, sanction):
    annul_record(world, record)


def shielded(world, record, sanction):
    case = open_matter("shield", record, world.subject)
    act(world.reviewer, "propose_shield", case)
    act(world.second_reviewer, "sign_shield", get_case(case.ref))


def lifted(world, record, sanction):
    act(world.officer, "lift", sanction)


def taken_off_the_list(world, record, sanction):
    with transaction() as session:
        session.execute(update(SanctionMeasure).values(withdrawn_on=today()))


def for_serious_records_only(world, record, sanction):
    with transaction() as session:
        session.execute(update(SanctionMeasure).values(classes=["serious"]))


@pytest.mark.parametrize(
    ("happens", "state", "document"),
    [
        (None, "enforceable", "SD-GOV-2017-44"),
        (in_verification, "suspended", "SD-GOV-2017-44"),  # 二（四）20
        (rejected, "enforceable", "SD-GOV-2017-44"),  # restored as it was
        (repaired, "record_ended", "SD-CREDIT-2021-5"),  # （八）
        (annulled, "record_ended", "SD-GOV-2017-44"),
        (shielded, "shielded", "CN-2025-22"),
        (lifted, "ended", "SD-GOV-2017-44"),
        (taken_off_the_list, "not_listed", "SD-DRC-35"),  # 四（十三）
        (for_serious_records_only, "not_for_class", "SD-GOV-2017-44"),
    ],
)
def test_the_gate_says_no_where_the_policy_does(
    machine, world, record, sanction, happens, state, document
):
    if happens:
        happens(world, record, sanction)
    one = machine("officer")
    answer = ask(one, world.firm.uscc).json
    assert (answer["state"], answer["enforceable"]) == (state, state == "enforceable")
    assert answer["basis"]["document"] == document
    assert answer["reason"]["zh"] != answer["reason"]["en"]
    assert [(one["ref"], one["state"]) for one in answer["sanctions"]] == [(sanction.ref, state)]
    event = db.session.scalars(select(Event).where(Event.hash == answer["event"]["hash"])).one()
    assert (event.stream, event.seq) == (answer["event"]["stream"], answer["event"]["seq"])
    assert event.entity == (record.ref if state in {"record_ended", "shielded"} else sanction.ref)
    assert verify(answer.pop("receipt"), one.get("/keys").json) == answer


def test_a_measure_is_enforced_in_its_term_only(machine, world, record, sanction):
    """鲁政发〔2017〕44号 二（四）19."""
    for days, state in ((0, "enforceable"), (90, "enforceable"), (91, "outside_term")):
        with time_machine.travel(now() + days * DAY, tick=False):
            answer = ask(machine("officer"), world.firm.uscc).json
        assert (answer["state"], answer["day"]) == (state, str(today() + days * DAY))


def test_what_was_initiated_binds_once_it_is_accepted(machine, world, record):
    """鲁政发〔2017〕44号 二（四）16."""
    one = machine("officer")
    initiated = initiate_sanction(record, world.provider, world.department, code="A05")
    assert ask(one, world.firm.uscc, "A05").json["state"] == "not_accepted"
    act(world.officer, "decline", initiated)
    assert ask(one, world.firm.uscc, "A05").json["state"] == "declined"
    again = initiate_sanction(record, world.provider, world.department, code="A05")
    act(world.officer, "accept", again)
    assert ask(one, world.firm.uscc, "A05").json["state"] == "enforceable"


def test_one_of_several_sanctions_is_enough(machine, world, record, sanction):
    other = make_sanction(make_record(world.firm, world.agency), world.officer)
    make_case(world, "accepted", record=other.record)
    answer = ask(machine("officer"), world.firm.uscc).json
    assert answer["enforceable"]
    listed = [(one["ref"], one["state"]) for one in answer["sanctions"]]
    assert listed == [(sanction.ref, "enforceable"), (other.ref, "suspended")]
    assert answer["sanctions_in_all"] == 2


def test_whom_a_measure_reaches_is_told_by_office_and_never_by_name(machine, world):
    """惩戒到人 (…四（十四）): the name is for those who carry it out, in the pages."""
    serious = make_record(world.firm, world.agency, severity="serious", decided_days_ago=300)
    measure = db.session.scalars(
        select(SanctionMeasure).where(SanctionMeasure.reaches_persons).order_by("id")
    ).first()
    code = measure.code
    given = {"code": code, "person": "张虚构", "person_role": "legal_representative"}
    initiated = initiate_sanction(serious, world.provider, world.department, **given)
    act(world.officer, "accept", initiated)
    answer = ask(machine("officer"), world.firm.uscc, code)
    assert answer.json["sanctions"][0]["reaches"] == "legal_representative"
    assert "张虚构" not in answer.get_data(as_text=True)
    rows = db.session.execute(select(Enquiry.__table__)).all()
    assert rows
    assert "张虚构" not in str(rows)


def test_what_others_imposed_is_not_the_departments_to_enforce(machine, world, record, sanction):
    answer = ask(machine("other_officer"), world.firm.uscc).json
    assert (answer["state"], answer["enforceable"]) == ("not_imposed", False)
    assert (answer["event"], answer["sanctions"]) == (None, [])


def test_what_is_not_known_is_answered_by_no(machine, world, record, sanction):
    one = machine("officer")
    assert ask(one, make_uscc()).json["state"] == "enterprise_not_known"
    unknown = ask(one, world.firm.uscc, "Z99").json
    assert (unknown["state"], unknown["enforceable"]) == ("measure_not_known", False)
    assert verify(unknown["receipt"], one.get("/keys").json)["state"] == "measure_not_known"


# --- many at a time -------------------------------------------------------------------------------


def test_a_batch_is_answered_in_its_order_each_with_a_receipt(machine, world, record, sanction):
    one = machine("officer")
    asked = [
        {"uscc": world.other_firm.uscc, "measure": "A01"},
        {"uscc": world.firm.uscc, "measure": "A01"},
        {"uscc": make_uscc(), "measure": "A01"},
        {"uscc": world.firm.uscc, "measure": "A02"},
        {"uscc": world.firm.uscc, "measure": "A01"},
    ]
    answers = one.post("/enforceable", {"purpose": WHY, "questions": asked}).json["answers"]
    assert [{name: one[name] for name in ("uscc", "measure")} for one in answers] == asked
    assert [one["state"] for one in answers] == [
        "not_imposed",
        "enforceable",
        "enterprise_not_known",
        "not_imposed",
        "enforceable",
    ]
    keys = one.get("/keys").json
    for answer in answers:
        assert verify(answer.pop("receipt"), keys) == answer
    assert len({one["id"] for one in answers}) == 5


def test_a_batch_of_a_thousand_is_taken_and_one_more_is_not(machine, world, record, sanction):
    one = machine("officer")
    asked = [{"uscc": world.firm.uscc, "measure": "A01"}] * 1000
    answer = one.post("/enforceable", {"purpose": WHY, "questions": asked})
    assert len(answer.json["answers"]) == 1000
    assert count_enquiries() == 1000
    more = one.post("/enforceable", {"purpose": WHY, "questions": [*asked, asked[0]]})
    assert (more.status_code, more.json["code"]) == (422, "invalid")
    assert count_enquiries() == 1000


def test_of_a_malformed_batch_each_mistake_is_named_and_nothing_is_asked(machine, world, digest):
    one = machine("officer")
    good = {"uscc": world.firm.uscc, "measure": "A01"}
    wrong = [good, {**good, "uscc": "91370112MA0000001"}, good, {**good, "measure": "a'--"}]
    before = digest()
    answer = one.post("/enforceable", {"purpose": WHY, "questions": wrong})
    assert answer.status_code == 422
    assert {one["field"] for one in answer.json["errors"]} == {
        "questions.1.uscc",
        "questions.3.measure",
    }
    assert one.post("/enforceable", {"purpose": "", "questions": [good]}).status_code == 422
    assert one.post("/enforceable", {"questions": [good]}).status_code == 422
    assert one.post("/enforceable", {"purpose": WHY, "questions": []}).status_code == 422
    for empty in ("a\x07b", "  ", "\u3000", "a\u202eb", "a\x85b"):
        assert ask(one, world.firm.uscc, purpose=empty).status_code == 422, repr(empty)
    assert ask(one, "x" * 5000).status_code == 422
    assert digest() == before


# --- who may ask, and what is written down --------------------------------------------------------


def count_enquiries():
    db.session.rollback()
    return db.session.query(Enquiry).count()


def test_the_asking_is_logged_once_with_its_purpose(machine, world, record, sanction):
    one = machine("officer")
    answer = ask(one, world.firm.uscc).json
    [entry] = db.session.scalars(select(Enquiry))
    told = (entry.client, entry.purpose, entry.uscc, entry.measure, entry.state, entry.answer)
    assert told == (one.client_id, WHY, world.firm.uscc, "A01", "enforceable", answer["id"])
    assert entry.organisation_id == world.department.id
    event = db.session.get(Event, entry.event_id)
    assert event.hash == answer["event"]["hash"]


def test_auditors_read_every_question_and_enterprises_which_office_asked(
    machine, world, record, sanction, as_
):
    one = machine("officer")
    ask(one, world.firm.uscc)
    ask(machine("other_officer"), world.firm.uscc, "A02")
    auditor = as_(world.auditor)
    page = auditor.get("/audit/enquiries").text
    assert all(
        told in page for told in (one.client_id, WHY, world.firm.uscc, world.department.name)
    )
    other = auditor.get(f"/audit/enquiries?uscc={world.other_department.uscc}").text
    assert world.other_department.name in other
    assert one.client_id not in other
    assert "is-invalid" in auditor.get("/audit/enquiries?uscc=91").text
    seen = as_(world.subject).get("/my/viewings").text
    assert world.department.name in seen
    assert world.other_department.name in seen
    assert WHY not in seen
    assert world.department.name not in as_(world.stranger).get("/my/viewings").text


def test_the_page_hands_out_the_same_answer_with_its_receipt(world, record, sanction, as_, machine):
    make_case(world, "accepted", record=record)
    officer = as_(world.officer)
    page = officer.get(f"/enforce?uscc={world.firm.uscc}")
    answer = officer.send(page, f"/enforce/{sanction.ref}/receipt")
    assert answer.status_code == 200
    told = verify(answer.text.strip(), machine("officer").get("/keys").json)
    assert (told["state"], told["sanctions"][0]["ref"]) == ("suspended", sanction.ref)
    assert told["asked_by"] == {"organisation": world.department.uscc, "client": None}
    assert count_enquiries() == 1
    other = as_(world.other_officer)
    refused = other.post(f"/enforce/{sanction.ref}/receipt", data={"csrf_token": other.token()})
    assert refused.status_code == 404
    assert count_enquiries() == 1


def test_only_departments_ask_and_only_with_the_scope(machine, world, record, sanction):
    for name in ("reviewer", "provider", "subject", "auditor"):
        refused = ask(machine(name), world.firm.uscc)
        assert (refused.status_code, refused.json["code"]) == (403, "not_allowed")
    narrow = machine("officer", ["cases:read", "cases:write"])
    report = {"sanction": sanction.ref, "outcome": "executed", "happened_on": str(today())}
    for refused in (
        ask(narrow, world.firm.uscc),
        narrow.post("/enforceable", {}),
        narrow.post("/executions", {**report, "why": "x"}),
    ):
        assert (refused.status_code, refused.json["code"]) == (403, "insufficient_scope")
    assert ask_without_token(narrow, world) == 401
    assert count_enquiries() == 0


def ask_without_token(system, world):
    asked = {"uscc": world.firm.uscc, "measure": "A01", "purpose": WHY}
    return system.get("/enforceable", query_string=asked, token="").status_code


# --- receipts -------------------------------------------------------------------------------------


def test_a_receipt_fails_when_anything_of_it_is_changed(machine, world, record, sanction, app):
    one = machine("officer")
    receipt, keys = ask(one, world.firm.uscc).json["receipt"], one.get("/keys").json
    assert verify(receipt, keys)["enforceable"] is True
    head, payload, signature = receipt.split(".")
    body = base64.urlsafe_b64decode(payload + "=" * (-len(payload) % 4))
    lie = body.replace(b'"enforceable":true', b'"enforceable":false')
    forged = base64.urlsafe_b64encode(lie).rstrip(b"=").decode()
    with pytest.raises(InvalidSignature):
        verify(f"{head}.{forged}.{signature}", keys)
    ring = gate.keyring()
    assert ring.open(receipt)["enforceable"] is True
    for place in range(0, len(receipt), 7):
        other = "A" if receipt[place] != "A" else "B"
        with pytest.raises(receipts.Invalid):
            ring.open(receipt[:place] + other + receipt[place + 1 :])
    for nonsense in ("", ".", "..", "a.b.c", "e30.e30.", "[" * 5000, "é.é.é", receipt + "="):
        with pytest.raises(receipts.Invalid):
            ring.open(nonsense)


def test_a_receipt_of_a_former_key_verifies_after_the_rotation(
    machine, world, record, sanction, app: Flask, tmp_path
):
    one = machine("officer")
    former = ask(one, world.firm.uscc).json["receipt"]
    runner = app.test_cli_runner()
    assert runner.invoke(args=["receipts", "rotate"]).exit_code == 0
    latest = ask(one, world.firm.uscc).json["receipt"]
    keys = one.get("/keys", token="")
    assert keys.headers["Cache-Control"].startswith("public")
    assert all("d" not in key for key in keys.json["keys"])
    assert verify(former, keys.json)["v"] == verify(latest, keys.json)["v"] == 1
    assert former.split(".")[0] != latest.split(".")[0]
    kept = (app.config["DATA_FOLDER"] / receipts.FILE).read_text()
    assert kept.count('"d"') == 1  # what signs no more is not kept either
    assert (app.config["DATA_FOLDER"] / receipts.FILE).stat().st_mode & 0o077 == 0
    file = tmp_path / "receipts.txt"
    file.write_text(f"{former}\n{latest}\n")
    assert runner.invoke(args=["receipts", "verify", str(file)]).exit_code == 0
    file.write_text(f"{former}\n{latest[:-8]}AAAAAAAA\n")
    told = runner.invoke(args=["receipts", "verify", str(file)])
    assert (told.exit_code, "receipt 2" in told.output) == (1, True)
    answers = json.dumps({"answers": [ask(one, world.firm.uscc).json]})
    assert runner.invoke(args=["receipts", "verify", "-"], input=answers).exit_code == 0


@pytest.mark.parametrize("change", [{"enforceable": False}, {"uscc": "x"}, {"more": 1}])
def test_an_answer_that_says_something_else_than_its_receipt_is_told(
    machine, world, record, sanction, app: Flask, change
):
    answer = ask(machine("officer"), world.firm.uscc).json
    verify_it = partial(app.test_cli_runner().invoke, args=["receipts", "verify", "-"])
    assert verify_it(input=json.dumps(answer)).exit_code == 0
    told = verify_it(input=json.dumps(answer | change))
    assert (told.exit_code, "something else" in told.output) == (1, True)
    assert verify_it(input=json.dumps({"answers": [answer, answer | change]})).exit_code == 1


def test_signs_that_nobody_sees_are_no_purpose(machine, world, record, sanction):
    for unseen in ("\u200b", "招标\u2060", "\ufeff", "\u00ad", "\u202e"):
        answer = ask(machine("officer"), world.firm.uscc, purpose=unseen)
        assert (answer.status_code, answer.json["code"]) == (422, "invalid"), unseen


def test_nodes_that_share_a_secret_share_the_key(tmp_path):
    one, other = (receipts.find(tmp_path / name, "s" * 40) for name in ("a", "b"))
    assert other.open(one.sign(b'{"a":1}')) == {"a": 1}
    with pytest.raises(receipts.NoKey):
        receipts.find(tmp_path, "too short")
    for bad in ("{}", "[{}]", '{"keys": []}', '{"keys": [{"kty": "oct", "k": "AA"}]}', "{nonsense"):
        with pytest.raises(receipts.NoKey):
            receipts.Keyring.read(bad)
    rotated = one.rotate()
    again = receipts.Keyring.read(rotated.write())
    assert again.open(one.sign(b'{"a":1}')) == {"a": 1}
    assert again.published == rotated.published


def show(app, *options):
    told = app.test_cli_runner().invoke(args=["receipts", "show", *options])
    assert told.exit_code == 0, told.output
    return told.output.strip()


def test_a_deployment_that_began_with_a_plain_secret_exchanges_its_key(app, monkeypatch):
    """By the runbook: published first, then in use; at no step is a receipt without its key."""
    monkeypatch.setitem(app.config, "SIGNING_KEY", "s" * 40)
    signed = gate.keyring().sign(b'{"a":1}')
    public = show(app)
    assert '"d"' not in public
    assert json.loads(public) == gate.keyring().published
    assert json.loads(show(app, "--private"))["keys"][0]["kid"] == gate.keyring().key_id
    assert app.test_cli_runner().invoke(args=["receipts", "show", "--with-new"]).exit_code == 2

    announced = json.loads(show(app, "--private", "--with-new"))
    monkeypatch.setitem(app.config, "SIGNING_KEY", json.dumps(announced))
    during = gate.keyring()
    assert during.sign(b'{"a":1}') == signed  # the former signs still
    assert len(during.published["keys"]) == 2

    swapped = {"keys": [announced["keys"][1], announced["keys"][0]]}
    del swapped["keys"][1]["d"]
    monkeypatch.setitem(app.config, "SIGNING_KEY", json.dumps(swapped))
    after = gate.keyring()
    assert after.key_id == announced["keys"][1]["kid"] != during.key_id
    assert during.open(after.sign(b'{"a":2}')) == {"a": 2}  # who kept the keys for an hour has it
    assert after.open(signed) == {"a": 1}


# --- what was carried out -------------------------------------------------------------------------


def report(system, about, *, key="", **more):
    body = {
        "sanction": about.ref,
        "outcome": "executed",
        "happened_on": str(today()),
        "why": "已取消其投标资格。",
    }
    return system.post("/executions", body | more, key=key)


def test_what_was_carried_out_while_enforceable_is_kept(machine, world, record, sanction):
    one = machine("officer")
    answer = report(one, sanction)
    assert answer.status_code == 201, answer.json
    told = dict(answer.json)
    event = told.pop("event")
    assert told == {
        "sanction": sanction.ref,
        "state": "in_force",
        "incident": None,
        "remedy": None,
        "repeated": False,
        "corrects": None,
    }
    written = db.session.scalars(select(Event).where(Event.hash == event["hash"])).one()
    assert (written.entity, written.transition) == (sanction.ref, "report")
    [kept] = db.session.get(Sanction, sanction.id).executions
    assert (kept.executed, kept.happened_on, kept.incident) == (True, today(), None)


def test_what_was_carried_out_while_suspended_opens_its_remedy(machine, world, record, sanction):
    """鲁政发〔2017〕44号 二（四）20: it is not executed meanwhile, and what was is undone."""
    make_case(world, "accepted", record=record)
    one = machine("officer")
    asked = ask(one, world.firm.uscc).json
    assert asked["state"] == "suspended"
    answer = report(one, sanction)
    assert (answer.status_code, answer.json["incident"]) == (201, "suspended")
    remedy = db.session.scalars(select(Case).where(Case.workflow == "remedy")).one()
    assert answer.json["remedy"] == remedy.ref
    assert remedy.department_id == world.department.id
    assert remedy.record_id == record.id


def test_that_nothing_was_carried_out_is_no_incident(machine, world, record, sanction):
    make_case(world, "accepted", record=record)
    answer = report(machine("officer"), sanction, outcome="not_executed")
    assert (answer.status_code, answer.json["incident"]) == (201, None)
    [kept] = db.session.get(Sanction, sanction.id).executions
    assert kept.executed is False


def test_a_report_may_send_the_receipt_in_the_place_of_the_sanction(
    machine, world, record, sanction
):
    one = machine("officer")
    receipt = ask(one, world.firm.uscc).json["receipt"]
    answer = report(one, sanction, sanction=None, receipt=receipt)
    assert (answer.status_code, answer.json["sanction"]) == (201, sanction.ref)
    head, payload, signature = receipt.split(".")
    turned = signature[:10] + ("A" if signature[10] != "A" else "B") + signature[11:]
    forged = report(one, sanction, sanction=None, receipt=f"{head}.{payload}.{turned}")
    assert (forged.status_code, forged.json["errors"][0]["field"]) == (422, "receipt")
    none = ask(one, make_uscc()).json["receipt"]
    assert report(one, sanction, sanction=None, receipt=none).status_code == 422
    both = report(one, sanction, receipt=receipt)
    neither = report(one, sanction, sanction=None)
    assert both.status_code == neither.status_code == 422
    other = report(machine("other_officer"), sanction, sanction=None, receipt=receipt)
    assert other.status_code == 404


def test_a_report_that_is_sent_again_is_kept_once(machine, world, record, sanction):
    one = machine("officer")
    first, again = (report(one, sanction, key="monday") for _ in range(2))
    assert first.data == again.data
    assert len(db.session.get(Sanction, sanction.id).executions) == 1
    other = report(one, sanction, key="monday", outcome="not_executed")
    assert (other.status_code, other.json["code"]) == (422, "key_reused")


def executions_of(sanction):
    db.session.rollback()
    kept = db.session.get(Sanction, sanction.id).executions
    return [(one.executed, one.incident) for one in kept]


def remedies():
    db.session.rollback()
    return db.session.scalars(select(Case.ref).where(Case.workflow == "remedy")).all()


def test_the_same_report_under_another_key_is_answered_with_the_first(
    machine, world, record, sanction, digest
):
    """济阳信用办〔2020〕2号 （十）2 asks whether and when: a day is counted once."""
    make_case(world, "accepted", record=record)
    one, other = machine("officer"), machine("officer")
    first = report(one, sanction)
    assert (first.status_code, first.json["incident"]) == (201, "suspended")
    before = digest("kept_answer")
    for again in (report(one, sanction), report(other, sanction)):
        assert again.status_code == 200
        assert again.json == {**first.json, "repeated": True}
    assert digest("kept_answer") == before
    assert executions_of(sanction) == [(True, "suspended")]
    assert remedies() == [first.json["remedy"]]


def test_of_the_same_report_at_once_one_is_counted(app: Flask, machine, world, record, sanction):
    make_case(world, "accepted", record=record)
    systems = [machine("officer") for _ in range(4)]

    def send(system):
        with app.app_context():
            return report(system, sanction)

    ref = sanction.ref
    db.session.rollback()
    sanction = SimpleNamespace(ref=ref, id=sanction.id)
    with ThreadPoolExecutor(4) as pool:
        answers = list(pool.map(send, systems))
    assert sorted(one.status_code for one in answers) == [200, 200, 200, 201]
    assert len({one.json["event"]["hash"] for one in answers}) == 1
    assert executions_of(sanction) == [(True, "suspended")]
    assert len(remedies()) == 1


def test_other_words_about_the_same_day_are_kept_beside_the_first(machine, world, record, sanction):
    make_case(world, "accepted", record=record)
    one = machine("officer")
    first = report(one, sanction)
    again = report(one, sanction, why="误报：当日并未取消。")
    assert (again.status_code, again.json) == (200, {**first.json, "repeated": True})
    assert executions_of(sanction) == [(True, "suspended")]
    assert remedies() == [first.json["remedy"]]
    told = db.session.scalars(
        select(Event).where(Event.entity == sanction.ref, Event.transition == "report")
    )
    assert [ledger.texts_of(event)["account"] for event in told] == [
        "已取消其投标资格。",
        "误报：当日并未取消。",
    ]


def test_what_was_carried_out_is_not_taken_back_by_a_report(
    machine, world, record, sanction, digest
):
    """鲁政发〔2017〕44号 二（四）20: harm is undone because of it."""
    make_case(world, "accepted", record=record)
    one = machine("officer")
    report(one, sanction)
    before = digest("kept_answer")
    refused = report(one, sanction, outcome="not_executed", why="并未执行。")
    assert (refused.status_code, refused.json["code"]) == (409, "contradicts")
    assert "executed" in refused.json["mend"]
    assert format_date(today(), "long", locale="en") in refused.json["reasons"][0]
    assert digest("kept_answer") == before
    yesterday = str(today() - DAY)
    other_day = report(one, sanction, outcome="not_executed", happened_on=yesterday)
    assert other_day.status_code == 201


def test_what_was_carried_out_after_all_is_taken_and_refers_to_the_first(
    machine, world, record, sanction
):
    """What happened has happened: it may be what opens the remedy."""
    make_case(world, "accepted", record=record)
    one = machine("officer")
    first = report(one, sanction, outcome="not_executed", why="暂不执行。")
    assert (first.status_code, first.json["corrects"]) == (201, None)
    second = report(one, sanction)
    assert (second.status_code, second.json["incident"]) == (201, "suspended")
    assert second.json["corrects"] == first.json["event"]
    assert executions_of(sanction) == [(False, None), (True, "suspended")]
    assert remedies() == [second.json["remedy"]]


def test_what_is_carried_out_after_a_verification_began_is_no_repetition(
    machine, world, record, sanction
):
    one = machine("officer")
    assert report(one, sanction).json["incident"] is None
    make_case(world, "accepted", record=record)
    second = report(one, sanction)
    assert (second.status_code, second.json["incident"]) == (201, "suspended")
    assert executions_of(sanction) == [(True, None), (True, "suspended")]
    assert report(one, sanction).json == {**second.json, "repeated": True}


def test_the_page_counts_a_report_once_as_the_interface_does(
    machine, world, record, sanction, as_, digest
):
    one = machine("officer")
    first = report(one, sanction)
    assert first.status_code == 201
    officer = as_(world.officer)
    path = f"/sanctions/{sanction.ref}/report"
    said = {"happened_on": str(today()), "account": "已取消其投标资格。"}
    page = officer.get(path)
    before = digest("kept_answer", "form_token")
    sent = officer.send(page, path, executed="yes", **said)
    assert sent.status_code == 302
    assert "不重复计算" in officer.get(sent.location).text
    page = officer.get(path)
    refused = officer.send(page, path, executed="no", **said)
    assert refused.status_code == 409
    assert "不能以另一次反馈撤回" in refused.text
    assert "已取消其投标资格。" in refused.text  # what was typed stays
    assert digest("kept_answer", "form_token") == before
    assert executions_of(sanction) == [(True, None)]


def test_what_is_wrong_with_a_report_is_named_and_nothing_is_kept(
    machine, world, record, sanction, digest
):
    one, *others = (machine(name) for name in ("officer", "other_officer", "reviewer"))
    before = digest()
    for wrong, field in (
        ({"happened_on": str(today() + DAY)}, "happened_on"),
        ({"happened_on": "1900-01-01"}, "happened_on"),  # before the decision
        ({"happened_on": "yesterday"}, "happened_on"),
        ({"happened_on": 1763769600}, "happened_on"),
        ({"happened_on": "1763769600"}, "happened_on"),
        ({"happened_on": "2026-11-22T00:00:00"}, "happened_on"),
        ({"outcome": "perhaps"}, "outcome"),
        ({"why": ""}, "why"),
        ({"why": "   "}, "why"),
        ({"why": "长" * 100_000}, "why"),
    ):
        answer = report(one, sanction, **wrong)
        assert answer.status_code == 422, wrong
        assert field in {one["field"] for one in answer.json["errors"]}, answer.json
    assert [report(other, sanction).status_code for other in others] == [404, 403]
    assert digest() == before


def test_an_answer_is_kept_in_no_cache(machine, world, record, sanction):
    assert ask(machine("officer"), world.firm.uscc).headers["Cache-Control"] == "no-store"
