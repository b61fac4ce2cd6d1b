"""Lists of the catalogue's measures and of those that stand on records."""

from typing import Any, Final

from flask_babel import lazy_gettext as _l
from sqlalchemy import Select, or_, select
from sqlalchemy.orm import joinedload, selectinload

from repair_app.access import organisations_as
from repair_app.db import today
from repair_app.engine import enforcement
from repair_app.labels import Label
from repair_app.models import (
    CreditRecord,
    Deadline,
    Organisation,
    Role,
    Sanction,
    SanctionMeasure,
    User,
)
from repair_app.services import catalogue
from repair_app.services.listings.common import Filters, party, state_name
from repair_app.services.policy import current_policy
from repair_app.services.reasons import reason_text
from repair_app.services.statistics.tables import text_of
from repair_app.sheets import Cell


def measures_query(_user: User | None, _filters: Filters) -> Select[Any]:
    """Return the query for the catalogue of measures."""
    return select(SanctionMeasure).order_by(SanctionMeasure.code)


def measure_row(measure: SanctionMeasure) -> list[Cell]:
    """Return the cells of a measure of the catalogue."""
    return [
        measure.code,
        measure.name_zh,
        measure.name_en,
        str(catalogue.KIND_NAMES[measure.kind]),
        str(catalogue.FORCE_NAMES[measure.force]),
        text_of(current_policy().cite(measure.basis)),
        measure.withdrawn_on,
    ]


MEASURE_HEAD: Final = (
    _l("Code"),
    _l("Measure (Chinese)"),
    _l("Measure (English)"),
    _l("Kind"),
    _l("Force"),
    _l("Basis"),
    _l("Off the list since"),
)


def with_record(query: Select[Any]) -> Select[Any]:
    """Return a query for sanctions that reads what their lines say."""
    return query.order_by(Sanction.id.desc()).options(
        joinedload(Sanction.record).options(
            joinedload(CreditRecord.subject), selectinload(CreditRecord.dispute_marks)
        ),
        joinedload(Sanction.measure),
        joinedload(Sanction.department),
        selectinload(Sanction.suspensions),
    )


def enforcement_query(user: User, filters: Filters) -> Select[Any]:
    """Return the query for the measures of a person's department that have not ended."""
    own = organisations_as(user, Role.DEPARTMENT)
    asked = select(Sanction).where(Sanction.department_id.in_(own))
    if filters.get("uscc"):
        subjects = select(Organisation.id).where(Organisation.uscc == filters["uscc"])
        on_file = select(CreditRecord.id).where(CreditRecord.subject_id.in_(subjects))
        return with_record(asked.where(Sanction.record_id.in_(on_file)))
    return with_record(asked.where(Sanction.ended_at.is_(None)))


def initiated_query(user: User, _filters: Filters) -> Select[Any]:
    """Return the query for the measures on records of a person's agency that it has to hear of."""
    own = organisations_as(user, Role.PROVIDER)
    waiting = select(Deadline.entity_ref).where(
        Deadline.met_at.is_(None), Deadline.clock == "sanction_evaluation"
    )
    return with_record(
        select(Sanction)
        .join(CreditRecord)
        .where(CreditRecord.provider_id.in_(own))
        .where(or_(Sanction.state == "initiated", Sanction.ref.in_(waiting)))
    )


SANCTION_HEAD: Final = (
    _l("Number"),
    _l("Measure"),
    _l("May it be enforced now?"),
    _l("Why"),
    _l("State"),
    _l("Enterprise"),
    _l("Unified social credit code"),
    _l("Decision"),
    _l("Implementing department"),
    _l("From"),
    _l("Until"),
    _l("Reaches"),
    _l("As of"),
)


def sanction_row(sanction: Sanction) -> list[Cell]:
    """Return the cells of a measure, with the answer of today; whom it reaches by office only."""
    verdict = enforcement.enforceable(sanction, today())
    role = sanction.person_role
    return [
        sanction.ref,
        text_of(Label(sanction.measure.name_zh, sanction.measure.name_en)),
        verdict.enforceable,
        reason_text(verdict.reason),
        state_name(sanction),
        *party(sanction.record.subject),
        sanction.record.decision_no,
        sanction.department.name,
        sanction.imposed_on,
        sanction.ends_on,
        text_of(enforcement.ROLES_OF_PERSONS[role]) if role else "",
        today(),
    ]
