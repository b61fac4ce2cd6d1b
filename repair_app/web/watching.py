"""Watches every request: its number, one line in the log, its time among the metrics.

The line names the endpoint and never the address: addresses hold names, codes and tokens.
"""

import re
import time
import uuid
from typing import Any, Final

import structlog
from flask import Flask, Response, current_app, g, request
from sqlalchemy import inspect
from structlog.contextvars import bind_contextvars, clear_contextvars

from repair_app import logs
from repair_app.models import User

HEADER: Final = "X-Request-Id"
NUMBER: Final = re.compile(r"[0-9A-Za-z][0-9A-Za-z._-]{7,63}")  # that a proxy may give
REF: Final = re.compile(r"[A-Z]{2}-[0-9]{4}-[0-9]{6,9}-[0-9A-Z]")
METHODS: Final = frozenset({"GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS"})

log = structlog.get_logger(f"{logs.OURS}.requests")


def init_app(app: Flask) -> None:
    """Watch the application. To be called first: what begins first ends last."""
    logs.set_up(app.config["LOGS"])
    app.before_request(begin)
    app.after_request(end)
    app.log_exception = tell_fault  # type: ignore[method-assign]  # Flask's own names the address


def begin() -> None:
    """Give the request its number, and to every line that is written while it is answered."""
    g.began = time.perf_counter()
    g.request_id = choose_number()
    clear_contextvars()
    bind_contextvars(request=g.request_id)


def choose_number() -> str:
    """Return the number that the proxy gave, where there is one to believe; else a new one."""
    given = request.headers.get(HEADER, "")
    if current_app.config["BASE_URL"] and NUMBER.fullmatch(given):
        return given
    return uuid.uuid4().hex


def end(response: Response) -> Response:
    """Write the line of a request, and take its time."""
    began = g.pop("began", None)
    if began is None:  # the line of this request is written already
        return response
    seconds = time.perf_counter() - began
    endpoint, method = request.endpoint or "none", known_method()
    log.info(
        "request",
        endpoint=endpoint,
        method=method,
        status=response.status_code,
        ms=round(1000 * seconds, 1),
        **find_who(),
        **find_matter(),
    )
    response.headers[HEADER] = g.request_id
    clear_contextvars()
    if metrics := current_app.extensions.get("redress_metrics"):
        metrics.observe(endpoint, method, response.status_code, seconds)
    return response


def known_method() -> str:
    """Return the method of the request; what is none is not repeated."""
    return request.method if request.method in METHODS else "other"


def find_who() -> dict[str, int]:
    """Return the number of the account, or of the machine client, that the request has shown to be.

    Nothing is asked of the store for it, whatever became of the session; and no name is told.
    """
    user = g.get("_login_user")  # where Flask-Login keeps it
    if isinstance(user, User):
        identity = inspect(user).identity
        return {"account": identity[0]} if identity else {}
    number = g.get("client_number")  # where api/access.py does
    return {} if number is None else {"client": number}


def find_matter() -> dict[str, str]:
    """Return the reference in the address, if it is one."""
    ref = (request.view_args or {}).get("ref")
    return {"ref": ref} if isinstance(ref, str) and REF.fullmatch(ref) else {}


def tell_fault(exc_info: Any) -> None:
    """Log a fault that no page answers for: where, never what was sent."""
    endpoint, method = request.endpoint or "none", known_method()
    log.error("fault", endpoint=endpoint, method=method, **find_matter(), exc_info=exc_info)
