"""Times what people wait for, one person at a time, where there are many cases and more records."""

from __future__ import annotations

import gzip
import itertools
import re
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from typing import TypeVar
from urllib.parse import quote

from sqlalchemy import select

from benchmarks import names, pages, report, seed, server
from benchmarks.load import Browser, Form, Timing, evidence, fill_in, middle
from benchmarks.pages import NOBODY, Site
from benchmarks.seed import Seeded, Stopwatch
from benchmarks.stage import Stage
from repair_app.db import db
from repair_app.models import CreditRecord, Letter

T = TypeVar("T")
LETTERS = 100  # that are asked for
SOURCE = re.compile(
    r'<(?:link|script|img|source|iframe|embed|object)\b[^>]*?(?:href|src)="([^"]+)"'
)
AGENCIES = (
    "市场监督管理局",
    "生态环境局",
    "济南市示例应急管理局",
    "青岛",
)  # as reviewers look for them
STEP = re.compile(r"/requirements/[0-9A-Z-]+/sign")
LETTER = re.compile(r"/letters/[0-9A-Z-]+\.pdf")


@dataclass(frozen=True)
class Kind:
    """One kind of page: who asks for it, by which addresses, and what its p95 may be, in ms."""

    who: str
    paths: list[str]
    limit: float


@dataclass
class Found:
    """What was measured of one store."""

    timings: dict[str, Timing]
    limits: dict[str, float]
    weights: dict[str, tuple[int, list[str]]]  # page -> bytes gzipped, requests off the site
    journey: list[tuple[str, float]] = field(default_factory=list)  # step, ms


def fill(cases: int, records: int) -> Seeded:
    """Fill the empty store of the application in context with cases, and more records."""
    seeded = seed.fill(cases)
    clock = Stopwatch()
    names.fill(records, -(-cases // 3) * 3)
    clock.lap("records")
    seeded.seconds |= clock.laps
    return seeded


def kinds(stage: Stage, seeded: Seeded, records: int) -> dict[str, Kind]:
    """Return what is asked for."""
    asked = names.questions(records)
    firms = [one[3:5] for one in asked["whole name"]]
    with stage.app.app_context():
        letters = letters_of_subject(seeded)
        db.session.remove()
    page, search, letter = report.PAGE_MS, report.SEARCH_MS, report.LETTER_MS
    return {
        "worklist, reviewer": Kind("reviewer", ["/work"], page),
        "worklist, provider": Kind("provider", ["/work"], page),
        "worklist, of a provider": Kind(
            "reviewer", [f"/work?provider={quote(one)}" for one in AGENCIES], page
        ),
        "worklist, of enterprises": Kind(
            "reviewer", [f"/work?q={quote(one)}" for one in firms], page
        ),
        "case page": Kind("reviewer", [f"/cases/{ref}" for ref in seeded.cases], page),
        "case page, subject": Kind("subject", [f"/cases/{ref}" for ref in seeded.made], page),
        "my records": Kind("subject", ["/my"], page),
        "search, 2 characters": Kind(
            NOBODY, [f"/?q={quote(one)}" for one in asked["2 characters"]], search
        ),
        "search, 4 characters": Kind(
            NOBODY, [f"/?q={quote(one)}" for one in asked["4 characters"]], search
        ),
        "letter, Chinese": Kind("subject", [f"{one}?lang=zh" for one in letters], letter),
        "letter, English": Kind("subject", [f"{one}?lang=en" for one in letters], letter),
    }


def letters_of_subject(seeded: Seeded) -> list[str]:
    """Return the addresses of letters to the benchmark's own enterprise."""
    firm = select(CreditRecord.subject_id).where(CreditRecord.ref == seeded.objectionable[0])
    own = select(Letter.ref).where(Letter.organisation_id == firm.scalar_subquery())
    return [f"/letters/{ref}.pdf" for ref in db.session.scalars(own.limit(LETTERS))]


def measure(
    stage: Stage, seeded: Seeded, records: int, workers: int, seconds: float, rounds: int
) -> Found:
    """Measure everything of a store that `fill` has filled."""
    chosen = kinds(stage, seeded, records)
    timings: dict[str, list[Timing]] = {name: [] for name in chosen}
    with server.serving(stage.env, workers) as running:
        site = Site(running, seeded, 1, seconds)
        site.sign_everybody_in()
        for number in range(rounds + 1):
            site.seconds = seconds if number else 0.5  # the first round warms up
            for name, kind in chosen.items():
                timing = time_kind(site, kind)
                if number:
                    timings[name].append(timing)
        return Found(
            timings={name: middle(some) for name, some in timings.items()},
            limits={name: kind.limit for name, kind in chosen.items()},
            weights=weigh(site, chosen),
            journey=list(make_journey(site)),
        )


def time_kind(site: Site, kind: Kind) -> Timing:
    """Time one kind of page in one browser."""
    browsers = site.browsers(kind.who)
    try:
        return pages.time_here(
            site, browsers, itertools.cycle(kind.paths), Browser.get, site.seconds
        )
    finally:
        pages.close(browsers)


# --- what a page weighs -----------------------------------------------------------------------


def weigh(site: Site, chosen: dict[str, Kind]) -> dict[str, tuple[int, list[str]]]:
    """Return how heavy pages are the first time, each with all that it loads, and what is off-site.

    Gzipped as a proxy does it; a browser that was here before loads the page alone.
    """
    record = f"/records/{site.seeded.objectionable[0]}"
    asked = {name: (kind.who, kind.paths[0]) for name, kind in chosen.items() if kind.paths}
    asked = {name: one for name, one in asked.items() if ".pdf" not in one[1]}
    asked |= {
        "start page": (NOBODY, "/"),
        "record page": (NOBODY, f"/records/{site.seeded.public[0]}"),
        "form of an objection": ("subject", f"{record}/objection"),
        "form of a repair": ("subject", f"{record}/repair"),
    }
    found = {}
    for name, (who, path) in asked.items():
        browser = site.browsers(who)[0]
        found[name] = weigh_page(browser, path)
        browser.close()
    return found


def weigh_page(browser: Browser, path: str) -> tuple[int, list[str]]:
    """Return the bytes of one page with what it loads, gzipped, and what it loads off the site."""
    page = browser.get(path)
    sources = {one for one in SOURCE.findall(page.decode()) if not one.startswith("data:")}
    off_site = sorted(one for one in sources if re.match(r"(?:[a-z]+:)?//", one))
    own = [browser.get(one.replace("&amp;", "&")) for one in sources.difference(off_site)]
    return sum(len(gzip.compress(one, 6)) for one in (page, *own)), off_site


# --- a journey of the subject -----------------------------------------------------------------


def make_journey(site: Site) -> Iterator[tuple[str, float]]:
    """Sign in, object to a record, apply for the repair of another; yield each wait, in ms."""
    browser = Browser(site.server.port)
    disputed, repaired = site.seeded.objectionable[-2:]
    watch = Watch(browser)
    watch.wait("sign in", lambda: browser.sign_in(site.seeded.world["subject"]))
    watch.get("my records", "/my")
    watch.get("record", f"/records/{disputed}")
    watch.get("what if", f"/my/records/{disputed}/what-if")
    form = watch.get("form of an objection", f"/records/{disputed}/objection")
    fields = {
        "ground": "error",
        "statement": "处罚决定书载明的罚款金额为1万元，公示信息为2万元，请予更正。",
        "value_fine_10k": "1",
        "submit_now": "y",
    }
    filled = fill_in(form, f"/records/{disputed}/objection", fields, evidence())
    came_to = watch.send("file the objection", filled)
    receipt = watch.get("receipt", came_to).decode()
    if letter := LETTER.search(receipt):
        watch.get("receipt as PDF", letter[0])
    form = watch.get("form of a repair", f"/records/{repaired}/repair")
    fields = {"statement": "罚款已缴清，计量器具已送检合格。"}
    came_to = watch.send(
        "file the repair", fill_in(form, f"/records/{repaired}/repair", fields, evidence())
    )
    page = watch.get("repair", came_to).decode()
    for step in dict.fromkeys(one[0] for one in STEP.finditer(page)):
        name = step.rpartition("/")[2].replace("_", " ")
        form = watch.get(f"form: {name}", step)
        fields = {"signatory": "张虚构", "agree": "y"}
        watch.send(name, fill_in(form, step, fields, evidence()))
    browser.close()
    yield from watch.found


@dataclass
class Watch:
    """Measures each wait of one browser."""

    browser: Browser
    found: list[tuple[str, float]] = field(default_factory=list)

    def wait(self, name: str, act: Callable[[], T]) -> T:
        since = time.perf_counter()
        came = act()
        self.found.append((name, 1000 * (time.perf_counter() - since)))
        return came

    def get(self, name: str, path: str) -> bytes:
        return self.wait(name, lambda: self.browser.get(path))

    def send(self, name: str, form: Form) -> str:
        """Send a form and return where it leads to."""
        return self.wait(name, lambda: self.browser.send(form)).location
