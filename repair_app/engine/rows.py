"""The columns of a record as JSON, and back: what waits in quarantine is kept as it was read.

And their digest, which a record's first event holds: what is on file is compared with it later.
"""

import hashlib
from collections.abc import Mapping
from datetime import date
from decimal import Decimal
from typing import Any, Final

import orjson
from sqlalchemy import inspect

from repair_app.models import CreditRecord

AMOUNTS: Final = frozenset({"fine_10k", "confiscation_10k"})
# What a record says of whom. These and how they are spelt never change: digests hang on them.
SAID: Final = (
    "subject_id",
    "provider_id",
    "source_unit",
    "decision_no",
    "violation_type",
    "violation_facts",
    "legal_basis",
    "penalty_categories",
    "penalty_content",
    "fine_10k",
    "confiscation_10k",
    "licence_seized",
    "legal_representative",
    "remark",
    "decided_on",
    "publicised_on",
    "conduct_ended_on",
    "valid_until",
    "source_publication_until",
)


def digest_of(columns: Mapping[str, Any]) -> str:
    """Return the SHA-256 of what a record says: of a row to be written, or as it is on file."""
    said = {name: spell(name, columns.get(name)) for name in SAID}
    return hashlib.sha256(orjson.dumps(said, option=orjson.OPT_SORT_KEYS)).hexdigest()


def spell(name: str, value: Any) -> Any:
    """Return the value of a column in the one form that is compared, however a store has it.

    Texts of corrections are values, too. An amount is spelt as SQLite keeps it; blank is "".
    """
    if value is None:
        return ""
    if isinstance(value, date):
        return value.isoformat()
    if name in AMOUNTS and value != "":
        try:
            return f"{float(value):.6f}"
        except ValueError:
            return str(value)
    return value


def as_json(columns: Mapping[str, Any]) -> dict[str, Any]:
    """Return the columns of a record, days and amounts as text."""
    return {name: _as_text(value) for name, value in columns.items()}


def from_json(kept: Mapping[str, Any]) -> dict[str, Any]:
    """Return the columns of a record as they were before `as_json`."""
    return {name: _as_value(name, value) for name, value in kept.items()}


def _as_text(value: Any) -> Any:
    match value:
        case date():
            return value.isoformat()
        case Decimal():
            return str(value)
        case _:
            return value


def _as_value(name: str, value: Any) -> Any:
    if value is None:
        return None
    kind = inspect(CreditRecord).columns[name].type.python_type
    if kind is date:
        return date.fromisoformat(value)
    return Decimal(value) if kind is Decimal else value
