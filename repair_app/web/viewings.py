"""Notes which office looked at what, after the page was sent: nobody waits for it."""

from typing import Any, Final

from flask import Flask, Response, current_app, request
from flask_login import current_user
from sqlalchemy.exc import SQLAlchemyError

from repair_app.services import viewings

# endpoint -> what its reference is
WATCHED: Final = {
    "cases.show": "cases",
    "cases.show_requirement": "requirements",
    "cases.download": "documents",
    "records.show": "records",
    "transitions.fire": "",  # the address says
}


def init_app(app: Flask) -> None:
    """Watch the pages that show an enterprise's records, matters and papers."""
    app.after_request(watch)


def watch(response: Response) -> Response:
    """Have a look noted, once the page has been sent."""
    kind = WATCHED.get(request.endpoint or "")
    shown = request.method == "GET" and response.status_code < 300  # noqa: PLR2004  # was shown
    if kind is None or not shown or not current_user.is_authenticated:
        return response
    if not viewings.may_be_noted(current_user):
        return response
    args: dict[str, Any] = request.view_args or {}
    # The proxy points nowhere any more once the answer was sent.
    app = current_app._get_current_object()  # type: ignore[attr-defined]  # noqa: SLF001
    account_id, where = current_user.id, (kind or args["kind"], args["ref"])
    response.call_on_close(lambda: note_within(app, account_id, *where))
    return response


def note_within(app: Flask, account_id: int, kind: str, ref: str) -> None:
    """Note a look; the page was sent, so that what goes wrong is only logged."""
    with app.app_context():
        try:
            viewings.note(account_id, kind, ref)
        except SQLAlchemyError as error:
            app.logger.warning("a look was not noted: %s", type(error).__name__)
