"""The application as it is deployed, and a real browser: `served`, `browse`."""

import os
import re
import shutil
import socket
import subprocess
import urllib.request
from collections.abc import Callable, Iterator
from contextlib import suppress
from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path
from time import monotonic

import flask_migrate
import pytest
from playwright.sync_api import (
    Browser,
    BrowserContext,
    ConsoleMessage,
    Page,
    StorageState,
    sync_playwright,
)

import manage
from config import TestConfig
from repair_app import create_app, jobs
from repair_app.db import db, now
from repair_app.services import catalogue
from tests.conftest import COOKIE_GOOD_FOR
from tests.factories import PASSWORD, World, make_case, make_record, make_sanction, make_world
from tests.needs import go_without

CHROMIUM = shutil.which("chromium")
QUIET = (  # a browser that speaks to nobody but us
    "--no-sandbox",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
    "--disable-quic",
    "--no-first-run",
)
PATIENCE = 60  # seconds for the server to answer
PHONE, DESK = (375, 812), (1280, 900)


@dataclass
class Served:
    """A running server, with what its store holds."""

    address: str
    data: Path
    names: dict[str, str]  # what a test needs to know: references, codes, addresses


@pytest.fixture(scope="session")
def served(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Served]:
    """Fill a data folder and serve it as `manage.py up` does; stopped by its own process id."""
    if CHROMIUM is None:
        go_without("no chromium on this machine: the story is not clicked through")
    data = tmp_path_factory.mktemp("served")
    names = fill(data)
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    environment = manage.child_env(REDRESS_DATA=str(data))
    environment.pop("DATABASE_URL", None)
    with (data / "server.log").open("wb") as log:
        server = subprocess.Popen(
            manage.server_command("127.0.0.1", port, 1), env=environment, stdout=log, stderr=log
        )
    try:
        served = Served(f"http://127.0.0.1:{port}", data, names)
        wait_for(server, served)
        yield served
    finally:
        server.terminate()
        try:
            server.wait(15)
        except subprocess.TimeoutExpired:
            server.kill()
            server.wait(15)


def fill(data: Path) -> dict[str, str]:
    """Put people, two records and their measures on file; return how a test finds them."""
    with pytest.MonkeyPatch.context() as environment:
        environment.setenv("REDRESS_DATA", str(data))
        environment.delenv("DATABASE_URL", raising=False)
        app = create_app(TestConfig())
    with app.app_context():
        flask_migrate.upgrade()
        jobs.make_tables(db.engine)  # as `flask prepare` does
        catalogue.load_measures(app.config["WORKFLOWS"] / "measures.toml")
        world = make_world()
        names = describe(world)
        db.session.remove()
        db.engine.dispose()
    return names


def describe(world: World) -> dict[str, str]:
    """Return what is on file: a record for the story, and a disputed one with its case."""
    record = make_record(world.firm, world.agency, fine_10k=15, penalty_content="罚款15万元")
    make_sanction(record, world.officer)
    disputed = make_record(world.other_firm, world.agency)
    make_sanction(disputed, world.officer)
    case = make_case(world, "with_provider", record=disputed, subject=world.stranger)
    desk_case = make_case(
        world,
        "with_provider",
        record=make_record(world.other_firm, world.agency),
        subject=world.stranger,
    )
    next_case = make_case(
        world,
        "with_provider",
        record=make_record(world.other_firm, world.agency),
        subject=world.stranger,
    )
    # Looked at and never moved on, whichever test comes first.
    looked_at = make_case(
        world,
        "with_provider",
        record=make_record(world.other_firm, world.agency),
        subject=world.stranger,
    )
    repair = make_case(
        world,
        "accepted",
        workflow="repair",
        record=make_record(world.other_firm, world.agency),
        subject=world.stranger,
    )
    phone = {
        name: make_record(world.other_firm, world.agency).ref
        for name in ("phone_objection", "phone_repair", "phone_second")
    }
    return {
        **phone,
        "record": record.ref,
        "firm": world.firm.name,
        "uscc": world.firm.uscc,
        "disputed": disputed.ref,
        "case": case.ref,
        "desk_case": desk_case.ref,
        "next_case": next_case.ref,
        "looked_at": looked_at.ref,
        "repair": repair.ref,
    }


def wait_for(server: subprocess.Popen, served: Served) -> None:
    """Ask until the server answers; stop when it has ended, or patience has."""
    until = monotonic() + PATIENCE
    while monotonic() < until:
        with suppress(OSError), urllib.request.urlopen(f"{served.address}/readyz", timeout=5) as ok:
            assert ok.status == 200
            return
        with suppress(subprocess.TimeoutExpired):
            server.wait(0.1)
            break
    pytest.fail(f"the server does not answer: {(served.data / 'server.log').read_text()[-2000:]}")


@pytest.fixture(scope="session")
def chromium(served: Served) -> Iterator[Browser]:
    """Start the browser."""
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=CHROMIUM, args=list(QUIET))
        yield browser
        browser.close()


@dataclass
class Window:
    """A browser window of one person; what the page complains about is kept."""

    page: Page
    context: BrowserContext
    address: str
    complaints: list[str] = field(default_factory=list)

    def watch(self) -> None:
        """Keep errors of pages, refused content, failed answers, and requests to elsewhere."""

        def hear(message: ConsoleMessage) -> None:
            if message.type in {"error", "warning"}:
                self.complaints.append(message.text)

        self.page.on("console", hear)
        self.page.on("pageerror", lambda error: self.complaints.append(str(error)))
        self.page.on(
            "response",
            lambda answer: (
                self.complaints.append(f"{answer.status} {answer.url}")
                if answer.status >= 400
                else None
            ),
        )
        self.page.on(
            "request",
            lambda request: (
                None
                if request.url.startswith((self.address, "data:"))
                else self.complaints.append(f"asks {request.url}")
            ),
        )

    def open(self, path: str) -> None:
        """Go to a page."""
        self.page.goto(self.address + path)

    def follow(self, ending: str) -> None:
        """Click the link whose address ends so, and wait for its page."""
        self.page.locator(f'main a[href$="{ending}"]').first.click()
        self.page.wait_for_load_state()

    def send(self, button: str = "button.btn-primary", **texts: str) -> None:
        """Fill in the form of the page and press its button."""
        for name, text in texts.items():
            self.page.locator(f'main [name="{name}"]').fill(text)
        before = self.page.url
        self.page.locator(f"main form[method=post] {button}").first.click()
        self.page.wait_for_url(lambda url: url != before)

    def take(self, step: str, **texts: str) -> None:
        """Take a step of the case on the page: follow its link, fill in the form, send it."""
        self.follow(f"/{step}")
        self.send(**texts)

    @property
    def words(self) -> str:
        """Return what can be read in the main part."""
        return self.page.locator("main").inner_text()

    @property
    def state(self) -> str:
        """Return the state beside the heading."""
        return self.page.locator(".head .state").first.inner_text()

    def sign_in(self, name: str) -> None:
        """Sign in as a person of the world, by the link at the top."""
        self.open("/")
        self.page.locator('header a[href="/login"]').click()
        self.page.locator('[name="email"]').fill(f"{name}@example.com")
        self.page.locator('[name="password"]').fill(PASSWORD)
        self.page.locator('form[action^="/login"] button').click()
        self.page.wait_for_url(re.compile(r"/(my|work|enforce|audit|admin)$"))


@pytest.fixture(scope="session")
def cookies() -> dict[str, tuple[StorageState, datetime]]:
    """Keep what signed-in browsers hold, since when: ten sign-ins a minute are all a server takes.

    Tests of one person may be half an hour apart; nobody's session lasts that long unused.
    """
    return {}


@pytest.fixture
def browse(
    chromium: Browser, served: Served, cookies: dict[str, tuple[StorageState, datetime]]
) -> Iterator[Callable[..., Window]]:
    """Give a function that opens a window, for a person who signs in or for nobody."""
    windows: dict[str, Window] = {}

    def window_of(name: str = "", size: tuple[int, int] = DESK, language: str = "zh-CN") -> Window:
        key = f"{name} {size} {language}"
        if key not in windows:
            kept, since = cookies.get(name, (None, now()))
            if now() - since > COOKIE_GOOD_FOR:
                kept = None
            context = chromium.new_context(
                viewport={"width": size[0], "height": size[1]},
                locale=language,  # a header of ours would not win over the browser's own
                storage_state=kept,
            )
            context.set_default_timeout(20_000)
            windows[key] = Window(context.new_page(), context, served.address)
            windows[key].watch()
            if name and kept is None:
                windows[key].sign_in(name)
                cookies[name] = context.storage_state(), now()
        return windows[key]

    yield window_of
    complaints = {key: one.complaints for key, one in windows.items() if one.complaints}
    for one in windows.values():
        one.context.close()
    assert not complaints


def run_flask(data: Path, *arguments: str) -> subprocess.CompletedProcess[str]:
    """Run a command of the application on a data folder."""
    environment = manage.child_env(REDRESS_DATA=str(data))
    environment.pop("DATABASE_URL", None)
    return subprocess.run(
        manage.flask_command(*arguments),
        env={**environment, "PYTHONWARNINGS": "default"},
        cwd=os.fspath(data),
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
