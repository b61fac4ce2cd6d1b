"""The address of this site: the operator's, never what a request says that it is called."""

import pytest
from sqlalchemy import select

from repair_app.db import db, now
from repair_app.models import Letter, Message
from repair_app.services import letters, mail
from tests.client import CSRF
from tests.factories import make_record
from tests.journeys.steps import PAPER, ref_in
from tests.smtp_server import running_server


@pytest.fixture
def called(app, monkeypatch):
    """Give a function that has every request call the site by a name."""
    usual = app.wsgi_app

    def call(host):
        named = {"HTTP_HOST": host, "HTTP_X_FORWARDED_HOST": host}
        monkeypatch.setattr(app, "wsgi_app", lambda env, start: usual({**env, **named}, start))

    return call


@pytest.fixture
def forged(as_, world, called):
    """Give the browser of an enterprise whose every request names another host."""
    client = as_(world.subject)
    called("evil.example")
    return client


def everything():
    """Return all that the store holds, as text."""
    db.session.rollback()
    rows = [str(db.session.execute(select(table)).all()) for table in db.metadata.sorted_tables]
    return " ".join(rows)


@pytest.mark.parametrize("base", ["", "https://credit.example"])
def test_a_forged_host_is_neither_stored_nor_mailed(forged, world, app, monkeypatch, base):
    record = make_record(world.firm, world.agency)
    with running_server() as box:
        monkeypatch.setitem(app.config, "SMTP_URL", f"smtp://127.0.0.1:{box.port}")
        monkeypatch.setitem(app.config, "SMTP_SENDER", "redress@gov.example")
        monkeypatch.setitem(app.config, "BASE_URL", base)
        answer = forged.fill(
            f"/records/{record.ref}/objection",
            ground="error",
            statement="金额有误。",
            value_fine_10k="1",
            evidence=PAPER,
            button="submit_now",
        )
        ref = ref_in(answer)
        assert "evil.example" not in answer.location
        mail.send_due()
        letters.print_letters(now())
        mails = [one.as_string() for one in box.mails]
    assert db.session.scalars(select(Letter).where(Letter.entity_ref == ref)).first()
    assert db.session.scalars(select(Message)).first()
    assert mails
    assert not any("evil.example" in one for one in mails)
    assert "evil.example" not in everything()
    kept = [one for one in (app.config["DATA_FOLDER"] / "evidence").rglob("*") if one.is_file()]
    assert not any(b"evil.example" in one.read_bytes() for one in kept)


def test_a_page_for_a_forged_host_names_it_nowhere(forged, world, called):
    record = make_record(world.firm, world.agency)
    token = CSRF.search(forged.read("/settings").html)[1]
    page = forged.post("/settings/feed", data={"csrf_token": token})
    address = next(one for one in page.links.values() if ".ics" in one)
    assert address.startswith("/feed/")
    assert "evil.example" not in page.html
    code = forged.get(f"/records/{record.ref}/qr.svg")
    assert code.status_code == 200
    called("localhost")
    honest = forged.get(f"/records/{record.ref}/qr.svg")
    assert code.data != honest.data  # which holds the address of this machine


@pytest.mark.parametrize(
    ("host", "shown"),
    [
        ("localhost", "http://localhost/feed/"),
        ("localhost:8000", "http://localhost:8000/feed/"),
        ("127.0.0.1:8000", "http://127.0.0.1:8000/feed/"),
        ("[::1]:8000", "http://[::1]:8000/feed/"),
        ("localhost.evil.example", "/feed/"),
        ("127.0.0.1.evil.example", "/feed/"),
        ("192.168.1.5:8000", "/feed/"),
    ],
)
def test_without_an_address_of_the_site_this_machine_only_is_named(as_, world, called, host, shown):
    client = as_(world.subject)
    called(host)
    token = CSRF.search(client.read("/settings").html)[1]
    page = client.post("/settings/feed", data={"csrf_token": token})
    assert next(one for one in page.links.values() if ".ics" in one).startswith(shown)


def test_with_an_address_of_the_site_no_other_is_named(forged, app, monkeypatch):
    monkeypatch.setitem(app.config, "BASE_URL", "https://credit.example/")
    token = CSRF.search(forged.read("/settings").html)[1]
    page = forged.post("/settings/feed", data={"csrf_token": token})
    address = next(one for one in page.links.values() if ".ics" in one)
    assert address.startswith("https://credit.example/feed/")


def test_who_hands_over_a_link_is_told_to_complete_it(as_, world, called):
    client = as_(world.administrator)
    called("evil.example")
    page = client.fill(
        "/admin/people/new",
        email="new@example.com",
        name="新来的人",
        uscc=world.agency.uscc,
        role="provider",
    )
    assert page.status_code == 200
    assert "evil.example" not in page.html
    assert "REDRESS_BASE_URL" in page.words


def test_the_start_says_that_no_address_is_set(app, monkeypatch):
    db.session.remove()
    result = app.test_cli_runner().invoke(args=["prepare", "--empty"])
    assert "REDRESS_BASE_URL is not set" in result.output
    monkeypatch.setitem(app.config, "BASE_URL", "https://credit.example")
    result = app.test_cli_runner().invoke(args=["prepare", "--empty"])
    assert "REDRESS_BASE_URL" not in result.output
