"""Counts the statements that each page sends to the database, in this process."""

from __future__ import annotations

import re
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import quote

from flask.testing import FlaskClient
from sqlalchemy import Engine, event

from benchmarks import pages
from benchmarks.load import HIDDEN, Form, Unexpected
from benchmarks.pages import KEPT_GROUND, NOBODY
from benchmarks.seed import AGES, Seeded, enterprise
from benchmarks.stage import Stage
from repair_app.db import db
from tests.factories import PASSWORD

NO_QUERY = ("BEGIN", "PRAGMA", "SET TRANSACTION")  # what opens a transaction
LINK = re.compile(r'href="(/(?:cases|records|requirements|sanctions|documents)/[^"#]+)"')
SLOW_TO_CHECK = 20_000  # cases: from then on the page that verifies every event is left out
MOST_PAGES = 1500


@dataclass
class Visited:
    """What the pages of one endpoint came to, for one role."""

    queries: int = 0
    worst: str = ""
    statements: list[str] = field(default_factory=list)
    pages: int = 0
    ms: float = 0.0  # of the slowest, asked once


class Reader:
    """Somebody who reads pages of the application while the statements are counted."""

    def __init__(self, stage: Stage, who: str, seeded: Seeded) -> None:
        with stage.app.app_context():
            self.engine: Engine = db.engine
        self.client: FlaskClient = stage.app.test_client()
        if who != NOBODY:
            page = self.client.get("/login").get_data(as_text=True)
            fields = {
                **dict(HIDDEN.findall(page)),
                "email": seeded.world[who],
                "password": PASSWORD,
            }
            if self.client.post("/login", data=fields).status_code != 302:
                raise Unexpected(f"{who} cannot sign in")

    def get(self, path: str) -> bytes:
        answer = self.client.get(path)
        if answer.status_code != 200:
            raise Unexpected(f"GET {path}: {answer.status_code}")
        return answer.get_data()

    def send(self, form: Form) -> None:
        answer = self.client.post(form.path, data=form.body, content_type=form.kind)
        if answer.status_code != 302:
            raise Unexpected(f"POST {form.path}: {answer.status_code}")


@contextmanager
def counting(engine: Engine) -> Iterator[list[str]]:
    """Collect the statements sent meanwhile, without those that open a transaction."""
    found: list[str] = []

    def note(_connection: Any, _cursor: Any, statement: str, *_: Any) -> None:
        if not statement.startswith(NO_QUERY):
            found.append(statement)

    event.listen(engine, "before_cursor_execute", note)
    try:
        yield found
    finally:
        event.remove(engine, "before_cursor_execute", note)


def count_pages(stage: Stage, seeded: Seeded) -> dict[tuple[str, str], Visited]:
    """Read every page as everybody who may; return what each came to by (who, endpoint)."""
    found: dict[tuple[str, str], Visited] = {}
    for who, paths in starts(seeded).items():
        reader = Reader(stage, who, seeded)
        left, seen = list(paths), set(paths)
        while left and len(seen) < MOST_PAGES:
            path = left.pop(0)
            body = visit(stage, reader, who, path, found)
            if path.startswith(("/cases/", "/records/")) and path.count("/") == 2:
                new = [one for one in links(body) if one not in seen and leads_on(path, one)]
                seen.update(new)
                left += new
    return found


def visit(
    stage: Stage, reader: Reader, who: str, path: str, found: dict[tuple[str, str], Visited]
) -> bytes:
    since = time.perf_counter()
    with counting(reader.engine) as statements:
        body = reader.get(path)
    ms = 1000 * (time.perf_counter() - since)
    one = found.setdefault((who, describe(stage, path)), Visited())
    one.pages += 1
    one.ms = max(one.ms, ms)
    if len(statements) >= one.queries:
        one.queries, one.worst, one.statements = len(statements), path, statements
    return body


def describe(stage: Stage, path: str) -> str:
    """Return the endpoint of an address, with the transition's name or the kind of question."""
    endpoint, values = stage.app.url_map.bind("localhost").match(path.partition("?")[0])
    parts = [values[name] for name in ("kind", "name", "workflow") if name in values]
    return f"{endpoint} {'/'.join(parts)}".strip()


def links(body: bytes) -> list[str]:
    return list(dict.fromkeys(LINK.findall(body.decode())))


def leads_on(path: str, link: str) -> bool:
    """Say whether a link of a page is a step of its own, and not the page of another matter."""
    return link.startswith((f"{path}/", "/requirements/", "/sanctions/", "/documents/"))


def starts(seeded: Seeded) -> dict[str, list[str]]:
    """Return where everybody begins; the cases are those that the services made, of every state."""
    firm = enterprise(3)
    kinds = len(seeded.made) // len(AGES)
    cases = [f"/cases/{ref}" for ref in seeded.made[: kinds * 2]]  # with and without a sanction
    filed = [f"/cases/{ref}" for ref in seeded.cases[:40]]
    records = [f"/records/{ref}" for ref in seeded.objectionable[:3]]
    public = [f"/records/{ref}" for ref in seeded.public[:20]]
    file = f"/work/imports/{seeded.file}"
    found = {
        NOBODY: [
            "/",
            f"/?q={quote('示例')}",
            f"/?q={firm.uscc}",
            "/commitments",
            "/measures",
            "/login",
        ],
        "reviewer": ["/work", "/work/cases", "/work/cases?workflow=repair", *filed],
        "provider": ["/work", "/work/cases", "/work/imports", file, *records],
        "subject": ["/my", *records, *cases],
        "institution": ["/work"],
        "officer": ["/enforce", f"/enforce?uscc={firm.uscc}", *records],
        "auditor": ["/audit", "/work/cases", *filed[:5]],
        "administrator": ["/admin"],
    }
    found[NOBODY] += public
    if seeded.count <= SLOW_TO_CHECK:
        found["auditor"].append("/audit/verify")
    return found


def statements_of_requests(stage: Stage, seeded: Seeded) -> dict[str, list[str]]:
    """Return what each kind of timed request sends to the database: the most of a few."""
    found = {}
    for name, (who, paths) in pages.addresses(seeded).items():
        reader = Reader(stage, who, seeded)
        found[name] = max((statements_of(reader, reader.get, path) for path in paths[:20]), key=len)
    for name, who, draw, one in (
        (pages.NEW, "subject", pages.objection_form, (KEPT_GROUND, seeded.objectionable[-1])),
        (pages.STEP, "provider", pages.answer_form, (seeded.awaiting_answer[-1], "confirm")),
    ):
        reader = Reader(stage, who, seeded)
        form = draw(reader, one)
        found[f"{name}: form"] = statements_of(reader, reader.get, form.path)
        found[name] = statements_of(reader, reader.send, form)
    return found


def statements_of(reader: Reader, ask: Callable[[Any], object], what: Any) -> list[str]:
    with counting(reader.engine) as statements:
        ask(what)
    return statements


def repeated(statements: Sequence[str]) -> str:
    """Return the statement that a page sends most often, in short, if more than once."""
    most = max(set(statements), key=statements.count, default="")
    times = statements.count(most)
    tables = re.findall(r"\bFROM (\w+)", most)
    return f"{times} x {', '.join(dict.fromkeys(tables))}" if times > 1 else ""
