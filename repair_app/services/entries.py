"""Licences and lists as the public reads them: apart from penalties, and never repaired here."""

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from typing import Any, Final

from sqlalchemy import ColumnElement, and_, exists, or_, select, true
from sqlalchemy.orm import joinedload

from repair_app.db import db, today
from repair_app.labels import Label
from repair_app.masking import mask_text
from repair_app.models import CreditRecord, ListedEntry, Organisation
from repair_app.models.parties import OrganisationKind
from repair_app.penalty_format import normalise_uscc
from repair_app.services.cases import NotVisible
from repair_app.services.imports.formats import FORMATS
from repair_app.services.records import is_public

PAGE: Final = 50
CODE: Final = re.compile("[0-9A-Z]{18}")
LICENCES: Final = "licences"
# What the public reads of an entry, in its order, by the keys of its columns. No remarks, and of a
# court's order not what is owed to whom: it names the creditor, who may be a person.
SHOWN: Final[Mapping[str, Label]] = {
    "document": Label("决定文书名称", "Document"),
    "kind": Label("许可类别", "Kind of licence"),
    "licence": Label("许可证书名称", "Licence"),
    "licence_no": Label("许可编号", "Number of the licence"),
    "permitted": Label("许可内容", "What is permitted"),
    "valid_from": Label("有效期自", "Valid from"),
    "reason": Label("列入原因", "Reason"),
    "area": Label("地域", "Region"),
    "basis_no": Label("执行依据文号", "Number of the order"),
    "basis_by": Label("作出执行依据单位", "Who made the order"),
    "performance": Label("履行情况", "Performance"),
    "filed_on": Label("立案时间", "Case filed on"),
}
OF_DEFAULTERS: Final = {"reason": Label("具体情形", "Circumstances")}


@dataclass(frozen=True)
class PublicEntry:
    """A licence or entry as the public reads it, in both languages where words are ours."""

    id: int
    kind: str
    number: str
    agency: str
    decided_on: date
    valid_until: date | None
    is_over: bool  # a licence whose term has ended
    facts: Sequence[tuple[str, Label, str]]

    @property
    def label(self) -> Label:
        """Return what kind of entry it is."""
        return FORMATS[self.kind].label


@dataclass(frozen=True)
class Entries:
    """An enterprise with a page of its entries, newest first, and where the next page begins."""

    subject: Organisation
    items: Sequence[PublicEntry]
    after: int | None

    @property
    def licences(self) -> list[PublicEntry]:
        """Return the licences."""
        return [one for one in self.items if one.kind == LICENCES]

    @property
    def listings(self) -> list[PublicEntry]:
        """Return what lists the enterprise is on."""
        return [one for one in self.items if one.kind != LICENCES]


def is_told_of() -> ColumnElement[bool]:
    """Return the SQL condition for organisations of which the public may know that we have them.

    Of others not even that: who had a record taken off would be told from who never had one.
    """
    entries = exists().where(
        ListedEntry.subject_id == Organisation.id, ListedEntry.removed_on.is_(None)
    )
    records = exists().where(CreditRecord.subject_id == Organisation.id, is_public())
    return and_(Organisation.kind != OrganisationKind.NATURAL_PERSON, or_(entries, records))


def find_subject(uscc: str) -> Organisation:
    """Return the enterprise of a code. Raises NotVisible; of natural persons nothing is shown."""
    code = normalise_uscc(uscc)
    if not CODE.fullmatch(code):
        raise NotVisible(uscc)
    found = db.session.scalar(select(Organisation).where(Organisation.uscc == code, is_told_of()))
    if found is None:
        raise NotVisible(uscc)
    return found


def list_public(uscc: str, before: int | None = None, limit: int = PAGE) -> Entries:
    """Return a page of what is on file of an enterprise beside its penalties.

    Not shown is what it was taken off again. Raises NotVisible.
    """
    subject = find_subject(uscc)
    found = db.session.scalars(
        select(ListedEntry)
        .where(
            ListedEntry.subject_id == subject.id,
            ListedEntry.removed_on.is_(None),
            ListedEntry.id < before if before else true(),
        )
        .order_by(ListedEntry.id.desc())
        .limit(limit + 1)
        .options(joinedload(ListedEntry.provider))
    ).all()
    shown = found[:limit]
    return Entries(
        subject, [read_entry(one) for one in shown], shown[-1].id if len(found) > limit else None
    )


def read_entry(entry: ListedEntry) -> PublicEntry:
    """Return an entry as the public reads it: no remarks, and nothing personal in its words."""
    words = {**SHOWN, **(OF_DEFAULTERS if entry.kind == "defaulters" else {})}
    content: Mapping[str, Any] = entry.content
    facts = [
        (key, label, mask_text(str(content[key]))) for key, label in words.items() if key in content
    ]
    return PublicEntry(
        id=entry.id,
        kind=entry.kind,
        number=mask_text(entry.number),
        agency=entry.provider.name,
        decided_on=entry.decided_on,
        valid_until=entry.valid_until,
        is_over=entry.valid_until is not None and entry.valid_until < today(),
        facts=facts,
    )
