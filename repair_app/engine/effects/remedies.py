"""Harm that a wrongful sanction did, and its undoing (鲁政发〔2017〕44号 二（四）20)."""

from datetime import date

from repair_app.engine.enforcement import find_execution, fits_class
from repair_app.engine.opening import open_as_system
from repair_app.engine.step import Step

REMEDY = "remedy"


def open_remedies(step: Step) -> None:
    """Have every department undo what it carried out because of a record that was wrong."""
    departments = {
        one.department_id
        for one in step.record.sanctions
        if any(execution.executed for execution in one.executions)
    }
    for department_id in sorted(departments):
        _open_remedy(step, department_id)


def end_unfitting_sanctions(step: Step) -> None:
    """Bring every measure into line with the record as it now is (…四（十三）：严禁随意增加).

    One that may not rest on its class, or had no term at all, ends; a longer one is shortened.
    What was carried out beyond is undone.
    """
    last = step.record.max_publication_until
    for sanction in [one for one in step.record.sanctions if one.ended_at is None]:
        unfit = not fits_class(sanction.measure, step.record) or last < sanction.imposed_on
        beyond = [
            one for one in sanction.executions if one.executed and (unfit or one.happened_on > last)
        ]
        if unfit:
            step.fire(sanction, "end")
        elif sanction.ends_on > last:
            sanction.ends_on = last
        if beyond:
            _open_remedy(step, sanction.department_id)


def open_remedy_of_incident(step: Step) -> None:
    """Have harm undone when a measure was carried out on a day on which it must not have been."""
    facts = step.answers.facts
    day = date.fromisoformat(facts["happened_on"])
    kept = find_execution(step.sanction, day, executed=facts["executed"])
    if kept is not None and kept.incident is not None:
        _open_remedy(step, step.sanction.department_id)


def _open_remedy(step: Step, department_id: int) -> None:
    """Open the remedy of one department, unless it owes one on this record already."""
    owes = any(
        one.workflow == REMEDY and one.department_id == department_id and one.is_open
        for one in step.store.cases_of(step.record)
    )
    if owes:
        return
    open_as_system(
        step,
        REMEDY,
        step.record,
        ground=f"department {department_id}",
        department_id=department_id,
        about_id=step.case.id if step.workflow.entity == "case" else None,
    )
