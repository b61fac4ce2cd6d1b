"""What must be true of a talk (国办发〔2019〕35号 四（九）：提示约谈、警示约谈)."""

from repair_app.engine.step import Reason, Step
from repair_app.labels import N_

_CAUSES = {"reminder": ("rectification_order", "not_done"), "warning": ("talk", "entered")}


def talk_has_cause(step: Step) -> Reason | None:
    """An order was not done before a reminder; a reminder was in vain before a warning."""
    causes = [_CAUSES[step.case.ground]] if step.case.ground in _CAUSES else _CAUSES.values()
    for one in step.store.cases_of(step.record):
        if (one.workflow, one.state) in causes and one.ground != step.case.ground:
            return None
    if step.case.ground == "warning":
        return Reason(N_("A warning follows a reminder talk that was held and led to nothing."))
    return Reason(N_("A talk follows an order to put the violation right that was not done."))


def talk_day_has_come(step: Step) -> Reason | None:
    """The day that the talk was called for has come."""
    talk = step.store.talk_of(step.case)
    if talk is None or talk.meets_on <= step.today:
        return None
    return Reason(N_("The talk takes place on %(day)s."), {"day": talk.meets_on})


def talk_was_noticed(step: Step) -> Reason | None:
    """The day lies ahead: who is called has to hear of it before."""
    day = step.answers.facts.get("meets_on")
    if day is None or day > step.today.isoformat():
        return None
    return Reason(N_("Call the talk for a later day, so that the notice arrives before."))


def talk_is_a_warning(step: Step) -> Reason | None:
    """It is a warning talk: after a reminder, a warning follows instead."""
    if step.case.ground == "warning":
        return None
    return Reason(N_("After a reminder talk, call a warning talk."), applies=False)
