"""The worklist: tabs, filters, searches kept, who has what in hand, one step for several."""

import re
from concurrent.futures import ThreadPoolExecutor
from datetime import date

import pytest
import time_machine
from sqlalchemy import event, select

from repair_app.db import db
from repair_app.engine.step import Refused
from repair_app.models import CaseNote, Deadline, Role, SavedSearch
from repair_app.services import calendar, desk, inbox
from repair_app.services.calendar_file import single_day
from tests.client import text_of
from tests.factories import (
    act,
    get_case,
    leave_office,
    make_account,
    make_case,
    make_record,
    make_sanction,
)
from tests.journeys.steps import Cast, case_of, in_days, take, term_of

ENGLISH = {"Accept-Language": "en"}
ROW = re.compile(r'<a class="ref" href="/cases/([^"]+)"')


@pytest.fixture
def cast(world, as_):
    return Cast(world, as_)


def listed(client, query=""):
    """Return the references of the rows of a worklist."""
    return ROW.findall(client.read(f"/work{query}").html)


def counts(client, query=""):
    """Return what stands beside each tab; nothing where no number does."""
    tabs = client.read(f"/work{query}").having("nav-tabs")[0]
    texts = [text_of(one.find(".//span")) for one in tabs.iter("li")]
    return dict(zip(("mine", "team", "unassigned", "soon", "overdue"), texts, strict=True))


def post(client, address, **fields):
    """Send a form of the worklist; return the page that comes next."""
    answer = client.post(address, data={"csrf_token": client.token(), **fields})
    return client.get(answer.location) if answer.status_code == 302 else answer


def on(day):
    return time_machine.travel(f"{day}T02:00:00Z", tick=False)  # 10 o'clock in Shanghai


def holder_of(ref):
    return term_of(ref).assignee_id


def kinds_noted(ref):
    db.session.rollback()
    asked = select(CaseNote.kind).where(CaseNote.entity_ref == ref).order_by(CaseNote.id)
    return list(db.session.scalars(asked))


# --- tabs and filters -------------------------------------------------------------------------


def test_each_tab_shows_what_it_counts(cast, world):
    mine, other, free = (make_case(world, "submitted").ref for _ in range(3))
    desk.claim(mine, world.reviewer)
    desk.claim(other, world.second_reviewer)
    found = counts(cast.reviewer)
    del found["soon"]  # what is due soon depends on the holidays
    assert found == {"mine": "1", "team": "3", "unassigned": "1", "overdue": "0"}
    assert listed(cast.reviewer, "?tab=mine") == [mine]
    assert listed(cast.reviewer, "?tab=unassigned") == [free]
    assert set(listed(cast.reviewer)) == {mine, other, free}
    with time_machine.travel(in_days(20)):
        assert set(listed(cast.reviewer, "?tab=overdue")) == {mine, other, free}
        assert counts(cast.reviewer)["overdue"] == "3"


def test_a_filter_leaves_no_number_beside_a_tab_that_it_does_not_hold_for(cast, world, monkeypatch):
    """Counting all that fits would be a walk along the whole list for each tab."""
    found = make_case(world, "submitted").ref
    make_case(world, "submitted")
    beside = counts(cast.reviewer, f"?q={found}")
    assert beside.pop("team") == "1"
    assert set(beside.values()) == {""}
    monkeypatch.setattr("repair_app.services.inbox.PAGE", 1)
    assert counts(cast.reviewer, "?q=虚构甲")["team"] == "1+"
    assert counts(cast.reviewer)["team"] == "2"


def test_what_is_due_within_three_working_days_is_due_soon(cast, world):
    """Around the Spring Festival of 2026: Saturday 14 February is worked, 15 to 23 are off."""
    with on("2026-02-12"):
        ref = make_case(world, "with_provider", workflow="repair").ref
    assert term_of(ref).due_on == date(2026, 2, 25)  # 13, 14, 24 and 25 February
    for day, shown in (
        ("2026-02-12", False),
        ("2026-02-13", True),
        ("2026-02-20", True),  # within the holidays
        ("2026-02-25", True),
        ("2026-02-26", False),
    ):
        with on(day):
            assert listed(cast.provider, "?tab=soon") == [ref] * shown, day
            assert counts(cast.provider)["soon"] == str(int(shown)), day


def test_what_administrators_enter_in_the_calendar_changes_what_is_due_soon(cast, world):
    with on("2026-03-02"):  # a Monday
        ref = make_case(world, "with_provider", workflow="repair").ref
        assert term_of(ref).due_on == date(2026, 3, 6)
    with on("2026-03-03"):
        assert listed(cast.provider, "?tab=soon") == [ref]  # 4, 5 and 6 March
        calendar.publish(single_day(date(2026, 3, 4), works=False, note="暴雪"), None)
        assert term_of(ref).due_on == date(2026, 3, 9)
        assert listed(cast.provider, "?tab=soon") == [ref]  # 5, 6 and 9 March


def test_a_list_is_narrowed_by_what_the_address_says(cast, world):
    objection = make_case(world, "submitted").ref
    record = make_record(world.other_firm, world.other_agency)
    number = record.decision_no.partition("〕")[2].rstrip("号")
    other = make_case(world, "submitted", record=record, subject=world.stranger).ref
    repair = make_case(world, "submitted", workflow="repair").ref
    accepted = make_case(world, "accepted").ref
    both = {objection, other, repair, accepted}
    due = term_of(objection).due_on.isoformat()
    for query, shown in (
        ("", both),
        ("?what=repair", {repair}),
        ("?what=objection", {objection, other, accepted}),
        ("?what=objection.accepted", {accepted}),
        ("?what=sanction", set()),
        (f"?q={other}", {other}),
        (f"?q={other.lower()}", {other}),
        (f"?q={int(other.split('-')[2])}", {one for one in both if one[8:14] == other[8:14]}),
        (f"?q={world.other_firm.name}", {other}),
        ("?q=虚构乙", {other}),
        (f"?q={world.other_firm.uscc}", {other}),
        (f"?q={other[:14]}", {one for one in both if one[:14] == other[:14]}),
        (f"?q={other[3:]}", {other}),
        (f"?q={record.decision_no}", {other}),
        (f"?q={number}", {other}),  # as officials call a decision among themselves
        (f"?q={number} 虚构乙", {other}),
        (f"?q={number[1:]}", {one for one in both if int(one[8:14]) == int(number[1:])}),
        (f"?q=2026〕{number}号", {other}),
        (f"?q=(2026){number}号", {other}),  # in whatever brackets
        (f"?q=虚构乙 〔2026〕{number}号", {other}),
        (f"?q=虚构甲 〔2026〕{number}号", set()),
        (f"?q={record.ref}", {other}),
        ("?q=公司 乙", {other}),  # several parts of the name
        ("?q=济市监处罚", set()),
        ("?q=〔2026〕", both),
        ("?q=没有这一家", set()),
        ("?q=%25", set()),
        ("?q=%25号9", set()),
        (f"?provider={world.other_agency.name}", {other}),
        ("?provider=没有这一家", set()),
        (f"?until={due}", {one for one in both if term_of(one).due_on.isoformat() <= due}),
        ("?until=2020-01-01", set()),
        ("?what=repair&q=虚构甲", {repair}),
        # What is none of the values is not asked.
        ("?what=nonsense.x&tab=nonsense&until=soon", both),
    ):
        assert set(listed(cast.reviewer, query)) == shown, query


def test_the_digits_of_a_number_are_looked_up_and_not_searched_for(cast, world):
    """As many rows are read of a large store as of a small one: no case is gone through."""
    ref = make_case(world, "submitted").ref
    asked = []

    def keep(_connection, _cursor, statement, *_rest):
        asked.append(statement)

    event.listen(db.engine, "before_cursor_execute", keep)
    try:
        for query in (ref[8:14], ref[:14], ref[3:], ref[3:14], str(int(ref[8:14])), ref[8:]):
            assert listed(cast.reviewer, f"?q={query}") == [ref], query
        for query in (ref[8:13], f"2025-{ref[8:14]}", f"XF{ref[2:]}", "999999999", "0"):
            assert ref not in listed(cast.reviewer, f"?q={query}"), query
    finally:
        event.remove(db.engine, "before_cursor_execute", keep)
    assert not [one for one in asked if "case_file.ref LIKE" in one]


def test_a_matter_is_found_by_the_beginning_of_its_number(cast, world):
    """By ranges of the indexes: no case is gone through, however many there are."""
    objection = make_case(world, "submitted").ref
    repair = make_case(world, "submitted", workflow="repair").ref
    asked = []

    def keep(_connection, _cursor, statement, *_rest):
        asked.append(statement)

    event.listen(db.engine, "before_cursor_execute", keep)
    try:
        for length in (2, 3, 5, 7, 8, 11, 13, 14, 15, 16):
            for ref in (objection, repair):
                assert listed(cast.reviewer, f"?q={ref[:length]}") == [ref], ref[:length]
        assert listed(cast.reviewer, "?q=xf-2026".replace("2026", repair[3:7])) == [repair]
        for nothing in ("ZJ", "XF-1999", f"XF-{repair[3:7]}-9", f"{repair[:15]}*"):
            assert listed(cast.reviewer, f"?q={nothing}") == [], nothing
    finally:
        event.remove(db.engine, "before_cursor_execute", keep)
    assert not [one for one in asked if "case_file.ref LIKE" in one]
    assert [one for one in asked if "case_file.ref BETWEEN" in one]


def test_a_matter_is_found_however_its_number_is_typed(cast, world):
    ref = make_case(world, "submitted", workflow="repair").ref
    prefix, year, digits, check = ref.split("-")
    for typed in (
        f"{prefix}{year}",
        f"{prefix}{year}{digits}",
        f"{prefix}{year}{digits}{check}".lower(),
        f"{prefix}–{year}—{digits}－{check}",
        ref.translate({ord(one): ord(one) + 0xFEE0 for one in ref}),
        f"{prefix}　{int(digits)}",
    ):
        assert listed(cast.reviewer, f"?q={typed}") == [ref], typed
    assert listed(cast.reviewer, f"?q={prefix}{int(year) - 1}") == []


def test_the_beginning_of_many_numbers_finds_them_all(cast, world, monkeypatch):
    monkeypatch.setattr(inbox, "FEW", 1)
    refs = {make_case(world, "submitted").ref for _ in range(3)}
    make_case(world, "submitted", workflow="repair")
    assert set(listed(cast.reviewer, "?q=YY")) == refs


def test_a_measure_is_found_by_the_beginning_of_its_number(cast, world):
    ref = make_sanction(make_record(world.firm, world.agency), world.officer).ref
    assert ref in cast.officer.read(f"/work?q={ref[:7]}").words
    assert ref not in cast.officer.read("/work?q=YY").words


def test_a_measure_that_waits_is_found_by_its_number_and_its_enterprise(cast, world):
    record = make_record(world.firm, world.agency)
    ref = make_sanction(record, world.officer).ref
    for query in ("", f"?q={ref}", f"?q={world.firm.name}", f"?provider={world.agency.name}"):
        assert ref in cast.officer.read(f"/work{query}").html, query
    for query in (f"?q={world.other_firm.name}", f"?provider={world.other_agency.name}"):
        assert cast.officer.read(f"/work{query}").having("pick") == [], query


def test_many_enterprises_of_one_name_are_found_as_well(cast, world, monkeypatch):
    monkeypatch.setattr("repair_app.services.inbox.MANY", 1)
    ref = make_case(world, "submitted").ref
    assert listed(cast.reviewer, "?q=虚构甲") == [ref]
    assert listed(cast.reviewer, "?q=虚构乙") == []


def test_more_of_a_list_keeps_its_filters(cast, world, monkeypatch):
    monkeypatch.setattr("repair_app.services.inbox.PAGE", 1)
    refs = [make_case(world, "submitted").ref for _ in range(3)]
    seen, address = [], "/work?what=objection&q=虚构甲"
    while address:
        page = cast.reviewer.read(address)
        seen += ROW.findall(page.html)
        address = next((one for one in page.links.values() if "after=" in one), None)
        assert address is None or ("what=objection" in address and "q=" in address)
    assert seen == refs


# --- searches kept ----------------------------------------------------------------------------


def test_a_search_is_kept_opened_and_deleted_by_one_account_only(cast, world):
    ref = make_case(world, "submitted", workflow="repair").ref
    make_case(world, "submitted")
    page = post(
        cast.reviewer,
        "/work/searches",
        name="  我的  修复 ",
        what="repair",
        csrf_token_="x",
        evil="1",
    )
    assert page.links["我的 修复"] == "/work?what=repair"
    assert listed(cast.reviewer, "?what=repair") == [ref]
    assert "我的 修复" not in cast.second_reviewer.read("/work").words
    (kept,) = db.session.scalars(select(SavedSearch)).all()
    for other in (cast.second_reviewer, cast.provider):
        data = {"csrf_token": other.token()}
        assert other.post(f"/work/searches/{kept.id}/delete", data=data).status_code == 404
    assert "我的 修复" not in post(cast.reviewer, f"/work/searches/{kept.id}/delete").links
    assert db.session.scalars(select(SavedSearch)).all() == []


def test_a_search_of_the_same_name_is_replaced_and_one_without_a_name_refused(cast, world):
    for what in ("repair", "objection"):
        post(cast.reviewer, "/work/searches", name="一", what=what)
    (kept,) = db.session.scalars(select(SavedSearch)).all()
    assert kept.query == "what=objection"
    assert post(cast.reviewer, "/work/searches", name=" \x07 ", what="repair").alerts
    assert len(db.session.scalars(select(SavedSearch)).all()) == 1


def test_no_more_searches_are_kept_than_can_be_overlooked(cast, world, monkeypatch):
    monkeypatch.setattr("repair_app.services.searches.MOST_SEARCHES", 1)
    post(cast.reviewer, "/work/searches", name="一", what="repair")
    assert post(cast.reviewer, "/work/searches", name="二", what="repair").alerts
    assert [one.name for one in db.session.scalars(select(SavedSearch))] == ["一"]


# --- who has what in hand ---------------------------------------------------------------------


def test_who_takes_a_matter_has_it_and_can_lay_it_down(cast, world):
    ref = make_case(world, "submitted").ref
    post(cast.reviewer, f"/work/{ref}/claim")
    assert holder_of(ref) == world.reviewer.id
    assert world.reviewer.person.name in cast.second_reviewer.read("/work").words
    post(cast.reviewer, f"/work/{ref}/claim")  # twice is once
    assert kinds_noted(ref) == ["claimed"]
    post(cast.reviewer, f"/work/{ref}/release")
    assert holder_of(ref) is None
    assert kinds_noted(ref) == ["claimed", "released"]


def test_of_two_who_claim_the_second_is_told_who_was_first(cast, world):
    ref = make_case(world, "submitted").ref
    post(cast.reviewer, f"/work/{ref}/claim")
    page = post(cast.second_reviewer, f"/work/{ref}/claim")
    assert any(world.reviewer.person.name in one for one in page.alerts)
    assert holder_of(ref) == world.reviewer.id
    assert kinds_noted(ref) == ["claimed"]


def test_of_two_who_claim_at_the_same_moment_one_gets_it(app, world):
    ref = make_case(world, "submitted").ref
    ids = [world.reviewer.id, world.second_reviewer.id]

    def claim(number):
        with app.app_context():
            user = db.session.get_one(type(world.reviewer), number)
            try:
                desk.claim(ref, user)
            except Refused as refused:
                return refused.reasons[0].text
            finally:
                db.session.remove()
            return "taken"

    db.session.rollback()
    with ThreadPoolExecutor(2) as both:
        answers = list(both.map(claim, ids))
    assert sorted(answers) == ["%(name)s has it in hand already.", "taken"]
    assert holder_of(ref) == ids[answers.index("taken")]


def test_a_matter_is_given_to_a_colleague_and_given_on(cast, world):
    ref = make_case(world, "submitted").ref
    second, first = world.second_reviewer.id, world.reviewer.id
    post(cast.reviewer, "/work/assign", ref=ref, account=str(second), seen="0")
    assert holder_of(ref) == second
    # Drawn before that: somebody has it meanwhile, and is not overrun.
    page = post(cast.reviewer, "/work/assign", ref=ref, account=str(first), seen="0")
    assert any(world.second_reviewer.person.name in one for one in page.alerts)
    assert holder_of(ref) == second
    post(cast.reviewer, "/work/assign", ref=ref, account=str(first), seen=str(second))
    assert holder_of(ref) == first
    assert kinds_noted(ref) == ["assigned", "claimed"]


def test_how_much_each_has_is_not_called_by_the_name_of_who_has_it(cast, world):
    make_case(world, "submitted")
    loads = cast.reviewer.read("/work").tree.findall(".//main//table")[-1]
    assert [text_of(one) for one in loads.find("thead").iter("th")] == ["同事", "承办件数", "逾期"]


def test_who_takes_a_matter_comes_back_to_the_same_part_of_the_list(cast, world, monkeypatch):
    monkeypatch.setattr("repair_app.services.inbox.PAGE", 1)
    refs = [make_case(world, "submitted").ref for _ in range(2)]
    address = next(to for to in cast.reviewer.read("/work").links.values() if "after=" in to)
    page = cast.reviewer.read(address)
    back = next(one for one in page.tree.iter("form") if one.get("id") == "desk")
    (came,) = [one.get("value") for one in back.iter("input") if one.get("name") == "back"]
    again = post(cast.reviewer, f"/work/{refs[1]}/claim", back=came)
    assert ROW.findall(again.html) == [refs[1]]


def test_several_are_given_at_once(cast, world):
    refs = [make_case(world, "submitted").ref for _ in range(3)]
    post(cast.reviewer, "/work/assign", ref=refs[:2], account=str(world.second_reviewer.id))
    assert [holder_of(one) for one in refs] == [world.second_reviewer.id] * 2 + [None]
    assert post(cast.reviewer, "/work/assign", account=str(world.reviewer.id)).alerts
    rows = cast.reviewer.read("/work").tree.findall(".//main//tr")
    told = {
        text_of(row.find("th")): [text_of(one) for one in row.findall("td")] for row in rows[-5:]
    }
    assert told[world.second_reviewer.person.name] == ["2", "0"]


@pytest.mark.parametrize("who", ["provider", "upper_reviewer", "auditor", "subject"])
def test_nobody_without_the_office_is_given_a_matter(cast, world, who):
    ref = make_case(world, "submitted").ref
    account = getattr(world, who).id
    page = post(cast.reviewer, "/work/assign", ref=ref, account=str(account))
    assert page.alerts
    assert holder_of(ref) is None


def test_who_acts_for_a_party_is_not_given_its_matter_and_it_is_said_why(cast, world):
    ref = make_case(world, "submitted").ref
    torn = world.torn_reviewer
    page = post(cast.reviewer, "/work/assign", ref=ref, account=str(torn.id))
    assert any(torn.person.name in one and "当事" in one for one in page.alerts), page.alerts
    assert post(cast.torn_reviewer, f"/work/{ref}/claim").alerts
    assert holder_of(ref) is None


def test_who_decided_first_does_not_take_the_second_decision_in_hand(cast, world):
    ref = make_case(world, "correction_proposed").ref
    desk.claim(ref, world.reviewer)
    act(world.reviewer, "decide_correction", case_of(ref))
    assert holder_of(ref) is None  # the new term is nobody's
    with pytest.raises(Refused):
        desk.claim(ref, world.reviewer)
    with pytest.raises(Refused):
        desk.claim(ref, world.reviewer_again)  # the same person
    desk.claim(ref, world.second_reviewer)


def test_what_one_reads_only_is_not_taken_in_hand(cast, world):
    """Another centre sees the case, and has no turn in it: told so, and nothing is changed."""
    ref = make_case(world, "with_provider").ref
    for address in (f"/work/{ref}/claim", f"/work/{ref}/release", "/work/assign"):
        page = post(cast.upper_reviewer, address, ref=ref, account=str(world.upper_reviewer.id))
        assert any(ref in one for one in page.alerts), address
    assert holder_of(ref) is None
    assert kinds_noted(ref) == []


@pytest.mark.parametrize("who", ["other_provider", "officer"])
def test_what_waits_for_others_is_not_there(cast, world, who):
    """Another office's: answered as what does not exist."""
    ref = make_case(world, "with_provider").ref
    client = getattr(cast, who)
    data = {"csrf_token": client.token(), "ref": ref, "account": "1", "step": "confirm_execution"}
    for address in (f"/work/{ref}/claim", f"/work/{ref}/release", "/work/assign", "/work/steps"):
        assert client.post(address, data=data).status_code == 404, address
    assert holder_of(ref) is None


def test_what_a_colleague_moved_on_is_told_and_holds_up_nothing_else(cast, world):
    """A worklist that was drawn before that: the rest is given, and nobody is told otherwise."""
    stays, moved = (make_case(world, "submitted").ref for _ in range(2))
    act(world.second_reviewer, "accept", get_case(moved))
    act(world.second_reviewer, "ask_provider", get_case(moved))
    page = post(cast.reviewer, "/work/assign", ref=[stays, moved], account=str(world.reviewer.id))
    assert holder_of(stays) == world.reviewer.id
    assert [moved in one for one in page.alerts] == [True, False], page.alerts
    for address in (f"/work/{moved}/claim", f"/work/{moved}/release"):
        assert any(moved in one for one in post(cast.reviewer, address).alerts)
    page = post(cast.reviewer, "/work/steps", ref=[stays, moved], step="objection.accept")
    assert chosen_on(page)["matter"] == [f"cases {stays}"]
    assert any(moved in one for one in page.alerts)
    page = post(cast.reviewer, "/work/steps", ref=moved, step="objection.accept")  # nothing left
    assert any(moved in one for one in page.alerts)
    assert holder_of(moved) is None


def test_a_new_term_stays_with_who_had_the_case_while_that_person_may_act(cast, world):
    ref = make_case(world, "submitted").ref
    desk.claim(ref, world.reviewer)
    take(cast.reviewer, "accept", ref)
    assert holder_of(ref) == world.reviewer.id
    take(cast.reviewer, "ask_provider", ref, note="")
    assert holder_of(ref) is None  # the provider's turn: another office
    desk.claim(ref, world.provider)
    act(world.provider, "confirm", get_case(ref))
    assert holder_of(ref) == world.reviewer.id  # back at the centre, and with the same person


def test_what_was_laid_down_or_whose_holder_left_does_not_come_back(cast, world):
    laid, left = make_case(world, "submitted").ref, make_case(world, "submitted").ref
    desk.claim(laid, world.reviewer)
    desk.release(laid, world.second_reviewer)
    desk.claim(left, world.reviewer)
    leave_office(world.reviewer)
    for ref in (laid, left):
        take(cast.second_reviewer, "accept", ref)
        assert holder_of(ref) is None


def test_what_somebody_had_who_left_is_in_nobodys_hands(cast, world):
    ref = make_case(world, "submitted").ref
    desk.claim(ref, world.reviewer)
    leave_office(world.reviewer)
    assert listed(cast.second_reviewer, "?tab=unassigned") == [ref]
    post(cast.second_reviewer, f"/work/{ref}/claim")
    assert holder_of(ref) == world.second_reviewer.id


# --- one step for several ---------------------------------------------------------------------


def chosen_on(page):
    """Return what the confirmation page would send."""
    return page.fields.to_dict(flat=False)


def take_for_all(client, sent):
    """Send the confirmed step for all; return the report, which has a page of its own."""
    return client.follow(client.post("/work/steps/take", data=sent))


def test_one_step_is_taken_in_several_and_each_is_reported(cast, world):
    refs = [make_case(world, "accepted").ref for _ in range(3)]
    elsewhere = make_case(world, "submitted").ref
    step = "objection.ask_provider"
    page = post(cast.reviewer, "/work/steps", ref=[*refs, elsewhere], step=step)
    sent = chosen_on(page)
    assert len(sent["matter"]) == 3
    assert elsewhere in page.words
    act(world.reviewer, "ask_provider", case_of(refs[0]))  # meanwhile
    report = take_for_all(cast.reviewer, {**sent, "note": "请核实。"})
    assert len(report.having("good")) == 1 + 2
    assert refs[0] in report.words
    assert [case_of(one).state for one in refs] == ["with_provider"] * 3
    assert case_of(elsewhere).state == "submitted"
    events = [case_of(one).version for one in refs]
    again = take_for_all(cast.reviewer, {**sent, "note": "请核实。"})
    assert again.words == report.words  # sent twice is done once
    assert [case_of(one).version for one in refs] == events


def test_what_bars_the_step_is_told_before_it_is_taken(cast, world):
    """Who acts for the enterprise does not accept its objections, one by one or together."""
    other = make_record(world.other_firm, world.agency)
    own, fine = make_case(world, "submitted").ref, None
    fine = make_case(world, "submitted", record=other, subject=world.stranger).ref
    page = post(cast.torn_reviewer, "/work/steps", ref=[own, fine], step="objection.accept")
    sent = chosen_on(page)
    assert sent["matter"] == [f"cases {fine}"]
    # Who sends it nevertheless is told so by the workflow.
    forced = {
        **sent,
        "matter": [f"cases {own}", f"cases {fine}"],
        f"token:{own}": "t1",
        f"version:{own}": str(case_of(own).version),
    }
    report = take_for_all(cast.torn_reviewer, forced)
    assert len(report.having("bad")) == 2
    assert (case_of(own).state, case_of(fine).state) == ("submitted", "accepted")


def test_a_decision_is_not_taken_for_many_at_once(cast, world):
    """What asks for reasons, or decides or signs, is taken matter by matter."""
    ref = make_case(world, "correction_proposed").ref
    page = cast.reviewer.read("/work")
    assert "decide_correction" not in page.html
    sent = {
        "csrf_token": cast.reviewer.token(),
        "matter": f"cases {ref}",
        "step": "objection.decide_correction",
        f"token:{ref}": "t1",
        f"version:{ref}": str(case_of(ref).version),
    }
    report = take_for_all(cast.reviewer, sent)
    assert report.having("bad")
    assert case_of(ref).state == "correction_proposed"


def test_what_is_not_ones_own_is_not_taken_along(cast, world):
    ref = make_case(world, "executed").ref
    sent = {
        "csrf_token": cast.other_provider.token(),
        "matter": f"cases {ref}",
        "step": "objection.confirm_execution",  # which its own provider does
        f"token:{ref}": "t1",
        f"version:{ref}": str(case_of(ref).version),
    }
    assert cast.other_provider.post("/work/steps/take", data=sent).status_code == 404
    assert case_of(ref).state == "executed"


def test_what_is_not_ones_own_does_not_hide_what_became_of_the_rest(cast, world):
    """The first was done when the second was looked at: the report says both."""
    other = make_record(world.firm, world.other_agency)
    own, strange = (make_case(world, "with_provider", record=one).ref for one in (None, other))
    sent = {
        "csrf_token": cast.provider.token(),
        "matter": [f"cases {own}", f"cases {strange}"],
        "step": "objection.begin_appraisal",
    } | {f"version:{one}": str(case_of(one).version) for one in (own, strange)}
    sent |= {f"token:{one}": f"t{one}" for one in (own, strange)}
    report = take_for_all(cast.provider, sent)
    assert report.status_code == 200
    assert own in report.words
    assert strange in report.words
    assert case_of(strange).state == "with_provider"


def test_the_report_is_read_again_without_taking_the_step_again(cast, world):
    """It has an address of its own, tells each matter, and is its person's only."""
    fine, moved = (make_case(world, "accepted").ref for _ in range(2))
    step, back = "objection.ask_provider", "/work?what=objection"
    page = post(cast.reviewer, "/work/steps", ref=[fine, moved], step=step, back=back)
    sent = chosen_on(page)
    act(world.reviewer, "reroute", case_of(moved), provider_id=world.other_agency.id)  # meanwhile
    answer = cast.reviewer.post("/work/steps/take", data=sent)
    assert answer.status_code == 302
    version = case_of(fine).version
    reports = [cast.reviewer.read(answer.location) for _ in range(2)]
    assert reports[0].words == reports[1].words
    assert reports[0].links["返回待办事项"] == back
    assert reports[0].links[fine] == f"/cases/{fine}"
    rows = [text_of(one) for one in reports[0].tree.findall(".//main//tbody/tr")]
    assert [(one.split()[0], "未办理" in one) for one in rows] == [(fine, False), (moved, True)]
    assert "已有变化" in rows[1]
    assert (case_of(fine).state, case_of(fine).version) == ("with_provider", version)
    for other in (cast.second_reviewer, cast.provider):
        assert other.get(answer.location).status_code == 404
    assert cast.reviewer.get("/work/steps/none").status_code == 404


def test_a_report_names_each_enterprise_and_what_was_left_as_it_was(cast, world):
    """Nobody has to look up which of the matters that were selected are still to be done."""
    other = make_record(world.other_firm, world.agency)
    fine = make_case(world, "accepted").ref
    elsewhere = make_case(world, "submitted", record=other, subject=world.stranger).ref
    moved = make_case(world, "accepted").ref
    act(world.reviewer, "ask_provider", case_of(moved))
    page = post(
        cast.reviewer, "/work/steps", ref=[fine, elsewhere, moved], step="objection.ask_provider"
    )
    report = take_for_all(cast.reviewer, chosen_on(page))
    rows = [text_of(one) for one in report.tree.findall(".//main//tbody/tr")]
    assert len(rows) == 3
    told = {ref: next(one for one in rows if ref in one) for ref in (fine, elsewhere, moved)}
    assert world.firm.name in told[fine]
    assert world.other_firm.name in told[elsewhere]
    assert ["保持不变" in one for one in told.values()] == [False, True, True]
    assert "当前状态下没有该环节" in told[elsewhere]
    assert "未作变动：2件" in report.words
    assert (case_of(elsewhere).state, case_of(moved).state) == ("submitted", "with_provider")


def test_what_a_person_may_not_see_is_not_named_in_a_report(cast, world):
    other = make_record(world.other_firm, world.other_agency)
    strange = make_case(world, "with_provider", record=other, subject=world.stranger).ref
    own = make_case(world, "with_provider").ref
    sent = {
        "csrf_token": cast.provider.token(),
        "matter": [f"cases {own}", f"cases {strange}"],
        "left": strange,
        "step": "objection.begin_appraisal",
    }
    report = take_for_all(cast.provider, sent)
    assert world.other_firm.name not in report.words
    report = take_for_all(cast.provider, {**sent, "matter": f"cases {own}"})
    assert strange in report.words
    assert world.other_firm.name not in report.words


def test_reports_and_forms_that_were_begun_do_not_crowd_each_other_out(cast, world, monkeypatch):
    monkeypatch.setattr("repair_app.services.drafts.MOST_DRAFTS", 1)
    first, second = (make_case(world, "with_provider").ref for _ in range(2))
    sent = {"csrf_token": cast.provider.token(), "matter": f"cases {first}", "step": "objection.no"}
    address = cast.provider.post("/work/steps/take", data=sent).location
    for ref in (first, second):
        page = cast.provider.read(f"/cases/{ref}/confirm")
        kept = page.fields.to_dict(flat=False) | {"findings": ["核对中。"]}
        cast.provider.post("/drafts", data=kept)
    assert cast.provider.get(address).status_code == 200


def test_a_report_stays_a_while_and_makes_room_for_newer_ones(cast, world, monkeypatch):
    monkeypatch.setattr("repair_app.services.batch.MOST_REPORTS", 2)
    ref = make_case(world, "accepted").ref
    sent = {"csrf_token": cast.reviewer.token(), "matter": f"cases {ref}", "step": "objection.no"}
    addresses = [cast.reviewer.post("/work/steps/take", data=sent).location for _ in range(3)]
    found = [cast.reviewer.get(one).status_code for one in addresses]
    assert found == [404, 200, 200]
    assert addresses[2] not in cast.reviewer.read("/work").html  # no form that was begun


def test_steps_of_one_name_are_told_apart_and_each_taken_where_it_is_meant(cast, world):
    """To accept a repair publishes its commitment: it is not what accepting an objection is."""
    objection = make_case(world, "submitted").ref
    assert steps_offered(cast.reviewer)["objection.accept"] == "受理"
    repair = make_case(world, "submitted", workflow="repair").ref
    offered = steps_offered(cast.reviewer)
    assert offered["objection.accept"] == "信用信息异议：受理"
    assert offered["repair.accept"] == "信用修复：受理并公示承诺"
    page = post(cast.reviewer, "/work/steps", ref=[objection, repair], step="objection.accept")
    assert page.title == "受理"
    sent = chosen_on(page)
    assert sent["matter"] == [f"cases {objection}"]
    # Who sends the other one along takes no step in it.
    forced = {**sent, "matter": [f"cases {objection}", f"cases {repair}"]}
    forced |= {f"token:{repair}": "t1", f"version:{repair}": str(case_of(repair).version)}
    report = take_for_all(cast.reviewer, forced)
    assert len(report.having("good")) == 2
    assert (case_of(objection).state, case_of(repair).state) == ("accepted", "submitted")


def steps_offered(client):
    """Return the steps that a worklist offers for several matters: name -> title."""
    (chosen,) = client.read("/work").tree.findall(".//select[@id='step']")
    return {one.get("value"): text_of(one) for one in chosen.iter("option")}


# --- from one matter to the next --------------------------------------------------------------


def open_from(client, path, referrer):
    """Open a page by a link on another one, as a browser does."""
    return client.get(path, headers={"Referer": f"http://localhost{referrer}"})


def next_on(page):
    """Return where the way to the next matter leads, if the page offers one."""
    return next((to for text, to in page.links.items() if "下一件" in text), None)


def test_after_a_step_the_next_matter_of_the_worklist_is_offered(cast, world):
    """Each in its turn, with what the list was narrowed to; at the end the list is told empty."""
    first, second = (make_case(world, "with_provider").ref for _ in range(2))
    other = make_record(world.other_firm, world.agency)
    elsewhere = make_case(world, "with_provider", record=other, subject=world.stranger).ref
    query = f"?q={world.firm.name}"
    assert listed(cast.provider, query) == [first, second]
    open_from(cast.provider, f"/cases/{first}", f"/work{query}")
    page = take(cast.provider, "confirm", first, findings="登记无误。")
    assert len(page.alerts) == 1  # beside the confirmation
    came = cast.provider.get(next_on(page))
    assert came.location == f"/cases/{second}"
    # The way on goes on from there, though no list was opened in between.
    page = take(cast.provider, "confirm", second, findings="登记无误。")
    back = cast.provider.get(next_on(page))
    assert back.location.startswith("/work?q=")
    assert cast.provider.get(back.location).alerts
    assert elsewhere not in back.location


def test_behind_the_last_matter_the_list_begins_anew(cast, world):
    refs = [make_case(world, "with_provider").ref for _ in range(3)]
    open_from(cast.provider, f"/cases/{refs[2]}", "/work")
    page = take(cast.provider, "confirm", refs[2], findings="登记无误。")
    assert cast.provider.get(next_on(page)).location == f"/cases/{refs[0]}"
    open_from(cast.provider, f"/cases/{refs[0]}", "/work")
    page = take(
        cast.provider, "answer_interim", refs[0], progress="核对中。"
    )  # it stays in the list
    assert cast.provider.get(next_on(page)).location == f"/cases/{refs[1]}"


def test_the_next_matter_is_found_however_many_rows_lead_to_the_same_page(cast, world, monkeypatch):
    monkeypatch.setattr(inbox, "PAGE", 1)
    record, other = (make_record(world.firm, world.agency) for _ in range(2))
    for code in ("A01", "A02", "A05"):
        make_sanction(record, world.officer, code=code)
    make_sanction(other, world.officer)
    open_from(cast.officer, f"/records/{record.ref}", "/work")
    assert cast.officer.get("/work/next").location == f"/records/{other.ref}"
    assert cast.officer.get("/work/next").location == f"/records/{record.ref}"


def test_no_next_matter_is_offered_where_no_worklist_was_left(cast, world):
    refs = [make_case(world, "with_provider").ref for _ in range(2)]
    for referrer in ("/work/cases", "/messages", "//example.org/work"):
        open_from(cast.provider, f"/cases/{refs[0]}", referrer)
    page = take(cast.provider, "answer_interim", refs[0], progress="核对中。")
    assert next_on(page) is None
    open_from(cast.provider, f"/cases/{refs[0]}", "/work")  # and then another one, from elsewhere
    page = take(cast.provider, "answer_interim", refs[1], progress="核对中。")
    assert next_on(page) is None


def test_the_next_matter_leads_where_its_row_leads(cast, world):
    """A department to the record of a measure, an institution to what it is asked for."""
    records = [make_record(world.firm, world.agency) for _ in range(2)]
    for one in records:
        make_sanction(one, world.officer)
    shown = re.findall(r'href="(/records/[^"]+)"', cast.officer.read("/work").html)
    open_from(cast.officer, shown[0], "/work")
    assert cast.officer.get("/work/next").location == shown[1]


@pytest.mark.parametrize(
    "query", ["?as=x&what=no.no&until=x&after=x", "?q=%00&evil=1", "?q=" + "长" * 400]
)
def test_the_way_on_bears_whatever_an_address_says(cast, world, query):
    refs = [make_case(world, "with_provider").ref for _ in range(2)]
    open_from(cast.provider, f"/cases/{refs[0]}", f"/work{query}")
    assert cast.provider.get("/work/next").status_code == 302
    assert cast.officer.get("/work/next").status_code == 302


@pytest.mark.parametrize("referrer", ["http://[", "http://[x]/a", "http://a\u2100b/", "\x00"])
def test_a_page_bears_whatever_a_browser_says_of_where_it_was(cast, world, anybody, referrer):
    record = make_record(world.firm, world.agency)
    told = {"HTTP_REFERER": referrer.encode().decode("latin-1")}
    for client in (anybody, cast.provider):
        page = client.get(f"/records/{record.ref}", environ_overrides=told)
        assert page.status_code == 200


@pytest.mark.parametrize("name", ["%00", "x", "x" * 24, "x" * 5000])
def test_a_report_that_is_none_is_no_page(cast, name):
    assert cast.provider.get(f"/work/steps/{name}").status_code == 404


# --- the department ---------------------------------------------------------------------------


def test_a_department_reads_which_measures_stand_still_and_why(cast, world):
    record = make_record(world.firm, world.agency)
    sanction = make_sanction(record, world.officer)
    ref = make_case(world, "submitted", record=record).ref
    assert ref not in cast.officer.read("/work").words
    take(cast.reviewer, "accept", ref)
    words = cast.officer.read("/work").words
    assert ref in words
    assert sanction.ref in words
    assert ref not in cast.other_officer.read("/work").words


# --- few queries ------------------------------------------------------------------------------


def test_a_longer_list_asks_the_store_no_more_often(cast, world):
    def count_queries():
        asked = []

        def note(_connection, _cursor, statement, *_rest):
            if not statement.startswith(("PRAGMA", "BEGIN", "SET TRANSACTION")):
                asked.append(statement)

        event.listen(db.engine, "before_cursor_execute", note)
        try:
            cast.reviewer.read("/work?what=objection&q=虚构")
        finally:
            event.remove(db.engine, "before_cursor_execute", note)
        return len(asked)

    desk.claim(make_case(world, "submitted").ref, world.reviewer)
    cast.reviewer.read("/work")
    few = count_queries()
    for _ in range(4):
        make_account(world.centre, Role.REVIEWER)
        desk.claim(make_case(world, "submitted").ref, world.second_reviewer)
    assert count_queries() == few <= 16


@pytest.mark.parametrize("stage", ["sqlite"], indirect=True)  # PostgreSQL's depends on the rows
def test_what_one_has_in_hand_is_read_along_an_index(world):
    """However many terms there are."""
    mine = select(Deadline.id).where(
        inbox.waits_for(world.provider, Role.PROVIDER),
        inbox.tabs_of(world.provider, Role.PROVIDER)["mine"],
    )
    query = mine.order_by(Deadline.due_on, Deadline.id).limit(25)
    text = str(query.compile(db.engine, compile_kwargs={"literal_binds": True}))
    plan = db.session.connection().exec_driver_sql(f"EXPLAIN QUERY PLAN {text}").all()
    assert "ix_deadline" in str(plan)
    assert "SCAN" not in str(plan)
