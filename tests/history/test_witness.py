"""A witness signs what only adds to what it signed, remembers it first, and is not fooled."""

import hashlib
import http.client
import re
import subprocess
import sys
from base64 import b64encode
from collections.abc import Callable, Iterator
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from flask import Flask
from sqlalchemy import func, select

from config import ROOT
from repair_app import merkle, notes
from repair_app.db import db, now
from repair_app.models import Alarm, Event, TreeCheckpoint, TreeCosignature
from repair_app.notes import LOG, WITNESS, Checkpoint, Malformed, Signer, open_note
from repair_app.services.tree import log, witnesses
from repair_app.witness import office
from repair_app.witness.office import Witness
from tests import factories
from tests.factories import World

ORIGIN = "redress.example/history"
LEAVES = [merkle.hash_leaf(str(number).encode()) for number in range(40)]
OTHERS = [merkle.hash_leaf(b"x" + str(number).encode()) for number in range(40)]
one_store = pytest.mark.parametrize("stage", ["sqlite"], indirect=True)  # no query is special


def hash_of(leaves: list[bytes]) -> merkle.HashOf:
    return lambda level, index: merkle.hash_all(leaves[index << level : (index + 1) << level])


@pytest.fixture
def signer() -> Signer:
    return Signer.make(ORIGIN)


@pytest.fixture
def witness(tmp_path: Path, signer: Signer) -> Witness:
    key = office.find_key(tmp_path, "province.example/w1")
    return Witness(tmp_path, key, [signer.verifier])


def request(
    signer: Signer,
    old: int,
    size: int,
    leaves: list[bytes] = LEAVES,
    proof: list[bytes] | None = None,
) -> bytes:
    """Return a request as a log makes it, for a tree of these leaves."""
    said = Checkpoint(signer.name, size, merkle.hash_all(leaves[:size])).text
    if proof is None:
        proof = merkle.prove_consistency(old, size, hash_of(leaves)) if 0 < old <= size else []
    hashes = "".join(f"{b64encode(one).decode()}\n" for one in proof)
    return f"old {old}\n{hashes}\n{said}\n{signer.sign(said)}".encode()


# --- what it signs ---


def test_it_signs_what_only_grows(witness: Witness, signer: Signer) -> None:
    for old, size in ((0, 5), (5, 8), (8, 8), (8, 40)):
        body = request(signer, old, size)
        answer = witness.add_checkpoint(body)
        assert answer.status == 200
        note = body.decode().partition("\n\n")[2] + answer.text
        assert open_note(note, [witness.signer.verifier])[1] == [witness.signer.verifier]
        name = hashlib.sha256(ORIGIN.encode()).hexdigest()
        assert witness.read_note(name).text == note


def test_it_takes_no_other_history_for_the_one_it_signed(witness: Witness, signer: Signer) -> None:
    assert witness.add_checkpoint(request(signer, 0, 8)).status == 200
    refused = [
        request(signer, 8, 20, OTHERS),  # rewritten
        request(signer, 8, 8, OTHERS),  # of the same size
        request(signer, 8, 20, proof=[]),
        request(signer, 8, 20, proof=[bytes(32)] * 3),
        request(signer, 8, 8, proof=[bytes(32)]),
    ]
    assert [witness.add_checkpoint(one).status for one in refused] == [422] * len(refused)
    assert witness.read_last(ORIGIN).size == 8


def test_a_history_that_was_put_back_is_answered_with_the_size_it_had(
    witness: Witness, signer: Signer
) -> None:
    witness.add_checkpoint(request(signer, 0, 20))
    for old in (0, 5, 21):
        answer = witness.add_checkpoint(request(signer, old, max(old, 5)))
        assert (answer.status, answer.text, answer.kind) == (409, "20\n", "text/x.tlog.size")
    assert witness.add_checkpoint(request(signer, 20, 5)).status == 400


def test_an_empty_tree_has_its_own_root_and_needs_no_proof(
    witness: Witness, signer: Signer
) -> None:
    assert witness.add_checkpoint(request(signer, 0, 0)).status == 200
    said = Checkpoint(ORIGIN, 0, bytes(32)).text
    body = f"old 0\n\n{said}\n{signer.sign(said)}".encode()
    assert witness.add_checkpoint(body).status == 422
    assert witness.add_checkpoint(request(signer, 0, 5, proof=[bytes(32)])).status == 422


def test_strangers_are_refused(witness: Witness, signer: Signer) -> None:
    other = Signer.make("other.example/log")
    assert witness.add_checkpoint(request(other, 0, 5)).status == 404
    namesake = Signer.make(ORIGIN)
    assert witness.add_checkpoint(request(namesake, 0, 5)).status == 403
    forged = request(signer, 0, 5).replace(b"\n5\n", b"\n6\n")
    assert witness.add_checkpoint(forged).status == 403
    assert witness.read_last(ORIGIN).size == 0


@pytest.mark.parametrize(
    "body",
    [
        b"",
        b"old 0\n",
        b"old 0\n\n",
        b"new 0\n\n",
        b"\xff\xfe",
        b"old 00\n\nx\n",
        b"old 0\nAAAA\n\nx",
    ],
)
def test_what_is_no_request_is_said_to_be_none(witness: Witness, body: bytes) -> None:
    assert witness.add_checkpoint(body).status == 400


def test_more_hashes_than_any_tree_has_are_refused(witness: Witness, signer: Signer) -> None:
    body = request(signer, 0, 5, proof=[bytes(32)] * 64)
    assert witness.add_checkpoint(body).status == 400


def test_it_remembers_before_it_answers(
    witness: Witness, signer: Signer, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Where the disk takes nothing, nothing is signed; and what was there stays whole."""
    witness.add_checkpoint(request(signer, 0, 5))

    def full(*_: Any) -> None:
        raise OSError("disk full")

    monkeypatch.setattr(office.os, "fsync", full)
    with pytest.raises(OSError, match="disk full"):
        witness.add_checkpoint(request(signer, 5, 8))
    monkeypatch.undo()
    assert witness.read_last(ORIGIN).size == 5
    again = Witness(witness.folder, witness.signer, [signer.verifier])  # after a start
    assert again.add_checkpoint(request(signer, 5, 8)).status == 200


def test_its_key_is_its_own(tmp_path: Path) -> None:
    key = office.find_key(tmp_path, "province.example/w1")
    assert (tmp_path / "witness_key").stat().st_mode & 0o077 == 0
    assert office.find_key(tmp_path, "province.example/w1").write() == key.write()
    with pytest.raises(Malformed):
        office.find_key(tmp_path, "another.example/w1")


def test_it_uses_nothing_of_the_application() -> None:
    imported = re.findall(
        r"^(?:from|import) (repair_app\S*)",
        "".join(one.read_text() for one in (ROOT / "repair_app" / "witness").glob("*.py")),
        re.MULTILINE,
    )
    assert set(imported) <= {"repair_app", "repair_app.notes", "repair_app.witness.office"}
    code = (
        "import sys, repair_app.witness.__main__; "
        "print([one for one in sys.modules if one.startswith(('flask', 'sqlalchemy'))])"
    )
    done = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, check=True, cwd=ROOT
    )
    assert done.stdout.strip() == "[]"


# --- the program, and the log that asks it ---


class Program:
    """A witness of its own process; stopped by its own pid."""

    def __init__(self, folder: Path, vkey: str) -> None:
        command = [sys.executable, "-m", "repair_app.witness", "--data", str(folder)]
        more = ["--log-vkey", vkey, "--name", "province.example/w1", "--port", "0"]
        self.process = subprocess.Popen(
            [*command, *more], stderr=subprocess.PIPE, text=True, cwd=ROOT
        )
        assert self.process.stderr is not None
        line = self.process.stderr.readline()
        found = re.fullmatch(r"witness: (\S+) (http://127\.0\.0\.1:\d+)\n", line)
        assert found, line
        self.vkey, self.url = found.groups()

    def stop(self) -> None:
        self.process.kill()
        self.process.wait()
        assert self.process.stderr is not None
        self.process.stderr.close()


@pytest.fixture
def program(
    app: Flask,
    world: World,
    key_file: Path,
    tmp_path_factory: pytest.TempPathFactory,
    monkeypatch: pytest.MonkeyPatch,
) -> Iterator[Program]:
    """Give a witness that the application is told of."""
    factories.make_case(world, "submitted")
    log.sequence(now())
    checkpoint = log.newest(db.session())
    assert checkpoint is not None
    vkey = str(notes.Signer.read(key_file.read_text().strip()).verifier)
    folder = tmp_path_factory.mktemp("witness")
    running = Program(folder, vkey)
    monkeypatch.setitem(app.config, "WITNESSES", f"{running.vkey} {running.url}")
    monkeypatch.setitem(app.config, "WEBHOOK_INSIDE", "127.0.0.0/8")
    yield running
    running.stop()


def signed_sizes() -> list[int]:
    db.session.rollback()
    return list(db.session.scalars(select(TreeCosignature.size).order_by(TreeCosignature.size)))


def test_the_newest_checkpoint_is_sent_and_what_the_witness_signs_is_kept(
    world: World, program: Program
) -> None:
    assert witnesses.ask_witnesses(now()) == 1
    assert witnesses.ask_witnesses(now()) == 0  # nothing is new
    factories.make_case(world, "submitted")
    log.sequence(now())
    assert witnesses.ask_witnesses(now()) == 1
    sizes = signed_sizes()
    assert len(sizes) == 2
    assert sizes[-1] == db.session.scalar(select(func.max(TreeCheckpoint.size)))
    note = log.newest_note(db.session())
    assert note is not None
    assert [one.name for one in open_note(note, witnesses.list_verifiers())[1]] == [
        "province.example/w1"
    ]


@one_store
def test_a_witness_that_remembers_what_the_log_forgot_is_asked_from_there(
    world: World, program: Program, attack: Callable[..., None]
) -> None:
    witnesses.ask_witnesses(now())
    attack("DELETE FROM tree_cosignature")
    factories.make_case(world, "submitted")
    log.sequence(now())
    assert witnesses.ask_witnesses(now()) == 1


@one_store
def test_a_history_that_was_rewritten_is_not_signed_and_there_is_an_alarm(
    world: World, program: Program, attack: Callable[..., None]
) -> None:
    """The operator owns database and key: begins the tree anew without the first event."""
    witnesses.ask_witnesses(now())
    signed = signed_sizes()
    first = db.session.scalar(select(func.min(Event.id)))
    attack(
        "DELETE FROM tree_cosignature",
        "DELETE FROM tree_checkpoint",
        "DELETE FROM tree_tile",
        "DELETE FROM tree_leaf",
        "UPDATE tree_head SET size = 0",
        f"INSERT INTO pending_leaf (event_id) SELECT id FROM event WHERE id > {first}",
    )
    factories.make_case(world, "submitted")
    # The attack took the trigger on SQLite.
    attack(
        "INSERT INTO pending_leaf (event_id) SELECT id FROM event"
        f" WHERE id > {first} AND id NOT IN (SELECT event_id FROM pending_leaf)"
    )
    log.sequence(now())
    assert witnesses.ask_witnesses(now() + timedelta(seconds=61)) == 0
    db.session.rollback()
    found = db.session.scalars(select(Alarm)).one()
    assert (found.kind, found.about, found.text) == (
        "history",
        "province.example/w1",
        "it answers 422",
    )
    assert signed_sizes() == []
    assert signed


@one_store
def test_a_witness_that_is_away_keeps_nobody_waiting_and_is_told_of_after_a_minute(
    world: World, program: Program
) -> None:
    program.stop()
    assert witnesses.ask_witnesses(now()) == 0
    assert db.session.scalar(select(func.count()).select_from(Alarm)) == 0
    case = factories.make_case(world, "submitted")
    assert case.state == "submitted"
    log.sequence(now())
    assert witnesses.ask_witnesses(now() + timedelta(seconds=61)) == 0
    db.session.rollback()
    assert db.session.scalars(select(Alarm.text)).one() == "no_connection"


@one_store
def test_other_addresses_of_the_program_are_nothing(app: Flask, program: Program) -> None:
    host, _, port = program.url.removeprefix("http://").partition(":")
    for method, path, body, status in (
        ("POST", "/", "x", 404),
        ("GET", "/", None, 404),
        ("GET", "/nothing/checkpoint", None, 404),
        ("POST", "/add-checkpoint", "x" * 70_000, 413),
        ("PUT", "/add-checkpoint", "x", 501),
    ):
        line = http.client.HTTPConnection(host, int(port), timeout=30)
        line.request(method, path, body)
        assert line.getresponse().status == status
        line.close()


# --- settings ---


def test_a_setting_names_witnesses_by_key_and_address() -> None:
    one, two = (str(Signer.make(f"w{number}.example", WITNESS).verifier) for number in (1, 2))
    text = f"{one} https://one.example/, {two} https://two.example/w"
    found = witnesses.read_settings(text)
    assert [(str(each.key), each.url) for each in found] == [
        (one, "https://one.example"),
        (two, "https://two.example/w"),
    ]
    assert witnesses.read_settings("") == []
    a_log = Signer.make("log.example", LOG).verifier
    for bad in (one, f"{a_log} https://x.example", "x https://x.example"):
        with pytest.raises(Malformed):
            witnesses.read_settings(bad)
