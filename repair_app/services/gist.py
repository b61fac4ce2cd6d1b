"""A case in a few lines, for an official: what is asked, what was found, what is decided."""

from collections.abc import Collection, Sequence
from dataclasses import dataclass, replace
from typing import Final

from repair_app.access import FILERS
from repair_app.engine.spec import SAME
from repair_app.engine.step import VALUE
from repair_app.models import Case, Role
from repair_app.services.history import Happening

# What settles something in a case, and what begins the verification again, by its effect.
DECIDES: Final = frozenset({"remember_first_decider", "remember_signer", "remember_refusal"})
VERIFIES: Final = "remember_verifier"
BEGINS_AGAIN: Final = "forget_verification"
FILES: Final = "stamp_submission"
REMOVED: Final = "removed"  # the name of a file that was taken out of a draft
# Who reads how a draft became what was filed: whose draft it is, and who looks into everything.
READS_DRAFTS: Final = FILERS | {Role.AUDITOR}


@dataclass(frozen=True)
class Gist:
    """A case in a few lines: what was asked, found and decided. Of each the step that said it."""

    asked: Happening | None  # with the words in which the matter was brought
    heard: Happening | None  # what the enterprise said later on
    answer: Happening | None  # of the provider, or of who verified in its place
    sent_back: Happening | None  # by which the answer counts no more: it is verified again
    views: Sequence[Happening]  # of other agencies
    decided: Sequence[Happening]  # what counts, in the order in which it came


def sum_up(matter: Case, happenings: Sequence[Happening]) -> Gist:
    """Return a case in a few lines, out of all that happened in it."""
    own = [one for one in happenings if one.event.entity == matter.ref]
    said = [one for one in own if one.texts.get("statement")]
    filed = matter.submitted_at
    brought = [one for one in said if filed is None or one.at <= filed]  # a draft may be amended
    later = [one for one in said[len(brought) :] if one.role in FILERS]
    answers = [at for at, one in enumerate(own) if is_answer(one)]
    again = [at for at, one in enumerate(own) if BEGINS_AGAIN in one.transition.effects]
    last_again = again[-1] if again else -1
    return Gist(
        asked=brought[-1] if brought else None,
        heard=later[-1] if later else None,
        answer=own[answers[-1]] if answers else None,
        sent_back=own[last_again] if answers and answers[-1] < last_again else None,
        views=[one for one in happenings if one.facts.get("view")],
        decided=[one for one in own[max(last_again, 0) :] if DECIDES & set(one.transition.effects)],
    )


@dataclass(frozen=True)
class Course:
    """What happened in a case as somebody reads it: until it was filed, and since."""

    before: Sequence[Happening]  # to what belongs to the case, and was made ready by then
    since: Sequence[Happening]


def as_filed(matter: Case, happenings: Sequence[Happening], roles: Collection[Role]) -> Course:
    """Return what happened in a case as a reader of some roles has it before them.

    An office that acts reads what was filed: how who files changed a draft is none of its
    business. The enterprise's side and an auditor read every step as it was.
    """
    if not READS_DRAFTS.isdisjoint(roles):
        return Course(before=(), since=happenings)
    steps = enumerate(happenings)
    own = [at for at, one in steps if one.event.entity == matter.ref]
    filed = next((at for at in own if FILES in happenings[at].transition.effects), None)
    if filed is None or filed == own[0]:
        return Course(before=(), since=happenings)
    drawn_up = [happenings[at] for at in own if at < filed]
    return Course(
        before=[one for one in happenings[:filed] if one.event.entity != matter.ref],
        since=[put_together(drawn_up, happenings[filed]), *happenings[filed + 1 :]],
    )


def put_together(drawn_up: Sequence[Happening], filed: Happening) -> Happening:
    """Return the filing of a draft with all that it said by then, and with its evidence."""
    steps = [*drawn_up, filed]
    last = next((one.texts for one in reversed(steps) if one.texts.get("statement")), {})
    said = {name: text for one in steps for name, text in one.texts.items()}
    return replace(
        filed,
        # An entry that is no longer among the last words was taken back, and so was a file.
        texts={
            name: text
            for name, text in said.items()
            if name in last or not name.startswith((VALUE, REMOVED))
        },
        facts={name: fact for one in steps for name, fact in one.facts.items()},
        evidence=[paper for one in steps for paper in one.evidence],
        erased=any(one.erased for one in steps),
    )


def is_answer(one: Happening) -> bool:
    """Say whether a step told what was found when the matter was verified.

    Who gives it back to the centre answers as well: that it is another's record.
    """
    step, states = one.transition, one.workflow.states
    if VERIFIES in step.effects:
        return True
    if one.role != Role.PROVIDER or one.workflow.initial in step.source or step.target == SAME:
        return False
    return states[step.target].owner == Role.REVIEWER and DECIDES.isdisjoint(step.effects)
