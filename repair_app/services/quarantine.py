"""What is brought in again after it was removed, corrected or repaired: kept apart, never shown."""

from sqlalchemy import select

from repair_app.db import db
from repair_app.models import CreditRecord, QuarantinedRow
from repair_app.services import cases
from repair_app.services.openings import open_as_system
from repair_app.services.transaction import sweep, transaction

WORKFLOW = "quarantine"


def open_quarantines() -> int:
    """Open the case of every quarantined row that has none; return how many.

    Apart from the import itself, which must not wait for anybody's lock on a record; one that was
    stopped in between is made good by the next run.
    """
    waiting = db.session.scalars(
        select(QuarantinedRow.id)
        .where(QuarantinedRow.case_id.is_(None))
        .order_by(QuarantinedRow.id)
    ).all()
    return sweep(waiting, open_quarantine)


def open_quarantine(row_id: int) -> bool:
    """Open the case of one quarantined row, unless somebody has."""
    about = db.session.scalar(select(QuarantinedRow.about_id).where(QuarantinedRow.id == row_id))
    with transaction() as session:
        record = cases.lock_record(session, CreditRecord.id == about)
        row = session.get(QuarantinedRow, row_id, populate_existing=True)
        if record is None or row is None or row.case_id is not None:
            return False
        row.case = open_as_system(
            session,
            WORKFLOW,
            record,
            ground=row.fingerprint,
            facts={"reason": row.code, "fingerprint": row.fingerprint, "line": row.line},
        )
        return True
