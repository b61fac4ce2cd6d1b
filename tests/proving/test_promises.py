"""Promises that can fail: what is undone, what outlets show, and those that no mutant breaks."""

from dataclasses import replace

import pytest
from sqlalchemy import select
from sqlalchemy.orm import Session

from repair_app.db import Base
from repair_app.engine.policy import Policy
from repair_app.models import Case, CreditRecord
from repair_app.proving import reasons
from repair_app.proving.explore import explore
from repair_app.proving.mutants import Mutant, Trial, apply
from repair_app.proving.outlets import differing_outlets, find_disagreement
from repair_app.proving.promises import STATE_PROPERTIES, STEP_PROPERTIES, Move
from repair_app.proving.prove import prove, report
from repair_app.proving.reasons import (
    ALWAYS_HOLD,
    BROKEN_BY_HAND,
    UNSEEN,
    UNTAKEN,
    flaws_of_alike,
    flaws_of_unbroken,
    flaws_of_untaken,
    kind_of,
)
from repair_app.proving.replay import Replay, open_store, put_there
from repair_app.proving.scenarios import Scenario, two_reviewers
from repair_app.proving.undoing import PAIRS, find_traces
from repair_app.proving.world import MOMENT
from repair_app.proving.worlds import MATERIAL, OPENING, SCENARIOS, steps
from repair_app.services.policy import current_policy

WORLDS = {one.name: one for one in SCENARIOS}
# One record with a measure, and an objection that is accepted, refused or taken back.
TAKEN_BACK = replace(WORLDS["two records"], records=1, only=OPENING)


@pytest.fixture(scope="session")
def policy(stages) -> Policy:
    with stages("sqlite").app.app_context():
        return current_policy()


# --- a run that looked at nothing is not green ----------------------------------------------------


def test_a_world_that_is_not_known_is_refused_with_the_names_of_those_that_are(app):
    run = app.test_cli_runner().invoke(args=["workflows", "prove", "--only", "nonsense"])
    assert run.exit_code == 2
    assert "nonsense" in run.output
    for name in WORLDS:
        assert name in run.output


def test_a_proof_of_no_state_or_without_a_mutant_is_not_good(policy):
    nothing = prove(policy, [], mutants=False, processes=1)
    assert not nothing.is_good
    assert "✗ no state was looked at" in list(report(nothing))
    still = replace(WORLDS["intake"], only=frozenset({"record.nothing"}))
    untried = prove(policy, [still], processes=1, replays="none")
    assert not untried.is_good
    assert "✗ no mutant was tried in any state" in list(report(untried))


def test_a_step_in_no_world_needs_a_reason_and_a_reason_needs_such_a_step():
    known = {*UNTAKEN, "talk.open"}
    assert list(flaws_of_untaken(UNTAKEN.keys(), known)) == []
    assert any("talk.open" in one for one in flaws_of_untaken({*UNTAKEN, "talk.open"}, known))
    assert any("and is taken" in one for one in flaws_of_untaken(set(), known))


def test_a_mutant_that_changes_nothing_needs_a_kind(policy):
    unknown = Mutant("talk", "open", "guard removed", "no_such_guard")
    assert kind_of(unknown, [Trial()]) == ""
    assert any("talk.open" in one for one in flaws_of_alike({unknown: ""}))
    implied = Trial(tried=True, instead={"actor_is_impartial"})
    assert kind_of(unknown, [implied]) == "another guard says no as well"
    known = next(iter(ALWAYS_HOLD))
    assert kind_of(Mutant("talk", "open", "guard removed", known), [Trial()])
    assert kind_of(Mutant("talk", "open", "effect removed", next(iter(UNSEEN))), [Trial()])


def test_a_promise_is_broken_by_a_mutant_or_by_hand_and_a_hand_breaks_a_promise(monkeypatch):
    mutant = Mutant("talk", "open", "guard removed", "record_is_live")
    breaks = {**dict.fromkeys(BROKEN_BY_HAND, ()), "20": [mutant]}
    assert list(flaws_of_unbroken(breaks)) == []
    assert any("(20)" in one for one in flaws_of_unbroken({**breaks, "20": ()}))
    monkeypatch.setattr(reasons, "BROKEN_BY_HAND", {**BROKEN_BY_HAND, "A999": "went long ago"})
    assert any("(A999)" in one for one in flaws_of_unbroken(breaks))


# --- (33) what is undone leaves no trace ----------------------------------------------------------


def test_what_undoes_and_what_is_undone_are_steps_of_the_policy(policy):
    for pair in PAIRS:
        for name in (pair.do, pair.undo):
            workflow, _, step = name.partition(".")
            assert step in policy.current[workflow].transitions, name


@pytest.mark.parametrize("name", ["shield", "a finding handed over"])
def test_undoing_and_doing_again_leads_to_the_same(policy, name):
    assert list(find_traces(explore(WORLDS[name], policy), set())) == []


@pytest.mark.parametrize(
    ("world", "workflow", "step", "effect"),
    [
        ("taken back", "objection", "withdraw", "resume_sanctions"),
        ("taken back", "objection", "withdraw", "lift_dispute_mark"),
        ("shield", "shield", "sign_lifting", "unshield_record"),
        ("shield", "shield", "return_shield", "forget_verification"),
        ("a finding handed over", "self_correction", "return_to_centre", "forget_verification"),
        ("papers at the counter", "training", "cancel", "forget_institution"),
    ],
)
def test_an_undoing_that_leaves_something_is_told(policy, world, workflow, step, effect):
    wrong = apply(policy, Mutant(workflow, step, "effect removed", effect))
    scenario = WORLDS.get(world, TAKEN_BACK)
    told = [one.says for one in find_traces(explore(scenario, wrong), set())]
    assert any(f"{workflow}.{step}" in one for one in told), told


# --- (34) the same by every outlet ----------------------------------------------------------------


def test_an_outlet_that_shows_what_another_took_away_is_told(policy):
    world = WORLDS["two records"].start(policy)
    assert find_disagreement(world) is None
    world.record.archived_at = world.today
    assert "its page is public" in (find_disagreement(world) or "")
    unpublished = WORLDS["a record that is not published"]
    world = unpublished.start(unpublished.policy_of(policy))
    world.record.archived_at = world.today
    assert "may be enforced" in (find_disagreement(world) or "")


def test_the_pages_of_the_application_show_what_the_model_says(policy, stages):
    graph = explore(WORLDS["two records"], policy, most=1)
    engine = open_store()
    Base.metadata.create_all(engine)
    with stages("sqlite").app.app_context(), Session(engine, autoflush=False) as session:
        done = Replay(graph, session)
        put_there(done)
        session.flush()
        world = graph.world(0)
        moment = done.at(0)
        assert list(differing_outlets(session, world, moment)) == []
        record = session.scalars(select(CreditRecord)).first()
        record.state = "shielded"
        session.flush()
        told = " ".join(differing_outlets(session, world, moment))
    assert "record by SQL" in told
    assert "record page" in told
    assert "measure by SQL" in told
    assert "measure page" in told


# --- promises that no single change breaks --------------------------------------------------------


def with_step(policy: Policy, workflow: str, step: str, **changed: object) -> Policy:
    flow = policy.current[workflow]
    one = replace(flow.transitions[step], **changed)
    bent = replace(flow, transitions={**flow.transitions, step: one})
    return replace(
        policy,
        workflows={**policy.workflows, (flow.name, flow.version): bent},
        current={**policy.current, workflow: bent},
    )


def without_effects(policy: Policy) -> set[str]:
    wrong = policy
    for effect in ("place_dispute_mark", "suspend_sanctions"):
        wrong = apply(wrong, Mutant("objection", "accept", "effect removed", effect))
    return broken_by(wrong, TAKEN_BACK)


def repaired_though_it_may_not(policy: Policy) -> set[str]:
    world = WORLDS["not repaired"].start(policy)
    add_case(world, "repair", "executed")
    return {name for name, check in STATE_PROPERTIES.items() if name == "15" and check(world)}


def granted_while_contested(policy: Policy) -> set[str]:
    wrong = policy
    for flow, step in (("repair", "sign_grant"), ("record", "cease_publication")):
        wrong = apply(wrong, Mutant(flow, step, "guard removed", "record_is_not_contested"))
    scenario = replace(
        WORLDS["objection and repair"],
        sanctions=0,
        time=False,
        cast=two_reviewers,
        only=MATERIAL
        | steps("objection", "open submit accept")
        | steps(
            "repair",
            "open submit accept ask_provider confirm_rectification propose_grant sign_grant",
        ),
    )
    return broken_by(wrong, scenario)


def back_from_the_end(policy: Policy) -> set[str]:
    source = (*policy.current["objection"].transitions["accept"].source, "withdrawn")
    return broken_by(with_step(policy, "objection", "accept", source=source), TAKEN_BACK)


def another_record_changed(policy: Policy) -> set[str]:
    before, after = (WORLDS["two records"].start(policy) for _ in range(2))
    after.list_rows(CreditRecord)[1].state = "withdrawn"
    move = Move(before, after, after.record, "published", None, None, None, None, ())
    return {"35"} if STEP_PROPERTIES["35"](move) else set()


def suspended_when_it_is_filed(policy: Policy) -> set[str]:
    effects = (*policy.current["objection"].transitions["submit"].effects, "place_dispute_mark")
    return broken_by(with_step(policy, "objection", "submit", effects=effects), TAKEN_BACK)


def lies_where_nobody_is(policy: Policy) -> set[str]:
    world = WORLDS["two records"].start(policy)
    case = add_case(world, "objection", "submitted")
    case.submitted_at = MOMENT
    case.centre_id = world.cast.organisations["empty centre"].id
    return {"A22"} if STATE_PROPERTIES["A22"](world) else set()


def corrected_to_the_worse_unheard(policy: Policy) -> set[str]:
    wrong = policy
    for step in ("decide_correction", "sign_correction"):
        wrong = apply(
            wrong, Mutant("objection", step, "guard removed", "correction_is_not_adverse")
        )
    return broken_by(wrong, WORLDS["a record that is not published"])


def add_case(world, workflow, state):
    record = world.record
    described = {"rule_pack": record.rule_pack, "rule_pack_hash": record.rule_pack_hash}
    flow = world.policy.current[workflow]
    case = world.add(
        Case, {"workflow": workflow, "state": state, "record_id": record.id, **described}
    )
    case.workflow_version, case.workflow_hash = flow.version, flow.sha256
    return case


def broken_by(policy: Policy, scenario: Scenario) -> set[str]:
    return {one.promise for one in explore(scenario, policy).violations}


WRONG = {
    "1": without_effects,
    "15": repaired_though_it_may_not,
    "17": granted_while_contested,
    "22": back_from_the_end,
    "35": another_record_changed,
    "A1": suspended_when_it_is_filed,
    "A22": lies_where_nobody_is,
    "A46": corrected_to_the_worse_unheard,
}


def test_each_promise_that_no_mutant_breaks_is_broken_here():
    assert WRONG.keys() == BROKEN_BY_HAND.keys()


@pytest.mark.parametrize("promise", WRONG)
def test_a_promise_that_no_single_change_breaks_can_be_broken(policy, promise):
    assert promise in WRONG[promise](policy)
