"""What the keys and codes of rule packs are called, in both languages."""

from collections.abc import Iterable, Mapping
from types import MappingProxyType
from typing import Any

from repair_app.engine.policy import Policy
from repair_app.engine.rules import RulePack
from repair_app.engine.spec import Workflow
from repair_app.labels import Label

GRADES: Mapping[str, Label] = MappingProxyType(
    {
        "read": Label("原文核对", "read in the text"),
        "press": Label("据报道", "from the press"),
        "fragment": Label("残文", "read in fragments"),
        "recall": Label("据记忆", "from memory"),
        "choice": Label("本系统选定", "chosen by this system"),
    }
)

PARTS: Mapping[str, Label] = MappingProxyType(
    {
        "repair": Label("公示与信用修复", "Publication and repair"),
        "objection": Label("异议处理", "Objections"),
        "supervision": Label("约谈、惩戒与自查自纠", "Talks, sanctions and self-control"),
    }
)

CHOSEN_BY: Mapping[str, Label] = MappingProxyType(
    {
        "fixed": Label("固定适用", "always"),
        "application_date": Label("按申请日期", "by the date of application"),
        "decision_date": Label("按处罚决定日期", "by the date of the decision"),
    }
)

# Keys of the values of a class, of [repair] and of [objection].
KEYS: Mapping[str, Label] = MappingProxyType(
    {
        "published": Label("是否公示", "Published"),
        "min_months": Label("最短公示期", "Minimum period"),
        "max_months": Label("最长公示期", "Maximum period"),
        "anchor": Label("起算日", "Counted from"),
        "repairable": Label("可否修复", "Can be repaired"),
        "requirements": Label("修复要求", "Requirements"),
        "reading": Label("各项要求的关系", "How the requirements combine"),
        "factors": Label("参考因素（非条件）", "Factors (never conditions)"),
        "checklist": Label("修复材料", "Materials"),
        "decider": Label("由谁决定修复", "Who decides a repair"),
        "falsehood_resumes_to": Label(
            "材料虚假的，恢复公示至", "After false material, publication to"
        ),
        "bar_months": Label("材料虚假的，不得申请修复", "After false material, no application for"),
        "individuals_by_public_service": Label(
            "个人可通过公益服务修复", "Individuals may repair by public service"
        ),
        "fee": Label("收费", "Fee"),
        "extension": Label("延长办理期限", "Extension of the term"),
        "unverified": Label("无法核实的", "When it cannot be verified"),
        "display_while_verified": Label("核实期间的展示", "Display while it is verified"),
        "not_counted": Label("不计入期限", "Not counted"),
        "review_by": Label("结果的复核", "Who reviews the outcome"),
        "limit": Label("法定最长披露时间", "Longest disclosure by statute"),
    }
)

# Values that are codes.
CODES: Mapping[str, Label] = MappingProxyType(
    {
        "decided_on": Label("处罚决定之日", "the day of the decision"),
        "publicised_on": Label("公示之日", "the day of publication"),
        "conduct_ended_on": Label("不良行为终止之日", "the end of the conduct"),
        "rectification": Label("整改", "rectification"),
        "commitment": Label("信用承诺", "commitment"),
        "training": Label("专题培训", "training"),
        "credit_report": Label("信用报告", "credit report"),
        "credit_check": Label("信用核查", "credit check"),
        "public_service": Label("公益志愿服务", "public service"),
        "all": Label("全部完成", "all of them"),
        "any": Label("完成任一项", "any one of them"),
        "provider": Label("认定单位", "the unit that recognised it"),
        "reviewer": Label("信用中心", "the credit centre"),
        "maximum": Label("最长公示期", "the maximum"),
        "none": Label("不收费", "free of charge"),
        "head": Label("经单位负责人批准", "the head of the unit approves"),
        "stop_publication": Label("停止公示", "publication stops"),
        "keep_with_note": Label("保留并载明核查情况和异议", "it stays, with a note"),
        "remove": Label("删除", "it is deleted"),
        "marked": Label("继续展示并标注异议", "shown, with a mark"),
        "suspended": Label("暂停展示", "not shown"),
        "appraisal": Label("检验、检测、鉴定、专家评审时间", "tests, appraisals, expert review"),
        "superior_centre": Label("上级信用中心", "the superior credit centre"),
        "same_unit": Label("原处理单位（另行指定人员）", "the same unit, by other people"),
        "lead_department": Label("社会信用主管部门", "the lead department"),
        "reconsideration_or_suit": Label("行政复议或者行政诉讼", "reconsideration or suit"),
    }
)

# What a pack says and no step asks for: shown as law, so it is said that nothing switches on it.
TOLD: Label = Label("仅供说明，不影响流程", "for information, nothing switches on it")
_ONLY_EXTENSION = Label(
    "可否延长影响流程；由谁批准、是否事先告知仅供说明",
    "whether there is more time counts; who approves it, and notice before, are for information",
)
ONLY_TOLD: Mapping[str, Label] = MappingProxyType(
    {
        "repair.falsehood_resumes_to": TOLD,
        "repair.individuals_by_public_service": TOLD,
        "repair.fee": TOLD,
        "repair.extension": _ONLY_EXTENSION,
        "objection.extension": _ONLY_EXTENSION,
    }
)

# Terms that no state of a workflow names: they start from elsewhere, or are added to others.
CLOCKS: Mapping[str, Label] = MappingProxyType(
    {
        "objection_whole": Label("异议处理总期限", "Objection, in all"),
        "objection_own_check": Label("受理单位自行核查", "Own check of the receiver"),
        "objection_extension": Label("异议经批准可延长", "An approved extension adds"),
        "repair_whole": Label("修复办理总期限", "Repair, in all"),
        "repair_extension": Label("修复经批准可延长", "An approved extension adds"),
        "inspection": Label("日常巡查", "Routine inspection"),
        "sanction_evaluation": Label("惩戒措施评估", "Evaluation of a measure"),
        "review_request": Label("申请复核", "Asking for a review"),
        "annulment_withdrawal": Label(
            "依据被撤销的，撤回信息", "Withdrawal once the basis is annulled"
        ),
    }
)

MONTHS = Label("%s个月", "%s months")
WORKING_DAYS = Label("%s个工作日", "%s working days")
TRUTHS = {True: Label("是", "yes"), False: Label("否", "no")}
BRACKETS = Label("（%s）", "(%s)")
OR = Label("或", " or ")
COMMA = Label("、", ", ")


def clock_names(policy: Policy) -> dict[str, Label]:
    """Return what each term is called: by CLOCKS, or by the states that it bounds.

    An earlier version of a workflow may name a term that the current one no longer does.
    """
    return bounded(policy.workflows.values()) | bounded(policy.current.values()) | dict(CLOCKS)


def bounded(workflows: Iterable[Workflow]) -> dict[str, Label]:
    """Return the states that each term bounds, by the name of the term."""
    names: dict[str, list[Label]] = {}
    for workflow in workflows:
        for state in workflow.states.values():
            if state.clock:
                name = Label(
                    f"{workflow.label.zh}：{state.label.zh}",
                    f"{workflow.label.en}: {state.label.en}",
                )
                names.setdefault(state.clock, []).append(name)
    return {
        clock: Label("；".join(one.zh for one in some), "; ".join(one.en for one in some))
        for clock, some in names.items()
    }


def value_words(pack: RulePack, key: str, body: Mapping[str, Any], lang: str) -> str:
    """Return what a value of a pack says, in words of a language; `key` is its place.

    Of a value on which nothing switches it says so, wherever it is shown.
    """
    said = _value_words(pack, key, body, lang)
    return f"{said} {BRACKETS.text(lang) % ONLY_TOLD[key].text(lang)}" if key in ONLY_TOLD else said


def _value_words(pack: RulePack, key: str, body: Mapping[str, Any], lang: str) -> str:
    name = key.rpartition(".")[2]
    match body:
        case {"working_days": days}:
            return str(WORKING_DAYS.text(lang) % days)
        case {"value": value}:
            return _words(pack if name == "checklist" else None, name, value, lang)
        case {"months": months, "anchor": anchor}:
            return f"{MONTHS.text(lang) % months} ({_code(anchor, lang)})"
        case {"approver": approver}:
            return _code(approver, lang)
        case _:
            return "; ".join(
                f"{one}={plain(value, lang)}"
                if one not in ("label", "title")
                else plain(value, lang)
                for one, value in body.items()
                if one not in ("source", "grade", "code")
            )


def plain(value: object, lang: str) -> str:
    """Return a value as its file has it; of a text in both languages, the one asked for."""
    if isinstance(value, Mapping) and set(value) == {"zh", "en"}:
        return str(value["zh" if lang.startswith("zh") else "en"])
    if isinstance(value, list):
        return ", ".join(plain(one, lang) for one in value)
    return str(value).lower() if isinstance(value, bool) else str(value)


def _words(pack: RulePack | None, name: str, value: object, lang: str) -> str:
    if isinstance(value, bool):
        return TRUTHS[value].text(lang)
    if name.endswith("_months"):
        return MONTHS.text(lang) % value
    if isinstance(value, list):
        joint = COMMA.text(lang)
        return joint.join(
            OR.text(lang).join(_code(one, lang, pack) for one in row)
            if isinstance(row, list)
            else _code(row, lang, pack)
            for row in value
        )
    return _code(value, lang)


def _code(code: object, lang: str, pack: RulePack | None = None) -> str:
    if pack and code in pack.materials:
        return pack.materials[str(code)].label.text(lang)
    return CODES[str(code)].text(lang) if code in CODES else str(code)
