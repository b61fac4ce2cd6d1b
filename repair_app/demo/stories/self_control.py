"""What a centre or provider finds itself: flaws, and what was wrong once and is said again."""

from typing import Final

from repair_app.demo.stories.beats import OPENED, Beat, beat, matter


def flawed(days: int, ground: str, findings: str) -> Beat:
    """Return a flaw that an inspector found in a record."""
    return beat(days, "open", findings, ground=ground)


def corrected(days: int) -> Beat:
    """Return a provider's correction."""
    return beat(
        days,
        "correct",
        "已与决定书核对并更正。",
        values={"legal_basis": "《中华人民共和国价格法》第四十二条、第四十三条"},
    )


SELF_CHECKS: Final = (
    matter("self_correction", "with_provider", 150, flawed(2, "no_basis", "处罚依据只写了法名。")),
    matter(
        "self_correction",
        "with_centre",
        151,
        flawed(9, "duplicate", "与另一条信息疑为同一处罚。"),
        beat(2, "take_over", "提供单位逾期未整改，由本中心核改。"),
    ),
    matter(
        "self_correction",
        "correction_reported",
        152,
        flawed(4, "no_basis", "处罚依据缺少条款项次。"),
        corrected(2),
    ),
    matter(
        "self_correction",
        "removal_reported",
        153,
        flawed(4, "duplicate", "与纸质案卷编号重复。"),
        beat(2, "take_down", "经核确为重复报送，建议撤下。"),
    ),
    matter(
        "self_correction",
        "explained",
        154,
        flawed(4, "impossible_dates", "处罚日期早于立案日期。"),
        beat(2, "explain", "立案日期系补录，决定书日期无误。"),
    ),
    matter(
        "self_correction",
        "closed",
        155,
        flawed(12, "personal_data", "公示内容含经办人姓名。"),
        beat(
            10,
            "correct",
            "已删除个人信息。",
            values={"violation_facts": "当事人经营的预包装食品标签未标明贮存条件。"},
        ),
        beat(8, "confirm_correction", "核验无误，办结。"),
    ),
    matter(
        "self_correction",
        "justified",
        156,
        flawed(12, "duplicate", "与另一条信息的事实相近。"),
        beat(10, "explain", "两次违法行为发生在不同门店，分别立案。"),
        beat(8, "accept_explanation", "说明成立，两条信息并不重复。"),
    ),
    matter("self_correction", "moot", 142, flawed(10, "no_basis", "处罚依据不完整。")),
)

QUARANTINES: Final = (
    matter("quarantine", "quarantined", 125, beat(5, OPENED)),
    matter(
        "quarantine",
        "certified",
        110,
        beat(5, OPENED),
        beat(
            3,
            "certify",
            "法院再审后维持原处罚，原决定恢复效力。",
            papers=("再审判决书.pdf",),
        ),
    ),
    matter(
        "quarantine",
        "release_announced",
        166,
        beat(5, OPENED),
        beat(
            4,
            "certify",
            "修复时提交的缴款票据经核对属于另案，本案罚款尚未缴清，重新报送。",
            papers=("财政票据核对函.pdf",),
        ),
        beat(1, "announce_release", "票据不属本案，拟准予重新入库公示，请于五日内陈述意见。"),
    ),
    matter(
        "quarantine",
        "release_heard",
        341,
        beat(4, OPENED),
        beat(
            3,
            "certify",
            "更正违法主体后重新作出决定，沿用原文号。",
            papers=("重新作出的决定书.pdf",),
        ),
        beat(2, "announce_release", "重新作出的决定已送达，拟准予入库，请陈述意见。"),
        beat(1, "state_views", "我公司已就重新作出的决定申请行政复议，请暂缓入库。"),
    ),
    matter(
        "quarantine",
        "released",
        142,
        beat(5, OPENED),
        beat(4, "certify", "纠正程序后重新作出处罚，沿用原文号。", papers=("行政处罚决定书.pdf",)),
        beat(3, "announce_release", "重新作出的决定合法有效，拟准予入库，请于五日内陈述意见。"),
        beat(3, "state_views", "对重新作出的决定无异议，请注明原记录已撤销。"),
        beat(
            2,
            "release",
            "重新作出的决定合法有效，准予入库。",
            "原记录的撤销情况已归档留存，新记录按重新作出的决定公示。",
            "对公示信息有异议的，可以提出信用信息异议。",
        ),
    ),
    matter(
        "quarantine",
        "kept_out",
        143,
        beat(5, OPENED),
        beat(4, "certify", "系统批量补报。", papers=("补报说明.pdf",)),
        beat(2, "keep_out", "原记录经核实无法核实而停止公示，补报未附新的证据。"),
    ),
    matter(
        "quarantine",
        "taken_back",
        305,
        beat(4, OPENED),
        beat(3, "take_back", "误把已撤销的处罚列入补报清单，撤回。"),
    ),
)
