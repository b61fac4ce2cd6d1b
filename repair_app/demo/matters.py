"""The stories of all that surrounds objections and repairs, and of their rarer turns.

As in stories.py: one case each, named by the state that it ends in; days are working days ago.
"""

from typing import Any, Final

from repair_app.demo.stories import (
    Beat,
    Beats,
    Story,
    beat,
    forwarded,
    objected,
    prepared,
    repair,
)

OPENED: Final = ""  # by somebody else's step: such a story only goes on


def matter(workflow: str, name: str, no: int, *beats: Beats | Beat, by: str = "") -> Story:
    """Return a story of any kind of matter: beats one by one, or some together."""
    return repair(name, no, *beats, by=by)._replace(workflow=workflow)


def disputed(name: str, no: int, ground: str, *beats: Beats | Beat, by: str = "") -> Story:
    """Return an objection on a ground."""
    return matter("objection", name, no, *beats, by=by)._replace(ground=ground)


# --- objections: the rarer doors and turns --------------------------------------------------

REFUSED_AS_QUARREL: Final = (
    "来文所述为对处罚轻重的意见，未指出公示信息有何错误、遗漏。",
    "对处罚决定不服的，可依法申请行政复议或者提起行政诉讼；对本决定不服的，可申请复核。",
)


def quarrelled(days: int, statement: str) -> Beats:
    """Return an objection that is refused on the next working day."""
    return (
        *objected(days, statement, "情况说明.pdf"),
        beat(days - 1, "refuse", *REFUSED_AS_QUARREL, code="quarrel_with_the_penalty"),
    )


DISPUTES: Final = (
    disputed(
        "submitted-window",
        146,
        "error",
        beat(
            1,
            "enter_at_window",
            "企业到窗口提交书面异议：公示的店铺名称不是本单位店铺。",
            "吴示例",
            presented_as="authorised",
            papers=("异议申请书（盖章扫描件）.pdf", "授权委托书.pdf"),
            values={},
        ),
    ),
    disputed(
        "accepted-discovered",
        147,
        "error",
        beat(
            2,
            "report_error",
            "我中心核对投标资格时发现，公示的处罚金额与决定书原件不一致。",
            papers=("决定书原件影像.pdf",),
        ),
        beat(1, "accept"),
        by="han",
    ),
    disputed("accepted-complained", 148, "omission", beat(3, OPENED), beat(2, "accept")),
    disputed(
        "submitted-complained-of",
        149,
        "error",
        objected(2, "广告发布日期公示有误，影响从旧兼从轻的适用。", "广告发布合同.pdf"),
    ),
    disputed(
        "appraisal",
        140,
        "error",
        objected(5, "标签上标有生产日期，喷码在包装底部，请重新鉴定留样。", "留样照片.png"),
        forwarded(4),
        beat(3, "answer_interim", "已调取留样，拟委托市食品检验检测中心鉴定标签喷码。"),
        beat(
            2,
            "begin_appraisal",
            "云泽市食品检验检测中心（示例）",
            "标签喷码是否清晰可辨需经检验确认，检验期间不计入办理期限。",
            papers=("检验委托书.pdf",),
        ),
    ),
    disputed(
        "unverifiable",
        141,
        "error",
        objected(5, "被抽检批次并非我公司生产，系他人冒用。", "出厂批次记录.pdf"),
        forwarded(4),
        beat(2, "find_unverifiable", "抽样封条影像已超过保存期，无法确认样品来源。"),
    ),
    disputed(
        "closed-unverified",
        143,
        "error",
        objected(15, "执法人员记录的门店不属于我公司。", "门店租赁备案.pdf"),
        forwarded(14),
        beat(12, "find_unverifiable", "现场笔录缺少门店地址和当事人签名，案卷无法补正。"),
        beat(11, "decide_unverified", "无法核实，按所适用规则不得由企业承担后果，拟停止公示。"),
        beat(10, "sign_removal", "同意停止公示并归档。"),
        beat(8, "confirm_execution", "本局网站已同步撤下。"),
    ),
    disputed(
        "with_provider-consulted",
        144,
        "error",
        objected(6, "广告所称环保认证属实，生态环境部门可以证明。", "环保认证证书.pdf"),
        forwarded(5),
        beat(5, "consult", "请核实该认证证书是否真实、有效。", consulted_id="ecology"),
        beat(4, "consult", "请提供该企业同期安全生产许可情况。", consulted_id="safety"),
        beat(3, "opinion.give", "证书编号在册，处罚决定作出时仍在有效期内。", view="wrong"),
    ),
    disputed(
        "with_provider-two-grounds",
        145,
        "error",
        objected(3, "课程价目表已于检查当日张贴，公示事实有误。", "价目表张贴照片.png"),
        forwarded(2),
    ),
    disputed(
        "joined",
        145,
        "duplicate",
        objected(2, "同一处罚事实与另一异议相同，补充说明。", "补充说明.pdf"),
        beat(
            1,
            "join",
            "与正在核实的异议为同一事实，合并办理，不再另行计算期限。",
            joined_id=("objection", "with_provider-two-grounds"),
        ),
    ),
    disputed(
        "correction_decided-own-check",
        157,
        "error",
        objected(3, "归集时把“明码标价”误录为“明码实价”，请更正。", "行政处罚决定书.pdf"),
        beat(2, "accept"),
        beat(
            1,
            "check_correction",
            "经核对归集日志，系本中心录入转换错误，与决定书一致更正。",
            values={"violation_type": "未按规定实行明码标价"},
        ),
    ),
    disputed(
        "correction_announced",
        173,
        "error",
        objected(6, "公示的违法行为类型与决定书表述不一致，请更正。", "行政处罚决定书.pdf"),
        forwarded(5),
        beat(
            3,
            "propose_correction",
            "类型表述一致；另查明报送时小数点错位，决定书罚款为120万元，应予更正。",
            values={"fine_10k": "120", "penalty_content": "责令改正，处以罚款人民币120万元。"},
        ),
        beat(
            1,
            "announce_correction",
            "更正后罚款数额达到严重失信标准，公示期随之延长，拟予更正，请于五日内陈述意见。",
        ),
    ),
    disputed(
        "correction_heard",
        174,
        "error",
        objected(9, "公示的处罚依据缺少款项，请更正。", "行政处罚决定书.pdf"),
        forwarded(8),
        beat(
            5,
            "propose_correction",
            "经核对决定书，罚款为150万元，报送文件误为15万元，应予更正。",
            values={"fine_10k": "150", "penalty_content": "责令改正，处以罚款人民币150万元。"},
        ),
        beat(4, "announce_correction", "更正后失信等级和公示期对企业不利，拟予更正，请陈述意见。"),
        beat(2, "state_views_on_correction", "罚款已分期缴纳，请说明公示期自何时起算。"),
    ),
    disputed("refused-to-be-reviewed", 159, "error", quarrelled(8, "我公司认为处罚畸重。")),
    disputed("refused-and-set-aside", 171, "omission", quarrelled(13, "公示遗漏了从轻情节。")),
    disputed("accepted-reopened", 171, "omission", beat(2, OPENED)),
    # Of one record: it is found wrong, and whatever else is open about it ends with it.
    disputed("refused-of-ended", 142, "omission", quarrelled(18, "我公司认为不应处罚。")),
    disputed(
        "closed-ends-others",
        142,
        "decision_annulled",
        objected(13, "处罚决定已由上级机关责令撤销。", "责令撤销决定书.pdf"),
        forwarded(12),
        beat(11, "propose_removal", "经核属实，处罚决定已撤销。", outcome="DELETED"),
        beat(10, "decide_removal", "依据充分，拟同意撤下。"),
        beat(9, "sign_removal", "同意撤下，归档保存。"),
        beat(7, "confirm_execution", "已同步撤下。"),
    ),
)

# --- repairs, and what follows them ---------------------------------------------------------


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

REVIEWS: Final = (
    matter(
        "review",
        "submitted",
        303,
        beat(
            2,
            "open",
            "我公司并非对处罚不服，而是公示未载明已复查合格，请上级中心复核。",
            about_id=("objection", "refused"),
        ),
    ),
    matter(
        "review",
        "setting_aside_proposed",
        108,
        beat(
            2,
            "open",
            "补正通知未写明需要哪一份文书，我公司已电话询问未获答复。",
            about_id=("objection", "refused-unsupplemented"),
        ),
        beat(1, "propose_setting_aside", "补正告知不具体，不能据此不予受理，拟撤销原决定。"),
    ),
    matter(
        "review",
        "upholding_proposed",
        322,
        beat(4, "open", "制度文本已在报批。", about_id=("repair", "refused")),
        beat(2, "propose_upholding", "补正期限内仍缺少必备材料，原决定并无不当，拟维持。"),
    ),
    matter(
        "review",
        "upheld",
        405,
        beat(6, "open", "银行系统故障导致存储日期滞后。", about_id=("objection", "rejected")),
        beat(5, "propose_upholding", "银行回函否认系统故障，原决定事实清楚，拟维持。"),
        beat(
            4,
            "sign_upholding",
            "维持原决定。",
            "企业所称系统故障，经函询银行不属实。",
            "对处罚决定不服的，可依法申请行政复议或者提起行政诉讼。",
        ),
    ),
    matter(
        "review",
        "set_aside",
        223,
        beat(
            20,
            "open",
            "在线监测停运系设备检修，检修记录已补齐，请复核。",
            about_id=("repair", "not_granted"),
            papers=("检修记录.pdf",),
        ),
        beat(17, "propose_setting_aside", "检修记录足以影响结论，应当重新核查，拟撤销原决定。"),
        beat(14, "sign_setting_aside", "撤销原决定，由受理中心重新办理。"),
    ),
    matter(
        "review",
        "set_aside-objection",
        171,
        beat(
            9,
            "open",
            "我公司要求补充公示从轻情节，属于信息遗漏。",
            about_id=("objection", "refused-and-set-aside"),
        ),
        beat(4, "propose_setting_aside", "所述属信息遗漏，应当受理，拟撤销原决定。"),
        beat(2, "sign_setting_aside", "撤销原决定，重新核实。"),
    ),
    matter(
        "review",
        "withdrawn",
        159,
        beat(3, "open", "请求复核。", about_id=("objection", "refused-to-be-reviewed")),
        beat(2, "withdraw", "改为申请行政复议。"),
    ),
    matter(
        "review",
        "moot",
        142,
        beat(10, "open", "请求复核。", about_id=("objection", "refused-of-ended")),
    ),
)

# --- annulment; reconsideration and suits ---------------------------------------------------


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

# --- reorganisation: one firm, several records ----------------------------------------------


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

# --- orders and talks -----------------------------------------------------------------------


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

# --- remedies: what departments did because of records that were wrong ----------------------


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

# --- self-control: flaws, what is said again, complaints ------------------------------------


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

MATTERS: Final = (
    *DISPUTES,
    *FOLLOWED,
    *REVOCATIONS,
    *REVIEWS,
    *ANNULMENTS,
    *PROCEEDINGS,
    *SHIELDS,
    *SUPERVISION,
    *REMEDIES,
    *SELF_CHECKS,
    *QUARANTINES,
    *COMPLAINTS,
)
