"""All pages, put together."""

from flask import Flask

from repair_app import replica
from repair_app.web import (
    accounts,
    admin,
    agents,
    audit,
    calendar,
    cases,
    clients,
    commitments,
    complaints,
    coverage,
    crowding,
    desk,
    door,
    drafts,
    enforcement,
    errors,
    exports,
    feed,
    health,
    how,
    inspections,
    institutions,
    interface,
    invitations,
    language,
    letters,
    measures,
    messages,
    metrics,
    my,
    organisations,
    people,
    platforms,
    public,
    records,
    rules,
    second_factor,
    settings,
    statistics,
    theme,
    training,
    transitions,
    unified,
    view,
    viewings,
    watching,
    work,
)


def add_pages(app: Flask) -> None:
    """Put the door, the pages and the error pages into the application."""
    watching.init_app(app)
    metrics.init_app(app)
    crowding.init_app(app)
    door.init_app(app)
    language.init_app(app)
    theme.init_app(app)
    accounts.init_app(app)
    second_factor.init_app(app)
    unified.init_app(app)
    view.init_app(app)
    viewings.init_app(app)
    errors.init_app(app)
    replica.init_app(app)
    for area in (
        public,
        my,
        records,
        cases,
        transitions,
        drafts,
        training,
        commitments,
        work,
        desk,
        enforcement,
        audit,
        admin,
        organisations,
        people,
        institutions,
        clients,
        interface,
        platforms,
        agents,
        invitations,
        calendar,
        measures,
        rules,
        how,
        coverage,
        complaints,
        letters,
        inspections,
        messages,
        settings,
        second_factor,
        unified,
        statistics,
        exports,
        feed,
        health,
        metrics,
    ):
        app.register_blueprint(area.pages)
    complaints.slow_down(app)
    letters.slow_down(app)
    exports.slow_down(app)
    feed.slow_down(app)
    invitations.slow_down(app)
    messages.init_app(app)
