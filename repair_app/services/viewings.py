"""Who looked: which office opened a page of an enterprise's record or matter, for it to read.

One row for each person, page and day (docs/adr/0013-who-looked.md); of a list that was taken away
as a file or read by a system, one for each enterprise on it. What the enterprise may not know of is
not noted: a confidential complaint, and what a person filed in their own name.
"""

from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from datetime import date
from functools import partial
from threading import Lock
from typing import Any, Final, cast

from flask import Flask, Response, current_app
from sqlalchemy import Select, exists, literal, or_, select
from sqlalchemy.dialects import postgresql, sqlite
from sqlalchemy.orm import Session, joinedload
from werkzeug.wsgi import ClosingIterator

from repair_app import access
from repair_app.access import FILERS, organisations_as
from repair_app.db import db, now, today
from repair_app.engine.step import case_of
from repair_app.models import (
    Appointment,
    Case,
    CreditRecord,
    Deadline,
    Document,
    Finding,
    Letter,
    Requirement,
    Role,
    Sanction,
    User,
    Viewing,
)
from repair_app.services.cases import KINDS
from repair_app.services.listings import matters, measures, oversight
from repair_app.services.listings.registry import LISTINGS
from repair_app.services.transaction import transaction

PAGE: Final = 50
OFFICES: Final = (
    Role.REVIEWER,
    Role.PROVIDER,
    Role.DEPARTMENT,
    Role.INSTITUTION,
    Role.AUDITOR,
)
LIST: Final = "list:"  # and its name: what is noted of a list that was taken away
MOST_REMEMBERED: Final = 50_000
SEEN: set[tuple[Any, int, str, date]] = set()  # what this process has noted already
_lock = Lock()


def may_be_noted(user: User) -> bool:
    """Say whether a person holds an office whose looking is noted."""
    return any(user.holds(role) for role in OFFICES)


def note_when_sent(response: Response, noting: Callable[[], Any]) -> None:
    """Have a look noted once its answer has been sent: nobody waits for it."""
    # The proxy points nowhere any more by then.
    app = current_app._get_current_object()  # type: ignore[attr-defined]  # noqa: SLF001
    ending = partial(note_within, app, noting)
    if response.direct_passthrough:  # werkzeug hands such a body out as it is, and closes no more
        response.response = ClosingIterator(cast("Iterable[bytes]", response.response), [ending])
    else:
        response.call_on_close(ending)


def note_within(app: Flask, noting: Callable[[], Any]) -> None:
    """Note a look; the page was sent, so that what goes wrong is only logged."""
    with app.app_context():
        try:
            noting()
        except Exception as error:  # noqa: BLE001  # costs nobody a page (ADR 13)
            app.logger.warning("a look was not noted: %s", type(error).__name__)


def note(account_id: int, kind: str, ref: str) -> bool:
    """Note that an official opened a page today; say whether it was asked of the database.

    kind: cases, records, requirements, sanctions, documents or letters. Once a process and day.
    """
    key = (db.engine.url, account_id, ref, today())
    if key in SEEN:
        return False
    with transaction() as session:
        if row := describe(session, account_id, kind, ref):
            keep(session, row)
    remember([key])
    return True


def remember(keys: Iterable[tuple[Any, int, str, date]]) -> None:
    """Remember what this process has noted today, so that the database is not asked again."""
    with _lock:
        if len(SEEN) >= MOST_REMEMBERED:
            SEEN.clear()
        SEEN.update(keys)


def describe(session: Session, account_id: int, kind: str, ref: str) -> dict[str, Any] | None:
    """Return the row of a look; None where the person has no office in it, or it is not told."""
    user, entity = session.get(User, account_id), find_entity(session, kind, ref)
    if user is None or entity is None or is_kept_from_subject(entity):
        return None
    seats = list(access.stands_as(user, entity))
    office = next((one for one in seats if one.role in OFFICES), None)
    if office is None or any(one.role in FILERS for one in seats):
        return None
    return {
        "subject_id": subject_of(entity),
        "entity_ref": ref,
        "account_id": user.id,
        "organisation_id": office.organisation_id,
        "role": str(office.role),
        "day": today(),
        "first_at": now(),
    }


def find_entity(session: Session, kind: str, ref: str) -> Any:
    """Return what a page shows; of a paper or letter, the matter that it belongs to."""
    if kind == "documents":
        return session.scalar(select(Case).join(Document).where(Document.ref == ref))
    if kind == "letters":
        letter = session.scalar(select(Letter).where(Letter.ref == ref))
        return (letter.case or letter.record) if letter else None
    return session.scalar(select(KINDS[kind]).where(KINDS[kind].ref == ref))


def is_kept_from_subject(entity: Any) -> bool:
    """Say whether the enterprise's people may not even know that there is such a matter."""
    case = case_of(entity)
    return case is not None and (case.workflow in access.CONFIDENTIAL or case.person_id is not None)


def subject_of(entity: Any) -> int:
    """Return whose record or matter it is."""
    match entity:
        case Case() | CreditRecord():
            return entity.subject_id
        case Requirement():
            return entity.case.subject_id
        case _:
            return int(entity.record.subject_id)


def keep(session: Session, rows: Any, columns: Sequence[str] = ()) -> None:
    """Write a row, unless the same person looked at the same page that day.

    columns: of a query, where rows are its.
    """
    on_postgresql = session.get_bind().dialect.name == "postgresql"
    make = (postgresql.insert if on_postgresql else sqlite.insert)(Viewing)
    made = make.from_select(columns, rows) if columns else make.values(rows)
    session.execute(made.on_conflict_do_nothing())


# --- lists that are taken away ---


def of_no_secret(column: Any) -> Any:
    """Return the SQL condition for what is of no case that its enterprise may not know of."""
    kept = or_(Case.workflow.in_(access.CONFIDENTIAL), Case.person_id.is_not(None))
    return ~exists().where(Case.id == column, kept)


# list -> its query, the record that a row of it is about, and the case
LISTS: Final[Mapping[str, tuple[Any, Any, Any]]] = {
    "cases": (matters.cases_query, Case.record_id, Case.id),
    "worklist": (matters.turns_query, Deadline.record_id, Deadline.case_id),
    "findings": (oversight.findings_query, Finding.record_id, None),
    "enforcement": (measures.enforcement_query, Sanction.record_id, None),
    "initiated": (measures.initiated_query, Sanction.record_id, None),
}


def note_list(account_id: int, name: str, filters: Mapping[str, str]) -> None:
    """Note that an official took a list away: for each enterprise on it, today.

    filters: those of the list. Lists that name no enterprise, or only one's own, are not noted.
    """
    if name not in LISTS:
        return
    with transaction() as session:
        user = session.get(User, account_id)
        office = find_office(user, name, filters) if user else None
        if user is None or office is None:
            return
        row = {
            "entity_ref": f"{LIST}{name}",
            "account_id": user.id,
            "organisation_id": office.organisation_id,
            "role": str(office.role),
            "day": today(),
            "first_at": now(),
        }
        columns = [Viewing.__table__.c[one] for one in row]
        values = (
            literal(value, one.type) for value, one in zip(row.values(), columns, strict=True)
        )
        named = subjects_on(user, name, filters).add_columns(*values)
        keep(session, named, ["subject_id", *row])


# --- lists that a system reads: it has them as data, as who takes a file away ---

# list -> its rows, the record that a row is about, and the case
READ_LISTS: Final[Mapping[str, tuple[Any, Any, Any]]] = {
    "cases": (Case, Case.record_id, Case.id),
    "worklist": (Deadline, Deadline.record_id, Deadline.case_id),
    "records": (CreditRecord, CreditRecord.id, None),
    "sanctions": (Sanction, Sanction.record_id, None),
}


def note_read(account_id: int, name: str, rows: Collection[int]) -> bool:
    """Note that an office's system read a part of a list: for each enterprise on it, today.

    rows: their numbers. Says whether there was something to write: once a process, enterprise, day.
    """
    user = db.session.get(User, account_id)
    seats = user.current_appointments if user else []
    office = next((one for one in seats if one.role in OFFICES), None)
    if user is None or office is None:
        return False
    about = {
        one: (db.engine.url, account_id, f"{LIST}{name} {one}", today())
        for one in db.session.scalars(subjects_of_rows(user, name, rows))
    }
    new = [one for one, key in about.items() if key not in SEEN]
    if not new:
        return False
    row = {
        "entity_ref": f"{LIST}{name}",
        "account_id": user.id,
        "organisation_id": office.organisation_id,
        "role": str(office.role),
        "day": today(),
        "first_at": now(),
    }
    db.session.rollback()  # what was read; writing is a transaction of its own
    with transaction() as session:
        keep(session, [{"subject_id": one, **row} for one in new])
    remember(about[one] for one in new)
    return True


def subjects_of_rows(user: User, name: str, rows: Collection[int]) -> Select[Any]:
    """Return the query for the enterprises of some rows for which the person does not act too."""
    model, record_id, case_id = READ_LISTS[name]
    of_rows = select(record_id).where(model.id.in_(rows))
    if case_id is not None:
        of_rows = of_rows.where(of_no_secret(case_id))
    return subjects_of_records(user, of_rows)


def find_office(user: User, name: str, filters: Mapping[str, str]) -> Appointment | None:
    """Return the office in which a person takes a list away; None for none."""
    admits = LISTINGS[name].admits
    seats = [one for one in user.current_appointments if one.role in OFFICES and one.role in admits]
    asked = [one for one in seats if one.role == filters.get("as")]
    return min(asked or seats, key=lambda one: OFFICES.index(Role(one.role)), default=None)


def subjects_on(user: User, name: str, filters: Mapping[str, str]) -> Select[Any]:
    """Return the query for the enterprises on a list for which the person does not act too."""
    query, record_id, case_id = LISTS[name]
    rows = query(user, filters).with_only_columns(record_id).order_by(None)
    if case_id is not None:
        rows = rows.where(of_no_secret(case_id))
    return subjects_of_records(user, rows)


def subjects_of_records(user: User, records: Select[Any]) -> Select[Any]:
    """Return the query for the enterprises of some records for which the person does not act."""
    return (
        select(CreditRecord.subject_id)
        .where(CreditRecord.id.in_(records))
        .where(CreditRecord.subject_id.not_in(organisations_as(user, *FILERS)))
        .distinct()
    )


# --- what the enterprise reads ---


def list_own(user: User, before: int | None = None) -> Sequence[Viewing]:
    """Return a page and one more of the looks at a person's enterprises, newest first.

    Only who represents the enterprise reads them: an agent's mandate may not reach a matter.
    """
    query = select(Viewing).where(Viewing.subject_id.in_(organisations_as(user, Role.SUBJECT)))
    if before is not None:
        query = query.where(Viewing.id < before)
    newest = query.order_by(Viewing.id.desc()).limit(PAGE + 1)
    return db.session.scalars(
        newest.options(joinedload(Viewing.organisation), joinedload(Viewing.account))
    ).all()
