"""Who a person is for an entity, and what a person may see: one answer in Python and in SQL."""

from collections.abc import Iterator

from sqlalchemy import ColumnElement, and_, false, or_

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


def stands_as(user: User, entity: Entity) -> Iterator[Appointment]:
    """Yield the appointments by which this person is something for this entity.

    Account inactive, or appointment run out: nothing.
    """
    if not user.active:
        return
    for appointment in user.current_appointments:
        if _concerns(appointment, entity):
            yield appointment


def _concerns(appointment: Appointment, entity: Entity) -> bool:
    match entity:
        case Case():
            return _concerns_case(appointment, entity)
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
            return own == case.subject_id
        case Role.AGENT:
            return own == case.subject_id and case.workflow in (appointment.scope or ())
        case Role.PROVIDER:
            return own == case.provider_id and case.submitted_at is not None
        case Role.REVIEWER | Role.AUDITOR:
            return case.submitted_at is not None
        case _:
            return False


def _concerns_requirement(appointment: Appointment, requirement: Requirement) -> bool:
    if appointment.role == Role.INSTITUTION:
        return appointment.organisation_id == requirement.institution_id
    return _concerns_case(appointment, requirement.case)


def _concerns_sanction(appointment: Appointment, sanction: Sanction) -> bool:
    if appointment.role == Role.DEPARTMENT:
        return appointment.organisation_id == sanction.department_id
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
    return or_(false(), *(_sees_cases(one) for one in user.current_appointments))


def _sees_cases(appointment: Appointment) -> ColumnElement[bool]:
    own = appointment.organisation_id
    submitted = Case.submitted_at.is_not(None)
    match appointment.role:
        case Role.SUBJECT:
            return Case.subject_id == own
        case Role.AGENT:
            return and_(Case.subject_id == own, Case.workflow.in_(appointment.scope or ()))
        case Role.PROVIDER:
            return and_(Case.provider_id == own, submitted)
        case Role.REVIEWER | Role.AUDITOR:
            return submitted
        case _:
            return false()


def organisations_as(user: User, *roles: Role) -> list[int]:
    """Return the ids of the organisations for which the person holds one of these roles today."""
    return [one.organisation_id for one in user.current_appointments if one.role in roles]
