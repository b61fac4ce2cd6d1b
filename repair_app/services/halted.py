"""The measures of a department that stand still while their records are verified."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from itertools import groupby
from typing import Final

from sqlalchemy import select
from sqlalchemy.orm import joinedload

from repair_app.access import organisations_as
from repair_app.db import db
from repair_app.models import Case, CreditRecord, Role, Sanction, SanctionSuspension, User

MOST: Final = 100  # suspensions on a page


@dataclass(frozen=True)
class Halted:
    """A measure that must not be carried out, since when, and because of which matters."""

    sanction: Sanction
    since: datetime
    matters: Sequence[Case]


def list_halted(user: User) -> list[Halted]:
    """Return the measures of a person's department that stand still, newest measure first."""
    rows = db.session.execute(
        select(SanctionSuspension, Sanction, Case)
        .join(Sanction, Sanction.id == SanctionSuspension.sanction_id)
        .join(Case, Case.id == SanctionSuspension.case_id)
        .where(
            SanctionSuspension.lifted_at.is_(None),
            Sanction.department_id.in_(organisations_as(user, Role.DEPARTMENT)),
            Sanction.ended_at.is_(None),
        )
        .order_by(Sanction.id.desc(), SanctionSuspension.id)
        .limit(MOST)
        .options(joinedload(Sanction.record).joinedload(CreditRecord.subject))
    ).all()
    halted = []
    for sanction, group in groupby(rows, key=lambda row: row[1]):
        open_rows = list(group)
        since = min(row[0].suspended_at for row in open_rows)
        halted.append(Halted(sanction, since, [row[2] for row in open_rows]))
    return halted
