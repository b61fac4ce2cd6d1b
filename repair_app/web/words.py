"""Words for what is stored as a code: roles, kinds of evidence, fields of an answer."""

from typing import Any

from flask_babel import gettext
from flask_babel import lazy_gettext as _l

from repair_app.engine.fields import CORRECTABLE
from repair_app.engine.step import WAS

ROLES: dict[str, Any] = {
    "subject": _l("enterprise"),
    "agent": _l("agent"),
    "provider": _l("information provider"),
    "reviewer": _l("reviewer"),
    "department": _l("implementing department"),
    "institution": _l("credit service institution"),
    "auditor": _l("auditor"),
    "administrator": _l("administrator"),
    "system": _l("system"),
}

TEXTS: dict[str, Any] = {
    "statement": _l("Statement"),
    "findings": _l("Findings"),
    "reason": _l("Reasons"),
    "remedy": _l("What can be done next"),
    "missing": _l("Missing"),
    "note": _l("Internal note"),
    "signatory": _l("Signed by"),
}

MEASURE_KINDS: dict[str, Any] = {
    "administrative": _l("administrative"),
    "market": _l("market"),
    "industry": _l("industry"),
}

MEASURE_FORCES: dict[str, Any] = {
    "mandatory": _l("mandatory"),
    "recommended": _l("recommended"),
}


def text_name(name: str, lang: str) -> str:
    """Return what a text beside an event is called: one of TEXTS, or a field of the record."""
    kind, _, column = name.rpartition(":")
    if column not in CORRECTABLE:
        return str(TEXTS.get(name, name))
    label = CORRECTABLE[column].label.text(lang)
    return str(gettext("%(field)s, before", field=label)) if f"{kind}:" == WAS else label


VERDICTS: dict[str, Any] = {
    "accepted": _l("accepted"),
    "duplicate": _l("duplicate"),
    "refused": _l("refused"),
}
