"""The policy in force: every workflow version, every rule pack, and the profile that chooses."""

from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass, field
from datetime import date
from importlib import import_module
from pathlib import Path
from pkgutil import iter_modules
from types import ModuleType
from typing import Any, NamedTuple

from repair_app import toml_file
from repair_app.engine import effects, guards, letter_facts, letters
from repair_app.engine.letter_kinds import NO_LETTERS, LetterBook, LetterWords, load_letters
from repair_app.engine.machine import StateMachine, build_machine
from repair_app.engine.rules import (
    CLOCKS,
    Profile,
    RuleError,
    RulePack,
    check_profile,
    load_library,
    load_profiles,
    select_pack,
)
from repair_app.engine.spec import (
    SpecError,
    Vocabulary,
    Workflow,
    cite,
    load_documents,
    load_workflow,
)
from repair_app.engine.step import Entity
from repair_app.labels import Label
from repair_app.letters import list_templates
from repair_app.models import Role

NOT_WORKFLOWS = frozenset(
    {
        "commitments.toml",
        "data.toml",
        "documents.toml",
        "letters.toml",
        "measures.toml",
        "migrations.toml",
        "releases.toml",
        "requirements.toml",
        "retention.toml",
    }
)
# What to do about a rule pack that was changed after its release.
RELEASE_MEND = "; lay the released file in rules/released/ and raise `edition` in the new one"
WORKFLOW_MEND = "; lay the released file in released/ and raise `version` in the new one"
PACKS = "packs"  # the name under which releases.toml lists the rule packs


class Release(NamedTuple):
    """What releases.toml says of a version of a workflow, or of a rule pack (by its release)."""

    name: str
    version: str
    sha256: str

    def __str__(self) -> str:
        """Return it as people name it."""
        return f"rule pack {self.version}" if self.name == PACKS else f"{self.name} {self.version}"


@dataclass(frozen=True)
class Policy:
    """What the engine runs by; frozen, shared by all requests."""

    workflows: Mapping[tuple[str, str], Workflow]  # (name, version)
    current: Mapping[str, Workflow]
    packs: Mapping[str, RulePack]  # current, by id
    editions: Mapping[tuple[str, str], RulePack]  # all on file, by (id, content hash)
    foundations: Mapping[str, RulePack]  # only built upon
    profile: Profile
    machines: Mapping[tuple[str, str], StateMachine] = field(repr=False)
    documents: Mapping[str, Label] = field(repr=False)
    letters: LetterBook = field(default=NO_LETTERS, repr=False)

    def workflow_of(self, entity: Entity) -> Workflow:
        """Return the workflow version that an entity is pinned to.

        Raises SpecError when that version is gone or its content is no longer what it was.
        """
        key = (entity.workflow, entity.workflow_version)
        workflow = self.workflows.get(key)
        if workflow is None or workflow.sha256 != entity.workflow_hash:
            raise SpecError(f"{entity.ref} is pinned to {key}, which is missing or was changed")
        return workflow

    def pack_of(self, entity: Entity) -> RulePack:
        """Return the edition of the rule pack that an entity is pinned to.

        Raises SpecError when that edition is not on file.
        """
        pack = self.editions.get((entity.rule_pack, entity.rule_pack_hash))
        if pack is None:
            raise SpecError(f"{entity.ref} is pinned to {entity.rule_pack}, missing or changed")
        return pack

    def machine_of(self, workflow: Workflow) -> StateMachine:
        """Return the state machine of a workflow version."""
        return self.machines[workflow.name, workflow.version]

    def cite(self, clause: str) -> Label:
        """Return a clause ("<document> <clause>") as people cite it. Raises KeyError."""
        return cite(self.documents, clause).label

    def pack_for(self, part: str, *, decided_on: date, applied_on: date) -> RulePack:
        """Return the rule pack that the profile chooses for a part and these two dates."""
        return select_pack(
            self.profile, self.packs, part, decided_on=decided_on, applied_on=applied_on
        )

    def pack_gaps(self, pack: RulePack, workflow: Workflow) -> tuple[str, ...]:
        """Return the terms that a workflow names and a pack does not give."""
        return tuple(sorted(clocks_of(workflow) - set(pack.clocks)))


def load_policy(folder: Path, profile: str, forms: Collection[str]) -> Policy:
    """Read a whole policy folder. Raises SpecError or RuleError naming file and place."""
    profiles = load_profiles(folder / "rules" / "profiles.toml")
    if profile not in profiles:
        raise SpecError(f"profiles.toml: there is no profile {profile!r} (REDRESS_PROFILE)")
    documents = load_documents(folder / "documents.toml")
    vocabulary = Vocabulary(
        roles=frozenset(Role),
        guards=names_of(guards),
        effects=names_of(effects),
        forms=frozenset(forms),
        clocks=CLOCKS,
        documents=documents,
    )
    files = [path for path in sorted(folder.glob("*.toml")) if path.name not in NOT_WORKFLOWS]
    current = {one.name: one for one in (load_current(path, vocabulary) for path in files)}
    workflows = {(one.name, one.version): one for one in current.values()}
    for path in sorted(folder.glob("released/*.toml")):
        earlier = load_workflow(path, vocabulary)
        if (earlier.name, earlier.version) in workflows:
            raise SpecError(f"released/{path.name}: version {earlier.version} is there twice")
        workflows[earlier.name, earlier.version] = earlier
    library = load_library(folder / "rules", documents)
    for one in profiles.values():
        check_profile(one, library.current)
    check_clocks(current.values(), library.current.values())
    check_releases(folder / "releases.toml", workflows.values(), library.editions.values())
    return Policy(
        workflows=workflows,
        current=current,
        packs=library.current,
        editions=library.editions,
        foundations=library.foundations,
        profile=profiles[profile],
        machines={
            key: build_machine(one, bound(guards), bound(effects)) for key, one in workflows.items()
        },
        documents=documents,
        letters=load_letters(
            folder / "letters.toml", workflows.values(), documents, words_of_letters()
        ),
    )


def words_of_letters() -> LetterWords:
    """Return the names that letters.toml may use."""
    return LetterWords(
        letter_facts.PLACEHOLDERS, letter_facts.PRIVATE, list_templates(), letters.CONDITIONS
    )


def load_current(path: Path, vocabulary: Vocabulary) -> Workflow:
    """Return the workflow of a file that bears its name. Raises SpecError."""
    workflow = load_workflow(path, vocabulary)
    if workflow.name != path.stem:
        raise SpecError(f"{path.name}: name: is {workflow.name!r}, not that of the file")
    return workflow


def clocks_of(workflow: Workflow) -> set[str]:
    """Return the terms of the rule pack that a workflow names."""
    named = {one.clock for one in workflow.states.values() if one.clock}
    return named | ({workflow.term.clock} if workflow.term else set())


def check_clocks(workflows: Iterable[Workflow], packs: Collection[RulePack]) -> None:
    """Refuse a workflow that names a term that a current pack of its part does not give.

    An edition that only running cases go by need not know of later terms. Raises RuleError.
    """
    for workflow in workflows:
        for pack in packs:
            missing = sorted(clocks_of(workflow) - set(pack.clocks))
            if workflow.rules in pack.parts and missing:
                raise RuleError(
                    f"{pack.id}: clocks.{missing[0]}: is missing; {workflow.name} names it"
                    f" (part {workflow.rules})"
                )


def check_releases(path: Path, workflows: Iterable[Workflow], packs: Iterable[RulePack]) -> None:
    """Refuse a released workflow version or rule pack that has changed or is gone.

    Records and cases are pinned to it, so every page of theirs would fail. Raises SpecError.
    """
    present = {(one.name, one.version): one.sha256 for one in list_releases(workflows, packs)}
    for name, versions in read_releases(path).items():
        for version, sha256 in versions.items():
            found = present.get((name, version))
            if found != sha256:
                place = f"rules: {version}" if name == PACKS else f"{name}.toml: version {version}"
                fate = "has changed" if found else "is gone"
                mend = RELEASE_MEND if name == PACKS else WORKFLOW_MEND
                raise SpecError(f"{place} was released and {fate}{mend}")


def unreleased(
    path: Path, workflows: Iterable[Workflow], packs: Iterable[RulePack] = ()
) -> list[Release]:
    """Return what is not listed in releases.toml with its present content."""
    released = read_releases(path)
    return [
        one
        for one in list_releases(workflows, packs)
        if released.get(one.name, {}).get(one.version) != one.sha256
    ]


def list_releases(workflows: Iterable[Workflow], packs: Iterable[RulePack]) -> list[Release]:
    """Return what releases.toml says of these workflows and rule packs once they are released."""
    return [
        *(Release(one.name, one.version, one.sha256) for one in workflows),
        *(Release(PACKS, one.release, one.sha256) for one in packs),
    ]


def read_releases(path: Path) -> dict[str, dict[str, str]]:
    """Return name -> version -> content hash of what was released.

    Rule packs stand there under PACKS, by id and edition. Raises SpecError for a file of another
    form.
    """
    if not path.exists():
        return {}
    try:
        found = toml_file.load(path)
    except ValueError as error:
        raise SpecError(f"{path.name}: {error}") from error
    for name, versions in found.items():
        if not isinstance(versions, dict):
            raise SpecError(f"{path.name}: {name}: is no table of versions and hashes")
    return found


def write_releases(path: Path, policy: Policy) -> list[Release]:
    """Add to releases.toml what it does not list yet, and return that; what it lists stays.

    Raises SpecError, and writes nothing, when something that it lists has changed or is gone.
    """
    check_releases(path, policy.workflows.values(), policy.editions.values())
    new = unreleased(path, policy.workflows.values(), policy.editions.values())
    released = read_releases(path)
    for one in new:
        released.setdefault(one.name, {})[one.version] = one.sha256
    # Dotted keys: a table that is opened once could not be added to by hand further down.
    lines = [
        f'{name}."{version}" = "{sha256}"\n'
        for name, versions in sorted(released.items())
        for version, sha256 in sorted(versions.items())
    ]
    text = "# Released workflow versions and rule packs, and their content: never changed.\n\n"
    path.write_text(text + "".join(lines), encoding="utf-8")
    return new


def bound(package: ModuleType) -> dict[str, Any]:
    """Return the public functions that the modules of a package define, by name.

    Raises SpecError when two modules give the same name: a workflow file could mean either.
    """
    found: dict[str, Any] = {}
    for info in sorted(iter_modules(package.__path__)):
        module = import_module(f"{package.__name__}.{info.name}")
        for name, thing in vars(module).items():
            if name.startswith("_") or getattr(thing, "__module__", None) != module.__name__:
                continue
            if name in found:
                raise SpecError(f"{module.__name__}: {name}: another module has this name")
            if callable(thing):
                found[name] = thing
    return found


def names_of(package: ModuleType) -> frozenset[str]:
    """Return the names that a workflow file may use of this package."""
    return frozenset(bound(package))
