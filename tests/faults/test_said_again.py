"""F1: who sends a form again, because the answer was lost, is led to what it led to at first."""

import pytest

from repair_app.db import db
from repair_app.models import Role
from repair_app.services import cases
from tests.factories import act, get_case, make_account, make_case, make_record, requirement_of
from tests.journeys.steps import PAPER, ref_in


@pytest.fixture
def asked(world):
    """Give the training of a repair that an institution is to confirm."""
    record = make_record(world.firm, world.agency, severity="serious", decided_days_ago=300)
    case = make_case(world, "draft", workflow="repair", record=record)
    institution = world.training_house.id
    act(world.subject, "enrol", requirement_of(case, "training"), institution_id=institution)
    return requirement_of(get_case(case.ref), "training").ref


def test_a_step_that_takes_a_matter_out_of_sight_can_be_sent_again(asked, world, as_, digest):
    client, page = as_(world.institution), f"/requirements/{asked}/decline"
    form = client.get(page)
    sent = {"reason": "未参加考试。"}
    assert client.send(form, page, **sent).status_code == 302
    before = digest()
    again = client.send(form, page, **sent)
    assert again.status_code == 302
    assert digest() == before
    # Nobody else is told that there is something, and no other form.
    colleague = as_(make_account(world.training_house, Role.INSTITUTION))
    fields = {**form.fields.to_dict(), **sent, "csrf_token": colleague.token()}
    assert colleague.post(page, data=fields).status_code == 404
    fields = {**form.fields.to_dict(), **sent, "csrf_token": client.token(), "form_token": "x" * 32}
    assert client.post(page, data=fields).status_code == 404


def test_what_was_killed_between_drafting_and_filing_is_filed_by_the_same_form(
    world, as_, monkeypatch
):
    client = as_(world.subject)
    page = f"/records/{make_record(world.firm, world.agency).ref}/objection"
    form = client.get(page)
    sent = {"ground": "error", "statement": "金额有误。", "value_fine_10k": "1", "evidence": PAPER}

    def killed(*_):
        raise KeyboardInterrupt

    with monkeypatch.context() as patch:
        patch.setattr(cases, "perform", killed)
        with pytest.raises(KeyboardInterrupt):
            client.send(form, page, button="submit_now", **sent)
    db.session.rollback()
    ref = ref_in(client.send(form, page, button="submit_now", **sent))
    assert get_case(ref).state == "submitted"
    again = client.send(form, page, button="submit_now", **sent)
    assert ref_in(again) == ref
    assert get_case(ref).version == 2
