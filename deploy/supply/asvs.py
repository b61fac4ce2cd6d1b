"""OWASP ASVS 5.0.0, item by item: docs/asvs.md is drawn of docs/asvs.toml.

python3 manage.py asvs            draw the page
python3 manage.py asvs --check    compare it, and look whether what is named is there
"""

from __future__ import annotations

import argparse
import re
import sys
import tomllib
from collections import Counter
from collections.abc import Iterator
from functools import cache
from pathlib import Path
from typing import Any

from tests.node_ids import functions_of

ROOT = Path(__file__).resolve().parents[2]
TABLE = ROOT / "docs" / "asvs.toml"
PAGE = ROOT / "docs" / "asvs.md"
ITEMS = ROOT / "tests" / "asvs" / "items.txt"  # numbers and levels, as the standard has them
ANSWERS = ("tests", "settings", "documents", "absent", "open")
KNOWN = {"id", "level", "asks", "note", *ANSWERS}
STANDINGS = {"met": "met", "absent": "does not apply", "open": "open"}

HEAD = """\
# OWASP ASVS 5.0.0, item by item

Drawn of [asvs.toml](asvs.toml) by `python3 manage.py asvs`; a test looks whether each test, setting
and document named here is there. What each item asks is said in our own words, by its number in the
standard (<https://github.com/OWASP/ASVS>, version 5.0.0), whose text counts. To see for yourself:
`python3 manage.py test tests/NAME`, with a name of the last column.
"""

Item = dict[str, Any]


def load(path: Path = TABLE) -> list[Item]:
    """Return the items of the table."""
    items: list[Item] = tomllib.loads(path.read_text(encoding="utf-8"))["item"]
    return items


def standing_of(item: Item) -> str:
    """Return whether an item is met, does not apply, or is open."""
    return "open" if "open" in item else "absent" if "absent" in item else "met"


def find_flaws(items: list[Item]) -> list[str]:
    """Return what does not hold together, a line each."""
    flaws = list(check_numbers(items))
    for item in items:
        flaws += [f"{item['id']}: {one}" for one in check_item(item)]
    return flaws


def check_numbers(items: list[Item]) -> Iterator[str]:
    """Yield items that lack, that are not of the standard, or stand there twice."""
    lines = ITEMS.read_text(encoding="utf-8").splitlines()
    wanted = {tuple(line.split()) for line in lines if line and not line.startswith("#")}
    counted = Counter((one["id"], str(one["level"])) for one in items)
    yield from (f"{number} is not answered" for number, _ in sorted(wanted - set(counted)))
    yield from (f"{number} is no item" for number, _ in sorted(set(counted) - wanted))
    yield from (f"{number} stands there twice" for (number, _), n in counted.items() if n > 1)


def check_item(item: Item) -> Iterator[str]:
    """Yield what an item names and is not there, or that it is not answered."""
    if unknown := sorted(set(item) - KNOWN):
        yield f"what is {unknown[0]}?"
    if not any(item.get(one) for one in ANSWERS):
        yield "nothing answers it"
    if "absent" in item and set(item) & {"tests", "settings", "open"}:
        yield "it is answered, and said not to apply"
    yield from (f"no test {one}" for one in item.get("tests", ()) if not is_test(one))
    yield from (f"no setting {one}" for one in item.get("settings", ()) if not is_setting(one))
    yield from (f"no document {one}" for one in item.get("documents", ()) if not is_document(one))


def is_test(node_id: str) -> bool:
    """Say whether there is such a test."""
    path, _, name = node_id.partition("::")
    return path.startswith("tests/") and name.startswith("test_") and name in functions_of(path)


@cache
def settings_text() -> str:
    """Return the files in which settings stand."""
    files = (ROOT / "config.py", ROOT / "deploy" / "env.example")
    return "\n".join(one.read_text(encoding="utf-8") for one in files)


def is_setting(name: str) -> bool:
    """Say whether there is such a setting, of config.py or of the environment."""
    return re.search(rf"(?:^|[\s.\"]){re.escape(name)}(?:\"|=|:| =)", settings_text()) is not None


def is_document(place: str) -> bool:
    """Say whether there is such a document, and such a heading in it."""
    path, _, heading = place.partition("#")
    file = ROOT / path
    if not file.exists() or not heading:
        return file.exists()
    text = file.read_text(encoding="utf-8")
    return re.search(rf"^#+ {re.escape(heading)}$", text, re.MULTILINE) is not None


def draw(items: list[Item]) -> str:
    """Return the page."""
    count = Counter(standing_of(one) for one in items)
    levels = Counter(one["level"] for one in items)
    applying = [one for one in items if standing_of(one) != "absent"]
    low = [one for one in applying if one["level"] < 3]  # noqa: PLR2004  # levels 1 and 2
    wanting = [one for one in items if "open" in one]
    lines = [
        HEAD,
        f"{len(items)} items: {levels[1]} of level 1, {levels[2]} of level 2, and {levels[3]} of",
        f"level 3 that were taken on. **{count['met']} met, {count['open']} open,",
        f"{count['absent']} do not apply.** Of levels 1 and 2 {len(low)} apply, those of OAuth,",
        "OpenID Connect and tokens among them.",
        "",
        "## Open",
        "",
        *(f"- {one['id']} (level {one['level']}), {one['asks']}: {one['open']}" for one in wanting),
        "",
        "## All items",
        "",
        "| Item | L | Asks | Standing | Answer |",
        "|---|---|---|---|---|",
        *(draw_row(one) for one in items),
    ]
    return "\n".join(lines) + "\n"


def draw_row(item: Item) -> str:
    """Return the row of an item."""
    said = [f"`{one.removeprefix('tests/')}`" for one in item.get("tests", ())]
    said += [f"setting `{one}`" for one in item.get("settings", ())]
    said += [link(one) for one in item.get("documents", ())]
    said += [item[one] for one in ("absent", "open", "note") if one in item]
    cells = (item["id"], str(item["level"]), item["asks"], STANDINGS[standing_of(item)])
    return f"| {' | '.join(cells)} | {'<br>'.join(said)} |"


def link(place: str) -> str:
    """Return a document with its heading, as a link from the page."""
    path, _, heading = place.partition("#")
    near = path.removeprefix("docs/") if path.startswith("docs/") else f"../{path}"
    return f"[{path}]({near})" + (f", “{heading}”" if heading else "")


def main() -> int:
    """Draw the page, or compare it; 1: something named is not there, or it is not of today."""
    parser = argparse.ArgumentParser(
        prog="manage.py asvs",
        description=__doc__,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("--check", action="store_true", help="write nothing, compare")
    chosen = parser.parse_args()
    items = load()
    flaws = find_flaws(items)
    if chosen.check and not flaws and PAGE.read_text(encoding="utf-8") != draw(items):
        flaws.append("docs/asvs.md is not of today's table: run `python3 manage.py asvs`")
    for one in flaws:
        print(f"✗ {one}", file=sys.stderr)
    if not flaws and not chosen.check:
        PAGE.write_text(draw(items), encoding="utf-8")
    count = Counter(standing_of(one) for one in items)
    told = ", ".join(f"{count[one]} {name}" for one, name in STANDINGS.items())
    print(f"{len(items)} items: {told}")
    return 1 if flaws else 0


if __name__ == "__main__":
    sys.exit(main())
