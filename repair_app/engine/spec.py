"""Reads workflows/*.toml into frozen objects and refuses what does not hold together."""

import hashlib
import json
import re
from collections.abc import Collection, Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from difflib import get_close_matches
from pathlib import Path
from typing import Any

from repair_app import toml_file
from repair_app.labels import Label

ENTITIES = frozenset({"case", "record", "sanction", "requirement"})
REQUIRED_KEYS = frozenset(
    {"name", "version", "entity", "prefix", "initial", "label", "basis", "states", "transitions"}
)
WORKFLOW_KEYS = REQUIRED_KEYS | {"rules", "term"}
TERM_KEYS = frozenset({"clock", "starts"})
STATE_KEYS = frozenset(
    {
        "label",
        "final",
        "owner",
        "clock",
        "until",
        "follows",
        "contests",
        "live",
        "meets",
        "pauses",
        "decided",
    }
)
TRANSITION_KEYS = frozenset(
    {"name", "label", "from", "to", "by", "form", "guards", "effects", "basis"}
)


# The parts of a profile: which of its rule packs a workflow goes by.
PARTS = frozenset({"repair", "objection", "supervision"})
SAME = "="  # as a target: the entity stays where it is

# What kind of value a key takes; labels and clauses are read by themselves.
TEXTS = frozenset(
    {
        "name",
        "version",
        "entity",
        "prefix",
        "initial",
        "rules",
        "to",
        "form",
        "owner",
        "clock",
        "until",
    }
)
LISTS = frozenset({"from", "by", "guards", "effects", "basis", "starts"})
EITHER = frozenset({"starts"})  # a list of one may be written as a text
FLAGS = frozenset({"final", "follows", "contests", "live", "meets", "pauses", "decided"})
TABLES = frozenset({"states", "term"})


DIGITS = "〇一二三四五六七八九"
NUMERAL = re.compile("[一二三四五六七八九]?十[一二三四五六七八九]?|[一二三四五六七八九]")
ARTICLE = re.compile("第([0-9]+)条")


class SpecError(Exception):
    """A workflow file that must not run; says `file: transition or state: problem`."""


@dataclass(frozen=True)
class Basis:
    """One clause that a transition rests on."""

    document: str
    clause: str
    label: Label  # document and clause, as a person cites them


@dataclass(frozen=True)
class State:
    """Where an entity may be, who has to act there, and until when."""

    name: str
    label: Label
    final: bool = False
    owner: str | None = None
    clock: str | None = None  # a term of the rule pack, in working days
    until: str | None = None  # or a date that the entity carries
    follows: bool = False  # or moved by the case it belongs to, whose own clock runs
    contests: bool = False  # the record is under verification
    live: bool = False  # the record is on file, in its term
    meets: bool = False  # the requirement is met
    pauses: bool = False  # the term of the whole matter stands still meanwhile
    decided: bool = False  # the term of the whole matter is met here


@dataclass(frozen=True)
class Transition:
    """One lawful step: names only, no expressions."""

    name: str
    label: Label
    source: tuple[str, ...]
    target: str
    by: tuple[str, ...]
    form: str
    guards: tuple[str, ...]
    effects: tuple[str, ...]
    basis: tuple[Basis, ...]

    def target_from(self, state: str) -> str:
        """Return where this step leads from a state: SAME means that it stays there."""
        return state if self.target == SAME else self.target


@dataclass(frozen=True)
class Term:
    """The term of a whole matter: from entering a state first until it is decided or ended."""

    clock: str  # a term of the rule pack, in working days
    starts: tuple[str, ...]  # the state, or states where a matter can begin otherwise


@dataclass(frozen=True)
class Workflow:
    """A released version of one workflow."""

    name: str
    version: str
    entity: str
    prefix: str
    initial: str
    label: Label
    basis: tuple[Basis, ...]
    states: Mapping[str, State]
    transitions: Mapping[str, Transition]
    sha256: str = field(repr=False)
    rules: str = "repair"  # the part of the profile that chooses its rule pack
    term: Term | None = None

    def leaving(self, state: str) -> Iterator[Transition]:
        """Yield the transitions that start in this state, in the order of the file."""
        return (one for one in self.transitions.values() if state in one.source)

    def step_named(self, name: str) -> Transition:
        """Return the step that an event names: of this file, or one between versions."""
        return self.transitions.get(name) or VERSION_STEPS[name]


def between_versions(name: str, label: Label) -> Transition:
    """Return a step that every workflow knows and no file names: to another version of itself."""
    silent = Basis("REDRESS", "版本迁移须有对照表、逐件留痕、可以撤销", label)
    return Transition(name, label, (), SAME, ("administrator",), "", (), (), (silent,))


VERSION_STEPS: Mapping[str, Transition] = {
    one.name: one
    for one in (
        between_versions("migrate", Label("转入新版流程", "Moved to another version")),
        between_versions("migrate_back", Label("退回原版流程", "Moved back to its version")),
    )
}


@dataclass(frozen=True)
class Vocabulary:
    """The names that a workflow file may use, bound to what they mean elsewhere."""

    roles: Collection[str]
    guards: Collection[str]
    effects: Collection[str]
    forms: Collection[str]
    clocks: Collection[str]
    documents: Mapping[str, Label]


def load_documents(path: Path) -> dict[str, Label]:
    """Return the documents that `basis` may cite, by key. Raises SpecError."""
    try:
        return {key: Label.of(names) for key, names in toml_file.load(path).items()}
    except ValueError as error:
        raise SpecError(f"{path.name}: {error}") from error


def cite(documents: Mapping[str, Label], text: str) -> Basis:
    """Return the clause that "<document> <clause>" names. Raises KeyError for an unknown one."""
    document, _, clause = text.partition(" ")
    if not clause:
        raise KeyError(text)
    name = documents[document]
    number = clause_in_english(clause)
    in_english = f"{name.en}, {number}" if number else name.en
    return Basis(document, clause, Label(f"{name.zh} {clause}", in_english))


def clause_in_english(clause: str) -> str:
    """Return the number of a clause as English writes it; empty for a clause told in words.

    二（四）20 -> 2(4)20, 三26 -> 3.26, 第三十九条 -> art. 39, 第四十四条（参照） -> art. 44 (by
    analogy).
    """
    parted = re.sub("(?<=[一二三四五六七八九十])(?=[0-9])", ".", clause)
    text = NUMERAL.sub(lambda found: str(number_of(found[0])), parted)
    text = text.replace("（参照）", " (by analogy)").replace("（", "(").replace("）", ")")
    text = ARTICLE.sub(r"art. \1", text)
    return text if text.isascii() else ""


def number_of(numeral: str) -> int:
    """Return a Chinese numeral below one hundred as a number."""
    tens, ten, ones = numeral.rpartition("十")
    units = DIGITS.index(ones) if ones else 0
    return (DIGITS.index(tens) if tens else 1) * 10 + units if ten else units


def load_workflow(path: Path, vocabulary: Vocabulary) -> Workflow:
    """Return the workflow of one file. Raises SpecError naming file and place."""
    try:
        raw = toml_file.load(path)
    except ValueError as error:
        raise SpecError(f"{path.name}: {error}") from error
    reader = _Reader(path.name, vocabulary)
    workflow = reader.read_workflow(raw)
    reader.check_whole(workflow)
    return workflow


def content_hash(raw: Mapping[str, Any]) -> str:
    """Return the SHA-256 of the policy in a file: comments and layout may change."""
    text = json.dumps(raw, sort_keys=True, ensure_ascii=False, default=str)
    return hashlib.sha256(text.encode()).hexdigest()


class _Reader:
    """Reads one file; every complaint carries the file's name."""

    def __init__(self, file: str, vocabulary: Vocabulary) -> None:
        self.file = file
        self.vocabulary = vocabulary

    def refuse(self, place: str, problem: str) -> SpecError:
        return SpecError(f"{self.file}: {place}: {problem}")

    def read_workflow(self, raw: dict[str, Any]) -> Workflow:
        self.check_keys("top", raw, WORKFLOW_KEYS, required=REQUIRED_KEYS)
        if raw["entity"] not in ENTITIES:
            raise self.refuse("entity", f"unknown {raw['entity']!r}; one of {listed(ENTITIES)}")
        if raw.get("rules", "repair") not in PARTS:
            raise self.refuse("rules", f"unknown {raw['rules']!r}; one of {listed(PARTS)}")
        states = {name: self.read_state(name, body) for name, body in raw["states"].items()}
        transitions: dict[str, Transition] = {}
        for body in raw["transitions"]:
            one = self.read_transition(body)
            if one.name in transitions:
                raise self.refuse(one.name, "written twice")
            transitions[one.name] = one
        return Workflow(
            name=raw["name"],
            version=raw["version"],
            entity=raw["entity"],
            prefix=raw["prefix"],
            initial=raw["initial"],
            label=self.read_label("top", raw["label"]),
            basis=self.read_basis("top", raw["basis"]),
            states=states,
            transitions=transitions,
            sha256=content_hash(raw),
            rules=raw.get("rules", "repair"),
            term=self.read_term(raw["term"]) if "term" in raw else None,
        )

    def read_term(self, raw: dict[str, Any]) -> Term:
        self.check_keys("term", raw, TERM_KEYS, required=TERM_KEYS)
        self.check_known("term", "clock", [raw["clock"]])
        starts = raw["starts"]
        if not starts:
            raise self.refuse("term", "starts nowhere")
        return Term(raw["clock"], (starts,) if isinstance(starts, str) else tuple(starts))

    def read_state(self, name: str, raw: dict[str, Any]) -> State:
        place = f"state {name}"
        self.check_keys(place, raw, STATE_KEYS, required={"label"})
        self.check_known(place, "role", [raw["owner"]] if "owner" in raw else [])
        self.check_known(place, "clock", [raw["clock"]] if "clock" in raw else [])
        return State(
            name=name,
            **{**raw, "label": self.read_label(place, raw["label"])},
        )

    def read_transition(self, raw: Any) -> Transition:
        unnamed = "transition without a name"
        name = raw.get("name", unnamed) if isinstance(raw, dict) else unnamed
        self.check_keys(
            name, raw, TRANSITION_KEYS, required={"name", "label", "from", "to", "basis"}
        )
        if name in VERSION_STEPS:
            raise self.refuse(name, "is a step that every workflow has between its versions")
        one = Transition(
            name=name,
            label=self.read_label(name, raw["label"]),
            source=tuple(raw["from"]),
            target=raw["to"],
            by=tuple(raw.get("by", ())),
            form=raw.get("form", "ConfirmForm"),
            guards=tuple(raw.get("guards", ())),
            effects=tuple(raw.get("effects", ())),
            basis=self.read_basis(name, raw["basis"]),
        )
        self.check_known(name, "role", one.by)
        self.check_known(name, "guard", one.guards)
        self.check_known(name, "effect", one.effects)
        self.check_known(name, "form", [one.form])
        return one

    def read_label(self, place: str, raw: Any) -> Label:
        try:
            return Label.of(raw)
        except (ValueError, TypeError, AttributeError) as error:
            raise self.refuse(place, f"label: {error}") from error

    def read_basis(self, place: str, raw: list[str]) -> tuple[Basis, ...]:
        if not raw:
            raise self.refuse(place, "without a basis")
        return tuple(self.read_clause(place, one) for one in raw)

    def read_clause(self, place: str, text: str) -> Basis:
        try:
            return cite(self.vocabulary.documents, text)
        except KeyError as error:
            problem = f"basis {text!r} names no known document and clause"
            raise self.refuse(place, problem) from error

    def check_keys(
        self,
        place: str,
        raw: Any,
        allowed: Collection[str],
        required: Collection[str],
    ) -> None:
        if not isinstance(raw, dict):
            raise self.refuse(place, "is no table")
        if unknown := sorted(set(raw) - set(allowed)):
            raise self.refuse(place, f"unknown key {unknown[0]!r}; known: {listed(allowed)}")
        if missing := sorted(set(required) - set(raw)):
            raise self.refuse(place, f"without {missing[0]!r}")
        for key, value in raw.items():
            if not has_right_kind(key, value):
                raise self.refuse(place, f"{key!r} has another kind of value")

    def check_known(self, place: str, what: str, names: Collection[str]) -> None:
        known = getattr(self.vocabulary, f"{what}s")
        for name in names:
            if name not in known:
                near = get_close_matches(name, list(known), n=1)
                hint = f"; did you mean {near[0]!r}?" if near else ""
                raise self.refuse(place, f"unknown {what} {name!r}{hint}")

    def check_whole(self, workflow: Workflow) -> None:
        if workflow.initial not in workflow.states:
            raise self.refuse("initial", f"unknown state {workflow.initial!r}")
        for name in workflow.term.starts if workflow.term else ():
            if name not in workflow.states:
                raise self.refuse("term", f"unknown state {name!r}")
        for transition in workflow.transitions.values():
            self.check_ends(workflow, transition)
        for state in workflow.states.values():
            self.check_state(workflow, state)

    def check_ends(self, workflow: Workflow, transition: Transition) -> None:
        targets = () if transition.target == SAME else (transition.target,)
        for name in (*transition.source, *targets):
            if name not in workflow.states:
                raise self.refuse(transition.name, f"unknown state {name!r}")
        if len(set(transition.source)) != len(transition.source):
            raise self.refuse(transition.name, "names a state twice in `from`")

    def check_state(self, workflow: Workflow, state: State) -> None:
        place = f"state {state.name}"
        leaves = any(one.target != SAME for one in workflow.leaving(state.name))
        if state.final:
            if leaves:
                raise self.refuse(place, "is final and has a way out")
        elif not leaves:
            raise self.refuse(place, "is not final and has no way out")
        if state.name == workflow.initial:
            return
        if state.final or (state.follows and workflow.entity == "requirement"):
            pass
        elif not state.owner:
            raise self.refuse(place, "has no owner")
        elif not (state.clock or state.until):
            raise self.refuse(place, "has no deadline")
        if state.pauses and not state.clock:
            raise self.refuse(place, "stops the whole term and has no term of its own")
        if state.name not in reachable(workflow):
            raise self.refuse(place, "cannot be reached")


def listed(names: Iterable[str]) -> str:
    """Return names in order, for a complaint that says what would do."""
    return ", ".join(sorted(names))


def has_right_kind(key: str, value: object) -> bool:
    """Say whether a value is what its key takes: a text, a list, yes or no, a table."""
    if key in TEXTS or (key in EITHER and isinstance(value, str)):
        return isinstance(value, str) and bool(value)
    if key in FLAGS:
        return isinstance(value, bool)
    if key in TABLES:
        return isinstance(value, dict)
    if key == "transitions":
        return isinstance(value, list)
    if key in LISTS:
        return isinstance(value, list) and all(isinstance(one, str) for one in value)
    return True


def reachable(workflow: Workflow) -> set[str]:
    """Return the states that can be reached from the initial one."""
    seen = {workflow.initial}
    while new := {
        one.target_from(name)
        for name in seen
        for one in workflow.leaving(name)
        if one.target_from(name) not in seen
    }:
        seen |= new
    return seen
