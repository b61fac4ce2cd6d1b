"""Signing in by a real OpenID provider: whom it lets in as what, and what it cannot do."""

import base64
import json
from datetime import timedelta
from urllib.parse import parse_qs, urlsplit

import httpx
import pytest
import time_machine
from authlib.integrations.flask_client.apps import FlaskOAuth2App
from joserfc import jwt
from joserfc.jwk import OctKey, RSAKey
from sqlalchemy import select

from config import ConfigError
from repair_app.db import db, now, today
from repair_app.models import Event, Identity, MachineClient, Role, User
from repair_app.services import administration, clients, invitations
from repair_app.services.administration import Newcomer, Seat
from tests.client import make_client, sign_in, text_of
from tests.factories import PASSWORD, make_organisation
from tests.sign_in.openid import CLIENT, SECRET, Browser, running_provider
from tests.web.test_sign_in import make_app

__all__ = ["make_app"]  # a fixture

START = "/login/unified"
one_store = pytest.mark.parametrize("stage", ["sqlite"], indirect=True)  # no query is special


@pytest.fixture(scope="module")
def provider(tmp_path_factory):
    """Run one provider for these tests."""
    with running_provider(tmp_path_factory.mktemp("provider") / "accounts.json") as running:
        yield running


@pytest.fixture
def settings(provider, monkeypatch):
    """Set the provider in the environment, as a deployment does."""
    monkeypatch.setenv("REDRESS_OIDC_ISSUER", provider.issuer)
    monkeypatch.setenv("REDRESS_OIDC_CLIENT_ID", CLIENT)
    monkeypatch.setenv("REDRESS_OIDC_CLIENT_SECRET", SECRET)
    monkeypatch.setenv("NO_PROXY", "127.0.0.1")
    monkeypatch.setenv("no_proxy", "127.0.0.1")  # which is read first
    return monkeypatch


@pytest.fixture
def place(settings, make_app):
    """Give an application that people sign in to by the provider."""
    return make_app()


@pytest.fixture
def browsers():
    """Give a function that makes browsers for the provider's pages."""
    made = []

    def make():
        made.append(Browser())
        return made[-1]

    yield make
    for one in made:
        one.close()


@pytest.fixture
def come(place, browsers):
    """Give a function that signs a person in as far as it goes: the client, and the last answer."""

    def go(login, url=START, client=None, **how):
        client = client or make_client(place)
        answer = client.get(url)
        assert answer.status_code == 302, answer.words
        back = browsers().sign_in(answer.location, login, **how)
        return client, client.get(back.removeprefix("http://localhost"))

    return go


def person(name="欧阳静", email="ouyang@example.com", **claims):
    return {"name": name, "email": email, "email_verified": True, **claims}


def acts_for(organisation, role="handler", **more):
    return {"uscc": organisation.uscc, "name": organisation.name, "role": role, **more}


def is_signed_in(client):
    return client.get("/home").location != "/login?next=/home"


def find_user(email):
    return db.session.scalar(select(User).where(User.email == email))


def events():
    """Return the steps of the book of accounts, oldest first."""
    found = select(Event).where(Event.workflow == "accounts").order_by(Event.id)
    return [(one.transition, one.entity) for one in db.session.scalars(found)]


# --- who is let in as what --------------------------------------------------------------------


def test_a_person_of_an_enterprise_on_file_gets_an_account(world, provider, come):
    provider.knows(ouyang=person(organisations=[acts_for(world.firm, "legal_representative")]))
    client, answer = come("ouyang", f"{START}?next=/my")
    assert answer.location == "/my"
    assert "欧阳静" in client.read("/my").html
    user = find_user("ouyang@example.com")
    assert [(one.organisation_id, one.role) for one in user.appointments] == [
        (world.firm.id, "subject")
    ]
    assert user.password is None
    name = f"account:{user.id}"
    assert [one for one in events() if one[1] == name] == [
        ("invite", name),
        ("link_identity", name),
    ]
    # The second time it is the same account.
    client, answer = come("ouyang")
    assert is_signed_in(client)
    assert len(db.session.scalars(select(Identity)).all()) == 1


@one_store
def test_what_the_provider_is_asked_has_pkce_state_and_nonce(provider, place):
    address = urlsplit(make_client(place).get(START).location)
    asked = parse_qs(address.query)
    assert asked["code_challenge_method"] == ["S256"]
    assert asked["response_type"] == ["code"]
    assert {"code_challenge", "state", "nonce"} <= set(asked)
    assert asked["redirect_uri"] == ["http://localhost/login/unified/back"]
    assert SECRET not in address.query


def test_an_agent_has_the_scope_and_the_term_of_the_mandate(world, provider, come):
    last = today() + timedelta(days=30)
    mandate = acts_for(world.firm, "agent", scope=["objection"], until=last.isoformat())
    provider.knows(ouyang=person(organisations=[mandate]))
    client, _ = come("ouyang")
    assert client.read("/my")
    seat = find_user("ouyang@example.com").appointments[0]
    assert (seat.role, seat.scope, seat.ends_on) == ("agent", ["objection"], last)
    provider.knows(ouyang=person(organisations=[mandate | {"scope": ["objection", "repair"]}]))
    come("ouyang")
    db.session.expire_all()
    assert find_user("ouyang@example.com").appointments[0].scope == ["objection", "repair"]


@one_store
def test_the_systems_of_an_agent_follow_what_the_provider_says(world, provider, come):
    def says(*scope):
        provider.knows(ouyang=person(organisations=[acts_for(world.firm, "agent", scope=scope)]))
        come("ouyang")
        db.session.rollback()

    says("objection", "repair")
    seat = find_user("ouyang@example.com").appointments[0]
    number = clients.register(None, seat, "System of the agent", ["cases:read"]).client.id
    says("repair")
    machine = db.session.get(MachineClient, number)
    assert machine.account.appointments[0].scope == ["repair"]
    says()
    says("repair")
    db.session.expire_all()
    assert db.session.get(MachineClient, number).revoked_at is not None
    assert find_user("ouyang@example.com").current_appointments


def test_a_role_ends_when_the_provider_no_longer_says_so_and_may_come_back(world, provider, come):
    other = make_organisation()
    both = [acts_for(world.firm), acts_for(other, "agent", scope=["repair"])]
    provider.knows(ouyang=person(organisations=both))
    client, _ = come("ouyang")
    provider.knows(ouyang=person(organisations=both[:1]))
    come("ouyang")
    db.session.expire_all()
    user = find_user("ouyang@example.com")
    assert [one.organisation_id for one in user.current_appointments] == [world.firm.id]
    provider.knows(ouyang=person())
    client, answer = come("ouyang")
    assert answer.status_code == 403
    assert not is_signed_in(client)
    db.session.expire_all()
    assert find_user("ouyang@example.com").current_appointments == []  # what ended stays ended
    provider.knows(ouyang=person(organisations=both))
    client, _ = come("ouyang")
    db.session.expire_all()
    assert len(find_user("ouyang@example.com").current_appointments) == 2


@one_store
def test_what_was_ended_here_does_not_come_back_by_a_claim(world, provider, come):
    provider.knows(ouyang=person(organisations=[acts_for(world.firm)]))
    come("ouyang")
    seat = find_user("ouyang@example.com").appointments[0]
    administration.end(world.administrator, seat.id)
    client, answer = come("ouyang")
    assert answer.status_code == 403
    assert not is_signed_in(client)


@one_store
def test_a_role_that_was_given_here_is_not_the_providers_to_end(world, provider, come):
    provider.knows(ouyang=person(organisations=[acts_for(world.firm)]))
    come("ouyang")
    other = make_organisation()
    user = find_user("ouyang@example.com")
    administration.appoint(world.administrator, user.id, Seat(other.id, Role.SUBJECT))
    provider.knows(ouyang=person())
    client, _ = come("ouyang")
    assert is_signed_in(client)
    db.session.expire_all()
    held = find_user("ouyang@example.com").current_appointments
    assert [one.organisation_id for one in held] == [other.id]


REFUSED = {
    "an official who is unknown": ({"official": True}, "管理员"),
    "an official who also acts for a firm": ({"official": True, "firm": "handler"}, "管理员"),
    "somebody who acts for nobody": ({}, "法定代表人"),
    "an enterprise without a record": ({"uscc": "91370112MA0000000X"}, "91370112MA0000000X"),
    "an office that is claimed as if it were a firm": ({"agency": "handler"}, "统一社会信用代码"),
    "a role that is none of an enterprise": ({"firm": "administrator"}, "法定代表人"),
    "a mandate that is over": ({"firm": "agent", "until": "2020-01-01"}, "法定代表人"),
    "a mandate for nothing": ({"firm": "agent", "scope": []}, "法定代表人"),
    "no address": ({"firm": "handler", "email": ""}, "邮箱"),
    "an address that is not confirmed": ({"firm": "handler", "email_verified": False}, "邮箱"),
    "an address of which it is not said": ({"firm": "handler", "email_verified": None}, "邮箱"),
    "an address that is as good as confirmed": (
        {"firm": "handler", "email_verified": "true"},
        "邮箱",
    ),
    "claims that are nonsense": ({"organisations": "all of them"}, "信用中心"),
}


@pytest.mark.parametrize("case", REFUSED)
@one_store
def test_who_is_not_let_in_is_told_what_to_do_and_nothing_is_kept(
    world, provider, come, digest, case
):
    claims, told = REFUSED[case]
    seats = []
    if role := claims.get("firm"):
        more = {"scope": claims.get("scope", ["repair"]), "until": claims.get("until")}
        seats.append(acts_for(world.firm, role, **more))
    if role := claims.get("agency"):
        seats.append(acts_for(world.agency, role))
    if code := claims.get("uscc"):
        seats.append({"uscc": code, "role": "handler"})
    kept = {key: one for key, one in claims.items() if key in {"official", "email_verified"}}
    kept["organisations"] = claims.get("organisations", seats)
    provider.knows(ouyang=person(email=claims.get("email", "ouyang@example.com"), **kept))
    before = digest()
    client, answer = come("ouyang")
    assert answer.status_code in {403, 502}
    assert told in answer.words
    assert not is_signed_in(client)
    assert digest() == before


@one_store
def test_an_address_alone_links_nobody_to_an_account(world, provider, come, digest):
    claims = person(email=world.subject.email, organisations=[acts_for(world.firm)])
    provider.knows(ouyang=claims)
    before = digest()
    client, answer = come("ouyang")
    assert answer.status_code == 403
    assert not is_signed_in(client)
    assert digest() == before


# --- officials --------------------------------------------------------------------------------


def invite(world, place):
    seat = Seat(world.centre.id, Role.REVIEWER)
    user = administration.open_account(
        world.administrator, Newcomer("new-official@example.com", "司徒明"), seat
    )
    with place.app_context():  # it signs the link with its own key
        path = invitations.path_of(db.session.get_one(User, user.id))
    return user, path


def agree(client, answer):
    """Say yes on the page to which an answer sends."""
    return client.send(client.follow(answer), answer.location)


def test_an_official_is_linked_by_an_invitation_that_then_is_used_up(world, provider, place, come):
    provider.knows(situ=person("司徒明", "situ@example.com", official=True))
    user, path = invite(world, place)
    client = make_client(place)
    ways = client.read(path).links
    way = next(one for one in ways.values() if one.startswith(START))
    client, answer = come("situ", way, client)
    asked = client.follow(answer)
    assert "司徒明" in asked.words
    assert "new-official@example.com" in asked.words
    assert not is_signed_in(client)
    assert agree(client, answer).location == "/home"
    assert client.read("/work")
    assert client.get(answer.location).status_code == 400  # it was asked once
    client, _ = come("situ")
    assert client.read("/work")
    assert make_client(place).get(path).status_code == 404
    client, answer = come("situ", way)  # the link in another browser, later
    assert answer.status_code == 404
    assert ("link_identity", f"account:{user.id}") in events()


def test_nobody_is_linked_by_following_a_link(world, provider, place, come, digest):
    """Somebody else's link, opened by who is signed in at the provider, and here."""
    provider.knows(ouyang=person(organisations=[acts_for(world.firm)]))
    user, path = invite(world, place)
    way = f"{START}?link={path.removeprefix(invitations.PATH)}"
    client = make_client(place)
    sign_in(client, world.stranger.email)
    before = digest()
    client, answer = come("ouyang", way, client)
    page = client.follow(answer)
    assert world.stranger.email in text_of(page.having("alert-warning")[0])
    assert client.post(answer.location).status_code == 400  # without the page's token
    assert client.get("/my").status_code == 200  # as who they were
    assert digest() == before
    # Who signs in instead is not linked either, nor can the question be answered later.
    client, _ = come("ouyang", START, client)
    assert is_signed_in(client)
    assert client.get(answer.location).status_code == 400
    assert not db.session.get(User, user.id).identities


@one_store
def test_one_identity_belongs_to_one_account(world, provider, place, come):
    provider.knows(ouyang=person(organisations=[acts_for(world.firm)]))
    come("ouyang")
    user, path = invite(world, place)
    token = path.removeprefix(invitations.PATH)
    client, answer = come("ouyang", f"{START}?link={token}")
    assert answer.status_code == 409
    assert not is_signed_in(client)
    assert not db.session.get(User, user.id).identities


@one_store
def test_who_holds_an_office_gets_no_role_for_an_enterprise_by_a_claim(
    world, provider, place, come
):
    provider.knows(situ=person("司徒明", "situ@example.com", official=True))
    user, path = invite(world, place)
    agree(*come("situ", f"{START}?link={path.removeprefix(invitations.PATH)}"))
    provider.knows(situ=person("司徒明", organisations=[acts_for(world.firm)]))
    client, _ = come("situ")
    assert client.read("/work")
    db.session.expire_all()
    assert [one.role for one in db.session.get(User, user.id).current_appointments] == ["reviewer"]


@one_store
def test_an_administrator_unlinks_an_identity(world, provider, come, as_):
    provider.knows(ouyang=person(organisations=[acts_for(world.firm)]))
    client, _ = come("ouyang")
    user = find_user("ouyang@example.com")
    administrator = as_(world.administrator)
    data = {"csrf_token": administrator.token()}
    answer = administrator.post(f"/admin/people/{user.id}/unlink", data=data)
    assert answer.status_code == 302
    assert not is_signed_in(client)
    db.session.expire_all()
    user = find_user("ouyang@example.com")
    assert not user.identities
    assert not user.current_appointments
    assert come("ouyang")[1].status_code == 403  # its address has an account now: by invitation


# --- what is tampered with --------------------------------------------------------------------


@pytest.fixture
def on_the_way(world, provider, place, browsers):
    """Give a client, and the address by which the provider sends it back."""
    provider.knows(ouyang=person(organisations=[acts_for(world.firm)]))
    client = make_client(place)
    back = browsers().sign_in(client.get(START).location, "ouyang")
    return client, back.removeprefix("http://localhost")


def changed(address, **values):
    """Return an address with other values in its query."""
    place = urlsplit(address)
    query = {key: one[0] for key, one in parse_qs(place.query).items()} | values
    return f"{place.path}?" + "&".join(f"{key}={one}" for key, one in query.items() if one)


@pytest.mark.parametrize(
    ("values", "told"),
    [
        ({"state": "another"}, "请从登录页面重新开始"),
        ({"state": "", "error": "access_denied"}, "请从登录页面重新开始"),
        ({"code": "another"}, "未通过校验"),
        ({"code": ""}, "未通过校验"),
    ],
    ids=["another state", "no state", "another code", "no code"],
)
@one_store
def test_a_way_back_that_was_changed_signs_nobody_in(on_the_way, digest, values, told):
    client, back = on_the_way
    before = digest()
    answer = client.get(changed(back, **values))
    assert answer.status_code == 400
    assert told in answer.words
    assert not is_signed_in(client)
    assert digest() == before


@one_store
def test_a_way_back_is_good_once_and_only_in_its_own_browser(on_the_way, place):
    client, back = on_the_way
    assert make_client(place).get(back).status_code == 400
    assert client.get(back).status_code == 302
    client.post("/logout", data={"csrf_token": client.token()})
    assert client.get(back).status_code == 400
    assert not is_signed_in(client)


@one_store
def test_a_code_cannot_be_used_again_though_the_session_is(on_the_way, digest):
    client, back = on_the_way
    cookie = client.get_cookie("redress_session").value
    assert client.get(back).status_code == 302
    client.post("/logout", data={"csrf_token": client.token()})
    client.set_cookie("redress_session", cookie)  # as it was on the way
    assert client.get(back).status_code == 400
    assert not is_signed_in(client)


@pytest.mark.parametrize("part", ["nonce", "code_verifier"])
@one_store
def test_what_the_session_keeps_must_be_what_the_provider_was_told(on_the_way, part, digest):
    client, back = on_the_way
    before = digest()
    with client.session_transaction() as kept:
        key = next(one for one in kept if one.startswith("_state_"))
        kept[key] = kept[key] | {"data": kept[key]["data"] | {part: "x" * 48}}
    assert client.get(back).status_code == 400
    assert not is_signed_in(client)
    assert digest() == before


@pytest.mark.parametrize("hours", [2, -1], ids=["too old", "from the future"])
@one_store
def test_an_answer_of_another_time_is_refused(world, provider, place, browsers, hours):
    provider.knows(ouyang=person(organisations=[acts_for(world.firm)]))
    client, ours = make_client(place), now() + timedelta(hours=hours)
    with time_machine.travel(ours, tick=False):
        address = client.get(START).location
    back = browsers().sign_in(address, "ouyang")
    with time_machine.travel(ours, tick=False):
        answer = client.get(back.removeprefix("http://localhost"))
        assert answer.status_code == 400
        assert "时钟" in answer.words
        assert not is_signed_in(client)


@pytest.mark.parametrize("part", ["client_id", "issuer"])
@one_store
def test_a_token_for_somebody_else_or_from_another_issuer_is_refused(on_the_way, place, part):
    client, back = on_the_way
    if part == "issuer":
        place.config["OIDC_ISSUER"] = "https://another.example"
    else:
        place.config["OIDC_CLIENT_ID"] = "another"
    assert client.get(back).status_code == 400
    assert not is_signed_in(client)


OWN_KEY = RSAKey.generate_key(2048, private=True)


def forge(how, token, provider):
    """Return a token with the claims of a good one, for this sign-in, that the provider signed not.

    how: what is wrong with it; nothing gives back the good one.
    """
    good, access = token["id_token"], token["access_token"]
    (kid,) = [one["kid"] for one in httpx.get(f"{provider.issuer}/jwks").json()["keys"]][:1]
    head, claims, signature = good.split(".")
    said = json.loads(base64.urlsafe_b64decode(claims + "=="))
    return {
        "": lambda: good,
        "another key": lambda: jwt.encode({"alg": "RS256", "kid": kid}, said, OWN_KEY),
        "a key that it names itself": lambda: jwt.encode(
            {"alg": "RS256", "jwk": OWN_KEY.as_dict(private=False)}, said, OWN_KEY
        ),
        "the shared secret": lambda: jwt.encode(
            {"alg": "HS256"}, said, OctKey.import_key(SECRET), algorithms=["HS256"]
        ),
        "no signature": lambda: ".".join([encoded({"alg": "none"}), claims, ""]),
        "its signature cut off": lambda: ".".join([head, claims, ""]),
        "other claims": lambda: ".".join([head, encoded(said | {"sub": "li"}), signature]),
        "the token of access": lambda: access,
    }[how]()


def encoded(part):
    """Return a part of a token."""
    return base64.urlsafe_b64encode(json.dumps(part).encode()).rstrip(b"=").decode()


@pytest.mark.parametrize(
    "how",
    [
        "another key",
        "a key that it names itself",
        "the shared secret",
        "no signature",
        "its signature cut off",
        "other claims",
        "the token of access",
        "",
    ],
)
@one_store
def test_a_token_that_the_provider_did_not_sign_opens_nothing(
    on_the_way, provider, monkeypatch, how
):
    """ASVS 6.8.2, 9.1.1 to 9.1.3, 9.2.2: all else about it is right."""
    client, back = on_the_way
    given = FlaskOAuth2App.fetch_access_token

    def give(app, *args, **kwargs):
        token = given(app, *args, **kwargs)
        return token | {"id_token": forge(how, token, provider)}

    monkeypatch.setattr(FlaskOAuth2App, "fetch_access_token", give)
    answer = client.get(back)
    assert answer.status_code == (400 if how else 302)
    assert is_signed_in(client) is not bool(how)


@pytest.mark.parametrize(
    "elsewhere", ["//evil.example", "https://evil.example/", "/\\evil.example"]
)
@one_store
def test_signing_in_leads_to_no_other_site(world, provider, come, elsewhere):
    provider.knows(ouyang=person(organisations=[acts_for(world.firm)]))
    _, answer = come("ouyang", f"{START}?next={elsewhere}")
    assert answer.location == "/"


# --- when it does not work --------------------------------------------------------------------


@one_store
def test_who_does_not_agree_at_the_provider_is_told_so(provider, come):
    client, answer = come("ouyang", refuses=True)
    assert answer.status_code == 403
    assert not is_signed_in(client)


@one_store
def test_a_provider_that_is_down_is_told_and_passwords_still_work(
    world, settings, make_app, tmp_path, provider, browsers
):
    with running_provider(tmp_path / "accounts.json") as other:
        settings.setenv("REDRESS_OIDC_ISSUER", other.issuer)
        other.knows(ouyang=person(organisations=[acts_for(world.firm)]))
        app = make_app()
        client = make_client(app)
        back = browsers().sign_in(client.get(START).location, "ouyang")
        other.stop()
        answer = client.get(back.removeprefix("http://localhost"))
        assert answer.status_code == 503
        assert not is_signed_in(client)
        fresh = make_client(make_app())  # knows nothing of the provider yet
        assert fresh.get(START).status_code == 503
        sign_in(fresh, world.subject.email)
        assert is_signed_in(fresh)


# --- beside it --------------------------------------------------------------------------------


@one_store
def test_a_second_factor_is_asked_for_whatever_the_first_was(world, provider, come):
    provider.knows(ouyang=person(organisations=[acts_for(world.firm)]))
    client, _ = come("ouyang")
    page = client.post("/tf-setup", data={"csrf_token": client.token(), "setup": "authenticator"})
    from tests.sign_in.test_second_factor import code_of, text_of

    client.send(page, "/tf-setup", code=code_of(text_of(page.having("ref")[0])))
    client, answer = come("ouyang", f"{START}?next=/my")
    assert urlsplit(answer.location).path == "/tf-validate"
    assert not is_signed_in(client)


@one_store
def test_signing_out_ends_the_session_at_the_provider_too(world, provider, come, browsers):
    provider.knows(ouyang=person(organisations=[acts_for(world.firm)]))
    client, _ = come("ouyang")
    page = client.read("/my")
    assert f"form-action 'self' {provider.issuer}" in page.headers["Content-Security-Policy"]
    answer = client.post("/logout", data={"csrf_token": client.token()})
    address = urlsplit(answer.location)
    assert f"{address.scheme}://{address.netloc}" == provider.issuer
    assert parse_qs(address.query)["client_id"] == [CLIENT]
    assert browsers().line.get(answer.location).status_code == 200
    assert not is_signed_in(client)


@one_store
def test_who_signs_in_once_more_in_a_browser_has_ended_the_former_session(
    world, place, provider, come
):
    """Signing out would end the later one only, and a copy of the former's cookie go on."""
    provider.knows(ouyang=person(organisations=[acts_for(world.firm)]))
    client, _ = come("ouyang")
    copied = client.get_cookie("redress_session").value
    thief = make_client(place)
    thief.set_cookie("redress_session", copied)
    assert is_signed_in(thief)
    come("ouyang", client=client)
    assert is_signed_in(client)
    thief.set_cookie("redress_session", copied)
    assert not is_signed_in(thief)


@one_store
def test_without_a_provider_there_is_no_button_and_no_page(world, app, anybody):
    assert START not in anybody.read("/login").html
    assert anybody.get(START).status_code == 404
    assert anybody.get(f"{START}/back").status_code == 404


@one_store
def test_passwords_can_be_switched_off(world, settings, make_app):
    settings.setenv("REDRESS_PASSWORD_SIGN_IN", "off")
    place = make_app()
    client = make_client(place)
    page = client.read("/login")
    assert START in page.links.values()
    assert 'name="password"' not in page.html
    data = {"csrf_token": client.token(), "email": world.subject.email, "password": PASSWORD}
    assert client.post("/login", data=data).status_code == 403
    assert not is_signed_in(client)
    _, path = invite(world, place)
    page = client.read(path)
    assert 'name="password"' not in page.html
    data = {"csrf_token": data["csrf_token"], "password": PASSWORD, "again": PASSWORD}
    assert client.post(path, data=data).status_code == 403


@one_store
def test_settings_by_which_nobody_could_sign_in_stop_the_start(monkeypatch, make_app):
    monkeypatch.setenv("REDRESS_PASSWORD_SIGN_IN", "off")
    with pytest.raises(ConfigError, match="nobody could sign in"):
        make_app()
    monkeypatch.setenv("REDRESS_PASSWORD_SIGN_IN", "perhaps")
    with pytest.raises(ConfigError, match="on or off"):
        make_app()
    monkeypatch.delenv("REDRESS_PASSWORD_SIGN_IN")
    monkeypatch.setenv("REDRESS_OIDC_CLIENT_ID", CLIENT)
    monkeypatch.setenv("REDRESS_OIDC_CLIENT_SECRET", SECRET)
    for wrong in ("http://id.example", "ftp://id.example", "id.example", "https://"):
        monkeypatch.setenv("REDRESS_OIDC_ISSUER", wrong)
        with pytest.raises(ConfigError, match="https"):
            make_app()
    monkeypatch.setenv("REDRESS_OIDC_ISSUER", "https://id.example")
    monkeypatch.delenv("REDRESS_OIDC_CLIENT_SECRET")
    with pytest.raises(ConfigError, match="CLIENT_SECRET"):
        make_app()
