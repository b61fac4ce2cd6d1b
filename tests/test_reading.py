"""Transactions that only read: refused to write; what was prepared is not lost with them."""

import pytest
from sqlalchemy import text
from sqlalchemy.exc import DBAPIError, OperationalError

from repair_app.db import db
from repair_app.services.transaction import transaction

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


def lose_the_connection():
    """Have the server drop the connection of the session at hand, as a failover does."""
    if db.engine.dialect.name != "postgresql":
        pytest.skip("only PostgreSQL is at the other end of a connection")
    own = db.session.scalar(text("SELECT pg_backend_pid()"))
    with db.engine.connect() as other:
        other.execute(text("SELECT pg_terminate_backend(:pid)"), {"pid": own})


def test_a_reading_that_ends_on_a_lost_connection_fails_as_any_would(app):
    lose_the_connection()
    with pytest.raises(OperationalError):  # not the driver's own, which nobody here expects
        db.session.remove()
    assert db.session.scalar(text("SELECT 1")) == 1


def test_after_a_statement_that_failed_on_a_lost_connection_nothing_else_fails(app):
    lose_the_connection()
    with pytest.raises(OperationalError):
        db.session.scalar(text("SELECT 1"))
    db.session.remove()
    assert db.session.scalar(text("SELECT 1")) == 1


def lose_it_while_writing():
    with transaction() as session:
        lose_the_connection()
        session.execute(text("SELECT 1"))


def test_a_change_on_a_lost_connection_says_what_failed(app):
    with pytest.raises(OperationalError):
        lose_it_while_writing()
