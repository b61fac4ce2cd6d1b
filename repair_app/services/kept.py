"""How long what passes is kept, by the rules that `create_app` loaded."""

from collections.abc import Mapping
from datetime import timedelta

from flask import current_app

from repair_app.engine.retention import Rule


def kept_rules() -> Mapping[str, Rule]:
    """Return the rules by name."""
    rules: Mapping[str, Rule] = current_app.extensions["redress_retention"]
    return rules


def kept_for(name: str) -> timedelta:
    """Return how long one kind of data is kept. Raises KeyError for one that there is not."""
    return kept_rules()[name].keep
