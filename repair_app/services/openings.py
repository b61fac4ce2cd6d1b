"""Cases that nobody files: opened by the system, about a record that the caller has locked."""

from typing import Any

from sqlalchemy.orm import Session

from repair_app.db import now, today
from repair_app.engine import machine
from repair_app.engine.opening import make_case
from repair_app.engine.step import SYSTEM, Answers
from repair_app.engine.store import Store
from repair_app.models import Case, CreditRecord
from repair_app.services.policy import current_policy


def open_as_system(
    session: Session,
    workflow: str,
    record: CreditRecord,
    *,
    name: str = "open",
    ground: str = "",
    facts: dict[str, Any] | None = None,
    **columns: Any,
) -> Case:
    """Return a new case about a locked record, opened by a step of the system's.

    name: of the step; ground: what keeps two of a kind apart that are open on one record; facts:
    of its event; columns: more of the case. Raises Refused when a guard says no.
    """
    policy = current_policy()
    store = Store(session)
    given = {"centre_id": store.default_centre(), **columns}
    case = make_case(store, policy, workflow, record, ground=ground, at=now(), day=today(), **given)
    machine.fire(session, policy, case, name, SYSTEM, Answers(facts=facts or {}), at=now())
    return case
