"""The application as tests put it into a cluster: it kills its own node where they want it to.

Which point is the next to fail stands in a file that the environment names. The application
itself knows nothing of this: no setting and no request can bring it about.
"""

import os
import signal
from collections import Counter
from functools import wraps
from pathlib import Path

from sqlalchemy import event

from repair_app import create_app as create
from repair_app.db import RoutedSession
from repair_app.engine import bulk, machine
from repair_app.services import cases
from repair_app.services.imports import files, uploads
from repair_app.services.sync import delivery

FILE = Path(os.environ.get("REDRESS_FAIL_FILE", "/nowhere"))
POINTS = ["locked", "evented", "fired", "remembered", "before_commit", "after_commit"]
ROWS_AT_ONCE = 20  # of a file, in the workers of tests: so that a small file has chunks
passed = Counter()  # how often this process came by a point since the file names it


def wanted(what):
    """Say whether this is asked for, and it is its turn; it is asked for once."""
    try:
        said = FILE.read_text()
        point, turn = said.split()
        if point != what:
            return False
        passed[said] += 1
        if passed[said] < int(turn):
            return False
        FILE.unlink()
    except FileNotFoundError:
        return False
    passed.clear()
    return True


def end_node():
    """End this web node as a loss of power would: the server, then its parent."""
    os.kill(os.getppid(), signal.SIGKILL)
    os.kill(os.getpid(), signal.SIGKILL)


def end_worker():
    """End this worker as a loss of power would."""
    os.kill(os.getpid(), signal.SIGKILL)


def pass_by(point, end=end_node):
    """End here, if this is where."""
    if wanted(point):
        end()


def fail_after(module, name, point, end=end_node):
    function = getattr(module, name)

    @wraps(function)
    def and_then(*given, **more):
        result = function(*given, **more)
        pass_by(point, end)
        return result

    setattr(module, name, and_then)


def mark(module, name, what):
    """Have a function note in its session what the transaction at hand is."""
    function = getattr(module, name)

    @wraps(function)
    def and_mark(session, *given):
        session.info["step of the test"] = what
        return function(session, *given)

    setattr(module, name, and_mark)


def fail_at_commits(what, before, after, end=end_node):
    """Fail around the commits of marked transactions; there may be others before and after."""

    def pass_before(session):
        if session.info.get("step of the test") == what:
            pass_by(before, end)

    def pass_after(session):
        if session.info.get("step of the test") == what:
            del session.info["step of the test"]
            pass_by(after, end)

    event.listen(RoutedSession, "before_commit", pass_before)
    event.listen(RoutedSession, "after_commit", pass_after)


def forget_for_once():
    """Let the application, when asked to, not know what was sent before: the negative control."""
    find_earlier = cases.find_earlier

    def find(*given):
        return None if wanted("careless") else find_earlier(*given)

    cases.find_earlier = find


def acknowledge_too_early():
    """Let a worker, when asked to, note a message as shown and die before it is sent: a control."""
    send = delivery.send

    def send_or_not(line, url, headers, sent):
        if wanted("too_early"):
            done = delivery.Result(delivery.Outcome.ACKNOWLEDGED, digest=sent.digest)
            delivery.note(sent, done)
            end_worker()
        return send(line, url, headers, sent)

    delivery.send = send_or_not


def tear_a_chunk():
    """Let a worker, when asked to, commit records without their verdicts, and die: a control."""
    bring_in = bulk.bring_in

    def bring_in_and_tear(session, *given, **more):
        result = bring_in(session, *given, **more)
        if wanted("torn"):
            session.commit()
            end_worker()
        return result

    bulk.bring_in = bring_in_and_tear


def create_app():
    """Return the application of a web node."""
    mark(cases, "remember", "step")
    fail_after(cases, "lock", "locked")
    fail_after(machine, "append_event", "evented")
    fail_after(machine, "fire", "fired")
    fail_after(cases, "remember", "remembered")
    forget_for_once()
    fail_at_commits("step", "before_commit", "after_commit")
    return create()


def create_worker():
    """Return the application of a worker."""
    acknowledge_too_early()
    fail_after(delivery, "send", "answered", end_worker)
    fail_after(delivery, "note_acknowledged", "noting", end_worker)
    delivery.NOTES[delivery.Outcome.ACKNOWLEDGED] = delivery.note_acknowledged
    fail_after(delivery, "note", "noted", end_worker)

    files.CHUNK = ROWS_AT_ONCE
    fail_after(bulk, "bring_in", "in_chunk", end_worker)
    tear_a_chunk()
    mark(files, "add_to_tally", "chunk")
    fail_at_commits("chunk", "end_of_chunk", "between_chunks", end_worker)
    fail_after(uploads, "end", "ended", end_worker)
    return create()
