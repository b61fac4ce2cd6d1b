"""What every page keeps: valid HTML, names for what can be filled in, privacy, few queries."""

import re
from collections.abc import Iterator
from contextlib import contextmanager

import html5lib
import pytest
from sqlalchemy import event, select

from repair_app.db import db
from repair_app.models import Case
from repair_app.models.parties import Role
from tests.client import names_of, text_of
from tests.factories import (
    act,
    annul_record,
    make_account,
    make_appointment,
    make_case,
    make_organisation,
    make_record,
    make_sanction,
    requirement_of,
)

SECRET = "欧阳绝密"  # the legal representative of every record here: personal
OWN_SCRIPT = re.compile(r'<script src="/static/[\w.]+" defer></script>')  # a file of ours
MOST_QUERIES = 14
# Pages that say where a record is shown ask for that as well.
MOST_ON_A_RECORD = 16
MOST_ON_A_CASE = 20  # the page that shows the most: notes, letters, messages, colleagues


@pytest.fixture
def town(world):
    """Put something on file for every page: records of all kinds, cases in several states."""

    class Town:
        pass

    town = Town()
    firm, agency = world.firm, world.agency
    personal = {"legal_representative": SECRET}
    town.quiet = make_record(firm, agency, **personal)
    make_sanction(town.quiet, world.officer)
    town.disputed = make_record(firm, agency, **personal)
    make_sanction(town.disputed, world.officer)
    town.objection = make_case(world, "with_provider", record=town.disputed)
    town.proposed = make_case(world, "correction_proposed")
    town.heard = make_case(world, "rejection_announced")
    town.repaired = make_record(firm, agency, **personal)
    town.executed = make_case(world, "executed", workflow="repair", record=town.repaired)
    town.withdrawn = make_record(firm, agency, **personal)
    annul_record(world, town.withdrawn)
    town.serious = make_record(firm, agency, severity="serious", decided_days_ago=300, **personal)
    town.draft = make_case(world, "draft", workflow="repair", record=town.serious)
    training = requirement_of(town.draft, "training")
    act(world.subject, "enrol", training, institution_id=world.training_house.id)
    town.training = training
    town.fresh = make_record(firm, agency, decided_days_ago=20, **personal)
    return town


def pages_of(town):
    """Return for each person the addresses of pages with something on them."""
    cases = {f"/cases/{one.ref}" for one in (town.objection, town.proposed, town.executed)}
    record = f"/records/{town.quiet.ref}"
    disputed = f"/records/{town.disputed.ref}"
    objection, proposed, heard = town.objection.ref, town.proposed.ref, town.heard.ref
    needed = {one.workflow: one.ref for one in town.draft.requirements}
    return {
        "nobody": [
            "/",
            "/?q=虚构",
            "/?q=没有这一家",
            record,
            disputed,
            "/commitments",
            f"/enterprises/{town.quiet.subject.uscc}",
            "/measures",
            "/login",
            "/nowhere",
        ],
        "subject": [
            *cases,
            "/",
            "/my",
            record,
            f"/records/{town.repaired.ref}",
            f"{record}/objection",
            f"{record}/repair",
            f"/records/{town.fresh.ref}/repair",
            f"/cases/{town.draft.ref}",
            f"/cases/{heard}/state_views",
            f"/cases/{objection}/withdraw",
            f"/requirements/{needed['commitment']}/sign",
            f"/requirements/{needed['rectification']}/submit_proof",
            f"/requirements/{needed['credit_report']}/request",
        ],
        "provider": [
            *cases,
            "/work",
            "/work/cases",
            "/work/imports",
            record,
            f"{record}/annul",
            f"/cases/{objection}/confirm",
            f"/cases/{objection}/propose_correction",
            f"/cases/{objection}/disclaim",
        ],
        "reviewer": [
            *cases,
            "/work",
            "/work/cases?workflow=repair",
            disputed,
            f"/cases/{proposed}/decide_correction",
            f"/cases/{proposed}/return_to_provider",
            f"/cases/{objection}/accept",
            "/my",
        ],
        "officer": ["/enforce", "/enforce?uscc=91370112MA0000001C", f"{record}/sanction", disputed],
        "institution": [
            "/work",
            f"/requirements/{town.training.ref}",
            f"/requirements/{town.training.ref}/confirm_training",
        ],
        "auditor": [*cases, "/audit", "/audit/verify", record],
        "administrator": ["/admin"],
        "stranger": ["/my", f"/records/{town.repaired.ref}"],
    }


# --- valid, named, plain ----------------------------------------------------------------------


def test_every_page_is_valid_named_and_free_of_scripts(town, as_, world, anybody):
    seen = 0
    for name, addresses in pages_of(town).items():
        client = anybody if name == "nobody" else as_(getattr(world, name))
        for address in addresses:
            page = client.get(address)
            assert page.status_code in {200, 403, 404, 409}, f"{address}: {page.status_code}"
            faults = list(faults_of(page))
            assert not faults, f"{name} at {address}: {faults}"
            seen += 1
    assert seen > 50


def faults_of(page) -> Iterator[str]:
    """Yield what is wrong with a page."""
    parser = html5lib.HTMLParser(strict=False)
    parser.parse(page.html)
    yield from (f"{code} at {place}" for place, code, _ in parser.errors)
    tree = page.tree
    if tree.get("lang") not in {"zh-Hans", "en"}:
        yield "no lang"
    if len(list(tree.iter("h1"))) != 1:
        yield f"{len(list(tree.iter('h1')))} h1"
    ids = [one.get("id") for one in tree.iter() if one.get("id")]
    if len(ids) != len(set(ids)):
        yield "an id twice"
    for one in tree.iter():
        yield from faults_of_element(one, tree)
    html = OWN_SCRIPT.sub("", page.html)
    if re.search(r"<script|javascript:|style=|\son\w+=", html):
        yield "script or style on the page"
    if re.search(r"%\(\w+\)s|\{\{|\}\}|Undefined|None</", page.html):
        yield "an unfilled text"


def faults_of_element(one, tree) -> Iterator[str]:
    """Yield what is wrong with one element."""
    if one.tag in {"input", "select", "textarea"} and one.get("type") not in {"hidden", "submit"}:
        labels = [label for label in tree.iter("label") if label.get("for") == one.get("id")]
        is_said = any(text_of(label) for label in labels) or one.get("aria-label")
        if not is_said or not (one.get("id") or one.get("aria-label")):
            yield f"no label for {one.get('name')}"
    if one.tag in {"a", "button"} and not (text_of(one) or one.get("aria-label")):
        yield f"nothing to read on {one.get('href')}"
    if one.tag == "img" and one.get("alt") is None:
        yield "an image without a text"
    if (
        one.tag == "a"
        and one.get("target") == "_blank"
        and "noopener" not in (one.get("rel") or "")
    ):
        yield "a new window that can reach this one"


def test_a_page_with_mistakes_is_as_valid_as_without(town, as_, world):
    client = as_(world.subject)
    address = f"/records/{town.quiet.ref}/objection"
    page = client.fill(address, statement="", value_fine_10k="zwei", value_decided_on="2026-13-01")
    assert page.status_code == 400
    assert len(page.mistakes) == 3
    assert not list(faults_of(page))
    # The message is tied to its field for who cannot see it.
    field = next(one for one in page.tree.iter("textarea") if one.get("name") == "statement")
    assert "is-invalid" in field.get("class")


def test_the_pages_are_in_english_for_who_wants_it(town, as_, world):
    client = as_(world.subject)
    token = client.read("/my").tree.find(".//input[@name='csrf_token']").get("value")
    client.post("/language", data={"csrf_token": token, "language": "en", "back": "/my"})
    for address in ("/my", f"/cases/{town.objection.ref}", f"/records/{town.quiet.ref}/objection"):
        page = client.read(address)
        assert page.tree.get("lang") == "en"
        assert not list(faults_of(page))
    assert "With the provider" in client.read(f"/cases/{town.objection.ref}").words


# --- privacy ----------------------------------------------------------------------------------


def test_the_public_reads_nothing_personal_and_nothing_removed(town, anybody, world):
    """Privacy by default; 鲁信用办〔2021〕5号 （八）: what was removed is found nowhere."""
    addresses = [*pages_of(town)["nobody"], f"/?q={world.firm.uscc}"]
    gone = (town.repaired, town.withdrawn)
    for address in addresses:
        page = anybody.get(address)
        assert SECRET not in page.html
        for record in gone:
            assert record.ref not in page.html
            assert record.decision_no not in page.html or address == "/commitments"
        assert "example.com" not in page.html
        assert not re.search(r"YY-\d{4}|XF-\d{4}", page.html)
    assert not anybody.read(f"/?q={SECRET}").having("table")
    for record in gone:
        assert anybody.get(f"/records/{record.ref}").status_code == 404
        for workflow in ("objection", "repair", "sanction", "annulment"):
            assert anybody.get(f"/records/{record.ref}/{workflow}").status_code == 302


def test_a_signed_in_stranger_reads_no_more_than_the_public(town, anybody, as_, world):
    outsider = as_(make_account(make_organisation(), Role.SUBJECT))
    for record in (town.repaired, town.withdrawn):
        assert outsider.get(f"/records/{record.ref}").status_code == 404
    page = outsider.read(f"/records/{town.disputed.ref}")
    public = anybody.read(f"/records/{town.disputed.ref}")
    assert page.words == public.words


def test_the_public_search_finds_by_any_part_of_a_name_and_by_code(town, anybody, world):
    firm = world.firm
    for query in (firm.name, firm.name[2:5], firm.uscc, firm.uscc.lower(), f"  {firm.name} "):
        assert town.quiet.ref in anybody.get("/", query_string={"q": query}).html
    for query in (
        firm.uscc[:5],
        firm.uscc[2:],
        "%",
        "_",
        "'",
        '"',
        "\\",
        "甲%食品",
        "x" * 5000,
        " ",
    ):
        page = anybody.get("/", query_string={"q": query})
        assert page.status_code == 200
        assert town.quiet.ref not in page.html


def test_a_long_list_goes_on_on_the_next_page(anybody, world):
    made = [make_record(world.firm, world.agency).ref for _ in range(45)]
    seen = []
    address = f"/?q={world.firm.uscc}"
    while address:
        page = anybody.read(address)
        seen += re.findall(r"/records/(JL-[\w-]+)", page.html)
        address = next((one for one in page.links.values() if "before=" in one), None)
    assert seen == made[::-1]


# --- few queries ------------------------------------------------------------------------------


@contextmanager
def counted_queries():
    """Give a list that holds, at the end, the queries made inside."""
    queries: list[str] = []

    def note(connection, cursor, statement, parameters, context, many):
        if not statement.startswith(("PRAGMA", "BEGIN", "SET TRANSACTION")):
            queries.append(" ".join(statement.split())[:90])

    event.listen(db.engine, "before_cursor_execute", note)
    try:
        yield queries
    finally:
        event.remove(db.engine, "before_cursor_execute", note)


COUNTED = [
    ("nobody", "/"),
    ("nobody", "/?q=虚构"),
    ("nobody", "{record}"),
    ("nobody", "/commitments"),
    ("nobody", "/enterprises/{uscc}"),
    ("subject", "/my"),
    ("subject", "{record}"),
    ("subject", "{case}"),
    ("reviewer", "/work"),
    ("reviewer", "/work/cases"),
    ("reviewer", "{record}"),
    ("reviewer", "{case}"),
    ("provider", "/work"),
    ("provider", "{record}"),
    ("provider", "{case}"),
    ("institution", "/work"),
    ("officer", "{record}"),
    ("officer", "/enforce"),
    ("officer", "/enforce?uscc={uscc}"),
    ("auditor", "/audit"),
    ("auditor", "{case}"),
    ("administrator", "/admin"),
]


def test_a_page_asks_the_store_no_more_often_than_it_has_to(town, as_, world, anybody):
    for _ in range(3):  # what grows with the number of rows shows itself
        make_sanction(make_record(world.firm, world.agency), world.officer)
        make_case(
            world,
            "accepted",
            record=make_record(world.other_firm, world.other_agency),
            subject=world.stranger,
        )
        make_case(world, "accepted")
    things = {
        "record": f"/records/{town.disputed.ref}",
        "case": f"/cases/{town.objection.ref}",
        "uscc": world.firm.uscc,
    }
    too_many = {}
    for name, pattern in COUNTED:
        address = pattern.format(**things)
        client = anybody if name == "nobody" else as_(getattr(world, name))
        client.read(address)  # what is read once for all is read
        with counted_queries() as queries:
            client.read(address)
        most = {"{case}": MOST_ON_A_CASE, "{record}": MOST_ON_A_RECORD}.get(pattern, MOST_QUERIES)
        if len(queries) > most:
            too_many[name, pattern] = queries
    assert {key: len(one) for key, one in too_many.items()} == {}, too_many


def test_who_acts_for_many_sees_them_all_on_one_page(as_, world, anybody):
    """An agent of two firms sees both, and each record once."""
    agent = make_account(world.firm, Role.AGENT)
    make_appointment(agent, world.other_firm, Role.AGENT, scope=["objection"])
    records = [make_record(one, world.agency) for one in (world.firm, world.other_firm)]
    page = as_(agent).read("/my")
    for record in records:
        links = [one.get("href") for one in page.tree.iter("a")]
        assert links.count(f"/records/{record.ref}") == 1
    assert not db.session.scalars(select(Case)).all()


def test_every_field_of_a_form_is_one_that_is_read(town, as_, world):
    """A form asks for nothing that is thrown away."""
    page = as_(world.subject).read(f"/records/{town.quiet.ref}/objection")
    assert {"csrf_token", "form_token", "version", "statement", "ground"} <= names_of(page.form)
