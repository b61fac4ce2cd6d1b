"""What a mirror keeps: of each record the newest change it was told, and which messages it has."""

import hashlib
import json
import sqlite3
from collections.abc import Iterator, Mapping
from contextlib import closing, contextmanager
from pathlib import Path
from typing import Any, Final, NamedTuple

TABLES: Final = """
CREATE TABLE IF NOT EXISTS record (
    ref TEXT PRIMARY KEY,
    position INTEGER NOT NULL,
    hash TEXT NOT NULL,  -- as it was told; what is shown is hashed when somebody asks
    content TEXT,  -- NULL: it is not to be shown, and nothing of it is kept
    name TEXT NOT NULL,  -- of the enterprise, and its code: to find it by
    code TEXT NOT NULL
);
CREATE TABLE IF NOT EXISTS message (id TEXT PRIMARY KEY);
CREATE TABLE IF NOT EXISTS applied (ref TEXT NOT NULL, position INTEGER NOT NULL);
CREATE TABLE IF NOT EXISTS place (name TEXT PRIMARY KEY, position INTEGER NOT NULL);
"""
PAGE: Final = 50
LISTED: Final = 500  # records in one answer about what is shown: it stays below 64 KiB


class BadChange(ValueError):
    """What came is no change; says why."""


class Told(NamedTuple):
    """A change as it came: its position, the record, and what is to be shown of it (None: none)."""

    position: int
    ref: str
    content: str | None
    digest: str


def canonical(content: Mapping[str, Any]) -> str:
    """Return content as canonical JSON (RFC 8785; keys are ASCII, and there are no fractions)."""
    return json.dumps(content, ensure_ascii=False, sort_keys=True, separators=(",", ":"))


def read_change(data: Any) -> Told:
    """Return a change as `data` of a message has it. Raises BadChange.

    The hash is computed here, from what came: what it is called by the sender is only compared.
    """
    record = data.get("record") if isinstance(data, dict) else None
    if not isinstance(record, dict) or not isinstance(record.get("ref"), str):
        raise BadChange("no record")
    position = data.get("position")
    if not isinstance(position, int) or isinstance(position, bool) or position < 1:
        raise BadChange("no position")
    if not isinstance(record.get("shown"), bool):
        raise BadChange("neither shown nor not")
    content = canonical(record)
    digest = hash_of(content)
    if data.get("hash") != digest:
        raise BadChange("its hash is another")
    return Told(position, record["ref"], content if record["shown"] else None, digest)


def hash_of(content: str) -> str:
    """Return the hash of what is shown of a record, from what is shown itself."""
    return hashlib.sha256(str(content).encode()).hexdigest()


class Shelf:
    """The records of a mirror, in a SQLite file; each call is one transaction."""

    def __init__(self, path: Path) -> None:
        self.path = path
        with self.open() as store:
            store.executescript(TABLES)

    @contextmanager
    def open(self, writes: bool = False) -> Iterator[sqlite3.Connection]:
        """Give a connection; what was written is kept unless something is raised."""
        with closing(sqlite3.connect(self.path, timeout=20, isolation_level=None)) as store:
            store.execute("PRAGMA journal_mode=WAL")
            store.execute("BEGIN IMMEDIATE" if writes else "BEGIN")
            try:
                yield store
                store.execute("COMMIT") if store.in_transaction else None
            except BaseException:
                store.rollback()
                raise

    # --- being told ---

    def take(self, change: Told, message: str = "") -> str:
        """Take a change and return the hash of what is shown of its record now.

        message: the id under which it came; one that came before changes nothing. An older change
        than the one at hand is left aside.
        """
        with self.open(writes=True) as store:
            if message:
                kept = store.execute("INSERT OR IGNORE INTO message VALUES (?)", (message,))
                if kept.rowcount == 0:
                    return self.shown_hash(store, change)
            known = store.execute(
                "SELECT position FROM record WHERE ref = ?", (change.ref,)
            ).fetchone()
            if known is None or known[0] <= change.position:
                self.put(store, change)
            return self.shown_hash(store, change)

    def put(self, store: sqlite3.Connection, change: Told) -> None:
        """Show a change in place of what was shown."""
        said = json.loads(change.content) if change.content else {}
        firm = said.get("subject")
        named = firm if isinstance(firm, dict) else {}
        store.execute(
            "INSERT INTO record VALUES (?, ?, ?, ?, ?, ?) ON CONFLICT (ref) DO UPDATE SET"
            " position = excluded.position, hash = excluded.hash,"
            " content = excluded.content, name = excluded.name, code = excluded.code",
            (
                change.ref,
                change.position,
                change.digest,
                change.content,
                str(named.get("name") or ""),
                str(named.get("uscc") or ""),
            ),
        )
        store.execute("INSERT INTO applied VALUES (?, ?)", (change.ref, change.position))

    def shown_hash(self, store: sqlite3.Connection, change: Told) -> str:
        """Return the hash of what is shown of a record; of one that is not, of its removal."""
        row = store.execute(
            "SELECT content, hash FROM record WHERE ref = ?", (change.ref,)
        ).fetchone()
        if row is None:
            return ""
        return str(row[1]) if row[0] is None else hash_of(row[0])

    def place(self, name: str = "pull") -> int:
        """Return up to which position everything was taken."""
        with self.open() as store:
            row = store.execute("SELECT position FROM place WHERE name = ?", (name,)).fetchone()
            return int(row[0]) if row else 0

    def move(self, position: int, name: str = "pull") -> None:
        """Note up to which position everything was taken."""
        with self.open(writes=True) as store:
            store.execute(
                "INSERT INTO place VALUES (?, ?) ON CONFLICT (name) DO UPDATE SET"
                " position = max(place.position, excluded.position)",
                (name, position),
            )

    # --- showing ---

    def find(self, query: str, after: str = "") -> list[tuple[str, dict[str, Any]]]:
        """Return a page and one more of the records whose firm has a text in its name or code."""
        wanted = query.replace("\\", "\\\\").replace("%", "\\%").replace("_", "\\_")
        with self.open() as store:
            rows = store.execute(
                "SELECT ref, content FROM record WHERE content IS NOT NULL AND ref > ?"
                " AND (name LIKE ? ESCAPE '\\' OR code LIKE ? ESCAPE '\\')"
                " ORDER BY ref LIMIT ?",
                (after, f"%{wanted}%", f"{wanted}%", PAGE + 1),
            ).fetchall()
        return [(ref, json.loads(content)) for ref, content in rows]

    def read(self, ref: str) -> tuple[dict[str, Any], str, int] | None:
        """Return what is shown of a record, its hash, and how often it changed; None for none."""
        with self.open() as store:
            row = store.execute(
                "SELECT content FROM record WHERE ref = ? AND content IS NOT NULL", (ref,)
            ).fetchone()
            count = store.execute("SELECT count(*) FROM applied WHERE ref = ?", (ref,)).fetchone()
        return (json.loads(row[0]), hash_of(row[0]), count[0]) if row else None

    def state(self, first: str = "", last: str = "") -> dict[str, Any]:
        """Return how much is shown, by count and digest; of a range of references, both ends in.

        The digest is the SHA-256 of the lines `reference hash`, in the order of the references.
        """
        digest, count = hashlib.sha256(), 0
        for ref, own in self.hashes(first, last):
            digest.update(f"{ref} {own}\n".encode())
            count += 1
        return {"count": count, "digest": digest.hexdigest()}

    def listed(self, first: str, last: str) -> dict[str, str]:
        """Return the hashes of the records of a range, the first LISTED of them."""
        found = self.hashes(first, last)
        return {ref: own for _, (ref, own) in zip(range(LISTED), found, strict=False)}

    def hashes(self, first: str, last: str) -> Iterator[tuple[str, str]]:
        """Yield reference and hash of what is shown, in order; one record is in memory at a time.

        Hashed anew each time: a hash that was kept says what was told, not what is shown by now.
        """
        with self.open() as store:
            rows = store.execute(
                "SELECT ref, content FROM record WHERE content IS NOT NULL AND ref >= ?"
                " AND (? = '' OR ref <= ?) ORDER BY ref",
                (first, last, last),
            )
            for ref, content in rows:
                yield ref, hash_of(content)

    def dump(self) -> bytes:
        """Return everything that is shown, as bytes: equal for all that were told the same.

        Anybody may read it, so measures are left out, as on the pages.
        """
        with self.open() as store:
            rows = store.execute(
                "SELECT content FROM record WHERE content IS NOT NULL ORDER BY ref"
            ).fetchall()
        return b"".join(f"{without_measures(content)}\n".encode() for (content,) in rows)


def without_measures(content: str) -> str:
    """Return content as anybody may read it."""
    return canonical({key: one for key, one in json.loads(content).items() if key != "measures"})
