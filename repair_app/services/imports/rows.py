"""A row on its way: as it was read, whom it names, what is on file of it, its verdict."""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from itertools import islice
from typing import Any, NamedTuple, TypeVar

from repair_app.engine.step import Actor
from repair_app.models.parties import OrganisationKind
from repair_app.models.records import OFF_PUBLICATION
from repair_app.penalty_format import PenaltyRow, RowProblem

ACCEPTED, DUPLICATE, REFUSED = "accepted", "duplicate", "refused"
QUARANTINED = "quarantined"  # told only where there is one
# What was taken off publication, other than by its term, must not come back by any file.
REMOVED = tuple(state for state in OFF_PUBLICATION if state != "expired")

T = TypeVar("T")
Row = PenaltyRow | list[RowProblem]
Seats = Mapping[int, Actor] | None
"""Who brings in the penalties of which agency; None for the operator, who may do so for all."""


Key = tuple[int, str, int]
"""What names a record: agency, decision number, subject."""
NOWHERE: Key = (0, "", 0)


@dataclass(eq=False)
class Party:
    """An organisation that rows name; without an id while it is not on file."""

    uscc: str | None
    name: str
    kind: OrganisationKind
    id: int | None = None


@dataclass(frozen=True)
class Parties:
    """The organisations of a chunk: those on file, and those that its accepted rows add."""

    by_code: dict[str, Party] = field(default_factory=dict)
    by_name: dict[str, Party] = field(default_factory=dict)  # agencies of rows without a code

    def subject_of(self, row: PenaltyRow) -> Party:
        """Return the enterprise of a row, as it is on file or else as the row has it."""
        return self.by_code.get(row.uscc) or Party(
            row.uscc, row.subject_name, OrganisationKind.ENTERPRISE
        )

    def agency_of(self, row: PenaltyRow) -> Party:
        """Return the agency of a row; one without a code is known by its name."""
        code, name = row.agency_uscc, row.agency_name
        known = self.by_code.get(code) if code else self.by_name.get(name)
        return known or Party(code, name, OrganisationKind.AGENCY)

    def keep(self, party: Party) -> Party:
        """Return the party by which the rows to come know it."""
        if party.uscc:
            party = self.by_code.setdefault(party.uscc, party)
        if party.kind == OrganisationKind.AGENCY:
            self.by_name.setdefault(party.name, party)
        return party


class OnFile(NamedTuple):
    """A record that a row may be about; of several, the one that came on file last."""

    id: int
    ref: str
    fingerprint: str
    state: str
    version: int


@dataclass(frozen=True)
class Known:
    """What is on file of the penalties that rows name."""

    by_key: dict[Key, OnFile]
    by_print: dict[tuple[int, int, str], OnFile]  # provider, subject, fingerprint
    mended: set[int]  # lines that say what a record says since it was corrected
    outdated: set[int]  # lines that say what a record said before it was corrected
    elsewhere: set[int]  # lines whose number another agency has on file for the firm
    resembling: dict[int, int]  # lines that differ from a removed record by the number only -> id


@dataclass(frozen=True)
class Readable:
    """A row that could be read, its line and its fingerprint."""

    line: int
    row: PenaltyRow
    fingerprint: str


@dataclass(frozen=True)
class Unreadable:
    """A row that could not be read, its line and what is wrong with it."""

    line: int
    problems: list[RowProblem]


Chunk = Sequence[Readable | Unreadable]


@dataclass(frozen=True)
class Judged:
    """A row with its verdict: ACCEPTED, DUPLICATE or a code of PROBLEMS."""

    of: Readable
    code: str
    subject: Party
    agency: Party
    about: int | None = None  # the record that a row to be quarantined says again
    known_as: str | None = None  # the reference of the record that a duplicate says again


def columns_of(judged: Judged) -> dict[str, Any]:
    """Return the columns of a record as a row of the file has them."""
    return {
        "subject_id": judged.subject.id,
        "provider_id": judged.agency.id,
        "fingerprint": judged.of.fingerprint,
        **content_of(judged.of.row),
    }


def content_of(row: PenaltyRow) -> dict[str, Any]:
    """Return the columns of a record that say what was decided."""
    return {
        "source_unit": row.source_name,
        "decision_no": row.decision_no,
        "violation_type": row.violation_type,
        "violation_facts": row.violation_facts,
        "legal_basis": row.legal_basis,
        "penalty_categories": [str(one) for one in row.categories],
        "penalty_content": row.content,
        "fine_10k": row.fine_10k,
        "confiscation_10k": row.confiscated_10k,
        "licence_seized": row.licence_seized,
        "legal_representative": row.legal_representative,
        "remark": row.remarks,
        "decided_on": row.decided_on,
        "publicised_on": row.publicised_on,
        "conduct_ended_on": row.conduct_ended_on,
        "valid_until": row.valid_until,
        "source_publication_until": row.publish_until,
    }


def batched(rows: Iterable[T], size: int) -> Iterator[tuple[T, ...]]:
    """Yield rows by the handful (itertools.batched is of Python 3.12)."""
    left = iter(rows)
    while some := tuple(islice(left, size)):
        yield some
