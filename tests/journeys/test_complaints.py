"""利益相关方反映: anybody may say what is wrong; who said it is told to nobody （三）14."""

import logging
from datetime import timedelta

import pytest
from flask_limiter import Limiter
from flask_limiter.util import get_remote_address
from sqlalchemy import select, text

from config import TestConfig
from repair_app import create_app, ledger, limits
from repair_app.db import db, today
from repair_app.engine.step import Refused
from repair_app.models import Case, ComplaintContact, Event, Role
from repair_app.services import cases, complaints, timers
from tests.client import make_client
from tests.factories import PDF, make_account, make_record, make_sanction, make_submission
from tests.journeys.steps import (
    accept_and_forward,
    annul,
    ask_department,
    case_of,
    dispute,
    in_days,
    ledger_is_whole,
    ref_in,
    state_on,
    take,
)

CONTACT = "王虚构 13900000001"
SECRET = "我在该公司财务部工作"
STATEMENT = f"该处罚并非该公司。{SECRET}。"
PAPER = (PDF, "王虚构的劳动合同.pdf")


@pytest.fixture
def record(world):
    return make_record(world.firm, world.agency)


def complain(client, record, **fields):
    """Send the complaint form of a record; return the code."""
    given = {
        "ground": "not_the_subject",
        "capacity": "employee",
        "statement": STATEMENT,
        "contact": CONTACT,
        "evidence": PAPER,
        **fields,
    }
    answer = client.fill(f"/records/{record.ref}/complaint", **given)
    assert answer.status_code == 302, answer.mistakes
    return answer.location.rpartition("/")[2]


def complaint_case():
    """Return the case of the one complaint there is."""
    db.session.rollback()
    return db.session.scalars(select(Case).where(Case.workflow == "complaint")).one()


def test_anybody_reports_an_error_without_an_account_and_looks_up_what_came_of_it(
    anybody, cast, record
):
    """鲁政发〔2017〕44号 二（四）20: 经…投诉发现信息不实的，应及时告知信息提供单位核实."""
    assert (
        f"/records/{record.ref}/complaint" in anybody.read(f"/records/{record.ref}").links.values()
    )
    code = complain(anybody, record)
    assert state_on(anybody.read(f"/complaints/{code}")) == "已收到，待甄别"
    case = complaint_case()
    assert (case.deadlines[0].clock, case.deadlines[0].owner) == ("complaint_triage", "reviewer")
    assert case.ref in cast.reviewer.read("/work/complaints").html
    assert case.ref in cast.reviewer.read("/work").html


def test_a_complaint_that_is_taken_up_suspends_what_an_objection_suspends(
    anybody, cast, world, record
):
    """二（四）20: 联合惩戒措施在信息核实期间暂不执行, by whichever door it came."""
    make_sanction(record, world.officer)
    code = complain(anybody, record)
    ref = complaint_case().ref
    answer = cast.reviewer.fill(
        f"/work/complaints/{ref}/take-up",
        ground="not_the_subject",
        statement="利益相关方反映该处罚对象并非该企业，请核实。",
    )
    objection = ref_in(answer)
    assert case_of(objection).door == "complaint"
    assert case_of(ref).state == "taken_up"
    assert ask_department(cast.officer, world.firm.uscc) == [True]
    accept_and_forward(cast.second_reviewer, objection)
    assert ask_department(cast.officer, world.firm.uscc) == [False]
    page = anybody.read(f"/complaints/{code}")
    assert "信息提供单位核实中" in page.words
    assert objection not in page.html
    assert ledger_is_whole()


def test_who_complained_is_told_to_nobody(anybody, cast, world, record, caplog, app):
    """二（三）14: 对举报人信息严格保密: no page, no event, no log, no index of any kind."""
    caplog.set_level(logging.DEBUG)
    code = complain(anybody, record)
    ref = complaint_case().ref
    answer = cast.reviewer.fill(
        f"/work/complaints/{ref}/take-up", ground="not_the_subject", statement="请核实处罚对象。"
    )
    objection = ref_in(answer)
    accept_and_forward(cast.reviewer, objection)
    secrets = ("王虚构", "13900000001", SECRET, "劳动合同", code)
    pages = {
        "subject": [f"/records/{record.ref}", f"/cases/{objection}", "/my"],
        "agent": [f"/records/{record.ref}"],
        "provider": [f"/records/{record.ref}", f"/cases/{objection}", "/work", "/work/cases"],
        "officer": [f"/records/{record.ref}", "/enforce"],
        "auditor": [f"/cases/{ref}", f"/cases/{objection}", "/audit", "/audit/inspections"],
        "administrator": ["/admin"],
        "stranger": [f"/records/{record.ref}"],
    }
    for name, addresses in pages.items():
        for address in addresses:
            page = getattr(cast, name).read(address)
            assert not [one for one in secrets if one in page.html], f"{name} {address}"
    # Neither the reviewer, unasked.
    for address in (f"/cases/{ref}", f"/cases/{objection}", "/work/complaints"):
        assert "王虚构" not in cast.reviewer.read(address).html
    assert "13900000001" not in cast.reviewer.read(f"/work/complaints/{ref}").html
    db.session.rollback()
    events = db.session.scalars(select(Event.payload)).all()
    texts = db.session.execute(text("SELECT body FROM event_text")).scalars().all()
    for one in secrets:
        assert not [body for body in (*events, *texts) if body and one in body]
        assert one not in caplog.text


def test_no_party_knows_that_there_was_a_complaint(anybody, cast, record):
    complain(anybody, record)
    ref = complaint_case().ref
    for name in ("subject", "agent", "provider", "officer"):
        assert getattr(cast, name).get(f"/cases/{ref}").status_code == 404, name
        assert ref not in getattr(cast, name).read(f"/records/{record.ref}").html
    assert ref not in cast.provider.read("/work/cases").html
    assert cast.auditor.get(f"/work/complaints/{ref}").status_code == 403


def test_the_contact_is_read_by_a_reviewer_who_says_why_and_that_is_on_record(
    anybody, cast, record
):
    """岗位…权限和报批程序: one at a time, by who handles it, never by opening a page."""
    complain(anybody, record)
    ref = complaint_case().ref
    address = f"/work/complaints/{ref}/contact"
    before = cast.reviewer.read(address)
    assert "13900000001" not in before.html
    assert cast.reviewer.fill(address, reason="").status_code == 400
    page = cast.reviewer.fill(address, reason="需进一步了解线索。")
    assert CONTACT in page.words
    assert ledger.latest_text(db.session(), ref, "reason") == "需进一步了解线索。"
    assert CONTACT not in cast.reviewer.read(f"/work/complaints/{ref}").words
    for name in ("provider", "auditor", "subject"):
        assert getattr(cast, name).get(address).status_code == 403
    refused = cast.torn_reviewer.get(address)
    assert refused.status_code == 404
    assert CONTACT not in refused.html


def test_the_papers_of_a_complainant_are_opened_by_reviewers_only(anybody, cast, record):
    complain(anybody, record)
    ref = complaint_case().ref
    page = cast.reviewer.read(f"/work/complaints/{ref}")
    address = page.links["王虚构的劳动合同.pdf"]
    assert cast.reviewer.get(address).get_data() == PDF
    for name in ("provider", "auditor", "subject", "officer"):
        assert getattr(cast, name).get(address).status_code == 403


def test_a_reviewer_who_acts_for_a_side_learns_nothing_and_takes_nothing_up(
    anybody, cast, world, record, as_
):
    """二（三）14: 严格保密: most of all from who also acts for the enterprise, by any account."""
    complain(anybody, record)
    ref = complaint_case().ref
    page = cast.reviewer.read(f"/work/complaints/{ref}")
    paper = page.links["王虚构的劳动合同.pdf"]
    apart = make_account(world.centre, Role.REVIEWER)
    make_account(world.agency, Role.PROVIDER, same_person_as=apart)
    for torn in (cast.torn_reviewer, as_(apart)):
        assert ref not in torn.read("/work/complaints").html
        for address in (f"/work/complaints/{ref}", f"/work/complaints/{ref}/take-up", paper):
            assert torn.get(address).status_code == 404, address
    assert ref in cast.second_reviewer.read("/work/complaints").html
    # Nor is the objection opened past the complaint.
    given = make_submission(facts={"ground": "error"}, texts={"statement": "请核实。"})
    with pytest.raises(Refused, match="colleague"):
        cases.open_case("objection", record.ref, apart, given, name="take_up")


def test_the_complaints_of_another_centre_are_not_listed(anybody, cast, record):
    complain(anybody, record)
    ref = complaint_case().ref
    assert ref not in cast.upper_reviewer.read("/work/complaints").html
    assert ref in cast.reviewer.read("/work/complaints").html


def test_a_complaint_that_ends_with_the_record_is_told_to_no_party(anybody, cast, world, record):
    """二（三）14: the step that ends everything else of the record does not betray it."""
    complain(anybody, record)
    ref = complaint_case().ref
    own = dispute(cast.subject, record)
    annul(cast, record)
    assert complaint_case().state == "moot"
    db.session.rollback()
    annulment = db.session.scalars(select(Case).where(Case.workflow == "annulment")).one().ref
    for name in ("subject", "provider"):
        page = getattr(cast, name).read(f"/cases/{annulment}")
        assert ref not in page.html, name
        assert own in page.html  # what they may know of is told
    assert ref in cast.reviewer.read(f"/cases/{annulment}").html
    assert ref in cast.auditor.read(f"/cases/{annulment}").html


def test_a_complaint_that_is_not_taken_up_gets_its_reason(anybody, cast, record):
    """REDRESS: 不予启动的，说明理由."""
    code = complain(anybody, record)
    ref = complaint_case().ref
    take(
        cast.reviewer,
        "dismiss",
        ref,
        code="against_the_decision",
        reason="如不服处罚决定，可依法申请行政复议。",
    )
    page = anybody.read(f"/complaints/{code}")
    assert "不予启动核实" in page.words
    assert "行政复议或行政诉讼" in page.words
    assert "可依法申请行政复议" in page.words


def test_a_second_complaint_is_joined_to_what_is_under_way(anybody, cast, world, record):
    complain(anybody, record)
    first = complaint_case().ref
    objection = ref_in(
        cast.reviewer.fill(
            f"/work/complaints/{first}/take-up", ground="error", statement="请核实。"
        )
    )
    code = complain(make_client(anybody.application), record, contact="")
    second = db.session.scalars(
        select(Case.ref).where(Case.workflow == "complaint").order_by(Case.id.desc())
    ).first()
    page = take(cast.reviewer, "join", second, joined_id=str(case_of(objection).id))
    assert state_on(page) == "已并入在办事项"
    assert "待受理" in anybody.read(f"/complaints/{code}").words


def test_the_same_form_sent_twice_is_one_complaint(anybody, record):
    page = anybody.read(f"/records/{record.ref}/complaint")
    address = f"/records/{record.ref}/complaint"
    sent = {"capacity": "other", "statement": "有误。"}
    first = anybody.send(page, address, **sent)
    second = anybody.send(page, address, **sent)
    assert first.location == second.location
    assert complaint_case()


def test_without_a_contact_nothing_is_kept_about_the_person(anybody, record):
    complain(anybody, record, contact="")
    db.session.rollback()
    assert db.session.scalar(select(ComplaintContact.complaint_id)) is None


def test_a_form_that_says_nothing_is_refused_and_keeps_what_was_typed(anybody, record):
    answer = anybody.fill(f"/records/{record.ref}/complaint", statement="", contact=CONTACT)
    assert answer.status_code == 400
    assert CONTACT in answer.html


@pytest.mark.parametrize("state", ["withheld", "gone"])
def test_about_a_record_that_is_not_public_nobody_complains(anybody, world, state, cast, record):
    """What the public cannot see is not confirmed to exist by this door either."""
    if state == "gone":
        address = "/records/JL-2020-000001-X/complaint"
    else:
        from tests.journeys.test_self_control import tamper

        tamper(record, max_publication_until=today() - timedelta(days=1))
        address = f"/records/{record.ref}/complaint"
    assert anybody.get(address).status_code == 404


def test_a_code_that_is_none_tells_nothing(anybody):
    page = anybody.follow(anybody.get("/complaints?code=xyz-1234"))
    assert page.status_code == 404
    assert page.mistakes == ["没有使用该查询码的反映，请逐字核对。"]
    assert page.tree.find(".//input[@id='code']").get("value") == "xyz1234"
    assert anybody.get(f"/complaints/{'x' * 20}").status_code == 404
    assert anybody.get("/complaints/..%2f..").status_code == 404


def test_the_code_can_be_typed_as_it_is_read_out(anybody, record):
    code = complain(anybody, record)
    spaced = f"{code[:5]}-{code[5:10]}-{code[10:]}".upper()
    assert anybody.get(f"/complaints?code={spaced}").location.endswith(code)


def test_from_one_address_only_so_many_complaints_are_taken_in(stage, record, monkeypatch):
    """Like the attempts to sign in: a machine cannot fill the reviewers' day, nor guess a code."""
    monkeypatch.setattr(limits, "limiter", Limiter(get_remote_address))
    config = TestConfig()
    for name, value in {
        "RATELIMIT_ENABLED": True,
        "COMPLAINT_RATE_LIMIT": "2 per hour",
        "COMPLAINT_LOOKUP_RATE_LIMIT": "2 per hour",
        "SQLALCHEMY_DATABASE_URI": stage.app.config["SQLALCHEMY_DATABASE_URI"],
    }.items():
        setattr(config, name, value)
    app = create_app(config)
    client = make_client(app)
    address = f"/records/{record.ref}/complaint"
    assert [client.post(address).status_code for _ in range(3)] == [400, 400, 429]
    assert client.get(address).status_code == 200
    guesses = [f"/complaints/{'x' * 20}"] * 3
    answers = [client.get(one) for one in guesses]
    assert [one.status_code for one in answers] == [404, 404, 429]
    assert 0 < int(answers[2].headers["Retry-After"]) <= 3601  # whole seconds, rounded up
    with app.app_context():
        db.engine.dispose()


def test_about_one_record_only_so_many_complaints_are_taken_in(stage, world, record, monkeypatch):
    """From one address, and from all together; a form that was sent back does not count."""
    monkeypatch.setattr(limits, "limiter", Limiter(get_remote_address))
    config = TestConfig()
    for name, value in {
        "RATELIMIT_ENABLED": True,
        "COMPLAINT_RATE_LIMIT_OF_RECORD": "2 per day",
        "COMPLAINT_RATE_LIMIT_ABOUT_RECORD": "3 per day",
        "SQLALCHEMY_DATABASE_URI": stage.app.config["SQLALCHEMY_DATABASE_URI"],
    }.items():
        setattr(config, name, value)
    other = make_record(world.firm, world.agency)
    client = make_client(create_app(config))

    def send(about, place, statement="有误。"):
        address = f"/records/{about.ref}/complaint"
        page = client.read(address)
        client.environ_base["REMOTE_ADDR"] = place
        return client.send(page, address, capacity="other", statement=statement)

    assert send(record, "192.0.2.1", statement="").status_code == 400
    assert [send(record, "192.0.2.1").status_code for _ in range(3)] == [302, 302, 429]
    assert send(other, "192.0.2.1").status_code == 302
    assert [send(record, "192.0.2.2").status_code for _ in range(2)] == [302, 429]
    page = send(record, "192.0.2.3")
    assert page.status_code == 429
    assert "已达上限" in page.words
    assert 0 < int(page.headers["Retry-After"]) <= 86_401
    with client.application.app_context():
        db.engine.dispose()


def test_a_complaint_that_nobody_looks_at_goes_to_the_next_unit_and_stays_open(anybody, record):
    complain(anybody, record)
    assert timers.escalate(in_days(40)) == 1
    case = complaint_case()
    assert case.is_open
    assert case.deadlines[0].escalated_at is not None


def test_the_code_cannot_be_told_from_what_is_stored(app, record, anybody):
    code = complain(anybody, record)
    db.session.rollback()
    (digest,) = db.session.execute(text("SELECT code_digest FROM complaint")).scalars()
    assert code not in digest
    assert digest == complaints.digest_of(code)
