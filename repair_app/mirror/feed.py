"""How a mirror fetches changes itself: by pulling from the interface, or from a file."""

import csv
import json
import sys
import threading
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any, Final
from uuid import uuid4

import httpx

from repair_app.mirror.shelf import BadChange, Shelf, Told, read_change

LIMIT: Final = 500
TIMEOUT: Final = 15.0  # seconds
LONGEST_CELL: Final = 1 << 20  # characters: a change in a file
EVERY: Final = 20.0  # seconds between two looks
COLUMNS: Final = ("REDRESS_POSITION", "REDRESS_HASH", "REDRESS_JSON")


class NotFed(Exception):
    """Nothing came; says why."""


class Source:
    """Where a mirror pulls from, and as whom: identifier and secret of a client of its own."""

    def __init__(self, url: str, client_id: str, secret: str) -> None:
        self.url, self.client = url.rstrip("/"), (client_id, secret)
        self.token = ""

    def pull(self, shelf: Shelf) -> int:
        """Take all changes that there are, and acknowledge them; return how many. Raises NotFed.

        What was taken is noted with each page: one that is stopped goes on from there. From the
        first change whose acknowledgement was refused everything is fetched again the next time.
        """
        taken, after, refused = 0, shelf.place(), list[int]()
        with httpx.Client(timeout=TIMEOUT, trust_env=False) as line:
            while True:
                page = self.ask(line, "GET", "changes", params={"after": after, "limit": LIMIT})
                hashes = take_items(shelf, page)
                if hashes:
                    said = self.ask(line, "POST", "changes/ack", json={"items": hashes})
                    refused += said.get("refused") or []
                taken += len(hashes)
                reached = int(page["next"])
                shelf.move(min(refused) - 1 if refused else reached)
                if reached >= int(page["head"]) or reached <= after:
                    break
                after = reached
        if refused:
            raise NotFed(f"another hash is shown there for {len(refused)} changes: {min(refused)}")
        return taken

    def ask(self, line: httpx.Client, method: str, path: str, **more: Any) -> dict[str, Any]:
        """Return an answer of the interface, with a token that is good. Raises NotFed.

        Each asking has a key of its own: what was acknowledged before may be owed again.
        """
        key = f"mirror-{uuid4()}"
        for _ in range(2):
            self.token = self.token or self.get_token(line)
            headers = {"Authorization": f"Bearer {self.token}"}
            if method == "POST":
                headers["Idempotency-Key"] = key
            answer = request(line, method, f"{self.url}/api/v1/{path}", headers=headers, **more)
            if answer.status_code != httpx.codes.UNAUTHORIZED:
                return read_object(answer)
            self.token = ""  # its time is over
        raise NotFed("the client is not known there")

    def get_token(self, line: httpx.Client) -> str:
        """Return a token for the client. Raises NotFed."""
        wanted = {"grant_type": "client_credentials", "scope": "changes"}
        url = f"{self.url}/api/v1/token"
        answer = request(line, "POST", url, auth=self.client, data=wanted)
        return str(read_object(answer).get("access_token", ""))


def request(line: httpx.Client, method: str, url: str, **more: Any) -> httpx.Response:
    """Return an answer. Raises NotFed where there is none."""
    try:
        return line.request(method, url, **more)
    except httpx.HTTPError as problem:
        raise NotFed(f"{type(problem).__name__}: {url}") from problem


def read_object(answer: httpx.Response) -> dict[str, Any]:
    """Return the content of an answer. Raises NotFed for a refusal, and for what is none."""
    if not answer.is_success:
        raise NotFed(f"{answer.status_code}: {answer.text[:200]}")
    try:
        said = answer.json()
    except ValueError as problem:
        raise NotFed("the answer is no JSON") from problem
    if not isinstance(said, dict):
        raise NotFed("the answer is no object")
    return said


def take_items(shelf: Shelf, page: dict[str, Any]) -> list[dict[str, Any]]:
    """Take the changes of a page; return what is shown of each now, to be acknowledged."""
    told = []
    try:
        for one in page["items"]:
            if not one["superseded"]:
                change = read_change(one)
                told.append({"position": change.position, "hash": shelf.take(change)})
    except (BadChange, KeyError, TypeError) as problem:
        raise NotFed(f"what came is no page of changes: {problem}") from problem
    return told


def keep_pulling(source: Source, shelf: Shelf, stop: threading.Event) -> None:
    """Pull until told to stop; what goes wrong is told, and tried again."""
    while True:
        try:
            source.pull(shelf)
        except NotFed as reason:
            sys.stderr.write(f"mirror: {reason}\n")
        if stop.wait(EVERY):
            return


def read_file(path: Path) -> Iterator[Told]:
    """Yield the changes of a file as `flask platforms write-file` writes it. Raises BadChange."""
    before = csv.field_size_limit(LONGEST_CELL)  # of the whole process: put back at the end
    try:
        with path.open(encoding="utf-8-sig", newline="") as lines:
            rows = csv.DictReader(lines)
            if not set(COLUMNS) <= set(rows.fieldnames or ()):
                raise BadChange("this is no file of changes")
            for row in rows:
                yield read_row(row)
    finally:
        csv.field_size_limit(before)


def read_row(row: Mapping[str, str]) -> Told:
    """Return the change of a line of such a file. Raises BadChange."""
    try:
        position, digest, content = (row[one] for one in COLUMNS)
        data = {"position": int(position), "hash": digest, "record": json.loads(content)}
    except (TypeError, ValueError) as problem:
        raise BadChange("this is no file of changes") from problem
    return read_change(data)


def take_file(shelf: Shelf, path: Path) -> Path:
    """Take the changes of a file and write the receipt beside it; return that. Raises BadChange."""
    receipt = path.with_suffix(".receipt.csv")
    rows = [(one.position, shelf.take(one)) for one in read_file(path)]
    with receipt.open("w", encoding="utf-8", newline="") as file:
        csv.writer(file).writerows([COLUMNS[:2], *rows])
    return receipt
