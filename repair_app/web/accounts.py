"""Sign-in and sign-out, by Flask-Security on Flask-Login."""

import unicodedata
from functools import partial
from http import HTTPStatus
from typing import Any

from flask import Flask, Response, current_app, request, session
from flask_babel import lazy_gettext as _l
from flask_limiter.util import get_remote_address
from flask_login import user_logged_in, user_logged_out
from flask_security import LoginForm, RoleMixin, Security, WebauthnUtil
from flask_security.utils import set_request_attr, validate_redirect_url
from limits import RateLimitItem, parse_many
from wtforms import Field, ValidationError

from repair_app import limits
from repair_app.db import db, now
from repair_app.forms.administration import normal_of
from repair_app.forms.base import clean_text
from repair_app.models import Passkey, User
from repair_app.models.parties import LONGEST_PASSWORD
from repair_app.services import people, sessions
from repair_app.services.second_factor import Accounts, Codes, RecoveryCodes


class PasskeyNames(WebauthnUtil):
    """The names of passkeys: any line of text, for every page escapes what it shows."""

    def name_svn(self, value: str) -> tuple[str | None, str | None]:
        """Return what is wrong with a name, or None, and the name as it is kept."""
        name = clean_text(value) or ""
        if not name or len(name) > current_app.config["SECURITY_WAN_NAME_MAX_LENGTH"]:
            return str(_l("Give the passkey a name of up to 64 characters.")), None
        return None, name


class SignInForm(LoginForm):
    """An address and a password, and where to go on."""

    def validate_password(self, field: Field) -> None:
        """Refuse what is longer than any password. Raises ValidationError.

        As a wrong one, whoever's it is: the library would hash it, and cannot.
        """
        if len(normal_of(field.data or "")) > LONGEST_PASSWORD:
            raise ValidationError(_l("The address or the password is not right."))

    def validate_next(self, field: Field) -> None:
        """Forget where to go on, if that is no place of ours: who signs in is signed in."""
        if field.data and not validate_redirect_url(field.data):
            field.data = ""


class SignIn(Security):
    """Flask-Security without the library that takes tags out of the names of passkeys."""

    def __init__(self) -> None:
        super().__init__(
            login_form=SignInForm,
            totp_cls=Codes,
            webauthn_util_cls=PasskeyNames,
            mf_recovery_codes_util_cls=RecoveryCodes,
        )

    def _check_modules(self, module: str, config_name: str) -> Any:
        """Ask for what it needs, but that one: see `PasskeyNames`."""
        return module == "nh3" or super()._check_modules(module, config_name)  # type: ignore[no-untyped-call]


LONGEST_ADDRESS = 254  # characters of an e-mail address (RFC 5321)
PAGE = "security.login"
LOCK = "LOGIN_RATE_LIMIT_OF_ACCOUNT"  # the failures at one account, from wherever
KEY = "key"  # in the session: by which the store knows it
BEGAN = "began"  # in the session: when somebody signed in, in seconds since 1970


def init_app(app: Flask) -> None:
    """Add sign-in and sign-out to the application."""
    accounts = Accounts(db, User, RoleMixin, webauthn_model=Passkey)
    # The library has no Chinese for this one; it must not tell which of the two was wrong.
    app.config["SECURITY_MSG_GENERIC_AUTHN_FAILED"] = (
        _l("The address or the password is not right."),
        "error",
    )
    app.config["SECURITY_DATETIME_FACTORY"] = now
    security = SignIn()  # of this application: it keeps the keys
    security.init_app(app, accounts)
    security.want_json(lambda _request: False)  # its pages are for people
    limits.limiter.init_app(app)
    slow_down(app, PAGE)
    user_logged_out.connect(end_session, app)
    user_logged_in.connect(begin_session, app)
    security.login_manager.user_loader(load_user)
    # It would sign somebody in without the second factor, and outlast the session.
    security.login_manager._load_user_from_remember_cookie = lambda _cookie: None  # noqa: SLF001  # there is no setting for it


def slow_down(app: Flask, endpoint: str) -> None:
    """Limit the attempts that fail: from one place at one account, at one account, from one place.

    Many people may share a place (a proxy, an office), so that limit is the widest. That of an
    account from wherever is wide as well: a stranger must not lock its owner out with few words.
    """
    views: dict[str, Any] = app.view_functions
    for setting, key in (
        ("LOGIN_RATE_LIMIT", place_and_account),
        (LOCK, account_tried),
        ("LOGIN_RATE_LIMIT_OF_PLACE", get_remote_address),
    ):
        limit = limits.limiter.limit(
            partial(limits.limit_of, setting),
            key_func=key,
            scope=setting,
            methods=["POST"],
            deduct_when=has_failed,
        )
        views[endpoint] = limit(views[endpoint])


def account_tried() -> str:
    """Return the address that somebody tries to sign in with, however it is written."""
    return spelt(request.form.get("email", ""))


def spelt(typed: str) -> str:
    """Return an address in the one way in which failures are counted."""
    typed = typed[: 2 * LONGEST_ADDRESS]
    return unicodedata.normalize("NFKC", typed).strip().casefold()[:LONGEST_ADDRESS]


def place_and_account() -> str:
    """Return from where somebody tries to sign in, and with which address."""
    return f"{get_remote_address()} {account_tried()}"


def is_locked(user: User) -> bool:
    """Say whether an account is locked by failures to sign in, wherever they came from."""
    counts = limits.limiter
    return counts.enabled and not all(
        counts.limiter.test(one, *counted) for one, counted in locks(user)
    )


def unlock(user: User) -> None:
    """Forget the failures to sign in with an account."""
    for one, counted in locks(user):
        limits.limiter.limiter.clear(one, *counted)


def locks(user: User) -> list[tuple[RateLimitItem, tuple[str, str]]]:
    """Return the limits of an account's failures, and under what they are counted."""
    counted = (spelt(user.email), f"{PAGE}:{LOCK}")  # as Flask-Limiter names it
    return [(one, counted) for one in parse_many(limits.limit_of(LOCK))]


def has_failed(answer: Response) -> bool:
    """Say whether an attempt to sign in has failed: a good one is sent on to its page."""
    return not HTTPStatus.MULTIPLE_CHOICES <= answer.status_code < HTTPStatus.BAD_REQUEST


def load_user(known_as: str) -> User | None:
    """Return whose session this is; None for one that has lasted too long, or says no beginning.

    How long nobody clicked is told by the cookie's own age (PERMANENT_SESSION_LIFETIME).
    """
    key = session.get(KEY)
    if not key or not isinstance(session.get(BEGAN), int) or has_lasted_longest():
        return None
    user = sessions.find_user(known_as, key)
    if user is not None:  # what the library asks of a session
        set_request_attr("fs_authn_via", "session")
        set_request_attr("fs_paa", session.get("fs_paa", 0))
    return user


def has_lasted_longest() -> bool:
    """Say whether this session, which says when it began, has lasted as long as one may."""
    began, longest = session.get(BEGAN), current_app.config["SESSION_LONGEST"].total_seconds()
    return isinstance(began, int) and now().timestamp() - began >= longest


def end_session(_app: Flask, user: Any, **_: Any) -> None:
    """Make the cookie of this session worthless: a copied one ends with it."""
    if user.is_authenticated:
        people.sign_out(user.id, session.get(KEY, ""))


def begin_session(_app: Flask, user: User, **_: Any) -> None:
    """Note when a session began; let no sign-in set a cookie that outlasts it.

    The token of its forms is another one than before: who planted a cookie knows that.
    """
    session.pop("_remember", None)
    session.pop("csrf_token", None)
    session[BEGAN] = int(now().timestamp())
    agent = request.headers.get("User-Agent", "")
    session[KEY] = sessions.begin(user, agent, former=session.get(KEY, ""))


def has_missed(answer: Response) -> bool:
    """Say whether what was looked up, by a code or an address, is not there."""
    return answer.status_code == HTTPStatus.NOT_FOUND
