"""Who may act: nobody on their own side, and never the same person twice."""

from repair_app.engine.step import Reason, Step
from repair_app.labels import N_
from repair_app.models import Role


def actor_is_impartial(step: Step) -> Reason | None:
    """The reviewer has no seat with any party: nobody decides on their own side."""
    certified = [one.institution_id for one in step.case.requirements if one.institution_id]
    return _no_seat_with(step, step.case.subject_id, step.case.provider_id, *certified)


def actor_is_not_of_the_subject(step: Step) -> Reason | None:
    """Who verifies, certifies, imposes or takes off does not also act for the subject."""
    return _no_seat_with(step, step.record.subject_id)


def provider_can_answer(step: Step) -> Reason | None:
    """Somebody provides for the agency today: a case must not go where nobody is."""
    if step.store.is_staffed(step.case.provider_id, Role.PROVIDER, step.today):
        return None
    return Reason(
        N_("%(name)s has no account yet: assign another provider, or have an account made."),
        {"name": step.case.provider.name},
    )


def actor_did_not_verify(step: Step) -> Reason | None:
    """Who verified never decides; counted by natural person."""
    if step.case.verified_by_id is None or step.case.verified_by_id != step.actor.person_id:
        return None
    return Reason(N_("You verified this case; who verified does not decide."))


def actor_did_not_decide_first(step: Step) -> Reason | None:
    """Who decided first never signs second; counted by natural person."""
    if step.case.decided_by_id is None or step.case.decided_by_id != step.actor.person_id:
        return None
    return Reason(N_("You took the first decision; a second person has to do this."))


def _no_seat_with(step: Step, *parties: int | None) -> Reason | None:
    if not step.store.has_seat(step.actor.person_id, parties, step.today):
        return None
    return Reason(N_("You also act for a party of this case; a colleague has to do this."))


def agency_can_be_consulted(step: Step) -> Reason | None:
    """Another agency than the provider, not asked before, where somebody can answer."""
    chosen = step.answers.facts.get("consulted_id")
    if chosen is None:
        return None
    asked = {one.institution_id for one in step.case.requirements}
    if chosen == step.case.provider_id or chosen in asked:
        return Reason(N_("This agency was asked already."))
    if step.store.is_staffed(chosen, Role.PROVIDER, step.today):
        return None
    return Reason(N_("This agency has no account yet."))
