"""The page of a case, of a requirement that an institution was asked for, and its evidence."""

from collections.abc import Collection
from io import BytesIO
from typing import Any

from flask import (
    Blueprint,
    abort,
    flash,
    redirect,
    render_template,
    request,
    send_file,
    url_for,
)
from flask_babel import gettext
from flask_login import current_user
from werkzeug.wrappers import Response

from repair_app.access import stands_as
from repair_app.engine.step import Entity, case_of
from repair_app.models import Case, Document, Role
from repair_app.services import (
    cases,
    complaints,
    desk,
    evidence,
    history,
    papers,
    removals,
    sanctions,
)
from repair_app.services.gist import as_filed, sum_up
from repair_app.services.tree import bundle
from repair_app.uploads import sniff
from repair_app.web.door import signed_in, talisman

pages = Blueprint("cases", __name__)
OFFICIALS = frozenset({Role.REVIEWER, Role.PROVIDER, Role.AUDITOR})
# Evidence is the work of strangers: it is looked at without scripts, forms, or a way to the page.
PICTURES = frozenset({"image/png", "image/jpeg"})
LOOKED_AT = PICTURES | {"application/pdf"}
LISTED_AT = frozenset({cases.AMEND, "submit"})  # the steps on whose pages a draft's files stand
LOOKING = {"default-src": "'none'", "frame-ancestors": "'self'"}


@pages.get("/cases/<ref:ref>")
@signed_in
def show(ref: str) -> str:
    """Show a case: what is asked, how it stands, what may be done next, what happened."""
    case = cases.get_case(ref, current_user)
    roles = roles_in(case)
    store = cases.reading()
    is_official = not roles.isdisjoint(desk.READERS)
    happenings = happenings_of(case, roles)
    return render_template(
        "cases/show.html",
        case=case,
        roles=roles,
        offers=cases.list_offers(current_user, case, store),
        requirement_offers={
            one.ref: cases.list_offers(current_user, one, store) for one in case.requirements
        },
        course=as_filed(case, happenings, roles),
        gist=sum_up(case, happenings) if is_official else None,
        measures=sanctions.list_verdicts(case.record.sanctions),
        others=cases.list_others(case, current_user),
        about=about_of(case),
        earlier_papers=papers.earlier_papers(case, current_user),
        opens_papers=bool(cases.actors_of(current_user, case)),
        looked_at=LOOKED_AT,
        desk=desk.lay_out(current_user, case, store) if is_official else None,
        told=case.workflow == complaints.WORKFLOW and complaints.is_reviewer_of(current_user, case),
    )


def roles_in(case: Case) -> set[Role]:
    """Return as what the reader stands in a case."""
    return {Role(one.role) for one in stands_as(current_user, case)}


def happenings_of(case: Case, roles: Collection[Role]) -> list[history.Happening]:
    """Return what happened in a case, for a reader of some roles in it."""
    return history.list_happenings(
        case.ref,
        current_user,
        internal=OFFICIALS.issuperset(roles),
        own={case.ref, *(one.ref for one in case.requirements)},
    )


@pages.app_template_global("claim_of")
def claim_of(entity: Entity) -> dict[str, Any] | None:
    """Return what an official has to look at while answering: the case, its claim, its papers.

    Of the case only the question, for an agency that was consulted. None for who takes a side,
    for what is not filed yet, and where a step is of no case.
    """
    case = case_of(entity)
    if case is None or case.submitted_at is None:
        return None
    roles = roles_in(case)
    if roles.isdisjoint(desk.READERS):
        question = history.find_question(entity)
        return {"question": question} if question else None
    return {
        "case": case,
        "gist": sum_up(case, happenings_of(case, roles)),
        "opens_papers": bool(cases.actors_of(current_user, case)),
        "looked_at": LOOKED_AT,
    }


def about_of(case: Case) -> Case | None:
    """Return the matter that a case is about, where the reader may open it."""
    return case.about if case.about and any(stands_as(current_user, case.about)) else None


@pages.get("/cases/<ref:ref>/proof.zip")
@signed_in
def prove(ref: str) -> Response:
    """Hand out the proof bundle of a case: to its subject, a reviewer and an auditor."""
    try:
        content = bundle.of_case(ref, current_user)
    except bundle.NotSigned:
        flash(gettext("The history of this matter is signed within seconds. Please try again."))
        return redirect(url_for("cases.show", ref=ref))
    return send_file(
        BytesIO(content),
        mimetype="application/zip",
        as_attachment=True,
        download_name=f"{ref}-proof.zip",
        max_age=0,
    )


@pages.app_template_global("may_prove")
def may_prove(case: Case) -> bool:
    """Say whether the reader may take the proof bundle of a case."""
    return bundle.may_take(current_user, case)


@pages.get("/requirements/<ref:ref>")
@signed_in
def show_requirement(ref: str) -> str:
    """Show an institution what it was asked for; no more of the case than it needs."""
    requirement = cases.get_visible("requirements", ref, current_user)
    offers = cases.list_offers(current_user, requirement)
    return render_template(
        "cases/requirement.html",
        requirement=requirement,
        offers=offers,
        question=history.find_question(requirement),
    )


@pages.get("/documents/<ref:ref>")
@signed_in
def download(ref: str) -> Response:
    """Hand out a piece of evidence to those who act in its case, or in one that looks again."""
    document, content = open_document(ref)
    return send_file(
        BytesIO(content),
        mimetype=document.media_type,
        download_name=document.filename,
        as_attachment=True,
        max_age=0,
    )


@pages.post("/documents/<ref:ref>/remove")
@signed_in
def remove_document(ref: str) -> Response:
    """Take a file out of a draft and go back to where it was listed."""
    case_ref = removals.remove(current_user, ref)
    flash(gettext("The file was removed from the draft."), "success")
    back = request.form.get("back", "")
    if back in LISTED_AT:
        return redirect(url_for("transitions.fire", kind="cases", ref=case_ref, name=back))
    return redirect(url_for("cases.show", ref=case_ref))


@pages.app_template_global("removable")
def removable(entity: Entity) -> bool:
    """Say whether the reader may take files out of a matter, or of the one it is a part of."""
    case = case_of(entity)
    return case is not None and bool(case.ref) and removals.can_remove(current_user, case)


@pages.get("/documents/<ref:ref>/view")
@signed_in
@talisman(frame_options="SAMEORIGIN", content_security_policy=LOOKING)
def look(ref: str) -> Response:
    """Show a piece of evidence where it is: a picture or a PDF, if it is what it says it is."""
    document, content = open_document(ref)
    if document.media_type not in LOOKED_AT or sniff(content) != document.media_type:
        abort(404)
    return send_file(BytesIO(content), mimetype=document.media_type, max_age=0)


def open_document(ref: str) -> tuple[Document, bytes]:
    """Return a piece of evidence and its bytes to those who act in its case; to others 404."""
    document = evidence.find_document(ref)
    if document is None or not papers.may_open(current_user, document):
        abort(404)
    return document, evidence.read(document)
