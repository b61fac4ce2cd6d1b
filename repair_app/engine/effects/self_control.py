"""What putting an error right changes on the record."""

from repair_app.engine.enforcement import in_publication_term
from repair_app.engine.step import Step

# Right in what it says, and not to be shown.
NOT_TO_BE_SHOWN = frozenset({"over_term", "not_to_be_published", "natural_person", "personal_data"})


def take_down_record(step: Step) -> None:
    """Take the record off publication, by the step that fits: over, not to be shown, or wrong."""
    record = step.record
    if not in_publication_term(record, step.today):
        step.fire(record, "expire")
    elif step.case.ground in NOT_TO_BE_SHOWN:
        step.fire(record, "stop_publication")
    else:
        step.fire(record, "withdraw")
