"""Controls of rows 33 to 42: how somebody signs in, how long that holds, and what ends it.

The guard of a row is taken away, and the attack succeeds; with it, it is refused.
"""

import unicodedata
from datetime import timedelta

import flask_security.forms
import pytest
import time_machine
from flask import request
from flask.sessions import SecureCookieSession, SessionInterface
from sqlalchemy import select
from werkzeug.local import LocalProxy

from repair_app.db import db, now
from repair_app.models import Role, User
from repair_app.services import invitations, people
from repair_app.services.second_factor import Codes
from tests.client import make_client, sign_in
from tests.factories import make_account
from tests.security.test_accounts import START, counted
from tests.sign_in.test_second_factor import (
    clock,
    code_of,
    give_password,
    press,
    set_up_authenticator,
)
from tests.smtp_server import running_server
from tests.test_administration import NEW_PASSWORD, link_on, set_password
from tests.test_host import called
from tests.web.test_sign_in import is_signed_in, try_to_sign_in

__all__ = ["called", "clock"]  # fixtures
pytestmark = pytest.mark.parametrize("stage", ["sqlite"], indirect=True)  # no query is special
WRONG = "not the right password"


def do_nothing(*_args, **_more):
    """Stand in for a guard."""


# --- row 33: who has an account -------------------------------------------------------------------


def test_row_33_control_without_one_answer_for_all_the_words_tell_who_has_an_account(
    app, world, anybody, monkeypatch
):
    def ask():
        tries = [world.subject.email, "nobody@example.com"]
        return [try_to_sign_in(anybody, one, WRONG).mistakes for one in tries]

    existing, missing = ask()
    assert existing == missing
    monkeypatch.setitem(app.config, "SECURITY_RETURN_GENERIC_RESPONSES", False)
    existing, missing = ask()
    assert existing != missing


def test_row_33_control_without_work_for_nothing_the_time_tells_who_has_an_account(
    app, world, anybody, monkeypatch
):
    def work_for(email):
        with counted(app, monkeypatch) as done:
            try_to_sign_in(anybody, email, WRONG)
        return len(done)

    assert work_for("nobody@example.com") == work_for(world.subject.email) == 1
    monkeypatch.setattr(flask_security.forms, "hash_password", do_nothing)
    assert (work_for("nobody@example.com"), work_for(world.subject.email)) == (0, 1)


# --- rows 35, 36: cookies of before and of after --------------------------------------------------


class Numbered(SessionInterface):
    """Sessions whose contents the server keeps, under a number that signing in does not change."""

    def __init__(self):
        self.kept = {}

    def open_session(self, app, request):
        """Return what is kept under the number of the cookie."""
        number = request.cookies.get(self.get_cookie_name(app)) or f"number-{len(self.kept)}"
        session = SecureCookieSession(self.kept.setdefault(number, {}))
        session.number = number
        return session

    def save_session(self, app, session, response):
        """Keep it, under the same number."""
        self.kept[session.number] = dict(session)
        response.set_cookie(self.get_cookie_name(app), session.number)


def test_row_35_control_where_a_session_keeps_its_number_the_fixed_cookie_is_signed_in(
    app, world, anybody, monkeypatch
):
    """What guards: what a session says is all in its cookie, so that signing in makes another."""
    name = app.config["SESSION_COOKIE_NAME"]

    def is_taken_over():
        thief, victim = make_client(app), make_client(app)
        thief.read("/login")
        fixed = thief.get_cookie(name).value
        victim.set_cookie(name, fixed)
        sign_in(victim, world.subject.email)
        thief.set_cookie(name, fixed)
        return is_signed_in(thief)

    assert not is_taken_over()
    monkeypatch.setattr(app, "session_interface", Numbered())
    assert is_taken_over()


def test_row_36_control_without_an_end_at_the_store_a_copied_cookie_goes_on(
    app, world, monkeypatch
):
    """As Flask-Login does by itself: signing out only asks the browser to forget the cookie."""

    def outlives_its_end():
        victim, thief = make_client(app), make_client(app)
        sign_in(victim, world.subject.email)
        name = app.config["SESSION_COOKIE_NAME"]
        thief.set_cookie(name, victim.get_cookie(name).value)
        press(victim, "/logout")
        assert not is_signed_in(victim)
        return is_signed_in(thief)

    assert not outlives_its_end()
    monkeypatch.setattr(people, "sign_out", do_nothing)
    assert outlives_its_end()


# --- row 37: what ends all others -----------------------------------------------------------------


def change_password(_own, administrator, anybody, number):
    link = link_on(press(administrator, f"/admin/people/{number}/link"))
    assert set_password(anybody, link).location == "/login"


def set_up_a_factor(own, _administrator, _anybody, _number):
    set_up_authenticator(own)


def have_the_factor_reset(own, administrator, _anybody, number):
    set_up_authenticator(own)
    press(administrator, f"/admin/people/{number}/reset-factors")


@pytest.mark.parametrize("change", [change_password, set_up_a_factor, have_the_factor_reset])
def test_row_37_control_without_an_end_to_the_others_a_stolen_session_goes_on(
    app, world, as_, anybody, clock, monkeypatch, change
):
    monkeypatch.setattr(people, "forget_sessions", do_nothing)
    user = world.second_provider
    own, stolen, number = make_client(app), make_client(app), user.id
    sign_in(own, user.email)
    sign_in(stolen, user.email)
    change(own, as_(world.administrator), anybody, number)
    assert is_signed_in(stolen)


# --- row 38: how long -----------------------------------------------------------------------------


def test_row_38_control_without_the_two_limits_a_session_lasts(app, world, monkeypatch):
    with time_machine.travel(START, tick=False) as moment:

        def stays(after):
            client = make_client(app)
            sign_in(client, world.subject.email)
            moment.shift(after)
            return is_signed_in(client)

        assert not stays(timedelta(minutes=31))
        monkeypatch.setitem(app.config, "PERMANENT_SESSION_LIFETIME", timedelta(days=9))
        assert stays(timedelta(minutes=31))
        assert not stays(timedelta(hours=12))
        monkeypatch.setitem(app.config, "SESSION_LONGEST", timedelta(days=9))
        assert stays(timedelta(hours=12))


# --- rows 39 to 41: links -------------------------------------------------------------------------


def test_row_39_control_where_the_request_says_whose_site_it_is_the_link_is_the_attackers(
    app, world, as_, called, monkeypatch
):
    """As many sites do: the address of a link is that by which they were just called."""
    administrator, number = as_(world.administrator), world.second_provider.id
    token = administrator.token()
    called("evil.example")

    def mailed():
        with running_server() as box:
            monkeypatch.setitem(app.config, "SMTP_URL", f"smtp://127.0.0.1:{box.port}")
            answer = administrator.post(f"/admin/people/{number}/link", data={"csrf_token": token})
        assert answer.status_code == 302
        (mail,) = box.mails
        return mail.get_body(("plain",)).get_content()

    monkeypatch.setitem(app.config, "BASE_URL", "https://credit.example")
    assert "evil.example" not in mailed()
    monkeypatch.setitem(app.config, "BASE_URL", LocalProxy(lambda: request.host_url))
    assert "http://evil.example/welcome/" in mailed()


@pytest.mark.parametrize("typed", ["mıke@example.org", "ｍike@example.org"])
def test_row_40_control_where_addresses_are_compared_loosely_one_that_looks_alike_is_taken(
    app, world, anybody, monkeypatch, typed
):
    """As Django did: upper-case letters of both were compared, so that ı is i."""
    make_account(world.firm, Role.SUBJECT, email="mike@example.org")
    assert try_to_sign_in(anybody, typed).status_code == 200
    assert not is_signed_in(anybody)

    def loosely(text):
        return unicodedata.normalize("NFKC", text).upper()

    def find_user(**asked):
        (value,) = (one for name, one in asked.items() if name != "case_insensitive")
        accounts = db.session.scalars(select(User)).all()
        return next((one for one in accounts if loosely(one.email) == loosely(value)), None)

    security = app.extensions["security"]
    monkeypatch.setattr(security.datastore, "find_user", find_user)
    monkeypatch.setattr(security._mail_util, "normalize", lambda text: text)
    assert try_to_sign_in(anybody, typed).status_code == 302
    assert is_signed_in(anybody)


def test_row_41_control_without_a_look_at_its_age_a_link_opens_late(
    world, as_, anybody, monkeypatch
):
    with time_machine.travel(now(), tick=False) as moment:
        link = link_on(press(as_(world.administrator), f"/admin/people/{world.subject.id}/link"))
        moment.shift(timedelta(minutes=10, seconds=1))
        assert anybody.get(link).status_code == 404
        monkeypatch.setattr(invitations, "is_old", lambda _: False)
        assert set_password(anybody, link).location == "/login"


def test_row_41_control_where_nothing_uses_a_link_up_it_opens_twice(
    world, as_, anybody, monkeypatch
):
    """Whoever finds it in a mailbox later has the account: it names a secret that has to change."""
    email, number = world.second_provider.email, world.second_provider.id
    link = link_on(press(as_(world.administrator), f"/admin/people/{number}/link"))
    monkeypatch.setattr(people, "forget_sessions", do_nothing)
    assert set_password(anybody, link).location == "/login"
    other = NEW_PASSWORD[::-1]
    assert set_password(anybody, link, other).location == "/login"
    assert try_to_sign_in(anybody, email, other).status_code == 302


# --- row 42: codes --------------------------------------------------------------------------------


@pytest.mark.parametrize("written", ["alike", "parted"])
def test_row_42_control_where_it_is_not_kept_when_a_code_was_taken_it_is_taken_again(
    world, as_, app, clock, monkeypatch, written
):
    """In full width it is none: the library takes no such digits, used before or not."""
    key = set_up_authenticator(as_(world.reviewer))
    clock.shift(30)
    code = code_of(key)
    again = f"{code[:3]} {code[3:]}" if written == "parted" else code

    def enter(typed):
        client = make_client(app)
        page = client.follow(give_password(client, world.reviewer.email))
        client.send(page, "/tf-validate", code=typed)
        return is_signed_in(client)

    assert enter(code)
    assert not enter(again)
    monkeypatch.setattr(Codes, "get_last_counter", do_nothing)
    assert enter(again)
