"""Feed the parsers for some minutes each.

python3 manage.py fuzz                          every parser, ten minutes each
python3 manage.py fuzz --minutes 3 NAME …       some of them: import, evidence, workflow, …

Inputs differ in each run. One that breaks a parser is made as small as it can be and kept in
tests/fuzz/corpus/NAME, where every later test tries it again; the command then ends with 1.
"""

from __future__ import annotations

import argparse
import hashlib
import random
import sys
import time
import traceback
from dataclasses import dataclass
from pathlib import Path

from hypothesis import HealthCheck, Phase, given, seed, settings

from tests.fuzz.strategy import inputs
from tests.fuzz.targets import CORPUS, TARGETS, Target, chosen

BATCH = 200  # inputs between two looks at the clock


@dataclass(frozen=True)
class Found:
    """What came of feeding a parser: how many inputs, and what broke it."""

    fed: int
    problem: str | None


class Feeder:
    """Feeds one target and remembers the last input that broke it: the smallest one."""

    def __init__(self, target: Target) -> None:
        self.target, self.fed = target, 0
        self.bad: bytes | None = None

    def feed(self, content: bytes) -> None:
        """Give the parser an input."""
        self.fed += 1
        try:
            self.target.feed(content)
        except Exception:
            self.bad = content
            raise


def run(target: Target, seconds: float, keep: Path) -> Found:
    """Feed a parser for a while; keep what breaks it in a folder."""
    feeder, end = Feeder(target), time.monotonic() + seconds
    steps = settings(
        max_examples=BATCH,
        derandomize=False,
        database=None,
        deadline=None,
        suppress_health_check=list(HealthCheck),
        phases=[Phase.generate, Phase.shrink],
    )
    while time.monotonic() < end:
        batch = seed(random.getrandbits(64))(steps(given(inputs(target))(feeder.feed)))
        try:
            batch()
        except Exception:
            if feeder.bad is None:
                raise  # it was not the parser
            name = hashlib.sha256(feeder.bad).hexdigest()[:16]
            keep.mkdir(parents=True, exist_ok=True)
            (keep / name).write_bytes(feeder.bad)
            return Found(feeder.fed, f"{keep / name}\n{traceback.format_exc(limit=-6)}")
    return Found(feeder.fed, None)


def main(arguments: list[str] | None = None) -> int:
    """Run the command; 1: a parser broke, 2: there is no such parser."""
    parser = argparse.ArgumentParser(
        prog="manage.py fuzz",
        description=__doc__,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("--minutes", type=float, default=10, help="for each (%(default)s)")
    parser.add_argument("names", nargs="*", metavar="NAME", help=", ".join(TARGETS))
    given_words = parser.parse_args(arguments)
    try:
        targets = chosen(given_words.names)
    except KeyError as name:
        print(f"there is no parser {name}; there are {', '.join(TARGETS)}", file=sys.stderr)
        return 2
    broken = 0
    for target in targets:
        since = time.monotonic()
        found = run(target, given_words.minutes * 60, CORPUS / target.name)
        broken += found.problem is not None
        mark, spent = "✗" if found.problem else "✓", time.monotonic() - since
        print(f"{mark} {target.name}: {found.fed} inputs in {spent:.0f} s", flush=True)
        if found.problem:
            print(found.problem, flush=True)
    return 1 if broken else 0


if __name__ == "__main__":
    sys.exit(main())
