"""What the policy documents ask and what does it, for everybody to read."""

from dataclasses import dataclass
from functools import cache

from flask import Blueprint, current_app, render_template

from repair_app.engine import coverage
from repair_app.engine.policy import Policy
from repair_app.labels import Label
from repair_app.services.policy import current_policy
from repair_app.web.door import public

pages = Blueprint("coverage", __name__)


@dataclass(frozen=True)
class Row:
    """One requirement with its clauses and the steps that do it, as people name them."""

    requirement: coverage.Requirement
    standing: Label
    clauses: tuple[Label, ...]
    steps: tuple[Label, ...]


@pages.get("/coverage")
@public
def index() -> str:
    """Show each requirement with what does it, and each clause on which nothing rests."""
    policy = current_policy()
    found = read_map(current_app.config["WORKFLOWS"] / coverage.FILE)
    rows = [tell(policy, one) for one in found.requirements]
    idle = [
        (policy.cite(f"{one.document} {one.number}"), one) for one in found.clauses if one.reason
    ]
    counts = {name: sum(one.requirement.standing == name for one in rows) for name in STANDINGS}
    return render_template("rules/coverage.html", rows=rows, idle=idle, counts=counts)


STANDINGS = coverage.STANDINGS
read_map = cache(coverage.load_map)


def tell(policy: Policy, one: coverage.Requirement) -> Row:
    """Return a requirement as people read it."""
    return Row(
        requirement=one,
        standing=STANDINGS[one.standing],
        clauses=tuple(policy.cite(" ".join(clause)) for clause in one.clauses),
        steps=tuple(name_step(policy, name) for name in one.steps),
    )


def name_step(policy: Policy, name: str) -> Label:
    """Return "<workflow>.<transition>" as people name it."""
    workflow, _, step = name.partition(".")
    found = policy.current[workflow]
    label = found.transitions[step].label
    return Label(f"{found.label.zh}：{label.zh}", f"{found.label.en}: {label.en}")
