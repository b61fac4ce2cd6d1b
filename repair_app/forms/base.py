"""What every transition form carries: token, version, clean texts, checked evidence."""

import re
import secrets
import unicodedata
from collections.abc import Mapping
from http import HTTPStatus
from typing import Any, ClassVar

import wtforms
from flask_babel import get_locale
from flask_babel import lazy_gettext as _l
from flask_wtf import FlaskForm
from sqlalchemy.orm import Session
from wtforms import HiddenField, MultipleFileField, StringField, SubmitField, TextAreaField
from wtforms.fields.core import Field
from wtforms.validators import DataRequired, Length, Optional, ValidationError

from repair_app.engine.policy import Policy
from repair_app.engine.step import Answers, Entity
from repair_app.models import Case, Requirement
from repair_app.uploads import (
    MAX_MB,
    MEDIA_TYPES,
    Unreadable,
    Upload,
    WrongType,
    check_upload,
)

TEXT_LENGTH = 5000
LINE_LENGTH = 200
MOST_FILES = 20  # with one step
VERSION = re.compile(r"[0-9]{1,9}")
TOKEN = re.compile(r"[A-Za-z0-9_-]{1,64}")


def clean_text(text: str | None) -> str:
    """Return a text in NFC, without control characters: what is stored can be read and hashed."""
    kept = (
        letter
        for letter in unicodedata.normalize("NFC", text or "").replace("\r\n", "\n")
        if letter in "\n\t" or unicodedata.category(letter) not in {"Cc", "Cs"}
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


class TransitionForm(FlaskForm):
    """A question that a transition asks. `texts` are a person's words: they stay erasable."""

    asked: ClassVar[bool] = True  # False, in a class of its own, for what others build upon
    texts: ClassVar[tuple[str, ...]] = ()
    facts: ClassVar[tuple[str, ...]] = ()
    options: ClassVar[Mapping[str, Mapping[str, Any]]] = {}  # field -> code -> label

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

    def list_mistakes(self) -> list[Field]:
        """Return the fields that were answered wrongly, in order; none before it is sent."""
        return [one for one in self.questions() if one.errors]

    def without_choice(self) -> list[Field]:
        """Return the lists that have nothing to choose from: then nothing can be sent."""
        return [one for one in self if isinstance(one, SelectField) and not one.choices]

    def fill(self) -> None:
        """Set choices and what a field starts with, from the entity and the policy."""
        for name, codes in self.options.items():
            self[name].choices = list(codes.items())

    def draw(self, version: int) -> None:
        """Prepare the form to be shown: a fresh token, and the version it is drawn from."""
        self.form_token.data = secrets.token_urlsafe(24)
        self.version.data = str(version)

    @property
    def case(self) -> Case:
        """Return the case that the question is about. Raises TypeError where there is none."""
        match self.entity:
            case Case():
                return self.entity
            case Requirement():
                return self.entity.case
            case _:
                raise TypeError(f"{type(self).__name__} asks about a case")

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
    limit = MAX_MB << 20
    content = file.stream.read(limit + 1)
    if len(content) > limit:
        raise FileRefused(
            _l("“%(name)s” is larger than %(size)s MB.", name=file.filename, size=MAX_MB),
            HTTPStatus.REQUEST_ENTITY_TOO_LARGE,
        )
    try:
        return check_upload(file.filename, content)
    except Unreadable as error:
        raise FileRefused(
            _l(
                "“%(name)s” is damaged or incomplete and cannot be opened. Open it on your own "
                "computer, save or scan it anew, and choose it again.",
                name=file.filename,
            ),
            HTTPStatus.UNSUPPORTED_MEDIA_TYPE,
        ) from error
    except WrongType as error:
        raise FileRefused(
            _l(
                "“%(name)s” is not a PDF, OFD, PNG or JPEG file, or is not what its name says.",
                name=file.filename,
            ),
            HTTPStatus.UNSUPPORTED_MEDIA_TYPE,
        ) from error


class EvidenceMixin:
    """A form that takes files. What is wrong with a file is said at the field, as 413 or 415."""

    kept: tuple[Upload, ...] = ()
    lost_files = False

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
