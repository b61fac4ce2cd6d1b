"""Known weaknesses of libraries, asked of a register: a server of this machine stands in for it.

It speaks the interface of OSV as https://google.github.io/osv.dev/api/ describes it: batches whose
answers stand in the order of the questions, further pages, records by their number.
"""

import json
import os
import re
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from http.server import BaseHTTPRequestHandler, HTTPServer
from pathlib import Path
from typing import Any

import pytest

import manage
from config import ROOT
from deploy.supply import bill, lock, weaknesses
from deploy.supply.weaknesses import NO_ANSWER, NONE_KNOWN, SOME_KNOWN, WITHIN

FLASK = next(pin for pin in lock.read_pins(ROOT / "requirements.txt") if pin.name == "flask")
PYTEST = next(pin for pin in lock.read_pins(ROOT / "requirements-dev.txt") if pin.name == "pytest")
NEXT = "2 of 2"  # the token of a further page
RECORDS: dict[str, Any] = {
    "GHSA-aaaa-bbbb-cccc": {
        "id": "GHSA-aaaa-bbbb-cccc",
        "summary": "Sessions can be read\x1b[2J by neighbours",
        "aliases": ["CVE-2026-1111"],
        "published": "2026-11-20T08:00:00Z",
        "database_specific": {"severity": "HIGH"},
        "affected": [
            {
                "package": {"ecosystem": "PyPI", "name": "Flask"},
                "ranges": [
                    {"type": "GIT", "events": [{"introduced": "0"}, {"fixed": "0123abcd"}]},
                    {"type": "ECOSYSTEM", "events": [{"introduced": "0"}, {"fixed": "99.1"}]},
                ],
            },
            {
                "package": {"ecosystem": "PyPI", "name": "other"},
                "ranges": [{"type": "ECOSYSTEM", "events": [{"fixed": "5.5"}]}],
            },
        ],
    },
    "PYSEC-2026-7": {
        "id": "PYSEC-2026-7",
        "aliases": ["CVE-2026-1111", "GHSA-aaaa-bbbb-cccc"],
        "published": "2026-11-19T23:00:00Z",
    },
    "PYSEC-2026-9": {"id": "PYSEC-2026-9", "published": "2026-11-21T00:00:00Z"},
    "GHSA-gone-gone-gone": {
        "id": "GHSA-gone-gone-gone",
        "withdrawn": "2026-11-01T00:00:00Z",
        "published": "2026-10-01T00:00:00Z",
        "database_specific": {"severity": "CRITICAL"},
    },
}


class Register(HTTPServer):
    """A register: what it knows of which library, a page each, and what it was asked."""

    known: dict[str, list[list[str]]]
    asked: list[Any]
    broken: dict[str, bytes]


class Answering(BaseHTTPRequestHandler):
    """One answer of the register."""

    server: Register

    def do_POST(self) -> None:
        sent = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
        self.server.asked.append(sent)
        self.answer("batch", {"results": [self.look_up(one) for one in sent["queries"]]})

    def do_GET(self) -> None:
        self.server.asked.append(self.path)
        record = RECORDS.get(self.path.removeprefix("/v1/vulns/"))
        self.answer("record", record, 200 if record else 404)

    def look_up(self, question: dict[str, Any]) -> dict[str, Any]:
        pages = self.server.known.get(question["package"]["name"])
        if pages is None:
            return {}
        is_last = len(pages) == 1 or question.get("page_token") == NEXT
        page = pages[-1] if is_last else pages[0]
        found = {"vulns": [{"id": one, "modified": "2026-11-21T00:00:00Z"} for one in page]}
        return found if is_last else found | {"next_page_token": NEXT}

    def answer(self, kind: str, told: Any, status: int = 200) -> None:
        body = self.server.broken.get(kind, json.dumps(told).encode())
        self.send_response(status if body else 500)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *_: Any) -> None:
        pass


@contextmanager
def running(**known: list[list[str]]) -> Iterator[Register]:
    """Run a register for the length of a test."""
    with Register(("127.0.0.1", 0), Answering) as server:
        server.known, server.asked, server.broken = known, [], {}
        serving = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.02})
        serving.start()
        try:
            yield server
        finally:
            server.shutdown()
            serving.join()


@pytest.fixture(autouse=True)
def no_proxy(monkeypatch: pytest.MonkeyPatch) -> None:
    """Have this machine asked without a proxy, and judge nothing."""
    for name in [one for one in os.environ if one.lower().endswith("_proxy")]:
        monkeypatch.delenv(name)
    monkeypatch.setattr(weaknesses, "read_judged", list)


def audit(server: Register) -> int:
    """Run the command; return how it ends."""
    return weaknesses.main(["--register", f"http://127.0.0.1:{server.server_port}/"])


def test_where_nothing_is_known_the_command_says_so(capsys) -> None:
    with running() as register:
        assert audit(register) == NONE_KNOWN
    told = capsys.readouterr().out
    assert re.fullmatch(r"\d+ libraries, 0 known weaknesses\n", told)
    assert int(told.split()[0]) > 150


def test_every_library_of_the_lock_files_is_asked_for_and_nothing_else_is_told() -> None:
    with running() as register:
        audit(register)
    (sent,) = register.asked
    assert set(sent) == {"queries"}
    asked = {
        (one["package"]["ecosystem"], one["package"]["name"], one["version"])
        for one in sent["queries"]
    }
    assert {tuple(sorted(one)) for one in sent["queries"]} == {("package", "version")}
    heads = set[tuple[str, str, str]]()
    for name in ("requirements.txt", "requirements-dev.txt"):
        text = (ROOT / name).read_text(encoding="utf-8")
        heads |= {
            ("PyPI", *one) for one in re.findall(r"^([\w.-]+)==([^\s;\\]+)", text, re.MULTILINE)
        }
    folder = ROOT / "tests" / "sign_in" / "provider"
    packages = json.loads((folder / "package-lock.json").read_text(encoding="utf-8"))["packages"]
    for path, one in packages.items():
        if path:
            heads.add(("npm", path.rpartition("node_modules/")[2], one["version"]))
    assert asked == heads


def test_a_known_weakness_is_told_once_with_its_time_to_mend(capsys) -> None:
    known = {"flask": [["GHSA-aaaa-bbbb-cccc"], ["PYSEC-2026-7"]], "pytest": [["PYSEC-2026-9"]]}
    with running(**known) as register:
        assert audit(register) == SOME_KNOWN
    lines = capsys.readouterr().out.splitlines()
    assert lines[:4] == [
        f"✗ flask {FLASK.version} (served with): CVE-2026-1111, GHSA-aaaa-bbbb-cccc, PYSEC-2026-7",
        "  Sessions can be read[2J by neighbours",
        "  high, published 2026-11-19, mended in: 99.1",
        "  to be mended within: 7 days (SECURITY.md)",
    ]
    assert lines[4:7] == [
        f"✗ pytest {PYTEST.version} (tests only): PYSEC-2026-9",
        "  not said, published 2026-11-21, mended in: no version yet",
        "  to be mended within: 2 working days to say how grave (SECURITY.md)",
    ]
    assert lines[7].endswith("libraries, 2 known weaknesses")
    # A further page is asked for the library that has one, and for no other.
    pages = [one["queries"] for one in register.asked if isinstance(one, dict)]
    assert [one["package"]["name"] for one in pages[1]] == ["flask"]
    assert pages[1][0]["page_token"] == NEXT


def test_what_was_withdrawn_is_none(capsys) -> None:
    with running(flask=[["GHSA-gone-gone-gone"]]) as register:
        assert audit(register) == NONE_KNOWN
    assert "flask" not in capsys.readouterr().out


@pytest.mark.parametrize(
    ("until", "days_ago", "counts"), [(1, 0, True), (-1, 0, False), (99, 91, False)]
)
def test_what_was_judged_is_named_and_counts_until_its_day(
    monkeypatch, capsys, until, days_ago, counts
) -> None:
    today = datetime.now(UTC).date()
    judged = {"number": "CVE-2026-1111", "library": "flask", "why": "not used"}
    judged |= {"judged_on": today - timedelta(days_ago), "until": today + timedelta(until)}
    monkeypatch.setattr(weaknesses, "read_judged", lambda: [judged])
    with running(flask=[["GHSA-aaaa-bbbb-cccc"]]) as register:
        assert audit(register) == (NONE_KNOWN if counts else SOME_KNOWN)
    told = capsys.readouterr().out
    assert (f"- flask {FLASK.version}: CVE-2026-1111 was judged" in told) == counts


BROKEN = {
    "an error": ("batch", b""),
    "no JSON": ("batch", b"<html>"),
    "no object": ("batch", b"[]"),
    "too few answers": ("batch", b'{"results": [{}]}'),
    "answers of another kind": ("record", b'{"id": "x", "affected": [1]}'),
    "a record that fails": ("record", b""),
    "a number that is an address": ("batch", None),
}


@pytest.mark.parametrize("what", BROKEN)
def test_without_a_good_answer_nothing_is_said_to_be_well(capsys, what) -> None:
    kind, body = BROKEN[what]
    number = "../../x" if body is None else "GHSA-aaaa-bbbb-cccc"
    with running(flask=[[number]]) as register:
        if body is not None:
            register.broken[kind] = body
        assert audit(register) == NO_ANSWER
    told = capsys.readouterr()
    assert told.out == ""
    assert told.err.startswith("✗ http://127.0.0.1:")
    assert told.err.endswith("Nothing is known of any library.\n")
    assert told.err.count("\n") == 1


def test_nor_where_nobody_answers_or_the_answer_never_ends(capsys, monkeypatch) -> None:
    with running(flask=[["PYSEC-2026-9"], ["PYSEC-2026-9"]]) as register:
        monkeypatch.setattr(weaknesses, "PAGES", 1)
        assert audit(register) == NO_ANSWER
    assert audit(register) == NO_ANSWER  # it is gone
    for address in ("http://", "no address", "ftp://127.0.0.1"):
        assert weaknesses.main(["--register", address]) == NO_ANSWER
    assert capsys.readouterr().out == ""


def test_what_would_be_sent_can_be_read_first(capsys, monkeypatch) -> None:
    monkeypatch.setattr(weaknesses, "find", None)  # nothing is sent
    assert weaknesses.main(["--print"]) == NONE_KNOWN
    questions = json.loads(capsys.readouterr().out)["queries"]
    flask = {"package": {"ecosystem": "PyPI", "name": "flask"}, "version": FLASK.version}
    assert flask in questions


def test_the_command_is_one_of_manage_py(monkeypatch) -> None:
    started = []
    monkeypatch.setattr(manage, "make_ready", started.append)
    monkeypatch.setattr(manage, "become", lambda command, _env: started.append(command[-3:]))
    manage.main(["audit", "--print"])
    assert started == [manage.RUNTIME, ["-m", "deploy.supply.weaknesses", "--print"]]


def test_the_times_to_mend_are_those_that_are_promised() -> None:
    text = (ROOT / "SECURITY.md").read_text(encoding="utf-8")
    section = text.partition("### Libraries · 程序库")[2].partition("\n#")[0]
    promised = dict(re.findall(r"^\| ([a-z ]+) · \S+ \| (.+?) · .+? \|$", section, re.MULTILINE))
    assert promised == WITHIN


def test_the_table_of_judgements_is_whole() -> None:
    for one in weaknesses.read_judged():
        assert set(one) == {"number", "library", "why", "judged_on", "until"}
        assert len(one["why"]) > 20


@pytest.mark.parametrize(
    ("said", "told"),
    [
        (["not said", "low", "moderate"], "moderate"),
        (["moderate", "critical"], "critical"),
        (["not said"], "not said"),
    ],
)
def test_of_several_records_of_one_weakness_those_count_that_say_how_grave_it_is(
    said: list[str], told: str
) -> None:
    assert weaknesses.gravest(said) == told


@pytest.mark.parametrize(
    "entry",
    ['number = "CVE-2026-1"', "until = ", 'number = "CVE-2026-1"\njudged_on = 2026-01-01'],
    ids=["one value", "no TOML", "no library"],
)
def test_with_a_broken_table_of_judgements_nothing_is_asked(
    entry: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "judged.toml").write_text(f"[[judged]]\n{entry}\n", encoding="utf-8")
    monkeypatch.undo()  # of what keeps the real table away
    monkeypatch.setattr(bill, "HERE", tmp_path)
    assert weaknesses.main(["--register", "http://127.0.0.1:9"]) == NO_ANSWER
    assert "judged.toml" in capsys.readouterr().err
