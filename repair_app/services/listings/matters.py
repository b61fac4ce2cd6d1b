"""Lists of cases and of what waits for somebody."""

from typing import Any, Final

from flask_babel import gettext
from flask_babel import lazy_gettext as _l
from sqlalchemy import Select, and_, select
from sqlalchemy.orm import joinedload, selectinload

from repair_app.access import organisations_as, visible_to
from repair_app.db import db, today
from repair_app.models import Case, CreditRecord, Deadline, Role, User
from repair_app.services import inbox
from repair_app.services.listings.common import BATCH, Filters, Rows, party, row_filter, state_name
from repair_app.services.policy import current_policy
from repair_app.services.statistics.tables import name_by_packs, name_kind, text_of
from repair_app.sheets import Cell


def cases_query(user: User, filters: Filters) -> Select[Any]:
    """Return the query for the cases that a person may see, newest first, with their term."""
    asked: Any = (
        select(Case, Deadline)
        .outerjoin(Deadline, and_(Deadline.case_id == Case.id, Deadline.whole, is_of_case()))
        .where(visible_to(user), row_filter(filters, "workflow", Case.workflow))
        .order_by(Case.id.desc())
        .options(joinedload(Case.subject), joinedload(Case.provider))
    )
    return asked  # type: ignore[no-any-return]


def is_of_case() -> Any:
    """Return the SQL condition for a term of the case itself."""
    return Deadline.entity_ref == Case.ref


def own_cases_query(user: User, filters: Filters) -> Select[Any]:
    """Return the query for the cases of the enterprises that a person files for."""
    own = organisations_as(user, Role.SUBJECT, Role.AGENT)
    return cases_query(user, filters).where(Case.subject_id.in_(own))


CASE_HEAD: Final = (
    _l("Number"),
    _l("Matter"),
    _l("State"),
    _l("Ground"),
    _l("Enterprise"),
    _l("Unified social credit code"),
    _l("Information provider"),
    _l("Decision"),
    _l("Record"),
    _l("Filed"),
    _l("Term of the whole matter"),
    _l("Answered on"),
    _l("Ended"),
)


def case_row(found: Any) -> list[Cell]:
    """Return the cells of a case and its term."""
    case, term = found
    return [
        case.ref,
        name_kind(case.workflow),
        state_name(case),
        name_by_packs("grounds", case.ground),
        *party(case.subject),
        case.provider.name,
        case.record.decision_no,
        case.record.ref,
        case.submitted_at,
        term.due_on if term else None,
        term.met_at if term else None,
        case.closed_at,
    ]


def turns_query(user: User, filters: Filters) -> Select[Any]:
    """Return the query for what waits for a person in a role, the most urgent first."""
    mine = [role for role in inbox.WORKERS if user.holds(role)]
    role = next((one for one in mine if one == filters.get("as")), mine[0])
    asked = inbox.read_filters(role, filters)
    on_case = (joinedload(Case.subject), joinedload(Case.provider))
    on_record = (joinedload(CreditRecord.subject), joinedload(CreditRecord.provider))
    return (
        select(Deadline)
        .where(
            inbox.waits_for(user, role),
            inbox.tabs_of(user, role)[asked.tab],
            *inbox.conditions_of(asked, role),
        )
        .order_by(Deadline.due_on, Deadline.id)
        .options(
            selectinload(Deadline.case).options(*on_case),
            selectinload(Deadline.record).options(*on_record),
        )
    )


def turn_rows(user: User | None, filters: Filters) -> Rows:
    """Yield what waits for a person."""
    if user is None:
        return
    asked = turns_query(user, filters).execution_options(yield_per=BATCH)
    for some in db.session.scalars(asked).partitions():
        for turn in inbox.pair_with_entities(some):
            yield turn_row(turn)


def turn_row(turn: inbox.Turn) -> list[Cell]:
    """Return the cells of what waits; an institution is not told which case it is."""
    term, record = turn.term, turn.record
    case = None if turn.is_for_a_stranger else turn.case
    return [
        term.due_on,
        gettext("overdue") if term.is_over(today()) else "",
        gettext("standing still") if term.paused_on else "",
        case.ref if case else term.entity_ref,
        term.entity_ref,
        text_of(current_policy().workflow_of(turn.entity).label),
        state_name(turn.entity),
        *party(record.subject),
        record.decision_no,
        (turn.case or record).provider.name,
    ]


TURN_HEAD: Final = (
    _l("Due"),
    _l("Overdue"),
    _l("Standing still"),
    _l("Number"),
    _l("Of which part"),
    _l("Matter"),
    _l("State"),
    _l("Enterprise"),
    _l("Unified social credit code"),
    _l("Decision"),
    _l("Information provider"),
)
