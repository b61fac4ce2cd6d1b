"""Who may do what in which state: the workflow files have it as the table of permits has it."""

import pytest

from config import ROOT
from repair_app.engine import effects, guards
from repair_app.engine.policy import Policy, clocks_of, load_policy, names_of
from repair_app.engine.rules import CLOCKS
from repair_app.engine.spec import SAME
from repair_app.forms import FORMS
from repair_app.models import Role
from tests.workflows.permits import FILERS, PERMITS


@pytest.fixture(scope="module")
def policy() -> Policy:
    """Give the policy as it is shipped."""
    return load_policy(ROOT / "workflows", "seeds", FORMS)


def test_every_workflow_has_a_table(policy: Policy) -> None:
    assert set(policy.current) == set(PERMITS)


@pytest.mark.parametrize("name", sorted(PERMITS))
def test_each_state_offers_each_role_what_the_table_says_and_nothing_else(
    policy: Policy, name: str
) -> None:
    workflow = policy.current[name]
    assert set(workflow.states) == set(PERMITS[name])
    for state, permits in PERMITS[name].items():
        offered = {(role, one.name) for one in workflow.leaving(state) for role in one.by}
        permitted = {
            (role, transition)
            for roles, transitions in permits.items()
            for role in roles
            for transition in transitions
        }
        assert offered == permitted, f"{name}, {state}"


@pytest.mark.parametrize("name", sorted(PERMITS))
def test_nobody_has_a_part_who_must_have_none(policy: Policy, name: str) -> None:
    """权限分离: who audits or administers decides nothing."""
    everybody = {role for one in policy.current[name].transitions.values() for role in one.by}
    assert not everybody & {Role.AUDITOR, Role.ADMINISTRATOR, Role.SECURITY_OFFICER}


# Four eyes: what two persons do, by workflow: the first decisions and the second ones.
FIRST = {
    "objection": {
        "announce_rejection",
        "announce_correction",
        "decide_correction",
        "decide_removal",
    },
    "repair": {"propose_grant", "propose_refusal"},
    "revocation": {"propose"},
    "quarantine": {"announce_release"},
}
SECOND = {
    "objection": {
        "sign_rejection",
        "sign_correction",
        "sign_adverse_correction",
        "sign_removal",
        "return_decision",
    },
    "repair": {"sign_grant", "sign_refusal"},
    "revocation": {"sign"},
    "quarantine": {"release"},
}
# What a reviewer may do without being impartial: take in, or hand over; nothing is decided by it.
DECIDES_NOTHING = {"take_up", "delegate"}
# What a provider does while it verifies, before it answers.
NO_ANSWER = {"disclaim", "answer_interim", "begin_appraisal", "ask_extension"}


@pytest.mark.parametrize("name", sorted(FIRST))
def test_four_eyes_stand_before_every_decision(policy: Policy, name: str) -> None:
    transitions = policy.current[name].transitions
    for one in FIRST[name] | SECOND[name]:
        assert {"actor_is_impartial", "actor_did_not_verify"} <= set(transitions[one].guards), one
    for one in FIRST[name]:
        assert "remember_first_decider" in transitions[one].effects, one
    for one in SECOND[name]:
        assert "actor_did_not_decide_first" in transitions[one].guards, one
    for one in SECOND[name] - {"return_decision"}:
        assert "remember_signer" in transitions[one].effects, one


@pytest.mark.parametrize(
    "name",
    [
        "annulment",
        "complaint",
        "objection",
        "proceeding",
        "quarantine",
        "repair",
        "review",
        "shield",
    ],
)
def test_every_step_of_a_reviewer_is_an_impartial_ones(policy: Policy, name: str) -> None:
    """Nobody decides on their own side."""
    open_to_anybody = {
        one.name
        for one in policy.current[name].transitions.values()
        if "reviewer" in one.by and "actor_is_impartial" not in one.guards
    }
    assert open_to_anybody <= DECIDES_NOTHING


@pytest.mark.parametrize("name", ["objection", "repair"])
def test_every_answer_of_a_provider_names_who_verified(policy: Policy, name: str) -> None:
    answers = {
        one.name: one
        for one in policy.current[name].transitions.values()
        if one.by == ("provider",) and "with_provider" in one.source and one.name not in NO_ANSWER
    }
    assert answers
    for one in answers.values():
        assert "remember_verifier" in one.effects, one.name


@pytest.mark.parametrize("name", ["objection", "repair"])
def test_a_case_cannot_be_withdrawn_once_it_is_decided(policy: Policy, name: str) -> None:
    withdraw = policy.current[name].transitions["withdraw"]
    assert "executed" not in withdraw.source
    assert "draft" not in withdraw.source  # a draft is discarded: nobody has seen it


def test_a_contested_record_is_marked_and_its_sanctions_suspended_and_both_are_undone(
    policy: Policy,
) -> None:
    """鲁政发〔2017〕44号 二（四）20: no way leads out of a verification that forgets either."""
    workflow = policy.current["objection"]
    contesting = {one.name for one in workflow.states.values() if one.contests}
    assert contesting == {
        "accepted",
        "with_provider",
        "appraisal",
        "confirmed",
        "correction_proposed",
        "removal_proposed",
        "unverifiable",
        "rejection_announced",
        "rejection_heard",
        "correction_decided",
        "correction_announced",
        "correction_heard",
        "removal_decided",
    }
    for one in workflow.transitions.values():
        if one.target == SAME:
            continue
        into = one.target in contesting and not set(one.source) <= contesting
        out = one.target not in contesting and set(one.source) & contesting
        assert ("place_dispute_mark" in one.effects) == into, one.name
        assert ("suspend_sanctions" in one.effects) == into, one.name
        assert ("lift_dispute_mark" in one.effects) == bool(out), one.name
        # When the record is withdrawn its sanctions end: there is nothing to resume.
        resumes = "resume_sanctions" in one.effects or "withdraw_record" in one.effects
        assert resumes == bool(out), one.name


# --- definitions: every name is used, and every word has its meaning ---


def used(policy: Policy, part: str) -> set[str]:
    """Return the guards, effects or forms that some version of a workflow uses."""
    return {
        name
        for workflow in policy.workflows.values()
        for one in workflow.transitions.values()
        for name in ([one.form] if part == "form" else getattr(one, part))
    }


def test_every_guard_is_used_by_some_workflow(policy: Policy) -> None:
    assert names_of(guards) == used(policy, "guards")


def test_every_effect_is_used_by_some_workflow(policy: Policy) -> None:
    assert names_of(effects) == used(policy, "effects")


def test_every_form_is_used_by_some_workflow(policy: Policy) -> None:
    assert set(FORMS) == used(policy, "form")


def test_every_document_is_cited(policy: Policy) -> None:
    cited = {
        basis.document
        for workflow in policy.current.values()
        for basis in (
            *workflow.basis,
            *(clause for one in workflow.transitions.values() for clause in one.basis),
        )
    }
    folder = ROOT / "workflows"
    elsewhere = "".join(
        path.read_text(encoding="utf-8")
        for path in (
            *folder.glob("rules/*.toml"),
            *folder.glob("courses/*.toml"),
            folder / "retention.toml",
        )
    )
    assert {one for one in set(policy.documents) - cited if f'"{one} ' not in elsewhere} == set()


def test_every_clock_of_a_rule_pack_runs_somewhere(policy: Policy) -> None:
    running = {name for one in policy.workflows.values() for name in clocks_of(one)}
    read_by_steps = {"objection_extension", "repair_extension", "review_request"}
    read_by_steps |= {"sanction_evaluation"}  # opened by feedback, beside the term of the state
    read_by_steps |= {"inspection"}  # of the items of a week's list
    assert set(CLOCKS) == running | read_by_steps


def test_names_of_guards_do_not_name_effects() -> None:
    assert not names_of(guards) & names_of(effects)


@pytest.mark.parametrize("name", sorted(PERMITS))
def test_from_every_state_an_end_can_be_reached(policy: Policy, name: str) -> None:
    workflow = policy.current[name]
    ends = {one.name for one in workflow.states.values() if one.final}
    while (
        more := {
            source
            for one in workflow.transitions.values()
            if one.target in ends
            for source in one.source
        }
        - ends
    ):
        ends |= more
    assert ends == set(workflow.states)


# A draft is nobody else's business; at the counter a clerk can begin a repair and file it.
NOBODY_ELSES = {"objection": {"draft"}, "repair": set()}
# What the system does as soon as every platform agrees; one that never will is disabled by hand.
OF_ITSELF = {"complete"}


@pytest.mark.parametrize("name", sorted(NOBODY_ELSES))
def test_from_every_state_an_end_can_be_reached_without_the_subject(
    policy: Policy, name: str
) -> None:
    """Whoever files and then falls silent holds nothing up."""
    workflow = policy.current[name]
    ends = {one.name for one in workflow.states.values() if one.final}
    while (
        more := {
            source
            for one in workflow.transitions.values()
            if one.target in ends
            and (one.name in OF_ITSELF or not set(one.by) <= {*FILERS, "system"})
            for source in one.source
        }
        - ends
    ):
        ends |= more
    assert set(workflow.states) - ends == NOBODY_ELSES[name]


def test_prefixes_of_references_are_all_different(policy: Policy) -> None:
    prefixes = [one.prefix for one in policy.current.values()]
    assert len(set(prefixes)) == len(prefixes)
