"""The signed history in public: the newest checkpoint, and the tiles that proofs are made of.

As c2sp.org/tlog-tiles has it, so that others can follow the log; events are there by hash only.
"""

import re
from typing import Final

from flask import Blueprint, Response, abort

from repair_app.services.tree import log
from repair_app.web.door import public

pages = Blueprint("history", __name__)
NUMBER: Final = re.compile(r"((?:x[0-9]{3}/){0,2}[0-9]{3})(?:\.p/([1-9][0-9]{0,2}))?")
HIGHEST: Final = 7  # level of tiles: more than any store holds
LONG: Final = "public, max-age=31536000, immutable"
SHORT: Final = "public, max-age=5"


@pages.get("/history/checkpoint")
@public
def checkpoint() -> Response:
    """Show the newest checkpoint with its signatures."""
    note = log.read_note() or abort(404)
    answer = Response(note, mimetype="text/plain")
    answer.headers["Cache-Control"] = SHORT
    return answer


@pages.get("/history/tile/<level>/<path:number>")
@public
def tile(level: str, number: str) -> Response:
    """Hand out a tile, or the part of it that a checkpoint covers."""
    found = NUMBER.fullmatch(number)
    if found is None or not re.fullmatch(f"[0-{HIGHEST}]", level):
        abort(404)
    index = int(found[1].replace("x", "").replace("/", ""))
    width = int(found[2] or log.WIDTH)
    hashes = log.read_tile(int(level), index, width) or abort(404)
    answer = Response(hashes, mimetype="application/octet-stream")
    answer.headers["Cache-Control"] = LONG
    return answer
