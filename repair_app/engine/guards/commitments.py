"""What must be true before it is found how a commitment was kept."""

from repair_app.engine.step import Reason, Step
from repair_app.labels import N_


def repair_has_ended(step: Step) -> Reason | None:
    """The repair that the commitment was made for has ended: before, nothing is found kept."""
    if not step.case.is_open:
        return None
    return Reason(N_("The repair %(ref)s is still open."), {"ref": step.case.ref})


def commitment_term_is_over(step: Step) -> Reason | None:
    """The term in which the subject may answer has ended."""
    return step.reason_not_over(step.term_of(step.requirement.ref))


def actor_did_not_announce_breach(step: Step) -> Reason | None:
    """Who announced the breach does not find it as well; counted by natural person."""
    fulfilment = step.store.fulfilment_of(step.requirement)
    announcer = None if fulfilment is None else fulfilment.announced_by_id
    if announcer is None or announcer != step.actor.person_id:
        return None
    return Reason(N_("You announced this breach; a colleague has to decide it."))
