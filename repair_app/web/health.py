"""For the machine that watches: is it up, can it answer."""

from flask import Blueprint
from sqlalchemy import text

from repair_app.db import db
from repair_app.web.door import public

pages = Blueprint("health", __name__)


@pages.get("/healthz")
@public
def healthz() -> dict[str, str]:
    """Say that the process answers."""
    return {"status": "ok"}


@pages.get("/readyz")
@public
def readyz() -> dict[str, str]:
    """Say that the store answers as well."""
    db.session.execute(text("SELECT 1"))
    return {"status": "ok"}
