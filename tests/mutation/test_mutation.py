"""Small faults are put in, and noticed."""

import importlib.util
import inspect
from collections.abc import Callable
from pathlib import Path
from types import FunctionType, ModuleType

import pytest

from tests.conftest import Stage
from tests.mutation.__main__ import all_mutants, interval, main, sample_of
from tests.mutation.lane import ROOT, Lane, put_in
from tests.mutation.mutants import Mutant, mutants_of

SOURCE = """
def of_age(years):
    return years >= 18


def at_least_nothing(number):
    if number > 0:
        return number
    return 0


def door(open_to, *, told=None):
    if told is not None:
        told.append(open_to)
    return "whoever" in open_to and dict(a=open_to)
"""


def test_the_stage_is_set(stage: Stage) -> None:
    """What every process of `manage.py mutation` runs first, to have an application."""
    assert stage.world.firm.id


@pytest.fixture
def module(tmp_path: Path) -> ModuleType:
    path = tmp_path / "small.py"
    path.write_text(SOURCE, encoding="utf-8")
    spec = importlib.util.spec_from_file_location("small", path)
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def fates(module: ModuleType, test: Callable[[], None]) -> dict[tuple[int, str], bool]:
    """Put in one mutant after another; tell of each whether the test noticed it."""
    path, found = Path(module.__file__), {}
    for mutant in mutants_of(path, "small.py"):
        made = [one for one in vars(module).values() if inspect.isfunction(one)]
        live: dict[tuple[str, str, int], list[FunctionType]] = {
            (str(path), one.__code__.co_qualname, one.__code__.co_firstlineno): [one]
            for one in made
        }
        before = [one.__code__ for one in made]
        put_in(path, mutant.number, live)
        try:
            test()
            found[mutant.line, mutant.what] = False
        except (AssertionError, AttributeError):
            found[mutant.line, mutant.what] = True
        for function, code in zip(made, before, strict=True):
            function.__code__ = code
    return found


def test_what_matters_is_noticed_and_what_makes_no_difference_is_not(module: ModuleType) -> None:
    def test() -> None:
        assert [module.of_age(years) for years in (17, 18, 19)] == [False, True, True]
        assert [module.at_least_nothing(number) for number in (-1, 0, 1)] == [0, 0, 1]
        told: list[str] = []
        assert module.door("whoever", told=told) == {"a": "whoever"}
        assert not module.door("nobody")
        assert told == ["whoever"]

    assert fates(module, test) == {
        (3, "returns None"): True,
        (3, "GtE becomes Gt"): True,
        (3, "18 becomes 19"): True,
        (7, "Gt becomes GtE"): False,  # nought is nought either way
        (7, "0 becomes 1"): True,
        (8, "returns None"): True,
        (9, "returns None"): True,
        (9, "0 becomes 1"): True,
        (13, "IsNot becomes Is"): True,
        (14, "statement left out"): True,
        (15, "returns None"): True,
        (15, "And becomes Or"): True,
        (15, "In becomes NotIn"): True,
        (15, "keyword a dropped"): True,
    }


def test_the_same_seed_draws_the_same_and_a_third_is_of_access_and_ledger() -> None:
    parts = all_mutants()
    once, again, other = (sample_of(parts, 30, seed) for seed in (1, 1, 2))
    assert once == again != other
    assert len(set(once)) == 30
    assert sum(one.file in {"repair_app/access.py", "repair_app/ledger.py"} for one in once) == 10


def test_a_fault_that_is_not_there_is_told(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["--folder", str(tmp_path), "--fault", "engine/step.py:99999"]) == 2
    assert "1 of these faults are not known" in capsys.readouterr().err


def test_the_likely_tests_come_first_and_then_those_of_each_file_in_turn() -> None:
    """Named like the function; of a file named like the fault's file or folder; the quickest."""
    file = "repair_app/engine/guards/terms.py"
    line = next(
        number
        for number, text in enumerate(Path(ROOT / file).read_text("utf-8").splitlines(), start=1)
        if "Nobody has asked for more time" in text
    )
    took = {
        "tests/journeys/test_a.py::test_slow": 3.0,
        "tests/journeys/test_a.py::test_quick": 1.0,
        "tests/journeys/test_b.py::test_other": 2.0,
        "tests/engine/test_guards.py::test_whatever": 0.5,
        "tests/engine/test_c.py::test_extension_was_asked_for": 4.0,
        "tests/engine/test_c.py::test_not_seen_to_pass": 0.1,
    }
    names = set(took)
    passed = {name: one for name, one in took.items() if "not_seen" not in name}
    ordered = Lane.in_order(Mutant(file, 0, line, ""), names, passed)
    assert [name.partition("::test_")[2] for name in ordered] == [
        *("extension_was_asked_for", "whatever", "quick", "other", "slow")
    ]


def test_the_interval_is_wilsons() -> None:
    assert interval(90, 100) == pytest.approx((0.8256, 0.9448), abs=1e-4)
    assert interval(0, 0) == (0, 1)


def test_words_that_no_file_has_are_told(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["--only", "no/such/file"]) == 2
    assert "no file of engine, access and ledger has 'no/such/file'" in capsys.readouterr().err
