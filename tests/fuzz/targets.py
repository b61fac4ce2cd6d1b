"""The parsers, each as a function of bytes that raises nothing where all is as it should be.

A target lets pass what its parser may say (that the input is none), and compares what came of the
input where there is something to compare. Its seeds are files of `corpus/NAME/`; what once broke a
parser stays there.
"""

from __future__ import annotations

import io
import json
import struct
import tempfile
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from datetime import date
from functools import cache
from pathlib import Path
from typing import Any

import orjson
import rfc8785
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from flask import Flask
from standardwebhooks.webhooks import Webhook

from config import ROOT
from repair_app import ledger, merkle, notes, receipts, toml_file, uploads
from repair_app.engine import effects, guards
from repair_app.engine.policy import load_policy, names_of
from repair_app.engine.rules import CLOCKS, RuleError
from repair_app.engine.rules.library import load_library
from repair_app.engine.spec import SpecError, Vocabulary, load_documents, load_workflow
from repair_app.forms import FORMS
from repair_app.mirror import shelf, site
from repair_app.models import Role
from repair_app.penalty_format import (
    ENTRY_FORMATS,
    FileProblem,
    Reading,
    read_entries,
    read_notices,
    read_notices_sent,
    read_objects,
    read_rows,
)
from repair_app.services import calendar_file, catalogue_file

CORPUS = Path(__file__).with_name("corpus")
TODAY = date(2026, 11, 22)
WORKFLOWS = ROOT / "workflows"
SECRET = "whsec_" + "c2VjcmV0" * 4


@dataclass(frozen=True)
class Target:
    """A parser with its seeds and the words that its format knows."""

    name: str
    feed: Callable[[bytes], None]
    words: tuple[bytes, ...]

    @property
    def seeds(self) -> list[bytes]:
        """Return what to begin with, the same in every run."""
        return [path.read_bytes() for path in sorted((CORPUS / self.name).glob("*"))]


# --- files of records ---


def read_through(reading: Reading) -> None:
    """Go through all rows; each has its line, and either is a row or says what is wrong."""
    last = 0
    for line, row in reading:
        assert line > last
        assert row is not None
        last = line


def feed_import(content: bytes) -> None:
    """Read a file as penalties, as each kind of entry, and as notices, at once and as a stream."""
    counted = []
    for source in (content, io.BytesIO(content)):
        try:
            reading = read_rows(source, TODAY)
            counted.append(sum(1 for _ in reading))
        except FileProblem:
            counted.append(-1)
    # A broken stream may say so later than a broken file; what is read whole is the same.
    assert len(set(counted)) == 1 or -1 in counted
    for kind in ENTRY_FORMATS:
        try:
            read_through(read_entries(kind, content, TODAY))
        except FileProblem:
            continue
    try:
        read_through(read_notices(content, TODAY))
    except FileProblem:
        return


def feed_objects(content: bytes) -> None:
    """Read rows that a system sends as JSON."""
    try:
        rows = orjson.loads(content)
    except ValueError:
        return
    if isinstance(rows, list) and all(isinstance(one, dict) for one in rows):
        read_through(read_objects(rows, TODAY))
        read_through(read_notices_sent(rows, TODAY))


def feed_evidence(content: bytes) -> None:
    """Hand in a file under each name; what is taken is what its name says, and stays so."""
    for suffix, media_type in uploads.MEDIA_TYPES.items():
        try:
            taken = uploads.check_upload(f"证据{suffix}", content)
        except uploads.WrongType:
            continue
        assert taken.media_type == media_type
        again = uploads.check_upload(taken.filename, taken.content)
        assert again.content == taken.content  # what was stripped once is stripped
    assert "/" not in uploads.clean_name(content[:300].decode("utf-8", "replace"))


# --- files of the policy ---


@cache
def vocabulary() -> Vocabulary:
    """Return the words that workflows may use."""
    return Vocabulary(
        roles=frozenset(Role),
        guards=names_of(guards),
        effects=names_of(effects),
        forms=frozenset(FORMS),
        clocks=CLOCKS,
        documents=load_documents(WORKFLOWS / "documents.toml"),
    )


def in_a_file(content: bytes, use: Callable[[Path], object]) -> None:
    """Call a function with a file of this content."""
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder, "objection.toml")
        path.write_bytes(content)
        use(path)


def feed_workflow(content: bytes) -> None:
    """Read a file as a workflow, and as a rule pack in the place of the one of its id."""
    try:
        in_a_file(content, lambda path: load_workflow(path, vocabulary()))
    except SpecError as problem:
        assert str(problem)


def feed_rules(content: bytes) -> None:
    """Read a file as a rule pack among the others."""
    try:
        in_a_file(content, lambda path: load_library(WORKFLOWS / "rules", draft=path))
    except RuleError as problem:
        assert str(problem)


@cache
def with_policy() -> Flask:
    """Return an application that knows the policy, by which catalogues are checked."""
    app = Flask("fuzz")
    app.extensions["redress_policy"] = load_policy(WORKFLOWS, "seeds", FORMS)
    return app


def feed_lists(content: bytes) -> None:
    """Read a file as days off, as a catalogue of measures, as any TOML."""
    for name in ("days.toml", "days.txt"):
        try:
            calendar_file.read_file(name, content)
        except calendar_file.CalendarProblem as problem:
            assert problem.text("zh")
    try:
        with with_policy().app_context():
            measures = catalogue_file.read_text(catalogue_file.decode(content))
            again = catalogue_file.read_text(catalogue_file.write_text(measures))
        assert again == measures
    except SpecError as problem:
        assert str(problem)
    try:
        toml_file.parse(toml_file.decode(content))
    except ValueError as problem:
        assert str(problem)


# --- what is signed ---


def is_plain(value: Any) -> bool:
    """Say whether a value is of the kinds that events hold: ASCII keys, whole numbers, texts."""
    match value:
        case bool() | None:
            return True
        case int():
            return abs(value) < 2**53
        case str():
            return value.isprintable() or value.encode("utf-8", "ignore").decode() == value
        case list():
            return all(map(is_plain, value))
        case dict():
            return all(key.isascii() and is_plain(one) for key, one in value.items())
    return False


def feed_canonical(content: bytes) -> None:
    """Write JSON in its canonical form: as the RFC's own implementation does, and back again."""
    try:
        value = json.loads(content)
    except (ValueError, RecursionError):
        return
    if not isinstance(value, dict) or not is_plain(value):
        return
    try:
        ours = ledger.canonical(value)
    except TypeError:
        return  # a lone surrogate, or too deep
    assert ours.encode() == rfc8785.dumps(value)
    assert ours == shelf.canonical(value)
    assert json.loads(ours) == value
    assert ledger.canonical(json.loads(ours)) == ours


@cache
def mirror() -> Any:
    """Return a mirror in whose requests signatures are looked at."""
    return site.make_mirror(Path(tempfile.mkdtemp(prefix="redress-fuzz-")), SECRET)


def split(content: bytes) -> tuple[dict[str, str], bytes]:
    """Return the headers, a line each, and the body behind the first empty line."""
    head, _, body = content.partition(b"\n\n")
    lines = (line.partition(":") for line in head.decode("latin-1").splitlines())
    # A server lets no other signs through to an application.
    headers = {name.strip(): value.strip() for name, _, value in lines}
    safe = {
        name: "".join(sign for sign in value if sign.isprintable())
        for name, value in headers.items()
        if name.replace("-", "").isalnum() and name.isascii()
    }
    return safe, body


def feed_webhook(content: bytes) -> None:
    """Take a message: only one that its sender signed, in time, is let in."""
    headers, body = split(content)
    with mirror().test_request_context("/hook", method="POST", headers=headers, data=body):
        try:
            message = site.verify(SECRET, body)
        except site.Refused:
            return
    signed = Webhook(SECRET).verify(body, headers)  # the library has it so as well
    assert message == signed
    try:
        shelf.read_change(message.get("data"))
    except shelf.BadChange:
        return


@cache
def keyring() -> receipts.Keyring:
    """Return keys that sign receipts."""
    return receipts.Keyring.read("a secret of thirty-two characters or more")


def feed_receipt(content: bytes) -> None:
    """Open a receipt: only what was signed is said, whatever is changed."""
    text = content.decode("utf-8", "replace")
    try:
        said = keyring().open(text)
    except receipts.Invalid as problem:
        assert str(problem)
        return
    head, payload, _ = text.strip().split(".")
    assert keyring().open(keyring().sign(receipts.decode(payload))) == said
    assert head == keyring().sign(b"{}").partition(".")[0]


LEAVES = [merkle.hash_leaf(bytes([one])) for one in range(7)]


@cache
def log() -> tuple[notes.Signer, str]:
    """Return the key of a log, and its signed checkpoint of seven leaves."""
    private = Ed25519PrivateKey.from_private_bytes(b"\x01" * 32)
    signer = notes.Signer("redress.example/log", notes.LOG, private)
    text = notes.Checkpoint(signer.name, len(LEAVES), merkle.hash_all(LEAVES)).text
    return signer, f"{text}\n{signer.sign(text)}"


def feed_proof(content: bytes) -> None:
    """Verify a proof: only what is in the tree, at its place, under the signed root, is proven."""
    text, (signer, checkpoint) = content.decode("utf-8", "replace"), log()
    try:
        notes.Verifier.read(text.strip())
    except notes.Malformed as problem:
        assert str(problem)
    try:
        index, path, note = notes.parse_proof(text)
        signed, by = notes.open_note(note, [signer.verifier])
        said = notes.Checkpoint.read(signed)
    except (notes.Malformed, notes.Untrusted) as problem:
        assert str(problem)
        return
    assert by == [signer.verifier] * len(by)
    assert signed == notes.split_note(checkpoint)[0]  # nothing else was ever signed
    proven = [leaf for leaf in LEAVES if merkle.includes(index, said.size, leaf, path, said.root)]
    assert proven in ([], LEAVES[index : index + 1])


def words(*texts: str) -> tuple[bytes, ...]:
    """Return words of a format, and numbers at the edges of what a field holds."""
    edges = [struct.pack(">I", one) for one in (0, 1, 0x7FFFFFFF, 0xFFFFFFFF)]
    return (*(one.encode() for one in texts), *edges)


TOML_WORDS = words(
    "[", "]]", "= true", '"""', "zh = ", "basis = [", "1979-05-27", "inf", "nan", "0x", "\ufeff",
)  # fmt: skip
TARGETS: Mapping[str, Target] = {
    one.name: one
    for one in (
        Target(
            "import",
            feed_import,
            words(
                '"', "\r", "\x00", "行政相对人名称", "PK\x03\x04", "\ufeff", "=", "\t", "2026-02-30"
            ),
        ),
        Target("objects", feed_objects, words('{"', "[]", "null", "1e999", "\\ud800", "XZXDRMC")),
        Target(
            "evidence",
            feed_evidence,
            words(
                "%PDF-1.7", "startxref", "%%EOF", "IHDR", "IDAT", "IEND", "Exif", "OFD.xml", "PK"
            ),
        ),
        Target("workflow", feed_workflow, TOML_WORDS),
        Target("rules", feed_rules, TOML_WORDS),
        Target("lists", feed_lists, TOML_WORDS),
        Target("canonical", feed_canonical, words('{"a":', "-0", "9007199254740993", "\\ud800")),
        Target("webhook", feed_webhook, words("webhook-id:", "webhook-signature: v1,", "\n\n")),
        Target("proof", feed_proof, words("— ", "\n\n", "index ", "redress.example/log ")),
        Target("receipt", feed_receipt, words(".", "eyJ", "=", "bm9uZQ", "e30")),
    )
}


def chosen(names: Iterable[str]) -> list[Target]:
    """Return the targets of these names, all for none. Raises KeyError."""
    return [TARGETS[name] for name in names] or list(TARGETS.values())
