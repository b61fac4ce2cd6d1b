"""A browser on the standard library's HTTP client, and several at once with a stopwatch each."""

from __future__ import annotations

import http.client
import itertools
import math
import re
import secrets
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from statistics import median
from typing import TypeVar
from urllib.parse import urlencode

from repair_app.demo.papers import write_pdf
from tests.factories import PASSWORD

HIDDEN = re.compile(r'name="(csrf_token|form_token|version)"[^>]*\bvalue="([^"]*)"')
WANTED = 200  # status of a page
SENT = 302  # of a form that was taken
ENOUGH = 100  # requests that a round goes on for, so that a 95th percentile says something
PATIENCE = 3  # but no longer than this many times what it was given on top


class Unexpected(Exception):
    """The server answered something else than a benchmark may count, or not at all."""


@dataclass(frozen=True)
class Answer:
    """Status, body and where it sends to."""

    status: int
    body: bytes
    location: str


class Browser:
    """One person at one kept-alive connection."""

    def __init__(
        self,
        port: int,
        cookies: Mapping[str, str] | None = None,
        headers: Mapping[str, str] | None = None,
    ) -> None:
        self.connection = http.client.HTTPConnection("127.0.0.1", port, timeout=120)
        self.cookies = dict(cookies or {})
        self.headers = dict(headers or {})  # that go along with every request

    def ask(
        self, method: str, path: str, body: bytes = b"", kind: str = "", *, keep: bool = False
    ) -> Answer:
        """Send a request; `keep` the cookies of the answer."""
        headers = {"Accept-Language": "zh-CN", "Accept-Encoding": "identity", **self.headers}
        if self.cookies:
            headers["Cookie"] = "; ".join(f"{name}={value}" for name, value in self.cookies.items())
        if kind:
            headers["Content-Type"] = kind
        try:
            self.connection.request(method, path, body or None, headers)
            response = self.connection.getresponse()
            content = response.read()
        except (OSError, http.client.HTTPException) as error:
            raise Unexpected(f"{method} {path}: {error!r}; is the server still there?") from error
        if keep:
            for cookie in response.headers.get_all("Set-Cookie") or ():
                name, _, value = cookie.partition(";")[0].partition("=")
                self.cookies[name] = value
        return Answer(response.status, content, response.headers.get("Location") or "")

    def get(self, path: str) -> bytes:
        """Return a page that has to be there. Raises Unexpected."""
        answer = self.ask("GET", path)
        if answer.status != WANTED:
            raise Unexpected(f"GET {path}: {answer.status}")
        return answer.body

    def send(self, form: Form) -> Answer:
        """Send a form that has to be taken. Raises Unexpected."""
        answer = self.ask("POST", form.path, form.body, form.kind)
        if answer.status != SENT:
            raise Unexpected(f"POST {form.path}: {answer.status} {alerts(answer.body)}")
        return answer

    def sign_in(self, email: str, password: str = PASSWORD) -> dict[str, str]:
        """Sign in and return the cookies. Raises Unexpected."""
        page = self.ask("GET", "/login", keep=True)
        hidden = read_hidden(page.body)
        fields = {"csrf_token": hidden["csrf_token"], "email": email, "password": password}
        kind = "application/x-www-form-urlencoded"
        answer = self.ask("POST", "/login", urlencode(fields).encode(), kind, keep=True)
        if answer.status != SENT:
            raise Unexpected(f"{email} cannot sign in: {answer.status}")
        return self.cookies

    def close(self) -> None:
        self.connection.close()


@dataclass(frozen=True)
class Form:
    """A filled-in form, ready to be sent."""

    path: str
    body: bytes
    kind: str


def read_hidden(page: bytes) -> dict[str, str]:
    """Return csrf token, form token and version of the form of a page."""
    return dict(HIDDEN.findall(page.decode()))


def alerts(page: bytes) -> list[str]:
    """Return what a page complains about."""
    found = re.findall(r'class="(?:alert|invalid)[^>]*>(.*?)</div>', page.decode(), re.DOTALL)
    return [" ".join(re.sub(r"<[^>]+>", " ", one).split()) for one in found]


def fill_in(page: bytes, path: str, fields: Mapping[str, str], file: bytes) -> Form:
    """Fill in the form of a page, with a piece of evidence, as a browser sends it."""
    mark = secrets.token_hex(16)
    parts = [
        f'--{mark}\r\nContent-Disposition: form-data; name="{name}"\r\n\r\n{value}\r\n'.encode()
        for name, value in {**read_hidden(page), **fields}.items()
    ]
    named = 'Content-Disposition: form-data; name="evidence"; filename="evidence.pdf"'
    head = f"--{mark}\r\n{named}\r\nContent-Type: application/pdf\r\n\r\n"
    parts += [head.encode(), file, f"\r\n--{mark}--\r\n".encode()]
    return Form(path, b"".join(parts), f"multipart/form-data; boundary={mark}")


def evidence() -> bytes:
    """Return 20 KB that no other evidence holds."""
    return write_pdf([secrets.token_hex(2_500)])


# --- several at once --------------------------------------------------------------------------


@dataclass(frozen=True)
class Timing:
    """What one round of one kind of request took."""

    count: int
    rate: float  # a second
    p50: float  # ms
    p95: float
    cpu: float = 0.0  # ms of the server's processes for one request; PostgreSQL's are not counted


T = TypeVar("T")


def time_all(
    browsers: Sequence[Browser],
    work: Iterator[T],
    ask: Callable[[Browser, T], object],
    seconds: float = math.inf,
) -> Timing:
    """Let the browsers do the work, each as soon as it can, until it or the time is over.

    A slow kind of request gets more time, within bounds.
    """
    end = time.perf_counter() + seconds
    shares = deal(work, len(browsers))

    def drive(browser: Browser, share: Iterator[T]) -> list[float]:
        took = []
        for one in share:
            since = time.perf_counter()
            enough = len(took) * len(browsers) >= ENOUGH or since >= end + PATIENCE * seconds
            if since >= end and enough:
                break
            ask(browser, one)
            took.append(time.perf_counter() - since)
        return took

    since = time.perf_counter()
    with ThreadPoolExecutor(len(browsers)) as pool:
        parts = list(pool.map(drive, browsers, shares))
    elapsed = time.perf_counter() - since
    took = sorted(itertools.chain.from_iterable(parts))
    if not took:
        raise Unexpected("nothing was asked for")
    return Timing(
        len(took), len(took) / elapsed, 1000 * at_share(took, 0.5), 1000 * at_share(took, 0.95)
    )


def deal(work: Iterator[T], hands: int) -> list[Iterator[T]]:
    """Deal out work: what is finite in turns, what never ends to each its own."""
    if isinstance(work, itertools.cycle):
        some = list(itertools.islice(work, 1000))
        return [itertools.cycle(some[hand::hands] or some) for hand in range(hands)]
    some = list(work)
    return [iter(some[hand::hands]) for hand in range(hands)]


def at_share(ordered: Sequence[float], share: float) -> float:
    """Return the value below which this share lies."""
    return ordered[min(len(ordered) - 1, math.ceil(share * len(ordered)) - 1)]


def middle(rounds: Sequence[Timing]) -> Timing:
    """Return the median of each figure over the rounds."""
    return Timing(
        count=sum(one.count for one in rounds),
        rate=median(one.rate for one in rounds),
        p50=median(one.p50 for one in rounds),
        p95=median(one.p95 for one in rounds),
        cpu=median(one.cpu for one in rounds),
    )
