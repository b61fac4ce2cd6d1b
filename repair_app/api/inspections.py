"""The routine inspection of a week: what was drawn, and what an inspector found on looking."""

from datetime import date, datetime
from typing import Final

from flask import Response
from pydantic import BaseModel, Field
from werkzeug.datastructures import MultiDict

from repair_app.api.access import act_as, needs
from repair_app.api.answers import Key, once, send
from repair_app.api.bodies import Sent
from repair_app.api.problems import PROBLEMS
from repair_app.api.questions import check_whole
from repair_app.api.resources import MOST, open_part
from repair_app.forms.inspections import LookForm
from repair_app.models import InspectionItem, Role
from repair_app.services import inspections
from repair_app.services.cases import NotVisible
from repair_app.services.reasons import language

resources = open_part("inspections")
LONGEST: Final = 4000


class ItemPath(BaseModel):
    """Which item of the week's list."""

    number: int = Field(ge=1, le=MOST)


class Looked(Sent):
    """What an inspector found."""

    result: str = Field(max_length=60, description="in_order, or a kind of flaw")
    note: str = Field("", max_length=LONGEST, description="what was looked at")


class Item(BaseModel):
    """A record or case that was drawn."""

    number: int
    ref: str
    due_on: date
    looked_at: datetime | None
    result: str | None
    note: str | None
    case: str | None = Field(description="the self-correction that a flaw opened")


class ItemPage(BaseModel):
    """The list of this week, those not looked at first."""

    items: list[Item]


@resources.get("/inspections", responses={200: ItemPage, **PROBLEMS})
@needs("cases:read")
def list_items() -> Response:
    """List what was drawn for this week's inspection, for auditors."""
    act_as(Role.AUDITOR)
    return send(page_of_week())


@resources.post("/inspections/<row:number>", responses={200: ItemPage, **PROBLEMS})
@needs("cases:write")
@once
def mark(path: ItemPath, body: Looked, header: Key) -> Response:
    """Note what was found on looking at an item; a flaw opens a self-correction."""
    user = act_as(Role.AUDITOR)
    form = LookForm(formdata=MultiDict(body.model_dump()), meta={"csrf": False})
    form.offer(language())
    check_whole(form)
    try:
        inspections.mark_item(path.number, user, form.result.data, form.note.data or "")
    except inspections.NotDrawn as error:
        raise NotVisible(str(path.number)) from error
    return send(page_of_week())


def page_of_week() -> ItemPage:
    """Return the list of this week."""
    return ItemPage(items=[line_of(one) for one in inspections.list_items()])


def line_of(item: InspectionItem) -> Item:
    """Return an item of the list."""
    return Item(
        number=item.id,
        ref=item.entity_ref,
        due_on=item.due_on,
        looked_at=item.looked_at,
        result=item.result,
        note=item.note,
        case=item.case.ref if item.case else None,
    )
