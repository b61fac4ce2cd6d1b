"""Files that come in parts and are read by a job: begun, gone on with, closed, read, forgotten.

A part says where it begins. What is there already is taken again without a change; what does not
follow upon it is refused with what is expected, so that an upload that was interrupted goes on
where it stopped (as draft-ietf-httpbis-resumable-upload has it). The bytes lie beside the evidence
until the file is read, or for a week after the last part.
"""

import hashlib
import io
import json
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any, Final

from obstore.exceptions import NotFoundError
from sqlalchemy import and_, delete, or_, select
from sqlalchemy.orm import Session

from repair_app import jobs, refs
from repair_app.access import organisations_as
from repair_app.db import at, db, now, today
from repair_app.engine import telling
from repair_app.engine.step import Answers, NotAllowed
from repair_app.models import (
    ImportBatch,
    RecordUpload,
    Role,
    UploadPart,
    UploadStanding,
    User,
)
from repair_app.models.imports import STOPPED
from repair_app.penalty_format import FileProblem
from repair_app.services import cases, evidence
from repair_app.services.cases import NotVisible
from repair_app.services.imports.files import bring_in_rows, new_batch, seats_of
from repair_app.services.imports.formats import FORMATS
from repair_app.services.imports.notices import bring_in_notices
from repair_app.services.imports.verdicts import PREFIX, count_verdicts
from repair_app.services.transaction import sweep, transaction

LARGEST: Final = 1 << 30  # bytes of a file
PART: Final = 16 << 20  # bytes of a part at the most
MOST_OPEN: Final = 5  # uploads of one provider that are not read yet
QUOTA: Final = 4 << 30  # bytes of them
KEPT: Final = timedelta(days=7)  # after the last part
JOB: Final = "import_upload"
OPEN: Final = (UploadStanding.RECEIVING, UploadStanding.WAITING, UploadStanding.READING)


class TooMuch(Exception):
    """A file is larger than may be, or a provider has begun as much as may wait at a time."""


class Misplaced(Exception):
    """A part does not follow upon what is there; `expected` is where the next one begins."""

    def __init__(self, expected: int) -> None:
        super().__init__(f"expected at {expected}")
        self.expected = expected


class NotReceiving(Exception):
    """The file is closed, or was given up: no part of it is taken any more."""


class NotStopped(Exception):
    """The file is being read, or has ended: there is nothing to take up again."""


class Differs(Exception):
    """The file is not what was announced, by its hash; it is given up."""


@dataclass(frozen=True)
class Progress:
    """How far a file is."""

    counts: dict[str, int]
    judged: int  # rows
    seconds: float  # since the reading began, to its end or to now
    share: float  # of the bytes that were read, 0 to 1

    @property
    def speed(self) -> float:
        """Return the rows in a second; 0 before there are any."""
        return self.judged / self.seconds if self.seconds > 0 else 0.0

    @property
    def seconds_left(self) -> float | None:
        """Return how long the rest may take, as the part before; None while nothing tells."""
        if not 0 < self.share < 1:
            return 0.0 if self.share >= 1 else None
        return self.seconds * (1 - self.share) / self.share


# --- parts ----------------------------------------------------------------------------------------


def begin(
    user: User, kind: str, filename: str, size: int, sha256: str | None, token: str = ""
) -> RecordUpload:
    """Return a new upload, or the one that was begun by the same request.

    sha256: of the whole, if it is known. token: of the request; none makes each a new one. Raises
    NotAllowed, TooMuch, TokenBorrowed.
    """
    seats = seats_of(user)
    provider_id = min(seats) if seats else 0
    if not 0 < size <= LARGEST:
        raise TooMuch
    purpose = f"upload {json.dumps([kind, filename, size, sha256])}"
    sent = cases.Submission(answers=Answers(), token=token, purpose=purpose)
    with transaction() as session:
        # Whoever begins a file waits here: two of the same request are not both the first.
        list(refs.new_refs(session, PREFIX, today(), 0))
        if earlier := cases.find_earlier(session, user, sent):
            return get(session, earlier, user)
        waiting = session.scalars(
            select(RecordUpload)
            .where(RecordUpload.provider_id == provider_id, RecordUpload.ended_at.is_(None))
            .with_for_update()
        ).all()
        if len(waiting) >= MOST_OPEN or size + sum(one.size for one in waiting) > QUOTA:
            raise TooMuch
        upload = RecordUpload(
            ref=refs.new_ref(session, PREFIX, today()),
            account_id=user.id,
            provider_id=provider_id,
            kind=kind,
            filename=filename[:200],
            size=size,
            sha256=sha256,
            received=0,
            read=0,
            standing=UploadStanding.RECEIVING,
            begun_at=now(),
            touched_at=now(),
        )
        session.add(upload)
        cases.remember(session, user, sent, upload.ref)
        session.flush()
        return upload


def find(ref: str, user: User) -> RecordUpload:
    """Return an upload of a person's office. Raises NotVisible."""
    return get(db.session(), ref, user)


def find_own(ref: str, user: User) -> RecordUpload | None:
    """Return an upload of a person's office, if there is one of this reference."""
    try:
        return find(ref, user)
    except NotVisible:
        return None


def find_begun(ref: str, user: User, size: int, kind: str) -> RecordUpload | None:
    """Return an upload that can be gone on with under a reference, if it is of size and kind."""
    try:
        found = get_to_act(db.session(), ref, user)
    except NotVisible:
        return None
    fits = (found.size, found.kind) == (size, kind)
    return found if fits and found.standing == UploadStanding.RECEIVING else None


def get(session: Session, ref: str, user: User, *, lock: bool = False) -> RecordUpload:
    """Return an upload of a person's office, locked or not. Raises NotVisible."""
    own = organisations_as(user, Role.PROVIDER)
    query = select(RecordUpload).where(RecordUpload.ref == ref, RecordUpload.provider_id.in_(own))
    if lock:
        query = query.with_for_update().execution_options(populate_existing=True)
    found = session.scalar(query)
    if found is None:
        raise NotVisible(ref)
    return found


def get_to_act(session: Session, ref: str, user: User, *, lock: bool = False) -> RecordUpload:
    """Return an upload that a person may add to, or have read. Raises NotVisible.

    Steps are taken in the name of who began a file of them: nobody else has a hand in it.
    """
    found = get(session, ref, user, lock=lock)
    if FORMATS[found.kind].bring_in is None and found.account_id != user.id:
        raise NotVisible(ref)
    return found


def put(ref: str, user: User, start: int, content: bytes) -> RecordUpload:
    """Take a part and return the upload; one that is there already changes nothing.

    The bytes are written before the row that counts them. Raises NotVisible, NotReceiving, TooMuch
    for a part that is larger than PART or goes beyond the announced size, and Misplaced.
    """
    digest = hashlib.sha256(content).hexdigest()
    upload = get_to_act(db.session(), ref, user)
    check_part(upload, start, content)
    if start == upload.received and content:
        evidence.store().put(place_of(ref, start, digest), content)
    with transaction() as session:
        upload = get_to_act(session, ref, user, lock=True)
        check_part(upload, start, content)
        if start < upload.received:
            same = select(UploadPart.id).where(
                UploadPart.upload_id == upload.id,
                UploadPart.start == start,
                UploadPart.sha256 == digest,
            )
            if session.scalar(same) is None:
                raise Misplaced(upload.received)
        elif content:
            session.add(
                UploadPart(upload_id=upload.id, start=start, size=len(content), sha256=digest)
            )
            upload.received += len(content)
            upload.touched_at = now()
        session.flush()
        return upload


def check_part(upload: RecordUpload, start: int, content: bytes) -> None:
    """Raise NotReceiving, TooMuch or Misplaced for a part that cannot be taken."""
    if upload.standing != UploadStanding.RECEIVING:
        raise NotReceiving
    if len(content) > PART or start + len(content) > upload.size:
        raise TooMuch
    if start > upload.received:
        raise Misplaced(upload.received)


def place_of(ref: str, start: int, sha256: str) -> str:
    """Return where a part lies: apart from the evidence, for it does not stay."""
    return f"incoming/{ref}/{start:012d}-{sha256}"


def close(ref: str, user: User) -> RecordUpload:
    """Have a file read that has come in whole; closed again, nothing happens.

    Raises NotVisible, NotReceiving, Misplaced when something is missing, and Differs when it is
    not what was announced: then it is given up.
    """
    found = get_to_act(db.session(), ref, user)
    digest = digest_of(found) if found.received == found.size else None
    with transaction() as session:
        upload = get_to_act(session, ref, user, lock=True)
        if upload.standing in {UploadStanding.WAITING, UploadStanding.READING, UploadStanding.DONE}:
            return upload
        if upload.standing != UploadStanding.RECEIVING:
            raise NotReceiving
        if digest is None or upload.received < upload.size:
            raise Misplaced(upload.received)
        differs = upload.sha256 is not None and upload.sha256 != digest
        if not differs:
            upload.sha256, upload.standing = digest, UploadStanding.WAITING
            upload.touched_at = now()
            session.flush()
            jobs.enqueue(session, JOB, key_of(upload), number=upload.id)
            return upload
    drop(found.id)
    raise Differs


def digest_of(upload: RecordUpload) -> str:
    """Return the SHA-256 of all parts together."""
    digest = hashlib.sha256()
    stream = open_parts(upload)
    while piece := stream.read(PART):
        digest.update(piece)
    return digest.hexdigest()


def give_up(ref: str, user: User) -> None:
    """Give up a file that is not read yet, or no more. Raises NotVisible, NotReceiving."""
    upload = find(ref, user)
    if not is_idle(upload):
        raise NotReceiving
    drop(upload.id)


def is_idle(upload: RecordUpload) -> bool:
    """Say whether nothing is being done with a file: it is not all there, or was stopped."""
    return upload.state in {UploadStanding.RECEIVING, STOPPED}


def drop(number: int) -> bool:
    """End an upload that nobody reads, and delete its parts; say whether there was one."""
    with transaction() as session:
        upload = session.get(RecordUpload, number, with_for_update=True, populate_existing=True)
        if upload is None or not is_idle(upload):
            return False
        upload.standing, upload.ended_at = UploadStanding.DROPPED, now()
        session.flush()
    delete_parts(number)
    return True


def delete_parts(number: int) -> None:
    """Delete the parts of an upload that has ended; what is not there any more is no matter."""
    upload = db.session.get_one(RecordUpload, number)
    store = evidence.store()
    for page in store.list(prefix=f"incoming/{upload.ref}/"):
        for one in page:
            try:
                store.delete(one["path"])
            except (NotFoundError, FileNotFoundError):
                continue
    with transaction() as session:
        session.execute(delete(UploadPart).where(UploadPart.upload_id == number))


def forget_uploads(moment: datetime) -> int:
    """Give up what nobody went on with for a week; return how many.

    Parts of what has ended are deleted too: whoever ended it may have been killed before.
    """
    with at(moment):
        left = select(RecordUpload.id).where(
            RecordUpload.ended_at.is_not(None), RecordUpload.parts.any()
        )
        for number in db.session.scalars(left).all():
            delete_parts(number)
        since = now() - KEPT
        old = select(RecordUpload.id).where(
            RecordUpload.ended_at.is_(None),
            or_(
                and_(
                    RecordUpload.standing == UploadStanding.RECEIVING,
                    RecordUpload.touched_at <= since,
                ),
                RecordUpload.stopped_at <= since,
            ),
        )
        return sweep(db.session.scalars(old).all(), drop)


# --- taking up again ------------------------------------------------------------------------------


def key_of(upload: RecordUpload) -> str:
    """Return the key of the job that reads a file: each time it is taken up it is another."""
    return f"{upload.ref}.{upload.resumed}" if upload.resumed else upload.ref


def stop_given_up(moment: datetime) -> int:
    """Note which files no job will read any more, and tell who sent them; return how many."""
    with at(moment):
        query = select(RecordUpload).where(
            RecordUpload.ended_at.is_(None),
            RecordUpload.stopped_at.is_(None),
            RecordUpload.standing.in_((UploadStanding.WAITING, UploadStanding.READING)),
        )
        numbers = {key_of(one): one.id for one in db.session.scalars(query)}
        given_up = jobs.find_given_up(db.engine, JOB, numbers.keys())
        return sweep(sorted(given_up), lambda key: stop(numbers[key], key))


def stop(number: int, key: str) -> bool:
    """Note that a file is not read any more, if its job is still that one; tell who sent it."""
    with transaction() as session:
        upload = session.get_one(RecordUpload, number, with_for_update=True, populate_existing=True)
        if upload.ended_at or upload.stopped_at or key_of(upload) != key:
            return False
        upload.stopped_at = now()
        session.flush()
        telling.tell_of_upload(session, upload, f"upload:{key}", at=now())
        return True


def resume(ref: str, user: User) -> RecordUpload:
    """Have a file read again that was stopped: rows that have their verdict are left as they are.

    Raises NotVisible, NotStopped.
    """
    with transaction() as session:
        upload = get_to_act(session, ref, user, lock=True)
        if upload.stopped_at is None or upload.ended_at is not None:
            raise NotStopped
        upload.stopped_at = None
        upload.resumed += 1
        session.flush()
        jobs.enqueue(session, JOB, key_of(upload), number=upload.id)
        return upload


# --- reading --------------------------------------------------------------------------------------


class Parts(io.RawIOBase):
    """The parts of a file as one stream; one part is in memory at a time."""

    def __init__(self, ref: str, parts: Sequence[tuple[int, int, str]]) -> None:
        self.ref, self.parts = ref, parts
        self.store = evidence.store()  # here: it may be read in a thread of its own
        self.place = 0
        self.loaded: tuple[int, bytes] = (0, b"")

    def readable(self) -> bool:
        return True

    def seekable(self) -> bool:
        return True

    def seek(self, offset: int, whence: int = io.SEEK_SET) -> int:
        if whence != io.SEEK_SET:
            raise io.UnsupportedOperation("only from the beginning")
        self.place = offset
        return offset

    def tell(self) -> int:
        return self.place

    def readinto(self, buffer: Any) -> int:
        start, content = self.loaded
        if not start <= self.place < start + len(content):
            found = next((one for one in self.parts if one[0] <= self.place < sum(one[:2])), None)
            if found is None:
                return 0
            start, content = self.loaded = (found[0], self.load(found))
        piece = content[self.place - start : self.place - start + len(buffer)]
        buffer[: len(piece)] = piece
        self.place += len(piece)
        return len(piece)

    def load(self, part: tuple[int, int, str]) -> bytes:
        """Return the bytes of a part. Raises ValueError when they are not what was stored."""
        start, _, sha256 = part
        content = bytes(self.store.get(place_of(self.ref, start, sha256)).bytes())
        if hashlib.sha256(content).hexdigest() != sha256:
            raise ValueError(f"a part of {self.ref} is damaged")
        return content


def open_parts(upload: RecordUpload) -> io.BufferedReader:
    """Return what has come of a file, as a stream."""
    parts = [(one.start, one.size, one.sha256) for one in upload.parts]
    return io.BufferedReader(Parts(upload.ref, parts), 1 << 18)


def read_upload(number: int) -> None:
    """Read a file that has come in: the job. Begun again, it goes on with the rows not judged."""
    upload = db.session.get(RecordUpload, number)
    if upload is None:
        return
    if upload.standing not in {UploadStanding.WAITING, UploadStanding.READING}:
        if upload.ended_at:
            delete_parts(number)  # who read it was killed before that
        return
    user, ref, form = upload.account, upload.ref, FORMATS[upload.kind]
    stream = open_parts(upload)
    try:
        seats = seats_of(user)
        reading = form.read(stream, today())
        with transaction() as session:
            upload = session.get_one(RecordUpload, number, with_for_update=True)
            if upload.batch is None:
                upload.batch = new_batch(
                    ref,
                    reading,
                    sha256=upload.sha256 or "",
                    filename=upload.filename,
                    provider_id=upload.provider_id,
                    started_by_id=user.id,
                    kind=upload.kind,
                )
            upload.standing = UploadStanding.READING
            session.flush()
            batch_id = upload.batch.id

        def tell(session: Session, place: int) -> None:
            session.get_one(RecordUpload, number).read = place
            session.flush()

        if form.bring_in is None:
            bring_in_notices(batch_id, reading, user, tell)
        else:
            bring_in_rows(batch_id, reading, seats, tell, form.bring_in)
    except FileProblem as problem:
        end(number, UploadStanding.FAILED, (problem.code, problem.zh, problem.en))
    except NotAllowed:
        end(number, UploadStanding.FAILED, LOST_ROLE)
    else:
        end(number, UploadStanding.DONE)
    delete_parts(number)


LOST_ROLE: Final = (
    "lost_role",
    "上传人已不再代表信息提供单位，文件未读取",
    "who sent the file acts for no provider any more: it was not read",
)


def end(number: int, standing: UploadStanding, problem: tuple[str, str, str] | None = None) -> None:
    """Write down how the reading of a file has ended."""
    with transaction() as session:
        upload = session.get_one(RecordUpload, number, with_for_update=True)
        upload.standing, upload.ended_at = standing, now()
        if standing == UploadStanding.DONE:
            upload.read = upload.size
        if problem:
            upload.problem, upload.problem_zh, upload.problem_en = problem
        session.flush()


# --- looking --------------------------------------------------------------------------------------


def list_open(user: User) -> Sequence[RecordUpload]:
    """Return the files of a person's office that are on their way, newest first."""
    own = organisations_as(user, Role.PROVIDER)
    found = select(RecordUpload).where(
        RecordUpload.provider_id.in_(own), RecordUpload.ended_at.is_(None)
    )
    return db.session.scalars(found.order_by(RecordUpload.id.desc())).all()


def progress_of(upload: RecordUpload) -> Progress:
    """Return how far a file is."""
    batch: ImportBatch | None = upload.batch
    counts = count_verdicts(batch.id) if batch else {}
    until = (batch.finished_at if batch else None) or upload.ended_at or now()
    return Progress(
        counts=counts,
        judged=sum(counts.values()),
        seconds=(until - batch.started_at).total_seconds() if batch else 0.0,
        share=upload.read / upload.size,
    )
