"""How often a client may ask, with headers that tell; and how often a secret may be guessed."""

from collections.abc import Collection
from functools import partial
from http import HTTPStatus
from typing import Any, Final

from flask import Flask, Response, current_app, request
from flask_limiter import Limiter
from flask_limiter.util import get_remote_address

from repair_app import limits
from repair_app.api.access import OPEN, current_client

TOLD_WHEN: Final = frozenset({HTTPStatus.TOO_MANY_REQUESTS, HTTPStatus.SERVICE_UNAVAILABLE})
LONGEST: Final = 64  # characters of a client's identifier that are looked at
GUESSED_AT: Final = ("api_tokens.give_token", "api_tokens.revoke_token")


def slow_down(app: Flask, names: Collection[str]) -> None:
    """Limit every view of the interface by client, and the wrong secrets by client and address.

    What a client asks is counted where `place_of_counts` says, wrong secrets by all together.
    """
    app.after_request(tell_when_only_if_not_now)  # runs behind the limiter's own
    speed = Limiter(who_asks, storage_uri=place_of_counts(app), headers_enabled=True, app=app)
    app.extensions["redress_speed"] = speed  # the views only know it weakly
    views: dict[str, Any] = app.view_functions
    for endpoint in [one for one in views if one.partition(".")[0] in names]:
        limit = speed.shared_limit(partial(limits.limit_of, "API_RATE_LIMIT"), scope="api")
        views[endpoint] = limit(views[endpoint])
    for setting, key in (
        ("TOKEN_RATE_LIMIT", place_and_client),
        ("TOKEN_RATE_LIMIT_OF_PLACE", get_remote_address),
    ):
        for endpoint in GUESSED_AT:
            guesses = limits.limiter.shared_limit(
                partial(limits.limit_of, setting),
                scope=setting,
                key_func=key,
                deduct_when=has_failed,
            )
            views[endpoint] = guesses(views[endpoint])


def tell_when_only_if_not_now(answer: Response) -> Response:
    """Say when to try again only where something was not done: after a success nobody has to."""
    if answer.status_code not in TOLD_WHEN:
        answer.headers.pop("Retry-After", None)
    return answer


def place_of_counts(app: Flask) -> str:
    """Return where it is counted what clients ask: by all nodes in the store, or by each process.

    In the store where it is PostgreSQL; SQLite has one writer at a time, and one machine.
    """
    chosen = str(app.config["API_RATE_STORAGE_URI"])
    has_many_writers = app.config["SQLALCHEMY_DATABASE_URI"].startswith("postgresql")
    return chosen or ("store://" if has_many_writers else "memory://")


def who_asks() -> str:
    """Return the client of this request; where none is asked for, from where it comes."""
    view: Any = current_app.view_functions[str(request.endpoint)]
    if view.scope == OPEN:
        return get_remote_address()
    return str(current_client().id)


def place_and_client() -> str:
    """Return from where a token is asked for, and which client it says to be."""
    sent = request.authorization.username if request.authorization else None
    return f"{get_remote_address()} {(sent or request.form.get('client_id', ''))[:LONGEST]}"


def has_failed(answer: Response) -> bool:
    """Say whether a client did not prove itself."""
    return answer.status_code >= HTTPStatus.BAD_REQUEST
