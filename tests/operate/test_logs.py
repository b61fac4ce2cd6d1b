"""Logs: one line for each request and job, of use to who operates, and nobody's data in it."""

import json
import logging
import subprocess
import sys
from datetime import timedelta

import pytest
from sqlalchemy import insert

from config import ROOT
from repair_app import logs
from repair_app.db import db, now
from repair_app.models import Draft, Organisation, Role
from repair_app.models.clients import SCOPES
from repair_app.services import clients, feed, timers
from repair_app.services.transaction import transaction
from repair_app.web import watching
from repair_app.web.door import public
from tests.client import make_client
from tests.factories import PASSWORD, PDF, make_account, make_case, make_record, make_sanction
from tests.journeys.steps import accept_and_forward, ref_in

NUMBER = "0123456789abcdef-proxy"


# --- a line for each request ------------------------------------------------------------------


def test_a_request_leaves_one_line_that_says_who_what_and_how_long(as_, world, logged):
    record = make_record(world.firm, world.agency)
    client = as_(world.reviewer)
    logged.read()
    answer = client.get(f"/records/{record.ref}?from=search")
    line = logged.lines("request")[-1]
    assert line["endpoint"] == "records.show"
    assert (line["method"], line["status"], line["ref"]) == ("GET", 200, record.ref)
    assert line["account"] == world.reviewer.id
    assert 0 < line["ms"] < 60_000
    assert line["request"] == answer.headers["X-Request-Id"]
    assert line["level"] == "info"
    assert line["time"].endswith("Z")
    assert len(logged.lines("request")) == len({one["request"] for one in logged.lines()})


def test_a_system_is_named_by_its_number_and_its_token_by_nothing(app, world, logged):
    seat = world.reviewer.current_appointments[0]
    issued = clients.register(None, seat, "System of the reviewer", tuple(SCOPES))
    number, name, secret = issued.client.id, issued.client.client_id, issued.secret
    db.session.rollback()
    asked = {"grant_type": "client_credentials"}
    answer = make_client(app).post("/api/v1/token", data=asked, auth=(name, secret))
    token = answer.json["access_token"]
    logged.read()
    bearing = {"Authorization": f"Bearer {token}"}
    assert make_client(app).get("/api/v1/cases", headers=bearing).status_code == 200
    line = logged.lines("request")[-1]
    assert (line["client"], line["status"]) == (number, 200)
    assert line["endpoint"].startswith("api")
    for one in (token, secret, name):
        assert one not in logged.text


def test_a_system_that_took_a_step_is_named_too(app, world, logged):
    """When the line is written, what was read of the system is forgotten: the step committed."""
    case = make_case(world, "submitted")
    seat = world.reviewer.current_appointments[0]
    issued = clients.register(None, seat, "System of the reviewer", tuple(SCOPES))
    number, name, secret = issued.client.id, issued.client.client_id, issued.secret
    version, ref = case.version, case.ref
    db.session.rollback()
    asked = {"grant_type": "client_credentials"}
    answer = make_client(app).post("/api/v1/token", data=asked, auth=(name, secret))
    headers = {"Authorization": f"Bearer {answer.json['access_token']}", "Idempotency-Key": "k"}
    for status, sent in ((409, version + 1), (200, version)):
        logged.read()
        step = f"/api/v1/cases/{ref}/steps/accept"
        assert make_client(app).post(step, json={"version": sent}, headers=headers).status_code == (
            status
        )
        line = logged.lines("request")[-1]
        assert (line["client"], line["status"], line["ref"]) == (number, status, ref)


def test_a_page_that_is_not_there_and_a_method_that_is_none_are_named_by_neither(anybody, logged):
    anybody.get("/someone@example.com/91370112MA0000000X")
    anybody.open("/", method="SOMEONE")
    first, second = logged.lines("request")
    assert (first["endpoint"], first["status"]) == ("none", 404)
    assert (second["method"], second["status"]) == ("other", 405)
    assert "example.com" not in logged.text
    assert "SOMEONE" not in logged.text


@pytest.mark.parametrize(
    ("behind", "given", "kept"),
    [
        ("https://credit.example", NUMBER, True),
        ("", NUMBER, False),  # no proxy to be believed: anybody can send a header
        ("https://credit.example", "short", False),
        ("https://credit.example", "x" * 65, False),
        ("https://credit.example", 'a"b{"level":"error"}', False),
        ("https://credit.example", "张三张三张三张三".encode().decode("latin-1"), False),
    ],
)
def test_the_number_of_a_request_is_the_proxys_only_if_it_can_be_one(
    app, anybody, logged, monkeypatch, behind, given, kept
):
    monkeypatch.setitem(app.config, "BASE_URL", behind)
    answer = anybody.get("/healthz", headers={"X-Request-Id": given})
    number = answer.headers["X-Request-Id"]
    assert (number == given) is kept
    assert watching.NUMBER.fullmatch(number)
    assert logged.lines("request")[-1]["request"] == number


def test_what_is_said_while_a_request_is_answered_bears_its_number(
    app, anybody, logged, monkeypatch
):
    def speak():
        logging.getLogger("repair_app").warning("said meanwhile")
        return {"said": "so"}

    monkeypatch.setitem(app.view_functions, "public.index", public(speak))
    answer = anybody.get("/")
    assert logged.lines("said meanwhile")[0]["request"] == answer.headers["X-Request-Id"]
    logging.getLogger("repair_app").warning("said afterwards")
    assert "request" not in logged.lines("said afterwards")[0]


def test_for_people_a_line_is_plain_and_cannot_be_forged(app, anybody, capsys):
    logs.set_up("plain")
    anybody.get("/healthz")
    line = capsys.readouterr().err.splitlines()[-1]
    assert "info request" in line
    assert "endpoint=health.healthz" in line
    logging.getLogger("repair_app").warning("one\n2026-01-01 error forged\x1b[2J")
    told = capsys.readouterr().err
    assert told.count("\n") == 1
    assert "\x1b" not in told


def test_a_kind_of_log_that_there_is_not_stops_the_start():
    with pytest.raises(ValueError, match="REDRESS_LOGS"):
        logs.set_up("xml")


# --- nothing personal -------------------------------------------------------------------------

WORDS = (
    "王虚构",
    "13900000001",
    "我在该公司财务部工作",
    "劳动合同",
    "陈述意见的一段话",
    "内部备注不得外传",
    "no-such-person@example.com",
)


def fail_with(message):
    def fail(*_, **__):
        raise ValueError(message)

    return fail


def break_a_rule_of_the_database(world):
    """As a fault of ours would: the driver quotes the row in its complaint."""
    with transaction() as session:
        row = {"uscc": world.firm.uscc, "name": "王虚构", "kind": "enterprise"}
        session.execute(insert(Organisation).values(created_at=now(), **row))


def break_a_check_of_the_database(world):
    with transaction() as session:
        draft = {"account_id": 10**9, "page": "王虚构", "values": {}, "saved_at": now()}
        session.execute(insert(Draft).values(draft))


def live_through(app, cast, anybody, world):
    """Have everybody do what leaves personal data; return what must not be in a log."""
    record = make_record(world.firm, world.agency)
    make_sanction(record, world.officer)
    account = make_account(world.firm, Role.SUBJECT, name="李虚构")
    token = feed.renew_token(world.subject)
    anybody.get(f"/?q={world.firm.name}")
    anybody.get(f"/?q={world.firm.uscc}")
    anybody.get(f"/feed/{token}.ics")
    anybody.get(f"/calendar/{token}.ics")
    anybody.post("/nowhere/王虚构", data={"contact": "13900000001"})
    anybody.fill("/login", email="no-such-person@example.com", password="我在该公司财务部工作")
    complaint = anybody.fill(
        f"/records/{record.ref}/complaint",
        ground="not_the_subject",
        capacity="employee",
        statement="我在该公司财务部工作",
        contact="王虚构 13900000001",
        evidence=(PDF, "王虚构的劳动合同.pdf"),
    )
    objection = ref_in(
        cast.subject.fill(
            f"/records/{record.ref}/objection",
            button="submit_now",
            ground="not_the_subject",
            statement="陈述意见的一段话",
            evidence=(PDF, "王虚构的劳动合同.pdf"),
        )
    )
    accept_and_forward(cast.reviewer, objection)
    cast.reviewer.post(
        f"/cases/{objection}/notes",
        data={"csrf_token": cast.reviewer.token(), "body": "内部备注不得外传"},
    )
    cast.reviewer.get(f"/work?q={world.firm.name}")
    cast.officer.get(f"/enforce?uscc={world.firm.uscc}")
    cast.auditor.get(f"/audit?organisation={world.firm.uscc}")
    cast.administrator.get(f"/admin/people?q={account.email}")
    for timer in timers.TIMERS:
        with logs.job(timer.name, {}):
            timer.run(now() + timedelta(days=2))
    name = app.config["SESSION_COOKIE_NAME"]
    return {
        *WORDS,
        PASSWORD,
        token,
        complaint.location.rpartition("/")[2],
        cast.subject.get_cookie(name).value,
        account.email,
        "李虚构",
        world.firm.name,
        world.firm.uscc,
        world.agency.name,
        world.subject.email,
        world.reviewer.email,
        record.decision_no,
    }


def have_faults(app, anybody, world, monkeypatch):
    """Have faults that quote what was sent: in pages, in the database, in a job, in a library."""
    monkeypatch.setitem(app.config, "PROPAGATE_EXCEPTIONS", False)
    for fault, status in (
        (fail_with("王虚构 no-such-person@example.com"), 500),
        (lambda: break_a_rule_of_the_database(world), 409),
        (lambda: break_a_check_of_the_database(world), 500),
    ):
        monkeypatch.setitem(app.view_functions, "public.index", public(fault))
        assert anybody.get(f"/?q={world.firm.name}").status_code == status
    for fault in (fail_with("13900000001"), lambda: break_a_rule_of_the_database(world)):
        with pytest.raises(Exception), logs.job("print_letters", {"number": 7}):  # noqa: B017, PT011
            fault()
    try:
        fail_with("王虚构")()
    except ValueError as error:
        logging.getLogger("dbos").warning(f"a step failed: {error!r}", exc_info=error)
        logging.getLogger("urllib3").error(
            "no-such-person@example.com of 91370112MA0000000X, 李虚构"
        )


def test_whole_journeys_with_known_personal_data_leave_none_of_it_in_the_logs(
    app, cast, anybody, world, logged, monkeypatch
):
    personal = live_through(app, cast, anybody, world)
    have_faults(app, anybody, world, monkeypatch)
    db.session.rollback()
    told = logged.read()
    assert [one for one in personal if one in told] == []
    assert [one for one in personal if json.dumps(one)[1:-1] in told] == []
    endpoints = {one["endpoint"] for one in logged.lines("request")}
    assert {
        "public.index",
        "security.login",
        "complaints.complain",
        "records.open_case",
        "transitions.fire",
        "enforcement.index",
        "none",
    } <= endpoints
    assert {one["job"] for one in logged.lines("job done")} >= {one.name for one in timers.TIMERS}


def test_a_fault_is_told_by_kind_and_place(app, anybody, world, logged, monkeypatch, store):
    have_faults(app, anybody, world, monkeypatch)
    fault = logged.lines("fault")[0]
    assert fault["level"] == "error"
    assert fault["endpoint"] == "public.index"
    assert fault["faults"][0]["kind"] == "builtins.ValueError"
    assert any("test_logs.py" in one for one in fault["faults"][0]["at"])
    assert fault["request"] in {one["request"] for one in logged.lines("request")}
    failed = logged.lines("job failed")
    assert [(one["job"], one["number"]) for one in failed] == [("print_letters", 7)] * 2
    broken = failed[1]["faults"]
    if store.name == "postgresql":
        assert {"sqlstate": "23505", "rule": "uq_organisation_uscc"}.items() <= broken[1].items()
    else:
        assert broken[1]["sqlite"] == "SQLITE_CONSTRAINT_UNIQUE"


def test_without_the_rule_for_libraries_their_words_would_be_in_the_log(logged, monkeypatch):
    """The guard's own control."""
    monkeypatch.setattr(logs, "OURS", "urllib3")
    logging.getLogger("urllib3").error("of 王虚构")
    assert "王虚构" in logged.read()


# --- the server's own log ---------------------------------------------------------------------


def test_the_web_servers_own_log_is_json_as_well():
    code = (
        "import json, granian.log as log; from pathlib import Path;"
        "given = json.loads(Path('repair_app/server_log.json').read_text());"
        "log.configure_logging(log.LogLevels.info, given); log.logger.info('Starting 王虚构')"
    )
    command = [sys.executable, "-P", "-c", code]
    env = {"PYTHONPATH": str(ROOT), "PATH": ""}
    done = subprocess.run(command, cwd=ROOT, env=env, capture_output=True, text=True, check=True)
    line = json.loads(done.stdout)
    assert (line["event"], line["logger"]) == ("Starting *", "_granian")
