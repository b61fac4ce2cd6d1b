"""What follows when another unit set an earlier decision aside."""

from repair_app.engine.fields import read_field
from repair_app.engine.opening import open_as_system
from repair_app.engine.step import Step
from repair_app.models import Case, FieldProposal


def open_anew(step: Step) -> None:
    """Open the matter again whose decision was set aside; an objection suspends again at once.

    What was proposed then is proposed again, beside what the record says now.
    """
    earlier = step.case.about
    if earlier is None or _was_filed_again(step, earlier):
        return
    anew = open_as_system(
        step,
        earlier.workflow,
        earlier.record,
        name="reopen",
        ground=earlier.ground,
        door=earlier.door,
        about_id=earlier.id,
        centre_id=step.case.centre_id,
        person_id=earlier.person_id,
    )
    for one in earlier.proposals:
        again = step.store.make(
            FieldProposal,
            field=one.field,
            old_value=read_field(earlier.record, one.field),
            proposed_value=one.proposed_value,
        )
        anew.proposals.append(again)


def _was_filed_again(step: Step, earlier: Case) -> bool:
    """Say whether who asked has the same matter open already: it was refused, and filed again."""
    return any(
        one.is_open
        and (one.workflow, one.ground) == (earlier.workflow, earlier.ground)
        and one.person_id == earlier.person_id
        for one in step.store.cases_of(earlier.record)
    )
