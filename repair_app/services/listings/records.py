"""Lists of records: an enterprise's own, what the public finds, commitments."""

from typing import Any, Final

from flask_babel import lazy_gettext as _l
from sqlalchemy import Select, false, select
from sqlalchemy.orm import joinedload, selectinload

from repair_app.access import organisations_as
from repair_app.db import db
from repair_app.masking import public_view
from repair_app.models import Case, CreditRecord, Requirement, Role, User
from repair_app.services import commitments, records, search
from repair_app.services.listings.common import BATCH, Filters, Rows, state_name
from repair_app.services.policy import current_policy
from repair_app.services.statistics.tables import name_by_packs, text_of
from repair_app.sheets import Cell


def own_records_query(user: User, _filters: Filters) -> Select[Any]:
    """Return the query for the records of the enterprises that a person files for."""
    own = organisations_as(user, Role.SUBJECT, Role.AGENT)
    return (
        select(CreditRecord)
        .where(CreditRecord.subject_id.in_(own))
        .order_by(CreditRecord.archived_at.is_not(None), CreditRecord.decided_on.desc())
        .options(
            joinedload(CreditRecord.subject),
            joinedload(CreditRecord.provider),
            selectinload(CreditRecord.dispute_marks),
        )
    )


RECORD_HEAD: Final = (
    _l("Number"),
    _l("Decision"),
    _l("Enterprise"),
    _l("Unified social credit code"),
    _l("Information provider"),
    _l("Decided on"),
    _l("Class"),
    _l("State"),
    _l("Published until"),
    _l("Disputed"),
)


def record_row(record: Any) -> list[Cell]:
    """Return the cells of a record, or of what the public may read of it."""
    return [
        record.ref,
        record.decision_no,
        record.subject.name,
        record.subject.uscc or "",
        record.provider.name,
        record.decided_on,
        name_by_packs("classes", record.severity_class),
        record_state(record),
        record.max_publication_until,
        record.is_contested,
    ]


def record_state(record: Any) -> str:
    """Return how a record stands."""
    workflow = current_policy().workflows["record", record.workflow_version]
    return text_of(workflow.states[record.state].label)


def search_query(_user: User | None, filters: Filters) -> Select[Any]:
    """Return the query for the published records of the enterprises that a text names."""
    wanted = search.read_query(filters.get("q", ""))
    asked = wanted is not None and len(wanted.name) <= search.LONGEST
    firms = search.named(wanted) if wanted is not None and asked else None
    return (
        select(CreditRecord)
        .where(
            records.is_public(),
            CreditRecord.subject_id.in_(firms) if firms is not None else false(),
        )
        .order_by(CreditRecord.id.desc())
        .options(
            joinedload(CreditRecord.subject, innerjoin=True),
            joinedload(CreditRecord.provider, innerjoin=True),
            selectinload(CreditRecord.dispute_marks),
        )
    )


def found_rows(user: User | None, filters: Filters) -> Rows:
    """Yield the published records that were searched for, as the public reads them."""
    asked = search_query(user, filters).execution_options(yield_per=BATCH)
    for record in db.session.scalars(asked):
        if records.shown_to_public(record):
            yield record_row(public_view(record))


def commitments_query(_user: User | None, _filters: Filters) -> Select[Any]:
    """Return the query for the published commitments."""
    return (
        select(Requirement)
        .where(commitments.is_shown())
        .order_by(Requirement.id.desc())
        .options(joinedload(Requirement.case).joinedload(Case.subject))
    )


def commitment_rows(_user: User | None, filters: Filters) -> Rows:
    """Yield the published commitments, as the public reads them."""
    asked = commitments_query(_user, filters).execution_options(yield_per=BATCH)
    for some in db.session.scalars(asked).partitions():
        for found in commitments.describe(some):
            seen = public_view(found.requirement)
            yield [
                seen.ref,
                found.code,
                seen.case.subject.name,
                seen.case.subject.uscc or "",
                seen.published_at,
                state_name(found.requirement),
                seen.text or "",
            ]


COMMITMENT_HEAD: Final = (
    _l("Number"),
    _l("Code of the commitment"),
    _l("Enterprise"),
    _l("Unified social credit code"),
    _l("Published on"),
    _l("State"),
    _l("Text"),
)
