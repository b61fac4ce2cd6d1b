"""The first of two persons' decision, for the second: its words, and what is changed of them."""

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime
from difflib import SequenceMatcher
from typing import Final

from sqlalchemy import select
from sqlalchemy.orm import joinedload

from repair_app.db import db
from repair_app.engine.spec import Transition
from repair_app.engine.step import Entity
from repair_app.models import Case, Event
from repair_app.services import history

FIRST: Final = "remember_first_decider"  # the effect of every step that decides first
SIGNS: Final = "remember_signer"
# What is compared piece by piece: words and numbers, any other character by itself.
PIECES: Final = re.compile(r"[A-Za-z0-9]+|.", re.DOTALL)
SENTENCES: Final = re.compile(r"[^。；;.\n]*[。；;.\n]?")
LONG: Final = 2_000  # characters: longer texts are compared sentence by sentence


@dataclass(frozen=True)
class FirstDecision:
    """What was decided first: by which step, when, in which words."""

    transition: Transition
    at: datetime
    texts: Mapping[str, str]


def find(entity: Entity, transition: Transition) -> FirstDecision | None:
    """Return the decision that a step signs; None for a step that signs none."""
    if SIGNS not in transition.effects or not isinstance(entity, Case):
        return None
    if entity.decided_by_id is None:
        return None
    events = db.session.scalars(
        select(Event)
        .where(Event.entity == entity.ref)
        .order_by(Event.id.desc())
        .options(joinedload(Event.text))
    ).all()
    decided = (
        one for one in history.read(events, internal=True) if FIRST in one.transition.effects
    )
    found = next(decided, None)
    return FirstDecision(found.transition, found.at, found.texts) if found else None


def compare(first: str, second: str) -> Iterator[tuple[str, str]]:
    """Yield a text in pieces, against an earlier one: each "same", "gone" or "new"."""
    is_long = max(len(first), len(second)) > LONG
    old, new = ((SENTENCES if is_long else PIECES).findall(one) for one in (first, second))
    for what, start, end, begin, stop in SequenceMatcher(
        None, old, new, autojunk=False
    ).get_opcodes():
        if what == "equal":
            yield "same", "".join(old[start:end])
            continue
        if end > start:
            yield "gone", "".join(old[start:end])
        if stop > begin:
            yield "new", "".join(new[begin:stop])
