"""What must be true of the record."""

from datetime import timedelta

from repair_app.engine.enforcement import SHIELDED, in_publication_term
from repair_app.engine.step import Reason, Step
from repair_app.labels import N_


def record_is_live(step: Step) -> Reason | None:
    """The record is on file and inside its publication period (鲁信用办〔2021〕5号 八)."""
    record = step.record
    state = step.policy.workflow_of(record).states[record.state]
    if state.live and in_publication_term(record, step.today):
        return None
    return Reason(
        N_("Record %(ref)s is no longer on file as current: nothing can rest on it."),
        {"ref": record.ref},
    )


def record_is_on_file(step: Step) -> Reason | None:
    """The record is not archived, in its term or beyond it: there is something to put right."""
    state = step.policy.workflow_of(step.record).states[step.record.state]
    if state.live:
        return None
    return Reason(N_("Record %(ref)s has been archived already."), {"ref": step.record.ref})


def record_is_not_contested(step: Step) -> Reason | None:
    """No verification of the record is open (鲁政发〔2017〕44号 二（四）20)."""
    if not step.record.is_contested:
        return None
    return Reason(N_("The record is being verified; wait until the objection is decided."))


def record_is_not_shielded(step: Step) -> Reason | None:
    """No shield is up: what rests on the record stands still, and nothing new is begun on it."""
    if step.record.state != SHIELDED:
        return None
    return Reason(N_("The record is shielded while a reorganisation plan is carried out."))


def record_is_repairable(step: Step) -> Reason | None:
    """The record's class can be repaired (specific serious cannot: 四（十五）)."""
    severity = step.severity
    if severity.repairable:
        return None
    return Reason(
        N_("A record of the class “%(label)s” is not repaired: %(basis)s"),
        {"label": severity.label, "basis": severity.basis},
    )


def minimum_publication_is_over(step: Step) -> Reason | None:
    """The minimum publication period has passed (CN-2019-527 二; CN-2026-36)."""
    last = step.assessment.min_until
    if last is None or step.today > last:
        return None
    return Reason(
        N_("The minimum publication period runs until %(last)s; apply from %(day)s on."),
        {"last": last, "day": last + timedelta(days=1)},
    )


def maximum_publication_is_over(step: Step) -> Reason | None:
    """The maximum publication period has passed (CN-2019-527 一)."""
    if not in_publication_term(step.record, step.today):
        return None
    return Reason(
        N_("The publication period runs until %(day)s."),
        {"day": step.record.max_publication_until},
    )


def record_is_published(step: Step) -> Reason | None:
    """The record is on the public site: only then can it be shielded."""
    if step.record.state != "published":
        return Reason(N_("The record is not on the public site."))
    return step.reason_not_moved("shield")
