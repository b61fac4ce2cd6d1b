"""What the site promises, and how anybody sees it kept: read from docs/trust.toml."""

from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any

from config import ROOT
from repair_app import toml_file
from repair_app.labels import Label

PROMISES = ROOT / "docs" / "trust.toml"


@dataclass(frozen=True)
class Promise:
    """A promise with the command that shows it, and what the command runs."""

    title: Label
    text: Label
    command: str
    shown_by: tuple[str, ...]  # tests: folders, files, or file::name
    document: str | None  # a path in the project
    figure: Label | None  # what was measured, with its day


@cache
def list_promises(path: Path = PROMISES) -> tuple[Promise, ...]:
    """Return the promises in the order of the file. Raises ValueError for one that is none."""
    return tuple(read_promise(one) for one in toml_file.load(path)["promise"])


def read_promise(table: dict[str, Any]) -> Promise:
    """Return a promise as the file has it. Raises ValueError."""
    known = {"title", "text", "command", "shown_by", "document", "figure"}
    if unknown := sorted(set(table) - known):
        raise ValueError(f"a promise has no {unknown[0]!r}")
    if missing := sorted({"title", "text", "command", "shown_by"} - set(table)):
        raise ValueError(f"a promise lacks its {missing[0]}")
    figure = table.get("figure")
    return Promise(
        title=Label.of(table["title"]),
        text=Label.of(table["text"]),
        command=str(table["command"]),
        shown_by=tuple(table["shown_by"]),
        document=table.get("document"),
        figure=Label.of(figure) if figure else None,
    )
