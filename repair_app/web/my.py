"""The enterprise's own pages: its records, what can be done and by when; matters, reports."""

from collections.abc import Mapping
from io import BytesIO
from typing import Any

from flask import (
    Blueprint,
    Response,
    flash,
    redirect,
    render_template,
    request,
    send_file,
    url_for,
)
from flask_babel import gettext
from flask_babel import lazy_gettext as _l
from flask_login import current_user
from werkzeug.wrappers import Response as AnyResponse

from repair_app.engine import fields
from repair_app.models import Case, CreditRecord, Role
from repair_app.public_address import site
from repair_app.services import (
    agents,
    drafts,
    enquiries,
    history,
    own_reports,
    pictures,
    portal,
    supplements,
    viewings,
)
from repair_app.services.listings.registry import LISTINGS
from repair_app.web.door import only, public, signed_in
from repair_app.web.view import ROW, asked_for, language, row_before

pages = Blueprint("my", __name__)
READ_BY_SYSTEMS = {"records": _l("Records"), "sanctions": _l("Joint measures")}

# What is to be done about a requirement, said to whoever has never done it.
TASKS: dict[str, Any] = {
    "commitment": _l("Sign the commitment here"),
    "rectification": _l("Upload the proof of payment and of what was put right here"),
    "training": _l("Take the training here: lesson, test, certificate"),
    "credit_report": _l("Ask an institution for the credit report here"),
    "credit_check": _l("Ask for the credit check here"),
    "public_service": _l("Report the public service here (voluntary)"),
    "material": _l("Upload it here"),
    "statement": _l("Change what you said"),
    "evidence": _l("Upload your evidence here"),
}
MARKS: dict[str, Any] = {
    "decided": _l("Decided"),
    "publicised": _l("Published"),
    "repair": _l("Repair possible from"),
    "ends": _l("Ends"),
}


@pages.get("/my")
@only(Role.SUBJECT, Role.AGENT)
def index() -> str:
    """Show the open matters and the records of the enterprises that this person files for."""
    found = portal.list_records(current_user, asked_for("after"))
    opened = portal.list_open(current_user)
    theirs = [one for one in opened if not portal.is_ours(one)]
    ours = sorted(filter(portal.is_ours, opened), key=portal.urgency_of)
    return render_template(
        "my/index.html",
        outlooks=portal.look_ahead(current_user, found[: portal.PAGE]),
        more_records=len(found) > portal.PAGE,
        ours=ours,
        asked=supplements.list_asked(ours),
        theirs=theirs[: portal.THEIRS_SHOWN],
        more_cases=len(theirs) > portal.THEIRS_SHOWN,
        standing=portal.list_standing_on(current_user, found),
        unfinished=drafts.list_unfinished(current_user),
    )


@pages.get("/my/cases")
@only(Role.SUBJECT, Role.AGENT)
def cases() -> str:
    """List all matters of the enterprises that this person files for, newest first."""
    found = portal.list_cases(current_user, row_before())
    more = len(found) > portal.PAGE
    return render_template("my/cases.html", cases=found[: portal.PAGE], more=more)


@pages.get("/my/records/<ref:ref>/what-if")
@only(Role.SUBJECT, Role.AGENT)
def what_if(ref: str) -> str:
    """Show the dates that an objection or a repair would have if it were filed today."""
    record = portal.get_own_record(current_user, ref)
    return render_template(
        "my/what_if.html",
        outlook=portal.look_at(current_user, record),
        found=portal.what_if(current_user, record),
    )


@pages.get("/my/receipts/<ref:ref>")
@signed_in
def receipt(ref: str) -> str:
    """Show that a matter was filed, what happens next and by when."""
    return render_template("my/receipt.html", receipt=portal.get_receipt(ref, current_user))


@pages.get("/my/receipts/<ref:ref>/qr.svg")
@signed_in
def receipt_code(ref: str) -> Response:
    """Show where the receipt can be verified, as a code to scan."""
    letter = portal.get_receipt(ref, current_user).letter
    where = url_for("letters.verify", code=letter.code) if letter else url_for("letters.ask")
    return code_of(where)


@pages.get("/my/viewings")
@only(Role.SUBJECT)
def seen() -> str:
    """List which offices looked at an enterprise's records and matters, and when."""
    rows = viewings.list_own(current_user, row_before())
    more = len(rows) > viewings.PAGE
    lists = {f"{viewings.LIST}{name}": LISTINGS[name].title for name in viewings.LISTS}
    lists |= {f"{viewings.LIST}{name}": title for name, title in READ_BY_SYSTEMS.items()}
    return render_template(
        "my/viewings.html",
        rows=rows[: viewings.PAGE],
        more=more,
        lists=lists,
        offices=enquiries.list_offices(current_user) if row_before() is None else (),
    )


# --- the enterprise's own credit report ---


@pages.get("/my/report")
@only(Role.SUBJECT)
def report() -> str:
    """Show what is on file about an enterprise, and the reports that were issued."""
    firms = agents.list_firms(current_user)
    return render_template(
        "my/report.html",
        firms=firms,
        contents={one.id: own_reports.compose(one) for one in firms},
        issued=own_reports.list_own(current_user),
    )


@pages.post("/my/report")
@only(Role.SUBJECT)
def issue_report() -> AnyResponse:
    """Issue a report with a number, a day and a code."""
    number = request.form.get("firm", "")
    try:
        own_reports.issue(current_user, int(number) if ROW.fullmatch(number) else 0)
    except own_reports.TooMany:
        flash(
            gettext("Enough reports were issued today. Ask for the next one tomorrow."), "warning"
        )
    return redirect(url_for("my.report", _anchor="issued"))


@pages.get("/my/report/<ref:ref>.pdf")
@only(Role.SUBJECT)
def report_pdf(ref: str) -> Response:
    """Hand out a report that was issued."""
    one = own_reports.get_own(current_user, ref)
    wanted = request.args.get("lang", "")
    lang = wanted if wanted in {"zh", "en"} else language()
    address = site() + url_for("my.verify_report", code=one.code)
    content = own_reports.render(one, lang, address)
    name = f"{ref}.pdf"
    return send_file(BytesIO(content), mimetype="application/pdf", download_name=name, max_age=0)


@pages.get("/verify/reports/<code>")
@public
def verify_report(code: str) -> str:
    """Tell who has a report in hand what it says, and whether the records are still the same."""
    one, same = own_reports.verify(code)
    return render_template("my/verify_report.html", report=one, same=same)


def code_of(path: str) -> Response:
    """Return an address of this site as a code to scan."""
    return Response(pictures.draw_code(site() + path), mimetype="image/svg+xml")


@pages.app_template_global("tasks_of")
def tasks_of(one: Case) -> list[portal.Task]:
    """Return what a draft still needs, for the side that files it; else nothing."""
    if one.state != "draft" or not portal.files_for(current_user, one):
        return []
    return portal.list_tasks(current_user, one)


@pages.app_template_global("standing_of")
def standing_of(record: CreditRecord) -> list[Case]:
    """Return what this person's side has open about a record, or was refused, before another."""
    return portal.list_standing(current_user, record)


@pages.app_template_global("said_about")
def said_about(one: Case) -> Mapping[str, list[tuple[str, str]]]:
    """Return what the enterprise said about each part of its matter, by its reference."""
    return history.list_said(one, current_user)


def in_yuan(text: str | None) -> str:
    """Return in yuan what a text says in 10k yuan; empty for what is no amount."""
    amount = fields.in_yuan(text)
    return "" if amount is None else f"{amount.normalize():,f}"


def doubt_about_amount(recorded: str) -> str:
    """Return the question whether an amount was typed in the unit of the record."""
    return str(
        gettext(
            "The record says %(recorded)s, that is %(amount)s yuan: a thousand times more or less. "
            "Is the unit right? Amounts are entered in 10k yuan.",
            recorded=recorded,
            amount=in_yuan(recorded),
        )
    )


@pages.app_template_global("still_said")
def still_said(one: Case) -> list[str]:
    """Return the amounts that a draft corrects and that its penalty's text would go on to name."""
    proposed = {each.field: each.proposed_value for each in one.proposals}
    text = proposed.get("penalty_content") or one.record.penalty_content
    return [
        each.old_value
        for each in one.proposals
        if fields.is_amount(each.field) and fields.names_amount(text, each.old_value)
    ]


pages.add_app_template_global(in_yuan, "in_yuan")
pages.add_app_template_global(doubt_about_amount, "doubt_about_amount")
pages.add_app_template_global(fields.is_amount, "is_amount")
pages.add_app_template_global(fields.is_far_off, "is_far_off")
pages.add_app_template_global(portal.progress_of, "progress_of")
pages.add_app_template_global(portal.list_parts, "parts_of")
pages.add_app_template_global(fields.YUAN, "YUAN")  # type: ignore[arg-type]  # a value as well
pages.add_app_template_global(fields.FAR_OFF, "FAR_OFF")  # type: ignore[arg-type]
pages.add_app_template_global(TASKS, "task_words")  # type: ignore[arg-type]  # a value, not a function
pages.add_app_template_global(MARKS, "mark_words")  # type: ignore[arg-type]
pages.add_app_template_global(portal.turn_of, "turn_of")
pages.add_app_template_global(portal.steps_of, "steps_of")
pages.add_app_template_global(portal.statement_of, "statement_of")
