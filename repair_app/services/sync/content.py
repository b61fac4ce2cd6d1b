"""What a platform is to show of a record: public fields only; measures for offices only.

The texts are masked as on our own public pages (repair_app/masking.py). A record that the public
may not see is a tombstone: its reference, and that it is not shown. The content depends on no day.
Our public page tells no anonymous reader of measures: to platforms that the public reads, and to
third parties, they do not go out either. So it has one hash for those, and one for the others.
"""

import hashlib
import json
from datetime import date
from decimal import Decimal
from typing import Any, Final, NamedTuple

from repair_app import ledger
from repair_app.masking import public_view
from repair_app.models import Change, CreditRecord, Obligation, PlatformKind, Sanction
from repair_app.services.records import shown_to_public

FORMAT: Final = 1
WITHDRAWN: Final = "withdrawn"  # why it is owed: the record is none of the platform's any more
WITHOUT_MEASURES: Final = (PlatformKind.ENTERPRISE_PUBLICITY, PlatformKind.THIRD_PARTY)
EXACT: Final = Decimal("0.000001")  # 10,000 yuan: as exact as the national format has amounts
FIELDS: Final = (
    "ref",
    "source_unit",
    "decision_no",
    "violation_type",
    "violation_facts",
    "legal_basis",
    "penalty_categories",
    "penalty_content",
    "fine_10k",
    "confiscation_10k",
    "decided_on",
    "publicised_on",
    "severity_class",
    "min_publication_until",
    "max_publication_until",
)


class Content(NamedTuple):
    """What is to be shown of a record: canonical JSON, its SHA-256, and whether it is anything."""

    shown: bool
    payload: str
    digest: str


def content_of(record: CreditRecord) -> Content:
    """Return what a platform is to show of a record now."""
    return seal(describe(record)) if shown_to_public(record) else tombstone(record.ref)


def tombstone(ref: str) -> Content:
    """Return what is told of a record that is not to be shown: nothing but that."""
    return seal({"v": FORMAT, "ref": ref, "shown": False})


def content_for(kind: str, owed: Obligation) -> Content | None:
    """Return what a platform of a kind is to show for what it is owed; None: it was overtaken."""
    if owed.because == WITHDRAWN:
        return tombstone(owed.record_ref)
    return content_of_change(kind, owed.change)


def content_of_change(kind: str, change: Change) -> Content | None:
    """Return what platforms of a kind are to show for a change; None: it was overtaken."""
    if change.payload is None:
        return None
    if kind in WITHOUT_MEASURES and change.shown:
        return without_measures(change.payload)
    return Content(change.shown, change.payload, change.payload_hash)


def without_measures(payload: str) -> Content:
    """Return the content of a record that is shown, as those get it who are told of no measures."""
    content = json.loads(payload)
    content.pop("measures", None)
    return seal(content)


def seal(content: dict[str, Any]) -> Content:
    """Return content as it is handed out."""
    payload = ledger.canonical(content)
    return Content(content["shown"], payload, hash_of(payload))


def hash_of(payload: str) -> str:
    """Return the hash by which a platform acknowledges what it shows."""
    return hashlib.sha256(payload.encode()).hexdigest()


def describe(record: CreditRecord) -> dict[str, Any]:
    """Return the public fields of a record, and the measures on the enterprise that rest on it."""
    seen = public_view(record)
    return {
        "v": FORMAT,
        "shown": True,
        **{name: plain(getattr(seen, name)) for name in FIELDS},
        "subject": {"name": seen.subject.name, "uscc": seen.subject.uscc},
        "provider": {"name": seen.provider.name, "uscc": seen.provider.uscc},
        "disputed": record.is_contested,
        "in_proceeding": record.is_in_proceeding,
        # Of measures on persons nothing goes out.
        "measures": [
            describe_measure(one, record.is_contested)
            for one in sorted(record.sanctions, key=lambda one: one.ref)
            if one.person_id is None and one.ended_at is None
        ],
    }


def describe_measure(sanction: Sanction, disputed: bool) -> dict[str, Any]:
    """Return a measure that has not ended: whose it is, its term, and whether it stands still."""
    resting = any(one.lifted_at is None for one in sanction.suspensions)
    return {
        "ref": sanction.ref,
        "code": sanction.measure.code,
        "department": sanction.department.uscc,
        "from": sanction.imposed_on.isoformat(),
        "until": sanction.ends_on.isoformat(),
        "in_force": sanction.state == "in_force" and not resting and not disputed,
    }


def plain(value: Any) -> Any:
    """Return a value as it stands in canonical JSON: days and amounts are texts."""
    match value:
        case date():
            return value.isoformat()
        case bool() | str() | None:
            return value
        case int() | float() | Decimal():
            return format(Decimal(value).quantize(EXACT).normalize(), "f")
        case _:
            return list(value)
