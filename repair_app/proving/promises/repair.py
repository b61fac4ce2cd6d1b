"""Promises about repair, its materials and what ends it."""

from typing import Any

from repair_app.models import (
    Requirement,
    Sanction,
)
from repair_app.proving.promises.common import cases, of_state, records
from repair_app.proving.world import USED, World

GRANTED = {"executed", "spreading", "closed"}


@of_state("15")
def specific_serious_is_never_repaired(world: World) -> str | None:
    """特定严重失信 is not repaired (四（十五）不予修复)."""
    for case in cases(world, "repair"):
        pack = world.policy.pack_of(case)
        granted = case.state in GRANTED
        if granted and not pack.classes[case.record.severity_class].repairable:
            return f"{case.ref} repaired a record of class {case.record.severity_class}"
    return None


@of_state("19")
def each_removal_has_one_cause(world: World) -> str | None:
    """Repaired by a granted repair, withdrawn by a decision signed, expired by time: one each."""
    for record in records(world):
        grants = [
            one
            for one in cases(world, "repair")
            if one.record_id == record.id and one.state in GRANTED
        ]
        if len(grants) > 1:
            return f"{record.ref} was repaired twice"
        over = record.state in {"expired", "archived"}
        if over and world.today <= record.max_publication_until:
            return f"{record.ref} is {record.state} before its time"
        if record.state == "withdrawn" and not any(
            (one.workflow, one.state) in WITHDRAWS and one.record_id == record.id
            for one in cases(world)
        ):
            return f"{record.ref} was withdrawn, and nothing decided so"
    return None


WITHDRAWS = {
    ("objection", "executed"), ("objection", "spreading"), ("objection", "closed"),
    ("annulment", "closed"), ("self_correction", "closed"),
}  # fmt: skip


@of_state("14")
def granted_needs_all_materials(world: World) -> str | None:
    """A repair past its acceptance has its commitment published; a granted one has all it needs."""
    for case in cases(world, "repair"):
        if case.state in {"accepted", "with_provider"} | GRANTED:
            for one in case.requirements:
                if one.workflow == "commitment" and one.published_at is None:
                    return f"{case.ref} is {case.state}, its commitment is not public"
        for one in case.requirements:
            if one.workflow == "rectification" and not rectification_fits(case, one):
                return f"{case.ref} is {case.state}, the proof of rectification {one.state}"
    return None


def rectification_fits(case: Any, proof: Any) -> bool:
    """Say whether the proof was judged as the repair was."""
    if case.state in GRANTED:
        return bool(proof.state == "verified")
    if case.state != "not_granted":
        return True
    lacking = case.refusal_code == "obligation_unperformed"  # else nothing is held against it
    return bool(proof.state == ("lacking" if lacking else "lapsed"))


@of_state("A3")
def ended_cases_owe_nothing(world: World) -> str | None:
    """Nothing is asked of anybody for a case that has ended; what it has is what it needed."""
    for case in cases(world):
        for one in case.requirements:
            state = world.state_of(one)
            if one.workflow == "commitment" and one.published_at is not None:
                continue  # a public promise is kept on beyond the repair
            if not case.is_open and not state.final and state.owner:
                return f"{case.ref} has ended, {one.workflow} is {one.state} still"
            if not case.is_open and state.follows and not state.final:
                return f"{case.ref} has ended, {one.workflow} follows it still"
    return None


@of_state("A4")
def filed_means_seen(world: World) -> str | None:
    """What was filed has a day of filing and a centre; a draft has neither."""
    for case in cases(world):
        workflow = world.policy.workflow_of(case)
        draft = case.state in {"draft", "discarded", workflow.initial}
        ended_unfiled = case.state == "moot"
        if not draft and not ended_unfiled and case.submitted_at is None:
            return f"{case.ref} is {case.state} and was never filed"
        if draft and case.submitted_at is not None:
            return f"{case.ref} is {case.state} and was filed"
    return None


@of_state("24")
def never_two_open_on_one_ground(world: World) -> str | None:
    """Never two open objections on the same ground of a record, nor two open repairs."""
    seen = set()
    for case in cases(world):
        key = (case.workflow, case.record_id, case.ground)
        if not case.is_open:
            continue
        if key in seen:
            return f"two {case.workflow} cases are open on {case.record.ref}"
        seen.add(key)
    return None


@of_state("24b")
def one_measure_once(world: World) -> str | None:
    """A department has a measure on a record once."""
    seen = set()
    for sanction in world.list_rows(Sanction):
        key = (sanction.record_id, sanction.measure_id, sanction.department_id)
        if sanction.ended_at is None:
            if key in seen:
                return f"{sanction.ref} is in force twice"
            seen.add(key)
    return None


@of_state("A5")
def certificates_serve_once(world: World) -> str | None:
    """No number of a certificate serves two requirements of one institution."""
    seen = set()
    for one in world.list_rows(Requirement):
        key = (one.institution_id, one.number)
        if one.number is not None:
            if key in seen or one.number == USED:
                return f"the certificate {one.number} serves twice"
            seen.add(key)
    return None


@of_state("A6")
def requirements_say_what_they_are(world: World) -> str | None:
    """A signed commitment has its text, a certificate its number; a published one its day."""
    for one in world.list_rows(Requirement):
        if (one.workflow, one.state) == ("commitment", "signed") and not (
            one.text and one.signed_at
        ):
            return f"{one.ref} is signed and has no text"
        if (one.state in {"passed", "filed"}) and not (one.number and one.valid_until):
            return f"{one.ref} is {one.state} and has no certificate"
        asked = one.state in {"enrolled", "requested"} and one.workflow != "credit_check"
        if asked and one.institution_id is None:
            return f"{one.ref} is {one.state}, nobody knows where"
        if one.state == "owed" and one.institution_id is not None:
            return f"{one.ref} is owed, and shown to an institution"
    return None
