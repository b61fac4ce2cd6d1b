"""Who asks for what is not theirs, or not yet, or not at all: rows 1 to 32."""

import io
import re
import secrets
from collections import defaultdict
from datetime import datetime, timedelta
from pathlib import Path

import pytest
import time_machine
from sqlalchemy import select
from werkzeug.routing import AnyConverter

import repair_app
from repair_app.db import db, today
from repair_app.engine import machine
from repair_app.models import Case, Document, Event, Letter, Organisation, Role, User
from repair_app.services.policy import current_policy
from repair_app.services.transaction import transaction
from repair_app.web.door import MACHINES, PUBLIC, rule_of
from tests.factories import (
    PDF,
    act,
    annul_record,
    get_case,
    leave_office,
    make_account,
    make_appointment,
    make_case,
    make_pdf,
    make_record,
    make_upload,
    requirement_of,
)
from tests.imports.test_notices import annulment
from tests.journeys.steps import certify

one_store = pytest.mark.parametrize("stage", ["sqlite"], indirect=True)  # no query is special
METHODS = ("GET", "POST", "PUT", "PATCH", "DELETE")
SAMPLES = {"ref": "YY-2026-000001-U", "token": "x" * 32, "workflow": "objection", "name": "accept"}


@one_store
def test_row_01_cve_2026_44208_nobody_gets_past_the_door_by_any_method(app, anybody, digest):
    sent = {"csrf_token": anybody.token()}  # or the form's own guard refuses before the door does
    before = digest()
    tried = 0
    for rule in app.url_map.iter_rules():
        admits = rule_of(app, rule.endpoint)
        if admits in {PUBLIC, MACHINES} or rule.build(sample_of(rule)) is None:
            continue
        address = rule.build(sample_of(rule))[1]
        for method in METHODS:
            answer = anybody.open(address, method=method, data=sent)
            tried += 1
            refused = answer.status_code in {401, 405}
            led_away = answer.status_code == 302 and "/login" in answer.location
            assert refused or led_away, f"{method} {address}: {answer.status_code}"
    assert tried > 400
    assert digest() == before


def sample_of(rule):
    """Return values for the parts of an address that change: such as a real address has."""
    return {name: sample_for(rule, name) for name in rule.arguments}


def sample_for(rule, name):
    """Return a value that a part of an address can have."""
    converter = rule._converters[name]
    if isinstance(converter, AnyConverter):
        return min(converter.items)
    if rule.endpoint == "exports.ask":
        return "cases"  # a list that there is
    return SAMPLES.get(name, "1")


@one_store
def test_rows_02_03_04_cve_2025_53640_what_is_anothers_is_answered_like_nothing(as_, world, digest):
    case = make_case(world, "with_provider")
    document = db.session.scalars(select(Document).where(Document.case_id == case.id)).first()
    letter = db.session.scalars(select(Letter)).first()
    before = digest()
    for name in ("stranger", "other_provider", "officer"):
        client = as_(getattr(world, name))
        unknown = client.get("/cases/YY-2026-999999-Z")
        for address in (
            f"/cases/{case.ref}",
            f"/documents/{document.ref}",
            f"/documents/{document.ref}/view",
            f"/letters/{letter.ref}",
            f"/letters/{letter.ref}.pdf",
            f"/cases/{case.ref}/confirm",
        ):
            answer = client.get(address)
            assert answer.status_code == 404, f"{name} {address}"
            assert answer.words == unknown.words
        data = {"csrf_token": client.token(), "version": str(case.version), "findings": "属实。"}
        for step in ("confirm", "withdraw", "accept", "sign_removal"):
            assert client.post(f"/cases/{case.ref}/{step}", data=data).status_code == 404
    assert digest() == before


@one_store
def test_rows_05_10_who_holds_no_office_in_the_case_takes_no_step(as_, world, digest):
    case = make_case(world, "submitted")
    before = digest()
    for name in ("upper_reviewer", "administrator", "auditor"):
        client = as_(getattr(world, name))
        data = {"csrf_token": client.token(), "version": str(case.version)}
        for step in ("accept", "refuse", "discard", "withdraw"):
            status = client.post(f"/cases/{case.ref}/{step}", data=data).status_code
            assert status in {403, 404}, f"{name} {step}"
    assert digest() == before


def upload(client, page):
    """Upload a file for a form that is not sent yet, as its page does; return its token."""
    file = io.BytesIO(PDF), "密.pdf"
    data = {"csrf_token": client.token(), "draft_page": page, "evidence": file}
    answer = client.post("/uploads", data=data)
    assert answer.status_code == 200, answer.get_data(as_text=True)
    return answer.json["item"].partition('value="')[2].partition('"')[0]


@one_store
def test_row_06_cve_2026_20912_a_file_that_another_uploaded_is_no_file(as_, world):
    """Neither a stranger's file, nor one of one's own that waits for another form."""
    mine, other, theirs = (
        make_record(one, world.agency) for one in (world.firm, world.firm, world.other_firm)
    )
    subject, page = as_(world.subject), f"/records/{mine.ref}/objection"
    tokens = [
        upload(as_(world.stranger), f"/records/{theirs.ref}/objection"),
        upload(subject, f"/records/{other.ref}/objection"),
    ]
    assert all(re.fullmatch(r"[A-Za-z0-9_-]{32}", one) for one in tokens)
    fields = subject.read(page).fields.to_dict(flat=False)
    subject.post(page, data={**fields, "statement": "有误。", "staged": tokens})
    assert db.session.scalars(select(Document)).all() == []


@one_store
def test_row_12_cve_2021_44460_a_closed_account_is_out_at_once(as_, machine, world):
    account = make_account(world.firm, Role.SUBJECT)
    client, system = as_(account), machine(account)
    token = {"csrf_token": client.token()}
    assert client.get("/my").status_code == 200
    assert system.get("/cases").status_code == 200
    with transaction() as session:
        session.get_one(User, account.id).active = False
    assert client.get("/my").status_code == 302
    assert client.post("/settings", data=token).status_code in {400, 401}
    assert system.get("/cases").status_code == 401
    assert system.ask_token().status_code == 401


@one_store
def test_rows_11_15_static_no_page_is_changed_by_reading(app):
    """HEAD, OPTIONS and GET are all that a page has beside POST; nothing answers to others."""
    for rule in app.url_map.iter_rules():
        if rule_of(app, rule.endpoint) != MACHINES:
            assert rule.methods <= {"GET", "HEAD", "OPTIONS", "POST"}, rule.endpoint
        assert not rule.methods & {"TRACE", "CONNECT"}, rule.endpoint


@one_store
def test_row_15_trace_and_overrides_are_not_obeyed(as_, world, digest):
    case = make_case(world, "submitted")
    client = as_(world.reviewer)
    token = client.token()
    before = digest()
    assert client.open(f"/cases/{case.ref}", method="TRACE").status_code == 405
    for header in ("X-HTTP-Method-Override", "X-Method-Override", "X-HTTP-Method"):
        answer = client.get(
            f"/cases/{case.ref}/accept?_method=POST&csrf_token={token}", headers={header: "POST"}
        )
        assert answer.status_code == 200
    assert digest() == before


@one_store
def test_rows_16_17_18_nobody_decides_on_both_sides(as_, world, digest):
    """Torn: reviewer and the firm's; again: the reviewer's second account; both: verifies too."""
    both = make_account(world.agency, Role.PROVIDER)
    make_appointment(both, world.centre, Role.REVIEWER)
    case = make_case(world, "with_provider")
    act(both, "confirm", case)
    first = make_case(world, "confirmed", record=make_record(world.firm, world.agency))
    act(world.reviewer, "announce_rejection", first)
    act(world.subject, "state_views", get_case(first.ref))
    before = digest()
    for account, ref, step in (
        (both, case.ref, "announce_rejection"),
        (world.torn_reviewer, case.ref, "announce_rejection"),
        (world.reviewer_again, first.ref, "sign_rejection"),
        (world.reviewer, first.ref, "sign_rejection"),
        (world.torn_reviewer, first.ref, "sign_rejection"),
    ):
        client = as_(account)
        data = {
            "csrf_token": client.token(),
            "version": str(get_case(ref).version),
            "form_token": secrets.token_urlsafe(24),
            **dict.fromkeys(("reason", "weighing", "remedy", "findings"), "理由。"),
        }
        status = client.post(f"/cases/{ref}/{step}", data=data).status_code
        assert status in {403, 409}, f"{account.email} {step}: {status}"
    assert digest() == before


JUNK = [
    "to_closed",
    "to_executed",
    "__class__",
    "state",
    "trigger",
    "may_accept",
    "x" * 10_000,
    "受理",
]


@one_store
def test_rows_19_20_cve_2012_4733_a_step_that_there_is_not_is_not_taken(as_, world, digest):
    case = make_case(world, "submitted")
    before = digest()
    for name in ("subject", "reviewer", "provider"):
        client = as_(getattr(world, name))
        data = {"csrf_token": client.token(), "version": str(case.version), "state": "closed"}
        for step in JUNK:
            answer = client.post(f"/cases/{case.ref}/{step}", data=data)
            assert answer.status_code in {404, 405}, f"{name} {step[:20]}"
    # Steps of the workflow that are not open now.
    client = as_(world.second_reviewer)
    data = {"csrf_token": client.token(), "version": str(case.version), "reason": "x"}
    for step in ("sign_removal", "sign_correction", "decide_removal"):
        assert client.post(f"/cases/{case.ref}/{step}", data=data).status_code == 409
    assert digest() == before


@one_store
def test_row_19_control_the_library_would_offer_a_way_into_every_state(world, monkeypatch):
    """Why `auto_transitions` is off: without that, `to_closed` passes over every guard."""
    workflow = current_policy().workflow_of(make_case(world, "submitted"))
    ways = {f"to_{one}" for one in workflow.states}
    assert "to_closed" in ways
    guards, effects = defaultdict(lambda: None), defaultdict(lambda: lambda _step: None)
    assert not ways & machine.build_machine(workflow, guards, effects).machine.events.keys()
    ours = machine.Machine

    def as_the_library_has_it(**settings):
        return ours(**settings | {"auto_transitions": True})

    monkeypatch.setattr(machine, "Machine", as_the_library_has_it)
    assert ways <= machine.build_machine(workflow, guards, effects).machine.events.keys()


@one_store
def test_row_26_what_the_client_says_of_time_is_not_read(as_, world):
    case = make_case(world, "draft")
    client = as_(world.subject)
    page = client.read(f"/cases/{case.ref}/submit")
    lied = {"submitted_at": "2020-01-01T00:00:00", "date": "2020-01-01", "tz": "UTC"}
    headers = {"Date": "Wed, 01 Jan 2020 00:00:00 GMT"}
    answer = client.post(f"/cases/{case.ref}/submit", data={**page.fields, **lied}, headers=headers)
    assert answer.status_code == 302
    assert get_case(case.ref).submitted_at.year >= 2026


@one_store
def test_row_26_a_day_ends_at_midnight_in_shanghai(as_, world):
    """Filed at 23:59:59 it is of that day, a second later of the next: the term says so."""
    filed = []
    for moment in ("2026-11-23T15:59:59+00:00", "2026-11-23T16:00:00+00:00"):
        with time_machine.travel(datetime.fromisoformat(moment), tick=False):
            case = make_case(world, "draft", record=make_record(world.firm, world.agency))
            assert as_(world.subject).fill(f"/cases/{case.ref}/submit").status_code == 302
            terms = get_case(case.ref).deadlines
            (term,) = [one for one in terms if one.met_at is None and not one.whole]
            filed.append((term.starts_on.isoformat(), (term.due_on - term.starts_on).days))
    assert [day for day, _ in filed] == ["2026-11-23", "2026-11-24"]
    assert filed[0][1] == filed[1][1] > 0  # no weekend within


@pytest.mark.parametrize(
    "what",
    [
        "repair_app.ledger.append",  # its event, the first thing that a step writes
        "repair_app.engine.machine.settle",  # its state and its term
        "repair_app.services.cases.remember",  # the last thing that it does
    ],
)
@one_store
def test_row_28_what_fails_in_a_step_undoes_the_step(as_, world, digest, monkeypatch, what):
    case = make_case(world, "submitted")
    client = as_(world.reviewer)
    page = client.read(f"/cases/{case.ref}/accept")
    before = digest()

    def fail(*_args, **_kwargs):
        raise RuntimeError("in the middle")

    monkeypatch.setattr(what, fail)
    client.application.testing, kept = False, client.application.testing
    client.application.config["PROPAGATE_EXCEPTIONS"] = False
    try:
        answer = client.send(page, f"/cases/{case.ref}/accept")
    finally:
        client.application.testing = kept
        client.application.config["PROPAGATE_EXCEPTIONS"] = None
    assert answer.status_code == 500
    assert "in the middle" not in answer.html
    assert "Traceback" not in answer.html
    assert digest() == before
    monkeypatch.undo()
    assert client.send(page, f"/cases/{case.ref}/accept").status_code == 302


@one_store
def test_row_29_the_event_names_the_hash_of_what_was_filed_and_it_stays(as_, world):
    paper = make_upload(make_pdf("原件"))
    case = make_case(world, "submitted", uploads=[paper])
    document = db.session.scalars(select(Document).where(Document.case_id == case.id)).one()
    said = [
        one.payload
        for one in db.session.scalars(select(Event).where(Event.stream == case.record.ref))
    ]
    said += [
        one.payload for one in db.session.scalars(select(Event).where(Event.entity == case.ref))
    ]
    assert any(document.sha256 in str(one) for one in said)
    client = as_(world.subject)
    data = {"csrf_token": client.token()}
    assert client.post(f"/documents/{document.ref}/remove", data=data).status_code >= 400
    assert len(get_case(case.ref).documents) == 1


@one_store
def test_row_31_on_a_ground_one_objection_is_open_and_another_firm_has_none(as_, world, digest):
    case = make_case(world, "accepted")
    client = as_(world.subject)
    before = digest("staged_upload", "draft")
    answer = client.fill(
        f"/records/{case.record.ref}/objection",
        ground="error",
        statement="再说一遍。",
        value_fine_10k="1",
        evidence=(PDF, "a.pdf"),
        button="submit_now",
    )
    assert answer.status_code in {400, 409}
    # Another firm has none: the record is not about it.
    sent = {**form_fields(client, case.record.ref), "csrf_token": as_(world.stranger).token()}
    answer = as_(world.stranger).post(f"/records/{case.record.ref}/objection", data=sent)
    assert answer.status_code == 403
    assert digest("staged_upload", "draft") == before


def form_fields(client, ref):
    """Return what the form of an objection sends."""
    return {
        **client.read(f"/records/{ref}/objection").fields,
        "ground": "error",
        "statement": "有误。",
        "value_fine_10k": "1",
    }


@one_store
def test_row_32_a_record_that_is_gone_is_not_disputed(as_, world, digest):
    """Removed by its provider: no objection, and nobody is shown a form that would not be taken."""
    record = make_record(world.firm, world.agency)
    annul_record(world, record)
    client = as_(world.subject)
    data = {
        "csrf_token": client.token(),
        "ground": "error",
        "statement": "有误。",
        "value_fine_10k": "1",
        "version": "0",
        "form_token": secrets.token_urlsafe(24),
        "submit_now": "y",
    }
    before = digest("staged_upload")
    answer = client.post(f"/records/{record.ref}/objection", data=data)
    assert answer.status_code in {404, 409}
    assert digest("staged_upload") == before
    assert db.session.scalars(select(Case).where(Case.workflow == "objection")).all() == []


@one_store
def test_row_32_nor_is_one_whose_term_is_over(as_, world, digest):
    record = make_record(world.firm, world.agency, decided_days_ago=6 * 365)
    client = as_(world.subject)
    before = digest("staged_upload")
    data = {"csrf_token": client.token(), "ground": "error", "statement": "有误。", "version": "0"}
    answer = client.post(
        f"/records/{record.ref}/objection",
        data={**data, "value_fine_10k": "1", "form_token": secrets.token_urlsafe(24)},
    )
    assert answer.status_code in {404, 409}
    assert digest("staged_upload") == before


@one_store
def test_row_13_who_left_the_office_is_refused_at_the_next_click(as_, world, digest):
    case = make_case(world, "submitted")
    client = as_(world.reviewer)
    page = client.read(f"/cases/{case.ref}/accept")
    leave_office(world.reviewer)
    before = digest()
    answer = client.send(page, f"/cases/{case.ref}/accept")
    assert answer.status_code in {403, 404}
    assert digest() == before


# --- row 14: the same act by another way ----------------------------------------------------------


# That something was sent to the interface, and what became of it, is kept.
NOTED = ("kept_answer", "form_token", "import_batch", "import_row", "ref_counter")


def stepped_in_bulk(client, ref, step, version):
    """Send a step as the worklist does for several matters; return the status."""
    sent = {
        "csrf_token": client.token(),
        "matter": f"cases {ref}",
        "step": f"objection.{step}",
        f"token:{ref}": secrets.token_urlsafe(24),
        f"version:{ref}": str(version),
    }
    return client.post("/work/steps/take", data=sent).status_code


@one_store
def test_row_14_cve_2021_30164_what_is_refused_on_the_page_is_refused_by_every_other_way(
    as_, machine, world, digest
):
    """Another agency: page, interface, many at once, a note, a notice about the record."""
    case = make_case(world, "with_provider")
    ref, version, record = case.ref, case.version, case.record.ref
    done = make_case(world, "executed", record=make_record(world.firm, world.agency))
    to_confirm = done.ref, "confirm_execution", done.version  # which its agency does in bulk
    client, system = as_(world.other_provider), machine("other_provider")
    before = digest(*NOTED)
    data = {"csrf_token": client.token(), "version": str(version), "findings": "属实。"}
    assert client.post(f"/cases/{ref}/confirm", data=data).status_code == 404
    body = {"version": version, "answers": {"findings": "属实。"}}
    assert system.post(f"/cases/{ref}/steps/confirm", body).status_code == 404
    assert stepped_in_bulk(client, *to_confirm) == 404
    own = {"account": str(world.other_provider.id), "ref": ref, "matter": f"cases {ref}"}
    assert client.post("/work/assign", data={**data, **own}).status_code == 404
    assert client.post(f"/cases/{ref}/notes", data={**data, "note": "x"}).status_code == 404
    assert system.post(f"/cases/{ref}/notes", {"note": "x"}).status_code in {403, 404}
    assert system.post(f"/records/{record}/matters/annulment", body).status_code in {403, 404}
    told = system.post("/records/notices", {"notices": [annulment(case.record)]})
    assert told.status_code == 200
    assert [one["verdict"] for one in told.json["items"]] == ["refused"]
    assert digest(*NOTED) == before
    assert (get_case(ref).state, get_case(ref).version) == ("with_provider", version)


def test_row_14_pypi_2026_6_nothing_is_done_by_a_mail_that_comes_in():
    """No module reads mails: what is refused elsewhere cannot be asked for by one."""
    readers = "imaplib|poplib|mailbox|smtpd|aiosmtpd"
    reads = re.compile(rf"^\s*(?:import|from) (?:{readers})\b", re.MULTILINE)
    for file in Path(repair_app.__file__).parent.rglob("*.py"):
        assert not reads.search(file.read_text(encoding="utf-8")), file.name


# --- row 27: repair that is not due ---------------------------------------------------------------


def hinder(world, hindrance):
    """Return a record that cannot be repaired, and what the answer says of it."""
    firm, agency = world.firm, world.agency
    if hindrance == "never":
        severity = {"severity": "specific_serious", "decided_days_ago": 800}
        return make_record(firm, agency, **severity), "不予修复"
    if hindrance == "too early":
        record = make_record(firm, agency, decided_days_ago=20)
        day = record.min_publication_until + timedelta(days=1)
        return record, f"{day.year}年{day.month}月{day.day}日"
    record = make_record(firm, agency)
    day = today() + timedelta(days=100)
    with transaction() as session:
        session.get_one(Organisation, firm.id).barred_until = day
    return record, f"{day.year}年{day.month}月{day.day}日"


@pytest.mark.parametrize("hindrance", ["never", "too early", "barred"])
@one_store
def test_row_27_repair_that_is_not_due_is_begun_by_no_way_and_the_reason_is_said(
    as_, machine, world, digest, hindrance
):
    record, said = hinder(world, hindrance)
    client, system = as_(world.subject), machine("subject")
    before = digest("staged_upload", "draft", "kept_answer")
    page = client.fill(f"/records/{record.ref}/repair", statement="已整改。")
    assert page.status_code == 409
    assert said in page.words
    assert page.fields["statement"] == "已整改。"
    body = {"version": 0, "answers": {"statement": "已整改。"}}
    answer = system.post(f"/records/{record.ref}/matters/repair", body)
    assert answer.status_code == 409
    assert answer.json["code"] == "refused"
    assert digest("staged_upload", "draft", "kept_answer") == before


@one_store
def test_row_27_while_the_record_is_disputed_no_repair_is_granted(as_, world):
    record = make_record(world.firm, world.agency)
    case = make_case(world, "grant_proposed", workflow="repair", record=record)
    make_case(world, "accepted", record=record)
    page = as_(world.second_reviewer).fill(f"/cases/{case.ref}/sign_grant")
    assert page.status_code == 409
    assert page.having("alert-danger")
    assert get_case(case.ref).state == "grant_proposed"


# --- row 30: numbers of certificates --------------------------------------------------------------


def enrol_for_training(world, subject, firm):
    """Return the reference of a training that a firm asked for its serious record."""
    record = make_record(firm, world.agency, severity="serious", decided_days_ago=300)
    case = make_case(world, "draft", workflow="repair", record=record, subject=subject)
    training = requirement_of(case, "training")
    act(subject, "enrol", training, institution_id=world.training_house.id)
    return training.ref


@one_store
def test_row_30_a_certificate_serves_one_firm_once(as_, world, digest):
    """Of another firm, used before by another or by the same firm, run out already: refused."""
    own = enrol_for_training(world, world.subject, world.firm)
    again = enrol_for_training(world, world.subject, world.firm)
    others = enrol_for_training(world, world.stranger, world.other_firm)
    client = as_(world.institution)
    assert certify(client, "confirm_training", own, "培训7号").status_code == 302
    before = digest()
    refused = [
        certify(client, "confirm_training", others, "培训7号"),
        certify(client, "confirm_training", again, "培训7号"),
        certify(client, "confirm_training", again, "培训8号", uscc=world.other_firm.uscc),
        client.fill(
            f"/requirements/{again}/confirm_training",
            number="培训9号",
            uscc=world.firm.uscc,
            issued_on=(today() - timedelta(days=30)).isoformat(),
            valid_until=(today() - timedelta(days=1)).isoformat(),
        ),
    ]
    assert {one.status_code for one in refused} <= {400, 409}
    assert digest() == before
    assert certify(client, "confirm_training", again, "培训10号").status_code == 302
