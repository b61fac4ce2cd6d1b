"""Looking at ourselves: the scan of what is on file, its findings, the inspection list."""

from datetime import datetime

import click
from flask.cli import AppGroup

from repair_app.calendar import SHANGHAI
from repair_app.db import at, now
from repair_app.services import inspections
from repair_app.services import scans as services

scans = AppGroup("scans", help="Look for what is wrong with the records on file.")

MOMENTS = ["%Y-%m-%dT%H:%M:%S%z", "%Y-%m-%dT%H:%M:%S", "%Y-%m-%dT%H:%M", "%Y-%m-%d"]


@scans.command("run")
@click.option("--at", "moment", type=click.DateTime(MOMENTS), help="As if it were then.")
def run(moment: datetime | None) -> None:
    """Look at every record on file, and open a self-correction for what is found.

    MOMENT without a zone is meant in Asia/Shanghai.
    """
    if moment and moment.tzinfo is None:
        moment = moment.replace(tzinfo=SHANGHAI)
    with at(moment or now()):
        found = services.run_scan()
    click.echo(f"{found.records} records: {found.found} new findings, {found.cleared} cleared")


@scans.command("list")
def list_findings() -> None:
    """Tell the findings that stand."""
    for one in services.list_findings():
        case = f"{one.case.ref} {one.case.state}" if one.case else "noted"
        click.echo(f"{one.record.ref}  {one.kind}  {case}")


@scans.command("draw")
def draw() -> None:
    """Draw the inspection list of this week, and tell it; drawn again it is the same."""
    inspections.draw_list()
    for one in inspections.list_items():
        click.echo(f"{one.entity_ref}  {one.result or 'to be looked at'}")
