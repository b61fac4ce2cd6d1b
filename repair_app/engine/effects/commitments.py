"""How a commitment was kept: announced, found, and what follows."""

from repair_app.engine.effects.publication import bar_subject
from repair_app.engine.opening import open_as_system
from repair_app.engine.step import Step
from repair_app.models import Fulfilment


def announce_breach(step: Step) -> None:
    """Keep what is said not to have been kept, and by whom, until it is decided."""
    fulfilment = _fulfilment(step)
    fulfilment.announced_by_id = step.actor.person_id
    fulfilment.unfulfilled = step.answers.texts.get("unfulfilled")
    fulfilment.liability = step.answers.texts.get("liability")


def drop_breach(step: Step) -> None:
    """Forget what was announced: it was not found to be so."""
    fulfilment = _fulfilment(step)
    fulfilment.announced_by_id = fulfilment.unfulfilled = fulfilment.liability = None


def recognise_fulfilment(step: Step) -> None:
    """Keep when, and for which unit, it was found how the commitment was kept."""
    fulfilment = _fulfilment(step)
    fulfilment.recognised_on = step.today
    fulfilment.recognised_by_id = step.actor.organisation_id


def pursue_breach(step: Step) -> None:
    """Have the repair undone that rested on the promise; where none is left, bar another one.

    The bar is the rule pack's: no repair may be applied for meanwhile.
    """
    record = step.record
    revocable = record.state == "repaired" and step.today <= record.max_publication_until
    pursued = any(
        one.workflow == "revocation" and one.is_open for one in step.store.cases_of(record)
    )
    if revocable and not pursued:
        found = step.answers.texts.get("findings")
        open_as_system(
            step,
            "revocation",
            record,
            name="open_on_breach",
            texts={"reason": found} if found else None,  # what the firm is to answer to
            about_id=step.case.id,
        )
    elif not pursued:
        bar_subject(step)


def _fulfilment(step: Step) -> Fulfilment:
    known = step.store.fulfilment_of(step.requirement)
    return known or step.store.make(Fulfilment, requirement_id=step.requirement.id)
