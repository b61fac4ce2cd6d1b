"""Forms that are not sent yet: what a person typed and uploaded, kept by person and page.

A draft is nobody's but its person's, decides nothing and leaves no event. The files of a form that
is not sent lie apart from the evidence, each under its own token, so that they can be thrown away.
"""

import hashlib
import re
import secrets
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Final

from obstore.exceptions import NotFoundError
from sqlalchemy import (
    ColumnElement,
    Select,
    and_,
    delete,
    exists,
    func,
    or_,
    select,
    union_all,
    update,
)
from sqlalchemy.orm import Session

from repair_app.db import db, now
from repair_app.labels import Label
from repair_app.models import (
    Case,
    CreditRecord,
    Draft,
    FormToken,
    Requirement,
    Sanction,
    StagedUpload,
    User,
)
from repair_app.services import cases, evidence
from repair_app.services.cases import NotVisible
from repair_app.services.policy import current_policy
from repair_app.services.transaction import transaction
from repair_app.uploads import Upload

PAGE: Final = re.compile(
    r"/(cases|records|requirements|sanctions)/([A-Z]{2}-[0-9]{4}-[0-9]{6,9}-[0-9A-Z])/([a-z_]{1,60})"
)
MOST_DRAFTS: Final = 50  # of one person; the oldest make room
MOST_FILES: Final = 20  # of one page, as with one step
MOST_FILES_OF_ALL: Final = 100  # of one person
MOST_FIELDS: Final = 60
MOST_LETTERS: Final = 100_000  # of one form
LONGEST_NAME: Final = 64
LOOKED_UP: Final = 500  # files at a time
TOKEN: Final = re.compile("[A-Za-z0-9_-]{32}")  # of a file that was uploaded
FOLDER: Final = "staged"


class TooMuch(Exception):
    """More is to be kept than a person may keep."""


@dataclass(frozen=True)
class Unfinished:
    """A form that was begun: where it is, what it is called, about which penalty, since when."""

    page: str
    label: Label
    decision_no: str
    saved_at: datetime

    @property
    def begins(self) -> bool:
        """Say whether a matter begins with this form."""
        return self.page.startswith("/records/")


# --- what was typed ---


def is_page(page: str) -> bool:
    """Say whether an address is that of a form which can be kept."""
    return PAGE.fullmatch(page) is not None


def check_page(user: User, page: str) -> None:
    """Raise NotVisible unless a page is a form about something that this person may see."""
    found = PAGE.fullmatch(page)
    if found is None:
        raise NotVisible(page)
    cases.get_visible(found[1], found[2], user)


def save(user: User, page: str, values: Mapping[str, list[str]], form_token: str = "") -> datetime:
    """Keep what was typed into a form, in the place of what was kept before; return when.

    form_token: of the form; once it was sent, what comes late is not kept. Raises NotVisible or
    TooMuch.
    """
    check_page(user, page)
    check_size(values)
    with transaction() as session:
        if form_token and session.get(FormToken, form_token) is not None:
            return now()
        draft: Draft | None = session.scalar(own(user.id, page).with_for_update())
        if draft is None:
            make_room(session, user)
            draft = Draft(account_id=user.id, page=page)
            session.add(draft)
        draft.values, draft.saved_at = dict(values), now()
        saved_at: datetime = draft.saved_at
        return saved_at


def check_size(values: Mapping[str, list[str]]) -> None:
    """Raise TooMuch for more than a form can hold."""
    letters = sum(len(text) for texts in values.values() for text in texts)
    longest = max(map(len, values), default=0)
    if len(values) > MOST_FIELDS or letters > MOST_LETTERS or longest > LONGEST_NAME:
        raise TooMuch


def own(account_id: int, page: str) -> Select[Draft]:
    """Return the query for a person's draft of a page."""
    return select(Draft).where(Draft.account_id == account_id, Draft.page == page)


def make_room(session: Session, user: User) -> None:
    """Throw away the oldest drafts where a person has as many as may be kept."""
    mine = select(Draft.id).where(Draft.account_id == user.id).order_by(Draft.saved_at.desc())
    old = session.scalars(mine.offset(MOST_DRAFTS - 1)).all()
    if old:
        session.execute(delete(Draft).where(Draft.id.in_(old)))


def find(user: User, page: str) -> Draft | None:
    """Return what a person typed into a form and has not sent, if anything."""
    draft: Draft | None = db.session.scalar(own(user.id, page))
    return draft


def list_unfinished(user: User) -> list[Unfinished]:
    """Return the forms that a person began, the newest first."""
    rows = db.session.scalars(
        select(Draft).where(Draft.account_id == user.id).order_by(Draft.saved_at.desc())
    ).all()
    named = [(one, label) for one in rows if (label := label_of(one.page)) is not None]
    numbers = decisions_of({ref_in(one.page) for one, _ in named})
    return [
        Unfinished(one.page, label, numbers.get(ref_in(one.page), ""), one.saved_at)
        for one, label in named
    ]


def ref_in(page: str) -> str:
    """Return what a form is about, by the address of its page."""
    return page.split("/")[2]


def decisions_of(refs: Collection[str]) -> Mapping[str, str]:
    """Return the number of the decision that each entity of a reference is about."""
    if not refs:
        return {}
    number = CreditRecord.decision_no
    asked: list[Select[str, str]] = [
        select(CreditRecord.ref, number),
        select(Case.ref, number).join(Case.record),
        select(Sanction.ref, number).join(Sanction.record),
        select(Requirement.ref, number).join(Requirement.case).join(Case.record),
    ]
    found = union_all(*(one.where(one.selected_columns[0].in_(refs)) for one in asked))
    return {ref: number for ref, number in db.session.execute(found)}  # noqa: C416


def label_of(page: str) -> Label | None:
    """Return what a form is called: its matter, or its step; None for one that there is not."""
    found = PAGE.fullmatch(page)
    if found is None:
        return None
    kind, name = found[1], found[3]
    current = current_policy().current
    if kind == "records" and name in current:
        return current[name].label
    workflows = (one for one in current.values() if f"{one.entity}s" == kind)
    steps = (one.transitions.get(name) for one in workflows)
    return next((one.label for one in steps if one), None)


def discard(user: User, page: str) -> None:
    """Throw away what was typed into a form, and the files that wait for it."""
    check_page(user, page)
    with transaction() as session:
        session.execute(delete(Draft).where(Draft.account_id == user.id, Draft.page == page))
        tokens = session.scalars(waiting(user.id, page).with_only_columns(StagedUpload.token)).all()
        session.execute(delete(StagedUpload).where(StagedUpload.token.in_(tokens)))
    for token in tokens:
        remove_bytes(token)


def finish(account_id: int, page: str) -> None:
    """Let go of what was kept for a form that was sent. Nothing is written where nothing was kept.

    Its files are marked as sent and not thrown away yet: the same form may come twice.
    """
    waits = waiting(account_id, page).order_by(None)
    if not db.session.scalar(select(or_(own(account_id, page).exists(), waits.exists()))):
        return
    with transaction() as session:
        session.execute(delete(Draft).where(Draft.account_id == account_id, Draft.page == page))
        session.execute(
            update(StagedUpload)
            .where(StagedUpload.account_id == account_id, StagedUpload.page == page)
            .where(StagedUpload.sent_at.is_(None))
            .values(sent_at=now())
        )


# --- what was uploaded ---


def stage(user: User, page: str, upload: Upload) -> StagedUpload:
    """Keep a checked file for a form of this person. Raises NotVisible or TooMuch.

    The bytes are written before the row: a row without bytes cannot be.
    """
    check_page(user, page)
    token = secrets.token_urlsafe(24)
    evidence.store().put(path_of(token), upload.content, mode="create")
    row = StagedUpload(
        token=token,
        account_id=user.id,
        page=page,
        filename=upload.filename,
        media_type=upload.media_type,
        size=len(upload.content),
        sha256=upload.sha256,
        staged_at=now(),
    )
    try:
        put_on_file(row)
    except TooMuch:
        remove_bytes(token)
        raise
    return row


def put_on_file(row: StagedUpload) -> None:
    """Write down that a file waits; one of an account at a time. Raises TooMuch."""
    with transaction() as session:
        session.get(User, row.account_id, with_for_update={"of": User})
        check_room(session, row.account_id, row.page)
        session.add(row)
        session.flush()


def check_room(session: Session, account_id: int, page: str) -> None:
    """Raise TooMuch where a page, or a person, has as many files waiting as there may be."""
    rows = select(StagedUpload.page, func.count()).where(
        StagedUpload.account_id == account_id, StagedUpload.sent_at.is_(None)
    )
    found = session.execute(rows.group_by(StagedUpload.page)).all()
    counts = {row[0]: row[1] for row in found}
    if counts.get(page, 0) >= MOST_FILES or sum(counts.values()) >= MOST_FILES_OF_ALL:
        raise TooMuch


def waiting(account_id: int, page: str) -> Select[StagedUpload]:
    """Return the query for the files that wait for a form of a person to be sent."""
    return (
        select(StagedUpload)
        .where(StagedUpload.account_id == account_id, StagedUpload.page == page)
        .where(StagedUpload.sent_at.is_(None))
        .order_by(StagedUpload.id)
    )


def list_staged(user: User, page: str) -> Sequence[StagedUpload]:
    """Return the files that wait for a form to be sent, in the order in which they came."""
    return list(db.session.scalars(waiting(user.id, page)))


def find_staged(user: User, page: str, tokens: Collection[str]) -> Sequence[StagedUpload]:
    """Return the files of some tokens that are this person's and this page's; others are none."""
    if not tokens:
        return []
    query = select(StagedUpload).where(
        StagedUpload.account_id == user.id,
        StagedUpload.page == page,
        StagedUpload.token.in_(tokens),
    )
    return db.session.scalars(query.order_by(StagedUpload.id)).all()


def read(row: StagedUpload) -> Upload:
    """Return a file as it was uploaded. Raises ValueError when its bytes are not what was kept."""
    content = bytes(evidence.store().get(path_of(row.token)).bytes())
    if hashlib.sha256(content).hexdigest() != row.sha256:
        raise ValueError(f"the file of upload {row.id} is damaged")
    return Upload(row.filename, row.media_type, content)


def unstage(user: User, token: str) -> None:
    """Throw away a file that waits for its form. Raises NotVisible when there is none such."""
    if not TOKEN.fullmatch(token):
        raise NotVisible(token)
    with transaction() as session:
        row = session.scalar(
            select(StagedUpload).where(
                StagedUpload.token == token,
                StagedUpload.account_id == user.id,
                StagedUpload.sent_at.is_(None),
            )
        )
        if row is None:
            raise NotVisible(token)
        session.delete(row)
    remove_bytes(token)


def path_of(token: str) -> str:
    """Return where the bytes of an upload lie."""
    return f"{FOLDER}/{token}"


def remove_bytes(token: str) -> None:
    """Throw away the bytes of an upload; gone is gone."""
    try:
        evidence.store().delete(path_of(token))
    except (NotFoundError, FileNotFoundError):
        return


# --- what nobody came back for ---


def clear_old(before: datetime) -> int:
    """Throw away what nobody touched since a moment; return of how many drafts and files.

    A file stays as long as what was typed into its form.
    """
    with transaction() as session:
        drafts = session.scalars(
            delete(Draft).where(Draft.saved_at < before).returning(Draft.id)
        ).all()
        tokens = session.scalars(
            delete(StagedUpload).where(are_old(before)).returning(StagedUpload.token)
        )
        thrown = tokens.all()
    for token in thrown:
        remove_bytes(token)
    clear_stray(before)
    return len(drafts) + len(thrown)


def count_old(before: datetime) -> int:
    """Return how many drafts and files `clear_old` would throw away, files of old drafts aside."""
    asked = (
        select(func.count()).select_from(Draft).where(Draft.saved_at < before),
        select(func.count()).select_from(StagedUpload).where(are_old(before)),
    )
    return sum(db.session.scalar(one) or 0 for one in asked)


def are_old(before: datetime) -> ColumnElement[bool]:
    """Return the SQL condition for files that were staged before a moment and have no form."""
    is_begun = exists().where(
        Draft.account_id == StagedUpload.account_id, Draft.page == StagedUpload.page
    )
    return and_(StagedUpload.staged_at < before, ~is_begun)


def clear_stray(before: datetime) -> None:
    """Throw away the bytes that no row names and that were written before a moment.

    An upload that is broken off between its bytes and its row leaves such.
    """
    stray: set[str] = set()
    for some in evidence.store().list(FOLDER, chunk_size=LOOKED_UP):
        tokens = {one["path"].rpartition("/")[2] for one in some if one["last_modified"] < before}
        named = select(StagedUpload.token).where(StagedUpload.token.in_(tokens))
        stray |= tokens.difference(db.session.scalars(named))
    for token in stray:
        remove_bytes(token)
