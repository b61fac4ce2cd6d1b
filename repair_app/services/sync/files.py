"""Changes handed over as files: dated, in the columns of the national format, one line a change.

What the columns of the format cannot say (that a record is not to be shown, its measures, its
marks) stands in columns of our own behind them; a system that knows only the format skips those.
The last one holds the whole content, by which a platform computes the hash that it acknowledges.
"""

import csv
import json
import os
from collections.abc import Iterable, Iterator
from pathlib import Path
from tempfile import NamedTemporaryFile
from typing import Any, Final

from sqlalchemy import select
from sqlalchemy.orm import joinedload

from repair_app.db import db, now, today
from repair_app.labels import Label
from repair_app.models import Change, Delivery, Obligation, Owed, Platform
from repair_app.penalty_format.columns import COLUMNS
from repair_app.services.people import NotPossible
from repair_app.services.sync.content import Content, content_for
from repair_app.services.transaction import transaction
from repair_app.sheets import as_text

# What of our content the columns of the format say, by their keys; others stay empty.
SAID_BY: Final = {
    "subject_name": ("subject", "name"),
    "uscc": ("subject", "uscc"),
    "decision_no": ("decision_no",),
    "violation_type": ("violation_type",),
    "violation_facts": ("violation_facts",),
    "legal_basis": ("legal_basis",),
    "content": ("penalty_content",),
    "fine_10k": ("fine_10k",),
    "confiscated_10k": ("confiscation_10k",),
    "decided_on": ("decided_on",),
    "publish_until": ("max_publication_until",),
    "agency_name": ("provider", "name"),
    "agency_uscc": ("provider", "uscc"),
    "source_name": ("source_unit",),
}
OURS: Final = ("REDRESS_POSITION", "REDRESS_REF", "REDRESS_SHOWN", "REDRESS_HASH", "REDRESS_JSON")
NO_FILES: Final = Label("该平台不以文件方式接入。", "this platform takes no files")
NO_RECEIPT: Final = Label("该文件不是回执。", "the file is no receipt")


def write_file(platform: Platform, folder: Path) -> tuple[Path, int] | None:
    """Write what a platform is owed into a new file; return it, and how many lines it has.

    None when nothing is owed. The name says platform, day, first and last position; written again,
    the same changes are the same bytes. What was written stays owed until it is acknowledged.
    Raises NotPossible for a platform that takes no files, OSError.
    """
    if platform.delivery != Delivery.FILE:
        raise NotPossible(NO_FILES)
    owed = db.session.scalars(
        select(Obligation)
        .join(Obligation.change)
        .where(Obligation.platform_id == platform.id, Obligation.standing == Owed.WAITING)
        .order_by(Change.position)
        .options(joinedload(Obligation.change))
    ).all()
    found = [(one.change, content_for(platform.kind, one)) for one in owed]
    sent = [(change, content) for change, content in found if content is not None]
    if not sent:
        return None
    first, last = sent[0][0].position, sent[-1][0].position
    path = folder / f"{platform.code}-{today():%Y%m%d}-{first}-{last}.csv"
    folder.mkdir(parents=True, exist_ok=True)
    with NamedTemporaryFile(
        "w", encoding="utf-8-sig", newline="", dir=folder, prefix=".", delete=False
    ) as file:
        writer = csv.writer(file)
        writer.writerow([*(one.code for one in COLUMNS), *OURS])
        writer.writerows(rows_of(sent))
    Path(file.name).chmod(0o640)
    os.replace(file.name, path)  # noqa: PTH105  # whole, or not there
    note_written(platform.id, [one.id for one in owed])
    return path, len(sent)


def rows_of(sent: Iterable[tuple[Change, Content]]) -> Iterator[list[str]]:
    """Yield the lines of changes."""
    for change, content in sent:
        fields = json.loads(content.payload)
        said = [as_text(text_at(fields, SAID_BY.get(one.key, ()))) for one in COLUMNS]
        own = [str(change.position), change.record_ref, str(int(content.shown))]
        yield [*said, *own, content.digest, content.payload]


def text_at(content: dict[str, Any], path: tuple[str, ...]) -> str:
    """Return what stands under a path in a content; empty for nothing."""
    found: Any = content if path else None
    for name in path:
        found = found.get(name) if isinstance(found, dict) else None
    return "" if found is None else str(found)


def note_written(platform_id: int, numbers: list[int]) -> None:
    """Note that changes were handed over."""
    with transaction() as session:
        for one in session.scalars(
            select(Obligation).where(
                Obligation.platform_id == platform_id,
                Obligation.id.in_(numbers),
                Obligation.standing == Owed.WAITING,
            )
        ):
            one.attempts += 1
            one.tried_at = now()


def read_receipt(lines: Iterable[str]) -> dict[int, str]:
    """Return the positions that a receipt acknowledges, with the hash of each.

    A receipt is a CSV file with the columns REDRESS_POSITION and REDRESS_HASH. Raises NotPossible.
    """
    found = {}
    try:
        for row in csv.DictReader(lines):
            found[int(row[OURS[0]])] = str(row[OURS[3]])
    except (KeyError, TypeError, ValueError, csv.Error) as problem:
        raise NotPossible(NO_RECEIPT) from problem
    return found
