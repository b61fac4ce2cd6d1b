"""A new case about a record: drafted for a person, or opened by the system in another's step."""

from datetime import date, datetime
from typing import Any

from repair_app.engine.machine import begin
from repair_app.engine.policy import Policy
from repair_app.engine.step import Answers, Step
from repair_app.engine.store import Store
from repair_app.models import Case, CreditRecord, Requirement


def describe_case(
    policy: Policy, workflow: str, record: CreditRecord, *, ground: str, at: datetime, day: date
) -> dict[str, Any]:
    """Return the columns of a new case: its parties, and the rule pack it will be decided by.

    day: of the application, where the law counts its days; it may choose the pack.
    """
    part = policy.current[workflow].rules
    pack = policy.pack_for(part, decided_on=record.decided_on, applied_on=day)
    return {
        "record": record,
        "subject": record.subject,
        "subject_id": record.subject_id,
        "provider_id": record.provider_id,
        "ground": ground or workflow,
        "rule_pack": pack.id,
        "rule_pack_hash": pack.sha256,
        "opened_at": at,
    }


def make_case(
    store: Store,
    policy: Policy,
    workflow: str,
    record: CreditRecord,
    *,
    ground: str,
    at: datetime,
    day: date,
    **columns: Any,
) -> Case:
    """Return a case that the system opens, in the state before its first step, kept in the store.

    columns: more of the case, or other than the record and the rule pack say.
    """
    described = describe_case(policy, workflow, record, ground=ground, at=at, day=day)
    case = store.make(Case, **{"door": "system", **described, **columns})
    case.ref = store.new_ref(policy.current[workflow].prefix, day)
    begin(policy, case, workflow)
    store.save()
    return case


def open_requirement(step: Step, name: str, **columns: Any) -> Requirement:
    """Open what a case needs from somebody (a proof, a view) by its workflow's name."""
    requirement = step.store.make(
        Requirement,
        ref=step.store.new_ref(step.policy.current[name].prefix, step.today),
        case=step.case,
        rule_pack=step.case.rule_pack,
        rule_pack_hash=step.case.rule_pack_hash,
        **columns,
    )
    begin(step.policy, requirement, name)
    step.store.save()
    step.fire(requirement, "require")
    return requirement


def open_as_system(
    step: Step,
    workflow: str,
    record: CreditRecord,
    *,
    name: str = "open",
    ground: str = "",
    facts: dict[str, Any] | None = None,
    texts: dict[str, str] | None = None,
    **columns: Any,
) -> Case:
    """Open a case about a record in the course of another step, by a step of the system's.

    name: of the step by which it opens; ground: what keeps two of a kind apart that are open on
    one record; texts: a person's words, of the step that it follows from; columns: more of the
    case.
    """
    case = make_case(
        step.store,
        step.policy,
        workflow,
        record,
        ground=ground,
        at=step.at,
        day=step.today,
        **columns,
    )
    step.fire(case, name, Answers(facts=facts or {}, texts=texts or {}))
    return case
