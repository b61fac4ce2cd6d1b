"""Evidence: where its bytes go and how they are read back."""

import hashlib
import os
from datetime import timedelta
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING, Final
from urllib.parse import unquote, urlsplit

from flask import current_app
from obstore.exceptions import AlreadyExistsError, BaseError, NotFoundError
from obstore.store import LocalStore, ObjectStore, from_url
from sqlalchemy import func, select
from sqlalchemy.orm import Session

from config import MEGABYTE, ConfigError
from repair_app import refs
from repair_app.db import db, now, today
from repair_app.engine.step import Reason, Refused
from repair_app.labels import N_
from repair_app.models import Appointment, Case, Document, User
from repair_app.uploads import Upload

if TYPE_CHECKING:
    from obstore.store import RetryConfig

PREFIX: Final = "WJ"
RETRIES: Final["RetryConfig"] = {"max_retries": 3, "retry_timeout": timedelta(seconds=20)}


def keep(
    session: Session, case: Case, user: User, upload: Upload, material: str | None = None
) -> str:
    """Store a file with a case and return its hash; the same bytes are stored once.

    The bytes are written before the row: a failed transaction leaves bytes without a row, which
    nobody can reach, never a row without bytes. material: what the paper is, by the rule pack;
    one scan may be several materials, and has a row for each. Raises Refused where the enterprise
    has handed in as much as it may.
    """
    check_room(session, case, user, len(upload.content))
    write(upload)
    known = select(Document.id).where(Document.case_id == case.id, Document.sha256 == upload.sha256)
    if material is not None:
        known = known.where(Document.material == material)
    if session.scalar(known.limit(1)) is None:
        session.add(
            Document(
                ref=refs.new_ref(session, PREFIX, today()),
                case=case,
                uploaded_by_id=user.id,
                uploaded_at=now(),
                material=material,
                filename=upload.filename,
                media_type=upload.media_type,
                size=len(upload.content),
                sha256=upload.sha256,
            )
        )
        session.flush()
    return upload.sha256


def check_room(session: Session, case: Case, user: User, size: int) -> None:
    """Raise Refused where the people of a case's enterprise have handed in as much as they may.

    What offices hand in is not counted, and not refused. size: of what is to come, in bytes.
    """
    if all(one.organisation_id != case.subject_id for one in user.appointments):
        return
    its_people = select(Appointment.user_id).where(Appointment.organisation_id == case.subject_id)
    handed_in = (
        select(func.coalesce(func.sum(Document.size), 0))
        .join(Document.case)
        .where(Case.subject_id == case.subject_id, Document.uploaded_by_id.in_(its_people))
    )
    most: int = current_app.config["EVIDENCE_QUOTA"]
    if (session.scalar(handed_in) or 0) + size > most:
        raise Refused(
            Reason(
                N_(
                    "Your enterprise has handed in %(size)s MB of files, as much as there is room "
                    "for. Take files out of drafts that you do not need, or bring the papers to "
                    "the credit centre."
                ),
                {"size": most // MEGABYTE},
            )
        )


def store() -> ObjectStore:
    """Return the store of the evidence: of REDRESS_EVIDENCE_URL, or in the data folder."""
    return open_store(place())


def place() -> str:
    """Return the address of the store."""
    own: Path = current_app.config["DATA_FOLDER"] / "evidence"
    return str(current_app.config["EVIDENCE_URL"] or own.as_uri())


def folder_of(url: str) -> Path:
    """Return the folder that a file: address names."""
    return Path(unquote(urlsplit(url).path))


@cache
def open_store(url: str) -> ObjectStore:
    """Return the store of an address, made where it is a folder. Raises ConfigError.

    Keys and place of an S3 server come from AWS_ACCESS_KEY_ID, AWS_SECRET_ACCESS_KEY, AWS_REGION
    and AWS_ENDPOINT_URL, as its own tools read them; AWS_ALLOW_HTTP=true does without encryption.
    No wait is endless.
    """
    if url.startswith("file:"):
        return LocalStore(folder_of(url), mkdir=True)
    try:
        return from_url(
            url,
            client_options={
                "connect_timeout": "3s",
                "timeout": "30s",
                "allow_http": os.environ.get("AWS_ALLOW_HTTP") == "true",
            },
            retry_config=RETRIES,
        )
    except (BaseError, ValueError) as error:
        raise ConfigError(f"REDRESS_EVIDENCE_URL is no place for evidence: {url}") from error


def looks_writable() -> bool:
    """Say whether evidence can be stored, as far as can be told; nothing is written.

    A folder that is not there yet is made with the first file. A server is asked for a file that
    it has not: it must answer, and know us.
    """
    if not place().startswith("file:"):
        try:
            store().head("-")
        except (NotFoundError, FileNotFoundError):
            return True
        except (BaseError, OSError):
            return False
        return True
    folder = folder_of(place())
    return os.access(folder if folder.exists() else folder.parent, os.W_OK | os.X_OK) and (
        folder.is_dir() or not folder.exists()
    )


def path_of(sha256: str) -> str:
    """Return where bytes lie: spread over folders by the first two digits."""
    return f"{sha256[:2]}/{sha256}"


def write(upload: Upload) -> None:
    """Write bytes once; bytes that are there already are the same, by their name."""
    try:
        store().put(path_of(upload.sha256), upload.content, mode="create")
    except AlreadyExistsError:
        return


def throw_away(sha256: str) -> None:
    """Delete the bytes of a hash, which nothing needs any more; gone is gone. Raises BaseError."""
    try:
        store().delete(path_of(sha256))
    except (NotFoundError, FileNotFoundError):
        return


def read(document: Document) -> bytes:
    """Return the bytes of a document. Raises ValueError when they are not what was stored."""
    return read_stored(document.sha256)


def read_stored(sha256: str) -> bytes:
    """Return the bytes of a hash. Raises ValueError when they are not what was stored."""
    content = bytes(store().get(path_of(sha256)).bytes())
    if hashlib.sha256(content).hexdigest() != sha256:
        raise ValueError(f"{sha256} is damaged")
    return content


def find_document(ref: str) -> Document | None:
    """Return the document of a reference; who may see it is its case's question."""
    return db.session.scalar(select(Document).where(Document.ref == ref))
