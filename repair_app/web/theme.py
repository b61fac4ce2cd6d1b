"""Light, dark, or as the reader's system is: kept by the browser, without account or script."""

from flask import Blueprint, Flask, current_app, redirect, request
from flask_babel import lazy_gettext as _l
from werkzeug.wrappers import Response

from repair_app.web.door import public
from repair_app.web.language import own_path

NAMES = {"auto": _l("As the system"), "light": _l("Light"), "dark": _l("Dark")}
# When the page asks for the stylesheet of the dark: never, always, when the system is dark.
DARK_ON = {"dark": "screen", "auto": "screen and (prefers-color-scheme: dark)"}
A_YEAR = 365 * 24 * 3600  # seconds

pages = Blueprint("theme", __name__)


def init_app(app: Flask) -> None:
    """Let the pages be light or dark."""
    app.register_blueprint(pages)
    app.jinja_env.globals.update(themes=NAMES, theme=choose_theme, dark_on=DARK_ON.get)


def choose_theme() -> str:
    """Return the theme that this browser keeps, or that of the system."""
    kept = request.cookies.get(cookie_name(), "")
    return kept if kept in NAMES else "auto"


def cookie_name() -> str:
    """Return the name of the cookie: behind TLS one that no other host can set (ASVS 3.3.1)."""
    return "__Host-theme" if current_app.config["SESSION_COOKIE_SECURE"] else "theme"


@pages.post("/theme")
@public
def change() -> Response:
    """Keep the chosen theme in this browser and go back."""
    answer = redirect(own_path(request.form.get("back", "")))
    chosen = request.form.get("theme", "")
    if chosen in NAMES:
        answer.set_cookie(
            cookie_name(),
            chosen,
            max_age=A_YEAR,
            secure=current_app.config["SESSION_COOKIE_SECURE"],
            httponly=True,
            samesite="Lax",
        )
    return answer
