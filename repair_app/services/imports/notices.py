"""Notices of providers: each row takes the step that the page offers, and has its verdict.

Nothing is decided here. A row is a step like any other: the same form reads it, the same guards
judge it, and a second person or the credit centre sees to the rest. Each is a transaction of its
own; under the token of its line a step is taken once, however often a file is begun.
"""

import hashlib
import json
from collections.abc import Callable, Mapping, Sequence
from typing import Any, Final, Protocol, cast

from flask import current_app
from sqlalchemy import select
from sqlalchemy.orm import Session

from repair_app.db import db, insert_rows, now, today
from repair_app.models import CreditRecord, FormToken, ImportBatch, ImportRow, Organisation, User
from repair_app.penalty_format import Notice, Reading, RowProblem, read_notices_sent
from repair_app.services.imports.files import (
    Summary,
    add_to_tally,
    lines_done,
    seats_of,
    start,
    summary_of,
)
from repair_app.services.imports.judging import verdict
from repair_app.services.imports.rows import ACCEPTED, REFUSED
from repair_app.services.transaction import transaction

KIND: Final = "notices"
TAKER: Final = "redress_take_notice"
NAMED: Final[dict[str, tuple[str, str, str]]] = {
    "no_such_record": (
        "记录编号",
        "本单位没有这条记录，请核对编号或者文号和代码",
        "your office has no such record: check its reference, or number and code",
    ),
    "several_records": (
        "记录编号",
        "有多条记录符合，请填写记录编号",
        "several records answer to this: name one by its reference",
    ),
}


class Taker(Protocol):
    """What takes the step of a notice, as the interface for machines does."""

    def __call__(
        self, user: User, record_ref: str, notice: Notice, token: str
    ) -> str | list[tuple[str, str, str, str]]:
        """Return the case it led to, or what bars it: column, code, Chinese, English."""


def bring_in_notices(
    batch_id: int,
    reading: Reading,
    user: User,
    tell: Callable[[Session, int], object] = lambda _session, _read: None,
) -> None:
    """Take the steps of a batch that have no verdict yet, row by row, and finish it."""
    seats = seats_of(user) or {}
    sha256 = db.session.get_one(ImportBatch, batch_id).sha256
    for line, row in reading:
        with transaction() as session:
            if lines_done(session, batch_id, line, line):
                continue
        verdicts = judge_notice(
            user, list(seats), cast(Any, row), line, batch_id, token_of(user, sha256, line)
        )
        with transaction() as session:
            if lines_done(session, batch_id, line, line):
                continue
            insert_rows(session, ImportRow, verdicts)
            add_to_tally(session, batch_id, verdicts)
            tell(session, reading.position())
    with transaction() as session:
        batch = session.get_one(ImportBatch, batch_id)
        batch.finished_at = batch.finished_at or now()


def token_of(user: User, sha256: str, line: int) -> str:
    """Return the token of a line's step: the same when the person sends the same file again."""
    return hashlib.sha256(f"notice {user.id} {sha256} {line}".encode()).hexdigest()


def bring_in_notices_sent(rows: Sequence[Mapping[str, Any]], user: User, token: str) -> Summary:
    """Take the steps of notices that are sent one by one; sent again, they lead to the same.

    Raises NotAllowed, TokenBorrowed.
    """
    content = json.dumps([KIND, list(rows)], ensure_ascii=True, sort_keys=True).encode()
    reading = read_notices_sent(rows, today())
    batch = start(reading, hashlib.sha256(content).hexdigest(), "API", user, token, kind=KIND)
    if batch.finished_at is None:
        bring_in_notices(batch.id, reading, user)
    return summary_of(batch.id)


def judge_notice(
    user: User,
    agencies: Sequence[int],
    row: Notice | list[RowProblem],
    line: int,
    batch_id: int,
    token: str,
) -> list[dict[str, Any]]:
    """Return the verdict on a row, after its step was taken if nothing bars it."""
    if isinstance(row, list):
        return refused(batch_id, line, row)
    if taken := find_taken(user, token):
        return [verdict(batch_id, line, 0, ACCEPTED, None, taken)]
    found = find_records(row, agencies)
    if len(found) != 1:
        code = "several_records" if found else "no_such_record"
        column, zh, en = NAMED[code]
        return refused(batch_id, line, [RowProblem(line, column, code, zh, en)])
    take: Taker = current_app.extensions[TAKER]
    led_to = take(user, found[0], row, token)
    if isinstance(led_to, str):
        return [verdict(batch_id, line, 0, ACCEPTED, None, led_to)]
    return refused(batch_id, line, [RowProblem(line, *one) for one in led_to])


def refused(batch_id: int, line: int, problems: Sequence[RowProblem]) -> list[dict[str, Any]]:
    """Return the verdict on a row that is refused, an entry for each problem."""
    return [
        verdict(batch_id, line, number, REFUSED, problem) for number, problem in enumerate(problems)
    ]


def find_taken(user: User, token: str) -> str | None:
    """Return what the same line led to before a worker was killed."""
    used = db.session.get(FormToken, token)
    return used.result_ref if used and used.user_id == user.id else None


def find_records(notice: Notice, agencies: Sequence[int]) -> Sequence[str]:
    """Return the references of the records of agencies that a row names, two at the most."""
    query = select(CreditRecord.ref).where(CreditRecord.provider_id.in_(agencies))
    if notice.ref:
        query = query.where(CreditRecord.ref == notice.ref)
    if notice.decision_no:
        query = query.where(CreditRecord.decision_no == notice.decision_no)
    if notice.uscc:
        query = query.join(Organisation, Organisation.id == CreditRecord.subject_id).where(
            Organisation.uscc == notice.uscc
        )
    return db.session.scalars(query.limit(2)).all()
