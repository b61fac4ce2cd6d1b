"""What administration asks: organisations, people, roles, agents, institutions, passwords."""

from collections.abc import Iterable, Mapping
from typing import Any

from flask import current_app
from flask_babel import get_locale, gettext
from flask_babel import lazy_gettext as _l
from flask_babel.speaklater import LazyString
from flask_wtf import FlaskForm
from wtforms import (
    BooleanField,
    DateField,
    EmailField,
    IntegerField,
    PasswordField,
    SelectField,
    StringField,
)
from wtforms.fields.core import Field
from wtforms.validators import (
    DataRequired,
    InputRequired,
    Length,
    NumberRange,
    Optional,
    ValidationError,
)

from repair_app import passwords
from repair_app.access import MANDATES
from repair_app.calendar import FIRST_DAY, LAST_DAY
from repair_app.db import today
from repair_app.forms.base import LINE_LENGTH, clean_text, line
from repair_app.labels import Label
from repair_app.models import Role, User
from repair_app.models.clients import SCOPES
from repair_app.models.parties import LONGEST_PASSWORD
from repair_app.models.supervision import SERVICES

LONGEST_ADDRESS = 254  # characters of an e-mail address (RFC 5321)
HIGHEST_NUMBER = 2_000_000_000
NO_DATE = _l("Enter a date, like 2026-12-31.")
CODE_HELP = _l("Unified social credit code, 18 characters.")


def check_password(password: str, user: User) -> tuple[list[str], str]:
    """Return what is wrong with a password, and its normal form (NFKD, as it is compared)."""
    problems, normal = current_app.extensions["security"].password_util.validate(
        password, False, user=user
    )
    told = [str(one) for one in problems or ()]
    if len(normal) > LONGEST_PASSWORD:  # some signs are many in their normal form
        told = [
            gettext(
                "At most this many characters are expected: %(max_length)s.",
                max_length=LONGEST_PASSWORD,
            )
        ]
    if not told and current_app.config["PASSWORD_KINDS"] > passwords.count_kinds(normal):
        told = [gettext("Mix capital and small letters, digits and signs: three of these kinds.")]
    if not told and passwords.is_guessable(normal, user.email, user.person.name):
        told = [gettext("Many people have this password, or would try it first. Choose another.")]
    return told, normal


def normal_of(password: str) -> str:
    """Return a password as it is compared, however the keyboard wrote its signs."""
    return str(current_app.extensions["security"].password_util.normalize(password))


class OfficeForm(FlaskForm):
    """A question of administration; what turns out not to be possible is told above the fields."""

    problem: str = ""

    def questions(self) -> list[Field]:
        """Return the fields that a person fills in, in order."""
        return [one for one in self if one.type not in {"CSRFTokenField", "HiddenField"}]


def address(description: Any = "", label: Any = None) -> EmailField:
    """Return a field for an e-mail address; by default the one that an account signs in with."""
    return EmailField(
        label or _l("E-mail"),
        description=description,
        filters=[clean_text],
        validators=[DataRequired(), Length(max=LONGEST_ADDRESS)],
    )


def free_line(label: Any, description: Any = "") -> StringField:
    """Return a field for one line of text that may stay empty."""
    return StringField(
        label,
        description=description,
        filters=[clean_text],
        validators=[Optional(), Length(max=LINE_LENGTH)],
    )


class DayField(DateField):
    """A date; what is none is told with an example."""

    def process_formdata(self, valuelist: list[str]) -> None:
        """Read the date. Raises ValueError, in words for a person."""
        try:
            super().process_formdata([one.strip() for one in valuelist])
        except ValueError as error:
            raise ValueError(str(NO_DATE)) from error


class OrganisationForm(OfficeForm):
    """An organisation that is put on file."""

    uscc = line(_l("Code"), description=CODE_HELP)
    name = line(_l("Name"))
    kind = SelectField(_l("Kind"))

    def offer(self, kinds: Mapping[str, Any]) -> None:
        """Set the kinds to choose from."""
        self.kind.choices = list(kinds.items())


class NameForm(OfficeForm):
    """The right name of an organisation."""

    name = line(
        _l("Name"),
        description=_l("The name that it bears now. Its code and everything on file stay."),
    )


class SuperiorForm(OfficeForm):
    """The next unit up."""

    superior = free_line(
        _l("Code of the next unit up"),
        _l("It gets what is late, and reviews. Leave it empty if nobody stands above."),
    )


class TermForm(OfficeForm):
    """Until when a role holds, and in what an agent may act."""

    scope_objection = BooleanField(_l("Objections, and what follows from them"))
    scope_repair = BooleanField(_l("Repairs, and everything else about a record"))
    ends_on = DayField(
        _l("Last day"), description=_l("Leave it empty for no last day."), validators=[Optional()]
    )

    def validate_ends_on(self, field: Field) -> None:
        """Refuse a day that is over. Raises ValidationError."""
        if field.data and field.data < today():
            raise ValidationError(_l("This day is over already."))

    @property
    def scope(self) -> list[str]:
        """Return what an agent may act in."""
        return [one for one in MANDATES if self[f"scope_{one}"].data]

    def fill(self, scope: Iterable[str], *, of_agent: bool) -> None:
        """Set what holds now; only an agent has a scope."""
        for one in MANDATES:
            if not of_agent:
                del self[f"scope_{one}"]
            elif not self.is_submitted():
                self[f"scope_{one}"].data = one in set(scope)


class AgentTermForm(TermForm):
    """The mandate of an agent: it reaches at least one thing."""

    def validate_scope_repair(self, _field: Field) -> None:
        """Refuse a mandate for nothing. Raises ValidationError."""
        if not self.scope:
            raise ValidationError(_l("Choose what the agent may act in."))


class RoleForm(TermForm):
    """A role that is given."""

    uscc = line(_l("Code of the organisation"), description=CODE_HELP)
    role = SelectField(_l("Role"))

    def offer(self, roles: Mapping[str, Any]) -> None:
        """Set the roles to choose from: no person is the system."""
        for one in MANDATES:
            self[f"scope_{one}"].description = _l("Only for an agent.")
        self.role.choices = [(code, says) for code, says in roles.items() if code != Role.SYSTEM]

    def questions(self) -> list[Field]:
        """Return the fields in the order of the question, not of the classes."""
        first = {"email": 0, "name": 1, "same_person_as": 2, "uscc": 3, "role": 4}
        return sorted(super().questions(), key=lambda one: first.get(one.name, 9))

    def validate_role(self, field: Field) -> None:
        """An agent, and nobody else, has a scope. Raises ValidationError."""
        if field.data == Role.AGENT and not self.scope:
            raise ValidationError(_l("Choose what the agent may act in."))
        if field.data != Role.AGENT and self.scope:
            raise ValidationError(_l("Only an agent has a scope: untick it, or choose “agent”."))


class NewcomerForm(OfficeForm):
    """A person who gets an account, or a further one."""

    email = address()
    name = free_line(_l("Full name"), _l("Of a person who has no account yet."))
    same_person_as = EmailField(
        _l("Or: the address of an account that the person has already"),
        description=_l("Two accounts of one person are one pair of eyes."),
        filters=[clean_text],
        validators=[Optional(), Length(max=LONGEST_ADDRESS)],
    )

    def validate_same_person_as(self, field: Field) -> None:
        """Refuse both, and neither. Raises ValidationError."""
        if bool(self.name.data) == bool(field.data):
            raise ValidationError(
                _l("Give either the name, or the address of an account of the same person.")
            )

    # An empty one is asked for as well: `Optional` would end the checks before ours.
    def validate(self, extra_validators: Any = None) -> bool:
        """Check the fields, and that it is said who it is."""
        fits = bool(super().validate(extra_validators))
        if not self.name.data and not self.same_person_as.data:
            self.name.errors = [
                gettext("Give either the name, or the address of an account of the same person.")
            ]
            return False
        return fits


class InvitationForm(RoleForm, NewcomerForm):
    """A person who gets an account, or a further one, with a role."""


class AgentForm(AgentTermForm):
    """An agent whom an enterprise chooses."""

    email = address(description=_l("Who has no account yet gets a link to make one."))
    name = line(_l("Full name"))

    def questions(self) -> list[Field]:
        """Return the fields in the order of the question, not of the classes."""
        first = {"email": 0, "name": 1}
        return sorted(super().questions(), key=lambda one: first.get(one.name, 9))


class RegistrationForm(OfficeForm):
    """An institution's registration for a service."""

    uscc = line(_l("Code of the institution"), description=CODE_HELP)
    service = SelectField(_l("Service"))
    number = line(_l("Number of the registration"))
    valid_from = DayField(_l("First day"), validators=[InputRequired(NO_DATE)])
    valid_until = DayField(_l("Last day"), validators=[InputRequired(NO_DATE)])

    def offer(self, services: Mapping[str, Any]) -> None:
        """Set the services to choose from."""
        self.service.choices = [(one, services[one]) for one in SERVICES]


class PasswordForm(OfficeForm):
    """A password, typed twice."""

    password = PasswordField(
        _l("Password"),
        validators=[InputRequired(), Length(max=LONGEST_PASSWORD)],
        render_kw={"autocomplete": "new-password"},
    )
    again = PasswordField(
        _l("The same again"),
        validators=[InputRequired(), Length(max=LONGEST_PASSWORD)],
        render_kw={"autocomplete": "new-password"},
    )
    user: User

    def ask(self, user: User, shortest: int) -> None:
        """Say whose password it is, and how long it has to be."""
        self.user = user
        self.password.description = gettext("At least %(count)s characters.", count=shortest)

    def validate_password(self, field: Field) -> None:
        """Check it by the rules of Flask-Security. Raises ValidationError."""
        problems, normal = check_password(field.data or "", self.user)
        if problems:
            raise ValidationError(problems[0])
        self.normal = normal

    def validate_again(self, field: Field) -> None:
        """Refuse another text. Raises ValidationError."""
        if field.data != self.password.data:
            raise ValidationError(_l("The two are not the same."))


class ChangePasswordForm(PasswordForm):
    """Another password of one's own, with the present one."""

    present = PasswordField(
        _l("Your present password"),
        validators=[InputRequired(), Length(max=LONGEST_PASSWORD)],
        render_kw={"autocomplete": "current-password"},
    )

    def validate_present(self, field: Field) -> None:
        """Refuse whoever only found the page open. Raises ValidationError."""
        if not self.user.verify_and_update_password(normal_of(field.data or "")):
            raise ValidationError(_l("This is not your present password."))

    def validate_password(self, field: Field) -> None:
        """Check it by the rules, and that it is another one. Raises ValidationError."""
        super().validate_password(field)
        if self.user.verify_and_update_password(self.normal):
            raise ValidationError(_l("This is the password that you have. Choose another."))


def is_in_time(_form: FlaskForm, field: Field) -> None:
    """Refuse a day of which there can be no event. Raises ValidationError."""
    if field.data and not FIRST_DAY <= field.data <= LAST_DAY:
        days = {"first": FIRST_DAY.isoformat(), "last": LAST_DAY.isoformat()}
        raise ValidationError(gettext("Enter a day from %(first)s to %(last)s.", **days))


class EventsForm(FlaskForm):
    """Which events of the ledger are looked for."""

    class Meta:
        """It only reads: its answers stand in the address."""

        csrf = False

    ref = free_line(_l("Number, or chain"))
    what = SelectField(_l("Matter and step"), default="")
    role = SelectField(_l("Role"), default="")
    organisation = free_line(_l("Organisation"), _l("Code, or part of the name."))
    since = DayField(_l("From"), validators=[Optional(), is_in_time])
    until = DayField(_l("Until"), validators=[Optional(), is_in_time])


class ClientForm(OfficeForm):
    """A system of an organisation, the person who answers for it, and what it is good for."""

    name = line(_l("What the system is called"))
    email = address(_l("Of the person who answers for it."))
    uscc = line(_l("Code of the organisation"), description=CODE_HELP)
    role = SelectField(_l("Role"))

    def offer(self, roles: Mapping[str, Any]) -> None:
        """Set the roles to choose from: no person is the system."""
        self.role.choices = [(code, says) for code, says in roles.items() if code != Role.SYSTEM]

    @property
    def scopes(self) -> list[str]:
        """Return what it is to be good for."""
        return [one for one in SCOPES if self[field_of(one)].data]


def field_of(scope: str) -> str:
    """Return the name of the field for a scope."""
    return f"scope_{scope.replace(':', '_')}"


def says(label: Label) -> Any:
    """Return a label in the language of who reads it, whenever that is."""
    return LazyString(lambda: label.text("en" if str(get_locale()).startswith("en") else "zh"))


for _scope, _label in SCOPES.items():
    setattr(ClientForm, field_of(_scope), BooleanField(says(_label), description=_scope))


class PlatformForm(OfficeForm):
    """What is agreed with a platform that shows our records."""

    code = line(_l("Code"), description=_l("Small letters, digits and hyphens; it stays for good."))
    name_zh = line(_l("Name in Chinese"))
    name_en = line(_l("Name in English"))
    kind = SelectField(_l("Kind"))
    delivery = SelectField(_l("How changes get there"))
    url = free_line(
        _l("Address that messages go to"),
        _l("Only for signed messages. It begins with https."),
    )
    owner_email = address(
        _l("Who looks after the platform; problems are told there."), _l("E-mail of its owner")
    )
    term_days = IntegerField(
        _l("Working days to show a change"),
        default=3,
        validators=[InputRequired(), NumberRange(1, 30)],
    )
    uscc = free_line(
        _l("Code of the organisation"),
        _l("Of whom the platform is. Needed where it fetches changes, and for a source agency."),
    )

    def offer(self, kinds: Mapping[str, Any], ways: Mapping[str, Any]) -> None:
        """Set what there is to choose from."""
        self.kind.choices = list(kinds.items())
        self.delivery.choices = list(ways.items())


class ReplayForm(OfficeForm):
    """Which changes are sent again."""

    first = IntegerField(
        _l("First number"), validators=[InputRequired(), NumberRange(1, HIGHEST_NUMBER)]
    )
    last = IntegerField(
        _l("Last number"), validators=[InputRequired(), NumberRange(1, HIGHEST_NUMBER)]
    )
