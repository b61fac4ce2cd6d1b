"""Rule packs: classes, periods, terms, refusal codes and grounds, dated and read from data.

The packs are workflows/rules/*.toml; profiles.toml there says which pack applies when. No number
of the policy stands in this module. Every value in a pack carries its source and how well that
source is known; workflows/rules/README.md tells lawyers and clerks how to read one.
"""

import re
import tomllib
from collections.abc import Callable, Collection, Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from datetime import date, datetime
from decimal import Decimal
from functools import cached_property
from pathlib import Path
from types import MappingProxyType
from typing import Any, TypeVar

from repair_app.calendar import add_period
from repair_app.engine.spec import content_hash
from repair_app.labels import Label
from repair_app.penalty_format import Category

PROFILES_FILE = "profiles.toml"

# The terms that workflow files may name; each pack gives all of them, in working days.
CLOCKS = frozenset(
    {
        "draft_objection",
        "draft_repair",
        "objection_acceptance",
        "objection_supplement",
        "objection_forwarding",
        "objection_verification",
        "objection_decision",
        "objection_signature",
        "objection_hearing",
        "objection_execution",
        "repair_acceptance",
        "repair_supplement",
        "repair_forwarding",
        "repair_verification",
        "repair_decision",
        "repair_signature",
        "repair_execution",
        "requirement_commitment",
        "requirement_rectification",
        "requirement_training",
        "requirement_credit_report",
    }
)
# The workflows that a class of record may require of a repair.
REQUIREMENTS = frozenset({"rectification", "commitment", "training", "credit_report"})
# The workflows that may refuse with a coded reason.
REFUSING = frozenset({"objection", "repair"})
# The day that a publication period runs from.
ANCHORS = frozenset({"decided_on", "publicised_on", "conduct_ended_on"})
# How well a source is known, best first; workflows/rules/README.md tells what each means.
GRADES = ("read", "press", "fragment", "recall", "choice")
# Which date a profile chooses the pack by.
CHOSEN_BY = frozenset({"fixed", "application_date", "decision_date"})
# The kinds of penalty that class_rules may name.
CATEGORIES = frozenset(str(one) for one in Category)
# Chinese punctuation and words of contrast: what is denied before one is not denied behind it.
CLAUSE_ENDS = "，。；、：！？,;:!?（）()\\s但却且"
# What joins several words under one denial: 不存在性质恶劣、情节严重的情形.
JOINTS = ("、", "和", "或", "或者", "及", "以及", "且", "并且")

Value = TypeVar("Value")


class RuleError(ValueError):
    """A rule pack or profile that must not run; says `file: key: problem`."""


@dataclass(frozen=True)
class Source:
    """What a value rests on: `cites` is "<document> <clause>", `grade` one of GRADES."""

    cites: str
    grade: str


@dataclass(frozen=True)
class SeverityClass:
    """A class of dishonesty record: how long it is published and what its repair needs.

    Periods are in calendar months from the day named by `anchor`. `min_months` is None where no
    minimum applies; `max_months` is also how long a record that is not published stays on file.
    `sources` gives the source of each value by the name of its field.
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
    """A ground of objection and the proof that it asks for."""

    label: Label
    proof: Label
    source: str
    grade: str


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
        kinds = frozenset(categories)
        return all(
            (
                not self.any_category or bool(kinds & self.any_category),
                not self.only_category or (bool(kinds) and kinds <= self.only_category),
                not self.any_word or any(word in findings for word in self.any_word),
                not self.any_field_word or any(one in field_text for one in self.any_field_word),
                self.fine_from_10k is None or fine >= self.fine_from_10k,
                self.fine_up_to_10k is None or fine <= self.fine_up_to_10k,
            )
        )

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
class RulePack:
    """One dated set of rules, as frozen as the file it was read from.

    `negations`, `denials` and `conditions` tell when a word is no finding; see `read_findings`.
    """

    id: str
    title: Label
    valid_from: date
    classes: Mapping[str, SeverityClass]
    clocks: Mapping[str, Clock]
    refusals: Mapping[str, Refusal]
    grounds: Mapping[str, Ground]
    class_rules: tuple[ClassRule, ...]
    negations: tuple[str, ...]
    denials: tuple[str, ...]
    conditions: tuple[str, ...]
    limit: Limit | None
    sha256: str = field(repr=False)

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
        return self._no_finding.sub("；", text)

    @cached_property
    def _no_finding(self) -> re.Pattern[str]:
        word = _one_of(one for rule in self.class_rules for one in rule.any_word)
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


@dataclass(frozen=True)
class Span:
    """A rule pack of a profile and the first day it applies (None: always)."""

    pack: str
    since: date | None


@dataclass(frozen=True)
class Profile:
    """Which rule pack applies when; `by` is one of CHOSEN_BY, `spans` are in order of time."""

    name: str
    label: Label
    by: str
    spans: tuple[Span, ...]
    source: str
    grade: str


def select_pack(
    profile: Profile, packs: Mapping[str, RulePack], *, decided_on: date, applied_on: date
) -> RulePack:
    """Return the rule pack that a profile chooses for a decision and an application.

    Raises RuleError when no pack applies on that day, or the profile names one that is not there.
    """
    day = decided_on if profile.by == "decision_date" else applied_on
    chosen = [span for span in profile.spans if span.since is None or span.since <= day]
    if not chosen:
        raise RuleError(f"{PROFILES_FILE}: {profile.name}: no rule pack on {day}")
    if chosen[-1].pack not in packs:
        raise RuleError(f"{PROFILES_FILE}: {profile.name}: unknown rule pack {chosen[-1].pack!r}")
    return packs[chosen[-1].pack]


def load_packs(folder: Path) -> dict[str, RulePack]:
    """Return the rule packs of a folder, by id. Raises RuleError naming file and key."""
    packs: dict[str, RulePack] = {}
    for path in sorted(folder.glob("*.toml")):
        if path.name == PROFILES_FILE:
            continue
        pack = _PackReader(path.name, _read(path)).read_pack()
        if pack.id in packs:
            raise RuleError(f"{path.name}: id: {pack.id!r} is another file's")
        packs[pack.id] = pack
    if not packs:
        raise RuleError(f"{folder}: holds no rule pack")
    return packs


def load_profiles(path: Path) -> dict[str, Profile]:
    """Return the profiles of a file, by name. Raises RuleError naming file and key."""
    return {
        name: _read_profile(_Table(path.name, name, body)) for name, body in _read(path).items()
    }


def _read(path: Path) -> dict[str, Any]:
    try:
        return tomllib.loads(path.read_text(encoding="utf-8"), parse_float=Decimal)
    except (OSError, ValueError) as error:  # a TOMLDecodeError is a ValueError
        raise RuleError(f"{path.name}: file: {error}") from error


# --- reading, strictly --------------------------------------------------------------------


class _Table:
    """A table of a file that is taken apart key by key; what is left over is refused."""

    def __init__(self, file: str, place: str, body: object) -> None:
        self.file = file
        self.place = place
        if not isinstance(body, dict):
            raise self.refuse("", "is no table")
        self.left: dict[str, Any] = dict(body)

    def refuse(self, key: str, problem: str) -> RuleError:
        place = ".".join(part for part in (self.place, key) if part)
        return RuleError(f"{self.file}: {place or 'file'}: {problem}")

    def has(self, key: str) -> bool:
        return key in self.left

    def take(self, key: str) -> Any:
        if key not in self.left:
            raise self.refuse(key, "is missing")
        return self.left.pop(key)

    def text(self, key: str) -> str:
        value = self.take(key)
        if not isinstance(value, str) or not value.strip():
            raise self.refuse(key, "is no text")
        return value

    def one_of(self, key: str, known: Collection[str]) -> str:
        value = self.text(key)
        if value not in known:
            raise self.refuse(key, f"unknown {value!r}")
        return value

    def texts(self, key: str, known: Collection[str] | None = None) -> tuple[str, ...]:
        value = self.take(key)
        if not isinstance(value, list) or not all(isinstance(one, str) and one for one in value):
            raise self.refuse(key, "is no list of texts")
        if len(set(value)) != len(value):
            raise self.refuse(key, "says something twice")
        for one in value:
            if known is not None and one not in known:
                raise self.refuse(key, f"unknown {one!r}")
        return tuple(value)

    def flag(self, key: str) -> bool:
        value = self.take(key)
        if not isinstance(value, bool):
            raise self.refuse(key, "is neither true nor false")
        return value

    def count(self, key: str) -> int:
        """Take a whole number of 1 or more; `true` is none."""
        value = self.take(key)
        if not isinstance(value, int) or isinstance(value, bool) or value < 1:
            raise self.refuse(key, "is no whole number of 1 or more")
        return value

    def amount(self, key: str) -> Decimal:
        value = self.take(key)
        is_number = isinstance(value, int | Decimal) and not isinstance(value, bool)
        if not is_number or not Decimal(value).is_finite() or value < 0:
            raise self.refuse(key, "is no amount in 10k yuan")
        return Decimal(value)

    def day(self, key: str) -> date:
        value = self.take(key)
        if not isinstance(value, date) or isinstance(value, datetime):
            raise self.refuse(key, "is no date")
        return value

    def label(self, key: str) -> Label:
        value = self.take(key)
        try:
            return Label.of(value)
        except ValueError as error:
            raise self.refuse(key, str(error)) from error

    def source(self) -> Source:
        """Take what the value rests on: a choice has a reason, all else a document."""
        return Source(self.text("source"), self.one_of("grade", GRADES))

    def source_fields(self) -> dict[str, str]:
        """Take source and grade for a value that keeps them as fields of its own."""
        source = self.source()
        return {"source": source.cites, "grade": source.grade}

    def table(self, key: str) -> "_Table":
        return _Table(self.file, f"{self.place}.{key}".lstrip("."), self.take(key))

    def tables(self, key: str) -> Iterator[tuple[str, "_Table"]]:
        """Yield the tables inside a table, by their names; at least one."""
        outer = self.table(key)
        if not outer.left:
            raise self.refuse(key, "is empty")
        for name in list(outer.left):
            yield name, outer.table(name)

    def rows(self, key: str) -> Iterator["_Table"]:
        """Yield the tables of a list; at least one."""
        value = self.take(key)
        if not isinstance(value, list) or not value:
            raise self.refuse(key, "is no list of tables")
        for number, body in enumerate(value, start=1):
            yield _Table(self.file, f"{self.place}.{key}.{number}".lstrip("."), body)

    def end(self) -> None:
        if self.left:
            raise self.refuse(min(self.left), "is not known here")


class _PackReader:
    """Reads one rule pack."""

    def __init__(self, file: str, raw: dict[str, Any]) -> None:
        self.top = _Table(file, "", raw)
        self.sha256 = content_hash(raw)

    def read_pack(self) -> RulePack:
        top = self.top
        classes = {name: _read_class(name, body) for name, body in top.tables("classes")}
        pack = RulePack(
            id=top.text("id"),
            title=top.label("title"),
            valid_from=top.day("valid_from"),
            classes=MappingProxyType(classes),
            clocks=MappingProxyType(self.read_clocks()),
            refusals=MappingProxyType(
                {name: _read_refusal(body) for name, body in top.tables("refusals")}
            ),
            grounds=MappingProxyType(
                {name: _read_ground(body) for name, body in top.tables("grounds")}
            ),
            class_rules=self.read_class_rules(classes),
            negations=top.texts("negations"),
            denials=top.texts("denials"),
            conditions=top.texts("conditions"),
            limit=_read_limit(top.table("limit")) if top.has("limit") else None,
            sha256=self.sha256,
        )
        top.end()
        return pack

    def read_clocks(self) -> dict[str, Clock]:
        clocks: dict[str, Clock] = {}
        for name, body in self.top.tables("clocks"):
            if name not in CLOCKS:
                raise self.top.refuse(f"clocks.{name}", "is not known here")
            clocks[name] = Clock(body.count("working_days"), **body.source_fields())
            body.end()
        if missing := sorted(CLOCKS - set(clocks)):
            raise self.top.refuse(f"clocks.{missing[0]}", "is missing")
        return clocks

    def read_class_rules(self, classes: Collection[str]) -> tuple[ClassRule, ...]:
        rules = tuple(_read_class_rule(row, classes) for row in self.top.rows("class_rules"))
        codes = [rule.code for rule in rules]
        if len(set(codes)) != len(codes):
            raise self.top.refuse("class_rules", "gives a code twice")
        if [rule.is_default for rule in rules] != [False] * (len(rules) - 1) + [True]:
            raise self.top.refuse("class_rules", "the last line, and no other, has no condition")
        return rules


class _Values:
    """The values of one class: each is a table of value, source and grade."""

    def __init__(self, body: _Table) -> None:
        self.body = body
        self.sources: dict[str, Source] = {}

    def take(self, key: str, read: Callable[[_Table, str], Value]) -> Value:
        entry = self.body.table(key)
        value = read(entry, "value")
        self.sources[key] = entry.source()
        entry.end()
        return value


def _read_class(name: str, body: _Table) -> SeverityClass:
    values = _Values(body)
    severity = SeverityClass(
        name=name,
        label=body.label("label"),
        published=values.take("published", _Table.flag),
        min_months=values.take("min_months", _Table.count) if body.has("min_months") else None,
        max_months=values.take("max_months", _Table.count),
        anchor=values.take("anchor", lambda entry, key: entry.one_of(key, ANCHORS)),
        repairable=values.take("repairable", _Table.flag),
        requirements=values.take("requirements", lambda entry, key: entry.texts(key, REQUIREMENTS)),
        basis=body.label("basis"),
        sources=MappingProxyType(values.sources),
    )
    body.end()
    if severity.min_months is not None and severity.min_months > severity.max_months:
        raise body.refuse("min_months", "is more than max_months")
    if severity.repairable != bool(severity.requirements):
        raise body.refuse("requirements", "belong to a class that can be repaired, and only there")
    return severity


def _read_refusal(body: _Table) -> Refusal:
    refusal = Refusal(body.label("label"), body.texts("of", REFUSING), **body.source_fields())
    body.end()
    if not refusal.of:
        raise body.refuse("of", "names no workflow")
    return refusal


def _read_ground(body: _Table) -> Ground:
    ground = Ground(body.label("label"), body.label("proof"), **body.source_fields())
    body.end()
    return ground


def _read_limit(body: _Table) -> Limit:
    limit = Limit(body.count("months"), body.one_of("anchor", ANCHORS), **body.source_fields())
    body.end()
    return limit


def _read_class_rule(row: _Table, classes: Collection[str]) -> ClassRule:
    def kinds(key: str) -> frozenset[str]:
        return frozenset(row.texts(key, CATEGORIES)) if row.has(key) else frozenset()

    def words(key: str) -> tuple[str, ...]:
        return row.texts(key) if row.has(key) else ()

    rule = ClassRule(
        code=row.text("code"),
        label=row.label("label"),
        names_class=row.one_of("class", classes),
        any_category=kinds("any_category"),
        only_category=kinds("only_category"),
        any_word=words("any_word"),
        any_field_word=words("any_field_word"),
        fine_from_10k=row.amount("fine_from_10k") if row.has("fine_from_10k") else None,
        fine_up_to_10k=row.amount("fine_up_to_10k") if row.has("fine_up_to_10k") else None,
        **row.source_fields(),
    )
    row.end()
    return rule


def _read_profile(body: _Table) -> Profile:
    by = body.one_of("by", CHOSEN_BY)
    spans = tuple(_read_span(row, dated=by != "fixed") for row in body.rows("packs"))
    profile = Profile(body.place, body.label("label"), by, spans, **body.source_fields())
    body.end()
    days = [span.since for span in spans if span.since is not None]
    if by == "fixed" and len(spans) != 1:
        raise body.refuse("packs", "a fixed profile has one rule pack")
    if days != sorted(set(days)):
        raise body.refuse("packs", "are not in order of time")
    return profile


def _read_span(row: _Table, *, dated: bool) -> Span:
    span = Span(row.text("pack"), row.day("from") if dated else None)
    row.end()
    return span
