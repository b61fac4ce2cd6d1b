"""A proxy for the demonstration: deals connections out to the web nodes in turn.

It knows nothing of HTTP and encrypts nothing. A node that does not answer is passed over; a
connection whose node dies ends, and the browser's next one goes to another node. A request is
never sent twice: whether it may be is for the form's token to say. Real machines have nginx or
Caddy here (deploy/nginx.conf).

    python -m deploy.cluster.proxy 127.0.0.1:8000 127.0.0.2:8000 127.0.0.3:8000
"""

from __future__ import annotations

import asyncio
import itertools
import signal
import sys
from asyncio import StreamReader, StreamWriter
from collections.abc import Sequence
from contextlib import suppress

CONNECTING = 2  # seconds that a node gets to answer
PIECE = 65536  # bytes
Place = tuple[str, int]


class Proxy:
    """Deals connections out."""

    def __init__(self, nodes: Sequence[Place]) -> None:
        self.nodes = nodes
        self.turn = itertools.count()

    async def serve(self, reader: StreamReader, writer: StreamWriter) -> None:
        """Join a browser with a node until either ends."""
        try:
            node = await self.reach()
            if node is None:
                writer.write(b"HTTP/1.1 503 Service Unavailable\r\nRetry-After: 5\r\n")
                writer.write(b"Content-Length: 0\r\nConnection: close\r\n\r\n")
                return
            await join(reader, writer, *node)
        finally:
            writer.close()

    async def reach(self) -> tuple[StreamReader, StreamWriter] | None:
        """Connect to the next node that answers."""
        first = next(self.turn)
        for step in range(len(self.nodes)):
            host, port = self.nodes[(first + step) % len(self.nodes)]
            with suppress(OSError, TimeoutError):
                return await asyncio.wait_for(asyncio.open_connection(host, port), CONNECTING)
        return None


async def join(
    reader: StreamReader, writer: StreamWriter, node: StreamReader, to_node: StreamWriter
) -> None:
    """Carry bytes both ways until one side ends."""
    ways = [
        asyncio.create_task(carry(reader, to_node)),
        asyncio.create_task(carry(node, writer)),
    ]
    try:
        await asyncio.wait(ways, return_when=asyncio.FIRST_COMPLETED)
        if not ways[1].done():  # the browser has said all: the answer may still come
            await asyncio.wait(ways[1:])
    finally:
        for one in ways:
            one.cancel()
        to_node.close()


async def carry(source: StreamReader, target: StreamWriter) -> None:
    """Carry bytes one way until they end."""
    with suppress(OSError):
        while piece := await source.read(PIECE):
            target.write(piece)
            await target.drain()
        if target.can_write_eof():
            target.write_eof()


async def run(own: Place, nodes: Sequence[Place]) -> None:
    """Serve until told to stop."""
    stop = asyncio.Event()
    for number in (signal.SIGINT, signal.SIGTERM):
        asyncio.get_running_loop().add_signal_handler(number, stop.set)
    server = await asyncio.start_server(Proxy(nodes).serve, *own)
    await stop.wait()
    server.close()


def place(text: str) -> Place:
    """Read an address and a port."""
    host, _, port = text.rpartition(":")
    return host, int(port)


if __name__ == "__main__":
    first, *rest = map(place, sys.argv[1:])
    asyncio.run(run(first, rest))
