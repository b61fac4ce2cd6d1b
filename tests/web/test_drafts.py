"""Nothing that was typed or chosen is lost: drafts, files that wait, and what nobody came for."""

import os
from datetime import timedelta
from io import BytesIO
from typing import Any

import pytest
import time_machine
from sqlalchemy import func, select
from werkzeug.datastructures import FileStorage
from werkzeug.test import encode_multipart

from repair_app.db import db, now
from repair_app.models import Document, Draft, StagedUpload, StepReport
from repair_app.services import batch, drafts, evidence, retention
from tests.client import Client, Page
from tests.factories import PDF, make_case, make_record
from tests.journeys.steps import Cast, case_of, ref_in

NAME = "处罚决定书.pdf"
JSON = {"Accept": "application/json"}


@pytest.fixture
def cast(world, as_):
    return Cast(world, as_)


def upload(client: Client, page: str, content: bytes = PDF, name: str = NAME) -> Any:
    """Upload a file as the script of a form does; encoded here, so that no file stays open."""
    file = FileStorage(BytesIO(content), filename=name, name="evidence")
    data = {"csrf_token": client.token(), "draft_page": page, "evidence": file}
    boundary, body = encode_multipart(data)
    kind = f"multipart/form-data; boundary={boundary}"
    return client.post("/uploads", data=body, content_type=kind, headers=JSON)


def save(client: Client, page: str, **typed: str) -> Any:
    """Keep what was typed, as the script of a form does."""
    data = {"csrf_token": client.token(), "draft_page": page, **typed}
    return client.post("/drafts", data=data, headers=JSON)


def listed(page: Page) -> list[str]:
    """Return the tokens of the files that a form lists."""
    return [one.get("value") for one in page.tree.findall(".//input[@name='staged']")]


def rows_of(model: Any) -> list[Any]:
    db.session.rollback()
    return list(db.session.scalars(select(model)))


# --- what was typed ---


def test_what_is_typed_comes_back_says_so_and_goes_with_the_form(cast, world):
    page = f"/records/{make_record(world.firm, world.agency).ref}/objection"
    typed = {"statement": "金额有误 🙂", "ground": "omission", "value_fine_10k": "1.5"}
    answer = save(cast.subject, page, **typed)
    assert answer.status_code == 200
    assert answer.json["told"]
    shown = cast.subject.read(page)
    assert {name: shown.fields[name] for name in typed} == typed
    assert shown.tree.findall(".//button[@form='afresh']")
    assert page in cast.subject.read("/my").links.values()

    answer = cast.subject.send(shown, page, evidence=(PDF, NAME))
    assert answer.status_code == 302
    assert rows_of(Draft) == []
    assert cast.subject.read(page).fields["statement"] == ""


def test_start_afresh_throws_away_text_and_files(cast, world):
    page = f"/records/{make_record(world.firm, world.agency).ref}/objection"
    save(cast.subject, page, statement="旧")
    upload(cast.subject, page)
    data = {"csrf_token": cast.subject.token(), "draft_page": page}
    shown = cast.subject.follow(cast.subject.post("/drafts/discard", data=data))
    assert shown.fields["statement"] == ""
    assert listed(shown) == []
    assert (rows_of(Draft), rows_of(StagedUpload)) == ([], [])


def test_without_scripts_a_button_keeps_text_and_files(cast, world):
    page = f"/records/{make_record(world.firm, world.agency).ref}/objection"
    shown = cast.subject.read(page)
    data = shown.fields.to_dict() | {"statement": "未完", "evidence": (BytesIO(PDF), NAME)}
    answer = cast.subject.post("/drafts", data=data, content_type="multipart/form-data")
    assert answer.status_code == 302
    shown = cast.subject.read(page)
    assert shown.fields["statement"] == "未完"
    assert len(listed(shown)) == 1


def test_a_late_word_does_not_bring_back_a_form_that_was_sent(cast, world):
    page = f"/records/{make_record(world.firm, world.agency).ref}/objection"
    shown = cast.subject.read(page)
    cast.subject.send(shown, page, statement="已提交", evidence=(PDF, NAME))
    answer = save(cast.subject, page, statement="迟到", form_token=shown.fields["form_token"])
    assert answer.status_code == 200
    assert rows_of(Draft) == []


def test_a_consent_is_given_anew(cast, world):
    """A commitment is signed by a tick of this moment, not by one of last week."""
    repair = make_case(world, "draft", workflow="repair")
    need = next(one for one in repair.requirements if one.workflow == "commitment")
    page = f"/requirements/{need.ref}/sign"
    save(cast.subject, page, signatory="张虚构", agree="y")
    shown = cast.subject.read(page)
    assert shown.fields["signatory"] == "张虚构"
    assert "agree" not in shown.fields


def test_nobody_reads_or_writes_a_draft_of_others(cast, world):
    page = f"/records/{make_record(world.firm, world.agency).ref}/objection"
    save(cast.subject, page, statement="秘密")
    assert cast.agent.read(page).fields["statement"] == ""
    assert save(cast.stranger, page, statement="乱写").status_code == 404
    for address in ("/my", "https://evil.example/", f"{page}/../x", "/records/x/objection", ""):
        assert save(cast.subject, address, statement="x").status_code == 404
    assert len(rows_of(Draft)) == 1


def test_too_much_is_refused_with_what_to_do(cast, world):
    page = f"/records/{make_record(world.firm, world.agency).ref}/objection"
    answer = save(cast.subject, page, statement="字" * (drafts.MOST_LETTERS + 1))
    assert answer.status_code == 413
    assert answer.json["error"]
    many = {f"value_{number}": "x" for number in range(drafts.MOST_FIELDS + 1)}
    assert save(cast.subject, page, **many).status_code == 413
    assert rows_of(Draft) == []


def test_a_draft_needs_the_token_of_the_session(cast, world):
    page = f"/records/{make_record(world.firm, world.agency).ref}/objection"
    assert cast.subject.post("/drafts", data={"draft_page": page}).status_code == 400
    data = {"draft_page": page, "evidence": (BytesIO(PDF), NAME)}
    answer = cast.subject.post("/uploads", data=data, content_type="multipart/form-data")
    assert answer.status_code == 400
    assert (rows_of(Draft), rows_of(StagedUpload)) == ([], [])


# --- files ---


def test_a_file_uploaded_before_becomes_evidence_and_twice_sent_is_once_done(cast, world):
    page = f"/records/{make_record(world.firm, world.agency).ref}/objection"
    answer = upload(cast.subject, page)
    assert answer.status_code == 200
    assert NAME in answer.json["item"]
    shown = cast.subject.read(page)
    assert len(listed(shown)) == 1
    first, second = (cast.subject.send(shown, page, statement="见附件。") for _ in range(2))
    assert first.status_code == second.status_code == 302
    assert ref_in(first) == ref_in(second)
    (document,) = rows_of(Document)
    assert (document.filename, evidence.read(document)) == (NAME, PDF)
    assert listed(cast.subject.read(page)) == []  # sent, so it waits no more


def test_files_stay_listed_when_the_form_comes_back(cast, world):
    """The complaint of every user of such forms: chosen files vanish on every mistake."""
    page = f"/records/{make_record(world.firm, world.agency).ref}/objection"
    other = PDF + b"\n%%EOF\n"
    upload(cast.subject, page)
    shown = cast.subject.read(page)
    back = cast.subject.send(shown, page, statement="", evidence=(other, "缴款凭证.pdf"))
    assert back.status_code == 400
    assert back.mistakes
    assert len(listed(back)) == 2
    answer = cast.subject.send(back, page, statement="写好了。")
    assert {one.filename for one in case_of(ref_in(answer)).documents} == {NAME, "缴款凭证.pdf"}


def test_of_several_files_the_good_ones_stay_and_the_bad_one_is_named(cast, world):
    page = f"/records/{make_record(world.firm, world.agency).ref}/objection"
    files = [(PDF, NAME), (b"<script>alert(1)</script>", "坏.pdf")]
    back = cast.subject.fill(page, statement="见附件。", evidence=files)
    assert back.status_code == 415
    assert "坏.pdf" in back.mistakes[0]
    assert len(listed(back)) == 1


def test_a_file_whose_tick_is_taken_away_does_not_go_along(cast, world):
    page = f"/records/{make_record(world.firm, world.agency).ref}/objection"
    upload(cast.subject, page)
    shown = cast.subject.read(page)
    fields = shown.fields.to_dict() | {"statement": "无附件。"}
    fields.pop("staged")
    answer = cast.subject.post(page, data=fields)
    assert case_of(ref_in(answer)).documents == []


def test_a_token_is_good_for_its_person_and_page_only(cast, world):
    page = f"/records/{make_record(world.firm, world.agency).ref}/objection"
    elsewhere = f"/records/{make_record(world.firm, world.agency).ref}/objection"
    upload(cast.subject, page)
    (token,) = listed(cast.subject.read(page))
    for client, address in ((cast.agent, page), (cast.subject, elsewhere)):
        fields = client.read(address).fields.to_dict() | {"statement": "借用。", "staged": token}
        answer = client.post(address, data=fields)
        assert answer.status_code == 400
        assert answer.mistakes
        assert listed(answer) == []
    stolen = cast.agent.post(f"/uploads/{token}/remove", data={"csrf_token": cast.agent.token()})
    assert stolen.status_code == 404
    assert rows_of(Document) == []
    assert len(rows_of(StagedUpload)) == 1


@pytest.mark.parametrize(
    ("content", "name", "status"),
    [
        (b"MZ\x90\x00", "恶意.exe", 415),
        (b"<html>", "网页.pdf", 415),
        (b"", "空.pdf", 415),
        (b"%PDF-1.4" + b"0" * (10 << 20), "大.pdf", 413),
    ],
    ids=["program", "liar", "empty", "large"],
)
def test_a_bad_file_is_refused_as_soon_as_it_is_chosen(cast, world, content, name, status):
    page = f"/records/{make_record(world.firm, world.agency).ref}/objection"
    answer = upload(cast.subject, page, content, name)
    assert answer.status_code == status
    assert name in answer.json["error"]
    assert ("空文件" in answer.json["error"]) == (not content)
    assert rows_of(StagedUpload) == []


def test_so_many_files_and_no_more(cast, world, monkeypatch):
    monkeypatch.setattr(drafts, "MOST_FILES", 1)
    page = f"/records/{make_record(world.firm, world.agency).ref}/objection"
    upload(cast.subject, page)
    answer = upload(cast.subject, page)
    assert answer.status_code == 422
    assert answer.json["error"]


def test_a_file_can_be_removed(cast, world):
    page = f"/records/{make_record(world.firm, world.agency).ref}/objection"
    upload(cast.subject, page)
    (token,) = listed(cast.subject.read(page))
    assert bytes(evidence.store().get(drafts.path_of(token)).bytes()) == PDF
    data = {"csrf_token": cast.subject.token()}
    assert cast.subject.post(f"/uploads/{token}/remove", data=data).status_code == 200
    assert rows_of(StagedUpload) == []
    with pytest.raises(FileNotFoundError):
        evidence.store().get(drafts.path_of(token))


# --- what nobody came back for ---


def bytes_of(token: str) -> bytes | None:
    try:
        return bytes(evidence.store().get(drafts.path_of(token)).bytes())
    except FileNotFoundError:
        return None


def test_time_clears_what_nobody_came_back_for(cast, world):
    """The page promises thirty days: for what was typed, and for the files."""
    page = f"/records/{make_record(world.firm, world.agency).ref}/objection"
    save(cast.subject, page, statement="旧")
    upload(cast.subject, page)
    (token,) = listed(cast.subject.read(page))
    for day in (8, 29):
        assert drafts.clear_old(now() + timedelta(days=day - 30)) == 0
        assert bytes_of(token) == PDF
    assert drafts.clear_old(now() + timedelta(days=1)) == 2
    assert (rows_of(Draft), rows_of(StagedUpload)) == ([], [])
    assert bytes_of(token) is None


def test_a_file_stays_as_long_as_what_was_typed_beside_it(cast, world):
    page = f"/records/{make_record(world.firm, world.agency).ref}/objection"
    upload(cast.subject, page)
    (token,) = listed(cast.subject.read(page))
    with time_machine.travel(now() + timedelta(days=20)):
        save(cast.subject, page, statement="接着写")
    assert drafts.clear_old(now() + timedelta(days=1)) == 0
    assert bytes_of(token) == PDF
    assert drafts.clear_old(now() + timedelta(days=21)) == 2
    assert bytes_of(token) is None


def test_bytes_that_no_row_names_are_thrown_away_in_their_time(app, cast, world):
    page = f"/records/{make_record(world.firm, world.agency).ref}/objection"
    upload(cast.subject, page)
    (token,) = listed(cast.subject.read(page))
    for stray in ("old", "new"):
        evidence.store().put(drafts.path_of(stray), b"x")
    long_ago = (now() - timedelta(days=31)).timestamp()
    for one in ("old", token):
        path = app.config["DATA_FOLDER"] / "evidence" / drafts.path_of(one)
        os.utime(path, (long_ago, long_ago))
    assert drafts.clear_old(now() - timedelta(days=30)) == 0
    assert [bytes_of(one) for one in ("old", "new", token)] == [None, b"x", PDF]
    evidence.store().delete(drafts.path_of("new"))


def test_two_uploads_at_the_same_moment_are_counted_both(cast, world, monkeypatch):
    monkeypatch.setattr(drafts, "MOST_FILES", 1)
    page = f"/records/{make_record(world.firm, world.agency).ref}/objection"
    path_of, answers = drafts.path_of, []

    def meanwhile(token):
        monkeypatch.setattr(drafts, "path_of", path_of)
        answers.append(upload(cast.subject, page))
        return path_of(token)

    monkeypatch.setattr(drafts, "path_of", meanwhile)
    answers.append(upload(cast.subject, page))
    assert [one.status_code for one in answers] == [200, 422]
    (row,) = rows_of(StagedUpload)
    kept = [one["path"] for some in evidence.store().list(drafts.FOLDER) for one in some]
    assert drafts.path_of(row.token) in kept


def test_reports_of_steps_go_in_their_time(app, cast, world):
    batch.keep_report(world.reviewer, [batch.Taken("cases", "YY-2026-000001-U", done=True)], "/")
    kept = select(func.count()).select_from(StepReport)
    retention.apply_rules(now() + timedelta(days=29))
    assert db.session.scalar(kept) == 1
    retention.apply_rules(now() + timedelta(days=31))
    assert db.session.scalar(kept) == 0
