"""Each regime's numbers, by hand; which pack applies when; how one pack builds on another."""

import shutil
from collections.abc import Callable
from dataclasses import replace
from datetime import date, timedelta
from decimal import Decimal
from pathlib import Path

import pytest

from repair_app.engine.assessment import assess_record
from repair_app.engine.effects.publication import _gravest_class
from repair_app.engine.rules import (
    CLOCKS_OF,
    RuleError,
    RulePack,
    check_profile,
    load_library,
    load_profiles,
    select_pack,
)
from repair_app.models import CreditRecord

WORKFLOWS = Path(__file__).parents[2] / "workflows"
RULES = WORKFLOWS / "rules"
LIBRARY = load_library(RULES)
PACKS = LIBRARY.current
PROFILES = load_profiles(RULES / "profiles.toml")


# --- classes and periods -------------------------------------------------------------------


@pytest.mark.parametrize(
    ("pack", "name", "published", "minimum", "maximum", "anchor", "repairable"),
    [
        ("CN-2019-527", "general", True, 3, 12, "decided_on", True),
        ("CN-2019-527", "serious", True, 6, 36, "decided_on", True),
        ("CN-2019-527", "specific_serious", True, None, 36, "decided_on", False),
        ("CN-2023-58", "general", True, 3, 36, "decided_on", True),
        ("CN-2023-58", "vital", True, 12, 36, "decided_on", True),
        ("CN-2026-36", "minor", False, None, 3, "decided_on", True),
        ("CN-2026-36", "general", True, 3, 12, "decided_on", True),
        ("CN-2026-36", "serious", True, 12, 36, "decided_on", True),
        ("CN-SAMR-2021", "minor", True, None, 3, "publicised_on", False),
        ("CN-SAMR-2021", "general", True, 6, 36, "publicised_on", True),
        ("CN-SAMR-2021", "vital", True, 12, 36, "publicised_on", True),
        ("CN-SAMR-2021", "serious", True, None, 36, "publicised_on", False),
        ("CN-SAMR-2025", "minor", True, None, 3, "publicised_on", False),
        ("CN-SAMR-2025", "general", True, 3, 12, "publicised_on", True),
        ("CN-SAMR-2025", "serious", True, 12, 36, "publicised_on", True),
        ("SD-SEEDS", "general", True, 3, 12, "decided_on", True),
        ("SD-SEEDS", "serious", True, 6, 36, "decided_on", True),
        ("SD-SEEDS", "specific_serious", True, None, 36, "decided_on", False),
    ],
)
def test_each_regime_has_its_own_periods(
    pack: str,
    name: str,
    minimum: int | None,
    maximum: int,
    anchor: str,
    *,
    published: bool,
    repairable: bool,
) -> None:
    severity = PACKS[pack].classes[name]
    assert severity.published is published
    assert (severity.min_months, severity.max_months) == (minimum, maximum)
    assert severity.anchor == anchor
    assert severity.repairable is repairable


@pytest.mark.parametrize("pack", ["CN-SAMR-2021", "CN-SAMR-2025"])
def test_a_warning_of_a_market_regulator_is_never_published(pack: str) -> None:
    """市场监管总局令第45号: 仅受到警告行政处罚的不予公示; Order 107 likewise (press)."""
    name, _ = PACKS[pack].classify(["warning"], "未按规定标价", None)
    assert not PACKS[pack].classes[name].published


@pytest.mark.parametrize(
    "pack", [one for one in PACKS.values() if "repair" in one.parts], ids=lambda one: one.id
)
def test_a_falsehood_is_shown_for_three_years_and_could_itself_be_repaired(pack: RulePack) -> None:
    """违诺的按最长公示期公示; of a class that is never repaired it would be beyond its bar."""
    severity = pack.classes[_gravest_class(pack)]
    assert (severity.published, severity.repairable, severity.max_months) == (True, True, 36)


@pytest.mark.parametrize(
    ("fingerprint", "name"),
    [("CH-2026-000001-7", "serious"), ("5f" * 32, "general"), (None, "general")],
)
def test_what_the_system_recorded_itself_keeps_the_class_that_it_was_given(
    fingerprint: str | None, name: str
) -> None:
    """A falsehood has the gravest class, whatever its words say; the row of a file has not."""
    record = CreditRecord(
        fingerprint=fingerprint,
        severity_class="serious",
        penalty_categories=["fine"],
        violation_type="未按规定标价",
        violation_facts="未按规定标价。",
        legal_basis="《价格法》",
        penalty_content="罚款",
        decided_on=date(2026, 1, 5),
        fine_10k=Decimal(2),
    )
    assert assess_record(PACKS["SD-SEEDS"], record).severity == name


@pytest.mark.parametrize(
    ("decided", "pack", "name", "minimum", "maximum"),
    [
        # 民法典 201-202: the corresponding day, or the month's end where there is none.
        (date(2025, 11, 30), "CN-2026-36", "general", date(2026, 2, 28), date(2026, 11, 30)),
        (date(2023, 11, 30), "CN-2019-527", "general", date(2024, 2, 29), date(2024, 11, 30)),
        (date(2025, 8, 31), "CN-2019-527", "serious", date(2026, 2, 28), date(2028, 8, 31)),
        (date(2024, 2, 29), "CN-2023-58", "vital", date(2025, 2, 28), date(2027, 2, 28)),
    ],
)
def test_periods_end_on_the_month_end_where_the_day_is_missing(
    decided: date, pack: str, name: str, minimum: date, maximum: date
) -> None:
    found = PACKS[pack].publication(name, decided_on=decided)
    assert (found.min_until, found.max_until) == (minimum, maximum)


@pytest.mark.parametrize(
    ("pack", "categories", "text", "fine", "expected"),
    [
        ("CN-2023-58", ["fine"], "生产不符合标准的食品", 5, "vital"),
        ("CN-2023-58", ["fine"], "未按规定报送统计资料", 5, "general"),
        ("CN-2023-58", ["warning"], "生产不符合标准的食品", 0, "minor"),
        ("CN-SAMR-2021", ["licence_revocation"], "发布虚假广告", 0, "serious"),
        ("CN-SAMR-2021", ["fine"], "特种设备未经检验", 5, "vital"),
        ("CN-SAMR-2021", ["criticism"], "未按规定标价", 0, "minor"),
        ("CN-SAMR-2025", ["fine"], "已列入严重违法失信名单", 5, "serious"),
        ("CN-2019-527", ["warning"], "未按规定报送统计资料", 0, "general"),
    ],
)
def test_each_regime_classes_in_its_own_way(
    pack: str, categories: list[str], text: str, fine: int, expected: str
) -> None:
    assert PACKS[pack].classify(categories, text, Decimal(fine))[0] == expected


def test_the_second_edition_of_the_seeds_classes_and_dates_as_the_first_did() -> None:
    first = next(
        one for one in LIBRARY.editions.values() if one.id == "SD-SEEDS" and one.edition == 1
    )
    second = PACKS["SD-SEEDS"]
    assert second.edition == 2
    assert second.class_rules == first.class_rules
    assert {
        name: (one.published, one.min_months, one.max_months, one.anchor, one.requirements)
        for name, one in second.classes.items()
    } == {
        name: (one.published, one.min_months, one.max_months, one.anchor, one.requirements)
        for name, one in first.classes.items()
    }
    assert (second.negations, second.denials, second.conditions, second.limit) == (
        first.negations,
        first.denials,
        first.conditions,
        first.limit,
    )


# --- repair --------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("pack", "decider", "bar"),
    [
        ("CN-2019-527", "reviewer", None),  # the credit site itself decided
        ("CN-2023-58", "provider", None),
        ("CN-2026-36", "provider", 36),  # who recognised, repairs; the length is remembered
        ("CN-SAMR-2021", "provider", None),
        ("CN-SAMR-2025", "provider", None),
        ("SD-SEEDS", "reviewer", 36),
    ],
)
def test_who_decides_and_how_long_a_falsehood_bars(
    pack: str, decider: str, bar: int | None
) -> None:
    found = PACKS[pack].repair
    assert (found.decider, found.bar_months) == (decider, bar)
    assert found.falsehood_resumes_to == "maximum"
    assert found.fee == "none"
    assert found.individuals_by_public_service


def test_the_bar_of_order_36_says_that_its_length_is_remembered() -> None:
    assert PACKS["CN-2026-36"].repair.sources["bar_months"].grade == "recall"


@pytest.mark.parametrize(
    ("pack", "whole", "extension"),
    [
        ("CN-2023-58", 10, None),
        ("CN-2026-36", 10, 10),
        ("CN-SAMR-2021", 15, None),
        ("CN-SAMR-2025", 7, None),
    ],
)
def test_terms_of_repair(pack: str, whole: int, extension: int | None) -> None:
    found = PACKS[pack]
    assert found.clocks["repair_whole"].working_days == whole
    assert (found.repair.extension is not None) is (extension is not None)
    if found.repair.extension is not None:
        assert found.clocks["repair_extension"].working_days == extension
        assert found.repair.extension.notice_before


COMMITMENT, LICENCE = {"commitment_letter"}, {"registration_certificate"}
PERFORMED = {"performance_receipt", "agency_certificate"}
FORM = {"repair_form"}
SCHOOLED = [{"training_certificate"}, {"credit_report"}]


@pytest.mark.parametrize(
    ("pack", "name", "categories", "groups"),
    [
        ("CN-2019-527", "general", ["fine"], [COMMITMENT, LICENCE, PERFORMED | FORM]),
        (
            "CN-2019-527",
            "general",
            ["warning"],
            [COMMITMENT, LICENCE, PERFORMED | FORM | {"own_statement"}],
        ),
        ("CN-2019-527", "serious", ["fine"], [COMMITMENT, LICENCE, PERFORMED, FORM, *SCHOOLED]),
        ("CN-2019-527", "specific_serious", ["licence_revocation"], []),
        ("CN-2023-58", "vital", ["fine"], [COMMITMENT, PERFORMED | FORM, {"identity_proof"}]),
        ("CN-2026-36", "serious", ["fine"], [COMMITMENT, PERFORMED]),
        ("CN-2026-36", "minor", ["warning"], [COMMITMENT, PERFORMED | {"own_statement"}]),
        ("SD-SEEDS", "general", ["fine"], [COMMITMENT, PERFORMED | FORM]),
        ("SD-SEEDS", "serious", ["fine"], [COMMITMENT, PERFORMED | FORM, *SCHOOLED]),
    ],
)
def test_materials_are_all_of_some_groups_and_any_one_of_each(
    pack: str, name: str, categories: list[str], groups: list[set[str]]
) -> None:
    found = PACKS[pack].checklist(name, categories)
    assert [{one.code for one in group} for group in found] == groups


def test_what_is_still_missing_is_said_with_how_to_get_it() -> None:
    pack = PACKS["SD-SEEDS"]
    brought = ["commitment_letter", "agency_certificate", "credit_report"]
    (group,) = pack.missing_materials("serious", ["fine"], brought)
    (material,) = group
    assert material.code == "training_certificate"
    assert material.requirement == "training"
    assert material.how_to_get.zh
    assert material.how_to_get.en


def test_an_own_statement_serves_after_a_warning_only() -> None:
    pack, brought = PACKS["CN-2026-36"], ["commitment_letter", "own_statement"]
    assert pack.missing_materials("minor", ["warning"], brought) == ()
    assert len(pack.missing_materials("general", ["warning", "fine"], brought)) == 1


def test_public_service_is_weighed_and_never_asked_for() -> None:
    """鲁信用办〔2021〕5号 （八）: 将参与社会公益活动、志愿服务等行为作为参考因素."""
    minor = PACKS["SD-SEEDS"].classes["minor"]
    assert minor.factors == ("public_service",)
    for pack in PACKS.values():
        for one in pack.classes.values():
            assert "public_service" not in one.requirements


def test_the_other_reading_of_the_serious_tier_is_one_word_in_the_file(edit: "Edit") -> None:
    """国办发〔2019〕35号 四（十三） lists them as ways; SD-DRC-35 四（十五） asks for all."""
    assert PACKS["SD-SEEDS"].classes["serious"].reading == "all"
    folder = edit("sd-seeds", '{value = "all"', '{value = "any"')
    assert load_library(folder).current["SD-SEEDS"].classes["serious"].reading == "any"
    (conflict,) = [one for one in PACKS["SD-SEEDS"].conflicts if one.code == "serious_requirements"]
    assert "四项" in conflict.chosen.zh
    assert "等方式" in conflict.other.zh


# --- objections ----------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("pack", "own_check", "verification", "whole", "extension"),
    [
        ("SD-2020", 3, 3, 7, None),
        ("SH-2017", 5, 5, 9, None),
        ("HA-2019", 3, 3, 7, None),
        ("ZJ-2017", 5, 1, 5, 15),
        ("SZ-2023", 1, 2, 3, 3),
        ("TZ-2020", 2, 5, 9, None),
        ("GZ-GUIDE", 2, 10, 14, None),
        ("CN-2025-22", 3, 7, 11, None),
    ],
)
def test_each_province_has_its_own_terms(
    pack: str, own_check: int, verification: int, whole: int, extension: int | None
) -> None:
    found = PACKS[pack]
    days = [
        found.clocks[f"objection_{name}"].working_days
        for name in ("own_check", "verification", "whole")
    ]
    assert days == [own_check, verification, whole]
    assert (found.objection.extension is not None) is (extension is not None)
    if extension is not None:
        assert found.clocks["objection_extension"].working_days == extension


@pytest.mark.parametrize(
    ("pack", "display", "unverified", "review"),
    [
        ("SD-2020", "marked", "stop_publication", "superior_centre"),
        ("SH-2017", "marked", "stop_publication", "superior_centre"),
        ("ZJ-2017", "marked", "stop_publication", "lead_department"),
        ("SZ-2023", "marked", "stop_publication", "reconsideration_or_suit"),
        ("TZ-2020", "suspended", "stop_publication", "superior_centre"),
    ],
)
def test_what_is_shown_meanwhile_and_what_follows(
    pack: str, display: str, unverified: str, review: str
) -> None:
    found = PACKS[pack].objection
    assert found.display_while_verified == display
    assert found.unverified == unverified
    assert found.review_by == review


def test_what_was_read_and_what_was_chosen_is_told_apart() -> None:
    """Taizhou's own rule on what cannot be verified was read; Shandong has none: a choice."""
    assert PACKS["TZ-2020"].objection.sources["unverified"].grade == "read"
    assert PACKS["SD-2020"].objection.sources["unverified"].grade == "choice"
    assert PACKS["HA-2019"].objection.sources["not_counted"].grade == "read"
    assert PACKS["SD-2020"].objection.sources["not_counted"].grade == "choice"


@pytest.mark.parametrize("pack", [one for one in PACKS.values() if "objection" in one.parts])
def test_reconsideration_or_suit_is_shown_by_the_acceptance_notice(pack: RulePack) -> None:
    """国家公共信用信息中心 2021-12-28."""
    assert pack.grounds["under_review"].any_of == ("acceptance_notice",)
    assert {"CORRECTED", "COMPLETED", "DELETED", "REJECTED", "UNVERIFIED"} <= set(pack.outcomes)
    assert not pack.outcomes["REJECTED"].upheld


# --- which pack applies when ---------------------------------------------------------------


@pytest.mark.parametrize("name", PROFILES)
def test_every_profile_names_packs_that_are_there_and_in_force(name: str) -> None:
    check_profile(PROFILES[name], PACKS)
    assert set(PROFILES[name].parts) == set(CLOCKS_OF)


@pytest.mark.parametrize(
    ("profile", "day", "expected"),
    [
        ("national", date(2019, 7, 1), "CN-2019-527"),
        ("national", date(2023, 4, 30), "CN-2019-527"),
        ("national", date(2023, 5, 1), "CN-2023-58"),
        ("national", date(2026, 3, 31), "CN-2023-58"),
        ("national", date(2026, 4, 1), "CN-2026-36"),
        ("market_regulator", date(2021, 9, 1), "CN-SAMR-2021"),
        ("market_regulator", date(2025, 12, 24), "CN-SAMR-2021"),
        ("market_regulator", date(2025, 12, 25), "CN-SAMR-2025"),
        ("shanghai", date(2026, 4, 1), "CN-2026-36"),
        ("seeds", date(2015, 1, 1), "SD-SEEDS"),
        ("seeds", date(2030, 1, 1), "SD-SEEDS"),
    ],
)
def test_the_pack_of_repair_changes_on_the_day_of_the_law(
    profile: str, day: date, expected: str
) -> None:
    decided = day - timedelta(days=400)
    found = select_pack(PROFILES[profile], PACKS, "repair", decided_on=decided, applied_on=day)
    assert found.id == expected


@pytest.mark.parametrize(
    ("decided", "expected"),
    [
        (date(2015, 1, 1), "CN-2019-527"),
        (date(2023, 4, 30), "CN-2019-527"),
        (date(2023, 5, 1), "CN-2023-58"),
        (date(2026, 3, 31), "CN-2023-58"),
        (date(2026, 4, 1), "CN-2026-36"),
    ],
)
def test_a_profile_may_go_by_the_day_of_the_decision(decided: date, expected: str) -> None:
    profile = PROFILES["national_by_decision"]
    applied = date(2026, 11, 21)
    found = select_pack(profile, PACKS, "repair", decided_on=decided, applied_on=applied)
    assert found.id == expected


@pytest.mark.parametrize(
    ("profile", "expected"),
    [
        ("seeds", "SD-2020"),
        ("national", "SD-2020"),
        ("order_36", "CN-2025-22"),
        ("shanghai", "SH-2017"),
        ("henan", "HA-2019"),
        ("zhejiang", "ZJ-2017"),
        ("shenzhen", "SZ-2023"),
        ("taizhou", "TZ-2020"),
        ("guangzhou", "GZ-GUIDE"),
    ],
)
def test_objections_and_supervision_have_packs_of_their_own(profile: str, expected: str) -> None:
    day = date(2026, 11, 21)
    found = select_pack(PROFILES[profile], PACKS, "objection", decided_on=day, applied_on=day)
    assert found.id == expected
    found = select_pack(PROFILES[profile], PACKS, "supervision", decided_on=day, applied_on=day)
    assert found.id == "SD-SUPERVISION"


def test_a_day_before_every_pack_is_refused() -> None:
    day = date(2015, 1, 1)
    with pytest.raises(RuleError, match=r"national\.repair: no rule pack on 2015-01-01"):
        select_pack(PROFILES["national"], PACKS, "repair", decided_on=day, applied_on=day)


def test_a_pack_that_is_not_there_is_named_with_the_one_that_may_be_meant() -> None:
    """A profile that was not checked when it was read."""
    part = PROFILES["seeds"].parts["repair"]
    gone = replace(part, spans=(replace(part.spans[-1], pack="SD-SEED"),))
    profile = replace(PROFILES["seeds"], parts={"repair": gone})
    day = date(2026, 7, 1)
    with pytest.raises(RuleError, match=r"unknown rule pack 'SD-SEED'.*SD-SEEDS"):
        select_pack(profile, PACKS, "repair", decided_on=day, applied_on=day)


PROFILE_MISTAKES = [
    ('by     = "fixed"', 'by     = "moon"', r"seeds\.repair\.by: unknown 'moon'; known: applic"),
    ('[{pack = "SD-SEEDS"}]', "[]", r"seeds\.repair\.packs: is no list of tables"),
    (
        '[{pack = "SD-SEEDS"}]',
        '[{pack = "SD-SEEDS"}, {pack = "CN-2026-36"}]',
        r"seeds\.repair\.packs: a fixed profile has one",
    ),
    ('[{pack = "SD-SEEDS"}]', '[{pack = "SD-SEED"}]', "'SD-SEED'; did you mean 'SD-SEEDS'"),
    ('[{pack = "SD-SEEDS"}]', '[{pack = "SD-2020"}]', "SD-2020 regulates objection, not repair"),
    ('[{pack = "SD-SEEDS"}]', '[{pack = "SD-SEEDS", from = 2020-01-01}]', "1.from: is not known"),
    ("from = 2026-04-01", "from = 2019-07-01", r"national\.repair\.packs: are not in order"),
    ("from = 2026-04-01", 'from = "2026-04-01"', r"packs\.3\.from: is no date"),
    ("from = 2026-04-01", "from = 2026-04-01T08:00:00", r"packs\.3\.from: is no date"),
    ("from = 2026-04-01", "from = 2026-03-01", "CN-2026-36 is in force from 2026-04-01 only"),
    ('extends = "seeds"', 'extends = "seed"', "unknown profile 'seed'; did you mean 'seeds'"),
    ('extends = "seeds"', 'extends = "shanghai"', "goes round in a circle"),
    ("[seeds.repair]", 'extend = "national"\n[seeds.repair]', "known here; did you mean 'extends'"),
    ("[seeds.supervision]", "[seeds.oversight]", r"seeds\.supervision: is missing"),
    (", from = 2026-04-01}", "}", r"packs\.3\.from: is missing"),
]


def check_profiles(path: Path) -> None:
    for one in load_profiles(path).values():
        check_profile(one, PACKS)


@pytest.mark.parametrize(("old", "new", "problem"), PROFILE_MISTAKES)
def test_a_profile_that_does_not_hold_together_is_refused_with_its_place(
    tmp_path: Path, old: str, new: str, problem: str
) -> None:
    path = tmp_path / "profiles.toml"
    text = (RULES / "profiles.toml").read_text(encoding="utf-8")
    assert old in text
    path.write_text(text.replace(old, new, 1), encoding="utf-8")
    with pytest.raises(RuleError, match=rf"profiles\.toml: .*{problem}"):
        check_profiles(path)


def test_a_missing_file_of_profiles_is_refused_by_name(tmp_path: Path) -> None:
    with pytest.raises(RuleError, match=r"profiles\.toml: file"):
        load_profiles(tmp_path / "profiles.toml")


# --- editions, and one pack built on another -----------------------------------------------

Edit = Callable[[str, str, str], Path]


@pytest.fixture
def edit(tmp_path: Path) -> Edit:
    """Return a function that copies the packs, replaces a text of one, and gives the folder."""
    folder = Path(shutil.copytree(RULES, tmp_path / "rules"))

    def edited(name: str, old: str, new: str) -> Path:
        path = folder / f"{name}.toml"
        text = path.read_text(encoding="utf-8")
        assert old in text
        path.write_text(text.replace(old, new, 1), encoding="utf-8")
        return folder

    return edited


def stated_in(pack: RulePack, key: str) -> str:
    return next(one.stated_in for one in pack.stated if one.key == key)


def test_a_pack_says_which_values_are_its_own_and_which_it_takes_over() -> None:
    pack = PACKS["SD-SEEDS"]
    assert stated_in(pack, "classes.serious.requirements") == "SD-SEEDS"
    assert stated_in(pack, "classes.serious.max_months") == "CN-2019-527"
    assert stated_in(pack, "clocks.draft_repair") == "REDRESS-REPAIR"


def test_a_change_below_reaches_what_is_built_on_it_and_changes_its_hash(edit: Edit) -> None:
    folder = edit(
        "base-repair", "draft_repair = {working_days = 30", "draft_repair = {working_days = 31"
    )
    found = load_library(folder).current
    assert found["SD-SEEDS"].clocks["draft_repair"].working_days == 31
    assert found["SD-SEEDS"].sha256 != PACKS["SD-SEEDS"].sha256
    assert found["SD-2020"].sha256 == PACKS["SD-2020"].sha256


def test_a_value_stated_above_is_taken_whole_with_its_source(edit: Edit) -> None:
    """A number of one pack never stands beside the source of another."""
    folder = edit(
        "sd-seeds",
        "[clocks]",
        '[clocks]\ndraft_repair = {working_days = 9, source = "REDRESS 试", grade = "choice"}',
    )
    clock = load_library(folder).current["SD-SEEDS"].clocks["draft_repair"]
    assert (clock.working_days, clock.source) == (9, "REDRESS 试")


def test_an_edition_may_build_on_an_edition(edit: Edit) -> None:
    """Then a later edition below changes nothing above."""
    folder = edit("sd-seeds", '"CN-2019-527"', '"CN-2019-527.1"')
    same = load_library(folder).current["SD-SEEDS"]
    assert same.sha256 == PACKS["SD-SEEDS"].sha256
    (folder / "cn-2019-527.toml").rename(folder / "released" / "cn-2019-527.1.toml")
    text = (folder / "released" / "cn-2019-527.1.toml").read_text(encoding="utf-8")
    newer = text.replace("valid_from", "edition = 2\nvalid_from", 1).replace(
        "max_months   = {value = 36", "max_months   = {value = 30"
    )
    (folder / "cn-2019-527.toml").write_text(newer, encoding="utf-8")
    found = load_library(folder)
    assert found.current["CN-2019-527"].classes["serious"].max_months == 30
    assert found.current["SD-SEEDS"].sha256 == PACKS["SD-SEEDS"].sha256


def test_a_foundation_is_never_chosen() -> None:
    assert set(LIBRARY.foundations) == {"REDRESS-REPAIR", "REDRESS-OBJECTION"}
    assert not set(LIBRARY.foundations) & set(PACKS)


def test_an_earlier_edition_stays_for_its_cases_and_need_not_know_of_later_terms() -> None:
    first = [one for one in LIBRARY.editions.values() if one.edition == 1 and one.id == "SD-SEEDS"]
    assert [one.release for one in first] == ["SD-SEEDS"]
    assert "objection_whole" not in first[0].clocks
    with pytest.raises(RuleError, match="SD-SEEDS does not say who decides"):
        _ = first[0].repair


CORRECTING = {"error", "omission", "differs_from_source"}  # another value is the answer to these


@pytest.mark.parametrize("one", LIBRARY.editions.values(), ids=lambda one: one.release)
def test_which_grounds_ask_for_a_correction_is_said_since_the_second_edition(one: RulePack) -> None:
    asks = {code for code, ground in one.grounds.items() if ground.corrects}
    assert asks == (CORRECTING if one.parts == {"objection"} and one.edition > 1 else set())


@pytest.mark.parametrize("name", sorted(one for one in PACKS if PACKS[one].parts == {"objection"}))
def test_the_second_edition_of_the_objections_says_else_what_the_first_did(name: str) -> None:
    first = next(one for one in LIBRARY.editions.values() if (one.id, one.edition) == (name, 1))
    second = PACKS[name]
    assert second.edition == 2
    assert (second.clocks, second.objection, second.outcomes, second.refusals) == (
        first.clocks, first.objection, first.outcomes, first.refusals
    )  # fmt: skip
    plain = {code: replace(one, corrects=False) for code, one in second.grounds.items()}
    assert plain == first.grounds


def test_a_draft_takes_the_place_of_the_current_pack(tmp_path: Path) -> None:
    draft = tmp_path / "draft.toml"
    text = (RULES / "sd-2020.toml").read_text(encoding="utf-8")
    draft.write_text(text.replace("working_days = 7", "working_days = 6"), encoding="utf-8")
    found = load_library(RULES, draft=draft).current
    assert found["SD-2020"].clocks["objection_whole"].working_days == 6
    assert found["SD-2020"].file == "draft.toml"
