"""The lock files of pip and npm, read: what is pinned, to which bytes, because of what."""

from __future__ import annotations

import base64
import json
import re
from dataclasses import dataclass
from pathlib import Path

PIN = re.compile(r"(?P<name>[a-z0-9][a-z0-9-]*)==(?P<version>[^\s;\\]+)(?: ; (?P<marker>.*?))? \\")
HASH = re.compile(r"    --hash=sha256:(?P<hash>[0-9a-f]{64})(?P<more> \\)?")
VIA = re.compile(r"    #(?: via)?(?:   ?)?(?P<name>.*)")


class NotPinned(Exception):
    """A line of a lock file that leaves open what is installed; its text says which."""


@dataclass(frozen=True)
class Pin:
    """A library in one version: its registry, the hashes of its files, and what asks for it."""

    registry: str  # "pypi" or "npm"
    name: str
    version: str
    hashes: tuple[str, ...]  # in hexadecimal
    marker: str = ""  # where it is installed; empty: everywhere
    wanted_by: tuple[str, ...] = ()
    is_own: bool = False  # named in a file of requirements, and not only asked for by others
    licence: str = ""  # as the lock file says it; those of pip say nothing

    @property
    def address(self) -> str:
        """Return its package URL (purl), which names it everywhere."""
        return f"pkg:{self.registry}/{self.name.replace('@', '%40')}@{self.version}"


def read_pins(path: Path) -> list[Pin]:
    """Return what a lock file of pip pins, in its order. Raises NotPinned."""
    pins: list[Pin] = []
    head: re.Match[str] | None = None
    hashes: list[str] = []
    wanted: list[str] = []
    is_own = False

    def close() -> None:
        if head is None:
            return
        if not hashes:
            raise NotPinned(f"{path.name}: {head['name']} has no hash")
        found = (tuple(hashes), head["marker"] or "", tuple(wanted), is_own)
        pins.append(Pin("pypi", head["name"], head["version"], *found))

    for number, line in enumerate(path.read_text(encoding="utf-8").splitlines(), 1):
        if line.startswith("#") or not line.strip():
            continue
        if one := PIN.fullmatch(line):
            close()
            head, hashes, wanted, is_own = one, [], [], False
        elif head is not None and (one := HASH.fullmatch(line)):
            hashes.append(one["hash"])
        elif head is not None and (one := VIA.fullmatch(line)):
            is_own = is_own or one["name"].startswith("-r ")
            if one["name"].strip() and not one["name"].startswith("-"):
                wanted.append(one["name"].strip())
        else:
            raise NotPinned(f"{path.name}, line {number}: {line.strip()}")
    close()
    return pins


def read_npm(path: Path) -> list[Pin]:
    """Return what a package-lock.json pins, each library once. Raises NotPinned."""
    pins: dict[str, Pin] = {}
    for place, one in json.loads(path.read_text(encoding="utf-8"))["packages"].items():
        if not place:
            continue  # the project itself
        name = place.rpartition("node_modules/")[2]
        algorithm, _, value = one.get("integrity", "").partition("-")
        if algorithm != "sha512":
            raise NotPinned(f"{path.name}: {name} has no hash")
        found = (base64.b64decode(value).hex(),)
        licence = one.get("license", "")
        pin = Pin("npm", name, one["version"], found, licence=licence)
        pins[pin.address] = pin
    return sorted(pins.values(), key=lambda pin: pin.address)
