"""Guards of handing over: nobody else can act, and it goes to the centre next in line."""

import pytest

from repair_app.models import Case, Organisation, Role
from repair_app.services.policy import current_policy
from repair_app.services.transaction import transaction
from tests import factories
from tests.engine.asking import ask
from tests.factories import leave_office, make_account, make_appointment, make_case, open_matter

NOT_HANDED_OVER = {"new", "draft"}  # a draft is its clerk's, or anybody's once its term is over


def nobody_else(case, user):
    """Return what is said to somebody who wants to hand a case over."""
    return ask("nobody_else_can_act", "delegate", factories.get_case(case.ref), user)


def next_one(case, centre, user):
    """Return what is said of a centre that a case is to go to."""
    case = factories.get_case(case.ref)
    return ask("centre_is_next_in_line", "delegate", case, user, centre_id=centre.id)


def test_nobody_else_can_act_where_the_others_left_or_are_the_same_person(world):
    case = make_case(world, "submitted")
    assert nobody_else(case, world.torn_reviewer) is not None
    leave_office(world.second_reviewer)
    # By another account of the same natural person nobody else is there; the torn one is barred.
    assert nobody_else(case, world.reviewer) is None
    assert nobody_else(case, world.reviewer_again) is None
    assert nobody_else(case, world.torn_reviewer) is not None
    leave_office(world.reviewer, world.reviewer_again)
    assert nobody_else(case, world.torn_reviewer) is None


def test_nobody_else_can_act_counts_who_the_next_step_bars_and_no_others(world):
    decided = make_case(world, "removal_decided")  # by the reviewer
    proposed = make_case(world, "removal_proposed", record=new_record(world))
    leave_office(world.second_reviewer)
    assert nobody_else(decided, world.torn_reviewer) is None
    assert nobody_else(proposed, world.torn_reviewer) is not None
    verifier = make_account(world.centre, Role.REVIEWER)
    assert nobody_else(decided, world.torn_reviewer) is not None
    with transaction() as session:
        session.get_one(Case, decided.id).verified_by_id = verifier.person_id
    assert nobody_else(decided, world.torn_reviewer) is None


def test_nobody_else_can_act_while_the_centre_above_acts_beside(world):
    case = make_case(world, "submitted")
    leave_office(world.reviewer, world.reviewer_again, world.second_reviewer)
    assert nobody_else(case, world.torn_reviewer) is None
    with transaction() as session:
        session.get_one(Case, case.id).higher_centre_id = world.upper_centre.id
    assert nobody_else(case, world.torn_reviewer) is not None


def test_a_closed_account_can_do_nothing(world):
    case = make_case(world, "submitted")
    leave_office(world.second_reviewer)
    with transaction() as session:
        for one in (world.reviewer, world.reviewer_again):
            session.merge(one).active = False
    assert nobody_else(case, world.torn_reviewer) is None


def test_centre_is_next_in_line_and_not_chosen(world):
    near = factories.make_organisation("credit_centre", "虚构邻市信用中心")
    make_account(near, Role.REVIEWER)
    case = make_case(world, "submitted")
    for centre in (world.centre, near, world.agency):
        assert next_one(case, centre, world.torn_reviewer) is not None
    assert next_one(case, world.upper_centre, world.torn_reviewer) is None
    # Above nobody is free: the first of the others.
    for one in (world.upper_reviewer, world.second_upper_reviewer):
        make_appointment(one, world.firm, Role.SUBJECT)
    assert next_one(case, world.upper_centre, world.torn_reviewer) is not None
    assert next_one(case, near, world.torn_reviewer) is None


def test_centre_is_next_in_line_past_one_that_has_nobody(world):
    top = factories.make_organisation("credit_centre", "虚构国家信用中心")
    make_account(top, Role.REVIEWER)
    with transaction() as session:
        session.get_one(Organisation, world.upper_centre.id).superior_id = top.id
    case = make_case(world, "submitted")
    assert next_one(case, top, world.torn_reviewer) is not None
    leave_office(world.upper_reviewer, world.second_upper_reviewer)
    assert next_one(case, top, world.torn_reviewer) is None


def test_a_review_is_never_next_in_line_for_the_unit_that_decided(world):
    rejected = make_case(world, "rejected")
    review = open_matter("review", rejected.record, world.subject, about_id=rejected.id)
    make_account(world.centre, Role.REVIEWER)  # free, and of the unit that decided
    leave_office(world.second_upper_reviewer)
    assert next_one(review, world.centre, world.upper_reviewer) is not None
    assert nobody_else(review, world.upper_reviewer) is None


def new_record(world):
    """Return a new record of the firm."""
    return factories.make_record(world.firm, world.agency)


@pytest.mark.usefixtures("world")
def test_whatever_a_partial_reviewer_may_not_do_can_be_handed_over():
    """A state that only an impartial reviewer can move has a way on for who is not."""
    for workflow in current_policy().current.values():
        handed = workflow.transitions.get("delegate")
        for one in workflow.transitions.values():
            if "reviewer" not in one.by or "actor_is_impartial" not in one.guards:
                continue
            waiting = set(one.source) - NOT_HANDED_OVER
            assert handed is not None or not waiting, workflow.name
            assert not waiting or waiting <= set(handed.source), f"{workflow.name}.{one.name}"
            if handed is not None:
                assert handed.guards == ("nobody_else_can_act", "centre_is_next_in_line")
