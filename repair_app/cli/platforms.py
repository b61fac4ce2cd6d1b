"""The platforms that show our records: kept, sent to, compared, handed files."""

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import click
from flask.cli import AppGroup

from repair_app.cli import accounts
from repair_app.models import Delivery, PlatformKind
from repair_app.services import platforms as office
from repair_app.services.cases import NotVisible
from repair_app.services.sync import changes, drift, files, pull
from repair_app.services.sync.delivery import deliver_due

platforms = AppGroup("platforms", help="Platforms that show our records.")

FOLDER = click.Path(file_okay=False, path_type=Path)
FILE = click.Path(exists=True, dir_okay=False, path_type=Path)


@contextmanager
def refusing() -> Iterator[None]:
    """End the command with one line where something is not possible, or there is no platform."""
    try:
        with accounts.refusing():
            yield
    except NotVisible as reason:
        raise click.ClickException(f"there is no platform {reason}") from reason


@platforms.command("add")
@click.argument("code")
@click.option("--name", "name_zh", required=True, help="Its name in Chinese.")
@click.option("--name-en", required=True, help="Its name in English.")
@click.option("--kind", type=click.Choice([one.value for one in PlatformKind]), required=True)
@click.option("--delivery", type=click.Choice([one.value for one in Delivery]), required=True)
@click.option("--owner", "owner_email", required=True, help="E-mail of who looks after it.")
@click.option("--url", help="Where messages go; for webhook only.")
@click.option("--days", "term_days", default=office.TERM_DAYS, show_default=True)
@click.option(
    "--organisation", metavar="USCC", help="Unified code, or id: of who pulls, or provides."
)
def add(code: str, kind: str, delivery: str, organisation: str | None, **agreed: Any) -> None:
    """Connect a platform; it is owed all that is published."""
    with refusing():
        agreed["organisation_id"] = accounts.id_of(organisation) if organisation else None
        terms = office.Terms(kind=PlatformKind(kind), delivery=Delivery(delivery), **agreed)
        office.add(None, code, terms)
    click.echo(f"{code} is connected")


@platforms.command("list")
def list_all() -> None:
    """List the platforms, and how much each is owed."""
    for one in office.list_all():
        platform = one.platform
        said = [platform.code, platform.delivery, platform.standing, platform.problem or "—"]
        counted = f"shown {one.acknowledged}, waiting {one.waiting}, given up {one.failed}"
        asked = "" if office.is_asked(platform) else ", not compared"
        click.echo("\t".join([*said, f"{counted}, late {one.late}{asked}"]))


@platforms.command("secret")
@click.argument("code")
@click.option("--new", is_flag=True, help="Make a new one first; the former signs for a week too.")
def secret(code: str, new: bool) -> None:
    """Print the secret by which messages to a platform are signed: for its owner only."""
    with refusing():
        if new:
            office.rotate(None, code)
        click.echo(office.show_secret(None, code))


@platforms.command("park")
@click.argument("code")
def park(code: str) -> None:
    """Send a platform nothing until it is resumed."""
    with refusing():
        office.park(None, code)
    click.echo(f"{code} is parked")


@platforms.command("resume")
@click.argument("code")
def resume(code: str) -> None:
    """Send a platform what it is owed, at once."""
    with refusing():
        office.resume(None, code)
    click.echo(f"{code} is resumed")


@platforms.command("disable")
@click.argument("code")
def disable(code: str) -> None:
    """Send a platform nothing any more, and owe it nothing."""
    with refusing():
        office.disable(None, code)
    click.echo(f"{code} is disabled")


@platforms.command("replay")
@click.argument("code")
@click.option("--from", "first", type=int, default=1, show_default=True)
@click.option("--to", "last", type=int, required=True)
def replay(code: str, first: int, last: int) -> None:
    """Send the changes of a range of positions again, both ends in."""
    with refusing():
        count = office.replay(None, code, first, last)
    click.echo(f"{count} to be sent again")


@platforms.command("deliver")
def deliver() -> None:
    """Send what is due, once, here and now, without a worker."""
    click.echo(f"{deliver_due()} acknowledged")


@platforms.command("begin-anew")
def begin_anew() -> None:
    """After the store was put back by other means than `restore`: have everything owed anew.

    Platforms have read positions that a backup does not know; new ones go on far behind them.
    """
    click.echo(f"{changes.begin_anew()} changes get new positions")


@platforms.command("check")
@click.argument("code")
def check(code: str) -> None:
    """Compare what a platform shows with what it should; what differs is sent again.

    Exit 1 when the platform does not say what it shows, or cannot be asked: it pulls, or is handed
    files.
    """
    with refusing():
        platform = office.read(code)
    if not office.is_asked(platform):
        last = office.last_acknowledged(platform)
        known = (
            f"what it acknowledged itself, last {last:%Y-%m-%d %H:%M} UTC" if last else "nothing"
        )
        raise click.ClickException(
            f"{code} is not compared since it was connected ({platform.created_at:%Y-%m-%d}):"
            f" by {platform.delivery} there is no address to ask; known is {known}"
        )
    try:
        different = drift.check(code)
    except drift.NoState as reason:
        raise click.ClickException(f"{code} does not say what it shows: {reason}") from reason
    for one in different:
        click.echo(one)
    click.echo(f"{len(different)} different, to be sent again")


@platforms.command("write-file")
@click.argument("code")
@click.option("--folder", type=FOLDER, required=True, help="Where the file is put.")
def write_file(code: str, folder: Path) -> None:
    """Write what a platform is owed into a dated file in the national format."""
    with refusing():
        written = files.write_file(office.read(code), folder)
    click.echo(f"{written[0]}: {written[1]} changes" if written else "nothing is owed")


@platforms.command("acknowledge")
@click.argument("code")
@click.argument("receipt", type=FILE)
def acknowledge(code: str, receipt: Path) -> None:
    """Read a platform's receipt of a file: REDRESS_POSITION and REDRESS_HASH of what it shows."""
    with refusing(), receipt.open(encoding="utf-8-sig", newline="") as lines:
        taken = pull.acknowledge(office.read(code).id, files.read_receipt(lines))
    click.echo(f"{len(taken.acknowledged)} acknowledged, {len(taken.refused)} with another hash")
