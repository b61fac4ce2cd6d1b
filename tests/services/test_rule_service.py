"""The rule packs before people: lists, comparisons, and what an edited file would change."""

from pathlib import Path

import pytest
from sqlalchemy import func, select

from repair_app.db import db
from repair_app.engine.rules import RuleError
from repair_app.models import Event
from repair_app.services import rules
from repair_app.services.policy import current_policy
from tests.factories import make_case, make_record

SEEDS = "sd-seeds.toml"


@pytest.fixture
def edit(app, tmp_path):
    """Give a function that writes an edited copy of a pack's file, and returns its path."""

    def edited(name: str, *changes: tuple[str, str]) -> Path:
        text = (app.config["WORKFLOWS"] / "rules" / name).read_text(encoding="utf-8")
        for old, new in changes:
            assert old in text
            text = text.replace(old, new, 1)
        path = tmp_path / name
        path.write_text(text, encoding="utf-8")
        return path

    return edited


@pytest.fixture
def run(app):
    """Give a function that runs a command and returns what it printed, and its exit code."""

    def run_command(*arguments):
        return app.test_cli_runner().invoke(args=[str(one) for one in arguments])

    return run_command


SHORTER = (
    "[classes.serious]",
    '[classes.serious]\nmax_months = {value = 30, source = "REDRESS 试", grade = "choice"}',
)
SLOWER = ("repair_acceptance = {working_days = 3", "repair_acceptance = {working_days = 5")
ASKS_MORE = ('["commitment_letter", [', '["commitment_letter", "identity_proof", [')


# --- what is on file -----------------------------------------------------------------------


def test_the_packs_in_force_come_first_and_earlier_editions_last(app):
    listed = rules.list_packs()
    assert {one.pack.id for one in listed[:3]} == {"SD-SEEDS", "SD-2020", "SD-SUPERVISION"}
    assert [part for one in listed for part in one.in_force] == [
        "objection",
        "repair",
        "supervision",
    ]
    assert [one.pack.release for one in listed if not one.is_current] == ["CN-2026-36", "SD-SEEDS"]


def test_a_pack_is_found_by_its_id_or_by_id_and_edition(app):
    assert rules.find_pack("SD-SEEDS").edition == 2
    assert rules.find_pack("SD-SEEDS.1").edition == 1
    assert rules.find_pack("REDRESS-REPAIR").is_foundation
    with pytest.raises(RuleError, match="did you mean 'SD-SEEDS'"):
        rules.find_pack("SD-SEDS")


def test_two_packs_are_compared_value_by_value(app):
    changes = {
        one.key: one
        for one in rules.compare(rules.find_pack("SD-2020"), rules.find_pack("TZ-2020"))
    }
    assert changes["clocks.objection_whole"].before.startswith("working_days = 7 ")
    assert changes["clocks.objection_whole"].after.startswith("working_days = 9 ")
    assert changes["objection.display_while_verified"].after.startswith("suspended ")
    assert changes["conflicts.whole_term"].after is None
    assert "clocks.draft_objection" not in changes


def test_a_pack_does_not_differ_from_itself(app):
    for pack in current_policy().packs.values():
        assert rules.compare(pack, pack) == ()


# --- before an edited file is released --------------------------------------------------------


def test_a_shorter_period_tells_which_live_records_move(app, world, edit):
    serious = make_record(world.firm, world.agency, severity="serious")
    make_record(world.firm, world.agency)
    (found,) = rules.foresee(edit(SEEDS, SHORTER))
    assert found.parts == ("repair",)
    assert found.classes == {"serious": ("max_months",)}
    assert {kind: one.first for kind, one in found.records.items()} == {
        "maximum ends earlier": [serious.ref]
    }
    assert found.cases == {}


def test_a_longer_term_tells_for_which_open_cases(app, world, edit):
    waiting = make_case(world, "submitted", workflow="repair")
    make_case(world, "submitted")
    (found,) = rules.foresee(edit(SEEDS, SLOWER))
    assert {kind: one.first for kind, one in found.cases.items()} == {
        "repair_acceptance: 3 -> 5 working days": [waiting.ref]
    }


def test_a_term_of_a_requirement_tells_for_which_open_cases(app, world, edit):
    case = make_case(world, "draft", workflow="repair")
    change = (
        "requirement_commitment = {working_days = 10",
        "requirement_commitment = {working_days = 8",
    )
    found = {one.pack.id: one for one in rules.foresee(edit("base-repair.toml", change))}
    assert {kind: one.first for kind, one in found["SD-SEEDS"].cases.items()} == {
        "requirement_commitment: 10 -> 8 working days": [case.ref]
    }


def test_a_further_material_tells_who_would_have_to_bring_it(app, world, edit):
    case = make_case(world, "submitted", workflow="repair")
    (found,) = rules.foresee(edit(SEEDS, ASKS_MORE, ASKS_MORE))  # of minor and of general records
    (kind,) = found.cases
    assert kind == "asked for as well: identity_proof"
    assert found.cases[kind].count == 1
    assert found.cases[kind].first == [case.ref]


def test_a_term_of_objections_touches_no_repair(app, world, edit):
    objection = make_case(world, "submitted")
    make_case(world, "submitted", workflow="repair")
    (found,) = rules.foresee(edit("sd-2020.toml", ("working_days = 7", "working_days = 6")))
    assert {kind: one.first for kind, one in found.cases.items()} == {
        "objection_whole: 7 -> 6 working days": [objection.ref]
    }
    assert found.records == {}
    assert found.parts == ("objection",)


def test_looking_ahead_writes_nothing_and_moves_nobody(app, world, edit):
    case = make_case(world, "submitted", workflow="repair")
    before = (case.rule_pack_hash, db.session.scalar(select(func.count(Event.id))))
    rules.foresee(edit(SEEDS, SLOWER, SHORTER))
    db.session.refresh(case)
    assert (case.rule_pack_hash, db.session.scalar(select(func.count(Event.id)))) == before
    assert current_policy().pack_of(case).clocks["repair_acceptance"].working_days == 3
    assert not db.session.dirty


def test_a_remark_changes_nothing_for_anybody(app, world, edit):
    make_case(world, "submitted", workflow="repair")
    assert rules.foresee(edit(SEEDS, ("[clocks]", "# a remark\n[clocks]"))) == ()


def test_a_change_below_tells_of_every_pack_that_is_built_on_it(app, world, edit):
    case = make_case(world, "draft", workflow="repair")
    change = ("draft_repair = {working_days = 30", "draft_repair = {working_days = 20")
    found = {one.pack.id: one for one in rules.foresee(edit("base-repair.toml", change))}
    assert set(found) == {
        name for name, one in current_policy().packs.items() if "repair" in one.parts
    }
    assert found["SD-SEEDS"].cases["draft_repair: 30 -> 20 working days"].first == [case.ref]
    assert found["CN-2023-58"].cases == {}
    assert found["CN-2023-58"].parts == ()


def test_a_pack_that_is_not_on_file_concerns_nobody(app, edit):
    path = edit(SEEDS, ('"SD-SEEDS"', '"SD-NEW"'))
    with pytest.raises(RuleError, match="'SD-NEW' is not on file"):
        rules.foresee(path)


# --- the commands ----------------------------------------------------------------------------


def test_check_lists_the_packs_and_what_each_part_goes_by(run):
    result = run("rules", "check")
    assert result.exit_code == 0, result.output
    assert "* SD-SEEDS.2 " in result.output
    assert "  repair: SD-SEEDS (fixed)" in result.output
    assert "  objection: SD-2020 (fixed)" in result.output
    assert "(running cases only)" in result.output


@pytest.mark.parametrize(("lang", "words"), [("zh", "7个工作日"), ("en", "7 working days")])
def test_show_gives_every_value_with_source_grade_and_where_it_stands(run, lang, words):
    result = run("rules", "show", "SD-2020", "--lang", lang)
    assert result.exit_code == 0, result.output
    assert f"clocks.objection_whole: {words} [SD-REG-2020 第三十九条; read]\n" in result.output
    assert "; choice] <- REDRESS-OBJECTION\n" in result.output


@pytest.mark.parametrize("lang", ["zh", "en"])
def test_every_pack_can_be_shown_in_both_languages(run, app, lang):
    for name in rules.pack_names(current_policy()):
        result = run("rules", "show", name, "--lang", lang)
        assert result.exit_code == 0, result.output


def test_an_unknown_pack_is_refused_with_the_nearest_name(run):
    result = run("rules", "show", "SD-SEDS")
    assert result.exit_code == 1
    assert "did you mean 'SD-SEEDS'?" in result.output


def test_diff_compares_an_edited_file_with_the_current_pack(run, edit):
    result = run("rules", "diff", edit(SEEDS, SLOWER))
    assert result.exit_code == 0, result.output
    assert "clocks.repair_acceptance\n  - working_days = 3 " in result.output
    assert "\n  + working_days = 5 " in result.output
    assert "1 values differ." in result.output


def test_impact_says_what_changes_for_whom(run, world, edit):
    case = make_case(world, "submitted", workflow="repair")
    result = run("rules", "diff", "--impact", edit(SEEDS, SLOWER, ASKS_MORE, ASKS_MORE))
    assert result.exit_code == 0, result.output
    assert f"1 repair_acceptance: 3 -> 5 working days: {case.ref}\n" in result.output
    assert f"1 asked for as well: identity_proof: {case.ref}\n" in result.output
    assert "Once released, what begins from then on goes by it in: repair." in result.output
    assert "Nothing was written." in result.output


def test_a_mistake_in_an_edited_file_is_told_before_it_is_released(run, edit):
    result = run("rules", "diff", "--impact", edit(SEEDS, ("repair_whole", "repair_hole")))
    assert result.exit_code == 1
    assert "sd-seeds.toml: clocks.repair_hole: is not known here; did you mean" in result.output


def test_a_file_that_is_not_there_is_named(run, tmp_path):
    result = run("rules", "diff", "--impact", tmp_path / "none.toml")
    assert result.exit_code == 1
    assert "none.toml" in result.output
