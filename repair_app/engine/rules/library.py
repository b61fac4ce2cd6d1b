"""The folder of rule packs: which files there are, which builds on which, which is current."""

from collections.abc import Collection, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from types import MappingProxyType
from typing import Any

from repair_app.engine.rules.pack import RulePack, Stated
from repair_app.engine.rules.reader import OWN_KEYS, read_pack
from repair_app.engine.rules.tables import GRADES, RuleError, Table, read_toml, suggest

PROFILES_FILE = "profiles.toml"
RELEASED = "released"  # the folder of editions that only running cases still go by


@dataclass(frozen=True)
class Library:
    """Every rule pack on file.

    `current` holds, by id, the editions that a profile may choose; `editions` those and the ones
    before them, by id and content hash, as records and cases are pinned to them; `foundations`
    what is only built upon.
    """

    current: Mapping[str, RulePack]
    editions: Mapping[tuple[str, str], RulePack]
    foundations: Mapping[str, RulePack]


def load_packs(folder: Path) -> dict[str, RulePack]:
    """Return the current rule packs of a folder, by id. Raises RuleError naming file and key."""
    return dict(load_library(folder).current)


def load_library(
    folder: Path, documents: Collection[str] = (), draft: Path | None = None
) -> Library:
    """Return the rule packs of a folder and its released editions.

    `documents` are the keys that sources may cite; none means that they are not compared. `draft`
    is a file that takes the place of the current pack of its id. Raises RuleError naming file,
    key and mend.
    """
    files = [_File(path, path.name) for path in _toml_files(folder)]
    if draft is not None:
        fresh = _File(draft, draft.name)
        files = [one for one in files if one.id != fresh.id] + [fresh]
    files += [
        _File(path, f"{RELEASED}/{path.name}", released=True)
        for path in _toml_files(folder / RELEASED)
    ]
    shelf = _Shelf(files)
    packs = {file: shelf.read(file) for file in files}
    for file, pack in packs.items():
        check_sources(file.name, pack, documents)
    current = {file.id: pack for file, pack in packs.items() if not file.released}
    chosen = {name: pack for name, pack in current.items() if not pack.is_foundation}
    if not chosen:
        raise RuleError(f"{folder}: holds no rule pack")
    return Library(
        current=MappingProxyType(chosen),
        editions=MappingProxyType(
            {(one.id, one.sha256): one for one in packs.values() if not one.is_foundation}
        ),
        foundations=MappingProxyType(
            {name: pack for name, pack in current.items() if pack.is_foundation}
        ),
    )


def check_sources(file: str, pack: RulePack, documents: Collection[str]) -> None:
    """Refuse a source that cites no known document or no clause, or calls our own choice a text."""
    for one in pack.stated:
        document, _, clause = one.source.partition(" ")
        place = f"{file}: {one.key}.source"
        if documents and document not in documents:
            raise RuleError(f"{place}: unknown document {document!r}{suggest(document, documents)}")
        if not clause.strip():
            raise RuleError(f"{place}: names no clause (write {document!r}, a space, the clause)")
        if document == "REDRESS" and one.grade != "choice":
            raise RuleError(f"{place}: is a choice of this system: write grade = 'choice'")


def _toml_files(folder: Path) -> list[Path]:
    return [path for path in sorted(folder.glob("*.toml")) if path.name != PROFILES_FILE]


class _File:
    """A file of the folder: what it calls itself, and which pack it builds on."""

    def __init__(self, path: Path, name: str, *, released: bool = False) -> None:
        self.name = name
        self.released = released
        self.raw = read_toml(path)
        top = Table(name, "", self.raw)
        self.id = top.text("id")
        if "." in self.id or not self.id.isascii():
            raise top.refuse("id", "may hold letters, digits and hyphens only")
        self.edition = top.count("edition") if top.has("edition") else 1
        self.extends = top.text("extends") if top.has("extends") else None

    @property
    def release(self) -> str:
        return f"{self.id}.{self.edition}"

    def refuse(self, key: str, problem: str) -> RuleError:
        return RuleError(f"{self.name}: {key}: {problem}")


class _Shelf:
    """Follows `extends` from file to file."""

    def __init__(self, files: Collection[_File]) -> None:
        self.by_name: dict[str, _File] = {}
        for file in files:
            if not file.released:
                self.put(file.id, file, f"{file.id!r} is another file's")
        for file in sorted(files, key=lambda one: not one.released):  # the new one is at fault
            again = f"edition {file.edition} of {file.id!r} is there twice: raise `edition`"
            self.put(file.release, file, again)

    def put(self, name: str, file: _File, problem: str) -> None:
        if name in self.by_name:
            raise file.refuse("id", problem)
        self.by_name[name] = file

    def read(self, file: _File) -> RulePack:
        content, places = self.gather(file, ())
        stated = tuple(
            Stated(key, body, body["source"], body["grade"], places[key])
            for key, body in leaves(content)
        )
        return read_pack(file.name, content, stated, whole=not file.released)

    def gather(self, file: _File, path: tuple[str, ...]) -> tuple[dict[str, Any], dict[str, str]]:
        """Return a file's content with what it takes over, and where each value is stated."""
        if file.release in path:
            chain = " -> ".join([*path, file.release])
            raise file.refuse("extends", f"goes round in a circle: {chain}")
        places = {key: file.id for key, _ in leaves(file.raw)}
        if file.extends is None:
            return file.raw, places
        base = self.by_name.get(file.extends)
        if base is None:
            hint = suggest(file.extends, set(self.by_name) - {file.id, file.release})
            raise file.refuse("extends", f"unknown rule pack {file.extends!r}{hint}")
        below, places_below = self.gather(base, (*path, file.release))
        inherited = {key: one for key, one in below.items() if key not in OWN_KEYS}
        return merge(inherited, file.raw), places_below | places


def merge(base: Any, own: Any) -> Any:
    """Return `own` laid over `base`, table by table; a value with a source is never mixed."""
    is_table = isinstance(base, dict) and isinstance(own, dict)
    if not is_table or "source" in own or "source" in base:
        return own
    return base | {key: merge(base.get(key), one) for key, one in own.items()}


def leaves(body: object, place: str = "") -> Iterator[tuple[str, dict[str, Any]]]:
    """Yield the values that carry a source, by their places; lines of a list by their codes."""
    if isinstance(body, list):
        for number, row in enumerate(body, start=1):
            name = row.get("code", number) if isinstance(row, dict) else number
            yield from leaves(row, f"{place}.{name}")
    elif isinstance(body, dict):
        if isinstance(body.get("source"), str) and body.get("grade") in GRADES:
            yield place, body
            return
        for key, one in body.items():
            yield from leaves(one, f"{place}.{key}".lstrip("."))
