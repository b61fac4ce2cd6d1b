"""Many new records at once: the same first transition, class and periods, without a row each.

A record's first transition asks nothing and changes nothing else, so that a hundred thousand can
be written as rows. That it is so is checked, not assumed.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime
from typing import Any

from sqlalchemy import func, insert, select
from sqlalchemy.orm import Session

from repair_app import calendar, ledger, refs
from repair_app.db import Base, insert_rows
from repair_app.engine import telling
from repair_app.engine.assessment import assess
from repair_app.engine.policy import Policy
from repair_app.engine.rows import digest_of
from repair_app.engine.spec import SpecError, Transition, Workflow
from repair_app.engine.step import Actor
from repair_app.models import ChangeIntake, CreditRecord, Event, Stream

HARMLESS = {"archive_record"}  # the one effect that is written out here


@dataclass(frozen=True)
class NewRecord:
    """A record to be put on file: its columns as they are read, and where they were read."""

    columns: Mapping[str, Any]
    origin: Mapping[str, Any]  # goes into the event: file and line


def take_turns(session: Session, policy: Policy, day: date) -> None:
    """Wait for whoever else brings in records, and keep others waiting until we commit.

    The counter of the records' references is the one row that they all need anyway; taken first,
    it lets each see what the one before wrote, so that no record is put on file twice.
    """
    list(refs.new_refs(session, policy.current["record"].prefix, day, 0))


def bring_in(
    session: Session, policy: Policy, new: Sequence[NewRecord], actor: Actor, *, at: datetime
) -> list[str]:
    """Put records on file, each with its first event, and return their references.

    Raises SpecError when the policy asks for more.
    """
    if not new:
        return []
    workflow = policy.current["record"]
    day = calendar.local_date(at)
    numbers = refs.new_refs(session, workflow.prefix, day, len(new))
    rows, contents, by = [], [], actor.as_dict()
    for ref, one in zip(numbers, new, strict=True):
        row, content = first_entry(policy, workflow, ref, one, by=by, day=day, at=at)
        rows.append(row)
        contents.append(content)
    streams, events = ledger.first_entries([row["ref"] for row in rows], contents, at)
    tables: list[tuple[type[Base], Any]] = [
        (CreditRecord, rows),
        (Stream, streams),
        (Event, events),
    ]
    for model, some in tables:
        insert_rows(session, model, some)
    have_handed_out(session, rows[0]["ref"], rows[-1]["ref"])
    telling.tell_of_records(session, workflow, rows, at=at)
    return [row["ref"] for row in rows]


def have_handed_out(session: Session, first: str, last: str) -> None:
    """Have new records, by the references of the first and the last, handed out to platforms.

    What they are to show of each is worked out afterwards, by a job: one row is left here.
    """
    ends = select(func.min(CreditRecord.id), func.max(CreditRecord.id))
    among = ends.where(CreditRecord.ref.in_((first, last)))
    columns = [ChangeIntake.next_id, ChangeIntake.last_id]
    session.execute(insert(ChangeIntake).from_select(columns, among))


def first_entry(
    policy: Policy,
    workflow: Workflow,
    ref: str,
    new: NewRecord,
    *,
    by: Mapping[str, Any],
    day: date,
    at: datetime,
) -> tuple[dict[str, Any], dict[str, Any]]:
    """Return the row of one record and the content of its first event."""
    columns = new.columns
    pack = policy.pack_for(workflow.rules, decided_on=columns["decided_on"], applied_on=day)
    found = assess(pack, columns.__getitem__)
    transition = first_transition(workflow, found.published, over=found.max_until < day)
    row = {
        **columns,
        "ref": ref,
        "state": transition.target,
        "version": 1,
        "workflow_version": workflow.version,
        "workflow_hash": workflow.sha256,
        "rule_pack": pack.id,
        "rule_pack_hash": pack.sha256,
        "severity_class": found.severity,
        "min_publication_until": found.min_until,
        "max_publication_until": found.max_until,
        "created_at": at,
        "archived_at": at if workflow.states[transition.target].final else None,
    }
    content = ledger.describe(
        entity=ref,
        workflow=workflow.name,
        workflow_version=workflow.version,
        transition=transition.name,
        source=workflow.initial,
        target=transition.target,
        actor=by,
        at=at,
        basis=[f"{one.document} {one.clause}" for one in transition.basis],
        rule_pack=pack.id,
        facts={
            **new.origin,
            "fingerprint": columns["fingerprint"],
            "content": digest_of(columns),
            "class": found.severity,
            "because": found.because,
        },
        evidence=[],
    )
    return row, content


def first_transition(workflow: Workflow, published: bool, *, over: bool) -> Transition:
    """Return how a record comes on file. Raises SpecError when that has guards or effects."""
    name = "shelve" if over else "publish" if published else "withhold"
    transition = workflow.transitions[name]
    if transition.guards or not set(transition.effects) <= HARMLESS:
        raise SpecError(f"record: {name} asks for more than a bulk import does")
    return transition
