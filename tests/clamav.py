"""A server on a free port of this machine that speaks as clamd does, for the length of a test."""

import socketserver
import struct
import threading
from collections.abc import Iterator
from contextlib import contextmanager

VIRUS = b"a made-up virus"


class Conversation(socketserver.StreamRequestHandler):
    """One file: the command, pieces with their lengths, a length of zero, the answer."""

    def handle(self) -> None:
        command = self.rfile.read(len(b"zINSTREAM\0"))
        content = b""
        while size := struct.unpack(">I", self.rfile.read(4))[0]:
            content += self.rfile.read(size)
        self.server.seen.append(content)
        if command != b"zINSTREAM\0":
            self.wfile.write(b"UNKNOWN COMMAND\0")
        elif len(content) > self.server.longest:
            self.wfile.write(b"INSTREAM size limit exceeded. ERROR\0")
        elif VIRUS in content:
            self.wfile.write(b"stream: Made.Up-1 FOUND\0")
        else:
            self.wfile.write(b"stream: OK\0")


class Scanner(socketserver.ThreadingTCPServer):
    """The server; `seen` holds the files that it was sent."""

    daemon_threads = True
    allow_reuse_address = True

    def __init__(self, longest: int) -> None:
        super().__init__(("127.0.0.1", 0), Conversation)
        self.seen: list[bytes] = []
        self.longest = longest

    @property
    def address(self) -> str:
        """Return the address as the settings name it."""
        return f"tcp:127.0.0.1:{self.server_address[1]}"


@contextmanager
def running_scanner(longest: int = 25 * 2**20) -> Iterator[Scanner]:
    """Run a scanner in a thread; longest: bytes that it takes."""
    with Scanner(longest) as scanner:
        thread = threading.Thread(target=scanner.serve_forever, kwargs={"poll_interval": 0.02})
        thread.start()
        try:
            yield scanner
        finally:
            scanner.shutdown()
            thread.join()
