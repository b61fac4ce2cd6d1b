"""Joint sanctions: the catalogue, imposing and initiating them, and "may I enforce now?"."""

from collections.abc import Collection, Iterable, Sequence
from dataclasses import dataclass
from datetime import date

from sqlalchemy import and_, false, or_, select, true
from sqlalchemy.orm import Session, joinedload, selectinload
from sqlalchemy.orm.attributes import set_committed_value

from repair_app import refs
from repair_app.access import organisations_as
from repair_app.db import db, now, today
from repair_app.engine import machine
from repair_app.engine.enforcement import Verdict, enforceable
from repair_app.engine.policy import Policy
from repair_app.engine.spec import Transition
from repair_app.engine.step import Actor, NotAllowed
from repair_app.models import (
    Case,
    CreditRecord,
    Deadline,
    Organisation,
    Person,
    Role,
    Sanction,
    SanctionMeasure,
    User,
)
from repair_app.services import cases
from repair_app.services.policy import current_policy
from repair_app.services.transaction import transaction, tried_again

MOST = 100  # sanctions on a page
READS_PERSONS = (Role.REVIEWER, Role.AUDITOR)


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
        .limit(MOST)
        .options(
            joinedload(Sanction.record).options(
                joinedload(CreditRecord.subject), selectinload(CreditRecord.dispute_marks)
            ),
            selectinload(Sanction.suspensions),
            joinedload(Sanction.executions),
            joinedload(Sanction.person),
        )
    )
    return list_verdicts(rows.unique())


def list_page(user: User, *, after: str, limit: int) -> Sequence[Sanction]:
    """Return some of the measures that a person's offices carry out or initiate, newest first.

    after: the reference of the measure that the part before ended with; empty for the first.
    Raises NoSuchPlace.
    """
    by_records = Sanction.record.has(
        CreditRecord.provider_id.in_(organisations_as(user, Role.PROVIDER))
    )
    own = Sanction.department_id.in_(organisations_as(user, Role.DEPARTMENT))
    reads_all = true() if organisations_as(user, Role.REVIEWER, Role.AUDITOR) else false()
    wanted = select(Sanction).where(or_(own, by_records, reads_all))
    if after:
        wanted = wanted.where(Sanction.id < cases.find_place(wanted, Sanction, after))
    return db.session.scalars(
        wanted.order_by(Sanction.id.desc())
        .limit(limit)
        .options(
            joinedload(Sanction.record).options(
                joinedload(CreditRecord.subject), selectinload(CreditRecord.dispute_marks)
            ),
            joinedload(Sanction.department),
            selectinload(Sanction.suspensions),
        )
    ).all()


def list_steps(sanction: Sanction, role: Role) -> list[Transition]:
    """Return what a role may do to a sanction in its state; what bars it, its page tells."""
    workflow = current_policy().workflow_of(sanction)
    return [one for one in workflow.leaving(sanction.state) if role in one.by]


def list_verdicts(sanctions: Iterable[Sanction]) -> list[Answer]:
    """Return whether each sanction may be enforced today, in the order given."""
    return [Answer(one, enforceable(one, today())) for one in sanctions]


def may_read_person(user: User, sanction: Sanction) -> bool:
    """Say whether somebody may read which person a sanction reaches.

    That person, who initiated it, who carries it out, and who checks; nobody else, the enterprise's
    other people and other departments included (…四（十四）; SD-REG-2020 第二十条).
    """
    if sanction.person_id is None:
        return False
    concerned = {
        Role.PROVIDER: sanction.record.provider_id,
        Role.DEPARTMENT: sanction.department_id,
    }
    is_oneself = sanction.person_id == user.person_id and not user.is_machine
    return is_oneself or any(
        one.role in READS_PERSONS or concerned.get(Role(one.role)) == one.organisation_id
        for one in user.current_appointments
    )


def list_reaching(user: User) -> list[Answer]:
    """Return the answers for the measures that reach a person, newest first."""
    rows = db.session.scalars(
        select(Sanction)
        .where(Sanction.person_id == user.person_id)
        .order_by(Sanction.id.desc())
        .limit(MOST)
        .options(
            joinedload(Sanction.record).options(
                joinedload(CreditRecord.subject), selectinload(CreditRecord.dispute_marks)
            ),
            selectinload(Sanction.suspensions),
        )
    ).all()
    return list_verdicts(rows)


def list_in_own_name(user: User) -> Sequence[Case]:
    """Return the cases that a person filed in their own name, newest first."""
    own = select(Case).where(Case.person_id == user.person_id)
    return db.session.scalars(own.order_by(Case.id.desc()).limit(MOST)).all()


@dataclass(frozen=True)
class Turns:
    """What waits for a department: responses, acknowledgements, feedback, and remedies owed."""

    to_respond: Sequence[Deadline]
    to_feed_back: Sequence[Deadline]
    remedies: Sequence[Deadline]
    sanctions: dict[str, Sanction]  # by reference

    @property
    def is_empty(self) -> bool:
        """Say whether nothing waits."""
        return not (self.to_respond or self.to_feed_back or self.remedies)


def list_turns(user: User) -> Turns:
    """Return what waits for a person's department, the most urgent first."""
    own = organisations_as(user, Role.DEPARTMENT)
    terms = db.session.scalars(
        select(Deadline)
        .where(
            Deadline.met_at.is_(None),
            Deadline.owner == Role.DEPARTMENT,
            Deadline.organisation_id.in_(own),
        )
        .order_by(Deadline.due_on, Deadline.id)
        .limit(MOST)
        .options(selectinload(Deadline.case).joinedload(Case.subject))
    ).all()
    refs_of = [one.entity_ref for one in terms if one.case_id is None]
    found = list_by_ref(refs_of) if refs_of else []
    return Turns(
        to_respond=[one for one in terms if one.clock == "sanction_response"],
        to_feed_back=[one for one in terms if one.clock == "sanction_feedback"],
        remedies=[one for one in terms if one.case is not None],
        sanctions={one.ref: one for one in found},
    )


def list_by_ref(wanted: Collection[str]) -> list[Sanction]:
    """Return sanctions with what a line about each shows."""
    query = select(Sanction).where(Sanction.ref.in_(wanted))
    shown = joinedload(Sanction.record).joinedload(CreditRecord.subject)
    return list(db.session.scalars(query.options(shown, joinedload(Sanction.person))))


def list_initiated(user: User) -> list[Sanction]:
    """Return the sanctions on records of a person's agency that its department has to hear of.

    Those that wait for a response, and those whose feedback waits to be evaluated.
    """
    own = organisations_as(user, Role.PROVIDER)
    waiting = select(Deadline.entity_ref).where(
        Deadline.met_at.is_(None), Deadline.clock == "sanction_evaluation"
    )
    return list(
        db.session.scalars(
            select(Sanction)
            .join(CreditRecord)
            .where(CreditRecord.provider_id.in_(own))
            .where(or_(Sanction.state == "initiated", Sanction.ref.in_(waiting)))
            .order_by(Sanction.id)
            .limit(MOST)
            .options(
                joinedload(Sanction.record).joinedload(CreditRecord.subject),
                joinedload(Sanction.department),
                joinedload(Sanction.person),
                selectinload(Sanction.executions),
            )
        )
    )


def list_affected(record: CreditRecord) -> list[Organisation]:
    """Return the departments that carried out a measure because of a record, by name."""
    acted = {
        one.department
        for one in record.sanctions
        if any(execution.executed for execution in one.executions)
    }
    return sorted(acted, key=lambda one: one.name)


# --- imposing and initiating ---


def draft_sanction(policy: Policy, record: CreditRecord) -> Sanction:
    """Return a sanction on a record, not yet imposed and kept nowhere."""
    pack = policy.pack_for(
        policy.current["sanction"].rules, decided_on=record.decided_on, applied_on=today()
    )
    sanction = Sanction(
        record_id=record.id, rule_pack=pack.id, rule_pack_hash=pack.sha256, notified=[]
    )
    # Set without events: the record's own list must not hold what may never be imposed.
    set_committed_value(sanction, "record", record)
    machine.begin(policy, sanction, "sanction")
    return sanction


def offer_to_impose(user: User, record: CreditRecord) -> tuple[Sanction, machine.Offer]:
    """Return a sanction that could be imposed on a record, kept nowhere, and what bars it.

    Raises NotAllowed for a person of no implementing department.
    """
    return offer_to_begin(user, record, "impose")


def offer_to_initiate(user: User, record: CreditRecord) -> tuple[Sanction, machine.Offer]:
    """Return a sanction that could be initiated on a record, kept nowhere, and what bars it.

    Raises NotAllowed for a person who does not provide for the record.
    """
    return offer_to_begin(user, record, "initiate")


def offer_to_begin(
    user: User, record: CreditRecord, transition: str
) -> tuple[Sanction, machine.Offer]:
    """Return a sanction and what bars its first step. Raises NotAllowed."""
    policy = current_policy()
    sanction = draft_sanction(policy, record)
    actors = cases.actors_of(user, record)
    offers = machine.offers(cases.reading(), policy, sanction, actors, at=now())
    offer = next((one for one in offers if one.transition.name == transition), None)
    if offer is None:
        raise NotAllowed(transition)
    return sanction, offer


def impose(record_ref: str, user: User, submission: cases.Submission) -> cases.Outcome:
    """Impose a measure of the catalogue on a record, for the person's department.

    Raises NotVisible, NotAllowed, TokenBorrowed or Refused; then nothing was changed.
    """
    return begin_sanction(record_ref, "impose", user, submission)


def initiate(
    record_ref: str, user: User, submission: cases.Submission, person_id: int | None = None
) -> cases.Outcome:
    """Initiate a measure of the catalogue: the record's provider asks a department for it.

    person_id: whom it reaches, where the account is known; else the name among the texts.
    Raises NotVisible, NotAllowed, TokenBorrowed or Refused; then nothing was changed.
    """
    return begin_sanction(record_ref, "initiate", user, submission, person_id)


@tried_again
def begin_sanction(
    record_ref: str,
    transition: str,
    user: User,
    submission: cases.Submission,
    person_id: int | None = None,
) -> cases.Outcome:
    """Begin a sanction by its first step. Raises what `impose` and `initiate` raise."""
    policy = current_policy()
    with transaction() as session:
        record = cases.lock_record(session, CreditRecord.ref == record_ref)
        if record is None or not cases.actors_of(user, record):
            raise cases.NotVisible(record_ref)
        if earlier := cases.find_earlier(session, user, submission):
            return cases.Outcome(earlier, repeated=True)
        actors = cases.actors_of(user, record)
        sanction = draft_sanction(policy, record)
        actor = cases.actor_for(policy, sanction, transition, actors)
        answers = submission.answers
        sanction.ref = refs.new_ref(session, policy.current["sanction"].prefix, today())
        sanction.measure = session.get_one(SanctionMeasure, answers.facts["measure_id"])
        sanction.measure_id = sanction.measure.id
        sanction.imposed_on = today()
        sanction.ends_on = date.fromisoformat(answers.facts["ends_on"])
        if transition == "impose":
            sanction.department_id = department_of(actor)
        else:
            sanction.department_id = answers.facts["department_id"]
            sanction.initiator_id = actor.organisation_id
            sanction.notified = answers.facts["notified"]
            name_person(session, sanction, submission, person_id)
        session.add(sanction)
        machine.fire(session, policy, sanction, transition, actor, answers, at=now())
        cases.remember(session, user, submission, record.ref)
        return cases.Outcome(record.ref)


def name_person(
    session: Session, sanction: Sanction, submission: cases.Submission, person_id: int | None
) -> None:
    """Write down whom a measure reaches, if it was said: by account, or else by name.

    A person named before on this record, in the same role, is the same person.
    """
    role = submission.answers.facts["person_role"]
    if role is None:
        return
    name = submission.answers.texts["person"]
    known = select(Sanction.person_id).where(
        and_(Sanction.record_id == sanction.record_id, Sanction.person_role == role),
        Sanction.person.has(Person.name == name),
    )
    sanction.person_role = role
    sanction.person_id = person_id or session.scalar(known.limit(1))
    if sanction.person_id is None:
        sanction.person = Person(name=name)


def department_of(actor: Actor) -> int:
    """Return the department that somebody acts for. Raises TypeError for the system."""
    if actor.organisation_id is None:
        raise TypeError("only a department imposes a measure")
    return actor.organisation_id
