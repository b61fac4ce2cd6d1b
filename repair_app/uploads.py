"""Uploaded files: which kinds are evidence, whether a file is what its name says, and whole."""

import hashlib
import io
import re
import struct
import zipfile
from collections.abc import Callable, Iterator, Mapping
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
PDF_HEAD: Final = re.compile(rb"%PDF-\d\.\d")
PDF_OBJECT: Final = re.compile(rb"\d\s+\d+\s+obj\b")  # one digit: more would be tried from each on
PDF_LIST: Final = b"startxref"  # the last one says where in a PDF its objects are listed
PDF_TAIL: Final = re.compile(rb"startxref\s+(\d{1,10})\s+(?:%[^\r\n]*\s+)?%%EOF")
PNG_HEAD: Final = b"\x89PNG\r\n\x1a\n"
JPEG_FRAMES: Final = frozenset(range(0xC0, 0xD0)) - {0xC4, 0xC8, 0xCC}  # markers: here is a picture
JPEG_SCAN, JPEG_END = 0xDA, b"\xff\xd9"
JPEG_FILL: Final = re.compile(rb"\xff+")  # bytes before a marker that say nothing
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


class Unreadable(WrongType):
    """The file is of an allowed kind, but cut off or damaged: nobody could open it."""


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

    Raises WrongType when content and name do not agree, Unreadable when it cannot be opened.
    """
    name = clean_name(filename)
    suffix = PurePosixPath(name).suffix.lower()
    media_type = MEDIA_TYPES.get(suffix)
    if media_type is None or sniff(content) != media_type:
        raise WrongType(name)
    is_whole = IS_WHOLE.get(media_type)
    if is_whole and not is_whole(content):
        raise Unreadable(name)
    return Upload(name, media_type, content)


def clean_name(filename: str) -> str:
    """Return the last part of a file name without characters that deceive or break a header."""
    last = filename.replace("\\", "/").rpartition("/")[2]
    shown = "".join(letter for letter in last if letter.isprintable()).strip(" .")
    stem, suffix = PurePosixPath(shown).stem, PurePosixPath(shown).suffix
    return f"{stem[:NAME_LENGTH]}{suffix[:10]}"


def sniff(content: bytes) -> str | None:
    """Return the media type that the beginning of the content shows, of those allowed."""
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
    """Say whether a zip is an OFD document: only its directory is read."""
    try:
        with zipfile.ZipFile(io.BytesIO(content)) as archive:
            return "OFD.xml" in archive.namelist()
    except UNREADABLE_ZIP:
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


def is_whole_png(content: bytes) -> bool:
    """Say whether a PNG has its head, pixels, and its end."""
    names = list(png_chunks(content))
    return names[:1] == [b"IHDR"] and b"IDAT" in names and names[-1] == b"IEND"


def png_chunks(content: bytes) -> Iterator[bytes]:
    """Yield the names of the chunks that are there in full, up to the last one."""
    place, around = len(PNG_HEAD), 12  # length, name and checksum
    while place + around <= len(content):
        length, name = struct.unpack_from(">I4s", content, place)
        place += around + length
        if place <= len(content):
            yield name
        if name == b"IEND":
            return


def is_whole_jpeg(content: bytes) -> bool:
    """Say whether a JPEG says what picture it holds, has its points, and its end behind them."""
    place, has_frame = 2, False
    while content[place : place + 1] == b"\xff" and place + 4 <= len(content):
        marker, length = struct.unpack_from(">xBH", content, place)
        if marker == JPEG_SCAN:
            return has_frame and JPEG_END in content[place + length :]
        has_frame = has_frame or marker in JPEG_FRAMES
        fill = JPEG_FILL.match(content, place + 1)
        place = fill.end() - 1 if fill else place + 2 + length
    return False


# An OFD is known by the directory at its end: one that is cut off is not taken for an OFD at all.
IS_WHOLE: Final[Mapping[str, Callable[[bytes], bool]]] = {
    "application/pdf": is_whole_pdf,
    "image/png": is_whole_png,
    "image/jpeg": is_whole_jpeg,
}
