"""The door: every page says who may enter, and a page that says nothing stops the start.

Who may see which case is not decided here but by `services`: what is not yours is a 404.
"""

from collections.abc import Callable
from http import HTTPStatus
from typing import Any, TypeVar
from urllib.parse import urlsplit

from flask import Flask, Response, abort, current_app, flash, redirect, request, session, url_for
from flask.sessions import SecureCookieSessionInterface, SessionMixin
from flask_babel import gettext
from flask_login import current_user
from flask_talisman import Talisman
from flask_wtf import CSRFProtect
from flask_wtf.csrf import CSRFError
from werkzeug.middleware.proxy_fix import ProxyFix
from werkzeug.wrappers import Response as AnyResponse

from repair_app.models import Role
from repair_app.services import offices, second_factor
from repair_app.web.accounts import KEY, has_lasted_longest
from repair_app.web.slow_senders import Bounded

PUBLIC = "public"
MACHINES = "machines"  # of the interface: which of them, it says itself (api/access.py)
INTERFACE = "/api/"
SIGNED_IN = "signed in"
HALFWAY = "halfway"  # the password was given, a code is still to come
# Pages of the libraries: what they are is theirs, who may enter is ours.
LIBRARY_PAGES: dict[str, str] = {
    "static": PUBLIC,
    "bootstrap.static": PUBLIC,
    "security.static": PUBLIC,
    "security.login": PUBLIC,
    "security.logout": PUBLIC,  # signs out whoever is signed in
    "security.verify": SIGNED_IN,
    "security.tf_select": HALFWAY,
    "security.two_factor_token_validation": HALFWAY,
    "security.two_factor_rescue": HALFWAY,
    "security.mf_recovery": HALFWAY,
    "security.wan_signin": HALFWAY,
    "security.wan_signin_response": HALFWAY,
    "security.two_factor_setup": SIGNED_IN,
    "security.two_factor_setup_validate": SIGNED_IN,
    "security.mf_recovery_codes": SIGNED_IN,
    "security.wan_register": SIGNED_IN,
    "security.wan_register_response": SIGNED_IN,
    "security.wan_delete": SIGNED_IN,
}
# Where somebody who needs a second factor, and has none, may go.
SETTING_UP = frozenset(
    {
        "second_factor.index",
        "security.two_factor_setup",
        "security.two_factor_setup_validate",
        "security.two_factor_token_validation",
        "security.wan_register",
        "security.wan_register_response",
        "security.verify",
        "security.logout",
        "language.change",
        "theme.change",
    }
)
WHO = "_user_id"  # in the session of who is signed in, by Flask-Login
TOLD = "told"  # in the session: the key of the one whose end was told of
TOO_OLD = "password_too_old"  # in the session of whoever has to change the password first
CHANGING = frozenset({"password.change", "security.logout", "language.change", "theme.change"})
# The signed history: the same for everybody, kept by caches, and so never with anybody's cookie.
HISTORY = frozenset(
    {
        "history.checkpoint",
        "history.tile",
        "history.consistency",
        "history.keys",
        "history.program",
    }
)
# What is the same for everybody: no cookie goes with it, so that it may be kept and watched.
NOBODYS = HISTORY | frozenset(
    {
        "static",
        "bootstrap.static",
        "security.static",
        "health.healthz",
        "health.readyz",
        "metrics.show",
        "feed.show",
        "interface.asset",
    }
)
# What is public and the same for long: its view says how long it may be kept.
MAY_BE_KEPT = HISTORY | frozenset({"static", "bootstrap.static", "api_gate.show_keys"})
CONTENT_POLICY = {
    "default-src": "'self'",
    "img-src": "'self' data:",  # the icons inside Bootstrap's stylesheet
    "object-src": "'none'",
    "base-uri": "'none'",
    "form-action": "'self'",
    "frame-ancestors": "'none'",
}

TAKES_PARTS = ("work.put_part", "application/partial-upload")  # what a script of ours sends
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


def entrusted(duty: offices.Duty) -> Callable[[View], View]:
    """Let those officers enter whose duty this is, by the profile of security."""
    return lambda view: _admit(view, duty)


def _admit(view: View, rule: str | frozenset[Role]) -> View:
    view.access = rule  # type: ignore[attr-defined]  # read by rule_of
    return view


class Sessions(SecureCookieSessionInterface):
    """The sessions of Flask; files and the signs of life neither begin nor prolong one."""

    def should_set_cookie(self, app: Flask, session: SessionMixin) -> bool:
        """Say whether this answer carries the session."""
        if request.endpoint in NOBODYS or is_of_machines():
            return False
        return super().should_set_cookie(app, session)


def is_of_machines() -> bool:
    """Say whether this request is to the interface, and not to its page for people."""
    return request.path.startswith(INTERFACE) and request.endpoint != "interface.index"


def init_app(app: Flask) -> None:
    """Close the door of the application."""
    bounded = Bounded(app.wsgi_app, app.config["BODY_SECONDS"])
    app.wsgi_app = bounded  # type: ignore[method-assign,assignment]
    if app.config["BASE_URL"]:
        # Only behind the operator's own proxy is a header to be believed over the connection.
        app.wsgi_app = ProxyFix(app.wsgi_app, x_for=1, x_proto=1)  # type: ignore[method-assign]
    needing = second_factor.read_roles(app.config["SECOND_FACTOR"])
    app.extensions["redress_second_factor"] = needing
    app.session_interface = Sessions()
    app.before_request(refuse_other_sites)  # before anything reads the body
    app.before_request(refuse_what_no_form_sends)
    csrf.init_app(app)
    talisman.init_app(
        app,
        force_https=False,  # the reverse proxy's work
        strict_transport_security=app.config["SESSION_COOKIE_SECURE"],
        session_cookie_secure=app.config["SESSION_COOKIE_SECURE"],
        content_security_policy=content_policy(app.config["OIDC_ISSUER"]),
        referrer_policy="same-origin",
    )
    app.before_request(admit)
    app.after_request(forbid_caching)


def content_policy(issuer: str) -> dict[str, str]:
    """Return what a page may load and where its forms lead: to the provider too, to sign out."""
    if not issuer:
        return CONTENT_POLICY
    place = urlsplit(issuer)
    return CONTENT_POLICY | {"form-action": f"'self' {place.scheme}://{place.netloc}"}


def refuse_other_sites() -> None:
    """Refuse a form that a browser says another site sent, whatever token it has.

    Every browser of today names the origin of what it posts (Fetch Standard 3.2); a program names
    none, and still needs the token. Raises CSRFError.
    """
    origin = request.headers.get("Origin")
    if request.method != "POST" or request.path.startswith(INTERFACE) or origin is None:
        return
    ours = {request.host, urlsplit(current_app.config["BASE_URL"]).netloc.lower()} - {""}
    if urlsplit(origin).netloc not in ours:
        raise CSRFError("the form was sent by another site")


def refuse_what_no_form_sends() -> None:
    """Refuse a body that no form of ours can have sent: libraries stumble over such."""
    if request.method != "POST" or request.path.startswith(INTERFACE):
        return
    if (request.endpoint, request.mimetype) == TAKES_PARTS:
        return
    if request.mimetype not in FORM_TYPES:
        abort(415)
    if None in request.form or None in request.files:
        abort(400)


def rule_of(app: Flask, endpoint: str) -> str | frozenset[Role] | None:
    """Return who may enter an endpoint, or None when nothing says so."""
    own = getattr(app.view_functions[endpoint], "access", None)
    if isinstance(own, offices.Duty):
        return offices.DUTIES[app.config["SECURITY_PROFILE"]][own]
    return own or LIBRARY_PAGES.get(endpoint)


def may_enter(endpoint: str) -> bool:
    """Say whether the reader may open a page that is everybody's, or some roles' only."""
    rule = rule_of(current_app, endpoint)
    if not isinstance(rule, frozenset):
        return rule == PUBLIC
    return bool(current_user.is_authenticated) and any(map(current_user.holds, rule))


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
    if rule != MACHINES and (lacks_second_factor() or has_old_password()):
        return ask_for_second_factor() if lacks_second_factor() else ask_for_password()
    if rule in {PUBLIC, MACHINES}:
        return None
    if rule == HALFWAY:
        return admit_halfway()
    if not current_user.is_authenticated:
        return ask_to_sign_in()
    if isinstance(rule, frozenset) and not any(current_user.holds(role) for role in rule):
        abort(403)
    return None


def admit_halfway() -> AnyResponse | None:
    """Let in who has given a password and is asked for a code, or sets up an authenticator now.

    Flask-Security would sign out anybody else: no page that is only looked at may do that.
    """
    if not current_user.is_authenticated:
        return None if "tf_user_id" in session else ask_to_sign_in()
    if session.get("tf_state") == "validating_profile" and session.get("tf_totp_secret"):
        return None
    return redirect(url_for("public.home"))


def lacks_second_factor() -> bool:
    """Say whether the person must first set up a second factor, and goes elsewhere."""
    roles = current_app.extensions["redress_second_factor"]
    if not roles or request.endpoint in NOBODYS | SETTING_UP or not current_user.is_authenticated:
        return False
    return second_factor.lacks(current_user, roles)


def ask_for_second_factor() -> AnyResponse:
    """Send somebody to where a second factor is set up; no form of theirs is carried out."""
    if request.method != "GET":
        abort(403)
    return redirect(url_for("second_factor.index"))


def has_old_password() -> bool:
    """Say whether the person must first change the password, and goes elsewhere."""
    if request.endpoint in NOBODYS | CHANGING | SETTING_UP or not session.get(TOO_OLD):
        return False
    return bool(current_user.is_authenticated)


def ask_for_password() -> AnyResponse:
    """Send somebody to where the password is changed; no form of theirs is carried out."""
    if request.method != "GET":
        abort(403)
    return redirect(url_for("password.change"))


def ask_to_sign_in() -> AnyResponse:
    """Send a reader to the sign-in page; who sent a form is told how to keep what was typed."""
    if request.method != "GET":
        abort(401)
    if ended := why_ended():
        flash(ended, "warning")
        session[TOLD] = session.get(KEY)
    return redirect(url_for("security.login", next=request.full_path.rstrip("?")))


def why_ended() -> str:
    """Return why a reader is signed out who was signed in; nothing for who simply comes.

    Nor for whom nothing was done for long: their browser has forgotten the session, too.
    """
    if WHO not in session or session.get(TOLD, "") == session.get(KEY):  # once of each session
        return ""
    if has_lasted_longest():
        return str(
            gettext(
                "Your session has ended, as it had lasted as long as one may: please sign in again."
            )
        )
    return str(gettext("Your session has been ended: please sign in again."))


def forbid_caching(response: Response) -> Response:
    """Keep pages and refusals out of every cache: a repaired record must not live on in one."""
    kept = request.endpoint in MAY_BE_KEPT and response.status_code < HTTPStatus.BAD_REQUEST
    asks_again = request.path.startswith(INTERFACE) and response.cache_control.private
    if not kept and not asks_again:
        response.headers["Cache-Control"] = "no-store"
    if request.endpoint == "security.logout" and response.location:
        response.headers["Clear-Site-Data"] = '"cache", "storage"'
    return response
