"""What an inspector is asked about an item of the week's list."""

from flask_babel import gettext
from flask_babel import lazy_gettext as _l
from flask_wtf import FlaskForm

from repair_app.engine.flaws import IN_ORDER, KINDS
from repair_app.forms.base import SelectField, long_text


class LookForm(FlaskForm):
    """What an inspector found on looking at an item."""

    result = SelectField(_l("Result"))
    note = long_text(_l("What was looked at"), required=False)

    def offer(self, language: str) -> None:
        """Set the choices, in the reader's language."""
        self.result.choices = [
            (IN_ORDER, gettext("in order")),
            *((code, kind.label.text(language)) for code, kind in KINDS.items() if kind.opens),
        ]
