"""`/history/…`: what anybody may follow the log by, in the paths of c2sp.org/tlog-tiles."""

import base64
from collections.abc import Callable

import pytest
from sqlalchemy import select

from repair_app import merkle
from repair_app.db import db, now
from repair_app.models import Event, TreeLeaf, User
from repair_app.notes import Checkpoint, open_note
from repair_app.services.tree import keys, log
from tests import factories
from tests.client import Client
from tests.factories import World

pytestmark = [
    pytest.mark.usefixtures("key_file"),
    pytest.mark.parametrize("stage", ["sqlite"], indirect=True),  # no query is special
]


def test_who_follows_the_log_computes_its_root_from_the_tiles(
    world: World, anybody: Client
) -> None:
    factories.make_case(world, "accepted")
    log.sequence(now())
    answer = anybody.get("/history/checkpoint")
    assert answer.headers["Content-Type"] == "text/plain; charset=utf-8"
    text, _ = open_note(answer.html, keys.list_verifiers(db.session()))
    said = Checkpoint.read(text)
    tile = anybody.get(f"/history/tile/0/000.p/{said.size}")
    assert tile.headers["Content-Type"] == "application/octet-stream"
    assert len(tile.data) == 32 * said.size
    assert merkle.hash_all(log.cut(tile.data)) == said.root
    first = db.session.scalar(
        select(Event.hash).join(TreeLeaf, TreeLeaf.event_id == Event.id).order_by(TreeLeaf.position)
    )
    assert first is not None
    assert tile.data[:32] == log.leaf_of(first)
    assert base64.b64encode(said.root).decode() in answer.html


def test_nothing_is_shown_that_is_not_signed(world: World, anybody: Client) -> None:
    assert anybody.get("/history/checkpoint").status_code == 404
    factories.make_case(world, "submitted")
    assert anybody.get("/history/tile/0/000.p/1").status_code == 404
    log.sequence(now())
    size = log.signed_size(db.session())
    for path in (
        f"0/000.p/{size + 1}",
        "0/000",
        "0/000.p/0",
        "0/000.p/257",
        "0/001.p/1",
        "1/000.p/1",
        "8/000.p/1",
        "x/000.p/1",
        "0/0.p/1",
        "0/0000.p/1",
        "0/x000/x000/x000/000.p/1",
        "0/999/999.p/1",
        "0/x999/x999/999.p/1",
        "7/x999/x999/999",
    ):
        assert anybody.get(f"/history/tile/{path}").status_code == 404, path
    assert anybody.get(f"/history/tile/0/000.p/{size}").status_code == 200


# --- caches ---


def read_history(client: Client) -> None:
    """Ask for all of the history that is the same for everybody, and see how it may be kept."""
    size = log.signed_size(db.session())
    pages = {
        "checkpoint": "public, max-age=5",
        "keys": "public, max-age=5",
        "consistent.py": "public, max-age=5",
        "consistency?first=1": "public, max-age=5",
        f"tile/0/000.p/{size}": "public, max-age=31536000, immutable",
    }
    for path, kept in pages.items():
        answer = client.get(f"/history/{path}")
        assert answer.status_code == 200, path
        assert answer.headers["Cache-Control"] == kept, path
        assert "Set-Cookie" not in answer.headers, path


def test_the_history_is_kept_by_caches_and_comes_with_nobodys_cookie(
    world: World, anybody: Client, as_: Callable[[User], Client]
) -> None:
    factories.make_case(world, "submitted")
    log.sequence(now())
    read_history(anybody)
    signed_in = as_(world.subject)
    assert "Set-Cookie" in signed_in.get("/history").headers  # a page prolongs the session
    read_history(signed_in)
    signed_in.set_cookie("remember_token", "1|junk")
    signed_in.set_cookie(signed_in.application.config["SESSION_COOKIE_NAME"], "junk")
    read_history(signed_in)


def test_the_page_of_the_history_and_refusals_are_kept_by_no_cache(
    world: World, anybody: Client, as_: Callable[[User], Client]
) -> None:
    unsigned = [anybody.get("/history/checkpoint")]
    factories.make_case(world, "submitted")
    log.sequence(now())
    refused = [
        client.get(f"/history/{path}")
        for client in (anybody, as_(world.subject))
        for path in ("consistency?first=0", "consistency", "tile/0/001", "tile/9/000", "nothing")
    ]
    for answer in [*unsigned, *refused, anybody.open("/history/keys", method="PUT")]:
        assert answer.status_code in {400, 404, 405}
        assert answer.headers["Cache-Control"] == "no-store", answer.request.path
    for page in (anybody.get("/history"), anybody.get("/history?first=1")):
        assert page.status_code == 200
        assert page.headers["Cache-Control"] == "no-store"
