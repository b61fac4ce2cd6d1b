"""Every route of the application: who may enter, and that looking changes nothing."""

import secrets
from collections.abc import Callable, Iterator
from pathlib import Path

import html5lib
import pytest
from flask import Flask
from sqlalchemy import select

from config import TestConfig
from repair_app import create_app
from repair_app.db import db, now
from repair_app.models import Complaint, Document, Letter
from repair_app.services import complaints, feed, imports, invitations, own_reports
from repair_app.services.batch import Taken, keep_report
from repair_app.services.policy import current_policy
from repair_app.services.tree import log
from repair_app.web import my
from repair_app.web.door import HALFWAY, MACHINES, PUBLIC, SIGNED_IN, check_rules, rule_of
from tests import factories
from tests.client import Client
from tests.factories import World
from tests.sync.platforms import make_platform

FILERS = {"subject", "agent"}
WORKERS = {"reviewer", "provider", "institution", "department"}
# endpoint -> who may enter. Whoever adds a page writes it here as well.
ROUTES: dict[str, str | set[str]] = {
    "admin.index": {"administrator", "security_officer"},
    "admin.changes": {"administrator"},
    "admin.course": {"administrator"},
    "admin.courses": {"administrator"},
    "admin.letter": {"administrator"},
    "admin.letters": {"administrator"},
    "admin.running": {"administrator"},
    "admin.sample": {"administrator"},
    "admin.settings": {"administrator", "security_officer"},
    "interface.index": PUBLIC,
    "institutions.change": {"administrator"},
    "institutions.index": {"administrator"},
    "institutions.register": {"administrator"},
    "platforms.act": {"administrator"},
    "platforms.add": {"administrator"},
    "platforms.change": {"administrator"},
    "platforms.index": {"administrator"},
    "platforms.replay": {"administrator"},
    "platforms.show": {"administrator"},
    "platforms.show_secret": {"administrator"},
    "organisations.add": {"administrator"},
    "organisations.index": {"administrator", "security_officer"},
    "organisations.place": {"administrator"},
    "organisations.rename": {"administrator"},
    "organisations.show": {"administrator", "security_officer"},
    "people.appoint": {"administrator", "security_officer"},
    "people.change": {"administrator", "security_officer"},
    "people.close": {"administrator", "security_officer"},
    "people.end": {"administrator", "security_officer"},
    "people.index": {"administrator", "security_officer"},
    "people.invite": {"administrator"},
    "people.release": {"administrator", "security_officer"},
    "people.reopen": {"administrator", "security_officer"},
    "people.reset_factors": {"administrator", "security_officer"},
    "people.unlink": {"administrator", "security_officer"},
    "people.send_link": {"administrator", "security_officer"},
    "people.show": {"administrator", "security_officer"},
    "agents.appoint": {"subject"},
    "agents.change": {"subject"},
    "agents.end": {"subject"},
    "agents.index": {"subject"},
    "agents.send_link": {"subject"},
    "invitations.set_password": PUBLIC,
    "audit.enquiries": {"auditor"},
    "audit.index": {"auditor"},
    "audit.refused": {"auditor"},
    "audit.verify": {"auditor"},
    "bootstrap.static": PUBLIC,
    "data_map.index": {"administrator", "auditor"},
    "calendar.index": {"administrator"},
    "clients.index": {"administrator", "security_officer"},
    "clients.register": {"administrator", "security_officer"},
    "clients.revoke": {"administrator", "security_officer"},
    "cases.download": SIGNED_IN,
    "cases.look": SIGNED_IN,
    "cases.prove": SIGNED_IN,
    "cases.remove_document": SIGNED_IN,
    "cases.show": SIGNED_IN,
    "cases.show_requirement": SIGNED_IN,
    "complaints.ask": PUBLIC,
    "complaints.complain": PUBLIC,
    "complaints.index": {"reviewer"},
    "complaints.look": {"reviewer"},
    "complaints.paper": {"reviewer"},
    "complaints.read_contact": {"reviewer"},
    "complaints.show": PUBLIC,
    "complaints.take_up": {"reviewer"},
    "commitments.show": PUBLIC,
    "desk.add_note": WORKERS,
    "desk.assign": WORKERS,
    "desk.claim": WORKERS,
    "desk.drop_search": WORKERS,
    "desk.prepare": WORKERS,
    "desk.release": WORKERS,
    "desk.report": WORKERS,
    "desk.save_search": WORKERS,
    "desk.show_next": WORKERS,
    "desk.take": WORKERS,
    "enforcement.index": {"department"},
    "enforcement.initiate": {"provider"},
    "enforcement.initiated": {"provider"},
    "enforcement.reaching": SIGNED_IN,
    "enforcement.receipt": {"department"},
    "health.healthz": PUBLIC,
    "health.readyz": PUBLIC,
    "history.checkpoint": PUBLIC,
    "history.consistency": PUBLIC,
    "history.index": PUBLIC,
    "history.keys": PUBLIC,
    "history.program": PUBLIC,
    "history.tile": PUBLIC,
    "how.index": PUBLIC,
    "how.picture": PUBLIC,
    "how.show": PUBLIC,
    "inspections.index": {"auditor"},
    "inspections.mark": {"auditor"},
    "language.change": PUBLIC,
    "exports.ask": SIGNED_IN,
    "exports.download": PUBLIC,
    "exports.fetch": SIGNED_IN,
    "exports.index": SIGNED_IN,
    "feed.show": PUBLIC,
    "letters.ask": PUBLIC,
    "letters.download": SIGNED_IN,
    "letters.draft": SIGNED_IN,
    "letters.index": SIGNED_IN,
    "letters.verify": PUBLIC,
    "measures.download": {"administrator"},
    "measures.index": {"administrator"},
    "messages.about": SIGNED_IN,
    "metrics.show": PUBLIC,
    "messages.index": SIGNED_IN,
    "messages.read": SIGNED_IN,
    "messages.read_all": SIGNED_IN,
    "messages.show": SIGNED_IN,
    "messages.urge": SIGNED_IN,
    "sessions.end": SIGNED_IN,
    "sessions.end_others": SIGNED_IN,
    "sessions.index": SIGNED_IN,
    "systems.end": SIGNED_IN,
    "systems.index": SIGNED_IN,
    "systems.renew": SIGNED_IN,
    "settings.end_feed": SIGNED_IN,
    "settings.index": SIGNED_IN,
    "settings.renew_feed": SIGNED_IN,
    "password.change": SIGNED_IN,
    "drafts.discard": SIGNED_IN,
    "drafts.remove": SIGNED_IN,
    "drafts.save": SIGNED_IN,
    "drafts.upload": SIGNED_IN,
    "my.cases": FILERS,
    "my.index": FILERS,
    "my.issue_report": {"subject"},
    "my.receipt": SIGNED_IN,
    "my.receipt_code": SIGNED_IN,
    "my.report": {"subject"},
    "my.report_pdf": {"subject"},
    "my.seen": {"subject"},
    "my.verify_report": PUBLIC,
    "my.what_if": FILERS,
    "public.commitments": PUBLIC,
    "public.enterprise": PUBLIC,
    "public.home": SIGNED_IN,
    "public.index": PUBLIC,
    "public.measures": PUBLIC,
    "records.impose": {"department"},
    "records.open_case": SIGNED_IN,
    "records.qr": PUBLIC,
    "records.show": PUBLIC,
    "coverage.index": PUBLIC,
    "rules.index": PUBLIC,
    "rules.show": PUBLIC,
    "statistics.chart": PUBLIC,
    "statistics.index": PUBLIC,
    "statistics.periodic": {"reviewer", "auditor", "provider", "department", "institution"},
    "second_factor.index": SIGNED_IN,
    "security.login": PUBLIC,
    "security.logout": PUBLIC,
    "security.mf_recovery": HALFWAY,
    "security.mf_recovery_codes": SIGNED_IN,
    "security.tf_select": HALFWAY,
    "security.two_factor_rescue": HALFWAY,
    "security.two_factor_setup": SIGNED_IN,
    "security.two_factor_setup_validate": SIGNED_IN,
    "security.two_factor_token_validation": HALFWAY,
    "security.verify": SIGNED_IN,
    "security.wan_delete": SIGNED_IN,
    "security.wan_register": SIGNED_IN,
    "security.wan_register_response": SIGNED_IN,
    "security.wan_signin": HALFWAY,
    "security.wan_signin_response": HALFWAY,
    "security.static": PUBLIC,
    "static": PUBLIC,
    "theme.change": PUBLIC,
    "training.call_off": {"provider", "reviewer", "institution"},
    "training.course": PUBLIC,
    "training.dates": {"provider", "reviewer", "institution"},
    "training.index": PUBLIC,
    "training.lesson": PUBLIC,
    "training.study": SIGNED_IN,
    "transitions.fire": SIGNED_IN,
    "trust.index": PUBLIC,
    "unified.back": PUBLIC,
    "unified.confirm": PUBLIC,
    "unified.start": PUBLIC,
    "work.all_cases": {"reviewer", "provider", "auditor"},
    "work.begin_file": {"provider"},
    "work.close_file": {"provider"},
    "work.drop_file": {"provider"},
    "work.resume_file": {"provider"},
    "work.put_part": {"provider"},
    "work.files": {"provider"},
    "work.index": {"reviewer", "provider", "institution", "department"},
    "work.show_file": {"provider"},
    "work.verdicts": {"provider"},
}
POSTED_ONLY = {
    "cases.remove_document",
    "exports.ask",
    "desk.add_note",
    "desk.assign",
    "desk.claim",
    "desk.drop_search",
    "desk.prepare",
    "desk.release",
    "desk.save_search",
    "desk.take",
    "drafts.discard",
    "drafts.remove",
    "drafts.save",
    "drafts.upload",
    "enforcement.receipt",
    "my.issue_report",
    "agents.end",
    "agents.send_link",
    "institutions.change",
    "clients.revoke",
    "platforms.act",
    "platforms.show_secret",
    "people.close",
    "people.end",
    "people.release",
    "people.reopen",
    "people.send_link",
    "inspections.mark",
    "language.change",
    "messages.read",
    "messages.read_all",
    "messages.urge",
    "people.reset_factors",
    "people.unlink",
    "security.logout",
    "security.two_factor_setup_validate",
    "security.wan_register_response",
    "security.wan_signin_response",
    "sessions.end",
    "sessions.end_others",
    "settings.end_feed",
    "settings.renew_feed",
    "systems.end",
    "systems.renew",
    "theme.change",
    "training.call_off",
    "work.begin_file",
    "work.close_file",
    "work.drop_file",
    "work.resume_file",
    "work.put_part",
}
# To a page of the person's own.
LEADS_ON = {
    "desk.show_next",
    "public.home",
    "messages.about",
    "messages.show",
    "security.wan_delete",
    *(endpoint for endpoint, admits in ROUTES.items() if admits == HALFWAY),
}
# Nobody has the token; there is no provider here (tests/sign_in).
NOT_SET_UP = {"metrics.show", "unified.back", "unified.confirm", "unified.start"}
OF_ONE_COMPLAINT = {
    "complaints.look",
    "complaints.paper",
    "complaints.read_contact",
    "complaints.take_up",
}
# One of each kind; a second account or office of the same kind sees no other pages.
EVERYBODY = [
    name
    for name in (*World.ACCOUNTS, "anybody")
    if name not in {"second_reviewer", "reviewer_again", "second_upper_reviewer", "other_officer"}
]
# Who may enter is no question of the store, and whether looking changes something is one of the
# page: on the second store each page is opened by one person of each role.
ONE_OF_EACH_ROLE = [
    "subject",
    "provider",
    "reviewer",
    "officer",
    "institution",
    "auditor",
    "administrator",
    "security_officer",
]
one_store = pytest.mark.parametrize("stage", ["sqlite"], indirect=True)  # no query is special
ROLE_OF = {
    "subject": {"subject"},
    "agent": {"agent"},
    "stranger": {"subject"},
    "provider": {"provider"},
    "second_provider": {"provider"},
    "other_provider": {"provider"},
    "reviewer": {"reviewer"},
    "upper_reviewer": {"reviewer"},
    "torn_reviewer": {"reviewer", "subject"},
    "officer": {"department"},
    "institution": {"institution"},
    "auditor": {"auditor"},
    "administrator": {"administrator"},
    "security_officer": {"security_officer"},
    "anybody": set(),
}

PENALTIES = Path(__file__).parents[1] / "data" / "penalties_424_fictional.csv"


@pytest.fixture
def client_of(world: World, as_: Callable[..., Client], anybody: Client) -> Callable[[str], Client]:
    """Give a function that returns somebody's browser, by name."""
    return lambda name: anybody if name == "anybody" else as_(getattr(world, name))


@pytest.fixture
def addresses(app: Flask, world: World) -> dict[str, str]:
    """Give an address of every page, of things that exist: an objection, a repair, a measure."""
    record = factories.make_record(world.firm, world.agency)
    sanction = factories.make_sanction(record, world.officer)
    case = factories.make_case(world, "with_provider", record=record)
    serious = factories.make_record(
        world.firm, world.agency, severity="serious", decided_days_ago=300
    )
    repair = factories.make_case(world, "submitted", workflow="repair", record=serious)
    training = factories.requirement_of(repair, "training")
    promised = factories.make_case(world, "accepted", workflow="repair")
    promise = factories.requirement_of(promised, "commitment")
    bulk = keep_report(world.reviewer, [Taken("cases", case.ref, done=True)], "/work")
    header = PENALTIES.read_bytes().splitlines(keepends=True)[:3]
    batch = imports.bring_in_file(b"".join(header), "penalties.csv", world.provider)
    document = db.session.query(Document).first()
    letter = db.session.query(Letter).filter_by(kind="receipt").first()
    report = own_reports.issue(world.subject, world.firm.id)
    told = complaints.Told("error", "other", "有误。", "", [factories.make_upload()])
    code = complaints.receive(record.ref, told, "form")
    complaint = db.session.scalars(select(Complaint)).one()
    platform = make_platform().id
    log.sequence(now())
    fixed = {
        "admin.index": "/admin",
        "admin.changes": "/admin/changes",
        "admin.course": "/admin/courses/credit_repair",
        "admin.courses": "/admin/courses",
        "admin.letter": "/admin/letters/receipt",
        "admin.letters": "/admin/letters",
        "admin.running": "/admin/running",
        "admin.sample": "/admin/letters/receipt/zh.pdf",
        "admin.settings": "/admin/settings",
        "interface.index": "/api/v1/docs",
        "institutions.change": "/admin/institutions/1/suspend",
        "institutions.index": "/admin/institutions",
        "institutions.register": "/admin/institutions/new",
        "platforms.act": "/admin/platforms/1/park",
        "platforms.add": "/admin/platforms/new",
        "platforms.change": f"/admin/platforms/{platform}/change",
        "platforms.index": "/admin/platforms",
        "platforms.replay": f"/admin/platforms/{platform}/replay",
        "platforms.show": f"/admin/platforms/{platform}",
        "platforms.show_secret": "/admin/platforms/1/secret",
        "organisations.add": "/admin/organisations/new",
        "organisations.index": "/admin/organisations",
        "organisations.place": "/admin/organisations/3/superior",
        "organisations.rename": "/admin/organisations/3/name",
        "organisations.show": "/admin/organisations/3",
        "clients.index": "/admin/clients",
        "clients.register": "/admin/clients/new",
        "clients.revoke": "/admin/clients/1/revoke",
        "people.appoint": "/admin/people/1/roles/new",
        "people.change": "/admin/people/roles/1",
        "people.close": "/admin/people/1/close",
        "people.end": "/admin/people/roles/1/end",
        "people.index": "/admin/people",
        "people.invite": "/admin/people/new",
        "people.release": "/admin/people/1/release",
        "people.reopen": "/admin/people/1/reopen",
        "people.reset_factors": "/admin/people/1/reset-factors",
        "people.unlink": "/admin/people/1/unlink",
        "people.send_link": "/admin/people/1/link",
        "people.show": "/admin/people/1",
        "agents.index": "/my/agents",
        "agents.appoint": f"/my/agents/of/{world.firm.id}/new",
        "agents.change": f"/my/agents/{world.agent.appointments[0].id}",
        "agents.end": f"/my/agents/{world.agent.appointments[0].id}/end",
        "agents.send_link": f"/my/agents/{world.agent.appointments[0].id}/link",
        "invitations.set_password": invitations.path_of(world.stranger),
        "audit.enquiries": "/audit/enquiries",
        "audit.index": "/audit",
        "audit.refused": "/audit/refused",
        "audit.verify": "/audit/verify",
        "bootstrap.static": "/bootstrap/static/css/bootstrap.min.css",
        "calendar.index": "/admin/calendar",
        "cases.download": f"/documents/{document.ref}",
        "cases.look": f"/documents/{document.ref}/view",
        "cases.prove": f"/cases/{case.ref}/proof.zip",
        "cases.remove_document": f"/documents/{document.ref}/remove",
        "cases.show": f"/cases/{case.ref}",
        "cases.show_requirement": f"/requirements/{training.ref}",
        "commitments.show": f"/commitments/{promise.ref}",
        "complaints.ask": "/complaints",
        "complaints.complain": f"/records/{record.ref}/complaint",
        "complaints.index": "/work/complaints",
        "complaints.look": f"/work/complaints/{complaint.case.ref}",
        "complaints.paper": f"/work/complaints/papers/{complaint.papers[0].id}",
        "complaints.read_contact": f"/work/complaints/{complaint.case.ref}/contact",
        "complaints.show": f"/complaints/{code}",
        "complaints.take_up": f"/work/complaints/{complaint.case.ref}/take-up",
        "exports.ask": "/exports/messages.csv",
        "exports.download": "/exports/measures.csv",
        "exports.fetch": "/exports/DC-2026-000001-0",
        "exports.index": "/exports",
        "statistics.chart": "/statistics/overview.svg?as=public",
        "statistics.index": "/statistics",
        "statistics.periodic": "/statistics/report.xlsx",
        "how.index": "/how",
        "how.picture": "/how/objection.zh.svg",
        "how.show": "/how/objection",
        "inspections.index": "/audit/inspections",
        "inspections.mark": "/audit/inspections/1",
        "desk.add_note": f"/cases/{case.ref}/notes",
        "desk.assign": "/work/assign",
        "desk.claim": f"/work/{case.ref}/claim",
        "desk.drop_search": "/work/searches/1/delete",
        "desk.prepare": "/work/steps",
        "desk.release": f"/work/{case.ref}/release",
        "desk.report": f"/work/steps/{bulk}",
        "desk.save_search": "/work/searches",
        "desk.show_next": "/work/next",
        "desk.take": "/work/steps/take",
        "enforcement.index": "/enforce",
        "enforcement.initiate": f"/records/{record.ref}/initiate",
        "enforcement.initiated": "/sanctions",
        "enforcement.reaching": "/my/measures",
        "enforcement.receipt": f"/enforce/{sanction.ref}/receipt",
        "coverage.index": "/coverage",
        "trust.index": "/trust",
        "password.change": "/settings/password",
        "rules.index": "/rules",
        "rules.show": "/rules/SD-SEEDS",
        "health.healthz": "/healthz",
        "health.readyz": "/readyz",
        "history.checkpoint": "/history/checkpoint",
        "history.consistency": "/history/consistency?first=1",
        "history.index": "/history?first=1",
        "history.keys": "/history/keys",
        "history.program": "/history/consistent.py",
        "history.tile": "/history/tile/0/000.p/1",
        "metrics.show": "/metrics",
        "language.change": "/language",
        "feed.show": f"/feed/{make_feed(world)}.ics",
        "letters.ask": "/verify",
        "letters.download": f"/letters/{letter.ref}.pdf",
        "letters.draft": f"/drafts/cases/{repair.ref}/accept.pdf",
        "letters.index": "/letters",
        "letters.verify": f"/verify/{letter.code}",
        "messages.about": f"/messages/about/{case.ref}",
        "measures.download": "/admin/measures/measures.toml",
        "measures.index": "/admin/measures",
        "messages.index": "/messages",
        "messages.read": "/messages/1/read",
        "messages.read_all": "/messages/read",
        "messages.show": "/messages/1",
        "messages.urge": f"/cases/{case.ref}/urge",
        "sessions.end": "/settings/sessions/999999/end",
        "sessions.end_others": "/settings/sessions/end-others",
        "sessions.index": "/settings/sessions",
        "systems.end": "/settings/systems/999999/end",
        "systems.index": "/settings/systems",
        "systems.renew": "/settings/systems/999999/secret",
        "data_map.index": "/data-map",
        "settings.end_feed": "/settings/feed/end",
        "settings.index": "/settings",
        "settings.renew_feed": "/settings/feed",
        "drafts.discard": "/drafts/discard",
        "drafts.remove": "/uploads/none/remove",
        "drafts.save": "/drafts",
        "drafts.upload": "/uploads",
        "my.cases": "/my/cases",
        "my.index": "/my",
        "my.issue_report": "/my/report",
        "my.receipt": f"/my/receipts/{case.ref}",
        "my.receipt_code": f"/my/receipts/{case.ref}/qr.svg",
        "my.report": "/my/report",
        "my.report_pdf": f"/my/report/{report.ref}.pdf",
        "my.seen": "/my/viewings",
        "my.verify_report": f"/verify/reports/{report.code}",
        "my.what_if": f"/my/records/{record.ref}/what-if",
        "public.commitments": "/commitments",
        "public.enterprise": f"/enterprises/{world.firm.uscc}",
        "public.home": "/home",
        "public.index": "/",
        "public.measures": "/measures",
        "records.impose": f"/records/{record.ref}/sanction",
        "records.open_case": f"/records/{record.ref}/objection",
        "records.qr": f"/records/{record.ref}/qr.svg",
        "records.show": f"/records/{record.ref}",
        "security.login": "/login",
        "security.logout": "/logout",
        "second_factor.index": "/settings/factors",
        "security.mf_recovery": "/mf-recovery",
        "security.mf_recovery_codes": "/mf-recovery-codes",
        "security.tf_select": "/tf-select",
        "security.two_factor_rescue": "/tf-rescue",
        "security.two_factor_setup": "/tf-setup",
        "security.two_factor_setup_validate": "/tf-setup/none",
        "security.two_factor_token_validation": "/tf-validate",
        "security.verify": "/login/again",
        "security.wan_delete": "/wan-delete",
        "security.wan_register": "/wan-register",
        "security.wan_register_response": "/wan-register/none",
        "security.wan_signin": "/wan-signin",
        "security.wan_signin_response": "/wan-signin/none",
        "security.static": "/fs-static/js/base64.js",
        "static": "/static/redress.css",
        "theme.change": "/theme",
        "training.call_off": "/training/dates/1/call-off",
        "training.course": "/training/courses/credit_repair",
        "training.dates": "/training/dates",
        "training.index": "/training",
        "training.lesson": "/training/courses/credit_repair/why_credit",
        "training.study": f"/training/{training.ref}",
        "transitions.fire": f"/cases/{case.ref}/accept",
        "unified.back": "/login/unified/back",
        "unified.confirm": "/login/unified/link",
        "unified.start": "/login/unified",
        "work.all_cases": "/work/cases",
        "work.begin_file": "/work/imports/begin",
        "work.close_file": f"/work/imports/{batch.ref}/close",
        "work.drop_file": f"/work/imports/{batch.ref}/drop",
        "work.resume_file": f"/work/imports/{batch.ref}/resume",
        "work.put_part": f"/work/imports/{batch.ref}/parts",
        "work.files": "/work/imports",
        "work.index": "/work",
        "work.show_file": f"/work/imports/{batch.ref}",
        "work.verdicts": f"/work/imports/{batch.ref}/verdicts.csv",
    }
    more = {
        f"?{number}": address
        for number, address in enumerate(
            [
                f"/?q={world.firm.name}",
                f"/?q={world.firm.uscc}",
                "/?q=%25&before=x",
                f"/enforce?uscc={world.firm.uscc}",
                "/enforce?uscc=nonsense",
                f"/records/{record.ref}/repair",
                f"/cases/{repair.ref}",
                "/work?as=provider&after=2026-01-01_1",
                "/work?after=nonsense",
                "/work/cases?workflow=repair&before=99",
                "/audit?before=3",
                *addresses_of_steps("cases", case, most=99),
                *addresses_of_steps("cases", repair),
                *addresses_of_steps("records", record),
                *addresses_of_steps("requirements", training),
                *addresses_of_steps("sanctions", sanction),
            ]
        )
    }
    return fixed | more


def make_feed(world: World) -> str:
    token = feed.renew_token(world.subject)
    db.session.rollback()
    return token


def addresses_of_steps(kind: str, entity: object, most: int = 4) -> Iterator[str]:
    names = list(current_policy().workflow_of(entity).transitions)[:most]
    for name in (*names, "to_closed", "__class__"):
        yield f"/{kind}/{entity.ref}/{name}"


# --- the table ---


def test_every_route_admits_whom_the_table_says(app: Flask) -> None:
    found = {
        endpoint: rule if isinstance(rule, str) else {str(role) for role in rule}
        for endpoint in app.view_functions
        for rule in [rule_of(app, endpoint)]
        if rule != MACHINES  # the table of the interface: tests/api/test_clients.py
    }
    assert found == ROUTES


def test_what_is_posted_and_what_is_read_are_known(app: Flask) -> None:
    posted = {
        rule.endpoint
        for rule in app.url_map.iter_rules()
        if "POST" in rule.methods and rule_of(app, rule.endpoint) != MACHINES
    }
    assert posted == {
        "cases.remove_document",
        "clients.register",
        "clients.revoke",
        "enforcement.receipt",
        "drafts.discard",
        "drafts.remove",
        "drafts.save",
        "drafts.upload",
        "my.issue_report",
        "password.change",
        "agents.appoint",
        "agents.change",
        "agents.end",
        "agents.send_link",
        "institutions.change",
        "institutions.register",
        "invitations.set_password",
        "organisations.add",
        "organisations.place",
        "organisations.rename",
        "platforms.act",
        "platforms.add",
        "platforms.change",
        "platforms.replay",
        "platforms.show_secret",
        "people.appoint",
        "people.change",
        "people.close",
        "people.end",
        "people.invite",
        "people.release",
        "people.reopen",
        "people.send_link",
        "people.reset_factors",
        "people.unlink",
        "calendar.index",
        "complaints.complain",
        "complaints.read_contact",
        "complaints.take_up",
        "desk.add_note",
        "desk.assign",
        "desk.claim",
        "desk.drop_search",
        "desk.prepare",
        "desk.release",
        "desk.save_search",
        "desk.take",
        "enforcement.initiate",
        "exports.ask",
        "inspections.mark",
        "language.change",
        "measures.index",
        "messages.read",
        "messages.read_all",
        "messages.urge",
        "records.impose",
        "records.open_case",
        "security.login",
        "security.logout",
        "security.mf_recovery",
        "security.mf_recovery_codes",
        "security.tf_select",
        "security.two_factor_rescue",
        "security.two_factor_setup",
        "security.two_factor_setup_validate",
        "security.two_factor_token_validation",
        "security.verify",
        "security.wan_delete",
        "security.wan_register",
        "security.wan_register_response",
        "security.wan_signin",
        "security.wan_signin_response",
        "sessions.end",
        "sessions.end_others",
        "settings.end_feed",
        "settings.index",
        "settings.renew_feed",
        "systems.end",
        "systems.renew",
        "theme.change",
        "training.call_off",
        "training.dates",
        "transitions.fire",
        "unified.confirm",
        "work.begin_file",
        "work.close_file",
        "work.drop_file",
        "work.files",
        "work.put_part",
        "work.resume_file",
    }
    pages = [one for one in app.url_map.iter_rules() if rule_of(app, one.endpoint) != MACHINES]
    methods = set().union(*(rule.methods for rule in pages))
    assert methods == {"GET", "HEAD", "OPTIONS", "POST"}


def test_a_page_that_does_not_say_who_may_enter_stops_the_start(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    """Closed by default."""
    monkeypatch.setenv("REDRESS_DATA", str(tmp_path))
    monkeypatch.delenv("DATABASE_URL", raising=False)
    monkeypatch.delattr(my.index, "access")
    with pytest.raises(RuntimeError, match=r"my\.index does not say who may enter"):
        create_app(TestConfig())


def test_a_page_added_later_is_noticed(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("REDRESS_DATA", str(tmp_path))
    monkeypatch.delenv("DATABASE_URL", raising=False)
    app = create_app(TestConfig())
    app.add_url_rule("/back-door", view_func=lambda: "", endpoint="back_door")
    with pytest.raises(RuntimeError, match="back_door"):
        check_rules(app)


# --- looking ---


@pytest.mark.parametrize(
    ("stage", "name"),
    [
        *(("sqlite", name) for name in EVERYBODY),
        *(("postgresql", name) for name in ONE_OF_EACH_ROLE),
    ],
    indirect=["stage"],
)
def test_each_page_lets_in_whom_the_table_says_and_looking_changes_nothing(
    name: str,
    addresses: dict[str, str],
    client_of: Callable[[str], Client],
    digest: Callable[..., dict[str, str]],
) -> None:
    client = client_of(name)
    before = digest()
    answers = {key: client.get(address) for key, address in addresses.items()}
    assert digest() == before
    assert [one.request.path for one in answers.values() if one.status_code >= 500] == []
    for answer in answers.values():  # who is signed in can sign out wherever they are (ASVS 7.4.4)
        if answer.mimetype == "text/html" and answer.status_code != 302:
            assert ('action="/logout"' in answer.html) is (name != "anybody"), answer.request.path
    for endpoint in ROUTES.keys() - POSTED_ONLY:
        code = answers[endpoint].status_code
        sent_to_sign_in = code == 302 and "/login" in answers[endpoint].location
        assert judge(name, endpoint, code, sent_to_sign_in), f"{endpoint}: {code}"


def judge(name: str, endpoint: str, code: int, sent_to_sign_in: bool) -> bool:
    """Say whether an answer is what the table says for this person."""
    if endpoint in NOT_SET_UP:
        return code == 404
    admits = ROUTES[endpoint]
    if admits == PUBLIC:
        return code in {200, 302} and not sent_to_sign_in
    if name == "anybody":
        return sent_to_sign_in
    if admits in {SIGNED_IN, HALFWAY}:
        return code != 302 or endpoint in LEADS_ON
    if not admits & ROLE_OF[name]:
        return code == 403
    # The record is public, so who is not its provider is told so; 404 hides the rest.
    told = endpoint == "enforcement.initiate" and name == "other_provider"
    is_there = 302 if endpoint in LEADS_ON else 200
    return code == (403 if told else 404 if hidden(name, endpoint) else is_there)


def hidden(name: str, endpoint: str) -> bool:
    """Say whether the thing at the address is not for this person to see."""
    if endpoint == "desk.report":
        return name != "reviewer"
    if endpoint in {"agents.appoint", "agents.change", "my.report_pdf", "my.what_if"}:
        return name == "stranger"
    if name in {"upper_reviewer", "torn_reviewer"}:  # the latter acts for the enterprise as well
        return endpoint in OF_ONE_COMPLAINT
    return name == "other_provider" and endpoint in {"work.show_file", "work.verdicts"}


@one_store
def test_every_page_is_sound_html(
    addresses: dict[str, str], client_of: Callable[[str], Client]
) -> None:
    """Parsed strictly: no tag left open, nothing where it must not be, no id twice."""
    seen: set[int] = set()
    parser = html5lib.HTMLParser(strict=False, namespaceHTMLElements=False)
    for name in ("anybody", "subject", "provider", "reviewer", "officer", "auditor"):
        client = client_of(name)
        for address in addresses.values():
            answer = client.get(address)
            known, code = seen.copy(), answer.status_code
            seen.add(code)
            if answer.mimetype != "text/html" or code == 302 or (code != 200 and code in known):
                continue
            tree = parser.parse(answer.html)
            assert parser.errors == [], f"{address} as {name}: {parser.errors}"
            ids = [one.get("id") for one in tree.iter() if one.get("id")]
            assert len(ids) == len(set(ids)), f"{address}: an id stands twice"


# --- what is not yours is not there ---


@pytest.mark.parametrize(
    "name", ["stranger", "other_provider", "officer", "institution", "administrator"]
)
def test_a_case_of_others_is_answered_like_one_that_does_not_exist(
    name: str, world: World, client_of: Callable[[str], Client]
) -> None:
    case = factories.make_case(world, "with_provider")
    document = db.session.query(Document).filter_by(case_id=case.id).first()
    known = [f"/cases/{case.ref}", f"/cases/{case.ref}/confirm", f"/documents/{document.ref}"]
    client = client_of(name)
    unknown = client.get("/cases/YY-2026-999999-Z")
    assert unknown.status_code == 404
    for address in known:
        answer = client.get(address)
        assert answer.status_code == 404, address
        assert answer.words == unknown.words


@pytest.mark.parametrize("name", ["stranger", "other_provider", "officer"])
def test_nobody_moves_a_case_of_others(
    name: str,
    world: World,
    client_of: Callable[[str], Client],
    digest: Callable[..., dict[str, str]],
) -> None:
    case = factories.make_case(world, "with_provider")
    client = client_of(name)
    data = {"csrf_token": client.token(), "version": str(case.version), "findings": "…"}
    before = digest()
    for transition in current_policy().workflow_of(case).transitions:
        assert client.post(f"/cases/{case.ref}/{transition}", data=data).status_code == 404
    assert digest() == before


# --- posting ---


@pytest.mark.parametrize("name", ["subject", "provider", "reviewer", "officer", "anybody"])
@one_store
def test_without_a_csrf_token_every_post_is_refused_and_changes_nothing(
    name: str,
    app: Flask,
    addresses: dict[str, str],
    client_of: Callable[[str], Client],
    digest: Callable[..., dict[str, str]],
) -> None:
    client = client_of(name)
    before = digest()
    for token in ({}, {"csrf_token": "forged"}):
        data = {"version": "3", "statement": "…", **token}
        for rule in app.url_map.iter_rules():
            if "POST" in rule.methods and rule_of(app, rule.endpoint) != MACHINES:
                answer = client.post(addresses[rule.endpoint], data=data)
                assert 400 <= answer.status_code < 500, rule.endpoint
    assert digest() == before


@pytest.mark.parametrize("token", [None, "forged"])
def test_a_form_sent_without_its_csrf_token_keeps_what_was_typed(
    token: str | None,
    world: World,
    client_of: Callable[[str], Client],
    digest: Callable[..., dict[str, str]],
) -> None:
    record = factories.make_record(world.firm, world.agency)
    case = factories.make_case(world, "confirmed", record=record)
    forms = {
        "subject": (f"/records/{record.ref}/objection", "statement"),
        "reviewer": (f"/cases/{case.ref}/announce_rejection", "reason"),
    }
    before = digest()
    for name, (address, field) in forms.items():
        data = {field: "很久才写好的一段话"} | ({"csrf_token": token} if token else {})
        answer = client_of(name).post(address, data=data)
        assert answer.status_code in {400, 409}, address
        assert answer.fields[field] == "很久才写好的一段话"
    assert digest() == before


def test_a_csrf_token_of_somebody_else_is_refused(
    world: World, client_of: Callable[[str], Client], digest: Callable[..., dict[str, str]]
) -> None:
    case = factories.make_case(world, "submitted")
    stolen = client_of("stranger").token()
    before = digest()
    answer = client_of("reviewer").post(f"/cases/{case.ref}/accept", data={"csrf_token": stolen})
    assert answer.status_code == 400
    assert digest() == before


def test_who_is_not_signed_in_is_told_so_when_posting(
    addresses: dict[str, str], anybody: Client, digest: Callable[..., dict[str, str]]
) -> None:
    """A redirect would lose what was typed."""
    before = digest()
    data = {"csrf_token": anybody.token()}
    for endpoint in ("transitions.fire", "records.open_case", "records.impose", "work.files"):
        assert anybody.post(addresses[endpoint], data=data).status_code == 401
    assert digest() == before


@one_store
def test_other_methods_are_refused(
    addresses: dict[str, str],
    client_of: Callable[[str], Client],
    digest: Callable[..., dict[str, str]],
) -> None:
    client = client_of("reviewer")
    before = digest()
    data = {"csrf_token": client.token()}
    for method in ("PUT", "PATCH", "DELETE", "TRACE"):
        for address in addresses.values():
            answer = client.open(address, method=method, data=data)
            assert answer.status_code in {400, 405}, f"{method} {address}"
    assert digest() == before


def test_a_method_named_in_a_field_or_a_header_is_not_obeyed(
    world: World, client_of: Callable[[str], Client], digest: Callable[..., dict[str, str]]
) -> None:
    case = factories.make_case(world, "submitted")
    client = client_of("reviewer")
    sent = {
        "csrf_token": client.token(),
        "version": str(case.version),
        "form_token": secrets.token_urlsafe(24),
        "_method": "POST",
    }
    named = {"X-HTTP-Method-Override": "POST"}
    before = digest()
    for place in ("", "?_method=POST"):
        answer = client.get(f"/cases/{case.ref}/accept{place}", data=sent, headers=named)
        assert answer.status_code == 200  # the form again, nothing was sent
    assert digest() == before
