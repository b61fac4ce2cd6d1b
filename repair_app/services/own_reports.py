"""An enterprise's own credit report: what is on file about it, with a number that can be verified.

Free, as often as it is asked for. It says what is on file, and grades nobody.
"""

import re
import secrets
from collections.abc import Iterable, Iterator, Sequence
from datetime import date, datetime, time
from typing import Any, Final

from sqlalchemy import select
from sqlalchemy.orm import Session, joinedload, selectinload

from repair_app import letters as printing
from repair_app import refs
from repair_app.access import organisations_as
from repair_app.calendar import SHANGHAI
from repair_app.db import db, now, today
from repair_app.engine import letter_facts, letters
from repair_app.engine.enforcement import in_publication_term
from repair_app.labels import Label
from repair_app.models import Case, CreditRecord, Organisation, OwnReport, Requirement, Role, User
from repair_app.services.cases import NotVisible
from repair_app.services.policy import current_policy
from repair_app.services.transaction import transaction

PREFIX: Final = "QB"  # 企业信用信息报告
CODE: Final = re.compile(r"[A-Za-z0-9_-]{22}")
NUMBER: Final = re.compile(rf"{PREFIX}-[0-9]{{4}}-[0-9]{{6,9}}-[0-9A-Z]")
CODE_BYTES: Final = 16
MOST: Final = 500  # records, matters and commitments, of each, in one report
MOST_A_DAY: Final = 20  # reports on one enterprise
ISSUED_SHOWN: Final = 20
TITLE: Final = Label("信用信息报告（本企业）", "Credit report on the enterprise itself")
SENDER: Final = "公共信用信息异议与修复系统"


class TooMany(Exception):
    """Of this enterprise as many reports were issued today as are."""


def issue(user: User, firm_id: int) -> OwnReport:
    """Issue a report on an enterprise that a person represents; the same twice a day is one.

    Raises NotVisible, and TooMany where enough were issued today.
    """
    if firm_id not in organisations_as(user, Role.SUBJECT):
        raise NotVisible(str(firm_id))
    with transaction() as session:
        firm = session.get_one(Organisation, firm_id, with_for_update=True)
        content, issued = compose(firm), list_todays(session, firm)
        if issued and issued[0].content == content:
            return issued[0]
        if len(issued) >= MOST_A_DAY:
            raise TooMany
        report = OwnReport(
            ref=refs.new_ref(session, PREFIX, today()),
            code=secrets.token_urlsafe(CODE_BYTES),
            organisation_id=firm.id,
            account_id=user.id,
            content=content,
            issued_at=now(),
        )
        session.add(report)
        session.flush()
        return report


def list_todays(session: Session, firm: Organisation) -> Sequence[OwnReport]:
    """Return the reports that were issued on an enterprise today, newest first."""
    midnight = datetime.combine(today(), time(), SHANGHAI)
    own = OwnReport.organisation_id == firm.id
    query = select(OwnReport).where(own, OwnReport.issued_at >= midnight)
    return session.scalars(query.order_by(OwnReport.id.desc())).all()


def list_own(user: User) -> Sequence[OwnReport]:
    """Return the newest reports on the enterprises that a person represents."""
    own = OwnReport.organisation_id.in_(organisations_as(user, Role.SUBJECT))
    query = select(OwnReport).where(own).order_by(OwnReport.id.desc()).limit(ISSUED_SHOWN)
    return db.session.scalars(query.options(joinedload(OwnReport.organisation))).all()


def get_own(user: User, ref: str) -> OwnReport:
    """Return a report on an enterprise that a person represents. Raises NotVisible."""
    report = db.session.scalar(select(OwnReport).where(OwnReport.ref == ref))
    if report is None or report.organisation_id not in organisations_as(user, Role.SUBJECT):
        raise NotVisible(ref)
    return report


def find(text: str) -> OwnReport | None:
    """Return the report of a code or number; None for none."""
    if not (CODE.fullmatch(text) or NUMBER.fullmatch(text)):
        return None
    named = OwnReport.ref == text if NUMBER.fullmatch(text) else OwnReport.code == text
    return db.session.scalar(select(OwnReport).where(named))


def is_ours(text: str) -> bool:
    """Say whether a text is the code or the number of a report."""
    return find(text) is not None


def verify(text: str) -> tuple[OwnReport, bool | None]:
    """Return the report of a code, and whether the same is on file today. Raises NotVisible.

    Of a number alone that is None: numbers follow one another, so nothing more is to be told.
    """
    report = find(text)
    if report is None:
        raise NotVisible(text)
    if report.code != text:
        return report, None
    return report, compose(report.organisation)["body"] == report.content["body"]


def render(report: OwnReport, lang: str, address: str) -> bytes:
    """Return a report as a PDF in "zh" or "en"; address: where it is verified."""
    return printing.render(
        report.content,
        lang,
        number=report.ref,
        code=report.code,
        address=address,
        issued_at=report.issued_at,
    )


# --- what it says ---


def compose(firm: Organisation) -> dict[str, Any]:
    """Return what is on file about an enterprise, in both languages."""
    rows, more = list_records(firm)
    running = [one for one in rows if is_running(one)]
    past = [one for one in rows if not is_running(one)]
    parts = [
        (Label("一、现行信息", "1. Records that run"), shortened(map(told, running), more)),
        (
            Label("二、已经终止的信息", "2. Records that have ended"),
            shortened(map(told, past), more),
        ),
        (Label("三、异议和信用修复", "3. Objections and repairs"), shortened(matters(firm))),
        (Label("四、信用承诺", "4. Commitments"), shortened(commitments(firm))),
    ]
    return {
        "kind": "own_report",
        "template": "letter",
        "title": letters.both(TITLE),
        "from": SENDER,
        "to": firm.name,
        "body": [
            letters.both(line) for part, lines in parts for line in (part, *(lines or [NOTHING]))
        ],
        "next": [letters.both(one) for one in NEXT],
        "facts": [
            {
                "name": letters.both(Label("企业", "Enterprise")),
                "value": letters.both(Label(firm.name, firm.name)),
            },
            {
                "name": letters.both(Label("统一社会信用代码", "Unified social credit code")),
                "value": letters.both(Label(firm.uscc or "—", firm.uscc or "—")),
            },
        ],
        "counts": {"running": len(running), "past": len(past)},
    }


NOTHING: Final = Label("无。", "None.")
SHORTENED: Final = Label(f"（仅列最近{MOST}条。）", f"(The newest {MOST} only.)")
NEXT: Final = (
    Label(
        "认为信息有误的，可以提出异议，不收费。",
        "If a record is wrong, object to it, free of charge.",
    ),
    Label(
        "已经纠正失信行为的，可以申请信用修复，不收费。",
        "If the conduct was put right, apply for repair, free of charge.",
    ),
)


def shortened(lines: Iterable[Label], more: bool = False) -> list[Label]:
    """Return the lines of a part, MOST at the most; where there are more, it is said.

    more: there are, whatever the lines are.
    """
    found = list(lines)
    return [*found[:MOST], SHORTENED] if more or len(found) > MOST else found


def list_records(firm: Organisation) -> tuple[Sequence[CreditRecord], bool]:
    """Return the newest records of an enterprise, MOST at the most, and whether there are more."""
    query = select(CreditRecord).where(CreditRecord.subject_id == firm.id)
    newest = query.order_by(CreditRecord.decided_on.desc(), CreditRecord.id.desc())
    found = db.session.scalars(
        newest.limit(MOST + 1).options(
            joinedload(CreditRecord.provider), selectinload(CreditRecord.dispute_marks)
        )
    ).all()
    return found[:MOST], len(found) > MOST


def is_running(record: CreditRecord) -> bool:
    """Say whether a record is in force."""
    live = current_policy().workflow_of(record).states[record.state].live
    return live and in_publication_term(record, today())


def told(record: CreditRecord) -> Label:
    """Return a record in one paragraph."""
    policy = current_policy()
    state = policy.workflow_of(record).states[record.state].label
    severity = policy.pack_of(record).classes[record.severity_class].label
    day, until = written(record.decided_on), written(record.max_publication_until)
    who = record.provider.name
    mark = Label("；有异议，正在核实", "; disputed, being verified")
    mark = mark if record.is_contested else Label("", "")
    penalty = record.penalty_content.rstrip("。.")
    return Label(
        f"{record.decision_no}，{who}于{day.zh}作出：{penalty}。"
        f"类别：{severity.zh}；状态：{state.zh}；期限至{until.zh}{mark.zh}。",
        f"{record.decision_no}, by {who} on {day.en}: {penalty}. "
        f"Class: {severity.en}; state: {state.en}; until {until.en}{mark.en}.",
    )


def written(day: date | None) -> Label:
    """Return a date as letters write it; a dash for none."""
    return letter_facts.day(day) or Label("—", "—")


def matters(firm: Organisation) -> Iterator[Label]:
    """Yield the objections and repairs that the enterprise filed, each in one line."""
    filed = select(Case).where(
        Case.subject_id == firm.id,
        Case.person_id.is_(None),
        Case.workflow.in_(("objection", "repair")),
        Case.submitted_at.is_not(None),
    )
    for one in db.session.scalars(filed.order_by(Case.id.desc()).limit(MOST + 1)):
        workflow = current_policy().workflow_of(one)
        state, number = workflow.states[one.state].label, one.record.decision_no
        yield Label(
            f"{one.ref}：{workflow.label.zh}（{number}），{state.zh}。",
            f"{one.ref}: {workflow.label.en} ({number}), {state.en}.",
        )


def commitments(firm: Organisation) -> Iterator[Label]:
    """Yield the commitments that were signed, each in one line."""
    signed = (
        select(Requirement)
        .join(Case)
        .where(
            Case.subject_id == firm.id,
            Requirement.workflow == "commitment",
            Requirement.signed_at.is_not(None),
        )
    )
    for one in db.session.scalars(signed.order_by(Requirement.id.desc()).limit(MOST + 1)):
        state = current_policy().workflow_of(one).states[one.state].label
        yield Label(f"{one.ref}：{state.zh}。", f"{one.ref}: {state.en}.")
