"""Lists taken away: short ones at once, long ones written by a job and kept for a week.

Nothing is written by looking: a long list is asked for by a form, as an `Export`. The job reads the
rows as that person, in their language, in batches, tells how far it is, and puts the file beside
the evidence, by its SHA-256. Only who asked for it sees and gets it.
"""

import hashlib
import json
from collections.abc import Iterator, Mapping, Sequence
from datetime import datetime
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any, Final

from flask import current_app
from flask_babel import force_locale
from obstore.exceptions import NotFoundError
from sqlalchemy import delete, func, select, update

from repair_app import jobs, refs, sheets
from repair_app.calendar import local_date
from repair_app.db import db, now, today
from repair_app.models import Event, Export, User
from repair_app.services import evidence, viewings
from repair_app.services.cases import NotVisible
from repair_app.services.kept import kept_for
from repair_app.services.listings.common import Listing, in_words, texts_of
from repair_app.services.listings.registry import chosen, find_listing
from repair_app.services.office_book import ACCOUNTS, name_account
from repair_app.services.transaction import sweep, transaction
from repair_app.sheets import Cell

AT_ONCE: Final = 5_000  # rows; more are written by a job
TOLD_EVERY: Final = 2_000  # rows it is told how far a job is
MOST_WAITING: Final = 5  # of one account
PREFIX: Final = "DC"
JOB: Final = "write_export"
READ_AT_ONCE: Final = 1 << 20


class TooMany(Exception):
    """This person has asked for as many files as are written at a time."""


# --- at once --------------------------------------------------------------------------------------


def get_listing(name: str, user: User | None) -> Listing:
    """Return a list that a person may take away. Raises NotVisible."""
    found = find_listing(name, user)
    if found is None:
        raise NotVisible(name)
    return found


def is_long(listing: Listing, user: User | None, filters: Mapping[str, str]) -> bool:
    """Say whether a list has more rows than are handed out at once."""
    return listing.count(user, filters, AT_ONCE + 1) > AT_ONCE


def stream_csv(listing: Listing, user: User | None, filters: Mapping[str, str]) -> Iterator[str]:
    """Yield a list as a CSV file."""
    head = texts_of(listing.head(user, filters))
    return sheets.csv_lines(head, in_words(listing.rows(user, filters)))


def write_file(
    path: Path,
    listing: Listing,
    form: str,
    user: User | None,
    filters: Mapping[str, str],
    rows: Iterator[Sequence[Cell]] | None = None,
) -> None:
    """Write a list to a file. rows: instead of the list's own, such as the same, counted."""
    head = texts_of(listing.head(user, filters))
    cells = in_words(listing.rows(user, filters) if rows is None else rows)
    if form == "csv":
        sheets.write_csv(path, head, cells)
    else:
        sheets.write_xlsx(path, head, cells, str(listing.title))


def make_xlsx(listing: Listing, user: User | None, filters: Mapping[str, str]) -> bytes:
    """Return a short list as a workbook."""
    with TemporaryDirectory(prefix="redress-") as folder:
        path = Path(folder) / "list.xlsx"
        write_file(path, listing, "xlsx", user, filters)
        return path.read_bytes()


# --- by a job -------------------------------------------------------------------------------------


def ask(name: str, form: str, asked: Mapping[str, str], user: User, language: str) -> Export:
    """Have a list written to a file; asked for again while it waits, it is the same.

    Raises NotVisible for a list that is not for this person, TooMany when enough wait already.
    """
    listing = get_listing(name, user)
    filters = chosen(listing, asked)
    with transaction() as session:
        waiting = session.scalars(
            select(Export)
            .where(Export.account_id == user.id, Export.done_at.is_(None))
            .with_for_update()
        ).all()
        wanted = (name, form, filters, language)
        for one in waiting:
            if (one.page, one.form, one.query, one.language) == wanted:
                return one
        if len(waiting) >= MOST_WAITING:
            raise TooMany
        export = Export(
            ref=refs.new_ref(session, PREFIX, today()),
            account_id=user.id,
            page=name,
            query=filters,
            form=form,
            language=language,
            asked_at=now(),
        )
        session.add(export)
        session.flush()
        jobs.enqueue(session, JOB, export.ref, number=export.id)
        return export


def write_export(number: int) -> None:
    """Write a file that was asked for, unless it is there or was forgotten: the job."""
    export = db.session.get(Export, number)
    if export is None or export.sha256 is not None:
        return
    try:
        with TemporaryDirectory(prefix="redress-") as folder, force_locale(export.language):
            path = Path(folder) / "list"
            done = write_rows(export, path)
            digest = keep(path)
        viewings.note_list(export.account_id, export.page, dict(export.query))
    except Exception:
        note(number, done_at=now())
        raise
    note(number, sha256=digest, rows_done=done, rows_all=done, done_at=now())


def write_rows(export: Export, path: Path) -> int:
    """Write the rows of an export, as who asked for it may see them now; return how many."""
    user = export.account
    listing = get_listing(export.page, user)
    number, form, filters = export.id, export.form, dict(export.query)
    note(number, done_at=None, rows_done=0, rows_all=listing.count(user, filters, None))
    told = Counting(number, listing.rows(user, filters))
    write_file(path, listing, form, user, filters, iter(told))
    return told.count


class Counting:
    """Rows as they pass, with how many there were so far: told from time to time."""

    def __init__(self, number: int, rows: Iterator[Sequence[Cell]]) -> None:
        self.number = number
        self.rows = rows
        self.count = 0

    def __iter__(self) -> Iterator[Sequence[Cell]]:
        """Yield the rows."""
        for row in self.rows:
            yield row
            self.count += 1
            if self.count % TOLD_EVERY == 0:
                note(self.number, rows_done=self.count)


def note(number: int, **values: Any) -> None:
    """Keep how far an export is; in a session of its own, for the rows are still being read."""
    with current_app.app_context(), transaction() as session:
        session.execute(update(Export).where(Export.id == number).values(**values))


def keep(path: Path) -> str:
    """Put a file into the store and return its SHA-256."""
    digest = hashlib.sha256()
    with path.open("rb") as file:
        while block := file.read(READ_AT_ONCE):
            digest.update(block)
    evidence.store().put(place_of(digest.hexdigest()), path)
    return digest.hexdigest()


def place_of(sha256: str) -> str:
    """Return where a file lies: apart from the evidence, for it does not stay."""
    return f"exports/{sha256}"


# --- mine -----------------------------------------------------------------------------------------


def list_own(user: User) -> Sequence[Export]:
    """Return what a person has asked for and may still have, newest first."""
    own = select(Export).where(
        Export.account_id == user.id, Export.asked_at > now() - kept_for("exports")
    )
    found = db.session.scalars(own.order_by(Export.id.desc())).all()
    return [one for one in found if one.sha256 is None or may_have(one, user)]


def get_own(ref: str, user: User) -> Export:
    """Return a file of a person's own that is written and still for them. Raises NotVisible."""
    own = select(Export).where(
        Export.ref == ref,
        Export.account_id == user.id,
        Export.sha256.is_not(None),
        Export.asked_at > now() - kept_for("exports"),
    )
    found = db.session.scalar(own)
    if found is None or not may_have(found, user):
        raise NotVisible(ref)
    return found


def may_have(export: Export, user: User) -> bool:
    """Say whether a person still may take a list away, and for all for whom they asked for it."""
    listing = find_listing(export.page, user)
    return listing is not None and not has_lost(user, listing, export.asked_at)


def has_lost(user: User, listing: Listing, since: datetime) -> bool:
    """Say whether a role for which a list is has ended since a moment, or its scope was changed.

    The rows of a file may then be another office's: it is to be asked for anew.
    """
    if isinstance(listing.admits, str):
        return False
    day = local_date(since)
    if any(not one.is_current and one.ends_on and one.ends_on >= day for one in user.appointments):
        return True
    changes = db.session.scalars(
        select(Event.payload).where(
            Event.entity == name_account(user),
            Event.stream == ACCOUNTS.name,
            Event.transition.in_(("change", "end")),
            Event.at >= since,
        )
    )
    return any(json.loads(one)["facts"]["role"] in listing.admits for one in changes)


def read(export: Export) -> Iterator[bytes]:
    """Yield the bytes of a file. Raises NotVisible when it is no longer there."""
    try:
        found = evidence.store().get(place_of(export.sha256 or ""))
    except (NotFoundError, FileNotFoundError) as reason:
        raise NotVisible(export.ref) from reason
    return (bytes(one) for one in found.stream(min_chunk_size=READ_AT_ONCE))


def forget_exports(before: datetime) -> int:
    """Delete what was asked for before a moment, and its file; return how many."""
    return sweep(
        db.session.scalars(select(Export.id).where(Export.asked_at <= before)).all(), forget
    )


def count_old(before: datetime) -> int:
    """Return how many `forget_exports` would delete."""
    old = select(func.count()).select_from(Export).where(Export.asked_at <= before)
    return db.session.scalar(old) or 0


def forget(number: int) -> bool:
    """Delete an export, and its file unless another export is the same."""
    with transaction() as session:
        export = session.get(Export, number, with_for_update=True)
        if export is None:
            return False
        sha256 = export.sha256
        session.execute(delete(Export).where(Export.id == number))
        same = select(func.count()).select_from(Export).where(Export.sha256 == sha256)
        is_last = sha256 is not None and not session.scalar(same)
    if is_last and sha256 is not None:
        try:
            evidence.store().delete(place_of(sha256))
        except (NotFoundError, FileNotFoundError):
            return True
    return True
