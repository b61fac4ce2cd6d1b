"""Closing what was decided once every platform shows it: looked for again and again, done once."""

from typing import Final

from sqlalchemy import exists, select, tuple_

from repair_app.db import db, now
from repair_app.engine import machine
from repair_app.engine.spreading import is_waited_for
from repair_app.engine.step import SYSTEM, Answers, Refused, WrongState
from repair_app.models import Case, CreditRecord, Deadline, Platform
from repair_app.services import cases
from repair_app.services.policy import current_policy
from repair_app.services.transaction import sweep, transaction

COMPLETE: Final = "complete"  # a transition of the system, in workflows that want it


def complete_all() -> int:
    """Close every matter that waited for platforms and does no more; return how many.

    However the last platform came to agree: by a message, pull or file, or by being disabled.
    """
    return sweep(list_agreed(), complete)


def list_agreed() -> list[str]:
    """Return the references of matters that only waited for platforms, and wait for none now."""
    there = [
        (one.name, one.version, state)
        for one in current_policy().workflows.values()
        if (step := one.transitions.get(COMPLETE)) and SYSTEM.role in step.by
        for state in step.source
    ]
    waits = exists(
        select(Platform.id)
        .where(is_waited_for(CreditRecord.ref, CreditRecord.provider_id))
        .correlate(CreditRecord)
    )
    where = tuple_(Case.workflow, Case.workflow_version, Case.state).in_(there)
    # By their running terms, of which there is an index: not by all cases there ever were.
    running = select(Deadline.case_id).where(
        Deadline.owner == SYSTEM.role, Deadline.met_at.is_(None)
    )
    found = (
        select(Case.ref)
        .join(Case.record)
        .where(Case.id.in_(running), where, ~waits)
        .order_by(Case.id)
    )
    return list(db.session.scalars(found))


def complete(ref: str) -> bool:
    """Close one matter, if it still waits and no platform is waited for; say whether it was done.

    Its record is locked, and nothing of the platforms: what changes the record comes before or
    after, never in between.
    """
    with transaction() as session:
        case = cases.lock(session, "cases", ref)
        try:
            machine.fire(session, current_policy(), case, COMPLETE, SYSTEM, Answers(), at=now())
        except (Refused, WrongState):
            return False  # something newer is to be shown, or somebody closed it meanwhile
        return True
