"""Papers: evidence with its bytes, and letters as PDF."""

from collections.abc import Callable
from datetime import datetime
from functools import partial
from typing import Any, Final

from flask import Response
from pydantic import BaseModel, Field

from repair_app.api.access import current_account, needs
from repair_app.api.answers import Key, expect_place, once, send, send_bytes
from repair_app.api.case_models import Done, Party, Words
from repair_app.api.cases import done_of
from repair_app.api.mistakes import LANGUAGE, REF
from repair_app.api.problems import PROBLEMS
from repair_app.api.resources import open_part
from repair_app.letters import LANGUAGES
from repair_app.models import Letter
from repair_app.public_address import site
from repair_app.services import cases, evidence, letters, papers, removals
from repair_app.services.cases import NotVisible
from repair_app.services.reasons import language
from repair_app.uploads import MEDIA_TYPES

resources = open_part("papers")
BYTES: Final[dict[str, Any]] = {
    "description": "the bytes, as they were stored",
    "content": {
        one: {"schema": {"type": "string", "format": "binary"}}
        for one in sorted({*MEDIA_TYPES.values()})
    },
}
PDF: Final[dict[str, Any]] = {
    "description": "the letter",
    "content": {"application/pdf": {"schema": {"type": "string", "format": "binary"}}},
}


class PaperPath(BaseModel):
    """Which piece of evidence."""

    ref: str = Field(pattern=REF, description="for example WJ-2026-000123-C")


class LetterPath(BaseModel):
    """Which letter."""

    ref: str = Field(pattern=REF, description="its number")


class MatterOfLetters(BaseModel):
    """Which case."""

    ref: str = Field(pattern=REF, description="for example YY-2026-000123-C")


class LetterQuery(BaseModel):
    """In which language a letter is wanted."""

    lang: str = Field("", pattern=LANGUAGE, description="zh or en; else as asked (header)")


class LetterPaging(BaseModel):
    """Which part of the letters is wanted, newest first."""

    after: int = Field(0, ge=0, le=999_999_999, description="`next` of the page before")


class LetterLine(BaseModel):
    """A letter in a list."""

    ref: str
    kind: str
    title: Words
    code: str = Field(description="for /verify/{code}")
    matter: str = Field(description="the case, requirement, record or measure it was issued in")
    addressee: Party | None
    issued_at: datetime
    stands: bool
    ended_at: datetime | None


class LetterPage(BaseModel):
    """Letters, newest first."""

    letters: list[LetterLine]
    next: int | None


@resources.get("/documents/<ref:ref>", responses={200: BYTES, **PROBLEMS})
@needs("cases:read")
def download(path: PaperPath) -> Response:
    """Hand out a piece of evidence to who acts in its case, or in one that looks again."""
    document = evidence.find_document(path.ref)
    if document is None or not papers.may_open(current_account(), document):
        raise NotVisible(path.ref)
    return send_bytes(evidence.read(document), document.media_type, document.filename)


@resources.post("/documents/<ref:ref>/remove", responses={200: Done, **PROBLEMS})
@needs("cases:write")
@once
def remove(path: PaperPath, header: Key) -> Response:
    """Take a file out of a draft."""
    user = current_account()
    case_ref = removals.remove(user, path.ref)
    return send(done_of(cases.get_visible("cases", case_ref, user)))


@resources.get("/cases/<ref:ref>/letters", responses={200: LetterPage, **PROBLEMS})
@needs("cases:read")
def list_letters(path: MatterOfLetters, query: LetterPaging) -> Response:
    """List the letters of a case that the client's role may read, newest first."""
    case = cases.get_case(path.ref, current_account())
    return show_page(partial(letters.list_of, case, current_account()), query.after)


@resources.get("/letters", responses={200: LetterPage, **PROBLEMS})
@needs("cases:read")
def list_own_letters(query: LetterPaging) -> Response:
    """List the letters that were written to the client's enterprise, newest first."""
    return show_page(partial(letters.list_own, current_account()), query.after)


@resources.get("/letters/<ref:ref>", responses={200: PDF, **PROBLEMS})
@needs("cases:read")
def print_letter(path: LetterPath, query: LetterQuery) -> Response:
    """Hand out a letter as PDF to its addressee, or to an official of its matter."""
    letter = letters.get_letter(path.ref, current_account())
    lang = query.lang if query.lang in LANGUAGES else language()
    return send_bytes(letters.render(letter, lang, site()), "application/pdf", f"{letter.ref}.pdf")


def show_page(find: Callable[[int | None], letters.LetterPage], after: int) -> Response:
    """Return a page of letters. Raises NoSuchPlace.

    find: gives those before a row.
    """
    if after:
        expect_place(after, next((one.id for one in find(after + 1).letters), None))
    found = find(after or None)
    return send(LetterPage(letters=[line_of(one) for one in found.letters], next=found.after))


def line_of(letter: Letter) -> LetterLine:
    """Return what a list shows of a letter."""
    return LetterLine(
        ref=letter.ref,
        kind=letter.kind,
        title=Words.of(letters.title_of(letter)),
        code=letter.code,
        matter=letter.entity_ref,
        addressee=Party.of(letter.organisation) if letter.organisation else None,
        issued_at=letter.issued_at,
        stands=letter.stands,
        ended_at=letter.ended_at,
    )
