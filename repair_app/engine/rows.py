"""The columns of a record as JSON, and back: what waits in quarantine is kept as it was read."""

from collections.abc import Mapping
from datetime import date
from decimal import Decimal
from typing import Any

from sqlalchemy import inspect

from repair_app.models import CreditRecord


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
