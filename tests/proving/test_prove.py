"""The proof: the policy keeps its promises, and a policy that does not is found out."""

from dataclasses import replace

import pytest

from repair_app.engine.policy import Policy
from repair_app.models import Case, CreditRecord
from repair_app.proving import attempts
from repair_app.proving.explore import explore
from repair_app.proving.liveness import find_stuck, flaws_of
from repair_app.proving.mutants import Index, Mutant, apply, try_mutant
from repair_app.proving.promises import STATE_PROPERTIES
from repair_app.proving.prove import prove, report
from repair_app.proving.replay import replay
from repair_app.proving.world import Pool, decode, encode
from repair_app.proving.worlds import SCENARIOS
from repair_app.services.cases import actors_of
from repair_app.services.policy import current_policy

WORLDS = {one.name: one for one in SCENARIOS}


@pytest.fixture(scope="session")
def policy(stages) -> Policy:
    with stages("sqlite").app.app_context():
        return current_policy()


@pytest.fixture(autouse=True)
def within(stages):
    """Prove within an application, as the command does: the real store seals by its keys."""
    with stages("sqlite").app.app_context():
        yield


def bent(policy: Policy, workflow: str, transition: str, kind: str, what: str) -> Policy:
    return apply(policy, Mutant(workflow, transition, kind, what))


@pytest.mark.parametrize("name", ["doors", "one reviewer", "review", "two rounds", "shield"])
def test_nothing_that_was_promised_is_broken(policy, name):
    graph = explore(WORLDS[name], policy)
    assert len(graph.states) > 30
    assert graph.violations == []
    assert find_stuck(graph) == []


def test_a_policy_without_a_guard_is_found_out_by_the_shortest_story(policy):
    wrong = bent(policy, "objection", "sign_removal", "guard removed", "actor_did_not_decide_first")
    proof = prove(wrong, [WORLDS["two records"]], mutants=False, processes=1)
    assert not proof.is_good
    lines = list(report(proof))
    assert any("one person verified, decided or signed twice" in line for line in lines)
    assert [line.split(":")[1].split()[0] for line in proof.stories[0].steps] == [
        "open", "submit", "accept", "check_removal", "sign_removal",
    ]  # fmt: skip


# One thing each promise is there for: what is taken away, and the world in which it is missed.
WRONG = [
    ("objection", "accept", "effect removed", "suspend_sanctions", "two records", "7/3b"),
    ("objection", "accept", "effect removed", "place_dispute_mark", "two records", "7/3b"),
    ("objection", "sign_rejection", "effect removed", "resume_sanctions", "two rounds", "21"),
    ("objection", "submit", "guard removed", "evidence_is_attached", "two records", "A15"),
    ("objection", "refuse", "effect removed", "remember_refusal", "two records", "10b"),
    ("objection", "accept", "role added", "auditor", "two records", "23/30/O"),
    ("objection", "accept", "guard removed", "actor_is_impartial", "two records", "A11"),
    ("objection", "open", "guard removed", "ground_was_not_looked_into", "two rounds", "A16"),
    ("objection", "close_hearing", "guard removed", "term_is_over", "two rounds", "A13"),
    ("record", "expire", "guard removed", "maximum_publication_is_over", "measures", "19"),
    ("record", "withdraw", "effect removed", "archive_record", "two records", "5/6"),
    ("review", "sign_setting_aside", "effect removed", "open_anew", "review", "A25"),
    ("objection", "delegate", "effect removed", "assign_centre", "one reviewer", "A23"),
    ("talk", "open", "guard removed", "talk_has_cause", "a talk", "A31"),
    ("talk", "hold", "guard removed", "talk_day_has_come", "a talk", "A31"),
    ("talk", "hold", "effect removed", "keep_minutes", "a talk", "A32"),
    ("talk", "sign_minutes", "effect removed", "keep_signature", "a talk", "A33"),
    ("talk", "open", "effect removed", "pass_matter_to_talk", "a talk", "A34"),
    ("rectification_order", "note_missed", "guard removed", "term_is_over", "a talk", "A35"),
    ("remedy", "confirm", "guard removed", "actor_is_not_of_the_department", "remedy", "A36"),
    (
        "self_correction",
        "accept_explanation",
        "effect removed",
        "remember_first_decider",
        "self-correction",
        "A37",
    ),
    ("quarantine", "release", "effect removed", "release_row", "quarantine", "A38"),
    ("quarantine", "release", "guard removed", "actor_did_not_decide_first", "quarantine", "A39"),
    ("complaint", "dismiss", "effect removed", "remember_refusal", "complaint", "A40"),
    ("commitment", "announce_breach", "guard removed", "repair_has_ended", "commitment", "A41"),
    ("training", "begin_test", "guard removed", "lessons_were_read", "training", "A42"),
    ("repair", "add_factor", "guard removed", "factor_was_not_added", "public service", "A43"),
    ("repair", "propose_grant", "guard removed", "credit_check_is_done", "credit check", "A44"),
    (
        "repair",
        "find_lacking_for_decision",
        "guard removed",
        "decider_is_the_recogniser",
        "repair",
        "A45",
    ),
]


@pytest.mark.parametrize(("workflow", "transition", "kind", "what", "world", "promise"), WRONG)
def test_each_promise_can_fail(policy, workflow, transition, kind, what, world, promise):
    wrong = bent(policy, workflow, transition, kind, what)
    graph = explore(WORLDS[world], wrong, stop=True)
    assert promise in {one.promise for one in graph.violations}


def test_a_record_that_gets_worse_unheard_is_seen(policy):
    """Two guards hold it: at the decision, and again at the signature."""
    wrong = policy
    for step in ("decide_correction", "sign_correction"):
        wrong = bent(wrong, "objection", step, "guard removed", "correction_is_not_adverse")
    graph = explore(WORLDS["a record that is not published"], wrong)
    assert "A46" in {one.promise for one in graph.violations}


def test_a_mutant_is_caught_on_the_graph_of_the_policy(policy):
    graph = explore(WORLDS["two records"], policy)
    mutant = Mutant("objection", "accept", "effect removed", "suspend_sanctions")
    trial = try_mutant(graph, Index(graph), mutant)
    assert trial.caught_by
    assert trial.by_state


def test_a_guard_that_makes_no_difference_is_told_apart_from_one_that_was_missed(policy):
    graph = explore(WORLDS["two records"], policy)
    mutant = Mutant("sanction", "resume", "guard removed", "no_suspension_is_open")
    trial = try_mutant(graph, Index(graph), mutant)
    assert not trial.caught_by
    assert not trial.differs


def test_without_another_centre_the_only_reviewer_is_in_the_way(policy):
    """The states that only the subject's withdrawal could leave."""
    alone = replace(
        WORLDS["one reviewer"],
        only=WORLDS["one reviewer"].only - {"objection.delegate", "objection.escalate"},
    )
    assert find_stuck(explore(alone, policy))


def test_a_step_for_nobody_is_found_as_it_is_written(policy):
    assert list(flaws_of(policy)) == []
    wrong = bent(policy, "repair", "accept", "role removed", "reviewer")
    assert {one for one, _says in flaws_of(wrong)} == {"S3"}


def test_a_state_is_the_same_after_it_was_read_back(policy):
    graph = explore(WORLDS["two records"], policy)
    for state in graph.states[:: len(graph.states) // 20]:
        world = decode(state, graph.pool, graph.cast, policy, graph.bounds)
        assert encode(world, graph.pool) == state
    assert len(world.list_rows(CreditRecord)) == 2


def test_a_row_in_memory_passes_for_its_model(policy):
    world = WORLDS["two records"].start(policy)
    assert isinstance(world.record, CreditRecord)
    assert not isinstance(world.record, Case)
    assert world.record.subject.name == "firm"
    assert encode(world, Pool())


def test_states_in_which_a_promise_is_broken_are_told(policy):
    """Bad states made by hand: the promises that look at states see them."""
    world = WORLDS["two records"].start(policy)
    world.record.sanctions[0].state = "suspended"
    assert STATE_PROPERTIES["3/32"](world)
    assert STATE_PROPERTIES["4"](world)
    world = WORLDS["two records"].start(policy)
    world.record.state = "withdrawn"
    assert STATE_PROPERTIES["5/6"](world)
    assert STATE_PROPERTIES["19"](world)
    world = WORLDS["two records"].start(policy)
    world.record.sanctions[0].state = "ended"
    assert STATE_PROPERTIES["A2"](world)


@pytest.mark.parametrize("name", ["shield", "review", "annulment"])
def test_the_real_store_ends_where_the_model_does(policy, name):
    graph = explore(WORLDS[name], policy)
    done = replay(graph)
    assert done.differences == []
    assert done.taken == graph.edge_count


def test_a_store_that_ends_elsewhere_is_told(policy):
    """The model goes by another policy than the store: the difference is seen."""
    wrong = bent(policy, "proceeding", "note", "effect removed", "place_proceeding_mark")
    graph = explore(WORLDS["annulment"], wrong)
    graph.policy = policy
    assert replay(graph).differences


def test_the_command_says_what_was_looked_at_and_fails_on_a_broken_promise(app, policy):
    run = app.test_cli_runner()
    good = run.invoke(args=["workflows", "prove", "--no-mutants", "--only", "shield"])
    assert good.exit_code == 0, good.output
    assert " properties, " in good.output.splitlines()[-1]
    wrong = bent(policy, "shield", "sign_shield", "guard removed", "actor_did_not_decide_first")
    app.extensions["redress_policy"] = wrong
    try:
        bad = run.invoke(args=["workflows", "prove", "--no-mutants", "--only", "shield"])
    finally:
        app.extensions["redress_policy"] = policy
    assert bad.exit_code == 1
    assert "1. subject as subject: open on shield of record 1" in bad.output


@pytest.mark.parametrize("name", ["who changed office", "complaint", "training", "measures"])
def test_who_acts_is_remembered_by_all_that_decides_it(policy, name):
    graph = explore(WORLDS[name], policy)
    found = {}
    for number in range(len(graph.states)):
        world = graph.world(number)
        for model in attempts.STANDS_BY:
            for entity in world.list_rows(model):
                acting = {who: actors_of(user, entity) for who, user in world.cast.people.items()}
                assert found.setdefault(attempts.standing_of(entity), acting) == acting
    assert found
