"""At an official's desk: who has a matter in hand, and what the office notes about it."""

import hashlib
import re
from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime
from functools import partial
from typing import Final

from sqlalchemy import and_, case, func, or_, select
from sqlalchemy.orm import Session, aliased

from repair_app.access import acts_for, organisations_as, stands_as
from repair_app.db import db, now, today
from repair_app.engine import machine
from repair_app.engine.assigning import (
    OFFICES,
    KeptOut,
    actor_of,
    find_kept_out,
    reasons_to_keep_out,
    steps_ahead,
)
from repair_app.engine.step import (
    Answers,
    Entity,
    NotAllowed,
    Reason,
    Refused,
)
from repair_app.engine.store import ReadingStore, Store
from repair_app.labels import N_
from repair_app.models import (
    Appointment,
    Case,
    CaseNote,
    CreditRecord,
    Deadline,
    Organisation,
    Person,
    Role,
    User,
)
from repair_app.services import cases, inbox
from repair_app.services.policy import current_policy
from repair_app.services.transaction import transaction

MOST: Final = 200  # colleagues and notes on a page
NOTE_LENGTH: Final = 2000
READERS: Final = frozenset({*OFFICES, Role.AUDITOR})  # who sees a case from the office's side
UNSEEN: Final = re.compile(r"[\x00-\x08\x0b-\x1f\x7f]")
MOVED_ON: Final = N_("It does not wait for your unit now.")
NO_SEAT: Final = N_("This person does not hold this office in your organisation today.")


# --- who has a matter in hand -----------------------------------------------------------------


@dataclass(frozen=True)
class Load:
    """A colleague, and how much is in this person's hands."""

    account_id: int
    name: str
    waiting: int
    overdue: int


def list_colleagues(user: User, role: Role) -> dict[int, str]:
    """Return the accounts that hold a role for a person's own offices today, by name."""
    rows = db.session.execute(
        select(User.id, Person.name)
        .join(User.person)
        .join(Appointment, Appointment.user_id == User.id)
        .where(
            Appointment.organisation_id.in_(organisations_as(user, role)),
            Appointment.role == role.value,
            or_(Appointment.ends_on.is_(None), Appointment.ends_on >= today()),
            User.active,
            User.is_machine.is_(False),
        )
        .order_by(Person.name, User.id)
        .limit(MOST)
    )
    return {row.id: row.name for row in rows}


def list_load(colleagues: Mapping[int, str], role: Role) -> list[Load]:
    """Return how much each colleague has in hand, who has most of it first."""
    stopped_in_time = Deadline.due_on >= func.coalesce(Deadline.paused_on, date.max)
    is_over = and_(Deadline.due_on < today(), ~stopped_in_time)  # as in `is_overdue`: they all run
    over = func.sum(case((is_over, 1), else_=0))
    rows = db.session.execute(
        select(Deadline.assignee_id, func.count(), over)
        .where(
            Deadline.assignee_id.in_(colleagues),
            Deadline.met_at.is_(None),
            Deadline.owner == role.value,
            Deadline.whole.is_(False),
        )
        .group_by(Deadline.assignee_id)
    )
    found = {row[0]: (row[1], row[2]) for row in rows}
    loads = [Load(one, name, *found.get(one, (0, 0))) for one, name in colleagues.items()]
    return sorted(loads, key=lambda one: -one.waiting)


def claim(ref: str, user: User) -> None:
    """Take a matter in hand. Raises NotVisible, or Refused where one may not or was not first.

    Refused as well, like by all that follows, where the matter has moved on to another office.
    """
    with transaction() as session:
        term, entity = lock_term(session, ref, user)
        if term.assignee_id == user.id:
            return
        if held := reason_taken(session, term):
            raise Refused(held)
        give(session, term, entity, user, user)


def assign(ref: str, account_id: int, user: User, seen: int | None = None) -> None:
    """Give a matter to a colleague of the same office, or to oneself.

    seen: who had it when the page was drawn; None where that is not asked. Raises NotVisible, or
    Refused where that person may not act, or somebody else took it meanwhile.
    """
    with transaction() as session:
        term, entity = lock_term(session, ref, user)
        if seen is not None and (term.assignee_id or 0) not in {seen, account_id}:
            raise Refused(reason_taken(session, term) or Reason(N_("Nobody has it any more.")))
        account = session.get(User, account_id)
        if account is None:
            raise Refused(Reason(NO_SEAT))
        if term.assignee_id != account.id:
            give(session, term, entity, user, account)


def assign_all(
    refs: Sequence[str], account_id: int, user: User, seen: int | None = None
) -> dict[str, Sequence[Reason]]:
    """Give several matters to a colleague, each by itself; return why not, of those refused.

    What a person may not see is told like what has moved on. Raises NotVisible where that is all.
    """
    refused: dict[str, Sequence[Reason]] = {}
    unseen = set()
    for ref in refs:
        try:
            assign(ref, account_id, user, seen)
        except Refused as refusal:
            refused[ref] = refusal.reasons
        except cases.NotVisible:
            refused[ref] = [Reason(MOVED_ON)]
            unseen.add(ref)
    if unseen and len(unseen) == len(refs):
        raise cases.NotVisible(min(unseen))
    return refused


def release(ref: str, user: User) -> None:
    """Lay a matter down: it waits for the whole office again. Raises NotVisible, Refused."""
    with transaction() as session:
        term, entity = lock_term(session, ref, user)
        if term.assignee_id is not None:
            term.assignee_id = None
            note_down(session, term, entity, user, "released")


def find_term(ref: str, user: User) -> Deadline:
    """Return the term of a matter that waits for a person's office.

    Raises Refused for what a person may see, but waits for others by now; else NotVisible.
    """
    mine = [inbox.waits_for(user, role) for role in OFFICES if user.holds(role)]
    term = db.session.scalar(select(Deadline).where(Deadline.entity_ref == ref, or_(*mine)))
    if term is not None and mine:
        return term
    if cases.is_visible(ref, user):
        raise Refused(Reason(MOVED_ON))
    raise cases.NotVisible(ref)


def lock_term(session: Session, ref: str, user: User) -> tuple[Deadline, Entity]:
    """Return a term that waits for a person's office, and what it is of, both locked.

    In the order of all steps: the record first. Raises NotVisible, Refused.
    """
    turn = next(inbox.pair_with_entities([find_term(ref, user)]))
    kind = next(name for name, model in cases.KINDS.items() if isinstance(turn.entity, model))
    entity = cases.lock(session, kind, ref)
    term = session.scalar(
        select(Deadline)
        .where(Deadline.id == turn.term.id, Deadline.met_at.is_(None))
        .with_for_update(of=Deadline)
        .execution_options(populate_existing=True)
    )
    if term is None:  # somebody took the step while this waited for the lock
        raise Refused(Reason(MOVED_ON))
    return term, entity


def reason_taken(session: Session, term: Deadline) -> Reason | None:
    """Return who of the office has a term in hand; None for nobody."""
    free = select(Deadline.id).where(Deadline.id == term.id, inbox.is_unassigned(Role(term.owner)))
    if term.assignee_id is None or session.scalar(free) is not None:
        return None
    account = session.get_one(User, term.assignee_id)
    return Reason(N_("%(name)s has it in hand already."), {"name": account.person.name})


def give(session: Session, term: Deadline, entity: Entity, user: User, account: User) -> None:
    """Put a matter into somebody's hands and note it down. Raises Refused."""
    if reasons := reasons_not_to_have(session, term, entity, user, account):
        raise Refused(*reasons)
    term.assignee_id = account.id
    if account.id == user.id:
        note_down(session, term, entity, user, "claimed")
    else:
        note_down(session, term, entity, user, "assigned", account.id)


def reasons_not_to_have(
    session: Session, term: Deadline, entity: Entity, user: User, account: User
) -> list[Reason]:
    """Return why an account cannot have a matter in hand that waits for a person's office."""
    role = Role(term.owner)
    offices = set(organisations_as(user, role)) & set(organisations_as(account, role))
    waits = select(Deadline.id).where(Deadline.id == term.id, inbox.waits_for(account, role))
    is_anybodys = account.active and not account.is_machine
    if not is_anybodys or not offices or session.scalar(waits) is None:
        return [Reason(NO_SEAT)]
    policy = current_policy()
    transition = next(policy.workflow_of(entity).leaving(entity.state), None)
    if transition is None:
        return []
    person = actor_of(account, role, min(offices))
    store = Store(session)
    step = machine.prepare(store, policy, entity, transition, person, Answers(), at=now())
    reasons = reasons_to_keep_out(step, person)
    if reasons and account.id != user.id:
        return [
            Reason(N_("%(name)s has to keep out of it:"), {"name": account.person.name}),
            *reasons,
        ]
    return reasons


def note_down(
    session: Session,
    term: Deadline,
    entity: Entity,
    user: User,
    kind: str,
    named_id: int | None = None,
) -> None:
    """Write into the office's own history who has a matter in hand now."""
    offices = organisations_as(user, Role(term.owner))
    own = term.organisation_id if term.organisation_id in offices else min(offices)
    session.add(
        CaseNote(
            kind=kind,
            case_id=term.case_id,
            entity_ref=entity.ref,
            organisation_id=own,
            account_id=user.id,
            named_id=named_id,
            written_at=now(),
        )
    )


# --- from one matter of a worklist to the next -------------------------------------------------


def place_of(ref: str, user: User, role: Role) -> str:
    """Return where in a worklist a case, record or requirement stands; "" where it does not.

    By the most urgent of the terms that are of it and wait for a person in a role.
    """
    cases_of = select(Case.id).where(Case.ref == ref)
    records_of = select(CreditRecord.id).where(CreditRecord.ref == ref)
    is_of_it = or_(
        Deadline.entity_ref == ref,
        Deadline.case_id.in_(cases_of),
        and_(Deadline.case_id.is_(None), Deadline.record_id.in_(records_of)),
    )
    term = db.session.scalar(
        select(Deadline)
        .where(is_of_it, inbox.waits_for(user, role))
        .order_by(Deadline.due_on, Deadline.id)
        .limit(1)
    )
    return inbox.place_at(term) if term else ""


def list_ahead(user: User, role: Role, filters: inbox.Filters, place: str) -> Iterator[inbox.Turn]:
    """Yield what of a worklist comes behind a place, and then all of it; a page at a time."""
    in_tab = inbox.tabs_of(user, role)[filters.tab]
    asked = inbox.waits_for(user, role), in_tab, *inbox.conditions_of(filters, role)
    ahead = select(Deadline).where(*asked).order_by(Deadline.due_on, Deadline.id).limit(inbox.PAGE)
    for begin in (place, None):
        after: str | None = begin
        while terms := db.session.scalars(ahead.where(inbox.comes_after(after))).all():
            yield from inbox.pair_with_entities(terms)
            after = inbox.place_at(terms[-1])


# --- notes -----------------------------------------------------------------------------------


@dataclass(frozen=True)
class Note:
    """A note as its readers see it."""

    kind: str
    body: str
    author: str
    named: str | None
    organisation: str
    written_at: datetime


@dataclass(frozen=True)
class Desk:
    """What an official has beside a case: whose turn it is, the notes, what to keep out of."""

    term: Deadline | None  # of the state at hand, where it waits for the reader's office
    colleagues: Mapping[int, str]
    notes: Sequence[Note]
    reads_notes: bool
    writes_notes: bool
    kept_out: Sequence[KeptOut]

    @property
    def holder(self) -> str | None:
        """Return who of the office has the case in hand."""
        return self.colleagues.get(self.term.assignee_id or 0) if self.term else None


def lay_out(user: User, matter: Case, store: ReadingStore) -> Desk:
    """Return what an official has beside a case that this person may read."""
    offices = read_offices(user, matter, store)
    term = find_turn(user, matter)
    return Desk(
        term=term,
        colleagues=list_colleagues(user, Role(term.owner)) if term else {},
        notes=list_notes(matter, offices) if offices != set() else [],
        reads_notes=offices != set(),
        writes_notes=writing_office(user, matter, offices) is not None,
        kept_out=list_kept_out(user, matter, store),
    )


def find_turn(user: User, matter: Case) -> Deadline | None:
    """Return the term of the state at hand, where a person of this office has to act."""
    for term in matter.deadlines:
        if term.is_running and not term.whole and term.entity_ref == matter.ref:
            seats = [one for one in stands_as(user, matter) if one.role == term.owner]
            acts = any(
                acts_for(one, matter)
                and (term.owner == Role.REVIEWER or one.organisation_id == term.organisation_id)
                for one in seats
            )
            return term if acts and term.owner in OFFICES else None
    return None


def read_offices(user: User, matter: Case, store: Store) -> set[int] | None:
    """Return the organisations whose notes on a case a person reads; None for all, to check them.

    Nobody reads what is written about them: who takes a side in the case, by any account, reads
    the notes of that side's own office and no others, and who acts for the subject reads none.
    """
    standings = list(stands_as(user, matter))
    own = {one.organisation_id for one in standings if one.role in OFFICES}
    checks = any(one.role == Role.AUDITOR for one in standings)
    if not own and not checks:
        return set()
    sided = partial(store.has_seat, user.person_id, day=today())
    provides = matter.provider_id in own
    if matter.person_id == user.person_id or (provides and sided((matter.subject_id,))):
        return set()
    if provides or sided((matter.subject_id, matter.provider_id)):
        return {matter.provider_id} & own
    return None if checks else {one for one in own if one is not None}


def list_notes(matter: Case, offices: Collection[int] | None) -> list[Note]:
    """Return the notes of some offices on a case and what belongs to it, newest first."""
    author, named = aliased(Person), aliased(Person)
    writer, receiver = aliased(User), aliased(User)
    query = (
        select(CaseNote, author.name, named.name, Organisation.name)
        .join(writer, writer.id == CaseNote.account_id)
        .join(author, author.id == writer.person_id)
        .join(Organisation, Organisation.id == CaseNote.organisation_id)
        .outerjoin(receiver, receiver.id == CaseNote.named_id)
        .outerjoin(named, named.id == receiver.person_id)
        .where(CaseNote.case_id == matter.id)
        .order_by(CaseNote.id.desc())
        .limit(MOST)
    )
    if offices is not None:
        query = query.where(CaseNote.organisation_id.in_(offices))
    return [
        Note(one.kind, one.body, wrote, to, office, one.written_at)
        for one, wrote, to, office in db.session.execute(query)
    ]


def writing_office(user: User, matter: Case, offices: Collection[int] | None) -> int | None:
    """Return for which office a person may write a note on a case; None for no office."""
    own = (
        one.organisation_id
        for one in stands_as(user, matter)
        if one.role in OFFICES and acts_for(one, matter)
    )
    return next((one for one in own if offices is not None and one in offices), None)


def add_note(ref: str, user: User, text: str, token: str = "") -> None:
    """Write a note on a case for the person's own office; sent again under its token, only once.

    Raises NotVisible where the case is not for this person, NotAllowed where no office of this
    person acts in it, Refused for a note that says nothing, TokenBorrowed.
    """
    body = clean(text)[:NOTE_LENGTH]
    digest = hashlib.sha256(body.encode()).hexdigest()
    sent = cases.Submission(answers=Answers(), token=token, purpose=f"note {ref} {digest}")
    with transaction() as session:
        matter = cases.get_visible("cases", ref, user)
        if not isinstance(matter, Case):
            raise cases.NotVisible(ref)
        office = writing_office(user, matter, read_offices(user, matter, Store(session)))
        if office is None:
            raise NotAllowed("note")
        if not body:
            raise Refused(Reason(N_("The note is empty: write what it is to say.")))
        if cases.find_earlier(session, user, sent) is not None:
            return
        cases.remember(session, user, sent, matter.ref)
        session.add(
            CaseNote(
                case_id=matter.id,
                entity_ref=matter.ref,
                organisation_id=office,
                account_id=user.id,
                body=body,
                written_at=now(),
            )
        )


def clean(text: str) -> str:
    """Return a text as it is kept: without what cannot be seen."""
    return UNSEEN.sub("", text.replace("\r\n", "\n")).strip()


def list_kept_out(user: User, matter: Case, store: ReadingStore) -> list[KeptOut]:
    """Return what a person has to keep out of in a case, now or later, and why."""
    if not matter.is_open:
        return []
    policy = current_policy()
    ahead = steps_ahead(policy.workflow_of(matter), matter.state)
    found: dict[str, KeptOut] = {}
    for actor in cases.actors_of(user, matter):
        if actor.role in OFFICES and ahead:
            step = machine.prepare(store, policy, matter, ahead[0], actor, Answers(), at=now())
            for one in find_kept_out(step, actor, ahead):
                found.setdefault(one.reason.text, one)
    return list(found.values())
