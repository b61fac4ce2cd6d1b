"""Times the same things here and in three systems that others use, in turns on one machine.

    .venv/bin/python -m benchmarks.side_by_side PEERS.toml --keep DIR [--rounds 3] [--threads 4]

Request Tracker 5, Redmine 5 and a small application on Django with REST framework and
django-fsm-2 run already, each with 100,000 matters (peers/README.md says how); PEERS.toml names
their ports, process ids and keys. Ours has as many cases, and five times as many records. A step
here carries a form's token and 20 KB of evidence, and writes event, chain and notices; a peer's
carries a note (Django's the name of a paper, too), its mails are switched off.
"""

from __future__ import annotations

import argparse
import itertools
import json
import math
import os
import re
import time
import tomllib
from collections.abc import Callable, Iterator, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any
from urllib.parse import quote, urlencode

from benchmarks import pages, scale, seed, server
from benchmarks.load import Answer, Browser, Timing, Unexpected, at_share, middle, time_all
from benchmarks.pages import NOBODY, STEP, Site
from benchmarks.stage import stage

CASES = 100_000
RECORDS = CASES * scale.CASES
WORKERS = 2  # of each system
STEPS = 4  # that a peer's matter takes until it is closed
OPEN_STATE = "verifying"
JSON = "application/json"
FORM = "application/x-www-form-urlencoded"
OPERATIONS = ("transition", "worklist page", "case page", "search")
# What the ratios are to be: ours to the peer's rate.
TARGETS = {
    "transition": {"Request Tracker": 4, "Redmine": 4, "Django": 1},
    "worklist page": {"Request Tracker": 25, "Redmine": 12, "Django": 1.5},
    "case page": {"Redmine": 10},
    "search": {"Request Tracker": 20, "Redmine": 20, "Django": 20},
}


class Peer:
    """Another system: how somebody asks it for the same things."""

    name = ""

    def __init__(self, said: dict[str, Any]) -> None:
        self.said = said
        self.port = int(said["port"])
        self.first, self.last = said["matters"]
        self.agent = int(said.get("agent", 1))  # the first of twenty that matters are assigned to
        self.session: dict[str, str] = {}

    @property
    def server(self) -> server.Server:
        """Return its processes, of which the processor's time is read."""
        return server.Server(int(self.said["pid"]), self.port)

    def matter(self, number: int) -> int:
        """Return one of those on file."""
        return int(self.first + number * 7919 % (self.last - self.first + 1))

    def browser(self) -> Browser:
        """Return somebody signed in."""
        raise NotImplementedError

    def make(self, browser: Browser, number: int) -> int:
        """Return the number of a new matter."""
        raise NotImplementedError

    def close(self, browser: Browser, matter: int) -> Iterator[None]:
        """Take a matter through its four steps; yield after each."""
        raise NotImplementedError

    def list_work(self, browser: Browser, number: int) -> None:
        """Read the first 25 of somebody's open matters, as a page."""
        raise NotImplementedError

    def show(self, browser: Browser, number: int) -> None:
        """Read one matter, as a page."""
        raise NotImplementedError

    def search(self, browser: Browser, text: str) -> None:
        """Look for an enterprise by four characters."""
        raise NotImplementedError


class Reconnecting(Browser):
    """Somebody whose server ends each connection after an answer, without saying so."""

    def ask(
        self, method: str, path: str, body: bytes = b"", kind: str = "", *, keep: bool = False
    ) -> Answer:
        """Send a request, by a connection of its own."""
        try:
            return super().ask(method, path, body, kind, keep=keep)
        finally:
            self.close()


class RequestTracker(Peer):
    """Request Tracker 5: its REST 2.0 interface, by the session's cookie."""

    name = "Request Tracker"

    def browser(self) -> Browser:
        # Asked in Chinese, its server falls over its own answer (wide character in syswrite).
        headers = {"Referer": f"http://127.0.0.1:{self.port}/", "Accept-Language": "en"}
        made = Reconnecting(self.port, self.session, headers)
        if not self.session:
            who = urlencode({"user": "root", "pass": self.said["password"], "next": ""}).encode()
            made.ask("POST", "/NoAuth/Login.html", who, FORM, keep=True)
            self.session = dict(made.cookies)
        return made

    def make(self, browser: Browser, number: int) -> int:
        fields = {"CompanyName": company(number), "USCC": str(number), "RecordNo": f"罚{number}"}
        matter = {
            "Queue": "Objection",
            "Subject": f"异议申请 {company(number)}",
            "Owner": f"agent{number % 20 + 1}",
            "Content": "对该条行政处罚信息的公示内容有异议，理由见附件。",
            "ContentType": "text/plain",
            "CustomFields": fields,
        }
        return int(told(browser, "POST", "/REST/2.0/ticket", matter)["id"])

    def close(self, browser: Browser, matter: int) -> Iterator[None]:
        for state in ("accepted", "verifying", "reviewing", "closed"):
            said = {
                "Subject": "办理",
                "Content": f"转入{state}，核查材料齐全。",
                "ContentType": "text/plain",
                "Status": state,
            }
            told(browser, "POST", f"/REST/2.0/ticket/{matter}/comment", said)
            yield

    def list_work(self, browser: Browser, number: int) -> None:
        who = f"Owner = 'agent{number % 20 + 1}'"
        query = f"Queue = 'Objection' AND Status = '{OPEN_STATE}' AND {who}"
        path = f"/Search/Results.html?Query={quote(query)}&Rows=25&OrderBy=id&Order=DESC"
        expect(browser.get(path).count(b"/Ticket/Display.html?id=") >= 25, path)

    def show(self, browser: Browser, number: int) -> None:
        path = f"/Ticket/Display.html?id={self.matter(number)}"
        expect("异议".encode() in browser.get(path), path)

    def search(self, browser: Browser, text: str) -> None:
        query = quote(f"Queue = 'Objection' AND Subject LIKE '{text}'")
        path = f"/REST/2.0/tickets?query={query}&per_page=25&fields=Subject,Status"
        expect(bool(json.loads(browser.get(path))["items"]), path)


class Redmine(Peer):
    """Redmine 5: its JSON interface by a member's key, pages by that member's session."""

    name = "Redmine"

    def browser(self) -> Browser:
        made = Browser(self.port, self.session, {"X-Redmine-API-Key": self.said["key"]})
        if not self.session:
            page = made.ask("GET", "/login", keep=True).body.decode()
            token = re.search(r'name="authenticity_token" value="([^"]+)"', page)
            expect(token is not None, "/login")
            who = {"authenticity_token": token[1] if token else "", "username": "agent1"}
            body = urlencode({**who, "password": self.said["password"]}).encode()
            made.ask("POST", "/login", body, FORM, keep=True)
            self.session = made.cookies = dict(made.cookies)
        return made

    def make(self, browser: Browser, number: int) -> int:
        issue = {
            "project_id": self.said["project"],
            "tracker_id": self.said["tracker"],
            "priority_id": self.said["priority"],
            "subject": f"异议申请 {company(number)}",
            "assigned_to_id": self.agent + number % 20,
            "description": "对该条行政处罚信息的公示内容有异议，理由见附件。",
            "custom_fields": [{"id": 1, "value": company(number)}, {"id": 2, "value": str(number)}],
        }
        return int(told(browser, "POST", "/issues.json", {"issue": issue})["issue"]["id"])

    def close(self, browser: Browser, matter: int) -> Iterator[None]:
        for state in self.said["states"][1:]:
            said = {"issue": {"status_id": state, "notes": f"转入{state}，核查材料齐全。"}}
            told(browser, "PUT", f"/issues/{matter}.json", said)
            yield

    def list_work(self, browser: Browser, number: int) -> None:
        who = f"status_id={self.said['states'][2]}&assigned_to_id={self.agent + number % 20}"
        path = f"/projects/objection/issues?set_filter=1&{who}&sort=id:desc&per_page=25"
        expect(browser.get(path).count(b'id="issue-') == 25, path)

    def show(self, browser: Browser, number: int) -> None:
        path = f"/issues/{self.matter(number)}"
        expect("异议".encode() in browser.get(path), path)

    def search(self, browser: Browser, text: str) -> None:
        path = f"/issues.json?project_id={self.said['project']}&status_id=*&subject=~{quote(text)}"
        expect(bool(json.loads(browser.get(f"{path}&limit=25"))["issues"]), path)


class Django(Peer):
    """A case on Django, REST framework and django-fsm-2, which does far less."""

    name = "Django"

    def browser(self) -> Browser:
        return Browser(self.port, {}, {"Authorization": f"Token {self.said['key']}"})

    def make(self, browser: Browser, number: int) -> int:
        matter = {
            "subject": f"异议申请 {company(number)}",
            "company": company(number),
            "uscc": str(number),
            "record_no": f"罚{number}",
            "authority": "某市市场监督管理局",
            "ground": "信息错误",
            "assignee": self.agent + number % 20,
            "note": "有异议，理由见附件。",
        }
        return int(told(browser, "POST", "/api/case/", matter)["id"])

    def close(self, browser: Browser, matter: int) -> Iterator[None]:
        for state in ("accepted", "verifying", "reviewing", "closed"):
            said = {"to": state, "note": f"转入{state}，核查材料齐全。", "evidence": "核查意见.pdf"}
            told(browser, "POST", f"/api/case/{matter}/move/", said)
            yield

    def list_work(self, browser: Browser, number: int) -> None:
        path = f"/list?state={OPEN_STATE}&assignee={self.agent + number % 20}"
        expect(browser.get(path).count(b"<tr") == 25, path)

    def show(self, browser: Browser, number: int) -> None:
        path = f"/api/case/{self.matter(number)}/"  # it has no page
        expect(bool(json.loads(browser.get(path))["events"]), path)

    def search(self, browser: Browser, text: str) -> None:
        path = f"/api/case/?q={quote(text)}"
        expect(bool(json.loads(browser.get(path))["results"]), path)


PEERS = {"rt": RequestTracker, "redmine": Redmine, "django": Django}


def company(number: int) -> str:
    """Return a fictional enterprise's name."""
    return seed.enterprise(number).name


def told(browser: Browser, method: str, path: str, content: object) -> Any:
    """Send JSON that has to be taken; return what is answered. Raises Unexpected."""
    answer = browser.ask(method, path, json.dumps(content).encode(), JSON)
    if answer.status not in {200, 201, 204}:
        raise Unexpected(f"{method} {path}: {answer.status} {answer.body[:200]!r}")
    return json.loads(answer.body) if answer.body.strip() else None


def expect(right: bool, path: str) -> None:
    """Raise Unexpected unless an answer was the right one."""
    if not right:
        raise Unexpected(f"{path}: not what was asked for")


def time_peer(
    peer: Peer, operation: str, terms: Sequence[str], threads: int, seconds: float
) -> Timing:
    """Time one operation of a peer."""
    browsers = [peer.browser() for _ in range(threads)]
    steps: list[float] = []  # seconds of each

    def take_steps(browser: Browser, matter: int) -> None:
        since = time.perf_counter()
        for _ in peer.close(browser, matter):
            steps.append((after := time.perf_counter()) - since)
            since = after

    asked: dict[str, tuple[Iterator[Any], Callable[[Browser, Any], None]]] = {
        "worklist page": (itertools.cycle(range(20)), peer.list_work),
        "case page": (itertools.cycle(range(1000)), peer.show),
        "search": (itertools.cycle(terms), peer.search),
    }
    try:
        if operation == "transition":
            made = [peer.make(browsers[0], number) for number in range(6 * threads)]
            asked[operation] = iter(made), take_steps
            seconds = math.inf
        before = peer.server.cpu_seconds()
        timing = time_all(browsers, *asked[operation], seconds)
        cpu = 1000 * (peer.server.cpu_seconds() - before) / timing.count
    finally:
        pages.close(browsers)
    if not steps:
        return replace(timing, cpu=cpu)
    steps.sort()
    p50, p95 = (1000 * at_share(steps, share) for share in (0.5, 0.95))
    return Timing(len(steps), timing.rate * len(steps) / timing.count, p50, p95, cpu / STEPS)


def time_ours(site: Site, operation: str, terms: Sequence[str]) -> Timing:
    """Time one operation of ours, by the pages."""
    if operation == "transition":
        return pages.time_writing(site, STEP)[STEP]
    who, paths = {
        "worklist page": ("reviewer", ["/work"]),
        "case page": ("reviewer", [f"/cases/{ref}" for ref in site.seeded.cases]),
        "search": (NOBODY, [f"/?q={quote(one)}" for one in terms]),
    }[operation]
    browsers = site.browsers(who)
    try:
        return pages.time_here(site, browsers, itertools.cycle(paths), Browser.get, site.seconds)
    finally:
        pages.close(browsers)


def measure(
    site: Site, peers: Sequence[Peer], theirs: Sequence[str]
) -> dict[tuple[str, str], Timing]:
    """Measure everything in turns; return the median of each, by system and operation."""
    found: dict[tuple[str, str], list[Timing]] = {}
    seconds = site.seconds
    terms = [company(number)[1:5] for number in range(0, CASES // 2, 211)]
    for number in range(site.rounds + 1):
        site.seconds = seconds if number else 0.5  # the first round warms up
        for operation in OPERATIONS:
            turns = [("Redress", time_ours(site, operation, terms))]
            for peer in peers:
                timing = time_peer(peer, operation, theirs, site.threads, site.seconds)
                turns.append((peer.name, timing))
            for name, timing in turns:
                if number:
                    found.setdefault((name, operation), []).append(timing)
    return {key: middle(some) for key, some in found.items()}


def main() -> None:
    """Measure, and print a table."""
    asking = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    asking.add_argument("peers", type=Path)
    asking.add_argument("--keep", type=Path, required=True)
    asking.add_argument("--rounds", type=int, default=3)
    asking.add_argument("--seconds", type=float, default=4)
    asking.add_argument("--threads", type=int, default=4)
    chosen = asking.parse_args()
    said = tomllib.loads(chosen.peers.read_text(encoding="utf-8"))
    peers = [PEERS[name](values) for name, values in said["peers"].items()]
    with (
        server.postgresql(chosen.keep / "pg", keeps=True) as uri,
        stage("postgresql", chosen.keep / f"scale-{RECORDS}", uri) as ours,
    ):
        taken = scale.take(ours, RECORDS, scale.fill(ours, RECORDS)[0])
        with server.serving(ours.env, WORKERS) as running:
            site = Site(running, taken, chosen.threads, chosen.seconds, rounds=chosen.rounds)
            site.sign_everybody_in()
            found = measure(site, peers, said["terms"])
    load = f"load average {os.getloadavg()[0]:.1f}"
    print(f"{load}; {chosen.threads} browsers, medians of {chosen.rounds}")
    for operation in OPERATIONS:
        own = found["Redress", operation]
        print(f"\n{operation}: {tell(own)}")
        for peer in peers:
            other = found[peer.name, operation]
            wanted = TARGETS[operation].get(peer.name)
            asked_for = f" (asked x{wanted})" if wanted else ""
            print(f"  {peer.name}: {tell(other)}: x{own.rate / other.rate:.1f}{asked_for}")


def tell(one: Timing) -> str:
    """Say what was measured."""
    times = f"p50 {one.p50:.1f}, p95 {one.p95:.1f} ms"
    return f"{one.rate:.1f}/s, {times}, CPU {one.cpu:.1f} ms"


if __name__ == "__main__":
    main()
