"""Erasing what is said of a person: gone everywhere, the chains whole, and an event says so."""

import json

import pytest
from sqlalchemy import select

from repair_app.db import db, now
from repair_app.models import (
    Complaint,
    ComplaintContact,
    Draft,
    Event,
    EventText,
    Identity,
    Message,
    Person,
    SavedSearch,
    SignIn,
    StagedUpload,
    User,
)
from repair_app.services import drafts, evidence, history, sessions
from repair_app.services.transaction import transaction
from repair_app.uploads import check_upload
from tests.factories import PDF, make_case, make_record
from tests.web.test_sign_in import try_to_sign_in

WHY = "本人申请，依据个人信息保护法第四十七条"


@pytest.fixture
def run(app):
    """Give a function that runs a command of erasing; it returns exit code and output."""

    def run_command(*words):
        db.session.rollback()
        done = app.test_cli_runner().invoke(args=["erase", *map(str, words)])
        db.session.rollback()
        return done.exit_code, done.output

    return run_command


def last_event():
    return db.session.scalar(select(Event).order_by(Event.id.desc()))


def test_words_are_gone_and_every_chain_is_whole(world, run):
    case = make_case(world, "submitted")
    words = db.session.scalar(
        select(EventText).join(Event).where(Event.stream == case.record.ref).limit(1)
    ) or db.session.scalar(select(EventText).limit(1))
    event = words.event
    said, stream, seq, number = words.body, event.stream, event.seq, event.id
    assert run("words", stream, seq, "--reason", " ")[0] == 1
    assert run("words", stream, seq, "--reason", WHY)[0] == 0
    kept = db.session.get(EventText, number)
    assert (kept.salt, kept.body) == (None, None)
    assert said not in db.session.scalars(select(EventText.body)).all()
    assert history.verify_all()[1] is None
    told = last_event()
    assert (told.workflow, told.transition, told.entity) == ("operations", "erase", "store")
    assert json.loads(told.payload)["facts"] == {
        "of": stream,
        "what": "words",
        "seq": seq,
        "hash": event.hash,
    }
    assert WHY not in told.payload
    assert WHY in told.text.body
    assert run("words", stream, seq, "--reason", WHY)[0] == 1  # there is nothing any more
    assert run("words", stream, 99, "--reason", WHY)[0] == 1


def test_who_complained_is_gone_and_that_somebody_did_stays(world, run):
    case = make_case(world, "submitted")
    with transaction() as session:
        complaint = Complaint(
            case_id=case.id, code_digest="d", capacity="other", statement="我是张三"
        )
        complaint.contact = ComplaintContact(contact="13912345678")
        session.add(complaint)
    assert run("complainant", case.ref, "--reason", WHY)[0] == 0
    assert db.session.scalar(select(ComplaintContact)) is None
    assert db.session.scalar(select(Complaint.statement)) == "（已删除）"
    assert last_event().transition == "erase"
    assert history.verify_all()[1] is None
    assert run("complainant", "YY-2026-999999-X", "--reason", WHY)[0] == 1


def test_an_account_that_was_closed_is_nobodys_and_keeps_nothing(world, run, anybody):
    user = world.second_provider
    number, email, name, person = user.id, user.email, user.person.name, user.person_id
    page = f"/records/{make_record(world.firm, world.agency).ref}/objection"
    sessions.begin(user, "")
    drafts.stage(world.subject, page, check_upload("甲.pdf", PDF))
    with transaction() as session:
        session.add(Draft(account_id=number, page=page, values={}, saved_at=now()))
        session.add(Identity(user_id=number, issuer="https://id.example", subject="7"))
        session.add(
            SavedSearch(account_id=number, page="work", name="n", query="q", created_at=now())
        )
        staged = session.scalar(select(StagedUpload))
        staged.account_id = number
        token = staged.token
    code, said = run("account", "--email", email, "--reason", WHY)
    assert code == 1
    assert "deactivate it first" in said
    with transaction() as session:
        session.get_one(User, number).active = False
    assert run("account", "--email", email, "--reason", WHY)[0] == 0
    gone = db.session.get(User, number)
    assert email not in gone.email
    assert gone.password is None
    assert gone.person.name == "（已删除）"
    assert db.session.get(Person, person).name != name
    for model in (Draft, SavedSearch, SignIn, StagedUpload, Message):
        found = select(model).where(model.account_id == number)
        assert db.session.scalar(found) is None, model
    assert db.session.scalar(select(Identity)) is None
    assert not [one for some in evidence.store().list() for one in some if token in one["path"]]
    assert last_event().transition == "erase"
    assert email not in last_event().payload
    assert history.verify_all()[1] is None
    assert try_to_sign_in(anybody, email).status_code == 200
    assert run("account", "--email", email, "--reason", WHY)[0] == 1
