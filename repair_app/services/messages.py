"""Messages: what a person was told, as they read it; urging; and what becomes of the mails."""

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime
from typing import Any, Final

from flask_babel import format_date, get_locale, gettext
from flask_babel import lazy_gettext as _l
from sqlalchemy import bindparam, func, select, true, update
from sqlalchemy.orm import Session, joinedload, selectinload

from repair_app import access
from repair_app.calendar import add_working_days, local_date
from repair_app.db import db, insert_rows, now, today
from repair_app.engine import telling
from repair_app.engine.days import read_table
from repair_app.engine.step import Entity, Reason, Refused
from repair_app.engine.telling import Kind
from repair_app.labels import N_, Label
from repair_app.models import (
    Case,
    CreditRecord,
    Deadline,
    MailState,
    Message,
    Requirement,
    Sanction,
    User,
)
from repair_app.services import cases
from repair_app.services.imports.verdicts import PREFIX, list_uploads
from repair_app.services.policy import current_policy
from repair_app.services.transaction import transaction

PAGE = 30
COUNTED = 99  # more are shown as "99+"
URGED_AFTER = 1  # working day
MAIL_MODES = ("at_once", "digest", "none")
ASKING: Final = (Kind.TURN, Kind.REMINDED, Kind.OVERDUE, Kind.URGED, Kind.ESCALATED, Kind.STOPPED)
PENDING = (MailState.WAITING, MailState.GATHERED)
# Written into the statement, or the index of what is to be mailed is not used.
IS_PENDING: Final = Message.mail_state.in_(
    bindparam("pending", [one.value for one in PENDING], expanding=True, literal_execute=True)
)

KINDS: Mapping[str, Any] = {
    Kind.STEP: _l("there is news"),
    Kind.TURN: _l("it is your turn"),
    Kind.ENDED: _l("it has ended"),
    Kind.ESCALATED: _l("passed up to you, for it is late"),
    Kind.RECORDED: _l("a record was entered"),
    Kind.REMINDED: _l("your term ends soon"),
    Kind.OVERDUE: _l("your term is over"),
    Kind.URGED: _l("who filed it asks you to act"),
    Kind.STOPPED: _l("could not be read to its end; you can have it taken up again"),
    Kind.SYSTEM_MADE: _l(
        "registered to act in your seat: its secret is yours to draw, under “Systems in your "
        "name”; if you know nothing of it, end it there and tell an auditor"
    ),
    Kind.SYSTEM_RENEWED: _l("given a new secret; if you know nothing of it, tell an auditor"),
    Kind.URGING: _l("you asked for it to be dealt with"),
}
SETTLED: Final = _l("it no longer waits for you")  # of what asked the reader to act
MOVED: Final = _l("the term was moved since")


@dataclass(frozen=True)
class Told:
    """A message in the reader's language."""

    message: Message
    kind: str  # what kind of matter it is about
    why: str  # one of KINDS, SETTLED or MOVED
    what: str  # the step, or the term
    state: str  # how the matter stood then
    due: str  # until when it is the reader's turn; empty where it is not, or no longer
    is_there: bool  # whether there is a page of it that the reader may see
    asks: bool  # whether the reader is still to act

    @property
    def is_settled(self) -> bool:
        """Say whether it asked the reader to act, who no longer has to."""
        return self.message.kind in ASKING and not self.asks

    @property
    def matter(self) -> str:
        """Return what it is about: kind and number."""
        return f"{self.kind} {self.message.entity_ref}".strip()

    @property
    def subject(self) -> str:
        """Return the one line that a mail is called by: number and kind, nobody's name."""
        return str(gettext("%(matter)s: %(why)s", matter=self.matter, why=self.why))


@dataclass(frozen=True)
class Post:
    """A page of a person's messages: those not read first."""

    unread: Sequence[Told]
    read: Sequence[Told]
    before: int | None  # where the next page of those read begins


# --- reading ----------------------------------------------------------------------------------


def count_unread(user: User) -> int:
    """Return how many messages a person has not read, up to COUNTED + 1."""
    some = select(Message.id).where(unread_of(user)).limit(COUNTED + 1).subquery()
    return db.session.scalar(select(func.count()).select_from(some)) or 0


def unread_of(user: User) -> Any:
    """Return the SQL condition for the messages that a person has not read."""
    return (Message.account_id == user.id) & Message.read_at.is_(None)


def list_post(user: User, before: int | None = None) -> Post:
    """Return a page of a person's messages, newest first; on the first page those not read."""
    newest = select(Message).order_by(Message.id.desc())
    unread = [] if before else db.session.scalars(newest.where(unread_of(user)).limit(PAGE)).all()
    read = db.session.scalars(
        newest.where(
            Message.account_id == user.id,
            Message.read_at.is_not(None),
            Message.id < before if before else true(),
        ).limit(PAGE + 1)
    ).all()
    told = {one.message.id: one for one in describe([*unread, *read[:PAGE]], user)}
    return Post(
        unread=[told[one.id] for one in unread],
        read=[told[one.id] for one in read[:PAGE]],
        before=read[PAGE - 1].id if len(read) > PAGE else None,
    )


def get_message(number: int, user: User) -> Message:
    """Return a message of a person's own. Raises NotVisible."""
    own = select(Message).where(Message.id == number, Message.account_id == user.id)
    found = db.session.scalar(own)
    if found is None:
        raise cases.NotVisible(str(number))
    return found


def find_entity(message: Message, user: User) -> Entity | None:
    """Return what a message is about, as long as the person may see it."""
    return find_entities([message.entity_ref], user).get(message.entity_ref)


def get_entity(ref: str, user: User) -> Entity:
    """Return what is found under a reference. Raises NotVisible when it is not for this person."""
    found = find_entities([ref], user).get(ref)
    if found is None:
        raise cases.NotVisible(ref)
    return found


def mark_read(number: int, user: User) -> Message:
    """Note that a person has read a message. Raises NotVisible."""
    with transaction():
        message = get_message(number, user)
        message.read_at = message.read_at or now()
        return message


def mark_all_read(user: User) -> None:
    """Note that a person has read everything."""
    with transaction() as session:
        session.execute(update(Message).where(unread_of(user)).values(read_at=now()))


# --- what a message says ------------------------------------------------------------------------


def describe(messages: Sequence[Message], user: User) -> list[Told]:
    """Return what messages say, in the language at hand; a few queries however many there are."""
    entities = find_entities({one.entity_ref for one in messages}, user)
    asking = [one for one in messages if one.kind in ASKING]
    running = find_running([one.entity_ref for one in asking])
    latest = find_latest_turns(asking, user)
    return [
        describe_one(
            one,
            entities.get(one.entity_ref),
            running.get(one.entity_ref, ()),
            is_last=one.id >= latest.get(one.entity_ref, one.id),
        )
        for one in messages
    ]


def describe_one(
    message: Message, entity: Entity | None, running: Sequence[Any], *, is_last: bool
) -> Told:
    """Return what a message says.

    entity: what it is about, if the reader may see it. running: the terms that somebody has to
    meet in it. is_last: whether the reader was told of no later turn in it.
    """
    content = message.content
    workflow = current_policy().workflows.get((content["workflow"], content["version"]))
    states = workflow.states if workflow else {}
    step = workflow.transitions.get(content.get("transition", "")) if workflow else None
    state = states.get(content["stands"])
    stands = entity is not None and entity.state == content["stands"]
    waits = stands and is_last
    asks = message.kind in ASKING and waits and is_still_due(message, running)
    passed = MOVED if waits and find_term(message, running) else SETTLED
    dues = [one.due_on for one in running if not one.whole]
    return Told(
        message=message,
        kind=words_of(workflow.label) if workflow else kind_without_workflow(message),
        why=str(passed if message.kind in ASKING and not asks else KINDS[message.kind]),
        what=words_of(step.label) if step else term_text(content),
        state=words_of(state.label) if state else "",
        due=day_text(min(dues)) if dues and asks and message.kind == Kind.TURN else "",
        is_there=entity is not None,
        asks=asks,
    )


def kind_without_workflow(message: Message) -> str:
    """Return what a message is about that is about no matter; empty for what is not known now."""
    match message.kind:
        case Kind.STOPPED:
            return str(gettext("File"))
        case Kind.SYSTEM_MADE | Kind.SYSTEM_RENEWED:
            return str(gettext("System"))
        case _:
            return ""


def is_still_due(message: Message, running: Sequence[Any]) -> bool:
    """Say whether a term that a message is about still runs to the day that it names.

    True for a message about no term.
    """
    if message.kind not in {Kind.REMINDED, Kind.OVERDUE}:
        return True
    term = find_term(message, running)
    return term is not None and term.due_on.isoformat() == message.content["due_on"]


def find_term(message: Message, running: Sequence[Any]) -> Any | None:
    """Return the term that a message is about, to whatever day it runs; None once it was met."""
    what, number, *_ = message.occasion.split(":")
    return next((one for one in running if what == "term" and str(one.id) == number), None)


def term_text(content: Mapping[str, Any]) -> str:
    """Return until when a term ran, for a message that is about one."""
    if "due_on" not in content:
        return ""
    day = day_text(date.fromisoformat(content["due_on"]))
    return str(gettext("Term: until %(day)s", day=day))


def words_of(label: Label) -> str:
    """Return a label of the policy in the language at hand."""
    return label.text(str(get_locale()))


def day_text(day: date) -> str:
    """Return a date in the language at hand."""
    return str(format_date(day, "long"))


def find_running(refs: Collection[str]) -> dict[str, list[Any]]:
    """Return the terms that run in matters, by reference: number, day, and whether of the whole."""
    found: dict[str, list[Any]] = {}
    if refs:
        asked = select(Deadline.id, Deadline.entity_ref, Deadline.due_on, Deadline.whole)
        running = asked.where(Deadline.entity_ref.in_(refs), Deadline.met_at.is_(None))
        for one in db.session.execute(running):
            found.setdefault(one.entity_ref, []).append(one)
    return found


def find_latest_turns(asking: Sequence[Message], user: User) -> dict[str, int]:
    """Return the newest message, by its number, that told a person of their turn in each matter.

    Of those not older than the messages given: who came back to a state is asked by the last.
    """
    if not asking:
        return {}
    newest = (
        select(Message.entity_ref, func.max(Message.id))
        .where(
            Message.account_id == user.id,
            Message.id >= min(one.id for one in asking),
            Message.kind == Kind.TURN,
            Message.entity_ref.in_({one.entity_ref for one in asking}),
        )
        .group_by(Message.entity_ref)
    )
    return dict(db.session.execute(newest).all())


def find_entities(refs: Collection[str], user: User) -> dict[str, Entity]:
    """Return what messages are about, by reference; only what the person may still see."""
    if not refs:
        return {}
    on_record = selectinload(CreditRecord.sanctions)
    queries: Sequence[Any] = (
        select(Case).where(Case.ref.in_(refs), access.visible_to(user)),
        select(Requirement).where(Requirement.ref.in_(refs)).options(joinedload(Requirement.case)),
        select(Sanction)
        .where(Sanction.ref.in_(refs))
        .options(joinedload(Sanction.record).options(on_record)),
        select(CreditRecord).where(CreditRecord.ref.in_(refs)).options(on_record),
    )
    found = [one for query in queries for one in db.session.scalars(query).unique()]
    files = [one for one in refs if one.startswith(f"{PREFIX}-")]
    uploads = list_uploads(files, user) if files else ()
    return {one.ref: one for one in found if may_see(user, one)} | {one.ref: one for one in uploads}


def may_see(user: User, entity: Entity) -> bool:
    """Say whether a person may see the page of an entity; that of a measure is its record's."""
    seen = entity.record if isinstance(entity, Sanction) else entity
    return any(access.stands_as(user, one) for one in {entity, seen})


# --- urging ---------------------------------------------------------------------------------------


def list_urgings(case: Case) -> Sequence[datetime]:
    """Return when a case was urged, oldest first."""
    return db.session.scalars(
        select(Message.created_at)
        .where(Message.case_ref == case.ref, Message.kind == Kind.URGING)
        .order_by(Message.id)
    ).all()


def reason_not_to_urge(session: Session, user: User, case: Case) -> Reason | None:
    """Return why a person cannot urge a case today; None when it can be done.

    What is not for this person, or not for this case at all, `applies` not.
    """
    if not is_filer(user, case):
        return Reason(N_("Only who filed the case can urge it."), applies=False)
    if not case.is_open or find_term_of_others(case) is None:
        return Reason(N_("Nobody else has to act in this case now."), applies=False)
    last = session.scalar(
        select(func.max(Message.created_at)).where(
            Message.case_ref == case.ref, Message.kind == Kind.URGING
        )
    )
    if last is None:
        return None
    again_on = add_working_days(local_date(last), URGED_AFTER, read_table(session)).due_on
    if today() >= again_on:
        return None
    return Reason(
        N_("This case was urged already; it can be urged again on %(day)s."), {"day": again_on}
    )


def is_filer(user: User, case: Case) -> bool:
    """Say whether a person stands in a case for who filed it."""
    return any(one.role in telling.FIRM for one in access.stands_as(user, case))


def find_term_of_others(case: Case) -> Deadline | None:
    """Return the running term of a case that an office has to meet, the most urgent one."""
    running = [
        one
        for one in case.deadlines
        if one.is_running and not one.whole and one.owner in telling.OFFICIALS
    ]
    return min(running, key=lambda one: (one.due_on, one.id), default=None)


def urge(ref: str, user: User) -> None:
    """Tell those who have to act in a case that it is waited for.

    Raises NotVisible, or Refused when it was urged already or is nobody else's turn.
    """
    with transaction() as session:
        case = cases.lock(session, "cases", ref)
        if not isinstance(case, Case) or not any(access.stands_as(user, case)):
            raise cases.NotVisible(ref)
        session.expire(case, ["deadlines"])
        if reason := reason_not_to_urge(session, user, case):
            raise Refused(reason)
        for term in case.deadlines:
            if term.is_running and not term.whole and term.owner in telling.OFFICIALS:
                entity = case if term.entity_ref == case.ref else requirement_of(case, term)
                workflow = current_policy().workflow_of(entity)
                telling.tell_of_term(session, workflow, term, entity, Kind.URGED, at=now())
        keep_urging(session, case, user)


def requirement_of(case: Case, term: Deadline) -> Requirement:
    """Return the requirement of a case that a term is of."""
    return next(one for one in case.requirements if one.ref == term.entity_ref)


def keep_urging(session: Session, case: Case, user: User) -> None:
    """Keep that a case was urged, and by whom: a message of that person, read already."""
    workflow = current_policy().workflow_of(case)
    row = telling.as_row(
        telling.Addressee(user.id, "none", Kind.URGING),
        f"urging:{case.ref}:{today().isoformat()}",
        case.ref,
        case.ref,
        {"workflow": workflow.name, "version": workflow.version, "stands": case.state},
        now(),
    )
    insert_rows(session, Message, [{**row, "read_at": now()}])


# --- a person's own settings ----------------------------------------------------------------------


def choose_mail(user: User, language: str, mode: str) -> None:
    """Keep in which language and how often a person wants mails; what waits follows.

    mode: one of MAIL_MODES.
    """
    with transaction() as session:
        account = session.get_one(User, user.id)
        account.language, account.mail_mode = language, mode
        state, due_at = telling.plan_mail(mode, now())
        session.execute(
            update(Message)
            .where(Message.account_id == user.id, IS_PENDING)
            .values(mail_state=state, mail_due_at=due_at)
        )


def count_by_state() -> dict[str, int]:
    """Return how many messages there are in each state of their mail."""
    counted = select(Message.mail_state, func.count()).group_by(Message.mail_state)
    found = dict(db.session.execute(counted).all())
    return {state.value: found.get(state.value, 0) for state in MailState}
