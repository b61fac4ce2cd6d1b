"""One row: normal form, identity, and everything that can be wrong with it."""

import hashlib
import json
from datetime import date, timedelta
from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from repair_app.penalty_format import (
    COLUMNS,
    EXTRA_COLUMNS,
    MESSAGES,
    Category,
    PenaltyRow,
    RowProblem,
    find_column,
    parse_row,
)

TODAY = date(2026, 11, 21)
KEYS = [column.key for column in COLUMNS + EXTRA_COLUMNS]
GOOD = {
    "subject_name": "青岛市（示例）物流有限公司",
    "subject_kind": "法人及非法人组织",
    "uscc": "91370202MADEM0011A",
    "decision_no": "青岛示例环罚〔2024〕3号A",
    "violation_type": "违反《中华人民共和国水污染防治法》的行为",
    "violation_facts": "当事人超标排放水污染物，共 2 次（虚构）。",
    "legal_basis": "《中华人民共和国水污染防治法》第八十三条",
    "categories": "罚款;责令停产停业",
    "content": "罚款20.5万元、责令停产停业",
    "fine_10k": "20.5",
    "confiscated_10k": "0",
    "decided_on": "2024/01/02",
    "valid_until": "2099/12/31",
    "publish_until": "2027/01/02",
    "publicised_on": "2024/01/09",
    "conduct_ended_on": "2023/12/20",
    "agency_name": "青岛示例生态环境局",
    "agency_uscc": "11370200MBDEM0031R",
    "source_name": "青岛示例生态环境局",
    "source_uscc": "11370200MBDEM0031R",
    "remarks": "",
}


def read(**changes: str) -> PenaltyRow:
    row = parse_row(7, GOOD | changes, TODAY)
    assert isinstance(row, PenaltyRow), row
    return row


def refuse(**changes: str) -> list[tuple[str, str]]:
    """Return the (column, code) of all the problems of a row."""
    problems = parse_row(7, GOOD | changes, TODAY)
    assert isinstance(problems, list)
    assert problems
    for problem in problems:
        assert problem.line == 7
        assert (problem.text("zh"), problem.text("en")) == (problem.message_zh, problem.message_en)
        assert problem.message_zh
        assert problem.message_en
        assert "{" not in problem.message_zh + problem.message_en
    return [(problem.column, problem.code) for problem in problems]


def test_the_format_has_thirty_columns_that_are_known_by_name_code_and_key() -> None:
    assert len(COLUMNS) == 30
    assert COLUMNS[0].heading == "行政相对人名称"
    assert COLUMNS[-1].heading == "备注"
    for column in COLUMNS + EXTRA_COLUMNS:
        for name in (column.heading, column.code, column.key, *column.aliases):
            assert find_column(name) is column


@pytest.mark.parametrize(
    ("older", "key"),
    [
        ("CF_CFMC", "violation_type"),
        ("CF_CFLB1", "categories"),
        ("CF_JG", "content"),
        ("CF_XZJG", "agency_name"),
        ("CF_FR", "legal_representative"),
        ("CF_XDR_ZDM", "organisation_code"),
        ("CF_XDR_GSDJ", "business_registration_no"),
        ("CF_SFZ", "person_paper_no"),
        ("罚款金额（万元）", "fine_10k"),
        (" *行政相对人 名称 ", "subject_name"),
    ],
)
def test_headings_of_older_data_stand_for_the_columns(older: str, key: str) -> None:
    column = find_column(older)
    assert column is not None
    assert column.key == key


def test_a_row_says_what_its_cells_say() -> None:
    row = read()
    assert row.subject_name == "青岛市（示例）物流有限公司"
    assert row.categories == (Category.FINE, Category.BUSINESS_SUSPENSION)
    assert row.fine_10k == Decimal("20.5")
    assert row.confiscated_10k == 0
    assert row.decided_on == date(2024, 1, 2)
    assert row.valid_until == date(2099, 12, 31)
    assert row.publicised_on == date(2024, 1, 9)
    assert row.conduct_ended_on == date(2023, 12, 20)
    assert row.remarks is None
    assert row.key == ("11370200MBDEM0031R", "青岛示例环罚〔2024〕3号A", "91370202MADEM0011A")


def test_the_fingerprint_is_the_hash_of_canonical_json() -> None:
    row = read()
    # Texts, lists of texts and null alone: there RFC 8785 is sorted JSON without white space.
    canonical = json.dumps(
        {"format": 1, **row.as_dict()},
        sort_keys=True,
        ensure_ascii=False,
        separators=(",", ":"),
    )
    assert row.fingerprint == hashlib.sha256(canonical.encode()).hexdigest()


HARMLESS = [
    {"subject_name": " 青岛市(示例) 物流有限公司\u3000"},
    {"subject_name": "青岛市（示例）\u200b物流有限公司"},
    {"uscc": "９１３７０２０２ｍａｄｅｍ００１１ａ"},
    {"uscc": " 91370202-madem0011-a"},
    {"decision_no": "青岛示例环罚[2024]3号a"},
    {"decision_no": "青岛示例环罚(2024)3号A"},
    {"decision_no": "青岛示例环罚［２０２４］３号Ａ"},
    {"decision_no": "青岛示例环罚（2024） 3 号A"},
    {"decision_no": "青岛示例环罚【2024】3号A"},
    {"violation_facts": "当事人超标排放水污染物，共  2 次（虚构）。\r\n"},
    {"violation_facts": "当事人超标排放水污染物，共 ２ 次（虚构）。"},
    {"categories": "责令停产停业；罚款"},
    {"categories": "罚款、责令停产停业"},
    {"categories": "罚款,责令停产停业,罚款"},
    {"categories": "罚款\n责令停产停业"},
    {"categories": "罚款 | 责令停产停业 ;"},
    {"categories": "罚款", "categories_2": "责令停产停业"},
    {"fine_10k": "20.500000"},
    {"fine_10k": "２０．５"},
    {"fine_10k": "20.5万元"},
    {"fine_10k": "+020.50"},
    {"confiscated_10k": "0.00"},
    {"confiscated_10k": "-0"},
    {"decided_on": "2024-01-02"},
    {"decided_on": "2024/1/2"},
    {"decided_on": "2024.1.2"},
    {"decided_on": "2024年1月2日"},
    {"decided_on": "２０２４年 1 月 2 日"},
    {"decided_on": "20240102"},
    {"decided_on": "2024-01-02 00:00:00"},
    {"decided_on": "2024-01-02T09:30"},
    {"valid_until": "长期"},
    {"subject_kind": "法人和非法人组织"},
    {"source_name": "", "source_uscc": "11370200MBDEM0031R"},
    {"remarks": "无"},
    {"remarks": "/"},
    {"status": "0"},
    {"licence_seized": "NULL"},
    {"person_paper_no": "37010219900101001X", "representative_paper_no": "E12345678"},
]


@pytest.mark.parametrize("change", HARMLESS, ids=str)
def test_ways_of_writing_the_same_make_the_same_fingerprint(change: dict[str, str]) -> None:
    row = read(**change)
    assert row == read()
    assert row.fingerprint == read().fingerprint


def test_an_amount_may_have_commas_between_its_thousands() -> None:
    assert read(fine_10k="1,234,567.5").fine_10k == Decimal("1234567.5")


@pytest.mark.parametrize("key", [key for key in GOOD if key != "remarks"])
def test_other_content_makes_another_fingerprint(key: str) -> None:
    others = {
        "subject_kind": "个体工商户",
        "uscc": "91370115MADEM002XP",
        "categories": "罚款",
        "fine_10k": "20.6",
        "confiscated_10k": "1",
        "decided_on": "2024/01/03",
        "valid_until": "2025/12/31",
        "publish_until": "2027/01/03",
        "publicised_on": "2024/01/10",
        "conduct_ended_on": "",
        "agency_uscc": "11370100MBDEM0015Y",
        "source_uscc": "",
    }
    changed = read(**{key: others.get(key, GOOD[key] + "改")})
    assert changed.fingerprint != read().fingerprint


def test_without_a_code_the_agency_is_known_by_its_name() -> None:
    assert read(agency_uscc="").key[0] == "青岛示例生态环境局"


def test_numbers_of_identity_papers_are_never_kept() -> None:
    papers = {
        "representative_paper_kind": "身份证",
        "representative_paper_no": "PAPER-1",
        "person_paper_kind": "护照号",
        "person_paper_no": "PAPER-2",
    }
    row = read(legal_representative="示例", **papers)
    assert row.legal_representative == "示例"
    assert "PAPER" not in repr(row)
    assert "PAPER" not in json.dumps(row.as_dict())


@pytest.mark.parametrize(
    "change",
    [
        {"subject_kind": "自然人"},
        {"subject_kind": " 自然人 ", "uscc": "", "decided_on": "2024-13-40"},
        {"uscc": "37010219900101001X"},
    ],
)
def test_of_a_natural_person_nothing_is_said_but_that(change: dict[str, str]) -> None:
    assert [code for _, code in refuse(**change)] == ["natural_person"]


WRONG = [
    ("uscc", "91370202MADEM0011B", "uscc_check"),
    ("uscc", "9.1370202E+17", "uscc_number"),
    ("agency_uscc", "123", "uscc_length"),
    ("subject_kind", "其他", "subject_kind"),
    ("decided_on", "2024-02-30", "date_impossible"),
    ("decided_on", "2023/2/29", "date_impossible"),
    ("decided_on", "2024-13-01", "date_impossible"),
    ("decided_on", "0000-00-00", "date_impossible"),
    ("decided_on", "20241301", "date_impossible"),
    ("decided_on", "24-1-2", "date_format"),
    ("decided_on", "2024-1/2", "date_format"),
    ("decided_on", "1/2/2024", "date_format"),
    ("decided_on", "45293", "date_format"),
    ("decided_on", "٢٠٢٤-01-02", "date_format"),
    ("decided_on", "昨天", "date_format"),
    ("decided_on", "1899-12-31", "date_too_early"),
    ("decided_on", "2024-01-02" + " " * 9 + "x" * 200, "too_long"),
    ("publicised_on", "2026-11-22", "date_in_future"),
    ("conduct_ended_on", "2026-11-22", "date_in_future"),
    ("valid_until", "2024-01-01", "before_decision"),
    ("publish_until", "2023-12-31", "before_decision"),
    ("publicised_on", "2024-01-01", "before_decision"),
    ("fine_10k", "-1", "amount_negative"),
    ("fine_10k", "－0.5", "amount_negative"),
    ("fine_10k", "1" + "0" * 12, "amount_too_large"),
    ("fine_10k", "0.1234567", "amount_places"),
    ("fine_10k", "贰万元整", "amount_format"),
    ("fine_10k", "1,00", "amount_format"),
    ("fine_10k", "1e5", "amount_format"),
    ("fine_10k", "NaN", "amount_format"),
    ("fine_10k", "Infinity", "amount_format"),
    ("fine_10k", "²", "amount_format"),
    ("fine_10k", "200000元", "amount_unit"),
    ("fine_10k", "9" * 200, "too_long"),
    ("categories", "罚款;打屁股", "category_unknown"),
    ("categories", ";", "category_unknown"),
    ("categories_2", "不详", "category_unknown"),
    ("categories", "暂扣或者吊销许可证", "category_ambiguous"),
    ("subject_name", "示例\x00公司", "control_character"),
    ("subject_name", "示例\u202e公司", "control_character"),
    ("violation_facts", "事实\x1b[31m", "control_character"),
    ("remarks", "\ud83d", "lost_character"),
    ("remarks", "\udc80", "lost_character"),
    ("violation_facts", "罚\ufffd款", "lost_character"),
    ("subject_name", "长" * 201, "too_long"),
    ("decision_no", "长" * 129, "too_long"),
    ("violation_facts", "长" * 5001, "too_long"),
    ("remarks", "长" * 513, "too_long"),
    ("remarks", "长" * 1_000_000, "too_long"),
    ("status", "1", "status"),
    ("status", "撤销", "status"),
]


@pytest.mark.parametrize(
    ("key", "cell", "code"), WRONG, ids=[f"{key}-{code}" for key, _, code in WRONG]
)
def test_a_wrong_cell_is_refused_by_column_and_reason(key: str, cell: str, code: str) -> None:
    column = find_column(key)
    assert column is not None
    assert refuse(**{key: cell}) == [(column.heading, code)]


def test_a_decision_may_be_of_today_but_not_of_tomorrow() -> None:
    ends = {"publish_until": "", "publicised_on": ""}
    assert read(decided_on=TODAY.isoformat(), **ends).decided_on == TODAY
    tomorrow = (TODAY + timedelta(days=1)).isoformat()
    assert refuse(decided_on=tomorrow, **ends) == [("处罚决定日期", "date_in_future")]


def test_the_greatest_lengths_and_amounts_are_taken() -> None:
    row = read(subject_name="长" * 200, violation_facts="长" * 5000, fine_10k="999999999999.999999")
    assert row.fine_10k == Decimal("999999999999.999999")


@pytest.mark.parametrize("blank", ["", "  ", "\u3000", "/", "-", "无", "NULL", "\ufeff"])
@pytest.mark.parametrize("key", [column.key for column in COLUMNS if column.required])
def test_what_must_be_there_is_missed(key: str, blank: str) -> None:
    column = find_column(key)
    assert column is not None
    assert (column.heading, "required") in refuse(**{key: blank})


def test_all_problems_of_a_row_are_told_in_the_order_of_the_columns() -> None:
    found = refuse(
        remarks="\x00",
        decided_on="2024-02-30",
        uscc="91370202MADEM0011B",
        fine_10k="-1",
        subject_name="",
        agency_uscc="1",
    )
    assert found == [
        ("行政相对人名称", "required"),
        ("行政相对人代码_1(统一社会信用代码)", "uscc_check"),
        ("罚款金额(万元)", "amount_negative"),
        ("处罚决定日期", "date_impossible"),
        ("处罚机关统一社会信用代码", "uscc_length"),
        ("备注", "control_character"),
    ]


def test_an_empty_row_misses_what_is_required() -> None:
    problems = parse_row(3, {}, TODAY)
    assert isinstance(problems, list)
    assert [problem.code for problem in problems] == ["required"] * sum(
        column.required for column in COLUMNS
    )


@pytest.mark.parametrize("category", Category)
def test_each_category_of_the_law_is_read_by_its_name(category: Category) -> None:
    assert len(Category) == 14
    assert read(categories=category.zh).categories == (category,)
    assert category.en


@pytest.mark.parametrize(
    ("written", "content", "categories"),
    [
        ("暂扣或者吊销许可证", "吊销食品经营许可证", [Category.LICENCE_REVOCATION]),
        ("暂扣或者吊销执照", "暂扣营业执照三个月", [Category.LICENCE_SUSPENSION]),
        ("暂扣或者吊销许可证、暂扣或者吊销执照", "吊销执照", [Category.LICENCE_REVOCATION]),
        ("警告；没收违法所得、没收非法财物", "没收", [
            Category.WARNING, Category.CONFISCATION_GAINS, Category.CONFISCATION_GOODS,
        ]),
        ("吊销许可证", "吊销", [Category.LICENCE_REVOCATION]),
    ],
)  # fmt: skip
def test_the_older_categories_are_those_of_the_law(
    written: str, content: str, categories: list[Category]
) -> None:
    assert list(read(categories=written, content=content).categories) == categories


def test_the_words_of_the_older_category_do_not_decide_for_themselves() -> None:
    changes = {"categories": "暂扣或者吊销许可证", "content": "暂扣或者吊销许可证"}
    assert refuse(**changes) == [("处罚类别", "category_ambiguous")]


@pytest.mark.parametrize("written", ["其他-责令改正、限期拆除", "其他（责令改正、限期拆除）"])
def test_what_another_penalty_is_is_kept(written: str) -> None:
    row = read(categories=f"罚款;{written}")
    assert row.categories == (Category.FINE, Category.OTHER)
    assert row.other_penalty is not None
    assert "责令改正" in row.other_penalty
    assert "限期拆除" in row.other_penalty


def test_an_explanation_of_another_penalty_is_no_category_of_its_own() -> None:
    assert read(categories="其他-罚没").other_penalty == "罚没"
    assert read(categories="其他").other_penalty is None


def test_no_message_repeats_what_a_cell_holds() -> None:
    secret = "37010219900101001"
    problems = parse_row(7, dict.fromkeys(KEYS, secret), TODAY)
    assert isinstance(problems, list)
    assert secret not in repr(problems)


anything = st.one_of(
    st.text(alphabet=st.characters(), max_size=300),
    st.text(alphabet="0123456789.,-/年月日 万元+eE０１", max_size=30),
    st.text(alphabet="其他-罚款;、暂扣或吊销许可证（）() \n", max_size=30),
    st.sampled_from([cell for _, cell, _ in WRONG]),
    st.sampled_from(list(GOOD.values())),
)


@given(st.dictionaries(st.sampled_from(KEYS), anything, max_size=6))
def test_no_cell_whatever_breaks_the_reading(cells: dict[str, str]) -> None:
    found = parse_row(2, GOOD | cells, TODAY)
    if isinstance(found, PenaltyRow):
        assert len(found.fingerprint) == 64
        json.dumps(found.as_dict(), ensure_ascii=False).encode()
        assert "\x00" not in repr(found.as_dict())
    else:
        assert found
        assert all(isinstance(one, RowProblem) and one.code in MESSAGES for one in found)


@given(st.dictionaries(st.sampled_from(KEYS), anything, max_size=6))
def test_what_was_read_once_reads_the_same_again(cells: dict[str, str]) -> None:
    row = parse_row(2, GOOD | cells, TODAY)
    if isinstance(row, PenaltyRow) and row.other_penalty is None:
        texts = {
            key: "、".join(value) if isinstance(value, list) else value or ""
            for key, value in row.as_dict().items()
            if key != "other_penalty"
        }
        assert parse_row(2, texts, TODAY) == row


@given(
    st.dates(date(1949, 10, 1), TODAY),
    st.sampled_from(["%Y-%m-%d", "%Y/%m/%d", "%Y.%m.%d", "%Y年%m月%d日", "%Y%m%d"]),
)
def test_every_day_is_read_in_every_style(day: date, style: str) -> None:
    ends = {"valid_until": "", "publish_until": "", "publicised_on": ""}
    assert read(decided_on=day.strftime(style), **ends).decided_on == day


@given(st.decimals(0, 10**12 - 1, allow_nan=False, places=6))
def test_every_amount_of_the_format_is_read(amount: Decimal) -> None:
    assert read(fine_10k=f"{amount:f}").fine_10k == amount
