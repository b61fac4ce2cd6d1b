"""Who looked: every page that shows an office an enterprise's data is noted once it was sent."""

import logging

import pytest
from sqlalchemy import select

from repair_app import jobs
from repair_app.db import db, now
from repair_app.models import Export, Letter, Role, Viewing
from repair_app.services import complaints, exports, viewings
from repair_app.services.tree import log
from repair_app.web.viewings import WATCHED
from tests.factories import (
    act,
    make_appointment,
    make_case,
    make_record,
    make_sanction,
    make_upload,
    open_repair,
    requirement_of,
)
from tests.journeys.steps import Cast, case_of, dispute


@pytest.fixture
def cast(world, as_):
    return Cast(world, as_)


@pytest.fixture(autouse=True)
def nothing_seen():
    """Let this process have noted nothing yet: each test has a store of its own."""
    viewings.SEEN.clear()


def looks() -> set[tuple[int, str, str]]:
    """Return what was noted: of whom, what was opened, and as which role."""
    db.session.rollback()
    rows = db.session.scalars(select(Viewing))
    return {(one.subject_id, one.entity_ref, one.role) for one in rows}


def letter_of(ref: str) -> str:
    return db.session.scalars(select(Letter.ref).where(Letter.case_id == case_of(ref).id)).first()


def training_of(world):
    record = make_record(world.firm, world.agency, severity="serious", decided_days_ago=400)
    return requirement_of(open_repair(record, world.subject), "training")


def asked_training(world):
    one = training_of(world)
    act(world.subject, "enrol", one, institution_id=world.training_house.id)
    return one.ref


# endpoint -> who looks, where, and what is then noted
PLACES = {
    "cases.show": lambda c, w: (c.reviewer, "/cases/{}", dispute(c.subject, firms(w))),
    "cases.prove": lambda c, w: (
        c.reviewer,
        "/cases/{}/proof.zip",
        signed(dispute(c.subject, firms(w))),
    ),
    "cases.show_requirement": lambda c, w: (c.institution, "/requirements/{}", asked_training(w)),
    "training.study": lambda c, w: (c.institution, "/training/{}", asked_training(w)),
    "records.show": lambda c, w: (c.provider, "/records/{}", firms(w).ref),
    "records.open_case": lambda c, w: (c.provider, "/records/{}/annulment", firms(w).ref),
    "records.impose": lambda c, w: (c.officer, "/records/{}/sanction", firms(w).ref),
    "enforcement.initiate": lambda c, w: (c.provider, "/records/{}/initiate", firms(w).ref),
    "transitions.fire": lambda c, w: (
        c.reviewer,
        "/cases/{}/accept",
        dispute(c.subject, firms(w)),
    ),
    "letters.draft": lambda c, w: (
        c.reviewer,
        "/drafts/cases/{}/accept.pdf",
        dispute(c.subject, firms(w)),
    ),
}


def signed(ref):
    """Have the history of a matter signed."""
    log.sequence(now())
    return ref


def firms(world):
    return make_record(world.firm, world.agency)


@pytest.mark.parametrize("endpoint", sorted(PLACES))
def test_a_look_at_each_page_is_noted(app, cast, world, endpoint):
    client, address, ref = PLACES[endpoint](cast, world)
    path = address.format(ref)
    assert app.url_map.bind("localhost").match(path)[0] == endpoint
    client.read(path)
    assert {one[:2] for one in looks()} == {(world.firm.id, ref)}


@pytest.mark.parametrize("address", ["/documents/{}", "/documents/{}/view"])
def test_a_look_at_a_paper_is_noted_and_the_paper_comes_whole(cast, world, address):
    ref = dispute(cast.subject, firms(world))
    paper = case_of(ref).documents[0]
    answer = cast.reviewer.read(address.format(paper.ref))
    assert len(answer.get_data()) == paper.size
    assert looks() == {(world.firm.id, paper.ref, "reviewer")}
    cast.subject.read(address.format(paper.ref))
    assert len(looks()) == 1


def test_a_look_at_a_letter_is_noted(cast, world):
    ref = dispute(cast.subject, firms(world))
    letter = letter_of(ref)
    assert cast.reviewer.read(f"/letters/{letter}.pdf").get_data().startswith(b"%PDF")
    assert looks() == {(world.firm.id, letter, "reviewer")}


def test_every_watched_page_has_its_test_here():
    assert set(PLACES) | {"cases.download", "cases.look", "letters.download"} == set(WATCHED)


# --- lists as files ---


@pytest.mark.parametrize("form", ["csv", "xlsx"])
def test_a_list_taken_away_is_noted_for_each_enterprise_on_it(cast, world, form):
    make_case(world, "with_provider")
    make_case(world, "with_provider")
    record = make_record(world.other_firm, world.other_agency)
    make_case(world, "with_provider", record=record, subject=world.stranger)
    for name in ("cases", "worklist"):
        for _ in range(2):
            cast.provider.read(f"/exports/{name}.{form}")
    mine = {(world.firm.id, f"list:{name}", "provider") for name in ("cases", "worklist")}
    assert looks() == mine
    cast.reviewer.read(f"/exports/cases.{form}")
    both = {(one.id, "list:cases", "reviewer") for one in (world.firm, world.other_firm)}
    assert looks() == mine | both
    page = cast.subject.get("/my/viewings", headers={"Accept-Language": "en"})
    assert "A list with the enterprise on it, as a file: Cases" in page.words


def test_a_list_of_measures_is_noted_by_department_and_agency(cast, world):
    record = make_record(world.firm, world.agency)
    make_sanction(record, world.officer)
    cast.officer.read("/exports/enforcement.csv")
    cast.provider.read("/exports/initiated.csv")  # nothing on it
    cast.auditor.read("/exports/findings.csv")
    assert looks() == {(world.firm.id, "list:enforcement", "department")}


def test_no_list_tells_of_a_confidential_complaint_or_of_what_is_ones_own(cast, world):
    """鲁政发〔2017〕44号 二（三）14: who complained could be told from it."""
    record = firms(world)
    told = complaints.Told("error", "other", "有误。", "", [make_upload()])
    complaints.receive(record.ref, told, "form")
    cast.reviewer.read("/exports/cases.csv")
    cast.reviewer.read("/exports/worklist.csv")
    cast.subject.read("/exports/my-records.csv")
    assert looks() == set()
    dispute(cast.subject, record)
    make_appointment(world.reviewer, world.firm, Role.SUBJECT)
    cast.reviewer.read("/exports/cases.csv")
    assert looks() == set()


def test_a_long_list_is_noted_when_it_is_written(cast, world, monkeypatch):
    monkeypatch.setattr(exports, "AT_ONCE", 0)
    monkeypatch.setattr(jobs, "enqueue", lambda *_, **__: None)
    make_case(world, "with_provider")
    client = cast.provider
    client.read("/exports/cases.csv")  # a page that says how it is to be had
    assert looks() == set()
    assert client.post("/exports/cases.csv", data={"csrf_token": client.token()}).status_code == 302
    number = db.session.scalars(select(Export.id)).one()
    exports.write_export(number)
    assert looks() == {(world.firm.id, "list:cases", "provider")}


# --- what goes wrong ---


def test_what_goes_wrong_costs_nobody_a_page(cast, world, monkeypatch, caplog):
    caplog.set_level(logging.WARNING)
    ref = dispute(cast.subject, firms(world))

    def fail(*_):
        raise RuntimeError("secret")

    monkeypatch.setattr(viewings, "describe", fail)
    for path in (f"/cases/{ref}", f"/documents/{case_of(ref).documents[0].ref}"):
        assert cast.reviewer.get(path).status_code == 200
    assert caplog.text.count("a look was not noted: RuntimeError") == 2
    assert "secret" not in caplog.text
