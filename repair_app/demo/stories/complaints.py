"""Complaints of those who are no party."""

from typing import Any, Final

from repair_app.demo.stories.beats import Beat, Beats, Story, beat, matter


def told(days: int, statement: str, **facts: Any) -> Beat:
    """Return what an interested party says about a record."""
    return beat(days, "open", statement, **{"capacity": "consumer", **facts})


def complaint(name: str, no: int, ground: str, *beats: Beats | Beat) -> Story:
    """Return a complaint on a ground."""
    return matter("complaint", name, no, *beats)._replace(ground=ground)


COMPLAINTS: Final = (
    complaint(
        "received",
        161,
        "error",
        told(1, "宣传单上写的金额与公示不一样。", contact="电话：000-0000-0161（示例）"),
    ),
    complaint(
        "taken_up",
        148,
        "omission",
        told(4, "该公司另有两个店名，公示未写明是哪一个。", capacity="partner"),
        beat(3, "take_up", "经初步核对，公示未载明涉案店铺，予以核实。"),
    ),
    complaint(
        "dismissed",
        172,
        "error",
        told(8, "听说这家企业还有别的问题。", capacity="neighbour"),
        beat(
            6, "dismiss", "未说明公示信息有何错误，缺少可供核实的线索。", code="nothing_to_verify"
        ),
    ),
    complaint(
        "joined",
        149,
        "error",
        told(2, "广告早在处罚前一年就撤下了。", capacity="creditor"),
        beat(1, "join", joined_id=("objection", "submitted-complained-of")),
    ),
    complaint("moot", 142, "error", told(11, "公示的店名写错了。")),
)
