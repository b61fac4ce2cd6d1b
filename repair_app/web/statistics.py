"""Figures on pages: tables with their pictures for each kind of reader; the periodic report."""

from io import BytesIO
from typing import Any

from flask import Blueprint, Response, abort, render_template, request, send_file
from flask_babel import gettext
from flask_login import current_user

from repair_app import charts
from repair_app.services.statistics import boards, for_public, periods, report
from repair_app.services.statistics.boards import OFFICIALS, Board
from repair_app.services.statistics.tables import Table
from repair_app.web.door import only, public
from repair_app.web.lagging import may_lag
from repair_app.web.view import asked_for, language

pages = Blueprint("statistics", __name__, url_prefix="/statistics")


@pages.get("")
@public
@may_lag
def index() -> str:
    """Show the figures of a period: to officials theirs, to everybody totals without names."""
    board = asked_board()
    return render_template(
        "statistics/index.html",
        board=board,
        asked=asked_again(board),
        recent=boards.periods_for(board.audience),
        audience_names=boards.AUDIENCE_NAMES,
        least=for_public.LEAST,
        reports=board.audience in {"all", "provider", "department", "institution"},
    )


@pages.get("/<name>.svg")
@public
@may_lag
def chart(name: str) -> Response:
    """Draw a table."""
    table = asked_board().find(name)
    if table is None or table.chart is None:
        abort(404)
    return Response(draw(table), mimetype="image/svg+xml")


@pages.get("/report.<any(pdf, xlsx):form>")
@only(*OFFICIALS)
def periodic(form: str) -> Any:
    """Hand out the report of a period as a printed page or a workbook."""
    board = asked_board()
    made = report.WRITERS[form](board, language())
    return send_file(
        BytesIO(made),
        mimetype=report.MEDIA_TYPES[form],
        download_name=report.name_file(board, form),
        as_attachment=form == "xlsx",
        max_age=0,
    )


def asked_board() -> Board:
    """Return the board that the address asks for, as far as the reader may see it."""
    user = current_user if current_user.is_authenticated else None
    period = periods.read_period(*map(asked_for, ("period", "from", "to")))
    return boards.build(user, asked_for("as"), period, asked_for("workflow"))


def asked_again(board: Board) -> dict[str, str]:
    """Return what an address says to mean this board: for pictures, files and reports."""
    named = request.args.get("period") or request.args.get("from")
    asked = dict(board.period.asked) if named else {}
    asked |= {"workflow": board.workflow} if board.workflow else {}
    return asked | ({"as": board.audience} if len(board.audiences) > 1 else {})


def draw(table: Table) -> bytes:
    """Return the picture of a table."""
    if table.chart is None:
        raise ValueError(f"{table.name} is not drawn")
    series = [(table.head[at], [row[at] for row in table.rows]) for at in table.chart.columns]
    names = [str(row[0]) for row in table.rows]
    numbers: Any = series
    return charts.draw(table.chart.kind, names, numbers, nothing=gettext("Nothing to draw"))
