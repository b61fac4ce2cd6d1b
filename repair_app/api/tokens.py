"""Tokens: given for a client's identifier and secret, and taken back."""

from typing import Any, Final

from flask import Response
from pydantic import BaseModel, Field

from repair_app.api.access import open_to_all, server
from repair_app.api.problems import PROBLEMS
from repair_app.api.resources import open_part

resources = open_part("tokens")


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


REFUSALS: Final[dict[str | int, Any]] = {**PROBLEMS, 400: Refusal, 401: Refusal}


@resources.post("/token", responses={200: TokenAnswer, **REFUSALS})
@open_to_all
def give_token(form: TokenRequest) -> Response:
    """Get a token.

    Good for 15 minutes. Send the client's identifier and secret by Basic authentication.
    """
    answer: Response = server.create_token_response()
    return answer


@resources.post("/token/revoke", responses={200: Nothing, **REFUSALS})
@open_to_all
def revoke_token(form: RevocationRequest) -> Response:
    """Take a token back before its time is over."""
    answer: Response = server.create_endpoint_response("revocation")
    return answer
