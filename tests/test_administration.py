"""Administration in pages: who may, what is refused, and that every change is an event."""

import json
import re
from datetime import timedelta

import pytest
import time_machine
from sqlalchemy import select

from repair_app.db import db, now, today
from repair_app.models import (
    Appointment,
    Event,
    EventText,
    Identity,
    InstitutionRegistration,
    Organisation,
    Role,
    User,
)
from repair_app.models.parties import OrganisationKind
from repair_app.services import administration, cases, people
from repair_app.services.administration import Newcomer, Seat
from repair_app.services.transaction import transaction
from tests.client import make_client, sign_in, text_of
from tests.factories import (
    PASSWORD,
    make_account,
    make_appointment,
    make_case,
    make_organisation,
    make_record,
    make_uscc,
)
from tests.smtp_server import running_server

NEW_PASSWORD = "a rather long new password"
ENGLISH = {"Accept-Language": "en"}
DESK = [
    "/admin",
    "/admin/changes",
    "/admin/running",
    "/admin/settings",
    "/admin/measures",
    "/admin/courses",
    "/admin/courses/credit_repair",
    "/admin/letters",
    "/admin/letters/receipt",
    "/admin/letters/receipt/zh.pdf",
    "/admin/organisations",
    "/admin/organisations/new",
    "/admin/organisations/1",
    "/admin/organisations/3/name",
    "/admin/organisations/3/superior",
    "/admin/people",
    "/admin/people/new",
    "/admin/people/1",
    "/admin/people/1/roles/new",
    "/admin/people/roles/1",
    "/admin/institutions",
    "/admin/institutions/new",
]
PRESSED = [
    "/admin/people/1/link",
    "/admin/people/1/close",
    "/admin/people/1/reopen",
    "/admin/people/roles/1/end",
    "/admin/institutions/1/suspend",
    "/admin/institutions/1/resume",
    "/admin/institutions/1/end",
]


@pytest.fixture
def admin(as_, world):
    return as_(world.administrator)


@pytest.fixture
def second(world):
    """Give a second administrator, so that neither is the last one."""
    return make_account(world.centre, Role.ADMINISTRATOR, email="second@example.com")


def account(email):
    db.session.rollback()
    return db.session.scalars(select(User).where(User.email == email)).one()


def events(book):
    db.session.rollback()
    found = db.session.scalars(select(Event).where(Event.stream == book).order_by(Event.id))
    return [json.loads(one.payload) for one in found]


def last_event(book):
    return events(book)[-1]


def seat_of(user, role):
    return next(one for one in user.appointments if one.role == role)


def press(client, address):
    """Send what a button sends."""
    return client.post(address, data={"csrf_token": client.token()})


def verified(app):
    """Say whether `flask verify` finds every chain whole."""
    return app.test_cli_runner().invoke(args=["verify"]).exit_code == 0


def link_on(page):
    """Return the path of the link that a page shows."""
    text = next(one.text for one in page.tree.iter() if one.get("id") == "link")
    return "/welcome/" + text.partition("/welcome/")[2]


def invite(client, world, **changes):
    """Send the form of an invitation."""
    asked = {
        "email": "new@example.com",
        "name": "新来的人",
        "uscc": world.agency.uscc,
        "role": "provider",
        **changes,
    }
    return client.fill("/admin/people/new", **asked)


def set_password(client, link, password=NEW_PASSWORD, again=None):
    return client.fill(link, password=password, again=again or password)


def role_at(world, number, **changes):
    return {"uscc": world.agency.uscc, "role": "provider", **changes}


# --- who may ----------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "name", ["subject", "agent", "provider", "reviewer", "officer", "institution", "auditor"]
)
def test_nobody_else_administers(as_, world, name, digest):
    client = as_(getattr(world, name))
    before = digest()
    for address in DESK:
        assert client.get(address).status_code == 403, address
    for address in PRESSED:
        assert press(client, address).status_code == 403, address
    assert digest() == before


def test_every_page_of_the_desk_opens_and_writes_nothing(admin, digest):
    before = digest()
    for address in DESK:
        assert admin.get(address).status_code == 200, address
        assert admin.get(address, headers=ENGLISH).status_code == 200, address
    assert digest() == before


@pytest.mark.parametrize(
    "address",
    [
        "/admin/organisations/999",
        "/admin/people/999",
        "/admin/people/roles/999",
        "/admin/courses/nothing",
        "/admin/letters/nothing",
        "/admin/letters/nothing/zh.pdf",
    ],
)
def test_what_is_not_there_is_not_found(admin, address):
    assert admin.get(address).status_code == 404


def test_buttons_for_what_is_not_there_change_nothing(admin, digest):
    before = digest()
    for address in PRESSED:
        assert press(admin, address.replace("1", "999")).status_code == 404
    assert digest() == before


def test_an_administrator_reads_no_matter_for_which_they_have_no_seat(admin, world):
    case = make_case(world, "submitted")
    for address in (f"/cases/{case.ref}", f"/messages/about/{case.ref}", "/audit", "/work/cases"):
        assert admin.get(address).status_code in {403, 404}, address
    assert case.ref not in admin.read("/admin/changes").words


# --- organisations ----------------------------------------------------------------------------


def test_an_organisation_is_added_found_renamed_and_placed(app, admin, world):
    code = make_uscc()
    answer = admin.fill(
        "/admin/organisations/new", uscc=code.lower(), name="虚构县农业局", kind="agency"
    )
    page = admin.follow(answer)
    assert page.title == "虚构县农业局"
    assert last_event("organisations")["transition"] == "add"
    place = answer.location
    admin.follow(admin.fill(f"{place}/name", name="虚构县农业农村局"))
    page = admin.follow(admin.fill(f"{place}/superior", superior=world.agency.uscc))
    assert world.agency.name in page.words
    db.session.rollback()
    made = db.session.scalars(select(Organisation).where(Organisation.uscc == code)).one()
    assert (made.name, made.superior_id) == ("虚构县农业农村局", world.agency.id)
    assert [one["transition"] for one in events("organisations")] == ["add", "rename", "place"]
    placed = last_event("organisations")
    assert (placed["entity"], placed["to"]) == (code, world.agency.uscc)
    assert placed["actor"]["account"] == world.administrator.id
    for query in ("农业农村", code[:12]):
        assert "虚构县农业农村局" in admin.read(f"/admin/organisations?q={query}").words
    assert "虚构县农业农村局" not in admin.read("/admin/organisations?kind=enterprise").words
    assert verified(app)


@pytest.mark.parametrize(
    ("fields", "says"),
    [
        ({"uscc": "91370112MA"}, "18"),
        ({"uscc": "91370112MA0000001X"}, "18"),
        ({"uscc": "FIRM"}, "已在系统中"),
        ({"name": " "}, ""),
        pytest.param({"name": "长" * 201}, "", id="a name too long"),
        ({"kind": "natural_person"}, ""),
    ],
    ids=str,
)
def test_an_organisation_that_cannot_be_is_refused_and_what_was_typed_stays(
    admin, world, digest, fields, says
):
    fields = {"uscc": make_uscc(), "name": "虚构新单位", "kind": "agency", **fields}
    if fields["uscc"] == "FIRM":
        fields["uscc"] = world.firm.uscc
    before = digest()
    page = admin.fill("/admin/organisations/new", **fields)
    assert page.status_code == 400
    assert page.mistakes or says in " ".join(page.alerts)
    assert page.alerts or page.mistakes
    assert page.fields["uscc"] == fields["uscc"]
    assert page.fields["name"] == fields["name"].strip()
    assert digest() == before


@pytest.mark.parametrize("above", ["firm", "upper_centre", "agency"])
def test_a_unit_that_cannot_stand_above_is_refused(admin, world, digest, above):
    before = digest()
    code = getattr(world, above).uscc
    page = admin.fill(f"/admin/organisations/{world.agency.id}/superior", superior=code)
    assert page.status_code == 400
    assert page.alerts
    assert digest() == before


def test_natural_persons_are_not_on_the_list(admin):
    person = make_organisation(OrganisationKind.NATURAL_PERSON, "欧阳绝密")
    assert "欧阳绝密" not in admin.read("/admin/organisations?q=欧阳").words
    assert admin.get(f"/admin/organisations/{person.id}").status_code == 404


def test_a_long_list_of_organisations_goes_on_where_it_ended(admin, monkeypatch):
    monkeypatch.setattr("repair_app.services.organisations.PAGE", 2)
    seen, address = [], "/admin/organisations"
    while address:
        page = admin.read(address)
        rows = page.tree.findall(".//main//tbody/tr/td/a")
        seen += [one.text for one in rows]
        address = next((where for text, where in page.links.items() if text == "更多"), None)
    db.session.rollback()
    known = db.session.scalars(select(Organisation.name)).all()
    assert sorted(seen) == sorted(known)
    assert len(seen) == len(set(seen))


def test_all_people_of_an_organisation_are_reached_page_by_page(admin, world, monkeypatch):
    monkeypatch.setattr("repair_app.services.administration.PAGE", 2)
    seen, address = [], f"/admin/organisations/{world.centre.id}"
    while address:
        page = admin.read(address)
        seen += [one for one in page.links.values() if re.fullmatch("/admin/people/[0-9]+", one)]
        address = next((where for text, where in page.links.items() if text == "更多"), None)
    people = (world.reviewer, world.second_reviewer, world.torn_reviewer, world.reviewer_again)
    accounts = [*people, world.auditor, world.administrator, world.security_officer]
    assert sorted(seen) == sorted(f"/admin/people/{one.id}" for one in accounts)


# --- invitations ------------------------------------------------------------------------------


def test_an_invited_person_sets_a_password_and_comes_in(app, admin, world, anybody):
    page = invite(admin, world)
    assert page.status_code == 200
    link = link_on(page)
    assert account("new@example.com").password is None
    assert last_event("accounts")["transition"] == "invite"
    assert anybody.fill("/login", email="new@example.com", password=PASSWORD).status_code == 200
    answer = set_password(anybody, link)
    assert answer.location == "/login"
    assert (
        anybody.fill("/login", email="new@example.com", password=NEW_PASSWORD).location == "/home"
    )
    assert anybody.get("/work").status_code == 200
    assert last_event("accounts")["transition"] == "set_password"
    assert verified(app)


def test_a_link_works_once(admin, world, anybody):
    link = link_on(invite(admin, world))
    set_password(anybody, link)
    for answer in (anybody.get(link), post_password(anybody, link, "another long password")):
        assert answer.status_code == 404
        assert "链接" in answer.words or "link" in answer.words
    assert anybody.fill("/login", email="new@example.com", password=NEW_PASSWORD).status_code == 302


def post_password(client, link, password):
    return client.post(
        link, data={"csrf_token": client.token(), "password": password, "again": password}
    )


def test_a_link_is_over_after_three_days(admin, world, anybody):
    link = link_on(invite(admin, world))
    with time_machine.travel(now() + timedelta(days=2, hours=23)):
        assert anybody.get(link).status_code == 200
    with time_machine.travel(now() + timedelta(days=3, minutes=1)):
        assert anybody.get(link).status_code == 404
        assert post_password(anybody, link, NEW_PASSWORD).status_code == 404
    assert account("new@example.com").password is None


def test_a_link_of_somebody_else_s_making_is_worthless(admin, world, anybody):
    link = link_on(invite(admin, world))
    for forged in (link[:-4] + "AAAA", "/welcome/x", "/welcome/" + "." * 300):
        assert anybody.get(forged).status_code == 404
        assert post_password(anybody, forged, NEW_PASSWORD).status_code == 404


def test_a_newer_link_and_a_closed_account_make_a_link_worthless(admin, world, anybody):
    first = link_on(invite(admin, world))
    number = account("new@example.com").id
    newer = link_on(press(admin, f"/admin/people/{number}/link"))
    assert anybody.get(first).status_code == 404
    assert anybody.get(newer).status_code == 200
    press(admin, f"/admin/people/{number}/close")
    assert anybody.get(newer).status_code == 404
    assert press(admin, f"/admin/people/{number}/link").status_code == 302
    names = [one["transition"] for one in events("accounts")]
    assert names == ["invite", "send_link", "close"]


@pytest.mark.parametrize(
    ("password", "again"),
    [
        ("short", "short"),
        ("qv7-Kd3-wz1", "qv7-Kd3-wz1"),  # eleven characters
        (NEW_PASSWORD, "something else"),
        ("", ""),
    ],
)
def test_a_password_that_is_none_is_told_in_the_readers_language(
    admin, world, anybody, password, again
):
    link = link_on(invite(admin, world))
    page = set_password(anybody, link, password, again)
    assert page.status_code == 400
    assert page.mistakes
    assert not any(one.isascii() for one in page.mistakes), page.mistakes
    assert not password or password not in page.html
    assert account("new@example.com").password is None
    assert set_password(anybody, link, "qv7-Kd3-wz12", "qv7-Kd3-wz12").status_code == 302


@pytest.mark.parametrize(
    ("changes", "says"),
    [
        ({"email": "nobody"}, ""),
        ({"email": "SUBJECT@example.com"}, "已有账号"),
        ({"uscc": "91370112MA9999999X"}, "91370112MA9999999X"),
        ({"role": "reviewer"}, "不能有这种身份"),  # for an agency
        ({"role": "agent"}, ""),  # without a scope
        ({"scope_repair": "y"}, ""),  # no agent
        ({"role": "system"}, ""),
        ({"name": ""}, ""),
        ({"same_person_as": "reviewer@example.com"}, ""),  # and a name
        ({"name": "", "same_person_as": "nobody@example.com"}, "没有账号"),
        ({"ends_on": "2020-01-01"}, ""),
        ({"ends_on": "tomorrow"}, ""),
        pytest.param({"name": "<script>alert(1)</script>" * 20}, "", id="a script"),
    ],
    ids=str,
)
def test_an_invitation_that_cannot_be_is_refused_and_what_was_typed_stays(
    admin, world, digest, changes, says
):
    before = digest()
    page = invite(admin, world, **changes)
    assert page.status_code == 400
    assert page.mistakes or page.alerts
    assert says in " ".join([*page.alerts, *page.mistakes])
    assert "<script>" not in page.html
    if "ends_on" not in changes:
        assert page.fields["email"] == changes.get("email", "new@example.com")
    assert digest() == before


def test_a_further_account_is_of_the_same_person(admin, world):
    invite(admin, world, name="", same_person_as=world.second_provider.email)
    new = account("new@example.com")
    assert new.person_id == world.second_provider.person_id
    assert last_event("accounts")["facts"]["same_person_as"] == world.second_provider.id
    page = admin.read(f"/admin/people/{new.id}")
    assert world.second_provider.email in page.words


def test_no_name_and_no_address_gets_into_an_event(admin, world):
    invite(admin, world)
    admin.fill(f"/admin/organisations/{world.agency.id}/name", name="王小明的单位")
    db.session.rollback()
    payloads = " ".join(db.session.scalars(select(Event.payload)))
    assert "新来的人" not in payloads
    assert "@" not in payloads
    assert "王小明的单位" not in payloads
    assert "王小明的单位" in " ".join(db.session.scalars(select(EventText.body)))
    page = admin.read("/admin/changes").words
    assert "王小明的单位" not in page
    assert "new@example.com" not in page


@pytest.fixture
def posted(app, monkeypatch):
    with running_server() as box:
        monkeypatch.setitem(app.config, "SMTP_URL", f"smtp://127.0.0.1:{box.port}")
        monkeypatch.setitem(app.config, "SMTP_SENDER", "redress@gov.example")
        monkeypatch.setitem(app.config, "BASE_URL", "https://credit.example")
        yield box


def test_where_mails_are_sent_the_link_goes_to_the_person_and_is_shown_to_nobody(
    admin, world, anybody, posted
):
    answer = invite(admin, world)
    assert answer.status_code == 302
    assert "/welcome/" not in admin.follow(answer).html
    (mail,), (to,) = posted.mails, posted.recipients
    assert to == ["new@example.com"]
    assert "新来的人" not in mail["Subject"]
    text = mail.get_body(("plain",)).get_content()
    link = "/welcome/" + text.partition("https://credit.example/welcome/")[2].split()[0]
    assert set_password(anybody, link).location == "/login"


def test_a_mail_that_is_refused_leaves_the_link_on_the_page(admin, world, posted, anybody):
    posted.refusals.append("550 no")
    page = invite(admin, world)
    assert anybody.get(link_on(page)).status_code == 200


# --- roles ------------------------------------------------------------------------------------


def test_a_role_is_given_until_a_day_changed_and_ended(app, admin, as_, world):
    user = world.second_provider
    client = as_(user)
    number = user.id
    tomorrow = today() + timedelta(days=1)
    asked = {"uscc": world.other_agency.uscc, "role": "department", "ends_on": str(tomorrow)}
    assert client.get("/enforce").status_code == 403
    admin.follow(admin.fill(f"/admin/people/{number}/roles/new", **asked))
    assert client.get("/enforce").status_code == 200
    given = last_event("accounts")
    assert given["transition"] == "appoint"
    assert given["facts"] == {
        "role": "department",
        "organisation": world.other_agency.uscc,
        "scope": [],
        "until": str(tomorrow),
    }
    seat = seat_of(account(user.email), "department").id
    later = today() + timedelta(days=30)
    admin.follow(admin.fill(f"/admin/people/roles/{seat}", ends_on=str(later)))
    assert last_event("accounts")["facts"]["until"] == str(later)
    admin.follow(press(admin, f"/admin/people/roles/{seat}/end"))
    assert client.get("/enforce").status_code == 403
    assert last_event("accounts")["transition"] == "end"
    assert verified(app)


def test_a_role_that_has_ended_neither_ends_again_nor_changes(admin, world, digest):
    seat = seat_of(world.second_provider, "provider").id
    press(admin, f"/admin/people/roles/{seat}/end")
    before = digest()
    page = admin.follow(press(admin, f"/admin/people/roles/{seat}/end"))
    assert page.having("alert-danger")
    later = str(today() + timedelta(days=30))
    assert admin.fill(f"/admin/people/roles/{seat}", ends_on=later).status_code == 400
    assert digest() == before


@pytest.mark.parametrize("role", ["reviewer", "auditor", "administrator"])
def test_nobody_gives_a_role_to_themselves(admin, world, digest, role):
    number, code = world.administrator.id, world.upper_centre.uscc
    before = digest()
    page = admin.fill(f"/admin/people/{number}/roles/new", uscc=code, role=role)
    assert page.status_code == 400
    assert "本人" in " ".join(page.alerts)
    assert digest() == before


def test_nor_to_another_account_of_theirs_nor_a_further_account(admin, world, digest):
    twin = make_account(world.agency, Role.PROVIDER, same_person_as=world.administrator)
    before = digest()
    asked = {"uscc": world.centre.uscc, "role": "reviewer"}
    assert admin.fill(f"/admin/people/{twin.id}/roles/new", **asked).status_code == 400
    page = invite(admin, world, name="", same_person_as="administrator@example.com")
    assert page.status_code == 400
    assert digest() == before


def test_nor_do_they_prolong_their_own(admin, second, world, digest):
    soon = today() + timedelta(days=3)
    seat = seat_of(world.administrator, "administrator").id
    with transaction() as session:
        session.get_one(Appointment, seat).ends_on = soon
    before = digest()
    page = admin.fill(f"/admin/people/roles/{seat}", ends_on="")
    assert page.status_code == 400
    assert digest() == before


def test_the_last_administrator_stays(admin, world, digest):
    user = world.administrator
    seat = seat_of(user, "administrator").id
    before = digest()
    for address in (f"/admin/people/roles/{seat}/end", f"/admin/people/{user.id}/close"):
        page = admin.follow(press(admin, address))
        assert "至少保留一名" in " ".join(page.alerts)
    for refused in (
        lambda: administration.end(None, seat),
        lambda: administration.close(None, user.id),
        lambda: administration.change(None, seat, [], today() + timedelta(days=9)),
    ):
        with pytest.raises(people.NotPossible):
            refused()
    assert digest() == before
    assert admin.get("/admin").status_code == 200


def test_one_who_cannot_come_in_or_will_go_is_no_administrator_that_stays(admin, world):
    """Neither invited only, nor with a last day, nor deactivated."""
    for ends_on, active, password in (
        (today() + timedelta(days=9), True, True),
        (None, False, True),
        (None, True, False),
    ):
        other = make_account(world.centre, Role.ADMINISTRATOR, ends_on=ends_on, active=active)
        if not password:
            with transaction() as session:
                session.get_one(User, other.id).password = None
    page = admin.follow(press(admin, f"/admin/people/{world.administrator.id}/close"))
    assert "至少保留一名" in " ".join(page.alerts)


def test_with_a_second_administrator_the_first_can_go(admin, second, as_, world):
    seat = seat_of(world.administrator, "administrator").id
    press(admin, f"/admin/people/roles/{seat}/end")
    assert admin.get("/admin").status_code == 403
    other = as_(second)
    page = other.follow(press(other, f"/admin/people/{second.id}/close"))
    assert "至少保留一名" in " ".join(page.alerts)


def test_where_passwords_are_off_one_who_has_only_that_is_no_administrator_that_stays(
    app, monkeypatch, second, world
):
    """Only who is linked to the provider can come in there."""
    monkeypatch.setitem(app.config, "TAKES_PASSWORDS", False)
    with pytest.raises(people.NotPossible):
        administration.close(None, world.administrator.id)
    with transaction() as session:
        session.add(Identity(user_id=second.id, issuer="https://id.example", subject="1"))
    administration.close(None, world.administrator.id)
    assert not account(world.administrator.email).active


def test_a_deactivated_account_is_out_at_once_and_comes_back(app, admin, as_, world, anybody):
    user = world.second_provider
    client, number, email = as_(user), user.id, user.email
    assert client.get("/work").status_code == 200
    admin.follow(press(admin, f"/admin/people/{number}/close"))
    assert client.get("/work").location == "/login?next=/work"
    assert anybody.fill("/login", email=email, password=PASSWORD).status_code == 200
    refused = admin.fill(
        f"/admin/people/{number}/roles/new", uscc=world.agency.uscc, role="department"
    )
    assert refused.status_code == 400
    admin.follow(press(admin, f"/admin/people/{number}/reopen"))
    assert client.get("/work").status_code == 302  # the former session stays worthless
    sign_in(anybody, email)
    assert anybody.get("/work").status_code == 200
    names = [one["transition"] for one in events("accounts")]
    assert names == ["close", "reopen"]
    assert verified(app)


def test_a_link_for_a_new_password_ends_the_sessions(admin, as_, world, anybody):
    user = world.second_provider
    client, email = as_(user), user.email
    link = link_on(press(admin, f"/admin/people/{user.id}/link"))
    assert client.get("/work").status_code == 302
    set_password(anybody, link)
    assert anybody.fill("/login", email=email, password=PASSWORD).status_code == 200
    assert anybody.fill("/login", email=email, password=NEW_PASSWORD).status_code == 302


def test_a_person_has_a_full_name_not_one_as_things_have(admin):
    labels = [text_of(one) for one in admin.read("/admin/people/new").tree.iter("label")]
    assert "姓名" in labels
    assert "名称" not in labels


def test_people_are_found(admin, world):
    spaced = "　".join(re.findall(".{1,4}", world.other_agency.uscc.lower()))
    assert len(spaced) > len(world.other_agency.uscc)
    for query in ("second_provider", world.training_house.name, world.other_agency.uscc, spaced):
        assert admin.read(f"/admin/people?q={query}").having("table")
    page = admin.read("/admin/people?role=auditor")
    assert "auditor@example.com" in page.words
    assert "subject@example.com" not in page.words
    assert not admin.read("/admin/people?q=%25nobody%25").having("table")


# --- agents, by the enterprise itself ---------------------------------------------------------


def appoint_agent(client, world, **changes):
    asked = {"email": "clerk@example.com", "name": "代办人", "scope_objection": "y", **changes}
    return client.fill(f"/my/agents/of/{world.firm.id}/new", **asked)


def test_an_enterprise_invites_an_agent_who_acts_as_far_as_it_says(app, as_, world, anybody):
    client = as_(world.subject)
    link = link_on(appoint_agent(client, world))
    set_password(anybody, link)
    anybody.fill("/login", email="clerk@example.com", password=NEW_PASSWORD)
    record = make_record(world.firm, world.agency)
    assert anybody.get("/my").status_code == 200
    assert anybody.get(f"/records/{record.ref}/objection").status_code == 200
    assert anybody.get(f"/records/{record.ref}/repair").status_code in {403, 404, 409}
    seat = seat_of(account("clerk@example.com"), "agent").id
    client.follow(client.fill(f"/my/agents/{seat}", scope_repair="y"))
    assert anybody.get("/my").status_code == 302  # what they may is another: they sign in anew
    anybody.fill("/login", email="clerk@example.com", password=NEW_PASSWORD)
    assert anybody.get(f"/records/{record.ref}/repair").status_code == 200
    client.follow(press(client, f"/my/agents/{seat}/end"))
    assert anybody.get("/my").status_code == 302
    anybody.fill("/login", email="clerk@example.com", password=NEW_PASSWORD)
    assert anybody.get("/my").status_code == 403
    found = events("accounts")
    names = [one["transition"] for one in found]
    assert names == ["invite", "set_password", "change", "end"]
    assert {one["actor"]["role"] for one in found if one["transition"] != "set_password"} == {
        "subject"
    }
    assert found[2]["facts"]["scope"] == ["objection", "repair"]
    assert verified(app)


def test_an_agent_with_an_account_can_act_at_once(as_, world):
    client, agent = as_(world.subject), as_(world.stranger)
    record = make_record(world.firm, world.agency)
    page = client.follow(appoint_agent(client, world, email="stranger@example.com"))
    assert "stranger@example.com" in page.words
    assert world.stranger.person.name not in page.words  # whose address it is, nobody learns
    assert agent.get(f"/records/{record.ref}/objection").status_code == 200
    assert last_event("accounts")["transition"] == "appoint"


@pytest.mark.parametrize("name", ["reviewer", "provider", "auditor", "administrator", "officer"])
def test_no_official_is_made_an_agent(as_, world, digest, name):
    client = as_(world.subject)
    before = digest()
    page = appoint_agent(client, world, email=getattr(world, name).email)
    assert page.status_code == 400
    assert digest() == before


@pytest.mark.parametrize("open_", [True, False])
def test_no_official_is_made_an_agent_by_another_account_of_theirs(as_, world, digest, open_):
    """Or an enterprise makes who judges its matters partial by naming their own account."""
    private = make_account(
        world.other_firm, Role.SUBJECT, email="private@example.com", same_person_as=world.reviewer
    )
    if not open_:  # the office's account: the office is held nevertheless
        administration.close(world.administrator, world.reviewer.id)
    client = as_(world.subject)
    before = digest()
    assert appoint_agent(client, world, email=private.email).status_code == 400
    assert digest() == before


def test_no_closed_account_and_none_that_waits_for_its_person_elsewhere(as_, world, digest):
    client = as_(world.subject)
    make_account(world.other_firm, Role.SUBJECT, email="closed@example.com", active=False)
    administration.open_account(
        None, Newcomer("waits@example.com", "某人"), Seat(world.other_firm.id, Role.SUBJECT)
    )
    before = digest()
    for email in ("closed@example.com", "waits@example.com"):
        assert appoint_agent(client, world, email=email).status_code == 400
    assert digest() == before


def test_nobody_makes_themselves_an_agent(as_, world, digest):
    client = as_(world.subject)
    twin = make_account(world.other_firm, Role.SUBJECT, same_person_as=world.subject)
    before = digest()
    for email in (world.subject.email, twin.email):
        assert appoint_agent(client, world, email=email).status_code == 400
    assert digest() == before


@pytest.mark.parametrize(
    "changes",
    [
        {"scope_objection": ""},
        {"ends_on": "2020-01-01"},
        {"ends_on": "x"},
        {"email": "x"},
        {"name": ""},
    ],
    ids=str,
)
def test_a_mandate_that_cannot_be_is_refused(as_, world, digest, changes):
    client = as_(world.subject)
    before = digest()
    page = client.get(f"/my/agents/of/{world.firm.id}/new")
    sent = {"email": "clerk@example.com", "name": "代办人", "scope_objection": "y", **changes}
    sent = {name: value for name, value in sent.items() if value}
    token = page.fields["csrf_token"]
    answer = client.post(f"/my/agents/of/{world.firm.id}/new", data={**sent, "csrf_token": token})
    assert answer.status_code == 400
    assert answer.mistakes or answer.alerts
    assert digest() == before


def test_the_agents_of_others_are_not_there(as_, world, digest):
    seat = seat_of(world.agent, "agent").id
    own = seat_of(world.subject, "subject").id  # no agent's
    before = digest()
    client = as_(world.stranger)
    assert client.get(f"/my/agents/of/{world.firm.id}/new").status_code == 404
    assert client.get(f"/my/agents/{seat}").status_code == 404
    for address in (f"/my/agents/{seat}/end", f"/my/agents/{seat}/link"):
        assert press(client, address).status_code == 404
    assert as_(world.subject).get(f"/my/agents/{own}").status_code == 404
    assert press(as_(world.subject), f"/my/agents/{own}/end").status_code == 404
    assert world.agent.email not in client.read("/my/agents").words
    assert digest() == before


@pytest.mark.parametrize("name", ["agent", "provider", "administrator"])
def test_agents_are_chosen_by_who_represents_the_enterprise(as_, world, name):
    client = as_(getattr(world, name))
    assert client.get("/my/agents").status_code == 403
    assert client.get(f"/my/agents/of/{world.firm.id}/new").status_code == 403


def test_a_link_is_sent_again_only_to_who_waits_for_it_at_this_enterprise(as_, world):
    client = as_(world.subject)
    first = link_on(appoint_agent(client, world))
    seat = seat_of(account("clerk@example.com"), "agent").id
    newer = link_on(press(client, f"/my/agents/{seat}/link"))
    nobody = make_client(client.application)
    assert nobody.get(first).status_code == 404
    set_password(nobody, newer)
    assert press(client, f"/my/agents/{seat}/link").status_code == 302
    assert (
        nobody.fill("/login", email="clerk@example.com", password=NEW_PASSWORD).status_code == 302
    )
    # Nor where the account acts for another as well: the link would be a key to that.
    other = link_on(appoint_agent(client, world, email="both@example.com"))
    user = account("both@example.com")
    make_appointment(user, world.other_firm, Role.AGENT, scope=["objection"])
    seat = next(
        one.id for one in account(user.email).appointments if one.organisation_id == world.firm.id
    )
    assert press(client, f"/my/agents/{seat}/link").status_code == 302
    assert nobody.get(other).status_code == 200  # what was sent stays good


# --- institutions -----------------------------------------------------------------------------


def registration(number):
    db.session.rollback()
    return db.session.scalars(
        select(InstitutionRegistration).where(InstitutionRegistration.number == number)
    ).one()


def test_an_institution_is_registered_suspended_resumed_and_ended(app, admin, anybody):
    house = make_organisation(OrganisationKind.INSTITUTION, "虚构培训中心")
    fields = {
        "uscc": house.uscc,
        "service": "training",
        "number": "虚信备〔2026〕9号",
        "valid_from": str(today()),
        "valid_until": str(today() + timedelta(days=365)),
    }
    admin.follow(admin.fill("/admin/institutions/new", **fields))
    one = registration("虚信备〔2026〕9号").id
    assert "虚构培训中心" in anybody.read("/training").words
    for name, offered in (("suspend", False), ("resume", True), ("end", False)):
        page = admin.follow(press(admin, f"/admin/institutions/{one}/{name}"))
        assert not page.having("alert-danger")
        assert ("虚构培训中心" in anybody.read("/training").words) == offered
        assert last_event("institutions")["transition"] == name
    before = len(events("institutions"))
    for name in ("suspend", "resume", "end"):
        assert admin.follow(press(admin, f"/admin/institutions/{one}/{name}")).having(
            "alert-danger"
        )
    assert len(events("institutions")) == before == 4
    assert events("institutions")[0]["entity"] == house.uscc
    assert verified(app)


def test_a_suspended_institution_is_neither_chosen_nor_certifies(admin, world):
    store = cases.reading()
    house = world.training_house.id
    assert store.is_registered(house, "training", today())
    number = registration("虚信备〔2020〕training").id
    press(admin, f"/admin/institutions/{number}/suspend")
    db.session.rollback()
    assert not store.is_registered(house, "training", today())
    assert store.is_registered(house, "credit_report", today())


@pytest.mark.parametrize(
    ("changes", "says"),
    [
        ({"uscc": "FIRM"}, "不是信用服务机构"),
        ({"number": "虚信备〔2020〕training"}, "已被使用"),
        ({"valid_until": "2019-01-01"}, "早于"),
        ({"valid_from": ""}, ""),
        ({"service": "laundry"}, ""),
    ],
    ids=str,
)
def test_a_registration_that_cannot_be_is_refused(admin, world, digest, changes, says):
    fields = {
        "uscc": world.training_house.uscc,
        "service": "training",
        "number": "虚信备〔2026〕9号",
        "valid_from": "2020-01-01",
        "valid_until": "2030-01-01",
        **changes,
    }
    if fields["uscc"] == "FIRM":
        fields["uscc"] = world.firm.uscc
    before = digest()
    page = admin.fill("/admin/institutions/new", **fields)
    assert page.status_code == 400
    assert page.mistakes or page.alerts
    assert says in " ".join(page.alerts)
    assert digest() == before


# --- policy, read only ------------------------------------------------------------------------


def test_the_right_answers_are_for_administrators_only(admin, as_, world, anybody):
    page = admin.read("/admin/courses/credit_repair")
    assert page.html.count("<strong>✓") >= 10
    for client in (anybody, as_(world.subject), as_(world.institution)):
        assert client.get("/admin/courses/credit_repair").status_code in {302, 403}
        assert "<strong>✓" not in client.read("/training/courses/credit_repair").html


def test_each_kind_of_letter_has_a_sample_in_both_languages(admin):
    page = admin.read("/admin/letters")
    kinds = [one for one in page.links.values() if one.startswith("/admin/letters/")]
    assert len(kinds) >= 8
    for address in kinds:
        assert admin.get(address).status_code == 200, address
    for lang in ("zh", "en"):
        answer = admin.get(f"{kinds[0]}/{lang}.pdf")
        assert answer.mimetype == "application/pdf"
        assert answer.data.startswith(b"%PDF")


def test_no_secret_is_on_the_page_of_settings(app, admin, monkeypatch):
    monkeypatch.setitem(
        app.config, "SMTP_URL", "smtp://redress:hush-hush@mail.example:587?starttls=1"
    )
    pages = [admin.read(address).html for address in ("/admin/settings", "/admin/running")]
    for secret in ("hush-hush", app.config["SECRET_KEY"], app.config["SECURITY_PASSWORD_SALT"]):
        assert all(secret not in one for one in pages)
    assert "mail.example:587" in pages[1]


# --- looking for events -----------------------------------------------------------------------


@pytest.fixture
def auditor(as_, world):
    return as_(world.auditor)


def rows(page):
    return page.tree.findall(".//main//tbody/tr")


def test_events_are_found_by_what_when_and_by_whom(auditor, world):
    case = make_case(world, "with_provider")
    other = make_case(world, "submitted")
    for typed in (case.ref.replace("-", "").lower(), case.ref.replace("-", "－"), case.ref):
        page = auditor.read(f"/audit?ref={typed}")
        assert rows(page), typed
    assert case.ref in page.words
    assert other.ref not in page.words
    assert f"/messages/about/{case.ref}" in page.links.values()
    page = auditor.read(
        f"/audit?what=objection.accept&role=reviewer&organisation={world.centre.uscc}"
    )
    assert len(rows(page)) == 1
    assert len(rows(auditor.read("/audit?what=objection.accept&organisation=虚构市信用"))) == 1
    assert not rows(auditor.read("/audit?what=objection.accept&organisation=没有这一家"))
    assert not rows(auditor.read("/audit?what=objection.accept&role=provider"))
    assert len(rows(auditor.read("/audit?what=objection.submit"))) == 2
    day, tomorrow = today(), today() + timedelta(days=1)
    assert rows(auditor.read(f"/audit?since={day}&until={day}"))
    assert not rows(auditor.read(f"/audit?since={tomorrow}"))
    assert not rows(auditor.read(f"/audit?until={day - timedelta(days=1)}"))


@pytest.mark.parametrize(
    "query", ["since=x", "until=2026-13-01", "what=nothing", "role=king", "ref=%00%00", "before=x"]
)
def test_a_question_that_makes_no_sense_is_answered_kindly(auditor, query):
    assert auditor.get(f"/audit?{query}").status_code == 200


def test_a_long_search_goes_on_where_it_ended(auditor, world, monkeypatch):
    case = make_case(world, "with_provider")
    make_case(world, "submitted")
    whole = len(rows(auditor.read(f"/audit?ref={case.ref}")))
    monkeypatch.setattr("repair_app.services.history.PAGE", 2)
    seen, address = 0, f"/audit?ref={case.ref}"
    while address:
        page = auditor.read(address)
        seen += len(rows(page))
        address = next((where for text, where in page.links.items() if text == "更多"), None)
        assert not address or case.ref in address
    assert seen == whole


def test_nobodys_words_are_shown_to_the_auditor_in_the_search(auditor, world):
    make_case(world, "submitted")
    assert "金额有误" not in auditor.read("/audit").words


def test_changes_of_administration_are_found_by_the_auditor_too(admin, auditor, world):
    invite(admin, world)
    page = auditor.read("/audit?what=accounts.invite")
    assert len(rows(page)) == 1
    assert "new@example.com" not in page.words


# --- by command ------------------------------------------------------------------------------


def test_commands_leave_the_same_events(app, world):
    run = app.test_cli_runner().invoke
    agency, email = world.agency.uscc, world.second_provider.email
    for words in (
        ["accounts", "appoint", "--email", email, "--uscc", agency, "--role", "department"],
        ["accounts", "end", "--email", email, "--uscc", agency, "--role", "department"],
        ["accounts", "end", "--email", email],
        ["organisations", "rename", "--uscc", agency, "--name", "虚构新名局"],
        [
            "institutions",
            "strike-off",
            "--service",
            "training",
            "--number",
            "虚信备〔2020〕training",
        ],
    ):
        result = run(args=words)
        assert result.exit_code == 0, result.output
    names = [one["transition"] for one in events("accounts")]
    assert names == ["appoint", "end", "close"]
    assert {one["actor"]["role"] for one in events("accounts")} == {"system"}
    assert last_event("organisations")["transition"] == "rename"
    assert last_event("institutions")["transition"] == "end"
    seat = ["--uscc", world.centre.uscc, "--role", "administrator"]
    result = run(args=["accounts", "end", "--email", "administrator@example.com", *seat])
    assert result.exit_code == 1
    assert result.output.startswith("Error: ")
    assert verified(app)


@pytest.mark.parametrize(
    ("address", "file"),
    [
        ("/admin/courses", "workflows/courses"),
        ("/admin/courses/credit_repair", "workflows/courses/credit_repair.toml"),
        ("/admin/letters", "workflows/letters.toml"),
        ("/admin/letters/receipt", "workflows/letters.toml"),
    ],
)
def test_what_is_policy_says_in_which_file_it_is_changed_and_how(admin, address, file):
    """docs/adr/0014; in both languages."""
    for language, word in (("zh_Hans_CN", "修改方法"), ("en", "To change it")):
        data = {"csrf_token": admin.token(), "language": language, "back": "/admin"}
        admin.post("/language", data=data)
        page = admin.read(address)
        assert word in page.words
        assert file in page.words
        assert "flask workflows check" in page.words
        assert admin.get(address).status_code == 200
