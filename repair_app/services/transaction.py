"""One transaction: commit what succeeded, roll back everything else; one for each of many."""

import logging
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from functools import wraps
from typing import Final, ParamSpec, TypeVar

from psycopg import errors
from sqlalchemy import Connection
from sqlalchemy.exc import OperationalError
from sqlalchemy.orm import Session

from repair_app.db import db, writing

Item = TypeVar("Item")
Given = ParamSpec("Given")
Result = TypeVar("Result")

TRIES: Final = 3
# PostgreSQL took our transaction back because of another one, which may be over by now.
OTHERS_FIRST: Final = (
    errors.DeadlockDetected,
    errors.LockNotAvailable,
    errors.SerializationFailure,
)
log = logging.getLogger(__name__)


@contextmanager
def transaction() -> Iterator[Session]:
    """Give the session of this request; commit at the end, roll back whatever is raised.

    What was read before is read again: the lock is taken only here, for as short as can be.
    """
    session = db.session()
    session.rollback()
    with writing():
        try:
            yield session
            session.commit()
        except BaseException:
            session.rollback()
            raise


def tried_again(function: Callable[Given, Result]) -> Callable[Given, Result]:
    """Let a function that is one transaction begin anew where another one was in its way.

    TRIES times in all; then what the database said is raised. Nothing was committed before, so
    that nothing is done twice.
    """

    @wraps(function)
    def trying(*given: Given.args, **more: Given.kwargs) -> Result:
        for _ in range(TRIES - 1):
            try:
                return function(*given, **more)
            except OperationalError as error:
                if not isinstance(error.orig, OTHERS_FIRST):
                    raise
                log.warning("tried again: %s", type(error.orig).__name__)
        return function(*given, **more)

    return trying


@contextmanager
def aside() -> Iterator[Connection]:
    """Give a connection of its own; what is done on it is kept, whatever becomes of the request."""
    with writing(), db.engine.begin() as connection:
        yield connection


@contextmanager
def at_once() -> Iterator[Connection]:
    """Give a connection on which each statement is a transaction of its own.

    On PostgreSQL that is one round trip where BEGIN and COMMIT would make it three: a row is
    locked while it is written, and no longer. SQLite's one writer has to say so beforehand.
    """
    if db.engine.dialect.name == "sqlite":
        with aside() as connection:
            yield connection
        return
    with writing(), db.engine.connect() as connection:
        yield connection.execution_options(isolation_level="AUTOCOMMIT")


def sweep(items: Iterable[Item], act: Callable[[Item], bool]) -> int:
    """Do something with each item, in a transaction of its own; return with how many it was done.

    One that fails does not keep the others waiting: all failures are raised together at the end,
    as an ExceptionGroup.
    """
    done, failures = 0, []
    for one in items:
        try:
            done += act(one)
        except Exception as failure:  # noqa: BLE001  # none is lost: they are raised below
            failures.append(failure)
    if failures:
        raise ExceptionGroup(f"{len(failures)} failed, {done} done", failures)
    return done
