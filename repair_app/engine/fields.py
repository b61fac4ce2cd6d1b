"""The fields of a record that an objection may have corrected, as text and back."""

import re
from collections.abc import Callable
from dataclasses import dataclass
from datetime import date
from decimal import Decimal

from repair_app.db import today
from repair_app.labels import Label
from repair_app.models import CreditRecord
from repair_app.penalty_format.cells import (
    CellFlaw,
    read_amount,
    read_day,
    read_decision_no,
    read_text,
)
from repair_app.penalty_format.row import MESSAGES

Value = str | Decimal | date
# From the first of the digits only, and not endless: each further start would look at all again.
NAMED_AMOUNT = re.compile(r"(?<![0-9])([0-9][0-9,，]{0,30}(?:\.[0-9]{1,30})?)\s*(万?)元")
YUAN = 10_000  # in the unit of the format's amounts
FAR_OFF = 1000  # times: who types yuan where 10k yuan is asked for is 10 000 times off


class FieldFlaw(ValueError):
    """A text that is no value of its field; `label` says why."""

    def __init__(self, code: str) -> None:
        super().__init__(code)
        self.label = Label(*MESSAGES[code])


@dataclass(frozen=True)
class CorrectableField:
    """A field: its name for people (the national column), and its value from text.

    `read` is the reader of the import: what a file may say, a person may type.
    """

    label: Label
    read: Callable[[str], Value | None]

    def parse(self, text: str) -> Value:
        """Return the value of a text. Raises FieldFlaw for one that is none, or empty."""
        try:
            value = self.read(text)
        except CellFlaw as flaw:
            raise FieldFlaw(flaw.code) from flaw
        if value is None or value == "":
            raise FieldFlaw("required")
        return value


def read_past_day(text: str) -> date | None:
    """Return a day that has come. Raises CellFlaw."""
    day = read_day(text)
    if day and day > today():
        raise CellFlaw("date_in_future")
    return day


CORRECTABLE: dict[str, CorrectableField] = {
    "decision_no": CorrectableField(
        Label("行政处罚决定书文号", "Decision number"), read_decision_no
    ),
    "violation_type": CorrectableField(Label("违法行为类型", "Type of violation"), read_text),
    "violation_facts": CorrectableField(Label("违法事实", "Facts"), read_text),
    "legal_basis": CorrectableField(Label("处罚依据", "Legal basis"), read_text),
    "penalty_content": CorrectableField(Label("处罚内容", "Penalty"), read_text),
    "fine_10k": CorrectableField(Label("罚款金额（万元）", "Fine (10k yuan)"), read_amount),
    "confiscation_10k": CorrectableField(
        Label("没收金额（万元）", "Confiscated (10k yuan)"), read_amount
    ),
    "decided_on": CorrectableField(Label("处罚决定日期", "Date of decision"), read_past_day),
    "publicised_on": CorrectableField(Label("公示日期", "Published on"), read_past_day),
    "conduct_ended_on": CorrectableField(
        Label("违法行为终了日期", "End of the conduct"), read_past_day
    ),
}


def read_field(record: CreditRecord, name: str) -> str:
    """Return a field's present value as text; empty when there is none."""
    return as_text(getattr(record, name))


def as_text(value: Value | None) -> str:
    """Return a value as it is shown and kept: amounts without trailing zeros, days in ISO form."""
    if value is None:
        return ""
    if isinstance(value, Decimal):
        return f"{value.normalize():f}"
    return value.isoformat() if isinstance(value, date) else value


def tidy(name: str, text: str) -> str:
    """Return a typed value in the one form that is kept. Raises FieldFlaw."""
    return as_text(CORRECTABLE[name].parse(text))


def is_amount(name: str) -> bool:
    """Say whether a field is an amount, which the format states in 10k yuan."""
    return CORRECTABLE[name].read is read_amount


def in_yuan(text: str | None) -> Decimal | None:
    """Return in yuan what a text says in 10k yuan; None for what is no amount."""
    try:
        amount = read_amount(text or "")
    except CellFlaw:
        return None
    return None if amount is None else amount * YUAN


def is_far_off(before: str | None, after: str | None) -> bool:
    """Say whether two amounts differ so much that the unit was mistaken, as likely as not."""
    small, great = sorted([in_yuan(before) or Decimal(), in_yuan(after) or Decimal()])
    return small > 0 and great >= FAR_OFF * small


def names_amount(text: str, amount: str | None) -> bool:
    """Say whether a text names an amount, in yuan or in 10k yuan; amount: in 10k yuan."""
    wanted = in_yuan(amount)
    named = (
        Decimal(re.sub("[,，]", "", number)) * (YUAN if unit else 1)
        for number, unit in NAMED_AMOUNT.findall(text)
    )
    return bool(wanted) and any(one == wanted for one in named)


def write_field(record: CreditRecord, name: str, text: str) -> None:
    """Set a field from text. Raises FieldFlaw when it is no value of the field."""
    setattr(record, name, CORRECTABLE[name].parse(text))
