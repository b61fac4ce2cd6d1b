"""A proxy for the demonstration: deals requests out to the web nodes in turn.

A request is taken in whole, within a deadline, before a node is asked: a node's process reads one
body at a time, so a few that never end would stop all of them. A connection carries one request.
A node that does not answer is passed over; a connection whose node dies ends, and the browser's
next one goes to another node. A request is never sent twice: whether it may be is for the form's
token to say. It encrypts nothing and counts no connections of one address. Real machines have
nginx or Caddy here (deploy/nginx.conf).

    python -m deploy.cluster.proxy 127.0.0.1:8000 127.0.0.2:8000 127.0.0.3:8000
"""

from __future__ import annotations

import argparse
import asyncio
import itertools
import re
import signal
import time
from asyncio import IncompleteReadError, LimitOverrunError, StreamReader, StreamWriter
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass
from tempfile import SpooledTemporaryFile

from config import MEGABYTE, Config

CONNECTING = 2  # seconds that a node gets to answer
SENDING = 60  # seconds in which a browser takes a piece of the answer, or is given up
LINGERING = 1  # second in which one who was refused may read why
PIECE = 65536  # bytes
MOST_OF_HEAD = 65536  # bytes
MOST_OF_BODY = Config.MAX_CONTENT_LENGTH
IN_MEMORY = MEGABYTE  # of a body; a longer one waits in a temporary file
FIELD = re.compile(rb"[!#$%&'*+.^_`|~0-9A-Za-z-]+:[^\r\n\0]*")
CHUNK = re.compile(rb"([0-9A-Fa-f]{1,8})[ \t]*(;[^\r\n]*)?\r\n")
OURS = {b"connection", b"keep-alive", b"proxy-connection", b"upgrade", b"expect", b"te"}
LENGTHS = {b"content-length", b"transfer-encoding"}
CAME = b"x-request-start"  # when a request had come in whole: a node refuses what has waited long
Place = tuple[str, int]
Body = SpooledTemporaryFile[bytes]


class Refused(Exception):
    """What was sent is not passed on; its text is the status line's end."""


@dataclass
class Proxy:
    """Deals requests out."""

    nodes: Sequence[Place]
    head_seconds: float = 10  # in which the head of a request has to be there
    body_seconds: float = 60  # in which its body has to follow

    def __post_init__(self) -> None:
        self.turn = itertools.count()

    async def serve(self, reader: StreamReader, writer: StreamWriter) -> None:
        """Take in a request, have a node answer it, and hang up."""
        try:
            with SpooledTemporaryFile(IN_MEMORY) as body:
                head = await self.take_in(reader, writer, body)
                node = await self.reach()
                if node is None:
                    raise Refused("503 Service Unavailable\r\nRetry-After: 5")
                await exchange(head, body, *node, writer)
        except Refused as reason:
            await refuse(str(reason), reader, writer)
        except (IncompleteReadError, OSError, TimeoutError):
            pass  # the browser has gone
        finally:
            writer.close()

    async def take_in(self, reader: StreamReader, writer: StreamWriter, body: Body) -> bytes:
        """Return the head of a request as a node shall see it, with its body in the file.

        Raises Refused, and IncompleteReadError when the browser hangs up before the end.
        """
        try:
            async with asyncio.timeout(self.head_seconds):
                first, *lines = (await reader.readuntil(b"\r\n\r\n"))[:-4].split(b"\r\n")
            fields = read_fields(lines)
            async with asyncio.timeout(self.body_seconds):
                if any(name == b"expect" for name, _ in fields):
                    writer.write(b"HTTP/1.1 100 Continue\r\n\r\n")
                size = await take_body(fields, reader, body)
        except TimeoutError as error:
            raise Refused("408 Request Timeout") from error
        except LimitOverrunError as error:
            raise Refused("431 Request Header Fields Too Large") from error
        kept = [
            name + b": " + value for name, value in fields if name not in OURS | LENGTHS | {CAME}
        ]
        kept.append(CAME + b": t=%.3f" % time.time())
        if size is not None:
            kept.append(b"content-length: %d" % size)
        return b"\r\n".join([first, *kept, b"connection: close", b"", b""])

    async def reach(self) -> tuple[StreamReader, StreamWriter] | None:
        """Connect to the next node that answers."""
        first = next(self.turn)
        for step in range(len(self.nodes)):
            host, port = self.nodes[(first + step) % len(self.nodes)]
            with suppress(OSError, TimeoutError):
                return await asyncio.wait_for(asyncio.open_connection(host, port), CONNECTING)
        return None


def read_fields(lines: Sequence[bytes]) -> list[tuple[bytes, bytes]]:
    """Return the fields of a head, names in small letters. Raises Refused where one is none."""
    if not all(map(FIELD.fullmatch, lines)):
        raise Refused("400 Bad Request")
    split = (line.split(b":", 1) for line in lines)
    return [(name.lower(), value.strip()) for name, value in split]


async def take_body(
    fields: Sequence[tuple[bytes, bytes]], reader: StreamReader, body: Body
) -> int | None:
    """Put the body of a request into the file; return its bytes, None where it has none.

    Raises Refused where it is too long, or where two readers could differ on its length.
    """
    lengths = [value for name, value in fields if name == b"content-length"]
    codings = [value.lower() for name, value in fields if name == b"transfer-encoding"]
    if codings:
        if lengths or codings != [b"chunked"]:
            raise Refused("400 Bad Request")
        return await take_chunks(reader, body)
    if not lengths:
        return None
    if len(lengths) > 1 or not re.fullmatch(rb"[0-9]{1,18}", lengths[0]):
        raise Refused("400 Bad Request")
    return await take_bytes(int(lengths[0]), reader, body)


async def take_chunks(reader: StreamReader, body: Body) -> int:
    """Put a body that comes in chunks into the file; return its bytes. Raises Refused."""
    while chunk := CHUNK.fullmatch(await reader.readuntil(b"\r\n")):
        size = int(chunk[1], 16)
        if not size:
            while await reader.readuntil(b"\r\n") != b"\r\n":
                pass  # fields after the body: nobody here reads them
            return body.tell()
        await take_bytes(size, reader, body)
        if await reader.readexactly(2) != b"\r\n":
            break
    raise Refused("400 Bad Request")


async def take_bytes(size: int, reader: StreamReader, body: Body) -> int:
    """Put so many bytes into the file; return how many it holds. Raises Refused."""
    if body.tell() + size > MOST_OF_BODY:
        raise Refused("413 Content Too Large")
    while size:
        piece = await reader.read(min(size, PIECE))
        if not piece:
            raise IncompleteReadError(b"", size)
        body.write(piece)
        size -= len(piece)
    return body.tell()


async def exchange(
    head: bytes, body: Body, node: StreamReader, to_node: StreamWriter, writer: StreamWriter
) -> None:
    """Hand a request to a node, and its answer to the browser until the node hangs up."""
    sending = asyncio.create_task(hand_over(head, body, to_node))
    try:
        while piece := await node.read(PIECE):
            writer.write(piece)
            await asyncio.wait_for(writer.drain(), SENDING)
    finally:
        sending.cancel()
        to_node.close()


async def hand_over(head: bytes, body: Body, to_node: StreamWriter) -> None:
    """Send a request that was taken in; a node may answer before it has read all."""
    with suppress(OSError):
        to_node.write(head)
        body.seek(0)
        while piece := body.read(PIECE):
            to_node.write(piece)
            await to_node.drain()


async def refuse(status: str, reader: StreamReader, writer: StreamWriter) -> None:
    """Answer with a status, and read a moment longer: or the answer might be lost on the way."""
    writer.write(f"HTTP/1.1 {status}\r\nContent-Length: 0\r\nConnection: close\r\n\r\n".encode())
    with suppress(OSError, TimeoutError):
        async with asyncio.timeout(LINGERING):
            writer.write_eof()
            while await reader.read(PIECE):
                pass


async def run(own: Place, proxy: Proxy) -> None:
    """Serve until told to stop."""
    stop = asyncio.Event()
    for number in (signal.SIGINT, signal.SIGTERM):
        asyncio.get_running_loop().add_signal_handler(number, stop.set)
    server = await asyncio.start_server(proxy.serve, *own, limit=MOST_OF_HEAD)
    await stop.wait()
    server.close()


def place(text: str) -> Place:
    """Read an address and a port."""
    host, _, port = text.rpartition(":")
    return host, int(port)


def main() -> None:
    """Read the command line and serve."""
    parser = argparse.ArgumentParser(prog="deploy.cluster.proxy")
    parser.add_argument("own", type=place, help="where to listen")
    parser.add_argument("nodes", type=place, nargs="+", help="where the nodes are")
    for part in ("head", "body"):
        name, default = f"{part}_seconds", getattr(Proxy, f"{part}_seconds")
        option = f"--{part}-seconds"
        parser.add_argument(option, dest=name, type=float, default=default, metavar="SECONDS")
    chosen = parser.parse_args()
    proxy = Proxy(chosen.nodes, chosen.head_seconds, chosen.body_seconds)
    asyncio.run(run(chosen.own, proxy))


if __name__ == "__main__":
    main()
