"""A talk: called, moved, held, signed, entered in the credit record."""

from datetime import date

from repair_app.engine.step import Step
from repair_app.models import Talk


def call_talk(step: Step) -> None:
    """Keep when and where the talk meets."""
    facts = step.answers.facts
    talk = step.store.talk_of(step.case) or step.store.make(Talk, case_id=step.case.id)
    talk.meets_on = date.fromisoformat(facts["meets_on"])
    talk.place = facts["place"]


def keep_minutes(step: Step) -> None:
    """Keep that the talk was held; the minutes stand in its event."""
    _talk(step).held_on = date.fromisoformat(step.answers.facts["held_on"])


def keep_signature(step: Step) -> None:
    """Keep that the subject signed the minutes."""
    _talk(step).signed_by_subject = True


def enter_talk_in_record(step: Step) -> None:
    """Enter the talk in the credit record's own history (四（九）：约谈记录记入信用记录).

    A record that began under an earlier version of its workflow has no such step: there the talk
    itself is the entry.
    """
    _talk(step).entered_at = step.at
    if step.may_fire(step.record, "enter_talk"):
        step.fire(step.record, "enter_talk")


def _talk(step: Step) -> Talk:
    talk = step.store.talk_of(step.case)
    if talk is None:
        raise LookupError(f"{step.case.ref} was not called")
    return talk
