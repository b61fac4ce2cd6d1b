"""Controls of rows 6 to 32: who asks for what is not theirs, or not yet, or not at all.

The guard of a row is taken away, and the attack succeeds; with it, it is refused.
"""

import contextlib
import itertools
import threading
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from datetime import datetime

import pytest
from flask import has_request_context, request
from sqlalchemy import func, select, true

from repair_app import access
from repair_app.db import db
from repair_app.engine import machine as machines
from repair_app.forms import FORMS
from repair_app.models import Case, CaseNote, Document, Organisation, Role, StagedUpload
from repair_app.services import cases, desk, drafts, removals
from tests.factories import (
    annul_record,
    get_case,
    make_account,
    make_case,
    make_record,
    make_sanction,
)
from tests.journeys.steps import certify
from tests.security.test_access_refused import enrol_for_training, stepped_in_bulk, upload
from tests.security.test_at_once_refused import count_events, drawn
from tests.security.test_guards_taken_away import post
from tests.security.test_looking_refused import NOTE

one_store = pytest.mark.parametrize("stage", ["sqlite"], indirect=True)  # no query is special
on_postgresql = pytest.mark.parametrize("stage", ["postgresql"], indirect=True)


@pytest.fixture
def without_guards(monkeypatch):
    """Give a function from whose call on no guard of a workflow says no."""
    return lambda: monkeypatch.setattr(machines, "reasons_against", lambda *_: ())


# --- rows 6 to 9: reading what is others' ---------------------------------------------------------


@one_store
def test_row_06_control_without_the_question_whose_file_it_is_another_firms_is_filed(
    as_, world, monkeypatch
):
    mine, theirs = (make_record(one, world.agency) for one in (world.firm, world.other_firm))
    token = upload(as_(world.stranger), f"/records/{theirs.ref}/objection")

    def file_it():
        page = f"/records/{mine.ref}/objection"
        client = as_(world.subject)
        fields = client.read(page).fields.to_dict(flat=False)
        client.post(page, data={**fields, "statement": "有误。", "staged": token})
        return db.session.scalars(select(Document.filename)).all()

    assert file_it() == []

    def find_any(_user, _page, tokens):
        return db.session.scalars(select(StagedUpload).where(StagedUpload.token.in_(tokens))).all()

    monkeypatch.setattr(drafts, "find_staged", find_any)
    assert file_it() == ["密.pdf"]


@one_store
def test_row_07_control_without_the_condition_a_list_is_of_everybodys_cases(
    as_, machine, world, monkeypatch
):
    ref = make_case(world, "with_provider").ref
    system, client = machine("other_provider"), as_(world.other_provider)

    def listed():
        return [one["ref"] for one in system.get("/cases").json["cases"]]

    def found():
        return ref in client.get(f"/work?tab=team&q={world.firm.name}").html

    assert (listed(), found()) == ([], False)
    monkeypatch.setattr(access, "visible_to", lambda _: true())
    assert listed() == [ref]
    monkeypatch.setattr("repair_app.services.inbox.waits_for", lambda *_: true())
    assert found()


@one_store
def test_row_08_control_without_the_condition_colleagues_are_those_of_all_offices(
    machine, world, monkeypatch
):
    other = make_account(world.other_agency, Role.PROVIDER, name="别处某甲").person.name
    system = machine("provider")

    def offered():
        return other in [one["name"] for one in system.get("/colleagues").json["colleagues"]]

    assert not offered()
    everywhere = db.session.scalars(select(Organisation.id)).all()
    monkeypatch.setattr(desk, "organisations_as", lambda *_: everywhere)
    assert offered()


@one_store
def test_row_09_control_without_the_question_whose_note_it_is_a_party_reads_it(
    as_, machine, world, monkeypatch
):
    ref = make_case(world, "with_provider").ref
    client = as_(world.reviewer)
    data = {"csrf_token": client.token(), "note": NOTE}
    assert client.post(f"/cases/{ref}/notes", data=data).status_code == 302
    system = machine("subject")
    assert system.get(f"/cases/{ref}/notes").status_code == 403
    monkeypatch.setattr(desk, "read_offices", lambda *_: None)
    assert system.get(f"/cases/{ref}/notes").json["notes"][0]["body"] == NOTE


# --- rows 10, 14: acting where one has no office --------------------------------------------------


@one_store
@pytest.mark.parametrize("name", ["administrator", "auditor"])
def test_row_10_control_without_the_question_by_which_office_who_has_none_decides(
    as_, world, monkeypatch, name
):
    """Three guards, one behind the other: whose it is, whose step it is, and the machine's own."""
    ref = make_case(world, "submitted").ref
    client = as_(getattr(world, name))
    assert post(client, ref, "accept") in {403, 404}
    monkeypatch.setattr(access, "concerns", lambda _seat, _entity: True)
    assert post(client, ref, "accept") == 403
    monkeypatch.setattr(machines, "choose_actor", lambda _step, actors: next(iter(actors)))
    assert post(client, ref, "accept") == 403
    assert get_case(ref).state == "submitted"

    def as_whoever_may(step, actors):
        return replace(next(iter(actors)), role=step.by[0])

    monkeypatch.setattr(machines, "choose_actor", as_whoever_may)
    assert post(client, ref, "accept") == 302
    assert get_case(ref).state == "accepted"


@one_store
@pytest.mark.parametrize("way", ["page", "interface", "in bulk", "note"])
def test_row_14_control_without_the_question_whose_it_is_every_way_is_open_to_another_agency(
    as_, machine, world, monkeypatch, way
):
    case = make_case(world, "executed" if way == "in bulk" else "with_provider")
    ref, version = case.ref, case.version
    client, system = as_(world.other_provider), machine("other_provider")
    body = {"version": version, "answers": {"findings": "属实。"}}
    ways = {
        "page": lambda: post(client, ref, "confirm"),
        "interface": lambda: system.post(f"/cases/{ref}/steps/confirm", body).status_code,
        "in bulk": lambda: stepped_in_bulk(client, ref, "confirm_execution", version),
        "note": lambda: system.post(f"/cases/{ref}/notes", {"note": "x"}).status_code,
    }
    assert ways[way]() in {403, 404}
    monkeypatch.setattr(access, "concerns", lambda _seat, _entity: True)
    assert ways[way]() in {200, 201, 302}
    if way == "note":
        assert db.session.scalar(select(CaseNote.body)) == "x"
    else:
        assert get_case(ref).state == ("closed" if way == "in bulk" else "confirmed")


# --- row 20: further fields -----------------------------------------------------------------------


@one_store
def test_row_20_control_where_a_form_reads_whatever_is_sent_a_further_field_is_obeyed(
    as_, world, monkeypatch
):
    """`about_id`, which no form of an objection asks: it is then about a case of another firm."""
    record = make_record(world.firm, world.agency)
    others = make_case(
        world,
        "submitted",
        record=make_record(world.other_firm, world.agency),
        subject=world.stranger,
    ).id
    client = as_(world.subject)

    def begin(ground):
        page = f"/records/{record.ref}/objection"
        fields = client.read(page).fields.to_dict()
        told = {"statement": "有误。", "value_fine_10k": "1", "about_id": others}
        answer = client.post(page, data={**fields, **told, "ground": ground})
        assert answer.status_code == 302, answer.html
        newest = select(Case.about_id).where(Case.record_id == record.id).order_by(Case.id.desc())
        return db.session.scalars(newest).first()

    assert begin("error") is None
    form = FORMS["ObjectionForm"]
    read = form.read_facts

    def read_all(own):
        return {**read(own), "about_id": int(request.form["about_id"])}

    monkeypatch.setattr(form, "read_facts", read_all)
    assert begin("over_term") == others


# --- row 25: at the same time ---------------------------------------------------------------------


@on_postgresql
@pytest.mark.timeout(600)
def test_row_25_control_without_the_lock_both_go_on_and_only_the_database_keeps_one_out(
    app, as_, world, monkeypatch
):
    """Both see the case with the agency, and begin: the number of an event is given once."""
    record = make_record(world.firm, world.agency)
    make_sanction(record, world.officer)
    ref = make_case(world, "with_provider", record=record).ref
    sendings = [
        drawn(as_(world.subject), f"/cases/{ref}/withdraw", reason="已与原单位沟通。"),
        drawn(as_(world.provider), f"/cases/{ref}/confirm", findings="属实。"),
    ]
    both, calls = threading.Barrier(2), itertools.count()

    def look_only(session, _kind, ref):
        found = session.scalars(select(Case).where(Case.ref == ref)).one()
        if next(calls) < 2:
            both.wait(60)
        return found

    begun, fire = [], machines.fire

    def note_and_fire(session, policy, entity, name, *given, **more):
        begun.append(name)
        return fire(session, policy, entity, name, *given, **more)

    monkeypatch.setattr(machines, "fire", note_and_fire)
    monkeypatch.setattr(cases, "lock", look_only)

    def send(sending):
        client, address, fields = sending
        with app.app_context():
            try:
                return client.post(address, data=fields).status_code
            finally:
                db.session.remove()

    db.session.remove()
    with ThreadPoolExecutor(2) as crowd:
        statuses = list(crowd.map(send, sendings))
    assert {"withdraw", "confirm"} <= {*begun}
    statuses.remove(302)
    assert statuses in ([409], [503])  # 503: it waited for the other one's event for too long
    assert count_events(ref, "withdraw", "confirm") == 1


# --- row 26: whose clock --------------------------------------------------------------------------


@one_store
def test_row_26_control_where_the_clients_clock_counts_a_case_is_filed_years_ago(
    as_, world, monkeypatch
):
    def filed():
        record = make_record(world.firm, world.agency)
        ref = make_case(world, "draft", record=record).ref
        client = as_(world.subject)
        fields = client.read(f"/cases/{ref}/submit").fields
        lied = {"submitted_at": "2020-01-01T00:00:00+08:00"}
        answer = client.post(f"/cases/{ref}/submit", data={**fields, **lied})
        assert answer.status_code == 302
        return get_case(ref).submitted_at.year

    assert filed() >= 2026
    real = cases.now

    def now_as_it_is_said():
        said = has_request_context() and request.form.get("submitted_at")
        return datetime.fromisoformat(said) if said else real()

    monkeypatch.setattr(cases, "now", now_as_it_is_said)
    assert filed() < 2026


# --- row 28: what fails ---------------------------------------------------------------------------


@one_store
def test_row_28_control_without_undoing_what_failed_is_done_all_the_same(
    app, as_, world, digest, monkeypatch
):
    """As the library leaves it: the effects have run, and the state is the new one."""
    ref = make_case(world, "submitted").ref
    client = as_(world.reviewer)
    before = digest()

    def fail(*_args, **_more):
        raise RuntimeError("in the middle")

    monkeypatch.setattr(cases, "remember", fail)
    monkeypatch.setitem(app.config, "PROPAGATE_EXCEPTIONS", False)
    assert post(client, ref, "accept") == 500
    assert digest() == before
    real = cases.transaction

    @contextlib.contextmanager
    def keeping():
        failure = None
        with real() as session:
            try:
                yield session
            except RuntimeError as error:
                failure = error
        if failure:
            raise failure

    monkeypatch.setattr(cases, "transaction", keeping)
    assert post(client, ref, "accept") == 500
    assert digest() != before
    assert get_case(ref).state == "accepted"


# --- row 29: evidence that was filed --------------------------------------------------------------


@one_store
def test_row_29_control_without_the_question_whether_it_was_filed_evidence_is_taken_out(
    as_, world, monkeypatch
):
    """Two guards: the page's own, and the step, which drafts alone have."""
    case = make_case(world, "submitted")
    ref, document = case.ref, case.documents[0].ref
    client = as_(world.subject)

    def take_out():
        data = {"csrf_token": client.token()}
        status = client.post(f"/documents/{document}/remove", data=data).status_code
        return status, len(get_case(ref).documents)

    assert take_out() == (409, 1)
    monkeypatch.setattr(removals, "DRAFT", "submitted")
    assert take_out() == (409, 1)
    monkeypatch.setattr(
        removals, "take_out", lambda session, _case, paper, _actor: session.delete(paper)
    )
    assert take_out() == (302, 0)


# --- rows 30 to 32: what a workflow asks first ----------------------------------------------------


@one_store
def test_row_30_control_without_the_guards_a_certificate_serves_another_firm(
    as_, world, digest, without_guards
):
    """That a number is given once, an index of the table enforces behind them."""
    own, again = (enrol_for_training(world, world.subject, world.firm) for _ in range(2))
    client = as_(world.institution)
    other_firms = {"uscc": world.other_firm.uscc}
    assert certify(client, "confirm_training", own, "培训7号", **other_firms).status_code == 409
    without_guards()
    assert certify(client, "confirm_training", own, "培训7号", **other_firms).status_code == 302
    before = digest()
    assert certify(client, "confirm_training", again, "培训7号").status_code == 409
    assert digest() == before
    assert certify(client, "confirm_training", again, "培训8号").status_code == 302


@one_store
def test_row_31_control_without_the_guards_the_database_keeps_the_second_objection_out(
    as_, world, digest, without_guards
):
    """Two guards: what the first says in words, an index of the table enforces behind it."""
    case = make_case(world, "accepted")
    ref, record = case.ref, case.record.ref
    client, before = as_(world.subject), digest()

    def begin_again():
        told = {"ground": "error", "statement": "再说一遍。", "value_fine_10k": "1"}
        page = client.fill(f"/records/{record}/objection", **told)
        assert page.status_code == 409
        assert digest() == before
        return ref in page.html

    assert begin_again()  # it is told which one is open
    without_guards()
    assert not begin_again()


@one_store
def test_row_31_control_without_the_guards_an_answered_ground_is_disputed_again(
    as_, world, without_guards
):
    case = make_case(world, "rejected")
    record = case.record.ref
    client = as_(world.subject)

    def begin_again():
        page = f"/records/{record}/objection"
        fields = {"ground": case.ground, "statement": "再说一遍。", "value_fine_10k": "1"}
        return client.fill(page, **fields).status_code

    assert begin_again() == 409
    without_guards()
    assert begin_again() == 302


@one_store
@pytest.mark.parametrize("gone", ["removed", "over"])
def test_row_32_control_without_the_guards_a_record_that_is_gone_is_disputed(
    as_, world, without_guards, gone
):
    days = {"decided_days_ago": 6 * 365} if gone == "over" else {}
    record = make_record(world.firm, world.agency, **days)
    if gone == "removed":
        annul_record(world, record)
    ref = record.ref
    client = as_(world.subject)

    def begin():
        page = client.get(f"/records/{ref}/objection")
        told = {"ground": "error", "statement": "有误。", "value_fine_10k": "1"}
        answer = client.send(page, f"/records/{ref}/objection", **told)
        return answer.status_code

    assert begin() == 409
    without_guards()
    assert begin() == 302
    assert db.session.scalar(select(func.count()).where(Case.workflow == "objection")) == 1
