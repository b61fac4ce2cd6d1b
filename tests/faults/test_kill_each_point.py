"""F1: the process is killed at each point of a step: wholly there or not at all, and never twice.

Every step of every workflow is killed by `python3 manage.py test --all`, in the stories of
`tests/journeys` (`plugin.py`); here, at each run, two steps at all points, and others at one each.
"""

import subprocess
import sys
from datetime import timedelta
from itertools import count

import pytest

import manage
from config import ROOT
from repair_app.db import at, now
from repair_app.engine import machine
from repair_app.engine.policy import load_policy
from repair_app.forms import FORMS
from repair_app.services import cases, timers
from tests.factories import act, get_case, make_case, make_record, make_sanction
from tests.faults.killing import (
    AFTER,
    OWN,
    POINTS,
    Killer,
    Unsafe,
    all_points,
    files_of,
)

on_postgresql = pytest.mark.parametrize("stage", ["postgresql"], indirect=True)
on_sqlite = pytest.mark.parametrize("stage", ["sqlite"], indirect=True)
pytestmark = pytest.mark.timeout(600)
STORIES = ("tests/journeys", "tests/services", "tests/imports", "tests/sync/test_completion.py")
IN_STORIES = 312  # steps at least, of 317


@pytest.fixture
def kill(store, app):
    """Give a function that returns a killer for what the choice names."""
    files = files_of(store)
    files.read()
    yield lambda choose: Killer(files, choose)
    files.close()


def step_of(workflow, transition):
    return all_points(lambda one: (one.workflow, one.transition) == (workflow, transition))


def test_whatever_point_an_acceptance_is_killed_at_it_is_whole_or_not_there(kill, world):
    case = make_case(world, "submitted")
    killer = kill(step_of("objection", "accept"))
    with killer.watching():
        act(world.reviewer, "accept", case)
    assert killer.killed["objection.accept"] == {*POINTS}
    assert get_case(case.ref).state == "accepted"


@on_postgresql
def test_whatever_point_a_page_is_killed_at_the_same_form_can_be_sent_again(
    kill, world, as_, anybody
):
    """By its page: the last point is the answer that nobody got."""
    case = make_case(world, "submitted")
    reviewer = as_(world.reviewer)
    page = f"/cases/{case.ref}/accept"
    form = reviewer.get(page)
    killer = kill(step_of("objection", "accept"))
    with killer.watching():
        answer = reviewer.send(form, page)
    assert killer.killed["objection.accept"] == {*POINTS}
    assert answer.status_code == 302
    again = reviewer.send(form, page)
    assert (again.status_code, again.location) == (302, answer.location)


def one_of_each():
    """Choose for each new step one point, another one from step to step."""
    seen, turn = set(), count()

    def choose(scout):
        [first, *_] = [one.name for one in scout.steps]
        if first in seen:
            return []
        seen.add(first)
        there = [one for one in POINTS if one in {*scout.passed, *OWN, *AFTER}]
        point = there[next(turn) % len(there)]
        return [(point, first if point in OWN else "")]

    return choose


@on_postgresql
def test_other_steps_are_killed_at_one_point_each(kill, world):
    killer = kill(one_of_each())
    with killer.watching():
        make_case(world, "executed")
        make_case(world, "rejection_heard")
        make_case(world, "executed", workflow="repair")
    assert len(killer.killed) > 15
    assert {point for points in killer.killed.values() for point in points} == {*POINTS}


# --- what makes it so: negative controls -------------------------------------------------------


def accept_under(killer, world):
    case = make_case(world, "submitted")
    with killer.watching():
        act(world.reviewer, "accept", case)


def test_control_a_step_that_commits_in_the_middle_is_found(kill, world, monkeypatch):
    """What makes it whole or not there is the one transaction."""
    settle = machine.settle

    def settle_and_commit(step):
        settle(step)
        step.store.session.commit()

    monkeypatch.setattr(machine, "settle", settle_and_commit)
    with pytest.raises(Unsafe):
        accept_under(kill(step_of("objection", "accept")), world)


@on_sqlite
def test_control_without_the_forms_token_an_answer_that_was_lost_cannot_be_had_again(
    kill, world, monkeypatch
):
    monkeypatch.setattr(cases, "find_earlier", lambda *_: None)
    case = make_case(world, "draft")
    with (
        kill(step_of("objection", "amend")).watching(),
        pytest.raises(Unsafe, match="refused when asked"),
    ):
        act(world.subject, "amend", case)


# --- every step, by `manage.py test --all` ------------------------------------------------------


@pytest.mark.exhaustive
@pytest.mark.timeout(7200)
def test_every_step_that_a_story_takes_is_killed_at_every_point(tmp_path):
    """In a process of its own, so that the stories run as they are."""
    kills = tmp_path / "kills"
    kills.mkdir()
    command = [
        *(sys.executable, "-P", "-m", "pytest", *STORIES, "-q", "-k", "postgresql", "-n", "2"),
        *("-p", "tests.faults.plugin", "-p", "no:cacheprovider", "-o", "timeout=1800"),
    ]
    env = manage.child_env(REDRESS_KILLS=str(kills))
    for name in [one for one in env if one.startswith("PYTEST_XDIST")]:
        del env[name]  # it has workers of its own
    done = subprocess.run(
        command, env=env, cwd=ROOT, capture_output=True, text=True, check=False, timeout=7000
    )
    why = done.stdout.find("= FAILURES")  # what comes after may be long: times, what was printed
    assert done.returncode == 0, done.stdout[max(why, 0) :][:20_000]
    killed = {one.name: {*one.read_text().split()} for one in kills.iterdir()}
    steps = {
        f"{workflow.name}.{step}"
        for workflow in load_policy(ROOT / "workflows", "seeds", FORMS).current.values()
        for step in workflow.transitions
    }
    assert {*killed} <= steps
    assert len(killed) >= IN_STORIES, f"in no story: {sorted(steps - {*killed})}"
    for name, points in killed.items():
        assert {*POINTS} - points <= {"remembered"}, name  # only who sends a form is remembered


@pytest.mark.exhaustive
@on_sqlite
def test_five_steps_are_killed_at_every_point_on_sqlite(kill, world):
    """As different as can be: opened, accepted with measures, signed, withdrawn, by the clock."""
    wanted = {
        "objection.open",
        "objection.accept",
        "objection.withdraw",
        "repair.sign_grant",
        "objection.escalate",
    }
    record = make_record(world.firm, world.agency)
    make_sanction(record, world.officer)
    killer = kill(all_points(lambda one: one.name in wanted))
    with at(now() - timedelta(days=60)):
        late = make_case(world, "submitted").ref
    with killer.watching():
        case = make_case(world, "accepted", record=record)
        act(world.subject, "withdraw", case)
        make_case(world, "executed", workflow="repair")
        timers.pass_on("cases", late)
    assert wanted <= {*killer.killed}
    for name in wanted:
        assert {*POINTS} - killer.killed[name] <= {"remembered"}, name
