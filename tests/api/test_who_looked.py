"""What an office's system reads is noted for the enterprise: lists like those taken as files."""

import pytest
from sqlalchemy import delete, select

from repair_app.api.looking import LISTED, WATCHED
from repair_app.db import db
from repair_app.models import Viewing
from repair_app.services import complaints, viewings
from repair_app.services.transaction import transaction
from repair_app.web.door import MACHINES, rule_of
from tests.factories import make_case, make_record, make_sanction, make_upload

# What is read without being noted, and why.
NOT_NOTED = {
    "api_documentation.describe": "about nobody",
    "api_gate.ask_one": "each question is logged and shown on the same page",
    "api_gate.show_keys": "about nobody",
    "api_changes.list_changes": "what is published, for who shows it",
    "api_imports.list_verdicts": "the agency's own file",
    "api_imports.show_import": "the agency's own file",
    "api_papers.list_own_letters": "the enterprise's own",
    "api_complaints.ask_to_take_up": "the enterprise may not know of a complaint",
    "api_complaints.download_paper": "the enterprise may not know of a complaint",
    "api_complaints.list_complaints": "the enterprise may not know of a complaint",
    "api_complaints.show_complaint": "the enterprise may not know of a complaint",
    "api_desk.list_colleagues": "about nobody's matter",
    "api_inspections.list_items": "names no enterprise",
    "api_records.list_entries": "as the public reads it",
    "api_reports.list_reports": "the enterprise's own",
    "api_reports.print_report": "the enterprise's own",
    "api_training.list_dates": "about nobody",
    "api_training.list_own_dates": "who is on it has booked there",
    "api_workflows.list_workflows": "about nobody",
    "api_workflows.show_workflow": "about nobody",
}


@pytest.fixture(autouse=True)
def nothing_seen():
    """Let this process have noted nothing yet: each test has a store of its own."""
    viewings.SEEN.clear()


def looks():
    """Return what was noted: of whom, what, and as which role."""
    db.session.rollback()
    return {
        (one.subject_id, one.entity_ref, one.role) for one in db.session.scalars(select(Viewing))
    }


def test_whatever_can_be_read_is_noted_or_has_its_reason(app):
    read = {
        rule.endpoint
        for rule in app.url_map.iter_rules()
        if "GET" in rule.methods and rule_of(app, rule.endpoint) == MACHINES
    }
    told = [*WATCHED, *LISTED, *NOT_NOTED]
    assert read == set(told)
    assert len(told) == len(set(told))


def two_firms(world):
    """Make a case and a measure about each of two enterprises."""
    record = make_record(world.firm, world.agency)
    make_sanction(record, world.officer)
    make_case(world, "with_provider", record=record)
    other = make_record(world.other_firm, world.other_agency)
    make_case(world, "with_provider", record=other, subject=world.stranger)


@pytest.mark.parametrize(
    ("path", "name", "who", "role", "sees_both"),
    [
        ("/cases", "cases", "reviewer", "reviewer", True),
        ("/cases", "cases", "provider", "provider", False),
        ("/records", "records", "provider", "provider", False),
        ("/sanctions", "sanctions", "officer", "department", False),
        ("/worklist", "worklist", "provider", "provider", False),
    ],
)
def test_a_list_is_noted_for_each_enterprise_on_it_once_a_day(
    machine, world, path, name, who, role, sees_both
):
    two_firms(world)
    one = machine(who)
    for _ in range(2):
        assert one.get(path).status_code == 200
    firms = (world.firm, world.other_firm) if sees_both else (world.firm,)
    assert looks() == {(firm.id, f"list:{name}", role) for firm in firms}


def test_who_is_not_on_the_part_that_was_read_is_not_noted(machine, world):
    two_firms(world)
    one = machine("reviewer")
    newest = one.get("/cases?limit=1")
    assert looks() == {(world.other_firm.id, "list:cases", "reviewer")}
    one.get(f"/cases?limit=1&after={newest.json['next']}")
    assert {firm for firm, *_ in looks()} == {world.firm.id, world.other_firm.id}


def test_what_is_had_already_was_read_all_the_same(machine, world):
    two_firms(world)
    one = machine("reviewer")
    tag = one.get("/cases").headers["ETag"]
    viewings.SEEN.clear()
    with transaction() as session:
        session.execute(delete(Viewing))
    assert one.get("/cases", headers={"If-None-Match": tag}).status_code == 304
    assert len(looks()) == 2


def test_the_enterprises_own_system_is_not_noted(machine, world):
    two_firms(world)
    for path in ("/cases", "/records", "/worklist"):
        machine("subject").get(path)
    assert looks() == set()


def test_no_list_tells_of_a_confidential_complaint_or_of_what_is_ones_own(machine, world):
    """鲁政发〔2017〕44号 二（三）14: who complained could be told from it."""
    record = make_record(world.firm, world.agency)
    told = complaints.Told("error", "other", "有误。", "", [make_upload()])
    complaints.receive(record.ref, told, "form")
    one = machine("reviewer")
    assert one.get("/cases").json["cases"]
    one.get("/worklist")
    assert looks() == set()


def test_a_page_that_shows_the_same_list_notes_nothing(as_, world):
    """A screen is no file; what pages note of lists: tests/web/test_viewings.py."""
    two_firms(world)
    for path in ("/work", "/work/cases"):
        assert as_(world.reviewer).get(path).status_code == 200
    assert as_(world.officer).get("/enforce").status_code == 200
    assert looks() == set()


def test_the_enterprise_reads_that_a_system_read_a_list(machine, as_, world):
    two_firms(world)
    machine("officer").get("/sanctions")
    machine("provider").get("/records")
    page = as_(world.subject).get("/my/viewings", headers={"Accept-Language": "en"})
    assert "read by a system: Joint measures" in page.words
    assert "read by a system: Records" in page.words
    assert world.agency.name in page.words
    assert "read by a system" not in as_(world.stranger).get("/my/viewings").words
