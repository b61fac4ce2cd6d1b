"""May a sanction be enforced now? One answer, in Python and in SQL, with reason and basis."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date

from sqlalchemy import ColumnElement, and_, exists, select
from sqlalchemy.orm import Session

from repair_app.engine.step import Reason
from repair_app.labels import N_
from repair_app.models import CreditRecord, DisputeMark, Sanction, SanctionSuspension

LIVE = ("published", "withheld")
IN_VERIFICATION = "SD-GOV-2017-44 二（四）20"
AFTER_REPAIR = "SD-CREDIT-2021-5 （八）"
TERM_OF_RECORD = "CN-2019-527 一"
OFF_FILE = {"repaired": AFTER_REPAIR, "withdrawn": IN_VERIFICATION}
TERM_OF_SANCTION = "SD-GOV-2017-44 二（四）19"
LIST_OF_MEASURES = "SD-GOV-2017-44 二（四）18"


@dataclass(frozen=True)
class Verdict:
    """Whether a sanction may be enforced on a day, why, and by which clause."""

    enforceable: bool
    reason: Reason
    basis: str  # "<document> <clause>" of workflows/documents.toml


def in_publication_term(record: CreditRecord, day: date) -> bool:
    """Say whether the day lies inside the maximum publication period (its last day included)."""
    return day <= record.max_publication_until


def open_suspensions(session: Session, sanction: Sanction) -> Sequence[SanctionSuspension]:
    """Return the suspensions of a sanction that no decision or withdrawal has lifted."""
    return session.scalars(
        select(SanctionSuspension).where(
            SanctionSuspension.sanction_id == sanction.id, SanctionSuspension.lifted_at.is_(None)
        )
    ).all()


def enforceable(sanction: Sanction, at: date) -> Verdict:
    """Say whether a sanction may be enforced on a day (Asia/Shanghai).

    In force, in term, its record not ended, and no suspension or dispute mark open. What is
    stored twice (state, suspension, mark) must agree; any one of them is enough to say no.
    """
    record = sanction.record
    if record.state not in LIVE or not in_publication_term(record, at):
        return Verdict(
            False,
            Reason(N_("The record it rests on is no longer a ground for sanctions.")),
            OFF_FILE.get(record.state, TERM_OF_RECORD),
        )
    if sanction.state in {"ended", "lapsed"}:
        return Verdict(False, Reason(N_("The measure has ended.")), TERM_OF_SANCTION)
    suspended = any(one.lifted_at is None for one in sanction.suspensions)
    if sanction.state != "in_force" or suspended or record.is_contested:
        return Verdict(
            False,
            Reason(N_("The record is being verified: the measure is not executed meanwhile.")),
            IN_VERIFICATION,
        )
    if not sanction.imposed_on <= at <= sanction.ends_on:
        return Verdict(
            False,
            Reason(
                N_("Outside the term of the measure (%(start)s to %(end)s)."),
                {"start": sanction.imposed_on, "end": sanction.ends_on},
            ),
            TERM_OF_SANCTION,
        )
    return Verdict(
        True,
        Reason(N_("In force until %(end)s."), {"end": sanction.ends_on}),
        LIST_OF_MEASURES,
    )


def is_enforceable(at: date) -> ColumnElement[bool]:
    """Return the same answer as a condition on `Sanction` joined to `CreditRecord`."""
    return and_(
        Sanction.state == "in_force",
        Sanction.imposed_on <= at,
        Sanction.ends_on >= at,
        CreditRecord.state.in_(LIVE),
        CreditRecord.max_publication_until >= at,
        ~exists().where(
            SanctionSuspension.sanction_id == Sanction.id, SanctionSuspension.lifted_at.is_(None)
        ),
        ~exists().where(
            DisputeMark.record_id == Sanction.record_id, DisputeMark.lifted_at.is_(None)
        ),
    )
