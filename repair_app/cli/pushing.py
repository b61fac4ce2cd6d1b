"""Sending a file to a site by its interface, as a provider's own program does."""

import hashlib
import time
import uuid
from collections.abc import Iterator
from http import HTTPStatus
from pathlib import Path
from types import TracebackType
from typing import Any, Final, Self, cast

import httpx

TRIES: Final = 8  # of one part, with pauses of half a second and twice as long each time
PAUSE: Final = 0.5
LOOK_AGAIN: Final = 1.0  # seconds, while the file is being read
OPEN: Final = frozenset(("receiving", "waiting", "reading"))


class Failed(Exception):
    """The site refused, or could not be reached; says why."""


class Site:
    """A site, entered with a client's secret."""

    def __init__(self, address: str, client: str, secret: str) -> None:
        self.client, self.secret = client, secret
        self.http = httpx.Client(base_url=f"{address.rstrip('/')}/api/v1", timeout=60)
        self.token = ""

    def __enter__(self) -> Self:
        """Nothing is asked before the first request."""
        return self

    def __exit__(
        self, kind: type[BaseException] | None, value: object, trace: TracebackType | None
    ) -> None:
        """Close the connections."""
        self.http.close()

    def begin(self, file: Path, kind: str, resume: str | None) -> dict[str, Any]:
        """Return how a file stands that is begun, or gone on with. Raises Failed."""
        if resume:
            state = read(self.ask("GET", f"/imports/{resume}"))
            if state["standing"] == "stopped":
                return read(self.ask("POST", f"/imports/{resume}/resume"))
            return state
        with file.open("rb") as content:
            digest = hashlib.file_digest(content, "sha256").hexdigest()
        size = file.stat().st_size
        body = {"kind": kind, "filename": file.name, "size": size, "sha256": digest}
        return read(self.ask("POST", "/imports", json=body))

    def send(self, file: Path, state: dict[str, Any]) -> Iterator[int]:
        """Send what is missing of a file and close it; yield the bytes of each part."""
        place, size = state["received"], min(state["largest_part"], 4 << 20)
        path = f"/imports/{state['ref']}"
        with file.open("rb") as content:
            while place < state["size"]:
                content.seek(place)
                headers = {
                    "Upload-Offset": str(place),
                    "Content-Type": "application/partial-upload",
                }
                answer = self.ask("PATCH", path, content=content.read(size), headers=headers)
                there = int(answer.headers["Upload-Offset"])
                if there == place:
                    raise Failed("nothing more is taken: is it the same file?")
                yield there - place
                place = there
        if state["standing"] == "receiving":
            self.ask("POST", f"{path}/close")

    def watch(self, ref: str) -> Iterator[dict[str, Any]]:
        """Yield how a file stands until it was read."""
        while True:
            state = read(self.ask("GET", f"/imports/{ref}"))
            yield state
            if state["standing"] not in OPEN:
                return
            time.sleep(LOOK_AGAIN)

    def ask(self, method: str, path: str, **request: Any) -> httpx.Response:
        """Return an answer; what fails on the way is tried again. Raises Failed."""
        headers = {"Idempotency-Key": uuid.uuid4().hex, **request.pop("headers", {})}
        for number in range(TRIES):
            try:
                if not self.token:
                    self.get_token()
                bearer = {"Authorization": f"Bearer {self.token}"}
                answer = self.http.request(method, path, headers={**headers, **bearer}, **request)
            except httpx.TransportError:
                time.sleep(PAUSE * 2**number)
                continue
            if answer.status_code == HTTPStatus.UNAUTHORIZED and number < TRIES - 1:
                self.token = ""  # its time is over
            elif is_misplaced(answer) or answer.is_success:
                return answer
            elif not answer.is_server_error and answer.status_code != HTTPStatus.TOO_MANY_REQUESTS:
                raise Failed(why(answer))
            else:
                time.sleep(PAUSE * 2**number)
        raise Failed(f"{self.http.base_url} cannot be reached")

    def get_token(self) -> None:
        """Get a token. Raises Failed where client and secret are not known."""
        answer = self.http.post(
            "/token", data={"grant_type": "client_credentials"}, auth=(self.client, self.secret)
        )
        if not answer.is_success:
            raise Failed(why(answer))
        self.token = answer.json()["access_token"]


def read(answer: httpx.Response) -> dict[str, Any]:
    """Return what an answer says."""
    return cast(dict[str, Any], answer.json())


def is_misplaced(answer: httpx.Response) -> bool:
    """Say whether a part did not fit, and the answer tells which one does."""
    return answer.status_code == HTTPStatus.CONFLICT and "Upload-Offset" in answer.headers


def why(answer: httpx.Response) -> str:
    """Return in one line what a site refused."""
    try:
        said = answer.json()
    except ValueError:
        said = {}
    return " ".join(
        str(one)
        for one in (
            answer.status_code,
            said.get("title") or said.get("error", ""),
            said.get("mend", ""),
        )
    )
