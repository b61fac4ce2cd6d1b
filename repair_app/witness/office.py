"""What a witness does with a checkpoint (c2sp.org/tlog-witness): look, remember, sign."""

import hashlib
import os
import tempfile
import threading
import time
from collections.abc import Iterable
from http import HTTPStatus
from pathlib import Path
from typing import Final, NamedTuple

from repair_app import merkle, notes
from repair_app.notes import Checkpoint, Malformed, Signer, Untrusted, Verifier

MOST_HASHES: Final = 63
TEXT: Final = "text/plain; charset=utf-8"
SIZE: Final = "text/x.tlog.size"


class Answer(NamedTuple):
    """What a request is answered with."""

    status: HTTPStatus
    text: str
    kind: str = TEXT


class Request(NamedTuple):
    """What a log asks for: the size that it takes for our last, the proof from there, the note."""

    old: int
    proof: list[bytes]
    note: str
    checkpoint: Checkpoint


class Witness:
    """A key, the logs that it looks after, and what it has signed of each, in a folder."""

    def __init__(self, folder: Path, signer: Signer, logs: Iterable[Verifier]) -> None:
        self.folder, self.signer = folder, signer
        self.logs: dict[str, list[Verifier]] = {}
        for one in logs:
            self.logs.setdefault(one.name, []).append(one)
        self._lock = threading.Lock()

    def add_checkpoint(self, body: bytes) -> Answer:
        """Answer a checkpoint that a log hands in: the cosignature, or why there is none."""
        try:
            request = read_request(body)
        except (Malformed, UnicodeDecodeError):
            return refuse(HTTPStatus.BAD_REQUEST)
        said = request.checkpoint
        if said.origin not in self.logs:
            return refuse(HTTPStatus.NOT_FOUND)
        try:
            notes.open_note(request.note, self.logs[said.origin])
        except Untrusted:
            return refuse(HTTPStatus.FORBIDDEN)
        if request.old > said.size:
            return refuse(HTTPStatus.BAD_REQUEST)
        with self._lock:  # looking and remembering are one
            return self.sign_after_last(request)

    def sign_after_last(self, request: Request) -> Answer:
        """Sign a checkpoint of the log itself, if it only adds to what was signed last."""
        said = request.checkpoint
        last = self.read_last(said.origin)
        if request.old != last.size:
            return Answer(HTTPStatus.CONFLICT, f"{last.size}\n", SIZE)
        if not follows(last, said, request.proof):
            return refuse(HTTPStatus.UNPROCESSABLE_ENTITY)
        text, _ = notes.split_note(request.note)
        line = self.signer.sign(text, int(time.time()))
        write_whole(self.path_of(said.origin), request.note + line)
        return Answer(HTTPStatus.OK, line)

    def read_last(self, origin: str) -> Checkpoint:
        """Return what was signed last of a log; the empty tree where that is nothing."""
        path = self.path_of(origin)
        if not path.exists():
            return Checkpoint(origin, 0, merkle.EMPTY)
        return Checkpoint.read(notes.split_note(path.read_text(encoding="utf-8"))[0])

    def read_note(self, name: str) -> Answer:
        """Return the newest checkpoint of a log, by the SHA-256 of its origin."""
        for origin in self.logs:
            path = self.path_of(origin)
            if path.name == name and path.exists():
                return Answer(HTTPStatus.OK, path.read_text(encoding="utf-8"))
        return refuse(HTTPStatus.NOT_FOUND)

    def path_of(self, origin: str) -> Path:
        """Return the file with what was signed last of a log."""
        return self.folder / hashlib.sha256(origin.encode()).hexdigest()


def refuse(status: HTTPStatus) -> Answer:
    """Return an answer that says no."""
    return Answer(status, f"{status.phrase}\n")


def read_request(body: bytes) -> Request:
    """Return what a log asks for. Raises Malformed, UnicodeDecodeError."""
    head, blank, note = body.decode().partition("\n\n")
    first, *hashes = head.split("\n")
    size = first.removeprefix("old ")
    if not blank or first == size or not notes.SIZE.fullmatch(size) or len(hashes) > MOST_HASHES:
        raise Malformed("no request")
    proof = [notes.read_hash(one) for one in hashes]
    return Request(int(size), proof, note, Checkpoint.read(notes.split_note(note)[0]))


def follows(last: Checkpoint, said: Checkpoint, proof: list[bytes]) -> bool:
    """Say whether a checkpoint only adds to the last one."""
    if said.size == 0:
        return said.root == merkle.EMPTY and not proof
    if last.size == 0:
        return not proof  # anything holds the empty tree
    return merkle.extends(last.size, last.root, said.size, said.root, proof)


def write_whole(path: Path, content: str) -> None:
    """Put a file in its place, whole or not at all, and on the disk when this returns."""
    number, name = tempfile.mkstemp(dir=path.parent, prefix=".new-")
    with os.fdopen(number, "w", encoding="utf-8") as file:
        file.write(content)
        file.flush()
        os.fsync(file.fileno())
    Path(name).replace(path)
    folder = os.open(path.parent, os.O_RDONLY)
    try:
        os.fsync(folder)
    finally:
        os.close(folder)


def find_key(folder: Path, name: str) -> Signer:
    """Return the witness's key, made on first use. Raises Malformed for a file that is none."""
    path = folder / "witness_key"
    if not path.exists():
        write_whole(path, f"{Signer.make(name, notes.WITNESS).write()}\n")
    found = Signer.read(path.read_text(encoding="utf-8").strip())
    if found.kind != notes.WITNESS or found.name != name:
        raise Malformed(f"{path} is the key of {found.name}: give that name")
    return found
