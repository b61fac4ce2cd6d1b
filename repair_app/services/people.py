"""Accounts, persons, organisations and appointments."""

import secrets
from collections.abc import Sequence
from datetime import date, timedelta

from email_validator import EmailNotValidError, validate_email
from flask import current_app
from flask_security import hash_password
from sqlalchemy import select
from sqlalchemy.orm import Session, object_session

from repair_app.access import MANDATES
from repair_app.db import db, now, today
from repair_app.labels import Label
from repair_app.models import Appointment, Organisation, Person, Role, User
from repair_app.models.parties import OrganisationKind
from repair_app.services import offices, sessions
from repair_app.services.transaction import transaction

AGENT_SCOPES = tuple(MANDATES)
SCOPE_OF_AGENTS = Label(
    "代理人须有授权范围，其他身份没有授权范围。",
    f"an agent, and no other, has a scope of {', '.join(AGENT_SCOPES)}",
)
TWO_OFFICES = Label(
    "系统管理员、安全管理员、审计三种职责，同一人只能承担其中一种。",
    "nobody is two of administrator, security officer and auditor at once",
)


class NotPossible(ValueError):
    """The account, role or name cannot be so; `told` says why, in both languages."""

    def __init__(self, told: Label) -> None:
        super().__init__(told.en)
        self.told = told


def sign_out(user_id: int, key: str) -> None:
    """Make the session with this key worthless, and every copy of its cookie; others go on.

    One of which nothing is kept cannot be ended by itself: all of the account's end with it.
    """
    with transaction() as session:
        user = session.get_one(User, user_id)
        if not sessions.end_own(session, user, key):
            forget_sessions(user)


def forget_sessions(user: User) -> None:
    """Make every session of an account, and every link that sets its password, worthless."""
    user.fs_uniquifier = make_secret()
    leave(user)


def leave(user: User) -> None:
    """End every session of an account; a link that sets its password stays good."""
    session = object_session(user)
    if session is not None and user.id is not None:
        sessions.end_all(session, user)


def make_secret() -> str:
    """Return what nobody guesses."""
    return secrets.token_hex(16)


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


def rename(organisation: Organisation, name: str) -> str:
    """Give an organisation another name and return the former one. Raises NotPossible."""
    if not name.strip():
        raise NotPossible(Label("名称不能为空。", "a name has to say something"))
    former, organisation.name = organisation.name, name.strip()
    return former


def get_organisation(session: Session, uscc: str) -> Organisation:
    """Return the organisation of a code. Raises NotPossible for one that is not on file."""
    known = session.scalar(select(Organisation).where(Organisation.uscc == uscc))
    if known is None:
        raise NotPossible(Label(f"系统中没有代码为{uscc}的机构。", f"{uscc} is not on file"))
    return known


def add_account(
    session: Session,
    email: str,
    name: str,
    password: str | None,
    organisation: Organisation,
    role: Role,
    *,
    scope: Sequence[str] | None = None,
    ends_on: date | None = None,
    person: Person | None = None,
) -> User:
    """Return an account with one appointment.

    Raises NotPossible as `enter_account` and `appoint` do.
    """
    user = enter_account(session, email, name, password, person=person)
    appoint(session, user, organisation, role, scope=scope, ends_on=ends_on)
    return user


def enter_account(
    session: Session,
    email: str,
    name: str,
    password: str | None,
    *,
    person: Person | None = None,
) -> User:
    """Return an account that holds no role yet.

    password: None where the person is going to choose it. person: who has an account already and
    gets a further one; without, the person is new.
    Raises NotPossible for an address that is none or is taken, or a short password.
    """
    address = check_email(email)
    if session.scalar(select(User.id).where(User.email == address)):
        raise NotPossible(Label(f"{address}已有账号。", f"{address} has an account already"))
    shortest = current_app.config["SECURITY_PASSWORD_LENGTH_MIN"]
    if password is not None and len(password) < shortest:
        raise NotPossible(
            Label(
                f"密码不得少于{shortest}个字符。",
                f"the password has to have {shortest} characters or more",
            )
        )
    user = User(
        email=address,
        password=hash_password(password) if password is not None else None,
        active=True,
        fs_uniquifier=secrets.token_hex(16),
        created_at=now(),
        person=person or Person(name=name),
    )
    session.add(user)
    session.flush()
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
    """Give a person a role for an organisation; one that had ended begins anew.

    Raises NotPossible for an agent without scope, for a role that the person holds already, or for
    two of the three offices (services/offices.py) at once.
    """
    if role is Role.SYSTEM:
        raise NotPossible(Label("“系统”不是人员的身份。", "no person is the system"))
    if (role is Role.AGENT) != bool(scope) or not set(scope or ()) <= set(AGENT_SCOPES):
        raise NotPossible(SCOPE_OF_AGENTS)
    refuse_two_offices(user, role)
    appointment = find_appointment(user, organisation, role)
    if appointment is None:
        appointment = Appointment(user=user, organisation=organisation, role=role.value)
        session.add(appointment)
    elif appointment.is_current:
        raise NotPossible(
            Label(
                f"{user.email}在{organisation.name}已有该身份。",
                f"{user.email} is {role.value} for {organisation.name} already",
            )
        )
    appointment.scope = list(scope) if scope else None
    appointment.ends_on = ends_on
    session.flush()
    leave(user)
    return appointment


def refuse_two_offices(user: User, role: Role) -> None:
    """Let nobody watch over their own doings, by another account neither. Raises NotPossible.

    Graded protection has three officers apart (GB/T 22239-2019 8.1.5, 三员分立). The account
    by which a system acts is no office: it ends with its person's role, and bars no other after.
    """
    others = offices.OFFICERS - {role} if role in offices.OFFICERS else ()
    own = [account for account in user.person.accounts if not account.is_machine]
    if any(account.holds(one) for account in own for one in others):
        raise NotPossible(TWO_OFFICES)


def end_appointment(user: User, organisation: Organisation, role: Role) -> None:
    """Take a role for an organisation from a person, from this day on. Raises NotPossible."""
    appointment = find_appointment(user, organisation, role)
    if appointment is None or not appointment.is_current:
        raise NotPossible(not_held(user, organisation, role))
    appointment.ends_on = today() - timedelta(days=1)
    leave(user)


def not_held(user: User, organisation: Organisation, role: Role) -> Label:
    """Return that a person does not hold a role, in words."""
    return Label(
        f"{user.email}在{organisation.name}没有该身份。",
        f"{user.email} is not {role.value} for {organisation.name}",
    )


def find_appointment(user: User, organisation: Organisation, role: Role) -> Appointment | None:
    """Return a person's appointment to a role for an organisation, also one that has ended."""
    return next(
        (one for one in user.appointments if one.organisation is organisation and one.role == role),
        None,
    )


def close_account(user: User) -> None:
    """Let nobody sign in with an account any more; who is signed in is out at the next click."""
    if not user.active:
        raise NotPossible(Label(f"{user.email}已停用。", f"{user.email} is closed already"))
    user.active = False
    forget_sessions(user)


def get_account(session: Session, email: str) -> User:
    """Return the account of an address. Raises NotPossible for one that has none."""
    user = session.scalar(select(User).where(User.email == check_email(email)))
    if user is None:
        raise NotPossible(Label(f"{email}没有账号。", f"{email} has no account"))
    return user


def check_email(email: str) -> str:
    """Return an address in its normal form. Raises NotPossible."""
    try:
        return validate_email(email, check_deliverability=False).normalized.lower()
    except EmailNotValidError as error:
        raise NotPossible(Label("这不是电子邮箱地址。", str(error))) from error


def list_accounts() -> Sequence[User]:
    """Return the accounts of people, by address."""
    of_people = select(User).where(User.is_machine.is_(False))
    return db.session.scalars(of_people.order_by(User.email)).all()
