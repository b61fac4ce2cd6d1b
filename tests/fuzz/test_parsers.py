"""Every parser, for a moment: the same inputs in each run. For minutes: `manage.py fuzz`."""

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from tests.fuzz.__main__ import main, run
from tests.fuzz.strategy import inputs
from tests.fuzz.targets import CORPUS, TARGETS, Target

each = pytest.mark.parametrize("target", TARGETS.values(), ids=TARGETS)
briefly = settings(max_examples=40, suppress_health_check=list(HealthCheck), deadline=None)


@each
def test_what_once_broke_a_parser_and_its_seeds_break_nothing(target: Target) -> None:
    assert len(target.seeds) >= 2
    for seed in target.seeds:
        target.feed(seed)


@each
@briefly
@given(data=st.data())
def test_whatever_comes_is_answered(target: Target, data: st.DataObject) -> None:
    target.feed(data.draw(inputs(target)))


def test_every_folder_of_the_corpus_has_its_parser() -> None:
    assert {path.name for path in CORPUS.iterdir()} == set(TARGETS)


def test_a_parser_that_breaks_is_found_and_its_input_kept(tmp_path, monkeypatch, capsys) -> None:
    def break_down(content: bytes) -> None:
        if b"%PDF-1.7" in content[3:]:
            raise ZeroDivisionError

    broken = Target("evidence", break_down, TARGETS["evidence"].words)
    found = run(broken, seconds=60, keep=tmp_path)
    assert found.problem is not None
    assert "ZeroDivisionError" in found.problem
    kept = [path.read_bytes() for path in tmp_path.iterdir()]
    assert len(kept) == 1
    assert b"%PDF-1.7" in kept[0][3:]


def test_the_command_feeds_the_parsers_that_are_named(monkeypatch, capsys) -> None:
    assert main(["--minutes", "0.001", "receipt"]) == 0
    assert "receipt" in capsys.readouterr().out
    assert main(["--minutes", "0.001", "nowhere"]) == 2
