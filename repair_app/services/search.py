"""The public's search: published records of enterprises by name, pinyin, initials or code.

Those entered last come first, whoever is meant. A word that names few firms is looked up in the
index of names (name_index.py); one that names many is met soon on a walk through the newest
records, and sorting all of theirs would take longer. Both answer the same.
"""

import re
import unicodedata
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import cache
from typing import Any, Final

from sqlalchemy import (
    ColumnElement,
    Integer,
    Select,
    and_,
    cast,
    column,
    false,
    func,
    literal,
    literal_column,
    or_,
    select,
    table,
    true,
)
from sqlalchemy.dialects.postgresql import TSQUERY
from sqlalchemy.orm import defer, joinedload

from repair_app.db import db
from repair_app.masking import PublicView, public_view
from repair_app.models import CreditRecord, Organisation
from repair_app.models.parties import OrganisationKind
from repair_app.name_index import (
    INITIAL_LETTERS,
    INITIALS,
    LEGAL_FORM,
    LETTERS,
    PINYIN,
    PINYIN_LETTERS,
    fold,
    fold_character,
    pairs_of,
    readings,
)
from repair_app.penalty_format import normalise_uscc
from repair_app.services.entries import is_told_of
from repair_app.services.records import (
    PAGE,
    is_for_the_public,
    is_in_its_term,
    is_public,
    shown_to_public,
)

LONGEST: Final = 100  # characters that are looked for
# The beginning of a code: registering department and kind, region, and what follows.
WHOLE_CODE: Final = 18
CODE: Final = re.compile("[0-9A-HJ-NPQRTUWXY]{2}[0-9]{4}[0-9A-HJ-NPQRTUWXY]{0,12}")
TELLING: Final = re.compile("[\u4e00-\u9fff]{1,2}")
CODE_LENGTH: Final = 18
GLANCE: Final = 150  # of the newest records are looked through before the index is asked
SHORT: Final = 4  # characters: longer parts are in few names
REGION: Final = 8  # the same of codes
AT_ONCE: Final = PAGE + 4  # records are read: hardly any of a page is kept from the public
WALK: Final = 120_000  # and as many when the index names too many firms: among ten million, too
MOST_PAIRS: Final = 6  # of a name are asked of the index
MOST_FIRMS: Final = 2_000  # whose records are sorted
TERMS: Final[ColumnElement[Any]] = literal_column(
    "array_to_tsvector(string_to_array(organisation.search_terms, ' '))"
)


@dataclass(frozen=True)
class Wanted:
    """What is looked for, as names and codes are compared."""

    name: str = ""
    code: str = ""  # or a beginning of one

    @property
    def is_short(self) -> bool:
        """Say whether it may well be in very many names or codes."""
        return len(self.name) <= (REGION if self.code else SHORT)

    @property
    def letters(self) -> str:
        """Return what may be pinyin or initials, if it may."""
        return self.name if LETTERS.fullmatch(self.name) else ""


@dataclass(frozen=True)
class Hit:
    """A record as the public reads it; `name`: its enterprise's, in pieces (text, was it meant)."""

    record: PublicView
    name: Sequence[tuple[str, bool]]


@dataclass(frozen=True)
class Found:
    """A page of records, where the next one begins, and what had to be left out of the question."""

    hits: Sequence[Hit] = ()
    after: int | None = None
    too_long: bool = False
    nothing_asked: bool = False
    code: str = ""  # of an enterprise on file, where its whole code was asked for and nothing found


def search_public(query: str, before: int | None = None) -> Found:
    """Return the published records of the enterprises that a text names, last entered first.

    query: part of a name, its pinyin without tones or its initials, or a code or the beginning of
    one. before: the id of the record that the page before ended with.
    """
    wanted = read_query(query)
    if wanted is None:
        return Found(nothing_asked=True)
    if len(wanted.name) > LONGEST:
        return Found(too_long=True)
    found = find(wanted, before)
    shown = [one for one in found[:PAGE] if shown_to_public(one)]
    code = "" if shown or before else find_code(wanted)
    return Found(
        [Hit(public_view(one), tuple(pieces(one.subject.name, wanted))) for one in shown],
        found[PAGE - 1].id if len(found) > PAGE else None,
        code=code,
    )


def is_published(ref: str) -> bool:
    """Say whether the public may read the record of a number."""
    found = db.session.scalar(select(CreditRecord).where(CreditRecord.ref == ref, is_public()))
    return found is not None and shown_to_public(found)


def find_code(wanted: Wanted) -> str:
    """Return the code that was asked for, if it is whole and the public is told of who has it."""
    if len(wanted.code) != WHOLE_CODE:
        return ""
    there = select(Organisation.uscc).where(Organisation.uscc == wanted.code, is_told_of())
    return db.session.scalar(there) or ""


def read_query(query: str) -> Wanted | None:
    """Return what a text asks for, or None when nothing of it can be seen."""
    name = fold(query)
    code = normalise_uscc(unicodedata.normalize("NFKC", query[: 2 * LONGEST])).strip()
    if CODE.fullmatch(code):
        return Wanted(name, code)
    return Wanted(name) if name else None


# --- which records ---


def find(wanted: Wanted, before: int | None) -> Sequence[CreditRecord]:
    """Return a page of records and, if there are more, one more."""
    if wanted.is_short:
        near = walk(wanted, before, GLANCE)
        if len(near) > PAGE:
            return load(near)
    firms = named(wanted)
    if not has_at_least(firms, MOST_FIRMS + 1):
        return of_firms(firms, before)
    further = walk(wanted, before, WALK)
    if len(further) > PAGE:
        return load(further)
    everywhere = newest(before).where(CreditRecord.subject_id.in_(firms))
    return load(db.session.scalars(everywhere).all())


def newest(before: int | None) -> Select[int]:
    """Return the query for a page of the ids of public records, newest first."""
    return (
        select(CreditRecord.id)
        .where(is_public(), CreditRecord.id < before if before else true())
        .order_by(CreditRecord.id.desc())
        .limit(PAGE + 1)
    )


def walk(wanted: Wanted, before: int | None, steps: int) -> Sequence[int]:
    """Return the ids of those records that match among so many of the newest.

    The name is asked for by a query of its own for each record: joined, a store is tempted to read
    the names of all there are.
    """
    top: Any = before or select(func.max(CreditRecord.id) + 1).scalar_subquery()
    named_so = select(holds(wanted)).where(Organisation.id == CreditRecord.subject_id)
    query = newest(before).where(CreditRecord.id >= top - steps, named_so.scalar_subquery())
    return db.session.scalars(query).all()


def of_firms(firms: Select[int], before: int | None) -> Sequence[CreditRecord]:
    """Return a page of the records of some enterprises.

    First those that the index of subjects tells about, then of the newest the rest. Sorted by what
    is no column: a store that is asked for the newest few is tempted to walk through all there are.
    """
    found: list[CreditRecord] = []
    some = AT_ONCE
    while len(found) <= PAGE:
        query = select(CreditRecord.id).where(
            CreditRecord.subject_id.in_(firms),
            is_in_its_term(),
            CreditRecord.id < before if before else true(),
        )
        ids = db.session.scalars(query.order_by((CreditRecord.id + 0).desc()).limit(some)).all()
        found += load(ids, is_for_the_public())
        if len(ids) < some:
            break
        before, some = ids[-1], 2 * some
    return found[: PAGE + 1]


def load(ids: Sequence[int], *conditions: ColumnElement[bool]) -> Sequence[CreditRecord]:
    """Return records with what their line in a list says, newest first."""
    if not ids:
        return []
    found = db.session.scalars(lines().where(CreditRecord.id.in_(ids), *conditions))
    return found.unique().all()


@cache
def lines() -> Select[CreditRecord]:
    """Return the query for records with what their lines in a list say, written once."""
    parties = defer(Organisation.search_name), defer(Organisation.search_terms)
    return (
        select(CreditRecord)
        .order_by(CreditRecord.id.desc())
        .options(
            joinedload(CreditRecord.subject, innerjoin=True).options(*parties),
            joinedload(CreditRecord.provider, innerjoin=True).options(*parties),
            joinedload(CreditRecord.dispute_marks),  # few: one query with the records themselves
            joinedload(CreditRecord.proceeding_marks),
        )
    )


def has_at_least(query: Select[int], number: int) -> bool:
    """Say whether a query has so many rows; more are not counted."""
    some = query.limit(number).subquery()
    return (db.session.scalar(select(func.count()).select_from(some)) or 0) >= number


# --- which enterprises ---


def named(wanted: Wanted) -> Select[int]:
    """Return the query for the enterprises that are meant: by the index, then by their names.

    Of one or two Chinese characters the index says all there is to say, and on SQLite needs no
    look at the names. Records of natural persons are left out with the records.
    """
    if db.engine.dialect.name == "sqlite" and TELLING.fullmatch(wanted.name):
        return in_fts(wanted)
    return select(Organisation.id).where(
        or_(is_coded(wanted), and_(is_indexed(wanted), holds_name(wanted))),
        Organisation.kind != OrganisationKind.NATURAL_PERSON,
    )


def holds(wanted: Wanted) -> ColumnElement[bool]:
    """Return the SQL condition for an organisation that is meant, without an index."""
    return or_(is_coded(wanted), holds_name(wanted))


def is_coded(wanted: Wanted) -> ColumnElement[bool]:
    """Return the SQL condition for a code, or for codes that begin so."""
    if not wanted.code:
        return false()
    least, most = (wanted.code.ljust(CODE_LENGTH, end) for end in "0Z")
    return Organisation.uscc.between(least, most)


def holds_name(wanted: Wanted) -> ColumnElement[bool]:
    """Return the SQL condition for a name that has a part, or is read so from a character on."""
    found = Organisation.search_name.contains(wanted.name, autoescape=True)
    if not wanted.letters:
        return found
    terms = literal(" ").concat(Organisation.search_terms)
    return or_(found, *(terms.contains(f" {one}") for one in letter_terms(wanted.letters)))


def letter_terms(letters: str) -> tuple[str, str]:
    """Return what terms begin with that are read so: pinyin, initials."""
    return PINYIN + letters[:PINYIN_LETTERS], INITIALS + letters[:INITIAL_LETTERS]


def is_indexed(wanted: Wanted) -> ColumnElement[bool]:
    """Return the SQL condition for an organisation whose terms may match, as each store asks it."""
    if db.engine.dialect.name == "sqlite":
        return Organisation.id.in_(in_fts(wanted))
    return TERMS.op("@@")(cast(literal(write_query(wanted, is_sqlite=False)), TSQUERY))


def in_fts(wanted: Wanted) -> Select[Any]:
    """Return the query for the organisations whose terms match, by SQLite's FTS5."""
    index = table("organisation_search", column("rowid", Integer))
    query = literal(write_query(wanted, is_sqlite=True))
    return select(index.c.rowid).where(literal_column("organisation_search").op("MATCH")(query))


def write_query(wanted: Wanted, *, is_sqlite: bool) -> str:
    """Return the question to the index: all pairs of a name, or the beginning of a reading."""
    both, either = (" AND ", " OR ") if is_sqlite else (" & ", " | ")
    write = write_for_sqlite if is_sqlite else write_for_postgresql
    pairs = list_pairs(wanted.name)
    parts = [both.join(write(one, whole=True) for one in pairs) or write(wanted.name, whole=False)]
    if wanted.letters:
        parts += [write(one, whole=False) for one in letter_terms(wanted.letters)]
    return either.join(f"({one})" for one in parts)


def list_pairs(name: str) -> list[str]:
    """Return pairs that a name has to have: some of the first, none of a legal form after others.

    Nearly every name has the pairs of 有限公司; to go through them all is long and tells nothing.
    """
    pairs = dict.fromkeys(pairs_of(name)[:-1])
    form = LEGAL_FORM.search(name)
    telling = [one for one in pairs if not (form and one in form[0])]
    return (telling or list(pairs))[:MOST_PAIRS]


def write_for_sqlite(term: str, *, whole: bool) -> str:
    """Return a term, or the beginning of terms, as FTS5 reads it."""
    quoted = term.replace('"', '""')
    return f'"{quoted}"' if whole else f'"{quoted}" *'


def write_for_postgresql(term: str, *, whole: bool) -> str:
    """Return a term, or the beginning of terms, as a tsquery."""
    quoted = term.replace("\\", "\\\\").replace("'", "''")
    return f"'{quoted}'" if whole else f"'{quoted}':*"


# --- what of a name was meant ---


def pieces(name: str, wanted: Wanted) -> Iterator[tuple[str, bool]]:
    """Yield a name in pieces, each with whether it is what was looked for."""
    plain = unicodedata.normalize("NFC", name)
    start, end = find_in(plain, wanted)
    for piece, meant in ((plain[:start], False), (plain[start:end], True), (plain[end:], False)):
        if piece:
            yield piece, meant


def find_in(plain: str, wanted: Wanted) -> tuple[int, int]:
    """Return from where to where a name is what was looked for; nowhere, for a code."""
    owners = [place for place, one in enumerate(plain) for _ in fold_character(one)]
    folded = "".join(map(fold_character, plain))
    first = folded.find(wanted.name)
    length = len(wanted.name)
    if first < 0 and wanted.letters:
        first, length = find_reading(folded, wanted.letters)
    if first < 0 or not length:
        return 0, 0
    return owners[first], owners[first + length - 1] + 1


def find_reading(folded: str, letters: str) -> tuple[int, int]:
    """Return where a name is read so, and along how many characters; -1 for nowhere."""
    read = readings(folded)
    for spelt, most in ((read, PINYIN_LETTERS), ([one[:1] for one in read], INITIAL_LETTERS)):
        for place, one in enumerate(spelt):
            if one and "".join(spelt[place:]).startswith(letters[:most]):
                return place, count_read(spelt[place:], len(letters[:most]))
    return -1, 0


def count_read(spelt: Sequence[str], letters: int) -> int:
    """Return how many characters it takes to read this many letters."""
    read = 0
    for count, one in enumerate(spelt, 1):
        read += len(one)
        if read >= letters:
            return count
    return len(spelt)
