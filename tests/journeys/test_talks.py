"""Orders to put a violation right, and the talks that follow what was not done."""

from datetime import timedelta

import pytest
import time_machine
from sqlalchemy import select

from repair_app.db import db, today
from repair_app.models import Case, Talk
from repair_app.models.parties import Role
from repair_app.services import publication
from tests.factories import PDF, make_account, make_record
from tests.journeys.steps import (
    Cast,
    in_days,
    ledger_is_whole,
    ref_in,
    state_on,
    steps_on,
    take,
)

PROOF = (PDF + b"order\n%%EOF", "检定证书.pdf")
MINUTES = {
    "attendees": "王虚构、张虚构",
    "authority_said": "应当立即送检。",
    "subject_said": "因停产未及时送检，立即办理。",
    "undertakings": "十日内送检并报送检定证书。",
}


@pytest.fixture
def record(world):
    """Give a published record of firm A, recognised by the agency."""
    return make_record(world.firm, world.agency)


def order(cast: Cast, record) -> str:
    """Order that a violation be put right; return the reference."""
    answer = cast.provider.fill(
        f"/records/{record.ref}/rectification_order", order="一、送检全部计量器具；二、报送证书。"
    )
    return ref_in(answer)


def not_done(cast: Cast, record) -> str:
    """Order it, have it answered, and find it lacking."""
    ref = order(cast, record)
    take(cast.subject, "answer", ref, statement="已送检一台。", evidence=PROOF)
    take(cast.provider, "find_undone", ref, findings="尚有三台未送检。")
    return ref


def call(cast: Cast, record, kind: str = "reminder", days: int = 5):
    """Send the form that calls a talk; return the answer."""
    return cast.provider.fill(
        f"/records/{record.ref}/talk",
        ground=kind,
        meets_on=(today() + timedelta(days=days)).isoformat(),
        place="上午九时，虚构市市场监督管理局一楼",
        agenda="督促送检计量器具。",
    )


def hold(cast: Cast, ref: str) -> None:
    """Enter the minutes of a talk held today."""
    take(cast.provider, "hold", ref, held_on=today().isoformat(), **MINUTES)


def test_an_order_has_a_term_and_ends_when_it_is_done(cast, world, record):
    """国办发〔2019〕35号 四（九）: 失信市场主体应当在规定期限内认真整改."""
    ref = order(cast, record)
    page = cast.subject.read(f"/cases/{ref}")
    assert state_on(page) == "限期整改中"
    assert "送检全部计量器具" in page.words
    page = take(cast.subject, "answer", ref, statement="已全部送检。", evidence=PROOF)
    assert state_on(page) == "已报送整改，待验收"
    page = take(cast.provider, "find_done", ref, findings="核对无误。")
    assert state_on(page) == "整改到位"
    assert ledger_is_whole()


def test_an_order_is_answered_with_proof(cast, record):
    ref = order(cast, record)
    page = cast.subject.fill(f"/cases/{ref}/answer", statement="已送检。")
    assert page.status_code == 400


def test_a_missed_term_is_noted_by_a_person_and_only_when_it_is_over(cast, record):
    """Nothing closes by silence: the order stays with the agency until it calls a talk."""
    ref = order(cast, record)
    page = cast.provider.get(f"/cases/{ref}/note_missed")
    assert "目前不能办理" in page.words
    with time_machine.travel(in_days(60)):
        page = take(cast.provider, "note_missed", ref, reason="期满未报送。")
        assert state_on(page) == "整改不到位，待约谈"
        assert ref in cast.provider.read("/work").html


def test_one_order_at_a_time(cast, record):
    order(cast, record)
    page = cast.provider.fill(f"/records/{record.ref}/rectification_order", order="再次整改。")
    assert page.status_code == 409


@pytest.mark.parametrize("matter", ["rectification_order", "talk"])
def test_only_the_agency_that_recognised_the_conduct_may_begin(cast, world, record, matter):
    """国办发〔2019〕35号 四（九）: 谁认定、谁约谈."""
    for client in (cast.other_provider, cast.subject, cast.officer, cast.reviewer):
        assert client.get(f"/records/{record.ref}/{matter}").status_code in {403, 404}
    page = cast.provider.read(f"/records/{record.ref}")
    assert f"/records/{record.ref}/rectification_order" in page.links.values()


def test_no_talk_without_an_order_that_was_not_done(cast, record):
    """…四（九）: 整改不到位的，……启动提示约谈或警示约谈程序."""
    order(cast, record)
    answer = call(cast, record)
    assert answer.status_code == 409
    assert "限期整改不到位" in answer.words


def test_a_reminder_talk_is_held_signed_and_entered_in_the_record(cast, world, record):
    """…四（九）: 提示约谈; 约谈记录记入失信市场主体信用记录."""
    missed = not_done(cast, record)
    ref = ref_in(call(cast, record))
    assert state_on(cast.provider.read(f"/cases/{missed}")) == "转入约谈"
    page = cast.subject.read(f"/cases/{ref}")
    assert "督促送检计量器具" in page.words
    take(cast.subject, "state_views", ref, statement="请考虑停产情况。")
    with time_machine.travel(in_days(5)):
        hold(cast, ref)
        page = cast.subject.read(f"/cases/{ref}")
        assert MINUTES["authority_said"] in page.words
        assert MINUTES["subject_said"] in page.words
        page = take(cast.subject, "sign_minutes", ref, signatory="张虚构", agree="y")
        assert state_on(page) == "约谈记录已记入信用记录，核对整改"
        for client in (cast.subject, cast.provider, cast.reviewer):
            assert "约谈记录记入信用记录" in client.read(f"/records/{record.ref}").words
        page = take(cast.provider, "find_done", ref, findings="已全部送检。")
        assert state_on(page) == "约谈后整改到位"
    talk = db.session.scalars(select(Talk)).one()
    assert talk.signed_by_subject
    assert talk.entered_at is not None
    assert ledger_is_whole()


def test_the_public_does_not_read_of_a_talk(cast, anybody, record):
    """A talk is for those concerned: the public page of the record has no history."""
    not_done(cast, record)
    ref = ref_in(call(cast, record))
    assert "约谈" not in anybody.read(f"/records/{record.ref}").words
    assert anybody.get(f"/cases/{ref}").status_code == 302


def test_a_talk_is_called_for_a_day_to_come_and_held_only_then(cast, record):
    """REDRESS: notice comes before the talk."""
    not_done(cast, record)
    assert call(cast, record, days=0).status_code == 400
    ref = ref_in(call(cast, record))
    assert "目前不能办理" in cast.provider.get(f"/cases/{ref}/hold").words
    later = (today() + timedelta(days=9)).isoformat()
    take(cast.provider, "move", ref, meets_on=later, place="下午二时", agenda="改期。")
    with time_machine.travel(in_days(5)):
        assert "目前不能办理" in cast.provider.get(f"/cases/{ref}/hold").words
    with time_machine.travel(in_days(9)):
        hold(cast, ref)
        db.session.rollback()
        talk = db.session.scalars(select(Talk)).one()
        kept = (talk.meets_on.isoformat(), talk.place, talk.held_on, talk.signed_by_subject)
        assert kept == (later, "下午二时", today(), False)


@pytest.mark.parametrize("ending", ["refuse_to_sign", "note_unsigned", "note_absence"])
def test_a_talk_that_is_not_signed_is_entered_with_a_note(cast, record, ending):
    """REDRESS: 拒绝签认的，注明情况; silence is noted by a person after the term."""
    not_done(cast, record)
    ref = ref_in(call(cast, record))
    with time_machine.travel(in_days(5)):
        if ending == "note_absence":
            page = take(cast.provider, ending, ref, reason="未到场，未请假。")
        else:
            hold(cast, ref)
            if ending == "refuse_to_sign":
                page = take(cast.subject, ending, ref, statement="记录与事实不符。")
            else:
                assert "目前不能办理" in cast.provider.get(f"/cases/{ref}/{ending}").words
    if ending == "note_unsigned":
        with time_machine.travel(in_days(40)):
            page = take(cast.provider, ending, ref, reason="逾期未签认。")
    assert state_on(page) == "约谈记录已记入信用记录，核对整改"
    assert not db.session.scalars(select(Talk)).one().signed_by_subject


def test_a_warning_follows_a_reminder_in_vain_and_nothing_else(cast, record):
    """…四（九）: 提示约谈或警示约谈; REDRESS: 先提示、后警示."""
    not_done(cast, record)
    answer = call(cast, record, "warning")
    assert answer.status_code == 409
    reminder = ref_in(call(cast, record))
    assert call(cast, record, "warning").status_code == 409  # it was not held yet
    with time_machine.travel(in_days(5)):
        hold(cast, reminder)
        take(cast.subject, "sign_minutes", reminder, signatory="张虚构", agree="y")
        # After a reminder there is no giving up: a warning follows.
        page = cast.provider.read(f"/cases/{reminder}")
        assert "find_unreformed" not in steps_on(page, reminder)
        warning = ref_in(call(cast, record, "warning"))
        assert state_on(cast.provider.read(f"/cases/{reminder}")) == "转入警示约谈"
    with time_machine.travel(in_days(10)):
        hold(cast, warning)
        take(cast.subject, "sign_minutes", warning, signatory="张虚构", agree="y")
        page = take(cast.provider, "find_unreformed", warning, findings="仍未送检。")
        assert state_on(page) == "警示约谈后仍未整改"


def test_the_end_of_a_record_ends_its_order_and_its_talk(cast, world, record):
    """A record that is no longer on the public site leaves nothing to talk about."""
    not_done(cast, record)
    talk = ref_in(call(cast, record))
    second = order(cast, record)
    with time_machine.travel(in_days(500)):
        assert publication.expire_records() == 1
    db.session.rollback()
    states = {one.ref: one.state for one in db.session.scalars(select(Case))}
    assert (states[talk], states[second]) == ("moot", "moot")


def test_who_also_acts_for_the_firm_orders_nothing(cast, world, record):
    """Nobody decides on their own side; counted by natural person."""
    torn = make_account(world.agency, Role.PROVIDER, same_person_as=world.subject)
    page = cast.as_(torn).get(f"/records/{record.ref}/rectification_order")
    assert "目前不能办理" in page.words
