"""A form that is right in all but its token changes nothing, on each page that looks itself.

The rest of what is sent is what the page asks for, so that nothing but the token is at fault.
"""

from collections.abc import Callable
from datetime import timedelta
from typing import Any

import pytest
from flask import Flask

from repair_app.db import today
from repair_app.models import User
from repair_app.web.door import csrf
from tests.client import Client
from tests.factories import World, make_case, make_record
from tests.journeys.test_complaints import CONTACT, PAPER, STATEMENT
from tests.journeys.test_loop import measure_id
from tests.web.test_forms import complain

Form = tuple[str, str, dict[str, Any]]  # whose, where, and what is filled in


def step(world: World) -> Form:
    """Accept an objection."""
    return "reviewer", f"/cases/{make_case(world, 'submitted').ref}/accept", {}


def case(world: World) -> Form:
    """Keep the draft of an objection."""
    record = make_record(world.firm, world.agency)
    filled = {"statement": "罚款金额登记有误。", "ground": "error", "evidence": PAPER}
    return "subject", f"/records/{record.ref}/objection", filled


def imposing(world: World) -> Form:
    """Impose a measure."""
    record = make_record(world.firm, world.agency)
    filled = {"measure_id": measure_id("A01"), "ends_on": in_time()}
    return "officer", f"/records/{record.ref}/sanction", filled


def initiating(world: World) -> Form:
    """Ask a department for a measure."""
    record = make_record(world.firm, world.agency)
    department = {"department_id": str(world.department.id)}
    filled = {"measure_id": measure_id("A01"), "ends_on": in_time()} | department
    return "provider", f"/records/{record.ref}/initiate", filled


def complaining(world: World) -> Form:
    """Report an error without an account."""
    record = make_record(world.firm, world.agency)
    filled = {"ground": "not_the_subject", "capacity": "employee", "statement": STATEMENT}
    return "", f"/records/{record.ref}/complaint", filled | {"contact": CONTACT, "evidence": PAPER}


def reading_a_contact(world: World) -> Form:
    """Have the contact of a complainant shown."""
    return "reviewer", f"/work/complaints/{complain(world).ref}/contact", {"reason": "请补充。"}


def taking_up(world: World) -> Form:
    """Take a complaint up."""
    filled = {"ground": "error", "statement": "请核实。"}
    return "reviewer", f"/work/complaints/{complain(world).ref}/take-up", filled


def in_time() -> str:
    """Return the last day of a measure."""
    return (today() + timedelta(days=90)).isoformat()


FORMS: dict[str, Callable[[World], Form]] = {
    "transitions.fire": step,
    "records.open_case": case,
    "records.impose": imposing,
    "enforcement.initiate": initiating,
    "complaints.complain": complaining,
    "complaints.read_contact": reading_a_contact,
    "complaints.take_up": taking_up,
}


def test_each_page_that_looks_at_the_token_itself_is_forged(app: Flask) -> None:
    views = app.view_functions
    exempt = {
        name
        for name, view in views.items()
        if f"{view.__module__}.{view.__name__}" in csrf._exempt_views
    }
    assert {one for one in exempt if not one.startswith("api_")} == FORMS.keys()


@pytest.mark.parametrize("page", FORMS)
def test_a_form_that_is_right_but_for_its_token_changes_nothing(
    page: str,
    world: World,
    as_: Callable[[User], Client],
    anybody: Client,
    digest: Callable[..., dict[str, str]],
) -> None:
    who, address, filled = FORMS[page](world)
    client = as_(getattr(world, who)) if who else anybody
    stolen = as_(world.stranger).token()
    before = digest()
    for token in ("", "forged", stolen):
        answer = client.fill(address, csrf_token=token, **filled)
        assert answer.status_code == 400, token
        assert digest() == before
    answer = client.fill(address, **filled)
    assert answer.status_code == (200 if page == "complaints.read_contact" else 302)
    assert digest() != before
