"""What else a transition changes, in the same transaction. Names are commands."""

from datetime import date
from functools import partial

from sqlalchemy import select

from repair_app import refs
from repair_app.engine.assessment import assess
from repair_app.engine.fields import read_field, write_field
from repair_app.engine.machine import begin
from repair_app.engine.step import WAS, Answers, Step
from repair_app.models import (
    Case,
    DisputeMark,
    FieldProposal,
    Requirement,
    Sanction,
    SanctionSuspension,
)
from repair_app.models.cases import ENDED

# --- a case and its people ----------------------------------------------------------------


def stamp_submission(step: Step) -> None:
    """Note when the case was first filed: the centre and the provider see it from now on."""
    step.case.submitted_at = step.at


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
    for proposal in step.case.proposals:
        proposal.answered_value = None


def assign_provider(step: Step) -> None:
    """Send the case to another provider."""
    step.case.provider_id = step.answers.facts["provider_id"]
    step.session.flush()
    step.session.expire(step.case, ["provider"])


# --- verification: mark and suspension ----------------------------------------------------


def place_dispute_mark(step: Step) -> None:
    """Annotate the record as disputed for the life of this case (鲁政发〔2017〕44号 二（四）20)."""
    step.record.dispute_marks.append(DisputeMark(case_id=step.case.id, placed_at=step.at))


def lift_dispute_mark(step: Step) -> None:
    """Take away this case's annotation; those of other cases stay."""
    for mark in step.record.dispute_marks:
        if mark.case_id == step.case.id and mark.lifted_at is None:
            mark.lifted_at = step.at


def suspend_sanctions(step: Step) -> None:
    """Keep every sanction of the record from being executed while it is verified."""
    for sanction in _running_sanctions(step):
        sanction.suspensions.append(SanctionSuspension(case_id=step.case.id, suspended_at=step.at))
        if sanction.state == "in_force":
            step.fire(sanction, "suspend")


def resume_sanctions(step: Step) -> None:
    """Lift this case's suspensions; a sanction that no other case suspends is as it was."""
    for sanction in _running_sanctions(step):
        mine = [
            one
            for one in sanction.suspensions
            if one.case_id == step.case.id and one.lifted_at is None
        ]
        for suspension in mine:
            suspension.lifted_at = step.at
            suspension.lifted_because = step.transition.name
        still = any(one.lifted_at is None for one in sanction.suspensions)
        if mine and not still:
            step.session.flush()
            step.fire(sanction, "resume")


def _running_sanctions(step: Step) -> list[Sanction]:
    return [one for one in step.record.sanctions if one.ended_at is None]


# --- what an objection asks and what comes of it ------------------------------------------


def save_proposals(step: Step) -> None:
    """Keep, field by field, what the record says and what the subject proposes."""
    proposed = step.answers.values
    kept = {one.field: one for one in step.case.proposals}
    for name, proposal in kept.items():
        if name not in proposed:
            step.session.delete(proposal)
    for name, value in proposed.items():
        proposal = kept.get(name) or FieldProposal(field=name)
        proposal.old_value = read_field(step.record, name)
        proposal.proposed_value = value
        if name not in kept:
            step.case.proposals.append(proposal)


def save_corrections(step: Step) -> None:
    """Keep, field by field, what the provider found to be right."""
    kept = {one.field: one for one in step.case.proposals}
    for name, value in step.answers.values.items():
        proposal = kept.get(name)
        if proposal is None:
            proposal = FieldProposal(field=name, old_value=read_field(step.record, name))
            step.case.proposals.append(proposal)
        proposal.answered_value = value


def correct_record(step: Step) -> None:
    """Correct the record as the provider answered, with old and new values in its event."""
    record = step.record
    changes = {
        one.field: one.answered_value
        for one in step.case.proposals
        if one.answered_value is not None
    }
    before = {f"{WAS}{name}": read_field(record, name) for name in changes}
    name = "correct" if record.state == "published" else "correct_withheld"
    step.fire(record, name, Answers(texts=before, values=changes))
    published = step.record_rules.classes[record.severity_class].published
    if published != (record.state == "published"):
        step.fire(record, "publish_corrected" if published else "withhold_corrected")


def apply_corrections(step: Step) -> None:
    """Write the corrected fields, then class and periods anew by the record's own rule pack."""
    for name, value in step.answers.values.items():
        write_field(step.record, name, value)
    _classify_record(step)


def _classify_record(step: Step) -> None:
    """Compute class and publication periods from the record and its rule pack."""
    record = step.record
    found = assess(step.record_rules, partial(getattr, record))
    record.severity_class = found.severity
    record.min_publication_until = found.min_until
    record.max_publication_until = found.max_until


def withdraw_record(step: Step) -> None:
    """Take the record off publication: it was found to be wrong."""
    step.fire(step.record, "withdraw")


def cease_publication(step: Step) -> None:
    """Take the record off publication: it has been repaired."""
    step.fire(step.record, "cease_publication")


def archive_record(step: Step) -> None:
    """Keep the record as an archive only (鲁信用办〔2021〕5号 （八）转为档案保存)."""
    step.record.archived_at = step.at


def end_sanctions(step: Step) -> None:
    """End every sanction that rests on the record."""
    for sanction in _running_sanctions(step):
        step.fire(sanction, "end")


def end_open_cases(step: Step) -> None:
    """End the other matters of the record: nothing is left for them to decide."""
    others = step.session.scalars(
        select(Case)
        .where(Case.record_id == step.record.id)
        .where(Case.state.not_in((*ENDED, "executed")))
        .where(Case.ref != step.stream)
        .order_by(Case.id)
    )
    for case in others.all():
        step.fire(case, "end_with_record")


# --- the requirements of a repair ---------------------------------------------------------


def list_requirements(step: Step) -> None:
    """Write down what a repair of this class needs, one requirement each."""
    # In one order for all packs: each takes a number, and two cases must not wait crosswise.
    for name in sorted(step.severity.requirements):
        requirement = Requirement(
            ref=refs.new_ref(step.session, step.policy.current[name].prefix, step.today),
            case=step.case,
            rule_pack=step.case.rule_pack,
            rule_pack_hash=step.case.rule_pack_hash,
        )
        begin(step.policy, requirement, name)
        step.session.add(requirement)
        step.session.flush()
        step.fire(requirement, "require")


def _requirement(step: Step, name: str) -> Requirement | None:
    return next((one for one in step.case.requirements if one.workflow == name), None)


def lapse_requirements(step: Step) -> None:
    """End what the case still waits for; what is final stays as it is."""
    for requirement in step.case.requirements:
        workflow = step.policy.workflow_of(requirement)
        if not workflow.states[requirement.state].final:
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
    """Take the request back from the institution: its people no longer see it."""
    step.requirement.institution_id = None


def keep_certificate(step: Step) -> None:
    """Keep number and dates of the certificate or report."""
    facts = step.answers.facts
    step.requirement.number = facts["number"]
    step.requirement.issued_on = date.fromisoformat(facts["issued_on"])
    step.requirement.valid_until = date.fromisoformat(facts["valid_until"])


# --- sanctions ----------------------------------------------------------------------------


def stamp_end(step: Step) -> None:
    """Note when the sanction ended."""
    step.sanction.ended_at = step.at


def close_suspensions(step: Step) -> None:
    """Close the suspensions of a sanction that no longer exists."""
    for suspension in step.sanction.suspensions:
        if suspension.lifted_at is None:
            suspension.lifted_at = step.at
            suspension.lifted_because = step.transition.name
