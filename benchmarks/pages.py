"""What is asked of a server, and by whom; each kind of request is timed apart."""

from __future__ import annotations

import itertools
import math
import random
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field, replace
from typing import Protocol, TypeVar
from urllib.parse import quote

from benchmarks.load import Browser, Form, Timing, evidence, fill_in, time_all
from benchmarks.seed import Seeded, enterprise
from benchmarks.server import Server

T = TypeVar("T")

GROUNDS = ("error", "omission", "differs_from_source", "duplicate", "not_the_subject", "over_term")
KEPT_GROUND = "infringement"  # for counting the queries
NOBODY = "nobody"


class Getter(Protocol):
    """Whoever reads pages: over HTTP, or in this process."""

    def get(self, path: str) -> bytes: ...


@dataclass
class Site:
    """A running server with its store, and who is signed in at it."""

    server: Server
    seeded: Seeded
    threads: int
    seconds: float
    cookies: dict[str, dict[str, str]] = field(default_factory=dict)
    draw: random.Random = field(default_factory=lambda: random.Random(3))
    objections: Iterator[tuple[str, str]] = field(init=False)
    answers: Iterator[str] = field(init=False)
    rounds: int = 3

    def __post_init__(self) -> None:
        self.objections = iter(list(itertools.product(GROUNDS, self.seeded.objectionable)))
        self.answers = iter(self.seeded.awaiting_answer)

    def sign_everybody_in(self) -> None:
        for name in ("reviewer", "provider", "subject"):
            browser = Browser(self.server.port)
            self.cookies[name] = browser.sign_in(self.seeded.world[name])
            browser.close()

    def browsers(self, name: str) -> list[Browser]:
        return [Browser(self.server.port, self.cookies.get(name)) for _ in range(self.threads)]


# --- reading ----------------------------------------------------------------------------------


READING = (
    "search: 2 characters",
    "search: 4 characters",
    "search: not there",
    "search: code",
    "record page",
    "worklist, reviewer",
    "worklist, reviewer, deep",
    "worklist, provider",
    "list of cases",
    "case page",
)


def addresses(seeded: Seeded) -> dict[str, tuple[str, list[str]]]:
    """Return what is read: name -> (who reads, addresses)."""
    firms = [
        enterprise(number)
        for number in range(0, max(2, seeded.count // 2), 1 + seeded.count // 400)
    ]
    return {
        "search: 2 characters": (NOBODY, [f"/?q={quote(one.name[3:5])}" for one in firms]),
        "search: 4 characters": (NOBODY, [f"/?q={quote(one.name[1:5])}" for one in firms]),
        "search: not there": (
            NOBODY,
            [f"/?q={quote(name)}" for name in ("龘靐齉爩", "麤灪龖", "爨癵驫")],
        ),
        "search: code": (NOBODY, [f"/?q={one.uscc}" for one in firms]),
        "record page": (NOBODY, [f"/records/{ref}" for ref in seeded.public]),
        "worklist, reviewer": ("reviewer", ["/work"]),
        "worklist, reviewer, deep": ("reviewer", [f"/work?after={seeded.halfway}"]),
        "worklist, provider": ("provider", ["/work"]),
        "list of cases": ("reviewer", ["/work/cases"]),
        "case page": ("reviewer", [f"/cases/{ref}" for ref in seeded.cases]),
    }


def time_reading(site: Site, name: str) -> Timing:
    """Time one kind of page for the site's number of seconds."""
    who, paths = addresses(site.seeded)[name]
    site.draw.shuffle(paths)
    browsers = site.browsers(who)
    try:
        return time_here(site, browsers, itertools.cycle(paths), Browser.get, site.seconds)
    finally:
        close(browsers)


def time_here(
    site: Site,
    browsers: list[Browser],
    work: Iterator[T],
    ask: Callable[[Browser, T], object],
    seconds: float,
) -> Timing:
    """Time requests, with the processor time that they cost the server."""
    before = site.server.cpu_seconds()
    timing = time_all(browsers, work, ask, seconds)
    return replace(timing, cpu=1000 * (site.server.cpu_seconds() - before) / timing.count)


# --- writing ----------------------------------------------------------------------------------

NEW, STEP = "create an objection", "transition with evidence"


def time_writing(site: Site, name: str) -> dict[str, Timing]:
    """Time the form and the sending of it; an equal part of what there is goes to each round."""
    draw_form = {NEW: objection_form, STEP: answer_form}[name]
    who = {NEW: "subject", STEP: "provider"}[name]
    paths = take_work(site, name)
    browsers = site.browsers(who)
    forms: list[Form] = []
    try:
        drawn = time_here(
            site,
            browsers,
            iter(paths),
            lambda browser, one: forms.append(draw_form(browser, one)),
            site.seconds,
        )
        sent = time_here(site, browsers, iter(forms), Browser.send, math.inf)
    finally:
        close(browsers)
    return {f"{name}: form": drawn, name: sent}


def take_work(site: Site, name: str) -> list[tuple[str, str]]:
    """Return what is left to be opened or answered, for one round."""
    if name == NEW:
        share = len(GROUNDS) * len(site.seeded.objectionable) // (site.rounds + 1)
        return list(itertools.islice(site.objections, share))
    share = (len(site.seeded.awaiting_answer) - 1) // (site.rounds + 1)
    return [(ref, "confirm") for ref in itertools.islice(site.answers, share)]


def objection_form(browser: Getter, one: tuple[str, str]) -> Form:
    """Draw the form of an objection and fill it in, to be filed at once."""
    ground, ref = one
    path = f"/records/{ref}/objection"
    fields = {
        "ground": ground,
        "statement": "处罚决定书载明的罚款金额为1万元，公示信息为2万元，请予更正。",
        "value_fine_10k": "1",
        "submit_now": "y",
    }
    return fill_in(browser.get(path), path, fields, evidence())


def answer_form(browser: Getter, one: tuple[str, str]) -> Form:
    """Draw the form of the provider's answer and fill it in."""
    path = "/cases/{}/{}".format(*one)
    fields = {"findings": "经核对处罚决定书存根，公示信息与决定书一致，信息无误。"}
    return fill_in(browser.get(path), path, fields, evidence())


def close(browsers: list[Browser]) -> None:
    for browser in browsers:
        browser.close()


# --- all --------------------------------------------------------------------------------------

KINDS = (*READING, NEW, STEP)


def time_kind(site: Site, kind: str) -> dict[str, Timing]:
    """Time one kind of page, or both halves of one kind of writing."""
    return {kind: time_reading(site, kind)} if kind in READING else time_writing(site, kind)


def warm_up(site: Site) -> None:
    """Let every worker do everything a few times."""
    site.sign_everybody_in()
    seconds, site.seconds = site.seconds, 0.3
    for kind in KINDS:
        time_kind(site, kind)
    site.seconds = seconds
