"""Requests that never end stop nobody: the proxy takes a request in before a node is asked."""

import socket
from contextlib import ExitStack

import pytest
import requests

from deploy.cluster.plan import PROXY, WEB
from tests.cluster.conftest import PATIENCE, TOGETHER, until

pytestmark = TOGETHER
HALF_SENT = 3 * len(WEB)  # each node has one process here
FORM = (
    b"POST /api/v1/token HTTP/1.1\r\nHost: x\r\nContent-Type: application/x-www-form-urlencoded\r\n"
)
HALF_A_BODY = FORM + b"Content-Length: 100\r\n\r\ng"
HALF_A_CHUNK = FORM + b"Transfer-Encoding: chunked\r\n\r\n64\r\ng"
HALF_A_HEAD = b"GET / HTTP/1.1\r\nHost: x\r\n"


@pytest.mark.parametrize("half", [HALF_A_BODY, HALF_A_CHUNK, HALF_A_HEAD])
def test_more_half_sent_requests_than_processes_stop_nobody(running, half):
    with ExitStack() as lines:
        for _ in range(HALF_SENT):
            line = socket.create_connection((PROXY, running.port), timeout=PATIENCE)
            lines.enter_context(line).sendall(half)
        for _ in WEB:
            assert running.answers(PROXY, "/healthz")


def test_without_the_proxy_they_would(running):
    """The negative control: what makes the test above pass is the proxy."""
    host = WEB["web-1"]

    def is_stopped():
        try:
            requests.get(f"http://{host}:{running.port}/healthz", timeout=1)
        except requests.ReadTimeout:
            return True
        return False

    with socket.create_connection((host, running.port)) as line:
        line.sendall(HALF_A_BODY)
        until("it is stopped", is_stopped)  # at once, or when it comes to read the body
    until("it answers again", lambda: running.answers(host))
