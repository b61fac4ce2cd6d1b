"""What kinds of files are read, each by its own format and in its own way."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import date
from functools import partial
from types import MappingProxyType
from typing import BinaryIO, Final

from sqlalchemy.orm import Session

from repair_app.labels import Label
from repair_app.penalty_format import Reading, read_entries, read_notices, read_rows
from repair_app.services.imports.entries import bring_in_entries
from repair_app.services.imports.files import bring_in_chunk
from repair_app.services.imports.rows import Chunk, Seats


@dataclass(frozen=True)
class Format:
    """A kind of file: how it is called, opened, and what becomes of its rows."""

    label: Label
    read: Callable[[bytes | BinaryIO, date], Reading]
    bring_in: Callable[[Session, int, Chunk, Seats], None] | None  # None: each row is a step


def of_entries(kind: str, zh: str, en: str) -> Format:
    """Return a kind of entries."""
    return Format(Label(zh, en), partial(read_entries, kind), partial(bring_in_entries, kind))


FORMATS: Final[Mapping[str, Format]] = MappingProxyType(
    {
        "penalties": Format(Label("行政处罚", "penalties"), read_rows, bring_in_chunk),
        "notices": Format(
            Label("更正、撤下和撤销", "corrections and withdrawals"), read_notices, None
        ),
        "licences": of_entries("licences", "行政许可", "licences"),
        "abnormal_list": of_entries("abnormal_list", "经营异常名录", "list of abnormal operations"),
        "discredit_list": of_entries(
            "discredit_list", "严重违法失信名单", "list of serious violations"
        ),
        "defaulters": of_entries(
            "defaulters", "失信被执行人名单", "list of defaulters on court orders"
        ),
    }
)
