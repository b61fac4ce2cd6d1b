"""The description of the interface, for programs and for people."""

from collections.abc import Callable, Mapping
from typing import Any, Final, cast

from flask import Flask, Response, current_app, jsonify
from flask_openapi.blueprint import APIBlueprint
from flask_openapi.openapi import OpenAPI

from repair_app.api import bodies
from repair_app.api.access import OPEN, open_to_all
from repair_app.api.resources import name_operation, open_part

resources = open_part("documentation", doc_ui=False)
STRICT: Final = (
    "Nothing that is sent is passed over: a parameter of an address that an operation does not "
    "describe is refused (422, unknown_parameter), as is one that stands twice (422, "
    "repeated_parameter), a field of a body that is not described (422, invalid), and JSON in "
    "which a name stands twice or a number is NaN or Infinity (400, not_understood). A post that "
    "has no body takes none, or {}. Only the forms of tokens pass over a field that they do not "
    "know, as OAuth 2.0 has it (RFC 6749 3.2). Titles, mends "
    "and messages are in the language of Accept-Language (zh-CN, en); codes never change."
)
ALWAYS: Final = {422, 429, 503}  # 422: a parameter that nobody looks at
OF_TOKENS: Final = {401, 403}  # where one is asked for
OF_STEPS: Final = {400, 409, 413, 422}  # where something is changed, once for each key
UNCHANGED: Final = 304
METHODS: Final = ("get", "post", "put", "patch", "delete")
ERRORS_FROM: Final = 400
# What an operation answers beside what can be told from its form.
MORE: Final[dict[str, set[int]]] = {
    "changes_list_changes": {404},
    "changes_acknowledge": {404},
    "gate_report": {404},
    "imports_put": {400, 409, 413, 415},
    "tokens_give_token": {401},
    "tokens_revoke_token": {401},
}
OTHER_TYPES: Final = {"gate_show_keys": "application/jwk-set+json"}
NOT_KEPT: Final = frozenset({"gate_ask_one", "gate_show_keys"})  # answers without an ETag


def register(app: OpenAPI, part: APIBlueprint) -> None:
    """Put a part into the application, and into the description beside what is there.

    The library forgets an operation where another part has one at the same address.
    """
    known = dict(app.paths)
    app.register_api(part)
    for path, former in known.items():
        item = app.paths[path]
        if item is not former:
            for method in METHODS:
                setattr(item, method, getattr(item, method) or getattr(former, method))


@resources.get("/openapi.json", doc_ui=False)
@open_to_all
def describe() -> Response:
    """Describe the interface (OpenAPI 3.1)."""
    return jsonify(description_of(cast(OpenAPI, current_app)))


def description_of(app: OpenAPI) -> dict[str, Any]:
    """Return the description: of each operation its scope, and just the answers it can give."""
    found: dict[str, Any] | None = app.extensions.get("redress_description")
    if found is None:
        found = app.extensions["redress_description"] = complete(app.api_doc, views_of(app))
    return found


def views_of(app: Flask) -> dict[str, Callable[..., Any]]:
    """Return the views by what their operations are called."""
    named = (endpoint.partition(".") for endpoint in app.view_functions)
    return {
        name_operation(area, name): app.view_functions[f"{area}.{name}"]
        for area, _, name in named
        if area.startswith("api_")
    }


def complete(doc: dict[str, Any], views: Mapping[str, Any]) -> dict[str, Any]:
    """Return a description with scopes, and without the answers that are never given."""
    for item in doc["paths"].values():
        for method, operation in item.items():
            view, name = views[operation["operationId"]], operation["operationId"]
            operation["security"] = [{"oauth2": [view.scope]}] if view.scope != OPEN else []
            given = statuses_of(view, operation) | MORE.get(name, set())
            told = operation["responses"]
            operation["responses"] = {
                status: answer
                for status, answer in told.items()
                if int(status) < ERRORS_FROM or int(status) in given
            }
            if name in OTHER_TYPES:
                content = operation["responses"]["200"]["content"]
                content[OTHER_TYPES[name]] = content.pop("application/json")
            if method == "get" and name not in NOT_KEPT:
                operation["responses"][str(UNCHANGED)] = {"description": "as you have it already"}
    return doc


def statuses_of(view: Any, operation: Mapping[str, Any]) -> set[int]:
    """Return with which statuses an operation refuses."""
    asked = operation.get("parameters", [])
    found = ALWAYS | bodies.statuses_of(view)
    if view.scope != OPEN:
        found |= OF_TOKENS
    if getattr(view, "is_once", False):
        found |= OF_STEPS
    if bodies.kind_of(view):
        found |= {413}
    if any(one["in"] == "path" for one in asked):
        found |= {404}
    return found
