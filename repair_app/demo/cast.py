"""Who takes part in the demonstration: fictional organisations of a fictional city, and people."""

from typing import Final, NamedTuple

from repair_app.models import Role
from repair_app.models.parties import OrganisationKind

PASSWORD: Final = "Yunze-Demo-2026"  # noqa: S105  # the demonstration's, stated in the README
DOMAIN: Final = "redress.example"


class Unit(NamedTuple):
    """An organisation: its code's region 379900 does not exist, its body says MADEX or MBDEX."""

    uscc: str
    name: str
    kind: OrganisationKind = OrganisationKind.ENTERPRISE


class Player(NamedTuple):
    """A person with an account, by the part of its address before the @."""

    login: str
    name: str
    unit: str
    role: Role = Role.SUBJECT
    scope: tuple[str, ...] = ()


AGENCY: Final = OrganisationKind.AGENCY
INSTITUTION: Final = OrganisationKind.INSTITUTION

UNITS: Final = {
    "centre": Unit(
        "11379900MBDEX0015M", "云泽市公共信用信息中心（示例）", OrganisationKind.CREDIT_CENTRE
    ),
    "market": Unit("11379900MBDEX0023G", "云泽市市场监督管理局（示例）", AGENCY),
    "ecology": Unit("11379900MBDEX0031B", "云泽市生态环境局（示例）", AGENCY),
    "safety": Unit("11379900MBDEX004X3", "云泽市应急管理局（示例）", AGENCY),
    "labour": Unit("11379900MBDEX00583", "云泽市人力资源和社会保障局（示例）", AGENCY),
    "trading": Unit("11379900MBDEX0066X", "云泽市公共资源交易中心（示例）", AGENCY),
    "finance": Unit("11379900MBDEX0074Q", "云泽市财政局（示例）", AGENCY),
    "audit": Unit("11379900MBDEX0082K", "云泽市审计局（示例）", AGENCY),
    "school": Unit("91379900MADEX01340", "云泽信用培训服务中心（示例）", INSTITUTION),
    "rating": Unit("91379900MADEX0142T", "云泽衡信信用服务有限公司（示例）", INSTITUTION),
    "food": Unit("91379900MADEX0011Y", "云泽市恒晟示例食品有限公司"),
    "building": Unit("91379900MADEX002XN", "云泽市远桥示例建筑工程有限公司"),
    "farming": Unit("91379900MADEX0038N", "云泽市青禾示例农业科技有限公司"),
    "chemicals": Unit("91379900MADEX0046H", "云泽市宏鼎示例化工有限公司"),
    "logistics": Unit("91379900MADEX0054C", "云泽市捷程示例物流有限公司"),
    "trade": Unit("91379900MADEX00627", "云泽市百汇示例商贸有限公司"),
    "devices": Unit("91379900MADEX00702", "云泽市康宁示例医疗器械有限公司"),
    "textiles": Unit("91379900MADEX0089Y", "云泽市锦华示例纺织有限公司"),
    "property": Unit("91379900MADEX0097R", "云泽市瑞安示例物业服务有限公司"),
    "catering": Unit("91379900MADEX010XA", "云泽市蓝湾示例餐饮管理有限公司"),
    "staffing": Unit("91379900MADEX0118A", "云泽市众创示例劳务派遣有限公司"),
    "tutoring": Unit("91379900MADEX01265", "云泽市明德示例教育咨询有限公司"),
    "steel": Unit("91379900MADEX0150M", "云泽市恒岳示例钢构有限公司"),  # being reorganised
    "packaging": Unit("91379900MADEX0169J", "云泽市丰禾示例包装有限公司"),
    "province": Unit(
        "11379900MBDEX0090E", "省公共信用信息中心（示例）", OrganisationKind.CREDIT_CENTRE
    ),
}
SUPERIORS: Final = {"centre": "province"}  # who reviews decisions, and is told of what is late

REGISTRATIONS: Final = {
    "school": ("training", "云信备〔2020〕1号"),
    "rating": ("credit_report", "云信备〔2020〕2号"),
}

PLAYERS: Final = (
    Player("lin", "林晓岚", "centre", Role.REVIEWER),
    Player("zhou", "周启明", "centre", Role.REVIEWER),
    Player("zheng", "郑怀瑾", "centre", Role.REVIEWER),
    Player("meng", "孟繁星", "province", Role.REVIEWER),
    Player("qiu", "邱明哲", "province", Role.REVIEWER),
    Player("liang", "梁文博", "market", Role.PROVIDER),
    Player("luo", "罗静怡", "ecology", Role.PROVIDER),
    Player("gao", "高明远", "safety", Role.PROVIDER),
    Player("song", "宋佳音", "labour", Role.PROVIDER),
    Player("mei", "梅若兰", "market", Role.PROVIDER),
    Player("wei", "魏海涛", "ecology", Role.PROVIDER),
    Player("shi", "石建军", "safety", Role.PROVIDER),
    Player("bai", "白雪晴", "labour", Role.PROVIDER),
    Player("han", "韩立新", "trading", Role.DEPARTMENT),
    Player("dong", "董秋实", "finance", Role.DEPARTMENT),
    Player("ye", "叶知秋", "school", Role.INSTITUTION),
    Player("zhong", "钟毅", "rating", Role.INSTITUTION),
    Player("pan", "潘正清", "audit", Role.AUDITOR),
    Player("tang", "唐雅琴", "food"),
    Player("ma", "马立群", "building"),
    Player("shen", "沈若谷", "farming"),
    Player("xu", "许振邦", "chemicals"),
    Player("he", "何志远", "logistics"),
    Player("xie", "谢婉清", "trade"),
    Player("feng", "冯思敏", "devices"),
    Player("deng", "邓玉珍", "textiles"),
    Player("cao", "曹国栋", "property"),
    Player("jiang", "蒋晓晨", "catering"),
    Player("peng", "彭海生", "staffing"),
    Player("yuan", "袁书宁", "tutoring"),
    Player("du", "杜宏远", "steel"),
    Player("fu", "傅嘉禾", "packaging"),
    Player("fang", "方可欣", "food", Role.AGENT, ("objection",)),
    Player("dai", "戴文慎", "centre", Role.SECURITY_OFFICER),
)
AGENT_ELSEWHERE: Final = ("fang", "chemicals")  # the agent's second mandate, of the same scope

# Added when all else is there: this account says that the demonstration is whole.
LAST: Final = Player("yu", "余建平", "centre", Role.ADMINISTRATOR)

# How reviewers share their work: who receives, who decides, who signs.
REVIEWERS: Final = {"centre": ("lin", "zhou", "zheng"), "province": ("meng", "meng", "qiu")}
NOT_ACTING: Final = (Role.REVIEWER, Role.AGENT, Role.SECURITY_OFFICER)
ACTING: Final = [one for one in PLAYERS if one.role not in NOT_ACTING]
PERSON_OF: Final = {one.unit: one for one in reversed(ACTING)}
SECOND_OF: Final = {one.unit: one for one in ACTING}  # of an agency: signs what a colleague began


def address(login: str) -> str:
    """Return the e-mail address of a person of the cast."""
    return f"{login}@{DOMAIN}"
