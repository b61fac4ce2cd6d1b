"""The rule packs say what the policy says, and a pack that does not hold together is refused."""

import shutil
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
    CLOCKS_OF,
    GRADES,
    REQUIREMENTS,
    RuleError,
    RulePack,
    load_library,
    load_packs,
)
from repair_app.penalty_format import Category

WORKFLOWS = Path(__file__).parents[2] / "workflows"
RULES = WORKFLOWS / "rules"
LIBRARY = load_library(RULES)
PACKS = {name: pack for name, pack in LIBRARY.current.items() if "repair" in pack.parts}
OBJECTIONS = {name: pack for name, pack in LIBRARY.current.items() if "objection" in pack.parts}
DOCUMENTS = tomllib.loads((WORKFLOWS / "documents.toml").read_text(encoding="utf-8"))
SEEDS = PACKS["SD-SEEDS"]
ORDER_36 = PACKS["CN-2026-36"]

repair_packs = pytest.mark.parametrize("pack", PACKS.values(), ids=PACKS)
objection_packs = pytest.mark.parametrize("pack", OBJECTIONS.values(), ids=OBJECTIONS)
all_packs = pytest.mark.parametrize("pack", LIBRARY.current.values(), ids=LIBRARY.current)
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
    for pack in (SEEDS, ORDER_36):
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
        assert pack.classify(["fine"], f"{PLAIN}，{text}。", Decimal(5))[0] == "general", text


STATUTE = "《中华人民共和国食品安全法》第一百二十五条：处罚款；情节严重，责令停产停业"


@repair_packs
def test_the_legal_basis_quotes_the_law_and_finds_nothing(pack: RulePack) -> None:
    """Column 17 holds the text that the penalty rests on."""
    text = PLAIN + "，罚款5000元"
    found, _ = pack.classify(["fine"], text, Decimal("0.5"), legal_basis=STATUTE)
    assert found not in {"serious", "specific_serious"}


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


@repair_packs
def test_the_rules_name_kinds_of_penalty_by_the_codes_of_the_format(pack: RulePack) -> None:
    """行政处罚法 第九条: one list of them, that which imports are read by."""
    named = {
        code for rule in pack.class_rules for code in (*rule.any_category, *rule.only_category)
    }
    assert named <= set(Category)


@repair_packs
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


@repair_packs
@unhurried
@given(fine=st.decimals(0, 10**6, places=6), more=st.decimals(0, 10**6, places=6))
def test_a_higher_fine_never_gives_a_milder_class(
    pack: RulePack, fine: Decimal, more: Decimal
) -> None:
    order = ["warning", "minor", "general", "vital", "serious", "specific_serious"]
    for text in (PLAIN, PLAIN + "（简易程序）"):
        lower, _ = pack.classify(["fine"], text, fine)
        higher, _ = pack.classify(["fine"], text, fine + more)
        assert order.index(lower) <= order.index(higher)


# --- terms, refusals, grounds -------------------------------------------------------------

STAGES = ("acceptance", "forwarding", "verification", "decision", "signature")


def test_the_terms_are_those_that_the_workflows_name() -> None:
    named = {
        state["clock"]
        for path in WORKFLOWS.glob("*.toml")
        for state in tomllib.loads(path.read_text(encoding="utf-8")).get("states", {}).values()
        if "clock" in state
    }
    assert named <= CLOCKS


@all_packs
def test_a_pack_gives_every_term_of_its_parts_and_no_other(pack: RulePack) -> None:
    assert set(pack.clocks) == set().union(*(CLOCKS_OF[part] for part in pack.parts))


def test_an_objection_that_the_provider_verifies_is_decided_within_seven_working_days() -> None:
    """《山东省社会信用条例》第三十九条: 7 working days in all, verification included."""
    clocks = OBJECTIONS["SD-2020"].clocks
    assert clocks["objection_whole"].working_days == 7
    assert sum(clocks[f"objection_{one}"].working_days for one in STAGES) == 7


@pytest.mark.parametrize("name", ["SD-SEEDS", "CN-2019-527", "CN-2023-58", "CN-2026-36"])
def test_a_repair_is_accepted_within_three_and_answered_within_ten_working_days(name: str) -> None:
    """国办发〔2025〕22号 and Order 36: 3 working days from receipt, 10 from the application."""
    clocks = PACKS[name].clocks
    assert clocks["repair_acceptance"].working_days == 3
    assert clocks["repair_whole"].working_days == 10
    assert sum(clocks[f"repair_{one}"].working_days for one in STAGES) == 10


@objection_packs
def test_a_removed_record_is_gone_at_its_source_within_three_working_days(pack: RulePack) -> None:
    """《山东省社会信用条例》第四十条."""
    assert pack.clocks["objection_execution"].working_days == 3
    assert pack.clocks["annulment_withdrawal"].working_days == 3


@all_packs
def test_a_part_that_refuses_has_coded_reasons_for_it(pack: RulePack) -> None:
    """A refusal always states its reasons."""
    for workflow in {"objection", "repair"} & pack.parts:
        assert [code for code, one in pack.refusals.items() if workflow in one.of]


@objection_packs
def test_errors_omissions_and_infringements_are_grounds_and_ask_for_proof(pack: RulePack) -> None:
    """《山东省社会信用条例》第三十九条."""
    assert {"error", "omission", "infringement"} <= set(pack.grounds)
    assert all(one.proof.zh and one.proof.en and one.any_of for one in pack.grounds.values())


@all_packs
def test_every_value_cites_a_known_document_and_a_grade(pack: RulePack) -> None:
    assert len(pack.stated) >= len(pack.clocks)
    for one in pack.stated:
        document, _, clause = one.source.partition(" ")
        assert document in DOCUMENTS, one.source
        assert clause, one.source
        assert one.grade in GRADES
        assert document != "REDRESS" or one.grade == "choice", one.source


@all_packs
def test_both_sides_of_a_conflict_cite_documents_that_are_known(pack: RulePack) -> None:
    for one in pack.conflicts:
        for clause in f"{one.chosen_source}；{one.other_source}".split("；"):
            assert clause.partition(" ")[0] in DOCUMENTS, clause


def test_requirements_are_workflows_of_their_own() -> None:
    required = {
        name
        for pack in PACKS.values()
        for one in pack.classes.values()
        for name in one.requirements
    }
    assert required <= REQUIREMENTS
    for name in required:
        raw = tomllib.loads((WORKFLOWS / f"{name}.toml").read_text(encoding="utf-8"))
        assert raw["entity"] == "requirement"


# --- strictness ---------------------------------------------------------------------------

Spoil = Callable[[str, str, str], Path]


@pytest.fixture
def spoil(tmp_path: Path) -> Spoil:
    """Return a function that copies the packs, replaces a text of one, and gives the folder."""

    def spoilt(name: str, old: str, new: str) -> Path:
        folder = Path(shutil.copytree(RULES, tmp_path / "rules", dirs_exist_ok=True))
        path = folder / f"{name}.toml"
        text = path.read_text(encoding="utf-8")
        assert old in text
        path.write_text(text.replace(old, new, 1), encoding="utf-8")
        return folder

    return spoilt


REPAIR_BASE, OBJECTION_BASE, SEEDS_FILE = "base-repair", "base-objection", "sd-seeds"


@pytest.mark.parametrize(
    ("file", "old", "new", "problem"),
    [
        # what it is
        (SEEDS_FILE, 'id         = "SD-SEEDS"', "", "id: is missing"),
        (SEEDS_FILE, 'id         = "SD-SEEDS"', "id = 7", "id: is no text"),
        (SEEDS_FILE, '"SD-SEEDS"', '"SD.SEEDS"', "id: may hold letters, digits and hyphens"),
        (SEEDS_FILE, "edition    = 2", "edition = 0", "edition: is no whole number"),
        (SEEDS_FILE, "edition    = 2", "edition = 1", "edition 1 of 'SD-SEEDS' is there twice"),
        (SEEDS_FILE, "title      =", "titel =", "title: is missing; is 'titel' meant?"),
        (SEEDS_FILE, "valid_from = 2019-07-01", 'valid_from = "2019"', "valid_from: is no date"),
        (
            SEEDS_FILE,
            '["repair"]',
            '["repairs"]',
            "parts: unknown 'repairs'; did you mean 'repair'",
        ),
        (SEEDS_FILE, '["repair"]', "[]", "parts: names no part; known: objection, repair"),
        # what it builds on
        (SEEDS_FILE, '"CN-2019-527"', '"CN-2019-572"', "did you mean 'CN-2019-527'"),
        (REPAIR_BASE, "foundation = true", 'extends = "SD-SEEDS"', "goes round in a circle: "),
        # layout, with the line
        (SEEDS_FILE, "[classes.minor]", "classes.minor", "file: "),
        (SEEDS_FILE, "[classes.minor]", "classes.minor", "(at line "),
        # keys
        (SEEDS_FILE, "[clocks]", "colour = 1\n[clocks]", "colour: is not known here"),
        (SEEDS_FILE, "title      =", "colour = 1\ntitle =", "toml: colour: is not known here"),
        (REPAIR_BASE, "draft_repair ", "draft_repairs ", "did you mean 'draft_repair'?"),
        (
            REPAIR_BASE,
            "working_days = 30",
            "days = 30",
            "draft_repair.working_days: is missing; is 'days' meant?",
        ),
        (REPAIR_BASE, "working_days = 30", "working_days = 3000", "3000 working days are too many"),
        (SEEDS_FILE, "value = 36", "value = 1095", "1095 months are too many; at most 600"),
        # how it was saved
        (SEEDS_FILE, "edition    = 2", "edition    = “2”", 'full-width “: write "'),
        (SEEDS_FILE, "edition    = 2", "edition    = True", "write true or false in small"),
        (
            REPAIR_BASE,
            'label       = {zh = "信用修复承诺书',
            'lable = {zh = "信用',
            "is 'lable' meant?",
        ),
        (
            "sd-2020",
            "objection_own_check",
            "objection_own_chek",
            "did you mean 'objection_own_check'",
        ),
        # kinds of value
        (REPAIR_BASE, "working_days = 30", "working_days = 0", "working_days: is no whole number"),
        (REPAIR_BASE, "working_days = 30", "working_days = true", "working_days: is no whole"),
        (REPAIR_BASE, "working_days = 30", "working_days = 1.5", "working_days: is no whole"),
        (REPAIR_BASE, "value = true", 'value = "yes"', "service.value: is neither true nor false"),
        (REPAIR_BASE, "months = 60", "months = -60", "limit.months: is no whole number"),
        (REPAIR_BASE, "denials    = [", "denials = 1 #", "denials: is no list of texts"),
        (REPAIR_BASE, '["不属",', '["",', "denials: is no list of texts"),
        (SEEDS_FILE, "fine_from_10k = 100", 'fine_from_10k = "100"', "fine_from_10k: is no amount"),
        (SEEDS_FILE, "fine_from_10k = 100", "fine_from_10k = -1", "fine_from_10k: is no amount"),
        (SEEDS_FILE, 'en = "Minor"', 'fr = "Mineur"', "minor.label: unknown language 'fr'"),
        (SEEDS_FILE, 'en = "Minor"', 'en = ""', "classes.minor.label: without a text in 'en'"),
        # sources
        (SEEDS_FILE, 'grade = "read"', 'grade = "sure"', "unknown 'sure'; known: choice, fragment"),
        (SEEDS_FILE, 'source = "CN-2019-527 一", ', "", "published.source: is missing"),
        (SEEDS_FILE, '"CN-2019-527 一"', '"CN-2019-572 一"', "unknown document 'CN-2019-572'; did"),
        (SEEDS_FILE, '"CN-2019-527 一"', '"CN-2019-527"', "names no clause"),
        (
            SEEDS_FILE,
            '"REDRESS 文件未定数额"\ngrade         = "choice"',
            '"REDRESS 文件未定数额"\ngrade = "read"',
            "write grade = 'choice'",
        ),
        # classes
        (SEEDS_FILE, "{value = 3,", "{value = 13,", "classes.minor.min_months: is more than max"),
        (
            SEEDS_FILE,
            '"decided_on"',
            '"someday"',
            "anchor.value: unknown 'someday'; known: conduct",
        ),
        (
            SEEDS_FILE,
            '["rectification", "commitment"]',
            '["prayer"]',
            "requirements.value: unknown",
        ),
        (
            SEEDS_FILE,
            '["rectification", "commitment"]',
            '["commitment", "commitment"]',
            "requirements.value: says something twice",
        ),
        (
            SEEDS_FILE,
            '["rectification", "commitment"]',
            "[]",
            "requirements: belong to a class that",
        ),
        (
            SEEDS_FILE,
            '{value = "all"',
            '{value = "some"',
            "reading.value: unknown 'some'; known: all",
        ),
        (SEEDS_FILE, '["public_service"]', '["charity"]', "factors.value: unknown 'charity'"),
        (
            SEEDS_FILE,
            '["commitment_letter", [',
            '["comitment_letter", [',
            "did you mean 'commitment_l",
        ),
        (
            SEEDS_FILE,
            '["commitment_letter", [',
            '["commitment_letter", [], [',
            "checklist.value.2: is",
        ),
        (SEEDS_FILE, '{value = "reviewer"', '{value = "judge"', "decider.value: unknown 'judge'"),
        (REPAIR_BASE, '{value = "none"', '{value = "small"', "fee.value: unknown 'small'"),
        # class rules
        (SEEDS_FILE, 'class          = "specific_serious"', 'class = "mild"', "1.class: unknown"),
        (
            SEEDS_FILE,
            'any_category   = ["business',
            'any_category = ["idle',
            "1.any_category: unknown",
        ),
        (SEEDS_FILE, "fine_from_10k = 100", "", "class_rules: the last line, and no other"),
        (
            SEEDS_FILE,
            'code          = "very_large_fine"',
            'code = "heavy_kind_of_penalty"',
            "class_rules: gives a code twice",
        ),
        # reasons, grounds, outcomes
        (SEEDS_FILE, 'of = ["repair"]', 'of = ["appeal"]', "minimum_period_running.of: unknown"),
        (
            SEEDS_FILE,
            'of = ["repair"]',
            "of = []",
            "of: names no workflow; known: objection, repair",
        ),
        (SEEDS_FILE, 'of = ["repair"]', 'of = "repair"', "running.of: is no list of texts"),
        (OBJECTION_BASE, "proof = {zh", "evidence = {zh", "grounds.error.proof: is missing"),
        (OBJECTION_BASE, 'any_of = ["decision"', 'any_of = ["decison"', "did you mean 'decision'?"),
        (OBJECTION_BASE, "corrects = true", "corrects = 1", "corrects: is neither true nor false"),
        (OBJECTION_BASE, "corrects = true", "correct = true", "did you mean 'corrects'?"),
        (OBJECTION_BASE, "CORRECTED ", "CORECTED ", "did you mean 'CORRECTED'?"),
        (OBJECTION_BASE, "upheld = true", "upheld = 1", "CORRECTED.upheld: is neither true nor"),
        (
            OBJECTION_BASE,
            '{value = "marked"',
            '{value = "hidden"',
            "unknown 'hidden'; known: marked",
        ),
        (OBJECTION_BASE, '"stop_publication"', '"stop"', "unverified.value: unknown 'stop'"),
        ("zj-2017", 'approver      = "head"', 'approver = "me"', "approver: unknown 'me'"),
    ],
)
def test_a_pack_that_does_not_hold_together_is_refused_with_file_key_and_mend(
    spoil: Spoil, file: str, old: str, new: str, problem: str
) -> None:
    with pytest.raises(RuleError) as refused:
        load_library(spoil(file, old, new), DOCUMENTS)
    assert str(refused.value).startswith(f"{file}.toml: ")
    assert problem in str(refused.value)


@pytest.mark.parametrize(
    ("file", "line", "problem"),
    [
        (REPAIR_BASE, "draft_repair =", "clocks.draft_repair: is missing"),
        ("sd-2020", "objection_whole  ", "clocks.objection_whole: is missing"),
        ("sd-supervision", "talk_notice =", "clocks.talk_notice: is missing"),
        (OBJECTION_BASE, "UNVERIFIED ", "outcomes.UNVERIFIED: is missing"),
        (OBJECTION_BASE, "unverified   ", "objection.unverified: is missing"),
        (REPAIR_BASE, "negations ", "negations: is missing"),
    ],
)
def test_a_pack_that_new_cases_begin_with_gives_everything_of_its_part(
    spoil: Spoil, file: str, line: str, problem: str
) -> None:
    text = (RULES / f"{file}.toml").read_text(encoding="utf-8")
    whole = next(one for one in text.splitlines(keepends=True) if one.startswith(line))
    with pytest.raises(RuleError, match=problem.replace(".", r"\.")):
        load_library(spoil(file, whole, ""))


VALUES = [
    (OBJECTION_BASE, "[objection]"),
    (OBJECTION_BASE, "[clocks]"),
    (OBJECTION_BASE, "[grounds]"),
    (OBJECTION_BASE, "[materials]"),
    (OBJECTION_BASE, "[outcomes]"),
    (OBJECTION_BASE, "[refusals]"),
    (OBJECTION_BASE, "[conflicts.unverified]"),
    (REPAIR_BASE, "[repair]"),
    (SEEDS_FILE, "[classes.minor]"),
    (SEEDS_FILE, "[[class_rules]]"),
]
BARE = [
    (REPAIR_BASE, "[limit]"),
    (SEEDS_FILE, "[repair.extension]"),
    ("zj-2017", "[objection.extension]"),
]


@pytest.mark.parametrize(
    ("file", "header", "deeper"),
    [
        *((file, header, False) for file, header in VALUES + BARE),
        *((file, header, True) for file, header in VALUES),
    ],
)
def test_a_key_that_nothing_of_its_kind_has_is_refused_wherever_it_stands(
    spoil: Spoil, file: str, header: str, *, deeper: bool
) -> None:
    """In each kind of table, and in a value or label inside it."""
    text = (RULES / f"{file}.toml").read_text(encoding="utf-8")
    start = text.index(f"\n{header}\n") + 1
    place = text.index("= {", start) + len("= {") if deeper else start + len(header)
    wrong = text[:place] + ("colour = 1, " if deeper else "\ncolour = 1") + text[place:]
    with pytest.raises(RuleError, match=r"colour: is n|unknown language 'colour'"):
        load_library(spoil(file, text, wrong))


@pytest.mark.parametrize(
    ("file", "part", "other"),
    [(OBJECTION_BASE, "objection", "repair"), (SEEDS_FILE, "repair", "shield")],
)
def test_a_pack_without_a_reason_to_refuse_what_it_regulates_is_refused(
    spoil: Spoil, file: str, part: str, other: str
) -> None:
    text = (RULES / f"{file}.toml").read_text(encoding="utf-8")
    without = text.replace(f'of = ["{part}"]', f'of = ["{other}"]')
    assert without != text
    with pytest.raises(RuleError, match=f"refusals: none is of '{part}'"):
        load_library(spoil(file, text, without))


def test_two_packs_of_one_name_are_refused(spoil: Spoil) -> None:
    folder = spoil(SEEDS_FILE, "SD-SEEDS", "SD-SEEDS")
    (folder / "again.toml").write_bytes((folder / "sd-seeds.toml").read_bytes())
    with pytest.raises(RuleError, match="id: 'SD-SEEDS' is another file's"):
        load_packs(folder)


def test_a_folder_without_packs_is_refused(tmp_path: Path) -> None:
    with pytest.raises(RuleError, match="holds no rule pack"):
        load_packs(tmp_path)


def test_a_comment_leaves_the_hash_as_it_is_and_a_number_does_not(spoil: Spoil) -> None:
    """A case is pinned to the rules of a pack: the layout of the file is none of them."""
    commented = load_packs(spoil(SEEDS_FILE, "# --- terms", "# A remark.\n# --- terms"))["SD-SEEDS"]
    assert commented.sha256 == SEEDS.sha256
    changed = load_packs(spoil(SEEDS_FILE, "working_days = 10", "working_days = 11"))["SD-SEEDS"]
    assert changed.sha256 != SEEDS.sha256


@pytest.mark.parametrize("anchor", ["publicised_on", "conduct_ended_on"])
def test_a_period_that_runs_from_an_unknown_day_runs_from_the_decision(
    spoil: Spoil, anchor: str
) -> None:
    folder = spoil(SEEDS_FILE, '{value = "decided_on",', f'{{value = "{anchor}",')
    pack = load_packs(folder)["SD-SEEDS"]
    decided, other = date(2025, 3, 1), date(2025, 4, 2)
    known = pack.publication(
        "minor", decided_on=decided, publicised_on=other, conduct_ended_on=other
    )
    assert known.max_until == date(2026, 4, 2)
    assert pack.publication("minor", decided_on=decided).max_until == date(2026, 3, 1)


def test_a_loaded_pack_cannot_be_changed() -> None:
    with pytest.raises(TypeError):
        SEEDS.clocks["draft_repair"] = SEEDS.clocks["repair_whole"]  # type: ignore[index]
