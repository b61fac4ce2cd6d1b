"""Put small faults into engine, access and ledger, one at a time, and count what the tests notice.

python3 manage.py mutation --sample 300 --seed 1            a third in access and ledger
python3 manage.py mutation --sample 40 --only engine/step   of files whose path has these words

python3 manage.py mutation --fault engine/step.py:40 --tests tests/engine tests/journeys

The sample is drawn by the seed, evenly over all mutants of either part. Each is tried with the
tests (on SQLite) that reach its line, the likely ones first, for at most --budget seconds.
With --folder, looking which test reaches what goes on where an earlier run ended (--look 0:
not at all). Ends with 1 below 90 %, with 2 when no file has the words.
"""

from __future__ import annotations

import argparse
import json
import math
import random
import subprocess
import sys
import tempfile
import time
from collections import Counter
from pathlib import Path

import pytest

from tests.mutation.lane import KILLED, NOT_TRIED, ROOT, SLOWEST, FromTheStart, Lane
from tests.mutation.mutants import Mutant, mutants_of

TRUST = ["repair_app/access.py", "repair_app/ledger.py"]
ENGINE = "repair_app/engine"
FIRST = "tests/mutation/test_mutation.py"  # sets the stage
TESTS = [
    *("tests/engine", "tests/workflows", "tests/journeys", "tests/test_access.py"),
    *("tests/test_ledger.py", "tests/test_data_map.py", "tests/test_letter_pages.py"),
    *("tests/services", "tests/operate/test_retention.py", "tests/sync/test_changes.py"),
    *("tests/history/test_tampering.py", "tests/security/test_erasing.py"),
]
WANTED = 0.9
SURE = 1.96  # standard deviations: 95 %


def all_mutants(only: str = "") -> list[list[Mutant]]:
    """Return the mutants of access and ledger, and those of the engine."""
    engine = sorted(str(one.relative_to(ROOT)) for one in (ROOT / ENGINE).rglob("*.py"))
    return [
        [mutant for name in names if only in name for mutant in mutants_of(ROOT / name, name)]
        for names in (TRUST, engine)
    ]


def sample_of(parts: list[list[Mutant]], size: int, seed: int) -> list[Mutant]:
    """Draw a sample: a third of access and ledger, the rest of the engine, in mixed order."""
    luck, chosen = random.Random(seed), []
    for part, share in zip(parts, (size // 3, size - size // 3), strict=True):
        chosen += luck.sample(part, min(share, len(part)))
    luck.shuffle(chosen)
    return chosen


def interval(killed: int, tried: int) -> tuple[float, float]:
    """Return Wilson's interval of 95 % for a share."""
    if not tried:
        return 0, 1
    share, square = killed / tried, SURE**2
    middle = share + square / (2 * tried)
    half = SURE * math.sqrt(share * (1 - share) / tried + square / (4 * tried**2))
    return (middle - half) / (1 + square / tried), (middle + half) / (1 + square / tried)


def told(results: list[list], parts: list[list[Mutant]]) -> float:
    """Print each file's figures, what was not killed, and the score; return the score."""
    by_file: dict[str, Counter[str]] = {}
    for file, _, _, _, fate, _, _ in results:
        by_file.setdefault(file, Counter())[fate] += 1
    for file, counts in sorted(by_file.items()):
        print(f"{file}: " + ", ".join(f"{count} {fate}" for fate, count in counts.items()))
    for file, number, line, what, fate, by, _ in sorted(results):
        if fate != KILLED:
            print(f"- {file}:{line} ({number}) {what}: {fate}{f' ({by})' if by else ''}")
    score, size = 0.0, sum(map(len, parts))
    for name, part in zip(("access, ledger", "engine"), parts, strict=True):
        files = {one.file for one in part}
        fates = [one[4] for one in results if one[0] in files and one[4] != NOT_TRIED]
        killed, (low, high) = fates.count(KILLED), interval(fates.count(KILLED), len(fates))
        print(
            f"{name}: {killed} of {len(fates)} killed, 95 % between {low:.1%} and {high:.1%};"
            f" {len(part)} mutants in all"
        )
        score += len(part) / size * (killed / len(fates) if fates else 0)
    print(f"score, weighted by the mutants of each part: {score:.1%}")
    return score


def main(arguments: list[str] | None = None) -> int:
    """Run the command; 1: fewer are killed than wanted."""
    parser = argparse.ArgumentParser(
        prog="manage.py mutation",
        description=__doc__,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("--sample", type=int, default=300, help="mutants (%(default)s)")
    parser.add_argument("--seed", type=int, default=1, help="of the sample (%(default)s)")
    parser.add_argument("--fault", nargs="+", help="these instead: engine/step.py:40, the number")
    parser.add_argument("--only", default="", help="files whose path has these words")
    parser.add_argument("--lanes", type=int, default=2, help="processes (%(default)s)")
    parser.add_argument("--budget", type=float, default=60, help="seconds a mutant (%(default)s)")
    parser.add_argument("--look", type=float, default=1200, help="seconds to see (%(default)s)")
    parser.add_argument("--folder", type=Path, help="keep what is seen and found here")
    parser.add_argument("--lane", type=int, help=argparse.SUPPRESS)
    parser.add_argument("--from-start", help=argparse.SUPPRESS)
    parser.add_argument("--tests", nargs="+", default=TESTS, help="what is run")
    given = parser.parse_args(arguments)
    if given.lane is not None:
        return lane(given)
    parts = all_mutants(given.only)
    if not any(parts):
        print(f"no file of engine, access and ledger has {given.only!r}", file=sys.stderr)
        return 2
    folder = given.folder or Path(tempfile.mkdtemp(prefix="redress-mutation-"))
    folder.mkdir(parents=True, exist_ok=True)
    for former in [*folder.glob("results-*.jsonl"), *folder.glob("looked-*")]:
        former.unlink()
    sample = sample_of(parts, given.sample, given.seed)
    if given.fault:
        wanted = {f"repair_app/{one}" for one in given.fault}
        sample = [one for part in parts for one in part if f"{one.file}:{one.number}" in wanted]
        if len(sample) != len(wanted):
            print(f"{len(wanted) - len(sample)} of these faults are not known", file=sys.stderr)
            return 2
    (folder / "sample.json").write_text(json.dumps([[*vars(one).values()] for one in sample]))
    words = [sys.executable, "-m", "tests.mutation", "--folder", str(folder)]
    words += [
        "--lanes",
        str(given.lanes),
        "--budget",
        str(given.budget),
        "--look",
        str(given.look),
        "--tests",
        *given.tests,
    ]
    lanes = [
        subprocess.Popen([*words, "--lane", str(lane)], cwd=ROOT) for lane in range(given.lanes)
    ]
    if not are_done(lanes):
        print("a lane broke off: what was found is not the whole sample", file=sys.stderr)
        return 2
    lines = [line for one in folder.glob("results-*.jsonl") for line in one.open(encoding="utf-8")]
    if len(lines) != len(sample):
        print(f"{len(lines)} results for {len(sample)} mutants", file=sys.stderr)
        return 2
    return 0 if told([json.loads(line) for line in lines], parts) >= WANTED else 1


def lane(given: argparse.Namespace) -> int:
    """Run pytest as one of the processes: a lane, or one mutant in a process of its own."""
    words = ["-q", "-n0", "-k", "not postgresql", "-p", "no:cacheprovider", "-p", "no:randomly"]
    words += [f"-otimeout={SLOWEST}"]
    if given.from_start:
        file, _, number = given.from_start.partition(":")
        alone = FromTheStart(Mutant(file, int(number), 0, ""))
        words += ["-x", f"--basetemp={given.folder / f'files-{given.lane}-alone'}"]
        return int(pytest.main([*words, *given.tests], plugins=[alone]))
    plugin = Lane(given.folder, given.lane, given.lanes, given.budget, given.look)
    words += [f"--basetemp={given.folder / f'files-{given.lane}'}", FIRST]
    return int(pytest.main([*words, *given.tests], plugins=[plugin]))


def are_done(lanes: list[subprocess.Popen[bytes]]) -> bool:
    """Wait for all lanes; where one breaks off, end those that would wait for it."""
    while any(lane.poll() is None for lane in lanes) and not any(map(broke_off, lanes)):
        time.sleep(0.2)
    for lane in lanes:
        if lane.poll() is None:
            lane.terminate()
        lane.wait()
    return not any(map(broke_off, lanes))


def broke_off(lane: subprocess.Popen[bytes]) -> bool:
    """Say whether a lane ended otherwise than after its tests, of which many are to fail."""
    return lane.poll() not in {None, pytest.ExitCode.OK, pytest.ExitCode.TESTS_FAILED}


if __name__ == "__main__":
    sys.exit(main())
