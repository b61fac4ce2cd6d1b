"""Changes that a platform fetches itself: in their order, without a gap, and acknowledged."""

import json
from collections.abc import Mapping, Sequence
from typing import Any, Final, NamedTuple

from sqlalchemy import or_, select, true
from sqlalchemy.orm import joinedload

from repair_app import ledger
from repair_app.db import db, now
from repair_app.models import Change, Obligation, Owed, Platform, PlatformStanding
from repair_app.services.cases import NotVisible
from repair_app.services.sync import changes
from repair_app.services.sync.content import WITHDRAWN, content_for, content_of_change, tombstone
from repair_app.services.transaction import transaction

MOST: Final = 1000  # changes in one answer


class Page(NamedTuple):
    """Some changes, where to go on, and up to where there are any."""

    items: Sequence[Mapping[str, Any]]
    next_after: int
    head: int


class Taken(NamedTuple):
    """What came of an acknowledgement: positions that now count as shown, and those that do not.

    Those refused have another hash than ours; those that nothing is owed for are in neither.
    """

    acknowledged: Sequence[int]
    refused: Sequence[int]


def find_platform(organisation_id: int) -> Platform:
    """Return the platform that an organisation's API client pulls for. Raises NotVisible."""
    found = db.session.scalar(
        select(Platform)
        .where(Platform.organisation_id == organisation_id)
        .where(Platform.standing != PlatformStanding.DISABLED)
        .order_by(Platform.delivery != "pull", Platform.id)
        .limit(1)
    )
    if found is None:
        raise NotVisible(str(organisation_id))
    return found


def list_changes(platform: Platform, after: int, limit: int = 100) -> Page:
    """Return the changes behind a position, in order: at most `limit`, and at most MOST.

    A worker puts what was committed in order every half minute. Of what a newer change has taken
    the place of only position, record and hash are told.
    """
    provider, most = changes.provider_of(platform), min(max(limit, 1), MOST)
    head = changes.read_head(db.session())  # first: what is ordered from now on is for the next
    withdrawn = (
        select(Obligation.id)
        .where(Obligation.platform_id == platform.id, Obligation.change_id == Change.id)
        .where(Obligation.because == WITHDRAWN)
        .exists()
    )
    found = db.session.scalars(
        select(Change)
        .where(Change.position > after, Change.position <= head)
        .where(or_(Change.provider_id == provider, withdrawn) if provider else true())
        .order_by(Change.position)
        .limit(most)
    ).all()
    last = found[-1].position if len(found) == most else max(head, after)
    return Page([as_item(platform.kind, one, provider) for one in found], last or 0, head)


def as_item(kind: str, change: Change, provider: int | None) -> dict[str, Any]:
    """Return a change as it is handed out to platforms of a kind."""
    outside = provider is not None and change.provider_id != provider
    content = tombstone(change.record_ref) if outside else content_of_change(kind, change)
    return {
        "position": change.position,
        "ref": change.record_ref,
        "at": ledger.moment(change.at),
        "hash": content.digest if content else change.payload_hash,
        "superseded": content is None,
        "record": json.loads(content.payload) if content else None,
    }


def acknowledge(platform_id: int, hashes: Mapping[int, str]) -> Taken:
    """Take a platform's word for what it shows: its own hash for each position."""
    acknowledged, refused = [], []
    with transaction() as session:
        owed = session.scalars(
            select(Obligation)
            .join(Obligation.change)
            .where(Obligation.platform_id == platform_id, Obligation.standing == Owed.WAITING)
            .where(Change.position.in_(hashes))
            .order_by(Obligation.id)
            .options(joinedload(Obligation.change), joinedload(Obligation.platform))
            .with_for_update(of=Obligation)
        ).all()
        for one in owed:
            position = one.change.position or 0
            told = hashes[position]
            content = content_for(one.platform.kind, one)
            if content is not None and told == content.digest:
                one.standing, one.problem = Owed.ACKNOWLEDGED, None
                one.acknowledged_at, one.platform_hash = now(), told
                acknowledged.append(position)
            else:
                one.problem = "other_hash"
                refused.append(position)
    return Taken(acknowledged, refused)
