"""Backups: database, evidence and where the ledger was, with the hash of each part.

A backup is a folder:

    manifest.json     what it is, when, where the ledger was, hashes of the files beside it
    database.sqlite3  the database as of one moment, or database.dump (pg_dump, custom format)
    heads.tsv         where each chain of the ledger ended
    objects/          the evidence, as it lies in its store
    kept/             what else lies in the data folder: keys and salts, unless the environment
                      gives them (the manifest names those)
    files.sha256      the hash of each file in the last two (`sha256sum -c` checks it)

The manifest is written last: without it, a backup was not finished. Evidence is copied after the
database: its bytes are written before its row, so none is missed.

It holds everything that the store holds, so it is as confidential: files are readable by their
owner only. The keys lie in it, for without them nobody's second factor works and no earlier
receipt can be followed by another of the same key (docs/adr/0021).
"""

import hashlib
import json
import lzma
import os
import re
import secrets
import shutil
import sqlite3
import subprocess
import tarfile
import zlib
from collections.abc import Collection, Iterable, Iterator, Mapping
from contextlib import closing, contextmanager
from dataclasses import dataclass, field
from itertools import chain
from pathlib import Path, PurePosixPath
from tempfile import TemporaryDirectory
from typing import Any, Final, NamedTuple
from urllib.parse import unquote

import psycopg
from flask import current_app
from psycopg.conninfo import make_conninfo
from psycopg.sql import SQL, Identifier
from sqlalchemy import Engine, create_engine, inspect, select, text
from sqlalchemy.exc import SQLAlchemyError
from sqlalchemy.orm import Session

from config import SHARED_SECRETS
from repair_app import ledger, schema
from repair_app.db import db, driver, now
from repair_app.engine.step import SYSTEM
from repair_app.models import (
    Case,
    ChangeHead,
    Complaint,
    ComplaintPaper,
    Document,
    Letter,
    TreeHead,
)
from repair_app.position import (
    Position,
    check_list,
    check_numbers,
    check_texts,
    list_heads,
    list_lost,
    list_other_heads,
    list_own_notes,
    load_position,
    position_of,
    read_position,
    shorten,
)
from repair_app.services import evidence, history
from repair_app.services.office_book import OPERATIONS, note
from repair_app.services.sync import changes
from repair_app.services.transaction import transaction
from repair_app.services.tree import proving as tree

FORMAT: Final = 1
MANIFEST: Final = "manifest.json"
HEADS: Final = "heads.tsv"
LIST: Final = "files.sha256"
DATABASES: Final[Mapping[str, str]] = {
    "sqlite": "database.sqlite3",
    "postgresql": "database.dump",
}
OBJECTS: Final = "objects"
KEPT: Final = "kept"
# In the data folder, and no part of a backup of their own: the database, evidence, what passes.
NOT_KEPT: Final = ("redress.sqlite3", "evidence", "metrics-")
BLOCK: Final = 1 << 20
PACKED: Final = ".tar"
MOST_SAID: Final = 500  # letters of what a program of PostgreSQL complains of
EVIDENCE: Final = re.compile(r"[0-9a-f]{2}/[0-9a-f]{64}")  # see evidence.path_of
PROGRAMS: Final = "REDRESS_PG_BIN"  # the folder of pg_dump and pg_restore, if not on the path


class NotPossible(Exception):
    """A backup or restore cannot be begun; says why, and what to do."""


@dataclass(frozen=True)
class Manifest:
    """What a backup says of itself."""

    made_at: str
    store: str  # sqlite, postgresql
    revision: str
    position: Position
    objects: int
    size: int  # bytes of all files
    with_keys: bool  # those of the data folder
    files: dict[str, str] = field(default_factory=dict)  # name -> SHA-256
    format: int = FORMAT
    # Secrets that the environment gave, so that they are not in it: names of settings.
    from_environment: list[str] = field(default_factory=list)

    @property
    def database(self) -> str:
        """Return the name of the database's file."""
        return DATABASES[self.store]


# --- making one -------------------------------------------------------------------------------


def make(target: Path, *, with_keys: bool = True) -> tuple[Manifest, list[str]]:
    """Write a backup of the store to a new folder, or file that ends in .tar. Raises NotPossible.

    Returns what it is, and which papers are damaged in the store itself: they are copied as they
    are, for the rest must not go without a backup, and what is left of them may be of use.
    with_keys: whether the keys and salts of the data folder are in it; without, and where the
    environment gives them, they must be kept elsewhere.
    """
    refuse_inside(target)
    if target.exists() and (not target.is_dir() or any(target.iterdir())):
        raise NotPossible(f"{target} is there already: name a new folder, or a new file .tar")
    target.parent.mkdir(parents=True, exist_ok=True)
    with private():
        if target.suffix == PACKED:
            with TemporaryDirectory(prefix=".backup-", dir=target.parent) as folder:
                made, damaged = fill(Path(folder), with_keys=with_keys)
                unfinished = target.with_name(f"{target.name}.part")
                with tarfile.open(unfinished, "w") as archive:
                    archive.add(folder, arcname=".")
                unfinished.replace(target)
        else:
            target.mkdir(mode=0o700, exist_ok=True)
            made, damaged = fill(target, with_keys=with_keys)
    with transaction() as session:
        facts = {
            "events": made.position.events,
            "last_event": made.position.last_event,
            "objects": made.objects,
        }
        note(session, OPERATIONS, "backup", "store", SYSTEM, facts=facts)
    return made, damaged


def refuse_inside(target: Path) -> None:
    """Raise NotPossible for a place that is backed up itself: each backup would hold the last."""
    kept = [Path(current_app.config["DATA_FOLDER"])]
    scheme, _, place = str(current_app.config["EVIDENCE_URL"]).partition("://")
    if scheme == "file":
        kept.append(Path(unquote(place)))
    for folder in kept:
        if target.resolve().is_relative_to(folder.resolve()):
            raise NotPossible(
                f"{target} is inside {folder}, which is backed up: the next backup would hold "
                "this one. Name a place outside, best on another disk"
            )


@contextmanager
def private() -> Iterator[None]:
    """Let all files that are made inside be their owner's only."""
    before = os.umask(0o077)
    try:
        yield
    finally:
        os.umask(before)


def fill(folder: Path, *, with_keys: bool) -> tuple[Manifest, list[str]]:
    """Write the parts of a backup into an empty folder, the manifest last.

    Returns it, and which papers are not what they were when they came in.
    """
    kind = db.engine.dialect.name
    copied = folder / DATABASES[kind]
    copy = copy_sqlite if kind == "sqlite" else dump_postgresql
    position, revision = copy(copied, folder / HEADS)
    sums = [*copy_objects(folder / OBJECTS), *(copy_kept(folder / KEPT) if with_keys else ())]
    (folder / LIST).write_text(
        "".join(f"{digest}  {name}\n" for name, digest in sums), encoding="utf-8"
    )
    made = Manifest(
        made_at=ledger.moment(now()),
        store=kind,
        revision=revision,
        position=position,
        objects=sum(name.startswith(f"{OBJECTS}/") for name, _ in sums),
        size=sum(one.stat().st_size for one in folder.rglob("*") if one.is_file()),
        with_keys=with_keys,
        files={name: hash_file(folder / name) for name in (copied.name, HEADS, LIST)},
        from_environment=[name for name in SHARED_SECRETS if os.environ.get(name)],
    )
    content = {**vars(made), "position": made.position.as_dict()}
    (folder / MANIFEST).write_text(json.dumps(content, indent=1), encoding="utf-8")
    damaged = find_damaged(
        (name.partition("/")[2], digest) for name, digest in sums if name.startswith(f"{OBJECTS}/")
    )
    return made, list_lost_papers(db.session(), None, damaged) if damaged else []


def copy_sqlite(copied: Path, heads: Path) -> tuple[Position, str]:
    """Copy the database as of one moment while others write; return its position and revision."""
    with (
        closing(sqlite3.connect(str(db.engine.url.database))) as source,
        closing(sqlite3.connect(copied)) as target,
    ):
        source.backup(target)
        target.execute("PRAGMA journal_mode=DELETE")  # one file, without a log beside it
    with reading_sqlite(copied) as session:
        return describe(session, heads)


def dump_postgresql(dumped: Path, heads: Path) -> tuple[Position, str]:
    """Have pg_dump write the database as of one moment, and read the position of the same."""
    engine = db.engine.execution_options(isolation_level="REPEATABLE READ")
    with engine.connect() as connection, Session(connection) as session:
        snapshot = session.execute(text("SELECT pg_export_snapshot()")).scalar_one()
        options = ["--format=custom", f"--snapshot={snapshot}", f"--file={dumped}"]
        run_program("pg_dump", db.engine, *options, "--no-owner", "--no-privileges")
        return describe(session, heads)


def describe(session: Session, heads: Path) -> tuple[Position, str]:
    """Write the ends of the chains to a file; return position and revision."""
    with heads.open("w", encoding="utf-8") as file:
        file.writelines(list_heads(session))
    revision = session.execute(text("SELECT version_num FROM alembic_version")).scalar_one()
    return read_position(session), str(revision)


def copy_objects(folder: Path) -> Iterator[tuple[str, str]]:
    """Copy all evidence; yield name and hash of each file."""
    source = evidence.store()
    for name in list_objects():
        path = folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        digest = hashlib.sha256()
        try:
            found = source.get(name)
        except FileNotFoundError:  # a draft's file or an export, thrown away meanwhile
            continue
        with path.open("wb") as file:
            for block in found.stream(min_chunk_size=BLOCK):
                file.write(block)
                digest.update(block)
        yield f"{OBJECTS}/{name}", digest.hexdigest()


def find_damaged(papers: Iterable[tuple[str, str]]) -> set[str]:
    """Return the names of the papers whose bytes are not those that were filed.

    papers: name in the store and SHA-256 of the bytes. Evidence lies under its own hash; what lies
    under another name (drafts, exports, parts of uploads) passes, and says nothing of its bytes.
    """
    return {
        name for name, digest in papers if is_of_evidence(name) and evidence.path_of(digest) != name
    }


def is_of_evidence(name: str) -> bool:
    """Say whether a name in the store is that of a paper: its hash, below its first digits."""
    return EVIDENCE.fullmatch(name) is not None and name == evidence.path_of(name[3:])


def hash_objects() -> Iterator[tuple[str, str]]:
    """Yield name and hash of each paper in the store, read piece by piece."""
    source = evidence.store()
    for name in filter(is_of_evidence, list_objects()):
        digest = hashlib.sha256()
        for block in source.get(name).stream(min_chunk_size=BLOCK):
            digest.update(block)
        yield name, digest.hexdigest()


def list_objects() -> list[str]:
    """Return the names of all that lies in the store of the evidence."""
    return sorted(one["path"] for some in evidence.store().list() for one in some)


def copy_kept(folder: Path) -> Iterator[tuple[str, str]]:
    """Copy keys and what else lies in the data folder; yield name and hash of each file."""
    source: Path = current_app.config["DATA_FOLDER"]
    for path in sorted(source.rglob("*")):
        name = path.relative_to(source)
        if not path.is_file() or name.parts[0].startswith(NOT_KEPT):
            continue
        target = folder / name
        target.parent.mkdir(parents=True, exist_ok=True)
        shutil.copyfile(path, target)
        yield f"{KEPT}/{name.as_posix()}", hash_file(target)


def hash_file(path: Path) -> str:
    """Return the SHA-256 of a file."""
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


# --- reading one ------------------------------------------------------------------------------


@contextmanager
def opened(target: Path) -> Iterator[Path]:
    """Give the folder of a backup, unpacked where it is one file. Raises NotPossible."""
    if target.is_dir():
        yield target
        return
    if not target.is_file():
        raise NotPossible(f"there is no backup {target}")
    with private(), TemporaryDirectory(prefix=".backup-", dir=target.parent) as folder:
        try:
            with tarfile.open(target) as archive:
                archive.extractall(folder, filter="data")
        except (
            tarfile.TarError,
            zlib.error,
            lzma.LZMAError,
            EOFError,
            OSError,
            ValueError,
        ) as error:
            why = " ".join(str(error).split())
            raise NotPossible(f"{target} cannot be unpacked: {why}") from error
        yield Path(folder)


def read_manifest(folder: Path) -> Manifest:
    """Return what a backup says of itself. Raises NotPossible."""
    path = folder / MANIFEST
    if not is_inside(folder, MANIFEST):
        raise NotPossible(f"there is no {MANIFEST}: no backup, or one that was not finished")
    try:
        raw = json.loads(path.read_text(encoding="utf-8"))
        given = raw.pop("position")
        found = Manifest(**raw, position=position_of(given))
        refuse_other_types(found)
    except (ValueError, TypeError, KeyError, AttributeError, RecursionError) as error:
        raise NotPossible(f"{MANIFEST} cannot be read by this release") from error
    return found


def refuse_other_types(found: Manifest) -> None:
    """Raise ValueError or TypeError for a manifest that no release of this format wrote."""
    if found.format != FORMAT or found.store not in DATABASES:
        raise ValueError("another format")
    texts = [found.made_at, found.revision, *found.files, *found.files.values()]
    check_texts(*texts, *check_list(found.from_environment))
    check_numbers(found.objects, found.size)
    if not isinstance(found.with_keys, bool):
        raise TypeError("with_keys")
    if not {found.database} <= found.files.keys() <= {found.database, HEADS, LIST}:
        raise ValueError("other files")


def is_inside(folder: Path, name: str) -> bool:
    """Say whether a backup has a file of its own under a name: no link that leads out of it."""
    path = folder / name
    return path.is_file() and path.resolve().is_relative_to(folder.resolve())


def list_files(folder: Path) -> Iterator[tuple[str, str]]:
    """Yield name and hash of each file of evidence and keys; names that lead out are left out."""
    for line in read_list(folder):
        digest, _, name = line.partition("  ")
        if may_be_listed(name):
            yield name, digest


def read_list(folder: Path) -> list[str]:
    """Return the lines of the list of files; what is no text in them is named by no file."""
    if not is_inside(folder, LIST):
        return []
    return (folder / LIST).read_text(encoding="utf-8", errors="replace").splitlines()


def may_be_listed(name: str) -> bool:
    """Say whether a name is one of evidence or keys, and leads nowhere else."""
    kind, *rest = PurePosixPath(name).parts or ("",)
    if not rest or ".." in rest or "\0" in name:
        return False
    return kind == OBJECTS or (kind == KEPT and not rest[0].startswith(NOT_KEPT))


def check_files(folder: Path, manifest: Manifest) -> tuple[list[str], set[str]]:
    """Return which files are missing or not what they were, and which papers are damaged.

    A paper is damaged whose bytes are not those of its own name, whatever the list says of it.
    """
    told, papers = [], []
    told += [f"{MANIFEST} does not name {one}" for one in {HEADS, LIST} - manifest.files.keys()]
    strange = sum(not may_be_listed(line.partition("  ")[2]) for line in read_list(folder))
    if strange:
        told.append(f"{LIST}: {strange} of its lines name no file of a backup")
    for name, expected in chain(manifest.files.items(), list_files(folder)):
        if not is_inside(folder, name):
            told.append(f"{name} is missing")
            continue
        digest = hash_file(folder / name)
        if digest != expected:
            told.append(f"{name} is not what it was")
        if name.startswith(f"{OBJECTS}/"):
            papers.append((name.partition("/")[2], digest))
    return shorten(told), find_damaged(papers)


def verify(target: Path) -> tuple[Manifest, list[str]]:
    """Check a backup: each file, each chain, each paper. Returns what it is and what is wrong.

    One of PostgreSQL is restored into a database of its own beside the store's, which is dropped
    afterwards. Raises NotPossible.
    """
    with opened(target) as folder:
        manifest = read_manifest(folder)
        told, damaged = check_files(folder, manifest)
        if not is_inside(folder, manifest.database):
            return manifest, told
        reading = reading_sqlite if manifest.store == "sqlite" else reading_dump
        names = (name for name, _ in list_files(folder) if name.startswith(f"{OBJECTS}/"))
        there = {name.partition("/")[2] for name in names if is_inside(folder, name)}
        try:
            with reading(folder / manifest.database) as session:
                told += prove(session, manifest, folder, there, damaged)
        except (sqlite3.DatabaseError, SQLAlchemyError) as error:
            told.append(f"{manifest.database} cannot be read ({type(error).__name__})")
        except NotPossible as error:
            if not told:
                raise
            told.append(str(error))  # no wonder, with such files: they are named
        return manifest, told


def prove(
    session: Session, manifest: Manifest, folder: Path, objects: set[str], damaged: set[str]
) -> list[str]:
    """Return what a database lacks: events by the manifest, whole chains, papers by its rows.

    folder: of the backup, whose list of ends is compared. objects: names of what is there.
    damaged: of these, the papers whose bytes are not those that were filed.
    """
    told = list_lost(session, manifest.position)
    if is_inside(folder, HEADS):
        try:
            told += list_other_heads(session, folder / HEADS)
        except UnicodeDecodeError:
            told.append(f"{HEADS} cannot be read: it is no text")
    _, flaw = ledger.verify(session)
    flaw = flaw or history.find_bypassed(session)
    if flaw is None and inspect(session.connection()).has_table(TreeHead.__tablename__):
        flaw = tree.find_flaw(session)  # backups of releases before have no tree
    if flaw:
        told.append(f"{flaw.stream}, event {flaw.seq}: {flaw.problem}")
    return told + list_lost_papers(session, objects, damaged)


def list_lost_papers(
    session: Session, objects: Collection[str] | None, damaged: set[str]
) -> list[str]:
    """Return the papers, by reference and case, whose bytes are not there or not what they were.

    objects: names of what is there; None: not asked. damaged: the names of those that are damaged,
    also where no row names them.
    """
    asked = (
        select(Document.ref, Document.sha256, Case.ref).join(Case, Case.id == Document.case_id),
        select(ComplaintPaper.filename, ComplaintPaper.sha256, Case.ref)
        .join(Complaint, Complaint.id == ComplaintPaper.complaint_id)
        .join(Case, Case.id == Complaint.case_id)
        .where(ComplaintPaper.filename != "")  # not erased
        .with_only_columns(ComplaintPaper.id, ComplaintPaper.sha256, Case.ref),
        select(Letter.ref, Letter.sha256, Letter.entity_ref).where(Letter.sha256.is_not(None)),
    )
    told, named = [], set()
    for kind, query in zip(("document", "paper", "letter"), asked, strict=True):
        rows: Any = session.execute(query.execution_options(yield_per=2000))
        for ref, sha256, matter in rows:
            name = evidence.path_of(sha256)
            if objects is not None and name not in objects:
                told.append(f"{kind} {ref} of {matter} is missing: {name}")
            elif name in damaged:
                told.append(f"{kind} {ref} of {matter} is damaged: {name} is not what was filed")
                named.add(name)
    told += [f"{name} is damaged, a paper of no matter" for name in sorted(damaged - named)]
    return shorten(told)


@contextmanager
def reading_sqlite(path: Path) -> Iterator[Session]:
    """Give a session on a SQLite file that nobody writes."""
    engine = create_engine(f"sqlite:///file:{path}?mode=ro&immutable=1&uri=true")
    try:
        with Session(engine) as session:
            yield session
    finally:
        engine.dispose()


@contextmanager
def reading_dump(path: Path) -> Iterator[Session]:
    """Give a session on a database that is restored from a dump, and dropped at the end."""
    if db.engine.dialect.name != "postgresql":
        raise NotPossible("set DATABASE_URL: a backup of PostgreSQL is verified on a server of it")
    name = f"redress_verify_{secrets.token_hex(4)}"
    with closing(connect_beside()) as server:
        try:
            server.execute(SQL("CREATE DATABASE {} TEMPLATE template0").format(Identifier(name)))
        except psycopg.errors.InsufficientPrivilege as error:
            raise NotPossible(
                "the role of DATABASE_URL may not make a database (CREATEDB): verify where it may"
            ) from error
        engine = create_engine(db.engine.url.set(database=name))
        try:
            load_dump(path, engine)
            with Session(engine) as session:
                yield session
        finally:
            engine.dispose()
            server.execute(SQL("DROP DATABASE {} WITH (FORCE)").format(Identifier(name)))


def connect_beside() -> "psycopg.Connection[Any]":
    """Return a connection to the store's server, outside any transaction."""
    dsn, password = address_of(db.engine)
    return psycopg.connect(dsn, password=password or None, autocommit=True)


# --- putting one back -------------------------------------------------------------------------


class Restored(NamedTuple):
    """What was put back, what is missing, and which expected events are the backup's own notes."""

    manifest: Manifest
    missing: list[str]
    own_notes: list[int]


def restore(target: Path, expected: Position | None, *, despite_damage: bool) -> Restored:
    """Put a backup into the empty store of the settings. Returns what it is and what is missing.

    expected: a newer position that was kept outside. despite_damage: go on though files are not
    what the manifest says, and name what is lost. Raises NotPossible; nothing was written then.
    """
    with opened(target) as folder:
        manifest = read_manifest(folder)
        if manifest.store != db.engine.dialect.name:
            raise NotPossible(f"the backup is of {manifest.store}: set DATABASE_URL accordingly")
        if manifest.revision > schema.last_revision():
            raise NotPossible(f"the backup is of a newer release (schema {manifest.revision})")
        refuse_filled_store()
        damage, _ = check_files(folder, manifest)
        if damage and not despite_damage:
            raise NotPossible(
                "\n  ".join(["the backup is damaged; nothing was restored:", *damage])
            )
        refuse_unreadable(folder, manifest)
        put_database(folder / manifest.database)
        put_objects(folder)
        put_kept(folder)
        session = db.session()
        session.rollback()
        # Read back: what was written is compared, and not only what was read.
        damaged = find_damaged(hash_objects())
        told = prove(session, manifest, folder, set(list_objects()), damaged)
        notes = list_own_notes(expected, manifest.position) if expected else []
        told += list_lost(session, expected, notes) if expected else []
        told = list(dict.fromkeys([*damage, *told]))
    with transaction() as writing:
        facts = {
            "events": manifest.position.events,
            "last_event": manifest.position.last_event,
            "made_at": manifest.made_at,
            "missing": len(told),
        }
        note(writing, OPERATIONS, "restore", "store", SYSTEM, facts=facts)
    if inspect(db.engine).has_table(ChangeHead.__tablename__):  # older backups have none
        changes.begin_anew()
    return Restored(manifest, told, notes)


def refuse_unreadable(folder: Path, manifest: Manifest) -> None:
    """Raise NotPossible for a backup without a database that can be read: the store stays empty.

    What PostgreSQL's own program cannot read, it puts back nothing of.
    """
    if not is_inside(folder, manifest.database):
        raise NotPossible(f"{manifest.database} is missing; nothing was restored")
    if manifest.store == "sqlite":
        try:
            with reading_sqlite(folder / manifest.database) as session:
                session.execute(text("SELECT version_num FROM alembic_version")).scalar_one()
        except (sqlite3.DatabaseError, SQLAlchemyError) as error:
            raise NotPossible(
                f"{manifest.database} cannot be read; nothing was restored"
            ) from error


def refuse_filled_store() -> None:
    """Raise NotPossible unless neither the database has a table nor the evidence a file."""
    with db.engine.connect() as connection:
        found = inspect(connection)
        names = [
            name for one in (None, "dbos") if has_schema(found, one) for name in tables(found, one)
        ]
    if names:
        raise NotPossible("the store has tables: a backup is restored into an empty one only")
    if list_objects():
        raise NotPossible("the evidence has files: a backup is restored beside none only")


def has_schema(found: Any, name: str | None) -> bool:
    """Say whether a database has a schema; the usual one it always has."""
    return name is None or name in found.get_schema_names()


def tables(found: Any, name: str | None) -> list[str]:
    """Return the tables of a schema."""
    names: list[str] = found.get_table_names(schema=name)
    return names


def put_database(path: Path) -> None:
    """Put the database in its place."""
    if db.engine.dialect.name == "postgresql":
        load_dump(path, db.engine)
        return
    db.session.remove()
    db.engine.dispose()  # what is still connected would go on reading the empty file
    place = Path(str(db.engine.url.database))
    for suffix in ("-wal", "-shm"):
        place.with_name(place.name + suffix).unlink(missing_ok=True)
    with private():
        shutil.copyfile(path, place)


def put_objects(folder: Path) -> None:
    """Put the evidence in its place."""
    target = evidence.store()
    for name, _ in list_files(folder):
        kind, _, rest = name.partition("/")
        if kind == OBJECTS and is_inside(folder, name):
            target.put(rest, folder / name)


def put_kept(folder: Path) -> None:
    """Put keys and the like in their place; those that were made just now, at the start, give way.

    The store was empty: nothing was signed or enciphered with them.
    """
    place: Path = current_app.config["DATA_FOLDER"]
    for name, _ in list_files(folder):
        kind, _, rest = name.partition("/")
        if kind == KEPT and is_inside(folder, name):
            with private():
                (place / rest).parent.mkdir(parents=True, exist_ok=True)
                shutil.copyfile(folder / name, place / rest)
            (place / rest).chmod(0o600)


def load_dump(path: Path, engine: Engine) -> None:
    """Have pg_restore fill an empty database, or leave it empty."""
    options = ["--no-owner", "--no-privileges", "--exit-on-error", "--single-transaction"]
    run_program("pg_restore", engine, *options, str(path))
    with engine.connect().execution_options(isolation_level="AUTOCOMMIT") as connection:
        connection.exec_driver_sql("ANALYZE")  # a dump holds no statistics, and questions follow


# --- PostgreSQL's own programs ----------------------------------------------------------------


def run_program(name: str, engine: Engine, *options: str) -> None:
    """Run a program of PostgreSQL on a database; its password is told by the environment only."""
    program = shutil.which(name, path=os.environ.get(PROGRAMS))
    if program is None:
        raise NotPossible(
            f"{name} is not there: install PostgreSQL's client programs (on Debian "
            f"postgresql-client), or name their folder by {PROGRAMS}"
        )
    dsn, password = address_of(engine)
    env = {**os.environ, **({"PGPASSWORD": password} if password else {})}
    command = [program, f"--dbname={dsn}", *options]
    done = subprocess.run(  # noqa: S603  # a program by its name, with arguments of our own
        command, env=env, capture_output=True, text=True, check=False
    )
    if done.returncode:
        said = " ".join(done.stderr.split())[:MOST_SAID]
        raise NotPossible(f"{name} failed: {said or done.returncode}")


def address_of(engine: Engine) -> tuple[str, str]:
    """Return where a database is, as PostgreSQL's programs read it, and the password apart."""
    with engine.connect() as connection:
        info = driver(connection).info
        return make_conninfo(**info.get_parameters()), info.password


# --- where the ledger is ----------------------------------------------------------------------


def tell_position() -> Position:
    """Return where the ledger of the store is now."""
    session = db.session()
    session.rollback()
    return read_position(session)


def list_missing(expected: Path) -> list[str]:
    """Return what the store lacks of a position that was kept outside. Raises NotPossible."""
    return list_lost(db.session(), read_expected(expected))


def read_expected(path: Path) -> Position:
    """Read a position that was kept outside. Raises NotPossible."""
    try:
        return load_position(path)
    except ValueError as error:
        raise NotPossible(str(error)) from error
