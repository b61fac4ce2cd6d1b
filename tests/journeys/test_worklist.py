"""Worklists: whose turn it is, and nothing else; each row leads where its reader may go."""

import re

import time_machine

from repair_app.db import now
from repair_app.models import Role
from repair_app.services import inbox, timers
from tests.factories import make_case, make_record, make_sanction
from tests.journeys.steps import in_days, requirements_of, take

ASKED = {"question": "请核对贵局同案处罚的金额。"}
BEGUN = {"appraiser": "虚构检测中心", "reason": "喷码须经检验。"}
ROW = re.compile(r'<a class="ref" href="([^"]+)"')


def links(client):
    """Return where the rows of a person's worklist lead."""
    return ROW.findall(client.read("/work").html)


def test_a_case_stands_once_in_a_list_though_the_whole_matter_has_a_term_too(cast, world):
    case = make_case(world, "submitted")
    assert links(cast.reviewer) == [f"/cases/{case.ref}"]


def test_a_department_is_led_to_the_record_of_a_measure_that_waits_for_it(cast, world):
    record = make_record(world.firm, world.agency)
    sanction = make_sanction(record, world.officer)
    assert links(cast.officer) == [f"/records/{record.ref}"]
    assert sanction.ref in cast.officer.read("/work").html


def test_an_agency_that_is_consulted_is_led_to_the_question_and_not_to_the_case(cast, world):
    case = make_case(world, "with_provider")
    other = str(world.other_agency.id)
    take(cast.reviewer, "consult", case.ref, consulted_id=other, **ASKED)
    opinion = requirements_of(case.ref)["opinion"].ref
    assert links(cast.other_provider) == [f"/requirements/{opinion}"]


def test_what_stands_still_is_not_overdue_by_the_term_of_the_whole_matter(cast, world):
    case = make_case(world, "with_provider")
    take(cast.provider, "begin_appraisal", case.ref, **BEGUN)
    with time_machine.travel(in_days(20)):
        listed = inbox.list_turns(world.provider, Role.PROVIDER)
        assert [one.term.clock for one in listed.turns] == ["objection_appraisal"]
        assert listed.overdue == 0


def test_what_is_late_goes_up_and_stays_in_the_list_of_the_centre_that_was_late(cast, world):
    case = make_case(world, "submitted")
    with time_machine.travel(in_days(10)):
        timers.escalate(now())
        assert links(cast.reviewer) == [f"/cases/{case.ref}"]
        assert links(cast.upper_reviewer) == [f"/cases/{case.ref}"]
        assert world.upper_centre.name in cast.upper_reviewer.read("/work").words


def test_who_decided_first_is_told_in_the_list_that_a_colleague_signs(cast, world):
    case = make_case(world, "rejection_heard")
    told, take_it = "您已参与前一环节，须由同事办理", f"/work/{case.ref}/claim"
    first, second = cast.reviewer.read("/work"), cast.second_reviewer.read("/work")
    assert told in first.words
    assert take_it not in first.html
    assert told not in second.words
    assert take_it in second.html
