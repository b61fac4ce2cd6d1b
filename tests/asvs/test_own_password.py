"""Passwords: which are refused, how one is changed, and what another profile asks for."""

import re
from datetime import timedelta

import pytest
import time_machine
from passlib.context import CryptContext

from config import SECURITY_PROFILES, Config, ConfigError, TestConfig
from repair_app import passwords
from repair_app.db import db, now
from repair_app.models import Event, User
from repair_app.services import invitations
from repair_app.services.transaction import transaction
from tests.client import CSRF, make_client, sign_in
from tests.factories import PASSWORD
from tests.web.test_sign_in import is_signed_in, make_app, try_to_sign_in

__all__ = ["make_app"]  # a fixture

NEW = "A lantern over seven rivers 2026"
GUESSABLE = [
    "password1234",
    "P@ssw0rd2026!",
    "qwertyuiop12",
    "123456789012",
    "aaaaaaaaaaaa",
    "abcabcabcabc",
    "redress-admin-2026",
    "iloveyou1234",
    "信用修复管理员一二三四",
]
GOOD = [
    PASSWORD,
    NEW,
    "84637261059273",
    "x7!kp2@mq9#z",
    "我家住在黄河边上第三个弯",
    "-_-~ ~;,|°§²³µ",
]
page_of = "/settings/password"
one_store = pytest.mark.parametrize("stage", ["sqlite"], indirect=True)  # no query is special


def change(client, present=PASSWORD, password=NEW, again=None):
    """Send the form that changes a password; return the answer."""
    page = client.get(page_of)
    again = password if again is None else again
    return client.send(page, page_of, present=present, password=password, again=again)


@pytest.mark.parametrize("password", GUESSABLE)
def test_a_password_that_many_have_is_refused(password) -> None:
    assert passwords.is_guessable(password, "lin", "林晓岚")


@pytest.mark.parametrize("password", GOOD)
def test_a_password_that_nobody_has_is_taken(password) -> None:
    assert not passwords.is_guessable(password, "lin", "林晓岚")


def test_the_list_holds_more_than_three_thousand() -> None:
    known = passwords.LIST.read_text(encoding="utf-8").split()
    assert len(known) > 15_000
    lengthened = [(one + "1234567890!!")[: max(12, len(one))] for one in known[:4000]]
    assert sum(passwords.is_guessable(one) for one in lengthened) > 3_000


def test_words_that_everybody_here_would_try_do_not_count() -> None:
    for word in ("redress", "xinyong", "修复"):
        assert word in passwords.WORDS
    for guess in ("zhoumei-2026", "mei.zhou.1990", "Redress!2026#", "yiyi-xiufu-2026"):
        assert passwords.is_guessable(guess, "zhou.mei", "zhou zhoumei"), guess
    assert not passwords.is_guessable("a redress of seven lanterns", "zhou.mei", "周梅")


@one_store
def test_the_address_of_an_account_is_not_its_password(world, as_) -> None:
    client, email = as_(world.subject), world.subject.email
    for password in (email, email.upper(), f"{email}2026"):
        assert change(client, password=password).status_code == 400


@one_store
def test_any_kind_of_signs_makes_a_password(world, as_) -> None:
    client, present = as_(world.subject), PASSWORD
    for password in (
        "84637261059273",
        "我家住在黄河边上第三个弯里",
        "lantern " * 12 + "over rivers",
    ):
        assert change(client, present, password).status_code == 302
        present = password


@one_store
def test_a_password_is_told_to_be_guessable_in_the_readers_language(world, as_) -> None:
    client = as_(world.subject)
    client.get("/?language=zh")
    answer = change(client, password="P@ssw0rd2026!")
    assert answer.status_code == 400
    assert answer.mistakes
    assert db.session.get(User, world.subject.id).verify_and_update_password(PASSWORD)


def test_a_person_changes_their_password(world, app, as_, anybody) -> None:
    client, elsewhere = as_(world.subject), make_client(app)
    sign_in(elsewhere, world.subject.email)
    link = invitations.path_of(world.subject)
    answer = change(client)
    assert answer.status_code == 302
    assert is_signed_in(client)
    assert not is_signed_in(elsewhere)
    assert anybody.get(link).status_code == 404
    assert try_to_sign_in(make_client(app), world.subject.email).status_code == 200
    assert try_to_sign_in(make_client(app), world.subject.email, NEW).status_code == 302
    last = db.session.query(Event).filter_by(workflow="accounts").order_by(Event.id.desc()).first()
    assert last.transition == "change_password"
    assert last.entity == f"account:{world.subject.id}"
    assert NEW not in last.payload


@one_store
def test_without_the_present_password_nothing_is_changed(world, as_, digest) -> None:
    client = as_(world.subject)
    before = digest()
    for wrong in (
        {"present": "not that one at all"},
        {"present": ""},
        {"again": "another sentence than before"},
        {"password": "short"},
        {"password": PASSWORD},
        {"password": "password1234"},
    ):
        answer = change(client, **wrong)
        assert answer.status_code == 400, wrong
        assert answer.mistakes, wrong
    assert digest() == before
    assert is_signed_in(client)


@one_store
def test_wrong_present_passwords_are_limited(world, make_app) -> None:
    app = make_app(RATELIMIT_ENABLED=True, CODE_RATE_LIMIT="2 per minute")
    client = make_client(app)
    sign_in(client, world.subject.email)
    answers = [change(client, present="not that one at all").status_code for _ in range(3)]
    assert answers == [400, 400, 429]


@one_store
def test_who_has_no_password_has_no_page_of_it(world, as_) -> None:
    client = as_(world.subject)
    with transaction() as session:
        session.get_one(User, world.subject.id).password = None
    assert client.get(page_of).status_code == 404


@one_store
def test_the_fields_hide_what_is_typed_and_take_what_is_pasted(world, as_, anybody) -> None:
    pages = [as_(world.subject).get(page_of), anybody.get("/login")]
    pages.append(anybody.get(invitations.path_of(world.stranger)))
    for page in pages:
        fields = [one for one in page.form.iter("input") if "password" in one.get("name", "")]
        fields += [
            one for one in page.form.iter("input") if one.get("name") in {"present", "again"}
        ]
        assert fields
        for field in fields:
            assert field.get("type") == "password"
            assert field.get("autocomplete") in {"new-password", "current-password"}
            assert not [name for name in field.attrib if name.startswith("on")]
            assert int(field.get("maxlength") or 1000) >= 64


@one_store
def test_a_password_counts_as_it_was_typed(world, app, as_) -> None:
    assert change(as_(world.subject), password=f" {NEW} ").status_code == 302
    for other in (NEW, f" {NEW.lower()} ", f" {NEW}"):
        assert try_to_sign_in(make_client(app), world.subject.email, other).status_code == 200
    assert try_to_sign_in(make_client(app), world.subject.email, f" {NEW} ").status_code == 302


@one_store
def test_passwords_are_kept_as_argon2_says(world, as_) -> None:
    assert change(as_(world.subject)).status_code == 302
    db.session.expire_all()
    assert db.session.get(User, world.subject.id).password.startswith("$argon2id$")
    assert TestConfig.SECURITY_PASSWORD_SCHEMES == ["argon2"]


def test_what_guessing_a_password_costs_is_no_less_than_recommended() -> None:
    """OWASP Password Storage Cheat Sheet: 19 MiB and two passes, or more; the tests' own are less.

    The library's parameters (RFC 9106 4, the second choice) hold unless a setting says otherwise.
    """
    options = getattr(Config, "SECURITY_PASSWORD_HASH_PASSLIB_OPTIONS", {})
    kept = CryptContext(schemes=["argon2"], **options)
    cost = re.search(r"\$m=(\d+),t=(\d+),p=(\d+)\$", kept.hash(NEW))
    memory, passes, _ = map(int, cost.groups())
    assert memory >= 19 * 1024
    assert passes >= 2


# --- profiles ---


def profile(**more):
    """Return what the profile of graded protection asks for, as settings of a test."""
    return SECURITY_PROFILES["dengbao3"] | more


@one_store
def test_an_old_password_is_good_for_years_in_the_profile_asvs(world, make_app) -> None:
    client = make_client(make_app())
    with time_machine.travel(now() + timedelta(days=2000), tick=False):
        sign_in(client, world.reviewer.email)
        assert client.get("/work").status_code == 200


@one_store
def test_in_the_profile_dengbao3_a_password_is_changed_after_90_days(world, make_app) -> None:
    app = make_app(**profile())
    begun = world.reviewer.created_at
    client = make_client(app)
    with time_machine.travel(begun + timedelta(days=89), tick=False):
        sign_in(client, world.reviewer.email)
        assert client.get("/work").status_code == 200
    client = make_client(app)
    with time_machine.travel(begun + timedelta(days=90), tick=False):
        sign_in(client, world.reviewer.email)
        assert client.get("/work").location == page_of
        token = CSRF.search(client.get(page_of).html)[1]
        assert client.post("/work/steps", data={"csrf_token": token}).status_code == 403
        assert client.get("/static/redress.css").status_code == 200
        assert change(client, password="Lantern-over-7-rivers").status_code == 302
        assert client.get("/work").status_code == 200


@one_store
def test_in_the_profile_dengbao3_a_password_has_three_kinds_of_signs(world, make_app) -> None:
    client = make_client(make_app(**profile()))
    sign_in(client, world.subject.email)
    for plain in ("lantern over seven rivers", "84637261059273", "LANTERNOVERSEVEN-RIVERS"):
        answer = change(client, password=plain)
        assert answer.status_code == 400, plain
        assert answer.mistakes
    assert change(client, password="Lantern-over-7-rivers").status_code == 302


def test_kinds_of_signs_are_counted() -> None:
    assert [passwords.count_kinds(one) for one in ("", "a", "aB", "aB1", "aB1 ", "信用")] == [
        0, 1, 2, 3, 4, 0,
    ]  # fmt: skip


@one_store
def test_in_the_profile_dengbao3_failures_lock_one_account_and_no_other(world, make_app) -> None:
    app = make_app(**profile(RATELIMIT_ENABLED=True, LOGIN_RATE_LIMIT="100 per minute"))
    answers = [
        try_to_sign_in(make_client(app), world.subject.email, "wrong every time").status_code
        for _ in range(6)
    ]
    assert answers == [200] * 5 + [429]
    assert try_to_sign_in(make_client(app), world.subject.email).status_code == 429
    assert try_to_sign_in(make_client(app), world.agent.email).status_code == 302


def test_a_profile_says_what_it_changes(monkeypatch, tmp_path) -> None:
    monkeypatch.setenv("REDRESS_DATA", str(tmp_path))
    plain = TestConfig()
    monkeypatch.setenv("REDRESS_SECURITY_PROFILE", "dengbao3")
    strict = TestConfig()
    assert plain.SECURITY_PROFILE == "asvs"
    assert (plain.PASSWORD_KINDS, plain.PASSWORD_DAYS) == (0, 0)
    assert timedelta(minutes=30) == plain.PERMANENT_SESSION_LIFETIME
    assert (strict.PASSWORD_KINDS, strict.PASSWORD_DAYS) == (3, 90)
    assert timedelta(minutes=10) == strict.PERMANENT_SESSION_LIFETIME
    assert strict.LOGIN_RATE_LIMIT_OF_ACCOUNT == "5 per 30 minutes"
    monkeypatch.setenv("REDRESS_SECURITY_PROFILE", "strictest")
    with pytest.raises(ConfigError, match="asvs or dengbao3"):
        TestConfig()
