"""Uploaded files: which kinds are evidence, whether a file is what its name says, and whole.

Of a picture only the picture is kept (`pictures.py`); an archive is looked at by its directory
before anything of it is unpacked (`archives.py`).
"""

import hashlib
import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import PurePosixPath
from typing import Final

import puremagic

from repair_app import archives, pictures

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
PDF_HEAD: Final = re.compile(rb"%PDF-\d\.\d")
PDF_OBJECT: Final = re.compile(rb"\d\s+\d+\s+obj\b")  # one digit: more would be tried from each on
PDF_LIST: Final = b"startxref"  # the last one says where in a PDF its objects are listed
PDF_TAIL: Final = re.compile(rb"startxref\s+(\d{1,10})\s+(?:%[^\r\n]*\s+)?%%EOF")
MOST_POINTS: Final = 100_000_000  # of a picture: A3 at 600 points an inch has 70 million


class WrongType(Exception):
    """The file is not of an allowed kind, or not what its name says."""


class Unreadable(WrongType):
    """The file is of an allowed kind, but cut off or damaged: nobody could open it."""


class Unsafe(WrongType):
    """The file is of an allowed kind, and made to do harm to whoever opens it."""


class TooManyPoints(WrongType):
    """The picture would fill the memory of whoever opens it."""


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
    """Return a file as evidence.

    Raises WrongType when content and name do not agree, Unreadable when it cannot be opened,
    Unsafe or TooManyPoints when it should not be.
    """
    name = clean_name(filename)
    suffix = PurePosixPath(name).suffix.lower()
    media_type = MEDIA_TYPES.get(suffix)
    try:
        fits = media_type is not None and sniff(content) == media_type
    except archives.Unsafe as error:
        raise Unsafe(name) from error
    if media_type is None or not fits:
        raise WrongType(name)
    is_whole = IS_WHOLE.get(media_type)
    if is_whole and not is_whole(content):
        raise Unreadable(name)
    if media_type.startswith("image/"):
        content = check_picture(name, content)
    return Upload(name, media_type, content)


def check_picture(name: str, content: bytes) -> bytes:
    """Return a picture without what it tells besides. Raises Unreadable or TooManyPoints."""
    width, height = pictures.measure(content)
    if not width or not height:
        raise Unreadable(name)
    if width * height > MOST_POINTS:
        raise TooManyPoints(name)
    return pictures.strip(content)


def clean_name(filename: str) -> str:
    """Return the last part of a file name without characters that deceive or break a header."""
    last = filename.replace("\\", "/").rpartition("/")[2]
    shown = "".join(letter for letter in last if letter.isprintable()).strip(" .")
    stem, suffix = PurePosixPath(shown).stem, PurePosixPath(shown).suffix
    return f"{stem[:NAME_LENGTH]}{suffix[:10]}"


def sniff(content: bytes) -> str | None:
    """Return the media type that the beginning of the content shows, of those allowed.

    Raises archives.Unsafe for an archive that nobody should open to find out.
    """
    if content.startswith(b"%PDF-"):
        return "application/pdf"
    if content.startswith(b"PK\x03\x04"):
        return "application/ofd" if is_ofd(content) else None
    try:
        found = puremagic.from_string(content, mime=True)
    except (puremagic.PureError, ValueError):
        return None
    return found if found in {"image/png", "image/jpeg"} else None


def is_ofd(content: bytes) -> bool:
    """Say whether a zip is an OFD document: only its directory is read. Raises archives.Unsafe."""
    try:
        return "OFD.xml" in {part.filename for part in archives.list_parts(content)}
    except archives.Damaged:
        return False


def is_whole_pdf(content: bytes) -> bool:
    """Say whether a PDF has objects, and says at its end where within it they are listed."""
    tail = PDF_TAIL.match(content, max(content.rfind(PDF_LIST), 0))
    return (
        PDF_HEAD.match(content) is not None
        and tail is not None
        and int(tail[1]) < len(content)
        and PDF_OBJECT.search(content) is not None
    )


# An OFD is known by the directory at its end: one that is cut off is not taken for an OFD at all.
IS_WHOLE: Final[Mapping[str, Callable[[bytes], bool]]] = {
    "application/pdf": is_whole_pdf,
    "image/png": pictures.is_whole_png,
    "image/jpeg": pictures.is_whole_jpeg,
}
