"""Orders to put right, and talks."""

from typing import Final

from repair_app.demo.stories.beats import Beat, Beats, Story, beat, matter


def ordered(days: int, order: str = "") -> Beat:
    """Return an order to put a violation right."""
    return beat(days, "open", order or "1. 建立隐患排查台账\n2. 清空消防通道\n3. 报送整改照片")


def undone(days: int) -> Beats:
    """Return an order that was answered, and found not to be done."""
    return (
        ordered(days),
        beat(days - 2, "answer", "已完成整改，附照片。", papers=("整改照片.png",)),
        beat(days - 3, "find_undone", "现场复查，消防通道仍被占用，整改不到位。"),
    )


def called(days: int, kind: str = "reminder") -> Beat:
    """Return the notice of a talk that meets three working days later."""
    agenda = "提示整改义务和逾期后果。" if kind == "reminder" else "提示约谈后仍未整改，予以警示。"
    return beat(
        days, "open", agenda, ground=kind, meets_on=3, place="上午9:30，市应急管理局二楼会议室"
    )


def held(days: int, kind: str = "reminder") -> Beats:
    """Return a talk that was called and held."""
    return (
        called(days, kind),
        beat(
            days - 3,
            "hold",
            "局执法科两人，企业法定代表人和安全负责人",
            "通报复查情况，说明逾期不改将依法从重处理。",
            "承认整改不彻底，因资金安排延误。",
            "十日内完成整改并书面报告。",
            held_on=0,
        ),
    )


def signed(days: int, kind: str = "reminder") -> Beats:
    """Return a talk whose minutes were signed, and so entered in the record."""
    return (*held(days, kind), beat(days - 4, "sign_minutes", "企业法定代表人"))


def order(name: str, no: int, *beats: Beats | Beat) -> Story:
    """Return an order."""
    return matter("rectification_order", name, no, *beats)


def talk(name: str, no: int, *beats: Beats | Beat) -> Story:
    """Return a talk."""
    return matter("talk", name, no, *beats)


SUPERVISION: Final = (
    order("ordered", 330, ordered(8)),
    order("answered", 331, undone(6)[:2]),
    order("not_done", 332, undone(6)),
    order("done", 333, undone(20)[:2], beat(16, "find_done", "复查合格，整改到位。")),
    order(
        "recalled", 334, ordered(10), beat(8, "recall_order", "企业已迁出本市，原址无整改对象。")
    ),
    order("passed_to_talk-called", 335, undone(8)),
    talk("called", 335, called(1)),
    order("passed_to_talk-minuted", 336, undone(12)),
    talk("minuted", 336, held(5)),
    order("passed_to_talk-entered", 337, undone(16)),
    talk("entered", 337, signed(8)),
    order("passed_to_talk-put-right", 338, undone(24)),
    talk("put_right", 338, signed(16), beat(8, "find_done", "复查合格，整改到位。")),
    order("passed_to_talk-in-vain", 339, undone(34)),
    talk("passed_on", 339, signed(26)),
    talk(
        "unreformed",
        339,
        signed(16, "warning"),
        beat(8, "find_unreformed", "两次约谈后仍未建立台账，移送从重处理。"),
    ),
    order("passed_to_talk-called-off", 340, undone(14)),
    talk("called_off", 340, called(8), beat(6, "call_off", "企业已整改到位并经复查，取消约谈。")),
    order("passed_to_talk-of-ended", 341, undone(17)),
    talk("moot", 341, called(13)),
    order("moot", 341, ordered(12)),
)
