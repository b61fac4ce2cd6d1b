"""Which public body stands above which: what is late or reviewed goes to the next unit up.

Every change is an event of a chain of its own, since it decides who gets a matter.
"""

from typing import Final

from sqlalchemy.orm import Session

from repair_app import ledger
from repair_app.db import now
from repair_app.engine.spec import Transition, Workflow
from repair_app.engine.step import Actor
from repair_app.labels import Label
from repair_app.models import Organisation, Role
from repair_app.models.events import Stream
from repair_app.models.parties import OrganisationKind
from repair_app.services.people import NotPossible, get_organisation

STREAM: Final = "organisations"
VERSION: Final = "1"  # of what an event says
BASIS: Final = "REDRESS 上级单位"
PLACED: Final = {OrganisationKind.AGENCY, OrganisationKind.CREDIT_CENTRE}  # that have one above
# How the ledger's pages read these events: organisations have no states.
AS_WORKFLOW: Final = Workflow(
    name=STREAM,
    version=VERSION,
    entity=STREAM,
    prefix="",
    initial="",
    label=Label("机构", "Organisations"),
    basis=(),
    states={},
    transitions={
        "place": Transition(
            name="place",
            label=Label("设定上级单位", "Set the superior unit"),
            source=(),
            target="",
            by=(Role.ADMINISTRATOR, Role.SYSTEM),
            form="",
            guards=(),
            effects=(),
            basis=(),
        )
    },
    sha256="",
)


def set_superior(
    session: Session, uscc: str, superior: str | None, *, actor: Actor
) -> Organisation | None:
    """Put an organisation under another one, or under none, and return the former superior.

    uscc, superior: codes. actor: the administrator, or the system for an operator. Raises
    NotPossible for what is not on file, for bodies that are not of one kind, for itself, for one
    that stands below it, and where it is so already.
    """
    session.get(Stream, STREAM, with_for_update=True)  # one change at a time: no circle of two
    organisation = get_organisation(session, uscc)
    above = get_organisation(session, superior) if superior else None
    former = organisation.superior
    if former is above:
        raise NotPossible("it is so already")
    if above is not None:
        refuse_misplaced(organisation, above)
    organisation.superior = above
    ledger.append(
        session,
        STREAM,
        ledger.describe(
            entity=uscc,
            workflow=STREAM,
            workflow_version=VERSION,
            transition="place",
            source=code_of(former),
            target=code_of(above),
            actor=actor.as_dict(),
            at=(at := now()),
            basis=[BASIS],
            rule_pack="",
            facts={},
            evidence=[],
        ),
        {},
        at=at,
    )
    return former


def refuse_misplaced(organisation: Organisation, above: Organisation) -> None:
    """Raise NotPossible where one cannot stand above the other."""
    if organisation.kind not in PLACED or organisation.kind != above.kind:
        raise NotPossible("an agency stands under an agency, a credit centre under a credit centre")
    higher: Organisation | None = above
    while higher is not None:
        if higher is organisation:
            raise NotPossible(f"{above.name} is {organisation.name}, or stands below it")
        higher = higher.superior


def code_of(organisation: Organisation | None) -> str:
    """Return the code of an organisation, or an empty one for none, or for one without."""
    return (organisation.uscc or "") if organisation else ""
