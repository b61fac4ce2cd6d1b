"""One step for many matters: each by itself, through the workflow, with a report at the end."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Final

from sqlalchemy import or_, select
from sqlalchemy.orm import selectinload

from repair_app.db import db
from repair_app.engine import machine
from repair_app.engine.assigning import OFFICES
from repair_app.engine.spec import Transition
from repair_app.engine.step import NotAllowed, NotOffered, Reason, Refused, WrongState
from repair_app.engine.store import ReadingStore
from repair_app.labels import N_
from repair_app.models import CreditRecord, Deadline, Role, Sanction, User
from repair_app.services import cases, desk, inbox
from repair_app.services.policy import current_policy

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
CHANGED: Final = N_("It has moved on since the page was drawn: look at it as it is now.")


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
    """What became of one matter: done, done before, or refused and why."""

    ref: str
    done: bool
    reasons: Sequence[Reason] = ()
    is_seen: bool = True  # False: there is nothing there that this person may see


def is_plain(step: Transition) -> bool:
    """Say whether a step can be taken for many at once: it asks nothing, and decides nothing."""
    return step.form in PLAIN and DECIDES.isdisjoint(step.effects)


def list_plain_steps(turns: Iterable[inbox.Turn], role: Role) -> list[Transition]:
    """Return the steps that a role could take for several of these at once, each name once."""
    policy = current_policy()
    found: dict[str, Transition] = {}
    for turn in turns:
        for step in policy.workflow_of(turn.entity).leaving(turn.entity.state):
            if role in step.by and is_plain(step):
                found.setdefault(step.name, step)
    return list(found.values())


def look_ahead(refs: Sequence[str], name: str, user: User) -> list[Prospect]:
    """Return what a step would do to each of some matters that wait for a person's office.

    What has moved on to others meanwhile is left out. Raises NotVisible where a person may see
    none of them all.
    """
    store = cases.reading()
    turns = inbox.pair_with_entities(find_terms(refs, user))
    return [prospect_of(turn, name, user, store) for turn in turns]


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


def prospect_of(turn: inbox.Turn, name: str, user: User, store: ReadingStore) -> Prospect:
    """Return what a step would do to one matter."""
    kind = next(one for one, model in cases.KINDS.items() if isinstance(turn.entity, model))
    offers = cases.list_offers(user, turn.entity, store)
    mine = (one for one in offers if one.transition.name == name and is_plain(one.transition))
    return Prospect(turn, kind, next(mine, None))


def take_step(kind: str, ref: str, name: str, user: User, sent: cases.Submission) -> Taken:
    """Take a step in one of several matters, in a transaction of its own; tell what became of it.

    Whatever it is: those before it are done already, and the report is to say so.
    """
    policy = current_policy()
    try:
        entity = cases.get_visible(kind, ref, user)
        step = policy.workflow_of(entity).transitions.get(name)
        if step is None or not is_plain(step):
            raise NotOffered(name)
        cases.perform(kind, ref, name, user, sent)
    except Refused as refused:
        return Taken(ref, done=False, reasons=refused.reasons)
    except (cases.Stale, WrongState):
        return Taken(ref, done=False, reasons=[Reason(CHANGED)])
    except (NotAllowed, NotOffered):
        return Taken(ref, done=False, reasons=[Reason(N_("This step is not yours to take here."))])
    except cases.NotVisible:
        return Taken(ref, done=False, reasons=[Reason(desk.MOVED_ON)], is_seen=False)
    except cases.TokenBorrowed:
        return Taken(ref, done=False, reasons=[Reason(N_("Another form was sent for it before."))])
    return Taken(ref, done=True)
