"""Measures of joint sanction, and what becomes of them."""

from typing import Final, NamedTuple

from repair_app.demo.stories.beats import Beat, Beats, beat


class Measure(NamedTuple):
    """A measure of the catalogue: on which penalty, by whom, since when and for how long.

    `days` count back in working days, `term` on in days from then; without a term the measure
    goes on as long as the record is published. `steps` are taken afterwards. `initiated_by` is
    who of the lead agency asked for it, if one did; `person` on whom it is laid, if on one.
    """

    no: int
    code: str
    by: str
    days: int
    term: int = 0
    steps: Beats = ()
    initiated_by: str = ""
    person: str = ""


def carried_out(days: int, account: str) -> Beat:
    """Return a department's report that it carried a measure out on that day."""
    return beat(days, "report", account, happened_on=0, executed=True)


MEASURES: Final = (
    Measure(111, "A01", "han", 40, 180),
    Measure(111, "A02", "dong", 38, 180),
    Measure(103, "A02", "dong", 20, 120, (beat(1, "acknowledge"),)),
    Measure(402, "A01", "han", 25, 200),
    Measure(107, "A05", "dong", 25, 90),
    Measure(204, "A01", "han", 30, 200),
    Measure(405, "A01", "han", 35, 200),
    Measure(421, "A01", "han", 60, 200),
    Measure(121, "A02", "dong", 90, 360),
    Measure(221, "A01", "han", 90, 360),
    Measure(116, "A01", "han", 80, 360),
    Measure(116, "I02", "dong", 80, 360),
    Measure(323, "A01", "han", 120, 400),
    Measure(129, "A02", "dong", 40, 50),
    Measure(128, "A06", "dong", 100),
    Measure(
        320,
        "A02",
        "dong",
        60,
        200,
        (beat(10, "lift", "企业已提前落实整改，经会商解除该项措施。"),),
    ),
    # Carried out on what later proved wrong: each department undoes what it did.
    Measure(110, "A06", "dong", 40, 100, (carried_out(36, "已从简化审批名单中移出。"),)),
    Measure(125, "A01", "han", 40, 120, (carried_out(30, "一次投标资格审查中按限制情形扣分。"),)),
    Measure(142, "A06", "dong", 40, 120, (carried_out(33, "未适用告知承诺办理方式一次。"),)),
    Measure(143, "A01", "han", 40, 120, (carried_out(31, "取消其在一个项目中的投标资格。"),)),
    Measure(305, "A06", "dong", 25, 120, (carried_out(20, "暂停其容缺受理资格。"),)),
    # The loop: initiated by the lead agency, answered, carried out, fed back, evaluated.
    Measure(117, "A05", "han", 5, 120, (), "liang"),
    Measure(
        117,
        "A06",
        "dong",
        14,
        120,
        (beat(9, "decline", "该企业未在本部门申办行政便利事项，措施无执行对象，不予实施。"),),
        "liang",
    ),
    Measure(
        211,
        "A01",
        "han",
        24,
        150,
        (
            beat(20, "accept", "纳入本中心信用查询。"),
            carried_out(15, "在两个采购项目的资格审查中予以限制。"),
            beat(10, "evaluate", "措施落实到位，企业已主动整改排放口。", evaluation="effective"),
        ),
        "luo",
    ),
    Measure(129, "P02", "han", 12, 120, (beat(9, "accept", ""),), "liang", "冯思敏"),
    Measure(431, "A01", "han", 30, 200),  # of the firm that is being reorganised
)
