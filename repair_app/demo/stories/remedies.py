"""What departments did because of records that were wrong, and undo."""

from typing import Final

from repair_app.demo.stories.beats import OPENED, Beat, beat, matter


def undo(days: int) -> Beat:
    """Return what a department did to undo harm, with its notice."""
    return beat(
        days,
        "undo",
        "已恢复其资格并函告相关单位，附函件。",
        "因相关处罚决定信息有误对你单位采取的措施，本单位已停止执行并消除影响，现予告知。",
        papers=("恢复资格函.pdf",),
    )


REMEDIES: Final = (
    matter("remedy", "owed", 125, beat(6, OPENED)),
    matter("remedy", "undone", 143, beat(10, OPENED), undo(7)),
    matter(
        "remedy",
        "explained",
        305,
        beat(6, OPENED),
        beat(4, "explain", "暂停期间企业未申办事项，未造成影响。", papers=("办件记录.pdf",)),
    ),
    matter(
        "remedy",
        "closed",
        110,
        beat(15, OPENED),
        undo(13),
        beat(11, "confirm", "已核对恢复函件和名单，影响已消除。"),
    ),
    matter(
        "remedy",
        "dismissed",
        142,
        beat(9, OPENED),
        beat(7, "explain", "该次事项按一般程序如期办结，未造成影响。", papers=("办件记录.pdf",)),
        beat(5, "dismiss", "经核对办件记录，未造成影响。"),
    ),
)
