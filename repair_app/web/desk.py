"""What officials do from a worklist: take, give, lay down, keep a search, one step for many."""

import secrets
from collections.abc import Sequence
from typing import Any
from urllib.parse import parse_qsl, urlsplit

from flask import Blueprint, abort, flash, redirect, render_template, request, session, url_for
from flask_babel import gettext
from flask_login import current_user
from markupsafe import Markup
from werkzeug.datastructures import MultiDict
from werkzeug.wrappers import Response

from repair_app.engine.step import Answers, Reason, Refused
from repair_app.forms.base import TOKEN, VERSION
from repair_app.models import Role
from repair_app.services import batch, cases, desk, inbox, searches
from repair_app.services.reasons import reason_text
from repair_app.web.door import only
from repair_app.web.language import own_path
from repair_app.web.view import RefConverter
from repair_app.web.work import WORKLIST, roles_of_worker

pages = Blueprint("desk", __name__)
MOST = 2 * inbox.PAGE  # matters at once
DIGITS = 9  # of an account's number
STEP_LENGTH = 60
KNOWN = frozenset({"as", *inbox.ASKED})  # of a search that is kept
MATTERS = frozenset({"cases.show", "cases.show_requirement", "records.show"})  # where rows lead
CAME_FROM = "worklist"  # in the session


@pages.post("/work/<ref:ref>/claim")
@only(*inbox.WORKERS)
def claim(ref: str) -> Response:
    """Take a matter in hand, unless somebody was quicker."""
    try:
        desk.claim(ref, current_user)
    except Refused as refused:
        return go_back(refused.reasons, ref)
    flash(gettext("%(ref)s is in your hands now.", ref=ref), "success")
    return go_back()


@pages.post("/work/<ref:ref>/release")
@only(*inbox.WORKERS)
def release(ref: str) -> Response:
    """Lay a matter down."""
    try:
        desk.release(ref, current_user)
    except Refused as refused:
        return go_back(refused.reasons, ref)
    flash(gettext("%(ref)s waits for the whole office again.", ref=ref), "success")
    return go_back()


@pages.post("/work/assign")
@only(*inbox.WORKERS)
def assign() -> Response:
    """Give one matter, or several, to a colleague."""
    account, seen = number_sent("account"), number_sent("seen")
    refs = refs_sent()
    if not refs or account is None:
        flash(gettext("Select at least one matter, and whom it is to go to."), "warning")
        return go_back()
    refused = desk.assign_all(refs, account, current_user, seen)
    for ref, reasons in refused.items():
        tell(reasons, ref)
    if done := len(refs) - len(refused):
        flash(gettext("Handed on: %(count)s.", count=done), "success")
    return go_back()


@pages.post("/work/steps")
@only(*inbox.WORKERS)
def prepare() -> str | Response:
    """Show what a step would do to each of several matters, and ask whether it is meant."""
    refs, step = refs_sent(), request.form.get("step", "")[:STEP_LENGTH]
    if not refs or not step:
        flash(gettext("Select at least one matter, and the step to take."), "warning")
        return go_back()
    prospects = batch.look_ahead(refs, step, current_user)
    moved_on = tell_moved_on(refs, prospects)
    if not prospects:
        return go_back()
    return render_template(
        "work/steps.html",
        prospects=prospects,
        moved_on=moved_on,
        step=next((one.offer.transition for one in prospects if one.offer), None),
        choice=step,
        token=lambda: secrets.token_urlsafe(24),
        back=back_sent(),
    )


@pages.post("/work/steps/take")
@only(*inbox.WORKERS)
def take() -> Response:
    """Take a step in one matter after the other; show on a page of its own what became of each."""
    step = request.form.get("step", "")[:STEP_LENGTH]
    each = [
        batch.take_step(kind, ref, step, current_user, submission_of(kind, ref, step))
        for kind, ref in matters_sent()
    ]
    taken = batch.name_firms(each)
    if taken and not any(one.is_seen for one in taken):
        abort(404)
    sent = {one.ref for one in taken}
    left = [ref for ref in refs_sent("left") if ref not in sent]
    taken += batch.leave_alone(left, step, current_user) if left else []
    name = batch.keep_report(current_user, taken, back_sent())
    return redirect(url_for("desk.report", name=name))


@pages.get("/work/steps/<name>")
@only(*inbox.WORKERS)
def report(name: str) -> str:
    """Show what became of each of several matters."""
    found = batch.find_report(current_user, name)
    if found is None:
        abort(404)
    taken, back = found
    return render_template("work/report.html", taken=taken, back=back)


def tell_moved_on(refs: Sequence[str], prospects: Sequence[batch.Prospect]) -> list[str]:
    """Show which of some matters wait for others by now, and are left out; return them."""
    here = {one.turn.entity.ref for one in prospects}
    moved_on = [ref for ref in refs if ref not in here]
    for ref in moved_on:
        tell([Reason(desk.MOVED_ON)], ref)
    return moved_on


def submission_of(kind: str, ref: str, step: str) -> cases.Submission:
    """Return what was sent for one of several matters: its own token, the note of them all."""
    note = desk.clean(request.form.get("note", ""))[: desk.NOTE_LENGTH]
    token = request.form.get(f"token:{ref}", "")
    version = request.form.get(f"version:{ref}", "")
    return cases.Submission(
        answers=Answers(texts={"note": note} if note else {}),
        token=token if TOKEN.fullmatch(token) else "",
        version=int(version) if VERSION.fullmatch(version) else -1,
        purpose=f"{kind} {ref} {step}",
    )


# --- from one matter to the next ---------------------------------------------------------------


@pages.before_app_request
def remember_worklist() -> None:
    """Keep from which worklist, and from where in it, the page of a matter was opened."""
    if request.endpoint not in MATTERS or not request.referrer or not request.view_args:
        return
    try:
        came = urlsplit(request.referrer)
    except ValueError:  # what no browser sends
        return
    if (came.netloc, came.path) != (request.host, url_for(WORKLIST)):
        return
    asked = dict(parse_qsl(came.query))
    if role := role_asked(asked):
        place = desk.place_of(request.view_args["ref"], current_user, role)
        keep_place(url_for(request.endpoint, **request.view_args), place, asked)


def keep_place(page: str, place: str, asked: dict[str, str]) -> None:
    """Keep in the session which page was opened from where in which worklist."""
    known = {name: text[: inbox.LONGEST] for name, text in asked.items() if name in KNOWN}
    session[CAME_FROM] = {"page": page, "place": place, "asked": known}


def role_asked(asked: dict[str, str]) -> Role | None:
    """Return whose worklist an address asks for; None for a reader who has none."""
    mine = roles_of_worker() if current_user.is_authenticated else []
    return next((one for one in mine if one == asked.get("as")), next(iter(mine), None))


def with_way_on(told: str, page: str) -> str:
    """Return what is told of a step on a page; with the way to the next matter of the worklist.

    That only where the page was opened from one.
    """
    if session.get(CAME_FROM, {}).get("page") != page:
        return told
    return Markup(
        '{} <a class="alert-link ms-2" href="{}" data-desk="next" aria-keyshortcuts="n">{}</a>'
    ).format(told, url_for("desk.show_next"), gettext("Next in the worklist"))


@pages.get("/work/next")
@only(*inbox.WORKERS)
def show_next() -> Response:
    """Lead to the matter that comes next in the worklist, from its end to its beginning."""
    came = session.get(CAME_FROM) or {"page": "", "place": "", "asked": {}}
    asked = came["asked"]
    role = role_asked(asked) or abort(404)
    ahead = desk.list_ahead(current_user, role, inbox.read_filters(role, asked), came["place"])
    for turn in ahead:
        page = page_of(turn)
        if page != came["page"]:
            keep_place(page, inbox.place_at(turn.term), asked)
            return redirect(page)
    flash(gettext("Nothing else waits in this worklist."), "info")
    return redirect(url_for(WORKLIST, **asked))


def page_of(turn: inbox.Turn) -> str:
    """Return where a row of a worklist leads."""
    if turn.is_for_a_stranger:
        return url_for("cases.show_requirement", ref=turn.entity.ref)
    if turn.case:
        return url_for("cases.show", ref=turn.case.ref)
    return url_for("records.show", ref=turn.record.ref)


# --- searches ----------------------------------------------------------------------------------


@pages.post("/work/searches")
@only(*inbox.WORKERS)
def save_search() -> Response:
    """Keep what the worklist asks for, under a name."""
    asked: dict[str, Any] = {
        name: value for name, value in request.form.items() if name in KNOWN and value
    }
    query = url_for("work.index", **asked).partition("?")[2]
    try:
        searches.save_search(current_user, WORKLIST, request.form.get("name", ""), query)
    except Refused as refused:
        tell(refused.reasons)
    else:
        flash(gettext("The search is kept: it stands above the list."), "success")
    return redirect(url_for("work.index", **asked))


@pages.post("/work/searches/<row:number>/delete")
@only(*inbox.WORKERS)
def drop_search(number: int) -> Response:
    """Delete a search."""
    name = searches.drop_search(current_user, number)
    flash(gettext("Deleted: %(name)s.", name=name), "success")
    return go_back()


@pages.post("/cases/<ref:ref>/notes")
@only(*inbox.WORKERS)
def add_note(ref: str) -> Response:
    """Write an internal note on a case."""
    try:
        desk.add_note(ref, current_user, request.form.get("note", ""))
    except Refused as refused:
        tell(refused.reasons)
    return redirect(url_for("cases.show", ref=ref, _anchor="notes"))


# --- what was sent ----------------------------------------------------------------------------


def refs_sent(field: str = "ref") -> list[str]:
    """Return the references that were sent, each once, without what can be none."""
    sent: MultiDict[str, str] = request.form
    found = (one for one in sent.getlist(field) if RefConverter.is_ref(one))
    return list(dict.fromkeys(found))[:MOST]


def matters_sent() -> list[tuple[str, str]]:
    """Return kind and reference of each matter that was sent."""
    pairs = (one.partition(" ") for one in request.form.getlist("matter"))
    found = ((kind, ref) for kind, _, ref in pairs if kind in cases.KINDS)
    return list(dict.fromkeys(one for one in found if RefConverter.is_ref(one[1])))[:MOST]


def number_sent(name: str) -> int | None:
    """Return a number that was sent; none for anything else."""
    text = request.form.get(name, "")
    return int(text) if text.isascii() and text.isdigit() and len(text) <= DIGITS else None


def back_sent() -> str:
    """Return the page that a form came from, of this site; else the worklist."""
    path = request.form.get("back", "")
    return own_path(path) if path else url_for("work.index")


def go_back(reasons: Sequence[Reason] = (), ref: str = "") -> Response:
    """Return to the page that a form came from, with what was refused told there."""
    tell(reasons, ref)
    return redirect(back_sent())


def tell(reasons: Sequence[Any], ref: str = "") -> None:
    """Show on the next page why something was refused."""
    if reasons:
        words = " ".join(reason_text(one) for one in reasons)
        flash(gettext("%(ref)s: %(reason)s", ref=ref, reason=words) if ref else words, "warning")
