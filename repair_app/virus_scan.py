"""Asking a virus scanner (ClamAV's clamd) over its socket, where the settings name one.

The site works without: files are judged by their content, kept apart and handed out as files. With
one, a file is kept only after the scanner said that it found nothing; while it does not answer,
files are refused, and everything else goes on.
"""

import socket
import struct
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Final

TIMEOUT: Final = 10  # seconds, for each answer
PIECE: Final = 2**16  # bytes sent at a time
LONGEST: Final = 4096  # bytes of an answer that are read
CLEAN: Final = "OK"
FOUND: Final = "FOUND"


class ScannerAway(Exception):
    """The scanner does not answer, or not as one does."""


def find_virus(address: str, content: bytes) -> str:
    """Return the name of what a scanner finds in a file; empty for nothing. Raises ScannerAway."""
    try:
        with connected(address) as line:
            line.sendall(b"zINSTREAM\0")
            for start in range(0, len(content), PIECE):
                piece = content[start : start + PIECE]
                line.sendall(struct.pack(">I", len(piece)) + piece)
            line.sendall(struct.pack(">I", 0))
            answer = read_answer(line)
    except OSError as error:
        raise ScannerAway(address) from error
    words = answer.removeprefix("stream: ")
    if words == CLEAN:
        return ""
    name, _, verdict = words.rpartition(" ")
    if verdict != FOUND:  # too large for its settings, or no scanner at all
        raise ScannerAway(address)
    return name


@contextmanager
def connected(address: str) -> Iterator[socket.socket]:
    """Give a connection to a scanner. Raises OSError."""
    kind, _, place = address.partition(":")
    if kind == "unix":
        line = socket.socket(socket.AF_UNIX)
        line.settimeout(TIMEOUT)
        with line:
            line.connect(place)
            yield line
        return
    host, _, port = place.rpartition(":")
    with socket.create_connection((host.strip("[]"), int(port)), TIMEOUT) as line:
        yield line


def read_answer(line: socket.socket) -> str:
    """Return what a scanner says, up to the zero byte that ends it. Raises OSError."""
    said = b""
    while not said.endswith(b"\0") and len(said) < LONGEST:
        piece = line.recv(LONGEST)
        if not piece:
            break
        said += piece
    return said.rstrip(b"\0").decode("utf-8", "replace").strip()
