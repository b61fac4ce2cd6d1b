"""Who may do what in which state, as the documents have it.

The tables are written from the documents and reviewed by a person. They are not derived from
the workflow files: a table that is would agree with any mistake in them. Whoever changes a
workflow file changes its table here, and has the change looked at by a second person.

The documents: the subject files, and may take back what it filed until it is decided
(鲁政发〔2017〕44号 二（四）20); the information provider is told, verifies and answers (ibid.;
国办发〔2019〕35号 五（十七）); the credit centre takes in, forwards and decides, by two persons;
implementing departments impose and lift measures (鲁政发〔2017〕44号 二（四）16, 19); credit
service institutions confirm trainings and file reports (…四（十五）); auditor and administrator
have no part in any case (权限分离). What follows from a decision, the system does by itself.
"""

import pytest

from config import ROOT
from repair_app.engine import effects, guards
from repair_app.engine.policy import Policy, load_policy, names_of
from repair_app.engine.rules import CLOCKS
from repair_app.forms import FORMS
from repair_app.models import Role

FILERS = ("subject", "agent")
ANSWERS = {"confirm", "propose_correction", "propose_revocation", "disclaim"}

# workflow -> state -> role (or roles that may do the same) -> transitions
PERMITS: dict[str, dict[str, dict[tuple[str, ...], set[str]]]] = {
    "objection": {
        "new": {FILERS: {"open"}},
        "draft": {
            FILERS: {"amend", "discard", "submit"},
            ("system",): {"end_with_record"},
        },
        "submitted": {
            FILERS: {"withdraw"},
            ("reviewer",): {"ask_supplement", "refuse", "accept"},
            ("system",): {"end_with_record"},
        },
        "supplement_asked": {
            FILERS: {"supplement", "withdraw"},
            ("reviewer",): {"refuse_unsupplemented"},
            ("system",): {"end_with_record"},
        },
        "accepted": {
            FILERS: {"withdraw"},
            ("reviewer",): {"ask_provider", "reroute"},
            ("system",): {"end_with_record"},
        },
        "with_provider": {
            FILERS: {"withdraw"},
            ("provider",): ANSWERS,
            ("reviewer",): {"recall"},
            ("system",): {"end_with_record"},
        },
        "confirmed": {
            FILERS: {"withdraw"},
            ("reviewer",): {"announce_rejection", "return_to_provider"},
            ("system",): {"end_with_record"},
        },
        "correction_proposed": {
            FILERS: {"withdraw"},
            ("reviewer",): {"decide_correction", "return_to_provider"},
            ("system",): {"end_with_record"},
        },
        "revocation_proposed": {
            FILERS: {"withdraw"},
            ("reviewer",): {"decide_removal", "return_to_provider"},
            ("system",): {"end_with_record"},
        },
        "rejection_announced": {
            FILERS: {"state_views", "withdraw"},
            ("reviewer",): {"close_hearing"},
            ("system",): {"end_with_record"},
        },
        "rejection_heard": {
            FILERS: {"withdraw"},
            ("reviewer",): {"sign_rejection", "return_to_provider"},
            ("system",): {"end_with_record"},
        },
        "correction_decided": {
            FILERS: {"withdraw"},
            ("reviewer",): {"sign_correction", "return_decision"},
            ("system",): {"end_with_record"},
        },
        "removal_decided": {
            FILERS: {"withdraw"},
            ("reviewer",): {"sign_removal", "return_decision"},
            ("system",): {"end_with_record"},
        },
        "executed": {
            ("provider",): {"confirm_execution"},
            ("reviewer",): {"close_unconfirmed"},
        },
        "discarded": {},
        "refused": {},
        "withdrawn": {},
        "rejected": {},
        "moot": {},
        "closed": {},
    },
    "repair": {
        "new": {FILERS: {"open"}},
        "draft": {FILERS: {"discard", "submit"}, ("system",): {"end_with_record"}},
        "submitted": {
            FILERS: {"withdraw"},
            ("reviewer",): {"ask_supplement", "refuse", "accept"},
            ("system",): {"end_with_record"},
        },
        "supplement_asked": {
            FILERS: {"supplement", "withdraw"},
            ("reviewer",): {"refuse_unsupplemented"},
            ("system",): {"end_with_record"},
        },
        "accepted": {
            FILERS: {"withdraw"},
            ("reviewer",): {"ask_provider", "reroute"},
            ("system",): {"end_with_record"},
        },
        "with_provider": {
            FILERS: {"withdraw"},
            ("provider",): {"confirm_rectification", "find_lacking", "disclaim"},
            ("reviewer",): {"recall"},
            ("system",): {"end_with_record"},
        },
        "rectification_confirmed": {
            FILERS: {"withdraw"},
            ("reviewer",): {"propose_grant", "return_to_provider"},
            ("system",): {"end_with_record"},
        },
        "rectification_lacking": {
            FILERS: {"withdraw"},
            ("reviewer",): {"propose_refusal", "return_to_provider"},
            ("system",): {"end_with_record"},
        },
        "grant_proposed": {
            FILERS: {"withdraw"},
            ("reviewer",): {"sign_grant", "return_to_provider"},
            ("system",): {"end_with_record"},
        },
        "refusal_proposed": {
            FILERS: {"withdraw"},
            ("reviewer",): {"sign_refusal", "return_to_provider"},
            ("system",): {"end_with_record"},
        },
        "executed": {
            ("provider",): {"confirm_execution"},
            ("reviewer",): {"close_unconfirmed"},
        },
        "discarded": {},
        "refused": {},
        "withdrawn": {},
        "not_granted": {},
        "moot": {},
        "closed": {},
    },
    "record": {
        "new": {("provider", "reviewer", "system"): {"publish", "withhold", "shelve"}},
        "published": {
            ("provider",): {"annul"},
            ("system",): {
                "correct",
                "withhold_corrected",
                "cease_publication",
                "withdraw",
                "expire",
            },
        },
        "withheld": {
            ("provider",): {"annul"},
            ("system",): {
                "correct_withheld",
                "publish_corrected",
                "cease_publication",
                "withdraw",
                "expire",
            },
        },
        "expired": {},
        "repaired": {},
        "withdrawn": {},
    },
    "sanction": {
        "new": {("department",): {"impose"}},
        "in_force": {("department",): {"lift"}, ("system",): {"suspend", "end", "lapse"}},
        "suspended": {("department",): {"lift"}, ("system",): {"resume", "end", "lapse"}},
        "ended": {},
        "lapsed": {},
    },
    "commitment": {
        "new": {("system",): {"require"}},
        # The written promise is the firm's own: no agent makes it (…一（四）).
        "owed": {("subject",): {"sign"}, ("system",): {"lapse"}},
        "signed": {("system",): {"publish", "lapse"}},
        "published": {},
        "lapsed": {},
    },
    "rectification": {
        "new": {("system",): {"require"}},
        "owed": {FILERS: {"submit_proof"}, ("system",): {"lapse"}},
        "submitted": {FILERS: {"add_proof"}, ("system",): {"verify", "reject", "lapse"}},
        "verified": {},
        "lacking": {},
        "lapsed": {},
    },
    "training": {
        "new": {("system",): {"require"}},
        "owed": {FILERS: {"enrol"}, ("system",): {"lapse"}},
        "enrolled": {
            FILERS: {"cancel"},
            ("institution",): {"confirm_training", "decline"},
            ("system",): {"lapse"},
        },
        "passed": {},
        "lapsed": {},
    },
    "credit_report": {
        "new": {("system",): {"require"}},
        "owed": {FILERS: {"request"}, ("system",): {"lapse"}},
        "requested": {
            FILERS: {"cancel"},
            ("institution",): {"file_report", "decline"},
            ("system",): {"lapse"},
        },
        "filed": {},
        "lapsed": {},
    },
}


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
    assert not everybody & {Role.AUDITOR, Role.ADMINISTRATOR}


# Four eyes: what two persons do, by workflow: the first decisions and the second ones.
FIRST = {
    "objection": {"announce_rejection", "decide_correction", "decide_removal"},
    "repair": {"propose_grant", "propose_refusal"},
}
SECOND = {
    "objection": {"sign_rejection", "sign_correction", "sign_removal", "return_decision"},
    "repair": {"sign_grant", "sign_refusal"},
}


@pytest.mark.parametrize("name", ["objection", "repair"])
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


@pytest.mark.parametrize("name", ["objection", "repair"])
def test_every_step_of_a_reviewer_is_an_impartial_ones(policy: Policy, name: str) -> None:
    """Nobody decides on their own side."""
    open_to_anybody = {
        one.name
        for one in policy.current[name].transitions.values()
        if "reviewer" in one.by and "actor_is_impartial" not in one.guards
    }
    assert open_to_anybody == set()


@pytest.mark.parametrize("name", ["objection", "repair"])
def test_every_answer_of_a_provider_names_who_verified(policy: Policy, name: str) -> None:
    answers = {
        one.name: one
        for one in policy.current[name].transitions.values()
        if one.by == ("provider",) and "with_provider" in one.source and one.name != "disclaim"
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
        "confirmed",
        "correction_proposed",
        "revocation_proposed",
        "rejection_announced",
        "rejection_heard",
        "correction_decided",
        "removal_decided",
    }
    for one in workflow.transitions.values():
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
    """Return the guards, effects or forms that some workflow uses."""
    return {
        name
        for workflow in policy.current.values()
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
    elsewhere = {"SD-REG-2020", "CN-2019-527"}  # in measures and rule packs as well
    assert set(policy.documents) - cited <= elsewhere


def test_every_clock_of_a_rule_pack_runs_somewhere(policy: Policy) -> None:
    running = {
        one.clock
        for workflow in policy.current.values()
        for one in workflow.states.values()
        if one.clock
    }
    assert set(CLOCKS) == running


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


@pytest.mark.parametrize("name", ["objection", "repair"])
def test_from_every_state_an_end_can_be_reached_without_the_subject(
    policy: Policy, name: str
) -> None:
    """Whoever files and then falls silent holds nothing up; a draft is nobody else's business."""
    workflow = policy.current[name]
    ends = {one.name for one in workflow.states.values() if one.final}
    while (
        more := {
            source
            for one in workflow.transitions.values()
            if one.target in ends and not set(one.by) <= {*FILERS, "system"}
            for source in one.source
        }
        - ends
    ):
        ends |= more
    assert set(workflow.states) - ends == {"new", "draft"}


def test_prefixes_of_references_are_all_different(policy: Policy) -> None:
    prefixes = [one.prefix for one in policy.current.values()]
    assert len(set(prefixes)) == len(prefixes)
