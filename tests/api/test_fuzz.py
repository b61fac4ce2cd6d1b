"""Anything at all sent to every operation: no fault of ours, no answer that is not described.

Requests are made from the description by schemathesis. References and steps of matters that exist
are mixed in, so that they reach what lies behind the checks of the address.
"""

import contextvars
from functools import partial
from typing import Any

import pytest
import schemathesis
from hypothesis import HealthCheck, Phase, given, seed, settings
from hypothesis import strategies as st
from hypothesis.errors import Unsatisfiable
from openapi_spec_validator import validate
from schemathesis import GenerationMode, checks
from schemathesis.specs.openapi import checks as openapi_checks

from repair_app.db import db
from repair_app.services.policy import current_policy
from tests.factories import make_case, make_record, make_sanction, requirement_of

EXAMPLES = {"sqlite": 9, "postgresql": 3}  # of good and of bad requests, for each operation
ROLES = ("reviewer", "officer", "subject", "provider")
CHECKS: list[Any] = [
    checks.not_a_server_error,
    openapi_checks.status_code_conformance,
    openapi_checks.content_type_conformance,
    openapi_checks.response_schema_conformance,
    openapi_checks.negative_data_rejection,
    openapi_checks.unsupported_method,
    openapi_checks.ignored_auth,
]


@schemathesis.serializer("application/partial-upload")
def as_bytes(_context: Any, value: Any) -> bytes:
    """Return a part of a file as it is sent."""
    return getattr(value, "data", value if isinstance(value, bytes) else str(value).encode())


@pytest.fixture
def refs(world):
    """Give references of each kind that there are, and of one that there is not."""
    record = make_record(world.firm, world.agency)
    sanction = make_sanction(record, world.officer)
    case = make_case(world, "with_provider", record=record)
    serious = make_record(world.firm, world.agency, severity="serious", decided_days_ago=300)
    repair = make_case(world, "submitted", workflow="repair", record=serious)
    training = requirement_of(repair, "training")
    paper = case.documents[0]
    found = [one.ref for one in (record, sanction, case, repair, training, paper)]
    db.session.rollback()
    return [*found, "YY-2026-999999-9"]


@pytest.fixture
def names():
    """Give what can stand in an address beside a reference: steps, workflows."""
    steps = {name for one in current_policy().current.values() for name in one.transitions}
    return {"name": sorted(steps), "workflow": sorted(current_policy().current)}


def test_the_description_is_valid_openapi(anybody):
    validate(anybody.get("/api/v1/openapi.json").json)


def test_each_operation_is_called_by_a_name_of_its_own(anybody):
    paths = anybody.get("/api/v1/openapi.json").json["paths"]
    called = [one["operationId"] for item in paths.values() for one in item.values()]
    assert len(called) == len(set(called)) > 20


@pytest.mark.parametrize("mode", list(GenerationMode), ids=lambda one: one.value)
def test_nothing_that_is_sent_is_a_fault_of_ours(app, store, machine, refs, names, mode):
    tokens = [machine(name).token for name in ROLES]
    schema = schemathesis.openapi.from_wsgi("/api/v1/openapi.json", app)
    failed = []
    for found in schema.get_all_operations():
        operation = found.ok()

        @seed(2026)
        @settings(
            max_examples=EXAMPLES[store.name],
            deadline=None,
            database=None,
            phases=[Phase.generate],
            suppress_health_check=list(HealthCheck),
        )
        @given(case=operation.as_strategy(mode), data=st.data())
        def send(case: Any, data: Any) -> None:
            if mode is GenerationMode.POSITIVE:  # else what is wrong with it may be just this
                for name, known in {"ref": refs, **names}.items():
                    if name in (case.path_parameters or {}):
                        case.path_parameters[name] = data.draw(st.sampled_from(known))
            token = data.draw(st.sampled_from(tokens))
            bearer = {} if "/token" in case.path else {"Authorization": f"Bearer {token}"}
            call = partial(case.call_and_validate, headers=bearer, checks=CHECKS)
            contextvars.Context().run(call)
            db.session.rollback()

        try:
            send()
        except Unsatisfiable:
            continue  # there is nothing to send wrongly
        except (Exception, BaseExceptionGroup) as flaw:  # noqa: BLE001  # all are told together
            failed.append(f"{operation.label}: {flaw!s:.1500}")
    assert not failed, "\n".join(failed)


BODIES = {
    "no JSON": (b"{", "application/json", 400),
    "nothing": (b"", "application/json", 400),
    "another kind": (b"version=1", "application/x-www-form-urlencoded", 415),
    "XML": (b"<version>1</version>", "application/xml", 415),
    "brackets in brackets": (b"[" * 100_000, "application/json", 400),
    "a list": (b"[]", "application/json", 422),
    "a text": (b'"x"', "application/json", 422),
    "a number out of bounds": (b'{"version": 1' + b"0" * 5000 + b"}", "application/json", 400),
    "no number": (b'{"version": NaN}', "application/json", 400),
    "half a sign": (b'{"answers": {"statement": "\\ud800"}}', "application/json", 422),
    "half a sign as a name": (b'{"answers": {"\\ud800": "x"}}', "application/json", 422),
    "no text at all": (b'{"answers": {"\\u0000": "\\u0000"}}', "application/json", 422),
    "an unknown name": (b'{"answers": {"__class__": "x"}}', "application/json", 422),
    "a negative version": (b'{"version": -1}', "application/json", 422),
    "not UTF-8": (b'{"answers": {"statement": "\xff"}}', "application/json", 400),
    "too many files": (
        b'{"files": [' + b",".join([b'{"name": "a", "content": ""}'] * 21) + b"]}",
        "application/json",
        422,
    ),
}


@pytest.mark.parametrize("name", BODIES)
def test_a_body_that_is_none_is_told_so_and_changes_nothing(machine, world, digest, name):
    content, kind, status = BODIES[name]
    case = make_case(world, "with_provider")
    one = machine("provider")
    before = digest()
    for path in (f"/cases/{case.ref}/steps/confirm", f"/records/{case.record.ref}/matters/talk"):
        headers = {"Idempotency-Key": "k", "Content-Type": kind}
        answer = one.send("POST", path, data=content, headers=headers)
        assert answer.status_code == status, (path, answer.get_data(as_text=True))
        assert answer.mimetype == "application/problem+json"
        assert answer.json["code"]
        assert answer.json["mend"]
    assert digest() == before


@pytest.mark.parametrize(
    ("headers", "status"),
    [
        ({"Authorization": "Bearer"}, 401),
        ({"Authorization": "Bearer \x7f"}, 401),
        ({"Authorization": "Bearer " + "x" * 10_000}, 401),
        ({"Authorization": "Basic Og=="}, 401),
        ({"Authorization": "Digest x"}, 401),
        ({"Accept": "image/png"}, 200),
        ({"Accept-Language": "\xff;q=x"}, 200),
        ({"If-None-Match": '"'}, 200),
        ({"X-Forwarded-For": "'; DROP TABLE"}, 200),
    ],
)
def test_headers_that_are_none_do_no_harm(machine, headers, status):
    one = machine("reviewer")
    token = "" if "Authorization" in headers else None
    assert one.get("/cases", headers=headers, token=token).status_code == status


@pytest.mark.parametrize(
    ("key", "code"),
    [
        ("", "no_key"),
        (" ", "no_key"),
        ("ü", "bad_key"),
        ("a b", "bad_key"),
        ("x" * 256, "long_key"),
    ],
)
def test_a_key_that_is_none_is_asked_for(machine, world, digest, key, code):
    case = make_case(world, "with_provider")
    one = machine("provider")
    before = digest()
    headers = {"Idempotency-Key": key.encode().decode("latin-1")}
    answer = one.send("POST", f"/cases/{case.ref}/steps/confirm", json={}, headers=headers)
    assert (answer.status_code, answer.json["code"]) == (400, code)
    assert digest() == before


def test_an_address_is_used_as_it_is_described(machine, world):
    case = make_case(world, "with_provider")
    one = machine("provider")
    wrong = one.send("DELETE", f"/cases/{case.ref}")
    assert (wrong.status_code, wrong.json["code"]) == (405, "wrong_method")
    assert "GET" in wrong.headers["Allow"]
    for path in ("/cases/no-ref", "/nothing", "/cases/%00", "/workflows/%00"):
        assert (one.get(path).status_code, one.get(path).json["code"]) == (404, "not_found"), path
