"""The door: every page says who may enter, and a page that says nothing stops the start.

Who may see which case is not decided here but by `services`: what is not yours is a 404.
"""

from collections.abc import Callable
from typing import Any, TypeVar

from flask import Flask, Response, abort, current_app, redirect, request, session, url_for
from flask.sessions import SecureCookieSessionInterface, SessionMixin
from flask_login import current_user
from flask_talisman import Talisman
from flask_wtf import CSRFProtect
from werkzeug.middleware.proxy_fix import ProxyFix
from werkzeug.wrappers import Response as AnyResponse

from repair_app.models import Role

PUBLIC = "public"
SIGNED_IN = "signed in"
# Pages of the libraries: what they are is theirs, who may enter is ours.
LIBRARY_PAGES: dict[str, str] = {
    "static": PUBLIC,
    "bootstrap.static": PUBLIC,
    "security.static": PUBLIC,
    "security.login": PUBLIC,
    "security.logout": PUBLIC,  # signs out whoever is signed in
}
# What is the same for everybody: no cookie goes with it, so that it may be kept and watched.
NOBODYS = frozenset(
    {
        "static",
        "bootstrap.static",
        "security.static",
        "health.healthz",
        "health.readyz",
        "feed.show",
    }
)
CONTENT_POLICY = {
    "default-src": "'self'",
    "img-src": "'self' data:",  # the icons inside Bootstrap's stylesheet
    "object-src": "'none'",
    "base-uri": "'none'",
    "form-action": "'self'",
    "frame-ancestors": "'none'",
}

FORM_TYPES = frozenset({"", "application/x-www-form-urlencoded", "multipart/form-data"})

csrf = CSRFProtect()
talisman = Talisman()
View = TypeVar("View", bound=Callable[..., Any])


def public(view: View) -> View:
    """Let everybody enter this page."""
    return _admit(view, PUBLIC)


def signed_in(view: View) -> View:
    """Let everybody with an account enter this page."""
    return _admit(view, SIGNED_IN)


def only(*roles: Role) -> Callable[[View], View]:
    """Let those enter who hold one of these roles today, for any organisation."""
    return lambda view: _admit(view, frozenset(roles))


def _admit(view: View, rule: str | frozenset[Role]) -> View:
    view.access = rule  # type: ignore[attr-defined]  # read by rule_of
    return view


class Sessions(SecureCookieSessionInterface):
    """The sessions of Flask; files and the signs of life neither begin nor prolong one."""

    def should_set_cookie(self, app: Flask, session: SessionMixin) -> bool:
        """Say whether this answer carries the session."""
        return request.endpoint not in NOBODYS and super().should_set_cookie(app, session)


def init_app(app: Flask) -> None:
    """Close the door of the application."""
    if app.config["BASE_URL"]:
        # Only behind the operator's own proxy is a header to be believed over the connection.
        app.wsgi_app = ProxyFix(app.wsgi_app, x_for=1, x_proto=1)  # type: ignore[method-assign]
    app.session_interface = Sessions()
    app.before_request(refuse_what_no_form_sends)  # before anything reads the body
    csrf.init_app(app)
    talisman.init_app(
        app,
        force_https=False,  # the reverse proxy's work
        strict_transport_security=app.config["SESSION_COOKIE_SECURE"],
        session_cookie_secure=app.config["SESSION_COOKIE_SECURE"],
        content_security_policy=CONTENT_POLICY,
        referrer_policy="same-origin",
    )
    app.before_request(admit)
    app.after_request(forbid_caching)


def refuse_what_no_form_sends() -> None:
    """Refuse a body that no form of ours can have sent: libraries stumble over such."""
    if request.method != "POST":
        return
    if request.mimetype not in FORM_TYPES:
        abort(415)
    if None in request.form or None in request.files:
        abort(400)


def rule_of(app: Flask, endpoint: str) -> str | frozenset[Role] | None:
    """Return who may enter an endpoint, or None when nothing says so."""
    own = getattr(app.view_functions[endpoint], "access", None)
    return own or LIBRARY_PAGES.get(endpoint)


def check_rules(app: Flask) -> None:
    """Refuse to start with a page that does not say who may enter. Raises RuntimeError."""
    for endpoint in app.view_functions:
        if rule_of(app, endpoint) is None:
            raise RuntimeError(f"{endpoint} does not say who may enter")


def admit() -> AnyResponse | None:
    """Let this request in, send it to the sign-in page, or refuse it."""
    session.permanent = True  # ends by PERMANENT_SESSION_LIFETIME, counted from the last click
    if request.endpoint is None:
        return None  # no such page
    rule = rule_of(current_app, request.endpoint)
    if rule == PUBLIC:
        return None
    if not current_user.is_authenticated:
        return ask_to_sign_in()
    if isinstance(rule, frozenset) and not any(current_user.holds(role) for role in rule):
        abort(403)
    return None


def ask_to_sign_in() -> AnyResponse:
    """Send a reader to the sign-in page; who sent a form is told how to keep what was typed."""
    if request.method != "GET":
        abort(401)
    return redirect(url_for("security.login", next=request.full_path.rstrip("?")))


def forbid_caching(response: Response) -> Response:
    """Keep pages out of every cache: a repaired record must not live on in one."""
    if request.endpoint not in {"static", "bootstrap.static"}:
        response.headers["Cache-Control"] = "no-store"
    return response
