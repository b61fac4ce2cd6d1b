"""Lists of what was found, what happened, messages and figures."""

from typing import Any, Final

from flask_babel import gettext
from flask_babel import lazy_gettext as _l
from sqlalchemy import Select, select
from sqlalchemy.orm import joinedload, selectinload

from repair_app.db import db
from repair_app.engine import flaws
from repair_app.masking import HIDDEN
from repair_app.models import CreditRecord, Event, Finding, Message, User
from repair_app.services import history, inbox, messages
from repair_app.services.listings.common import BATCH, Filters, Rows, party
from repair_app.services.policy import current_policy
from repair_app.services.statistics import boards, periods, tables
from repair_app.services.statistics.tables import text_of
from repair_app.sheets import Cell


def findings_query(_user: User, _filters: Filters) -> Select[Any]:
    """Return the query for the findings that stand."""
    return (
        select(Finding)
        .where(Finding.cleared_at.is_(None))
        .order_by(Finding.id)
        .options(
            joinedload(Finding.record).joinedload(CreditRecord.subject),
            joinedload(Finding.record).joinedload(CreditRecord.provider),
            selectinload(Finding.case),
        )
    )


FINDING_HEAD: Final = (
    _l("Finding"),
    _l("Basis"),
    _l("Record"),
    _l("Decision"),
    _l("Enterprise"),
    _l("Unified social credit code"),
    _l("Information provider"),
    _l("Found on"),
    _l("Self-correction"),
)


def finding_row(finding: Finding) -> list[Cell]:
    """Return the cells of a finding."""
    kind = flaws.KINDS[finding.kind]
    return [
        text_of(kind.label),
        text_of(current_policy().cite(kind.basis)),
        finding.record.ref,
        finding.record.decision_no,
        *party(finding.record.subject),
        finding.record.provider.name,
        finding.found_at,
        finding.case.ref if finding.case else "",
    ]


def events_query(_user: User, filters: Filters) -> Select[Any]:
    """Return the query for the events of the ledger that are looked for, newest first."""
    workflow, _, step = filters.get("what", "").partition(".")
    sought = history.query_events(
        history.Sought(
            ref=filters.get("ref", ""),
            workflow=workflow,
            step=step,
            role=filters.get("role", ""),
            organisation=filters.get("organisation", ""),
            since=inbox.read_day(filters.get("since", "")),
            until=inbox.read_day(filters.get("until", "")),
        )
    )
    return sought.options(joinedload(Event.text))


def event_rows(user: User | None, filters: Filters) -> Rows:
    """Yield the events that are looked for; nobody's words are in them, nor is an account."""
    if user is None:
        return
    asked = events_query(user, filters).execution_options(yield_per=BATCH)
    for some in db.session.scalars(asked).partitions():
        persons = history.find_natural_persons(some)
        for one in history.read(some, internal=False):
            yield [
                one.at,
                one.event.stream,
                one.event.seq,
                one.event.entity,
                text_of(one.workflow.label),
                text_of(one.transition.label),
                str(tables.ROLE_NAMES.get(one.role, one.role)),
                HIDDEN if one.organisation in persons else one.organisation or "",
                one.event.hash,
            ]


EVENT_HEAD: Final = (
    _l("At"),
    _l("Chain"),
    _l("Place in the chain"),
    _l("Entity"),
    _l("Matter"),
    _l("Step"),
    _l("Role"),
    _l("Organisation"),
    _l("Seal"),
)


def messages_query(user: User, _filters: Filters) -> Select[Any]:
    """Return the query for a person's messages, newest first."""
    return select(Message).where(Message.account_id == user.id).order_by(Message.id.desc())


def message_rows(user: User | None, filters: Filters) -> Rows:
    """Yield a person's messages as they read them."""
    if user is None:
        return
    asked = messages_query(user, filters).execution_options(yield_per=BATCH)
    for some in db.session.scalars(asked).partitions():
        for one in messages.describe(some, user):
            told = one.message
            yield [
                told.created_at,
                one.kind,
                told.entity_ref,
                one.why,
                one.what,
                one.state,
                told.read_at,
            ]


MESSAGE_HEAD: Final = (
    _l("At"),
    _l("Matter"),
    _l("Number"),
    _l("Message"),
    _l("Step"),
    _l("State"),
    _l("Read"),
)


def figures_of(user: User | None, filters: Filters) -> tables.Table:
    """Return the table of figures that is asked for; an empty one for a name that is none."""
    asked = (filters.get(name, "") for name in ("period", "from", "to"))
    period = periods.read_period(*asked)
    board = boards.build(user, filters.get("as", ""), period, filters.get("workflow", ""))
    return board.find(filters.get("table", "")) or tables.Table("", "", [], [])


def figure_rows(user: User | None, filters: Filters) -> Rows:
    """Yield a table of figures."""
    table = figures_of(user, filters)
    hidden = gettext("not shown")
    for row in table.rows:
        yield [hidden if one is None else one for one in row]
