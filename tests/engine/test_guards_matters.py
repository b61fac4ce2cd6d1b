"""What the guards of doors, terms, outcomes and reviews let through and what they stop."""

from datetime import date, datetime, time, timedelta
from types import SimpleNamespace
from zoneinfo import ZoneInfo

import pytest
import time_machine
from sqlalchemy import delete, select, update

from repair_app.db import db, today
from repair_app.engine import guards
from repair_app.engine.policy import bound
from repair_app.engine.step import Refused
from repair_app.models import Case, CreditRecord, Deadline, Requirement, Role
from repair_app.services import calendar, cases
from repair_app.services.calendar_file import single_day
from repair_app.services.policy import current_policy
from repair_app.services.transaction import transaction
from tests import factories
from tests.engine.asking import ask, bars, hides
from tests.factories import (
    World,
    act,
    initiate_sanction,
    make_case,
    make_record,
    make_sanction,
    open_matter,
)

DAY = timedelta(days=1)


def cases_of(record: CreditRecord) -> list[Case]:
    """Return the cases of a record as they are now."""
    db.session.rollback()
    return list(db.session.scalars(select(Case).where(Case.record_id == record.id)))


def on(day: date) -> time_machine.travel:
    """Go to noon of a day where the law counts its days."""
    return time_machine.travel(
        datetime.combine(day, time(12), ZoneInfo("Asia/Shanghai")), tick=False
    )


def term_of(case: Case) -> date:
    """Return the last day of the term that runs in the state that a case is in."""
    terms = factories.get_case(case.ref).deadlines
    return next(
        one.due_on
        for one in terms
        if one.is_running and not one.whole and one.entity_ref == case.ref
    )


@pytest.fixture
def record(world: World) -> CreditRecord:
    return make_record(world.firm, world.agency)


# --- doors ---


def test_door_is_the_subjects_unless_somebody_else_set_it_going(world, record):
    found = open_matter("objection", record, world.officer, ground="duplicate")
    own = make_case(world, "submitted", record=record)
    for transition in ("ask_supplement", "withdraw"):
        assert ask("door_is_the_subjects", transition, own) is None
        assert ask("door_is_the_subjects", transition, found) is not None
    with pytest.raises(Refused):
        act(world.subject, "withdraw", found)


def test_actor_reported_it_or_cannot_take_it_back(world, record):
    found = open_matter("objection", record, world.officer)
    asked = ("actor_reported_it", "withdraw_report", found)
    assert ask(*asked, world.officer, Role.DEPARTMENT) is None
    assert hides(ask(*asked, world.provider, Role.PROVIDER))
    own = make_case(world, "submitted", ground="omission", record=record)
    assert ask("actor_reported_it", "withdraw_report", own, world.provider) is not None
    mine = open_matter("objection", record, world.provider, ground="duplicate")
    assert ask("actor_reported_it", "withdraw_report", mine, world.provider) is None


def test_actor_entered_it_and_nobody_else_files_it(world, record):
    entered = open_matter("repair", record, world.reviewer)
    asked = ("actor_entered_it", "submit_at_window", entered)
    assert ask(*asked, world.reviewer) is None
    assert entered.entered_by_id == world.reviewer.person_id
    drafted = factories.open_repair(make_record(world.firm, world.agency), world.subject)
    assert hides(ask("actor_entered_it", "submit_at_window", drafted))


def test_actor_files_it_for_the_firm_or_as_the_clerk_who_entered_it(world, record):
    entered = open_matter("repair", record, world.reviewer)
    proof = factories.requirement_of(entered, "rectification")
    asked = ("actor_files_it", "submit_proof", proof)
    assert ask(*asked, world.subject) is None
    assert ask(*asked, world.reviewer) is None
    # Another clerk sees nothing of a draft; once filed, it is still not theirs to add to.
    act(world.reviewer, "sign_on_paper", factories.requirement_of(entered, "commitment"))
    act(world.reviewer, "submit_proof", proof, uploads=[factories.make_upload()])
    act(world.reviewer, "submit_at_window", factories.get_case(entered.ref))
    proof = factories.requirement_of(entered, "rectification")
    assert hides(ask("actor_files_it", "add_proof", proof, world.second_reviewer))


def test_actor_did_not_enter_it_is_counted_by_person(world, record):
    entered = open_matter("objection", record, world.reviewer)
    for transition in ("accept", "refuse"):
        asked = ("actor_did_not_enter_it", transition, entered)
        assert ask(*asked, world.reviewer) is not None
        assert ask(*asked, world.reviewer_again) is not None
        assert ask(*asked, world.second_reviewer) is None
        with pytest.raises(Refused):
            act(world.reviewer_again, transition, entered)


def test_another_objection_is_verified_or_there_is_nothing_to_join(world, record):
    """What is a draft, or not accepted, may never be looked into: nothing is joined to it."""
    first = make_case(world, "submitted", record=record)
    second = make_case(world, "submitted", record=record, ground="duplicate")
    asked = ("another_objection_is_verified", "join", second)
    assert hides(ask(*asked))  # nothing to join to
    assert bars(ask(*asked, joined_id=first.id))  # who chose one reads why not that one
    act(world.reviewer, "accept", first)
    assert ask(*asked) is None
    assert ask(*asked, joined_id=first.id) is None
    assert ask(*asked, joined_id=second.id) is not None
    act(world.subject, "withdraw", factories.get_case(first.ref))
    assert ask(*asked) is not None


def test_ground_was_not_looked_into_however_the_objection_ended(world, record):
    """A suspension cannot be had again by withdrawing and filing anew."""
    case = make_case(world, "confirmed", record=record)
    act(world.subject, "withdraw", case)
    with pytest.raises(Refused, match="answered"):
        factories.open_objection(record, world.subject)
    draft = make_case(world, "draft", record=record, ground="omission")
    assert ask("ground_was_not_looked_into", "open", draft) is None


def test_ground_was_not_looked_into_when_it_was_withdrawn_before_an_answer(world, record):
    act(world.subject, "withdraw", make_case(world, "with_provider", record=record))
    assert factories.open_objection(record, world.subject).state == "draft"


def test_entry_can_be_discarded_by_its_clerk_and_by_a_colleague_after_its_term(world, record):
    entered = open_matter("repair", record, world.reviewer)
    asked = ("entry_can_be_discarded", "discard_at_window", entered)
    assert ask(*asked, world.reviewer) is None
    assert bars(ask(*asked, world.second_reviewer))
    with on(term_of(entered) + DAY):
        assert ask(*asked, world.second_reviewer) is None
        act(world.second_reviewer, "discard_at_window", factories.get_case(entered.ref))
    drafted = factories.open_repair(record, world.subject)  # nothing bars another application
    assert hides(ask("entry_can_be_discarded", "discard_at_window", drafted))


def test_report_was_the_providers_or_the_record_has_to_go(world, record):
    """行政处罚法 48: what a court annulled no person of the provider keeps on file."""
    own = open_matter("annulment", record, world.provider)
    assert ask("report_was_the_providers", "decline", own, world.second_provider) is None
    other = make_record(world.firm, world.agency)
    proceeding = open_matter("proceeding", other, world.subject)
    act(world.reviewer, "note", proceeding)
    act(world.reviewer, "report_annulled", factories.get_case(proceeding.ref))
    ruled = next(one for one in cases_of(other) if one.workflow == "annulment")
    assert ask("report_was_the_providers", "decline", ruled, world.provider) is not None
    with pytest.raises(Refused):
        act(world.provider, "decline", ruled)


def test_actor_did_not_enter_the_ruling_that_they_sign_for_the_provider(world, record):
    proceeding = open_matter("proceeding", record, world.subject)
    act(world.reviewer, "note", proceeding)
    act(world.reviewer, "report_annulled", factories.get_case(proceeding.ref))
    ruled = next(one for one in cases_of(record) if one.workflow == "annulment")
    asked = ("actor_did_not_enter_the_ruling", "sign_overdue", ruled)
    assert ask(*asked, world.reviewer) is not None
    assert ask(*asked, world.reviewer_again) is not None
    assert ask(*asked, world.second_reviewer) is None


def test_falsehood_was_not_pursued_twice_for_one_application(world, record):
    make_case(world, "closed", workflow="repair", record=record)
    found = open_matter("revocation", record, world.provider)
    assert ask("falsehood_was_not_pursued", "open", found) is None
    act(world.subject, "state_views", found)
    act(world.reviewer, "propose", factories.get_case(found.ref))
    act(world.second_reviewer, "sign", factories.get_case(found.ref))
    assert factories.get_case(found.ref).state == "revoked"
    with pytest.raises(Refused, match="pursued already"):
        open_matter("revocation", record, world.provider)


# --- terms ---


def test_term_is_running_until_its_last_day(world):
    case = make_case(world, "with_provider")
    last = term_of(case)
    with on(last):
        assert ask("term_is_running", "ask_extension", case) is None
    with on(last + DAY):
        assert ask("term_is_running", "ask_extension", case) is not None


def test_term_was_not_escalated_twice(world):
    case = make_case(world, "with_provider")
    assert ask("term_was_not_escalated", "escalate", case) is None
    term = next(one for one in case.deadlines if one.is_running and not one.whole)
    term.escalated_at = case.opened_at
    assert ask("term_was_not_escalated", "escalate", case) is not None


def test_late_term_was_not_escalated_twice_nor_before_its_day(world, record):
    sanction = factories.initiate_sanction(record, world.provider, world.department)
    asked = ("late_term_was_not_escalated", "escalate", sanction)
    assert ask(*asked) is not None
    due = db.session.scalars(
        select(Deadline.due_on).where(Deadline.entity_ref == sanction.ref)
    ).one()
    with on(due):
        assert ask(*asked) is not None
    with on(due + DAY):
        assert ask(*asked) is None
        with transaction() as session:
            session.execute(
                update(Deadline)
                .where(Deadline.entity_ref == sanction.ref)
                .values(escalated_at=datetime.now(ZoneInfo("Asia/Shanghai")))
            )
        assert ask(*asked) is not None


def test_opinion_is_overdue_from_the_day_after_its_last(world):
    case = make_case(world, "accepted")
    act(world.reviewer, "consult", case, consulted_id=world.other_agency.id)
    opinion = factories.requirement_of(case, "opinion")
    last = next(one.due_on for one in opinion.case.deadlines if one.entity_ref == opinion.ref)
    with on(last):
        assert ask("opinion_is_overdue", "waive", opinion) is not None
    with on(last + DAY):
        assert ask("opinion_is_overdue", "waive", opinion) is None


def test_a_term_that_could_not_be_counted_is_over_for_nobody(world):
    """An alarm stands; whom the term protects does not lose it meanwhile, nor its extension."""
    case = make_case(world, "with_provider")
    act(world.reviewer, "consult", make_case(world, "accepted"), consulted_id=world.other_agency.id)
    opinion = db.session.scalars(select(Requirement).where(Requirement.workflow == "opinion")).one()
    uncounted(case.ref, opinion.ref)
    case, opinion = factories.get_case(case.ref), db.session.get_one(Requirement, opinion.id)
    with on(today() + 400 * DAY):
        for guard, step, entity in (
            ("term_is_over", "recall", case),
            ("opinion_is_overdue", "waive", opinion),
        ):
            assert "could not be counted" in ask(guard, step, entity).text
        assert ask("term_is_running", "ask_extension", case) is None


def test_term_is_over_only_where_there_is_one(world):
    case = make_case(world, "with_provider")
    with transaction() as session:
        session.execute(delete(Deadline).where(Deadline.entity_ref == case.ref))
    assert ask("term_is_over", "recall", factories.get_case(case.ref)) is not None


def uncounted(*refs: str) -> None:
    """Make the running terms of some entities such as could not be counted."""
    with transaction() as session:
        session.execute(
            update(Deadline)
            .where(Deadline.entity_ref.in_(refs), Deadline.met_at.is_(None))
            .values(working_days=0, due_on=today())
        )


def with_rules(guard: str, **rules: object) -> object:
    """Return what a guard says under rules of a kind, whatever pack the case goes by."""
    step = SimpleNamespace(
        rules=SimpleNamespace(objection=SimpleNamespace(**rules), repair=SimpleNamespace(**rules)),
        extension=rules.get("extension"),
    )
    return bound(guards)[guard](step)


def test_extension_is_allowed_where_the_rules_know_one():
    assert with_rules("extension_is_allowed", extension=object()) is None
    assert hides(with_rules("extension_is_allowed", extension=None))


def test_extension_was_asked_with_reasons_before_it_is_given(world):
    case = make_case(world, "with_provider")
    assert hides(ask("extension_was_asked", "extend", case))
    step = SimpleNamespace(
        entity=case, store=SimpleNamespace(has_happened=lambda ref, name: name == "ask_extension")
    )
    assert bound(guards)["extension_was_asked"](step) is None


def test_extension_was_not_given_before(world):
    case = make_case(world, "with_provider")
    assert ask("extension_was_not_given", "extend", case) is None
    step = SimpleNamespace(
        entity=case, store=SimpleNamespace(has_happened=lambda ref, name: name == "extend")
    )
    assert bars(bound(guards)["extension_was_not_given"](step))


# --- what the rules make of a finding ---


def follows_the_rules(guard: str, rules: dict[str, object], others: dict[str, object]) -> None:
    """Check a guard that asks the rule pack which way a matter goes."""
    assert with_rules(guard, **rules) is None
    against = with_rules(guard, **others)
    assert against is not None
    assert not against.applies  # and the step is not shown where the rules know it not


def test_appraisal_is_not_counted_where_the_rules_say_so():
    follows_the_rules(
        "appraisal_is_not_counted", {"not_counted": ("appraisal",)}, {"not_counted": ()}
    )


KEPT, STOPPED = {"unverified": "keep_with_note"}, {"unverified": "stop_publication"}


def test_unverified_is_kept_where_the_rules_keep_it_with_a_note():
    follows_the_rules("unverified_is_kept", KEPT, STOPPED)


def test_unverified_is_taken_off_where_the_rules_do_not_keep_it():
    follows_the_rules("unverified_is_taken_off", STOPPED, KEPT)


def test_decider_is_the_centre_in_the_regime_of_2019():
    follows_the_rules("decider_is_the_centre", {"decider": "reviewer"}, {"decider": "provider"})


def test_decider_is_the_recogniser_where_who_recognised_repairs():
    follows_the_rules("decider_is_the_recogniser", {"decider": "provider"}, {"decider": "reviewer"})


def test_opinions_are_in_before_anything_is_decided(world):
    case = make_case(world, "accepted")
    act(world.reviewer, "consult", case, consulted_id=world.other_agency.id)
    act(world.reviewer, "ask_provider", factories.get_case(case.ref))
    act(world.provider, "confirm", factories.get_case(case.ref))
    case = factories.get_case(case.ref)
    assert ask("opinions_are_in", "announce_rejection", case) is not None
    with pytest.raises(Refused):
        act(world.reviewer, "announce_rejection", case)
    act(world.other_provider, "give", factories.requirement_of(case, "opinion"))
    assert ask("opinions_are_in", "announce_rejection", factories.get_case(case.ref)) is None


def test_agency_can_be_consulted_once_and_only_another_one(world):
    case = make_case(world, "accepted")
    asked = ("agency_can_be_consulted", "consult", case)
    assert ask(*asked, consulted_id=world.agency.id) is not None
    assert ask(*asked, consulted_id=world.department.id) is not None  # nobody provides there
    assert ask(*asked, consulted_id=world.other_agency.id) is None
    act(world.reviewer, "consult", case, consulted_id=world.other_agency.id)
    case = factories.get_case(case.ref)
    assert ask("agency_can_be_consulted", "consult", case, consulted_id=world.other_agency.id)


# --- reviews, proceedings, shields, revocations ---


def test_decision_may_be_reviewed_once_and_in_time(world):
    rejected = make_case(world, "rejected")
    review = open_matter("review", rejected.record, world.subject, about_id=rejected.id)
    assert review.about_id == rejected.id
    assert ask("decision_may_be_reviewed", "open", review) is None
    with pytest.raises(Refused):
        open_matter("review", rejected.record, world.subject, about_id=rejected.id)
    act(world.subject, "withdraw", review)
    with pytest.raises(Refused):
        open_matter("review", rejected.record, world.subject, about_id=rejected.id)
    other = make_case(world, "submitted")
    with pytest.raises(Refused):
        open_matter("review", other.record, world.subject, about_id=other.id)
    undecided = cases.draft_case(current_policy(), "review", other.record, "error")
    assert hides(ask("decision_may_be_reviewed", "open", undecided))


def test_decision_may_be_reviewed_only_while_it_is_recent(world):
    rejected = make_case(world, "rejected")
    draft = open_matter("review", rejected.record, world.subject, about_id=rejected.id)
    with on(date.fromisoformat("2030-01-02")):
        assert bars(ask("decision_may_be_reviewed", "open", draft))


def test_decision_may_be_reviewed_until_a_day_that_the_kept_calendar_gives(world):
    """A day off that an administrator enters lengthens this term as it does every other one."""
    rejected = make_case(world, "rejected")
    draft = open_matter("review", rejected.record, world.subject, about_id=rejected.id)
    with on(date.fromisoformat("2030-01-02")):
        last = ask("decision_may_be_reviewed", "open", draft).values["day"]
    with on(last + DAY):
        assert ask("decision_may_be_reviewed", "open", draft) is not None
    calendar.publish(single_day(last, works=False, note="临时放假"), None)
    with on(last + DAY):
        assert ask("decision_may_be_reviewed", "open", draft) is None


def test_actor_took_no_part_before_in_what_is_reviewed(world):
    rejected = make_case(world, "rejected")
    review = open_matter("review", rejected.record, world.subject, about_id=rejected.id)
    again = factories.make_account(
        world.upper_centre, Role.REVIEWER, same_person_as=world.second_reviewer
    )
    asked = ("actor_took_no_part_before", "propose_upholding", review)
    assert ask(*asked, again) is not None
    assert ask(*asked, world.upper_reviewer) is None
    with pytest.raises(Refused):
        act(again, "propose_upholding", review)


def test_actor_is_of_another_unit_than_the_one_that_decided(world):
    rejected = make_case(world, "rejected")
    review = open_matter("review", rejected.record, world.subject, about_id=rejected.id)
    assert review.centre_id == world.upper_centre.id
    asked = ("actor_is_of_another_unit", "propose_upholding")
    assert ask(*asked, review, world.upper_reviewer) is None
    free = factories.make_account(world.centre, Role.REVIEWER)
    with transaction() as session:  # as it lay there where no centre is above
        session.get_one(Case, review.id).centre_id = world.centre.id
    review = factories.get_case(review.ref)
    assert ask(*asked, review, free) is not None
    with pytest.raises(Refused):
        act(free, "propose_upholding", review)


def test_falsehood_can_be_pursued_where_a_repair_was_applied_for(world, record):
    with pytest.raises(Refused):
        open_matter("revocation", record, world.provider)
    repaired = make_case(world, "closed", workflow="repair", record=record)
    assert repaired.record.state == "repaired"
    found = open_matter("revocation", record, world.provider)
    assert ask("falsehood_can_be_pursued", "open", found) is None
    with on(record.max_publication_until + DAY):
        assert hides(ask("falsehood_can_be_pursued", "open", found))


def test_every_decision_can_be_reviewed_while_another_one_is(world, record):
    reviews = []
    for ground in ("error", "over_term"):
        rejected = make_case(world, "rejected", record=record, ground=ground)
        reviews.append(open_matter("review", record, world.subject, about_id=rejected.id))
    assert all(factories.get_case(one.ref).is_open for one in reviews)


def test_what_was_filed_again_is_not_begun_anew_by_its_review(world, record):
    """Refused at the door and filed again at once: one matter is open, not two of a kind."""
    refused = make_case(world, "refused", record=record)
    review = open_matter("review", record, world.subject, about_id=refused.id)
    again = make_case(world, "accepted", record=record)
    act(world.upper_reviewer, "propose_setting_aside", review)
    act(world.second_upper_reviewer, "sign_setting_aside", factories.get_case(review.ref))
    assert factories.get_case(review.ref).state == "set_aside"
    objections = [one for one in cases_of(record) if one.workflow == "objection" and one.is_open]
    assert [one.ref for one in objections] == [again.ref]


def test_revocation_is_not_open_twice(world, record):
    make_case(world, "closed", workflow="repair", record=record)
    first = open_matter("revocation", record, world.provider)
    assert ask("revocation_is_not_open", "open", first) is None
    with pytest.raises(Refused):
        open_matter("revocation", record, world.reviewer)


def test_annulment_is_not_open_twice(world, record):
    first = open_matter("annulment", record, world.provider)
    assert ask("annulment_is_not_open", "open", first) is None
    with pytest.raises(Refused):
        open_matter("annulment", record, world.second_provider)
    act(world.second_provider, "decline", first)
    assert open_matter("annulment", record, world.provider).ref != first.ref


def is_not_open(world: World, workflow: str, guard: str) -> None:
    record = make_record(world.firm, world.agency)
    first = open_matter(workflow, record, world.subject)
    assert ask(guard, "open", first) is None
    with pytest.raises(Refused):
        open_matter(workflow, record, world.subject)
    act(world.subject, "withdraw", first)
    assert open_matter(workflow, record, world.subject).ref != first.ref


def test_proceeding_is_not_open_twice(world):
    is_not_open(world, "proceeding", "proceeding_is_not_open")


def test_shield_is_not_open_twice(world):
    is_not_open(world, "shield", "shield_is_not_open")


def test_record_is_not_shielded_while_a_measure_begins(world, record):
    """CN-2025-22 破产重整: what rests on the record stands still, and nothing new begins."""
    initiated = initiate_sanction(record, world.provider, world.department)
    assert ask("record_is_not_shielded", "accept", initiated) is None
    case = open_matter("shield", record, world.subject)
    act(world.reviewer, "propose_shield", case)
    act(world.second_reviewer, "sign_shield", factories.get_case(case.ref))
    assert ask("record_is_not_shielded", "accept", initiated) is not None
    with pytest.raises(Refused):
        act(world.officer, "accept", initiated)
    with pytest.raises(Refused):
        make_sanction(record, world.other_officer)
    with pytest.raises(Refused):
        initiate_sanction(record, world.provider, world.other_department)


def test_record_is_published_when_it_is_to_be_shielded(world, record):
    case = open_matter("shield", record, world.subject)
    assert ask("record_is_published", "sign_shield", case) is None
    act(world.reviewer, "propose_shield", case)
    act(world.second_reviewer, "sign_shield", factories.get_case(case.ref))
    assert ask("record_is_published", "sign_shield", factories.get_case(case.ref)) is not None
