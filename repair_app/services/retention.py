"""What was kept long enough is deleted: by workflows/retention.toml, every night, with an event."""

from collections.abc import Callable, Mapping
from datetime import datetime
from typing import Any, Final, NamedTuple

from sqlalchemy import ColumnElement, delete, func, select

from repair_app.db import at, db, now
from repair_app.engine.retention import Rule
from repair_app.engine.step import SYSTEM
from repair_app.models import (
    AccessToken,
    Alarm,
    Enquiry,
    FormToken,
    KeptAnswer,
    SecurityEvent,
    SignIn,
    StepReport,
    Viewing,
)
from repair_app.services import drafts, exports
from repair_app.services.kept import kept_rules
from repair_app.services.office_book import OPERATIONS, note
from repair_app.services.transaction import transaction

AT_ONCE: Final = 2_000  # rows in one transaction


class Deletion(NamedTuple):
    """How one kind of data is counted and deleted: both are given the moment before which."""

    count: Callable[[datetime], int]
    delete: Callable[[datetime], int]


def of_table(model: Any, moment: Any, *conditions: ColumnElement[bool]) -> Deletion:
    """Return how rows of a table go, by the column that says when they were last of use."""
    (key,) = model.__table__.primary_key

    def count(before: datetime) -> int:
        asked = select(func.count()).select_from(model).where(moment < before, *conditions)
        return int(db.session.scalar(asked) or 0)

    def remove(before: datetime) -> int:
        total = 0
        while True:
            with transaction() as session:
                some = select(key).where(moment < before, *conditions).limit(AT_ONCE)
                keys = session.scalars(some).all()
                session.execute(delete(model).where(key.in_(keys)))
            total += len(keys)
            if len(keys) < AT_ONCE:
                return total

    return Deletion(count, remove)


DELETIONS: Final[Mapping[str, Deletion]] = {
    "drafts": Deletion(drafts.count_old, drafts.clear_old),
    "step_reports": of_table(StepReport, StepReport.made_at),
    "exports": Deletion(exports.count_old, exports.forget_exports),
    "kept_answers": of_table(KeptAnswer, KeptAnswer.kept_at),
    "access_tokens": of_table(AccessToken, AccessToken.expires_at),
    "form_tokens": of_table(FormToken, FormToken.used_at),
    "enquiries": of_table(Enquiry, Enquiry.at),
    "cleared_alarms": of_table(Alarm, Alarm.cleared_at, Alarm.cleared_at.is_not(None)),
    "sign_ins": of_table(SignIn, SignIn.began_at),
    "viewings": of_table(Viewing, Viewing.first_at),
    "security_events": of_table(SecurityEvent, SecurityEvent.last_at),
}


def apply_rules(moment: datetime) -> int:
    """Delete what was kept long enough; return how much. An event says of each kind how much.

    One kind that cannot be deleted keeps no other: all failures are raised together at the end.
    """
    with at(moment):
        counts: dict[str, int] = {}
        failures = []
        for rule in kept_rules().values():
            try:
                counts[rule.name] = DELETIONS[rule.name].delete(now() - rule.keep)
            except Exception as failure:  # noqa: BLE001  # none is lost: they are raised below
                failures.append(failure)
        told = {name: count for name, count in counts.items() if count}
        if told:
            with transaction() as session:
                note(session, OPERATIONS, "forget", "store", SYSTEM, facts=told)
        if failures:
            raise ExceptionGroup(f"{len(failures)} kinds could not be deleted", failures)
        return sum(counts.values())


def look_ahead() -> list[tuple[Rule, int]]:
    """Return each rule with how much would be deleted now; nothing is."""
    return [(rule, DELETIONS[rule.name].count(now() - rule.keep)) for rule in kept_rules().values()]
