"""Passkeys by HTTP: set up, used after the password; nobody else's, copied or from elsewhere."""

import pytest

from repair_app.db import db
from repair_app.models import Passkey, User
from tests.client import make_client
from tests.sign_in.soft_key import SoftKey, options_of
from tests.sign_in.test_second_factor import give_password, is_signed_in, press, steps_of


def set_up(client, key, name="蓝色密钥"):
    """Set up a passkey as the page and its script do; return the answer."""
    page = press(client, "/wan-register", name=name, usage="secondary")
    return client.send(page, "/wan-register", credential=key.register(options_of(page)))


def use(client, email, key, **changed):
    """Sign in by password and passkey; say whether that let the person in."""
    client.follow(give_password(client, email))
    page = press(client, "/wan-signin")
    client.send(page, "/wan-signin", credential=key.sign(options_of(page) | changed))
    return is_signed_in(client)


def test_a_passkey_is_asked_for_after_the_password(world, as_, app):
    key, reviewer = SoftKey(), as_(world.reviewer)
    assert set_up(reviewer, key).location == "/settings/factors"
    assert "蓝色密钥" in reviewer.read("/settings/factors").words
    client = make_client(app)
    answer = give_password(client, world.reviewer.email)
    assert answer.location.startswith("/wan-signin")
    assert not is_signed_in(client)
    assert use(make_client(app), world.reviewer.email, key)
    kept = db.session.query(Passkey).one()
    assert (kept.sign_count, kept.usage) == (key.count, "secondary")
    assert steps_of(world.reviewer) == [("add_factor", "passkey")]


@pytest.mark.parametrize("stage", ["sqlite"], indirect=True)
def test_a_passkey_of_somebody_else_signs_nobody_in(world, as_, app):
    """Not its owner either: their password was not given."""
    own, others = SoftKey(), SoftKey()
    set_up(as_(world.reviewer), own)
    set_up(as_(world.provider), others)
    assert not use(make_client(app), world.reviewer.email, others)
    assert use(make_client(app), world.reviewer.email, own)


@pytest.mark.parametrize("stage", ["sqlite"], indirect=True)
def test_what_is_copied_forged_or_from_another_site_is_refused(world, as_, app):
    key = SoftKey()
    set_up(as_(world.reviewer), key)
    assert use(make_client(app), world.reviewer.email, key)
    key.count = 0  # a copy of the key knows nothing of what the other has counted
    assert not use(make_client(app), world.reviewer.email, key)
    key.count = 50
    assert not use(make_client(app), world.reviewer.email, key, challenge="YW5vdGhlcg")
    key.site = "http://evil.example"
    assert not use(make_client(app), world.reviewer.email, key)
    key.site = "http://localhost"
    for nonsense in ("", "{}", "[]", "null", "x" * 5000, '{"id": 1}'):
        client = make_client(app)
        client.follow(give_password(client, world.reviewer.email))
        page = press(client, "/wan-signin")
        assert client.send(page, "/wan-signin", credential=nonsense).status_code in {302, 400}
        assert not is_signed_in(client)
    assert use(make_client(app), world.reviewer.email, key)


@pytest.mark.parametrize("stage", ["sqlite"], indirect=True)
def test_nobody_signs_in_with_a_passkey_alone(world, as_, app, anybody):
    set_up(as_(world.reviewer), SoftKey())
    assert anybody.get("/wan-signin").location.startswith("/login")
    assert press(anybody, "/wan-signin").status_code == 401


@pytest.mark.parametrize("stage", ["sqlite"], indirect=True)
def test_passkeys_have_names_of_their_own_and_are_removed_by_them(world, as_):
    reviewer = as_(world.reviewer)
    set_up(reviewer, SoftKey(), "<b>甲</b>")
    assert "&lt;b&gt;甲" in reviewer.read("/settings/factors").html
    page = press(reviewer, "/wan-register", name="<b>甲</b>", usage="secondary")
    assert page.mistakes == ["您已有同名的通行密钥，请另起名称。"]
    for wrong in ("", "甲" * 65):
        assert press(reviewer, "/wan-register", name=wrong, usage="secondary").mistakes
    press(reviewer, "/wan-delete", name="not mine")
    assert db.session.get(User, world.reviewer.id).has_second_factor
    press(reviewer, "/wan-delete", name="<b>甲</b>")
    db.session.expire_all()
    assert not db.session.get(User, world.reviewer.id).has_second_factor
