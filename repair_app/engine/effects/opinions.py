"""The views of other agencies inside an objection."""

from repair_app.engine.machine import begin
from repair_app.engine.step import Step
from repair_app.models import Requirement


def ask_opinion(step: Step) -> None:
    """Ask another agency for its view; its people see the question, not the whole case."""
    opinion = step.store.make(
        Requirement,
        ref=step.store.new_ref(step.policy.current["opinion"].prefix, step.today),
        case=step.case,
        institution_id=step.answers.facts["consulted_id"],
        rule_pack=step.case.rule_pack,
        rule_pack_hash=step.case.rule_pack_hash,
    )
    begin(step.policy, opinion, "opinion")
    step.store.save()
    step.fire(opinion, "require")
