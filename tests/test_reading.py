"""Transactions that only read: refused to write; what was prepared is not lost with them."""

import pytest
from sqlalchemy import text
from sqlalchemy.exc import DBAPIError

from repair_app.db import db

QUESTION = "SELECT count(*) FROM account WHERE id > :least"
OFTEN = 12  # psycopg prepares what was asked five times


def test_what_is_read_often_stays_prepared(app):
    """Each page ends its transaction; PostgreSQL is not to plan every statement anew after it."""
    if db.engine.dialect.name != "postgresql":
        pytest.skip("only PostgreSQL prepares statements")
    for _ in range(OFTEN):
        db.session.execute(text(QUESTION), {"least": 0})
        db.session.remove()
    kept = db.session.scalar(
        text("SELECT count(*) FROM pg_prepared_statements WHERE statement LIKE 'SELECT count%'")
    )
    db.session.remove()
    assert kept


def test_a_transaction_outside_writing_is_refused_to_write(app):
    with pytest.raises(DBAPIError, match=r"(?i)read.?only"):
        db.session.execute(text("UPDATE account SET active = active"))
    db.session.rollback()
