"""What an edited rule pack would change for whom, before it is released."""

import csv

import pytest
import time_machine
from sqlalchemy import func, select

from repair_app.db import db
from repair_app.engine.rules import RuleError
from repair_app.models import CreditRecord, Event
from repair_app.services import rule_impact
from repair_app.services.policy import current_policy
from tests.factories import act, initiate_sanction, make_case, make_record, open_matter
from tests.journeys.steps import in_days

SEEDS = "sd-seeds.toml"
SHORTER = (
    "[classes.serious]",
    '[classes.serious]\nmax_months = {value = 30, source = "REDRESS 试", grade = "choice"}',
)
SLOWER = ("repair_acceptance = {working_days = 3", "repair_acceptance = {working_days = 5")
ASKS_MORE = ('["commitment_letter", [', '["commitment_letter", "identity_proof", [')
IDENTITY = (
    "asked for as well: Identity statement of the legal representative, "
    "or power of attorney and the agent's ID"
)


def told(touched):
    """Return reference -> what would be otherwise, in English, with both values."""
    return {
        one.ref: [(shift.kind.en, shift.before, shift.after) for shift in one.shifts]
        for one in touched
    }


def counted(touched):
    """Return how many would differ in what, in English."""
    return {kind.en: number for kind, number in rule_impact.count(touched).items()}


def make_falsehood(world):
    """Return the record of a falsehood in a repair: entered by the system, of the gravest class."""
    repaired = make_record(world.firm, world.agency)
    make_case(world, "closed", workflow="repair", record=repaired)
    case = open_matter("revocation", repaired, world.provider)
    act(world.subject, "state_views", case)
    act(world.reviewer, "propose", case)
    act(world.second_reviewer, "sign", case)
    db.session.rollback()
    return db.session.scalars(
        select(CreditRecord).where(CreditRecord.decision_no == case.ref)
    ).one()


# --- live records ---


def test_a_shorter_period_tells_which_live_records_move_from_when_to_when(app, world, edit):
    serious = make_record(world.firm, world.agency, severity="serious")
    make_record(world.firm, world.agency)
    (found,) = rule_impact.foresee(edit(SEEDS, SHORTER))
    assert found.parts == ("repair",)
    ((ref, ((kind, before, after),)),) = told(found.records).items()
    assert (ref, kind) == (serious.ref, "maximum ends earlier")
    assert before == serious.max_publication_until.isoformat()
    assert after < before
    (one,) = found.records
    assert (one.title.zh, one.firm) == (serious.decision_no, world.firm.name)
    assert one.edition == "SD-SEEDS.2"
    assert found.cases == ()


def test_another_class_is_told_with_both(app, world, edit):
    """The first line that fits decides: a line before all others takes this record."""
    record = make_record(world.firm, world.agency)
    line = (
        '[[class_rules]]\ncode = "measures"\nclass = "serious"\nany_field_word = ["计量"]\n'
        'label = {zh = "计量", en = "Measures"}\nsource = "REDRESS 试"\ngrade = "choice"\n\n'
    )
    (found,) = rule_impact.foresee(edit(SEEDS, ("[[class_rules]]", line + "[[class_rules]]")))
    assert ("another class", "general", "serious") in told(found.records)[record.ref]


def test_the_record_of_a_falsehood_keeps_the_class_that_the_system_gave_it(app, world, edit):
    """Its words say nothing of its class: only what changes for its class changes for it."""
    falsehood = make_falsehood(world)
    assert falsehood.severity_class == "serious"
    (found,) = rule_impact.foresee(edit(SEEDS, SLOWER))
    assert found.records == ()
    (found,) = rule_impact.foresee(edit(SEEDS, SHORTER))
    assert counted(found.records) == {"maximum ends earlier": 1}
    assert list(told(found.records)) == [falsehood.ref]


def test_the_record_of_a_falsehood_is_public_to_its_last_day(world, anybody):
    """A general record would be over after a year; this one is of the longest publication."""
    falsehood = make_falsehood(world)
    with time_machine.travel(in_days(2 * 365), tick=False):
        assert anybody.get(f"/records/{falsehood.ref}").status_code == 200


# --- open cases ---


def test_a_longer_term_tells_for_which_open_cases_and_both_last_days(app, world, edit):
    waiting = make_case(world, "submitted", workflow="repair")
    make_case(world, "submitted")
    (found,) = rule_impact.foresee(edit(SEEDS, SLOWER))
    ((ref, ((kind, before, after),)),) = told(found.cases).items()
    assert ref == waiting.ref
    assert kind == "repair_acceptance (Credit repair: Submitted): 3 -> 5 working days"
    (term,) = [one for one in waiting.deadlines if one.clock == "repair_acceptance"]
    assert before == term.due_on.isoformat()
    assert after > before
    assert found.cases[0].edition == "SD-SEEDS.2"


def test_a_longer_term_tells_for_which_departments_it_runs(app, world, edit):
    sanction = initiate_sanction(
        make_record(world.firm, world.agency), world.provider, world.department
    )
    change = ("sanction_response = {working_days = 10", "sanction_response = {working_days = 15")
    found = {one.pack.id: one for one in rule_impact.foresee(edit("sd-supervision.toml", change))}
    ((ref, ((kind, before, after),)),) = told(found["SD-SUPERVISION"].measures).items()
    assert ref == sanction.ref
    assert kind.endswith("10 -> 15 working days")
    assert before < after


def test_a_term_of_a_requirement_tells_for_which_open_cases(app, world, edit):
    case = make_case(world, "draft", workflow="repair")
    change = (
        "requirement_commitment = {working_days = 10",
        "requirement_commitment = {working_days = 8",
    )
    found = {one.pack.id: one for one in rule_impact.foresee(edit("base-repair.toml", change))}
    ((ref, ((kind, *_),)),) = told(found["SD-SEEDS"].cases).items()
    assert ref == case.ref
    assert kind.endswith(": 10 -> 8 working days")


def test_a_further_material_tells_who_would_have_to_bring_it(app, world, edit):
    case = make_case(world, "submitted", workflow="repair")
    (found,) = rule_impact.foresee(edit(SEEDS, ASKS_MORE, ASKS_MORE))  # minor and general records
    assert told(found.cases) == {case.ref: [(IDENTITY, "", "identity_proof")]}
    assert told(found.records) == {case.record.ref: [(IDENTITY, "", "identity_proof")]}


def test_a_further_proof_tells_which_objections_it_would_have_served(app, world, edit):
    objection = make_case(world, "submitted", ground="error")
    make_case(world, "submitted", ground="omission")
    path = edit(
        "base-objection.toml",
        (
            '"decision", "agency_certificate", "screenshot"]',
            '"decision", "judgment", "screenshot"]',
        ),
    )
    found = {one.pack.id: one for one in rule_impact.foresee(path)}["SD-2020"]
    assert list(told(found.cases)) == [objection.ref]
    assert [(before, after) for _, before, after in told(found.cases)[objection.ref]] == [
        ("", "judgment"),
        ("agency_certificate", ""),
    ]


def test_a_term_of_objections_touches_no_repair(app, world, edit):
    objection = make_case(world, "submitted")
    make_case(world, "submitted", workflow="repair")
    change = ("working_days = 7", "working_days = 6")
    (found,) = rule_impact.foresee(edit("sd-2020.toml", change))
    assert counted(found.cases) == {
        "objection_whole (Objection, in all): 7 -> 6 working days": 1,
    }
    assert list(told(found.cases)) == [objection.ref]
    assert found.records == ()
    assert found.parts == ("objection",)


# --- what it does not do ---


def test_looking_ahead_writes_nothing_and_moves_nobody(app, world, edit):
    case = make_case(world, "submitted", workflow="repair")
    before = (case.rule_pack_hash, db.session.scalar(select(func.count(Event.id))))
    rule_impact.foresee(edit(SEEDS, SLOWER, SHORTER))
    db.session.refresh(case)
    assert (case.rule_pack_hash, db.session.scalar(select(func.count(Event.id)))) == before
    assert current_policy().pack_of(case).clocks["repair_acceptance"].working_days == 3
    assert not db.session.dirty


def test_a_remark_changes_nothing_for_anybody(app, world, edit):
    make_case(world, "submitted", workflow="repair")
    assert rule_impact.foresee(edit(SEEDS, ("[clocks]", "# a remark\n[clocks]"))) == ()


def test_a_change_below_tells_of_every_pack_that_is_built_on_it(app, world, edit):
    case = make_case(world, "draft", workflow="repair")
    change = ("draft_repair = {working_days = 30", "draft_repair = {working_days = 20")
    found = {one.pack.id: one for one in rule_impact.foresee(edit("base-repair.toml", change))}
    assert set(found) == {
        name for name, one in current_policy().packs.items() if "repair" in one.parts
    }
    assert list(told(found["SD-SEEDS"].cases)) == [case.ref]
    assert found["CN-2023-58"].cases == ()
    assert found["CN-2023-58"].parts == ()


def test_a_pack_that_is_not_on_file_concerns_nobody(app, edit):
    path = edit(SEEDS, ('"SD-SEEDS"', '"SD-NEW"'))
    with pytest.raises(RuleError, match="'SD-NEW' is not on file"):
        rule_impact.foresee(path)


# --- the command ---


def test_impact_says_what_changes_for_whom(run, world, edit):
    case = make_case(world, "submitted", workflow="repair")
    path = edit(SEEDS, SLOWER, ASKS_MORE, ASKS_MORE)
    result = run("rules", "diff", "--impact", path, "--lang", "en")
    assert result.exit_code == 0, result.output
    assert (
        "  1 repair_acceptance (Credit repair: Submitted): 3 -> 5 working days\n" in result.output
    )
    assert f"  1 {IDENTITY}\n" in result.output
    assert f"  - {case.ref} Submitted {world.firm.name} (keeps SD-SEEDS.2)\n" in result.output
    assert f"  - {case.record.ref} {case.record.decision_no} {world.firm.name}" in result.output
    assert "nothing changes for it" in result.output
    assert "what begins goes by it in: Publication and repair." in result.output
    assert "Nothing was written." in result.output


def test_impact_speaks_chinese_unless_told(run, world, edit):
    make_case(world, "submitted", workflow="repair")
    output = run("rules", "diff", "--impact", edit(SEEDS, SLOWER)).output
    assert "  1 repair_acceptance（信用修复：待受理）：3 -> 5个工作日\n" in output
    assert "（仍适用SD-SEEDS.2）" in output
    assert "没有写入任何数据。" in output


def test_a_long_list_ends_with_how_many_more_and_the_file_has_all(run, world, edit, tmp_path):
    records = [make_record(world.firm, world.agency, severity="serious") for _ in range(3)]
    table = tmp_path / "impact.csv"
    change = edit(SEEDS, SHORTER)
    result = run("rules", "diff", "--impact", change, "--limit", 1, "--csv", table, "--lang", "en")
    assert result.exit_code == 0, result.output
    assert "… and 2 more" in result.output
    rows = list(csv.DictReader(table.read_text("utf-8-sig").splitlines()))
    assert [row["ref"] for row in rows] == [one.ref for one in records]
    assert {row["before"] for row in rows} == {
        records[0].max_publication_until.isoformat(),
    }


def test_a_file_that_cannot_be_written_is_told(run, edit, tmp_path):
    result = run(
        "rules", "diff", "--impact", edit(SEEDS, SLOWER), "--csv", tmp_path / "no" / "a.csv"
    )
    assert result.exit_code == 1
    assert "a.csv" in result.output


# A mistake of each kind: where it is, and what would do instead.
MISTAKES = {
    "unknown key": (
        ("repair_whole", "repair_hole"),
        ["sd-seeds.toml: clocks.repair_hole: is not known here; did you mean"],
    ),
    "wrong type": (
        ("repair_acceptance = {working_days = 3", 'repair_acceptance = {working_days = "3"'),
        ["sd-seeds.toml: clocks.repair_acceptance.working_days: ", "whole number"],
    ),
    "wrong date": (
        ("valid_from = 2019-07-01", "valid_from = 2019-13-01"),
        ["sd-seeds.toml: ", "line 8"],
    ),
    "unknown material": (
        ('["commitment_letter", [', '["comitment_letter", ['),
        ["sd-seeds.toml: classes.minor.checklist", "did you mean 'commitment_letter'"],
    ),
    "the same twice": (
        ("[classes.general]", "[classes.minor]"),
        ["sd-seeds.toml: ", "line 34"],
    ),
}


@pytest.mark.parametrize("kind", sorted(MISTAKES))
def test_a_mistake_in_an_edited_file_is_told_with_place_and_mend(run, edit, kind):
    change, words = MISTAKES[kind]
    result = run("rules", "diff", "--impact", edit(SEEDS, change))
    assert result.exit_code == 1
    for word in words:
        assert word in result.output, result.output


def test_a_file_that_is_not_there_is_named(run, tmp_path):
    result = run("rules", "diff", "--impact", tmp_path / "none.toml")
    assert result.exit_code == 1
    assert "none.toml" in result.output
