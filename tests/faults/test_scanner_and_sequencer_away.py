"""F13, F17: the virus scanner does not answer; the sequencer stands still for a day."""

import base64
import hashlib
import io
import socket
from datetime import timedelta
from itertools import pairwise

import pytest
import time_machine
from sqlalchemy import delete, func, select

from repair_app import merkle, virus_scan
from repair_app.db import db, now
from repair_app.forms import base
from repair_app.models import (
    Alarm,
    Complaint,
    ComplaintPaper,
    Document,
    Event,
    PendingLeaf,
    StagedUpload,
    TreeCheckpoint,
    TreeLeaf,
)
from repair_app.notes import Checkpoint, open_note
from repair_app.services import evidence, history, vitals
from repair_app.services.transaction import transaction
from repair_app.services.tree import keys, log
from tests.api.conftest import machine
from tests.clamav import running_scanner
from tests.factories import PDF, act, get_case, make_case, make_record
from tests.history.conftest import key_file
from tests.history.test_sequencing import add_events

__all__ = ["key_file", "machine"]
one_store = pytest.mark.parametrize("stage", ["sqlite"], indirect=True)  # no query is special
pytestmark = pytest.mark.timeout(600)


def count(model):
    db.session.rollback()
    return db.session.scalar(select(func.count()).select_from(model))


# --- F13: the scanner -----------------------------------------------------------------------------


@pytest.fixture(params=["away", "silent", "nonsense"])
def scanner(request, app, monkeypatch):
    """Have a scanner that nobody runs, one that never answers, and one that says something else."""
    monkeypatch.setattr(virus_scan, "TIMEOUT", 0.2)
    if request.param == "nonsense":
        with running_scanner(longest=0) as one:  # every file is too large for it
            monkeypatch.setitem(app.config, "CLAMAV", one.address)
            yield
        return
    with socket.create_server(("127.0.0.1", 0)) as line:  # connects, and that is all
        address = f"tcp:127.0.0.1:{line.getsockname()[1]}"
        if request.param == "away":
            line.close()
        monkeypatch.setitem(app.config, "CLAMAV", address)
        yield


def kept_files():
    """Return how many files there are, in tables and in the store of the evidence."""
    rows = [count(one) for one in (Document, StagedUpload, ComplaintPaper, Complaint)]
    return rows, sorted(one["path"] for some in evidence.store().list() for one in some)


def hand_in_everywhere(as_, anybody, machine, world):
    """Hand a file in by each door there is; return the answers by the name of the door."""
    record, client = make_record(world.firm, world.agency), as_(world.subject)
    address = f"/records/{record.ref}/objection"
    paper = base64.b64encode(PDF).decode()
    answers = {"ground": "error", "statement": "有误。", "value_fine_10k": "1"}
    staged = {
        "csrf_token": client.token(),
        "draft_page": address,
        "evidence": (io.BytesIO(PDF), "证据.pdf"),
    }
    told = {
        "ground": "not_the_subject",
        "capacity": "employee",
        "statement": "处罚对象不是这家企业，见所附材料。",
    }
    return {
        "page": client.fill(address, evidence=(PDF, "证据.pdf"), statement="有误。"),
        "staged": client.post("/uploads", data=staged, headers={"Accept": "application/json"}),
        "interface": machine("subject").post(
            f"/records/{make_record(world.firm, world.agency).ref}/matters/objection",
            {"answers": answers, "files": [{"name": "证据.pdf", "content": paper}]},
        ),
        "complaint": anybody.fill(
            f"/records/{record.ref}/complaint", evidence=(PDF, "证据.pdf"), **told
        ),
    }


@one_store
def test_while_the_scanner_does_not_answer_no_door_keeps_a_file_and_steps_are_taken(
    as_, anybody, machine, world, scanner
):
    before = kept_files()
    answers = hand_in_everywhere(as_, anybody, machine, world)
    assert {name: one.status_code for name, one in answers.items()} == dict.fromkeys(answers, 503)
    assert kept_files() == before
    assert answers["page"].fields["statement"] == "有误。"  # what was typed is kept
    assert any("病毒检查" in one for one in answers["page"].mistakes)
    case = make_case(world, "submitted")
    assert as_(world.reviewer).fill(f"/cases/{case.ref}/accept").status_code == 302
    act(world.reviewer, "ask_provider", get_case(case.ref))
    assert get_case(case.ref).state == "with_provider"


@one_store
def test_when_the_scanner_is_back_the_same_files_are_taken(
    as_, anybody, machine, world, app, monkeypatch
):
    with running_scanner() as one:
        monkeypatch.setitem(app.config, "CLAMAV", one.address)
        answers = hand_in_everywhere(as_, anybody, machine, world)
    assert {name: one.status_code for name, one in answers.items() if one.status_code >= 400} == {}
    assert one.seen == [PDF] * 4  # each was looked at before it was kept
    assert count(Document) >= 1
    assert count(ComplaintPaper) == 1


@one_store
def test_control_who_takes_silence_for_an_answer_keeps_what_nobody_looked_at(
    as_, anybody, machine, world, app, monkeypatch
):
    def trusting(address, content):
        try:
            return virus_scan.find_virus(address, content)
        except virus_scan.ScannerAway:
            return ""

    monkeypatch.setitem(app.config, "CLAMAV", "tcp:127.0.0.1:9")
    monkeypatch.setattr(base, "find_virus", trusting)
    hand_in_everywhere(as_, anybody, machine, world)
    assert count(ComplaintPaper) == 1
    assert count(Document) >= 1


# --- F17: the sequencer ---------------------------------------------------------------------------

BACKLOG = 1_000  # events that come to wait in a day; the tree takes 256 at a time
DAY = 24 * 60 * 60


def lag():
    """Return what the metrics say of how long the oldest event has been without a checkpoint."""
    db.session.rollback()
    found = {one.name: one.values for one in vitals.ask_history(db.session())}
    return found["redress_checkpoint_lag_seconds"][""]


def hashes_in_order():
    """Return the hashes of all events, as they have their places in the tree."""
    placed = select(Event.hash).join(TreeLeaf, TreeLeaf.event_id == Event.id)
    return list(db.session.scalars(placed.order_by(TreeLeaf.position)))


def stand_still_for_a_day(world):
    """Sequence what there is, then let a day's events come to wait; return the size signed."""
    with time_machine.travel(now() - timedelta(seconds=DAY), tick=False):
        add_events(3)
        log.sequence(now())
        size = log.newest(db.session()).size
        case = make_case(world, "submitted")
        for _ in range(BACKLOG // 250):
            add_events(250)
    act(world.reviewer, "accept", case)  # writing goes on
    assert get_case(case.ref).state == "accepted"
    return size


@pytest.mark.usefixtures("key_file")
def test_after_a_day_without_a_sequencer_it_catches_up_in_pieces_without_a_gap(world):
    signed = stand_still_for_a_day(world)
    assert lag() == pytest.approx(DAY, abs=600)  # told by whoever is asked, without a sequencer
    waiting = count(PendingLeaf)
    assert waiting > BACKLOG
    before = dict(db.session.execute(select(TreeLeaf.position, TreeLeaf.event_id)).all())
    assert log.sequence(now()) == waiting
    assert count(PendingLeaf) == 0
    assert lag() == 0
    rows = db.session.execute(
        select(TreeLeaf.position, TreeLeaf.event_id).order_by(TreeLeaf.position)
    ).all()
    assert [one.position for one in rows] == list(range(count(Event)))  # no gap, none twice
    rows = [tuple(one) for one in rows]
    assert rows[: len(before)] == sorted(before.items())  # what had a place keeps it
    later = [number for _, number in rows[len(before) :]]
    assert later == sorted(later)  # in the order of the ledger
    sizes = list(db.session.scalars(select(TreeCheckpoint.size).order_by(TreeCheckpoint.size)))
    steps = [after - one for one, after in pairwise(sizes)]
    assert sizes[0] == signed
    assert max(steps) <= log.WIDTH
    assert len(steps) >= waiting // log.WIDTH
    # Each checkpoint is the root of what it covers, computed anew, and bears the log's signature.
    leaves = [hashlib.sha256(b"\0" + bytes.fromhex(one)).digest() for one in hashes_in_order()]
    known = list(keys.list_verifiers(db.session()))
    for one in db.session.scalars(select(TreeCheckpoint)):
        said = Checkpoint.read(open_note(one.note, known)[0])
        assert (said.size, said.root) == (one.size, merkle.hash_all(leaves[: one.size]))
    assert history.verify_all()[1] is None


@one_store
@pytest.mark.usefixtures("key_file")
def test_a_sequencer_that_is_stopped_midway_goes_on_where_it_was(world, monkeypatch):
    stand_still_for_a_day(world)
    real, done = log.sequence_some, []

    def stop_at_the_third(session):
        done.append(real(session))
        if len(done) == 3:
            raise KeyboardInterrupt
        return done[-1]

    with monkeypatch.context() as patch:
        patch.setattr(log, "sequence_some", stop_at_the_third)
        with pytest.raises(KeyboardInterrupt):
            log.sequence(now())
    db.session.rollback()
    assert count(TreeLeaf) == log.newest(db.session()).size  # the third piece was taken back
    left = count(PendingLeaf)
    assert left
    assert log.sequence(now()) == left
    assert history.verify_all()[1] is None


@one_store
@pytest.mark.usefixtures("key_file")
def test_control_an_event_that_a_sequencer_passes_over_is_found(world):
    """As one that goes by the last number does with what is committed late under a lower one."""
    stand_still_for_a_day(world)
    waits = select(PendingLeaf.event_id).order_by(PendingLeaf.event_id)
    with transaction() as session:
        passed_over = session.scalars(waits).all()[300]
        session.execute(delete(PendingLeaf).where(PendingLeaf.event_id == passed_over))
    log.sequence(now())
    flaw = history.verify_all()[1]
    assert flaw is not None
    missing = db.session.get_one(Event, passed_over)
    assert (flaw.stream, flaw.seq) == (missing.stream, missing.seq)


@one_store
@pytest.mark.usefixtures("key_file")
def test_control_what_the_sequencer_says_itself_is_nothing_while_it_stands_still(world):
    """Its alarm comes with its next round: what is watched from outside is the figure."""
    stand_still_for_a_day(world)
    assert count(Alarm) == 0
    assert lag() > DAY - 600
