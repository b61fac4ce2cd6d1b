"""What people do on the pages, one function for one thing done; each returns what came of it."""

import re
from collections.abc import Callable
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import inspect, select

from repair_app.db import db, now, today
from repair_app.models import Case, Deadline, Requirement, Sanction
from repair_app.services import history
from tests.client import Client, Page, text_of
from tests.conftest import COOKIE_GOOD_FOR
from tests.factories import PDF, World

REF = re.compile(r"[A-Z]{2}-\d{4}-\d{6,9}-[0-9A-Z]")
PAPER = (PDF, "处罚决定书.pdf")
PROOF = (PDF + b"\n%%EOF\n", "缴款凭证.pdf")


class Cast:
    """Everybody at a browser of their own: `cast.reviewer` is the reviewer's."""

    def __init__(self, world: World, as_: Callable[..., Client]) -> None:
        self.world = world
        self.as_ = as_
        self.browsers: dict[str, tuple[Client, datetime]] = {}

    def __getattr__(self, name: str) -> Client:
        client, since = self.browsers.get(name, (None, now()))
        moved = not timedelta(0) <= now() - since <= COOKIE_GOOD_FOR
        if client is None or moved:  # the clock was
            client = self.as_(getattr(self.world, name))
            self.browsers[name] = client, now()
        return client


# --- reading ------------------------------------------------------------------------------


def ref_in(answer: Any) -> str:
    """Return the reference in the address that an answer sends to."""
    assert answer.status_code == 302, f"{answer.status_code}: {answer.mistakes or answer.alerts}"
    return REF.search(answer.location)[0]


def state_on(page: Page) -> str:
    """Return the state that stands beside the heading of a page."""
    head = page.having("head")[0]
    return next(text_of(one) for one in head.iter() if "state" in (one.get("class") or "").split())


def states_on(page: Page) -> list[str]:
    """Return every state that a page shows."""
    return [text_of(one) for one in page.having("state")]


def steps_on(page: Page, ref: str) -> set[str]:
    """Return the names of the transitions that a page has a link to, of the entity of a ref."""
    found = (re.search(rf"/{ref}/(\w+)$", address) for address in page.links.values())
    return {one[1] for one in found if one}


def row_of(entity: Any) -> dict[str, Any]:
    """Return every column of an entity as it is now, but the version."""
    db.session.rollback()
    columns = inspect(type(entity)).columns.keys()
    return {name: getattr(entity, name) for name in columns if name != "version"}


def case_of(ref: str) -> Case:
    """Return a case as it is now."""
    db.session.rollback()
    return db.session.scalars(select(Case).where(Case.ref == ref)).one()


def requirements_of(ref: str) -> dict[str, Requirement]:
    """Return what a repair needs, by workflow."""
    return {one.workflow: one for one in case_of(ref).requirements}


def ledger_is_whole() -> bool:
    """Say whether every chain of events is what was written, and the rest agrees with it."""
    count, flaw = history.verify_all()
    return count > 0 and flaw is None


def in_days(days: int) -> Any:
    """Return the moment so many days from now."""
    return now() + timedelta(days=days)


# --- acting -------------------------------------------------------------------------------


def take(client: Client, step: str, ref: str, kind: str = "cases", **fields: Any) -> Page:
    """Take a step from its page and return the page that comes next."""
    return client.follow(client.fill(f"/{kind}/{ref}/{step}", **fields))


def try_to(client: Client, step: str, ref: str, kind: str = "cases", **fields: Any) -> Page:
    """Send the form of a step that something bars; return the page that says what."""
    answer = client.fill(f"/{kind}/{ref}/{step}", **fields)
    assert answer.status_code == 409, f"{step} of {ref} answers {answer.status_code}"
    return answer


def annul(cast: Cast, record: Any) -> Page:
    """Have two persons of the provider withdraw a record whose decision was annulled."""
    ref = ref_in(
        cast.provider.fill(
            f"/records/{record}/annulment"
            if isinstance(record, str)
            else f"/records/{record.ref}/annulment",
            annulled="annulled",
            body="虚构市人民政府",
            number="虚政复决〔2026〕1号",
            issued_on=today().isoformat(),
            statement="撤销原行政处罚决定。",
            evidence=PAPER,
        )
    )
    return take(cast.second_provider, "sign", ref)


def decided(reason: str) -> dict[str, str]:
    """Return what a decision against the subject says: reasons, weighing, remedies."""
    return {"reason": reason, "weighing": "已听取并考虑陈述意见。", "remedy": "可以申请复核。"}


def dispute(client: Client, record: Any, ground: str = "error", **values: str) -> str:
    """File an objection with evidence; return its reference."""
    answer = client.fill(
        f"/records/{record.ref}/objection",
        button="submit_now",
        ground=ground,
        statement="罚款金额登记有误，应为1.5万元，见处罚决定书。",
        evidence=PAPER,
        **{f"value_{name}": value for name, value in values.items()},
    )
    return ref_in(answer)


def apply_for_repair(client: Client, record: Any) -> str:
    """Begin a repair; return its reference."""
    answer = client.fill(
        f"/records/{record.ref}/repair", statement="罚款已缴清，计量器具已送检合格。"
    )
    return ref_in(answer)


def prove_rectification(client: Client, ref: str) -> Page:
    """Hand in the proof that the conduct was put right."""
    return take(
        client,
        "submit_proof",
        requirements_of(ref)["rectification"].ref,
        "requirements",
        statement="罚款缴款凭证。",
        evidence=PROOF,
    )


def sign_commitment(client: Client, ref: str) -> Page:
    """Sign the commitment of a repair."""
    return take(
        client,
        "sign",
        requirements_of(ref)["commitment"].ref,
        "requirements",
        signatory="张虚构",
        agree="y",
    )


def certify(client: Client, step: str, ref: str, number: str, **fields: Any) -> Any:
    """Send the institution's certificate or report on the enterprise; return the answer."""
    db.session.rollback()
    asked = db.session.scalars(select(Requirement).where(Requirement.ref == ref)).one()
    fields.setdefault("uscc", asked.case.subject.uscc)
    return client.fill(
        f"/requirements/{ref}/{step}",
        number=number,
        issued_on=now().date().isoformat(),
        valid_until=(now() + timedelta(days=200)).date().isoformat(),
        **fields,
    )


def accept_and_forward(client: Client, ref: str) -> None:
    """Accept a case and have the provider look into it."""
    take(client, "accept", ref)
    take(client, "ask_provider", ref, note="请核实。")


def ask_department(client: Client, uscc: str) -> list[bool]:
    """Return whether each of the department's measures on an enterprise may be enforced."""
    page = client.read(f"/enforce?uscc={uscc}")
    return ["yes" in one.get("class").split() for one in page.having("answer")]


def is_marked(client: Client, record: Any) -> bool:
    """Say whether a page of a record shows that it is disputed."""
    return bool(client.read(f"/records/{record.ref}").having("held"))


def sanctions_of(record: Any) -> list[Sanction]:
    """Return the measures that rest on a record, as they are now."""
    db.session.rollback()
    query = select(Sanction).where(Sanction.record_id == record.id).order_by(Sanction.id)
    return list(db.session.scalars(query))


def begin(client: Client, workflow: str, record: Any, **fields: Any) -> str:
    """Open a matter of a record from the record's page; return its reference."""
    return ref_in(client.fill(f"/records/{record.ref}/{workflow}", **fields))


def ruling(says: str = "裁定如下。", **fields: Any) -> dict[str, Any]:
    """Return what a form asks about a document of a court or authority, the paper included."""
    return {
        "body": "虚构市中级人民法院",
        "number": "（2026）虚01破1号",
        "issued_on": today().isoformat(),
        "statement": says,
        "evidence": PAPER,
        **fields,
    }


def term_of(ref: str, *, whole: bool = False) -> Deadline:
    """Return the term that runs for a matter: of the state at hand, or of the whole."""
    db.session.rollback()
    running = select(Deadline).where(
        Deadline.entity_ref == ref, Deadline.met_at.is_(None), Deadline.whole.is_(whole)
    )
    return db.session.scalars(running).one()
