"""Records from a provider's own system: files in parts, rows one by one, and what became of each.

Parts are sent with the headers of draft-ietf-httpbis-resumable-upload: `Upload-Offset` says where a
part begins, and in an answer where the next one does.
"""

from datetime import datetime
from http import HTTPStatus
from typing import Annotated, Any, Final, Literal

from flask import Response, request
from flask_babel import gettext
from pydantic import BaseModel, Field, FiniteFloat

from repair_app.api.access import current_account, needs, protector
from repair_app.api.answers import Key, expect_place, once, send, token_of_request
from repair_app.api.bodies import Sent, Whole
from repair_app.api.case_models import Words
from repair_app.api.mistakes import REF, SHA256
from repair_app.api.problems import PROBLEMS, Mistake, Wrong, show
from repair_app.api.resources import open_part
from repair_app.models import ImportRow, RecordUpload, UploadStanding, User
from repair_app.services import imports
from repair_app.services.cases import NotVisible
from repair_app.services.imports import uploads
from repair_app.services.imports.formats import FORMATS
from repair_app.services.imports.notices import KIND as NOTICES
from repair_app.uploads import clean_name

resources = open_part("imports")
OFFSET: Final = "Upload-Offset"
PART_TYPE: Final = "application/partial-upload"
MOST_ROWS: Final = 1_000
HIGHEST: Final = 10**15
PART: Final[dict[str, Any]] = {
    "required": True,
    "content": {PART_TYPE: {"schema": {"type": "string", "format": "binary"}}},
}
Cell = str | Annotated[int, Field(ge=-HIGHEST, le=HIGHEST)] | FiniteFloat | None


class ImportPath(BaseModel):
    """Which file."""

    ref: str = Field(pattern=REF, description="for example DR-2026-000123-C")


class FileToCome(Sent):
    """A file that is going to be sent in parts."""

    kind: Literal[tuple(FORMATS)] = Field("penalties", description="what its rows are")  # type: ignore[valid-type]
    filename: str = Field(min_length=1, max_length=200)
    size: Whole = Field(ge=1, le=uploads.LARGEST, description="in bytes")
    sha256: str | None = Field(
        None, pattern=SHA256, description="of the whole file; compared when it is closed"
    )


class PartHeader(BaseModel):
    """Where a part begins."""

    offset: int = Field(ge=0, le=uploads.LARGEST, alias=OFFSET, description="in bytes")


class Failure(BaseModel):
    """Why a file could not be read."""

    code: str
    message: Words


class FileState(BaseModel):
    """How far a file is."""

    ref: str
    kind: str
    filename: str
    standing: str = Field(
        description="receiving, waiting, reading, stopped, done, failed or dropped"
    )
    size: int
    received: int = Field(description="bytes that are there: where the next part begins")
    largest_part: int = Field(description="bytes that a part may have")
    sha256: str | None
    expires_at: datetime | None = Field(description="when it is forgotten unless it goes on")
    read: float = Field(description="share of the file that was read, 0 to 1")
    rows: int = Field(description="that have their verdict")
    verdicts: dict[str, int] = Field(description="rows by verdict")
    rows_per_second: float
    seconds_left: float | None
    problem: Failure | None


class RowProblem(BaseModel):
    """What is wrong with a row."""

    column: str
    code: str
    message: Words


class RowVerdict(BaseModel):
    """What became of a row."""

    line: int = Field(description="of the file; of rows that were sent, their place from 1 on")
    verdict: str = Field(description="accepted, duplicate, quarantined or refused")
    ref: str | None = Field(description="of the record or matter that it led to, or says again")
    problems: list[RowProblem]


class VerdictsAfter(BaseModel):
    """Which verdicts are wanted."""

    after: int = Field(0, ge=0, le=2**31 - 1, description="`next` of the page before")
    limit: int = Field(200, ge=1, le=MOST_ROWS)


class VerdictPage(BaseModel):
    """Some verdicts, by line."""

    items: list[RowVerdict]
    next: int | None = Field(description="what to ask for as `after`; none at the end")


class RowsSent(Sent):
    """Penalties, each by the headings or codes of the national format."""

    records: list[dict[str, Cell]] = Field(min_length=1, max_length=MOST_ROWS)


class RowsTaken(BaseModel):
    """What became of rows that were sent."""

    ref: str = Field(description="under which their verdicts can be read again")
    verdicts: dict[str, int]
    unknown_columns: list[str] = Field(description="that nothing was read from")
    items: list[RowVerdict]


@resources.post("/imports", responses={201: FileState, **PROBLEMS})
@needs("records:push")
@once
def begin(body: FileToCome, header: Key) -> Response:
    """Begin a file that is sent in parts; notices take steps, so they need cases:write as well."""
    if body.kind == NOTICES:
        protector.acquire_token(["records:push cases:write"])
    name, token = clean_name(body.filename) or "file", token_of_request()
    upload = uploads.begin(current_account(), body.kind, name, body.size, body.sha256, token)
    return answer(upload, HTTPStatus.CREATED)


@resources.patch("/imports/<ref:ref>", request_body=PART, responses={200: FileState, **PROBLEMS})
@needs("records:push")
def put(path: ImportPath, header: PartHeader) -> Response:
    """Send a part of a file; a part that is there already changes nothing."""
    if request.mimetype != PART_TYPE:
        message = gettext("Send a part of a file as %(kind)s.", kind=PART_TYPE)
        raise Wrong(Mistake(field="Content-Type", message=message), status=415)
    upload = uploads.put(path.ref, current_account(), header.offset, request.get_data())
    return answer(upload)


@resources.get("/imports/<ref:ref>", responses={200: FileState, **PROBLEMS})
@needs("records:push")
def show_import(path: ImportPath) -> Response:
    """Show how much of a file is there, and how far it has been read."""
    return answer(uploads.find(path.ref, current_account()))


@resources.post("/imports/<ref:ref>/close", responses={202: FileState, **PROBLEMS})
@needs("records:push")
@once
def close(path: ImportPath, header: Key) -> Response:
    """Have a file read that has come in whole."""
    return answer(uploads.close(path.ref, current_account()), HTTPStatus.ACCEPTED)


@resources.post("/imports/<ref:ref>/drop", responses={200: FileState, **PROBLEMS})
@needs("records:push")
@once
def drop(path: ImportPath, header: Key) -> Response:
    """Give up a file that is not closed, or was stopped; its parts are deleted."""
    uploads.give_up(path.ref, current_account())
    return answer(uploads.find(path.ref, current_account()))


@resources.post("/imports/<ref:ref>/resume", responses={202: FileState, **PROBLEMS})
@needs("records:push")
@once
def resume(path: ImportPath, header: Key) -> Response:
    """Have a file read again whose reading was stopped; rows with a verdict stay as they are."""
    return answer(uploads.resume(path.ref, current_account()), HTTPStatus.ACCEPTED)


@resources.get("/imports/<ref:ref>/verdicts", responses={200: VerdictPage, **PROBLEMS})
@needs("records:push")
def list_verdicts(path: ImportPath, query: VerdictsAfter) -> Response:
    """List what became of the rows of a file, or of rows that were sent, by line."""
    batch = imports.find_batch(path.ref, current_account())
    if batch is None:
        raise NotVisible(path.ref)
    if query.after:
        there = imports.list_rows(batch.id, query.after - 1, 1)
        expect_place(query.after, there[0][0].line if there else None)
    rows = imports.list_rows(batch.id, query.after, query.limit)
    is_last = len(rows) < query.limit
    page = VerdictPage(
        items=[verdict_of(one) for one in rows], next=None if is_last else rows[-1][0].line
    )
    return send(page)


@resources.post("/records", responses={200: RowsTaken, **PROBLEMS})
@needs("records:push")
@once
def push(body: RowsSent, header: Key) -> Response:
    """Push up to 1,000 penalties, each with its verdict at once."""
    user = current_account()
    done = imports.bring_in_rows_sent(body.records, user, token_of_request())
    return send(taken_of(done, user, MOST_ROWS))


def taken_of(done: imports.Summary, user: User, most: int) -> RowsTaken:
    """Return what became of rows that were sent, with up to so many verdicts."""
    batch = imports.find_batch(done.ref, user)
    rows = imports.list_rows(batch.id, 0, most) if batch else []
    return RowsTaken(
        ref=done.ref,
        verdicts=done.counts,
        unknown_columns=[*done.unknown_columns],
        items=[verdict_of(one) for one in rows],
    )


def answer(upload: RecordUpload, status: int = HTTPStatus.OK) -> Response:
    """Return how an upload stands, with where the next part begins."""
    given = send(state_of(upload), status)
    given.headers[OFFSET] = str(upload.received)
    return given


def state_of(upload: RecordUpload) -> FileState:
    """Return how far a file is."""
    progress = uploads.progress_of(upload)
    left = progress.seconds_left if upload.state == UploadStanding.READING else None
    receives = upload.standing == UploadStanding.RECEIVING
    return FileState(
        ref=upload.ref,
        kind=upload.kind,
        filename=upload.filename,
        standing=upload.state,
        size=upload.size,
        received=upload.received,
        largest_part=uploads.PART,
        sha256=upload.sha256,
        expires_at=upload.touched_at + uploads.KEPT if receives else None,
        read=round(progress.share, 4),
        rows=progress.judged,
        verdicts=progress.counts,
        rows_per_second=round(progress.speed, 1),
        seconds_left=None if left is None else round(left, 1),
        problem=Failure(
            code=upload.problem,
            message=Words(zh=upload.problem_zh or "", en=upload.problem_en or ""),
        )
        if upload.problem
        else None,
    )


def verdict_of(rows: list[ImportRow]) -> RowVerdict:
    """Return what became of a row; it has an entry for each of its problems."""
    first = rows[0]
    return RowVerdict(
        line=first.line,
        verdict=first.verdict,
        ref=first.ref,
        problems=[
            RowProblem(
                column=one.column,
                code=one.code,
                message=Words(zh=one.message_zh, en=one.message_en),
            )
            for one in rows
            if one.code
        ],
    )


def show_misplaced(error: uploads.Misplaced) -> Response:
    """Answer where a part should begin."""
    wrong = Mistake(
        field=OFFSET,
        message=gettext("The next part begins at byte %(place)s.", place=error.expected),
    )
    given = show(HTTPStatus.CONFLICT, "misplaced", errors=[wrong])
    given.headers[OFFSET] = str(error.expected)
    return given


resources.register_error_handler(uploads.Misplaced, show_misplaced)
for kind, refusal in (
    (uploads.NotReceiving, (HTTPStatus.CONFLICT, "not_receiving")),
    (uploads.NotStopped, (HTTPStatus.CONFLICT, "not_stopped")),
    (uploads.Differs, (HTTPStatus.CONFLICT, "differs")),
    (uploads.TooMuch, (HTTPStatus.REQUEST_ENTITY_TOO_LARGE, "too_much")),
):
    resources.register_error_handler(kind, lambda _, refusal=refusal: show(*refusal))
