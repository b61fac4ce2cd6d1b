"""Sending checkpoints to the witnesses of the settings, and keeping what they sign.

A witness that is away, or slow, keeps nobody waiting: only an alarm is raised after a minute. What
a witness signed cannot be taken back by whoever has database and key of the log (docs/adr/0024).
"""

from base64 import b64encode
from datetime import datetime, timedelta
from http import HTTPStatus
from typing import Final, NamedTuple

from flask import current_app
from sqlalchemy import func, select
from sqlalchemy.orm import Session

from repair_app import alarms, merkle, outgoing
from repair_app.db import at, db, now
from repair_app.models import TreeCheckpoint, TreeCosignature
from repair_app.notes import SIZE, WITNESS, Malformed, Untrusted, Verifier, open_note
from repair_app.services.transaction import transaction
from repair_app.services.tree import log

PATIENCE: Final = 5.0  # seconds for one answer
TRIES: Final = 2  # the second with the size that the witness named
HEADERS: Final = {"Content-Type": "text/plain; charset=utf-8"}


class Asked(NamedTuple):
    """A witness of the settings."""

    key: Verifier
    url: str


class Refused(Exception):
    """A witness has signed nothing; says why."""


def read_settings(text: str) -> list[Asked]:
    """Return the witnesses that a setting names. Raises Malformed."""
    found = []
    for one in text.split(","):
        vkey, _, url = one.strip().partition(" ")
        if not vkey:
            continue
        key = Verifier.read(vkey)
        if key.kind != WITNESS or not url.strip():
            raise Malformed(f"{key.name}: a public key of a witness, a blank and its address")
        found.append(Asked(key, url.strip().rstrip("/")))
    return found


def list_witnesses() -> list[Asked]:
    """Return the witnesses of the settings. Raises Malformed."""
    return read_settings(current_app.config["WITNESSES"])


def list_verifiers() -> list[Verifier]:
    """Return the public keys of the witnesses of the settings."""
    return [one.key for one in list_witnesses()]


def ask_witnesses(moment: datetime) -> int:
    """Have each witness sign the newest checkpoint; return of how many that did."""
    with at(moment):
        return sum(ask(one) for one in list_witnesses())


def ask(witness: Asked) -> bool:
    """Have a witness sign the newest checkpoint; say whether it did so now."""
    session = db.session()
    session.rollback()
    checkpoint = log.newest(session)
    known = signed_by(session, witness)
    if checkpoint is None or checkpoint.size <= known:
        session.rollback()
        return False
    tiles, size, note = log.Tiles(session), checkpoint.size, checkpoint.note
    problem = ""
    line = ""
    try:
        line = get_line(witness, note, size, known, tiles)
    except Refused as refused:
        problem = str(refused)
    session.rollback()
    about = ("history", "history", witness.key.name)
    with transaction() as writing:
        if line:
            writing.add(TreeCosignature(size=size, name=witness.key.name, line=line, at=now()))
            alarms.clear_alarm(writing, *about, at=now())
        elif is_late(writing, known):
            alarms.raise_alarm(writing, *about, problem, at=now())
    return bool(line)


def signed_by(session: Session, witness: Asked) -> int:
    """Return the size of the newest checkpoint that a witness has signed."""
    query = select(func.max(TreeCosignature.size)).where(TreeCosignature.name == witness.key.name)
    return session.scalar(query) or 0


def is_late(session: Session, known: int) -> bool:
    """Say whether a checkpoint beyond what a witness has signed is older than a minute."""
    since = session.scalar(select(func.min(TreeCheckpoint.at)).where(TreeCheckpoint.size > known))
    return since is not None and now() - since > timedelta(seconds=log.LATE)


def get_line(witness: Asked, note: str, size: int, known: int, tiles: log.Tiles) -> str:
    """Return the signature of a witness under a checkpoint. Raises Refused."""
    inside = outgoing.read_networks(current_app.config["WEBHOOK_INSIDE"])
    with outgoing.Line(inside, PATIENCE) as line:
        for _ in range(TRIES):
            proof = merkle.prove_consistency(known, size, tiles.hash_of) if known else []
            hashes = "".join(f"{b64encode(one).decode()}\n" for one in proof)
            body = f"old {known}\n{hashes}\n{note}".encode()
            try:
                reply = line.ask("POST", f"{witness.url}/add-checkpoint", HEADERS, body)
            except (outgoing.NotAllowed, outgoing.NotReached) as problem:
                raise Refused(str(problem)) from problem
            if reply.status != HTTPStatus.CONFLICT:
                return read_line(witness, note, reply)
            known = read_size(reply, size)
    raise Refused("it does not keep to the size that it named")


def read_line(witness: Asked, note: str, reply: outgoing.Reply) -> str:
    """Return the line of a witness, once it was found to fit. Raises Refused."""
    if reply.status != HTTPStatus.OK or reply.body is None:
        raise Refused(f"it answers {reply.status}")
    for line in reply.body.decode("utf-8", "replace").splitlines(keepends=True):
        try:
            open_note(note + line, [witness.key])
        except (Malformed, Untrusted):
            continue
        return line
    raise Refused("what it signed does not fit")


def read_size(reply: outgoing.Reply, size: int) -> int:
    """Return the size that a witness knows of us. Raises Refused for one that we have not."""
    text = (reply.body or b"").decode("ascii", "replace").strip()
    if not SIZE.fullmatch(text):
        raise Refused("it names no size")
    if int(text) > size:
        raise Refused(f"it has signed {text} events, and here are {size}: was a backup restored?")
    return int(text)
