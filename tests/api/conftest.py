"""What the tests of the interface ask for: `machine`, a system of somebody of the world."""

import contextvars
from collections.abc import Callable, Collection
from itertools import count
from typing import Any

import pytest
from flask import Flask
from werkzeug.test import TestResponse

from repair_app.db import db
from repair_app.models import User
from repair_app.models.clients import SCOPES
from repair_app.services import clients
from tests.client import check_headers
from tests.factories import World


class Machine:
    """A system with a token: each post has an idempotency key of its own, unless one is named."""

    keys = count()

    def __init__(self, app: Flask, client_id: str, secret: str) -> None:
        self.app, self.client_id, self.secret = app, client_id, secret
        self.token = self.get_token()

    def get_token(self, scope: str = "") -> str:
        """Get a token, as a program does."""
        answer = self.ask_token(scope)
        assert answer.status_code == 200, answer.get_data(as_text=True)
        return answer.json["access_token"]

    def ask_token(self, scope: str = "", secret: str = "") -> TestResponse:
        """Ask for a token and return the answer."""
        fields = {"grant_type": "client_credentials"} | ({"scope": scope} if scope else {})
        auth = (self.client_id, secret or self.secret)
        return self.send("POST", "/token", data=fields, auth=auth, token="")

    def get(self, path: str, **kwargs: Any) -> TestResponse:
        """Read something."""
        return self.send("GET", path, **kwargs)

    def post(self, path: str, body: Any = None, *, key: str = "", **kwargs: Any) -> TestResponse:
        """Send something."""
        headers = {"Idempotency-Key": key or f"key-{next(self.keys)}", **kwargs.pop("headers", {})}
        return self.send("POST", path, json={} if body is None else body, headers=headers, **kwargs)

    def send(self, method: str, path: str, *, token: str | None = None, **kwargs: Any) -> Any:
        """Send a request in a context of its own; afterwards the test's session reads anew."""
        headers = {"Accept-Language": "en", **kwargs.pop("headers", {})}
        bearer = self.token if token is None else token
        if bearer:
            headers["Authorization"] = f"Bearer {bearer}"
        kwargs.setdefault("buffered", True)  # or it is never closed
        client = self.app.test_client(use_cookies=False)
        answer = contextvars.Context().run(
            client.open, f"/api/v1{path}", method=method, headers=headers, **kwargs
        )
        db.session.rollback()
        check_headers(answer)
        return answer


@pytest.fixture
def machine(app: Flask, world: World) -> Callable[..., Machine]:
    """Give a function that registers a system of a person of the world, with a token."""

    def register(
        who: str | User, scopes: Collection[str] = tuple(SCOPES), role: str = ""
    ) -> Machine:
        seats = (getattr(world, who) if isinstance(who, str) else who).current_appointments
        seat = next(one for one in seats if role in {"", one.role})
        issued = clients.register(None, seat, f"System of {who}", scopes)
        made = Machine(app, issued.client.client_id, issued.secret)
        db.session.rollback()
        return made

    return register
