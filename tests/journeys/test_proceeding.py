"""The decision is before a reconsideration body or a court: noted on the record, and no more."""

from repair_app.db import db, now
from repair_app.models import Case
from tests.factories import make_record, make_sanction
from tests.journeys.steps import (
    ask_department,
    begin,
    case_of,
    ledger_is_whole,
    ruling,
    sanctions_of,
    state_on,
    take,
    term_of,
)

SUIT = {"proceeding": "suit"}


def is_noted(client, record):
    """Say whether a page of a record says that its decision is before another body."""
    return bool(client.read(f"/records/{record.ref}").having("alert-warning"))


def test_a_suit_is_noted_and_neither_publication_nor_measures_stop(cast, world, anybody):
    """《行政处罚法》第七十三条, 《行政复议法》第四十二条: 不停止执行; noted for everybody."""
    record = make_record(world.firm, world.agency)
    make_sanction(record, world.officer)
    ref = begin(cast.subject, "proceeding", record, **ruling("已受理。"), **SUIT)
    assert not is_noted(anybody, record)  # said is not shown
    page = take(cast.reviewer, "note", ref)
    assert state_on(page) == "已标注：复议或者诉讼中"
    assert is_noted(anybody, record)
    assert record.ref in anybody.read(f"/?q={world.firm.uscc}").html
    assert not any(one.suspensions for one in sanctions_of(record))  # it is no verification
    assert ask_department(cast.officer, world.firm.uscc) == [True]
    assert term_of(ref).due_on > now().date()  # and it is looked after
    assert ledger_is_whole()


def test_a_decision_that_is_upheld_stays_and_the_note_goes(cast, world, anybody):
    """《深圳经济特区社会信用条例》第四十三条（参照）: the note lasts as long as the proceeding."""
    record = make_record(world.firm, world.agency)
    ref = begin(cast.subject, "proceeding", record, **ruling("已受理。"), **SUIT)
    take(cast.reviewer, "note", ref)
    page = take(cast.reviewer, "report_upheld", ref, **ruling("驳回诉讼请求。"))
    assert state_on(page) == "原决定被维持"
    assert not is_noted(anybody, record)
    assert anybody.read(f"/records/{record.ref}")


def test_a_decision_that_is_annulled_has_the_record_withdrawn_by_the_provider(cast, world, anybody):
    """《山东省社会信用条例》第四十条: 被撤销的，三个工作日内; the result itself sets it going."""
    record = make_record(world.firm, world.agency)
    make_sanction(record, world.officer)
    ref = begin(cast.subject, "proceeding", record, **ruling("已受理。"), **SUIT)
    take(cast.reviewer, "note", ref)
    take(cast.reviewer, "report_annulled", ref, **ruling("撤销行政处罚决定。"))
    db.session.rollback()
    annulment = db.session.query(Case).filter_by(workflow="annulment").one()
    assert (annulment.state, annulment.about_id) == ("announced", case_of(ref).id)
    assert annulment.ref in cast.provider.read("/work").html
    page = cast.provider.read(f"/cases/{annulment.ref}")
    assert ref in page.words  # by what it was annulled
    take(cast.provider, "sign", annulment.ref)
    assert anybody.get(f"/records/{record.ref}").status_code == 404
    assert ask_department(cast.officer, world.firm.uscc) == [False]
    assert ledger_is_whole()


def test_what_is_not_shown_to_be_pending_is_not_noted(cast, world, anybody):
    """《深圳经济特区社会信用条例》第四十三条（参照）: by the body's own notice, not by word."""
    record = make_record(world.firm, world.agency)
    given = {**ruling("已受理。"), **SUIT, "evidence": []}
    assert cast.subject.fill(f"/records/{record.ref}/proceeding", **given).status_code == 400
    ref = begin(cast.subject, "proceeding", record, **ruling("已受理。"), **SUIT)
    take(cast.reviewer, "refuse", ref, reason="通知书与该处罚无关。")
    assert not is_noted(anybody, record)
    assert "通知书与该处罚无关。" in cast.subject.read(f"/cases/{ref}").words
    assert begin(cast.subject, "proceeding", record, **ruling("已受理。"), **SUIT)


def test_one_proceeding_is_noted_once_and_goes_when_it_is_withdrawn(cast, world, anybody):
    """REDRESS 复议、诉讼撤回的，标注随之撤下."""
    record = make_record(world.firm, world.agency)
    ref = begin(cast.subject, "proceeding", record, **ruling("已受理。"), **SUIT)
    page = cast.subject.fill(f"/records/{record.ref}/proceeding", **ruling("又一份。"), **SUIT)
    assert page.status_code == 409
    take(cast.reviewer, "note", ref)
    take(cast.subject, "withdraw", ref)
    assert not is_noted(anybody, record)
