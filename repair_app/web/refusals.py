"""Notes what was refused, on pages and in the interface, once the answer has been sent."""

from functools import partial
from http import HTTPStatus
from typing import Final

from flask import Flask, Response, g, request

from repair_app.services import security
from repair_app.services.viewings import note_when_sent
from repair_app.web.watching import find_matter, find_who

INTERFACE: Final = "/api/"
# Where somebody proves who they are: a good answer sends them on, a refusal shows the form again.
PROVING: Final = frozenset(
    {
        "security.login",
        "security.verify",
        "security.two_factor_token_validation",
        "security.mf_recovery",
        "security.wan_signin_response",
    }
)
GIVES_TOKENS: Final = "api_tokens.give_token"
BAD_FORM: Final = "refused_form"  # in `g`: a form whose csrf token was not good
KIND_OF: Final[dict[int, str]] = {
    HTTPStatus.UNAUTHORIZED: "no_session",
    HTTPStatus.FORBIDDEN: "not_allowed",
    HTTPStatus.NOT_FOUND: "not_visible",
    HTTPStatus.CONFLICT: "not_now",
    HTTPStatus.TOO_MANY_REQUESTS: "too_many",
}


def init_app(app: Flask) -> None:
    """Watch every answer."""
    app.after_request(watch)


def watch(response: Response) -> Response:
    """Have a refusal noted, once it has been sent."""
    kind = kind_of(response)
    if kind is not None:
        who = next((f"{what} {number}" for what, number in find_who().items()), "")
        noting = partial(
            security.note,
            kind,
            response.status_code,
            who=who,
            route=request.endpoint or "none",
            entity_ref=find_matter().get("ref", ""),
            step=str((request.view_args or {}).get("name", "")),
            request=str(g.get("request_id", "")),
        )
        note_when_sent(response, noting)
    return response


def kind_of(response: Response) -> str | None:
    """Return what kind of refusal an answer is (services.security.KINDS), None for none."""
    status = response.status_code
    if g.get(BAD_FORM):
        return "form"
    if request.endpoint in PROVING and request.method == "POST" and status == HTTPStatus.OK:
        return "sign_in"
    if status < HTTPStatus.BAD_REQUEST or is_no_attempt(status):
        return None
    if request.path.startswith(INTERFACE) and is_of_token(response):
        return "scope" if status == HTTPStatus.FORBIDDEN else "token"
    return KIND_OF.get(status)


def is_no_attempt(status: int) -> bool:
    """Say whether nobody tried anything: an answer that a reader meets without meaning to."""
    if request.endpoint is None:
        return True  # an address that leads nowhere names nobody's matter
    if status == HTTPStatus.NOT_FOUND:  # what is public may be looked for, and not be there
        return not (request.view_args and find_who())
    # A question that is looked at while it is not due.
    return status == HTTPStatus.CONFLICT and request.method == "GET"


def is_of_token(response: Response) -> bool:
    """Say whether the interface refused a token, or a client that asked for one."""
    if response.status_code == HTTPStatus.UNAUTHORIZED or request.endpoint == GIVES_TOKENS:
        return True
    told = response.get_json(silent=True)
    return isinstance(told, dict) and told.get("code") == "insufficient_scope"
