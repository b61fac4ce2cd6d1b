"""Kinds of letters as data: workflows/letters.toml, read strictly.

Which step issues which letter to whom, what it says in both languages, and which later step takes
back what it says.
"""

import string
from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass
from difflib import get_close_matches
from pathlib import Path
from typing import Any, Final

from repair_app import toml_file
from repair_app.engine.spec import Basis, SpecError, Workflow, cite
from repair_app.labels import Label

REQUIRED: Final = frozenset({"title", "by", "to", "says", "text", "source"})
KEYS: Final = REQUIRED | {"sender", "template", "next", "ends", "recalls", "when"}
# Who gets it. `subject`: the firm, or who filed in their own name; `person`: only the latter.
# `department`: each that has a measure on the record; `halted`: each whose measure this very matter
# has stopped.
RECIPIENTS: Final = frozenset({"subject", "person", "provider", "department", "halted"})
# In whose name it is written: the unit that took the step, the firm, or the institution asked.
SENDERS: Final = frozenset({"office", "subject", "institution"})
Place = tuple[str, str]  # a workflow and one of its transitions


@dataclass(frozen=True)
class LetterKind:
    """One kind of letter: its texts have placeholders, which the step fills in."""

    kind: str
    title: Label
    by: tuple[Place, ...]
    to: str
    says: Label  # in one sentence, for whoever verifies it: no words of a person
    text: tuple[Label, ...]  # paragraph by paragraph; one whose placeholder is empty is left out
    next: tuple[Label, ...]  # what the addressee can do
    source: Basis
    sender: str = "office"
    template: str = "letter"
    ends: frozenset[Place] = frozenset()
    recalls: frozenset[str] = frozenset()  # texts of an earlier step of the same matter
    when: str = ""  # which matters of these steps have it; of all where it names none

    @property
    def workflows(self) -> frozenset[str]:
        """Return the workflows whose steps issue it."""
        return frozenset(workflow for workflow, _ in self.by)


@dataclass(frozen=True)
class LetterBook:
    """Every kind of letter, found by the step that issues it and by the step that ends it."""

    kinds: Mapping[str, LetterKind]
    issued_by: Mapping[Place, tuple[LetterKind, ...]]
    ended_by: Mapping[Place, tuple[LetterKind, ...]]


@dataclass(frozen=True)
class LetterWords:
    """The names that the file may use: what a letter can tell, and what it is printed by."""

    placeholders: Collection[str]
    private: Collection[str]  # words of a person: never in `says`
    templates: Collection[str]
    conditions: Collection[str]  # what `when` may name


def book_of(kinds: Iterable[LetterKind]) -> LetterBook:
    """Return kinds of letters, to be found by the steps that issue and end them."""
    known = {one.kind: one for one in kinds}
    issued: dict[Place, tuple[LetterKind, ...]] = {}
    ended: dict[Place, tuple[LetterKind, ...]] = {}
    for one in known.values():
        for place in one.by:
            issued[place] = (*issued.get(place, ()), one)
        for place in one.ends:
            ended[place] = (*ended.get(place, ()), one)
    return LetterBook(known, issued, ended)


NO_LETTERS: Final = book_of(())


def load_letters(
    path: Path,
    workflows: Iterable[Workflow],
    documents: Mapping[str, Label],
    words: LetterWords,
) -> LetterBook:
    """Return the kinds of letters of a file; none where there is no file.

    workflows: all versions, for a step of an earlier one issues letters too. Raises SpecError
    naming file, entry, mistake and what would do.
    """
    if not path.exists():
        return NO_LETTERS
    try:
        raw = toml_file.load(path)
    except ValueError as error:
        raise SpecError(f"{path.name}: {error}") from error
    steps: dict[str, set[str]] = {}
    for workflow in workflows:
        steps.setdefault(workflow.name, set()).update(workflow.transitions)
    reader = _Reader(path.name, steps, documents, words)
    return book_of(reader.read(kind, body) for kind, body in raw.items())


class _Reader:
    """Reads one entry after the other and says where one is wrong, and what would do."""

    def __init__(
        self,
        file: str,
        steps: Mapping[str, Collection[str]],
        documents: Mapping[str, Label],
        words: LetterWords,
    ) -> None:
        self.file = file
        self.steps = steps
        self.documents = documents
        self.words = words

    def refuse(self, kind: str, problem: str) -> SpecError:
        return SpecError(f"{self.file}: {kind}: {problem}")

    def read(self, kind: str, raw: Any) -> LetterKind:
        if not isinstance(raw, dict):
            raise self.refuse(kind, "is no table; write it as [name] and its keys below")
        for key in raw:
            self.check(kind, "key", key, KEYS)
        if missing := sorted(REQUIRED - raw.keys()):
            raise self.refuse(kind, f"without {missing[0]!r}; add it")
        self.check(kind, "to", raw["to"], RECIPIENTS)
        self.check(kind, "sender", raw.get("sender", "office"), SENDERS)
        self.check(kind, "template", raw.get("template", "letter"), self.words.templates)
        if "when" in raw:
            self.check(kind, "when", raw["when"], self.words.conditions)
        text = self.read_texts(kind, "text", raw["text"])
        if not text:
            raise self.refuse(kind, "text: says nothing; add a paragraph")
        recalls = self.read_names(kind, "recalls", raw.get("recalls", []))
        for name in recalls:
            self.check(kind, "recalls", name, self.words.private)
        return LetterKind(
            kind=kind,
            title=self.read_label(kind, "title", raw["title"], ()),
            by=self.read_places(kind, "by", raw["by"]),
            to=raw["to"],
            says=self.read_label(kind, "says", raw["says"], self.public),
            text=text,
            next=self.read_texts(kind, "next", raw.get("next", [])),
            source=self.read_clause(kind, raw["source"]),
            sender=raw.get("sender", "office"),
            template=raw.get("template", "letter"),
            ends=frozenset(self.read_places(kind, "ends", raw.get("ends", []), some=False)),
            recalls=frozenset(recalls),
            when=raw.get("when", ""),
        )

    @property
    def public(self) -> set[str]:
        return set(self.words.placeholders) - set(self.words.private)

    def check(self, kind: str, what: str, name: Any, known: Collection[str]) -> None:
        if not isinstance(name, str) or name not in known:
            near = get_close_matches(str(name), list(known), n=1)
            hint = f"did you mean {near[0]!r}?" if near else f"one of {', '.join(sorted(known))}"
            raise self.refuse(kind, f"{what}: unknown {name!r}; {hint}")

    def read_names(self, kind: str, key: str, raw: Any) -> list[str]:
        if not isinstance(raw, list) or not all(isinstance(one, str) for one in raw):
            raise self.refuse(kind, f"{key}: is no list of texts")
        if len(set(raw)) < len(raw):
            raise self.refuse(kind, f"{key}: names something twice; once is enough")
        return raw

    def read_places(self, kind: str, key: str, raw: Any, *, some: bool = True) -> tuple[Place, ...]:
        names = self.read_names(kind, key, raw)
        if some and not names:
            raise self.refuse(kind, f"{key}: names no step; write workflow.transition")
        return tuple(self.read_place(kind, key, one) for one in names)

    def read_place(self, kind: str, key: str, text: str) -> Place:
        workflow, dot, step = text.partition(".")
        if not dot:
            raise self.refuse(kind, f"{key}: {text!r} is no step; write workflow.transition")
        self.check(kind, f"{key}: workflow", workflow, self.steps)
        self.check(kind, f"{key}: transition of {workflow}", step, self.steps[workflow])
        return workflow, step

    def read_texts(self, kind: str, key: str, raw: Any) -> tuple[Label, ...]:
        if not isinstance(raw, list):
            raise self.refuse(kind, f"{key}: is no list of {{zh = …, en = …}}")
        known = self.words.placeholders
        return tuple(
            self.read_label(kind, f"{key} {number}", one, known)
            for number, one in enumerate(raw, start=1)
        )

    def read_label(self, kind: str, place: str, raw: Any, known: Collection[str]) -> Label:
        try:
            label = Label.of(raw)
            used = {"zh": placeholders_in(label.zh), "en": placeholders_in(label.en)}
        except ValueError as error:
            raise self.refuse(kind, f"{place}: {error}") from error
        for name in sorted(used["zh"] | used["en"]):
            if name not in known and name in self.words.placeholders:
                raise self.refuse(kind, f"{place}: {{{name}}} may not stand here; leave it out")
            self.check(kind, f"{place}: placeholder", name, self.words.placeholders)
        if lopsided := sorted(used["zh"] ^ used["en"]):
            raise self.refuse(
                kind, f"{place}: {{{lopsided[0]}}} stands in one language only; name it in both"
            )
        return label

    def read_clause(self, kind: str, text: Any) -> Basis:
        try:
            return cite(self.documents, str(text))
        except KeyError as error:
            problem = f"source: {text!r} names no known document and clause (documents.toml)"
            raise self.refuse(kind, problem) from error


def placeholders_in(text: str) -> set[str]:
    """Return the names in braces of a text. Raises ValueError for braces that do not fit."""
    found = set()
    for _, name, form, conversion in string.Formatter().parse(text):
        if name is None:
            continue
        if form or conversion or not name.isidentifier():
            raise ValueError(f"{{{name}}} is no placeholder; write one name in braces")
        found.add(name)
    return found
