"""Who and what the matrix is about: principals, and a row for each state, one's own and foreign.

States are written here, against the rule of the factories: nothing is told of how a matter came to
be there, only who is refused what while it is.
"""

import tomllib
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path
from typing import Any

from sqlalchemy import select

from repair_app import refs
from repair_app.db import db, now, today
from repair_app.engine import machine
from repair_app.engine.bulk import NewRecord, bring_in
from repair_app.engine.opening import describe_case
from repair_app.engine.step import SYSTEM
from repair_app.models import (
    Case,
    CreditRecord,
    Organisation,
    Requirement,
    Role,
    Sanction,
    SanctionMeasure,
    User,
)
from repair_app.models.parties import OrganisationKind
from repair_app.services.policy import current_policy
from repair_app.services.transaction import transaction
from tests.factories import (
    World,
    make_account,
    make_appointment,
    make_organisation,
    make_quarantined_row,
    make_record,
)

TABLE: Mapping[str, Any] = tomllib.loads(
    Path(__file__).with_name("expected.toml").read_text(encoding="utf-8")
)
STANDARD = {
    "S1": "subject",
    "G": "agent",
    "S2": "stranger",
    "P1": "provider",
    "P2": "other_provider",
    "R1": "reviewer",
    "R2": "second_reviewer",
    "O": "officer",
    "I": "institution",
    "A": "administrator",
    "F": "security_officer",
    "U": "auditor",
}


@dataclass(frozen=True)
class Row:
    """One thing in one state, and whose it is."""

    workflow: str
    state: str
    whose: str  # own, foreign
    address: str  # cases/YY-2026-000001-C
    version: int


@dataclass(frozen=True)
class Side:
    """To whom the things of one side belong."""

    whose: str
    firm: Organisation
    agency: Organisation
    asked: Organisation  # the agency that is asked for its opinion
    centre: Organisation
    department: Organisation
    institution: Organisation


def add_people(world: World) -> dict[str, int]:
    """Add who is not in the standard world; return the number of each principal's account."""
    far = make_organisation(OrganisationKind.CREDIT_CENTRE, "虚构外市信用中心")
    both = make_account(world.agency, Role.PROVIDER, email="both@example.com")
    make_appointment(both, world.centre, Role.REVIEWER)
    made = {
        "S1b": make_account(world.firm, Role.SUBJECT, email="colleague@example.com"),
        "R3": make_account(far, Role.REVIEWER, email="far@example.com"),
        "D": both,
        "Z": make_account(world.firm, Role.SUBJECT, email="closed@example.com"),
    }
    found = {name: getattr(world, known).id for name, known in STANDARD.items()}
    return found | {name: one.id for name, one in made.items()}


def sides_of(world: World, people: Mapping[str, int]) -> list[Side]:
    """Return both sides."""
    far = db.session.get_one(User, people["R3"]).appointments[0].organisation
    other_house = make_organisation(OrganisationKind.INSTITUTION, "虚构另一信用服务有限公司")
    return [
        Side(
            "own",
            world.firm,
            world.agency,
            world.other_agency,
            world.centre,
            world.department,
            world.training_house,
        ),
        Side(
            "foreign",
            world.other_firm,
            world.other_agency,
            world.agency,
            far,
            world.other_department,
            other_house,
        ),
    ]


def add_rows(world: World, people: Mapping[str, int]) -> list[Row]:
    """Put everything on file in every state, for both sides; return where it is found."""
    found: list[Row] = []
    for side in sides_of(world, people):
        wanted = [
            (name, state)
            for name, workflow in current_policy().current.items()
            for state in workflow.states
            if state != workflow.initial
        ]
        records = add_records(side, len(wanted))
        signer = db.session.get_one(User, people["R2"]).person_id
        with transaction() as session:
            made = [
                add_row(session, side, session.get_one(CreditRecord, record), name, state, signer)
                for record, (name, state) in zip(records, wanted, strict=True)
            ]
            session.flush()
            kinds = {Case: "cases", CreditRecord: "records", Requirement: "requirements"}
            found += [
                Row(
                    name,
                    state,
                    side.whose,
                    f"{kinds.get(type(one), 'sanctions')}/{one.ref}",
                    one.version,
                )
                for one, (name, state) in zip(made, wanted, strict=True)
            ]
    return found


def add_records(side: Side, count: int) -> list[int]:
    """Put records on file, as an import does; return their numbers."""
    first = make_record(side.firm, side.agency)
    kept = {one.key for one in CreditRecord.__table__.columns}
    left = {"id", "ref", "state", "version", "workflow_version", "workflow_hash", "created_at"}
    left |= {"rule_pack", "rule_pack_hash", "severity_class", "archived_at"}
    left |= {"min_publication_until", "max_publication_until", "reinsertion"}
    columns = {name: getattr(first, name) for name in kept - left}
    new = [
        NewRecord(
            columns={
                **columns,
                "decision_no": f"{first.decision_no}-{number}",
                "fingerprint": f"{side.whose}{number:05d}".ljust(64, "0"),
            },
            origin={"file": "0" * 64, "line": number},
        )
        for number in range(count)
    ]
    with transaction() as session:
        bring_in(session, current_policy(), new, SYSTEM, at=now())
        marks = CreditRecord.fingerprint.startswith(side.whose)
        return list(session.scalars(select(CreditRecord.id).where(marks).order_by(CreditRecord.id)))


def add_row(
    session: Any, side: Side, record: CreditRecord, workflow: str, state: str, signer: int
) -> Any:
    """Put one thing in one state on file, about a record of its own."""
    kind = current_policy().current[workflow].entity
    if kind == "record":
        record.state = state
        record.archived_at = now() if state in TABLE["states"]["archived"] else None
        return record
    if kind == "sanction":
        made = make_measure(session, side, record)
        machine.begin(current_policy(), made, workflow)
        made.ended_at = now() if state in TABLE["states"]["ended"] else None
    elif kind == "requirement":
        case = make_case(session, side, record, "objection" if workflow == "opinion" else "repair")
        case.state = "accepted"
        made = make_requirement(session, side, case, workflow)
        made.published_at = now() if state == "published" else None
    else:
        made = make_case(session, side, record, workflow)
        made.submitted_at = None if state in TABLE["states"]["draft"] else now()
        made.signed_by_id = signer
        is_over = current_policy().current[workflow].states[state].final
        made.closed_at = now() if is_over else None
        if workflow == "quarantine":
            make_quarantined_row(session, record).case = made
    made.state, made.version = state, 1
    session.add(made)
    return made


def make_case(session: Any, side: Side, record: CreditRecord, workflow: str) -> Case:
    """Return a case of a side, filed."""
    described = describe_case(current_policy(), workflow, record, ground="", at=now(), day=today())
    case = Case(door="subject", **described)
    machine.begin(current_policy(), case, workflow)
    case.ref = refs.new_ref(session, current_policy().current[workflow].prefix, today())
    case.ground = "error" if workflow == "objection" else workflow
    case.centre_id = side.centre.id
    case.department_id = side.department.id
    case.submitted_at = now()
    case.version = 1
    session.add(case)
    return case


def make_requirement(session: Any, side: Side, case: Case, workflow: str) -> Requirement:
    """Return what a case needs from somebody."""
    kind = TABLE["kinds"][workflow]
    asked = {"served": side.institution, "opinion": side.asked}.get(kind)
    made = Requirement(
        case=case,
        ref=refs.new_ref(session, current_policy().current[workflow].prefix, today()),
        rule_pack=case.rule_pack,
        rule_pack_hash=case.rule_pack_hash,
        institution_id=asked.id if asked else None,
    )
    machine.begin(current_policy(), made, workflow)
    return made


def make_measure(session: Any, side: Side, record: CreditRecord) -> Sanction:
    """Return a measure on a record."""
    return Sanction(
        ref=refs.new_ref(session, current_policy().current["sanction"].prefix, today()),
        record_id=record.id,
        measure=session.scalars(select(SanctionMeasure).order_by(SanctionMeasure.id)).first(),
        department_id=side.department.id,
        initiator_id=None,
        rule_pack=record.rule_pack,
        rule_pack_hash=record.rule_pack_hash,
        imposed_on=today(),
        ends_on=today() + timedelta(days=30),
    )


def standing_of(row: Row, principal: str) -> set[str] | None:
    """Return the roles in which a principal acts on a thing, by the table; None: sees nothing."""
    kind = TABLE["kinds"][row.workflow]
    if kind == "record" and row.state in TABLE["states"]["archived"]:
        kind = "record_archived"
    if kind in {"case", "case_beyond_mandate"} and row.state in TABLE["states"]["draft"]:
        kind = kind.replace("case", "draft")
    found = {role for role, names in TABLE[row.whose][kind].items() if principal in names}
    return (found - {"reads"}) if found else None


def principals() -> Iterator[str]:
    """Yield the principals."""
    yield from TABLE["principals"]
