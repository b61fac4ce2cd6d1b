"""Running matters move to another version of their workflow, and back: by command, in bulk."""

import json
from datetime import timedelta

import pytest
import time_machine
from sqlalchemy import select

from repair_app import ledger
from repair_app.calendar import add_working_days
from repair_app.db import db, now, today
from repair_app.engine import moving
from repair_app.engine.days import read_table
from repair_app.models import Case, Deadline, Event, VersionMove
from repair_app.services import migration
from repair_app.services.cases import Stale
from repair_app.services.policy import current_policy
from tests import versions
from tests.factories import (
    act,
    get_case,
    kind_of,
    make_case,
    make_record,
    make_sanction,
    make_submission,
)

RENAMED = (
    ("confirmed           = {", "found_right         = {"),
    ('"confirmed"', '"found_right"'),
)
MAP = '[objection."2026.1"."2030.1"]\nconfirmed = "found_right"\n'
# The term of the whole matter, which the first rule packs do not give.
WHOLE = ("[states]\n", '[term]\nclock  = "objection_whole"\nstarts = "submitted"\n\n[states]\n')
OTHER_CLOCK = ('clock = "objection_forwarding"', 'clock = "objection_acceptance"')
MOVE = ("workflows", "migrate", "objection", "--to", "2030.1")


@pytest.fixture
def first(app, monkeypatch):
    """Run by the first versions and rule packs until a test puts another policy in force."""
    policy = current_policy()
    monkeypatch.setitem(app.extensions, versions.EXTENSION, versions.first_policy(policy))


@pytest.fixture
def come_into_force(app, tmp_path, monkeypatch):
    """Give a function that puts the first objection with some edits in force as 2030.1."""

    def put(*edits, maps=""):
        folder = versions.write_next(tmp_path, *edits, maps=maps)
        monkeypatch.setitem(app.config, "WORKFLOWS", folder)
        monkeypatch.setitem(app.extensions, versions.EXTENSION, versions.load(folder))

    return put


@pytest.fixture
def run(app):
    """Give a function that runs a command and returns what it printed, and its exit code."""

    def run_command(*arguments):
        return app.test_cli_runner().invoke(args=[str(one) for one in arguments])

    return run_command


def running_term(ref, *, whole=False):
    db.session.rollback()
    return db.session.scalars(
        select(Deadline).where(
            Deadline.entity_ref == ref, Deadline.whole.is_(whole), Deadline.met_at.is_(None)
        )
    ).one_or_none()


def versions_of(*refs):
    db.session.rollback()
    rows = db.session.execute(select(Case.ref, Case.workflow_version).where(Case.ref.in_(refs)))
    found = {ref: version for ref, version in rows}  # noqa: C416  # rows are no pairs
    return [found[ref] for ref in refs]


def event_of(ref, name):
    events = db.session.scalars(
        select(Event).where(Event.entity == ref, Event.transition == name).order_by(Event.id)
    ).all()
    return json.loads(events[-1].payload)


def ledger_is_whole():
    return ledger.verify(db.session())[1] is None


# --- the dry run ------------------------------------------------------------------------------


def test_a_dry_run_tells_what_each_would_become_and_writes_nothing(
    first, world, come_into_force, run, digest
):
    waiting = make_case(world, "confirmed")
    fresh = make_case(world, "accepted")
    ended = make_case(world, "refused")
    come_into_force(*RENAMED, OTHER_CLOCK, maps=MAP)
    before = digest()
    done = run(*MOVE, "--dry-run")
    assert done.exit_code == 0, done.output
    assert (
        f"{waiting.ref} 2026.1: 提供单位认为无误 confirmed -> 提供单位认为无误 found_right"
        in done.output
    )
    assert f"{fresh.ref} 2026.1: 已受理 accepted -> 已受理 accepted" in done.output
    assert "objection_forwarding" in done.output
    assert "objection_acceptance" in done.output
    assert ended.ref not in done.output
    assert "nothing was changed; 2 would move to objection 2030.1" in done.output
    assert digest() == before


def test_a_dry_run_tells_who_gains_and_who_loses_a_step(first, world, come_into_force, run):
    make_case(world, "accepted")
    come_into_force(('name    = "reroute"', 'name    = "hand_on"'))
    assert "  reviewer: +hand_on -reroute" in run(*MOVE, "--dry-run").output


def test_what_the_dry_run_tells_is_what_is_done(first, world, come_into_force, run):
    make_case(world, "with_provider")
    make_case(world, "accepted")
    come_into_force(OTHER_CLOCK)
    told = run(*MOVE, "--dry-run").output.splitlines()
    assert run(*MOVE).output.splitlines()[:-1] == told[:-1]


# --- the move ---------------------------------------------------------------------------------


def test_running_matters_move_and_ended_ones_stay(first, world, come_into_force, run):
    refs = [make_case(world, state).ref for state in ("confirmed", "draft", "refused")]
    come_into_force(*RENAMED, maps=MAP)
    done = run(*MOVE)
    assert done.exit_code == 0, done.output
    assert versions_of(*refs) == ["2030.1", "2030.1", "2026.1"]
    assert [get_case(ref).state for ref in refs] == ["found_right", "draft", "refused"]
    assert ledger_is_whole()


def test_a_moved_matter_runs_on_by_the_new_version(first, world, come_into_force, run):
    case = make_case(world, "confirmed")
    come_into_force(*RENAMED, maps=MAP)
    assert run(*MOVE).exit_code == 0
    act(world.reviewer, "announce_rejection", get_case(case.ref))
    act(world.subject, "state_views", get_case(case.ref))
    act(world.second_reviewer, "sign_rejection", get_case(case.ref))
    assert get_case(case.ref).state == "rejected"
    assert ledger_is_whole()


def test_a_move_leaves_an_event_that_tells_everything(first, world, come_into_force, run):
    case = make_case(world, "accepted")
    due = running_term(case.ref).due_on
    come_into_force(OTHER_CLOCK)
    done = run(*MOVE, "--by", world.administrator.email)
    run_ref = done.output.splitlines()[-1].split(":")[0]
    told = event_of(case.ref, "migrate")
    assert told["workflow_version"] == "2030.1"
    assert (told["from"], told["to"]) == ("accepted", "accepted")
    assert told["actor"]["role"] == "administrator"
    assert told["actor"]["account"] == world.administrator.id
    assert told["basis"] == ["REDRESS 版本迁移须有对照表、逐件留痕、可以撤销"]
    assert told["facts"]["run"] == run_ref
    assert told["facts"]["from_version"] == "2026.1"
    after = running_term(case.ref)
    assert told["facts"]["terms"] == [
        ["objection_forwarding", str(due), "objection_acceptance", str(after.due_on)]
    ]


def test_somebody_who_is_no_administrator_moves_nothing(first, world, come_into_force, run):
    case = make_case(world, "accepted")
    come_into_force()
    assert run(*MOVE, "--by", world.reviewer.email).exit_code == 2
    assert versions_of(case.ref) == ["2026.1"]


def test_only_what_is_named_moves(first, world, come_into_force, run):
    one, other = make_case(world, "accepted"), make_case(world, "submitted")
    come_into_force()
    assert "1 moved" in run(*MOVE, "--only", other.ref).output
    assert versions_of(one.ref, other.ref) == ["2026.1", "2030.1"]


def test_a_reference_that_runs_under_no_earlier_version_is_named(
    first, world, come_into_force, run, digest
):
    ended = make_case(world, "refused")
    come_into_force()
    before = digest()
    done = run(*MOVE, "--only", ended.ref)
    assert done.exit_code == 1
    assert ended.ref in done.output
    assert digest() == before


def test_a_form_drawn_before_the_move_is_stale(first, world, come_into_force, run):
    case = make_case(world, "accepted")
    drawn_from = case.version
    come_into_force()
    run(*MOVE)
    submission = make_submission(
        f"{case.ref} ask_provider", texts={"note": "请核实"}, version=drawn_from
    )
    with pytest.raises(Stale):
        migration.cases.perform(kind_of(case), case.ref, "ask_provider", world.reviewer, submission)


def test_a_second_call_finds_nothing_left(first, world, come_into_force, run, digest):
    make_case(world, "accepted")
    come_into_force()
    assert "1 moved" in run(*MOVE).output
    before = digest()
    assert "nothing runs under an earlier version" in run(*MOVE).output
    assert digest() == before


def test_a_run_that_was_broken_off_goes_on(first, world, come_into_force, run, monkeypatch):
    refs = [make_case(world, "accepted").ref for _ in range(3)]
    come_into_force()
    real, calls = moving.move, []

    def fail_at_second(*arguments, **more):
        calls.append(1)
        if len(calls) == 2:
            raise RuntimeError("the machine went down")
        return real(*arguments, **more)

    monkeypatch.setattr(moving, "move", fail_at_second)
    done = run(*MOVE)
    assert done.exit_code == 1
    assert "the machine went down" in done.output
    assert versions_of(*refs) == ["2030.1", "2026.1", "2030.1"]
    monkeypatch.setattr(moving, "move", real)
    assert "1 moved" in run(*MOVE).output
    assert versions_of(*refs) == ["2030.1"] * 3
    assert ledger_is_whole()


# --- what is refused --------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("edits", "maps", "problem"),
    [
        (RENAMED, "", "confirmed: has no counterpart"),
        (RENAMED, MAP.replace("found_right", "found_wrong"), "no state 'found_wrong'"),
        ((), MAP.replace("confirmed =", "affirmed ="), "affirmed: version 2026.1 has no such"),
        (RENAMED, MAP.replace("found_right", "rejected"), "nothing begins or ends by a move"),
        (RENAMED, MAP.replace("found_right", "submitted"), "marked `contests`"),
        ((), '[objection]\n"2026.1" = "?"\n', "is no table"),
        ((), MAP.replace('"found_right"', "1"), "becomes one state"),
        ((), "?", "migrations.toml"),
    ],
)
def test_a_map_that_does_not_fit_is_refused_by_name(
    first, world, come_into_force, run, digest, edits, maps, problem
):
    make_case(world, "confirmed")
    come_into_force(*edits, maps=maps)
    before = digest()
    done = run(*MOVE)
    assert done.exit_code == 1
    assert "migrations.toml" in done.output
    assert problem in done.output
    assert digest() == before


@pytest.mark.parametrize(
    ("arguments", "problem"),
    [
        (("objektion", "--to", "2030.1"), "there is no workflow 'objektion'"),
        (("objection", "--to", "2026.1"), "objection is at version 2030.1"),
        (("--undo", "BQ-2026-000001-X"), "there was no run BQ-2026-000001-X"),
    ],
)
def test_a_slip_of_the_hand_changes_nothing(
    first, world, come_into_force, run, digest, arguments, problem
):
    make_case(world, "accepted")
    come_into_force()
    before = digest()
    done = run("workflows", "migrate", *arguments)
    assert done.exit_code == 1
    assert problem in done.output
    assert digest() == before


def test_without_workflow_and_version_the_command_says_how(run):
    assert run("workflows", "migrate").exit_code == 2


# --- its terms --------------------------------------------------------------------------------


def test_a_term_goes_on_from_the_day_it_began(first, world, come_into_force, run):
    case = make_case(world, "accepted")
    began = running_term(case.ref).starts_on
    with time_machine.travel(now() + timedelta(days=3), tick=False):
        come_into_force(OTHER_CLOCK)
        run(*MOVE)
        after = running_term(case.ref)
        pack = current_policy().pack_of(get_case(case.ref))
        days = pack.clocks["objection_acceptance"].working_days
        assert (after.clock, after.starts_on, after.working_days) == (
            "objection_acceptance",
            began,
            days,
        )
        table = read_table(db.session())
        assert after.due_on == add_working_days(began, days, table).due_on


def test_a_term_that_both_versions_know_does_not_move(first, world, come_into_force, run):
    case = make_case(world, "with_provider")
    before = running_term(case.ref).due_on
    with time_machine.travel(now() + timedelta(days=3), tick=False):
        come_into_force()
        run(*MOVE)
        assert running_term(case.ref).due_on == before


def test_a_pack_without_the_clocks_of_the_version_is_named_and_nothing_moves(
    first, world, come_into_force, run, digest
):
    case = make_case(world, "accepted")
    come_into_force(WHOLE)
    before = digest()
    done = run(*MOVE)
    assert done.exit_code == 1
    assert f"! {case.rule_pack} {case.rule_pack_hash[:12]} does not give: objection_whole" in (
        done.output
    )
    assert "--pack" in done.output
    assert digest() == before


def test_a_dry_run_tells_no_day_that_the_pack_cannot_give(first, world, come_into_force, run):
    make_case(world, "accepted")
    come_into_force(WHOLE)
    assert "  term: — -> objection_whole ?" in run(*MOVE, "--dry-run").output
    assert "  term: — -> objection_whole 20" in run(*MOVE, "--dry-run", "--pack").output


def test_a_pack_is_changed_only_when_that_is_asked_for(first, world, come_into_force, run):
    case = make_case(world, "accepted")
    old = case.rule_pack_hash
    come_into_force(WHOLE)
    told = run(*MOVE, "--dry-run", "--pack")
    assert f"  rule pack: SD-SEEDS {old[:12]} -> SD-" in told.output
    assert get_case(case.ref).rule_pack_hash == old
    assert run(*MOVE, "--pack").exit_code == 0
    moved = get_case(case.ref)
    in_force = current_policy().pack_for(
        "objection", decided_on=moved.record.decided_on, applied_on=today()
    )
    assert (moved.rule_pack, moved.rule_pack_hash) == (in_force.id, in_force.sha256)
    assert running_term(case.ref).working_days == (
        in_force.clocks["objection_forwarding"].working_days
    )


def test_the_term_of_the_whole_runs_from_the_day_of_filing(first, world, come_into_force, run):
    filed = today()
    case = make_case(world, "accepted")
    with time_machine.travel(now() + timedelta(days=5), tick=False):
        come_into_force(WHOLE)
        assert run(*MOVE, "--pack").exit_code == 0
        whole = running_term(case.ref, whole=True)
        assert (whole.clock, whole.starts_on) == ("objection_whole", filed)


def test_of_several_states_in_which_the_whole_starts_the_first_counts(
    first, world, come_into_force, run
):
    filed = today()
    with time_machine.travel(now(), tick=False):
        case = make_case(world, "submitted")
    with time_machine.travel(now() + timedelta(days=2), tick=False):
        act(world.reviewer, "accept", case)
    with time_machine.travel(now() + timedelta(days=5), tick=False):
        come_into_force((WHOLE[0], WHOLE[1].replace('"submitted"', '["accepted", "submitted"]')))
        assert run(*MOVE, "--pack").exit_code == 0
        assert running_term(case.ref, whole=True).starts_on == filed


def test_a_draft_has_no_term_of_the_whole_yet(first, world, come_into_force, run):
    case = make_case(world, "draft")
    come_into_force(WHOLE)
    run(*MOVE, "--pack")
    assert running_term(case.ref, whole=True) is None
    act(world.subject, "submit", get_case(case.ref))
    assert running_term(case.ref, whole=True) is not None


def test_pauses_after_the_move_are_found_again_in_the_ledger(first, world, come_into_force, run):
    """Counting anew by the ledger gives the same as the steps did."""
    pausing = (
        'clock = "objection_verification"',
        'clock = "objection_verification", pauses = true',
    )
    case = make_case(world, "accepted")
    with time_machine.travel(now() + timedelta(days=2), tick=False):
        come_into_force(WHOLE, pausing)
        run(*MOVE, "--pack")
        act(world.reviewer, "ask_provider", get_case(case.ref))
        stopped = running_term(case.ref, whole=True)
        assert stopped.paused_on == today()
    with time_machine.travel(now() + timedelta(days=9), tick=False):
        act(world.provider, "confirm", get_case(case.ref))
        by_steps = running_term(case.ref, whole=True)
        pauses, due = list(by_steps.pauses), by_steps.due_on
        assert "0 open deadlines moved" in run("deadlines", "recompute").output
        counted = running_term(case.ref, whole=True)
        assert (list(counted.pauses), counted.due_on) == (pauses, due)


# --- undone -----------------------------------------------------------------------------------


def run_of(done):
    return done.output.splitlines()[-1].split(":")[0]


def test_undoing_a_run_restores_everything(first, world, come_into_force, run, digest):
    refs = [make_case(world, state).ref for state in ("confirmed", "accepted", "draft")]
    come_into_force(*RENAMED, WHOLE, OTHER_CLOCK, maps=MAP)
    # Its history grows and its version with it, or a stale form would pass; nothing else differs.
    growing = ("event", "event_text", "stream", "ref_counter", "version_move", "alembic_version")
    states = [(get_case(ref).state, get_case(ref).rule_pack_hash) for ref in refs]
    before = digest(*growing)
    done = run(*MOVE, "--pack")
    assert done.exit_code == 0, done.output
    assert digest(*growing) != before
    back = run("workflows", "migrate", "--undo", run_of(done))
    assert back.exit_code == 0, back.output
    assert f"{run_of(done)}: 3 moved back" in back.output
    assert [(get_case(ref).state, get_case(ref).rule_pack_hash) for ref in refs] == states
    assert versions_of(*refs) == ["2026.1"] * 3
    after = digest(*growing)
    differing = {name for name in after if after[name] != before[name]}
    assert differing <= {"case_file"}  # its `version`, and nothing else of it:
    assert [get_case(ref).version for ref in refs] == [
        event_of(ref, "migrate")["seq"] + 1 for ref in refs
    ]
    assert ledger_is_whole()


def test_what_something_happened_to_since_stays(first, world, come_into_force, run):
    one, other = make_case(world, "accepted"), make_case(world, "accepted")
    come_into_force()
    done = run(*MOVE)
    act(world.reviewer, "ask_provider", get_case(one.ref))
    back = run("workflows", "migrate", "--undo", run_of(done))
    assert f"! {one.ref} stays: something happened to it since" in back.output
    assert versions_of(one.ref, other.ref) == ["2030.1", "2026.1"]


def test_a_run_is_undone_once(first, world, come_into_force, run, digest):
    make_case(world, "accepted")
    come_into_force()
    done = run(*MOVE)
    run("workflows", "migrate", "--undo", run_of(done))
    before = digest()
    assert "0 moved back" in run("workflows", "migrate", "--undo", run_of(done)).output
    assert digest() == before


def test_what_was_moved_back_can_move_again(first, world, come_into_force, run):
    case = make_case(world, "accepted")
    come_into_force()
    run("workflows", "migrate", "--undo", run_of(run(*MOVE)))
    assert "1 moved" in run(*MOVE).output
    assert versions_of(case.ref) == ["2030.1"]
    assert len(db.session.scalars(select(VersionMove.run)).all()) == 2
    assert ledger_is_whole()


# --- what is shipped --------------------------------------------------------------------------


def test_every_earlier_version_can_be_moved_to_the_present_one():
    policy = versions.load(versions.ROOT / "workflows")
    maps = versions.ROOT / "workflows" / moving.FILE
    earlier = [one for one in policy.workflows.values() if one is not policy.current[one.name]]
    assert earlier
    for one in earlier:
        becomes = moving.load_map(maps, one, policy.current[one.name])
        assert set(becomes) == {
            state.name
            for state in one.states.values()
            if not state.final and state.name != one.initial
        }


def test_the_check_of_the_workflows_names_a_state_without_counterpart(come_into_force, run):
    come_into_force(*RENAMED)
    done = run("workflows", "check")
    assert done.exit_code == 1
    assert "confirmed: has no counterpart" in done.output


@pytest.mark.parametrize("name", ["repair", "sanction", "rectification"])
def test_what_is_shipped_moves_and_moves_back(first, app, world, run, monkeypatch, name):
    """The first versions to those of today, whatever kind of entity it is."""
    make_case(world, "with_provider", workflow="repair")
    make_sanction(make_record(world.firm, world.agency), world.officer)
    shipped = versions.load(versions.ROOT / "workflows")
    monkeypatch.setitem(app.extensions, versions.EXTENSION, shipped)
    version = shipped.current[name].version
    done = run("workflows", "migrate", name, "--to", version, "--pack")
    assert done.exit_code == 0, done.output
    assert ledger_is_whole()
    assert (
        f"{count_running(name)} moved back"
        in run("workflows", "migrate", "--undo", run_of(done)).output
    )
    assert ledger_is_whole()


def count_running(name):
    """Return how many were moved last."""
    db.session.rollback()
    return len(db.session.scalars(select(VersionMove).where(VersionMove.workflow == name)).all())


# --- records ----------------------------------------------------------------------------------


def test_a_record_keeps_class_and_periods_when_its_workflow_has_another_version(
    first, app, world, run, monkeypatch
):
    record = make_record(world.firm, world.agency)
    until, pack = record.max_publication_until, record.rule_pack_hash
    monkeypatch.setitem(
        app.extensions, versions.EXTENSION, versions.load(versions.ROOT / "workflows")
    )
    version = current_policy().current["record"].version
    done = run("workflows", "migrate", "record", "--to", version)
    assert done.exit_code == 0, done.output
    db.session.rollback()
    db.session.refresh(record)
    assert (record.workflow_version, record.state) == (version, "published")
    assert (record.max_publication_until, record.rule_pack_hash) == (until, pack)
