"""Who sends at once, again, late, or by somebody else's token: rows 21 to 25, by the pages."""

import threading
from concurrent.futures import ThreadPoolExecutor

import pytest
from sqlalchemy import func, select

from repair_app.db import db
from repair_app.models import Case, Event, FormToken, Sanction
from repair_app.services import cases, history
from tests.factories import get_case, make_case, make_record, make_sanction
from tests.journeys.steps import row_of

MANY = 24
HANDS = 6
BUSY = 503  # another one was in the way for too long: the page says to send it again
TRIES = 20  # each of which waits for its turn, in the store
pytestmark = pytest.mark.timeout(600)


def post_at_once(app, sendings):
    """Post forms at the same moment, each until it has an answer; return the answers in order.

    sendings: (client, address, fields).
    """
    barrier = threading.Barrier(min(len(sendings), HANDS))

    def post(number):
        client, address, fields = sendings[number]
        with app.app_context():
            try:
                if number < HANDS:
                    barrier.wait(60)
                answer = client.post(address, data=fields)
                for _ in range(TRIES):
                    if answer.status_code != BUSY:
                        break
                    answer = client.post(address, data=fields)
                return answer
            finally:
                db.session.remove()

    db.session.remove()
    with ThreadPoolExecutor(HANDS) as crowd:
        answers = list(crowd.map(post, range(len(sendings))))
    db.session.rollback()
    return answers


def drawn(client, address, **fields):
    """Return what a browser would send of a page that was opened now."""
    return client, address, {**client.read(address).fields.to_dict(), **fields}


def count_events(ref, *steps):
    db.session.rollback()
    wanted = select(func.count()).where(Event.entity == ref, Event.transition.in_(steps))
    return db.session.scalar(wanted)


# --- row 21: two reviewers ------------------------------------------------------------------------


def test_row_21_pypi_2026_2_of_two_who_decide_at_once_one_decides_and_one_is_told(app, as_, world):
    case = make_case(world, "submitted")
    ref, version = case.ref, case.version
    refusal = {
        "code": "material_incomplete",
        "reason": "材料不全。",
        "remedy": "补齐材料后可再次提出。",
    }
    sendings = [
        drawn(as_(world.reviewer), f"/cases/{ref}/accept"),
        drawn(as_(world.second_reviewer), f"/cases/{ref}/refuse", **refusal),
    ]
    answers = post_at_once(app, sendings)
    assert sorted(one.status_code for one in answers) == [302, 409]
    case = get_case(ref)
    taken = "accepted" if answers[0].status_code == 302 else "refused"
    assert (case.state, case.version) == (taken, version + 1)
    assert count_events(ref, "accept", "refuse") == 1
    loser = next(one for one in answers if one.status_code == 409)
    assert loser.having("alert-warning") or loser.having("alert-danger")  # what changed
    assert history.verify_all()[1] is None


# --- row 22: the same again and again -------------------------------------------------------------


def begin_repairs(app, as_, world, *, same):
    """Begin a repair MANY times at once, by one form or by as many; return record and answers."""
    record = make_record(world.firm, world.agency)
    address = f"/records/{record.ref}/repair"
    client = as_(world.subject)
    one = drawn(client, address, statement="已缴纳罚款。")
    forms = [one if same else drawn(client, address, statement="已缴纳罚款。") for _ in range(MANY)]
    return record.id, post_at_once(app, forms)


def count_cases(record_id):
    db.session.rollback()
    return db.session.scalar(select(func.count()).where(Case.record_id == record_id))


def test_row_22_the_same_form_sent_many_times_at_once_begins_one_matter(app, as_, world):
    record, answers = begin_repairs(app, as_, world, same=True)
    assert {one.status_code for one in answers} == {302}
    assert len({one.location for one in answers}) == 1
    assert count_cases(record) == 1


def test_row_22_as_many_forms_sent_at_once_begin_one_matter(app, as_, world):
    record, answers = begin_repairs(app, as_, world, same=False)
    statuses = sorted(one.status_code for one in answers)
    assert statuses == [302] + [409] * (MANY - 1)
    assert count_cases(record) == 1


# --- row 23: somebody else's token ----------------------------------------------------------------


def test_row_23_stripe_a_token_is_one_persons_for_one_content(as_, world, machine, digest):
    """By the pages and by the interface's Idempotency-Key: the first answer, or none at all."""
    refs = [make_case(world, "submitted").ref for _ in range(3)]
    client = as_(world.reviewer)
    _, address, fields = drawn(client, f"/cases/{refs[0]}/ask_supplement", missing="营业执照")
    assert client.post(address, data=fields).status_code == 302
    before = digest()
    assert client.post(address, data=fields).status_code == 302  # answered again, not done again
    assert digest() == before
    second, _, others = drawn(as_(world.second_reviewer), f"/cases/{refs[1]}/ask_supplement")
    borrowed = {**others, "missing": "营业执照", "form_token": fields["form_token"]}
    assert second.post(f"/cases/{refs[1]}/ask_supplement", data=borrowed).status_code == 422
    assert client.post(address, data={**fields, "missing": "别的"}).status_code == 422
    assert digest() == before
    system, other = machine("reviewer"), machine("second_reviewer")
    body = {"version": get_case(refs[1]).version}
    done = system.post(f"/cases/{refs[1]}/steps/accept", body, key="one-key-4711")
    assert done.status_code in {200, 201}
    before = digest("kept_answer", "form_token")
    again = system.post(f"/cases/{refs[1]}/steps/accept", body, key="one-key-4711")
    assert (again.status_code, again.json) == (done.status_code, done.json)
    changed = system.post(f"/cases/{refs[1]}/steps/accept", {"version": 99}, key="one-key-4711")
    assert changed.status_code == 422
    assert digest("kept_answer", "form_token") == before
    # The key is this system's: another one's is its own.
    body = {"version": get_case(refs[2]).version}
    own = other.post(f"/cases/{refs[2]}/steps/accept", body, key="one-key-4711")
    assert own.status_code == done.status_code
    assert get_case(refs[2]).state == "accepted"


def test_row_23_control_without_comparing_a_token_answers_for_another_person(
    as_, world, monkeypatch
):
    """Who guesses a token is then told that their own form was taken, which it was not."""
    refs = [make_case(world, "submitted").ref for _ in range(2)]
    client, second = as_(world.reviewer), as_(world.second_reviewer)
    _, address, fields = drawn(client, f"/cases/{refs[0]}/accept")
    assert client.post(address, data=fields).status_code == 302
    _, address, others = drawn(second, f"/cases/{refs[1]}/accept")
    stolen = {**others, "form_token": fields["form_token"]}
    assert second.post(address, data=stolen).status_code == 422

    def find(session, _user, submission):
        used = session.get(FormToken, submission.token)
        return used.result_ref if used else None

    monkeypatch.setattr(cases, "find_earlier", find)
    assert second.post(address, data=stolen).status_code == 302
    assert get_case(refs[1]).state == "submitted"


# --- row 24: a page of before ---------------------------------------------------------------------


def send_late(as_, world):
    """Amend a draft from a page that a colleague's amendment made old; return answer and case."""
    case = make_case(world, "draft")
    late, other = as_(world.subject), as_(world.agent)
    sending = drawn(late, f"/cases/{case.ref}/amend", statement="先打开的页面。")
    assert other.fill(f"/cases/{case.ref}/amend", statement="后来的。").status_code == 302
    before = get_case(case.ref).version
    client, address, fields = sending
    return client.post(address, data=fields), case.ref, before


def test_row_24_a_form_from_an_older_page_is_not_taken_and_says_what_changed(as_, world):
    """The step is still to be had: only the version tells that something came in between."""
    answer, ref, version = send_late(as_, world)
    assert answer.status_code == 409
    assert "先打开的页面。" in answer.html  # what was typed stays
    assert answer.having("alert-warning") or answer.having("alert-danger")
    assert get_case(ref).version == version


def test_row_24_control_without_the_version_the_older_page_is_taken(as_, world, monkeypatch):
    """What the page drew is replaced by what is there now, as if nobody compared."""
    real, now_is = cases.lock, {}

    def lock(session, kind, ref):
        entity = real(session, kind, ref)
        now_is["version"] = entity.version
        return entity

    version = property(lambda _: now_is["version"], lambda *_: None)
    monkeypatch.setattr(cases, "lock", lock)
    monkeypatch.setattr(cases.Submission, "version", version, raising=False)
    answer, ref, before = send_late(as_, world)
    assert answer.status_code == 302
    assert get_case(ref).version == before + 1


# --- row 25: the enterprise and the agency --------------------------------------------------------


def test_row_25_withdrawn_while_the_agency_answers_there_is_one_order(app, as_, world):
    """Whoever was first: the measure is suspended while it is disputed, and then as it was."""
    record = make_record(world.firm, world.agency)
    number = make_sanction(record, world.officer).id
    imposed = row_of(sanction_of(number))
    case = make_case(world, "with_provider", record=record)
    ref = case.ref
    assert [one.lifted_at for one in sanction_of(number).suspensions] == [None]
    subject = as_(world.subject)
    withdrawing = drawn(subject, f"/cases/{ref}/withdraw", reason="已与原单位沟通。")
    answering = drawn(as_(world.provider), f"/cases/{ref}/confirm", findings="属实。")
    first, second = post_at_once(app, [withdrawing, answering])
    assert sorted((first.status_code, second.status_code)) in ([302, 404], [302, 409])
    assert count_events(ref, "withdraw", "confirm") == 1
    if first.status_code != 302:  # the answer came first: the withdrawal is sent anew
        assert [one.lifted_at for one in sanction_of(number).suspensions] == [None]
        assert subject.fill(f"/cases/{ref}/withdraw", reason="已沟通。").status_code == 302
    assert get_case(ref).state == "withdrawn"
    assert row_of(sanction_of(number)) == imposed
    assert all(one.lifted_at for one in sanction_of(number).suspensions)
    assert history.verify_all()[1] is None


def sanction_of(number):
    """Return a measure as it is now."""
    db.session.rollback()
    return db.session.get_one(Sanction, number)
