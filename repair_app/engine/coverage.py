"""What of the policy is done where: each requirement, clause and step against the others.

The requirements (R1-R78), the clauses of the five documents and the reasons where one side is
silent are data: `workflows/requirements.toml`. That steps, pages, tests and files which it names
are there is checked; which steps rest on a clause is read from the workflows themselves.
"""

import ast
import re
from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from repair_app import toml_file
from repair_app.engine.spec import Basis, SpecError, Transition, Workflow
from repair_app.labels import Label

FILE = "requirements.toml"
SILENT = "REDRESS"  # the document that is none: our own choice where the documents are silent
CHAPTER = re.compile("^[一二三四五六七八九十]+(?=（)")
REQUIREMENT_KEYS = frozenset(
    {"clauses", "text", "steps", "pages", "tests", "files", "how", "missing", "outside"}
)


@dataclass(frozen=True)
class Clause:
    """One numbered item of a document; `reason` says why nothing here rests on it."""

    document: str
    number: str
    title: Label
    reason: Label | None = None

    def covers(self, cited: str) -> bool:
        """Say whether a cited clause is this one or a part of it; chapters may be left out."""
        return any(
            re.match(f"{re.escape(number)}(?!(?<=[0-9])[0-9])", cited)  # 二（四）2 is not 20
            for number in (self.number, CHAPTER.sub("", self.number))
        )


@dataclass(frozen=True)
class Requirement:
    """What a document asks, and what does it: steps, pages, files, tests."""

    id: str
    clauses: tuple[tuple[str, str], ...]  # document and number
    text: Label
    steps: tuple[str, ...]  # "<workflow>.<transition>"
    pages: tuple[str, ...]  # names of routes
    tests: tuple[str, ...]  # names of test functions
    files: tuple[str, ...]  # policy, configuration
    how: Label | None  # in a word, where the lists do not say it
    missing: Label | None  # of this release
    outside: Label | None  # why it is nothing that software does

    @property
    def standing(self) -> str:
        """Return "done", "partly" or "outside"."""
        if self.outside:
            return "outside"
        return "partly" if self.missing else "done"


@dataclass(frozen=True)
class Map:
    """The content of the file."""

    requirements: tuple[Requirement, ...]
    clauses: tuple[Clause, ...]
    silent: Mapping[str, Label]  # our own clause -> why a lawyer may accept it


@dataclass(frozen=True)
class Surroundings:
    """What the map is held against: the workflows, the routes, the tests, the project's folder."""

    workflows: Sequence[Workflow]
    documents: Mapping[str, Label]
    pages: Mapping[str, str]  # name of a route -> its address
    tests: Mapping[str, str]  # name of a test -> its file
    root: Path


def load_map(path: Path) -> Map:
    """Read the file. Raises SpecError naming the entry."""
    try:
        raw = toml_file.load(path)
        return Map(
            requirements=tuple(
                read_requirement(name, body) for name, body in raw["requirements"].items()
            ),
            clauses=tuple(
                read_clause(document, number, body)
                for document, numbers in raw["clauses"].items()
                for number, body in numbers.items()
            ),
            silent={text: Label.of(reason) for text, reason in raw["silent"].items()},
        )
    except KeyError as error:
        raise SpecError(f"{path.name}: without {error}") from error
    except (OSError, ValueError, AttributeError) as error:
        raise SpecError(f"{path.name}: {error}") from error


def read_clause(document: str, number: str, body: Mapping[str, Any]) -> Clause:
    """Return a clause from its table. Raises ValueError naming it."""
    try:
        return Clause(document, number, Label.of(body["title"]), read_label(body, "reason"))
    except (KeyError, ValueError) as error:
        raise ValueError(f"clauses.{document}.{number}: {error}") from error


def read_requirement(name: str, body: Mapping[str, Any]) -> Requirement:
    """Return a requirement from its table. Raises ValueError naming it."""
    if unknown := sorted(set(body) - REQUIREMENT_KEYS):
        raise ValueError(f"{name}: unknown key {unknown[0]!r}")
    try:
        return Requirement(
            id=name,
            clauses=tuple(split_clause(one) for one in body["clauses"]),
            text=Label.of(body["text"]),
            steps=tuple(body.get("steps", ())),
            pages=tuple(body.get("pages", ())),
            tests=tuple(body.get("tests", ())),
            files=tuple(body.get("files", ())),
            how=read_label(body, "how"),
            missing=read_label(body, "missing"),
            outside=read_label(body, "outside"),
        )
    except (KeyError, ValueError) as error:
        raise ValueError(f"{name}: {error}") from error


def read_label(body: Mapping[str, Any], key: str) -> Label | None:
    """Return a text of a table in both languages, if it is there. Raises ValueError."""
    return Label.of(body[key]) if key in body else None


def split_clause(text: str) -> tuple[str, str]:
    """Return document and number of "<document> <number>"."""
    document, _, number = text.partition(" ")
    return document, number


def find_tests(folder: Path) -> dict[str, str]:
    """Return every test function below a folder with its file, read from the syntax."""
    return {
        node.name: path.relative_to(folder.parent).as_posix()
        for path in sorted(folder.rglob("test_*.py"))
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8")))
        if isinstance(node, ast.FunctionDef) and node.name.startswith("test_")
    }


# --- what rests on what -----------------------------------------------------------------------


def steps_of(workflows: Sequence[Workflow]) -> Iterator[tuple[str, Workflow, Transition]]:
    """Yield every step with its name: "<workflow>.<transition>"."""
    for workflow in workflows:
        for one in workflow.transitions.values():
            yield f"{workflow.name}.{one.name}", workflow, one


def steps_resting_on(clause: Clause, workflows: Sequence[Workflow]) -> list[str]:
    """Return the steps whose basis cites a clause or a part of it."""
    return [name for name, _, one in steps_of(workflows) if rests_on(one.basis, clause)]


def rests_on(basis: Sequence[Basis], clause: Clause) -> bool:
    """Say whether a basis cites a clause."""
    return any(one.document == clause.document and clause.covers(one.clause) for one in basis)


def silent_steps(workflows: Sequence[Workflow]) -> list[tuple[str, Workflow, Transition]]:
    """Return the steps that rest on no document at all, but on our own choice."""
    return [
        (name, workflow, one)
        for name, workflow, one in steps_of(workflows)
        if all(basis.document == SILENT for basis in one.basis)
    ]


def steps_for(requirement: Requirement, found: Map, around: Surroundings) -> list[str]:
    """Return the steps that do what is required: those named, or else all that cite its clauses."""
    if requirement.steps or requirement.outside:
        return list(requirement.steps)
    clauses = [one for one in found.clauses if (one.document, one.number) in requirement.clauses]
    return [
        name
        for name, _, step in steps_of(around.workflows)
        if any(rests_on(step.basis, one) for one in clauses)
    ]


def requirements_of(clause: Clause, found: Map) -> list[str]:
    """Return the requirements that a clause states."""
    key = (clause.document, clause.number)
    return [one.id for one in found.requirements if key in one.clauses]


# --- what does not hold together --------------------------------------------------------------


def find_flaws(found: Map, around: Surroundings) -> Iterator[str]:
    """Yield what is named and not there, and what neither side nor a reason accounts for."""
    names = {name for name, *_ in steps_of(around.workflows)}
    numbers = {(one.document, one.number) for one in found.clauses}
    for one in found.requirements:
        yield from (
            f"{one.id}: no clause {' '.join(key)}" for key in one.clauses if key not in numbers
        )
        yield from missing_in(one.id, "step", one.steps, names)
        yield from missing_in(one.id, "page", one.pages, around.pages)
        yield from missing_in(one.id, "test", one.tests, around.tests)
        files = {name for name in one.files if (around.root / name).exists()}
        yield from missing_in(one.id, "file", one.files, files)
        if not one.outside and not one.tests:
            yield f"{one.id}: no test shows that it is done"
        if not (one.outside or one.pages or one.files or steps_for(one, found, around)):
            yield f"{one.id}: nothing does it: no step, page or file"
    for clause in found.clauses:
        done = requirements_of(clause, found) or steps_resting_on(clause, around.workflows)
        if not (done or clause.reason):
            yield f"{clause.document} {clause.number}: nothing rests on it, and no reason is given"
    for name, _, step in silent_steps(around.workflows):
        for basis in step.basis:
            if basis.clause not in found.silent:
                yield f"{name}: rests on no document, and no reason is given for {basis.clause}"


def missing_in(
    requirement: str, what: str, named: Sequence[str], there: Collection[str]
) -> Iterator[str]:
    """Yield what a requirement names and is not there."""
    yield from (f"{requirement}: there is no {what} {one}" for one in named if one not in there)


# --- the page ---------------------------------------------------------------------------------

STANDINGS = {
    "done": Label("已实现", "done"),
    "partly": Label("部分实现", "done in part"),
    "outside": Label("非软件职责", "nothing that software does"),
}


def draw_page(found: Map, around: Surroundings, generated: str) -> str:
    """Return the map as a Markdown page.

    generated: the sentence that says by which command.
    """
    return "\n".join(
        (
            "# 政策覆盖 · What of the policy is done where",
            "",
            generated,
            "",
            *draw_summary(found, around),
            "",
            "## 要求 · Requirements",
            "",
            *(line for one in found.requirements for line in draw_requirement(one, found, around)),
            "## 条款 · Clauses",
            "",
            *draw_clauses(found, around),
            "## 未引用文件条款的步骤 · Steps that rest on no document",
            "",
            *draw_silent(found, around),
            "",
        )
    )


def draw_summary(found: Map, around: Surroundings) -> Iterator[str]:
    """Yield how many requirements stand how, and what is left without an account: nothing."""
    yield "| | |"
    yield "|---|---|"
    for standing, label in STANDINGS.items():
        ids = [one.id for one in found.requirements if one.standing == standing]
        told = "" if standing == "done" else f" ({', '.join(ids)})" if ids else ""
        yield f"| {label.zh} · {label.en} | {len(ids)}{told} |"
    idle = [one for one in found.clauses if not is_done(one, found, around)]
    bare = sum(not one.reason for one in idle)
    yield f"| 条款 · clauses | {len(found.clauses)} |"
    yield f"| 无对应内容的条款 · with nothing that rests on them | {len(idle)} |"
    yield f"| 其中未说明理由 · of these without a reason | {bare} |"
    silent = silent_steps(around.workflows)
    bare = sum(basis.clause not in found.silent for *_, one in silent for basis in one.basis)
    yield f"| 步骤 · steps | {sum(1 for _ in steps_of(around.workflows))} |"
    yield f"| 未引用文件条款的步骤 · that rest on no document | {len(silent)} |"
    yield f"| 其中未说明理由 · of these without a reason | {bare} |"


def is_done(clause: Clause, found: Map, around: Surroundings) -> bool:
    """Say whether a requirement or a step rests on a clause."""
    return bool(requirements_of(clause, found) or steps_resting_on(clause, around.workflows))


def draw_requirement(one: Requirement, found: Map, around: Surroundings) -> Iterator[str]:
    """Yield the section of one requirement."""
    standing = STANDINGS[one.standing]
    yield f"### {one.id} {one.text.zh}"
    yield ""
    yield f"{one.text.en}. **{standing.zh} · {standing.en}**"
    yield ""
    cited = [f"{around.documents[document].zh}{number}" for document, number in one.clauses]
    yield f"- 依据 Clauses: {'；'.join(cited)}"
    for name, things in (
        ("步骤 Steps", [f"`{name}`" for name in steps_for(one, found, around)]),
        ("页面 Pages", [f"`{around.pages.get(name, name)}`" for name in one.pages]),
        ("文件 Files", [f"`{name}`" for name in one.files]),
        ("测试 Tests", [f"`{name}`" for name in one.tests]),
    ):
        if things:
            yield f"- {name}: {', '.join(things)}"
    for name, label in (
        ("说明 How", one.how),
        ("尚缺 Missing", one.missing),
        ("理由 Reason", one.outside),
    ):
        if label:
            yield f"- {name}: {label.zh} {label.en}"
    yield ""


def draw_clauses(found: Map, around: Surroundings) -> Iterator[str]:
    """Yield a table for each document: its clauses, what they ask, and what rests on them."""
    for document in dict.fromkeys(one.document for one in found.clauses):
        yield f"### {around.documents[document].zh} · {around.documents[document].en}"
        yield ""
        yield "| 条款 Clause | 内容 Content | 要求 Requirements | 步骤 Steps |"
        yield "|---|---|---|---|"
        for clause in (one for one in found.clauses if one.document == document):
            steps = steps_resting_on(clause, around.workflows)
            rest = (
                f"{', '.join(requirements_of(clause, found)) or '–'} | {tell_steps(steps)}"
                if is_done(clause, found, around) or clause.reason is None
                else f"– | {clause.reason.zh} {clause.reason.en}"
            )
            yield f"| {clause.number} | {clause.title.zh}<br/>{clause.title.en} | {rest} |"
        yield ""


def tell_steps(steps: Sequence[str]) -> str:
    """Return the steps by workflow, so that a long list can be read."""
    by_workflow: dict[str, list[str]] = {}
    for one in steps:
        workflow, _, name = one.partition(".")
        by_workflow.setdefault(workflow, []).append(name)
    return (
        "<br/>".join(f"**{name}** {', '.join(found)}" for name, found in by_workflow.items()) or "–"
    )


def draw_silent(found: Map, around: Surroundings) -> Iterator[str]:
    """Yield a table of the steps that rest on no document, with the reason for each."""
    yield "| 步骤 Step | 自定规则 Our rule | 理由 Reason |"
    yield "|---|---|---|"
    for name, _, step in silent_steps(around.workflows):
        rules = [basis.clause for basis in step.basis]
        reasons = [found.silent[one] for one in rules if one in found.silent]
        told = "<br/>".join(f"{one.zh} {one.en}" for one in reasons)
        yield f"| {step.label.zh} `{name}` | {'<br/>'.join(rules)} | {told} |"
