"""Whether this server can do its work: what a load balancer, or who starts it, waits for.

Only words that are fixed here are told: the answer is public, and an error of a database names
its address and its user.
"""

import threading
from collections.abc import Callable, Mapping
from typing import Any, Final, NamedTuple

from flask import current_app
from sqlalchemy import Engine, text
from sqlalchemy.orm import Session

from repair_app import jobs, schema
from repair_app.db import db, now
from repair_app.services import evidence
from repair_app.services.tree import log

PATIENCE: Final = 1.0  # seconds that the database has to answer
OK: Final = "ok"
SILENT: Final = f"no answer within {PATIENCE:g} s"

_asking: dict[str, threading.Thread] = {}  # by database: at most one question waits at a time


class Readiness(NamedTuple):
    """What was looked at, and what of it stands in the way of work."""

    checks: Mapping[str, str]  # name -> "ok", or what is wrong
    failed: list[str]  # their names

    @property
    def is_ready(self) -> bool:
        """Say whether nothing stands in the way."""
        return not self.failed


def look() -> Readiness:
    """Look at all that a request needs: database, schema, evidence, policy.

    That no worker is active, or that the history waits for a checkpoint, is told and does not
    count: pages answer all the same, and every node taken out of service would make of late
    reminders an outage. The metrics say it too.
    """
    found = look_at_database(db.engine)
    checks = {
        "database": found if isinstance(found, str) else OK,
        "schema": "unknown" if isinstance(found, str) else describe_schema(found["revision"]),
        "evidence": OK if evidence.looks_writable() else "cannot be written",
        "policy": OK if has_policy() else "not loaded",
    }
    failed = [name for name, says in checks.items() if says != OK]
    worker = "unknown" if isinstance(found, str) else "active" if found["worker"] else "none"
    history = "unknown" if isinstance(found, str) else found["history"]
    return Readiness({**checks, "worker": worker, "history": history}, failed)


def look_at_database(engine: Engine) -> dict[str, Any] | str:
    """Return what the store says of itself, or why it does not; after PATIENCE at the latest.

    A driver that waits for a host that is gone cannot be stopped: it is left to a thread of its
    own, and while that one hangs no other is begun.
    """
    place = str(engine.url)
    waiting = _asking.get(place)
    if waiting is not None and waiting.is_alive():
        return SILENT
    found: list[dict[str, Any] | str] = []
    _asking[place] = thread = threading.Thread(
        target=ask, args=(lambda: read_store(engine), found), name="readiness", daemon=True
    )
    thread.start()
    thread.join(PATIENCE)
    return found[0] if found else SILENT


def ask(question: Callable[[], dict[str, Any]], found: list[dict[str, Any] | str]) -> None:
    """Put the answer to a question into a list, or that there was none."""
    try:
        found.append(question())
    except Exception:  # noqa: BLE001  # whatever a driver raises: what it says may hold a password
        found.append("does not answer")


def read_store(engine: Engine) -> dict[str, Any]:
    """Return at which migration the store is, whether a worker is active, and the history's."""
    with engine.connect() as connection:
        revision = connection.execute(text("SELECT version_num FROM alembic_version")).scalar()
    history = "unknown"
    if describe_schema(revision) == OK:
        with Session(engine) as session:
            since = log.unsigned_since(session)
            history = "late" if since and (now() - since).total_seconds() > log.LATE else OK
    return {"revision": revision, "worker": jobs.has_worker(engine), "history": history}


def describe_schema(revision: str | None) -> str:
    """Return "ok" where this release can work with a store at that migration.

    One that is ahead is in order: while a release is rolled out, old nodes serve a new schema.
    """
    if revision is None or revision < schema.last_revision():
        return "behind: run `flask prepare`"
    return OK


def has_policy() -> bool:
    """Say whether workflows are loaded, and that of an objection among them."""
    policy = current_app.extensions.get("redress_policy")
    return policy is not None and "objection" in policy.current
