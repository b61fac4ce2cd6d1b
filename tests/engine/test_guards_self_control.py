"""What the guards of self-correction and quarantine let through and what they stop."""

import pytest
from sqlalchemy import select

from repair_app.db import db
from repair_app.models import Case, CreditRecord, QuarantinedRow
from repair_app.services import cases, quarantine
from repair_app.services.openings import open_as_system
from repair_app.services.policy import current_policy
from repair_app.services.transaction import transaction
from tests.engine.asking import ask
from tests.factories import get_case, make_case, make_quarantined_row, make_record


@pytest.fixture
def record(world):
    return make_record(world.firm, world.agency)


def open_self_correction(record, ground="duplicate"):
    """Open a self-correction of a record as the scan does."""
    with transaction() as session:
        locked = cases.lock_record(session, CreditRecord.id == record.id)
        return open_as_system(session, "self_correction", locked, ground=ground)


def keep_apart(record, **changes):
    """Keep a row that says a record again, and return its quarantine case."""
    with transaction() as session:
        number = make_quarantined_row(session, record, **changes).id
    quarantine.open_quarantine(number)
    return get_case(
        db.session.scalars(
            select(Case.ref)
            .join(QuarantinedRow, QuarantinedRow.case_id == Case.id)
            .where(QuarantinedRow.id == number)
        ).one()
    )


def test_self_correction_is_not_open_twice_for_the_same_flaw(record):
    draft = cases.draft_case(current_policy(), "self_correction", record, "duplicate")
    assert ask("self_correction_is_not_open", "open", draft) is None
    earlier = open_self_correction(record)
    reason = ask("self_correction_is_not_open", "open", draft)
    assert reason.values == {"ref": earlier.ref}
    other = cases.draft_case(current_policy(), "self_correction", record, "no_basis")
    assert ask("self_correction_is_not_open", "open", other) is None


def test_former_record_is_off_file_before_what_says_it_again_is_let_in(world, record):
    case = keep_apart(record)
    reason = ask("former_record_is_off_file", "release", case)
    assert reason.values == {"ref": record.ref}
    removed = make_case(world, "removal_executed", record=record).record
    assert removed.archived_at is not None
    assert ask("former_record_is_off_file", "release", get_case(case.ref)) is None


def test_row_is_not_on_file_when_it_is_let_in(world, record):
    case = keep_apart(record)
    assert ask("row_is_not_on_file", "release", case).values == {"ref": record.ref}
    make_case(world, "removal_executed", record=record)
    assert ask("row_is_not_on_file", "release", get_case(case.ref)) is None
