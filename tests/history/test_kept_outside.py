"""What is kept outside the store: a position with a checkpoint, and backups with the tree."""

import json
from collections.abc import Callable
from pathlib import Path

import pytest
from flask import Flask
from sqlalchemy import select

from repair_app import position
from repair_app.db import db, now
from repair_app.models import TreeCheckpoint
from repair_app.services import backups
from repair_app.services.tree import log
from tests import factories
from tests.factories import World

pytestmark = [
    pytest.mark.usefixtures("key_file"),
    pytest.mark.parametrize("stage", ["sqlite"], indirect=True),  # no query is special
]


@pytest.fixture
def signed(world: World) -> TreeCheckpoint:
    """Have a case in the tree, and a checkpoint."""
    factories.make_case(world, "submitted")
    log.sequence(now())
    return db.session.scalars(select(TreeCheckpoint)).one()


def test_a_position_names_the_newest_checkpoint(signed: TreeCheckpoint) -> None:
    found = position.read_position(db.session())
    assert (found.tree_size, found.tree_root) == (signed.size, signed.root)
    assert position.list_lost(db.session(), found) == []
    read = position.position_of(json.loads(json.dumps(found.as_dict())))
    assert read == found


@pytest.mark.parametrize(
    ("statement", "says"),
    [
        ("DELETE FROM tree_checkpoint", "is missing"),
        ("UPDATE tree_checkpoint SET root = 'another'", "is not what it was"),
    ],
)
def test_a_checkpoint_that_is_not_there_any_more_is_named(
    signed: TreeCheckpoint, attack: Callable[..., None], statement: str, says: str
) -> None:
    found = position.read_position(db.session())
    size = signed.size
    attack(statement)
    db.session.expire_all()
    assert position.list_lost(db.session(), found) == [f"the checkpoint of {size} events {says}"]


def test_a_backup_takes_the_tree_along_and_its_check_walks_it(
    app: Flask, signed: TreeCheckpoint, attack: Callable[..., None], tmp_path: Path
) -> None:
    backups.make(tmp_path / "whole")
    assert backups.verify(tmp_path / "whole")[1] == []
    attack("UPDATE tree_tile SET hashes = :zeros WHERE level = 0", zeros=bytes(32))
    backups.make(tmp_path / "changed")
    assert any("the tree was built of" in one for one in backups.verify(tmp_path / "changed")[1])
