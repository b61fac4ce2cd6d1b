"""Changes of publication and measures, for platforms that fetch them: in order, without a gap."""

from typing import Any

from flask import Response
from pydantic import BaseModel, Field

from repair_app.api.access import current_client, needs
from repair_app.api.answers import Key, once, send
from repair_app.api.bodies import Sent, Whole
from repair_app.api.mistakes import SHA256
from repair_app.api.problems import PROBLEMS
from repair_app.api.resources import open_part
from repair_app.models import Platform
from repair_app.services.cases import NoSuchPlace
from repair_app.services.sync import pull

resources = open_part("changes")
HIGHEST = 2**53 - 1


class ChangesAfter(BaseModel):
    """Which changes are wanted."""

    after: int = Field(0, ge=0, le=HIGHEST, description="`next` of the page before; 0: from first")
    limit: int = Field(100, ge=1, le=pull.MOST)


class ChangeItem(BaseModel):
    """One change of what a record shows."""

    position: int
    ref: str
    at: str
    hash: str = Field(description="SHA-256 of `record` as canonical JSON (RFC 8785)")
    superseded: bool = Field(description="a newer change of the record follows; only it is told")
    record: dict[str, Any] | None = Field(
        description="what is to be shown; `shown` false: the record is not to be shown any more"
    )


class ChangePage(BaseModel):
    """Some changes, in the order of their positions."""

    items: list[ChangeItem]
    next: int = Field(description="what to ask for as `after` next")
    head: int = Field(description="the last position there is")


class Shown(Sent):
    """What is shown since a change was taken."""

    position: Whole = Field(ge=1, le=HIGHEST)
    hash: str = Field(pattern=SHA256, description="computed from what is shown")


class Acknowledgement(Sent):
    """What a platform shows."""

    items: list[Shown] = Field(min_length=1, max_length=pull.MOST)


class Acknowledged(BaseModel):
    """What came of it."""

    acknowledged: list[int]
    refused: list[int] = Field(description="another hash than ours: fetch these again")


def own_platform() -> Platform:
    """Return the platform that the client pulls for: its organisation's. Raises NotVisible."""
    return pull.find_platform(current_client().organisation_id)


@resources.get("/changes", responses={200: ChangePage, **PROBLEMS})
@needs("changes")
def list_changes(query: ChangesAfter) -> Response:
    """List the changes behind a position, for the platform of the client's organisation.

    No position comes late: who has read up to `next` misses nothing.
    """
    page = pull.list_changes(own_platform(), query.after, query.limit)
    if query.after > page.head:  # of another store: whoever went on from there would miss changes
        raise NoSuchPlace(str(query.after))
    return send(
        ChangePage(
            items=[ChangeItem(**one) for one in page.items], next=page.next_after, head=page.head
        )
    )


@resources.post("/changes/ack", responses={200: Acknowledged, **PROBLEMS})
@needs("changes")
@once
def acknowledge(body: Acknowledgement, header: Key) -> Response:
    """Say what is shown: the platform's own hash for each change that it took."""
    hashes = {one.position: one.hash for one in body.items}
    taken = pull.acknowledge(own_platform().id, hashes)
    return send(Acknowledged(acknowledged=[*taken.acknowledged], refused=[*taken.refused]))
