"""A person's own password: changed by themselves, and how old it is."""

from datetime import datetime, timedelta

from flask import current_app
from flask_security import hash_password
from sqlalchemy import select
from sqlalchemy.orm import Session

from repair_app.db import db, now
from repair_app.engine.step import SYSTEM
from repair_app.models import Event, User
from repair_app.services import office_book, people
from repair_app.services.transaction import transaction

SET = ("set_password", "change_password")  # events of an account that begin a password's life


def change(user_id: int, password: str) -> User:
    """Set another password, as `forms.administration.check_password` gave it back.

    Every session of the account ends with it, and every link that sets its password.
    """
    with transaction() as session:
        office_book.take(session, office_book.ACCOUNTS)
        user = session.get_one(User, user_id, with_for_update={"of": User})
        put(session, user, password, "change_password")
        return user


def put(session: Session, user: User, password: str, step: str) -> None:
    """Give an account a password in the session's transaction, with its event (one of SET).

    The account's row and the book of accounts are locked.
    """
    user.password = hash_password(password)
    people.forget_sessions(user)
    seat = next(iter(user.current_appointments), None)
    actor = office_book.sitting_on(user, seat) if seat else SYSTEM
    office_book.note(session, office_book.ACCOUNTS, step, office_book.name_account(user), actor)


def is_too_old(user: User) -> bool:
    """Say whether a password has to be changed by its age, where the profile wants that."""
    days: int = current_app.config["PASSWORD_DAYS"]
    if not days or not user.password:
        return False
    return bool(now() - begun_at(user) >= timedelta(days=days))


def begun_at(user: User) -> datetime:
    """Return since when an account has its password: at the earliest, since it was made."""
    newest = db.session.scalar(
        select(Event.at)
        .where(
            Event.workflow == office_book.ACCOUNTS.name,
            Event.entity == office_book.name_account(user),
            Event.transition.in_(SET),
        )
        .order_by(Event.id.desc())
        .limit(1)
    )
    return newest or user.created_at
