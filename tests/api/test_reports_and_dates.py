"""The enterprise's own report, training dates, the inspector's list: by the interface."""

from datetime import timedelta

import pytest
from sqlalchemy import select

from repair_app.db import db, today
from repair_app.models import InspectionItem, OwnReport, TrainingDate
from repair_app.services import inspections, own_reports
from tests.factories import make_case, make_record

DATE = {"title": "信用修复培训", "hours": "9:00-11:30", "place": "线上直播", "seats": 30}


def in_days(count):
    """Return a day as it is sent."""
    return (today() + timedelta(days=count)).isoformat()


# --- the enterprise's own report ---


def test_an_enterprises_system_has_its_report_issued_and_hands_it_on(machine, anybody, world):
    make_record(world.firm, world.agency)
    one = machine("subject")
    issued = one.post("/reports")
    assert issued.status_code == 201
    assert one.post("/reports").json == issued.json  # nothing has changed
    assert one.get("/reports").json["reports"] == [issued.json]
    pdf = one.get(f"/reports/{issued.json['ref']}?lang=en")
    assert pdf.data.startswith(b"%PDF")
    assert anybody.get(f"/verify/reports/{issued.json['code']}").status_code == 200


@pytest.mark.parametrize("name", ["agent", "provider", "reviewer", "auditor"])
def test_nobody_else_has_a_report_issued(machine, name):
    assert machine(name).post("/reports").status_code == 403
    assert machine(name).get("/reports").status_code == 403
    assert db.session.scalars(select(OwnReport)).all() == []


def test_the_report_of_another_enterprise_is_not_there(machine):
    ref = machine("subject").post("/reports").json["ref"]
    other = machine("stranger")
    assert other.get(f"/reports/{ref}").status_code == 404
    assert other.get("/reports").json["reports"] == []


def test_enough_reports_are_enough(machine, world, monkeypatch):
    monkeypatch.setattr(own_reports, "MOST_A_DAY", 2)
    client = machine("subject")
    for _ in range(2):
        make_record(world.firm, world.agency)  # or it is the report of before
        assert client.post("/reports").status_code == 201
    make_record(world.firm, world.agency)
    refused = client.post("/reports")
    assert (refused.status_code, refused.json["code"]) == (409, "refused")
    assert "tomorrow" in refused.json["reasons"][0]


# --- training dates ---


def test_a_date_is_announced_read_by_all_and_called_off(machine, world):
    one = machine("institution")
    made = one.post("/training/dates", {**DATE, "held_on": in_days(7)})
    assert made.status_code == 201, made.text
    [own] = made.json["dates"]
    assert (own["title"], own["seats"], own["bookings"]) == (DATE["title"], 30, [])
    assert own["organiser"]["name"] == world.training_house.name
    [seen] = machine("subject").get("/training/dates").json["dates"]
    assert seen["number"] == own["number"]
    assert "bookings" not in seen
    off = one.post(f"/training/dates/{own['number']}/call-off")
    assert off.json["dates"][0]["called_off"] is True
    assert machine("subject").get("/training/dates").json["dates"] == []


@pytest.mark.parametrize("name", ["subject", "officer", "auditor"])
def test_who_gives_no_training_announces_none(machine, name):
    refused = machine(name).post("/training/dates", {**DATE, "held_on": in_days(7)})
    assert refused.status_code == 403
    assert machine(name).get("/training/dates/own").status_code == 403
    assert db.session.scalars(select(TrainingDate)).all() == []


def test_the_date_of_another_organiser_is_not_there(machine):
    made = machine("institution").post("/training/dates", {**DATE, "held_on": in_days(7)})
    number = made.json["dates"][0]["number"]
    for name in ("provider", "subject"):
        assert machine(name).post(f"/training/dates/{number}/call-off").status_code == 404
    assert machine("provider").get("/training/dates/own").json["dates"] == []
    assert machine("institution").get("/training/dates/own").json["dates"][0]["called_off"] is False


@pytest.mark.parametrize(
    ("change", "field"),
    [
        ({"held_on": in_days(-1)}, "held_on"),
        ({"title": "  "}, "title"),
        ({"seats": 0}, "seats"),
        ({"seats": 2001}, "seats"),
        ({"held_on": "soon"}, "held_on"),
    ],
)
def test_a_date_that_cannot_be_is_refused_by_its_field(machine, change, field):
    refused = machine("institution").post(
        "/training/dates", {**DATE, "held_on": in_days(7), **change}
    )
    assert refused.status_code == 422
    assert field in {one["field"].rpartition(".")[2] for one in refused.json["errors"]}
    assert db.session.scalars(select(TrainingDate)).all() == []


# --- the inspector's list ---


@pytest.fixture
def drawn(world):
    """Give the numbers of what was drawn for this week."""
    make_case(world, "refused")
    make_case(world, "rejected")
    assert inspections.draw_list() >= 2
    return db.session.scalars(select(InspectionItem.id).order_by(InspectionItem.id)).all()


def test_an_auditors_system_notes_what_was_found(machine, drawn):
    one = machine("auditor")
    assert {item["number"] for item in one.get("/inspections").json["items"]} == set(drawn)
    done = one.post(f"/inspections/{drawn[0]}", {"result": "in_order", "note": "材料齐全。"})
    assert done.status_code == 200
    [item] = [one for one in done.json["items"] if one["number"] == drawn[0]]
    assert (item["result"], item["note"], item["case"]) == ("in_order", "材料齐全。", None)
    again = one.post(f"/inspections/{drawn[0]}", {"result": "in_order"})
    assert again.status_code == 404
    assert one.post(f"/inspections/{drawn[1]}", {"result": "guessed"}).status_code == 422


@pytest.mark.parametrize("name", ["reviewer", "provider", "subject"])
def test_nobody_else_reads_or_marks_the_list(machine, drawn, name):
    one = machine(name)
    assert one.get("/inspections").status_code == 403
    assert one.post(f"/inspections/{drawn[0]}", {"result": "in_order"}).status_code == 403
    found = db.session.scalars(select(InspectionItem.looked_at)).all()
    assert found == [None] * len(found)
