"""A kind of letter as it would look, filled with invented words, for who looks after the texts."""

from collections.abc import Mapping
from typing import Any, Final

from repair_app import letters as printing
from repair_app.engine.letter_kinds import LetterKind
from repair_app.engine.letters import both
from repair_app.labels import Label
from repair_app.services.policy import current_policy

NUMBER: Final = Label("YY-2026-000123-C", "YY-2026-000123-C")
DAY: Final = Label("2026年3月2日", "2 March 2026")
LATER: Final = Label("2026年3月16日", "16 March 2026")
HOW: Final = Label("自收到之日起10个工作日", "10 working days from receipt")
# What the placeholders of a sample stand for; another one shows its own name, in brackets.
SAMPLES: Final[Mapping[str, Label]] = {
    "subject": Label("示例食品有限公司", "Example Food Co."),
    "recipient": Label("示例食品有限公司", "Example Food Co."),
    "uscc": Label("91379900MADEX0011Y", "91379900MADEX0011Y"),
    "unit": Label("示例市信用中心", "Example Credit Centre"),
    "provider": Label("示例市市场监督管理局", "Example Market Supervision Office"),
    "decision_no": Label("示例罚决〔2026〕1号", "Example Decision [2026] 1"),
    "record": Label("JL-2026-000045-K", "JL-2026-000045-K"),
    "case": NUMBER,
    "about": NUMBER,
    **dict.fromkeys(
        ("measures", "ended_measures", "resumed_measures", "held_measures"),
        Label("限制参加政府采购活动", "Exclusion from public procurement"),
    ),
    **dict.fromkeys(("decided_on", "filed_on", "day", "issued_on"), DAY),
    **dict.fromkeys(
        ("due", "whole_due", "public_until", "review_until", "barred_until", "meets_on"), LATER
    ),
    "valid_until": LATER,
    **dict.fromkeys(("due_how", "whole_how"), HOW),
}


def compose(kind: LetterKind) -> dict[str, Any]:
    """Return the content of a sample letter of a kind, as letters are printed from it."""
    return {
        "kind": kind.kind,
        "template": kind.template,
        "title": both(kind.title),
        "from": SAMPLES["unit"].zh,
        "to": SAMPLES["recipient"].zh,
        "body": [both(fill(one, kind)) for one in kind.text],
        "next": [both(fill(one, kind)) for one in kind.next],
        "facts": [],
    }


def fill(text: Label, kind: LetterKind) -> Label:
    """Return a text with invented words in the place of its placeholders."""
    workflow = current_policy().current.get(kind.by[0][0])
    known = {**SAMPLES, **({"matter": workflow.label} if workflow else {})}
    return Label(
        text.zh.format_map(Words({name: one.zh for name, one in known.items()})),
        text.en.format_map(Words({name: one.en for name, one in known.items()})),
    )


class Words(dict[str, str]):
    """Words by name; one that is not there shows its name, in brackets."""

    def __missing__(self, name: str) -> str:
        """Return a name in brackets."""
        return f"〔{name}〕"


def render(kind: LetterKind, lang: str) -> bytes:
    """Return a sample letter as a PDF in "zh" or "en", marked as a draft across the page."""
    return printing.render(compose(kind), lang)
