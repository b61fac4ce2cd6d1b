"""Notes which office looked at what, after the page was sent: nobody waits for it."""

from collections.abc import Callable
from functools import partial
from typing import Any, Final

from flask import Flask, Response, request
from flask_login import current_user

from repair_app.services import viewings
from repair_app.services.listings.registry import LISTINGS, chosen

# endpoint -> what its reference is
WATCHED: Final = {
    "cases.prove": "cases",
    "cases.show": "cases",
    "cases.show_requirement": "requirements",
    "cases.download": "documents",
    "cases.look": "documents",
    "letters.download": "letters",
    "letters.draft": "",
    "records.show": "records",
    "records.open_case": "records",
    "records.impose": "records",
    "enforcement.initiate": "records",
    "training.study": "requirements",
    "transitions.fire": "",  # the address says
}
FILES: Final = "exports.download"  # what a job writes, the job notes


def init_app(app: Flask) -> None:
    """Watch the pages that show an enterprise's records, matters, papers, letters and lists."""
    app.after_request(watch)


def watch(response: Response) -> Response:
    """Have a look noted, once the page has been sent."""
    shown = request.method == "GET" and response.status_code < 300  # noqa: PLR2004  # was shown
    if not shown or not current_user.is_authenticated:
        return response
    noting = noting_of(response)
    if noting is None or not viewings.may_be_noted(current_user):
        return response
    viewings.note_when_sent(response, noting)
    return response


def noting_of(response: Response) -> Callable[[], Any] | None:
    """Return what notes the look at the page of this request; None for one that is not watched."""
    args: dict[str, Any] = request.view_args or {}
    kind = WATCHED.get(request.endpoint or "")
    if kind is not None:
        return partial(viewings.note, current_user.id, kind or args["kind"], args["ref"])
    if request.endpoint != FILES or response.mimetype == "text/html":  # a long one is asked for
        return None
    name = args["name"]
    filters = chosen(LISTINGS[name], request.args)
    return partial(viewings.note_list, current_user.id, name, filters)
