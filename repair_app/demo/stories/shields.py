"""Reorganisation in bankruptcy: one firm, several records."""

from typing import Final

from repair_app.demo.stories.beats import Beat, Beats, beat, matter


def ruling(days: int, what: str, statement: str) -> Beat:
    """Return a court's ruling on the reorganisation."""
    return beat(
        days,
        what,
        "云泽市中级人民法院（示例）",
        statement,
        papers=("民事裁定书.pdf",),
        number=f"云示破〔{days}〕3号",
        issued_on=-2,
    )


def applied(days: int) -> Beat:
    """Return the application to shield a record while the plan is carried out."""
    return ruling(days, "open", "裁定批准重整计划，终止重整程序，进入计划执行期。")


def shielded(days: int) -> Beats:
    """Return how a record comes to be shielded within two working days."""
    return (
        applied(days),
        beat(days - 1, "propose_shield", "裁定真实有效，拟同意屏蔽。"),
        beat(days - 2, "sign_shield", "同意重整计划执行期间屏蔽。"),
    )


def completed(days: int) -> Beat:
    """Return the report that the plan was carried out."""
    return ruling(days, "report_completion", "裁定确认重整计划执行完毕。")


def failed(days: int) -> Beat:
    """Return the notice that publication is to resume."""
    return beat(days, "announce_lifting", "管理人报告未按计划清偿第二期债务，拟恢复公示。")


LIFTING_VIEWS: Final = "已与管理人协商延期清偿，投资款本月到位，请继续屏蔽。"
SHIELDS: Final = (
    matter("shield", "submitted", 430, applied(1)),
    matter("shield", "shielded", 431, shielded(12)),
    matter("shield", "shield_proposed", 432, shielded(3)[:2]),
    matter("shield", "completion_reported", 433, shielded(30), completed(1)),
    matter(
        "shield",
        "completion_proposed",
        434,
        shielded(30),
        completed(3),
        beat(1, "propose_completion", "裁定载明执行完毕，拟终止公示。"),
    ),
    matter("shield", "lifting_announced", 435, shielded(30), failed(2)),
    matter(
        "shield",
        "lifting_heard",
        436,
        shielded(30),
        failed(5),
        beat(2, "state_views", LIFTING_VIEWS),
    ),
    matter(
        "shield",
        "refused",
        437,
        applied(20),
        beat(
            19,
            "refuse",
            "提交的是受理重整申请的裁定，重整计划尚未批准。",
            "法院裁定批准重整计划后，可以重新申请。",
            code="material_incomplete",
        ),
    ),
    matter(
        "shield",
        "completed",
        438,
        shielded(40),
        completed(9),
        beat(8, "propose_completion", "拟终止公示。"),
        beat(7, "sign_completion", "同意终止公示。"),
    ),
    matter(
        "shield",
        "lifted",
        439,
        shielded(40),
        failed(15),
        beat(12, "state_views", LIFTING_VIEWS),
        beat(
            10,
            "sign_lifting",
            "重整计划已裁定终止执行，恢复公示。",
            "企业未能提供投资款到位凭证，不予采纳。",
            "计划恢复执行的，凭法院裁定重新申请。",
        ),
    ),
    matter(
        "shield", "withdrawn", 440, applied(6), beat(5, "withdraw", "裁定书有笔误，更正后再申请。")
    ),
    matter("shield", "moot", 341, ruling(11, "open", "裁定批准重整计划。")),
)
