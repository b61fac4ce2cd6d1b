"""Promises about the counter, the doors of an objection, and what surrounds a record."""

from typing import Any

from repair_app.models import (
    Case,
    Fulfilment,
    Organisation,
    Requirement,
    User,
)
from repair_app.proving.promises.common import Move, cases, moved_cases, of_state, of_step, records
from repair_app.proving.promises.steps import OUTSIDE
from repair_app.proving.world import ESCALATED, World


@of_step("A18")
def who_entered_or_acted_decides_nothing(move: Move) -> str | None:
    """Who entered it at the counter does not decide it; who decided does not send it back."""
    case, name = move.case_before, move.transition.name
    if case is None or move.entity.model is not Case or move.actor.person_id is None:
        return None
    verifies = move.workflow == "objection" and move.actor.role == "provider"  # others decide
    entered = case.entered_by_id == move.actor.person_id
    if name.startswith(DECIDING) and entered and not verifies:
        return f"{name} by the clerk who entered it"
    acted = {case.verified_by_id}
    if (move.workflow, name) not in IN_FAVOUR:
        acted.add(case.decided_by_id)
    undoes = name.startswith(("return_", "decline", "drop")) and move.workflow != "remedy"
    if undoes and move.actor.person_id in acted:
        return f"{name} by who verified or decided first"
    return None


IN_FAVOUR = {
    ("quarantine", "return_to_provider"),
    ("objection", "return_to_provider"),
    ("revocation", "drop"),
}  # harms nobody
DECIDING = ("sign", "decide_", "announce_", "accept", "refuse", "check_", "return_", "propose_")


@of_step("A19")
def every_door_is_noted(move: Move) -> str | None:
    """By which door a matter came is noted; only what the subject brought does the subject take."""
    case = move.case
    if move.workflow not in {"objection", "repair"} or move.entity.model is not Case:
        return None
    name = move.transition.name
    if wanted := DOOR_OF_STEP.get(name):
        entered = {"enter_at_window", "report_error"}
        clerk = move.actor.person_id if name in entered else None
        found = (case.door, case.entered_by_id)
        if found != (wanted, clerk):
            return f"{name} is noted as {found}"
        if move.actor.role == "department" and case.department_id != move.actor.organisation_id:
            return "which department reported it is not noted"
    from_another = move.workflow == "objection" and case.door != "subject"
    if name in {"withdraw", "ask_supplement"} and from_another:
        return f"{name} of what came by the door {case.door}"
    if name == "withdraw_report":
        reporter = case.department_id or case.provider_id
        if case.door != "discovery" or move.actor.organisation_id != reporter:
            return "taken back by somebody who did not report it"
    return None


DOOR_OF_STEP = {
    "open": "subject", "enter_at_window": "subject", "take_up": "complaint",
    "report_error": "discovery",
}  # fmt: skip


@of_step("A20")
def what_came_of_it_is_noted(move: Move) -> str | None:
    """What was found, and what came of an objection, is noted by its code."""
    if move.workflow != "objection" or move.entity.model is not Case:
        return None
    wanted = OUTCOMES.get((move.source, move.entity.state))
    if wanted and move.entity.outcome not in wanted:
        return f"{move.transition.name} notes {move.entity.outcome}"
    return None


REMOVALS = {"DELETED", "PUBLICATION_STOPPED", "REMOVED_FROM_LIST"}
OUTCOMES = {
    ("accepted", "removal_decided"): REMOVALS,
    ("with_provider", "removal_proposed"): REMOVALS,
    ("with_provider", "unverifiable"): {"UNVERIFIED"},
    ("correction_decided", "executed"): {"CORRECTED", "COMPLETED"},
    ("correction_heard", "executed"): {"CORRECTED", "COMPLETED"},
    ("rejection_heard", "rejected"): {"REJECTED", "UNVERIFIED"},
}


@of_step("A21")
def views_of_others_are_waited_for(move: Move) -> str | None:
    """Who was asked for a view has given it before it is decided; each is asked once."""
    if move.entity.model is not Case or move.workflow != "objection":
        return None
    name, asked = move.transition.name, move.case_before
    if asked is None:
        return None
    if name == "consult":
        return wrongly_consulted(move)
    waits = [one for one in asked.requirements if one.state == "asked"]
    if waits and name.startswith(("announce_", "decide_")):
        return f"{name} while a view is awaited"
    return None


def wrongly_consulted(move: Move) -> str | None:
    """Return what is wrong with asking another agency for its view."""
    chosen = move.answers.facts["consulted_id"]
    before = [one.institution_id for one in move.case_before.requirements]
    after = [one.institution_id for one in move.case.requirements]
    if after != [*before, chosen]:
        return "who is consulted is not asked"
    if chosen in {*before, move.case_before.provider_id}:
        return "asked twice"
    return None if is_staffed(move.after, chosen, "provider") else "asked where nobody is"


def is_staffed(world: World, organisation_id: int | None, role: str) -> bool:
    """Say whether somebody holds a role at an organisation."""
    return any(
        one.organisation_id == organisation_id and one.role == role
        for user in world.cast.people.values()
        for one in user.appointments
    )


@of_state("A22")
def a_matter_lies_where_somebody_is(world: World) -> str | None:
    """A filed matter lies with a centre where somebody reviews: no hold without an owner."""
    for case in cases(world):
        filed = case.is_open and case.submitted_at is not None
        if filed and not is_staffed(world, case.centre_id, "reviewer"):
            return f"{case.ref} lies with a centre where nobody reviews"
    return None


@of_step("A23")
def handed_over_as_was_chosen(move: Move) -> str | None:
    """A matter goes where it was sent; the next unit is told, once."""
    facts, name = move.answers.facts, move.transition.name
    case = move.case  # of what belongs to a case, the other centre acts beside its own
    above = move.entity.model is Requirement
    if name == "delegate" and facts["centre_id"] != (
        case.higher_centre_id if above else case.centre_id
    ):
        return "handed over, and lies where it was"
    if name == "delegate" and move.case_before.centre_id == facts["centre_id"]:
        return "handed over to the centre that has it"
    if name == "reroute" and move.case.provider_id != facts["provider_id"]:
        return "assigned to another provider, and lies where it was"
    if name == "escalate":
        told = {one for one in move.after.log - move.before.log if one[0] == move.entity.ref}
        if not any(mark.startswith(ESCALATED) for _, mark in told):
            return "told nobody who had not been told"
    return None


@of_step("A60")
def handed_over_where_nobody_else_can(move: Move) -> str | None:
    """Handed over is what no colleague is free for; above the centre, where somebody is free."""
    if move.transition.name != "delegate":
        return None
    if move.actor.role != "reviewer":
        return f"handed over by {move.actor.role}"
    case, cast = move.case_before, move.after.cast
    acting = {case.centre_id, case.higher_centre_id} - {None}
    mine = move.actor.person_id
    if any(one != mine and not took_part(move, one) for one in reviewers_of(cast, acting)):
        return "handed over although a colleague is free to act"
    goes_to = move.answers.facts["centre_id"]
    above = cast.find(Organisation, case.higher_centre_id or case.centre_id).superior_id
    free_above = any(not took_part(move, one) for one in reviewers_of(cast, {above} - {None}))
    if free_above and goes_to != above:
        return "handed over to another centre than the one above"
    return None


def reviewers_of(cast: Any, centres: set[int]) -> set[int]:
    """Return the natural persons who review at some centres."""
    return {
        user.person_id
        for user in cast.rows[User]
        for one in user.appointments
        if one.role == "reviewer" and one.organisation_id in centres
    }


def took_part(move: Move, person_id: int) -> bool:
    """Say whether somebody has a seat at a party of the matter, or took a part in it before."""
    case = move.case_before
    parts = {case.verified_by_id, case.decided_by_id, case.entered_by_id}
    parts |= {one.announced_by_id for one in move.before.list_rows(Fulfilment)}
    parties = {case.subject_id, case.provider_id}
    seats = move.after.cast.seats_of(person_id)
    return person_id in parts or any(
        one.role in OUTSIDE and one.organisation_id in parties for one in seats
    )


@of_step("A24")
def joined_to_what_is_open(move: Move) -> str | None:
    """What repeats another objection is joined to that one, while it is open."""
    if move.transition.name != "join":
        return None
    other = move.before.find(Case, move.case.about_id)
    if other is None or not other.is_open:
        return "joined to nothing that is open"
    return None


@of_step("A25")
def reviewed_by_others(move: Move) -> str | None:
    """A review is never decided by the same unit, nor by who took part; set aside opens anew."""
    if move.workflow != "review" or move.entity.model is not Case:
        return None
    about = move.case.about
    if move.attempt.opens:
        others = (one for one in cases(move.before, "review") if one.about_id == about.id)
        if (about.workflow, about.state) not in AGAINST or any(others):
            return "a review of what was not decided against the subject, or was reviewed"
    if move.actor.role == "reviewer" and move.transition.name != "delegate":
        if move.actor.organisation_id == about.centre_id:
            return "reviewed by the unit that decided"
        if move.actor.person_id in {about.verified_by_id, about.decided_by_id, about.signed_by_id}:
            return "reviewed by somebody who took part"
    again = any(
        one.is_open and one.record_id == about.record_id
        for one in cases(move.before, about.workflow)
    )  # then what was filed again goes on
    if move.entity.state == "set_aside" and not (again or move.fired(about.workflow, "reopen")):
        return "set aside, and nothing was opened anew"
    return None


AGAINST = {
    ("objection", "refused"), ("objection", "rejected"), ("objection", "joined"),
    ("repair", "refused"), ("repair", "not_granted"),
}  # fmt: skip


@of_step("A26")
def only_listed_measures(move: Move) -> str | None:
    """Only a listed measure that fits record and person is imposed (二（四）18)."""
    if not move.fired("sanction", "impose", "initiate"):
        return None
    measure = move.entity.measure
    if not measure.basis or move.record.severity_class not in measure.classes:
        return "imposed what the list does not know"
    if measure.reaches_persons != (move.entity.person_role is not None):
        return "imposed on somebody whom the measure does not reach"
    return None


@of_state("A27")
def proceedings_are_marked(world: World) -> str | None:
    """A record says that a court has it if and only if a proceeding is noted and runs."""
    for record in records(world):
        marked = {one.case_id for one in record.proceeding_marks if one.lifted_at is None}
        noted = {
            one.id
            for one in cases(world, "proceeding")
            if one.record_id == record.id and one.state == "noted"
        }
        if marked != noted:
            return f"{record.ref}: marked for {marked}, noted {noted}"
    return None


@of_step("A28")
def a_ruling_has_its_effect(move: Move) -> str | None:
    """A decision that a court annulled leads to an annulment in its term."""
    declined = (move.workflow, move.transition.name) == ("annulment", "decline")
    if declined and move.case.door == "system":
        return "what a court annulled was declined"
    if (move.workflow, move.transition.name) != ("proceeding", "report_annulled"):
        return None
    others = [one for one in cases(move.before, "annulment") if one.is_open]
    if others or move.fired("annulment", "open_on_ruling"):
        return None
    return "annulled by the court, and nothing follows"


@of_step("A29")
def one_of_a_kind(move: Move) -> str | None:
    """A repair lists what its class needs when it is opened; one matter of a kind at a time."""
    for case in moved_cases(move):
        if case.workflow != "repair" or case.state != "draft":
            continue
        needed = set(move.after.policy.pack_of(case).classes[
            move.record.severity_class].requirements)  # fmt: skip
        listed = {one.workflow for one in case.requirements}
        if not needed <= listed:
            return f"{sorted(needed - listed)} is not asked for"
    return None


@of_step("A30")
def falsehood_has_its_consequences(move: Move) -> str | None:
    """A falsehood is pursued where a repair was applied for; then a bar, and a record of it."""
    if move.workflow != "revocation" or move.entity.model is not Case:
        return None
    if move.attempt.opens:
        applied = any(
            one.submitted_at is not None and one.record_id == move.record.id
            for one in cases(move.before, "repair")
        )
        in_term = move.before.today <= move.record.max_publication_until
        return None if applied and in_term else "nothing was applied for that could be false"
    if move.entity.state == "revoked":
        subject = move.after.find(Organisation, move.record.subject_id)
        if subject.barred_until is None or subject.barred_until < move.after.today:
            return "revoked, and the subject is not barred"
        if len(records(move.after)) == len(records(move.before)):
            return "revoked, and there is no record of the falsehood"
    return None
