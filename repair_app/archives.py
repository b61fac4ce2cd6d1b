"""Zip archives (XLSX, OFD): what their directory gives away before anything of them is unpacked."""

import io
import re
import stat
import struct
import zipfile
from typing import Final

MAX_PARTS: Final = 1000
MAX_UNPACKED: Final = 400 * 2**20  # bytes, all parts together
MAX_RATIO: Final = 100  # unpacked to packed; real documents have 5 to 40
RATIO_COUNTS_FROM: Final = 20 * 2**20  # bytes unpacked; what is smaller does no harm
ENCRYPTED: Final = 0x1
LOCAL_HEADER: Final = struct.Struct("<4s22xHH")
ENTRY: Final = b"PK\x01\x02"  # begins each entry of a directory
NESTED: Final = re.compile(r"\.(?:zip|7z|rar|tar|t?gz|bz2|xz|jar|cab|iso)$", re.IGNORECASE)
LEADS_OUT: Final = re.compile(r"^[/\\]|^[A-Za-z]:|(?:^|[/\\])\.\.(?:[/\\]|$)")
# What zipfile raises over a directory that is broken, or of a zip version it does not know.
UNREADABLE: Final = (
    zipfile.BadZipFile,
    NotImplementedError,
    OSError,
    ValueError,
    struct.error,
)


class Damaged(Exception):
    """The archive has no directory that could be read."""


class Unsafe(Exception):
    """The archive is made to do harm: it swells, its parts overlap, lead out, link, or are many."""


def list_parts(content: bytes) -> list[zipfile.ZipInfo]:
    """Return the directory of an archive that is safe to open. Raises Damaged or Unsafe.

    Nothing is unpacked; the time grows with the size of the file and not with what it says.
    """
    # Python reads the whole directory at once, however long it is: entries are counted before.
    if content.count(ENTRY) > MAX_PARTS:
        raise Unsafe("parts")
    try:
        with zipfile.ZipFile(io.BytesIO(content)) as archive:
            parts = archive.infolist()
    except UNREADABLE as error:
        raise Damaged from error
    unpacked = sum(part.file_size for part in parts)
    if unpacked > MAX_UNPACKED:
        raise Unsafe("size")
    if unpacked > RATIO_COUNTS_FROM and unpacked > len(content) * MAX_RATIO:
        raise Unsafe("ratio")
    if overlap(parts):
        raise Unsafe("overlap")
    if any(NESTED.search(part.filename) for part in parts):
        raise Unsafe("nested")
    if any(LEADS_OUT.search(part.filename) for part in parts):
        raise Unsafe("path")
    if any(stat.S_ISLNK(part.external_attr >> 16) for part in parts):
        raise Unsafe("link")
    return parts


def overlap(parts: list[zipfile.ZipInfo]) -> bool:
    """Say whether two parts share bytes, as in the bombs of CVE-2024-0450."""
    ends = 0
    for part in sorted(parts, key=lambda part: part.header_offset):
        if part.header_offset < ends:
            return True
        ends = part.header_offset + LOCAL_HEADER.size + part.compress_size
    return False


def is_encrypted(parts: list[zipfile.ZipInfo]) -> bool:
    """Say whether a part can be read with a password only."""
    return any(part.flag_bits & ENCRYPTED for part in parts)
