"""What must be true of the papers that a repair asks for."""

from repair_app.engine.rules import Material
from repair_app.engine.step import Reason, Step
from repair_app.labels import N_, Label


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
    lines = [_describe(group) for group in missing]
    listed = Label("".join(one.zh for one in lines), "".join(one.en for one in lines))
    return Reason(N_("Still missing, of each line one paper:%(lines)s"), {"lines": listed})


def _describe(group: tuple[Material, ...]) -> Label:
    """Return a line of its own: what is missing, what would do instead, how to get each."""
    zh = "，或者".join(f"{one.label.zh}（{one.how_to_get.zh.rstrip('。')}）" for one in group)
    en = ", or ".join(f"{one.label.en} ({one.how_to_get.en.rstrip('.')})" for one in group)
    return Label(f"\n· {zh}", f"\n· {en}")
