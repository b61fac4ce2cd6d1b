"""A file whose job fails as often as it is tried: shown, told, taken up again, or given up."""

import os
import select as readiness
import subprocess
import sys
import time
from contextlib import contextmanager
from dataclasses import replace
from datetime import timedelta

import pytest
from sqlalchemy import select

from config import ROOT
from repair_app import jobs
from repair_app.db import db, now
from repair_app.models import Message, RecordUpload
from repair_app.services import evidence
from repair_app.services.imports import files, uploads
from tests.imports.rows import file_of, judged, read, records, send_file, sha256

PATIENCE = 60  # seconds: a worker that does not say its line until then has failed
DAMAGED = b"x" * 10

# The worker's own jobs, each tried once; it says how the jobs end.
PROGRAM = """
import os, signal, threading
from config import TestConfig
from repair_app import create_app, jobs
from repair_app.cli.jobs import all_jobs
from repair_app.db import db
from repair_app.services.imports import uploads

def tell(line):
    os.write(1, f"{line}\\n".encode())

def telling(job):
    def do(**ids):
        try:
            job(**ids)
        except Exception as error:
            tell(f"failed {type(error).__name__}")
            raise
        tell("read")
    return do

app = create_app(TestConfig())
stop = threading.Event()
signal.signal(signal.SIGTERM, lambda *_: stop.set())
jobs.TRIES = 1
with app.app_context():
    todo = all_jobs()
    todo[uploads.JOB] = telling(todo[uploads.JOB])
    jobs.work(db.engine, app.app_context, todo, [], stop=stop, tell=tell, poll=0.1)
"""


@pytest.fixture
def work_until(app, store):
    """Give a function that runs a worker until it says a line, and until its job has ended."""
    store.spoil()
    jobs.make_tables(db.engine)
    env = {
        **os.environ,
        "REDRESS_DATA": str(app.config["DATA_FOLDER"]),
        "DATABASE_URL": store.url,
        "PYTHONPATH": str(ROOT),
    }

    @contextmanager
    def started():
        process = subprocess.Popen(
            [sys.executable, "-P", "-c", PROGRAM], env=env, stdout=subprocess.PIPE
        )
        try:
            yield process
        finally:
            process.terminate()
            process.wait(PATIENCE)
            process.stdout.close()

    def run(line):
        end, said = time.monotonic() + PATIENCE, b""
        with started() as process:
            while f"{line}\n".encode() not in said:
                left = max(end - time.monotonic(), 0)
                ready, _, _ = readiness.select([process.stdout], [], [], left)
                piece = os.read(process.stdout.fileno(), 65536) if ready else b""
                assert piece, said.decode()
                said += piece
        db.session.rollback()

    yield run
    jobs.client_of.cache_clear()


def own(client):
    """Return the header by which a request shows that it is the page's."""
    return {"X-CSRFToken": client.token()}


def press(client, ref, step):
    """Press a button of a file's page; return the words of the page that follows."""
    answer = client.post(f"/work/imports/{ref}/{step}", headers=own(client))
    assert answer.status_code == 302, answer.get_data(as_text=True)
    return client.read(answer.headers["Location"]).words


def tick(app):
    """Run what comes round, by hand."""
    result = app.test_cli_runner().invoke(args=["jobs", "tick"])
    assert result.exit_code == 0, result.output
    db.session.rollback()
    return result.output


@pytest.mark.with_jobs
def test_a_file_no_job_reads_any_more_is_shown_told_and_taken_up_again(
    app, world, machine, as_, work_until, monkeypatch
):
    provider, page = machine("provider"), as_(world.provider)
    content = file_of(world, 5)
    ref = send_file(provider, content)
    path = uploads.place_of(ref, 0, sha256(content))
    evidence.store().put(path, DAMAGED)
    assert "stop_uploads: 0" in tick(app)  # its job waits: it is not given up
    work_until("failed ValueError")
    assert "stop_uploads: 1" in tick(app)
    assert "stop_uploads: 0" in tick(app)

    shown = page.get(f"/work/imports/{ref}")
    assert "Refresh" not in shown.headers
    assert "未能将文件读取完毕" in page.read(f"/work/imports/{ref}").words
    assert "已停止读取" in page.read("/work/imports").words
    state = provider.get(f"/imports/{ref}").json
    assert (state["standing"], state["rows"]) == ("stopped", 0)
    told = page.read("/messages").words
    assert ref in told
    assert "未能读取完毕" in told
    assert ref not in as_(world.other_provider).read("/messages").words
    number = db.session.scalars(
        select(Message.id).where(Message.entity_ref == ref, Message.account_id == world.provider.id)
    ).one()
    db.session.rollback()
    assert page.get(f"/messages/{number}").headers["Location"].endswith(f"/work/imports/{ref}")

    evidence.store().put(path, content)  # what was in the way is no more
    press(page, ref, "resume")
    assert provider.get(f"/imports/{ref}").json["standing"] == "waiting"
    assert "已无需您办理" in page.read("/messages").words
    assert "stop_uploads: 0" in tick(app)
    work_until("read")
    assert "stop_uploads: 0" in tick(app)
    state = provider.get(f"/imports/{ref}").json
    assert (state["standing"], state["rows"]) == ("done", 5)
    assert records() == 5
    assert "该文件没有停止读取" in press(page, ref, "resume")


@pytest.fixture
def given_up(monkeypatch):
    """Have no job be on its way: each has failed as often as it is tried."""
    monkeypatch.setattr(jobs, "find_given_up", lambda _engine, _name, keys: set(keys))


def test_what_was_judged_before_it_stopped_stays_and_is_not_judged_again(
    world, machine, monkeypatch, given_up, asked
):
    provider = machine("provider")
    monkeypatch.setattr(files, "CHUNK", 4)
    ref = send_file(provider, file_of(world, 10))
    form, seen = uploads.FORMATS["penalties"], []

    def fail_at_the_second(*given):
        seen.append(given)
        if len(seen) == 2:
            raise OSError("a fault of the test")
        form.bring_in(*given)

    with monkeypatch.context() as patch:
        patch.setattr(uploads, "FORMATS", {"penalties": replace(form, bring_in=fail_at_the_second)})
        with pytest.raises(OSError, match="of the test"):
            read(ref)
        db.session.rollback()
    assert uploads.stop_given_up(now()) == 1
    assert provider.get(f"/imports/{ref}").json["rows"] == 4
    assert provider.post(f"/imports/{ref}/resume").status_code == 202
    refused = provider.post(f"/imports/{ref}/resume")
    assert (refused.status_code, refused.json["code"]) == (409, "not_stopped")
    assert [name for name, _ in asked] == [uploads.JOB] * 2
    read(ref)
    assert (records(), judged()) == (10, 10)
    told = db.session.scalars(select(Message.account_id).where(Message.entity_ref == ref)).all()
    assert len(told) == len(set(told))  # each of the office once
    assert world.provider.id in told


def test_what_was_stopped_can_be_given_up_and_is_forgotten_after_a_week(
    world, machine, as_, given_up
):
    provider, page = machine("provider"), as_(world.provider)
    ref, other = (send_file(provider, file_of(world, one)) for one in (1, 2))
    busy = provider.post(f"/imports/{ref}/drop")
    assert (busy.status_code, busy.json["code"]) == (409, "not_receiving")
    assert "该文件正在读取" in press(page, ref, "drop")
    assert uploads.stop_given_up(now()) == 2
    press(page, ref, "drop")
    assert provider.get(f"/imports/{ref}").json["standing"] == "dropped"
    assert uploads.forget_uploads(now() + timedelta(days=6)) == 0
    assert uploads.forget_uploads(now() + timedelta(days=8)) == 1
    db.session.rollback()
    ends = db.session.scalars(select(RecordUpload.ended_at)).all()
    assert None not in ends
    assert provider.post(f"/imports/{other}/resume").json["code"] == "not_stopped"


def test_another_offices_stopped_file_is_not_there(world, machine, as_, given_up):
    ref = send_file(machine("provider"), file_of(world, 1))
    uploads.stop_given_up(now())
    other = as_(world.other_provider)
    for step in ("resume", "drop"):
        answer = other.post(f"/work/imports/{ref}/{step}", headers=own(other))
        assert answer.status_code == 404
    assert machine("other_provider").post(f"/imports/{ref}/resume").status_code == 404
