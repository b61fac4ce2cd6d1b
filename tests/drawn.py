"""Cells of the tables that are drawn of a file: of attacks, of faults."""

from collections.abc import Iterable


def spell(tests: Iterable[str]) -> str:
    """Return names of tests below each other."""
    return "<br>".join(f"`{one.removeprefix('tests/')}`" for one in tests)


def draw_line(cells: Iterable[str]) -> str:
    """Return a line of a table; a text stays within its cell."""
    return "| " + " | ".join(one.replace("|", "\\|") for one in cells) + " |\n"
