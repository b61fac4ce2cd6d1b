"""`/healthz` and `/readyz`: up is not ready; what stands in the way is named, without secrets."""

import socket
import threading

import pytest
from sqlalchemy import create_engine

from repair_app import jobs, schema
from repair_app.db import db, writing
from repair_app.services import readiness

FINE = {"database": "ok", "schema": "ok", "evidence": "ok", "policy": "ok"}
TOLD = {"worker": "none", "history": "ok"}  # and do not count


@pytest.fixture
def no_database(monkeypatch):
    """Let the application have a database that refuses every connection."""
    gone = create_engine("postgresql+psycopg://redress:hidden-word@127.0.0.1:9/redress")
    monkeypatch.setattr(type(db), "engine", gone)


def set_revision(number):
    with writing(), db.engine.begin() as connection:
        connection.exec_driver_sql(f"UPDATE alembic_version SET version_num = '{number}'")


def test_a_store_in_order_is_ready_and_says_that_no_worker_is_active(anybody):
    answer = anybody.get("/readyz")
    assert answer.status_code == 200
    assert answer.json == {"status": "ok", "failed": [], "checks": {**FINE, **TOLD}}


def test_an_active_worker_is_seen_and_looking_takes_it_nothing(anybody):
    lock = jobs.lock_of(db.engine)
    assert lock.take()
    try:
        assert anybody.get("/readyz").json["checks"]["worker"] == "active"
        lock.check()
    finally:
        lock.close()
    assert anybody.get("/readyz").json["checks"]["worker"] == "none"
    again = jobs.lock_of(db.engine)
    assert again.take()
    again.close()


def test_a_process_without_its_database_is_up_and_not_ready(anybody, no_database):
    answer = anybody.get("/readyz")
    assert answer.status_code == 503
    assert answer.json["failed"] == ["database", "schema"]
    assert "hidden-word" not in answer.html
    assert "127.0.0.1" not in answer.html
    assert anybody.get("/healthz").json == {"status": "ok"}


def test_a_database_that_does_not_answer_is_waited_for_a_second_only(anybody, monkeypatch):
    """A host that takes the call and says nothing, as one behind a broken network does."""
    with socket.create_server(("127.0.0.1", 0)) as mute:
        port = mute.getsockname()[1]
        silent = create_engine(f"postgresql+psycopg://redress@127.0.0.1:{port}/redress")
        monkeypatch.setattr(type(db), "engine", silent)
        monkeypatch.setattr(readiness, "PATIENCE", 0.2)
        for _ in range(3):
            answer = anybody.get("/readyz")
            assert answer.status_code == 503
            assert answer.json["checks"]["database"].startswith("no answer within")
        waiting = [one for one in threading.enumerate() if one.name == "readiness"]
        assert len(waiting) == 1  # not one more for each question
    waiting[0].join(10)


def test_a_schema_that_is_behind_is_not_served_and_one_ahead_is(app, store, anybody):
    store.spoil()
    set_revision("0001")
    answer = anybody.get("/readyz")
    assert (answer.status_code, answer.json["failed"]) == (503, ["schema"])
    set_revision(f"{int(schema.last_revision()) + 1:04d}")
    assert anybody.get("/readyz").status_code == 200


def test_evidence_that_cannot_be_stored_is_told(app, anybody, tmp_path, monkeypatch):
    (tmp_path / "evidence").write_text("a file where the folder should be")
    monkeypatch.setitem(app.config, "DATA_FOLDER", tmp_path)
    answer = anybody.get("/readyz")
    assert (answer.status_code, answer.json["failed"]) == (503, ["evidence"])
    assert str(tmp_path) not in answer.html


def test_without_a_policy_it_is_not_ready(app, anybody, monkeypatch):
    monkeypatch.delitem(app.extensions, "redress_policy")
    answer = anybody.get("/readyz")
    assert (answer.status_code, answer.json["failed"]) == (503, ["policy"])
