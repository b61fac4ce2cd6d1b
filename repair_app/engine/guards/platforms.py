"""Whether every platform shows what was decided: the same result on each of them."""

from repair_app.engine.step import Reason, Step
from repair_app.labels import N_


def every_platform_agrees(step: Step) -> Reason | None:
    """Every platform shows the record as it was decided (鲁信用办〔2021〕5号 八)."""
    waiting = step.store.count_waited_for(step.record)
    if not waiting:
        return None
    return Reason(
        N_("%(count)s platforms do not show the result yet: the matter waits for them."),
        {"count": waiting},
        applies=False,
    )


def some_platform_is_waited_for(step: Step) -> Reason | None:
    """A platform does not show the record yet as it was decided."""
    if step.store.count_waited_for(step.record):
        return None
    return Reason(
        N_("Every platform shows the result by now: the matter can be closed."), applies=False
    )
