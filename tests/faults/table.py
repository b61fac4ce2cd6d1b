"""The table of faults as a page: `python -m tests.faults.table` writes docs/faults.md anew."""

import tomllib
from pathlib import Path
from typing import Any

from tests.drawn import draw_line, spell

ROOT = Path(__file__).parents[2]
TABLE = ROOT / "tests" / "faults" / "faults.toml"
PAGE = ROOT / "docs" / "faults.md"
HEAD = """\
# Faults that are survived

Each line is a fault, what has to hold whatever it meets, the tests that bring it about, and a test
in which a safeguard is taken away, so that it is seen to be what the others rest on. Drawn of
[tests/faults/faults.toml](../tests/faults/faults.toml) by `python -m tests.faults.table`. To see
for yourself: `python3 manage.py test tests/faults`, or any test by its name; with `--all` those of
every step and every round, too.

| # | Fault | What has to hold | Tests | Without the safeguard | Figure |
|---|---|---|---|---|---|
"""


def read_table() -> list[dict[str, Any]]:
    """Return the faults, in the order of the file."""
    return tomllib.loads(TABLE.read_text(encoding="utf-8"))["fault"]


def draw(faults: list[dict[str, Any]]) -> str:
    """Return the page."""
    return HEAD + "".join(draw_line(cells_of(one)) for one in faults)


def cells_of(fault: dict[str, Any]) -> list[str]:
    """Return what stands in the line of a fault."""
    return [
        fault["number"],
        fault["fault"],
        fault["invariant"],
        spell(fault["tests"]),
        spell(fault["controls"]) or fault.get("owner", ""),
        fault["figure"],
    ]


if __name__ == "__main__":
    PAGE.write_text(draw(read_table()), encoding="utf-8")
