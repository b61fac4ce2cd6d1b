"""The scan of what is on file: every flaw is kept once and opens one self-correction (…（八）).

The scan changes no record: what must not be shown is refused by every public page at query time.
"""

import hashlib
import json
from collections.abc import Collection, Iterable, Iterator, Sequence
from dataclasses import dataclass
from typing import Final

from sqlalchemy import Select, and_, func, select
from sqlalchemy.orm import Session, joinedload, selectinload

from repair_app.calendar import add_working_days
from repair_app.db import db, now, today
from repair_app.engine.days import read_table
from repair_app.engine.flaws import KINDS, Flaw, examine
from repair_app.engine.store import Store
from repair_app.models import Case, CreditRecord, Finding, Role, Sanction
from repair_app.services import cases
from repair_app.services.openings import open_as_system
from repair_app.services.policy import current_policy
from repair_app.services.transaction import sweep, transaction

WORKFLOW: Final = "self_correction"
CHUNK: Final = 1000  # records looked at at a time
PUBLIC_WITHIN: Final = 7  # working days after the decision (鲁政发〔2017〕44号 二（一）3)
LATE_SINCE: Final = 60  # days: how long it is noted that something came too late


@dataclass(frozen=True)
class Scanned:
    """What a scan found: how many records it looked at, new findings, those found no more."""

    records: int
    found: int
    cleared: int


def run_scan() -> Scanned:
    """Look at every record on file, keep what is wrong with it, and open what has to be mended.

    One transaction for each record of which there is something to write: a scan that is stopped
    goes on at the next run. What is known and being mended is left alone. Raises an ExceptionGroup
    when some could not be kept; the others then were.
    """
    seen, unknown = 0, []
    twins = find_twins()
    for some in list_records():
        seen += len(some)
        standing = standing_of(some)
        unknown += [
            one.ref for one in some if not is_known(look_at(one, twins), standing.get(one.id, ()))
        ]
    gone = db.session.scalars(list_open_refs().where(CreditRecord.archived_at.is_not(None))).all()
    before = count_findings()
    sweep(sorted({*unknown, *gone}), lambda ref: keep_findings(ref, twins))
    after = count_findings()
    return Scanned(seen, after[0] - before[0], after[1] - before[1])


def list_records() -> Iterator[Sequence[CreditRecord]]:
    """Yield the records on file, some at a time, with what a look needs."""
    last = 0
    while True:
        some = db.session.scalars(
            select(CreditRecord)
            .where(CreditRecord.archived_at.is_(None), CreditRecord.id > last)
            .order_by(CreditRecord.id)
            .limit(CHUNK)
            .options(
                joinedload(CreditRecord.subject),
                joinedload(CreditRecord.provider),
                selectinload(CreditRecord.sanctions).joinedload(Sanction.measure),
            )
        ).all()
        if not some:
            return
        yield some
        last = some[-1].id


def list_open_refs() -> Select[str]:
    """Return the query for the records with findings that stand."""
    return (
        select(CreditRecord.ref)
        .join(Finding, Finding.record_id == CreditRecord.id)
        .where(Finding.cleared_at.is_(None))
        .distinct()
    )


def count_findings() -> tuple[int, int]:
    """Return how many findings there are, and how many of them are found no more."""
    row = db.session.execute(
        select(func.count(), func.count(Finding.cleared_at)).select_from(Finding)
    ).one()
    return row[0], row[1]


def look_at(record: CreditRecord, twins: dict[int, str]) -> Iterator[Flaw]:
    """Yield what is wrong with a record, beside others too.

    twins: id of a record -> reference of the older one that says the same.
    """
    if record.archived_at is not None:
        return
    yield from examine(record, current_policy().pack_of(record), today())
    if twin := twins.get(record.id):
        yield Flaw("duplicate", {"of": twin})
    if late := days_late(record):
        yield Flaw("published_late", {"due": late})


def days_late(record: CreditRecord) -> str | None:
    """Return the day by which a new record should have been public, if it came later."""
    if record.state != "published" or (today() - record.decided_on).days > LATE_SINCE:
        return None
    due = add_working_days(record.decided_on, PUBLIC_WITHIN, read_table(db.session())).due_on
    shown_on = record.publicised_on or record.created_at.date()
    return due.isoformat() if shown_on > due else None


def find_twins() -> dict[int, str]:
    """Return records that say what an older one says: the same number, or the same decision."""
    on_file = CreditRecord.archived_at.is_(None)
    found: dict[int, str] = {}
    for same in (
        (CreditRecord.subject_id, CreditRecord.decision_no),
        (
            CreditRecord.subject_id,
            CreditRecord.decided_on,
            CreditRecord.violation_facts,
            CreditRecord.penalty_content,
        ),
    ):
        groups = select(*same).where(on_file).group_by(*same).having(func.count() > 1).subquery()
        rows = db.session.execute(
            select(CreditRecord.id, CreditRecord.ref, *same)
            .join(groups, and_(*(one == groups.c[one.key] for one in same)))
            .where(on_file)
            .order_by(CreditRecord.id)
        )
        first: dict[tuple[object, ...], str] = {}
        for number, ref, *key in rows:
            older = first.setdefault(tuple(key), ref)
            if older != ref:
                found.setdefault(number, older)
    return found


def standing_of(records: Sequence[CreditRecord]) -> dict[int, list[Finding]]:
    """Return the findings that stand against some records in order, by the record's id."""
    found: dict[int, list[Finding]] = {}
    for one in db.session.scalars(
        select(Finding)
        .where(Finding.record_id.between(records[0].id, records[-1].id))
        .where(Finding.cleared_at.is_(None))
        .options(selectinload(Finding.case))
    ):
        found.setdefault(one.record_id, []).append(one)
    return found


def is_known(flaws: Iterable[Flaw], standing: Collection[Finding]) -> bool:
    """Say whether just these flaws stand as findings, and each that has to be mended is."""
    mended = all(is_answered(one.case) for one in standing if KINDS[one.kind].opens)
    known = {(one.kind, one.digest) for one in standing}
    return mended and known == {(one.kind, digest_of(one)) for one in flaws}


def keep_findings(ref: str, twins: dict[int, str]) -> bool:
    """Keep what is wrong with one record and open what has to be mended; clear what is mended."""
    with transaction() as session:
        record = cases.lock_record(session, CreditRecord.ref == ref)
        if record is None:
            return False
        flaws = list(look_at(record, twins))
        known = {(one.kind, one.digest): one for one in findings_of(session, record)}
        for flaw in flaws:
            finding = known.pop((flaw.kind, digest_of(flaw)), None)
            keep_flaw(session, record, flaw, finding)
        for gone in known.values():
            gone.cleared_at = gone.cleared_at or now()
        return bool(flaws)


def findings_of(session: Session, record: CreditRecord) -> Sequence[Finding]:
    """Return all findings about a record."""
    return session.scalars(select(Finding).where(Finding.record_id == record.id)).all()


def digest_of(flaw: Flaw) -> str:
    """Return what makes two findings of a kind the same."""
    text = json.dumps(dict(flaw.facts), sort_keys=True, ensure_ascii=False)
    return hashlib.sha256(text.encode()).hexdigest()


def keep_flaw(
    session: Session, record: CreditRecord, flaw: Flaw, finding: Finding | None
) -> Finding:
    """Keep a flaw as a finding, and open its self-correction unless there is one that answers."""
    if finding is None:
        finding = Finding(
            record=record,
            kind=flaw.kind,
            facts=dict(flaw.facts),
            digest=digest_of(flaw),
            found_at=now(),
        )
        session.add(finding)
    finding.seen_at = now()
    finding.cleared_at = None
    if KINDS[flaw.kind].opens and not is_answered(finding.case):
        finding.case = open_case(session, record, flaw)
    session.flush()
    return finding


def is_answered(case: Case | None) -> bool:
    """Say whether a case deals with its finding: under way, or found to be no flaw."""
    return case is not None and (case.is_open or case.state == "justified")


def open_case(session: Session, record: CreditRecord, flaw: Flaw) -> Case:
    """Open the self-correction of a flaw; the one that is open already, if there is one.

    It goes to the centre where nobody acts for the provider, or the provider has no authority.
    """
    earlier = session.scalar(
        select(Case).where(
            Case.record_id == record.id,
            Case.workflow == WORKFLOW,
            Case.ground == flaw.kind,
            Case.closed_at.is_(None),
        )
    )
    if earlier is not None:
        return earlier
    staffed = Store(session).is_staffed(record.provider_id, Role.PROVIDER, today())
    by_provider = staffed and flaw.kind != "no_authority"
    return open_as_system(
        session,
        WORKFLOW,
        record,
        name="open" if by_provider else "open_at_centre",
        ground=flaw.kind,
        facts={"flaw": flaw.kind, **flaw.facts},
    )


def list_findings(limit: int = 200) -> Sequence[Finding]:
    """Return the findings that stand, the oldest first."""
    return db.session.scalars(
        select(Finding)
        .where(Finding.cleared_at.is_(None))
        .order_by(Finding.id)
        .limit(limit)
        .options(
            joinedload(Finding.record).joinedload(CreditRecord.subject), selectinload(Finding.case)
        )
    ).all()
