"""Penalties from a provider's file to the public page, and what is done about them there."""

import csv
import io
from dataclasses import replace
from datetime import timedelta

import pytest

from repair_app.db import today
from repair_app.engine.rules import load_profiles
from repair_app.models.parties import Role
from repair_app.penalty_format.columns import BY_KEY, COLUMNS
from repair_app.services import people
from tests.factories import make_account, make_uscc
from tests.journeys.steps import (
    accept_and_forward,
    case_of,
    ledger_is_whole,
    state_on,
    take,
)


@pytest.fixture
def make_file(world):
    """Give a function that returns a CSV file of the agency's penalties, as changed rows."""

    def file_of(*changes):
        decided = today() - timedelta(days=150)
        row = {
            "subject_name": world.firm.name,
            "subject_kind": "法人及非法人组织",
            "uscc": world.firm.uscc,
            "legal_representative": "张虚构",
            "decision_no": "虚市监罚〔2026〕1号",
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
        }
        text = io.StringIO()
        table = csv.DictWriter(text, [one.heading for one in COLUMNS])
        table.writeheader()
        for one in changes or ({},):
            table.writerow({BY_KEY[key].heading: cell for key, cell in {**row, **one}.items()})
        return text.getvalue().encode("utf-8-sig")

    return file_of


def bring_in(client, content, filename="处罚.csv"):
    """Send a file on the provider's page; return the page with what became of it."""
    return client.follow(client.fill("/work/imports", file=(content, filename)))


def counts_on(page):
    """Return how many rows were accepted, duplicate and refused."""
    return [int("".join(filter(str.isdigit, one.text or ""))) for one in page.having("state")]


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
        evidence=(b"%PDF-1.4\n%%EOF\n", "决定书.pdf"),
    )
    ref = answer.location.rpartition("/")[2]
    accept_and_forward(cast.reviewer, ref)
    take(cast.provider, "propose_correction", ref, findings="应为1万元。", value_fine_10k="1")
    take(cast.reviewer, "decide_correction", ref)
    take(cast.second_reviewer, "sign_correction", ref)
    assert case_of(ref).record.fine_10k == 1
    # The same file again does not undo what was corrected.
    page = bring_in(cast.provider, make_file())
    assert counts_on(page) == [0, 1, 0]
    assert case_of(ref).record.fine_10k == 1
    assert ledger_is_whole()


def test_a_record_that_was_repaired_does_not_come_back_by_a_file(cast, world, anybody, make_file):
    """鲁信用办〔2021〕5号 （八）: out of publication for good; sent again it is quarantined."""
    bring_in(cast.provider, make_file())
    address = anybody.read(f"/?q={world.firm.uscc}").links[world.firm.name]
    ref = address.rpartition("/")[2]
    take(cast.provider, "annul", ref, "records", reason="行政复议决定撤销。")
    for content, expected in (
        (make_file(), [0, 1, 0]),
        (make_file({"fine_10k": "3", "content": "罚款人民币3万元"}), [0, 0, 1]),
    ):
        page = bring_in(cast.provider, content)
        assert counts_on(page) == expected
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
