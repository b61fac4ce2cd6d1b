"""The class and the publication periods of a record, by its rule pack."""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import date
from typing import Any

from repair_app.engine.rules import RulePack

# What the decision itself finds; the legal basis is left out: it quotes what the law threatens.
TEXTS = ("violation_type", "violation_facts", "penalty_content")


@dataclass(frozen=True)
class Assessment:
    """Class, the code of the line that gave it, and the last days of both periods."""

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
    publication = pack.publication(
        severity,
        decided_on=read("decided_on"),
        publicised_on=read("publicised_on"),
        conduct_ended_on=read("conduct_ended_on"),
    )
    return Assessment(
        severity, because, publication.published, publication.min_until, publication.max_until
    )
