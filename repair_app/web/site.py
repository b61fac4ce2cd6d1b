"""All pages, put together."""

from flask import Flask

from repair_app.web import (
    accounts,
    admin,
    audit,
    calendar,
    cases,
    commitments,
    complaints,
    coverage,
    door,
    enforcement,
    errors,
    health,
    inspections,
    language,
    my,
    public,
    records,
    rules,
    training,
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
        training,
        commitments,
        work,
        enforcement,
        audit,
        admin,
        calendar,
        rules,
        coverage,
        complaints,
        inspections,
        health,
    ):
        app.register_blueprint(area.pages)
    complaints.slow_down(app)
    door.check_rules(app)
