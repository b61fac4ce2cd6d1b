"""Decisions that fall: annulments, reconsideration and suits."""

from typing import Final

from repair_app.demo.stories.beats import OPENED, Beat, beat, matter


def annulled(days: int, why: str) -> Beat:
    """Return a provider's report that its decision was annulled."""
    return beat(
        days,
        "open",
        "云泽市人民政府（示例）",
        why,
        papers=("撤销行政处罚决定书.pdf",),
        annulled="annulled",
        number=f"云示撤〔{days}〕1号",
        issued_on=-1,
    )


ANNULMENTS: Final = (
    matter("annulment", "announced", 346, annulled(1, "复议机关认定程序违法，撤销原处罚决定。")),
    matter("annulment", "announced-on-ruling", 214, beat(2, OPENED)),
    matter(
        "annulment",
        "closed",
        305,
        annulled(7, "经内部执法监督发现送达程序违法，我局已撤销原处罚决定。"),
        beat(6, "sign", "复核属实，撤下记录。"),
    ),
    matter(
        "annulment",
        "closed-ends-others",
        341,
        annulled(8, "复议机关认定违法主体错误，撤销原处罚决定。"),
        beat(7, "sign", "复核属实，撤下记录。"),
    ),
    matter(
        "annulment",
        "declined",
        345,
        annulled(5, "收到一份撤销处罚的复议决定书。"),
        beat(4, "decline", "经核对文号，复议决定针对的是另一家企业，系误报。"),
    ),
    matter("annulment", "moot", 142, annulled(10, "上级机关责令撤销原处罚决定。")),
)


def proceeded(days: int, kind: str, statement: str) -> Beat:
    """Return the report that a decision is under reconsideration, or before a court."""
    body = "云泽市中级人民法院（示例）" if kind == "suit" else "云泽市人民政府行政复议机构（示例）"
    return beat(
        days,
        "open",
        body,
        statement,
        papers=("受理通知书.pdf",),
        proceeding=kind,
        number=f"云示受〔{days}〕8号",
        issued_on=-2,
    )


def ruled(days: int, what: str, statement: str) -> Beat:
    """Return the result of a proceeding."""
    return beat(
        days,
        what,
        "云泽市人民政府行政复议机构（示例）",
        statement,
        papers=("行政复议决定书.pdf",),
        number=f"云示复〔{days}〕9号",
        issued_on=-1,
    )


PROCEEDINGS: Final = (
    matter("proceeding", "reported", 210, proceeded(1, "reconsideration", "对罚款数额申请复议。")),
    matter(
        "proceeding",
        "noted",
        211,
        proceeded(9, "suit", "对监测程序的合法性提起行政诉讼。"),
        beat(8, "note"),
    ),
    matter(
        "proceeding",
        "refused",
        212,
        proceeded(7, "reconsideration", "已提交复议申请。"),
        beat(6, "refuse", "所附为申请书而非受理通知书，收到受理通知后可重新报告。"),
    ),
    matter(
        "proceeding",
        "upheld",
        213,
        proceeded(38, "reconsideration", "申请撤销处罚决定。"),
        beat(37, "note"),
        ruled(5, "report_upheld", "维持原行政处罚决定。"),
    ),
    matter(
        "proceeding",
        "annulled",
        214,
        proceeded(30, "reconsideration", "认为环评手续由前业主负责。"),
        beat(29, "note"),
        ruled(2, "report_annulled", "撤销原行政处罚决定。"),
    ),
    matter(
        "proceeding",
        "withdrawn",
        215,
        proceeded(12, "suit", "提起行政诉讼。"),
        beat(11, "note"),
        beat(6, "withdraw", "已与处罚机关达成一致，撤回起诉。"),
    ),
    matter("proceeding", "moot", 142, proceeded(12, "reconsideration", "申请复议。")),
)
