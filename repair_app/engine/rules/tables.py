"""Takes the tables of a rule file apart, strictly: whatever is wrong is named with its mend."""

from collections.abc import Callable, Collection, Iterable, Iterator
from dataclasses import dataclass
from datetime import date, datetime
from decimal import Decimal
from difflib import get_close_matches
from pathlib import Path
from types import MappingProxyType
from typing import Any, TypeVar

from repair_app import toml_file
from repair_app.labels import Label

LONGEST_MONTHS = 600
LONGEST_TERM = 1000  # working days
# How well a source is known, best first; workflows/rules/README.md tells what each means.
GRADES = ("read", "press", "fragment", "recall", "choice")

Value = TypeVar("Value")


class RuleError(ValueError):
    """A rule pack or profile that must not run; says `file: key: problem`, and the mend."""


@dataclass(frozen=True)
class Source:
    """What a value rests on: `cites` is "<document> <clause>", `grade` one of GRADES."""

    cites: str
    grade: str


def read_toml(path: Path) -> dict[str, Any]:
    """Return a file's content. Raises RuleError with the line where it is no TOML."""
    try:
        return toml_file.load(path, parse_float=Decimal)
    except (OSError, ValueError) as error:
        raise RuleError(f"{path.name}: file: {error}") from error


def suggest(word: object, known: Iterable[str]) -> str:
    """Return what to write instead of an unknown word, as the end of a complaint."""
    names = sorted(known)
    if near := get_close_matches(str(word), names, n=1):
        return f"; did you mean {near[0]!r}?"
    return f"; known: {', '.join(names)}" if names else ""


class Table:
    """A table of a file that is taken apart key by key; what is left over is refused."""

    def __init__(self, file: str, place: str, body: object) -> None:
        self.file = file
        self.place = place
        if not isinstance(body, dict):
            raise self.refuse("", "is no table")
        self.left: dict[str, Any] = dict(body)
        self.taken: set[str] = set()

    def refuse(self, key: str, problem: str) -> RuleError:
        """Return the complaint about one of its keys ("" for the table itself)."""
        place = ".".join(part for part in (self.place, key) if part)
        return RuleError(f"{self.file}: {place or 'file'}: {problem}")

    def has(self, key: str) -> bool:
        """Say whether a key is there; asking for it makes it known."""
        self.taken.add(key)
        return key in self.left

    def take(self, key: str) -> Any:
        """Take a value of any kind."""
        self.taken.add(key)
        if key not in self.left:
            stray = sorted(set(self.left) - self.taken - {"source", "grade"})
            near = get_close_matches(key, stray, n=1) or (stray if len(stray) == 1 else [])
            raise self.refuse(key, "is missing" + (f"; is {near[0]!r} meant?" if near else ""))
        return self.left.pop(key)

    def text(self, key: str) -> str:
        """Take a text that is not blank."""
        value = self.take(key)
        if not isinstance(value, str) or not value.strip():
            raise self.refuse(key, "is no text")
        return value

    def one_of(self, key: str, known: Collection[str]) -> str:
        """Take a text that is one of the known ones."""
        value = self.text(key)
        if value not in known:
            raise self.refuse(key, f"unknown {value!r}{suggest(value, known)}")
        return value

    def texts(self, key: str, known: Collection[str] | None = None) -> tuple[str, ...]:
        """Take a list of texts, none twice, all known where it is told what is."""
        value = self.take(key)
        if not isinstance(value, list) or not all(isinstance(one, str) and one for one in value):
            raise self.refuse(key, "is no list of texts")
        if len(set(value)) != len(value):
            raise self.refuse(key, "says something twice")
        for one in value:
            if known is not None and one not in known:
                raise self.refuse(key, f"unknown {one!r}{suggest(one, known)}")
        return tuple(value)

    def groups(self, key: str, known: Collection[str]) -> tuple[tuple[str, ...], ...]:
        """Take a list of codes and of lists of codes; a single code is a group of one."""
        value = self.take(key)
        if not isinstance(value, list):
            raise self.refuse(key, "is no list of codes and lists of codes")
        rows = [one if isinstance(one, list) else [one] for one in value]
        for number, row in enumerate(rows, start=1):
            Table(self.file, f"{self.place}.{key}", {str(number): row}).texts(str(number), known)
            if not row:
                raise self.refuse(f"{key}.{number}", "is empty")
        return tuple(tuple(row) for row in rows)

    def flag(self, key: str) -> bool:
        """Take yes or no."""
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

    def months(self, key: str) -> int:
        """Take a period in calendar months, of up to fifty years: more is a slip of the unit."""
        return self._up_to(LONGEST_MONTHS, key, "months")

    def working_days(self, key: str) -> int:
        """Take a term in working days, of up to four years."""
        return self._up_to(LONGEST_TERM, key, "working days")

    def _up_to(self, most: int, key: str, unit: str) -> int:
        count = self.count(key)
        if count > most:
            raise self.refuse(key, f"{count} {unit} are too many; at most {most}")
        return count

    def amount(self, key: str) -> Decimal:
        """Take an amount in 10k yuan, 0 or more."""
        value = self.take(key)
        is_number = isinstance(value, int | Decimal) and not isinstance(value, bool)
        if not is_number or not Decimal(value).is_finite() or value < 0:
            raise self.refuse(key, "is no amount in 10k yuan")
        return Decimal(value)

    def day(self, key: str) -> date:
        """Take a date without a time of day."""
        value = self.take(key)
        if not isinstance(value, date) or isinstance(value, datetime):
            raise self.refuse(key, "is no date (write 2026-04-01, without quotes)")
        return value

    def label(self, key: str) -> Label:
        """Take a text in both languages."""
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

    def table(self, key: str) -> "Table":
        """Take a table."""
        return Table(self.file, f"{self.place}.{key}".lstrip("."), self.take(key))

    def tables(self, key: str) -> Iterator[tuple[str, "Table"]]:
        """Yield the tables inside a table, by their names; at least one."""
        outer = self.table(key)
        if not outer.left:
            raise self.refuse(key, "is empty")
        for name in list(outer.left):
            yield name, outer.table(name)

    def rows(self, key: str) -> Iterator["Table"]:
        """Yield the tables of a list; at least one."""
        value = self.take(key)
        if not isinstance(value, list) or not value:
            raise self.refuse(key, "is no list of tables")
        for number, body in enumerate(value, start=1):
            yield Table(self.file, f"{self.place}.{key}.{number}".lstrip("."), body)

    def end(self) -> None:
        """Refuse what nobody took: a key that is not known here."""
        if self.left:
            stray = min(self.left)
            raise self.refuse(stray, f"is not known here{suggest(stray, self.taken)}")


class Values:
    """Values that are each a table of value, source and grade; `sources` keeps the latter two."""

    def __init__(self, body: Table) -> None:
        self.body = body
        self._sources: dict[str, Source] = {}

    @property
    def sources(self) -> MappingProxyType[str, Source]:
        """Return the source of each value taken so far, by the name of the value."""
        return MappingProxyType(self._sources)

    def take(self, key: str, read: Callable[[Table, str], Value]) -> Value:
        """Take a value that has to be there."""
        entry = self.body.table(key)
        value = read(entry, "value")
        self._sources[key] = entry.source()
        entry.end()
        return value

    def take_if(self, key: str, read: Callable[[Table, str], Value], absent: Value) -> Value:
        """Take a value that may be left out."""
        return self.take(key, read) if self.body.has(key) else absent
