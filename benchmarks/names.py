"""Times the public search among many records: a store of rows alike, without matters or events.

Every enterprise has a name of its own; two of them have three records, as in the other stores.
"""

from __future__ import annotations

import itertools
import random
import secrets
from collections.abc import Iterator, Sequence
from datetime import timedelta
from statistics import median
from typing import Any
from urllib.parse import quote

from sqlalchemy import exists, func, select

from benchmarks import seed, server
from benchmarks.load import Browser, Timing, time_all
from benchmarks.stage import Stage
from repair_app.db import db, insert_rows, now
from repair_app.models import Case, CreditRecord, Organisation
from repair_app.services import imports
from repair_app.services.transaction import transaction

CHUNK = 6_000  # of which two thirds are enterprises
ASKED = 300  # names that are searched for
SINGLE = "示例市恒晟"  # characters of very many names


def fill(records: int, start: int = 3) -> None:
    """Bring the store of the application in context to this many records.

    start: how many of these `everyday_parties` has brought in, rounded up to a multiple of three;
    of an empty store, one is brought in here.
    """
    if start == 3:
        imports.bring_in_file(seed.write_file(seed.everyday_parties(1)), "penalties.csv")
    untouched = ~exists().where(Case.record_id == CreditRecord.id)
    published = select(CreditRecord).where(CreditRecord.state == "published", untouched)
    record = db.session.scalars(published.order_by(CreditRecord.id.desc()).limit(1)).one()
    columns = CreditRecord.__table__.columns.keys()
    pattern = {name: getattr(record, name) for name in columns if name != "id"}
    db.session.remove()
    with seed.without_indexes(Organisation, CreditRecord):
        for first_number in range(start, records, CHUNK):
            numbers = range(first_number, min(first_number + CHUNK, records))
            with transaction() as session:
                insert_rows(session, Organisation, list(firms(numbers)))
                firm = select(func.min(Organisation.id)).where(is_firm(numbers))
                first = session.scalar(firm) or 0
                insert_rows(session, CreditRecord, list(copies(pattern, numbers, first)))
    settle()


def is_firm(numbers: Sequence[int]) -> Any:
    return Organisation.uscc == seed.enterprise(firm_of(numbers[0])).uscc


def firm_of(number: int) -> int:
    return number * 2 // 3


def firms(numbers: Sequence[int]) -> Iterator[dict[str, Any]]:
    for one in range(firm_of(numbers[0]), firm_of(numbers[-1]) + 1):
        party = seed.enterprise(one)
        yield {
            "uscc": party.uscc,
            "name": party.name,
            "kind": "enterprise",
            "created_at": now(),
        }


def copies(pattern: dict[str, Any], numbers: Sequence[int], first: int) -> Iterator[dict[str, Any]]:
    """Yield rows of records; the day they end differs, as it does in life."""
    least = firm_of(numbers[0])
    for one in numbers:
        yield {
            **pattern,
            "ref": f"JL-2025-{one:09d}-0",
            "decision_no": f"示例罚〔2025〕{one}号",
            "subject_id": first + firm_of(one) - least,
            "fingerprint": secrets.token_hex(32),
            "max_publication_until": pattern["max_publication_until"] + timedelta(days=one % 300),
        }


def settle() -> None:
    """Let PostgreSQL know what the tables hold, as its autovacuum does in time."""
    if db.engine.dialect.name == "postgresql":
        with db.engine.connect().execution_options(isolation_level="AUTOCOMMIT") as connection:
            connection.exec_driver_sql("VACUUM ANALYZE")


def questions(records: int) -> dict[str, list[str]]:
    """Return what is asked for: kind -> texts."""
    draw = random.Random(5)
    parties = [seed.enterprise(draw.randrange(1, firm_of(records))) for _ in range(ASKED)]
    names = [one.name for one in parties]
    return {
        "2 characters": [one[3:5] for one in names],
        "4 characters": [one[1:5] for one in names],
        "2 characters, generic (有限)": ["有限", "示例", "公司"],
        "1 character": list(SINGLE),
        "not there": ["龘靐齉爩", "麤灪龖", "爨癵驫", "qqqq"],
        "whole name": names,
        "code": [one.uscc for one in parties],
        "pinyin": [read(one[:5]) for one in names],
        "initials": ["".join(word[0] for word in words(one[:8])) for one in names],
    }


def words(text: str) -> list[str]:
    from repair_app.name_index import readings

    return readings(text)


def read(text: str) -> str:
    return "".join(words(text))


def measure(
    filled: Stage, records: int, workers: int, threads: int, seconds: float, rounds: int
) -> dict[str, Timing]:
    """Time every kind of question over HTTP; the round in the middle of each."""
    found: dict[str, list[Timing]] = {}
    with server.serving(filled.env, workers) as running:
        for number in range(rounds + 1):
            for kind, texts in questions(records).items():
                browsers = [Browser(running.port) for _ in range(threads)]
                paths = itertools.cycle(f"/?q={quote(one)}" for one in texts)
                timing = time_all(browsers, paths, Browser.get, seconds if number else 0.5)
                for one in browsers:
                    one.close()
                if number:  # the first round warms up
                    found.setdefault(kind, []).append(timing)
    return {
        kind: min(some, key=lambda one: abs(one.p95 - median(two.p95 for two in some)))
        for kind, some in found.items()
    }
