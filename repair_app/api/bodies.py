"""What is sent is looked at before anything is made of it: its kind, and whether it can be read.

JSON is taken only where it says one thing: a name that stands twice in an object, NaN and what
else other programs read in another way is refused, as are parameters that nobody looks at.
"""

import inspect
from collections.abc import Callable, Iterable
from functools import cache
from http import HTTPStatus
from typing import Annotated, Any, Final, NoReturn, get_type_hints

from flask import Request, current_app, json, request
from flask_babel import gettext
from pydantic import BaseModel, ConfigDict, Field
from werkzeug.datastructures import MultiDict
from werkzeug.exceptions import (
    BadRequest,
    NotFound,
    RequestEntityTooLarge,
    UnsupportedMediaType,
)

from repair_app.api.mistakes import NOT_AN_OBJECT, enumerate_
from repair_app.api.problems import Mistake, Wrong
from repair_app.labels import N_

JSON, FORM, NOTHING = "json", "form", ""
URLENCODED: Final = "application/x-www-form-urlencoded"
FORMS: Final = frozenset({"", URLENCODED})
EMPTY: Final = frozenset({b"", b"{}"})  # as programs send nothing
NUL: Final = "\0"  # no store can keep it in a text
BEGIN_A_VALUE: Final = b"[{,"  # signs before values; base64 has none of them
MOST_VALUES: Final = 1_000_000  # of one body: some 100 MB in memory
MOST_TOLD: Final = 20  # of names that are wrong
LONGEST_TOLD: Final = 64  # characters of such a name
UNKNOWN: Final = N_("There is no such parameter here.")
REPEATED: Final = N_("This stands more than once: which one is meant?")
NOTHING_TAKEN: Final = N_("Nothing is read here: leave the body out.")
NO_NUMBER: Final = N_("This is no number in JSON: %(name)s.")


class Sent(BaseModel):
    """What is sent in JSON: a field that nobody reads is refused, it may be a slip."""

    model_config = ConfigDict(extra="forbid")


Whole = Annotated[int, Field(strict=True)]
"""A whole number of a body: neither true nor "5"."""


class Ambiguous(ValueError):
    """JSON that can be read in several ways, or in none; field: where that is known."""

    def __init__(self, text: str, field: str = "", **values: str) -> None:
        super().__init__(text)
        self.field, self.values = field, values


class Unclear(BadRequest):
    """A body of JSON that can be read in several ways, or in none."""

    def __init__(self, flaw: Ambiguous) -> None:
        super().__init__()
        self.flaw = flaw


class PlainJson:
    """Reads JSON that says one thing, as `flask.json` does else."""

    dumps = staticmethod(json.dumps)

    @staticmethod
    def loads(content: bytes, **options: Any) -> Any:
        """Return what a JSON text says.

        Raises RequestEntityTooLarge before more is unfolded than memory has room for, ValueError,
        RecursionError.
        """
        if sum(map(content.count, BEGIN_A_VALUE)) > MOST_VALUES:
            raise RequestEntityTooLarge
        return json.loads(
            content, object_pairs_hook=as_object, parse_constant=refuse_constant, **options
        )


class BoundedRequest(Request):
    """A request whose JSON says one thing, and whose fields memory has room for."""

    @property
    def max_content_length(self) -> int | None:
        """The most bytes that are read of the body; more is 413.

        The fields of a form in one piece take 30 times its length when they are unfolded, so that
        it may be as long only as the texts of a form in parts. Files go to disk (CVE-2024-49767),
        or are long words in JSON.
        """
        if self.mimetype == URLENCODED:
            return self.max_form_memory_size
        return super().max_content_length

    @max_content_length.setter
    def max_content_length(self, value: int | None) -> None:
        """Set the limit of everything else."""
        self._max_content_length = value

    @property  # type: ignore[override]  # not to be chosen
    def json_module(self) -> type[PlainJson]:
        """What reads JSON."""
        return PlainJson

    @json_module.setter
    def json_module(self, _of_the_application: Any) -> None:
        """Keep to it: the framework offers each request the application's own."""

    def on_json_loading_failed(self, e: ValueError | None) -> Any:
        """Refuse JSON that cannot be read. Raises BadRequest, UnsupportedMediaType."""
        if isinstance(e, Ambiguous):
            raise Unclear(e) from e
        return super().on_json_loading_failed(e)


def as_object(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    """Return the members of an object. Raises Ambiguous where one stands twice."""
    found = dict(pairs)
    if len(found) < len(pairs):
        names = [name for name, _ in pairs]
        raise Ambiguous(REPEATED, next(one for one in names if names.count(one) > 1))
    return found


def refuse_constant(name: str) -> NoReturn:
    """Refuse NaN and Infinity, which are no JSON. Raises Ambiguous."""
    raise Ambiguous(NO_NUMBER, name=name)


def check() -> None:
    """Refuse what cannot be read. Raises BadRequest, NotFound, UnsupportedMediaType, Wrong."""
    if NUL in request.path:
        raise NotFound
    view = current_app.view_functions[str(request.endpoint)]
    check_parameters(request.args, parameters_of(view))
    kind = kind_of(view)
    if kind == NOTHING and request.method == "POST" and request.get_data().strip() not in EMPTY:
        raise Wrong(Mistake(field="", message=gettext(NOTHING_TAKEN)))
    if kind == JSON:
        check_json()
    if kind == FORM:
        if request.mimetype not in FORMS:
            raise UnsupportedMediaType
        if any(NUL in one for pair in request.form.items(multi=True) for one in pair):
            raise BadRequest
        refuse_names(repeated_in(request.form), "repeated_parameter", REPEATED, ())


def check_json() -> None:
    """Refuse a body that is no object in JSON. Raises BadRequest, UnsupportedMediaType, Wrong."""
    if not request.is_json:
        raise UnsupportedMediaType
    try:
        sent = request.get_json()
    except Unclear as error:
        text = gettext(str(error.flaw), **error.flaw.values)
        mistake = Mistake(field=error.flaw.field, message=text)
        raise Wrong(mistake, status=HTTPStatus.BAD_REQUEST) from error
    except RecursionError as error:  # of brackets in brackets
        raise BadRequest from error
    if not isinstance(sent, dict):
        raise Wrong(Mistake(field="", message=gettext(NOT_AN_OBJECT)))


def check_parameters(sent: MultiDict[str, str], known: frozenset[str]) -> None:
    """Refuse parameters of an address that are not known there, or stand twice. Raises Wrong.

    Whoever filters by a name that is misspelt would else be told of everything.
    """
    strange = [one for one in sent if one not in known]
    refuse_names(strange, "unknown_parameter", UNKNOWN, sorted(known))
    refuse_names(repeated_in(sent), "repeated_parameter", REPEATED, ())


def repeated_in(sent: MultiDict[str, str]) -> list[str]:
    """Return the names that stand more than once."""
    return [name for name, values in sent.lists() if len(values) > 1]


def refuse_names(names: list[str], code: str, text: str, known: Iterable[str]) -> None:
    """Refuse a request for the sake of some names. Raises Wrong unless there are none."""
    if names:
        told = [one[:LONGEST_TOLD] for one in names[:MOST_TOLD]]
        raise Wrong(
            *(Mistake(field=one, message=gettext(text)) for one in told),
            code=code,
            names=enumerate_(told),
            known=enumerate_(known) or gettext("none"),
        )


@cache
def kind_of(view: Callable[..., Any]) -> str:
    """Return what kind of body a view takes: JSON, a form, or what it reads itself."""
    asked = inspect.signature(view).parameters
    return next((one for name, one in (("body", JSON), ("form", FORM)) if name in asked), NOTHING)


@cache
def parameters_of(view: Callable[..., Any]) -> frozenset[str]:
    """Return the names of the parameters that a view reads of its address."""
    query = get_type_hints(inspect.unwrap(view)).get("query")
    fields = query.model_fields.items() if query else ()
    return frozenset(field.alias or name for name, field in fields)


def statuses_of(view: Callable[..., Any]) -> set[int]:
    """Return with which statuses a body is refused before the view looks at it."""
    if kind_of(view) == NOTHING:
        return set()
    return {HTTPStatus.BAD_REQUEST, HTTPStatus.UNSUPPORTED_MEDIA_TYPE}
