"""`flask history …`: what an operator does and sees."""

import base64
from pathlib import Path

import pytest
from click.testing import Result
from flask import Flask
from sqlalchemy import select

from repair_app import merkle
from repair_app.db import db, now
from repair_app.models import TreeCheckpoint
from repair_app.notes import Signer, Verifier, open_note
from repair_app.services.tree import log
from tests import factories
from tests.factories import World

pytestmark = [
    pytest.mark.usefixtures("key_file"),
    pytest.mark.parametrize("stage", ["sqlite"], indirect=True),  # no query is special
]


def run(app: Flask, *arguments: str) -> Result:
    return app.test_cli_runner().invoke(args=["history", *arguments])


def test_sequencing_by_hand_signs_and_tells(app: Flask, world: World) -> None:
    factories.make_case(world, "submitted")
    done = run(app, "sequence")
    assert done.exit_code == 0, done.output
    assert "✓ signed up to event " in done.output
    keys = [Verifier.read(run(app, "keys").output.split()[0])]
    assert open_note(run(app, "show").output, keys)[1] == keys
    assert app.test_cli_runner().invoke(args=["verify", "--all"]).exit_code == 0


def test_without_a_key_it_says_that_nothing_is_signed(
    app: Flask, world: World, key_file: Path
) -> None:
    key_file.write_text("no key")
    factories.make_case(world, "submitted")
    done = run(app, "sequence")
    assert done.exit_code == 1
    assert "no checkpoint beyond event 0" in done.output


def test_an_older_tree_is_proved_to_be_the_beginning_of_a_newer_one(
    app: Flask, world: World
) -> None:
    for _ in range(2):
        factories.make_case(world, "submitted")
        log.sequence(now())
    db.session.rollback()
    query = select(TreeCheckpoint).order_by(TreeCheckpoint.size)
    first, second = ((one.size, one.root) for one in db.session.scalars(query))
    lines = run(app, "prove", str(first[0]), str(second[0])).output.split()
    old, new, *proof = map(base64.b64decode, lines)
    assert (old.hex(), new.hex()) == (first[1], second[1])
    assert merkle.extends(first[0], old, second[0], new, proof)
    for sizes in ((second[0], first[0]), (first[0], second[0] + 1), (0, 1)):
        assert run(app, "prove", *map(str, sizes)).exit_code != 0


def test_a_key_made_beforehand_is_the_logs(app: Flask, world: World, key_file: Path) -> None:
    made = run(app, "new-key").output
    assert not key_file.exists()
    key_file.write_text(made)
    factories.make_case(world, "submitted")
    run(app, "sequence")
    public = str(Signer.read(made.strip()).verifier)
    assert run(app, "keys").output.startswith(public)


def test_one_key_follows_another_by_two_commands(app: Flask, world: World) -> None:
    factories.make_case(world, "submitted")
    run(app, "sequence")
    assert run(app, "retire").exit_code == 1
    assert run(app, "rotate").exit_code == 0
    assert run(app, "rotate").exit_code == 1
    run(app, "sequence")
    assert run(app, "retire").exit_code == 0
    run(app, "sequence")
    assert len(run(app, "keys").output.splitlines()) == 2
    assert app.test_cli_runner().invoke(args=["verify"]).exit_code == 0
