"""Every list that can be taken away as a file: who may, which columns, which rows.

The rows are those that the person sees on the page, asked of the same conditions, read in batches.
The name and code of a natural person are in no file, nor is the name of a person whom a measure
reaches: a file leaves the house.
"""

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final

from flask_babel import gettext
from flask_babel import lazy_gettext as _l
from sqlalchemy import Select, and_, false, func, literal, or_, select, true
from sqlalchemy.orm import contains_eager, joinedload, selectinload

from repair_app.access import organisations_as, visible_to
from repair_app.db import db, today
from repair_app.engine import enforcement, flaws
from repair_app.labels import Label
from repair_app.masking import HIDDEN, public_view
from repair_app.models import (
    Appointment,
    Case,
    CreditRecord,
    Deadline,
    Event,
    Finding,
    InstitutionRegistration,
    Message,
    Organisation,
    Requirement,
    Role,
    Sanction,
    SanctionMeasure,
    User,
)
from repair_app.models.parties import OrganisationKind
from repair_app.services import (
    administration,
    catalogue,
    commitments,
    history,
    inbox,
    institutions,
    messages,
    organisations,
    records,
    search,
)
from repair_app.services.office_book import name_account
from repair_app.services.policy import current_policy
from repair_app.services.reasons import reason_text
from repair_app.services.statistics import boards, periods, tables
from repair_app.services.statistics.tables import (
    name_by_packs,
    name_kind,
    text_of,
)
from repair_app.sheets import Cell

BATCH: Final = 500
PUBLIC: Final = "public"
SIGNED_IN: Final = "signed in"
Filters = Mapping[str, str]
Rows = Iterator[Sequence[Cell]]


@dataclass(frozen=True)
class Listing:
    """A list: who may take it away, its columns, how many rows there are, and the rows.

    `count` is asked for as many as is of interest, and need not count further. `asks` are the
    filters that it knows; others are dropped.
    """

    title: Any
    admits: str | frozenset[Role]
    head: Callable[[User | None, Filters], Sequence[Any]]
    count: Callable[[User | None, Filters, int | None], int]
    rows: Callable[[User | None, Filters], Rows]
    asks: tuple[str, ...] = ()

    def admits_user(self, user: User | None) -> bool:
        """Say whether a person may take it away; None is anybody."""
        if self.admits == PUBLIC:
            return True
        if user is None:
            return False
        return self.admits == SIGNED_IN or any(user.holds(role) for role in self.admits)  # type: ignore[arg-type]


Query = Callable[[User, Filters], Select[Any]]
Row = Callable[[Any], Sequence[Cell]]


def listed(
    title: Any,
    admits: str | frozenset[Role],
    head: Sequence[Any],
    query: Any,
    row: Row,
    asks: tuple[str, ...] = (),
) -> Listing:
    """Return a listing whose rows are those of a query, one line for each.

    query: of a person and filters. row: the cells of what a row holds (its one thing, or itself).
    """

    def rows(user: User | None, filters: Filters) -> Rows:
        asked = query(user, filters).execution_options(yield_per=BATCH)
        for found in db.session.execute(asked):
            yield row(found[0] if len(found) == 1 else found)

    return Listing(title, admits, lambda *_: head, count_of(query), rows, asks)


def count_of(query: Any) -> Callable[[User | None, Filters, int | None], int]:
    """Return how to count the rows of a query, up to a limit."""

    def count(user: User | None, filters: Filters, most: int | None) -> int:
        asked = query(user, filters).with_only_columns(
            literal(1).label("one"), maintain_column_froms=True
        )
        some = asked.order_by(None).limit(most).subquery()
        return db.session.scalar(select(func.count()).select_from(some)) or 0

    return count


def row_filter(filters: Filters, name: str, column: Any) -> Any:
    """Return the SQL condition of a filter; without it, for all."""
    return column == filters[name] if filters.get(name) else true()


# --- words ----------------------------------------------------------------------------------------


def party(organisation: Any) -> tuple[str, str]:
    """Return name and code of an enterprise; of a natural person neither."""
    if organisation.kind == OrganisationKind.NATURAL_PERSON:
        return HIDDEN, HIDDEN
    return organisation.name, organisation.uscc or ""


def state_name(entity: Any) -> str:
    """Return how a thing stands, as the version that it is pinned to calls it."""
    return text_of(current_policy().workflow_of(entity).states[entity.state].label)


# --- matters --------------------------------------------------------------------------------------


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

# --- records --------------------------------------------------------------------------------------


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

# --- measures -------------------------------------------------------------------------------------


def measures_query(_user: User | None, _filters: Filters) -> Select[Any]:
    """Return the query for the catalogue of measures."""
    return select(SanctionMeasure).order_by(SanctionMeasure.code)


def measure_row(measure: SanctionMeasure) -> list[Cell]:
    """Return the cells of a measure of the catalogue."""
    return [
        measure.code,
        measure.name_zh,
        measure.name_en,
        str(catalogue.KIND_NAMES[measure.kind]),
        str(catalogue.FORCE_NAMES[measure.force]),
        text_of(current_policy().cite(measure.basis)),
        measure.withdrawn_on,
    ]


MEASURE_HEAD: Final = (
    _l("Code"),
    _l("Measure (Chinese)"),
    _l("Measure (English)"),
    _l("Kind"),
    _l("Force"),
    _l("Basis"),
    _l("Off the list since"),
)


def with_record(query: Select[Any]) -> Select[Any]:
    """Return a query for sanctions that reads what their lines say."""
    return query.order_by(Sanction.id.desc()).options(
        joinedload(Sanction.record).options(
            joinedload(CreditRecord.subject), selectinload(CreditRecord.dispute_marks)
        ),
        joinedload(Sanction.measure),
        joinedload(Sanction.department),
        selectinload(Sanction.suspensions),
    )


def enforcement_query(user: User, filters: Filters) -> Select[Any]:
    """Return the query for the measures of a person's department that have not ended."""
    own = organisations_as(user, Role.DEPARTMENT)
    asked = select(Sanction).where(Sanction.department_id.in_(own))
    if filters.get("uscc"):
        subjects = select(Organisation.id).where(Organisation.uscc == filters["uscc"])
        on_file = select(CreditRecord.id).where(CreditRecord.subject_id.in_(subjects))
        return with_record(asked.where(Sanction.record_id.in_(on_file)))
    return with_record(asked.where(Sanction.ended_at.is_(None)))


def initiated_query(user: User, _filters: Filters) -> Select[Any]:
    """Return the query for the measures on records of a person's agency that it has to hear of."""
    own = organisations_as(user, Role.PROVIDER)
    waiting = select(Deadline.entity_ref).where(
        Deadline.met_at.is_(None), Deadline.clock == "sanction_evaluation"
    )
    return with_record(
        select(Sanction)
        .join(CreditRecord)
        .where(CreditRecord.provider_id.in_(own))
        .where(or_(Sanction.state == "initiated", Sanction.ref.in_(waiting)))
    )


SANCTION_HEAD: Final = (
    _l("Number"),
    _l("Measure"),
    _l("May it be enforced now?"),
    _l("Why"),
    _l("State"),
    _l("Enterprise"),
    _l("Unified social credit code"),
    _l("Decision"),
    _l("Implementing department"),
    _l("From"),
    _l("Until"),
    _l("Reaches"),
    _l("As of"),
)


def sanction_row(sanction: Sanction) -> list[Cell]:
    """Return the cells of a measure, with the answer of today; whom it reaches by office only."""
    verdict = enforcement.enforceable(sanction, today())
    role = sanction.person_role
    return [
        sanction.ref,
        text_of(Label(sanction.measure.name_zh, sanction.measure.name_en)),
        verdict.enforceable,
        reason_text(verdict.reason),
        state_name(sanction),
        *party(sanction.record.subject),
        sanction.record.decision_no,
        sanction.department.name,
        sanction.imposed_on,
        sanction.ends_on,
        text_of(enforcement.ROLES_OF_PERSONS[role]) if role else "",
        today(),
    ]


# --- administration ---------------------------------------------------------------------------


def organisations_query(_user: User, filters: Filters) -> Select[Any]:
    """Return the query for the organisations on file, as their page looks for them."""
    return organisations.query_all(filters.get("q", ""), filters.get("kind", ""))


def organisation_row(one: Organisation) -> list[Cell]:
    """Return the cells of an organisation; natural persons are not on that list."""
    return [
        one.name,
        one.uscc or "",
        str(organisations.KIND_NAMES[one.kind]),
        one.superior.name if one.superior else "",
        one.superior.uscc if one.superior else "",
        one.created_at,
    ]


ORGANISATION_HEAD: Final = (
    _l("Name"),
    _l("Unified social credit code"),
    _l("Kind"),
    _l("Superior unit"),
    _l("Code of the superior unit"),
    _l("On file since"),
)


def seats_query(_user: User, filters: Filters) -> Select[Any]:
    """Return the query for the roles of the accounts that fit, as their page looks for them."""
    role = filters.get("role", "")
    known = role if role in tables.ROLE_NAMES else ""
    return (
        select(Appointment)
        .join(Appointment.user)
        .where(administration.are_sought(filters.get("q", ""), known))
        .order_by(User.email, User.id, Appointment.id)
        .options(contains_eager(Appointment.user))
    )


def seat_row(seat: Appointment) -> list[Cell]:
    """Return the cells of a role: its account by number, for a file names no person."""
    user = seat.user
    scope = [text_of(current_policy().current[one].label) for one in seat.scope or ()]
    return [
        name_account(user),
        gettext("active") if user.active else gettext("inactive"),
        bool(user.password),
        str(tables.ROLE_NAMES.get(seat.role, seat.role)),
        *party(seat.organisation),
        gettext(", ").join(scope),
        seat.ends_on,
        seat.is_current,
    ]


SEAT_HEAD: Final = (
    _l("Account"),
    _l("State"),
    _l("Has a password"),
    _l("Role"),
    _l("Organisation"),
    _l("Unified social credit code"),
    _l("Scope"),
    _l("Last day"),
    _l("Holds today"),
)


def registrations_query(_user: User, _filters: Filters) -> Select[Any]:
    """Return the query for the registrations of institutions."""
    return institutions.query_all()


def registration_row(one: InstitutionRegistration) -> list[Cell]:
    """Return the cells of a registration."""
    return [
        one.organisation.name,
        one.organisation.uscc or "",
        str(institutions.SERVICE_NAMES[one.service]),
        one.number,
        one.valid_from,
        one.valid_until,
        one.suspended_on,
        one.ended_on,
    ]


REGISTRATION_HEAD: Final = (
    _l("Institution"),
    _l("Unified social credit code"),
    _l("Service"),
    _l("Number"),
    _l("First day"),
    _l("Last day"),
    _l("Suspended on"),
    _l("Ended on"),
)


def given_up_query(_user: User, _filters: Filters) -> Select[Any]:
    """Return the query for the mails that were given up, the latest first."""
    failed = select(Message).where(Message.mail_state == "failed")
    return failed.order_by(Message.id.desc())


def given_up_row(one: Message) -> list[Cell]:
    """Return the cells of a mail that was given up: to which account, and why."""
    return [one.created_at, f"account:{one.account_id}", one.entity_ref, one.mail_problem or ""]


GIVEN_UP_HEAD: Final = (_l("At"), _l("Account"), _l("Number"), _l("Problem"))

# --- audit, messages, figures ---------------------------------------------------------------------


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


# --- all of them ----------------------------------------------------------------------------------

FILERS: Final = frozenset({Role.SUBJECT, Role.AGENT})
OFFICE: Final = frozenset({Role.ADMINISTRATOR})
LISTINGS: Final[Mapping[str, Listing]] = {
    "worklist": Listing(
        _l("Worklist"),
        frozenset(inbox.WORKERS),
        lambda *_: TURN_HEAD,
        count_of(turns_query),
        turn_rows,
        ("as", "tab", "what", "provider", "until", "q"),
    ),
    "cases": listed(
        _l("Cases"),
        frozenset({Role.REVIEWER, Role.PROVIDER, Role.AUDITOR}),
        CASE_HEAD,
        cases_query,
        case_row,
        ("workflow",),
    ),
    "my-cases": listed(_l("My cases"), FILERS, CASE_HEAD, own_cases_query, case_row),
    "my-records": listed(_l("My records"), FILERS, RECORD_HEAD, own_records_query, record_row),
    "enforcement": listed(
        _l("Our measures"),
        frozenset({Role.DEPARTMENT}),
        SANCTION_HEAD,
        enforcement_query,
        sanction_row,
        ("uscc",),
    ),
    "initiated": listed(
        _l("Initiated measures"),
        frozenset({Role.PROVIDER}),
        SANCTION_HEAD,
        initiated_query,
        sanction_row,
    ),
    "findings": listed(
        _l("What the scan found"),
        frozenset({Role.AUDITOR}),
        FINDING_HEAD,
        findings_query,
        finding_row,
    ),
    "events": Listing(
        _l("Events of the ledger"),
        frozenset({Role.AUDITOR}),
        lambda *_: EVENT_HEAD,
        count_of(events_query),
        event_rows,
        ("ref", "what", "role", "organisation", "since", "until"),
    ),
    "organisations": listed(
        _l("Organisations"),
        OFFICE,
        ORGANISATION_HEAD,
        organisations_query,
        organisation_row,
        ("q", "kind"),
    ),
    "people": listed(
        _l("Accounts and roles"), OFFICE, SEAT_HEAD, seats_query, seat_row, ("q", "role")
    ),
    "institutions": listed(
        _l("Registered institutions"),
        OFFICE,
        REGISTRATION_HEAD,
        registrations_query,
        registration_row,
    ),
    "given-up-mails": listed(
        _l("Mails that were given up"), OFFICE, GIVEN_UP_HEAD, given_up_query, given_up_row
    ),
    "messages": Listing(
        _l("Messages"),
        SIGNED_IN,
        lambda *_: MESSAGE_HEAD,
        count_of(messages_query),
        message_rows,
    ),
    "records": Listing(
        _l("Public credit records"),
        PUBLIC,
        lambda *_: RECORD_HEAD,
        count_of(search_query),
        found_rows,
        ("q",),
    ),
    "commitments": Listing(
        _l("Published commitments"),
        PUBLIC,
        lambda *_: COMMITMENT_HEAD,
        count_of(commitments_query),
        commitment_rows,
    ),
    "measures": listed(
        _l("Catalogue of measures"), PUBLIC, MEASURE_HEAD, measures_query, measure_row
    ),
    "statistics": Listing(
        _l("Statistics"),
        PUBLIC,
        lambda user, filters: figures_of(user, filters).head,
        lambda user, filters, _most: len(figures_of(user, filters).rows),
        figure_rows,
        ("table", "period", "from", "to", "workflow", "as"),
    ),
}


def find_listing(name: str, user: User | None) -> Listing | None:
    """Return a list that a person may take away; None where there is none for them."""
    listing = LISTINGS.get(name)
    return listing if listing and listing.admits_user(user) else None


def chosen(listing: Listing, asked: Mapping[str, str]) -> dict[str, str]:
    """Return the filters that a list knows, of all that an address holds."""
    given = {name: visible(asked.get(name, "")) for name in listing.asks}
    return {name: value for name, value in given.items() if value}


def visible(text: str) -> str:
    """Return a filter without what cannot be seen, and no longer than a search may be."""
    return inbox.visible(text)[: 2 * search.LONGEST]


def in_words(rows: Iterable[Sequence[Cell]]) -> Rows:
    """Yield rows with what is so, or is not, in the reader's language and not as a code."""
    yes, no = gettext("yes"), gettext("no")
    for row in rows:
        yield [(yes if one else no) if isinstance(one, bool) else one for one in row]


def texts_of(head: Iterable[Any]) -> list[str]:
    """Return the titles of columns in the reader's language."""
    return [str(one) for one in head]
