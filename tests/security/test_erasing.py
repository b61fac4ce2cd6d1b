"""Erasing what is said of a person: gone everywhere, the chains whole, and an event says so."""

import json

import pytest
from sqlalchemy import select

from repair_app.db import db, now
from repair_app.models import (
    Case,
    Complaint,
    ComplaintContact,
    ComplaintPaper,
    Document,
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
from repair_app.services import backups, drafts, evidence, history, sessions
from repair_app.services.transaction import transaction
from repair_app.uploads import check_upload
from tests.factories import PDF, make_case, make_pdf, make_record, make_upload
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


def last_facts(number):
    """Return what the newest events say, the oldest first."""
    found = db.session.scalars(select(Event).order_by(Event.id.desc()).limit(number)).all()
    return [json.loads(one.payload)["facts"] for one in reversed(found)]


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


# --- papers that came with a complaint ------------------------------------------------------------


def complain(anybody, record, *papers):
    """Complain about a record at the public page, with papers; return the case's reference."""
    answer = anybody.fill(
        f"/records/{record.ref}/complaint",
        ground="not_the_subject",
        capacity="employee",
        statement="处罚对象不是这家企业，我在那里工作。",
        contact="13912345678",
        evidence=[(content, f"我的工牌{number}.pdf") for number, content in enumerate(papers)],
    )
    assert answer.status_code == 302, answer.mistakes
    db.session.rollback()
    newest = select(Case.ref).where(Case.workflow == "complaint").order_by(Case.id.desc())
    return db.session.scalars(newest).first()


def papers_of(ref):
    """Return number, name and hash of the papers of a complaint."""
    db.session.rollback()
    asked = select(ComplaintPaper.id, ComplaintPaper.filename, ComplaintPaper.sha256)
    of = asked.join(Complaint, Complaint.id == ComplaintPaper.complaint_id).join(Case)
    return db.session.execute(of.where(Case.ref == ref).order_by(ComplaintPaper.id)).all()


def stored():
    """Return the names of all files in the store of the evidence."""
    return {one["path"] for some in evidence.store().list() for one in some}


def test_papers_of_who_complained_are_gone_and_their_hashes_stay(
    world, run, app, as_, anybody, machine
):
    record = make_record(world.firm, world.agency)
    ref = complain(anybody, record, make_pdf("工牌"), make_pdf("工资单"))
    reviewer, system = as_(world.reviewer), machine("reviewer")
    before = papers_of(ref)
    for number, _, digest in before:
        assert reviewer.get(f"/work/complaints/papers/{number}").status_code == 200
        assert evidence.path_of(digest) in stored()
    code, said = run("complainant", ref, "--reason", WHY)
    assert (code, "2 papers" in said) == (0, True)
    assert [(one.id, one.filename, one.sha256) for one in papers_of(ref)] == [
        (number, "", digest) for number, _, digest in before
    ]
    page = reviewer.read(f"/work/complaints/{ref}")
    assert "我的工牌" not in page.html
    assert page.words.count("已删除的材料") == 2
    assert [one["name"] for one in system.get(f"/complaints/{ref}").json["papers"]] == ["", ""]
    for number, _, digest in before:
        assert reviewer.get(f"/work/complaints/papers/{number}").status_code == 404
        assert system.get(f"/complaints/papers/{number}").status_code == 404
        assert evidence.path_of(digest) not in stored()
    # The ledger names the hashes, the papers are on file by them, and nothing counts as lost.
    assert app.test_cli_runner().invoke(args=["verify", "--all"]).exit_code == 0
    assert backups.list_lost_papers(db.session(), stored(), set()) == []
    hashes = sorted(one.sha256 for one in before)
    assert last_facts(2) == [
        {"of": ref, "what": "complainant", "hashes": hashes},
        {"of": ref, "what": "papers", "erased": hashes, "kept": []},
    ]
    assert run("complainant", ref, "--reason", WHY)[0] == 0  # again: nothing more to do


def test_a_paper_that_others_handed_in_as_well_stays_with_them(world, run, as_, anybody):
    """By its hash it lies in the store once; the complaint leads to it no more."""
    content, alone = make_pdf("同一份材料"), make_pdf("仅此一份")
    record = make_record(world.firm, world.agency)
    case = make_case(world, "submitted", uploads=[make_upload(content)])
    ref = complain(anybody, record, content, alone)
    other = complain(anybody, make_record(world.firm, world.agency), alone)
    code, said = run("complainant", ref, "--reason", WHY)
    assert code == 0
    assert "0 papers" in said
    assert "2 more" in said
    assert (last_facts(1)[0]["erased"], len(last_facts(1)[0]["kept"])) == ([], 2)
    document = db.session.scalar(select(Document).where(Document.case_id == case.id))
    assert as_(world.subject).get(f"/documents/{document.ref}").data == content
    reviewer = as_(world.reviewer)
    (kept,) = papers_of(other)
    assert reviewer.get(f"/work/complaints/papers/{kept.id}").data == alone
    assert reviewer.get(f"/work/complaints/papers/{papers_of(ref)[0].id}").status_code == 404
    # With the last complaint that had it, it goes.
    assert "1 papers" in run("complainant", other, "--reason", WHY)[1]
    assert evidence.path_of(kept.sha256) not in stored()
    assert history.verify_all()[1] is None


@pytest.mark.parametrize("stage", ["sqlite"], indirect=True)  # no query is special
def test_a_store_that_cannot_delete_is_told_and_the_command_can_be_run_again(
    world, run, as_, anybody, monkeypatch
):
    ref = complain(anybody, make_record(world.firm, world.agency), make_pdf("工牌"))
    (paper,) = papers_of(ref)

    def refuse(_digest):
        raise PermissionError("write-once")

    with monkeypatch.context() as patch:
        patch.setattr(evidence, "throw_away", refuse)
        code, said = run("complainant", ref, "--reason", WHY)
    assert code == 1
    assert "run it again" in said
    assert [one["what"] for one in last_facts(1)] == ["complainant"]  # it calls nothing erased yet
    assert evidence.path_of(paper.sha256) in stored()
    assert as_(world.reviewer).get(f"/work/complaints/papers/{paper.id}").status_code == 404
    assert run("complainant", ref, "--reason", WHY)[0] == 0
    assert evidence.path_of(paper.sha256) not in stored()
