"""The data map of this deployment: what is kept of whom, with the rules of retention in force."""

from collections.abc import Sequence

from flask import current_app

from repair_app.db import Base
from repair_app.engine import data_map
from repair_app.services.kept import kept_rules


def read_map() -> list[data_map.Kept]:
    """Return what workflows/data.toml says of the tables. Raises SpecError."""
    path = current_app.config["WORKFLOWS"] / data_map.FILE
    return data_map.load_map(path, Base.metadata.sorted_tables)


def list_flaws(found: Sequence[data_map.Kept]) -> list[str]:
    """Return what is wrong with it, one line each: columns that nobody classified, first of all."""
    return sorted(data_map.find_flaws(found, Base.metadata.sorted_tables, kept_rules()))
