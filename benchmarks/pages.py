"""What is asked of a server, and by whom; each kind of request is timed apart."""

from __future__ import annotations

import itertools
import random
from collections.abc import Iterator
from dataclasses import dataclass, field
from urllib.parse import quote

from benchmarks.load import Browser, Form, Timing, evidence, fill_in, time_all
from benchmarks.seed import Seeded, enterprise

GROUNDS = ("error", "omission", "differs_from_source", "duplicate", "not_the_subject", "over_term")
KEPT_GROUND = "infringement"  # for counting the queries
NOBODY = "nobody"


@dataclass
class Site:
    """A running server with its store, and who is signed in at it."""

    port: int
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
            browser = Browser(self.port)
            self.cookies[name] = browser.sign_in(self.seeded.world[name])
            browser.close()

    def browsers(self, name: str) -> list[Browser]:
        return [Browser(self.port, self.cookies.get(name)) for _ in range(self.threads)]


# --- reading ----------------------------------------------------------------------------------


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
        return time_all(browsers, itertools.cycle(paths), Browser.get, site.seconds)
    finally:
        close(browsers)


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
        drawn = time_all(
            browsers,
            iter(paths),
            lambda browser, one: forms.append(draw_form(browser, one)),
            site.seconds,
        )
        sent = time_all(browsers, iter(forms), Browser.send)
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


def objection_form(browser: Browser, one: tuple[str, str]) -> Form:
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


def answer_form(browser: Browser, one: tuple[str, str]) -> Form:
    """Draw the form of the provider's answer and fill it in."""
    path = "/cases/{}/{}".format(*one)
    fields = {"findings": "经核对处罚决定书存根，公示信息与决定书一致，信息无误。"}
    return fill_in(browser.get(path), path, fields, evidence())


def close(browsers: list[Browser]) -> None:
    for browser in browsers:
        browser.close()


# --- all --------------------------------------------------------------------------------------


def time_round(site: Site) -> dict[str, Timing]:
    """Time every kind of request once."""
    found = {name: time_reading(site, name) for name in addresses(site.seeded)}
    for name in (NEW, STEP):
        found |= time_writing(site, name)
    return found


def warm_up(site: Site) -> None:
    """Let every worker do everything a few times."""
    site.sign_everybody_in()
    seconds, site.seconds = site.seconds, 0.3
    time_round(site)
    site.seconds = seconds
