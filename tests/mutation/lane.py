"""One process that runs tests: first to see which lines each reaches, then mutant after mutant.

A mutant is put into the functions as they are in memory, in a fork, and the tests that reach its
line run there, the quickest first, until one fails: a mutant costs the tests, not the start.
"""

from __future__ import annotations

import gc
import importlib
import json
import os
import random
import re
import signal
import subprocess
import sys
import time
from collections import Counter, defaultdict
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from types import FunctionType
from typing import Any, TextIO

import coverage
import pytest

from tests.mutation.mutants import Mutant, compiled, function_at, functions

ROOT = Path(__file__).resolve().parents[2]
NEAR = re.compile(r"test_(ledger|access|tampering)\b")  # all of these are looked at first
OURS = [str(ROOT / "repair_app" / "*")]
FIRST = "test_the_stage_is_set"
SET_UP = "set-up"  # what runs before all tests: the application is made
QUICK = 10  # seconds of a mutant's first round
SLOWEST = 30  # seconds that one test may take in a mutant; longer, and it is an endless loop
# A test failed, or a file of tests could not be imported.
BROKEN = {pytest.ExitCode.TESTS_FAILED, pytest.ExitCode.INTERRUPTED, pytest.ExitCode.USAGE_ERROR}
KILLED, SURVIVED, NOT_COVERED, NOT_TRIED = "killed", "survived", "not covered", "not tried"


@dataclass
class Trial:
    """A mutant, the tests that reach its line, what has to run before them, and how far it is."""

    mutant: Mutant
    early: bool
    tests: list[pytest.Item]
    before: list[pytest.Item]
    files: dict[str, list[str]]  # those whose import reaches the line, and their tests
    run: int = 0
    spent: float = 0.0


class FromTheStart:
    """A plugin of pytest that puts a mutant in before any test is even imported."""

    def __init__(self, mutant: Mutant) -> None:
        self.mutant = mutant

    @pytest.hookimpl(tryfirst=True)
    def pytest_collection(self) -> None:
        """Import the mutant's module, and give its functions their other code."""
        importlib.import_module(self.mutant.file.removesuffix(".py").replace("/", "."))
        put_in(ROOT / self.mutant.file, self.mutant.number, functions_in_memory())


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

    @pytest.hookimpl(wrapper=True)
    def pytest_collection(self) -> Iterator[None]:
        """See which lines run while a file of tests is imported: what it makes, its tests share."""
        self.watch = coverage.Coverage(data_file=None, include=OURS, config_file=False)
        self.watch.start()
        try:
            return (yield)
        finally:
            self.watch.stop()

    def pytest_collectstart(self, collector: pytest.Collector) -> None:
        """Note whose import it is that comes now."""
        if isinstance(collector, pytest.Module):
            self.watch.switch_context(collector.nodeid)

    def pytest_runtest_logreport(self, report: pytest.TestReport) -> None:
        """Remember that a test failed."""
        self.failed = self.failed or report.failed

    @pytest.hookimpl(tryfirst=True)
    def pytest_runtestloop(self, session: pytest.Session) -> bool:
        """Look, wait for the other lanes, then try this lane's mutants.

        Those of lines that run while the stage is set come first, in forks where it is not set
        yet: else what such a line makes, and tests share, would be made before the fault.
        """
        items = {item.nodeid: item for item in session.items}
        self.session = session
        self.stage = next(item for item in session.items if item.name.startswith(FIRST))
        self.look(session.items)
        seen, reach = self.read_all()
        data = self.watch.get_data()
        imports = {
            str(Path(path).relative_to(ROOT)): data.contexts_by_lineno(path)
            for path in data.measured_files()
        }
        self.remember_functions()
        own = json.loads((self.folder / "sample.json").read_text("utf-8"))[self.lane :: self.lanes]
        left: list[Trial] = []
        for one in own:
            mutant = Mutant(*one)
            names = reach.get((mutant.file, mutant.line), set())
            early = SET_UP in names
            tests = [items[name] for name in self.in_order(mutant, names, seen) if name in items]
            importing = set(imports.get(mutant.file, {}).get(mutant.line, ()))
            files: dict[str, list[str]] = defaultdict(list)
            for name in sorted(seen, key=lambda name: seen[name]):
                if (file := name.partition("::")[0]) in importing:
                    files[file].append(name)
            left.append(Trial(mutant, early, tests, [self.stage] if early else [], files))
        with (self.folder / f"results-{self.lane}.jsonl").open("a", encoding="utf-8") as results:
            for early in (True, False):
                if not early:
                    self.run(self.stage)
                    self.remember_functions()
                trials = [one for one in left if one.early == early]
                for budget in (min(self.budget, QUICK), self.budget):
                    trials = [one for one in trials if not self.judge(one, budget, results)]
        return True

    def judge(self, trial: Trial, budget: float, results: TextIO) -> bool:
        """Run the tests of a mutant that were not run yet; write what became of it, once known.

        What survives the quick round goes on after all others had theirs. One that was made
        before the stage was set needs its stage in each round.
        """
        since = time.monotonic()
        fate, by, count = self.attempt(
            trial.mutant, [*trial.before, *trial.tests[trial.run :]], budget - trial.spent
        )
        trial.spent += time.monotonic() - since
        if fate in {SURVIVED, NOT_COVERED} and trial.files and not trial.run:
            if killed := self.dies_early(trial):
                fate, by = KILLED, f"{killed}, when it is imported or later"
            elif fate == NOT_COVERED:
                fate, by = SURVIVED, f"the tests of {' '.join(trial.files)}"
        if fate == SURVIVED and (count or trial.tests):
            trial.run += count - len(trial.before)
            if trial.run < len(trial.tests) and budget < self.budget:
                return False
            by = f"{trial.run} of {len(trial.tests)} tests" if trial.tests else "its stage alone"
        spent = round(trial.spent, 1)
        results.write(json.dumps([*vars(trial.mutant).values(), fate, by, spent]) + "\n")
        results.flush()
        return True

    def dies_early(self, trial: Trial) -> str | None:
        """Try a mutant in a process of its own, where it is in before the tests are imported.

        Returns the file that noticed. Those named like the mutant's come first, three at most.
        """
        word = Path(trial.mutant.file).stem
        for file in sorted(trial.files, key=lambda one: word not in one)[:3]:
            fault = f"{trial.mutant.file}:{trial.mutant.number}"
            words = ["--folder", str(self.folder), "--lane", str(self.lane)]
            words += ["--from-start", fault, "--tests", *trial.files[file]]
            try:
                ended = subprocess.run(
                    [sys.executable, "-m", "tests.mutation", *words],
                    cwd=ROOT,
                    check=False,
                    capture_output=True,
                    timeout=self.budget + 4 * SLOWEST,
                ).returncode
            except subprocess.TimeoutExpired:
                return file
            if ended in BROKEN:
                return file
        return None

    def run(self, item: pytest.Item) -> bool:
        """Run one test, and keep what the whole session shares; tell whether it passed."""
        self.failed = False
        item.ihook.pytest_runtest_protocol(item=item, nextitem=After(self.session))
        return not self.failed

    # --- which test reaches which line ---

    def look(self, items: list[pytest.Item]) -> None:
        """In a fork, set the stage and run this lane's tests: what each reached, how long it took.

        What was seen before, in the same folder, is not looked at again: looking goes on where
        it ended. This process itself runs no test but the stage's, since what starts threads
        would hang in its forks.
        """
        file = self.folder / f"seen-{self.lane}.json"
        known = json.loads(file.read_text("utf-8")) if file.exists() else {}
        own = [
            item
            for item in items[self.lane :: self.lanes]
            if item.nodeid not in known.get("looked", known.get("took", ()))
        ]
        done = self.folder / f"looked-{self.lane}"
        done.unlink(missing_ok=True)
        if known and (not own or not self.looking):
            done.touch()
            return
        if not (child := os.fork()):
            try:
                self.look_at(own, known, file)
            finally:
                os._exit(0)
        os.waitpid(child, 0)
        if not file.exists():
            raise RuntimeError(f"lane {self.lane} has seen nothing")
        done.touch()

    def look_at(self, own: list[pytest.Item], known: dict[str, Any], file: Path) -> None:
        """Run tests while there is time, and write what was seen, beside what was known."""
        watch = coverage.Coverage(data_file=None, include=OURS, config_file=False)
        watch.start()
        watch.switch_context(SET_UP)
        self.run(self.stage)
        took, end = known.get("took", {}), time.monotonic() + self.looking
        looked = set(known.get("looked", took))
        random.Random(0).shuffle(own)  # what is seen when the time is over is of all kinds
        own.sort(key=lambda item: not NEAR.search(item.nodeid))
        for item in own:
            if time.monotonic() > end:
                break
            watch.switch_context(item.nodeid)
            since = time.monotonic()
            if self.run(item):
                took[item.nodeid] = time.monotonic() - since
            looked.add(item.nodeid)
        watch.stop()
        data, lines = watch.get_data(), known.get("lines", {})
        for path in data.measured_files():
            of_file = lines.setdefault(str(Path(path).relative_to(ROOT)), {})
            for line, names in data.contexts_by_lineno(path).items():
                of_file[str(line)] = sorted({*of_file.get(str(line), ()), *names})
        part = file.with_suffix(".part")
        part.write_text(
            json.dumps({"took": took, "looked": sorted(looked), "lines": lines}), "utf-8"
        )
        part.rename(file)

    def read_all(self) -> tuple[dict[str, float], dict[tuple[str, int], set[str]]]:
        """Wait for what all lanes have seen; return seconds by test, and tests by file and line."""
        took: dict[str, float] = {}
        reach: dict[tuple[str, int], set[str]] = defaultdict(set)
        for lane in range(self.lanes):
            while not (self.folder / f"looked-{lane}").exists():
                time.sleep(0.5)
            file = self.folder / f"seen-{lane}.json"
            seen = json.loads(file.read_text("utf-8"))
            took |= seen["took"]
            for path, lines in seen["lines"].items():
                for line, names in lines.items():
                    reach[path, int(line)].update(names)
        return took, reach

    @staticmethod
    def in_order(mutant: Mutant, names: set[str], took: dict[str, float]) -> list[str]:
        """Return all tests that reach the line, the likely ones first, each time the quickest.

        Those named like the mutant's function; those of files named like its file or folder; then
        of each file in turn, since tests of one file often take the same way to a line.
        """
        path = Path(mutant.file)
        function = function_at(ROOT / path, mutant.line)
        words = {path.stem, path.parent.name} - {"engine", "repair_app"}
        known = sorted((name for name in names if name in took), key=lambda name: took[name])
        of_file: Counter[str] = Counter()
        turn = {}
        for name in known:
            file, _, test = name.partition("::")
            of_file[file] += 1
            turn[name] = of_file[file]
            if any(word in file for word in words):
                turn[name] = 0
            if function and function in test:
                turn[name] = -1
        return sorted(known, key=lambda name: turn[name])

    # --- one mutant ---

    def remember_functions(self) -> None:
        """Find the functions in memory, wherever a decorator or a table keeps them."""
        self.live = functions_in_memory()

    def attempt(
        self, mutant: Mutant, tests: list[pytest.Item], budget: float
    ) -> tuple[str, str | None, int]:
        """Try one mutant in a fork; return what became of it, by which test, and how many ran."""
        if not tests:
            return NOT_COVERED, None, 0
        reader, writer = os.pipe()
        child = os.fork()
        if not child:
            os.close(reader)
            quiet = os.open(os.devnull, os.O_WRONLY)
            os.dup2(quiet, 1)
            os.dup2(quiet, 2)
            try:
                os.write(writer, json.dumps(self.fate(mutant, tests, budget)).encode())
            except BaseException as fault:  # noqa: BLE001  # whatever it is, the fork ends here
                os.write(writer, json.dumps((NOT_TRIED, repr(fault)[:200], 0)).encode())
            finally:
                os._exit(0)
        os.close(writer)
        answer = self.wait_for(reader, child, budget)
        os.close(reader)
        os.waitpid(child, 0)
        return tuple(json.loads(answer)) if answer else (KILLED, "ended or never came back", 0)

    def wait_for(self, reader: int, child: int, budget: float) -> bytes:
        """Read a child's answer; end one that takes longer than it may."""

        def end(*_: object) -> None:
            os.kill(child, signal.SIGKILL)

        before = signal.signal(signal.SIGALRM, end)
        signal.alarm(int(budget + 2 * SLOWEST))
        answer = os.read(reader, 4096)
        signal.alarm(0)
        signal.signal(signal.SIGALRM, before)
        return answer

    def fate(
        self, mutant: Mutant, tests: list[pytest.Item], budget: float
    ) -> tuple[str, str | None, int]:
        """Put a mutant in and run its tests until one fails or the time is over."""
        try:
            put_in(ROOT / mutant.file, mutant.number, self.live)
        except ValueError as reason:  # a closure that would lose a name
            return NOT_TRIED, str(reason), 0
        end, count = time.monotonic() + budget, 0
        for item in tests:
            if time.monotonic() > end and item is not self.stage:
                break
            count += 1
            if not self.run(item):
                return KILLED, item.nodeid, count
        return SURVIVED, None, count


def functions_in_memory() -> dict[tuple[str, str, int], list[FunctionType]]:
    """Return the application's functions, by file, name and first line."""
    live: dict[tuple[str, str, int], list[FunctionType]] = defaultdict(list)
    for one in gc.get_objects():
        if isinstance(one, FunctionType) and "repair_app" in one.__code__.co_filename:
            code = one.__code__
            live[code.co_filename, code.co_qualname, code.co_firstlineno].append(one)
    return live


def put_in(path: Path, number: int, live: dict[tuple[str, str, int], list[FunctionType]]) -> None:
    """Give the functions in memory the code that they have in a mutant of their file."""
    before, after = functions(compiled(path)), functions(compiled(path, number))
    for (name, line), code in after.items():
        if before.get((name, line)) != code:
            for function in live.get((str(path), name, line), ()):
                function.__code__ = code
