"""Programs of others against a running server: a generated client, the guide's commands."""

import importlib
import json
import os
import re
import socket
import subprocess
import sys
import urllib.request
from base64 import b64encode
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from time import monotonic
from types import ModuleType

import flask_migrate
import html5lib
import httpx
import pytest

import manage
from config import ROOT, TestConfig
from repair_app import create_app
from repair_app.db import db
from repair_app.engine import enforcement
from repair_app.models.clients import SCOPES
from repair_app.services import catalogue, clients
from tests.factories import World, make_pdf, make_record, make_sanction, make_world

PATIENCE = 60  # seconds for the server to answer


@dataclass
class Served:
    """A running server, and what a test needs to know: codes, references, systems by name."""

    address: str
    data: Path
    names: dict[str, str]
    systems: dict[str, tuple[str, str]]


@pytest.fixture(scope="module")
def served(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Served]:
    """Fill a data folder and serve it as `manage.py up` does; stopped by its own process id."""
    data = tmp_path_factory.mktemp("interface")
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    running = Served(f"http://127.0.0.1:{port}", data, {}, {})
    fill(running)
    environment = manage.child_env(REDRESS_DATA=str(data))
    environment.pop("DATABASE_URL", None)
    with (data / "server.log").open("wb") as log:
        server = subprocess.Popen(
            manage.server_command("127.0.0.1", port, 1), env=environment, stdout=log, stderr=log
        )
    try:
        wait_for(server, running)
        yield running
    finally:
        server.terminate()
        try:
            server.wait(15)
        except subprocess.TimeoutExpired:
            server.kill()
            server.wait(15)


def fill(running: Served) -> None:
    """Put people, a record with a measure, and systems on file."""
    with pytest.MonkeyPatch.context() as environment:
        environment.setenv("REDRESS_DATA", str(running.data))
        environment.delenv("DATABASE_URL", raising=False)
        app = create_app(TestConfig())
    with app.app_context():
        flask_migrate.upgrade()
        catalogue.load_measures(app.config["WORKFLOWS"] / "measures.toml")
        world = make_world()
        make_sanction(make_record(world.other_firm, world.agency), world.officer)
        contested = make_record(world.firm, world.agency)
        running.names |= {
            "record": contested.ref,
            "firm": world.other_firm.uscc,
            "department": world.department.uscc,
            "officer": world.officer.email,
        }
        for name in ("subject", "reviewer", "second_reviewer", "provider"):
            running.systems[name] = register(world, name)
        db.session.remove()
        db.engine.dispose()


def register(world: World, name: str) -> tuple[str, str]:
    """Return identifier and secret of a system of somebody."""
    seat = getattr(world, name).current_appointments[0]
    issued = clients.register(None, seat, f"System of {name}", list(SCOPES))
    return issued.client.client_id, issued.secret


def wait_for(server: "subprocess.Popen[bytes]", running: Served) -> None:
    """Ask until the server answers; stop when it has ended, or patience has."""
    until = monotonic() + PATIENCE
    while monotonic() < until:
        with suppress(OSError), urllib.request.urlopen(f"{running.address}/readyz", timeout=5):
            return
        with suppress(subprocess.TimeoutExpired):
            server.wait(0.1)
            break
    pytest.fail((running.data / "server.log").read_text())


# --- the generated client -------------------------------------------------------------------------


@pytest.fixture(scope="module")
def generated(served: Served, tmp_path_factory: pytest.TempPathFactory) -> Iterator[ModuleType]:
    """Generate a client from the description that the server hands out, and import it."""
    folder = tmp_path_factory.mktemp("generated")
    (folder / "settings.yaml").write_text("post_hooks: []\n")
    with urllib.request.urlopen(f"{served.address}/api/v1/openapi.json") as answer:
        (folder / "openapi.json").write_bytes(answer.read())
    done = subprocess.run(
        [
            *(sys.executable, "-m", "openapi_python_client", "generate", "--meta", "none"),
            *("--path", folder / "openapi.json", "--config", folder / "settings.yaml"),
            *("--output-path", folder / "redress_client"),
        ],
        capture_output=True,
        text=True,
        check=False,
        timeout=60,
    )
    assert done.returncode == 0, done.stdout + done.stderr
    with pytest.MonkeyPatch.context() as path:
        path.syspath_prepend(str(folder))
        yield importlib.import_module("redress_client")
    for name in [one for one in sys.modules if one.partition(".")[0] == "redress_client"]:
        del sys.modules[name]


class Program:
    """A program of somebody that was written on the generated client."""

    def __init__(self, generated: ModuleType, served: Served, name: str) -> None:
        answer = httpx.post(
            f"{served.address}/api/v1/token",
            data={"grant_type": "client_credentials"},
            auth=served.systems[name],
        )
        token = answer.raise_for_status().json()["access_token"]
        self.client = generated.AuthenticatedClient(base_url=served.address, token=token)
        self.models = importlib.import_module("redress_client.models")
        self.name, self.sent = name, 0

    def ask(self, area: str, operation: str, *args: object, **kwargs: object) -> object:
        """Call an operation and return what it answered; a problem fails the test."""
        module = importlib.import_module(f"redress_client.api.{area}.{area}_{operation}")
        found = module.sync(*args, client=self.client, **kwargs)
        assert not isinstance(found, self.models.Problem), (operation, found)
        return found

    def request(
        self, answers: dict[str, object], *, version: int = 0, proof: bool = False
    ) -> object:
        """Return a step with its answers, and with a file where one is wanted."""
        content = b64encode(make_pdf("证据")).decode()
        files = [{"name": "证据.pdf", "content": content}] if proof else []
        return self.models.StepRequest.from_dict(
            {"version": version, "answers": answers, "files": files}
        )

    def take(self, ref: str, step: str, **answers: object) -> None:
        """Read a case, see that a step is offered and not barred, and take it."""
        case = self.ask("cases", "show_case", ref)
        [offered] = [one for one in case.steps if one.name == step]
        assert not offered.barred_by, offered.barred_by
        self.ask(
            "cases",
            "take_step",
            self.models.Kind.CASES,
            ref,
            step,
            body=self.request(answers, version=case.version),
            idempotency_key=self.new_key(),
        )

    def new_key(self) -> str:
        """Return a key that was not used before."""
        self.sent += 1
        return f"{self.name}-{self.sent}"


def test_a_generated_client_files_an_objection_and_follows_it_to_the_answer(served, generated):
    names = ("subject", "reviewer", "second_reviewer", "provider")
    programs = [Program(generated, served, name) for name in names]
    try:
        file_and_follow(served, *programs)
    finally:
        for one in programs:
            one.client.get_httpx_client().close()


def file_and_follow(served, firm, centre, second, agency):
    answers = {"ground": "error", "statement": "罚款金额有误。", "value_fine_10k": "1"}
    opened = firm.ask(
        "records",
        "open_matter",
        served.names["record"],
        "objection",
        body=firm.request(answers, proof=True),
        idempotency_key=firm.new_key(),
    )
    firm.take(opened.ref, "submit")
    centre.take(opened.ref, "accept")
    centre.take(opened.ref, "ask_provider")
    agency.take(opened.ref, "propose_correction", findings="经核查应予更正。", value_fine_10k="1")
    centre.take(opened.ref, "decide_correction")
    second.take(opened.ref, "sign_correction")
    followed = firm.ask("cases", "show_case", opened.ref)
    assert followed.state == "executed"
    assert [one.answered for one in followed.proposals] == ["1"]
    letters = firm.ask("papers", "list_letters", opened.ref).letters
    assert {one.kind for one in letters} >= {"receipt", "decision_correcting"}
    terms = firm.ask("cases", "explain_terms", opened.ref).terms
    assert all(one.sentence.en for one in terms)
    record = firm.ask("records", "show_record", served.names["record"])
    assert float(record.fine_10k) == 1


# --- the guide ------------------------------------------------------------------------------------


def commands_of(served: Served) -> dict[str, str]:
    """Return the commands that the page for integrators shows, by name."""
    return {
        one.get("data-commands"): "".join(one.itertext())
        for one in read_page(served, "en").iter("code")
        if one.get("data-commands")
    }


@pytest.fixture(scope="module")
def guided(served: Served, tmp_path_factory: pytest.TempPathFactory) -> dict[str, str]:
    """Do what the guide says, in an empty folder; return what each of its commands printed."""
    folder = tmp_path_factory.mktemp("integrator")
    commands = commands_of(served)
    assert list(commands) == [
        *("register", "token", "ask", "batch", "verify", "report", "report_not")
    ]
    names = served.names
    registered = shell(
        commands["register"]
        .replace("python3 manage.py flask", f"{sys.executable} -m flask --app repair_app")
        .replace("han@redress.example", names["officer"]),
        ROOT,
        {"REDRESS_DATA": str(served.data), "USCC": names["department"]},
    )
    client = dict(
        line.split()[:2] for line in registered.splitlines() if line.startswith("client_")
    )
    settings = {
        "BASE": served.address,
        "CLIENT_ID": client["client_id"],
        "CLIENT_SECRET": client["client_secret"],
        "FIRM": names["firm"],
    }
    later = list(commands)[1:]
    every = "\n".join(f"echo '== {one}'\n{commands[one]}\necho" for one in later)
    printed = shell(every, folder, settings).split("== ")[1:]
    told = {one: text.removeprefix(one) for one, text in zip(later, printed, strict=True)}
    return {**told, "folder": str(folder)}


def shell(commands: str, folder: Path, settings: dict[str, str]) -> str:
    """Run commands as somebody types them, with this Python as python3; return what they print."""
    environment = {
        **{name: value for name, value in os.environ.items() if name != "DATABASE_URL"},
        "PATH": f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}",
        **settings,
    }
    done = subprocess.run(
        ["bash", "-euo", "pipefail", "-c", commands],
        cwd=folder,
        env=environment,
        capture_output=True,
        text=True,
        check=False,
        timeout=120,
    )
    assert done.returncode == 0, f"{done.stdout}\n{done.stderr}"
    return done.stdout


def test_the_guide_leads_from_nothing_to_a_verified_answer(guided):
    assert '"enforceable": true' in guided["ask"]
    assert "verified: True In force until" in guided["verify"]
    answers = json.loads(guided["batch"])["answers"]
    assert [(one["measure"], one["state"]) for one in answers] == [
        ("A01", "enforceable"),
        ("A02", "not_imposed"),
    ]
    reported, not_carried_out = (json.loads(guided[one]) for one in ("report", "report_not"))
    assert (reported["incident"], reported["repeated"]) == (None, False)
    assert (not_carried_out["incident"], not_carried_out["repeated"]) == (None, False)
    assert reported["event"]["seq"] < not_carried_out["event"]["seq"]


def read_page(served: Served, language: str) -> "html5lib.Element":
    """Return the page for integrators in a language."""
    request = urllib.request.Request(
        f"{served.address}/api/v1/docs", headers={"Accept-Language": language}
    )
    with urllib.request.urlopen(request) as answer:
        return html5lib.parse(answer.read(), namespaceHTMLElements=False)


def lists_of(page: "html5lib.Element") -> dict[str, dict[str, str]]:
    """Return the lists of codes of the page: name -> code -> what it means."""
    return {
        one.get("data-list"): {
            "".join(term.itertext()): "".join(meaning.itertext())
            for term, meaning in zip(one.iter("dt"), one.iter("dd"), strict=True)
        }
        for one in page.iter("dl")
        if one.get("data-list")
    }


@pytest.mark.parametrize(("language", "letters"), [("en", "[A-Za-z]"), ("zh-CN", "[一-鿿]")])
def test_the_page_says_what_each_code_means(served, language, letters):
    told = lists_of(read_page(served, language))
    assert list(told["verdicts"]) == list(enforcement.CODES)
    yes = [code for code, meaning in told["verdicts"].items() if meaning.startswith("true")]
    assert yes == ["enforceable"]
    assert set(told["incidents"]) == set(enforcement.INCIDENTS)
    assert {"in_force", "suspended", "ended", "lapsed"} <= set(told["states"])
    assert {"invalid", "unknown_parameter", "contradicts", "no_such_place"} <= set(told["refusals"])
    for name, one in told.items():
        for code, meaning in one.items():
            assert re.search(letters, meaning), (name, code)
            assert "%(" not in meaning, (name, code)


def test_the_page_names_the_setting_of_the_data_folder(served):
    page = read_page(served, "en")
    assert "REDRESS_DATA" in "".join(page.itertext())


def test_the_guides_verification_finds_a_forged_answer(guided):
    folder = Path(guided["folder"])
    answer = json.loads((folder / "answer.json").read_text())
    forged = folder / "forged"
    forged.mkdir()
    for name in ("keys.json", "verify.py"):
        (forged / name).write_text((folder / name).read_text())
    last = "B" if answer["receipt"][-1] != "B" else "C"  # of its bits four mean nothing
    for change in (
        {"enforceable": False},
        {"enforceable": 1},
        {"receipt": answer["receipt"][:-1] + last},
        {"receipt": answer["receipt"] + "="},
    ):
        (forged / "answer.json").write_text(json.dumps({**answer, **change}))
        for options in ([], ["-O"]):
            command = [sys.executable, *options, "verify.py"]
            done = subprocess.run(command, cwd=forged, capture_output=True, check=False, timeout=60)
            assert done.returncode != 0, change
            assert b"verified" not in done.stdout


def test_the_page_fetches_nothing_from_elsewhere(served):
    with urllib.request.urlopen(f"{served.address}/api/v1/docs") as answer:
        page = html5lib.parse(answer.read(), namespaceHTMLElements=False)
    sources = [one.get("src") for one in page.iter("script")]
    sources += [one.get("href") for one in page.iter("link") if one.get("rel") == "stylesheet"]
    assert sources
    for one in sources:
        assert one.startswith("/"), one
        with urllib.request.urlopen(served.address + one) as asset:
            assert asset.status == 200
    assert not [one for one in page.iter("script") if (one.text or "").strip()]
