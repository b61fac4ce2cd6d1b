"""What the matrix asks for: `board`, the application with everything in every state, and askers."""

import logging
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path

import flask_migrate
import pytest
from flask import Flask

from repair_app.db import db
from repair_app.models import User
from repair_app.models.clients import SCOPES
from repair_app.services import catalogue, clients, people
from repair_app.services.transaction import transaction
from repair_app.web import errors, transitions
from tests.conftest import build_app
from tests.factories import make_world
from tests.matrix import asking
from tests.matrix.asking import Asker, Writes
from tests.matrix.cast import Row, add_people, add_rows, principals
from tests.stores import Store, digest

PAGES, INTERFACE = "page", "interface"


@dataclass
class Board:
    """The application, its rows, who asks, and what they write meanwhile."""

    app: Flask
    rows: list[Row]
    accounts: Mapping[str, int]
    askers: Mapping[tuple[str, str], Asker]  # principal, page or interface
    writes: Writes

    def digest(self) -> dict[str, str]:
        """Return a hash of each table but those in which a refusal is noted."""
        db.session.rollback()
        return digest(db.engine, db.metadata, without=asking.NO_TRACE)


@pytest.fixture(
    scope="module",
    params=[  # each store's by one worker: the board is set once
        pytest.param(kind, marks=pytest.mark.xdist_group(f"matrix-{kind}"))
        for kind in ("sqlite", "postgresql")
    ],
)
def board(
    request: pytest.FixtureRequest,
    make_store: Callable[[str, str], Store],
    tmp_path_factory: pytest.TempPathFactory,
) -> Iterator[Board]:
    """Set the board once for each store: what is asked of it changes nothing.

    Pages are not drawn: who is answered how is asked here, what they are shown elsewhere.
    """
    store = make_store(request.param, "matrix")
    app = build_app(store, Path(tmp_path_factory.mktemp("matrix")))
    app.config["API_RATE_LIMIT"] = "100000000 per minute"
    app.config["SIGNING_FRESHNESS"] = app.config["PERMANENT_SESSION_LIFETIME"]
    with app.app_context(), pytest.MonkeyPatch.context() as patch:
        flask_migrate.upgrade()
        catalogue.load_measures(app.config["WORKFLOWS"] / "measures.toml")
        world = make_world()
        accounts = add_people(world)
        rows = add_rows(world, accounts)
        askers = let_in(app, accounts)
        for module in (errors, transitions):
            patch.setattr(module, "render_template", lambda *_args, **_more: "")
        patch.setattr(logging.getLogger("repair_app"), "level", logging.WARNING)
        for writes in asking.watching(db.engine):
            yield Board(app, rows, accounts, askers, writes)
        db.session.remove()
        db.engine.dispose()


def let_in(app: Flask, accounts: Mapping[str, int]) -> dict[tuple[str, str], Asker]:
    """Return a browser and a system for each principal; who may have none has what they had."""
    made: dict[tuple[str, str], Asker] = {}
    for name in principals():
        number = accounts.get("S1" if name == "K" else name)
        user = db.session.get_one(User, number) if number else None
        token = token_of(app, user, ["cases:read"] if name == "K" else list(SCOPES)) if user else ""
        made[name, INTERFACE] = asking.system(app, token)
        made[name, PAGES] = (
            asking.browser(app, bearer=token)
            if name == "K"
            else asking.browser(app, user.email if user else "")
        )
    with transaction() as session:
        people.close_account(session.get_one(User, accounts["Z"]))
    return made


def token_of(app: Flask, user: User, scopes: list[str]) -> str:
    """Return a token of a system that acts in a person's offices."""
    seat = user.current_appointments[0]
    issued = clients.register(None, seat, f"System of {user.email}", scopes)
    client_id, secret = issued.client.client_id, issued.secret
    db.session.rollback()
    with app.test_client(use_cookies=False).post(
        "/api/v1/token", data={"grant_type": "client_credentials"}, auth=(client_id, secret)
    ) as answer:
        return str(answer.json["access_token"])
