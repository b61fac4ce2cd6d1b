"""Who is told of a step: one message for each account, in the step's own transaction.

The parties are told of every step of their case, and of what else happens to their record, their
requirements and the measures against them; what follows from a step of the same transaction is
told them only of cases, so that one step is one message about one case. Officials are told when
it is their turn, when what they had a part in has ended, and when a matter is passed up to them.
Nobody is told of a step of their own, nor of what `access` does not let them see. Two are told the
number of what they do not see: an institution that a request is taken back from, and the unit above
whoever let a term pass.
"""

import json
from collections.abc import Collection, Iterable, Iterator, Mapping
from datetime import date, datetime, time, timedelta
from enum import StrEnum
from typing import Any, NamedTuple

from sqlalchemy import and_, false, or_, select
from sqlalchemy.orm import Session, lazyload

from repair_app.access import CONFIDENTIAL, concerns
from repair_app.calendar import SHANGHAI, local_date
from repair_app.db import insert_rows, is_among
from repair_app.engine.deadlines import organisation_of
from repair_app.engine.spec import State, Workflow
from repair_app.engine.step import Entity, Step, case_of, record_of
from repair_app.models import (
    Appointment,
    Case,
    CreditRecord,
    Deadline,
    Event,
    MachineClient,
    MailState,
    Message,
    RecordUpload,
    Requirement,
    Role,
    Sanction,
    User,
)

DIGEST_AT = time(8, 0)  # Asia/Shanghai
FIRM = (Role.SUBJECT, Role.AGENT)
ESCALATE = "escalate"  # the system's step that passes on what is late
OFFICIALS = (Role.PROVIDER, Role.REVIEWER, Role.DEPARTMENT, Role.INSTITUTION)


class Kind(StrEnum):
    """Why somebody is told."""

    STEP = "step"  # something happened
    TURN = "turn"  # and now it is theirs to act
    ENDED = "ended"
    ESCALATED = "escalated"  # passed on to them, because another is late
    RECORDED = "recorded"  # a record about them was brought in
    REMINDED = "reminded"  # their term ends soon
    OVERDUE = "overdue"  # their term is over
    URGED = "urged"  # the enterprise asks them to act
    STOPPED = "stopped"  # a file of theirs is not read any more
    SYSTEM_MADE = "system_made"  # a system was registered that acts in their seat
    SYSTEM_RENEWED = "system_renewed"  # such a system got a new secret
    URGING = "urging"  # what the enterprise itself keeps of that


class Seat(NamedTuple):
    """Everybody who acts in a role for an organisation; for any, where none is named."""

    role: Role
    organisation_id: int | None


class Addressee(NamedTuple):
    """An account that is told something, and how it wants its mail."""

    account_id: int
    mail_mode: str
    kind: Kind


# --- what a step, a term and an import have told ----------------------------------------------


def tell(step: Step, event: Event) -> None:
    """Tell those whom a step concerns, but not who took it."""
    left = json.loads(event.payload)["from"]
    seats, people = seats_of_step(step, left), people_of_step(step, left)
    session = step.store.session
    told = find_addressees(session, step.entity, seats, people, step.today, step.actor.person_id)
    told += find_former(step)
    told = put_first(find_above(step), told)
    content = {
        "workflow": step.workflow.name,
        "version": step.workflow.version,
        "transition": step.transition.name,
        "stands": step.state,
        "by": str(step.actor.role),
    }
    keep(session, told, f"event:{event.id}", step.entity, content, step.at)


def tell_of_term(
    session: Session,
    workflow: Workflow,
    term: Deadline,
    entity: Entity,
    kind: Kind,
    *,
    at: datetime,
) -> None:
    """Tell whose term it is that it ends soon, is over, or that somebody waits; once for each day.

    workflow: the version that the entity goes by. A term that is moved to another day may be told
    of again.
    """
    seats, people = seats_of_term(term, entity, kind)
    told = find_addressees(session, entity, seats, people, local_date(at), None)
    if term.assignee_id in {one.account_id for one in told}:
        told = [one for one in told if one.account_id == term.assignee_id]
    day = local_date(at) if kind is Kind.URGED else term.due_on
    occasion = f"term:{term.id}:{kind}:{day.isoformat()}"
    content = {
        "workflow": workflow.name,
        "version": workflow.version,
        "stands": entity.state,
        "due_on": term.due_on.isoformat(),
    }
    keep(session, without_told(session, told, occasion), occasion, entity, content, at)


def tell_of_records(
    session: Session, workflow: Workflow, rows: Collection[Mapping[str, Any]], *, at: datetime
) -> None:
    """Tell the enterprises that have accounts of records that were brought in about them.

    rows: the records as they were written, of one workflow version.
    """
    by_subject: dict[int, list[Mapping[str, Any]]] = {}
    for row in rows:
        by_subject.setdefault(row["subject_id"], []).append(row)
    seats = {Seat(role, one): Kind.RECORDED for one in by_subject for role in FIRM}
    found = find_appointments(session, seats, local_date(at))
    seen = {(user_id, one.organisation_id): mode for one, user_id, _, mode in found}
    insert_rows(
        session,
        Message,
        [
            as_row(
                Addressee(account_id, mode, Kind.RECORDED),
                f"record:{row['ref']}",
                row["ref"],
                None,
                {"workflow": workflow.name, "version": workflow.version, "stands": row["state"]},
                at,
            )
            for (account_id, subject_id), mode in sorted(seen.items())
            for row in by_subject[subject_id]
        ],
    )


def tell_of_upload(session: Session, upload: RecordUpload, occasion: str, *, at: datetime) -> None:
    """Tell the people of a provider that a file of theirs is not read any more."""
    seats = {Seat(Role.PROVIDER, upload.provider_id): Kind.STOPPED}
    found = find_appointments(session, seats, local_date(at))
    modes = {user_id: mode for _, user_id, _, mode in found}
    content = {"workflow": "", "version": "", "stands": upload.state}
    rows = [
        as_row(Addressee(one, mode, Kind.STOPPED), occasion, upload.ref, None, content, at)
        for one, mode in sorted(modes.items())
    ]
    insert_rows(session, Message, rows)


def tell_of_system(
    session: Session, kind: Kind, client: MachineClient, occasion: str, *, at: datetime
) -> None:
    """Tell a person what was done with a system that acts in their seat.

    At each account by which they sign in, and by mail at once whatever mails they chose: somebody
    has seen a secret by which a system does what they may do.
    """
    accounts = select(User.id).where(
        User.person_id == client.account.person_id, User.active, User.is_machine.is_(False)
    )
    content = {"workflow": "", "version": "", "stands": ""}
    rows = [
        as_row(Addressee(one, "at_once", kind), occasion, client.client_id, None, content, at)
        for one in session.scalars(accounts.order_by(User.id))
    ]
    insert_rows(session, Message, rows)


def keep(
    session: Session,
    told: Iterable[Addressee],
    occasion: str,
    entity: Entity,
    content: Mapping[str, Any],
    at: datetime,
) -> None:
    """Write the messages about an entity, all at once."""
    case_ref = case_ref_of(entity)
    rows = [as_row(one, occasion, entity.ref, case_ref, content, at) for one in told]
    insert_rows(session, Message, rows)


def as_row(
    to: Addressee,
    occasion: str,
    entity_ref: str,
    case_ref: str | None,
    content: Mapping[str, Any],
    at: datetime,
) -> dict[str, Any]:
    """Return the row of a message, to be mailed as the account wants it."""
    state, due_at = plan_mail(to.mail_mode, at)
    return {
        "account_id": to.account_id,
        "occasion": occasion,
        "kind": to.kind,
        "entity_ref": entity_ref,
        "case_ref": case_ref,
        "content": dict(content),
        "created_at": at,
        "mail_state": state,
        "mail_due_at": due_at,
    }


def plan_mail(mode: str, at: datetime) -> tuple[MailState, datetime | None]:
    """Return what is to become of the mail about something of this moment, and when."""
    match mode:
        case "at_once":
            return MailState.WAITING, at
        case "digest":
            return MailState.GATHERED, next_digest(at)
        case _:
            return MailState.NONE, None


def next_digest(at: datetime) -> datetime:
    """Return when the next digest goes out."""
    here = at.astimezone(SHANGHAI)
    today = datetime.combine(here.date(), DIGEST_AT, SHANGHAI)
    return today if here < today else today + timedelta(days=1)


def case_ref_of(entity: Entity) -> str | None:
    """Return the case that an entity is or belongs to."""
    match entity:
        case Case():
            return entity.ref
        case Requirement():
            return entity.case.ref
        case _:
            return None


# --- whom it concerns ---------------------------------------------------------------------------


def seats_of_step(step: Step, left: str) -> dict[Seat, Kind]:
    """Return which seats a step is told to, and why; the most pressing reason of several."""
    entered = step.workflow.states[step.state]
    told = dict.fromkeys(parties_of(step, left), kind_for_parties(step, left))
    if left != step.state and entered.final:
        told |= dict.fromkeys(offices_of(step), Kind.ENDED)
    elif left != step.state and entered.owner:
        told |= dict.fromkeys(owners_of(step, entered), Kind.TURN)
    return told


def parties_of(step: Step, left: str) -> Iterator[Seat]:
    """Yield the seats outside the offices that a step concerns."""
    match step.entity:
        case Case() as case:
            yield from seats_of_firm(case.subject_id, case.person_id)
        case Requirement(case=case) as requirement:
            if requirement.institution_id is not None:
                yield Seat(Role.INSTITUTION, requirement.institution_id)
            if not step.follows and left != step.state:  # not each lesson read
                yield from seats_of_firm(case.subject_id, case.person_id)
        case Sanction() as sanction:
            yield Seat(Role.DEPARTMENT, sanction.department_id)
            if not step.follows:
                yield from seats_of_firm(sanction.record.subject_id, None)
                if step.actor.role == Role.DEPARTMENT and left != step.workflow.initial:
                    yield Seat(Role.PROVIDER, sanction.record.provider_id)  # who asked for it
        case CreditRecord() as record:
            if not step.follows:
                yield from seats_of_firm(record.subject_id, None)


def people_of_step(step: Step, left: str) -> dict[int, Kind]:
    """Return the persons whom a step concerns in their own name: what is theirs, and no firm's."""
    match step.entity:
        case Case(person_id=int(person_id)):
            pass
        case Requirement(case=Case(person_id=int(person_id))) if left != step.state:
            pass
        case Sanction(person_id=int(person_id)):
            return {person_id: Kind.STEP}
        case _:
            return {}
    owner = step.workflow.states[step.state].owner
    is_turn = left != step.state and owner == Role.SUBJECT
    return {person_id: Kind.TURN if is_turn else kind_for_parties(step, left)}


def kind_for_parties(step: Step, left: str) -> Kind:
    """Return whether a step is news for the parties, or the end of their case."""
    ends = left != step.state and step.workflow.states[step.state].final
    return Kind.ENDED if ends and isinstance(step.entity, Case) else Kind.STEP


def seats_of_firm(subject_id: int, person_id: int | None) -> list[Seat]:
    """Return the seats of an enterprise; none where a person files in their own name."""
    return [] if person_id is not None else [Seat(role, subject_id) for role in FIRM]


def owners_of(step: Step, entered: State) -> Iterator[Seat]:
    """Yield the seats whose turn it is in the state that was entered."""
    owner = Role(entered.owner or Role.SYSTEM)
    organisation_id = organisation_of(step, entered)
    if owner == Role.SUBJECT:
        case = case_of(step.entity)
        if organisation_id is not None:
            yield from seats_of_firm(organisation_id, case.person_id if case else None)
    elif owner in OFFICIALS:
        if organisation_id is not None or owner == Role.REVIEWER:
            yield Seat(owner, organisation_id)  # what no centre was named for is every reviewer's
        case = case_of(step.entity)
        if owner == Role.REVIEWER and case is not None and case.higher_centre_id is not None:
            yield Seat(Role.REVIEWER, case.higher_centre_id)


def offices_of(step: Step) -> Iterator[Seat]:
    """Yield the seats of the officials who had a part in what has ended."""
    entity = step.entity
    if isinstance(entity, Case):
        yield Seat(Role.PROVIDER, entity.provider_id)
        for centre_id in {entity.centre_id, entity.higher_centre_id} - {None}:
            yield Seat(Role.REVIEWER, centre_id)
        if entity.department_id is not None:
            yield Seat(Role.DEPARTMENT, entity.department_id)
    elif isinstance(entity, Requirement) and entity.institution_id is not None:
        yield Seat(Role.INSTITUTION, entity.institution_id)
        yield Seat(Role.PROVIDER, entity.institution_id)  # an agency that was consulted
    elif isinstance(entity, Sanction) and not step.follows:
        yield Seat(Role.PROVIDER, entity.record.provider_id)


def seats_of_term(
    term: Deadline, entity: Entity, kind: Kind
) -> tuple[dict[Seat, Kind], dict[int, Kind]]:
    """Return the seats, and the persons, that have to meet a term."""
    owner, case = Role(term.owner), case_of(entity)
    if owner == Role.SUBJECT:
        if case is not None and case.person_id is not None:
            return {}, {case.person_id: kind}
        firm = seats_of_firm(term.organisation_id, None) if term.organisation_id else []
        return dict.fromkeys(firm, kind), {}
    if owner not in OFFICIALS or (owner != Role.REVIEWER and term.organisation_id is None):
        return {}, {}
    seats = {Seat(owner, term.organisation_id): kind}
    if owner == Role.REVIEWER and term.escalated_to_id is not None:
        seats[Seat(owner, term.escalated_to_id)] = kind
    return seats, {}


# --- which accounts these are -----------------------------------------------------------------


def find_addressees(
    session: Session,
    entity: Entity,
    seats: Mapping[Seat, Kind],
    people: Mapping[int, Kind],
    day: date,
    actor_id: int | None,
) -> list[Addressee]:
    """Return the accounts behind seats and persons that may see an entity, each once.

    actor_id: the natural person who acted, and knows.
    """
    found: dict[int, Addressee] = {}
    for one, account_id, person_id, mode in find_appointments(session, seats, day):
        if person_id != actor_id and may_know(one, entity):
            kind = kind_of(one, seats)
            if account_id not in found or found[account_id].kind == Kind.STEP:
                found[account_id] = Addressee(account_id, mode, kind)
    if people:
        own = select(User.id, User.person_id, User.mail_mode).where(
            User.person_id.in_(people), User.active, User.is_machine.is_(False)
        )
        for account_id, person_id, mode in session.execute(own):
            if person_id != actor_id:
                found.setdefault(account_id, Addressee(account_id, mode, people[person_id]))
    return [found[one] for one in sorted(found)]


def find_former(step: Step) -> list[Addressee]:
    """Return the accounts of the institution from which a step takes a request back.

    From then on they do not see it: they are told its number and that it has ended, once.
    """
    if step.taken_from_id is None:
        return []
    seat = Seat(Role.INSTITUTION, step.taken_from_id)
    found = find_appointments(step.store.session, [seat], step.today)
    modes = {
        account_id: mode
        for _, account_id, person_id, mode in found
        if person_id != step.actor.person_id
    }
    return [Addressee(one, modes[one], Kind.ENDED) for one in sorted(modes)]


def find_above(step: Step) -> list[Addressee]:
    """Return the accounts of the units to which a step passes terms on, whatever office they hold.

    Whose term it was acts for another unit: what it is about the one above need not see to urge it.
    What is confidential is told only to who may know of it.
    """
    if step.transition.name != ESCALATE:
        return []
    above = {
        one.escalated_to_id
        for one in step.store.terms_of(step.entity)
        if one.escalated_at == step.at
    }
    seats = [Seat(role, one) for one in above if one is not None for role in OFFICIALS]
    is_open = not isinstance(step.entity, Case) or step.entity.workflow not in CONFIDENTIAL
    modes = {
        account_id: mode
        for one, account_id, _, mode in find_appointments(step.store.session, seats, step.today)
        if is_open or may_know(one, step.entity)
    }
    return [Addressee(one, modes[one], Kind.ESCALATED) for one in sorted(modes)]


def put_first(pressing: Collection[Addressee], others: Iterable[Addressee]) -> list[Addressee]:
    """Return all who are told, each once: of those who are in both, why they have to act."""
    known = {one.account_id for one in pressing}
    return [*pressing, *(one for one in others if one.account_id not in known)]


def find_appointments(
    session: Session, seats: Iterable[Seat], day: date
) -> list[tuple[Appointment, int, int, str]]:
    """Return who holds these seats on a day: appointment, account, person, way of mailing."""
    places: dict[Role, set[int]] = {}
    anywhere: set[Role] = set()
    for role, organisation_id in seats:
        if organisation_id is None:
            anywhere.add(role)
        else:
            places.setdefault(role, set()).add(organisation_id)
    if not places and not anywhere:
        return []
    wanted = or_(
        false(),
        Appointment.role.in_(anywhere),
        *(
            and_(Appointment.role == role, is_among(Appointment.organisation_id, some, session))
            for role, some in places.items()
        ),
    )
    rows = session.execute(
        select(Appointment, User.id, User.person_id, User.mail_mode)
        .join(User, User.id == Appointment.user_id)
        .where(wanted, User.active, User.is_machine.is_(False))
        .where(or_(Appointment.ends_on.is_(None), Appointment.ends_on >= day))
        .order_by(Appointment.id)
        .options(lazyload(Appointment.organisation))
    )
    return [(one, account_id, person_id, mode) for one, account_id, person_id, mode in rows]


def may_know(appointment: Appointment, entity: Entity) -> bool:
    """Say whether an appointment lets its person see what is told.

    Of a measure an enterprise reads on the page of its record.
    """
    if isinstance(entity, Sanction) and appointment.role in FIRM:
        return concerns(appointment, record_of(entity))
    return concerns(appointment, entity)


def kind_of(appointment: Appointment, seats: Mapping[Seat, Kind]) -> Kind:
    """Return why the holder of a seat is told."""
    role = Role(appointment.role)
    own = Seat(role, appointment.organisation_id)
    return seats[own] if own in seats else seats[Seat(role, None)]


def without_told(session: Session, told: Collection[Addressee], occasion: str) -> list[Addressee]:
    """Return those who were not told of an occasion before."""
    before = select(Message.account_id).where(
        Message.occasion == occasion, Message.account_id.in_([one.account_id for one in told])
    )
    known = set(session.scalars(before)) if told else set()
    return [one for one in told if one.account_id not in known]
