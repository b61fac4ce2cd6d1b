"""A real SMTP server on a free port of this machine, for the length of a test."""

import asyncio
import ssl
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from email import message_from_bytes, policy
from email.message import EmailMessage
from typing import Any

from aiosmtpd.smtp import SMTP, AuthResult

USER = "redress"
PASSWORD = "p:ss@w/rd 1"


@dataclass
class Postbox:
    """What was handed over, and what the server answers."""

    mails: list[EmailMessage] = field(default_factory=list)
    recipients: list[list[str]] = field(default_factory=list)
    refusals: list[str] = field(default_factory=list)  # answers to the next recipients
    signed_in: int = 0
    port: int = 0
    on_mail: Any = None  # called with each mail that was taken

    async def handle_RCPT(self, _server, _session, envelope, address, _options):  # noqa: N802
        if self.refusals:
            return self.refusals.pop(0)
        envelope.rcpt_tos.append(address)
        return "250 OK"

    async def handle_DATA(self, _server, _session, envelope):  # noqa: N802
        mail = message_from_bytes(envelope.content, policy=policy.default)
        self.mails.append(mail)
        self.recipients.append(list(envelope.rcpt_tos))
        return "250 OK"

    def check(self, _server, _session, _envelope, _mechanism, data):
        """Take one account only."""
        good = (data.login, data.password) == (USER.encode(), PASSWORD.encode())
        self.signed_in += good
        return AuthResult(success=good)


@contextmanager
def running_server(
    *, auth: bool = False, tls: ssl.SSLContext | None = None, from_the_start: bool = False
) -> Iterator[Postbox]:
    """Run a server in a thread; give its postbox.

    tls: offered by STARTTLS, or spoken from the start.
    """
    box = Postbox()
    loop = asyncio.new_event_loop()

    lines: list[SMTP] = []

    def make() -> SMTP:
        line = SMTP(
            box,
            hostname="localhost",
            loop=loop,
            auth_require_tls=False,
            authenticator=box.check if auth else None,
            tls_context=None if from_the_start else tls,
        )
        lines.append(line)
        return line

    ready = threading.Event()

    def serve() -> None:  # in this thread from beginning to end: another's may have a loop, too
        server = loop.run_until_complete(
            loop.create_server(make, "127.0.0.1", 0, ssl=tls if from_the_start else None)
        )
        box.port = server.sockets[0].getsockname()[1]
        loop.call_soon(ready.set)
        loop.run_forever()
        server.close()
        for line in lines:
            if line.transport is not None:
                line.transport.abort()
        for task in asyncio.all_tasks(loop):
            task.cancel()
        loop.run_until_complete(asyncio.sleep(0.01))
        loop.close()

    thread = threading.Thread(target=serve)
    thread.start()
    ready.wait(10)
    try:
        yield box
    finally:
        loop.call_soon_threadsafe(loop.stop)
        thread.join()
