"""Promises about verification, suspension and sanctions."""

from repair_app.engine.enforcement import enforceable
from repair_app.models import (
    Case,
    Sanction,
    SanctionSuspension,
)
from repair_app.proving.promises.common import (
    ENDED_RECORD,
    Move,
    cases,
    holds_sanctions,
    imposed,
    is_live,
    moved_cases,
    of_state,
    of_step,
    records,
    running,
    suspended_by,
)
from repair_app.proving.world import World, open_marks


@of_state("1")
def nothing_is_enforced_while_contested(world: World) -> str | None:
    """While a record is verified no measure on it may be enforced (SD-GOV-2017-44 二（四）20)."""
    for record in records(world):
        if world.contesting(record):
            for sanction in record.sanctions:
                if enforceable(sanction, world.today).enforceable:
                    return f"{sanction.ref} may be enforced while {record.ref} is verified"
    return None


@of_state("2/8")
def nothing_is_open_about_what_has_ended(world: World) -> str | None:
    """No verification or repair goes on about a record that has ended; nothing stays contested.

    What a workflow says ends with the record has ended with it; what was decided already
    (waiting for the same result elsewhere) may go on.
    """
    for case in cases(world):
        ending = world.policy.workflow_of(case).transitions.get("end_with_record")
        if ending is None or case.record.archived_at is None:
            continue
        if case.workflow in WITH_THE_RECORD and case.state in ending.source:
            return f"{case.ref} is {case.state} about {case.record.ref}, {case.record.state}"
        if world.state_of(case).contests:
            return f"{case.ref} contests {case.record.ref}, {case.record.state}"
    return None


WITH_THE_RECORD = {"objection", "repair", "shield", "annulment", "proceeding", "review"}


@of_state("3/32")
def nothing_stays_suspended(world: World) -> str | None:
    """A suspension ends with the case that asked for it: none without an open case behind it."""
    for row in world.list_rows(SanctionSuspension):
        if row.lifted_at is None and not holds_sanctions(world, world.find(Case, row.case_id)):
            return f"{row.sanction.ref} is suspended by a case that asks for it no more"
        if (row.lifted_at is None) != (row.lifted_because is None):
            return f"{row.sanction.ref}: lifted without a step that lifted it"
    for sanction in world.list_rows(Sanction):
        taken = sanction.ended_at is None and sanction.state != "initiated"
        if taken and (sanction.state == "suspended") != bool(suspended_by(sanction)):
            return f"{sanction.ref} is {sanction.state}, its suspensions say otherwise"
    return None


@of_state("4")
def otherwise_measures_are_as_imposed(world: World) -> str | None:
    """A record in its term that nobody contests: each running measure may be enforced."""
    for record in records(world):
        if not is_live(world, record) or record.state == "shielded" or world.contesting(record):
            continue
        for sanction in imposed(record):
            in_term = sanction.imposed_on <= world.today <= sanction.ends_on
            if in_term and not enforceable(sanction, world.today).enforceable:
                return f"{sanction.ref} may not be enforced though nothing contests {record.ref}"
    return None


@of_state("5/6")
def what_is_off_is_archived_and_without_measures(world: World) -> str | None:
    """Off the public list every measure has ended, and the record is an archive (四（十五）)."""
    for record in records(world):
        ended = record.state in ENDED_RECORD or (
            not world.state_of(record).live and record.state != "new"
        )
        if ended != (record.archived_at is not None):
            return f"{record.ref} is {record.state}, archived: {record.archived_at is not None}"
        if ended and any(running(record)):
            return f"a measure runs on {record.ref}, which is {record.state}"
    return None


@of_state("7/3b")
def marks_and_suspensions_are_those_of_open_verifications(world: World) -> str | None:
    """Marked if and only if contested; suspended by just the cases that contest, or shield."""
    for record in records(world):
        contesting = {one.id for one in world.contesting(record)}
        if open_marks(record) != contesting:
            return f"{record.ref}: marks of {open_marks(record)}, contested by {contesting}"
        for sanction in running(record):
            holding = {
                one.id
                for one in cases(world)
                if one.record_id == record.id and holds_sanctions(world, one)
            }
            if suspended_by(sanction) != holding:
                return f"{sanction.ref}: suspended by {suspended_by(sanction)}, not {holding}"
    return None


@of_step("A1")
def refused_never_suspends(move: Move) -> str | None:
    """What was not accepted never had a mark or kept a measure from being executed."""
    world = move.after
    for case in moved_cases(move):
        if case.workflow != "objection" or case.state not in {
            "draft",
            "submitted",
            "supplement_asked",
            "refused",
            "joined",
        }:
            continue
        rows = (*world.list_rows(SanctionSuspension), *case.record.dispute_marks)
        if any(one.case_id == case.id for one in rows):
            return f"{case.ref} is {case.state} and has, or had, an effect"
    return None


@of_state("A2")
def ended_measures_are_dated(world: World) -> str | None:
    """A measure that has ended has a day of its end, and no suspension left open."""
    for sanction in world.list_rows(Sanction):
        final = world.state_of(sanction).final
        if final != (sanction.ended_at is not None):
            return f"{sanction.ref} is {sanction.state}, ended: {sanction.ended_at is not None}"
        if final and suspended_by(sanction):
            return f"{sanction.ref} has ended and is suspended still"
    return None
