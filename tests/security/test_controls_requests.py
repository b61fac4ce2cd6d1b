"""Controls of rows 1, 11, 15 and 44 to 48: how a request comes in, and what stands around answers.

The guard of a row is taken away, and the attack succeeds; with it, it is refused.
"""

import secrets

import pytest
import time_machine
from flask import request
from werkzeug.middleware.proxy_fix import ProxyFix

from repair_app.web import door, language
from repair_app.web.door import SIGNED_IN
from tests.client import make_client
from tests.factories import get_case, make_case, make_uscc
from tests.security.test_access_refused import (
    test_rows_11_15_static_no_page_is_changed_by_reading as check_methods,
)
from tests.security.test_accounts import START
from tests.web.test_routes import test_what_is_posted_and_what_is_read_are_known as check_posted
from tests.web.test_sign_in import make_app, try_to_sign_in

__all__ = ["make_app"]  # a fixture
pytestmark = pytest.mark.parametrize("stage", ["sqlite"], indirect=True)  # no query is special

# --- row 1: nobody signed in ----------------------------------------------------------------------


def test_row_01_control_without_the_door_nobody_reads_what_offices_read(
    app, world, anybody, digest, monkeypatch
):
    """Read only: to change something is to write down who did, and nobody has no name for that."""
    read, change = "/admin/organisations", "/admin/organisations/new"
    added = {"uscc": make_uscc(), "name": "无人登记局", "kind": "agency"}
    sent = {"csrf_token": anybody.token(), **added}
    before = digest()
    assert anybody.get(read).location == f"/login?next={read}"
    assert anybody.post(change, data=sent).status_code == 401
    without = [one for one in app.before_request_funcs[None] if one is not door.admit]
    monkeypatch.setitem(app.before_request_funcs, None, without)
    page = anybody.get(read)
    assert page.status_code == 200
    assert world.firm.name in page.html
    monkeypatch.setitem(app.config, "PROPAGATE_EXCEPTIONS", False)
    assert anybody.post(change, data=sent).status_code == 500
    assert digest() == before


# --- row 11: a page that is read and posted to ----------------------------------------------------


def test_row_11_control_a_page_that_is_posted_to_under_a_right_to_read_fails_the_build(
    app, make_app, as_, world
):
    """Without the tables of the build it would go out, and whoever may read it could change."""
    other, done = make_app(), []

    def look():
        done.append(request.method)
        return "<title>x</title>"

    look.access = SIGNED_IN
    other.add_url_rule("/looked-at", "looked_at", look, methods=["GET", "POST"])
    door.check_rules(other)  # it says who may enter, which is all that the start asks
    check_posted(app)
    with pytest.raises(AssertionError):
        check_posted(other)
    client = make_client(other)
    assert try_to_sign_in(client, world.subject.email).status_code == 302
    answer = client.post("/looked-at", data={"csrf_token": client.token()})
    assert (answer.status_code, done) == (200, ["POST"])


# --- row 15: other methods ------------------------------------------------------------------------


def obeying(wsgi_app):
    """Return an application that takes the method from a header, as some frameworks do."""

    def call(environ, start_response):
        named = environ.get("HTTP_X_HTTP_METHOD_OVERRIDE")
        return wsgi_app({**environ, **({"REQUEST_METHOD": named} if named else {})}, start_response)

    return call


def test_row_15_control_where_a_header_names_the_method_reading_takes_the_step(
    app, as_, world, monkeypatch
):
    ref = make_case(world, "submitted").ref
    client = as_(world.reviewer)
    sent = {
        "csrf_token": client.token(),
        "version": str(get_case(ref).version),
        "form_token": secrets.token_urlsafe(24),
    }
    named = {"X-HTTP-Method-Override": "POST"}
    assert client.get(f"/cases/{ref}/accept", data=sent, headers=named).status_code == 200
    assert get_case(ref).state == "submitted"
    monkeypatch.setattr(app, "wsgi_app", obeying(app.wsgi_app))
    assert client.get(f"/cases/{ref}/accept", data=sent, headers=named).status_code == 302
    assert get_case(ref).state == "accepted"


@pytest.mark.parametrize("method", ["TRACE", "DELETE"])
def test_row_15_control_a_page_that_answers_to_trace_or_delete_fails_the_build(make_app, method):
    other = make_app()
    check_methods(other)
    other.add_url_rule("/x", "x", door.signed_in(lambda: "x"), methods=["GET", method])
    with pytest.raises(AssertionError):
        check_methods(other)


# --- row 44: where signing in leads ---------------------------------------------------------------

EVIL = "https://evil.example/sign-in"


def test_row_44_control_without_a_look_at_it_signing_in_leads_to_another_site(
    world, anybody, monkeypatch
):
    def lead():
        client = make_client(anybody.application)
        page = client.get("/login", query_string={"next": EVIL})
        email, password = world.subject.email, "correct horse battery staple"
        return client.send(page, "/login", email=email, password=password).location or ""

    assert not lead().startswith(EVIL)
    monkeypatch.setattr("flask_security.utils.validate_redirect_url", lambda _: True)
    monkeypatch.setattr("flask_security.forms.validate_redirect_url", lambda _: True)
    assert lead() == EVIL


@pytest.mark.parametrize("back", ["//evil.example/x", EVIL])
def test_row_44_control_without_a_look_at_it_going_back_leads_to_another_site(
    anybody, monkeypatch, back
):
    def go_back():
        sent = {"csrf_token": anybody.token(), "language": "en", "back": back}
        return anybody.post("/language", data=sent).location

    assert go_back() == "/"
    monkeypatch.setattr(language, "own_path", lambda path: path)
    assert go_back() == back


# --- rows 45 to 47: what stands around every answer -----------------------------------------------


def test_row_45_control_without_its_settings_the_cookie_is_open_to_scripts_and_other_sites(
    app, monkeypatch
):
    """As Flask sets it by itself: but HttpOnly, none of them is there."""

    def cookie():
        return make_client(app).get("/login").headers["Set-Cookie"]

    assert "; HttpOnly" in cookie()
    assert "; SameSite=Lax" in cookie()
    monkeypatch.setitem(app.config, "SESSION_COOKIE_HTTPONLY", False)
    monkeypatch.setitem(app.config, "SESSION_COOKIE_SAMESITE", None)
    assert "HttpOnly" not in cookie()
    assert "SameSite" not in cookie()


def test_row_45_control_without_the_address_of_the_site_the_cookie_goes_over_an_open_line(make_app):
    """What the operator has to set; there is no other sign that the site is behind TLS."""

    def cookie(base):
        client = make_client(make_app(base))
        return client.get("/login", base_url="https://credit.example").headers["Set-Cookie"]

    told = cookie("https://credit.example")
    assert told.startswith("__Host-redress=")
    assert "; Secure" in told
    told = cookie("")
    assert not told.startswith("__Host-")
    assert "Secure" not in told


def test_row_46_control_without_the_header_a_cache_keeps_what_the_last_user_read(
    app, as_, world, monkeypatch
):
    ref = make_case(world, "submitted").ref
    client = as_(world.subject)
    page = client.get(f"/cases/{ref}")
    assert page.headers["Cache-Control"] == "no-store"
    assert "Cookie" in page.headers["Vary"]
    without = [one for one in app.after_request_funcs[None] if one is not door.forbid_caching]
    monkeypatch.setitem(app.after_request_funcs, None, without)
    page = client.get(f"/cases/{ref}")
    assert ref in page.html
    assert "no-store" not in page.headers.get("Cache-Control", "")


def test_row_47_control_without_the_headers_an_answer_may_be_framed_and_guessed_at(
    app, anybody, monkeypatch
):
    guards = ("X-Content-Type-Options", "Referrer-Policy", "Content-Security-Policy")
    assert all(one in anybody.get("/no/such/page").headers for one in guards)
    asked = app.after_request_funcs[None]
    without = [one for one in asked if getattr(one, "__self__", None) is not door.talisman]
    assert len(without) < len(asked)
    monkeypatch.setitem(app.after_request_funcs, None, without)
    assert not any(one in anybody.get("/no/such/page").headers for one in guards)


# --- row 48: forged addresses ---------------------------------------------------------------------


def test_row_48_control_where_a_header_is_believed_a_forged_address_dodges_the_lock(
    make_app, world
):
    """As behind a proxy: who sets an address of the site, and has no proxy, believes anybody."""

    def guess(app):
        places = [f"203.0.113.{number}" for number in range(6)]
        client = make_client(app)
        answers = []
        for place in places:
            client.environ_base["HTTP_X_FORWARDED_FOR"] = place
            answers.append(try_to_sign_in(client, world.subject.email, "wrong").status_code)
        return answers

    own = make_app(RATELIMIT_ENABLED=True)
    with time_machine.travel(START, tick=False):  # all of them in one minute
        assert guess(own) == [200] * 5 + [429]
        own.wsgi_app = ProxyFix(own.wsgi_app, x_for=1)
        assert guess(own) == [200] * 6
