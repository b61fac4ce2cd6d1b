"""More requests than can be answered: who has waited too long is told so at once.

Requests wait before a node in the order in which they came. Were all of them answered, each would
be answered too late once more come than can be served, and go on being late long after; browsers
and proxies have given up meanwhile. So a request whose turn comes after more than WAITED_SECONDS is
refused without asking the store anything, which takes a hundredth of an answer: nobody waits longer
than that, and the queue is short again as soon as fewer come. When a request had come in, only
the proxy knows: it says so in X-Request-Start, as nginx's `t=${msec}`.
"""

import re
import time
from http import HTTPStatus
from typing import Any, Final

from flask import Flask, current_app, make_response, request
from flask_babel import lazy_gettext as _l
from werkzeug.exceptions import ServiceUnavailable

from repair_app.web import errors

HEADER: Final = "X-Request-Start"
ARRIVED: Final = re.compile(r"(?:t=)?([0-9]{10})(?:\.([0-9]{3}))?")
CREDIBLE: Final = (
    60  # seconds; beyond, the proxy has given up, and the clocks of two machines differ
)
TRY_AGAIN: Final = 5  # seconds
# What the proxy and the monitoring ask: a node that is busy is not one that has failed.
ALWAYS: Final = frozenset({"health.healthz", "health.readyz", "metrics.show"})
WORDS: Final = (
    _l("Too many people are here just now."),
    _l(
        "Wait a few seconds and do the same again. Nothing was saved or sent by this;"
        " a form can be sent again as it is."
    ),
)


class Crowded(ServiceUnavailable):
    """The turn of a request came too late."""


def init_app(app: Flask) -> None:
    """Refuse what has waited too long. To be called before anything that asks the store."""
    app.before_request(refuse_what_is_late)
    app.register_error_handler(Crowded, show_crowd)


def refuse_what_is_late() -> None:
    """Refuse a request that has waited too long. Raises Crowded."""
    most = current_app.config["WAITED_SECONDS"]
    if most and request.endpoint not in ALWAYS and most < waited() < CREDIBLE:
        raise Crowded


def waited() -> float:
    """Return how many seconds ago the request came to the proxy; 0 where nobody says so."""
    came = ARRIVED.fullmatch(request.headers.get(HEADER, ""))
    return time.time() - float(f"{came[1]}.{came[2] or 0}") if came else 0


def show_crowd(_error: Crowded) -> Any:
    """Say so, to people and machines, without asking the store who it is."""
    errors.forget_who()
    answer = make_response(errors.show(HTTPStatus.SERVICE_UNAVAILABLE, words=WORDS))
    answer.headers["Retry-After"] = str(TRY_AGAIN)
    return answer
