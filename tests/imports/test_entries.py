"""Licences and lists beside the penalties: read strictly, kept once, a removal added."""

import csv
import io
from datetime import timedelta

import pytest
from sqlalchemy import select

from repair_app.db import db, today
from repair_app.models import CreditRecord, ListedEntry
from tests.imports.rows import count, read, send_file

LISTS = ("abnormal_list", "discredit_list")


def licence(world, **changes):
    return {
        "行政相对人名称": world.firm.name,
        "XK_XDR_SHXYM": world.firm.uscc,
        "行政许可决定文书号": "虚许〔2026〕1号",
        "许可类别": "普通",
        "许可内容": "食品经营（虚构）",
        "许可决定日期": f"{today() - timedelta(days=9):%Y/%m/%d}",
        "有效期至": "2099/12/31",
        "许可机关": world.agency.name,
        "许可机关统一社会信用代码": world.agency.uscc,
        **changes,
    }


def listed(world, **changes):
    return {
        "企业名称": world.firm.name,
        "统一社会信用代码": world.firm.uscc,
        "列入原因": "未按期公示年度报告",
        "列入日期": f"{today() - timedelta(days=90):%Y-%m-%d}",
        "作出决定机关(列入)": world.agency.name,
        "作出决定机关代码": world.agency.uscc,
        **changes,
    }


def as_csv(*rows):
    text = io.StringIO()
    names = list(dict.fromkeys(name for row in rows for name in row))
    table = csv.DictWriter(text, names, restval="")
    table.writeheader()
    table.writerows(rows)
    return text.getvalue().encode()


def bring_in(provider, kind, *rows):
    """Send a file; return the verdict of each row and the codes of what is wrong with it."""
    ref = send_file(provider, as_csv(*rows), kind=kind)
    read(ref)
    state = provider.get(f"/imports/{ref}").json
    assert state["standing"] == "done", state
    assert state["rows"] == len(rows)
    items = provider.get(f"/imports/{ref}/verdicts").json["items"]
    return [(one["verdict"], *(wrong["code"] for wrong in one["problems"])) for one in items]


def test_licences_are_read_checked_and_kept_once(world, machine):
    provider = machine("provider")
    rows = [
        licence(world),
        licence(world, 行政许可决定文书号="", 许可编号="JY1370112", 许可类别="其他-备案"),
        licence(world, 许可类别="随便", 许可决定日期="2026/02/30"),
        licence(world, 有效期至="2001/01/01"),
        licence(world, XK_XDR_SHXYM="91370112MA000000XX"),
        licence(world, 许可内容=""),
    ]
    found = bring_in(provider, "licences", *rows)
    assert found[:2] == [("accepted",), ("accepted",)]
    assert found[2] == ("refused", "licence_kind", "date_impossible")
    assert found[3] == ("refused", "before_decision")
    assert found[4][0] == "refused"
    assert found[5] == ("refused", "required")
    assert bring_in(provider, "licences", *rows[:2]) == [("duplicate",), ("duplicate",)]
    other = bring_in(provider, "licences", licence(world, 许可内容="别的"))
    assert other == [("refused", "differs_from_entry")]
    kept = db.session.scalars(select(ListedEntry).order_by(ListedEntry.id)).all()
    assert [one.number for one in kept] == ["虚许〔2026〕1号", "JY1370112"]
    assert kept[0].content["permitted"] == "食品经营（虚构）"
    assert count(CreditRecord) == 0  # a licence is no penalty: nothing is published or repaired


@pytest.mark.parametrize("kind", LISTS)
def test_a_list_may_say_later_that_an_enterprise_was_taken_off_it(world, machine, kind):
    provider = machine("provider")
    assert bring_in(provider, kind, listed(world)) == [("accepted",)]
    off = {"移出日期": f"{today():%Y-%m-%d}", "移出原因": "已补报"}
    assert bring_in(provider, kind, listed(world, **off, 列入原因="别的")) == [
        ("refused", "differs_from_entry")
    ]
    assert bring_in(provider, kind, listed(world, **off)) == [("accepted",)]
    assert bring_in(provider, kind, listed(world, **off)) == [("duplicate",)]
    assert bring_in(provider, kind, listed(world)) == [("refused", "differs_from_entry")]
    kept = db.session.scalars(select(ListedEntry)).one()
    assert (kept.removed_on, kept.content["removal_reason"]) == (today(), "已补报")


def test_another_agencys_entries_and_penalties_as_licences_are_refused(world, machine):
    other = machine("other_provider")
    assert bring_in(other, "licences", licence(world)) == [("refused", "not_your_agency")]
    ref = send_file(other, as_csv(licence(world)), kind="penalties")
    read(ref)
    state = other.get(f"/imports/{ref}").json
    assert (state["standing"], state["problem"]["code"]) == ("failed", "missing_columns")
