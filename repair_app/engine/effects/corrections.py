"""What an objection asks of the record, and what comes of it."""

from repair_app.engine.assessment import assess_record
from repair_app.engine.fields import read_field, write_field
from repair_app.engine.step import WAS, Answers, Step
from repair_app.models import FieldProposal


def save_proposals(step: Step) -> None:
    """Keep, field by field, what the record says and what the subject proposes."""
    proposed = step.answers.values
    kept = {one.field: one for one in step.case.proposals}
    for name, proposal in kept.items():
        if name not in proposed:
            step.store.drop(proposal)
    for name, value in proposed.items():
        proposal = kept.get(name) or step.store.make(FieldProposal, field=name)
        proposal.old_value = read_field(step.record, name)
        proposal.proposed_value = value
        if name not in kept:
            step.case.proposals.append(proposal)


def save_corrections(step: Step) -> None:
    """Keep, field by field, what the provider found to be right."""
    kept = {one.field: one for one in step.case.proposals}
    for name, value in step.answers.values.items():
        proposal = kept.get(name)
        if proposal is None:
            proposal = step.store.make(
                FieldProposal, field=name, old_value=read_field(step.record, name)
            )
            step.case.proposals.append(proposal)
        proposal.answered_value = value


def correct_record(step: Step) -> None:
    """Correct the record as the provider answered, with old and new values in its event."""
    record = step.record
    changes = {
        one.field: one.answered_value
        for one in step.case.proposals
        if one.answered_value is not None
    }
    before = {f"{WAS}{name}": read_field(record, name) for name in changes}
    # A record of an earlier version of its workflow has a step of its own while it is withheld.
    name = "correct" if step.may_fire(record, "correct") else "correct_withheld"
    step.fire(record, name, Answers(texts=before, values=changes))
    published = step.record_rules.classes[record.severity_class].published
    if record.state != "shielded" and published != (record.state == "published"):
        step.fire(record, "publish_corrected" if published else "withhold_corrected")


def apply_corrections(step: Step) -> None:
    """Write the corrected fields, then class and periods anew by the record's own rule pack."""
    for name, value in step.answers.values.items():
        write_field(step.record, name, value)
    _classify_record(step)


def _classify_record(step: Step) -> None:
    """Compute class and publication periods from the record and its rule pack."""
    record = step.record
    found = assess_record(step.record_rules, record)
    record.severity_class = found.severity
    record.min_publication_until = found.min_until
    record.max_publication_until = found.max_until
