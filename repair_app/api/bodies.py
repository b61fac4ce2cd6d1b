"""What is sent is looked at before anything is made of it: its kind, and whether it can be read."""

import inspect
from collections.abc import Callable
from functools import cache
from http import HTTPStatus
from typing import Any, Final

from flask import current_app, request
from werkzeug.exceptions import BadRequest, NotFound, UnsupportedMediaType

JSON, FORM, NOTHING = "json", "form", ""
FORMS: Final = frozenset({"", "application/x-www-form-urlencoded"})
NUL: Final = "\0"  # no store can keep it in a text


def check() -> None:
    """Refuse what cannot be read. Raises BadRequest, NotFound, UnsupportedMediaType."""
    if NUL in request.path:
        raise NotFound
    kind = kind_of(current_app.view_functions[str(request.endpoint)])
    if kind == JSON:
        if not request.is_json:
            raise UnsupportedMediaType
        try:
            request.get_json()
        except RecursionError as error:  # of brackets in brackets
            raise BadRequest from error
    if kind == FORM:
        if request.mimetype not in FORMS:
            raise UnsupportedMediaType
        if any(NUL in one for pair in request.form.items(multi=True) for one in pair):
            raise BadRequest


@cache
def kind_of(view: Callable[..., Any]) -> str:
    """Return what kind of body a view takes: JSON, a form, or what it reads itself."""
    asked = inspect.signature(view).parameters
    return next((one for name, one in (("body", JSON), ("form", FORM)) if name in asked), NOTHING)


def statuses_of(view: Callable[..., Any]) -> set[int]:
    """Return with which statuses a body is refused before the view looks at it."""
    if kind_of(view) == NOTHING:
        return set()
    return {HTTPStatus.BAD_REQUEST, HTTPStatus.UNSUPPORTED_MEDIA_TYPE}
