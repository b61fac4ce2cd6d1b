"""What the scan finds, what it opens, and that it does so once (鲁信用办〔2021〕5号 （八）)."""

from datetime import timedelta

import pytest
from sqlalchemy import select, update

from repair_app.db import at, db, now, today
from repair_app.models import Case, CreditRecord, Finding, Organisation, SanctionMeasure
from repair_app.models.parties import OrganisationKind
from repair_app.services import scans
from repair_app.services.transaction import transaction
from tests.factories import make_organisation, make_record, make_sanction
from tests.journeys.steps import in_days


def tamper(record, **columns):
    """Change a record past the workflow, as an operator at the database could."""
    with transaction() as session:
        session.execute(update(CreditRecord).where(CreditRecord.id == record.id).values(**columns))


def tamper_with_subject(record, **columns):
    with transaction() as session:
        session.execute(
            update(Organisation).where(Organisation.id == record.subject_id).values(**columns)
        )


def found_of(record):
    """Return the kinds of flaw that stand against a record."""
    db.session.rollback()
    return sorted(
        db.session.scalars(
            select(Finding.kind).where(Finding.record_id == record.id, Finding.cleared_at.is_(None))
        )
    )


def cases_of(record):
    """Return the self-corrections of a record, oldest first."""
    db.session.rollback()
    return db.session.scalars(
        select(Case)
        .where(Case.record_id == record.id, Case.workflow == "self_correction")
        .order_by(Case.id)
    ).all()


@pytest.fixture
def record(world):
    return make_record(world.firm, world.agency)


def test_a_record_in_order_is_left_alone(record):
    scanned = scans.run_scan()
    assert (scanned.records, scanned.found) == (1, 0)
    assert cases_of(record) == []


FLAWS = {
    "over_term": lambda: {"max_publication_until": today() - timedelta(days=1)},
    "personal_data": lambda: {"violation_facts": "当事人住址：虚构路1号，电话13812345678。"},
    "no_basis": lambda: {"legal_basis": "  "},
    "impossible_dates": lambda: {"publicised_on": today() - timedelta(days=400)},
}


@pytest.mark.parametrize("kind", sorted(FLAWS))
def test_what_is_wrong_is_found_and_opens_one_self_correction(record, kind):
    """（八）超期披露信用信息、违规公开不应公开的信用信息…及时自查自纠，限期整改."""
    tamper(record, **FLAWS[kind]())
    assert scans.run_scan().found == 1
    assert found_of(record) == [kind]
    (case,) = cases_of(record)
    assert (case.ground, case.state, case.door) == (kind, "with_provider", "system")
    (term,) = case.deadlines
    assert (term.clock, term.organisation_id) == ("self_correction", record.provider_id)
    # The next scan finds the same, and opens nothing.
    assert scans.run_scan().found == 0
    assert len(cases_of(record)) == 1


def test_publication_beyond_the_term_of_its_own_dates_is_found(record):
    """A term that was changed past the workflow does not hide that it is over."""
    tamper(record, decided_on=today() - timedelta(days=9 * 365))
    scans.run_scan()
    assert "over_term" in found_of(record)


def test_the_subject_must_not_be_a_natural_person(record):
    """（七）涉及个人的信用信息原则上不公示."""
    tamper_with_subject(record, kind=OrganisationKind.NATURAL_PERSON.value)
    scans.run_scan()
    assert found_of(record) == ["natural_person"]


def test_a_code_that_is_none_is_found(record):
    tamper_with_subject(record, uscc="91370112MA0000000X")
    scans.run_scan()
    assert found_of(record) == ["invalid_code"]


def test_who_has_no_authority_provided_nothing(world):
    """（八）越权提供信用信息: the centre puts it right, not who had no authority."""
    house = make_organisation(OrganisationKind.INSTITUTION)
    record = make_record(world.firm, house)
    scans.run_scan()
    assert found_of(record) == ["no_authority"]
    assert cases_of(record)[0].state == "with_centre"


def test_a_measure_that_is_listed_no_more_is_found(world, record):
    """鲁政发〔2017〕44号 二（四）18: measures of the list only."""
    sanction = make_sanction(record, world.officer)
    with transaction() as session:
        session.execute(
            update(SanctionMeasure)
            .where(SanctionMeasure.id == sanction.measure_id)
            .values(withdrawn_on=today() - timedelta(days=1))
        )
    scans.run_scan()
    assert found_of(record) == ["unlisted_measure"]


def test_the_same_decision_twice_is_found_on_the_later_record(world, record):
    """（二）识别判断重复、无效数据."""
    again = make_record(
        world.firm, world.other_agency, decision_no=record.decision_no, violation_facts="另述。"
    )
    scans.run_scan()
    assert found_of(record) == []
    assert found_of(again) == ["duplicate"]


def test_what_was_published_late_is_noted_and_opens_nothing(world):
    """鲁政发〔2017〕44号 二（一）3: 自作出行政决定之日起7个工作日内; nothing can mend it."""
    record = make_record(world.firm, world.agency, severity="serious", decided_days_ago=30)
    scans.run_scan()
    assert found_of(record) == ["published_late"]
    assert cases_of(record) == []


def test_where_nobody_acts_for_the_provider_the_centre_puts_it_right(world):
    record = make_record(world.firm, world.department, legal_basis=" ")
    scans.run_scan()
    (case,) = cases_of(record)
    assert case.state == "with_centre"


def test_what_is_found_no_more_is_cleared(record):
    tamper(record, legal_basis=" ")
    scans.run_scan()
    tamper(record, legal_basis="《计量法实施细则》第四十三条")
    assert scans.run_scan().cleared == 1
    assert found_of(record) == []


def test_what_is_known_and_being_mended_is_not_written_again(record, monkeypatch):
    """Every night the same records are found: on SQLite each writing would keep others waiting."""
    tamper(record, legal_basis=" ")
    scans.run_scan()
    written = []
    monkeypatch.setattr(scans, "keep_findings", lambda ref, _twins: written.append(ref) or False)
    assert scans.run_scan() == scans.Scanned(records=1, found=0, cleared=0)
    assert written == []
    tamper(record, legal_basis=" ", publicised_on=today() - timedelta(days=400))
    scans.run_scan()
    assert written == [record.ref]  # something else is wrong with it as well


def test_a_flaw_whose_case_ended_unmended_opens_another(record):
    """Only what is being mended, or was found to be none, is left alone."""
    tamper(record, legal_basis=" ")
    scans.run_scan()
    (case,) = cases_of(record)
    with transaction() as session:
        session.execute(
            update(Case).where(Case.id == case.id).values(closed_at=now(), state="corrected")
        )
    scans.run_scan()
    assert [one.is_open for one in cases_of(record)] == [False, True]


def test_findings_about_what_was_taken_off_are_cleared(record):
    tamper(record, legal_basis=" ")
    scans.run_scan()
    tamper(record, state="withdrawn", archived_at=now())
    assert scans.run_scan().cleared == 1
    assert found_of(record) == []


def test_the_timer_scans_and_the_command_tells(app, record):
    tamper(record, legal_basis=" ")
    runner = app.test_cli_runner()
    assert "1 new findings" in runner.invoke(args=["scans", "run"]).output
    listed = runner.invoke(args=["scans", "list"]).output
    assert record.ref in listed
    assert "no_basis" in listed


def test_an_overdue_self_correction_is_escalated_and_stays_open(record):
    """Nothing closes by silence."""
    from repair_app.services import timers

    tamper(record, legal_basis=" ")
    scans.run_scan()
    with at(in_days(60)):
        timers.mark_overdue(in_days(60))
        assert timers.escalate(in_days(60)) == 1
    (case,) = cases_of(record)
    assert case.is_open
    assert case.deadlines[0].escalated_at is not None
