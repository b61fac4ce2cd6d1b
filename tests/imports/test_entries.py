"""Licences and lists beside the penalties: read strictly, kept once, a removal added."""

import csv
import io
from datetime import timedelta

import pytest
import time_machine
from sqlalchemy import select

from repair_app.db import db, now, today
from repair_app.models import CreditRecord, ListedEntry, Organisation
from repair_app.models.parties import OrganisationKind
from repair_app.services.transaction import transaction
from tests.factories import annul_record, make_record
from tests.imports.rows import count, read, send_file

LISTS = ("abnormal_list", "discredit_list")
PERSONAL = "联系电话13912345678"


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


def defaulter(world, **changes):
    return {
        "失信被执行人名称": world.firm.name,
        "统一社会信用代码": world.firm.uscc,
        "案号": "（2026）虚01执5号",
        "执行法院": world.agency.name,
        "执行法院统一社会信用代码": world.agency.uscc,
        "地域": "虚构",
        "执行依据文号": "（2025）虚01民初7号",
        "作出执行依据单位": "虚构市人民法院",
        "义务": "支付货款（虚构）",
        "履行情况": "全部未履行",
        "具体情形": "有履行能力而拒不履行",
        "发布日期": f"{today() - timedelta(days=5):%Y-%m-%d}",
        "立案时间": f"{today() - timedelta(days=60):%Y-%m-%d}",
        "已履行": "",
        "未履行": "全部",
        **changes,
    }


def test_the_list_of_defaulters_of_organisations_is_read(world, machine):
    provider = machine("provider")
    later = f"{today() + timedelta(days=1):%Y-%m-%d}"
    rows = [
        defaulter(world),
        defaulter(world, 案号=""),
        defaulter(world, 案号="（2026）虚01执6号", 统一社会信用代码=""),
        defaulter(world, 案号="（2026）虚01执7号", 立案时间=later),
    ]
    found = bring_in(provider, "defaulters", *rows)
    assert found == [
        ("accepted",),
        ("refused", "required"),
        ("refused", "required"),  # of a natural person: neither kept nor shown
        ("refused", "date_in_future"),
    ]
    kept = db.session.scalars(select(ListedEntry)).one()
    assert kept.content["duty"] == "支付货款（虚构）"
    assert kept.content["filed_on"] < kept.content["decided_on"]


@pytest.mark.parametrize(
    ("kind", "names"),
    [
        (
            "abnormal_list",
            "speCause_CN abntime decOrg_CN remExcpRes_CN remDate reDecOrg_CN",
        ),
        (
            "discredit_list",
            "serILLRea_CN 列入日期 列入决定机关 移出原因 移出日期 移出机关",
        ),
    ],
)
def test_the_headings_of_the_registers_are_known(world, machine, kind, names):
    """As the registers themselves write them: R stored files 30841897030, 34430607615."""
    day = f"{today():%Y-%m-%d}"
    values = ("虚构原因", day, world.agency.name, "已改正", day, world.agency.name)
    row = {"企业名称": world.firm.name, "统一社会信用代码": world.firm.uscc}
    row |= dict(zip(names.split(), values, strict=True))
    assert bring_in(machine("provider"), kind, row) == [("accepted",)]
    kept = db.session.scalars(select(ListedEntry)).one()
    assert (kept.content["reason"], kept.content["removed_by"]) == ("虚构原因", world.agency.name)


# --- what the public reads ------------------------------------------------------------------------


@pytest.fixture
def on_file(world, machine):
    """Put a licence, an entry of each list, and one taken off again on file of firm A."""
    provider = machine("provider")
    over = {"许可编号": "JY1", "行政许可决定文书号": "", "有效期至": f"{today():%Y/%m/%d}"}
    bring_in(
        provider,
        "licences",
        licence(world, 许可内容=f"食品经营，{PERSONAL}", 备注="内部备注"),
        licence(world, **over),
    )
    bring_in(provider, "abnormal_list", listed(world))
    gone = {"移出日期": f"{today():%Y-%m-%d}", "移出原因": "已补报"}
    bring_in(provider, "discredit_list", listed(world, 列入原因="已经移出的", **gone))
    bring_in(provider, "defaulters", defaulter(world))


@pytest.mark.usefixtures("on_file")
def test_the_public_reads_licences_and_lists_apart_from_penalties(world, anybody):
    page = anybody.read(f"/enterprises/{world.firm.uscc}")
    for told in ("食品经营", "未按期公示年度报告", "（2026）虚01执5号", "不是行政处罚"):
        assert told in page.words, told
    for kept in ("13912345678", "内部备注", "已经移出的"):
        assert kept not in page.html, kept
    assert not [one for one in page.links.values() if "repair" in one or "objection" in one]
    with time_machine.travel(now() + timedelta(days=2), tick=False):
        assert "已失效" in anybody.read(f"/enterprises/{world.firm.uscc}").words
    english = anybody.read(f"/enterprises/{world.firm.uscc}?lang=en").words
    assert world.firm.name in english
    for none in ("91370112MA00000099", "%00", "x%00y", "虚构", "9" * 5000):
        assert anybody.get(f"/enterprises/{none}").status_code == 404, none


@pytest.mark.usefixtures("on_file")
def test_who_looks_for_an_enterprise_finds_its_licences_and_lists(world, anybody):
    address = f"/enterprises/{world.firm.uscc}"
    assert address in anybody.read(f"/?q={world.firm.uscc}").links.values()  # it has no penalty
    record = make_record(world.firm, world.agency)
    assert address in anybody.read(f"/?q={world.firm.uscc}").links.values()
    assert address in anybody.read(f"/records/{record.ref}").links.values()
    assert "/enterprises/" not in anybody.read("/?q=没有这一家").html


def test_who_has_nothing_to_be_shown_is_not_told_from_who_was_never_on_file(
    world, anybody, machine
):
    """A firm whose only record was taken off publication leaves no trace on the public site."""
    record = make_record(world.firm, world.agency)
    address, known = f"/enterprises/{world.firm.uscc}", f"/?q={world.firm.uscc}"
    assert anybody.get(address).status_code == 200
    annul_record(world, record)
    assert anybody.get(address).status_code == 404
    assert address not in anybody.read(known).html
    reads = machine("officer", ["records:read"])
    assert reads.get(f"{address}/entries").status_code == 404


@pytest.mark.usefixtures("on_file")
def test_the_interface_lists_entries_page_by_page(world, machine):
    reads = machine("officer", ["records:read"])
    path = f"/enterprises/{world.firm.uscc}/entries"
    whole = reads.get(path).json
    assert [one["kind"] for one in whole["entries"]] == [
        "defaulters",
        "abnormal_list",
        "licences",
        "licences",
    ]
    assert whole["next"] is None
    assert whole["entries"][0]["label"]["zh"] == "失信被执行人名单"
    assert PERSONAL not in str(whole)
    first = reads.get(f"{path}?limit=3").json
    rest = reads.get(f"{path}?limit=3&after={first['next']}").json
    assert first["entries"] + rest["entries"] == whole["entries"]
    strange = reads.get(f"{path}?after={first['next'] + 999}")
    assert (strange.status_code, strange.json["code"]) == (422, "no_such_place")
    assert reads.get("/enterprises/91370112MA00000099/entries").status_code == 404
    assert reads.get("/enterprises/x/entries").status_code == 422


def test_a_natural_persons_entries_are_not_shown(world, anybody):
    with transaction() as session:
        session.get_one(Organisation, world.firm.id).kind = OrganisationKind.NATURAL_PERSON
    assert anybody.get(f"/enterprises/{world.firm.uscc}").status_code == 404
