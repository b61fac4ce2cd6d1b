"""What must be true when whoever made an error puts it right (自查自纠)."""

from repair_app.engine.step import Reason, Step
from repair_app.labels import N_


def self_correction_is_not_open(step: Step) -> Reason | None:
    """The same flaw of the record is not being put right already."""
    earlier = next(
        (
            one.ref
            for one in step.store.cases_of(step.record)
            if one.workflow == step.workflow.name
            and one.is_open
            and one.ref != step.case.ref
            and one.ground == step.case.ground
        ),
        None,
    )
    if earlier is None:
        return None
    return Reason(N_("Self-correction %(ref)s of the same flaw is still open."), {"ref": earlier})
