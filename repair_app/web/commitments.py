"""A published commitment by itself: its text, and how it was kept."""

from flask import Blueprint, render_template

from repair_app.engine.commitment_texts import PUBLICITY
from repair_app.services import commitments
from repair_app.web.door import public
from repair_app.web.lagging import may_lag

pages = Blueprint("commitments", __name__)


@pages.get("/commitments/<ref:ref>")
@public
@may_lag
def show(ref: str) -> str:
    """Show a published commitment with every field of the data standard."""
    found = commitments.get_published(ref)
    blanks = {"decision_no": found.requirement.case.record.decision_no}
    return render_template(
        "commitments/show.html",
        one=found,
        matter=found.kind.matter.format(**blanks),
        publicity=PUBLICITY[found.kind.publicity],
    )
