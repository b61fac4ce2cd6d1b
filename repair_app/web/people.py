"""People, their accounts and roles, for the officers; each change is an event."""

from flask import Blueprint, flash, redirect, render_template, url_for
from flask_babel import gettext
from flask_login import current_user
from werkzeug.wrappers import Response

from repair_app.db import db
from repair_app.forms.administration import InvitationForm, NewcomerForm, RoleForm, TermForm
from repair_app.models import Role, User
from repair_app.services import (
    administration,
    identities,
    invitations,
    offices,
    people,
    second_factor,
)
from repair_app.services.administration import Newcomer, Seat
from repair_app.services.offices import Duty
from repair_app.web import accounts, words
from repair_app.web.door import entrusted
from repair_app.web.office import Answer, asks, hand_over, page_after, press, show_form
from repair_app.web.view import asked_for

pages = Blueprint("people", __name__, url_prefix="/admin/people")


@pages.get("")
@entrusted(Duty.LOOK)
def index() -> str:
    """List accounts and roles; look for somebody."""
    query, role = asked_for("q"), asked_for("role")
    role = role if role in words.ROLES else ""
    found = administration.list_accounts(query, role, page_after())
    return render_template(
        "admin/people.html",
        found=found[: administration.PAGE],
        more=len(found) > administration.PAGE,
        query=query,
        role=role,
    )


@pages.route("/new", methods=["GET", "POST"])
@entrusted(Duty.RUN)
def invite() -> Answer:
    """Give somebody an account, with a role if one may, and the link to set its password."""
    form, about = ask_who()
    made: list[User] = []
    if not asks(form, lambda: made.append(invite_by(form))):
        title, button = gettext("Invite somebody"), gettext("Invite")
        return show_form(form, title, button, url_for("people.index"), about)
    return hand_over(made[0], url_for("people.show", number=made[0].id))


def ask_who() -> tuple[NewcomerForm, str]:
    """Return the form of an invitation, and what is told about it."""
    if not offices.has(current_user, Duty.AUTHORISE):
        form = NewcomerForm(same_person_as=asked_for("same"))
        return form, gettext(
            "The person gets a link and sets a password; a security officer gives the role."
        )
    asking = InvitationForm(uscc=asked_for("uscc"), same_person_as=asked_for("same"))
    asking.offer(words.ROLES)
    return asking, gettext("The person gets a link, sets a password, and can sign in at once.")


def invite_by(form: NewcomerForm) -> User:
    """Open the account that a form asks for. Raises NotPossible."""
    who = Newcomer(form.email.data or "", form.name.data or "", form.same_person_as.data or "")
    if not isinstance(form, InvitationForm):
        return administration.enter_account(current_user, who)
    return administration.open_account(current_user, who, read_seat(form))


def read_seat(form: RoleForm) -> Seat:
    """Return the role that a form asks for. Raises NotPossible."""
    organisation = people.get_organisation(db.session(), (form.uscc.data or "").upper())
    return Seat(organisation.id, Role(form.role.data), form.scope, form.ends_on.data)


@pages.get("/<row:number>")
@entrusted(Duty.LOOK)
def show(number: int) -> str:
    """Show an account: its roles, the person's further accounts, what can be done."""
    user = administration.find_account(number)
    further = administration.list_further(user)
    is_locked = accounts.is_locked(user)
    return render_template("admin/account.html", user=user, further=further, is_locked=is_locked)


@pages.route("/<row:number>/roles/new", methods=["GET", "POST"])
@entrusted(Duty.AUTHORISE)
def appoint(number: int) -> Answer:
    """Give a person a further role, or one that had ended."""
    user, back = administration.find_account(number), url_for("people.show", number=number)
    form = RoleForm()
    form.offer(words.ROLES)
    give = lambda: administration.appoint(current_user, number, read_seat(form))  # noqa: E731
    if not asks(form, give):
        return show_form(form, gettext("Give a role"), gettext("Give"), back, user.email)
    flash(gettext("The role was given."), "success")
    return redirect(back)


@pages.route("/roles/<row:number>", methods=["GET", "POST"])
@entrusted(Duty.AUTHORISE)
def change(number: int) -> Answer:
    """Change the last day of a role, and an agent's scope."""
    seat = administration.find_seat(number)
    back = url_for("people.show", number=seat.user_id)
    form = TermForm(obj=seat)
    form.fill(seat.scope or (), of_agent=seat.role == Role.AGENT)
    scope = form.scope if seat.role == Role.AGENT else []
    alter = lambda: administration.change(current_user, number, scope, form.ends_on.data)  # noqa: E731
    if not asks(form, alter):
        about = f"{seat.user.email} · {words.ROLES[seat.role]} · {seat.organisation.name}"
        return show_form(form, gettext("Scope and term"), gettext("Keep"), back, about)
    flash(gettext("Scope and term were changed."), "success")
    return redirect(back)


@pages.post("/roles/<row:number>/end")
@entrusted(Duty.AUTHORISE)
def end(number: int) -> Response:
    """End a role, as of now."""
    back = url_for("people.show", number=administration.find_seat(number).user_id)
    return press(
        lambda: administration.end(current_user, number), gettext("The role has ended."), back
    )


@pages.post("/<row:number>/link")
@entrusted(Duty.AUTHORISE)
def send_link(number: int) -> Answer:
    """Send a person a new link to set their password; what they had before is worthless."""
    back, made = url_for("people.show", number=number), []
    answer = press(lambda: made.append(administration.ask_for_link(current_user, number)), "", back)
    return hand_over(made[0], back) if made else answer


@pages.post("/<row:number>/release")
@entrusted(Duty.AUTHORISE)
def release(number: int) -> Response:
    """Let an account be tried again that failures have locked."""
    back = url_for("people.show", number=number)
    if not accounts.is_locked(administration.find_account(number)):
        return press(lambda: None, gettext("The account is not locked."), back)
    done = gettext("The account is no longer locked.")
    let_in = lambda: accounts.unlock(administration.release(current_user, number))  # noqa: E731
    return press(let_in, done, back)


@pages.post("/<row:number>/close")
@entrusted(Duty.LOOK)
def close(number: int) -> Response:
    """Deactivate an account."""
    back = url_for("people.show", number=number)
    done = gettext("The account is deactivated; its sessions have ended.")
    return press(lambda: administration.close(current_user, number), done, back)


@pages.post("/<row:number>/reopen")
@entrusted(Duty.AUTHORISE)
def reopen(number: int) -> Response:
    """Reactivate an account."""
    back = url_for("people.show", number=number)
    done = gettext("The account is active again.")
    return press(lambda: administration.reopen(current_user, number), done, back)


@pages.post("/<row:number>/reset-factors")
@entrusted(Duty.AUTHORISE)
def reset_factors(number: int) -> Response:
    """Forget the second factor of somebody who has lost it, and tell them."""
    back, done = url_for("people.show", number=number), []
    answer = press(lambda: done.append(second_factor.reset(current_user, number)), "", back)
    if done:
        flash(gettext("The second factor was reset; the sessions of the account have ended."))
        if not invitations.tell_of_reset(done[0]):
            flash(gettext("No mail could be sent: tell the person yourself."), "warning")
    return answer


@pages.post("/<row:number>/unlink")
@entrusted(Duty.AUTHORISE)
def unlink(number: int) -> Response:
    """Forget by which unified identity somebody signs in."""
    back = url_for("people.show", number=number)
    done = gettext("The identity was unlinked; the sessions of the account have ended.")
    return press(lambda: identities.unlink(current_user, number), done, back)
