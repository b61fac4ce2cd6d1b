"""Asking servers of others over HTTP: only where we may, for a bounded time, a bounded answer.

An address of a platform is typed by a person, and its name is looked up anew with each connection:
it must lead out of our network, or into a part of it that the settings name, at the moment of
connecting (server-side request forgery, and names that change their mind). Redirects are answers
like others, and nobody's proxy is used.
"""

import ipaddress
import re
import socket
import ssl
import time
from collections.abc import Iterable, Mapping, Sequence
from functools import cache
from types import TracebackType
from typing import Any, Final, NamedTuple, Self
from urllib.parse import urlsplit

import httpcore

TIMEOUT: Final = 15.0  # seconds for one question, from connecting to the end of the answer
LARGEST: Final = 64 * 1024  # bytes of an answer that are read
PORTS: Final = {"http": 80, "https": 443}
SIGNS: Final = re.compile(r"[\x21-\x7e]+")  # of an address: no blanks, which some would leave out
HOST: Final = re.compile(r"[a-z0-9._-]+|[0-9a-f:.]+")

Network = ipaddress.IPv4Network | ipaddress.IPv6Network
Address = ipaddress.IPv4Address | ipaddress.IPv6Address

# IPv4-compatible and mapped addresses (RFC 4291, 2.5.5), and those of NAT64 (RFC 6052, 2.1).
LAST_32_BITS: Final = tuple(map(ipaddress.IPv6Network, ("::/96", "::ffff:0:0/96", "64:ff9b::/96")))
NOT_OUTSIDE: Final = (ipaddress.IPv6Network("64:ff9b:1::/48"),)  # NAT64 of one's own (RFC 8215)


class NotAllowed(Exception):
    """An address that must not be asked; says why, in a code."""


class NotReached(Exception):
    """No answer came; says why, in a code: nothing that the other side wrote."""


class Reply(NamedTuple):
    """What was answered. body: None for one that is larger than LARGEST."""

    status: int
    headers: Mapping[str, str]
    body: bytes | None


def read_networks(text: str) -> tuple[Network, ...]:
    """Return the networks named in a setting, such as `127.0.0.0/8, 10.20.0.0/16`.

    Raises ValueError.
    """
    return tuple(ipaddress.ip_network(one.strip()) for one in text.split(",") if one.strip())


def check_url(url: str, inside: Sequence[Network]) -> None:
    """Raise NotAllowed for an address that can be no platform's, before anybody is asked.

    inside: networks of our own that may be asked, also without encryption.
    """
    try:
        parts = urlsplit(url)
        host, port = parts.hostname, parts.port
    except ValueError:
        raise NotAllowed("no_url") from None
    if parts.scheme not in PORTS or not host or port == 0:
        raise NotAllowed("no_url")
    if not (SIGNS.fullmatch(url) and HOST.fullmatch(host)):
        raise NotAllowed("no_url")
    if parts.username or parts.password or parts.fragment:
        raise NotAllowed("no_url")
    if parts.scheme == "http" and not is_inside(host, inside):
        raise NotAllowed("not_encrypted")
    if not may_lead_outside(host) and not is_inside(host, inside):
        raise NotAllowed("not_outside")


def may_lead_outside(host: str) -> bool:
    """Say whether a host is a name, or an address out in the internet.

    Where a name leads, only connecting can tell.
    """
    try:
        return may_ask(ipaddress.ip_address(host), ())
    except ValueError:
        return host != "localhost"


def is_inside(host: str, inside: Sequence[Network]) -> bool:
    """Say whether a host is an address in one of the networks that the settings name."""
    try:
        address = ipaddress.ip_address(host)
    except ValueError:
        return host == "localhost" and is_inside("127.0.0.1", inside)
    return any(address in one for one in inside)


class Line:
    """A line to one server: connections are kept; one question at a time."""

    def __init__(self, inside: Sequence[Network] = (), timeout: float = TIMEOUT) -> None:
        self.inside, self.timeout = inside, timeout
        self.deadline = 0.0
        self.pool = httpcore.ConnectionPool(
            ssl_context=own_context(), network_backend=Backend(self), max_connections=1
        )

    def __enter__(self) -> Self:
        """Nothing is opened before the first question."""
        return self

    def __exit__(
        self, kind: type[BaseException] | None, value: object, trace: TracebackType | None
    ) -> None:
        """Close the connections."""
        self.pool.close()

    def ask(self, method: str, url: str, headers: Mapping[str, str], body: bytes = b"") -> Reply:
        """Return the answer to a question. Raises NotAllowed, NotReached."""
        check_url(url, self.inside)
        self.deadline = time.monotonic() + self.timeout
        limits = dict.fromkeys(("connect", "read", "write", "pool"), self.timeout)
        own = {"Host": urlsplit(url).netloc, "Accept": "application/json"}
        length = {"Content-Length": str(len(body))} if body else {}
        told = [*{**own, **length, **headers}.items()]
        try:
            with self.pool.stream(
                method, url, headers=told, content=body or None, extensions={"timeout": limits}
            ) as answer:
                found = {
                    name.decode("latin-1").lower(): value.decode("latin-1")
                    for name, value in answer.headers
                }
                return Reply(answer.status, found, read_bounded(answer.iter_stream()))
        except NotAllowed:
            raise
        except httpcore.TimeoutException:
            raise NotReached("timeout") from None
        except (httpcore.NetworkError, OSError):
            raise NotReached("no_connection") from None
        except (httpcore.ProtocolError, httpcore.UnsupportedProtocol, ValueError):
            raise NotReached("no_http") from None


@cache
def own_context() -> ssl.SSLContext:
    """Return by whose certificates servers are known: the machine's, or SSL_CERT_FILE's."""
    return ssl.create_default_context()


def read_bounded(parts: Iterable[bytes]) -> bytes | None:
    """Return an answer, or None once it is larger than LARGEST."""
    read = bytearray()
    for part in parts:
        read += part
        if len(read) > LARGEST:
            return None
    return bytes(read)


class Backend(httpcore.NetworkBackend):
    """Connects only where a line may lead, and lets nothing last beyond its deadline."""

    def __init__(self, line: Line) -> None:
        self.line, self.plain = line, httpcore.SyncBackend()

    def connect_tcp(
        self,
        host: str,
        port: int,
        timeout: float | None = None,
        local_address: str | None = None,
        socket_options: Iterable[Any] | None = None,
    ) -> httpcore.NetworkStream:
        """Connect to an address of a host that may be asked. Raises NotAllowed."""
        found = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)
        addresses = [ipaddress.ip_address(one[4][0]) for one in found]
        if not addresses or not all(may_ask(one, self.line.inside) for one in addresses):
            raise NotAllowed("not_outside")
        for number, one in enumerate(addresses, start=1):
            try:
                stream = self.plain.connect_tcp(
                    str(one), port, self.left(timeout), local_address, socket_options
                )
            except httpcore.ConnectError:
                if number == len(addresses):
                    raise
            else:
                return Stream(stream, self)
        raise httpcore.ConnectError

    def left(self, timeout: float | None) -> float:
        """Return the seconds that are left. Raises httpcore.ReadTimeout for none."""
        left = self.line.deadline - time.monotonic()
        if left <= 0:
            raise httpcore.ReadTimeout
        return left if timeout is None else min(left, timeout)


def may_ask(address: Address, inside: Sequence[Network]) -> bool:
    """Say whether an address lies outside our network, or where the settings allow it.

    One that leads on to an IPv4 address is judged by that as well: behind it a gateway of ours may
    stand.
    """
    both = (address, embedded_in(address))
    if any(one in network for one in both for network in inside):
        return True
    return all(is_outside(one) for one in both)


def is_outside(address: Address) -> bool:
    """Say whether an address belongs to one machine out in the internet."""
    is_site_local = isinstance(address, ipaddress.IPv6Address) and address.is_site_local
    return (
        address.is_global
        and not address.is_multicast
        and not is_site_local
        and not any(address in one for one in NOT_OUTSIDE)
    )


def embedded_in(address: Address) -> Address:
    """Return the IPv4 address that an IPv6 address leads to (mapped, compatible, NAT64, 6to4).

    Any other address itself.
    """
    if isinstance(address, ipaddress.IPv4Address):
        return address
    if any(address in one for one in LAST_32_BITS):
        return ipaddress.IPv4Address(address.packed[-4:])
    return address.sixtofour or address


class Stream(httpcore.NetworkStream):
    """A connection that ends with the deadline of its line."""

    def __init__(self, stream: httpcore.NetworkStream, backend: Backend) -> None:
        self.stream, self.backend = stream, backend

    def read(self, max_bytes: int, timeout: float | None = None) -> bytes:
        """Read some bytes."""
        return self.stream.read(max_bytes, self.backend.left(timeout))

    def write(self, buffer: bytes, timeout: float | None = None) -> None:
        """Write all bytes."""
        self.stream.write(buffer, self.backend.left(timeout))

    def close(self) -> None:
        """Close the connection."""
        self.stream.close()

    def start_tls(
        self,
        ssl_context: ssl.SSLContext,
        server_hostname: str | None = None,
        timeout: float | None = None,
    ) -> httpcore.NetworkStream:
        """Go on encrypted, with whom the certificate names."""
        left = self.backend.left(timeout)
        return Stream(self.stream.start_tls(ssl_context, server_hostname, left), self.backend)

    def get_extra_info(self, info: str) -> Any:
        """Return what is known of the connection."""
        return self.stream.get_extra_info(info)
