"""Photographs as telephones take them, made by hand: with where, when and which way up."""

import struct
import zlib

from repair_app.demo.papers import crc, draw_png

# One grey point: tables of quantisation and of codes, what picture it is, its points.
TABLES = bytes.fromhex(f"ffdb 0043 00 {'01' * 64}")
FRAME = bytes.fromhex("ffc0 000b 08 0001 0001 01 01 11 00")
POINTS = bytes.fromhex(
    f"ffc4 0014 00 01 {'00' * 16} ffc4 0014 10 01 {'00' * 16} ffda 0008 01 01 00 00 3f 00 3f"
)
PLACE = b"N 36 40 12.5 E 117 01 03.2"  # what nobody is to read
JFIF = b"\xff\xe0" + struct.pack(">H", 16) + b"JFIF\x00" + bytes(9)


def segment(marker: int, content: bytes) -> bytes:
    """Return a part of a JPEG."""
    return bytes((0xFF, marker)) + struct.pack(">H", len(content) + 2) + content


def make_exif(turned: int = 6, order: str = ">") -> bytes:
    """Return an Exif part: which way up, and a place."""
    first = struct.pack(f"{order}HHIHH", 0x0112, 3, 1, turned, 0)
    second = struct.pack(f"{order}HHII", 0x010E, 2, len(PLACE), 38)
    mark = b"MM\x00*" if order == ">" else b"II*\x00"
    tiff = mark + struct.pack(f"{order}IH", 8, 2) + first + second + bytes(4) + PLACE
    return segment(0xE1, b"Exif\x00\x00" + tiff)


def make_photograph(*parts: bytes, behind: bytes = b"", frame: bytes = FRAME) -> bytes:
    """Return a JPEG with these parts in it, and something behind its end."""
    return b"\xff\xd8" + JFIF + b"".join(parts) + TABLES + frame + POINTS + b"\xff\xd9" + behind


def make_png(*chunks: tuple[bytes, bytes], size: tuple[int, int] | None = None) -> bytes:
    """Return a PNG with further chunks before its end; size: what its head says."""
    png = draw_png("x")
    further = b"".join(
        struct.pack(">I", len(content)) + name + content + crc(name + content)
        for name, content in chunks
    )
    png = png[:-12] + further + png[-12:]
    if size:
        head = b"IHDR" + struct.pack(">II", *size) + png[24:29]
        png = png[:12] + head + struct.pack(">I", zlib.crc32(head)) + png[33:]
    return png
