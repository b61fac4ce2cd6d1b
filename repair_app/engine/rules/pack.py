"""What a rule pack says: classes, periods, terms, materials, grounds, refusals and outcomes.

The packs are workflows/rules/*.toml. No number of the policy stands in this module. Every value
carries its source and how well that source is known; workflows/rules/README.md tells lawyers and
clerks how to read one.
"""

import re
from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass, field
from datetime import date
from decimal import Decimal
from functools import cached_property
from typing import Any

from repair_app.calendar import add_period
from repair_app.engine.rules.tables import RuleError, Source
from repair_app.labels import Label

# Chinese punctuation and words of contrast: what is denied before one is not denied behind it.
CLAUSE_ENDS = "，。；、：！？,;:!?（）()\\s但却且"
# What joins several words under one denial: 不存在性质恶劣、情节严重的情形.
JOINTS = ("、", "和", "或", "或者", "及", "以及", "且", "并且")


@dataclass(frozen=True)
class SeverityClass:
    """A class of dishonesty record: how long it is published and what its repair needs.

    Periods are in calendar months from the day named by `anchor`. `min_months` is None where no
    minimum applies; `max_months` is also how long a record that is not published stays on file.
    `requirements` are workflows; by `reading` all of them have to be met, or any one. Of each
    group of `checklist` one material has to be brought (codes of `RulePack.materials`).
    `factors` are weighed by people and never asked for. `sources` gives the source of each value
    by the name of its field.
    """

    name: str
    label: Label
    published: bool
    min_months: int | None
    max_months: int
    anchor: str
    repairable: bool
    requirements: tuple[str, ...]
    basis: Label
    sources: Mapping[str, Source] = field(repr=False)
    reading: str = "all"
    factors: tuple[str, ...] = ()
    checklist: tuple[tuple[str, ...], ...] = ()

    @property
    def in_order(self) -> list[str]:
        """Return the requirements in the order in which they are asked for.

        One order for all packs: each takes a number, and two cases must not wait crosswise.
        """
        return sorted(self.requirements)


@dataclass(frozen=True)
class Clock:
    """A term in working days and what it rests on."""

    working_days: int
    source: str
    grade: str


@dataclass(frozen=True)
class Refusal:
    """A coded reason for refusing; `of` names the workflows that may give it."""

    label: Label
    of: tuple[str, ...]
    source: str
    grade: str


@dataclass(frozen=True)
class Ground:
    """A ground of objection and the proof that it asks for: any one of some materials.

    `corrects`: the record is to say something else, so whoever objects is asked what.
    """

    label: Label
    proof: Label
    source: str
    grade: str
    any_of: tuple[str, ...] = ()
    corrects: bool = False


@dataclass(frozen=True)
class Material:
    """Something to bring: what it is, how to get it, and which requirement yields it if one does.

    With `only_category` it serves only where no other kind of penalty was imposed.
    """

    code: str
    label: Label
    how_to_get: Label
    source: str
    grade: str
    requirement: str | None = None
    only_category: frozenset[str] = frozenset()

    def serves(self, categories: Collection[str]) -> bool:
        """Say whether it may be brought for a record with these kinds of penalty."""
        kinds = frozenset(categories)
        return not self.only_category or (bool(kinds) and kinds <= self.only_category)


@dataclass(frozen=True)
class Outcome:
    """What an objection may come to; `upheld` if the subject was right."""

    label: Label
    upheld: bool
    source: str
    grade: str


@dataclass(frozen=True)
class Extension:
    """That a term may be extended, by whose approval, and whether notice has to come first.

    The clock `<part>_extension` says by how many working days.
    """

    approver: str
    notice_before: bool
    source: str
    grade: str


@dataclass(frozen=True)
class Conflict:
    """Where sources differ: what this pack follows, and what the other one says."""

    code: str
    label: Label
    chosen: Label
    chosen_source: str
    other: Label
    other_source: str
    source: str
    grade: str


@dataclass(frozen=True)
class RepairRules:
    """Who decides a repair, and what follows from false material.

    `bar_months`: no application for so long after false material; None bars nothing.
    """

    decider: str
    falsehood_resumes_to: str
    bar_months: int | None
    individuals_by_public_service: bool
    fee: str
    extension: Extension | None
    sources: Mapping[str, Source] = field(repr=False)


@dataclass(frozen=True)
class ObjectionRules:
    """What follows when nobody can verify, what is shown meanwhile, who reviews the outcome.

    `not_counted` names the states during which the term of the whole matter stands still by the
    text of the pack.
    """

    unverified: str
    display_while_verified: str
    not_counted: tuple[str, ...]
    review_by: str
    extension: Extension | None
    sources: Mapping[str, Source] = field(repr=False)


@dataclass(frozen=True)
class ClassRule:
    """One line of the table that tells a record's class: holds when all its conditions do.

    Absent conditions hold. `any_category`: one of the record's kinds of penalty is listed;
    `only_category`: all of them are; `any_word`: the decision finds what one of the words says;
    `any_field_word`: one names the field of the conduct; `fine_from_10k`, `fine_up_to_10k`: the
    fine in 10k yuan, both ends included, none counting as 0.
    """

    code: str
    label: Label
    names_class: str
    source: str
    grade: str
    any_category: frozenset[str] = frozenset()
    only_category: frozenset[str] = frozenset()
    any_word: tuple[str, ...] = ()
    any_field_word: tuple[str, ...] = ()
    fine_from_10k: Decimal | None = None
    fine_up_to_10k: Decimal | None = None

    def holds(
        self, categories: Collection[str], findings: str, field_text: str, fine: Decimal
    ) -> bool:
        """Say whether the line fits a record; the texts are those of `RulePack.classify`."""
        return (
            (not self.any_category or not self.any_category.isdisjoint(categories))
            and (not self.only_category or self.has_all(categories))
            and (not self.any_word or any(map(findings.__contains__, self.any_word)))
            and (not self.any_field_word or any(map(field_text.__contains__, self.any_field_word)))
            and (self.fine_from_10k is None or fine >= self.fine_from_10k)
            and (self.fine_up_to_10k is None or fine <= self.fine_up_to_10k)
        )

    def has_all(self, categories: Collection[str]) -> bool:
        """Say whether a record has kinds, and all of them are among those of the line."""
        return bool(categories) and self.only_category.issuperset(categories)

    @property
    def is_default(self) -> bool:
        """Say whether the line fits every record."""
        words = self.any_word or self.any_field_word
        return (
            self.fine_from_10k is None
            and self.fine_up_to_10k is None
            and not (self.any_category or self.only_category or words)
        )


@dataclass(frozen=True)
class Limit:
    """A longest time that a statute lets any record be disclosed, whatever its class."""

    months: int
    anchor: str
    source: str
    grade: str


@dataclass(frozen=True)
class Publication:
    """The publication of one record.

    `min_until` is the last day of the minimum (None: no minimum), `max_until` the last day on
    file, never behind the last day that a statute allows.
    """

    min_until: date | None
    max_until: date
    published: bool


@dataclass(frozen=True)
class Stated:
    """A value of a pack as its file states it: where, what, by which source.

    `key` is its place in the file, parts joined by a dot; `stated_in` the pack that says so, which
    is another one where the value is taken over.
    """

    key: str
    body: Mapping[str, Any]
    source: str
    grade: str
    stated_in: str


@dataclass(frozen=True)
class RulePack:
    """One edition of a dated set of rules, as frozen as the file it was read from.

    It regulates its `parts`; what belongs to the others is empty. `negations`, `denials` and
    `conditions` tell when a word is no finding; see `read_findings`. A foundation is never chosen,
    only built upon. `content` is the whole file, what it takes over from others included.
    """

    file: str
    id: str
    edition: int
    title: Label
    valid_from: date | None
    parts: frozenset[str]
    is_foundation: bool
    classes: Mapping[str, SeverityClass]
    clocks: Mapping[str, Clock]
    refusals: Mapping[str, Refusal]
    grounds: Mapping[str, Ground]
    materials: Mapping[str, Material]
    outcomes: Mapping[str, Outcome]
    conflicts: tuple[Conflict, ...]
    class_rules: tuple[ClassRule, ...]
    negations: tuple[str, ...]
    denials: tuple[str, ...]
    conditions: tuple[str, ...]
    limit: Limit | None
    repair_rules: RepairRules | None
    objection_rules: ObjectionRules | None
    stated: tuple[Stated, ...] = field(repr=False)
    content: Mapping[str, Any] = field(repr=False)
    sha256: str = field(repr=False)

    @property
    def release(self) -> str:
        """Return id and edition as releases.toml lists them; the first edition has none."""
        return self.id if self.edition == 1 else f"{self.id}.{self.edition}"

    @property
    def repair(self) -> RepairRules:
        """Return who decides a repair and so on. Raises RuleError where the pack is silent."""
        if self.repair_rules is None:
            raise RuleError(f"{self.release} does not say who decides a repair")
        return self.repair_rules

    @property
    def objection(self) -> ObjectionRules:
        """Return what follows from an objection. Raises RuleError where the pack is silent."""
        if self.objection_rules is None:
            raise RuleError(f"{self.release} does not say what follows from an objection")
        return self.objection_rules

    def checklist(
        self, class_name: str, categories: Collection[str]
    ) -> tuple[tuple[Material, ...], ...]:
        """Return what a repair of a record asks for: of each group one material.

        `categories` are the record's kinds of penalty. Raises KeyError for an unknown class.
        """
        groups = (
            tuple(self.materials[code] for code in group if self.materials[code].serves(categories))
            for group in self.classes[class_name].checklist
        )
        return tuple(group for group in groups if group)

    def missing_materials(
        self, class_name: str, categories: Collection[str], brought: Collection[str]
    ) -> tuple[tuple[Material, ...], ...]:
        """Return the groups of the checklist of which nothing was brought (codes of materials)."""
        return tuple(
            group
            for group in self.checklist(class_name, categories)
            if not any(one.code in brought for one in group)
        )

    def classify(
        self,
        categories: Collection[str],
        text: str,
        fine_10k: Decimal | None,
        *,
        legal_basis: str = "",
    ) -> tuple[str, str]:
        """Return the class of a record and the code of the line that gave it.

        `categories` are kinds of penalty by their codes (`penalty_format.Category`); `text` is
        what the decision says of the violation, its facts and the penalty; the fine is in 10k
        yuan. The legal basis tells the field of the conduct and nothing else: it quotes what
        the law threatens, not what was found. The first line of the table that fits decides.
        This is the default only: the sector's authority may have classified otherwise.
        """
        findings = self.read_findings(text)
        field_text = f"{text}\n{legal_basis}"
        for rule in self.class_rules:
            if rule.holds(categories, findings, field_text, fine_10k or Decimal(0)):
                return rule.names_class, rule.code
        raise AssertionError("the last line fits every record; load_packs checks it")

    def read_findings(self, text: str) -> str:
        """Return a text without the words of `class_rules` that say no finding.

        A word is none right after one of `negations` (未造成重大损失), behind one of `denials` in
        the same clause (不属于法律规定的情节严重情形) or in a clause that ends with one of
        `conditions` (情节严重的，责令停产停业: the text of a law). In doubt for the subject.
        """
        if not any(map(text.__contains__, self._words)):
            return text  # as most are, and the pattern is slow
        return self._no_finding.sub("；", text)

    @cached_property
    def _words(self) -> tuple[str, ...]:
        return tuple(dict.fromkeys(one for rule in self.class_rules for one in rule.any_word))

    @cached_property
    def _no_finding(self) -> re.Pattern[str]:
        word = _one_of(self._words)
        # Both are bounded, so that a text without punctuation takes no longer than another.
        words = f"{word}(?:{_one_of(JOINTS)}{word}){{0,9}}"
        clause = f"[^{CLAUSE_ENDS}]{{0,60}}"
        return re.compile(
            f"{_one_of(self.denials)}{clause}?{words}{clause}"
            f"|{_one_of(self.negations)}{words}"
            f"|{words}{clause}{_one_of(self.conditions)}"
        )

    def publication(
        self,
        class_name: str,
        *,
        decided_on: date,
        publicised_on: date | None = None,
        conduct_ended_on: date | None = None,
    ) -> Publication:
        """Return the publication periods of a record of a class.

        They run from the class's anchor; where that day is not known, from the decision. Raises
        KeyError for an unknown class.
        """
        severity = self.classes[class_name]
        days = {
            "decided_on": decided_on,
            "publicised_on": publicised_on,
            "conduct_ended_on": conduct_ended_on,
        }
        anchor = days[severity.anchor] or decided_on
        max_until = add_period(anchor, severity.max_months)
        if self.limit and (start := days[self.limit.anchor]):
            max_until = min(max_until, add_period(start, self.limit.months))
        min_until = None
        if severity.min_months is not None:
            # A minimum beyond the statute's limit would ask to wait for what is over.
            min_until = min(add_period(anchor, severity.min_months), max_until)
        return Publication(min_until, max_until, severity.published)


def _one_of(words: Iterable[str]) -> str:
    """Return a pattern for any of some words, the longest first; of none, one that never fits."""
    longest_first = sorted(set(words), key=lambda word: (-len(word), word))
    return f"(?:{'|'.join(map(re.escape, longest_first)) or '(?!)'})"
