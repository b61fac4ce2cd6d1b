"""Rows 33 to 42: how somebody signs in, how long that holds, and what ends it."""

import contextlib
from datetime import UTC, datetime, timedelta
from email.utils import getaddresses

import pytest
import time_machine

from repair_app.db import db, now, today
from repair_app.models import Role, User
from repair_app.services.transaction import transaction
from tests.client import make_client, sign_in
from tests.factories import PASSWORD, make_account, make_case
from tests.sign_in.test_second_factor import (
    clock,
    code_of,
    give_password,
    press,
    same_key_app,
    set_up_authenticator,
)
from tests.smtp_server import running_server
from tests.test_administration import NEW_PASSWORD, link_on, set_password
from tests.test_host import called
from tests.web.test_sign_in import is_signed_in, make_app, try_to_sign_in

__all__ = ["called", "clock", "make_app", "same_key_app"]  # fixtures
one_store = pytest.mark.parametrize("stage", ["sqlite"], indirect=True)  # no query is special
START = datetime(2026, 11, 23, 2, 0, tzinfo=UTC)


@contextlib.contextmanager
def counted(app, monkeypatch):
    """Count what is computed of passwords: the slow part of each answer, and the same in all."""
    context, done = app.extensions["security"].pwd_context, []
    real_hash, real_verify = context.hash, context.verify

    def hash_it(secret, **more):
        made = real_hash(secret, **more)
        done.append(cost_of(made))
        return made

    def verify_it(secret, known, **more):
        done.append(cost_of(known))
        return real_verify(secret, known, **more)

    with monkeypatch.context() as patched:
        patched.setattr(context, "hash", hash_it)
        patched.setattr(context, "verify", verify_it)
        yield done


def cost_of(hashed):
    """Return kind and cost of an Argon2 hash: `argon2id$v=19$m=…,t=…,p=…`."""
    return hashed.rsplit("$", 2)[0]


@one_store
def test_row_33_cve_2021_38562_an_answer_tells_neither_by_words_nor_by_work_who_has_an_account(
    app, world, anybody, monkeypatch
):
    closed = make_account(world.firm, Role.SUBJECT, active=False)
    waiting = make_account(world.firm, Role.SUBJECT)
    with transaction() as session:
        session.get_one(User, waiting.id).password = None  # invited, and not come yet
    tries = {
        "existing": (world.subject.email, "not the right password"),
        "missing": ("nobody@example.com", "not the right password"),
        "disabled": (closed.email, "not the right password"),
        "disabled, its password": (closed.email, PASSWORD),
        "invited": (waiting.email, "not the right password"),
    }
    answers, work = {}, {}
    for kind, (email, password) in tries.items():
        with counted(app, monkeypatch) as done:
            answer = try_to_sign_in(anybody, email, password)
        answers[kind] = (answer.status_code, answer.words, answer.mistakes, answer.alerts)
        work[kind] = list(done)
    assert len(work["existing"]) == 1
    assert all(one == work["existing"] for one in work.values()), work
    assert all(one == answers["existing"] for one in answers.values())


def test_row_34_five_wrong_passwords_lock_one_account_and_nobody_elses(make_app, world):
    app = make_app(RATELIMIT_ENABLED=True)
    with time_machine.travel(START, tick=False) as moment:
        client = make_client(app)
        wrong = [try_to_sign_in(client, world.subject.email, "wrong").status_code for _ in range(6)]
        assert wrong == [200] * 5 + [429]
        assert try_to_sign_in(client, world.subject.email).status_code == 429
        assert try_to_sign_in(client, world.reviewer.email).status_code == 302
        moment.shift(61)
        assert try_to_sign_in(make_client(app), world.subject.email).status_code == 302


@one_store
def test_row_35_cve_2022_31888_a_cookie_from_before_signing_in_is_nobodys(app, world, anybody):
    name = app.config["SESSION_COOKIE_NAME"]
    other = make_client(app)
    sign_in(other, world.stranger.email)
    press(other, "/logout")  # an attacker's session of before, with all that it held
    anybody.read("/login")
    for before in (anybody.get_cookie(name).value, other.get_cookie(name).value):
        client, thief = make_client(app), make_client(app)
        client.set_cookie(name, before)
        sign_in(client, world.subject.email)
        assert client.get_cookie(name).value != before
        assert is_signed_in(client)
        thief.set_cookie(name, before)
        assert not is_signed_in(thief)


@one_store
def test_row_36_flask_login_a_cookie_is_worthless_after_signing_out(app, world, anybody):
    sign_in(anybody, world.subject.email)
    copied = anybody.get_cookie(app.config["SESSION_COOKIE_NAME"]).value
    press(anybody, "/logout")
    thief = make_client(app)
    thief.set_cookie(app.config["SESSION_COOKIE_NAME"], copied)
    assert not is_signed_in(thief)
    assert press(thief, "/settings/feed").status_code == 401


@one_store
@pytest.mark.parametrize("change", ["password", "factor", "reset"])
def test_row_37_cve_2021_37156_other_sessions_end_when_a_way_to_sign_in_changes(
    app, world, as_, anybody, clock, change
):
    user = world.second_provider
    other, email, number = make_client(app), user.email, user.id
    sign_in(other, email)
    if change == "password":
        link = link_on(press(as_(world.administrator), f"/admin/people/{number}/link"))
        assert set_password(anybody, link).location == "/login"
    else:
        own = make_client(app)
        sign_in(own, email)
        set_up_authenticator(own)
        assert is_signed_in(own)
    if change == "reset":
        assert not is_signed_in(other)
        press(as_(world.administrator), f"/admin/people/{number}/reset-factors")
        assert not is_signed_in(own)
    assert not is_signed_in(other)


def test_row_38_a_session_ends_half_an_hour_after_the_last_click_and_after_twelve_hours(
    world, anybody
):
    with time_machine.travel(START, tick=False) as moment:
        sign_in(anybody, world.subject.email)
        for _ in range(24 * 12 // 5 - 1):
            moment.shift(timedelta(minutes=12, seconds=30))
            assert is_signed_in(anybody)
        moment.move_to(START + timedelta(hours=11, minutes=59))
        assert is_signed_in(anybody)
        moment.move_to(START + timedelta(hours=12))
        assert not is_signed_in(anybody)
        assert press(anybody, "/settings/feed").status_code == 401
        sign_in(anybody, world.subject.email)
        moment.shift(timedelta(minutes=29))
        assert is_signed_in(anybody)
        moment.shift(timedelta(minutes=31))
        assert not is_signed_in(anybody)


@one_store
def test_row_39_cve_2024_23830_a_mail_links_to_the_site_that_is_set_whatever_host_is_sent(
    app, world, as_, called, monkeypatch
):
    administrator = as_(world.administrator)
    token, address = administrator.token(), f"/admin/people/{world.second_provider.id}/link"
    with running_server() as box:
        monkeypatch.setitem(app.config, "SMTP_URL", f"smtp://127.0.0.1:{box.port}")
        monkeypatch.setitem(app.config, "BASE_URL", "https://credit.example")
        answer = administrator.post(
            address,
            data={"csrf_token": token},
            headers={"X-Forwarded-Host": "evil.example", "Forwarded": "host=evil.example"},
        )
    assert answer.status_code == 302
    (mail,) = box.mails
    text = mail.as_string()
    assert "evil.example" not in text
    assert "https://credit.example/welcome/" in mail.get_body(("plain",)).get_content()
    # Where no address is set nothing is mailed, and the page names no host.
    monkeypatch.setitem(app.config, "BASE_URL", "")
    called("evil.example")
    page = administrator.post(address, data={"csrf_token": token})
    assert link_on(page).startswith("/welcome/")
    assert "evil.example" not in page.html


@one_store
@pytest.mark.parametrize("typed", ["mıke@example.org", "ｍike@example.org", "mike@exampłe.org"])
def test_row_40_cve_2019_19844_an_address_that_looks_alike_is_another(
    app, world, as_, anybody, monkeypatch, typed
):
    mike = make_account(world.firm, Role.SUBJECT, email="mike@example.org")
    known, number = mike.fs_uniquifier, mike.id
    assert try_to_sign_in(anybody, typed).status_code == 200
    assert not is_signed_in(anybody)
    # No page takes an address and mails a link: an administrator picks the account.
    assert not any("forgot" in one or "reset_password" in one for one in app.view_functions)
    with running_server() as box:
        monkeypatch.setitem(app.config, "SMTP_URL", f"smtp://127.0.0.1:{box.port}")
        monkeypatch.setitem(app.config, "BASE_URL", "https://credit.example")
        press(as_(world.administrator), f"/admin/people/{number}/link")
    assert box.recipients == [["mike@example.org"]]
    assert getaddresses([box.mails[0]["To"]]) == [("", "mike@example.org")]
    assert db.session.get(User, number).fs_uniquifier != known


@one_store
def test_row_41_a_link_for_a_new_password_works_once_and_for_ten_minutes(world, as_, anybody):
    admin, user = as_(world.administrator), world.second_provider
    number, email = user.id, user.email
    with time_machine.travel(now(), tick=False) as moment:
        link = link_on(press(admin, f"/admin/people/{number}/link"))
        moment.shift(timedelta(minutes=10, seconds=1))
        assert anybody.get(link).status_code == 404
        data = {"csrf_token": anybody.token(), "password": NEW_PASSWORD, "again": NEW_PASSWORD}
        assert anybody.post(link, data=data).status_code == 404
        link = link_on(press(admin, f"/admin/people/{number}/link"))
        moment.shift(timedelta(minutes=9, seconds=59))
        assert set_password(anybody, link).location == "/login"
        assert anybody.post(link, data=data).status_code == 404
    assert try_to_sign_in(anybody, email, NEW_PASSWORD).status_code == 302


@one_store
@pytest.mark.parametrize("written", ["alike", "framed", "parted", "full width"])
def test_row_42_pypi_2026_9_a_code_is_not_taken_twice_however_it_is_written(
    world, as_, app, clock, written
):
    key = set_up_authenticator(as_(world.reviewer))
    clock.shift(30)
    code = code_of(key)
    first = make_client(app)
    first.send(first.follow(give_password(first, world.reviewer.email)), "/tf-validate", code=code)
    assert is_signed_in(first)
    wide = code.translate({ord(str(one)): 0xFF10 + one for one in range(10)})
    ways = {"framed": f" {code} ", "parted": f"{code[:3]} {code[3:]}", "full width": wide}
    again = ways.get(written, code)
    second = make_client(app)
    page = second.follow(give_password(second, world.reviewer.email))
    second.send(page, "/tf-validate", code=again)
    assert not is_signed_in(second)


# --- beyond the table: who signs a decision has just shown who they are ---------------------------


def test_a_decision_is_signed_by_who_has_just_given_the_password(world, app):
    case = make_case(world, "correction_decided")
    address = f"/cases/{case.ref}/sign_correction"
    with time_machine.travel(START, tick=False) as moment:
        reviewer = make_client(app)
        sign_in(reviewer, world.second_reviewer.email)
        page = reviewer.read(address)
        moment.shift(timedelta(minutes=15))
        assert reviewer.get(f"/cases/{case.ref}").status_code == 200  # to read is nothing new
        answer = reviewer.send(page, address)
        assert answer.location == f"/login/again?next={address}"
        assert reviewer.get(address).location == f"/login/again?next={address}"
        db.session.refresh(case)
        assert case.state == "correction_decided"
        wrong = reviewer.fill(answer.location, password="not the right one")
        assert wrong.mistakes
        assert reviewer.send(page, address).location.startswith("/login/again")
        answer = reviewer.fill(f"/login/again?next={address}", password=PASSWORD)
        assert answer.location == address
        answer = reviewer.fill(address)
        assert answer.status_code == 302, answer.words
    db.session.refresh(case)
    assert case.state == "executed"


@one_store
def test_what_was_typed_before_the_password_was_asked_for_is_there_again(world, app):
    case = make_case(world, "rejection_heard")
    address = f"/cases/{case.ref}/sign_rejection"
    with time_machine.travel(START, tick=False) as moment:
        reviewer = make_client(app)
        sign_in(reviewer, world.second_reviewer.email)
        page = reviewer.read(address)
        name = next(one for one in page.fields if one == "reason")
        moment.shift(timedelta(minutes=20))
        reviewer.send(page, address, **{name: "经复核，原决定书载明罚款2万元，异议理由不成立。"})
        reviewer.fill(f"/login/again?next={address}", password=PASSWORD)
        assert "经复核，原决定书载明罚款2万元" in reviewer.read(address).html


@one_store
def test_who_came_by_the_provider_and_has_no_password_signs_in_again(world, app):
    case = make_case(world, "correction_decided")
    with time_machine.travel(START, tick=False) as moment:
        reviewer = make_client(app)
        sign_in(reviewer, world.second_reviewer.email)
        with transaction() as session:
            session.get_one(User, world.second_reviewer.id).password = None
        moment.shift(timedelta(minutes=16))
        answer = reviewer.get(f"/cases/{case.ref}/sign_correction")
        assert answer.location == f"/cases/{case.ref}"
        assert reviewer.follow(answer).alerts


# --- where somebody is signed in ------------------------------------------------------------------


def ask_as(app, user, agent):
    """Return the browser of somebody who has signed in with it, by the name that it has."""
    client = make_client(app)
    client.environ_base["HTTP_USER_AGENT"] = agent
    sign_in(client, user.email)
    return client


FIREFOX = "Mozilla/5.0 (Windows NT 10.0; Win64; x64; rv:128.0) Gecko/20100101 Firefox/128.0"
WECHAT = "Mozilla/5.0 (Linux; Android 14) Chrome/116.0 Mobile Safari/537.36 MicroMessenger/8.0"


def rows_on(page):
    """Return what stands in the lines of the list."""
    return [" ".join("".join(one.itertext()).split()) for one in page.tree.findall(".//main//li")]


def test_a_person_sees_where_they_are_signed_in_and_ends_one_from_elsewhere(app, world):
    office, phone = ask_as(app, world.subject, FIREFOX), ask_as(app, world.subject, WECHAT)
    stranger = ask_as(app, world.stranger, FIREFOX)
    rows = rows_on(office.read("/settings/sessions"))
    assert [one.split(" ")[0] for one in rows] == ["WeChat", "Firefox"]
    assert "Android" in rows[0]
    assert "Windows" in rows[1]
    (address,) = {
        form.get("action")
        for form in office.read("/settings/sessions").tree.findall(".//main//li//form")
    }
    assert press(stranger, address).status_code == 404
    assert is_signed_in(phone)
    assert press(office, address).location == "/settings/sessions"
    assert not is_signed_in(phone)
    assert is_signed_in(office)
    assert is_signed_in(stranger)
    assert press(office, address).status_code == 404
    assert len(rows_on(office.read("/settings/sessions"))) == 1


@one_store
def test_who_signed_in_a_while_ago_gives_the_password_before_a_session_is_ended(app, world):
    """ASVS 7.5.2: whoever finds a screen open must not lock its person out everywhere."""
    with time_machine.travel(START, tick=False) as moment:
        office, phone = ask_as(app, world.subject, FIREFOX), ask_as(app, world.subject, WECHAT)
        (form,) = office.read("/settings/sessions").tree.findall(".//main//li//form")
        places = [form.get("action"), "/settings/sessions/end-others"]
        again = "/login/again?next=/settings/sessions"
        moment.shift(timedelta(minutes=14))
        assert is_signed_in(office)
        assert is_signed_in(phone)
        moment.shift(timedelta(minutes=2))
        for place in places:
            assert press(office, place).location.endswith(again)
            assert is_signed_in(phone)
        assert office.fill(again, password=PASSWORD).status_code == 302
        assert press(office, places[0]).location == "/settings/sessions"
        assert not is_signed_in(phone)


def test_all_others_are_ended_at_once(app, world):
    clients = [ask_as(app, world.subject, FIREFOX) for _ in range(3)]
    press(clients[1], "/settings/sessions/end-others")
    assert [is_signed_in(one) for one in clients] == [False, True, False]


@one_store
def test_a_session_that_is_over_is_not_listed(app, world):
    with time_machine.travel(START, tick=False) as moment:
        ask_as(app, world.subject, FIREFOX)
        moment.shift(timedelta(hours=11, minutes=59))
        client = ask_as(app, world.subject, WECHAT)
        assert len(rows_on(client.read("/settings/sessions"))) == 2
        moment.shift(timedelta(minutes=2))
        assert len(rows_on(client.read("/settings/sessions"))) == 1


@pytest.mark.parametrize("change", ["given", "ended", "narrowed"])
def test_sessions_end_when_a_role_changes(app, world, as_, change):
    user = make_account(world.agency, Role.PROVIDER)
    client, number = ask_as(app, user, FIREFOX), user.id
    administrator = as_(world.administrator)
    if change == "given":
        answer = administrator.fill(
            f"/admin/people/{number}/roles/new", uscc=world.agency.uscc, role="department"
        )
        assert answer.status_code == 302
    elif change == "ended":
        press(administrator, f"/admin/people/roles/{user.appointments[0].id}/end")
    else:
        address = f"/admin/people/roles/{user.appointments[0].id}"
        administrator.fill(address, ends_on=str(today() + timedelta(days=30)))
    assert not is_signed_in(client)


@one_store
def test_a_cookie_that_says_no_beginning_is_nobodys(app, world):
    client = ask_as(app, world.subject, FIREFOX)
    for name in ("began", "key"):
        with client.session_transaction() as kept:
            value = kept.pop(name)
        assert not is_signed_in(client)
        with client.session_transaction() as kept:
            kept[name] = value
    assert is_signed_in(client)
