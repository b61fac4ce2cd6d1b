"""Evidence on a server that speaks S3: the same bytes, written once, and what if it is away."""

import os
import socket
import subprocess
import sys
import time

import boto3
import pytest
import requests
from obstore.exceptions import AlreadyExistsError

from repair_app.models import Document
from repair_app.services import evidence
from tests.factories import make_case, make_pdf, make_upload

PATIENCE = 60  # seconds
pytestmark = pytest.mark.parametrize("stage", ["sqlite"], indirect=True)


@pytest.fixture(scope="module")
def server():
    """Run moto's S3 server on loopback; give its address."""
    with socket.create_server(("127.0.0.1", 0)) as listener:
        port = listener.getsockname()[1]
    command = [sys.executable, "-P", "-m", "moto.server", "-H", "127.0.0.1", "-p", str(port)]
    process = subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    address = f"http://127.0.0.1:{port}"
    try:
        end = time.monotonic() + PATIENCE
        while not answers(address):
            assert time.monotonic() < end
            assert process.poll() is None
            time.sleep(0.1)
        requests.put(f"{address}/evidence", timeout=PATIENCE).raise_for_status()
        yield address
    finally:
        process.terminate()
        process.wait(PATIENCE)


def answers(address):
    try:
        return requests.get(address, timeout=1).ok
    except requests.RequestException:
        return False


@pytest.fixture
def on_s3(app, server, monkeypatch):
    """Let the application keep its evidence there."""
    for name, value in {
        "AWS_ACCESS_KEY_ID": "key",
        "AWS_SECRET_ACCESS_KEY": "secret",
        "AWS_REGION": "us-east-1",
        "AWS_ENDPOINT_URL": server,
        "AWS_ALLOW_HTTP": "true",
    }.items():
        monkeypatch.setenv(name, value)
    # A prefix of this test's own: the application knows an address once and for all.
    place = f"s3://evidence/{os.urandom(8).hex()}"
    monkeypatch.setitem(app.config, "EVIDENCE_URL", place)
    return place


def test_evidence_goes_there_and_comes_back(app, world, as_, on_s3, server):
    upload = make_upload(make_pdf("kept nowhere else"))
    evidence.write(upload)
    path = evidence.path_of(upload.sha256)
    assert not (app.config["DATA_FOLDER"] / "evidence" / path).exists()
    key = f"{on_s3.removeprefix('s3://evidence/')}/{path}"
    other = boto3.client("s3", endpoint_url=server)  # somebody else's way of reading
    stored = other.get_object(Bucket="evidence", Key=key)["Body"].read()
    assert stored == evidence.read_stored(upload.sha256) == upload.content
    assert as_(world.reviewer).get("/readyz").json["checks"]["evidence"] == "ok"


def test_what_is_there_is_never_written_over(app, on_s3):
    first = make_upload(make_pdf("first"))
    evidence.write(first)
    evidence.write(first)  # the same again is no error
    with pytest.raises(AlreadyExistsError):
        evidence.store().put(evidence.path_of(first.sha256), b"other", mode="create")
    assert evidence.read_stored(first.sha256) == first.content


def test_bytes_that_are_not_what_was_stored_are_refused(app, on_s3):
    upload = make_upload(make_pdf("good"))
    evidence.store().put(evidence.path_of(upload.sha256), b"spoilt")
    with pytest.raises(ValueError, match="damaged"):
        evidence.read(Document(sha256=upload.sha256))


def test_a_server_that_is_away_is_told_and_nothing_is_half_done(
    app, world, as_, on_s3, monkeypatch
):
    case = make_case(world, "submitted")
    address = f"/documents/{case.documents[0].ref}"
    with socket.create_server(("127.0.0.1", 0)) as listener:
        free = listener.getsockname()[1]
    monkeypatch.setenv("AWS_ENDPOINT_URL", f"http://127.0.0.1:{free}")
    monkeypatch.setattr(evidence, "RETRIES", {"max_retries": 0})
    evidence.open_store.cache_clear()
    answer = as_(world.reviewer).get(address)
    assert answer.status_code == 503
    assert answer.headers["Retry-After"] == "10"
    assert as_(world.reviewer).get("/readyz").json["failed"] == ["evidence"]
    evidence.open_store.cache_clear()
