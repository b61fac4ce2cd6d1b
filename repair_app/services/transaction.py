"""One transaction: commit what succeeded, roll back everything else; one for each of many."""

from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from typing import TypeVar

from sqlalchemy import Connection
from sqlalchemy.orm import Session

from repair_app.db import db, writing

Item = TypeVar("Item")


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
