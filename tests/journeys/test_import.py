"""Penalties from a provider's file to the public page, and what is done about them there."""

import io
from dataclasses import replace
from datetime import timedelta
from threading import Barrier, Thread

import pytest
import xlsxwriter
from sqlalchemy import func, select

from repair_app.db import at, db, today
from repair_app.engine.rules import load_profiles
from repair_app.models import CreditRecord, Event, ImportBatch, ImportRow
from repair_app.models.parties import Role
from repair_app.penalty_format.columns import COLUMNS
from repair_app.services import imports, people, publication
from repair_app.services.imports import files
from tests.factories import make_account, make_appointment, make_pdf, make_uscc
from tests.journeys.steps import (
    accept_and_forward,
    annul,
    case_of,
    in_days,
    ledger_is_whole,
    state_on,
    take,
)


def bring_in(client, content, filename="处罚.csv"):
    """Send a file on the provider's page; return the page with what became of it."""
    return client.follow(client.fill("/work/imports", file=(content, filename)))


def counts_on(page):
    """Return how many rows were accepted, duplicate, refused; and quarantined, if any."""
    chips = (one.text or "" for one in page.having("state"))
    return [int("".join(filter(str.isdigit, one))) for one in chips if any(map(str.isdigit, one))]


def test_a_penalty_is_public_from_the_file_on_and_can_be_disputed(cast, world, anybody, make_file):
    """…二（六）: penalties are published; the firm that reads it says what is wrong."""
    assert not anybody.read(f"/?q={world.firm.uscc}").having("table")
    page = bring_in(cast.provider, make_file())
    assert counts_on(page) == [1, 0, 0]
    found = anybody.read(f"/?q={world.firm.uscc}")
    address = found.links[world.firm.name]
    record = anybody.read(address)
    assert "罚款人民币2万元" in record.words
    assert "张虚构" not in record.html  # personal, never public

    mine = cast.subject.read("/my")
    assert f"{address}/objection" in mine.links.values()
    answer = cast.subject.fill(
        f"{address}/objection",
        button="submit_now",
        ground="error",
        statement="应为1万元。",
        value_fine_10k="1",
        evidence=(make_pdf("决定书"), "决定书.pdf"),
    )
    ref = answer.location.rpartition("/")[2]
    accept_and_forward(cast.reviewer, ref)
    take(cast.provider, "propose_correction", ref, findings="应为1万元。", value_fine_10k="1")
    take(cast.reviewer, "decide_correction", ref)
    take(cast.second_reviewer, "sign_correction", ref)
    assert case_of(ref).record.fine_10k == 1
    # The same file again does not undo what was corrected: it is quarantined.
    page = bring_in(cast.provider, make_file())
    assert counts_on(page) == [0, 0, 0, 1]
    assert case_of(ref).record.fine_10k == 1
    assert ledger_is_whole()


def test_a_record_that_was_repaired_does_not_come_back_by_a_file(cast, world, anybody, make_file):
    """鲁信用办〔2021〕5号 （八）: out of publication for good; sent again it is quarantined."""
    bring_in(cast.provider, make_file())
    address = anybody.read(f"/?q={world.firm.uscc}").links[world.firm.name]
    ref = address.rpartition("/")[2]
    annul(cast, ref)
    for content, expected in (
        (make_file(), [0, 0, 0, 1]),
        (make_file({"fine_10k": "3", "content": "罚款人民币3万元"}), [0, 0, 0, 1]),
    ):
        page = bring_in(cast.provider, content)
        assert counts_on(page) == expected
        assert "不得再次导入" in page.words
        assert anybody.get(address).status_code == 404
        assert not anybody.read(f"/?q={world.firm.uscc}").having("table")
    assert state_on(cast.provider.read(address)) == "已撤销，终止公示并归档"


def test_a_minor_record_of_the_national_rules_is_kept_on_file_and_not_published(
    cast, world, anybody, make_file, app, monkeypatch
):
    """《信用修复管理办法》轻微失信信息: on file, seen by those it concerns, not by the public."""
    policy = app.extensions["redress_policy"]
    profiles = load_profiles(app.config["WORKFLOWS"] / "rules" / "profiles.toml")
    monkeypatch.setitem(
        app.extensions, "redress_policy", replace(policy, profile=profiles["national"])
    )
    recent = today() - timedelta(days=20)
    page = bring_in(
        cast.provider,
        make_file(
            {
                "categories": "警告",
                "content": "警告",
                "fine_10k": "0",
                "decided_on": f"{recent:%Y/%m/%d}",
            }
        ),
    )
    assert counts_on(page) == [1, 0, 0]
    assert not anybody.read(f"/?q={world.firm.uscc}").having("table")
    page = cast.subject.read("/my")
    address = next(one for one in page.links.values() if one.startswith("/records/"))
    assert state_on(cast.subject.read(address)) == "不予公示（留存）"
    assert anybody.get(address).status_code == 404


def test_a_penalty_that_is_too_old_is_filed_as_archive_only(cast, world, anybody, make_file):
    """CN-2019-527 一: a term that was over before the file came is not begun."""
    old = today() - timedelta(days=900)
    page = bring_in(cast.provider, make_file({"decided_on": f"{old:%Y/%m/%d}"}))
    assert counts_on(page) == [1, 0, 0]
    assert not anybody.read(f"/?q={world.firm.uscc}").having("table")
    page = cast.subject.read("/my")
    address = next(one for one in page.links.values() if one.startswith("/records/"))
    assert state_on(cast.subject.read(address)) == "公示期满，已归档"


def test_a_provider_brings_in_its_own_penalties_only(cast, world, anybody, make_file):
    """谁产生、谁提供: what another agency decided is refused, row by row."""
    other = {
        "agency_name": world.other_agency.name,
        "agency_uscc": world.other_agency.uscc,
        "decision_no": "虚环罚〔2026〕9号",
    }
    page = bring_in(cast.provider, make_file({}, other))
    assert counts_on(page) == [1, 0, 1]
    assert "3" in page.words  # the line, as a spreadsheet counts
    answer = cast.other_provider.get(page.request.path)
    assert answer.status_code == 404  # nor does one read the other's files
    assert cast.subject.get("/work/imports").status_code == 403


def test_a_firm_that_a_file_names_for_the_first_time_can_be_given_an_account(
    cast, world, make_file
):
    """What is on file about a firm is there for it from its first sign-in on."""
    uscc = make_uscc()
    bring_in(cast.provider, make_file({"uscc": uscc, "subject_name": "虚构丙商贸有限公司"}))
    firm = people.find_organisation(uscc)
    client = cast.as_(make_account(firm, Role.SUBJECT))
    assert "虚市监罚〔2026〕1号" in client.read("/my").words


def test_a_record_whose_number_was_corrected_does_not_come_back_under_the_wrong_one(
    cast, world, anybody, make_file
):
    """SD-REG-2020 第四十条: what was corrected stays so; the uncorrected file is refused."""
    wrong, right = "虚市监罚〔2026〕1号", "虚市监罚〔2026〕11号"
    bring_in(cast.provider, make_file())
    address = anybody.read(f"/?q={world.firm.uscc}").links[world.firm.name]
    answer = cast.subject.fill(
        f"{address}/objection",
        button="submit_now",
        ground="error",
        statement="文号登记有误。",
        value_decision_no=right,
        evidence=(make_pdf("决定书"), "决定书.pdf"),
    )
    ref = answer.location.rpartition("/")[2]
    accept_and_forward(cast.reviewer, ref)
    take(cast.provider, "propose_correction", ref, findings="有误。", value_decision_no=right)
    take(cast.reviewer, "decide_correction", ref)
    take(cast.second_reviewer, "sign_correction", ref)
    page = bring_in(cast.provider, make_file())
    assert counts_on(page) == [0, 0, 0, 1]
    assert "更正前" in page.words
    found = anybody.read(anybody.read(f"/?q={world.firm.uscc}").links[world.firm.name])
    assert right in found.words
    assert wrong not in found.words
    # The agency's own file, mended likewise, says what is on file.
    assert counts_on(bring_in(cast.provider, make_file({"decision_no": right}))) == [0, 1, 0]
    # The wrong number may be the right one of another penalty.
    other = {"decision_no": wrong, "content": "罚款人民币7万元", "fine_10k": "7"}
    assert counts_on(bring_in(cast.provider, make_file(other))) == [1, 0, 0]


def test_a_record_whose_term_is_over_is_a_duplicate_when_its_file_comes_again(cast, make_file):
    """Last year's file, run again, is harmless: no row of it is somebody's mistake."""
    content = make_file()
    bring_in(cast.provider, content)
    with at(in_days(400)):
        assert publication.expire_records() == 1
        summary = imports.bring_in_file(content, "处罚.csv")
    assert summary.counts == {"accepted": 0, "duplicate": 1, "refused": 0}


def test_a_refused_row_leaves_nothing_behind_that_others_stumble_over(cast, world, make_file):
    """A mistyped name in a row that is refused must not stand against the right agency's file."""
    firm = {"uscc": make_uscc(), "subject_name": "虚构己餐饮有限公司"}
    theirs = {"agency_name": world.other_agency.name, "agency_uscc": world.other_agency.uscc}
    nobodys = {"agency_name": "虚构区水务局", "agency_uscc": make_uscc()}
    mistyped = {**firm, "subject_name": "虚构已餐饮有限公司"}
    page = bring_in(cast.provider, make_file({**mistyped, **theirs}, {**mistyped, **nobodys}))
    assert counts_on(page) == [0, 0, 2]
    assert people.find_organisation(firm["uscc"]) is None
    assert people.find_organisation(nobodys["agency_uscc"]) is None
    page = bring_in(cast.other_provider, make_file({**firm, **theirs}))
    assert counts_on(page) == [1, 0, 0]
    assert people.find_organisation(firm["uscc"]).name == firm["subject_name"]


def test_who_provides_for_two_agencies_brings_in_the_penalties_of_both(cast, world, make_file):
    """Each record is brought in for the agency that made it, as its event says."""
    both = make_account(world.agency, Role.PROVIDER)
    make_appointment(both, world.other_agency, Role.PROVIDER)
    theirs = {"agency_name": world.other_agency.name, "agency_uscc": world.other_agency.uscc}
    third = {"agency_name": "虚构区水务局", "agency_uscc": make_uscc()}
    page = bring_in(cast.as_(both), make_file({}, {**theirs, "decision_no": "虚环罚1号"}, third))
    assert counts_on(page) == [2, 0, 1]
    events = {one.entity: one.payload for one in db.session.scalars(select(Event))}
    for record in db.session.scalars(select(CreditRecord)):
        others = {world.agency.uscc, world.other_agency.uscc} - {record.provider.uscc}
        assert record.provider.uscc in events[record.ref]
        assert not any(uscc in events[record.ref] for uscc in others)
    assert ledger_is_whole()


def test_sheets_and_columns_that_nothing_was_read_from_are_named(cast):
    """The whole file is read, or it is said what was not."""
    content = io.BytesIO()
    with xlsxwriter.Workbook(content, {"in_memory": True}) as book:
        first, _ = book.add_worksheet("处罚"), book.add_worksheet("二季度")
        first.write_row(0, 0, [*(one.heading for one in COLUMNS), "执法人员"])
        first.write_row(1, 0, ["虚构庚商贸有限公司"])
    page = bring_in(cast.provider, content.getvalue(), "处罚.xlsx")
    assert counts_on(page) == [0, 0, 1]
    said = " ".join(page.alerts)
    assert "二季度" in said
    assert "执法人员" in said


def test_a_heading_that_no_encoding_knows_can_be_shown(cast, make_file):
    head, rest = make_file().split(b"\r\n", 1)
    page = bring_in(cast.provider, head + b",\xe7\xff\x07!\r\n" + rest)
    assert counts_on(page) == [1, 0, 0]
    assert page.alerts


def test_a_file_that_is_too_large_is_told_what_a_file_may_have(cast, app, monkeypatch):
    """Other than evidence: not 10 MB, and neither PDF nor pictures."""
    assert "64 MB" in cast.provider.read("/work/imports").words
    monkeypatch.setitem(app.config, "MAX_CONTENT_LENGTH", 1 << 20)
    answer = cast.provider.post(
        "/work/imports", data=b"-" * (2 << 20), content_type="multipart/form-data; boundary=b"
    )
    assert answer.status_code == 413
    assert "1 MB" in answer.words
    assert "PDF" not in answer.words
    assert "10 MB" not in answer.words


# --- sent twice -------------------------------------------------------------------------------


def count(table):
    """Return how many rows a table has."""
    db.session.rollback()
    return db.session.scalar(select(func.count()).select_from(table))


def send_at_once(app, forms):
    """Send forms at the same moment, (client, page, file) each; return the answers."""
    gate = Barrier(len(forms))
    answers = []

    def send(client, page, content):
        with app.app_context():
            gate.wait(timeout=30)
            answers.append(client.send(page, "/work/imports", file=(content, "处罚.csv")))

    threads = [Thread(target=send, args=form) for form in forms]
    db.session.rollback()
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(timeout=60)
    return answers


def test_the_same_form_sent_again_answers_what_it_led_to(cast, make_file):
    page = cast.provider.read("/work/imports")
    answers = [
        cast.provider.send(page, "/work/imports", file=(make_file(), "处罚.csv")) for _ in range(2)
    ]
    assert answers[0].location == answers[1].location
    assert counts_on(cast.provider.follow(answers[1])) == [1, 0, 0]
    assert count(ImportBatch) == 1
    other = make_file({"decision_no": "虚市监罚〔2026〕2号"})
    answer = cast.provider.send(page, "/work/imports", file=(other, "处罚.csv"))
    assert answer.status_code == 422  # the same form, another file


def test_a_token_that_cannot_be_ours_is_none(cast, make_file):
    page = cast.provider.read("/work/imports")
    for token in "\x00" * 9, "x" * 40_000, "":
        answer = cast.provider.send(
            page, "/work/imports", file=(make_file(), "处罚.csv"), form_token=token
        )
        assert answer.status_code == 302
    assert count(CreditRecord) == 1


@pytest.mark.parametrize("same_form", [True, False])
def test_a_file_sent_twice_at_once_is_read_once(
    cast, world, app, make_file, monkeypatch, same_form
):
    """Both take turns, chunk by chunk; neither fails, and nothing is there twice."""
    monkeypatch.setattr(files, "CHUNK", 3)
    firm = {"uscc": make_uscc(), "subject_name": "虚构辛商贸有限公司"}
    content = make_file(*({**firm, "decision_no": f"虚罚{number}号"} for number in range(30)))
    clients = [cast.as_(world.provider) for _ in range(2)]
    pages = [one.read("/work/imports") for one in clients]
    if same_form:  # from the same browser: the token of its forms came with that page
        pages[1] = pages[0]
        name = app.config["SESSION_COOKIE_NAME"]
        clients[1].set_cookie(name, clients[0].get_cookie(name).value)
    answers = send_at_once(app, [(*pair, content) for pair in zip(clients, pages, strict=True)])
    assert [one.status_code for one in answers] == [302, 302]
    assert count(CreditRecord) == 30
    assert ledger_is_whole()
    if same_form:
        assert count(ImportBatch) == 1
        assert count(ImportRow) == 30
        assert answers[0].location == answers[1].location
        assert counts_on(clients[0].follow(answers[0])) == [30, 0, 0]


def test_files_of_two_providers_that_name_the_same_new_firms_come_in_at_once(
    cast, world, app, make_file, monkeypatch
):
    monkeypatch.setattr(files, "CHUNK", 3)
    firms = [{"uscc": make_uscc(), "subject_name": f"虚构{one}商贸有限公司"} for one in range(20)]
    theirs = {
        "agency_name": world.other_agency.name,
        "agency_uscc": world.other_agency.uscc,
        "decision_no": "虚环罚〔2026〕9号",
    }
    backwards = make_file(*({**one, **theirs} for one in reversed(firms)))
    answers = send_at_once(
        app,
        [
            (cast.provider, cast.provider.read("/work/imports"), make_file(*firms)),
            (cast.other_provider, cast.other_provider.read("/work/imports"), backwards),
        ],
    )
    assert [one.status_code for one in answers] == [302, 302]
    assert count(CreditRecord) == 40
    assert ledger_is_whole()
