"""Redress: case management for objections to, and repair of, public credit records."""

from __future__ import annotations

import gc
import os
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING

from config import ROOT, Config, ConfigError, lacks_store

if TYPE_CHECKING:
    from pathlib import Path

    from flask import Flask


def create_app(config: Config | None = None) -> Flask:
    """Return the application, ready to serve. Raises SpecError or RuleError for a bad policy.

    Settings that cannot be served with end the process, with one line; so does a command that works
    on the store where there is none: nothing is made then.
    """
    is_command = os.environ.get("FLASK_RUN_FROM_CLI") == "true"  # Flask says so of its own
    is_server = config is None and not is_command
    if config is None and is_command and lacks_store():
        from repair_app.cli.unready import refuse_to_begin

        refuse_to_begin(sys.argv[1:])
    try:
        config = config or Config()
    except ConfigError as error:
        raise SystemExit(f"✗ {error}") from None
    with searching_no_rubbish():
        app = build_app(config)
    if is_server:
        from repair_app.services import demonstrating

        demonstrating.refuse(app)
        refuse_without_keys(app)
    if not config.TESTING:  # where one process makes many applications, each must be able to go
        gc.freeze()
        # A page makes thousands of objects and no rubbish: to look after each 700 costs a tenth of
        # an answer to a thousand questions, and as much of an import.
        gc.set_threshold(50_000)
    return app


def refuse_without_keys(app: Flask) -> None:
    """End a server that could not read what is encrypted in its store, with one line.

    A store that does not answer yet, or has no tables, is asked nothing: /readyz says so.
    """
    from sqlalchemy.exc import SQLAlchemyError

    from repair_app.db import db
    from repair_app.services import field_keys

    with app.app_context():
        try:
            missing = field_keys.find_missing()
        except SQLAlchemyError:
            missing = None
        finally:
            db.session.remove()
            db.engine.dispose()
    if missing:
        raise SystemExit(f"✗ {missing.zh}\n✗ {missing.en}")


def build_app(config: Config) -> Flask:
    """Import the libraries and put the application together."""
    from repair_app import schema
    from repair_app.api import add_api, make_app
    from repair_app.cli import add_commands, refusing_in_one_line
    from repair_app.db import db
    from repair_app.engine.commitment_texts import load_commitment_texts
    from repair_app.engine.courses import load_courses
    from repair_app.engine.policy import load_policy
    from repair_app.engine.retention import load_retention
    from repair_app.forms import FORMS
    from repair_app.services.retention import DELETIONS
    from repair_app.services.sync import changes
    from repair_app.web import door
    from repair_app.web.site import add_pages

    app = make_app(__name__, template_folder=str(ROOT / "templates"))
    app.config.from_object(config)
    db.init_app(app)
    changes.watch()
    schema.init_app(app)
    folder: Path = app.config["WORKFLOWS"]
    with refusing_in_one_line():
        policy = load_policy(folder, app.config["PROFILE"], FORMS)
        app.extensions["redress_policy"] = policy
        app.extensions["redress_courses"] = load_courses(folder / "courses", policy.documents)
        app.extensions["redress_commitments"] = load_commitment_texts(
            folder / "commitments.toml", policy.documents
        )
        app.extensions["redress_retention"] = load_retention(
            folder / "retention.toml", policy.documents, DELETIONS
        )
    add_pages(app)
    add_api(app)
    door.check_rules(app)
    add_commands(app)
    return app


@contextmanager
def searching_no_rubbish() -> Iterator[None]:
    """Switch the collector off meanwhile: what is imported stays, and looking costs a fifth."""
    was_on = gc.isenabled()
    gc.disable()
    try:
        yield
    finally:
        if was_on:
            gc.enable()
