"""Commitments as the public reads them: the text, and how it was kept."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from flask import current_app
from sqlalchemy import ColumnElement, and_, or_, select, true
from sqlalchemy.orm import joinedload

from repair_app.calendar import local_date
from repair_app.db import db, today
from repair_app.engine.commitment_texts import CommitmentText
from repair_app.models import Case, CreditRecord, Fulfilment, Organisation, Requirement
from repair_app.services.cases import NotVisible
from repair_app.services.records import PAGE, is_public

BROKEN = ("partly_fulfilled", "unfulfilled")
FOUND_WRONG = ("withdrawn", "stopped")
REGION = slice(2, 8)  # of a unified social credit code
SERIALS = 10**6
KIND = "repair"  # the one kind that is made here


@dataclass(frozen=True)
class PublicCommitment:
    """A published commitment with the fields of the data standard."""

    requirement: Requirement
    kind: CommitmentText
    code: str  # 承诺编码: region 6, date 8, serial 6
    fulfilment: Fulfilment | None

    @property
    def is_broken(self) -> bool:
        """Say whether it was found broken, in part or in whole."""
        return self.requirement.state in BROKEN


def is_shown() -> ColumnElement[bool]:
    """Return the SQL condition for what the public reads.

    A commitment names the decision, so it leaves the public site with the record (…一（四）). One
    that was broken is shown while its subject is barred (鲁信用办〔2021〕5号 （四）：集中曝光).
    """
    barred = Requirement.case.has(Case.subject.has(Organisation.barred_until >= today()))
    # What was found to be wrong leaves publication everywhere, a broken promise about it as well.
    wrong = Requirement.case.has(Case.record.has(CreditRecord.state.in_(FOUND_WRONG)))
    return and_(
        Requirement.workflow == "commitment",
        Requirement.published_at.is_not(None),
        or_(
            Requirement.case.has(Case.record.has(is_public())),
            and_(Requirement.state.in_(BROKEN), barred, ~wrong),
        ),
    )


def list_published(before: int | None = None) -> Sequence[PublicCommitment]:
    """Return the published commitments, newest first."""
    rows = db.session.scalars(
        select(Requirement)
        .where(is_shown(), Requirement.id < before if before else true())
        .order_by(Requirement.id.desc())
        .limit(PAGE)
        .options(joinedload(Requirement.case).joinedload(Case.subject))
    ).all()
    return describe(rows)


def get_published(ref: str) -> PublicCommitment:
    """Return a published commitment. Raises NotVisible."""
    row = db.session.scalar(
        select(Requirement)
        .where(is_shown(), Requirement.ref == ref)
        .options(joinedload(Requirement.case).joinedload(Case.subject))
    )
    if row is None:
        raise NotVisible(ref)
    return describe([row])[0]


def describe(rows: Sequence[Requirement]) -> list[PublicCommitment]:
    """Return commitments with their fields."""
    found = db.session.scalars(
        select(Fulfilment)
        .where(
            Fulfilment.requirement_id.in_([one.id for one in rows]),
            Fulfilment.recognised_on.is_not(None),
        )
        .options(joinedload(Fulfilment.recognised_by))
    )
    kept = {one.requirement_id: one for one in found}
    return [PublicCommitment(one, kind_of(one), code_of(one), kept.get(one.id)) for one in rows]


def kind_of(_requirement: Requirement) -> CommitmentText:
    """Return the kind of a commitment: a repair's is the only one that is made here."""
    texts: Mapping[str, CommitmentText] = current_app.extensions["redress_commitments"]
    return texts[KIND]


def code_of(requirement: Requirement) -> str:
    """Return the code of a commitment by the data standard: region 6, date 8, serial 6."""
    region = (requirement.case.subject.uscc or "")[REGION].ljust(6, "0")
    signed = local_date(requirement.signed_at) if requirement.signed_at else today()
    return f"{region}{signed:%Y%m%d}{requirement.id % SERIALS:06d}"
