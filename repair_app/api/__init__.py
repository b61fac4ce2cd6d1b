"""The interface for machines, under /api/v1: the same services and guards as the pages.

One module for each thing; each offers a blueprint `resources`. A view says what a token has to be
good for (`@needs("cases:read")`), and a view that says nothing stops the start.
"""

from typing import Any, Final

from flask_openapi.models.info import Info
from flask_openapi.openapi import OpenAPI

from repair_app.api import (
    access,
    bodies,
    cases,
    changes,
    complaints,
    desk,
    documentation,
    gate,
    imports,
    inspections,
    limits,
    measures,
    notices,
    papers,
    problems,
    records,
    reports,
    tokens,
    training,
    workflows,
    worklist,
)

VERSION: Final = "1.0.0"
AREAS: Final[tuple[Any, ...]] = (
    tokens,
    cases,
    changes,
    papers,
    records,
    measures,
    gate,
    worklist,
    workflows,
    documentation,
    imports,
    complaints,
    desk,
    inspections,
    reports,
    training,
    notices,
)


def make_app(name: str, **settings: Any) -> OpenAPI:
    """Return an application that describes its interface (OpenAPI 3.1)."""
    app = OpenAPI(
        name,
        info=Info(title="Redress", version=VERSION, description=documentation.STRICT),
        security_schemes=access.SCHEMES,
        validation_error_status=problems.INVALID,
        validation_error_model=problems.Problem,
        validation_error_callback=problems.show_invalid,
        doc_ui=False,
        **settings,
    )
    app.request_class = bodies.BoundedRequest
    app.openapi_version = "3.1.0"
    return app


def add_api(app: OpenAPI) -> None:
    """Put the interface into the application."""
    problems.init_app(app)
    access.init_app(app)
    notices.init_app(app)
    for area in AREAS:
        app.extensions["csrf"].exempt(area.resources)  # no cookie counts here
        documentation.register(app, area.resources)
    names = {area.resources.name for area in AREAS}
    app.extensions["redress_codes"] = problems.TEXTS
    app.extensions["redress_describe"] = lambda: documentation.description_of(app)
    access.check_rules(app, names)
    limits.slow_down(app, names)
