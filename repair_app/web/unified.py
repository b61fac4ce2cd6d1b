"""Signing in by the unified identity of the province: OpenID Connect, by Authlib.

Code with PKCE; state, nonce and the verifier lie in the session until the provider sends the
person back, and are good once. What then comes of it is decided by `services.identities`.
"""

from http import HTTPStatus
from typing import Any
from urllib.parse import urlencode

from authlib.common.errors import AuthlibBaseError
from flask import (
    Blueprint,
    Flask,
    abort,
    current_app,
    redirect,
    render_template,
    request,
    session,
    url_for,
)
from flask_babel import gettext
from flask_babel import lazy_gettext as _l
from flask_login import current_user
from flask_security import login_user
from joserfc.errors import ExpiredTokenError, InvalidTokenError, JoseError
from werkzeug.wrappers import Response

from repair_app.models import User
from repair_app.public_address import site
from repair_app.services import identities
from repair_app.services.identities import Claimed, NotLetIn
from repair_app.services.invitations import WorthlessLink
from repair_app.web import errors, words
from repair_app.web.door import public
from repair_app.web.language import own_path
from repair_app.web.view import language

pages = Blueprint("unified", __name__, url_prefix="/login/unified")
Answer = Response | tuple[str, int]

NAME = "unified"
PATIENCE = 10  # seconds, for each answer of the provider
SKEW = 60  # seconds that its clock may differ from ours
NEXT, LINK, SIGNED_IN_BY = "unified_next", "unified_link", "unified"
ASKED = "unified_asked"  # whom to link to which account, when they have said yes
ALGORITHMS = ["RS256", "PS256", "ES256", "EdDSA"]

# What the library and the line to the provider raise.
FAULTS = (OSError, ValueError, RuntimeError, KeyError, TypeError, AuthlibBaseError, JoseError)
UNTIMELY = (ExpiredTokenError, InvalidTokenError)

# why -> status, what happened, what can be done
REFUSALS: dict[str, tuple[HTTPStatus, Any, Any]] = {
    "down": (
        HTTPStatus.SERVICE_UNAVAILABLE,
        _l("The unified identity cannot be reached."),
        _l("Nothing was changed. Try again in some minutes; if it lasts, tell the credit centre."),
    ),
    "denied": (
        HTTPStatus.FORBIDDEN,
        _l("You did not let the unified identity sign you in here."),
        _l("Start again from the sign-in page, and agree when you are asked."),
    ),
    "stray": (
        HTTPStatus.BAD_REQUEST,
        _l("This way back belongs to no sign-in that began here."),
        _l("It works once, in the browser in which it began. Start again from the sign-in page."),
    ),
    "token": (
        HTTPStatus.BAD_REQUEST,
        _l("The answer of the unified identity cannot be trusted."),
        _l("Nobody was signed in. Start again; if it happens again, tell the credit centre when."),
    ),
    "clock": (
        HTTPStatus.BAD_REQUEST,
        _l("The answer of the unified identity is too old, or from the future."),
        _l("Start again at once. If it happens again, a clock is wrong: tell the credit centre."),
    ),
    "claims": (
        HTTPStatus.BAD_GATEWAY,
        _l("The unified identity says nothing of you that can be read."),
        _l("Nobody was signed in. Tell the credit centre when this happened."),
    ),
    "official": (
        HTTPStatus.FORBIDDEN,
        _l("There is no account here for you yet."),
        _l("Officials are invited: ask an administrator for a link, and use it to sign in."),
    ),
    "nobody": (
        HTTPStatus.FORBIDDEN,
        _l("The unified identity does not say for which enterprise you act."),
        _l("Have the enterprise name you there as its representative, handler or agent."),
    ),
    "enterprise": (
        HTTPStatus.FORBIDDEN,
        _l("The enterprise that you act for has no record here."),
        _l("Check its code at the unified identity. If it should be here, tell the credit centre."),
    ),
    "address": (
        HTTPStatus.FORBIDDEN,
        _l("The unified identity does not say an e-mail address of yours."),
        _l("Enter and confirm one there, then sign in again."),
    ),
    "taken": (
        HTTPStatus.FORBIDDEN,
        _l("Your e-mail address has an account here that is not linked to you."),
        _l("Ask the credit centre for a link, and use it to sign in: it puts the two together."),
    ),
    "linked": (
        HTTPStatus.CONFLICT,
        _l("Your unified identity belongs to another account already."),
        _l("Ask your %(officer)s to unlink it there first.", officer=words.AUTHORISING),
    ),
    "closed": (
        HTTPStatus.FORBIDDEN,
        _l("Your account is deactivated."),
        _l("Ask the credit centre why."),
    ),
    "ended": (
        HTTPStatus.FORBIDDEN,
        _l("You act for nobody here any more: what you were entitled to has ended."),
        _l("Have the enterprise name you again at the unified identity, then sign in again."),
    ),
    "link": (
        HTTPStatus.NOT_FOUND,
        _l("This link does not work any more."),
        _l("Ask whoever invited you, or the credit centre, to send the link again."),
    ),
}


def init_app(app: Flask) -> None:
    """Make the provider known, where one is set; see to the passwords and the way out."""
    app.context_processor(lambda: {"unified_name": name_of_provider, "passwords": passwords_are_on})
    views: dict[str, Any] = app.view_functions
    views["security.login"] = unless_off(views["security.login"])
    views["security.logout"] = sign_out_there_too(views["security.logout"])
    issuer = app.config["OIDC_ISSUER"]
    if not issuer:
        return
    from authlib.integrations.flask_client import OAuth

    OAuth(app).register(
        NAME,
        client_id=app.config["OIDC_CLIENT_ID"],
        client_secret=app.config["OIDC_CLIENT_SECRET"],
        server_metadata_url=f"{issuer.rstrip('/')}/.well-known/openid-configuration",
        client_kwargs={
            "scope": "openid profile email organisations",
            "code_challenge_method": "S256",
            "default_timeout": PATIENCE,
        },
    )


def provider() -> Any:
    """Return the provider's client. Without a provider these pages are not there."""
    oauth = current_app.extensions.get("authlib.integrations.flask_client")
    if oauth is None:
        abort(HTTPStatus.NOT_FOUND)
    return oauth.create_client(NAME)


def name_of_provider() -> str:
    """Return what the provider is called in the reader's language, or nothing without one."""
    if not current_app.config["OIDC_ISSUER"]:
        return ""
    names = current_app.config["OIDC_NAMES"]
    return str(names["en" if language() == "en" else "zh_Hans_CN"])


def passwords_are_on() -> bool:
    """Say whether people may sign in with a password here."""
    return bool(current_app.config["TAKES_PASSWORDS"])


def unless_off(view: Any) -> Any:
    """Take no password where a deployment takes none."""

    def sign_in(*args: Any, **kwargs: Any) -> Any:
        if request.method == "POST" and not passwords_are_on():
            abort(HTTPStatus.FORBIDDEN)
        return view(*args, **kwargs)

    return sign_in


@pages.get("")
@public
def start() -> Answer:
    """Send a person to the provider; from there they come to `back`."""
    client = provider()
    forget()
    session[NEXT] = own_path(request.args.get("next") or url_for("public.home"))
    if request.args.get("link"):
        session[LINK] = request.args["link"]
    try:
        check_issuer(client.load_server_metadata())
        answer: Response = client.authorize_redirect(way_back())
    except NotLetIn as problem:
        return refuse(problem.why)
    except FAULTS as problem:
        note(problem)
        return refuse(reason_of(problem))
    return answer


@pages.get("/back")
@public
def back() -> Answer:
    """Take a person back from the provider and sign them in; who would be linked is asked."""
    client = provider()
    where, token = session.pop(NEXT, None), session.pop(LINK, None)
    try:
        who = identities.read(current_app.config["OIDC_ISSUER"], ask(client))
        if token:
            identities.find_to_link(token, who)
            session[ASKED] = {"token": token, "subject": who.subject, "name": who.name}
            return redirect(url_for("unified.confirm"))
        user = sign_in(who)
    except WorthlessLink:
        return refuse("link")
    except NotLetIn as problem:
        return refuse(problem.why, problem.about)
    return let_in(user, where or url_for("public.home"))  # a path of ours: see `start`


@pages.route("/link", methods=["GET", "POST"])
@public
def confirm() -> Answer | str:
    """Ask whether this identity is to be linked to that account, and link it.

    Whoever sends somebody a link to an account must not have the other's identity linked to it.
    """
    provider()
    asked = session.get(ASKED)
    if asked is None:
        return refuse("stray")
    issuer = current_app.config["OIDC_ISSUER"]
    who = Claimed(issuer, asked["subject"], asked["name"], "", is_official=False, claims=())
    try:
        if request.method == "GET":
            user = identities.find_to_link(asked["token"], who)
            return render_template("security/link_identity.html", user=user, who=who)
        session.pop(ASKED)
        user = identities.link(asked["token"], who)
    except WorthlessLink:
        return refuse("link")
    except NotLetIn as problem:
        return refuse(problem.why)
    return let_in(user, url_for("public.home"))


def let_in(user: User, where: str) -> Answer:
    """Sign somebody in whom the provider knows, or ask for their second factor first."""
    session[SIGNED_IN_BY] = True
    library = current_app.extensions["security"]
    more = library.two_factor_plugins.tf_enter(user, False, "oidc", next_loc=where)
    if more:
        return more  # type: ignore[no-any-return]
    login_user(user, authn_via=["oidc"])
    return redirect(where)


def sign_in(who: Claimed) -> Any:
    """Return the account of a person. Raises NotLetIn."""
    return identities.sign_in(who)


def ask(client: Any) -> dict[str, Any]:
    """Return what the provider says of the person who came back. Raises NotLetIn."""
    if not session_began(request.args.get("state", "")):
        raise NotLetIn("stray")
    if request.args.get("error"):
        forget()
        raise NotLetIn("denied" if request.args["error"] == "access_denied" else "token")
    issuer, own = current_app.config["OIDC_ISSUER"], current_app.config["OIDC_CLIENT_ID"]
    try:
        check_issuer(client.load_server_metadata())
        options = {
            "iss": {"essential": True, "values": [issuer]},
            "aud": {"essential": True, "value": own},
        }
        token = client.authorize_access_token(claims_options=options, leeway=SKEW)
    except FAULTS as problem:
        note(problem)
        raise NotLetIn(reason_of(problem)) from problem
    told = token.get("userinfo")
    if not told:
        raise NotLetIn("token")
    return dict(told)


def session_began(state: str) -> bool:
    """Say whether a sign-in with this state began in this session, and is not over."""
    return bool(state) and f"_state_{NAME}_{state}" in session


def forget() -> None:
    """Let no earlier way back count: the last one that began does."""
    for key in [one for one in session if one.startswith(f"_state_{NAME}_")]:
        session.pop(key)
    session.pop(NEXT, None)
    session.pop(LINK, None)
    session.pop(ASKED, None)


def check_issuer(told: dict[str, Any]) -> None:
    """Check that the provider is the one that is set, and takes PKCE by S256. Raises NotLetIn."""
    if told.get("issuer") != current_app.config["OIDC_ISSUER"]:
        raise NotLetIn("token")
    allowed = told.get("id_token_signing_alg_values_supported") or []
    usable = [one for one in ALGORITHMS if one in allowed]
    if not usable:
        raise NotLetIn("token")
    told["id_token_signing_alg_values_supported"] = usable


def way_back() -> str:
    """Return the address to which the provider sends people back."""
    return (site() or request.host_url.rstrip("/")) + url_for("unified.back")


def refuse(why: str, about: str = "") -> Answer:
    """Show why somebody was not let in, and what they can do."""
    status, happened, mend = REFUSALS[why]
    text = f"{happened} {gettext('Code: %(code)s.', code=about)}" if about else happened
    return errors.show(status, words=(text, mend))


def reason_of(fault: Exception) -> str:
    """Return why nobody is let in after a fault: the provider does not answer, or wrongly."""
    if isinstance(fault, UNTIMELY):
        return "clock"
    answer = getattr(fault, "response", None)
    is_down = isinstance(fault, OSError) and (answer is None or answer.status_code >= 500)  # noqa: PLR2004  # server errors
    return "down" if is_down else "token"


def note(fault: Exception) -> None:
    """Write into the log what kind of fault it was: its text may hold a token."""
    current_app.logger.warning("signing in by the provider failed: %s", type(fault).__name__)


def sign_out_there_too(view: Any) -> Any:
    """Sign out here, and at the provider if it offers that and the person came by it."""

    def sign_out(*args: Any, **kwargs: Any) -> Any:
        came_by_it = session.pop(SIGNED_IN_BY, False) and current_user.is_authenticated
        answer = view(*args, **kwargs)
        if not came_by_it or not current_app.config["OIDC_ISSUER"]:
            return answer
        try:
            address = provider().load_server_metadata().get("end_session_endpoint")
        except (OSError, ValueError):
            address = None  # signed out here it is
        if not address:
            return answer
        told = {
            "client_id": current_app.config["OIDC_CLIENT_ID"],
            "post_logout_redirect_uri": (site() or request.host_url.rstrip("/")) + "/",
        }
        return redirect(f"{address}{'&' if '?' in address else '?'}{urlencode(told)}")

    return sign_out
