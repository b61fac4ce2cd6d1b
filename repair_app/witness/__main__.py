"""`python3 manage.py witness`: cosign the checkpoints of a log for as long as it only grows."""

import argparse
import sys
from http import HTTPStatus
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Final, cast

from repair_app.notes import LOG, Malformed, Verifier
from repair_app.witness.office import Answer, Witness, find_key, refuse

LARGEST: Final = 64 * 1024  # bytes of a request


class Server(ThreadingHTTPServer):
    """Serves one witness."""

    daemon_threads = True

    def __init__(self, address: tuple[str, int], witness: Witness) -> None:
        super().__init__(address, Desk)
        self.witness = witness


class Desk(BaseHTTPRequestHandler):
    """One connection."""

    protocol_version = "HTTP/1.1"
    server_version = "witness"
    sys_version = ""
    timeout = 10  # seconds for the next request, and for each of its parts

    def do_POST(self) -> None:
        """Take a checkpoint."""
        length = self.headers.get("Content-Length", "")
        if not (length.isascii() and length.isdigit()) or int(length) > LARGEST:
            self.close_connection = True
            self.answer(refuse(HTTPStatus.REQUEST_ENTITY_TOO_LARGE))
            return
        body = self.rfile.read(int(length))
        found = self.path == "/add-checkpoint"
        self.answer(self.witness.add_checkpoint(body) if found else refuse(HTTPStatus.NOT_FOUND))

    def do_GET(self) -> None:
        """Show the newest checkpoint of a log."""
        name, _, rest = self.path.removeprefix("/").partition("/")
        found = rest == "checkpoint"
        self.answer(self.witness.read_note(name) if found else refuse(HTTPStatus.NOT_FOUND))

    @property
    def witness(self) -> Witness:
        """Return who answers."""
        return cast(Server, self.server).witness

    def answer(self, answer: Answer) -> None:
        """Send an answer."""
        content = answer.text.encode()
        self.send_response(answer.status)
        self.send_header("Content-Type", answer.kind)
        self.send_header("Content-Length", str(len(content)))
        self.end_headers()
        self.wfile.write(content)

    def log_message(self, format: str, *values: object) -> None:  # noqa: A002  # the library's name
        """Write no line for each request: what was signed stands in the folder."""


def main() -> int:
    """Serve until stopped."""
    parser = argparse.ArgumentParser(prog="manage.py witness", description=__doc__)
    parser.add_argument("--data", type=Path, required=True, help="folder of key and checkpoints")
    parser.add_argument("--log-vkey", action="append", required=True, help="public key of a log")
    parser.add_argument("--name", required=True, help="of this witness, such as second.example/w1")
    parser.add_argument("--host", default="127.0.0.1", help="address to listen on (%(default)s)")
    parser.add_argument("--port", type=int, default=8091, help="(%(default)s)")
    chosen = parser.parse_args()
    try:
        logs = [Verifier.read(one) for one in chosen.log_vkey]
        if any(one.kind != LOG for one in logs):
            raise Malformed("--log-vkey is the key of a log")
        chosen.data.mkdir(parents=True, exist_ok=True, mode=0o700)
        witness = Witness(chosen.data, find_key(chosen.data, chosen.name), logs)
        server = Server((chosen.host, chosen.port), witness)
    except (OSError, Malformed) as problem:
        say(str(problem))
        return 1
    host, port = server.server_address[:2]
    say(f"{witness.signer.verifier} http://{host!s}:{port}")
    try:
        server.serve_forever()
    except KeyboardInterrupt:
        pass
    finally:
        server.server_close()
    return 0


def say(line: str) -> None:
    """Tell the person at the terminal."""
    sys.stderr.write(f"witness: {line}\n")
    sys.stderr.flush()


if __name__ == "__main__":
    sys.exit(main())
