"""Sending mail by SMTP: the settings, a connection, one message at a time; no database."""

from __future__ import annotations

import ipaddress
import smtplib
import ssl
from collections.abc import Iterator
from contextlib import contextmanager
from email.errors import HeaderParseError
from email.headerregistry import Address
from email.message import EmailMessage
from email.policy import SMTP
from typing import Final, NamedTuple
from urllib.parse import parse_qs, unquote, urlsplit

TIMEOUT: Final = 20  # seconds, for each answer of the server
PORTS: Final = {"smtp": 587, "smtps": 465}
NO_ADDRESS: Final = (ValueError, IndexError, HeaderParseError)  # what reading one may raise
PERMANENT: Final = 500  # and above: the server will not take this mail at any time


class BadAddress(ValueError):
    """The address of the mail server cannot be used; says why, and no secret."""


class Server(NamedTuple):
    """A mail server, and who we are to it."""

    host: str
    port: int
    user: str
    password: str
    tls: bool  # from the first byte
    starttls: bool  # asked for, and insisted upon
    sender: str

    def __repr__(self) -> str:
        """Name the server, not the password."""
        return f"Server({self.host}:{self.port})"


class NotSent(Exception):
    """A mail was not sent; `problem` says why without an address, `final` that it never will be."""

    def __init__(self, problem: str, *, final: bool = False) -> None:
        super().__init__(problem)
        self.problem = problem
        self.final = final


def read_server(url: str, sender: str = "") -> Server | None:
    """Return the server of an address such as `smtp://user:password@host:587?starttls=1`.

    sender: the address that mails come from; without one `redress@` and the host. Nothing for an
    empty address. Raises BadAddress, also where a password would go over the net unencrypted and
    nobody wrote `starttls=0` to say that it shall.
    """
    if not url:
        return None
    try:
        parts = urlsplit(url)
        host, port = parts.hostname, parts.port or PORTS.get(parts.scheme)
    except ValueError:
        raise BadAddress("REDRESS_SMTP_URL has a port that is none") from None
    if host is None or port is None:
        raise BadAddress("REDRESS_SMTP_URL is to look like smtp://user:password@host:587")
    try:
        sent_by = Address(addr_spec=sender or f"redress@{host}").addr_spec
    except NO_ADDRESS:
        raise BadAddress("REDRESS_SMTP_SENDER is no address") from None
    starttls = parse_qs(parts.query).get("starttls", [""])[-1]
    is_open = parts.scheme != "smtps" and starttls != "1"
    if parts.username and is_open and starttls != "0" and not is_loopback(host):
        raise BadAddress(
            "REDRESS_SMTP_URL has an account and no encryption: add ?starttls=1, or use smtps://, "
            "or write ?starttls=0 to have the password sent as it is"
        )
    return Server(
        host=host,
        port=port,
        user=unquote(parts.username or ""),
        password=unquote(parts.password or ""),
        tls=parts.scheme == "smtps",
        starttls=starttls == "1",
        sender=sent_by,
    )


def is_loopback(host: str) -> bool:
    """Say whether a host is this machine, so that nothing goes over the net."""
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return host == "localhost"


@contextmanager
def connected(server: Server) -> Iterator[smtplib.SMTP]:
    """Give a connection on which mails can be sent. Raises NotSent where there is none to be had.

    Where STARTTLS is asked for, a server that has none is not spoken to.
    """
    try:
        line = open_line(server)
    except (OSError, smtplib.SMTPException) as reason:  # one that names no account and no secret
        raise NotSent(problem_of(reason)) from None
    try:
        yield line
    finally:
        try:
            line.quit()
        except (OSError, smtplib.SMTPException):
            line.close()


def open_line(server: Server) -> smtplib.SMTP:
    """Return a connection, encrypted and signed in as the settings want it."""
    context = ssl.create_default_context()
    if server.tls:
        line: smtplib.SMTP = smtplib.SMTP_SSL(
            server.host, server.port, timeout=TIMEOUT, context=context
        )
    else:
        line = smtplib.SMTP(server.host, server.port, timeout=TIMEOUT)
    try:
        if server.starttls:
            line.starttls(context=context)
        if server.user:
            line.login(server.user, server.password)
    except BaseException:
        line.close()
        raise
    return line


def compose(
    server: Server, to: str, subject: str, plain: str, html: str, *, name: str, language: str
) -> EmailMessage:
    """Return a mail in plain text and HTML.

    name: what makes it one; sent again it bears the same Message-ID. Raises NotSent for an address
    that is none: no line break gets into a header.
    """
    mail = EmailMessage(policy=SMTP)
    try:
        mail["From"] = Address(addr_spec=server.sender)
        mail["To"] = Address(addr_spec=to)
        mail["Subject"] = literal(subject)
    except NO_ADDRESS:
        raise NotSent("the address of the account is none", final=True) from None
    mail["Message-ID"] = f"<{name}@{server.sender.rpartition('@')[2]}>"
    mail["Auto-Submitted"] = "auto-generated"
    mail.set_content(plain)
    mail.add_alternative(html, subtype="html")
    mail["Content-Language"] = language
    if any(set(str(value)) & set("\r\n") for value in mail.values()):
        raise NotSent("a header of the mail would be two", final=True)
    return mail


def literal(text: str) -> str:
    """Return a text for a header in which nothing is taken for a code, and no line breaks.

    Python before 3.11.10 and 3.12.5 decodes what looks like an encoded word and writes the line
    breaks in it as they are, so that a header of one's own could follow (CVE-2024-6923).
    """
    return " ".join(text.replace("=?", "= ?").split())


def send(line: smtplib.SMTP, mail: EmailMessage) -> None:
    """Send a mail. Raises NotSent."""
    try:
        line.send_message(mail)
    except (OSError, smtplib.SMTPException, ValueError) as reason:
        raise NotSent(problem_of(reason), final=is_final(reason)) from None


def problem_of(reason: Exception) -> str:
    """Return why a mail was not sent: a kind and a code, never what the server wrote."""
    code = code_of(reason)
    return f"{type(reason).__name__} {code}" if code else type(reason).__name__


def is_final(reason: Exception) -> bool:
    """Say whether the server will never take this mail."""
    return isinstance(reason, smtplib.SMTPRecipientsRefused) and code_of(reason) >= PERMANENT


def code_of(reason: Exception) -> int:
    """Return the code that a server answered with; 0 where it gave none."""
    if isinstance(reason, smtplib.SMTPRecipientsRefused):
        return max((code for code, _ in reason.recipients.values()), default=0)
    return reason.smtp_code if isinstance(reason, smtplib.SMTPResponseException) else 0
