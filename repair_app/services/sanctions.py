"""Joint sanctions: the catalogue, imposing one, and "may I enforce now?"."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import date

from sqlalchemy import select
from sqlalchemy.orm import joinedload, selectinload
from sqlalchemy.orm.attributes import set_committed_value

from repair_app import refs
from repair_app.access import organisations_as
from repair_app.db import db, now, today
from repair_app.engine import machine
from repair_app.engine.enforcement import Verdict, enforceable
from repair_app.engine.policy import Policy
from repair_app.engine.step import Actor, NotAllowed
from repair_app.models import CreditRecord, Organisation, Role, Sanction, SanctionMeasure, User
from repair_app.services import cases
from repair_app.services.policy import current_policy
from repair_app.services.transaction import transaction


@dataclass(frozen=True)
class Answer:
    """What "may I enforce now?" is answered for one sanction."""

    sanction: Sanction
    verdict: Verdict


def list_measures() -> Sequence[SanctionMeasure]:
    """Return the catalogue of measures, by code."""
    return db.session.scalars(select(SanctionMeasure).order_by(SanctionMeasure.code)).all()


def ask(user: User, uscc: str) -> tuple[Organisation | None, list[Answer]]:
    """Return whether each sanction of the person's department on an enterprise may be enforced.

    uscc: the enterprise's code. The organisation is None when it is not known.
    """
    subject = db.session.scalar(select(Organisation).where(Organisation.uscc == uscc))
    if subject is None:
        return None, []
    return subject, list_answers(user, subject)


def list_answers(user: User, subject: Organisation | None = None) -> list[Answer]:
    """Return the answers for the sanctions of the person's department, newest first.

    subject: those on this enterprise, ended ones too; without it those that have not ended.
    """
    own = organisations_as(user, Role.DEPARTMENT)
    query = select(Sanction).where(Sanction.department_id.in_(own))
    if subject is None:
        query = query.where(Sanction.ended_at.is_(None))
    else:
        records = select(CreditRecord.id).where(CreditRecord.subject_id == subject.id)
        query = query.where(Sanction.record_id.in_(db.session.scalars(records).all()))
    rows = db.session.scalars(
        query.order_by(Sanction.id.desc())
        .limit(100)
        .options(
            joinedload(Sanction.record).options(
                joinedload(CreditRecord.subject), selectinload(CreditRecord.dispute_marks)
            ),
            selectinload(Sanction.suspensions),
        )
    ).all()
    return list_verdicts(rows)


def list_verdicts(sanctions: Iterable[Sanction]) -> list[Answer]:
    """Return whether each sanction may be enforced today, in the order given."""
    return [Answer(one, enforceable(one, today())) for one in sanctions]


def draft_sanction(policy: Policy, record: CreditRecord) -> Sanction:
    """Return a sanction on a record, not yet imposed and kept nowhere."""
    sanction = Sanction(
        record_id=record.id, rule_pack=record.rule_pack, rule_pack_hash=record.rule_pack_hash
    )
    # Set without events: the record's own list must not hold what may never be imposed.
    set_committed_value(sanction, "record", record)
    machine.begin(policy, sanction, "sanction")
    return sanction


def offer_to_impose(user: User, record: CreditRecord) -> tuple[Sanction, machine.Offer]:
    """Return a sanction that could be imposed on a record, and what bars it.

    Raises NotAllowed for a person of no implementing department.
    """
    policy = current_policy()
    sanction = draft_sanction(policy, record)
    actors = cases.actors_of(user, record)
    offers = machine.offers(db.session(), policy, sanction, actors, at=now())
    offer = next(iter(offers), None)
    if offer is None:
        raise NotAllowed("impose")
    return sanction, offer


def impose(record_ref: str, user: User, submission: cases.Submission) -> cases.Outcome:
    """Impose a measure of the catalogue on a record, for the person's department.

    Raises NotVisible, NotAllowed, TokenBorrowed or Refused; then nothing was changed.
    """
    policy = current_policy()
    with transaction() as session:
        record = cases.lock_record(session, CreditRecord.ref == record_ref)
        if record is None or not cases.actors_of(user, record):
            raise cases.NotVisible(record_ref)
        if earlier := cases.find_earlier(session, user, submission):
            return cases.Outcome(earlier, repeated=True)
        actors = cases.actors_of(user, record)
        facts = submission.answers.facts
        sanction = draft_sanction(policy, record)
        actor = cases.actor_for(policy, sanction, "impose", actors)
        sanction.ref = refs.new_ref(session, policy.current["sanction"].prefix, today())
        sanction.measure_id = facts["measure_id"]
        sanction.department_id = department_of(actor)
        sanction.imposed_on = today()
        sanction.ends_on = date.fromisoformat(facts["ends_on"])
        session.add(sanction)
        machine.fire(session, policy, sanction, "impose", actor, submission.answers, at=now())
        cases.remember(session, user, submission, record.ref)
        return cases.Outcome(record.ref)


def department_of(actor: Actor) -> int:
    """Return the department that somebody acts for. Raises TypeError for the system."""
    if actor.organisation_id is None:
        raise TypeError("only a department imposes a measure")
    return actor.organisation_id
