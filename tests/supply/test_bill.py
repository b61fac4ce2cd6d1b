"""What others made is pinned to its bytes, reviewed with its licence, and listed in one bill."""

import json
import re
from collections.abc import Callable
from pathlib import Path

import pytest

from config import ROOT
from deploy.supply import bill, lock, review
from deploy.supply.__main__ import main

PIN = """\
flask==3.1.2 \\
    --hash=sha256:{hash}
    # via -r requirements.in
"""
GOOD = PIN.format(hash="a" * 64)


@pytest.fixture
def pins_of(tmp_path: Path) -> Callable[[str], list[lock.Pin]]:
    """Give a function that reads a text as a lock file."""

    def read(text: str) -> list[lock.Pin]:
        path = tmp_path / "requirements.txt"
        path.write_text(text, encoding="utf-8")
        return lock.read_pins(path)

    return read


def test_everything_agrees_with_what_was_reviewed() -> None:
    assert review.find_flaws() == []


def test_the_bill_is_the_same_whenever_it_is_made() -> None:
    assert bill.make_bill() == bill.make_bill() == bill.BILL.read_text(encoding="utf-8")
    assert not re.search(r"timestamp|serialNumber", bill.make_bill())


def test_the_bill_names_every_library_with_version_hashes_and_licence() -> None:
    components = {one["bom-ref"]: one for one in json.loads(bill.make_bill())["components"]}
    for name in ("requirements.txt", "requirements-dev.txt"):
        heads = re.findall(r"^([\w.-]+)==([^\s;\\]+)", (ROOT / name).read_text(), re.MULTILINE)
        assert len(heads) > 90
        for library, version in heads:
            one = components[f"pkg:pypi/{library}@{version}"]
            assert one["licenses"][0]["expression"]
            assert one["externalReferences"][0]["hashes"]
    served = re.findall(r"^([\w.-]+)==", (ROOT / "requirements.txt").read_text(), re.MULTILINE)
    required = [
        one["name"]
        for one in components.values()
        if one["type"] == "library" and one["scope"] == "required"
    ]
    assert sorted(required) == sorted(served)


def test_the_bill_names_what_each_library_asks_for() -> None:
    asks = {one["ref"]: one["dependsOn"] for one in json.loads(bill.make_bill())["dependencies"]}
    of_flask = next(on for ref, on in asks.items() if ref.startswith("pkg:pypi/flask@"))
    assert any(one.startswith("pkg:pypi/werkzeug@") for one in of_flask)
    assert any(one.startswith("pkg:pypi/flask@") for one in asks["redress"])


def test_every_line_of_a_lock_file_is_pinned_and_has_hashes() -> None:
    for name in ("requirements.txt", "requirements-dev.txt"):
        for pin in lock.read_pins(ROOT / name):
            assert pin.hashes, pin.name


@pytest.mark.parametrize(
    "text",
    [
        GOOD.replace("==3.1.2", ">=3.1.2"),
        GOOD.replace("==3.1.2", ""),
        "flask==3.1.2 \\\n    # via -r requirements.in\n",
        "flask==3.1.2\n",
        GOOD.replace("sha256", "md5"),
        GOOD.replace("a" * 64, "a" * 63),
        GOOD + "-e .\n",
        GOOD + "--index-url https://elsewhere.example/simple\n",
        GOOD + "--trusted-host elsewhere.example\n",
        GOOD + "work @ https://elsewhere.example/work.whl\n",
        GOOD + "git+https://elsewhere.example/work.git\n",
    ],
)
def test_a_line_that_leaves_open_what_is_installed_is_refused(
    text: str, pins_of: Callable[[str], list[lock.Pin]]
) -> None:
    assert [pin.name for pin in pins_of(GOOD)] == ["flask"]
    with pytest.raises(lock.NotPinned):
        pins_of(text)


def test_a_server_runs_what_the_tests_ran() -> None:
    tested = lock.read_pins(ROOT / "requirements-dev.txt")
    flask = next(pin for pin in tested if pin.name == "flask")
    other = lock.Pin("pypi", "flask", "0.1", flask.hashes)
    assert list(review.check_sets([other], tested)) == [
        "flask 0.1 is served with and not tested with"
    ]
    assert list(review.check_sets([], [flask, flask])) == [
        "flask is pinned twice for the same place"
    ]


def test_a_licence_that_nobody_reviewed_is_a_flaw(monkeypatch: pytest.MonkeyPatch) -> None:
    table = bill.read_table("licences")
    pins = lock.read_pins(ROOT / "requirements-dev.txt")
    new = lock.Pin("pypi", "brand-new", "1.0", ("a" * 64,))
    helper = lock.Pin("npm", "helper", "1.0", ("a" * 128,), licence="AGPL-3.0")

    def told(**changes: str) -> list[str]:
        changed = table | {"libraries": table["libraries"] | changes}
        monkeypatch.setattr(review, "read_table", lambda _name: changed)
        return list(review.check_licences([*pins, new], [helper]))

    assert any("brand-new was not reviewed" in one for one in told())
    assert any("helper (npm) has a licence that is not allowed: AGPL-3.0" in one for one in told())
    changes = {"flask": "AGPL-3.0", "gone": "MIT", "brand-new": "MIT"}
    told_of = "\n".join(told(**changes))
    assert "flask has a licence that is not allowed: AGPL-3.0" in told_of
    assert "flask says that its licence is BSD-3-Clause, reviewed was AGPL-3.0" in told_of
    assert "gone is no library of ours any more" in told_of
    assert "brand-new" not in told_of


def test_every_licence_that_is_allowed_or_excused_has_its_reason() -> None:
    table = bill.read_table("licences")
    assert all(len(one) > 5 for one in (table["allowed"] | table["excused"]).values())
    used = set(table["libraries"].values())
    assert set(table["allowed"]) <= used
    assert set(table["excused"]) <= set(table["libraries"])
    assert set(table["said"]) <= set(table["libraries"])


def test_a_file_of_others_that_was_changed_is_a_flaw(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    table = bill.read_table("vendored")
    changed = {**table["file"][0], "sha256": "0" * 64}
    lost = {**table["file"][0], "path": "repair_app/static/lost.js"}
    own = {"static": [one for one in table["own"]["static"] if not one.endswith("desk.js")]}
    monkeypatch.setattr(review, "read_table", lambda _name: {"file": [changed, lost], "own": own})
    assert list(review.check_files()) == [
        f"{changed['path']} is not the file that was reviewed",
        "repair_app/static/lost.js is not there",
        "repair_app/static/desk.js: whose is it? deploy/supply/vendored.toml",
    ]


def test_files_of_others_that_pages_name_were_reviewed() -> None:
    reviewed = "\n".join(one["path"] for one in bill.read_table("vendored")["file"])
    pages = [path.read_text(encoding="utf-8") for path in (ROOT / "templates").rglob("*.html")]
    named = re.findall(r"url_for\('\w+\.static', filename='([^']+)'\)", "\n".join(pages))
    assert named
    assert all(name in reviewed for name in named)
    assert "load_js" not in "\n".join(pages)  # of Bootstrap the stylesheet only


def test_the_command_says_what_is_not_as_it_was_reviewed(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    monkeypatch.setattr("sys.argv", ["sbom", "--check"])
    assert main() == 0
    stale = tmp_path / "sbom.json"
    stale.write_text("{}", encoding="utf-8")
    monkeypatch.setattr(review, "BILL", stale)
    assert main() == 1
    assert "run `python3 manage.py sbom`" in capsys.readouterr().err
    monkeypatch.setattr("sys.argv", ["sbom", "--print"])
    assert main() == 0
    assert capsys.readouterr().out == bill.make_bill()
