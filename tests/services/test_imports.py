"""Files of penalties: every row ends somewhere, running again adds nothing, stopped goes on."""

import csv
import io
from dataclasses import replace
from datetime import date, timedelta
from itertools import islice
from pathlib import Path

import pytest
import xlsxwriter
from sqlalchemy import func, select

from repair_app import ledger
from repair_app.db import db, today
from repair_app.engine import bulk
from repair_app.engine.rules import load_profiles
from repair_app.models import CreditRecord, Event, ImportBatch, ImportRow, Organisation
from repair_app.models.parties import OrganisationKind
from repair_app.penalty_format import FileProblem, read_rows
from repair_app.penalty_format.columns import BY_KEY, COLUMNS
from repair_app.penalty_format.problems import find_file_problem
from repair_app.services import imports, publication
from repair_app.services.imports import files
from tests.factories import annul_record, make_uscc
from tests.web.test_pages import counted_queries

SAMPLE = Path(__file__).parents[1] / "data" / "penalties_424_fictional.csv"
HEADINGS = [one.heading for one in COLUMNS]
# What is written when a row is kept apart; nothing else is.
# Of a row that is held back: it has a case, and whose turn that is is told.
QUARANTINE = (
    "quarantined_row",
    "case_file",
    "deadline",
    "event",
    "message",
    "ref_counter",
    "stream",
)


def penalty(world, number=1, **changes):
    """Return a row by the keys of its columns: a penalty of the world's agency on its firm."""
    decided = today() - timedelta(days=100)
    return {
        "subject_name": world.firm.name,
        "subject_kind": "法人及非法人组织",
        "uscc": world.firm.uscc,
        "legal_representative": "张虚构",
        "decision_no": f"虚市监罚〔2026〕{number}号",
        "violation_type": "发布引人误解的广告",
        "violation_facts": "当事人发布引人误解的广告。",
        "legal_basis": "《中华人民共和国广告法》第五十七条",
        "categories": "罚款",
        "content": "罚款人民币2万元",
        "fine_10k": "2",
        "confiscated_10k": "0",
        "decided_on": f"{decided:%Y/%m/%d}",
        "valid_until": "2099/12/31",
        "agency_name": world.agency.name,
        "agency_uscc": world.agency.uscc,
        "source_name": world.agency.name,
        "source_uscc": world.agency.uscc,
        **changes,
    }


def as_csv(*rows):
    """Return a CSV file of rows."""
    text = io.StringIO()
    table = csv.DictWriter(text, HEADINGS)
    table.writeheader()
    table.writerows({BY_KEY[key].heading: cell for key, cell in row.items()} for row in rows)
    return text.getvalue().encode("utf-8-sig")


def as_xlsx(*rows):
    """Return an XLSX file of rows."""
    content = io.BytesIO()
    with xlsxwriter.Workbook(content, {"in_memory": True}) as book:
        sheet = book.add_worksheet()
        sheet.write_row(0, 0, HEADINGS)
        for number, row in enumerate(rows, 1):
            for key, cell in row.items():
                sheet.write_string(number, HEADINGS.index(BY_KEY[key].heading), cell)
    return content.getvalue()


def bring_in(*rows, user=None):
    """Bring in a file of rows; return how many were accepted, duplicate, refused, and the codes."""
    summary = imports.bring_in_file(as_csv(*rows), "处罚.csv", user)
    batch = imports.find_batch(summary.ref, None)
    codes = [one.code for one in imports.list_problems(batch.id, 100)]
    return [*summary.counts.values()], codes


def count(table, *conditions):
    """Return how many rows there are."""
    db.session.rollback()
    return db.session.scalar(select(func.count()).select_from(table).where(*conditions))


# --- the sample -------------------------------------------------------------------------------


def test_the_sample_comes_in_whole_and_a_second_time_adds_nothing(app, digest):
    content = SAMPLE.read_bytes()
    first = imports.bring_in_file(content, SAMPLE.name)
    assert first.counts == {"accepted": 240, "duplicate": 0, "refused": 0}
    assert first.unknown_columns == ()
    assert count(CreditRecord) == 240
    records = db.session.scalars(select(CreditRecord)).all()
    events = dict(
        db.session.execute(select(Event.entity, func.count()).group_by(Event.entity)).all()
    )
    assert {one.ref: one.version for one in records} == events
    checked, flaw = ledger.verify(db.session())
    assert (checked, flaw) == (240, None)

    before = digest("import_batch", "import_row", "ref_counter")
    second = imports.bring_in_file(content, SAMPLE.name)
    assert second.counts == {"accepted": 0, "duplicate": 240, "refused": 0}
    assert digest("import_batch", "import_row", "ref_counter") == before
    assert count(ImportBatch, ImportBatch.finished_at.is_not(None)) == 2


def test_each_record_of_the_sample_is_public_or_archived_by_its_own_dates(app):
    imports.bring_in_file(SAMPLE.read_bytes(), SAMPLE.name)
    for record in db.session.scalars(select(CreditRecord)):
        over = record.max_publication_until < today()
        assert record.state == ("expired" if over else "published")
        assert bool(record.archived_at) == over
        assert record.min_publication_until is None or (
            record.decided_on < record.min_publication_until <= record.max_publication_until
        )


# --- the verdicts -----------------------------------------------------------------------------


def test_every_row_has_its_verdict_in_the_order_of_the_file(world):
    rows = [
        penalty(world, 1),
        penalty(world, 2, uscc="91370112MA000000XX"),
        penalty(world, 1),
        penalty(world, 3, decided_on="2026/02/30", fine_10k="二万"),
        penalty(world, 4, subject_kind="自然人"),
        penalty(world, 5),
    ]
    summary = imports.bring_in_file(as_csv(*rows), "处罚.csv")
    assert summary.counts == {"accepted": 2, "duplicate": 1, "refused": 3}
    batch = imports.find_batch(summary.ref, None)
    verdicts = list(imports.list_verdicts(batch.id, "zh"))
    assert [(line, word) for line, word, *_ in verdicts] == [
        (2, "accepted"),
        (3, "refused"),
        (4, "duplicate"),
        (5, "refused"),
        (5, "refused"),
        (6, "refused"),
        (7, "accepted"),
    ]
    for _, word, column, code, message in verdicts:
        assert bool(message) == bool(code) == bool(column) == (word == "refused")
    english = list(imports.list_verdicts(batch.id, "en"))
    assert [one[:4] for one in english] == [one[:4] for one in verdicts]
    assert all(one[4].isascii() for one in english)


def test_a_row_that_differs_from_its_record_goes_through_an_objection_instead(world, digest):
    bring_in(penalty(world))
    before = digest("import_batch", "import_row", "ref_counter")
    counts, codes = bring_in(penalty(world, content="罚款人民币3万元", fine_10k="3"))
    assert (counts, codes) == ([0, 0, 1], ["differs_from_record"])
    assert digest("import_batch", "import_row", "ref_counter") == before


def test_two_rows_of_one_penalty_in_a_file_are_one_record(world):
    counts, codes = bring_in(penalty(world), penalty(world), penalty(world, fine_10k="9"))
    assert (counts, codes) == ([1, 1, 1], ["differs_from_record"])
    assert count(CreditRecord) == 1


def test_a_record_that_was_removed_stays_removed_whatever_a_file_says(world, digest):
    """鲁信用办〔2021〕5号 （八）: what left publication is an archive."""
    bring_in(penalty(world))
    annul_record(world, db.session.scalars(select(CreditRecord)).one())
    before = digest("import_batch", "import_row", *QUARANTINE)
    for changes in {}, {"content": "罚款人民币3万元", "fine_10k": "3"}:
        counts, codes = bring_in(penalty(world, **changes))
        assert (counts, codes) == ([0, 0, 0, 1], ["removed_before"])
    assert digest("import_batch", "import_row", *QUARANTINE) == before


def test_a_removed_record_does_not_come_back_under_another_number(world):
    """However the number is written: what was done, and when, is the same."""
    bring_in(penalty(world, 7))
    annul_record(world, db.session.scalars(select(CreditRecord)).one())
    for number in ("虚市监罚〔2026〕0007号", "虚市监罚〔2026〕第7号", "虚市监罚〔2026〕7"):
        counts, codes = bring_in(penalty(world, decision_no=number), user=world.provider)
        assert (counts, codes) == ([0, 0, 0, 1], ["resembles_removed"])
    counts, _ = bring_in(penalty(world, 8))  # the operator, too: a second person has to let it in
    assert counts == [0, 0, 0, 1]


def test_an_agency_does_not_bring_in_what_another_has_on_file(world):
    bring_in(penalty(world))
    theirs = {"agency_name": world.other_agency.name, "agency_uscc": world.other_agency.uscc}
    counts, codes = bring_in(penalty(world, **theirs), user=world.other_provider)
    assert (counts, codes) == ([0, 0, 1], ["held_by_other"])


def test_an_agency_code_under_another_agencys_name_is_asked_about(world):
    """Nobody publishes in the name of another agency."""
    forged = penalty(world, agency_uscc=world.other_agency.uscc)
    counts, codes = bring_in(forged, user=world.other_provider)
    assert (counts, codes) == ([0, 0, 1], ["agency_differs"])
    assert count(CreditRecord) == 0


def test_a_code_that_is_on_file_under_another_name_is_asked_about(world):
    counts, codes = bring_in(penalty(world), penalty(world, 2, subject_name="虚构丁食品有限公司"))
    assert (counts, codes) == ([1, 0, 1], ["name_differs"])
    assert count(Organisation, Organisation.name == "虚构丁食品有限公司") == 0


@pytest.mark.parametrize("chunk", [1, 3, 2000])
def test_of_two_names_for_a_new_code_the_first_of_the_file_stands(world, monkeypatch, chunk):
    """The name of a row that is refused is none."""
    monkeypatch.setattr(files, "CHUNK", chunk)
    uscc = make_uscc()
    names = ["虚构甲甲有限公司", "虚构乙乙有限公司", "虚构丙丙有限公司", "虚构乙乙有限公司"]
    rows = [penalty(world, n, uscc=uscc, subject_name=name) for n, name in enumerate(names)]
    rows[0] |= {"agency_name": world.other_agency.name, "agency_uscc": world.other_agency.uscc}
    counts, codes = bring_in(*rows, user=world.provider)
    assert (counts, codes) == ([2, 0, 2], ["not_your_agency", "name_differs"])
    firm = db.session.scalars(select(Organisation).where(Organisation.uscc == uscc)).one()
    assert firm.name == "虚构乙乙有限公司"


def test_firms_and_agencies_that_a_file_names_first_are_put_on_file_once(world):
    uscc, agency = make_uscc(), make_uscc()
    new = {"subject_name": "虚构戊商贸有限公司", "uscc": uscc}
    by = {"agency_name": "虚构市城市管理局", "agency_uscc": agency}
    bring_in(penalty(world, 1, **new, **by), penalty(world, 2, **new, **by))
    firm = db.session.scalars(select(Organisation).where(Organisation.uscc == uscc)).one()
    office = db.session.scalars(select(Organisation).where(Organisation.uscc == agency)).one()
    assert (firm.kind, office.kind) == (OrganisationKind.ENTERPRISE, OrganisationKind.AGENCY)
    assert count(CreditRecord, CreditRecord.subject_id == firm.id) == 2


def test_an_agency_without_a_code_is_known_by_its_name(world):
    old = {"agency_name": "虚构县环保局", "agency_uscc": ""}
    counts, _ = bring_in(penalty(world, 1, **old), penalty(world, 2, **old))
    again, _ = bring_in(penalty(world, 1, **old))
    assert (counts, again) == ([2, 0, 0], [0, 1, 0])
    assert count(Organisation, Organisation.name == "虚构县环保局") == 1


# --- stopped and gone on ----------------------------------------------------------------------


def test_an_import_that_was_killed_goes_on_and_ends_the_same(world, monkeypatch, store, digest):
    rows = [penalty(world, number) for number in range(1, 24)]
    rows[4] = penalty(world, 5, uscc="91370112MA000000XX")  # refused
    rows[20] = penalty(world, 3)  # a duplicate of a chunk that was done before
    content = as_csv(*rows)
    monkeypatch.setattr(files, "CHUNK", 5)
    whole = imports.bring_in_file(content, "处罚.csv").counts
    assert whole == {"accepted": 21, "duplicate": 1, "refused": 1}
    expected = contents()
    db.session.remove()
    db.engine.dispose()
    store.restore()

    chunks = []

    def killed(*arguments, **more):
        chunks.append(1)
        if len(chunks) == 3:
            raise KeyboardInterrupt
        return bring_in_rows(*arguments, **more)

    bring_in_rows = bulk.bring_in
    monkeypatch.setattr(bulk, "bring_in", killed)
    with pytest.raises(KeyboardInterrupt):
        imports.bring_in_file(content, "处罚.csv")
    assert count(ImportRow, ImportRow.ordinal == 0) == 10  # two chunks, and nothing of the third
    assert count(CreditRecord) == 9
    assert count(ImportBatch, ImportBatch.finished_at.is_(None)) == 1

    summary = imports.bring_in_file(content, "处罚.csv")
    assert summary.counts == whole
    assert count(ImportBatch) == 1
    assert contents() == expected
    assert ledger.verify(db.session()) == (21, None)


def contents():
    """Return what an import left, without what differs from run to run: times."""
    db.session.rollback()
    records = select(CreditRecord.ref, CreditRecord.decision_no, CreditRecord.state)
    verdicts = select(ImportRow.line, ImportRow.ordinal, ImportRow.verdict, ImportRow.code)
    return [
        sorted(tuple(row) for row in db.session.execute(query)) for query in (records, verdicts)
    ]


def test_a_run_that_another_has_overtaken_adds_nothing(world, monkeypatch):
    """The same file, run again while it is being read: each chunk looks how far the file is."""
    monkeypatch.setattr(files, "CHUNK", 5)
    content = as_csv(*(penalty(world, number) for number in range(23)))
    overtaken = []

    class Overtaken(files.ReadingAhead):
        def __iter__(self):
            for place, one in enumerate(super().__iter__()):
                if place == 1 and not overtaken:
                    overtaken.append(None)
                    overtaken[0] = imports.bring_in_file(content, "处罚.csv")
                yield one

    monkeypatch.setattr(files, "ReadingAhead", Overtaken)
    summary = imports.bring_in_file(content, "处罚.csv")
    assert overtaken == [summary]
    assert summary.counts == {"accepted": 23, "duplicate": 0, "refused": 0}
    assert (count(CreditRecord), count(ImportBatch)) == (23, 1)


def test_a_workbook_that_breaks_off_says_so_and_stays_unfinished(world, as_, monkeypatch):
    """What stands before the damage is on file, with its verdicts; the page shows both."""
    monkeypatch.setattr(files, "CHUNK", 5)

    def breaking(content, day):
        reading = read_rows(content, day)
        return replace(reading, rows=break_off(reading.rows))

    def break_off(rows):
        yield from islice(rows, 12)
        raise find_file_problem("xlsx_damaged")

    monkeypatch.setattr(files, "read_rows", breaking)
    content = as_csv(*(penalty(world, number) for number in range(23)))
    page = as_(world.provider).fill("/work/imports", file=(content, "处罚.csv"))
    assert page.status_code == 415
    assert page.mistakes
    assert "处罚.csv" in page.words
    assert count(CreditRecord) == 10
    assert count(ImportBatch, ImportBatch.finished_at.is_(None)) == 1


def test_chunks_make_no_difference(world, monkeypatch, store):
    content = as_csv(*(penalty(world, number % 9) for number in range(1, 20)))
    found = []
    for size in (1, 4, 19, 2000):
        monkeypatch.setattr(files, "CHUNK", size)
        imports.bring_in_file(content, "处罚.csv")
        found.append(contents())
        db.session.remove()
        db.engine.dispose()
        store.restore()
    assert all(one == found[0] for one in found)


@pytest.mark.parametrize(
    "content", [b"", b"\x00" * 100, b"a,b,c\n1,2,3\n", b"PK\x03\x04broken", "甲,乙\n".encode()]
)
def test_a_file_that_cannot_be_read_changes_nothing(app, digest, content):
    before = digest()
    with pytest.raises(FileProblem):
        imports.bring_in_file(content, "处罚.csv")
    assert digest() == before


# --- the dates that publication runs from -----------------------------------------------------


def test_publication_runs_from_the_decision(world):
    """CN-2019-527 一: three months at least and a year at most, from the day of the decision."""
    decided = today() - timedelta(days=10)
    bring_in(penalty(world, decided_on=f"{decided:%Y/%m/%d}"))
    record = db.session.scalars(select(CreditRecord)).one()
    assert record.decided_on == decided
    assert record.max_publication_until == months_after(decided, 12)
    assert record.min_publication_until == months_after(decided, 3)


def test_what_the_file_says_of_the_end_of_publication_is_kept_and_not_followed(world):
    decided = today() - timedelta(days=10)
    said = decided + timedelta(days=1000)
    bring_in(penalty(world, decided_on=f"{decided:%Y/%m/%d}", publish_until=f"{said:%Y/%m/%d}"))
    record = db.session.scalars(select(CreditRecord)).one()
    assert record.source_publication_until == said
    assert record.max_publication_until == months_after(decided, 12)


def months_after(day, months):
    """Return the same day of a later month, or its last."""
    years, month = divmod(day.month - 1 + months, 12)
    for number in (day.day, 30, 29, 28):
        try:
            return date(day.year + years, month + 1, number)
        except ValueError:
            continue
    raise AssertionError


@pytest.mark.parametrize(("profile", "pack"), [("seeds", "SD-SEEDS"), ("national", "CN-2026-36")])
def test_each_record_is_pinned_to_the_rules_it_was_classified_by(
    world, app, monkeypatch, profile, pack
):
    policy = app.extensions["redress_policy"]
    profiles = load_profiles(app.config["WORKFLOWS"] / "rules" / "profiles.toml")
    monkeypatch.setitem(
        app.extensions, "redress_policy", replace(policy, profile=profiles[profile])
    )
    bring_in(penalty(world))
    record = db.session.scalars(select(CreditRecord)).one()
    assert record.rule_pack == pack
    assert record.rule_pack_hash == policy.packs[pack].sha256
    assert record.severity_class == "general"


# --- the provider's page ----------------------------------------------------------------------


@pytest.mark.parametrize("write", [as_csv, as_xlsx])
def test_a_provider_brings_in_a_file_on_the_page_and_gets_a_table_of_verdicts(as_, world, write):
    other = {"agency_name": world.other_agency.name, "agency_uscc": world.other_agency.uscc}
    content = write(penalty(world), penalty(world, 2, **other), penalty(world, 3, fine_10k="x"))
    client = as_(world.provider)
    name = "处罚.csv" if write is as_csv else "处罚.xlsx"
    page = client.follow(client.fill("/work/imports", file=(content, name)))
    assert name in page.words
    ref = page.request.path.rpartition("/")[2]
    batch = imports.find_batch(ref, world.provider)
    assert imports.list_problems(batch.id, 9)[0].code == "not_your_agency"
    assert count(CreditRecord) == 1
    answer = client.get(f"/work/imports/{ref}/verdicts.csv")
    assert answer.mimetype == "text/csv"
    rows = list(csv.reader(io.StringIO(answer.get_data().decode("utf-8-sig"))))
    assert rows[0] == ["line", "verdict", "column", "code", "message"]
    assert [row[:2] for row in rows[1:]] == [["2", "accepted"], ["3", "refused"], ["4", "refused"]]
    # Another agency does not read it, nor find that it is there.
    for address in (f"/work/imports/{ref}", f"/work/imports/{ref}/verdicts.csv"):
        assert as_(world.other_provider).get(address).status_code == 404
        assert as_(world.reviewer).get(address).status_code == 403


def test_the_page_says_what_is_wrong_with_a_file(as_, world, digest):
    client = as_(world.provider)
    before = digest()
    page = client.fill("/work/imports", file=(b"\x00\x01\x02", "处罚.csv"))
    assert page.status_code == 415
    assert page.mistakes
    page = client.fill("/work/imports")
    assert page.status_code == 400
    assert page.mistakes
    assert digest() == before


def test_the_list_of_files_asks_the_store_no_more_for_more_files(as_, world):
    client = as_(world.provider)
    asked = []
    for number in range(12):
        bring_in(penalty(world, number), user=world.provider)
        if number in {0, 11}:
            client.read("/work/imports")
            with counted_queries() as queries:
                page = client.read("/work/imports")
            asked.append(len(queries))
    assert asked[0] == asked[1] <= 12
    assert len(page.tree.findall(".//main//tbody/tr")) == 12


def test_the_event_of_a_record_says_who_brought_it_in_and_from_where(world):
    bring_in(penalty(world), user=world.provider)
    event = db.session.scalars(select(Event)).one()
    assert event.transition == "publish"
    assert f'"account":{world.provider.id}' in event.payload
    assert world.agency.uscc in event.payload
    assert '"line":2' in event.payload
    assert "张虚构" not in event.payload


def test_a_sweep_takes_what_has_run_out_and_nothing_else(world):
    imports.bring_in_file(SAMPLE.read_bytes(), SAMPLE.name)
    live = count(CreditRecord, CreditRecord.state == "published")
    assert publication.expire_records() == 0
    assert count(CreditRecord, CreditRecord.state == "published") == live
