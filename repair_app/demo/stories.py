"""The stories of objections and repairs: one case each, named by the state that it ends in.

Days count back in working days from the day on which the demonstration is made.
"""

from collections.abc import Mapping
from typing import Any, Final, NamedTuple


class Beat(NamedTuple):
    """One step: so many working days ago; `what` is a transition, or one of something beside it.

    That is requirement.transition, or workflow.transition of the record's newest case of that
    kind. A story that somebody else's step begins starts with a beat without `what`.
    `words` answer the texts of the transition's form, in its order; `facts` its facts, among
    them `values`: those of record fields. A fact that is a day counts working days from the step.
    """

    days: int
    what: str
    words: tuple[str, ...] = ()
    facts: Mapping[str, Any] = {}
    papers: tuple[str, ...] = ()
    by: str = ""


class Story(NamedTuple):
    """A case: the number of the penalty it is about, its ground if an objection, and its steps."""

    name: str
    no: int
    ground: str
    beats: tuple[Beat, ...]
    by: str = ""  # who files, if not the enterprise's own person
    workflow: str = "objection"


Beats = tuple[Beat, ...]
LESSONS: Final = 5  # of the online course


def beat(
    days: int, what: str, *words: str, papers: tuple[str, ...] = (), by: str = "", **facts: Any
) -> Beat:
    """Return a step; who takes it is named only where the workflow does not tell."""
    return Beat(days, what, words, facts, papers, by)


def repair(name: str, no: int, *beats: Beats | Beat, by: str = "") -> Story:
    """Return an application for repair: beats one by one, or some together."""
    told: list[Beat] = []
    for one in beats:
        told += [one] if isinstance(one, Beat) else one
    return Story(name, no, "", tuple(told), by, "repair")


# --- what many stories share --------------------------------------------------------------


def objected(days: int, statement: str, *papers: str, **proposals: str) -> Beats:
    """Return an objection that is written and filed on one day."""
    return (
        beat(days, "open", statement, papers=papers, values=proposals),
        beat(days, "submit"),
    )


def forwarded(days: int, note: str = "请核对原始案卷，在三个工作日内书面答复。") -> Beats:
    """Return what the centre does with a filing that is in order."""
    return beat(days, "accept"), beat(days, "ask_provider", note)


def prepared(days: int, statement: str, proof: str, *papers: str) -> Beats:
    """Return an application for repair with commitment and proof of rectification."""
    return (
        beat(days, "open", statement),
        beat(days, "commitment.sign"),
        beat(
            days,
            "rectification.submit_proof",
            proof,
            papers=papers,
            material="performance_receipt",
        ),
    )


def studied(days: int) -> Beats:
    """Return training and credit report, which a serious record needs on top."""
    return (
        beat(days, "training.enrol", institution_id="school"),
        beat(days, "credit_report.request", institution_id="rating"),
        beat(days - 3, "training.confirm_training"),
        beat(days - 4, "credit_report.file_report"),
    )


def learned_online(days: int) -> Beats:
    """Return the same with the course that is read online, and its test."""
    return (
        beat(days, "training.study"),
        *(beat(days - 1, "training.read_lesson", lesson=number) for number in range(LESSONS)),
        beat(days - 1, "training.begin_test"),
        beat(days - 1, "training.hand_in_test"),
        beat(days - 1, "training.take_certificate"),
        beat(days, "credit_report.request", institution_id="rating"),
        beat(days - 4, "credit_report.file_report"),
    )


# --- objections ---------------------------------------------------------------------------

OBJECTIONS: Final = (
    Story(
        "draft",
        101,
        "error",
        (
            beat(
                2,
                "open",
                "公示的违法事实写明“已售出320袋”，决定书载明实际售出32袋，疑为录入时多写一位。",
                values={},
                papers=("行政处罚决定书.pdf",),
            ),
        ),
    ),
    Story(
        "submitted",
        102,
        "differs_from_source",
        objected(
            1,
            "“信用云泽”网站公示罚款6万元，市场监管局官网公示为0.6万元，两处不一致，请予核对。",
            "信用网站公示页面截图.png",
            "市场监管局官网公示页面截图.png",
            fine_10k="0.6",
        ),
    ),
    Story(
        "submitted-overdue",
        201,
        "error",
        objected(
            6,
            "受企业委托提出：决定书文号最后两位与公示不符，导致企业无法对应案卷，请更正文号。",
            "授权委托书.pdf",
            "行政处罚决定书首页.pdf",
        ),
        by="fang",
    ),
    Story(
        "supplement_asked",
        401,
        "decision_annulled",
        (
            *objected(5, "该处罚已经行政复议撤销，请撤下公示信息。", "行政复议申请受理通知书.pdf"),
            beat(
                4,
                "ask_supplement",
                "1. 行政复议决定书全文（现提交的仅为受理通知书）\n2. 送达回证或送达日期证明",
            ),
        ),
    ),
    Story(
        "accepted",
        103,
        "error",
        (
            *objected(
                2,
                "处罚决定日期录入有误，决定书落款日期比公示日期早十日，影响公示期起算。",
                "行政处罚决定书落款页.pdf",
            ),
            beat(1, "accept"),
        ),
    ),
    Story(
        "with_provider",
        301,
        "omission",
        (
            *objected(
                3,
                "我公司已在限期内完成整改并经复查合格，公示内容遗漏复查结论，请补充。",
                "整改复查意见书.pdf",
            ),
            *forwarded(2),
        ),
    ),
    Story(
        "with_provider-overdue",
        402,
        "error",
        (
            *objected(
                10,
                "公示的派遣人数为18人，仲裁裁决书认定其中6人与我公司无劳动关系，请更正违法事实。",
                "劳动人事争议仲裁裁决书.pdf",
                violation_facts="当事人在非临时性、辅助性岗位派遣劳动者12人。",
            ),
            *forwarded(9, "请一并核实仲裁裁决是否已生效。"),
        ),
    ),
    Story(
        "with_provider-returned",
        112,
        "error",
        (
            *objected(
                12,
                "公示的当事人门店地址并非我公司经营地址，疑将同一商场另一商户的信息录入。",
                "营业执照副本.pdf",
                "商场租赁合同.pdf",
            ),
            *forwarded(11),
            beat(10, "consult", "请核对该商场另一商户是否在你局有案。", consulted_id="labour"),
            beat(9, "confirm", "经核对系统录入信息，文号、名称均与案件系统一致。"),
            beat(
                8,
                "return_to_provider",
                "答复仅核对了系统数据，未与纸质案卷中的现场检查笔录比对，请调取案卷后重新核实。",
            ),
            beat(5, "opinion.waive", "协查单位逾期未答复，不再等候，以免延误办理。"),
        ),
    ),
    Story(
        "accepted-rerouted",
        205,
        "not_the_subject",
        (
            *objected(
                6,
                "决定书载明的作出机关与公示的信息提供单位不同，我公司从未收到该局的处罚决定。",
                "情况说明.pdf",
            ),
            *forwarded(5),
            beat(3, "disclaim", "经查，我局未对该公司立案，案卷中的现场检查由市应急管理局牵头。"),
            beat(
                2,
                "reroute",
                "生态环境局答复非本单位案件，现改由市应急管理局核实。",
                provider_id="safety",
            ),
        ),
    ),
    Story(
        "confirmed",
        104,
        "infringement",
        (
            *objected(
                5,
                "公示页面附带的附件露出我公司员工的身份证号码，侵犯个人信息权益。",
                "公示页面截图.png",
            ),
            *forwarded(4),
            beat(
                2,
                "confirm",
                "经逐项核对，公示信息未含附件，截图所示页面为第三方转载网站，本局公示内容无误。",
                papers=("公示内容核对表.pdf",),
            ),
        ),
    ),
    Story(
        "correction_proposed",
        202,
        "error",
        (
            *objected(
                5,
                "公示罚款金额20万元，决定书载明为2万元，多录一个“0”，请尽快更正。",
                "行政处罚决定书.pdf",
                "罚款缴纳票据.png",
                fine_10k="2",
            ),
            *forwarded(4),
            beat(
                1,
                "propose_correction",
                "经调取案卷，罚款金额应为2万元，系报送时单位换算错误，同意更正。",
                values={"fine_10k": "2", "penalty_content": "责令改正，处以罚款人民币2万元。"},
                papers=("案卷核对记录.pdf",),
            ),
        ),
    ),
    Story(
        "removal_proposed",
        105,
        "decision_annulled",
        (
            *objected(
                6,
                "该处罚决定已由区人民法院判决撤销，判决现已生效。",
                "行政判决书.pdf",
                "生效证明.pdf",
            ),
            *forwarded(5),
            beat(
                1,
                "propose_removal",
                "经核，法院判决撤销该处罚决定，我局未上诉，该信息应予撤销。",
                outcome="DELETED",
            ),
        ),
    ),
    Story(
        "rejection_announced",
        403,
        "not_to_be_published",
        (
            *objected(
                8, "我公司事后已补报用工台账，未造成后果，依法不应公示。", "用工台账补报回执.pdf"
            ),
            *forwarded(7),
            beat(4, "confirm", "指令书送达、逾期未报送的事实清楚，罚款1万元不属于免予公示情形。"),
            beat(
                3,
                "announce_rejection",
                "信息与决定书一致，事后补报不改变处罚事实；可在期限内陈述意见并补充证据。",
            ),
        ),
    ),
    Story(
        "rejection_heard",
        302,
        "error",
        (
            *objected(
                9,
                "缺签到的12人为劳务分包单位人员，不应由我公司承担，请更正违法事实。",
                "劳务分包合同.pdf",
            ),
            *forwarded(8),
            beat(6, "confirm", "总包单位对进场人员负有培训记录义务，处罚事实认定无误。"),
            beat(5, "announce_rejection", "核实结果认为信息无误；异议实为对责任认定不服。"),
            beat(
                1,
                "state_views",
                "我公司补充分包单位自行组织培训的签到表，请复审时一并考虑。",
                papers=("分包单位培训签到表.png",),
            ),
        ),
    ),
    Story(
        "correction_decided",
        106,
        "error",
        (
            *objected(
                7,
                "罚款金额单位有误：决定书为5000元，公示为5万元。",
                "行政处罚决定书.pdf",
                fine_10k="0.5",
            ),
            *forwarded(6),
            beat(
                2,
                "propose_correction",
                "确系录入单位错误，罚款应为0.5万元。",
                values={
                    "fine_10k": "0.5",
                    "penalty_content": "给予警告，处以罚款人民币0.5万元。",
                },
            ),
            beat(1, "decide_correction", "与决定书、缴款票据一致，拟同意更正，请复审。"),
        ),
    ),
    Story(
        "removal_decided",
        203,
        "not_the_subject",
        (
            *objected(
                8,
                "决定书当事人为“宏鼎示例新材料有限公司”，与我公司名称相近但并非同一主体。",
                "营业执照副本.pdf",
                "行政处罚决定书.pdf",
            ),
            *forwarded(7),
            beat(
                2,
                "propose_removal",
                "经核对统一社会信用代码，报送时误选同名前缀企业，该信息不属于异议申请人。",
                outcome="DELETED",
            ),
            beat(1, "decide_removal", "主体错误，拟同意撤销，请复审。"),
        ),
        by="fang",
    ),
    Story(
        "executed",
        107,
        "error",
        (
            *objected(
                9,
                "公示罚款120万元，决定书为12万元，并因此被认定为严重失信，请立即更正。",
                "行政处罚决定书.pdf",
                "非税收入票据.png",
                fine_10k="12",
            ),
            *forwarded(8),
            beat(
                5,
                "propose_correction",
                "案卷记载罚款12万元，报送文件小数点错位，应予更正。",
                values={
                    "fine_10k": "12",
                    "penalty_content": "责令改正，处以罚款人民币12万元。",
                },
            ),
            beat(4, "decide_correction", "更正后不再达到数额巨大标准，失信等级随之重算。"),
            beat(3, "sign_correction", "同意更正，请提供单位同步处理本部门网站信息。"),
        ),
    ),
    Story(
        "discarded",
        404,
        "duplicate",
        (
            beat(9, "open", "同一处罚似乎公示了两次。", values={}),
            beat(8, "discard"),
        ),
    ),
    Story(
        "refused",
        303,
        "error",
        (
            *objected(
                11, "我公司认为处罚过重，堆场整改及时，请撤销该处罚。", "整改前后对比照片.png"
            ),
            beat(
                10,
                "refuse",
                "来文未指出公示信息与决定书有何不符，所述为对处罚轻重的意见。",
                "对处罚不服的，可在收到决定书之日起六十日内申请行政复议，或六个月内提起行政诉讼。",
                code="quarrel_with_the_penalty",
            ),
        ),
    ),
    Story(
        "refused-unsupplemented",
        108,
        "omission",
        (
            *objected(16, "公示内容不完整，请补充。", "公示页面截图.png"),
            beat(15, "ask_supplement", "请写明遗漏的具体内容，并提交能够证明的文书。"),
            beat(
                3,
                "refuse_unsupplemented",
                "补正期限已过，未收到补正材料，无法确定异议事项。",
                "备齐材料后可就同一事由重新提出异议。",
                code="material_incomplete",
            ),
        ),
    ),
    Story(
        "withdrawn",
        204,
        "error",
        (
            *objected(14, "监测点位标注错误，请更正。", "监测点位示意图.png"),
            *forwarded(13),
            beat(12, "consult", "请就监测点位的设置提供意见。", consulted_id="safety"),
            beat(11, "withdraw", "经与生态环境局沟通并复核监测报告，点位无误，我公司撤回异议。"),
        ),
    ),
    Story(
        "rejected",
        405,
        "error",
        (
            *objected(22, "保证金已于项目开工当月存储，不存在逾期。", "银行回单.png"),
            *forwarded(21),
            beat(18, "confirm", "银行回单日期晚于责令改正期限届满之日23天，逾期事实清楚。"),
            beat(16, "announce_rejection", "证据显示逾期补存，公示信息与决定书一致，拟予驳回。"),
            beat(9, "close_hearing"),
            beat(
                8,
                "sign_rejection",
                "公示信息与决定书一致，逾期存储事实清楚，驳回异议，惩戒措施恢复执行。",
                "陈述期内企业未提出新的意见和证据。",
                "可自收到本决定之日起10个工作日内申请复核；对处罚决定不服的，可依法申请行政复议或提起行政诉讼。",
            ),
        ),
    ),
    Story(
        "moot",
        109,
        "error",
        objected(3, "标价签数量应为24种商品，公示为42种。", "现场检查笔录.pdf"),
    ),
    Story(
        "moot-annulled",
        305,
        "decision_annulled",
        objected(8, "应急管理局已自行纠正并撤销该处罚决定。", "撤销行政处罚决定书.pdf"),
    ),
    Story(
        "closed-corrected",
        304,
        "error",
        (
            *objected(
                18,
                "处罚依据条款项次录入错误，决定书为第五项。",
                "行政处罚决定书.pdf",
                legal_basis="《中华人民共和国安全生产法》第一百零一条第四项",
            ),
            *forwarded(17),
            beat(
                15,
                "propose_correction",
                "经核，依据应为第一百零一条第四项，同意更正。",
                values={"legal_basis": "《中华人民共和国安全生产法》第一百零一条第四项"},
            ),
            beat(14, "decide_correction", "属文字更正，不影响等级和期限。"),
            beat(13, "sign_correction", "同意。"),
            beat(11, "confirm_execution", "本局网站已于当日同步更正。"),
        ),
    ),
    Story(
        "closed-removed",
        110,
        "decision_annulled",
        (
            *objected(20, "市政府行政复议决定撤销该处罚，请撤销公示信息。", "行政复议决定书.pdf"),
            *forwarded(19),
            beat(
                17,
                "propose_removal",
                "复议决定书属实，原处罚决定已不存在，应予撤销。",
                outcome="DELETED",
            ),
            beat(16, "decide_removal", "依据充分，拟同意撤销。"),
            beat(15, "sign_removal", "同意撤销，归档保存。"),
            beat(13, "confirm_execution", "本局网站及国家企业信用信息公示系统已同步撤下。"),
        ),
    ),
    Story(
        "with_provider-contested",
        111,
        "error",
        (
            *objected(
                6,
                "公示所附“行业第一”广告语系平台自动生成，决定书已改称“销量领先”，请更正违法事实。",
                "平台情况说明.pdf",
                violation_facts="当事人在网络店铺使用“销量领先”等宣传用语，未能提供依据。",
            ),
            *forwarded(5),
        ),
    ),
    Story(
        "accepted-contested-twice",
        111,
        "over_term",
        (
            *objected(
                4,
                "我公司认为该信息自处罚决定之日起算已超过应公示的期限，请核对起算日期。",
                "公示页面截图.png",
            ),
            beat(3, "accept"),
        ),
        by="fang",
    ),
    Story(
        "closed-with-open-repair",
        125,
        "differs_from_source",
        (
            *objected(12, "作出机关官网已无该处罚，信用网站仍在公示。", "官网查询结果截图.png"),
            *forwarded(11),
            beat(
                9,
                "propose_removal",
                "该处罚决定已由我局自行纠错撤销，信用网站应同步撤下。",
                outcome="DELETED",
            ),
            beat(8, "decide_removal", "与来源单位信息不一致，拟撤销。"),
            beat(6, "sign_removal", "同意。"),
            beat(4, "confirm_execution", "已同步。"),
        ),
    ),
)

# --- repairs ------------------------------------------------------------------------------

REPAIRS: Final = (
    Story(
        "draft",
        120,
        "",
        (beat(4, "open", "已更换全部标价签，并安排专人每日核对结算系统价格。"),),
        workflow="repair",
    ),
    Story(
        "draft-serious-begun",
        129,
        "",
        (
            beat(2, "open", "已下架未注册产品并办理退货，正在准备整改证明，报告尚未委托。"),
            beat(2, "training.study"),
            beat(1, "training.read_lesson", lesson=0),
        ),
        workflow="repair",
    ),
    Story(
        "draft-serious",
        121,
        "",
        (
            *prepared(
                8,
                "已停止销售涉案产品，召回47台，罚款和违法所得均已缴清，重建了供应商审核制度。",
                "罚没款缴纳票据、召回记录和新的供应商审核制度。",
                "罚没款缴纳票据.png",
                "产品召回记录.pdf",
            ),
            beat(7, "training.enrol", institution_id="school"),
            beat(
                5,
                "training.decline",
                "本期课程缺勤两次，未达到学时要求，请报名下一期。",
            ),
            beat(4, "training.enrol", institution_id="school"),
            beat(3, "credit_report.request", institution_id="rating"),
        ),
        workflow="repair",
    ),
    Story(
        "submitted",
        220,
        "",
        (
            *prepared(
                4,
                "污水处理站已扩容，近三个月自行监测全部达标，罚款已缴清。",
                "缴款凭证、扩容验收意见和三个月监测报告。",
                "罚款缴款凭证.png",
                "污水站扩容验收意见.pdf",
                "第三方监测报告.pdf",
            ),
            beat(1, "submit"),
        ),
        workflow="repair",
    ),
    Story(
        "submitted-overdue",
        123,
        "",
        (
            *prepared(
                9,
                "已下架全部违规广告，广告发布前由法务复核，罚款已缴清。",
                "广告下架截图和缴款票据。",
                "广告下架截图.png",
            ),
            beat(8, "submit"),
        ),
        workflow="repair",
    ),
    Story(
        "supplement_asked",
        420,
        "",
        (
            *prepared(
                6,
                "已与3名劳动者补签书面劳动合同，派遣岗位比例已降至规定以下。",
                "补签的劳动合同。",
                "补签劳动合同.pdf",
            ),
            beat(5, "submit"),
            beat(
                3,
                "ask_supplement",
                "1. 罚款缴纳凭证\n2. 降低派遣比例后的岗位清单（加盖公章）",
            ),
        ),
        workflow="repair",
    ),
    Story(
        "accepted",
        320,
        "",
        (
            *prepared(
                4,
                "已补齐培训记录，启用人脸识别签到，12名从业人员全部补训考核合格。",
                "补训签到、考核成绩和缴款凭证。",
                "补训考核成绩表.pdf",
                "缴款凭证.png",
            ),
            beat(3, "submit"),
            beat(1, "accept"),
        ),
        workflow="repair",
    ),
    Story(
        "with_provider",
        122,
        "",
        (
            *prepared(
                5,
                "课程价格已全部公示，退费标准上墙，罚款已缴清。",
                "价目公示牌照片和缴款票据。",
                "价目公示牌照片.png",
            ),
            beat(4, "submit"),
            *forwarded(2, "请现场核查价目公示情况。"),
        ),
        workflow="repair",
    ),
    Story(
        "with_provider-serious-overdue",
        221,
        "",
        (
            *prepared(
                20,
                "废气治理设施已接入用电监控并联网，夜间运行记录完整，罚款已缴清。",
                "联网验收意见、六个月运行记录和缴款凭证。",
                "用电监控联网验收意见.pdf",
                "运行记录.pdf",
            ),
            *learned_online(18),
            beat(13, "submit"),
            *forwarded(11, "请调取夜间用电监控数据核查。"),
        ),
        workflow="repair",
    ),
    Story(
        "rectification_confirmed",
        124,
        "",
        (
            *prepared(
                9,
                "已召回未标注日期的产品并更换包装生产线喷码设备，罚款已缴清。",
                "召回记录、喷码设备采购合同和缴款凭证。",
                "产品召回记录.pdf",
                "喷码设备采购合同.pdf",
            ),
            beat(8, "submit"),
            *forwarded(6),
            beat(
                1,
                "confirm_rectification",
                "现场抽查5个批次，标签均符合规定，罚款已入库，整改属实。",
                papers=("现场核查记录.pdf",),
            ),
        ),
        workflow="repair",
    ),
    Story(
        "rectification_lacking",
        222,
        "",
        (
            *prepared(
                10,
                "已更换曝气设备，目前排放达标。",
                "设备更换照片。",
                "曝气设备照片.png",
            ),
            beat(9, "submit"),
            *forwarded(7),
            beat(
                2,
                "find_lacking",
                "复测总排口化学需氧量仍超标0.1倍，罚款尚有3万元未缴，整改不到位。",
                papers=("复测报告.pdf",),
            ),
        ),
        workflow="repair",
    ),
    Story(
        "grant_proposed",
        421,
        "",
        (
            *prepared(
                11,
                "已按指令书报送全部台账和工资支付凭证，罚款已缴清。",
                "报送回执和缴款凭证。",
                "台账报送回执.pdf",
                "缴款凭证.png",
            ),
            beat(10, "submit"),
            *forwarded(8),
            beat(2, "confirm_rectification", "台账和凭证齐全，复查未发现新的违法行为。"),
            beat(1, "propose_grant", "材料齐全、整改属实、最短公示期已满，拟同意修复。"),
        ),
        workflow="repair",
    ),
    Story(
        "refusal_proposed",
        321,
        "",
        (
            *prepared(
                12,
                "已建立隐患排查台账。",
                "台账封面照片。",
                "隐患排查台账照片.png",
            ),
            beat(11, "submit"),
            *forwarded(9),
            beat(2, "find_lacking", "现场检查时消防通道仍被占用，台账自上月起无记录。"),
            beat(
                1,
                "propose_refusal",
                "经核查，处罚决定要求的整改未完成。",
                "完成整改并经应急管理局复查合格后，可重新申请。",
                code="obligation_unperformed",
            ),
        ),
        workflow="repair",
    ),
    Story(
        "executed",
        109,
        "",
        (
            *prepared(
                12,
                "已重新核对全部商品标价，罚款已缴清，并组织员工参加价格法规培训。",
                "标价核对表和缴款票据。",
                "标价核对表.pdf",
            ),
            beat(11, "submit"),
            *forwarded(9),
            beat(5, "confirm_rectification", "抽查30种商品，标价与结算一致。"),
            beat(4, "propose_grant", "符合修复条件。"),
            beat(3, "sign_grant", "准予修复，终止公示并归档，请提供单位同步。"),
        ),
        workflow="repair",
    ),
    Story(
        "discarded",
        127,
        "",
        (
            beat(30, "open", "计划先完成培训再提交材料。"),
            beat(29, "training.enrol", institution_id="school"),
            beat(25, "discard"),
        ),
        workflow="repair",
    ),
    Story(
        "refused",
        322,
        "",
        (
            *prepared(
                16,
                "消防通道已清空并划线，隐患排查已形成制度。",
                "整改照片。",
                "消防通道照片.png",
            ),
            beat(15, "submit"),
            beat(
                13,
                "ask_supplement",
                "1. 隐患排查治理制度文本\n2. 罚款缴纳凭证\n3. 复查意见书",
            ),
            beat(
                8,
                "supplement",
                "补交罚款缴纳凭证，制度文本正在报集团审批。",
                papers=("罚款缴纳凭证.png",),
            ),
            beat(
                6,
                "refuse",
                "经补正仍缺少隐患排查治理制度文本和复查意见书。",
                "取得应急管理局复查意见书后可重新申请。",
                code="material_incomplete",
            ),
        ),
        workflow="repair",
    ),
    Story(
        "withdrawn",
        422,
        "",
        (
            *prepared(
                13,
                "保证金已足额存储。",
                "保证金存储证明。",
                "保证金存储证明.pdf",
            ),
            beat(12, "submit"),
            *forwarded(10),
            beat(8, "withdraw", "银行保函即将到期需要换开，待新保函办妥后重新申请。"),
        ),
        workflow="repair",
    ),
    Story(
        "not_granted",
        223,
        "",
        (
            *prepared(
                38,
                "废气治理设施已恢复运行。",
                "设备运行照片。",
                "设备运行照片.png",
            ),
            *studied(37),
            beat(32, "submit"),
            *forwarded(30),
            beat(26, "find_lacking", "在线监测数据显示本季度夜间仍有4次停运，整改不到位。"),
            beat(
                25,
                "propose_refusal",
                "失信行为未纠正。",
                "连续六个月稳定运行后可重新申请。",
                code="obligation_unperformed",
            ),
            beat(
                24,
                "sign_refusal",
                "经复审，核查事实清楚，失信行为尚未纠正，不予修复。",
                "企业称停运系设备检修，但未提供检修记录，不予采纳。",
                "连续六个月稳定运行后可重新申请；也可自收到本决定之日起10个工作日内申请复核。",
            ),
        ),
        workflow="repair",
    ),
    Story(
        "moot",
        125,
        "",
        (
            *prepared(
                9,
                "已停止使用违规宣传用语。",
                "整改后的宣传页。",
                "整改后宣传页.png",
            ),
            beat(8, "submit"),
        ),
        workflow="repair",
    ),
    Story(
        "closed",
        126,
        "",
        (
            *prepared(
                30,
                "已更换全部标签，罚款已缴清，参加了“你点我检”公益活动。",
                "新标签备案表、缴款凭证和公益活动证明。",
                "新标签备案表.pdf",
                "公益活动证明.pdf",
            ),
            beat(29, "submit"),
            *forwarded(27),
            beat(24, "confirm_rectification", "标签符合规定，整改属实。"),
            beat(23, "propose_grant", "符合修复条件，公益活动作为有利因素予以记载。"),
            beat(22, "sign_grant", "准予修复。"),
            beat(20, "confirm_execution", "已在本局网站停止公示。"),
        ),
        workflow="repair",
    ),
    Story(
        "closed-serious",
        323,
        "",
        (
            *prepared(
                45,
                "禁忌化学品已分库存放，安装了气体报警装置，主要负责人完成安全再培训，罚款已缴清。",
                "分库改造验收报告、报警装置检定证书和缴款凭证。",
                "分库改造验收报告.pdf",
                "报警装置检定证书.pdf",
                "缴款凭证.png",
            ),
            *studied(44),
            beat(38, "submit"),
            *forwarded(36),
            beat(33, "confirm_rectification", "专家现场核查，储存条件符合国家标准。"),
            beat(32, "propose_grant", "四项材料齐全、有效，拟准予修复。"),
            beat(31, "sign_grant", "准予修复，惩戒措施同时终止。"),
            beat(29, "confirm_execution", "已同步停止公示。"),
        ),
        workflow="repair",
    ),
)

# --- sanctions ----------------------------------------------------------------------------


class Measure(NamedTuple):
    """A measure of the catalogue: on which penalty, by whom, since when and for how long.

    `days` count back in working days, `term` on in days from then; without a term the measure
    goes on as long as the record is published. `steps` are taken afterwards. `initiated_by` is
    who of the lead agency asked for it, if one did; `person` on whom it is laid, if on one.
    """

    no: int
    code: str
    by: str
    days: int
    term: int = 0
    steps: Beats = ()
    initiated_by: str = ""
    person: str = ""


def carried_out(days: int, account: str) -> Beat:
    """Return a department's report that it carried a measure out on that day."""
    return beat(days, "report", account, happened_on=0, executed=True)


MEASURES: Final = (
    Measure(111, "A01", "han", 40, 180),
    Measure(111, "A02", "dong", 38, 180),
    Measure(103, "A02", "dong", 20, 120, (beat(1, "acknowledge"),)),
    Measure(402, "A01", "han", 25, 200),
    Measure(107, "A05", "dong", 25, 90),
    Measure(204, "A01", "han", 30, 200),
    Measure(405, "A01", "han", 35, 200),
    Measure(421, "A01", "han", 60, 200),
    Measure(121, "A02", "dong", 90, 360),
    Measure(221, "A01", "han", 90, 360),
    Measure(116, "A01", "han", 80, 360),
    Measure(116, "I02", "dong", 80, 360),
    Measure(323, "A01", "han", 120, 400),
    Measure(129, "A02", "dong", 40, 50),
    Measure(128, "A06", "dong", 100),
    Measure(
        320,
        "A02",
        "dong",
        60,
        200,
        (beat(10, "lift", "企业已提前落实整改，经会商解除该项措施。"),),
    ),
    # Carried out on what later proved wrong: each department undoes what it did.
    Measure(110, "A06", "dong", 40, 100, (carried_out(36, "已从简化审批名单中移出。"),)),
    Measure(125, "A01", "han", 40, 120, (carried_out(30, "一次投标资格审查中按限制情形扣分。"),)),
    Measure(142, "A06", "dong", 40, 120, (carried_out(33, "未适用告知承诺办理方式一次。"),)),
    Measure(143, "A01", "han", 40, 120, (carried_out(31, "取消其在一个项目中的投标资格。"),)),
    Measure(305, "A06", "dong", 25, 120, (carried_out(20, "暂停其容缺受理资格。"),)),
    # The loop: initiated by the lead agency, answered, carried out, fed back, evaluated.
    Measure(117, "A05", "han", 5, 120, (), "liang"),
    Measure(
        117,
        "A06",
        "dong",
        14,
        120,
        (beat(9, "decline", "该企业未在本部门申办行政便利事项，措施无执行对象，不予实施。"),),
        "liang",
    ),
    Measure(
        211,
        "A01",
        "han",
        24,
        150,
        (
            beat(20, "accept", "纳入本中心信用查询。"),
            carried_out(15, "在两个采购项目的资格审查中予以限制。"),
            beat(10, "evaluate", "措施落实到位，企业已主动整改排放口。", evaluation="effective"),
        ),
        "luo",
    ),
    Measure(129, "P02", "han", 12, 120, (beat(9, "accept", ""),), "liang", "冯思敏"),
    Measure(431, "A01", "han", 30, 200),  # of the firm that is being reorganised
)
