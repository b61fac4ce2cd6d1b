"""Platforms and their receivers, as tests of delivery need them."""

import itertools
import json
import threading
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from flask import current_app
from werkzeug.serving import make_server
from werkzeug.wrappers import Request, Response

from repair_app.db import db, now
from repair_app.mirror.site import make_mirror
from repair_app.models import Delivery, Platform, PlatformKind
from repair_app.services.sync import changes, delivery
from repair_app.services.sync.secrets import secret_of
from repair_app.services.transaction import transaction

_numbers = itertools.count(1)
Handle = Callable[[Request], Response | None]


def make_platform(**columns: Any) -> Platform:
    """Return a new platform, owed what is published; by default one that pulls."""
    number = next(_numbers)
    given = {
        "code": f"platform-{number}",
        "name_zh": f"虚构平台{number}",
        "name_en": f"Platform {number}",
        "kind": PlatformKind.CITY,
        "delivery": Delivery.PULL,
        "owner_email": f"owner{number}@platform.example",
        "term_days": 3,
        "created_at": now(),
        **columns,
    }
    with transaction() as session:
        platform = Platform(**given)
        session.add(platform)
        session.flush()
        changes.owe_again(session, platform, changes.IS_SHOWN, "joined")
    return db.session.get_one(Platform, platform.id)


class Receiver:
    """A platform's server on loopback: a mirror, behind whatever a test puts before it."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.before: Handle = lambda _: None  # answers in the mirror's place, or None
        self.after: Callable[[Request, Response], Response] = lambda _, answer: answer
        self.seen: list[tuple[str, dict[str, Any]]] = []  # id and content of each message
        self.mirror: Any = None
        self.platform_id = 0
        self.server = make_server("127.0.0.1", 0, self.answer, threaded=True)
        self.port = self.server.port
        self.thread: threading.Thread | None = None

    def join(self, **columns: Any) -> Platform:
        """Become a platform of the application, and be up."""
        columns = {
            "delivery": Delivery.WEBHOOK,
            "url": f"http://127.0.0.1:{self.port}/hook",
        } | columns
        platform = make_platform(**columns)
        self.platform_id = platform.id
        self.mirror = make_mirror(self.folder, secret_of(platform))
        self.go_up()
        return platform

    @property
    def shelf(self) -> Any:
        """Return what the mirror keeps."""
        return self.mirror.extensions["shelf"]

    @property
    def platform(self) -> Platform:
        """Return how the application knows it now."""
        db.session.rollback()
        return db.session.get_one(Platform, self.platform_id)

    @property
    def changes_seen(self) -> list[str]:
        """Return the ids of the changes that came, with each try."""
        return [name for name, said in self.seen if said.get("type") == "record.changed"]

    def answer(self, environ: dict[str, Any], start: Any) -> Iterable[bytes]:
        """Answer as a WSGI application."""
        request = Request(environ)
        body = request.get_data(cache=True)
        if request.method == "POST":
            self.seen.append((request.headers.get("webhook-id", ""), json.loads(body)))
        given = self.before(request)
        if given is None:
            given = self.after(request, forward(self.mirror, request, body))
        return given(environ, start)

    def go_up(self) -> None:
        """Serve; on the same port as before."""
        if self.server is None:
            self.server = make_server("127.0.0.1", self.port, self.answer, threaded=True)
        self.thread = threading.Thread(target=self.server.serve_forever, args=(0.01,))
        self.thread.start()

    def go_down(self) -> None:
        """Answer nobody: the port is closed."""
        if self.server is None:
            return
        if self.thread is not None:
            self.server.shutdown()
            self.thread.join(10)
        self.server.server_close()
        self.server = self.thread = None


def forward(mirror: Any, request: Request, body: bytes) -> Response:
    """Return a mirror's answer to a request."""
    address = f"{request.path}?{request.query_string.decode()}"
    given = mirror.test_client().open(
        address, method=request.method, data=body, headers=dict(request.headers)
    )
    return Response(given.data, given.status_code, dict(given.headers))


@contextmanager
def receivers(folder: Path, count: int = 1) -> Iterator[list[Receiver]]:
    """Give servers; each is stopped at the end. What they say may be sent to loopback."""
    current_app.config["WEBHOOK_INSIDE"] = "127.0.0.0/8"
    made = []
    try:
        for number in range(count):
            place = folder / str(number)
            place.mkdir()
            made.append(Receiver(place))
        yield made
    finally:
        for one in made:
            one.go_down()
        current_app.config["WEBHOOK_INSIDE"] = ""


def deliver() -> int:
    """Do one round, as the worker does every half minute."""
    db.session.rollback()
    done = delivery.deliver_due()
    db.session.rollback()
    return done
