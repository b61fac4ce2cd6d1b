"""The prescribed texts of commitments as data: workflows/commitments.toml, read strictly."""

import string
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from repair_app import toml_file
from repair_app.engine.spec import SpecError, cite
from repair_app.labels import Label

KEYS = frozenset({"label", "matter", "liability", "basis", "publicity", "text"})
BLANKS = frozenset({"name", "uscc", "decision_no", "matter"})
PUBLICITY: Mapping[str, Label] = {
    "public": Label("可向社会公开", "Open to the public"),
    "restricted": Label("特定范围内公开", "Open to some"),
    "closed": Label("不可公开", "Not open"),
}


@dataclass(frozen=True)
class CommitmentText:
    """One kind of commitment: its text with blanks, what it is about and what a breach leads to."""

    kind: str
    label: Label
    matter: str
    text: str
    liability: str
    publicity: str

    def fill_in(self, **blanks: str) -> str:
        """Return the text for one enterprise and matter."""
        return self.text.format(**blanks)


def load_commitment_texts(path: Path, documents: Mapping[str, Label]) -> dict[str, CommitmentText]:
    """Return the texts by kind. Raises SpecError naming file, kind and mistake."""
    try:
        raw = toml_file.load(path)
    except ValueError as error:
        raise SpecError(f"{path.name}: {error}") from error
    return {kind: _read(f"{path.name}: {kind}", kind, one, documents) for kind, one in raw.items()}


def _read(
    place: str, kind: str, raw: Mapping[str, Any], documents: Mapping[str, Label]
) -> CommitmentText:
    if not isinstance(raw, dict):
        raise SpecError(f"{place}: is no table")
    if wrong := sorted(KEYS ^ raw.keys()):
        raise SpecError(f"{place}: {wrong[0]} {'is missing' if wrong[0] in KEYS else 'is no key'}")
    try:
        found = string.Formatter().parse(raw["text"] + raw["matter"])
        used = {blank for _, blank, _, _ in found if blank is not None}
    except ValueError as error:
        raise SpecError(f"{place}: text: {error}") from error
    if unknown := sorted(used - BLANKS):
        raise SpecError(f"{place}: text: {{{unknown[0]}}} is no blank of {sorted(BLANKS)}")
    if raw["publicity"] not in PUBLICITY:
        raise SpecError(f"{place}: publicity: {raw['publicity']!r} is none of {sorted(PUBLICITY)}")
    try:
        label = Label.of(raw["label"])
        for clause in raw["basis"]:
            cite(documents, clause)
    except (ValueError, KeyError) as error:
        raise SpecError(f"{place}: {error}") from error
    return CommitmentText(
        kind=kind,
        label=label,
        matter=raw["matter"],
        text=raw["text"].strip(),
        liability=raw["liability"],
        publicity=raw["publicity"],
    )
