"""What is sent wrongly gets an answer of its own: a code, the place, what is expected there."""

import re
import string

import pytest
from flask import Flask

from repair_app.api import mistakes
from repair_app.api.documentation import views_of
from repair_app.db import today
from tests.factories import make_case, make_record, make_sanction

CHINESE = {"Accept-Language": "zh-CN"}
NUMBER = "1"
# What an address of an operation has in the place of each name.
PLACES = {
    "kind": "cases",
    "workflow": "talk",
    "beginning": "impose",
    "number": NUMBER,
    "uscc": "91370100MA3CDEFG12",
    "name": "confirm",
}


@pytest.fixture
def description(anybody):
    return anybody.get("/api/v1/openapi.json").json


def operations_of(description):
    for path, item in description["paths"].items():
        for method, told in item.items():
            yield path.removeprefix("/api/v1"), method.upper(), told


def address(path, ref):
    names = [name for _, name, _, _ in string.Formatter().parse(path) if name]
    return path.format(**{one: PLACES.get(one, ref) for one in names})


def test_every_view_of_the_interface_is_described(app: Flask, description):
    told = {one["operationId"] for _, _, one in operations_of(description)}
    assert set(views_of(app)) - told == {"documentation_describe"}


# --- parameters of an address ---------------------------------------------------------------------


def test_no_operation_passes_over_a_parameter(machine, world, description, digest):
    case = make_case(world, "with_provider")
    one = machine("provider")
    before = digest()
    for path, method, told in operations_of(description):
        token = "" if path.startswith("/token") else None
        asked = {"stat": "accepted", "limt": "1"}
        headers = {"Idempotency-Key": "k"} if method == "POST" else {}
        place = address(path, case.ref)
        answer = one.send(method, place, query_string=asked, headers=headers, token=token)
        assert str(answer.status_code) in told["responses"], (path, answer.json)
        if path.startswith("/token"):
            assert (answer.status_code, answer.json["error"]) == (400, "invalid_request")
            assert "stat, limt" in answer.json["error_description"]
        elif answer.status_code not in {403, 404}:  # not the client's, or no such thing: told first
            assert (answer.status_code, answer.json["code"]) == (422, "unknown_parameter"), path
            assert "stat, limt" in answer.json["mend"]
            assert [one["field"] for one in answer.json["errors"]] == ["stat", "limt"]
        assert "422" in told["responses"], path
    assert digest() == before


def test_a_misspelt_filter_is_named_with_those_that_there_are(machine):
    one = machine("reviewer")
    answer = one.get("/cases?stat=accepted").json
    assert answer["mend"] == (
        "Leave out or correct: stat. Known here: after, limit, state, workflow."
    )
    assert answer["errors"] == [{"field": "stat", "message": "There is no such parameter here."}]
    chinese = one.get("/workflows?x=1", headers=CHINESE).json
    assert chinese["mend"] == "请删去或改正：x。该接口的参数：无。"


def test_a_parameter_that_stands_twice_is_not_chosen_from(machine):
    answer = machine("reviewer").get("/cases?state=accepted&state=rejected")
    assert (answer.status_code, answer.json["code"]) == (422, "repeated_parameter")
    assert answer.json["errors"][0]["field"] == "state"
    assert "state" in answer.json["mend"]


def test_a_filter_of_the_worklist_that_is_none_is_refused(machine):
    one = machine("reviewer")
    for asked, field in (("workflow=nonsense", "workflow"), ("state=accepted", "state")):
        answer = one.get(f"/worklist?{asked}")
        assert (answer.status_code, answer.json["errors"][0]["field"]) == (422, field)
    assert one.get("/worklist?workflow=objection").status_code == 200


def test_a_state_or_workflow_that_no_case_can_be_in_is_refused(machine):
    """An empty list would say that there is no such case now."""
    one = machine("reviewer")
    for asked, field in (
        ("state=x", "state"),
        ("workflow=nonsense", "workflow"),
        ("workflow=objection&state=in_force", "state"),  # of a measure
    ):
        answer = one.get(f"/cases?{asked}")
        assert (answer.status_code, answer.json["code"]) == (422, "invalid"), asked
        assert [one["field"] for one in answer.json["errors"]] == [field]
    for asked in ("state=accepted", "workflow=objection&state=accepted", "workflow=repair"):
        assert one.get(f"/cases?{asked}").json["cases"] == [], asked


# --- where a list goes on -------------------------------------------------------------------------


def test_lists_go_on_behind_what_they_have_only(machine, world):
    """Else a garbled place is an empty page, and who reads it believes that there is no more."""
    record = make_record(world.firm, world.agency)
    sanction = make_sanction(record, world.officer)
    case = make_case(world, "with_provider", record=record)
    strange = make_record(world.other_firm, world.agency)
    reviewer, officer, subject = (machine(name) for name in ("reviewer", "officer", "subject"))
    for one, path, good, bad in (
        (reviewer, "/cases", case.ref, ["YY-2026-999999-9", "x", record.ref]),
        (reviewer, "/records", record.ref, ["JL-2026-999999-9", "x", case.ref]),
        (subject, "/records", record.ref, [strange.ref]),  # there is one; not for this reader
        (officer, "/sanctions", sanction.ref, ["CJ-2026-999999-9", record.ref]),
        (reviewer, "/worklist", "2026-01-31_1", ["2026-13-31_1", "x", "2026-01-31"]),
        (subject, "/worklist", "", ["2026-01-31_1"]),  # has one page only
        (reviewer, f"/cases/{case.ref}/letters", "0", ["999999999"]),
        (subject, "/letters", "0", ["999999999"]),
    ):
        assert one.get(f"{path}?after={good}").status_code == 200, (path, good)
        for place in bad:
            answer = one.get(f"{path}?after={place}")
            told = (answer.status_code, answer.json["code"])
            assert told == (422, "no_such_place"), (path, place)
            assert "after" in answer.json["mend"]


def test_lists_by_number_go_on_behind_what_they_have_only(machine):
    provider = machine("provider")
    sent = provider.post("/records", {"records": [{"x": "1"}, {"x": "2"}]}).json["ref"]
    verdicts = f"/imports/{sent}/verdicts"
    first = provider.get(f"{verdicts}?limit=1").json
    assert [one["line"] for one in first["items"]] == [1]
    second = provider.get(f"{verdicts}?after={first['next']}&limit=1").json
    assert [one["line"] for one in second["items"]] == [2]
    answer = provider.get(f"{verdicts}?after=9")
    assert (answer.status_code, answer.json["code"]) == (422, "no_such_place")


# --- bodies ---------------------------------------------------------------------------------------


def of(kind):
    return {"Content-Type": kind}


JSON = of("application/json")
BODIES = {
    "a field that nobody reads": (b'{"versoin": 3}', JSON, 422, "invalid", "versoin"),
    "a name twice": (b'{"x": 1, "x": 2}', JSON, 400, "not_understood", "x"),
    "a name twice, deeper": (b'{"y": [{"x": 1, "x": 2}]}', JSON, 400, "not_understood", "x"),
    "NaN": (b'{"x": NaN}', JSON, 400, "not_understood", ""),
    "Infinity": (b'{"x": -Infinity}', JSON, 400, "not_understood", ""),
    "brackets in brackets": (b'{"x":' + b"[" * 100_000, JSON, 400, "not_understood", None),
    "half a sign": (b'{"x": "\\udfff"}', JSON, 422, "invalid", "x"),
    "JSON in JSON": (b'"{\\"version\\": 0}"', JSON, 422, "invalid", ""),
    "a list": (b"[]", JSON, 422, "invalid", ""),
    "nothing": (b"", JSON, 400, "not_understood", None),
    "broken off": (b'{"x": ', JSON, 400, "not_understood", None),
    "not UTF-8": (b'{"x": "\xff"}', JSON, 400, "not_understood", None),
    "a form": (b"x=1", of("application/x-www-form-urlencoded"), 415, "wrong_type", None),
    "XML": (b"<x/>", of("application/xml"), 415, "wrong_type", None),
    "a file": (b"--x", of("multipart/form-data; boundary=x"), 415, "wrong_type", None),
    "of no kind": (b"{}", of(""), 415, "wrong_type", None),
}  # fmt: skip


@pytest.mark.parametrize("name", BODIES)
def test_no_operation_takes_a_body_that_is_none(machine, world, description, digest, name):
    content, kind, status, code, field = BODIES[name]
    case = make_case(world, "with_provider")
    one = machine("provider")
    before = digest()
    asked = 0
    for path, method, told in operations_of(description):
        if "application/json" not in told.get("requestBody", {}).get("content", {}):
            continue
        headers = {"Idempotency-Key": f"k{asked}", **kind}
        answer = one.send(method, address(path, case.ref), data=content, headers=headers)
        if answer.status_code == 403:  # of another role's operations
            continue
        asked += 1
        assert (answer.status_code, answer.json["code"]) == (status, code), (path, answer.json)
        assert str(status) in told["responses"]
        if field is not None:
            assert field in {one["field"] for one in answer.json["errors"]}, (path, answer.json)
    assert asked > 10
    assert digest() == before


def test_an_operation_that_reads_no_body_takes_none(machine, world, description, digest):
    case = make_case(world, "with_provider")
    one = machine("provider")
    before = digest()
    bare = [
        (path, told)
        for path, method, told in operations_of(description)
        if method == "POST" and "requestBody" not in told
    ]
    assert len(bare) > 4
    for number, (path, told) in enumerate(bare):
        for content in (b'{"sure": true}', b"<x/>", b"x=1"):
            headers = {"Idempotency-Key": f"k{number}", **JSON}
            answer = one.send("POST", address(path, case.ref), data=content, headers=headers)
            assert (answer.status_code, answer.json["code"]) == (422, "invalid"), path
            assert str(answer.status_code) in told["responses"]
    assert digest() == before


def test_in_a_body_a_field_that_is_no_field_is_found_at_any_depth(machine, world):
    sanction = make_sanction(make_record(world.firm, world.agency), world.officer)
    report = {"sanction": sanction.ref, "outcome": "executed", "happened_on": str(today())}
    one = machine("officer")
    refused = one.post("/executions", {**report, "why": "x", "wy": "y"})
    assert (refused.status_code, refused.json["errors"][0]["field"]) == (422, "wy")
    asked = {"uscc": world.firm.uscc, "measure": "A01", "on": "2026-01-01"}
    many = one.post("/enforceable", {"purpose": "x", "questions": [asked]})
    assert (many.status_code, many.json["errors"][0]["field"]) == (422, "questions.0.on")


# --- fields, in both languages --------------------------------------------------------------------


def patterns_in(told):
    if isinstance(told, dict):
        if isinstance(told.get("pattern"), str):
            yield told["pattern"]
        for one in told.values():
            yield from patterns_in(one)
    elif isinstance(told, list):
        for one in told:
            yield from patterns_in(one)


def test_of_every_pattern_it_can_be_said_what_is_expected(description):
    of_keys = r"^[\x21-\x7e]{1,255}$"  # long_key, bad_key
    assert set(patterns_in(description)) - {of_keys} == set(mistakes.EXPECTED)


INNER = re.compile(r"[\^\\$\[\]{}]|_check|pydantic|validator|function|input", re.IGNORECASE)
STEP = "/cases/{ref}/steps/confirm"
DESCRIPTION = re.compile(r"[\x20-\x21\x23-\x5b\x5d-\x7e]+")  # RFC 6749 5.2
ASKED = {"uscc": "91370112MA0000001X", "measure": "A01"}
REPORT = {"outcome": "executed", "happened_on": "2026-01-01", "why": "x"}
WRONG = [
    ("officer", "POST", "/enforceable", {"purpose": "x", "questions": [ASKED]}, "questions.0.uscc"),
    ("officer", "POST", "/enforceable", {"purpose": " ", "questions": []}, "purpose"),
    ("officer", "POST", "/enforceable", {"purpose": "x", "questions": []}, "questions"),
    ("officer", "POST", "/enforceable", {"purpose": "x", "questions": [1]}, "questions.0"),
    ("officer", "POST", "/enforceable", {"purpose": "x" * 201, "questions": []}, "purpose"),
    ("officer", "POST", "/enforceable", {}, "purpose"),
    ("officer", "POST", "/executions", {**REPORT, "sanction": "x"}, "sanction"),
    ("officer", "POST", "/executions", REPORT, ""),
    ("officer", "POST", "/executions", {**REPORT, "receipt": "x.y.z"}, "receipt"),
    ("officer", "POST", "/executions", {**REPORT, "happened_on": "1.1.2026"}, "happened_on"),
    ("officer", "POST", "/executions", {**REPORT, "happened_on": "2026-02-30"}, "happened_on"),
    ("officer", "POST", "/executions", {**REPORT, "outcome": "perhaps"}, "outcome"),
    ("officer", "POST", "/executions", {**REPORT, "why": 1}, "why"),
    ("officer", "GET", "/enforceable?uscc=9137&measure=a1&purpose=x", None, "measure"),
    ("reviewer", "GET", "/cases?limit=ten", None, "limit"),
    ("reviewer", "GET", "/cases?limit=0", None, "limit"),
    ("reviewer", "GET", "/cases?limit=1000", None, "limit"),
    ("reviewer", "GET", "/cases?after=%3B", None, "after"),
    ("reviewer", "GET", "/cases?state=A", None, "state"),
    ("reviewer", "GET", "/records?uscc=%E7%BD%9A", None, "uscc"),
    ("reviewer", "GET", "/records?decision_no=%07", None, "decision_no"),
    ("reviewer", "GET", "/worklist?tab=mine", None, "tab"),
    ("reviewer", "GET", "/worklist?until=soon", None, "until"),
    ("provider", "POST", STEP, {"answers": {"x": 1.5}}, "answers.x"),
    ("provider", "POST", STEP, {"answers": {"x": ["a", 1]}}, "answers.x.1"),
    ("provider", "POST", STEP, {"answers": {"x": "y"}}, "x"),
    ("provider", "POST", STEP, {"answers": [], "version": "one"}, "answers"),
    ("provider", "POST", STEP, {"version": -1}, "version"),
    ("provider", "POST", STEP, {"files": [{"name": "a"}]}, "files.0.content"),
    ("provider", "POST", STEP, {"files": [{"name": "a", "content": "="}]}, "files.0"),
    ("provider", "POST", STEP, {}, "findings"),
    ("provider", "POST", "/records", {"records": [{"x": {}}]}, "records.0.x"),
    ("provider", "POST", "/imports", {"kind": "x", "filename": "a", "size": 1}, "kind"),
    ("provider", "POST", "/imports", {"filename": "a", "size": 1, "sha256": "A"}, "sha256"),
]  # fmt: skip


@pytest.mark.parametrize(("name", "method", "path", "body", "field"), WRONG)
def test_of_a_field_it_is_said_what_is_expected_in_the_language_asked_for(
    machine, world, name, method, path, body, field
):
    case = make_case(world, "with_provider")
    one = machine(name)
    told = []
    for number, headers in enumerate((CHINESE, {"Accept-Language": "en"})):
        keyed = {"Idempotency-Key": f"k{number}"} if method == "POST" else {}
        sent = {"json": body} if method == "POST" else {}
        place = path.replace("{ref}", case.ref)
        answer = one.send(method, place, headers={**headers, **keyed}, **sent)
        assert (answer.status_code, answer.json["code"]) == (422, "invalid"), answer.json
        fields = [one["field"] for one in answer.json["errors"]]
        assert field in fields, answer.json
        assert len(fields) == len(set(fields)), answer.json
        told.append([one["message"] for one in answer.json["errors"]])
    for chinese, english in zip(*told, strict=True):
        assert re.search("[一-鿿]", chinese), chinese
        assert not re.search("[一-鿿]", english), english
        assert not INNER.search(english), english


def test_where_several_kinds_of_answer_are_taken_they_are_named_once(machine, world):
    case = make_case(world, "with_provider")
    answer = machine("provider").post(STEP.format(ref=case.ref), {"answers": {"x": 1.5}})
    assert answer.json["errors"] == [
        {
            "field": "answers.x",
            "message": "One of these is expected: a text, true or false, a whole number, "
            "a list of texts.",
        }
    ]


def test_of_a_code_its_own_flaw_is_told(machine):
    asked = {"measure": "A01", "purpose": "x"}
    one = machine("officer")
    for uscc, english, chinese in (
        ("9137", "18 characters", "18 位"),
        ("91370112MA0000001X", "check character", "校验位"),
    ):
        sent = {**asked, "uscc": uscc}
        assert english in one.get("/enforceable", query_string=sent).json["errors"][0]["message"]
        told = one.get("/enforceable", query_string=sent, headers=CHINESE).json["errors"][0]
        assert chinese in told["message"]


# --- keys, tokens, and when to try again ----------------------------------------------------------


def test_a_key_that_is_too_long_is_told_how_long_it_may_be(machine, world):
    case = make_case(world, "with_provider")
    answer = machine("provider").post(STEP.format(ref=case.ref), key="x" * 300)
    assert (answer.status_code, answer.json["code"]) == (400, "long_key")
    assert "300" in answer.json["title"]
    assert "255" in answer.json["mend"]


@pytest.mark.parametrize(
    ("path", "fields", "status", "error", "mend"),
    [
        ("/token", {"grant_type": "password"}, 400, "unsupported_grant_type", "client_credentials"),
        ("/token", {}, 400, "unsupported_grant_type", "client_credentials"),
        ("/token", {"scope": "x"}, 400, "invalid_scope", "Leave scope out"),
        ("/token", {"scope": ["gate", "gate"]}, 400, "invalid_request", "Send it once: scope"),
        ("/token/revoke", {}, 400, "invalid_request", "Send it as token"),
        ("/token/revoke", {"token": "x", "token_type_hint": "x"}, 401, "unsupported_token_type",
         "token_type_hint"),
    ],
)  # fmt: skip
def test_where_there_is_no_token_it_is_said_what_can_be_done(
    machine, path, fields, status, error, mend
):
    one = machine("officer")
    grant = {"grant_type": "client_credentials"} if "scope" in fields else {}
    sent = {"data": {**grant, **fields}, "auth": (one.client_id, one.secret), "token": ""}
    answer = one.send("POST", path, headers=CHINESE, **sent)
    assert (answer.status_code, answer.json["error"]) == (status, error)
    told = answer.json["error_description"]
    assert mend in told
    assert DESCRIPTION.fullmatch(told), told


def test_who_is_not_known_is_told_how_to_prove_itself(machine):
    one, other = machine("officer"), machine("provider")
    grant = {"grant_type": "client_credentials"}
    for auth in ((one.client_id, "wrong"), ("nobody", "x"), None):
        answer = one.send("POST", "/token", data=grant, auth=auth, token="")
        assert (answer.status_code, answer.json["error"]) == (401, "invalid_client")
        told = answer.json["error_description"]
        assert "client_secret by HTTP Basic" in told
        assert DESCRIPTION.fullmatch(told), told  # it stands in a header as well
        assert answer.headers["WWW-Authenticate"].startswith("Basic")
    sent = {"data": {"token": other.token}, "auth": (one.client_id, one.secret), "token": ""}
    answer = one.send("POST", "/token/revoke", **sent)
    assert (answer.status_code, answer.json["error"]) == (400, "invalid_grant")
    assert "another client" in answer.json["error_description"]


def test_a_secret_in_an_address_is_refused(machine):
    one = machine("officer")
    asked = {"client_id": one.client_id, "client_secret": one.secret}
    sent = {"data": {"grant_type": "client_credentials"}, "query_string": asked, "token": ""}
    answer = one.send("POST", "/token", **sent)
    assert (answer.status_code, answer.json["error"]) == (400, "invalid_request")
    assert one.secret not in answer.text
