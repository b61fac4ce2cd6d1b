"""Who signs in by an OpenID provider: which account that is, and what the provider vouches for.

A provider may make the account of an enterprise's person, and give and end their roles for
enterprises. It never makes an official, and gives no role in an office: see docs/adr/0018.
"""

import re
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date
from typing import Any, Final

from flask import current_app
from sqlalchemy import select
from sqlalchemy.orm import Session

from repair_app import sealing
from repair_app.db import db, now, today
from repair_app.engine.step import SYSTEM
from repair_app.models import Appointment, Identity, Organisation, Role, User, Vouching
from repair_app.penalty_format import normalise_uscc
from repair_app.services import administration, invitations, office_book, people
from repair_app.services.administration import FITTING, Newcomer, Seat
from repair_app.services.people import AGENT_SCOPES, NotPossible

ROLES: Final = {
    "legal_representative": Role.SUBJECT,
    "handler": Role.SUBJECT,
    "agent": Role.AGENT,
}
VOUCHED_FOR: Final = frozenset(ROLES.values())
MOST_SEATS: Final = 200
LONGEST: Final = 200  # characters of an issuer, a subject and a name
USCC: Final = re.compile(r"[0-9A-Z]{18}")


class NotLetIn(Exception):
    """Somebody whom the provider knows cannot come in; `why` says for which reason."""

    def __init__(self, why: str, about: str = "") -> None:
        super().__init__(why)
        self.why = why
        self.about = about


@dataclass(frozen=True)
class Claim:
    """A role for an organisation, as a provider says."""

    uscc: str
    role: Role
    scope: tuple[str, ...] = ()
    until: date | None = None


@dataclass(frozen=True)
class Claimed:
    """A person, as a provider says."""

    issuer: str
    subject: str
    name: str
    email: str
    is_official: bool
    claims: tuple[Claim, ...]


# --- reading what the provider says ---


def read(issuer: str, told: Mapping[str, Any]) -> Claimed:
    """Return what an identity token says. Raises NotLetIn where it says nothing of use.

    told: its claims, checked already: `sub`, `name`, `email` (if `email_verified` is true),
    `official`, and `organisations`, a list of objects with `uscc`, `role`, `scope` and `until`.
    """
    subject = told.get("sub")
    if not isinstance(subject, str) or not 0 < len(subject) <= LONGEST:
        raise NotLetIn("claims")
    email = told.get("email") if told.get("email_verified") is True else ""
    seats = told.get("organisations") or []
    if not isinstance(seats, list) or len(seats) > MOST_SEATS:
        raise NotLetIn("claims")
    return Claimed(
        issuer=issuer,
        subject=subject,
        name=text_of(told.get("name"))[:LONGEST],
        email=text_of(email),
        is_official=told.get("official") is True,
        claims=tuple(one for seat in seats if (one := read_claim(seat)) is not None),
    )


def text_of(told: Any) -> str:
    """Return a text that was told, or none for anything else."""
    return " ".join(told.split()) if isinstance(told, str) and told.isprintable() else ""


def read_claim(told: Any) -> Claim | None:
    """Return a role that a provider claims, or None for one that is not understood or is over."""
    if not isinstance(told, dict):
        return None
    uscc, role = normalise_uscc(text_of(told.get("uscc"))), ROLES.get(text_of(told.get("role")))
    if role is None or not USCC.fullmatch(uscc):
        return None
    try:
        until = date.fromisoformat(told["until"]) if told.get("until") is not None else None
    except (TypeError, ValueError):
        return None  # a mandate whose end cannot be read is none
    if until is not None and until < today():
        return None
    if role is not Role.AGENT:
        return Claim(uscc, role, until=until)
    listed = told.get("scope")
    scope = tuple(one for one in AGENT_SCOPES if isinstance(listed, list) and one in listed)
    return Claim(uscc, role, scope, until) if scope else None


# --- signing in ---


def sign_in(who: Claimed) -> User:
    """Return the account of a person, with the roles that the provider vouches for today.

    Who is not known yet and acts for an enterprise on file gets an account. Raises NotLetIn.
    """
    with administration.changing() as session:
        identity = find(session, who)
        if identity is None:
            identity = take_in(session, who)
        user = identity.user
        if not user.active:
            raise NotLetIn("closed")
        follow(session, identity, who)
    if not user.current_appointments:  # said when it is kept that they have ended
        raise NotLetIn("ended")
    return user


def find_to_link(token: str, who: Claimed) -> User:
    """Return the account to which an invitation would link a person, who is asked first.

    Raises WorthlessLink, NotLetIn.
    """
    user = invitations.find_invited(token)
    if find(db.session(), who) is not None:
        raise NotLetIn("linked")
    return user


def link(token: str, who: Claimed) -> User:
    """Link a person to the account that they were invited to; the invitation is then used up.

    Raises WorthlessLink, NotLetIn.
    """
    with administration.changing() as session:
        user = invitations.find_invited(token)
        session.refresh(user, with_for_update={"of": User})
        if invitations.find_invited(token) is not user:
            raise invitations.WorthlessLink
        if find(session, who) is not None:
            raise NotLetIn("linked")
        add(session, user, who)
        people.forget_sessions(user)
        session.flush()
        return user


def unlink(by: User | None, account_id: int) -> User:
    """Forget the identities of an account; roles that they vouched for end.

    Raises NotVisible, NotPossible.
    """
    with administration.changing() as session:
        user = administration.get_user(session, account_id)
        administration.refuse_oneself(by, user.person_id)
        for identity in list(user.identities):
            for one in list(identity.vouchings):
                if one.appointment.is_current:
                    administration.take_away(session, office_book.actor_of(by), one.appointment)
                session.delete(one)
            session.delete(identity)
        session.flush()
        session.expire(user)
        people.forget_sessions(user)
        administration.refuse_without_officer(session, user.current_appointments)
        administration.note(session, "unlink_identity", user, office_book.actor_of(by))
        return user


def find(session: Session, who: Claimed) -> Identity | None:
    """Return an identity that is known."""
    return session.scalar(
        select(Identity).where(
            Identity.issuer == who.issuer,
            Identity.subject_index.in_(sealing.ring().indexes(who.subject, "identity.subject")),
        )
    )


def add(session: Session, user: User, who: Claimed) -> Identity:
    """Write down whose account an identity is, and the event: without its name."""
    identity = Identity(user=user, issuer=who.issuer, subject=who.subject)
    session.add(identity)
    actor = office_book.sitting_on(user, user.appointments[0]) if user.appointments else SYSTEM
    administration.note(session, "link_identity", user, actor)
    return identity


def take_in(session: Session, who: Claimed) -> Identity:
    """Make the account of somebody who acts for an enterprise on file. Raises NotLetIn."""
    if who.is_official:
        raise NotLetIn("official")
    if not who.claims:
        raise NotLetIn("nobody")
    first = next((known for one in who.claims if (known := seat_of(session, one))), None)
    if first is None:
        raise NotLetIn("enterprise", who.claims[0].uscc)
    try:
        address = people.check_email(who.email)
    except NotPossible as problem:
        raise NotLetIn("address") from problem
    if session.scalar(select(User.id).where(User.email == address)):
        raise NotLetIn("taken")
    organisation, claim = first
    seat = Seat(organisation.id, claim.role, claim.scope, claim.until)
    newcomer = Newcomer(address, who.name or address)
    user = administration.add_account(session, SYSTEM, newcomer, seat, organisation)
    identity = add(session, user, who)
    vouch(session, identity, user.appointments[0], claim)
    return identity


def seat_of(session: Session, claim: Claim) -> tuple[Organisation, Claim] | None:
    """Return the organisation of a claim, if it is on file and can have such a person."""
    found = session.scalar(select(Organisation).where(Organisation.uscc == claim.uscc))
    kinds: Any = FITTING[claim.role]
    return (found, claim) if found is not None and found.kind in kinds else None


def follow(session: Session, identity: Identity, who: Claimed) -> None:
    """Give and end roles for enterprises as the provider says now.

    Roles that were given here stay as they are, and none comes back that was ended here. Who holds
    an office gets no role for an enterprise by a claim: it would bar them from its matters.
    """
    user = identity.user
    held = {seat.role for one in user.person.accounts for seat in one.current_appointments}
    seats = [] if held - VOUCHED_FOR else [seat_of(session, one) for one in who.claims]
    said = {(one[0].id, one[1].role): one for one in seats if one is not None}
    known = {one.appointment_id: one for one in identity.vouchings}
    for one in known.values():
        seat = one.appointment
        if (seat.organisation_id, Role(seat.role)) not in said and one.withdrawn_at is None:
            one.withdrawn_at = now()
            if seat.is_current:
                administration.take_away(session, SYSTEM, seat)
    for organisation, claim in said.values():
        appointment = people.find_appointment(user, organisation, claim.role)
        if appointment is None:
            seat = give(session, user, organisation, claim)
            vouch(session, identity, seat, claim)
        elif (vouching := known.get(appointment.id)) is not None:
            renew(session, vouching, organisation, claim)
    session.flush()


def give(session: Session, user: User, organisation: Organisation, claim: Claim) -> Appointment:
    """Write down a role that the provider vouches for."""
    seat = Seat(organisation.id, claim.role, claim.scope, claim.until)
    return administration.give(session, SYSTEM, user, seat, organisation)


def vouch(session: Session, identity: Identity, seat: Appointment, claim: Claim) -> None:
    """Write down that a role is the provider's to end."""
    session.flush()
    session.add(Vouching(identity=identity, appointment=seat, until=claim.until))


def renew(session: Session, known: Vouching, organisation: Organisation, claim: Claim) -> None:
    """Follow the provider in a role that it vouched for before."""
    seat = known.appointment
    ran_out = seat.ends_on is not None and seat.ends_on == known.until
    if seat.is_current:
        if (seat.ends_on, tuple(seat.scope or ())) != (claim.until, claim.scope):
            administration.alter(session, SYSTEM, seat, claim.scope, claim.until)
    elif known.withdrawn_at is not None or ran_out:
        give(session, known.identity.user, organisation, claim)
    else:
        return  # it was ended here
    known.withdrawn_at, known.until = None, claim.until


def is_linked(user: User) -> bool:
    """Say whether an account can be signed in to by the provider that is set."""
    issuer = current_app.config["OIDC_ISSUER"]
    found = select(Identity.id).where(Identity.user_id == user.id, Identity.issuer == issuer)
    return db.session.scalar(found) is not None
