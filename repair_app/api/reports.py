"""The enterprise's own credit report: what is on file about it, with a code that proves it."""

from datetime import datetime
from http import HTTPStatus

from flask import Response
from pydantic import BaseModel, Field

from repair_app.api.access import act_as, current_client, needs
from repair_app.api.answers import Key, once, send, send_bytes
from repair_app.api.mistakes import REF
from repair_app.api.papers import PDF, LetterQuery
from repair_app.api.problems import PROBLEMS
from repair_app.api.resources import open_part
from repair_app.engine.step import Reason, Refused
from repair_app.labels import N_
from repair_app.letters import LANGUAGES
from repair_app.models import OwnReport, Role
from repair_app.public_address import site
from repair_app.services import own_reports
from repair_app.services.reasons import language

resources = open_part("reports")
ENOUGH = N_("Enough reports were issued today. Ask for the next one tomorrow.")


class ReportPath(BaseModel):
    """Which report."""

    ref: str = Field(pattern=REF, description="for example QB-2026-000123-C")


class ReportLine(BaseModel):
    """A report that was issued."""

    ref: str
    code: str = Field(description="for /verify/reports/{code}")
    issued_at: datetime


class ReportPage(BaseModel):
    """The newest reports."""

    reports: list[ReportLine]


@resources.get("/reports", responses={200: ReportPage, **PROBLEMS})
@needs("records:read")
def list_reports() -> Response:
    """List the newest reports that were issued on the client's enterprise."""
    found = own_reports.list_own(act_as(Role.SUBJECT))
    return send(ReportPage(reports=[line_of(one) for one in found]))


@resources.post("/reports", responses={201: ReportLine, **PROBLEMS})
@needs("records:read")
@once
def issue_report(header: Key) -> Response:
    """Issue a report on the client's enterprise: what is on file about it, free of charge.

    As long as nothing changes, the same day leads to the same report.
    """
    user = act_as(Role.SUBJECT)
    try:
        report = own_reports.issue(user, current_client().organisation_id)
    except own_reports.TooMany:
        raise Refused(Reason(ENOUGH)) from None
    return send(line_of(report), HTTPStatus.CREATED)


@resources.get("/reports/<ref:ref>", responses={200: PDF, **PROBLEMS})
@needs("records:read")
def print_report(path: ReportPath, query: LetterQuery) -> Response:
    """Hand out a report as PDF."""
    report = own_reports.get_own(act_as(Role.SUBJECT), path.ref)
    lang = query.lang if query.lang in LANGUAGES else language()
    address = f"{site()}/verify/reports/{report.code}"
    content = own_reports.render(report, lang, address)
    return send_bytes(content, "application/pdf", f"{report.ref}.pdf")


def line_of(report: OwnReport) -> ReportLine:
    """Return what a list shows of a report."""
    return ReportLine(ref=report.ref, code=report.code, issued_at=report.issued_at)
