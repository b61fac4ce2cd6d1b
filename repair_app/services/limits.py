"""Counts of requests in the store: all processes on all machines keep one limit together."""

import hashlib
import time
from datetime import datetime
from functools import lru_cache
from typing import Any, Final

from flask import has_request_context, request
from limits.storage import Storage
from sqlalchemy import Float, Insert, bindparam, case, delete, select
from sqlalchemy.dialects import postgresql, sqlite
from sqlalchemy.exc import SQLAlchemyError

from repair_app.db import db
from repair_app.models import RateCount
from repair_app.services.transaction import aside, at_once

SCHEME: Final = "store"
COUNTED: Final = "redress.counted"  # in a request's environment: what it has counted itself


class StoreCounts(Storage):
    """Counts for Flask-Limiter, which finds this class by its scheme: `store://`.

    A count is a transaction of its own, whatever becomes of the request.
    """

    STORAGE_SCHEME = [SCHEME]

    @property
    def base_exceptions(self) -> type[Exception] | tuple[type[Exception], ...]:
        return SQLAlchemyError

    def incr(self, key: str, expiry: float, amount: int = 1) -> int:
        """Add to a count and return it; one whose window is over begins anew."""
        moment = time.time()
        values = {"key": name_of(key), "hits": amount, "ends_at": moment + expiry, "moment": moment}
        with at_once() as connection:
            statement = counting(connection.dialect.name)
            hits, ends_at = connection.execute(statement, values).one()
        if has_request_context():
            request.environ.setdefault(COUNTED, {})[key] = (int(hits), float(ends_at))
        return int(hits)

    def get(self, key: str) -> int:
        """Return a count."""
        counted = counted_here(key)
        return counted[0] if counted else int(self._read(RateCount.hits, key) or 0)

    def get_expiry(self, key: str) -> float:
        """Return when the window of a count is over."""
        counted = counted_here(key)
        if counted:
            return counted[1]
        return float(self._read(RateCount.ends_at, key) or time.time())

    def check(self) -> bool:
        """Say whether counts can be read."""
        self.get("")
        return True

    def reset(self) -> int:
        """Forget all counts."""
        with aside() as connection:
            return int(connection.execute(delete(RateCount)).rowcount)

    def clear(self, key: str) -> None:
        """Forget a count."""
        if has_request_context():
            request.environ.get(COUNTED, {}).pop(key, None)
        with aside() as connection:
            connection.execute(delete(RateCount).where(RateCount.key == name_of(key)))

    def _read(self, column: Any, key: str) -> Any:
        running = RateCount.ends_at > time.time()
        with db.engine.connect() as connection:
            return connection.scalar(select(column).where(RateCount.key == name_of(key), running))


def counted_here(key: str) -> tuple[int, float] | None:
    """Return what this request has counted already, and the end of its window: not asked again."""
    counted: dict[str, tuple[int, float]] = (
        request.environ.get(COUNTED, {}) if has_request_context() else {}
    )
    return counted.get(key)


def name_of(key: str) -> str:
    """Return a count's key as it is stored: it may hold an address or a name."""
    return hashlib.sha256(key.encode()).hexdigest()


@lru_cache
def counting(dialect: str) -> Insert:
    """Return the one statement that counts, so that none of two at once is lost."""
    insert: Any = {"sqlite": sqlite, "postgresql": postgresql}[dialect].insert
    is_over = RateCount.ends_at <= bindparam("moment", type_=Float)
    new = insert(RateCount).values(
        key=bindparam("key"), hits=bindparam("hits"), ends_at=bindparam("ends_at")
    )
    statement: Insert = new.on_conflict_do_update(
        index_elements=[RateCount.key],
        set_={
            "hits": case((is_over, new.excluded.hits), else_=RateCount.hits + new.excluded.hits),
            "ends_at": case((is_over, new.excluded.ends_at), else_=RateCount.ends_at),
        },
    ).returning(RateCount.hits, RateCount.ends_at)
    return statement


def forget_counts(moment: datetime) -> int:
    """Forget the counts whose windows are over."""
    with aside() as connection:
        over = delete(RateCount).where(RateCount.ends_at <= moment.timestamp())
        return int(connection.execute(over).rowcount)
