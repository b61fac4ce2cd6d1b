"""What the site promises, for everybody to read: each promise with the command that proves it."""

from flask import Blueprint, render_template

from repair_app.services import trust
from repair_app.web.door import public

pages = Blueprint("trust", __name__)


@pages.get("/trust")
@public
def index() -> str:
    """List the promises."""
    return render_template("trust/index.html", promises=trust.list_promises())
