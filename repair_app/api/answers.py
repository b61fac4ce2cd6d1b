"""How answers are given: once for each idempotency key, with an ETag, page by page."""

import hashlib
import re
from collections.abc import Callable, Sequence
from functools import wraps
from http import HTTPStatus
from io import BytesIO
from typing import Any, Final, TypeVar

from flask import Response, json, make_response, request, send_file
from pydantic import BaseModel, ConfigDict, Field

from repair_app.api.access import current_client
from repair_app.api.mistakes import PLACE
from repair_app.api.problems import show
from repair_app.db import now
from repair_app.engine.step import Entity
from repair_app.models import KeptAnswer
from repair_app.services import kept_answers
from repair_app.services.cases import NoSuchPlace

LONGEST_KEY: Final = 255
KEY: Final = re.compile(rf"[\x21-\x7e]{{1,{LONGEST_KEY}}}")
HEADER: Final = "Idempotency-Key"
View = TypeVar("View", bound=Callable[..., Any])


def require_key(schema: dict[str, Any]) -> None:
    """Describe the key as what it has to be: that there is none, has an answer of its own."""
    schema.pop("default", None)
    schema["pattern"] = f"^{KEY.pattern}$"


class Key(BaseModel):
    """The header of every request that changes something: else `no_key`, `bad_key`, `long_key`."""

    model_config = ConfigDict(json_schema_extra={"required": [HEADER]})

    key: str = Field(
        "",
        alias=HEADER,
        description="a key of your own, 1 to 255 printable characters: the same key with the same "
        "body has the same answer for 24 hours",
        json_schema_extra=require_key,
    )


class Paging(BaseModel):
    """Which part of a list is wanted."""

    after: str = Field("", pattern=PLACE, description="`next` of the page before")
    limit: int = Field(50, ge=1, le=200)


def next_of(found: Sequence[Entity], limit: int) -> str | None:
    """Return where a list goes on behind a page of it; None where the page was its last."""
    return found[-1].ref if len(found) == limit else None


def expect_place(after: int | None, found: int | None) -> None:
    """Refuse to go on behind a row that a list does not have. Raises NoSuchPlace.

    after: the row, none for the first page; found: the row that stands in its place.
    """
    if after and found != after:
        raise NoSuchPlace(str(after))


def once(view: View) -> View:
    """Answer a request that was sent before, under the same key, as it was answered then."""

    @wraps(view)
    def answer(*args: Any, **kwargs: Any) -> Response:
        key = request.headers.get(HEADER, "")
        if not key.strip():
            return show(HTTPStatus.BAD_REQUEST, "no_key")
        if not KEY.fullmatch(key):
            length = {"length": len(key), "longest": LONGEST_KEY}
            code = "long_key" if len(key) > LONGEST_KEY else "bad_key"
            return show(HTTPStatus.BAD_REQUEST, code, values=length)
        client, sent = current_client(), digest_of_request()
        if kept := kept_answers.find(client, key):
            if kept.request_digest != sent:
                return show(HTTPStatus.UNPROCESSABLE_ENTITY, "key_reused")
            again = Response(kept.body, kept.status, content_type=kept.content_type)
            again.headers["Idempotent-Replayed"] = "true"
            return again
        client_id = client.id
        given = make_response(view(*args, **kwargs))
        # What failed may be tried again; what nobody may store is made anew: a step is not.
        if given.status_code < HTTPStatus.MULTIPLE_CHOICES and not given.cache_control.no_store:
            kept_answers.keep(
                KeptAnswer(
                    client_id=client_id,
                    key=key,
                    request_digest=sent,
                    status=given.status_code,
                    content_type=given.content_type,
                    body=given.get_data(),
                    kept_at=now(),
                )
            )
        return given

    answer.is_once = True  # type: ignore[attr-defined]  # read by the description
    return answer  # type: ignore[return-value]  # the same view, once


def token_of_request() -> str:
    """Return the form token of a request: its client and key, so that a step is taken once."""
    name = f"{current_client().client_id} {request.headers.get(HEADER, '')}"
    return hashlib.sha256(name.encode()).hexdigest()


def digest_of_request() -> str:
    """Return a hash of what was asked: method, address, body."""
    asked = f"{request.method} {request.full_path}\n".encode()
    return hashlib.sha256(asked + request.get_data()).hexdigest()


def send(content: BaseModel, status: int = HTTPStatus.OK) -> Response:
    """Return an answer as JSON. What is only read has an ETag; who has it already is told so."""
    answer = make_response(json.dumps(content.model_dump(mode="json"), ensure_ascii=False), status)
    answer.mimetype = "application/json"
    return watched(answer) if request.method == "GET" else answer


def send_bytes(content: bytes, media_type: str, name: str) -> Response:
    """Return bytes to be kept as a file, never to be looked at in a browser."""
    answer = send_file(
        BytesIO(content),
        mimetype=media_type,
        as_attachment=True,
        download_name=name,
        conditional=False,
        etag=hashlib.sha256(content).hexdigest(),
    )
    return watched(answer)


def watched(answer: Response) -> Response:
    """Return an answer with an ETag; who has it already is told so."""
    answer.add_etag()
    answer.headers["Cache-Control"] = "private, no-cache"
    answer.vary.update(("Authorization", "Accept-Language"))
    answer.make_conditional(request)
    if answer.status_code == HTTPStatus.PRECONDITION_FAILED:
        return show(HTTPStatus.PRECONDITION_FAILED, "not_as_named")
    return answer
