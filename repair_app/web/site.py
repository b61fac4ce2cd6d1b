"""All pages, put together."""

from flask import Flask

from repair_app.web import (
    accounts,
    admin,
    agents,
    audit,
    calendar,
    cases,
    commitments,
    complaints,
    coverage,
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
    invitations,
    language,
    letters,
    measures,
    messages,
    my,
    organisations,
    people,
    public,
    records,
    rules,
    settings,
    statistics,
    theme,
    training,
    transitions,
    view,
    viewings,
    work,
)


def add_pages(app: Flask) -> None:
    """Put the door, the pages and the error pages into the application."""
    door.init_app(app)
    language.init_app(app)
    theme.init_app(app)
    accounts.init_app(app)
    view.init_app(app)
    viewings.init_app(app)
    errors.init_app(app)
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
        statistics,
        exports,
        feed,
        health,
    ):
        app.register_blueprint(area.pages)
    complaints.slow_down(app)
    letters.slow_down(app)
    exports.slow_down(app)
    feed.slow_down(app)
    invitations.slow_down(app)
    messages.init_app(app)
    door.check_rules(app)
