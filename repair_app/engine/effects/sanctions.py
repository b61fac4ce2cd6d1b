"""The loop of a sanction: its term, what was carried out, what came of it, its end."""

from datetime import date

from repair_app.engine.enforcement import find_execution, find_incident
from repair_app.engine.step import Step
from repair_app.models import SanctionExecution


def begin_term(step: Step) -> None:
    """Let the term begin on the day on which the department took the measure up."""
    step.sanction.imposed_on = step.today


def keep_execution(step: Step) -> None:
    """Keep what the department says it carried out, and whether it must not have.

    A day is kept once with its outcome; what is told of it again is told by the event alone.
    """
    facts = step.answers.facts
    day = date.fromisoformat(facts["happened_on"])
    if find_execution(step.sanction, day, executed=facts["executed"]):
        return
    execution = step.store.make(
        SanctionExecution,
        happened_on=day,
        executed=facts["executed"],
        incident=find_incident(step.sanction, day) if facts["executed"] else None,
        reported_at=step.at,
    )
    step.sanction.executions.append(execution)


def meet_feedback(step: Step) -> None:
    """Note that the department has fed back in time or late."""
    step.store.meet_term(step.sanction.ref, "sanction_feedback", step.at)


def ask_for_evaluation(step: Step) -> None:
    """Have the lead agency evaluate what was fed back; a term that runs already goes on."""
    if not step.store.has_running_term(step.sanction.ref, "sanction_evaluation"):
        step.store.open_term(step, "sanction_evaluation", "provider")


def keep_evaluation(step: Step) -> None:
    """Keep what came of the measure."""
    step.sanction.evaluation = step.answers.facts["evaluation"]


def meet_evaluation(step: Step) -> None:
    """Note that the lead agency has evaluated."""
    step.store.meet_term(step.sanction.ref, "sanction_evaluation", step.at)


def meet_acknowledgement(step: Step) -> None:
    """Note that the department has stopped."""
    step.store.meet_term(step.sanction.ref, "sanction_response", step.at)


def stamp_end(step: Step) -> None:
    """Note when the sanction ended."""
    step.sanction.ended_at = step.at


def close_suspensions(step: Step) -> None:
    """Close the suspensions of a sanction that no longer exists."""
    for suspension in step.sanction.suspensions:
        if suspension.lifted_at is None:
            suspension.lifted_at = step.at
            suspension.lifted_because = step.transition.name
