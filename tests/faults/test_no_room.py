"""F4: where a disk is full a form is refused as a whole, and taken when there is room again."""

import resource
from contextlib import contextmanager

import pytest
from sqlalchemy import select

from repair_app.db import db
from repair_app.models import Document, Event
from repair_app.services import evidence
from tests.factories import make_case, make_pdf

ENGLISH = {"Accept-Language": "en"}
PAPER = make_pdf("a paper that finds no room", size=200_000)
NEVER_WRITTEN = make_pdf("a paper that no test has put down", size=210_000)  # kept by its hash
ROOM = 100_000  # bytes: no file of this process grows beyond them


@contextmanager
def no_room():
    """Refuse this process every byte of a file beyond ROOM, as a full disk would."""
    soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (ROOM, hard))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))


def files_of_evidence(app):
    folder = app.config["DATA_FOLDER"] / "evidence"
    return {one.name for one in folder.rglob("*") if one.is_file()}


@pytest.fixture
def supplement(app, world, as_):
    """Give the browser of an enterprise that is asked for a paper, the page, and its form."""
    case = make_case(world, "supplement_asked")
    client, page = as_(world.subject), f"/cases/{case.ref}/supplement"
    return case.ref, client, page, client.get(page, headers=ENGLISH)


@pytest.mark.parametrize("stage", ["postgresql"], indirect=True)
def test_a_paper_that_finds_no_room_leaves_neither_file_nor_row(app, supplement, digest):
    ref, client, page, form = supplement
    sent = {"statement": "见附件。", "evidence": (PAPER, "证明.pdf")}
    before, files = digest(), files_of_evidence(app)
    with no_room():
        answer = client.send(form, page, **sent)
    assert (answer.status_code, answer.headers["Retry-After"]) == (503, "10")
    assert digest() == before
    assert files_of_evidence(app) == files
    assert client.send(form, page, **sent).status_code == 302
    [document] = db.session.scalars(select(Document).where(Document.size == len(PAPER))).all()
    assert evidence.read(document) == PAPER
    assert taken(ref) == 1


@pytest.mark.parametrize("stage", ["sqlite"], indirect=True)
def test_a_store_without_room_takes_nothing_and_then_goes_on(app, supplement, digest):
    ref, client, page, form = supplement
    sent = {"statement": "补充说明。"}
    before = digest()
    with no_room():
        answer = client.send(form, page, **sent)
    assert (answer.status_code, answer.headers["Retry-After"]) == (503, "10")
    assert "暂时无法访问" in answer.words
    assert digest() == before
    assert client.send(form, page, **sent).status_code == 302
    assert taken(ref) == 1


@pytest.mark.parametrize("stage", ["postgresql"], indirect=True)
def test_control_who_writes_the_row_first_names_a_paper_that_is_not_there(
    app, supplement, monkeypatch
):
    """What makes file and row agree is their order: bytes first, and no row without them."""
    _ref, client, page, form = supplement
    monkeypatch.setattr(evidence, "write", lambda _upload: None)
    client.send(form, page, statement="见附件。", evidence=(NEVER_WRITTEN, "证明.pdf"))
    wanted = select(Document).where(Document.size == len(NEVER_WRITTEN))
    [document] = db.session.scalars(wanted).all()
    with pytest.raises(FileNotFoundError):
        evidence.read(document)


def taken(ref):
    """Return how often the supplement of a case was taken."""
    db.session.rollback()
    wanted = select(Event).where(Event.entity == ref, Event.transition == "supplement")
    return len(db.session.scalars(wanted).all())
