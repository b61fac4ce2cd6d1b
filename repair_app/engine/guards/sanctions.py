"""What must be true of a sanction.

Before a measure is chosen there is nothing to check about it: such a guard then lets through, and
is asked again with the form.
"""

from repair_app.calendar import add_period
from repair_app.engine.enforcement import fits_class, is_listed
from repair_app.engine.step import Reason, Step
from repair_app.labels import N_, Label
from repair_app.models import SanctionMeasure

PUBLIC_BODIES = ("11", "12")  # of a USCC: 机关, 事业单位 (GB 32100-2015)


def measure_is_not_in_force(step: Step) -> Reason | None:
    """The department has not imposed the same measure on the record already."""
    ref = step.store.same_measure(step.sanction) if step.sanction.ref else None
    if ref is None:
        return None
    return Reason(N_("The measure is in force already (%(ref)s)."), {"ref": ref})


def measure_is_listed(step: Step) -> Reason | None:
    """The measure stands in the catalogue with its basis (…四（十三）：严禁随意增加)."""
    measure = _chosen(step)
    if measure is None or is_listed(measure, step.today):
        return None
    return Reason(
        N_(
            "Measure %(code)s “%(name)s” is not in the catalogue (any more): it may not be imposed."
        ),
        _called(measure),
    )


def measure_fits_the_record(step: Step) -> Reason | None:
    """The measure may rest on a record of this class (山东省社会信用条例 第二十八条、第三十条)."""
    measure = _chosen(step)
    if measure is None or fits_class(measure, step.record):
        return None
    label = step.record_rules.classes[step.record.severity_class].label
    return Reason(
        N_("Measure %(code)s “%(name)s” may not rest on a record of the class “%(label)s”."),
        {**_called(measure), "label": label},
    )


def measure_fits_whom_it_reaches(step: Step) -> Reason | None:
    """A measure on persons names one in a role, any other names none (…四（十四）惩戒到人)."""
    measure = _chosen(step)
    named = step.sanction.person_role is not None
    if measure is None or named == measure.reaches_persons:
        return None
    if named:
        return Reason(
            N_("Measure %(code)s “%(name)s” rests on the enterprise only."), _called(measure)
        )
    return Reason(
        N_(
            "Measure %(code)s “%(name)s” reaches a person: the lead agency names who, and in "
            "which role."
        ),
        _called(measure),
    )


def measure_is_recommended(step: Step) -> Reason | None:
    """A mandatory measure is carried out, a recommended one may be declined (二（四）18)."""
    if step.sanction.measure.force == "recommended":
        return None
    return Reason(N_("The measure is mandatory: it may not be declined."))


def term_is_within_the_list(step: Step) -> Reason | None:
    """The term ends with the record, and with the longest term of the list (二（四）19)."""
    sanction, measure = step.sanction, _chosen(step)
    if measure is None:
        return None
    last = step.record.max_publication_until
    if measure.longest_months is not None:
        last = min(last, add_period(sanction.imposed_on, measure.longest_months))
    if sanction.imposed_on <= sanction.ends_on <= last:
        return None
    return Reason(N_("The term of this measure may run until %(day)s at most."), {"day": last})


def public_body_is_notified(step: Step) -> Reason | None:
    """What a public body did is told to its superior unit and the audit office (…四（十四）)."""
    sanction = step.sanction
    uscc = step.record.subject.uscc or ""
    if _chosen(step) is None or sanction.notified or not uscc.startswith(PUBLIC_BODIES):
        return None
    return Reason(N_("The enterprise is a public body: say who has to be told of it."))


def execution_was_reported(step: Step) -> Reason | None:
    """The department has fed back what it carried out: without it nothing can be evaluated."""
    if step.sanction.executions:
        return None
    return Reason(N_("The department has not fed back yet what it carried out."))


def suspension_was_not_acknowledged(step: Step) -> Reason | None:
    """The department has not said yet that it stopped."""
    if step.store.has_running_term(step.sanction.ref, "sanction_response"):
        return None
    return Reason(N_("The suspension was acknowledged already."))


def no_suspension_is_open(step: Step) -> Reason | None:
    """No case still keeps the sanction from being executed."""
    if not step.store.is_suspended(step.sanction):
        return None
    return Reason(N_("Another verification of the record still suspends this sanction."))


def sanction_term_is_over(step: Step) -> Reason | None:
    """The term of the sanction has ended (鲁政发〔2017〕44号 二（四）19)."""
    if step.today > step.sanction.ends_on:
        return None
    return Reason(N_("The sanction's term runs until %(day)s."), {"day": step.sanction.ends_on})


def sanction_term_is_not_over(step: Step) -> Reason | None:
    """The term of the sanction has not ended (鲁政发〔2017〕44号 二（四）19)."""
    if step.today <= step.sanction.ends_on:
        return None
    return Reason(N_("The term of the measure ended on %(day)s."), {"day": step.sanction.ends_on})


def _called(measure: SanctionMeasure) -> dict[str, object]:
    """Return what a measure is called: its code alone tells a department nothing."""
    return {"code": measure.code, "name": Label(measure.name_zh, measure.name_en)}


def _chosen(step: Step) -> SanctionMeasure | None:
    """Return the measure of the step's sanction; None before one was chosen."""
    measure: SanctionMeasure | None = step.sanction.measure
    return measure
