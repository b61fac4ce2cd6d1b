"""Worklists: what waits for a reviewer, provider, department or institution; files."""

import secrets
from http import HTTPStatus
from typing import Any

from flask import (
    Blueprint,
    Response,
    abort,
    current_app,
    flash,
    jsonify,
    make_response,
    redirect,
    render_template,
    request,
    stream_with_context,
    url_for,
)
from flask_babel import gettext
from flask_babel import lazy_gettext as _l
from flask_login import current_user
from flask_wtf import FlaskForm
from flask_wtf.file import FileField, FileRequired
from werkzeug.exceptions import HTTPException
from werkzeug.wrappers import Response as Answer
from wtforms import HiddenField

from repair_app.forms.base import TOKEN, SelectField
from repair_app.models import Role
from repair_app.penalty_format import FileProblem, verdict_lines
from repair_app.penalty_format.notices import COLUMNS as NOTICE_COLUMNS
from repair_app.services import batch, desk, halted, imports, inbox, passed_on, searches
from repair_app.services.imports import uploads
from repair_app.services.imports.formats import FORMATS
from repair_app.uploads import clean_name
from repair_app.web import errors
from repair_app.web.door import only
from repair_app.web.view import asked_for, language, row_before

pages = Blueprint("work", __name__, url_prefix="/work")

WORKLIST = "work.index"
SHOWN_PROBLEMS = 200
PART = 4 << 20  # bytes that a script sends at a time
LOOK_AGAIN = 3  # seconds, while a file is on its way


@pages.get("")
@only(*inbox.WORKERS)
def index() -> str:
    """Show what waits for a person, the most urgent first."""
    mine = roles_of_worker()
    role = next((one for one in mine if one == request.args.get("as")), mine[0])
    filters = inbox.read_filters(role, request.args)
    found = inbox.list_turns(current_user, role, request.args.get("after"), filters)
    return render_template(
        "work/index.html",
        role=role,
        roles=mine,
        inbox=found,
        filters=filters,
        address=address_of(role, filters),
        kinds=inbox.list_kinds(role),
        **desk_of(role, found),
    )


def desk_of(role: Role, found: inbox.Inbox) -> dict[str, Any]:
    """Return what stands around a worklist: colleagues, searches kept, steps for several."""
    colleagues = desk.list_colleagues(current_user, role)
    return {
        "colleagues": colleagues,
        "loads": desk.list_load(colleagues, role),
        "searches": searches.list_searches(current_user, WORKLIST),
        "plain_steps": batch.list_plain_steps(found.turns, role),
        "passed_on": passed_on.list_passed_on(current_user, role),
        "halted": halted.list_halted(current_user) if role is Role.DEPARTMENT else [],
        "requirements": (inbox.list_requirements(current_user) if role is Role.INSTITUTION else []),
    }


@pages.app_template_test("mine_no_more")
def is_mine_no_more(line: inbox.Line) -> bool:
    """Say whether a line is for a colleague, because the reader took part in the matter before."""
    return inbox.has_taken_part(line, current_user.person_id)


def address_of(role: Role, filters: inbox.Filters) -> dict[str, str]:
    """Return filters as they stand in an address: what is not asked is not in it."""
    what = ".".join(filter(None, (filters.workflow, filters.state)))
    values = {
        "as": role.value if len(roles_of_worker()) > 1 else "",
        "tab": "" if filters.tab == inbox.TEAM else filters.tab,
        "what": what,
        "provider": filters.provider,
        "until": filters.until.isoformat() if filters.until else "",
        "q": filters.text,
    }
    return {name: value for name, value in values.items() if value}


def roles_of_worker() -> list[Role]:
    """Return the roles of the reader that have a worklist."""
    return [role for role in inbox.WORKERS if current_user.holds(role)]


@pages.get("/cases")
@only(Role.REVIEWER, Role.PROVIDER, Role.AUDITOR)
def all_cases() -> str:
    """List the cases that a person may see, newest first."""
    workflow = asked_for("workflow")
    rows = inbox.list_cases(current_user, workflow, row_before())
    return render_template("work/cases.html", cases=rows, workflow=workflow, page=inbox.PAGE)


PENALTIES = "penalties"


class FileForm(FlaskForm):
    """A file of penalties, or of another kind that is read."""

    form_token = HiddenField()
    kind = SelectField(_l("What its rows are"), default=PENALTIES)
    file = FileField(
        _l("File"),
        description=_l("CSV (UTF-8 or GB18030) or XLSX, its first row the headings of the format."),
        validators=[FileRequired(_l("Choose a file."))],
        render_kw={"accept": ".csv,.xlsx"},
    )

    def __init__(self, **settings: Any) -> None:
        super().__init__(**settings)
        labels = {kind: form.label.text(language()) for kind, form in FORMATS.items()}
        self.kind.choices = list(labels.items())

    @property
    def sent_token(self) -> str:
        """Return the token that was sent, if it can be one of ours; else none."""
        text = self.form_token.data or ""
        return text if TOKEN.fullmatch(text) else ""


@pages.route("/imports", methods=["GET", "POST"])
@only(Role.PROVIDER)
def files() -> str | tuple[str, int] | Answer:
    """Bring in a file of penalties; list the earlier ones."""
    form = FileForm()
    if not form.validate_on_submit():
        status = HTTPStatus.BAD_REQUEST if form.is_submitted() else HTTPStatus.OK
        return show_files(form, status)
    upload = form.file.data
    name = clean_name(upload.filename)
    if form.kind.data != PENALTIES:
        return have_read(form, name, upload.read())
    try:
        summary = imports.bring_in_file(upload.read(), name, current_user, form.sent_token)
    except FileProblem as problem:
        form.file.errors = [problem.text(language())]
        return show_files(form, HTTPStatus.UNSUPPORTED_MEDIA_TYPE)
    return redirect(url_for("work.show_file", ref=summary.ref))


def have_read(form: FileForm, name: str, content: bytes) -> tuple[str, int] | Answer:
    """Have a file of another kind read by the job, as one that came in parts."""
    try:
        begun = uploads.begin(current_user, form.kind.data, name, len(content), None)
        for start in range(0, len(content), uploads.PART):
            uploads.put(begun.ref, current_user, start, content[start : start + uploads.PART])
        uploads.close(begun.ref, current_user)
    except uploads.TooMuch:
        empty = gettext("The file is empty.")
        told = gettext("The file is too large, or too many files are on their way.")
        form.file.errors = [told if content else empty]
        return show_files(form, HTTPStatus.REQUEST_ENTITY_TOO_LARGE)
    return redirect(url_for("work.show_file", ref=begun.ref))


def show_files(form: FileForm, status: HTTPStatus) -> tuple[str, int]:
    """Return the page with the form and the earlier files."""
    form.form_token.data = secrets.token_urlsafe(24)
    batches = imports.list_batches(current_user)
    page = render_template(
        "work/files.html",
        form=form,
        batches=batches,
        on_their_way=uploads.list_open(current_user),
        part=PART,
        counts=imports.count_all_verdicts([one.id for one in batches]),
        limit=largest_file(),
        most=uploads.LARGEST >> 20,
        part_mb=PART >> 20,
        notice_columns=[one.heading for one in NOTICE_COLUMNS],
    )
    return page, status


@pages.errorhandler(HTTPStatus.REQUEST_ENTITY_TOO_LARGE)
def show_too_large(_error: HTTPException) -> tuple[str, int]:
    """Show how large a file may be: other than evidence, and told before the form is read."""
    mend = gettext(
        "Nothing was brought in. A file may have %(size)s MB: split it and send the parts one "
        "after the other, or ask your administrator to bring it in by the command line.",
        size=largest_file(),
    )
    return errors.show(
        HTTPStatus.REQUEST_ENTITY_TOO_LARGE, words=(gettext("The file is too large."), mend)
    )


def largest_file() -> int:
    """Return how large a request may be, in MB."""
    return int(current_app.config["MAX_CONTENT_LENGTH"]) >> 20


@pages.get("/imports/<ref:ref>")
@only(Role.PROVIDER)
def show_file(ref: str) -> Response:
    """Show what became of the rows of a file, or how far it is."""
    batch = imports.find_batch(ref, current_user)
    upload = uploads.find_own(ref, current_user)
    if batch is None and upload is None:
        abort(404)
    on_its_way = upload is not None and upload.ended_at is None
    looks_again = on_its_way and upload is not None and upload.stopped_at is None
    page = render_template(
        "work/file.html",
        batch=batch,
        upload=upload,
        on_its_way=on_its_way,
        progress=uploads.progress_of(upload) if upload else None,
        counts=imports.count_verdicts(batch.id) if batch else {},
        problems=imports.list_problems(batch.id, SHOWN_PROBLEMS) if batch else [],
        shown=SHOWN_PROBLEMS,
    )
    answer = make_response(page)
    if looks_again:
        answer.headers["Refresh"] = str(LOOK_AGAIN)
    return answer


@pages.post("/imports/begin")
@only(Role.PROVIDER)
def begin_file() -> Any:
    """Begin a file that a script sends in parts; one that it began before goes on."""
    name = clean_name(request.form.get("filename", ""))
    size = request.form.get("size", 0, type=int)
    kind = request.form.get("kind", PENALTIES)
    if kind not in FORMATS:
        abort(HTTPStatus.BAD_REQUEST)
    try:
        begun = uploads.find_begun(request.form.get("ref", ""), current_user, size, kind)
        upload = begun or uploads.begin(current_user, kind, name or "file", size, None)
    except uploads.TooMuch:
        told = gettext("The file is too large, or too many files are on their way.")
        return jsonify(error=told), HTTPStatus.REQUEST_ENTITY_TOO_LARGE
    return jsonify(ref=upload.ref, received=upload.received, part=PART)


@pages.post("/imports/<ref:ref>/parts")
@only(Role.PROVIDER)
def put_part(ref: str) -> Any:
    """Take a part of a file: its bytes, behind those that are there."""
    start = request.headers.get("Upload-Offset", -1, type=int)
    try:
        upload = uploads.put(ref, current_user, start, request.get_data())
    except uploads.Misplaced as error:
        return jsonify(received=error.expected), HTTPStatus.CONFLICT
    except uploads.TooMuch:
        return jsonify(error=""), HTTPStatus.REQUEST_ENTITY_TOO_LARGE
    except uploads.NotReceiving:
        return jsonify(error=""), HTTPStatus.GONE
    return jsonify(received=upload.received)


@pages.post("/imports/<ref:ref>/close")
@only(Role.PROVIDER)
def close_file(ref: str) -> Any:
    """Have a file read that has come in whole; say where its page is."""
    try:
        uploads.close(ref, current_user)
    except uploads.Misplaced as error:
        return jsonify(received=error.expected), HTTPStatus.CONFLICT
    except uploads.NotReceiving:
        return jsonify(error=""), HTTPStatus.GONE
    return jsonify(page=url_for("work.show_file", ref=ref))


@pages.post("/imports/<ref:ref>/resume")
@only(Role.PROVIDER)
def resume_file(ref: str) -> Answer:
    """Have a file read again that was stopped."""
    try:
        uploads.resume(ref, current_user)
    except uploads.NotStopped:
        flash(gettext("This file is not stopped: nothing was changed."), "info")
    else:
        told = gettext("The file is taken up again; rows that were judged stay as they are.")
        flash(told, "success")
    return redirect(url_for("work.show_file", ref=ref))


@pages.post("/imports/<ref:ref>/drop")
@only(Role.PROVIDER)
def drop_file(ref: str) -> Answer:
    """Give up a file that is not all there, or was stopped."""
    try:
        uploads.give_up(ref, current_user)
    except uploads.NotReceiving:
        flash(gettext("This file is being read, or has ended: nothing was changed."), "info")
    else:
        flash(gettext("The file was given up."), "success")
    return redirect(url_for("work.show_file", ref=ref))


@pages.get("/imports/<ref:ref>/verdicts.csv")
@only(Role.PROVIDER)
def verdicts(ref: str) -> Response:
    """Hand out the verdict on every row, as a table."""
    batch = imports.find_batch(ref, current_user) or abort(404)
    lines = verdict_lines(imports.list_verdicts(batch.id, language()))
    answer = Response(stream_with_context(lines), mimetype="text/csv")
    answer.headers["Content-Disposition"] = f'attachment; filename="{batch.ref}.csv"'
    return answer
