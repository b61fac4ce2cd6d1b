"""What is deleted when, as data: workflows/retention.toml, read strictly."""

from collections.abc import Collection, Mapping
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path
from typing import Any, Final

from repair_app import toml_file
from repair_app.engine.spec import Basis, SpecError, cite
from repair_app.labels import Label

KEYS: Final = frozenset({"label", "keep", "basis"})


@dataclass(frozen=True)
class Rule:
    """How long one kind of data is kept, and why."""

    name: str
    label: Label
    keep: timedelta
    basis: tuple[Basis, ...]


def load_retention(
    path: Path, documents: Mapping[str, Label], known: Collection[str]
) -> dict[str, Rule]:
    """Return the rules by name; each kind of data that is known has one, and no other.

    Raises SpecError naming file, entry and mistake.
    """
    try:
        raw = toml_file.load(path)
    except ValueError as error:
        raise SpecError(f"{path.name}: {error}") from error
    if wrong := sorted(set(known) ^ raw.keys()):
        says = "is missing" if wrong[0] in known else "is nothing that can be deleted"
        raise SpecError(f"{path.name}: {wrong[0]} {says}")
    return {name: _read(f"{path.name}: {name}", name, one, documents) for name, one in raw.items()}


def _read(place: str, name: str, raw: Any, documents: Mapping[str, Label]) -> Rule:
    if not isinstance(raw, dict):
        raise SpecError(f"{place}: is no table")
    if wrong := sorted(KEYS ^ raw.keys()):
        raise SpecError(f"{place}: {wrong[0]} {'is missing' if wrong[0] in KEYS else 'is no key'}")
    if type(raw["keep"]) is not int or raw["keep"] < 1:
        raise SpecError(f"{place}: keep: {raw['keep']!r} is no number of days")
    try:
        basis = tuple(cite(documents, clause) for clause in raw["basis"])
        label = Label.of(raw["label"])
    except (ValueError, KeyError, TypeError, AttributeError) as error:
        raise SpecError(f"{place}: {error}") from error
    if not basis:
        raise SpecError(f"{place}: basis: says nothing")
    return Rule(name, label, timedelta(days=raw["keep"]), basis)
