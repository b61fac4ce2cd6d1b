"""Verification of a record: its mark, and the sanctions that are not executed meanwhile."""

from repair_app.engine.step import Step
from repair_app.models import DisputeMark, Sanction, SanctionSuspension

RESPONSE = "sanction_response"  # the term in which a department responds


def place_dispute_mark(step: Step) -> None:
    """Annotate the record as disputed for the life of this case (鲁政发〔2017〕44号 二（四）20)."""
    mark = step.store.make(
        DisputeMark, case_id=step.case.id, placed_at=step.at, hides=step.hides_while_verified
    )
    step.record.dispute_marks.append(mark)


def lift_dispute_mark(step: Step) -> None:
    """Take away this case's annotation; those of other cases stay."""
    for mark in step.record.dispute_marks:
        if mark.case_id == step.case.id and mark.lifted_at is None:
            mark.lifted_at = step.at


def suspend_sanctions(step: Step) -> None:
    """Keep every sanction of the record from being executed while it is verified."""
    for sanction in _running_sanctions(step):
        suspension = step.store.make(SanctionSuspension, case_id=step.case.id, suspended_at=step.at)
        sanction.suspensions.append(suspension)
        if sanction.state == "in_force":
            step.fire(sanction, "suspend")
        elif sanction.state == "initiated":  # nobody may take it up meanwhile
            step.store.pause_term(step, sanction.ref, RESPONSE)


def resume_sanctions(step: Step) -> None:
    """Lift this case's suspensions; a sanction that no other case suspends is as it was."""
    for sanction in _running_sanctions(step):
        mine = [
            one
            for one in sanction.suspensions
            if one.case_id == step.case.id and one.lifted_at is None
        ]
        for suspension in mine:
            suspension.lifted_at = step.at
            suspension.lifted_because = step.transition.name
        still = any(one.lifted_at is None for one in sanction.suspensions)
        if not mine or still:
            continue
        step.store.save()
        if sanction.state == "suspended":
            step.fire(sanction, "resume")
        elif sanction.state == "initiated":
            step.store.resume_term(step, sanction.ref, RESPONSE)


def end_sanctions(step: Step) -> None:
    """End every sanction that rests on the record."""
    for sanction in _running_sanctions(step):
        step.fire(sanction, "end")


def _running_sanctions(step: Step) -> list[Sanction]:
    return [one for one in step.record.sanctions if one.ended_at is None]
