"""One transaction: commit what succeeded, roll back everything else."""

from collections.abc import Iterator
from contextlib import contextmanager

from sqlalchemy.orm import Session

from repair_app.db import db


@contextmanager
def transaction() -> Iterator[Session]:
    """Give the session of this request; commit at the end, roll back whatever is raised."""
    session = db.session()
    try:
        yield session
        session.commit()
    except BaseException:
        session.rollback()
        raise
