"""Objections: one case each, named by the state that it ends in."""

from typing import Final

from repair_app.demo.stories.beats import Story, beat, forwarded, objected

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
