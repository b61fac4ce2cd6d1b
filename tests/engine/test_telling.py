"""Who is told that a term ends: whoever has to keep it, and nobody else."""

from dataclasses import dataclass
from types import SimpleNamespace

import pytest

from repair_app.engine.telling import Kind, Seat, case_ref_of, seats_of_term
from repair_app.models import Case, CreditRecord, Requirement, Role, Sanction

FIRM, AGENCY, CENTRE, UPPER, PERSON = range(1, 6)


@dataclass(frozen=True)
class Term:
    """What a term says of who has to keep it."""

    owner: str
    organisation_id: int | None
    escalated_to_id: int | None = None


@pytest.mark.parametrize(
    ("term", "person", "seats", "people"),
    [
        (Term("subject", FIRM), None, [(Role.SUBJECT, FIRM), (Role.AGENT, FIRM)], []),
        # A natural person's own matter is theirs alone, and no firm's.
        (Term("subject", FIRM), PERSON, [], [PERSON]),
        (Term("subject", None), PERSON, [], [PERSON]),
        (Term("subject", None), None, [], []),
        (Term("provider", AGENCY), PERSON, [(Role.PROVIDER, AGENCY)], []),
        (Term("provider", None), None, [], []),
        (Term("provider", AGENCY, UPPER), None, [(Role.PROVIDER, AGENCY)], []),
        (Term("reviewer", CENTRE), None, [(Role.REVIEWER, CENTRE)], []),
        (Term("reviewer", None), None, [(Role.REVIEWER, None)], []),  # every centre's
        (
            Term("reviewer", CENTRE, UPPER),
            None,
            [(Role.REVIEWER, CENTRE), (Role.REVIEWER, UPPER)],
            [],
        ),
        (Term("institution", AGENCY), None, [(Role.INSTITUTION, AGENCY)], []),
        (Term("system", None), None, [], []),
    ],
)
def test_whoever_has_to_keep_a_term_is_told_of_it(
    term: Term, person: int | None, seats: list[tuple[Role, int | None]], people: list[int]
) -> None:
    told = seats_of_term(SimpleNamespace(**vars(term)), Case(person_id=person), Kind.OVERDUE)
    assert told == (
        {Seat(*seat): Kind.OVERDUE for seat in seats},
        dict.fromkeys(people, Kind.OVERDUE),
    )


def test_what_is_told_of_a_requirement_is_told_of_its_case() -> None:
    """One message is about one case; a record and a measure are of none."""
    case = Case(ref="CX-1")
    assert case_ref_of(case) == "CX-1"
    assert case_ref_of(Requirement(ref="CX-1/training", case=case)) == "CX-1"
    assert case_ref_of(CreditRecord(ref="JL-1")) is None
    assert case_ref_of(Sanction(ref="CJ-1")) is None
