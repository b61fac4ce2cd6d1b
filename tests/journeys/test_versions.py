"""A second version of a workflow beside the first, as the people of both see it."""

from dataclasses import replace

import pytest
import time_machine
from sqlalchemy import select

from repair_app.db import db
from repair_app.models import Deadline
from repair_app.services import cases
from repair_app.services.policy import current_policy
from tests import factories, versions
from tests.factories import act, make_case, make_record, make_sanction
from tests.journeys.steps import (
    PAPER,
    accept_and_forward,
    ask_department,
    begin,
    case_of,
    dispute,
    in_days,
    is_marked,
    ledger_is_whole,
    sanctions_of,
    state_on,
    steps_on,
    take,
    try_to,
)
from tests.journeys.test_loop import evaluate, feed_back


@pytest.fixture
def next_version(app, monkeypatch):
    """Run by the first versions; give a function that puts those of today in force."""
    shipped = current_policy()
    monkeypatch.setitem(app.extensions, versions.EXTENSION, versions.first_policy(shipped))

    def put_in_force():
        monkeypatch.setitem(app.extensions, versions.EXTENSION, shipped)
        return shipped.current["objection"]

    return put_in_force


def test_what_began_under_the_first_version_ends_under_it(next_version, cast, world, anybody):
    """And what is filed on the same day after the change runs by the new one."""
    record = make_record(world.firm, world.agency, fine_10k=15)
    make_sanction(record, world.officer)
    earlier = dispute(cast.subject, record, fine_10k="1")
    accept_and_forward(cast.reviewer, earlier)

    new = next_version()
    later = dispute(cast.subject, make_record(world.firm, world.agency), fine_10k="1")
    assert case_of(earlier).workflow_version == "2026.1"
    assert case_of(later).workflow_version == new.version
    assert state_on(cast.subject.read(f"/cases/{earlier}")) == "信息提供单位核实中"
    assert ask_department(cast.officer, world.firm.uscc) == [False]

    take(cast.provider, "confirm", earlier, findings="与决定书一致。")
    take(cast.reviewer, "announce_rejection", earlier, reason="与决定书一致。")
    take(cast.subject, "state_views", earlier, statement="仍有异议。")
    # The form of its version: that of today asks how the answer was weighed, too.
    take(cast.second_reviewer, "sign_rejection", earlier, reason="仍与决定书一致。")
    assert case_of(earlier).state == "rejected"
    assert case_of(earlier).workflow_version == "2026.1"
    assert not is_marked(anybody, record)
    assert ask_department(cast.officer, world.firm.uscc) == [True]
    take(cast.reviewer, "accept", later)
    assert case_of(later).workflow_version == new.version
    assert ledger_is_whole()


def test_a_matter_that_was_moved_tells_so_and_goes_on(next_version, app, cast, world):
    record = make_record(world.firm, world.agency)
    ref = dispute(cast.subject, record, fine_10k="1")
    new = next_version()
    runner = app.test_cli_runner()
    done = runner.invoke(args=["workflows", "migrate", "objection", "--to", new.version, "--pack"])
    assert done.exit_code == 0, done.output
    page = cast.subject.read(f"/cases/{ref}")
    assert "转入新版流程" in page.words
    assert "转入新版流程" in cast.auditor.read("/audit").words
    assert "accept" in steps_on(cast.reviewer.read(f"/cases/{ref}"), ref)
    take(cast.reviewer, "accept", ref)
    case = case_of(ref)
    assert (case.state, case.workflow_version) == ("accepted", new.version)
    assert ledger_is_whole()


def test_a_form_that_was_open_during_the_move_is_answered_with_what_changed(
    next_version, app, cast, world
):
    ref = dispute(cast.subject, make_record(world.firm, world.agency), fine_10k="1")
    form = cast.reviewer.read(f"/cases/{ref}/accept")
    new = next_version()
    app.test_cli_runner().invoke(
        args=["workflows", "migrate", "objection", "--to", new.version, "--pack"]
    )
    answer = cast.reviewer.post(f"/cases/{ref}/accept", data=form.fields)
    assert answer.status_code == 409
    assert case_of(ref).state == "submitted"


def sanction_terms(ref):
    """Return the running terms of a measure: clock, who has to act, last day."""
    db.session.rollback()
    running = select(Deadline).where(Deadline.entity_ref == ref, Deadline.met_at.is_(None))
    found = db.session.scalars(running.order_by(Deadline.id))
    return [(one.clock, one.owner, one.due_on) for one in found]


@pytest.fixture
def sanction_moves(app, monkeypatch, tmp_path):
    """Give a function that puts a next version of the sanction in force and moves what runs."""

    def move(*edits):
        folder = versions.write_next_of(tmp_path, "sanction", *edits)
        monkeypatch.setitem(app.config, "WORKFLOWS", folder)
        monkeypatch.setitem(app.extensions, versions.EXTENSION, versions.load(folder))
        done = app.test_cli_runner().invoke(
            args=["workflows", "migrate", "sanction", "--to", "2030.1"]
        )
        assert done.exit_code == 0, done.output
        return done.output.splitlines()[-1].split(":")[0]

    return move


def test_an_evaluation_that_is_owed_goes_on_beside_a_measure_that_moves(
    sanction_moves, app, cast, world
):
    """What was fed back stays fed back; the lead agency has the days that it had."""
    record = make_record(world.firm, world.agency)
    sanction = make_sanction(record, world.officer)
    feed_back(cast.officer, sanction)
    before = sanction_terms(sanction.ref)
    assert [(clock, owner) for clock, owner, _ in before] == [("sanction_evaluation", "provider")]

    with time_machine.travel(in_days(20)):
        run = sanction_moves()
        assert sanctions_of(record)[0].workflow_version == "2030.1"
        assert sanction_terms(sanction.ref) == before
        app.test_cli_runner().invoke(args=["workflows", "migrate", "--undo", run])
        assert sanctions_of(record)[0].workflow_version != "2030.1"
        assert sanction_terms(sanction.ref) == before


def test_an_evaluation_owed_before_a_move_is_given_after_it(sanction_moves, cast, world):
    """With the steps of the new version; the term is met, and none is left."""
    record = make_record(world.firm, world.agency)
    sanction = make_sanction(record, world.officer)
    feed_back(cast.officer, sanction)
    sanction_moves(("评估惩戒效果", "评价惩戒效果"))
    assert "评价惩戒效果" in cast.provider.read(f"/records/{record.ref}").words
    evaluate(cast.provider, sanction)
    assert sanctions_of(record)[0].evaluation == "effective"
    assert sanction_terms(sanction.ref) == []
    assert ledger_is_whole()


def test_a_draft_changes_its_ground_by_the_version_that_it_began_with(next_version, cast, world):
    """The first one asks whether the ground was answered; that of today, whether looked into."""
    record = make_record(world.firm, world.agency)
    looked_into = dispute(cast.subject, record, ground="error")
    accept_and_forward(cast.reviewer, looked_into)
    take(cast.provider, "confirm", looked_into, findings="与决定书一致。")
    take(cast.subject, "withdraw", looked_into, reason="自愿撤回。")
    earlier = begin_draft(cast.subject, record, "over_term")
    new = next_version()
    later = begin_draft(cast.subject, record, "omission")
    assert case_of(earlier).workflow_version == "2026.1"
    assert case_of(later).workflow_version == new.version

    take(cast.subject, "amend", earlier, ground="error", statement="换一个理由。")
    assert case_of(earlier).ground == "error"
    back = try_to(cast.subject, "amend", later, ground="error", statement="换一个理由。")
    assert earlier in " ".join(back.alerts)
    assert case_of(later).ground == "omission"


def test_a_draft_changes_its_ground_though_no_rules_apply_to_a_new_one(
    app, monkeypatch, cast, world
):
    """It goes by the rules that it began with; what cannot begin any more is no question of it."""
    ref = begin_draft(cast.subject, make_record(world.firm, world.agency), "error")
    policy = current_policy()
    packs = {name: one for name, one in policy.packs.items() if name != "SD-2020"}
    monkeypatch.setitem(app.extensions, versions.EXTENSION, replace(policy, packs=packs))
    take(cast.subject, "amend", ref, ground="omission", statement="换一个理由。")
    assert case_of(ref).ground == "omission"


def begin_draft(client, record, ground):
    """Begin an objection and leave it a draft."""
    return begin(client, "objection", record, ground=ground, statement="有误。", evidence=PAPER)


# How a moved objection goes on to its end: whoever has the first of these steps takes it.
ONWARD = (
    ("subject", "submit"),
    ("subject", "supplement"),
    ("reviewer", "accept"),
    ("reviewer", "ask_provider"),
    ("provider", "confirm"),
    ("reviewer", "announce_rejection"),
    ("subject", "state_views"),
    ("second_reviewer", "sign_rejection"),
    ("reviewer", "decide_correction"),
    ("second_reviewer", "sign_correction"),
    ("reviewer", "decide_removal"),
    ("second_reviewer", "sign_removal"),
    ("provider", "confirm_execution"),
)
# Where the first version had other names than today's.
OF_THE_FIRST = {
    "revocation_proposed": ("provider", "propose_revocation", "with_provider"),
    "removal_decided": ("reviewer", "decide_removal", "revocation_proposed"),
}
FIRST_STATES = (
    "draft",
    "submitted",
    "supplement_asked",
    "accepted",
    "with_provider",
    "confirmed",
    "correction_proposed",
    "revocation_proposed",
    "rejection_announced",
    "rejection_heard",
    "correction_decided",
    "removal_decided",
    "executed",
)


def on_stores(states):
    """Return every state on one store, and on the other one in which a case is under way.

    Where a state is mapped to is no question of the store; that a move is written there is.
    """
    return [*(("sqlite", one) for one in states), ("postgresql", "with_provider")]


@pytest.mark.parametrize(("stage", "state"), on_stores(FIRST_STATES), indirect=["stage"])
def test_an_objection_moved_from_any_state_reaches_its_end(
    next_version, app, cast, world, monkeypatch, state
):
    monkeypatch.setattr(factories, "OBJECTION", {**factories.OBJECTION, **OF_THE_FIRST})
    monkeypatch.setitem(factories.WAYS, "objection", factories.OBJECTION)
    record = make_record(world.firm, world.agency)
    make_sanction(record, world.officer)
    case = make_case(world, state, record=record)
    assert (case.state, case.workflow_version) == (state, "2026.1")
    new = next_version()
    done = app.test_cli_runner().invoke(
        args=["workflows", "migrate", "objection", "--to", new.version, "--pack"]
    )
    assert done.exit_code == 0, done.output
    for who in ("subject",) if state == "draft" else ("subject", "provider", "reviewer"):
        assert getattr(cast, who).get(f"/cases/{case.ref}").status_code == 200
    go_on(world, case.ref, ONWARD)
    case = case_of(case.ref)
    assert not case.is_open
    assert case.workflow_version == new.version
    assert not record.is_contested
    assert not [one for one in sanctions_of(record) if one.state == "suspended"]
    assert ledger_is_whole()


REPAIR_ONWARD = (
    ("subject", "submit"),
    ("subject", "supplement"),
    ("reviewer", "accept"),
    ("reviewer", "ask_provider"),
    ("provider", "confirm_rectification"),
    ("provider", "find_lacking"),
    ("reviewer", "propose_grant"),
    ("second_reviewer", "sign_grant"),
    ("reviewer", "propose_refusal"),
    ("second_reviewer", "sign_refusal"),
    ("provider", "confirm_execution"),
)
FIRST_STATES_OF_REPAIR = (
    "submitted",
    "supplement_asked",
    "accepted",
    "with_provider",
    "rectification_confirmed",
    "rectification_lacking",
    "grant_proposed",
    "refusal_proposed",
    "executed",
)


@pytest.mark.parametrize(("stage", "state"), on_stores(FIRST_STATES_OF_REPAIR), indirect=["stage"])
def test_a_repair_moved_from_any_state_reaches_its_end(next_version, app, cast, world, state):
    """With its requirements, or with those left under the version that they began with."""
    case = make_case(world, state, workflow="repair")
    assert (case.state, case.workflow_version) == (state, "2026.1")
    next_version()
    shipped = current_policy()
    names = ("repair", "rectification") if state == "submitted" else ("repair",)
    for name in names:
        version = shipped.current[name].version
        done = app.test_cli_runner().invoke(
            args=["workflows", "migrate", name, "--to", version, "--pack"]
        )
        assert done.exit_code == 0, done.output
    for who in ("subject", "provider", "reviewer"):
        assert getattr(cast, who).get(f"/cases/{case.ref}").status_code == 200
    go_on(world, case.ref, REPAIR_ONWARD)
    case = case_of(case.ref)
    assert not case.is_open
    assert case.workflow_version == shipped.current["repair"].version
    assert ledger_is_whole()


def go_on(world, ref, onward):
    """Take the first of these steps that somebody has, until the case has ended."""
    for _ in range(len(onward)):
        case = case_of(ref)
        if not case.is_open:
            return
        who, step = next(
            (who, step)
            for who, step in onward
            if cases.reasons_against(getattr(world, who), case, step) == ()
        )
        act(getattr(world, who), step, case)
