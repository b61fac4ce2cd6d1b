"""Which unit stands above which: set by command, in the ledger, never in a circle."""

import json

import pytest
from sqlalchemy import select

from repair_app.db import db
from repair_app.models import Event
from repair_app.models.parties import OrganisationKind
from tests.factories import make_organisation


@pytest.fixture
def centres(world):
    """Give three credit centres that stand nowhere yet."""
    return [make_organisation(OrganisationKind.CREDIT_CENTRE) for _ in range(3)]


def place(run, lower, *words):
    return run("organisations", "superior", "--uscc", lower.uscc, *words)


def test_a_unit_is_put_under_another_and_the_ledger_says_by_whom(run, world, as_, centres):
    lower, upper, _ = centres
    result = place(run, lower, "--superior", upper.uscc, "--by", world.administrator.email)
    assert result.exit_code == 0, result.output
    assert result.output == f"{lower.name} stands under {upper.name}\n"
    db.session.rollback()
    assert lower.superior_id == upper.id
    (event,) = db.session.scalars(select(Event).where(Event.stream == "organisations"))
    content = json.loads(event.payload)
    assert (content["entity"], content["from"], content["to"]) == (lower.uscc, "", upper.uscc)
    assert content["actor"]["account"] == world.administrator.id
    assert "设定上级单位" in as_(world.auditor).read("/audit").words
    assert run("verify", "--all").exit_code == 0


def test_a_unit_is_put_under_nobody_again(run, centres):
    lower, upper, _ = centres
    place(run, lower, "--superior", upper.uscc)
    result = place(run, lower, "--none")
    assert result.exit_code == 0, result.output
    db.session.rollback()
    assert lower.superior_id is None
    events = db.session.scalars(
        select(Event).where(Event.stream == "organisations").order_by(Event.seq)
    )
    assert [json.loads(one.payload)["to"] for one in events] == [upper.uscc, ""]


def test_no_unit_stands_above_itself_however_far_up(run, centres, digest):
    lowest, middle, highest = centres
    place(run, lowest, "--superior", middle.uscc)
    place(run, middle, "--superior", highest.uscc)
    before = digest()
    for lower, upper in ((highest, highest), (highest, middle), (highest, lowest)):
        result = place(run, lower, "--superior", upper.uscc)
        assert result.exit_code == 1
        assert "or stands below it" in result.output
    assert digest() == before


def test_what_cannot_be_placed_changes_nothing(run, world, centres, digest):
    """A firm, a body of another kind, one that is not on file; what is so already; no answer."""
    lower, upper, _ = centres
    place(run, lower, "--superior", upper.uscc)
    before = digest()
    for one, words, code in (
        (world.firm, ("--superior", upper.uscc), 1),
        (lower, ("--superior", world.agency.uscc), 1),
        (lower, ("--superior", "91370112MA9999999X"), 1),
        (lower, ("--superior", upper.uscc), 1),
        (lower, (), 2),
        (lower, ("--none", "--superior", upper.uscc), 2),
        (lower, ("--none", "--by", world.reviewer.email), 2),
    ):
        assert place(run, one, *words).exit_code == code, words
    assert digest() == before
