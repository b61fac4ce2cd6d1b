"""The table of attacks is whole, its tests are there, and the page is drawn of it."""

import re

from tests.node_ids import functions_of
from tests.security.table import PAGE, ROOT, draw, read_table

OWN = re.compile(r"test_rows?_((?:\d\d_)+)")


def test_every_attack_stands_there_once_with_its_answer_and_a_test():
    attacks = read_table()
    assert [one["number"] for one in attacks] == list(range(1, 85))
    for one in attacks:
        assert one["who"], one["number"]
        assert one["request"], one["number"]
        assert one["expected"], one["number"]
        assert all(re.fullmatch(r"\d+\.\d+\.\d+", item) for item in one["asvs"]), one["number"]
        assert one["asvs"], one["number"]
        assert one["tests"] or one.get("owner"), f"no test of {one['number']}"


def test_of_every_attack_it_is_seen_that_it_succeeds_without_the_guard():
    assert [one["number"] for one in read_table() if not one.get("controls")] == []


def test_most_attacks_were_done_to_somebody():
    assert sum(bool(one["precedent"]) for one in read_table()) >= 48


def test_every_test_that_is_named_is_there():
    for one in read_table():
        tests = [*one["tests"], *one.get("controls", [])]
        assert len(set(tests)) == len(tests), one["number"]
        for test in tests:
            path, _, name = test.partition("::")
            assert name in functions_of(path), f"{one['number']}: there is no {test}"


def test_every_test_of_this_folder_is_named_in_its_rows():
    """Those in which a guard is taken away stand apart from those in which it holds."""
    rows = {one["number"]: one for one in read_table()}
    for file in sorted((ROOT / "tests" / "security").glob("test_*.py")):
        path = file.relative_to(ROOT).as_posix()
        for name in functions_of(path):
            if found := OWN.match(name):
                part = "controls" if "_control_" in name else "tests"
                for number in map(int, found[1].strip("_").split("_")):
                    named = rows[number].get(part, [])
                    assert f"{path}::{name}" in named, f"{number} does not name {name}"


def test_the_page_is_drawn_of_the_table():
    """Where it is not: `python -m tests.security.table`."""
    assert PAGE.read_text(encoding="utf-8") == draw(read_table())
