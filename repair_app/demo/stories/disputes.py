"""Objections by the rarer doors, and their rarer turns."""

from typing import Final

from repair_app.demo.stories.beats import OPENED, Beats, beat, disputed, forwarded, objected

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
