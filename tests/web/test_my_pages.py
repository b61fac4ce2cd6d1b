"""The enterprise's own pages: what it can do and by when, receipts, reports, who looked."""

import re
from datetime import date, timedelta

import pytest
from sqlalchemy import event, func, select, update

from repair_app.calendar import add_working_days
from repair_app.db import db, today
from repair_app.engine.days import read_table
from repair_app.models import Case, Organisation, OwnReport, Viewing
from repair_app.services import complaints, portal, viewings
from repair_app.services.transaction import transaction
from tests.client import text_of
from tests.factories import (
    make_account,
    make_appointment,
    make_case,
    make_organisation,
    make_record,
    make_upload,
    requirement_of,
)
from tests.journeys.steps import (
    PAPER,
    Cast,
    apply_for_repair,
    case_of,
    dispute,
    ref_in,
    take,
)

ENGLISH = {"Accept-Language": "en"}


@pytest.fixture
def cast(world, as_):
    return Cast(world, as_)


@pytest.fixture(autouse=True)
def nothing_seen():
    """Let this process have noted nothing yet: each test has a store of its own."""
    viewings.SEEN.clear()


def bar(firm: Organisation, until: date) -> None:
    """Bar an enterprise from applying for repairs, as a revoked repair does."""
    with transaction() as session:
        session.execute(
            update(Organisation).where(Organisation.id == firm.id).values(barred_until=until)
        )


def day_in(page, day: date) -> bool:
    """Say whether a page names a day by a time element."""
    return any(one.get("datetime") == day.isoformat() for one in page.tree.iter("time"))


# --- the start page ---


def test_each_record_says_what_can_be_done_from_which_day(cast, world):
    record = make_record(world.firm, world.agency, decided_days_ago=20)
    page = cast.subject.get("/my", headers=ENGLISH)
    assert "Repair can be applied for from" in page.words
    assert f"/records/{record.ref}/repair" not in page.links.values()
    assert f"/records/{record.ref}/objection" in page.links.values()
    for day in (record.decided_on, record.max_publication_until):
        assert day_in(page, day)
    assert day_in(page, record.min_publication_until + timedelta(days=1))


def test_a_barred_firm_is_told_from_which_day_and_never_today(cast, world):
    """鲁信用办〔2021〕5号 （四）: three years after a false commitment no repair is accepted."""
    record = make_record(world.firm, world.agency, severity="serious", decided_days_ago=300)
    bar(world.firm, today() + timedelta(days=30))
    page = cast.subject.get("/my", headers=ENGLISH)
    assert "Repair can be applied for today" not in page.words
    assert "because of false material or a broken commitment" in page.words
    assert day_in(page, today() + timedelta(days=31))
    assert f"/records/{record.ref}/repair" not in page.links.values()

    ahead = cast.subject.get(f"/my/records/{record.ref}/what-if", headers=ENGLISH)
    assert "It can be applied for from" in ahead.words

    bar(world.firm, today() - timedelta(days=1))
    assert "Repair can be applied for today" in cast.subject.get("/my", headers=ENGLISH).words


def test_the_public_page_promises_repair_on_its_conditions_only(world, anybody):
    """Of a bar it says nothing, so that it may not say that a repair will be granted either."""
    record = make_record(world.firm, world.agency, decided_days_ago=10)
    assert "符合条件的可以申请信用修复" in anybody.read(f"/records/{record.ref}").words


def test_a_bar_that_outlasts_the_record_is_said_plainly(cast, world):
    record = make_record(world.firm, world.agency)
    bar(world.firm, record.max_publication_until)
    page = cast.subject.get("/my", headers=ENGLISH)
    assert "It ends by itself before a repair could be applied for" in page.words
    assert "applied for today" not in page.words


def test_a_bar_is_the_enterprises_own_affair(cast, world, anybody):
    """Others learn of a broken commitment where it is exposed, not from the record's page."""
    record = make_record(world.firm, world.agency)
    before = anybody.read(f"/records/{record.ref}").words
    bar(world.firm, today() + timedelta(days=900))
    assert anybody.read(f"/records/{record.ref}").words == before


def test_open_matters_come_first_with_whose_turn_it_is_and_what_to_do(cast, world):
    filed = dispute(cast.subject, make_record(world.firm, world.agency))
    asked = make_case(world, "supplement_asked")
    page = cast.subject.read("/my")
    assert page.words.index(asked.ref) < page.words.index(asked.record.decision_no + " 公示")
    assert f"/cases/{filed}/withdraw" in page.links.values()
    assert f"/cases/{asked.ref}/supplement" in page.links.values()
    english = cast.subject.get("/my", headers=ENGLISH).words
    assert "It is your turn" in english
    assert "Now it is the turn of: reviewer" in english


def test_what_waits_for_the_enterprise_is_all_there_however_much_is_newer(cast, world, monkeypatch):
    monkeypatch.setattr(portal, "THEIRS_SHOWN", 1)
    old = make_case(world, "supplement_asked").ref
    newer = [
        make_case(world, "submitted", record=make_record(world.firm, world.agency)).ref
        for _ in range(3)
    ]
    page = cast.subject.read("/my")
    ours, theirs = (page.tree.find(f".//*[@id='{name}']") for name in ("ours", "theirs"))
    assert old in text_of(ours)
    assert [one for one in newer if one in text_of(theirs)] == newer[-1:]
    assert "/my/cases" in page.links.values()
    # Each record still says what is under way about it.
    records = text_of(page.tree.find(".//*[@id='records']"))
    assert all(one in records for one in (old, *newer))


def test_lists_go_on_and_lose_nothing(cast, world, monkeypatch):
    monkeypatch.setattr(portal, "PAGE", 2)
    records = {make_record(world.firm, world.agency).ref for _ in range(3)}
    records |= {make_record(world.firm, world.agency, decided_days_ago=90 + n).ref for n in (0, 1)}
    cases = {dispute(cast.subject, make_record(world.firm, world.agency)) for _ in range(3)}
    seen, address = [], "/my"
    while address:
        page = cast.subject.read(address)
        seen += re.findall(r"/records/(JL-[^/\"]+)\"", page.html)
        address = next((one for one in page.links.values() if "after=" in one), "")
    assert len(seen) == len(set(seen)) == 8
    assert records < set(seen)

    found, address = [], "/my/cases"
    while address:
        page = cast.subject.read(address)
        found += [text for text in page.links if text in cases]
        address = next((one for one in page.links.values() if "before=" in one), "")
    assert sorted(found) == sorted(cases)


def test_more_records_ask_no_more_of_the_database(cast, world):
    def count(client) -> int:
        asked = []

        def keep(*parts):
            asked.append(parts[2])

        event.listen(db.engine, "before_cursor_execute", keep)
        try:
            client.read("/my")
        finally:
            event.remove(db.engine, "before_cursor_execute", keep)
        return len(asked)

    make_case(world, "submitted")
    few = count(cast.subject)
    for _ in range(4):
        make_case(world, "submitted")
    assert count(cast.subject) <= few
    assert few <= 20


# --- what if ---


def test_what_if_counts_the_working_days_of_the_rules(cast, world):
    """SD-REG-2020 第三十九条: seven working days; the parts of it follow one another."""
    record = make_record(world.firm, world.agency)
    page = cast.subject.read(f"/my/records/{record.ref}/what-if")
    table = read_table(db.session())
    first = add_working_days(today(), 1, table).due_on
    second = add_working_days(first, 4, table).due_on
    last = add_working_days(today(), 7, table).due_on
    for day in (first, second, last):
        assert day_in(page, day)
    assert "个工作日" in page.words
    assert f"/records/{record.ref}/objection" in page.links.values()
    assert f"/records/{record.ref}/repair" in page.links.values()


def test_what_if_of_a_repair_to_come_counts_from_its_first_day(cast, world):
    record = make_record(world.firm, world.agency, decided_days_ago=20)
    page = cast.subject.read(f"/my/records/{record.ref}/what-if")
    day = record.min_publication_until + timedelta(days=1)
    table = read_table(db.session())
    assert day_in(page, add_working_days(day, 3, table).due_on)
    assert f"/records/{record.ref}/repair" not in page.links.values()


def test_what_if_of_others_is_no_page(cast, world):
    record = make_record(world.firm, world.agency)
    address = f"/my/records/{record.ref}/what-if"
    assert cast.stranger.get(address).status_code == 404
    assert cast.provider.get(address).status_code == 403


# --- from the draft to the receipt ---


def test_answers_are_checked_before_they_are_sent_and_a_receipt_follows(cast, world):
    record = make_record(world.firm, world.agency)
    answer = cast.subject.fill(
        f"/records/{record.ref}/objection",
        ground="error",
        statement="金额 <b>有误</b>",
        value_fine_10k="1.5",
        evidence=PAPER,
    )
    ref = ref_in(answer)
    check = cast.subject.follow(answer)
    assert answer.location.endswith(f"/cases/{ref}/submit")
    for said in ("金额 <b>有误</b>", "1.5", PAPER[1]):
        assert said in check.words
    assert f"/cases/{ref}/amend#statement" in check.links.values()

    receipt = take(cast.subject, "submit", ref)
    assert receipt.request.path == f"/my/receipts/{ref}"
    assert ref in receipt.words
    table = read_table(db.session())
    assert day_in(receipt, add_working_days(today(), 1, table).due_on)
    pdf = next(one for one in receipt.links.values() if one.endswith("lang=zh"))
    assert cast.subject.read(pdf).mimetype == "application/pdf"
    code = receipt.tree.find(".//main//img").get("src")
    assert cast.subject.read(code).mimetype == "image/svg+xml"


def test_a_receipt_is_for_the_side_that_filed(cast, world):
    ref = dispute(cast.subject, make_record(world.firm, world.agency))
    draft = make_case(world, "draft")
    assert cast.agent.get(f"/my/receipts/{ref}").status_code == 200
    for client in (cast.stranger, cast.provider, cast.reviewer):
        assert client.get(f"/my/receipts/{ref}").status_code == 404
    assert cast.subject.get(f"/my/receipts/{draft.ref}").status_code == 404


def test_what_is_missing_is_shown_with_the_way_to_do_it(cast, world):
    record = make_record(world.firm, world.agency, severity="serious", decided_days_ago=300)
    repair = apply_for_repair(cast.subject, record)
    page = cast.subject.read(f"/cases/{repair}")
    needed = {
        one: requirement_of(case_of(repair), one).ref for one in ("commitment", "rectification")
    }
    for step in (f"{needed['commitment']}/sign", f"{needed['rectification']}/submit_proof"):
        assert f"/requirements/{step}" in page.links.values()
    check = cast.subject.get(f"/cases/{repair}/submit")
    assert check.status_code == 200
    assert f"/requirements/{needed['commitment']}/sign" in check.links.values()
    assert not check.having("deed")
    take(cast.subject, "sign", needed["commitment"], "requirements", signatory="张虚构", agree="y")
    (deed,) = cast.subject.get(f"/cases/{repair}/submit").having("deed")
    assert world.firm.name in text_of(deed)  # the prescribed text, as it was signed


# --- the enterprise's own report ---


def test_a_report_says_what_is_on_file_and_can_be_verified(cast, world, anybody):
    record = make_record(world.firm, world.agency)
    dispute(cast.subject, record)
    data = {"csrf_token": cast.subject.token(), "firm": world.firm.id}
    page = cast.subject.follow(cast.subject.post("/my/report", data=data))
    assert record.decision_no in page.words
    pdf = next(one for one in page.links.values() if one.endswith("lang=zh"))
    answer = cast.subject.read(pdf)
    assert answer.mimetype == "application/pdf"
    assert answer.data.startswith(b"%PDF-")
    assert cast.stranger.get(pdf).status_code == 404

    code = db.session.scalar(select(OwnReport.code))
    told = anybody.get(f"/verify/reports/{code}", headers=ENGLISH)
    assert world.firm.name in told.words
    assert "The same is on file today" in told.words
    assert record.decision_no not in told.words  # what it says stands on the paper
    make_record(world.firm, world.agency)
    told = anybody.get(f"/verify/reports/{code}", headers=ENGLISH)
    assert "has changed since" in told.words
    assert anybody.get("/verify/reports/none").status_code == 404


def test_the_one_verify_box_knows_the_codes_of_all_papers(cast, world, anybody):
    cast.subject.post(
        "/my/report", data={"csrf_token": cast.subject.token(), "firm": world.firm.id}
    )
    report = db.session.scalars(select(OwnReport)).one()

    def type_in(code):
        page = anybody.get("/verify", query_string={"code": code})
        for _ in range(2):  # to the letters, and on
            page = anybody.get(page.location) if page.status_code == 302 else page
        return page

    page = type_in(f" {report.code} ")
    assert (page.status_code, page.request.path) == (200, f"/verify/reports/{report.code}")
    assert world.firm.name in page.words
    # A number alone tells that there is such a report, and no more.
    page = type_in(report.ref.lower())
    assert page.status_code == 200
    assert report.ref in page.words
    assert world.firm.name not in page.words
    assert page.tree.find(".//main//input[@name='code']") is not None
    # What somebody reported is looked up by its code.
    record = make_record(world.firm, world.agency)
    told = complaints.Told("error", "other", "金额有误。", "", [make_upload()])
    code = complaints.receive(record.ref, told, "a-form-of-its-own-1234")
    assert type_in(code.upper()).request.path == f"/complaints/{code}"
    assert type_in("QB-2026-999999-A").status_code == 404
    assert type_in("A" * 22).status_code == 404


def test_a_report_is_issued_for_ones_own_enterprise_only(cast, world):
    for number in (world.other_firm.id, "0", "x", ""):
        data = {"csrf_token": cast.subject.token(), "firm": number}
        assert cast.subject.post("/my/report", data=data).status_code == 404
    data = {"csrf_token": cast.agent.token(), "firm": world.firm.id}
    assert cast.agent.post("/my/report", data=data).status_code == 403
    assert db.session.scalar(select(func.count()).select_from(OwnReport)) == 0


# --- who looked ---


def looks() -> list[tuple[str, str]]:
    """Return what was noted: what was opened, and as which role."""
    db.session.rollback()
    return [(one.entity_ref, one.role) for one in db.session.scalars(select(Viewing))]


def test_an_office_that_looks_is_noted_once_a_day_without_its_persons_name(cast, world):
    record = make_record(world.firm, world.agency)
    ref = dispute(cast.subject, record)
    for _ in range(2):
        cast.reviewer.read(f"/cases/{ref}")
    cast.provider.read(f"/records/{record.ref}")
    assert sorted(looks()) == sorted([(ref, "reviewer"), (record.ref, "provider")])
    page = cast.subject.read("/my/viewings")
    assert ref in page.words
    assert world.centre.name in page.words
    assert world.reviewer.person.name not in page.words
    assert ref not in cast.stranger.read("/my/viewings").words
    assert cast.agent.get("/my/viewings").status_code == 403


def test_another_process_notes_the_same_look_no_second_time(cast, world):
    ref = dispute(cast.subject, make_record(world.firm, world.agency))
    cast.reviewer.read(f"/cases/{ref}")
    viewings.SEEN.clear()
    cast.reviewer.read(f"/cases/{ref}")
    assert len(looks()) == 1


def test_the_enterprise_itself_and_the_public_are_not_noted(cast, world, anybody):
    record = make_record(world.firm, world.agency)
    ref = dispute(cast.subject, record)
    cast.subject.read(f"/cases/{ref}")
    cast.agent.read(f"/cases/{ref}")
    anybody.read(f"/records/{record.ref}")
    cast.stranger.read(f"/records/{record.ref}")
    cast.stranger.get(f"/cases/{ref}")
    assert looks() == []


def test_who_acts_for_the_enterprise_too_is_not_noted(cast, world, as_):
    """A reviewer with a seat at the firm looks at what is their own."""
    record = make_record(world.firm, world.agency)
    both = make_account(world.centre, portal.Role.REVIEWER)
    make_appointment(both, world.firm, portal.Role.SUBJECT)
    as_(both).read(f"/records/{record.ref}")
    assert looks() == []


def test_a_confidential_complaint_leaves_no_trace_that_its_subject_could_read(cast, world):
    """鲁政发〔2017〕44号 二（三）14: who complained could be told from it."""
    record = make_record(world.firm, world.agency)
    complaints.receive(record.ref, complaints.Told("error", "other", "有误。", "", []), "form")
    ref = db.session.scalars(select(Case.ref).where(Case.workflow == "complaint")).one()
    cast.reviewer.read(f"/cases/{ref}")
    assert looks() == []


def test_looks_go_on_page_by_page(cast, world, monkeypatch):
    monkeypatch.setattr(viewings, "PAGE", 1)
    records = [make_record(world.firm, world.agency) for _ in range(2)]
    for one in records:
        cast.provider.read(f"/records/{one.ref}")
    page = cast.subject.read("/my/viewings")
    assert records[1].ref in page.words
    assert records[0].ref not in page.words
    address = next(one for one in page.links.values() if "before=" in one)
    assert records[0].ref in cast.subject.read(address).words


def test_another_firm_of_the_same_person_counts_as_own(cast, world, as_):
    firm = make_organisation()
    both = make_account(firm, portal.Role.SUBJECT)
    make_appointment(both, world.firm, portal.Role.SUBJECT)
    refs = [make_record(one, world.agency).ref for one in (firm, world.firm)]
    page = as_(both).read("/my")
    assert all(f"/records/{ref}" in page.links.values() for ref in refs)
