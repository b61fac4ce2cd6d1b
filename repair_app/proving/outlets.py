"""The same answer by every outlet: (34), in the model and, at the replay, by the application.

What is shown of a record comes from one state by several ways: its page and the search, the
verdict on each of its measures, the list of published commitments. The model says what each has to
show; the replay asks the SQL conditions and the functions that the application's pages use.
"""

from collections import Counter
from collections.abc import Iterator
from datetime import datetime
from typing import Any

from flask import has_app_context
from sqlalchemy import select
from sqlalchemy.orm import Session

from repair_app.db import at
from repair_app.engine.enforcement import enforceable, is_enforceable
from repair_app.models import (
    Case,
    CreditRecord,
    DisputeMark,
    Organisation,
    Requirement,
    Sanction,
    SanctionSuspension,
)
from repair_app.models.parties import OrganisationKind
from repair_app.proving.world import World
from repair_app.services.commitments import is_shown
from repair_app.services.records import is_public, shown_to_public

BROKEN = {"partly_fulfilled", "unfulfilled"}
FOUND_WRONG = {"withdrawn", "stopped"}
# The rows that decide what an outlet shows.
OUTLETS_GO_BY = {
    CreditRecord,
    DisputeMark,
    Organisation,
    Requirement,
    Sanction,
    SanctionSuspension,
}


def is_on_its_page(world: World, record: Any) -> bool:
    """Say whether the public may read a record: published, in its term, of a published class.

    Not of a natural person, nor while the rules hide what is verified (SD-CREDIT-2021-5 （八）).
    """
    published = world.policy.pack_of(record).classes[record.severity_class].published
    hidden = any(one.hides and one.lifted_at is None for one in record.dispute_marks)
    person = record.subject.kind == OrganisationKind.NATURAL_PERSON
    in_term = world.today <= record.max_publication_until
    return bool(record.state == "published" and in_term and published and not (hidden or person))


def is_on_the_list(world: World, requirement: Any) -> bool:
    """Say whether the public may read a commitment: with its record, or broken and barred."""
    if requirement.workflow != "commitment" or requirement.published_at is None:
        return False
    record = requirement.case.record
    barred = world.find(Organisation, requirement.case.subject_id).barred_until
    exposed = requirement.state in BROKEN and barred is not None and barred >= world.today
    return is_on_its_page(world, record) or (exposed and record.state not in FOUND_WRONG)


def shown_by_the_model(world: World) -> dict[str, set[int]]:
    """Return what each outlet has to show in a state, by the numbers of the rows."""
    measures = world.list_rows(Sanction)
    return {
        "record": {one.id for one in world.list_rows(CreditRecord) if is_on_its_page(world, one)},
        "measure": {one.id for one in measures if enforceable(one, world.today).enforceable},
    }


def find_disagreement(world: World) -> str | None:
    """Return which outlet still shows what another has taken away; None where they agree."""
    for record in world.list_rows(CreditRecord):
        gone = record.archived_at is not None or record.state == "shielded"
        if gone and is_on_its_page(world, record):
            return f"{record.ref} is {record.state}, and its page is public"
        for one in record.sanctions:
            if gone and enforceable(one, world.today).enforceable:
                return f"{record.ref} is {record.state}, and {one.ref} may be enforced"
    for one in world.list_rows(Requirement):
        unpublished = one.workflow == "commitment" and one.state == "published"
        if unpublished and one.published_at is None:
            return f"{one.ref} is published, and the list does not show it"
    return None


# --- the application's own outlets --------------------------------------------------------------


def differing_outlets(session: Session, world: World, moment: datetime) -> Iterator[str]:
    """Yield the outlets of the application that show something else than the model, on a store.

    Asked only where an application is there to answer: the rules that it has loaded are needed.
    """
    if not has_app_context():
        return
    wanted = shown_by_the_model(world)
    with at(moment):
        rows = session.scalars(select(CreditRecord)).all()
        public = set(session.scalars(select(CreditRecord.id).where(is_public())))
        ways = {
            "record by SQL": (public, wanted["record"]),
            "record page": ({one.id for one in rows if shown_to_public(one)}, wanted["record"]),
            "measure by SQL": (enforceable_by_sql(session, world), wanted["measure"]),
            "measure page": (
                {
                    one.id
                    for one in session.scalars(select(Sanction))
                    if enforceable(one, world.today).enforceable
                },
                wanted["measure"],
            ),
        }
        stands = select(Case.record_id, Requirement.state).join(Requirement.case)
        listed = Counter(tuple(one) for one in session.execute(stands.where(is_shown())))
    in_model = Counter(
        (one.case.record_id, one.state)
        for one in world.list_rows(Requirement)
        if is_on_the_list(world, one)
    )
    for name, (found, expected) in ways.items():
        if found != expected:
            yield f"(34) {name}: {sorted(found)}, by the model {sorted(expected)}"
    if listed != in_model:
        yield f"(34) commitments: {dict(listed)} listed, by the model {dict(in_model)}"


def enforceable_by_sql(session: Session, world: World) -> set[int]:
    """Return the measures that the SQL condition of the answers to departments lets through."""
    query = select(Sanction.id).join(CreditRecord, Sanction.record_id == CreditRecord.id)
    return set(session.scalars(query.where(is_enforceable(world.today))))
