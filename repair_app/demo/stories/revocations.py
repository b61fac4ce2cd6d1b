"""Repairs that are taken back."""

from typing import Final

from repair_app.demo.stories.beats import OPENED, Beat, beat, matter


def false(days: int, falsehood: str, reason: str) -> Beat:
    """Return the report that something in a repair was false or was not kept."""
    return beat(days, "open", reason, papers=("核查笔录.pdf",), falsehood=falsehood)


REVOCATIONS: Final = (
    matter(
        "revocation",
        "announced",
        126,
        false(2, "false_material", "公益活动证明系伪造，出具单位书面否认。"),
    ),
    matter(
        "revocation",
        "heard",
        165,
        beat(8, OPENED),
        beat(5, "state_views", "请考虑我公司已重新培训人员，从轻处理。"),
    ),
    matter(
        "revocation",
        "proposed",
        323,
        false(12, "broken_commitment", "复查发现禁忌化学品再次混存，违背修复承诺。"),
        beat(5, "close_hearing"),
        beat(3, "propose", "违诺事实清楚，企业逾期未陈述，拟撤销修复。"),
    ),
    matter(
        "revocation",
        "revoked",
        160,
        false(24, "false_material", "申请修复时提交的缴款票据系变造，财政系统无此票号。"),
        beat(22, "state_views", "票据由代办人员提供，我公司不知情。"),
        beat(19, "propose", "票据变造属实，申请人对材料真实性负责，拟撤销修复。"),
        beat(
            17,
            "sign",
            "撤销信用修复，恢复公示至最长公示期届满。",
            "不知情不影响对材料真实性的责任，不予采纳。",
            "可自收到本决定之日起六十日内申请行政复议，或六个月内提起行政诉讼。",
        ),
    ),
    matter(
        "revocation",
        "dropped",
        422,
        false(9, "false_material", "保证金存储证明的日期疑有涂改。"),
        beat(7, "state_views", "附银行出具的情况说明，日期系银行更正并盖章。"),
        beat(5, "drop", "经向银行核实，更正属实，不予撤销。"),
    ),
    matter(
        "revocation",
        "moot",
        341,
        false(10, "false_commitment", "承诺书签名与登记的法定代表人不符。"),
    ),
)
