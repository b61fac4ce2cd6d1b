"""What must be true of the terms that run: over, still running, extended, escalated."""

from repair_app.engine.step import Reason, Step
from repair_app.labels import N_


def term_is_over(step: Step) -> Reason | None:
    """The term that runs for the other side has ended."""
    return step.reason_not_over(step.term_of(step.case.ref))


def term_is_running(step: Step) -> Reason | None:
    """The term has not ended: more time is given beforehand or not at all."""
    term = step.term_of(step.case.ref)
    if term is not None and (not term.working_days or step.today <= term.due_on):
        return None
    return Reason(N_("The term is over: more time has to be allowed before it ends."))


def term_was_not_escalated(step: Step) -> Reason | None:
    """The next unit has not been told of this term yet."""
    term = step.term_of(step.case.ref)
    if term is None or term.escalated_at is None:
        return None
    return Reason(N_("The next unit has been told already."))


def late_term_was_not_escalated(step: Step) -> Reason | None:
    """A term of this has ended, and the next unit has not been told of it yet."""
    if step.late_terms:
        return None
    return Reason(N_("No term is over of which the next unit has not been told."))


def opinion_is_overdue(step: Step) -> Reason | None:
    """The other agency has let the term for its view pass."""
    return step.reason_not_over(step.term_of(step.entity.ref))


def extension_is_allowed(step: Step) -> Reason | None:
    """The rules that the case goes by know an extension of this term."""
    if step.extension is not None:
        return None
    return Reason(N_("The rules of this case allow no more time."), applies=False)


def extension_was_asked(step: Step) -> Reason | None:
    """Who needs more time has asked for it, with reasons."""
    if step.store.has_happened(step.entity.ref, "ask_extension"):
        return None
    return Reason(N_("Nobody has asked for more time."), applies=False)


def extension_was_not_given(step: Step) -> Reason | None:
    """More time is given once."""
    if not step.store.has_happened(step.entity.ref, "extend"):
        return None
    return Reason(N_("More time was given already; it is given once."))
