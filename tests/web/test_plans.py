"""No page reads a table that grows with the cases from end to end.

SQLite says how it answers each statement; it has few rows here, and no statistics, so it chooses as
it does where nobody has counted. What lists everything on purpose is named, with the reason.
"""

import re
from collections.abc import Callable, Iterator
from contextlib import contextmanager

import pytest
from flask import Flask
from sqlalchemy import event
from sqlalchemy.engine import Engine

from repair_app.db import db
from tests.client import Client
from tests.web.test_every_page import EVERY_ROLE, pages_for
from tests.web.test_routes import addresses, client_of

__all__ = ["addresses", "client_of"]  # fixtures

pytestmark = pytest.mark.parametrize("stage", ["sqlite"], indirect=True)

GROWING = frozenset(
    {"case_file", "credit_record", "deadline", "event", "letter", "message", "organisation",
     "requirement", "sanction", "sanction_suspension", "sanction_execution", "dispute_mark",
     "document", "field_proposal", "case_note", "event_text", "viewing", "import_row"}
)  # fmt: skip
SCAN = re.compile(r"^(?:SCAN|MATERIALIZE) (\S+)( USING .*)?$")
# Walked from its newest row on, as far as a page needs.
LATEST_FIRST = re.compile(r"ORDER BY \w+\.id DESC\s+LIMIT \? OFFSET \?$")
FEWEST = 200  # statements of all pages together
WHOLE_ON_PURPOSE = {
    "/statistics": "figures are of everything; kept for five minutes (counts.py)",
    "/audit/verify": "every chain is verified",
    "/admin/measures": "what runs on each measure is counted",
    "/admin/running": "mails are counted by state",
    "/audit/inspections": "who has answered in a year, and who has not, is of all terms",
}
NAMED = re.compile(r"(\w+) AS (\w+)")


@contextmanager
def noting_statements() -> Iterator[dict[str, object]]:
    """Give what is asked of the store meanwhile: statement -> values."""
    noted: dict[str, object] = {}

    def note(_connection, _cursor, statement, values, _context, _many) -> None:
        if statement.startswith(("SELECT", "WITH")):
            noted.setdefault(statement, values)

    event.listen(Engine, "before_cursor_execute", note)
    try:
        yield noted
    finally:
        event.remove(Engine, "before_cursor_execute", note)


def scans_of(statement: str, values: object) -> Iterator[str]:
    """Yield where a statement reads a growing table from end to end."""
    tables = {alias: table for table, alias in NAMED.findall(statement)}
    plan = db.session.connection().exec_driver_sql(f"EXPLAIN QUERY PLAN {statement}", values)
    for row in plan:
        found = SCAN.match(row[-1])
        in_order = found and found[2] and "LIMIT" in statement  # as far as a page needs
        if found and not in_order and tables.get(found[1], found[1]) in GROWING:
            yield row[-1]


@pytest.mark.timeout(600)
def test_no_page_reads_all_of_a_table_that_grows(
    app: Flask, addresses: dict[str, str], client_of: Callable[[str], Client]
) -> None:
    faults: dict[str, str] = {}
    known: set[str] = set()
    for name in EVERY_ROLE:
        client = client_of(name)
        for address in pages_for(name, addresses):
            if address.startswith(tuple(WHOLE_ON_PURPOSE)):
                continue
            with noting_statements() as noted:
                client.get(address)
            for statement, values in noted.items():
                if statement in known or LATEST_FIRST.search(statement):
                    continue
                known.add(statement)
                for scan in scans_of(statement, values):
                    faults.setdefault(f"{scan}: {statement[-300:]}", f"{name} at {address}")
    assert set(db.metadata.tables) >= GROWING
    assert len(known) > FEWEST
    assert not faults, "\n".join(f"{where}: {what}" for what, where in sorted(faults.items()))
