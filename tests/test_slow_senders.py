"""A server without a proxy: bodies that do not end stop it for as long as a body may take."""

import io
import signal
import socket
import subprocess
import time
from contextlib import ExitStack, suppress

import pytest
import requests

import manage
from repair_app.web.slow_senders import Bounded

HOST = "127.0.0.1"
WORKERS = 2
PATIENCE = 60  # seconds: who waits longer has failed
HALF = (
    b"POST /api/v1/token HTTP/1.1\r\nHost: x\r\n"
    b"Content-Type: application/x-www-form-urlencoded\r\nContent-Length: 100\r\n\r\ng"
)


@pytest.fixture
def port(tmp_path):
    """Serve the application as `manage.py up` does, with a short deadline; give the port."""
    with socket.create_server((HOST, 0)) as free:
        port = free.getsockname()[1]
    env = manage.child_env(REDRESS_DATA=str(tmp_path))
    env.pop("DATABASE_URL", None)
    command = [*manage.server_command(HOST, port, WORKERS)[:-1], "tests.impatient:create_app"]
    with subprocess.Popen(command, env=env) as process:
        try:
            wait_until_it_answers(port)
            yield port
        finally:
            process.terminate()
            process.wait(PATIENCE)


def wait_until_it_answers(port):
    """Ask until there is an answer; who waits behind a process that ends has to ask again."""
    end = time.monotonic() + PATIENCE
    while time.monotonic() < end:
        with suppress(requests.RequestException):
            return requests.get(f"http://{HOST}:{port}/healthz", timeout=5).raise_for_status()
        time.sleep(0.05)
    raise AssertionError(f"no answer in {PATIENCE} s")


def test_half_sent_requests_are_given_up_while_they_still_wait(port):
    with ExitStack() as lines:
        half = []
        for _ in range(3 * WORKERS):
            half.append(lines.enter_context(socket.create_connection((HOST, port))))
            half[-1].sendall(HALF)
        # On each process, none of them having been ended by its sender.
        for line in half:
            line.settimeout(PATIENCE)
            with suppress(ConnectionResetError):
                assert line.recv(100) == b""
        wait_until_it_answers(port)


@pytest.fixture
def alarms(monkeypatch):
    """Let no alarm be set here, where pytest has one of its own; give what would have been set."""
    asked = []
    monkeypatch.setattr(signal, "setitimer", lambda _which, seconds: asked.append(seconds))
    return asked


def read_all(environ, _start):
    stream = environ["wsgi.input"]
    return [stream.read(3), stream.readline(), *stream.readlines(), stream.read()]


def test_an_alarm_is_set_for_the_time_of_reading_only_and_reading_counts_together(alarms):
    environ = {"SERVER_SOFTWARE": "Granian", "wsgi.input": io.BytesIO(b"one two\nthree\nfour")}
    assert b"".join(Bounded(read_all, 30)(environ, None)) == b"one two\nthree\nfour"
    assert alarms[1::2] == [0] * (len(alarms) // 2)
    left = alarms[0::2]
    assert left == sorted(left, reverse=True)
    assert left[0] == 30
    assert 0 < left[-1] < 30


def test_no_alarm_is_set_by_another_server(alarms):
    Bounded(read_all, 30)({"wsgi.input": io.BytesIO(b"one")}, None)
    assert alarms == []
