"""What is asked of a training date that is announced."""

from flask_babel import lazy_gettext as _l
from flask_wtf import FlaskForm
from wtforms import DateField, IntegerField
from wtforms.fields.core import Field
from wtforms.validators import InputRequired, NumberRange, ValidationError

from repair_app.db import today
from repair_app.forms.base import SelectField, line

MOST_SEATS = 2000


class DateForm(FlaskForm):
    """A training date to be announced; it costs those who come nothing."""

    organiser = SelectField(_l("Who gives the training"), coerce=int)
    title = line(_l("Title"))
    held_on = DateField(_l("Day of the training"), validators=[InputRequired()])
    hours = line(_l("Time of day"), length=50)
    place = line(_l("Place, or address of the broadcast"))
    seats = IntegerField(_l("Seats"), validators=[InputRequired(), NumberRange(1, MOST_SEATS)])

    def validate_held_on(self, field: Field) -> None:
        """Refuse a day that is over. Raises ValidationError."""
        if field.data and field.data < today():
            raise ValidationError(_l("This day is over."))
