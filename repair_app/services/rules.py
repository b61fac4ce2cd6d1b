"""The rule packs as people look at them: what each says, which is in force, how two differ."""

from collections import Counter
from collections.abc import Collection, Iterator, Mapping
from dataclasses import dataclass
from datetime import date
from pathlib import Path
from typing import Any

from flask import current_app

from repair_app.db import today
from repair_app.engine.assessment import assess_record
from repair_app.engine.policy import Policy
from repair_app.engine.rules import (
    GRADES,
    PARTS,
    Library,
    Material,
    RuleError,
    RulePack,
    Stated,
    load_library,
)
from repair_app.engine.rules.tables import read_toml, suggest
from repair_app.models import Case
from repair_app.services.policy import current_policy
from repair_app.services.rule_words import plain, value_words


@dataclass(frozen=True)
class Listed:
    """A rule pack in the list: the parts that go by it today, and how many values of each grade."""

    pack: RulePack
    in_force: tuple[str, ...]
    grades: Mapping[str, int]

    @property
    def is_current(self) -> bool:
        """Say whether new cases may begin with it."""
        return current_policy().packs.get(self.pack.id) is self.pack


@dataclass(frozen=True)
class Change:
    """A value that two packs state differently; None where one of them does not state it."""

    key: str
    before: str | None
    after: str | None


@dataclass(frozen=True)
class Asked:
    """A group of materials of which a repair needs one, and whether one of them is there.

    What a requirement yields is there once that is met; a proof of rectification, or any other
    paper, once it was attached as what it is.
    """

    group: tuple[Material, ...]
    is_met: bool


def list_materials(case: Case) -> tuple[Asked, ...]:
    """Return the materials that a repair asks for by its rules; none for any other case."""
    policy = current_policy()
    if case.workflow != "repair":
        return ()
    pack = policy.pack_of(case)
    severity = assess_record(pack, case.record).severity
    met = {
        one.workflow for one in case.requirements if policy.workflow_of(one).states[one.state].meets
    }
    attached = {one.material for one in case.documents}
    return tuple(
        Asked(group, any(_is_there(one, met, attached) for one in group))
        for group in pack.checklist(severity, case.record.penalty_categories)
    )


def _is_there(material: Material, met: Collection[str], attached: Collection[str | None]) -> bool:
    return material.code in attached or material.requirement in set(met) - {"rectification"}


def parts_in_force(policy: Policy, day: date) -> dict[str, RulePack]:
    """Return the rule pack that each part goes by on a day, for what is decided and applied then.

    A part without a pack on that day is left out.
    """
    found: dict[str, RulePack] = {}
    for part in sorted(PARTS):
        try:
            found[part] = policy.pack_for(part, decided_on=day, applied_on=day)
        except RuleError:
            continue
    return found


def list_packs() -> list[Listed]:
    """Return all rule packs: those in force first, then current ones, then earlier editions."""
    policy = current_policy()
    in_force = parts_in_force(policy, today())
    listed = [
        Listed(
            pack,
            tuple(part for part, one in in_force.items() if one is pack),
            count_grades(pack),
        )
        for pack in policy.editions.values()
    ]
    return sorted(listed, key=lambda one: (not one.in_force, not one.is_current, one.pack.id))


def count_grades(pack: RulePack) -> dict[str, int]:
    """Return how many values of a pack are of each grade, best first."""
    counted = Counter(one.grade for one in pack.stated)
    return {grade: counted[grade] for grade in GRADES if counted[grade]}


def find_pack(name: str) -> RulePack:
    """Return a rule pack by id (the current edition) or by id and edition (`SD-SEEDS.1`).

    Raises RuleError for a name that there is none of.
    """
    packs = pack_names(current_policy())
    if name not in packs:
        raise RuleError(f"there is no rule pack {name!r}{suggest(name, packs)}")
    return packs[name]


def pack_names(policy: Policy) -> dict[str, RulePack]:
    """Return every rule pack by all its names."""
    numbered = {f"{one.id}.{one.edition}": one for one in policy.editions.values()}
    return numbered | dict(policy.foundations) | dict(policy.packs)


def read_pack(name: str) -> RulePack:
    """Return a rule pack by its name, or that of an edited file by its path (`….toml`).

    An edited file is read as if it took the place of the current pack of its id. Raises RuleError.
    """
    path = Path(name)
    if path.suffix != ".toml":
        return find_pack(name)
    library = read_draft(path)
    return {**library.foundations, **library.current}[draft_id(path)]


def read_draft(path: Path) -> Library:
    """Return the rule packs as they would be with an edited file among them. Raises RuleError."""
    rules = current_app.config["WORKFLOWS"] / "rules"
    return load_library(rules, current_policy().documents, path)


def draft_id(path: Path) -> str:
    """Return what a pack that could be read calls itself."""
    return str(read_toml(path)["id"])


def compare(before: RulePack, after: RulePack, lang: str | None = None) -> tuple[Change, ...]:
    """Return what two packs say differently, value by value, in the order of the keys.

    lang: the values are told in words of this language; as their files have them without one, and
    where only the other language differs.
    """
    one, other = dict(flatten(before)), dict(flatten(after))
    told, told_after = (dict(flatten(pack, lang)) for pack in (before, after))
    changes = []
    for key in sorted(one.keys() | other.keys()):
        if one.get(key) == other.get(key):
            continue
        words = told.get(key), told_after.get(key)
        if words[0] == words[1]:
            words = one.get(key), other.get(key)
        changes.append(Change(key, *words))
    return tuple(changes)


def flatten(pack: RulePack, lang: str | None = None) -> Iterator[tuple[str, str]]:
    """Yield every value of a pack with its source, by its place; and every text without one.

    lang: as in `compare`.
    """
    stated = {one.key: one for one in pack.stated}
    for key, one in stated.items():
        text = value_words(pack, key, one.body, lang) if lang else body_text(one)
        yield key, f"{text} [{one.source}; {one.grade}]"
    yield from _unsourced(pack.content, "", stated, lang)


def body_text(one: Stated) -> str:
    """Return what a value says, as its file has it."""
    body = {key: value for key, value in one.body.items() if key not in ("source", "grade")}
    if set(body) == {"value"}:
        return text_of(body["value"])
    return "; ".join(f"{key} = {text_of(value)}" for key, value in body.items())


def text_of(value: object) -> str:
    """Return a value of a file on one line, with both languages of a text."""
    if isinstance(value, Mapping):
        return " / ".join(text_of(one) for one in value.values())
    if isinstance(value, list):
        return f"[{', '.join(text_of(one) for one in value)}]"
    return plain(value, "en")


def _unsourced(
    body: object, place: str, stated: Mapping[str, Any], lang: str | None
) -> Iterator[tuple[str, str]]:
    if place in stated:
        return
    if isinstance(body, Mapping) and set(body) != {"zh", "en"}:
        for key, one in body.items():
            yield from _unsourced(one, f"{place}.{key}".lstrip("."), stated, lang)
    elif not (isinstance(body, list) and body and isinstance(body[0], Mapping)):
        yield place, plain(body, lang) if lang else text_of(body)
