"""The second factor: a person's page of it, and the pages of Flask-Security put in our order.

Its pages write by the store's own commit; here each of them runs in one transaction of ours, and
no other page does.
"""

from collections.abc import Callable
from functools import partial, wraps
from typing import Any

from flask import (
    Blueprint,
    Flask,
    Response,
    abort,
    current_app,
    flash,
    make_response,
    redirect,
    render_template,
    request,
    session,
    url_for,
)
from flask_babel import gettext
from flask_babel import lazy_gettext as _l
from flask_limiter.util import get_remote_address
from flask_login import current_user
from flask_security import FormInfo, login_user
from flask_security.signals import tf_profile_changed, wan_registered
from flask_security.webauthn import WebAuthnSigninResponseForm
from sqlalchemy import select
from werkzeug.wrappers import Response as AnyResponse

from repair_app import limits
from repair_app.db import db, now
from repair_app.models import User
from repair_app.services import people, second_factor
from repair_app.services.transaction import transaction
from repair_app.web import accounts
from repair_app.web.door import signed_in

pages = Blueprint("second_factor", __name__, url_prefix="/settings/factors")

# Pages of the library that write, and whether an event may come of it.
WRITE = {
    "security.two_factor_setup": True,
    "security.two_factor_setup_validate": True,
    "security.two_factor_token_validation": False,  # while signing in; see `writes`
    "security.mf_recovery": True,
    "security.mf_recovery_codes": True,
    "security.wan_register": False,
    "security.wan_register_response": True,
    "security.wan_signin_response": False,
    "security.wan_delete": True,
}
GUESSED = ("security.two_factor_token_validation", "security.mf_recovery", "security.verify")

# What the library has no Chinese for, or says less plainly.
SAYINGS = {
    "TWO_FACTOR_INVALID_TOKEN": _l("This code is not right. Enter the one that is shown now."),
    "TWO_FACTOR_LOGIN_SUCCESSFUL": _l("You are signed in."),
    "TWO_FACTOR_CHANGE_METHOD_SUCCESSFUL": _l("The authenticator is set up."),
    "TWO_FACTOR_PERMISSION_DENIED": _l("Start again: sign in with your password first."),
    "TWO_FACTOR_DISABLED": _l("The authenticator was removed."),
    "INVALID_RECOVERY_CODE": _l("This is none of your recovery codes, or it was used before."),
    "INVALID_INPUT": _l("This cannot be read. Enter it anew."),
    "INVALID_INPUT_LENGTH": _l("This is too long."),
    "INVALID_PASSWORD": _l("The password is not right."),
    "REAUTHENTICATION_REQUIRED": _l("First enter your password once more."),
    "REAUTHENTICATION_SUCCESSFUL": _l("Thank you. Go on now."),
    "API_ERROR": _l("The passkey did not answer. Try again."),
    "WEBAUTHN_EXPIRED": _l("That took too long. Try again."),
    "WEBAUTHN_NAME_REQUIRED": _l("Give the passkey a name."),
    "WEBAUTHN_NAME_INUSE": _l("You have a passkey of this name already. Choose another name."),
    "WEBAUTHN_NAME_NOT_FOUND": _l("You have no passkey of this name."),
    "WEBAUTHN_NAME_DISALLOWED_CHARACTERS": _l("Use letters, digits, spaces and hyphens only."),
    "WEBAUTHN_CREDENTIAL_DELETED": _l("The passkey was removed."),
    "WEBAUTHN_REGISTER_SUCCESSFUL": _l("The passkey is set up."),
    "WEBAUTHN_CREDENTIAL_ID_INUSE": _l("This passkey is set up already."),
    "WEBAUTHN_UNKNOWN_CREDENTIAL_ID": _l("This is not a passkey of your account."),
    "WEBAUTHN_NO_VERIFY": _l("The passkey could not be checked. Try again."),
    "WEBAUTHN_CREDENTIAL_WRONG_USAGE": _l("This is not a passkey of your account."),
    "WEBAUTHN_MISMATCH_USER_HANDLE": _l("This is not a passkey of your account."),
}
BAD = ("INVALID", "REQUIRED", "API", "EXPIRED", "DENIED", "NO_VERIFY", "UNKNOWN", "WRONG", "INUSE")


class PasskeyForm(WebAuthnSigninResponseForm):
    """The answer of a passkey at sign-in: only one of the account whose password was given."""

    def validate(self, **kwargs: Any) -> bool:
        """Check the passkey, and whose it is: the library signs in whomever it belongs to."""
        if not super().validate(**kwargs):
            return False
        if self.user is None or self.user.fs_uniquifier != session.get("tf_user_id"):
            self.credential.errors = [SAYINGS["WEBAUTHN_UNKNOWN_CREDENTIAL_ID"]]
            return False
        return True


def init_app(app: Flask) -> None:
    """Put the library's pages in our order, and say in our words what it says."""
    for name, text in SAYINGS.items():
        kind = "error" if any(one in name for one in BAD) else "success"
        app.config[f"SECURITY_MSG_{name}"] = (text, kind)
    library = app.extensions["security"]
    library.set_form_info("wan_signin_response_form", FormInfo(cls=PasskeyForm))
    library.reauthn_handler(ask_password_again)
    views: dict[str, Any] = app.view_functions
    for endpoint, with_book in WRITE.items():
        views[endpoint] = writes(views[endpoint], with_book=with_book)
    for endpoint in GUESSED:
        slow_down(app, endpoint)
    views["security.two_factor_rescue"] = lambda: abort(404)  # it would mail; see `mf_recovery`
    tf_profile_changed.connect(end_other_sessions, app)
    wan_registered.connect(end_other_sessions, app)


def writes(view: Callable[..., Any], *, with_book: bool) -> Callable[..., Any]:
    """Run a page of the library in a transaction where a form was sent; reading never writes."""

    @wraps(view)
    def in_transaction(*args: Any, **kwargs: Any) -> Response:
        if request.method != "POST":
            return make_response(view(*args, **kwargs))
        own = current_user.id if current_user.is_authenticated else None
        with transaction():
            second_factor.lock(own or signing_in(), with_book=with_book or own is not None)
            return make_response(view(*args, **kwargs))

    return in_transaction


def signing_in() -> int | None:
    """Return the account that has given its password, and no code yet."""
    who = session.get("tf_user_id")
    return db.session.scalar(select(User.id).where(User.fs_uniquifier == who)) if who else None


def slow_down(app: Flask, endpoint: str) -> None:
    """Limit the codes that are wrong: from one place at one account, at one account."""
    views: dict[str, Any] = app.view_functions
    for setting, key in (
        ("CODE_RATE_LIMIT", place_and_account_asked),
        ("CODE_RATE_LIMIT_OF_ACCOUNT", account_asked),
    ):
        limit = limits.limiter.shared_limit(
            partial(limits.limit_of, setting),
            scope=setting,
            key_func=key,
            methods=["POST"],
            deduct_when=accounts.has_failed,
        )
        views[endpoint] = limit(views[endpoint])


def account_asked() -> str:
    """Return whose code is asked for."""
    own = current_user.id if current_user.is_authenticated else None
    return str(own or signing_in() or "nobody")


def place_and_account_asked() -> str:
    """Return from where a code comes, and whose it should be."""
    return f"{get_remote_address()} {account_asked()}"


def end_other_sessions(_app: Flask, user: Any, **_: Any) -> None:
    """End the sessions that began without the new factor; this one goes on."""
    own = db.session.get_one(User, user.id)  # what was handed over may be a proxy of it
    people.forget_sessions(own)
    db.session.flush()
    login_user(own)


def ask_password_again(_within: Any, _grace: Any, **_: Any) -> AnyResponse:
    """Send somebody who signed in a while ago to give the password again."""
    here = url_for("second_factor.index")
    return ask_before_changing(here, back=request.path if request.method == "GET" else here)


def ask_before_changing(page: str, back: str = "") -> AnyResponse:
    """Send somebody to give the password before something of their account changes.

    page, back: as in `ask_password`; back is the page, if nothing else is given.
    """
    return ask_password(
        gettext("First enter your password once more."),
        gettext("To change this, sign out and in again first."),
        page=page,
        back=back or page,
    )


def ask_before_signing(page: str) -> AnyResponse:
    """Send somebody to give the password before they sign, and from there to this form again.

    page: the matter's, for who has no password here.
    """
    return ask_password(
        gettext("Before you sign, enter your password once more."),
        gettext("To sign a decision, sign out and in again first."),
        page=page,
        back=request.path,
    )


def ask_password(asked: str, without: str, *, page: str, back: str) -> AnyResponse:
    """Say what is asked, and send somebody who signed in a while ago to give the password.

    without: what who has no password here is told, on a page. back: where the password leads.
    """
    if not current_user.password:
        flash(without, "error")
        return redirect(page)
    flash(asked, "info")
    return redirect(url_for("security.verify", next=back))


def has_just_signed_in() -> bool:
    """Say whether somebody has signed in, or given the password again, a short while ago."""
    passed = now().timestamp() - session.get("fs_paa", 0)
    return bool(passed < current_app.config["SIGNING_FRESHNESS"].total_seconds())


@pages.get("")
@signed_in
def index() -> str:
    """Show a person's second factor: what is set up, what can be."""
    codes = current_app.extensions["security"].mf_recovery_codes_util
    needed = second_factor.lacks(current_user, current_app.extensions["redress_second_factor"])
    return render_template(
        "settings/factors.html",
        needed=needed,
        left=len(current_user.mf_recovery_codes or ()),
        has_earlier_codes=codes.has_earlier(current_user),
    )
