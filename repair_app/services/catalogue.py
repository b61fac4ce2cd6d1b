"""The catalogue of sanction measures, read from the policy folder into its table."""

from collections import Counter
from collections.abc import Mapping
from datetime import date
from pathlib import Path
from typing import Any, Final

from sqlalchemy import select

from repair_app import toml_file
from repair_app.engine.rules.tables import suggest
from repair_app.engine.spec import SpecError
from repair_app.labels import Label
from repair_app.models import SanctionMeasure
from repair_app.services.policy import current_policy
from repair_app.services.transaction import transaction

KEYS: Final = ("code", "name", "kind", "force", "basis", "classes")
MORE: Final = {"persons": bool, "longest_months": int, "withdrawn_on": date}  # key -> its kind
KINDS: Final = ("administrative", "market", "industry")
FORCES: Final = ("mandatory", "recommended")


def load_measures(path: Path) -> None:
    """Bring the table of measures up to the file: a measure is added or changed, never removed.

    Raises what `read_measures` raises.
    """
    rows = read_measures(path)
    with transaction() as session:
        known = {one.code: one for one in session.scalars(select(SanctionMeasure))}
        for row in rows:
            name = Label.of(row["name"])
            measure = known.get(row["code"]) or SanctionMeasure(code=row["code"])
            measure.name_zh, measure.name_en = name.zh, name.en
            measure.kind, measure.force, measure.basis = row["kind"], row["force"], row["basis"]
            measure.classes = row["classes"]
            measure.reaches_persons = row.get("persons", False)
            measure.longest_months = row.get("longest_months")
            measure.withdrawn_on = row.get("withdrawn_on")
            session.add(measure)


def read_measures(path: Path) -> list[Mapping[str, Any]]:
    """Return the measures of the file, each whole.

    Raises SpecError for a measure that is not whole, cites nothing, or is there twice.
    """
    try:
        raw = toml_file.load(path)
    except ValueError as error:
        raise SpecError(f"{path.name}: {error}") from error
    rows = raw.get("measures")
    if set(raw) != {"measures"} or not isinstance(rows, list):
        raise SpecError(f"{path.name}: holds a list of tables [[measures]], and nothing else")
    codes = Counter(str(row.get("code")) for row in rows)
    if twice := [code for code, times in codes.items() if times > 1]:
        raise SpecError(f"{path.name}: {twice[0]} is there twice")
    for row in rows:
        check_measure(path.name, row)
    return rows


def check_measure(file: str, row: Mapping[str, Any]) -> None:
    """Refuse a measure that lacks something, or rests on nothing. Raises SpecError."""
    code = row.get("code")
    if missing := [key for key in KEYS if key not in row]:
        raise SpecError(f"{file}: {code}: {missing[0]} is missing")
    if unknown := sorted(set(row) - set(KEYS) - set(MORE)):
        known = suggest(unknown[0], (*KEYS, *MORE))
        raise SpecError(f"{file}: {code}: unknown key {unknown[0]!r}{known}")
    for key, values in (("kind", KINDS), ("force", FORCES)):
        if row[key] not in values:
            raise SpecError(
                f"{file}: {code}: {key}: unknown {row[key]!r}{suggest(row[key], values)}"
            )
    for key, kind in MORE.items():
        if key in row and type(row[key]) is not kind:
            raise SpecError(f"{file}: {code}: {key}: has another kind of value")
    if row.get("longest_months", 1) < 1:
        raise SpecError(f"{file}: {code}: longest_months: at least one month")
    check_classes(file, row)
    try:
        Label.of(row["name"])
    except ValueError as error:
        raise SpecError(f"{file}: {code}: name: {error}") from error
    try:
        current_policy().cite(row["basis"])
    except KeyError as error:
        raise SpecError(f"{file}: {code}: basis: {row['basis']!r} is no clause") from error


def check_classes(file: str, row: Mapping[str, Any]) -> None:
    """Refuse a measure that rests on no class of record, or on one no rule pack knows.

    Raises SpecError.
    """
    known = {name for pack in current_policy().packs.values() for name in pack.classes}
    if not row["classes"]:
        raise SpecError(f"{file}: {row['code']}: classes: names none")
    if unknown := [one for one in row["classes"] if one not in known]:
        raise SpecError(f"{file}: {row['code']}: classes: unknown {unknown[0]!r}")
