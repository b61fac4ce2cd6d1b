"""The end of publication terms: records and sanctions whose time is over."""

from sqlalchemy import select

from repair_app.db import db, now, today
from repair_app.engine import machine
from repair_app.engine.step import SYSTEM, Answers
from repair_app.models import CreditRecord, Sanction
from repair_app.services import cases
from repair_app.services.policy import current_policy
from repair_app.services.transaction import sweep, transaction


def expire_records() -> int:
    """Take every record off publication whose maximum period is over; return how many.

    One transaction for each: a sweep that is stopped goes on at the next run. Raises an
    ExceptionGroup when some could not be; the others then were.
    """
    over = select(CreditRecord.ref).where(
        CreditRecord.state.in_(live_states("record")),
        CreditRecord.max_publication_until < today(),
    )
    refs = db.session.scalars(over).all()
    return sweep(refs, lambda ref: _fire_if_live("records", ref, "expire", "file_away"))


def lapse_sanctions() -> int:
    """End every sanction whose term is over; return how many."""
    over = select(Sanction.ref).where(Sanction.ended_at.is_(None), Sanction.ends_on < today())
    refs = db.session.scalars(over).all()
    return sweep(refs, lambda ref: _fire_if_live("sanctions", ref, "lapse"))


def live_states(workflow: str) -> list[str]:
    """Return the states of a workflow that have a way out, the initial one aside."""
    current = current_policy().current[workflow]
    return [
        one.name for one in current.states.values() if not one.final and one.name != current.initial
    ]


def _fire_if_live(kind: str, ref: str, *names: str) -> bool:
    """Fire the one of these transitions that leaves the state at hand, if one does."""
    policy = current_policy()
    with transaction() as session:
        entity = cases.lock(session, kind, ref)
        leaving = policy.workflow_of(entity).leaving(entity.state)
        name = next((one.name for one in leaving if one.name in names), None)
        if name is None:
            return False  # somebody else was quicker
        machine.fire(session, policy, entity, name, SYSTEM, Answers(), at=now())
        return True
