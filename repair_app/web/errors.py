"""Every refusal gets a page that says what happened and what can be done; no stack traces."""

import math
import time
from http import HTTPStatus
from typing import Any

import psycopg
from flask import Flask, Response, current_app, g, make_response, render_template, request
from flask_babel import lazy_gettext as _l
from flask_babel import ngettext
from flask_wtf.csrf import CSRFError
from obstore.exceptions import BaseError as StorageError
from sqlalchemy.exc import (
    DBAPIError,
    IntegrityError,
    InterfaceError,
    InternalError,
    OperationalError,
    PendingRollbackError,
)
from sqlalchemy.exc import TimeoutError as NoConnection
from sqlalchemy.orm.exc import StaleDataError
from werkzeug.exceptions import HTTPException, MethodNotAllowed

from repair_app import limits
from repair_app.db import now
from repair_app.engine.step import NotAllowed, NotOffered, Reason, Refused, WrongState
from repair_app.services.cases import NotVisible, TokenBorrowed
from repair_app.uploads import MAX_MB
from repair_app.web import words

Answer = tuple[str, int]
PASSING = ("locked", "disk is full", "disk I/O error")  # what SQLite says when it cannot just now
ENDED = "25"  # class of PostgreSQL's codes: idle for too long, only to be read, failed before
TRY_AGAIN = 10  # seconds after which the store may be back

# Pages that ask a step's question, and show again what was sent from an earlier session.
QUESTIONS = frozenset({"transitions.fire", "records.open_case", "records.impose"})

# status -> what happened, what can be done
TEXTS: dict[int, tuple[Any, Any]] = {
    400: (
        _l("The form could not be read."),
        _l("Go back and send the form again."),
    ),
    401: (
        _l("You have been signed out."),
        _l("Sign in again in a new tab, then come back here and send the form again."),
    ),
    403: (
        _l("This is not open to your account."),
        _l(
            "It needs another role. If you should have it, ask your %(officer)s.",
            officer=words.AUTHORISING,
        ),
    ),
    404: (
        _l("There is no such page."),
        _l("It may have been removed, or it is not yours to see. Check the address."),
    ),
    405: (_l("The page cannot be used in this way."), _l("Start again from the front page.")),
    409: (
        _l("This step cannot be taken now."),
        _l("Something has changed meanwhile. Look at the case as it is now."),
    ),
    413: (
        _l("What you sent is too large."),
        _l("Send fewer or smaller files, up to %(size)s MB each, and less text.", size=MAX_MB),
    ),
    415: (
        _l("A file of this kind is not accepted."),
        _l("Send PDF, OFD, PNG or JPEG files."),
    ),
    422: (
        _l("This form was used before, for something else."),
        _l("Open the page anew and fill in the form there."),
    ),
    429: (_l("Too many attempts."), _l("Wait a minute, then try again.")),
    503: (
        _l("We cannot reach our own store at the moment."),
        _l("Wait a minute and send the same form again: what was taken already is not done twice."),
    ),
    500: (
        _l("Something went wrong on our side."),
        _l("Nothing was changed. Try again; if it happens again, tell us when."),
    ),
}


def init_app(app: Flask) -> None:
    """Register the pages for refusals."""
    app.register_error_handler(HTTPException, show_http_error)
    app.register_error_handler(CSRFError, show_form_error)
    app.register_error_handler(NotVisible, lambda _: show(HTTPStatus.NOT_FOUND))
    app.register_error_handler(NotOffered, lambda _: show(HTTPStatus.NOT_FOUND))
    app.register_error_handler(NotAllowed, lambda _: show(HTTPStatus.FORBIDDEN))
    app.register_error_handler(WrongState, lambda _: show(HTTPStatus.CONFLICT))
    app.register_error_handler(TokenBorrowed, lambda _: show(HTTPStatus.UNPROCESSABLE_ENTITY))
    app.register_error_handler(Refused, show_refusal)
    # Somebody was quicker, and the database kept the rule: nothing was changed.
    app.register_error_handler(IntegrityError, show_collision)
    app.register_error_handler(OperationalError, show_loss)
    app.register_error_handler(NoConnection, show_loss)
    app.register_error_handler(InterfaceError, show_loss)  # the connection is closed already
    app.register_error_handler(PendingRollbackError, show_loss)  # it was lost in a transaction
    app.register_error_handler(InternalError, show_loss)  # the server ended the transaction
    app.register_error_handler(psycopg.Error, show_loss)  # lost where a transaction begins or ends
    app.register_error_handler(StorageError, show_loss)
    app.register_error_handler(StaleDataError, lambda _: show(HTTPStatus.CONFLICT))


def show_http_error(error: HTTPException) -> Any:
    """Show the page of an HTTP status; a redirect stays what it is."""
    code = error.code or HTTPStatus.INTERNAL_SERVER_ERROR
    if code < HTTPStatus.BAD_REQUEST:
        return error
    if code == HTTPStatus.TOO_MANY_REQUESTS:
        return show_too_many()
    answer = make_response(show(code))
    if isinstance(error, MethodNotAllowed) and error.valid_methods:
        answer.headers["Allow"] = ", ".join(sorted(error.valid_methods))
    return answer


def show_too_many(words: tuple[Any, Any] | None = None) -> Response:
    """Show how long to wait, as the limit counts it: the same words whoever's account is tried.

    words: as in `show`.
    """
    limit = limits.limiter.current_limit
    if limit is None:  # it was not ours that refused
        return make_response(show(HTTPStatus.TOO_MANY_REQUESTS, words=words))
    seconds = max(1, math.ceil(limit.reset_at - time.time()))  # by the limit's own clock
    minutes = math.ceil(seconds / 60)
    mend = ngettext(
        "Wait %(num)d minute, then try again.", "Wait %(num)d minutes, then try again.", minutes
    )
    happened = TEXTS[HTTPStatus.TOO_MANY_REQUESTS][0]
    answer = make_response(show(HTTPStatus.TOO_MANY_REQUESTS, words=words or (happened, mend)))
    answer.headers["Retry-After"] = str(seconds)
    return answer


def show_form_error(_error: CSRFError) -> Answer:
    """Show that the form was too old, or not ours."""
    g.refused_form = True  # read by refusals.py
    return show(HTTPStatus.BAD_REQUEST)


def show_collision(error: IntegrityError) -> Answer:
    """Show that somebody was quicker; any other broken rule of the database is a fault of ours."""
    if "unique" in str(error.orig).lower():
        return show(HTTPStatus.CONFLICT)
    current_app.logger.error("a rule of the database was broken", exc_info=error)
    return show(HTTPStatus.INTERNAL_SERVER_ERROR)


def show_loss(
    error: DBAPIError | PendingRollbackError | psycopg.Error | NoConnection | StorageError,
) -> Any:
    """Show that the store does not answer, or not in time; nobody is signed in on that page."""
    if isinstance(error, (OperationalError, InternalError)) and not is_passing(error):
        current_app.logger.error("the database cannot do what it was asked", exc_info=error)
        return show(HTTPStatus.INTERNAL_SERVER_ERROR)
    # The reason alone: the statement's values may be personal.
    reason = str(getattr(error, "orig", None) or error).partition("\n")[0]
    current_app.logger.error("the store does not answer: %s", reason)
    forget_who()
    answer = make_response(show(HTTPStatus.SERVICE_UNAVAILABLE))
    answer.headers["Retry-After"] = str(TRY_AGAIN)
    return answer


def forget_who() -> None:
    """Answer as to nobody: who it is, only the store can tell."""
    current_app.login_manager._update_request_context_with_user()  # type: ignore[attr-defined]  # noqa: SLF001  # the library has no other word for "nobody"


def is_passing(error: OperationalError | InternalError) -> bool:
    """Say whether an error of the database is one of its state, and not of what it was asked."""
    said = str(error.orig)
    if isinstance(error, InternalError):
        return (getattr(error.orig, "sqlstate", None) or "").startswith(ENDED)
    return isinstance(error.orig, psycopg.Error) or any(one in said for one in PASSING)


def show_refusal(error: Refused) -> Answer:
    """Show the reasons of a guard."""
    return show(HTTPStatus.CONFLICT, error.reasons)


def show(
    status: int, reasons: tuple[Reason, ...] = (), words: tuple[Any, Any] | None = None
) -> Answer:
    """Return the page of a refusal; a part of the site that has no pages answers in its own way.

    words: what happened and what can be done, where a page knows better than `TEXTS`.
    """
    for beginning, answer in current_app.extensions["redress_refusals"].items():
        if request.path.startswith(beginning):
            told: Answer = answer(status)
            return told
    happened, mend = words or TEXTS.get(status, TEXTS[500] if status >= 500 else TEXTS[400])  # noqa: PLR2004  # server errors
    page = render_template(
        "error.html",
        status=int(status),
        happened=happened,
        mend=mend,
        reasons=reasons,
        moment=now(),
        unsent=list_unsent() if status == HTTPStatus.UNAUTHORIZED else None,
    )
    return page, int(status)


def list_unsent() -> list[tuple[str, str]] | None:
    """Return what was sent with the question of a step, for its page to show it again; else None.

    The csrf token that was sent goes along and no fresh one: after the session has ended the form
    comes back to be looked at and is not carried out, for another site may have sent it.
    """
    if request.endpoint not in QUESTIONS:
        return None
    sent = request.form.copy()
    sent.setdefault("csrf_token", "-")
    return list(sent.items(multi=True))
