"""The application as tests put it into a cluster: it kills its own node where they want it to.

Which point is the next to fail stands in a file that the environment names. The application
itself knows nothing of this: no setting and no request can bring it about.
"""

import os
import signal
from functools import partial, wraps
from pathlib import Path

from sqlalchemy import event

from repair_app import create_app as create
from repair_app.db import RoutedSession
from repair_app.engine import machine
from repair_app.services import cases

FILE = Path(os.environ.get("REDRESS_FAIL_FILE", "/nowhere"))
POINTS = ["locked", "evented", "fired", "remembered", "before_commit", "after_commit"]


def wanted(what):
    """Say whether this is asked for; it is asked for once."""
    try:
        said = FILE.read_text()
        if said == what:
            FILE.unlink()
    except FileNotFoundError:
        return False
    return said == what


def pass_by(point):
    """End this node as a loss of power would, if this is where: the server, then its parent."""
    if wanted(point):
        os.kill(os.getppid(), signal.SIGKILL)
        os.kill(os.getpid(), signal.SIGKILL)


def fail_after(module, name, point):
    function = getattr(module, name)

    @wraps(function)
    def and_then(*given, **more):
        result = function(*given, **more)
        pass_by(point)
        return result

    setattr(module, name, and_then)


def pass_commit(point, session):
    """Pass by the commit of a step; a request may have others before."""
    if session.info.get("step"):
        pass_by(point)


def note_step():
    remember = cases.remember

    def note(session, *given):
        session.info["step"] = True
        return remember(session, *given)

    cases.remember = note


def forget_for_once():
    """Let the application, when asked to, not know what was sent before: the negative control."""
    find_earlier = cases.find_earlier

    def find(*given):
        return None if wanted("careless") else find_earlier(*given)

    cases.find_earlier = find


def create_app():
    note_step()
    fail_after(cases, "lock", "locked")
    fail_after(machine, "append_event", "evented")
    fail_after(machine, "fire", "fired")
    fail_after(cases, "remember", "remembered")
    forget_for_once()
    for point in ("before_commit", "after_commit"):
        event.listen(RoutedSession, point, partial(pass_commit, point))
    return create()
