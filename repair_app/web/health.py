"""For the machine that watches: is it up, can it answer."""

from http import HTTPStatus
from typing import Any

from flask import Blueprint

from repair_app.services import readiness
from repair_app.web.door import public

pages = Blueprint("health", __name__)


@pages.get("/healthz")
@public
def healthz() -> dict[str, str]:
    """Say that the process answers; nothing else is looked at."""
    return {"status": "ok"}


@pages.get("/readyz")
@public
def readyz() -> tuple[dict[str, Any], HTTPStatus]:
    """Say whether this server can do its work, and if not, what stands in the way."""
    found = readiness.look()
    status = HTTPStatus.OK if found.is_ready else HTTPStatus.SERVICE_UNAVAILABLE
    said = "ok" if found.is_ready else "not ready"
    return {"status": said, "failed": found.failed, "checks": dict(found.checks)}, status
