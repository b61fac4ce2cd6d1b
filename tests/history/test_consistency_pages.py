"""`/history`: a paper of then is enough to find out whether anything was rewritten since."""

import json
from base64 import b64decode, b64encode
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import pytest
from flask import Flask

from repair_app import merkle
from repair_app.db import db, now
from repair_app.notes import WITNESS, Checkpoint, Signer, open_note
from repair_app.services.tree import keys, log
from tests import bundles, factories
from tests.client import Client, make_client
from tests.factories import World
from tests.rfc9162 import Defined

pytestmark = [
    pytest.mark.usefixtures("key_file"),
    pytest.mark.parametrize("stage", ["sqlite"], indirect=True),  # no query is special
]


@pytest.fixture
def anybody(app: Flask) -> Client:
    """Give the browser of somebody who reads English."""
    client = make_client(app)
    client.environ_base["HTTP_ACCEPT_LANGUAGE"] = "en"
    return client


@dataclass
class Signed:
    """A history with two checkpoints, and what the definition says of it."""

    first: int
    second: int
    defined: Defined


@pytest.fixture
def signed(world: World, anybody: Client) -> Signed:
    """Give a history that was signed twice; its leaves as the tiles show them."""
    factories.make_case(world, "submitted")
    log.sequence(now())
    first = log.signed_size(db.session())
    factories.make_case(world, "accepted")
    log.sequence(now())
    second = log.signed_size(db.session())
    assert 1 < first < second < log.WIDTH
    tile = anybody.get(f"/history/tile/0/000.p/{second}").data
    return Signed(first, second, Defined(log.cut(tile)))


def ask(client: Client, first: object, second: object = "") -> dict:
    answer = client.get(f"/history/consistency?first={first}&second={second}")
    assert answer.status_code == 200
    assert answer.mimetype == "application/json"
    return answer.json


# --- the proof ---


def test_every_proof_is_the_one_that_the_definition_gives(signed: Signed, anybody: Client) -> None:
    defined = signed.defined
    for first in range(1, signed.second + 1):
        for second in {first, (first + signed.second) // 2, signed.second}:
            said = ask(anybody, first, second)
            roots = [b64decode(said[one]["root"]) for one in ("first", "second")]
            assert roots == [defined.tree_hash(0, first), defined.tree_hash(0, second)]
            proof = [b64decode(one) for one in said["consistency"]]
            assert proof == defined.subproof(first, 0, second, whole=True)
            assert [said[one]["size"] for one in ("first", "second")] == [first, second]


def test_with_no_later_size_it_leads_to_the_newest_checkpoint(
    signed: Signed, anybody: Client
) -> None:
    said = ask(anybody, signed.first)
    assert said["second"]["size"] == signed.second
    assert said["checkpoint"] == anybody.get("/history/checkpoint").html
    text, _ = open_note(said["checkpoint"], keys.list_verifiers(db.session()))
    assert Checkpoint.read(text).root == b64decode(said["second"]["root"])
    assert ask(anybody, 1, signed.second - 1)["checkpoint"] is None
    assert ask(anybody, 1, signed.first)["checkpoint"] is not None


def test_the_page_shows_the_same_in_both_languages(signed: Signed, anybody: Client) -> None:
    page = anybody.get(f"/history?first={signed.first}")
    said = ask(anybody, signed.first)
    assert page.status_code == 200
    for one in ("first", "second"):
        assert b64decode(said[one]["root"]).hex() in page.words
    hashes = page.tree.find(".//code[@data-list='hashes']")
    assert hashes.text.split("\n") == said["consistency"]
    address = page.links["The proof as a file (JSON)"]
    assert anybody.get(address).json == said
    assert page.title == "The signed history"
    chinese = anybody.get("/history", headers={"Accept-Language": "zh-CN"})
    assert chinese.title == "已签名的历史"
    same = anybody.get(f"/history?first={signed.second}&second={signed.second}")
    assert "Both are the same history" in same.words


@pytest.mark.parametrize(
    ("first", "second", "told"),
    [
        ("0", "", "as a whole number from 1"),
        ("-1", "", "as a whole number from 1"),
        ("1.5", "", "as a whole number from 1"),
        ("", "2", "as a whole number from 1"),
        ("²", "", "as a whole number from 1"),
        ("<b>", "", "as a whole number from 1"),
        ("1", "two", "as a whole number from 1"),
        pytest.param("9" * 5000, "", "as a whole number from 1", id="long"),
        ("3", "2", "cannot have more events than the later one"),
        ("999999", "", "Give a number up to that"),
        ("1", "999999", "Give a number up to that"),
    ],
)
def test_a_bad_size_is_answered_clearly_and_kept(
    signed: Signed, anybody: Client, first: str, second: str, told: str
) -> None:
    asked = {"first": first, "second": second}
    answer = anybody.get("/history/consistency", query_string=asked)
    assert answer.status_code == 400
    assert told in answer.json["error"]
    assert answer.json["signed"] == signed.second
    page = anybody.get("/history", query_string=asked)
    assert page.status_code == 400
    assert told in page.words
    typed = {one.get("name"): one.get("value") for one in page.tree.findall(".//main//input")}
    assert typed == asked


def test_digits_of_any_width_are_digits(signed: Signed, anybody: Client) -> None:
    assert ask(anybody, " １ ") == ask(anybody, 1)


def test_what_is_not_signed_yet_is_not_proved(world: World, anybody: Client) -> None:
    assert anybody.get("/history/consistency?first=1").status_code == 400
    assert anybody.get("/history").status_code == 200
    page = anybody.get("/history?first=1")
    assert page.status_code == 400
    assert "No event is signed yet" in page.words
    assert anybody.get("/history/keys").html == ""
    factories.make_case(world, "submitted")
    log.sequence(now())
    size = log.signed_size(db.session())
    factories.make_case(world, "submitted")
    assert anybody.get(f"/history/consistency?first={size + 1}").status_code == 400
    assert anybody.get(f"/history/consistency?first={size}").status_code == 200


def test_what_has_its_place_but_no_signature_yet_is_not_proved(
    signed: Signed, anybody: Client, world: World, key_file: Path
) -> None:
    key_file.rename(key_file.with_name("away"))
    factories.make_case(world, "submitted")
    assert log.sequence(now()) > 0
    assert log.Tiles(db.session()).hash_of(0, signed.second)
    answer = anybody.get(f"/history/consistency?first=1&second={signed.second + 1}")
    assert answer.status_code == 400
    assert answer.json["signed"] == signed.second


# --- without us ---


@dataclass
class Kept:
    """What somebody has fetched and kept: files in a folder, and what a letter names."""

    folder: Path
    proof: Path
    old: Path
    keys: Path
    printed: str  # number of events and digits of the root

    def check(self, *more: str) -> tuple[int, str]:
        """Run the program on another machine; return its exit and its words, never a traceback."""
        done = bundles.run_elsewhere(
            self.folder, str(self.folder / "consistent.py"), str(self.proof), *more
        )
        assert done.stderr == ""
        return done.returncode, done.stdout


@pytest.fixture
def kept(
    signed: Signed, app: Flask, anybody: Client, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> Kept:
    """Fetch everything by the addresses that the page names."""
    witness = Signer.make("province.example/w1", WITNESS)
    monkeypatch.setitem(app.config, "WITNESSES", f"{witness.verifier} http://127.0.0.1:1")
    page = anybody.get("/history")
    commands = page.tree.find(".//code[@data-commands='check']").text
    for path in ("/history/keys", "/history/consistent.py", "/history/consistency?first="):
        assert f"$BASE{path}" in commands
    assert {"/history/keys", "/history/consistent.py"} <= set(page.links.values())
    (tmp_path / "consistent.py").write_bytes(anybody.get("/history/consistent.py").data)
    (tmp_path / "keys.txt").write_bytes(anybody.get("/history/keys").data)
    (tmp_path / "proof.json").write_bytes(
        anybody.get(f"/history/consistency?first={signed.first}").data
    )
    note = ask(anybody, 1, signed.first)["checkpoint"]
    (tmp_path / "checkpoint").write_text(note)
    assert str(witness.verifier) in (tmp_path / "keys.txt").read_text().splitlines()
    assert 'proof.json "$THEN:$DIGITS" keys.txt' in commands
    printed = f"{signed.first}:{signed.defined.tree_hash(0, signed.first).hex()[:16]}"
    names = ("proof.json", "checkpoint", "keys.txt")
    return Kept(tmp_path, *(tmp_path / one for one in names), printed)


def test_it_is_checked_on_another_machine(signed: Signed, kept: Kept) -> None:
    as_printed = kept.printed.upper().replace(":", " · ")
    for old in (str(kept.old), kept.printed, as_printed):
        code, said = kept.check(old, str(kept.keys))
        assert code == 0, said
        assert f"the history of {signed.second} events begins with the {signed.first}" in said
        assert "属实" in said
        assert "  signed by 签名: redress.invalid/history\n" in said
        code, said = kept.check(old)
        assert code == 0
        assert "signatures not checked" in said


@pytest.mark.parametrize(
    "part", ["digits", "number", "checkpoint", "keys", "unsigned", "junk", "missing"]
)
def test_what_does_not_fit_is_told_in_one_sentence(
    kept: Kept, anybody: Client, signed: Signed, part: str
) -> None:
    old, known = str(kept.old), str(kept.keys)
    if part == "digits":
        old = kept.printed[:-1] + ("0" if kept.printed[-1] != "0" else "1")
    elif part == "number":
        old = f"{signed.first + 1}{kept.printed.removeprefix(str(signed.first))}"
    elif part == "checkpoint":
        kept.old.write_text(anybody.get("/history/checkpoint").html)
    elif part == "keys":
        kept.keys.write_text(f"{Signer.make('redress.invalid/history').verifier}\n")
    elif part == "unsigned":
        kept.proof.write_text(json.dumps(ask(anybody, signed.first, signed.second - 1)))
    elif part == "junk":
        kept.proof.write_text("{}")
    else:
        kept.proof.unlink()
    code, said = kept.check(old, known)
    assert code == 1
    assert said.startswith(bundles.SENTENCE)
    assert " / " in said
    assert said.count("\n") == 1


def test_an_old_root_put_in_as_a_leaf_of_another_history_is_found(
    kept: Kept, signed: Signed
) -> None:
    """Whoever writes the history anew, and has the key, names that leaf as the history of then."""
    root = signed.defined.tree_hash(0, signed.first)
    rewritten = Defined([root, *(bytes([one]) * 32 for one in range(signed.second - 1))])
    new = rewritten.tree_hash(0, signed.second)
    signer = Signer.make("redress.invalid/history")
    said = Checkpoint(signer.name, signed.second, new).text
    trees = {
        name: {"size": size, "root": b64encode(top).decode()}
        for name, size, top in (("first", 1, root), ("second", signed.second, new))
    }
    path = [b64encode(one).decode() for one in rewritten.path(0, 0, signed.second)]
    note = f"{said}\n{signer.sign(said)}"
    kept.proof.write_text(json.dumps({**trees, "consistency": path, "checkpoint": note}))
    kept.keys.write_text(f"{signer.verifier}\n")
    number, _, digits = kept.printed.partition(":")
    code, told = kept.check(f"1:{digits}", str(kept.keys))
    assert code == 0, told  # it is whole in itself: the number on the paper alone tells it apart
    code, told = kept.check(f"{number}:{digits}", str(kept.keys))
    assert (code, "not of the checkpoint that you kept" in told) == (1, True)


@pytest.mark.parametrize("made", ["{1}", ":{1}", "{0}:", "{0}", "{0}:{1:.15}", "0{0}:{1}", ""])
def test_digits_or_a_number_alone_are_refused(kept: Kept, made: str) -> None:
    number, _, digits = kept.printed.partition(":")
    code, said = kept.check(made.format(number, digits), str(kept.keys))
    assert code == 1
    assert said.startswith(f"{bundles.SENTENCE}请写作“事件数:根哈希前 16 位”")
    assert "give NUMBER:DIGITS (digits alone prove nothing)" in said
    assert said.count("\n") == 1


def test_without_its_arguments_it_says_how_it_is_used(kept: Kept) -> None:
    code, said = kept.check()
    assert code == 2
    assert "PROOF OLD [KEYS]" in said


def load() -> Callable[..., None]:
    """Return the program's own check of a proof."""
    return bundles.load_module(bundles.FOLDER / "consistent.py").check_consistency


def test_the_program_agrees_with_the_definition_and_refuses_what_is_rewritten() -> None:
    """All sizes up to 24: each proof holds, and holds for no other root, size or proof."""
    check = load()
    defined = Defined([bytes([one]) * 32 for one in range(26)])

    def holds(*proof: object) -> bool:
        try:
            check(*proof)
        except ValueError:  # as it says itself whatever does not fit
            return False
        return True

    for second in range(1, 25):
        new = defined.tree_hash(0, second)
        for first in range(1, second + 1):
            old = defined.tree_hash(0, first)
            proof = defined.subproof(first, 0, second, whole=True)
            other = defined.tree_hash(1, first + 1)
            assert holds(first, old, second, new, proof)
            assert merkle.extends(first, old, second, new, proof)
            assert not holds(first, other, second, new, proof)
            assert not holds(first, old, second, other, proof)
            assert not holds(first, old, second, new, [*proof, new])
            assert not holds(second + 1, old, second, new, proof)
            for place in range(len(proof)):
                changed = [*proof[:place], b"\xff" * 32, *proof[place + 1 :]]
                assert not holds(first, old, second, new, changed)
                assert not holds(first, old, second, new, proof[:place])


def test_one_changed_byte_of_proof_or_checkpoint_is_found(kept: Kept) -> None:
    """Every byte of the hashes and of the signature; the program runs in this process for it."""
    run = bundles.load_program(bundles.FOLDER / "consistent.py")
    command = (kept.proof, kept.printed, kept.keys)
    assert bundles.judge(run, *command)[0] == 0
    whole = json.loads(kept.proof.read_text())
    for where in ("first", "second", "consistency", "checkpoint"):
        for changed in changes_of(whole, where):
            kept.proof.write_text(json.dumps(changed))
            code, said = bundles.judge(run, *command)
            assert (code, said[: len(bundles.SENTENCE)]) == (1, bundles.SENTENCE), changed


def changes_of(proof: dict, where: str) -> list[dict]:
    """Return a proof with one thing changed in one of its parts, in each way that there is."""
    if where in {"first", "second"}:
        tree = proof[where]
        root = [{**tree, "root": one} for one in changed_hashes(tree["root"])]
        sizes = [{**tree, "size": one} for one in (tree["size"] + 1, 0, -1, True, "1", None)]
        return [{**proof, where: one} for one in (*root, *sizes)]
    if where == "consistency":
        lines = proof[where]
        return [
            {**proof, where: [*lines[:place], one, *lines[place + 1 :]]}
            for place, line in enumerate(lines)
            for one in changed_hashes(line)
        ]
    note = proof[where].encode()
    flipped = (bundles.flip(note, place) for place in range(len(note)))
    return [{**proof, where: one.decode("utf-8", "replace")} for one in flipped]


def changed_hashes(line: str) -> list[str]:
    content = b64decode(line)
    return [b64encode(bundles.flip(content, place)).decode() for place in range(len(content))]
