"""Accounts, persons, organisations and appointments."""

import secrets
from collections.abc import Sequence
from datetime import date

from email_validator import EmailNotValidError, validate_email
from flask_security import hash_password
from sqlalchemy import select
from sqlalchemy.orm import Session

from repair_app.db import db, now
from repair_app.models import Appointment, Organisation, Person, Role, User
from repair_app.models.parties import OrganisationKind
from repair_app.services.transaction import transaction

AGENT_SCOPES = ("objection", "repair")
SHORTEST = 12  # characters of a password, as SECURITY_PASSWORD_LENGTH_MIN


class NotPossible(ValueError):
    """The account cannot be made; the text says why."""


def end_sessions(user_id: int) -> None:
    """Make every session of an account worthless."""
    with transaction() as session:
        session.get_one(User, user_id).fs_uniquifier = secrets.token_hex(16)


def find_organisation(uscc: str) -> Organisation | None:
    """Return the organisation of a code, if it is known."""
    return db.session.scalar(select(Organisation).where(Organisation.uscc == uscc))


def add_organisation(
    session: Session, uscc: str, name: str, kind: OrganisationKind
) -> Organisation:
    """Return the organisation of a code, added if it was not known."""
    known = session.scalar(select(Organisation).where(Organisation.uscc == uscc))
    if known is not None:
        return known
    organisation = Organisation(uscc=uscc, name=name, kind=kind, created_at=now())
    session.add(organisation)
    session.flush()
    return organisation


def add_account(
    session: Session,
    email: str,
    name: str,
    password: str,
    organisation: Organisation,
    role: Role,
    *,
    scope: Sequence[str] | None = None,
    ends_on: date | None = None,
) -> User:
    """Return an account with one appointment; the person behind it is new.

    Raises NotPossible for an address that is none or is taken, a short password, or an agent
    without a scope.
    """
    address = check_email(email)
    if session.scalar(select(User.id).where(User.email == address)):
        raise NotPossible(f"{address} has an account already")
    if len(password) < SHORTEST:
        raise NotPossible(f"the password has to have {SHORTEST} characters or more")
    user = User(
        email=address,
        password=hash_password(password),
        active=True,
        fs_uniquifier=secrets.token_hex(16),
        created_at=now(),
        person=Person(name=name),
    )
    session.add(user)
    appoint(session, user, organisation, role, scope=scope, ends_on=ends_on)
    return user


def appoint(
    session: Session,
    user: User,
    organisation: Organisation,
    role: Role,
    *,
    scope: Sequence[str] | None = None,
    ends_on: date | None = None,
) -> Appointment:
    """Give a person a role for an organisation. Raises NotPossible for an agent without scope."""
    if role is Role.SYSTEM:
        raise NotPossible("no person is the system")
    if (role is Role.AGENT) != bool(scope) or not set(scope or ()) <= set(AGENT_SCOPES):
        raise NotPossible(f"an agent, and no other, has a scope of {', '.join(AGENT_SCOPES)}")
    appointment = Appointment(
        user=user,
        organisation=organisation,
        role=role.value,
        scope=list(scope) if scope else None,
        ends_on=ends_on,
    )
    session.add(appointment)
    session.flush()
    return appointment


def check_email(email: str) -> str:
    """Return an address in its normal form. Raises NotPossible."""
    try:
        return validate_email(email, check_deliverability=False).normalized.lower()
    except EmailNotValidError as error:
        raise NotPossible(str(error)) from error


def list_organisations() -> Sequence[Organisation]:
    """Return the organisations that somebody acts for, by name."""
    query = select(Organisation).join(Appointment).distinct().order_by(Organisation.name)
    return db.session.scalars(query).all()


def list_accounts() -> Sequence[User]:
    """Return the accounts, by address."""
    return db.session.scalars(select(User).order_by(User.email)).all()
