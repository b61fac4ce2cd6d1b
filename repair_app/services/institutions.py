"""Credit service institutions: registered for a service, with number and term, and struck off."""

from collections.abc import Mapping, Sequence
from datetime import date
from typing import Any, Final

from flask_babel import lazy_gettext as _l
from sqlalchemy import Select, or_, select
from sqlalchemy.orm import Session, joinedload

from repair_app.db import db, today
from repair_app.labels import Label
from repair_app.models import InstitutionRegistration, Organisation
from repair_app.models.parties import OrganisationKind
from repair_app.models.supervision import SERVICES
from repair_app.services.people import NotPossible

SERVICE_NAMES: Final[Mapping[str, Any]] = {  # that institutions are registered for
    "training": _l("Training"),
    "credit_report": _l("Credit report"),
}


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
        raise NotPossible(
            Label(
                f"{organisation.name}不是信用服务机构。",
                f"{organisation.name} is no credit service institution",
            )
        )
    if service not in SERVICES:
        raise NotPossible(
            Label(f"没有“{service}”这项服务。", f"{service} is none of {', '.join(SERVICES)}")
        )
    if valid_until < valid_from:
        raise NotPossible(Label("有效期的最后一日早于第一日。", "the term ends before it begins"))
    taken = select(InstitutionRegistration.id).where(
        InstitutionRegistration.service == service, InstitutionRegistration.number == number
    )
    if session.scalar(taken) is not None:
        raise NotPossible(Label(f"编号{number}已被使用。", f"number {number} is taken"))
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
    find(session, service, number).ended_on = today()


def find(session: Session, service: str, number: str) -> InstitutionRegistration:
    """Return a registration that was not ended. Raises NotPossible."""
    registration = session.scalar(
        select(InstitutionRegistration).where(
            InstitutionRegistration.service == service, InstitutionRegistration.number == number
        )
    )
    if registration is None or registration.ended_on is not None:
        raise NotPossible(
            Label(f"编号{number}没有有效备案。", f"{number} is not registered for {service}")
        )
    return registration


def suspend(registration: InstitutionRegistration) -> None:
    """Have a registration rest from today on: nobody can choose it. Raises NotPossible."""
    if registration.ended_on is not None or registration.suspended_on is not None:
        raise NotPossible(
            Label("该备案已经暂停或者注销。", "the registration is suspended or ended already")
        )
    registration.suspended_on = today()


def resume(registration: InstitutionRegistration) -> None:
    """Let a registration that rests hold again. Raises NotPossible."""
    if registration.ended_on is not None or registration.suspended_on is None:
        raise NotPossible(Label("该备案没有暂停。", "the registration is not suspended"))
    registration.suspended_on = None


def list_all() -> Sequence[InstitutionRegistration]:
    """Return every registration there ever was, by service and name, the newest term first."""
    return db.session.scalars(query_all()).all()


def query_all() -> Select[InstitutionRegistration]:
    """Return the query for every registration, as `list_all` orders them."""
    one = InstitutionRegistration
    return (
        select(one)
        .join(one.organisation)
        .order_by(one.service, Organisation.name, one.valid_from.desc(), one.id)
        .options(joinedload(one.organisation))
    )


def list_registered() -> Sequence[InstitutionRegistration]:
    """Return the registrations that hold today, by service and name."""
    day, one = today(), InstitutionRegistration
    return db.session.scalars(
        select(one)
        .join(one.organisation)
        .where(one.valid_from <= day, one.valid_until >= day)
        .where(or_(one.ended_on.is_(None), one.ended_on > day), one.suspended_on.is_(None))
        .order_by(one.service, Organisation.name)
        .options(joinedload(one.organisation))
    ).all()
