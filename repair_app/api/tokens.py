"""Tokens: given for a client's identifier and secret, and taken back."""

import re
from http import HTTPStatus
from typing import Any, Final

from flask import Response, json, make_response, request
from pydantic import BaseModel, Field

from repair_app.api.access import open_to_all, server
from repair_app.api.problems import PROBLEMS, Mistake, Wrong
from repair_app.api.resources import open_part

resources = open_part("tokens")
WRONG: Final = {
    "unknown_parameter": "Nothing is sent in the address, least of all a secret: it would stand in "
    "logs. Send it in the form: {names}.",
    "repeated_parameter": "A field stands more than once in the form. Send it once: {names}.",
    "two_credentials": "The client is named by Basic authentication already. Leave out: {names}.",
}


class TokenRequest(BaseModel):
    """What is sent for a token (RFC 6749 4.4.2), as a form; the client by Basic or in the form."""

    grant_type: str = Field("", description="client_credentials")
    scope: str = Field("", description="scopes, with a space between; none: all of the client")
    client_id: str = ""
    client_secret: str = ""


class RevocationRequest(BaseModel):
    """What is sent to take a token back (RFC 7009), as a form."""

    token: str = ""
    token_type_hint: str = ""
    client_id: str = ""
    client_secret: str = ""


class TokenAnswer(BaseModel):
    """A token (RFC 6749 5.1)."""

    access_token: str
    token_type: str
    expires_in: int = Field(description="seconds")
    scope: str = ""


class Refusal(BaseModel):
    """Why there is no token (RFC 6749 5.2)."""

    error: str
    error_description: str | None = None


class Nothing(BaseModel):
    """An empty answer."""


def show_wrong(error: Wrong) -> Response:
    """Answer what is wrong with a request for a token as such answers are given (RFC 6749 5.2)."""
    named = ", ".join(one.field for one in error.mistakes).encode("ascii", "replace").decode()
    text = WRONG[error.code].format(names=re.sub(r'["\\]', "?", named))
    answer = make_response(
        json.dumps({"error": "invalid_request", "error_description": text}), HTTPStatus.BAD_REQUEST
    )
    answer.mimetype = "application/json"
    return answer


REFUSALS: Final[dict[str | int, Any]] = {**PROBLEMS, 400: Refusal, 401: Refusal}


resources.register_error_handler(Wrong, show_wrong)


@resources.post("/token", responses={200: TokenAnswer, **REFUSALS})
@open_to_all
def give_token(form: TokenRequest) -> Response:
    """Get a token.

    Good for 15 minutes. Send the client's identifier and secret by Basic authentication.
    """
    refuse_two(form.client_id, form.client_secret)
    answer: Response = server.create_token_response()
    return answer


@resources.post("/token/revoke", responses={200: Nothing, **REFUSALS})
@open_to_all
def revoke_token(form: RevocationRequest) -> Response:
    """Take a token back before its time is over."""
    refuse_two(form.client_id, form.client_secret)
    answer: Response = server.create_endpoint_response("revocation")
    return answer


def refuse_two(client_id: str, client_secret: str) -> None:
    """Refuse a client that says by Basic and in the form who it is (RFC 6749 2.3). Raises Wrong.

    Its identifier may stand in both, if it is the same.
    """
    by_basic = request.authorization
    if by_basic is None:
        return
    names = {"client_id": client_id not in {"", by_basic.username}, "client_secret": client_secret}
    if twice := [Mistake(field=name, message="") for name, wrong in names.items() if wrong]:
        raise Wrong(*twice, status=HTTPStatus.BAD_REQUEST, code="two_credentials")
