"""Worklists: whose turn it is, the most urgent first."""

import re
import unicodedata
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from typing import Any, Final

from sqlalchemy import (
    ColumnElement,
    Select,
    and_,
    bindparam,
    exists,
    false,
    func,
    literal,
    null,
    or_,
    select,
    true,
)
from sqlalchemy.orm import aliased, defer, joinedload, selectinload
from sqlalchemy.sql.base import ExecutableOption

from repair_app.access import (
    CONFIDENTIAL,
    organisations_as,
    sides_of,
    takes_side_in,
    visible_to,
)
from repair_app.calendar import add_working_days
from repair_app.db import db, today
from repair_app.engine.days import read_table
from repair_app.engine.deadlines import is_overdue
from repair_app.engine.step import record_of
from repair_app.models import (
    Appointment,
    Case,
    CreditRecord,
    Deadline,
    Organisation,
    Requirement,
    Role,
    Sanction,
    SanctionMeasure,
    User,
)
from repair_app.models.parties import OrganisationKind
from repair_app.refs import as_written, refs_numbered
from repair_app.services import search
from repair_app.services.policy import current_policy

PAGE = 25
COUNTED = 100  # more are shown as "100+": counting them all would not stay quick
POSITION = re.compile("([0-9]{4}-[0-9]{2}-[0-9]{2})_([0-9]{1,9})")  # due day and row of a term
# The number of a matter: whole, or without its beginning or end, or its digits.
NUMBER = re.compile("(?:(?:([A-Z]{2})-)?([0-9]{4})-)?([0-9]{1,9})(?:-([0-9A-Z]?))?")
BEGINNING = re.compile("[A-Z]{2}(?:-(?:[0-9]{0,4}|[0-9]{4}-[0-9]{0,9}(?:-[0-9A-Z]?)?))?")
HIGHEST: Final = "Z" * 20  # no number of that beginning comes behind it, however texts are sorted
WHOLE_NUMBER = re.compile("[A-Z]{2}-[0-9]{4}-[0-9]{6,9}-[0-9A-Z]")
BRACKETS: Final = re.compile(r"[〔〕【】\[\]()（）［］]")  # of a decision's year, as they are typed
WORDS: Final = 5  # that are looked for together
LONGEST: Final = 100  # characters that are looked for
ASKED: Final = ("tab", "what", "provider", "until", "q")  # of an address
TEAM: Final = "team"
TABS: Final = ("mine", TEAM, "unassigned", "soon", "overdue")
SOON: Final = 3  # working days
MEASURES: Final = "sanction"  # the terms that are of no case
FEW: Final = 2000  # cases: up to so many are looked up at once
MANY: Final = 2000  # organisations of one name: from then on some of theirs wait in any case
HOW_COUNTED: Final = (Deadline.pauses, Deadline.skipped, Deadline.made_up)  # no list tells it
WORKERS = (Role.REVIEWER, Role.PROVIDER, Role.DEPARTMENT, Role.INSTITUTION)


Entity = Case | Requirement | Sanction | CreditRecord
# The guards by which who took part in a case keeps out of a step of it, and who that was.
TOOK_PART: Final = {
    "actor_did_not_decide_first": "decided_by_id",
    "actor_did_not_verify": "verified_by_id",
}


@dataclass(frozen=True)
class Turn:
    """A term that runs for somebody, with the matter or thing that it is about."""

    term: Deadline
    entity: Entity

    @property
    def case(self) -> Case | None:
        """Return the case, unless the term is a measure's or a record's."""
        return self.term.case

    @property
    def record(self) -> CreditRecord:
        """Return the record that it is all about."""
        return self.entity if isinstance(self.entity, CreditRecord) else record_of(self.entity)

    @property
    def is_for_a_stranger(self) -> bool:
        """Say whether who has to act does not see the case: an institution, a consulted agency."""
        return isinstance(self.entity, Requirement) and self.entity.institution_id is not None


@dataclass(frozen=True)
class Line:
    """A line of a worklist: a term that runs, and as plain values what it is about.

    entity: its ref, workflow and state, the case and record of which it is a part, the decision's
    number, the names of both parties, and what else is asked for of its kind (`OF_CASES`,
    `OF_RECORDS`).
    """

    term: Deadline
    kind: str
    entity: Any


@dataclass(frozen=True)
class Filters:
    """What of a worklist is asked for; what is empty is not asked."""

    tab: str = TEAM
    workflow: str = ""  # of the case
    state: str = ""  # of the case, which then has the turn itself
    provider: str = ""  # part of a name, or a code
    until: date | None = None  # due by this day
    text: str = ""  # numbers of matters or decisions, parts of an enterprise's name, or a code

    @property
    def is_narrow(self) -> bool:
        """Say whether more is asked for than a tab."""
        return self != Filters(tab=self.tab)


@dataclass(frozen=True)
class Inbox:
    """A page of the terms that run for a role, how many there are, and where the next begins."""

    turns: Sequence[Line]
    counts: Mapping[str, int]  # by tab, up to COUNTED + 1
    after: str | None

    @property
    def waiting(self) -> int:
        """Return how many wait for all of the office together."""
        return self.counts[TEAM]

    @property
    def overdue(self) -> int:
        """Return how many of these are over."""
        return self.counts["overdue"]


def read_filters(role: Role, asked: Mapping[str, str]) -> Filters:
    """Return what an address asks for, of a page or of a file: what is none of its values is not.

    asked: tab, what (a workflow, or workflow.state), provider, until and q.
    """
    kinds = list_kinds(role)
    given = {name: visible(asked.get(name, "")) for name in ASKED}
    workflow, _, state = given["what"].partition(".")
    known = workflow in kinds or workflow == MEASURES
    return Filters(
        tab=given["tab"] if given["tab"] in TABS else TEAM,
        workflow=workflow if known else "",
        state=state if state in kinds.get(workflow, ()) else "",
        provider=given["provider"][:LONGEST],
        until=read_day(given["until"]),
        text=given["q"][:LONGEST],
    )


def visible(text: str) -> str:
    """Return what was asked for without what cannot be seen; a wide space parts words, too."""
    return "".join(filter(str.isprintable, " ".join(text.split())))


def read_day(text: str) -> date | None:
    """Return a day; None for what is none."""
    try:
        return date.fromisoformat(text)
    except ValueError:
        return None


def list_turns(
    user: User, role: Role, after: str | None = None, filters: Filters | None = None
) -> Inbox:
    """Return what waits for a person in a role, by due day."""
    asked = filters or Filters()
    waiting, tabs = waits_for(user, role), tabs_of(user, role)
    rows = db.session.scalars(
        select(Deadline)
        .where(waiting, tabs[asked.tab], *conditions_of(asked, role), comes_after(after))
        .order_by(Deadline.due_on, Deadline.id)
        .limit(PAGE + 1)
        .options(joinedload(Deadline.escalated_to), *map(defer, HOW_COUNTED))
    ).all()
    last = rows[PAGE - 1] if len(rows) > PAGE else None
    return Inbox(
        turns=list(make_lines(rows[:PAGE])),
        counts=count_all({name: and_(waiting, one) for name, one in tabs.items()}),
        after=place_at(last) if last else None,
    )


def with_what_they_are_of() -> tuple[ExecutableOption, ...]:
    """Return how terms are read with cases, records and parties.

    By questions of their own: joined outside a join, SQLite puts all cases there are together.
    """
    return (
        joinedload(Deadline.escalated_to),
        selectinload(Deadline.case).options(joinedload(Case.subject), joinedload(Case.provider)),
        selectinload(Deadline.record).options(
            joinedload(CreditRecord.subject), joinedload(CreditRecord.provider)
        ),
    )


def tabs_of(user: User, role: Role) -> dict[str, ColumnElement[bool]]:
    """Return the SQL condition of each tab, for terms that wait for a person in a role."""
    last = add_working_days(today(), SOON, read_table(db.session())).due_on
    soon = and_(Deadline.due_on >= today(), Deadline.due_on <= last)
    return {
        "mine": Deadline.assignee_id == user.id,
        TEAM: true(),
        "unassigned": is_unassigned(role),
        "soon": soon,
        "overdue": is_overdue(today()),
    }


def is_unassigned(role: Role) -> ColumnElement[bool]:
    """Return the SQL condition for terms that nobody has, or somebody who has left the office."""
    in_office = (
        select(Appointment.user_id)
        .join(Appointment.user)
        .where(
            Appointment.role == role.value,
            or_(Appointment.ends_on.is_(None), Appointment.ends_on >= today()),
            User.active,
        )
    )
    return or_(Deadline.assignee_id.is_(None), Deadline.assignee_id.not_in(in_office))


def conditions_of(asked: Filters, role: Role | None = None) -> Iterator[ColumnElement[bool]]:
    """Yield the SQL conditions of what is asked for beside the tab.

    role: whose list it is, if that is known; only departments have terms that are of no case.
    """
    if asked.workflow == MEASURES:
        yield Deadline.case_id.is_(None)
    elif asked.workflow:
        yield of_cases(Case.workflow == asked.workflow)
    if asked.state:
        yield of_case(Case.state == asked.state, Case.ref == Deadline.entity_ref)
    if asked.provider:
        agencies = find_agencies(asked.provider)
        found = of_cases(Case.provider_id.in_(agencies)) if agencies else false()
        if agencies and role in {None, Role.DEPARTMENT}:
            at_record = exists().where(
                CreditRecord.id == Deadline.record_id, CreditRecord.provider_id.in_(agencies)
            )
            found = or_(found, and_(Deadline.case_id.is_(None), at_record))
        yield found
    if asked.until:
        yield Deadline.due_on <= asked.until
    if asked.text:
        yield mentions(asked.text)


def of_case(*conditions: ColumnElement[bool]) -> ColumnElement[bool]:
    """Return the SQL condition for terms whose case is such."""
    return exists().where(Case.id == Deadline.case_id, *conditions)


def of_cases(condition: ColumnElement[bool]) -> ColumnElement[bool]:
    """Return the same for a condition that an index answers: few cases are looked up at once.

    A walk along the list meets many soon, and few hardly ever.
    """
    fitting = select(Case.id).where(condition)
    if search.has_at_least(fitting, FEW + 1):
        return of_case(condition)
    return running_of(Deadline.case_id.in_(fitting))


def running_of(condition: ColumnElement[bool]) -> ColumnElement[bool]:
    """Return the SQL condition for the few running terms that fit, looked up at once."""
    running = select(Deadline.id).where(condition, Deadline.met_at.is_(None))
    ids = db.session.scalars(running).all()
    # Written into the statement: a value for each of thousands takes longer than the answer.
    return Deadline.id.in_(any_written_in(ids)) if ids else false()


def mentions(text: str) -> ColumnElement[bool]:
    """Return the SQL condition for terms that each word of a text is about."""
    words = unicodedata.normalize("NFKC", text).split()
    return and_(true(), *(is_about(word) for word in words[:WORDS]))


def is_about(word: str) -> ColumnElement[bool]:
    """Return the SQL condition for terms of a number, a decision, or an enterprise named so."""
    number = as_written(word).upper()
    if BEGINNING.fullmatch(number) and not WHOLE_NUMBER.fullmatch(number):
        short = is_numbered(number) if NUMBER.fullmatch(number) else is_named(word)
        return or_(short, is_numbered_from(number))
    if NUMBER.fullmatch(number):
        found = is_numbered(number)
        return or_(found, is_number_of_decision(number)) if number.isdigit() else found
    named = is_named(word)
    is_code = word.isascii() and word.isalnum()
    has_number = any(map(str.isdigit, word)) and not is_code
    return or_(named, is_of_decision(word)) if has_number else named


def is_numbered(number: str) -> ColumnElement[bool]:
    """Return the SQL condition for terms of a number: of a matter, a part of it, or a record."""
    whole = WHOLE_NUMBER.fullmatch(number)
    fits = Case.ref.in_([number] if whole else list_refs(number))
    cases = db.session.scalars(select(Case.id).where(fits).limit(COUNTED)).all()
    records = select(CreditRecord.id).where(CreditRecord.ref == number)
    asked = or_(Deadline.case_id.in_(cases), Deadline.entity_ref == number)
    return running_of(or_(asked, Deadline.record_id.in_(records)) if whole else asked)


def is_numbered_from(beginning: str) -> ColumnElement[bool]:
    """Return the SQL condition for terms of what has a number that begins so: ranges of indexes."""
    own = Deadline.entity_ref.between(beginning, beginning + HIGHEST)
    is_common = search.has_at_least(select(Deadline.id).where(own), FEW + 1)
    of_cases_numbered = of_cases(Case.ref.between(beginning, beginning + HIGHEST))
    return or_(of_cases_numbered, own if is_common else running_of(own))


def list_refs(part: str) -> list[str]:
    """Return the references that a part of one can mean: looked up, none is searched for."""
    found = NUMBER.fullmatch(part)
    if found is None:
        return []
    prefix, year, number, check = (one or "" for one in found.groups())
    refs = refs_numbered(db.session(), int(number), prefix, year)
    return [one for one in refs if one.endswith(check)]


def is_of_decision(word: str) -> ColumnElement[bool]:
    """Return the SQL condition for terms whose record's decision has a number with such a part.

    Whatever brackets stand around its year. Few of a worklist are looked at: by their own record.
    """
    pattern = BRACKETS.sub("_", re.sub(r"([%_\\])", r"\\\1", word))
    fits = CreditRecord.decision_no.like(f"%{pattern}%", escape="\\")
    return exists().where(CreditRecord.id == Deadline.record_id, fits)


def is_number_of_decision(digits: str) -> ColumnElement[bool]:
    """Return the SQL condition for terms whose record's decision has this number in its year."""
    fits = CreditRecord.decision_no.like(f"%〕{digits}号")
    return exists().where(CreditRecord.id == Deadline.record_id, fits)


def is_named(text: str) -> ColumnElement[bool]:
    """Return the SQL condition for terms of enterprises that a text names."""
    wanted = search.read_query(text[: search.LONGEST])
    if wanted is None:
        return false()
    named = search.named(wanted)
    if not search.has_at_least(named, MANY):
        records = select(CreditRecord.id).where(CreditRecord.subject_id.in_(named))
        return running_of(Deadline.record_id.in_(records))
    of_firm = Organisation.id == CreditRecord.subject_id
    return exists().where(CreditRecord.id == Deadline.record_id, of_firm, search.holds(wanted))


def find_agencies(text: str) -> Sequence[int]:
    """Return the ids of the agencies that a text names, or whose code it begins.

    They are few: each is looked at.
    """
    wanted = search.read_query(text[: search.LONGEST])
    if wanted is None:
        return []
    # Written into the statement, or the index of agencies is not used.
    is_agency = Organisation.kind == written_in(OrganisationKind.AGENCY.value)
    named = select(Organisation.id).where(is_agency, search.holds(wanted))
    return db.session.scalars(named.limit(MANY)).all()


SUBJECT, PROVIDER = aliased(Organisation), aliased(Organisation)


def shown(entity: type[Entity], case: Any, provider_id: Any, *more: Any) -> Select[Any]:
    """Return the query for what a line shows of entities, by their refs.

    As columns: mapped rows, of which a list shows little, are a third of the work for its page.
    """
    workflow = entity.workflow  # a text where all of a kind have the same
    named = literal(workflow).label("workflow") if isinstance(workflow, str) else workflow
    pinned = (entity.ref, named, entity.workflow_version, entity.workflow_hash, entity.state)
    about = (CreditRecord.ref.label("record"), CreditRecord.decision_no)
    names = (SUBJECT.name.label("subject"), PROVIDER.name.label("provider"))
    columns: list[Any] = [*pinned, case.label("case"), *about, *names, *more]
    return select(*columns).where(
        entity.ref.in_(bindparam("refs", expanding=True)),
        SUBJECT.id == CreditRecord.subject_id,
        PROVIDER.id == provider_id,
    )


OF_CASES: Final = {
    "Case": shown(
        Case, Case.ref, Case.provider_id, *(getattr(Case, one) for one in TOOK_PART.values())
    ).where(CreditRecord.id == Case.record_id),
    "Requirement": shown(Requirement, Case.ref, Case.provider_id, Requirement.institution_id).where(
        Case.id == Requirement.case_id, CreditRecord.id == Case.record_id
    ),
}
OF_RECORDS: Final = {
    "CreditRecord": shown(CreditRecord, null(), CreditRecord.provider_id),
    "Sanction": shown(
        Sanction, null(), CreditRecord.provider_id, SanctionMeasure.name_zh, SanctionMeasure.name_en
    ).where(CreditRecord.id == Sanction.record_id, SanctionMeasure.id == Sanction.measure_id),
}


def name_subjects(kind: type[Entity], refs: Sequence[str]) -> dict[str, str]:
    """Return the names of the enterprises that some entities of a kind are about, by their refs."""
    found = db.session.execute((OF_CASES | OF_RECORDS)[kind.__name__], {"refs": refs})
    return {one.ref: one.subject for one in found}


def make_lines(terms: Sequence[Deadline]) -> Iterator[Line]:
    """Yield each term with what a list shows of it; those of one kind are read together."""
    known: dict[str, tuple[str, Any]] = {}
    in_cases = {one.entity_ref for one in terms if one.case_id is not None}
    on_records = {one.entity_ref for one in terms if one.case_id is None}
    for refs, queries in ((in_cases, OF_CASES), (on_records, OF_RECORDS)):
        for kind, query in queries.items():
            if missing := [one for one in refs if one not in known]:
                found = db.session.execute(query, {"refs": missing})
                known |= {one.ref: (kind, one) for one in found}
    for term in terms:
        if term.entity_ref in known:
            yield Line(term, *known[term.entity_ref])


def has_taken_part(line: Line, person_id: int) -> bool:
    """Say whether a person's earlier part in a case keeps them out of a step that is due now."""
    if line.kind != "Case":
        return False
    steps = current_policy().workflow_of(line.entity).leaving(line.entity.state)
    barring = {TOOK_PART[name] for one in steps for name in one.guards if name in TOOK_PART}
    return any(getattr(line.entity, one) == person_id for one in barring)


def pair_with_entities(terms: Sequence[Deadline]) -> Iterator[Turn]:
    """Yield each term with what it is about; requirements and measures are read together."""
    known: dict[str, Entity] = {}
    for term in terms:
        if term.case is not None:
            known[term.case.ref] = term.case
        if term.record is not None:
            known[term.record.ref] = term.record
    beside = [one for one in terms if one.entity_ref not in known]
    in_cases = [one.entity_ref for one in beside if one.case_id is not None]
    on_records = [one.entity_ref for one in beside if one.case_id is None]
    if in_cases:
        asked = select(Requirement).where(Requirement.ref.in_(in_cases))
        known |= {one.ref: one for one in db.session.scalars(asked)}
    if on_records:
        measures = select(Sanction).where(Sanction.ref.in_(on_records))
        shown = measures.options(joinedload(Sanction.measure))
        known |= {one.ref: one for one in db.session.scalars(shown)}
    for term in terms:
        if entity := known.get(term.entity_ref):
            yield Turn(term, entity)


def waits_for(user: User, role: Role) -> ColumnElement[bool]:
    """Return the SQL condition for running terms that a person in this role has to meet.

    Not those of whole matters: whose turn it is, the term of the state at hand says.
    """
    owner, own = written_in(role.value), organisations_as(user, role)
    running = and_(Deadline.met_at.is_(None), Deadline.owner == owner, Deadline.whole.is_(False))
    mine = Deadline.organisation_id.in_(any_written_in(own))
    if role is Role.REVIEWER:  # what no centre was named for is everybody's
        passed_on = Deadline.escalated_to_id.in_(any_written_in(own))
        anybodys = or_(mine, Deadline.organisation_id.is_(None), passed_on)
        return and_(running, anybodys, ~is_kept_from(user))
    return and_(running, mine)


def written_in(value: str) -> Any:
    """Return a value of our own that the statement holds as it is.

    A centre has nearly all terms of reviewers, an agency few: planned for either of them, the
    statement would be slow for the other.
    """
    return bindparam("known", value, unique=True, literal_execute=True)


def any_written_in(ids: Sequence[int]) -> Any:
    """Return the same for any of some rows' ids."""
    return bindparam("known", ids, unique=True, expanding=True, literal_execute=True)


def is_kept_from(user: User) -> ColumnElement[bool]:
    """Return the SQL condition for the terms of what is confidential, where a person has a side.

    Whether they have any is asked first.
    """
    if db.session.scalar(sides_of(user).limit(1)) is None:
        return false()  # as nearly always: it need not stand in each part of a statement
    return exists().where(
        Case.id == Deadline.case_id, Case.workflow.in_(CONFIDENTIAL), takes_side_in(user)
    )


def place_at(term: Deadline) -> str:
    """Return where in a worklist a term stands, as `comes_after` and addresses have it."""
    return f"{term.due_on.isoformat()}_{term.id}"


def read_place(position: str) -> tuple[date, int] | None:
    """Return due day and row of a position; None of what is none."""
    found = POSITION.fullmatch(position)
    try:
        return (date.fromisoformat(found[1]), int(found[2])) if found else None
    except ValueError:
        return None


def comes_after(position: str | None) -> ColumnElement[bool]:
    """Return the SQL condition for terms behind a position; without one, for all."""
    found = read_place(position or "")
    if found is None:
        return true()
    due_on, last = found
    return or_(Deadline.due_on > due_on, and_(Deadline.due_on == due_on, Deadline.id > last))


def count_all(conditions: Mapping[str, ColumnElement[bool]]) -> dict[str, int]:
    """Return how many terms fit each condition, up to COUNTED + 1, by one question.

    In the list's order, which an index has: a walk along it ends soon.
    """
    listed = select(Deadline.id).order_by(Deadline.due_on, Deadline.id).limit(COUNTED + 1)
    some = {name: listed.where(one).subquery() for name, one in conditions.items()}
    counts = (select(func.count()).select_from(one).scalar_subquery() for one in some.values())
    found = db.session.execute(select(*counts)).one()
    return dict(zip(some, found, strict=True))


def list_kinds(role: Role) -> dict[str, tuple[str, ...]]:
    """Return which workflows of cases have a role's turn, each with the states in which it is."""
    found = {}
    for workflow in current_policy().current.values():
        states = tuple(one.name for one in workflow.states.values() if one.owner == role)
        if workflow.entity == "case" and states:
            found[workflow.name] = states
    return found


def list_requirements(user: User) -> Sequence[Requirement]:
    """Return the requirements that a person's institution was asked for, newest first."""
    own = organisations_as(user, Role.INSTITUTION)
    return db.session.scalars(
        select(Requirement)
        .where(Requirement.institution_id.in_(own))
        .order_by(Requirement.id.desc())
        .limit(100)
        .options(joinedload(Requirement.case).joinedload(Case.subject))
    ).all()


def list_cases(user: User, workflow: str, before: int | None) -> Sequence[Case]:
    """Return the cases that a person may see, newest first."""
    return db.session.scalars(
        select(Case)
        .where(visible_to(user))
        .where(Case.workflow == workflow if workflow else true())
        .where(Case.id < before if before else true())
        .order_by(Case.id.desc())
        .limit(PAGE)
        .options(joinedload(Case.subject), joinedload(Case.provider))
    ).all()
