"""The calendar feed at its secret address; the calendar that reads it has no session."""

import hashlib
from functools import partial
from http import HTTPStatus
from typing import Any

from flask import Blueprint, Flask, Response, request

from repair_app import limits
from repair_app.services import feed
from repair_app.web import accounts
from repair_app.web.door import public

pages = Blueprint("feed", __name__, url_prefix="/feed")


def slow_down(app: Flask) -> None:
    """Limit, from one network address, the calendar addresses that are none; and each that is."""
    views: dict[str, Any] = app.view_functions
    misses = limits.limiter.limit(
        partial(limits.limit_of, "FEED_RATE_LIMIT"), deduct_when=accounts.has_missed
    )
    reads = limits.limiter.limit(
        partial(limits.limit_of, "FEED_READ_RATE_LIMIT"),
        key_func=which_feed,
        deduct_when=was_read,
    )
    views["feed.show"] = reads(misses(views["feed.show"]))


def which_feed() -> str:
    """Return which feed is asked for, without its secret: many calendars share an address."""
    return hashlib.sha256(request.path.encode()).hexdigest()


def was_read(answer: Response) -> bool:
    """Say whether a feed was handed out."""
    return answer.status_code == HTTPStatus.OK


@pages.get("/<token>.ics")
@public
def show(token: str) -> Response:
    """Hand out the terms of the account that a secret address belongs to, as they are now."""
    content = feed.write_feed(feed.find_reader(token))
    return Response(content, content_type="text/calendar; charset=utf-8")
