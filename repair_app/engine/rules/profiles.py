"""Which rule pack applies when, to each part of what is regulated."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date
from itertools import pairwise
from pathlib import Path
from types import MappingProxyType
from typing import Any

from repair_app.engine.rules.library import PROFILES_FILE
from repair_app.engine.rules.pack import RulePack
from repair_app.engine.rules.reader import PARTS
from repair_app.engine.rules.tables import RuleError, Table, read_toml, suggest
from repair_app.labels import Label

# Which date a profile chooses the pack by.
CHOSEN_BY = frozenset({"fixed", "application_date", "decision_date"})


@dataclass(frozen=True)
class Span:
    """A rule pack of a profile and the first day it applies (None: always before the next)."""

    pack: str
    since: date | None


@dataclass(frozen=True)
class Choice:
    """How a profile chooses the pack of one part; `spans` are in order of time."""

    by: str
    spans: tuple[Span, ...]
    source: str
    grade: str


@dataclass(frozen=True)
class Profile:
    """Which rule pack applies when: one choice for each part."""

    name: str
    label: Label
    parts: Mapping[str, Choice]


def select_pack(
    profile: Profile,
    packs: Mapping[str, RulePack],
    part: str,
    *,
    decided_on: date,
    applied_on: date,
) -> RulePack:
    """Return the rule pack that a profile chooses for a part, a decision and an application.

    Raises RuleError when no pack applies on that day, or the profile names one that is not there.
    """
    choice = profile.parts[part]
    day = decided_on if choice.by == "decision_date" else applied_on
    chosen = [span for span in choice.spans if span.since is None or span.since <= day]
    place = f"{PROFILES_FILE}: {profile.name}.{part}"
    if not chosen:
        raise RuleError(f"{place}: no rule pack on {day}")
    if chosen[-1].pack not in packs:
        name = chosen[-1].pack
        raise RuleError(f"{place}: unknown rule pack {name!r}{suggest(name, packs)}")
    return packs[chosen[-1].pack]


def check_profile(profile: Profile, packs: Mapping[str, RulePack]) -> None:
    """Refuse a profile that names a pack that is not there or does not regulate the part.

    Nor may it choose by its own date a pack before that is in force. Raises RuleError.
    """
    for part, choice in profile.parts.items():
        for span in choice.spans:
            place = f"{PROFILES_FILE}: {profile.name}.{part}.packs"
            pack = packs.get(span.pack)
            if pack is None:
                raise RuleError(
                    f"{place}: unknown rule pack {span.pack!r}{suggest(span.pack, packs)}"
                )
            if part not in pack.parts:
                regulates = ", ".join(sorted(pack.parts))
                raise RuleError(f"{place}: {pack.id} regulates {regulates}, not {part}")
            if span.since and pack.valid_from and span.since < pack.valid_from:
                raise RuleError(f"{place}: {pack.id} is in force from {pack.valid_from} only")


def load_profiles(path: Path) -> dict[str, Profile]:
    """Return the profiles of a file, by name. Raises RuleError naming file and key."""
    raw = read_toml(path)
    return {name: _read_profile(path.name, name, raw) for name in raw}


def _read_profile(file: str, name: str, raw: dict[str, Any]) -> Profile:
    body = Table(file, name, _with_base(file, name, raw))
    body.has("extends")
    label = body.label("label")
    parts = {part: _read_choice(body.table(part)) for part in sorted(PARTS)}
    body.end()
    return Profile(name, label, MappingProxyType(parts))


def _with_base(
    file: str, name: str, raw: dict[str, Any], path: tuple[str, ...] = ()
) -> dict[str, Any]:
    """Return a profile's table; parts that it does not state are those of the one it extends."""
    if name in path:
        chain = " -> ".join([*path, name])
        raise RuleError(f"{file}: {path[-1]}.extends: goes round in a circle: {chain}")
    own = Table(file, name, raw[name])
    if not own.has("extends"):
        return own.left
    base = own.text("extends")
    if base not in raw:
        hint = suggest(base, set(raw) - {name})
        raise own.refuse("extends", f"unknown profile {base!r}{hint}")
    below = _with_base(file, base, raw, (*path, name))
    return {key: one for key, one in below.items() if key in PARTS} | own.left


def _read_choice(body: Table) -> Choice:
    by = body.one_of("by", CHOSEN_BY)
    spans = tuple(
        _read_span(row, dated=by != "fixed", first=number == 0)
        for number, row in enumerate(body.rows("packs"))
    )
    choice = Choice(by, spans, **body.source_fields())
    body.end()
    if by == "fixed" and len(spans) != 1:
        raise body.refuse("packs", "a fixed profile has one rule pack")
    days = [span.since for span in spans if span.since is not None]
    if any(later <= earlier for earlier, later in pairwise(days)):
        raise body.refuse("packs", "are not in order of time")
    return choice


def _read_span(row: Table, *, dated: bool, first: bool) -> Span:
    """Read a pack and its first day; the first of a row may apply to all days before the next."""
    pack = row.text("pack")
    since = row.day("from") if dated and not (first and not row.has("from")) else None
    row.end()
    return Span(pack, since)
