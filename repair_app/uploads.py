"""Uploaded files: which kinds are evidence, and whether a file is what its name says."""

import hashlib
import io
import struct
import zipfile
from dataclasses import dataclass
from pathlib import PurePosixPath
from typing import Final

import puremagic

# What a civil servant can open and what runs no code. OFD is the national fixed-layout format.
MEDIA_TYPES: Final = {
    ".pdf": "application/pdf",
    ".png": "image/png",
    ".jpg": "image/jpeg",
    ".jpeg": "image/jpeg",
    ".ofd": "application/ofd",
}
NAME_LENGTH: Final = 150
MAX_MB: Final = 10  # of one file
# What zipfile raises over a directory that is broken, or of a zip version it does not know.
UNREADABLE_ZIP: Final = (
    zipfile.BadZipFile,
    NotImplementedError,
    OSError,
    ValueError,
    struct.error,
)


class WrongType(Exception):
    """The file is not of an allowed kind, or not what its name says."""


@dataclass(frozen=True)
class Upload:
    """A checked file: its kind follows from its content and agrees with its name."""

    filename: str
    media_type: str
    content: bytes

    @property
    def sha256(self) -> str:
        """Return the hash under which the bytes are stored."""
        return hashlib.sha256(self.content).hexdigest()


def check_upload(filename: str, content: bytes) -> Upload:
    """Return a file as evidence. Raises WrongType when content and name do not agree."""
    name = clean_name(filename)
    suffix = PurePosixPath(name).suffix.lower()
    media_type = MEDIA_TYPES.get(suffix)
    if media_type is None or sniff(content) != media_type:
        raise WrongType(name)
    return Upload(name, media_type, content)


def clean_name(filename: str) -> str:
    """Return the last part of a file name without characters that deceive or break a header."""
    last = filename.replace("\\", "/").rpartition("/")[2]
    shown = "".join(letter for letter in last if letter.isprintable()).strip(" .")
    stem, suffix = PurePosixPath(shown).stem, PurePosixPath(shown).suffix
    return f"{stem[:NAME_LENGTH]}{suffix[:10]}"


def sniff(content: bytes) -> str | None:
    """Return the media type that the content itself shows, of those allowed."""
    if content.startswith(b"%PDF-") and b"%%EOF" in content[-2048:]:
        return "application/pdf"
    if content.startswith(b"PK\x03\x04"):
        return "application/ofd" if is_ofd(content) else None
    try:
        found = puremagic.from_string(content, mime=True)
    except (puremagic.PureError, ValueError):
        return None
    return found if found in {"image/png", "image/jpeg"} else None


def is_ofd(content: bytes) -> bool:
    """Say whether a zip is an OFD document: only its directory is read."""
    try:
        with zipfile.ZipFile(io.BytesIO(content)) as archive:
            return "OFD.xml" in archive.namelist()
    except UNREADABLE_ZIP:
        return False
