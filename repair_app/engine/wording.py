"""How a letter speaks to who reads it, and of what is intended: as people write, not as buttons do.

The texts of letters.toml speak to a unit. What is intended is told by a phrase of its own: the
label of a step names what an official does.
"""

from collections.abc import Mapping
from typing import Final

from repair_app.labels import Label

UNIT: Final = "你单位"
PERSON: Final = "你"
# What each step before an adverse decision intends: workflow and transition -> the phrase.
INTENDED: Final[Mapping[tuple[str, str], Label]] = {
    ("objection", "announce_rejection"): Label(
        "拟驳回该异议，维持原信息", "to reject the objection and leave the record as it is"
    ),
    ("objection", "announce_retention"): Label(
        "该信息无法核实，拟予以保留并附注说明",
        "to keep the record, which could not be verified, with a note that says so",
    ),
    ("objection", "announce_correction"): Label(
        "拟更正该信息，更正后的内容较原信息不利",
        "to correct the record, which then says more to the disadvantage of its subject",
    ),
    ("shield", "announce_lifting"): Label(
        "因重整计划终止，拟恢复公示该信息",
        "to show the record again, because the reorganisation plan has ended",
    ),
    ("quarantine", "announce_release"): Label(
        "拟准予该信息重新入库", "to let the record be put on file again"
    ),
}


def speak_to(text: str, *, person: bool) -> str:
    """Return a Chinese text as it is said to a natural person, or else to a unit."""
    return text.replace(UNIT, PERSON) if person else text
