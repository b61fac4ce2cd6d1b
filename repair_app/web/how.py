"""How it works: every workflow as a picture and as a table, with what each step rests on."""

from http import HTTPStatus

from flask import Blueprint, Response, abort, render_template

from repair_app.services import how, pictures
from repair_app.services.policy import current_policy
from repair_app.web.door import public

pages = Blueprint("how", __name__, url_prefix="/how")


@pages.get("")
@public
def index() -> str:
    """Say in a few sentences how it works, and list the workflows."""
    return render_template("how/index.html", workflows=how.list_workflows())


@pages.get("/<name>")
@public
def show(name: str) -> str:
    """Show a workflow: drawn, and step by step."""
    explained = how.explain(name)
    if explained is None:
        abort(HTTPStatus.NOT_FOUND)
    return render_template("how/show.html", explained=explained)


@pages.get("/<name>.<any(zh, en):lang>.svg")
@public
def picture(name: str, lang: str) -> Response:
    """Draw a workflow."""
    workflow = current_policy().current.get(name)
    if workflow is None:
        abort(HTTPStatus.NOT_FOUND)
    return Response(pictures.draw_workflow(workflow, lang), mimetype="image/svg+xml")
