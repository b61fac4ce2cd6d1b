"""Opening cases and firing transitions: lock, check token and version, fire, commit."""

import hashlib
import json
from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any

from sqlalchemy import select
from sqlalchemy.orm import Session, joinedload, selectinload

from repair_app import access, refs
from repair_app.db import db, now, today
from repair_app.engine import machine
from repair_app.engine.policy import Policy
from repair_app.engine.spec import Transition
from repair_app.engine.step import (
    Actor,
    Answers,
    Entity,
    NotAllowed,
    NotOffered,
    Reason,
)
from repair_app.models import Case, CreditRecord, FormToken, Requirement, Sanction, User
from repair_app.services import evidence
from repair_app.services.policy import current_policy
from repair_app.services.transaction import transaction
from repair_app.uploads import Upload

GROUND_OF = {"repair": "repair"}  # a repair has no ground of its own: one is open at a time
KINDS: dict[str, Any] = {
    "cases": Case,
    "records": CreditRecord,
    "requirements": Requirement,
    "sanctions": Sanction,
}


class NotVisible(Exception):
    """There is nothing under this reference that this person may see."""


class Stale(Exception):
    """The form was drawn from an older version of the entity."""

    def __init__(self, entity: Entity, version: int) -> None:
        super().__init__(f"{entity.ref} is at version {entity.version}, the form at {version}")
        self.ref = entity.ref
        self.version = version


class TokenBorrowed(Exception):
    """The form's token was used before, for something else or by somebody else."""


@dataclass(frozen=True)
class Submission:
    """What a person sent: answers, files, and the form's token and version."""

    answers: Answers
    uploads: Sequence[Upload] = ()
    token: str = ""
    version: int = 0
    purpose: str = ""  # what was asked for, so that a token fits one request only

    @classmethod
    def first(cls) -> "Submission":
        """Return an empty submission for what was opened just now."""
        return cls(answers=Answers(), version=1, purpose="submit")

    @property
    def digest(self) -> str:
        """Return a hash of all that was sent: the same form sent twice has the same."""
        content = json.dumps(
            [
                self.purpose,
                dict(self.answers.facts),
                dict(self.answers.texts),
                dict(self.answers.values),
                [upload.sha256 for upload in self.uploads],
            ],
            sort_keys=True,
            ensure_ascii=False,
            default=str,
        )
        return hashlib.sha256(content.encode()).hexdigest()


@dataclass(frozen=True)
class Outcome:
    """Which entity a submission led to, and whether that had been done before."""

    ref: str
    repeated: bool = False


def actors_of(user: User, entity: Entity) -> list[Actor]:
    """Return what a person may act as for an entity."""
    return [
        Actor(
            role=appointment.role,
            account_id=user.id,
            person_id=user.person_id,
            organisation_id=appointment.organisation_id,
            organisation_uscc=appointment.organisation.uscc,
        )
        for appointment in access.stands_as(user, entity)
    ]


def list_offers(user: User, entity: Entity) -> list[machine.Offer]:
    """Return the lawful next steps of a person, those that something still bars included."""
    return list(
        machine.offers(db.session(), current_policy(), entity, actors_of(user, entity), at=now())
    )


def get_visible(kind: str, ref: str, user: User) -> Entity:
    """Return the entity of a reference. Raises NotVisible when it is not for this person."""
    model = KINDS[kind]
    entity: Entity | None = db.session.scalar(select(model).where(model.ref == ref))
    if entity is None or not actors_of(user, entity):
        raise NotVisible(ref)
    return entity


def find_transition(user: User, entity: Entity, name: str) -> Transition:
    """Return a transition that this person may fire in some state of the entity.

    Raises NotOffered when nobody may, NotAllowed when others may.
    """
    policy = current_policy()
    actor_for(policy, entity, name, actors_of(user, entity))
    return policy.workflow_of(entity).transitions[name]


def reasons_against(user: User, entity: Entity, name: str) -> Sequence[Reason] | None:
    """Return what still bars a transition, or None when it does not start in this state."""
    return next(
        (one.reasons for one in list_offers(user, entity) if one.transition.name == name), None
    )


def offer_to_open(user: User, workflow: str, record: CreditRecord) -> tuple[Case, machine.Offer]:
    """Return a case that could be opened about a record, kept nowhere, and what bars it.

    Raises NotAllowed when this person does not file for the record's subject.
    """
    case = case_to_open(user, workflow, record)
    return case, next(iter(list_offers(user, case)))


def case_to_open(user: User, workflow: str, record: CreditRecord) -> Case:
    """Return a case that could be opened about a record, kept nowhere.

    Raises NotAllowed when this person does not file for the record's subject.
    """
    policy = current_policy()
    case = draft_case(policy, workflow, record, ground=GROUND_OF.get(workflow, ""))
    actor_for(policy, case, "open", actors_of(user, case))
    return case


def perform(kind: str, ref: str, name: str, user: User, submission: Submission) -> Outcome:
    """Fire one transition for a person.

    Raises NotVisible, NotOffered, NotAllowed, WrongState, Stale, TokenBorrowed or Refused;
    then nothing was changed.
    """
    policy = current_policy()
    with transaction() as session:
        entity = lock(session, kind, ref)
        actors = actors_of(user, entity)
        if not actors:
            raise NotVisible(ref)
        if earlier := find_earlier(session, user, submission):
            return Outcome(earlier, repeated=True)
        if entity.version != submission.version:
            raise Stale(entity, submission.version)
        actor = actor_for(policy, entity, name, actors)
        machine.fire(
            session,
            policy,
            entity,
            name,
            actor,
            with_evidence(session, entity, user, submission),
            at=now(),
        )
        remember(session, user, submission, entity.ref)
        return Outcome(entity.ref)


def open_case(workflow: str, record_ref: str, user: User, submission: Submission) -> Outcome:
    """Open a case about a record for a person who stands for its subject.

    Raises NotVisible, NotAllowed, TokenBorrowed or Refused; then nothing was changed.
    """
    policy = current_policy()
    with transaction() as session:
        record = lock_record(session, CreditRecord.ref == record_ref)
        if record is None or not actors_of(user, record):
            raise NotVisible(record_ref)
        if earlier := find_earlier(session, user, submission):
            return Outcome(earlier, repeated=True)
        ground = submission.answers.facts.get("ground") or GROUND_OF[workflow]
        case = draft_case(policy, workflow, record, ground)
        actor = actor_for(policy, case, "open", actors_of(user, case))
        case.ref = refs.new_ref(session, policy.current[workflow].prefix, today())
        # The case needs its row before its documents can point at it, and no row if it is refused.
        machine.ask(session, policy, case, "open", actor, submission.answers, at=now())
        session.add(case)
        session.flush()
        answers = with_evidence(session, case, user, submission)
        machine.fire(session, policy, case, "open", actor, answers, at=now())
        remember(session, user, submission, case.ref)
        return Outcome(case.ref)


def draft_case(policy: Policy, workflow: str, record: CreditRecord, ground: str) -> Case:
    """Return a case about a record, pinned to the policy in force, without a reference."""
    pack = policy.pack_for(record.decided_on, today())
    case = Case(
        record=record,
        subject=record.subject,
        subject_id=record.subject_id,
        provider_id=record.provider_id,
        ground=ground,
        rule_pack=pack.id,
        rule_pack_hash=pack.sha256,
        opened_at=now(),
    )
    machine.begin(policy, case, workflow)
    return case


def actor_for(policy: Policy, entity: Entity, name: str, actors: Sequence[Actor]) -> Actor:
    """Return the standing by which a person fires a transition.

    Raises NotOffered when nobody may, NotAllowed when others may.
    """
    transition = policy.workflow_of(entity).transitions.get(name)
    if transition is None or transition.by == ("system",):
        raise NotOffered(name)
    actor = machine.choose_actor(transition, actors)
    if actor is None:
        raise NotAllowed(name)
    return actor


def lock(session: Session, kind: str, ref: str) -> Entity:
    """Return an entity with its record and itself locked, in that order, and read anew.

    Raises NotVisible.
    """
    model = KINDS[kind]
    record_id = find_record_id(session, model, ref)
    record = lock_record(session, CreditRecord.id == record_id) if record_id else None
    if record is None:
        raise NotVisible(ref)
    if model is CreditRecord:
        return record
    query = select(model).where(model.ref == ref).with_for_update(of=model)
    entity: Entity | None = session.scalar(query.execution_options(populate_existing=True))
    if entity is None:
        raise NotVisible(ref)
    if isinstance(entity, Requirement):
        session.refresh(entity.case)
    return entity


def find_record_id(session: Session, model: Any, ref: str) -> int | None:
    """Return the id of the record that the entity of a reference belongs to."""
    if model is CreditRecord:
        return session.scalar(select(CreditRecord.id).where(CreditRecord.ref == ref))
    if model is Requirement:
        return session.scalar(
            select(Case.record_id).join(Requirement).where(Requirement.ref == ref)
        )
    found: int | None = session.scalar(select(model.record_id).where(model.ref == ref))
    return found


def lock_record(session: Session, condition: object) -> CreditRecord | None:
    """Return a record locked, with its sanctions, suspensions and marks read after the lock."""
    query = (
        select(CreditRecord)
        .where(condition)  # type: ignore[arg-type]  # an SQL condition
        .with_for_update(of=CreditRecord)
        .options(
            selectinload(CreditRecord.sanctions).selectinload(Sanction.suspensions),
            selectinload(CreditRecord.dispute_marks),
        )
    )
    return session.scalar(query.execution_options(populate_existing=True))


def with_evidence(session: Session, entity: Entity, user: User, submission: Submission) -> Answers:
    """Return the answers with the hashes of the evidence, which is stored with the case."""
    kept = [evidence.keep(session, case_of(entity), user, upload) for upload in submission.uploads]
    given = submission.answers
    return replace(given, evidence=(*given.evidence, *kept))


def case_of(entity: Entity) -> Case:
    """Return the case that evidence goes to. Raises TypeError where there is none."""
    match entity:
        case Case():
            return entity
        case Requirement():
            return entity.case
        case _:
            raise TypeError("only a case keeps evidence")


def find_earlier(session: Session, user: User, submission: Submission) -> str | None:
    """Return what the same form led to when it was first sent. Raises TokenBorrowed."""
    if not submission.token:
        return None
    used = session.get(FormToken, submission.token)
    if used is None:
        return None
    if used.user_id != user.id or used.digest != submission.digest:
        raise TokenBorrowed(submission.token)
    return used.result_ref


def remember(session: Session, user: User, submission: Submission, ref: str) -> None:
    """Note that a form was sent and what came of it."""
    if submission.token:
        session.add(
            FormToken(
                token=submission.token,
                user_id=user.id,
                digest=submission.digest,
                result_ref=ref,
                used_at=now(),
            )
        )


def get_case(ref: str, user: User) -> Case:
    """Return a case with what its page shows. Raises NotVisible when it is not for this person."""
    found = db.session.scalars(
        select(Case)
        .where(Case.ref == ref)
        .options(
            joinedload(Case.subject),
            joinedload(Case.provider),
            joinedload(Case.record, innerjoin=True).options(
                selectinload(CreditRecord.dispute_marks),
                selectinload(CreditRecord.sanctions).joinedload(Sanction.suspensions),
            ),
            # A case has few of these, and never both: one query with the case itself.
            joinedload(Case.requirements).joinedload(Requirement.institution),
            joinedload(Case.proposals),
            selectinload(Case.documents),
            selectinload(Case.deadlines),
        )
    )
    case = found.unique().one_or_none()
    if case is None or not actors_of(user, case):
        raise NotVisible(ref)
    return case


def list_others(case: Case, user: User) -> Sequence[Case]:
    """Return the other cases of a case's record that a person may see, newest first."""
    return db.session.scalars(
        select(Case)
        .where(Case.record_id == case.record_id, Case.id != case.id, access.visible_to(user))
        .order_by(Case.id.desc())
        .limit(20)
    ).all()
