"""Credit service institutions: registered for a service, with number and term, and struck off."""

from collections.abc import Sequence
from datetime import date

from sqlalchemy import or_, select
from sqlalchemy.orm import Session, joinedload

from repair_app.db import db, today
from repair_app.models import InstitutionRegistration, Organisation
from repair_app.models.parties import OrganisationKind
from repair_app.services.people import NotPossible

SERVICES = ("training", "credit_report")


def register(
    session: Session,
    organisation: Organisation,
    service: str,
    number: str,
    *,
    valid_from: date,
    valid_until: date,
) -> InstitutionRegistration:
    """Register an institution for a service (济阳信用办〔2020〕2号 （十八）2：备案管理制度).

    Both days are inside the term. Raises NotPossible for what is no institution, a service that
    is none, a term that ends before it begins, and a number that is taken.
    """
    if organisation.kind != OrganisationKind.INSTITUTION:
        raise NotPossible(f"{organisation.name} is no credit service institution")
    if service not in SERVICES:
        raise NotPossible(f"{service} is none of {', '.join(SERVICES)}")
    if valid_until < valid_from:
        raise NotPossible("the term ends before it begins")
    taken = select(InstitutionRegistration.id).where(
        InstitutionRegistration.service == service, InstitutionRegistration.number == number
    )
    if session.scalar(taken) is not None:
        raise NotPossible(f"number {number} is taken")
    registration = InstitutionRegistration(
        organisation_id=organisation.id,
        service=service,
        number=number,
        valid_from=valid_from,
        valid_until=valid_until,
    )
    session.add(registration)
    session.flush()
    return registration


def strike_off(session: Session, service: str, number: str) -> None:
    """End a registration from today on: what was certified before stays. Raises NotPossible."""
    registration = session.scalar(
        select(InstitutionRegistration).where(
            InstitutionRegistration.service == service, InstitutionRegistration.number == number
        )
    )
    if registration is None or registration.ended_on is not None:
        raise NotPossible(f"{number} is not registered for {service}")
    registration.ended_on = today()


def list_registered() -> Sequence[InstitutionRegistration]:
    """Return the registrations that hold today, by service and name."""
    day, one = today(), InstitutionRegistration
    return db.session.scalars(
        select(one)
        .join(one.organisation)
        .where(one.valid_from <= day, one.valid_until >= day)
        .where(or_(one.ended_on.is_(None), one.ended_on > day))
        .order_by(one.service, Organisation.name)
        .options(joinedload(one.organisation))
    ).all()
