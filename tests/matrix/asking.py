"""Asks the application quickly: each request is a whole one, but its environment is made once."""

import contextvars
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from io import BytesIO
from itertools import count
from typing import Any
from urllib.parse import urlencode

from flask import Flask
from sqlalchemy import Engine, event, func, select
from werkzeug.test import EnvironBuilder

from repair_app.db import db
from repair_app.models import SecurityEvent
from tests.client import make_client, sign_in

FORM = "application/x-www-form-urlencoded"
NO_TRACE = ("security_event", "rate_count", "viewing")  # what may be written by a refusal
KEYS = count()


@dataclass
class Asker:
    """Somebody's browser, or somebody's system: what goes along with everything they send."""

    app: Flask
    environ: dict[str, Any]
    csrf: str = ""

    def send(self, path: str, body: bytes = b"") -> tuple[int, bytes]:
        """Post something, in a context of its own; return status and body of the answer."""
        environ = {
            **self.environ,
            "PATH_INFO": path,
            "CONTENT_LENGTH": str(len(body)),
            "wsgi.input": BytesIO(body),
            "HTTP_IDEMPOTENCY_KEY": f"key-{next(KEYS)}",
        }
        return contextvars.Context().run(self._run, environ)

    def read(self, path: str) -> tuple[int, bytes]:
        """Read something, in a context of its own; return status and body of the answer."""
        environ = {**self.environ, "PATH_INFO": path, "REQUEST_METHOD": "GET"}
        environ |= {"CONTENT_LENGTH": "", "CONTENT_TYPE": "", "wsgi.input": BytesIO()}
        return contextvars.Context().run(self._run, environ)

    def _run(self, environ: dict[str, Any]) -> tuple[int, bytes]:
        told: list[str] = []
        answer = self.app.wsgi_app(environ, lambda status, _headers, *_: told.append(status))
        try:
            body = b"".join(answer)
        finally:
            answer.close()  # what was refused is noted then
        return int(told[0][:3]), body


def browser(app: Flask, email: str = "", bearer: str = "") -> Asker:
    """Return a browser: signed in where an address is given, with a bearer token if one is."""
    client, csrf = make_client(app), ""
    if email:
        sign_in(client, email)
        csrf = client.token()
    headers = {"Authorization": f"Bearer {bearer}"} if bearer else {}
    cookies = "; ".join(f"{one.key}={one.value}" for one in client._cookies.values())
    if cookies:
        headers["Cookie"] = cookies
    return Asker(app, environ_of(headers, FORM), csrf)


def system(app: Flask, bearer: str = "") -> Asker:
    """Return a system with a token, or with none."""
    headers = {"Authorization": f"Bearer {bearer}"} if bearer else {}
    return Asker(app, environ_of(headers, "application/json"))


def environ_of(headers: Mapping[str, str], content_type: str) -> dict[str, Any]:
    """Return what all requests of somebody have in common."""
    builder = EnvironBuilder(
        "/", method="POST", headers={"Accept-Language": "en", **headers}, content_type=content_type
    )
    made = builder.get_environ()
    builder.close()
    return made


def form_of(asker: Asker) -> bytes:
    """Return a form as a page would send it, with nothing filled in and drawn long ago."""
    return urlencode({"csrf_token": asker.csrf, "form_token": "t" * 32, "version": "0"}).encode()


@dataclass
class Writes:
    """The tables that statements wrote to since it was last asked: also what was rolled back."""

    found: list[str] = field(default_factory=list)

    def note(self, _conn: Any, _cursor: Any, statement: str, *_rest: Any) -> None:
        """Note a statement that writes."""
        words = statement.split(None, 3)
        if words and words[0].upper() in {"INSERT", "UPDATE", "DELETE", "WITH"}:
            name = next((one for one in words[1:] if one.upper() not in {"INTO", "FROM"}), "")
            if name.strip('"') not in NO_TRACE:
                self.found.append(statement[:80])

    def take(self) -> list[str]:
        """Return what was noted, and begin anew."""
        taken, self.found[:] = list(self.found), []
        return taken


def watching(engine: Engine) -> Iterator[Writes]:
    """Watch every statement of an engine meanwhile."""
    writes = Writes()
    event.listen(engine, "before_cursor_execute", writes.note)
    try:
        yield writes
    finally:
        event.remove(engine, "before_cursor_execute", writes.note)


def refusals_noted() -> int:
    """Return how many refusals were counted so far."""
    db.session.rollback()
    noted = int(db.session.scalar(select(func.coalesce(func.sum(SecurityEvent.times), 0))))
    db.session.rollback()  # what follows may take longer than a transaction may stand idle
    return noted
