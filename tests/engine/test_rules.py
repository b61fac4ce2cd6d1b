"""The rule packs say what the policy says, and a pack that does not hold together is refused."""

import time
import tomllib
from collections.abc import Callable
from datetime import date
from decimal import Decimal
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from repair_app.engine.assessment import assess
from repair_app.engine.rules import (
    CLOCKS,
    GRADES,
    REQUIREMENTS,
    RuleError,
    RulePack,
    load_packs,
    load_profiles,
    select_pack,
)
from repair_app.penalty_format import Category

WORKFLOWS = Path(__file__).parents[2] / "workflows"
RULES = WORKFLOWS / "rules"
PACKS = load_packs(RULES)
PROFILES = load_profiles(RULES / "profiles.toml")
SEEDS = PACKS["SD-SEEDS"]
ORDER_36 = PACKS["CN-2026-36"]

both_packs = pytest.mark.parametrize("pack", PACKS.values(), ids=PACKS)
DAYS = st.dates(date(2015, 1, 1), date(2035, 12, 31))
unhurried = settings(deadline=None)  # a busy machine is no failure


# --- classes and periods ------------------------------------------------------------------


@pytest.mark.parametrize(
    ("name", "minimum", "maximum"),
    [
        ("minor", 3, 12),
        ("general", 3, 12),
        ("serious", 6, 36),
        ("specific_serious", None, 36),
    ],
)
def test_periods_of_the_seeds_are_those_of_the_2019_notice(
    name: str, minimum: int | None, maximum: int
) -> None:
    """发改办财金〔2019〕527号 一: 3 months to 1 year; 6 months to 3 years; 3 years in full."""
    severity = SEEDS.classes[name]
    assert (severity.min_months, severity.max_months) == (minimum, maximum)
    assert severity.anchor == "decided_on"


@pytest.mark.parametrize(
    ("name", "published", "minimum", "maximum"),
    [("minor", False, None, 3), ("general", True, 3, 12), ("serious", True, 12, 36)],
)
def test_periods_of_order_36_are_three_months_one_year_and_three_years(
    name: str, *, published: bool, minimum: int | None, maximum: int
) -> None:
    """NDRC Order 36, as the press reports it; minor records are not published in principle."""
    severity = ORDER_36.classes[name]
    assert severity.published is published
    assert (severity.min_months, severity.max_months) == (minimum, maximum)


@pytest.mark.parametrize(
    ("name", "requirements"),
    [
        ("general", {"rectification", "commitment"}),
        ("serious", {"rectification", "commitment", "training", "credit_report"}),
    ],
)
def test_a_serious_record_needs_training_and_a_report_on_top(
    name: str, requirements: set[str]
) -> None:
    """山东省发展改革委贯彻国办发〔2019〕35号文件的意见 四（十五）."""
    assert set(SEEDS.classes[name].requirements) == requirements


def test_a_specific_serious_record_is_not_repaired_and_says_by_which_clause() -> None:
    """…四（十五）: 对于特定严重失信市场主体……不予修复."""
    severity = SEEDS.classes["specific_serious"]
    assert not severity.repairable
    assert severity.requirements == ()
    assert "四（十五）" in severity.basis.zh


def test_public_interest_work_is_never_a_condition() -> None:
    """鲁信用办〔2021〕5号 （八）: 将参与社会公益活动、志愿服务等行为作为参考因素."""
    assert set(SEEDS.classes["minor"].requirements) == {"rectification", "commitment"}


def test_order_36_asks_for_proof_and_commitment_only() -> None:
    """国办发〔2025〕22号 and Order 36 reduce the material to proof and commitment."""
    for severity in ORDER_36.classes.values():
        assert severity.repairable
        assert set(severity.requirements) == {"rectification", "commitment"}


def test_periods_end_on_the_corresponding_day_or_the_end_of_the_month() -> None:
    """民法典 201-202: 2025-11-30 and three months is 2026-02-28."""
    publication = SEEDS.publication("general", decided_on=date(2025, 11, 30))
    assert publication.min_until == date(2026, 2, 28)
    assert publication.max_until == date(2026, 11, 30)


def test_both_packs_count_from_the_decision_not_from_its_publication() -> None:
    """发改办财金〔2019〕527号 一: 自行政处罚决定之日起."""
    for pack in PACKS.values():
        publication = pack.publication(
            "general", decided_on=date(2025, 3, 1), publicised_on=date(2025, 3, 12)
        )
        assert publication.max_until == date(2026, 3, 1)


def test_a_minor_record_under_order_36_is_kept_three_months_without_publication() -> None:
    publication = ORDER_36.publication("minor", decided_on=date(2026, 5, 10))
    assert not publication.published
    assert publication.min_until is None
    assert publication.max_until == date(2026, 8, 10)


def test_no_record_is_shown_longer_than_five_years_after_its_conduct_ended() -> None:
    """《山东省社会信用条例》第三十八条; where notice and Regulations differ, the shorter wins."""
    publication = SEEDS.publication(
        "serious", decided_on=date(2024, 6, 1), conduct_ended_on=date(2020, 1, 31)
    )
    assert publication.max_until == date(2025, 1, 31)


def test_the_five_years_change_nothing_where_the_class_is_shorter_or_the_day_unknown() -> None:
    known = SEEDS.publication(
        "general", decided_on=date(2024, 6, 1), conduct_ended_on=date(2024, 1, 31)
    )
    unknown = SEEDS.publication("general", decided_on=date(2024, 6, 1))
    assert known.max_until == unknown.max_until == date(2025, 6, 1)


@unhurried
@given(
    st.sampled_from([(pack, name) for pack in PACKS.values() for name in pack.classes]),
    DAYS,
    st.none() | DAYS,
    st.none() | DAYS,
)
def test_a_minimum_never_ends_after_the_maximum(
    choice: tuple[RulePack, str], decided: date, publicised: date | None, ended: date | None
) -> None:
    pack, name = choice
    publication = pack.publication(
        name, decided_on=decided, publicised_on=publicised, conduct_ended_on=ended
    )
    assert publication.min_until is None or publication.min_until <= publication.max_until


# --- which class --------------------------------------------------------------------------

SAFETY = "违反《中华人民共和国安全生产法》的行为\n未按规定开展安全培训"
ADVERTISING = "发布虚假广告\n依据《中华人民共和国广告法》"
PLAIN = "未按规定报送统计资料"


@pytest.mark.parametrize(
    ("categories", "text", "fine", "expected"),
    [
        (["licence_revocation"], SAFETY, None, "specific_serious"),
        (["fine", "business_suspension"], SAFETY, Decimal(5), "specific_serious"),
        (["business_suspension"], ADVERTISING, None, "specific_serious"),
        (["fine"], SAFETY, Decimal(5), "general"),
        (["warning"], SAFETY, None, "minor"),
        (["licence_revocation"], PLAIN, None, "serious"),
        (["fine"], PLAIN + "，情节严重", Decimal(5), "serious"),
        (["fine"], PLAIN + "，不属于情节严重", Decimal(5), "general"),
        (["fine"], "当事人有履行能力但拒不履行处罚决定", Decimal(5), "serious"),
        (["warning"], PLAIN, None, "minor"),
        (["warning", "criticism"], PLAIN, Decimal(0), "minor"),
        (["warning", "fine"], PLAIN, Decimal("0.2"), "general"),
        (["warning", "fine"], PLAIN + "（简易程序）", Decimal("0.2"), "minor"),
        (["warning", "fine"], PLAIN + "（简易程序）", Decimal("0.5"), "general"),
        (["fine"], PLAIN, Decimal("3.5"), "general"),
        (["confiscation_gains"], PLAIN, None, "general"),
        ([], PLAIN, None, "general"),
    ],
)
def test_the_seeds_class_a_record_by_penalty_and_conduct(
    categories: list[str], text: str, fine: Decimal | None, expected: str
) -> None:
    """发改办财金〔2019〕527号 一 and 鲁政发〔2017〕44号 二（三）10.

    Business suspension or revocation in food, safety and the like, or for bribery, false
    advertising and the like, is specific serious; what is vile or serious is serious.
    """
    assert SEEDS.classify(categories, text, fine)[0] == expected


@pytest.mark.parametrize(
    ("categories", "text", "fine", "expected"),
    [
        (["warning"], PLAIN, None, "minor"),
        (["criticism"], PLAIN, None, "minor"),
        (["fine"], PLAIN + "（简易程序）", Decimal("0.1"), "minor"),
        (["fine"], PLAIN, Decimal(5), "general"),
        (["confiscation_goods"], PLAIN, None, "general"),
        (["licence_suspension"], PLAIN, None, "general"),
        (["downgrading"], PLAIN, None, "serious"),
        (["licence_revocation"], SAFETY, None, "serious"),
        (["operation_restriction"], PLAIN, None, "serious"),
        (["business_suspension"], PLAIN, None, "serious"),
        (["closure"], PLAIN, None, "serious"),
        (["practice_restriction"], PLAIN, None, "serious"),
        (["fine"], "屡罚不改", Decimal(1), "serious"),
    ],
)
def test_order_36_classes_a_record_by_the_kind_of_penalty(
    categories: list[str], text: str, fine: Decimal | None, expected: str
) -> None:
    """NDRC Order 36 as the press reports it."""
    assert ORDER_36.classify(categories, text, fine)[0] == expected


# --- findings, not words --------------------------------------------------------------------


@pytest.mark.parametrize(
    "text",
    [
        "未造成重大损失",
        "没有造成重大损失",
        "未给国家和社会造成重大损失",
        "及时召回，避免了造成重大损失",
        "尚未达到情节严重",
        "不属情节严重",
        "违法行为不属于《中华人民共和国食品安全法》第一百二十五条规定的情节严重情形",
        "不存在性质恶劣、情节严重的情形",
        "并非性质恶劣或者社会危害较大",
        "无拒不履行情形",
        "没有证据证明当事人逃避执行",
    ],
)
def test_what_the_decision_denies_does_not_make_a_record_serious(text: str) -> None:
    """鲁政发〔2017〕44号 二（三）10 and 527 一: the conduct must be grave, not its mention."""
    assert SEEDS.classify(["fine"], f"{PLAIN}，{text}。", Decimal(5))[0] == "general"


@pytest.mark.parametrize(
    "text",
    [
        "处五千元以上五万元以下罚款；情节严重的，责令停产停业",
        "情节严重的,吊销许可证",
        "造成重大损失、情节严重的，处十万元罚款",
        "罚款5000元。如拒不履行，将申请人民法院强制执行",
        "拒不履行本决定的，本机关将申请人民法院强制执行",
    ],
)
def test_what_the_law_threatens_does_not_make_a_record_serious(text: str) -> None:
    assert SEEDS.classify(["fine"], f"{PLAIN}，{text}。", Decimal(5))[0] == "general"


@pytest.mark.parametrize(
    "text",
    [
        "情节严重",
        "属于情节严重的。",
        "拒不改正情节严重",
        "未取得许可证，情节严重",
        "未经许可、情节严重",
        "未按规定操作造成重大损失",
        "未造成人员伤亡但造成重大损失",
        "尚不构成犯罪但情节严重",
        "未造成重大损失，但性质恶劣",
        "不属于情节严重，但拒不履行",
        "有履行能力而拒不履行",
        "屡犯不改、造成重大损失",
    ],
)
def test_what_the_decision_finds_is_not_undone_by_a_negation_of_something_else(text: str) -> None:
    """发改办财金〔2019〕527号 一 and 鲁政发〔2017〕44号 二（三）10."""
    assert SEEDS.classify(["fine"], f"{PLAIN}，{text}", Decimal(5))[0] == "serious"


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("未被列入严重违法失信名单", "general"),
        ("未被市场监管部门列入严重违法失信名单", "general"),
        ("不予列入严重失信主体名单", "general"),
        ("已列入严重违法失信名单", "serious"),
    ],
)
def test_order_36_goes_by_lists_that_a_subject_is_on(text: str, expected: str) -> None:
    """NDRC Order 36: entry in a serious list makes a record serious."""
    assert ORDER_36.classify(["fine"], text, Decimal(5))[0] == expected


def test_simplified_procedure_must_have_been_used() -> None:
    assert SEEDS.classify(["fine"], "适用简易程序", Decimal("0.2"))[0] == "minor"
    assert SEEDS.classify(["fine"], "不适用简易程序", Decimal("0.2"))[0] == "general"


@pytest.mark.parametrize("part", ["未被", "情节严重", "情节严重、", "未被情节", "没有"])
def test_the_time_to_read_a_text_grows_with_its_length_only(part: str) -> None:
    """Ten times the text of the longest row, without a full stop: not a hundred times the work."""
    started = time.process_time()
    SEEDS.classify(["fine"], part * (100_000 // len(part)), None)
    assert time.process_time() - started < 10


GRAVE = sorted(
    {
        (pack.id, word)
        for pack in PACKS.values()
        for rule in pack.class_rules
        if rule.names_class == "serious"
        for word in rule.any_word
    }
)


@pytest.mark.parametrize(("name", "word"), GRAVE)
def test_every_way_to_deny_a_word_is_read_for_every_word(name: str, word: str) -> None:
    """Mitigating words must not worsen the class."""
    pack = PACKS[name]
    texts = [f"{one}{word}" for one in pack.negations]
    texts += [f"{one}法律规定的{word}情形" for one in pack.denials]
    texts += [f"{word}{one}处罚款" for one in pack.conditions]
    assert pack.classify(["fine"], word, None)[0] == "serious"
    for text in texts:
        assert pack.classify(["fine"], f"{PLAIN}，{text}。", None)[0] == "general", text


STATUTE = "《中华人民共和国食品安全法》第一百二十五条：处罚款；情节严重，责令停产停业"


@both_packs
def test_the_legal_basis_quotes_the_law_and_finds_nothing(pack: RulePack) -> None:
    """Column 17 holds the text that the penalty rests on."""
    text = PLAIN + "，罚款5000元"
    assert pack.classify(["fine"], text, Decimal("0.5"), legal_basis=STATUTE)[0] == "general"


def test_the_legal_basis_tells_the_field() -> None:
    """发改办财金〔2019〕527号 一: business suspended in food, drugs and the like."""
    kinds = ["business_suspension"]
    assert SEEDS.classify(kinds, PLAIN, None, legal_basis=STATUTE)[0] == "specific_serious"
    assert SEEDS.classify(kinds, PLAIN, None, legal_basis="《统计法》")[0] == "serious"


def test_a_field_is_told_whatever_stands_before_it() -> None:
    """未检验食品原料 is a matter of food all the same."""
    for text in ("未检验食品原料", "无安全生产许可证施工", "未消防验收即营业"):
        assert SEEDS.classify(["business_suspension"], text, None)[0] == "specific_serious"


def test_a_record_is_assessed_by_what_was_found_and_not_by_what_was_quoted() -> None:
    record = {
        "violation_type": "生产标签不符合规定的食品",
        "violation_facts": "标签未标明贮存条件，未造成重大损失。",
        "legal_basis": STATUTE,
        "penalty_content": "责令改正，罚款5000元。",
        "penalty_categories": ["fine"],
        "fine_10k": Decimal("0.5"),
        "decided_on": date(2025, 3, 1),
        "publicised_on": None,
        "conduct_ended_on": None,
    }
    found = assess(SEEDS, record.__getitem__)
    assert (found.severity, found.max_until) == ("general", date(2026, 3, 1))
    record["penalty_content"] = "当事人拒不履行，情节严重，加处罚款。"
    assert assess(SEEDS, record.__getitem__).severity == "serious"


@both_packs
def test_the_rules_name_kinds_of_penalty_by_the_codes_of_the_format(pack: RulePack) -> None:
    """行政处罚法 第九条: one list of them, that which imports are read by."""
    named = {
        code for rule in pack.class_rules for code in (*rule.any_category, *rule.only_category)
    }
    assert named <= set(Category)


@both_packs
@unhurried
@given(
    categories=st.lists(st.sampled_from([*Category, "?"])),
    text=st.text() | st.sampled_from([SAFETY, ADVERTISING]),
    fine=st.none() | st.decimals(0, 10**6, places=6),
)
def test_every_record_has_a_class_and_a_reason_in_both_languages(
    pack: RulePack, categories: list[str], text: str, fine: Decimal | None
) -> None:
    name, why = pack.classify(categories, text, fine)
    assert name in pack.classes
    label = {rule.code: rule.label for rule in pack.class_rules}[why]
    assert label.zh
    assert label.en


@both_packs
@unhurried
@given(fine=st.decimals(0, 10**6, places=6), more=st.decimals(0, 10**6, places=6))
def test_a_higher_fine_never_gives_a_milder_class(
    pack: RulePack, fine: Decimal, more: Decimal
) -> None:
    order = ["minor", "general", "serious", "specific_serious"]
    for text in (PLAIN, PLAIN + "（简易程序）"):
        lower, _ = pack.classify(["fine"], text, fine)
        higher, _ = pack.classify(["fine"], text, fine + more)
        assert order.index(lower) <= order.index(higher)


# --- terms, refusals, grounds -------------------------------------------------------------


def test_the_terms_are_those_that_the_workflows_name() -> None:
    named = {
        state["clock"]
        for path in WORKFLOWS.glob("*.toml")
        for state in tomllib.loads(path.read_text(encoding="utf-8")).get("states", {}).values()
        if "clock" in state
    }
    assert named <= CLOCKS


@both_packs
def test_an_objection_that_the_provider_verifies_is_decided_within_seven_working_days(
    pack: RulePack,
) -> None:
    """《山东省社会信用条例》第三十九条: 7 working days in all, verification included."""
    stages = ("acceptance", "forwarding", "verification", "decision", "signature")
    assert sum(pack.clocks[f"objection_{one}"].working_days for one in stages) == 7


@both_packs
def test_a_repair_is_accepted_within_three_and_answered_within_ten_working_days(
    pack: RulePack,
) -> None:
    """国办发〔2025〕22号 and Order 36: 3 working days from receipt, 10 from the application."""
    stages = ("acceptance", "forwarding", "verification", "decision", "signature")
    assert pack.clocks["repair_acceptance"].working_days == 3
    assert sum(pack.clocks[f"repair_{one}"].working_days for one in stages) == 10


@both_packs
def test_a_removed_record_is_gone_at_its_source_within_three_working_days(pack: RulePack) -> None:
    """《山东省社会信用条例》第四十条."""
    assert pack.clocks["objection_execution"].working_days == 3


@both_packs
@pytest.mark.parametrize("workflow", ["objection", "repair"])
def test_both_workflows_have_coded_reasons_for_refusing(pack: RulePack, workflow: str) -> None:
    """A refusal always states its reasons."""
    assert [code for code, one in pack.refusals.items() if workflow in one.of]


@both_packs
def test_errors_omissions_and_infringements_are_grounds_and_ask_for_proof(pack: RulePack) -> None:
    """《山东省社会信用条例》第三十九条."""
    assert {"error", "omission", "infringement"} <= set(pack.grounds)
    assert all(one.proof.zh and one.proof.en for one in pack.grounds.values())


@both_packs
def test_every_value_cites_a_known_document_and_a_grade(pack: RulePack) -> None:
    documents = tomllib.loads((WORKFLOWS / "documents.toml").read_text(encoding="utf-8"))
    graded = [(one.source, one.grade) for one in pack.clocks.values()]
    graded += [(one.source, one.grade) for one in pack.refusals.values()]
    graded += [(one.source, one.grade) for one in pack.grounds.values()]
    graded += [(one.source, one.grade) for one in pack.class_rules]
    graded += [
        (one.cites, one.grade)
        for severity in pack.classes.values()
        for one in severity.sources.values()
    ]
    for source, grade in graded:
        document, _, clause = source.partition(" ")
        assert document in documents, source
        assert clause, source
        assert grade in GRADES
        assert document != "REDRESS" or grade == "choice", source


def test_requirements_are_workflows_of_their_own() -> None:
    for name in REQUIREMENTS:
        raw = tomllib.loads((WORKFLOWS / f"{name}.toml").read_text(encoding="utf-8"))
        assert raw["entity"] == "requirement"


# --- which pack ---------------------------------------------------------------------------

BEFORE, AFTER = date(2026, 3, 31), date(2026, 4, 1)


@unhurried
@given(DAYS, DAYS)
def test_the_profile_of_the_seeds_is_the_same_on_every_day(decided: date, applied: date) -> None:
    pack = select_pack(PROFILES["seeds"], PACKS, decided_on=decided, applied_on=applied)
    assert pack.id == "SD-SEEDS"


@pytest.mark.parametrize(
    ("decided", "applied", "expected"),
    [
        (BEFORE, BEFORE, "SD-SEEDS"),
        (BEFORE, AFTER, "CN-2026-36"),
        (AFTER, AFTER, "CN-2026-36"),
    ],
)
def test_the_national_profile_goes_by_the_day_of_application(
    decided: date, applied: date, expected: str
) -> None:
    """Order 36 is in force from 2026-04-01; no transition rule was found."""
    pack = select_pack(PROFILES["national"], PACKS, decided_on=decided, applied_on=applied)
    assert pack.id == expected


def test_a_day_before_every_pack_is_refused() -> None:
    with pytest.raises(RuleError, match="national: no rule pack on 2015-01-01"):
        select_pack(
            PROFILES["national"],
            PACKS,
            decided_on=date(2015, 1, 1),
            applied_on=date(2015, 1, 1),
        )


def test_a_profile_that_names_a_missing_pack_is_refused() -> None:
    with pytest.raises(RuleError, match="unknown rule pack 'SD-SEEDS'"):
        select_pack(PROFILES["seeds"], {}, decided_on=AFTER, applied_on=AFTER)


def test_no_profile_uses_a_pack_before_it_is_in_force() -> None:
    for profile in PROFILES.values():
        for span in profile.spans:
            assert span.since is None or span.since >= PACKS[span.pack].valid_from


def test_a_profile_may_go_by_the_day_of_the_decision(tmp_path: Path) -> None:
    path = tmp_path / "profiles.toml"
    text = (RULES / "profiles.toml").read_text(encoding="utf-8")
    path.write_text(text.replace('"application_date"', '"decision_date"'), encoding="utf-8")
    profile = load_profiles(path)["national"]
    pack = select_pack(profile, PACKS, decided_on=BEFORE, applied_on=AFTER)
    assert pack.id == "SD-SEEDS"


@pytest.mark.parametrize(
    ("old", "new", "problem"),
    [
        ('by     = "fixed"', 'by     = "moon"', r"seeds\.by: unknown 'moon'"),
        ('[{pack = "SD-SEEDS"}]', "[]", r"seeds\.packs: is no list of tables"),
        (
            '[{pack = "SD-SEEDS"}]',
            '[{pack = "SD-SEEDS"}, {pack = "CN-2026-36"}]',
            "seeds.packs: a fixed profile has one",
        ),
        ('[{pack = "SD-SEEDS"}]', '[{pack = "SD-SEEDS", from = 2020-01-01}]', "1.from: is not"),
        ("from = 2026-04-01", "from = 2019-07-01", "national.packs: are not in order"),
        ("from = 2026-04-01", 'from = "2026-04-01"', r"packs\.2\.from: is no date"),
        ("from = 2026-04-01", "from = 2026-04-01T08:00:00", r"packs\.2\.from: is no date"),
    ],
)
def test_a_profile_that_does_not_hold_together_is_refused_with_its_place(
    tmp_path: Path, old: str, new: str, problem: str
) -> None:
    path = tmp_path / "profiles.toml"
    text = (RULES / "profiles.toml").read_text(encoding="utf-8")
    assert old in text
    path.write_text(text.replace(old, new), encoding="utf-8")
    with pytest.raises(RuleError, match=rf"profiles\.toml: .*{problem}"):
        load_profiles(path)


# --- strictness ---------------------------------------------------------------------------

Spoil = Callable[[str, str], Path]


@pytest.fixture
def spoil(tmp_path: Path) -> Spoil:
    """Return a function that copies a pack with one text replaced, and gives its folder."""

    def spoilt(old: str, new: str) -> Path:
        text = (RULES / "sd-seeds.toml").read_text(encoding="utf-8")
        assert old in text
        (tmp_path / "spoilt.toml").write_text(text.replace(old, new, 1), encoding="utf-8")
        return tmp_path

    return spoilt


@pytest.mark.parametrize(
    ("old", "new", "problem"),
    [
        ('id         = "SD-SEEDS"', "", "id: is missing"),
        ('id         = "SD-SEEDS"', "id = 7", "id: is no text"),
        ('id         = "SD-SEEDS"', 'id = "X"\ncolour = "red"', "colour: is not known here"),
        ("valid_from = 2019-07-01", 'valid_from = "2019"', "valid_from: is no date"),
        ("[classes.minor]", "classes.minor", "file: "),
        ("draft_repair ", "draft_repairs ", "clocks.draft_repairs: is not known here"),
        (
            "requirement_training      = {working_days = 30",
            "requirement_schooling = {working_days = 30",
            "clocks.requirement_schooling: is not known here",
        ),
        ("working_days = 30", "working_days = 0", "draft_objection.working_days: is no whole"),
        ("working_days = 30", "working_days = true", "draft_objection.working_days: is no whole"),
        ("working_days = 30", "working_days = 1.5", "draft_objection.working_days: is no whole"),
        ("working_days = 30", "days = 30", "draft_objection.working_days: is missing"),
        ('grade = "read"', 'grade = "sure"', "unknown 'sure'"),
        ('source = "CN-2019-527 一", ', "", "classes.minor.published.source: is missing"),
        ("{value = true,", '{value = "yes",', "published.value: is neither true nor false"),
        ("{value = 3,", "{value = 13,", "classes.minor.min_months: is more than max_months"),
        ('{value = "decided_on",', '{value = "someday",', "anchor.value: unknown 'someday'"),
        ('["rectification", "commitment"]', '["prayer"]', "requirements.value: unknown 'prayer'"),
        (
            '["rectification", "commitment"]',
            '["commitment", "commitment"]',
            "requirements.value: says something twice",
        ),
        ('["rectification", "commitment"]', "[]", "minor.requirements: belong to a class that"),
        ('en = "Minor"', 'fr = "Mineur"', "classes.minor.label: unknown language 'fr'"),
        ('en = "Minor"', 'en = ""', "classes.minor.label: without a text in 'en'"),
        ('of = ["repair"]', 'of = ["appeal"]', "refusals.minimum_period_running.of: unknown"),
        ('of = ["repair"]', "of = []", "refusals.minimum_period_running.of: names no workflow"),
        ('of = ["repair"]', 'of = "repair"', "minimum_period_running.of: is no list of texts"),
        ("proof = {zh", "evidence = {zh", "grounds.error.proof: is missing"),
        ("denials    = [", "denial = [", "denials: is missing"),
        ('["不属",', '["",', "denials: is no list of texts"),
        ('class          = "specific_serious"', 'class = "mild"', "class_rules.1.class: unknown"),
        ('any_category   = ["business', 'any_category = ["idle', "1.any_category: unknown"),
        ("fine_from_10k = 100", 'fine_from_10k = "100"', "fine_from_10k: is no amount"),
        ("fine_from_10k = 100", "fine_from_10k = -1", "fine_from_10k: is no amount"),
        ("fine_from_10k = 100", "", "class_rules: the last line, and no other"),
        (
            'code          = "very_large_fine"',
            'code = "heavy_kind_of_penalty"',
            "class_rules: gives a code twice",
        ),
        ("months = 60", "months = -60", "limit.months: is no whole number"),
    ],
)
def test_a_pack_that_does_not_hold_together_is_refused_with_file_and_key(
    spoil: Spoil, old: str, new: str, problem: str
) -> None:
    with pytest.raises(RuleError) as refused:
        load_packs(spoil(old, new))
    assert str(refused.value).startswith("spoilt.toml: ")
    assert problem in str(refused.value)


def test_two_packs_of_one_name_are_refused(spoil: Spoil, tmp_path: Path) -> None:
    spoil("SD-SEEDS", "SD-SEEDS")
    (tmp_path / "again.toml").write_bytes((tmp_path / "spoilt.toml").read_bytes())
    with pytest.raises(RuleError, match="id: 'SD-SEEDS' is another file's"):
        load_packs(tmp_path)


def test_a_folder_without_packs_is_refused(tmp_path: Path) -> None:
    with pytest.raises(RuleError, match="holds no rule pack"):
        load_packs(tmp_path)


def test_a_missing_file_of_profiles_is_refused_by_name(tmp_path: Path) -> None:
    with pytest.raises(RuleError, match=r"profiles\.toml: file"):
        load_profiles(tmp_path / "profiles.toml")


def test_a_comment_leaves_the_hash_as_it_is_and_a_number_does_not(spoil: Spoil) -> None:
    """A case is pinned to the rules of a pack: the layout of the file is none of them."""
    commented = load_packs(spoil("# --- terms", "# A remark.\n# --- terms"))["SD-SEEDS"]
    assert commented.sha256 == SEEDS.sha256
    changed = load_packs(spoil("working_days = 30", "working_days = 31"))["SD-SEEDS"]
    assert changed.sha256 != SEEDS.sha256


@pytest.mark.parametrize("anchor", ["publicised_on", "conduct_ended_on"])
def test_a_period_that_runs_from_an_unknown_day_runs_from_the_decision(
    spoil: Spoil, anchor: str
) -> None:
    folder = spoil('{value = "decided_on",', f'{{value = "{anchor}",')
    pack = load_packs(folder)["SD-SEEDS"]
    decided, other = date(2025, 3, 1), date(2025, 4, 2)
    known = pack.publication(
        "minor", decided_on=decided, publicised_on=other, conduct_ended_on=other
    )
    assert known.max_until == date(2026, 4, 2)
    assert pack.publication("minor", decided_on=decided).max_until == date(2026, 3, 1)


def test_a_loaded_pack_cannot_be_changed() -> None:
    with pytest.raises(TypeError):
        SEEDS.clocks["draft_repair"] = SEEDS.clocks["draft_objection"]  # type: ignore[index]
