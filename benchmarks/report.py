"""What was measured, as tables of plain text, and which targets were met."""

from __future__ import annotations

import unicodedata
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from typing import Any

# Targets. A page is judged by the most queries that any of them sends; "flat" are the pages whose
# p95 may grow by half from the fewest cases to the most.
MOST_QUERIES = 18
MOST_GROWTH = 1.5
FLAT = ("worklist, reviewer", "worklist, provider", "case page")
SEARCHED = ("2 characters", "4 characters")
SEARCH_MS = 15  # p95, one browser
PAGE_MS = 40  # the same, of pages for people who are signed in
LETTER_MS = 60
PAGE_KB = 150  # gzipped, with all that it loads
LONGEST_WAIT_MS = 1000  # in a journey of the subject
IMPORT_SECONDS = 20  # of 100,000 rows: 5,000 a second
LEDGER_SECONDS = 5  # of 100,000 events
START_SECONDS = 3


@dataclass(frozen=True)
class Verdict:
    """One target and what was measured."""

    target: str
    measured: str
    passed: bool


@dataclass
class Report:
    """Everything that a run found, for the screen and for a file."""

    verdicts: list[Verdict] = field(default_factory=list)
    found: dict[str, Any] = field(default_factory=dict)

    def judge(self, target: str, measured: float, limit: float, unit: str) -> None:
        text = f"{measured:.4g}{unit}"
        self.verdicts.append(Verdict(f"{target} ≤ {limit:g}{unit}", text, measured <= limit))

    @property
    def passed(self) -> bool:
        return all(one.passed for one in self.verdicts)


def show(title: str, heads: Sequence[str], rows: Iterable[Sequence[object]]) -> None:
    """Print a table; numbers stand to the right."""
    lines = [[str(one) for one in row] for row in rows]
    widths = [max(width(row[column]) for row in (heads, *lines)) for column in range(len(heads))]
    print(f"\n{title}")
    for row in (heads, ["-" * one for one in widths], *lines):
        cells = (
            one + " " * (wide - width(one)) if column == 0 else " " * (wide - width(one)) + one
            for column, (one, wide) in enumerate(zip(row, widths, strict=True))
        )
        print("  ".join(cells).rstrip())


def width(text: str) -> int:
    """Return how many columns of a terminal a text takes."""
    return sum(2 if unicodedata.east_asian_width(one) in "WF" else 1 for one in text)
