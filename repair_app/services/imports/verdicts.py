"""Reading what became of the rows of a file."""

from collections.abc import Collection, Iterator, Sequence
from itertools import groupby
from typing import Final

from sqlalchemy import func, select

from repair_app.access import organisations_as
from repair_app.db import db
from repair_app.models import ImportBatch, ImportRow, RecordUpload, Role, User
from repair_app.penalty_format import Verdict
from repair_app.services.imports.rows import ACCEPTED, DUPLICATE, QUARANTINED, REFUSED

PREFIX: Final = "DR"  # of the number of a file
AT_ONCE: Final = 5_000  # rows in memory while they are handed out


def count_verdicts(batch_id: int) -> dict[str, int]:
    """Return how many rows there are of each verdict; a row with three problems is one row.

    Quarantined ones are counted where there are any.
    """
    return count_all_verdicts([batch_id])[batch_id]


def count_all_verdicts(batch_ids: Sequence[int]) -> dict[int, dict[str, int]]:
    """Return how many rows there are of each verdict, by batch."""
    counts = {one: dict.fromkeys((ACCEPTED, DUPLICATE, REFUSED), 0) for one in batch_ids}
    tallies = select(ImportBatch.id, ImportBatch.tally).where(ImportBatch.id.in_(batch_ids))
    uncounted = []
    for batch_id, tally in db.session.execute(tallies):
        if tally is None:  # brought in by a release that did not keep count
            uncounted.append(batch_id)
        else:
            counts[batch_id].update(tally)
    query = (
        select(ImportRow.batch_id, ImportRow.verdict, func.count())
        .where(ImportRow.batch_id.in_(uncounted), ImportRow.ordinal == 0)
        .group_by(ImportRow.batch_id, ImportRow.verdict)
    )
    for batch_id, word, number in db.session.execute(query) if uncounted else ():
        counts[batch_id][word] = number
    return counts


def list_verdicts(batch_id: int, lang: str) -> Iterator[Verdict]:
    """Yield line, verdict, column, code and message of each row, by line."""
    message = ImportRow.message_en if lang == "en" else ImportRow.message_zh
    query = (
        select(ImportRow.line, ImportRow.verdict, ImportRow.column, ImportRow.code, message)
        .where(ImportRow.batch_id == batch_id)
        .order_by(ImportRow.line, ImportRow.ordinal)
    )
    # A million rows are not held at once.
    found = db.session.execute(query.execution_options(yield_per=AT_ONCE))
    yield from found


def list_rows(batch_id: int, after: int, limit: int) -> list[list[ImportRow]]:
    """Return what became of the rows behind a line, each with all its problems, by line."""
    lines = (
        select(ImportRow.line)
        .where(ImportRow.batch_id == batch_id, ImportRow.line > after, ImportRow.ordinal == 0)
        .order_by(ImportRow.line)
        .limit(limit)
    )
    found = db.session.scalars(
        select(ImportRow)
        .where(ImportRow.batch_id == batch_id, ImportRow.line.in_(lines.subquery().select()))
        .order_by(ImportRow.line, ImportRow.ordinal)
    )
    return [list(some) for _, some in groupby(found, lambda one: one.line)]


def list_batches(user: User) -> Sequence[ImportBatch]:
    """Return the files that a person's organisation brought in, newest first."""
    own = organisations_as(user, Role.PROVIDER)
    return db.session.scalars(
        select(ImportBatch)
        .where(ImportBatch.provider_id.in_(own))
        .order_by(ImportBatch.id.desc())
        .limit(50)
    ).all()


def list_uploads(refs: Collection[str], user: User) -> Sequence[RecordUpload]:
    """Return files in parts, by their numbers; only those of a person's organisation."""
    own = organisations_as(user, Role.PROVIDER)
    found = select(RecordUpload).where(
        RecordUpload.ref.in_(refs), RecordUpload.provider_id.in_(own)
    )
    return db.session.scalars(found).all()


def find_batch(ref: str, user: User | None) -> ImportBatch | None:
    """Return a batch of a person's organisation; any batch for the operator."""
    batch = db.session.scalar(select(ImportBatch).where(ImportBatch.ref == ref))
    if batch is None or user is None:
        return batch
    return batch if batch.provider_id in organisations_as(user, Role.PROVIDER) else None


def list_problems(batch_id: int, limit: int) -> Sequence[ImportRow]:
    """Return the first problems of a batch, by line."""
    return db.session.scalars(
        select(ImportRow)
        .where(ImportRow.batch_id == batch_id, ImportRow.verdict.in_((REFUSED, QUARANTINED)))
        .order_by(ImportRow.line, ImportRow.ordinal)
        .limit(limit)
    ).all()
