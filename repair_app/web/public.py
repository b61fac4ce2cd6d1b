"""What everybody may read: search, commitments, measures; and where signed-in people start."""

from flask import Blueprint, redirect, render_template, url_for
from flask_login import current_user
from werkzeug.wrappers import Response

from repair_app.models import Role
from repair_app.refs import as_written
from repair_app.services import commitments as commitment_list
from repair_app.services import entries, records, sanctions, search
from repair_app.web.door import public, signed_in
from repair_app.web.lagging import may_lag
from repair_app.web.view import RefConverter, asked_for, row_before

pages = Blueprint("public", __name__)

LONGEST_CODE = 40  # characters, with spaces and hyphens between
# Where a role's day begins.
HOMES: list[tuple[Role, str]] = [
    (Role.REVIEWER, "work.index"),
    (Role.PROVIDER, "work.index"),
    (Role.INSTITUTION, "work.index"),
    (Role.DEPARTMENT, "enforcement.index"),
    (Role.SUBJECT, "my.index"),
    (Role.AGENT, "my.index"),
    (Role.AUDITOR, "audit.index"),
    (Role.ADMINISTRATOR, "admin.index"),
    (Role.SECURITY_OFFICER, "admin.index"),
]


@pages.get("/")
@public
@may_lag
def index() -> str | Response:
    """Search the published records by name or code; the number of one leads to its page."""
    query = asked_for("q")
    ref = as_written(query)
    if RefConverter.is_ref(ref) and search.is_published(ref):
        return redirect(url_for("records.show", ref=ref))
    found = search.search_public(query, row_before())
    return render_template("public/index.html", query=query, found=found, longest=search.LONGEST)


@pages.get("/enterprises/<uscc>")
@public
@may_lag
def enterprise(uscc: str) -> str:
    """Show the licences of an enterprise, and the lists that it is on, apart from its penalties."""
    found = entries.list_public(uscc[:LONGEST_CODE], row_before())
    return render_template("public/enterprise.html", found=found)


@pages.get("/commitments")
@public
@may_lag
def commitments() -> str:
    """List the commitments that were published."""
    rows = commitment_list.list_published(row_before())
    return render_template("public/commitments.html", commitments=rows, page=records.PAGE)


@pages.get("/measures")
@public
@may_lag
def measures() -> str:
    """List the catalogue of measures."""
    return render_template("public/measures.html", measures=sanctions.list_measures())


@pages.get("/home")
@signed_in
def home() -> Response:
    """Go to where this person's day begins."""
    place = next((page for role, page in HOMES if current_user.holds(role)), "public.index")
    return redirect(url_for(place))
