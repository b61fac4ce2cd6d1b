"""CI is green only if every test ran: what a test lacks fails it there, and .ci/run says so."""

import os
import shutil
import subprocess
import sys

import pytest

from config import ROOT
from tests.needs import SWITCH, go_without

NEEDY = (
    "tests/browser/test_look.py",  # a browser
    (
        "tests/sign_in/test_unified_identity.py::"
        "test_what_the_provider_is_asked_has_pkce_state_and_nonce"
    ),  # node and npm
)


def make_program(folder, name, script):
    (folder / name).write_text(f"#!/bin/sh\n{script}\n", encoding="utf-8")
    (folder / name).chmod(0o755)


@pytest.fixture
def bare(tmp_path):
    """Give a folder to be the whole path: no browser, no node, and somebody who may not install."""
    folder = tmp_path / "bin"
    folder.mkdir()
    for name in ("bash", "sh", "dirname"):
        (folder / name).symlink_to(shutil.which(name))
    make_program(folder, "id", "echo 1000")
    make_program(folder, "python3", f'echo "ran $* with ${{{SWITCH}:-nothing}}"')
    return folder


def run_ci(folder):
    env = {"PATH": str(folder), "HOME": str(folder)}
    return subprocess.run(
        [str(ROOT / ".ci" / "run")], env=env, capture_output=True, text=True, check=False
    )


@pytest.mark.parametrize("test", NEEDY)
@pytest.mark.parametrize(("switch", "code", "said"), [("", 0, "skipped"), ("1", 1, SWITCH)])
def test_what_a_test_lacks_fails_it_where_nothing_may_be_left_out(bare, test, switch, code, said):
    env = {**os.environ, "PATH": str(bare), SWITCH: switch}
    command = [sys.executable, "-m", "pytest", "-q", "-x", "-rs", "-p", "no:cacheprovider", test]
    done = subprocess.run(
        command, env=env, cwd=ROOT, capture_output=True, text=True, check=False, timeout=100
    )
    assert done.returncode == code, done.stdout
    assert said in done.stdout
    assert "passed" not in done.stdout.splitlines()[-1]


def test_ci_fails_and_says_what_it_cannot_have(bare):
    lacking = {
        "chromium": ("there is no chromium that runs", "exit 0"),
        "npm": ("npm is missing", "exit 0"),
        "node": ("node is missing, or older than 20", "exit 0"),
    }
    for name, (said, script) in lacking.items():
        done = run_ci(bare)
        assert (done.returncode, done.stdout) == (1, "")
        assert said in done.stderr
        make_program(bare, name, script)
    done = run_ci(bare)
    assert done.returncode == 0, done.stderr
    assert done.stdout.splitlines() == [
        "ran manage.py test with 1",
        "ran manage.py check with nothing",
    ]


@pytest.mark.parametrize("broken", ["chromium", "node"])
def test_ci_fails_with_a_browser_or_a_node_that_does_not_run(bare, broken):
    for name in ("chromium", "npm", "node"):
        make_program(bare, name, "exit 1" if name == broken else "exit 0")
    assert run_ci(bare).returncode == 1


def test_ci_installs_what_is_missing_and_looks_whether_it_is_there_then(bare):
    make_program(bare, "id", "echo 0")
    make_program(bare, "apt-get", f'echo "$*" >> {bare}/installed; exit 100')
    done = run_ci(bare)
    assert (done.returncode, done.stdout) == (1, "")
    assert "could not install chromium fonts-wqy-zenhei nodejs npm" in done.stderr
    installed = (bare / "installed").read_text().splitlines()
    assert installed == ["update -qq", "install -y -qq chromium fonts-wqy-zenhei nodejs npm"]


@pytest.mark.parametrize(("version", "code"), [("", 0), ("18.19.0", 1)])
def test_ci_takes_the_node_that_is_there_and_no_older_one(bare, version, code):
    """By node itself: a script that it refuses would read like one that is too old."""
    node = shutil.which("node") or go_without("no node")
    for name in ("chromium", "npm"):
        make_program(bare, name, "exit 0")
    (bare / "older.js").write_text(
        f"Object.defineProperty(process, 'versions', {{value: {{node: '{version}'}}}});"
        if version
        else "",
        encoding="utf-8",
    )
    make_program(bare, "node", f'exec {node} --require {bare}/older.js "$@"')
    assert run_ci(bare).returncode == code
