"""`python3 manage.py mirror`: serve a mirror; fed by signed messages, by pulling, or by a file."""

import argparse
import os
import sys
import threading
from pathlib import Path

from flask import Flask
from granian import Granian
from granian.constants import Interfaces

from repair_app.mirror.feed import Source, keep_pulling, take_file
from repair_app.mirror.shelf import BadChange, Shelf
from repair_app.mirror.site import make_mirror

DATA, SECRET, CLIENT = "REDRESS_MIRROR_DATA", "REDRESS_MIRROR_SECRET", "REDRESS_MIRROR_CLIENT"
FROM = "REDRESS_MIRROR_FROM"


def main() -> int:
    """Serve until stopped; with --file take the file and end."""
    parser = argparse.ArgumentParser(prog="manage.py mirror", description=__doc__)
    parser.add_argument("--data", type=Path, required=True, help="folder of the mirror's file")
    parser.add_argument("--host", default="127.0.0.1", help="address to listen on (%(default)s)")
    parser.add_argument("--port", type=int, default=8090, help="(%(default)s)")
    parser.add_argument(
        "--secret",
        type=Path,
        metavar="FILE",
        help=f"file with the signing secret (whsec_…), or {SECRET} in the environment",
    )
    parser.add_argument("--from", dest="source", metavar="URL", help="pull from this address")
    parser.add_argument(
        "--client",
        type=Path,
        metavar="FILE",
        help=f"file with identifier and secret of the client that pulls, a line each, or {CLIENT}",
    )
    parser.add_argument("--file", type=Path, help="take the changes of this file, and end")
    chosen = parser.parse_args()
    try:
        chosen.data.mkdir(parents=True, exist_ok=True, mode=0o700)
        if chosen.file:
            receipt = take_file(Shelf(chosen.data / "mirror.sqlite3"), chosen.file)
            say(f"receipt: {receipt}")
            return 0
        if chosen.secret:
            os.environ[SECRET] = chosen.secret.read_text().strip()
        if chosen.client:
            os.environ[CLIENT] = chosen.client.read_text().strip()
    except (OSError, BadChange) as problem:
        say(str(problem))
        return 1
    os.environ[DATA] = str(chosen.data.resolve())
    os.environ[FROM] = chosen.source or ""
    if chosen.source and len(os.environ.get(CLIENT, "").split()) != 2:  # noqa: PLR2004
        say("--from wants --client, a file of two lines")
        return 1
    say(f"http://{chosen.host}:{chosen.port}/  (messages go to /hook)")
    server = Granian(
        "repair_app.mirror.__main__:create",
        factory=True,
        address=chosen.host,
        port=chosen.port,
        interface=Interfaces.WSGI,
        workers=1,
        blocking_threads=1,
    )
    server.serve()
    return 0


def say(line: str) -> None:
    """Tell the person at the terminal."""
    sys.stderr.write(f"mirror: {line}\n")


def create() -> Flask:
    """Return the site as the server runs it: by the environment that `main` has set."""
    app = make_mirror(Path(os.environ[DATA]), os.environ.get(SECRET, ""))
    if os.environ.get(FROM):
        client_id, secret = os.environ[CLIENT].split()
        source = Source(os.environ[FROM], client_id, secret)
        asked = (source, app.extensions["shelf"], threading.Event())
        threading.Thread(target=keep_pulling, args=asked, daemon=True).start()
    return app


if __name__ == "__main__":
    sys.exit(main())
