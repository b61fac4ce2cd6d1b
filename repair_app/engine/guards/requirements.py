"""What must be true of what a repair needs."""

from datetime import date

from repair_app.calendar import add_period, local_date
from repair_app.engine.step import Reason, Step
from repair_app.labels import N_
from repair_app.models import Requirement

# What people weigh and nobody asks for (鲁信用办〔2021〕5号 （八）：参考因素).
_FACTORS = frozenset({"public_service"})
# Not a text of the documents: the report has to show the firm as it is now.
_MONTHS_OF_A_REPORT = 6


def requirements_are_met(step: Step) -> Reason | None:
    """Every requirement of the record's class is met; certificates were valid when it was filed."""
    required = set(step.severity.requirements)
    met = {one.workflow for one in step.case.requirements if _is_met(step, one)}
    if step.severity.reading == "any" and met & required:
        return None
    asked = {one.workflow for one in step.case.requirements} - _FACTORS | required
    if asked <= met:
        return None
    labels = [step.policy.current[name].label for name in sorted(asked - met)]
    return Reason(N_("Still missing: %(items)s."), {"items": labels})


def _is_met(step: Step, requirement: Requirement) -> bool:
    state = step.policy.workflow_of(requirement).states[requirement.state]
    filed_at = step.case.submitted_at
    day = local_date(filed_at) if filed_at else step.today
    valid_until = requirement.valid_until
    return state.meets and (valid_until is None or day <= valid_until)


def certificate_is_new(step: Step) -> Reason | None:
    """The number is no other certificate's of this institution: none serves two firms."""
    number = step.answers.facts.get("number")
    if number is None or not step.store.is_number_used(step.requirement, number):
        return None
    return Reason(N_("Number %(number)s was used already; each serves once."), {"number": number})


def case_takes_material(step: Step) -> Reason | None:
    """The repair is still being prepared, or a supplement was asked for."""
    if step.case.state in {"draft", "supplement_asked"}:
        return None
    return Reason(N_("The application has been filed; wait for a request to supplement it."))


def case_is_a_draft(step: Step) -> Reason | None:
    """The application was not sent yet: nobody relies on what was signed with it."""
    if step.case.state == "draft":
        return None
    return Reason(
        N_("The application has been filed: what was signed with it stands."), applies=False
    )


def paper_names_the_subject(step: Step) -> Reason | None:
    """The certificate or report is on this enterprise: none serves another firm."""
    uscc = step.answers.facts.get("uscc")
    if uscc is None or uscc == step.case.subject.uscc:
        return None
    return Reason(
        N_("The paper is on %(uscc)s; this application is by %(name)s."),
        {"uscc": uscc, "name": step.case.subject.name},
    )


def report_is_recent(step: Step) -> Reason | None:
    """The report shows the firm as it is: it is not older than half a year."""
    text = step.answers.facts.get("issued_on")
    if text is None:
        return None
    last = add_period(date.fromisoformat(text), months=_MONTHS_OF_A_REPORT)
    if step.today <= last:
        return None
    return Reason(
        N_("The report is older than %(months)s months; have a new one made."),
        {"months": _MONTHS_OF_A_REPORT},
    )


def credit_check_is_done(step: Step) -> Reason | None:
    """The credit check that the class asks for has been made (国办发〔2019〕35号 四（十三）)."""
    checks = [one for one in step.case.requirements if one.workflow == "credit_check"]
    if all(one.state != "requested" for one in checks):
        return None
    return Reason(N_("The credit check is still to be made."))


def factor_is_offered(step: Step) -> Reason | None:
    """The record's class lets public service weigh in (鲁信用办〔2021〕5号 （八）)."""
    if "public_service" in step.severity.factors:
        return None
    return Reason(N_("Public service is no factor for a record of this class."), applies=False)


def factor_was_not_added(step: Step) -> Reason | None:
    """Public service was not added to this application before."""
    if all(one.workflow != "public_service" for one in step.case.requirements):
        return None
    return Reason(N_("Public service is part of this application already."), applies=False)
