"""Save and return: what is typed is kept as it is typed, and files as soon as they are chosen."""

from collections.abc import Mapping
from http import HTTPStatus
from typing import Any

from flask import Blueprint, flash, jsonify, redirect, render_template, request, url_for
from flask_babel import gettext
from flask_login import current_user
from werkzeug.datastructures import MultiDict
from werkzeug.wrappers import Response
from wtforms import BooleanField, MultipleFileField
from wtforms.fields.core import Field

from repair_app.forms.base import (
    MOST_FILES,
    TOKEN,
    FileRefused,
    TransitionForm,
    check_file,
    clean_text,
)
from repair_app.models import Draft, StagedUpload
from repair_app.services import drafts
from repair_app.web.door import signed_in
from repair_app.web.view import moment_text

pages = Blueprint("drafts", __name__)
Answer = Response | tuple[Response, int]
FILES = "evidence"
STAGED = "staged"  # the tokens of files that were uploaded before
PAGE = "draft_page"
# What is not typed: the form's own, and files.
NOT_TYPED = frozenset({"csrf_token", "form_token", "version", PAGE, STAGED, FILES, "submit_now"})


@pages.post("/drafts")
@signed_in
def save() -> Any:
    """Keep what was typed so far; a page without scripts sends it by a button, files and all."""
    page, token = request.form.get(PAGE, ""), request.form.get("form_token", "")
    try:
        at = drafts.save(current_user, page, typed(), token if TOKEN.fullmatch(token) else "")
        refused = [] if wants_json() else stage_chosen(page)
    except drafts.TooMuch:
        return answer_too_much()
    if wants_json():
        return jsonify(told=gettext("Kept at %(time)s.", time=moment_text(at)[-5:]))
    for text in refused:
        flash(text, "warning")
    flash(gettext("Kept. You find it here under “Begun and not sent” for thirty days."), "success")
    return redirect(url_for("public.home"))


@pages.post("/drafts/discard")
@signed_in
def discard() -> Response:
    """Throw away what was kept of a form and show it empty."""
    page = request.form.get(PAGE, "")
    drafts.discard(current_user, page)
    return redirect(page)


@pages.post("/uploads")
@signed_in
def upload() -> Answer:
    """Keep one file for a form that is not sent yet; what is wrong with it is told at once."""
    file = request.files.get(FILES)
    if file is None or not file.filename:
        return refuse(gettext("Choose a file."), HTTPStatus.BAD_REQUEST)
    try:
        row = drafts.stage(current_user, request.form.get(PAGE, ""), check_file(file))
    except FileRefused as error:
        return refuse(str(error.text), error.status)
    except drafts.TooMuch:
        return refuse(too_many_files(), HTTPStatus.UNPROCESSABLE_ENTITY)
    return jsonify(item=render_template("transitions/staged.html", one=row))


@pages.post("/uploads/<token>/remove")
@signed_in
def remove(token: str) -> Response:
    """Throw away a file that was uploaded and not sent."""
    drafts.unstage(current_user, token)
    return jsonify(told=gettext("Removed."))


def typed() -> Mapping[str, list[str]]:
    """Return what was typed, by the name of the field."""
    return {
        clean_text(name): [clean_text(text) for text in texts]
        for name, texts in request.form.lists()
        if name not in NOT_TYPED
    }


def wants_json() -> bool:
    """Say whether a script asks, and not a person's button."""
    return request.accept_mimetypes.best == "application/json"


def refuse(text: str, status: int) -> Answer:
    """Return why a file is not taken."""
    return jsonify(error=text), status


def too_many_files() -> str:
    """Return that no more files are kept, and what can be done."""
    return str(
        gettext(
            "%(count)s files are waiting already: send the form with these, or remove one.",
            count=MOST_FILES,
        )
    )


def answer_too_much() -> Any:
    """Return that so much cannot be kept before it is sent."""
    told = gettext("So much text cannot be kept before it is sent: shorten it, or send the form.")
    if wants_json():
        return refuse(told, HTTPStatus.REQUEST_ENTITY_TOO_LARGE)
    flash(told, "warning")
    page = request.form.get(PAGE, "")
    return redirect(page if drafts.is_page(page) else url_for("public.home"))


# --- what the page of a transition needs of these ---


def take_kept(form: TransitionForm) -> None:
    """Give a form that was sent the files that were uploaded before; foreign tokens are none."""
    if FILES not in form or not form.is_submitted():
        return
    tokens = set(request.form.getlist(STAGED)[: MOST_FILES + 1])
    rows = drafts.find_staged(current_user, request.path, tokens)
    form.kept = tuple(drafts.read(one) for one in rows)
    form.kept_tokens = tuple(one.token for one in rows)
    form.lost_files = len(rows) < len(tokens)


def keep_chosen(form: TransitionForm) -> list[StagedUpload]:
    """Return the files to list with a form: those kept before, and those that came with it.

    Of a form without a valid session nothing is kept: it may not be this person's.
    """
    if FILES not in form or not drafts.is_page(request.path):
        return []
    if not form.is_submitted():
        return list(drafts.list_staged(current_user, request.path))
    tokens = list(form.kept_tokens)
    if not form.csrf_token.errors:
        tokens += stage_all(form)
    return list(drafts.find_staged(current_user, request.path, tokens))


def stage_all(form: TransitionForm) -> list[str]:
    """Keep the files that came with a form that cannot be carried out; return their tokens."""
    tokens = []
    for one in form.uploads[len(form.kept) :]:
        try:
            tokens.append(drafts.stage(current_user, request.path, one).token)
        except drafts.TooMuch:
            form.failure = HTTPStatus.UNPROCESSABLE_ENTITY
            form[FILES].errors = [*form[FILES].errors, too_many_files()]
            break
    return tokens


def stage_chosen(page: str) -> list[str]:
    """Keep the files that came with "save and return later"; return what is wrong with others."""
    refused = []
    for file in request.files.getlist(FILES):
        if not file.filename:
            continue
        try:
            drafts.stage(current_user, page, check_file(file))
        except FileRefused as error:
            refused.append(str(error.text))
        except drafts.TooMuch:
            return [*refused, too_many_files()]
    return refused


def typed_fields(form: TransitionForm) -> list[Field]:
    """Return the fields whose content is kept: no files, and no consent, which is given anew."""
    return [
        one for one in form.questions() if not isinstance(one, MultipleFileField | BooleanField)
    ]


def keeps(form: TransitionForm) -> bool:
    """Say whether a form is one that is kept while it is filled in."""
    return drafts.is_page(request.path) and (form.draws_own or any(typed_fields(form)))


def keep_all(form: TransitionForm) -> bool:
    """Keep what was sent until it is sent again; say whether there was room for all of it."""
    try:
        if keeps(form):
            drafts.save(current_user, request.path, typed())
        return FILES not in form or not stage_chosen(request.path)
    except drafts.TooMuch:
        return False


def restore(form: TransitionForm) -> Draft | None:
    """Fill a form with what was kept of it; return the draft, if there is one."""
    draft = drafts.find(current_user, request.path) if keeps(form) else None
    if draft is None:
        return None
    for field in typed_fields(form):
        if field.name in draft.values:
            field.process(MultiDict({field.name: draft.values[field.name]}))
    form.take_back(draft.values)
    return draft
