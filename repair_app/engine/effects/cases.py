"""What else a step does to its case and to those who act in it."""

from repair_app.engine.step import Step
from repair_app.models import Deadline, Role


def stamp_submission(step: Step) -> None:
    """Note when the case was first filed: the centre and the provider see it from now on."""
    step.case.submitted_at = step.at
    if step.case.centre_id is None:
        step.case.centre_id = step.store.default_centre()


def remember_refusal(step: Step) -> None:
    """Keep the code of the refusal on the case."""
    step.case.refusal_code = step.answers.facts["code"]


def remember_verifier(step: Step) -> None:
    """Keep who verified: that person never decides."""
    step.case.verified_by_id = step.actor.person_id


def remember_first_decider(step: Step) -> None:
    """Keep who decided first: that person never signs."""
    step.case.decided_by_id = step.actor.person_id


def remember_signer(step: Step) -> None:
    """Keep who signed."""
    step.case.signed_by_id = step.actor.person_id


def forget_verification(step: Step) -> None:
    """Start the verification again: its answer, verifier and first decision no longer count."""
    step.case.verified_by_id = None
    step.case.decided_by_id = None
    step.case.refusal_code = None
    step.case.outcome = None
    for proposal in step.case.proposals:
        proposal.answered_value = None


def forget_signer(step: Step) -> None:
    """Begin a further decision of the same matter: who signed the last one is free again."""
    step.case.signed_by_id = None


def assign_provider(step: Step) -> None:
    """Send the case to another provider."""
    step.case.provider_id = step.answers.facts["provider_id"]
    step.store.reread(step.case, "provider")


def end_open_cases(step: Step) -> None:
    """End the other matters of the record: nothing is left for them to decide."""
    for case in step.store.cases_of(step.record):
        if case.is_open and case.ref != step.stream and step.may_fire(case, "end_with_record"):
            step.fire(case, "end_with_record")


# --- by which door it came ---


def enter_for_subject(step: Step) -> None:
    """Keep who entered it at the counter: that person does not decide it."""
    step.case.door = "subject"
    step.case.entered_by_id = step.actor.person_id


def enter_for_complaint(step: Step) -> None:
    """Note that an interested party complained; who that is stays out of the case."""
    step.case.door = "complaint"


def enter_for_discovery(step: Step) -> None:
    """Note which authority found it out itself, and who: that person decides nothing."""
    step.case.door = "discovery"
    step.case.entered_by_id = step.actor.person_id
    if step.actor.role == "department":
        step.case.department_id = step.actor.organisation_id


def point_to_other_case(step: Step) -> None:
    """Keep which open objection this one is joined to."""
    step.case.about_id = step.answers.facts["joined_id"]
    step.store.reread(step.case, "about")


# --- what came of it ---


def remember_outcome(step: Step) -> None:
    """Keep which kind of removal was found right."""
    step.case.outcome = step.answers.facts["outcome"]


def mark_unverified(step: Step) -> None:
    """Keep that the record could not be verified."""
    step.case.outcome = "UNVERIFIED"


def mark_rejected(step: Step) -> None:
    """Keep that the objection was rejected, unless the record stays although not verified."""
    step.case.outcome = step.case.outcome or "REJECTED"


def mark_corrected(step: Step) -> None:
    """Keep whether an error was corrected or an omission made good."""
    step.case.outcome = "COMPLETED" if step.case.ground == "omission" else "CORRECTED"


# --- who acts, and until when ---


def assign_centre(step: Step) -> None:
    """Hand the case over to another credit centre: its reviewers act from now on."""
    _hand_over(step, step.answers.facts["centre_id"])


def _hand_over(step: Step, centre_id: int) -> None:
    """Let another credit centre's reviewers act, with the terms that run for them."""
    step.case.centre_id = centre_id
    for term in step.case.deadlines:
        if term.is_running and term.owner == "reviewer":
            term.organisation_id = centre_id
    step.store.reread(step.case, "centre")


def call_in_centre(step: Step) -> None:
    """Let the reviewers of another credit centre act beside those of the one that decided.

    What it decided stays its own, so that a review of that does not go to it.
    """
    centre_id = step.answers.facts["centre_id"]
    step.case.higher_centre_id = centre_id
    for term in step.case.deadlines:
        if term.is_running and term.entity_ref == step.entity.ref and term.owner == "reviewer":
            term.organisation_id = centre_id


def send_to_reviewing_centre(step: Step) -> None:
    """Send a review to the unit above the one that decided, where there is one."""
    about = step.case.about
    if about is not None and about.centre is not None and about.centre.superior_id is not None:
        step.case.centre_id = about.centre.superior_id


def escalate_term(step: Step) -> None:
    """Tell the unit above; where a reviewer was late, its own reviewers act as well from now on."""
    term = step.term_of(step.case.ref)
    if term is None:
        return
    late = term.organisation_id or step.case.centre_id
    if term.owner == "system":  # above a machine is the centre that has the case
        above = late
    else:
        above = step.store.get_organisation(late).superior_id if late is not None else None
    term.escalated_at = step.at
    term.escalated_to_id = above
    # Told is the unit above in any case; it acts only where somebody can act for it.
    if term.owner == "reviewer" and step.store.is_staffed(above, Role.REVIEWER, step.today):
        step.case.higher_centre_id = above


def escalate_late_terms(step: Step) -> None:
    """Tell the unit above whoever let a term pass; of a reviewer's, its own reviewers act as well.

    Who has no unit above, as an institution, is told of to the credit centre of the case.
    """
    for term in step.late_terms:
        above = _unit_above(step, term)
        term.escalated_at = step.at
        term.escalated_to_id = above
        late_reviewer = term.owner == "reviewer" and step.workflow.entity == "requirement"
        if late_reviewer and step.store.is_staffed(above, Role.REVIEWER, step.today):
            step.case.higher_centre_id = above


def _unit_above(step: Step, term: Deadline) -> int | None:
    """Return whom it is told that a term was let pass; None where nobody is above."""
    centre_id = None
    if step.workflow.entity == "requirement":  # a draft has no centre yet
        centre_id = step.case.centre_id or step.store.default_centre()
    late = term.organisation_id or centre_id
    above = step.store.get_organisation(late).superior_id if late is not None else None
    # A centre that was called in and has none above it is not passed back to the one that it helps.
    if above is not None or late == centre_id or term.owner == "reviewer":
        return above
    return centre_id


def extend_term(step: Step) -> None:
    """Give more time, as the rules allow: the term of the state and that of the whole matter."""
    clock = step.rules.clocks[f"{step.workflow.name}_extension"]
    step.store.extend_terms(step, clock.working_days, step.answers.texts.get("reason", ""))
