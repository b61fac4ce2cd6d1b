"""The fields of a record that an objection may have corrected, as text and back."""

import re
from collections.abc import Callable
from dataclasses import dataclass
from datetime import date
from decimal import Decimal
from typing import Any

from repair_app.db import today
from repair_app.labels import Label
from repair_app.models import CreditRecord

AMOUNT = re.compile(r"[0-9]{1,12}(\.[0-9]{1,6})?")
LONGEST = 5000  # characters, the longest field of the national format


@dataclass(frozen=True)
class CorrectableField:
    """A field: its name for people (the national column), and its value from text.

    `parse` raises ValueError for a text that is no value of the field.
    """

    label: Label
    parse: Callable[[str], Any]


def parse_text(text: str) -> str:
    """Return the text without surrounding space. Raises ValueError when empty or too long."""
    text = text.strip()
    if not text or len(text) > LONGEST:
        raise ValueError("empty or too long")
    return text


def parse_amount(text: str) -> Decimal:
    """Return an amount in 10k yuan. Raises ValueError unless 0 or more, 12 digits, 6 decimals."""
    if not AMOUNT.fullmatch(text.strip()):
        raise ValueError("no amount")
    return Decimal(text.strip())


def parse_past_day(text: str) -> date:
    """Return a day in ISO form. Raises ValueError for another text, and for the future."""
    day = date.fromisoformat(text.strip())
    if day > today():
        raise ValueError("has not come yet")
    return day


CORRECTABLE: dict[str, CorrectableField] = {
    "decision_no": CorrectableField(Label("行政处罚决定书文号", "Decision number"), parse_text),
    "violation_type": CorrectableField(Label("违法行为类型", "Type of violation"), parse_text),
    "violation_facts": CorrectableField(Label("违法事实", "Facts"), parse_text),
    "legal_basis": CorrectableField(Label("处罚依据", "Legal basis"), parse_text),
    "penalty_content": CorrectableField(Label("处罚内容", "Penalty"), parse_text),
    "fine_10k": CorrectableField(Label("罚款金额（万元）", "Fine (10k yuan)"), parse_amount),
    "confiscation_10k": CorrectableField(
        Label("没收金额（万元）", "Confiscated (10k yuan)"), parse_amount
    ),
    "decided_on": CorrectableField(Label("处罚决定日期", "Date of decision"), parse_past_day),
    "publicised_on": CorrectableField(Label("公示日期", "Published on"), parse_past_day),
    "conduct_ended_on": CorrectableField(
        Label("违法行为终了日期", "End of the conduct"), parse_past_day
    ),
}


def read_field(record: CreditRecord, name: str) -> str:
    """Return a field's present value as text; empty when there is none."""
    value = getattr(record, name)
    if value is None:
        return ""
    if isinstance(value, Decimal):
        return f"{value.normalize():f}"
    return value.isoformat() if isinstance(value, date) else str(value)


def write_field(record: CreditRecord, name: str, text: str) -> None:
    """Set a field from text. Raises ValueError when it is no value of the field."""
    setattr(record, name, CORRECTABLE[name].parse(text))
