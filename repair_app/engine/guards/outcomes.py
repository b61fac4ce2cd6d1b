"""What the rule pack makes of a finding, and which decision can be looked at again."""

from repair_app.calendar import local_date
from repair_app.engine.step import Reason, Step
from repair_app.labels import N_
from repair_app.models import Case, Requirement

# Who reviews by the rule packs, where it is a matter of this system.
REVIEWED_HERE = {"superior_centre", "same_unit", "lead_department"}
REVIEWABLE = {"refused", "rejected", "not_granted", "joined"}
BEGUN_ANEW = {"objection", "repair"}  # what a decision can be set aside of


def appraisal_is_not_counted(step: Step) -> Reason | None:
    """The rules leave tests, appraisals and expert review out of the term."""
    if "appraisal" in step.rules.objection.not_counted:
        return None
    return Reason(N_("The rules of this case count the time of an appraisal."), applies=False)


def unverified_is_kept(step: Step) -> Reason | None:
    """By the rules a record that cannot be verified stays, with a note."""
    if step.rules.objection.unverified == "keep_with_note":
        return None
    return Reason(
        N_("By the rules of this case a record that cannot be verified is taken off."),
        applies=False,
    )


def unverified_is_taken_off(step: Step) -> Reason | None:
    """By the rules a record that cannot be verified leaves publication."""
    if step.rules.objection.unverified != "keep_with_note":
        return None
    return Reason(
        N_("By the rules of this case a record that cannot be verified stays, with a note."),
        applies=False,
    )


def opinions_are_in(step: Step) -> Reason | None:
    """Every agency that was consulted has answered, or is no longer waited for."""
    waiting = [one for one in step.case.requirements if not _is_final(step, one)]
    if not waiting:
        return None
    return Reason(N_("The view of another agency is still awaited."))


def _is_final(step: Step, requirement: Requirement) -> bool:
    return step.policy.workflow_of(requirement).states[requirement.state].final


def decider_is_the_centre(step: Step) -> Reason | None:
    """By the rules the credit centre decides on the repair (2019 regime)."""
    if step.rules.repair.decider == "reviewer":
        return None
    return Reason(N_("By the rules of this case the recognising unit decides."), applies=False)


def decider_is_the_recogniser(step: Step) -> Reason | None:
    """By the rules the unit that recognised the conduct decides (谁认定、谁修复)."""
    if step.rules.repair.decider == "provider":
        return None
    return Reason(N_("By the rules of this case the credit centre decides."), applies=False)


def decision_may_be_reviewed(step: Step) -> Reason | None:
    """The decision was against the subject, is recent enough, and was not reviewed before."""
    about = step.case.about
    if step.rules.objection.review_by not in REVIEWED_HERE:
        return Reason(
            N_("By the rules of this case a review is not for a credit centre."), applies=False
        )
    if about is None or not _is_against(step, about):
        return Reason(
            N_("There is no decision on this record that can be reviewed."), applies=False
        )
    if any(one.ref != step.case.ref for one in step.store.cases_about(about)):
        return Reason(N_("This decision was reviewed already, or is being reviewed."))
    return _term_to_ask(step, about)


def _is_against(step: Step, about: Case) -> bool:
    """Say whether a decision went against whoever asks; a person's own is no firm's to dispute."""
    ended = about.closed_at is not None and about.state in REVIEWABLE
    return ended and about.workflow in BEGUN_ANEW and about.person_id == step.case.person_id


def _term_to_ask(step: Step, about: Case) -> Reason | None:
    closed_at = about.closed_at
    if closed_at is None:
        return None
    last = step.last_day_for_review(step.rules, local_date(closed_at))
    if step.today <= last:
        return None
    return Reason(N_("A review could be asked for until %(day)s."), {"day": last})


def actor_took_no_part_before(step: Step) -> Reason | None:
    """Who verified, decided or signed the earlier decision does not review it."""
    about = step.case.about
    took_part = {about.verified_by_id, about.decided_by_id, about.signed_by_id} if about else set()
    if step.actor.person_id not in took_part - {None}:
        return None
    return Reason(N_("You took part in the earlier decision; somebody else has to review it."))


def actor_is_of_another_unit(step: Step) -> Reason | None:
    """The review is another credit centre's, unless the rules leave it to the same one."""
    about = step.case.about
    same_unit_may = step.rules.objection.review_by == "same_unit"
    if same_unit_may or about is None or about.centre_id is None:
        return None
    if step.actor.organisation_id != about.centre_id:
        return None
    return Reason(N_("The earlier decision was your unit's; hand the review over to another."))


def report_was_the_providers(step: Step) -> Reason | None:
    """The provider reported the annulment itself: a ruling entered in a proceeding binds it.

    Only its own report can have been a mistake (行政处罚法 48; 山东条例 40).
    """
    if step.case.door != "system":
        return None
    return Reason(N_("The decision was annulled by a ruling: the record has to be withdrawn."))


def actor_did_not_enter_the_ruling(step: Step) -> Reason | None:
    """Who entered the ruling in the proceeding does not also sign for the provider."""
    if step.case.entered_by_id is None or step.case.entered_by_id != step.actor.person_id:
        return None
    return Reason(N_("You entered the ruling; a colleague has to sign."))


def falsehood_was_not_pursued(step: Step) -> Reason | None:
    """No repair was revoked since the last one was applied for: a falsehood counts once."""
    cases = step.store.cases_of(step.record)
    revoked = [one.closed_at for one in cases if one.state == "revoked" and one.closed_at]
    if not revoked:
        return None
    applied = [one.submitted_at for one in cases if one.workflow == "repair" and one.submitted_at]
    if applied and max(applied) > max(revoked):
        return None
    return Reason(N_("This falsehood was pursued already; no repair was applied for since."))


def falsehood_can_be_pursued(step: Step) -> Reason | None:
    """A repair of this record was granted or applied for, and its publication could still run."""
    record = step.record
    applied = any(
        one.workflow == "repair" and one.submitted_at is not None
        for one in step.store.cases_of(record)
    )
    in_term = step.today <= record.max_publication_until
    if applied and in_term and record.state == "repaired":
        return step.reason_not_moved("resume")
    if applied and in_term and record.state in {"published", "withheld", "shielded"}:
        return None
    return Reason(
        N_("No repair of this record was applied for, or its term is over."), applies=False
    )


def proceeding_is_not_open(step: Step) -> Reason | None:
    """No reconsideration or suit about this record is noted or reported already."""
    return _is_not_open(step)


def shield_is_not_open(step: Step) -> Reason | None:
    """No shielding of this record is applied for or running."""
    return _is_not_open(step)


def revocation_is_not_open(step: Step) -> Reason | None:
    """No falsehood in a repair of this record is pursued already."""
    return _is_not_open(step)


def annulment_is_not_open(step: Step) -> Reason | None:
    """No annulment of this record's decision waits for a colleague already."""
    return _is_not_open(step)


def _is_not_open(step: Step) -> Reason | None:
    for one in step.store.cases_of(step.record):
        if one.workflow == step.workflow.name and one.is_open and one.ref != step.case.ref:
            return Reason(N_("%(ref)s about the same matter is still open."), {"ref": one.ref})
    return None
