"""Words for what is stored as a code: roles, kinds of evidence, fields of an answer."""

from collections.abc import Mapping
from typing import Any

from flask_babel import gettext
from flask_babel import lazy_gettext as _l
from flask_babel.speaklater import LazyString

from repair_app.engine import enforcement
from repair_app.engine.fields import CORRECTABLE
from repair_app.engine.step import WAS
from repair_app.forms import matters, questions
from repair_app.models import Role
from repair_app.services import catalogue, institutions, offices, organisations

ROLES: dict[str, Any] = {
    "subject": _l("enterprise"),
    "agent": _l("agent"),
    "provider": _l("information provider"),
    "reviewer": _l("reviewer"),
    "department": _l("implementing department"),
    "institution": _l("credit service institution"),
    "auditor": _l("auditor"),
    "administrator": _l("administrator"),
    "security_officer": _l("security officer"),
    "system": _l("system"),
}


def who_authorises() -> str:
    """Return who gives roles, registers systems and resets second factors on this site.

    By its profile of security: "security officer", or "administrator or security officer".
    """
    theirs = offices.roles_for(offices.Duty.AUTHORISE)
    return str(gettext(" or ")).join(str(ROLES[role]) for role in Role if role in theirs)


AUTHORISING: Any = LazyString(who_authorises)  # in texts that are made before a site is

TEXTS: dict[str, Any] = {
    "statement": _l("Statement"),
    "findings": _l("Findings"),
    "reason": _l("Reasons"),
    "remedy": _l("What can be done next"),
    "missing": _l("Missing"),
    "note": _l("Internal note"),
    "signatory": _l("Signed by"),
    "account": _l("What was done, or why it was not"),
    "notice": _l("Restoration notice"),
    "person": _l("Person"),
    "unfulfilled": _l("What of the commitment was not kept"),
    "liability": _l("What is to follow"),
    "organiser": _l("Who organised it"),
    "order": _l("What is to be put right"),
    "question": _l("What was asked"),
    "progress": _l("How far the matter is"),
    "appraiser": _l("Who tests, appraises or reviews"),
    "weighing": _l("How the subject's views were weighed"),
    "body": _l("Court or authority"),
    "agenda": _l("What the talk is about"),
    "attendees": _l("Who took part"),
    "authority_said": _l("What the agency said"),
    "subject_said": _l("What the enterprise said"),
    "undertakings": _l("What the enterprise undertook, and until when"),
    "presented_by": _l("Who came to the counter"),
    "removed": _l("File taken out"),
}

DOORS: dict[str, Any] = {  # by which a matter came in; who complained is told nowhere
    "subject": _l("filed by the enterprise"),
    "complaint": _l("after a report by an interested party"),
    "discovery": _l("found out by an authority"),
    "system": _l("opened by the system"),
}


def text_name(name: str, lang: str) -> str:
    """Return what a text beside an event is called: one of TEXTS, or a field of the record."""
    kind, _, column = name.rpartition(":")
    if column not in CORRECTABLE:
        return str(TEXTS.get(name, name))
    label = CORRECTABLE[column].label.text(lang)
    return str(gettext("%(field)s, before", field=label)) if f"{kind}:" == WAS else label


MAIL_STATES: dict[str, Any] = {
    "none": _l("not to be mailed"),
    "waiting": _l("to be sent at once"),
    "gathered": _l("for the next digest"),
    "sent": _l("sent"),
    "failed": _l("given up"),
}

VIEWS: dict[str, Any] = {
    "right": _l("The record is right"),
    "wrong": _l("The record is wrong"),
    "unknown": _l("We cannot tell"),
}

VERDICTS: dict[str, Any] = {
    "accepted": _l("accepted"),
    "duplicate": _l("duplicate"),
    "refused": _l("refused"),
    "quarantined": _l("quarantined"),
}

ORGANISATION_KINDS: Mapping[str, Any] = organisations.KIND_NAMES
SERVICES: Mapping[str, Any] = institutions.SERVICE_NAMES
MEASURE_KINDS: Mapping[str, Any] = catalogue.KIND_NAMES
MEASURE_FORCES: Mapping[str, Any] = catalogue.FORCE_NAMES
PRESENTERS: Mapping[str, Any] = matters.PRESENTERS
REFUSALS: Mapping[str, Any] = questions.REFUSALS
PERSON_ROLES: Mapping[str, Any] = enforcement.ROLES_OF_PERSONS
ADDRESSEES: Mapping[str, Any] = enforcement.ADDRESSEES
INCIDENTS: Mapping[str, Any] = enforcement.INCIDENTS

PLATFORM_KINDS: dict[str, Any] = {
    "national": _l("national site"),
    "provincial": _l("provincial site"),
    "city": _l("city site"),
    "enterprise_publicity": _l("enterprise publicity system"),
    "source_agency": _l("source agency"),
    "third_party": _l("third party"),
}
DELIVERIES: dict[str, Any] = {
    "webhook": _l("signed messages to its address"),
    "pull": _l("it fetches them over the interface"),
    "file": _l("files in the national format"),
}
PLATFORM_STANDINGS: dict[str, Any] = {
    "active": _l("active"),
    "parked": _l("parked"),
    "disabled": _l("disabled"),
}
OWED: dict[str, Any] = {
    "waiting": _l("on its way"),
    "acknowledged": _l("shown"),
    "superseded": _l("overtaken by a newer change"),
    "failed": _l("given up, needs attention"),
}
