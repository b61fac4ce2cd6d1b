"""What was reviewed, compared with what is there: licences, and files that others wrote."""

from __future__ import annotations

import importlib.metadata
import re
from collections.abc import Iterator
from importlib.util import find_spec
from pathlib import Path

from deploy.supply.bill import BILL, PROVIDER, ROOT, digest_of, make_bill, read_table
from deploy.supply.lock import NotPinned, Pin, read_npm, read_pins

PREFIX = "libraries:"  # of a path: the file lies in an installed library


def find_flaws() -> list[str]:
    """Return what does not agree, a line each; empty: nothing."""
    try:
        pins = read_pins(ROOT / "requirements-dev.txt")
        runtime = read_pins(ROOT / "requirements.txt")
        helpers = read_npm(PROVIDER)
    except NotPinned as flaw:
        return [str(flaw)]
    flaws = [*check_sets(runtime, pins), *check_licences(pins, helpers), *check_files()]
    if not flaws and (not BILL.exists() or BILL.read_text(encoding="utf-8") != make_bill()):
        flaws.append("docs/sbom.json is not of today's lists: run `python3 manage.py sbom`")
    return flaws


def check_sets(runtime: list[Pin], pins: list[Pin]) -> Iterator[str]:
    """Yield what is installed twice over, or otherwise in tests than on a server."""
    tested = {(pin.name, pin.version, pin.marker, pin.hashes) for pin in pins}
    for pin in runtime:
        if (pin.name, pin.version, pin.marker, pin.hashes) not in tested:
            yield f"{pin.name} {pin.version} is served with and not tested with"
    seen: set[tuple[str, str]] = set()
    for pin in pins:
        if (pin.name, pin.marker) in seen:
            yield f"{pin.name} is pinned twice for the same place"
        seen.add((pin.name, pin.marker))


def check_licences(pins: list[Pin], helpers: list[Pin]) -> Iterator[str]:
    """Yield licences that nobody reviewed, or that are not the ones reviewed."""
    table = read_table("licences")
    allowed, reviewed, excused = table["allowed"], table["libraries"], table["excused"]
    names = {pin.name for pin in pins}
    for name in sorted(names - set(reviewed)):
        yield f"the licence of {name} was not reviewed: deploy/supply/licences.toml"
    for name in sorted(set(reviewed) - names):
        yield f"{name} is no library of ours any more: deploy/supply/licences.toml"
    for name, licence in reviewed.items():
        if licence not in allowed and name not in excused:
            yield f"{name} has a licence that is not allowed: {licence}"
        said = spoken_licence(name)
        if said is not None and said != table["said"].get(name, licence):
            yield f"{name} says that its licence is {said}, reviewed was {licence}"
    for pin in helpers:
        if pin.licence not in allowed:
            yield f"{pin.name} (npm) has a licence that is not allowed: {pin.licence or 'none'}"


def spoken_licence(name: str) -> str | None:
    """Return what an installed library says of its licence, in one line; None: not installed."""
    try:
        told = importlib.metadata.metadata(name)
    except importlib.metadata.PackageNotFoundError:
        return None
    if expression := told.get("License-Expression"):
        return str(expression)
    classes = [
        one.rpartition(" :: ")[2]
        for one in told.get_all("Classifier") or ()
        if one.startswith("License") and not one.endswith("OSI Approved")
    ]
    if classes:
        return COMMON.get(classes[0], classes[0]) if len(classes) == 1 else " / ".join(classes)
    plain = " ".join((told.get("License") or "none").split())
    return plain[:60]


# As the registry calls it -> as SPDX does, where the former can only mean the latter.
COMMON = {
    "MIT License": "MIT",
    "Apache Software License": "Apache-2.0",
    "ISC License (ISCL)": "ISC",
    "Mozilla Public License 2.0 (MPL 2.0)": "MPL-2.0",
    "The Unlicense (Unlicense)": "Unlicense",
    "SIL Open Font License 1.1 (OFL-1.1)": "OFL-1.1",
}


def check_files() -> Iterator[str]:
    """Yield files of others that were changed, or that nobody reviewed."""
    table = read_table("vendored")
    for one in table["file"]:
        path = place_of(one["path"])
        if not path.is_file():
            yield f"{one['path']} is not there"
        elif digest_of(path) != one["sha256"]:
            yield f"{one['path']} is not the file that was reviewed"
    known = set(table["own"]["static"]) | {one["path"] for one in table["file"]}
    for path in sorted((ROOT / "repair_app" / "static").rglob("*")):
        name = path.relative_to(ROOT).as_posix()
        if path.is_file() and name not in known:
            yield f"{name}: whose is it? deploy/supply/vendored.toml"


def place_of(name: str) -> Path:
    """Return where a listed file lies."""
    if not name.startswith(PREFIX):
        return ROOT / name
    library, _, rest = name.removeprefix(PREFIX).partition("/")
    if not re.fullmatch(r"\w+", library):
        raise ValueError(f"{library} is no library")
    found = find_spec(library)
    folder = Path(found.origin).parent if found and found.origin else ROOT / "missing"
    return folder / rest
