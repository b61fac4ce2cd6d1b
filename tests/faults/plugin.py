"""A plugin of pytest: whatever step a story takes on PostgreSQL is first killed at each point.

For `-p tests.faults.plugin`, with the folder REDRESS_KILLS: a file for each step that was killed,
so that several processes kill each step once.
"""

import os
from collections.abc import Iterator
from math import inf
from pathlib import Path

import pytest

from tests.faults.killing import Choice, Killer, Report, Step, all_points, files_of

FOLDER = Path(os.environ.get("REDRESS_KILLS", "/nowhere"))
MOST = 4  # times that one occasion is looked at: some bring about more steps than others
FIRST = "test_rare_steps.py"  # here each is: it brings about what the same elsewhere does not


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Begin with the rare steps: others would have used up the occasions."""
    items.sort(key=lambda one: one.path.name != FIRST)


def claim(step: Step) -> bool:
    """Say whether this process is the first to come by a step."""
    try:
        (FOLDER / step.name).touch(exist_ok=False)
    except FileExistsError:
        return False
    return True


def new_ones() -> Choice:
    """Choose every point of the steps that nobody has killed."""

    def choose(scout: Report) -> list[tuple[str, str]]:
        mine = {one.name for one in scout.steps if claim(one)}
        return all_points(lambda one: one.name in mine)(scout)

    return choose


@pytest.fixture(autouse=True)
def killed(request: pytest.FixtureRequest) -> Iterator[None]:
    """Watch a test that has a stage."""
    stage = request.getfixturevalue("stage") if "stage" in request.fixturenames else None
    if stage is None or stage.store.name != "postgresql":
        yield
        return
    files = files_of(stage.store)
    files.read()
    killer = Killer(files, new_ones(), inf if request.path.name == FIRST else MOST)
    try:
        with killer.watching():
            yield
    finally:
        files.close()
        for name, points in killer.killed.items():
            with (FOLDER / name).open("a") as known:  # several processes may come by a step
                known.write("".join(f"{one}\n" for one in sorted(points)))
