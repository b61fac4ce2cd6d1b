"""The signed history in public: the newest checkpoint, and the tiles that proofs are made of.

As c2sp.org/tlog-tiles has it, so that others can follow the log; events are there by hash only.
For who has but a paper or a file of then: a proof that what was signed then was only added to.
"""

import re
from http import HTTPStatus
from typing import Any, Final

from flask import Blueprint, Response, abort, jsonify, render_template, send_file
from flask_babel import gettext

from repair_app.services.tree import log, published
from repair_app.services.tree.bundle import FILES
from repair_app.services.tree.published import Lack
from repair_app.web.door import public
from repair_app.web.view import asked_for

pages = Blueprint("history", __name__)
NUMBER: Final = re.compile(r"((?:x[0-9]{3}/){0,2}[0-9]{3})(?:\.p/([1-9][0-9]{0,2}))?")
HIGHEST: Final = 7  # level of tiles: more than any store holds
LONG: Final = "public, max-age=31536000, immutable"
SHORT: Final = "public, max-age=5"
PROGRAM: Final = FILES / "consistent.py"


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


@pages.get("/history")
@public
def index() -> Any:
    """Show how far the history is signed; prove that an earlier one is its beginning."""
    first, second = asked_for("first"), asked_for("second")
    proof, problem = None, ""
    if first or second:
        try:
            proof = published.prove(first, second)
        except published.NoProof as lack:
            problem = say_why(lack)
    page = render_template(
        "history/index.html",
        standing=published.find_standing(),
        keys=published.list_keys(),
        first=first,
        second=second,
        proof=proof,
        problem=problem,
    )
    return page, HTTPStatus.BAD_REQUEST if problem else HTTPStatus.OK


@pages.get("/history/consistency")
@public
def consistency() -> Any:
    """Prove for a program that the tree of `first` events is the beginning of that of `second`."""
    try:
        proof = published.prove(asked_for("first"), asked_for("second"))
    except published.NoProof as lack:
        return jsonify(error=say_why(lack), signed=lack.signed), HTTPStatus.BAD_REQUEST
    answer = jsonify(proof.words)
    answer.headers["Cache-Control"] = SHORT
    return answer


def say_why(problem: published.NoProof) -> str:
    """Say why there is no proof, and what to do."""
    told = {
        Lack.NUMBER: gettext("Give the number of events as a whole number from 1, in digits only."),
        Lack.ORDER: gettext("The earlier history cannot have more events than the later one."),
        Lack.BEYOND: gettext(
            "Events signed so far: %(count)s. Give a number up to that.", count=problem.signed
        ),
        Lack.NOTHING: gettext("No event is signed yet. Try again in a minute."),
    }
    return str(told[problem.lack])


@pages.get("/history/keys")
@public
def keys() -> Response:
    """Show the public keys of log and witnesses, a line each (c2sp.org/signed-note)."""
    lines = "".join(f"{one}\n" for one in published.list_keys())
    answer = Response(lines, mimetype="text/plain")
    answer.headers["Cache-Control"] = SHORT
    return answer


@pages.get("/history/consistent.py")
@public
def program() -> Response:
    """Hand out the program that checks such a proof without us."""
    answer = send_file(PROGRAM, mimetype="text/x-python", as_attachment=True)
    answer.headers["Cache-Control"] = SHORT
    return answer
