"""What tests ask for by name: `store`, `app`, `world`, `as_`, `anybody`, `digest`."""

import os
import tempfile
import threading
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from pathlib import Path

import flask_migrate
import pytest
from _pytest.nodeid import NodeId
from flask import Flask
from hypothesis import HealthCheck, settings
from sqlalchemy import delete, text
from werkzeug.serving import WSGIRequestHandler, make_server

import manage
from config import TestConfig
from repair_app import create_app
from repair_app.db import db, now, writing
from repair_app.models import SignIn, User
from repair_app.services import catalogue
from repair_app.services.transaction import transaction
from tests import stores
from tests.client import Client, make_client, sign_in
from tests.factories import World, make_world

# Of hypothesis nothing may depend on how busy the machine is, nor on luck.
settings.register_profile(
    "steady",
    max_examples=25,
    deadline=None,
    derandomize=True,
    suppress_health_check=[HealthCheck.too_slow],
)
settings.load_profile("steady")


def pytest_configure() -> None:
    """Compile the message catalogue, as `manage.py test` does, before any application reads it."""
    manage.compile_translations()


@pytest.hookimpl(trylast=True)
def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Let groups of xdist 3.8 take effect: it names them where pytest 9.2 no longer looks."""
    for item in items:
        if grouped := vars(item).get("_nodeid"):
            item._id = NodeId.parse(grouped)


@pytest.hookimpl(wrapper=True, tryfirst=True)
def pytest_runtest_protocol(item: pytest.Item) -> Iterator[None]:
    """Remember the environment that a test begins with."""
    item.stash[ENVIRONMENT] = settings_of_environment()
    return (yield)


@pytest.hookimpl(wrapper=True, tryfirst=True)
def pytest_runtest_teardown(item: pytest.Item) -> Iterator[None]:
    """Fail a test that leaves a setting in the environment: the next would read it."""
    result = yield
    left = settings_of_environment().items() ^ item.stash[ENVIRONMENT].items()
    assert not left, f"left in the environment: {sorted(name for name, _ in left)}"
    return result


def settings_of_environment() -> dict[str, str]:
    """Return the variables that the application reads."""
    return {
        name: value
        for name, value in os.environ.items()
        if name.startswith(("REDRESS_", "FLASK_", "DATABASE_", "SECRET_", "API_"))
    }


ENVIRONMENT = pytest.StashKey[dict[str, str]]()
COOKIE_GOOD_FOR = timedelta(minutes=10)


@dataclass
class Stage:
    """An application on a store, with what the store's template holds."""

    store: stores.Store
    app: Flask
    world: World
    cookies: dict[str, tuple[str, datetime]] = field(default_factory=dict)


@pytest.fixture(scope="session")
def postgresql_server() -> Iterator[str]:
    """Run a PostgreSQL server of this worker's own; give its address.

    Its folder is not pytest's: PostgreSQL shuts down at once when somebody tidies it away.
    """
    server = stores.start_postgresql(Path(tempfile.mkdtemp(prefix="redress-pg-")))
    yield server.get_uri()
    server.cleanup()


@pytest.fixture(scope="session")
def make_store(
    request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory, worker_id: str
) -> Iterator[Callable[[str, str], stores.Store]]:
    """Make empty stores by kind and name; all are removed at the end."""
    made: list[stores.Store] = []

    def make(kind: str, name: str) -> stores.Store:
        if kind == "sqlite":
            made.append(stores.SqliteStore(tmp_path_factory.mktemp(name)))
        else:
            server = request.getfixturevalue("postgresql_server")
            made.append(stores.PostgresStore(server, f"redress_{worker_id}_{name}"))
        made[-1].empty()
        return made[-1]

    yield make
    for one in made:
        one.close()


def build_app(store: stores.Store, data: Path) -> Flask:
    """Return the application on a store, configured as a deployment is: by the environment."""
    with pytest.MonkeyPatch.context() as environment:
        environment.setenv("REDRESS_DATA", str(data))
        environment.setenv("DATABASE_URL", store.url)
        for name in ("SECRET_KEY", "REDRESS_BASE_URL", "REDRESS_PROFILE", "REDRESS_SMTP_URL"):
            environment.delenv(name, raising=False)
        return create_app(TestConfig())


@pytest.fixture(scope="session")
def stages(
    make_store: Callable[[str, str], stores.Store], tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Callable[[str], Stage]]:
    """Set the stage once for each store: migrate, load the catalogue, put the world on file."""
    ready: dict[str, Stage] = {}

    def stage(kind: str) -> Stage:
        if kind not in ready:
            store = make_store(kind, "stage")
            app = build_app(store, tmp_path_factory.mktemp("data"))
            with app.app_context():
                flask_migrate.upgrade()
                catalogue.load_measures(app.config["WORKFLOWS"] / "measures.toml")
                world = make_world()
                db.session.remove()
                db.engine.dispose()
            store.keep()
            ready[kind] = Stage(store, app, world)
        return ready[kind]

    yield stage
    for one in ready.values():
        with one.app.app_context():
            db.engine.dispose()


@pytest.fixture(params=["sqlite", "postgresql"])
def stage(request: pytest.FixtureRequest, stages: Callable[[str], Stage]) -> Iterator[Stage]:
    """Give the application on a fresh store, in an application context; on both stores in turn."""
    stage = stages(request.param)
    stage.store.restore()
    with stage.app.app_context():
        yield stage
        db.session.remove()
        db.engine.dispose()


@pytest.fixture
def store(stage: Stage) -> stores.Store:
    """Give the store of this test: `store.name` is "sqlite" or "postgresql"."""
    return stage.store


@pytest.fixture
def app(stage: Stage) -> Flask:
    """Give the application; its context is open, so services can be called."""
    return stage.app


@pytest.fixture
def world(stage: Stage) -> World:
    """Give the people and organisations on file."""
    return stage.world


@pytest.fixture
def anybody(app: Flask) -> Client:
    """Give the browser of somebody who is not signed in."""
    return make_client(app)


@pytest.fixture
def as_(stage: Stage) -> Callable[[User], Client]:
    """Give a function that returns the browser of a person who has signed in."""
    name = stage.app.config["SESSION_COOKIE_NAME"]

    def client_of(user: User) -> Client:
        email, known_as, number = user.email, user.fs_uniquifier, user.id
        client = make_client(stage.app)
        # Signing in is spared while the same store, account and hour make the same session.
        cookie, since = stage.cookies.get(known_as, ("", now() - 2 * COOKIE_GOOD_FOR))
        if not timedelta(0) <= now() - since <= COOKIE_GOOD_FOR:  # nor is one of the future any
            sign_in(client, email)
            cookie, since = client.get_cookie(name).value, now()
            # Other tests come with this cookie to stores that know nothing of it: so does this one.
            with transaction() as session:
                session.execute(delete(SignIn).where(SignIn.account_id == number))
            stage.cookies[known_as] = cookie, since
        client.set_cookie(name, cookie)
        return client

    return client_of


class OneAnswer(WSGIRequestHandler):
    """Closes a connection with its answer: no thread waits for a request that never comes."""

    protocol_version = "HTTP/1.0"


@pytest.fixture
def site(app: Flask) -> Iterator[str]:
    """Serve the application on loopback; give its address. At the end every request is over.

    What is noted after an answer was sent, such as a refusal, still needs the store by then.
    """
    server = make_server("127.0.0.1", 0, app, threaded=True, request_handler=OneAnswer)
    server.daemon_threads = False  # so that server_close waits for them
    thread = threading.Thread(target=server.serve_forever, args=(0.01,))
    thread.start()
    yield f"http://127.0.0.1:{server.port}"
    server.shutdown()
    thread.join()
    server.server_close()


@pytest.fixture
def digest(app: Flask) -> Callable[..., dict[str, str]]:
    """Give a function that returns a hash of each table: equal ones show that nothing changed.

    That an official looked is noted when the page was sent (ADR 13), and so is what was refused:
    `viewing`, `security_event` and `sign_in` (who signed in) are left out; with `event`, that
    events wait for their place in the history.
    """

    def digest_now(*without: str) -> dict[str, str]:
        db.session.rollback()
        noted = {"viewing", "security_event", "sign_in", *without}
        if "event" in noted:
            noted.add("pending_leaf")
        return stores.digest(db.engine, db.metadata, without=tuple(noted))

    return digest_now


@pytest.fixture
def attack(app: Flask) -> Callable[..., None]:
    """Give a function that runs statements as somebody does who owns the database."""

    def run(*statements: str, **values: object) -> None:
        db.session.rollback()
        with writing(), db.engine.begin() as connection:
            if connection.dialect.name == "sqlite":
                triggers = "SELECT name FROM sqlite_master WHERE type = 'trigger'"
                for name in connection.execute(text(triggers)).scalars().all():
                    connection.execute(text(f"DROP TRIGGER {name}"))
            else:
                connection.execute(text("SET LOCAL session_replication_role = replica"))
            # What points at its events is in an attacker's way.
            connection.execute(text("DELETE FROM letter"))
            connection.execute(text("UPDATE change SET event_id = NULL"))
            for statement in statements:
                done = connection.execute(text(statement), values)
                assert done.rowcount > 0, f"the attack does nothing: {statement}"
        db.session.rollback()

    return run
