"""The papers of earlier matters: read with what looks at those again, and never copied.

A review, and a matter that is begun anew after one, is often another credit centre's than the
decision was: whoever acts in it reads what was brought then, and adds nothing to it.
"""

from collections.abc import Iterable, Iterator
from typing import Final

from sqlalchemy import select

from repair_app.access import OwnName, acts_for, reach_of, stands_as
from repair_app.db import db
from repair_app.models import Appointment, Case, Document, Role, User

LOOK_AGAIN: Final = ("review", "objection", "repair")  # the workflows of both, nothing else's


def earlier_papers(case: Case, user: User) -> list[Document]:
    """Return the papers of the matters that a case looks at again, the nearest matter first.

    user: who reads them, see `is_reached`.
    """
    standings = list(stands_as(user, case))
    found = (one for one in earlier_matters(case) if is_reached(one, standings))
    return [paper for one in found for paper in one.documents]


def earlier_matters(case: Case) -> Iterator[Case]:
    """Yield the matter that a case looks at again, what that one did, and so on."""
    while case.about is not None and looks_again(case, case.about):
        case = case.about
        yield case


def looks_again(case: Case, about: Case) -> bool:
    """Say whether a case is about another of the same record and for the same person."""
    return (
        case.workflow in LOOK_AGAIN
        and about.workflow in LOOK_AGAIN
        and case.record_id == about.record_id
        and case.person_id == about.person_id
    )


def may_open(user: User, document: Document) -> bool:
    """Say whether a person acts in the matter of a paper, or in one that looks at it again."""
    return any(
        is_reached(document.case, (one for one in stands_as(user, matter) if acts_for(one, matter)))
        for matter in matters_of(document.case)
    )


def is_reached(earlier: Case, standings: Iterable[Appointment | OwnName]) -> bool:
    """Say whether who stands so in a case reads what an earlier one was brought.

    An agent's mandate has to reach the earlier matter, too: one for objections reaches the review
    of a repair, and no paper of that repair.
    """
    return any(
        one.role != Role.AGENT
        or (isinstance(one, Appointment) and earlier.workflow in reach_of(one))
        for one in standings
    )


def matters_of(case: Case) -> Iterator[Case]:
    """Yield a case, and the cases that look at it again, and those that look at them."""
    yield case
    for later in db.session.scalars(select(Case).where(Case.about_id == case.id)).all():
        if looks_again(later, case):
            yield from matters_of(later)
