"""The enforcement gate: "may I enforce now?", answers that can be proved, and what was carried out.

How a receipt is verified without asking us: see `Answered.receipt`, and the keys at /keys.
"""

import re
from collections.abc import Sequence
from datetime import date
from enum import StrEnum
from functools import cache, partial
from http import HTTPStatus
from typing import Annotated, Any, Final

from flask import Response, json, make_response
from flask_babel import gettext
from pydantic import AfterValidator, BaseModel, BeforeValidator, Field, model_validator
from pydantic_core import PydanticCustomError

from repair_app import receipts
from repair_app.api.access import current_account, current_client, needs, open_to_all
from repair_app.api.answers import Key, once
from repair_app.api.bodies import Sent
from repair_app.api.mistakes import LINE, MEASURE, OF_CODES, REF
from repair_app.api.problems import PROBLEMS, Mistake, Wrong, show
from repair_app.api.questions import StepRequest, read
from repair_app.api.resources import open_part
from repair_app.engine.enforcement import CODES, INCIDENTS
from repair_app.engine.step import NotAllowed
from repair_app.labels import N_
from repair_app.models import Role
from repair_app.penalty_format import InvalidUscc, check_uscc
from repair_app.services import executions, gate
from repair_app.services.cases import Submission

resources = open_part("gate")
DAY: Final = re.compile(r"[0-9]{4}-[0-9]{2}-[0-9]{2}")
KEYS_KEPT: Final = 3600  # seconds
FIELDS: Final = {"account": "why", "executed": "outcome"}  # of the form -> of the interface


def check_code(text: str) -> str:
    """Return a unified social credit code in its normal form. Raises PydanticCustomError."""
    try:
        return check_uscc(text)
    except InvalidUscc as flaw:
        raise PydanticCustomError(OF_CODES, "{flaw}", {"flaw": flaw.code}) from flaw


def is_written_out(day: Any) -> Any:
    """Return a day as it was sent, if it is written out. Raises PydanticCustomError."""
    if not isinstance(day, str) or not DAY.fullmatch(day):
        raise PydanticCustomError("day", "not written out")
    return day


Uscc = Annotated[str, Field(max_length=40), AfterValidator(check_code)]
Purpose = Annotated[
    str,
    Field(
        min_length=1,
        max_length=200,
        pattern=LINE,
        description="what it is asked for, as it will stand in the log; name no person",
    ),
]


# Why a receipt is not taken, by the flaw that was found in it.
FLAWS: Final = {
    receipts.TOO_LONG: N_("This is too long for a receipt."),
    receipts.OTHER_WAY: N_("This is signed in another way than our receipts are."),
    receipts.STRANGE_KEY: N_("This is signed by a key that is none of ours."),
    receipts.CHANGED: N_("The signature does not fit: the receipt was changed."),
    receipts.NO_RECEIPT: N_("This is no receipt: send `receipt` of an answer, unchanged."),
}


class Asked(Sent):
    """One question."""

    uscc: Uscc = Field(description="unified social credit code of the enterprise")
    measure: str = Field(pattern=MEASURE, description="code of the catalogue, for example A01")


class One(Asked):
    """One question and its purpose."""

    purpose: Purpose

    @classmethod
    def model_json_schema(cls, *args: Any, **kwargs: Any) -> dict[str, Any]:
        """Return the schema. The framework asks for it at each request: a tenth of an answer."""
        return super().model_json_schema(*args, **kwargs) if args or kwargs else schema_of_one()


@cache
def schema_of_one() -> dict[str, Any]:
    """Return the schema of a question, put together once."""
    return BaseModel.model_json_schema.__func__(One)  # type: ignore[attr-defined,no-any-return]


class Many(Sent):
    """Up to 1,000 questions at a time. One that is malformed, and nothing is asked."""

    purpose: Purpose
    questions: list[Asked] = Field(min_length=1, max_length=gate.MOST)


class Both(BaseModel):
    """A text in both languages."""

    zh: str
    en: str


class Basis(Both):
    """The clause: as the policy names it, and as people cite it."""

    document: str
    clause: str


class EventReference(BaseModel):
    """The last event of what decided: its place in the ledger and its hash."""

    stream: str
    seq: int
    hash: str


class AskedBy(BaseModel):
    """Who asked."""

    organisation: str | None = Field(description="its unified social credit code")
    client: str | None


class Sanction(BaseModel):
    """A sanction that was asked of: a measure on one record."""

    ref: str
    record: str
    enforceable: bool
    state: str
    imposed_on: date
    ends_on: date
    reaches: str | None = Field(description="office of the person reached; null: the enterprise")


class Answered(BaseModel):
    """An answer. All but the receipt is what was signed, as canonical JSON (RFC 8785)."""

    v: int
    id: str
    asked_by: AskedBy
    purpose: str
    as_of: str = Field(description="moment, UTC")
    day: date = Field(description="the day of that moment as the law counts (Asia/Shanghai)")
    uscc: str
    measure: str
    enforceable: bool = Field(description="yes or no: do not enforce on a no")
    state: str = Field(description=", ".join(CODES))
    reason: Both
    basis: Basis
    event: EventReference | None = Field(description="null where there is no sanction")
    sanctions: list[Sanction] = Field(description="the department's own; the first decided")
    sanctions_in_all: int
    receipt: str = Field(
        description="compact JWS (RFC 7515, EdDSA with Ed25519) over the answer; verify it with "
        "the key that its `kid` names, of those at /api/v1/keys"
    )


class AnsweredMany(BaseModel):
    """The answers, in the order of the questions."""

    answers: list[Answered]


class PublicKey(BaseModel):
    """A key (RFC 8037), named by its thumbprint (RFC 7638)."""

    kty: str
    crv: str
    x: str
    kid: str
    use: str
    alg: str


class Keys(BaseModel):
    """The public keys of receipts (RFC 7517): the present one first, then all former ones."""

    keys: list[PublicKey]


class Outcome(StrEnum):
    """What a department did."""

    EXECUTED = "executed"
    NOT_EXECUTED = "not_executed"


class Report(Sent):
    """What was carried out, or why it was not: of a sanction, or of the one of a receipt."""

    sanction: str | None = Field(None, pattern=REF, description="for example CJ-2026-000123-C")
    receipt: str | None = Field(None, max_length=receipts.LONGEST)
    outcome: Outcome
    happened_on: Annotated[date, BeforeValidator(is_written_out)]
    why: str = Field(min_length=1, description="what was done, or why it was not")

    @model_validator(mode="after")
    def names_one(self) -> "Report":
        """Ask for one of the two."""
        if (self.sanction is None) == (self.receipt is None):
            raise PydanticCustomError("one_of", "none or both")
        return self


class Reported(BaseModel):
    """What became of a report; where it was repeated, what became of the first."""

    sanction: str
    state: str
    incident: str | None = Field(
        description=f"why it must not have been carried out: {', '.join(INCIDENTS)}"
    )
    remedy: str | None = Field(description="the case in which the harm is to be undone")
    event: EventReference = Field(description="the report in the ledger, the first of its kind")
    repeated: bool = Field(
        description="the day was reported with this outcome before: it is counted once"
    )
    corrects: EventReference | None = Field(
        description="a report of the same day that nothing was carried out"
    )


@resources.get("/enforceable", responses={200: Answered, **PROBLEMS})
@needs("gate")
def ask_one(query: One) -> Response:
    """Ask whether a measure may be enforced against an enterprise now.

    Only the department's own sanctions count. The asking is logged, with its purpose.
    """
    return send(gate.ask(asker(), [question_of(query)], query.purpose)[0])


@resources.post("/enforceable", responses={200: AnsweredMany, **PROBLEMS})
@needs("gate")
def ask_many(body: Many) -> Response:
    """Ask up to 1,000 questions at a time; each answer has a receipt of its own."""
    questions = [question_of(one) for one in body.questions]
    return send_all(gate.ask(asker(), questions, body.purpose))


@resources.get("/keys", responses={200: Keys, **PROBLEMS}, security=[])
@open_to_all
def show_keys() -> Response:
    """Show the keys by which receipts are verified, former ones too. May be kept for an hour."""
    answer = make_response(json.dumps(gate.keyring().published))
    answer.mimetype = "application/jwk-set+json"
    answer.headers["Cache-Control"] = f"public, max-age={KEYS_KEPT}"
    return answer


@resources.post("/executions", responses={200: Reported, 201: Reported, **PROBLEMS})
@needs("gate")
@once
def report(body: Report, header: Key) -> Response:
    """Report that a measure was carried out on a day, or was not, and why.

    One that was carried out while it must not have been opens the remedy of the harm. The same day
    with the same outcome is the same report: it is answered 200 with the first, and counted once;
    other words are kept beside it. That it was carried out may be reported after it was reported
    that it was not (`corrects`); not the other way round (409, contradicts).
    """
    ref = body.sanction or sanction_of(body.receipt or "")
    done = gate.report(ref, current_account(), partial(fill_in, body))
    content = Reported.model_validate(done).model_dump()
    status = HTTPStatus.OK if done["repeated"] else HTTPStatus.CREATED
    answer = make_response(json.dumps(content), status)
    answer.mimetype = "application/json"
    return answer


def show_contradiction(error: executions.Contradicted) -> Response:
    """Answer a report that takes back what was carried out."""
    return show(HTTPStatus.CONFLICT, "contradicts", reasons=error.reasons)


resources.register_error_handler(executions.Contradicted, show_contradiction)


def fill_in(body: Report, sanction: Any, step: Any) -> Submission:
    """Return a report as the form of its step has it. Raises Wrong, by our own names."""
    answers: dict[str, Any] = {
        "executed": "yes" if body.outcome is Outcome.EXECUTED else "no",
        "happened_on": body.happened_on.isoformat(),
        "account": body.why,
    }
    sent = StepRequest(version=sanction.version, answers=answers, files=[])
    try:
        return read(step, sanction, sent, sanction.ref, step.name)
    except Wrong as wrong:
        renamed = (
            Mistake(field=FIELDS.get(one.field, one.field), message=one.message)
            for one in wrong.mistakes
        )
        raise Wrong(*renamed, status=wrong.status) from wrong


def sanction_of(receipt: str) -> str:
    """Return the sanction that a receipt of ours is about. Raises Wrong."""
    try:
        listed = gate.keyring().open(receipt)["sanctions"]
    except receipts.Invalid as flaw:
        raise Wrong(Mistake(field="receipt", message=gettext(FLAWS[str(flaw)]))) from flaw
    if len(listed) != 1:
        message = gettext(
            "The receipt is of an answer about no sanction, or about several: name the one meant."
        )
        raise Wrong(Mistake(field="receipt", message=message))
    return str(listed[0]["ref"])


def question_of(asked: Asked) -> gate.Question:
    """Return a question."""
    return gate.Question(asked.uscc, asked.measure)


def asker() -> gate.Asker:
    """Return for which department the client of this request asks. Raises NotAllowed."""
    client = current_client()
    if client.role != Role.DEPARTMENT:
        raise NotAllowed("gate")
    return gate.Asker(
        client.organisation_id, client.organisation.uscc, client.account_id, client.client_id
    )


def send(answer: gate.Answer) -> Response:
    """Return an answer: what was signed as it was signed, and the receipt."""
    return as_json(with_receipt(answer))


def send_all(answers: Sequence[gate.Answer]) -> Response:
    """Return many answers."""
    return as_json(b'{"answers":[%b]}' % b",".join(map(with_receipt, answers)))


def with_receipt(answer: gate.Answer) -> bytes:
    """Return the signed JSON with the receipt as its last member: not written a second time."""
    return b'%b,"receipt":"%b"}' % (answer.text[:-1], answer.receipt.encode())


def as_json(content: bytes) -> Response:
    """Return JSON that nobody keeps: the next moment may answer differently."""
    answer = make_response(content)
    answer.mimetype = "application/json"
    answer.headers["Cache-Control"] = "no-store"
    return answer
