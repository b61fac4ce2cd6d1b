"""What the subject takes home: it verifies without us, and one changed byte is enough to fail."""

import hashlib
import json
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest
from flask import Flask
from sqlalchemy import select

from repair_app.db import db, now, writing
from repair_app.models import Case, Event, EventText, Letter, TreeCosignature, Viewing
from repair_app.notes import WITNESS, Signer
from repair_app.services import viewings
from repair_app.services.transaction import transaction
from repair_app.services.tree import bundle, keys, log
from tests import factories
from tests.bundles import (
    PROGRAM,
    SENTENCE,
    SUMS,
    flip,
    judge,
    list_files,
    load_program,
    sum_up,
    unpack,
    verify,
)
from tests.client import Client
from tests.factories import World

pytestmark = pytest.mark.usefixtures("key_file")
one_store = pytest.mark.parametrize("stage", ["sqlite"], indirect=True)  # no query is special
LONGEST_PROOF = 2048  # bytes


@pytest.fixture
def case(world: World) -> Case:
    """Give a case that was accepted after a checkpoint: with a letter that names it, and texts."""
    case = factories.make_case(world, "submitted")
    log.sequence(now())
    factories.act(world.reviewer, "accept", case)
    log.sequence(now())
    return case


def take(client: Client, case: Case) -> bytes:
    answer = client.get(f"/cases/{case.ref}/proof.zip")
    assert answer.status_code == 200
    assert answer.mimetype == "application/zip"
    return answer.data


# --- it verifies ---


def test_the_subjects_bundle_verifies_offline(
    world: World, case: Case, as_: Callable[..., Client], tmp_path: Path
) -> None:
    folder = unpack(take(as_(world.subject), case), tmp_path / "b")
    done = verify(folder)
    assert done.returncode == 0, done.stdout + done.stderr
    events = db.session.scalars(select(Event).where(Event.stream == case.ref)).all()
    assert f"✓ VERIFIED: {len(events)} events" in done.stdout
    assert "属实" in done.stdout
    printed = next((folder / "printed").iterdir()).stem
    assert f"on a letter 文书所载 1: {printed} · " in done.stdout
    assert len(list((folder / "events").glob("*.json"))) == len(events)
    assert case.ref in (folder / "README.txt").read_text()
    for proof in (folder / "proofs").iterdir():
        assert proof.stat().st_size <= LONGEST_PROOF


def test_the_program_is_short_and_uses_nothing_of_ours() -> None:
    lines = PROGRAM.read_text().splitlines()
    assert len(lines) <= 150
    imported = [
        one.split()[1].partition(".")[0] for one in lines if one.startswith(("import", "from"))
    ]
    assert set(imported) - set(sys.stdlib_module_names) == {"cryptography"}


def test_a_proof_stays_below_two_kilobytes_in_a_history_of_a_hundred_million() -> None:
    from repair_app import notes

    signer, other = Signer.make("redress.example/history"), Signer.make("redress.example/history")
    said = notes.Checkpoint("redress.example/history", 10**8, bytes(32)).text
    witness = Signer.make("province.example/witness-1", WITNESS)
    lines = (signer.sign(said), other.sign(said), witness.sign(said, 1))
    proof = notes.write_proof(10**8 - 1, [bytes(32)] * 27, f"{said}\n{''.join(lines)}")
    assert len(proof.encode()) <= LONGEST_PROOF


@one_store
def test_a_witness_that_signed_is_named_and_its_key_is_in_the_bundle(
    app: Flask, world: World, case: Case, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    witness = Signer.make("province.example/w1", WITNESS)
    monkeypatch.setitem(app.config, "WITNESSES", f"{witness.verifier} http://127.0.0.1:1")
    checkpoint = log.newest(db.session())
    assert checkpoint is not None
    said = checkpoint.note.partition("\n\n")[0] + "\n"
    with transaction() as session:
        line = witness.sign(said, 1_700_000_000)
        session.add(TreeCosignature(size=checkpoint.size, name=witness.name, line=line, at=now()))
    factories.make_case(world, "submitted")
    log.sequence(now())  # a newer checkpoint, which no witness has signed
    folder = unpack(bundle.of_office(case.ref), tmp_path / "b")
    done = verify(folder)
    assert done.returncode == 0, done.stdout
    assert "province.example/w1" in done.stdout


@one_store
def test_keys_from_elsewhere_decide(world: World, case: Case, tmp_path: Path) -> None:
    folder = unpack(bundle.of_office(case.ref), tmp_path / "b")
    own = tmp_path / "own.txt"
    own.write_text((folder / "keys.txt").read_text())
    assert verify(folder, str(own)).returncode == 0
    own.write_text(f"{Signer.make('redress.invalid/history').verifier}\n")
    done = verify(folder, str(own))
    assert done.returncode == 1
    assert "stranger" in done.stdout


# --- one byte ---


@one_store
def test_one_changed_byte_anywhere_is_found(world: World, case: Case, tmp_path: Path) -> None:
    """Every byte of each kind of file that is checked, by a forger who writes the sums anew.

    The program runs in this process for it.
    """
    folder = unpack(bundle.of_office(case.ref), tmp_path / "b")
    run = load_program()
    assert run(folder) == 0
    files = [
        folder / "checkpoint",
        folder / "keys.txt",
        *sorted((folder / "events").iterdir())[:2],
        *sorted((folder / "proofs").iterdir())[:2],
        *sorted((folder / "texts").iterdir())[:1],
        *(folder / "printed").iterdir(),
    ]
    missed = []
    for path in files:
        content = path.read_bytes()
        for place in range(len(content)):
            path.write_bytes(flip(content, place))
            sum_up(folder)
            if run(folder) == 0:
                missed.append((path.name, place))
        path.write_bytes(content)
        sum_up(folder)
    assert [one for one in missed if not is_harmless(folder, *one)] == []
    assert run(folder) == 0


def is_harmless(folder: Path, name: str, place: int) -> bool:
    """Say whether a byte has no meaning: between the parts of a text's JSON, or a digit's case.

    The file of a text is an envelope of salt and words, and what counts are these.
    """
    path = folder / "texts" / name
    if not path.exists():
        return False
    before = json.loads(path.read_bytes())
    after = json.loads(flip(path.read_bytes(), place))
    same_salt = bytes.fromhex(after["salt"]) == bytes.fromhex(before["salt"])
    return same_salt and after["body"] == before["body"]


# --- what was put in ---


def rewritten(path: Path, **changes: object) -> str:
    """Write other content into an event; return the hash that it had."""
    content = path.read_bytes()
    path.write_text(json.dumps({**json.loads(content), **changes}))
    return hashlib.sha256(content).hexdigest()


def shown_beside_its_hash(folder: Path) -> None:
    """An event that never was, and beside it the hash of the one that was."""
    last = max((folder / "events").iterdir())
    last.with_suffix(".hash").write_text(rewritten(last, transition="close", to="closed"))


def shown_in_place_of_another(folder: Path) -> None:
    """The same, and one event less, so that the number is right."""
    first, second, *_ = sorted((folder / "events").iterdir())
    second.with_suffix(".hash").write_text(rewritten(second, to="closed"))
    for path in (first, folder / "proofs" / f"{first.stem}.tlog-proof"):
        path.unlink()
    (folder / "texts" / first.name).unlink(missing_ok=True)


def text_of_no_event(folder: Path) -> None:
    (folder / "texts" / "0099.json").write_text('{"salt": "00", "body": "准予。"}')


def text_of_an_event_that_is_withheld(folder: Path) -> None:
    """Nothing vouches for words whose event is not shown."""
    text = min((folder / "texts").iterdir())
    event = folder / "events" / text.name
    event.with_suffix(".hash").write_text(hashlib.sha256(event.read_bytes()).hexdigest())
    event.unlink()
    text.write_text('{"salt": "00", "body": "准予。"}')


def file_beside_the_proof(folder: Path) -> None:
    (folder / "decision.txt").write_text("准予。")


@one_store
@pytest.mark.parametrize(
    "forge",
    [
        shown_beside_its_hash,
        shown_in_place_of_another,
        text_of_no_event,
        text_of_an_event_that_is_withheld,
        file_beside_the_proof,
    ],
)
def test_nothing_is_shown_that_nothing_vouches_for(
    world: World, case: Case, tmp_path: Path, forge: Callable[[Path], None]
) -> None:
    """By a forger who writes the sums anew."""
    folder = unpack(bundle.of_office(case.ref), tmp_path / "b")
    run = load_program()
    assert run(folder) == 0
    forge(folder)
    sum_up(folder)
    code, said = judge(run, folder)
    assert (code, said[: len(SENTENCE)]) == (1, SENTENCE)


@one_store
def test_events_of_two_matters_are_not_one_story(world: World, case: Case, tmp_path: Path) -> None:
    """A hash in between hides where another chain begins; each event is in the history."""
    other = factories.make_case(world, "accepted")
    log.sequence(now())
    own = unpack(bundle.of_office(case.ref), tmp_path / "own")
    its = unpack(bundle.of_office(other.ref), tmp_path / "its")
    names = sorted(one.stem for one in (its / "events").iterdir())
    hidden = its / "events" / f"{names[1]}.json"
    for name in names[1:]:
        for part, ending in (("events", "json"), ("proofs", "tlog-proof"), ("texts", "json")):
            there = its / part / f"{name}.{ending}"
            (own / part / there.name).unlink(missing_ok=True)
            if there.exists():
                (own / part / there.name).write_bytes(there.read_bytes())
    (own / "events" / hidden.name).unlink()
    (own / "texts" / hidden.name).unlink(missing_ok=True)
    digest = hashlib.sha256(hidden.read_bytes()).hexdigest()
    (own / "events" / f"{hidden.stem}.hash").write_text(digest)
    sum_up(own)
    code, said = judge(load_program(), own)
    assert (code, "the chain breaks at 3" in said) == (1, True), said


@one_store
def test_the_program_names_the_matter_and_the_newest_event(
    world: World, case: Case, tmp_path: Path
) -> None:
    """A bundle whose last events were left out verifies: so it says how far it goes."""
    folder = unpack(bundle.of_office(case.ref), tmp_path / "b")
    said = judge(load_program(), folder)[1]
    events = sorted((folder / "events").iterdir())
    assert f"matter 事项: {case.ref}\n" in said
    assert f"newest event shown 所示最新事件: {len(events)} · " in said
    assert " · accept\n" in said


@one_store
def test_on_the_other_machine_there_is_no_network(tmp_path: Path) -> None:
    """The test of the tests: what verifies a bundle here could not ask anybody."""
    (tmp_path / "verify.py").write_text("import socket\nsocket.socket()\n")
    done = verify(tmp_path)
    assert done.returncode == 1
    assert "no network here" in done.stderr
    (tmp_path / "verify.py").write_text("import repair_app\n")
    assert "No module named 'repair_app'" in verify(tmp_path).stderr


@one_store
def test_each_file_is_summed_up(world: World, case: Case, tmp_path: Path) -> None:
    folder = unpack(bundle.of_office(case.ref), tmp_path / "b")
    sums = {
        one.relative_to(folder).as_posix(): hashlib.sha256(one.read_bytes()).hexdigest()
        for one in list_files(folder)
    }
    del sums[SUMS]
    written = "".join(f"{one}  {name}\n" for name, one in sorted(sums.items()))
    assert (folder / SUMS).read_text() == written
    (folder / "README.txt").unlink()
    assert "a file is missing, extra or changed: README.txt" in verify(folder).stdout


@one_store
def test_the_files_are_those_that_are_listed_and_no_others(
    world: World, case: Case, tmp_path: Path
) -> None:
    folder = unpack(bundle.of_office(case.ref), tmp_path / "b")
    run, sums = load_program(), folder / SUMS
    whole = sums.read_bytes()
    lines = whole.splitlines(keepends=True)
    for place, line in enumerate(lines):  # what a listed file is, nobody may leave out
        sums.write_bytes(b"".join([*lines[:place], *lines[place + 1 :]]))
        code, said = judge(run, folder)
        assert code == 1, line
        assert f"a file is missing, extra or changed: {line[66:-1].decode()}\n" in said
    changed = (whole[:-1], whole + b"\n", whole + lines[0], b"".join(reversed(lines)), b"")
    for content in changed:
        sums.write_bytes(content)
        code, said = judge(run, folder)
        assert (code, said[: len(SENTENCE)]) == (1, SENTENCE), content
    sums.write_bytes(whole)
    for name in ("more.txt", "texts/more.json", "proofs/files.txt", "more/one/two", "json.py"):
        added = folder / name
        added.parent.mkdir(parents=True, exist_ok=True)
        added.write_text("{}")
        code, said = judge(run, folder)
        assert code == 1, name
        assert f"文件缺失、多余或者有改动 / a file is missing, extra or changed: {name}\n" in said
        added.unlink()
    for name in ("__pycache__/verify.cpython-313.pyc", ".DS_Store"):  # left by Python, by a Mac
        (folder / name).parent.mkdir(exist_ok=True)
        (folder / name).write_bytes(b"x")
    assert judge(run, folder)[0] == 0


@one_store
def test_a_terminal_of_another_character_set_is_told_as_well(
    world: World, case: Case, tmp_path: Path
) -> None:
    folder = unpack(bundle.of_office(case.ref), tmp_path / "b")
    for encoding, told in (("gbk", "属实"), ("ascii", "VERIFIED")):
        done = subprocess.run(
            [sys.executable, str(folder / "verify.py")],
            capture_output=True,
            check=False,
            env={"PYTHONIOENCODING": encoding},
        )
        assert done.returncode == 0
        assert done.stderr == b""
        assert told in done.stdout.decode(encoding)


@one_store
@pytest.mark.parametrize("part", ["events", "proofs"])
def test_a_file_that_was_taken_out_is_found(
    world: World, case: Case, tmp_path: Path, part: str
) -> None:
    folder = unpack(bundle.of_office(case.ref), tmp_path / "b")
    min((folder / part).iterdir()).unlink()
    sum_up(folder)
    assert load_program()(folder) == 1


@one_store
def test_an_event_of_another_case_does_not_pass(world: World, case: Case, tmp_path: Path) -> None:
    other = factories.make_case(world, "submitted")
    log.sequence(now())
    folder = unpack(bundle.of_office(case.ref), tmp_path / "b")
    strange = unpack(bundle.of_office(other.ref), tmp_path / "c")
    for part, suffix in (("events", "json"), ("proofs", "tlog-proof")):
        name = f"{part}/0001.{suffix}"
        (folder / name).write_bytes((strange / name).read_bytes())
    sum_up(folder)
    assert load_program()(folder) == 1


# --- who gets what ---


def test_who_may_not_see_the_case_gets_nothing_and_others_read_as_they_may(
    world: World, case: Case, as_: Callable[..., Client], tmp_path: Path
) -> None:
    address = f"/cases/{case.ref}/proof.zip"
    for foreign in (world.stranger, world.other_provider, world.administrator):
        assert as_(foreign).get(address).status_code == 404
    assert as_(world.provider).get(address).status_code == 404  # sees the case, is no reader
    for number, reader in enumerate((world.subject, world.reviewer, world.auditor)):
        assert verify(unpack(take(as_(reader), case), tmp_path / str(number))).returncode == 0


@one_store
def test_a_note_for_the_file_stays_with_the_office_and_both_bundles_verify(
    world: World, case: Case, as_: Callable[..., Client], tmp_path: Path
) -> None:
    subjects = unpack(take(as_(world.subject), case), tmp_path / "s")
    offices = unpack(take(as_(world.reviewer), case), tmp_path / "o")
    texts = {
        event.seq: json.loads(event.text.body)
        for event in db.session.scalars(select(Event).where(Event.stream == case.ref))
        if event.text and event.text.body
    }
    internal = {f"{seq:04d}.json" for seq, one in texts.items() if {"note", "person"} & set(one)}
    assert {one.name for one in (offices / "texts").glob("*")} == {
        f"{seq:04d}.json" for seq in texts
    }
    assert not internal & {one.name for one in (subjects / "texts").glob("*")}


def test_a_text_that_was_erased_is_gone_and_the_bundle_verifies(
    world: World, case: Case, tmp_path: Path
) -> None:
    with writing(), db.engine.begin() as connection:
        connection.execute(
            EventText.__table__.update().values(salt=None, body=None)  # type: ignore[attr-defined]
        )
    db.session.rollback()
    folder = unpack(bundle.of_office(case.ref), tmp_path / "b")
    assert not (folder / "texts").exists()
    assert verify(folder).returncode == 0


@one_store
def test_an_event_of_what_the_reader_may_not_see_is_there_by_its_hash(
    world: World, case: Case, tmp_path: Path
) -> None:
    entity = db.session.scalars(select(Event).where(Event.stream == case.ref)).first()
    assert entity is not None
    content = bundle.write(case, {entity.entity}, [], internal=False)
    folder = unpack(content, tmp_path / "b")
    kept = folder / "events" / f"{entity.seq:04d}.hash"
    assert kept.read_text() == entity.hash == hashlib.sha256(entity.payload.encode()).hexdigest()
    assert verify(folder).returncode == 0
    kept.write_text(kept.read_text().replace(entity.hash[:4], "0000"))
    sum_up(folder)
    assert verify(folder).returncode == 1


def test_before_its_history_is_signed_the_page_says_so(
    world: World, as_: Callable[..., Client], digest: Callable[..., dict[str, str]]
) -> None:
    case = factories.make_case(world, "submitted")
    client = as_(world.subject)
    before = digest()
    answer = client.get(f"/cases/{case.ref}/proof.zip")
    assert (answer.status_code, answer.location) == (302, f"/cases/{case.ref}")
    assert digest() == before
    assert f"/cases/{case.ref}/proof.zip" in client.get(f"/cases/{case.ref}").html


@one_store
def test_that_an_officer_took_it_is_noted(
    world: World, case: Case, as_: Callable[..., Client]
) -> None:
    viewings.SEEN.clear()
    take(as_(world.auditor), case)
    db.session.rollback()
    assert db.session.scalars(select(Viewing)).first() is not None


# --- the letter ---


@one_store
def test_each_letter_names_the_newest_checkpoint_and_keeps_it(world: World, case: Case) -> None:
    letter = db.session.scalars(select(Letter).order_by(Letter.id.desc())).first()
    assert letter is not None
    size = letter.content["checkpoint"]
    row = letter.content["facts"][-1]
    assert row["name"] == {"zh": "历史记录校验点", "en": "Checkpoint of the history"}
    checkpoint = db.session.get_one(log.TreeCheckpoint, size)
    assert row["value"]["zh"] == f"{size} · {checkpoint.root[:16]}"
    log.sequence(now())
    assert letter.content["facts"][-1] == row


@one_store
def test_the_command_writes_the_bundle_once(
    app: Flask, world: World, case: Case, tmp_path: Path
) -> None:
    runner = app.test_cli_runner()
    target = str(tmp_path / "case.zip")
    done = runner.invoke(args=["history", "bundle", case.ref, "-o", target])
    assert done.exit_code == 0, done.output
    assert verify(unpack(Path(target).read_bytes(), tmp_path / "b")).returncode == 0
    again = runner.invoke(args=["history", "bundle", case.ref, "-o", target])
    assert again.exit_code == 1
    unknown = runner.invoke(args=["history", "bundle", "YY-2026-999999-X", "-o", f"{target}2"])
    assert unknown.exit_code == 1
    assert "no case" in unknown.output
    assert keys.path_of_keys().exists()
