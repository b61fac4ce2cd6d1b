"""A body that does not come to its end stops a process of the server, but not for good.

Granian reads a body with all of Python standing still, and knows no deadline for it
(https://github.com/emmett-framework/granian/issues/728): nothing in the process could give up
waiting. So the system's own alarm ends the process, and Granian begins another in its place; who
waited there has to ask again. This is the last resort of a server without a proxy: one that takes
requests in whole before it asks (deploy/nginx.conf) lets none of this happen.
"""

from __future__ import annotations

import signal
import time
from collections.abc import Iterator
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from _typeshed.wsgi import InputStream, StartResponse, WSGIApplication, WSGIEnvironment


class Bounded:
    """Bounds the seconds in which the body of a request is read, where Granian serves."""

    def __init__(self, inner: WSGIApplication, seconds: float) -> None:
        self.inner = inner
        self.seconds = seconds

    def __call__(self, environ: WSGIEnvironment, start: StartResponse) -> object:
        """Answer a request."""
        if environ.get("SERVER_SOFTWARE") == "Granian":
            environ["wsgi.input"] = BoundedBody(environ["wsgi.input"], self.seconds)
        return self.inner(environ, start)


class BoundedBody:
    """A body, to be read within so many seconds in all; after that the process ends."""

    def __init__(self, body: InputStream, seconds: float) -> None:
        self.body = body
        self.left = seconds

    def read(self, size: int = -1, /) -> bytes:
        with self:
            return self.body.read(size) if size >= 0 else self.body.read()

    def readline(self, _size: int = -1, /) -> bytes:
        with self:
            return self.body.readline()

    def readlines(self, _hint: int = -1, /) -> list[bytes]:
        return list(self)

    def __iter__(self) -> Iterator[bytes]:
        return iter(self.readline, b"")

    def __enter__(self) -> None:
        """Set the alarm. Nobody hears it (no handler), so it ends the process."""
        self.begun = time.monotonic()
        signal.setitimer(signal.ITIMER_REAL, max(self.left, 0.001))  # 0 would set none

    def __exit__(self, *_: object) -> None:
        """Call the alarm off, and count what was used."""
        signal.setitimer(signal.ITIMER_REAL, 0)
        self.left -= time.monotonic() - self.begun
