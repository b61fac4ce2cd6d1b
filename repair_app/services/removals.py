"""A file that was saved with a draft by mistake: it is taken out, and its history says so."""

from typing import Final

from sqlalchemy import func, select
from sqlalchemy.orm import Session

from repair_app.db import now
from repair_app.engine import machine
from repair_app.engine.step import Actor, Answers, Reason, Refused, WrongState
from repair_app.labels import N_
from repair_app.models import Case, Document, User
from repair_app.services import cases
from repair_app.services.cases import AMEND, NotVisible
from repair_app.services.policy import current_policy
from repair_app.services.transaction import transaction

DRAFT: Final = "draft"
PROOF: Final = "rectification"  # the requirement that is met by files alone


def can_remove(user: User, case: Case) -> bool:
    """Say whether a person may take files out of a matter now: of a draft that may be amended."""
    amend = current_policy().workflow_of(case).transitions.get(AMEND)
    if amend is None or case.state not in amend.source:
        return False
    return machine.choose_actor(amend, cases.actors_of(user, case)) is not None


def remove(user: User, ref: str) -> str:
    """Take a file out of its draft; return the reference of the matter.

    It is an amendment of the draft, by whoever may amend it. The bytes stay: they may be another
    matter's too, and without the row nobody reaches them. Raises NotVisible, NotOffered,
    NotAllowed, WrongState or Refused; then nothing was changed.
    """
    policy = current_policy()
    with transaction() as session:
        case_ref = session.scalar(select(Case.ref).join(Document).where(Document.ref == ref))
        case = cases.lock(session, "cases", case_ref) if case_ref else None
        document = session.scalar(select(Document).where(Document.ref == ref))
        # Gone meanwhile: somebody else took it out.
        if not isinstance(case, Case) or document is None:
            raise NotVisible(ref)
        actors = cases.actors_of(user, case)
        if not actors:
            raise NotVisible(ref)
        actor = cases.actor_for(policy, case, AMEND, actors)
        if case.state != DRAFT:
            raise WrongState(AMEND)
        check_not_last(session, case)
        take_out(session, case, document, actor)
        return case.ref


def check_not_last(session: Session, case: Case) -> None:
    """Raise Refused where a requirement was met by the one file that a draft has."""
    proven = any(one.workflow == PROOF and one.state == "submitted" for one in case.requirements)
    count = select(func.count()).select_from(Document).where(Document.case_id == case.id)
    if proven and session.scalar(count) == 1:
        raise Refused(
            Reason(N_("This is the only file there is. Add the right one first, then remove this."))
        )


def take_out(session: Session, case: Case, document: Document, actor: Actor) -> None:
    """Amend a draft by taking a file out of it; what it proposes stays as it was."""
    answers = Answers(
        facts={"removed": document.sha256},
        texts={"removed": document.filename},
        values={one.field: one.proposed_value or "" for one in case.proposals},
    )
    machine.fire(session, current_policy(), case, AMEND, actor, answers, at=now())
    session.delete(document)
    session.flush()
