"""The work that waits for its time: a worker, the due work by hand, how it stands."""

import os
import select
import signal
import sys
from datetime import datetime
from functools import partial
from types import FrameType

import click
from flask import current_app
from flask.cli import AppGroup

from repair_app import jobs as engine
from repair_app import schema
from repair_app.calendar import SHANGHAI
from repair_app.db import db, now
from repair_app.services import exports, timers
from repair_app.services.imports import uploads

jobs = AppGroup("jobs", help="The work that waits for its time.")

MOMENTS = ["%Y-%m-%dT%H:%M:%S%z", "%Y-%m-%dT%H:%M:%S", "%Y-%m-%dT%H:%M", "%Y-%m-%d"]


@jobs.command("work")
@click.option("--parent", type=int, help="Stop when this is not the parent process any more.")
def work(parent: int | None) -> None:
    """Run the work that comes due until stopped; a second worker stands by for the first."""
    # A later release may have migrated already: it only adds, and both run until all are new.
    if (schema.read_revision() or "") < schema.last_revision():
        raise click.ClickException("the store is not up to date: run `flask prepare`")
    stop = StopSignal(parent)
    try:
        engine.work(
            db.engine,
            current_app.app_context,
            all_jobs(),
            [one.schedule for one in timers.TIMERS],
            stop=stop,
            tell=lambda line: click.echo(f"worker: {line}"),
        )
    except engine.LostLock as reason:
        click.echo(f"✗ worker: the database let go of the lock: {reason}", err=True)
        sys.exit(1)


def all_jobs() -> dict[str, engine.Job]:
    """Return what a worker does, by name."""
    return {
        exports.JOB: exports.write_export,
        uploads.JOB: uploads.read_upload,
        **{one.name: partial(run_timer, one) for one in timers.TIMERS},
    }


class StopSignal:
    """Set by Ctrl-C, by SIGTERM, and by the end of the parent process.

    By way of a pipe: a handler that sets a threading.Event can block the thread that waits for it.
    """

    def __init__(self, parent: int | None) -> None:
        self.parent = parent
        self.read, self.write = os.pipe()
        for one in (signal.SIGINT, signal.SIGTERM):
            signal.signal(one, self.receive)

    def receive(self, _number: int, _frame: FrameType | None) -> None:
        """Stop at the next look."""
        os.write(self.write, b".")

    def wait(self, timeout: float) -> bool:
        """Wait for the signal at most so many seconds; say whether it is time to stop."""
        ready, _, _ = select.select([self.read], [], [], timeout)
        return bool(ready) or self.parent not in {None, os.getppid()}


def run_timer(timer: timers.Timer) -> None:
    """Run one timer as of now."""
    timer.run(now())


@jobs.command("tick")
@click.option("--at", "moment", type=click.DateTime(MOMENTS), help="As if it were then.")
def tick(moment: datetime | None) -> None:
    """Run all work that is due, once, here and now, without a worker.

    MOMENT without a zone is meant in Asia/Shanghai. What is done bears that moment. Exit 1 when
    something could not be done; the rest then was.
    """
    if moment and moment.tzinfo is None:
        moment = moment.replace(tzinfo=SHANGHAI)
    failed = False
    for timer in timers.TIMERS:
        try:
            click.echo(f"{timer.name}: {timer.run(moment or now())}")
        except ExceptionGroup as failures:
            failed = True
            for one in failures.exceptions:
                click.echo(f"✗ {timer.name}: {type(one).__name__}: {one}", err=True)
    if failed:
        sys.exit(1)


@jobs.command("status")
def status() -> None:
    """Tell whether a worker is active, what waits, what failed, what comes round."""
    found = engine.read_status(db.engine)
    if found is None:
        raise click.ClickException("there are no tables for jobs yet: run `flask prepare`")
    click.echo(f"worker: {'active' if found.active else 'none'}")
    click.echo(f"waiting or at work: {found.waiting}")
    for name, cron, last in found.rounds:
        click.echo(f"{name} ({cron}): last due {last or '—'}")
    for line in found.failed:
        click.echo(f"✗ {line}")
