"""The pages about platforms: where a record is shown, and how administrators keep platforms."""

from collections.abc import Callable, Iterator
from datetime import timedelta
from html import escape
from pathlib import Path
from typing import Any

import pytest
from flask import Flask
from sqlalchemy import select

from repair_app.db import at, db, now
from repair_app.models import Event, Obligation, Platform, PlatformStanding
from repair_app.services import mail as mails
from repair_app.services import timers
from repair_app.services.sync import changes, notices, pull
from repair_app.services.sync.shown import where_shown
from repair_app.services.transaction import transaction
from tests import factories
from tests.client import Client, text_of
from tests.factories import World, make_record
from tests.journeys.steps import take
from tests.sync.platforms import Receiver, deliver, make_platform, receivers

FORM = {
    "code": "credit-shandong",
    "name_zh": "信用山东",
    "name_en": "Credit Shandong",
    "kind": "provincial",
    "delivery": "webhook",
    "url": "https://credit.example/hook",
    "owner_email": "owner@credit.example",
    "term_days": "3",
    "uscc": "",
}


@pytest.fixture
def receiver(app: Flask, tmp_path: Path) -> Iterator[Receiver]:
    """Give one receiver."""
    with receivers(tmp_path) as made:
        yield made[0]


@pytest.fixture
def office(world: World, as_: Callable[..., Client]) -> Client:
    """Give the administrator's browser."""
    return as_(world.administrator)


def press(office: Client, address: str) -> Any:
    """Press a button."""
    return office.post(address, data={"csrf_token": office.token()})


def test_the_case_says_that_all_agree_only_when_all_do(
    world: World, as_: Callable[..., Client], receiver: Receiver
) -> None:
    pulling = make_platform(organisation_id=world.department.id, name_zh="拉取平台").id
    receiver.join(name_zh="推送平台")
    case = factories.make_case(world, "accepted")
    address, record = f"/cases/{case.ref}", case.record
    reader = as_(world.reviewer)
    deliver()
    page = reader.get(address)
    assert "还有1个平台尚未公示最新结果" in page.text
    assert "推送平台" in page.text
    owed = db.session.scalars(select(Obligation).where(Obligation.platform_id == pulling)).one()
    hashes = {owed.change.position: owed.change.payload_hash}
    pull.acknowledge(pulling, hashes)
    db.session.rollback()
    assert "各平台公示结果一致" in reader.get(address).text
    assert where_shown(factories.get_case(case.ref).record).since is not None
    # Something newer, not in order yet: nobody agrees any more.
    with transaction() as session:
        session.get_one(type(record), record.id).decision_no = "新文号"
    db.session.rollback()
    assert "还有2个平台尚未公示最新结果" in reader.get(address).text


def test_no_platform_is_called_late_for_a_change_of_today_because_of_a_day_long_past(
    world: World, as_: Callable[..., Client], receiver: Receiver
) -> None:
    receiver.join(name_zh="推送平台")
    with at(now() - timedelta(days=30)):
        record = make_record(world.firm, world.agency)
        deliver()
    case = factories.make_case(world, "submitted", record=record)
    reader = as_(world.reviewer)
    assert "各平台公示结果一致" in reader.get(f"/cases/{case.ref}").text
    take(reader, "accept", case.ref)  # not in order yet: the worker does that
    (places,) = (
        one for one in reader.read(f"/cases/{case.ref}").tree.iter() if one.get("id") == "platforms"
    )
    assert "尚未公示最新结果" in text_of(places)
    assert "逾期" not in text_of(places)


def test_what_was_agreed_with_a_platform_is_told_without_our_row_numbers(
    world: World, office: Client
) -> None:
    given = {**FORM, "delivery": "pull", "url": "", "uscc": world.department.uscc}
    sent = office.post("/admin/platforms/new", data={**given, "csrf_token": office.token()})
    assert sent.status_code == 302
    (row,) = office.read("/admin/changes").tree.findall(".//main//tbody/tr")
    assert text_of(row.findall("td")[3]) == "省级网站 · 由平台通过接口拉取"


def test_the_public_is_not_told_how_platforms_stand(
    world: World, anybody: Client, as_: Callable[..., Client]
) -> None:
    make_platform()
    ref = make_record(world.firm, world.agency).ref
    changes.take_in()
    changes.order_changes()
    db.session.rollback()
    assert "各平台公示情况" not in anybody.get(f"/records/{ref}").text
    assert "各平台公示情况" in as_(world.subject).get(f"/records/{ref}").text


@pytest.mark.parametrize(
    ("columns", "says"),
    [
        ({"delivery": "file"}, "自接入"),
        ({"delivery": "webhook", "url": "https://platform.example/hook"}, "每夜核对"),
    ],
)
def test_the_page_of_a_platform_says_whether_what_it_shows_is_compared(
    office: Client, columns: dict[str, str], says: str
) -> None:
    number = make_platform(**columns).id
    db.session.rollback()
    page = office.read(f"/admin/platforms/{number}").tree
    (told,) = (one for one in page.iter() if one.get("id") == "comparison")
    assert says in text_of(told)
    assert ("尚未确认过任何变更" in text_of(told)) == (columns["delivery"] == "file")
    listed = "不核对" in office.get("/admin/platforms").text
    assert listed == (columns["delivery"] == "file")


def test_an_administrator_connects_changes_parks_resumes_and_replays(
    world: World, office: Client
) -> None:
    make_record(world.firm, world.agency)
    changes.take_in()
    changes.order_changes()
    db.session.rollback()
    sent = office.post("/admin/platforms/new", data={**FORM, "csrf_token": office.token()})
    assert sent.status_code == 302
    own = sent.location
    assert "信用山东" in office.get(own).text
    assert "联系人邮箱" in office.read(f"{own}/change").words
    office.fill(f"{own}/change", term_days="5")
    press(office, f"{own}/park")
    assert "已暂停" in office.get(own).text
    press(office, f"{own}/resume")
    office.fill(f"{own}/replay", first="1", last="1")
    press(office, f"{own}/rotate")
    secret = press(office, f"{own}/secret")
    assert "whsec_" in secret.text
    assert secret.headers["Cache-Control"] == "no-store"
    assert "whsec_" not in office.get(own).text
    press(office, f"{own}/disable")
    db.session.rollback()
    platform = db.session.scalars(select(Platform)).one()
    assert (platform.term_days, platform.generation) == (5, 2)
    assert platform.standing == PlatformStanding.DISABLED
    steps = db.session.scalars(
        select(Event.transition).where(Event.stream == "platforms").order_by(Event.seq)
    ).all()
    assert steps == [
        "add", "change", "park", "resume", "replay", "rotate", "show_secret", "disable"
    ]  # fmt: skip
    told = office.get("/admin/changes").text
    assert "接入平台" in told
    payloads = db.session.scalars(select(Event.payload).where(Event.stream == "platforms")).all()
    assert all("credit.example" not in one and "whsec" not in one for one in payloads)


@pytest.mark.parametrize(
    "wrong",
    [
        {"code": "Über"},
        {"name_zh": ""},
        {"kind": "other"},
        {"delivery": "pigeon"},
        {"url": ""},
        {"url": "http://127.0.0.1/"},
        {"url": "ftp://credit.example/"},
        {"url": "https://[::1"},
        {"owner_email": "nobody"},
        {"term_days": "0"},
        {"term_days": "x"},
        {"delivery": "pull"},
        {"delivery": "pull", "url": ""},
        {"kind": "source_agency"},
        {"uscc": "12345"},
    ],
    ids=str,
)
@pytest.mark.parametrize("stage", ["sqlite"], indirect=True)
def test_terms_that_cannot_be_kept_are_told_and_stay_in_the_form(
    office: Client, wrong: dict[str, str]
) -> None:
    sent = {**FORM, **wrong, "csrf_token": office.token()}
    answer = office.post("/admin/platforms/new", data=sent)
    assert answer.status_code == 400
    assert "Credit Shandong" in answer.text
    assert db.session.scalars(select(Platform)).all() == []


@pytest.mark.parametrize("stage", ["sqlite"], indirect=True)
@pytest.mark.parametrize(
    ("url", "told"),
    [
        ("https://ex ample/", "这不是可用的接收地址"),
        ("https://example.com/a b", "这不是可用的接收地址"),
        ("https://exa<mple/", "这不是可用的接收地址"),
        ("https://10.0.0.1/hook", "本网内"),
        ("https://169.254.169.254/latest", "本网内"),
        ("https://[::ffff:127.0.0.1]/", "本网内"),
        ("https://localhost/hook", "本网内"),
    ],
    ids=["blank_in_host", "blank_in_path", "sign", "private", "metadata", "mapped", "localhost"],
)
def test_an_address_that_would_never_be_asked_is_refused_in_the_form(
    app: Flask, office: Client, monkeypatch: pytest.MonkeyPatch, url: str, told: str
) -> None:
    monkeypatch.setitem(app.config, "WEBHOOK_INSIDE", "")
    sent = {**FORM, "delivery": "webhook", "url": url, "csrf_token": office.token()}
    answer = office.post("/admin/platforms/new", data=sent)
    assert answer.status_code == 400
    assert told in answer.text
    assert f'value="{escape(url)}"' in answer.text
    assert db.session.scalars(select(Platform)).all() == []


@pytest.mark.parametrize("stage", ["sqlite"], indirect=True)
def test_a_range_that_is_none_is_refused(office: Client) -> None:
    number = make_platform().id
    for first, last in (("5", "2"), ("0", "2"), ("x", "2"), ("1", "9" * 30)):
        data = {"first": first, "last": last, "csrf_token": office.token()}
        assert office.post(f"/admin/platforms/{number}/replay", data=data).status_code == 400
    assert office.get("/admin/platforms/99").status_code == 404


def test_who_is_late_raises_an_alarm_and_its_owner_is_mailed_once(
    world: World, as_: Callable[..., Client], monkeypatch: pytest.MonkeyPatch
) -> None:
    sent = []
    monkeypatch.setattr(notices, "find_server", lambda: mails.mail.read_server("smtp://127.0.0.1"))
    monkeypatch.setattr(notices.mail, "connected", fake_line)
    monkeypatch.setattr(notices.mail, "send", lambda _line, letter: sent.append(letter))
    platform = make_platform(organisation_id=world.department.id)
    make_record(world.firm, world.agency)
    deliver()
    for days in (1, 30, 31):
        with at(now() + timedelta(days=days)):
            timers.watch_platforms(now())
    (letter,) = sent
    assert letter["To"] == platform.owner_email
    assert "逾期" in letter.get_body(("plain",)).get_content()
    for reader in (world.administrator, world.auditor):
        desk = as_(reader).read("/admin" if reader == world.administrator else "/audit").words
        assert f"公示平台未同步 {platform.name_zh} 逾期未公示变更" in desk
        assert "not shown in time" not in desk


class fake_line:  # noqa: N801  # stands for a context manager
    """A connection to a mail server that is none."""

    def __init__(self, _server: object) -> None: ...

    def __enter__(self) -> None: ...

    def __exit__(self, *_: object) -> None: ...
