"""Who looks for what is others', by searching, counting, picking and reading back: rows 7 to 9."""

import re
from urllib.parse import quote, quote_plus

import pytest
from sqlalchemy import select

from repair_app.db import db
from repair_app.models import Event, EventText, Role, User
from repair_app.services import search
from tests.factories import make_account, make_case, make_organisation, make_record
from tests.test_administration import NEW_PASSWORD, invite, link_on, set_password

one_store = pytest.mark.parametrize("stage", ["sqlite"], indirect=True)  # no query is special

# --- row 7: searching and counting over others' rows ----------------------------------------------

# Lists of pages with their questions; "{}" is what somebody looks for.
SEARCHED = {
    "stranger": ["/my", "/my/cases", "/exports/my-records.csv", "/exports/my-cases.csv"],
    "other_provider": [
        "/work?q={}",
        "/work?tab=team&q={}",
        "/exports/worklist.csv?q={}",
        "/exports/cases.csv?q={}",
        "/messages",
    ],
    "officer": ["/work?q={}", "/messages"],
}
ASKED = ["/cases", "/worklist", "/records?decision_no={}", "/records?uscc={}", "/letters"]


def without_the_question(answer, asked):
    """Return what an answer says, without the words that were asked for and what is by chance."""
    text = re.sub(r'value="[^"]{40,}"|nonce="[^"]+"', "", answer.get_data(as_text=True))
    for one in (asked, quote(asked), quote_plus(asked)):
        text = text.replace(one, "?")
    return answer.status_code, text


@one_store
def test_row_07_cve_2023_45024_whether_others_have_it_is_not_told_by_any_list(as_, machine, world):
    """What there is and what there is not are answered alike, word for word."""
    record = make_record(world.firm, world.agency, decision_no="虚市监〔2026〕4711号")
    case = make_case(world, "with_provider", record=record)
    there = [case.ref, record.ref, record.decision_no, world.firm.name, world.firm.uscc]
    not_there = ["YY-2026-987654-A", "JL-2026-987654-A", "无此〔2026〕4711号", "无此公司"]
    not_there.append(make_organisation().uscc)
    for name, places in SEARCHED.items():
        client = as_(getattr(world, name))
        for place in places:
            for one, other in zip(there, not_there, strict=True):
                found = client.get(place.format(one))
                nothing = client.get(place.format(other))
                said = without_the_question(found, one)
                assert said == without_the_question(nothing, other), f"{name} {place.format(one)}"
                assert case.ref not in found.get_data(as_text=True).replace(one, "?")
    for name in ("stranger", "other_provider"):
        system = machine(name)
        for place in ASKED:
            asked = record.decision_no if "decision_no" in place else world.firm.uscc
            answer = system.get(place.format(asked))
            assert answer.status_code == 200, place
            (rows,) = [one for one in answer.json.values() if isinstance(one, list)]
            assert rows == [], f"{name} {place}"
            assert answer.json["next"] is None


@one_store
def test_row_07_cve_2024_36259_the_public_search_does_not_answer_for_what_it_does_not_show(
    world, anybody
):
    """Columns that the public does not read are not looked in, nor are people and their words."""
    record = make_record(
        world.firm, world.agency, legal_representative="欧阳某某", remark="内部备注四七一一"
    )
    make_case(world, "with_provider", record=record)
    assert record.ref in anybody.get("/", query_string={"q": world.firm.name}).html
    hidden = ["欧阳某某", "内部备注四七一一", "金额有误", world.subject.email, record.fingerprint]
    for asked in (*hidden, hidden[0][:2], world.subject.person.name):
        assert record.ref not in anybody.get("/", query_string={"q": asked}).html, asked
        assert search.search_public(asked).hits == []


# --- row 8: lists of people and of enterprises ----------------------------------------------------


@one_store
def test_row_08_cve_2025_53640_no_list_offers_people_of_other_offices(as_, machine, world):
    """Whoever picks a colleague is offered colleagues; nobody else's name stands in any list."""
    others = {
        make_account(world.other_agency, Role.PROVIDER, name="别处某甲").person.name,
        make_account(world.upper_centre, Role.REVIEWER, name="别处某乙").person.name,
        make_account(world.other_firm, Role.SUBJECT, name="别处某丙").person.name,
    }
    case = make_case(world, "with_provider")
    for name in ("subject", "agent", "provider", "reviewer", "officer", "institution", "stranger"):
        client = as_(getattr(world, name))
        for place in ("/my", "/work", "/messages", "/settings", f"/cases/{case.ref}"):
            page = client.get(place)
            assert not any(one in page.html for one in others), f"{name} {place}"
        for place in ("/admin/people", "/admin/people/1", "/admin/organisations", "/admin/clients"):
            assert client.get(place).status_code == 403, f"{name} {place}"
    for name in ("provider", "reviewer", "officer"):
        [*own] = machine(name).get("/colleagues").json["colleagues"]
        seats = {
            one.user_id
            for one in getattr(world, name).current_appointments[0].organisation.appointments
        }
        assert own
        assert {one["account"] for one in own} <= seats
    for name in ("subject", "agent", "auditor"):
        assert machine(name).get("/colleagues").status_code == 403


@one_store
def test_row_08_a_list_of_the_public_is_given_in_pages_and_of_published_records_only(
    world, anybody
):
    """Twenty at a time and no more, whatever size is asked for; who has no record is in none."""
    firms = [make_organisation(name=f"虚构采集{number:02}有限公司") for number in range(30)]
    for one in firms[:25]:
        make_record(one, world.agency)
    for more in ("", "&size=1000", "&limit=1000", "&page=0", "&per_page=1000"):
        text = anybody.get(f"/?q=虚构采集{more}").words.replace(" ", "")  # what is found is marked
        assert sum(one.name in text for one in firms) == 20, more
    for number in (24, 25):  # the last that has a record, the first that has none
        text = anybody.get(f"/?q=虚构采集{number}").words.replace(" ", "")
        assert (firms[number].name in text) is (number < 25)


# --- row 9: what was, and what is written for colleagues ------------------------------------------

NOTE = "仅供内部：疑似重复投诉四七一一"


@one_store
def test_row_09_cve_2021_30163_a_note_for_colleagues_is_in_nothing_that_a_party_gets(
    as_, machine, world
):
    """Not in the page, the list, the file with all proofs, the interface, messages or letters."""
    ref = make_case(world, "with_provider").ref
    client = as_(world.reviewer)
    data = {"csrf_token": client.token(), "note": NOTE}
    assert client.post(f"/cases/{ref}/notes", data=data).status_code == 302
    assert NOTE in client.read(f"/cases/{ref}").html
    for name in ("subject", "agent", "provider"):
        browser, system = as_(getattr(world, name)), machine(name)
        for place in (f"/cases/{ref}", f"/cases/{ref}/proof.zip", "/messages", "/my", "/work"):
            assert NOTE.encode() not in browser.get(place).data, f"{name} {place}"
        for place in (f"/cases/{ref}", "/cases", f"/cases/{ref}/letters", "/worklist"):
            assert NOTE not in system.get(place).get_data(as_text=True), f"{name} {place}"
        told = system.get(f"/cases/{ref}/notes")
        assert NOTE not in told.get_data(as_text=True), name


@one_store
def test_row_09_cve_2011_2084_no_former_secret_stands_in_a_history(as_, machine, world, anybody):
    """The book says that a password, a link, a secret was made, and never which."""
    link = link_on(invite(as_(world.administrator), world))
    assert set_password(anybody, link).status_code == 302
    secrets = [NEW_PASSWORD, link.removeprefix("/welcome/")]
    client = as_(world.reviewer)
    page = client.post("/settings/feed", data={"csrf_token": client.token()})
    (feed,) = {
        re.search(r"/feed/([^.]+)\.ics", one)[1] for one in page.links.values() if "/feed/" in one
    }
    secrets.append(feed)
    system = machine("provider")
    secrets += [system.secret, system.token]
    db.session.rollback()
    written = [
        *db.session.scalars(select(Event.payload)),
        *db.session.scalars(select(EventText.body)),
    ]
    stored = db.session.scalars(select(User.password)).all()
    for one in (*secrets, *filter(None, stored)):
        assert not any(one in (text or "") for text in written)
    book = as_(world.auditor)
    for place in ("/audit", "/audit?entity=accounts", "/admin/changes"):
        page = book.get(place)
        assert not any(one in page.html for one in secrets), place
