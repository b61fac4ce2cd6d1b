"""Redress: case management for objections to, and repair of, public credit records."""

from flask import Flask
from flask_migrate import Migrate

from config import ROOT, Config
from repair_app.db import db

migrate = Migrate(directory=str(ROOT / "migrations"), render_as_batch=True, compare_type=True)


def create_app(config: Config | None = None) -> Flask:
    """Return the application, ready to serve. Raises SpecError or RuleError for a bad policy."""
    from repair_app.cli import add_commands
    from repair_app.engine.policy import load_policy
    from repair_app.forms import FORMS
    from repair_app.web.site import add_pages

    app = Flask(__name__, template_folder=str(ROOT / "templates"))
    app.config.from_object(config or Config())
    db.init_app(app)
    migrate.init_app(app, db)
    app.extensions["redress_policy"] = load_policy(
        app.config["WORKFLOWS"], app.config["PROFILE"], FORMS
    )
    add_pages(app)
    add_commands(app)
    return app
