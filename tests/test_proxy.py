"""The cluster's own proxy: it hands a request on when it has all of it, and not before."""

import socket
import subprocess
import threading
import time
from http.server import BaseHTTPRequestHandler, HTTPServer

import pytest
import requests

import manage
from deploy.cluster import proxy as proxies

PATIENCE = 30  # seconds: who waits longer has failed
HOST = "127.0.0.1"
GET = b"GET / HTTP/1.1\r\nHost: x\r\n"
POST = b"POST / HTTP/1.1\r\nHost: x\r\n"
HALF = {
    "body": POST + b"Content-Length: 100\r\n\r\ng",
    "chunk": POST + b"Transfer-Encoding: chunked\r\n\r\n64\r\ng",
    "head": GET,
    "nothing": b"",
}
BAD = {
    "two lengths": POST + b"Content-Length: 1\r\nContent-Length: 2\r\n\r\nab",
    "length and chunks": POST + b"Content-Length: 5\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n",
    "another coding": POST + b"Transfer-Encoding: chunked, gzip\r\n\r\n0\r\n\r\n",
    "no number": POST + b"Content-Length: +5\r\n\r\nabcde",
    "no chunk": POST + b"Transfer-Encoding: chunked\r\n\r\n-1\r\n\r\n",
    "more than the chunk": POST + b"Transfer-Encoding: chunked\r\n\r\n1\r\nab\r\n0\r\n\r\n",
    "a blank in a name": POST + b"Content-Length : 5\r\n\r\nabcde",
    "a line within a line": POST + b"X: y\nContent-Length: 5\r\n\r\nabcde",
}


class Node(BaseHTTPRequestHandler):
    """A node that gives back what it was sent, and says how."""

    asked = []  # the heads that came through

    def do_GET(self):
        Node.asked.append({name.lower(): value for name, value in self.headers.items()})
        sent = self.rfile.read(int(self.headers.get("Content-Length", 0)))
        self.send_response(200)
        self.end_headers()
        self.wfile.write(sent)

    do_POST = do_GET  # noqa: N815  # as the library calls it

    def log_message(self, *_):
        pass


@pytest.fixture(scope="module")
def node():
    """Run a node; give its port."""
    server = HTTPServer((HOST, 0), Node)
    serving = threading.Thread(target=server.serve_forever)
    serving.start()
    yield server.server_port
    server.shutdown()
    serving.join(PATIENCE)
    server.server_close()


def free_port():
    with socket.create_server((HOST, 0)) as free:
        return free.getsockname()[1]


@pytest.fixture(scope="module")
def port(node):
    """Run a proxy that waits for a second only, of a node and one that is away; give its port."""
    port = free_port()
    places = [f"{HOST}:{one}" for one in (port, free_port(), node)]
    options = ["--head-seconds", "1", "--body-seconds", "1"]
    command = manage.module_command("deploy.cluster.proxy", *places, *options)
    with subprocess.Popen(command, env=manage.child_env()) as process:
        try:
            while process.poll() is None:
                try:
                    socket.create_connection((HOST, port)).close()
                    break
                except OSError:
                    continue
            yield port
        finally:
            process.terminate()
            assert process.wait(PATIENCE) == 0


@pytest.fixture(autouse=True)
def nothing_asked():
    Node.asked.clear()


def answer_to(port, sent):
    """Return the number of the answer, after which the proxy hangs up."""
    with socket.create_connection((HOST, port), timeout=PATIENCE) as line:
        line.sendall(sent)
        said = b"".join(iter(lambda: line.recv(65536), b""))
    return int(said.split(b" ", 2)[1])


@pytest.mark.parametrize("part", HALF)
def test_what_is_not_sent_to_its_end_is_refused_after_the_deadline(port, part):
    assert answer_to(port, HALF[part]) == 408
    assert Node.asked == []


@pytest.mark.parametrize("why", BAD)
def test_what_can_be_read_in_two_ways_is_refused(port, why):
    assert answer_to(port, BAD[why]) == 400
    assert Node.asked == []


def test_what_is_too_long_is_refused_before_it_has_come(port):
    length = proxies.MOST_OF_BODY + 1
    assert answer_to(port, POST + b"Content-Length: %d\r\n\r\n" % length) == 413
    assert answer_to(port, POST + b"Transfer-Encoding: chunked\r\n\r\n%x\r\n" % length) == 413
    assert answer_to(port, GET + b"X: " + b"x" * proxies.MOST_OF_HEAD) == 431
    assert Node.asked == []


@pytest.mark.parametrize("size", [0, 10, 2 * proxies.IN_MEMORY])
@pytest.mark.parametrize("chunked", [False, True])
def test_a_body_arrives_as_it_was_sent(port, size, chunked):
    body = bytes(range(256)) * (size // 256) + b"x" * (size % 256)
    data = iter([body[:7], body[7:]]) if chunked and body else body
    answer = requests.post(f"http://{HOST}:{port}/", data=data, timeout=PATIENCE)
    assert answer.content == body
    (head,) = Node.asked
    assert head["content-length"] == str(size)
    assert "transfer-encoding" not in head
    assert head["connection"] == "close"


def test_what_a_browser_says_besides_arrives(port):
    said = {"cookie": "a=b", "accept-language": "zh", "x-forwarded-for": "10.0.0.1"}
    requests.get(f"http://{HOST}:{port}/", headers=said, timeout=PATIENCE)
    (head,) = Node.asked
    assert head.items() >= said.items()


def test_who_asks_before_sending_a_body_is_told_to_go_on(port):
    with socket.create_connection((HOST, port), timeout=PATIENCE) as line:
        line.sendall(POST + b"Content-Length: 1\r\nExpect: 100-continue\r\n\r\n")
        assert line.recv(65536) == b"HTTP/1.1 100 Continue\r\n\r\n"
        line.sendall(b"g")
        assert line.recv(65536).startswith(b"HTTP/1.0 200 ")
    (head,) = Node.asked
    assert "expect" not in head


def test_a_node_is_told_when_a_request_had_come_and_nobody_else_may_say_so(port):
    since = time.time()
    assert answer_to(port, GET + b"X-Request-Start: t=1000000000.000\r\n\r\n") == 200
    told = Node.asked[-1]["x-request-start"]
    assert since - 1 < float(told.removeprefix("t=")) < time.time() + 1
