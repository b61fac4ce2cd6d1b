"""Who a person is for an entity, and what a person may see: one answer in Python and in SQL."""

from collections.abc import Iterator
from dataclasses import dataclass

from sqlalchemy import ColumnElement, Select, and_, false, not_, or_, select, true

from repair_app.db import today
from repair_app.models import (
    Appointment,
    Case,
    CreditRecord,
    Requirement,
    Role,
    Sanction,
    User,
)

Entity = Case | CreditRecord | Requirement | Sanction
READS_ALL_CASES = (Role.REVIEWER, Role.AUDITOR)
# What no party may know of: who complained could be told from it (鲁政发〔2017〕44号 二（三）14).
CONFIDENTIAL = ("complaint",)
FILERS = frozenset({Role.SUBJECT, Role.AGENT})  # the enterprise's side: who files and follows
SIDES = (Role.SUBJECT, Role.AGENT, Role.PROVIDER, Role.INSTITUTION)  # who acts as these takes one
# What an agent's mandate reaches: an objection and what surrounds it, or a repair and all else.
MANDATES: dict[str, tuple[str, ...]] = {
    "objection": ("objection", "review", "proceeding", "annulment", "quarantine"),
    "repair": (
        "repair",
        "revocation",
        "shield",
        "rectification_order",
        "talk",
        "remedy",
        "self_correction",
    ),
}


# What a person whom a measure reaches may open about its record, in their own name. It is then
# theirs and not the enterprise's, whose people do not see it.
IN_OWN_NAME = ("objection", "review")


@dataclass(frozen=True)
class OwnName:
    """The standing of a person whom a measure reaches: for nobody but themselves (…四（十四）)."""

    role: str = Role.SUBJECT
    organisation_id: None = None
    organisation: None = None


def stands_as(user: User, entity: Entity) -> Iterator[Appointment | OwnName]:
    """Yield the standings by which this person is something for this entity.

    Account inactive, or appointment run out: nothing. A machine acts for an organisation only.
    """
    if not user.active or _is_kept_from(user, entity):
        return
    for appointment in user.current_appointments:
        if concerns(appointment, entity):
            yield appointment
    if not user.is_machine and _is_reached(user, entity):
        yield OwnName()


def sides_of(user: User) -> Select[int]:
    """Return the query for the organisations for which a person takes a side, by any account."""
    return (
        select(Appointment.organisation_id)
        .join(Appointment.user)
        .where(
            User.person_id == user.person_id,
            Appointment.role.in_(SIDES),
            or_(Appointment.ends_on.is_(None), Appointment.ends_on >= today()),
        )
    )


def takes_side_in(user: User) -> ColumnElement[bool]:
    """Return the SQL condition on `Case` for those with a party for which a person acts."""
    return or_(Case.subject_id.in_(sides_of(user)), Case.provider_id.in_(sides_of(user)))


def _is_kept_from(user: User, entity: Entity) -> bool:
    """Say whether a matter is confidential and the person acts for a side of it, in any office."""
    if not isinstance(entity, Case) or entity.workflow not in CONFIDENTIAL:
        return False
    seats = (seat for account in user.person.accounts for seat in account.current_appointments)
    sides = {seat.organisation_id for seat in seats if seat.role in SIDES}
    return bool({entity.subject_id, entity.provider_id} & sides)


def _is_reached(user: User, entity: Entity) -> bool:
    match entity:
        case Case():
            return entity.person_id is not None and entity.person_id == user.person_id
        case Requirement():
            return _is_reached(user, entity.case)
        case Sanction():
            return entity.person_id is not None and entity.person_id == user.person_id
        case CreditRecord():
            return any(one.person_id == user.person_id for one in entity.sanctions)


def acts_for(appointment: Appointment | OwnName, entity: Entity) -> bool:
    """Say whether a standing acts in a matter, not only reads it: its own credit centre's does."""
    if appointment.role != Role.REVIEWER:
        return True
    case = entity.case if isinstance(entity, Requirement) else entity
    if not isinstance(case, Case) or case.centre_id is None:
        return True
    return appointment.organisation_id in {case.centre_id, case.higher_centre_id}


def concerns(appointment: Appointment, entity: Entity) -> bool:
    """Say whether an appointment that holds makes its person something for this entity."""
    match entity:
        case Case():
            told = entity.workflow not in CONFIDENTIAL or appointment.role in READS_ALL_CASES
            return told and _concerns_case(appointment, entity)
        case Requirement():
            return _concerns_requirement(appointment, entity)
        case Sanction():
            return _concerns_sanction(appointment, entity)
        case CreditRecord():
            return _concerns_record(appointment, entity)


def _concerns_case(appointment: Appointment, case: Case) -> bool:
    own = appointment.organisation_id
    match appointment.role:
        case Role.SUBJECT:
            return own == case.subject_id and case.person_id is None
        case Role.AGENT:
            is_firms = own == case.subject_id and case.person_id is None
            return is_firms and case.workflow in reach_of(appointment)
        case Role.PROVIDER:
            return own == case.provider_id and case.submitted_at is not None
        case Role.DEPARTMENT:
            return own == case.department_id and case.submitted_at is not None
        case Role.REVIEWER | Role.AUDITOR:
            entered = case.entered_by_id is not None  # at the counter, on behalf of the firm
            return case.submitted_at is not None or (appointment.role == Role.REVIEWER and entered)
        case _:
            return False


def reach_of(appointment: Appointment) -> tuple[str, ...]:
    """Return the workflows that an agent's mandate reaches."""
    return tuple(one for scope in appointment.scope or () for one in MANDATES[scope])


def _concerns_requirement(appointment: Appointment, requirement: Requirement) -> bool:
    if appointment.role == Role.INSTITUTION:
        return appointment.organisation_id == requirement.institution_id
    if appointment.role == Role.PROVIDER and requirement.workflow == "opinion":
        return appointment.organisation_id == requirement.institution_id
    return _concerns_case(appointment, requirement.case)


def _concerns_sanction(appointment: Appointment, sanction: Sanction) -> bool:
    if appointment.role == Role.DEPARTMENT:
        return appointment.organisation_id == sanction.department_id
    if appointment.role == Role.PROVIDER:  # the lead agency initiates and evaluates
        return appointment.organisation_id == sanction.record.provider_id
    return appointment.role in READS_ALL_CASES


def _concerns_record(appointment: Appointment, record: CreditRecord) -> bool:
    match appointment.role:
        case Role.SUBJECT | Role.AGENT:
            return appointment.organisation_id == record.subject_id
        case Role.PROVIDER:
            return appointment.organisation_id == record.provider_id
        case Role.REVIEWER | Role.AUDITOR:
            return True
        case Role.DEPARTMENT:
            return record.archived_at is None or any(
                one.department_id == appointment.organisation_id for one in record.sanctions
            )
        case _:
            return False


def visible_to(user: User) -> ColumnElement[bool]:
    """Return the SQL condition on `Case` that is true just where `stands_as` finds someone."""
    if not user.active:
        return false()
    in_own_name = false() if user.is_machine else Case.person_id == user.person_id
    return or_(in_own_name, *(_sees_cases(user, one) for one in user.current_appointments))


def records_concerning(user: User) -> ColumnElement[bool]:
    """Return the SQL condition on `CreditRecord` that is true just where `stands_as` finds one."""
    if not user.active:
        return false()
    reached = CreditRecord.sanctions.any(Sanction.person_id == user.person_id)
    in_own_name = false() if user.is_machine else reached
    return or_(in_own_name, *(_is_concerned(one) for one in user.current_appointments))


def _is_concerned(appointment: Appointment) -> ColumnElement[bool]:
    own = appointment.organisation_id
    match appointment.role:
        case Role.SUBJECT | Role.AGENT:
            return CreditRecord.subject_id == own
        case Role.PROVIDER:
            return CreditRecord.provider_id == own
        case Role.REVIEWER | Role.AUDITOR:
            return true()
        case Role.DEPARTMENT:
            by_it = CreditRecord.sanctions.any(Sanction.department_id == own)
            return or_(CreditRecord.archived_at.is_(None), by_it)
        case _:
            return false()


def _sees_cases(user: User, appointment: Appointment) -> ColumnElement[bool]:
    seen, open_to_all = _stands_in(appointment), Case.workflow.not_in(CONFIDENTIAL)
    if appointment.role in READS_ALL_CASES:
        return and_(seen, or_(open_to_all, not_(takes_side_in(user))))
    return and_(seen, open_to_all)


def _stands_in(appointment: Appointment) -> ColumnElement[bool]:
    own = appointment.organisation_id
    submitted = Case.submitted_at.is_not(None)
    match appointment.role:
        case Role.SUBJECT:
            return and_(Case.subject_id == own, Case.person_id.is_(None))
        case Role.AGENT:
            mandated = and_(Case.subject_id == own, Case.person_id.is_(None))
            return and_(mandated, Case.workflow.in_(reach_of(appointment)))
        case Role.PROVIDER | Role.DEPARTMENT as role:
            party = Case.provider_id if role == Role.PROVIDER else Case.department_id
            return and_(party == own, submitted)
        case Role.REVIEWER:
            return or_(submitted, Case.entered_by_id.is_not(None))
        case Role.AUDITOR:
            return submitted
        case _:
            return false()


def organisations_as(user: User, *roles: Role) -> list[int]:
    """Return the ids of the organisations for which the person holds one of these roles today."""
    return [one.organisation_id for one in user.current_appointments if one.role in roles]
