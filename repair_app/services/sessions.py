"""The sessions of an account: its person sees where they are, and ends what is not theirs.

A session lives in its cookie, which says when it began. What is kept here says that one was ended,
and lets its person know of it; how long nobody clicked is the cookie's to know.
"""

import hashlib
import re
import secrets
from collections.abc import Sequence
from contextlib import nullcontext
from datetime import datetime, timedelta
from typing import Final

from sqlalchemy import ColumnElement, select, update
from sqlalchemy.orm import Session, joinedload

from repair_app.db import db, is_writing, now
from repair_app.models import SignIn, User
from repair_app.services.cases import NotVisible
from repair_app.services.transaction import transaction

UNKNOWN: Final = ""
# What a browser says of itself, the telling names first: all of them call themselves Mozilla.
BROWSERS: Final = (
    ("MicroMessenger", "WeChat"),
    ("Edg", "Edge"),
    ("OPR", "Opera"),
    ("Firefox", "Firefox"),
    ("Chrome", "Chrome"),
    ("Safari", "Safari"),
)
SYSTEMS: Final = (
    ("Android", "Android"),
    ("iPhone", "iPhone"),
    ("iPad", "iPad"),
    ("HarmonyOS", "HarmonyOS"),
    ("Windows", "Windows"),
    ("Mac OS X", "macOS"),
    ("Linux", "Linux"),
)


def begin(user: User, agent: str, former: str = "") -> str:
    """Note that a session of an account begins; return its key, for the cookie.

    agent: what the browser calls itself; only its kind and system are kept. former: the key of the
    session whose place it takes in this browser. That one ends: nobody could sign it out any more.
    """
    key = secrets.token_urlsafe(24)
    row = SignIn(
        account_id=user.id, key_digest=digest_of(key), browser=describe(agent), began_at=now()
    )
    # The library's pages of a second factor run in a transaction of ours.
    with nullcontext(db.session()) if is_writing() else transaction() as session:
        if former:
            end_where(session, SignIn.key_digest == digest_of(former))
        session.add(row)
        session.flush()
    return key


def digest_of(key: str) -> str:
    """Return by what a session is known in the store."""
    return hashlib.sha256(key.encode()).hexdigest()


def describe(agent: str) -> str:
    """Return kind and system of a browser, such as "Firefox · Windows"; empty for neither known."""
    found = (
        next((name for mark, name in kinds if re.search(rf"\b{mark}", agent)), UNKNOWN)
        for kinds in (BROWSERS, SYSTEMS)
    )
    return " · ".join(one for one in found if one)


def find_user(known_as: str, key: str) -> User | None:
    """Return whose session it is, in one question; None for one that was ended."""
    ended = select(SignIn.id).where(
        SignIn.key_digest == digest_of(key), SignIn.ended_at.is_not(None)
    )
    # With the offices, which every page asks for: there are one or two.
    found: User | None = (
        db.session.scalars(
            select(User)
            .where(User.fs_uniquifier == known_as, User.active, ~ended.exists())
            .options(joinedload(User.appointments))
        )
        .unique()
        .one_or_none()
    )
    return found


def list_open(user: User, longest: timedelta) -> Sequence[SignIn]:
    """Return the sessions of an account that were not ended, the newest first."""
    return db.session.scalars(
        select(SignIn)
        .where(SignIn.account_id == user.id, *is_open(now() - longest))
        .order_by(SignIn.began_at.desc(), SignIn.id.desc())
    ).all()


def is_open(since: datetime) -> tuple[ColumnElement[bool], ...]:
    """Return the conditions of a session that still counts."""
    return SignIn.ended_at.is_(None), SignIn.began_at > since


def end_one(user: User, number: int) -> None:
    """End a session of one's own account. Raises NotVisible for any other."""
    with transaction() as session:
        row = session.get(SignIn, number)
        if row is None or row.account_id != user.id or row.ended_at is not None:
            raise NotVisible(str(number))
        row.ended_at = now()


def end_own(session: Session, user: User, key: str) -> bool:
    """End the session with this key, within a transaction; say whether it was there."""
    own = select(SignIn).where(SignIn.account_id == user.id, SignIn.key_digest == digest_of(key))
    row = session.scalar(own)
    if row is not None and row.ended_at is None:  # by two at once it is ended once
        row.ended_at = now()
    return row is not None


def end_all(session: Session, user: User, *, but: str = "") -> None:
    """End the sessions of an account, within a transaction. but: the key of one that goes on."""
    end_where(session, SignIn.account_id == user.id, SignIn.key_digest != digest_of(but))


def end_where(session: Session, *which: ColumnElement[bool]) -> None:
    """End those sessions that these conditions name, within a transaction."""
    session.execute(
        update(SignIn)
        .where(SignIn.ended_at.is_(None), *which)
        .values(ended_at=now())
        .execution_options(synchronize_session=False)
    )


def end_others(user: User, key: str) -> None:
    """End all sessions of one's own account but the one with this key."""
    with transaction() as session:
        end_all(session, user, but=key)
