"""Evidence: where its bytes go and how they are read back."""

import hashlib
from typing import Final

from flask import current_app
from obstore.exceptions import AlreadyExistsError
from obstore.store import LocalStore
from sqlalchemy import select
from sqlalchemy.orm import Session

from repair_app import refs
from repair_app.db import db, now, today
from repair_app.models import Case, Document, User
from repair_app.uploads import Upload

PREFIX: Final = "WJ"


def keep(
    session: Session, case: Case, user: User, upload: Upload, material: str | None = None
) -> str:
    """Store a file with a case and return its hash; the same bytes are stored once.

    The bytes are written before the row: a failed transaction leaves bytes without a row, which
    nobody can reach, never a row without bytes. material: what the paper is, by the rule pack;
    one scan may be several materials, and has a row for each.
    """
    write(upload)
    known = select(Document.id).where(Document.case_id == case.id, Document.sha256 == upload.sha256)
    if material is not None:
        known = known.where(Document.material == material)
    if session.scalar(known.limit(1)) is None:
        case.documents.append(
            Document(
                ref=refs.new_ref(session, PREFIX, today()),
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


def store() -> LocalStore:
    """Return the store of the evidence in the data folder."""
    folder = current_app.config["DATA_FOLDER"] / "evidence"
    return LocalStore(folder, mkdir=True)


def path_of(sha256: str) -> str:
    """Return where bytes lie: spread over folders by the first two digits."""
    return f"{sha256[:2]}/{sha256}"


def write(upload: Upload) -> None:
    """Write bytes once; bytes that are there already are the same, by their name."""
    try:
        store().put(path_of(upload.sha256), upload.content, mode="create")
    except AlreadyExistsError:
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
