"""Three officers: who runs the site, who authorises and who audits are three people (ADR 26).

GB/T 22239-2019 8.1.5.1 (system), 8.1.5.2 (audit), 8.1.5.3 (security).
"""

import json
from datetime import timedelta
from itertools import permutations

import pytest
from flask_babel import force_locale
from sqlalchemy import select

from config import SECURITY_PROFILES
from repair_app.db import db
from repair_app.models import Event, Identity, MachineClient, Role, User
from repair_app.services import administration, clients, offices, people
from repair_app.services.people import NotPossible
from repair_app.services.transaction import transaction
from repair_app.web import unified
from repair_app.web.door import may_enter, rule_of
from tests.client import make_client
from tests.factories import PASSWORD, make_account

OFFICERS = ("administrator", "security_officer", "auditor")
PAIRS = list(permutations(OFFICERS, 2))
one_store = pytest.mark.parametrize("stage", ["sqlite"], indirect=True)  # no query is special

# Of each duty some pages: what is looked at, what is sent, and who may, by profile.
LOOK = ["/admin", "/admin/people", "/admin/people/1", "/admin/organisations/1", "/admin/settings"]
RUN = ["/admin/organisations/new", "/admin/calendar", "/admin/people/new", "/admin/platforms"]
AUTHORISE = ["/admin/people/1/roles/new", "/admin/people/roles/1", "/admin/clients/new"]
MAY = [
    ("asvs", LOOK, {"administrator", "security_officer"}),
    ("asvs", RUN, {"administrator"}),
    ("asvs", AUTHORISE, {"administrator", "security_officer"}),
    ("asvs", ["/admin/changes"], {"administrator"}),
    ("asvs", ["/audit", "/audit/refused"], {"auditor"}),
    ("dengbao3", LOOK, {"administrator", "security_officer"}),
    ("dengbao3", RUN, {"administrator"}),
    ("dengbao3", AUTHORISE, {"security_officer"}),
    ("dengbao3", ["/admin/changes"], {"auditor"}),
    ("dengbao3", ["/audit", "/audit/refused"], {"auditor"}),
]


@pytest.fixture
def dengbao3(app, monkeypatch):
    """Have the site run with the profile of graded protection."""
    monkeypatch.setitem(app.config, "SECURITY_PROFILE", "dengbao3")


@pytest.fixture
def admin(as_, world):
    return as_(world.administrator)


@pytest.fixture
def officer(as_, world):
    return as_(world.security_officer)


def account(email):
    db.session.rollback()
    return db.session.scalars(select(User).where(User.email == email)).one()


def told(step):
    """Return what the ledger says of the last change of accounts, which is this step."""
    db.session.rollback()
    of_accounts = select(Event).where(Event.stream == "accounts").order_by(Event.id.desc())
    last = db.session.scalars(of_accounts).first()
    assert last.transition == step
    return json.loads(last.payload)


def press(client, address):
    return client.post(address, data={"csrf_token": client.token()})


def invite(client, **asked):
    who = {"email": "new@example.com", "name": "新来的人"}
    return client.fill("/admin/people/new", **who | asked)


# --- nobody is two of them -----------------------------------------------------------------


@pytest.mark.parametrize(("name", "role"), PAIRS)
def test_nobody_holds_two_of_the_three_offices(world, as_, digest, name, role) -> None:
    asking = make_account(world.centre, Role.ADMINISTRATOR, email="second@example.com")
    number, before = getattr(world, name).id, digest()
    address = f"/admin/people/{number}/roles/new"
    page = as_(asking).fill(address, uscc=world.centre.uscc, role=role)
    assert page.status_code == 400
    assert "同一人只能承担其中一种" in " ".join(page.alerts)
    assert digest() == before


@one_store
@pytest.mark.parametrize(("name", "role"), PAIRS)
def test_nor_by_a_further_account(world, as_, digest, name, role) -> None:
    asking = make_account(world.centre, Role.ADMINISTRATOR, email="second@example.com")
    own = getattr(world, name)
    other = make_account(world.centre, Role.REVIEWER, same_person_as=own)
    client, before = as_(asking), digest()
    asked = {"uscc": world.centre.uscc, "role": role}
    assert client.fill(f"/admin/people/{other.id}/roles/new", **asked).status_code == 400
    page = invite(client, **asked | {"name": "", "same_person_as": own.email})
    assert page.status_code == 400
    assert digest() == before


@one_store
@pytest.mark.parametrize("name", OFFICERS)
def test_an_officer_may_hold_an_office_of_another_kind(world, name) -> None:
    with transaction() as session:
        user = session.merge(getattr(world, name))
        people.appoint(session, user, world.centre, Role.REVIEWER)
    db.session.expire_all()
    assert getattr(world, name).holds(Role.REVIEWER)


@one_store
@pytest.mark.parametrize(("name", "role"), PAIRS)
def test_who_has_laid_the_one_down_may_take_the_other(world, name, role) -> None:
    with transaction() as session:
        user = session.merge(getattr(world, name))
        people.end_appointment(user, user.appointments[0].organisation, Role(name))
        people.appoint(session, user, world.centre, Role(role))
    db.session.expire_all()
    assert getattr(world, name).holds(Role(role))
    assert not getattr(world, name).holds(Role(name))


def test_an_operator_of_the_commands_makes_nobody_two_of_them_either(app, world, digest) -> None:
    before = digest()
    seat = ["--uscc", world.centre.uscc, "--role", "security_officer"]
    asked = ["accounts", "appoint", "--email", world.auditor.email, *seat]
    answer = app.test_cli_runner().invoke(args=asked)
    assert answer.exit_code != 0
    assert "two of administrator, security officer and auditor" in answer.output
    assert digest() == before


# --- who does what -------------------------------------------------------------------------


@one_store
def test_each_profile_says_of_each_duty_whose_it_is(app) -> None:
    assert set(offices.DUTIES) == set(SECURITY_PROFILES)
    for duties in offices.DUTIES.values():
        assert set(duties) == set(offices.Duty)
        assert all(duties.values())


@one_store
@pytest.mark.parametrize(("profile", "addresses", "allowed"), MAY)
def test_each_officer_opens_what_is_their_duty(
    app, world, as_, monkeypatch, profile, addresses, allowed
) -> None:
    monkeypatch.setitem(app.config, "SECURITY_PROFILE", profile)
    for name in OFFICERS:
        client = as_(getattr(world, name))
        answers = {address: client.get(address).status_code for address in addresses}
        expected = 200 if name in allowed else 403
        assert answers == dict.fromkeys(addresses, expected), name


# What each officer must find a link or a button for, named by hand of the table of ADR 26. Who
# authorises finds all of it with what is on file in `furnished`.
LOOKS = {"people.index", "people.show", "organisations.index", "organisations.show"}
LOOKS |= {"clients.index", "admin.settings", "people.close"}
RUNS = {"people.invite", "organisations.add", "organisations.rename", "organisations.place"}
RUNS |= {"platforms.index", "calendar.index", "measures.index", "institutions.index"}
RUNS |= {"admin.courses", "admin.letters", "admin.running"}
AUTHORISES = {"people.appoint", "people.change", "people.end", "people.send_link"}
AUTHORISES |= {"people.reset_factors", "people.unlink", "people.reopen"}
AUTHORISES |= {"clients.register", "clients.revoke"}
AUDITS = {"audit.index", "audit.verify", "audit.enquiries", "audit.refused"}
REVIEWS = {"admin.changes"}
OFFERED = [
    ("asvs", "administrator", LOOKS | RUNS | AUTHORISES | REVIEWS),
    ("asvs", "security_officer", LOOKS | AUTHORISES),
    ("asvs", "auditor", AUDITS),
    ("dengbao3", "administrator", LOOKS | RUNS),
    ("dengbao3", "security_officer", LOOKS | AUTHORISES),
    ("dengbao3", "auditor", AUDITS | REVIEWS),
]
EVERYTHING = LOOKS | RUNS | AUTHORISES | AUDITS | REVIEWS


@pytest.fixture
def furnished(world):
    """Put on file what buttons are there for; return the pages that officers look at."""
    closed = make_account(world.agency, Role.PROVIDER, active=False)
    clients.register(None, world.officer.appointments[0], "执法系统", ["gate"])
    with transaction() as session:
        reviewer = session.get_one(User, world.reviewer.id)
        reviewer.mf_recovery_codes = ["one"]
        reviewer.identities = [Identity(issuer="https://id.example", subject="7")]
    pages = ["/admin", "/admin/clients", "/admin/people", "/admin/organisations", "/admin/changes"]
    pages += [f"/admin/people/{one}" for one in (world.reviewer.id, closed.id)]
    return [*pages, f"/admin/organisations/{world.agency.id}", "/audit", "/"]


def offered_on(tree):
    """Return the addresses that a page offers of what is the officers', each with its method."""
    links = {("GET", one.get("href", "")) for one in tree.iter("a")}
    forms = {(one.get("method", "get").upper(), one.get("action", "")) for one in tree.iter("form")}
    paths = {(method, address.partition("?")[0]) for method, address in links | forms}
    return {one for one in paths if one[1].startswith(("/admin", "/audit"))}


@one_store
@pytest.mark.parametrize(("profile", "name", "wanted"), OFFERED)
def test_each_officer_is_offered_what_is_their_duty_and_nothing_that_would_be_refused(
    app, world, as_, monkeypatch, furnished, profile, name, wanted
) -> None:
    monkeypatch.setitem(app.config, "SECURITY_PROFILE", profile)
    client, user = as_(getattr(world, name)), getattr(world, name)
    urls, offered = app.url_map.bind("localhost"), set()
    for page in furnished:
        answer = client.get(page)
        if answer.status_code == 403:
            continue
        for method, path in offered_on(answer.tree):
            endpoint, _ = urls.match(path, method=method)
            rule = rule_of(app, endpoint)
            assert any(user.holds(role) for role in rule), f"{page} offers {path}"
            offered.add(endpoint)
    assert wanted <= offered, sorted(wanted - offered)
    assert not offered & (EVERYTHING - wanted), sorted(offered & (EVERYTHING - wanted))


WHO = {
    "asvs": ("系统管理员或者安全管理员", "administrator or security officer"),
    "dengbao3": ("安全管理员", "security officer"),
}


@one_store
@pytest.mark.parametrize("profile", WHO)
def test_pages_name_the_officer_who_can_help(app, world, as_, monkeypatch, profile) -> None:
    """Who gives roles, registers systems and resets second factors differs by profile."""
    monkeypatch.setitem(app.config, "SECURITY_PROFILE", profile)
    with transaction() as session:  # as if a passkey or an authenticator were set up
        session.get_one(User, world.reviewer.id).tf_primary_method = "authenticator"
        session.get_one(User, world.reviewer.id).tf_totp_secret = "set up"
    client, integrator = as_(world.subject), as_(world.officer)
    halfway = make_client(app)
    halfway.send(halfway.get("/login"), "/login", email=world.reviewer.email, password=PASSWORD)
    said = [
        (client, "/admin", "请联系{}。", "ask your {}."),
        (integrator, "/api/v1/docs", "由{}在“接口接入系统”中", "Your {} registers it"),
        (halfway, "/tf-validate", "请联系{}重置第二验证方式。", "Ask your {} to reset"),
    ]
    for number, language in enumerate(("zh_Hans_CN", "en")):
        who = WHO[profile][number]
        for reader, address, *texts in said:
            headers = {"Accept-Language": language.replace("_", "-")}
            words = " ".join(reader.get(address, headers=headers).html.split())
            assert texts[number].format(who) in words, (address, language)
        with app.test_request_context("/"), force_locale(language):
            told = str(unified.REFUSALS["linked"][2])
            assert who in told
            assert told.replace(who, "").count("administrator") == 0


@one_store
@pytest.mark.parametrize("minutes", [30, 10])
def test_the_page_of_sessions_says_when_they_end_on_this_site(
    app, world, as_, monkeypatch, minutes
) -> None:
    monkeypatch.setitem(app.config, "PERMANENT_SESSION_LIFETIME", timedelta(minutes=minutes))
    words = as_(world.subject).read("/settings/sessions").words
    assert f"{minutes}分钟没有操作，或者登录满12小时" in words


# --- graded protection: authorisation is the security officer's -----------------------------


def test_an_account_is_entered_by_one_and_gets_its_role_from_the_other(
    dengbao3, admin, officer, world
) -> None:
    page = admin.get("/admin/people/new")
    assert "role" not in page.fields
    # What no form asks for is not taken either.
    sent = {**page.fields, "email": "new@example.com", "name": "新来的人"}
    sent |= {"uscc": world.agency.uscc, "role": "provider"}
    assert admin.post("/admin/people/new", data=sent).status_code == 200  # the link is shown
    made = account("new@example.com")
    assert made.appointments == []
    assert told("invite")["actor"]["role"] == "administrator"

    address = f"/admin/people/{made.id}/roles/new"
    refused = admin.post(address, data={"csrf_token": admin.token(), "role": "provider"})
    assert refused.status_code == 403
    asked = {"uscc": world.agency.uscc, "role": "provider"}
    assert officer.fill(address, **asked).status_code == 302
    assert account("new@example.com").holds(Role.PROVIDER)
    event = told("appoint")
    assert event["actor"]["role"] == "security_officer"
    assert event["actor"]["account"] == world.security_officer.id


def test_an_account_without_a_role_signs_in_and_sees_nothing_of_others(
    dengbao3, admin, world, as_
) -> None:
    invite(admin)
    with transaction() as session:
        made = session.get_one(User, account("new@example.com").id)
        made.password = session.get_one(User, world.reviewer.id).password
    client = as_(account("new@example.com"))
    assert client.get("/home").location == "/"
    assert {client.get(one).status_code for one in ("/admin", "/work", "/my")} == {403}


def test_a_further_account_of_a_known_person_is_entered_without_a_role_too(
    dengbao3, admin, officer, world
) -> None:
    asked = {"name": "", "same_person_as": world.reviewer.email}
    assert invite(admin, **asked).status_code == 200
    made = account("new@example.com")
    assert made.person_id == world.reviewer.person_id
    assert told("invite")["facts"] == {"same_person_as": world.reviewer.id}
    assert invite(admin, **asked | {"name": "又一个"}).status_code == 400
    own = {"name": "", "same_person_as": world.administrator.email}
    assert invite(admin, **own | {"email": "other@example.com"}).status_code == 400


def authorising(world):
    """Return what only the security officer sends: addresses of buttons."""
    reviewer, closed = world.reviewer, make_account(world.agency, Role.PROVIDER, active=False)
    return [
        f"/admin/people/roles/{reviewer.appointments[0].id}/end",
        f"/admin/people/{reviewer.id}/link",
        f"/admin/people/{reviewer.id}/release",
        f"/admin/people/{reviewer.id}/reset-factors",
        f"/admin/people/{reviewer.id}/unlink",
        f"/admin/people/{closed.id}/reopen",
        "/admin/clients/1/revoke",
    ]


@pytest.mark.parametrize("name", ["administrator", "auditor"])
def test_nobody_else_authorises(dengbao3, as_, world, digest, name) -> None:
    client, addresses = as_(getattr(world, name)), authorising(world)
    before = digest()
    for address in addresses:
        assert press(client, address).status_code == 403, address
    assert digest() == before


def test_the_security_officer_does(dengbao3, officer, world) -> None:
    reviewer = world.reviewer
    with transaction() as session:
        session.get_one(User, reviewer.id).mf_recovery_codes = ["one"]
    seat, closed = reviewer.appointments[0].id, make_account(world.agency, Role.PROVIDER)
    for address, step in (
        (f"/admin/people/{reviewer.id}/reset-factors", "reset_factors"),
        (f"/admin/people/{reviewer.id}/link", "send_link"),
        (f"/admin/people/roles/{seat}/end", "end"),
        (f"/admin/people/{closed.id}/close", "close"),
        (f"/admin/people/{closed.id}/reopen", "reopen"),
    ):
        assert press(officer, address).status_code in {200, 302}
        assert told(step)["actor"]["role"] == "security_officer"
    asked = {"uscc": world.department.uscc, "role": "department", "scope_gate": "y"}
    asked |= {"name": "执法系统", "email": world.officer.email}
    assert officer.fill("/admin/clients/new", **asked).status_code == 302
    assert db.session.scalars(select(MachineClient)).one().scopes == ["gate"]
    assert told("register_client")["actor"]["role"] == "security_officer"


def test_nor_does_the_security_officer_run_the_site(dengbao3, officer, world, digest) -> None:
    before = digest()
    for address in ("/admin/people/new", "/admin/organisations/new", "/admin/calendar"):
        answer = officer.post(address, data={"csrf_token": officer.token(), "name": "某"})
        assert answer.status_code == 403, address
    assert digest() == before


def test_the_security_officer_gives_nothing_to_themselves(dengbao3, officer, world, digest) -> None:
    number, before = world.security_officer.id, digest()
    asked = {"uscc": world.agency.uscc, "role": "provider"}
    page = officer.fill(f"/admin/people/{number}/roles/new", **asked)
    assert page.status_code == 400
    assert "不得为本人办理，请由另一名管理人员办理。" in " ".join(page.alerts)
    reset = officer.follow(press(officer, f"/admin/people/{number}/reset-factors"))
    assert "不得为本人办理，请由另一名管理人员办理。" in " ".join(reset.alerts)
    assert digest() == before


def test_the_last_security_officer_stays(dengbao3, admin, officer, world, digest) -> None:
    last = world.security_officer
    before = digest()
    for client, address in (
        (admin, f"/admin/people/{last.id}/close"),
        (officer, f"/admin/people/roles/{last.appointments[0].id}/end"),
    ):
        page = client.follow(press(client, address))
        assert "至少保留一名能够登录、任期没有截止日的安全管理员" in " ".join(page.alerts)
    assert digest() == before
    make_account(world.centre, Role.SECURITY_OFFICER, email="another@example.com")
    press(admin, f"/admin/people/{last.id}/close")
    assert not account(last.email).active


def test_the_last_administrator_stays_there_as_well(dengbao3, officer, world, digest) -> None:
    last = world.administrator
    before = digest()
    page = officer.follow(press(officer, f"/admin/people/roles/{last.appointments[0].id}/end"))
    assert "至少保留一名能够登录、任期没有截止日的管理员" in " ".join(page.alerts)
    assert digest() == before


def test_the_last_auditor_stays_there_as_well(dengbao3, admin, officer, world, digest) -> None:
    last = world.auditor
    before = digest()
    for client, address in (
        (admin, f"/admin/people/{last.id}/close"),
        (officer, f"/admin/people/roles/{last.appointments[0].id}/end"),
    ):
        page = client.follow(press(client, address))
        assert "至少保留一名能够登录、任期没有截止日的审计人员" in " ".join(page.alerts)
    assert digest() == before
    make_account(world.centre, Role.AUDITOR, email="another@example.com")
    press(admin, f"/admin/people/{last.id}/close")
    assert not account(last.email).active


@one_store
def test_by_default_a_site_needs_no_auditor(admin, world) -> None:
    press(admin, f"/admin/people/{world.auditor.id}/close")
    assert not account(world.auditor.email).active


@one_store
@pytest.mark.parametrize(
    ("profile", "needed"),
    [
        ("asvs", [Role.ADMINISTRATOR]),
        ("dengbao3", [Role.ADMINISTRATOR, Role.SECURITY_OFFICER, Role.AUDITOR]),
    ],
)
def test_each_profile_names_each_office_that_it_cannot_be_without_once(
    app, monkeypatch, profile, needed
) -> None:
    monkeypatch.setitem(app.config, "SECURITY_PROFILE", profile)
    with app.app_context():
        assert offices.indispensable() == needed
    assert set(needed) <= set(administration.LAST)


@one_store
def test_nothing_of_the_officers_is_offered_to_who_has_not_signed_in(app) -> None:
    with app.test_request_context("/"):
        assert not may_enter("admin.index")
        assert not may_enter("audit.index")
        assert may_enter("security.login")


@one_store
def test_by_default_a_site_needs_no_security_officer(admin, world) -> None:
    press(admin, f"/admin/people/{world.security_officer.id}/close")
    assert not account(world.security_officer.email).active


def test_the_first_security_officer_is_made_by_a_command(app, world) -> None:
    asked = ["accounts", "add", "--email", "first@example.com", "--name", "安全员"]
    asked += ["--uscc", world.centre.uscc, "--role", "security_officer"]
    answer = app.test_cli_runner().invoke(args=asked, input=f"{PASSWORD}\n{PASSWORD}\n")
    assert answer.exit_code == 0, answer.output
    assert account("first@example.com").holds(Role.SECURITY_OFFICER)


@one_store
def test_what_the_operator_does_is_the_system_s(dengbao3, world) -> None:
    administration.end(None, world.reviewer.appointments[0].id)
    assert told("end")["actor"]["role"] == "system"
    with pytest.raises(NotPossible):
        administration.close(None, world.security_officer.id)
