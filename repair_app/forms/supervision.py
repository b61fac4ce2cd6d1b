"""Questions of supervision: orders to put a violation right, talks and their minutes."""

from collections.abc import Mapping
from typing import Any

from flask_babel import gettext
from flask_babel import lazy_gettext as _l
from wtforms import BooleanField, DateField
from wtforms.fields.core import Field
from wtforms.validators import InputRequired, ValidationError

from repair_app.db import today
from repair_app.forms.base import (
    EvidenceMixin,
    SelectField,
    TransitionForm,
    line,
    long_text,
    person_name,
)
from repair_app.forms.questions import as_text


class OrderForm(EvidenceMixin, TransitionForm):
    """What is to be put right; the term is the rule pack's."""

    texts = ("order",)
    order = long_text(
        _l("What is to be put right"),
        description=_l("Item by item, so that the enterprise knows when it is done."),
    )


class TalkNoticeForm(TransitionForm):
    """When and where a talk meets, and what about."""

    facts = ("meets_on", "place")
    texts = ("agenda",)
    meets_on = DateField(_l("Day of the talk"), validators=[InputRequired()])
    place = line(_l("Time and place"))
    agenda = long_text(_l("What the talk is about"), description=_l("The other side reads this."))

    def validate_meets_on(self, field: Field) -> None:
        """Refuse a day that is over or is today. Raises ValidationError."""
        if field.data and field.data <= today():
            raise ValidationError(_l("Choose a day after today."))

    def read_facts(self) -> Mapping[str, Any]:
        """Return day and place, the day as ISO text."""
        return {"meets_on": as_text(self.meets_on), "place": self.place.data}


class TalkForm(TalkNoticeForm):
    """Which kind of talk, when, where and what about."""

    ground = SelectField(_l("Kind"))

    def fill(self) -> None:
        """Offer the two kinds of talk (四（九）)."""
        self.ground.choices = [
            ("reminder", gettext("Reminder talk")),
            ("warning", gettext("Warning talk")),
        ]

    def read_facts(self) -> Mapping[str, Any]:
        """Return the kind, day and place."""
        return {"ground": self.ground.data, **super().read_facts()}


class MinutesForm(EvidenceMixin, TransitionForm):
    """What was said at a talk, by both sides, and what was undertaken."""

    facts = ("held_on",)
    texts = ("attendees", "authority_said", "subject_said", "undertakings")
    held_on = DateField(_l("Held on"), validators=[InputRequired()])
    attendees = line(_l("Who took part"))
    authority_said = long_text(_l("What the agency said"))
    subject_said = long_text(_l("What the enterprise said"))
    undertakings = long_text(_l("What the enterprise undertook, and until when"))

    def validate_held_on(self, field: Field) -> None:
        """Refuse a day to come. Raises ValidationError."""
        if field.data and field.data > today():
            raise ValidationError(_l("This day has not come yet."))

    def read_facts(self) -> Mapping[str, Any]:
        """Return the day as ISO text."""
        return {"held_on": as_text(self.held_on)}


class CountersignForm(TransitionForm):
    """That the minutes are right, signed by name."""

    texts = ("signatory",)
    signatory = person_name(_l("Name of the legal representative or authorised signatory"))
    agree = BooleanField(
        _l("The minutes are right, and are entered in the credit record."),
        validators=[InputRequired()],
    )
