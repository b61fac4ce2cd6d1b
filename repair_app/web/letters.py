"""Letters to download, and the public page that says what a letter says and if it still stands."""

import re
from collections.abc import Iterator
from functools import partial
from http import HTTPStatus
from io import BytesIO
from typing import Any, Final

from flask import (
    Blueprint,
    Flask,
    abort,
    redirect,
    render_template,
    request,
    send_file,
    url_for,
)
from flask_login import current_user
from werkzeug.wrappers import Response

from repair_app import limits
from repair_app.engine.letter_facts import TEXTS, TO_BE_SET, TO_BE_WRITTEN
from repair_app.engine.letters import Composed
from repair_app.engine.spec import Transition
from repair_app.engine.step import Entity
from repair_app.forms import FORMS
from repair_app.letters import LANGUAGES
from repair_app.models import Case, CreditRecord
from repair_app.public_address import site
from repair_app.refs import as_written
from repair_app.services import complaints, letters, own_reports
from repair_app.services.letters import LetterPage
from repair_app.web import accounts
from repair_app.web.door import public, signed_in
from repair_app.web.view import RefConverter, asked_for, language, row_before

pages = Blueprint("letters", __name__)
_OPEN: Final = "|".join(
    text[1:-1] for one in (TO_BE_SET, TO_BE_WRITTEN) for text in (one.zh, one.en)
)
# What a letter leaves open until its step is taken, in brackets that the letter may have doubled.
OPEN: Final = re.compile(f"(?<![（(])([（(])+({_OPEN})([）)])+")


def slow_down(app: Flask) -> None:
    """Limit the codes that are none, from one network address, of letters and of reports."""
    views: dict[str, Any] = app.view_functions
    limit = limits.limiter.limit(
        partial(limits.limit_of, "VERIFY_RATE_LIMIT"), deduct_when=accounts.has_missed
    )
    for page in ("letters.verify", "my.verify_report"):
        views[page] = limit(views[page])


@pages.get("/letters")
@signed_in
def index() -> str:
    """List the letters to the reader, or those of one case or record that the reader may read."""
    of = asked_for("of")
    if of and not RefConverter.is_ref(of):
        abort(404)
    reader, before = current_user, row_before()
    found = letters.list_of_matter(of, reader, before) if of else letters.list_own(reader, before)
    return render_template("letters/index.html", found=found)


@pages.get("/letters/<ref:ref>.pdf")
@signed_in
def download(ref: str) -> Response:
    """Hand out a letter to its addressee, or to an official of its matter."""
    letter = letters.get_letter(ref, current_user)
    return send_pdf(letters.render(letter, wanted_language(), site()), f"{ref}.pdf")


@pages.get("/drafts/<any(cases, records, requirements, sanctions):kind>/<ref:ref>/<name>.pdf")
@signed_in
def draft(kind: str, ref: str, name: str) -> Response:
    """Hand out the letter that a step would issue, marked as a draft, to who may take the step."""
    composed = letters.preview(current_user, kind, ref, name, asks=texts_of) or abort(404)
    which = min(int(request.args.get("which", "0") or 0), len(composed) - 1) if is_place() else 0
    return send_pdf(letters.draft_pdf(composed[which], wanted_language()), f"{ref}-draft.pdf")


def texts_of(form: str) -> set[str]:
    """Return which words of a letter a form asks for."""
    return {name for name in TEXTS if hasattr(FORMS[form], name)}


def is_place() -> bool:
    """Say whether the address names one of several letters by its place."""
    text = request.args.get("which", "")
    return text.isascii() and text.isdigit() and len(text) < 3  # noqa: PLR2004  # a short list


def wanted_language() -> str:
    """Return the language that the address asks for, or else the reader's."""
    wanted = request.args.get("lang", "")
    return wanted if wanted in LANGUAGES else language()


def send_pdf(content: bytes, name: str) -> Response:
    """Return a page to look at or keep."""
    return send_file(BytesIO(content), mimetype="application/pdf", download_name=name, max_age=0)


# --- verifying ---


@pages.get("/verify")
@public
def ask() -> Any:
    """Ask for the code or number that stands on a paper of ours, or go to what it says."""
    if code := "".join(asked_for("code").split()):
        return redirect(url_for("letters.verify", code=tidy(code)))
    return render_template("verify/ask.html")


@pages.get("/verify/<code>")
@public
def verify(code: str) -> Any:
    """Tell what a letter says and whether it still stands, to who has its code.

    The code of another paper of ours leads to the page of that.
    """
    if found := letters.look_up(tidy(code)):
        return render_template("verify/show.html", letter=found)
    if own_reports.is_ours(tidy(code)):
        return redirect(url_for("my.verify_report", code=tidy(code)))
    if complaints.look_up(complaints.tidy(code)):
        return redirect(url_for("complaints.show", code=complaints.tidy(code)))
    return render_template("verify/unknown.html"), HTTPStatus.NOT_FOUND


def tidy(code: str) -> str:
    """Return a code or number as it is on file, in whatever width, a number however typed."""
    return as_written(code.strip())


@pages.after_request
def keep_out_of_search_engines(answer: Response) -> Response:
    """Have no search engine list what somebody verified."""
    answer.headers["X-Robots-Tag"] = "noindex"
    return answer


# --- for the pages of others ---


@pages.app_template_global("letters_of")
def letters_of(entity: Case | CreditRecord) -> LetterPage:
    """Return the letters of a case or record that the reader may read."""
    if not current_user.is_authenticated:
        return LetterPage(())
    return letters.list_of(entity, current_user)


@pages.app_template_global("my_letters")
def my_letters() -> LetterPage:
    """Return the newest letters that were written to the reader."""
    return letters.list_own(current_user, most=letters.NEWEST)


@pages.app_template_global("letters_ahead")
def letters_ahead(entity: Entity, transition: Transition) -> list[Composed]:
    """Return the letters that a step would issue, before it is taken; of what is on file only."""
    if not entity.ref:
        return []
    return letters.compose(current_user, entity, transition, asks=texts_of)


@pages.app_template_filter("open_parts")
def open_parts(text: str) -> Iterator[tuple[bool, str]]:
    """Yield a letter's text in pieces, and of each whether only the step itself decides it."""
    end = 0
    for found in OPEN.finditer(text):
        yield False, text[end : found.start()]
        yield True, "".join(found.groups())
        end = found.end()
    yield False, text[end:]


pages.add_app_template_filter(letters.title_of, "letter_title")
pages.add_app_template_filter(letters.ended_by, "ended_by")
pages.add_app_template_filter(letters.is_reprint, "reprinted")
