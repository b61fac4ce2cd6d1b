"""Opening cases and firing transitions: lock, check token and version, fire, commit."""

import hashlib
import json
from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any

from sqlalchemy import ColumnElement, Select, select
from sqlalchemy.orm import Session, joinedload, selectinload

from repair_app import access, refs
from repair_app.db import db, now, today
from repair_app.engine import machine
from repair_app.engine.guards import outcomes
from repair_app.engine.opening import describe_case
from repair_app.engine.policy import Policy
from repair_app.engine.spec import Transition
from repair_app.engine.step import (
    Actor,
    Answers,
    Entity,
    NotAllowed,
    NotOffered,
    Reason,
    Refused,
    case_of,
)
from repair_app.engine.store import ReadingStore, Store
from repair_app.models import Case, CreditRecord, FormToken, Requirement, Role, Sanction, User
from repair_app.services import evidence, executions
from repair_app.services.policy import current_policy
from repair_app.services.transaction import transaction, tried_again
from repair_app.uploads import Upload

# Who sets a matter going; a reviewer's own steps say so by their effects.
DOOR_OF = {
    "subject": "subject",
    "agent": "subject",
    "department": "discovery",
    "provider": "discovery",
}
OPENS = "open"  # the step by which the enterprise's side begins a matter
AMEND = "amend"  # and that by which it changes a draft of it
KINDS: dict[str, Any] = {
    "cases": Case,
    "records": CreditRecord,
    "requirements": Requirement,
    "sanctions": Sanction,
}


class NotVisible(Exception):
    """There is nothing under this reference that this person may see."""


class NoSuchPlace(NotVisible):
    """A list has no row under this reference behind which it could go on."""


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
            organisation_uscc=appointment.organisation.uscc if appointment.organisation else None,
        )
        for appointment in access.stands_as(user, entity)
        if access.acts_for(appointment, entity)
    ]


def reading() -> ReadingStore:
    """Return what one page asks all its questions, so that it asks none twice."""
    return ReadingStore(db.session())


def list_offers(
    user: User, entity: Entity, store: ReadingStore | None = None
) -> list[machine.Offer]:
    """Return the lawful next steps of a person, those that something still bars included."""
    actors = actors_of(user, entity)
    return list(machine.offers(store or reading(), current_policy(), entity, actors, at=now()))


def get_visible(kind: str, ref: str, user: User) -> Entity:
    """Return the entity of a reference. Raises NotVisible when it is not for this person."""
    model = KINDS[kind]
    entity: Entity | None = db.session.scalar(select(model).where(model.ref == ref))
    if entity is None or not any(access.stands_as(user, entity)):
        raise NotVisible(ref)
    return entity


def is_visible(ref: str, user: User) -> bool:
    """Say whether there is something under this reference, of any kind, that a person may see."""
    found = (db.session.scalar(select(one).where(one.ref == ref)) for one in KINDS.values())
    return any(any(access.stands_as(user, one)) for one in found if one is not None)


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


def why_not_here(user: User, entity: Entity, name: str) -> Sequence[Reason] | None:
    """Return why a step that starts in this state is not for this matter at all.

    None when it does not start here: then only the state is in the way.
    """
    policy = current_policy()
    transition = policy.workflow_of(entity).transitions[name]
    actor = machine.choose_actor(transition, actors_of(user, entity))
    if actor is None or entity.state not in transition.source:
        return None
    step = machine.prepare(reading(), policy, entity, transition, actor, Answers(), at=now())
    return tuple(machine.reasons_against(step))


def list_openings(
    user: User, record: CreditRecord, store: ReadingStore
) -> dict[str, machine.Offer]:
    """Return what a person may open about a record, by workflow, with what still bars it."""
    actors = actors_of(user, record)
    found = {}
    for workflow in current_policy().current.values():
        if workflow.entity != "case":
            continue
        case = draft_case(current_policy(), workflow.name, record)
        mine = [one for one in actors if may_open(user, one, workflow.name)]
        file_in_own_name(case, mine)
        point_to_decision(case)
        offers = machine.offers(store, current_policy(), case, mine, at=now())
        if offer := next(iter(offers), None):
            found[workflow.name] = offer
    return found


def offer_to_open(
    user: User, workflow: str, record: CreditRecord, name: str = ""
) -> tuple[Case, machine.Offer]:
    """Return a case that could be opened about a record, kept nowhere, and what bars it.

    Raises what `step_to_open` raises.
    """
    case, transition, actor = step_to_open(user, workflow, record, name)
    store = Store(db.session())
    step = machine.prepare(store, current_policy(), case, transition, actor, Answers(), at=now())
    return case, machine.Offer(transition, actor, tuple(machine.reasons_against(step)))


def step_to_open(
    user: User, workflow: str, record: CreditRecord, name: str = ""
) -> tuple[Case, Transition, Actor]:
    """Return a case that could be opened about a record, kept nowhere, and by which step.

    name: of the step, where a person has several; else the first is meant. Raises NotAllowed
    when this person may not open such a matter of this record.
    """
    policy = current_policy()
    case = draft_case(policy, workflow, record)
    actors = [one for one in actors_of(user, record) if may_open(user, one, workflow)]
    for transition in policy.workflow_of(case).leaving(case.state):
        actor = machine.choose_actor(transition, actors)
        if actor and name in {"", transition.name}:
            file_in_own_name(case, [actor])
            point_to_decision(case)
            return case, transition, actor
    raise NotAllowed(workflow)


def file_in_own_name(case: Case, actors: Sequence[Actor]) -> None:
    """Keep whose matter it is, where a person files for themselves and for no enterprise."""
    if actors and all(one.role == Role.SUBJECT and not one.organisation_id for one in actors):
        case.person_id = actors[0].person_id


def point_to_decision(case: Case) -> None:
    """Let a review be about the newest decision of its record, until another one is named."""
    if case.workflow != "review":
        return
    ended = (
        select(Case)
        .where(
            Case.record_id == case.record.id,
            Case.workflow.in_(outcomes.BEGUN_ANEW),
            Case.state.in_(outcomes.REVIEWABLE),
            Case.person_id.is_not_distinct_from(case.person_id),
        )
        .order_by(Case.id.desc())
        .limit(1)
    )
    case.about = db.session.scalar(ended)


def may_open(user: User, actor: Actor, workflow: str) -> bool:
    """Say whether an agent's mandate, or a person's own right, reaches a kind of matter."""
    if actor.role == Role.SUBJECT and actor.organisation_id is None:
        return workflow in access.IN_OWN_NAME
    if actor.role != Role.AGENT:
        return True
    return any(
        workflow in access.reach_of(one)
        for one in user.current_appointments
        if one.role == Role.AGENT and one.organisation_id == actor.organisation_id
    )


@tried_again
def perform(kind: str, ref: str, name: str, user: User, submission: Submission) -> Outcome:
    """Fire one transition for a person.

    Raises NotVisible, NotOffered, NotAllowed, WrongState, Stale, TokenBorrowed or Refused;
    then nothing was changed.
    """
    policy = current_policy()
    with transaction() as session:
        entity = lock(session, kind, ref)
        if not any(access.stands_as(user, entity)):
            if was_done(user, submission.token, ref):
                return Outcome(ref, repeated=True)
            raise NotVisible(ref)
        actors = actors_of(user, entity)
        if earlier := find_earlier(session, user, submission):
            return Outcome(earlier, repeated=True)
        if isinstance(entity, Sanction) and name == executions.STEP:
            actor_for(policy, entity, name, actors)
            if executions.was_told(session, entity, submission.answers):
                return Outcome(ref, repeated=True)
        if entity.version != submission.version:
            raise Stale(entity, submission.version)
        actor = actor_for(policy, entity, name, actors)
        if isinstance(entity, Case) and name == AMEND:
            change_ground(session, policy, entity, actor, submission.answers)
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


@tried_again
def open_case(
    workflow: str, record_ref: str, user: User, submission: Submission, *, name: str = ""
) -> Outcome:
    """Open a matter about a record for a person, by the step that is this person's.

    name: of the step, where a person has several; else the first is meant. Raises NotVisible,
    NotAllowed, TokenBorrowed or Refused; then nothing was changed.
    """
    policy = current_policy()
    with transaction() as session:
        record = lock_record(session, CreditRecord.ref == record_ref)
        if record is None or not actors_of(user, record):
            raise NotVisible(record_ref)
        if earlier := find_earlier(session, user, submission):
            return Outcome(earlier, repeated=True)
        case, transition, actor = step_to_open(user, workflow, record, name)
        given = submission.answers.facts
        case.ground = given.get("ground") or case.ground
        case.door = DOOR_OF.get(actor.role, "system")
        if about_id := given.get("about_id"):
            case.about = session.get_one(Case, about_id)
            case.ground = case.about.ref  # several decisions may be under review at a time
        case.ref = refs.new_ref(session, policy.current[workflow].prefix, today())
        # The case needs its row before its documents can point at it, and no row if it is refused.
        machine.ask(session, policy, case, transition.name, actor, submission.answers, at=now())
        session.add(case)
        session.flush()
        answers = with_evidence(session, case, user, submission)
        machine.fire(session, policy, case, transition.name, actor, answers, at=now())
        remember(session, user, submission, case.ref)
        return Outcome(case.ref)


def change_ground(
    session: Session, policy: Policy, case: Case, actor: Actor, answers: Answers
) -> None:
    """Let a draft be about the ground that is named now, if it could have been opened on that.

    Asked by the version and the rules that the draft began with. Raises Refused where it could not.
    """
    ground = answers.facts.get("ground", case.ground)
    if ground == case.ground:
        return
    case.ground = ground
    opening = policy.workflow_of(case).transitions[OPENS]
    with session.no_autoflush:  # or the store refuses a ground that is taken, and says not why
        step = machine.prepare(Store(session), policy, case, opening, actor, answers, at=now())
        against = tuple(machine.reasons_against(step))
    if against:
        raise Refused(*against)


def draft_case(policy: Policy, workflow: str, record: CreditRecord, ground: str = "") -> Case:
    """Return a case about a record, pinned to the policy in force, without a reference."""
    columns = describe_case(policy, workflow, record, ground=ground, at=now(), day=today())
    case = Case(door="subject", **columns)
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
    record = lock_record(session, is_record_of(model, ref))
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


def is_record_of(model: Any, ref: str) -> ColumnElement[bool]:
    """Return the SQL condition on the record that the entity of a reference belongs to."""
    if model is CreditRecord:
        return CreditRecord.ref == ref
    if model is Requirement:
        found = select(Case.record_id).join(Requirement).where(Requirement.ref == ref)
    else:
        found = select(model.record_id).where(model.ref == ref)
    return CreditRecord.id == found.scalar_subquery()


def lock_record(session: Session, condition: ColumnElement[bool]) -> CreditRecord | None:
    """Return a record locked and read anew; its sanctions and marks are read when asked for."""
    query = select(CreditRecord).where(condition).with_for_update(of=CreditRecord)
    return session.scalar(query.execution_options(populate_existing=True))


def with_evidence(session: Session, entity: Entity, user: User, submission: Submission) -> Answers:
    """Return the answers with the hashes of the evidence, which is stored with the case."""
    given = submission.answers
    material = given.facts.get("material")
    kept = [
        evidence.keep(session, keeper_of(entity), user, upload, material)
        for upload in submission.uploads
    ]
    return replace(given, evidence=(*given.evidence, *kept))


def keeper_of(entity: Entity) -> Case:
    """Return the case that evidence goes to. Raises TypeError where there is none."""
    case = case_of(entity)
    if case is None:
        raise TypeError("only a case keeps evidence")
    return case


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


def was_done(user: User, token: str, ref: str) -> bool:
    """Say whether a person's form led to an entity, which may be out of their sight since.

    So that who sends it again, because the answer was lost, is told so and not that there is
    nothing.
    """
    used = db.session.get(FormToken, token) if token else None
    return used is not None and (used.user_id, used.result_ref) == (user.id, ref)


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
            joinedload(Case.centre),
            joinedload(Case.department),
            selectinload(Case.about),  # joined, SQLite puts all cases there are together
            joinedload(Case.record, innerjoin=True).options(
                joinedload(CreditRecord.dispute_marks),
                selectinload(CreditRecord.sanctions).joinedload(Sanction.suspensions),
            ),
            # A case has few of these, as its record has few marks: one query with the case itself.
            joinedload(Case.requirements).joinedload(Requirement.institution),
            joinedload(Case.proposals),
            selectinload(Case.documents),
            selectinload(Case.deadlines),
        )
    )
    case = found.unique().one_or_none()
    if case is None or not any(access.stands_as(user, case)):
        raise NotVisible(ref)
    return case


def list_page(
    user: User, *, after: str, limit: int, workflow: str = "", state: str = ""
) -> Sequence[Case]:
    """Return some of the cases that a person may see, the newest first.

    after: the reference of the case that the part before ended with; empty for the first. Raises
    NoSuchPlace.
    """
    wanted = select(Case).where(access.visible_to(user))
    if after:
        wanted = wanted.where(Case.id < find_place(wanted, Case, after))
    if workflow:
        wanted = wanted.where(Case.workflow == workflow)
    if state:
        wanted = wanted.where(Case.state == state)
    shown = (joinedload(Case.subject), joinedload(Case.record, innerjoin=True))
    newest = wanted.order_by(Case.id.desc()).limit(limit)
    return db.session.scalars(newest.options(*shown)).all()


def find_place(listed: Select[Any], kind: Any, ref: str) -> int:
    """Return the row of a reference in a list. Raises NoSuchPlace where the list has none."""
    found: int | None = db.session.scalar(
        listed.with_only_columns(kind.id).where(kind.ref == ref).order_by(None)
    )
    if found is None:
        raise NoSuchPlace(ref)
    return found


def list_others(case: Case, user: User) -> Sequence[Case]:
    """Return the other cases of a case's record that a person may see, newest first."""
    return db.session.scalars(
        select(Case)
        .where(Case.record_id == case.record_id, Case.id != case.id, access.visible_to(user))
        .order_by(Case.id.desc())
        .limit(20)
    ).all()
