"""The drawn page of a workflow tells what its file says."""

import pytest

from config import ROOT
from repair_app.engine.drawing import MARKS, draw_page
from repair_app.engine.policy import load_policy
from repair_app.forms import FORMS


@pytest.fixture(scope="module")
def policy():
    """Give the policy as it is shipped."""
    return load_policy(ROOT / "workflows", "seeds", FORMS)


def page_of(policy, name):
    return draw_page(policy.current[name], list(policy.packs.values()))


def row_of(page, state):
    return next(line for line in page.splitlines() if line.startswith("|") and f"`{state}`" in line)


def test_a_term_is_told_with_its_working_days_by_each_rule_pack(policy):
    """《山东省社会信用条例》第三十九条: three working days; elsewhere others."""
    row = row_of(page_of(policy, "objection"), "submitted")
    assert "`objection_acceptance`: " in row
    for pack in policy.packs.values():
        if "objection" in pack.parts:
            assert pack.id in row


def test_rule_packs_of_another_part_are_left_out(policy):
    page = page_of(policy, "objection")
    others = [one.id for one in policy.packs.values() if "objection" not in one.parts]
    assert others
    assert not [name for name in others if f"({name}" in page or f", {name}" in page]


def test_the_term_of_the_whole_is_told_with_the_state_that_it_starts_in(policy):
    page = page_of(policy, "objection")
    assert "总期限 Term of the whole: `objection_whole`: " in page
    assert "`submitted`或者“已受理，审核机构先行核查”`accepted`起算" in page
    assert "总期限 Term of the whole" not in page_of(policy, "record")


@pytest.mark.parametrize("mark", MARKS)
def test_what_a_state_means_to_others_is_told(policy, mark):
    for workflow in policy.current.values():
        page = page_of(policy, workflow.name)
        for state in workflow.states.values():
            if state.name != workflow.initial:
                told = MARKS[mark].zh in row_of(page, state.name)
                assert told == getattr(state, mark), f"{workflow.name}, {state.name}"


def test_a_step_that_stays_where_it_is_leads_back_to_its_state(policy):
    loops = [
        (workflow, one)
        for workflow in policy.current.values()
        for one in workflow.transitions.values()
        if one.target == "="
    ]
    for workflow, one in loops:
        page = page_of(policy, workflow.name)
        for state in one.source:
            assert f"    {state} --> {state}: {one.label.zh}" in page
    assert loops
