"""What an order to put a violation right leads to."""

from repair_app.engine.step import Step


def pass_matter_to_talk(step: Step) -> None:
    """Close what led to this talk: the order that was not done, or the reminder in vain."""
    leads = "talk" if step.case.ground == "warning" else "rectification_order"
    for one in step.store.cases_of(step.record):
        led_here = one.workflow == leads and one.ref != step.case.ref
        if led_here and step.may_fire(one, "pass_to_talk"):
            step.fire(one, "pass_to_talk")
