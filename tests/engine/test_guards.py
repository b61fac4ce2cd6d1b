"""What each guard lets through and what it stops: a test for every one of them."""

import re
from collections.abc import Callable
from datetime import date, datetime, time, timedelta
from pathlib import Path
from zoneinfo import ZoneInfo

import pytest
import time_machine
from flask import Flask

from repair_app.db import db, today
from repair_app.engine import guards
from repair_app.engine.policy import names_of
from repair_app.engine.step import Entity, Refused
from repair_app.models import Case, CreditRecord, Organisation, Role
from repair_app.models.parties import OrganisationKind
from repair_app.services import cases, publication
from repair_app.services.policy import current_policy
from repair_app.services.transaction import transaction
from tests import factories
from tests.engine.asking import ask, hides
from tests.factories import World

DAY = timedelta(days=1)


def test_every_guard_has_a_test() -> None:
    """Each test of these files says no at least once: with a guard that always agrees it fails."""
    files = Path(__file__).parent.glob("test_guards*.py")
    tests = re.findall(r"^def test_(\w+)", "\n".join(map(Path.read_text, files)), re.MULTILINE)
    untested = [
        name for name in sorted(names_of(guards)) if not any(one.startswith(name) for one in tests)
    ]
    assert untested == []


def travel(day: date) -> time_machine.travel:
    """Go to noon of a day where the law counts its days."""
    return time_machine.travel(
        datetime.combine(day, time(12), ZoneInfo("Asia/Shanghai")), tick=False
    )


@pytest.fixture
def record(app: Flask, world: World) -> CreditRecord:
    """Give a general record of firm A, past its minimum publication."""
    return factories.make_record(world.firm, world.agency)


def draft(record: CreditRecord, workflow: str = "objection", ground: str = "error") -> Case:
    """Return a case that is about to be opened."""
    return cases.draft_case(current_policy(), workflow, record, ground)


# --- the record -----------------------------------------------------------------------------


def test_record_is_live_until_the_last_day_of_its_publication(record: CreditRecord) -> None:
    """鲁信用办〔2021〕5号 （八）: past its term a record is no ground for anything."""
    last = record.max_publication_until
    with travel(last):
        assert ask("record_is_live", "open", draft(record)) is None
    with travel(last + DAY):
        assert record.ref in str(ask("record_is_live", "open", draft(record)))


def test_record_is_live_counts_its_days_where_the_law_does(record: CreditRecord) -> None:
    """At midnight in Shandong it is still yesterday in Greenwich."""
    last = record.max_publication_until
    midnight = datetime.combine(last + DAY, time(0, 30), ZoneInfo("Asia/Shanghai"))
    with time_machine.travel(midnight, tick=False):
        assert ask("record_is_live", "open", draft(record)) is not None


def test_record_is_live_no_more_once_it_was_withdrawn(world: World, record: CreditRecord) -> None:
    factories.annul_record(world, record)
    db.session.rollback()
    assert ask("record_is_live", "open", draft(record)) is not None


def test_record_is_on_file_beyond_its_term_and_not_once_it_is_archived(
    world: World, record: CreditRecord
) -> None:
    """鲁信用办〔2021〕5号 （八）: what is shown beyond its term is to be put right."""
    with travel(record.max_publication_until + DAY):
        found = factories.open_matter("self_correction", record, world.reviewer)
        assert ask("record_is_on_file", "open", found) is None
        publication.expire_records()
        db.session.rollback()
        assert ask("record_is_on_file", "open", factories.get_case(found.ref)) is not None


def test_record_is_not_contested_while_no_objection_is_being_verified(
    world: World, record: CreditRecord
) -> None:
    """鲁政发〔2017〕44号 二（四）20."""
    case = factories.make_case(world, "submitted", record=record)
    assert ask("record_is_not_contested", "cease_publication", record) is None
    factories.act(world.reviewer, "accept", case)
    assert ask("record_is_not_contested", "cease_publication", record) is not None
    factories.act(world.subject, "withdraw", case)
    assert ask("record_is_not_contested", "cease_publication", record) is None


@pytest.mark.parametrize("severity", ["minor", "general", "serious", "specific_serious"])
def test_record_is_repairable_unless_it_is_specific_serious(world: World, severity: str) -> None:
    """…四（十五）：对于特定严重失信市场主体……不予修复."""
    record = factories.make_record(world.firm, world.agency, severity=severity)
    reason = ask("record_is_repairable", "open", draft(record, "repair", "repair"))
    assert (reason is not None) == (severity == "specific_serious")


def test_minimum_publication_is_over_from_the_day_after_its_last(world: World) -> None:
    """CN-2019-527 二."""
    record = factories.make_record(world.firm, world.agency, decided_days_ago=30)
    last = record.min_publication_until
    with travel(last):
        reason = ask("minimum_publication_is_over", "open", draft(record, "repair", "repair"))
        assert reason.values["day"] == last + DAY
    with travel(last + DAY):
        assert ask("minimum_publication_is_over", "open", draft(record, "repair", "repair")) is None


def test_maximum_publication_is_over_from_the_day_after_its_last(record: CreditRecord) -> None:
    last = record.max_publication_until
    with travel(last):
        assert ask("maximum_publication_is_over", "expire", record) is not None
        assert publication.expire_records() == 0
    with travel(last + DAY):
        assert ask("maximum_publication_is_over", "expire", record) is None
        assert publication.expire_records() == 1


def test_subject_is_not_barred_after_the_last_day_of_its_bar(
    world: World, record: CreditRecord
) -> None:
    """After a false commitment: 鲁信用办〔2021〕5号 （四）."""
    assert ask("subject_is_not_barred", "open", draft(record, "repair", "repair")) is None
    last = today() + 10 * DAY
    with transaction() as session:
        session.get_one(Organisation, world.firm.id).barred_until = last
    with travel(last):
        assert ask("subject_is_not_barred", "open", draft(record, "repair", "repair")) is not None
    with travel(last + DAY):
        assert ask("subject_is_not_barred", "open", draft(record, "repair", "repair")) is None


# --- other cases ----------------------------------------------------------------------------


@pytest.mark.parametrize("state", ["draft", "submitted", "with_provider", "executed"])
def test_ground_is_not_open_while_an_objection_on_it_has_not_ended(
    world: World, record: CreditRecord, state: str
) -> None:
    case = factories.make_case(world, state, record=record)
    reason = ask("ground_is_not_open", "open", draft(record))
    assert reason.values == {"ref": case.ref}
    assert ask("ground_is_not_open", "open", draft(record, ground="omission")) is None
    other = factories.make_record(world.firm, world.agency)
    assert ask("ground_is_not_open", "open", draft(other)) is None


@pytest.mark.parametrize("state", ["discarded", "refused", "withdrawn", "rejected", "closed"])
def test_ground_is_not_open_once_the_objection_has_ended(
    world: World, record: CreditRecord, state: str
) -> None:
    factories.make_case(world, state, record=record)
    assert ask("ground_is_not_open", "open", draft(record)) is None


def test_ground_was_not_answered_unless_an_objection_on_it_was_rejected(
    world: World, record: CreditRecord
) -> None:
    """A suspension cannot be bought by repetition."""
    case = factories.make_case(world, "rejected", record=record)
    reason = ask("ground_was_not_answered", "open", draft(record))
    assert reason.values == {"ref": case.ref}
    assert ask("ground_was_not_answered", "open", draft(record, ground="omission")) is None


@pytest.mark.parametrize("state", ["discarded", "refused", "withdrawn"])
def test_ground_was_not_answered_by_what_was_never_decided(
    world: World, record: CreditRecord, state: str
) -> None:
    factories.make_case(world, state, record=record)
    assert ask("ground_was_not_answered", "open", draft(record)) is None


@pytest.mark.parametrize(
    ("state", "is_open"),
    [("draft", True), ("accepted", True), ("withdrawn", False), ("not_granted", False)],
)
def test_repair_is_not_open_while_none_of_this_record_is(
    world: World, record: CreditRecord, state: str, is_open: bool
) -> None:
    case = factories.make_case(world, state, record=record, workflow="repair")
    reason = ask("repair_is_not_open", "open", draft(record, "repair", "repair"))
    assert (reason and reason.values) == ({"ref": case.ref} if is_open else None)


def test_repair_is_not_open_because_of_an_objection(world: World, record: CreditRecord) -> None:
    factories.make_case(world, "submitted", record=record)
    assert ask("repair_is_not_open", "open", draft(record, "repair", "repair")) is None


# --- material -------------------------------------------------------------------------------


def test_evidence_is_attached_when_there_is_a_document(world: World, record: CreditRecord) -> None:
    without = factories.open_objection(record, world.subject, uploads=[])
    assert ask("evidence_is_attached", "submit", without) is not None
    with_it = factories.open_objection(record, world.subject, ground="omission")
    assert ask("evidence_is_attached", "submit", with_it) is None


@pytest.mark.parametrize("missing", ["commitment", "rectification", "training", "credit_report"])
def test_requirements_are_met_when_not_one_of_them_is_missing(world: World, missing: str) -> None:
    """…四（十五）：严重失信市场主体 needs all four."""
    record = factories.make_record(
        world.firm, world.agency, severity="serious", decided_days_ago=300
    )
    case = factories.open_repair(record, world.subject)
    factories.meet_requirements(case, world.subject, world.institution, without=missing)
    reason = ask("requirements_are_met", "submit", factories.get_case(case.ref))
    assert [one.en for one in reason.values["items"]] == [
        current_policy().current[missing].label.en
    ]


def test_requirements_are_met_by_rectification_and_commitment_for_a_general_record(
    world: World, record: CreditRecord
) -> None:
    """…四（十五）：一般失信市场主体."""
    case = factories.open_repair(record, world.subject)
    assert {one.workflow for one in case.requirements} == {"rectification", "commitment"}
    factories.meet_requirements(case, world.subject, world.institution)
    assert ask("requirements_are_met", "submit", factories.get_case(case.ref)) is None


def test_requirements_are_met_only_while_the_certificates_are_valid(world: World) -> None:
    record = factories.make_record(
        world.firm, world.agency, severity="serious", decided_days_ago=300
    )
    case = factories.open_repair(record, world.subject)
    factories.meet_requirements(case, world.subject, world.institution)
    last = factories.requirement_of(case, "training").valid_until
    with travel(last):
        assert ask("requirements_are_met", "submit", factories.get_case(case.ref)) is None
    with travel(last + DAY):
        assert ask("requirements_are_met", "submit", factories.get_case(case.ref)) is not None


def test_certificate_is_new_when_no_other_has_its_number(world: World) -> None:
    """One certificate does not serve two firms."""

    def enrolled() -> Entity:
        record = factories.make_record(
            world.firm, world.agency, severity="serious", decided_days_ago=300
        )
        case = factories.open_repair(record, world.subject)
        factories.act(world.subject, "enrol", factories.requirement_of(case, "training"))
        return factories.requirement_of(case, "training")

    first, second = enrolled(), enrolled()
    factories.act(world.institution, "confirm_training", first, number="0001")
    assert ask("certificate_is_new", "confirm_training", second, number="0001") is not None
    assert ask("certificate_is_new", "confirm_training", second, number="0002") is None


@pytest.mark.parametrize(
    ("state", "takes"),
    [("draft", True), ("supplement_asked", True), ("submitted", False), ("accepted", False)],
)
def test_case_takes_material_while_it_is_prepared_or_supplemented(
    world: World, record: CreditRecord, state: str, takes: bool
) -> None:
    case = factories.make_case(world, state, record=record, workflow="repair")
    proof = factories.requirement_of(case, "rectification")
    assert (ask("case_takes_material", "add_proof", proof) is None) == takes


@pytest.mark.parametrize(
    ("state", "is_draft"), [("draft", True), ("supplement_asked", False), ("submitted", False)]
)
def test_case_is_a_draft_until_it_is_filed(
    world: World, record: CreditRecord, state: str, is_draft: bool
) -> None:
    case = factories.make_case(world, state, record=record, workflow="repair")
    commitment = factories.requirement_of(case, "commitment")
    reason = ask("case_is_a_draft", "sign_anew", commitment)
    assert reason is None if is_draft else hides(reason)


@pytest.mark.parametrize("workflow", ["objection", "repair"])
def test_supplement_was_not_asked_before(world: World, record: CreditRecord, workflow: str) -> None:
    """行政许可法第三十二条（参照）: everything that is missing is asked for at once."""
    case = factories.make_case(world, "submitted", record=record, workflow=workflow)
    assert ask("supplement_was_not_asked", "ask_supplement", case) is None
    factories.act(world.reviewer, "ask_supplement", case)
    factories.act(world.subject, "supplement", case)
    case = factories.get_case(case.ref)
    assert case.state == "submitted"
    assert ask("supplement_was_not_asked", "ask_supplement", case) is not None


# --- terms ----------------------------------------------------------------------------------


def test_term_is_over_from_the_day_after_its_last(world: World) -> None:
    case = factories.make_case(world, "rejection_announced")
    (due,) = [one.due_on for one in case.deadlines if one.is_running and not one.whole]
    with travel(due):
        assert ask("term_is_over", "close_hearing", case).values == {"day": due}
    with travel(due + DAY):
        assert ask("term_is_over", "close_hearing", case) is None


def test_sanction_term_is_over_from_the_day_after_its_last(
    world: World, record: CreditRecord
) -> None:
    """鲁政发〔2017〕44号 二（四）19."""
    last = today() + 20 * DAY
    sanction = factories.make_sanction(record, world.officer, ends_on=last)
    with travel(last):
        assert ask("sanction_term_is_over", "lapse", sanction) is not None
        assert publication.lapse_sanctions() == 0
    with travel(last + DAY):
        assert ask("sanction_term_is_over", "lapse", sanction) is None
        assert publication.lapse_sanctions() == 1


def test_no_suspension_is_open_once_every_case_has_let_go(
    world: World, record: CreditRecord
) -> None:
    """Several open verifications count."""
    sanction = factories.make_sanction(record, world.officer)
    first = factories.make_case(world, "accepted", record=record)
    second = factories.make_case(world, "accepted", record=record, ground="omission")
    factories.act(world.subject, "withdraw", first)
    db.session.rollback()
    assert sanction.state == "suspended"
    assert ask("no_suspension_is_open", "resume", sanction) is not None
    factories.act(world.subject, "withdraw", second)
    db.session.rollback()
    assert sanction.state == "in_force"
    assert ask("no_suspension_is_open", "suspend", sanction) is None


# --- four eyes ------------------------------------------------------------------------------


def test_actor_is_impartial_unless_seated_with_the_subject(world: World) -> None:
    case = factories.make_case(world, "submitted")
    reviewer = Role.REVIEWER
    assert ask("actor_is_impartial", "accept", case, world.reviewer, reviewer) is None
    assert ask("actor_is_impartial", "accept", case, world.torn_reviewer, reviewer) is not None
    others = factories.make_case(
        world,
        "submitted",
        record=factories.make_record(world.other_firm, world.agency),
        subject=world.stranger,
    )
    assert ask("actor_is_impartial", "accept", others, world.torn_reviewer, reviewer) is None


@pytest.mark.parametrize(
    ("place", "role"),
    [("firm", Role.SUBJECT), ("firm", Role.AGENT), ("agency", Role.PROVIDER)],
)
def test_actor_is_impartial_is_counted_by_person_and_not_by_account(
    world: World, place: str, role: Role
) -> None:
    case = factories.make_case(world, "submitted")
    factories.make_account(getattr(world, place), role, same_person_as=world.second_reviewer)
    reason = ask("actor_is_impartial", "accept", case, world.second_reviewer, Role.REVIEWER)
    assert reason is not None


def test_actor_is_impartial_when_seated_with_another_agency(world: World) -> None:
    case = factories.make_case(world, "submitted")
    factories.make_appointment(world.second_reviewer, world.other_agency, Role.PROVIDER)
    reason = ask("actor_is_impartial", "accept", case, world.second_reviewer, Role.REVIEWER)
    assert reason is None


@pytest.mark.parametrize("role", [Role.SUBJECT, Role.AGENT])
def test_actor_is_not_of_the_subject_is_counted_by_person_and_not_by_account(
    world: World, role: Role
) -> None:
    """A provider's person does not verify what is about the firm that person files for."""
    case = factories.make_case(world, "with_provider")
    asked = ("actor_is_not_of_the_subject", "confirm", case, world.provider, Role.PROVIDER)
    assert ask(*asked) is None
    factories.make_account(world.other_firm, role, same_person_as=world.provider)
    assert ask(*asked) is None
    factories.make_account(world.firm, role, same_person_as=world.provider)
    assert ask(*asked) is not None
    for answer in ("confirm", "propose_correction", "propose_removal"):
        assert refused(lambda: factories.act(world.provider, answer, case)), answer  # noqa: B023  # called at once


def test_actor_did_not_verify_is_counted_by_person_and_not_by_account(world: World) -> None:
    case = factories.make_case(world, "confirmed")
    also_reviewer = factories.make_account(
        world.centre, Role.REVIEWER, same_person_as=world.provider
    )
    asked = ("actor_did_not_verify", "announce_rejection", case)
    assert ask(*asked, also_reviewer, Role.REVIEWER) is not None
    assert ask(*asked, world.reviewer, Role.REVIEWER) is None


@pytest.mark.parametrize(
    ("workflow", "state", "transition"),
    [
        ("objection", "rejection_heard", "sign_rejection"),
        ("objection", "correction_decided", "sign_correction"),
        ("objection", "removal_decided", "sign_removal"),
        ("repair", "grant_proposed", "sign_grant"),
        ("repair", "refusal_proposed", "sign_refusal"),
    ],
)
def test_actor_did_not_decide_first_is_counted_by_person_and_not_by_account(
    world: World, workflow: str, state: str, transition: str
) -> None:
    case = factories.make_case(world, state, workflow=workflow)
    asked = ("actor_did_not_decide_first", transition, case)
    assert ask(*asked, world.reviewer, Role.REVIEWER) is not None
    assert ask(*asked, world.reviewer_again, Role.REVIEWER) is not None
    assert ask(*asked, world.second_reviewer, Role.REVIEWER) is None
    for one in (world.reviewer, world.reviewer_again):
        with pytest.raises(Refused, match="second person"):
            factories.act(one, transition, case)


# --- the guards stand where they must -------------------------------------------------------


def refused(act: Callable[[], object]) -> bool:
    try:
        act()
    except Refused:
        return True
    return False


def test_whoever_verified_cannot_decide_by_any_account(world: World) -> None:
    """Who verified never decides, whatever it is that is decided."""
    also_reviewer = factories.make_account(
        world.centre, Role.REVIEWER, same_person_as=world.provider
    )
    decisions = {
        "confirmed": "announce_rejection",
        "correction_proposed": "decide_correction",
        "removal_proposed": "decide_removal",
        "rejection_heard": "sign_rejection",
        "correction_decided": "sign_correction",
        "removal_decided": "sign_removal",
    }
    for state, transition in decisions.items():
        case = factories.make_case(world, state)
        assert refused(lambda: factories.act(also_reviewer, transition, case)), transition  # noqa: B023  # called at once


def test_whoever_is_on_a_side_cannot_decide_anything(world: World) -> None:
    decisions = {
        "submitted": ["accept", "refuse", "ask_supplement"],
        "accepted": ["ask_provider"],
        "confirmed": ["announce_rejection", "return_to_provider"],
        "correction_proposed": ["decide_correction"],
        "correction_decided": ["sign_correction", "return_decision"],
        "rejection_heard": ["sign_rejection"],
    }
    for state, transitions in decisions.items():
        case = factories.make_case(world, state)
        for transition in transitions:
            assert refused(lambda: factories.act(world.torn_reviewer, transition, case)), transition  # noqa: B023  # called at once


def test_actor_is_not_of_the_subject_when_a_record_is_taken_off(world: World) -> None:
    """Nobody annuls the record of a firm that they also file for."""
    record = factories.make_record(world.firm, world.agency)
    annulment = factories.open_matter("annulment", record, world.second_provider)
    asked = ("actor_is_not_of_the_subject", "sign", annulment, world.provider, Role.PROVIDER)
    assert ask(*asked) is None
    factories.make_account(world.firm, Role.SUBJECT, same_person_as=world.provider)
    assert ask(*asked) is not None
    assert refused(lambda: factories.act(world.provider, "sign", annulment))


def test_actor_is_impartial_unless_seated_with_an_institution_that_certified(
    world: World,
) -> None:
    record = factories.make_record(
        world.firm, world.agency, severity="serious", decided_days_ago=300
    )
    case = factories.make_case(world, "submitted", workflow="repair", record=record)
    asked = ("actor_is_impartial", "accept", case, world.second_reviewer, Role.REVIEWER)
    assert ask(*asked) is None
    factories.make_appointment(world.second_reviewer, world.training_house, Role.INSTITUTION)
    assert ask(*asked) is not None


def test_provider_can_answer_if_somebody_provides_for_it(world: World) -> None:
    """A case does not go to an agency that came with a file and has no accounts."""
    silent = factories.make_organisation(OrganisationKind.AGENCY)
    there = factories.make_case(world, "accepted")
    assert ask("provider_can_answer", "ask_provider", there, world.reviewer) is None
    record = factories.make_record(world.firm, silent)
    nobody = factories.make_case(world, "accepted", record=record)
    assert ask("provider_can_answer", "ask_provider", nobody, world.reviewer) is not None
    assert refused(lambda: factories.act(world.reviewer, "ask_provider", nobody))


def test_measure_is_not_in_force_a_second_time_but_can_be_again(world: World) -> None:
    record = factories.make_record(world.firm, world.agency)
    sanction = factories.make_sanction(record, world.officer)
    with pytest.raises(Refused):
        factories.make_sanction(record, world.officer)
    factories.act(world.officer, "lift", sanction)
    again = factories.make_sanction(record, world.officer)
    assert again.ref != sanction.ref
    assert again.state == "in_force"


def test_ground_was_not_answered_by_withdrawing_an_announced_rejection(world: World) -> None:
    """A suspension is not had again by withdrawing just before the rejection is signed."""
    case = factories.make_case(world, "rejection_announced")
    factories.act(world.subject, "withdraw", case)
    with pytest.raises(Refused):
        factories.open_objection(case.record, world.subject)
    assert factories.open_objection(case.record, world.subject, ground="identity").state == "draft"


def test_ground_was_not_answered_when_withdrawn_before_any_decision(world: World) -> None:
    case = factories.make_case(world, "with_provider")
    factories.act(world.subject, "withdraw", case)
    assert factories.open_objection(case.record, world.subject).state == "draft"


@pytest.mark.parametrize(
    ("state", "transition"), [("submitted", "accept"), ("grant_proposed", "sign_grant")]
)
def test_record_is_repairable_is_asked_again_before_a_repair_goes_on(
    world: World, state: str, transition: str
) -> None:
    """A record that was found to be of another class meanwhile is not repaired as before."""
    case = factories.make_case(world, state, workflow="repair")
    with transaction() as session:
        record = session.get_one(CreditRecord, case.record_id)
        record.penalty_categories = ["business_suspension"]
        record.violation_facts = "经查，食品生产不符合标准。"
    person = world.second_reviewer
    assert refused(lambda: factories.act(person, transition, factories.get_case(case.ref)))
