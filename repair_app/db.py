"""The database: engine set-up for both stores, base class, UTC time, naming convention."""

import select
from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from contextvars import ContextVar
from datetime import UTC, date, datetime
from functools import partial
from typing import Any, cast
from zoneinfo import ZoneInfo

import psycopg
from flask import Flask
from flask_sqlalchemy import SQLAlchemy
from flask_sqlalchemy.session import Session as SessionOfRequest
from psycopg.pq import TransactionStatus
from psycopg.sql import SQL, Identifier
from sqlalchemy import (
    ARRAY,
    JSON,
    Column,
    ColumnDefault,
    ColumnElement,
    DateTime,
    Dialect,
    Engine,
    MetaData,
    String,
    Table,
    any_,
    event,
    insert,
    literal,
)
from sqlalchemy.engine import Connection
from sqlalchemy.exc import InvalidatePoolError
from sqlalchemy.orm import DeclarativeBase, Session, registry
from sqlalchemy.types import TypeDecorator

COPIED_FROM = 20  # rows; fewer are not worth the round trips of a COPY


class UtcDateTime(TypeDecorator[datetime]):
    """A moment in time, stored as UTC; SQLite would hand it back without its zone."""

    impl = DateTime(timezone=True)
    cache_ok = True

    def process_bind_param(self, value: datetime | None, dialect: Dialect) -> datetime | None:
        """Take an aware moment, give UTC; a naive one is a bug and raises ValueError."""
        if value is None:
            return None
        if value.tzinfo is None:
            raise ValueError("a naive moment cannot be stored")
        return value.astimezone(UTC)

    def process_result_value(self, value: datetime | None, dialect: Dialect) -> datetime | None:
        """Give back an aware moment on either store."""
        if value is None or value.tzinfo is not None:
            return value
        return value.replace(tzinfo=UTC)


class Base(DeclarativeBase):
    """What every table shares: constraint names that a migration can spell."""

    registry = registry(
        metadata=MetaData(
            naming_convention={
                "ix": "ix_%(column_0_label)s",
                "uq": "uq_%(table_name)s_%(column_0_name)s",
                "ck": "ck_%(table_name)s_%(constraint_name)s",
                "fk": "fk_%(table_name)s_%(column_0_name)s_%(referred_table_name)s",
                "pk": "pk_%(table_name)s",
            }
        ),
        type_annotation_map={
            datetime: UtcDateTime(),
            str: String(),
            dict[str, Any]: JSON(none_as_null=True),
            list[Any]: JSON(none_as_null=True),
            list[str]: JSON(none_as_null=True),
        },
    )


class Database(SQLAlchemy):
    """Sets up the engines of the application, and no others: the job engine's has its own rules."""

    def init_app(self, app: Flask) -> None:
        """Make the application's engines, each with our rules for connections."""
        super().init_app(app)
        with app.app_context():
            for engine in self.engines.values():
                event.listen(engine, "connect", set_up_sqlite)
                event.listen(engine, "begin", begin_transaction)
                event.listen(engine, "rollback", end_reading)
                if engine.dialect.name == "postgresql":
                    event.listen(engine, "checkout", partial(look_at, engine.dialect))


MAY_LAG = "may lag"  # of a session (its `info`): see repair_app/replica.py
REPLICA = "replica"  # the name of its engine


class RoutedSession(SessionOfRequest):
    """A session of the primary, unless it was said that it may lag; what writes never may."""

    def get_bind(self, *args: Any, **extra: Any) -> Engine | Connection:
        """Return where the next statement goes."""
        if self.info.get(MAY_LAG) and not _writing.get():
            return self._db.engines[REPLICA]
        return super().get_bind(*args, **extra)


db = Database(
    model_class=Base,
    disable_autonaming=True,
    # Rows are written when a step says so: half a change (an end without its state) breaks a CHECK.
    session_options={"autoflush": False, "class_": RoutedSession},
)


def insert_rows(session: Session, model: type[Base], rows: Sequence[Mapping[str, Any]]) -> None:
    """Write many rows of a table, without making an object of each; all have the same columns."""
    if not rows:
        return
    table = cast(Table, model.__table__)
    is_postgresql = session.get_bind().dialect.name == "postgresql"
    plain = plain_defaults(table, rows[0])
    if is_postgresql and plain is not None and len(rows) >= COPIED_FROM:
        copy_rows(session.connection(), table, rows, plain)
    else:
        session.execute(insert(table), rows)


def is_among(column: Any, values: Collection[Any], session: Session) -> ColumnElement[bool]:
    """Return the condition that a column is one of many values.

    PostgreSQL is sent them as one array, however many: a parameter for each takes longer than the
    answer. Elsewhere there may be as many as `at_once` says.
    """
    if session.get_bind().dialect.name == "postgresql":
        return cast("ColumnElement[bool]", column == any_(literal([*values], ARRAY(column.type))))
    return cast("ColumnElement[bool]", column.in_(values))


def at_once(session: Session) -> int:
    """Return how many values one query may have: SQLite's older limit is 999 in all."""
    return 50_000 if session.get_bind().dialect.name == "postgresql" else 500


def plain_defaults(table: Table, row: Mapping[str, Any]) -> dict[str, Any] | None:
    """Return what the models give to columns that a row has not; None for what is computed."""
    missing = {one.key: one.default for one in table.columns if one.key not in row and one.default}
    if all(isinstance(one, ColumnDefault) and one.is_scalar for one in missing.values()):
        return {key: cast(ColumnDefault, one).arg for key, one in missing.items()}
    return None


def copy_rows(
    connection: Connection,
    table: Table,
    rows: Sequence[Mapping[str, Any]],
    plain: Mapping[str, Any],
) -> None:
    """Write many rows to PostgreSQL by COPY, at a third of what INSERT costs.

    Triggers, constraints and defaults of the database act as with INSERT. plain: the same in all.
    """
    given = list(rows[0])
    columns = [table.columns[one] for one in (*given, *plain)]
    writers = [(place, writer_of(one, connection.dialect)) for place, one in enumerate(columns)]
    needed = [(place, write) for place, write in writers if write]
    statement = SQL("COPY {} ({}) FROM STDIN").format(
        Identifier(table.name), SQL(", ").join(Identifier(one.name) for one in columns)
    )
    tail = [*plain.values()]
    with driver(connection).cursor() as cursor, cursor.copy(statement) as copy:
        for row in rows:
            cells = [*map(row.__getitem__, given), *tail]
            for place, write in needed:
                cells[place] = write(cells[place])
            copy.write_row(cells)


def writer_of(column: Column[Any], dialect: Dialect) -> Callable[[Any], Any] | None:
    """Return what makes the driver's value of a column's; None where they are the same."""
    return cast(
        Callable[[Any], Any] | None, column.type.dialect_impl(dialect).bind_processor(dialect)
    )


_moment: ContextVar[datetime | None] = ContextVar("moment", default=None)


@contextmanager
def at(moment: datetime) -> Iterator[None]:
    """Let it be another moment inside: what is then done bears that time, in the ledger too."""
    token = _moment.set(moment.astimezone(UTC))
    try:
        yield
    finally:
        _moment.reset(token)


def now() -> datetime:
    """Return this moment in UTC: the one clock of the application."""
    return _moment.get() or own_time()


def own_time() -> datetime:
    """Return what the clock of this machine shows, whatever moment it is said to be."""
    return datetime.now(UTC)


def machine_time() -> datetime:
    """Return the machine's own time, whatever moment work is done for: what others check."""
    return datetime.now(UTC)


def today() -> date:
    """Return the date at this moment where the law counts its days (Asia/Shanghai)."""
    return now().astimezone(ZoneInfo("Asia/Shanghai")).date()


def set_up_sqlite(connection: Any, _record: Any) -> None:
    """Hand transactions to us, keep foreign keys, let readers read while one writes."""
    if type(connection).__module__.partition(".")[0] != "sqlite3":
        return
    connection.isolation_level = None
    cursor = connection.cursor()
    for pragma in (
        "journal_mode=WAL",
        "foreign_keys=ON",
        "busy_timeout=20000",
        "synchronous=NORMAL",
        "cache_size=-32768",  # KB: its own 2 MB make a search read every page anew
    ):
        cursor.execute(f"PRAGMA {pragma}")
    cursor.close()


def look_at(dialect: Dialect, connection: Any, _record: Any, _lent: Any) -> None:
    """Have the pool replace a connection that its server has ended, before it is used again.

    An ended one has something to read: only then the server is asked, so that the others cost no
    round trip. Raises InvalidatePoolError.
    """
    try:
        news = select.poll()
        news.register(connection.pgconn.socket, select.POLLIN)
        if news.poll(0):
            dialect.do_ping(connection)
    except psycopg.OperationalError as lost:
        raise InvalidatePoolError from lost


_writing: ContextVar[bool] = ContextVar("writing", default=False)


@contextmanager
def writing() -> Iterator[None]:
    """Let the transactions that begin inside write; all others are refused it by the database."""
    token = _writing.set(True)
    try:
        yield
    finally:
        _writing.reset(token)


def is_writing() -> bool:
    """Say whether a transaction that writes is open."""
    return _writing.get()


def begin_transaction(connection: Connection) -> None:
    """Begin a transaction that only reads, unless inside `writing`.

    On SQLite a writer takes the lock at once: a read lock cannot be upgraded while another
    writes, so a plain BEGIN would lose such writes without waiting.
    """
    writes = _writing.get()
    if connection.dialect.name == "sqlite":
        connection.exec_driver_sql(f"PRAGMA query_only={'OFF' if writes else 'ON'}")
        connection.exec_driver_sql("BEGIN IMMEDIATE" if writes else "BEGIN")
    else:
        driver(connection).read_only = not writes  # said in the BEGIN, not in a round trip more


def end_reading(connection: Connection) -> None:
    """End by COMMIT what only read and did not fail, though a session ends it by ROLLBACK.

    psycopg forgets with each ROLLBACK the statements it prepared, so that PostgreSQL would plan
    every statement of every page anew: half of the time that a page spent there.
    """
    if connection.dialect.name != "postgresql" or connection.invalidated:
        return
    begun = driver(connection)
    if begun.read_only and begun.info.transaction_status == TransactionStatus.INTRANS:
        with suppress(psycopg.Error):  # it is lost: the ROLLBACK that follows says so
            begun.commit()


def driver(connection: Connection) -> "psycopg.Connection[Any]":
    """Return the driver's own connection to PostgreSQL."""
    return cast("psycopg.Connection[Any]", connection.connection.dbapi_connection)
