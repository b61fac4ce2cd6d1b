"""Figures as files: the report of a month, quarter or year, for a schedule of the operator's."""

from pathlib import Path

import click
from flask.cli import AppGroup
from flask_babel import force_locale

from repair_app.services.statistics import boards, periods, report

statistics = AppGroup("statistics", help="Figures about matters, terms and measures.")
LOCALES = {"zh": "zh_Hans_CN", "en": "en"}


@statistics.command("report")
@click.option("--month", metavar="YYYY-MM", default="", help="Such as 2026-10.")
@click.option("--quarter", metavar="YYYY-Qn", default="", help="Such as 2026-Q3.")
@click.option("--year", metavar="YYYY", default="", help="Such as 2026.")
@click.option("--workflow", default="", help="One kind of matter, such as objection; else all.")
@click.option("--lang", type=click.Choice(list(LOCALES)), default="zh", help="(zh)")
@click.option(
    "--out",
    type=click.Path(dir_okay=False, path_type=Path),
    required=True,
    help="Ends in .pdf or .xlsx.",
)
def write_report(month: str, quarter: str, year: str, workflow: str, lang: str, out: Path) -> None:
    """Write the report of a month, quarter or year to FILE."""
    named = [one for one in (month, quarter, year) if one]
    if len(named) != 1:
        raise click.UsageError("one of --month, --quarter and --year says which time")
    form = out.suffix.lower().lstrip(".")
    if form not in report.WRITERS:
        raise click.UsageError("--out ends in .pdf or .xlsx")
    period = periods.read_period(named[0])
    if period.misread:
        raise click.UsageError(f"{named[0]!r} is no month, quarter or year")
    with force_locale(LOCALES[lang]):
        if workflow and workflow not in boards.list_kinds("all"):
            raise click.UsageError(f"{workflow!r} is no kind of matter")
        board = boards.build_whole(period, workflow)
        out.write_bytes(report.WRITERS[form](board, lang))
    click.echo(f"{out}: {period.first} to {period.last}")
