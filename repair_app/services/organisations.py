"""Organisations on file: added, renamed, placed under the next unit up; each change an event.

What is late or reviewed goes to the next unit up, so that it decides who gets a matter.
"""

from collections.abc import Mapping, Sequence
from typing import Any, Final

from flask_babel import lazy_gettext as _l
from sqlalchemy import Select, or_, select, true, tuple_
from sqlalchemy.orm import Session, joinedload

from repair_app.db import db
from repair_app.engine.step import Actor
from repair_app.labels import Label
from repair_app.models import Organisation, User
from repair_app.models.parties import OrganisationKind
from repair_app.name_index import fold
from repair_app.penalty_format.uscc import InvalidUscc, check_uscc, normalise_uscc
from repair_app.services import office_book, people
from repair_app.services.cases import NotVisible
from repair_app.services.people import NotPossible, get_organisation
from repair_app.services.transaction import transaction

BASIS: Final = "REDRESS 上级单位"
PLACED: Final = {OrganisationKind.AGENCY, OrganisationKind.CREDIT_CENTRE}  # that have one above
# Natural persons are kept for their own sake only: nobody adds or lists them here.
ADDED: Final = tuple(one for one in OrganisationKind if one is not OrganisationKind.NATURAL_PERSON)
PAGE: Final = 50
KIND_NAMES: Final[Mapping[str, Any]] = {
    "enterprise": _l("enterprise"),
    "agency": _l("public body"),
    "credit_centre": _l("credit centre"),
    "institution": _l("credit service institution"),
}


def add(by: User | None, uscc: str, name: str, kind: OrganisationKind) -> Organisation:
    """Put an organisation on file.

    by: the administrator; None for an operator of the commands. Raises NotPossible for a code that
    is none or is on file already, an empty name, or a natural person.
    """
    with transaction() as session:
        office_book.take(session, office_book.ORGANISATIONS)
        code = read_code(uscc)
        if kind not in ADDED or not name.strip():
            raise NotPossible(Label("机构须有名称和类别。", "a name and a kind have to be said"))
        if people.find_organisation(code) is not None:
            raise NotPossible(Label(f"{code}已在系统中。", f"{code} is on file already"))
        added = people.add_organisation(session, code, name.strip(), kind)
        actor, facts = office_book.actor_of(by), {"kind": str(kind)}
        told = {"name": added.name}
        office_book.note(
            session, office_book.ORGANISATIONS, "add", code, actor, facts=facts, texts=told
        )
        return added


def read_code(text: str) -> str:
    """Return a unified social credit code in its normal form. Raises NotPossible."""
    try:
        return check_uscc(text)
    except InvalidUscc as flaw:
        raise NotPossible(
            Label(
                "这不是统一社会信用代码，请核对18位代码。",
                "this is no unified social credit code; check its 18 characters",
            )
        ) from flaw


def rename(by: User | None, organisation_id: int, name: str) -> str:
    """Give an organisation another name and return the former one. Raises NotPossible, NotVisible.

    by: the administrator; None for an operator of the commands.
    """
    with transaction() as session:
        office_book.take(session, office_book.ORGANISATIONS)
        organisation = read(session, organisation_id)
        former = people.rename(organisation, name)
        office_book.note(
            session,
            office_book.ORGANISATIONS,
            "rename",
            office_book.name_organisation(organisation),
            office_book.actor_of(by),
            texts={"former": former, "name": organisation.name},
        )
        return former


def place(by: User | None, organisation_id: int, superior: str | None) -> Organisation:
    """Put an organisation under another one (its code), or under none, in one transaction.

    Raises NotPossible, NotVisible.
    """
    with transaction() as session:
        organisation = read(session, organisation_id)
        code = organisation.uscc or ""
        set_superior(session, code, superior, actor=office_book.actor_of(by))
        return organisation


def set_superior(
    session: Session, uscc: str, superior: str | None, *, actor: Actor
) -> Organisation | None:
    """Put an organisation under another one, or under none, and return the former superior.

    uscc, superior: codes. actor: the administrator, or the system for an operator. Raises
    NotPossible for what is not on file, for bodies that are not of one kind, for itself, for one
    that stands below it, and where it is so already.
    """
    office_book.take(session, office_book.ORGANISATIONS)  # no circle of two
    organisation = get_organisation(session, uscc)
    above = get_organisation(session, normalise_uscc(superior)) if superior else None
    former = organisation.superior
    if former is above:
        raise NotPossible(Label("现在就是这样，未作更改。", "it is so already"))
    if above is not None:
        refuse_misplaced(organisation, above)
    organisation.superior = above
    office_book.note(
        session,
        office_book.ORGANISATIONS,
        "place",
        uscc,
        actor,
        source=code_of(former),
        target=code_of(above),
        basis=BASIS,
    )
    return former


def refuse_misplaced(organisation: Organisation, above: Organisation) -> None:
    """Raise NotPossible where one cannot stand above the other."""
    if organisation.kind not in PLACED or organisation.kind != above.kind:
        raise NotPossible(
            Label(
                "行政机关的上级只能是行政机关，信用中心的上级只能是信用中心。",
                "an agency stands under an agency, a credit centre under a credit centre",
            )
        )
    higher: Organisation | None = above
    while higher is not None:
        if higher is organisation:
            raise NotPossible(
                Label(
                    f"{above.name}就是{organisation.name}，或者是其下级。",
                    f"{above.name} is {organisation.name}, or stands below it",
                )
            )
        higher = higher.superior


def code_of(organisation: Organisation | None) -> str:
    """Return the code of an organisation, or an empty one for none, or for one without."""
    return (organisation.uscc or "") if organisation else ""


def read(session: Session, organisation_id: int) -> Organisation:
    """Return an organisation of this list. Raises NotVisible for none, and for natural persons."""
    found = session.get(Organisation, organisation_id)
    if found is None or found.kind not in ADDED:
        raise NotVisible(str(organisation_id))
    return found


def get(organisation_id: int) -> Organisation:
    """Return an organisation of this list. Raises NotVisible."""
    return read(db.session(), organisation_id)


def list_page(query: str, kind: str, after: int | None) -> Sequence[Organisation]:
    """Return a page of organisations by name, and one more if there are more.

    query, kind: as `query_all` takes them. after: the id the page before ended with.
    """
    one = Organisation
    last = db.session.get(one, after) if after else None
    return db.session.scalars(
        query_all(query, kind)
        .where(tuple_(one.name, one.id) > (last.name, last.id) if last else true())
        .limit(PAGE + 1)
    ).all()


def query_all(query: str, kind: str) -> Select[Organisation]:
    """Return the query for the organisations that fit, by name.

    query: part of a name, or the beginning of a code. kind: one of ADDED; anything else is any.
    """
    one = Organisation
    named = one.search_name.contains(fold(query), autoescape=True) if fold(query) else true()
    coded = one.uscc.startswith(normalise_uscc(query), autoescape=True)
    return (
        select(one)
        .where(one.kind == kind if kind in ADDED else one.kind.in_(ADDED))
        .where(or_(named, coded) if query else true())
        .order_by(one.name, one.id)
        .options(joinedload(one.superior))
    )
