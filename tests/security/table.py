"""The table of attacks as a page: `python -m tests.security.table` writes docs/attacks.md anew."""

import tomllib
from pathlib import Path
from typing import Any

from tests.drawn import draw_line, spell

ROOT = Path(__file__).parents[2]
TABLE = ROOT / "tests" / "security" / "attacks.toml"
PAGE = ROOT / "docs" / "attacks.md"
HEAD = """\
# Attacks that are refused

Each line is an attack, what has to come of it, where it was done to somebody, the tests that show
it here, and tests in which a guard is taken away, so that it is seen to be what refuses. Drawn of
[tests/security/attacks.toml](../tests/security/attacks.toml) by
`python -m tests.security.table`. To see for yourself: `python3 manage.py test tests/security`, or
any test by its name.

ASVS: items of the OWASP Application Security Verification Standard 5.0.0.

| # | Who, and what is tried | What has to come of it | ASVS | Where | Tests | Controls |
|---|---|---|---|---|---|---|
"""


def read_table() -> list[dict[str, Any]]:
    """Return the attacks, in the order of the file."""
    return tomllib.loads(TABLE.read_text(encoding="utf-8"))["attack"]


def draw(attacks: list[dict[str, Any]]) -> str:
    """Return the page."""
    return HEAD + "".join(draw_line(cells_of(one)) for one in attacks)


def cells_of(attack: dict[str, Any]) -> list[str]:
    """Return what stands in the line of an attack."""
    return [
        str(attack["number"]),
        f"**{attack['who']}**: {attack['request']}",
        attack["expected"],
        " ".join(attack["asvs"]),
        "; ".join(attack["precedent"]) or "–",
        spell(attack["tests"]),
        spell(attack.get("controls", [])) or "–",
    ]


if __name__ == "__main__":
    PAGE.write_text(draw(read_table()), encoding="utf-8")
