"""The public pages: what a record's page says, how it works, and how heavy they are."""

import gzip
import re
from dataclasses import replace
from datetime import timedelta
from xml.etree import ElementTree

import html5lib
import pytest

from repair_app.db import at, now, today
from repair_app.engine.drawing import draw_graph, list_undrawn, number_steps
from repair_app.labels import Label
from repair_app.services import pictures
from repair_app.services.policy import current_policy
from repair_app.services.records import period_of
from repair_app.services.rules import parts_in_force
from tests.client import text_of
from tests.factories import annul_record, make_case, make_record

ENGLISH = {"Accept-Language": "en"}
SVG = "{http://www.w3.org/2000/svg}"
HEAVIEST = 150_000  # bytes of a page with its style sheets, compressed


@pytest.fixture
def record(world):
    return make_record(world.firm, world.agency)


# --- a record ---


def test_a_record_says_what_it_is_and_until_when(record, anybody):
    page = anybody.get(f"/records/{record.ref}", headers=ENGLISH)
    for day in (record.decided_on, record.min_publication_until, record.max_publication_until):
        assert page.tree.find(f".//time[@datetime='{day.isoformat()}']") is not None
    assert "It can be repaired from" in page.words
    line = page.tree.find(f".//{SVG}svg[@role='img']")
    assert "% of the term is over" in line.get("aria-label")


def test_a_mark_says_since_when_it_stands(world, record, anybody):
    mark = "Disputed, being verified · since"
    assert mark not in anybody.get(f"/records/{record.ref}", headers=ENGLISH).words
    make_case(world, "accepted", record=record)
    page = anybody.get(f"/records/{record.ref}", headers=ENGLISH)
    assert mark in page.words
    placed_at = record.dispute_marks[0].placed_at
    assert page.tree.find(f".//time[@datetime='{placed_at.isoformat()}']") is not None


def test_the_line_of_a_term_goes_with_the_days(record, anybody):
    def past():
        rect = anybody.read(f"/records/{record.ref}").tree.find(f".//{SVG}rect[@class='past']")
        return int(rect.get("width"))

    before = past()
    whole = (record.max_publication_until - record.decided_on).days
    with at(now() + timedelta(days=whole // 4)):
        assert period_of(record).now - before in range(23, 27)
    assert 0 < before < 100


def test_a_record_can_be_scanned_while_it_is_public(world, record, anybody):
    drawn = anybody.get(f"/records/{record.ref}/qr.svg")
    assert drawn.mimetype == "image/svg+xml"
    assert ElementTree.fromstring(drawn.data).tag.endswith("svg")
    assert drawn.data == pictures.draw_code(f"http://localhost/records/{record.ref}")
    assert drawn.headers["Cache-Control"] == "no-store"
    annul_record(world, record)
    assert anybody.get(f"/records/{record.ref}/qr.svg").status_code == 404
    assert anybody.get("/records/JL-2026-000999-X/qr.svg").status_code == 404


# --- how it works ---


def test_every_workflow_is_drawn_and_told_in_both_languages(app, anybody):
    links = anybody.read("/how").links.values()
    for name, workflow in current_policy().current.items():
        assert f"/how/{name}" in links
        for lang, header in (("zh", "zh-CN"), ("en", "en")):
            page = anybody.get(f"/how/{name}", headers={"Accept-Language": header})
            assert page.status_code == 200
            assert workflow.label.text(lang) in page.words
            rows = page.tree.findall(".//main//tbody/tr")
            assert len(rows) == len(workflow.transitions)
            for row, one in zip(rows, workflow.transitions.values(), strict=True):
                told = text_of(row)
                assert one.label.text(lang) in told
                assert all(basis.label.text(lang) in told for basis in one.basis)
            (drawn,) = page.tree.findall(".//main//img")
            assert drawn.get("alt")
            assert drawn.get("src") == f"/how/{name}.{lang}.svg"


def test_a_picture_shows_every_state_and_every_step(app, anybody):
    for name, workflow in current_policy().current.items():
        drawn = anybody.get(f"/how/{name}.en.svg")
        assert drawn.mimetype == "image/svg+xml"
        words = " ".join(ElementTree.fromstring(drawn.data).itertext())
        for state in workflow.states.values():
            if state.name != workflow.initial:
                assert state.label.en in words, f"{name}: {state.name}"
        numbers = set(map(int, re.findall(r"(?<![\w-])\d+(?![\w-])", words)))
        shown = {number for number, _ in number_steps(workflow)} - set(list_undrawn(workflow))
        assert shown <= numbers


def test_the_term_of_a_step_is_that_of_the_rules_in_force(anybody):
    """An objection is accepted within the clock of its state."""
    page = anybody.get("/how/objection", headers=ENGLISH)
    policy = current_policy()
    workflow = policy.current["objection"]
    clock = workflow.states["submitted"].clock
    days = parts_in_force(policy, today())[workflow.rules].clocks[clock].working_days
    rows = [text_of(row) for row in page.tree.findall(".//main//tbody/tr")]
    label = workflow.transitions["accept"].label.en
    assert any(label in row and f"{days} working day" in row for row in rows)


def test_a_workflow_that_is_none_has_no_page(anybody):
    for address in ("/how/nothing", "/how/nothing.zh.svg", "/how/objection.fr.svg", "/how/..%2f"):
        assert anybody.get(address).status_code == 404


def test_a_picture_is_drawn_once(app, anybody, monkeypatch):
    pictures.render.cache_clear()
    first = anybody.get("/how/talk.zh.svg").data
    monkeypatch.setattr(pictures, "PROGRAM", "no-such-program")
    assert anybody.get("/how/talk.zh.svg").data == first
    with pytest.raises(pictures.CannotDraw):
        pictures.render("digraph {}")


def test_a_label_cannot_break_out_of_the_picture(app):
    talk = current_policy().current["talk"]
    bad = Label('"]; stolen [label="<script>alert(1)</script>\\', "")
    state = replace(next(iter(talk.states.values())), name="other", label=bad, final=True)
    graph = draw_graph(replace(talk, label=bad, states={**talk.states, "other": state}), "zh")
    assert graph.count("digraph") == 1
    picture = pictures.render(graph).decode()
    assert "<script" not in picture
    assert ">stolen<" not in picture  # it is no box of its own
    assert picture.count("&lt;script&gt;") >= 1


# --- all of them ---


@pytest.fixture
def pages(world, record, anybody):
    for _ in range(25):
        make_record(world.firm, world.agency)
    made = make_case(world, "accepted", workflow="repair", record=record)
    assert made
    return [
        "/",
        "/?q=虚构",
        f"/records/{record.ref}",
        "/commitments",
        "/measures",
        "/rules",
        "/rules/SD-SEEDS",
        "/coverage",
        "/trust",
        "/training",
        "/how",
        "/how/objection",
        "/how/repair",
        "/how/objection.zh.svg",
        "/complaints",
    ]


def test_no_public_page_fetches_anything_from_elsewhere(pages, anybody):
    for address in pages:
        body = anybody.read(address).html
        for tag, name in (("img", "src"), ("script", "src"), ("link", "href"), ("form", "action")):
            tree = html5lib.parse(body, namespaceHTMLElements=False)
            for one in tree.iter(tag):
                assert not re.match(r"(https?:)?//", one.get(name, "")), f"{address}: {one.attrib}"
    css = anybody.get("/static/redress.css").get_data(as_text=True)
    assert not re.search(r"url\(|@import|https?://", css)


def test_no_public_page_is_heavy(pages, anybody):
    sheets = ("/bootstrap/static/css/bootstrap.min.css", "/static/redress.css")
    style = sum(len(gzip.compress(anybody.get(one).data)) for one in sheets)
    for address in pages:
        weight = style + len(gzip.compress(anybody.read(address).data))
        for picture in re.findall(r'<img src="([^"]+)"', anybody.read(address).html):
            weight += len(gzip.compress(anybody.get(picture).data))
        assert weight < HEAVIEST, f"{address}: {weight}"
