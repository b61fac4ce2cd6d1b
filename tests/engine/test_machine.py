"""Firing a transition: all of it or nothing."""

from collections.abc import Callable
from dataclasses import replace
from types import MappingProxyType

import pytest
from flask import Flask

from repair_app.db import db, now
from repair_app.engine import effects, machine
from repair_app.engine.machine import build_machine
from repair_app.engine.policy import Policy, bound
from repair_app.engine.spec import SpecError
from repair_app.engine.step import (
    SYSTEM,
    Actor,
    Answers,
    NotAllowed,
    NotOffered,
    Reason,
    Refused,
    Step,
    WrongState,
)
from repair_app.models import Case, Event
from repair_app.services import cases
from repair_app.services.policy import current_policy
from repair_app.services.transaction import transaction
from tests import factories
from tests.factories import World

Digest = Callable[..., dict[str, str]]


@pytest.fixture
def change_policy(app: Flask, monkeypatch: pytest.MonkeyPatch) -> Callable[..., None]:
    """Give a function that replaces guards and effects by name for the time of the test."""

    def change(**replacements: Callable) -> None:
        policy = current_policy()
        from repair_app.engine import guards

        known = {**bound(guards), **bound(effects)}
        assert set(replacements) <= set(known)
        functions = known | replacements
        machines = {
            key: build_machine(workflow, functions, functions)
            for key, workflow in policy.workflows.items()
        }
        changed: Policy = replace(policy, machines=MappingProxyType(machines))
        monkeypatch.setitem(app.extensions, "redress_policy", changed)

    return change


class Broken(Exception):
    """What an effect under test raises."""


def fail(step: Step) -> None:
    """Fail, after what came before has been written."""
    step.store.save()
    raise Broken


# --- all or nothing ---


@pytest.mark.parametrize(
    ("effect", "state", "who", "transition"),
    [
        ("suspend_sanctions", "submitted", "reviewer", "accept"),
        ("place_dispute_mark", "submitted", "reviewer", "accept"),
        ("save_corrections", "with_provider", "provider", "propose_correction"),
        ("remember_signer", "correction_decided", "second_reviewer", "sign_correction"),
        ("apply_corrections", "correction_decided", "second_reviewer", "sign_correction"),
        ("resume_sanctions", "correction_decided", "second_reviewer", "sign_correction"),
        ("lift_dispute_mark", "correction_decided", "second_reviewer", "sign_correction"),
        ("archive_record", "removal_decided", "second_reviewer", "sign_removal"),
        ("end_open_cases", "removal_decided", "second_reviewer", "sign_removal"),
        ("stamp_end", "removal_decided", "second_reviewer", "sign_removal"),
    ],
)
def test_an_effect_that_fails_leaves_everything_as_it_was(
    world: World,
    digest: Digest,
    change_policy: Callable[..., None],
    effect: str,
    state: str,
    who: str,
    transition: str,
) -> None:
    record = factories.make_record(world.firm, world.agency)
    factories.make_sanction(record, world.officer)
    factories.make_case(world, "submitted", record=record, ground="omission")
    case = factories.make_case(world, state, record=record)
    before, state_before, version_before = digest(), case.state, case.version
    change_policy(**{effect: fail})
    with pytest.raises(Broken):
        factories.act(getattr(world, who), transition, case)
    assert digest() == before
    assert (case.state, case.version) == (state_before, version_before)


def test_the_step_can_be_taken_once_what_failed_works_again(
    world: World, change_policy: Callable[..., None]
) -> None:
    case = factories.make_case(world, "submitted")
    change_policy(place_dispute_mark=fail)
    with pytest.raises(Broken):
        factories.act(world.reviewer, "accept", case)
    change_policy()
    factories.act(world.reviewer, "accept", case)
    assert factories.get_case(case.ref).state == "accepted"


def test_a_guard_that_says_no_changes_nothing_and_says_why(
    world: World, digest: Digest, change_policy: Callable[..., None]
) -> None:
    case = factories.make_case(world, "submitted")
    before = digest()
    change_policy(record_is_live=lambda _: Reason("The moon is %(phase)s.", {"phase": "new"}))
    with pytest.raises(Refused, match="The moon is new") as refusal:
        factories.act(world.reviewer, "accept", case)
    assert [one.text for one in refusal.value.reasons] == ["The moon is %(phase)s."]
    assert digest() == before


def test_all_reasons_are_said_at_once(world: World, change_policy: Callable[..., None]) -> None:
    case = factories.make_case(world, "submitted")
    change_policy(
        record_is_live=lambda _: Reason("First."), actor_is_impartial=lambda _: Reason("Second.")
    )
    with pytest.raises(Refused) as refusal:
        factories.act(world.reviewer, "accept", case)
    assert {one.text for one in refusal.value.reasons} == {"First.", "Second."}


def test_each_guard_and_each_effect_runs_once(
    world: World, change_policy: Callable[..., None]
) -> None:
    ran: list[str] = []
    change_policy(
        record_is_live=lambda _: ran.append("guard"),
        place_dispute_mark=lambda _: ran.append("first effect"),
        suspend_sanctions=lambda _: ran.append("second effect"),
    )
    case = factories.make_case(world, "submitted")
    ran.clear()
    factories.act(world.reviewer, "accept", case)
    assert ran == ["guard", "first effect", "second effect"]


# --- who and when ---


def actor(role: str) -> Actor:
    return Actor(role=role, account_id=1, person_id=1)


def fire(case: Case, name: str, who: Actor = SYSTEM) -> None:
    with transaction() as session:
        here = cases.lock(session, "cases", case.ref)
        machine.fire(session, current_policy(), here, name, who, Answers(), at=now())


@pytest.mark.parametrize(
    ("name", "who", "refusal"),
    [
        ("to_closed", "reviewer", NotOffered),  # what pytransitions would add by itself
        ("__class__", "reviewer", NotOffered),
        ("trigger", "reviewer", NotOffered),
        ("", "reviewer", NotOffered),
        ("accept", "subject", NotAllowed),
        ("accept", "provider", NotAllowed),
        ("accept", "system", NotAllowed),
        ("end_with_record", "reviewer", NotAllowed),
        ("sign_rejection", "reviewer", WrongState),
        ("open", "subject", WrongState),
    ],
)
def test_what_is_not_offered_to_somebody_here_changes_nothing(
    world: World, digest: Digest, name: str, who: str, refusal: type[Exception]
) -> None:
    case = factories.make_case(world, "submitted")
    before = digest()
    with pytest.raises(NotOffered) as refused:
        fire(case, name, actor(who))
    assert type(refused.value) is refusal
    assert digest() == before


def test_a_case_whose_workflow_was_changed_is_not_moved(
    world: World, digest: Digest, app: Flask, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The files of a version never change after release; a row remembers what it began with."""
    case = factories.make_case(world, "submitted")
    before = digest()
    policy = current_policy()
    workflows = {
        key: replace(one, sha256="0" * 64) if key[0] == "objection" else one
        for key, one in policy.workflows.items()
    }
    changed = replace(policy, workflows=workflows)
    monkeypatch.setitem(app.extensions, "redress_policy", changed)
    with pytest.raises(SpecError, match=case.ref):
        fire(case, "accept", actor("reviewer"))
    assert digest() == before


# --- what a step leaves behind ---


def test_a_step_is_one_event_that_says_who_when_why_and_from_where_to_where(
    world: World,
) -> None:
    import json

    case = factories.make_case(world, "submitted")
    factories.act(world.reviewer, "accept", case)
    event = db.session.query(Event).filter_by(entity=case.ref, transition="accept").one()
    content = json.loads(event.payload)
    workflow = current_policy().workflow_of(case)
    assert (content["from"], content["to"]) == ("submitted", "accepted")
    assert content["actor"] == {
        "account": world.reviewer.id,
        "role": "reviewer",
        "organisation": world.centre.uscc,
    }
    assert content["basis"] == [
        f"{one.document} {one.clause}" for one in workflow.transitions["accept"].basis
    ]
    assert content["workflow_version"] == workflow.version
    assert content["rule_pack"] == case.rule_pack
    assert world.reviewer.person.name not in event.payload


def test_personal_words_lie_beside_the_event_and_not_in_it(world: World) -> None:
    case = factories.make_case(world, "submitted")
    events = db.session.query(Event).filter_by(stream=case.ref).all()
    assert not any("金额有误" in one.payload for one in events)
    assert any(one.text and "金额有误" in one.text.body for one in events)


def test_every_state_that_waits_has_one_running_deadline_of_its_owner(world: World) -> None:
    for state in ("draft", "submitted", "with_provider", "rejection_announced", "executed"):
        record = factories.make_record(world.firm, world.agency)
        case = factories.make_case(world, state, record=record)
        running = [one for one in case.deadlines if one.is_running and not one.whole]
        owner = current_policy().workflow_of(case).states[state].owner
        assert [one.owner for one in running] == [owner], state


@pytest.mark.parametrize("state", ["closed", "rejected", "withdrawn", "refused", "moot"])
def test_a_case_that_has_ended_has_no_running_deadline(world: World, state: str) -> None:
    case = factories.make_case(world, state)
    assert case.closed_at is not None
    assert not [one for one in case.deadlines if one.is_running]


def test_what_a_record_ends_is_written_into_the_chain_of_what_ended_it(world: World) -> None:
    record = factories.make_record(world.firm, world.agency)
    sanction = factories.make_sanction(record, world.officer)
    case = factories.make_case(world, "removal_executed", record=record)
    entities = [
        (one.entity, one.transition)
        for one in db.session.query(Event).filter_by(stream=case.ref).order_by(Event.seq)
    ]
    after = entities[entities.index((case.ref, "sign_removal")) :]
    assert after == [
        (case.ref, "sign_removal"),
        (record.ref, "withdraw"),
        (sanction.ref, "end"),
    ]
