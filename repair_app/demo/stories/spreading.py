"""What was decided and carried out at the source, and what one platform does not show yet."""

from typing import Final

from repair_app.demo.stories.beats import beat, disputed, forwarded, objected, prepared, repair

ONCE_CONNECTED: Final = 2  # steps at the end of each, for which there have to be platforms
SPREADING: Final = (
    disputed(
        "spreading",
        169,
        "error",
        objected(
            6,
            "处罚依据条款项次录入错误，决定书为第一款。",
            "行政处罚决定书.pdf",
            legal_basis="《中华人民共和国价格法》第四十二条第一款",
        ),
        forwarded(5),
        beat(
            3,
            "propose_correction",
            "经核对案卷，依据应为第四十二条第一款，同意更正。",
            values={"legal_basis": "《中华人民共和国价格法》第四十二条第一款"},
        ),
        beat(2, "decide_correction", "属文字更正，不影响等级和期限。"),
        beat(1, "sign_correction", "同意。"),
        beat(1, "confirm_own_execution", "本局网站已同步更正。"),
    ),
    repair(
        "spreading",
        170,
        prepared(
            8,
            "已撤下全部违法广告，罚款已缴清，并完善广告审核制度。",
            "撤下广告的截图、缴款凭证和审核制度。",
            "广告审核制度.pdf",
        ),
        beat(7, "submit"),
        forwarded(5),
        beat(3, "confirm_rectification", "经核查，违法广告已全部撤下，罚款已缴清。"),
        beat(2, "propose_grant", "材料齐全、整改属实，拟同意修复。"),
        beat(1, "sign_grant", "准予修复，终止公示并归档，请提供单位同步。"),
        beat(1, "confirm_own_execution", "已在本局网站停止公示。"),
    ),
)
