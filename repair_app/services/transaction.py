"""One transaction: commit what succeeded, roll back everything else."""

from collections.abc import Iterator
from contextlib import contextmanager

from sqlalchemy.orm import Session

from repair_app.db import db, writing


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
