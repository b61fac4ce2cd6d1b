"""What a person is told where it counts: terms of what is owed, what a withdrawal does."""

import pytest

from tests.factories import make_case
from tests.journeys.steps import Cast, case_of, requirements_of, take


@pytest.fixture
def cast(world, as_):
    return Cast(world, as_)


def test_what_a_draft_still_needs_shows_its_own_term_wherever_it_is_worked_on(cast, world):
    """A commitment is to be signed earlier than the draft ends: both days are told."""
    ref = make_case(world, "draft", workflow="repair").ref
    need = requirements_of(ref)["commitment"].ref
    days = {one.entity_ref: one.due_on for one in case_of(ref).deadlines if one.is_running}
    assert days[need] != days[ref]
    for page in (f"/cases/{ref}", f"/requirements/{need}/sign", "/my"):
        assert f'datetime="{days[need]}"' in cast.subject.read(page).html, page


def test_no_page_asks_for_a_sealed_commitment_beside_the_signature(cast, world):
    ref = make_case(world, "draft", workflow="repair").ref
    need = requirements_of(ref)["commitment"].ref
    record = case_of(ref).record.ref
    for page in (f"/cases/{ref}", f"/requirements/{need}/sign", f"/my/records/{record}/what-if"):
        assert "无需加盖公章" in cast.subject.read(page).words, page


@pytest.mark.parametrize("workflow", ["objection", "repair"])
def test_who_withdraws_is_told_what_follows_and_where_to_file_again(cast, world, workflow):
    """Suspended measures run again: only an objection suspends any."""
    ref = make_case(world, "accepted", workflow=workflow).ref
    record = case_of(ref).record.ref
    asked = cast.subject.read(f"/cases/{ref}/withdraw").words
    assert ("恢复执行" in asked) == (workflow == "objection")
    assert "可以再次" in asked
    page = take(cast.subject, "withdraw", ref)
    assert page.links["查看该记录目前可以办理的事项"] == f"/records/{record}"
