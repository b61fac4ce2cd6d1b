"""What the pages of administration have in common: a form, a button, a link that is shown once."""

from collections.abc import Callable
from http import HTTPStatus
from typing import Any

from flask import flash, redirect, render_template, request
from flask_babel import gettext
from werkzeug.wrappers import Response

from repair_app.forms.administration import OfficeForm
from repair_app.models import User
from repair_app.public_address import site
from repair_app.services import invitations
from repair_app.services.people import NotPossible
from repair_app.web.view import ROW, language

Answer = str | tuple[str, int] | Response


def asks(form: OfficeForm, act: Callable[[], object]) -> bool:
    """Do what a form was sent for and say whether it was done; else the form says what is wrong."""
    if not form.validate_on_submit():
        return False
    try:
        act()
    except NotPossible as problem:
        form.problem = problem.told.text(language())
        return False
    return True


def show_form(form: OfficeForm, title: str, button: str, back: str, about: str = "") -> Answer:
    """Return the page of a form: what was typed is kept."""
    page = render_template(
        "admin/form.html", form=form, title=title, button=button, back=back, about=about
    )
    return page, HTTPStatus.BAD_REQUEST if form.is_submitted() else HTTPStatus.OK


def press(act: Callable[[], Any], done: str, back: str) -> Response:
    """Do what a button was pressed for, say so, or why it cannot be, and go back."""
    try:
        act()
    except NotPossible as problem:
        flash(problem.told.text(language()), "error")
    else:
        if done:
            flash(done, "success")
    return redirect(back)


def hand_over(user: User, back: str) -> Answer:
    """Send a person the link that sets their password; where no mail goes out, show it once."""
    if invitations.send(user):
        flash(gettext("The link was mailed to %(address)s.", address=user.email), "success")
        return redirect(back)
    address = site() + invitations.path_of(user)
    return render_template("admin/link.html", user=user, address=address, back=back)


def page_after() -> int | None:
    """Return where a page of a list begins; a number that is none begins at the top."""
    text = request.args.get("after", "")
    return int(text) if ROW.fullmatch(text) else None
