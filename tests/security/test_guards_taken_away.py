"""Controls: the guard of a row is taken away, and the attack succeeds; with it, it is refused.

So that each guard is seen to be what refuses, and its test to be able to fail.
"""

import io
import re
import secrets
import socket
import zipfile
from concurrent.futures import ThreadPoolExecutor

import pytest
from sqlalchemy import func, select

from repair_app import access, archives, outgoing, sheets, uploads
from repair_app.db import db
from repair_app.engine import machine
from repair_app.models import Case, Document, Role, User, Viewing
from repair_app.services import evidence, sessions, viewings
from repair_app.services.transaction import transaction
from repair_app.web import door
from tests.clamav import VIRUS, running_scanner
from tests.factories import (
    PDF,
    act,
    get_case,
    leave_office,
    make_account,
    make_appointment,
    make_case,
    make_record,
)
from tests.web.test_sign_in import try_to_sign_in

pytestmark = pytest.mark.parametrize("stage", ["sqlite"], indirect=True)  # no query is special


def post(client, ref, step, **fields):
    """Send a step as a browser does that drew its page before; return the status."""
    data = {
        "csrf_token": client.token(),
        "version": str(get_case(ref).version),
        "form_token": secrets.token_urlsafe(24),
        **dict.fromkeys(("reason", "weighing", "remedy", "findings", "statement"), "理由。"),
        **fields,
    }
    return client.post(f"/cases/{ref}/{step}", data=data).status_code


# --- rows 2 to 18: who may ------------------------------------------------------------------------


def test_rows_02_03_control_without_the_question_whose_it_is_another_firm_withdraws(
    as_, world, monkeypatch
):
    ref = make_case(world, "submitted").ref
    client = as_(world.stranger)
    assert client.get(f"/cases/{ref}").status_code == 404
    assert post(client, ref, "withdraw") == 404
    monkeypatch.setattr(access, "concerns", lambda _seat, _entity: True)
    assert client.get(f"/cases/{ref}").status_code == 200
    assert post(client, ref, "withdraw") == 302
    assert get_case(ref).state == "withdrawn"


def test_row_04_control_without_the_question_whose_it_is_another_agency_answers(
    as_, world, monkeypatch
):
    ref = make_case(world, "with_provider").ref
    client = as_(world.other_provider)
    assert post(client, ref, "confirm") == 404
    monkeypatch.setattr(access, "concerns", lambda _seat, _entity: True)
    assert post(client, ref, "confirm") == 302


def test_row_05_control_without_the_question_where_it_lies_another_region_decides(
    as_, world, monkeypatch
):
    ref = make_case(world, "submitted").ref
    client = as_(world.upper_reviewer)
    assert post(client, ref, "accept") == 403
    monkeypatch.setattr(access, "acts_for", lambda _seat, _entity: True)
    assert post(client, ref, "accept") == 302


def test_row_12_control_without_a_look_at_the_account_a_closed_one_reads_on(
    as_, world, monkeypatch
):
    account = make_account(world.firm, Role.SUBJECT)
    client = as_(account)
    with transaction() as session:
        session.get_one(User, account.id).active = False
    assert client.get("/my").status_code == 302
    number = account.id
    monkeypatch.setattr(User, "is_active", property(lambda _: True))
    monkeypatch.setattr(sessions, "find_user", lambda *_: db.session.get(User, number))
    assert client.get("/settings").status_code == 200


def test_row_13_control_without_a_look_at_the_day_who_left_decides_on(as_, world, monkeypatch):
    ref = make_case(world, "submitted").ref
    client = as_(world.reviewer)
    leave_office(world.reviewer)
    assert post(client, ref, "accept") in {403, 404}
    monkeypatch.setattr(User, "current_appointments", property(lambda one: one.appointments))
    assert post(client, ref, "accept") == 302


def on_both_sides(world):
    """Return attacks of one person in two offices: who, which case, which step."""
    both = make_account(world.agency, Role.PROVIDER)
    make_appointment(both, world.centre, Role.REVIEWER)
    verified = make_case(world, "with_provider")
    act(both, "confirm", verified)
    first = make_case(world, "confirmed", record=make_record(world.firm, world.agency))
    act(world.reviewer, "announce_rejection", first)
    act(world.subject, "state_views", get_case(first.ref))
    return {
        "16: for a party": (world.torn_reviewer, verified.ref, "announce_rejection"),
        "17: who verified": (both, verified.ref, "announce_rejection"),
        "18: another account": (world.reviewer_again, first.ref, "sign_rejection"),
    }


def test_row_16_control_without_the_guards_a_party_decides(as_, world, monkeypatch):
    account, ref, step = on_both_sides(world)["16: for a party"]
    client = as_(account)
    assert post(client, ref, step) == 409
    monkeypatch.setattr(machine, "reasons_against", lambda *_: ())
    assert post(client, ref, step) == 302
    assert get_case(ref).state == "rejection_announced"


@pytest.mark.parametrize("which", ["17: who verified", "18: another account"])
def test_rows_17_18_control_without_the_guards_it_is_the_database_that_refuses(
    app, as_, world, monkeypatch, digest, which
):
    """Two guards: what the first says in words, a constraint of the table enforces behind it."""
    account, ref, step = on_both_sides(world)[which]
    client = as_(account)
    assert post(client, ref, step) == 409
    monkeypatch.setattr(machine, "reasons_against", lambda *_: ())
    monkeypatch.setitem(app.config, "PROPAGATE_EXCEPTIONS", False)
    before = digest()
    assert post(client, ref, step) == 500
    assert digest() == before


# --- rows 27, 31, 32: when it may be --------------------------------------------------------------


def test_row_27_control_without_the_guards_what_is_never_repaired_is_begun(as_, world, monkeypatch):
    severity = {"severity": "specific_serious", "decided_days_ago": 800}
    record = make_record(world.firm, world.agency, **severity)
    client = as_(world.subject)
    page = client.get(f"/records/{record.ref}/repair")
    assert (
        client.send(page, f"/records/{record.ref}/repair", statement="已整改。").status_code == 409
    )
    monkeypatch.setattr(machine, "reasons_against", lambda *_: ())
    assert (
        client.send(page, f"/records/{record.ref}/repair", statement="已整改。").status_code == 302
    )
    assert db.session.scalar(select(func.count()).select_from(Case)) == 1


# --- rows 43, 48: requests ------------------------------------------------------------------------


def test_row_43_control_without_the_token_another_sites_form_is_taken(as_, world, app, monkeypatch):
    ref = make_case(world, "submitted").ref
    client = as_(world.reviewer)
    sent = {"version": str(get_case(ref).version), "form_token": secrets.token_urlsafe(24)}
    assert client.post(f"/cases/{ref}/accept", data=sent).status_code == 400
    monkeypatch.setitem(app.config, "WTF_CSRF_ENABLED", False)
    assert client.post(f"/cases/{ref}/accept", data=sent).status_code == 302


def test_row_43_control_without_a_look_at_its_origin_another_sites_form_is_taken(
    as_, world, app, monkeypatch
):
    """Two guards: where the token was stolen, the browser still says whose form it was."""
    ref = make_case(world, "submitted").ref
    client = as_(world.reviewer)
    evil = {"Origin": "https://evil.example"}
    sent = {
        "csrf_token": client.token(),
        "version": str(get_case(ref).version),
        "form_token": secrets.token_urlsafe(24),
    }
    assert client.post(f"/cases/{ref}/accept", data=sent, headers=evil).status_code == 400
    kept = [one for one in app.before_request_funcs[None] if one is not door.refuse_other_sites]
    monkeypatch.setitem(app.before_request_funcs, None, kept)
    assert client.post(f"/cases/{ref}/accept", data=sent, headers=evil).status_code == 302


def test_row_34_control_without_a_limit_one_may_guess_on(app, world, anybody):
    """As all other tests are, whose settings switch the limits off."""
    assert not app.config["RATELIMIT_ENABLED"]
    tries = [try_to_sign_in(anybody, world.subject.email, "wrong") for _ in range(6)]
    assert {one.status_code for one in tries} == {200}
    assert try_to_sign_in(anybody, world.subject.email).status_code == 302


# --- rows 52 to 66: what is written and handed in -------------------------------------------------


def test_row_52_control_without_our_care_a_cell_is_a_formula(world, anybody, monkeypatch):
    make_record(world.firm, world.agency, decision_no="=HYPERLINK(1)")
    address = f"/exports/records.csv?q={world.firm.name[2:5]}"
    formula = re.compile(r'(?:^|,)"?=HYPERLINK', re.MULTILINE)
    assert not formula.search(anybody.get(address).get_data(as_text=True))
    monkeypatch.setattr(sheets, "defuse", lambda text: text)
    assert formula.search(anybody.get(address).get_data(as_text=True))


@pytest.fixture
def hand_in(as_, world):
    """Give a function that sends a file with an objection and returns the status."""
    client = as_(world.subject)

    def send(content, name):
        address = f"/records/{make_record(world.firm, world.agency).ref}/objection"
        return client.fill(address, evidence=(content, name), statement="见附件。").status_code

    return send


def test_row_59_control_without_a_look_at_its_content_a_page_is_kept_as_a_picture(
    hand_in, monkeypatch
):
    page = b"<!doctype html><script>alert(1)</script>"
    assert hand_in(page, "a.pdf") == 415
    monkeypatch.setattr(uploads, "sniff", lambda _: "application/pdf")
    monkeypatch.setattr(uploads, "IS_WHOLE", {})
    assert hand_in(page, "a.pdf") == 302


def make_archive(*names, content=b"x"):
    """Return an archive that says it is an OFD document, with these parts besides."""
    file = io.BytesIO()
    with zipfile.ZipFile(file, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("OFD.xml", "<OFD/>")
        for name in names:
            archive.writestr(name, content)
    return file.getvalue()


ARCHIVES = {
    "61: leads out": (make_archive("../../etc/x"), {"LEADS_OUT": re.compile("(?!)")}),
    "62: within": (make_archive("a/b.zip"), {"NESTED": re.compile("(?!)")}),
    "62: swells": (make_archive("a", content=b" " * 30_000_000), {"MAX_RATIO": 10**9}),
    "62: parts": (make_archive(*map(str, range(1200))), {"MAX_PARTS": 10**9}),
}


@pytest.mark.parametrize("which", ARCHIVES)
def test_rows_61_62_control_without_a_look_at_its_directory_such_an_archive_is_kept(
    hand_in, monkeypatch, which
):
    content, without = ARCHIVES[which]
    assert hand_in(content, "a.ofd") == 415
    for name, nothing in without.items():
        monkeypatch.setattr(archives, name, nothing)
    assert hand_in(content, "a.ofd") == 302


def test_rows_59_62_control_without_the_scanner_a_virus_is_kept(app, hand_in, monkeypatch):
    ill = PDF.replace(b"%%EOF", b"%" + VIRUS + b"\n%%EOF")
    with running_scanner() as scanner:
        monkeypatch.setitem(app.config, "CLAMAV", scanner.address)
        assert hand_in(ill, "a.pdf") == 415
        monkeypatch.setattr("repair_app.forms.base.find_virus", lambda *_: "")
        assert hand_in(ill, "a.pdf") == 302


def test_row_65_control_without_a_quota_an_enterprise_hands_in_what_it_likes(
    app, hand_in, monkeypatch
):
    monkeypatch.setitem(app.config, "EVIDENCE_QUOTA", len(PDF) // 2)
    assert hand_in(PDF, "a.pdf") == 409
    monkeypatch.setattr(evidence, "check_room", lambda *_: None)
    assert hand_in(PDF, "a.pdf") == 302
    assert db.session.scalar(select(func.count()).select_from(Document)) == 1


# --- rows 67, 80: what we ask, and what is noted --------------------------------------------------


def test_row_67_control_without_a_look_at_the_address_one_inside_is_asked(app, monkeypatch):
    with socket.create_server(("127.0.0.1", 0)) as listening, ThreadPoolExecutor(1) as other:
        listening.settimeout(60)

        def take():
            listening.accept()[0].close()

        asked = other.submit(take)
        url = f"https://127.0.0.1:{listening.getsockname()[1]}/"
        with outgoing.Line() as line, pytest.raises(outgoing.NotAllowed):
            line.ask("GET", url, {})
        assert not asked.done()
        monkeypatch.setattr(outgoing, "may_ask", lambda *_: True)
        with outgoing.Line() as line, pytest.raises(outgoing.NotReached):
            line.ask("GET", url, {})
        asked.result(60)  # a connection was made


def test_row_80_control_without_a_note_nobody_knows_who_looked(as_, world, monkeypatch):
    viewings.SEEN.clear()
    ref = make_case(world, "with_provider").ref
    client = as_(world.reviewer)
    with monkeypatch.context() as patch:
        patch.setattr(viewings, "note", lambda *_, **__: None)
        client.read(f"/cases/{ref}")
        assert db.session.scalar(select(func.count()).select_from(Viewing)) == 0
    viewings.SEEN.clear()
    client.read(f"/cases/{ref}")
    assert db.session.scalar(select(func.count()).select_from(Viewing)) > 0
