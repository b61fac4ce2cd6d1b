"""Controls of rows 49 to 66: a guard against words and files is taken away, the attack succeeds."""

import re
import secrets
from urllib.parse import urlencode

import pytest
from jinja2.utils import LRUCache
from sqlalchemy import func, select, text, true

from repair_app import logs, uploads
from repair_app.api import bodies
from repair_app.db import db
from repair_app.models import Organisation
from repair_app.services import organisations, search
from repair_app.web import watching
from tests.factories import PDF, get_case, make_case, make_record
from tests.security.pictures import PLACE, make_exif, make_photograph
from tests.security.test_uploads_refused import FLOOD, LAUGHS, documents
from tests.security.test_words_refused import BREAKS_OUT, MARKUP

pytestmark = pytest.mark.parametrize("stage", ["sqlite"], indirect=True)  # no query is special
NOTHING = re.compile("(?!)")
IN_PARTS, URLENCODED = "multipart/form-data; boundary=b", "application/x-www-form-urlencoded"

# --- rows 49, 50: what would run in a page --------------------------------------------------------


@pytest.fixture
def templates(app, monkeypatch):
    """Give the templates' settings, for a test to change: what was compiled before is put aside."""
    monkeypatch.setattr(app.jinja_env, "cache", LRUCache(400))
    return app.jinja_env


def test_row_49_control_without_escaping_a_script_is_part_of_the_page(
    as_, world, templates, monkeypatch
):
    record = make_record(world.firm, world.agency, violation_facts=MARKUP)
    ref = make_case(world, "submitted", record=record).ref
    client = as_(world.reviewer)
    assert "<img src=x" not in client.read(f"/cases/{ref}").html
    monkeypatch.setattr(templates, "autoescape", False)
    templates.cache.clear()
    assert "<img src=x onerror=alert(1)>" in client.read(f"/cases/{ref}").html


def test_row_50_control_where_words_are_made_a_template_they_are_reckoned_out(
    as_, world, templates, monkeypatch
):
    """The guard is that words are given to a template and never made one."""
    record = make_record(world.firm, world.agency, violation_facts=MARKUP)
    ref = make_case(world, "submitted", record=record).ref
    client = as_(world.reviewer)
    assert MARKUP in client.read(f"/cases/{ref}").words

    def make_template(value):
        return templates.from_string(value).render() if "{{7*7}}" in str(value) else value

    monkeypatch.setattr(templates, "finalize", make_template)
    templates.cache.clear()
    words = client.read(f"/cases/{ref}").words
    assert MARKUP not in words
    assert MARKUP.replace("{{7*7}}", "49") in words


# --- row 51: SQL ----------------------------------------------------------------------------------


def test_row_51_control_a_query_of_which_words_are_a_part_finds_everything(
    world, anybody, monkeypatch
):
    record = make_record(world.firm, world.agency)
    query = {"q": BREAKS_OUT}
    assert record.ref not in anybody.get("/", query_string=query).html

    def put_together(wanted):
        return text("organisation.search_name LIKE '%NAME%'".replace("NAME", wanted.name))

    monkeypatch.setattr(search, "holds_name", put_together)
    assert record.ref in anybody.get("/", query_string=query).html


# --- rows 54, 55: logs, and headers of our own ----------------------------------------------------

PROXY = "https://credit.example"


def test_row_54_control_without_both_guards_a_code_for_terminals_is_in_the_log(
    app, anybody, capsys, monkeypatch, plain
):
    """Two guards: only what can be a number is believed; what cannot be printed is not written."""
    monkeypatch.setitem(app.config, "BASE_URL", PROXY)
    forged = {"X-Request-Id": "12345678\x1b[2Jforged"}

    def log_of():
        capsys.readouterr()
        assert anybody.get("/healthz", headers=forged).status_code == 200
        return capsys.readouterr().err

    assert "forged" not in log_of()
    monkeypatch.setattr(watching, "NUMBER", re.compile(".+"))
    told = log_of()
    assert "forged" in told
    assert "\x1b" not in told
    monkeypatch.setattr(logs, "UNPRINTABLE", NOTHING)
    assert "\x1b[2Jforged" in log_of()


def test_row_55_control_where_a_proxy_is_believed_that_is_not_there_anybody_gives_the_number(
    app, anybody, monkeypatch
):
    forged = {"X-Request-Id": "12345678forged"}
    assert anybody.get("/healthz", headers=forged).headers["X-Request-Id"] != "12345678forged"
    monkeypatch.setitem(app.config, "BASE_URL", PROXY)
    assert anybody.get("/healthz", headers=forged).headers["X-Request-Id"] == "12345678forged"


# --- rows 57, 58: what looks alike ----------------------------------------------------------------


@pytest.mark.parametrize("which", ["full width", "Cyrillic"])
def test_row_57_control_without_its_normal_form_a_code_is_on_file_twice(
    as_, world, monkeypatch, which
):
    code = world.firm.uscc
    wide = "".join(chr(ord(one) + 0xFEE0) for one in code)
    alike = wide if which == "full width" else code.replace("A", "\u0410")
    client = as_(world.administrator)

    def add():
        answer = client.fill("/admin/organisations/new", uscc=alike, name="虚构丙有限公司")
        found = select(func.count()).where(Organisation.uscc == alike)
        return answer.status_code, db.session.scalar(found)

    status, found = add()
    assert status in {400, 409}
    assert found == 0
    monkeypatch.setattr(organisations, "read_code", lambda typed: typed)
    assert add() == (302, 1)


def test_row_58_control_without_both_guards_a_sign_of_the_query_language_stands_for_others(
    world, anybody, monkeypatch
):
    """Two guards: what names are compared with says what it means; the index knows no such sign."""
    record = make_record(world.firm, world.agency)

    def finds():
        return record.ref in anybody.get("/", query_string={"q": "虚_甲"}).html

    assert not finds()
    name = Organisation.search_name
    monkeypatch.setattr(search, "holds_name", lambda wanted: name.contains(wanted.name))
    assert not finds()
    monkeypatch.setattr(search, "is_indexed", lambda _: true())
    assert finds()


# --- rows 60, 63, 66: files -----------------------------------------------------------------------


def test_row_60_control_without_a_plain_name_marks_of_direction_are_kept(hand_in, monkeypatch):
    monkeypatch.setattr(uploads, "clean_name", lambda name: name)
    assert hand_in(PDF, "a\u202elmth.pdf").status_code == 302
    (document,) = documents()
    assert "\u202e" in document.filename


def test_row_60_control_without_a_list_of_endings_a_file_has_any(hand_in, monkeypatch):
    assert hand_in(PDF, "a.pdf.html").status_code == 415
    monkeypatch.setattr(uploads, "MEDIA_TYPES", {".html": "application/pdf"})
    assert hand_in(PDF, "a.pdf.html").status_code == 302
    (document,) = documents()
    assert document.filename == "a.pdf.html"


def test_row_63_control_without_a_look_at_its_content_xml_is_kept(hand_in, monkeypatch):
    assert hand_in(LAUGHS, "a.pdf").status_code == 415
    monkeypatch.setattr(uploads, "sniff", lambda _: "application/pdf")
    monkeypatch.setattr(uploads, "IS_WHOLE", {})
    assert hand_in(LAUGHS, "a.pdf").status_code == 302
    assert len(documents()) == 1


@pytest.mark.parametrize("name", FLOOD)
def test_row_66_control_without_a_look_at_its_size_a_flood_of_points_is_kept(
    hand_in, monkeypatch, name
):
    assert hand_in(FLOOD[name], name).status_code == 413
    monkeypatch.setattr(uploads, "MOST_POINTS", 10**12)
    assert hand_in(FLOOD[name], name).status_code == 302


def test_row_66_control_without_taking_out_a_photograph_says_where_it_was_taken(
    hand_in, as_, world, monkeypatch
):
    monkeypatch.setattr("repair_app.pictures.strip", lambda content: content)
    assert hand_in(make_photograph(make_exif()), "现场.jpg").status_code == 302
    (document,) = documents()
    assert PLACE in as_(world.subject).get(f"/documents/{document.ref}").data


# --- row 64: too much -----------------------------------------------------------------------------


def test_row_64_control_without_a_limit_json_is_unfolded_however_much_it_holds(
    machine, monkeypatch
):
    """Two million values in 3 MB: read, they are 24 times as much."""
    sent = {"data": '{"items": [' + "[]," * 2**20 + "[]]}", "content_type": "application/json"}
    system = machine("officer")
    assert system.send("POST", "/enforceable", **sent).status_code == 413
    monkeypatch.setattr(bodies, "MOST_VALUES", 10**9)
    assert system.send("POST", "/enforceable", **sent).status_code == 422


@pytest.mark.parametrize(
    ("limit", "kind", "parts", "words"),
    [
        ("MAX_FORM_PARTS", IN_PARTS, 20_000, ""),
        ("MAX_FORM_MEMORY_SIZE", IN_PARTS, 1, "x" * 3 * 2**20),
        ("MAX_FORM_MEMORY_SIZE", URLENCODED, 1, "x" * 3 * 2**20),
    ],
)
def test_row_64_control_without_a_limit_a_form_is_taken_however_large(
    app, as_, world, monkeypatch, limit, kind, parts, words
):
    case = make_case(world, "submitted")
    client = as_(world.reviewer)
    fields = {
        "csrf_token": client.token(),
        "version": str(case.version),
        "form_token": secrets.token_urlsafe(24),
    }
    sent = [*fields.items(), *[("x", words)] * parts]
    if kind == URLENCODED:
        body = urlencode(sent)
    else:
        head = '--b\r\nContent-Disposition: form-data; name="{}"\r\n\r\n{}\r\n'
        body = "".join(head.format(*one) for one in sent) + "--b--\r\n"

    def send():
        return client.post(f"/cases/{case.ref}/accept", data=body, content_type=kind).status_code

    assert send() == 413
    assert get_case(case.ref).state == "submitted"
    monkeypatch.setitem(app.config, limit, None)
    assert send() == 302
    assert get_case(case.ref).state == "accepted"
