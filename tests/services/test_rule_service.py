"""The rule packs before people: lists and comparisons."""

import pytest

from repair_app.engine.rules import RuleError
from repair_app.services import rules
from repair_app.services.policy import current_policy

SEEDS = "sd-seeds.toml"
SLOWER = ("repair_acceptance = {working_days = 3", "repair_acceptance = {working_days = 5")


# --- what is on file -----------------------------------------------------------------------


def test_the_packs_in_force_come_first_and_earlier_editions_last(app):
    listed = rules.list_packs()
    assert {one.pack.id for one in listed[:3]} == {"SD-SEEDS", "SD-2020", "SD-SUPERVISION"}
    assert [part for one in listed for part in one.in_force] == [
        "objection",
        "repair",
        "supervision",
    ]
    earlier = [place for place, one in enumerate(listed) if not one.is_current]
    assert earlier == list(range(len(rules.current_policy().packs), len(listed)))
    assert {"CN-2026-36", "SD-SEEDS", "SD-2020"} <= {
        listed[place].pack.release for place in earlier
    }


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


@pytest.mark.parametrize(
    ("lang", "days", "differ"),
    [("zh", "%s个工作日", "1处不同。"), ("en", "%s working days", "1 values differ.")],
)
def test_diff_compares_an_edited_file_with_the_current_pack(run, edit, lang, days, differ):
    result = run("rules", "diff", edit(SEEDS, SLOWER), "--lang", lang)
    assert result.exit_code == 0, result.output
    assert f"clocks.repair_acceptance\n  - {days % 3} " in result.output
    assert f"\n  + {days % 5} " in result.output
    assert differ in result.output


def test_diff_tells_a_change_of_the_other_language_too(run, edit):
    """What is read in Chinese looks the same: then both languages are shown."""
    path = edit(SEEDS, ('en = "Minor"', 'en = "Slight"'))
    result = run("rules", "diff", path, "--lang", "zh")
    assert "轻微失信 / Minor" in result.output
    assert "轻微失信 / Slight" in result.output
