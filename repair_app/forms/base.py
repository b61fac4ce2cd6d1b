"""What every transition form carries: token, version, clean texts, checked evidence."""

import re
import secrets
import unicodedata
from collections.abc import Mapping
from dataclasses import dataclass
from http import HTTPStatus
from typing import Any, ClassVar

import wtforms
from flask import current_app, g
from flask_babel import get_locale, gettext
from flask_babel import lazy_gettext as _l
from flask_wtf import FlaskForm
from sqlalchemy.orm import Session
from wtforms import (
    BooleanField,
    HiddenField,
    MultipleFileField,
    StringField,
    SubmitField,
    TextAreaField,
)
from wtforms.fields.core import Field
from wtforms.validators import DataRequired, Length, Optional, ValidationError

from repair_app.engine.policy import Policy
from repair_app.engine.step import Answers, Entity, case_of
from repair_app.ledger import latest_text
from repair_app.models import Case
from repair_app.uploads import (
    MAX_MB,
    MEDIA_TYPES,
    MOST_POINTS,
    TooManyPoints,
    Unreadable,
    Unsafe,
    Upload,
    WrongType,
    check_upload,
    clean_name,
)
from repair_app.virus_scan import ScannerAway, find_virus

TEXT_LENGTH = 5000
LINE_LENGTH = 200
NAME_LENGTH = 50
MOST_FILES = 20  # with one step
VERSION = re.compile(r"[0-9]{1,9}")
TOKEN = re.compile(r"[A-Za-z0-9_-]{1,64}")
# Marks of writing direction: they let a text read otherwise than it is stored.
DIRECTIONS = frozenset("\u061c\u200e\u200f\u202a\u202b\u202c\u202d\u202e\u2066\u2067\u2068\u2069")


def clean_text(text: str | None) -> str:
    """Return a text in NFC, without control characters and marks of writing direction.

    What is stored can be read and hashed, and reads in the order in which it is stored.
    """
    kept = (
        letter
        for letter in unicodedata.normalize("NFC", text or "").replace("\r\n", "\n")
        if letter in "\n\t"
        or (unicodedata.category(letter) not in {"Cc", "Cs"} and letter not in DIRECTIONS)
    )
    return "".join(kept).strip()


def long_text(label: Any, *, required: bool = True, description: Any = "") -> TextAreaField:
    """Return a field for what a person has to say."""
    return TextAreaField(
        label,
        description=description,
        filters=[clean_text],
        validators=[DataRequired() if required else Optional(), Length(max=TEXT_LENGTH)],
        render_kw={"rows": 5, "maxlength": TEXT_LENGTH},
    )


def line(label: Any, *, description: Any = "", length: int = LINE_LENGTH) -> StringField:
    """Return a field for one line of text."""
    return StringField(
        label,
        description=description,
        filters=[clean_text],
        validators=[DataRequired(), Length(max=length)],
    )


def check_name(_form: Any, field: Field) -> None:
    """Refuse what cannot be a person's name: no letters of it, or signs. Raises ValidationError."""
    name = field.data or ""
    letters = any(unicodedata.name(one, "").startswith(("CJK ", "LATIN ")) for one in name)
    signs = any(unicodedata.category(one)[0] in "CS" for one in name)
    if signs or not letters:
        raise ValidationError(
            _l("Write the person's name in Chinese or Latin letters, without other signs.")
        )


def person_name(label: Any, *, description: Any = "") -> StringField:
    """Return a field for the name by which a person signs."""
    return StringField(
        label,
        description=description,
        filters=[clean_text],
        validators=[DataRequired(), Length(max=NAME_LENGTH), check_name],
    )


class Choosing:
    """A field to choose from a list: where nothing of the list was sent, it says so plainly."""

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        told = _l("Choose one of the list.")
        kwargs = {"invalid_choice_message": told, "invalid_value_message": told, **kwargs}
        super().__init__(*args, **kwargs)


class SelectField(Choosing, wtforms.SelectField):
    """A list to choose from."""


class RadioField(Choosing, wtforms.RadioField):
    """A short list, all of it seen at once."""


def ask_again(field: Field) -> str:
    """Return what to do about a field that has to be answered and was not, by its name."""
    name = str(field.label.text)
    if isinstance(field, BooleanField):
        return str(gettext("Tick this: “%(field)s”", field=name))
    if isinstance(field, Choosing):
        return str(gettext("Choose: %(field)s", field=name))
    return str(gettext("Fill in: %(field)s", field=name))


def is_unanswered(field: Field) -> bool:
    """Say whether a field that has to be answered was left empty, or nothing of its list taken."""
    sent = any(clean_text(one) for one in field.raw_data or () if isinstance(one, str))
    asks = bool(field.flags.required) or isinstance(field, Choosing)
    return asks and not sent and not isinstance(field, MultipleFileField)


@dataclass(frozen=True)
class Drawn:
    """A question that a page draws by itself."""

    name: str
    label: str
    choices: tuple[tuple[str, str], ...]  # what is sent, and what it says
    of_several: bool  # more than one may be chosen


class TransitionForm(FlaskForm):
    """A question that a transition asks. `texts` are a person's words: they stay erasable."""

    asked: ClassVar[bool] = True  # False, in a class of its own, for what others build upon
    texts: ClassVar[tuple[str, ...]] = ()
    facts: ClassVar[tuple[str, ...]] = ()
    options: ClassVar[Mapping[str, Mapping[str, Any]]] = {}  # field -> code -> label

    draws_own: ClassVar[bool] = False  # it asks by fields that its page draws, kept with the rest

    form_token = HiddenField()
    version = HiddenField()

    def __init__(
        self,
        *args: Any,
        entity: Entity,
        policy: Policy,
        session: Session,
        **kwargs: Any,
    ) -> None:
        super().__init__(*args, **kwargs)
        self.entity = entity
        self.policy = policy
        self.session = session
        self.failure = HTTPStatus.BAD_REQUEST
        self.uploads: tuple[Upload, ...] = ()
        self.kept: tuple[Upload, ...] = ()  # uploaded before the form was sent
        self.kept_tokens: tuple[str, ...] = ()
        self.lost_files = False  # one was named that is not there
        self.fill()

    @property
    def wants_submission(self) -> bool:
        """Say whether what is opened is to be filed in the same step."""
        return False

    def questions(self) -> list[Field]:
        """Return the fields that a person fills in, in order, evidence last."""
        hidden = (HiddenField, SubmitField)
        asked = [field for field in self if not isinstance(field, hidden)]
        return sorted(asked, key=lambda field: isinstance(field, MultipleFileField))

    @property
    def text(self) -> str:
        """Return what has to be read before answering; empty for nothing."""
        return ""

    def drawn_questions(self) -> list[Drawn]:
        """Return the questions that the page draws, where it asks by none of the form's fields."""
        return []

    def list_mistakes(self) -> list[Field]:
        """Return the fields that were answered wrongly, in order; none before it is sent."""
        return [one for one in self.questions() if one.errors]

    def validate(self, extra_validators: Any = None) -> bool:
        """Check what was sent; what has to be answered and was not is asked for by its name."""
        is_valid = bool(super().validate(extra_validators=extra_validators))
        if "csrf_token" in self.errors:
            g.refused_form = True  # noted by web/refusals.py
        for field in self.list_mistakes():
            if is_unanswered(field):
                field.errors = [ask_again(field)]
        return is_valid

    def begin_at_first(self) -> None:
        """Let the page put the cursor into the first field, where one types or chooses."""
        for field in self.questions()[:1]:
            if not isinstance(field, MultipleFileField):
                field.render_kw = {**(field.render_kw or {}), "autofocus": True}

    def without_choice(self) -> list[Field]:
        """Return the lists that have nothing to choose from: then nothing can be sent."""
        return [one for one in self if isinstance(one, SelectField) and not one.choices]

    def fill(self) -> None:
        """Set choices and what a field starts with, from the entity and the policy."""
        for name, codes in self.options.items():
            self[name].choices = list(codes.items())

    def take_back(self, values: Mapping[str, list[str]]) -> None:
        """Fill the fields that the page draws with what was kept of them, by name."""

    def draw(self, version: int) -> None:
        """Prepare the form to be shown: a fresh token, and the version it is drawn from."""
        self.form_token.data = secrets.token_urlsafe(24)
        self.version.data = str(version)

    @property
    def case(self) -> Case:
        """Return the case that the question is about. Raises TypeError where there is none."""
        case = case_of(self.entity)
        if case is None:
            raise TypeError(f"{type(self).__name__} asks about a case")
        return case

    def said(self, name: str) -> str:
        """Return what was last written under a name about the matter; empty for nothing."""
        return latest_text(self.session, self.entity.ref, name)

    def validate_form_token(self, field: Field) -> None:
        """Refuse a form that cannot be told from another. Raises ValidationError."""
        if not self.sent_token:
            field.data = secrets.token_urlsafe(24)
            raise ValidationError(_l("The form came incomplete. Please send it again."))

    @property
    def sent_token(self) -> str:
        """Return the token that was sent, if it can be one of ours; else none."""
        text = self.form_token.data or ""
        return text if TOKEN.fullmatch(text) else ""

    @property
    def chose_files(self) -> bool:
        """Say whether files were sent along, which a page cannot keep."""
        files = self["evidence"].data if "evidence" in self else ()
        return any(getattr(one, "filename", "") for one in files or ())

    @property
    def drawn_version(self) -> int:
        """Return the version that the form was drawn from; -1 when it does not say."""
        text = self.version.data or ""
        return int(text) if VERSION.fullmatch(text) else -1

    def answers(self) -> Answers:
        """Return what was answered, facts and personal texts apart."""
        return Answers(self.read_facts(), self.read_texts(), self.read_values())

    def read_facts(self) -> Mapping[str, Any]:
        """Return the facts: codes, dates as text, numbers."""
        return {name: self[name].data for name in self.facts}

    def list_changes(self) -> list[str]:
        """Return what the form would change in a draft, as the page calls it."""
        return []

    def read_values(self) -> Mapping[str, str]:
        """Return the values of record fields that were typed, by field."""
        return {}

    def read_texts(self) -> Mapping[str, str]:
        """Return the person's words, without the empty ones."""
        return {name: self[name].data for name in self.texts if self[name].data}

    @property
    def language(self) -> str:
        """Return "zh" or "en", the language of the person."""
        return "en" if str(get_locale()).startswith("en") else "zh"


class FileRefused(Exception):
    """A file cannot be taken: why, and as which HTTP status."""

    def __init__(self, text: Any, status: HTTPStatus) -> None:
        super().__init__(status)
        self.text = text
        self.status = status


def check_file(file: Any) -> Upload:
    """Return a file that was sent as evidence. Raises FileRefused."""
    limit, name = MAX_MB << 20, clean_name(file.filename)
    content = file.stream.read(limit + 1)
    if len(content) > limit:
        raise FileRefused(
            _l("“%(name)s” is larger than %(size)s MB.", name=name, size=MAX_MB),
            HTTPStatus.REQUEST_ENTITY_TOO_LARGE,
        )
    if not content:
        raise FileRefused(
            _l("“%(name)s” is empty. Save or scan it anew, and choose it again.", name=name),
            HTTPStatus.UNSUPPORTED_MEDIA_TYPE,
        )
    try:
        upload = check_upload(file.filename, content)
    except TooManyPoints as error:
        raise FileRefused(
            _l(
                "“%(name)s” has too many points: a picture may have %(count)s million. Scan it "
                "with fewer points per inch, and choose it again.",
                name=name,
                count=MOST_POINTS // 1_000_000,
            ),
            HTTPStatus.REQUEST_ENTITY_TOO_LARGE,
        ) from error
    except Unsafe as error:
        raise FileRefused(
            _l(
                "“%(name)s” is packed in a way that could harm whoever opens it, so it was not "
                "opened. Save it anew, as PDF if you can, and choose it again.",
                name=name,
            ),
            HTTPStatus.UNSUPPORTED_MEDIA_TYPE,
        ) from error
    except Unreadable as error:
        raise FileRefused(
            _l(
                "“%(name)s” is damaged or incomplete and cannot be opened. Open it on your own "
                "computer, save or scan it anew, and choose it again.",
                name=name,
            ),
            HTTPStatus.UNSUPPORTED_MEDIA_TYPE,
        ) from error
    except WrongType as error:
        raise FileRefused(
            _l(
                "“%(name)s” is not a PDF, OFD, PNG or JPEG file, or is not what its name says.",
                name=name,
            ),
            HTTPStatus.UNSUPPORTED_MEDIA_TYPE,
        ) from error
    scan(name, content)
    return upload


def scan(name: str, content: bytes) -> None:
    """Let the virus scanner of the settings look at a file as it was sent. Raises FileRefused."""
    scanner = current_app.config["CLAMAV"]
    if not scanner:
        return
    try:
        found = find_virus(scanner, content)
    except ScannerAway as error:
        current_app.logger.error("the virus scanner does not answer")
        raise FileRefused(
            _l(
                "“%(name)s” could not be checked for viruses just now, so it was not taken. What "
                "you wrote is kept: choose the file again in a few minutes.",
                name=name,
            ),
            HTTPStatus.SERVICE_UNAVAILABLE,
        ) from error
    if found:
        current_app.logger.warning("the virus scanner refused a file")
        raise FileRefused(
            _l(
                "“%(name)s” holds a virus, says the virus scanner. Clean your computer, or save "
                "the paper anew from a clean one, and choose it again.",
                name=name,
            ),
            HTTPStatus.UNSUPPORTED_MEDIA_TYPE,
        )


class EvidenceMixin:
    """A form that takes files. What is wrong with a file is said at the field, as 413 or 415."""

    kept: tuple[Upload, ...] = ()
    lost_files = False
    failure = HTTPStatus.BAD_REQUEST  # as which the form is refused

    evidence = MultipleFileField(
        _l("Evidence"),
        description=_l("PDF, OFD, PNG or JPEG, up to %(size)s MB each.", size=MAX_MB),
        render_kw={"accept": ",".join(MEDIA_TYPES)},
    )

    def validate_evidence(self, field: Field) -> None:
        """Check each file's size and content, and keep the right ones. Raises ValidationError.

        Files that were uploaded before the form was sent (`kept`) count as well.
        """
        files = [one for one in field.data or () if getattr(one, "filename", "")]
        if len(files) + len(self.kept) > MOST_FILES:
            raise ValidationError(_l("Attach %(count)s files at most.", count=MOST_FILES))
        self.uploads, refused = self.kept, None
        for one in files:
            try:
                self.uploads = (*self.uploads, check_file(one))
            except FileRefused as error:
                refused = refused or error
        if refused:
            self.failure = refused.status
            raise ValidationError(refused.text) from refused
        if self.lost_files:
            raise ValidationError(
                _l("A file that was uploaded before is not there any more: choose it again.")
            )
