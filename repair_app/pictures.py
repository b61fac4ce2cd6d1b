"""Photographs and scans (PNG, JPEG): whether one is whole, how large, and what it tells besides.

A telephone writes into a picture where and when it was taken, and with what; sometimes a smaller
picture of what was cut away. Nothing but the picture is kept, with its colours and which way up.
"""

import re
import struct
from collections.abc import Iterator
from typing import Final

PNG_HEAD: Final = b"\x89PNG\r\n\x1a\n"
PNG_AROUND: Final = 12  # bytes of a chunk: length, name and checksum
# The picture itself, and how its colours are meant.
PNG_KEPT: Final = frozenset(
    b"IHDR PLTE IDAT IEND tRNS gAMA cHRM sRGB iCCP sBIT bKGD pHYs hIST sPLT cICP".split()
)
JPEG_HEAD, JPEG_END = b"\xff\xd8", b"\xff\xd9"
JPEG_FRAMES: Final = frozenset(range(0xC0, 0xD0)) - {0xC4, 0xC8, 0xCC}  # markers: here is a picture
JPEG_SCAN: Final = 0xDA
JPEG_FILL: Final = re.compile(rb"\xff+")  # bytes before a marker that say nothing
JPEG_MARKER: Final = re.compile(rb"\xff[^\x00\xff\xd0-\xd7]")  # behind points: what comes next
JPEG_ALONE: Final = 0x01  # a marker without a part
# Markers of parts that a picture is made of: its frames and tables, its points, and how they lie.
JPEG_PICTURE: Final = frozenset(range(0xC0, 0xD0)) | frozenset(range(0xDA, 0xE0))
EXIF: Final = 0xE1
APPLICATIONS: Final = range(0xE0, 0xF0)
# Of what programs add: the size of a point, the colours, how they were taken apart.
JPEG_KEPT: Final = {0xE0: b"JFIF\x00", 0xE2: b"ICC_PROFILE\x00", 0xEE: b"Adobe"}
ORIENTATION: Final = 0x0112  # the number of the entry that says which way up
UPRIGHT: Final = 1
TURNED: Final = range(2, 9)
SHORT: Final = 3  # the kind of its value


def measure(content: bytes) -> tuple[int, int]:
    """Return width and height of a picture in points, as it says itself; 0 where it does not."""
    if content.startswith(PNG_HEAD):
        head = content[len(PNG_HEAD) + 8 : len(PNG_HEAD) + 16]
        width, height = (
            struct.unpack(">II", head) if len(head) == struct.calcsize(">II") else (0, 0)
        )
        return width, height
    for marker, start, _end in jpeg_parts(content):
        if marker in JPEG_FRAMES:
            size = content[start + 5 : start + 9]
            height, width = (
                struct.unpack(">HH", size) if len(size) == struct.calcsize(">HH") else (0, 0)
            )
            return width, height
    return 0, 0


def strip(content: bytes) -> bytes:
    """Return a whole picture with nothing but the picture in it; one without more as it is."""
    if content.startswith(PNG_HEAD):
        return strip_png(content)
    return strip_jpeg(content)


# --- PNG ---


def is_whole_png(content: bytes) -> bool:
    """Say whether a PNG has its head, pixels, and its end."""
    names = [name for name, _, _ in png_chunks(content)]
    return names[:1] == [b"IHDR"] and b"IDAT" in names and names[-1] == b"IEND"


def png_chunks(content: bytes) -> Iterator[tuple[bytes, int, int]]:
    """Yield name, start and end of the chunks that are there in full, up to the last one."""
    place = len(PNG_HEAD)
    while place + PNG_AROUND <= len(content):
        length, name = struct.unpack_from(">I4s", content, place)
        start, place = place, place + PNG_AROUND + length
        if place <= len(content):
            yield name, start, place
        if name == b"IEND":
            return


def strip_png(content: bytes) -> bytes:
    """Return a PNG of the chunks that make the picture."""
    kept = [content[start:end] for name, start, end in png_chunks(content) if name in PNG_KEPT]
    return PNG_HEAD + b"".join(kept)


# --- JPEG ---


def is_whole_jpeg(content: bytes) -> bool:
    """Say whether a JPEG says what picture it holds, has its points, and its end behind them."""
    has_frame = False
    for marker, start, _end in jpeg_parts(content):
        if marker == JPEG_SCAN:
            length = int.from_bytes(content[start + 2 : start + 4], "big")
            return has_frame and JPEG_END in content[start + length :]
        has_frame = has_frame or marker in JPEG_FRAMES
    return False


def jpeg_parts(content: bytes) -> Iterator[tuple[int, int, int]]:
    """Yield marker, start and end of each part that is there in full.

    A part with points ends where the next begins.
    """
    place = len(JPEG_HEAD)
    while content[place : place + 1] == b"\xff" and place + 4 <= len(content):
        fill = JPEG_FILL.match(content, place)
        place = fill.end() - 1 if fill else place
        if place + 4 > len(content) or content[place : place + 2] == JPEG_END:
            return
        marker, length = struct.unpack_from(">xBH", content, place)
        if marker == JPEG_ALONE:
            place += 2
            continue
        end = place + 2 + length
        if end > len(content):
            return
        if marker == JPEG_SCAN:
            found = JPEG_MARKER.search(content, end)
            end = found.start() if found else len(content)
        yield marker, place, end
        place = end


def strip_jpeg(content: bytes) -> bytes:
    """Return a JPEG of the parts that make the picture, the right way up."""
    parts = list(jpeg_parts(content))
    kept = [
        content[start:end] for marker, start, end in parts if makes_picture(content, marker, start)
    ]
    turned = find_orientation(content, parts)
    upright = [write_orientation(turned)] if turned in TURNED else []
    # Behind the end there may be a film, or the picture before it was cut.
    return b"".join([JPEG_HEAD, *kept[:1], *upright, *kept[1:], JPEG_END])


def makes_picture(content: bytes, marker: int, start: int) -> bool:
    """Say whether a part is needed to show the picture as it is meant."""
    if marker in APPLICATIONS:
        name = JPEG_KEPT.get(marker)
        return name is not None and content.startswith(name, start + 4)
    return marker in JPEG_PICTURE


def find_orientation(content: bytes, parts: list[tuple[int, int, int]]) -> int:
    """Return which way up a picture is, 1 to 8, as its Exif part says."""
    for marker, start, end in parts:
        exif = content[start + 4 : end]
        if marker == EXIF and exif.startswith(b"Exif\x00\x00"):
            try:
                return read_orientation(exif[6:])
            except struct.error:  # it ends before it said so
                return UPRIGHT
    return UPRIGHT


def read_orientation(tiff: bytes) -> int:
    """Return which way up, from the first list of an Exif part. Raises struct.error."""
    order = {b"II": "<", b"MM": ">"}.get(tiff[:2])
    if order is None:
        return UPRIGHT
    (place,) = struct.unpack_from(f"{order}I", tiff, 4)
    (count,) = struct.unpack_from(f"{order}H", tiff, place)
    for number in range(count):
        tag, kind, _, value = struct.unpack_from(f"{order}HHIH", tiff, place + 2 + 12 * number)
        if tag == ORIENTATION and kind == SHORT:
            return int(value)
    return UPRIGHT


def write_orientation(turned: int) -> bytes:
    """Return an Exif part that says which way up, and nothing else."""
    entry = struct.pack(">HHIHH", ORIENTATION, SHORT, 1, turned, 0)
    exif = b"Exif\x00\x00MM\x00*" + struct.pack(">IH", 8, 1) + entry + bytes(4)
    return b"\xff\xe1" + struct.pack(">H", len(exif) + 2) + exif
