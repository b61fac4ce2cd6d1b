"""Lists as files: handed out at once, or asked for and fetched when they are written."""

from functools import partial
from io import BytesIO
from typing import Any

from flask import (
    Blueprint,
    Flask,
    Response,
    flash,
    make_response,
    redirect,
    render_template,
    request,
    send_file,
    stream_with_context,
    url_for,
)
from flask_babel import get_locale, gettext
from flask_login import current_user

from repair_app import limits
from repair_app.db import today
from repair_app.models import User
from repair_app.services import exports
from repair_app.services.listings.common import PUBLIC
from repair_app.services.listings.registry import LISTINGS, chosen
from repair_app.sheets import MEDIA_TYPES
from repair_app.web.door import ask_to_sign_in, public, signed_in
from repair_app.web.lagging import may_lag

pages = Blueprint("exports", __name__, url_prefix="/exports")
LOOK_AGAIN = 3  # seconds, while something is being written


def slow_down(app: Flask) -> None:
    """Limit the lists that nobody in particular takes away, from one network address."""
    views: dict[str, Any] = app.view_functions
    limit = limits.limiter.limit(
        partial(limits.limit_of, "EXPORT_RATE_LIMIT"),
        exempt_when=lambda: current_user.is_authenticated,
    )
    views["exports.download"] = limit(views["exports.download"])


@pages.get("/<name>.<any(csv, xlsx):form>")
@public
@may_lag
def download(name: str, form: str) -> Any:
    """Hand out a list as a file; a long one is to be asked for."""
    user = reader()
    if user is None and name in LISTINGS and LISTINGS[name].admits != PUBLIC:
        return ask_to_sign_in()
    listing = exports.get_listing(name, user)
    filters = chosen(listing, request.args)
    if exports.is_long(listing, user, filters):
        shown = {"listing": listing, "name": name, "form": form, "filters": filters}
        return render_template("exports/long.html", most=exports.AT_ONCE, **shown)
    if form == "csv":
        lines = stream_with_context(exports.stream_csv(listing, user, filters))
        return named(Response(lines, mimetype=MEDIA_TYPES[form]), name, form)
    content = BytesIO(exports.make_xlsx(listing, user, filters))
    return named(send_file(content, mimetype=MEDIA_TYPES[form], max_age=0), name, form)


@pages.post("/<name>.<any(csv, xlsx):form>")
@signed_in
def ask(name: str, form: str) -> Any:
    """Have a long list written to a file."""
    try:
        exports.ask(name, form, request.args, current_user, str(get_locale()))
    except exports.TooMany:
        flash(gettext("Enough files are being written for you. Wait for one of them."), "warning")
    return redirect(url_for("exports.index"))


@pages.get("")
@signed_in
def index() -> Response:
    """List the files that a person asked for, and how far each is."""
    found = exports.list_own(current_user)
    page = render_template("exports/index.html", exports=found, listings=LISTINGS)
    answer = make_response(page)
    if any(one.is_waiting for one in found):
        answer.headers["Refresh"] = str(LOOK_AGAIN)
    return answer


@pages.get("/<ref:ref>")
@signed_in
def fetch(ref: str) -> Response:
    """Hand out a file to who asked for it."""
    export = exports.get_own(ref, current_user)
    answer = Response(exports.read(export), mimetype=MEDIA_TYPES[export.form])
    return named(answer, f"{export.page}-{ref}", export.form)


def reader() -> User | None:
    """Return who is signed in, or None."""
    return current_user if current_user.is_authenticated else None


def named(answer: Response, name: str, form: str) -> Response:
    """Return a file that is kept under a name, and by no search engine."""
    day = today().isoformat()
    answer.headers["Content-Disposition"] = f'attachment; filename="redress-{name}-{day}.{form}"'
    answer.headers["X-Robots-Tag"] = "noindex"
    return answer
