"""What must be true of an order to put a violation right (国办发〔2019〕35号 四（九）)."""

from repair_app.engine.step import Reason, Step
from repair_app.labels import N_


def actor_recognised_the_record(step: Step) -> Reason | None:
    """谁认定、谁约谈: the actor's own agency recognised the conduct."""
    if step.actor.organisation_id == step.record.provider_id:
        return None
    return Reason(N_("Only the agency that recognised the conduct may do this."), applies=False)


def order_is_not_open(step: Step) -> Reason | None:
    """No order about this record is under way: one term at a time."""
    return _open_one(step, "rectification_order")


def _open_one(step: Step, workflow: str) -> Reason | None:
    """Return the reason against a second open matter of one kind and ground on the record."""
    for one in step.store.cases_of(step.record):
        same = one.workflow == workflow and one.ground == step.case.ground
        if same and one.is_open and one.ref != step.case.ref:
            return Reason(N_("%(ref)s is still open."), {"ref": one.ref})
    return None


def talk_is_not_open(step: Step) -> Reason | None:
    """No talk of this kind about this record is under way."""
    return _open_one(step, "talk")
