"""What must be true of the papers that a repair asks for."""

from repair_app.engine.step import Reason, Step
from repair_app.labels import N_


def materials_are_brought(step: Step) -> Reason | None:
    """Of each group of the checklist one paper is there: attached, or from what was met.

    Says of everything missing how to get it, so that nobody has to ask twice.
    """
    case, rules = step.case, step.rules
    met = {
        one.workflow
        for one in case.requirements
        if step.policy.workflow_of(one).states[one.state].meets
    }
    attached = step.store.materials_of(case)
    yielded = {
        one.code
        for one in rules.materials.values()
        # What proves rectification is attached: that there is some proof does not say which.
        if one.requirement in met - {"rectification"}
    }
    missing = rules.missing_materials(
        step.assessment.severity, step.record.penalty_categories, attached | yielded
    )
    if not missing:
        return None
    items = [material for group in missing for material in group]
    return Reason(
        N_("Still missing, one of each kind: %(items)s. How to get it: %(ways)s."),
        {"items": [one.label for one in items], "ways": [one.how_to_get for one in items]},
    )
