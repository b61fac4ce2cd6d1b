"""Who may use the interface: OAuth 2.0 client credentials (RFC 6749 4.4), bearer tokens (RFC 6750).

A token is looked at before anything of the request is read. A cookie counts for nothing here.
"""

from collections.abc import Callable, Collection
from typing import Any, Final, TypeVar

from authlib.integrations.flask_oauth2 import AuthorizationServer, ResourceProtector, current_token
from authlib.oauth2.rfc6749 import ClientMixin, OAuth2Error, TokenMixin, grants
from authlib.oauth2.rfc6749.util import list_to_scope, scope_to_list
from authlib.oauth2.rfc6750 import BearerTokenValidator
from authlib.oauth2.rfc7009 import RevocationEndpoint
from flask import Flask, current_app, g, request

from repair_app.db import db, now
from repair_app.engine.step import NotAllowed
from repair_app.models import AccessToken, MachineClient, User
from repair_app.models.clients import SCOPES
from repair_app.services import clients

PREFIX: Final = "/api/v1"
MACHINES: Final = "machines"  # who may enter, as the door reads it; which, is said here
OPEN: Final = ""  # no token is asked for
SCHEMES: Final[dict[str, Any]] = {
    "oauth2": {
        "type": "oauth2",
        "flows": {
            "clientCredentials": {
                "tokenUrl": f"{PREFIX}/token",
                "scopes": {name: label.en for name, label in SCOPES.items()},
            }
        },
    }
}
METHODS: Final = ("client_secret_basic", "client_secret_post")
View = TypeVar("View", bound=Callable[..., Any])

MENDS: Final = {
    "invalid_client": "The client or its secret is not known, or was revoked. Send client_id and "
    "client_secret by HTTP Basic, or in the form. The person in whose seat the client acts draws "
    "its secret, under 'Systems in your name'.",
    "unsupported_grant_type": "Only tokens for a client itself are given. Send "
    "grant_type=client_credentials in a form (application/x-www-form-urlencoded).",
    "invalid_scope": "A scope is not known, or not the client's. Leave scope out to have all of "
    "the client's; for more, ask an administrator or security officer (dengbao3: the latter).",
    "invalid_request": "The token that is to be taken back is missing. Send it as token in the "
    "form.",
    "invalid_grant": "The token was given to another client, which alone can take it back.",
    "unsupported_token_type": "There are access tokens only. Leave token_type_hint out, or send "
    "token_type_hint=access_token.",
}


class TokenServer(AuthorizationServer):
    """Gives tokens, and says what can be done where it gives none."""

    def handle_error_response(self, request: Any, error: OAuth2Error) -> Any:
        """Answer why there is no token, by the library's code and our own words.

        In English only: RFC 6749 5.2 lets an error_description have no other signs than ASCII.
        """
        error.description = MENDS.get(error.error, error.description)
        return super().handle_error_response(request, error)


server = TokenServer()
protector = ResourceProtector()


def needs(scope: str) -> Callable[[View], View]:
    """Say what a token has to be good for, to enter."""

    def say(view: View) -> View:
        view.access = MACHINES  # type: ignore[attr-defined]  # read by the door
        view.scope = scope  # type: ignore[attr-defined]  # read by admit
        return view

    return say


def open_to_all(view: View) -> View:
    """Let everybody enter: what is there is public, or looks at the client itself."""
    return needs(OPEN)(view)


def init_app(app: Flask) -> None:
    """Set up the server of tokens."""
    app.config["OAUTH2_TOKEN_EXPIRES_IN"] = {
        "client_credentials": int(clients.TOKEN_LIFE.total_seconds())
    }
    server.init_app(app, query_client=find_client, save_token=save_token)


def admit() -> None:
    """Let this request in. Raises OAuth2Error, which problems.py answers."""
    view: Any = current_app.view_functions[str(request.endpoint)]
    if view.scope != OPEN:
        protector.acquire_token([view.scope])


def check_rules(app: Flask, names: Collection[str]) -> None:
    """Refuse to start with a view that does not say what it needs. Raises RuntimeError."""
    for endpoint, view in app.view_functions.items():
        if endpoint.partition(".")[0] in names and not hasattr(view, "scope"):
            raise RuntimeError(f"{endpoint} does not say what a token has to be good for")


def current_client() -> MachineClient:
    """Return the client of this request."""
    found: MachineClient = current_token.token.client
    return found


def current_account() -> User:
    """Return the account by which the client of this request acts."""
    return current_client().account


def act_as(*roles: str) -> User:
    """Return the account of this request, whose role is one of these. Raises NotAllowed."""
    if current_client().role not in roles:
        raise NotAllowed(str(request.endpoint))
    return current_account()


class Client(ClientMixin):
    """A machine client as the library asks it."""

    def __init__(self, row: MachineClient) -> None:
        self.row = row

    def get_client_id(self) -> str:
        """Return the identifier."""
        return self.row.client_id

    def get_allowed_scope(self, scope: str | None) -> str | None:
        """Return the wanted scopes, all of its own for none named; None where it may not."""
        wanted = scope_to_list(scope) or self.row.scopes
        return str(list_to_scope(wanted)) if set(wanted) <= set(self.row.scopes) else None

    def check_client_secret(self, client_secret: str) -> bool:
        """Say whether the secret is the client's."""
        return clients.knows_secret(self.row, client_secret)

    def check_endpoint_auth_method(self, method: str, endpoint: str) -> bool:
        """Say whether a client may prove itself in this way."""
        return method in METHODS

    def check_grant_type(self, grant_type: str) -> bool:
        """Say whether tokens are given for this: for the client's own secret only."""
        return grant_type == "client_credentials"


class Token(TokenMixin):
    """A token as the library asks it."""

    def __init__(self, token: AccessToken, is_good: bool) -> None:
        self.token = token
        self.is_good = is_good  # whether its client may still act

    def check_client(self, client: Client) -> bool:
        """Say whether a token was given to a client."""
        return bool(self.token.client_id == client.row.id)

    def get_scope(self) -> str:
        """Return what it is good for, and its client still may."""
        still = [one for one in self.token.scopes if one in self.token.client.scopes]
        return str(list_to_scope(still))

    def is_expired(self) -> bool:
        """Say whether its time is over."""
        return self.token.expires_at <= now()

    def is_revoked(self) -> bool:
        """Say whether it was taken back, or its client may act no more."""
        return self.token.revoked_at is not None or not self.is_good


class ClientCredentials(grants.ClientCredentialsGrant):
    """Tokens for a client's own secret."""

    TOKEN_ENDPOINT_AUTH_METHODS = METHODS


class Revocation(RevocationEndpoint):
    """Taking back a token (RFC 7009)."""

    CLIENT_AUTH_METHODS = METHODS

    def query_token(self, token_string: str, token_type_hint: str | None) -> Token | None:
        """Return a token of ours, if it is one."""
        found = clients.find_token(token_string)
        return Token(*found) if found else None

    def revoke_token(self, token: Token, request: Any) -> None:
        """Make it worthless."""
        clients.revoke_token(token.token)


class Validator(BearerTokenValidator):
    """Looks at the token that a request bears."""

    def authenticate_token(self, token_string: str) -> Token | None:
        """Return a token of ours, if it is one."""
        found = clients.find_token(token_string)
        if found is None:
            return None
        g.client_number = found[0].client_id  # for the log, whatever becomes of the session
        return Token(*found)


def find_client(client_id: str) -> Client | None:
    """Return a client that may have tokens, if there is one of this identifier."""
    row = clients.find(db.session(), client_id)
    return Client(row) if row is not None and clients.is_good(row) else None


def save_token(token: dict[str, Any], wanted: Any) -> None:
    """Keep a token that is about to be handed out."""
    clients.issue_token(wanted.client.row, token["access_token"], scope_to_list(token["scope"]))


server.register_grant(ClientCredentials)
server.register_endpoint(Revocation)
protector.register_token_validator(Validator())
