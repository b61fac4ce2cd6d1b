"""Signed notes and checkpoints of a tree, byte for byte as C2SP has them: others can verify them.

Pure: no database. Formats: c2sp.org/signed-note, tlog-checkpoint, tlog-cosignature, tlog-proof.
"""

from __future__ import annotations

import hashlib
import re
from base64 import b64decode, b64encode
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Final, NamedTuple

from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey, Ed25519PublicKey

LOG, WITNESS = 0x01, 0x04  # signature types: Ed25519 of a note; of a checkpoint with its time
DASH: Final = "— "
PRIVATE: Final = "PRIVATE+KEY+"
PROOF: Final = "c2sp.org/tlog-proof@v1"
HASH: Final = 32  # bytes
KEY_ID: Final = 4  # bytes
MOST_SIGNATURES: Final = 64
NAME: Final = re.compile(r"[^\s+]+")
SIZE: Final = re.compile("0|[1-9][0-9]{0,18}")


class Malformed(ValueError):
    """A text is no note, checkpoint or key; says why."""


class Untrusted(ValueError):
    """A note is not signed by a known key, or a signature of one does not fit."""


@dataclass(frozen=True)
class Verifier:
    """A public key by name: what a verifier has to know beforehand."""

    name: str
    kind: int
    key: bytes

    @property
    def key_id(self) -> bytes:
        """Return the four bytes that a signature line names the key by."""
        named = self.name.encode() + b"\n" + bytes([self.kind]) + self.key
        return hashlib.sha256(named).digest()[:KEY_ID]

    def __str__(self) -> str:
        """Return the key as a line of text (vkey)."""
        return (
            f"{self.name}+{self.key_id.hex()}+{b64encode(bytes([self.kind]) + self.key).decode()}"
        )

    @classmethod
    def read(cls, text: str) -> Verifier:
        """Return the key of such a line. Raises Malformed."""
        name, _, rest = text.strip().partition("+")
        key_id, _, encoded = rest.partition("+")
        material = decode(encoded)
        if not NAME.fullmatch(name) or len(material) != 1 + HASH:
            raise Malformed("no key of a note")
        found = cls(name, material[0], material[1:])
        if found.kind not in {LOG, WITNESS} or found.key_id.hex() != key_id:
            raise Malformed("the key does not fit its name")
        return found

    def fits(self, text: str, signature: bytes) -> bool:
        """Say whether a signature is this key's, of a note's text."""
        signed = text.encode()
        if self.kind == WITNESS:
            time, signature = int.from_bytes(signature[:8], "big"), signature[8:]
            signed = cosigned(text, time)
        try:
            Ed25519PublicKey.from_public_bytes(self.key).verify(signature, signed)
        except InvalidSignature:
            return False
        return True


@dataclass(frozen=True)
class Signer:
    """A private key by name."""

    name: str
    kind: int
    private: Ed25519PrivateKey

    @classmethod
    def make(cls, name: str, kind: int = LOG) -> Signer:
        """Return a new key. Raises Malformed for a name that no key may have."""
        if not NAME.fullmatch(name):
            raise Malformed(f"{name!r} names no key: no blanks and no + in it")
        return cls(name, kind, Ed25519PrivateKey.generate())

    @classmethod
    def read(cls, text: str) -> Signer:
        """Return the key of a line of text. Raises Malformed."""
        if not text.startswith(PRIVATE):
            raise Malformed("no private key")
        name, _, rest = text.strip().removeprefix(PRIVATE).partition("+")
        key_id, _, encoded = rest.partition("+")
        material = decode(encoded)
        if not NAME.fullmatch(name) or len(material) != 1 + HASH:
            raise Malformed("no private key of a note")
        found = cls(name, material[0], Ed25519PrivateKey.from_private_bytes(material[1:]))
        if found.kind not in {LOG, WITNESS} or found.verifier.key_id.hex() != key_id:
            raise Malformed("the private key does not fit its name")
        return found

    def write(self) -> str:
        """Return the key as a line of text, its private part with it."""
        encoded = b64encode(bytes([self.kind]) + self.private.private_bytes_raw()).decode()
        return f"{PRIVATE}{self.name}+{self.verifier.key_id.hex()}+{encoded}"

    @cached_property
    def verifier(self) -> Verifier:
        """Return the public key."""
        return Verifier(self.name, self.kind, self.private.public_key().public_bytes_raw())

    def sign(self, text: str, time: int = 0) -> str:
        """Return the line of the signature of a note's text; time: a witness's, POSIX seconds."""
        if self.kind == WITNESS:
            signature = time.to_bytes(8, "big") + self.private.sign(cosigned(text, time))
        else:
            signature = self.private.sign(text.encode())
        return f"{DASH}{self.name} {b64encode(self.verifier.key_id + signature).decode()}\n"


def decode(text: str) -> bytes:
    """Return what stands in base64. Raises Malformed, also for a second spelling of it."""
    try:
        found = b64decode(text, validate=True)
    except ValueError as error:
        raise Malformed("not base64") from error
    if b64encode(found).decode() != text:
        raise Malformed("another spelling of base64")
    return found


def cosigned(text: str, time: int) -> bytes:
    """Return what a witness signs of a checkpoint."""
    return f"cosignature/v1\ntime {time}\n{text}".encode()


class Line(NamedTuple):
    """A signature as a note bears it."""

    name: str
    key_id: bytes
    signature: bytes


def split_note(note: str) -> tuple[str, list[Line]]:
    """Return the text of a note and its signatures, none of them checked. Raises Malformed."""
    text, blank, rest = note.rpartition("\n\n")
    if not blank or not rest.endswith("\n") or any(one < " " and one != "\n" for one in note):
        raise Malformed("no signed note")
    lines = rest[:-1].split("\n")
    if len(lines) > MOST_SIGNATURES:
        raise Malformed("too many signatures")
    return f"{text}\n", [read_line(one) for one in lines]


def read_line(line: str) -> Line:
    """Return a line of a signature. Raises Malformed."""
    name, _, encoded = line.removeprefix(DASH).partition(" ")
    content = decode(encoded)
    if not line.startswith(DASH) or not NAME.fullmatch(name) or len(content) <= KEY_ID:
        raise Malformed("a line is no signature")
    return Line(name, content[:KEY_ID], content[KEY_ID:])


def open_note(note: str, known: Iterable[Verifier]) -> tuple[str, list[Verifier]]:
    """Return the text of a note and whose signatures it bears, of the known ones.

    Raises Malformed; Untrusted where none is known, or one that claims to be known does not fit.
    """
    text, lines = split_note(note)
    keys = {(one.name, one.key_id): one for one in known}
    found = []
    for line in lines:
        key = keys.get((line.name, line.key_id))
        if key is None:
            continue
        if not key.fits(text, line.signature):
            raise Untrusted(f"the signature of {line.name} does not fit")
        found.append(key)
    if not found:
        raise Untrusted("signed by nobody who is known")
    return text, found


@dataclass(frozen=True)
class Checkpoint:
    """How large a log is, and its root."""

    origin: str
    size: int
    root: bytes

    @property
    def text(self) -> str:
        """Return it as the text of a note."""
        return f"{self.origin}\n{self.size}\n{b64encode(self.root).decode()}\n"

    @classmethod
    def read(cls, text: str) -> Checkpoint:
        """Return the checkpoint of a note's text; further lines are left. Raises Malformed."""
        origin, size, root, *rest = [*text.split("\n"), "", ""]
        if not rest[2:] or not origin or not SIZE.fullmatch(size):
            raise Malformed("no checkpoint")
        return cls(origin, int(size), read_hash(root))


def read_hash(line: str) -> bytes:
    """Return the hash of a line. Raises Malformed."""
    found = decode(line)
    if len(found) != HASH:
        raise Malformed("a hash of another length")
    return found


def write_proof(index: int, path: Sequence[bytes], checkpoint: str) -> str:
    """Return the proof that a leaf is in a tree, with the signed checkpoint: a tlog-proof."""
    hashes = "".join(f"{b64encode(one).decode()}\n" for one in path)
    return f"{PROOF}\nindex {index}\n{hashes}\n{checkpoint}"


def add_lines(note: str, lines: Iterable[str]) -> str:
    """Return a note with further signatures; those that it bears already are left out."""
    return note + "".join(one for one in lines if one not in note)


def parse_proof(text: str) -> tuple[int, list[bytes], str]:
    """Return index, path and signed checkpoint of a tlog-proof, nothing checked. Raises Malformed.

    Extra data, which ours never have, is refused.
    """
    head, blank, note = text.partition("\n\n")
    version, *lines = head.split("\n")
    index = lines[0].removeprefix("index ") if lines else ""
    if not blank or version != PROOF or not SIZE.fullmatch(index) or lines[0] == index:
        raise Malformed("no proof")
    return int(index), [read_hash(one) for one in lines[1:]], note
