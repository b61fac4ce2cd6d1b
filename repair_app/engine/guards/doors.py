"""By which door a matter came in, and who brought it."""

from repair_app.engine.guards.terms import term_is_over
from repair_app.engine.step import Reason, Step
from repair_app.labels import N_


def door_is_the_subjects(step: Step) -> Reason | None:
    """The subject itself set this going: only then can it be asked to supplement, or withdraw."""
    if step.case.door == "subject":
        return None
    return Reason(N_("The subject did not file this; it goes on without the subject's help."))


def actor_reported_it(step: Step) -> Reason | None:
    """The actor's own organisation reported the error (鲁政发〔2017〕44号 二（四）20)."""
    reporter = step.case.department_id or step.case.provider_id
    if step.case.door == "discovery" and step.actor.organisation_id == reporter:
        return None
    return Reason(N_("Only who reported the error can take the report back."), applies=False)


def actor_entered_it(step: Step) -> Reason | None:
    """The actor entered this at the counter on behalf of the enterprise."""
    entered_by = step.case.entered_by_id
    if entered_by is not None and entered_by == step.actor.person_id:
        return None
    return Reason(N_("The enterprise files this itself."), applies=False)


def entry_can_be_discarded(step: Step) -> Reason | None:
    """A draft from the counter is its clerk's to discard; anybody's once its term is over."""
    entered_by = step.case.entered_by_id
    if entered_by is None:
        return Reason(N_("The enterprise files this itself."), applies=False)
    if entered_by == step.actor.person_id:
        return None
    return term_is_over(step)


def actor_files_it(step: Step) -> Reason | None:
    """The subject's own people file; a clerk files what the clerk entered at the counter."""
    entered_by = step.case.entered_by_id
    if step.actor.role != "reviewer":
        return None
    if entered_by is not None and entered_by == step.actor.person_id:
        return None
    return Reason(N_("The enterprise files this itself."), applies=False)


def actor_did_not_enter_it(step: Step) -> Reason | None:
    """Who entered it at the counter does not decide it; counted by natural person."""
    if step.case.entered_by_id is None or step.case.entered_by_id != step.actor.person_id:
        return None
    return Reason(N_("You entered this at the counter; a colleague has to decide it."))


def another_objection_is_verified(step: Step) -> Reason | None:
    """Another objection to the record, of the same person, is being verified: this one repeats it.

    One that is a draft, or not accepted, may never be looked into: nothing is joined to it.
    """
    chosen = step.answers.facts.get("joined_id")
    others = [
        one
        for one in step.store.cases_of(step.record)
        if one.workflow == "objection"
        and one.ref != step.case.ref
        and one.person_id == step.case.person_id
        and step.policy.workflow_of(one).states[one.state].contests
    ]
    if any(chosen in {None, one.id} for one in others):
        return None
    return Reason(N_("No other objection to this record is being verified."), applies=bool(chosen))
