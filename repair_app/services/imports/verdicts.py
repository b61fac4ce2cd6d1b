"""Reading what became of the rows of a file."""

from collections.abc import Iterator, Sequence

from sqlalchemy import func, select

from repair_app.access import organisations_as
from repair_app.db import db
from repair_app.models import ImportBatch, ImportRow, Role, User
from repair_app.penalty_format import Verdict
from repair_app.services.imports.rows import ACCEPTED, DUPLICATE, QUARANTINED, REFUSED


def count_verdicts(batch_id: int) -> dict[str, int]:
    """Return how many rows there are of each verdict; a row with three problems is one row.

    Quarantined ones are counted where there are any.
    """
    return count_all_verdicts([batch_id])[batch_id]


def count_all_verdicts(batch_ids: Sequence[int]) -> dict[int, dict[str, int]]:
    """Return how many rows there are of each verdict, by batch."""
    query = (
        select(ImportRow.batch_id, ImportRow.verdict, func.count())
        .where(ImportRow.batch_id.in_(batch_ids), ImportRow.ordinal == 0)
        .group_by(ImportRow.batch_id, ImportRow.verdict)
    )
    counts = {one: dict.fromkeys((ACCEPTED, DUPLICATE, REFUSED), 0) for one in batch_ids}
    for batch_id, word, number in db.session.execute(query):
        counts[batch_id][word] = number
    return counts


def list_verdicts(batch_id: int, lang: str) -> Iterator[Verdict]:
    """Yield line, verdict, column, code and message of each row, by line."""
    query = select(ImportRow).where(ImportRow.batch_id == batch_id)
    for one in db.session.scalars(query.order_by(ImportRow.line, ImportRow.ordinal)):
        message = one.message_en if lang == "en" else one.message_zh
        yield one.line, one.verdict, one.column, one.code, message


def list_batches(user: User) -> Sequence[ImportBatch]:
    """Return the files that a person's organisation brought in, newest first."""
    own = organisations_as(user, Role.PROVIDER)
    return db.session.scalars(
        select(ImportBatch)
        .where(ImportBatch.provider_id.in_(own))
        .order_by(ImportBatch.id.desc())
        .limit(50)
    ).all()


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
