"""Accounts, roles and institutions, as officers change them: each change an event.

Nobody gives a role to themselves, by whichever of their accounts, and the last one stays whose
office the site cannot be without (services/offices.py). Which officer may ask for what is said by
the pages. `by` is the officer who asks; None for an operator of the commands.
"""

from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import date
from typing import Any, Final

from flask import current_app
from sqlalchemy import ColumnElement, and_, or_, select, true, tuple_
from sqlalchemy.orm import Session, selectinload

from repair_app.db import db, today
from repair_app.engine.step import Actor
from repair_app.labels import Label
from repair_app.models import Appointment, InstitutionRegistration, Organisation, Person, Role, User
from repair_app.models.parties import OrganisationKind
from repair_app.penalty_format import normalise_uscc
from repair_app.services import institutions, machines, office_book, offices, people
from repair_app.services.cases import NotVisible
from repair_app.services.people import NotPossible
from repair_app.services.transaction import transaction

PAGE: Final = 50
Kind = OrganisationKind
PUBLIC_BODIES: Final = frozenset({Kind.AGENCY, Kind.CREDIT_CENTRE})
# Of which organisations somebody can be what.
FITTING: Final = {
    Role.SUBJECT: frozenset({Kind.ENTERPRISE, Kind.INSTITUTION, Kind.NATURAL_PERSON}),
    Role.AGENT: frozenset({Kind.ENTERPRISE, Kind.INSTITUTION, Kind.NATURAL_PERSON}),
    Role.PROVIDER: PUBLIC_BODIES,
    Role.DEPARTMENT: PUBLIC_BODIES,
    Role.REVIEWER: frozenset({Kind.CREDIT_CENTRE}),
    Role.INSTITUTION: frozenset({Kind.INSTITUTION}),
    Role.AUDITOR: PUBLIC_BODIES,
    Role.ADMINISTRATOR: PUBLIC_BODIES,
    Role.SECURITY_OFFICER: PUBLIC_BODIES,
}
ONESELF: Final = Label(
    "不得为本人办理，请由另一名管理人员办理。",
    "nobody does this for themselves: another officer has to",
)
LAST: Final = {
    Role.ADMINISTRATOR: Label(
        "至少保留一名能够登录、任期没有截止日的管理员，请先任命另一名管理员。",
        "one administrator who can sign in, with no last day, has to stay: appoint another first",
    ),
    Role.SECURITY_OFFICER: Label(
        "至少保留一名能够登录、任期没有截止日的安全管理员，请先任命另一名安全管理员。",
        "one security officer who can sign in, with no last day, has to stay: appoint another",
    ),
    Role.AUDITOR: Label(
        "至少保留一名能够登录、任期没有截止日的审计人员，请先任命另一名审计人员。",
        "one auditor who can sign in, with no last day, has to stay: appoint another first",
    ),
}
UNFITTING: Final = Label("该机构不能有这种身份的人员。", "nobody can be that for this organisation")
OVER: Final = Label("截止日不得早于今天。", "the last day cannot be over already")
ENDED: Final = Label("该任职已经结束。", "the role has ended already")
OPEN: Final = Label("该账号没有停用。", "the account is not deactivated")
CLOSED: Final = Label(
    "该账号已停用，请先恢复账号。", "the account is deactivated: reactivate it first"
)


@dataclass(frozen=True)
class Seat:
    """A role for an organisation, as it is to be given."""

    organisation_id: int
    role: Role
    scope: Sequence[str] = ()
    ends_on: date | None = None


@dataclass(frozen=True)
class Newcomer:
    """Who gets an account: a name, or an account that the same person has already."""

    email: str
    name: str = ""
    same_person_as: str = ""


@contextmanager
def changing() -> Iterator[Session]:
    """Give a transaction in which accounts and roles are changed, one at a time."""
    with transaction() as session:
        office_book.take(session, office_book.ACCOUNTS)
        yield session


# --- accounts ---


def open_account(by: User | None, who: Newcomer, seat: Seat, password: str | None = None) -> User:
    """Return a new account with a role; without a password, the person is to be invited.

    Raises NotPossible.
    """
    with changing() as session:
        known = find_known(session, by, who)
        organisation = fitting(session, seat)
        actor = office_book.actor_of(by)
        return add_account(session, actor, who, seat, organisation, known=known, password=password)


def enter_account(by: User | None, who: Newcomer) -> User:
    """Return a new account that holds no role yet; the person is to be invited.

    Raises NotPossible.
    """
    with changing() as session:
        known = find_known(session, by, who)
        person = known.person if known else None
        user = people.enter_account(session, who.email, who.name, None, person=person)
        facts = {"same_person_as": known.id} if known else None
        note(session, "invite", user, office_book.actor_of(by), facts)
        return user


def find_known(session: Session, by: User | None, who: Newcomer) -> User | None:
    """Return the account that a newcomer has already, if any. Raises NotPossible."""
    if not who.same_person_as:
        return None
    known = people.get_account(session, who.same_person_as)
    refuse_oneself(by, known.person_id)
    return known


def add_account(
    session: Session,
    actor: Actor,
    who: Newcomer,
    seat: Seat,
    organisation: Organisation,
    *,
    known: User | None = None,
    password: str | None = None,
) -> User:
    """Write down a new account with a role, and the event. Raises NotPossible."""
    if known is not None:
        machines.settle(session, actor, known.person_id)
    user = people.add_account(
        session,
        who.email,
        who.name,
        password,
        organisation,
        seat.role,
        scope=seat.scope,
        ends_on=not_over(seat.ends_on),
        person=known.person if known else None,
    )
    facts = facts_of(user.appointments[0])
    if known is not None:
        facts["same_person_as"] = known.id
    note(session, "invite" if password is None else "open", user, actor, facts)
    machines.settle(session, actor, user.person_id)
    return user


def ask_for_link(by: User | None, account_id: int) -> User:
    """Make every earlier link and session of an account worthless, so that a new link can be sent.

    Raises NotVisible, NotPossible.
    """
    with changing() as session:
        user = get_user(session, account_id)
        renew_link(session, office_book.actor_of(by), user)
        return user


def renew_link(session: Session, actor: Actor, user: User) -> None:
    """Prepare an account for a new link that sets its password. Raises NotPossible."""
    if not user.active:
        raise NotPossible(CLOSED)
    people.forget_sessions(user)
    note(session, "send_link", user, actor)


def release(by: User | None, account_id: int) -> User:
    """Note that an account that was locked by failures may be tried again.

    Whoever counts the failures forgets them then. Raises NotVisible, NotPossible.
    """
    with changing() as session:
        user = get_user(session, account_id)
        refuse_oneself(by, user.person_id)
        note(session, "release", user, office_book.actor_of(by))
        return user


def close(by: User | None, account_id: int) -> User:
    """Deactivate an account: it is out at the next click. Raises NotVisible, NotPossible."""
    with changing() as session:
        user = get_user(session, account_id)
        people.close_account(user)
        refuse_without_officer(session, user.current_appointments)
        note(session, "close", user, office_book.actor_of(by))
        machines.settle(session, office_book.actor_of(by), user.person_id)
        return user


def reopen(by: User | None, account_id: int) -> User:
    """Reactivate an account, with the roles that have not ended. Raises NotVisible, NotPossible."""
    with changing() as session:
        user = get_user(session, account_id)
        if user.active:
            raise NotPossible(OPEN)
        refuse_oneself(by, user.person_id)
        actor = office_book.actor_of(by)
        machines.settle(session, actor, user.person_id)
        user.active = True
        note(session, "reopen", user, actor)
        machines.settle(session, actor, user.person_id)
        return user


# --- roles ---


def appoint(by: User | None, account_id: int, seat: Seat) -> User:
    """Give the person of an account a role. Raises NotVisible, NotPossible."""
    with changing() as session:
        user = get_user(session, account_id)
        refuse_oneself(by, user.person_id)
        give(session, office_book.actor_of(by), user, seat, fitting(session, seat))
        return user


def give(
    session: Session, actor: Actor, user: User, seat: Seat, organisation: Organisation
) -> Appointment:
    """Write down a role of an account, and the event. Raises NotPossible."""
    if not user.active:
        raise NotPossible(CLOSED)
    ends_on = not_over(seat.ends_on)
    machines.settle(session, actor, user.person_id)
    given = people.appoint(
        session, user, organisation, seat.role, scope=seat.scope, ends_on=ends_on
    )
    note(session, "appoint", user, actor, facts_of(given))
    machines.settle(session, actor, user.person_id)
    return given


def change(
    by: User | None, appointment_id: int, scope: Sequence[str], ends_on: date | None
) -> User:
    """Change the last day of a role, and an agent's scope. Raises NotVisible, NotPossible."""
    with changing() as session:
        seat = get_seat(session, appointment_id)
        refuse_oneself(by, seat.user.person_id)
        alter(session, office_book.actor_of(by), seat, scope, ends_on)
        refuse_without_officer(session, [seat])
        return seat.user


def alter(
    session: Session,
    actor: Actor,
    seat: Appointment,
    scope: Sequence[str],
    ends_on: date | None,
) -> None:
    """Write down another scope and last day of a role that runs. Raises NotPossible."""
    if not seat.is_current:
        raise NotPossible(ENDED)
    is_agent = seat.role == Role.AGENT
    if is_agent != bool(scope) or not set(scope) <= set(people.AGENT_SCOPES):
        raise NotPossible(people.SCOPE_OF_AGENTS)
    seat.scope, seat.ends_on = list(scope) or None, not_over(ends_on)
    people.leave(seat.user)
    note(session, "change", seat.user, actor, facts_of(seat))
    machines.settle(session, actor, seat.user.person_id)


def end(by: User | None, appointment_id: int) -> User:
    """Take a role from a person, as of now. Raises NotVisible, NotPossible."""
    with changing() as session:
        seat = get_seat(session, appointment_id)
        take_away(session, office_book.actor_of(by), seat)
        refuse_without_officer(session, [seat])
        return seat.user


def take_away(session: Session, actor: Actor, seat: Appointment) -> None:
    """Write down the end of a role, and the event. Raises NotPossible."""
    people.end_appointment(seat.user, seat.organisation, Role(seat.role))
    note(session, "end", seat.user, actor, facts_of(seat))
    machines.settle(session, actor, seat.user.person_id)


# --- what must hold ---


def refuse_oneself(by: User | None, person_id: int) -> None:
    """Raise NotPossible for whoever would give something to themselves."""
    if by is not None and by.person_id == person_id:
        raise NotPossible(ONESELF)


def refuse_without_officer(session: Session, seats: Iterable[Appointment]) -> None:
    """Raise NotPossible where nobody would be left for good in an office the site needs.

    seats: what somebody loses, or might.
    """
    session.flush()
    held = {one.role for one in seats}
    for role in offices.indispensable():
        if role in held and not stays(session, role):
            raise NotPossible(LAST[role])


def stays(session: Session, role: Role) -> bool:
    """Say whether somebody who can sign in holds a role with no last day."""
    ways = [User.identities.any()]
    if current_app.config["TAKES_PASSWORDS"]:
        ways.append(User.password.is_not(None))
    lasting = (
        select(Appointment.id)
        .join(Appointment.user)
        .where(Appointment.role == role, Appointment.ends_on.is_(None))
        .where(User.active, or_(*ways))
        .limit(1)
    )
    return session.scalar(lasting) is not None


def fitting(session: Session, seat: Seat) -> Organisation:
    """Return the organisation of a role. Raises NotPossible where nobody can be that for it."""
    organisation = session.get(Organisation, seat.organisation_id)
    kinds: Any = FITTING.get(seat.role, ())
    if organisation is None or organisation.kind not in kinds:
        raise NotPossible(UNFITTING)
    return organisation


def not_over(ends_on: date | None) -> date | None:
    """Return the last day of a role. Raises NotPossible for one that is over."""
    if ends_on is not None and ends_on < today():
        raise NotPossible(OVER)
    return ends_on


# --- events, and finding ---


def facts_of(seat: Appointment) -> dict[str, Any]:
    """Return what an event tells of a role: codes and days, no name."""
    return {
        "role": str(seat.role),
        "organisation": office_book.name_organisation(seat.organisation),
        "scope": seat.scope or [],
        "until": seat.ends_on.isoformat() if seat.ends_on else None,
    }


def note(
    session: Session, step: str, user: User, actor: Actor, facts: dict[str, Any] | None = None
) -> None:
    """Write a change of an account into the ledger."""
    session.flush()
    book, name = office_book.ACCOUNTS, office_book.name_account(user)
    office_book.note(session, book, step, name, actor, facts=facts)


def get_user(session: Session, account_id: int) -> User:
    """Return an account, locked. Raises NotVisible."""
    user = session.get(User, account_id, with_for_update={"of": User})
    if user is None or user.is_machine:  # that is ended as a client (services/clients.py)
        raise NotVisible(str(account_id))
    return user


def get_seat(session: Session, appointment_id: int) -> Appointment:
    """Return a role of somebody. Raises NotVisible."""
    seat = session.get(Appointment, appointment_id)
    if seat is None or seat.user.is_machine:
        raise NotVisible(str(appointment_id))
    return seat


def seat_for(user: User, organisation: Organisation, role: Role) -> Appointment:
    """Return the role that a person holds for an organisation. Raises NotPossible."""
    seat = people.find_appointment(user, organisation, role)
    if seat is None or not seat.is_current:
        raise NotPossible(people.not_held(user, organisation, role))
    return seat


def find_account(account_id: int) -> User:
    """Return an account to be looked at. Raises NotVisible."""
    user = db.session.get(User, account_id)
    if user is None or user.is_machine:
        raise NotVisible(str(account_id))
    return user


def find_seat(appointment_id: int) -> Appointment:
    """Return a role to be looked at. Raises NotVisible."""
    return get_seat(db.session(), appointment_id)


def list_further(user: User) -> Sequence[User]:
    """Return the other accounts of the same person."""
    same = select(User).where(User.person_id == user.person_id, User.id != user.id)
    of_people = same.where(User.is_machine.is_(False))
    return db.session.scalars(of_people.order_by(User.email)).all()


def list_accounts(query: str, role: str, after: int | None) -> Sequence[User]:
    """Return a page of accounts by address, and one more if there are more.

    query, role: as `are_sought` takes them. after: the id the page before ended with.
    """
    last = db.session.get(User, after) if after else None
    return db.session.scalars(
        select(User)
        .where(are_sought(query, role))
        .where(tuple_(User.email, User.id) > (last.email, last.id) if last else true())
        .order_by(User.email, User.id)
        .limit(PAGE + 1)
        .options(selectinload(User.appointments))
    ).all()


def are_sought(query: str, role: str) -> ColumnElement[bool]:
    """Return the SQL condition for the accounts of people that fit.

    query: part of an address, a person's name, or the name or code of an organisation. role: whom
    to list only.
    """
    seats = select(Appointment.user_id).join(Appointment.organisation)
    of = seats.where(
        or_(
            Organisation.name.contains(query, autoescape=True),
            Organisation.uscc == normalise_uscc(query),
        )
    )
    found = or_(
        User.email.contains(query.lower(), autoescape=True),
        User.person.has(Person.name.contains(query, autoescape=True)),
        User.id.in_(of),
    )
    holds = User.appointments.any(Appointment.role == role)
    is_asked = and_(found if query else true(), holds if role else true())
    return and_(User.is_machine.is_(False), is_asked)


def list_people_of(organisation: Organisation, after: int | None = None) -> Sequence[Appointment]:
    """Return a page of the roles that people have, or had, for an organisation; one more if any.

    after: the id the page before ended with.
    """
    last = db.session.get(Appointment, after) if after else None
    place = tuple_(Appointment.role, Appointment.id)
    return db.session.scalars(
        select(Appointment)
        .join(Appointment.user)
        .where(Appointment.organisation_id == organisation.id, User.is_machine.is_(False))
        .where(place > (last.role, last.id) if last else true())
        .order_by(Appointment.role, Appointment.id)
        .limit(PAGE + 1)
        .options(selectinload(Appointment.user))
    ).all()


# --- institutions ---


@dataclass(frozen=True)
class Registration:
    """A registration as it is to be made: both days are inside the term."""

    uscc: str
    service: str
    number: str
    valid_from: date
    valid_until: date


def register_institution(by: User | None, new: Registration) -> InstitutionRegistration:
    """Register an institution for a service. Raises NotPossible."""
    with transaction() as session:
        office_book.take(session, office_book.INSTITUTIONS)
        organisation = people.get_organisation(session, new.uscc)
        made = institutions.register(
            session,
            organisation,
            new.service,
            new.number,
            valid_from=new.valid_from,
            valid_until=new.valid_until,
        )
        note_registration(session, by, "register", made)
        return made


def suspend_institution(by: User | None, registration_id: int) -> InstitutionRegistration:
    """Have a registration rest. Raises NotVisible, NotPossible."""
    with transaction() as session:
        found = get_registration(session, registration_id)
        institutions.suspend(found)
        note_registration(session, by, "suspend", found)
        return found


def resume_institution(by: User | None, registration_id: int) -> InstitutionRegistration:
    """Let a registration that rests hold again. Raises NotVisible, NotPossible."""
    with transaction() as session:
        found = get_registration(session, registration_id)
        institutions.resume(found)
        note_registration(session, by, "resume", found)
        return found


def end_institution(by: User | None, registration_id: int) -> InstitutionRegistration:
    """End a registration: what was certified before stays. Raises NotVisible, NotPossible."""
    with transaction() as session:
        found = get_registration(session, registration_id)
        institutions.strike_off(session, found.service, found.number)
        note_registration(session, by, "end", found)
        return found


def get_registration(session: Session, registration_id: int) -> InstitutionRegistration:
    """Return a registration, its book taken. Raises NotVisible."""
    office_book.take(session, office_book.INSTITUTIONS)
    found = session.get(InstitutionRegistration, registration_id, populate_existing=True)
    if found is None:
        raise NotVisible(str(registration_id))
    return found


def note_registration(
    session: Session, by: User | None, step: str, one: InstitutionRegistration
) -> None:
    """Write a change of a registration into the ledger."""
    session.flush()
    office_book.note(
        session,
        office_book.INSTITUTIONS,
        step,
        office_book.name_organisation(one.organisation),
        office_book.actor_of(by),
        facts={
            "service": one.service,
            "number": one.number,
            "valid_from": one.valid_from.isoformat(),
            "valid_until": one.valid_until.isoformat(),
        },
    )
