"""The penalties of the demonstration, and the files in which the agencies report them."""

import csv
import io
from collections.abc import Iterable
from datetime import date, timedelta
from typing import Final, NamedTuple

from repair_app.demo.cast import PERSON_OF, UNITS
from repair_app.demo.days import working_day
from repair_app.penalty_format.columns import BY_KEY, COLUMNS

REPORTED_AFTER: Final = 7  # days from a decision to the file that reports it


class Matter(NamedTuple):
    """What was done wrong, by which law, and what the penalty says."""

    agency: str
    violation: str
    facts: str
    basis: str
    categories: str
    content: str = "处以罚款人民币{fine}万元。"


class Penalty(NamedTuple):
    """A penalty: number, enterprise, matter, age of the decision in days, fine in 10k yuan."""

    no: int
    unit: str
    matter: str
    age: int
    fine: str = "0"
    late: int = 0  # reported only so many days ago


MATTERS: Final = {
    "label": Matter(
        "market",
        "生产标签不符合规定的食品",
        "执法人员检查发现，当事人生产的预包装食品标签未标明生产日期和贮存条件，已售出320袋。",
        "《中华人民共和国食品安全法》第一百二十五条第一款第二项",
        "罚款",
        "责令改正，处以罚款人民币{fine}万元。",
    ),
    "advert": Matter(
        "market",
        "发布引人误解的广告",
        "当事人在门店及网络店铺使用“行业第一”“销量冠军”等宣传用语，未能提供依据。",
        "《中华人民共和国广告法》第五十七条",
        "罚款",
        "责令停止发布广告，处以罚款人民币{fine}万元。",
    ),
    "price": Matter(
        "market",
        "不按规定明码标价",
        "当事人经营场所内42种商品未标明计价单位，部分商品标价签价格与结算价格不一致。",
        "《中华人民共和国价格法》第四十二条",
        "警告;罚款",
        "给予警告，处以罚款人民币{fine}万元。",
    ),
    "stock": Matter(
        "market",
        "未建立食品进货查验记录制度",
        "当事人采购食品原料未查验供货者许可证和合格证明，首次被发现，当场改正。",
        "《中华人民共和国食品安全法》第一百二十六条第一款第三项",
        "警告",
        "责令改正，给予警告。",
    ),
    "device": Matter(
        "market",
        "经营未依法注册的第二类医疗器械",
        "当事人购进并销售未取得注册证的第二类医疗器械，情节严重，已列入严重违法失信名单。",
        "《医疗器械监督管理条例》第八十一条",
        "罚款;没收违法所得",
        "没收违法所得，处以罚款人民币{fine}万元。",
    ),
    "kitchen": Matter(
        "market",
        "未按规定检验食品原料且拒不改正",
        "当事人加工的食品使用未经检验的原料，经责令限期改正后复查仍未改正。",
        "《中华人民共和国食品安全法》第一百二十六条",
        "罚款;责令停产停业",
        "责令停产停业三十日，处以罚款人民币{fine}万元。",
    ),
    "sewage": Matter(
        "ecology",
        "超过水污染物排放标准排放水污染物",
        "监测报告显示，当事人总排口化学需氧量浓度超过排放标准0.4倍。",
        "《中华人民共和国水污染防治法》第八十三条第二项",
        "罚款",
        "责令改正，处以罚款人民币{fine}万元。",
    ),
    "assessment": Matter(
        "ecology",
        "建设项目环境影响评价文件未经批准擅自开工建设",
        "当事人扩建的一条生产线未报批环境影响报告表即开工建设，检查时主体设备已安装。",
        "《中华人民共和国环境影响评价法》第三十一条第一款",
        "罚款",
        "责令停止建设，处以罚款人民币{fine}万元。",
    ),
    "fumes": Matter(
        "ecology",
        "通过不正常运行污染防治设施排放大气污染物",
        "当事人夜间停用废气治理设施，一年内第三次被查，屡罚不改，情节严重。",
        "《中华人民共和国大气污染防治法》第九十九条第三项",
        "罚款",
        "责令改正，处以罚款人民币{fine}万元。",
    ),
    "training": Matter(
        "safety",
        "未如实记录安全生产教育和培训情况",
        "检查发现，当事人一季度安全培训记录缺少12名从业人员的签到和考核结果。",
        "《中华人民共和国安全生产法》第九十七条第四项",
        "罚款",
        "责令限期改正，处以罚款人民币{fine}万元。",
    ),
    "hazard": Matter(
        "safety",
        "未建立事故隐患排查治理制度",
        "当事人未建立隐患排查治理台账，堆场消防通道被货物占用，未采取整改措施。",
        "《中华人民共和国安全生产法》第一百零一条第五项",
        "罚款",
        "责令限期改正，处以罚款人民币{fine}万元。",
    ),
    "storage": Matter(
        "safety",
        "危险化学品的储存不符合国家标准",
        "当事人将相互禁忌的危险化学品混合储存，经处罚后再次被查，屡罚不改，情节严重。",
        "《危险化学品安全管理条例》第八十条第一款第五项",
        "罚款",
        "责令改正，处以罚款人民币{fine}万元。",
    ),
    "wages": Matter(
        "labour",
        "未按规定存储工资保证金",
        "当事人承建项目未按规定存储农民工工资保证金，经责令限期改正，逾期后方才补存。",
        "《保障农民工工资支付条例》第五十五条第二项",
        "罚款",
        "处以罚款人民币{fine}万元。",
    ),
    "dispatch": Matter(
        "labour",
        "违反劳务派遣规定",
        "当事人在非临时性、辅助性岗位派遣劳动者18人，未与其中3人订立书面劳动合同。",
        "《中华人民共和国劳动合同法》第九十二条第二款",
        "罚款",
        "责令限期改正，处以罚款人民币{fine}万元。",
    ),
    "orders": Matter(
        "labour",
        "不履行劳动保障监察限期改正指令",
        "当事人收到限期改正指令书后，未在期限内报送用工台账和工资支付凭证。",
        "《劳动保障监察条例》第三十条第一款第三项",
        "罚款",
        "处以罚款人民币{fine}万元。",
    ),
}

PENALTIES: Final = (
    Penalty(101, "food", "label", 45, "1.5"),
    Penalty(102, "trade", "advert", 45, "6"),
    Penalty(103, "catering", "price", 80, "0.5"),
    Penalty(104, "devices", "advert", 80, "8"),
    Penalty(105, "tutoring", "advert", 80, "3"),
    Penalty(106, "trade", "price", 80, "5"),
    Penalty(107, "food", "label", 80, "120"),
    Penalty(108, "catering", "label", 80, "2"),
    Penalty(109, "food", "price", 200, "0.3"),
    Penalty(110, "devices", "advert", 130, "10"),
    Penalty(111, "food", "advert", 200, "4"),
    Penalty(112, "trade", "label", 80, "1.2"),
    Penalty(114, "catering", "price", 130, "0.4"),  # can be repaired today
    Penalty(115, "catering", "label", 45, "1"),  # its minimum period still runs
    Penalty(116, "catering", "kitchen", 300, "12"),  # not repairable
    Penalty(117, "tutoring", "advert", 45, "2"),
    Penalty(120, "textiles", "price", 200, "0.8"),
    Penalty(121, "devices", "device", 420, "18"),
    Penalty(122, "tutoring", "price", 200, "0.6"),
    Penalty(123, "trade", "advert", 200, "7"),
    Penalty(124, "catering", "label", 200, "1.8"),
    Penalty(125, "tutoring", "advert", 200, "5"),
    Penalty(126, "textiles", "label", 300, "1.1"),
    Penalty(127, "devices", "device", 500, "22"),
    Penalty(128, "trade", "price", 372, "0.9"),  # its publication has just expired
    Penalty(129, "devices", "device", 420, "16"),
    Penalty(130, "farming", "stock", 45),
    Penalty(131, "food", "label", 800, "2.5", late=30),  # reported when its time was over
    Penalty(201, "chemicals", "sewage", 80, "15"),
    Penalty(202, "textiles", "sewage", 80, "20"),
    Penalty(203, "chemicals", "assessment", 130, "9"),
    Penalty(204, "farming", "sewage", 130, "11"),
    Penalty(205, "farming", "assessment", 80, "6"),
    Penalty(220, "farming", "sewage", 200, "10"),
    Penalty(221, "chemicals", "fumes", 420, "35"),
    Penalty(222, "textiles", "sewage", 200, "13"),
    Penalty(223, "chemicals", "fumes", 500, "48"),
    Penalty(301, "logistics", "training", 80, "2"),
    Penalty(302, "building", "training", 80, "3"),
    Penalty(303, "chemicals", "hazard", 80, "5"),
    Penalty(304, "logistics", "hazard", 130, "4"),
    Penalty(305, "property", "hazard", 80, "2.2"),
    Penalty(320, "logistics", "training", 200, "1.5"),
    Penalty(321, "property", "hazard", 200, "3.5"),
    Penalty(322, "building", "hazard", 200, "4.5"),
    Penalty(323, "logistics", "storage", 500, "28"),
    Penalty(401, "building", "wages", 80, "5"),
    Penalty(402, "staffing", "dispatch", 80, "9"),
    Penalty(403, "property", "orders", 80, "1"),
    Penalty(404, "staffing", "orders", 80, "1.6"),
    Penalty(405, "building", "wages", 130, "6"),
    Penalty(420, "staffing", "dispatch", 200, "7.2"),
    Penalty(421, "building", "orders", 200, "1.9"),
    Penalty(422, "property", "wages", 200, "5.5"),
    # For what surrounds objections and repairs; see matters.py.
    Penalty(132, "catering", "advert", 372, "0.6"),  # repaired, and by now archived
    Penalty(140, "food", "label", 80, "2.2"),
    Penalty(141, "trade", "label", 130, "1.4"),
    Penalty(142, "catering", "price", 130, "0.7"),
    Penalty(143, "textiles", "label", 130, "1.3"),
    Penalty(144, "devices", "advert", 130, "4.5"),
    Penalty(145, "tutoring", "price", 80, "0.9"),
    Penalty(146, "food", "advert", 130, "3.3"),
    Penalty(147, "trade", "price", 130, "1.6"),
    Penalty(148, "textiles", "advert", 80, "2.6"),
    Penalty(149, "catering", "advert", 80, "1.9"),
    Penalty(150, "food", "price", 80, "0.2"),
    Penalty(151, "trade", "label", 80, "1.7"),
    Penalty(152, "textiles", "price", 130, "0.5"),
    Penalty(153, "tutoring", "label", 80, "1.1"),
    Penalty(154, "devices", "label", 80, "1.5"),
    Penalty(155, "catering", "label", 130, "2.1"),
    Penalty(156, "trade", "advert", 130, "2.8"),
    Penalty(157, "devices", "price", 80, "0.8"),
    Penalty(158, "textiles", "label", 80, "1.6"),
    Penalty(159, "food", "label", 130, "1.9"),
    Penalty(160, "packaging", "label", 200, "1.5"),
    Penalty(161, "packaging", "advert", 80, "2.4"),
    Penalty(162, "textiles", "price", 300, "0.9"),
    Penalty(163, "catering", "advert", 200, "2.3"),
    Penalty(164, "tutoring", "label", 200, "1.2"),
    Penalty(165, "devices", "price", 300, "1.3"),
    Penalty(166, "food", "label", 300, "2"),
    Penalty(167, "textiles", "advert", 200, "3.1"),
    Penalty(168, "trade", "price", 200, "1.1"),
    Penalty(169, "trade", "price", 80, "0.7"),
    Penalty(170, "tutoring", "advert", 200, "1.4"),
    Penalty(171, "tutoring", "label", 130, "1"),
    Penalty(172, "packaging", "price", 130, "0.3"),
    Penalty(173, "food", "label", 80, "12"),
    Penalty(174, "devices", "label", 80, "15"),
    Penalty(180, "food", "stock", 130),
    Penalty(181, "trade", "stock", 130),
    Penalty(182, "textiles", "stock", 130),
    Penalty(183, "catering", "stock", 130),
    Penalty(184, "tutoring", "stock", 130),
    Penalty(210, "textiles", "assessment", 80, "4"),
    Penalty(211, "farming", "sewage", 80, "8"),
    Penalty(212, "chemicals", "sewage", 130, "12"),
    Penalty(213, "textiles", "assessment", 130, "7"),
    Penalty(214, "farming", "assessment", 130, "5"),
    Penalty(215, "chemicals", "assessment", 80, "6.5"),
    Penalty(330, "logistics", "hazard", 80, "2.4"),
    Penalty(331, "building", "hazard", 80, "3.2"),
    Penalty(332, "property", "training", 80, "1.2"),
    Penalty(333, "logistics", "training", 130, "1.8"),
    Penalty(334, "building", "training", 130, "2.6"),
    Penalty(335, "property", "hazard", 130, "3"),
    Penalty(336, "chemicals", "hazard", 130, "4.1"),
    Penalty(337, "chemicals", "training", 80, "2.2"),
    Penalty(338, "logistics", "hazard", 200, "4.2"),
    Penalty(339, "building", "training", 200, "2.7"),
    Penalty(340, "property", "training", 200, "1.4"),
    Penalty(341, "staffing", "hazard", 130, "2.9"),
    Penalty(345, "building", "hazard", 130, "3.6"),
    Penalty(346, "logistics", "training", 200, "2.1"),
    Penalty(430, "steel", "wages", 80, "3"),
    Penalty(431, "steel", "orders", 80, "1.1"),
    Penalty(432, "steel", "dispatch", 80, "6"),
    Penalty(433, "steel", "wages", 130, "3.4"),
    Penalty(434, "steel", "orders", 130, "1.2"),
    Penalty(435, "steel", "dispatch", 130, "5"),
    Penalty(436, "steel", "wages", 200, "2.8"),
    Penalty(437, "steel", "orders", 200, "1.3"),
    Penalty(438, "steel", "dispatch", 200, "4.4"),
    Penalty(439, "steel", "wages", 200, "2.1"),
    Penalty(440, "steel", "orders", 200, "0.9"),
)
BY_NO: Final = {one.no: one for one in PENALTIES}
SHORT: Final = {"market": "市监", "ecology": "环", "safety": "应急", "labour": "人社监"}

# Two rows that the market authority got wrong: a code with a slip, and a natural person.
FLAWED: Final = (
    {"uscc": "91379900MADEX0012Y", "decision_no": "云示市监罚〔示例〕901号"},
    {"subject_kind": "自然人", "decision_no": "云示市监罚〔示例〕902号"},
)
FLAWED_IN: Final = ("market", 45)
# Files that say again, so many working days ago, what was removed or repaired by then.
REPEATED: Final = {("market", 5): (110, 125, 142, 143, 166), ("safety", 4): (305, 341)}


def decided_on(penalty: Penalty, day: date) -> date:
    """Return the date of a penalty's decision, seen from a day."""
    return working_day(day - timedelta(days=penalty.age), 0)


def decision_no(penalty: Penalty, day: date) -> str:
    """Return the number of a penalty's decision."""
    agency = MATTERS[penalty.matter].agency
    return f"云示{SHORT[agency]}罚〔{decided_on(penalty, day).year}〕{penalty.no}号"


class Report(NamedTuple):
    """A file in which an agency reports penalties, and on which day."""

    agency: str
    sent_on: date
    content: bytes

    @property
    def filename(self) -> str:
        """Return the name of the file."""
        return f"{UNITS[self.agency].name}-行政处罚-{self.sent_on:%Y%m%d}.csv"


def list_reports(day: date) -> list[Report]:
    """Return the files that report the penalties, seen from a day."""
    groups: dict[tuple[str, int, int], list[Penalty]] = {}
    for one in PENALTIES:
        groups.setdefault((MATTERS[one.matter].agency, one.age, one.late), []).append(one)
    reports = [
        Report(
            agency=agency,
            sent_on=working_day(day - timedelta(days=late or age - REPORTED_AFTER), 0),
            content=write_file(some, day, FLAWED if (agency, age) == FLAWED_IN else ()),
        )
        for (agency, age, late), some in groups.items()
    ]
    for (agency, days), numbers in REPEATED.items():
        again = write_file([BY_NO[no] for no in numbers], day, ())
        reports.append(Report(agency, working_day(day, days), again))
    return reports


def write_file(penalties: list[Penalty], day: date, flawed: Iterable[dict[str, str]]) -> bytes:
    """Return a CSV file of the national format with its 30 columns."""
    rows = [cells(one, day) for one in penalties]
    rows += [{**rows[0], **flaws} for flaws in flawed]
    text = io.StringIO()
    writer = csv.DictWriter(text, [one.heading for one in COLUMNS])
    writer.writeheader()
    writer.writerows({BY_KEY[key].heading: cell for key, cell in row.items()} for row in rows)
    return text.getvalue().encode("utf-8-sig")


def cells(penalty: Penalty, day: date) -> dict[str, str]:
    """Return a penalty's row by the keys of its columns."""
    matter = MATTERS[penalty.matter]
    unit, agency = UNITS[penalty.unit], UNITS[matter.agency]
    return {
        "subject_name": unit.name,
        "subject_kind": "法人及非法人组织",
        "uscc": unit.uscc,
        "legal_representative": PERSON_OF[penalty.unit].name,
        "decision_no": decision_no(penalty, day),
        "violation_type": matter.violation,
        "violation_facts": matter.facts,
        "legal_basis": matter.basis,
        "categories": matter.categories,
        "content": matter.content.format(fine=penalty.fine),
        "fine_10k": penalty.fine,
        "confiscated_10k": "0.86" if "没收" in matter.categories else "0",
        "decided_on": f"{decided_on(penalty, day):%Y/%m/%d}",
        "valid_until": "2099/12/31",
        "agency_name": agency.name,
        "agency_uscc": agency.uscc,
        "source_name": agency.name,
        "source_uscc": agency.uscc,
        "remarks": "演示数据，纯属虚构",
    }
