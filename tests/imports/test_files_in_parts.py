"""Files in parts: interrupted they go on, killed in the middle they end the same, nothing twice."""

import random
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from datetime import timedelta
from io import BytesIO

import pytest
import time_machine
from python_calamine import CalamineWorkbook
from sqlalchemy import select

from repair_app import ledger, sheets
from repair_app.db import db, now
from repair_app.models import Appointment, ImportBatch, ImportRow, RecordUpload, UploadPart
from repair_app.services import evidence, exports, imports, kept_answers
from repair_app.services.imports import files, uploads
from repair_app.services.imports.formats import FORMATS
from repair_app.services.transaction import transaction
from tests.imports.rows import count, file_of, judged, read, records, send_file, send_part, sha256
from tests.services.test_imports import as_csv, as_xlsx, penalty

ROWS = 60


class Killed(BaseException):
    """As kill -9 does it: no handler of the application sees to it."""


def stored(ref):
    """Return the parts that lie beside the evidence."""
    return [one for page in evidence.store().list(prefix=f"incoming/{ref}/") for one in page]


# --- parts ----------------------------------------------------------------------------------------


def test_a_file_in_parts_comes_in_whole_and_its_parts_are_deleted(world, machine):
    content = file_of(world, ROWS)
    provider = machine("provider")
    ref = send_file(provider, content, part=1000)
    assert stored(ref)
    before = provider.get(f"/imports/{ref}").json
    assert (before["standing"], before["received"], before["rows"]) == ("waiting", len(content), 0)

    read(ref)
    state = provider.get(f"/imports/{ref}").json
    assert (state["standing"], state["read"], state["rows"]) == ("done", 1.0, ROWS)
    assert state["verdicts"] == {"accepted": ROWS, "duplicate": 0, "refused": 0}
    assert records() == ROWS
    assert not stored(ref)
    assert count(UploadPart) == 0
    assert ledger.verify(db.session())[1] is None


def test_a_file_that_is_announced_twice_at_once_is_one(app, machine, monkeypatch):
    """Nobody has kept an answer yet; it is known from the transaction that began the file."""
    provider = machine("provider")
    asked = {"filename": "a.csv", "size": 9, "sha256": sha256(b"123456789")}
    with monkeypatch.context() as early:
        early.setattr(kept_answers, "find", lambda *_: None)
        early.setattr(kept_answers, "keep", lambda *_: None)
        first = provider.post("/imports", asked, key="twin")
        assert first.status_code == 201
        again = provider.post("/imports", asked, key="twin")
        assert (again.status_code, again.json["ref"]) == (201, first.json["ref"])
        other = provider.post("/imports", asked | {"size": 8}, key="twin")
        assert (other.status_code, other.json["code"]) == (422, "key_reused")

    def announce(key):
        with app.app_context():
            return provider.post("/imports", asked, key=key)

    db.session.rollback()
    with ThreadPoolExecutor(3) as pool:
        answers = list(pool.map(announce, ["triplet"] * 3))
    assert [one.status_code for one in answers] == [201] * 3
    assert len({one.json["ref"] for one in answers}) == 1
    assert count(RecordUpload) == 2


@pytest.mark.parametrize("wrong", [{"size": True}, {"size": "9"}, {"size": 9.0}])
def test_the_size_of_a_file_is_a_number(machine, wrong):
    answer = machine("provider").post("/imports", {"filename": "a.csv", "size": 9} | wrong)
    assert (answer.status_code, answer.json["errors"][0]["field"]) == (422, "size")
    assert not count(RecordUpload)


def test_a_file_whose_name_shows_nothing_has_one(machine):
    answer = machine("provider").post("/imports", {"filename": "\u200b", "size": 9})
    assert (answer.status_code, answer.json["filename"]) == (201, "file")


def test_an_interrupted_upload_goes_on_where_it_stopped(world, machine):
    content = file_of(world, 3)
    provider = machine("provider")
    ref = provider.post(
        "/imports", {"filename": "a.csv", "size": len(content), "sha256": sha256(content)}
    ).json["ref"]
    assert send_part(provider, ref, 0, content[:400]).headers["Upload-Offset"] == "400"
    # The answer was lost, and the part is sent again; then one comes too early, one overlaps.
    assert send_part(provider, ref, 0, content[:400]).headers["Upload-Offset"] == "400"
    for start, piece in ((500, content[500:]), (300, content[300:600]), (0, content[:399] + b"x")):
        refused = send_part(provider, ref, start, piece)
        assert (refused.status_code, refused.json["code"]) == (409, "misplaced")
        assert refused.headers["Upload-Offset"] == "400"
    early = provider.post(f"/imports/{ref}/close")
    assert (early.status_code, early.headers["Upload-Offset"]) == (409, "400")

    where = provider.get(f"/imports/{ref}").json["received"]
    assert send_part(provider, ref, where, content[where:]).status_code == 200
    assert provider.post(f"/imports/{ref}/close").status_code == 202
    assert provider.post(f"/imports/{ref}/close").status_code == 202  # again: nothing happens
    late = send_part(provider, ref, 0, content[:400])
    assert (late.status_code, late.json["code"]) == (409, "not_receiving")
    read(ref)
    assert records() == 3


def test_what_is_not_what_was_announced_is_given_up(world, machine):
    content = file_of(world, 2)
    provider = machine("provider")
    announced = {"filename": "a.csv", "size": len(content), "sha256": "0" * 64}
    ref = provider.post("/imports", announced).json["ref"]
    send_part(provider, ref, 0, content)
    refused = provider.post(f"/imports/{ref}/close")
    assert (refused.status_code, refused.json["code"]) == (409, "differs")
    assert provider.get(f"/imports/{ref}").json["standing"] == "dropped"
    assert not stored(ref)
    assert records() == 0


@pytest.mark.parametrize(
    ("body", "status"),
    [
        ({"size": 0}, 422),
        ({"size": (1 << 30) + 1}, 422),
        ({"size": 10, "kind": "secrets"}, 422),
        ({"size": 10, "sha256": "short"}, 422),
    ],
)
def test_what_cannot_be_a_file_is_not_begun(machine, body, status):
    assert machine("provider").post("/imports", {"filename": "a.csv", **body}).status_code == status


def test_a_provider_may_have_only_so_much_on_its_way(machine, monkeypatch):
    provider = machine("provider")
    monkeypatch.setattr(uploads, "QUOTA", 1000)
    assert provider.post("/imports", {"filename": "a.csv", "size": 900}).status_code == 201
    refused = provider.post("/imports", {"filename": "b.csv", "size": 101})
    assert (refused.status_code, refused.json["code"]) == (413, "too_much")
    monkeypatch.setattr(uploads, "MOST_OPEN", 1)
    assert provider.post("/imports", {"filename": "c.csv", "size": 1}).status_code == 413
    assert machine("other_provider").post("/imports", {"filename": "d.csv", "size": 1}).json


def test_a_part_beyond_the_announced_size_and_one_of_another_type_are_refused(machine):
    provider = machine("provider")
    ref = provider.post("/imports", {"filename": "a.csv", "size": 5}).json["ref"]
    assert send_part(provider, ref, 0, b"123456").status_code == 413
    headers = {"Upload-Offset": "0", "Content-Type": "text/csv"}
    answer = provider.send("PATCH", f"/imports/{ref}", data=b"12", headers=headers)
    assert answer.status_code == 415
    assert provider.send("PATCH", f"/imports/{ref}", data=b"12").status_code == 422
    assert provider.get(f"/imports/{ref}").json["received"] == 0


def test_another_providers_file_is_not_there(world, machine):
    ref = send_file(machine("provider"), file_of(world, 1))
    other = machine("other_provider")
    assert other.get(f"/imports/{ref}").status_code == 404
    assert other.get(f"/imports/{ref}/verdicts").status_code == 404
    assert send_part(other, ref, 0, b"x").status_code == 404
    assert other.post(f"/imports/{ref}/close").status_code == 404
    assert machine("reviewer").post("/imports", {"filename": "a", "size": 1}).status_code == 403


def test_what_nobody_goes_on_with_is_forgotten_after_a_week(world, machine):
    provider = machine("provider")
    ref = provider.post("/imports", {"filename": "a.csv", "size": 10}).json["ref"]
    send_part(provider, ref, 0, b"12345")
    almost, over = now() + timedelta(days=6), now() + timedelta(days=8)
    assert uploads.forget_uploads(almost) == 0
    assert uploads.forget_uploads(over) == 1
    assert provider.get(f"/imports/{ref}").json["standing"] == "dropped"
    assert not stored(ref)
    with time_machine.travel(over, tick=False):
        assert uploads.forget_uploads(now()) == 0


# --- reading --------------------------------------------------------------------------------------


def instead(monkeypatch, bring_in):
    """Have something else done with the chunks of a file."""
    form = replace(FORMATS["penalties"], bring_in=bring_in)
    monkeypatch.setattr(uploads, "FORMATS", {"penalties": form})


def killed_at(monkeypatch, luck):
    """Have the reading killed in a chunk or right behind it, as luck has it."""

    def and_die(session, batch_id, rows, seats):
        if files.lines_done(session, batch_id, rows[0].line, rows[-1].line):
            return
        if luck.random() < 0.2:
            raise Killed
        files.bring_in_chunk(session, batch_id, rows, seats)
        if luck.random() < 0.2:
            raise Killed  # before the commit
        if luck.random() < 0.2:
            session.commit()
            raise Killed  # after it, before anybody was told

    instead(monkeypatch, and_die)


@pytest.mark.parametrize("seed", [1, 2])
def test_killed_at_any_chunk_it_goes_on_and_ends_the_same(world, machine, monkeypatch, seed):
    """Accepted and refused together are all rows; another run adds nothing."""
    luck = random.Random(seed)
    monkeypatch.setattr(files, "CHUNK", 7)
    content = file_of(world, ROWS) + file_of(world, 5, categories="不存在").split(b"\n", 1)[1]
    ref = send_file(machine("provider"), content)
    deaths = 0
    with monkeypatch.context() as patch:
        killed_at(patch, luck)
        for _ in range(60):
            try:
                read(ref)
                break
            except Killed:
                deaths += 1
                db.session.rollback()
    assert deaths >= 3
    state = machine("provider").get(f"/imports/{ref}").json
    assert state["standing"] == "done"
    assert state["verdicts"] == {"accepted": ROWS, "duplicate": 0, "refused": 5}
    assert (records(), judged()) == (ROWS, ROWS + 5)
    refs = db.session.scalars(select(ImportRow.ref).where(ImportRow.verdict == "accepted")).all()
    assert len(set(refs)) == ROWS
    assert ledger.verify(db.session())[1] is None
    read(ref)
    assert (records(), judged()) == (ROWS, ROWS + 5)


@pytest.mark.parametrize("again", ["job", "timer"])
def test_who_is_killed_before_the_parts_are_deleted_leaves_none(world, machine, monkeypatch, again):
    ref = send_file(machine("provider"), file_of(world, 3))

    def die(_number):
        raise Killed

    with monkeypatch.context() as patch:
        patch.setattr(uploads, "delete_parts", die)
        with pytest.raises(Killed):
            read(ref)
    assert machine("provider").get(f"/imports/{ref}").json["standing"] == "done"
    assert stored(ref)
    read(ref) if again == "job" else uploads.forget_uploads(now())
    assert not stored(ref)
    assert count(UploadPart) == 0
    assert records() == 3


def test_lines_missing_before_a_later_one_are_read_too(world, machine, monkeypatch):
    """That the last line is done says nothing of the others: each is looked for."""
    monkeypatch.setattr(files, "CHUNK", 4)
    ref = send_file(machine("provider"), file_of(world, 12))
    seen = []

    def skip_the_first(session, batch_id, rows, seats):
        seen.append(rows[0].line)
        if len(seen) == 1:
            return
        files.bring_in_chunk(session, batch_id, rows, seats)
        if len(seen) == 3:
            session.commit()
            raise Killed

    with monkeypatch.context() as patch:
        instead(patch, skip_the_first)
        with pytest.raises(Killed):
            read(ref)
    assert judged() == 8
    read(ref)
    assert (records(), judged()) == (12, 12)


def test_without_looking_which_rows_are_done_a_second_run_would_count_them_twice(
    world, machine, monkeypatch
):
    """The negative control of the two tests above: the guard is what they rest on."""
    monkeypatch.setattr(files, "CHUNK", 4)
    ref = send_file(machine("provider"), file_of(world, 12))

    def die_behind_the_second(session, batch_id, rows, seats):
        files.bring_in_chunk(session, batch_id, rows, seats)
        if rows[0].line > 5:
            session.commit()
            raise Killed

    with monkeypatch.context() as patch:
        instead(patch, die_behind_the_second)
        with pytest.raises(Killed):
            read(ref)
    monkeypatch.setattr(files, "lines_done", lambda *_: set())
    with pytest.raises(Exception, match=r"(?i)unique"):
        read(ref)  # the table itself refuses a second verdict on a line


def test_a_file_that_cannot_be_read_says_why(machine):
    provider = machine("provider")
    ref = send_file(provider, b"a,b\n1,2\n")
    read(ref)
    state = provider.get(f"/imports/{ref}").json
    assert (state["standing"], state["problem"]["code"]) == ("failed", "no_headings")
    assert "行政相对人名称" in str(state["problem"])  # how a first row could look
    assert not stored(ref)
    assert count(ImportBatch) == 0


def test_a_workbook_comes_in_parts_as_well(world, machine):
    content = as_xlsx(penalty(world, 1), penalty(world, 2, uscc="91370112MA000000XX"))
    provider = machine("provider")
    ref = send_file(provider, content, part=700, filename="处罚.xlsx")
    read(ref)
    assert provider.get(f"/imports/{ref}").json["verdicts"] == {
        "accepted": 1,
        "duplicate": 0,
        "refused": 1,
    }


@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "gb18030", "utf-16"])
def test_a_stream_is_read_as_the_same_bytes_are(world, machine, encoding):
    """Of every encoding, whatever its letters are cut by the ends of parts."""
    content = as_csv(penalty(world, 1), penalty(world, 2)).decode("utf-8-sig").encode(encoding)
    provider = machine("provider")
    ref = send_file(provider, content, part=333)
    read(ref)
    assert provider.get(f"/imports/{ref}").json["verdicts"]["accepted"] == 2
    again = imports.bring_in_file(content, "again.csv", world.provider)
    assert again.counts["duplicate"] == 2


def test_who_lost_the_role_meanwhile_brings_in_nothing(world, machine):
    ref = send_file(machine("provider"), file_of(world, 2))
    upload = db.session.scalars(select(RecordUpload)).one()
    ids = [one.id for one in upload.account.appointments]
    with transaction() as session:
        for one in ids:
            session.get_one(Appointment, one).ends_on = (now() - timedelta(days=3)).date()
    read(ref)
    db.session.rollback()
    upload = db.session.scalars(select(RecordUpload)).one()
    assert (upload.standing, upload.problem) == ("failed", "lost_role")
    assert records() == 0


# --- what became of each row ----------------------------------------------------------------------


def test_every_row_has_its_verdict_page_by_page(world, machine):
    content = as_csv(
        penalty(world, 1),
        penalty(world, 1),
        penalty(world, 2, decided_on="2026/02/30", fine_10k="x"),
    )
    provider = machine("provider")
    ref = send_file(provider, content)
    read(ref)
    first = provider.get(f"/imports/{ref}/verdicts?limit=2").json
    rest = provider.get(f"/imports/{ref}/verdicts?limit=2&after={first['next']}").json
    lines = first["items"] + rest["items"]
    assert [(one["line"], one["verdict"]) for one in lines] == [
        (2, "accepted"),
        (3, "duplicate"),
        (4, "refused"),
    ]
    assert rest["next"] is None
    codes = [one["code"] for one in lines[2]["problems"]]
    assert sorted(codes) == ["amount_format", "date_impossible"]
    assert lines[0]["ref"].startswith("JL-")
    reads = machine("provider", ["records:read"])
    assert reads.get(f"/imports/{ref}").status_code == 403


def test_the_verdicts_can_be_taken_away_as_a_workbook(world, machine, as_, monkeypatch):
    """Short ones at once, long ones by a job; a sheet holds only so many, so they go on."""
    content = as_csv(penalty(world, 1), penalty(world, 2), penalty(world, 3, fine_10k="x"))
    ref = send_file(machine("provider"), content)
    read(ref)
    provider = as_(world.provider)
    address = f"/exports/verdicts.xlsx?ref={ref}"
    assert address in provider.read(f"/work/imports/{ref}").links.values()
    monkeypatch.setattr(sheets, "MOST_ROWS", 2)
    book = CalamineWorkbook.from_filelike(BytesIO(provider.get(address).data))
    first, second = (book.get_sheet_by_name(one).to_python() for one in book.sheet_names)
    assert [row[0] for row in first[1:] + second[1:]] == [2, 3, 4]
    assert first[0] == second[0]
    assert first[1][2].startswith("JL-")
    assert second[1][4] == "amount_format"
    other = as_(world.other_provider).get(address)
    assert CalamineWorkbook.from_filelike(BytesIO(other.data)).get_sheet_by_index(0).height == 1
    monkeypatch.setattr(exports, "AT_ONCE", 2)
    assert provider.get(address).mimetype == "text/html"  # it offers to have it written
