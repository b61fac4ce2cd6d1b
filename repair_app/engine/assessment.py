"""The class and the publication periods of a record, by its rule pack."""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import date
from functools import partial
from typing import Any

from repair_app.engine.rules import RulePack
from repair_app.models import CreditRecord

# What the decision itself finds; the legal basis is left out: it quotes what the law threatens.
TEXTS = ("violation_type", "violation_facts", "penalty_content")


@dataclass(frozen=True)
class Assessment:
    """Class, the code of the line that gave it (of a given class none), both periods' last days."""

    severity: str
    because: str
    published: bool
    min_until: date | None
    max_until: date


def assess(pack: RulePack, read: Callable[[str], Any]) -> Assessment:
    """Return what the rule pack makes of a record; `read` gives a column by its name."""
    text = "\n".join(read(name) for name in TEXTS)
    severity, because = pack.classify(
        read("penalty_categories"), text, read("fine_10k"), legal_basis=read("legal_basis")
    )
    return _published_as(pack, severity, because, read)


def assess_record(pack: RulePack, record: CreditRecord) -> Assessment:
    """Return what the rule pack makes of a record on file; one with a given class keeps it."""
    read = partial(getattr, record)
    if has_given_class(record) and record.severity_class in pack.classes:
        return _published_as(pack, record.severity_class, "", read)
    return assess(pack, read)


def has_given_class(record: CreditRecord) -> bool:
    """Say whether the system gave a record its class, whatever its words say: a falsehood.

    Its fingerprint is the case that it was found in; that of a file's row is a digest, and a
    record of the prover's worlds has none.
    """
    return "-" in (record.fingerprint or "")


def _published_as(
    pack: RulePack, severity: str, because: str, read: Callable[[str], Any]
) -> Assessment:
    """Return the assessment of a class, with the periods that run from the columns' days."""
    publication = pack.publication(
        severity,
        decided_on=read("decided_on"),
        publicised_on=read("publicised_on"),
        conduct_ended_on=read("conduct_ended_on"),
    )
    return Assessment(
        severity, because, publication.published, publication.min_until, publication.max_until
    )
