"""`/metrics` for Prometheus: there is no such page without the token of the settings."""

import hmac

from flask import Blueprint, Flask, Response, abort, current_app, request

from repair_app.web.door import public

pages = Blueprint("metrics", __name__)


def init_app(app: Flask) -> None:
    """Begin to count, where the settings have a token; else nothing is loaded or counted."""
    if app.config["METRICS_TOKEN"]:
        from repair_app.metrics import Metrics

        app.extensions["redress_metrics"] = Metrics()


@pages.get("/metrics")
@public
def show() -> Response:
    """Show the metrics to who has the token; to all others there is no such page."""
    metrics = current_app.extensions.get("redress_metrics")
    if metrics is None or not has_token():
        abort(404)
    from repair_app.metrics import CONTENT_TYPE
    from repair_app.services import vitals

    return Response(metrics.render(vitals.read), content_type=CONTENT_TYPE)


def has_token() -> bool:
    """Say whether the request bears the token of the settings; how near it comes takes no time."""
    given = request.authorization
    token = given.token if given is not None and given.type == "bearer" else None
    wanted: str = current_app.config["METRICS_TOKEN"]
    return hmac.compare_digest((token or "").encode(), wanted.encode()) and bool(wanted)
