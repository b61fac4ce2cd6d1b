"""Outcomes that are looked at once more by a higher centre."""

from typing import Final

from repair_app.demo.stories.beats import beat, matter

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
