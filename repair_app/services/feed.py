"""The calendar feed: the terms that a person has to meet, and until when they are to be answered.

For the calendar of a phone or desk: kinds and numbers only.
"""

import hashlib
import re
import secrets
from collections.abc import Sequence
from datetime import timedelta
from typing import Final

from flask import current_app
from flask_babel import force_locale, gettext
from icalendar import Calendar, Event
from sqlalchemy import ColumnElement, Select, and_, exists, or_, select
from sqlalchemy.orm import aliased

from repair_app import access
from repair_app.db import db, now
from repair_app.engine.telling import OFFICIALS
from repair_app.labels import N_
from repair_app.models import Case, Deadline, Role, User
from repair_app.services import inbox
from repair_app.services.cases import NotVisible
from repair_app.services.messages import words_of
from repair_app.services.policy import current_policy
from repair_app.services.transaction import transaction

MOST: Final = 500  # terms in a feed
TOKEN_BYTES: Final = 24
TOKEN: Final = re.compile("[A-Za-z0-9_-]{32}")


def renew_token(user: User) -> str:
    """Give a person's feed a new address; the former one is worthless.

    Returns the secret of the address, this once: only its hash is kept.
    """
    token = secrets.token_urlsafe(TOKEN_BYTES)
    with transaction() as session:
        session.get_one(User, user.id).feed_digest = digest_of(token)
    return token


def digest_of(token: str) -> str:
    """Return what is stored of a secret."""
    return hashlib.sha256(token.encode()).hexdigest()


def end_feed(user: User) -> None:
    """Have a person's feed at no address any more."""
    with transaction() as session:
        session.get_one(User, user.id).feed_digest = None


def find_reader(token: str) -> User:
    """Return the account whose feed is at an address. Raises NotVisible for anything else."""
    if not TOKEN.fullmatch(token):
        raise NotVisible("feed")
    found = db.session.scalar(select(User).where(User.feed_digest == digest_of(token), User.active))
    if found is None:
        raise NotVisible("feed")
    return found


def list_terms(user: User) -> Sequence[Deadline]:
    """Return the running terms that a person has to meet today, the most urgent first."""
    mine = [inbox.waits_for(user, role) for role in inbox.WORKERS if user.holds(role)]
    wanted = or_(*mine, waits_for_filer(user))
    return read_terms(wanted)


def list_owed(user: User) -> Sequence[Deadline]:
    """Return the running terms in which an office has to answer a person who filed a case.

    That of the whole matter while it runs, which is what was promised; else that of its state.
    """
    whole = aliased(Deadline)
    has_whole = exists().where(
        whole.case_id == Deadline.case_id,
        whole.entity_ref == Deadline.entity_ref,
        whole.whole,
        whole.met_at.is_(None),
    )
    of_the_case = exists().where(Case.id == Deadline.case_id, Case.ref == Deadline.entity_ref)
    return read_terms(
        and_(
            Deadline.owner.in_(OFFICIALS),
            Deadline.met_at.is_(None),
            or_(Deadline.whole, ~has_whole),
            Deadline.case_id.in_(filed_by(user)),
            of_the_case,
        )
    )


def read_terms(wanted: ColumnElement[bool]) -> Sequence[Deadline]:
    """Return the most urgent terms of a condition, with what they are of."""
    terms = select(Deadline).where(wanted).order_by(Deadline.due_on, Deadline.id).limit(MOST)
    return db.session.scalars(terms.options(*inbox.with_what_they_are_of())).all()


def waits_for_filer(user: User) -> ColumnElement[bool]:
    """Return the SQL condition for the terms that a person has to meet as who filed a case."""
    return and_(
        Deadline.owner == Role.SUBJECT.value,
        Deadline.met_at.is_(None),
        Deadline.whole.is_(False),
        Deadline.case_id.in_(filed_by(user)),
    )


def filed_by(user: User) -> Select[int]:
    """Return the query for the cases that a person filed, or their firm, and that they may see."""
    own = [one for one in user.current_appointments if one.role in {Role.SUBJECT, Role.AGENT}]
    filed = or_(
        Case.person_id == user.person_id,
        Case.subject_id.in_([one.organisation_id for one in own]),
    )
    return select(Case.id).where(filed, access.visible_to(user))


def write_feed(user: User) -> bytes:
    """Return a person's feed (RFC 5545), in the language of their mails: kinds and numbers only."""
    with force_locale(user.language):
        calendar = Calendar()
        calendar.add("prodid", "-//Redress//deadlines//")
        calendar.add("version", "2.0")
        calendar.add("method", "PUBLISH")
        calendar.add("x-wr-calname", gettext("Redress: my deadlines"))
        calendar.add("x-wr-timezone", "Asia/Shanghai")
        for turn in inbox.pair_with_entities(list_terms(user)):
            calendar.add_component(as_event(turn, "term", N_("Due: %(matter)s")))
        for turn in inbox.pair_with_entities(list_owed(user)):
            told = N_("Due from the authority: %(matter)s")
            calendar.add_component(as_event(turn, "answer", told))
        return bytes(calendar.to_ical())


def as_event(turn: inbox.Turn, kind: str, told: str) -> Event:
    """Return a term as an event of the whole day on which it ends.

    kind: what its number begins with, for one person may have a term twice. told: what it is, as a
    text of the catalogue that names the matter.
    """
    term = turn.term
    workflow = current_policy().workflow_of(turn.entity)
    state = workflow.states[turn.entity.state]
    base = current_app.config["BASE_URL"].rstrip("/")
    event = Event()
    event.add("uid", f"{kind}-{term.id}@redress")
    event.add("dtstamp", now())
    event.add("sequence", count_changes(term))
    event.add("dtstart", term.due_on)
    event.add("dtend", term.due_on + timedelta(days=1))
    event.add("transp", "TRANSPARENT")
    matter = f"{words_of(workflow.label)} {term.entity_ref}"
    event.add("summary", gettext(told, matter=matter))
    still = [gettext("standing still")] if term.paused_on else []
    event.add("description", gettext("; ").join([words_of(state.label), *still]))
    if base:
        event.add("url", f"{base}/messages/about/{term.entity_ref}")
    return event


def count_changes(term: Deadline) -> int:
    """Return a number that grows whenever the last day of a term may have moved."""
    stops = sum(1 if until is None else 2 for _, until, _ in term.pauses)
    return (term.calendar_edition or 0) + term.extended_by + stops
