"""What a repair needs: listed, met, published, lapsed."""

from datetime import date

from repair_app.engine.opening import open_requirement
from repair_app.engine.step import Step
from repair_app.models import Requirement


def list_requirements(step: Step) -> None:
    """Write down what a repair of this class needs, one requirement each."""
    for name in step.severity.in_order:
        open_requirement(step, name)


def _requirement(step: Step, name: str) -> Requirement | None:
    return next((one for one in step.case.requirements if one.workflow == name), None)


def lapse_requirements(step: Step) -> None:
    """End what the case still waits for; what is final stays as it is."""
    for requirement in step.case.requirements:
        if step.may_fire(requirement, "lapse"):  # a published commitment goes on
            step.fire(requirement, "lapse")


def publish_commitment(step: Step) -> None:
    """Publish the commitment on acceptance (…一（四）：向社会公开，记入信用记录)."""
    commitment = _requirement(step, "commitment")
    if commitment and commitment.state == "signed":
        step.fire(commitment, "publish")


def verify_rectification(step: Step) -> None:
    """Record that the rectification was verified."""
    if proof := _requirement(step, "rectification"):
        step.fire(proof, "verify")


def reject_rectification(step: Step) -> None:
    """Record that the rectification was found lacking."""
    if proof := _requirement(step, "rectification"):
        step.fire(proof, "reject")


def reject_lacking_rectification(step: Step) -> None:
    """Record that the rectification was found lacking, where that is what the refusal says.

    A repair may be refused for another reason, such as a bar: then nothing is said against the
    proof, and it lapses with the case.
    """
    if step.case.refusal_code == "obligation_unperformed":
        reject_rectification(step)


def sign_commitment(step: Step) -> None:
    """Keep the commitment's text as it was signed."""
    step.requirement.text = step.answers.facts["text"]
    step.requirement.signed_at = step.at


def stamp_publication(step: Step) -> None:
    """Note when the commitment was published."""
    step.requirement.published_at = step.at


def choose_institution(step: Step) -> None:
    """Keep which institution was asked: its people see this requirement from now on."""
    step.requirement.institution_id = step.answers.facts["institution_id"]


def forget_institution(step: Step) -> None:
    """Take the request back from the institution: its people are told, and no longer see it."""
    step.taken_from_id = step.requirement.institution_id
    step.requirement.institution_id = None


def keep_certificate(step: Step) -> None:
    """Keep number and dates of the certificate or report."""
    facts = step.answers.facts
    step.requirement.number = facts["number"]
    step.requirement.issued_on = date.fromisoformat(facts["issued_on"])
    step.requirement.valid_until = date.fromisoformat(facts["valid_until"])


def add_factor(step: Step) -> None:
    """Let public service weigh in, because the applicant wants it to; nothing waits for it."""
    open_requirement(step, "public_service")


def keep_service(step: Step) -> None:
    """Keep how many hours were served, and until when."""
    step.requirement.number = f"{step.answers.facts['hours']} h"
    step.requirement.issued_on = date.fromisoformat(step.answers.facts["served_until"])
