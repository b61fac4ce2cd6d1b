"""Signing in and out, what a session is worth, and what every answer carries."""

from datetime import timedelta

import pytest
import time_machine
from flask_limiter import Limiter
from flask_limiter.util import get_remote_address
from sqlalchemy import delete, select

from config import TestConfig
from repair_app import create_app, limits
from repair_app.db import db, now, today
from repair_app.models import Appointment, Event, Role, SignIn, User
from repair_app.services import people
from repair_app.services.transaction import transaction
from tests.client import make_client, sign_in
from tests.factories import PASSWORD, make_account, make_case

STARTS = {
    "reviewer": "/work",
    "provider": "/work",
    "institution": "/work",
    "officer": "/enforce",
    "subject": "/my",
    "agent": "/my",
    "auditor": "/audit",
    "administrator": "/admin",
    "security_officer": "/admin",
}

one_store = pytest.mark.parametrize("stage", ["sqlite"], indirect=True)  # nothing is stored


@pytest.fixture
def make_app(store, tmp_path, monkeypatch):
    """Give a function that returns a further application on the store, with other settings."""
    made = []
    # What this library keeps for an application is kept here: the stage's own stays as it is.
    monkeypatch.setattr(limits, "limiter", Limiter(get_remote_address))

    def make(base_url="", **settings):
        with monkeypatch.context() as environment:
            environment.setenv("REDRESS_DATA", str(tmp_path))
            environment.setenv("DATABASE_URL", store.url)
            environment.setenv("REDRESS_BASE_URL", base_url)
            config = type("OtherConfig", (TestConfig,), settings)
            made.append(create_app(config()))
        return made[-1]

    yield make
    for app in made:
        with app.app_context():
            db.engine.dispose()


def try_to_sign_in(client, email, password=PASSWORD):
    """Send the sign-in form; return the answer."""
    return client.fill("/login", email=email, password=password)


def is_signed_in(client):
    """Say whether the application knows who this is."""
    return client.get("/home").location != "/login?next=/home"


# --- what nobody types ------------------------------------------------------------------------


@one_store
def test_a_password_longer_than_any_is_a_wrong_one_whoevers_it_is(world, anybody):
    """As others are, and not as a fault of ours: the library cannot hash it."""
    wrong = try_to_sign_in(anybody, world.subject.email, "not this one")
    for email in (world.subject.email, "nobody@example.com"):
        for password in ("x" * 5_000, "\N{ARABIC LIGATURE SALLALLAHOU ALAYHE WASALLAM}" * 900):
            answer = try_to_sign_in(anybody, email, password)
            assert answer.status_code == wrong.status_code
            assert "邮箱或者密码不正确" in answer.words or answer.alerts == wrong.alerts
    page = "/settings/password"
    sign_in(anybody, world.subject.email)
    new = "a lantern over seven rivers"
    answer = anybody.fill(page, present="x" * 5_000, password=new, again=new)
    assert answer.status_code == 400


@one_store
@pytest.mark.parametrize("place", ["//evil.example", "https://evil.example/"])
def test_whoever_signs_in_is_signed_in_wherever_they_were_to_go_on(world, anybody, place):
    """A place that is not ours is forgotten, and costs no attempt."""
    for _ in range(8):  # more than may fail
        page = anybody.get("/login", query_string={"next": place})
        answer = anybody.send(
            page, "/login", email=world.subject.email, password=PASSWORD, next=place
        )
        assert (answer.status_code, answer.location) == (302, "/home")
        anybody.post("/logout", data={"csrf_token": anybody.token()})


@one_store
def test_the_token_of_forms_is_another_one_after_signing_in(world, anybody):
    """Who plants a cookie in a browser knows the token of its session."""
    planted = anybody.token()
    sign_in(anybody, world.subject.email)
    sent = {"csrf_token": planted, "language": "en"}
    assert anybody.post("/language", data=sent).status_code == 400
    sent["csrf_token"] = anybody.token()
    assert anybody.post("/language", data=sent).status_code == 302


@one_store
def test_no_answer_leads_to_the_host_that_a_request_claims(anybody):
    for address in ("/my//cases", "/static//redress.css", "/records//JL-2026-000001-D"):
        answer = anybody.get(address, headers={"Host": "evil.example"})
        assert (answer.status_code, answer.headers.get("Location")) == (404, None)


# --- coming in --------------------------------------------------------------------------------


@pytest.mark.parametrize("name", STARTS)
def test_everybody_starts_where_the_day_begins(world, anybody, name):
    answer = try_to_sign_in(anybody, getattr(world, name).email)
    answer = anybody.follow(answer)
    assert answer.location == STARTS[name]
    assert anybody.follow(answer).status_code == 200


def test_an_unknown_address_and_a_wrong_password_are_answered_alike(world, anybody):
    answers = [
        try_to_sign_in(anybody, world.subject.email, "not the right password"),
        try_to_sign_in(anybody, "nobody@example.com"),
        try_to_sign_in(anybody, make_account(world.firm, Role.SUBJECT, active=False).email),
        try_to_sign_in(anybody, world.subject.email, ""),
    ]
    first = answers[0]
    assert first.status_code == 200
    assert first.mistakes or first.alerts
    for answer in answers[1:3]:
        assert answer.status_code == first.status_code
        assert answer.words == first.words
        assert answer.mistakes == first.mistakes
    assert answers[3].mistakes or answers[3].alerts
    assert not is_signed_in(anybody)
    assert all(PASSWORD not in one.html for one in answers)


def test_an_address_is_known_however_it_is_written(world, anybody):
    assert try_to_sign_in(anybody, world.subject.email.upper()).status_code == 302
    assert is_signed_in(anybody)


def test_too_many_attempts_are_slowed_down(make_app, world):
    client = make_client(make_app(RATELIMIT_ENABLED=True, LOGIN_RATE_LIMIT="3 per minute"))
    statuses = [
        try_to_sign_in(client, world.subject.email, "not the right password").status_code
        for _ in range(4)
    ]
    assert statuses == [200, 200, 200, 429]
    page = client.get("/login")  # reading is not limited
    assert page.status_code == 200
    page = client.send(page, "/login", email=world.subject.email, password=PASSWORD)
    assert page.status_code == 429
    assert page.title
    assert PASSWORD not in page.html


def test_a_deployment_limits_attempts_of_its_own_accord(make_app, world):
    client = make_client(make_app(RATELIMIT_ENABLED=True))
    answers = [try_to_sign_in(client, "nobody@example.com").status_code for _ in range(6)]
    assert answers == [200] * 5 + [429]
    # However the address is written; who shares the place and has another goes on.
    assert try_to_sign_in(client, " NOBODY@example.com").status_code == 429
    assert try_to_sign_in(client, world.subject.email).status_code == 302


def test_attempts_that_succeed_are_not_counted(make_app, world):
    app = make_app(RATELIMIT_ENABLED=True, LOGIN_RATE_LIMIT="2 per minute")
    for _ in range(4):
        assert try_to_sign_in(make_client(app), world.subject.email).status_code == 302


def test_an_account_is_guarded_from_wherever_the_attempts_come(make_app, world):
    limits = {"LOGIN_RATE_LIMIT_OF_ACCOUNT": "3 per hour", "RATELIMIT_ENABLED": True}
    app = make_app(**limits)
    statuses = [
        try_to_sign_in(come_from(app, f"192.0.2.{n}"), world.subject.email, "wrong").status_code
        for n in range(4)
    ]
    assert statuses == [200, 200, 200, 429]
    other = come_from(app, "192.0.2.1")
    assert try_to_sign_in(other, world.reviewer.email).status_code == 302


def test_who_is_locked_out_is_told_how_long_known_or_not(make_app, world):
    """As the lock counts: an hour from the first failure, the same words for a stranger."""
    limits = {"LOGIN_RATE_LIMIT_OF_ACCOUNT": "2 per hour", "RATELIMIT_ENABLED": True}
    app = make_app(**limits)
    with time_machine.travel("2026-03-02T08:00:00Z", tick=False) as clock:
        told = []
        for email in (world.subject.email, "nobody@example.com"):
            for n in range(2):
                try_to_sign_in(come_from(app, f"192.0.2.{n}"), email, "wrong")
        clock.shift(17 * 60)
        for email in (world.subject.email, "nobody@example.com"):
            answer = try_to_sign_in(come_from(app, "192.0.2.9"), email)
            assert answer.status_code == 429
            told.append((answer.words, answer.headers["Retry-After"]))
        assert told[0] == told[1]
        wait = int(told[0][1])
        assert wait <= 43 * 60 + 1
        assert "43分钟" in told[0][0] or "44分钟" in told[0][0]
        # Not a second too short: the lock is over when it was said to be.
        clock.shift(wait)
        again = try_to_sign_in(come_from(app, "192.0.2.9"), world.subject.email)
        assert again.status_code == 302


def test_the_security_officer_unlocks_an_account_that_failures_have_locked(make_app, world):
    limits = {"LOGIN_RATE_LIMIT_OF_ACCOUNT": "2 per hour", "RATELIMIT_ENABLED": True}
    app = make_app(**limits)
    app.config["SECURITY_PROFILE"] = "dengbao3"
    officer = make_client(app)
    assert try_to_sign_in(officer, world.security_officer.email).status_code == 302
    address = f"/admin/people/{world.subject.id}"
    assert "/release" not in officer.get(address).html
    assert (
        officer.post(f"{address}/release", data={"csrf_token": officer.token()}).status_code == 302
    )
    assert not of_kind("release")  # nothing was locked
    for n in range(2):
        # However it was written.
        try_to_sign_in(come_from(app, f"192.0.2.{n}"), world.subject.email.upper(), "wrong")
    assert try_to_sign_in(come_from(app, "192.0.2.9"), world.subject.email).status_code == 429

    assert f"{address}/release" in officer.get(address).html
    assert (
        officer.post(f"{address}/release", data={"csrf_token": officer.token()}).status_code == 302
    )
    assert [one.entity for one in of_kind("release")] == [f"account:{world.subject.id}"]
    assert try_to_sign_in(come_from(app, "192.0.2.9"), world.subject.email).status_code == 302
    assert "/release" not in officer.get(address).html
    # Nobody unlocks their own.
    for n in range(2):
        try_to_sign_in(come_from(app, f"192.0.2.{n}"), world.security_officer.email, "wrong")
    own = f"/admin/people/{world.security_officer.id}/release"
    officer.post(own, data={"csrf_token": officer.token()})
    refused = try_to_sign_in(come_from(app, "192.0.2.9"), world.security_officer.email)
    assert refused.status_code == 429


def of_kind(step):
    db.session.rollback()
    return db.session.scalars(select(Event).where(Event.transition == step)).all()


def test_one_place_cannot_try_account_after_account(make_app, world):
    app = make_app(RATELIMIT_ENABLED=True, LOGIN_RATE_LIMIT_OF_PLACE="3 per minute")
    client = come_from(app, "192.0.2.1")
    statuses = [try_to_sign_in(client, f"nobody{n}@example.com").status_code for n in range(4)]
    assert statuses == [200, 200, 200, 429]
    assert try_to_sign_in(come_from(app, "192.0.2.2"), world.subject.email).status_code == 302


def come_from(app, address):
    """Return the browser of somebody at a network address."""
    client = make_client(app)
    client.environ_base["REMOTE_ADDR"] = address
    return client


@pytest.mark.parametrize(
    ("base_url", "statuses"),
    [
        # Behind the operator's proxy all connections are the proxy's; the last address counts.
        ("http://credit.example", [200, 200, 200, 200]),
        # Without one, a header is but a word of whoever sends it.
        ("", [200, 200, 200, 429]),
    ],
    ids=["behind a proxy", "without one"],
)
def test_only_behind_a_proxy_the_address_is_taken_from_its_header(
    make_app, world, base_url, statuses
):
    limits = {"LOGIN_RATE_LIMIT_OF_PLACE": "3 per minute", "RATELIMIT_ENABLED": True}
    app = make_app(base_url, **limits)
    found = []
    for number in range(4):
        client = come_from(app, "127.0.0.1")
        client.environ_base["HTTP_X_FORWARDED_FOR"] = f"198.51.100.7, 192.0.2.{number}"
        found.append(try_to_sign_in(client, f"nobody{number}@example.com").status_code)
    assert found == statuses


# --- what a session is worth ------------------------------------------------------------------


def test_a_copied_cookie_is_worthless_after_signing_out(app, world, anybody):
    sign_in(anybody, world.subject.email)
    name = app.config["SESSION_COOKIE_NAME"]
    copied = anybody.get_cookie(name).value
    thief = make_client(app)
    thief.set_cookie(name, copied)
    assert thief.get("/my").status_code == 200
    page = anybody.read("/my")
    token = page.tree.find(".//input[@name='csrf_token']").get("value")
    assert anybody.post("/logout", data={"csrf_token": token}).status_code == 302
    for client in (anybody, thief):
        assert client.get("/my").location == "/login?next=/my"
    thief.set_cookie(name, copied)
    assert thief.get("/my").location == "/login?next=/my"


@one_store
def test_signing_out_ends_one_session_and_the_others_go_on(app, world, anybody):
    other = make_client(app)
    for client in (anybody, other):
        sign_in(client, world.subject.email)
    anybody.post("/logout", data={"csrf_token": anybody.token()})
    assert anybody.get("/my").status_code == 302
    assert other.get("/my").status_code == 200


@one_store
def test_a_session_that_another_page_has_just_ended_takes_no_others_with_it(app, world, anybody):
    """Two tabs sign out at once, or it was ended from elsewhere a moment before."""
    other = make_client(app)
    for client in (anybody, other):
        sign_in(client, world.subject.email)
    name = app.config["SESSION_COOKIE_NAME"]
    read = app.session_interface.get_signing_serializer(app).loads
    key = read(anybody.get_cookie(name).value)["key"]
    for _ in range(2):
        people.sign_out(world.subject.id, key)
    assert [one.get("/my").status_code for one in (anybody, other)] == [302, 200]


@one_store
def test_a_session_of_which_nothing_is_kept_takes_all_others_with_it(app, world, anybody):
    """It cannot be ended by itself, and must end: a copy of its cookie would go on."""
    other = make_client(app)
    for client in (anybody, other):
        sign_in(client, world.subject.email)
    with transaction() as session:
        session.execute(delete(SignIn))
    copied = anybody.get_cookie(app.config["SESSION_COOKIE_NAME"]).value
    anybody.post("/logout", data={"csrf_token": anybody.token()})
    anybody.set_cookie(app.config["SESSION_COOKIE_NAME"], copied)
    assert [one.get("/my").status_code for one in (anybody, other)] == [302, 302]


@one_store
def test_signing_out_takes_a_form_of_this_site(world, anybody):
    sign_in(anybody, world.subject.email)
    assert anybody.get("/logout").status_code == 405
    assert anybody.post("/logout").status_code == 400
    assert is_signed_in(anybody)


def test_an_account_that_is_closed_is_out_at_the_next_click(as_, world):
    client = as_(world.subject)
    client.read("/my")
    with transaction() as session:
        session.get_one(User, world.subject.id).active = False
    assert client.get("/my").status_code in {302, 401}


def test_an_appointment_that_ends_is_over_at_the_next_click(as_, world):
    case = make_case(world, "submitted")
    client = as_(world.reviewer)
    client.read(f"/cases/{case.ref}")
    with transaction() as session:
        seat = session.get_one(Appointment, world.reviewer.appointments[0].id)
        seat.ends_on = today() - timedelta(days=1)
    assert client.get("/work").status_code == 403
    assert client.get(f"/cases/{case.ref}").status_code == 404
    assert client.get(f"/cases/{case.ref}/accept").status_code == 404
    assert client.get("/home").location == "/"


def test_an_appointment_holds_through_its_last_day(as_, world):
    user = make_account(world.firm, Role.SUBJECT, ends_on=today())
    assert as_(user).get("/my").status_code == 200
    with time_machine.travel(now() + timedelta(days=1)):
        assert as_(user).get("/my").status_code == 403


def test_a_session_ends_half_an_hour_after_the_last_click(world, anybody):
    start = now()
    with time_machine.travel(start, tick=False) as clock:
        sign_in(anybody, world.subject.email)
        for minutes in (25, 50, 75):
            clock.move_to(start + timedelta(minutes=minutes))
            assert is_signed_in(anybody)
        clock.move_to(start + timedelta(minutes=106))
        assert not is_signed_in(anybody)


def told_at_the_door(client):
    """Return what the sign-in page says above its form to who is sent there from a page."""
    answer = client.get("/my")
    assert answer.location == "/login?next=/my"
    page = client.follow(answer)
    assert "30分钟没有操作的，登录自动失效" in page.words
    return " ".join(page.alerts)


@one_store
def test_whose_session_has_ended_is_told_why_and_once(world, anybody):
    start = now()
    with time_machine.travel(start, tick=False) as clock:
        sign_in(anybody, world.subject.email)
        for _ in range(25):
            clock.shift(timedelta(minutes=29))
            last = anybody.get("/my").status_code
        assert last == 302  # the twelve hours are over
        assert "最长时限" in " ".join(anybody.read("/login").alerts)
        assert not told_at_the_door(anybody)

        sign_in(anybody, world.subject.email)
        with transaction() as session:
            session.get_one(User, world.subject.id).active = False
        assert "已被结束" in told_at_the_door(anybody)


@one_store
def test_who_simply_comes_or_has_signed_out_is_told_nothing_of_a_session(app, world, anybody):
    with time_machine.travel(now(), tick=False) as clock:
        assert not told_at_the_door(anybody)
        clock.shift(timedelta(minutes=31))  # a session of nobody's has ended
        assert not told_at_the_door(anybody)
        sign_in(anybody, world.subject.email)
        anybody.post("/logout", data={"csrf_token": anybody.token()})
        assert "登录已" not in told_at_the_door(anybody)
        forged = make_client(app)
        forged.set_cookie(app.config["SESSION_COOKIE_NAME"], "eyJfdXNlcl9pZCI6IjEifQ.x.y")
        assert not told_at_the_door(forged)


@one_store
def test_a_forged_cookie_is_nobodys(app, world, anybody):
    name = app.config["SESSION_COOKIE_NAME"]
    sign_in(anybody, world.subject.email)
    value = anybody.get_cookie(name).value
    for forged in ("", "x", value[:-3] + "abc", "." * 500, "eyJfdXNlcl9pZCI6IjEifQ.x.y"):
        client = make_client(app)
        client.set_cookie(name, forged)
        assert not is_signed_in(client)


@one_store
@pytest.mark.parametrize("address", ["/healthz", "/readyz", "/static/redress.css"])
def test_what_is_the_same_for_all_begins_and_prolongs_no_session(as_, world, anybody, address):
    for client in (anybody, as_(world.subject)):
        answer = client.get(address)
        assert answer.status_code == 200
        assert "Set-Cookie" not in answer.headers
    assert "Set-Cookie" in as_(world.subject).get("/my").headers


# --- what every answer carries ----------------------------------------------------------------


def test_the_session_cookie_is_out_of_reach_of_scripts_and_other_sites(world, anybody):
    answer = try_to_sign_in(anybody, world.subject.email)
    flags = answer.headers["Set-Cookie"].split("; ")
    assert {"HttpOnly", "SameSite=Lax", "Path=/"} <= set(flags)
    assert not any(one.startswith("Domain=") for one in flags)


@one_store
def test_behind_tls_the_cookie_insists_on_it(make_app, world):
    app = make_app("https://credit.example")
    client = make_client(app)
    answer = client.get("/login", base_url="https://credit.example")
    cookie = answer.headers["Set-Cookie"]
    assert cookie.startswith("__Host-redress=")
    assert "; Secure" in cookie
    assert "max-age=" in answer.headers["Strict-Transport-Security"]
    for cookie in cookies_of_the_theme(client, "https://credit.example"):
        assert cookie.startswith("__Host-theme=dark;")
        assert "; Secure" in cookie
        assert "; HttpOnly" in cookie
        assert "; Path=/" in cookie
        assert "Domain" not in cookie


def cookies_of_the_theme(client, site):
    """Choose a theme; return the cookie that keeps it, and see that it is obeyed."""
    token = client.get("/login", base_url=site).fields["csrf_token"]
    chosen = {"csrf_token": token, "theme": "dark", "back": "/rules"}
    headers = {"Origin": site, "Referer": f"{site}/login"}
    answer = client.post("/theme", data=chosen, base_url=site, headers=headers)
    found = [one for one in answer.headers.getlist("Set-Cookie") if "theme=" in one]
    assert len(found) == 1
    assert 'media="screen"' in client.get("/rules", base_url=site).html
    return found


@one_store
@pytest.mark.parametrize(
    ("address", "status"),
    [
        ("/", 200),
        ("/?q=虚构", 200),
        ("/login", 200),
        ("/commitments", 200),
        ("/my", 302),
        ("/nowhere", 404),
        ("/records/JL-2026-000999-X", 404),
        ("/healthz", 200),
        ("/logout", 405),
    ],
)
def test_every_answer_forbids_scripts_frames_and_caches(anybody, address, status):
    answer = anybody.get(address)
    assert answer.status_code == status
    check_guards(answer)


@one_store
def test_every_answer_to_who_is_signed_in_forbids_them_too(as_, world):
    case = make_case(world, "submitted")
    for user, addresses in (
        (world.subject, ("/my", f"/cases/{case.ref}", f"/records/{case.record.ref}", "/nowhere")),
        (world.reviewer, ("/work", f"/cases/{case.ref}/accept", "/admin")),
        (world.administrator, ("/admin", "/admin/people", "/settings")),
    ):
        for address in addresses:
            check_guards(as_(user).get(address))


def check_guards(answer):
    """Check the headers that keep a page from being run, framed or kept."""
    policy = answer.headers["Content-Security-Policy"]
    assert "default-src 'self'" in policy
    assert "frame-ancestors 'none'" in policy
    assert "object-src 'none'" in policy
    assert "base-uri 'none'" in policy
    assert "form-action 'self'" in policy
    assert "unsafe" not in policy
    assert answer.headers["X-Content-Type-Options"] == "nosniff"
    assert answer.headers["Referrer-Policy"] == "same-origin"
    assert answer.headers["Cache-Control"] == "no-store"
    assert "Server" not in answer.headers


def test_evidence_is_handed_out_as_a_file_and_kept_in_no_cache(as_, world):
    case = make_case(world, "submitted")
    answer = as_(world.reviewer).get(f"/documents/{case.documents[0].ref}")
    assert answer.status_code == 200
    assert answer.headers["Content-Disposition"].startswith("attachment;")
    assert answer.headers["X-Content-Type-Options"] == "nosniff"
    assert "no-store" in answer.headers["Cache-Control"]
    assert answer.mimetype == "application/pdf"


# --- the language -----------------------------------------------------------------------------


def lang_of(page):
    """Return the language that a page says it is in."""
    return page.tree.get("lang")


@one_store
def test_the_language_can_be_switched_and_stays(anybody):
    page = anybody.get("/measures")
    assert lang_of(page) == "zh-Hans"
    token = page.tree.find(".//input[@name='csrf_token']").get("value")
    answer = anybody.post(
        "/language", data={"csrf_token": token, "language": "en", "back": "/measures"}
    )
    assert answer.location == "/measures"
    for address in ("/measures", "/", "/login", "/nowhere"):
        assert lang_of(anybody.get(address)) == "en"
    anybody.post("/language", data={"csrf_token": token, "language": "zh_Hans_CN", "back": "/"})
    assert lang_of(anybody.get("/")) == "zh-Hans"


@one_store
@pytest.mark.parametrize(
    ("asked", "spoken"),
    [
        ("en-GB,en;q=0.9", "en"),
        ("zh-CN,zh;q=0.9,en;q=0.5", "zh-Hans"),
        ("fr,de;q=0.5", "zh-Hans"),
        ("fr,en;q=0.5", "en"),
        ("*", "zh-Hans"),
        ("\x7f;;q=,,,", "zh-Hans"),
    ],
)
def test_without_a_choice_the_browser_says_the_language(anybody, asked, spoken):
    assert lang_of(anybody.get("/", headers={"Accept-Language": asked})) == spoken


@one_store
def test_an_address_may_say_the_language_of_its_page(anybody):
    for path in ("/api/v1/docs", "/", "/nowhere"):
        assert lang_of(anybody.get(f"{path}?lang=en")) == "en"
        assert (
            lang_of(anybody.get(f"{path}?lang=zh", headers={"Accept-Language": "en"})) == "zh-Hans"
        )
        assert lang_of(anybody.get(f"{path}?lang=fr")) == "zh-Hans"
    page = anybody.get("/measures?lang=en")
    (token,) = {one.get("value") for one in page.tree.findall(".//input[@name='csrf_token']")}
    (back,) = {one.get("value") for one in page.tree.findall(".//input[@name='back']")}
    data = {"csrf_token": token, "language": "zh_Hans_CN", "back": f"{back}&x=1"}
    answer = anybody.post("/language", data=data)
    assert answer.location == "/measures?x=1"  # else the choice would change nothing


@one_store
@pytest.mark.parametrize("language", ["fr", "", "../../etc", "en_GB"])
def test_a_language_that_is_not_spoken_changes_nothing(anybody, language):
    page = anybody.get("/")
    token = page.tree.find(".//input[@name='csrf_token']").get("value")
    answer = anybody.post(
        "/language", data={"csrf_token": token, "language": language, "back": "/measures"}
    )
    assert answer.location == "/measures"
    assert lang_of(anybody.get("/")) == "zh-Hans"
