"""Notices of a provider's own system: corrections, withdrawals, annulments; one by one or many.

Each takes the step that a person of the provider is offered. What is wrong with a record leads to
its self-correction where one is with the provider, else to the report of an error: the credit
centre then asks the provider formally. An annulment is reported; a second person signs it.
"""

from collections.abc import Iterator, Sequence
from typing import Any, Final

from flask import Flask, Response
from flask_babel import force_locale, gettext
from pydantic import Field
from sqlalchemy import select
from sqlalchemy.exc import IntegrityError

from repair_app.api.access import current_account, needs
from repair_app.api.answers import Key, once, send, token_of_request
from repair_app.api.bodies import Sent
from repair_app.api.imports import Cell, RowsTaken, taken_of
from repair_app.api.problems import BY_ERROR, PROBLEMS, TEXTS, Mistake, Wrong
from repair_app.api.questions import File, StepRequest, read
from repair_app.api.resources import open_part
from repair_app.db import db
from repair_app.engine.fields import CORRECTABLE
from repair_app.engine.step import Refused
from repair_app.models import Case, CreditRecord, User
from repair_app.penalty_format import Notice
from repair_app.penalty_format.notices import ANNUL, CORRECT, HEADINGS
from repair_app.services import cases
from repair_app.services.imports.notices import TAKER, bring_in_notices_sent
from repair_app.services.reasons import CHINESE, reason_label

resources = open_part("notices")
MOST_NOTICES: Final = 100
WITH_PROVIDER: Final = "with_provider"
REPORT: Final = "report_error"
WRONG_GROUND, REMOVAL_GROUND = "error", "not_to_be_published"
# Question of a form -> column of the file.
COLUMNS: Final = {
    "statement": "reason",
    "findings": "reason",
    "evidence": "file",
    "files.0": "file",
    "annulled": "annulled",
    "body": "body",
    "number": "number",
    "issued_on": "issued_on",
    **{f"value_{name}": f"value_{name}" for name in CORRECTABLE},
}
Problem = tuple[str, str, str, str]


class NoticesSent(Sent):
    """Notices, each by the headings, codes or keys of their format."""

    notices: list[dict[str, Cell]] = Field(min_length=1, max_length=MOST_NOTICES)


def init_app(app: Flask) -> None:
    """Have the notices of files taken as those that are sent are."""
    app.extensions[TAKER] = take


@resources.post("/records/notices", responses={200: RowsTaken, **PROBLEMS})
@needs("cases:write")
@once
def give(body: NoticesSent, header: Key) -> Response:
    """Report up to 100 corrections, withdrawals and annulments, each with its verdict at once."""
    user = current_account()
    done = bring_in_notices_sent(body.notices, user, token_of_request())
    return send(taken_of(done, user, MOST_NOTICES))


def take(user: User, record_ref: str, notice: Notice, token: str) -> str | list[Problem]:
    """Take the step of a notice; return the case it led to, or what bars it in both languages."""
    told = []
    for locale in (CHINESE, "en"):
        with force_locale(locale):
            try:
                return take_step(user, record_ref, notice, token)
            except Wrong as error:
                told.append([(one.field, one.message) for one in error.mistakes])
            except Refused as error:
                return [as_problem("refused", "", label.zh, label.en) for label in labels_of(error)]
            except IntegrityError as error:
                if "unique" not in str(error.orig).lower():
                    raise
                return [in_both("collision")]
            except tuple(BY_ERROR) as error:
                return [in_both(code_of(error))]
    return [
        as_problem("invalid", field, zh, en) for (field, zh), (_, en) in zip(*told, strict=True)
    ]


def labels_of(error: Refused) -> Iterator[Any]:
    """Yield why a guard refused, in both languages."""
    return map(reason_label, error.reasons)


def code_of(error: Exception) -> str:
    """Return the code of what the services raise."""
    return next(BY_ERROR[kind][1] for kind in type(error).__mro__ if kind in BY_ERROR)


def in_both(code: str) -> Problem:
    """Return the problem of a code of the interface."""
    words = []
    for locale in (CHINESE, "en"):
        with force_locale(locale):
            words.append(str(gettext(TEXTS[code][0])))
    return as_problem(code, "", *words)


def as_problem(code: str, field: str, zh: str, en: str) -> Problem:
    """Return what bars a notice: column of the file, code, Chinese, English."""
    return HEADINGS.get(COLUMNS.get(field, ""), ""), code, zh, en


def take_step(user: User, record_ref: str, notice: Notice, token: str) -> str:
    """Take the step that a notice asks for; return the reference of its case.

    Raises Wrong, Refused and what `cases.open_case` and `cases.perform` raise.
    """
    db.session.rollback()
    record = db.session.scalars(select(CreditRecord).where(CreditRecord.ref == record_ref)).one()
    files = [File(name=notice.file_name or "notice.pdf", content=notice.file)]
    files = files if notice.file else []
    if notice.action == ANNUL:
        paper = ("annulled", "body", "number", "issued_on")
        answers = {name: getattr(notice, name) for name in paper} | {"statement": notice.reason}
        sent = StepRequest(version=0, answers=answers, files=files)
        return open_matter(user, record, "annulment", sent, token=token)
    values = {f"value_{name}": text for name, text in notice.values.items()}
    waiting = list_self_corrections(record)
    if len(waiting) > 1:
        raise Wrong(
            Mistake(
                field="record",
                message=gettext(
                    "Several corrections of your own about this record wait for your answer: give "
                    "it on the page of the one that is meant."
                ),
            )
        )
    if waiting:
        [case] = waiting
        name = "correct" if notice.action == CORRECT else "take_down"
        answers = {"findings": notice.reason, **(values if notice.action == CORRECT else {})}
        sent = StepRequest(version=case.version, answers=answers, files=files)
        transition = cases.find_transition(user, case, name)
        submission = read(transition, case, sent, case.ref, name, token=token)
        return cases.perform("cases", case.ref, name, user, submission).ref
    ground = WRONG_GROUND if notice.action == CORRECT else REMOVAL_GROUND
    answers = {"ground": ground, "statement": in_words(notice)}
    sent = StepRequest(version=0, answers=answers, files=files)
    return open_matter(user, record, "objection", sent, name=REPORT, token=token)


def open_matter(
    user: User,
    record: CreditRecord,
    workflow: str,
    sent: StepRequest,
    *,
    name: str = "",
    token: str,
) -> str:
    """Open a matter of a record as the page does; return its reference."""
    case, offer = cases.offer_to_open(user, workflow, record, name)
    submission = read(offer.transition, case, sent, record.ref, workflow, token=token)
    return cases.open_case(workflow, record.ref, user, submission, name=name).ref


def list_self_corrections(record: CreditRecord) -> Sequence[Case]:
    """Return the self-corrections of a record that wait for its provider, two at the most."""
    return db.session.scalars(
        select(Case)
        .where(
            Case.record_id == record.id,
            Case.workflow == "self_correction",
            Case.state == WITH_PROVIDER,
        )
        .limit(2)
    ).all()


def in_words(notice: Notice) -> str:
    """Return what a notice says, with the values that it holds to be right."""
    lines = [f"{CORRECTABLE[name].label.zh}：{text}" for name, text in notice.values.items()]
    return "\n".join([notice.reason, *lines]).strip() if notice.reason else ""
