"""The columns of the national penalty format (2018 no. 424) and the categories of penalty, as data.

Names, order and codes of the 30 columns are those of the format's annex for legal persons. Lengths
and the flag `required` are what systems that speak the format use; `required` is kept to what both
the format and the older layouts carry, so that older data can be read: a row without the kind of
the subject, the end of validity or the source unit is still a row.
"""

from collections.abc import Iterable
from dataclasses import dataclass
from enum import StrEnum
from typing import Final

from repair_app.penalty_format.cells import to_half_width


@dataclass(frozen=True)
class Column:
    """One column: `length` in characters; a file and a row must have it when `required`.

    What is not `kept` is recognised and thrown away unread: identity papers of natural persons,
    and registration numbers that the unified social credit code replaced.
    """

    key: str
    heading: str
    code: str
    length: int
    required: bool = False
    kept: bool = True
    aliases: tuple[str, ...] = ()


COLUMNS: Final = (
    Column("subject_name", "行政相对人名称", "CF_XDR_MC", 200, required=True),
    Column("subject_kind", "行政相对人类别", "CF_XDR_LB", 16),
    Column(
        "uscc",
        "行政相对人代码_1(统一社会信用代码)",
        "CF_XDR_SHXYM",
        18,
        required=True,
        aliases=("行政相对人代码_1", "统一社会信用代码"),
    ),
    Column(
        "business_registration_no",
        "行政相对人代码_2(工商注册号)",
        "CF_XDR_GSZC",
        50,
        kept=False,
        aliases=("CF_XDR_GSDJ", "行政相对人代码_2", "行政相对人代码_3(工商登记码)", "工商注册号"),
    ),
    Column(
        "organisation_code",
        "行政相对人代码_3(组织机构代码)",
        "CF_XDR_ZZJG",
        50,
        kept=False,
        aliases=(
            "CF_XDR_ZDM",
            "行政相对人代码_3",
            "行政相对人代码_2(组织机构代码)",
            "组织机构代码",
        ),
    ),
    Column(
        "tax_registration_no",
        "行政相对人代码_4(税务登记号)",
        "CF_XDR_SWDJ",
        50,
        kept=False,
        aliases=("行政相对人代码_4", "税务登记号"),
    ),
    Column(
        "public_institution_no",
        "行政相对人代码_5(事业单位证书号)",
        "CF_XDR_SYDW",
        50,
        kept=False,
        aliases=("行政相对人代码_5", "事业单位证书号"),
    ),
    Column(
        "social_organisation_no",
        "行政相对人代码_6(社会组织登记证号)",
        "CF_XDR_SHZZ",
        50,
        kept=False,
        aliases=("行政相对人代码_6", "社会组织登记证号"),
    ),
    Column(
        "legal_representative",
        "法定代表人",
        "CF_FRDB",
        50,
        aliases=("CF_FR", "法定代表人姓名"),
    ),
    Column("representative_paper_kind", "法定代表人证件类型", "CF_FR_ZJLX", 64, kept=False),
    Column("representative_paper_no", "法定代表人证件号码", "CF_FR_ZJHM", 64, kept=False),
    Column("person_paper_kind", "证件类型", "CF_XDR_ZJLX", 64, kept=False),
    Column(
        "person_paper_no",
        "证件号码",
        "CF_XDR_ZJHM",
        64,
        kept=False,
        aliases=("CF_SFZ", "行政相对人代码_5(居民身份证号)", "居民身份证号", "身份证号"),
    ),
    Column(
        "decision_no",
        "行政处罚决定书文号",
        "CF_WSH",
        128,
        required=True,
        aliases=("处罚决定书文号", "行政处罚决定文书号"),
    ),
    # Older data has the name of the penalty (处罚名称) where the format has the type of violation.
    Column(
        "violation_type",
        "违法行为类型",
        "CF_WFXW",
        2000,
        required=True,
        aliases=("CF_CFMC", "处罚名称"),
    ),
    Column("violation_facts", "违法事实", "CF_SY", 5000, required=True, aliases=("处罚事由",)),
    Column("legal_basis", "处罚依据", "CF_YJ", 2048, required=True),
    Column(
        "categories",
        "处罚类别",
        "CF_CFLB",
        200,
        required=True,
        aliases=("CF_CFLB1", "处罚类别1"),
    ),
    Column("content", "处罚内容", "CF_NR", 4000, required=True, aliases=("CF_JG", "处罚结果")),
    Column("fine_10k", "罚款金额(万元)", "CF_NR_FK", 32),
    Column(
        "confiscated_10k",
        "没收违法所得、没收非法财物的金额(万元)",
        "CF_NR_WFFF",
        32,
        aliases=("没收金额(万元)",),
    ),
    Column("licence_seized", "暂扣或吊销证照名称及编号", "CF_NR_ZKDX", 200),
    Column("decided_on", "处罚决定日期", "CF_JDRQ", 32, required=True),
    Column("valid_until", "处罚有效期", "CF_YXQ", 32, aliases=("处罚有效期至",)),
    Column("publish_until", "公示截止期", "CF_GSJZQ", 32, aliases=("公示截止日期",)),
    Column("agency_name", "处罚机关", "CF_CFJG", 200, required=True, aliases=("CF_XZJG",)),
    Column("agency_uscc", "处罚机关统一社会信用代码", "CF_CFJGDM", 18),
    Column("source_name", "数据来源单位", "CF_SJLY", 200),
    Column("source_uscc", "数据来源单位统一社会信用代码", "CF_SJLYDM", 18),
    Column("remarks", "备注", "BZ", 512),
)
"""The 30 columns of the format, in its order."""

EXTRA_COLUMNS: Final = (
    # A publication period starts from the decision, its publication, or the end of the conduct,
    # as the rules in force say: all three days are read.
    Column("publicised_on", "公示日期", "CF_GSRQ", 32, aliases=("公开日期", "公示起始日期")),
    Column(
        "conduct_ended_on",
        "违法行为终了日期",
        "CF_XWZZRQ",
        32,
        aliases=("行为终了日期", "违法行为终止日期", "失信行为终止日期"),
    ),
    # Of older data: a second category, and whether the record still stands.
    Column("categories_2", "处罚类别2", "CF_CFLB2", 200),
    Column("status", "当前状态", "CF_ZT", 16, aliases=("状态",)),
)
"""Columns outside the format that are read when a file has them."""

BY_KEY: Final = {column.key: column for column in COLUMNS + EXTRA_COLUMNS}


def plain_heading(heading: str) -> str:
    """Return a heading without what people add: spaces, width of characters, case, asterisks."""
    return "".join(to_half_width(heading).split()).strip("*\ufeff\u200b").upper()


def _names(columns: Iterable[Column]) -> dict[str, Column]:
    """Return all the headings that stand for each column, in plain form."""
    return {
        plain_heading(name): column
        for column in columns
        for name in (column.heading, column.code, column.key, *column.aliases)
    }


BY_HEADING: Final = _names(COLUMNS + EXTRA_COLUMNS)


def find_column(heading: str) -> Column | None:
    """Return the column that a heading stands for: its name, code, key or an alias; else None."""
    return BY_HEADING.get(plain_heading(heading))


class Category(StrEnum):
    """The kinds of penalty of the Administrative Penalty Law, article 9, in its order."""

    WARNING = "warning"
    CRITICISM = "criticism"
    FINE = "fine"
    CONFISCATION_GAINS = "confiscation_gains"
    CONFISCATION_GOODS = "confiscation_goods"
    LICENCE_SUSPENSION = "licence_suspension"
    DOWNGRADING = "downgrading"
    LICENCE_REVOCATION = "licence_revocation"
    OPERATION_RESTRICTION = "operation_restriction"
    BUSINESS_SUSPENSION = "business_suspension"
    CLOSURE = "closure"
    PRACTICE_RESTRICTION = "practice_restriction"
    DETENTION = "detention"
    OTHER = "other"

    @property
    def zh(self) -> str:
        """Return the words of the law."""
        return CATEGORY_LABELS[self][0]

    @property
    def en(self) -> str:
        """Return the category in English."""
        return CATEGORY_LABELS[self][1]


CATEGORY_LABELS: Final[dict[Category, tuple[str, str]]] = {
    Category.WARNING: ("警告", "warning"),
    Category.CRITICISM: ("通报批评", "circulated criticism"),
    Category.FINE: ("罚款", "fine"),
    Category.CONFISCATION_GAINS: ("没收违法所得", "confiscation of illegal gains"),
    Category.CONFISCATION_GOODS: ("没收非法财物", "confiscation of illegal property"),
    Category.LICENCE_SUSPENSION: ("暂扣许可证件", "suspension of a licence"),
    Category.DOWNGRADING: ("降低资质等级", "downgrading of qualification"),
    Category.LICENCE_REVOCATION: ("吊销许可证件", "revocation of a licence"),
    Category.OPERATION_RESTRICTION: ("限制开展生产经营活动", "restriction of operations"),
    Category.BUSINESS_SUSPENSION: ("责令停产停业", "order to suspend production or business"),
    Category.CLOSURE: ("责令关闭", "order to close down"),
    Category.PRACTICE_RESTRICTION: ("限制从业", "restriction on practice"),
    Category.DETENTION: ("行政拘留", "administrative detention"),
    Category.OTHER: ("其他", "other"),
}
"""Chinese and English label of each category: the one table of them.

Rule packs name categories by their codes; how files write them is said here and below.
"""

CATEGORY_ORDER: Final = {category: place for place, category in enumerate(Category)}

OLDER_CATEGORIES: Final[dict[str, Category]] = {
    "通报": Category.CRITICISM,
    "没收非法所得": Category.CONFISCATION_GAINS,
    "没收违法财物": Category.CONFISCATION_GOODS,
    "暂扣许可证": Category.LICENCE_SUSPENSION,
    "暂扣执照": Category.LICENCE_SUSPENSION,
    "暂扣营业执照": Category.LICENCE_SUSPENSION,
    "降低资质": Category.DOWNGRADING,
    "吊销许可证": Category.LICENCE_REVOCATION,
    "吊销执照": Category.LICENCE_REVOCATION,
    "吊销营业执照": Category.LICENCE_REVOCATION,
    "撤销许可证": Category.LICENCE_REVOCATION,
    "限制生产经营活动": Category.OPERATION_RESTRICTION,
    "责令停产": Category.BUSINESS_SUSPENSION,
    "责令停业": Category.BUSINESS_SUSPENSION,
    "停产停业": Category.BUSINESS_SUSPENSION,
    "拘留": Category.DETENTION,
}
"""Words of the older column 18, and of practice, for a category."""

EITHER_LICENCE_PENALTY: Final = frozenset(
    f"暂扣或吊销{paper}" for paper in ("许可证", "执照", "营业执照", "许可证件", "许可证和执照")
)
"""The older category that does not say which: what the penalty was stands in its content."""
