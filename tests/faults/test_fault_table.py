"""The table of faults is whole, its tests and controls are there, and the page is drawn of it."""

from tests.faults.table import PAGE, draw, read_table
from tests.node_ids import functions_of


def test_every_fault_stands_there_once_with_its_invariant_a_test_and_a_control():
    faults = read_table()
    assert [one["number"] for one in faults] == [f"F{number}" for number in range(1, 18)]
    for one in faults:
        for part in ("fault", "invariant"):
            assert one[part], f"{one['number']} has no {part}"
        for part in ("tests", "controls"):
            assert one[part] or one.get("owner"), f"{one['number']} has no {part}"


def test_every_test_that_is_named_is_there():
    for one in read_table():
        named = [*one["tests"], *one["controls"]]
        assert len(set(named)) == len(named), one["number"]
        for test in named:
            path, _, name = test.partition("::")
            assert name in functions_of(path), f"{one['number']}: there is no {test}"


def test_the_page_is_drawn_of_the_table():
    """Where it is not: `python -m tests.faults.table`."""
    assert PAGE.read_text(encoding="utf-8") == draw(read_table())
