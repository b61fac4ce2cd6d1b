"""A second factor: set up, asked for, used once, limited, required by role, reset."""

import hashlib
import json
import re
from datetime import UTC, datetime
from math import prod
from urllib.parse import urlsplit

import pytest
import time_machine
from flask_login import encode_cookie
from passlib.totp import TOTP
from sqlalchemy import String, select, type_coerce, update

from repair_app.db import db
from repair_app.models import Event, Role, User
from repair_app.sealing import NotOpened
from repair_app.services import second_factor
from repair_app.services.transaction import transaction
from repair_app.web.door import MACHINES, NOBODYS, SETTING_UP, rule_of
from tests.client import CSRF, make_client, sign_in, text_of
from tests.factories import PASSWORD, make_account, make_case
from tests.smtp_server import running_server
from tests.test_administration import NEW_PASSWORD, link_on, set_password
from tests.web.test_routes import addresses
from tests.web.test_sign_in import make_app

__all__ = ["addresses", "make_app"]  # fixtures

START = datetime(2026, 11, 23, 2, 0, tzinfo=UTC)  # 10:00 in Shanghai
ISSUER = "Redress"
RECOVERY = re.compile(r"\b(?:[0-9a-z]{4}-){5}[0-9a-z]{4}\b")
EARLIER = "1a2b-3c4d-5e6f"  # a code as releases before these kept it, encrypted only
one_store = pytest.mark.parametrize("stage", ["sqlite"], indirect=True)  # no query is special


@pytest.fixture
def clock():
    """Give a clock that stands still until a test moves it."""
    with time_machine.travel(START, tick=False) as traveller:
        yield traveller


@pytest.fixture
def same_key_app(app, make_app, monkeypatch):
    """Give a function that makes an application with the keys of the first: one more web node."""
    monkeypatch.setenv("REDRESS_SECOND_FACTOR_KEY", app.config["SECURITY_TOTP_SECRETS"]["1"])
    return make_app


def press(client, url, **data):
    """Send a form that has only a button."""
    return client.post(url, data={"csrf_token": client.token(), **data})


def code_of(key):
    """Return what an authenticator shows now for a key (RFC 6238)."""
    return TOTP(key).generate().token


def set_up_authenticator(client):
    """Set up an authenticator as a person does; return its key."""
    page = press(client, "/tf-setup", setup="authenticator")
    assert page.status_code == 200
    key = text_of(page.having("ref")[0])
    answer = client.send(page, "/tf-setup", code=code_of(key))
    assert answer.location == "/settings/factors", answer.mistakes
    return key


def give_password(client, email, url="/login"):
    """Send the sign-in form and return where it leads."""
    page = client.get(url)
    return client.send(page, url, email=email, password=PASSWORD)


def steps_of(user):
    """Return the events of an account that concern its second factor."""
    found = db.session.scalars(
        select(Event)
        .where(Event.workflow == "accounts", Event.entity == f"account:{user.id}")
        .order_by(Event.id)
    )
    return [(one.transition, json.loads(one.payload)["facts"].get("kind")) for one in found]


def is_signed_in(client):
    return client.get("/home").location != "/login?next=/home"


# --- the authenticator ------------------------------------------------------------------------


def test_an_authenticator_is_asked_for_from_the_next_sign_in_on(world, as_, anybody, clock):
    reviewer = as_(world.reviewer)
    key = set_up_authenticator(reviewer)
    assert is_signed_in(reviewer)
    clock.shift(30)
    answer = give_password(anybody, world.reviewer.email, "/login?next=/work")
    assert urlsplit(answer.location).path == "/tf-validate"
    assert not is_signed_in(anybody)
    page = anybody.follow(answer)
    assert page.title == "输入动态验证码"
    answer = anybody.send(page, answer.location, code=code_of(key))
    assert answer.location == "/work"
    assert anybody.read("/work")
    assert ("add_factor", "authenticator") in steps_of(world.reviewer)


@one_store
def test_nobody_is_remembered_beyond_the_session_whatever_is_sent(world, as_, anybody, app, clock):
    sent = {"email": world.provider.email, "password": PASSWORD, "remember": "y"}
    answer = press(anybody, "/login", **sent)
    assert answer.location == "/home"
    assert is_signed_in(anybody)
    assert anybody.get_cookie("remember_token") is None
    # Nor by way of the second factor.
    key, browser = set_up_authenticator(as_(world.reviewer)), make_client(app)
    clock.shift(30)
    answer = press(browser, "/login", **sent | {"email": world.reviewer.email})
    page = browser.follow(answer)
    answer = browser.send(page, answer.location, code=code_of(key))
    assert is_signed_in(browser)
    assert browser.get_cookie("remember_token") is None


@one_store
@pytest.mark.parametrize("name", ["provider", "reviewer"])
def test_a_cookie_that_remembers_is_not_believed(world, app, anybody, name):
    """As Flask-Login itself would sign it: from an earlier version, or by a stolen key."""
    anybody.set_cookie("remember_token", encode_cookie(getattr(world, name).fs_uniquifier))
    assert not is_signed_in(anybody)
    assert anybody.get("/work").location.startswith("/login")


@one_store
def test_the_code_to_scan_says_the_key_and_the_page_loads_nothing_from_elsewhere(world, as_):
    page = press(as_(world.reviewer), "/tf-setup", setup="authenticator")
    assert page.having("bg-white")[0].get("src").startswith("data:image/svg+xml")
    assert "script-src" not in page.headers["Content-Security-Policy"]
    assert "default-src 'self'" in page.headers["Content-Security-Policy"]


@one_store
def test_the_secret_is_kept_encrypted(world, as_, clock):
    key = set_up_authenticator(as_(world.reviewer))
    kept = db.session.get(User, world.reviewer.id).tf_totp_secret
    assert "enckey" in kept
    assert key.replace("-", "") not in kept
    in_store = raw_secret(world.reviewer)
    assert in_store.startswith("enc1:")
    assert "enckey" not in in_store


def raw_secret(user):
    """Return what the column of an account's secret keeps."""
    asked = select(type_coerce(User.__table__.c.tf_totp_secret, String)).where(
        User.__table__.c.id == user.id
    )
    return db.session.scalar(asked)


@one_store
def test_a_secret_that_was_changed_in_the_store_opens_nothing(world, as_, app, clock):
    """Who can write to the store, and knows no key, makes nobody's secret another one."""
    set_up_authenticator(as_(world.reviewer))
    in_store, number, table = raw_secret(world.reviewer), world.reviewer.id, User.__table__
    places = range(len("enc1:12345678:"), len(in_store) - 2, 9)
    assert len(places) > 10
    db.session.rollback()
    for place in places:
        other = "A" if in_store[place] != "A" else "B"
        changed = in_store[:place] + other + in_store[place + 1 :]
        with transaction() as session:
            written = update(table).where(table.c.id == number)
            session.execute(written.values(tf_totp_secret=type_coerce(changed, String)))
        with pytest.raises(NotOpened, match=r"account\.tf_totp_secret"):
            db.session.get(User, number, populate_existing=True)
        db.session.rollback()


@one_store
def test_no_secret_is_kept_before_its_first_code_is_right(world, as_):
    reviewer = as_(world.reviewer)
    page = press(reviewer, "/tf-setup", setup="authenticator")
    page = reviewer.send(page, "/tf-setup", code="000000")
    assert page.status_code == 200
    assert page.mistakes == ["验证码不正确，请输入当前显示的验证码。"]
    assert db.session.get(User, world.reviewer.id).tf_totp_secret is None
    assert not db.session.get(User, world.reviewer.id).has_second_factor


@one_store
def test_a_new_password_by_link_does_not_pass_the_second_factor(world, as_, app, anybody, clock):
    """ASVS 6.4.3: who took over a mailbox still lacks the authenticator."""
    email, number = world.reviewer.email, world.reviewer.id
    key = set_up_authenticator(as_(world.reviewer))
    link = link_on(press(as_(world.administrator), f"/admin/people/{number}/link"))
    assert set_password(anybody, link).location == "/login"
    client = make_client(app)
    page = client.follow(client.fill("/login", email=email, password=NEW_PASSWORD))
    assert page.request.path == "/tf-validate"
    assert client.get("/work").location.startswith("/login")
    clock.shift(30)
    assert client.send(page, "/tf-validate", code=code_of(key)).status_code == 302
    assert client.get("/work").status_code == 200


def test_a_code_is_good_once(world, as_, app, clock):
    key = set_up_authenticator(as_(world.reviewer))
    clock.shift(30)
    code, found = code_of(key), []
    for _ in range(2):
        client = make_client(app)
        answer = give_password(client, world.reviewer.email)
        page = client.follow(answer)
        client.send(page, "/tf-validate", code=code)
        found.append(is_signed_in(client))
    assert found == [True, False]


@pytest.mark.parametrize(("late", "good"), [(30, True), (90, False), (-30, True), (-90, False)])
@one_store
def test_clocks_may_differ_by_half_a_minute(world, as_, anybody, clock, late, good):
    key = set_up_authenticator(as_(world.reviewer))
    clock.shift(600)
    code = code_of(key)
    clock.shift(late)
    page = anybody.follow(give_password(anybody, world.reviewer.email))
    anybody.send(page, "/tf-validate", code=code)
    assert is_signed_in(anybody) == good


@pytest.mark.parametrize("code", ["", "12", "abcdef", "٣٣٣٣٣٣", "0" * 5000, "000000"])
@one_store
def test_a_wrong_code_is_told_and_signs_nobody_in(world, as_, anybody, clock, code):
    set_up_authenticator(as_(world.reviewer))
    page = anybody.follow(give_password(anybody, world.reviewer.email))
    page = anybody.send(page, "/tf-validate", code=code)
    assert page.status_code == 200
    assert page.mistakes
    assert not is_signed_in(anybody)


@one_store
def test_setting_up_a_factor_ends_the_sessions_that_began_without_it(world, as_, app, clock):
    other = make_client(app)
    sign_in(other, world.reviewer.email)
    reviewer = as_(world.reviewer)
    set_up_authenticator(reviewer)
    assert is_signed_in(reviewer)
    assert not is_signed_in(other)


@one_store
def test_who_signed_in_a_while_ago_gives_the_password_again(world, anybody, clock):
    sign_in(anybody, world.reviewer.email)
    clock.shift(16 * 60)
    for url in ("/tf-setup", "/wan-register", "/mf-recovery-codes"):
        assert anybody.get(url).location.startswith("/login/again?next=")
    before = press(anybody, "/mf-recovery-codes")
    assert before.location.startswith("/login/again?next=")
    assert not db.session.get(User, world.reviewer.id).mf_recovery_codes
    page = anybody.get("/login/again?next=/tf-setup")
    page = anybody.send(page, "/login/again?next=/tf-setup", password="not the right one")
    assert page.mistakes == ["密码不正确。"]
    answer = anybody.send(page, "/login/again?next=/tf-setup", password=PASSWORD)
    assert answer.location == "/tf-setup"
    assert anybody.read("/tf-setup")


@one_store
def test_looking_at_the_pages_between_password_and_code_signs_nobody_out(world, as_):
    reviewer = as_(world.reviewer)
    for url in ("/tf-validate", "/tf-select", "/mf-recovery", "/wan-signin", "/tf-rescue"):
        assert reviewer.get(url).location == "/home", url
    assert is_signed_in(reviewer)


# --- recovery codes ---------------------------------------------------------------------------


def make_recovery_codes(client):
    """Make recovery codes as a person does; return them."""
    return RECOVERY.findall(press(client, "/mf-recovery-codes").words)


def recover(app, email, code):
    """Sign in by password and recovery code; return the client."""
    client = make_client(app)
    client.follow(give_password(client, email))
    page = client.read("/mf-recovery")
    client.send(page, "/mf-recovery", code=code)
    return client


def test_a_recovery_code_signs_in_once(world, as_, app, clock):
    reviewer = as_(world.reviewer)
    set_up_authenticator(reviewer)
    codes = make_recovery_codes(reviewer)
    assert len(set(codes)) == 10
    assert is_signed_in(recover(app, world.reviewer.email, codes[3]))
    assert not is_signed_in(recover(app, world.reviewer.email, codes[3]))
    assert is_signed_in(recover(app, world.reviewer.email, codes[4]))
    assert len(db.session.get(User, world.reviewer.id).mf_recovery_codes) == 8
    assert steps_of(world.reviewer).count(("use_code", "recovery_codes")) == 2


@one_store
def test_new_recovery_codes_make_the_old_ones_worthless_and_are_shown_once(world, as_, app, clock):
    reviewer = as_(world.reviewer)
    set_up_authenticator(reviewer)
    old = make_recovery_codes(reviewer)
    new = make_recovery_codes(reviewer)
    assert not set(old) & set(new)
    assert not is_signed_in(recover(app, world.reviewer.email, old[0]))
    for url in ("/mf-recovery-codes", "/mf-recovery-codes?show_codes=1"):
        assert not RECOVERY.search(reviewer.read(url).html)
    kept = db.session.get(User, world.reviewer.id).mf_recovery_codes
    assert not set(kept) & set(new)


WRITTEN = {
    "capitals": str.upper,
    "no hyphens": lambda code: code.replace("-", ""),
    "blanks": lambda code: f"  {code.replace('-', ' ')} ",
    "full width": lambda code: code.translate({one: one + 0xFEE0 for one in range(0x21, 0x7F)}),
    "O for 0, l for 1": lambda code: code.replace("0", "O").replace("1", "l"),
}


@one_store
@pytest.mark.parametrize("way", WRITTEN)
def test_a_recovery_code_is_known_however_it_is_written(world, as_, app, clock, way):
    reviewer = as_(world.reviewer)
    set_up_authenticator(reviewer)
    # One with both signs that are read as others: nearly always among ten.
    codes = sorted(make_recovery_codes(reviewer), key=lambda one: -len({"0", "1"} & set(one)))
    assert is_signed_in(recover(app, world.reviewer.email, WRITTEN[way](codes[0])))
    assert not is_signed_in(recover(app, world.reviewer.email, codes[0]))


def test_a_recovery_code_has_more_than_112_bits(monkeypatch):
    """ASVS 5.0.0, 6.5.2: from there on a plain hash is enough."""
    drawn = []
    monkeypatch.setattr(second_factor.secrets, "choice", lambda of: drawn.append(of) or of[-1])
    code = second_factor.make_code()
    assert RECOVERY.fullmatch(code)
    assert len(code.replace("-", "")) == len(drawn)
    assert prod(len(set(of)) for of in drawn) >= 2**112
    assert not set("ilou") & set(second_factor.SIGNS)  # would be read as others, or make words


@one_store
def test_what_lies_in_the_store_opens_nothing(world, as_, app, clock):
    """Not for who reads the store, nor for who has its key as well: ASVS 5.0.0, 6.5.2."""
    reviewer = as_(world.reviewer)
    set_up_authenticator(reviewer)
    codes = make_recovery_codes(reviewer)
    kept = db.session.get(User, world.reviewer.id).mf_recovery_codes
    cryptor = app.extensions["security"].mf_recovery_codes_util.cryptor
    hashes = [cryptor.decrypt(one.encode()).decode() for one in kept]
    # The hash is of the code without its hyphens, as anybody can count it.
    expected = [hashlib.sha256(one.replace("-", "").encode()).hexdigest() for one in codes]
    assert hashes == [f"sha256:{one}" for one in expected]
    for found in (kept[0], hashes[0], expected[0], "sha256:", "", "sha256"):
        assert not is_signed_in(recover(app, world.reviewer.email, found)), found
    db.session.rollback()
    assert db.session.get(User, world.reviewer.id).mf_recovery_codes == kept
    # Nor does a hash that somebody writes there who has not the key.
    with transaction() as session:
        session.get_one(User, world.reviewer.id).mf_recovery_codes = [hashes[1], *kept]
    assert is_signed_in(recover(app, world.reviewer.email, codes[1]))
    db.session.rollback()
    left = db.session.get(User, world.reviewer.id).mf_recovery_codes
    assert left == [hashes[1], kept[0], *kept[2:]]


def test_codes_of_an_earlier_release_work_once_and_their_owner_is_told(world, as_, app, clock):
    reviewer = as_(world.reviewer)
    set_up_authenticator(reviewer)
    told = "您的恢复码是早期版本生成的"
    make_recovery_codes(reviewer)
    assert told not in reviewer.read("/settings/factors").words
    cryptor = app.extensions["security"].mf_recovery_codes_util.cryptor
    with transaction() as session:
        kept = [cryptor.encrypt(one.encode()).decode() for one in (EARLIER, "0000-1111-2222")]
        session.get_one(User, world.reviewer.id).mf_recovery_codes = kept
    assert told in reviewer.read("/settings/factors").words
    assert not is_signed_in(recover(app, world.reviewer.email, "1a2b-3c4d-5e6e"))
    assert is_signed_in(recover(app, world.reviewer.email, EARLIER))
    assert not is_signed_in(recover(app, world.reviewer.email, EARLIER))
    make_recovery_codes(reviewer)
    assert told not in reviewer.read("/settings/factors").words
    assert not is_signed_in(recover(app, world.reviewer.email, "0000-1111-2222"))


# --- limits -----------------------------------------------------------------------------------


@one_store
def test_wrong_codes_are_limited_as_wrong_passwords_are(world, as_, same_key_app, clock):
    key = set_up_authenticator(as_(world.reviewer))
    clock.shift(30)
    client = make_client(same_key_app(RATELIMIT_ENABLED=True))
    page = client.follow(give_password(client, world.reviewer.email))
    found = [client.send(page, "/tf-validate", code="000000").status_code for _ in range(6)]
    assert found == [200] * 5 + [429]
    assert client.send(page, "/tf-validate", code=code_of(key)).status_code == 429
    page = client.read("/mf-recovery")
    assert client.send(page, "/mf-recovery", code="1111-2222-3333").status_code == 429
    clock.shift(61)
    page = client.read("/tf-validate")
    answer = client.send(page, "/tf-validate", code=code_of(key))
    assert answer.status_code == 302


@one_store
def test_an_account_s_codes_cannot_be_guessed_from_many_places(world, as_, same_key_app, clock):
    set_up_authenticator(as_(world.reviewer))
    app = same_key_app(RATELIMIT_ENABLED=True, CODE_RATE_LIMIT_OF_ACCOUNT="3 per hour")
    found = []
    for number in range(4):
        client = make_client(app)
        client.environ_base["REMOTE_ADDR"] = f"192.0.2.{number}"
        page = client.follow(give_password(client, world.reviewer.email))
        found.append(client.send(page, "/tf-validate", code="000000").status_code)
    assert found == [200, 200, 200, 429]


# --- required by role -------------------------------------------------------------------------


@pytest.fixture
def strict(make_app):
    """Give an application that asks reviewers and auditors for a second factor."""
    app = make_app()
    app.extensions["redress_second_factor"] = second_factor.read_roles("reviewer, auditor")
    return app


@one_store
def test_which_roles_need_one_is_a_setting(monkeypatch, make_app):
    monkeypatch.setenv("REDRESS_SECOND_FACTOR", "reviewer,administrator")
    app = make_app()
    assert app.extensions["redress_second_factor"] == {Role.REVIEWER, Role.ADMINISTRATOR}
    monkeypatch.setenv("REDRESS_SECOND_FACTOR", "off")
    assert not make_app().extensions["redress_second_factor"]
    for wrong in ("reviewers", "system", "on"):
        monkeypatch.setenv("REDRESS_SECOND_FACTOR", wrong)
        with pytest.raises(ValueError, match=wrong):
            make_app()


@one_store
def test_one_word_asks_everybody_for_one(monkeypatch, make_app, world):
    """ASVS 5.0.0, 6.3.3: people of enterprises and institutions as well."""
    monkeypatch.setenv("REDRESS_SECOND_FACTOR", "all")
    app = make_app()
    assert app.extensions["redress_second_factor"] == set(Role) - {Role.SYSTEM}
    roles = set()
    for name in world.ACCOUNTS:
        user = getattr(world, name)
        roles |= {one.role for one in user.appointments}
        client = make_client(app)
        sign_in(client, user.email)
        for address in ("/home", "/my", "/work", "/admin", "/audit"):
            assert client.get(address).location == "/settings/factors", (name, address)
    assert {Role.SUBJECT, Role.AGENT, Role.DEPARTMENT, Role.PROVIDER} <= roles
    monkeypatch.setenv("REDRESS_SECOND_FACTOR", "all,reviewer")  # which of the two is meant?
    with pytest.raises(ValueError, match="all is no role"):
        make_app()


@one_store
def test_a_reviewer_without_one_reaches_nothing_but_its_set_up(world, strict, addresses, digest):
    client = make_client(strict)
    sign_in(client, world.reviewer.email)
    token = CSRF.search(client.read("/settings/factors").html)[1]
    before = digest()
    for rule in strict.url_map.iter_rules():
        if rule_of(strict, rule.endpoint) == MACHINES:
            continue  # no session counts there: tests/api/test_clients.py
        address = addresses[rule.endpoint]
        if "GET" in rule.methods and rule.endpoint not in NOBODYS | SETTING_UP:
            assert client.get(address).location == "/settings/factors", rule.endpoint
        if "POST" in rule.methods and rule.endpoint not in SETTING_UP:
            data = {"csrf_token": token, "version": "3"}
            assert client.post(address, data=data).status_code == 403, rule.endpoint
    assert digest() == before
    assert not {"cases.show", "transitions.fire", "desk.take", "public.home"} & SETTING_UP


@one_store
def test_with_one_set_up_everything_is_open_again(world, strict, clock):
    case = make_case(world, "submitted")
    client = make_client(strict)
    sign_in(client, world.reviewer.email)
    assert client.get("/work").location == "/settings/factors"
    assert client.get(f"/cases/{case.ref}").location == "/settings/factors"
    # As the page leads there: its own button, not an address that a test knows.
    links = client.read("/settings/factors").links
    assert "/tf-setup" in links.values()
    page = client.read("/tf-setup")
    answer = client.post(
        "/tf-setup", data={"csrf_token": page.fields["csrf_token"], "setup": "authenticator"}
    )
    key = text_of(answer.having("ref")[0])
    answer = client.send(answer, "/tf-setup", code=code_of(key))
    assert client.follow(answer).status_code == 200
    assert client.read("/work")
    assert client.read(f"/cases/{case.ref}")


@one_store
def test_other_roles_are_asked_for_none(world, strict):
    client = make_client(strict)
    sign_in(client, world.subject.email)
    assert client.read("/my")


@one_store
def test_a_role_that_needs_one_counts_from_the_day_it_is_held(world, strict):
    both = make_account(world.agency, Role.AUDITOR, ends_on=None)
    client = make_client(strict)
    sign_in(client, both.email)
    assert client.get("/audit").location == "/settings/factors"


# --- reset ------------------------------------------------------------------------------------


def test_an_administrator_resets_what_somebody_has_lost(
    world, as_, app, anybody, clock, monkeypatch
):
    reviewer = as_(world.reviewer)
    set_up_authenticator(reviewer)
    make_recovery_codes(reviewer)
    with running_server() as box:
        monkeypatch.setitem(app.config, "SMTP_URL", f"smtp://127.0.0.1:{box.port}")
        answer = press(as_(world.administrator), f"/admin/people/{world.reviewer.id}/reset-factors")
    assert answer.status_code == 302
    kept = db.session.get(User, world.reviewer.id)
    assert not kept.has_second_factor
    assert not kept.mf_recovery_codes
    assert steps_of(world.reviewer)[-1][0] == "reset_factors"
    assert [one["To"] for one in box.mails] == [world.reviewer.email]
    assert not is_signed_in(reviewer)
    assert give_password(anybody, world.reviewer.email).location == "/home"


@one_store
def test_nobody_resets_their_own_and_nobody_else_resets_any(world, as_, clock):
    administrator = as_(world.administrator)
    set_up_authenticator(administrator)
    press(administrator, f"/admin/people/{world.administrator.id}/reset-factors")
    assert db.session.get(User, world.administrator.id).has_second_factor
    answer = press(as_(world.subject), f"/admin/people/{world.administrator.id}/reset-factors")
    assert answer.status_code == 403
    assert db.session.get(User, world.administrator.id).has_second_factor
