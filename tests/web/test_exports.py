"""Lists as files: the rows of the page and no others, safe to open, long ones by a job."""

import csv
import io
import re
from datetime import timedelta

import pytest
import time_machine
from python_calamine import CalamineWorkbook

from repair_app import jobs, sheets
from repair_app.db import db, now, today
from repair_app.engine import flaws
from repair_app.masking import HIDDEN
from repair_app.models import Deadline, Export, Finding, Message, Organisation, Role
from repair_app.models.parties import OrganisationKind
from repair_app.services import administration, desk, evidence, exports, inbox
from repair_app.services.listings.common import PUBLIC
from repair_app.services.listings.registry import LISTINGS
from repair_app.services.transaction import transaction
from tests import factories
from tests.client import text_of
from tests.factories import make_case, make_record, make_sanction

ENGLISH = {"Accept-Language": "en"}
FORMULAS = ["=1+1", "+1", "-1", "@SUM(1)", "\t=1", "\r=1", "＝1", " =1", "\n=1"]


def read_csv(answer):
    assert answer.status_code == 200, answer.status_code
    assert answer.mimetype == "text/csv"
    text = answer.get_data().decode("utf-8")
    assert text.startswith("\ufeff")
    return list(csv.reader(io.StringIO(text.removeprefix("\ufeff"), newline="")))


def take(client, name, query="", form="csv"):
    return client.get(f"/exports/{name}.{form}{query}", headers=ENGLISH)


def column(rows, title):
    place = rows[0].index(title)
    return [row[place] for row in rows[1:]]


def rename(organisation, name, **more):
    with transaction() as session:
        found = session.get_one(Organisation, organisation.id)
        found.name = name
        for key, value in more.items():
            setattr(found, key, value)


# --- cells ----------------------------------------------------------------------------------------


@pytest.mark.parametrize("text", FORMULAS)
def test_what_a_spreadsheet_would_reckon_with_is_text(text):
    assert sheets.as_text(text) == f"'{text}"


@pytest.mark.parametrize(
    "text", ["甲有限公司", "a=b", "济市监〔2026〕1号", "", "91370112MA000001X"]
)
def test_other_texts_stay_as_they_are(text):
    assert sheets.as_text(text) == text


@pytest.mark.parametrize("code", ["913701120000000017", "12345E67"])
def test_a_code_of_digits_stays_the_text_that_it_is(code):
    assert sheets.as_text(code) == f"{code}\t"


def test_days_and_moments_are_those_of_the_law():
    moment = now().replace(year=2026, month=3, day=1, hour=17, minute=5)
    assert sheets.as_text(moment) == "2026-03-02 01:05"
    assert sheets.as_text(moment.date()) == "2026-03-01"
    assert sheets.as_text(-3) == "-3"
    assert sheets.as_text(None) == ""


def test_a_workbook_holds_no_formula_and_codes_as_text(tmp_path):
    path = tmp_path / "a.xlsx"
    code = "913701120000000017"
    rows = [["=1+1", code, 5, now(), "甲" * 40_000, None, True]]
    sheets.write_xlsx(path, list("abcdefg"), rows, "名[单]*?")
    import zipfile

    with zipfile.ZipFile(path) as book:
        source = book.read("xl/worksheets/sheet1.xml").decode()
    assert "<f>" not in source
    (_, row) = CalamineWorkbook.from_path(str(path)).get_sheet_by_index(0).to_python()
    assert row[:3] == ["'=1+1", code, 5]
    assert len(row[4]) == 32_767


# --- whose rows -----------------------------------------------------------------------------------


@pytest.fixture
def two_sides(world):
    """Give a matter of each of two enterprises at two agencies."""
    mine = make_case(world, "with_provider")
    record = make_record(world.other_firm, world.other_agency)
    theirs = make_case(world, "with_provider", record=record, subject=world.stranger)
    return mine, theirs


def test_a_file_has_the_rows_of_its_reader_and_no_others(as_, world, two_sides):
    mine, theirs = two_sides
    both = {mine.ref, theirs.ref}
    expected = {
        ("provider", "cases"): {mine.ref},
        ("other_provider", "cases"): {theirs.ref},
        ("reviewer", "cases"): both,
        ("auditor", "cases"): both,
        ("subject", "my-cases"): {mine.ref},
        ("stranger", "my-cases"): {theirs.ref},
        ("agent", "my-cases"): {mine.ref},
        ("provider", "worklist"): {mine.ref},
        ("other_provider", "worklist"): {theirs.ref},
    }
    for (name, listing), refs in expected.items():
        rows = read_csv(take(as_(getattr(world, name)), listing))
        assert set(column(rows, "Number")) == refs, (name, listing)


def test_own_records_only(as_, world, two_sides):
    mine, theirs = two_sides
    rows = read_csv(take(as_(world.subject), "my-records"))
    assert column(rows, "Number") == [mine.record.ref]
    assert column(rows, "Disputed") == ["yes"]
    assert theirs.record.ref not in str(rows)


@pytest.mark.parametrize(
    ("name", "listing"),
    [
        ("subject", "cases"),
        ("subject", "worklist"),
        ("subject", "findings"),
        ("provider", "enforcement"),
        ("provider", "my-cases"),
        ("reviewer", "initiated"),
        ("officer", "cases"),
        ("institution", "cases"),
        ("administrator", "cases"),
        ("reviewer", "nothing"),
        ("reviewer", "__class__"),
    ],
)
def test_a_list_of_others_is_not_there(as_, world, name, listing):
    for form in ("csv", "xlsx"):
        client = as_(getattr(world, name))
        assert take(client, listing, form=form).status_code == 404
        token = {"csrf_token": client.token()}
        assert client.post(f"/exports/{listing}.{form}", data=token).status_code == 404


def test_who_is_not_signed_in_gets_public_lists_only(anybody, world):
    for name, listing in LISTINGS.items():
        answer = take(anybody, name)
        assert answer.status_code == (200 if listing.admits == PUBLIC else 302), name
    assert anybody.get("/exports").status_code == 302
    data = {"csrf_token": anybody.token()}
    assert anybody.post("/exports/records.csv", data=data).status_code == 401


def test_an_institution_is_not_told_which_case_it_serves(as_, world):
    record = make_record(world.firm, world.agency, severity="serious", decided_days_ago=400)
    case = factories.open_repair(record, world.subject)
    training = factories.requirement_of(case, "training")
    factories.act(world.subject, "enrol", training, institution_id=world.training_house.id)
    rows = read_csv(take(as_(world.institution), "worklist"))
    assert column(rows, "Number") == [training.ref]
    assert case.ref not in str(rows)


def test_a_confidential_matter_is_in_no_file_of_a_party(as_, world):
    from repair_app.services import complaints

    record = make_record(world.firm, world.agency)
    told = complaints.Told("error", "other", "有误。", "", [factories.make_upload()])
    complaints.receive(record.ref, told, "form")
    assert len(read_csv(take(as_(world.provider), "cases"))) == 1
    assert len(read_csv(take(as_(world.subject), "my-cases"))) == 1
    assert len(read_csv(take(as_(world.reviewer), "cases"))) == 2
    assert len(read_csv(take(as_(world.torn_reviewer), "cases"))) == 1


def test_a_natural_person_is_in_no_file(as_, anybody, world, two_sides):
    _, theirs = two_sides
    name, code = world.other_firm.name, world.other_firm.uscc
    rename(world.other_firm, name, kind=OrganisationKind.NATURAL_PERSON)
    rows = read_csv(take(as_(world.reviewer), "cases"))
    assert theirs.ref in column(rows, "Number")
    worklist = read_csv(take(as_(world.other_provider), "worklist"))
    public = read_csv(take(anybody, "records", f"?q={name}"))
    assert len(public) == 1
    for found in (rows, worklist, public):
        assert name not in str(found)
        assert code not in str(found)


# --- public ---------------------------------------------------------------------------------------


def test_the_public_takes_away_what_it_finds(anybody, world):
    shown = make_record(world.firm, world.agency, legal_representative="张虚构")
    make_record(world.other_firm, world.agency)
    rows = read_csv(take(anybody, "records", f"?q={world.firm.name[2:5]}"))
    assert column(rows, "Number") == [shown.ref]
    assert column(rows, "Unified social credit code") == [world.firm.uscc]
    assert "张虚构" not in str(rows)
    assert len(read_csv(take(anybody, "records"))) == 1  # nothing asked, nothing found
    assert len(read_csv(take(anybody, "records", f"?q={'甲' * 500}"))) == 1
    factories.annul_record(world, shown)
    assert len(read_csv(take(anybody, "records", f"?q={world.firm.name[2:5]}"))) == 1


@pytest.mark.parametrize("form", ["csv", "xlsx"])
def test_a_file_says_in_the_readers_words_what_is_kept_as_a_code(as_, anybody, world, form):
    """As the pages do: nobody who opens it at an office has to know what a code means."""
    make_case(world, "accepted")
    sanctioned = make_record(world.firm, world.agency)
    make_sanction(sanctioned, world.officer)
    codes = {"true", "false", "administrative", "mandatory", "recommended", "market", "industry"}
    for client, name, words in (
        (anybody, "measures", {"行政性", "强制性"}),
        (as_(world.subject), "my-records", {"是", "否"}),
        (as_(world.officer), "enforcement", {"是"}),
        (as_(world.administrator), "people", {"是"}),
    ):
        answer = client.get(f"/exports/{name}.{form}")
        if form == "csv":
            rows = read_csv(answer)
        else:
            book = CalamineWorkbook.from_filelike(io.BytesIO(answer.get_data()))
            rows = book.get_sheet_by_index(0).to_python()
        cells = {str(one).lower() for row in rows for one in row}
        assert not cells & codes, name
        assert words <= cells, (name, words)


def test_the_catalogue_and_the_commitments_of_the_public(anybody, world):
    measures = read_csv(take(anybody, "measures"))
    assert "A01" in column(measures, "Code")
    case = make_case(world, "closed", workflow="repair")
    rows = read_csv(take(anybody, "commitments"))
    page = anybody.get("/commitments").words
    assert len(rows) - 1 == page.count(case.requirements[0].ref[:2] + "-2")


def test_figures_without_names_can_be_taken_away_by_anybody(anybody, as_, world):
    with time_machine.travel("2026-03-30T02:00:00Z", tick=False):
        for _ in range(3):
            make_case(world, "submitted")
    with time_machine.travel("2026-04-01T02:00:00Z", tick=False):  # the quarter is over
        rows = read_csv(take(anybody, "statistics", "?table=overview"))
        assert rows[1] == ["Matters filed", "3"]
        assert len(read_csv(take(anybody, "statistics", "?table=by_provider&as=all"))) == 1
        whole = read_csv(take(as_(world.reviewer), "statistics", "?table=by_provider"))
        assert whole[1][:2] == [world.agency.name, "3"]


# --- what a file says -----------------------------------------------------------------------------


def test_a_formula_in_a_name_is_text_in_every_file(as_, anybody, world):
    rename(world.firm, "=HYPERLINK(1)公司")
    record = make_record(world.firm, world.agency)
    make_sanction(record, world.officer)
    make_case(world, "submitted", record=record)
    for client, name in (
        (as_(world.reviewer), "cases"),
        (as_(world.reviewer), "worklist"),
        (as_(world.subject), "my-records"),
        (as_(world.officer), "enforcement"),
        (anybody, "records"),
    ):
        query = "?q=公司" if name == "records" else ""
        rows = read_csv(take(client, name, query))
        assert "'=HYPERLINK(1)公司" in column(rows, "Enterprise"), name
        answer = take(client, name, query, form="xlsx")
        book = CalamineWorkbook.from_filelike(io.BytesIO(answer.get_data()))
        cells = [one for row in book.get_sheet_by_index(0).to_python() for one in row]
        assert "'=HYPERLINK(1)公司" in cells, name


def test_a_department_takes_away_todays_answers(as_, world):
    record = make_record(world.firm, world.agency)
    make_sanction(record, world.officer)
    make_case(world, "accepted", record=record)
    make_sanction(make_record(world.firm, world.agency), world.officer)
    rows = read_csv(take(as_(world.officer), "enforcement"))
    assert sorted(column(rows, "May it be enforced now?")) == ["no", "yes"]
    assert len(read_csv(take(as_(world.officer), "enforcement", "?uscc=91370112MA0000000X"))) == 1
    assert len(read_csv(take(as_(world.other_officer), "enforcement"))) == 1


def test_filters_are_those_of_the_page(as_, world):
    objection = make_case(world, "submitted")
    repair = make_case(world, "submitted", workflow="repair")
    client = as_(world.reviewer)
    for kind, case in (("objection", objection), ("repair", repair)):
        rows = read_csv(take(client, "cases", f"?workflow={kind}"))
        assert column(rows, "Number") == [case.ref]
        links = client.get(f"/work/cases?workflow={kind}").links.values()
        assert f"/exports/cases.csv?workflow={kind}" in links
    assert len(read_csv(take(client, "worklist", "?tab=overdue"))) == 1
    assert len(read_csv(take(client, "worklist", "?tab=nonsense&until=never&what=%00"))) == 3


ROW = re.compile(r'<a class="ref" href="/cases/([^"]+)"')


def test_the_file_of_a_worklist_has_the_rows_of_its_page_under_every_filter(as_, world):
    name = world.other_firm.name
    record = make_record(world.other_firm, world.other_agency)
    case = make_case(world, "submitted", record=record, subject=world.stranger)
    for state in ("submitted", "accepted"):
        make_case(world, state)
    desk.claim(make_case(world, "submitted", workflow="repair").ref, world.reviewer)
    running = {"entity_ref": case.ref, "whole": False, "met_at": None}
    due = db.session.query(Deadline).filter_by(**running).one().due_on
    client, seen = as_(world.reviewer), set()
    for query in (
        *("", "tab=mine", "tab=unassigned", "tab=soon", "tab=overdue", "tab=nonsense"),
        *("what=repair", "what=objection.accepted", "what=objection.x", "what=sanction"),
        *(f"provider={world.other_agency.name}", "provider=没有", f"provider=%20{name}%07"),
        *(f"until={due}", f"until=%20{due}", "until=x"),
        *(f"q={case.ref}", f"q={name}", f"q=%20{name}%07", f"q={record.decision_no}", "q=没有"),
        *(f"q={name}{' ' * inbox.LONGEST}没有", f"provider={name}{' ' * inbox.LONGEST}没有"),
        f"tab=unassigned&what=objection&q={name}&until={due}",
    ):
        page = ROW.findall(client.read(f"/work?{query}").html)
        assert column(read_csv(take(client, "worklist", f"?{query}")), "Number") == page, query
        seen.add(len(page))
    assert seen >= {0, 1, 2, 3, 4}


def test_why_a_measure_is_in_force_is_written_as_on_its_page(as_, world):
    make_sanction(make_record(world.firm, world.agency), world.officer)
    client = as_(world.officer)
    (why,) = column(read_csv(take(client, "enforcement")), "Why")
    assert re.fullmatch(r"In force until [A-Z][a-z]+ \d{1,2}, \d{4}\.", why)
    page = client.get(f"/enforce?uscc={world.firm.uscc}", headers=ENGLISH)
    assert why in page.words


def test_findings_and_messages(as_, world):
    record = make_record(world.firm, world.agency)
    with transaction() as session:
        session.add(
            Finding(
                record_id=record.id,
                kind=next(iter(flaws.KINDS)),
                facts={},
                digest="0" * 64,
                found_at=now(),
                seen_at=now(),
            )
        )
    rows = read_csv(take(as_(world.auditor), "findings"))
    assert column(rows, "Record") == [record.ref]
    case = make_case(world, "accepted", record=record)
    own = read_csv(take(as_(world.subject), "messages"))
    assert case.ref in column(own, "Number")
    count = db.session.query(Message).filter_by(account_id=world.subject.id).count()
    assert len(own) == count + 1
    assert case.ref not in str(read_csv(take(as_(world.stranger), "messages")))


def test_the_auditor_takes_away_the_events_that_were_looked_for(as_, world):
    objection = make_case(world, "accepted")
    repair = make_case(world, "submitted", workflow="repair")
    client = as_(world.auditor)
    every = read_csv(take(client, "events"))
    assert {objection.ref, repair.ref} <= set(column(every, "Chain"))
    assert "情况说明如下。" not in str(every)  # nobody's words
    assert world.subject.person.name not in str(every)
    for query in (
        f"?ref={objection.ref}",
        "?what=objection.accept",
        "?role=reviewer&what=objection",
        f"?organisation={world.firm.uscc}&what=repair",
        "?until=2020-01-01",
    ):
        rows = read_csv(take(client, "events", query))
        seen = client.get(f"/audit{query}", headers=ENGLISH)
        assert len(rows) - 1 == max(0, len(list(seen.tree.iter("tr"))) - 1), query
        for seal in column(rows, "Seal"):
            assert seal[:12] in seen.html, query
        links = [one for one in seen.links.values() if one.startswith("/exports/events.csv")]
        assert len(links) == (len(rows) > 1), query
        for link in links:
            assert read_csv(client.get(link, headers=ENGLISH)) == rows
    accepted = read_csv(take(client, "events", "?what=objection.accept"))
    assert column(accepted, "Role") == ["reviewer"]
    assert column(accepted, "Organisation") == [world.centre.name]
    answer = take(client, "events", f"?ref={objection.ref}", form="xlsx")
    book = CalamineWorkbook.from_filelike(io.BytesIO(answer.get_data()))
    assert objection.ref in book.get_sheet_by_index(0).to_python()[1]
    for name in ("reviewer", "subject", "administrator"):
        assert take(as_(getattr(world, name)), "events").status_code == 404


def test_events_that_are_taken_away_name_no_natural_person_and_hold_no_formula(as_, world):
    make_case(world, "submitted")
    rename(world.firm, "=1+1公司")
    rows = read_csv(take(as_(world.auditor), "events"))
    assert "'=1+1公司" in column(rows, "Organisation")
    rename(world.firm, "王某某", kind=OrganisationKind.NATURAL_PERSON)
    rows = read_csv(take(as_(world.auditor), "events"))
    assert "王某某" not in str(rows)
    assert HIDDEN in column(rows, "Organisation")


def test_whoever_is_signed_in_finds_the_files_they_asked_for(as_, anybody, world):
    for name in ("subject", "provider", "reviewer", "auditor", "administrator"):
        client = as_(getattr(world, name))
        assert 'href="/exports"' in client.read("/rules").html, name
    assert 'href="/exports"' not in anybody.read("/rules").html


def test_every_list_has_its_buttons(as_, anybody, world):
    record = make_record(world.firm, world.agency)
    make_sanction(record, world.officer)
    make_case(world, "with_provider", record=record)
    factories.initiate_sanction(
        make_record(world.firm, world.agency), world.provider, world.other_department
    )
    pages = {
        "/work": ("provider", "worklist"),
        "/work/cases": ("provider", "cases"),
        "/my": ("subject", "my-records"),
        "/my/cases": ("subject", "my-cases"),
        "/enforce": ("officer", "enforcement"),
        "/sanctions": ("provider", "initiated"),
        "/measures": ("subject", "measures"),
        "/messages": ("subject", "messages"),
        f"/?q={world.firm.name[:4]}": ("subject", "records"),
    }
    for address, (name, listing) in pages.items():
        client = as_(getattr(world, name))
        links = client.read(address).links.values()
        for form in ("csv", "xlsx"):
            found = [one for one in links if one.startswith(f"/exports/{listing}.{form}")]
            assert len(found) == 1, (address, form)
            assert client.get(found[0]).status_code == 200


# --- long lists -----------------------------------------------------------------------------------


@pytest.fixture
def long(monkeypatch):
    """Have lists of more than two rows written by a job, told after each row."""
    monkeypatch.setattr(exports, "AT_ONCE", 2)
    monkeypatch.setattr(exports, "TOLD_EVERY", 1)


@pytest.fixture
def three(world):
    return [make_case(world, "submitted") for _ in range(3)]


@pytest.fixture
def asked(monkeypatch):
    """Keep which jobs were asked for, instead of the engine."""
    found = []
    monkeypatch.setattr(jobs, "enqueue", lambda _session, *names, **ids: found.append((names, ids)))
    return found


def ask_for(client, name="cases", form="csv", query=""):
    page = take(client, name, query, form)
    assert page.status_code == 200
    assert page.mimetype == "text/html"
    sent = client.post(
        page.form.get("action"), data={"csrf_token": client.token()}, headers=ENGLISH
    )
    assert sent.status_code == 302
    return client.get(sent.location, headers=ENGLISH)


def test_a_long_list_is_written_by_a_job_and_fetched(as_, world, long, three, asked, digest):
    client = as_(world.reviewer)
    before = digest()
    assert "more than 2 rows" in take(client, "cases").words
    assert digest() == before  # looking asks for nothing
    page = ask_for(client)
    ((name, ref), ids) = asked[0]
    assert name == exports.JOB
    assert "waits its turn" in page.words
    assert page.headers["Refresh"]
    exports.write_export(**ids)
    page = client.get("/exports", headers=ENGLISH)
    assert "Refresh" not in page.headers
    assert "3 rows" in page.words
    rows = read_csv(client.get(f"/exports/{ref}"))
    assert set(column(rows, "Number")) == {one.ref for one in three}  # in the asker's language
    exports.write_export(**ids)  # begun again after a crash: nothing to do


def test_a_workbook_by_a_job_in_the_language_of_who_asked(as_, world, long, three, asked):
    client = as_(world.auditor)
    page = take(client, "cases", form="xlsx")
    client.post(page.form.get("action"), data={"csrf_token": client.token()})
    ((_, ref), ids) = asked[0]
    exports.write_export(**ids)
    answer = client.get(f"/exports/{ref}")
    book = CalamineWorkbook.from_filelike(io.BytesIO(answer.get_data()))
    assert len(book.get_sheet_by_index(0).to_python()) == 4


def test_progress_is_told_while_it_is_written(as_, world, long, three, asked, monkeypatch):
    client = as_(world.reviewer)
    ask_for(client)
    told = []
    note = exports.note

    def tell(number, **values):
        told.append(values)
        note(number, **values)

    monkeypatch.setattr(exports, "note", tell)
    exports.write_export(**asked[0][1])
    assert [one["rows_done"] for one in told] == [0, 1, 2, 3, 3]
    assert told[0]["rows_all"] == 3


def test_a_file_is_its_owners(as_, world, anybody, long, three, asked):
    ask_for(as_(world.reviewer))
    ((_, ref), ids) = asked[0]
    exports.write_export(**ids)
    for name in ("auditor", "second_reviewer", "reviewer_again", "administrator"):
        client = as_(getattr(world, name))
        assert client.get(f"/exports/{ref}").status_code == 404
        assert ref not in client.get("/exports").html
    assert anybody.get(f"/exports/{ref}").status_code == 302


def test_a_list_is_not_written_twice_and_not_too_many_at_once(as_, world, long, three, asked):
    client = as_(world.reviewer)
    ask_for(client)
    ask_for(client)
    assert len(asked) == 1
    for form, kind in (("xlsx", ""), ("csv", "objection"), ("xlsx", "objection")):
        ask_for(client, form=form, query=f"?workflow={kind}" if kind else "")
    ask_for(client, name="worklist")
    assert len(asked) == exports.MOST_WAITING
    page = ask_for(client, name="worklist", form="xlsx")
    assert len(asked) == exports.MOST_WAITING
    assert any("Enough files" in one for one in page.alerts)


def test_who_has_left_the_office_gets_nothing_written(as_, world, long, three, asked):
    client = as_(world.reviewer)
    ask_for(client)
    factories.leave_office(world.reviewer)
    db.session.rollback()
    with pytest.raises(exports.NotVisible):
        exports.write_export(**asked[0][1])
    assert "could not be written" in client.get("/exports", headers=ENGLISH).words


def fetched(as_, user, asked):
    """Have a list written for a person; return their browser and where it is fetched."""
    client = as_(user)
    ask_for(client)
    ((_, ref), ids) = asked.pop()
    exports.write_export(**ids)
    assert client.get(f"/exports/{ref}").status_code == 200
    return client, f"/exports/{ref}"


def test_a_file_ends_with_the_office_it_was_written_for(as_, world, long, three, asked):
    client, address = fetched(as_, world.provider, asked)
    factories.leave_office(world.provider)
    assert client.get(address).status_code == 404
    assert address not in client.get("/exports").links.values()


@pytest.mark.parametrize("way", ["end", "change"])
def test_a_file_of_one_agency_is_not_fetched_from_the_next(as_, world, long, three, asked, way):
    """The role stays, the organisation does not: the rows are those of the former one."""
    user = world.provider
    client, address = fetched(as_, user, asked)
    factories.make_appointment(user, world.other_agency, Role.PROVIDER)
    assert client.get(address).status_code == 200
    seat = next(one for one in user.appointments if one.organisation_id == world.agency.id)
    if way == "end":
        administration.end(None, seat.id)
        assert client.get(address).status_code == 404
    else:
        administration.change(None, seat.id, (), today())
        db.session.rollback()
        with time_machine.travel(now() + timedelta(days=1)):
            assert as_(user).get(address).status_code == 404


def test_what_ended_before_a_file_was_asked_for_does_not_matter(as_, world, long, three, asked):
    user = world.provider
    client, address = fetched(as_, user, asked)
    factories.make_appointment(user, world.other_agency, Role.PROVIDER)
    seat = next(one for one in user.appointments if one.organisation_id == world.agency.id)
    administration.end(None, seat.id)
    db.session.rollback()
    anew = exports.ask("cases", "csv", {}, user, "en")
    exports.write_export(anew.id)
    assert client.get(address).status_code == 404
    assert client.get(f"/exports/{anew.ref}").status_code == 200


def test_files_are_deleted_after_a_week(as_, app, world, long, three, asked):
    client = as_(world.reviewer)
    ask_for(client)
    ((_, ref), ids) = asked[0]
    exports.write_export(**ids)
    db.session.rollback()
    export = db.session.get(Export, ids["number"])
    path = app.config["DATA_FOLDER"] / "evidence" / exports.place_of(export.sha256)
    assert path.exists()
    assert exports.forget_exports(now() + timedelta(days=-1)) == 0
    assert path.exists()
    assert exports.forget_exports(now() + timedelta(days=1)) == 1
    assert not path.exists()
    assert client.get(f"/exports/{ref}").status_code == 404
    assert exports.forget_exports(now() + timedelta(days=1)) == 0
    exports.write_export(**ids)  # a job that comes too late writes nothing
    assert not path.exists()
    assert evidence.store() is not None


def test_nobody_asks_for_a_long_list_without_an_account(anybody, world, long):
    for _ in range(3):
        make_record(world.firm, world.agency)
    page = take(anybody, "records", f"?q={world.firm.name[2:5]}")
    assert "sign in" in page.words
    assert page.tree.findall(".//main//form") == []


def test_the_job_is_asked_for_in_the_same_transaction(as_, app, world, long, three):
    """By the engine itself: what is asked for waits in its tables."""
    db.session.remove()  # the engine waits for whoever reads while it makes its tables
    jobs.make_tables(db.engine)
    page = ask_for(as_(world.reviewer))
    assert "waits its turn" in page.words
    waiting = jobs.client_of(db.engine).list_workflows(name=exports.JOB)
    assert len(waiting) == 1
    assert text_of(page.tree.find(".//main//h1")) == "My files"


# --- administration -------------------------------------------------------------------------------

OFFICE = ("organisations", "people", "institutions", "given-up-mails")


def test_the_lists_of_administration_are_for_administrators(as_, anybody, world):
    for name in OFFICE:
        for form in ("csv", "xlsx"):
            assert take(as_(world.administrator), name, form=form).status_code == 200
            assert take(anybody, name, form=form).status_code == 302
            for other in (world.auditor, world.reviewer, world.subject):
                assert take(as_(other), name, form=form).status_code == 404


def test_the_pages_of_administration_offer_their_lists_as_they_are_filtered(as_, world):
    admin = as_(world.administrator)
    for page, name in (
        ("/admin/organisations?q=%E4%B8%AD%E5%BF%83&kind=credit_centre", "organisations"),
        ("/admin/people?q=example&role=reviewer", "people"),
        ("/admin/institutions", "institutions"),
    ):
        links = [one for one in admin.read(page).links.values() if f"/exports/{name}." in one]
        assert len(links) == 2
        query = page.partition("?")[2]
        assert all(one.partition("?")[2] == query for one in links)
        assert len(read_csv(admin.get(links[0], headers=ENGLISH))) > 1


def test_organisations_are_those_of_the_page_with_no_formula_and_no_natural_person(as_, world):
    admin = as_(world.administrator)
    rename(world.agency, "=1+1")
    rename(world.other_firm, "王小明", kind=OrganisationKind.NATURAL_PERSON)
    rows = read_csv(take(admin, "organisations"))
    assert "'=1+1" in column(rows, "Name")
    assert world.firm.uscc in str(rows)
    assert "王小明" not in str(rows)
    assert world.other_firm.uscc not in str(rows)
    some = read_csv(take(admin, "organisations", "?kind=credit_centre"))
    assert set(column(some, "Kind")) == {"credit centre"}
    one = read_csv(take(admin, "organisations", f"?q={world.firm.uscc}"))
    assert column(one, "Unified social credit code") == [world.firm.uscc]


def test_roles_name_accounts_by_number_and_no_person(as_, world):
    admin = as_(world.administrator)
    text = take(admin, "people").get_data(as_text=True)
    rows = read_csv(take(admin, "people"))
    assert f"account:{world.reviewer.id}" in column(rows, "Account")
    for word in ("@", world.reviewer.person.name, world.subject.person.name):
        assert word not in text
    some = read_csv(take(admin, "people", "?role=reviewer"))
    assert f"account:{world.reviewer.id}" in column(some, "Account")
    assert f"account:{world.subject.id}" not in column(some, "Account")
    one = read_csv(take(admin, "people", f"?q={world.firm.uscc}"))
    assert f"account:{world.subject.id}" in column(one, "Account")
    assert f"account:{world.reviewer.id}" not in column(one, "Account")


def test_registrations_with_their_terms(as_, world):
    rows = read_csv(take(as_(world.administrator), "institutions"))
    assert world.training_house.uscc in column(rows, "Unified social credit code")
    assert set(column(rows, "Service")) <= {"Training", "Credit report"}


def test_mails_that_were_given_up(as_, world):
    make_case(world, "submitted")
    with transaction() as session:
        one = session.query(Message).order_by(Message.id).first()
        one.mail_state, one.mail_problem = "failed", "=550 no such mailbox"
        number, account = one.id, one.account_id
    rows = read_csv(take(as_(world.administrator), "given-up-mails"))
    assert number
    assert column(rows, "Account") == [f"account:{account}"]
    assert column(rows, "Problem") == ["'=550 no such mailbox"]
