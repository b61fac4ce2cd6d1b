"""The views of other agencies inside an objection."""

from repair_app.engine.opening import open_requirement
from repair_app.engine.step import Step


def ask_opinion(step: Step) -> None:
    """Ask another agency for its view; its people see the question, not the whole case."""
    open_requirement(step, "opinion", institution_id=step.answers.facts["consulted_id"])
