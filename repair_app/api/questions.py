"""The questions of the steps, asked and answered in JSON: by the same forms as in the pages."""

import base64
import binascii
from collections.abc import Callable, Iterator, Sequence
from functools import cache
from io import BytesIO
from typing import Any, Final

from flask_babel import gettext
from flask_wtf import FlaskForm
from pydantic import BaseModel, Field
from werkzeug.datastructures import FileStorage, MultiDict
from wtforms.fields.choices import SelectFieldBase
from wtforms.fields.core import Field as FormField
from wtforms.validators import Length

from repair_app.api.answers import token_of_request
from repair_app.api.bodies import Sent, Whole
from repair_app.api.problems import Mistake, Wrong
from repair_app.db import db
from repair_app.engine.spec import Transition
from repair_app.engine.step import Entity
from repair_app.forms import FORMS, TransitionForm
from repair_app.forms.base import Drawn, FileRefused, check_file
from repair_app.services import cases
from repair_app.services.policy import current_policy
from repair_app.uploads import Upload

EVIDENCE: Final = "evidence"
TYPES: Final[dict[str, dict[str, Any]]] = {  # kind of field -> type of its answer
    "boolean": {"type": "boolean"},
    "date": {"type": "string", "format": "date"},
    "integer": {"type": "integer"},
}


class File(Sent):
    """A file that is sent along."""

    name: str = Field(max_length=255)
    content: str = Field(description="PDF, OFD, PNG or JPEG, in Base64")


class StepRequest(Sent):
    """A step, with the answers to its question."""

    version: Whole = Field(0, ge=0, le=999_999_999, description="of the matter, as it was read")
    answers: dict[str, str | bool | int | list[str] | None] = Field(
        {}, description="by name of the question; the step lists them"
    )
    files: list[File] = Field([], max_length=20)


class Choice(BaseModel):
    """What can be chosen."""

    value: str
    label: str


class Question(BaseModel):
    """Something that a step asks."""

    name: str
    kind: str = Field(description="the kind of field, as a form would show it")
    label: str
    description: str = ""
    required: bool
    value: str = Field("", description="what it starts with, where there is something already")
    longest: int | None = Field(None, description="characters at most")
    choices: list[Choice] = []


class Asked(BaseModel):
    """What a step asks: what has to be read first, the questions, and whether files go along."""

    text: str = Field(
        "", description="what has to be read before answering: a commitment, a lesson"
    )
    questions: list[Question]
    takes_files: bool
    answers_schema: dict[str, Any] = Field(description="JSON Schema of `answers`")


def ask(transition: Transition, entity: Entity) -> Asked:
    """Return what a step asks about an entity."""
    form = build(transition, entity, MultiDict())
    questions = list_questions(form)
    return Asked(
        text=form.text,
        questions=questions,
        takes_files=EVIDENCE in form,
        answers_schema=schema_of(questions),
    )


def ask_of_any(form_name: str) -> Asked:
    """Return what a form asks whatever it is about: where to choose, each step says its choices."""
    form = blank(form_name)()
    for name, codes in form.options.items():
        form[name].choices = list(codes.items())
    questions = list_questions(form, drawn=False)
    return Asked(
        text="",
        questions=questions,
        takes_files=EVIDENCE in form,
        answers_schema=schema_of(questions),
    )


@cache
def blank(name: str) -> Callable[[], TransitionForm]:
    """Return a form of a name that is about nothing yet."""
    kind = FORMS[name]

    def begin(form: TransitionForm) -> None:
        FlaskForm.__init__(form, formdata=MultiDict(), meta={"csrf": False})

    made: Callable[[], TransitionForm] = type(
        kind.__name__, (kind,), {"asked": False, "__init__": begin}
    )
    return made


def schema_of(questions: Sequence[Question]) -> dict[str, Any]:
    """Return the JSON Schema of the answers to some questions."""
    return {
        "type": "object",
        "properties": {one.name: schema_of_one(one) for one in questions},
        "required": [one.name for one in questions if one.required],
        "additionalProperties": False,
    }


def schema_of_one(question: Question) -> dict[str, Any]:
    """Return the JSON Schema of the answer to a question."""
    schema = {"title": question.label, **TYPES.get(question.kind, {"type": "string"})}
    if question.choices:
        schema["enum"] = [one.value for one in question.choices]
    if question.kind == "selectmultiple":
        schema = {"title": question.label, "type": "array", "items": schema}
    if question.longest:
        schema["maxLength"] = question.longest
    return schema


def list_questions(form: TransitionForm, *, drawn: bool = True) -> list[Question]:
    """Return what a form asks, in its order; files are sent beside."""
    asked = [describe(one) for one in form.questions() if one.name != EVIDENCE]
    return [*asked, *map(describe_drawn, form.drawn_questions() if drawn else ())]


def describe(field: FormField) -> Question:
    """Return a field of a form as a question."""
    choices = field.iter_choices() if isinstance(field, SelectFieldBase) else ()
    return Question(
        name=field.name,
        kind=field.type.removesuffix("Field").lower(),
        label=str(field.label.text),
        description=str(field.description or ""),
        required=is_required(field),
        value=field.data if isinstance(field.data, str) else "",
        longest=find_longest(field),
        choices=[Choice(value=str(one[0]), label=str(one[1])) for one in choices],
    )


def find_longest(field: FormField) -> int | None:
    """Return how many characters an answer may have, where that is limited."""
    checks: Any = field.validators
    return next((one.max for one in checks if isinstance(one, Length)), None)


def is_required(field: FormField) -> bool:
    """Say whether a field has to be answered: of a list, unless nothing is among its choices."""
    if isinstance(field, SelectFieldBase):
        return all(str(one[0]) for one in field.iter_choices())
    return bool(field.flags.required)


def describe_drawn(drawn: Drawn) -> Question:
    """Return a question that a page draws by itself."""
    return Question(
        name=drawn.name,
        kind="selectmultiple" if drawn.of_several else "radio",
        label=drawn.label,
        required=True,
        value="",
        longest=None,
        choices=[Choice(value=value, label=label) for value, label in drawn.choices],
    )


def build(transition: Transition, entity: Entity, answers: MultiDict[str, Any]) -> TransitionForm:
    """Return the form that a step asks for, with these answers."""
    return FORMS[transition.form](
        formdata=answers,
        meta={"csrf": False},  # nobody comes here by a browser's cookie
        entity=entity,
        policy=current_policy(),
        session=db.session(),
    )


def read(
    transition: Transition, entity: Entity, sent: StepRequest, *purpose: str, token: str = ""
) -> cases.Submission:
    """Return what was sent for a step, for the services. Raises Wrong.

    token: instead of the request's, where several steps come with one, or none does.
    """
    return submission_of(read_form(transition, entity, sent, token), *purpose)


def read_form(
    transition: Transition, entity: Entity, sent: StepRequest, token: str = ""
) -> TransitionForm:
    """Return the form of a step with what was sent, checked. Raises Wrong."""
    fields: MultiDict[str, Any] = MultiDict(
        [
            ("form_token", token or token_of_request()),
            ("version", str(sent.version)),
            *flatten(sent),
        ]
    )
    form = build(transition, entity, fields)
    form.take_back(fields.to_dict(flat=False))
    known = {one.name for one in list_questions(form)}
    if strange := [one for one in sent.answers if one not in known]:
        message = gettext("The step asks no such question.")
        raise Wrong(*(Mistake(field=one, message=message) for one in strange))
    if sent.files and EVIDENCE not in form:
        raise Wrong(Mistake(field="files", message=gettext("This step takes no files.")))
    form.kept = tuple(read_files(sent.files))
    if not form.validate():
        raise Wrong(*(Mistake(field=name, message=text) for name, text in mistakes_of(form)))
    return form


def check_whole(form: FlaskForm) -> None:
    """Check a form that is no step's. Raises Wrong."""
    if not form.validate():
        mistakes = ((one.name, text) for one in form for text in one.errors or ())
        raise Wrong(*(Mistake(field=name, message=str(text)) for name, text in mistakes))


def mistakes_of(form: TransitionForm) -> Iterator[tuple[str, str]]:
    """Yield what is wrong with which field; of what nobody is asked, with the whole."""
    asked = {one.name for one in list_questions(form)} | {EVIDENCE}
    for field in form:
        for text in field.errors or ():
            yield field.name if field.name in asked else "", str(text)


def submission_of(form: TransitionForm, *purpose: str) -> cases.Submission:
    """Return what was sent, for the services."""
    return cases.Submission(
        answers=form.answers(),
        uploads=form.uploads,
        token=form.sent_token,
        version=form.drawn_version,
        purpose=" ".join(purpose),
    )


def flatten(sent: StepRequest) -> Iterator[tuple[str, str]]:
    """Yield the answers as a form sends them: a box that is not ticked is not sent."""
    for name, value in sent.answers.items():
        if value is None or value is False:
            continue
        if isinstance(value, list):
            yield from ((name, one) for one in value)
        else:
            yield name, "y" if value is True else str(value)


def read_files(files: list[File]) -> Iterator[Upload]:
    """Yield the files, checked. Raises Wrong."""
    for number, one in enumerate(files):
        place = f"files.{number}"
        try:
            content = base64.b64decode(one.content, validate=True)
            yield check_file(FileStorage(BytesIO(content), filename=one.name))
        except binascii.Error as error:
            message = gettext("The bytes of the file are expected in Base64.")
            raise Wrong(Mistake(field=place, message=message)) from error
        except FileRefused as error:
            mistake = Mistake(field=place, message=str(error.text))
            raise Wrong(mistake, status=int(error.status)) from error
