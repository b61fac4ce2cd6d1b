"""Pages that may lag a little: they are read from the replica, where there is one."""

from collections.abc import Callable
from functools import wraps
from typing import Any

from flask import request, session
from sqlalchemy.exc import OperationalError

from repair_app import replica
from repair_app.db import db

View = Callable[..., Any]


def may_lag(view: View) -> View:
    """Let this page of the public be some seconds old: what it reads may come from the replica.

    Never for somebody who is signed in, who may have changed something just now. If the replica
    fails, the page is made again from the primary.
    """

    @wraps(view)
    def show(*args: Any, **asked: Any) -> Any:
        lags = request.method in {"GET", "HEAD"} and "_user_id" not in session
        if not (lags and replica.let_lag(db.session())):
            return view(*args, **asked)
        try:
            return view(*args, **asked)
        except OperationalError:
            replica.give_up(db.session())
            return view(*args, **asked)

    return show
