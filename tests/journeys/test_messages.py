"""Who is told of what: in the application, as the people of each side read it."""

import json

import pytest
import time_machine
from sqlalchemy import select

from repair_app.db import db, now
from repair_app.engine.telling import Kind
from repair_app.models import Event, Message, Requirement, Role, Sanction
from repair_app.services import timers
from tests.client import CSRF, text_of
from tests.factories import (
    act,
    get_case,
    initiate_sanction,
    make_account,
    make_appointment,
    make_case,
    make_pdf,
    make_record,
    make_sanction,
    requirement_of,
)
from tests.journeys.steps import (
    REF,
    case_of,
    dispute,
    in_days,
    sanctions_of,
    take,
    term_of,
)
from tests.journeys.test_loop import feed_back


def told_to(user, *refs):
    """Return the messages of an account about these references, oldest first."""
    db.session.rollback()
    own = select(Message).where(Message.account_id == user.id, Message.entity_ref.in_(refs))
    return db.session.scalars(own.order_by(Message.id)).all()


def kinds_of(user, *refs):
    return [one.kind for one in told_to(user, *refs)]


def last_kind(user, ref):
    kinds = kinds_of(user, ref)
    return kinds[-1] if kinds else None


def events_of(*refs):
    db.session.rollback()
    return db.session.scalars(select(Event).where(Event.entity.in_(refs)).order_by(Event.id)).all()


def actor_of(event):
    return json.loads(event.payload)["actor"]["account"]


def post(client, url):
    token = CSRF.search(client.get("/rules").html)[1]
    return client.post(url, data={"csrf_token": token})


# --- every step is told to the parties ---------------------------------------------------------


@pytest.mark.parametrize(
    ("workflow", "state"),
    [
        ("objection", "closed"),
        ("objection", "rejected"),
        ("objection", "removal_executed"),
        ("objection", "refused"),
        ("objection", "withdrawn"),
        ("objection", "moot"),
        ("repair", "closed"),
        ("repair", "not_granted"),
    ],
)
def test_each_party_is_told_of_each_step_of_its_case_but_not_of_its_own(world, workflow, state):
    """Every step is at least one notice to every party; each of them once."""
    record = make_record(world.firm, world.agency)
    sanction = make_sanction(record, world.officer)
    colleague = make_account(world.firm, Role.SUBJECT)
    case = make_case(world, state, workflow=workflow, record=record)
    case = case_of(case.ref)
    assert case.closed_at or case.state in {"executed", "removal_executed"}

    parties = [world.subject, colleague]
    if workflow == "objection":
        parties.append(world.agent)  # whose mandate reaches no repair
    else:
        assert told_to(world.agent, case.ref) == []
    for event in events_of(case.ref):
        for one in parties:
            told = [m for m in told_to(one, case.ref) if m.occasion == f"event:{event.id}"]
            assert len(told) == (0 if actor_of(event) == one.id else 1), event.transition
    for event in events_of(sanction.ref):
        told = [m.occasion for m in told_to(world.officer, sanction.ref)]
        assert (f"event:{event.id}" in told) == (actor_of(event) != world.officer.id)


def test_one_step_is_one_message_about_a_case_however_much_follows_from_it(world):
    record = make_record(world.firm, world.agency)
    for code in ("A01", "M01"):
        make_sanction(record, world.officer, code=code)
    case = make_case(world, "submitted", record=record)
    refs = [one.ref for one in sanctions_of(record)]
    before = len(told_to(world.subject, case.ref, record.ref, *refs))
    act(world.reviewer, "accept", case)
    assert {one.state for one in sanctions_of(record)} == {"suspended"}
    assert len(told_to(world.subject, case.ref, record.ref, *refs)) == before + 1
    # The department has to stop each of them.
    assert [last_kind(world.officer, one) for one in refs] == [Kind.TURN, Kind.TURN]


def test_those_whose_turn_it_is_are_told_so_and_at_the_end_who_had_a_part(world):
    case = make_case(world, "submitted")
    assert last_kind(world.reviewer, case.ref) == Kind.TURN
    assert last_kind(world.second_reviewer, case.ref) == Kind.TURN
    assert kinds_of(world.upper_reviewer, case.ref) == []  # of another centre
    assert kinds_of(world.provider, case.ref) == []
    act(world.reviewer, "accept", case)
    act(world.reviewer, "ask_provider", case_of(case.ref))
    assert last_kind(world.provider, case.ref) == Kind.TURN
    assert last_kind(world.second_provider, case.ref) == Kind.TURN
    assert kinds_of(world.other_provider, case.ref) == []
    act(world.provider, "confirm", case_of(case.ref))
    act(world.reviewer, "announce_rejection", case_of(case.ref))
    assert last_kind(world.subject, case.ref) == Kind.TURN
    assert last_kind(world.agent, case.ref) == Kind.TURN
    act(world.subject, "state_views", case_of(case.ref))
    act(world.second_reviewer, "sign_rejection", case_of(case.ref))
    assert last_kind(world.provider, case.ref) == Kind.ENDED
    assert last_kind(world.subject, case.ref) == Kind.ENDED
    assert last_kind(world.reviewer, case.ref) == Kind.ENDED
    assert kinds_of(world.second_reviewer, case.ref)[-1] != Kind.ENDED  # ended it
    assert kinds_of(world.auditor, case.ref) == []
    assert kinds_of(world.stranger, case.ref) == []


def test_two_accounts_of_one_person_are_not_told_of_what_that_person_did(world):
    case = make_case(world, "submitted")
    before = len(told_to(world.reviewer_again, case.ref))
    act(world.reviewer, "accept", case)
    assert len(told_to(world.reviewer_again, case.ref)) == before
    assert last_kind(world.second_reviewer, case.ref) == Kind.TURN


def test_a_draft_is_nobodys_business_but_the_enterprises(world):
    case = make_case(world, "draft")
    act(world.subject, "discard", case)
    db.session.rollback()
    told = db.session.scalars(select(Message).where(Message.entity_ref == case.ref)).all()
    assert {one.account_id for one in told} == {world.agent.id, world.torn_reviewer.id}


def test_a_complaint_is_told_to_the_reviewers_alone(cast, world, anybody):
    """鲁政发〔2017〕44号 二（三）14: nobody learns who complained."""
    record = make_record(world.firm, world.agency)
    anybody.fill(
        f"/records/{record.ref}/complaint",
        ground="error",
        capacity="other",
        statement="金额有误。",
        evidence=(make_pdf("决定书"), "a.pdf"),
    )
    db.session.rollback()
    told = db.session.scalars(select(Message).where(Message.entity_ref.like("TS-%"))).all()
    assert told
    reviewers = {world.reviewer.id, world.second_reviewer.id, world.torn_reviewer.id}
    assert {one.account_id for one in told} == reviewers | {world.reviewer_again.id}


def test_what_a_person_files_in_their_own_name_is_not_told_to_the_firm(cast, world):
    """鲁政发〔2017〕44号 四（十四）: it is theirs and not the enterprise's."""
    record = make_record(world.firm, world.agency, severity="serious", decided_days_ago=300)
    sanction = initiate_sanction(
        record, world.provider, world.department, code="P02", person="赵虚构"
    )
    with timers.transaction() as session:
        named = session.get_one(Sanction, sanction.id)
        named.person_id = world.stranger.person_id
    act(world.officer, "accept", sanction)
    assert kinds_of(world.stranger, sanction.ref) == [Kind.STEP]
    before = len(told_to(world.subject, record.ref))
    ref = dispute(cast.stranger, record)
    take(cast.reviewer, "accept", ref)
    assert kinds_of(world.stranger, ref) == [Kind.STEP]
    assert kinds_of(world.subject, ref) == []
    assert kinds_of(world.agent, ref) == []
    assert len(told_to(world.subject, record.ref)) == before
    assert post(cast.subject, f"/cases/{ref}/urge").status_code == 404
    assert post(cast.stranger, f"/cases/{ref}/urge").status_code == 302


def test_an_institution_is_told_that_a_request_was_taken_back(world, as_):
    """It is told once, that it has ended; what it is about it sees no more."""
    colleague = make_account(world.training_house, Role.INSTITUTION)
    record = make_record(world.firm, world.agency, severity="serious", decided_days_ago=300)
    case = make_case(world, "draft", workflow="repair", record=record)
    training = requirement_of(case, "training")
    act(world.subject, "enrol", training)
    asked = len(told_to(world.institution, training.ref))
    act(world.subject, "cancel", requirement_of(case, "training"))
    for one in (world.institution, colleague):
        told = told_to(one, training.ref)
        assert [message.kind for message in told[asked:]] == [Kind.ENDED]
        page = as_(one).read("/messages")
        assert training.ref in page.words
        assert f"/requirements/{training.ref}" not in page.links.values()
        assert world.firm.name not in page.words
    assert told_to(world.institution, case.ref) == []
    # Who declines knows; a colleague is told.
    act(world.subject, "enrol", requirement_of(case, "training"))
    before = len(told_to(world.institution, training.ref))
    act(world.institution, "decline", requirement_of(case, "training"))
    assert len(told_to(world.institution, training.ref)) == before
    assert last_kind(colleague, training.ref) == Kind.ENDED


def test_an_institution_is_told_that_a_request_has_ended_with_its_case(world):
    record = make_record(world.firm, world.agency, severity="serious", decided_days_ago=300)
    case = make_case(world, "draft", workflow="repair", record=record)
    training = requirement_of(case, "training")
    act(world.subject, "enrol", training)
    act(world.subject, "discard", get_case(case.ref))
    assert requirement_of(case, "training").state == "lapsed"
    assert last_kind(world.institution, training.ref) == Kind.ENDED


def test_an_institution_is_told_what_it_is_asked_and_the_enterprise_what_came_of_it(world):
    record = make_record(world.firm, world.agency, severity="serious", decided_days_ago=300)
    case = make_case(world, "draft", workflow="repair", record=record)
    training = requirement_of(case, "training")
    assert kinds_of(world.institution, training.ref) == []
    act(world.subject, "enrol", training)
    assert last_kind(world.institution, training.ref) == Kind.TURN
    act(world.institution, "confirm_training", requirement_of(case, "training"))
    assert kinds_of(world.subject, training.ref)
    assert kinds_of(world.institution, case.ref) == []  # no more of the case than it needs


def test_who_has_left_and_whose_account_is_closed_is_told_nothing(world):
    left = make_account(world.centre, Role.REVIEWER, ends_on=now().date().replace(year=2020))
    closed = make_account(world.centre, Role.REVIEWER, active=False)
    case = make_case(world, "submitted")
    assert kinds_of(left, case.ref) == kinds_of(closed, case.ref) == []
    assert kinds_of(world.reviewer, case.ref)


def test_an_enterprise_is_told_of_a_record_that_is_brought_in(world):
    record = make_record(world.firm, world.agency)
    assert kinds_of(world.subject, record.ref) == [Kind.RECORDED]
    assert kinds_of(world.agent, record.ref) == [Kind.RECORDED]
    assert kinds_of(world.stranger, record.ref) == []
    assert kinds_of(world.provider, record.ref) == []


def test_a_message_holds_labels_and_no_words_of_anybody(cast, world):
    record = make_record(world.firm, world.agency)
    ref = dispute(cast.subject, record)
    take(cast.reviewer, "ask_supplement", ref, missing="机密的话")
    db.session.rollback()
    for one in db.session.scalars(select(Message)):
        assert set(one.content) <= {"workflow", "version", "transition", "stands", "by", "due_on"}
        assert "机密" not in json.dumps(one.content, ensure_ascii=False)


# --- terms ------------------------------------------------------------------------------------


def test_who_has_to_act_is_reminded_once_and_told_once_when_it_is_late(world):
    case = make_case(world, "submitted")
    due = term_of(case.ref).due_on
    before = len(told_to(world.reviewer, case.ref))
    with time_machine.travel(f"{due.isoformat()}T02:00:00+00:00"):
        timers.remind(now())
        timers.remind(now())
        timers.mark_overdue(now())
    assert kinds_of(world.reviewer, case.ref)[before:] == [Kind.REMINDED]
    with time_machine.travel(in_days(60)):
        timers.mark_overdue(now())
        timers.mark_overdue(now())
        assert kinds_of(world.reviewer, case.ref)[before:] == [Kind.REMINDED, Kind.OVERDUE]
        assert Kind.OVERDUE not in kinds_of(world.subject, case.ref)
        timers.escalate(now())
    assert last_kind(world.upper_reviewer, case.ref) == Kind.ESCALATED
    assert last_kind(world.subject, case.ref) == Kind.STEP


def test_a_term_that_was_claimed_is_told_to_who_claimed_it(world):
    case = make_case(world, "submitted")
    term = term_of(case.ref)
    with timers.transaction():
        term_of_session = db.session.get(type(term), term.id)
        term_of_session.assignee_id = world.second_reviewer.id
    with time_machine.travel(in_days(60)):
        timers.mark_overdue(now())
    assert last_kind(world.second_reviewer, case.ref) == Kind.OVERDUE
    assert Kind.OVERDUE not in kinds_of(world.reviewer, case.ref)


def test_an_enterprise_is_reminded_of_its_own_term(world):
    case = make_case(world, "supplement_asked")
    due = term_of(case.ref).due_on
    with time_machine.travel(f"{due.isoformat()}T02:00:00+00:00"):
        timers.remind(now())
    assert last_kind(world.subject, case.ref) == Kind.REMINDED
    assert last_kind(world.agent, case.ref) == Kind.REMINDED
    assert Kind.REMINDED not in kinds_of(world.reviewer, case.ref)


# --- urging ---------------------------------------------------------------------------------------


def test_an_enterprise_urges_once_a_working_day_while_others_have_to_act(cast, world):
    case = make_case(world, "submitted")
    url = f"/cases/{case.ref}/urge"
    assert url in cast.subject.read(f"/cases/{case.ref}").html
    assert post(cast.subject, url).location == f"/cases/{case.ref}"
    assert url not in cast.subject.read(f"/cases/{case.ref}").html
    assert post(cast.subject, url).status_code == 409
    assert post(cast.agent, url).status_code == 409  # once for the case, whoever asks
    assert last_kind(world.reviewer, case.ref) == Kind.URGED
    assert kinds_of(world.reviewer, case.ref).count(Kind.URGED) == 1
    assert Kind.URGED not in kinds_of(world.provider, case.ref)
    assert kinds_of(world.subject, case.ref)[-1] == Kind.URGING
    moment = told_to(world.subject, case.ref)[-1].created_at
    assert moment.isoformat() in cast.auditor.read(f"/cases/{case.ref}").html
    with time_machine.travel(in_days(20)):  # whatever holidays lie between
        assert post(cast.agent, url).status_code == 302
    assert kinds_of(world.reviewer, case.ref).count(Kind.URGED) == 2


@pytest.mark.parametrize("state", ["draft", "supplement_asked", "withdrawn"])
def test_a_case_that_waits_for_nobody_else_cannot_be_urged(cast, world, state):
    case = make_case(world, state)
    assert f"/cases/{case.ref}/urge" not in cast.subject.read(f"/cases/{case.ref}").html
    assert post(cast.subject, f"/cases/{case.ref}/urge").status_code == 409
    assert Kind.URGED not in kinds_of(world.reviewer, case.ref)


def test_only_who_filed_a_case_can_urge_it(cast, world, anybody, digest):
    case = make_case(world, "submitted")
    url = f"/cases/{case.ref}/urge"
    before = digest()
    assert post(cast.reviewer, url).status_code == 409
    assert post(cast.stranger, url).status_code == 404
    assert post(cast.provider, url).status_code in {404, 409}
    assert post(anybody, url).status_code == 401
    assert cast.subject.post(url).status_code == 400  # without a token
    assert digest() == before
    for one in (cast.reviewer, cast.provider):
        assert url not in one.read(f"/cases/{case.ref}").html


# --- the inbox ---------------------------------------------------------------------------------


def test_messages_are_read_one_by_one_or_all_at_once(cast, world):
    case = make_case(world, "submitted")
    page = cast.reviewer.read("/messages")
    assert case.ref in page.words
    number = told_to(world.reviewer, case.ref)[-1].id
    answer = post(cast.reviewer, f"/messages/{number}/read")
    assert answer.status_code == 302
    assert answer.location == f"/cases/{case.ref}"
    assert told_to(world.reviewer, case.ref)[-1].read_at
    other = make_case(world, "submitted")
    assert post(cast.reviewer, "/messages/read").status_code == 302
    assert all(one.read_at for one in told_to(world.reviewer, case.ref, other.ref))
    assert not any(one.read_at for one in told_to(world.second_reviewer, case.ref, other.ref))
    assert not cast.reviewer.read("/messages").tree.findall(".//main//form")


def test_the_number_of_unread_messages_stands_on_every_page(cast, world):
    def number(client):
        header = client.read("/rules").tree.find(".//header")
        link = next(one for one in header.iter("a") if one.get("href") == "/messages")
        return "".join(link.itertext()).split()

    assert not [one for one in number(cast.reviewer) if one.isdigit()]
    make_case(world, "submitted")
    assert "1" in number(cast.reviewer)
    with timers.transaction() as session:
        first = session.scalars(
            select(Message).where(Message.account_id == world.reviewer.id)
        ).first()
        columns = {
            name: getattr(first, name)
            for name in ("account_id", "kind", "entity_ref", "content", "created_at")
        }
        session.add_all(Message(occasion=f"copy:{n}", **columns) for n in range(120))
    assert "99+" in number(cast.reviewer)


def test_another_persons_message_is_not_there(cast, world):
    case = make_case(world, "submitted")
    number = told_to(world.reviewer, case.ref)[-1].id
    assert cast.second_reviewer.get(f"/messages/{number}").status_code == 404
    assert post(cast.second_reviewer, f"/messages/{number}/read").status_code == 404
    assert told_to(world.reviewer, case.ref)[-1].read_at is None
    assert cast.stranger.get(f"/messages/about/{case.ref}").status_code == 404


def test_a_message_of_what_one_may_no_longer_see_has_no_link(cast, world):
    helper = make_account(world.agency, Role.PROVIDER)
    make_appointment(helper, world.other_agency, Role.PROVIDER)
    case = make_case(world, "with_provider")
    assert case.ref in cast.as_(helper).read("/messages").words
    with timers.transaction() as session:
        seat = next(one for one in helper.appointments if one.organisation_id == world.agency.id)
        session.delete(session.get(type(seat), seat.id))
    page = cast.as_(helper).read("/messages")
    assert case.ref in page.words
    number = told_to(helper, case.ref)[-1].id
    assert post(cast.as_(helper), f"/messages/{number}/read").location == "/messages"
    assert "打开" not in cast.as_(helper).read("/messages").words
    assert cast.as_(helper).get(f"/messages/{number}").location == "/messages"


def test_messages_speak_the_readers_language(cast, world):
    case = make_case(world, "submitted")
    assert "异议" in cast.reviewer.read("/messages").words
    english = cast.reviewer.get("/messages", headers={"Accept-Language": "en"})
    assert f"Objection {case.ref}" in english.words
    assert "it is your turn" in english.words
    assert "Please act by" in english.words


def test_until_when_one_has_to_act_is_told_as_long_as_it_is_ones_turn(cast, world):
    case = make_case(world, "submitted")

    def words(client):
        return client.get("/messages", headers={"Accept-Language": "en"}).words

    assert words(cast.reviewer).count("Please act by") == 1
    assert "Please act by" not in words(cast.subject)
    act(world.reviewer, "accept", case)
    act(world.reviewer, "ask_provider", case_of(case.ref))
    assert "Please act by" not in words(cast.reviewer)
    assert words(cast.provider).count("Please act by") == 1
    assert "Please act by" not in words(cast.subject)


def asking(client):
    """Return what each message that asks its reader to act says, newest first."""
    marked = [*client.read("/messages").having("held"), *client.read("/messages").having("bad")]
    return [text_of(one) for one in marked]


def test_a_message_about_a_step_that_was_taken_asks_no_more(cast, world):
    case = make_case(world, "submitted")
    assert asking(cast.reviewer) == ["轮到您办理"]
    assert asking(cast.second_reviewer) == ["轮到您办理"]
    act(world.reviewer, "accept", case)
    assert "已无需您办理" in cast.reviewer.read("/messages").words
    act(world.reviewer, "ask_provider", case_of(case.ref))
    for name in ("reviewer", "second_reviewer"):
        client = getattr(cast, name)
        assert asking(client) == [], name
        assert "轮到您办理" not in client.read("/messages").words, name
    assert asking(cast.provider) == ["轮到您办理"]
    # It comes back: the new turn asks, the old one does not.
    act(world.provider, "confirm", case_of(case.ref))
    assert asking(cast.provider) == []
    act(world.reviewer, "return_to_provider", case_of(case.ref))
    assert asking(cast.provider) == ["轮到您办理"]
    take(cast.subject, "withdraw", case.ref)
    assert asking(cast.provider) == []


def test_a_reminder_of_a_step_that_was_taken_asks_no_more(cast, world):
    case = make_case(world, "submitted")
    term = term_of(case.ref)
    with time_machine.travel(f"{term.due_on}T02:00:00Z", tick=False):
        timers.remind(now())
        assert "办理期限即将届满" in asking(cast.reviewer)
        act(world.reviewer, "accept", case)
        act(world.reviewer, "ask_provider", case_of(case.ref))
        assert asking(cast.reviewer) == []


def test_a_reminder_of_what_was_done_in_an_unchanged_state_waits_for_nobody(cast, world):
    """What was fed back is not put off, though the measure stays in force."""
    sanction = make_sanction(make_record(world.firm, world.agency), world.officer)
    due = term_of(sanction.ref).due_on
    with time_machine.travel(f"{due}T02:00:00Z", tick=False):
        timers.remind(now())
        assert "办理期限即将届满" in asking(cast.officer)
        feed_back(cast.officer, sanction)
        words = cast.officer.read("/messages").words
    assert db.session.get(Sanction, sanction.id).state == "in_force"
    assert "已无需您办理" in words
    assert "期限已调整" not in words


def test_a_reminder_of_a_term_that_runs_to_another_day_says_that_it_was_moved(cast, world, under):
    under("zhejiang")
    case = make_case(world, "with_provider")
    due = term_of(case.ref).due_on
    with time_machine.travel(f"{due}T02:00:00Z", tick=False):
        timers.remind(now())
        take(cast.provider, "ask_extension", case.ref, reason="尚待调取案卷。")
        take(cast.reviewer, "extend", case.ref, reason="同意延长。")
        words = cast.provider.read("/messages").words
    assert "期限已调整" in words


def test_a_long_list_is_read_page_by_page_with_few_queries(cast, world, app):
    from sqlalchemy import event as hook

    make_case(world, "submitted")
    post(cast.reviewer, "/messages/read")

    def count():
        seen = []

        def note(*_):
            seen.append(1)

        hook.listen(db.engine, "before_cursor_execute", note)
        page = cast.reviewer.read("/messages")
        hook.remove(db.engine, "before_cursor_execute", note)
        return len(seen), page

    one, _ = count()
    for _ in range(4):
        make_case(world, "accepted")
    with timers.transaction() as session:
        first = session.scalars(
            select(Message).where(Message.account_id == world.reviewer.id)
        ).first()
        session.add_all(
            Message(
                occasion=f"copy:{n}",
                account_id=first.account_id,
                kind=first.kind,
                entity_ref=first.entity_ref,
                content=first.content,
                created_at=first.created_at,
            )
            for n in range(40)
        )
    post(cast.reviewer, "/messages/read")
    many, page = count()
    assert many <= one
    older = next(address for address in page.links.values() if "before=" in address)
    refs = REF.findall(cast.reviewer.read(older).words)
    assert refs


def test_the_messages_of_every_kind_of_thing_lead_to_a_page(cast, world):
    record = make_record(world.firm, world.agency, severity="serious", decided_days_ago=300)
    make_sanction(record, world.officer)
    case = make_case(world, "submitted", workflow="repair", record=record)
    db.session.rollback()
    requirement = db.session.scalars(
        select(Requirement).where(
            Requirement.case_id == case.id, Requirement.workflow == "training"
        )
    ).one()
    for name, ref in (
        ("subject", record.ref),
        ("subject", sanctions_of(record)[0].ref),
        ("institution", requirement.ref),
        ("reviewer", case.ref),
    ):
        message = told_to(getattr(world, name), ref)[-1]
        answer = getattr(cast, name).get(f"/messages/{message.id}")
        assert getattr(cast, name).follow(answer).status_code == 200
        assert answer.location != "/messages"
