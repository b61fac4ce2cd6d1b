"""All pages, put together."""

from flask import Flask

from repair_app.web import (
    accounts,
    admin,
    audit,
    cases,
    door,
    enforcement,
    errors,
    health,
    language,
    my,
    public,
    records,
    transitions,
    view,
    work,
)


def add_pages(app: Flask) -> None:
    """Put the door, the pages and the error pages into the application."""
    door.init_app(app)
    language.init_app(app)
    accounts.init_app(app)
    view.init_app(app)
    errors.init_app(app)
    for area in (
        public,
        my,
        records,
        cases,
        transitions,
        work,
        enforcement,
        audit,
        admin,
        health,
    ):
        app.register_blueprint(area.pages)
    door.check_rules(app)
