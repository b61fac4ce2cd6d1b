"""The agents of an enterprise, as its own people choose them: each change an event.

Who represents an enterprise says who else acts for it, in which matters and until when; nobody
else's account is touched by that, and no official can be made an agent here.
"""

from collections.abc import Sequence
from datetime import date
from typing import Final

from sqlalchemy import select
from sqlalchemy.orm import Session, selectinload

from repair_app.access import organisations_as
from repair_app.db import db
from repair_app.labels import Label
from repair_app.models import Appointment, Organisation, Role, User
from repair_app.services import administration, office_book, people
from repair_app.services.administration import Newcomer, Seat
from repair_app.services.cases import NotVisible
from repair_app.services.people import NotPossible

# Whose account an enterprise may name: an official would be barred from its matters by it.
NAMEABLE: Final = frozenset({Role.SUBJECT, Role.AGENT})
UNSUITED: Final = Label(
    "这一账号不能在此委托为代理人，请与信用中心联系。",
    "this account cannot be made an agent here: ask the credit centre",
)
TAKEN_UP: Final = Label(
    "对方已设置过密码，或者也为其他单位办理业务，不能由本单位重发链接。",
    "the account has a password already, or acts for others too: no link can be sent from here",
)


def list_firms(user: User) -> Sequence[Organisation]:
    """Return the enterprises that a person represents today."""
    own = organisations_as(user, Role.SUBJECT)
    found = select(Organisation).where(Organisation.id.in_(own))
    return db.session.scalars(found.order_by(Organisation.name)).all()


def list_agents(firms: Sequence[Organisation]) -> dict[int, list[Appointment]]:
    """Return the agents that enterprises have, or had, by the id of the enterprise."""
    ids = [one.id for one in firms]
    found = db.session.scalars(
        select(Appointment)
        .join(Appointment.user)
        .where(
            Appointment.organisation_id.in_(ids),
            Appointment.role == Role.AGENT,
            User.is_machine.is_(False),
        )
        .order_by(Appointment.id)
        .options(selectinload(Appointment.user))
    ).all()
    return {number: [one for one in found if one.organisation_id == number] for number in ids}


def name_shown(seat: Appointment) -> str:
    """Return an agent's name where the account acts for this enterprise only; else none.

    Or whoever types an address would learn whose it is.
    """
    own = {one.organisation_id for one in seat.user.appointments} == {seat.organisation_id}
    return seat.user.person.name if own else ""


def appoint(by: User, who: Newcomer, seat: Seat) -> User:
    """Make somebody an agent of an enterprise; who has no account gets one, without a password.

    Raises NotVisible where the person does not represent the enterprise, and NotPossible.
    """
    with administration.changing() as session:
        own = seat_of(by, seat.organisation_id)
        actor, organisation = office_book.sitting_on(by, own), own.organisation
        address = people.check_email(who.email)
        known = session.scalar(select(User).where(User.email == address))
        if known is None:
            return administration.add_account(session, actor, who, seat, organisation)
        administration.refuse_oneself(by, known.person_id)
        refuse_unsuited(known, seat.organisation_id)
        administration.give(session, actor, known, seat, organisation)
        return known


def refuse_unsuited(user: User, organisation_id: int) -> None:
    """Raise NotPossible for an account that an enterprise may not name.

    One that waits for its person may have been invited by somebody else under a wrong address.
    Impartiality is the person's (`engine.store.has_seat`): the roles are those of all accounts.
    """
    accounts = user.person.accounts
    roles = {seat.role for account in accounts for seat in account.current_appointments}
    own = {one.organisation_id for one in user.appointments} == {organisation_id}
    if not user.active or not roles <= NAMEABLE or (not user.is_taken_up and not own):
        raise NotPossible(UNSUITED)


def change(by: User, appointment_id: int, scope: Sequence[str], ends_on: date | None) -> None:
    """Change what an agent may act in, and until when. Raises NotVisible, NotPossible."""
    with administration.changing() as session:
        seat, own = get_agent(session, by, appointment_id)
        administration.refuse_oneself(by, seat.user.person_id)
        actor = office_book.sitting_on(by, own)
        administration.alter(session, actor, seat, scope, ends_on)


def end(by: User, appointment_id: int) -> None:
    """End the mandate of an agent, as of now. Raises NotVisible, NotPossible."""
    with administration.changing() as session:
        seat, own = get_agent(session, by, appointment_id)
        administration.take_away(session, office_book.sitting_on(by, own), seat)


def ask_for_link(by: User, appointment_id: int) -> User:
    """Prepare a new link for an agent who was invited and has no way to sign in yet.

    Raises NotVisible, NotPossible.
    """
    with administration.changing() as session:
        seat, own = get_agent(session, by, appointment_id)
        if not awaits(seat):
            raise NotPossible(TAKEN_UP)
        administration.renew_link(session, office_book.sitting_on(by, own), seat.user)
        return seat.user


def awaits(seat: Appointment) -> bool:
    """Say whether an agent of this enterprise only was invited, and has set no password yet."""
    return seat.is_current and not seat.user.is_taken_up and bool(name_shown(seat))


def find_agent(by: User, appointment_id: int) -> Appointment:
    """Return an agent of an enterprise that a person represents. Raises NotVisible."""
    return get_agent(db.session(), by, appointment_id)[0]


def get_agent(session: Session, by: User, appointment_id: int) -> tuple[Appointment, Appointment]:
    """Return an agent's role, and that of the representative. Raises NotVisible."""
    seat = session.get(Appointment, appointment_id)
    if seat is None or seat.role != Role.AGENT:
        raise NotVisible(str(appointment_id))
    return seat, seat_of(by, seat.organisation_id)


def seat_of(user: User, organisation_id: int) -> Appointment:
    """Return the role by which a person represents an enterprise. Raises NotVisible."""
    for one in user.current_appointments:
        if one.role == Role.SUBJECT and one.organisation_id == organisation_id:
            return one
    raise NotVisible(str(organisation_id))
