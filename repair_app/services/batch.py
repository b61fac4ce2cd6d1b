"""One step for many matters: each by itself, through the workflow, with a report at the end."""

import re
import secrets
from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import asdict, dataclass, replace
from typing import Final

from sqlalchemy import delete, or_, select
from sqlalchemy.orm import selectinload

from repair_app.db import db, now
from repair_app.engine import machine
from repair_app.engine.assigning import OFFICES
from repair_app.engine.spec import Transition, Workflow
from repair_app.engine.step import (
    NotAllowed,
    NotOffered,
    Reason,
    Refused,
    WrongState,
)
from repair_app.engine.store import ReadingStore
from repair_app.labels import N_, Label
from repair_app.models import CreditRecord, Deadline, Role, Sanction, StepReport, User
from repair_app.services import cases, desk, inbox
from repair_app.services.policy import current_policy
from repair_app.services.reasons import reason_text
from repair_app.services.transaction import transaction

# Steps that ask no more than a click, and a note for the file that one may leave empty.
PLAIN: Final = frozenset({"ConfirmForm", "NoteForm"})
# A decision is taken matter by matter, whatever it asks.
DECIDES: Final = frozenset({"remember_verifier", "remember_first_decider", "remember_signer"})
_WITH_SANCTIONS: Final = (
    selectinload(Deadline.record).options(
        selectinload(CreditRecord.dispute_marks),
        selectinload(CreditRecord.sanctions).selectinload(Sanction.suspensions),
    ),
)
NAME: Final = re.compile("[A-Za-z0-9_-]{24}")  # of a report
MOST_REPORTS: Final = 5  # of one person; the oldest make room
NOT_HERE: Final = N_("The step does not start in this state, or is not yours to take.")
CHANGED: Final = N_("It has moved on since the page was drawn: look at it as it is now.")


@dataclass(frozen=True)
class Choice:
    """A step that can be taken for several matters of one workflow: by which name, called what."""

    name: str  # "objection.accept"
    label: Label


@dataclass(frozen=True)
class Prospect:
    """What a step would do to one matter: where it leads, or why not."""

    turn: inbox.Turn
    kind: str  # one of cases.KINDS
    offer: machine.Offer | None  # None: the step does not start here

    @property
    def is_open(self) -> bool:
        """Say whether the step can be taken now."""
        return self.offer is not None and self.offer.is_open


@dataclass(frozen=True)
class Taken:
    """What became of one matter: done, done before, refused, or left alone; and why."""

    kind: str  # one of cases.KINDS; empty where there is nothing to be seen
    ref: str
    done: bool
    firm: str = ""  # whose matter it is
    left: bool = False  # the step was never taken in it
    reasons: Sequence[str] = ()  # in the language of who asked
    is_seen: bool = True  # False: there is nothing there that this person may see


def is_plain(step: Transition) -> bool:
    """Say whether a step can be taken for many at once: it asks nothing, and decides nothing."""
    return step.form in PLAIN and DECIDES.isdisjoint(step.effects)


def list_plain_steps(turns: Iterable[inbox.Line], role: Role) -> list[Choice]:
    """Return the steps that a role could take for several of these at once.

    A step of the same name in another workflow is another step: it may be called otherwise.
    """
    policy = current_policy()
    found: dict[str, tuple[Workflow, Transition]] = {}
    for turn in turns:
        workflow = policy.workflow_of(turn.entity)
        for step in workflow.leaving(turn.entity.state):
            if role in step.by and is_plain(step):
                found.setdefault(name_choice(workflow, step), (workflow, step))
    namesakes = Counter(step.name for _, step in found.values())
    return [
        Choice(name, of_workflow(step, workflow) if namesakes[step.name] > 1 else step.label)
        for name, (workflow, step) in found.items()
    ]


def name_choice(workflow: Workflow, step: Transition) -> str:
    """Return by which name a step of a workflow is chosen for several matters."""
    return f"{workflow.name}.{step.name}"


def of_workflow(step: Transition, workflow: Workflow) -> Label:
    """Return what a step is called, with its workflow before it."""
    return Label(
        zh=f"{workflow.label.zh}：{step.label.zh}", en=f"{workflow.label.en}: {step.label.en}"
    )


def look_ahead(refs: Sequence[str], choice: str, user: User) -> list[Prospect]:
    """Return what a chosen step would do to each of some matters that wait for a person's office.

    What has moved on to others meanwhile is left out. Raises NotVisible where a person may see
    none of them all.
    """
    store = cases.reading()
    turns = inbox.pair_with_entities(find_terms(refs, user))
    return [prospect_of(turn, choice, user, store) for turn in turns]


def find_terms(refs: Sequence[str], user: User) -> Sequence[Deadline]:
    """Return the terms of some matters that wait for a person's office, the most urgent first.

    Raises NotVisible where a person may see none of them all.
    """
    mine = [inbox.waits_for(user, role) for role in OFFICES if user.holds(role)]
    terms = db.session.scalars(
        select(Deadline)
        .where(Deadline.entity_ref.in_(refs), or_(*mine))
        .order_by(Deadline.due_on, Deadline.id)
        .options(*inbox.with_what_they_are_of(), *_WITH_SANCTIONS)
    ).all()
    if not terms and not any(cases.is_visible(ref, user) for ref in refs):
        raise cases.NotVisible(min(refs, default=""))
    return terms


def prospect_of(turn: inbox.Turn, choice: str, user: User, store: ReadingStore) -> Prospect:
    """Return what a chosen step would do to one matter."""
    kind = next(one for one, model in cases.KINDS.items() if isinstance(turn.entity, model))
    workflow = current_policy().workflow_of(turn.entity)
    offers = cases.list_offers(user, turn.entity, store)
    plain = (one for one in offers if is_plain(one.transition))
    meant = (one for one in plain if name_choice(workflow, one.transition) == choice)
    return Prospect(turn, kind, next(meant, None))


def take_step(kind: str, ref: str, choice: str, user: User, sent: cases.Submission) -> Taken:
    """Take a chosen step in one of several matters, by itself; tell what became of it.

    Whatever it is: those before it are done already, and the report is to say so.
    """
    reasons: Sequence[Reason] = ()
    is_seen = True
    try:
        take_plain_step(kind, ref, choice, user, sent)
    except Refused as refused:
        reasons = refused.reasons
    except (cases.Stale, WrongState):
        reasons = [Reason(CHANGED)]
    except (NotAllowed, NotOffered):
        reasons = [Reason(N_("This step is not yours to take here."))]
    except cases.NotVisible:
        reasons, is_seen = [Reason(desk.MOVED_ON)], False
    except cases.TokenBorrowed:
        reasons = [Reason(N_("Another form was sent for it before."))]
    else:
        return Taken(kind, ref, done=True)
    told = list(map(reason_text, reasons))
    return Taken(kind, ref, done=False, reasons=told, is_seen=is_seen)


def name_firms(taken: Sequence[Taken]) -> list[Taken]:
    """Return the same with whose matter each is; not of what the person may not see."""
    firms: dict[str, str] = {}
    for kind, model in cases.KINDS.items():
        if refs := [one.ref for one in taken if one.kind == kind and one.is_seen]:
            firms |= inbox.name_subjects(model, refs)
    return [replace(one, firm=firms.get(one.ref, one.firm)) for one in taken]


def leave_alone(refs: Sequence[str], choice: str, user: User) -> list[Taken]:
    """Return of matters in which a chosen step could not be taken why each stays as it was."""
    try:
        found = {one.turn.entity.ref: one for one in look_ahead(refs, choice, user)}
    except cases.NotVisible:
        found = {}
    return [left_alone(ref, found.get(ref)) for ref in refs]


def left_alone(ref: str, prospect: Prospect | None) -> Taken:
    """Return why a matter stays as it was. prospect: of the step; None where it has moved on."""
    if prospect is None:
        told = reason_text(Reason(desk.MOVED_ON))
        return Taken("", ref, done=False, left=True, reasons=[told], is_seen=False)
    if prospect.is_open:
        reasons: Sequence[Reason] = [Reason(CHANGED)]
    else:
        reasons = prospect.offer.reasons if prospect.offer else [Reason(NOT_HERE)]
    told_why = list(map(reason_text, reasons))
    firm = prospect.turn.record.subject.name
    return Taken(prospect.kind, ref, done=False, left=True, firm=firm, reasons=told_why)


def take_plain_step(kind: str, ref: str, choice: str, user: User, sent: cases.Submission) -> None:
    """Take a chosen step in one matter. Raises NotOffered where it is not of that matter.

    Raises as well what `cases.perform` raises.
    """
    workflow = current_policy().workflow_of(cases.get_visible(kind, ref, user))
    name = choice.removeprefix(f"{workflow.name}.")
    step = workflow.transitions.get(name)
    if name == choice or step is None or not is_plain(step):
        raise NotOffered(choice)
    cases.perform(kind, ref, name, user, sent)


# --- the report -------------------------------------------------------------------------------


def keep_report(user: User, taken: Sequence[Taken], back: str) -> str:
    """Keep for a while what became of each matter, for a page of its own; return its name."""
    name = secrets.token_urlsafe(18)
    told = [asdict(one) for one in taken]
    with transaction() as session:
        mine = select(StepReport.id).where(StepReport.account_id == user.id)
        old = session.scalars(mine.order_by(StepReport.id.desc()).offset(MOST_REPORTS - 1)).all()
        session.execute(delete(StepReport).where(StepReport.id.in_(old)))
        report = {"taken": told, "back": back}
        session.add(StepReport(name=name, account_id=user.id, made_at=now(), report=report))
    return name


def find_report(user: User, name: str) -> tuple[list[Taken], str] | None:
    """Return what became of each matter, and where the person came from; None for no report."""
    if not NAME.fullmatch(name):
        return None
    asked = StepReport.account_id == user.id, StepReport.name == name
    row = db.session.scalar(select(StepReport).where(*asked))
    if row is None:
        return None
    return [Taken(**one) for one in row.report["taken"]], row.report["back"]
