"""What answers give away, and what goes out to others: rows 45 to 55 and 64 to 84."""

import csv
import io
import ipaddress
import json
import re
import socket
import string

import pytest
from flask import request
from sqlalchemy import func, select, update
from sqlalchemy.orm import Session

from repair_app import ledger, outgoing
from repair_app.db import db
from repair_app.masking import HIDDEN, find_personal
from repair_app.models import Case, Event, EventText, Viewing
from repair_app.models.parties import OrganisationKind
from repair_app.services import complaints, viewings
from repair_app.services.transaction import transaction
from tests.client import make_client
from tests.factories import (
    annul_record,
    get_case,
    make_case,
    make_organisation,
    make_record,
    make_upload,
)

one_store = pytest.mark.parametrize("stage", ["sqlite"], indirect=True)  # no query is special
TRACES = re.compile(
    r"Traceback|File \"|sqlalchemy|psycopg|sqlite3|SELECT |werkzeug/|Werkzeug/|Python/3|granian",
    re.IGNORECASE,
)

# --- rows 45 to 48, 83: what stands around every answer -------------------------------------------


@one_store
def test_rows_45_46_47_83_every_answer_is_guarded_and_tells_nothing_of_what_made_it(
    as_, world, anybody
):
    record = make_record(world.firm, world.agency)
    case = make_case(world, "submitted", record=record)
    (document,) = case.documents
    subject = as_(world.subject)
    answers = [
        anybody.get("/"),
        anybody.get(f"/records/{record.ref}"),
        anybody.get("/no/such/page"),
        anybody.get("/work"),
        anybody.post("/login", data={}),
        anybody.post("/my/agents", data={"x": "y"}),
        anybody.open("/", method="PUT"),
        anybody.get("/api/v1/records"),
        anybody.get("/api/v1/nothing"),
        subject.get(f"/cases/{case.ref}"),
        subject.get("/admin"),
        subject.get(f"/documents/{document.ref}"),
        subject.post(f"/cases/{case.ref}/withdraw", data={}),
        subject.post("/uploads", data=b"\x00", content_type="application/octet-stream"),
    ]
    assert {one.status_code for one in answers} >= {200, 302, 400, 401, 403, 404, 405, 415}
    for one in answers:
        place = f"{one.request.method} {one.request.path}"
        head = one.headers
        assert head["X-Content-Type-Options"] == "nosniff", place
        assert head["Referrer-Policy"] == "same-origin", place
        assert "frame-ancestors 'none'" in head["Content-Security-Policy"], place
        assert "unsafe" not in head["Content-Security-Policy"], place
        assert "no-store" in head.get("Cache-Control", ""), place
        assert not TRACES.search(head.get("Server", "")), place
        if one.mimetype in {"text/html", "application/json", "application/problem+json"}:
            assert not TRACES.search(one.get_data(as_text=True)), place
        for cookie in head.getlist("Set-Cookie"):
            assert "HttpOnly" in cookie, place
            assert "SameSite=Lax" in cookie, place


@one_store
def test_row_48_a_forged_address_is_not_believed_without_a_proxy(app, anybody, monkeypatch):
    seen = []
    asked = [lambda: seen.append(request.remote_addr), *app.before_request_funcs[None]]
    monkeypatch.setitem(app.before_request_funcs, None, asked)
    for header in ("X-Forwarded-For", "X-Real-IP", "Forwarded", "X-Client-IP"):
        anybody.get("/healthz", headers={header: "203.0.113.9"})
    assert seen == ["127.0.0.1"] * 4


@one_store
def test_rows_54_55_cve_2023_41259_headers_of_our_own_are_not_taken_from_others(
    app, as_, world, capsys, monkeypatch, plain
):
    """Also from whoever is behind a proxy that passes on the number of a request as it came."""
    forged = {
        "X-Account": "1",
        "X-User": "admin",
        "X-Forwarded-User": "admin",
        "X-Original-URL": "/admin",
        "X-Rewrite-URL": "/admin",
    }
    client = as_(world.subject)
    monkeypatch.setitem(app.config, "BASE_URL", "https://credit.example.com")
    for breaks in ("12345678\x1b[2Jforged", "12345678%0aforged", "12345678\x85forged"):
        headers = forged | {"X-Request-Id": breaks, "User-Agent": breaks, "Referer": breaks}
        capsys.readouterr()
        assert client.get("/admin", headers=headers).status_code == 403
        page = client.get(f"/my?{breaks}", headers=headers)
        assert page.status_code == 200
        assert world.subject.person.name in page.html
        told = capsys.readouterr().err
        assert told.count("info request") == len(told.splitlines()) == 2
        assert "forged" not in told


# --- row 64: too much -----------------------------------------------------------------------------


@one_store
def test_row_64_cve_2024_49767_too_many_parts_and_too_large_bodies_are_refused(as_, world, machine):
    case = make_case(world, "submitted")
    client = as_(world.reviewer)
    place = f"/cases/{case.ref}/accept"
    part = '--b\r\nContent-Disposition: form-data; name="x"\r\n\r\n\r\n'
    answer = client.post(
        place, data=(part * 20_000 + "--b--\r\n"), content_type="multipart/form-data; boundary=b"
    )
    assert answer.status_code == 413
    # Of one piece: two million fields would take gigabytes, and half a minute.
    good = {"csrf_token": client.token(), "version": str(case.version)}
    for words in ("x" * (3 * 2**20), {"x": [""] * 2**20}):
        more = words if isinstance(words, dict) else {"reason": words}
        assert client.post(place, data={**good, **more}).status_code == 413
    brackets = '{"items": [' + "[]," * 2**20 + "[]]}"
    asked = machine("officer").send(
        "POST", "/enforceable", data=brackets, content_type="application/json"
    )
    assert (asked.status_code, asked.json["code"]) == (413, "too_large")
    assert machine("officer").send("POST", "/token", data=good | more).status_code == 413
    told = client.post(
        place,
        data=b"",
        environ_overrides={"CONTENT_LENGTH": str(2**30)},
        content_type="multipart/form-data; boundary=b",
    )
    assert told.status_code == 413
    assert get_case(case.ref).state == "submitted"


# --- row 67: where we may ask ---------------------------------------------------------------------


@pytest.mark.parametrize(
    "address",
    [
        *("127.0.0.1", "10.1.2.3", "172.16.0.1", "192.168.1.1", "169.254.169.254", "100.64.0.1"),
        *("0.0.0.0", "255.255.255.255", "::1", "fe80::1", "fd00::1", "::ffff:169.254.169.254"),
    ],
)
def test_row_67_cve_2026_31878_no_address_inside_is_asked(address):
    assert not outgoing.may_ask(ipaddress.ip_address(address), ())


@pytest.mark.parametrize(
    "host", ["2130706433", "0x7f000001", "017700000001", "127.1", "0", "localhost", "localhost."]
)
def test_row_67_however_it_is_written_nobody_inside_is_asked(host):
    """What the resolver makes of it counts, when the connection is made."""
    with socket.create_server(("127.0.0.1", 0)) as listening:
        listening.setblocking(False)
        url = f"https://{host}:{listening.getsockname()[1]}/"
        with outgoing.Line() as line, pytest.raises((outgoing.NotAllowed, outgoing.NotReached)):
            line.ask("GET", url, {})
        with pytest.raises(BlockingIOError):
            listening.accept()  # nobody came


def test_row_67_a_name_that_changes_its_mind_is_not_followed(monkeypatch):
    """The first answer of the name server is good, the next is inside: one is asked for."""
    answers = iter(["93.184.216.34", "127.0.0.1", "127.0.0.1"])
    asked, gone = [], []
    ask = socket.getaddrinfo

    def change(host, port, *args, **kwargs):
        asked.append(host)
        return ask(next(answers), port, *args, **kwargs)

    def connect(address, *_args, **_kwargs):
        gone.append(address[0])
        raise TimeoutError

    monkeypatch.setattr(socket, "getaddrinfo", change)
    monkeypatch.setattr(socket, "create_connection", connect)
    with outgoing.Line() as line, pytest.raises((outgoing.NotAllowed, outgoing.NotReached)):
        line.ask("GET", "https://platform.example/", {})
    assert set(asked) == {"platform.example"}
    assert gone == ["93.184.216.34"]


# --- rows 69 to 75: what the public reads ---------------------------------------------------------

PERSONAL = (
    "当事人住址：虚构路1号3单元502室，电话13800001111，身份证11010519491231002X，"
    "健康状况：甲病，宗教信仰：乙教。"
)
SECRETS = ("虚构路1号", "13800001111", "11010519491231002X", "甲病", "乙教")


@one_store
def test_rows_69_70_74_what_is_personal_is_masked_alike_wherever_it_is_read(
    world, anybody, machine
):
    record = make_record(
        world.firm, world.agency, violation_facts=PERSONAL, penalty_content=f"罚款。{PERSONAL}"
    )
    places = [
        f"/records/{record.ref}",
        f"/records/{record.ref}?lang=en",
        f"/?q={world.firm.uscc}",
        f"/enterprises/{world.firm.uscc}",
        f"/exports/records.csv?q={world.firm.uscc}",
        "/statistics",
    ]
    for place in places:
        page = anybody.get(place)
        assert page.status_code == 200, place
        text = page.get_data(as_text=True)
        assert not any(one in text for one in SECRETS), place
    shown = anybody.read(f"/records/{record.ref}").words
    assert HIDDEN in shown
    assert find_personal(shown.partition("当事人")[2][:60]) == []
    answer = machine("stranger").get(f"/records/{record.ref}")
    assert answer.status_code == 200
    assert not any(one in json.dumps(answer.json, ensure_ascii=False) for one in SECRETS)


@one_store
def test_row_71_a_natural_persons_record_is_nowhere(world, anybody):
    person = make_organisation(OrganisationKind.NATURAL_PERSON, "王虚构人")
    record = make_record(person, world.agency)
    assert anybody.get(f"/records/{record.ref}").status_code == 404
    assert record.ref not in anybody.get("/?q=王虚构人").html


@one_store
def test_row_72_what_was_removed_is_gone_at_its_old_address(world, as_, anybody):
    record = make_record(world.firm, world.agency)
    address = f"/records/{record.ref}"
    assert anybody.get(address).status_code == 200
    annul_record(world, record)
    for place in (address, f"{address}/qr.svg", f"/records/{record.ref}?lang=en"):
        assert anybody.get(place).status_code in {404, 410}, place
    assert record.ref not in anybody.get(f"/?q={world.firm.uscc}").html
    assert as_(world.provider).get(address).status_code == 200  # kept on file


@one_store
def test_row_73_who_complained_is_told_to_no_party(world, as_, anybody):
    record = make_record(world.firm, world.agency)
    told = complaints.Told(
        "error", "other", "吹哨人说有误。", "吹哨人 13900002222", [make_upload()]
    )
    complaints.receive(record.ref, told, "form")
    ref = db.session.scalars(select(Case.ref).where(Case.workflow == "complaint")).one()
    for name in ("subject", "provider", "officer", "stranger"):
        client = as_(getattr(world, name))
        for place in (
            f"/cases/{ref}",
            f"/work/complaints/{ref}",
            f"/work/complaints/{ref}/contact",
        ):
            page = client.get(place)
            assert page.status_code in {403, 404}, f"{name} {place}"
            assert "吹哨人" not in page.html, f"{name} {place}"
        for place in ("/my", "/work", f"/records/{record.ref}", "/messages", "/complaints"):
            page = client.get(place)
            assert "吹哨人" not in page.html, f"{name} {place}"
            assert "13900002222" not in page.html, f"{name} {place}"
    assert "吹哨人" not in anybody.read(f"/records/{record.ref}").html


@one_store
def test_row_75_numbers_are_checked_and_codes_are_by_chance(world, anybody):
    refs = [make_record(world.firm, world.agency).ref for _ in range(2)]
    head, number, _ = refs[0].rsplit("-", 2)
    guesses = [
        f"{head}-{int(number) + 1:06d}-{one}" for one in string.digits + string.ascii_uppercase
    ]
    opened = [one for one in guesses if anybody.get(f"/records/{one}").status_code == 200]
    assert opened == [refs[1]]  # who counts on needs its check character as well
    codes = set()
    for ref in refs:
        told = complaints.Told("error", "other", "有误。", "", [])
        codes.add(complaints.receive(ref, told, ref))
    assert len(codes) == 2
    assert all(len(re.sub(r"\W", "", one)) >= 12 for one in codes)


# --- rows 79 to 81: the book ----------------------------------------------------------------------


@one_store
def test_row_79_pypi_2026_4_a_step_whose_event_cannot_be_written_is_not_taken(
    as_, world, app, digest, monkeypatch
):
    case = make_case(world, "submitted")
    client = as_(world.reviewer)
    page = client.read(f"/cases/{case.ref}/accept")
    before, real = digest(), Session.flush

    def flush(session, objects=None):
        if any(isinstance(one, Event) for one in session.new):
            raise RuntimeError("no event")
        return real(session, objects)

    monkeypatch.setattr(Session, "flush", flush)
    monkeypatch.setitem(app.config, "PROPAGATE_EXCEPTIONS", False)
    answer = client.send(page, f"/cases/{case.ref}/accept")
    monkeypatch.undo()
    assert answer.status_code == 500
    assert "no event" not in answer.html
    assert digest() == before


@one_store
def test_row_80_that_an_official_looked_is_noted_and_not_what_was_read(as_, world):
    viewings.SEEN.clear()  # what this process noted in another store
    case = make_case(world, "with_provider")
    assert as_(world.reviewer).get(f"/cases/{case.ref}").status_code == 200
    rows = db.session.scalars(select(Viewing)).all()
    assert rows
    columns = [one.name for one in Viewing.__table__.columns]
    noted = str([getattr(row, name) for row in rows for name in columns])
    assert "金额有误" not in noted


@one_store
def test_row_81_a_text_that_was_erased_is_gone_and_the_chain_is_whole(as_, world):
    make_case(world, "accepted")
    assert db.session.scalar(select(func.count()).where(EventText.body.is_not(None)))
    with transaction() as session:
        session.execute(update(EventText).values(body=None, salt=None))
    assert ledger.verify(db.session())[1] is None
    assert db.session.scalar(select(func.count()).where(EventText.body.is_not(None))) == 0


# --- row 84: faults -------------------------------------------------------------------------------


@one_store
def test_rows_83_84_a_fault_that_nobody_thought_of_lets_nobody_in_and_tells_nothing(
    as_, world, app, anybody, monkeypatch
):
    def fail(*_args, **_kwargs):
        raise ZeroDivisionError("secret 4711 in /srv/redress at SELECT * FROM account")

    monkeypatch.setitem(app.config, "PROPAGATE_EXCEPTIONS", False)
    monkeypatch.setattr("repair_app.web.door.rule_of", fail)
    for client in (anybody, make_client(app)):
        for place in ("/admin", "/work", "/", "/api/v1/records"):
            answer = client.get(place)
            assert answer.status_code == 500, place
            text = answer.get_data(as_text=True)
            assert "4711" not in text
            assert not TRACES.search(text)


# --- row 52: spreadsheets -------------------------------------------------------------------------


@pytest.mark.parametrize("sign", ["=", "+", "-", "@", "\t=", "＝", " ="])
@one_store
def test_row_52_cve_2019_14749_no_cell_of_a_file_is_a_formula(world, anybody, sign):
    record = make_record(world.firm, world.agency, decision_no=f"{sign}HYPERLINK(1)")
    answer = anybody.get(f"/exports/records.csv?q={world.firm.name[2:5]}")
    assert answer.status_code == 200
    rows = list(csv.reader(io.StringIO(answer.get_data().decode("utf-8-sig"))))
    (row,) = [one for one in rows if record.ref in one]
    assert any("HYPERLINK(1)" in cell for cell in row)
    for one in rows:
        for cell in one:
            assert not re.match(r"[\s\ufeff]*[=+@＝＋＠-]", cell), cell
