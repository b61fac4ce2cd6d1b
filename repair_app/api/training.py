"""Training dates: announced and called off by who gives them, free of charge."""

from datetime import date
from http import HTTPStatus
from typing import Any

from flask import Response
from pydantic import BaseModel, Field
from werkzeug.datastructures import MultiDict

from repair_app.api.access import act_as, current_account, current_client, needs
from repair_app.api.answers import Key, once, send, token_of_request
from repair_app.api.bodies import Sent, Whole
from repair_app.api.case_models import Party
from repair_app.api.problems import PROBLEMS
from repair_app.api.questions import check_whole
from repair_app.api.resources import MOST, open_part
from repair_app.forms.base import LINE_LENGTH
from repair_app.forms.training import MOST_SEATS, DateForm
from repair_app.models import TrainingDate
from repair_app.services import training
from repair_app.services.cases import NotVisible

resources = open_part("training")


class DatePath(BaseModel):
    """Which training date."""

    number: int = Field(ge=1, le=MOST)


class NewDate(Sent):
    """A training date to be announced."""

    title: str = Field(max_length=LINE_LENGTH)
    held_on: date = Field(description="today or later")
    hours: str = Field(max_length=50, description="time of day, for example 9:00-11:30")
    place: str = Field(max_length=LINE_LENGTH, description="or address of the broadcast")
    seats: Whole = Field(ge=1, le=MOST_SEATS)


class DateLine(BaseModel):
    """A training date."""

    number: int
    organiser: Party
    title: str
    held_on: date
    hours: str
    place: str
    seats: int
    taken: int = Field(description="seats that are booked")
    called_off: bool


class Booking(BaseModel):
    """Who booked a seat, by which requirement."""

    requirement: str
    subject: Party
    attended: bool


class OwnDate(DateLine):
    """A training date of the client's own organisation, with who booked."""

    bookings: list[Booking]


class DatePage(BaseModel):
    """Training dates to come, the next first."""

    dates: list[DateLine]


class OwnDatePage(BaseModel):
    """The organisation's own training dates, newest first."""

    dates: list[OwnDate]


@resources.get("/training/dates", responses={200: DatePage, **PROBLEMS})
@needs("cases:read")
def list_dates() -> Response:
    """List the training dates to come; one is booked by a step of the requirement."""
    return send(DatePage(dates=[DateLine(**told_of(one)) for one in training.list_dates()]))


@resources.get("/training/dates/own", responses={200: OwnDatePage, **PROBLEMS})
@needs("cases:read")
def list_own_dates() -> Response:
    """List the dates that the client's organisation announced, with who booked."""
    found = training.list_own_dates(act_as(*training.TRAINERS))
    return send(OwnDatePage(dates=[own_date(one) for one in found]))


@resources.post("/training/dates", responses={201: OwnDatePage, **PROBLEMS})
@needs("cases:write")
@once
def announce(body: NewDate, header: Key) -> Response:
    """Announce a training date of the client's organisation; answers with its dates."""
    user = act_as(*training.TRAINERS)
    organisation = current_client().organisation_id
    form = DateForm(
        formdata=MultiDict(
            {**body.model_dump(mode="json"), "organiser": organisation, "seats": str(body.seats)}
        ),
        meta={"csrf": False},
    )
    form.organiser.choices = [(organisation, "")]
    check_whole(form)
    training.announce_date(
        user,
        organisation,
        training.NewDate(
            title=form.title.data or "",
            held_on=body.held_on,
            hours=form.hours.data or "",
            place=form.place.data or "",
            seats=body.seats,
        ),
        token_of_request(),
    )
    found = training.list_own_dates(user)
    return send(OwnDatePage(dates=[own_date(one) for one in found]), HTTPStatus.CREATED)


@resources.post("/training/dates/<row:number>/call-off", responses={200: OwnDatePage, **PROBLEMS})
@needs("cases:write")
@once
def call_off(path: DatePath, header: Key) -> Response:
    """Call a training date off: who booked chooses another. Answers with the dates."""
    try:
        training.call_off_date(current_account(), path.number)
    except training.NotYours as error:
        raise NotVisible(str(path.number)) from error
    found = training.list_own_dates(current_account())
    return send(OwnDatePage(dates=[own_date(one) for one in found]))


def told_of(one: TrainingDate) -> dict[str, Any]:
    """Return what everybody may know of a training date."""
    return {
        "number": one.id,
        "organiser": Party.of(one.organiser),
        "title": one.title,
        "held_on": one.held_on,
        "hours": one.hours,
        "place": one.place,
        "seats": one.seats,
        "taken": len(one.bookings),
        "called_off": one.called_off_at is not None,
    }


def own_date(one: TrainingDate) -> OwnDate:
    """Return a training date with who booked."""
    return OwnDate(
        **told_of(one),
        bookings=[
            Booking(
                requirement=booking.requirement.ref,
                subject=Party.of(booking.requirement.case.subject),
                attended=booking.attended_at is not None,
            )
            for booking in one.bookings
        ],
    )
