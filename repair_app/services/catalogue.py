"""The catalogue of sanction measures, read from the policy folder into its table."""

import tomllib
from pathlib import Path
from typing import Final

from sqlalchemy import select

from repair_app.engine.spec import SpecError
from repair_app.labels import Label
from repair_app.models import SanctionMeasure
from repair_app.services.transaction import transaction

KINDS: Final = ("administrative", "market", "industry")
FORCES: Final = ("mandatory", "recommended")


def load_measures(path: Path) -> None:
    """Bring the table of measures up to the file: a measure is added or renamed, never removed.

    Raises SpecError for a kind or force that does not exist.
    """
    rows = tomllib.loads(path.read_text(encoding="utf-8"))["measures"]
    with transaction() as session:
        known = {one.code: one for one in session.scalars(select(SanctionMeasure))}
        for row in rows:
            if row["kind"] not in KINDS or row["force"] not in FORCES:
                raise SpecError(f"{path.name}: {row['code']}: unknown kind or force")
            name = Label.of(row["name"])
            measure = known.get(row["code"]) or SanctionMeasure(code=row["code"])
            measure.name_zh, measure.name_en = name.zh, name.en
            measure.kind, measure.force, measure.basis = row["kind"], row["force"], row["basis"]
            session.add(measure)
