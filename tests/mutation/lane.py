"""One process that runs tests: first to see which lines each reaches, then mutant after mutant.

A mutant is put into the functions as they are in memory, in a fork, and the tests that reach its
line run there, the quickest first, until one fails: a mutant costs the tests, not the start.
"""

from __future__ import annotations

import gc
import json
import os
import random
import re
import signal
import time
from collections import Counter, defaultdict
from pathlib import Path
from types import FunctionType

import coverage
import pytest

from tests.mutation.mutants import Mutant, compiled, functions

ROOT = Path(__file__).resolve().parents[2]
NEAR = re.compile(r"test_(ledger|access|tampering)\b")  # all of these are looked at first
FIRST = "test_the_stage_is_set"
SET_UP = "set-up"  # what runs before all tests: the application is made
SLOWEST = 30  # seconds that one test may take in a mutant; longer, and it is an endless loop
KILLED, SURVIVED, NOT_COVERED, NOT_TRIED = "killed", "survived", "not covered", "not tried"


class After:
    """Stands for a next test: only what the whole session shares is kept for it."""

    def __init__(self, session: pytest.Session) -> None:
        self.session = session

    def listchain(self) -> list[pytest.Session]:
        """Return what is kept."""
        return [self.session]


class Lane:
    """A plugin of pytest that takes the place of its loop."""

    def __init__(self, folder: Path, lane: int, lanes: int, budget: float, look: float) -> None:
        self.folder, self.lane, self.lanes = folder, lane, lanes
        self.budget, self.looking = budget, look
        self.failed = False
        self.live: dict[tuple[str, str, int], list[FunctionType]] = defaultdict(list)

    def pytest_runtest_logreport(self, report: pytest.TestReport) -> None:
        """Remember that a test failed."""
        self.failed = self.failed or report.failed

    @pytest.hookimpl(tryfirst=True)
    def pytest_runtestloop(self, session: pytest.Session) -> bool:
        """Look, wait for the other lanes, then try this lane's mutants."""
        items = {item.nodeid: item for item in session.items}
        self.session = session
        self.look(session.items)
        seen, reach = self.read_all()
        self.remember_functions()
        mutants = [Mutant(*one) for one in json.loads((self.folder / "sample.json").read_text())]
        with (self.folder / f"results-{self.lane}.jsonl").open("a", encoding="utf-8") as results:
            for mutant in mutants[self.lane :: self.lanes]:
                names = reach.get((mutant.file, mutant.line), set())
                chosen = [items[name] for name in self.in_order(mutant, names, seen)]
                since = time.monotonic()
                fate, by = self.attempt(mutant, chosen)
                spent = round(time.monotonic() - since, 1)
                results.write(json.dumps([*vars(mutant).values(), fate, by, spent]) + "\n")
                results.flush()
        return True

    def run(self, item: pytest.Item) -> bool:
        """Run one test, and keep what the whole session shares; tell whether it passed."""
        self.failed = False
        item.ihook.pytest_runtest_protocol(item=item, nextitem=After(self.session))
        return not self.failed

    # --- which test reaches which line ---

    def look(self, items: list[pytest.Item]) -> None:
        """Set the stage; in a fork, run this lane's tests: what each reached, how long it took.

        This process itself runs no other test, since what starts threads would hang in its forks.
        """
        watch = coverage.Coverage(
            data_file=None, include=[str(ROOT / "repair_app" / "*")], config_file=False
        )
        watch.start()
        watch.switch_context(SET_UP)
        self.run(next(item for item in items if item.name.startswith(FIRST)))
        file = self.folder / f"seen-{self.lane}.json"
        if not file.exists() and not (child := os.fork()):
            try:
                self.look_at(items[self.lane :: self.lanes], watch, file)
            finally:
                os._exit(0)
        watch.stop()
        if not file.exists():
            os.waitpid(child, 0)
            if not file.exists():
                raise RuntimeError(f"lane {self.lane} has seen nothing")

    def look_at(self, own: list[pytest.Item], watch: coverage.Coverage, file: Path) -> None:
        """Run tests while there is time, and write what was seen."""
        took, end = {}, time.monotonic() + self.looking
        random.Random(0).shuffle(own)  # what is seen when the time is over is of all kinds
        own.sort(key=lambda item: not NEAR.search(item.nodeid))
        for item in own:
            if time.monotonic() > end:
                break
            watch.switch_context(item.nodeid)
            since = time.monotonic()
            if self.run(item):
                took[item.nodeid] = time.monotonic() - since
        watch.stop()
        data = watch.get_data()
        lines = {
            str(Path(path).relative_to(ROOT)): data.contexts_by_lineno(path)
            for path in data.measured_files()
        }
        part = file.with_suffix(".part")
        part.write_text(json.dumps({"took": took, "lines": lines}), "utf-8")
        part.rename(file)

    def read_all(self) -> tuple[dict[str, float], dict[tuple[str, int], set[str]]]:
        """Wait for what all lanes have seen; return seconds by test, and tests by file and line."""
        took: dict[str, float] = {}
        reach: dict[tuple[str, int], set[str]] = defaultdict(set)
        for lane in range(self.lanes):
            file = self.folder / f"seen-{lane}.json"
            while not file.exists():
                time.sleep(0.5)
            seen = json.loads(file.read_text("utf-8"))
            took |= seen["took"]
            for path, lines in seen["lines"].items():
                for line, names in lines.items():
                    reach[path, int(line)].update(names)
        return took, reach

    @staticmethod
    def in_order(mutant: Mutant, names: set[str], took: dict[str, float]) -> list[str]:
        """Return the tests to run: of a file named like the mutant's, then of each file in turn.

        Tests of one file often take the same way to a line, and notice the same.
        """
        luck = random.Random(f"{mutant.file}:{mutant.number}")
        word, known = Path(mutant.file).stem, sorted(name for name in names if name in took)
        luck.shuffle(known)
        of_file: Counter[str] = Counter()
        turn = {}
        for name in known:
            file = name.partition("::")[0]
            of_file[file] += 1
            turn[name] = of_file[file]
        return sorted(known, key=lambda name: (word not in name.partition("::")[0], turn[name]))

    # --- one mutant ---

    def remember_functions(self) -> None:
        """Find the functions in memory, wherever a decorator or a table keeps them."""
        for one in gc.get_objects():
            if isinstance(one, FunctionType) and "repair_app" in one.__code__.co_filename:
                code = one.__code__
                self.live[code.co_filename, code.co_qualname, code.co_firstlineno].append(one)

    def attempt(self, mutant: Mutant, tests: list[pytest.Item]) -> tuple[str, str | None]:
        """Try one mutant in a fork; return what became of it, and by which test."""
        if not tests:
            return NOT_COVERED, None
        reader, writer = os.pipe()
        child = os.fork()
        if not child:
            os.close(reader)
            quiet = os.open(os.devnull, os.O_WRONLY)
            os.dup2(quiet, 1)
            os.dup2(quiet, 2)
            try:
                os.write(writer, json.dumps(self.fate(mutant, tests)).encode())
            except BaseException as fault:  # noqa: BLE001  # whatever it is, the fork ends here
                os.write(writer, json.dumps((NOT_TRIED, repr(fault)[:200])).encode())
            finally:
                os._exit(0)
        os.close(writer)
        answer = self.wait_for(reader, child)
        os.close(reader)
        os.waitpid(child, 0)
        return tuple(json.loads(answer)) if answer else (KILLED, "ended or never came back")

    def wait_for(self, reader: int, child: int) -> bytes:
        """Read a child's answer; end one that takes longer than it may."""

        def end(*_: object) -> None:
            os.kill(child, signal.SIGKILL)

        before = signal.signal(signal.SIGALRM, end)
        signal.alarm(int(self.budget + 2 * SLOWEST))
        answer = os.read(reader, 4096)
        signal.alarm(0)
        signal.signal(signal.SIGALRM, before)
        return answer

    def fate(self, mutant: Mutant, tests: list[pytest.Item]) -> tuple[str, str]:
        """Put a mutant in and run its tests until one fails or the time is over."""
        try:
            put_in(ROOT / mutant.file, mutant.number, self.live)
        except ValueError as reason:  # a closure that would lose a name
            return NOT_TRIED, str(reason)
        end, count = time.monotonic() + self.budget, 0
        for item in tests:
            if time.monotonic() > end:
                break
            count += 1
            if not self.run(item):
                return KILLED, item.nodeid
        return SURVIVED, f"{count} of {len(tests)} tests"


def put_in(path: Path, number: int, live: dict[tuple[str, str, int], list[FunctionType]]) -> None:
    """Give the functions in memory the code that they have in a mutant of their file."""
    before, after = functions(compiled(path)), functions(compiled(path, number))
    for (name, line), code in after.items():
        if before.get((name, line)) != code:
            for function in live.get((str(path), name, line), ()):
                function.__code__ = code
