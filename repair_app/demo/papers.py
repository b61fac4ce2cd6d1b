"""Papers of the demonstration: small PDF and PNG files that open, and say they are examples."""

import hashlib
import struct
import zlib
from collections.abc import Iterable, Iterator
from typing import Final

from repair_app.uploads import Upload, check_upload

WIDTH, HEIGHT = 480, 300
INK: Final = ((255, 255, 255), (38, 84, 142), (208, 213, 221), (112, 119, 130))
# The objects of a PDF but the last, the page's content. The typeface is the viewer's own Song.
PAGE: Final = """
/Type /Catalog /Pages 2 0 R

/Type /Pages /Kids [3 0 R] /Count 1

/Type /Page /Parent 2 0 R /MediaBox [0 0 595 842] /Contents 7 0 R
/Resources << /Font << /F1 4 0 R >> >>

/Type /Font /Subtype /Type0 /BaseFont /STSong-Light /Encoding /UniGB-UCS2-H
/DescendantFonts [5 0 R]

/Type /Font /Subtype /CIDFontType0 /BaseFont /STSong-Light /FontDescriptor 6 0 R
/CIDSystemInfo << /Registry (Adobe) /Ordering (GB1) /Supplement 2 >> /DW 1000

/Type /FontDescriptor /FontName /STSong-Light /Flags 6 /FontBBox [-25 -254 1000 880]
/ItalicAngle 0 /Ascent 880 /Descent -120 /CapHeight 880 /StemV 93
"""


def make_paper(filename: str, *lines: str) -> Upload:
    """Return a file by the ending of its name: a PDF with the lines, or the picture of a page."""
    stem, _, ending = filename.rpartition(".")
    if ending == "png":
        return check_upload(filename, draw_png("".join((stem, *lines))))
    return check_upload(
        filename, write_pdf((stem, *lines, "本材料为系统演示用示例，内容均属虚构。"))
    )


def write_pdf(lines: Iterable[str]) -> bytes:
    """Return a PDF of one page."""
    shown = " 0 -30 Td ".join(f"<{line.encode('utf-16-be').hex()}> Tj" for line in lines)
    drawing = f"BT /F1 14 Tf 72 760 Td {shown} ET".encode()
    stream = b"<< /Length %d >>\nstream\n%b\nendstream" % (len(drawing), drawing)
    objects = [f"<< {one.strip()} >>".encode() for one in PAGE.split("\n\n")]
    return b"".join(number_objects([*objects, stream]))


def number_objects(objects: Iterable[bytes]) -> Iterator[bytes]:
    """Yield the parts of a PDF: header, objects, the table of where each begins, trailer."""
    place = len(header := b"%PDF-1.4\n")
    yield header
    table = [b"0000000000 65535 f \n"]
    for number, content in enumerate(objects, 1):
        table.append(b"%010d 00000 n \n" % place)
        part = b"%d 0 obj\n%b\nendobj\n" % (number, content)
        place += len(part)
        yield part
    yield b"xref\n0 %d\n%b" % (len(table), b"".join(table))
    yield b"trailer\n<< /Size %d /Root 1 0 R >>\nstartxref\n%d\n%%%%EOF\n" % (len(table), place)


def draw_png(text: str) -> bytes:
    """Return the picture of a web page with grey lines for words, other lines for another text."""
    lengths = [150 + 5 * (byte % 50) for byte in hashlib.sha256(text.encode()).digest()]
    rows = b"".join(b"\x00" + draw_row(y, lengths) for y in range(HEIGHT))
    header = struct.pack(">IIBBBBB", WIDTH, HEIGHT, 8, 3, 0, 0, 0)
    palette = bytes(value for colour in INK for value in colour)
    chunks = ((b"IHDR", header), (b"PLTE", palette), (b"IDAT", zlib.compress(rows)), (b"IEND", b""))
    return b"\x89PNG\r\n\x1a\n" + b"".join(
        struct.pack(">I", len(content)) + name + content + crc(name + content)
        for name, content in chunks
    )


def crc(content: bytes) -> bytes:
    """Return the checksum of a PNG chunk."""
    return struct.pack(">I", zlib.crc32(content))


def draw_row(y: int, lengths: list[int]) -> bytes:
    """Return one row of pixels: the page's head, then a line of words every 20 pixels."""
    head, gap, margin = 40, 20, 30
    if y < head:
        return bytes((1,)) * WIDTH
    if y % gap > gap // 3:
        return bytes(WIDTH)
    long = lengths[y // gap]
    ink = 3 if y < head + 2 * gap else 2
    return bytes(margin) + bytes((ink,)) * long + bytes(WIDTH - margin - long)
