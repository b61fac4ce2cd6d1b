"""The calendar feed at its secret address; the calendar that reads it has no session."""

from functools import partial
from http import HTTPStatus
from typing import Any

from flask import Blueprint, Flask, Response

from repair_app.services import feed
from repair_app.web import accounts
from repair_app.web.door import public

pages = Blueprint("feed", __name__, url_prefix="/feed")


def slow_down(app: Flask) -> None:
    """Limit, from one network address, the calendar addresses that are none."""
    views: dict[str, Any] = app.view_functions
    limit = accounts.limiter.limit(
        partial(accounts.limit_of, "FEED_RATE_LIMIT"), deduct_when=has_missed
    )
    views["feed.show"] = limit(views["feed.show"])


def has_missed(answer: Response) -> bool:
    """Say whether an address was tried that there is not."""
    return answer.status_code == HTTPStatus.NOT_FOUND


@pages.get("/<token>.ics")
@public
def show(token: str) -> Response:
    """Hand out the terms of the account that a secret address belongs to, as they are now."""
    content = feed.write_feed(feed.find_reader(token))
    return Response(content, content_type="text/calendar; charset=utf-8")
