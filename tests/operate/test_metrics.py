"""`/metrics`: for nobody without the token; latency by route, and how the store is doing."""

import os
import select as readiness
import subprocess
import sys
import time
from datetime import timedelta
from types import SimpleNamespace

import pytest
from prometheus_client.parser import text_string_to_metric_families
from sqlalchemy import text

from config import ROOT, SHARED_SECRETS, TestConfig
from repair_app import create_app, jobs, replica
from repair_app.db import at, db, now, writing
from repair_app.models import CreditRecord
from repair_app.services import vitals
from repair_app.services.sync import changes
from repair_app.services.transaction import transaction
from tests.client import make_client
from tests.factories import make_case, make_record, make_sanction
from tests.journeys.steps import accept_and_forward, dispute

TOKEN = "a-token-of-the-settings"


@pytest.fixture
def watched(app, store, monkeypatch):
    """Give an application on the store that has a token for its metrics."""
    monkeypatch.setenv("REDRESS_METRICS_TOKEN", TOKEN)
    monkeypatch.setenv("REDRESS_DATA", str(app.config["DATA_FOLDER"]))
    monkeypatch.setenv("DATABASE_URL", store.url)
    vitals.forget()
    made = create_app(TestConfig())
    yield made
    vitals.forget()
    with made.app_context():
        db.engine.dispose()


def bearing(token):
    return {"Authorization": f"Bearer {token}"}


def scrape(app):
    """Return the samples: (name, labels) -> value."""
    answer = make_client(app).get("/metrics", headers=bearing(TOKEN))
    assert answer.status_code == 200
    return read(answer.html)


def read(body):
    return {
        (one.name, *sorted(one.labels.items())): one.value
        for family in text_string_to_metric_families(body)
        for one in family.samples
    }


# --- who may ----------------------------------------------------------------------------------


def test_without_a_token_in_the_settings_there_is_no_such_page(app, anybody):
    for given in ({}, bearing(""), bearing(TOKEN), {"Authorization": "Bearer"}):
        assert anybody.get("/metrics", headers=given).status_code == 404
    assert "redress_metrics" not in app.extensions


@pytest.mark.parametrize(
    "given",
    [
        {},
        bearing(""),
        bearing(TOKEN[:-1]),
        bearing(f"{TOKEN}x"),
        bearing("ä"),
        {"Authorization": TOKEN},
        {"Authorization": f"Basic {TOKEN}"},
        {"Authorization": "Basic YTph"},
    ],
)
def test_to_who_has_not_the_token_there_is_no_such_page(watched, given):
    answer = make_client(watched).get("/metrics", headers=given)
    assert answer.status_code == 404
    assert answer.words == make_client(watched).get("/nowhere").words


def test_signed_in_or_not_only_the_token_counts(watched, as_, world):
    answer = as_(world.administrator).get("/metrics", headers=bearing(TOKEN))
    assert answer.status_code == 404  # of the application without one
    answer = make_client(watched).get("/metrics", headers=bearing(TOKEN))
    assert answer.status_code == 200
    assert answer.mimetype == "text/plain"
    assert "Set-Cookie" not in answer.headers


# --- requests ---------------------------------------------------------------------------------


def test_the_time_of_each_route_is_counted_by_its_name_and_kind_of_answer(watched, world):
    client = make_client(watched)
    for address in ("/healthz", "/healthz", "/nowhere/a", "/nowhere/b", "/my"):
        client.get(address)
    found = scrape(watched)

    def count(endpoint, status, method="GET"):
        labels = (("endpoint", endpoint), ("method", method), ("status", status))
        return found.get(("redress_request_seconds_count", *labels))

    assert count("health.healthz", "2xx") == 2
    assert count("none", "4xx") == 2  # one line, however many addresses there are not
    assert count("my.index", "3xx") == 1
    bucket = ("endpoint", "health.healthz"), ("le", "10.0"), ("method", "GET"), ("status", "2xx")
    assert found["redress_request_seconds_bucket", *bucket] == 2


PROGRAM = """
import sys
from config import TestConfig
from repair_app import create_app
app = create_app(TestConfig())
client = app.test_client()
print("up", flush=True)
for line in sys.stdin:
    answer = client.get(line.strip(), headers={"Authorization": "Bearer " + sys.argv[1]})
    sys.stdout.write(answer.get_data(as_text=True).replace("\\n", "\\x1f") + "\\n")
    sys.stdout.flush()
"""


@pytest.fixture
def processes(app, store, tmp_path):
    """Give two processes of one server; each answers an address written to it."""
    env = {
        **os.environ,
        "REDRESS_DATA": str(app.config["DATA_FOLDER"]),
        "DATABASE_URL": store.url,
        "REDRESS_METRICS_TOKEN": TOKEN,
        "PROMETHEUS_MULTIPROC_DIR": str(tmp_path),
        "PYTHONPATH": str(ROOT),
    }
    command = [sys.executable, "-P", "-c", PROGRAM, TOKEN]
    pipes = {"stdin": subprocess.PIPE, "stdout": subprocess.PIPE, "text": True}
    started = [subprocess.Popen(command, env=env, **pipes) for _ in range(2)]
    yield started
    for one in started:
        one.kill()
        one.wait(30)
        one.stdin.close()
        one.stdout.close()


def ask(process, address):
    process.stdin.write(f"{address}\n")
    process.stdin.flush()
    return answer_of(process)


def answer_of(process):
    end = time.monotonic() + 40
    while not readiness.select([process.stdout], [], [], 1)[0]:
        assert time.monotonic() < end
    return process.stdout.readline().replace("\x1f", "\n")


@pytest.mark.parametrize("stage", ["sqlite"], indirect=True)
def test_several_processes_count_together_and_one_that_died_is_not_forgotten(processes):
    first, second = processes
    assert answer_of(first) == answer_of(second) == "up\n"
    for process in (first, first, second):
        ask(process, "/healthz")
    labels = (("endpoint", "health.healthz"), ("method", "GET"), ("status", "2xx"))
    for process in (first, second):
        assert read(ask(process, "/metrics"))["redress_request_seconds_count", *labels] == 3
    first.kill()
    first.wait(30)
    assert read(ask(second, "/metrics"))["redress_request_seconds_count", *labels] == 3


# --- the store --------------------------------------------------------------------------------


def test_what_is_late_suspended_and_waiting_is_counted(watched, cast, world, monkeypatch):
    monkeypatch.setattr(vitals, "KEPT", 3600)  # seconds: however slow this machine is
    with watched.app_context():
        jobs.make_tables(db.engine)
    before = scrape(watched)
    assert before["redress_sanctions_suspended",] == 0
    assert not [one for one in before if one[0] == "redress_terms_overdue"]
    record = make_record(world.firm, world.agency)
    make_sanction(record, world.officer)
    accept_and_forward(cast.reviewer, dispute(cast.subject, record))
    make_case(world, "accepted")
    with writing(), db.engine.begin() as connection:
        connection.execute(
            text("UPDATE deadline SET due_on = :day WHERE met_at IS NULL AND owner = 'provider'"),
            {"day": now().date() - timedelta(days=10)},
        )
    assert scrape(watched)["redress_sanctions_suspended",] == 0  # kept for a while
    vitals.forget()
    found = scrape(watched)
    assert found["redress_sanctions_suspended",] == 1
    assert found["redress_terms_overdue", ("owner", "provider")] == 1
    assert found["redress_term_longest_overdue_days",] in {9, 10, 11}
    assert found["redress_ledger_last_event",] > before["redress_ledger_last_event",]
    assert found["redress_worker_active",] == 0
    assert found["redress_jobs", ("state", "enqueued")] == 0
    assert {one for one in found if one[0] == "redress_store_answers"} == {
        ("redress_store_answers", ("question", name.__name__.removeprefix("ask_")))
        for name in vitals.QUESTIONS
    }


def lag_of_the_chain(watched):
    db.session.rollback()
    vitals.forget()
    return scrape(watched)["redress_chain_lag_seconds",]


def put_in_order():
    changes.take_in()
    changes.order_changes()


def test_the_lag_of_the_chain_is_the_age_of_the_oldest_change_without_a_place(watched, world):
    number = make_record(world.firm, world.agency).id
    put_in_order()
    assert lag_of_the_chain(watched) == 0
    with at(now() - timedelta(hours=2)), transaction() as session:
        session.get_one(CreditRecord, number).decision_no = "更正后"
    assert 7200 <= lag_of_the_chain(watched) < 10800
    put_in_order()
    assert lag_of_the_chain(watched) == 0


def test_what_was_brought_in_by_bulk_counts_until_it_was_looked_at(watched, world):
    """A range that is only looked at again, by night, is no lag, nor is what is shown nowhere."""
    with at(now() - timedelta(hours=3)):
        make_record(world.firm, world.agency, decided_days_ago=3000, severity="minor")  # withheld
    with at(now() - timedelta(hours=2)):
        make_record(world.firm, world.agency)
    assert 7200 <= lag_of_the_chain(watched) < 10800
    put_in_order()
    assert lag_of_the_chain(watched) == 0
    with transaction() as session:
        changes.look_again(session)
    assert lag_of_the_chain(watched) == 0


@pytest.fixture
def lagging(watched, monkeypatch):
    """Give a function that scrapes the lag of a replica that has read so far."""
    url = watched.config["SQLALCHEMY_DATABASE_URI"]
    monkeypatch.setenv("REDRESS_REPLICA_URL", url)
    for name in SHARED_SECRETS:
        monkeypatch.setenv(name, os.environ.get(name) or "x" * 40)
    made = create_app(TestConfig())

    def lag(read):
        monkeypatch.setattr(replica, "READ", text(f"SELECT {read}"))  # ours, no one's words
        vitals.forget()
        return scrape(made)

    yield lag
    with made.app_context():
        for engine in db.engines.values():
            engine.dispose()


@pytest.mark.parametrize("stage", ["postgresql"], indirect=True)
def test_the_lag_of_the_replica_grows_while_it_stands_still(lagging, monkeypatch):
    clock = SimpleNamespace(moment=100.0)
    monkeypatch.setattr(replica, "time", SimpleNamespace(monotonic=lambda: clock.moment))

    def lag_at(moment, read):
        clock.moment = moment
        return lagging(read)["redress_replica_lag_seconds",]

    level = "pg_wal_lsn_diff(pg_current_wal_lsn(), '0/0')"
    assert lag_at(100.0, level) == 0
    assert lag_at(130.0, "0") == 30  # since the first look, at least
    assert lag_at(190.0, "0") == 90
    assert lag_at(200.0, "NULL") == float("inf")  # it was promoted
    assert lag_at(210.0, level) == 0


@pytest.mark.parametrize("stage", ["postgresql"], indirect=True)
def test_a_replica_that_does_not_answer_is_a_figure(lagging):
    found = lagging("1 / 0")
    assert ("redress_replica_lag_seconds",) not in found
    assert found["redress_store_answers", ("question", "replica")] == 0


def test_without_a_replica_there_is_no_lag_of_it(watched):
    found = scrape(watched)
    assert ("redress_replica_lag_seconds",) not in found
    assert found["redress_store_answers", ("question", "replica")] == 1


def test_a_job_that_waits_is_counted_with_its_age(watched, store):
    store.spoil()
    jobs.make_tables(db.engine)
    with writing():
        session = db.session()
        session.rollback()
        jobs.enqueue(session, "greet", "one", number=1)
        session.commit()
    found = scrape(watched)
    assert found["redress_jobs", ("state", "enqueued")] == 1
    assert 0 <= found["redress_job_oldest_seconds",] < 600
    jobs.client_of.cache_clear()


def test_a_store_that_does_not_answer_is_a_figure_and_no_failure(watched, monkeypatch):
    """The metrics are most needed when something is broken."""

    def fail(_session):
        raise vitals.SQLAlchemyError("gone")

    fail.__name__ = "ask_terms"
    monkeypatch.setattr(vitals, "QUESTIONS", (fail, vitals.ask_ledger))
    found = scrape(watched)
    assert found["redress_store_answers", ("question", "terms")] == 0
    assert found["redress_store_answers", ("question", "ledger")] == 1
    assert found["redress_ledger_last_event",] >= 0
