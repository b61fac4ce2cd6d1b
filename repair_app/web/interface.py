"""The page for integrators: from nothing to an answer that is verified, and all operations."""

import json
from collections.abc import Iterator, Mapping
from itertools import groupby
from typing import Any, NamedTuple

from flask import Blueprint, current_app, render_template
from flask_babel import gettext

from repair_app.engine.enforcement import CODES, ENFORCEABLE, INCIDENTS
from repair_app.models.clients import SCOPES
from repair_app.public_address import site
from repair_app.services.policy import current_policy
from repair_app.web.door import public

pages = Blueprint("interface", __name__, url_prefix="/api/v1/docs")


class Demo(NamedTuple):
    """Codes of the demonstration data with which the guide can be followed."""

    office: str  # for which han@redress.example holds the role of a department
    enforced: str  # an enterprise against which its measure A01 may be enforced
    suspended: str  # and one where a case is open


DEMO = Demo("11379900MBDEX0066X", "91379900MADEX0046H", "91379900MADEX0011Y")


class Verdict(NamedTuple):
    """What an answer of the gate may say: its code, what it means, and the answer itself."""

    code: str
    meaning: str
    enforceable: bool


class Refusal(NamedTuple):
    """Why a request is refused: its code, what happened, and what can be done."""

    code: str
    happened: str
    mend: str


class LeftOpen(dict[str, str]):
    """The values that words leave open, where there are none to be told."""

    def __missing__(self, _name: str) -> str:
        return "…"


class Operation(NamedTuple):
    """An operation of the interface, as its description has it."""

    area: str  # the first part of its address that is a word
    method: str
    path: str
    summary: str  # in the reader's language (operations.py); what follows is in English
    description: str
    scopes: list[str]  # what a token has to be good for; none: no token is asked for
    parameters: list[Mapping[str, Any]]
    body: str  # the JSON Schema of what is sent; empty for nothing
    answers: list[tuple[str, str]]  # status, what it means


@pages.get("")
@public
def index() -> str:
    """Show how to begin, and every operation."""
    description = current_app.extensions["redress_describe"]()
    areas = groupby(sorted(list_operations(description)), key=lambda one: one.area)
    return render_template(
        "interface/index.html",
        areas=[(area, list(found)) for area, found in areas],
        demo=DEMO,
        scopes=SCOPES,
        site=site(),
        verdicts=list(list_verdicts()),
        refusals=list(list_refusals()),
        states=current_policy().current["sanction"].states.values(),
        incidents=INCIDENTS,
    )


def list_verdicts() -> Iterator[Verdict]:
    """Yield what answers of the gate may say, in the reader's language."""
    for code, text in CODES.items():
        yield Verdict(code, gettext(text) % LeftOpen(), code == ENFORCEABLE)


def list_refusals() -> Iterator[Refusal]:
    """Yield the codes of refusals, in the reader's language."""
    for code, (happened, mend) in current_app.extensions["redress_codes"].items():
        yield Refusal(code, gettext(happened) % LeftOpen(), gettext(mend) % LeftOpen())


def list_operations(description: Mapping[str, Any]) -> Iterator[Operation]:
    """Yield the operations of a description (OpenAPI 3.1)."""
    schemas = description["components"]["schemas"]
    for path, item in description["paths"].items():
        for method, told in item.items():
            says = told["summary"]  # apart: the search for texts takes what stands in brackets
            yield Operation(
                area=area_of(path),
                method=method.upper(),
                path=path,
                summary=gettext(says),
                description=told.get("description", "").replace("<br/>", " ").strip(),
                scopes=[one for need in told.get("security", ()) for one in need.get("oauth2", ())],
                parameters=told.get("parameters", []),
                body=spell_body(told.get("requestBody"), schemas),
                answers=[(code, one["description"]) for code, one in told["responses"].items()],
            )


def area_of(path: str) -> str:
    """Return where an operation is listed: the first part of its address that is a word."""
    parts = path.removeprefix("/api/v1/").split("/")
    return next((one for one in parts if not one.startswith("{")), "")


def spell_body(body: Mapping[str, Any] | None, schemas: Mapping[str, Any]) -> str:
    """Return the JSON Schema of what an operation is sent, for people to read."""
    if body is None:
        return ""
    [first, *_] = body["content"].values()
    schema = first.get("schema", {})
    name = schema.get("$ref", "").rpartition("/")[2]
    return json.dumps(schemas.get(name, schema), indent=1, ensure_ascii=False)
