"""Cases that nobody files: opened by the system, about a record that the caller has locked."""

from typing import Any

from sqlalchemy.orm import Session

from repair_app import refs
from repair_app.db import now, today
from repair_app.engine import machine
from repair_app.engine.opening import describe_case
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
    described = describe_case(policy, workflow, record, ground=ground, at=now(), day=today())
    given = {"door": "system", "centre_id": store.default_centre(), **described, **columns}
    case = Case(**given)
    case.ref = refs.new_ref(session, policy.current[workflow].prefix, today())
    machine.begin(policy, case, workflow)
    session.add(case)
    session.flush()
    machine.fire(session, policy, case, name, SYSTEM, Answers(facts=facts or {}), at=now())
    return case
