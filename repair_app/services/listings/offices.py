"""Lists of administration: organisations, people, institutions, messages given up."""

from typing import Any, Final

from flask_babel import gettext
from flask_babel import lazy_gettext as _l
from sqlalchemy import Select, select
from sqlalchemy.orm import contains_eager

from repair_app.models import Appointment, InstitutionRegistration, Message, Organisation, User
from repair_app.services import administration, institutions, organisations
from repair_app.services.listings.common import Filters, party
from repair_app.services.office_book import name_account
from repair_app.services.policy import current_policy
from repair_app.services.statistics import tables
from repair_app.services.statistics.tables import text_of
from repair_app.sheets import Cell


def organisations_query(_user: User, filters: Filters) -> Select[Any]:
    """Return the query for the organisations on file, as their page looks for them."""
    return organisations.query_all(filters.get("q", ""), filters.get("kind", ""))


def organisation_row(one: Organisation) -> list[Cell]:
    """Return the cells of an organisation; natural persons are not on that list."""
    return [
        one.name,
        one.uscc or "",
        str(organisations.KIND_NAMES[one.kind]),
        one.superior.name if one.superior else "",
        one.superior.uscc if one.superior else "",
        one.created_at,
    ]


ORGANISATION_HEAD: Final = (
    _l("Name"),
    _l("Unified social credit code"),
    _l("Kind"),
    _l("Superior unit"),
    _l("Code of the superior unit"),
    _l("On file since"),
)


def seats_query(_user: User, filters: Filters) -> Select[Any]:
    """Return the query for the roles of the accounts that fit, as their page looks for them."""
    role = filters.get("role", "")
    known = role if role in tables.ROLE_NAMES else ""
    return (
        select(Appointment)
        .join(Appointment.user)
        .where(administration.are_sought(filters.get("q", ""), known))
        .order_by(User.email, User.id, Appointment.id)
        .options(contains_eager(Appointment.user))
    )


def seat_row(seat: Appointment) -> list[Cell]:
    """Return the cells of a role: its account by number, for a file names no person."""
    user = seat.user
    scope = [text_of(current_policy().current[one].label) for one in seat.scope or ()]
    return [
        name_account(user),
        gettext("active") if user.active else gettext("inactive"),
        bool(user.password),
        str(tables.ROLE_NAMES.get(seat.role, seat.role)),
        *party(seat.organisation),
        gettext(", ").join(scope),
        seat.ends_on,
        seat.is_current,
    ]


SEAT_HEAD: Final = (
    _l("Account"),
    _l("State"),
    _l("Has a password"),
    _l("Role"),
    _l("Organisation"),
    _l("Unified social credit code"),
    _l("Scope"),
    _l("Last day"),
    _l("Holds today"),
)


def registrations_query(_user: User, _filters: Filters) -> Select[Any]:
    """Return the query for the registrations of institutions."""
    return institutions.query_all()


def registration_row(one: InstitutionRegistration) -> list[Cell]:
    """Return the cells of a registration."""
    return [
        one.organisation.name,
        one.organisation.uscc or "",
        str(institutions.SERVICE_NAMES[one.service]),
        one.number,
        one.valid_from,
        one.valid_until,
        one.suspended_on,
        one.ended_on,
    ]


REGISTRATION_HEAD: Final = (
    _l("Institution"),
    _l("Unified social credit code"),
    _l("Service"),
    _l("Number"),
    _l("First day"),
    _l("Last day"),
    _l("Suspended on"),
    _l("Ended on"),
)


def given_up_query(_user: User, _filters: Filters) -> Select[Any]:
    """Return the query for the mails that were given up, the latest first."""
    failed = select(Message).where(Message.mail_state == "failed")
    return failed.order_by(Message.id.desc())


def given_up_row(one: Message) -> list[Cell]:
    """Return the cells of a mail that was given up: to which account, and why."""
    return [one.created_at, f"account:{one.account_id}", one.entity_ref, one.mail_problem or ""]


GIVEN_UP_HEAD: Final = (_l("At"), _l("Account"), _l("Number"), _l("Problem"))
