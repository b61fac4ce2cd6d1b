"""One web node against two, of a running cluster: throughput, and processor time of a request.

    python3 manage.py cluster --data DIR --port N   # in another terminal
    .venv/bin/python -m benchmarks.machines --data DIR

The processor time is that of the node's processes and of both database servers, over all requests
of a round. It hardly depends on what else the machine does; the throughput does.
"""

from __future__ import annotations

import argparse
import http.client
import re
import threading
import time
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import psutil

from benchmarks.__main__ import describe_machine
from benchmarks.load import Browser
from deploy.cluster import operate
from deploy.cluster.plan import DATABASES, WEB, Plan

DEMONSTRATION = "Yunze-Demo-2026"
SECONDS = 8
AT_ONCE = 4  # browsers


@dataclass(frozen=True)
class Round:
    """What a round gave: requests a second, and ms of processor for one."""

    rate: float
    web: float
    database: float


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--data", required=True)
    parser.add_argument("--seconds", type=float, default=SECONDS)
    chosen = parser.parse_args()
    plan = Plan.read(Path(chosen.data).absolute())
    cookies = sign_in(plan)
    print(describe_machine())
    print("| page | one node, req/s | two nodes, req/s | ratio | web, ms CPU | database, ms CPU |")
    print("|---|---|---|---|---|---|")
    for name, path, signed_in in pages_of(plan, cookies):
        given = cookies if signed_in else {}
        one, two = (
            measure(plan, nodes, path, given, chosen.seconds) for nodes in (["web-1"], [*WEB])
        )
        print(
            f"| {name} | {one.rate:.0f} | {two.rate:.0f} | {two.rate / one.rate:.2f}"
            f" | {two.web:.1f} | {two.database:.1f} |"
        )


def pages_of(plan: Plan, cookies: dict[str, str]) -> list[tuple[str, str, bool]]:
    """Return name, path and whether somebody is signed in."""
    home = ask(plan, "/?q=%E7%A4%BA%E4%BE%8B", {})
    record = re.search(r"/records/[A-Z0-9-]+", home)
    case = re.search(r"/cases/[A-Z0-9-]+", ask(plan, "/work", cookies))
    assert record
    assert case
    return [
        ("public search", "/?q=%E7%A4%BA%E4%BE%8B", False),
        ("public record", record[0], False),
        ("worklist", "/work", True),
        ("case page", case[0], True),
    ]


def ask(plan: Plan, path: str, cookies: dict[str, str]) -> str:
    browser = NodeBrowser("web-1", plan.port, cookies)
    return browser.get(path).decode()


def sign_in(plan: Plan) -> dict[str, str]:
    """Sign a reviewer of the demonstration in; the session is good at either node."""
    browser = NodeBrowser("web-1", plan.port)
    return browser.sign_in("lin@redress.example", DEMONSTRATION)


class NodeBrowser(Browser):
    """A browser at one node, without the proxy."""

    def __init__(self, node: str, port: int, cookies: dict[str, str] | None = None) -> None:
        super().__init__(port, cookies)
        self.connection = http.client.HTTPConnection(WEB[node], port, timeout=60)


def measure(
    plan: Plan, nodes: Sequence[str], path: str, cookies: dict[str, str], seconds: float
) -> Round:
    """Let browsers ask for a page as fast as they get it."""
    done: list[int] = []
    warm = [NodeBrowser(node, plan.port, cookies) for node in nodes]
    for browser in warm * 10:
        browser.get(path)
    before = cpu_of(plan, nodes), cpu_of(plan, list(DATABASES))
    end = time.perf_counter() + seconds

    def drive(number: int) -> None:
        browser = NodeBrowser(nodes[number % len(nodes)], plan.port, cookies)
        count = 0
        while time.perf_counter() < end:
            browser.get(path)
            count += 1
        done.append(count)

    threads = [threading.Thread(target=drive, args=(one,)) for one in range(AT_ONCE)]
    since = time.perf_counter()
    for one in threads:
        one.start()
    for one in threads:
        one.join()
    took = time.perf_counter() - since
    web = cpu_of(plan, nodes) - before[0]
    database = cpu_of(plan, list(DATABASES)) - before[1]
    total = sum(done)
    return Round(total / took, 1000 * web / total, 1000 * database / total)


def cpu_of(plan: Plan, names: Sequence[str]) -> float:
    """Return the seconds of processor that parts took so far."""
    pids = operate.read_processes(plan)
    total = 0.0
    for name in names:
        process = psutil.Process(pids[name])
        for one in (process, *process.children(recursive=True)):
            used = one.cpu_times()
            total += used.user + used.system
    return total


if __name__ == "__main__":
    main()
