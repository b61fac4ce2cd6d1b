"""Repairs that something follows: commitments broken, public service, what is asked for again."""

from typing import Final

from repair_app.demo.stories.beats import OPENED, Beat, Beats, beat, forwarded, prepared, repair


def granted(days: int, statement: str, proof: str, paper: str) -> Beats:
    """Return a repair that is applied for, granted and carried out within nine working days."""
    return (
        *prepared(days, statement, proof, paper),
        beat(days - 1, "submit"),
        *forwarded(days - 2),
        beat(days - 4, "confirm_rectification", "经核查，整改属实，罚款已缴清。"),
        beat(days - 5, "propose_grant", "材料齐全、整改属实，拟同意修复。"),
        beat(days - 6, "sign_grant", "准予修复。"),
        beat(days - 8, "confirm_execution", "已在本局网站停止公示。"),
    )


def breached(days: int, what: str) -> Beat:
    """Return the notice that a commitment was not kept."""
    return beat(
        days,
        "commitment.announce_breach",
        what,
        "按承诺书约定，违诺信息记入信用记录，并撤销信用修复。",
        "日常监管检查发现，附现场笔录和照片。",
        papers=("现场检查笔录.pdf",),
    )


def found(days: int, finding: str, reasons: str) -> Beat:
    """Return the decision that a commitment was not kept, after the enterprise was heard."""
    return beat(
        days,
        f"commitment.{finding}",
        reasons,
        "企业陈述的情况已予核实，不影响对违诺事实的认定。",
        "可以依法申请行政复议或者提起行政诉讼。",
    )


def served(days: int, organiser: str, statement: str, hours: int) -> Beats:
    """Return public service that is let weigh in, with its proof."""
    return (
        beat(days, "add_factor"),
        beat(
            days,
            "public_service.submit_hours",
            organiser,
            statement,
            papers=("志愿服务证明.pdf",),
            hours=hours,
            served_until=-10,
        ),
    )


def warned(days: int) -> Beats:
    """Return the application of a firm that got a warning, and lets public service weigh in."""
    paper = "进货查验台账.pdf"
    return (
        *prepared(days, "已建立进货查验记录制度并逐批登记。", "近三个月的台账。", paper),
        *served(days, "社区食品安全宣传站", "组织员工参加食品安全宣传志愿服务。", 24),
    )


FOLLOWED: Final = (
    repair(
        "draft-service",
        180,
        beat(2, "open", "已建立进货查验记录制度。"),
        beat(2, "add_factor"),
    ),
    repair("submitted-service", 181, warned(3), beat(1, "submit")),
    repair(
        "with_provider-service",
        182,
        warned(6),
        beat(5, "submit"),
        forwarded(3),
        beat(1, "public_service.weigh", "经核对服务记录，服务时长属实，作为有利因素参考。"),
    ),
    repair(
        "with_provider-service-set-aside",
        183,
        warned(6),
        beat(5, "submit"),
        forwarded(3),
        beat(1, "public_service.set_aside", "证明未载明服务起止时间和组织单位盖章，不作参考。"),
    ),
    repair("withdrawn-service", 184, warned(9), beat(8, "submit"), beat(7, "withdraw", "")),
    repair(
        "closed-archived",
        132,
        granted(60, "已下架违规广告，罚款已缴清。", "下架截图和缴款票据。", "广告下架截图.pdf"),
    ),
    repair(
        "closed-revoked",
        160,
        granted(45, "已更换标签，罚款已缴清。", "新标签样张和缴款票据。", "新标签样张.pdf"),
    ),
    repair(
        "closed-breach-announced",
        162,
        granted(30, "已逐一核对标价，罚款已缴清。", "标价核对表。", "标价核对表.pdf"),
        breached(3, "抽查仍有3种商品标价与结算价格不一致。"),
    ),
    repair(
        "closed-breach-heard",
        163,
        granted(30, "已下架违规广告，罚款已缴清。", "广告下架截图。", "广告下架截图.png"),
        breached(6, "新门店仍使用“全市第一”宣传语。"),
        beat(3, "commitment.state_views", "新门店系加盟商自行制作，已于当日拆除并书面告诫。"),
    ),
    repair(
        "closed-partly-kept",
        164,
        granted(32, "已更换全部标签，罚款已缴清。", "新标签备案表。", "新标签备案表.pdf"),
        breached(12, "两个批次仍使用旧标签，其余已更换。"),
        beat(9, "commitment.state_views", "旧标签系仓库剩余，发现后已全部销毁。"),
        found(5, "find_partly_kept", "旧标签批次未全部收回，认定部分履行。"),
    ),
    repair(
        "closed-not-kept",
        165,
        granted(34, "已建立价格核对制度，罚款已缴清。", "价格管理制度。", "价格管理制度.pdf"),
        breached(15, "制度未执行，检查时全部抽查商品均未明码标价。"),
        beat(12, "commitment.state_views", "因人员更替未能落实，愿意接受处理。"),
        found(8, "find_not_kept", "事实清楚，认定全部未履行，启动撤销修复。"),
    ),
    repair(
        "closed-kept",
        166,
        granted(40, "已更换喷码设备，罚款已缴清。", "设备采购合同。", "设备采购合同.pdf"),
        beat(10, "commitment.confirm_fulfilment", "两次抽检标签均合格，承诺全部履行。"),
    ),
    repair(
        "with_provider-extended",
        167,
        prepared(6, "已撤下全部违规广告，罚款已缴清。", "撤下记录。", "广告撤下记录.pdf"),
        beat(5, "submit"),
        forwarded(4),
        beat(3, "answer_interim", "已核对三个平台的广告，尚有一个平台待其回函。"),
        beat(2, "ask_extension", "须等候网络平台书面回函，申请延长核查期限。"),
        beat(1, "extend", "情况属实，经本中心负责人批准延长核查期限，并告知申请人。"),
    ),
    repair(
        "submitted-window",
        168,
        beat(
            2,
            "enter_at_window",
            "企业到窗口提交修复申请：已重新标价并建立核对制度。",
            "吴示例",
            presented_as="authorised",
            papers=("修复申请书（盖章扫描件）.pdf",),
        ),
        prepared(2, "", "标价核对表和缴款票据。", "缴款票据.png")[1:],
        beat(1, "submit_at_window", by="lin"),
    ),
    repair("draft-reopened", 223, beat(14, OPENED)),
    repair(
        "withdrawn-of-ended",
        341,
        prepared(19, "消防通道已清空。", "照片。", "消防通道照片.png"),
        beat(18, "submit"),
        beat(17, "withdraw", "材料尚不齐备，先行撤回。"),
    ),
)
