"""May a sanction be enforced now? One answer, in Python and in SQL, with reason and basis.

And afterwards: was what a department says it carried out on a day allowed on that day?
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date
from types import MappingProxyType
from typing import Final, Protocol

from sqlalchemy import ColumnElement, String, and_, cast, exists

from repair_app.calendar import local_date
from repair_app.engine.step import Reason
from repair_app.labels import N_, Label
from repair_app.models import (
    CreditRecord,
    DisputeMark,
    Sanction,
    SanctionExecution,
    SanctionMeasure,
    SanctionSuspension,
)

LIVE = ("published", "withheld")
ENFORCEABLE: Final = "enforceable"  # the one code that is a yes
SHIELDED = "shielded"  # a record that a bankruptcy plan keeps from view and use for the time being
IN_VERIFICATION = "SD-GOV-2017-44 二（四）20"
AFTER_REPAIR = "SD-CREDIT-2021-5 （八）"
TERM_OF_RECORD = "CN-2019-527 一"
IN_REORGANISATION = "CN-2025-22 破产重整期间"
OFF_FILE = {"repaired": AFTER_REPAIR, "withdrawn": IN_VERIFICATION}
TERM_OF_SANCTION = "SD-GOV-2017-44 二（四）19"
LIST_OF_MEASURES = "SD-GOV-2017-44 二（四）18"
NO_MEASURE_AT_WILL = "SD-DRC-35 四（十三）"
TRIGGERED = "SD-GOV-2017-44 二（四）16"

ROLES_OF_PERSONS: Final = MappingProxyType(
    {
        "legal_representative": Label("法定代表人", "legal representative"),
        "principal": Label("主要负责人", "principal"),
        "actual_controller": Label("实际控制人", "actual controller"),
        "directly_responsible": Label("直接责任人员", "person directly responsible"),
    }
)
# Who is told when a public body, a state-owned enterprise or its staff acted (…四（十四）).
ADDRESSEES: Final = MappingProxyType(
    {
        "superior": Label("上级主管单位", "superior unit"),
        "audit": Label("审计部门", "audit office"),
        "own_unit": Label("所在单位", "own unit"),
        "discipline": Label("纪检监察机关", "discipline inspection"),
        "personnel": Label("组织人事部门", "personnel office"),
    }
)
INCIDENTS: Final = MappingProxyType(
    {
        "suspended": Label("核实期间执行", "carried out while the record was verified"),
        "outside_term": Label("不在惩戒期限内执行", "carried out outside the term"),
        "off_file": Label("所依据记录已终止仍执行", "carried out when the record had ended"),
    }
)


@dataclass(frozen=True)
class Verdict:
    """Whether a sanction may be enforced on a day, why, and by which clause."""

    enforceable: bool
    reason: Reason
    basis: str  # "<document> <clause>" of workflows/documents.toml
    code: str  # the same for the same reason: one of CODES
    by_record: bool = False  # whether the record's own standing decides, not the sanction's


# How a sanction stands, for machines; each has its reason in words.
CODES: Final = MappingProxyType(
    {
        ENFORCEABLE: N_("In force until %(end)s."),
        "suspended": N_("The record is being verified: the measure is not executed meanwhile."),
        SHIELDED: N_("The record is shielded while a reorganisation plan is carried out."),
        "record_ended": N_("The record it rests on is no longer a ground for sanctions."),
        "ended": N_("The measure has ended."),
        "not_accepted": N_("The measure was initiated; the department has not accepted it yet."),
        "declined": N_("The department declined the measure."),
        "not_listed": N_("The measure has been taken off the catalogue."),
        "not_for_class": N_("The measure may not rest on a record of this class."),
        "outside_term": N_("Outside the term of the measure (%(start)s to %(end)s)."),
        "not_imposed": N_("The department has imposed no such measure on this enterprise."),
        "enterprise_not_known": N_(
            "No enterprise with this code is on file: without a record there is no measure."
        ),
        "measure_not_known": N_(
            "The catalogue has no such measure: none outside of it may be enforced."
        ),
    }
)


def no(basis: str, code: str, *, by_record: bool = False, **values: object) -> Verdict:
    """Return the no of a code, by a clause; values: what its words leave open."""
    return Verdict(False, Reason(CODES[code], values), basis, code, by_record)


# Where there is no sanction that could be enforced.
NOT_IMPOSED: Final = no(NO_MEASURE_AT_WILL, "not_imposed")
ENTERPRISE_NOT_KNOWN: Final = no(NO_MEASURE_AT_WILL, "enterprise_not_known")
MEASURE_NOT_KNOWN: Final = no(NO_MEASURE_AT_WILL, "measure_not_known")


class RecordStanding(Protocol):
    """What the answer asks of a record."""

    @property
    def state(self) -> str: ...
    @property
    def severity_class(self) -> str: ...
    @property
    def max_publication_until(self) -> date: ...
    @property
    def is_contested(self) -> bool: ...


class MeasureStanding(Protocol):
    """What the answer asks of a measure of the catalogue."""

    @property
    def basis(self) -> str: ...
    @property
    def classes(self) -> Sequence[str]: ...
    @property
    def withdrawn_on(self) -> date | None: ...


class Standing(Protocol):
    """What the answer asks of a sanction: a `Sanction`, or a row with the same columns."""

    @property
    def state(self) -> str: ...
    @property
    def imposed_on(self) -> date: ...
    @property
    def ends_on(self) -> date: ...
    @property
    def is_suspended(self) -> bool: ...
    @property
    def record(self) -> RecordStanding: ...
    @property
    def measure(self) -> MeasureStanding: ...


def in_publication_term(record: RecordStanding, day: date) -> bool:
    """Say whether the day lies inside the maximum publication period (its last day included)."""
    return day <= record.max_publication_until


def is_listed(measure: MeasureStanding, day: date) -> bool:
    """Say whether a measure stands in the catalogue on a day."""
    return bool(measure.basis) and (measure.withdrawn_on is None or day < measure.withdrawn_on)


def fits_class(measure: MeasureStanding, record: RecordStanding) -> bool:
    """Say whether a measure may rest on a record of its class (山东条例 28, 30)."""
    return record.severity_class in measure.classes


def enforceable(sanction: Standing, at: date) -> Verdict:
    """Say whether a sanction may be enforced on a day (Asia/Shanghai).

    In force, in its own term, its measure listed, its record not ended, and no suspension or
    dispute mark open. What is stored twice (state, suspension, mark) must agree; any one of them
    is enough to say no.
    """
    return (
        bar_of_record(sanction.record, at)
        or bar_of_state(sanction)
        or bar_of_catalogue(sanction, at)
        or bar_of_term(sanction, at)
        or Verdict(
            True,
            Reason(CODES[ENFORCEABLE], {"end": sanction.ends_on}),
            LIST_OF_MEASURES,
            ENFORCEABLE,
        )
    )


def bar_of_record(record: RecordStanding, at: date) -> Verdict | None:
    """Return the no of a record that is not on file as current, or None."""
    if record.state == SHIELDED:
        return no(IN_REORGANISATION, SHIELDED, by_record=True)
    if record.state in LIVE and in_publication_term(record, at):
        return None
    return no(OFF_FILE.get(record.state, TERM_OF_RECORD), "record_ended", by_record=True)


def bar_of_state(sanction: Standing) -> Verdict | None:
    """Return the no of a sanction that is not in force or stands still, or None."""
    if sanction.state in {"ended", "lapsed"}:
        return no(TERM_OF_SANCTION, "ended")
    if sanction.state == "initiated":
        return no(TRIGGERED, "not_accepted")
    if sanction.state == "declined":
        return no(LIST_OF_MEASURES, "declined")
    held = sanction.is_suspended or sanction.record.is_contested
    if sanction.state == "in_force" and not held:
        return None
    return no(IN_VERIFICATION, "suspended")


def bar_of_catalogue(sanction: Standing, at: date) -> Verdict | None:
    """Return the no of a measure that is listed no more, or not for this class, or None."""
    if not is_listed(sanction.measure, at):
        return no(NO_MEASURE_AT_WILL, "not_listed")
    if not fits_class(sanction.measure, sanction.record):
        return no(LIST_OF_MEASURES, "not_for_class")
    return None


def bar_of_term(sanction: Standing, at: date) -> Verdict | None:
    """Return the no of a day outside the sanction's own term, or None."""
    if sanction.imposed_on <= at <= sanction.ends_on:
        return None
    return no(TERM_OF_SANCTION, "outside_term", start=sanction.imposed_on, end=sanction.ends_on)


def is_enforceable(at: date) -> ColumnElement[bool]:
    """Return the same answer as a condition on `Sanction` joined to `CreditRecord`."""
    return and_(
        Sanction.state == "in_force",
        Sanction.imposed_on <= at,
        Sanction.ends_on >= at,
        CreditRecord.state.in_(LIVE),
        CreditRecord.max_publication_until >= at,
        ~exists().where(
            SanctionMeasure.id == Sanction.measure_id,
            (SanctionMeasure.withdrawn_on <= at) | (SanctionMeasure.basis == "") | ~_fits_class(),
        ),
        ~exists().where(
            SanctionSuspension.sanction_id == Sanction.id, SanctionSuspension.lifted_at.is_(None)
        ),
        ~exists().where(
            DisputeMark.record_id == Sanction.record_id, DisputeMark.lifted_at.is_(None)
        ),
    )


def _fits_class() -> ColumnElement[bool]:
    """Return `fits_class` as a condition: the list is kept as JSON, in quotes a word is whole."""
    named = '"' + CreditRecord.severity_class + '"'
    return cast(SanctionMeasure.classes, String).contains(named)


def find_incident(sanction: Sanction, day: date) -> str | None:
    """Return why a measure must not have been carried out on a day: a key of INCIDENTS, or None.

    The day on which a verification began counts as its, the day on which it ended does not: what
    was done before its first hour can be explained in the remedy, harm that is overlooked cannot.
    """
    record = sanction.record
    archived_on = local_date(record.archived_at) if record.archived_at else None
    if not in_publication_term(record, day) or (archived_on and day > archived_on):
        return "off_file"
    if any(was_suspended(one, day) for one in sanction.suspensions):
        return "suspended"
    ended_on = local_date(sanction.ended_at) if sanction.ended_at else None
    if day < sanction.imposed_on or day > sanction.ends_on or (ended_on and day > ended_on):
        return "outside_term"
    return None


def find_execution(sanction: Sanction, day: date, *, executed: bool) -> SanctionExecution | None:
    """Return what was reported before of a day with the same outcome, judged as it is now.

    What was reported before a verification began does not answer for what was carried out after.
    """
    incident = find_incident(sanction, day) if executed else None
    return next(
        (
            one
            for one in sanction.executions
            if (one.happened_on, one.executed) == (day, executed)
            and incident in {None, one.incident}
        ),
        None,
    )


def was_suspended(suspension: SanctionSuspension, day: date) -> bool:
    """Say whether a day lies in the time of a suspension."""
    begun = local_date(suspension.suspended_at) <= day
    return begun and (suspension.lifted_at is None or day < local_date(suspension.lifted_at))
