"""Refusals as problem details (RFC 9457): what happened, a code to act on, and what to do next."""

from collections.abc import Mapping, Sequence
from http import HTTPStatus
from types import MappingProxyType
from typing import Any, Final

from authlib.oauth2.rfc6749 import OAuth2Error
from flask import Flask, Response, current_app, json, make_response, request
from flask_babel import gettext
from pydantic import BaseModel, Field, ValidationError
from sqlalchemy.exc import IntegrityError
from sqlalchemy.orm.exc import StaleDataError
from werkzeug.exceptions import HTTPException

from repair_app.api.mistakes import list_mistakes
from repair_app.engine.step import NotAllowed, NotOffered, Reason, Refused, WrongState
from repair_app.labels import N_
from repair_app.services.cases import NoSuchPlace, NotVisible, Stale, TokenBorrowed
from repair_app.services.reasons import reason_text

NOTHING_OPEN: Final[Mapping[str, object]] = MappingProxyType({})
MEDIA_TYPE: Final = "application/problem+json"
INVALID: Final = 422


class Mistake(BaseModel):
    """One thing that is wrong with what was sent."""

    field: str = Field(description="where it stands; empty: the whole")
    message: str


class Problem(BaseModel):
    """Why a request was refused (RFC 9457)."""

    type: str = Field("about:blank", description="always about:blank: the code tells")
    title: str = Field(description="what happened, in the language asked for (Accept-Language)")
    status: int
    code: str = Field(description="the same for the same reason, in every language")
    mend: str = Field(description="what can be done about it")
    reasons: list[str] = Field([], description="why a step is barred, in words")
    errors: list[Mistake] = Field([], description="what is wrong with which field")


PROBLEMS: Final[dict[str | int, Any]] = {
    status: {
        "description": phrase,
        "content": {MEDIA_TYPE: {"schema": {"$ref": "#/components/schemas/Problem"}}},
    }
    for status, phrase in (
        (400, "not understood"),
        (401, "no token, or one that is worthless"),
        (403, "not open to this client"),
        (404, "there is no such thing, or it is not this client's to see"),
        (409, "not possible as things stand"),
        (412, "not what If-Match names"),
        (413, "too large"),
        (415, "not a body of this kind"),
        (422, "something sent is wrong"),
        (429, "too many requests"),
        (503, "not available just now"),
    )
}

# code -> what happened, what can be done
TEXTS: Final = {
    "not_understood": (
        N_("The request could not be read."),
        N_("Send it as the description of the interface has it."),
    ),
    "no_token": (N_("No token was sent."), N_("Get one at /api/v1/token and send it as Bearer.")),
    "worthless_token": (
        N_("The token is worthless: it has ended or was taken back."),
        N_("Get a new one at /api/v1/token."),
    ),
    "insufficient_scope": (
        N_("The token is not good for this."),
        N_(
            "Ask for a token with the scope, or have an administrator or security officer "
            "(dengbao3: the latter) give it to the client."
        ),
    ),
    "not_allowed": (
        N_("This step is not for the client's role."),
        N_("Somebody in another role has to take it."),
    ),
    "not_found": (
        N_("There is no such thing here."),
        N_("Check the address; what is not yours to see is answered in the same way."),
    ),
    "no_such_step": (
        N_("There is no such step."),
        N_("Read the matter: it lists the steps that are offered."),
    ),
    "wrong_method": (
        N_("The address cannot be used in this way."),
        N_("Use a method that the description of the interface names."),
    ),
    "not_as_named": (
        N_("It is not the one that If-Match names."),
        N_("Ask without If-Match, and see what has changed."),
    ),
    "refused": (N_("The step is barred."), N_("See the reasons; mend what they name.")),
    "contradicts": (
        N_("This contradicts what was reported of the same day."),
        N_(
            "What was carried out cannot be taken back by a report. Was it reported by mistake, "
            "send `executed` once more and say so in `why`: it is kept beside the first report."
        ),
    ),
    "wrong_state": (
        N_("The step does not start in the present state."),
        N_("Read the matter again: something has changed, or the step came too early."),
    ),
    "stale": (
        N_("The matter has changed since it was read."),
        N_("Read it again and send its present version."),
    ),
    "collision": (N_("Somebody was quicker."), N_("Read again what it is about, then try again.")),
    "key_reused": (
        N_("This idempotency key was used before, for something else."),
        N_("Use a new key for a new request."),
    ),
    "no_key": (
        N_("The request has no idempotency key."),
        N_("Send a key of your own with each request that changes something: Idempotency-Key."),
    ),
    "long_key": (
        N_("The idempotency key is too long: it has %(length)s characters."),
        N_("Send a key of up to %(longest)s characters, for example a UUID."),
    ),
    "bad_key": (
        N_("The idempotency key has characters that no key may have."),
        N_("Send a key of letters, digits and signs of ASCII without a space, such as a UUID."),
    ),
    "unknown_parameter": (
        N_("The address has a parameter that is not known there."),
        N_("Leave out or correct: %(names)s. Known here: %(known)s."),
    ),
    "repeated_parameter": (
        N_("A parameter stands more than once."),
        N_("Send it once: %(names)s."),
    ),
    "no_such_place": (
        N_("The list has no such place to go on from."),
        N_("Send `next` of the page before as `after`, unchanged; leave it out to begin anew."),
    ),
    "too_large": (N_("What was sent is too large."), N_("Send less at a time.")),
    "wrong_type": (
        N_("A body of this kind is not accepted."),
        N_("Send the kind that the description of the interface names."),
    ),
    "invalid": (N_("Something that was sent is wrong."), N_("Mend the fields that are named.")),
    "misplaced": (
        N_("The part does not follow upon what is there."),
        N_("Go on where Upload-Offset says."),
    ),
    "not_receiving": (
        N_("The file takes no parts any more."),
        N_("Read how it stands; begin a new upload if it was given up."),
    ),
    "not_stopped": (
        N_("The file is being read, or has ended."),
        N_("Read how it stands: only what was stopped can be taken up again."),
    ),
    "differs": (
        N_("The file that came is not the one that was announced: its SHA-256 differs."),
        N_("Nothing was brought in. Begin a new upload and send the file again."),
    ),
    "too_much": (
        N_("The file or part is too large, or too many files are on their way."),
        N_("Send smaller parts, split the file, or wait until others have been read."),
    ),
    "too_many": (N_("Too many requests."), N_("Wait as long as Retry-After says.")),
    "fault": (
        N_("Something went wrong on our side."),
        N_("Nothing was changed. Try again with the same idempotency key."),
    ),
    "unavailable": (
        N_("Not available just now."),
        N_(
            "Wait as long as Retry-After says, then send the same with the same idempotency key:"
            " what was taken already is not done twice."
        ),
    ),
}
BY_STATUS: Final = {
    400: "not_understood",
    401: "no_token",
    403: "not_allowed",
    404: "not_found",
    405: "wrong_method",
    409: "collision",
    413: "too_large",
    415: "wrong_type",
    422: "invalid",
    429: "too_many",
    503: "unavailable",
}
BY_ERROR: Final[dict[type[Exception], tuple[HTTPStatus, str]]] = {
    NotVisible: (HTTPStatus.NOT_FOUND, "not_found"),
    NoSuchPlace: (HTTPStatus.UNPROCESSABLE_ENTITY, "no_such_place"),
    NotOffered: (HTTPStatus.NOT_FOUND, "no_such_step"),
    NotAllowed: (HTTPStatus.FORBIDDEN, "not_allowed"),
    WrongState: (HTTPStatus.CONFLICT, "wrong_state"),
    Stale: (HTTPStatus.CONFLICT, "stale"),
    StaleDataError: (HTTPStatus.CONFLICT, "collision"),
    TokenBorrowed: (HTTPStatus.UNPROCESSABLE_ENTITY, "key_reused"),
}


class Wrong(Exception):
    """What was sent is wrong; carries the mistakes."""

    def __init__(
        self, *mistakes: Mistake, status: int = INVALID, code: str = "", **values: str
    ) -> None:
        super().__init__(status)
        self.mistakes = mistakes
        self.status = status
        self.code = code or BY_STATUS[status]
        self.values = values  # that the words of the code leave open


def init_app(app: Flask) -> None:
    """Answer by a problem, and not by a page, where an address of the interface fails to be one."""
    app.extensions["redress_refusals"] = {"/api/": show_status}


def show(
    status: int,
    code: str,
    *,
    reasons: Sequence[Reason] = (),
    errors: Sequence[Mistake] = (),
    values: Mapping[str, object] = NOTHING_OPEN,
) -> Response:
    """Return the problem of a code; values: what its words leave open."""
    happened, mend = TEXTS[code]
    problem = Problem(
        type="about:blank",
        title=gettext(happened, **values),
        status=int(status),
        code=code,
        mend=readable(gettext(mend, **values)),
        reasons=[reason_text(one) for one in reasons],
        errors=[Mistake(field=readable(one.field), message=one.message) for one in errors],
    )
    answer = make_response(json.dumps(problem.model_dump(), ensure_ascii=False), int(status))
    answer.mimetype = MEDIA_TYPE
    return answer


def show_status(status: int) -> Response:
    """Return the problem of an HTTP status, where nothing more is known."""
    known = BY_STATUS.get(status)
    return show(status, known or ("fault" if status >= 500 else "not_understood"))  # noqa: PLR2004


def show_http_error(error: HTTPException) -> Any:
    """Answer an HTTP status; what carries an answer of its own keeps it."""
    if error.response is not None:
        return error.response
    answer = show_status(error.code or HTTPStatus.INTERNAL_SERVER_ERROR)
    for name, value in error.get_headers():
        if name != "Content-Type":
            answer.headers[name] = value
    return answer


def show_token_error(error: OAuth2Error) -> Response:
    """Answer a token that is missing, worthless, or not good for this."""
    code = {
        "missing_authorization": "no_token",
        "insufficient_scope": "insufficient_scope",
    }.get(error.error, "worthless_token")
    status = HTTPStatus.FORBIDDEN if code == "insufficient_scope" else HTTPStatus.UNAUTHORIZED
    answer = show(status, code)
    if status == HTTPStatus.UNAUTHORIZED:
        answer.headers["WWW-Authenticate"] = 'Bearer realm="redress"'
    return answer


def show_known(error: Exception) -> Response:
    """Answer what the services raise."""
    found = next(BY_ERROR[kind] for kind in type(error).__mro__ if kind in BY_ERROR)
    return show(*found)


def show_refusal(error: Refused) -> Response:
    """Answer what a guard refused, with its reasons."""
    return show(HTTPStatus.CONFLICT, "refused", reasons=error.reasons)


def show_wrong(error: Wrong) -> Response:
    """Answer what was wrong with what was sent."""
    return show(error.status, error.code, errors=error.mistakes, values=error.values)


def show_collision(error: IntegrityError) -> Response:
    """Answer that somebody was quicker; any other broken rule of the database is our fault."""
    if "unique" in str(error.orig).lower():
        return show(HTTPStatus.CONFLICT, "collision")
    current_app.logger.error("a rule of the database was broken", exc_info=error)
    return show(HTTPStatus.INTERNAL_SERVER_ERROR, "fault")


def show_invalid(error: ValidationError) -> Response:
    """Answer what does not fit the description of the interface."""
    found = list_mistakes(error, request.get_json(silent=True))
    errors = [Mistake(field=field, message=message) for field, message in found]
    return show(INVALID, "invalid", errors=errors)


def readable(text: str) -> str:
    """Return a text that can be written: what is half a sign only is told by a question mark."""
    return text.encode(errors="replace").decode()
