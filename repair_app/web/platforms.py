"""The platforms that show our records, for the administrator; and where a record is shown."""

from collections.abc import Callable

from flask import Blueprint, flash, redirect, render_template, url_for
from flask_babel import gettext
from flask_login import current_user
from werkzeug.wrappers import Response

from repair_app.db import db
from repair_app.forms.administration import PlatformForm, ReplayForm
from repair_app.models import CreditRecord, Delivery, Platform, PlatformKind, User
from repair_app.services import organisations, people, platforms
from repair_app.services.offices import Duty
from repair_app.services.platforms import Terms
from repair_app.services.sync import changes
from repair_app.services.sync.shown import Shown, where_shown
from repair_app.services.sync.standing import PROBLEMS
from repair_app.web import words
from repair_app.web.door import entrusted
from repair_app.web.office import Answer, asks, press, show_form

pages = Blueprint("platforms", __name__, url_prefix="/admin/platforms")
CHANGES: dict[str, Callable[[User | None, str], Platform]] = {
    "park": platforms.park,
    "resume": platforms.resume,
    "disable": platforms.disable,
    "rotate": platforms.rotate,
}


@pages.app_template_global("shown_of")
def shown_of(record: CreditRecord) -> Shown:
    """Return where a record is shown."""
    return where_shown(record)


@pages.app_context_processor
def add_words() -> dict[str, object]:
    """Name what stops a platform, on whichever page."""
    return {"platform_problems": PROBLEMS}


@pages.get("")
@entrusted(Duty.RUN)
def index() -> str:
    """List the platforms, and how much each is owed."""
    return render_template("admin/platforms.html", found=platforms.list_all())


@pages.route("/new", methods=["GET", "POST"])
@entrusted(Duty.RUN)
def add() -> Answer:
    """Connect a platform."""
    form, back = PlatformForm(), url_for("platforms.index")
    form.offer(words.PLATFORM_KINDS, words.DELIVERIES)
    made: list[Platform] = []
    if not asks(form, lambda: made.append(add_from(form))):
        return show_form(form, gettext("Connect a platform"), gettext("Connect"), back)
    flash(gettext("The platform is connected; it is owed all that is published."), "success")
    return redirect(url_for("platforms.show", number=made[0].id))


def add_from(form: PlatformForm) -> Platform:
    """Connect the platform of a form. Raises NotPossible."""
    return platforms.add(current_user, form.code.data or "", terms_of(form))


def terms_of(form: PlatformForm) -> Terms:
    """Return what a form says is agreed. Raises NotPossible for an organisation of none."""
    code = (form.uscc.data or "").upper()
    organisation = people.get_organisation(db.session(), code) if code else None
    return Terms(
        name_zh=form.name_zh.data or "",
        name_en=form.name_en.data or "",
        kind=PlatformKind(form.kind.data),
        delivery=Delivery(form.delivery.data),
        owner_email=form.owner_email.data or "",
        url=form.url.data or None,
        term_days=form.term_days.data or 0,
        organisation_id=organisation.id if organisation else None,
    )


@pages.get("/<row:number>")
@entrusted(Duty.RUN)
def show(number: int) -> str:
    """Show a platform, and what it is owed."""
    found = platforms.read_number(number)
    return render_template(
        "admin/platform.html",
        found=found,
        owed=platforms.list_open(found),
        most=platforms.SHOWN,
        head=changes.read_head(db.session()),
        is_asked=platforms.is_asked(found),
        acknowledged=platforms.last_acknowledged(found),
    )


@pages.route("/<row:number>/change", methods=["GET", "POST"])
@entrusted(Duty.RUN)
def change(number: int) -> Answer:
    """Change what is agreed with a platform."""
    found, back = platforms.read_number(number), url_for("platforms.show", number=number)
    form = PlatformForm(obj=found, data={"uscc": organisations.code_of(found.organisation)})
    form.offer(words.PLATFORM_KINDS, words.DELIVERIES)
    del form.code
    if not asks(form, lambda: platforms.change(current_user, found.code, terms_of(form))):
        return show_form(form, gettext("Change a platform"), gettext("Change"), back, found.code)
    flash(gettext("The platform was changed."), "success")
    return redirect(back)


@pages.route("/<row:number>/replay", methods=["GET", "POST"])
@entrusted(Duty.RUN)
def replay(number: int) -> Answer:
    """Send the changes of a range again."""
    found, back = platforms.read_number(number), url_for("platforms.show", number=number)
    form = ReplayForm(data={"first": 1, "last": changes.read_head(db.session())})
    sent: list[int] = []
    if not asks(form, lambda: sent.append(replay_from(form, found.code))):
        return show_form(form, gettext("Send changes again"), gettext("Send"), back, found.code)
    flash(gettext("Changes to be sent again: %(count)s", count=sent[0]), "success")
    return redirect(back)


def replay_from(form: ReplayForm, code: str) -> int:
    """Send the range of a form again. Raises NotPossible."""
    return platforms.replay(current_user, code, form.first.data or 0, form.last.data or 0)


@pages.post("/<row:number>/secret")
@entrusted(Duty.RUN)
def show_secret(number: int) -> Response:
    """Show the signing secret, to be handed to the platform's owner; that it was shown is kept."""
    found = platforms.read_number(number)
    page = render_template(
        "admin/signing.html", found=found, secret=platforms.show_secret(current_user, found.code)
    )
    return Response(page, headers={"Cache-Control": "no-store"})


@pages.post("/<row:number>/<any(park, resume, disable, rotate):name>")
@entrusted(Duty.RUN)
def act(number: int, name: str) -> Response:
    """Park a platform, resume it, disable it, or give it another secret."""
    found, back = platforms.read_number(number), url_for("platforms.show", number=number)
    done = gettext("The platform was changed.")
    return press(lambda: CHANGES[name](current_user, found.code), done, back)
