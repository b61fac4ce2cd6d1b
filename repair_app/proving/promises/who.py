"""Promises about who may act and decide."""

from repair_app.models import (
    Role,
)
from repair_app.proving.promises.common import Move, moved_cases, of_step


@of_step("9/12")
def nobody_acts_twice(move: Move) -> str | None:
    """Who verified never decides or signs; who decided never signs; by natural person."""
    for case in moved_cases(move):
        acted = [case.verified_by_id, case.decided_by_id, case.signed_by_id]
        known = [one for one in acted if one is not None]
        if len(known) != len(set(known)):
            return f"{case.ref}: one person verified, decided or signed twice"
    return None


@of_step("10/13")
def who_decides_may(move: Move) -> str | None:
    """Who decided or signed reviews for a centre, or where the rules say so recognised it."""
    world = move.after
    for case in moved_cases(move):
        for person in (case.decided_by_id, case.signed_by_id):
            if person is None:
                continue
            reviews = world.cast.holds(person, Role.REVIEWER)
            recognised = world.cast.holds(person, Role.PROVIDER, case.provider_id)
            if not (reviews or (case.workflow in RECOGNISER_DECIDES and recognised)):
                return f"{case.ref} was decided by somebody who may not"
    return None


RECOGNISER_DECIDES = {"annulment", "repair"}  # 谁认定、谁修复; who annuls is who decided


@of_step("18")
def nobody_decides_on_the_own_side(move: Move) -> str | None:
    """Who verified, decided or signed acts for neither the subject nor the other parties."""
    world = move.after
    for case in moved_cases(move):
        for person in (case.verified_by_id, case.decided_by_id, case.signed_by_id):
            if person is None:
                continue
            for seat in world.cast.seats_of(person):
                if seat.organisation_id == case.subject_id:
                    return f"{case.ref}: somebody of the subject verified or decided it"
    return None


@of_step("10b")
def decided_cases_are_signed(move: Move) -> str | None:
    """What was decided bears a signature, its decision, and what it says."""
    for case in moved_cases(move):
        place = (case.workflow, case.state)
        if place in SIGNED and case.signed_by_id is None:
            return f"{case.ref} is {case.state} and nobody signed"
        if place in SIGNED and place not in SIGNED_ALONE and case.decided_by_id is None:
            return f"{case.ref} is {case.state} and nobody decided first"
        if place in CODED and case.refusal_code is None:
            return f"{case.ref} is {case.state} without a coded reason"
    return None


SIGNED = {
    ("objection", "executed"), ("objection", "spreading"), ("objection", "closed"),
    ("objection", "rejected"),
    ("repair", "executed"), ("repair", "spreading"), ("repair", "closed"),
    ("repair", "not_granted"),
    ("review", "set_aside"), ("review", "upheld"), ("revocation", "revoked"),
    ("shield", "completed"), ("shield", "lifted"),
    ("annulment", "closed"),
}  # fmt: skip
SIGNED_ALONE = {("annulment", "closed")}
CODED = {
    ("objection", "refused"), ("repair", "refused"), ("repair", "not_granted"),
    ("shield", "refused"),
}  # fmt: skip
